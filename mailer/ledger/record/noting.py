"""Noting where a member stands, and taking it away again.

A note is one row in one transaction; a form that comes twice over a bad line is one note, by its
token. What is taken away is overwritten, and nothing stays of it.
"""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa

from mailer.base.states import Heard, Position
from mailer.contacts.contact import Contact
from mailer.ledger.ledger import lock
from mailer.ledger.reading.positions import key
from mailer.ledger.schema import member_position

p = member_position.c


def note(
    connection: sa.Connection,
    appeal: str,
    contact: Contact,
    *,
    position: Position | None,
    source: Heard | None,
    note: str = "",
    next_step: str = "",
    due: date | None = None,
    owner: str = "",
    token: str = "",
    at: datetime,
    who: str,
) -> bool:
    """Write a note about where a member stands; it is the newest from now on. False: the form with
    this token is on record already.
    """
    person = key(contact)
    lock(connection, f"position {appeal} {person}")
    if token and connection.scalar(sa.select(p.id).where(p.token == token)) is not None:
        return False
    connection.execute(
        sa.update(member_position)
        .where(p.appeal == appeal, p.person == person, p.newest == sa.true())
        .values(newest=False)
    )
    connection.execute(
        sa.insert(member_position).values(
            appeal=appeal,
            person=person,
            name=contact.name or contact.address,
            delegation=contact.delegation,
            position=position or "",
            source=source or "",
            note=note,
            next_step=next_step,
            due=due,
            owner=owner,
            at=at,
            who=who,
            newest=True,
            token=token or None,
        )
    )
    return True


def forget(connection: sa.Connection, *people: str, appeal: str = "") -> int:
    """Take away what was noted about people, of one appeal or of all. Returns how many notes."""
    where = [p.person.in_(people), *([p.appeal == appeal] if appeal else [])]
    return _delete(connection, *where)


def forget_all(connection: sa.Connection) -> int:
    """Take every position away. Returns how many notes they were."""
    return _delete(connection)


def _delete(connection: sa.Connection, *where: sa.ColumnElement[bool]) -> int:
    return connection.execute(sa.delete(member_position).where(*where)).rowcount
