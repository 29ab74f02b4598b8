"""Accounts and roles, and the journal of what was done that concerns no single mail-out."""

from __future__ import annotations

from starlette.responses import Response

from mailer.base.errors import Refused, UsageError
from mailer.console.access.rights import ROLES
from mailer.console.request import Visit
from mailer.ledger import accounts

JOURNAL = 300


def index(visit: Visit) -> Response:
    with visit.reading() as connection:
        found = accounts.everyone(connection)
    return visit.page("people.html", accounts=found, roles=list(ROLES))


def save(visit: Visit) -> Response:
    """Make an account, or change its role or password; whoever is signed in with it must sign in
    anew.
    """
    name, role, password = (
        " ".join(visit.field("name").split()),
        visit.field("role"),
        visit.form.get("password", ""),
    )
    if not name or role not in ROLES or not isinstance(password, str):
        raise UsageError(visit.say("An account needs a name and a role."))
    with visit.reading() as connection:
        before = accounts.find(connection, name)
    if before is None and not password:
        raise UsageError(visit.say("A new account needs a password."))
    hashed = (
        visit.console.sessions.hashed(password, name)
        if password
        else before.password
        if before
        else ""
    )
    with visit.writing() as connection:
        accounts.save(connection, name, role=role, password=hashed, at=visit.now())
        what = "account_changed" if before else "account_made"
        detail = f"{name}, {role}{', new password' if password and before else ''}"
        accounts.note(connection, what, at=visit.now(), who=visit.who, detail=detail)
    visit.console.sessions.end_where(
        lambda session: session.account is not None and session.name == name
    )
    return visit.go("/people", visit.say("{name} is saved.", name=name))


def close(visit: Visit) -> Response:
    """Take the password away: nobody signs in with this account any more. What it did stays on
    record.
    """
    name = visit.field("name")
    if name == visit.who and visit.session.account is not None:
        raise Refused(visit.say("Nobody closes their own account."))
    with visit.writing() as connection:
        before = accounts.find(connection, name)
        if before is None:
            raise UsageError(visit.say("There is no account {name}.", name=name))
        accounts.save(connection, name, role=before.role, password="", at=visit.now())
        accounts.note(connection, "account_closed", at=visit.now(), who=visit.who, detail=name)
    visit.console.sessions.end_where(
        lambda session: session.account is not None and session.name == name
    )
    return visit.go("/people", visit.say("{name} can no longer sign in.", name=name))


def journal(visit: Visit) -> Response:
    with visit.reading() as connection:
        deeds = accounts.deeds(connection, JOURNAL)
    return visit.page("journal.html", deeds=deeds)
