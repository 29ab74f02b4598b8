"""What a document or sheet tells besides what it shows: authors, comments, tracked changes, hidden
sheets, paths of somebody's computer.

Both kinds of packages (OOXML, OpenDocument) are opened part by part; a part is read as XML without
fetching anything, and written with the prefixes that it had. Changes that were tracked are taken
as made. A hidden sheet is named and stays: whether it goes along is for a person to say.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from lxml import etree

from mailer.letters.checks.metadata import NOT_READ, photographs

MAX_PART = 20_000_000
"""Bytes of one unpacked part that are looked through."""

_PEOPLE = {"creator", "lastModifiedBy", "initial-creator", "printed-by", "Manager", "Company"}
_EMPTY = {"", "unknown", "anonymous"}
_ABOUT = ("docProps/core.xml", "docProps/app.xml", "meta.xml")
_NOT_KEPT = re.compile(
    r"(?:^|/)(?:comments?|threadedComment|people|person|commentsExtended|commentsIds"
    r"|commentsExtensible)[^/]*\.xml$|^docProps/(?:custom\.xml|thumbnail\..*)"
    r"|^Thumbnails/|/persons?/|/printerSettings/"
)
_IS_COMMENT = re.compile(r"(?:^|/)(?:comments?|threadedComment)[^/]*\.xml$")
_PATH = re.compile(rb"(?:[A-Za-z]:)?[\\/](?:Users|home|Benutzer)[\\/][^\\/<\"&]+")
_UNWRAPPED = {"ins", "moveTo"}
_CROSSED_OUT = {"del", "moveFrom"}
_MARKS = {
    "moveFromRangeStart", "moveFromRangeEnd", "moveToRangeStart", "moveToRangeEnd",
    "commentRangeStart", "commentRangeEnd", "commentReference", "annotationRef",
    "cellIns", "cellDel", "cellMerge", "absPath",
    "tracked-changes", "change", "change-start", "change-end", "annotation", "annotation-end",
}  # fmt: skip
_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def tells(raw: bytes) -> Iterator[str]:
    try:
        with zipfile.ZipFile(BytesIO(raw)) as archive:
            for one in archive.infolist():
                if one.file_size < MAX_PART:
                    yield from _of_part(one.filename, archive.read(one))
    except (
        zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, etree.XMLSyntaxError,
    ):  # fmt: skip
        yield NOT_READ


def _of_part(name: str, raw: bytes) -> Iterator[str]:
    if _IS_COMMENT.search(name):
        yield "comments"
    if name.lower().endswith((".jpg", ".jpeg", ".png")):
        if name.startswith(("docProps/", "Thumbnails/")):
            yield "a small picture of its first page"
        yield from photographs.tells(raw)
    if not name.endswith((".xml", ".rels")):
        return
    if re.search(rb"<w:(?:ins|del|moveFrom|moveTo)\s|<(?:text|table):tracked-changes", raw):
        yield "tracked changes"
    if b"<office:annotation" in raw:
        yield "comments"
    if path := _PATH.search(raw):
        yield f"a path of somebody's computer: {path[0].decode('utf-8', 'replace')}"
    if re.search(rb"<sheet\b[^>]*\sstate=\"(?:hidden|veryHidden)\"", raw):
        yield "a hidden sheet"
    if name in _ABOUT:
        for one in etree.fromstring(raw, _parser()).iter():
            text = (one.text or "").strip()
            if etree.QName(one).localname in _PEOPLE and text.lower() not in _EMPTY:
                yield f"author: {text}"


def stripped(raw: bytes) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(raw)) as archive, zipfile.ZipFile(out, "w") as clean:
        names = archive.namelist()
        gone = {
            name
            for name in names
            if _NOT_KEPT.search(name)
            or (name.endswith(".vml") and b'ObjectType="Note"' in archive.read(name))
        }
        cut = {name: _links_to(archive, name, gone) for name in names if name.endswith(".rels")}
        for name in names:
            if name in gone:
                continue
            part = archive.read(name)
            if name.lower().endswith((".jpg", ".jpeg", ".png")) and any(photographs.tells(part)):
                part = photographs.stripped(part)
            elif name.endswith((".xml", ".rels")):
                part = _clean(name, part, cut, gone)
            one = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            one.compress_type = archive.getinfo(name).compress_type
            clean.writestr(one, part)
    return out.getvalue()


def _parser() -> Any:
    return etree.XMLParser(resolve_entities=False, no_network=True, remove_blank_text=False)


def _links_to(archive: zipfile.ZipFile, rels: str, gone: set[str]) -> set[str]:
    """Return the ids under which a part links to parts that go, or to a template on a computer."""
    folder = posixpath.dirname(posixpath.dirname(rels))
    found = set()
    for one in etree.fromstring(archive.read(rels), _parser()):
        target = one.get("Target", "")
        path = posixpath.normpath(posixpath.join(folder, target)).lstrip("/")
        template = _is_outside(one) and one.get("Type", "").endswith("attachedTemplate")
        if path in gone or target.lstrip("/") in gone or template:
            found.add(one.get("Id", ""))
    return found


def _is_outside(link: Any) -> bool:
    """Tell whether a link of a part leads to a file, and not to the web."""
    web = ("http:", "https:", "mailto:")
    return link.get("TargetMode") == "External" and not link.get("Target", "").startswith(web)


def _clean(name: str, raw: bytes, cut: dict[str, set[str]], gone: set[str]) -> bytes:
    tree = etree.fromstring(raw, _parser())
    folder, base = posixpath.split(name)
    ids = cut.get(f"{folder}/_rels/{base}".lstrip("/"), set())
    for one in list(tree.iter(etree.Element)):
        if one.getparent() is None and one is not tree:
            continue  # it stood within something that is gone
        tag = etree.QName(one).localname
        if name in cut:
            if one.get("Id") in cut[name]:
                _drop(one)
            elif _is_outside(one):
                one.set("Target", one.get("Target").replace("\\", "/").rpartition("/")[2])
        elif name == "[Content_Types].xml":
            if one.get("PartName", "").lstrip("/") in gone:
                _drop(one)
        elif name == "META-INF/manifest.xml":
            if one.get(f"{{{one.nsmap.get('manifest', '')}}}full-path") in gone:
                _drop(one)
        elif name in _ABOUT:
            if tag in _PEOPLE | {"description", "user-defined", "template", "HyperlinkBase"}:
                one.text = ""
                one.attrib.clear() if tag == "template" else None
                if tag in ("user-defined", "template", "printed-by"):
                    _drop(one)
        elif one.get(_ID) in ids and ids:
            if tag == "pageSetup":
                del one.attrib[_ID]  # the printer goes, the paper stays
            else:
                _drop(one)
        else:
            _made(one, tag)
    head = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    return head + bytes(etree.tostring(tree))


def _made(one: Any, tag: str) -> None:
    """Take a change as made, and a mark of one, or of a comment, away."""
    for attribute in [key for key in one.attrib if key.startswith(f"{_WORD}rsid")]:
        del one.attrib[attribute]
    word = str(one.tag).startswith(_WORD)
    if word and tag in _CROSSED_OUT:
        parent = one.getparent()
        row = etree.QName(parent).localname == "trPr"
        _drop(parent.getparent() if row else one)
    elif word and tag in _UNWRAPPED:
        _unwrap(one)
    elif tag in _MARKS or (word and (tag.endswith("Change") or tag.startswith("rsid"))):
        _drop(one)


def _drop(one: Any) -> None:
    """Take an element out; what stands behind it stays."""
    parent = one.getparent()
    before = one.getprevious()
    if one.tail and before is not None:
        before.tail = (before.tail or "") + one.tail
    elif one.tail:
        parent.text = (parent.text or "") + one.tail
    parent.remove(one)


def _unwrap(one: Any) -> None:
    parent = one.getparent()
    at = parent.index(one)
    for child in reversed(list(one)):
        parent.insert(at + 1, child)
    parent.remove(one)
