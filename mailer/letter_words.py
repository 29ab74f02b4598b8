"""Words that letters put in by themselves: dates written out, and roles. The words are in `data/letter_words.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from importlib import resources
from typing import Any


def written_date(day: date, language: str) -> str:
    """Write a date out: `25 January 2027`, `1er février 2027`; in a language without words for it `2027-01-25`."""
    words = _words().get(language)
    if not words:
        return day.isoformat()
    number = words.get("first", "1") if day.day == 1 else str(day.day)
    text: str = words["date"].format(day=number, month=words["months"][day.month - 1], year=day.year)
    return text


def months(language: str) -> Sequence[str]:
    """Return the twelve names as they stand in a date; none for a language without words."""
    names: Sequence[str] = _words().get(language, {}).get("months", ())
    return names


def role_word(role: str, language: str) -> str:
    """Return the word for a role that serves for women and men alike; "" where the language has none."""
    word: str = _words().get(language, {}).get("roles", {}).get(role, "")
    return word


@lru_cache(maxsize=1)
def _words() -> Mapping[str, Any]:
    return tomllib.loads(resources.files("mailer").joinpath("data/letter_words.toml").read_text(encoding="utf-8"))
