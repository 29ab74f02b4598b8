"""XLSX and XLSM (ECMA-376): values by pandas and calamine, and from the parts themselves what those
do not tell.

That is: hidden rows and tabs, filters, formulas, and where links lead. Macros are never run, links
never followed.
"""

from __future__ import annotations

import io
import posixpath
import re
from collections.abc import Iterator
from itertools import islice
from xml.etree.ElementTree import Element, ParseError
from xml.parsers.expat import ExpatError, ParserCreate

from mailer.base.problems import problem
from mailer.contacts.sheets.table import CELLS_IN_A_ROW, MAX_COLUMNS, Reading, Row, Table, fill_down

NAME = rb"<(?:\w+:)?"  # a tag may have a prefix
ROW = re.compile(NAME + rb"row\b([^>]*)>")
CELL = re.compile(NAME + rb'c\b[^>]*?\br="([A-Z]+)(\d+)"[^>]*(?<!/)>\s*(' + NAME + rb"f\b)?")
"""A cell that is not empty, and whether a formula stands in it."""

MERGED = re.compile(NAME + rb'mergeCell\b[^>]*\bref="([A-Z]{1,3})(\d{1,7}):[A-Z]{1,3}(\d{1,7})"')
COLUMN = re.compile(NAME + rb"col\b([^>]*)>")
MOST_AREAS = 10_000
ROOM = 100_000
"""Empty rows that may stand in a sheet beside the filled ones: formats reach further down than
people.
"""

SHARED = re.compile(NAME + rb"si\b.*?</(?:\w+:)?si>", re.DOTALL)
USES = re.compile(NAME + rb'c\b[^>]*\bt="s"[^>]*>\s*' + NAME + rb"v>(\d+)<")


def read(file: str, content: bytes, parts: dict[str, bytes], max_rows: int) -> Reading:
    """Read all tabs."""
    try:
        found = list(tabs(parts))
        for _, _, part in found:
            refused = _too_big(file, parts, parts.get(part, b""), max_rows)
            if refused:
                return refused
        for name in ("xl/sharedStrings.xml", *(part for _, _, part in found)):
            # The library reads up to the first broken tag and leaves out the rest without a word.
            if name in parts:
                ParserCreate().Parse(parts[name], True)
        values = _values(content)
        if any(len(rows) > max_rows for rows in values.values()):  # rows need not say their number
            return Reading(problems=(problem("C015", file),))
        return Reading(
            tuple(
                _table(file, name, hidden, part, parts, values.get(name, []))
                for name, hidden, part in found
            )
        )
    except (ParseError, ExpatError, KeyError, ValueError):
        return Reading(problems=(problem("C002", file),))
    except (
        BaseException
    ) as error:  # calamine has its own errors for broken files, and panics, which are no Exception
        if type(error).__module__.startswith(("python_calamine", "pandas", "pyo3", "zipfile")):
            return Reading(problems=(problem("C002", file),))
        raise


def _values(content: bytes) -> dict[str, list[tuple[str, ...]]]:
    import pandas as pd

    frames = pd.read_excel(
        io.BytesIO(content), engine="calamine", sheet_name=None, header=None, dtype=str,
        na_filter=False, keep_default_na=False,
    )  # fmt: skip
    return {
        str(name): list(frame.itertuples(index=False, name=None)) for name, frame in frames.items()
    }


def _xml(part: bytes) -> Element:
    from defusedxml.ElementTree import fromstring

    root: Element = fromstring(part)
    return root


def _relations(parts: dict[str, bytes], part: str) -> dict[str, str]:
    """Return id → target of the relations of one part."""
    folder, name = posixpath.split(part)
    relations = parts.get(f"{folder}/_rels/{name}.rels")
    return (
        {} if relations is None else {e.get("Id", ""): e.get("Target", "") for e in _xml(relations)}
    )


def tabs(parts: dict[str, bytes]) -> Iterator[tuple[str, bool, str]]:
    """Yield name, whether hidden, and part of each tab that holds cells."""
    targets = _relations(parts, "xl/workbook.xml")
    for element in _xml(parts["xl/workbook.xml"]).iter():
        if element.tag.rpartition("}")[2] == "sheet":
            part = posixpath.normpath(posixpath.join("/xl", targets[_relation(element)])).lstrip(
                "/"
            )
            if part in parts and "chartsheet" not in part and "dialogsheet" not in part:
                yield element.get("name", ""), element.get("state", "visible") != "visible", part


def _relation(element: Element) -> str:
    """Return the id that leads to a part; its namespace is one in transitional files, another in
    strict ones.
    """
    return next((value for name, value in element.items() if name.endswith("}id")), "")


def _too_big(file: str, parts: dict[str, bytes], sheet: bytes, max_rows: int) -> Reading | None:
    """Refuse what would fill the memory: a cell far away spans a grid of millions, a long text is
    used 100,000 times.
    """
    written = sheet.count(b"<c ") + sheet.count(b":c ")
    if written > max_rows * CELLS_IN_A_ROW:
        return Reading(problems=(problem("C014", file, value=f"{written:,} cells"),))
    if sheet.count(b"<row") > max_rows + ROOM:
        return Reading(problems=(problem("C015", file),))
    last = columns = cells = 0
    for cell in CELL.finditer(sheet):
        cells += 1
        last = max(last, int(cell[2]))
        columns = max(columns, len(cell[1]))
    if last > max_rows:
        return Reading(
            problems=(problem("C015", file, row=last, value=f"the last filled row is {last:,}"),)
        )
    if columns > 2:
        return Reading(
            problems=(
                problem(
                    "C014", file, message="there are cells far to the right of any contact sheet"
                ),
            )
        )
    lengths = [len(text) for text in SHARED.findall(parts.get("xl/sharedStrings.xml", b""))]
    if lengths and max(lengths) * cells > 100_000_000:
        uses = sum(
            lengths[at] for use in USES.finditer(sheet) if (at := int(use[1])) < len(lengths)
        )
        if uses > 200_000_000:
            return Reading(
                problems=(problem("C014", file, value=f"its text would fill {uses / 1e6:,.0f} MB"),)
            )
    return None


def _table(
    file: str,
    name: str,
    hidden_tab: bool,
    part: str,
    parts: dict[str, bytes],
    values: list[tuple[str, ...]],
) -> Table:
    sheet = parts[part]
    rows: list[Row] = [
        (number, [_day(cell) for cell in cells[:MAX_COLUMNS]])
        for number, cells in enumerate(values, start=1)
        if any(map(str.strip, cells))
    ]
    hidden = {
        int(number[1])
        for row in ROW.finditer(sheet)
        if re.search(rb'\bhidden="(?:1|true)"', row[1])
        and (number := re.search(rb'\br="(\d+)"', row[1]))
    }
    filtered = re.search(NAME + rb"filterColumn\b", sheet) is not None
    formulas = frozenset((cell[1] + cell[2]).decode() for cell in CELL.finditer(sheet) if cell[3])
    links = {}
    if b"hyperlink" in sheet:
        targets = _relations(parts, part)
        for link in re.finditer(NAME + rb"hyperlink\b([^>]*)>", sheet):
            ref, target = (
                re.search(rb'\bref="([A-Z]+\d+)', link[1]),
                re.search(rb'\b\w+:id="([^"]*)"', link[1]),
            )
            if ref and target:
                links[ref[1].decode()] = targets.get(target[1].decode(), "")
    numbers = frozenset(number for number, _ in rows)
    rows, merged = fill_down(rows, _areas(sheet))
    return Table(
        file,
        name,
        rows,
        frozenset(hidden) & numbers,
        filtered,
        hidden_tab,
        formulas,
        links,
        _unseen(sheet),
        merged,
    )


def _areas(sheet: bytes) -> list[tuple[int, int, int]]:
    """Return column, first and last row of the merged cells that reach down."""
    found = [
        (number_of(area[1]), int(area[2]), int(area[3]))
        for area in islice(MERGED.finditer(sheet), MOST_AREAS)
    ]
    return [
        (column, first, last)
        for column, first, last in found
        if last > first and column < MAX_COLUMNS
    ]


def number_of(letters: bytes) -> int:
    """Return the column, counted from 0: 26 for `AA`."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1


def _unseen(sheet: bytes) -> frozenset[int]:
    """Return the hidden columns."""
    hidden: set[int] = set()
    for column in COLUMN.finditer(sheet):
        first, last = (
            re.search(rb"\b" + edge + rb'="(\d+)"', column[1]) for edge in (b"min", b"max")
        )
        if first and last and re.search(rb'\bhidden="(?:1|true)"', column[1]):
            hidden.update(range(int(first[1]) - 1, min(int(last[1]), MAX_COLUMNS)))
    return frozenset(hidden)


def _day(cell: str) -> str:
    """Take midnight off a date: the library tells a day as `2026-10-30 00:00:00`."""
    return cell[:10] if cell.endswith(" 00:00:00") and len(cell) == 19 else cell
