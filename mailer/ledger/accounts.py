"""Who may sign in to the console, the one-time links by which they get in, and the journal of what
they did that concerns no single mail-out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from mailer.ledger.schema import account, invitation, journal

if TYPE_CHECKING:
    from mailer.ledger.ledger import Ledger

a, i, j = account.c, invitation.c, journal.c


@dataclass(frozen=True, slots=True)
class Account:
    """One person who may sign in."""

    id: int
    name: str
    role: str
    password: str  # argon2id; empty: cannot sign in, not yet or not any more
    changed_at: datetime
    organisation: str
    invited_by: str  # who made the link by which the password was set
    second: str  # the secret of the second factor (TOTP); empty: there is none
    second_step: int  # the last step of time whose code was used: each code is good once
    recovery: str  # sha256 of the recovery codes that are left, with blanks between

    @property
    def active(self) -> bool:
        """Whether somebody can sign in with it."""
        return bool(self.password)


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


def add(
    connection: sa.Connection,
    name: str,
    *,
    role: str,
    at: datetime,
    password: str = "",
    organisation: str = "",
    invited_by: str = "",
) -> None:
    """Make an account. It is an error of the database where there is one of that name."""
    connection.execute(
        sa.insert(account).values(
            name=name,
            role=role,
            password=password,
            changed_at=at,
            organisation=organisation,
            invited_by=invited_by,
        )
    )


def change(connection: sa.Connection, name: str, *, at: datetime, **values: Any) -> None:
    """Change role, password or second factor; every sign-in from before ends by `changed_at`."""
    connection.execute(sa.update(account).where(a.name == name).values(changed_at=at, **values))


def use_code(connection: sa.Connection, one: Account, **values: Any) -> bool:
    """Note that a code of the second factor was used; False where it was used already."""
    spent = (a.second_step == one.second_step, a.recovery == one.recovery)
    where = (a.id == one.id, *spent)
    return connection.execute(sa.update(account).where(*where).values(**values)).rowcount == 1


def invite(connection: sa.Connection, name: str, digest: str, until: datetime) -> None:
    """Keep the hash of a one-time link for an account; links from before are worth nothing."""
    one = find(connection, name)
    assert one is not None
    uninvite(connection, one.id)
    connection.execute(sa.insert(invitation).values(digest=digest, account_id=one.id, until=until))


def uninvite(connection: sa.Connection, account_id: int) -> None:
    connection.execute(sa.delete(invitation).where(i.account_id == account_id))


def invited(connection: sa.Connection, digest: str, at: datetime) -> Account | None:
    """Return the account that a one-time link is for, while it is good."""
    of = sa.select(i.account_id).where(i.digest == digest, i.until > at)
    row = connection.execute(sa.select(account).where(a.id.in_(of))).one_or_none()
    return None if row is None else Account(**row._mapping)


def waiting(connection: sa.Connection, at: datetime) -> dict[int, datetime]:
    """Return {account: until when} of the one-time links that nobody has used yet."""
    rows = connection.execute(sa.select(i.account_id, i.until).where(i.until > at))
    return {row.account_id: row.until for row in rows}


def note(connection: sa.Connection, kind: str, *, at: datetime, who: str, detail: str = "") -> None:
    """Write a line of the journal."""
    connection.execute(sa.insert(journal).values(at=at, who=who, kind=kind, detail=detail))


def noted(ledger: Ledger | None, kind: str, *, who: str, detail: str = "") -> None:
    """Write a line of the journal in a transaction of its own; without a send log (None) there is
    none.
    """
    if ledger is not None:
        with ledger.writing() as connection:
            note(connection, kind, at=ledger.now(), who=who, detail=detail)


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
