"""Twins: whether the letters of an appeal say the same in every language.

Compared are the facts that can be compared without understanding a language: placeholders, figures, dates, links,
passages in italics, organisations that sign, and the order of headings, paragraphs and lists. A fact that stands in
one letter and not in the other refuses a plan, unless `[waived]` in `appeal.toml` names it with a reason.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from mailer import markup, placeholders
from mailer.appeal import Appeal, Letter
from mailer.errors import Problem, Severity
from mailer.letter_words import months
from mailer.placeholders import Source

KINDS = ("placeholder", "figure", "date", "link", "passage in italics", "organisation")
"""What must stand in all letters of an appeal alike."""

_URL = re.compile(r"\]\([^)]*\)|<https?://[^>]*>")
_FIGURE = re.compile(r"(?<![\w.,/-])\d{1,3}(?:[.,  ’']\d{3})+(?!\d)|\d+(?:[.,]\d+)?")
_ISO = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_LANGUAGE_IN_URL = re.compile(r"(?<=/)[a-z]{2}(?=/|$)|(?<=[?&]lang=)[a-z]{2}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fact:
    """One comparable thing in one letter."""

    kind: str  # one of KINDS
    key: str  # the same in all languages: "2024-01-24", "76"
    shown: str  # as it stands there: "24 janvier 2024"
    line: int  # in the file


@dataclass(frozen=True, slots=True)
class Contents:
    """What one letter holds."""

    letter: Letter
    facts: tuple[Fact, ...]
    structure: tuple[str, ...]  # "heading", "paragraph", "list of 5", …

    def count(self) -> Counter[tuple[str, str]]:
        return Counter((fact.kind, fact.key) for fact in self.facts)


@dataclass(frozen=True, slots=True)
class Difference:
    """A fact of one letter that another lacks."""

    kind: str
    key: str
    shown: str
    has: str  # language
    lacks: str
    line: int  # in the letter that has it
    waived: str  # the reason, "" if it is not waived


def contents(appeal: Appeal, language: str) -> Contents:
    """Read what one letter holds; the letter's placeholders must be in order."""
    letter = appeal.letters[language]
    facts: list[Fact] = []
    parts = (
        (letter.subject, letter.subject_line),
        (letter.preview, letter.preview_line),
        (letter.body, letter.body_line),
    )
    for text, first_line in parts:
        facts += _facts(appeal, Source(text, letter.file, first_line, language))
    return Contents(letter, tuple(facts), tuple(_structure(letter.body)))


def differences(appeal: Appeal) -> list[Difference]:
    """Compare every letter with the first one (English, where there is one), both ways."""
    first, *others = sorted(appeal.letters, key=lambda language: (language != "en", language))
    read = {language: contents(appeal, language) for language in appeal.letters}
    found = []
    for other in others:
        for has, lacks in ((first, other), (other, first)):
            counted, missing = read[lacks].count(), read[has].count()
            for kind, key in sorted(missing - counted, key=lambda fact: (KINDS.index(fact[0]), fact[1])):
                if kind != "figure" and counted[kind, key]:
                    continue  # named more often here than there: a matter of style
                fact = next(fact for fact in read[has].facts if (fact.kind, fact.key) == (kind, key))
                reason = appeal.waived.get(fact.shown) or appeal.waived.get(key, "")
                found.append(Difference(kind, key, fact.shown, has, lacks, fact.line, reason))
    return found


def check(appeal: Appeal) -> list[Problem]:
    """Return a problem for each fact that a letter lacks (L141), and a warning where letters are built differently."""
    found = [
        Problem(
            "L141",
            Severity.NOTE if one.waived else Severity.ERROR,
            f"this {one.kind} stands here and not in {one.lacks}.md{', waived' if one.waived else ''}",
            appeal.letters[one.has].file,
            row=one.line,
            value=one.shown,
            suggestion=one.waived or f'put it into {one.lacks}.md, or waive it: [waived] "{one.shown}" = "why"',
        )
        for one in differences(appeal)
    ]
    first, *others = sorted(appeal.letters, key=lambda language: (language != "en", language))
    want = contents(appeal, first).structure
    for language in others:
        have = contents(appeal, language).structure
        if have != want:
            at = next(
                (i for i, pair in enumerate(zip(have, want, strict=False)) if pair[0] != pair[1]),
                min(len(have), len(want)),
            )
            here, there = ((part[at] if at < len(part) else "nothing more") for part in (have, want))
            message = f"part {at + 1} of this letter is {here}, in {first}.md it is {there}"
            letter = appeal.letters[language]
            found.append(Problem("L142", Severity.WARNING, message, letter.file, row=letter.body_line))
    return found


def figures(text: str) -> Iterator[tuple[str, int]]:
    """Yield each figure of a text, thousands joined (`1 000`, `1,000` → `1000`), and where it stands."""
    for match in _FIGURE.finditer(text):
        digits = re.sub(r"[.,  ’'](?=\d{3}(?!\d))", "", match[0])
        yield digits.replace(",", "."), match.start()


def dates(text: str, language: str) -> Iterator[tuple[str, re.Match[str]]]:
    """Yield each date of a text, `2024-01-24` or `2024-07` for a month, and the match."""
    for match in _ISO.finditer(text):
        yield match[0], match
    names = {_plain(name): number for number, name in enumerate(months(language), 1)}
    if not names:
        return
    pattern = re.compile(
        rf"(?:(\d{{1,2}})(?:st|nd|rd|th|er|º|\.)?\s+(?:de\s+)?)?\b({'|'.join(names)})\s+(?:de\s+)?(\d{{4}})",
        re.IGNORECASE,
    )
    for match in pattern.finditer(_plain(text)):
        day, month, year = match.groups()
        stamp = f"{year}-{names[match[2].lower()]:02}"
        try:
            key = date(int(year), names[month.lower()], int(day)).isoformat() if day else stamp
        except ValueError:
            key = f"{stamp}-{day}"  # 31 June: no day, and no twin either
        yield key, match


def _plain(text: str) -> str:
    """Fold case and compose letters without changing the length of the text."""
    text = unicodedata.normalize("NFC", text)
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def _facts(appeal: Appeal, source: Source) -> Iterator[Fact]:
    text = source.text

    def fact(kind: str, key: str, shown: str, offset: int) -> Fact:
        return Fact(kind, key, shown, source.first_line + text.count("\n", 0, offset))

    for word in sorted(placeholders.words_used(source) - placeholders.FIELDS.keys()):
        yield fact("placeholder", word, word, max(0, text.find(word)))
    for href in markup.links(placeholders.blanked(text)):
        yield fact("link", _LANGUAGE_IN_URL.sub("xx", href), href, max(0, text.find(href)))
    prose = _URL.sub(lambda match: " " * len(match[0]), placeholders.blanked(text))
    for passage in markup.italics(prose):
        yield fact("passage in italics", passage, passage, max(0, prose.find(passage)))
    for organisation in appeal.organisations:
        for name in sorted(set(organisation.name.values()), key=len, reverse=True):
            if (at := prose.find(name)) >= 0:
                yield fact("organisation", organisation.named("en"), name, at)
                break
    taken = set()
    for key, match in dates(prose, source.language):
        taken |= set(range(*match.span()))
        yield fact("date", key, prose[slice(*match.span())], match.start())
    for figure, at in figures(prose):
        if at not in taken:
            yield fact("figure", figure, figure, at)


def _structure(body: str) -> Iterator[str]:
    level = 0
    items = 0
    for token in markup.blocks(re.sub(r"\{%.*?%\}|\{#.*?#\}", "", body, flags=re.DOTALL)):
        if level == 1 and token.type == "list_item_open":
            items += 1
        level += token.nesting
        if level == 1 and token.type in ("bullet_list_open", "ordered_list_open"):
            items = 0
        elif level == 0 and token.type in ("bullet_list_close", "ordered_list_close"):
            yield f"a list of {items}"
        elif level == 0 and token.nesting <= 0:
            yield f"a {token.type.removesuffix('_close').replace('_', ' ')}"


def summary(appeal: Appeal) -> dict[str, dict[str, int]]:
    """Return {"fr": {"placeholder": 7, "figure": 9, …, "parts": 14}, …} for a table."""
    rows = {}
    for language in appeal.letters:
        held = contents(appeal, language)
        counts: Mapping[str, int] = Counter(fact.kind for fact in held.facts)
        rows[language] = {kind: counts.get(kind, 0) for kind in KINDS} | {"parts": len(held.structure)}
    return rows
