"""Two mail-outs side by side: what became of the same people in each."""

from __future__ import annotations

from dataclasses import dataclass

from mailer.base.states import WORDS, State
from mailer.ledger.ledger import Connection
from mailer.ledger.reading import listing
from mailer.ledger.reading.deliveries import Delivery
from mailer.ledger.reading.listing import Wanted
from mailer.report import totals


@dataclass(frozen=True, slots=True)
class Fate:
    """People of whom the same became in two mail-outs. None: they are not in that one at all."""

    first: State | None
    second: State | None
    people: tuple[Delivery, ...]  # as they stand in the second one, where they are in it

    @property
    def same(self) -> bool:
        return self.first is self.second


def compare(connection: Connection, first: int, second: int) -> list[Fate]:
    """Return everybody of two mail-outs, each person once: those of whom something else became
    first. A person is known by the name within the delegation, or by the address.
    """
    theirs = {_key(one): one for one in listing.every(connection, second, Wanted())}
    found: dict[tuple[State | None, State | None], list[Delivery]] = {}
    for one in listing.every(connection, first, Wanted()):
        other = theirs.pop(_key(one), None)
        found.setdefault((one.state, other.state if other else None), []).append(other or one)
    for other in theirs.values():
        found.setdefault((None, other.state), []).append(other)
    fates = [Fate(*states, tuple(people)) for states, people in found.items()]
    return sorted(fates, key=lambda fate: (fate.same, _place(fate.first), _place(fate.second)))


def in_words(state: State | None) -> str:
    return WORDS[state] if state else "not in it"


def _key(one: Delivery) -> str:
    return one.person or one.address_key or one.shown


def _place(state: State | None) -> int:
    return totals.IN_ORDER.index(state) if state else len(totals.IN_ORDER)
