"""How many people stand how, in a mail-out or in an appeal over all its mail-outs.

Everything that is counted of people is a sum of `Counted.groups`, so that no two numbers can
disagree. `KeptCounts` keeps them for whoever asks often (`kept_counts.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import sqlalchemy as sa

from mailer.base.states import Reason, State
from mailer.ledger.reading.deliveries import CAME_BACK, NEEDS_A_PERSON, WORST_FIRST, kinds_of
from mailer.ledger.reading.scope import Of, stands, within
from mailer.ledger.schema import delivery

d = delivery.c


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


GROUP = (d.delegation, stands(), d.reason, d.attempts > 1, NEEDS_A_PERSON, CAME_BACK)
"""What `group_of` makes a group of."""


def count(connection: sa.Connection, of: Of) -> Counted:
    """Count everyone of a mail-out or an appeal."""
    group = [column.label(f"part{at}") for at, column in enumerate(GROUP)]
    each = sa.select(d.id, *group).where(within(of)).subquery()
    parts = [each.c[column.name] for column in group]
    rows = connection.execute(
        sa.select(*parts, sa.func.count(), sa.func.min(each.c.id)).group_by(*parts)
    )
    groups: Counter[CountedGroup] = Counter()
    one: dict[CountedGroup, int] = {}
    for *parts_of_one, number, id_ in rows:
        found = group_of(*parts_of_one)
        groups[found] += number
        one[found] = min(id_, one.get(found, id_))
    return Counted(groups, one)


def group_of(
    delegation: str, state: str, reason: str, again: bool, needs: bool, back: str | None
) -> CountedGroup:
    """Return the group to which somebody belongs, of the columns of `GROUP`."""
    return CountedGroup(delegation, State(state), reason, bool(again), bool(needs), kinds_of(back))


def words_for(connection: sa.Connection, counted: Counted, reason: Reason) -> dict[str, str]:
    """Return, by delegation, what the plan says of those who were left out for a reason."""
    ids = [id_ for group, id_ in counted.one.items() if group.reason == reason.value]
    rows = connection.execute(sa.select(d.delegation, d.detail).where(d.id.in_(ids)))
    return {row.delegation: row.detail for row in rows}
