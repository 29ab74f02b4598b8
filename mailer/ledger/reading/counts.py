"""How many people stand how, in a mail-out or in an appeal over all its mail-outs.

Everything that is counted of people is a sum of `Counted.groups`, so that no two numbers can
disagree. `AppealCounts` keeps those of an appeal for whoever asks often: it holds how each person
stood at some event of the log, and looks again only at those of whom a later event tells.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import sqlalchemy as sa

from mailer.base.states import Reason, State
from mailer.ledger import events
from mailer.ledger.events import EventKind
from mailer.ledger.ledger import number_of
from mailer.ledger.reading.deliveries import (
    CAME_BACK,
    NEEDS_A_PERSON,
    WORST_FIRST,
    Delivery,
    in_order,
    kinds_of,
)
from mailer.ledger.reading.scope import WHO, AppealStanding, Of, OfAppeal, stands, within
from mailer.ledger.schema import delivery, event, seal

d, e = delivery.c, event.c

ANSWERS = frozenset({"reply", "objection"})

Some = TypeVar("Some")

_ANEW = (EventKind.ERASED.value, EventKind.RENAMED.value)
"""After these events somebody may be another one than before."""

MOVED = 5_000
"""So many who were moved are not looked at one by one: everybody is counted anew."""


class CountedGroup(NamedTuple):
    """People who stand alike."""

    delegation: str
    state: State
    reason: str
    again: bool  # after more than one attempt
    needs: bool  # a person: the mailer can do no more by itself
    back: tuple[str, ...]  # kinds of what came from or about them, as far as it is sure

    @property
    def named(self) -> bool:
        """Whether they are named in the letter to somebody else at their mailbox."""
        return self.reason == Reason.SHARED.value


@dataclass(frozen=True, slots=True)
class Counted:
    """How many people stand how. The sum of all is everyone of the plan, the left out included."""

    groups: Mapping[CountedGroup, int]
    one: Mapping[CountedGroup, int]  # a delivery of each group

    @property
    def everyone(self) -> int:
        return sum(self.groups.values())

    @property
    def states(self) -> dict[State, int]:
        """People in each state."""
        found = dict.fromkeys(State, 0)
        for group, number in self.groups.items():
            found[group.state] += number
        return found

    @property
    def letters(self) -> dict[State, int]:
        """Letters in each state: whoever is named in another's has none of their own."""
        found = dict.fromkeys(State, 0)
        for group, number in self.groups.items():
            found[State.SKIPPED if group.named else group.state] += number
        return found

    @property
    def delegations(self) -> dict[str, dict[State, int]]:
        """People in each state, by delegation."""
        table: dict[str, dict[State, int]] = {}
        for group, number in self.groups.items():
            table.setdefault(group.delegation, dict.fromkeys(State, 0))[group.state] += number
        return dict(sorted(table.items()))

    def reasons(self, *states: State) -> dict[str, dict[str, int]]:
        """Count by reason and delegation: {"no_address": {"FR": 2, …}, …}, the most frequent reason
        first.
        """
        table: dict[str, Counter[str]] = {}
        for group, number in self.groups.items():
            if group.state in states:
                table.setdefault(group.reason, Counter())[group.delegation] += number
        most = sorted(table, key=lambda reason: (-table[reason].total(), reason))
        return {reason: dict(table[reason]) for reason in most}

    @property
    def second_tries(self) -> int:
        """Letters that were accepted after more than one attempt."""
        return sum(
            number
            for group, number in self.groups.items()
            if group.again and group.state is State.ACCEPTED
        )

    @property
    def needing(self) -> dict[State, int]:
        """Those for whom the mailer can do no more by itself, by state."""
        found = dict.fromkeys(WORST_FIRST, 0)
        for group, number in self.groups.items():
            if group.needs:
                found[group.state] += number
        return found

    @property
    def came_back(self) -> dict[tuple[str, ...], int]:
        """Accepted letters, by the kinds of what came back of each."""
        found: Counter[tuple[str, ...]] = Counter()
        for group, number in self.groups.items():
            if group.back and group.state is State.ACCEPTED and not group.named:
                found[group.back] += number
        return found

    def letters_with(self, kinds: Collection[str]) -> dict[str, int]:
        """Letters of which something of these kinds came back, by delegation."""
        found: Counter[str] = Counter()
        for group, number in self.groups.items():
            if not group.named and not {*kinds}.isdisjoint(group.back):
                found[group.delegation] += number
        return found


_GROUP = (d.delegation, stands(), d.reason, d.attempts > 1, NEEDS_A_PERSON, CAME_BACK)


def count(connection: sa.Connection, of: Of) -> Counted:
    """Count everyone of a mail-out or an appeal."""
    group = [column.label(f"part{at}") for at, column in enumerate(_GROUP)]
    each = sa.select(d.id, *group).where(within(of)).subquery()
    parts = [each.c[column.name] for column in group]
    rows = connection.execute(
        sa.select(*parts, sa.func.count(), sa.func.min(each.c.id)).group_by(*parts)
    )
    groups: Counter[CountedGroup] = Counter()
    one: dict[CountedGroup, int] = {}
    for *parts_of_one, number, id_ in rows:
        found = _group(*parts_of_one)
        groups[found] += number
        one[found] = min(id_, one.get(found, id_))
    return Counted(groups, one)


def _group(
    delegation: str, state: str, reason: str, again: bool, needs: bool, back: str | None
) -> CountedGroup:
    return CountedGroup(delegation, State(state), reason, bool(again), bool(needs), kinds_of(back))


def words_for(connection: sa.Connection, counted: Counted, reason: Reason) -> dict[str, str]:
    """Return, by delegation, what the plan says of those who were left out for a reason."""
    ids = [id_ for group, id_ in counted.one.items() if group.reason == reason.value]
    rows = connection.execute(sa.select(d.delegation, d.detail).where(d.id.in_(ids)))
    return {row.delegation: row.detail for row in rows}


class AppealCounts:
    """The counts of an appeal over all its mail-outs, each person once, kept in memory."""

    def __init__(self) -> None:
        self._busy = threading.Lock()
        self._as_of: object = None
        self._mail_outs: tuple[int, ...] = ()
        self._since = 0  # all events up to this one are in the counts
        self._people: dict[str, tuple[CountedGroup, int]] = {}  # by `WHO`, with the delivery
        self._needing: dict[int, State] = {}
        self._groups: Counter[CountedGroup] = Counter()
        self._one: dict[CountedGroup, int] = {}
        self._now = Counted({}, {})

    def now(self, connection: sa.Connection, whole: AppealStanding) -> Counted:
        """Return how everybody stands as of this connection's state of the log."""
        mail_outs = tuple(number_of(name) for name, _ in whole.mail_outs)
        as_of = mail_outs, events.as_of(connection)
        with self._busy:
            if self._as_of != as_of:
                complete = _complete(connection)
                known = self._mail_outs == mail_outs and self._since <= complete
                moved = self._moved(connection, mail_outs) if known else None
                if moved is None:
                    self._people, self._needing = {}, {}
                    self._groups, self._one = Counter(), {}
                if moved is None or moved:
                    self._read(connection, whole.id, moved)
                self._mail_outs, self._since, self._as_of = mail_outs, complete, as_of
                self._now = Counted(dict(+self._groups), dict(self._one))
            return self._now

    def needing(self, connection: sa.Connection, limit: int) -> list[Delivery]:
        """List those who need a person as of the last count, the worst first."""
        with self._busy:
            ids = {id_: (WORST_FIRST.index(state), id_) for id_, state in self._needing.items()}
        return in_order(connection, sorted(ids, key=ids.__getitem__)[:limit])

    def _moved(self, connection: sa.Connection, mail_outs: tuple[int, ...]) -> set[str] | None:
        """Return those of whom an event tells since then, and whoever shares an address with them,
        by `WHO`; None where everybody is to be counted anew.
        """
        later = sa.select(e.delivery_id, e.kind).where(
            e.mail_out_id.in_(mail_outs), e.id > self._since, e.delivery_id.is_not(None)
        )
        told = connection.execute(later.limit(MOVED)).all()
        if len(told) == MOVED or any(row.kind in _ANEW for row in told):
            return None
        found: set[str] = set()
        for some in _in_pieces({row.delivery_id for row in told}):
            theirs = sa.select(d.person, d.address_key).where(d.id.in_(some))
            rows = connection.execute(theirs).all()
            people, addresses = ({row[at] for row in rows} - {""} for at in range(2))
            same = sa.or_(d.person.in_(people), d.address_key.in_(addresses))
            found |= set(
                connection.scalars(
                    sa.select(WHO).where((d.mail_out_id + 0).in_(mail_outs), same).distinct()
                )
            )
        return found

    def _read(
        self, connection: sa.Connection, of: OfAppeal, people: Collection[str] | None
    ) -> None:
        alike: dict[CountedGroup, CountedGroup] = {group: group for group in self._groups}
        for some in [None] if people is None else _in_pieces(people):
            rows = connection.execute(sa.select(WHO, d.id, *_GROUP).where(within(of, some)))
            for who, id_, *parts in rows:
                group = _group(*parts)
                group = alike.setdefault(group, group)
                if before := self._people.get(who):
                    self._groups[before[0]] -= 1
                    self._needing.pop(before[1], None)
                if group.needs:
                    self._needing[id_] = group.state
                self._people[who] = group, id_
                self._groups[group] += 1
                self._one.setdefault(group, id_)


def _complete(connection: sa.Connection) -> int:
    """Return up to which event everything is on record. On PostgreSQL a smaller number may still
    be written after a larger one; nothing comes in below a seal (`record.seals`).
    """
    column = e.id if connection.dialect.name == "sqlite" else seal.c.event_id
    return connection.scalar(sa.select(sa.func.max(column))) or 0


def _in_pieces(many: Iterable[Some], size: int = 1000) -> list[list[Some]]:
    every = list(many)
    return [every[at : at + size] for at in range(0, len(every), size)]
