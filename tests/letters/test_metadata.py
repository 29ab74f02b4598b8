"""Facts about what files tell besides what they show."""

from __future__ import annotations

import zlib
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import openpyxl
import pytest

from mailer.letters.checks.metadata import what_it_tells
from tests.helpers.letters import checked, folder, letter

EXIF = b"Exif\0\0MM\0*" + b"\0\0\0\x08" + b"\0\x01" + b"\x88\x25" + bytes(10) + bytes(4)
JPEG = b"\xff\xd8\xff\xe1" + (len(EXIF) + 2).to_bytes(2, "big") + EXIF + b"\xff\xda\0\x02\xff\xd9"


def docx(**parts: str) -> bytes:
    packed = BytesIO()
    with ZipFile(packed, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name.replace("__", "/") + ".xml", text)
    return packed.getvalue()


def sheet() -> bytes:
    book, packed = openpyxl.Workbook(), BytesIO()
    book.properties.creator = "Jana Novák"
    book.save(packed)
    return packed.getvalue()


PACKED = b"stream\n" + zlib.compress(b"<</Author (Jana)>>") + b"\nendstream"
CORE = '<p xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:creator>Jana</dc:creator></p>'


@pytest.mark.parametrize(
    ("suffix", "raw", "tells"),
    [
        (".pdf", b"%PDF-1.7 /Author (Jana \\(J\\) Nov) %%EOF", ["author: Jana \\(J\\) Nov"]),
        (".pdf", b"%PDF-1.7 /Author <FEFF004A0061> %%EOF", ["author: Ja"]),
        (
            ".pdf",
            b"stream\n" + zlib.compress(b"<</Author (Jana)>>") + b"\nendstream",
            ["author: Jana"],
        ),
        (".pdf", b"/OpenAction << /S /JavaScript /JS (x) >>", ["JavaScript"]),
        (".docx", docx(docProps__core=CORE), ["author: Jana"]),
        (".docx", docx(word__comments="<x/>"), ["comments"]),
        (".docx", docx(word__document='<w:del w:author="J">'), ["tracked changes"]),
        (".odt", docx(content="<text:tracked-changes/>"), ["tracked changes"]),
        (".xlsx", sheet(), ["author: Jana Novák"]),
        (".jpg", JPEG, ["place (GPS)"]),
        (".png", b"\x89PNG\r\n\x1a\n\0\0\0\x0btEXtAuthor\0Jana\0\0\0\0", ["a note: Author"]),
        (".pdf", b"%PDF-1.7 /Title (x) %%EOF", []),
        (".docx", docx(word__document="<w:p/>"), []),
        (".docx", b"no archive", ["something that cannot be read"]),
    ],
)
def test_what_a_file_tells_is_found(suffix: str, raw: bytes, tells: list[str]) -> None:
    assert list(what_it_tells(suffix, raw)) == tells


def test_check_names_it(tmp_path: Path) -> None:
    folder(tmp_path, en=letter("x"))
    path = tmp_path / "templates/appeal/files/report.pdf"
    path.parent.mkdir()
    path.write_bytes(b"%PDF-1.7\n/Author (Jana)\n%%EOF\n")
    toml = 'attachments = ["files/report.pdf"]\n'
    (only,) = checked(tmp_path, toml=toml, en=letter("x"))
    assert (only.code, only.severity, only.value) == ("L174", "warning", "author: Jana")
    assert only.file == "templates/appeal/files/report.pdf"
