"""Who is one person under several names: a delivery keeps the name under which it was planned, and
a newer list may have given its person another one (`record/renaming.py`).
"""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from mailer.ledger.schema import delivery, renamed


def person_now(of: sa.FromClause = delivery) -> sa.ColumnElement[str]:
    """Return the key under which the person of a delivery stands in the sheets today."""
    r = renamed.alias("renamed_since").c
    now = (
        sa.select(r.now)
        .where(r.person == of.c.person, r.last_delivery >= of.c.id)
        .order_by(r.last_delivery)
        .limit(1)
        .correlate(of)
        .scalar_subquery()
    )
    return sa.func.coalesce(now, of.c.person)


def keys_of(people: Collection[str]) -> sa.Select[str]:
    """Select the other keys under which deliveries of these people were planned."""
    r = renamed.alias("keys").c
    return sa.select(r.person).where(r.now.in_(people))


def other_keys(of: sa.FromClause = delivery) -> sa.Select[str]:
    """Select the other keys under which deliveries of one delivery's person were planned."""
    r = renamed.alias("other_keys").c
    return sa.select(r.person).where(r.now == person_now(of)).correlate(of)


def renamings(connection: sa.Connection) -> frozenset[tuple[str, str]]:
    """Return under which key somebody's deliveries were planned, and under which they stand now."""
    rows = connection.execute(sa.select(renamed.c.person, renamed.c.now))
    return frozenset((person, now) for person, now in rows)
