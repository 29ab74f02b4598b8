"""Where members stand on an appeal, read: political opinions, each reading of which is recorded by
whoever asks (`actions/campaign/positions.py`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import date, datetime

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


def version(connection: sa.Connection, appeal: str) -> tuple[int, int]:
    """Return what changes whenever a position of an appeal is noted or taken away."""
    many = connection.scalar(sa.select(sa.func.count()).where(*_newest_of(appeal)))
    return many or 0, connection.scalar(sa.select(sa.func.max(p.id))) or 0


def there_are_any(connection: sa.Connection) -> bool:
    return connection.scalar(sa.select(p.id).limit(1)) is not None


def _read(connection: sa.Connection, query: sa.Select[tuple[object, ...]]) -> list[MemberPosition]:
    found = []
    for row in connection.execute(query):
        stand = Position(row.position) if row.position else None
        source = Heard(row.source) if row.source else None
        found.append(MemberPosition(**{**row._mapping, "position": stand, "source": source}))
    return found
