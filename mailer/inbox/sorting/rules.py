"""The phrases by which kinds are known, read from `rules.toml`, and found in a text in one pass.

A phrase is words as they are written, without regard to case and accents. `*` stands for any ending
of a word, `…` for up to six words of the same sentence, `(one|other)` for either, `(word)?` for a
word that may be missing.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mailer.base.spelling import PLAIN
from mailer.inbox.kinds import InboxKind

_QUOTES = str.maketrans(
    {
        **dict.fromkeys("’‘ʼ`´", "'"),
        **dict.fromkeys("“”„«»", '"'),
        **dict.fromkeys("–—‑‐", "-"),
        **dict.fromkeys("\u00a0\u202f", " "),
        **dict.fromkeys("\u00ad\u200b", ""),
    }
)
_BRACKETS = str.maketrans("()[]{}", "      ")
_MARKS = re.compile("[\u0300-\u036f\u0483-\u0487]")
_GAP = r"(?:[^\s!?]*[^\s!?.;]\s+|\w{1,3}\.\s+|\d+\.\s+){0,6}?"
_START = re.compile(r"(?<![\w@])\w")


@dataclass(frozen=True)
class Hit:
    """A phrase that stands in a text."""

    group: str  # away, objection, …
    phrase: str  # as it stands in rules.toml
    language: str
    start: int  # in the plain text
    end: int
    said: str  # the words that were found, without case and accents


def plain(text: str) -> str:
    """Write a text without case, accents and typographic signs, line breaks as blanks, paragraphs
    as ` ¶ `.
    """
    text = text.translate(_QUOTES).translate(_BRACKETS).casefold().translate(PLAIN)
    if not text.isascii():
        text = _MARKS.sub("", unicodedata.normalize("NFKD", text))
    text = re.sub(r"(?<!\s)\s*\n\s*\n\s*", " ¶ ", text)
    return re.sub(r"\s+", " ", text).strip()


class Rules:
    """All rules, ready to be looked up."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.headers: dict[str, Any] = data["headers"]
        self.subjects = _Finder(_listed(data["subjects"]))
        ends = ("disclaimer", "device")
        self.phrases = _Finder(
            _listed({name: value for name, value in data["phrases"].items() if name not in ends})
        )
        self.ends = _Finder(_listed({name: data["phrases"][name] for name in ends}))

        self.servers = [
            (
                InboxKind(f"returned_{one['case']}"),
                one["why"],
                re.compile("|".join(one["answers"]), re.IGNORECASE),
            )
            for one in data["servers"]
        ]

    def words(self, name: str) -> frozenset[str]:
        """Return a list of words under [headers]."""
        found = self.headers[name]
        return frozenset(found if isinstance(found, list) else ())


def _listed(table: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield group, language and phrase. A group is a list, or a table of lists by language."""
    for group, value in table.items():
        by_language = value if isinstance(value, dict) else {"": value}
        for language, phrases in by_language.items():
            for phrase in phrases:
                yield group, language, phrase


class _Finder:
    """Finds many phrases at once: at each word, only the phrases that begin like it are tried."""

    def __init__(self, phrases: Iterable[tuple[str, str, str]]) -> None:
        self._by_start: dict[str, list[tuple[str, str, str]]] = {}
        self._ready: dict[str, list[tuple[re.Pattern[str], str, str, str]]] = {}
        for group, language, phrase in phrases:
            for start in _starts(_plain_phrase(phrase)):
                self._by_start.setdefault(start, []).append((group, language, phrase))

    def find(self, text: str) -> list[Hit]:
        """Return what stands in a text that `plain` has made."""
        hits = []
        for word in _START.finditer(text):
            at = word.start()
            start = text[at : at + 3].ljust(3)
            for pattern, group, language, phrase in (*self._at(start), *self._at(start[:2])):
                if found := pattern.match(text, at):
                    said = found[0].strip(" ,")[:90]
                    hits.append(Hit(group, phrase, language, at, found.end(), said))
        return hits

    def _at(self, start: str) -> list[tuple[re.Pattern[str], str, str, str]]:
        """Return the phrases with this beginning, compiled when they are first wanted."""
        if start in self._by_start:
            self._ready[start] = [
                (re.compile(_regex(phrase)), group, language, phrase)
                for group, language, phrase in self._by_start.pop(start)
            ]
        return self._ready.get(start, [])


def _plain_phrase(phrase: str) -> str:
    kept = str.maketrans({"…": "\ue000", "(": "\ue001", ")": "\ue002"})
    back = str.maketrans({"\ue000": "…", "\ue001": "(", "\ue002": ")"})
    return plain(phrase.translate(kept)).translate(back)


def _starts(phrase: str) -> set[str]:
    """Return the characters with which a phrase can begin."""
    if not phrase.startswith("("):
        return {_beginning(phrase)}
    depth, end, pieces, piece = 0, 0, [], ""
    for end, sign in enumerate(phrase):
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            break
        if sign == "|" and depth == 1:
            pieces.append(piece)
            piece = ""
        elif end:
            piece += sign
    rest = phrase[end + 1 :]
    ways = {
        start
        for one in (*pieces, piece)
        for start in _starts(one + (" " if rest.startswith("?") else rest))
    }
    return ways | (_starts(rest[1:].lstrip()) if rest.startswith("?") else set())


def _beginning(text: str) -> str:
    """Return up to three characters of the first word, with the blank after a shorter one."""
    literal = re.split(r"[*…(]", text)[0]
    word, blank, _ = literal.partition(" ")
    return (word + blank)[:3] if literal != text or blank else f"{word} "[:3]


def _regex(phrase: str) -> str:
    """Return the regular expression of a phrase."""
    out = []
    for piece in re.findall(r"…|\*|\(|\)\??|\||[^…*()|]+", _plain_phrase(phrase)):
        if piece == "…":
            out.append(_GAP)
        elif piece == "*":
            out.append(r"\w*")
        elif piece == "(":
            out.append("(?:")
        elif piece in (")", "|"):
            out.append(piece)
        elif piece == ")?":
            out.append(r")?\s*")
        else:
            out.append(r"[\s,]*\s".join(re.escape(word) for word in piece.split(" ")))
    text = "".join(out)
    text = text.replace(r"[\s,]*\s" + _GAP + r"[\s,]*\s", r"[\s,:]+" + _GAP)
    text = text.replace(r")?\s*[\s,:]+", r")?[\s,:]*").replace(r")?\s*[\s,]*\s", r")?[\s,]*")
    return text + r"(?!\w)"


@cache
def rules() -> Rules:
    """Return the rules of the package, read once."""
    with (Path(__file__).parent / "rules.toml").open("rb") as file:
        return Rules(tomllib.load(file))
