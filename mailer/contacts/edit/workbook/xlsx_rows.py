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
from collections.abc import Mapping
from html import escape, unescape
from xml.parsers.expat import ParserCreate

from mailer.base.errors import Refused
from mailer.contacts.contact import reference
from mailer.contacts.edit.alignment import RowHome, TabHome
from mailer.contacts.edit.workbook.hanging import AREA, hang_anew, move_beside, without_links
from mailer.contacts.sheets.xlsx import number_of, tabs

_CELL = re.compile(r'(<(?:\w+:)?c\b[^>]*?\sr=")([A-Z]+)\d+(")')
_ROW = re.compile(r'(<(?:\w+:)?row\b[^>]*?\sr=")\d+(")')
_FORMULA = re.compile(r"<((?:\w+:)?)f\b([^>]*?)(?:/>|>([^<]*)</\1f>)")


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
            move_beside(parts, part, tab, home)
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
    if "<controls" in sheet or ":controls" in sheet or _has_controls(part, parts):
        message = f'rows of "{tab}" moved, and check boxes or buttons stand beside them'
        raise Refused(message, hint=advice)
    name = tab.replace("'", "''")
    for other, content in parts.items():
        if other != part and other.startswith(("xl/worksheets/", "xl/charts/", "xl/pivotCache/")):
            text = unescape(content.decode("utf-8", "replace"))
            if f"'{name}'!" in text or f"{name}!" in text or f'sheet="{tab}"' in text:
                message = f'rows of "{tab}" moved, and {posixpath.basename(other)} looks at them'
                raise Refused(message, hint=advice)


def _has_controls(part: str, parts: Mapping[str, bytes]) -> bool:
    """Tell whether a tab has check boxes and the like, which old programs draw as its comments."""
    folder, name = posixpath.split(part)
    rels = parts.get(f"{folder}/_rels/{name}.rels", b"").decode("utf-8")
    for target in re.findall(r'\bTarget="([^"]+\.vml)"', rels):
        path = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
        kinds = re.findall(rb'<x:ClientData\s+ObjectType="(\w+)"', parts.get(path, b""))
        if set(kinds) - {b"Note"}:
            return True
    return False


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
        before, after = (hang_anew(text, home) for text in (before, after))
    return before + rows + without_links(after, home)


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

        moved = AREA.sub(cell, words)
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


def _show_tab(workbook: str, tab: str, *, seen: bool) -> str:
    def rewrite(found: re.Match[str]) -> str:
        name = re.search(r'\bname="([^"]*)"', found[1])
        if name is None or unescape(name[1]) != tab:
            return found[0]
        bare = re.sub(r'\s+state="[^"]*"', "", found[1])
        return f"{bare}{'' if seen else ' state=' + chr(34) + 'hidden' + chr(34)}{found[2]}"

    return re.sub(r"(<(?:\w+:)?sheet\b[^>]*?)(/?>)", rewrite, workbook)
