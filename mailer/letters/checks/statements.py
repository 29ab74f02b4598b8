"""Claims: which sentences of a letter rest on a fact, which are ours, and which assert with
neither.

A sentence refers to a fact by printing it, `{{ fact.vote }}`, or in a note that no reader sees,
`{# fact.statement #}`. What the organisations ask for or think themselves is marked `{# ours #}`.
Items of a list rest on what the sentence before them rests on. Questions, headings, greetings and
the words around a picture assert nothing. An appeal without facts is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mailer.base.errors import Problem
from mailer.letters.appeal import Appeal
from mailer.letters.facts import Fact
from mailer.letters.placeholders import JINJA, Source, body_of

FEW_WORDS = 3
"""Fewer words of its own are no sentence."""

_VALUE, _NOTE, _TAG, _LINK = (
    "\ue000\ue001\ue002\ue003"  # stand for what is no prose, letter by letter
)
_ADDRESS = re.compile(r"(?<=\])\([^)\n]{0,2000}\)")
_PICTURE = re.compile(r"!\[[^\]]{0,1000}\]\([^)\n]{0,200}\)(?:\{[^}\n]{0,40}\})?")
_FACT = re.compile(r"\bfact\.(\w+)")
_OURS = re.compile(r"\{#-?\s*ours\s*-?#\}")
_ITEM = re.compile(r"[ >]*(?:[-*+]|\d{1,9}[.)]) +")
_END = re.compile(rf"[.!?…][\"”»’)\]]*{_NOTE}*(?=[\s{_TAG}]|$)")
_SHORT = re.compile(r"(?:^|\W)(?:\d{1,2}|[^\W\d_]|Mr|Ms|Dr|No|Nr|Art|Abs|bzw|usw|art|par|cf)$")
_WORD = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence of a letter, and what it rests on."""

    language: str
    file: str
    line: int  # in the file
    words: str  # as people read it, facts filled in; other values as …
    facts: tuple[Fact, ...]  # that it refers to
    ours: bool  # marked as an ask or an opinion
    unknown: tuple[str, ...]  # keys that no fact has


def claims(appeal: Appeal, language: str) -> list[Claim]:
    """Read the sentences of one letter that assert, ask or judge, in their order."""
    return [claim for claim, _ in _read(appeal, body_of(appeal.letters[language]))]


def unsupported(appeal: Appeal) -> Iterator[Problem]:
    """Yield each sentence that rests on no fact and is not ours (L154), or on one that is not there
    (L155).
    """
    if not appeal.facts:
        return
    sources = [body_of(letter) for letter in appeal.letters.values()]
    sources += [
        Source(piece.text, piece.file, 1, piece.language)
        for name, piece in appeal.pieces.items()
        if name.startswith("for/")
    ]
    for source in sources:
        for claim, at in _read(appeal, source):
            shown = claim.words if len(claim.words) <= 60 else claim.words[:59].rstrip() + "…"
            if claim.unknown:
                hint = f"there are: {', '.join(sorted(appeal.facts))}"
                message = f"this sentence names a fact that there is not: {claim.unknown[0]}"
                found = source.at("L155", message, at, shown, hint)
            elif claim.facts or claim.ours:
                continue
            else:
                hint = (
                    "name the fact it rests on, {# fact.KEY #}, or mark it as an ask or opinion, {#"
                    " ours #}"
                )
                found = source.at("L154", "this sentence refers to no fact", at, shown, hint)
            yield found


def _read(appeal: Appeal, source: Source) -> Iterator[tuple[Claim, int]]:
    """Yield each sentence that asserts, asks or judges, and where it begins in the source."""
    leading: tuple[str, ...] = ()  # what the sentence that introduces a list refers to
    ours = False
    masked = _masked(source.text)
    for start, end, item in _sentences(masked):
        text = source.text[start:end]
        keys = tuple(dict.fromkeys(_FACT.findall(" ".join(JINJA.findall(text)))))
        mine = bool(_OURS.search(text))
        if item:
            keys, mine = keys or leading, mine or ours
        else:
            leading, ours = keys, mine
        if not _asserts(masked[start:end], item):
            continue
        found = tuple(appeal.facts[key] for key in keys if key in appeal.facts)
        missing = tuple(key for key in keys if key not in appeal.facts)
        line = source.first_line + source.text.count("\n", 0, start)
        words = _readable(text, appeal, source.language)
        yield Claim(source.language, source.file, line, words, found, mine, missing), start


def _masked(text: str) -> str:
    """Put one sign for each letter of a placeholder, a note, a question or an address."""

    def sign(match: re.Match[str]) -> str:
        mark = {"{{": _VALUE, "{#": _NOTE, "{%": _TAG}[match[0][:2]]
        return re.sub(r"[^\n]", mark, match[0])

    text = _PICTURE.sub(lambda match: _TAG * len(match[0]), text)
    return _ADDRESS.sub(lambda match: _LINK * len(match[0]), JINJA.sub(sign, text))


def _sentences(masked: str) -> Iterator[tuple[int, int, bool]]:
    """Yield where each sentence begins and ends, and whether it stands in an item of a list."""
    for start, end, item in _blocks(masked):
        begin = start
        for stop in _END.finditer(masked, start, end):
            short = masked[stop.start()] == "." and _SHORT.search(masked[begin : stop.start()])
            rest = masked[stop.end() : end].lstrip(f' \n"“„«*[({_TAG}')
            if rest and not short and (rest[0].isupper() or rest[0].isdigit() or rest[0] == _VALUE):
                yield begin, stop.end(), item
                begin = end - len(masked[stop.end() : end].lstrip())
        yield begin, end, item


def _blocks(masked: str) -> Iterator[tuple[int, int, bool]]:
    """Yield paragraphs and items of lists: where they begin and end, and whether one is an item."""
    start, at, item = None, 0, False
    for line in [*masked.splitlines(keepends=True), "\n"]:
        mark = _ITEM.match(line)
        alone = not line.strip(f" \n{_TAG}-") or line.startswith("#")
        if start is not None and (alone or mark):
            yield start, at, item
            start = None
        if start is None and not alone:
            start, item = at + (mark.end() if mark else 0), bool(mark)
        at += len(line)


def _asserts(masked: str, item: bool) -> bool:
    said = masked.rstrip(f' \n{_NOTE}{_TAG}*_"”»)')
    if len(_WORD.findall(said)) < FEW_WORDS:
        return False
    return item or said.endswith((".", "!", "…", ":", ";"))


def _readable(text: str, appeal: Appeal, language: str) -> str:
    """Return a sentence without notes and addresses, the facts in it filled in."""

    def value(match: re.Match[str]) -> str:
        key = _FACT.search(match[0])
        fact = appeal.facts.get(key[1]) if key else None
        return "" if match[0][1] in "#%" else fact.value.get(language, "…") if fact else "…"

    plain = JINJA.sub(value, _ADDRESS.sub("", _PICTURE.sub("", text)))
    return " ".join(re.sub(r"[*\[\]]", "", plain).split())
