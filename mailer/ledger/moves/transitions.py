"""Every move of a delivery from one state to the next. Nothing else writes `delivery.state`.

`move` is the one door, with `record_all` beside it for the outcomes of many letters at once and
`claims.claim` for taking many, with one event of them all: each takes only edges of
`states.TRANSITIONS`, and writes the state and its event in the caller's transaction. The event of
an outcome carries the attempt: when, to whom, how far, what the server said. The rest are their
callers, by the letters of the drawing in `docs/architecture.md`.

Markers and outcomes, of which every letter has one, are statements that are put together once,
here, and run for all the letters that wait for the same commit: putting them together costs ten
times as much as running them.

What holds after a crash: a delivery that reads `sending` without a marker was never handed over and
waits again; with a marker it may have arrived, and becomes `unknown`. Each claim raises `fence`;
the marker and the outcome are conditional on it, so a sender that slept past its lease changes
nothing and writes no dot.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

import sqlalchemy as sa

from mailer.base.states import TRANSITIONS, MailOutState, Reason, Receipt, Stage, State
from mailer.ledger import events
from mailer.ledger.events import EventKind
from mailer.ledger.moves.prepared import Prepared, Row, together
from mailer.ledger.schema import UtcDateTime, delivery, mail_out

d = delivery.c
SOURCES = {to: [state for state in State if to in TRANSITIONS[state]] for to in State}


class Claimed(NamedTuple):
    """A delivery that this sender holds: it may try it once, under this fence (`claims.py`)."""

    id: int
    mail_out_id: int
    number: int
    name: str
    address: str
    delegation: str
    message_id: str
    digest: str  # its letter, `letters.py`
    dated_at: datetime | None  # the Date header, fixed by the first marker
    tried_at: datetime | None  # when the trying began
    attempts: int  # this one included
    fence: int


class Marker(NamedTuple):
    """The wish to write the final dot of a letter. `dated_at` is the Date that its bytes carry."""

    one: Claimed
    owner: str
    at: datetime
    dated_at: datetime


class Outcome(NamedTuple):
    """What became of an attempt, as judged, with the server's words."""

    one: Claimed
    receipt: Receipt
    state: State
    reason: Reason | None
    owner: str
    at: datetime
    next_try_at: datetime | None = None


class OneByOne(Exception):
    """Of several markers or outcomes some are no longer ours: the transaction must be undone, and
    each tried alone.
    """


def move(
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
    """Move every delivery that matches, and write its event. Returns a row a delivery: id,
    mail_out_id, `returning`.
    """
    values |= {"reason": reason, "detail": detail}
    rows = _set(connection, to, *where, at=at, returning=returning, **values)
    _write_events(connection, rows, to, at=at, who=who, reason=reason, detail=detail)
    return rows


def _set(
    connection: sa.Connection,
    to: State,
    *where: sa.ColumnElement[bool],
    at: datetime,
    returning: Sequence[sa.ColumnElement[Any]] = (),
    **values: Any,
) -> Sequence[sa.Row[Any]]:
    """Set the state of every delivery that matches; the caller writes how it came about."""
    if to is not State.SENDING:
        values = {"owner": None, "lease_until": None, **values}
    return connection.execute(
        sa.update(delivery)
        .where(d.state.in_(SOURCES[to]), *where)
        .values(state=to.value, changed_at=at, **values)
        .returning(d.id, d.mail_out_id, *returning),
    ).all()


def _write_events(
    connection: sa.Connection,
    rows: Sequence[sa.Row[Any]],
    to: State,
    *,
    at: datetime,
    who: str,
    reason: str = "",
    detail: str = "",
) -> None:
    """Write the events of deliveries that were moved alike."""
    common = {"now": at, "to": to.value, "why": str(reason), "detail": detail, "me": who}
    if rows:
        events.write_all(
            connection, [{"one": row.id, "mail_out": row.mail_out_id, **common} for row in rows]
        )


# --------------------------------------------------------------------------------- a sender's moves


def _word(word: str) -> sa.ColumnElement[str]:
    """Return one of our own words, to stand in a statement: it need not be handed over with each
    row.
    """
    return sa.literal_column(f"'{word}'", sa.Text())


_OURS = (  # still being sent, by this sender, under this very claim
    d.id == sa.bindparam("one"),
    d.state == _word(State.SENDING.value),
    d.owner == sa.bindparam("me"),
    d.fence == sa.bindparam("under"),
)
_NOW, _DATE, _AGAIN = (sa.bindparam(name, type_=UtcDateTime()) for name in ("now", "date", "again"))
RUNNING = sa.exists().where(  # it is being sent, and its end has not come
    mail_out.c.id == d.mail_out_id,
    mail_out.c.state == _word(MailOutState.SENDING.value),
    sa.or_(mail_out.c.until.is_(None), mail_out.c.until > _NOW),
)
_TO, _REASON = sa.bindparam("to", type_=sa.Text()), sa.bindparam("why", type_=sa.Text())
_ANSWER = {
    name: sa.bindparam(f"its_{name}", type_=d[name].type) for name in ("code", "enhanced", "text")
}
_MARK = Prepared(
    sa.update(delivery)
    .where(*_OURS, d.lease_until > _NOW, RUNNING)
    .values(handover_at=_NOW, dated_at=sa.func.coalesce(d.dated_at, _DATE))
)
_SETTLE = Prepared(
    sa.update(delivery)
    .where(*_OURS)
    .values(
        state=_TO,
        reason=_REASON,
        detail=_word(""),
        changed_at=_NOW,
        tried_at=sa.func.coalesce(d.tried_at, _NOW),
        next_try_at=_AGAIN,
        owner=sa.null(),
        lease_until=sa.null(),
        **_ANSWER,
    )
)


def mark(
    connection: sa.Connection, one: Claimed, *, owner: str, at: datetime, dated_at: datetime
) -> bool:
    """Set one marker, see `mark_all`."""
    return mark_all(connection, [Marker(one, owner, at, dated_at)])[0]


def mark_all(connection: sa.Connection, markers: Sequence[Marker]) -> list[bool]:
    """Set the markers: the point of no return, on disk before the final dot is written (edge e).

    The first marker of a letter fixes its Date for good. False means: write no dot. The lease is
    lost, or the mail-out is paused, stopped or past its end. Raises OneByOne when this is so for
    some of several.
    """
    return _each(
        connection,
        _MARK,
        [
            {
                "one": this.one.id,
                "me": this.owner,
                "under": this.one.fence,
                "now": this.at,
                "date": this.dated_at,
            }
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
    """Write what became of attempts, each under its fence (edges f to i). False: the delivery is no
    longer ours.

    Raises OneByOne when some of several are no longer ours.
    """
    rows = [
        {
            "one": this.one.id,
            "under": this.one.fence,
            "number": this.one.attempts,
            "to": this.state.value,
            "again": this.next_try_at,
            **_tried(this.receipt, this.reason, this.owner, this.at),
        }
        for this in outcomes
    ]
    for row in rows:
        if row["to"] not in TRANSITIONS[State.SENDING]:
            raise ValueError(f"nothing that is being sent becomes {row['to']}")
    several = together(connection) if len(rows) > 1 else contextlib.nullcontext()
    with several:  # of one its answer decides what else is written
        ours = _each(connection, _SETTLE, rows)
        for row, is_ours in zip(rows, ours, strict=True):
            if not is_ours:  # the answer came too late to count, and is evidence all the same
                row["to"] = EventKind.LATE_ANSWER.value
        events.write_attempts(connection, rows)
    if put_off := [this for this in outcomes if this.state is State.DEFERRED]:
        _end_what_is_over(connection, put_off)
    return ours


def _end_what_is_over(connection: sa.Connection, put_off: Sequence[Outcome]) -> None:
    """Let nobody be tried again whose mail-out was stopped while the answer was on its way."""
    stopped = connection.scalars(
        sa.select(mail_out.c.id).where(
            mail_out.c.id.in_({this.one.mail_out_id for this in put_off}),
            mail_out.c.state == MailOutState.STOPPED.value,
        )
    ).all()
    for this in put_off:
        if (mail_out_id := this.one.mail_out_id) in stopped:
            it = d.id == this.one.id
            not_sent(connection, mail_out_id, Reason.STOPPED, it, at=this.at, who=this.owner)


def _each(connection: sa.Connection, statement: Prepared, rows: Sequence[Row]) -> list[bool]:
    """Run a statement for every row, and say for each whether it met its delivery. The driver
    counts all or nothing.
    """
    if len(rows) == 1:
        return [statement.run(connection, rows) == 1]
    statement.run(connection, rows, fewer=OneByOne())
    return [True] * len(rows)


def release(
    connection: sa.Connection, claimed: Collection[Claimed], *, owner: str, at: datetime
) -> None:
    """Give back what was claimed and not handed over: it waits again, or is not sent where the
    mail-out is stopped. A marker of its own sender, who wrote no dot after it, does not count.
    """
    for one in claimed:
        _give_back(connection, one.mail_out_id, held(one, owner), at=at, who=owner)


def recover(
    connection: sa.Connection, mail_out_id: int, *, dead: Collection[str], owner: str, at: datetime
) -> int:
    """Take over what senders have left that are proven dead, or whose lease ran out (edges d and
    i).

    Marked ones become unknown, never waiting; the others wait again. Returns how many became
    unknown.
    """
    left = (
        d.mail_out_id == mail_out_id,
        d.state == State.SENDING.value,
        sa.or_(d.owner.in_(list(dead)), d.lease_until <= at),
    )
    text = "The sender ended after the letter was handed over; no answer is on record."
    rows = _set(
        connection,
        State.UNKNOWN,
        *left,
        d.handover_at.is_not(None),
        at=at,
        reason=Reason.BROKE_AFTER_DOT,
        detail="",
        returning=[d.attempts],
        code=None,
        enhanced=None,
        text=text,
    )
    lost = Receipt(State.UNKNOWN, Stage.DOT, text=text)
    tried = _tried(lost, Reason.BROKE_AFTER_DOT, owner, at) | {"to": State.UNKNOWN.value}
    if rows:
        theirs = [{"one": row.id, "number": row.attempts, **tried} for row in rows]
        events.write_attempts(connection, theirs)
    _give_back(connection, mail_out_id, (*left, d.handover_at.is_(None)), at=at, who=owner)
    return len(rows)


def held(one: Claimed, owner: str) -> tuple[sa.ColumnElement[bool], ...]:
    """The conditions under which a claim holds: still being sent, by this sender, under this very
    fence.
    """
    return (d.id == one.id, d.state == State.SENDING.value, d.owner == owner, d.fence == one.fence)


def _give_back(
    connection: sa.Connection,
    mail_out_id: int,
    where: Sequence[sa.ColumnElement[bool]],
    *,
    at: datetime,
    who: str,
) -> None:
    """Let those who match wait again, as if they had not been claimed; a stopped mail-out ends
    their trying.
    """
    state = connection.scalar(sa.select(mail_out.c.state).where(mail_out.c.id == mail_out_id))
    again: dict[str, Any] = {"attempts": d.attempts - 1, "handover_at": None}
    if state == MailOutState.STOPPED.value:
        reason = Reason.STOPPED
        move(connection, State.NOT_SENT, *where, at=at, who=who, reason=reason, **again)
    else:
        move(connection, State.WAITING, *where, at=at, who=who, **again)


# ----------------------------------------------------------------- moves by people and by the clock


def not_sent(
    connection: sa.Connection,
    mail_out_id: int,
    reason: Reason,
    *where: sa.ColumnElement[bool],
    at: datetime,
    who: str,
    detail: str = "",
) -> int:
    """End the trying of everyone who matches and is not past the marker (edge j). Returns how many.

    Of a claim that is under way the marker will be refused, so that no dot is written.
    """
    here = (d.mail_out_id == mail_out_id, *where)
    end = partial(move, connection, State.NOT_SENT, *here, at=at, who=who, reason=reason)
    open_ = d.state.in_([State.WAITING.value, State.DEFERRED.value])
    begun = sa.and_(d.state == State.SENDING.value, d.handover_at.is_(None))
    ended = [
        *end(open_, detail=detail, next_try_at=None),
        *end(begun, detail=detail, attempts=d.attempts - 1),
    ]
    return len(ended)


def settle(
    connection: sa.Connection, delivery_id: int, to: State, *, who: str, because: str, at: datetime
) -> bool:
    """Let a named person say what became of an unknown delivery: accepted or not sent (edge k); or
    that a draft was sent (edge n). That it was not, is said where it may lie (`moves.drafts`).
    """
    reason = Reason.DECIDED if to is State.NOT_SENT else ""
    drafted = [State.DRAFTED.value] if to is State.ACCEPTED else []
    it = (d.id == delivery_id, d.state.in_([State.UNKNOWN.value, *drafted]))
    return bool(move(connection, to, *it, at=at, who=who, reason=reason, detail=because))


def _tried(receipt: Receipt, reason: Reason | None, owner: str, at: datetime) -> dict[str, Any]:
    return {
        "me": owner,
        "now": at,
        "why": reason.value if reason else "",
        "its_code": receipt.code,
        "its_enhanced": receipt.enhanced,
        "its_text": receipt.text,
        "its_stage": receipt.stage.value,
        "its_peer": receipt.peer,
        "its_tls": receipt.tls,
        "its_seconds": receipt.seconds,
    }
