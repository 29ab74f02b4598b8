"""A file becomes tables of text with coordinates. Text stays text: no `nan`, no `1e5`, no dates made of names.

CSV is read with the standard library, which knows the line on which a record begins (RFC 4180 lets a quoted field
hold line ends); XLSX and ODS with pandas, which is imported only then.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mailer.contacts.codes import problem
from mailer.contacts.contact import reference
from mailer.errors import Problem, Severity

Row = tuple[int, Sequence[str]]
"""The row's number as people count it, and its cells."""

SEPARATORS = ",;\t|"
TEXT = (".csv", ".tsv", ".txt")
BOOKS = {".xlsx": "calamine", ".xlsm": "calamine", ".ods": "odf"}
OLD = (".xls", ".xlsb", ".xlt")


@dataclass(frozen=True, slots=True)
class Table:
    """One tab of a spreadsheet, or one CSV file: the rows that are not empty."""

    file: str
    sheet: str | None  # the tab; None in CSV
    rows: Sequence[Row]

    @property
    def grid(self) -> bool:
        """Whether cells are called `D17`; in CSV they are `17:4`."""
        return self.sheet is not None

    def cell(self, column: int, row: int) -> str:
        return reference(column, row, grid=self.grid)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one file holds. It is broken, and nothing of it is used, if one of its problems is an error."""

    tables: tuple[Table, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def broken(self) -> bool:
        return any(p.severity is Severity.ERROR for p in self.problems)


def read(path: Path, file: str, content: bytes) -> Reading:
    """Read one sheet. `file` is its name for people, `content` its bytes; `path` tells its kind."""
    kind = path.suffix.lower()
    if kind in TEXT:
        return _read_text(file, content)
    if kind in BOOKS:
        return _read_book(BOOKS[kind], file, content)
    return Reading(problems=(problem("C004" if kind in OLD else "C005", file, value=path.name),))


def _read_text(file: str, content: bytes) -> Reading:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return Reading(problems=(problem("C006", file),))
    separator, text, skipped = _separator(text)
    try:
        rows = list(_records(text, separator, skipped))
    except csv.Error:
        return Reading(problems=(problem("C008", file, row=_open_quote(text, separator) + skipped),))
    return Reading((Table(file, None, rows),))


def _separator(text: str) -> tuple[str, str, int]:
    """Find what stands between the cells. A first line `sep=;` says it; return the text and lines without that line."""
    said = re.match(r"sep=(.)\r?\n", text)
    if said:
        return said[1], text[said.end() :], 1
    sample = "".join(text[:65_536].splitlines(keepends=True)[:50])

    def score(separator: str) -> float:
        try:
            widths = Counter(len(cells) for _, cells in islice(_records(sample, separator, 0, strict=False), 50))
        except csv.Error:
            return 0
        width, often = max(widths.items(), key=lambda item: item[1] * item[0], default=(0, 0))
        return width * often / max(widths.total(), 1) if width > 1 else 0

    return max(SEPARATORS, key=score), text, 0


def _records(text: str, separator: str, skipped: int, *, strict: bool = True) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=strict)
    begins = 1
    for cells in reader:
        if any(map(str.strip, cells)):
            yield begins + skipped, cells
        begins = reader.line_num + 1


def _open_quote(text: str, separator: str) -> int:
    """Return the line on which the record with the open quotation mark begins."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    begins = 1
    try:
        for _ in reader:
            begins = reader.line_num + 1
    except csv.Error:
        pass
    return begins


def _read_book(engine: str, file: str, content: bytes) -> Reading:
    import pandas as pd

    try:
        frames = pd.read_excel(
            io.BytesIO(content), engine=engine, sheet_name=None, header=None, dtype=str, na_filter=False,
            keep_default_na=False,
        )  # type: ignore[call-overload]  # fmt: skip
    except Exception as error:
        code = "C003" if "password" in f"{type(error).__name__} {error}".lower() else "C002"
        return Reading(problems=(problem(code, file),))
    tables = []
    for name, frame in frames.items():
        rows = [
            (number, [_day(cell) for cell in cells])
            for number, cells in enumerate(frame.itertuples(index=False, name=None), start=1)
            if any(map(str.strip, cells))
        ]
        tables.append(Table(file, str(name), rows))
    return Reading(tuple(tables))


def _day(cell: str) -> str:
    """Take midnight off a date: the library tells a day as `2026-10-30 00:00:00`."""
    return cell[:10] if cell.endswith(" 00:00:00") and len(cell) == 19 else cell
