"""Two mail-outs side by side: what became of the same people in each."""

from __future__ import annotations

from dataclasses import dataclass

from mailer.base.states import WORDS, State
from mailer.ledger.ledger import Connection, shown
from mailer.ledger.reading import deliveries, listing
from mailer.ledger.reading.deliveries import Delivery
from mailer.report import totals


@dataclass(frozen=True, slots=True)
class Fate:
    """People of whom the same became in two mail-outs. None: they are not in that one at all."""

    first: State | None
    second: State | None
    deliveries: tuple[str, ...]  # M-0002-042: those of the second one, where they are in it
    people: tuple[Delivery, ...]  # the first of them

    @property
    def same(self) -> bool:
        return self.first is self.second


def compare(connection: Connection, first: int, second: int, most: int) -> list[Fate]:
    """Return everybody of two mail-outs, each person once: those of whom something else became
    first. A person is known by the name within the delegation, or by the address. `most` people
    of each fate are read.
    """
    theirs = {
        who: (id_, at, state) for who, id_, at, state in listing.who_and_state(connection, second)
    }
    found: dict[tuple[State | None, State | None], list[tuple[int, str]]] = {}
    for who, id_, number, state in listing.who_and_state(connection, first):
        mine = (id_, f"{shown(first)}-{number:03d}")
        if other := theirs.pop(who, None):
            there = (other[0], f"{shown(second)}-{other[1]:03d}")
            found.setdefault((State(state), State(other[2])), []).append(there)
        else:
            found.setdefault((State(state), None), []).append(mine)
    for id_, number, state in theirs.values():
        one = (id_, f"{shown(second)}-{number:03d}")
        found.setdefault((None, State(state)), []).append(one)
    fates = [
        Fate(
            *states,
            tuple(name for _, name in people),
            tuple(deliveries.in_order(connection, [id_ for id_, _ in people[:most]])),
        )
        for states, people in found.items()
    ]
    return sorted(fates, key=lambda fate: (fate.same, _place(fate.first), _place(fate.second)))


def in_words(state: State | None) -> str:
    return WORDS[state] if state else "not in it"


def _place(state: State | None) -> int:
    return totals.IN_ORDER.index(state) if state else len(totals.IN_ORDER)
