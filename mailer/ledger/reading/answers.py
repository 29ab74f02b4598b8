"""What came back, read: the messages, and which letters of a mail-out each kind concerns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

import sqlalchemy as sa

from mailer.base.states import State
from mailer.ledger.ledger import shown
from mailer.ledger.schema import delivery, incoming, incoming_letter, mailbox_read
from mailer.plan.where import FACTS

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
    delegations: tuple[str, ...] = ()
    how: str = ""
    certainty: int = 0


_COLUMNS = [i[name] for name in IncomingRow.__slots__ if name in i]


@dataclass(frozen=True, slots=True)
class WantedMessages:
    """Which messages; an empty field does not narrow."""

    kinds: tuple[str, ...] = ()
    waiting: bool = False  # for a person: what is not sure, and answers that nobody has opened
    mail_out_id: int | None = None
    delegations: tuple[str, ...] = ()
    search: str = ""  # words, each in sender, subject or the writer's own words; without case

    def where(self) -> list[sa.ColumnElement[bool]]:
        found: list[sa.ColumnElement[bool]] = []
        if self.kinds:
            found.append(i.kind.in_(self.kinds))
        if self.waiting:
            unread = sa.and_(i.kind == "reply", i.opened_at.is_(None))
            found += [sa.or_(i.sure.is_(False), unread), i.raw.is_not(None)]
        if self.mail_out_id is not None or self.delegations:
            about = sa.select(n.incoming_id).join(delivery, d.id == n.delivery_id)
            if self.mail_out_id is not None:
                about = about.where(d.mail_out_id == self.mail_out_id)
            if self.delegations:
                about = about.where(d.delegation.in_(self.delegations))
            found.append(i.id.in_(about))
        return [*found, *(_says(word) for word in self.search.split()[:10])]


EVERY_MESSAGE = WantedMessages()


def _says(word: str) -> sa.ColumnElement[bool]:
    """SQLite knows no case but that of ASCII: of other words both are asked for."""
    text = i.sender + " " + i.subject + " " + i.own
    cases = {word} if word.isascii() else {word.casefold(), word.upper()}
    return sa.or_(*(text.icontains(case, autoescape=True) for case in sorted(cases)))


def messages(
    connection: sa.Connection,
    wanted: WantedMessages = EVERY_MESSAGE,
    *,
    limit: int | None = None,
    older_than: int | None = None,
    newer_than: int | None = None,
) -> list[IncomingRow]:
    """List messages, the newest first: the first `limit` that are older than the one of a number,
    or the last ones that are newer.
    """
    query = sa.select(*_COLUMNS).where(*wanted.where())
    if newer_than is not None:
        found = _with_letters(
            connection, query.where(i.id > newer_than).order_by(i.id).limit(limit)
        )
        return found[::-1]
    if older_than is not None:
        query = query.where(i.id < older_than)
    return _with_letters(connection, query.order_by(i.id.desc()).limit(limit))


def count(connection: sa.Connection, wanted: WantedMessages) -> int:
    """Count the messages that are wanted."""
    return connection.scalar(sa.select(sa.func.count(i.id)).where(*wanted.where())) or 0


def beside(
    connection: sa.Connection, wanted: WantedMessages, number: int
) -> tuple[int | None, int | None]:
    """Return the numbers of the next newer and the next older message of a list."""
    where = wanted.where()
    newer = sa.select(sa.func.min(i.id)).where(*where, i.id > number)
    older = sa.select(sa.func.max(i.id)).where(*where, i.id < number)
    return connection.scalar(newer), connection.scalar(older)


def by_delegation(connection: sa.Connection, wanted: WantedMessages) -> dict[str, int]:
    """Count the messages that are wanted by the delegation of those whom they are from or about,
    the most first.
    """
    rows = connection.execute(
        sa.select(d.delegation, sa.func.count(i.id.distinct()).label("messages"))
        .select_from(incoming)
        .join(incoming_letter, n.incoming_id == i.id)
        .join(delivery, d.id == n.delivery_id)
        .where(*wanted.where())
        .group_by(d.delegation)
        .order_by(sa.desc("messages"), d.delegation)
    )
    return {row.delegation: row.messages for row in rows}


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


def back_on(connection: sa.Connection, mail_out_id: int) -> dict[int, date]:
    """Return the day on which those who are away are back, by accepted letter, the earliest first;
    without those of whom something else has come: an answer, a return, an objection.
    """
    of_it = (d.mail_out_id == mail_out_id, d.state == State.ACCEPTED.value, i.sure.is_(True))
    linked = sa.select(n.delivery_id).join(incoming, n.incoming_id == i.id)
    linked = linked.join(delivery, d.id == n.delivery_id).where(*of_it)
    spoken = [kind for fact in SPOKEN for kind in FACTS[fact]]
    rows = connection.execute(
        linked.add_columns(sa.func.max(i.until).label("until"))
        .where(i.kind.in_(FACTS["away"]), i.until.is_not(None))
        .where(n.delivery_id.not_in(linked.where(i.kind.in_(spoken))))
        .group_by(n.delivery_id)
        .order_by("until", n.delivery_id)
    ).all()
    return {row.delivery_id: row.until for row in rows}


SPOKEN = ("replied", "returned", "objected", "left office")


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
            *(d.name, d.address, d.file, d.cell, d.row, d.delegation),
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
            values["delegations"] = (*values.get("delegations", ()), row.delegation)
            cell = f"{row.file} {row.cell or f'row {row.row}'}" if row.file else ""
            values["cells"] = (*values.get("cells", ()), cell)
            values |= {"how": row.how, "certainty": row.certainty}
    return [IncomingRow(**values) for values in found.values()]
