"""Where members stand on an appeal, read: political opinions, each reading of which is recorded by
whoever asks (`actions/campaign/positions.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import NamedTuple

import sqlalchemy as sa

from mailer.base.states import Heard, Position
from mailer.contacts.contact import Contact
from mailer.ledger.schema import member_position

p = member_position.c


@dataclass(frozen=True, slots=True)
class MemberPosition:
    """What somebody noted about where a member stands."""

    person: str
    name: str
    delegation: str
    position: Position | None  # None: not known yet
    source: Heard | None
    note: str
    next_step: str
    due: date | None
    owner: str
    at: datetime
    who: str


_COLUMNS = [p[field.name] for field in fields(MemberPosition)]


def key(contact: Contact) -> str:
    """Return under what a person's position stands: name and delegation; without a name, the
    address. Two members may share a mailbox, and not a position.
    """
    return contact.person_key or contact.address_key


def by_key(connection: sa.Connection, appeal: str) -> dict[str, Position]:
    """Return who has a position on an appeal, by `key`; whoever is not in it has none."""
    there = sa.select(p.position, sa.func.aggregate_strings(p.person, "\n"))
    there = there.where(*_newest_of(appeal), p.position != "").group_by(p.position)
    found: dict[str, Position] = {}
    # a row for each position: one for each person takes five times as long
    for position, people in connection.execute(there):
        found |= dict.fromkeys(people.split("\n"), Position(position))
    return found


def newest(
    connection: sa.Connection, appeal: str, people: Collection[str]
) -> dict[str, MemberPosition]:
    """Return the newest note about each of these people, by `key`."""
    query = sa.select(*_COLUMNS).where(*_newest_of(appeal), p.person.in_(people))
    return {one.person: one for one in _read(connection, query)}


def with_position(
    connection: sa.Connection, appeal: str, position: Position, limit: int, offset: int = 0
) -> list[str]:
    """List who has one position, by `key`."""
    query = sa.select(p.person).where(*_newest_of(appeal), p.position == position.value)
    return list(connection.scalars(query.order_by(p.person).limit(limit).offset(offset)))


def next_steps(connection: sa.Connection, appeal: str, limit: int) -> list[MemberPosition]:
    """List what is to be done next, the earliest day first; what has no day comes last."""
    query = sa.select(*_COLUMNS).where(*_newest_of(appeal), p.next_step != "").limit(limit)
    found = _read(connection, query.where(p.due.is_not(None)).order_by(p.due))
    if len(found) < limit:
        found += _read(connection, query.where(p.due.is_(None)))[: limit - len(found)]
    return found


def _newest_of(appeal: str) -> tuple[sa.ColumnElement[bool], ...]:
    return p.appeal == appeal, p.newest == sa.true()


def of_person(connection: sa.Connection, appeal: str, person: str) -> list[MemberPosition]:
    """Return all that was noted about a member, the newest first."""
    query = sa.select(*_COLUMNS).where(p.appeal == appeal, p.person == person)
    return _read(connection, query.order_by(p.id.desc()))


class _Version(NamedTuple):
    """What changes whenever a position is noted or taken away. The number of a note that was taken
    away may be given to the next one, but not its time.
    """

    many: int  # newest notes of the appeal
    total: int  # of their numbers
    last: int  # note of any appeal
    at: datetime | None


def _version(connection: sa.Connection, appeal: str) -> _Version:
    ids = sa.select(sa.func.count(), sa.func.sum(p.id)).where(*_newest_of(appeal))
    many, total = connection.execute(ids).one()
    last = connection.execute(sa.select(p.id, p.at).order_by(p.id.desc()).limit(1)).one_or_none()
    return _Version(many, total or 0, *(last or (0, None)))


class KnownPositions:
    """Who has a position on an appeal, by `key`, kept in memory: of the notes that came later those
    alone are read, and everything where that does not add up to what the log holds.
    """

    def __init__(self) -> None:
        self.version = _Version(0, 0, 0, None)
        self.by_key: dict[str, Position] = {}

    def update(self, connection: sa.Connection, appeal: str) -> dict[str, Position | None] | None:
        """Read what came since. Returns who stood where before, of those who were read; None where
        everything was read anew.
        """
        before, now = self.version, _version(connection, appeal)
        if now == before:
            return {}
        self.version = now
        still_there = connection.scalar(sa.select(p.at).where(p.id == before.last))
        if still_there is not None and still_there == before.at:
            later = sa.select(p.person, p.position, p.id).where(*_newest_of(appeal))
            rows = connection.execute(later.where(p.id > before.last)).all()
            first = sa.select(sa.func.max(p.id)).where(p.appeal == appeal, p.id <= before.last)
            known = [
                number
                for some in _in_pieces([row.person for row in rows])
                for number in connection.scalars(first.where(p.person.in_(some)).group_by(p.person))
            ]
            many = before.many + len(rows) - len(known)
            if (many, before.total + sum(row.id for row in rows) - sum(known)) == now[:2]:
                words = {one.value: one for one in Position}
                changed = {row.person: self.by_key.pop(row.person, None) for row in rows}
                self.by_key |= {row.person: words[row.position] for row in rows if row.position}
                return changed
        self.by_key = by_key(connection, appeal)
        return None


def there_are_any(connection: sa.Connection) -> bool:
    return connection.scalar(sa.select(p.id).limit(1)) is not None


def _read(connection: sa.Connection, query: sa.Select[tuple[object, ...]]) -> list[MemberPosition]:
    found = []
    for row in connection.execute(query):
        stand = Position(row.position) if row.position else None
        source = Heard(row.source) if row.source else None
        found.append(MemberPosition(**{**row._mapping, "position": stand, "source": source}))
    return found


def _in_pieces(people: Sequence[str], size: int = 1000) -> list[Sequence[str]]:
    return [people[at : at + size] for at in range(0, len(people), size)]
