"""What the files that go with letters tell besides what they show: who made them and where, what
was commented and crossed out, what runs when they are opened.

It is looked for, not taken out. PDFs that are encrypted, and parts that only their own program can
read, may hold more.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import PurePosixPath
from typing import Literal

from defusedxml import ElementTree

from mailer.base.errors import Problem
from mailer.base.files import read_inside
from mailer.base.problems import problem
from mailer.letters.appeal import Appeal

MAX_PART = 5_000_000
"""Bytes of one unpacked part that are looked through."""

_PEOPLE = {"creator", "lastModifiedBy", "initial-creator", "Manager", "Company"}
_EMPTY = {"", "unknown", "anonymous"}


def told(appeal: Appeal) -> Iterator[Problem]:
    """Yield a warning (L174) for each file of an appeal that tells more than it shows."""
    for file in sorted(appeal.files):
        if "/files/" in file:
            raw, _ = read_inside(appeal.root, appeal.root / file)
            if found := list(dict.fromkeys(what_it_tells(PurePosixPath(file).suffix.lower(), raw))):
                yield problem("L174", file, value="; ".join(found)[:200])


def what_it_tells(suffix: str, raw: bytes) -> Iterator[str]:
    """Yield what a file tells, in words: `author: Jana Novák`, `tracked changes`, `place (GPS)`."""
    if suffix == ".pdf":
        yield from _of_pdf(raw)
    elif suffix in (".docx", ".xlsx", ".odt", ".ods"):
        yield from _of_office(raw)
    elif suffix in (".jpg", ".jpeg"):
        yield from _of_jpeg(raw)
    elif suffix == ".png":
        yield from _of_png(raw)


def _of_office(raw: bytes) -> Iterator[str]:
    try:
        with zipfile.ZipFile(BytesIO(raw)) as archive:
            for name in archive.namelist():
                if re.search(r"(?:^|/)(?:comments|threadedComment)[^/]*\.xml$", name):
                    yield "comments"
                if name.endswith((".xml", ".rels")) and archive.getinfo(name).file_size < MAX_PART:
                    yield from _of_xml(name, archive.read(name))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError):
        yield "something that cannot be read"


def _of_xml(name: str, raw: bytes) -> Iterator[str]:
    if re.search(rb"<w:(?:ins|del|moveFrom|moveTo)\s|<text:tracked-changes", raw):
        yield "tracked changes"
    if b"<office:annotation" in raw:
        yield "comments"
    if name in ("docProps/core.xml", "docProps/app.xml", "meta.xml"):
        for one in ElementTree.fromstring(raw).iter():
            text = (one.text or "").strip()
            if one.tag.rpartition("}")[2] in _PEOPLE and text.lower() not in _EMPTY:
                yield f"author: {text}"


def _of_pdf(raw: bytes) -> Iterator[str]:
    parts = [raw]
    for stream in re.finditer(rb"stream\r?\n(.*?)endstream", raw, re.DOTALL):
        try:
            parts.append(zlib.decompressobj().decompress(stream[1], MAX_PART))
        except zlib.error:
            continue  # a picture, or packed otherwise
    for part in parts:
        for author in re.finditer(rb"/Author\s*(?:\(((?:[^()\\]|\\.)*)\)|<([0-9A-Fa-f]*)>)", part):
            name = bytes.fromhex(author[2].decode()) if author[2] else author[1] or b""
            if text := _pdf_text(name):
                yield f"author: {text}"
        for creator in re.findall(rb"<dc:creator>.*?<rdf:li[^>]*>([^<]+)", part, re.DOTALL):
            yield f"author: {creator.decode('utf-8', 'replace')}"
        if re.search(rb"/(?:JavaScript|JS)\b", part):
            yield "JavaScript"
        if b"/EmbeddedFile" in part:
            yield "another file within it"


def _pdf_text(raw: bytes) -> str:
    wide = raw.startswith(b"\xfe\xff")
    return (raw.decode("utf-16", "replace") if wide else raw.decode("latin-1")).strip("\ufeff ")


def _of_jpeg(raw: bytes) -> Iterator[str]:
    at = 2
    while raw[at : at + 1] == b"\xff" and raw[at + 1 : at + 2] not in (b"\xda", b""):
        kind, size = raw[at + 1], int.from_bytes(raw[at + 2 : at + 4])
        part = raw[at + 4 : at + 2 + size]
        if kind == 0xE1 and part.startswith(b"Exif\0\0"):
            yield from _of_exif(part[6:])
        elif (kind == 0xE1 and b"adobe.com/xap" in part) or kind == 0xED:
            yield "notes of a picture program"
        elif kind == 0xFE:
            yield f"a comment: {part[:40].decode('utf-8', 'replace')}"
        at += 2 + max(size, 2)


_EXIF = {0x8825: "place (GPS)", 0x013B: "its author", 0x8298: "its author", 0x0110: "the camera"}


def _of_exif(raw: bytes) -> Iterator[str]:
    order: Literal["little", "big"] = "little" if raw[:2] == b"II" else "big"
    start = int.from_bytes(raw[4:8], order)
    for at in range(start + 2, start + 2 + 12 * int.from_bytes(raw[start : start + 2], order), 12):
        if (tag := int.from_bytes(raw[at : at + 2], order)) in _EXIF:
            yield _EXIF[tag]


def _of_png(raw: bytes) -> Iterator[str]:
    at = 8
    while at + 8 <= len(raw):
        size, kind = int.from_bytes(raw[at : at + 4]), raw[at + 4 : at + 8]
        part = raw[at + 8 : at + 8 + size]
        if kind == b"eXIf":
            yield from _of_exif(part)
        elif kind in (b"tEXt", b"iTXt", b"zTXt") and not part.startswith(b"Software"):
            yield f"a note: {part.partition(bytes(1))[0].decode('latin-1')[:40]}"
        at += 12 + size
