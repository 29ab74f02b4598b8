"""ODS (OASIS OpenDocument 1.3, part 3, chapter 9): one pass over the stream of tags, row by row.

Read here and not through a library, because the usual one builds the whole document in memory
(fifty times the size of the file) and knows neither hidden rows nor where a link leads.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from xml.etree.ElementTree import Element, ParseError

from mailer.base.errors import Problem
from mailer.base.problems import problem
from mailer.contacts.contact import reference
from mailer.contacts.sheets.shown.number_format import general
from mailer.contacts.sheets.shown.struck import StrikeRule, struck_by
from mailer.contacts.sheets.table import (
    CELLS_IN_A_ROW,
    MAX_COLUMNS,
    MOST_COVERED,
    Reading,
    Row,
    Table,
    fill_down,
)

NS = "{urn:oasis:names:tc:opendocument:xmlns:%s:1.0}"
TABLE, TEXT, OFFICE = NS % "table", NS % "text", NS % "office"
HREF = "{http://www.w3.org/1999/xlink}href"
STYLE = NS % "style"
CALCEXT = "{urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0}"

LONGEST_COMMENT = 2_000
"""Characters of a comment that are kept."""

MOST_TABS = 1_000
MOST_REPEATED = 1_000
"""Rows that one filled row stands for; a spreadsheet program writes rows that are the same so."""

MOST_AGAIN = 10_000
"""Rows of a file that are written as another one again."""

DEEPEST = 200
"""Tags inside each other; a spreadsheet program writes some ten."""

MOST_TEXT = 1_000_000
"""Characters of one cell; a spreadsheet program allows 32,767."""


_TIME = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:[.,]\d+)?S)?")


class _TooManyRows(Exception):
    pass


class _TooBig(Exception):
    pass


class _TooDeep(Exception):
    pass


def read(file: str, content: bytes, parts: dict[str, bytes], max_rows: int) -> Reading:
    """Read all tabs."""
    del content
    try:
        problems: list[Problem] = []
        struck = _Struck(parts.get("styles.xml", b""))
        tables = tuple(_tables(file, parts["content.xml"], max_rows, struck, problems))
        return Reading(tables, tuple(problems))
    except _TooManyRows:
        return Reading(problems=(problem("C015", file),))
    except _TooBig:
        return Reading(problems=(problem("C014", file),))
    except _TooDeep:
        message = "this file is built in a way that no spreadsheet program builds one"
        return Reading(problems=(problem("C016", file, message=message),))
    except (ParseError, ValueError):
        return Reading(problems=(problem("C002", file),))


class _Struck:
    """The styles that strike text through, and the cells that have one."""

    def __init__(self, common: bytes) -> None:
        self.styles: set[str] = set()
        self.rules: dict[
            str, list[StrikeRule]
        ] = {}  # style of cells → what it strikes through, and when
        self.columns: list[tuple[int, str]] = []  # so many columns have this style
        self.cells: set[str] = set()
        self.conditions: list[StrikeRule] = []
        if common:
            from defusedxml.ElementTree import iterparse

            for _, element in iterparse(io.BytesIO(common)):
                if element.tag == f"{STYLE}style":
                    self.style(element)

    def style(self, element: Element) -> None:
        """Note a style; one that is made of another strikes through what that one does."""
        name, parent = element.get(f"{STYLE}name", ""), element.get(f"{STYLE}parent-style-name")
        line = None
        for child in element:
            if child.tag == f"{STYLE}text-properties":
                line = child.get(f"{STYLE}text-line-through-style", line)
                line = line or child.get(f"{STYLE}text-line-through-type")
            elif (
                child.tag == f"{STYLE}map" and child.get(f"{STYLE}apply-style-name") in self.styles
            ):
                self.rules.setdefault(name, []).append(_rule("", child, f"{STYLE}condition"))
        if line != "none" if line else parent in self.styles:
            self.styles.add(name)

    def cell(self, ref: str, style: str, cell: Element) -> None:
        """Note a cell whose text, or a part of it, is struck through."""
        if style in self.styles or any(
            span.get(f"{TEXT}style-name") in self.styles and "".join(span.itertext()).strip()
            for span in cell.iter(f"{TEXT}span")
        ):
            self.cells.add(ref)
        self.conditions += [replace(rule, area=ref) for rule in self.rules.get(style, ())]

    def again(self, row: int, at: int, width: int) -> None:
        """Let a row be struck through like the one that it is written as."""
        for column in range(width) if self.cells else ():
            if reference(column, row, grid=True) in self.cells:
                self.cells.add(reference(column, at, grid=True))

    def of_column(self, column: int) -> str:
        """Return the style that cells of a column have where they say nothing else."""
        for last, style in self.columns:
            if column < last:
                return style
        return ""


def _rule(area: str, element: Element, where: str) -> StrikeRule:
    """Return a condition in the words of XLSX: `formula-is([.$F2]="left")` looks at $F2."""
    said = re.sub(r"\[(?:[^\[\]]*)\.([^\[\].:]*)\]", r"\1", element.get(where, ""))
    own = where.rpartition("}")[0]  # its namespace
    base = element.get(own + "}base-cell-address", "").rpartition(".")[2]
    said = said.replace("is-true-formula(", "formula-is(").removeprefix("of:")
    if said.startswith("formula-is(") and said.endswith(")"):
        return StrikeRule(area, {"type": "expression"}, [said[len("formula-is(") : -1]], base)
    said = said.replace("cell-content()", "")
    for sign, operator in (("!=", "notEqual"), ("=", "equal")):
        if said.startswith(sign):
            return StrikeRule(
                area, {"type": "cellIs", "operator": operator}, [said[len(sign) :]], base
            )
    if base and (found := re.fullmatch(r'contains-text\((".*")\)', said)):
        return StrikeRule(
            area, {"type": "expression"}, [f"ISNUMBER(SEARCH({found[1]},{base}))"], base
        )
    return StrikeRule(area, {"type": said}, [], base)


def _tables(
    file: str, content: bytes, max_rows: int, struck: _Struck, problems: list[Problem]
) -> Iterator[Table]:
    from defusedxml.ElementTree import iterparse

    unseen: set[str] = set()  # styles of tabs that are not displayed
    rows: list[Row] = []
    hidden: set[int] = set()
    formulas: set[str] = set()
    links: dict[str, str] = {}
    days: dict[str, str] = {}
    comments: dict[int, list[tuple[int, str]]] = {}
    number = 0
    filled = cells_read = again = covered = 0
    filtered = False
    depth = 0  # a table may stand inside a cell
    made = 0
    areas: list[tuple[int, int, int]] = []
    unseen_columns: set[int] = set()
    columns = 0
    level = 0
    for event, element in iterparse(io.BytesIO(content), events=("start", "end")):
        tag = element.tag
        level += 1 if event == "start" else -1
        if level > DEEPEST:
            raise _TooDeep
        if tag == f"{TABLE}table":
            depth += 1 if event == "start" else -1
            if event == "start" and depth == 1:
                rows, hidden, formulas, links, number, filtered = [], set(), set(), {}, 0, False
                days = {}
                areas, unseen_columns, columns, made = [], set(), 0, made + 1
                comments = {}
                struck.columns, struck.cells, struck.conditions = [], set(), []
                if made > MOST_TABS:
                    raise _TooBig
            elif event == "end" and depth == 0:
                covered += sum(last - first for _, first, last in areas)
                if covered > MOST_COVERED:
                    raise _TooBig
                off = element.get(f"{TABLE}style-name") in unseen
                name = element.get(f"{TABLE}name", "")
                by_rule, found = struck_by(file, name, struck.conditions, rows)
                problems += found
                rows, merged = fill_down(rows, areas)
                yield Table(
                    file,
                    name,
                    rows,
                    frozenset(hidden),
                    filtered,
                    off,
                    frozenset(formulas),
                    links,
                    frozenset(unseen_columns),
                    merged,
                    days,
                    frozenset(struck.cells | by_rule),
                    {row: tuple(said) for row, said in comments.items()},
                )
                element.clear()
        elif event == "start":
            continue
        elif tag == f"{STYLE}style" and element.get(f"{STYLE}family") != "table":
            struck.style(element)
        elif tag == f"{STYLE}style":
            if any(child.get(f"{TABLE}display") == "false" for child in element):
                unseen.add(element.get(f"{STYLE}name", ""))
        elif tag == f"{TABLE}table-column" and depth == 1:
            wide = min(int(element.get(f"{TABLE}number-columns-repeated", "1")), MAX_COLUMNS)
            if element.get(f"{TABLE}visibility", "visible") != "visible":
                unseen_columns.update(range(columns, columns + wide))
            columns += wide
            struck.columns.append((columns, element.get(f"{TABLE}default-cell-style-name", "")))
        elif tag == f"{CALCEXT}conditional-format" and depth == 1:
            area = re.sub(r"[^\s:]*\.", "", element.get(f"{CALCEXT}target-range-address", ""))
            struck.conditions += [
                _rule(area, one, f"{CALCEXT}value")
                for one in element
                if one.get(f"{CALCEXT}apply-style-name") in struck.styles
            ]
        elif tag == f"{TABLE}table-row" and depth == 1:
            cells = _cells(element, number + 1, formulas, links, days, areas, struck, comments)
            repeated = int(element.get(f"{TABLE}number-rows-repeated", "1"))
            visibility = element.get(f"{TABLE}visibility", "visible")
            if any(map(str.strip, cells)):
                filled, again = filled + repeated, again + repeated - 1
                if repeated > MOST_REPEATED or again > MOST_AGAIN:
                    raise _TooBig
                cells_read += repeated * len(cells)
                if filled > max_rows:
                    raise _TooManyRows
                if cells_read > max_rows * CELLS_IN_A_ROW:
                    raise _TooBig
                rows += [(at, cells) for at in range(number + 1, number + 1 + repeated)]
                for at in range(number + 2, number + 1 + repeated):
                    struck.again(number + 1, at, len(cells))
                    if said := comments.get(number + 1):
                        comments[at] = said
                if visibility != "visible":
                    hidden.update(range(number + 1, number + 1 + repeated))
                    filtered |= visibility == "filter"
            number += repeated
            element.clear()


def _cells(
    row: Element,
    number: int,
    formulas: set[str],
    links: dict[str, str],
    days: dict[str, str],
    areas: list[tuple[int, int, int]],
    struck: _Struck,
    comments: dict[int, list[tuple[int, str]]],
) -> list[str]:
    cells: list[str] = []
    of_row = row.get(f"{TABLE}default-cell-style-name")
    for cell in row:
        if cell.tag not in (f"{TABLE}table-cell", f"{TABLE}covered-table-cell"):
            continue
        text = _value(cell)
        repeated = int(cell.get(f"{TABLE}number-columns-repeated", "1"))
        for note in cell.iterfind(f"{OFFICE}annotation") if len(cell) > bool(text) else ():
            said = "\n".join(_text(child) for child in note.iter(f"{TEXT}p"))[:LONGEST_COMMENT]
            comments.setdefault(number, []).append((len(cells), said))
        if text:
            ref = reference(len(cells), number, grid=True)
            down = int(cell.get(f"{TABLE}number-rows-spanned", "1"))
            if down > 1:
                areas.append((len(cells), number, number + down - 1))
            if cell.get(f"{TABLE}formula"):
                formulas.add(ref)
            if day := cell.get(f"{OFFICE}date-value", ""):
                days[ref] = day[:10]
            link = next(cell.iter(f"{TEXT}a"), None)
            if link is not None:
                links[ref] = link.get(HREF, "")
            if struck.styles:
                style = cell.get(f"{TABLE}style-name") or of_row or struck.of_column(len(cells))
                struck.cell(ref, style, cell)
        cells += [text] * min(repeated, MAX_COLUMNS - len(cells))
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _value(cell: Element) -> str:
    kind = cell.get(f"{OFFICE}value-type", "string")
    text = "\n".join(_text(child) for child in cell if child.tag == f"{TEXT}p")
    if text:
        return text  # what the cell shows
    if kind == "percentage":
        return f"{general(float(cell.get(f'{OFFICE}value', '0')) * 100)}%"
    if kind in ("float", "currency"):
        number = general(float(cell.get(f"{OFFICE}value", "0")))
        return f"{number} {cell.get(f'{OFFICE}currency', '')}".strip()
    if kind == "boolean":
        return cell.get(f"{OFFICE}boolean-value", "").upper()
    if kind == "time":
        found = _TIME.fullmatch(cell.get(f"{OFFICE}time-value", ""))
        return ":".join(part.rjust(2, "0") for part in found.groups("0")) if found else ""
    if kind == "date":
        return cell.get(f"{OFFICE}date-value", "").removesuffix("T00:00:00").replace("T", " ")
    return ""


def _text(element: Element) -> str:
    """Join the text of a paragraph; runs of blanks, tabs and line ends are tags of their own
    (section 6.1).
    """
    pieces = [element.text or ""]
    if len(element) > MOST_TEXT // 100:
        raise _TooBig
    for child in element:
        if child.tag == f"{TEXT}s":
            pieces.append(" " * min(int(child.get(f"{TEXT}c", "1")), 1000))
        elif child.tag == f"{TEXT}tab":
            pieces.append("\t")
        elif child.tag == f"{TEXT}line-break":
            pieces.append("\n")
        elif child.tag != f"{OFFICE}annotation":
            pieces.append(_text(child))
        pieces.append(child.tail or "")
    return "".join(pieces)
