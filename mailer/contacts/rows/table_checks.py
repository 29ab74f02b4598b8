"""What is wrong with a table as a whole: columns that are missing, unseen, nearly known, or not
what they say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mailer.base.errors import Problem
from mailer.base.problems import problem
from mailer.base.spelling import fold, nearest, trim
from mailer.contacts.rows.borne_out import names_without_heading, where_addresses_are
from mailer.contacts.sheets import vocabulary
from mailer.contacts.sheets.columns import FIELDS, Columns
from mailer.contacts.sheets.table import Row, Table

MOST_WIDE = 1_000
"""Rows with cells beyond the last heading that are named one by one."""

USED = ("delegation", "name", "given", "surname", "address", "language")
"""Fields that decide who is written to, and how: a hidden column of them is said."""

NEEDED = frozenset(FIELDS) - {"particle", "middle", "second_surname", "second", "namesake", "note"}
"""Fields of which a heading that is nearly right is said."""


def faults(table: Table, columns: Columns, people: Sequence[Row]) -> Iterator[Problem]:
    """Yield what is wrong with one block of a table; with an error its rows cannot be trusted."""
    row = table.rows[columns.at][0]

    def at(code: str, column: int, message: str = "", hint: str | None = None) -> Problem:
        heading = columns.heading(column)
        return problem(
            code,
            table.file,
            sheet=table.sheet,
            row=row,
            cell=table.cell(column, row),
            column=heading or None,
            value=heading,
            message=message,
            suggestion=hint,
        )

    yield from _missing(table, columns, people)
    for doubt in columns.doubts:
        yield at(doubt.code, doubt.column, doubt.message, doubt.suggestion or None)
    yield from _doubtful_headings(table, columns)
    for name, column in columns.fields.items():
        if column in table.hidden_columns and name in USED:
            yield at("C027", column)
    yield from _unread(table, columns, people)
    if not table.grid:
        yield from _too_wide(table, columns, people)


def _missing(table: Table, columns: Columns, people: Sequence[Row]) -> Iterator[Problem]:
    has = "right now it has " + ", ".join(f'"{heading}"' for heading in columns.headings if heading)
    needed = (("address", "E-mail", {"address"}), ("name", "Name", {"name", "given", "surname"}))
    for what, heading, fields in needed:
        if columns.fields.keys().isdisjoint(fields):
            hint = f"add a heading such as {heading}; {has}"
            if what == "name" and (near := names_without_heading(columns, people)):
                hint = f'is "{near}" the name? then write Name over it'
            if what == "address":
                hint = where_addresses_are(columns, people) or hint
            yield problem(
                "C011",
                table.file,
                sheet=table.sheet,
                row=table.rows[columns.at][0],
                message=f"there is no column for the {what}",
                suggestion=hint,
            )


def _too_wide(table: Table, columns: Columns, people: Sequence[Row]) -> Iterator[Problem]:
    """Yield the rows of a CSV with more cells than headings: a separator stands inside a cell."""
    width = len(columns.headings)
    wide = [
        (number, cells)
        for number, cells in people
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
            "C022",
            table.file,
            sheet=table.sheet,
            row=number,
            cell=table.cell(beyond, number),
            value=cells[beyond],
            message=message,
        )


def _unread(table: Table, columns: Columns, people: Sequence[Row]) -> Iterator[Problem]:
    """Yield the columns that are filled in and have no heading; a column of numbers counts rows."""
    width = max((len(cells) for _, cells in people), default=0) if table.grid else 0
    bare = [column for column, heading in enumerate(columns.headings) if not heading]
    bare += range(len(columns.headings), width)
    for column in bare:
        filled = next(
            (
                text
                for _, cells in people
                if column < len(cells)
                and (text := trim(cells[column]))
                and not text.strip(".").isdecimal()
            ),
            "",
        )
        if filled:
            row = table.rows[columns.at][0]
            yield problem(
                "C025",
                table.file,
                sheet=table.sheet,
                row=row,
                cell=table.cell(column, row),
                value=filled,
            )


def _doubtful_headings(table: Table, columns: Columns) -> Iterator[Problem]:
    """Yield extra columns that are nearly known ones, and extra columns of the same heading."""
    row = table.rows[columns.at][0]
    known = {
        word: field
        for word, field in vocabulary.table("heading").items()
        if field in NEEDED and len(word) > 3 and word not in vocabulary.beside("gone")
    }
    seen: dict[str, int] = {}
    for column, heading in columns.extra.items():
        cell = table.cell(column, row)
        word = fold(heading)
        near = nearest(word, known) if len(word) > 3 else None
        hint = None
        if near and near != word and known[near] not in columns.fields:
            hint = f'did you mean "{vocabulary.as_written(near)}"?'
        for code, wrong in (("C023", hint), ("C024", seen.setdefault(word, column) != column)):
            if wrong:
                yield problem(
                    code,
                    table.file,
                    sheet=table.sheet,
                    row=row,
                    cell=cell,
                    column=heading,
                    value=heading,
                    suggestion=hint if code == "C023" else None,
                )
