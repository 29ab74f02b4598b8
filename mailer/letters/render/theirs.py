"""Files that are meant for one person: each is proven to be theirs before it goes along.

A cell of the sheet names the file; a slip in that cell sends somebody else's. So their surname must
stand in the file or in its name, and nobody else's name of the sheets may. What several people get
(a committee's briefing) is nobody's own.
"""

from __future__ import annotations

import re
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import PurePosixPath

from mailer.base.errors import MailerError
from mailer.base.files import read_inside
from mailer.base.problems import problem
from mailer.base.spelling import fold, tokens
from mailer.contacts.contact import Contact
from mailer.letters.appeal import Appeal
from mailer.letters.attachments import Attachment, own_words
from mailer.letters.placeholders import word_of

_OF_MANY = {"committee", "commission", "group", "party", "country", "region", "ausschuss",
            "commissione", "gruppe", "groupe", "parti"}  # fmt: skip
"""Words in the heading of a column whose cells name something that several people have."""


class Owners:
    """Everybody's names, and which cells several people share."""

    def __init__(self, appeal: Appeal, people: Iterable[Contact]) -> None:
        self._begin: dict[str, set[tuple[tuple[str, ...], str]]] = defaultdict(set)
        self._shared: set[tuple[str, str]] = set()
        seen: dict[tuple[str, str], str] = {}
        asked = any(map(own_words, appeal.attachments))
        for one in people if asked else ():  # else there is no file that could be one person's
            for name in {_words(one.name), _words(f"{one.surname} {one.given}")}:
                if len(name) > 1:
                    self._begin[name[0]].add((name, one.person_key))
            for heading, cell in one.extra.items():
                key = (word_of(heading), cell)
                if seen.setdefault(key, one.person_key) != one.person_key:
                    self._shared.add(key)

    def are_for_one(self, pattern: str, cells: Mapping[str, str]) -> bool:
        """Tell whether the file that a pattern names with these cells is meant for one person."""
        words = own_words(pattern)
        return bool(words) and not any(
            (word, cells.get(word, "")) in self._shared or set(word.split("_")) & _OF_MANY
            for word in words
        )

    def prove(
        self,
        contact: Contact,
        appeal: Appeal,
        files: Sequence[Attachment],
        cells: Mapping[str, str],
    ) -> None:
        """Raise `MailerError` (L307) for a file that is meant for one person, and not proven to be
        theirs; `files` are those of the appeal's patterns, `cells` what the patterns name.
        """
        for pattern, one in zip(appeal.attachments, files, strict=True):
            if pattern in appeal.waived or not self.are_for_one(pattern, cells):
                continue
            raw, _ = read_inside(appeal.root, appeal.root / one.file)
            if wrong := self.fault(contact, one.name, raw):
                word = own_words(pattern)[0]
                heading = next((each for each in contact.extra if word_of(each) == word), word)
                fault = problem(
                    "L307",
                    contact.file,
                    sheet=contact.sheet,
                    cell=contact.cells.get(heading) or contact.cells.get("name"),
                    row=contact.row,
                    column=heading,
                    value=one.name,
                    message=wrong,
                )
                raise MailerError(f"{contact.name}: {wrong}", code="L307", problems=[fault])

    def fault(self, contact: Contact, name: str, raw: bytes) -> str:
        """Return why a file is not proven to be this person's, "" if it is."""
        text = _words(f"{PurePosixPath(name).stem} {text_of(name, raw)}")
        others = {
            " ".join(other)
            for at, word in enumerate(text)
            for other, key in self._begin.get(word, ())
            if key != contact.person_key and text[at : at + len(other)] == other
        }
        if others:
            return "the file that goes with the letter names somebody else of the sheets"
        surname = _words(contact.surname or contact.name)
        length = len(surname)
        if not any(text[at : at + length] == surname for at in range(len(text))):
            return "the file that goes with the letter does not name this person"
        return ""


def _words(text: str) -> tuple[str, ...]:
    return tuple(fold(word) for word in tokens(text))


def text_of(name: str, raw: bytes) -> str:
    """Return the words of a file, as far as they can be read; "" for a picture."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix == ".pdf":
        from pypdf import PdfReader
        from pypdf.errors import PyPdfError

        try:
            return "\n".join(page.extract_text() for page in PdfReader(BytesIO(raw)).pages)
        except (PyPdfError, ValueError, KeyError, TypeError):
            return ""
    if suffix in (".docx", ".xlsx", ".odt", ".ods"):
        try:
            with zipfile.ZipFile(BytesIO(raw)) as archive:
                parts = [archive.read(one) for one in archive.namelist() if one.endswith(".xml")]
        except (zipfile.BadZipFile, RuntimeError):
            return ""
        return " ".join(
            re.sub(rb"<[^>]*>", b" ", part).decode("utf-8", "replace") for part in parts
        )
    return raw.decode("utf-8", "replace") if suffix in (".txt", ".csv") else ""
