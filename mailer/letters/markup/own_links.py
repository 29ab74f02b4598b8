"""Links that are a person's own: whoever opens one tells its site who reads.

A link may hold what is the same for everybody: the session, a fact, the sender. What comes from a
person's row makes a link of their own, and so does a question about them around a link, or within
it: `{% if surname == "Berg" %}`. Both are refused, unless the appeal declares it
(`personal_links`). A link that also stands where everybody reads it tells nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache

from jinja2 import nodes
from markdown_it.token import Token

from mailer.base.errors import Problem
from mailer.letters.markup.dialect import parse
from mailer.letters.placeholders import ENVIRONMENT, JINJA, SLOT, Source, slot

OF_ALL = {"session", "fact", "sender"}


def check(source: Source, linked: Collection[str] = ()) -> Iterator[Problem]:
    """Yield a problem (L228) for each link that not everybody has alike.

    `linked` are the words that put in a text with links: `signature`, `fact.report`. The source's
    placeholders and questions must be written rightly.
    """
    marks = list(JINJA.finditer(source.text))
    numbers = iter(range(len(marks)))
    text = JINJA.sub(lambda one: slot(next(numbers)) + "\n" * one[0].count("\n"), source.text)
    questions = _Questions([one[0] for one in marks])
    everybodys: set[str] = set()
    own: list[tuple[str, int]] = []
    for token in _in_order(parse(text)):
        if token.type == "link_open":
            href, before = str(token.attrs["href"]), questions.asked
            written = [int(one[1]) for one in SLOT.finditer(href)]
            ours = [at for at in written if questions.pass_by(at) or questions.is_personal(at)]
            if ours or questions.asked:
                own.append((href, ours[0] if ours else questions.last))
            else:
                everybodys.add(href)
            opened = (href, before)
        elif token.type == "link_close":
            if questions.asked != opened[1]:  # a question begins in its words, and ends elsewhere
                own.append((opened[0], questions.last))
        else:
            for found in SLOT.finditer(token.content):
                at = int(found[1])
                questions.pass_by(at)
                if questions.asked and questions.words(at) & set(linked):
                    own.append((marks[at][0], questions.last))
    for href, at in own:
        if href not in everybodys:
            yield source.at("L228", _OWN, marks[at].start(), marks[at][0], _SAME)


class _Questions:
    """The placeholders and questions of a text, and which questions about a person are open where
    it is read.
    """

    def __init__(self, marks: Sequence[str]) -> None:
        self._marks = marks
        self._open: list[int | None] = []  # the question about a person, None for another one

    @property
    def asked(self) -> int:
        """How many questions about a person are open here."""
        return sum(at is not None for at in self._open)

    @property
    def last(self) -> int:
        """The question about a person that was opened last."""
        return next((at for at in reversed(self._open) if at is not None), 0)

    def pass_by(self, at: int) -> bool:
        """Go past a mark; tell whether it opens or goes on with a question about a person."""
        tag = _TAG.match(self._marks[at])
        if tag and tag[1] == "if":
            self._open.append(None)
        elif tag and tag[1] == "endif":
            self._open.pop()
        if tag and tag[1] in ("if", "elif") and self.is_personal(at):
            self._open[-1] = at
            return True
        return False

    def is_personal(self, at: int) -> bool:
        return bool({word.partition(".")[0] for word in self.words(at)} - OF_ALL)

    def words(self, at: int) -> frozenset[str]:
        return _words(self._marks[at])


@lru_cache(maxsize=256)  # asked for several times, and the same stands in each language
def _words(mark: str) -> frozenset[str]:
    """Return the words that a mark names: `surname`, `fact.report`."""
    if plainly := _WORD.fullmatch(mark):
        return frozenset({plainly[1]})
    tag = _TAG.match(mark)
    tree = ENVIRONMENT.parse(f"{{{{ {tag[2] or 0} }}}}" if tag else mark)
    parts = list(tree.find_all(nodes.Getattr))
    owners = {id(one.node) for one in parts}
    names = {one.name for one in tree.find_all(nodes.Name) if id(one) not in owners}
    return frozenset(names) | {
        f"{one.node.name}.{one.attr}" for one in parts if isinstance(one.node, nodes.Name)
    }


_WORD = re.compile(r"\{\{-?\s*((?!\d)\w+(?:\.(?!\d)\w+)?)\s*-?\}\}")
_TAG = re.compile(r"\{%[-+]?\s*(\w+)\s*(.*?)\s*[-+]?%\}", re.DOTALL)


def _in_order(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        if token.children is None:
            yield token
        else:
            yield from _in_order(token.children)


_OWN = "this gives each person a link of their own, which tells its site who reads"
_SAME = 'write the same address for everybody, or declare it in appeal.toml: personal_links = "why"'
