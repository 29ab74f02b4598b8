"""Limits that live in the send log, so that neither a restart nor a second sender exceeds them.

Two kinds, asked and spent in the transaction of the claim. A *pace* spreads letters evenly: a
bucket holds the moment from which the next letter may leave (GCRA, the generic cell rate
algorithm). A *window* counts: of any 60, 3,600 or 86,400 seconds none may hold more attempts than
the limit says. The account has both, since providers count in windows and block bursts; a
recipient's domain has a pace.

Providers count attempts, refused ones too; so do these.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from mailer.base.address import domain_of
from mailer.base.settings.tables import Limits
from mailer.ledger.ledger import lock
from mailer.ledger.moves.prepared import Prepared
from mailer.ledger.schema import bucket, delivery, spent

b, s, d = bucket.c, spent.c, delivery.c

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
CATCH_UP = 1.0
"""Seconds of lateness that the pace makes good, so that waking late costs no letters. After a
longer rest it starts anew: there is no burst. The windows hold all the same.
"""


class Wait(NamedTuple):
    """How long a limit holds the next letter back."""

    seconds: float
    setting: str = ""  # whose limit it is
    number: int = 0  # what that setting says


def wait(connection: sa.Connection, limits: Limits, account: str, at: datetime) -> Wait:
    """Return the longest wait until the account may make one more attempt; 0.0 seconds: now.

    Nobody else passes here until the transaction ends, so what is asked now may be spent now.
    """
    lock(connection, f"limits of {account}")
    heed_the_clock(connection, limits, account, at)
    waits = [Wait(0.0)]
    if limits.per_minute:
        tat = connection.scalar(sa.select(b.tat).where(b.name == account))
        # A clock that was set back must not hold letters for longer than one interval.
        pace = min((tat or 0.0) - at.timestamp(), limits.interval)
        waits.append(Wait(pace, "per_minute", int(limits.per_minute)))
    for setting, seconds, number in limits.windows:
        oldest = connection.scalar(
            sa.select(s.at)
            .where(s.account == account)
            .order_by(s.at.desc())
            .offset(number - 1)
            .limit(1)
        )
        if oldest is not None:
            waits.append(Wait(oldest + seconds - at.timestamp(), setting, number))
    return max(waits)


def heed_the_clock(connection: sa.Connection, limits: Limits, account: str, at: datetime) -> None:
    """Let what was spent in a future that a clock was set back from count as spent just now: it
    must not hold letters for as long as the clock was set back.
    """
    now = at.timestamp()
    late = (s.account == account, s.at > now + 1)
    connection.execute(sa.update(spent).where(*late).values(at=now))
    for name, longest in (
        (b.name == account, max(MINUTE, limits.interval)),
        (b.name.like("@%"), HOUR),
    ):
        far = (name, b.tat > now + longest)
        connection.execute(sa.update(bucket).where(*far).values(tat=now))


def spend(
    connection: sa.Connection, limits: Limits, account: str, address: str, at: datetime
) -> None:
    """Count one attempt to this address, in the transaction that asked and claimed."""
    now = at.timestamp()
    if limits.windows:
        connection.execute(sa.delete(spent).where(s.account == account, s.at < now - DAY))
        connection.execute(sa.insert(spent).values(account=account, at=now))
    if limits.per_minute:
        tat = connection.scalar(sa.select(b.tat).where(b.name == account)) or 0.0
        late = min(CATCH_UP, limits.interval)
        _set(connection, account, (tat if now - late <= tat <= now else now) + limits.interval)
    if limits.per_domain:
        _set(connection, _domain_of(address), now + MINUTE / limits.per_domain)


def close_domain(connection: sa.Connection, address: str, until: datetime) -> None:
    """Leave everyone at this address's domain alone for a while: they would all get the same
    answer.
    """
    _set(connection, _domain_of(address), until.timestamp())


def domain_is_open(at: sa.ColumnElement[float]) -> sa.ColumnElement[bool]:
    """The condition under which a delivery's domain may be written to, for the claim."""
    return ~sa.exists().where(b.name == sa.literal("@") + d.domain, b.tat > at)


_CLOSED = Prepared(
    sa.select(sa.exists().where(b.name.like("@%"), b.tat > sa.bindparam("now", type_=sa.Float())))
)


def some_domain_is_closed(connection: sa.Connection, at: datetime) -> bool:
    return bool(_CLOSED.rows(connection, {"now": at.timestamp()})[0][0])


def domains_open_at(connection: sa.Connection, *which: sa.ColumnElement[bool]) -> float | None:
    """Return the earliest moment (seconds since 1970) at which a closed domain of these deliveries
    opens.
    """
    query = (
        sa.select(sa.func.min(b.tat))
        .join(delivery, b.name == sa.literal("@") + d.domain)
        .where(*which)
    )
    opens: float | None = connection.scalar(query)
    return opens


def _domain_of(address: str) -> str:
    return "@" + domain_of(address)


def _set(connection: sa.Connection, name: str, tat: float) -> None:
    if connection.execute(sa.update(bucket).where(b.name == name).values(tat=tat)).rowcount == 0:
        connection.execute(sa.insert(bucket).values(name=name, tat=tat))
