"""Names as the Assembly and parliaments print them: `Ms Anna De BEISPIEL`, `SAMPLE, Anna`, `Karin
S. PRØVESEN`.

Only what capitals or a comma say beyond doubt is split; every other name keeps its spelling as a
whole, and its given name and surname stay empty for a person to fill in. Case is never changed:
`McSAMPLE` and `IŞIKLI` come back wrong.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from mailer.base.spelling import INVISIBLE, fold, tokens
from mailer.contacts.sheets import vocabulary

PARTICLES = frozenset(
    [
        "de",
        "del",
        "della",
        "dello",
        "degli",
        "dei",
        "di",
        "da",
        "das",
        "do",
        "dos",
        "du",
        "des",
        "la",
        "le",
        "les",
        "los",
        "van",
        "von",
        "vom",
        "der",
        "den",
        "ter",
        "ten",
        "te",
        "zu",
        "zum",
        "zur",
        "freiherr",
        "freifrau",
        "graf",
        "gräfin",
        "af",
        "av",
        "al",
        "el",
        "ap",
        "ab",
        "mac",
        "mc",
        "nic",
        "ní",
        "ó",
        "ua",
        "st",
        "bin",
        "ben",
        "d'",
        "l'",
        "dell'",
        "dall'",
        "'t",
    ]
)
"""Words that begin a surname and keep their small letters between capitals: `Anna De BEISPIEL`."""

STARTS = (
    "Mc",
    "Mac",
    "Fitz",
    "De",
    "Di",
    "Du",
    "La",
    "Le",
    "Van",
    "Von",
    "O'",
    "O’",
    "D'",
    "D’",
    "L'",
    "L’",
    "d'",
    "d’",
    "l'",
    "l’",
)
"""What may stand in small letters at the beginning of a surname in capitals: `McSAMPLE`,
`DeSAMPLE`.
"""

FIT = frozenset("-.,'’‘ʼ`´‐‑–·\"“”„«»()\u200c\u200d")
"""What may stand in a name beside letters: the brackets around `William (Bill) SAMPLE`, the dot of
`Gal·la`.
"""

_EASY = re.compile(r"[^\W\d_¹²³⁰-⁹]+(?:[ .,'’-]+[^\W\d_¹²³⁰-⁹]+)*\.?")
"""Nearly all names: letters, and between them single signs."""

_BETWEEN_TWO = re.compile(r"\s[-–—]\s")
"""A dash between two things, of which one is no name: Norway - Anna SAMPLE, Anna SAMPLE - SPD."""

# `(?<!\s)`: only where blanks begin, or a long row of them is walked through from each of them
_BEHIND = re.compile(r"(?<!\s)\s*\(([^()]*)\)\s*$")
_BRACKETS = re.compile(r"(?<!\s)\s*(?:\([^()]*\)|\[[^\[\]]*\])\s*$")
_FOOTNOTES = " *†‡#0123456789⁰¹²³⁴⁵⁶⁷⁸⁹"
_SHOUTED = re.compile(r"[^\W\d_a-z]*[A-ZÀ-ÖØ-Þ]{2}")


class Name(NamedTuple):
    """A name taken apart as far as it says itself."""

    full: str  # for a To header
    given: str = ""
    surname: str = ""
    civility: str = ""
    title: str = ""


def take_apart(text: str, *, monsieur: bool = False) -> Name:
    """Split one cell with a whole name. `monsieur`: this is a French list, where "M." is no
    initial.

    >>> take_apart("Ms Anna De BEISPIEL")
    Name(full='Anna De BEISPIEL', given='Anna', surname='De BEISPIEL', civility='Ms', title='')
    >>> take_apart("Anna Beispiel").surname
    ''
    """
    civility, title, rest = before_name(text, monsieur=monsieur)
    behind = _BEHIND.search(rest)
    if behind and fold(behind[1]) in vocabulary.table("civility"):
        civility, rest = civility or behind[1], rest[: behind.start()]
    parts: list[str] = []
    for part in map(str.strip, rest.split(",")):
        inner, prefix, name = (
            before_name(part, keep=0) if parts and len(fold(part)) > 1 else ("", "", part)
        )
        if parts and fold(part) in _after():  # Anna SAMPLE, MP
            continue
        if not name and part:  # SAMPLE Anna, Ms
            civility, title = civility or inner, " ".join(filter(None, (title, prefix)))
            continue
        parts.append(part)
    if len(parts) > 2 or unfit(" ".join(parts)):
        return Name(", ".join(parts), "", "", civility, title)
    if len(parts) == 2 and (_whole(parts[0]) or _no_given(*parts)):
        # "Anna BEISPIEL, Germany", "Hans Vorlage, SPD": what follows is no given name
        return Name(", ".join(parts), "", "", civility, title)
    if len(parts) == 2 and all(parts):
        inner, prefix, given = before_name(parts[1], monsieur=monsieur)
        title = " ".join(filter(None, (title, prefix)))
        if given:
            return Name(f"{given} {parts[0]}", given, parts[0], civility or inner, title)
        return Name(parts[0], "", "", civility or inner, title)
    tokens = " ".join(filter(None, parts)).split()
    while len(tokens) > (1 if title else 2) and fold(tokens[-1]) in _after():
        tokens.pop()
    given, surname = _by_capitals(tokens)
    return Name(
        f"{given} {surname}" if given else " ".join(tokens), given, surname, civility, title
    )


def _whole(text: str) -> bool:
    """Tell whether given name and surname stand in a text: `Anna BEISPIEL`, but not `De
    BEISPIEL`.
    """
    given, _ = _by_capitals(text.split())
    return any(fold(word) not in _PARTICLES for word in given.split())


def _no_given(front: str, behind: str) -> bool:
    """Tell whether what stands behind a comma is letters of a party or a place, and no given name:
    capitals where the rest has none, a known group, or a word that no name is.
    """
    shouted = behind.isupper() and len(behind.replace(".", "")) > 1 and not front.isupper()
    group = vocabulary.meaning("group", behind) or any(c.isdigit() or c in "/&+" for c in behind)
    return bool(shouted or group or behind[:1].islower())


def behind_comma(text: str, local: str) -> str:
    """Return the name before a comma that the row's own address bears out: `Hans Vorlage, Berlin`
    of `hans.vorlage@`; empty where it does not.
    """
    front, comma, behind = text.partition(",")
    words = tokens(front)
    if not comma or len(words) < 2 or fold(words[0]) in _PARTICLES:
        return ""
    spelled, given = fold(local), fold(behind)
    if (
        not given
        or given in spelled
        or spelled[:1] == given[:1]
        or not spelled.startswith(words[0])
    ):
        return ""
    return front.strip() if words[-1] in spelled else ""


@lru_cache(maxsize=4096)
def before_name(text: str, *, keep: int = 1, monsieur: bool = False) -> tuple[str, str, str]:
    """Split off civility and titles at the front: `Frau Dr. Anna BEISPIEL` → `Frau`, `Dr.`, `Anna
    BEISPIEL`.

    At least `keep` words stay. A single letter stays, too: the M. of `M. Sample` may be Mary,
    unless other names of the same list say Mme.
    """
    civility: list[str] = []
    titles: list[str] = []
    tokens = text.split()
    while len(tokens) > keep:
        if monsieur and not civility and tokens[0] == "M.":
            civility, taken = tokens[:1], 1
        elif not civility and (taken := _front(tokens, vocabulary.table("civility"), keep)):
            civility = tokens[:taken]
        elif taken := _front(tokens, vocabulary.table("title"), keep):
            titles += tokens[:taken]
        else:
            break
        tokens = tokens[taken:]
    return " ".join(civility), " ".join(titles), " ".join(tokens)


def _front(tokens: list[str], known: dict[str, str], keep: int) -> int:
    """Return how many tokens at the front are one known word: `De heer` is two, `The Rt
    Hon` three.
    """
    for many in range(min(3, len(tokens) - keep), 0, -1):
        word = fold("".join(tokens[:many]))
        kind = known.get(word, "after")
        if (
            (len(word) > 1 or keep == 0)
            and kind != "after"
            and (kind != "dotted" or tokens[many - 1].endswith("."))
        ):
            return many
    return 0


def _after() -> frozenset[str]:
    return frozenset(word for word, place in vocabulary.table("title").items() if place == "after")


def _by_capitals(tokens: list[str]) -> tuple[str, str]:
    """Return given name and surname where the surname, and nothing else, stands in capitals at one
    end.
    """
    capitals = [_capitals(token) for token in tokens]
    if all(capitals) or not any(capitals):
        return "", ""
    first = capitals.index(True)
    last = len(capitals) - capitals[::-1].index(True)
    while first > 1 and fold(tokens[first - 1]) in _PARTICLES:
        first -= 1
    if any(
        not capital and fold(token) not in _PARTICLES
        for token, capital in zip(tokens[first:last], capitals[first:last], strict=True)
    ):
        return "", ""
    given = tokens[last:] if first == 0 else tokens[:first] if last == len(tokens) else []
    if not given or any(token[0].islower() for token in given):  # the "of" in `Duke of SAMPLE`
        return "", ""
    if any(_SHOUTED.search(token) for token in given):  # half a surname: SAMPLE-Muster
        return "", ""
    return " ".join(given), " ".join(tokens[first:last])


def _capitals(token: str) -> bool:
    """Tell whether a token is printed in capitals. An initial is not: the S. in `Karin S. PRØVESEN`
    is hers.
    """
    for start in STARTS:
        if (
            token.startswith(start)
            and len(token) > len(start) + 1
            and token[len(start) :].replace("ß", "SS").isupper()
        ):
            return True
    if "-" in token:
        halves = [half for half in token.split("-") if half and fold(half) not in _PARTICLES]
        return any(map(_capitals, halves)) and all(
            _capitals(half) or half.isupper() for half in halves
        )
    letters = [c for c in token if c.isalpha()]
    return len(letters) > 1 and token.replace("ß", "SS").isupper() and "." not in token


_PARTICLES = frozenset(map(fold, PARTICLES))


def unfit(name: str) -> bool:
    """Tell whether signs stand in a name that belong to a list and not to a person: `2. Anna
    BEISPIEL* (SPD)`.
    """
    if name.isalpha():
        return False
    if _BETWEEN_TWO.search(name):
        return True
    if _EASY.fullmatch(name):
        return False
    behind = _BEHIND.search(name)
    if behind and fold(behind[1]) in vocabulary.table("civility"):
        name = name[: behind.start()]
        if _EASY.fullmatch(name):
            return False
    strange = (
        c
        for c in name
        if not (
            c.isalpha()
            or c in FIT
            or c.isspace()
            or unicodedata.category(c)[0] == "M"
            or c in INVISIBLE
        )
    )
    return any(True for _ in strange) or _BRACKETS.search(name) is not None


def without_signs(name: str) -> str:
    """Return a name without numbers in front, brackets and footnotes behind; empty if that is not
    enough.
    """
    bare = re.sub(r"^\s*\(?\d+[.)]?\s+", "", name)
    front, comma, behind = bare.rpartition(",")
    if comma and " " in front and _no_given(front, behind.strip()):
        bare = front
    while (shorter := _BRACKETS.sub("", bare).rstrip(_FOOTNOTES).strip()) != bare:
        bare = shorter
    return "" if unfit(bare) or not any(map(str.isalpha, bare)) else bare
