"""One more column in a sheet, with a cell for each row of a person; everything else stays as it is.

A column of that heading is filled where it is there already. The result is read back, and refused
where anything of it is not what it was, or not what was to be added. Nothing is written here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from mailer.base.errors import Refused
from mailer.base.spelling import fold
from mailer.contacts.book import ContactBook
from mailer.contacts.edit import write
from mailer.contacts.edit.alignment import RowHome, TabHome
from mailer.contacts.edit.marked_copy import tab_name
from mailer.contacts.edit.take_home import XLSX, prove
from mailer.contacts.sheets.apart import numbers_of, read_safely
from mailer.contacts.sheets.columns import Columns
from mailer.contacts.sheets.table import MAX_COLUMNS, Reading, Table

Cells = Mapping[tuple[str | None, int], str]
"""(tab, row) → what the cell says."""


def with_column(file: str, content: bytes, book: ContactBook, heading: str, cells: Cells) -> bytes:
    """Return the bytes of a sheet with a column; `book` has it as read from `content`.

    Rows of which `cells` say nothing keep what they have. Raises `Refused` where the result cannot
    be proven.
    """
    name = Path(file).name
    homes: dict[str, TabHome] = {}
    wanted: list[Table] = []
    tables = [table for table in book.tables if table.file == file]
    for table in tables:
        tab = table.sheet or tab_name(Path(file).stem)
        columns = book.columns.get((file, table.sheet))
        changes = _changes(table, columns, heading, cells) if columns else {}
        rows = [RowHome(number, number, dict(changes.get(number, {}))) for number, _ in table.rows]
        if changes:
            homes[table.sheet or ""] = TabHome(rows, ())
        wanted.append(replace(table, sheet=tab, rows=_changed(table, changes)))
    if not homes:
        return content
    result = write.changed(name, content, homes)
    numbers = numbers_of(content) if Path(file).suffix.lower() in XLSX else {}
    prove(name, content, Reading(tuple(tables)), Reading(tuple(wanted)), result, homes, numbers)
    if read_safely(name, result).broken:
        raise Refused(f"{name} cannot be read any more with the column {heading}.")
    return result


def column_of(columns: Columns, heading: str) -> int | None:
    """Return the column that is headed so, counted from 0; None where there is none."""
    found = (at for at, one in enumerate(columns.headings) if fold(one) == fold(heading))
    return next(found, None)


def _changes(
    table: Table, columns: Columns, heading: str, cells: Cells
) -> dict[int, dict[int, str | float]]:
    """Return row → column → text. A column that is not there yet stands behind all others, under
    each row of headings.
    """
    blocks = [columns, *(block for _, block in columns.blocks)]
    last = max((len(row) for _, row in table.rows), default=0)
    free = max(last, *(len(one.headings) for one in blocks))
    if free >= MAX_COLUMNS:
        raise Refused(f"{table.file} has no room for one more column.")
    found: dict[int, dict[int, str | float]] = {}
    for (tab, row), text in cells.items():
        if tab == table.sheet:
            at = column_of(columns.of(row), heading)
            found[row] = {free if at is None else at: text}
    if found:
        for one in blocks:
            if column_of(one, heading) is None:
                found[table.rows[one.at][0]] = {free: heading}
    return found


def _changed(
    table: Table, changes: Mapping[int, Mapping[int, str | float]]
) -> list[tuple[int, list[str]]]:
    rows = []
    for number, row in table.rows:
        texts = list(row)
        for column, text in changes.get(number, {}).items():
            texts += [""] * (column + 1 - len(texts))
            texts[column] = str(text)
        rows.append((number, texts))
    return rows
