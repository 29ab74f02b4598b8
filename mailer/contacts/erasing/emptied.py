"""Empties the rows of somebody who is forgotten; every other cell, format and formula stays.

In a workbook the texts and links that nobody points to any more go, too: a spreadsheet program
leaves them until it saves the file itself.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

from mailer.contacts.book import ContactBook
from mailer.contacts.contact import Contact
from mailer.contacts.edit.write import with_cells

_TEXT_CELL = re.compile(rb'<(?:\w+:)?c\b[^>]*?\bt="s"[^>]*>.*?<(?:\w+:)?v>(\d+)</', re.DOTALL)
_TEXT = re.compile(rb"<((?:\w+:)?)si\b(?:\s*/>|[^>]*>.*?</\1si>)", re.DOTALL)
_LINK = re.compile(rb'<(?:\w+:)?Relationship\b[^>]*?\bId="([^"]+)"[^>]*?/>')
TEXTS = "xl/sharedStrings.xml"


def without_rows(path: Path, book: ContactBook, rows: Iterable[Contact]) -> bytes:
    """Return the bytes of a sheet with some of its rows emptied; `book` has it as it lies there."""
    changes = {}
    for one in rows:
        (table,) = (
            table
            for table in book.tables
            if (table.file, table.sheet or "") == (one.file, one.sheet or "")
        )
        cells = dict(table.rows)[one.row]
        for column, text in enumerate(cells):
            if text:
                changes[one.sheet or "", table.cell(column, one.row)] = ""
    content = with_cells(path, changes)
    return _without_orphans(content) if path.suffix.lower() in (".xlsx", ".xlsm") else content


def _without_orphans(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        infos = book.infolist()
        parts = {info.filename: book.read(info) for info in infos}
    sheets = [name for name in parts if re.fullmatch(r"xl/worksheets/[^/]+\.xml", name)]
    used = {int(number) for name in sheets for number in _TEXT_CELL.findall(parts[name])}
    if TEXTS in parts:
        numbers = iter(range(len(parts[TEXTS])))

        def keep(found: re.Match[bytes]) -> bytes:
            prefix = found[1]
            empty = b"<%ssi><%st></%st></%ssi>" % (prefix, prefix, prefix, prefix)
            return found[0] if next(numbers) in used else empty

        parts[TEXTS] = _TEXT.sub(keep, parts[TEXTS])
    for name in sheets:
        folder, file = posixpath.split(name)
        links = f"{folder}/_rels/{file}.rels"
        if links in parts:
            ids = set(re.findall(rb'\br:id="([^"]+)"', parts[name]))
            parts[links] = _LINK.sub(
                lambda found, ids=ids: (  # type: ignore[misc]
                    b"" if b"/hyperlink" in found[0] and found[1] not in ids else found[0]
                ),
                parts[links],
            )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        for info in infos:
            book.writestr(info, parts[info.filename], compress_type=zipfile.ZIP_DEFLATED)
    return out.getvalue()
