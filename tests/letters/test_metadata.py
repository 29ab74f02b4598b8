"""Facts about what files tell besides what they show: it is found and taken out, nothing else."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import openpyxl
import pytest
from lxml import etree
from openpyxl.comments import Comment
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo
from pypdf import PdfReader, PdfWriter
from pypdf.annotations import Text
from pypdf.generic import DictionaryObject, NameObject, RectangleObject, TextStringObject

from mailer.base.errors import MailerError
from mailer.letters.checks.metadata import stripped, what_it_tells
from mailer.letters.formal import pdf as set_letters
from tests.helpers.letters import checked, folder, letter, written

SOFFICE = shutil.which("soffice")
WRITER = SOFFICE is not None and (Path(SOFFICE).resolve().parent / "libswlo.so").exists()


@lru_cache
def a_letter() -> bytes:
    """Return a tagged PDF of a letter, as the mailer sets it: it says which organisation writes."""
    with tempfile.TemporaryDirectory() as place:
        toml = "[letter]\npdf = true\n"
        paper = written(Path(place), "Please vote on 27 January.", toml=toml).formal
        assert paper is not None
        return set_letters([paper.data], Path(place))


def a_page() -> bytes:
    return stripped("a.pdf", a_letter())


def pdf(change: Callable[[PdfWriter], object]) -> bytes:
    writer, out = PdfWriter(clone_from=PdfReader(BytesIO(a_page()))), BytesIO()
    change(writer)
    writer.write(out)
    return out.getvalue()


def commented(writer: PdfWriter) -> None:
    note = Text(rect=(50, 550, 200, 650), text="a secret remark", open=True)
    note[NameObject("/T")] = TextStringObject("Jana Novák")
    writer.add_annotation(0, note)


def revised() -> bytes:
    """Return a PDF whose author was taken out by a program that writes behind the end."""
    first = pdf(lambda writer: writer.add_metadata({"/Author": "Jana Novák"}))
    writer, out = PdfWriter(BytesIO(first), incremental=True), BytesIO()
    writer.add_metadata({"/Author": ""})
    writer.write(out)
    return out.getvalue()


def with_picture() -> bytes:
    """Return a PDF that holds a photograph with its place."""
    out = BytesIO()
    Image.new("RGB", (8, 8)).save(out, "PDF")
    writer = PdfWriter(clone_from=PdfReader(BytesIO(out.getvalue())))
    picture = writer.pages[0].images[0].indirect_reference.get_object()  # type: ignore[union-attr]
    picture._data = photograph()
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def photograph(kind: str = "JPEG") -> bytes:
    exif, out = Image.Exif(), BytesIO()
    exif[ExifTags.Base.Model] = "Camera 5"
    exif[ExifTags.Base.Orientation] = 6
    exif.get_ifd(ExifTags.IFD.GPSInfo)[1] = "N"
    drawn = Image.effect_noise((40, 30), 90).convert("RGB")
    drawn.save(out, kind, exif=exif, **({"comment": b"at the border"} if kind == "JPEG" else {}))
    return out.getvalue()


def noted() -> bytes:
    notes, out = PngInfo(), BytesIO()
    notes.add_text("Author", "Jana")
    Image.new("RGB", (4, 4)).save(out, "PNG", pnginfo=notes)
    return out.getvalue()


def package(**parts: str | bytes) -> bytes:
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return packed.getvalue()


W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
P = "http://schemas.openxmlformats.org/package/2006"
TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml"
CHANGE = 'w:id="1" w:author="Jana Novák" w:date="2026-01-01T00:00:00Z"'
DOCUMENT = f"""<w:document xmlns:w="{W}" xmlns:r="{R}"><w:body>
<w:p w:rsidR="00A1"><w:r><w:t xml:space="preserve">We ask for </w:t></w:r>
<w:del {CHANGE}><w:r><w:delText>sanctions</w:delText></w:r></w:del>
<w:ins {CHANGE}><w:r><w:t>a vote</w:t></w:r></w:ins>
<w:commentRangeStart w:id="0"/><w:r><w:t> soon.</w:t></w:r><w:commentRangeEnd w:id="0"/>
<w:r><w:commentReference w:id="0"/></w:r></w:p></w:body></w:document>"""


def document() -> bytes:
    """Return a Word file with author, comment, tracked change, and the path of its template."""
    of = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    return package(
        **{
            "[Content_Types].xml": f"""<Types xmlns="{P}/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="xml" ContentType="application/xml"/>
<Override PartName="/word/document.xml" ContentType="{TYPE}.document.main+xml"/>
<Override PartName="/word/comments.xml" ContentType="{TYPE}.comments+xml"/>
<Override PartName="/word/settings.xml" ContentType="{TYPE}.settings+xml"/></Types>""",
            "_rels/.rels": f"""<Relationships xmlns="{P}/relationships">
<Relationship Id="rId1" Type="{of}/officeDocument" Target="word/document.xml"/>
<Relationship Id="rId2" Type="{P}/relationships/metadata/core-properties"
 Target="docProps/core.xml"/></Relationships>""",
            "word/_rels/document.xml.rels": f"""<Relationships xmlns="{P}/relationships">
<Relationship Id="rId1" Type="{of}/comments" Target="comments.xml"/>
<Relationship Id="rId2" Type="{of}/settings" Target="settings.xml"/></Relationships>""",
            "word/_rels/settings.xml.rels": f"""<Relationships xmlns="{P}/relationships">
<Relationship Id="rId1" Type="{of}/attachedTemplate" TargetMode="External"
 Target="file:///C:\\Users\\jana.novak\\Secret.dotx"/></Relationships>""",
            "word/settings.xml": f"""<w:settings xmlns:w="{W}" xmlns:r="{R}">
<w:attachedTemplate r:id="rId1"/><w:rsids><w:rsidRoot w:val="00A1"/></w:rsids></w:settings>""",
            "word/comments.xml": f"""<w:comments xmlns:w="{W}"><w:comment {CHANGE}><w:p><w:r>
<w:t>nobody must know</w:t></w:r></w:p></w:comment></w:comments>""",
            "word/document.xml": DOCUMENT,
            "word/media/image1.jpg": photograph(),
            "docProps/core.xml": f"""<cp:coreProperties
 xmlns:cp="{P}/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:title>Briefing</dc:title><dc:creator>Jana Novák</dc:creator>
<cp:lastModifiedBy>Ola Nordmann</cp:lastModifiedBy></cp:coreProperties>""",
        }
    )


def sheet() -> bytes:
    book, packed = openpyxl.Workbook(), BytesIO()
    book.properties.creator = "Jana Novák"
    book.active["A1"] = "Votes"
    book.active["A1"].comment = Comment("not for the others", "Jana Novák")
    book.create_sheet("Sources").sheet_state = "hidden"
    book.save(packed)
    return packed.getvalue()


def text() -> bytes:
    office = "urn:oasis:names:tc:opendocument:xmlns"
    spaces = " ".join(
        f'xmlns:{name}="{office}:{name}:1.0"' for name in ("office", "text", "meta", "manifest")
    )
    dc = 'xmlns:dc="http://purl.org/dc/elements/1.1/"'
    return package(
        **{
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": f"""<office:document-content {spaces} {dc}><office:body><office:text>
<text:tracked-changes><text:changed-region text:id="c1"><text:deletion>
<dc:creator>Jana Novák</dc:creator><text:p>sanctions</text:p></text:deletion>
</text:changed-region></text:tracked-changes><text:p>We ask for <text:change
 text:change-id="c1"/>a vote<office:annotation><dc:creator>Jana</dc:creator><text:p>hush</text:p>
</office:annotation> soon.</text:p></office:text></office:body></office:document-content>""",
            "meta.xml": f"""<office:document-meta {spaces} {dc}><office:meta>
<meta:initial-creator>Jana Novák</meta:initial-creator><dc:creator>Ola</dc:creator>
</office:meta></office:document-meta>""",
            "META-INF/manifest.xml": f"""<manifest:manifest {spaces}>
<manifest:file-entry manifest:full-path="/"
 manifest:media-type="application/vnd.oasis.opendocument.text"/>
<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>
<manifest:file-entry manifest:full-path="meta.xml" manifest:media-type="text/xml"/>
</manifest:manifest>""",
        }
    )


def program(writer: PdfWriter) -> None:
    action = {"/S": NameObject("/JavaScript"), "/JS": TextStringObject("app.alert(1)")}
    made = DictionaryObject({NameObject(key): value for key, value in action.items()})
    writer.root_object[NameObject("/OpenAction")] = made


AUTHOR = "author: Jana Novák"
FILES = {
    "author.pdf": (
        lambda: pdf(lambda one: one.add_metadata({"/Author": "Jana Novák", "/Title": "T"})),
        {AUTHOR},
    ),
    "keywords.pdf": (
        lambda: pdf(lambda one: one.add_metadata({"/Keywords": "draft 3"})),
        {"keywords: draft 3"},
    ),
    "program.pdf": (lambda: pdf(program), {"JavaScript"}),
    "attached.pdf": (
        lambda: pdf(lambda one: one.add_attachment("notes.txt", b"secret")),
        {"another file within it"},
    ),
    "commented.pdf": (lambda: pdf(commented), {"comments", AUTHOR}),
    "revised.pdf": (revised, {"an earlier version of it"}),
    "picture.pdf": (with_picture, {"place (GPS)", "the camera", "a comment: at the border"}),
    "a.docx": (
        document,
        {
            AUTHOR,
            "author: Ola Nordmann",
            "comments",
            "tracked changes",
            "place (GPS)",
            "the camera",
            "a comment: at the border",
            "a path of somebody's computer: C:\\Users\\jana.novak",
        },
    ),
    "a.odt": (text, {AUTHOR, "author: Ola", "comments", "tracked changes"}),
    "a.xlsx": (sheet, {AUTHOR, "comments", "a hidden sheet"}),
    "a.jpg": (photograph, {"place (GPS)", "the camera", "a comment: at the border"}),
    "b.png": (lambda: photograph("PNG"), {"place (GPS)", "the camera"}),
    "a.png": (noted, {"a note: Author"}),
}
STAYS = {"a hidden sheet"}
"""What only a person can take out."""


@pytest.mark.parametrize("name", FILES)
def test_what_a_file_tells_is_found_and_taken_out(name: str) -> None:
    make, tells = FILES[name]
    raw = make()
    assert set(what_it_tells(name, raw)) == tells
    clean = stripped(name, raw)
    assert set(what_it_tells(name, clean)) == tells & STAYS
    for secret in ("Jana", "Ola", "secret", "nobody must know", "not for the others", "sanctions"):
        assert secret not in everything(name, clean), secret


def everything(name: str, raw: bytes) -> str:
    """Return all that stands in a file, unpacked."""
    if name.endswith(".pdf"):
        writer, out = PdfWriter(clone_from=PdfReader(BytesIO(raw))), BytesIO()
        for page in writer.pages:
            page.get_contents()
        writer.write(out)
        found = out.getvalue() + raw
        for one in writer._objects:
            if hasattr(one, "get_data"):
                try:
                    found += one.get_data()
                except Exception:  # a picture in an encoding of its own
                    found += one._data
        return found.decode("latin-1") + found.decode("utf-16-be", "replace")
    if name.endswith((".docx", ".odt", ".xlsx")):
        with ZipFile(BytesIO(raw)) as archive:
            return "".join(
                archive.read(one).decode("utf-8", "replace") for one in archive.namelist()
            )
    return raw.decode("latin-1")


@pytest.mark.parametrize(("suffix", "raw"), [(".pdf", b"%PDF-"), (".docx", b"no archive")])
def test_what_cannot_be_read_is_said(suffix: str, raw: bytes) -> None:
    (only,) = what_it_tells(f"a{suffix}", raw)
    assert only.startswith("something that cannot be read")


def test_page_of_a_letter_tells_nothing_and_stays_as_it_is() -> None:
    assert what_it_tells("a.pdf", a_letter()) == ("author: Example Coalition",)
    page = a_page()
    assert what_it_tells("a.pdf", page) == ()
    assert stripped("a.pdf", page) is page


def test_what_readers_need_of_a_pdf_stays() -> None:
    before = pdf(lambda one: one.add_metadata({"/Author": "Jana", "/Title": "A letter"}))
    after = PdfReader(BytesIO(stripped("a.pdf", before)))
    assert after.metadata is not None
    assert after.metadata.title == "A letter"
    assert after.root_object["/Lang"] == "en"
    assert after.root_object["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in after.root_object
    assert b"pdfuaid" in after.root_object["/Metadata"].get_data()
    assert after.pages[0].extract_text() == PdfReader(BytesIO(before)).pages[0].extract_text()


def test_signed_pdf_is_left_alone() -> None:
    def sign(writer: PdfWriter) -> None:
        field = {"/Type": "/Annot", "/Subtype": "/Widget", "/FT": "/Sig"}
        made = DictionaryObject({NameObject(k): NameObject(v) for k, v in field.items()})
        made[NameObject("/Rect")] = RectangleObject((0, 0, 0, 0))
        writer.add_annotation(0, made)
        writer.add_metadata({"/Author": "Jana"})

    with pytest.raises(MailerError, match="signed"):
        stripped("a.pdf", pdf(sign))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_picture_is_the_same_to_the_eye(kind: str) -> None:
    name, before = f"a.{kind.lower()}", photograph(kind)
    after = stripped(name, before)
    old, new = Image.open(BytesIO(before)), Image.open(BytesIO(after))
    assert new.getexif()[ExifTags.Base.Orientation] == 6
    assert old.size == new.size
    difference = max(abs(a - b) for a, b in zip(old.tobytes(), new.tobytes(), strict=True))
    assert difference <= (0 if kind == "PNG" else 24)


@pytest.mark.parametrize(("name", "part"), [("a.docx", "word/document"), ("a.odt", "content")])
def test_changes_are_taken_as_made(name: str, part: str) -> None:
    with ZipFile(BytesIO(stripped(name, FILES[name][0]()))) as archive:
        tree = etree.fromstring(archive.read(f"{part}.xml"))
    said = "".join("".join(tree.itertext()).split("\n"))
    assert said == "We ask for a vote soon."


@pytest.mark.skipif(not WRITER, reason="LibreOffice Writer is not installed")
@pytest.mark.parametrize("name", ["a.docx", "a.odt"])
def test_stripped_document_says_what_it_said_with_its_changes(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(stripped(name, FILES[name][0]()))
    home = f"-env:UserInstallation=file://{tmp_path}/office"
    words = [str(SOFFICE), home, "--headless", "--convert-to", "txt:Text", "--outdir"]
    subprocess.run([*words, str(tmp_path), str(tmp_path / name)], check=True, capture_output=True)
    assert (tmp_path / "a.txt").read_text("utf-8-sig").strip() == "We ask for a vote soon."


def test_stripped_sheet_opens() -> None:
    book = openpyxl.load_workbook(BytesIO(stripped("a.xlsx", sheet())))
    assert book.active["A1"].value == "Votes"
    assert book.active["A1"].comment is None


def test_check_names_it(tmp_path: Path) -> None:
    folder(tmp_path, en=letter("x"))
    path = tmp_path / "templates/appeal/files/report.pdf"
    path.parent.mkdir()
    path.write_bytes(a_letter())
    toml = 'attachments = ["files/report.pdf"]\n'
    (only,) = checked(tmp_path, toml=toml, en=letter("x"))
    assert (only.code, only.severity) == ("L174", "warning")
    assert only.value == "author: Example Coalition"
    assert only.file == "templates/appeal/files/report.pdf"


def test_reason_for_what_a_file_tells_makes_it_a_note(tmp_path: Path) -> None:
    folder(tmp_path, en=letter("x"))
    path = tmp_path / "templates/appeal/files/report.pdf"
    path.parent.mkdir()
    path.write_bytes(a_letter())
    toml = 'attachments = ["files/report.pdf"]\n[waived]\n"files/report.pdf" = "it is ours"\n'
    (only,) = checked(tmp_path, toml=toml, en=letter("x"))
    assert (only.code, only.severity, only.suggestion) == ("L174", "note", "it is ours")
