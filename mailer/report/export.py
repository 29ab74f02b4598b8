"""Rows of the send log as a workbook, as CSV and as JSON Lines.

Each goes into its file as it comes, so that a file of a million rows needs no more memory than one
of ten. A cell of a sheet may come from a server or from somebody's sheet: nothing that looks like a
formula or a link is one.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import IO

from mailer.base.errors import printable
from mailer.base.states import WORDS, State
from mailer.inbox.kinds import WORDS as CAME_BACK
from mailer.inbox.kinds import InboxKind
from mailer.ledger.reading.deliveries import Delivery
from mailer.ledger.reading.scope import Reported
from mailer.report import totals

Cell = str | int | datetime | None
NameOf = Callable[[str], str]
"""Names a delegation by its code."""
CellOf = Callable[[Delivery, NameOf], Cell]
COLUMNS: dict[str, tuple[int, CellOf]] = {
    "Delivery": (13, lambda one, _: one.shown),
    "Name": (28, lambda one, _: one.name),
    "Address": (40, lambda one, _: one.address),
    "Delegation": (10, lambda one, _: one.delegation),
    "Country": (22, lambda one, name: name(one.delegation) if one.delegation else ""),
    "Role": (16, lambda one, _: one.role),
    "Group": (12, lambda one, _: one.political_group),
    "Letter in": (8, lambda one, _: one.language if one.digest else ""),
    "Outcome": (20, lambda one, _: WORDS[one.state]),
    "Reason": (30, lambda one, _: totals.in_words(one.reason) if one.reason else ""),
    "Came back": (
        30,
        lambda one, _: "; ".join(CAME_BACK[kind] for kind in InboxKind if kind in one.came_back),
    ),
    "Detail": (30, lambda one, _: one.detail),
    "Code": (6, lambda one, _: one.code),
    "Enhanced": (9, lambda one, _: one.enhanced),
    "Server's words": (40, lambda one, _: one.text),
    "Tries": (6, lambda one, _: one.attempts),
    "Since (UTC)": (
        19,
        lambda one, _: one.changed_at.astimezone(UTC).replace(tzinfo=None, microsecond=0),
    ),
    "Place in the sheet": (40, lambda one, _: one.place),
    "Message-ID": (40, lambda one, _: one.message_id),
}
"""Heading → width in the workbook, and the cell."""


IN_WORDS = ("Role", "Outcome", "Reason", "Came back", "Position")
"""Columns whose cells are words of ours."""

Say = Callable[[str], str]
"""What puts words of ours into another language."""


def _in_english(text: str) -> str:
    return text


Beside = Mapping[str, Callable[[Delivery], str]]
"""More columns: heading → what stands there of somebody; nothing, where nothing is known."""
NOTHING: Beside = {}


def _columns(beside: Beside) -> dict[str, tuple[int, CellOf]]:
    def cell(of: Callable[[Delivery], str]) -> CellOf:
        return lambda one, _: of(one)

    return COLUMNS | {heading: (24, cell(of)) for heading, of in beside.items()}


def workbook(
    out: IO[bytes],
    mail_out: Reported,
    people: Iterable[Delivery],
    name: NameOf,
    beside: Beside = NOTHING,
    say: Say = _in_english,
) -> int:
    """Write an XLSX file: totals of these people on the first tab, one row each on the second.
    Returns how many they are.
    """
    from xlsxwriter import Workbook

    options = {
        "constant_memory": True,  # a tab's rows in the order in which they are written
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    counts = Counter[State]()
    with Workbook(out, options) as book:
        bold, day = (
            book.add_format({"bold": True}),
            book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        )
        first = book.add_worksheet(say("Totals"))
        sheet = book.add_worksheet(say("People"))
        sheet.freeze_panes(1, 0)
        columns = _columns(beside)
        for column, (heading, (width, _)) in enumerate(columns.items()):
            sheet.set_column(column, column, width)
            sheet.write_string(0, column, say(heading), bold)
        for row, one in enumerate(people, 1):
            counts[one.state] += 1
            for column, (heading, (_, cell)) in enumerate(columns.items()):
                value = _said(heading, cell(one, name), say)
                if isinstance(value, datetime):
                    sheet.write_datetime(row, column, value, day)
                elif isinstance(value, int):
                    sheet.write_number(row, column, value)
                elif value:
                    sheet.write_string(row, column, printable(value))
        sheet.autofilter(0, 0, counts.total(), len(columns) - 1)
        first.set_column(0, 0, 24)
        first.write_row(
            0, 0, [f"{mail_out.name} · {printable(mail_out.title or mail_out.appeal)}"], bold
        )
        for row, state in enumerate(totals.IN_ORDER, 2):
            first.write_row(row, 0, [say(WORDS[state]), counts[state]])
        first.write_row(len(totals.IN_ORDER) + 2, 0, [say("people"), counts.total()], bold)
    return counts.total()


def _said(heading: str, value: Cell, say: Say) -> Cell:
    if heading in IN_WORDS and isinstance(value, str) and value:
        return "; ".join(map(say, value.split("; ")))
    return value


def csv_file(
    out: IO[bytes],
    _mail_out: Reported,
    people: Iterable[Delivery],
    name: NameOf,
    beside: Beside = NOTHING,
    say: Say = _in_english,
) -> int:
    """Write CSV in UTF-8 with a BOM, so that a spreadsheet program reads the names right. Returns
    how many people are in it.
    """
    text = io.TextIOWrapper(out, "utf-8-sig", newline="")
    lines = csv.writer(text)
    columns = _columns(beside)
    lines.writerow([say(heading) for heading in columns])
    written = 0
    for one in people:
        cells = [_said(heading, cell(one, name), say) for heading, (_, cell) in columns.items()]
        lines.writerow(list(map(_tame, cells)))
        written += 1
    text.detach()
    return written


def json_lines(
    out: IO[bytes],
    _mail_out: Reported,
    people: Iterable[Delivery],
    _name: NameOf,
    beside: Beside = NOTHING,
    _say: Say = _in_english,
) -> int:
    """Write what `log people --json` prints, and what else is known of somebody. Programs read it,
    so its words are English. Returns how many people are in it.
    """
    written = 0
    for one in people:
        more = {heading.lower().replace(" ", "_"): of(one) for heading, of in beside.items()}
        line = totals.person(one) | {name: text for name, text in more.items() if text}
        out.write((json.dumps(line, ensure_ascii=False) + "\n").encode())
        written += 1
    return written


def _tame(value: Cell) -> str:
    """Keep a text from being a formula in a spreadsheet program (CWE-1236)."""
    if isinstance(value, str):
        return ("'" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else "") + printable(
            value
        )
    return "" if value is None else str(value)
