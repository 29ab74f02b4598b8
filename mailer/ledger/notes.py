"""What people write beside a delivery: notes, whose letter was opened, and which follow-ups are
done.

All of it is events with a name (`events.EventKind`); nothing here changes a state.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from mailer.ledger import events
from mailer.ledger.events import EventKind
from mailer.ledger.reading.deliveries import NEEDS_A_PERSON, Delivery, may_need_a_person
from mailer.ledger.reading.persons import keys_of
from mailer.ledger.reading.scope import WHO, Of, OfAppeal
from mailer.ledger.schema import delivery, event, mail_out

d, e, m = delivery.c, event.c, mail_out.c

_TICKS = (EventKind.DONE.value, EventKind.TO_DO_AGAIN.value)
SOME = 1000
"""People asked for in one question."""
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


def last_notes(connection: sa.Connection, people: Sequence[Delivery], of: Of) -> dict[int, str]:
    """Return the newest note about each of these people, by their delivery: of a mail-out, or of
    an appeal whichever of its mail-outs it was written beside.
    """
    found: dict[int, str] = {}
    for at in range(0, len(people), SOME):
        some = people[at : at + SOME]
        theirs = {one.id: one.id for one in some}
        if isinstance(of, OfAppeal):
            theirs = _in_all_mail_outs(connection, some, of)
        rows = connection.execute(
            sa.select(e.delivery_id, e.detail)
            .where(e.delivery_id.in_(theirs), e.kind == EventKind.NOTED.value)
            .order_by(e.id)
        )
        found |= {theirs[row.delivery_id]: row.detail for row in rows}
    return found


def _in_all_mail_outs(
    connection: sa.Connection, people: Sequence[Delivery], of: OfAppeal
) -> dict[int, int]:
    """Return {each delivery of these people in the appeal: the one by which they are asked for}."""
    by_who = {one.person or one.address_key or str(one.id): one.id for one in people}
    persons = [one.person for one in people if one.person]
    rows = connection.execute(
        sa.select(d.id, WHO.label("who"))
        .join(mail_out, m.id == d.mail_out_id)
        .where(
            m.appeal == of.appeal,
            sa.or_(
                d.person.in_(persons),
                d.person.in_(keys_of(persons)),
                d.address_key.in_([one.address_key for one in people if one.address_key]),
                d.id.in_([one.id for one in people]),
            ),
        )
    )
    return {row.id: by_who[row.who] for row in rows if row.who in by_who}


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
