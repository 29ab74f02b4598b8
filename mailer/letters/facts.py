"""Facts: what the letters of a workspace claim, each with its source and date, worded in each
language.

    [res2527_vote]
    value  = { en = "76 votes to 10 with 4 abstentions", fr = "76 voix contre 10 et 4 abstentions" }
    source = "https://pace.coe.int/en/files/33333/html"
    date   = 2024-01-24

A letter writes `{{ fact.res2527_vote }}`. What is typed into a letter in the words of a fact, but
with other figures, contradicts it and is reported.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

from pydantic import Field, RootModel, ValidationError

from mailer.base.errors import Problem
from mailer.base.problems import problem
from mailer.base.settings.toml_lines import TomlFile, TomlTable, problem_of, syntax_problem

LONGEST = 500
"""Characters of a fact whose words are looked for in letters; comparing longer ones takes the
square of their length, and nobody types them again.
"""

_FIGURE = re.compile(r"\d+(?:[.,]\d+)*")
_KEY = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact, and where it comes from."""

    key: str  # "res2527_vote"
    value: Mapping[str, str]  # per language
    source: str
    date: date  # of the source


class _FactTable(TomlTable):
    value: dict[str, str] = Field(min_length=1)
    source: str = Field(min_length=1)
    date: date


class _FactsFile(RootModel[dict[str, _FactTable]]):
    pass


def read_facts(source: str, file: str, problems: list[Problem]) -> dict[str, Fact]:
    """Read a `facts.toml`; what is wrong with it (L15…) goes into the list."""
    try:
        toml = TomlFile.parse(source, file)
        facts = _FactsFile.model_validate(toml.values).root
    except tomllib.TOMLDecodeError as error:
        problems.append(syntax_problem(error, source, file, "L121"))
        return {}
    except ValidationError as report:
        for each in report.errors(include_url=False):
            at = each["loc"]
            fault = problem_of(
                {**each, "loc": at[1:]}, _FactTable, unknown="L122", missing="L151", value="L151"
            )
            problems.append(
                replace(fault, file=file, row=toml.line_of(at), message=f"{at[0]}.{fault.message}")
            )
        return {}
    for key in facts:
        if not _KEY.fullmatch(key):
            hint = "small letters, figures and _ only, like res2527_vote"
            problems.append(
                problem(
                    "L151",
                    file,
                    row=toml.line_of((key,)),
                    value=key,
                    message="a fact cannot be called so",
                    suggestion=hint,
                )
            )
    return {key: Fact(key, one.value, one.source.strip(), one.date) for key, one in facts.items()}


def contradictions(
    facts: Iterable[Fact], language: str, text: str
) -> Iterator[tuple[Fact, re.Match[str]]]:
    """Yield what is typed in the words of a fact, with figures that no fact of these words has."""
    shapes: dict[str, list[Fact]] = {}
    for fact in facts:
        value = fact.value.get(language, "")
        if len(value) > LONGEST:
            continue
        words = re.findall(r"[^\W\d_]{2,}", value)
        if (_FIGURE.search(value) and len(words) > 1) or re.match(r"[^\W\d_]{4,} \d", value):
            shapes.setdefault(_shape(value), []).append(fact)
    for shape, same in shapes.items():
        known = {_spaced(fact.value[language]) for fact in same}
        for match in re.finditer(shape, text):
            if _spaced(match[0]) not in known:
                yield same[0], match


def _shape(value: str) -> str:
    """Turn `76 votes to 10` into a pattern: these words, any figures, any blanks."""
    pieces = [re.escape(piece) for piece in _FIGURE.split(_spaced(value))]
    whole = r"\d+(?:[.,]\d+)*".join(piece.replace(r"\ ", r"\s+") for piece in pieces)
    # a number is looked at from its beginning only, or a long one takes the square of its length
    return whole if pieces[0] else rf"(?<!\d)(?<!\d[.,]){whole}"


def _spaced(text: str) -> str:
    return " ".join(text.split())
