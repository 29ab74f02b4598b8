"""What came back: what waits for a person, one message as text beside its letter, and its sorting.

A message is text here, never HTML: nothing of it is loaded, run or opened.
"""

from __future__ import annotations

from starlette.responses import Response

from mailer.actions import inbox as actions
from mailer.base.errors import UsageError
from mailer.console.request import Visit
from mailer.inbox.kinds import WORDS, InboxKind

SHOWN = 200
"""So many messages are on a page; the search finds the others."""


def index(visit: Visit) -> Response:
    """List what waits for a person, or everything, the newest first."""
    everything = bool(visit.query("all") or visit.query("q") or visit.query("kind"))
    kind = visit.query("kind")
    found = actions.listed(
        visit.console.ledger,
        kinds=[InboxKind(kind)] if kind in WORDS else (),
        waiting=not everything,
        search=visit.query("q"),
    )
    return visit.page(
        "inbox.html",
        found=found[:SHOWN],
        number=len(found),
        words=WORDS,
        q=visit.query("q"),
        kind=kind,
        everything=everything,
    )


def message(visit: Visit) -> Response:
    """Show one message as text; who opened it first is on record."""
    wanted = visit.query("n")
    if not wanted.isdecimal():
        return visit.go("/inbox")
    found, text = actions.open_message(
        visit.console.ledger, int(wanted), at=visit.now(), who=visit.who
    )
    return visit.page("message.html", one=found, text=text, words=WORDS)


def sort(visit: Visit) -> Response:
    """Record what a person says that a message is, and which letters it belongs to."""
    number, kind = visit.field("n"), visit.field("kind")
    if not number.isdecimal() or kind not in WORDS:
        raise UsageError(visit.say("Say what the message is."))
    letters = [one.upper() for one in visit.field("letters").replace(",", " ").split()]
    held = actions.sort_by_hand(
        visit.workspace,
        visit.console.ledger,
        int(number),
        InboxKind(kind),
        letters or None,
        at=visit.now(),
        who=visit.who,
    )
    said = [
        visit.say("{name} is on the hold list and will not be written to.", name=name)
        for _, name in held
    ]
    return visit.go(f"/inbox/message?n={number}", " ".join([visit.say("It is sorted."), *said]))
