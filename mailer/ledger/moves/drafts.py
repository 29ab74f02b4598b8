"""Letters that lie among the drafts of the sender's own mailbox, for a person to send.

For each letter: `take` is committed first, and no sender claims it from then on; then its
Message-ID is looked for, and the letter laid into the folder where it is not there; then `lies` is
committed. What holds after a crash in between: the letter is a draft of which is not known whether
it lies there; whoever goes on looks for its Message-ID first, so that it lies there once.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

import sqlalchemy as sa

from mailer.base.errors import Refused
from mailer.base.states import MailOutState, Reason, State
from mailer.ledger import events, mailouts
from mailer.ledger.events import EventKind
from mailer.ledger.ledger import lock
from mailer.ledger.mailouts import MailOut
from mailer.ledger.moves import claims, transitions
from mailer.ledger.reading import due
from mailer.ledger.reading.deliveries import Delivery
from mailer.ledger.schema import delivery

d = delivery.c


def begin(connection: sa.Connection, mail_out_id: int, *, at: datetime, who: str) -> MailOut:
    """Let a mail-out count as begun without anybody sending it. Refused while it is being sent."""
    mailouts.decide_alone(connection, mail_out_id)
    mail_out = mailouts.get(connection, mail_out_id)
    if mail_out.state is MailOutState.SENDING:
        raise Refused(
            f"{mail_out.name} is being sent. Nothing was put among the drafts.",
            hint=f"mailer pause {mail_out.name}",
            code="S210",
        )
    if mail_out.started_at is None:
        for to in (MailOutState.SENDING, MailOutState.PAUSED):  # nobody sees the first alone
            why = f"{mailouts.DRAFTS_ALONE}, by {who}"
            mailouts.change(connection, mail_out_id, to, at=at, who=who, why=why)
    return mailouts.get(connection, mail_out_id)


def take(connection: sa.Connection, one: Delivery, *, owner: str, at: datetime, who: str) -> bool:
    """Take a waiting letter out of the sending, to lie as a draft (edge l). Its Date is fixed by
    that.

    False: it waits no more, or the mail-out is being sent or over; or the person is not to be
    written to any more, which ends its trying, as at a claim.
    """
    lock(connection, "claim")
    mailouts.decide_alone(connection, one.mail_out_id)
    if mailouts.get(connection, one.mail_out_id).state is not MailOutState.PAUSED:
        return False
    it = (d.id == one.id, d.state == State.WAITING.value)
    no_more = claims.not_any_more(connection, one.mail_out_id, [one.id])
    for reason, detail in no_more.values():
        to = State.NOT_SENT
        transitions.move(connection, to, *it, at=at, who=who, reason=reason, detail=detail)
    if no_more:
        return False
    moved = transitions.move(
        connection,
        State.DRAFTED,
        *it,
        at=at,
        who=who,
        owner=owner,
        dated_at=sa.func.coalesce(d.dated_at, at),
        handover_at=None,
    )
    return bool(moved)


def with_drafts(connection: sa.Connection) -> list[int]:
    """Return the ids of the mail-outs of which a letter is a draft."""
    drafted = sa.select(d.mail_out_id).where(d.state == State.DRAFTED.value).distinct()
    return list(connection.scalars(drafted.order_by(d.mail_out_id)))


def owners(connection: sa.Connection, mail_out_id: int) -> dict[int, str]:
    """Return who is laying which draft into the folder; empty: nobody, it lies there or not."""
    drafted = (d.mail_out_id == mail_out_id, d.state == State.DRAFTED.value)
    rows = connection.execute(sa.select(d.id, d.owner).where(*drafted))
    return {row.id: row.owner or "" for row in rows}


def take_over(connection: sa.Connection, one: Delivery, *, left_by: str, owner: str) -> bool:
    """Take a draft of which is not known whether it lies there from whoever died over it; False:
    somebody else has, or has said what became of it.
    """
    it = (d.id == one.id, d.state == State.DRAFTED.value, d.handover_at.is_(None))
    ours = sa.update(delivery).where(*it, sa.func.coalesce(d.owner, "") == left_by)
    return bool(connection.execute(ours.values(owner=owner)).rowcount)


def lies(connection: sa.Connection, one: Delivery, folder: str, *, at: datetime, who: str) -> bool:
    """Record that a letter lies in the folder. False: it is no draft any more."""
    it = (d.id == one.id, d.state == State.DRAFTED.value)
    put = sa.update(delivery).where(*it, d.handover_at.is_(None))
    if connection.execute(put.values(handover_at=at, owner=None)).rowcount:
        kind = EventKind.DRAFT_PUT
        events.write(connection, kind, one.mail_out_id, one.id, at=at, who=who, detail=folder)
        return True
    return bool(connection.scalar(sa.select(sa.exists().where(*it))))


def was_sent(connection: sa.Connection, one: Delivery, evidence: str, *, at: datetime) -> bool:
    """Record that a draft was found among the sent mail (edge m)."""
    it = (d.id == one.id, d.state == State.DRAFTED.value)
    moved = transitions.move(connection, State.ACCEPTED, *it, at=at, who="", detail=evidence)
    return bool(moved)


def give_up(
    connection: sa.Connection, one: Delivery, reason: Reason, *, at: datetime, who: str
) -> None:
    """Let a letter that never came to lie in the folder be not sent: its mail-out was stopped, or
    the person is on the hold list since.
    """
    it = (d.id == one.id, d.state == State.DRAFTED.value, d.handover_at.is_(None))
    transitions.move(connection, State.NOT_SENT, *it, at=at, who=who, reason=reason)


def take_back(
    connection: sa.Connection,
    one: Delivery,
    *,
    left_by: str,
    because: str,
    at: datetime,
    who: str,
) -> bool:
    """Let a draft be not sent, as somebody says (edge n), unless another one lays it there since it
    was looked for; `left_by` is who had it then.
    """
    it = (d.id == one.id, d.state == State.DRAFTED.value)
    nobody = sa.func.coalesce(d.owner, "") == left_by
    ends = partial(transitions.move, connection, State.NOT_SENT, *it, nobody, at=at, who=who)
    return bool(ends(reason=Reason.DECIDED, detail=because))


def finish_if_done(connection: sa.Connection, mail_out_id: int, *, at: datetime, who: str) -> None:
    """Close a mail-out of which nothing waits any more: the drafts are a person's now."""
    mailouts.decide_alone(connection, mail_out_id)
    paused = mailouts.get(connection, mail_out_id).state is MailOutState.PAUSED
    left = due.somebody_is_left(connection, mail_out_id)
    if paused and not left and not mailouts.drafts_not_laid(connection, mail_out_id):
        mailouts.change(connection, mail_out_id, MailOutState.SENDING, at=at, who=who)
        mailouts.finish_if_done(connection, mail_out_id, at=at, who=who)
