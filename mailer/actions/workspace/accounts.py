"""Who may sign in to the console, and the journal of what is done there that concerns no single
mail-out.

A change and its line in the journal are one transaction.
"""

from __future__ import annotations

from mailer.base.errors import Refused, UsageError
from mailer.ledger import accounts
from mailer.ledger.ledger import Ledger


def save(ledger: Ledger, name: str, *, role: str, hashed: str, who: str) -> None:
    """Make an account, or change its role and password; every sign-in from before ends by it.

    `hashed` is the hash of a password; empty leaves the one that there is.
    """
    with ledger.writing() as connection:
        before, at = accounts.find(connection, name), ledger.now()
        if before is None and not hashed:
            raise UsageError("A new account needs a password.")
        password = hashed or (before.password if before else "")
        accounts.save(connection, name, role=role, password=password, at=at)
        what = "account_changed" if before else "account_made"
        detail = f"{name}, {role}{', new password' if hashed and before else ''}"
        accounts.note(connection, what, at=at, who=who, detail=detail)


def close(ledger: Ledger, name: str, *, who: str, signed_in_by_link: bool) -> None:
    """Take the password away: nobody signs in with this account any more. What it did stays on
    record.
    """
    if name == who and not signed_in_by_link:
        raise Refused("Nobody closes their own account.")
    with ledger.writing() as connection:
        before, at = accounts.find(connection, name), ledger.now()
        if before is None:
            raise UsageError(f"There is no account {name}.")
        accounts.save(connection, name, role=before.role, password="", at=at)
        accounts.note(connection, "account_closed", at=at, who=who, detail=name)


def note(ledger: Ledger, kind: str, *, who: str, detail: str = "") -> None:
    """Write a line of the journal."""
    with ledger.writing() as connection:
        accounts.note(connection, kind, at=ledger.now(), who=who, detail=detail)
