"""What became of accepted letters later, in words: a letter is never called delivered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from mailer.inbox.kinds import named
from mailer.report.story import Sentence

SAID: dict[str, tuple[str, str]] = {
    "returned": ("{n} came back", "1 came back"),
    "delayed": ("{n} are still on their way", "1 is still on its way"),
    "away": ("{n} are away", "1 is away"),
    "left_office": ("{n} have left office", "1 has left office"),
    "reply": ("{n} have answered", "1 has answered"),
    "objection": ("{n} want no more letters", "1 wants no more letters"),
    "complaint": ("{n} called it abuse", "1 called it abuse"),
    "challenge": ("{n} wait until we confirm", "1 waits until we confirm"),
}
"""Word of a filter (`kinds.named`) → the words for several people and for one, in the order in
which they are said.
"""


class Said(NamedTuple):
    """How many of the accepted letters something came back of."""

    kind: str  # the word of a filter
    sentence: Sentence


def said(came_back: Mapping[tuple[str, ...], int]) -> list[Said]:
    """Say of the accepted letters, counted by the kinds of what came back of each, how many people
    something came from or about: `14 came back`, `41 are away`. Nothing where nothing came.
    """
    found = []
    for word, (several, one) in SAID.items():
        meant = {kind.value for kind in named(word)}
        if number := sum(n for kinds, n in came_back.items() if not meant.isdisjoint(kinds)):
            found.append(Said(word, Sentence(one if number == 1 else several, n=number)))
    return found
