"""Where the members stand, counted: for the board, the report and the map. Nothing is read here.

The members are those of the sheets as they are now: representatives, substitutes and chairs of the
delegations that sit, without those that the appeal leaves out. A position of somebody who is no
longer in the sheets counts for nothing; that there is one is said.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from mailer.base.delegations import Delegations
from mailer.base.spelling import tokens
from mailer.base.states import Position, Reason
from mailer.contacts.contact import Contact
from mailer.ledger.reading.positions import key
from mailer.letters.appeal import Appeal
from mailer.letters.appeal_toml import MEMBERS

NOT_KNOWN = ""
"""In the place of a position: none is noted."""

Stand = Position | str
"""A position, or `NOT_KNOWN`."""

STANDS: tuple[Stand, ...] = (*Position, NOT_KNOWN)

FOR_IT = (Position.SUPPORTS, Position.LEANS)


@dataclass(frozen=True, slots=True)
class Motion:
    """What so many members can table or challenge together, by the Rules of the Assembly."""

    members: int
    delegations: int
    groups: int  # 0: the Rules ask for none
    within_seats: bool  # of a delegation no more count than it has seats
    words: Mapping[str, str]  # by language
    source: str


@dataclass(frozen=True, slots=True)
class MotionCount:
    """How far a motion is: with those who support it, and with those who lean, too."""

    motion: Motion
    sure: tuple[int, int, int]  # members, delegations, groups
    with_leaning: tuple[int, int, int]

    @property
    def reached(self) -> bool:
        """Whether those who support it are enough."""
        wanted = (self.motion.members, self.motion.delegations, self.motion.groups)
        return all(one >= least for one, least in zip(self.sure, wanted, strict=True))


@dataclass(frozen=True, slots=True)
class StandLine:
    """The members of one delegation or group, by where they stand."""

    name: str  # a code of a delegation, or a group; "" where the sheets do not say it
    members: int
    counts: Mapping[Stand, int]

    @property
    def known(self) -> int:
        return self.members - self.counts[NOT_KNOWN]


@dataclass(frozen=True)
class Members:
    """The members whom an appeal is about, by the key of their position."""

    by_key: Mapping[str, Contact]
    by_delegation: Mapping[str, list[Contact]]

    @classmethod
    def of(cls, contacts: Iterable[Contact], appeal: Appeal, known: Delegations) -> Members:
        sit = {one.code for one in known.members} - set(appeal.leave_out)
        by_key: dict[str, Contact] = {}
        for one in contacts:
            if (
                one.delegation in sit
                and (one.role in MEMBERS or not one.role)
                and one.skip is not Reason.ROLE
                and (found := key(one))
            ):
                by_key.setdefault(found, one)
        by_delegation: dict[str, list[Contact]] = {}
        for one in by_key.values():
            by_delegation.setdefault(one.delegation, []).append(one)
        for several in by_delegation.values():
            several.sort(key=lambda one: (tokens(one.surname), tokens(one.name)))
        return cls(by_key, by_delegation)


@dataclass(frozen=True, slots=True)
class Board:
    """Where the members stand on an appeal."""

    members: int
    counts: Mapping[Stand, int]
    motions: tuple[MotionCount, ...]
    delegations: tuple[StandLine, ...]  # in the order of their codes
    groups: tuple[StandLine, ...]  # the largest first
    votes: Mapping[str, Mapping[tuple[str, Stand], int]]  # heading → (how they voted, stand)
    gone: int  # positions of people who are no longer in the sheets


@cache
def motions() -> tuple[Motion, ...]:
    """Return what so many members can do together, with its source, from `motions.csv`."""
    text = resources.files("mailer.report").joinpath("motions.csv").read_text(encoding="utf-8")
    return tuple(
        Motion(
            int(row["members"]),
            int(row["delegations"]),
            int(row["groups"] or 0),
            bool(row["within_seats"]),
            {"en": row["english"], "fr": row["french"]},
            row["source"],
        )
        for row in csv.DictReader(text.splitlines())
    )


def board(
    members: Members,
    positions: Mapping[str, Position],
    known: Delegations,
    votes: Iterable[str] = (),
) -> Board:
    """Count where members stand; `votes` are headings of columns with past votes."""
    stands = [(one, positions.get(at, NOT_KNOWN)) for at, one in members.by_key.items()]
    by_delegation = Counter((one.delegation, stand) for one, stand in stands)
    by_group = Counter((one.group, stand) for one, stand in stands)
    groups = _lines(by_group)
    return Board(
        len(stands),
        _all(Counter(stand for _, stand in stands)),
        tuple(_counted(one, stands, known) for one in motions()),
        tuple(sorted(_lines(by_delegation), key=lambda line: line.name)),
        tuple(sorted(groups, key=lambda line: (not line.name, -line.members, line.name))),
        {
            heading: Counter((one.extra.get(heading, ""), stand) for one, stand in stands)
            for heading in votes
        },
        len(positions.keys() - members.by_key.keys()),
    )


def _lines(counted: Mapping[tuple[str, Stand], int]) -> list[StandLine]:
    names: dict[str, Counter[Stand]] = {}
    for (name, stand), number in counted.items():
        names.setdefault(name, Counter())[stand] = number
    return [StandLine(name, sum(each.values()), _all(each)) for name, each in names.items()]


def _all(counts: Mapping[Stand, int]) -> dict[Stand, int]:
    return {stand: counts.get(stand, 0) for stand in STANDS}


def _counted(
    motion: Motion, stands: Iterable[tuple[Contact, Stand]], known: Delegations
) -> MotionCount:
    def those(positions: tuple[Position, ...]) -> tuple[int, int, int]:
        found = [one for one, stand in stands if stand in positions]
        by_delegation = Counter(one.delegation for one in found)
        if motion.within_seats:
            for code, number in by_delegation.items():
                seat = known.get(code)
                by_delegation[code] = min(number, seat.representatives if seat else 0)
        groups = {one.group for one in found if one.group}
        return by_delegation.total(), len(by_delegation), len(groups) if motion.groups else 0

    return MotionCount(motion, those(FOR_IT[:1]), those(FOR_IT))
