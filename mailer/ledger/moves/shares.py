"""How the connections of a mail-out are shared among those who send it.

A row a sender, written in the transaction that decides: after a crash the part of a sender that is
dead falls to the others.
"""

from __future__ import annotations

import sqlalchemy as sa

from mailer.ledger.guard.senders import dead_among
from mailer.ledger.ledger import Ledger, lock
from mailer.ledger.schema import share

s = share.c


def take(
    ledger: Ledger, connection: sa.Connection, mail_out_id: int, me: str, *, limit: int, used: int
) -> int:
    """Return how many connections this sender may have, of the `limit` that the mail-out may have
    in all its senders together; `used` is how many it has.

    Who comes later gets as many as those before it give back: each its equal part.
    """
    lock(connection, "claim")
    here = s.mail_out_id == mail_out_id
    rows = connection.execute(sa.select(s.sender, s.connections).where(here)).all()
    others = {row.sender: row.connections for row in rows if row.sender != me}
    if dead := dead_among(ledger, connection, others):
        connection.execute(sa.delete(share).where(here, s.sender.in_(dead)))
        others = {name: held for name, held in others.items() if name not in dead}
    names = sorted([*others, me])
    mine = limit // len(names) + (names.index(me) < limit % len(names))
    granted: int = max(0, min(mine, limit - sum(others.values())))
    held = max(used, granted)
    if not any(row.sender == me for row in rows):
        values = {"mail_out_id": mail_out_id, "sender": me, "connections": held}
        connection.execute(sa.insert(share).values(values))
    elif not any(row.sender == me and row.connections == held for row in rows):
        mine_alone = (here, s.sender == me)
        connection.execute(sa.update(share).where(*mine_alone).values(connections=held))
    return granted


def give_back(connection: sa.Connection, me: str) -> None:
    """End the share of a sender."""
    connection.execute(sa.delete(share).where(s.sender == me))
