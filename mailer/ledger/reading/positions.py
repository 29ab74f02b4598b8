"""Where members stand on an appeal, read: political opinions, each reading of which is recorded by
whoever asks (`actions/campaign/positions.py`).
"""

from __future__ import annotations

from collections.abc import Collection
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
    words = {one.value: one for one in Position}
    rows = connection.execute(
        sa.select(p.person, p.position).where(*_newest_of(appeal), p.position.in_(words))
    )
    return {person: words[position] for person, position in rows}


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
        self._numbers: dict[str, int] = {}  # of the newest note about each, also without a position

    def update(self, connection: sa.Connection, appeal: str) -> dict[str, Position | None] | None:
        """Read what came since. Returns who stood where before, of those who were read; None where
        everything was read anew.
        """
        before, now = self.version, _version(connection, appeal)
        if now == before:
            return {}
        changed: dict[str, Position | None] = {}
        still_there = connection.scalar(sa.select(p.at).where(p.id == before.last))
        if still_there is not None and still_there == before.at:
            changed = self._read(connection, appeal, p.id > before.last)
            adds_up = (len(self._numbers), sum(self._numbers.values())) == now[:2]
        else:
            adds_up = False
        if not adds_up:
            self.by_key, self._numbers = {}, {}
            self._read(connection, appeal, sa.true())
        self.version = now
        return changed if adds_up else None

    def _read(
        self, connection: sa.Connection, appeal: str, which: sa.ColumnElement[bool]
    ) -> dict[str, Position | None]:
        before: dict[str, Position | None] = {}
        words = {one.value: one for one in Position}
        query = sa.select(p.person, p.position, p.id).where(*_newest_of(appeal), which)
        for person, position, number in connection.execute(query):
            self._numbers[person] = number
            before[person] = self.by_key.get(person)
            if position:
                self.by_key[person] = words[position]
            else:
                self.by_key.pop(person, None)
        return before


def there_are_any(connection: sa.Connection) -> bool:
    return connection.scalar(sa.select(p.id).limit(1)) is not None


def _read(connection: sa.Connection, query: sa.Select[tuple[object, ...]]) -> list[MemberPosition]:
    found = []
    for row in connection.execute(query):
        stand = Position(row.position) if row.position else None
        source = Heard(row.source) if row.source else None
        found.append(MemberPosition(**{**row._mapping, "position": stand, "source": source}))
    return found
