"""Answers that the send log could not take, kept in the sender's own file until somebody takes over
what it left.

The file is the one whose lock says that the sender lives (`senders.py`); it has room for them from
the start, so that a full disk keeps nothing away. With PostgreSQL there is none: what cannot be
written there is unknown.

What holds after a crash: an answer is in the file, on disk, before the sending ends. Whoever takes
over reads it first: it is an outcome, and what was handed over without an answer alone becomes
unknown. The file goes when its sender holds nothing any more; read again before that, it changes
nothing, since each outcome counts under its fence alone.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from mailer.base.states import MailOutState, Reason, Receipt, Stage, State
from mailer.ledger.guard import senders
from mailer.ledger.ledger import Ledger
from mailer.ledger.moves import transitions
from mailer.ledger.moves.transitions import Claimed, Outcome
from mailer.ledger.schema import delivery, mail_out

d = delivery.c


def keep(ledger: Ledger, owner: str, outcomes: Sequence[Outcome]) -> None:
    """Write outcomes into their sender's file. Raises OSError if that cannot be written either."""
    path = senders.file_of(ledger, owner)
    if path is None:
        return
    with path.open("r+b") as file:
        file.seek(len(file.read().rstrip(b"\0")))
        for one in outcomes:
            row = {**one._asdict(), "one": one.one._asdict(), "receipt": one.receipt._asdict()}
            file.write(json.dumps(row, default=datetime.isoformat).encode("ascii") + b"\n")
        file.flush()
        os.fsync(file.fileno())


def take_over(
    ledger: Ledger,
    connection: sa.Connection,
    mail_out_id: int,
    dead: Collection[str],
    *,
    me: str,
    at: datetime,
) -> int:
    """Put right what dead senders left (`senders.dead_senders`). Returns how many letters became
    unknown.
    """
    for owner in dead:
        for one in _kept(senders.file_of(ledger, owner)):
            if connection.scalar(sa.select(sa.exists().where(*transitions.held(one.one, owner)))):
                transitions.record_all(connection, [one])
    return transitions.recover(connection, mail_out_id, dead=dead, owner=me, at=at)


def settle_over(ledger: Ledger, *, me: str) -> None:
    """Settle what dead senders left in mail-outs that are over: nobody sends those any more."""
    over = [MailOutState.STOPPED.value, MailOutState.FINISHED.value]
    with ledger.reading() as connection:
        left = connection.scalars(
            sa.select(mail_out.c.id).where(
                mail_out.c.state.in_(over),
                sa.exists().where(d.mail_out_id == mail_out.c.id, d.state == State.SENDING.value),
            )
        ).all()
    for mail_out_id in left:
        with ledger.writing() as connection:
            dead = senders.dead_senders(ledger, connection, mail_out_id)
            take_over(ledger, connection, mail_out_id, dead, me=me, at=ledger.now())


def tidy(ledger: Ledger, connection: sa.Connection) -> None:
    """Take away the files of dead senders whose answers are all on record."""
    if not (files := senders.with_something_kept(ledger)):
        return  # as nearly always: who holds something is asked of all deliveries
    holding = connection.scalars(
        sa.select(d.owner).distinct().where(d.state == State.SENDING.value)
    ).all()
    for path in files:
        if path.name not in holding:
            path.unlink(missing_ok=True)


def _kept(path: Path | None) -> list[Outcome]:
    """Read what is in a file. A line that cannot be read, cut off by a crash perhaps,
    is no answer.
    """
    if path is None or not path.is_file():
        return []
    found = []
    for line in path.read_bytes().rstrip(b"\0").splitlines():
        with contextlib.suppress(ValueError, TypeError, KeyError):
            found.append(_outcome(json.loads(line)))
    return found


def _outcome(row: dict[str, Any]) -> Outcome:
    one, receipt = row["one"], row["receipt"]
    for name in ("dated_at", "tried_at"):
        one[name] = _moment(one[name])
    receipt |= {"state": State(receipt["state"]), "stage": Stage(receipt["stage"])}
    at, again = _moment(row["at"]), _moment(row["next_try_at"])
    assert at is not None
    reason = Reason(row["reason"]) if row["reason"] else None
    return Outcome(
        Claimed(**one), Receipt(**receipt), State(row["state"]), reason, row["owner"], at, again
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
