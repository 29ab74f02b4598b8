"""What people write beside a delivery: notes, whose letter was opened, and which follow-ups are
done.

All of it is events with a name; nothing here changes a state.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa

from mailer.ledger.reading.deliveries import NEEDS_A_PERSON, Delivery
from mailer.ledger.schema import delivery, event

d, e = delivery.c, event.c

NOTED, OPENED, DONE, REOPENED, ASKED = (
    "noted",
    "letter_opened",
    "done",
    "to_do_again",
    "asked_to_send",
)
AGAIN = timedelta(minutes=10)
"""One person who turns the pages of one letter is one opening."""


def write(
    connection: sa.Connection, one: Delivery, kind: str, *, at: datetime, who: str, detail: str = ""
) -> None:
    """Write a note, or that a follow-up is done."""
    connection.execute(
        sa.insert(event).values(
            mail_out_id=one.mail_out_id,
            delivery_id=one.id,
            kind=kind,
            at=at,
            who=who,
            detail=detail,
        )
    )


def asked(
    connection: sa.Connection, mail_out_id: int, *, at: datetime, who: str, detail: str
) -> None:
    """Write who asked for a mail-out to be sent; the sender itself is a process without a name."""
    connection.execute(
        sa.insert(event).values(mail_out_id=mail_out_id, kind=ASKED, at=at, who=who, detail=detail)
    )


def opened(connection: sa.Connection, one: Delivery, *, at: datetime, who: str) -> None:
    """Write who opened the body of a letter."""
    last = connection.scalar(
        sa.select(sa.func.max(e.id)).where(
            e.delivery_id == one.id, e.kind == OPENED, e.who == who, e.at > at - AGAIN
        )
    )
    if last is None:
        write(connection, one, OPENED, at=at, who=who)


def done(connection: sa.Connection, mail_out_id: int) -> dict[int, tuple[str, datetime]]:
    """Return {delivery: (who, when)} of the follow-ups that somebody has done and nobody has taken
    up again.
    """
    # by way of the few people, not of the mail-out's hundreds of thousands of events
    rows = connection.execute(
        sa.select(e.delivery_id, e.kind, e.who, e.at)
        .join(delivery, d.id == e.delivery_id)
        .where(d.mail_out_id == mail_out_id, NEEDS_A_PERSON, e.kind.in_((DONE, REOPENED)))
        .order_by(e.id)
    )
    found: dict[int, tuple[str, datetime]] = {}
    for row in rows:
        if row.kind == DONE:
            found[row.delivery_id] = (row.who, row.at)
        else:
            found.pop(row.delivery_id, None)
    return found


def last_notes(connection: sa.Connection, ids: Iterable[int]) -> dict[int, str]:
    """Return the newest note of each of these deliveries."""
    wanted = list(ids)
    rows = connection.execute(
        sa.select(e.delivery_id, e.detail)
        .where(e.delivery_id.in_(wanted), e.kind == NOTED)
        .order_by(e.id)
    )
    return {row.delivery_id: row.detail for row in rows}
