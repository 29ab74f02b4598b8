"""A language of the console: a folder of tables, and nothing in the code that knows which.

`rules.toml`: how it calls itself, and how it writes numbers, dates, hours and places.
`pages.toml`: the English sentences of the pages, and what stands for each. `refusals.toml`: what is
refused and advised, with names put in; `cases.toml`: what a problem says of its very case.
`problems.toml`: each code of `base/problems.toml`. English has rules alone, since its sentences
stand in the pages themselves.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from mailer.base.problems import codes

DEFAULT = "en"
GAP = re.compile(r"\{(\w+)\}")
AS_TYPED = re.compile(r"[\"“{]\s?\{(\w+)\}")
"""A gap between marks: a name, a placeholder, what somebody wrote."""
OURS = frozenset({"state", "other", "what", "lacks", "fault"})
"""Gaps of the pages that are filled with words of ours."""
OWN_LETTERS = 8
"""A sentence with fewer letters of its own beside its gaps could be any other."""
LONGEST = 2000
"""Letters of the longest sentence of ours with what is put in; a longer one is somebody else's."""


@dataclass(frozen=True, slots=True)
class WritingRules:
    """How a language writes what is no sentence: its `rules.toml`."""

    name: str  # what it calls itself
    one: tuple[int, ...]  # numbers that are said as one: 0 personne
    thousands: str  # what stands between the thousands
    decimal: str  # what stands before a fraction
    months: tuple[str, ...]
    day: str  # with {at} and {month}
    clock: str  # with {at} and {zone}
    clock_seconds: str
    zones: Mapping[str, str]  # what it calls zones that have another name in it
    places: Mapping[str, str]  # what it calls the parts of a place: sheet, cell, row
    between: str  # what stands between two sentences in one line
    no_break: str  # a pattern of the blanks at which no line may end; "" for none


@dataclass(frozen=True, slots=True)
class GappedSentence:
    """A sentence with gaps, as it is found again once they are filled."""

    own: int  # letters beside the gaps
    needs: str  # the longest run of them: without it, it is not this sentence
    filled: re.Pattern[str]
    said: str
    in_words: frozenset[str]  # gaps that are filled with words of ours, to be said, too


@cache
def spoken() -> dict[str, str]:
    """Return what each language of the console calls itself, by code, in the order of the codes."""
    folder = resources.files("mailer.console.language")
    there = sorted(one.name for one in folder.iterdir() if one.joinpath("rules.toml").is_file())
    return {code: rules(code).name for code in there}


@cache
def rules(language: str) -> WritingRules:
    it = _file(language, "rules")
    return WritingRules(**{**it, "one": tuple(it["one"]), "months": tuple(it["months"])})


@cache
def table(language: str) -> dict[str, str]:
    """Return English → what is said, without what has names put in by those who refuse."""
    if language == DEFAULT:
        return {}
    kinds, problems = codes(), _file(language, "problems")
    found = {
        text: said
        for code, pair in problems.items()
        if code in kinds
        for text, said in zip((kinds[code].message, kinds[code].advice), pair, strict=True)
    }
    found |= {text.replace("`", ""): said.replace("`", "") for text, said in found.items()}
    found |= {text: said for text, said in _with_names(language).items() if "{}" not in text}
    found |= _file(language, "pages")
    return {text: without_breaks(said, language) for text, said in found.items()}


@cache
def patterns(language: str) -> list[GappedSentence]:
    """Return the sentences with gaps, the one with the most words of its own first."""
    if language == DEFAULT:
        return []
    found = []
    for text, said in table(language).items():
        gaps = GAP.findall(text)
        if gaps and len(set(gaps)) == len(gaps):
            found.append(_pattern(text, said, OURS))
    found = [one for one in found if one.own > OWN_LETTERS]
    for text, said in _with_names(language).items():
        if "{}" in text:
            named = re.sub(r"\{(\d+)\}", r"{_\1}", without_breaks(said, language))
            count = iter(range(text.count("{}")))
            gapped = re.sub(r"\{\}", lambda _, n=count: f"{{_{next(n)}}}", text)  # type: ignore[misc]
            typed = {gap[1] for gap in AS_TYPED.finditer(gapped)}
            in_words = frozenset(GAP.findall(gapped)) - typed
            found.append(_pattern(gapped, named, in_words))
    return sorted(found, key=lambda one: -one.own)


def _with_names(language: str) -> dict[str, str]:
    return _file(language, "cases") | _file(language, "refusals")


def _pattern(text: str, said: str, in_words: frozenset[str]) -> GappedSentence:
    parts = GAP.split(text)
    filled = "".join(
        f"(?P<{part}>.+?)" if at % 2 else re.escape(part) for at, part in enumerate(parts)
    )
    own = sum(map(len, parts[::2]))
    needs = max(parts[::2], key=len)
    return GappedSentence(own, needs, re.compile(filled, re.DOTALL), said, in_words)


def without_breaks(text: str, language: str) -> str:
    """Return a sentence with blanks at which no line breaks, where the language wants them; the
    tables are typed with ordinary ones.
    """
    no_break = rules(language).no_break
    return re.sub(no_break, "\N{NO-BREAK SPACE}", text) if no_break else text


def _file(language: str, name: str) -> dict[str, Any]:
    file = resources.files("mailer.console.language").joinpath(language, f"{name}.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))
