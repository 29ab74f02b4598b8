"""What became of accepted letters later, in one sentence: a letter is never called delivered."""

from __future__ import annotations

from collections.abc import Sequence

from mailer.inbox.kinds import RETURNED, InboxKind
from mailer.ledger.ledger import Connection
from mailer.ledger.reading import answers
from mailer.ledger.reading.deliveries import Delivery
from mailer.ledger.reading.scope import Of

SAID: tuple[tuple[frozenset[InboxKind], str, str], ...] = (
    (RETURNED, "{n} came back", "1 came back"),
    (frozenset({InboxKind.DELAYED}), "{n} are still on their way", "1 is still on its way"),
    (frozenset({InboxKind.AWAY}), "{n} are away", "1 is away"),
    (frozenset({InboxKind.LEFT_OFFICE}), "{n} have left office", "1 has left office"),
    (frozenset({InboxKind.REPLY}), "{n} have answered", "1 has answered"),
    (frozenset({InboxKind.OBJECTION}), "{n} want no more letters", "1 wants no more letters"),
    (frozenset({InboxKind.COMPLAINT}), "{n} called it abuse", "1 called it abuse"),
    (frozenset({InboxKind.CHALLENGE}), "{n} wait until we confirm", "1 waits until we confirm"),
)
"""Kinds, and the words for several people and for one, in the order in which they are said."""


def said(connection: Connection, of: Of) -> str:
    """Say how many people something came from or about: `Of these, 14 came back, 41 are away.`

    Empty where nothing came.
    """
    people = answers.people_by_kind(connection, of)
    parts = []
    for kinds, several, one in SAID:
        number = sum(people.get(kind, 0) for kind in kinds)
        if number:
            parts.append(one if number == 1 else several.format(n=number))
    return f"Of these, {', '.join(parts)}." if parts else ""


def narrowed(
    connection: Connection, of: Of, people: Sequence[Delivery], kinds: Sequence[InboxKind]
) -> list[Delivery]:
    """Return those of `people` from or about whom something of these kinds came."""
    those = answers.deliveries_with(connection, of, kinds)
    return [one for one in people if one.id in those]
