"""What came back: what waits for a person, one message as text beside its letter, and its sorting.

A message is text here, never HTML: nothing of it is loaded, run or opened. What hangs on it can be
saved as it came.
"""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path
from urllib.parse import quote

from starlette.responses import Response

from mailer.actions import inbox as actions
from mailer.actions.people import open_letter
from mailer.base.errors import UsageError
from mailer.console.request import Visit
from mailer.inbox.kinds import WORDS, InboxKind
from mailer.ledger import mailouts
from mailer.ledger.ledger import number_of
from mailer.ledger.reading import answers
from mailer.ledger.reading.answers import WantedMessages
from mailer.ledger.reading.deliveries import Delivery

PAGE = 50
LETTERS = 3
"""So many of the letters that a message belongs to stand beside it."""


def _asked(visit: Visit) -> tuple[WantedMessages, dict[str, str]]:
    """Read the address bar: what is wanted, and the same again for links."""
    query = {name: visit.query(name) for name in ("all", "kind", "m", "delegation")}
    query["q"] = visit.query("q").strip()[:200]
    kind = visit.known(query["kind"], WORDS)
    query["delegation"] = visit.known_delegation(query["delegation"])
    wanted = WantedMessages(
        kinds=(kind,) if kind else (),
        waiting=not any(query.values()),
        mail_out_id=number_of(query["m"]) if query["m"] else None,
        delegations=(query["delegation"],) if query["delegation"] else (),
        search=query["q"],
    )
    return wanted, {name: value for name, value in query.items() if value}


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def index(visit: Visit) -> Response:
    """List what waits for a person, or what is looked for, the newest first, a page at a time."""
    wanted, query = _asked(visit)
    older, newer = _number(visit.query("older")), _number(visit.query("newer"))
    with visit.reading() as connection:
        found = answers.messages(
            connection, wanted, limit=PAGE + 1, older_than=older, newer_than=newer
        )
        number = answers.count(connection, wanted)
        # of what is chosen otherwise: reading every text twice would be slow
        apart = replace(wanted, search="", delegations=())
        delegations = answers.by_delegation(connection, apart)
        more = len(found) > PAGE
        found = found[-PAGE:] if newer is not None else found[:PAGE]
        trouble = [one for one in answers.mailboxes(connection) if one.fault]
    return visit.page(
        "inbox.html",
        found=found,
        number=number,
        newer=found and (older is not None or (newer is not None and more)),
        older=found and (newer is not None or more),
        delegations=delegations,
        trouble=trouble,
        words=WORDS,
        query=query,
    )


def message(visit: Visit) -> Response:
    """Show one message as text, beside the letters that were sent; who opened them is on record."""
    number = _number(visit.query("n"))
    if number is None:
        return visit.go("/inbox")
    wanted, query = _asked(visit)
    with visit.reading() as connection:  # before it is opened, and waits no more
        newer, older = answers.beside(connection, wanted, number)
    found = actions.open_message(visit.console.ledger, number, at=visit.now(), who=visit.who)
    with visit.reading() as connection:
        ids = {it.mail_out_id for it in found.people}
        appeals = {one: mailouts.get(connection, one).appeal for one in ids}
    return visit.page(
        "message.html",
        found=found,
        one=found.row,
        letters=[(it, _letter(visit, it)) for it in found.people[:LETTERS]],
        proposals=actions.proposals(found.row),
        by_letter={it.shown: it for it in found.people},
        sheet=lambda it: Path(it.file).name,
        appeals=appeals,
        newer=newer,
        older=older,
        query=query,
        words=WORDS,
        Follows=actions.Follows,
    )


def _letter(visit: Visit, one: Delivery) -> str:
    """Return the text of a letter that was sent; empty where there is none any more."""
    sent = open_letter(visit.workspace, visit.console.ledger, one, who=visit.who)
    if sent is None:
        return ""
    letter = message_from_bytes(sent.data, policy=policy.default)
    body = letter.get_body(("plain",))
    return f"{letter['Subject']}\n\n{body.get_content() if body else ''}"


def attachment(visit: Visit) -> Response:
    """Return what hangs on a message, as it came, to be saved and never shown."""
    number, part = _number(visit.query("n")), _number(visit.query("part"))
    if number is None or part is None:
        return visit.go("/inbox")
    found = actions.open_message(visit.console.ledger, number, at=visit.now(), who=visit.who)
    here = found.attached[part : part + 1]
    if not here or here[0].data is None:
        raise UsageError(visit.say("It is not kept here; it lies in the mailbox."))
    name = quote(here[0].name, safe="")
    visit.journal("saved", f"message {number}, attachment {part + 1}")
    return Response(
        here[0].data,
        media_type="application/octet-stream",
        headers={
            "content-disposition": f"attachment; filename*=UTF-8''{name}",
            "content-security-policy": "sandbox; default-src 'none'",
            "x-content-type-options": "nosniff",
        },
    )


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
    said = []
    for one in held:
        words = "{name} is on the hold list and will not be written to."
        said.append(visit.say(words, name=one.name))
        if where := ", ".join(one.drafts):
            what = (
                "A draft of {where} lies in the mailbox: delete it there, and say so on its page."
            )
            said.append(visit.say(what, where=where))
    return visit.go(f"/inbox/message?n={number}", " ".join([visit.say("It is sorted."), *said]))
