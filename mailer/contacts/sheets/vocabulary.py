"""The words of contact sheets, in many languages, and what they mean: `sheet_words.toml`."""

from __future__ import annotations

import tomllib
from functools import cache, lru_cache
from importlib import resources

from mailer.base.spelling import fold


@cache
def _tables() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(
        resources.files("mailer.contacts.sheets")
        .joinpath("sheet_words.toml")
        .read_text(encoding="utf-8")
    )


@cache
def table(kind: str) -> dict[str, str]:
    """Return folded word → meaning for one kind: `table("role")["ersatzmitglied"]` is
    `substitute`.
    """
    return {fold(word): meaning for meaning, words in _tables()[kind].items() for word in words}


@cache
def beside(part: str) -> frozenset[str]:
    """Return the folded headings that change their meaning beside another column: `surname`,
    `given`, `weak`.
    """
    return frozenset(map(fold, _tables()["beside"][part]))


@lru_cache(maxsize=16_384)
def meaning(kind: str, text: str) -> str | None:
    """Return what a word means, `""` for blank text, None for a word that is not known."""
    word = fold(text)
    return table(kind).get(word) if word else ""


@cache
def as_written(word: str) -> str:
    """Return a folded heading as the list of words spells it."""
    return next(
        written
        for field in _tables()["heading"].values()
        for written in field
        if fold(written) == word
    )
