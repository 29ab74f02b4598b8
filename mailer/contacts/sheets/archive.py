"""The shell of XLSX and ODS: a ZIP archive of XML parts, opened only when it is what it says it is.

A bomb is small and unpacks to gigabytes, one entity of XML expands to a billion words, a path leads
out of the folder, a part is encrypted: each is refused by the archive's own directory or the first
look at a part, before anything is unpacked that could fill the memory. Python's `zipfile` never
unpacks more of a member than its directory declares.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib

from mailer.base.errors import Problem
from mailer.base.problems import problem

MOST_MEMBERS = 1_000
MOST_RATIO = 100
"""Unpacked to packed; text of real sheets stays below 40. It counts only above `SMALL` bytes."""

SMALL = 20_000_000

DOCTYPE = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
"""No spreadsheet program writes one; entities that expand and entities from elsewhere begin with
it.
"""

XML = (".xml", ".rels")


def most_bytes(max_rows: int) -> int:
    """Return how many bytes a file may have on disk."""
    return max(20_000_000, max_rows * 300)


def most_unpacked(max_rows: int) -> int:
    """Return how many bytes the parts of an archive may have together: 200 MB for the usual limit
    of rows.
    """
    return max(SMALL, max_rows * 1_000)


def unpack(
    file: str, content: bytes, max_rows: int
) -> tuple[dict[str, bytes] | None, tuple[Problem, ...]]:
    """Return the XML parts by name, or None with the problem; external links and macros are named,
    never followed.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            members = book.infolist()
            refused = _refuse(file, members, len(content), max_rows)
            if refused:
                return None, (refused,)
            names = [member.filename for member in members]
            parts = {
                name.replace("\\", "/").removeprefix("./"): book.read(
                    name
                )  # old exporters of .NET write "\\"
                for name in names
                if name.endswith(XML) or name == "mimetype"
            }
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        NotImplementedError,
        RuntimeError,
        ValueError,
    ):
        return None, (problem("C002", file),)
    if "xl/workbook.bin" in names:
        return None, (problem("C004", file),)
    if b"encryption-data" in parts.get("META-INF/manifest.xml", b""):
        return None, (problem("C003", file),)
    if "content.xml" not in parts and not any(name.endswith("workbook.xml") for name in parts):
        return None, (problem("C002", file),)
    for name, part in parts.items():
        if name.startswith(("customXml/", "docProps/")):  # Power Query keeps UTF-16 there
            continue
        if DOCTYPE.search(part) or part[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return None, (problem("C016", file, value=name),)
    notes = []
    if any(name.startswith("xl/externalLinks/") and name.endswith(".xml") for name in names):
        notes.append(problem("C018", file))
    if "xl/vbaProject.bin" in names or any(name.startswith("Basic/") for name in names):
        notes.append(problem("C026", file))
    return parts, tuple(notes)


def _refuse(
    file: str, members: list[zipfile.ZipInfo], packed: int, max_rows: int
) -> Problem | None:
    total = sum(member.file_size for member in members)
    if (
        len(members) > MOST_MEMBERS
        or total > most_unpacked(max_rows)
        or (total > SMALL and total > MOST_RATIO * packed)
    ):
        return problem(
            "C014", file, value=f"{packed / 1e6:,.1f} MB would unpack to {total / 1e6:,.0f} MB"
        )
    if any(member.flag_bits & 0x1 for member in members):
        return problem("C003", file)
    names = [member.filename for member in members]
    if len(set(names)) < len(names) or any(
        name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name) for name in names
    ):
        return problem(
            "C016",
            file,
            message="this archive is built in a way that no spreadsheet program builds one",
        )
    return None
