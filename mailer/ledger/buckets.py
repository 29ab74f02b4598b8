"""Rate limits that live in the send log: one row a bucket, one conditional UPDATE a letter (GCRA).

The token and the claim of the letter are one transaction, so a restart cannot burst past a provider's limit, and
several senders share it. `tat` is the theoretical arrival time of the next letter, in seconds since 1970.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from mailer.ledger.schema import bucket

b = bucket.c


def take(connection: sa.Connection, name: str, *, interval: float, at: datetime) -> float:
    """Take a token of the bucket. Returns 0.0 when it was taken, else the seconds to wait; `interval` is in seconds."""
    now = at.timestamp()
    taken = connection.execute(
        sa.update(bucket).where(b.name == name, b.tat <= now).values(tat=now + interval).returning(b.tat)
    ).one_or_none()
    if taken is not None:
        return 0.0
    tat = connection.scalar(sa.select(b.tat).where(b.name == name))
    if tat is None:
        connection.execute(sa.insert(bucket).values(name=name, tat=now + interval))
        return 0.0
    # A clock that was set back must not hold letters for longer than one interval.
    if tat - now > interval:
        connection.execute(sa.update(bucket).where(b.name == name).values(tat=now + interval))
        return interval
    return float(tat - now)


def give_back(connection: sa.Connection, name: str, *, interval: float) -> None:
    """Put an unused token back, in the transaction that took it."""
    connection.execute(sa.update(bucket).where(b.name == name).values(tat=b.tat - interval))
