"""The hold list as a file: what its lines say, whom of the sheets it nearly names, and how it is
changed.

Its lines are read in the child that reads sheets (`packed`), so that a sending loads none of this.
"""

from __future__ import annotations

import csv
import io
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mailer.base.address import key_of
from mailer.base.delegations import Delegations
from mailer.base.errors import Problem, Refused, UsageError
from mailer.base.files import put
from mailer.base.locks import PATIENCE, Held, locked
from mailer.base.problems import problem
from mailer.base.spelling import loosely
from mailer.contacts.book import ContactBook
from mailer.contacts.edit.write import harmless, keep
from mailer.contacts.erasing.naming import Naming
from mailer.contacts.holds import Hold, Holds, hash_of, name_keys
from mailer.contacts.rows.addresses import read_address
from mailer.contacts.rows.name_cells import unbroken
from mailer.contacts.rows.names import take_apart
from mailer.contacts.rows.row_reader import RowReader
from mailer.contacts.rows.together import ALIKE, about, likeness, name_field
from mailer.contacts.sheets.apart import packed_problems, read, read_here
from mailer.contacts.sheets.columns import HOLD_LIST, find_headings

COLUMNS = ("address", "name", "delegation", *HOLD_LIST)
FIELDS = ("given", "surname", *COLUMNS)
PERSONAL = {"given", "surname", "address", "name"}

Line = tuple[list[Any], list[Any], tuple[Any, ...] | None]
"""What is wrong; what is, where the delegation is not known; address, name, delegation as written,
because, since, by, file, row and seal. All of it plain values.
"""


def packed(content: bytes, file: str) -> Iterator[Line]:
    """Yield the lines of the list as plain values; what is wrong with the file comes first."""
    reading = read_here(content, file)
    yield packed_problems(reading.problems), [], None
    for table in () if reading.broken else reading.tables:
        columns = find_headings(table, {}, FIELDS)
        if columns is None:
            wrong = [problem("C010", file, sheet=table.sheet)] if table.rows else []
            yield packed_problems(wrong), [], None
            continue
        line = RowReader(table, columns)
        for row, cells in table.rows[columns.at + 1 :]:
            line.at(row, cells)
            yield _said(line)


def _said(line: RowReader) -> Line:
    written, name = line.text("address"), take_apart(line.text("name")).full
    if not name:
        name = f"{line.text('given')} {line.text('surname')}".strip()
    name = unbroken(name) or name  # the list was saved by a program that broke its letters
    address = read_address(written).address
    because, since, by, seal = (line.text(field) for field in HOLD_LIST)
    if not address and not name and not any(seal.split(":")[1:]):
        line.report("C200", "address")
        return packed_problems(line.problems), [], None
    if written and not address:
        line.report("C202", "address")
    certain = len(line.problems)
    line.report("C201", "delegation")
    found = packed_problems(line.problems)
    values = (address, name, line.text("delegation"), because, since, by)
    return found[:certain], found[certain:], (*values, line.table.file, line.row, seal)


# ------------------------------------------------------------------------------ beside the sheets


def doubts(holds: Holds, book: ContactBook) -> list[Problem]:
    """Ask about people who are nearly, but not surely, on the list: an initial more, a surname
    less, a letter.
    """
    names: dict[str, list[Hold]] = defaultdict(list)
    for hold in holds.entries:
        if hold.name:
            names[hold.delegation].append(hold)
    found = []
    for contact in book.contacts if names else ():
        near = [*names.get(contact.delegation, ()), *names.get("", ())]
        if contact.skip or not near or holds.match(contact):
            continue
        alike = max(near, key=lambda hold: _alike(hold.name, contact.name))
        if _alike(alike.name, contact.name) >= ALIKE:
            message = f"this looks like {alike.name}, who is on the hold list: {alike}"
            found.append(
                about(contact, book.columns, "C203", name_field(contact), contact.name, message)
            )
    return found


def _alike(held: str, name: str) -> int:
    """Return how alike two names are, in percent; half of a name is as good as the whole."""
    one, two = set(loosely(held).split()), set(loosely(name).split())
    half = min(len(one), len(two)) == 1 and (one <= two or two <= one)
    return 100 if half else likeness(held, name)


# --------------------------------------------------------------------------------------- changing


def hold(path: Path, backups: Path, entry: Hold, delegations: Delegations) -> None:
    """Add an entry to the list, at the end; every line that stands there stays. Raises `UsageError`
    for an empty one.
    """
    if not (entry.address or entry.name):
        raise UsageError(
            "whom shall nobody write to?", hint="name the address, or the name and the delegation"
        )

    def add(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        return [*rows, {name: getattr(entry, name) for name in COLUMNS}]

    _change(path, backups, add, delegations)


def release(path: Path, backups: Path, entry: Hold, delegations: Delegations) -> None:
    """Take one entry off the list."""

    def without(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        return [row for row in rows if row["line"] != str(entry.row)]

    _change(path, backups, without, delegations)


def forget(path: Path, backups: Path, entry: Hold, delegations: Delegations) -> None:
    """Erase address and name of one entry, also out of its reason; its seal goes on holding the
    person. All backups of the list go, too.
    """
    naming = Naming.of([entry])

    def erase(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        return [
            row
            | dict.fromkeys(PERSONAL & row.keys(), "")
            | {"because": naming.without(row.get("because", ""))}
            if row["line"] == str(entry.row)
            else row
            for row in rows
        ]

    _change(path, backups, erase, delegations)
    for old in backups.glob(f"{path.stem}.*{path.suffix}"):
        old.unlink()


def _change(
    path: Path,
    backups: Path,
    change: Callable[[list[dict[str, str]]], list[dict[str, str]]],
    delegations: Delegations,
) -> None:
    """Write the list anew, in one step, after a backup, and one change after the other. Columns and
    lines that we do not know stay as they are.
    """
    if path.suffix.lower() != ".csv":
        raise UsageError(f"{path.name} is not a CSV file; change it in your spreadsheet program")
    try:
        with locked(backups.parent / f"{path.stem}.lock", PATIENCE):
            _change_alone(path, backups, change, delegations)
    except Held as fault:
        raise Refused(
            f"{path.name} is being changed by {fault}. Nothing was changed.",
            hint="type the same command again",
            code="S214",
        ) from fault


def _change_alone(
    path: Path,
    backups: Path,
    change: Callable[[list[dict[str, str]]], list[dict[str, str]]],
    delegations: Delegations,
) -> None:
    headings, rows = _rows(path)
    headings += [name for name in COLUMNS if name not in headings]
    rows = change(rows)
    salt = next(
        (row["seal"].partition(":")[0] for row in rows if row.get("seal")), ""
    ) or secrets.token_hex(8)
    for row in rows:
        if not row.get("seal"):
            found = delegations.find(row.get("delegation", ""))
            people = name_keys(
                found.code if found else "", take_apart(row.get("name", "")).full
            ) or [""]
            address = read_address(row.get("address", "")).address
            hashes = [
                hash_of(salt, key) if key else "" for key in (address and key_of(address), *people)
            ]
            row["seal"] = ":".join((salt, *hashes)) if any(hashes) else ""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(headings)
    writer.writerows([harmless(row.get(name, "")) for name in headings] for row in rows)
    if path.exists():
        keep(path, backups)
    path.parent.mkdir(parents=True, exist_ok=True)
    put(path, out.getvalue().encode())


def _rows(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Return the headings, known ones by our names, and all rows below them with their line."""
    if not path.exists():
        return list(COLUMNS), []
    reading, _ = read(path, path.name)
    if reading.broken:
        raise UsageError(
            f"{path.name} cannot be read, so it is not changed", problems=reading.problems
        )
    table = reading.tables[0]
    columns = find_headings(table, {}, FIELDS)
    if columns is None:
        if table.rows:
            raise UsageError(
                f"{path.name} has no headings", hint=f"its first line must be: {','.join(COLUMNS)}"
            )
        return list(COLUMNS), []
    ours = {at: name for name, at in columns.fields.items()}
    headings = [ours.get(at, heading) for at, heading in enumerate(columns.headings)]
    rows = [
        dict(zip(headings, cells, strict=False)) | {"line": str(line)}
        for line, cells in table.rows[columns.at + 1 :]
    ]
    return headings, rows
