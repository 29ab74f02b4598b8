"""What was typed is what arrives: each word, figure, date and address of a text stands in both of
its bodies, in the same order.

The text is cut at blanks, without a parser of Markdown, so that it can judge one. A piece loses
the marks at its edges (quotes, brackets, stars) and is then looked for as it is: `10*20*30` is not
found in `102030`, `28` not where a list has counted to 26. What the bodies have more, the address
behind the words of a link, is no fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from html import unescape
from html.parser import HTMLParser
from urllib.parse import unquote

from mailer.letters.placeholders import SLOT

_PIECE = re.compile(r"[^\s|]+")
_EDGES = "*_`[](){}<>#|\"'“”„«»‹›‘’.,:;!?…—–-~•\\/"
_LINKED = re.compile(
    r"(!\[[^\]\n]*)?\]\((<[^>\n]*>|(?:[^()\s]|\([^()\s]*\))*)((?:\s+\"[^\"\n]*\")?)\)"
    r"(\{[^}\s]{1,60}\})?"
)
_ENTITY = re.compile(r"&(?:#\w{1,8}|[A-Za-z]\w{1,30});")
_ESCAPE = re.compile(r"\\(?=[!-/:-@\[-`{-~])")
_MARKS = re.compile(
    r"(?<=[-—–'’\"“”„«»‹›()\[\]…,;!])[*_]+|[*_]+(?=[-—–'’\"“”„«»‹›()\[\]…,;!])"
    r"|(?<=/)\*\*|\*\*(?=/)|[\[\]]"
)
_STRAIGHT = str.maketrans("’‘“”„«»", '\'\'"""""')
"""Quotes and apostrophes may be those of the language in the bodies: they count as typed."""
_IDN = re.compile(r"xn--[a-z0-9-]+", re.IGNORECASE)


def lost(typed: str, text: str, html: str) -> tuple[int, str] | None:
    """Return the first piece of a text that a body lacks, and where it was typed; None if all has
    arrived.
    """
    pieces = list(_typed(typed))
    bodies = (_pieces(text), _pieces(_visible(html)))
    return min(filter(None, (_missing(pieces, body) for body in bodies)), default=None)


def _missing(typed: Sequence[tuple[int, str]], arrived: Sequence[str]) -> tuple[int, str] | None:
    at, before = 0, ""
    for place, piece in typed:
        try:
            at = arrived.index(piece, at) + 1
        except ValueError:
            if piece != before:  # a link whose words are its address stands there once
                return place, piece
        before = piece
    return None


def _typed(text: str) -> Iterator[tuple[int, str]]:
    """Yield the pieces of Markdown: the target of a link, not file and size of a picture."""

    def apart(match: re.Match[str]) -> str:
        words, target, size = match[1] or "", match[2], match[4] or ""
        kept = " " * len(target) if words else target
        return f"{words}  {kept}{match[3]} {' ' * len(size) if words else size}"

    for match in _PIECE.finditer(_LINKED.sub(apart, text)):
        words = match[0]
        if "&" in words:
            words = _ENTITY.sub(lambda one: unescape(one[0]), words)
        for piece in words.split():
            if plain := _plain(piece):
                yield match.start(), plain


def _pieces(text: str) -> list[str]:
    """Return the pieces of a text that is no Markdown."""
    return [piece for one in _PIECE.findall(text) if (piece := _plain(one))]


@lru_cache(maxsize=4096)  # a piece is looked for in both bodies
def _plain(piece: str) -> str:
    """Return a piece without marks; "" where no letter and no figure is left."""
    piece = piece.translate(_STRAIGHT)
    piece = SLOT.sub(r"{\1}", _ESCAPE.sub("", piece)).strip(_EDGES)
    piece = _MARKS.sub("", piece)
    if piece[:7].lower() == "mailto:":
        piece = piece[7:]
    if "%" in piece:
        piece = unquote(piece)
    if "xn--" in piece.lower():
        piece = _IDN.sub(lambda match: match[0].lower().encode().decode("idna"), piece)
    return piece if any(map(str.isalnum, piece)) else ""


class _Words(HTMLParser):
    """The words that a reader sees: text, numbers of lists, words of pictures, targets of links."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.hrefs: list[str] = []
        self.numbers: list[int | None] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = dict(attrs)
        self.hidden += tag in ("style", "title")
        if tag in ("ol", "ul"):
            self.numbers.append(0 if tag == "ol" else None)
        if tag == "a":
            self.hrefs.append(own.get("href") or "")
        if tag not in _WITHIN:
            self.found.append(" ")
        if tag == "img":
            self.found.append(f" {own.get('alt') or ''} ")
        if tag == "li" and self.numbers and (before := self.numbers[-1]) is not None:
            self.numbers[-1] = int(own.get("value") or before + 1)
            self.found.append(f"{self.numbers[-1]} ")

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in ("style", "title")
        if tag in ("ol", "ul") and self.numbers:
            self.numbers.pop()
        if tag == "a" and self.hrefs:
            self.found.append(f" {self.hrefs.pop()} ")
        if tag not in _WITHIN:
            self.found.append(" ")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.found.append(data)


_WITHIN = ("em", "strong", "code", "a")


def _visible(html: str) -> str:
    words = _Words()
    words.feed(html)
    words.close()
    return "".join(words.found)
