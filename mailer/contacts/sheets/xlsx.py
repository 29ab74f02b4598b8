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

TEXTS = ("inlineStr", "str", "e")

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
    columns: dict[str, int] = field(default_factory=dict)  # by their letters, those met so far
    read_cells: int = 0
    covered: int = 0

    def read(self, part: bytes) -> None:
        """Go through the tab. What is met in each cell stands in variables of this function, not in
        fields: a million cells are four million calls from the parser.
        """
        texts, rows, columns = self.texts, self.rows, self.columns
        most_cells = self.max_rows * CELLS_IN_A_ROW
        read_cells, read_text = self.read_cells, 0
        row, column = 0, -1
        cells: list[str] = []
        cell: dict[str, str] = {}  # its attributes
        formula = False
        pieces: list[str] = []  # of the text of a cell
        kept = 0  # so many of them are its value, the others stand between its tags

        def start(name: str, attributes: dict[str, str]) -> None:
            nonlocal cell, kept, formula, row, column, cells
            if name == "c":
                cell, kept, formula = attributes, 0, False
            elif name == "t" or name == "v":
                del pieces[kept:]
            elif name == "is":
                return
            elif name == "f":
                formula = True
            elif name == "row":
                row, column, cells = int(attributes.get("r", row + 1)), -1, []
                if attributes.get("hidden") in ("1", "true"):
                    self.hidden.add(row)
            elif ":" in name:
                start(_bare(name), attributes)
            else:
                self._beside(name, attributes)

        def end(name: str) -> None:
            nonlocal kept, column, read_cells, read_text
            if name == "t" or name == "v":
                kept = len(pieces)
            elif name == "c":
                letters = cell.get("r", "").rstrip("0123456789")
                at = columns.get(letters)
                column = at = self._column(letters, column + 1) if at is None else at
                read_cells += 1
                if read_cells > most_cells:
                    raise _Unreadable("C014", None, f"{read_cells:,} cells")
                if kept == 1 and not formula:
                    value = pieces[0]
                elif kept or formula:
                    value = "".join(pieces[:kept])
                else:
                    return
                kind = cell.get("t", "n")
                if kind == "s":
                    text = texts[int(value)] if value else ""
                elif kind in TEXTS:
                    text = _plain(value) if "_x" in value else value
                else:
                    text = self._shown(cell, at, row, value, formula=formula) if value else ""
                if formula:
                    self.formulas.add(reference(at, row, grid=True))
                if not text:
                    return
                read_text += len(text)
                if read_text > MOST_TEXT or at >= MAX_COLUMNS:
                    raise _too_much(row, at, read_text)
                width = len(cells)
                if at == width:
                    cells.append(text)
                elif at < width:
                    cells[at] = text
                else:  # what is skipped takes room, too
                    read_cells += at - width
                    cells.extend([""] * (at - width))
                    cells.append(text)
            elif name == "is":
                return
            elif name == "row" and any(map(str.strip, cells)):
                if row > self.max_rows:
                    raise _Unreadable("C015", row, f"the last filled row is {row:,}")
                if len(rows) >= self.max_rows:
                    raise _Unreadable("C015")
                rows.append((row, cells))
            elif ":" in name:
                end(_bare(name))

        stream(part, start, end, pieces.append)
        self.read_cells = read_cells

    def _beside(self, name: str, attributes: dict[str, str]) -> None:
        """Note what a tab says beside its cells."""
        if name == "mergeCell":
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

    def _column(self, letters: str, behind: int) -> int:
        """Return a column for the first time; a cell that names none stands behind the last one."""
        if not letters:
            return behind
        self.columns[letters] = column = number_of(letters.encode())
        return column

    def _shown(
        self, cell: dict[str, str], column: int, row: int, value: str, *, formula: bool
    ) -> str:
        """Return what a cell shows that holds no text."""
        del formula
        kind = cell.get("t", "n")
        if kind == "b":
            return {"1": "TRUE", "0": "FALSE"}.get(value, value)
        if kind == "d":
            return value.removesuffix("T00:00:00").replace("T", " ")
        number, style = float(value), int(cell.get("s", 0))
        code = self.styles[style] if style < len(self.styles) else ""
        if not code or len(code) > LONGEST:
            return general(number)
        if is_day(code) and (day := day_of(number, since_1904=self.since_1904)):
            self.days[reference(column, row, grid=True)] = day.date().isoformat()
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
    texts = _shared(parts)
    found: dict[str, dict[tuple[int, int], float]] = {}
    for name, _, part in tabs(parts):
        sheet = _Numbers(texts, [], MAX_ROWS, since_1904=False)
        sheet.read(parts[part])
        found[name] = sheet.numbers
    return found


@dataclass(slots=True)
class _Numbers(_Sheet):
    """One tab, of which only the numbers are kept."""

    numbers: dict[tuple[int, int], float] = field(default_factory=dict)

    def _shown(
        self, cell: dict[str, str], column: int, row: int, value: str, *, formula: bool
    ) -> str:
        if cell.get("t", "n") == "n" and not formula:
            self.numbers[row, column] = float(value)
        return ""


def _too_much(row: int, column: int, text: int) -> _Unreadable:
    if column < MAX_COLUMNS:
        return _Unreadable("C014", None, f"its text would fill {text / 1e6:,.0f} MB")
    return _Unreadable("C014", row, "", "there are cells far to the right of any contact sheet")


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
