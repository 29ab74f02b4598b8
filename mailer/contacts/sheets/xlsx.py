"""XLSX and XLSM (ECMA-376): one pass over each part with a streaming parser, linear in its bytes.

Read here and not through a library, because the usual ones leave out what a cell shows, rows of
error values, hidden rows, and where links lead. Macros are never run, links never followed.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from xml.etree.ElementTree import Element, ParseError
from xml.parsers.expat import ExpatError, ParserCreate

from mailer.base.problems import problem
from mailer.contacts.contact import reference
from mailer.contacts.sheets.archive import unpack
from mailer.contacts.sheets.shown.number_format import (
    BUILT_IN,
    LONGEST,
    day_of,
    general,
    is_day,
    shown,
)
from mailer.contacts.sheets.table import (
    CELLS_IN_A_ROW,
    MAX_COLUMNS,
    MAX_ROWS,
    MOST_COVERED,
    Reading,
    Row,
    Table,
    fill_down,
)

MOST_AREAS = 10_000
MOST_LINKS = 65_530
"""Links of a tab; no spreadsheet program takes more, and a copy would be written for minutes."""


MOST_TEXT = 200_000_000
"""Characters of all cells of a tab: one long text can be used by 100,000 cells."""

BOOK = re.compile(r"(?:^|/)workbook\.xml$")


class _Unreadable(Exception):
    def __init__(
        self, code: str, row: int | None = None, value: str = "", message: str = ""
    ) -> None:
        self.args = (code, row, value, message)


def read(file: str, content: bytes, parts: dict[str, bytes], max_rows: int) -> Reading:
    """Read all tabs."""
    del content
    try:
        book = _book(parts)
        texts = _shared(parts)
        styles, since_1904 = _styles(parts), _since_1904(parts.get(book, b""))
        tables = []
        seen: set[str] = set()
        cells = 0
        for name, hidden, part in tabs(parts):
            if part in seen:
                message = "two of its tabs are the same part, and no spreadsheet program does that"
                raise _Unreadable("C016", None, name, message)
            seen.add(part)
            sheet = _Sheet(texts, styles, max_rows, since_1904=since_1904, read_cells=cells)
            sheet.read(parts[part])
            cells = sheet.read_cells
            tables.append(_table(file, name, hidden, sheet, relations(parts, part)))
        return Reading(tuple(tables))
    except _Unreadable as refused:
        code, row, value, message = refused.args
        return Reading(problems=(problem(code, file, row=row, value=value, message=message),))
    except (ParseError, ExpatError, KeyError, ValueError, IndexError):
        return Reading(problems=(problem("C002", file),))


def stream(
    part: bytes,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None],
    text: Callable[[str], object] | None = None,
) -> None:
    """Go through one part, tag by tag; names come with their prefix, if they have one (`x:row`):
    a call in between for each of three million tags would take a second. A document type is
    refused: no spreadsheet program writes one.
    """
    parser = ParserCreate()
    parser.buffer_text = True

    def doctype(*_: object) -> None:
        raise ValueError("DOCTYPE")

    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.Parse(part, True)


def _bare(name: str) -> str:
    return name.rpartition(":")[2]


def _xml(part: bytes) -> Element:
    from defusedxml.ElementTree import fromstring

    root: Element = fromstring(part)
    return root


def _book(parts: dict[str, bytes]) -> str:
    """Return the part that lists the tabs; some programs keep it elsewhere than in xl/."""
    if "xl/workbook.xml" in parts:
        return "xl/workbook.xml"
    return next(name for name in parts if BOOK.search(name))


def relations(parts: dict[str, bytes], part: str) -> dict[str, str]:
    """Return id → target of the relations of one part."""
    folder, name = posixpath.split(part)
    relations = parts.get(posixpath.join(folder, "_rels", f"{name}.rels"))
    return (
        {} if relations is None else {e.get("Id", ""): e.get("Target", "") for e in _xml(relations)}
    )


def tabs(parts: dict[str, bytes]) -> Iterator[tuple[str, bool, str]]:
    """Yield name, whether hidden, and part of each tab that holds cells."""
    book = _book(parts)
    targets = relations(parts, book)
    for element in _xml(parts[book]).iter():
        if element.tag.rpartition("}")[2] == "sheet":
            target = targets[_relation(element)].replace("\\", "/")
            part = posixpath.normpath(posixpath.join("/", posixpath.dirname(book), target))
            part = part.lstrip("/")
            if part in parts and "chartsheet" not in part and "dialogsheet" not in part:
                yield element.get("name", ""), element.get("state", "visible") != "visible", part


def _relation(element: Element) -> str:
    """Return the id that leads to a part; its namespace is one in transitional files, another in
    strict ones.
    """
    return next((value for name, value in element.items() if name.endswith("}id")), "")


def part_beside(parts: dict[str, bytes], name: str) -> bytes:
    """Return a part that stands beside the list of tabs; empty if there is none."""
    folder = posixpath.dirname(_book(parts))
    return parts.get(posixpath.join(folder, name), b"")


def _shared(parts: dict[str, bytes]) -> list[str]:
    """Return the texts that cells share; how a text is spoken (Japanese) is none of it."""
    part = part_beside(parts, "sharedStrings.xml")
    found: list[str] = []
    pieces: list[str] = []
    state = {"in": False, "spoken": False}

    def start(name: str, _: dict[str, str]) -> None:
        name = _bare(name)
        if name == "si":
            pieces.clear()
        elif name == "rPh":
            state["spoken"] = True
        state["in"] = name == "t" and not state["spoken"]

    def end(name: str) -> None:
        name = _bare(name)
        state["in"] = False
        if name == "si":
            found.append(_plain("".join(pieces)))
        elif name == "rPh":
            state["spoken"] = False

    def text(words: str) -> None:
        if state["in"]:
            pieces.append(words)

    if part:
        stream(part, start, end, text)
    return found


_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def _plain(text: str) -> str:
    """Return text with the signs that XML cannot hold (section 22.4.2.4): `_x000D_`."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _styles(parts: dict[str, bytes]) -> list[str]:
    """Return the number format of each style."""
    part = part_beside(parts, "styles.xml")
    own: dict[int, str] = {}
    formats: list[str] = []
    inside = [False]

    def start(name: str, attributes: dict[str, str]) -> None:
        name = _bare(name)
        if name == "numFmt":
            own[int(attributes.get("numFmtId", 0))] = attributes.get("formatCode", "")
        elif name == "cellXfs":
            inside[0] = True
        elif name == "xf" and inside[0]:
            number = int(attributes.get("numFmtId", 0))
            formats.append(own.get(number, BUILT_IN.get(number, "")))

    def end(name: str) -> None:
        if _bare(name) == "cellXfs":
            inside[0] = False

    if part:
        stream(part, start, end)
    return formats


def _since_1904(book: bytes) -> bool:
    return re.search(rb'date1904="(?:1|true)"', book[:100_000]) is not None


@dataclass(slots=True)
class _Sheet:
    """One tab while it is read."""

    texts: list[str]
    styles: list[str]
    max_rows: int
    since_1904: bool
    rows: list[Row] = field(default_factory=list)
    hidden: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)
    formulas: set[str] = field(default_factory=set)
    days: dict[str, str] = field(default_factory=dict)
    areas: list[tuple[int, int, int]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)  # cells, id of the relation
    filtered: bool = False
    row: int = 0
    column: int = -1
    cell: dict[str, str] = field(default_factory=dict)  # its attributes
    formula: bool = False
    pieces: list[str] = field(default_factory=list)  # of the text of a cell
    kept: int = 0  # so many of them are its value, the others stand between its tags
    cells: list[str] = field(default_factory=list)
    columns: dict[str, int] = field(default_factory=dict)  # by their letters, those met so far
    read_cells: int = 0
    read_text: int = 0
    covered: int = 0

    def read(self, part: bytes) -> None:
        stream(part, self._start, self._end, self.pieces.append)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            self.cell, self.kept, self.formula = attributes, 0, False
        elif name == "v" or name == "t":
            del self.pieces[self.kept :]
        elif name == "f":
            self.formula = True
        elif name == "row":
            self.row = int(attributes.get("r", self.row + 1))
            self.column = -1
            self.cells = []
            if attributes.get("hidden") in ("1", "true"):
                self.hidden.add(self.row)
        elif name == "mergeCell":
            self._area(attributes.get("ref", ""))
        elif name == "hyperlink":
            self._cover(attributes.get("ref", ""))
            if len(self.links) >= MOST_LINKS:
                raise _Unreadable("C014", None, f"more than {MOST_LINKS:,} links")
            target = next((v for k, v in attributes.items() if k.endswith(":id")), "")
            self.links.append((attributes.get("ref", ""), target))
        elif name == "col" and attributes.get("hidden") in ("1", "true"):
            first, last = int(attributes["min"]), min(int(attributes["max"]), MAX_COLUMNS)
            if len(self.hidden_columns) < MAX_COLUMNS:
                self.hidden_columns.update(range(first - 1, last))
        elif name == "filterColumn":
            self.filtered = True
        elif ":" in name:
            self._start(_bare(name), attributes)

    def _column(self, letters: str) -> int:
        """Return a column for the first time; a cell that names none stands behind the last one."""
        if not letters:
            return self.column + 1
        self.columns[letters] = column = number_of(letters.encode())
        return column

    def _end(self, name: str) -> None:
        if name == "v" or name == "t":
            self.kept = len(self.pieces)
        elif name == "c":
            letters = self.cell.get("r", "").rstrip("0123456789")
            column = self.columns.get(letters)
            self.column = self._column(letters) if column is None else column
            self.read_cells += 1
            if self.read_cells > self.max_rows * CELLS_IN_A_ROW:
                raise _Unreadable("C014", None, f"{self.read_cells:,} cells")
            if self.kept or self.formula:
                self._cell(self.cell.get("t", "n"), "".join(self.pieces[: self.kept]))
            self.pieces.clear()
        elif name == "row" and any(map(str.strip, self.cells)):
            if self.row > self.max_rows:
                value = f"the last filled row is {self.row:,}"
                raise _Unreadable("C015", self.row, value)
            if len(self.rows) >= self.max_rows:
                raise _Unreadable("C015")
            self.rows.append((self.row, self.cells))
        elif ":" in name:
            self._end(_bare(name))

    def _cell(self, kind: str, value: str) -> None:
        if kind == "s":
            text = self.texts[int(value)] if value else ""
        elif kind in ("inlineStr", "str", "e"):
            text = _plain(value)
        else:
            text = self._shown(kind, value) if value else ""
        if self.formula:
            self.formulas.add(reference(self.column, self.row, grid=True))
        if not text:
            return
        column, cells = self.column, self.cells
        if column >= MAX_COLUMNS:
            message = "there are cells far to the right of any contact sheet"
            raise _Unreadable("C014", self.row, "", message)
        self.read_text += len(text)
        if self.read_text > MOST_TEXT:
            raise _Unreadable("C014", None, f"its text would fill {self.read_text / 1e6:,.0f} MB")
        if column == len(cells):
            cells.append(text)
        elif column < len(cells):
            cells[column] = text
        else:  # what is skipped takes room, too
            self.read_cells += column - len(cells)
            cells += [""] * (column - len(cells))
            cells.append(text)

    def _shown(self, kind: str, value: str) -> str:
        """Return what a cell shows that holds no text."""
        if kind == "b":
            return {"1": "TRUE", "0": "FALSE"}.get(value, value)
        if kind == "d":
            return value.removesuffix("T00:00:00").replace("T", " ")
        number, style = float(value), int(self.cell.get("s", 0))
        code = self.styles[style] if style < len(self.styles) else ""
        if not code or len(code) > LONGEST:
            return general(number)
        if is_day(code) and (day := day_of(number, since_1904=self.since_1904)):
            self.days[reference(self.column, self.row, grid=True)] = day.date().isoformat()
        return shown(number, code, since_1904=self.since_1904)

    def _cover(self, ref: str) -> None:
        first, colon, last = ref.partition(":")
        if colon:
            wide = number_of(_letters(last)) - number_of(_letters(first)) + 1
            self.covered += wide * (_number(last) - _number(first) + 1)
        if self.covered > MOST_COVERED:
            raise _Unreadable("C014", None, "", f"{ref} is merged, or a link, over too many cells")

    def _area(self, ref: str) -> None:
        self._cover(ref)
        first, _, last = ref.partition(":")
        if not last or len(self.areas) >= MOST_AREAS:
            return
        column, top, bottom = number_of(_letters(first)), _number(first), _number(last)
        if bottom > top and column < MAX_COLUMNS:
            self.areas.append((column, top, bottom))


def numbers_of(content: bytes) -> dict[str, dict[tuple[int, int], float]]:
    """Return the numbers that stand in the cells of a workbook, and are no formula's: tab → (row,
    column counted from 0) → number.
    """
    parts = unpack("", content, MAX_ROWS)[0] or {}
    found: dict[str, dict[tuple[int, int], float]] = {}
    for name, _, part in tabs(parts):
        sheet = _Numbers([], [], MAX_ROWS, since_1904=False)
        sheet.read(parts[part])
        found[name] = sheet.numbers
    return found


@dataclass(slots=True)
class _Numbers(_Sheet):
    """One tab, of which only the numbers are kept."""

    numbers: dict[tuple[int, int], float] = field(default_factory=dict)

    def _cell(self, kind: str, value: str) -> None:
        if value and kind == "n" and not self.formula:
            self.numbers[self.row, self.column] = float(value)


def _letters(ref: str) -> bytes:
    return ref.rstrip("0123456789").encode()


def _number(ref: str) -> int:
    return int(ref.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ$") or 0)


def number_of(letters: bytes) -> int:
    """Return the column, counted from 0: 26 for `AA`."""
    if len(letters) > 3:
        raise ValueError(letters)
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1


def _table(file: str, name: str, hidden_tab: bool, sheet: _Sheet, targets: dict[str, str]) -> Table:
    numbers = frozenset(number for number, _ in sheet.rows)
    rows, merged = fill_down(sorted(sheet.rows, key=lambda row: row[0]), sheet.areas)
    links = {
        ref.partition(":")[0]: targets.get(target, "")
        for ref, target in islice(sheet.links, 2 * len(sheet.rows) * CELLS_IN_A_ROW)
        if target
    }
    return Table(
        file,
        name,
        rows,
        frozenset(sheet.hidden) & numbers,
        sheet.filtered,
        hidden_tab,
        frozenset(sheet.formulas),
        links,
        frozenset(sheet.hidden_columns),
        merged,
        sheet.days,
    )
