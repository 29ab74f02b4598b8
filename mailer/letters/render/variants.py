"""A letter as several people have it: which of its words make a difference, and one person's own.

A word that is only printed changes nothing but itself. What a letter asks about, or prints in
another form, decides what else stands in it: who is alike in all of that gets the same letter, but
for the words that it prints.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import nodes

from mailer.letters.markup import Frames, Parts
from mailer.letters.markup.frame import Frame, OpenBody, Settled
from mailer.letters.placeholders import SAID, Md, Printed, Source, parsed, printable

ANSWERS = " answers"
"""Under this name the values hold the subject that a follow-up letter answers to, if it is one."""
_COMMON = {"session", "fact", "sender", "organisations", "signature", "for_delegation"}
"""Words that say the same to all who get the letter in one language, but for those delegations
that have organisations or paragraphs of their own.
"""
NAMES_OF_DELEGATION = frozenset({"delegation", "of_delegation"})
"""Words that say the same to all of a delegation who get the letter in one language."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A letter as several people have it, but for the words that it only prints."""

    parts: Parts
    frames: Frames
    subject: Frame
    preview: Frame
    html: OpenBody
    text: OpenBody
    values: tuple[str | Printed, ...]
    in_footer: int  # from this value on they are the footer's, which may be in another language
    signature: Md | None
    wording: tuple[str, ...]  # see `Rendered`

    def of_delegation(self, mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> DelegationsOwn:
        """Return it as all of a delegation have it who have this variant; the words are those of
        one of them. Raises `Unprintable`.
        """
        values = tuple(
            _of_one(value, mine if number < self.in_footer else theirs)
            if isinstance(value, Printed) and value.name in NAMES_OF_DELEGATION
            else value
            for number, value in enumerate(self.values)
        )
        html, text = self.html.settled(values), self.text.settled(values)
        return DelegationsOwn(self, html, text, values)


@dataclass(frozen=True, slots=True)
class DelegationsOwn:
    """A variant as those of one delegation have it."""

    variant: Variant
    html: Settled
    text: Settled
    values: tuple[str | Printed, ...]

    def values_of(self, mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
        """Return the values of one person. Raises `Unprintable`."""
        in_footer = self.variant.in_footer
        return [
            _of_one(value, mine if number < in_footer else theirs)
            if isinstance(value, Printed)
            else value
            for number, value in enumerate(self.values)
        ]


def _of_one(word: Printed, words: Mapping[str, Any]) -> str:
    return printable(words[word.name], words.get(SAID))


def marked(uses: Uses, words: Mapping[str, Any]) -> dict[str, Any]:
    """Put a mark in the place of each word that a letter only prints."""
    printed = {*uses.printed, ANSWERS} & words.keys() - _COMMON
    return {**words, **{name: Printed(name) for name in printed}}


def asked(uses: Uses, words: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the values of which what a letter says depends on."""
    for name in uses.asked:
        if name == "extra":
            yield from words.get(name, {}).values()
        elif name not in _COMMON:
            yield words.get(name)


@dataclass(frozen=True, slots=True)
class Uses:
    """What a letter does with words: which it only prints, and which it asks about, or prints in
    another form.
    """

    printed: frozenset[str]
    asked: frozenset[str]


def uses_of(sources: Iterable[Source]) -> Uses:
    """Tell which words the pieces of a letter only print. Of all others the value says what stands
    in the letter besides; `extra` is one word here.
    """
    printed: set[str] = set()
    asked: set[str] = set()
    for source in sources:
        tree = parsed(source)
        plainly = {
            id(one)
            for output in tree.find_all(nodes.Output)
            for one in output.nodes
            if isinstance(one, nodes.Name)
        }
        for one in tree.find_all(nodes.Name):
            (printed if id(one) in plainly else asked).add(one.name)
    return Uses(frozenset(printed - asked), frozenset(asked))
