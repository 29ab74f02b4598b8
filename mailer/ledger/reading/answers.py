"""What came back, read: the messages, and which letters of a mail-out each kind concerns."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

import sqlalchemy as sa

from mailer.base.states import State
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


def is_on_record(connection: sa.Connection, digest: str) -> bool:
    """Tell whether a message with these bytes (their SHA-256) is on record."""
    return connection.scalar(sa.select(i.id).where(i.digest == digest)) is not None


def who_by_kind(connection: sa.Connection, of: Of) -> dict[str, set[int]]:
    """Return, by kind, the accepted letters of which something came, as far as it is sure."""
    rows = connection.execute(
        sa.select(i.kind, d.id)
        .join(incoming_letter, n.incoming_id == i.id)
        .join(delivery, d.id == n.delivery_id)
        .where(within(of), i.sure.is_(True), d.state == State.ACCEPTED.value)
        .distinct()
    )
    found: dict[str, set[int]] = {}
    for kind, delivery_id in rows:
        found.setdefault(kind, set()).add(delivery_id)
    return found


def answered(connection: sa.Connection, of: Of) -> dict[str, int]:
    """Count the people who have answered, an objection too, by delegation."""
    rows = connection.execute(
        sa.select(d.delegation, sa.func.count(d.id.distinct()))
        .join(incoming_letter, n.delivery_id == d.id)
        .join(incoming, n.incoming_id == i.id)
        .where(within(of), i.kind.in_(("reply", "objection")), i.sure.is_(True))
        .group_by(d.delegation)
    )
    return {row[0]: row[1] for row in rows}


class MailboxRead(NamedTuple):
    """A folder of a mailbox, and how it stands with reading it."""

    box: str  # us at imap.rights.example: INBOX
    read_at: datetime | None  # to its end, the last time
    fault: str  # what has kept it from being read since


def mailboxes(connection: sa.Connection) -> list[MailboxRead]:
    """List the folders that were read or should have been, by name."""
    query = sa.select(m.box, m.read_at, m.fault).order_by(m.box)
    return [MailboxRead(*row) for row in connection.execute(query)]


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
