"""Words that letters put in by themselves: dates written out, roles, and names of delegations.

The words are in `letter_words.toml`; the delegations' names in English and French are the
Assembly's own (`delegations.py`), those in other languages are in `delegation_names.csv`.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from importlib import resources
from typing import Any

from mailer.base.delegations import Delegations

OFFICIAL = ("en", "fr")
"""The Assembly's languages."""


def written_date(day: date, language: str) -> str:
    """Write a date out: `25 January 2027`, `1er février 2027`; in a language without words for it
    `2027-01-25`.
    """
    words = _words().get(language)
    if not words:
        return day.isoformat()
    number = words.get("first", "1") if day.day == 1 else str(day.day)
    text: str = words["date"].format(
        day=number, month=words["months"][day.month - 1], year=day.year
    )
    return text


def months(language: str) -> Sequence[str]:
    """Return the twelve names as they stand in a date; none for a language without words."""
    names: Sequence[str] = _words().get(language, {}).get("months", ())
    return names


def languages_with_words() -> Sequence[str]:
    """Return the languages in which dates can be written out."""
    return list(_words())


def months_read(language: str) -> Mapping[str, int]:
    """Return all forms of the names of months, with their numbers: {"ledna": 1, "leden": 1}."""
    words = _words().get(language, {})
    forms = (words.get("months", ()), words.get("alone", ()))
    return {name: number for names in forms for number, name in enumerate(names, 1)}


def is_month(word: str) -> bool:
    """Tell whether a word behind "25." makes a date of it, in any language that writes dates so."""
    return word.strip(".,;:").casefold() in _behind_a_stop()


@lru_cache(maxsize=1)
def _behind_a_stop() -> frozenset[str]:
    languages = (one for one, words in _words().items() if "{day}." in words["date"])
    return frozenset(name.casefold() for one in languages for name in months_read(one))


def role_word(role: str, language: str) -> str:
    """Return the word for a role that serves for women and men alike; "" where the language has
    none.
    """
    word: str = _words().get(language, {}).get("roles", {}).get(role, "")
    return word


def delegation_words(code: str, language: str, delegations: Delegations) -> tuple[str, str] | None:
    """Return name and form after "delegation", `("Norwegen", "Norwegens")`; None in a language
    without such names.
    """
    if language in OFFICIAL:
        return delegations.name(code, language), delegations.of(code, language)
    return _names(language).get(code)


def delegation_name(code: str, language: str, delegations: Delegations) -> str:
    """Return the name in this language, or in English; the code if nobody knows it."""
    words = delegation_words(code, language, delegations)
    return words[0] if words else delegations.name(code, "en")


def with_article(of: str) -> str:
    """Return a French name as it stands in a sentence: `de la Belgique` → `la Belgique`,
    `d'Andorre` → `Andorre`.
    """
    for before, article in (
        ("de la ", "la "),
        ("de l'", "l'"),
        ("de l’", "l’"),
        ("du ", "le "),
        ("des ", "les "),
        ("d'", ""),
        ("d’", ""),
        ("de ", ""),
    ):
        if of.startswith(before):
            return article + of.removeprefix(before)
    return of.strip("()")


def has_delegation_words(language: str) -> bool:
    """Tell whether delegations have names in this language."""
    return language in OFFICIAL or bool(_names(language))


@lru_cache(maxsize=64)
def _names(language: str) -> Mapping[str, tuple[str, str]]:
    text = (
        resources.files("mailer.letters.wording")
        .joinpath("delegation_names.csv")
        .read_text(encoding="utf-8")
    )
    reader = csv.DictReader(text.splitlines(keepends=True), strict=True)
    if f"of_{language}" not in (reader.fieldnames or ()):
        return {}
    return {row["code"]: (row[f"name_{language}"], row[f"of_{language}"]) for row in reader}


@lru_cache(maxsize=1)
def _words() -> Mapping[str, Any]:
    return tomllib.loads(
        resources.files("mailer.letters.wording")
        .joinpath("letter_words.toml")
        .read_text(encoding="utf-8")
    )
