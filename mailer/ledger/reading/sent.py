"""The letters that may be answered, as far as an answer can be led back to one. Reading only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from mailer.base.states import Reason, State
from mailer.ledger.ledger import shown
from mailer.ledger.reading.persons import person_now
from mailer.ledger.schema import UtcDateTime, delivery, incoming, incoming_letter, mail_out

d = delivery.c

LEFT = (
    *(State.ACCEPTED, State.UNKNOWN, State.SENDING, State.REFUSED, State.DEFERRED),
    State.DRAFTED,
)
"""States of a letter that may have reached somebody, or a server: it may be answered."""


class SentLetter(NamedTuple):
    """One letter that was sent."""

    delivery: str  # M-0001-042
    message_id: str
    envid: str  # of the envelope, comes back in a delivery report
    address: str
    name: str
    delegation: str
    subject: str  # empty: not known
    date: datetime | None
    head: bool = False  # of the delegation

    @property
    def mail_out(self) -> str:
        return self.delivery.rpartition("-")[0]


def first_sent(connection: sa.Connection) -> datetime | None:
    """Return when the first letter that may be answered was sent."""
    at = sa.func.min(sa.func.coalesce(d.handover_at, d.dated_at), type_=UtcDateTime)
    query = sa.select(at).where(d.state.in_([state.value for state in LEFT]))
    return connection.scalar(query)


def sent_letters(connection: sa.Connection) -> Iterator[SentLetter]:
    """Yield every letter of the log that may be answered, in the order of sending."""
    query = (
        sa.select(
            *(d.mail_out_id, d.number, d.message_id, d.address, d.name, d.delegation, d.role),
            *(mail_out.c.title, sa.func.coalesce(d.handover_at, d.dated_at)),
        )
        .join_from(delivery, mail_out, mail_out.c.id == d.mail_out_id)
        .where(d.state.in_([state.value for state in LEFT]), d.message_id.is_not(None))
        .where(d.address != "")  # erased
        .order_by(d.mail_out_id, d.number)
    )
    for row in connection.execute(query):
        mail_out_id, number, message_id, address, name, delegation, role, title, at = row
        called = f"{shown(mail_out_id)}-{number:03d}"
        who = (address, name, delegation, title, at, role == "chair")
        yield SentLetter(called, message_id, called, *who)


def returned_letters() -> sa.Select[int]:
    """Select the letters that came back because their address is of no use. They are no longer
    taken for ones that may have reached somebody.
    """
    return (
        sa.select(incoming_letter.c.delivery_id)
        .join(incoming, incoming.c.id == incoming_letter.c.incoming_id)
        .where(incoming.c.kind == "returned_hard", incoming.c.sure.is_(True))
    )


def returned_for_good(letter: sa.ColumnElement[int] = d.id) -> sa.ColumnElement[bool]:
    """Return the condition that a letter is one of them; by the id of its delivery."""
    return letter.in_(returned_letters())


def named_too(connection: sa.Connection) -> dict[tuple[str, str], list[str]]:
    """Return who is named in a letter to somebody else's mailbox that is theirs, too: by the
    letter's Message-ID and the key of the mailbox.
    """
    rows = connection.execute(
        sa.select(d.message_id, person_now().label("person"), d.address_key).where(
            d.reason == Reason.SHARED.value, d.message_id.is_not(None), d.address != ""
        )
    )
    found: dict[tuple[str, str], list[str]] = {}
    for message_id, person, address_key in rows:
        found.setdefault((message_id or "", address_key), []).append(person)
    return found
