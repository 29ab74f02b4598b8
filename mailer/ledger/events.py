"""The events of the send log: every kind that there is, and the one way in which one is written.

An event stands in the transaction of what it tells of: after a crash both are there, or neither.
A new kind is a word here; mypy then names every place that has to know it (`report/story.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from mailer.base.errors import Refused
from mailer.base.states import MailOutState, State
from mailer.ledger.moves.prepared import Prepared, Row
from mailer.ledger.schema import UtcDateTime, delivery, event


class EventKind(StrEnum):
    """What happened. The values stand in the database and in JSON; people read `report.story`."""

    # the state to which a delivery moved; SENDING also of a mail-out
    WAITING = State.WAITING.value
    SENDING = State.SENDING.value
    DEFERRED = State.DEFERRED.value
    ACCEPTED = State.ACCEPTED.value
    REFUSED = State.REFUSED.value
    NOT_SENT = State.NOT_SENT.value
    UNKNOWN = State.UNKNOWN.value
    DRAFTED = State.DRAFTED.value
    # the state to which a mail-out moved
    PLANNED = MailOutState.PLANNED.value
    APPROVED = MailOutState.APPROVED.value
    PAUSED = MailOutState.PAUSED.value
    STOPPED = MailOutState.STOPPED.value
    FINISHED = MailOutState.FINISHED.value
    # many deliveries began to be sent; the detail is which (`ranges`). Before migration 0027 each
    # of them had an event SENDING of its own.
    CLAIMED = "claimed"
    # beside the state of a delivery
    LATE_ANSWER = "late_answer"  # it came when the letter was no longer its sender's
    RELEASED = "released"  # unknown, and a person wants the letter to be sent again
    PLANNED_AGAIN = "planned_again"  # the new delivery of a released one: which letter it is
    DRAFT_PUT = "draft_put"  # it lies in the folder; the detail is which
    NOTED = "noted"
    LETTER_OPENED = "letter_opened"
    MESSAGE_OPENED = "message_opened"  # one that came back
    DONE = "done"  # somebody has followed it up
    TO_DO_AGAIN = "to_do_again"
    ASSIGNED = "assigned"  # the detail is by which day ("-": none), a blank, and who follows it up
    RENAMED = "renamed"  # a newer list calls the person otherwise
    ERASED = "erased"
    CAME_BACK = "came_back"  # a message about it; the detail is its kind (`inbox.kinds`)
    NOT_ABOUT_IT = "not_about_it"  # a person says that such a message belongs to another letter
    # beside the state of a mail-out
    CALLED = "called"  # the name that somebody gave it
    REHEARSED = "rehearsed"
    SCHEDULED = "scheduled"  # it is to begin by itself; the detail says when
    UNSCHEDULED = "unscheduled"  # it is not to begin by itself any more
    ASKED_TO_SEND = "asked_to_send"  # who asked; the sender is a process without a name
    ADOPTED = "adopted"  # of the newest mail-out: this is the log to go on with

    @property
    def state(self) -> State | None:
        """The state to which a delivery moved by it; None where it stayed as it was."""
        return next((state for state in State if state.value == self.value), None)


_OF_RECEIPT = ("stage", "code", "enhanced", "peer", "tls", "seconds")
_WRITE = Prepared(
    sa.insert(event).values(
        mail_out_id=sa.bindparam("mail_out"),
        delivery_id=sa.bindparam("one"),
        at=sa.bindparam("now", type_=UtcDateTime()),
        kind=sa.bindparam("to", type_=sa.Text()),
        reason=sa.bindparam("why", type_=sa.Text()),
        detail=sa.bindparam("detail", type_=sa.Text()),
        who=sa.bindparam("me", type_=sa.Text()),
    )
)

_WRITE_ATTEMPT = Prepared(
    sa.insert(event).from_select(
        [
            *("delivery_id", "mail_out_id", "handover_at", "at", "kind", "reason", "who"),
            *("attempt", "detail", *_OF_RECEIPT),
        ],
        sa.select(
            delivery.c.id,
            delivery.c.mail_out_id,
            delivery.c.handover_at,  # the marker stands there until the next claim
            sa.bindparam("now", type_=UtcDateTime()),
            sa.bindparam("to", type_=sa.Text()),
            sa.bindparam("why", type_=sa.Text()),
            sa.bindparam("me", type_=sa.Text()),
            sa.bindparam("number", type_=sa.Integer()),
            sa.bindparam("its_text", type_=sa.Text()),
            *(sa.bindparam(f"its_{name}", type_=event.c[name].type) for name in _OF_RECEIPT),
        ).where(delivery.c.id == sa.bindparam("one")),
    )
)


_RANGE = re.compile(r"(\d{1,18})(?:-(\d{1,18}))?")


def write(
    connection: sa.Connection,
    kind: EventKind,
    mail_out_id: int,
    delivery_id: int | None = None,
    *,
    at: datetime,
    who: str,
    reason: str = "",
    detail: str = "",
) -> None:
    """Write an event of a delivery, or of a whole mail-out."""
    here = {"mail_out": mail_out_id, "one": delivery_id, "now": at, "to": kind.value}
    write_all(connection, [{**here, "why": str(reason), "detail": detail, "me": who}])


def write_all(connection: sa.Connection, rows: Sequence[Row]) -> None:
    """Write an event a row: mail_out, one (the delivery), now, to (its kind), why, detail, me."""
    _WRITE.run(connection, rows)


def write_attempts(connection: sa.Connection, rows: Sequence[Row]) -> None:
    """Write the event of an attempt a row, its outcome: one, now, to, why, me, number (which
    attempt of its letter), its_text and `its_` with what else a receipt says.
    """
    _WRITE_ATTEMPT.run(connection, rows)


def write_claim(
    connection: sa.Connection, mail_out_id: int, ids: Sequence[int], *, at: datetime, who: str
) -> None:
    """Write the event of a claim: one for all the deliveries that a sender takes at once."""
    write(connection, EventKind.CLAIMED, mail_out_id, at=at, who=who, detail=ranges(ids))


def ranges(ids: Iterable[int]) -> str:
    """Name deliveries by their ids, in short: `17-46 51`."""
    found: list[list[int]] = []
    for id_ in sorted(ids):
        if found and found[-1][1] == id_ - 1:
            found[-1][1] = id_
        else:
            found.append([id_, id_])
    return " ".join(f"{first}-{last}" if last > first else f"{first}" for first, last in found)


def in_ranges(detail: str) -> Iterator[range]:
    """Yield the ids of deliveries that `ranges` has named."""
    for first, last in _RANGE.findall(detail):
        yield range(int(first), int(last or first) + 1)


def newest(connection: sa.Connection) -> int:
    """Return the number of the newest event; 0: there is none yet."""
    return connection.scalar(sa.select(sa.func.max(event.c.id))) or 0


def as_of(connection: sa.Connection) -> object:
    """Return what tells this state of the log from every other one: its newest event. On
    PostgreSQL, where a smaller number may be written after a larger one, the whole snapshot.
    """
    if connection.dialect.name == "sqlite":
        return connection.scalar(sa.select(sa.func.max(event.c.id)))
    return connection.scalar(sa.select(sa.cast(sa.func.pg_current_snapshot(), sa.Text)))


def kind_of(word: str) -> EventKind:
    """Return the kind that stands in the log. Raises Refused for one of a newer version."""
    try:
        return EventKind(word)
    except ValueError:
        raise Refused(
            f"The send log holds an event {word!r}, which this version of the mailer does not"
            " know. It was left as it is.",
            hint="Install the newer version that wrote it, and type the same command again.",
            code="S304",
        ) from None
