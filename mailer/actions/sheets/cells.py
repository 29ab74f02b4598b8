"""The rows and cells of a sheet, to be looked at, searched, and mended one by one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mailer.base.errors import UsageError
from mailer.base.spelling import finds
from mailer.contacts.book import ContactBook
from mailer.contacts.contact import Contact
from mailer.contacts.sheets.columns import Columns
from mailer.contacts.sheets.table import Table


@dataclass(frozen=True, slots=True)
class TakenColumn:
    """One column of a sheet, and what it was taken for."""

    tab: str
    column: int  # counted from 0
    heading: str
    field: str  # empty: no known meaning; letters may use it


@dataclass(frozen=True, slots=True)
class SheetCell:
    """One cell of a row."""

    place: str  # D17; 17:4 in CSV
    heading: str
    field: str
    text: str
    fixed: bool  # the result of a formula, merged with the cell above, or of several lines


def columns_of(book: ContactBook, file: str) -> list[TakenColumn]:
    """Return what each column of a sheet was taken for."""
    return [
        TakenColumn(tab or "", column, heading, field)
        for (own, tab), columns in book.columns.items()
        if own == file
        for column, heading, field in _taken(columns)
    ]


def _taken(columns: Columns) -> Iterator[tuple[int, str, str]]:
    fields = {column: field for field, column in columns.fields.items()}
    fields |= {column: field for field, more in columns.also.items() for column in more}
    for column, heading in enumerate(columns.headings):
        if heading:
            yield column, heading, fields.get(column, "")


def rows_of(book: ContactBook, file: str, wanted: str) -> list[Contact]:
    """Return the rows of a sheet in which all words that are wanted stand, in whatever cell."""
    tables = {table.sheet: dict(table.rows) for table in book.tables if table.file == file}
    return [
        contact
        for contact in book.contacts
        if contact.file == file
        and (not wanted or finds(wanted, " ".join(tables[contact.sheet].get(contact.row, ()))))
    ]


def row_of(book: ContactBook, file: str, tab: str, row: int) -> tuple[Contact, list[SheetCell]]:
    """Return one row of a sheet with all its cells. Raises `UsageError` where there is none."""
    contact = next(
        (one for one in book.contacts if (one.file, one.sheet or "", one.row) == (file, tab, row)),
        None,
    )
    if contact is None:
        raise UsageError("There is no such row.")
    table = _table(book, file, tab)
    cells = dict(table.rows)[row]
    found = []
    for column, heading, field in _taken(book.columns[file, table.sheet].of(row)):
        place = table.cell(column, row)
        text = cells[column] if column < len(cells) else ""
        fixed = place in table.formulas or place in table.merged or "\n" in text
        found.append(SheetCell(place, heading, field, text, fixed))
    return contact, found


def seal_of(found: Iterable[SheetCell]) -> str:
    """Return what is the same as long as the cells of a row are."""
    said = "\0".join(f"{cell.place}\0{cell.text}" for cell in found)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _table(book: ContactBook, file: str, tab: str) -> Table:
    return next(one for one in book.tables if (one.file, one.sheet or "") == (file, tab))
