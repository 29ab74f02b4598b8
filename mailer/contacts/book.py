"""All contact sheets of a workspace as one book: every row of every sheet, and every problem found
on the way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path

from mailer.base import clock
from mailer.base.delegations import Delegation, Delegations
from mailer.base.errors import Problem, Severity
from mailer.base.problems import Scope, concerns, problem
from mailer.base.spelling import fold, nearest, trim
from mailer.contacts.contact import Contact
from mailer.contacts.rows.row import RowReader, find_delegation, nobody, read_row
from mailer.contacts.rows.together import check_together
from mailer.contacts.sheets import vocabulary
from mailer.contacts.sheets.columns import FIELDS, Columns, find_headings, own_headings
from mailer.contacts.sheets.reader import bytes_of, read
from mailer.contacts.sheets.table import MAX_ROWS, Reading, Row, Table

MOST_WIDE = 1_000
"""Rows with cells beyond the last heading that are named one by one."""

USED = ("delegation", "name", "given", "surname", "address", "language")
"""Fields that decide who is written to, and how: a hidden column of them is said."""


@dataclass(frozen=True)
class ContactBook:
    """What the contact sheets say."""

    contacts: tuple[
        Contact, ...
    ]  # one for each row that is not empty, in the order of files, tabs and rows
    problems: tuple[Problem, ...]  # in the same order
    files: Mapping[str, str]  # file → SHA-256 of its bytes, in hex
    tables: tuple[Table, ...] = field(repr=False, default=())
    columns: Mapping[tuple[str, str | None], Columns] = field(
        repr=False, default_factory=dict
    )  # by file and tab

    @property
    def broken(self) -> tuple[str, ...]:
        """The files that cannot be used as they are. Nobody may be left out unseen: there is no
        plan with one of them.
        """
        return tuple(
            dict.fromkeys(
                p.file
                for p in self.problems
                if concerns(p.code, Scope.FILE) and p.severity is Severity.ERROR
            )
        )

    @cached_property
    def cells(self) -> dict[str, dict[str, dict[str, str]]]:
        """Return file → tab (`""` in CSV) → cell → what stands there, filled cells only."""
        book: dict[str, dict[str, dict[str, str]]] = {name: {} for name in self.files}
        for table in self.tables:
            book[table.file][table.sheet or ""] = {
                table.cell(column, row): value
                for row, cells in table.rows
                for column, value in enumerate(cells)
                if value
            }
        return book


def load_contacts(
    root: Path,
    folder: str = "contacts",
    columns: Mapping[str, Sequence[str]] = {},
    delegations: Delegations | None = None,
    *,
    max_rows: int = MAX_ROWS,
    today: date | None = None,
) -> ContactBook:
    """Read all contact sheets of a workspace.

    `columns` are more headings by field (`[contacts] columns`). Files whose name begins with `_`,
    `.` or `~$` are no contact sheets, nor are Python programs. `max_rows` is for one file. Problems
    are collected, not raised; a file that cannot be used is `broken`.
    """
    known = delegations or Delegations.load()
    own = own_headings(columns)
    contacts: list[Contact] = []
    problems: list[Problem] = []
    files: dict[str, str] = {}
    tables: list[Table] = []
    recognised: dict[tuple[str, str | None], Columns] = {}
    for path in sheets(root / folder):
        file = path.relative_to(root).as_posix()
        reading, content = read(path, file, max_rows)
        files[file] = _fingerprint(content)
        problems += reading.problems
        if reading.broken:
            continue
        people, found = read_people(reading, own, known, recognised, today or clock.now().date())
        contacts += people
        problems += found
        tables += reading.tables
    if not files:
        problems.append(problem("C020", folder))
    contacts, found = check_together(contacts, recognised, known)
    problems = _in_order(problems + found, files, tables)
    return ContactBook(tuple(contacts), tuple(problems), files, tuple(tables), recognised)


def fingerprints(
    root: Path, folder: str = "contacts", *, max_rows: int = MAX_ROWS
) -> dict[str, str]:
    """Return what `files` of the book would be, without reading a row: quick, however many people
    there are.
    """
    found = {}
    for path in sheets(root / folder):
        file = path.relative_to(root).as_posix()
        content = bytes_of(path, file, max_rows)
        found[file] = "" if isinstance(content, Problem) else _fingerprint(content)
    return found


def _fingerprint(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest() if content else ""


def _in_order(
    problems: list[Problem], files: Mapping[str, str], tables: list[Table]
) -> list[Problem]:
    """Sort problems by file, tab and row, as a person goes through the sheets."""
    file_order = {file: at for at, file in enumerate(files)}
    tab_order = {(table.file, table.sheet): at for at, table in enumerate(tables)}
    return sorted(
        problems,
        key=lambda p: (
            file_order.get(p.file, -1),
            tab_order.get((p.file, p.sheet), -1),
            p.row or 0,
        ),
    )


def sheets(folder: Path) -> list[Path]:
    """Return what stands in the folder of contact sheets, by name."""
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if not path.name.startswith(("_", ".", "~$"))
        and path.suffix != ".py"
        and path.name != "__pycache__"
    )


def read_people(
    reading: Reading,
    own: Mapping[str, str],
    delegations: Delegations,
    recognised: dict[tuple[str, str | None], Columns],
    today: date,
) -> tuple[list[Contact], list[Problem]]:
    """Turn the tables of one file into contacts. Tabs without headings are reported, and so is a
    file without any.

    The columns of each table go into `recognised`.
    """
    contacts: list[Contact] = []
    problems: list[Problem] = []
    without: list[Table] = []
    for table in reading.tables:
        columns = None if (table.sheet or "").startswith("_") else find_headings(table, own, FIELDS)
        if columns is None:
            without.append(table)
            continue
        wrong = list(_faults(table, columns))
        problems += wrong
        if any(p.severity is Severity.ERROR for p in wrong):
            continue
        recognised[table.file, table.sheet] = columns
        people = table.rows[columns.at + 1 :]
        everyone = (
            _whose(table, columns, delegations) if _says_no_delegation(people, columns) else None
        )
        if everyone:
            problems.append(problem("C124", table.file, sheet=table.sheet, value=everyone.name_en))
        by_headings = everyone is None and "delegation" not in columns.fields
        french = _says_madame(people, columns.fields.get("name"))
        role = ""
        for row, cells in people:
            line = RowReader(table, columns, row, cells, monsieur=french, role=role)
            part = _role_alone(cells) if "role" not in columns.fields else ""
            above = _state_alone(cells, delegations) if by_headings else None
            if above:
                everyone, message = (
                    above,
                    f"this is a heading; the people below it are taken for {above.name_en}",
                )
                contacts.append(nobody(line, "C163", delegations, everyone, message))
            elif part:
                role, message = (
                    part,
                    f"this is a heading; the people below it are taken for {part}s",
                )
                contacts.append(nobody(line, "C163", delegations, everyone, message))
            elif _headings_again(cells, columns):
                contacts.append(nobody(line, "C163", delegations, everyone))
            else:
                contacts.append(read_row(line, delegations, everyone, today))
            problems += line.problems
    if len(without) == len(reading.tables):
        filled = next((t for t in without if t.rows), None)
        first = " · ".join(filter(None, map(trim, filled.rows[0][1]))) if filled else ""
        file = (without or reading.tables)[0].file if reading.tables else ""
        problems.append(problem("C010", file, value=first))
    else:
        problems += [
            problem("C013", t.file, sheet=t.sheet)
            for t in without
            if t.rows and not t.hidden_tab and not (t.sheet or "").startswith("_")
        ]
    return contacts, problems


def _says_no_delegation(rows: Sequence[Row], columns: Columns) -> bool:
    """Tell whether no column says the delegation, or one that nobody has filled in: a new sheet for
    one delegation.
    """
    column = columns.fields.get("delegation")
    said = (
        any(trim(cells[column]) for _, cells in rows if column < len(cells))
        if column is not None
        else False
    )
    return column is None or bool(rows and not said)


def _state_alone(cells: Sequence[str], delegations: Delegations) -> Delegation | None:
    """Return the delegation if its name is all that stands in a row: a heading over its people."""
    filled = {text for cell in cells if (text := trim(cell))}
    return delegations.find(filled.pop()) if len(filled) == 1 else None


def _role_alone(cells: Sequence[str]) -> str:
    """Return the role if Representatives or Substitutes is all that stands in a row."""
    filled = {text for cell in cells if (text := trim(cell))}
    role = vocabulary.meaning("role", filled.pop()) if len(filled) == 1 else ""
    return role if role in ("representative", "substitute") else ""


def _headings_again(cells: Sequence[str], columns: Columns) -> bool:
    """Tell whether a row repeats the headings, as in a list that was put together of several."""
    address = columns.fields["address"]
    if (
        address >= len(cells)
        or "@" in cells[address]
        or trim(cells[address]) != columns.headings[address]
    ):
        return False
    return tuple(" ".join(trim(cell).split()) for cell in cells if cell) == tuple(
        filter(None, columns.headings)
    )


def _says_madame(rows: Sequence[Row], column: int | None) -> bool:
    """Tell whether names of this list begin with Mme: then the M. before the others is Monsieur."""
    madame = ("Mme ", "Mme. ", "Madame ", "Mlle ")
    return column is not None and any(
        trim(cells[column]).startswith(madame) for _, cells in rows if column < len(cells)
    )


def _faults(table: Table, columns: Columns) -> Iterator[Problem]:
    """Yield what is wrong with the table as a whole, so that its rows cannot be trusted."""
    row = table.rows[columns.at][0]
    has = "right now it has " + ", ".join(f'"{heading}"' for heading in columns.headings if heading)
    if "address" not in columns.fields:
        yield problem(
            "C011",
            table.file,
            sheet=table.sheet,
            row=row,
            message="there is no column for the address",
            suggestion=f"add a heading such as E-mail; {has}",
        )
    if columns.fields.keys().isdisjoint(("name", "given", "surname")):
        yield problem(
            "C011",
            table.file,
            sheet=table.sheet,
            row=row,
            message="there is no column for the name",
            suggestion=f"add a heading such as Name; {has}",
        )
    for name, first, second in columns.clashes:
        yield problem(
            "C012", table.file, sheet=table.sheet, row=row, cell=table.cell(second, row),
            column=columns.headings[second], value=columns.headings[second],
            message=f'the column "{columns.headings[first]}" ({table.cell(first, row)})'
            f" claims to be the {name}, too",
        )  # fmt: skip
    yield from _doubtful_headings(table, columns)
    yield from _unseen_columns(table, columns)
    width = len(columns.headings)
    wide = [
        (number, cells)
        for number, cells in table.rows[columns.at + 1 :]
        if len(cells) > width and any(map(str.strip, cells[width:]))
    ]
    for at, (number, cells) in enumerate(wide[:MOST_WIDE], start=1):
        beyond = next(c for c in range(width, len(cells)) if cells[c].strip())
        left = len(wide) - MOST_WIDE
        message = (
            f"this row and {left:,} more have cells beyond the last heading"
            if at == MOST_WIDE and left > 0
            else ""
        )
        yield problem(
            "C022", table.file, sheet=table.sheet, row=number, cell=table.cell(beyond, number),
            value=cells[beyond], message=message,
        )  # fmt: skip


def _unseen_columns(table: Table, columns: Columns) -> Iterator[Problem]:
    """Yield columns that people do not see and we use, and columns that they fill in and we cannot
    name.
    """
    row = table.rows[columns.at][0]
    for name, column in columns.fields.items():
        if column in table.hidden_columns and name in USED:
            heading = columns.headings[column]
            yield problem(
                "C027",
                table.file,
                sheet=table.sheet,
                row=row,
                cell=table.cell(column, row),
                column=heading,
                value=heading,
            )
    for column, heading in enumerate(columns.headings):
        if heading:
            continue
        filled = [
            text
            for _, cells in table.rows[columns.at + 1 :]
            if column < len(cells) and (text := trim(cells[column]))
        ]
        if not all(
            text.strip(".").isdecimal() for text in filled
        ):  # a column of numbers counts the rows
            yield problem(
                "C025",
                table.file,
                sheet=table.sheet,
                row=row,
                cell=table.cell(column, row),
                value=filled[0],
            )


def _doubtful_headings(table: Table, columns: Columns) -> Iterator[Problem]:
    """Yield extra columns that are nearly known ones, and extra columns of the same heading."""
    row = table.rows[columns.at][0]
    known = {
        word: field
        for word, field in vocabulary.table("heading").items()
        if field in FIELDS and len(word) > 3
    }
    seen: dict[str, int] = {}
    for column, heading in columns.extra.items():
        cell = table.cell(column, row)
        word = fold(heading)
        near = nearest(word, known) if len(word) > 3 else None
        if near and near != word and known[near] not in columns.fields:
            hint = f'did you mean "{vocabulary.as_written(near)}"?'
            yield problem(
                "C023",
                table.file,
                sheet=table.sheet,
                row=row,
                cell=cell,
                column=heading,
                value=heading,
                suggestion=hint,
            )
        if seen.setdefault(word, column) != column:
            yield problem(
                "C024",
                table.file,
                sheet=table.sheet,
                row=row,
                cell=cell,
                column=heading,
                value=heading,
            )


def _whose(table: Table, columns: Columns, delegations: Delegations) -> Delegation | None:
    """Find the delegation in a title above the headings, in the name of the tab, or of the file:
    `norway.xlsx`.
    """
    titles = {
        text for _, cells in table.rows[: columns.at] for cell in cells if (text := trim(cell))
    }
    named = {
        found.code: found for text in titles if (found := find_delegation(delegations, text)[0])
    }
    if len(named) == 1:
        return named.popitem()[1]
    return delegations.find(table.sheet or "") or delegations.find(Path(table.file).stem)
