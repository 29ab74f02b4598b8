"""Accounts and roles, and the journal of what was done that concerns no single mail-out."""

from __future__ import annotations

from starlette.responses import Response

from mailer.actions.workspace import accounts
from mailer.base.errors import UsageError
from mailer.console.access.rights import ROLES
from mailer.console.request import Visit
from mailer.ledger.accounts import deeds, everyone

JOURNAL = 300


def index(visit: Visit) -> Response:
    with visit.reading() as connection:
        found = everyone(connection)
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
    hashed = visit.console.sessions.hashed(password, name) if password else ""
    accounts.save(visit.console.ledger, name, role=role, hashed=hashed, who=visit.who)
    visit.console.sessions.end_where(
        lambda session: session.account is not None and session.name == name
    )
    return visit.go("/people", visit.say("{name} is saved.", name=name))


def close(visit: Visit) -> Response:
    """Take the password away: nobody signs in with this account any more. What it did stays on
    record.
    """
    name = visit.field("name")
    by_link = visit.session.account is None
    accounts.close(visit.console.ledger, name, who=visit.who, signed_in_by_link=by_link)
    visit.console.sessions.end_where(
        lambda session: session.account is not None and session.name == name
    )
    return visit.go("/people", visit.say("{name} can no longer sign in.", name=name))


def journal(visit: Visit) -> Response:
    with visit.reading() as connection:
        found = deeds(connection, JOURNAL)
    return visit.page("journal.html", deeds=found)
