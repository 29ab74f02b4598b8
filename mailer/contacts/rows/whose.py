"""Whose people these are: what a cell, a title, a tab, a file or a heading between the rows says.

What is not understood is nobody's: a heading between the rows that says nothing we know ends the
meaning of the one before.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mailer.base.delegations import Delegation, Delegations
from mailer.base.spelling import fold, tokens, trim
from mailer.contacts.rows.names import PARTICLES, take_apart, unfit
from mailer.contacts.sheets import vocabulary
from mailer.contacts.sheets.table import has_sign

SHOWN = 2_000
"""Characters of a cell that are looked at."""

PARTS = re.compile(r"[/|()\[\];,\n]|\s[-–—]\s")
_OF = re.compile(
    r"^\s*(?:(?:the\s+)?(?:national\s+)?delegation\s+(?:(?:of|from)\s+(?:the\s+)?|(?:von|aus|des|der)\s+)"
    r"|(?:la\s+)?délégation\s+(?:nationale\s+)?(?:de\s+la\s+|de\s+l['’]\s*|du\s+|des\s+|de\s+|d['’]\s*)"
    r"|delegazione\s+(?:di|del|della|dell['’])\s*|delegación\s+(?:de|del)\s+(?:la\s+)?)",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    r"^\s*(?:\(?\d{1,3}[.)]|[IVXL]{1,6}\.|[a-z]\))\s+"
)  # 4. Azerbaijan, IV. Belgium
_BETWEEN = re.compile(PARTS.pattern + "|:")
_GOES_ON = re.compile(
    r"(?<![\s,(\[])[\s,(\[]+(?:cont(?:['’]?d|inued)?|suite|forts(?:etzung)?|segue|vervolg|cd)\b[.)\]]*$",
    re.IGNORECASE,
)
"""What says behind a heading that its people go on: Norway (cont.)."""
_NUMBER = re.compile(r"[\d\s+.,:*#–-]*")


def find_delegation(delegations: Delegations, written: str) -> tuple[Delegation | None, str]:
    """Return the delegation, or the name that was perhaps meant.

    What says it twice is no guess (`Norvège / Norway`, `DE - Germany`), nor is "Delegation of";
    more than a name (`Germany (Bundestag)`) is a question.
    """
    found = delegations.find(written)
    if written and not found and (words := tokens(written[:100])):
        one = _adjective(words[0], delegations)
        if one and len(words) == 1:
            return None, one.name_en
        if one and set(words[1:]) <= vocabulary.beside("people"):
            return one, ""
    if found or not written or len(written) > SHOWN:
        return found, ""
    parts = [part for part in PARTS.split(_OF.sub("", written)) if fold(part)]
    meant = [delegations.find(part) for part in parts]
    known = {one.code: one for one in meant if one}
    if len(known) == 1:
        one = next(iter(known.values()))
        return (one, "") if all(meant) else (None, one.name_en)
    return None, "" if known else delegations.suggest(written) or ""


def whose(
    titles: Iterable[str], tab: str | None, file: str, delegations: Delegations
) -> Delegation | None:
    """Find the delegation in a title above the headings, in the name of the tab, or of the file:
    `norway.xlsx`, `MPs Poland 2025.csv`.
    """
    named = {
        found.code: found
        for text in titles
        if (found := find_delegation(delegations, text)[0] or _within(text, delegations))
    }
    if len(named) == 1:
        return named.popitem()[1]
    for text in (tab or "", Path(file).stem):
        if found := delegations.find(text) or _within(text, delegations):
            return found
    return None


def _within(text: str, delegations: Delegations) -> Delegation | None:
    """Return the one member whose name stands among the words of a text: Poland, UK; codes
    are too short to count.
    """
    words = tokens(text.replace("_", " "))[:40]
    if not vocabulary.beside("topic").isdisjoint(words):
        return None
    found: dict[str, Delegation] = {}
    for short in re.findall(r"\b[A-Z]{2}\b", text.replace("_", " ")):
        one = delegations.find(short)
        if one and one.code != short:  # UK is no code, so it means nothing else
            found[one.code] = one
    for word, behind in itertools.pairwise(words):
        one = _adjective(word, delegations) if behind in vocabulary.beside("people") else None
        if one:
            found[one.code] = one
    at = 0
    while at < len(words):
        for many in range(min(5, len(words) - at), 0, -1):
            name = " ".join(words[at : at + many])
            about = at and words[at - 1] in _ABOUT
            one = delegations.find(name) if len(name) > 3 and not about else None
            if one:
                found[one.code] = one
                at += many - 1
                break
        at += 1
    return found.popitem()[1] if len(found) == 1 else None


_ABOUT = frozenset(
    ["on", "about", "against", "regarding", "concerning", "sur", "uber", "ueber", "sobre"]
)
"""Words before the name of a country that a list is about, and not of."""


def _adjective(word: str, delegations: Delegations) -> Delegation | None:
    code = vocabulary.table("adjective").get(word)
    return delegations.get(code) if code else None


@dataclass(frozen=True, slots=True)
class Between:
    """A row with one thing in it, between the people: a heading, if it is understood."""

    text: str
    column: int
    delegation: Delegation | None = None
    role: str = ""

    @property
    def understood(self) -> bool:
        return bool(self.delegation or self.role)


def between(cells: Sequence[str], delegations: Delegations) -> Between | None:
    """Read a row in which one text stands, beside numbers perhaps; None for any other row.

    `ANDORRA / ANDORRE`, `AUSTRIA (6 + 6)` and `Substitutes / Suppléants` are understood.
    """
    if has_sign(cells):
        return None
    texts = [(trim(cell), column) for column, cell in enumerate(cells)]
    texts = [(text, column) for text, column in texts if text and not _NUMBER.fullmatch(text)]
    if not texts or len({text for text, _ in texts}) != 1:
        return None
    text, column = texts[0]
    if len(text) > 200:
        return None
    bare = _OF.sub("", _COUNTED.sub("", _GOES_ON.sub("", text)).rstrip(":. "))
    parts = [part for part in _BETWEEN.split(bare) if fold(part) and not _NUMBER.fullmatch(part)]
    named: dict[str, Delegation] = {}
    roles: set[str] = set()
    for part in parts:
        bare = re.sub(r"(?<!\s)\s*(?<![\d+])[\d+]+\s*$", "", part)
        counted = re.match(r"\s*\d+\s+", bare)  # 7 seats, 6 substitutes
        role = vocabulary.meaning("role", bare[counted.end() :] if counted else bare)
        found = delegations.find(bare) or delegations.find(part)
        if found:
            named[found.code] = found
        elif role and len(fold(part)) > 2:  # R and S are letters of the alphabet here
            roles.add(role)
        elif not (counted and named):
            return Between(text, column)
    if len(named) > 1 or len(roles) > 1:
        return Between(text, column)
    return Between(text, column, next(iter(named.values()), None), next(iter(roles), ""))


def is_person(heading: Between) -> bool:
    """Tell whether what stands alone in a row says itself that it is a person, or an empty seat."""
    name = take_apart(heading.text)
    return bool(
        name.civility
        or name.title
        or (name.given and name.surname)
        or fold(heading.text) in vocabulary.table("vacant")
    )


def may_be_person(text: str) -> bool:
    """Tell whether a text looks like a name: two to five words, each with a capital, and no
    signs.
    """
    words = text.replace(",", " ").split()
    return 1 < len(words) < 6 and not unfit(text) and all(map(_capital, words))


def _capital(word: str) -> bool:
    return not word[:1].islower() or fold(word) in PARTICLES
