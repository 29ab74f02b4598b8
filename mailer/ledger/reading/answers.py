"""What came back, read: the messages, and how many people of a mail-out each kind concerns."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

import sqlalchemy as sa

from mailer.ledger.ledger import shown
from mailer.ledger.reading.scope import Of, within
from mailer.ledger.schema import delivery, incoming, incoming_letter, mailbox_read

i, n, m, d = incoming.c, incoming_letter.c, mailbox_read.c, delivery.c


@dataclass(frozen=True, slots=True)
class IncomingRow:
    """One message, with the letters that it belongs to."""

    id: int
    box: str
    arrived_at: datetime | None
    recorded_at: datetime
    kind: str
    sure: bool
    reason: str
    sorted_by: str
    until: date | None
    whole: bool
    opened_at: datetime | None
    opened_by: str
    sender: str
    subject: str
    own: str
    parts: str
    letters: tuple[str, ...] = ()  # M-0001-042
    people: tuple[str, ...] = ()  # their names, in the same order
    addresses: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()  # where their address stands: contacts/no.xlsx D17
    how: str = ""
    certainty: int = 0


_COLUMNS = [i[name] for name in IncomingRow.__slots__ if name in i]


def messages(
    connection: sa.Connection,
    *,
    kinds: Collection[str] = (),
    waiting: bool = False,
    mail_out_id: int | None = None,
    search: str = "",
) -> list[IncomingRow]:
    """List messages, the newest first: of some kinds, those that wait for a person, of a mail-out,
    or with a word in sender, subject or own words.
    """
    query = sa.select(*_COLUMNS).order_by(i.id.desc())
    if kinds:
        query = query.where(i.kind.in_(kinds))
    if waiting:
        unread = sa.and_(i.kind == "reply", i.opened_at.is_(None))
        query = query.where(sa.or_(i.sure.is_(False), unread), i.raw.is_not(None))
    if mail_out_id is not None:
        about = (
            sa.select(n.incoming_id)
            .join(delivery, d.id == n.delivery_id)
            .where(d.mail_out_id == mail_out_id)
        )
        query = query.where(i.id.in_(about))
    if search:
        word = f"%{search.casefold()}%"
        where = (sa.func.lower(column).like(word) for column in (i.sender, i.subject, i.own))
        query = query.where(sa.or_(*where))
    return _with_letters(connection, query)


def message(connection: sa.Connection, number: int) -> IncomingRow | None:
    """Return one message."""
    return next(iter(_with_letters(connection, sa.select(*_COLUMNS).where(i.id == number))), None)


def raw(connection: sa.Connection, number: int) -> bytes | None:
    """Return a message as it was kept, packed with zlib; None once its text has been taken away."""
    found: bytes | None = connection.scalar(sa.select(i.raw).where(i.id == number))
    return found


class AnsweringPerson(NamedTuple):
    """Whom a message is from or about, as far as a hold list needs it."""

    name: str
    address: str
    delegation: str


def person(connection: sa.Connection, number: int) -> AnsweringPerson | None:
    """Return the person of a message that belongs to one letter."""
    rows = connection.execute(
        sa.select(d.name, d.address, d.delegation)
        .join(incoming_letter, n.delivery_id == d.id)
        .where(n.incoming_id == number)
    ).all()
    return AnsweringPerson(*rows[0]) if len(rows) == 1 else None


def people_by_kind(connection: sa.Connection, of: Of) -> dict[str, int]:
    """Count the people of a mail-out from or about whom something of a kind came."""
    rows = connection.execute(
        sa.select(i.kind, sa.func.count(d.id.distinct()))
        .join(incoming_letter, n.incoming_id == i.id)
        .join(delivery, d.id == n.delivery_id)
        .where(within(of))
        .group_by(i.kind)
    )
    return {row[0]: row[1] for row in rows}


def deliveries_with(connection: sa.Connection, of: Of, kinds: Collection[str]) -> set[int]:
    """Return the ids of the deliveries of which something of these kinds came."""
    rows = connection.scalars(
        sa.select(n.delivery_id)
        .join(incoming, i.id == n.incoming_id)
        .join(delivery, d.id == n.delivery_id)
        .where(within(of), i.kind.in_(kinds))
    )
    return set(rows)


def place(connection: sa.Connection, box: str) -> tuple[int, int]:
    """Return UIDVALIDITY and UID up to which a folder is on record; (0, 0) before the first."""
    row = connection.execute(sa.select(m.uidvalidity, m.uid).where(m.box == box)).one_or_none()
    return (row.uidvalidity, row.uid) if row is not None else (0, 0)


def _with_letters(
    connection: sa.Connection, query: sa.Select[tuple[object, ...]]
) -> list[IncomingRow]:
    found = {row.id: dict(row._mapping) for row in connection.execute(query)}
    linked = (
        sa.select(
            *(n.incoming_id, n.how, n.certainty, d.mail_out_id, d.number),
            *(d.name, d.address, d.file, d.cell, d.row),
        )
        .join(delivery, d.id == n.delivery_id)
        .order_by(n.incoming_id, d.mail_out_id, d.number)
    )
    if len(found) <= 500:
        linked = linked.where(n.incoming_id.in_(found))
    for row in connection.execute(linked):
        if (values := found.get(row.incoming_id)) is not None:
            values["letters"] = (
                *values.get("letters", ()),
                f"{shown(row.mail_out_id)}-{row.number:03d}",
            )
            values["people"] = (*values.get("people", ()), row.name)
            values["addresses"] = (*values.get("addresses", ()), row.address)
            cell = f"{row.file} {row.cell or f'row {row.row}'}" if row.file else ""
            values["cells"] = (*values.get("cells", ()), cell)
            values |= {"how": row.how, "certainty": row.certainty}
    return [IncomingRow(**values) for values in found.values()]
