"""The hold list: people who are never written to."""

from __future__ import annotations

from starlette.responses import Response

from mailer.actions import people
from mailer.base.errors import UsageError
from mailer.console.request import Visit
from mailer.console.views.delivery import held


def index(visit: Visit) -> Response:
    _, _, there = visit.console.cache.people()
    return visit.page("holds.html", held=list(there), problems=there.problems)


def hold(visit: Visit) -> Response:
    """Put somebody on the hold list who need not be in any sheet: an address, or a name and a
    delegation.
    """
    found = visit.workspace.delegations.find(visit.field("delegation"))
    code = found.code if found else ""
    said = held(visit, visit.field("address"), visit.field("name"), code)
    return visit.go("/contacts/hold-list", said)


def release(visit: Visit) -> Response:
    """Take one entry off the hold list: the one that stands in this line, and still
    says the same.
    """
    _, _, there = visit.console.cache.people()
    line, seal = visit.field("line"), visit.field("who")
    entry = next(
        (one for one in there if str(one.row) == line and f"{one.name}|{one.address}" == seal), None
    )
    if entry is None:
        raise UsageError(visit.say("The hold list has changed; look at it again."))
    still = people.release(visit.workspace, visit.console.ledger, entry, who=visit.who)
    name = entry.name or entry.address
    said = visit.say("{name} is no longer held.", name=name)
    if still is not None:
        words = "This entry is gone, and line {n} of the list goes on holding {name}."
        said = visit.say(words, n=still.row, name=name)
    return visit.go("/contacts/hold-list", said)
