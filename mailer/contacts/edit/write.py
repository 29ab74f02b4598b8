"""Changes a sheet and leaves every other byte of its content as it is: formats, images, filters.

A new version is written beside the file and put in its place in one step, after a copy of the old
one is safe in `.mailer/backups/`: a crash leaves the old sheet or the new one, never half of one.
What is written is text or a number, never a formula.
"""

from __future__ import annotations

import csv
import io
import re
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from mailer.base.errors import MailerError, Refused
from mailer.contacts.edit.alignment import RowHome, TabHome, moved_range, runs
from mailer.contacts.edit.workbook.xlsx_rows import write_rows
from mailer.contacts.sheets import csv_text, encodings
from mailer.contacts.sheets.xlsx import number_of

Changes = Mapping[tuple[str, str], str]
"""(tab, cell) → new text; the tab is "" in CSV, the cell `D17` or `17:4`."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet program take text of a CSV for a formula (OWASP, CSV injection)."""

_CELL = re.compile(r"([A-Z]+)(\d+)")


def with_cells(path: Path, changes: Changes) -> bytes:
    """Return the bytes of a sheet with some cells changed."""
    rows: dict[str, dict[int, RowHome]] = {}
    for (tab, cell), value in changes.items():
        row, column = _place(cell)
        tab_rows = rows.setdefault(tab, {})
        tab_rows.setdefault(row, RowHome(row, row)).changes[column] = value
    homes = {tab: TabHome(list(found.values()), ()) for tab, found in rows.items()}
    return changed(path.name, path.read_bytes(), homes)


def _place(cell: str) -> tuple[int, int]:
    """Return row, and column counted from 0, of `D17` or `17:4`."""
    match = _CELL.fullmatch(cell)
    if match:
        return int(match[2]), number_of(match[1].encode())
    row, _, column = cell.partition(":")
    return int(row), int(column) - 1


def changed(
    name: str, content: bytes, homes: Mapping[str, TabHome], shown: Mapping[str, bool] | None = None
) -> bytes:
    """Return the bytes of a sheet with its rows as `homes` has them, by tab ("" in CSV). `shown`
    says which tabs of an XLSX are seen now. Raises `Refused` for what cannot be moved.
    """
    kind = Path(name).suffix.lower()
    if kind in (".xlsx", ".xlsm"):
        return write_rows(content, homes, shown or {})
    if kind == ".ods":
        return _ods(content, homes)
    return _csv(name, content, homes[""])


def keep(path: Path, backups: Path) -> Path:
    """Copy a file into the folder of backups under a name of its own: `uk.1.xlsx`, `uk.2.xlsx`;
    one that is not there yet is kept as an empty file.
    """
    backups.mkdir(mode=0o700, parents=True, exist_ok=True)
    number = 1
    while (backup := backups / f"{path.stem}.{number}{path.suffix}").exists():
        number += 1
    if path.exists():
        shutil.copy2(path, backup)
        backup.chmod(0o600)
    else:
        backup.touch()
    return backup


def harmless(text: str) -> str:
    """Return text that a spreadsheet program will not take for a formula when it opens a CSV."""
    return f"'{text}" if text.startswith(FORMULA) else text


# ---------------------------------------------------------------------------------------------- CSV


def _csv(name: str, content: bytes, home: TabHome) -> bytes:
    """Write only the records that change anew; in UTF-8 if the file cannot hold the new letters."""
    text, _ = encodings.decode(name, content)
    if text is None:
        raise MailerError(f"{name} cannot be read, so it cannot be changed")
    encoding = encodings.encoding_of(content, text)
    layout = csv_text.layout_of(text)
    lines = io.StringIO(text, newline="").readlines()
    raw: dict[int, str] = {}
    for layout in layout.ways(content, encoding):  # noqa: B020  (the one that fits stays)
        try:
            raw = _raw_records(lines, layout)
            break
        except csv.Error:
            continue
    found = re.search(r"(?:\r\n|\r|\n)\Z", lines[0]) if lines else None
    ending = found[0] if found else "\n"
    written = {
        row.number: _record(raw.get(row.old or 0, ""), row, layout, ending) for row in home.rows
    }
    if home.moves:
        out = "".join(written[number] for number in sorted(written))
    else:
        last = max(raw, default=0)
        out = "".join(written.pop(number, record) for number, record in raw.items())
        for number in sorted(written):
            lacks = "" if not out or out.endswith(("\n", "\r")) else ending
            out += lacks + ending * max(0, number - last - 1) + written[number]
            last = number
    whole = "".join(lines[: layout.skipped]) + out
    try:
        return whole.encode(encoding)
    except UnicodeEncodeError:
        return whole.encode("utf-8-sig")


def _raw_records(lines: list[str], layout: csv_text.Layout) -> dict[int, str]:
    """Return the text of each record by its first line, line ends and all."""
    reader = layout.reader(iter(lines[layout.skipped :]))
    found: dict[int, str] = {}
    at = layout.skipped
    for _ in reader:
        end = layout.skipped + reader.line_num
        found[at + 1] = "".join(lines[at:end])
        at = end
    return found


def _record(raw: str, row: RowHome, layout: csv_text.Layout, ending: str) -> str:
    end = re.search(r"(?:\r\n|\r|\n)\Z", raw)
    if not row.changes:
        return raw if end else raw + ending
    cells = next(layout.reader(iter(io.StringIO(raw, newline="").readlines())), [])
    for column, value in row.changes.items():
        cells += [""] * (column + 1 - len(cells))
        cells[column] = harmless(value) if isinstance(value, str) else _number(value)
    record = io.StringIO()
    writer = csv.writer(
        record,
        delimiter=layout.separator,
        lineterminator=end[0] if end else ending,
        doublequote=not layout.backslash,
        escapechar="\\" if layout.backslash else None,
    )
    writer.writerow(cells)
    return record.getvalue()


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)


# ---------------------------------------------------------------------------------------------- ODS


_NAMESPACE = "urn:oasis:names:tc:opendocument:xmlns:{}:1.0"
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # no letters of XML 1.0
_PICTURE = "Thumbnails/thumbnail.png"
"""A picture of the first page, which is another one by now."""


def _q(name: str) -> str:
    """Return a name of OpenDocument as the parser writes it: `table:name`."""
    prefix, _, local = name.partition(":")
    return f"{{{_NAMESPACE.format(prefix)}}}{local}"


_ROW, _CELL_OF_ODS, _COVERED = map(
    _q, ("table:table-row", "table:table-cell", "table:covered-table-cell")
)
_GROUPS = frozenset(
    _q(f"table:{name}") for name in ("table-row-group", "table-header-rows", "table-rows")
)
_ROWS_REPEATED, _COLUMNS_REPEATED, _ROWS_SPANNED, _COLUMNS_SPANNED = (
    _q(f"table:number-{name}")
    for name in ("rows-repeated", "columns-repeated", "rows-spanned", "columns-spanned")
)
_LOOKS = frozenset(
    _q(f"table:{name}")
    for name in ("style-name", "default-cell-style-name", "content-validation-name")
) | {_COLUMNS_REPEATED}
"""What a row that is put in has of those around it."""


def _ods(content: bytes, homes: Mapping[str, TabHome]) -> bytes:
    from lxml import etree

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        infos = archive.infolist()
        parts = {info.filename: archive.read(info) for info in infos}
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        root = etree.fromstring(parts["content.xml"], parser)
    except (KeyError, etree.XMLSyntaxError) as lacks:
        hint = "open it in your spreadsheet program and save it anew"
        raise Refused(f"this ODS cannot be changed: {lacks}", hint=hint) from lacks
    tables = {table.get(_q("table:name")): table for table in root.iter(_q("table:table"))}
    for tab, home in homes.items():
        if home.moves:
            _ods_references(root, tab, home)
            for name in filter(_OBJECT.fullmatch, parts):  # the data of a chart
                chart = etree.fromstring(parts[name], parser)
                _ods_references(chart, tab, home)
                parts[name] = etree.tostring(chart, xml_declaration=True, encoding="UTF-8")
        _ods_table(tables[tab], home)
    parts["content.xml"] = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    if parts.pop(_PICTURE, None) and (manifest := parts.get("META-INF/manifest.xml")):
        entry = rb'<manifest:file-entry\b[^>]*"Thumbnails/[^>]*/>'
        parts["META-INF/manifest.xml"] = re.sub(entry, b"", manifest)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for info in infos:
            if info.filename in parts:
                archive.writestr(info, parts[info.filename], compress_type=info.compress_type)
    return out.getvalue()


_CALCEXT = "{urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0}"
_SPARKLINE = f"{_CALCEXT}sparkline"
_OBJECT = re.compile(r"Object [^/]+/content\.xml")
_NAMES_CELLS = (
    "range-address",
    "range-addresses",
    "print-ranges",
    "}data-range",
    "calcext:1.0}cell-address",
    "}linked-cell",
)
"""How the attributes end that name cells."""

_ODS_AREA = re.compile(
    r"(\$?(?:'(?:[^']|'')*'|[^\s.:\[\]$'\"]+))?(\.\$?[A-Z]{1,3}\$?)(\d+)"
    r"(?:(:(?:\$?(?:'(?:[^']|'')*'|[^\s.:\[\]$'\"]+))?\.\$?[A-Z]{1,3}\$?)(\d+))?"
)
"""`Members.A1:Members.E6`, `$'My tab'.$A$1`, and `.C2` of the same tab (OpenFormula 5.8)."""


def _ods_references(element: Any, tab: str, home: TabHome, inside: str = "") -> None:
    """Let filters, conditional formats, named areas and formulas name the cells that they named,
    where these stand now. Raises `Refused` for an area that no longer stands together.
    """

    def moved(found: re.Match[str]) -> str:
        named = (found[1] or "").lstrip("$").strip("'").replace("''", "'") or inside
        if named != tab:
            return found[0]
        first, last = int(found[3]), int(found[5] or found[3])
        now = moved_range(first, last, home)
        if len(now) != 1:
            message = f"rows moved, and what names {found[0]} cannot name them any more"
            hint = "delete, add or sort the rows in the sheet itself, or only correct cells"
            raise Refused(message, hint=hint)
        (top, bottom) = now[0]
        return f"{found[1] or ''}{found[2]}{top}" + (f"{found[4]}{bottom}" if found[4] else "")

    for key, value in list(element.attrib.items()):
        if key.endswith(_NAMES_CELLS):
            element.set(key, _ODS_AREA.sub(moved, value))
        elif key.endswith("}formula"):
            areas = re.sub(r"\[[^\[\]]*\]", lambda found: _ODS_AREA.sub(moved, found[0]), value)
            element.set(key, areas)
    gone: list[Any] = []
    if element.tag == _q("table:table"):
        inside = element.get(_q("table:name"), "")
        if inside == tab:
            row = 0
            for line in _descend(element, {_ROW}):
                row += int(line.get(_ROWS_REPEATED, 1))
                gone += [line] if row in home.gone else []
    for child in list(element.iterchildren("*")):
        if child.tag == _SPARKLINE and inside == tab and _row_of(child) in home.gone:
            _take_out(child)
        elif child not in gone:
            _ods_references(child, tab, home, inside)


def _row_of(sparkline: Any) -> int:
    """Return the row in which a small drawing stands."""
    found = re.search(r"\d+$", sparkline.get(f"{_CALCEXT}cell-address", ""))
    return int(found[0]) if found else 0


def _ods_table(table: Any, home: TabHome) -> None:
    """Write the rows of one tab anew, each with its own element: style, height, comments."""
    last = max([row.number for row in home.rows] + [*home.places, *home.gone], default=0)
    rows = _each(table, (_ROW,), _ROWS_REPEATED, last)
    if home.moves:
        _keep_spans_together(rows, home)
        elements = {
            row.number: rows[row.old - 1]
            if row.old
            else _empty_like(table, rows, home.beside(row.number))
            for row in home.rows
        }
        used = {*home.places, *home.gone}
        begin = _new(table, _ROW)
        (rows[min(used) - 1] if used else rows[0]).addprevious(begin)
        for number in used:
            _take_out(rows[number - 1])
        at = min(used, default=1)
        for number in sorted(elements):
            for _ in range(number - at):
                begin.addprevious(_new(table, _ROW))
            begin.addprevious(elements[number])
            at = number + 1
        _take_out(begin)
    else:
        elements = {row.number: rows[row.number - 1] for row in home.rows}
    for row in home.rows:
        if row.old and row.old != row.number:
            _end_below(elements[row.number], row.number - row.old)
        for column, value in row.changes.items():
            _fill(_ods_cell(elements[row.number], column), value)


def _end_below(row: Any, down: int) -> None:
    """Let what is drawn in the cells of a moved row end as many rows below it as before."""
    key = _q("table:end-cell-address")
    for element in row.iter():
        if end := element.get(key):
            element.set(key, re.sub(r"\d+$", lambda found: str(int(found[0]) + down), end))


def _new(beside: Any, tag: str) -> Any:
    """Make an element of a document, with the document's own names of namespaces."""
    return beside.makeelement(tag, nsmap=beside.nsmap)


def _empty_like(table: Any, rows: list[Any], old: int | None) -> Any:
    """Return a row of empty cells with the height, borders and formats of another one."""
    if old is None:
        return _new(table, _ROW)
    row = deepcopy(rows[old - 1])
    for element in (row, *row.iterchildren("*")):
        for name in set(element.attrib) - _LOOKS:
            del element.attrib[name]
    for cell in row.iterchildren("*"):
        cell.tag, cell.text = _CELL_OF_ODS, None
        for inside in list(cell):
            cell.remove(inside)
    return row


def _take_out(element: Any) -> None:
    element.getparent().remove(element)


def _each(parent: Any, tags: tuple[str, ...], repeated: str, wanted: int) -> list[Any]:
    """Return the first rows of a table, or cells of a row, each as an element of its own: what is
    written once for several is taken apart.
    """
    found: list[Any] = []
    for element in list(_descend(parent, set(tags))):
        if len(found) >= wanted:
            break
        times = int(element.get(repeated, 1))
        if times == 1:
            found.append(element)
            continue
        alone = min(times, wanted - len(found))
        for _ in range(alone):
            copy = deepcopy(element)
            copy.attrib.pop(repeated, None)
            element.addprevious(copy)
            found.append(copy)
        if times > alone:
            element.set(repeated, str(times - alone))
        else:
            _take_out(element)
    while len(found) < wanted:
        element = _new(parent, tags[0])
        (found[-1].getparent() if found else parent).append(element)
        found.append(element)
    return found


def _ods_cell(row: Any, column: int) -> Any:
    return _each(row, (_CELL_OF_ODS, _COVERED), _COLUMNS_REPEATED, column + 1)[column]


def _keep_spans_together(rows: list[Any], home: TabHome) -> None:
    """Let a merged cell reach over those of its rows that still stand together; the others say
    for themselves what it said.
    """
    places = home.places
    spans = []  # all of them, before one is changed
    for number, row in enumerate(rows, start=1):
        for column in range(_width(row)):
            cell = _ods_cell(row, column)
            down = 1 if cell.tag == _COVERED else int(cell.get(_ROWS_SPANNED, 1))
            if down > 1:
                spans.append((number, column, down, cell))
    for number, column, down, cell in spans:
        wide = int(cell.get(_COLUMNS_SPANNED, 1))
        inside = [places[old] for old in range(number, number + down) if old in places]
        others = {new for old, new in places.items() if not number <= old < number + down}
        others |= {new.number for new in home.rows if new.old is None}
        by_new = {places[old]: old for old in range(number, number + down) if old in places}
        content = deepcopy(cell)
        for first, last in runs(inside, others):
            for new in range(first, last + 1):
                if new not in by_new:
                    continue
                old_cell = _ods_cell(rows[by_new[new] - 1], column)
                copy = deepcopy(content)
                old_cell.addprevious(copy)
                _take_out(old_cell)
                for name in (_ROWS_SPANNED, _COLUMNS_SPANNED):
                    copy.attrib.pop(name, None)
                rows_here = last - first + 1
                if new != first:
                    style = copy.get(_q("table:style-name"))
                    copy.clear()
                    copy.tag = _COVERED
                    if style is not None:
                        copy.set(_q("table:style-name"), style)
                elif rows_here > 1 or wide > 1:
                    copy.set(_ROWS_SPANNED, str(rows_here))
                    copy.set(_COLUMNS_SPANNED, str(wide))


def _width(row: Any) -> int:
    """Return how many cells of a row may be something; endless blank ones behind are none."""
    wide = 0
    for at, cell in enumerate(row.iterchildren(_CELL_OF_ODS, _COVERED)):
        times = int(cell.get(_COLUMNS_REPEATED, 1))
        wide += times if times < 200 or at == 0 else 0
    return min(wide, 256)


def _descend(parent: Any, tags: set[str]) -> Iterator[Any]:
    """Yield the rows of a table, also those inside groups and headers, or the cells of a row."""
    for child in parent.iterchildren("*"):
        if child.tag in tags:
            yield child
        elif child.tag in _GROUPS:
            yield from _descend(child, tags)


def _fill(cell: Any, value: str | float) -> None:
    for child in list(cell.iterchildren("*")):
        if child.tag != _q("office:annotation"):
            cell.remove(child)
    for name in ("value", "date-value", "time-value", "boolean-value", "value-type", "currency",
                 "string-value"):  # fmt: skip
        cell.attrib.pop(_q(f"office:{name}"), None)
    cell.attrib.pop(_q("table:formula"), None)
    kind, lines = "string", value.split("\n") if isinstance(value, str) and value else []
    if isinstance(value, float):
        kind, lines = "float", [_number(value)]
        cell.set(_q("office:value"), lines[0])
    if lines:
        cell.set(_q("office:value-type"), kind)
    for line in lines:
        paragraph = _new(cell, _q("text:p"))
        paragraph.text = _ILLEGAL.sub("\ufffd", line)
        cell.append(paragraph)
