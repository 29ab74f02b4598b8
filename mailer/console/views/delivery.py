"""One delivery: what happened to it, the letter exactly as it went out, and what a person does
about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, Response

from mailer.actions import people
from mailer.actions.team.rights import Right
from mailer.base.errors import Refused, UsageError
from mailer.base.states import WORDS, Reason, State
from mailer.console.access.middleware import LETTER_POLICY
from mailer.console.request import Visit
from mailer.console.views.outcomes import asked
from mailer.ledger.events import EventKind
from mailer.ledger.ledger import Connection
from mailer.ledger.mailouts import MailOut
from mailer.ledger.reading import deliveries, listing
from mailer.ledger.reading.deliveries import Delivery, Moment
from mailer.report.evidence import Sent, evidence
from mailer.report.readable import heads_of, html_of, parsed, text_of
from mailer.report.story import story, why

if TYPE_CHECKING:
    from mailer.contacts.holds import Hold


def _wanted(visit: Visit, connection: Connection) -> tuple[MailOut, Delivery]:
    mail_out = visit.mail_out(connection)
    one = listing.one(connection, mail_out.id, visit.request.path_params["number"])
    if one is None:
        raise UsageError(visit.say("There is no such person in {name}.", name=mail_out.name))
    return mail_out, one


def _one(visit: Visit) -> Delivery:
    with visit.reading() as connection:
        return _wanted(visit, connection)[1]


def _held(visit: Visit, one: Delivery) -> Hold | None:
    _, _, held = visit.console.cache.people()
    return held.match(one)


def show(visit: Visit) -> Response:
    with visit.reading() as connection:
        mail_out, one = _wanted(visit, connection)
        moments = deliveries.timeline(connection, one.id)
        head = deliveries.in_copy_to(connection, one)
        others = listing.of_person(connection, one)
        what = asked(visit)  # the list that led here; without one, everybody
        here = (connection, mail_out.id, what.wanted)
        after = listing.page(*here, sort=what.sort, after=one.number, limit=1).rows
        before = listing.page(*here, sort=what.sort, before=one.number, limit=1).rows
        followed = deliveries.needs_a_person(connection, one.id)
    return visit.page(
        "delivery.html",
        mail_out=mail_out,
        one=one,
        steps=list(story(mail_out, one, moments, head)),
        because=why(one),
        others=others,
        query=what.query,
        narrowed=what.narrowed,
        before=before[0] if before else None,
        after=after[0] if after else None,
        held=_held(visit, one),
        done=_done(moments),
        followed=followed,
        evidence=evidence(one, moments),
        may_settle=one.state in (State.UNKNOWN, State.DRAFTED)
        and one.reason != Reason.SHARED  # the letter is settled, for all whom it names
        and visit.may(Right.SEND),
    )


def _done(moments: Sequence[Moment]) -> tuple[str, datetime] | None:
    """Return who ticked the follow-up off and when, unless somebody has taken it up again."""
    last = [moment for moment in moments if moment.kind in (EventKind.DONE, EventKind.TO_DO_AGAIN)][
        -1:
    ]
    return (last[0].who, last[0].at) if last and last[0].kind is EventKind.DONE else None


# --------------------------------------------------------------------------------------- the letter


def _sent(visit: Visit) -> tuple[MailOut, Delivery, Sent]:
    """Return the letter as it went over the line, and write down who opened it."""
    with visit.reading() as connection:
        mail_out, one = _wanted(visit, connection)
    sent = people.open_letter(visit.workspace, visit.console.ledger, one, who=visit.who)
    if sent is None:
        raise UsageError(visit.say("There is no letter for {name}.", name=one.name or one.shown))
    return mail_out, one, sent


def letter(visit: Visit) -> Response:
    mail_out, one, sent = _sent(visit)
    message = parsed(sent.data)
    heads = (
        sent.data.replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode("utf-8", "backslashreplace")
    )
    return visit.page(
        "letter.html",
        mail_out=mail_out,
        one=one,
        heads=heads_of(message),
        text=text_of(message),
        source=heads,
        sent=sent,
        files=[part.get_filename() or "?" for part in message.iter_attachments()],
        has_html=message.get_body(("html",)) is not None,
    )


def html(visit: Visit) -> Response:
    """Return the HTML of the letter for its sandboxed frame."""
    _, _, sent = _sent(visit)
    return framed(html_of(parsed(sent.data)))


def framed(text: str) -> Response:
    """Return the HTML of a letter under a policy of its own: nothing remote, no script, only in a
    frame of ours.
    """
    return HTMLResponse(text, headers={"content-security-policy": LETTER_POLICY})


def eml(visit: Visit) -> Response:
    _, one, sent = _sent(visit)
    name = f"{one.shown}.eml"
    return Response(
        sent.data,
        media_type="message/rfc822",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


# ------------------------------------------------------------------------------- what a person does


def _here(visit: Visit) -> str:
    params = visit.request.path_params
    return f"/mail-outs/{params['mail_out']}/people/{params['number']}"


def note(visit: Visit) -> Response:
    """Write a note beside the delivery."""
    text = visit.text("text", 4000)
    if not text:
        raise UsageError(visit.say("The note is empty."))
    people.note(visit.console.ledger, _one(visit), text, who=visit.who)
    return visit.go(_here(visit), visit.say("The note is written."))


def done(visit: Visit) -> Response:
    """Tick a follow-up off, or take it up again."""
    again = bool(visit.field("again"))
    people.follow_up(visit.console.ledger, _one(visit), again=again, who=visit.who)
    back = visit.field("next")
    return visit.go(back if back.startswith("/mail-outs/") else _here(visit))


def assign(visit: Visit) -> Response:
    """Say who follows a delivery up, and by which day."""
    due = visit.field("due")
    try:
        day = date.fromisoformat(due) if due else None
    except ValueError:
        raise UsageError(visit.say("This is no day: {day}.", day=due)) from None
    one = _one(visit)
    people.assign(visit.console.ledger, one, visit.field("owner"), day, who=visit.who)
    return visit.go(f"/mail-outs/{visit.request.path_params['mail_out']}/follow-up")


def _because(visit: Visit) -> str:
    if because := visit.text("because", 1000):
        return because
    raise UsageError(visit.say("Say what became of the letter, and how you know."))


def settle(visit: Visit) -> Response:
    """Let a named person say what became of an unknown letter."""
    words = {"accepted": State.ACCEPTED, "not_sent": State.NOT_SENT}
    to, because = words.get(visit.field("to")), _because(visit)
    if to is None:
        raise UsageError(visit.say("Say what became of the letter, and how you know."))
    people.settle(
        visit.workspace, visit.console.ledger, _one(visit), to, who=visit.who, because=because
    )
    return visit.go(_here(visit), visit.say("Settled: {state}.", state=visit.say(WORDS[to])))


def resend(visit: Visit) -> Response:
    """Plan the same letter once more: the same bytes and Message-ID. This one stays unknown, and
    nothing is sent by it.
    """
    because = _because(visit)
    with visit.reading() as connection:
        mail_out, one = _wanted(visit, connection)
    now = visit.console.cache.draft(mail_out.appeal)
    new = people.resend(visit.console.ledger, one, now, who=visit.who, because=because)
    return visit.go(f"/mail-outs/{new}/send")


def hold(visit: Visit) -> Response:
    """Put this person on the hold list: never written to again, until released."""
    one = _one(visit)
    # the list has the name; what is erased there must not stand in the journal
    said = held(visit, one.address, one.name, one.delegation)
    return visit.go(_here(visit), said)


def held(visit: Visit, address: str, name: str, delegation: str) -> str:
    """Put somebody on the hold list, and say whom the entry holds."""
    say, because = visit.say, visit.text("because", 500)
    if not because:
        raise UsageError(say("Say why nobody writes to this person any more."))
    _, book, there = visit.console.cache.people()
    done = people.hold(
        visit.workspace,
        visit.console.ledger,
        book.contacts,
        there,
        address=address,
        name=name,
        delegation=delegation,
        because=because,
        who=visit.who,
        at=visit.now(),
    )
    if done.before:
        raise Refused(say("{name} is on the hold list already.", name=done.name))
    if done.matched:
        said = [say("{name} is on the hold list and will not be written to.", name=done.name)]
    else:
        said = [
            say("{name} is on the hold list, which holds nobody in the sheets.", name=done.name)
        ]
    if done.near:
        said.append(say("The nearest name there is {near}.", near=done.near))
    if gone := [one.mail_out for one in done.taken_out if one.numbers]:
        said.append(say("Taken out of {where}.", where=", ".join(gone)))
    if late := [one.mail_out for one in done.taken_out if one.too_late]:
        what = "Too late for {where}: that letter is being handed over."
        said.append(say(what, where=", ".join(late)))
    if lying := [one.mail_out for one in done.taken_out if one.drafts]:
        what = "A draft of {where} lies in the mailbox: delete it there, and say so on its page."
        said.append(say(what, where=", ".join(lying)))
    return " ".join(said)
