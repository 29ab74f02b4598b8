"""Every move of a delivery from one state to the next. Nothing else writes `delivery.state`.

`_move` is the one door, with `_settle_all` beside it for the outcomes of many letters at once: both take only edges of
`states.TRANSITIONS`, and write the state and its event in the caller's transaction. The rest are their callers, by the
letters of the drawing in `docs/architecture.md`.

Markers and outcomes, of which every letter has one, are statements that are put together once, here, and run for all
the letters that wait for the same commit: putting them together costs ten times as much as running them.

What holds after a crash: a delivery that reads `sending` without a marker was never handed over and waits again; with
a marker it may have arrived, and becomes `unknown`. Each claim raises `fence`; the marker and the outcome are
conditional on it, so a sender that slept past its lease changes nothing and writes no dot.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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


@dataclass(frozen=True, slots=True)
class Marker:
    """The wish to write the final dot of a letter. `dated_at` is the Date that its bytes carry."""

    one: Claimed
    owner: str
    at: datetime
    dated_at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt, as judged, with the server's words."""

    one: Claimed
    receipt: Receipt
    state: State
    reason: Reason | None
    owner: str
    at: datetime
    next_try_at: datetime | None = None


class OneByOne(Exception):
    """Of several markers or outcomes some are no longer ours: the transaction must be undone, and each tried alone."""


def _move(
    connection: sa.Connection,
    to: State,
    *where: sa.ColumnElement[bool],
    at: datetime,
    who: str,
    reason: str = "",
    detail: str = "",
    returning: Sequence[sa.ColumnElement[Any]] = (),
    given: Mapping[str, Any] | None = None,
    **values: Any,
) -> Sequence[sa.Row[Any]]:
    """Move every delivery that matches, and write its event. Returns a row a delivery: id, mail_out_id, `returning`.

    `given` are the values of named parameters in `where`.
    """
    if to is not State.SENDING:
        values |= {"owner": None, "lease_until": None}
    rows = connection.execute(
        sa.update(delivery)
        .where(d.state.in_(SOURCES[to]), *where)
        .values(state=to.value, reason=reason, detail=detail, changed_at=at, **values)
        .returning(d.id, d.mail_out_id, *returning),
        given,
    ).all()
    if rows:
        common = {"at": at, "kind": to.value, "reason": reason, "detail": detail, "who": who}
        connection.execute(
            sa.insert(event), [{"mail_out_id": row.mail_out_id, "delivery_id": row.id, **common} for row in rows]
        )
    return rows


# ------------------------------------------------------------------------------------------------ a sender's moves


def _due(of: sa.ColumnElement[bool]) -> sa.Subquery:
    """Pick the first of those that are due, in the order of sending: for each state a walk along its index."""
    running = sa.exists().where(mail_out.c.id == d.mail_out_id, mail_out.c.state == MailOutState.SENDING.value)
    return (
        sa.select(d.id, d.position)
        .where(d.mail_out_id == sa.bindparam("mail_out"), of, running)
        .order_by(d.position)
        .limit(sa.bindparam("limit"))
        .with_for_update(skip_locked=True)  # speed on PostgreSQL; the guard that counts is in the UPDATE
        .subquery()
    )


_WAITING = _due(d.state == State.WAITING.value)
_DEFERRED = _due(sa.and_(d.state == State.DEFERRED.value, d.next_try_at <= sa.bindparam("now", type_=Moment())))
_BOTH = sa.union_all(sa.select(_WAITING), sa.select(_DEFERRED)).subquery()
_PICK = sa.select(_BOTH.c.id).order_by(_BOTH.c.position).limit(sa.bindparam("limit")).cte("pick")


def claim(connection: sa.Connection, mail_out_id: int, *, owner: str, at: datetime, limit: int) -> list[Claimed]:
    """Take up to `limit` deliveries that are due, in the order of sending (edge c).

    One conditional UPDATE, correct on both databases whatever else is running. Whoever has this appeal from another
    mail-out in the meantime is left as not sent, with that mail-out's name.
    """
    rows = _move(
        connection,
        State.SENDING,
        d.id.in_(sa.select(_PICK.c.id)),
        at=at,
        who=owner,
        returning=[d[name] for name in (*CLAIMED, "position", "digest") if name not in ("id", "mail_out_id")],
        given={"mail_out": mail_out_id, "now": at, "limit": limit},
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


_OURS = (  # still being sent, by this sender, under this very claim
    d.id == sa.bindparam("one"),
    d.state == State.SENDING.value,
    d.owner == sa.bindparam("me"),
    d.fence == sa.bindparam("under"),
)
_RUNNING = sa.exists().where(mail_out.c.id == d.mail_out_id, mail_out.c.state == MailOutState.SENDING.value)
_NOW, _DATE, _AGAIN = (sa.bindparam(name, type_=Moment()) for name in ("now", "date", "again"))
_MARK = (
    sa.update(delivery)
    .where(*_OURS, d.lease_until > _NOW, _RUNNING)
    .values(handover_at=_NOW, dated_at=sa.func.coalesce(d.dated_at, _DATE))
)
_SETTLE = (
    sa.update(delivery)
    .where(*_OURS)
    .values(
        {name: sa.bindparam(f"new_{name}") for name in ("state", "reason", "code", "enhanced", "text")},
    )
    .values(
        detail="",
        changed_at=_NOW,
        tried_at=sa.func.coalesce(d.tried_at, _NOW),
        next_try_at=_AGAIN,
        owner=None,
        lease_until=None,
    )
)
_EVENT = sa.insert(event)


def mark(connection: sa.Connection, one: Claimed, *, owner: str, at: datetime, dated_at: datetime) -> bool:
    """Set one marker, see `mark_all`."""
    return mark_all(connection, [Marker(one, owner, at, dated_at)])[0]


def mark_all(connection: sa.Connection, markers: Sequence[Marker]) -> list[bool]:
    """Set the markers: the point of no return, on disk before the final dot is written (edge e).

    The first marker of a letter fixes its Date for good. False means: write no dot. The lease is lost, or the
    mail-out is paused or stopped. Raises OneByOne when this is so for some of several.
    """
    return _each(
        connection,
        _MARK,
        [
            {"one": this.one.id, "me": this.owner, "under": this.one.fence, "now": this.at, "date": this.dated_at}
            for this in markers
        ],
    )


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
    """Write one outcome, see `record_all`."""
    return record_all(connection, [Outcome(one, receipt, state, reason, owner, at, next_try_at)])[0]


def record_all(connection: sa.Connection, outcomes: Sequence[Outcome]) -> list[bool]:
    """Write what became of attempts, each under its fence (edges f to i). False: the delivery is no longer ours.

    Raises OneByOne when some of several are no longer ours.
    """
    ours = _settle_all(connection, outcomes)
    connection.execute(_ATTEMPT, [_attempt(this) for this in outcomes])
    for this, is_ours in zip(outcomes, ours, strict=True):
        if not is_ours:  # the answer came too late to count, and is evidence all the same
            words = f"{this.receipt.code or ''} {this.receipt.text}".strip()
            _note(connection, this.one.mail_out_id, this.one.id, "late_answer", this.at, this.owner, words)
    return ours


def _settle_all(connection: sa.Connection, outcomes: Sequence[Outcome]) -> list[bool]:
    """Move deliveries from being sent to the states of their outcomes, and write the events."""
    for this in outcomes:
        if this.state not in TRANSITIONS[State.SENDING]:
            raise ValueError(f"nothing that is being sent becomes {this.state}")
    ours = _each(
        connection,
        _SETTLE,
        [
            {
                "one": this.one.id,
                "me": this.owner,
                "under": this.one.fence,
                "new_state": this.state.value,
                "new_reason": this.reason or "",
                "new_code": this.receipt.code,
                "new_enhanced": this.receipt.enhanced,
                "new_text": this.receipt.text,
                "now": this.at,
                "again": this.next_try_at,
            }
            for this in outcomes
        ],
    )
    events = [
        {
            "mail_out_id": this.one.mail_out_id,
            "delivery_id": this.one.id,
            "at": this.at,
            "kind": this.state.value,
            "reason": this.reason or "",
            "detail": "",
            "who": this.owner,
        }
        for this, is_ours in zip(outcomes, ours, strict=True)
        if is_ours
    ]
    if events:
        connection.execute(_EVENT, events)
    return ours


def _each(connection: sa.Connection, statement: sa.Update, rows: list[dict[str, Any]]) -> list[bool]:
    """Run a statement for every row, and say for each whether it met its delivery. The driver counts all or nothing."""
    met = connection.execute(statement, rows).rowcount
    if met == len(rows):
        return [True] * len(rows)
    if len(rows) > 1:
        raise OneByOne
    return [False]


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
        returning=[d.attempts],
        code=None,
        enhanced=None,
        text=text,
    )
    lost = Receipt(State.UNKNOWN, Stage.DOT, text=text)
    for row in rows:
        words = _words(lost, Reason.BROKE_AFTER_DOT, owner, at)
        connection.execute(_ATTEMPT, {"one": row.id, "attempt": row.attempts, **words})
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


_WORDS = ("state", "stage", "reason", "code", "enhanced", "text", "peer", "tls", "seconds", "owner")
_ATTEMPT = sa.insert(attempt).from_select(
    ["delivery_id", "number", "at", "handover_at", *_WORDS],
    sa.select(
        d.id,
        sa.bindparam("attempt", type_=sa.Integer),
        sa.bindparam("now", type_=Moment()),
        d.handover_at,
        *(sa.bindparam(f"new_{name}", type_=attempt.c[name].type) for name in _WORDS),
    ).where(d.id == sa.bindparam("one")),
)
"""With the marker from the delivery, where it stands until the next claim."""


def _attempt(this: Outcome) -> dict[str, Any]:
    words = _words(this.receipt, this.reason, this.owner, this.at)
    return {"one": this.one.id, "attempt": this.one.attempts, **words}


def _words(receipt: Receipt, reason: Reason | None, owner: str, at: datetime) -> dict[str, Any]:
    return {
        "now": at,
        "new_state": receipt.state.value,
        "new_stage": receipt.stage.value,
        "new_reason": reason or "",
        "new_code": receipt.code,
        "new_enhanced": receipt.enhanced,
        "new_text": receipt.text,
        "new_peer": receipt.peer,
        "new_tls": receipt.tls,
        "new_seconds": receipt.seconds,
        "new_owner": owner,
    }


def _note(
    connection: sa.Connection, mail_out_id: int, delivery_id: int, kind: str, at: datetime, who: str, detail: str
) -> None:
    connection.execute(
        sa.insert(event).values(
            mail_out_id=mail_out_id, delivery_id=delivery_id, kind=kind, at=at, who=who, detail=detail
        )
    )
