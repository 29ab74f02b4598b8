"""Changes single cells of a sheet and leaves every other byte of its content as it is: formats,
images, filters.

A new version is written beside the file and put in its place in one step, after a copy of the old
one is safe in
`.mailer/backups/`: a crash leaves the old sheet or the new one, never half of one. What is written
is text, never a formula.
"""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from html import escape, unescape
from pathlib import Path
from typing import Any

from mailer.base.errors import MailerError
from mailer.contacts.sheets import csv_text
from mailer.contacts.sheets.xlsx import tabs

Changes = Mapping[tuple[str, str], str]
"""(tab, cell) → new text; the tab is "" in CSV, the cell `D17` or `17:4`."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet program take text of a CSV for a formula (OWASP, CSV injection)."""

NOTHING: Mapping[tuple[str, int], bool] = {}

_CELL = re.compile(r"([A-Z]+)(\d+)")


Shown = Mapping[tuple[str, int], bool]
"""(tab, row) → whether a person sees it, row 0 for the tab itself."""


def set_cells(path: Path, changes: Changes, backups: Path, shown: Shown = NOTHING) -> Path:
    """Change cells of one sheet in place; return the backup of what it was. `shown` is for XLSX
    alone.
    """
    content = path.read_bytes()
    kind = path.suffix.lower()
    if kind in (".xlsx", ".xlsm"):
        new = _xlsx(content, changes, shown)
    elif kind == ".ods":
        new = _ods(content, changes)
    else:
        new = _csv(path.name, content, changes)
    backup = keep(path, backups)
    put(path, new)
    return backup


def keep(path: Path, backups: Path) -> Path:
    """Copy a file into the folder of backups under a name of its own: `uk.1.xlsx`, `uk.2.xlsx`."""
    backups.mkdir(parents=True, exist_ok=True)
    number = 1
    while (backup := backups / f"{path.stem}.{number}{path.suffix}").exists():
        number += 1
    shutil.copy2(path, backup)
    return backup


def put(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=path.suffix)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, beside)
        else:
            Path(beside).chmod(0o644)
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def harmless(text: str) -> str:
    """Return text that a spreadsheet program will not take for a formula when it opens a CSV."""
    return f"'{text}" if text.startswith(FORMULA) else text


# ---------------------------------------------------------------------------------------------- CSV


def _csv(name: str, content: bytes, changes: Changes) -> bytes:
    """Write only the records that change anew; in UTF-8 if the file cannot hold the new letters."""
    text, _ = csv_text.decode(name, content)
    if text is None:
        raise MailerError(f"{name} cannot be read, so it cannot be changed")
    encoding = csv_text.encoding_of(content, text)
    layout = csv_text.layout_of(text)
    separator, skipped = layout.separator, layout.skipped
    wanted: dict[int, dict[int, str]] = {}
    for (_, cell), value in changes.items():
        line, _, column = cell.partition(":")
        wanted.setdefault(int(line), {})[int(column) - 1] = value
    lines = io.StringIO(text, newline="").readlines()
    out: list[str] = lines[:skipped]
    at = skipped
    while at < len(lines):
        reader = layout.reader(iter(lines[at:]))
        cells = next(reader, [])
        end = at + reader.line_num
        if at + 1 in wanted:
            for place, value in wanted[at + 1].items():
                cells += [""] * (place + 1 - len(cells))
                cells[place] = harmless(value)
            ending = re.search(r"(?:\r\n|\r|\n)?\Z", lines[end - 1])
            out.append(_record(cells, separator, ending[0] if ending else ""))
        else:
            out += lines[at:end]
        at = end
    beyond = sorted(row for row in wanted if row > len(lines))
    for row in beyond:
        if out and not out[-1].endswith(("\n", "\r")):
            out.append("\n")
        out.append("\n" * (row - 1 - at))
        at = row
        width = max(wanted[row]) + 1
        out.append(_record([wanted[row].get(place, "") for place in range(width)], separator, "\n"))
    whole = "".join(out)
    try:
        return whole.encode(encoding)
    except UnicodeEncodeError:
        return whole.encode("utf-8-sig")


def _record(cells: list[str], separator: str, ending: str) -> str:
    record = io.StringIO()
    csv.writer(record, delimiter=separator, lineterminator=ending).writerow(cells)
    return record.getvalue()


# --------------------------------------------------------------------------------------------- XLSX


def _xlsx(content: bytes, changes: Changes, shown: Shown) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        parts = {name: book.read(name) for name in book.namelist()}
        infos = book.infolist()
    part_of = {name: part for name, _, part in tabs(parts)}
    for (tab, cell), value in changes.items():
        part = part_of[tab]
        parts[part] = _set_cell(parts[part].decode("utf-8"), cell, value).encode()
    for (tab, row), seen in shown.items():
        part = part_of[tab] if row else "xl/workbook.xml"
        change = _show_row if row else _show_tab
        parts[part] = change(parts[part].decode("utf-8"), row or tab, seen).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        for info in infos:
            book.writestr(info, parts[info.filename], compress_type=zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _set_cell(sheet: str, cell: str, value: str) -> str:
    """Write one cell as text inside the sheet (ECMA-376 part 1, section 18.3.1.4); its
    style stays.
    """
    found = re.search(
        rf'<((?:\w+:)?)c\b([^>]*\br="{cell}"[^>]*?)(?:/>|>.*?</\1c>)', sheet, re.DOTALL
    )
    if found:
        attributes = re.sub(r'\s+t="[^"]*"', "", found[2])
        return sheet[: found.start()] + _inline(found[1], attributes, value) + sheet[found.end() :]
    match = _CELL.fullmatch(cell)
    if match is None:
        raise ValueError(cell)
    column, row = match[1], int(match[2])
    line = re.search(
        rf'<((?:\w+:)?)row\b([^>]*\br="{row}"[^>]*?)(?:/>|>(.*?)</\1row>)', sheet, re.DOTALL
    )
    if line:
        prefix, attributes, cells = line[1], line[2], line[3] or ""
        new = _inline(prefix, f' r="{cell}"', value)
        behind = next(
            (
                c
                for c in re.finditer(rf'<{prefix}c\b[^>]*\br="([A-Z]+)\d+"', cells)
                if _number(c[1]) > _number(column)
            ),
            None,
        )
        cells = cells[: behind.start()] + new + cells[behind.start() :] if behind else cells + new
        written = f"<{prefix}row{attributes}>{cells}</{prefix}row>"
        return sheet[: line.start()] + written + sheet[line.end() :]
    data = re.search(r"<((?:\w+:)?)sheetData\s*(?:/>|>)", sheet)
    if data is None:
        raise ValueError("sheetData")
    prefix = data[1]
    if data[0].endswith("/>"):
        sheet = (
            f"{sheet[: data.start()]}<{prefix}sheetData></{prefix}sheetData>{sheet[data.end() :]}"
        )
    new = (
        f"<{prefix}row"
        f' r="{row}">{_inline(prefix, f" r={chr(34)}{cell}{chr(34)}", value)}</{prefix}row>'
    )
    rows = re.finditer(rf'<{prefix}row\b[^>]*\br="(\d+)"', sheet)
    behind_row = next(
        (r.start() for r in rows if int(r[1]) > row), sheet.index(f"</{prefix}sheetData>")
    )
    return sheet[:behind_row] + new + sheet[behind_row:]


def _show_row(sheet: str, row: str | int, seen: bool) -> str:
    def rewrite(found: re.Match[str]) -> str:
        bare = re.sub(r'\s+hidden="[^"]*"', "", found[1])
        return f"{bare}{'' if seen else ' hidden=' + chr(34) + '1' + chr(34)}{found[2]}"

    return re.sub(rf'(<(?:\w+:)?row\b[^>]*?\br="{row}"[^>]*?)(/?>)', rewrite, sheet, count=1)


def _show_tab(workbook: str, tab: str | int, seen: bool) -> str:
    def rewrite(found: re.Match[str]) -> str:
        name = re.search(r'\bname="([^"]*)"', found[1])
        if name is None or unescape(name[1]) != tab:
            return found[0]
        bare = re.sub(r'\s+state="[^"]*"', "", found[1])
        return f"{bare}{'' if seen else ' state=' + chr(34) + 'hidden' + chr(34)}{found[2]}"

    return re.sub(r"(<(?:\w+:)?sheet\b[^>]*?)(/?>)", rewrite, workbook)


def _inline(prefix: str, attributes: str, value: str) -> str:
    if not value:
        return f"<{prefix}c{attributes}/>"
    words = escape(value, quote=False)
    return (
        f'<{prefix}c{attributes} t="inlineStr"><{prefix}is><{prefix}t'
        f' xml:space="preserve">{words}</{prefix}t></{prefix}is></{prefix}c>'
    )


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


# ---------------------------------------------------------------------------------------------- ODS


def _ods(content: bytes, changes: Changes) -> bytes:
    from odf.opendocument import load
    from odf.table import Table

    document = load(io.BytesIO(content))
    tables = {
        table.getAttribute("name"): table for table in document.spreadsheet.getElementsByType(Table)
    }
    for (tab, cell), value in changes.items():
        match = _CELL.fullmatch(cell)
        if match is None:
            raise ValueError(cell)
        _fill(_ods_cell(tables[tab], _number(match[1]) - 1, int(match[2]) - 1), value)
    out = io.BytesIO()
    document.write(out)
    return out.getvalue()


def _ods_cell(table: Any, column: int, row: int) -> Any:
    """Return one cell of its own: what is written once for several rows or columns is taken apart
    first.
    """
    from odf.table import CoveredTableCell, TableCell, TableRow

    line = _split(table, TableRow, (TableRow,), "numberrowsrepeated", row)
    return _split(line, TableCell, (TableCell, CoveredTableCell), "numbercolumnsrepeated", column)


def _split(parent: Any, make: Any, kinds: tuple[Any, ...], attribute: str, wanted: int) -> Any:
    names = {kind().qname for kind in kinds}
    at = 0
    last = None
    for element in list(_descend(parent, names)):
        times = int(element.getAttribute(attribute) or 1)
        last = element
        if at + times > wanted:
            if times == 1:
                return element
            owner = element.parentNode
            for count, is_it in ((wanted - at, False), (1, True), (at + times - wanted - 1, False)):
                if count:
                    copy = _copy(element)
                    copy.setAttribute(attribute, count)
                    owner.insertBefore(copy, element)
                    if is_it:
                        chosen = copy
            owner.removeChild(element)
            return chosen
        at += times
    owner = last.parentNode if last is not None else parent
    if wanted > at:
        owner.addElement(make(**{attribute: wanted - at}))
    new = make()
    owner.addElement(new)
    return new


def _descend(parent: Any, names: set[Any]) -> Any:
    """Yield the rows of a table, also those inside groups and headers, or the cells of a row."""
    for child in parent.childNodes:
        qname = getattr(child, "qname", None)
        if qname in names:
            yield child
        elif qname is not None and qname[1] in (
            "table-row-group",
            "table-header-rows",
            "table-rows",
        ):
            yield from _descend(child, names)


def _copy(element: Any) -> Any:
    """Copy an element of the document with its content."""
    from odf.element import Element, Text

    copy = Element(qname=element.qname, check_grammar=False)
    copy.attributes = dict(element.attributes)
    for child in element.childNodes:
        if isinstance(child, Text):
            copy.addText(child.data, check_grammar=False)
        else:
            copy.addElement(_copy(child), check_grammar=False)
    return copy


def _fill(cell: Any, value: str) -> None:
    from odf.namespaces import OFFICENS, TABLENS
    from odf.office import Annotation
    from odf.text import P

    for child in [c for c in cell.childNodes if getattr(c, "qname", None) != Annotation().qname]:
        cell.removeChild(child)
    for name in (
        "value",
        "date-value",
        "time-value",
        "boolean-value",
        "value-type",
        "currency",
        "string-value",
    ):
        cell.attributes.pop((OFFICENS, name), None)
    cell.attributes.pop((TABLENS, "formula"), None)
    if value:
        cell.setAttrNS(OFFICENS, "value-type", "string")
        for line in value.split("\n"):
            cell.addElement(P(text=line), check_grammar=False)
