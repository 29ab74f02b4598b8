"""The words of contact sheets, in many languages, and what they mean: `sheet_words.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from importlib import resources

from mailer.base.spelling import fold, tokens, tokens_once


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


@lru_cache(maxsize=16_384)
def standing(text: str) -> str | None:
    """Return what a status on a list means, also where its first words say it, and the others only
    how: `Blocklisted via admin`.
    """
    if (found := meaning("standing", text)) is not None:
        return found
    words = tokens(text[:100])
    if not words or len(words[0]) < 4 or words[0] in beside("gone"):  # Ex officio, Former minister
        return None
    said = (meaning("standing", " ".join(words[:many])) for many in (3, 2, 1))
    return next(filter(None, said), None)


@cache
def pairs() -> dict[str, list[frozenset[str]]]:
    """Return the letters that stand for women and men in one column: `usual`, and `other`."""
    return {
        kind: [frozenset(map(fold, p)) for p in two] for kind, two in _tables()["letters"].items()
    }


@cache
def as_written(word: str) -> str:
    """Return a folded heading as the list of words spells it."""
    return next(
        written
        for field in _tables()["heading"].values()
        for written in field
        if fold(written) == word
    )


_CLAUSE = re.compile(r"[.;!?:](?=\s|$)|[\n|]")
_PART = re.compile(r"[,;|/\n\"()\[\]]")
_ITEM = re.compile(r"\(([^()]*)\)(\??)|(\S+)")


@lru_cache(maxsize=16_384)
def wants_no_letters(text: str) -> bool:
    """Tell whether a remark says that a person wants no letters: `ne plus écrire`, `asked not to be
    contacted`. What is meant for a language, a day or an old address only is no such wish.
    """
    text = text[:2_000]
    if not _wish_words().isdisjoint(map(fold, _PART.split(text))):
        return True
    begins, otherwise = _patterns("wish")
    for clause in _CLAUSE.split(text):
        words = re.sub(r"\be (?=mails?\b|post)", "e", f" {' '.join(tokens(clause))}")
        for word in re.finditer(r" (\w\w?)", words):
            for pattern in begins.get(word[1], ()):
                said = pattern.match(words, word.start())
                if said and not otherwise.match(words, said.end()):
                    return True
    return False


@lru_cache(maxsize=16_384)
def gone(text: str, *, name: bool = False) -> bool:
    """Tell whether a remark, or what stands around a name, says that somebody is no member any
    more: `resigned 3 May 2026`, `Anna PRØVE (deceased)`, `†Anna PRØVE`, `ex-MP Per FORM`.
    """
    if name:
        if text.isalpha() or not (begins := _AROUND_A_NAME.search(text)):
            return False
        if begins[1] is None:
            return True
        text = begins[1]
    words = _SINCE_WHEN.sub("", text[:80]).strip(" ,;:")
    if meaning("standing", words) == "out" and fold(words) not in beside("also"):
        return True
    return not name and any(map(_says_gone, _CLAUSE.split(text[:2_000])))


def _says_gone(clause: str) -> bool:
    """Tell whether a clause begins with what says that somebody is gone: `has left in June`."""
    words = [*tokens(clause)]
    lead = _lead()
    while words and (words[0] in lead or words[0].isdigit()):
        del words[0]
    if not words:
        return False
    begins, otherwise = _patterns("gone")
    said = f" {' '.join(words)}"
    return any(
        (found := pattern.match(said)) and not otherwise.match(said, found.end())
        for pattern in begins.get(said[1:3].strip(), ())
    )


_AROUND_A_NAME = re.compile(
    r"^(?:†|(?:ex|former|ancien(?:ne)?|ehem\.?|ehemalig\w*)[- ]"
    r"(?:mps?|mep|member|deputy|senator|député|membre|sénat|mitglied|abgeordnet|mdb)\w*)"
    r"|[(\[]([^()\[\]]{3,80})[)\]]",
    re.IGNORECASE,
)
_SINCE_WHEN = re.compile(r"(?<![\d./-])[\d./-]{4,}$|\([^()]*\)$")


def may_want_no_letters(texts: Iterable[str]) -> bool:
    """Tell quickly whether one of some texts may be such a wish: most of all hold no word of it."""
    rare = _rare_words()
    for text in texts:
        for part in text.split("@"):
            word = part.replace(".", "")
            if word.isascii() and word.isalnum():  # one word, as in most names and addresses
                if word[:4].lower() in rare:
                    return True
            elif not rare.isdisjoint([word[:4] for word in tokens_once(part)]):
                return True
    return False


@cache
def _rare_words() -> frozenset[str]:
    """Return of each phrase the words, by four letters, of its longest part: one of them stands in
    every wish.
    """
    found = {max(tokens(words), key=len)[:4] for words in _tables()["wish"]["words"]}
    for phrase in _phrases("wish"):
        parts = [
            [one.split()[-1] for one in (group or word).split("|")]
            for group, missing, word in _ITEM.findall(phrase)
            if not missing and word != "…"
        ]
        sure = [
            [fold(one)[:4] for one in part]
            for part in parts
            if all(len(fold(one)) > 3 or not one.endswith("*") for one in part)
        ]
        found.update(max(sure, key=lambda part: min(map(len, part))))
    return frozenset(found)


@cache
def _wish_words() -> frozenset[str]:
    return frozenset(map(fold, _tables()["wish"]["words"]))


def _phrases(kind: str) -> Iterator[str]:
    for language, phrases in _tables()[kind].items():
        yield from phrases if language not in ("words", "lead", "otherwise") else ()


@cache
def _lead() -> frozenset[str]:
    return frozenset(word for words in _tables()["gone"]["lead"] for word in tokens(words))


@cache
def _patterns(kind: str) -> tuple[dict[str, list[re.Pattern[str]]], re.Pattern[str]]:
    """Return the phrases by the two letters that they can begin with, and what takes one back that
    stands before it.
    """
    begins: dict[str, list[re.Pattern[str]]] = {}
    otherwise = "|".join(_pattern(phrase) for phrase in _tables()[kind]["otherwise"])
    for phrase in _phrases(kind):
        pattern = re.compile(_pattern(phrase))
        for group, missing, word in _ITEM.findall(phrase):
            for start in {fold(one)[:2] for one in (group or word).split("|")}:
                begins.setdefault(start, []).append(pattern)
            if not missing:
                break
    return begins, re.compile(f"(?:{otherwise})")


def _pattern(phrase: str) -> str:
    """Turn a phrase into a pattern for words without case and accents, each after a blank."""
    found = ""
    for group, missing, word in _ITEM.findall(phrase):
        if word == "…":
            found += r"(?: \w+){0,4}?"
            continue
        words = (
            " ".join(fold(one) + r"\w*" * one.endswith("*") for one in words.split())
            for words in (group or word).split("|")
        )
        found += f"(?: (?:{'|'.join(words)}))" + missing
    return found + r"(?!\w)"
