"""The name of one row: its columns joined, civility and titles split off, and what does not belong
into a name.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from html import unescape

from mailer.base.delegations import Delegations
from mailer.base.spelling import INVISIBLE, fold, tokens, trim
from mailer.base.states import Reason
from mailer.contacts.rows import names
from mailer.contacts.rows.addresses import ADDRESS, LONGEST
from mailer.contacts.rows.row_reader import PARTS_OF_NAMES, RowReader
from mailer.contacts.sheets import vocabulary

_UNFIT = re.compile(
    rf"[\x00-\x1f\x7f-\x9f\u2028\u2029{INVISIBLE.translate({0x200C: None, 0x200D: None})}]"
    r"|=\?[^?]*\?[bBqQ]\?"
)
"""What must not stand in a name. The zero-width joiners are letters in some scripts."""

_MISREAD = (
    *("cp1252", "latin-1", "cp1251", "cp1250", "cp1254", "cp1253", "cp1257"),
    *("mac_roman", "cp850", "cp437", "cp852"),
)
"""The readings in which UTF-8 comes out broken: `PrÃ¸ve`, `Р“Р°РЅРЅР°`."""

_TWO_IN_A_ROW = re.compile(r"[^\x00-\x7f]{2}")
"""What any letter of a broken word is: most names are told apart without the signs below."""


@cache
def _signs_of(encoding: str) -> re.Pattern[str]:
    """Match the first byte of a letter in UTF-8 and the one behind it, as they show in an
    encoding.
    """
    first, then = (
        re.escape(bytes(range(*which)).decode(encoding, "ignore"))
        for which in ((0xC3, 0xE3), (0x80, 0xC0))
    )
    return re.compile(f"[{first}][{then}]")


@cache
def _perhaps_misread() -> re.Pattern[str]:
    return re.compile("|".join(_signs_of(encoding).pattern for encoding in _MISREAD))


_NO_NAME = names.Name("")
_BRACKETED = re.compile(r"\([^()]*\)|[\[\]]| since .*| depuis .*| seit .*")
_LOST = re.compile(r"\ufffd|\?\w")

_ENTITY = re.compile(r"&(?:#\d{1,6}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,20});")


def is_vacant(line: RowReader) -> bool:
    """Tell whether the row stands for a seat that nobody holds: `Vacant`, `N.N.`, and `ZZ...` as
    the Assembly prints.
    """
    given, surname = line.text("given"), line.text("surname")
    if given and surname:
        return False
    written = given or surname or line.text("name")
    if len(written) > 40:
        return False
    written = _BRACKETED.sub("", written)
    return fold(written) in vocabulary.table("vacant") or fold(
        names.before_name(written)[2]
    ) in vocabulary.table("vacant")


def name_of(line: RowReader, delegations: Delegations) -> names.Name:
    """Join the columns of the name; where they are empty, take the column with the whole name
    apart.
    """
    for field in line.spelled:
        text = line.text(field)
        if not text:
            continue
        if not text.isalpha() and field in PARTS_OF_NAMES and not names_fit(text):
            _signs(line, field, text)
            continue
        if len(text) <= LONGEST and text.isascii() and text.isprintable() and "=?" not in text:
            continue
        if len(text) > LONGEST or (_UNFIT.search(text) and _UNFIT.search(unbroken(text) or text)):
            line.report("C144", field, Reason.ROW)
        elif repaired := unbroken(text):
            skip = Reason.ROW if field in PARTS_OF_NAMES else None
            line.report("C143", field, skip, suggestion=f"did you mean {repaired}?")
    given, middle, particle, surname, whole = [
        _tidy(text) if (text := line.text(part)) else ""
        for part in ("given", "middle", "particle", "surname", "name")
    ]
    if given and middle:
        given = f"{given} {middle}"
    if surname and particle:
        surname = f"{particle} {surname}"
    if surname and (second := " ".join(line.text("second_surname")[:LONGEST].split())):
        surname = f"{surname} {second}"
    if surname and not given.isalpha() and set(tokens(surname)) < set(tokens(given)):
        given, surname, whole = "", "", given  # "Name" beside "Surname"
    if whole and bool(given) != bool(surname) and "@" not in whole:  # half of it stands twice
        if set(tokens(given or surname)) <= set(tokens(whole)):
            given = surname = ""
        else:
            given, surname = given or whole, surname or whole
    if "@" in given + surname + whole and re.search(ADDRESS, f"{given} {surname} {whole}"):
        line.report("C145", next(f for f in ("name", "given", "surname") if "@" in line.text(f)))
        given, surname, whole = (
            trim(re.sub(f"[<(]?{ADDRESS}[>)]?", "", part)) for part in (given, surname, whole)
        )
    civility = titles = unknown = ""
    if text := line.text("civility"):
        civility, titles, unknown = names.before_name(text, keep=0)
    title = line.text("title")
    if not (civility or titles or unknown) and is_civility(line.text("greeting")):
        civility = line.text("greeting")
    if not civility and title and vocabulary.meaning("civility", title) is None:  # "Mr Dr"
        civility, known, rest = names.before_name(title, keep=0)
        title = " ".join(filter(None, (known, rest))) if civility else title
    if (
        not civility and title and vocabulary.meaning("civility", title) is not None
    ):  # "Title" heads Mr and Ms in many sheets
        civility, title = title, ""
    apart = names.take_apart(whole, monsieur=line.monsieur) if whole else _NO_NAME
    if (
        "," in whole
        and names_fit(whole)
        and (front := _before_comma(line, whole, apart, delegations))
    ):
        line.report("C146", "name", suggestion=f"did you mean {front}?")
        apart = names.Name(whole, "", "", apart.civility, apart.title)
    if not (given or surname):
        full, given, surname = apart[:3]
    else:
        full = f"{given} {surname}".strip()
    if not (full[:1].isalpha() or any(map(str.isalpha, full))):  # a dash is no name
        full = given = surname = ""
        apart = _NO_NAME
    return names.Name(
        full,
        given,
        surname,
        civility or unknown or apart.civility,
        title or titles or apart.title,
    )


def _before_comma(line: RowReader, whole: str, apart: names.Name, delegations: Delegations) -> str:
    """Return the name before a comma behind which no given name stands: a place, or what the
    address does not know.
    """
    front, _, behind = whole.rpartition(",")
    if len(front.split()) > 1 and len(fold(behind)) > 2 and delegations.find(behind):
        return front
    borne_out = names.behind_comma(whole, line.text("address").partition("@")[0])
    return borne_out or (front if apart.full.endswith(f",{behind}") else "")


def _tidy(text: str) -> str:
    """Return a part of a name without quotation marks around it, and with single blanks."""
    return text[:LONGEST] if text.isalpha() else " ".join(_unquoted(text[:LONGEST]).split())


def _unquoted(text: str) -> str:
    """Return a text without the quotation marks around the whole of it."""
    wrapped = len(text) > 2 and _OPEN.get(text[0], "") == text[-1]
    return text[1:-1] if wrapped and text[0] not in text[1:-1] else text


_OPEN = {"'": "'", '"': '"', "“": "”", "„": "“", "«": "»", "»": "«", "‘": "’", "”": "”"}


def is_civility(text: str) -> bool:
    """Tell whether a text is Ms, Mr or their like: some programs head them "Salutation"."""
    return bool(text) and vocabulary.meaning("civility", text) is not None


def names_fit(text: str) -> bool:
    """Tell whether a part of a name holds nothing but what stands in names; an address in it is
    another matter.
    """
    return "@" in text or not names.unfit(text)


def _signs(line: RowReader, field: str, text: str) -> None:
    """Report what does not belong into a name: broken letters, lost ones, or the signs
    of a list.
    """
    if len(text) > LONGEST or (_UNFIT.search(text) and _UNFIT.search(unbroken(text) or text)):
        line.report("C144", field, Reason.ROW)
    elif _LOST.search(text):
        line.report("C148", field, Reason.ROW)
    elif repaired := unbroken(text):
        line.report("C143", field, Reason.ROW, suggestion=f"did you mean {repaired}?")
    elif any(map(str.isalpha, text)):
        bare = names.without_signs(text)
        line.report("C146", field, suggestion=f"did you mean {bare}?" if bare else None)


def unbroken(text: str) -> str:
    """Return text whose letters were broken as it was meant: `PrÃ¸ve` and `Pr&oslash;ve` → `Prøve`;
    empty if none were.

    The first was UTF-8 and read as Windows-1252, the second was copied from the source of a web
    page.
    """
    if "&" in text and _ENTITY.search(text) and (meant := unescape(text)) != text:
        return meant
    if not (_TWO_IN_A_ROW.search(text) and _perhaps_misread().search(text)):
        return ""
    meant = text
    for _ in range(3):  # some were broken twice: `SiÃƒÂ¢n`
        words = [_meant(word) or word for word in meant.split(" ")]  # others may be right
        meant = _meant(meant) or " ".join(words)
    return "" if meant == text else meant


def _meant(text: str) -> str:
    for encoding in _MISREAD:
        if _signs_of(encoding).search(text):
            try:
                meant = text.encode(encoding).decode("utf-8")
            except UnicodeError:
                continue
            if meant != text and _written_in_europe(meant):
                return meant
    return ""


def _written_in_europe(text: str) -> bool:
    """Tell whether all letters beyond ASCII are of an alphabet in which members' names are
    written.
    """
    return all(
        unicodedata.name(c, "").startswith(
            ("LATIN", "GREEK", "CYRILLIC", "GEORGIAN", "ARMENIAN", "COMBINING")
        )
        for c in text
        if c.isalpha() or unicodedata.combining(c)
    )
