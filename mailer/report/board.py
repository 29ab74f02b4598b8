"""Where the members stand, counted: for the board, the report and the map. Nothing is read here.

The members are those of the sheets as they are now: representatives, substitutes and chairs of the
delegations that sit, without those that the appeal leaves out. A position of somebody who is no
longer in the sheets counts for nothing; that there is one is said.
"""

from __future__ import annotations

import csv
import itertools
import operator
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from typing import Any

from mailer.base.delegations import Delegations
from mailer.base.spelling import fold, tokens
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

VOTES = {
    "for": "voted for",
    "against": "voted against",
    "abstained": "abstained",
    "absent": "was absent",
    "": "not on the list",
}
"""How somebody voted, as a column of the sheets says it. Who has none of the first four is not
known, and never absent.
"""

FOR_IT = (Position.SUPPORTS, Position.LEANS)

EXPECTED: dict[str, tuple[Stand, ...]] = {
    "expected yes": FOR_IT,
    "expected no": (Position.AGAINST,),
    "expected absent": (Position.ABSENT,),
    "open": (Position.UNDECIDED, NOT_KNOWN),
}
"""What a vote would be if everybody did as they stand, beside how they voted before."""


@dataclass(frozen=True, slots=True)
class Motion:
    """What so many members can table or challenge together, by the Rules of the Assembly."""

    members: int
    delegations: int
    groups: int  # 0: the Rules ask for none
    within_seats: bool  # of a delegation no more count than it has seats
    words: str
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
    votes: Mapping[str, Mapping[str, int]]  # heading → how they voted, a word of `VOTES`

    @property
    def expected(self) -> dict[str, int]:
        """Members by what is expected of them, in the words of `EXPECTED`."""
        return {words: sum(self.counts[one] for one in of) for words, of in EXPECTED.items()}

    @property
    def known(self) -> int:
        return self.members - self.counts[NOT_KNOWN]


@dataclass(frozen=True, eq=False)
class Members:
    """The members whom an appeal is about, by the key of their position."""

    by_key: Mapping[str, Contact]
    by_delegation: Mapping[str, list[Contact]]
    votes: tuple[str, ...]  # headings of columns that hold past votes

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
        cells = {(name, fold(cell)) for one in by_key.values() for name, cell in one.extra.items()}
        votes = {
            name for name, cell in cells if tokens(name)[:1] == ("vote",) and cell and cell in VOTES
        }
        return cls(by_key, by_delegation, tuple(sorted(votes)))

    def among(self, people: Iterable[Contact], most: int) -> list[Contact]:
        """Return those of these people who are members, so many of them."""
        found = (one for one in people if self.by_key.get(key(one)) is one)
        return list(itertools.islice(found, most))

    @cached_property
    def alike(self) -> dict[str, tuple[str, ...]]:
        """What is counted of each: (delegation, group, votes …)."""
        same: dict[tuple[str, ...], tuple[str, ...]] = {}
        found = {}
        for person, one in self.by_key.items():
            what = (one.delegation, one.group, *[vote_of(one, name) for name in self.votes])
            found[person] = same.setdefault(what, what)
        return found


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
            row["words"],
            row["source"],
        )
        for row in csv.DictReader(text.splitlines())
    )


def counted(
    members: Members, positions: Mapping[str, Position]
) -> Counter[tuple[tuple[str, ...], Stand]]:
    """Count the members who are alike (`Members.alike`) and stand alike."""
    found: Counter[tuple[tuple[str, ...], Stand]] = Counter()
    unknown = Counter(members.alike.values())
    for stand in Position:
        there = [person for person, one in positions.items() if one is stand]
        for what, number in Counter(map(members.alike.get, there)).items():
            if what:  # else they are no longer in the sheets
                found[what, stand] = number
                unknown[what] -= number
    return found | Counter({(what, NOT_KNOWN): number for what, number in unknown.items()})


def board(members: Members, positions: Mapping[str, Position], known: Delegations) -> Board:
    """Count where members stand, also by how they voted."""
    return summed(members, counted(members, positions), len(positions), known)


def summed(
    members: Members,
    those: Mapping[tuple[tuple[str, ...], Stand], int],
    positions: int,
    known: Delegations,
) -> Board:
    """Make the board out of what `counted` counted; `positions`: how many are noted of anybody."""
    alike = {
        (what[0], what[1], stand, *what[2:]): number
        for (what, stand), number in those.items()
        if number
    }
    of_members = sum(number for (_, stand), number in those.items() if stand)
    groups = _lines(alike, 1, members.votes)
    return Board(
        len(members.by_key),
        _all(_by(alike, 2)),
        tuple(_counted(one, alike, known) for one in motions()),
        tuple(sorted(_lines(alike, 0, members.votes), key=lambda line: line.name)),
        tuple(sorted(groups, key=lambda line: (not line.name, -line.members, line.name))),
        {heading: _by(alike, at, 2) for at, heading in enumerate(members.votes, 3)},
        positions - of_members,
    )


def votes_by(one: Board) -> dict[str, dict[str, dict[str, dict[str, int]]]]:
    """Return how members voted as JSON has it: delegations and groups → name → heading → vote."""
    return {
        called: {
            line.name: {
                heading: {how or "not_on_the_list": votes.get(how, 0) for how in VOTES}
                for heading, votes in line.votes.items()
            }
            for line in lines
        }
        for called, lines in (("delegations", one.delegations), ("groups", one.groups))
    }


def vote_of(contact: Contact, heading: str) -> str:
    """Return how somebody voted, in the words of `VOTES`; empty where no cell says it."""
    said = fold(contact.extra.get(heading, ""))
    return said if said in VOTES else ""


Alike = Mapping[tuple[str, ...], int]
"""(delegation, group, stand, votes …) → how many members."""


def _by(alike: Alike, *places: int) -> Counter[Any]:
    """Sum members by some places of the key."""
    take = operator.itemgetter(*places)
    found: Counter[Any] = Counter()
    for one, number in alike.items():
        found[take(one)] += number
    return found


def _lines(alike: Alike, place: int, headings: Sequence[str]) -> list[StandLine]:
    names: dict[str, Counter[Stand]] = {}
    for (name, stand), number in _by(alike, place, 2).items():
        names.setdefault(name, Counter())[stand] = number
    votes: dict[str, dict[str, Counter[str]]] = {name: {} for name in names}
    for at, heading in enumerate(headings, 3):
        for (name, how), number in _by(alike, place, at).items():
            votes[name].setdefault(heading, Counter())[how] = number
    return [StandLine(name, each.total(), _all(each), votes[name]) for name, each in names.items()]


def _all(counts: Mapping[Stand, int]) -> dict[Stand, int]:
    return {stand: counts.get(stand, 0) for stand in STANDS}


def _counted(motion: Motion, alike: Alike, known: Delegations) -> MotionCount:
    def those(positions: tuple[Position, ...]) -> tuple[int, int, int]:
        found = {one: number for one, number in alike.items() if one[2] in positions}
        by_delegation = _by(found, 0)
        if motion.within_seats:
            for code, number in by_delegation.items():
                seat = known.get(code)
                by_delegation[code] = min(number, seat.representatives if seat else 0)
        groups = {one[1] for one in found if one[1]}
        return by_delegation.total(), len(by_delegation), len(groups) if motion.groups else 0

    return MotionCount(motion, those(FOR_IT[:1]), those(FOR_IT))
