"""Writes rows of an XLSX anew, each with everything that hangs on it; every other byte stays.

Rows, merged cells, links, drop-downs, conditional formats, filters, comments, tables and named
areas move together. What cannot be moved by this module (a formula that looks at other rows, a
chart's data) refuses the copy, before anything is written.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from html import escape, unescape
from xml.parsers.expat import ParserCreate

from mailer.base.errors import Refused
from mailer.contacts.contact import reference
from mailer.contacts.edit.alignment import RowHome, TabHome, moved_range
from mailer.contacts.sheets.xlsx import number_of, tabs

_CELL = re.compile(r'(<(?:\w+:)?c\b[^>]*?\sr=")([A-Z]+)\d+(")')
_ROW = re.compile(r'(<(?:\w+:)?row\b[^>]*?\sr=")\d+(")')
_AREA = re.compile(r"(\$?)([A-Z]{1,3})(\$?)(\d+)(?::(\$?)([A-Z]{1,3})(\$?)(\d+))?")
_FORMULA = re.compile(r"<((?:\w+:)?)f\b([^>]*?)(?:/>|>([^<]*)</\1f>)")
_RULE = re.compile(r"(<(?:\w+:)?(?:formula[12]?|f)>)([^<]*)(</)")
_OF_THIS_ROW = re.compile(
    r"&quot;.*?&quot;|\"[^\"]*\"|(?:'[^']*'|[\w.]+)!\$?[A-Z]{1,3}\$?\d+(?::\$?[A-Z]{1,3}\$?\d+)?"
    r"|(?<![\w.$])(\$?[A-Z]{1,3})(\d+)(?![\w.(!])"
)
"""What a formula quotes, or names of another tab, and cells that it names by their distance."""
_ANCHOR = re.compile(r"<((?:\w+:)?)(?:two|one)CellAnchor\b.*?</\1(?:two|one)CellAnchor>", re.DOTALL)
_ANCHORED = re.compile(r"(<(?:\w+:)?row>)(\d+)(</)")

_HANGING = {
    "mergeCell": "ref",
    "hyperlink": "ref",
    "dataValidation": "sqref",
    "conditionalFormatting": "sqref",
    "autoFilter": "ref",
    "ignoredError": "sqref",
    "protectedRange": "sqref",
    "dimension": "ref",
    "sqref": "",
}
"""Elements that name cells, and the attribute that does."""


def write_rows(content: bytes, homes: Mapping[str, TabHome], shown: Mapping[str, bool]) -> bytes:
    """Return the workbook with its rows as the copy has them. `shown` says of a tab that was hidden
    or shown whether it is seen now. Raises `Refused` for what cannot be moved.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        infos = book.infolist()
        parts = {info.filename: book.read(info) for info in infos}
    part_of = {name: part for name, _, part in tabs(parts)}
    for tab, home in homes.items():
        part = part_of[tab]
        sheet = parts[part].decode("utf-8")
        if home.moves:
            _movable(tab, part, sheet, parts)
            _beside(parts, part, tab, home)
        parts[part] = _sheet(sheet, home).encode()
    for tab, seen in shown.items():
        book_part = "xl/workbook.xml"
        parts[book_part] = _show_tab(parts[book_part].decode("utf-8"), tab, seen=seen).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        for info in infos:
            if info.filename in parts:
                book.writestr(info, parts[info.filename], compress_type=zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _movable(tab: str, part: str, sheet: str, parts: Mapping[str, bytes]) -> None:
    """Refuse what this module cannot move."""
    advice = "delete, add or sort the rows in the sheet itself, or only correct cells in the copy"
    if "<!--" in sheet or "<![CDATA[" in sheet:
        raise Refused(f'rows of "{tab}" cannot be moved in this file', hint=advice)
    name = tab.replace("'", "''")
    for other, content in parts.items():
        if other != part and other.startswith(("xl/worksheets/", "xl/charts/", "xl/pivotCache/")):
            text = unescape(content.decode("utf-8", "replace"))
            if f"'{name}'!" in text or f"{name}!" in text or f'sheet="{tab}"' in text:
                message = f'rows of "{tab}" moved, and {posixpath.basename(other)} looks at them'
                raise Refused(message, hint=advice)


# --------------------------------------------------------------------------------------- one sheet


def _spans(sheet: str) -> tuple[tuple[int, int], list[tuple[int, int, int]]]:
    """Return begin and end of the rows' data, and number, begin and end of each row, in bytes."""
    data = sheet.encode()
    parser = ParserCreate()
    rows: list[tuple[int, int, int]] = []
    area = [0, 0]
    open_row: list[int] = []

    def end_of(at: int) -> int:
        return data.index(b">", at) + 1

    def start(name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(":")[2]
        if tag == "sheetData":
            area[0] = end_of(parser.CurrentByteIndex)
        elif tag == "row":
            number = int(attributes.get("r", 0))
            if not number:
                message = "the rows of this file have no numbers, so they cannot be changed"
                raise Refused(message, hint="open it in your spreadsheet program and save it anew")
            open_row[:] = [number, parser.CurrentByteIndex]

    def end(name: str) -> None:
        tag = name.rpartition(":")[2]
        at = parser.CurrentByteIndex
        if tag == "row":
            rows.append((open_row[0], open_row[1], end_of(at)))
        elif tag == "sheetData":
            area[1] = at if data[at : at + 2] == b"</" else area[0]

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.Parse(data, True)
    return (area[0], area[1]), rows


def _sheet(sheet: str, home: TabHome) -> str:
    data = sheet.encode()
    (begin, end), spans = _spans(sheet)
    raw = {number: data[a:b].decode() for number, a, b in spans}
    prefix = _prefix(sheet)
    new: dict[int, str] = {}
    for row in home.rows:
        text = raw.get(row.old or 0, "")
        if not text:
            text = _empty_like(raw.get(home.beside(row.number) or 0, ""), row.number, prefix)
        new[row.number] = _row(text, row, home)
    known = {*home.places, *home.gone}
    last = max(known, default=0)
    shift = max((row.number for row in home.rows), default=0) - last
    for number, text in raw.items():  # rows without people: formats, blank lines
        if number not in known:
            place = number + shift if number > last and home.moves else number
            if place not in new and not (home.moves and number < last and number != place):
                new[place] = _renumbered(text, number, place, home)
    rows = "".join(text for _, text in sorted(new.items()))
    before, after = data[:begin].decode(), data[end:].decode()
    if begin == end:  # <sheetData/>
        head = before.rpartition("<")[0]
        before, after = f"{head}<{prefix}sheetData>", f"</{prefix}sheetData>{after}"
    if home.moves:
        before, after = (_hanging(text, home) for text in (before, after))
    return before + rows + _links(after, home)


def _prefix(sheet: str, tag: str = "sheetData") -> str:
    found = re.search(rf"<((?:\w+:)?){tag}\b", sheet)
    return found[1] if found else ""


def _empty_like(text: str, number: int, prefix: str) -> str:
    """Return a row of empty cells with the height, borders and formats of another one."""
    head = re.sub(r'\s+(?:r|hidden)="[^"]*"', "", text[: text.find(">") + 1]).rstrip("/> ")
    head = head or f"<{prefix}row"
    cells = "".join(
        f'<{prefix}c r="{found[1]}{number}" s="{style[1]}"/>'
        for cell in re.findall(rf"<{prefix}c\b[^>]*>", text)
        if (found := re.search(r'\sr="([A-Z]+)\d+"', cell))
        and (style := re.search(r'\ss="(\d+)"', cell))
    )
    return f'{head} r="{number}">{cells}</{prefix}row>'


def _row(text: str, row: RowHome, home: TabHome) -> str:
    if row.old is not None and row.old != row.number:
        text = _renumbered(text, row.old, row.number, home)
    elif home.moves and "f>" in text:
        text = _formulas(text, row.number, row.number, home)
    head = text[: text.index(">") + 1]
    if row.hidden is not None:
        bare = re.sub(r'\s+hidden="[^"]*"', "", head)
        if row.hidden:
            bare = re.sub(r"\s*(/?>)$", r' hidden="1"\1', bare)
        text = bare + text[len(head) :]
    prefix = _prefix(text, "row")
    for column, value in sorted(row.changes.items()):
        text = _with_cell(text, reference(column, row.number, grid=True), value, prefix)
    return text


def _renumbered(text: str, old: int, new: int, home: TabHome) -> str:
    text = _ROW.sub(rf"\g<1>{new}\g<2>", text, count=1)
    text = _CELL.sub(rf"\g<1>\g<2>{new}\g<3>", text)
    return _formulas(text, old, new, home) if home.moves else text


def _formulas(text: str, old: int, new: int, home: TabHome) -> str:
    """Let the formulas of a moved row look at the same cells; refuse those that look elsewhere."""
    places = home.places

    def rewrite(found: re.Match[str]) -> str:
        words = found[3] or ""
        if 't="shared"' in found[2] or 't="array"' in found[2]:
            _refuse_formula(old, words or "a shared formula")

        def cell(area: re.Match[str]) -> str:
            rows = [int(area[4]), *([int(area[8])] if area[8] else [])]
            if all(row == old for row in rows):
                return re.sub(r"\d+", str(new), area[0])
            if any(places.get(row) != row for row in rows) or len(rows) > 1:
                _refuse_formula(old, words)
            return area[0]

        moved = _AREA.sub(cell, words)
        return found[0].replace(f">{words}<", f">{moved}<") if words else found[0]

    return _FORMULA.sub(rewrite, text)


def _refuse_formula(row: int, words: str) -> None:
    message = (
        f"rows moved, and the formula of row {row} looks at other rows: {unescape(words)[:80]}"
    )
    raise Refused(message, hint="move the rows in the sheet itself, or only correct cells")


def _with_cell(row: str, cell: str, value: str | float, prefix: str) -> str:
    """Return a row with one cell written as text inside it (ECMA-376 part 1, 18.3.1.4), or as a
    number; its style stays.
    """
    element = rf'<{prefix}c\b([^>]*?\sr="{cell}"[^>]*?)(?:/>|>.*?</{prefix}c>)'
    found = re.search(element, row, re.DOTALL)
    attributes = re.sub(r'\s+t="[^"]*"', "", found[1]) if found else f' r="{cell}"'
    new = f"<{prefix}c{attributes}/>"
    if isinstance(value, float):
        new = f"<{prefix}c{attributes}><{prefix}v>{value!r}</{prefix}v></{prefix}c>"
    elif value:
        words = escape(value, quote=False)
        new = (
            f'<{prefix}c{attributes} t="inlineStr"><{prefix}is><{prefix}t'
            f' xml:space="preserve">{words}</{prefix}t></{prefix}is></{prefix}c>'
        )
    if found:
        return row[: found.start()] + new + row[found.end() :]
    if row.endswith("/>"):
        row = f"{row[:-2]}></{prefix}row>"
    column = number_of(re.sub(r"\d", "", cell).encode())
    for other in _CELL.finditer(row):
        if number_of(other[2].encode()) > column:
            return row[: other.start()] + new + row[other.start() :]
    at = row.rindex(f"</{prefix}row>")
    return row[:at] + new + row[at:]


# -------------------------------------------------------------------------- what hangs on the rows


def _moved(ref: str, home: TabHome) -> str:
    """Return a list of cells and areas after the move; empty if all their rows are gone."""
    found: list[str] = []
    for area in ref.split():
        match = _AREA.fullmatch(area)
        if match is None:
            found.append(area)
            continue
        first, last = int(match[4]), int(match[8] or match[4])
        right = match[6] or match[2]
        for top, bottom in moved_range(first, last, home):
            whole = f"{match[1]}{match[2]}{match[3]}{top}"
            if match[8]:
                whole += f":{match[5]}{right}{match[7]}{bottom}"
            elif bottom != top:
                whole += f":{match[1]}{right}{match[3]}{bottom}"
            found.append(whole)
    return " ".join(found)


def _hanging(text: str, home: TabHome) -> str:
    """Move every element that names cells; one whose rows are all gone goes, too."""
    names = "|".join(name for name, attribute in _HANGING.items() if attribute)
    pattern = re.compile(
        rf'<((?:\w+:)?)({names})\b([^>]*?\s)(ref|sqref)="([^"]*)"([^>]*?)(/>|>(?:.*?)</\1\2>)',
        re.DOTALL,
    )

    def rewrite(found: re.Match[str]) -> str:
        ref = _moved(found[5], home)
        if found[2] == "mergeCell" and (" " in ref or ":" not in ref or _one_cell(ref)):
            ref = ""
        if not ref:
            return ""
        inside = found[7]
        if found[2] in ("conditionalFormatting", "dataValidation"):
            inside = _from_another_row(inside, _top(ref) - _top(found[5]))
        return f'<{found[1]}{found[2]}{found[3]}{found[4]}="{ref}"{found[6]}{inside}'

    text = pattern.sub(rewrite, text)
    text = _merged_as_in_the_copy(text, home)
    for group in ("mergeCells", "hyperlinks", "dataValidations"):
        text = re.sub(rf"<(?:\w+:)?{group}\b[^>]*>\s*</(?:\w+:)?{group}>", "", text)
    text = re.sub(r'(<(?:\w+:)?(?:mergeCells|dataValidations)\b[^>]*?)\s+count="\d+"', r"\1", text)
    return re.sub(
        r"(<(\w+:)sqref>)([^<]*)(</\2sqref>)",
        lambda found: found[1] + _moved(found[3], home) + found[4],
        text,
    )


def _top(ref: str) -> int:
    """Return the first row of a list of areas; what looks at "this row" is written for it."""
    return min((int(area[4]) for area in _AREA.finditer(ref)), default=0)


def _from_another_row(text: str, down: int) -> str:
    """Let the formulas of a format or a drop-down, which are written for the first row of its
    areas, look at the cells of a row that stands `down` rows below.
    """

    def cell(found: re.Match[str]) -> str:
        return f"{found[1]}{int(found[2]) + down}" if found[1] else found[0]

    def formula(found: re.Match[str]) -> str:
        return f"{found[1]}{_OF_THIS_ROW.sub(cell, found[2])}{found[3]}"

    return _RULE.sub(formula, text) if down else text


def _one_cell(ref: str) -> bool:
    first, _, last = ref.partition(":")
    return first == last


def _merged_as_in_the_copy(text: str, home: TabHome) -> str:
    """Let the areas that reach down be those of the copy, as the spreadsheet program moved them."""
    want = {(column, first, last) for column, first, last in home.merged}

    def keep(found: re.Match[str]) -> str:
        area = _AREA.fullmatch(found[2])
        if area is None or not area[8] or area[4] == area[8]:
            return found[0]
        column, first, last = number_of(area[2].encode()), int(area[4]), int(area[8])
        if (column, first, last) in want:
            want.discard((column, first, last))
            return found[0]
        return ""

    text = re.sub(r'<((?:\w+:)?)mergeCell\b[^>]*?\sref="([^"]*)"[^>]*?/>', keep, text)
    if want and (group := re.search(r"<((?:\w+:)?)mergeCells\b[^>]*>", text)):
        new = "".join(
            f'<{group[1]}mergeCell ref="{reference(column, first, grid=True)}:'
            f'{reference(column, last, grid=True)}"/>'
            for column, first, last in sorted(want)
        )
        text = text[: group.end()] + new + text[group.end() :]
    return text


def _links(text: str, home: TabHome) -> str:
    """Take the link off a cell that was corrected and whose link leads elsewhere."""
    changed = {
        reference(column, row.number, grid=True) for row in home.rows for column in row.changes
    }
    if not changed or "hyperlink" not in text:
        return text

    def keep(found: re.Match[str]) -> str:
        return "" if found[1] in changed else found[0]

    text = re.sub(r'<(?:\w+:)?hyperlink\b[^>]*?\sref="([A-Z]+\d+)"[^>]*?/>', keep, text)
    return re.sub(r"<(?:\w+:)?hyperlinks>\s*</(?:\w+:)?hyperlinks>", "", text)


def _beside(parts: dict[str, bytes], part: str, tab: str, home: TabHome) -> None:
    """Move what hangs on the rows in other parts: comments, their boxes, tables, named areas."""
    folder, name = posixpath.split(part)
    rels = parts.get(f"{folder}/_rels/{name}.rels", b"").decode("utf-8")
    for target in re.findall(r'\bTarget="([^"]+)"', rels):
        path = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
        if not path.endswith((".xml", ".vml")) or path not in parts:
            continue
        text = parts[path].decode("utf-8")
        if "omment" in path and path.endswith(".xml"):
            parts[path] = _comments(text, home).encode()
        elif path.endswith(".vml"):
            parts[path] = _boxes(text, home).encode()
        elif "/drawings/" in path:
            parts[path] = _pictures(text, home).encode()
        elif "/tables/" in path:
            parts[path] = _attribute(text, "ref", home).encode()
    book = parts["xl/workbook.xml"].decode("utf-8")
    quoted = re.escape(escape(tab.replace("'", "''"), quote=False))

    def area(found: re.Match[str]) -> str:
        return found[1] + (_moved(found[2], home).split() or ["#REF!"])[0]

    cells = r"(\$?[A-Z]{1,3}\$?\d+(?::\$?[A-Z]{1,3}\$?\d+)?)"
    book = re.sub(rf"((?:'{quoted}'|(?<![\w']){quoted})!){cells}", area, book)
    parts["xl/workbook.xml"] = book.encode()


def _attribute(text: str, name: str, home: TabHome) -> str:
    return re.sub(
        rf'(\s{name}=")([^"]+)(")',
        lambda found: found[1] + (_moved(found[2], home) or found[2]).split()[0] + found[3],
        text,
    )


def _comments(text: str, home: TabHome) -> str:
    def rewrite(found: re.Match[str]) -> str:
        ref = _moved(found[4], home)
        return found[0].replace(f'ref="{found[4]}"', f'ref="{ref}"', 1) if ref else ""

    return re.sub(
        r'<((?:\w+:)?)(comment|threadedComment)\b([^>]*?)\sref="([A-Z]+\d+)"[^>]*?(?:/>|>.*?</\1\2>)',
        rewrite,
        text,
        flags=re.DOTALL,
    )


def _pictures(text: str, home: TabHome) -> str:
    """Move each picture with the row that it begins in, or take it away with it."""

    def rewrite(found: re.Match[str]) -> str:
        first = _ANCHORED.search(found[0])
        old = int(first[2]) + 1 if first else 0
        if old in home.gone:
            return ""
        down = home.places.get(old, old) - old
        return _ANCHORED.sub(lambda row: f"{row[1]}{int(row[2]) + down}{row[3]}", found[0])

    return _ANCHOR.sub(rewrite, text)


def _boxes(text: str, home: TabHome) -> str:
    places = home.places

    def rewrite(found: re.Match[str]) -> str:
        row = re.search(r"(<x:Row>\s*)(\d+)(\s*</x:Row>)", found[0])
        if row is None:
            return found[0]
        old = int(row[2]) + 1
        if old in home.gone:
            return ""
        new = places.get(old, old) - 1
        return found[0].replace(row[0], f"{row[1]}{new}{row[3]}", 1)

    return re.sub(r"<v:shape\b.*?</v:shape>", rewrite, text, flags=re.DOTALL)


def _show_tab(workbook: str, tab: str, *, seen: bool) -> str:
    def rewrite(found: re.Match[str]) -> str:
        name = re.search(r'\bname="([^"]*)"', found[1])
        if name is None or unescape(name[1]) != tab:
            return found[0]
        bare = re.sub(r'\s+state="[^"]*"', "", found[1])
        return f"{bare}{'' if seen else ' state=' + chr(34) + 'hidden' + chr(34)}{found[2]}"

    return re.sub(r"(<(?:\w+:)?sheet\b[^>]*?)(/?>)", rewrite, workbook)


def hanging(content: bytes) -> dict[str, dict[str, list[str]]]:
    """Return what hangs on the rows of each tab: kind → cells and areas, for the proof."""
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        names = [name for name in book.namelist() if name.endswith((".xml", ".rels"))]
        parts = {name: book.read(name) for name in names}
    found: dict[str, dict[str, list[str]]] = {}
    for tab, _, part in tabs(parts):
        kinds = found.setdefault(tab, {})
        for name, attributes in _elements(parts[part]):
            key = _HANGING.get(name)
            if key and key in attributes and name != "dimension":
                kinds.setdefault(name, []).append(attributes[key])
    return found


def _elements(part: bytes) -> Iterator[tuple[str, dict[str, str]]]:
    found: list[tuple[str, dict[str, str]]] = []
    parser = ParserCreate()
    handler: Callable[[str, dict[str, str]], None] = lambda name, attributes: found.append(  # noqa: E731
        (name.rpartition(":")[2], attributes)
    )
    parser.StartElementHandler = handler
    parser.Parse(part, True)
    yield from found
