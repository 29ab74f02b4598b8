"""How the connections of a mail-out are shared among those who send it.

A row a sender, written in the transaction that decides: after a crash the part of a sender that is
dead falls to the others.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from mailer.ledger.guard.senders import dead_among
from mailer.ledger.ledger import Ledger, lock
from mailer.ledger.schema import share

s = share.c
ASLEEP = 60.0
"""Seconds after which a sender that has not said a word, on a laptop that sleeps perhaps, holds no
connections any more; what it does when it wakes is held up by the fences of its letters.
"""


def take(
    ledger: Ledger, connection: sa.Connection, mail_out_id: int, me: str, *, limit: int, used: int
) -> int:
    """Return how many connections this sender may have, of the `limit` that the mail-out may have
    in all its senders together; `used` is how many it has.

    Who comes later gets as many as those before it give back: each its equal part.
    """
    here, now = s.mail_out_id == mail_out_id, ledger.now().timestamp()
    for alone in (False, True):  # as a rule nothing changes, and nobody has to be kept waiting
        if alone:
            lock(connection, f"shares of {mail_out_id}")
        rows = connection.execute(sa.select(s.sender, s.connections, s.seen_at).where(here)).all()
        others = {row.sender: row.connections for row in rows if row.sender != me}
        asleep = [row.sender for row in rows if row.sender in others and row.seen_at < now - ASLEEP]
        gone = {*dead_among(ledger, connection, others), *asleep}
        others = {name: held for name, held in others.items() if name not in gone}
        before = next((row for row in rows if row.sender == me), None)
        held = {**others, me: before.connections if before else 0}
        names = sorted(held, key=lambda name: (not held[name], name))  # who has one keeps one
        mine = limit // len(names) + (names.index(me) < limit % len(names))
        granted: int = max(0, min(mine, limit - sum(others.values())))
        values = {"connections": max(used, granted), "seen_at": now}
        if (
            before is not None
            and before.connections == values["connections"]
            and before.seen_at >= now - ASLEEP / 6
            and not gone
        ):
            return granted
    connection.execute(sa.delete(share).where(here, s.sender.in_(gone)))
    if before is None:
        row = {"mail_out_id": mail_out_id, "sender": me, **values}
        connection.execute(sa.insert(share).values(row))
    else:
        connection.execute(sa.update(share).where(here, s.sender == me).values(values))
    return granted


def wait(
    connection: sa.Connection, mail_out_id: int, me: str, why: str, number: int, until: datetime
) -> None:
    """Say why nothing goes out, what the limit says, and until when, for those who look on."""
    values = {"waits_for": why, "limit": number, "until": until.timestamp()}
    mine = (s.mail_out_id == mail_out_id, s.sender == me)
    connection.execute(sa.update(share).where(*mine).values(values))


def give_back(connection: sa.Connection, me: str) -> None:
    """End the share of a sender."""
    connection.execute(sa.delete(share).where(s.sender == me))
