"""What sendings have found out about a mail server, beside what it says of itself.

It is kept for the next sending and for other senders; after a crash it is found out again.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from mailer.ledger.schema import server

s = server.c
LOSSES = 2
"""So often may commands that were sent ahead (PIPELINING) go unanswered; then none are sent ahead
any more.
"""


@dataclass
class KnownServer:
    """What is known of one server; sessions add to it."""

    pipelining_lost: int = 0  # connections on which what was sent ahead was never answered
    per_connection: int | None = None  # letters after which it ends a session

    @property
    def pipelines(self) -> bool:
        """Say whether commands may still be sent ahead, where the server offers that."""
        return self.pipelining_lost < LOSSES


def known(connection: sa.Connection, name: str) -> KnownServer:
    """Return what is known of the server of this name (host:port)."""
    row = connection.execute(
        sa.select(s.pipelining_lost, s.per_connection).where(s.name == name)
    ).one_or_none()
    return KnownServer(*row) if row else KnownServer()


def learn(connection: sa.Connection, name: str, found: KnownServer) -> None:
    """Keep what was found out; what another sender found out stands beside it."""
    before = known(connection, name)
    limits = [one for one in (before.per_connection, found.per_connection) if one]
    values = {
        "pipelining_lost": max(before.pipelining_lost, found.pipelining_lost),
        "per_connection": min(limits, default=None),
    }
    if connection.execute(sa.update(server).where(s.name == name).values(**values)).rowcount == 0:
        connection.execute(sa.insert(server).values(name=name, **values))
