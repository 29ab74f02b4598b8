"""What a named person may do with an unknown delivery: say what became of it, or release the same
letter once more.

Nothing here is done by itself. Sending again is a mail-out of its own with this one letter: the
same bytes, Date and Message-ID, so that a mailbox that has the first copy can put the two together.
The old delivery stays unknown, and its event says who released it and why. The claim lets the
letter pass the delivery it repeats, and no other.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from mailer.base.errors import Refused
from mailer.base.states import MAY_HAVE_REACHED, WORDS, MailOutState, Reason, State
from mailer.ledger import events
from mailer.ledger.events import EventKind
from mailer.ledger.ledger import shown
from mailer.ledger.moves import transitions
from mailer.ledger.reading.deliveries import Delivery
from mailer.ledger.reading.persons import person_now
from mailer.ledger.schema import delivery, mail_out
from mailer.plan.plan import fingerprint

d, m = delivery.c, mail_out.c

PERSON = (
    "person", "name", "address", "address_key", "domain", "delegation", "role", "political_group",
    "language", "words", "file", "sheet", "row", "cell", "message_id", "digest", "dated_at",
)  # fmt: skip
"""What the two deliveries have in common."""


def settle(
    connection: sa.Connection, one: Delivery, to: State, *, who: str, because: str, at: datetime
) -> None:
    """Say what became of an unknown delivery, accepted or not sent, or that a draft was sent.
    Refused when it is neither (any more).
    """
    if not transitions.settle(connection, one.id, to, who=who, because=because, at=at):
        raise _not_unknown(one, _locked(connection, one.id).state)


def release(
    connection: sa.Connection,
    one: Delivery,
    *,
    mode: str,
    server: str,
    sources: bytes,
    who: str,
    because: str,
    at: datetime,
) -> int:
    """Plan a mail-out of this one letter and return its id; it is not sent by this.

    `mode`, `server` and `sources` are those of today, since the new mail-out goes out today.
    Refused when the delivery is not unknown, or when the person is about to get the appeal in
    another way, an earlier release too.
    """
    old = _locked(connection, one.id)
    if old.state != State.UNKNOWN.value:
        raise _not_unknown(one, old.state)
    before = connection.execute(sa.select(mail_out).where(m.id == one.mail_out_id)).one()
    _nothing_else_on_its_way(connection, one, before.appeal)
    named = _named_too(connection, old)
    what = [before.appeal, mode, server, before.sender, str(before.until or "")]
    whom = [[one.address, one.digest, one.person, None]]
    whom += [[row.address, None, row.person_today, Reason.SHARED.value] for row in named]
    new_id: int = connection.execute(
        sa.insert(mail_out)
        .values(
            appeal=before.appeal,
            title=before.title,
            state=MailOutState.PLANNED.value,
            mode=mode,
            hash=fingerprint(what, whom),
            server=server,
            sender=before.sender,
            until=before.until,
            sources=sources,
            retry_of=one.mail_out_id,
            follows=before.follows,
            to_heads=before.to_heads,
            planned_at=at,
        )
        .returning(m.id)
    ).scalar_one()
    new: int = connection.execute(
        sa.insert(delivery)
        .values(
            mail_out_id=new_id,
            number=1,
            position=1,
            state=State.WAITING.value,
            changed_at=at,
            resend_of=one.id,
            salt=secrets.token_hex(16),
            **{name: old._mapping[name] for name in PERSON} | {"person": one.person},
        )
        .returning(d.id)
    ).scalar_one()
    for place, row in enumerate(named, 2):
        values = {name: row._mapping[name] for name in PERSON if name != "digest"}
        values["person"] = row.person_today
        connection.execute(
            sa.insert(delivery).values(
                mail_out_id=new_id,
                number=place,
                position=place,
                state=State.SKIPPED.value,
                reason=Reason.SHARED.value,
                detail=row.detail,
                changed_at=at,
                salt=secrets.token_hex(16),
                **values,
            )
        )
    told = partial(events.write, connection, at=at, who=who)
    told(EventKind.PLANNED, new_id)
    again = f"the letter of {one.shown}, unknown there"
    told(EventKind.PLANNED_AGAIN, new_id, new, detail=again)
    released = f"to be sent again in {shown(new_id)}: {because}"
    told(EventKind.RELEASED, one.mail_out_id, one.id, detail=released)
    return new_id


def _named_too(connection: sa.Connection, letter: Any) -> list[Any]:
    """Return the rows of those who are named in the letter to somebody else at their mailbox."""
    named = (
        d.message_id == letter.message_id,
        d.mail_out_id == letter.mail_out_id,
        d.address_key == letter.address_key,
        d.reason == Reason.SHARED.value,
        d.erased.is_(None),
    )
    rows = sa.select(delivery, person_now().label("person_today")).where(*named)
    return list(connection.execute(rows.order_by(d.number)).all())


def _locked(connection: sa.Connection, delivery_id: int) -> sa.Row[tuple[object, ...]]:
    """Read a delivery, and let nobody else decide about it until this transaction ends."""
    return connection.execute(
        sa.select(delivery).where(d.id == delivery_id).with_for_update()
    ).one()


def _nothing_else_on_its_way(connection: sa.Connection, one: Delivery, appeal: str) -> None:
    others = connection.execute(
        sa.select(d.mail_out_id, d.state)
        .join(mail_out, m.id == d.mail_out_id)
        .where(
            m.appeal == appeal,
            d.address_key == one.address_key,
            d.state.in_([state.value for state in MAY_HAVE_REACHED]),
            sa.not_(
                sa.and_(
                    d.state == State.UNKNOWN.value, d.message_id == one.message_id, d.id <= one.id
                )
            ),
        )
    ).all()
    if others:
        other, state = others[0]
        raise Refused(
            f"{one.name} has the state {WORDS[State(state)]!r} in {shown(other)}: nothing was"
            " released.",
            hint=f"mailer log show {shown(other)} {one.address}",
            code="S213",
        )


def _not_unknown(one: Delivery, state: str) -> Refused:
    return Refused(
        f"{one.name} is not unknown in {shown(one.mail_out_id)}, but {WORDS[State(state)]!r}."
        " Nothing was changed.",
        hint=f"mailer log show {one.shown}",
        code="S212",
    )
