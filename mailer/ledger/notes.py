"""What people write beside a delivery: notes, whose letter was opened, and which follow-ups are
done.

All of it is events with a name (`events.EventKind`); nothing here changes a state.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa

from mailer.ledger import events
from mailer.ledger.events import EventKind
from mailer.ledger.reading.deliveries import NEEDS_A_PERSON, Delivery, may_need_a_person
from mailer.ledger.schema import delivery, event

d, e = delivery.c, event.c

_TICKS = (EventKind.DONE.value, EventKind.TO_DO_AGAIN.value)
AGAIN = timedelta(minutes=10)
"""One person who turns the pages of one letter is one opening."""


def opened(
    connection: sa.Connection,
    one: Delivery,
    *,
    at: datetime,
    who: str,
    kind: EventKind = EventKind.LETTER_OPENED,
) -> None:
    """Write who opened the body of a letter, or what came back of it."""
    last = connection.scalar(
        sa.select(sa.func.max(e.id)).where(
            e.delivery_id == one.id,
            e.kind == kind.value,
            e.who == who,
            e.at > at - AGAIN,
        )
    )
    if last is None:
        events.write(connection, kind, one.mail_out_id, one.id, at=at, who=who)


def done(
    connection: sa.Connection, mail_out_id: int, away: Collection[int] = ()
) -> dict[int, tuple[str, datetime]]:
    """Return {delivery: (who, when)} of the follow-ups that somebody has done and nobody has taken
    up again; of those who need a person, and of those who are `away`.
    """
    # by way of the few people, not of the mail-out's hundreds of thousands of events
    rows = connection.execute(
        sa.select(e.delivery_id, e.kind, e.who, e.at)
        .join(delivery, d.id == e.delivery_id)
        .where(_concerned(mail_out_id, away), e.kind.in_(_TICKS))
        .order_by(e.id)
    )
    found: dict[int, tuple[str, datetime]] = {}
    for row in rows:
        if row.kind == EventKind.DONE.value:
            found[row.delivery_id] = (row.who, row.at)
        else:
            found.pop(row.delivery_id, None)
    still = connection.scalars(sa.select(d.id).where(d.id.in_(found), NEEDS_A_PERSON)).all()
    return {id_: found[id_] for id_ in found if id_ in still or id_ in away}


def _concerned(mail_out_id: int, away: Collection[int]) -> sa.ColumnElement[bool]:
    may = may_need_a_person(mail_out_id)
    return sa.or_(may, d.id.in_(list(away))) if away else may


def assigned(
    connection: sa.Connection, mail_out_id: int, away: Collection[int] = ()
) -> dict[int, tuple[str, str]]:
    """Return {delivery: (who follows it up, by which day)}, as somebody said last; of whom as
    `done` does.
    """
    rows = connection.execute(
        sa.select(e.delivery_id, e.detail)
        .join(delivery, d.id == e.delivery_id)
        .where(_concerned(mail_out_id, away), e.kind == EventKind.ASSIGNED.value)
        .order_by(e.id)
    )
    found = {}
    for row in rows:
        day, _, owner = row.detail.partition(" ")
        found[row.delivery_id] = (owner, day.strip("-") and day)
    return found


def last_notes(connection: sa.Connection, ids: Iterable[int]) -> dict[int, str]:
    """Return the newest note of each of these deliveries."""
    wanted = list(ids)
    rows = connection.execute(
        sa.select(e.delivery_id, e.detail)
        .where(e.delivery_id.in_(wanted), e.kind == EventKind.NOTED.value)
        .order_by(e.id)
    )
    return {row.delivery_id: row.detail for row in rows}


def of_the_whole(connection: sa.Connection, mail_out_id: int) -> list[tuple[datetime, str, str]]:
    """Return what people wrote beside a mail-out, the oldest first: when, who, what."""
    rows = connection.execute(
        sa.select(e.at, e.who, e.detail)
        .where(
            e.mail_out_id == mail_out_id,
            e.delivery_id.is_(None),
            e.kind == EventKind.NOTED.value,
        )
        .order_by(e.id)
    )
    return [(row.at, row.who, row.detail) for row in rows]
