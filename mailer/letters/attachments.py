"""Files that go with letters: attachments, and pictures that stand within the text.

`attachments = ["files/briefing.{language}.pdf"]` in `appeal.toml` names them. A file is read,
checked and encoded once, and the same encoded part stands in every letter that carries it. Files
belong to what a plan freezes. Which file a person gets follows from that person's own row, their
delegation, the language of their letter and the cells of other columns (`files/{case_no}.pdf`),
never from a list beside it. A picture is written into the letter, `![what it
shows](files/chart.png)`, and travels within the message: nothing is fetched by the reader.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from base64 import encodebytes
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from mailer.base.errors import MailerError
from mailer.base.files import ABSENT, read_inside
from mailer.base.problems import problem
from mailer.letters.message.pieces import Part

KINDS = {
    ".pdf": "application/pdf",
    ".txt": "text/plain; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""What may be attached. Programs, macros and archives may not: many parliaments refuse the whole
letter.
"""

MAX_TOTAL = 10_000_000
"""Bytes of all attachments of one letter on the wire, where base64 makes 137 out of 100."""

PICTURE = re.compile(r"files/(?:(?!\.\.)[\w ()./-])+\.(?:png|jpe?g)", re.IGNORECASE)
"""Where a picture may stand."""

_BEGINS = {
    ".pdf": b"%PDF-",
    ".png": b"\x89PNG\r\n\x1a\n",
    ".jpg": b"\xff\xd8\xff",
    ".jpeg": b"\xff\xd8\xff",
}
_ENDS = {".pdf": b"%%EOF", ".png": b"IEND"}  # within the last kilobyte
_WORDS = re.compile(r"\{(\w*)\}")
_PLACE = {"language", "delegation"}
_PART_OF_A_NAME = re.compile(r"\w[\w .+@-]*")


@dataclass(frozen=True, slots=True)
class Attachment:
    """One file, encoded for the wire."""

    file: str  # in the workspace: "templates/appeal/files/briefing.en.pdf"
    name: str  # as readers see it: "briefing.en.pdf"
    digest: str  # SHA-256 of the file
    part: Part  # header and body of the MIME part


def pattern_fault(pattern: str) -> str:
    """Return what is wrong with a pattern of `appeal.toml`, "" if nothing is."""
    path = PurePosixPath(pattern)
    if (
        path.is_absolute()
        or ".." in path.parts
        or "\\" in pattern
        or path.parts[:1] != ("files",)
        or len(path.parts) < 2
    ):
        return "an attachment stands in the folder files/ of the appeal"
    if path.suffix.lower() not in KINDS:
        return f"files of this kind are not sent; there are {', '.join(KINDS)}"
    return ""


def own_words(pattern: str) -> list[str]:
    """Return the words of a pattern that cells of the sheets fill in: `files/{case_no}.pdf` →
    `case_no`.
    """
    return [word for word in _WORDS.findall(pattern) if word not in _PLACE]


def personal(pattern: str) -> bool:
    """Tell whether the file depends on who gets the letter, and not only on the
    letter's language.
    """
    return "{delegation}" in pattern or bool(own_words(pattern))


def there(path: Path) -> Path:
    """Return the file of this name as its folder has it: a name is text, and "ö" may be written
    with one sign or with two.
    """
    if path.exists() or path.name.isascii() or not path.parent.is_dir():
        return path
    name = unicodedata.normalize("NFC", path.name)
    same = (one for one in path.parent.iterdir() if unicodedata.normalize("NFC", one.name) == name)
    return next(same, path)


def files_of(folder: Path, pattern: str, languages: Iterable[str]) -> Iterator[Path]:
    """Yield the files that a pattern may mean: one per language, and those that are there per
    delegation or person.
    """
    for language in languages if "{language}" in pattern else [""]:
        name = pattern.replace("{language}", language)
        if _WORDS.search(name):
            wanted = _WORDS.sub("*", name.replace("{delegation}", "[A-Z][A-Z]"))
            parent = (folder / wanted).parent
            for path in sorted(parent.iterdir()) if parent.is_dir() else ():
                if fnmatchcase(unicodedata.normalize("NFC", path.name), PurePosixPath(wanted).name):
                    yield path
        else:
            yield there(folder / name)


def twins(
    root: Path, folder: Path, pattern: str, languages: Iterable[str], known: Mapping[str, str]
) -> Iterator[str]:
    """Yield "one and other" for files of different people, delegations or languages that are the
    same, byte for byte.
    """
    first: dict[str, str] = {}
    for language in languages if "{language}" in pattern else [""]:
        if personal(pattern):  # one delegation's file may be the same in two languages
            first = {}
        for path in files_of(folder, pattern, [language]):
            file = path.relative_to(root).as_posix()
            if file in known and (other := first.setdefault(known[file], file)) != file:
                yield f"{PurePosixPath(other).name} and {path.name}"


def content_id(src: str) -> str:
    """Return the name by which the HTML of a letter calls a picture of its own message
    (RFC 2392).
    """
    return f"{hashlib.sha256(src.encode()).hexdigest()[:24]}@letter"


def read(root: Path, path: Path, *, shown_as: str = "") -> Attachment:
    """Read, check and encode one file; `shown_as` is the content id of a picture. Raises
    `MailerError` (L171).
    """
    file = path.relative_to(root).as_posix()
    raw, fault = read_inside(root, path)
    fault = fault or fault_of(path.name, raw)
    if fault:
        hint = (
            "put it there, or take its name out of the letter or of appeal.toml"
            if fault == ABSENT
            else "replace it"
        )
        found = problem(
            "L171", file, message=f"this file cannot be attached: {fault}", suggestion=hint
        )
        raise MailerError(f"{file} cannot be attached: {fault}", code="L171", problems=[found])
    return made(unicodedata.normalize("NFC", path.name), raw, file=file, shown_as=shown_as)


def fault_of(name: str, raw: bytes) -> str:
    """Return why a file of this name and content cannot be attached, "" if it can."""
    name = unicodedata.normalize("NFC", name)
    suffix = PurePosixPath(name).suffix.lower()
    if not raw:
        return "it is empty"
    if any(unicodedata.category(char)[0] == "C" for char in name):
        return "its name holds an invisible character, which can hide what kind of file it is"
    if not raw.startswith(_BEGINS.get(suffix, b"")):
        return f"it is called {suffix} and is not such a file"
    if _ENDS.get(suffix, b"") not in raw[-1024:]:
        return "its end is missing: it was not saved or copied whole"
    if suffix in (".docx", ".xlsx") and b"vbaProject.bin" in raw:
        return "it holds macros"
    if len(raw) * 1.37 > MAX_TOTAL:
        return f"it has {len(raw):,} bytes, and {int(MAX_TOTAL / 1.37):,} is the most"
    return ""


def made(name: str, raw: bytes, *, file: str = "", shown_as: str = "") -> Attachment:
    """Encode the bytes of a file; `name` is what readers see."""
    kind = KINDS[PurePosixPath(name).suffix.lower()].encode()
    if b"charset" in kind and not _is_utf8(raw):
        kind = kind.partition(b";")[0]  # which one it is, nobody has said
    plain = _in_ascii(name)
    inline = b"Content-ID: <%b>\r\n" % shown_as.encode() if shown_as else b""
    head = b'Content-Type: %b;\r\n name="%b"\r\nContent-Transfer-Encoding: base64\r\n%b' % (
        kind,
        plain,
        inline,
    )
    head += b"Content-Disposition: %b;\r\n%b\r\n\r\n" % (
        b"inline" if shown_as else b"attachment",
        _named(name, plain),
    )
    part = Part(head + encodebytes(raw).replace(b"\n", b"\r\n"))
    return Attachment(file, name, hashlib.sha256(raw).hexdigest(), part)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _in_ascii(name: str) -> bytes:
    """Write a file name for programs that know no other: `Übersicht.pdf` → `Ubersicht.pdf`."""
    plain = unicodedata.normalize("NFKD", name.translate(_AS_ASCII))
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    stem, dot, suffix = re.sub(r"[^A-Za-z0-9._ ()%+,-]", "_", plain).rpartition(".")
    return f"{stem[:60]}{dot}{suffix}".encode()


_AS_ASCII = str.maketrans(
    {"ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "ß": "ss", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D",
     "ı": "i", "œ": "oe", "þ": "th", "ð": "d", "–": "-", "—": "-"}
)  # fmt: skip


def _named(name: str, plain: bytes) -> bytes:
    """Write the file name as it is (RFC 2231, in pieces that fit a line), and where that is the
    same, in ASCII: Outlook shows `AT00001.dat` where it finds pieces alone.
    """
    if name.encode() == plain:
        return b' filename="%b"' % plain
    coded = quote(name, safe="")
    pieces = re.findall(r"(?:%[0-9A-F]{2}|[^%]){1,18}", coded)
    marked = [f"utf-8''{pieces[0]}", *pieces[1:]]
    return ";\r\n".join(f" filename*{at}*={piece}" for at, piece in enumerate(marked)).encode(
        "ascii"
    )


class UnusableCell(Exception):
    """A cell that shall name a person's own file, and cannot."""

    def __init__(self, message: str, word: str, value: str) -> None:
        super().__init__(message)
        self.message, self.word, self.value = message, word, value


def _as_name(word: str, cells: Mapping[str, str]) -> str:
    value = cells.get(word, "").strip()
    if not value:
        raise UnusableCell(
            "this cell names the file that goes with the letter, and is empty", word, ""
        )
    if not _PART_OF_A_NAME.fullmatch(value) or ".." in value:
        raise UnusableCell(
            "this cell names the file that goes with the letter, and is no part of a name",
            word,
            value,
        )
    return value


class Attachments:
    """The files of one appeal, each read once."""

    def __init__(
        self, root: Path, folder: Path, patterns: Iterable[str], known: Mapping[str, str]
    ) -> None:
        """`known` are the fingerprints that the appeal was read with: another file in its place is
        refused.
        """
        self._root = root
        self._known = known
        self._folder = folder
        self._patterns = tuple(patterns)
        self._read: dict[tuple[str, bool], Attachment] = {}

    def of(self, cells: Mapping[str, str]) -> tuple[Attachment, ...]:
        """Return what goes with one letter; `cells` are language, delegation and the person's own
        other cells.

        Raises `UnusableCell` where a cell names no file, and `MailerError` (L171, L172).
        """
        return _fitting(
            [
                self._one(_WORDS.sub(lambda word: _as_name(word[1], cells), one))
                for one in self._patterns
            ]
        )

    def pictures(
        self, sources: Iterable[str], beside: Sequence[Attachment] = ()
    ) -> tuple[Attachment, ...]:
        """Return the pictures of a text, each once; `beside` goes with the same letter. Raises
        `MailerError` (L171, L172).
        """
        found = [self._one(src, content_id(src)) for src in dict.fromkeys(sources)]
        return _fitting([*found, *beside])[: len(found)]

    def _one(self, name: str, shown_as: str = "") -> Attachment:
        key = (name, bool(shown_as))
        if key not in self._read:
            one = read(self._root, there(self._folder / name), shown_as=shown_as)
            if self._known.get(one.file) != one.digest:
                message = "this file has changed since the appeal was read"
                fault = problem("L171", one.file, message=message, suggestion="try again")
                raise MailerError(f"{one.file}: {message}", code="L171", problems=[fault])
            self._read[key] = one
        return self._read[key]


def _fitting(found: list[Attachment]) -> tuple[Attachment, ...]:
    total = sum(len(one.part.data) for one in found)
    if total > MAX_TOTAL:
        message = (
            f"the files of this letter have {total:,} bytes on the wire, and {MAX_TOTAL:,} is the"
            " most"
        )
        fault = problem(
            "L172", found[0].file, message=message, suggestion="link to a report instead"
        )
        raise MailerError(message, code="L172", problems=[fault])
    return tuple(found)
