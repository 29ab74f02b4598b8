"""Twins: whether the letters of an appeal say the same in every language.

Compared are the facts that can be compared without understanding a language: placeholders, figures,
dates, links, pictures, passages in italics, organisations that sign, and the order of headings,
paragraphs and lists. A fact that stands in one letter and not in the other refuses a plan, unless
`[waived]` in `appeal.toml` names it with a reason. Names of people and places are looked for, too:
that one is not found is a warning, since names may be translated.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from mailer.base.errors import Problem, Severity
from mailer.base.problems import problem
from mailer.base.spelling import tokens
from mailer.letters import markup, placeholders
from mailer.letters.appeal import Appeal, Letter
from mailer.letters.placeholders import Source
from mailer.letters.wording.usable_words import FIELDS
from mailer.letters.wording.words import is_month, months_read, written_date

KINDS = ("placeholder", "figure", "date", "link", "picture", "passage in italics", "organisation")
"""What must stand in all letters of an appeal alike."""

_SAME = {"of_delegation": "delegation"}
"""The same in another form of words, which not every language has."""
_URL = re.compile(r"\]\([^)]*\)|<https?://[^>]*>")
_FIGURE = re.compile(r"(?<![\w.,/-])\d{1,3}(?:[.,  ’']\d{3})+(?!\d)|\d+(?:[.,]\d+)?")
_ISO = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_MARK = re.compile(r"^[ >]*\d{1,9}[.)](?= +(\S+))", re.MULTILINE)
"""Of an item in a numbered list: no figure that the letter states."""
_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_BEGINS = re.compile(r"(?:^|[.!?:;–—(\[*«»„“\"|>-]|\n)\s*$")
_LANGUAGE_IN_URL = re.compile(r"(?<=/)[a-z]{2}(?=/|$)|(?<=[?&]lang=)[a-z]{2}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mention:
    """One comparable thing in one letter."""

    kind: str  # one of KINDS
    key: str  # the same in all languages: "2024-01-24", "76"
    shown: str  # as it stands there: "24 janvier 2024"
    line: int  # in the file


@dataclass(frozen=True, slots=True)
class Contents:
    """What one letter holds."""

    letter: Letter
    facts: tuple[Mention, ...]
    structure: tuple[str, ...]  # "heading", "paragraph", "list of 5", …


@dataclass(frozen=True, slots=True)
class Difference:
    """A fact of one letter that another lacks."""

    kind: str
    key: str
    shown: str
    has: str  # language
    lacks: str
    file: str  # of the text that has it
    other: str  # of the text that lacks it
    line: int
    waived: str  # the reason, "" if it is not waived


def contents(appeal: Appeal, language: str) -> Contents:
    """Read what one letter holds; the letter's placeholders must be in order."""
    letter = appeal.letters[language]
    facts = [fact for source in _sources(letter) for fact in _facts(appeal, source)]
    return Contents(letter, tuple(facts), tuple(_structure(letter.body)))


def _sources(letter: Letter) -> tuple[Source, ...]:
    return (*placeholders.head_of(letter), placeholders.body_of(letter))


def _twins(appeal: Appeal) -> Iterator[dict[str, tuple[Source, ...]]]:
    """Yield the texts that must say the same, by language: the letters, then each piece that they
    put in.
    """
    yield {language: _sources(letter) for language, letter in appeal.letters.items()}
    pieces: dict[str, dict[str, tuple[Source, ...]]] = {}
    for name, piece in appeal.pieces.items():
        what = name.removesuffix(f".{piece.language}")
        if what != "footer":  # says the same in each language's own way
            pieces.setdefault(what, {})[piece.language] = (
                Source(piece.text, piece.file, 1, piece.language),
            )
    yield from pieces.values()


def _pairs(appeal: Appeal) -> Iterator[tuple[tuple[Source, ...], tuple[Source, ...]]]:
    """Yield every text with the first of its twins (English, where there is one), both ways."""
    for texts in _twins(appeal):
        first, *others = sorted(texts, key=lambda language: (language != "en", language))
        for other in others:
            yield texts[first], texts[other]
            yield texts[other], texts[first]


def differences(appeal: Appeal) -> list[Difference]:
    """Compare every letter, and every piece that letters put in, with its twins."""
    found = []
    for these, those in _pairs(appeal):
        have = [fact for source in these for fact in _facts(appeal, source)]
        counted = Counter(
            (fact.kind, fact.key) for source in those for fact in _facts(appeal, source)
        )
        missing = Counter((fact.kind, fact.key) for fact in have) - counted
        for kind, key in sorted(missing, key=lambda fact: (KINDS.index(fact[0]), fact[1])):
            if kind != "figure" and counted[kind, key]:
                continue  # named more often here than there: a matter of style
            fact = next(fact for fact in have if (fact.kind, fact.key) == (kind, key))
            reason = appeal.waived.get(fact.shown) or appeal.waived.get(key, "")
            has, lacks = these[0], those[0]
            found.append(
                Difference(
                    kind,
                    key,
                    fact.shown,
                    has.language,
                    lacks.language,
                    has.file,
                    lacks.file,
                    fact.line,
                    reason,
                )
            )
    return found


def _names(appeal: Appeal) -> Iterator[Problem]:
    """Yield a warning (L143) for each name that the twin of a text does not seem to have.

    A name is two words or more in capitals, within a sentence. It stands in the other text if the
    beginning of one of its words does: `Venice Commission`, `Commission de Venise`. German has too
    many capitals to be asked.
    """
    for these, those in _pairs(appeal):
        if these[0].language == "de":
            continue
        here, there = (
            {word[:3] for source in texts for word in tokens(placeholders.blanked(source.text))}
            for texts in (these, those)
        )
        if _is_latin(here) != _is_latin(there):
            continue
        told = set()
        for source in these:
            prose = _URL.sub(lambda match: " " * len(match[0]), placeholders.blanked(source.text))
            for name, at in _capitals(prose):
                if (
                    name not in told
                    and name not in appeal.waived
                    and not {one[:3] for one in tokens(name)} & there
                ):
                    told.add(name)
                    hint = (
                        f'look whether it is missing there; if it is not: [waived] "{name}" = "why"'
                    )
                    yield source.at(
                        "L143",
                        f"this name does not seem to stand in {_short(those[0].file)}",
                        at,
                        name,
                        hint,
                    )


def _is_latin(words: set[str]) -> bool:
    return sum(map(str.isascii, words)) * 2 > len(words)


def _capitals(prose: str) -> Iterator[tuple[str, int]]:
    """Yield runs of two or more words with a capital, but for the word that begins a sentence."""
    run: list[re.Match[str]] = []
    for word in [*_WORD.finditer(prose), None]:
        follows = word is not None and run and prose[run[-1].end() : word.start()] == " "
        if word is not None and word[0][0].isupper() and (follows or not run):
            if run or not _BEGINS.search(prose[: word.start()][-20:]):
                run.append(word)
            continue
        if len(run) > 1:
            yield prose[run[0].start() : run[-1].end()], run[0].start()
        run = []


def check(appeal: Appeal) -> list[Problem]:
    """Return a problem for each fact that a letter lacks (L141), and a warning where letters are
    built differently.
    """
    found = [
        problem(
            "L141",
            one.file,
            row=one.line,
            value=one.shown,
            message=f"this {one.kind} stands here and not in"
            f" {_short(one.other)}{', waived' if one.waived else ''}",
            suggestion=one.waived
            or f'put it into {_short(one.other)}, or waive it: [waived] "{one.shown}" = "why"',
            severity=Severity.NOTE if one.waived else Severity.ERROR,
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
            here, there = (
                (part[at] if at < len(part) else "nothing more") for part in (have, want)
            )
            message = f"part {at + 1} of this letter is {here}, in {first}.md it is {there}"
            letter = appeal.letters[language]
            found.append(problem("L142", letter.file, row=letter.body_line, message=message))
    return [*found, *_names(appeal)]


def _short(file: str) -> str:
    return file.rpartition("/")[2]


def figures(text: str) -> Iterator[tuple[str, int]]:
    """Yield each figure of a text, thousands joined (`1 000`, `1,000` → `1000`), and where it
    stands.
    """
    for match in _FIGURE.finditer(text):
        digits = re.sub(r"[.,  ’'](?=\d{3}(?!\d))", "", match[0])
        yield digits.replace(",", "."), match.start()


def dates(text: str, language: str) -> Iterator[tuple[str, re.Match[str]]]:
    """Yield each date of a text, `2024-01-24` or `2024-07` for a month, and the match."""
    for match in _ISO.finditer(text):
        yield match[0], match
    names = {_plain(name): number for name, number in months_read(language).items()}
    if not names:
        return
    for match in _written(language).finditer(_plain(text)):
        found = match.groupdict()
        year, month = found["year"], found["month"]
        day = found["before"] or found["behind"]
        stamp = f"{year}-{names[month]:02}"
        try:
            key = date(int(year), names[month], int(day)).isoformat() if day else stamp
        except ValueError:
            key = f"{stamp}-{day}"  # 31 June: no day, and no twin either
        yield key, match


@lru_cache(maxsize=64)
def _written(language: str) -> re.Pattern[str]:
    """Return how a date is written: 25. januar 2027, 25 de janeiro de 2027, January 25, 2027; where
    the year comes first 2027. január 25., 2027. gada 25. janvārī, 2027 m. sausio 25 d.
    """
    names = sorted({re.escape(_plain(name)) for name in months_read(language)}, key=len)
    month, year = rf"(?P<month>{'|'.join(reversed(names))})", r"(?P<year>\d{4})"
    of = r"(?:(?:de|del|di|ta['’])\s+)?"
    if written_date(date(2000, 1, 2), language).startswith("2000"):
        year += r"(?:\.|\s+m\.|\s+թ\.)?\s+(?:gada\s+)?"
        return re.compile(
            rf"{year}(?:(?P<before>\d{{1,2}})\.\s+)?{month}\b(?:\s+(?P<behind>\d{{1,2}})\b)?"
        )
    before = rf"(?:(?P<before>\d{{1,2}})(?:st|nd|rd|th|er|º|\.)?\s+{of})?"
    behind = r"(?:\s+(?P<behind>\d{1,2}))?,?\s+"
    return re.compile(rf"{before}\b{month}{behind}{of}{year}")


def _plain(text: str) -> str:
    """Fold case and compose letters without changing the length of the text."""
    text = unicodedata.normalize("NFC", text)
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def _facts(appeal: Appeal, source: Source) -> Iterator[Mention]:
    text = source.text

    def fact(kind: str, key: str, shown: str, offset: int) -> Mention:
        return Mention(kind, key, shown, source.first_line + text.count("\n", 0, offset))

    for word in sorted(placeholders.words_used(source) - FIELDS.keys()):
        yield fact("placeholder", _SAME.get(word, word), word, max(0, text.find(word)))
    for href in markup.links(placeholders.blanked(text)):
        yield fact("link", _LANGUAGE_IN_URL.sub("xx", href), href, max(0, text.find(href)))
    for src in markup.pictures(placeholders.blanked(text)):
        yield fact(
            "picture", src.replace(f".{source.language}.", ".xx."), src, max(0, text.find(src))
        )
    prose = _URL.sub(lambda match: " " * len(match[0]), placeholders.blanked(text))
    prose = _MARK.sub(lambda match: match[0] if is_month(match[1]) else " " * len(match[0]), prose)
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
        rows[language] = {kind: counts.get(kind, 0) for kind in KINDS} | {
            "parts": len(held.structure)
        }
    return rows
