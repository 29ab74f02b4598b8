"""Changes a sheet and leaves every other byte of its content as it is: formats, images, filters.

A new version is written beside the file and put in its place in one step, after a copy of the old
one is safe in `.mailer/backups/`: a crash leaves the old sheet or the new one, never half of one.
What is written is text or a number, never a formula.
"""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mailer.base.errors import MailerError, Refused
from mailer.contacts.edit.alignment import RowHome, TabHome, moved_range, runs
from mailer.contacts.edit.xlsx_rows import write_rows
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


def put(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=path.suffix)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, beside)  # a new one is for its owner alone
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


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


def _ods(content: bytes, homes: Mapping[str, TabHome]) -> bytes:
    from odf.opendocument import load
    from odf.table import Table

    try:
        document = load(io.BytesIO(content))
    except KeyError as lacks:
        hint = "open it in your spreadsheet program and save it anew"
        raise Refused(f"this ODS cannot be changed: {lacks.args[0]}", hint=hint) from lacks
    tables = {
        table.getAttribute("name"): table for table in document.spreadsheet.getElementsByType(Table)
    }
    for tab, home in homes.items():
        if home.moves:
            _ods_references(document.topnode, tab, home)
        _ods_table(tables[tab], home)
    out = io.BytesIO()
    document.write(out)
    return out.getvalue()


_ODS_AREA = re.compile(
    r"(\$?(?:'(?:[^']|'')*'|[^\s.:\[\]$'\"]+))?(\.\$?[A-Z]{1,3}\$?)(\d+)"
    r"(?:(:(?:\$?(?:'(?:[^']|'')*'|[^\s.:\[\]$'\"]+))?\.\$?[A-Z]{1,3}\$?)(\d+))?"
)
"""`Members.A1:Members.E6`, `$'My tab'.$A$1`, and `.C2` of the same tab (OpenFormula 5.8)."""


def _ods_references(element: Any, tab: str, home: TabHome, inside: str = "") -> None:
    """Let filters, conditional formats, named areas and formulas name the cells that they named,
    where these stand now. Raises `Refused` for an area that no longer stands together.
    """

    from odf.table import TableRow

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

    for key, value in list((getattr(element, "attributes", None) or {}).items()):
        if key[1].endswith(("range-address", "range-addresses", "print-ranges")):
            element.attributes[key] = _ODS_AREA.sub(moved, value)
        elif key[1] == "formula":
            element.attributes[key] = re.sub(
                r"\[[^\[\]]*\]", lambda found: _ODS_AREA.sub(moved, found[0]), value
            )
    gone: list[Any] = []
    if getattr(element, "qname", ("", ""))[1] == "table":
        inside = element.getAttribute("name") or ""
        if inside == tab:
            row = 0
            for line in _descend(element, {TableRow().qname}):
                row += int(line.getAttribute("numberrowsrepeated") or 1)
                gone += [line] if row in home.gone else []
    for child in getattr(element, "childNodes", ()):
        if child not in gone:
            _ods_references(child, tab, home, inside)


def _ods_table(table: Any, home: TabHome) -> None:
    """Write the rows of one tab anew, each with its own element: style, height, comments."""
    from odf.table import TableRow

    last = max([row.number for row in home.rows] + [*home.places, *home.gone], default=0)
    rows = _each(table, TableRow, (TableRow,), "numberrowsrepeated", last)
    if home.moves:
        _keep_spans_together(rows, home)
        elements = {row.number: rows[row.old - 1] if row.old else TableRow() for row in home.rows}
        used = {*home.places, *home.gone}
        marker = rows[min(used) - 1] if used else rows[0]
        owner, begin = marker.parentNode, TableRow()
        owner.insertBefore(begin, marker)
        for number in used:
            _take_out(rows[number - 1])
        at = min(used, default=1)
        for number in sorted(elements):
            for _ in range(number - at):
                owner.insertBefore(TableRow(), begin)
            owner.insertBefore(elements[number], begin)
            at = number + 1
        _take_out(begin)
    else:
        elements = {row.number: rows[row.number - 1] for row in home.rows}
    for row in home.rows:
        for column, value in row.changes.items():
            _fill(_ods_cell(elements[row.number], column), value)


def _take_out(element: Any) -> None:
    """Take an element out of its parent; the library would look for it in a list, too."""
    element.parentNode.childNodes.remove(element)
    element.parentNode = None


def _each(parent: Any, make: Any, kinds: tuple[Any, ...], attribute: str, wanted: int) -> list[Any]:
    """Return the first rows of a table, or cells of a row, each as an element of its own: what is
    written once for several is taken apart.
    """
    names = {kind().qname for kind in kinds}
    found: list[Any] = []
    for element in list(_descend(parent, names)):
        if len(found) >= wanted:
            break
        times = int(element.getAttribute(attribute) or 1)
        if times == 1:
            found.append(element)
            continue
        owner = element.parentNode
        alone = min(times, wanted - len(found))
        for _ in range(alone):
            copy = _copy(element)
            copy.attributes = {
                k: v for k, v in copy.attributes.items() if k[1] != _TIMES[attribute]
            }
            owner.insertBefore(copy, element)
            found.append(copy)
        if times > alone:
            element.setAttribute(attribute, times - alone)
        else:
            _take_out(element)
    while len(found) < wanted:
        element = make()
        (found[-1].parentNode if found else parent).addElement(element, check_grammar=False)
        found.append(element)
    return found


_TIMES = {
    "numberrowsrepeated": "number-rows-repeated",
    "numbercolumnsrepeated": "number-columns-repeated",
}


def _ods_cell(row: Any, column: int) -> Any:
    from odf.table import CoveredTableCell, TableCell

    kinds = (TableCell, CoveredTableCell)
    return _each(row, TableCell, kinds, "numbercolumnsrepeated", column + 1)[column]


def _keep_spans_together(rows: list[Any], home: TabHome) -> None:
    """Let a merged cell reach over those of its rows that still stand together; the others say
    for themselves what it said.
    """
    from odf.namespaces import TABLENS

    places = home.places
    spans = []  # all of them, before one is changed
    for number, row in enumerate(rows, start=1):
        for column in range(_width(row)):
            cell = _ods_cell(row, column)
            covered = cell.qname[1] != "table-cell"
            down = 1 if covered else int(cell.getAttribute("numberrowsspanned") or 1)
            if down > 1:
                spans.append((number, column, down, cell))
    for number, column, down, cell in spans:
        wide = int(cell.getAttribute("numbercolumnsspanned") or 1)
        inside = [places[old] for old in range(number, number + down) if old in places]
        others = {new for old, new in places.items() if not number <= old < number + down}
        others |= {new.number for new in home.rows if new.old is None}
        by_new = {places[old]: old for old in range(number, number + down) if old in places}
        content = _copy(cell)
        for first, last in runs(inside, others):
            for new in range(first, last + 1):
                if new not in by_new:
                    continue
                target = rows[by_new[new] - 1]
                old_cell = _ods_cell(target, column)
                copy = _copy(content)
                owner = old_cell.parentNode
                owner.insertBefore(copy, old_cell)
                _take_out(old_cell)
                copy.attributes.pop((TABLENS, "number-rows-spanned"), None)
                copy.attributes.pop((TABLENS, "number-columns-spanned"), None)
                rows_here = last - first + 1
                if new != first:
                    copy.qname = (TABLENS, "covered-table-cell")
                    copy.tagName = "table:covered-table-cell"
                    copy.childNodes = []
                    copy.attributes = {
                        key: value
                        for key, value in copy.attributes.items()
                        if key[1] == "style-name"
                    }
                elif rows_here > 1 or wide > 1:
                    copy.setAttribute("numberrowsspanned", rows_here)
                    copy.setAttribute("numbercolumnsspanned", wide)


def _width(row: Any) -> int:
    """Return how many cells of a row may be something; endless blank ones behind are none."""
    wide = 0
    for at, cell in enumerate(row.childNodes):
        if getattr(cell, "qname", (None, ""))[1].endswith("table-cell"):
            times = int(cell.getAttribute("numbercolumnsrepeated") or 1)
            wide += times if times < 200 or at == 0 else 0
    return min(wide, 256)


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


def _fill(cell: Any, value: str | float) -> None:
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
    if isinstance(value, float):
        cell.setAttrNS(OFFICENS, "value-type", "float")
        cell.setAttrNS(OFFICENS, "value", _number(value))
        cell.addElement(P(text=_number(value)), check_grammar=False)
    elif value:
        cell.setAttrNS(OFFICENS, "value-type", "string")
        for line in value.split("\n"):
            cell.addElement(P(text=line), check_grammar=False)
