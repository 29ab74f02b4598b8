"""Writing what came back: a message, the letters that it belongs to, and an event at each of them.

One transaction a message. Its hash is unique, so after a crash, a changed UIDVALIDITY or a second
import it is read again and not recorded again. No state of a delivery is ever changed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from mailer.ledger import events
from mailer.ledger.events import EventKind
from mailer.ledger.ledger import lock
from mailer.ledger.schema import delivery, incoming, incoming_letter, mailbox_read

i, n, m, d = incoming.c, incoming_letter.c, mailbox_read.c, delivery.c

BY_HAND = "by hand"
_BLANK = {"sender": "", "subject": "", "own": "", "parts": "", "raw": None}


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message that came back, sorted."""

    digest: str
    box: str
    arrived_at: datetime | None
    kind: str
    sure: bool
    reason: str
    until: date | None
    whole: bool
    sender: str
    subject: str
    own: str
    parts: str
    raw: bytes
    uidvalidity: int | None = None
    uid: int | None = None


def record(
    connection: sa.Connection,
    message: Incoming,
    letters: Sequence[str],
    *,
    how: str,
    certainty: int,
    at: datetime,
) -> int | None:
    """Record a message and the letters (`M-0001-042`) that it belongs to. Returns its number, or
    None where it is on record already.
    """
    lock(connection, f"incoming {message.digest}")
    if connection.scalar(sa.select(i.id).where(i.digest == message.digest)) is not None:
        return None
    values = {name: getattr(message, name) for name in Incoming.__slots__}
    made = sa.insert(incoming).values(**values, recorded_at=at).returning(i.id)
    number: int = connection.execute(made).scalar_one()
    for delivery_id, mail_out_id in _ids(connection, letters):
        _link(connection, number, delivery_id, how, certainty)
        _tell(connection, message.kind, mail_out_id, delivery_id, at=at, who="")
    return number


def sort(
    connection: sa.Connection,
    number: int,
    kind: str,
    letters: Sequence[str] | None,
    *,
    at: datetime,
    who: str,
) -> None:
    """Record what a person says that a message is, and, unless None, which letters it belongs to.

    What the mailer had said stays in the story of the deliveries.
    """
    connection.execute(
        sa.update(incoming)
        .where(i.id == number)
        .values(kind=kind, sure=True, sorted_by=who, reason=f"sorted by {who}")
    )
    if letters is not None:
        before = connection.execute(_linked(number)).all()
        connection.execute(sa.delete(incoming_letter).where(n.incoming_id == number))
        for delivery_id, _ in _ids(connection, letters):
            _link(connection, number, delivery_id, BY_HAND, 100)
        after = {delivery_id for delivery_id, _ in connection.execute(_linked(number))}
        for delivery_id, mail_out_id in before:
            if delivery_id not in after:
                not_about_it = EventKind.NOT_ABOUT_IT
                events.write(connection, not_about_it, mail_out_id, delivery_id, at=at, who=who)
    for delivery_id, mail_out_id in connection.execute(_linked(number)).all():
        _tell(connection, kind, mail_out_id, delivery_id, at=at, who=who)


def _linked(number: int) -> sa.Select[int, int]:
    """Select the letters to which a message belongs, and their mail-outs."""
    return (
        sa.select(d.id, d.mail_out_id)
        .join(incoming_letter, n.delivery_id == d.id)
        .where(n.incoming_id == number)
    )


def opened(connection: sa.Connection, number: int, *, at: datetime, who: str) -> None:
    """Record who was the first to open a message."""
    connection.execute(
        sa.update(incoming)
        .where(i.id == number, i.opened_at.is_(None))
        .values(opened_at=at, opened_by=who)
    )


def read_up_to(connection: sa.Connection, box: str, uidvalidity: int, uid: int) -> None:
    """Record how far a folder has been read."""
    _of_box(connection, box, uidvalidity=uidvalidity, uid=uid)


def looked(connection: sa.Connection, box: str, *, at: datetime, fault: str = "") -> None:
    """Record that a folder was read to its end, or what kept it from being read."""
    _of_box(connection, box, fault=fault, **({} if fault else {"read_at": at}))


def _of_box(connection: sa.Connection, box: str, **values: object) -> None:
    lock(connection, f"mailbox {box}")
    done = connection.execute(sa.update(mailbox_read).where(m.box == box).values(**values))
    if not done.rowcount:
        values = {"uidvalidity": 0, "uid": 0} | values
        connection.execute(sa.insert(mailbox_read).values(box=box, **values))


def expired(connection: sa.Connection, before: datetime) -> int:
    """Count the messages recorded before a moment that still have their texts."""
    return connection.scalar(sa.select(sa.func.count(i.id)).where(*_old(before))) or 0


def expire(connection: sa.Connection, before: datetime) -> int:
    """Take away what people wrote in messages recorded before a moment. What they were stays."""
    old = sa.update(incoming).where(*_old(before))
    return connection.execute(old.values(**_BLANK)).rowcount


def _old(before: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return i.recorded_at < before, i.raw.is_not(None)


def forget(connection: sa.Connection, delivery_id: int) -> None:
    """Take away what was written by or about the person of a delivery."""
    about = sa.select(n.incoming_id).where(n.delivery_id == delivery_id)
    for number in connection.scalars(about).all():
        blank(connection, number)


def forget_address(connection: sa.Connection, key: str) -> None:
    """Take away what was written by or about whoever has an address, told by its key."""
    for delivery_id in connection.scalars(sa.select(d.id).where(d.address_key == key)).all():
        forget(connection, delivery_id)


def blank(connection: sa.Connection, number: int) -> None:
    """Take away what was written in a message. What it was stays."""
    away = sa.update(incoming).where(i.id == number).values(**_BLANK, reason="", box="")
    connection.execute(away)


def _ids(connection: sa.Connection, letters: Sequence[str]) -> list[tuple[int, int]]:
    found = []
    for name in letters:
        mail_out, _, number = name.rpartition("-")
        row = connection.execute(
            sa.select(d.id, d.mail_out_id).where(
                d.mail_out_id == int(mail_out.removeprefix("M-")), d.number == int(number)
            )
        ).one_or_none()
        if row is not None:
            found.append((row.id, row.mail_out_id))
    return found


def _link(
    connection: sa.Connection, number: int, delivery_id: int, how: str, certainty: int
) -> None:
    values = {"incoming_id": number, "delivery_id": delivery_id}
    connection.execute(sa.insert(incoming_letter).values(**values, how=how, certainty=certainty))


def _tell(
    connection: sa.Connection,
    kind: str,
    mail_out_id: int,
    delivery_id: int,
    *,
    at: datetime,
    who: str,
) -> None:
    events.write(
        connection, EventKind.CAME_BACK, mail_out_id, delivery_id, at=at, who=who, detail=kind
    )
