"""What a sending asks of the log: who is left, who holds them, and when the next one is due."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from mailer.base.states import OPEN, State
from mailer.ledger.moves import limits
from mailer.ledger.schema import delivery

d = delivery.c

_BEGUN = (State.SENDING, State.ACCEPTED, State.REFUSED, State.DEFERRED, State.UNKNOWN)


def count(connection: sa.Connection, mail_out_id: int, *states: State) -> int:
    """Count the deliveries of a mail-out in these states."""
    return connection.scalar(sa.select(sa.func.count()).where(*_in(mail_out_id, *states))) or 0


def begun(connection: sa.Connection, mail_out_id: int) -> int:
    """Count those whose letter has been begun, by any sender."""
    return count(connection, mail_out_id, *_BEGUN)


def somebody_is_left(connection: sa.Connection, mail_out_id: int) -> bool:
    """Say whether somebody is not settled yet."""
    return bool(connection.scalar(sa.select(sa.exists().where(*_in(mail_out_id, *OPEN)))))


def open_and_mine(connection: sa.Connection, mail_out_id: int, owner: str) -> tuple[int, int]:
    """Count those that are not settled, and how many of them this sender holds."""
    mine = sa.func.count().filter(d.owner == owner)
    row = connection.execute(sa.select(sa.func.count(), mine).where(*_in(mail_out_id, *OPEN))).one()
    return row[0], row[1]


def something_is_due(connection: sa.Connection, mail_out_id: int, at: datetime) -> bool:
    """Say whether somebody could be written to now."""
    begins = sa.or_(d.next_try_at.is_(None), d.next_try_at <= at)
    here = (*_in(mail_out_id, State.WAITING, State.DEFERRED), begins)
    open_ = limits.domain_is_open(sa.literal(at.timestamp(), sa.Float))
    return bool(connection.scalar(sa.select(sa.exists().where(*here, open_))))


def waits(connection: sa.Connection, mail_out_id: int, at: datetime) -> list[float]:
    """Return the seconds until a letter is due that was put off, or that has a day and an hour,
    and until a closed domain opens, where there are such; what is past is negative.
    """
    found = []
    waiting = _in(mail_out_id, State.WAITING, State.DEFERRED)
    due = connection.scalar(sa.select(sa.func.min(d.next_try_at)).where(*waiting))
    if due is not None:
        found.append(float((due - at).total_seconds()))
    if (opens := limits.domains_open_at(connection, *waiting)) is not None:
        found.append(opens - at.timestamp())
    return found


def starts(connection: sa.Connection, mail_out_id: int) -> dict[str, tuple[datetime, int]]:
    """Return per delegation when the first letter may leave, and how many people wait for it;
    without those who may be written to at once.
    """
    when = sa.func.min(d.next_try_at)
    rows = connection.execute(
        sa.select(d.delegation, when.label("at"), sa.func.count().label("people"))
        .where(*_in(mail_out_id, State.WAITING), d.next_try_at.is_not(None))
        .group_by(d.delegation)
    )
    return {row.delegation: (row.at, row.people) for row in rows}


def _in(mail_out_id: int, *states: State) -> tuple[sa.ColumnElement[bool], ...]:
    return d.mail_out_id == mail_out_id, d.state.in_([state.value for state in states])
