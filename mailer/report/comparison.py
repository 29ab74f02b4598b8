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
        who: (id_, number, state)
        for who, id_, number, state in listing.who_and_state(connection, second)
    }
    # by the words of the states: 100,000 people fall into some ten of them
    found: dict[tuple[str | None, str | None], list[tuple[int, int]]] = {}
    for who, id_, number, state in listing.who_and_state(connection, first):
        if other := theirs.pop(who, None):
            found.setdefault((state, other[2]), []).append(other[:2])
        else:
            found.setdefault((state, None), []).append((id_, number))
    for id_, number, state in theirs.values():
        found.setdefault((None, state), []).append((id_, number))
    fates = []
    for (was, now), people in found.items():
        name = shown(first if now is None else second)
        named = deliveries.in_order(connection, [id_ for id_, _ in people[:most]])
        fates.append(
            Fate(
                State(was) if was else None,
                State(now) if now else None,
                tuple(f"{name}-{number:03d}" for _, number in people),
                tuple(named),
            )
        )
    return sorted(fates, key=lambda fate: (fate.same, _place(fate.first), _place(fate.second)))


def in_words(state: State | None) -> str:
    return WORDS[state] if state else "not in it"


def _place(state: State | None) -> int:
    return totals.IN_ORDER.index(state) if state else len(totals.IN_ORDER)
