"""What a PDF tells besides what it shows: author, comments, attached files, earlier versions of
itself, programs.

The whole file is read, as pypdf reads it. It is written anew from what can be reached from its
pages: nothing that was deleted before stays in it. Its title, language, bookmarks and tags stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

from lxml import etree
from pypdf import PdfReader, PdfWriter
from pypdf.errors import PyPdfError
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    IndirectObject,
    NameObject,
    StreamObject,
)

from mailer.base.errors import MailerError
from mailer.letters.checks.metadata import NOT_READ, photographs

_PARSER = {"resolve_entities": False, "no_network": True}
_RUNS = ("/JavaScript", "/Launch", "/SubmitForm", "/ImportData", "/RichMediaExecute")
_SHOWN = ("/Link", "/Widget")
"""Annotations that are part of the page; the others are somebody's comments."""
_KEPT = ("http://www.aiim.org/pdfua/ns/id/", "http://www.aiim.org/pdfa/ns/id/")
_DC = "{http://purl.org/dc/elements/1.1/}"
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_TITLE = (f"{_DC}title", f"{_DC}language")
_PRIVATE = ("/PieceInfo", "/LastModified", "/AA")


def tells(raw: bytes) -> Iterator[str]:
    try:
        reader = PdfReader(BytesIO(raw))
        if reader.is_encrypted and not reader.decrypt(""):
            yield f"{NOT_READ}: it has a password"
            return
        yield from _of_document(reader)
        objects = list(_objects(reader.root_object))
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        yield NOT_READ
        return
    for one in objects:
        yield from _of_object(one)
    if raw.count(b"%%EOF") > 1 and b"/Linearized" not in raw[:1024]:
        yield "an earlier version of it"


def stripped(raw: bytes) -> bytes:
    reader = PdfReader(BytesIO(raw))
    if reader.is_encrypted:
        raise MailerError("It is encrypted.", hint="save it without a password")
    objects = list(_objects(reader.root_object))
    if any(one.get("/Type") == "/Sig" or one.get("/FT") == "/Sig" for one in objects):
        raise MailerError("It is signed, and its signature would break.", hint="send it as it is")
    title = (reader.metadata.title if reader.metadata else "") or ""
    writer = PdfWriter(clone_from=reader)
    root = writer.root_object
    for one in list(_objects(root)):
        _clean(one)
    xmp = root.get("/Metadata")
    if isinstance(xmp := xmp.get_object() if xmp else None, StreamObject):
        xmp.set_data(_plain_xmp(xmp.get_data()))
    return _written(PdfWriter(clone_from=PdfReader(BytesIO(_written(writer)))), title)


def _written(writer: PdfWriter, title: str = "") -> bytes:
    """Write a document; what nothing refers to stays behind when that is read again."""
    writer.metadata = {"/Title": title} if title else None
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def _objects(root: DictionaryObject) -> Iterator[DictionaryObject]:
    """Yield every dictionary and stream that can be reached from the root."""
    seen: set[tuple[int, int]] = set()
    waiting: list[Any] = [root]
    while waiting:
        one = waiting.pop()
        if isinstance(one, IndirectObject):
            key = (one.idnum, one.generation)
            if key in seen:
                continue
            seen.add(key)
            one = one.get_object()
        if isinstance(one, DictionaryObject):
            yield one
            waiting += one.values()
        elif isinstance(one, ArrayObject):
            waiting += one


def _of_document(reader: PdfReader) -> Iterator[str]:
    info: DictionaryObject = reader.metadata or DictionaryObject()
    if author := str(info.get("/Author", "")).strip():
        yield f"author: {author}"
    for key in info.keys() - {"/Title", "/Author", "/Creator", "/Producer", "/CreationDate"}:
        if key not in ("/ModDate", "/Trapped") and str(info[key]).strip():
            yield f"{key[1:].lower()}: {info[key]}"
    xmp = reader.root_object.get("/Metadata")
    if isinstance(xmp := xmp.get_object() if xmp else None, StreamObject):
        try:
            tree = etree.fromstring(xmp.get_data(), etree.XMLParser(**_PARSER))
        except etree.XMLSyntaxError:
            yield "notes that cannot be read"
            return
        for creator in tree.iter(f"{_DC}creator"):
            if said := " ".join(" ".join(creator.itertext()).split()):
                yield f"author: {said}"
        if "DerivedFrom" in (texts := etree.tostring(tree, encoding="unicode")) or (
            "xmpMM:History" in texts
        ):
            yield "the history of the file"


def _of_object(one: DictionaryObject) -> Iterator[str]:
    action = one.get("/S")
    if action in _RUNS or "/JS" in one:
        yield "JavaScript" if action == "/JavaScript" or "/JS" in one else "a program"
    if "/EF" in one or "/EmbeddedFiles" in one:
        yield "another file within it"
    if _is_comment(one):
        yield "comments"
        if author := str(one.get("/T", "")).strip():
            yield f"author: {author}"
    if "/PieceInfo" in one:
        yield "notes of another program"
    if picture := _picture(one):
        yield from photographs.tells(picture)


def _is_comment(one: DictionaryObject) -> bool:
    return one.get("/Subtype") not in (None, *_SHOWN) and "/Rect" in one


def _picture(one: DictionaryObject) -> bytes:
    if not isinstance(one, StreamObject) or one.get("/Filter") != "/DCTDecode":
        return b""
    data: bytes = one._data  # as the file has it: `get_data` would unpack the pixels
    return data


def _clean(one: DictionaryObject) -> None:
    for key in _PRIVATE:
        one.pop(NameObject(key), None)
    if one.get("/Type") != "/Catalog":
        one.pop(NameObject("/Metadata"), None)
    for key in ("/A", "/OpenAction", "/Next"):
        action = one.get(key)
        action = action.get_object() if action is not None else None
        if isinstance(action, DictionaryObject) and (action.get("/S") in _RUNS or "/JS" in action):
            del one[NameObject(key)]
    for key in ("/JavaScript", "/EmbeddedFiles", "/AF", "/Collection"):
        one.pop(NameObject(key), None)
    comments = one.get("/Annots")
    if comments is not None:
        kept = [each for each in comments.get_object() if not _is_comment(each.get_object())]
        one[NameObject("/Annots")] = ArrayObject(kept)
    if (
        (picture := _picture(one))
        and isinstance(one, StreamObject)
        and any(photographs.tells(picture))
    ):
        one._data = photographs.stripped(picture)


def _plain_xmp(raw: bytes) -> bytes:
    """Keep title and language, and that the file is PDF/UA or PDF/A; nothing of who made it."""
    tree = etree.fromstring(raw, etree.XMLParser(**_PARSER))
    for about in tree.iter(f"{_RDF}Description"):
        for part in list(about):
            if part.tag not in _TITLE and not str(part.tag).startswith(
                tuple(f"{{{one}}}" for one in _KEPT)
            ):
                about.remove(part)
        for name in list(about.attrib):
            if name != f"{_RDF}about" and not str(name).startswith(
                tuple(f"{{{one}}}" for one in _KEPT)
            ):
                del about.attrib[name]
    return bytes(etree.tostring(tree))
