"""What people leave at the cells of an XLSX in place of deleting a row: comments, and text that is
struck through.

Notes stand in a part of their own beside the tab, threads of comments in another (MS-XLSX
2.6.205). A workbook in which nothing is struck through is not gone through a second time.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from dataclasses import dataclass, field, replace

from mailer.base.errors import Problem
from mailer.contacts.contact import column_of, reference
from mailer.contacts.sheets.shown.struck import StrikeRule, struck_by
from mailer.contacts.sheets.table import Reading, Table
from mailer.contacts.sheets.xlsx import part_beside, relations, stream, tabs

LONGEST = 2_000
"""Characters of a comment that are kept."""

_CELL = re.compile(r"([A-Z]{1,3})(\d{1,7})")
_INSTEAD = re.compile(r"^\[[^\]]*\]")
"""How the note begins that stands for a thread in programs that know none: `[Threaded comment]`."""


def with_marks(reading: Reading, parts: dict[str, bytes]) -> Reading:
    """Return the tables of a workbook with the comments at their cells, and with what is struck
    through.
    """
    if not reading.tables:
        return reading
    part_of = {name: part for name, _, part in tabs(parts)}
    tables = reading.tables
    problems: list[Problem] = []
    if any("omment" in name for name in parts):
        tables = tuple(_with_comments(table, parts, part_of[table.sheet or ""]) for table in tables)
    if any(b"strike" in part for part in parts.values()):
        looks = _Looks(parts)
        tables = tuple(
            _with_struck(table, parts[part_of[table.sheet or ""]], looks, problems)
            for table in tables
        )
    return Reading(tables, (*reading.problems, *problems))


# ---------------------------------------------------------------------------------------- comments


def _with_comments(table: Table, parts: dict[str, bytes], part: str) -> Table:
    rows = {number for number, _ in table.rows}
    found: dict[int, list[tuple[int, str]]] = defaultdict(list)
    beside = [
        posixpath.normpath(posixpath.join("/", posixpath.dirname(part), target)).lstrip("/")
        for target in relations(parts, part).values()
    ]
    threads = any("threaded" in name for name in beside)
    for name in beside:
        if "omment" not in name or name not in parts:
            continue
        for ref, text in _comments(parts[name]):
            cell = _CELL.fullmatch(ref)
            if cell and int(cell[2]) in rows and not (threads and _INSTEAD.match(text)):
                found[int(cell[2])].append((column_of(cell[1]), text))
    return replace(table, comments={row: tuple(sorted(said)) for row, said in found.items()})


def _comments(part: bytes) -> list[tuple[str, str]]:
    """Return cell and text of each comment of a part."""
    found: list[tuple[str, str]] = []
    pieces: list[str] = []
    ref = ""
    inside = False

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal ref, inside
        name = name.rpartition(":")[2]
        if name in ("comment", "threadedComment"):
            ref = attributes.get("ref", "")
            pieces.clear()
        inside = name in ("t", "text")

    def end(name: str) -> None:
        nonlocal inside
        inside = False
        if name.rpartition(":")[2] in ("comment", "threadedComment"):
            found.append((ref, "".join(pieces).strip()[:LONGEST]))

    def text(words: str) -> None:
        if inside:
            pieces.append(words)

    stream(part, start, end, text)
    return found


# ---------------------------------------------------------------------------------- struck through


def _is_on(attributes: dict[str, str]) -> bool:
    return attributes.get("val", "1") not in ("0", "false")


class _Looks:
    """Which styles, shared texts and looks of rules of a workbook are struck through."""

    def __init__(self, parts: dict[str, bytes]) -> None:
        self.styles: set[int] = set()
        self.texts: set[int] = set()
        self.rules: set[int] = set()
        styles, texts = (part_beside(parts, f"{one}.xml") for one in ("styles", "sharedStrings"))
        if b"strike" in styles:
            self._of_styles(styles)
        if b"strike" in texts:
            self._of_texts(texts)

    def __bool__(self) -> bool:
        return bool(self.styles or self.texts or self.rules)

    def _of_styles(self, part: bytes) -> None:
        fonts: set[int] = set()
        font = rule = style = -1  # the number of the one we are in
        inside = ""

        def start(name: str, attributes: dict[str, str]) -> None:
            nonlocal font, rule, style, inside
            name = name.rpartition(":")[2]
            if name in ("fonts", "dxfs", "cellXfs"):
                inside = name
            elif name == "font" and inside == "fonts":
                font += 1
            elif name == "dxf":
                rule += 1
            elif name == "strike" and _is_on(attributes):
                if inside == "fonts":
                    fonts.add(font)
                elif inside == "dxfs":
                    self.rules.add(rule)
            elif name == "xf" and inside == "cellXfs":
                style += 1
                if int(attributes.get("fontId", 0)) in fonts:
                    self.styles.add(style)

        def end(name: str) -> None:
            nonlocal inside
            if name.rpartition(":")[2] == inside:
                inside = ""

        stream(part, start, end)

    def _of_texts(self, part: bytes) -> None:
        text = -1
        struck = in_text = False

        def start(name: str, attributes: dict[str, str]) -> None:
            nonlocal text, struck, in_text
            name = name.rpartition(":")[2]
            if name == "si":
                text += 1
            if name in ("si", "r"):
                struck = False
            elif name == "strike":
                struck = _is_on(attributes)
            in_text = name == "t"

        def words(said: str) -> None:
            if struck and in_text and said.strip():
                self.texts.add(text)

        stream(part, start, lambda _: None, words)


@dataclass(slots=True)
class _StruckCells:
    """One tab while its cells are asked what they look like."""

    looks: _Looks
    struck: set[str] = field(default_factory=set)
    rules: list[StrikeRule] = field(default_factory=list)  # those that strike cells through
    pieces: list[str] = field(default_factory=list)
    row: int = 0
    column: int = -1
    of_texts: bool = False  # its value is the number of a shared text
    is_struck: bool = False
    area: str = ""  # of the rules that are read
    wanted: bool = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if name == "c":
            cell = _CELL.fullmatch(attributes.get("r", ""))
            self.column = column_of(cell[1]) if cell else self.column + 1
            self.of_texts = attributes.get("t") == "s"
            self.is_struck = int(attributes.get("s", 0)) in self.looks.styles
        elif name in ("v", "formula"):
            self.pieces.clear()
        elif name == "row":
            self.row, self.column = int(attributes.get("r", self.row + 1)), -1
        elif name == "strike" and _is_on(attributes):
            self.is_struck = True
        elif name == "conditionalFormatting":
            self.area = attributes.get("sqref", "")
        elif name == "cfRule":
            self.wanted = int(attributes.get("dxfId", -1)) in self.looks.rules
            if self.wanted:
                self.rules.append(StrikeRule(self.area, attributes))

    def end(self, name: str) -> None:
        name = name.rpartition(":")[2]
        if name == "v" and self.of_texts and int("".join(self.pieces) or -1) in self.looks.texts:
            self.is_struck = True
        if name in ("v", "t") and self.is_struck:
            self.struck.add(reference(self.column, self.row, grid=True))
        elif name == "formula" and self.wanted:
            self.rules[-1].formulas.append("".join(self.pieces))


def _with_struck(table: Table, part: bytes, looks: _Looks, problems: list[Problem]) -> Table:
    if not looks and b"strike" not in part:
        return table
    sheet = _StruckCells(looks)
    stream(part, sheet.start, sheet.end, sheet.pieces.append)
    by_rule, found = struck_by(table.file, table.sheet or "", sheet.rules, table.rows)
    problems += found
    return replace(table, struck=frozenset(sheet.struck | by_rule))
