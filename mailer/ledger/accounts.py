"""Who may sign in to the console, and the journal of what they did that concerns no single
mail-out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from mailer.ledger.schema import account, journal

a, j = account.c, journal.c


@dataclass(frozen=True, slots=True)
class Account:
    """One person who may sign in."""

    id: int
    name: str
    role: str
    password: str  # argon2id; empty: may not sign in any more
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One line of the journal."""

    at: datetime
    who: str
    kind: str
    detail: str


def everyone(connection: sa.Connection) -> list[Account]:
    return [
        Account(**row._mapping) for row in connection.execute(sa.select(account).order_by(a.name))
    ]


def find(connection: sa.Connection, name: str) -> Account | None:
    row = connection.execute(sa.select(account).where(a.name == name)).one_or_none()
    return None if row is None else Account(**row._mapping)


def save(connection: sa.Connection, name: str, *, role: str, password: str, at: datetime) -> None:
    """Make an account, or change its role and password; every sign-in from before ends by
    `changed_at`.
    """
    values = {"role": role, "password": password, "changed_at": at}
    if connection.execute(sa.update(account).where(a.name == name).values(**values)).rowcount == 0:
        connection.execute(sa.insert(account).values(name=name, **values))


def note(connection: sa.Connection, kind: str, *, at: datetime, who: str, detail: str = "") -> None:
    """Write a line of the journal."""
    connection.execute(sa.insert(journal).values(at=at, who=who, kind=kind, detail=detail))


def deeds(
    connection: sa.Connection, limit: int = 200, *, kind: str = "", begins: str = ""
) -> list[JournalEntry]:
    """Return the last lines of the journal, the newest first: all, or those of one kind whose
    detail begins so.
    """
    lines = sa.select(j.at, j.who, j.kind, j.detail).order_by(j.id.desc()).limit(limit)
    if kind:
        lines = lines.where(j.kind == kind, j.detail.startswith(begins, autoescape=True))
    return [JournalEntry(*row) for row in connection.execute(lines)]
