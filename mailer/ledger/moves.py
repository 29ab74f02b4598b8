"""Every move of a delivery from one state to the next. Nothing else writes `delivery.state`.

`_move` is the one door: it takes only edges of `states.TRANSITIONS`, and writes the state and its event in the
caller's transaction. The rest are its callers, by the letters of the drawing in `docs/architecture.md`.

What holds after a crash: a delivery that reads `sending` without a marker was never handed over and waits again; with
a marker it may have arrived, and becomes `unknown`. Each claim raises `fence`; the marker and the outcome are
conditional on it, so a sender that slept past its lease changes nothing and writes no dot.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from mailer.errors import Refused
from mailer.ledger.schema import Moment, attempt, delivery, event, letter, mail_out
from mailer.states import MAY_HAVE_REACHED, TRANSITIONS, MailOutState, Reason, Receipt, Stage, State

LEASE = timedelta(minutes=25)
"""More than twice the ten minutes that the answer to the final dot may take."""

d = delivery.c
SOURCES = {to: [state for state in State if to in TRANSITIONS[state]] for to in State}


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this sender holds: it may try it once, under this fence."""

    id: int
    mail_out_id: int
    number: int
    name: str
    address: str
    delegation: str
    message_id: str
    dated_at: datetime | None  # the Date header, fixed by the first marker
    tried_at: datetime | None  # when the trying began
    attempts: int  # this one included
    fence: int
    data: bytes  # the message without its Date


CLAIMED = [field.name for field in fields(Claimed) if field.name != "data"]


def _move(
    connection: sa.Connection,
    to: State,
    *where: sa.ColumnElement[bool],
    at: datetime,
    who: str,
    reason: str = "",
    detail: str = "",
    returning: Sequence[sa.ColumnElement[Any]] = (),
    **values: Any,
) -> Sequence[sa.Row[Any]]:
    """Move every delivery that matches, and write its event. Returns a row a delivery: id, mail_out_id, `returning`."""
    if to is not State.SENDING:
        values |= {"owner": None, "lease_until": None}
    rows = connection.execute(
        sa.update(delivery)
        .where(d.state.in_(SOURCES[to]), *where)
        .values(state=to.value, reason=reason, detail=detail, changed_at=at, **values)
        .returning(d.id, d.mail_out_id, *returning)
    ).all()
    if rows:
        common = {"at": at, "kind": to.value, "reason": reason, "detail": detail, "who": who}
        connection.execute(
            sa.insert(event), [{"mail_out_id": row.mail_out_id, "delivery_id": row.id, **common} for row in rows]
        )
    return rows


def _moment(at: datetime) -> sa.BindParameter[datetime]:
    return sa.bindparam(None, at, type_=Moment(), unique=True)


# ------------------------------------------------------------------------------------------------ a sender's moves


def claim(connection: sa.Connection, mail_out_id: int, *, owner: str, at: datetime, limit: int) -> list[Claimed]:
    """Take up to `limit` deliveries that are due, in the order of sending (edge c).

    One conditional UPDATE, correct on both databases whatever else is running. Whoever has this appeal from another
    mail-out in the meantime is left as not sent, with that mail-out's name.
    """
    due = sa.or_(d.state == State.WAITING.value, sa.and_(d.state == State.DEFERRED.value, d.next_try_at <= at))
    running = sa.exists().where(mail_out.c.id == d.mail_out_id, mail_out.c.state == MailOutState.SENDING.value)
    pick = (
        sa.select(d.id)
        .where(d.mail_out_id == mail_out_id, due, running)
        .order_by(d.position)
        .limit(limit)
        .with_for_update(skip_locked=True)  # speed on PostgreSQL; the guard that counts is in the UPDATE
        .cte("pick")
    )
    rows = _move(
        connection,
        State.SENDING,
        d.id.in_(sa.select(pick.c.id)),
        at=at,
        who=owner,
        returning=[d[name] for name in (*CLAIMED, "position", "digest") if name not in ("id", "mail_out_id")],
        owner=owner,
        lease_until=at + LEASE,
        fence=d.fence + 1,
        attempts=d.attempts + 1,
        handover_at=None,  # the mark of an earlier, deferred attempt must not speak for this one
        next_try_at=None,
    )
    if not rows:
        return []
    elsewhere = _written_elsewhere(connection, mail_out_id, [row.id for row in rows])
    for delivery_id, other in elsewhere.items():
        _move(
            connection,
            State.NOT_SENT,
            d.id == delivery_id,
            at=at,
            who=owner,
            reason=Reason.ALREADY,
            detail=f"M-{other:04d}",
            attempts=d.attempts - 1,
        )
    digests = {row.digest for row in rows}
    data = {
        found.digest: found.data
        for found in connection.execute(sa.select(letter).where(letter.c.digest.in_(digests)))
        if sha256(found.data).hexdigest() == found.digest
    }
    if len(data) != len(digests):
        raise Refused("A letter in the send log is not the one that was planned. Nothing was sent of it.", code="S305")
    return [
        Claimed(data=data[row.digest], **{name: getattr(row, name) for name in CLAIMED})
        for row in sorted(rows, key=lambda row: int(row.position))
        if row.id not in elsewhere
    ]


def _written_elsewhere(connection: sa.Connection, mail_out_id: int, ids: list[int]) -> dict[int, int]:
    """Return {delivery: other mail-out} for those whose address has, or is about to get, this appeal from another.

    Of two plans that both still wait for the same person, the older one writes.
    """
    other, other_mail_out, mine = delivery.alias("other"), mail_out.alias("other_mail_out"), mail_out.alias("mine")
    found = connection.execute(
        sa.select(d.id, other.c.mail_out_id)
        .join(other, sa.and_(other.c.address_key == d.address_key, other.c.mail_out_id != d.mail_out_id))
        .join(other_mail_out, other_mail_out.c.id == other.c.mail_out_id)
        .join(mine, sa.and_(mine.c.id == d.mail_out_id, mine.c.appeal == other_mail_out.c.appeal))
        .where(
            d.id.in_(ids),
            other.c.state.in_([state.value for state in MAY_HAVE_REACHED]),
            sa.or_(other.c.state != State.WAITING.value, other.c.mail_out_id < mail_out_id),
        )
    )
    return {row.id: row.mail_out_id for row in found}


def mark(connection: sa.Connection, one: Claimed, *, owner: str, at: datetime, dated_at: datetime) -> bool:
    """Set the marker: the point of no return, on disk before the final dot is written (edge e).

    `dated_at` is the Date that these bytes carry; the first marker fixes it for good. False means: write no dot. The
    lease is lost, or the mail-out is paused or stopped.
    """
    running = sa.exists().where(mail_out.c.id == one.mail_out_id, mail_out.c.state == MailOutState.SENDING.value)
    result = connection.execute(
        sa.update(delivery)
        .where(*_held(one, owner), d.lease_until > at, running)
        .values(handover_at=at, dated_at=sa.func.coalesce(d.dated_at, _moment(dated_at)))
    )
    return result.rowcount == 1


def record(
    connection: sa.Connection,
    one: Claimed,
    receipt: Receipt,
    *,
    state: State,
    reason: Reason | None,
    owner: str,
    at: datetime,
    next_try_at: datetime | None = None,
) -> bool:
    """Write what became of an attempt, under its fence (edges f to i). False: the delivery is no longer ours."""
    rows = _move(
        connection,
        state,
        *_held(one, owner),
        at=at,
        who=owner,
        reason=reason or "",
        returning=[d.handover_at],
        code=receipt.code,
        enhanced=receipt.enhanced,
        text=receipt.text,
        next_try_at=next_try_at,
        tried_at=sa.func.coalesce(d.tried_at, _moment(at)),
    )
    handover_at = rows[0].handover_at if rows else None
    _attempt(connection, one.id, one.attempts, receipt, reason, owner, at, handover_at)
    if not rows:  # the answer came too late to count, and is evidence all the same
        _note(
            connection,
            one.mail_out_id,
            one.id,
            "late_answer",
            at,
            owner,
            f"{receipt.code or ''} {receipt.text}".strip(),
        )
    return bool(rows)


def release(connection: sa.Connection, claimed: Collection[Claimed], *, owner: str, at: datetime) -> None:
    """Give back what was claimed and not handed over: it waits again, or is not sent where the mail-out is stopped."""
    for one in claimed:
        _give_back(connection, one.mail_out_id, _held(one, owner), at=at, who=owner)


def recover(connection: sa.Connection, mail_out_id: int, *, dead: Collection[str], owner: str, at: datetime) -> int:
    """Take over what senders have left that are proven dead, or whose lease ran out (edges d and i).

    Marked ones become unknown, never waiting; the others wait again. Returns how many became unknown.
    """
    left = (
        d.mail_out_id == mail_out_id,
        d.state == State.SENDING.value,
        sa.or_(d.owner.in_(list(dead)), d.lease_until <= at),
    )
    text = "The sender ended after the letter was handed over; no answer is on record."
    rows = _move(
        connection,
        State.UNKNOWN,
        *left,
        d.handover_at.is_not(None),
        at=at,
        who=owner,
        reason=Reason.BROKE_AFTER_DOT,
        returning=[d.attempts, d.handover_at],
        code=None,
        enhanced=None,
        text=text,
    )
    lost = Receipt(State.UNKNOWN, Stage.DOT, text=text)
    for row in rows:
        _attempt(connection, row.id, row.attempts, lost, Reason.BROKE_AFTER_DOT, owner, at, row.handover_at)
    _give_back(connection, mail_out_id, left, at=at, who=owner)
    return len(rows)


def _held(one: Claimed, owner: str) -> tuple[sa.ColumnElement[bool], ...]:
    """Still being sent, by this sender, under this very claim."""
    return (d.id == one.id, d.state == State.SENDING.value, d.owner == owner, d.fence == one.fence)


def _give_back(
    connection: sa.Connection, mail_out_id: int, where: Sequence[sa.ColumnElement[bool]], *, at: datetime, who: str
) -> None:
    """Let those without a marker wait again, as if they had not been claimed; a stopped mail-out ends their trying."""
    state = connection.scalar(sa.select(mail_out.c.state).where(mail_out.c.id == mail_out_id))
    here = (*where, d.handover_at.is_(None))
    if state == MailOutState.STOPPED.value:
        _move(connection, State.NOT_SENT, *here, at=at, who=who, reason=Reason.STOPPED, attempts=d.attempts - 1)
    else:
        _move(connection, State.WAITING, *here, at=at, who=who, attempts=d.attempts - 1)


# ------------------------------------------------------------------------------------ moves by people and by the clock


def not_sent(
    connection: sa.Connection,
    mail_out_id: int,
    reason: Reason,
    *where: sa.ColumnElement[bool],
    at: datetime,
    who: str,
    detail: str = "",
) -> int:
    """End the trying of everyone who waits or is deferred and matches (edge j). Returns how many."""
    open_ = d.state.in_([State.WAITING.value, State.DEFERRED.value])
    return len(
        _move(
            connection,
            State.NOT_SENT,
            d.mail_out_id == mail_out_id,
            open_,
            *where,
            at=at,
            who=who,
            reason=reason,
            detail=detail,
            next_try_at=None,
        )
    )


def settle(connection: sa.Connection, delivery_id: int, to: State, *, who: str, because: str, at: datetime) -> bool:
    """Let a named person say what became of an unknown delivery: accepted or not sent (edge k)."""
    rows = _move(connection, to, d.id == delivery_id, d.state == State.UNKNOWN.value, at=at, who=who, detail=because)
    return bool(rows)


def _attempt(
    connection: sa.Connection,
    delivery_id: int,
    number: int,
    receipt: Receipt,
    reason: Reason | None,
    owner: str,
    at: datetime,
    handover_at: datetime | None,
) -> None:
    connection.execute(
        sa.insert(attempt).values(
            delivery_id=delivery_id,
            number=number,
            at=at,
            state=receipt.state.value,
            stage=receipt.stage.value,
            reason=reason or "",
            code=receipt.code,
            enhanced=receipt.enhanced,
            text=receipt.text,
            peer=receipt.peer,
            tls=receipt.tls,
            seconds=receipt.seconds,
            handover_at=handover_at,
            owner=owner,
        )
    )


def _note(
    connection: sa.Connection, mail_out_id: int, delivery_id: int, kind: str, at: datetime, who: str, detail: str
) -> None:
    connection.execute(
        sa.insert(event).values(
            mail_out_id=mail_out_id, delivery_id=delivery_id, kind=kind, at=at, who=who, detail=detail
        )
    )
