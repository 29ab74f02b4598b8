"""A file becomes tables of text with coordinates. Text stays text: no `nan`, no `1e5`, no dates
made of names.

Hostile files are refused before anything big is unpacked; nothing in a file is ever run or fetched.
What reads the formats is loaded where one is read, in a child: whoever only asks whether a sheet is
still the same does without.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from mailer.base.errors import Problem
from mailer.base.problems import problem
from mailer.contacts.sheets import archive
from mailer.contacts.sheets.table import MAX_ROWS, Reading

TEXT = (".csv", ".tsv", ".txt")
BOOKS = (".xlsx", ".xlsm", ".ods")
OLD = (".xls", ".xlsb", ".xlt", ".xltx", ".ots", ".fods", ".numbers")
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""How the old formats of Microsoft begin, and the shell around an encrypted new one (MS-CFB)."""


def sheets(folder: Path) -> list[Path]:
    """Return what stands in the folder of contact sheets, by name."""
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if not path.name.startswith(("_", ".", "~$"))
        and path.suffix != ".py"
        and path.name != "__pycache__"
    )


def fingerprints(
    root: Path, folder: str = "contacts", *, max_rows: int = MAX_ROWS
) -> dict[str, str]:
    """Return what `files` of the book would be, without reading a row: quick, however many people
    there are.
    """
    found = {}
    for path in sheets(root / folder):
        file = path.relative_to(root).as_posix()
        content = bytes_of(path, file, max_rows)
        found[file] = "" if isinstance(content, Problem) else fingerprint(content)
    return found


def fingerprint(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest() if content else ""


def bytes_of(path: Path, file: str, max_rows: int = MAX_ROWS) -> bytes | Problem:
    """Return the bytes of a sheet, or why it is none, or cannot be read."""
    kind = path.suffix.lower()
    if path.is_symlink():  # as for every file of a workspace: behind it may stand anything
        message, hint = "this is a link to another file", "put the file itself there"
        return problem("C001", file, message=message, suggestion=hint)
    if not path.is_file():
        return problem(
            "C001", file, message="this is a folder, not a file" if path.is_dir() else ""
        )
    if kind not in TEXT + BOOKS:
        return problem("C004" if kind in OLD else "C005", file, value=path.name)
    try:
        size = path.stat().st_size
        if size > archive.most_bytes(max_rows):
            return problem("C014", file, value=f"{size / 1e6:,.0f} MB")
        return path.read_bytes()
    except OSError as error:
        return problem("C001", file, value=error.strerror or "")


def read_bytes(kind: str, file: str, content: bytes, max_rows: int = MAX_ROWS) -> Reading:
    """Read one sheet from its bytes; `kind` is the ending of its name."""
    from mailer.contacts.sheets import csv_text, ods, xlsx
    from mailer.contacts.sheets.shown import marks

    if content.startswith(OLE):
        encrypted = "EncryptedPackage".encode("utf-16-le") in content
        return Reading(problems=(problem("C003" if encrypted else "C004", file),))
    if kind in TEXT:
        if content.startswith((b"PK\x03\x04", b"%PDF", b"{\\rtf")):
            return Reading(problems=(problem("C002", file),))
        return csv_text.read(file, content, max_rows)
    parts, problems = archive.unpack(file, content, max_rows)
    if parts is None:
        return Reading(problems=problems)
    if "content.xml" in parts:
        reading = ods.read(file, content, parts, max_rows)
    else:
        reading = xlsx.read(file, content, parts, max_rows)
        reading = marks.with_marks(reading, parts)
    return Reading(reading.tables, problems + reading.problems)
