"""The first page: what needs attention, what runs, how the sheets are, and how long until the
session opens.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta

from starlette.responses import Response

from mailer.actions.doctor.examine import examine
from mailer.actions.doctor.finding import Finding, Verdict
from mailer.actions.writing import appeals
from mailer.base.errors import MailerError, Severity
from mailer.base.states import MailOutState, State
from mailer.console.request import Visit
from mailer.console.views.mail_outs import MailOutRow, lines
from mailer.ledger import mailouts, notes
from mailer.ledger.ledger import Connection
from mailer.ledger.reading import answers, listing
from mailer.report import totals

TOO_LONG = timedelta(hours=4)
"""A letter that is still being tried after so long wants a look: a parliament's server is away, or
does not like us.
"""


@dataclass(frozen=True, slots=True)
class Attention:
    """One thing that waits for a person."""

    number: int
    what: str
    where: str  # which mail-out, which sheet
    link: str
    grave: bool = False


@dataclass(frozen=True, slots=True)
class Opening:
    """The next session that an appeal names."""

    appeal: str
    name: str
    opens: date
    days: int
    invented: bool


def show(visit: Visit) -> Response:
    with visit.reading() as connection:
        found = lines(visit, connection)
        waiting = [one for line in found for one in _attention(visit, connection, line)]
    sheets = _sheets(visit)
    errors = sum(errors for _, _, errors in sheets)
    if errors:
        bad = [file for file, _, errors in sheets if errors]
        words = visit.say.many(
            errors, "error in the contact sheets", "errors in the contact sheets"
        )
        where = bad[0] if len(bad) == 1 else visit.say("{n} sheets", n=len(bad))
        waiting.append(Attention(errors, words, where, "/contacts"))
    waiting.sort(key=lambda one: not one.grave)
    return visit.page(
        "start.html",
        waiting=waiting,
        running=[
            line
            for line in found
            if line.mail_out.state in (MailOutState.SENDING, MailOutState.PAUSED)
        ],
        last=found[:5],
        sheets=sheets,
        opening=_opening(visit),
        states=totals.IN_ORDER,
    )


def _attention(visit: Visit, connection: Connection, line: MailOutRow) -> list[Attention]:
    say, counts, name = visit.say, line.counts, line.mail_out.name
    found = []
    here = f"/mail-outs/{name}"
    if line.mail_out.state is MailOutState.PAUSED:
        found.append(
            Attention(
                1,
                say("paused: {why}", why=say.why(line.mail_out.why) or say("no reason given")),
                name,
                here,
                True,
            )
        )
    if line.mail_out.state is MailOutState.PLANNED and (
        line.mail_out.approvals or visit.workspace.settings.safety.approvals
    ):
        waits = say("planned, waiting for the approval of a second person")
        found.append(Attention(line.to_send, waits, name, f"{here}/send", True))
    elif line.mail_out.state in (MailOutState.PLANNED, MailOutState.APPROVED):
        at = line.mail_out.starts_at
        passed = mailouts.has_passed(line.mail_out, visit.now())
        if at and passed:
            waits = say("was to begin by itself on {at}, and has not", at=say.moment(at))
            waits += f": {say.why(line.mail_out.why)}" if line.mail_out.why else ""
        elif at:
            waits = say("planned, the first letter leaves by itself on {at}", at=say.moment(at))
        else:
            waits = say("planned, waiting for somebody to send them")
        where = f"{here}/send" if passed else here
        found.append(Attention(line.to_send, waits, name, where, passed))
    done = notes.done(connection, line.mail_out.id) if any(line.needing.values()) else {}
    needing = visit.console.counts(line.mail_out.id).needing(connection) if done else {}
    ticked = Counter(state for one, state in needing.items() if one in done)
    for state, words in (
        (State.UNKNOWN, say("unknown: whether it arrived, only a person can find out")),
        (State.REFUSED, say("refused by the server: an address or a letter wants a look")),
        (State.ACCEPTED, say("came back: the address is of no use")),
        (State.NOT_SENT, say("given up: their server never said yes")),
        (State.DRAFTED, say("lies as a draft: a person sends it from the mailbox")),
    ):
        open_ = line.needing[state] - ticked[state]
        if open_ > 0:
            link = (
                f"{here}/outcomes?state=unknown" if state is State.UNKNOWN else f"{here}/follow-up"
            )
            found.append(Attention(open_, words, name, link, state is State.UNKNOWN))
    if counts[State.DEFERRED]:
        late = listing.tried_since_before(connection, line.mail_out.id, visit.now() - TOO_LONG)
        if late:
            found.append(
                Attention(
                    late,
                    say("still being tried after four hours"),
                    name,
                    f"{here}/outcomes?state=deferred",
                )
            )
    if counts[State.ACCEPTED] and not _is_past(line, visit):
        today = visit.now().date()
        days = answers.back_on(connection, line.mail_out.id)
        ticked_off = notes.done(connection, line.mail_out.id, days) if days else {}
        if back := sum(day <= today and one not in ticked_off for one, day in days.items()):
            words = say("back from their absence, and nothing heard of them since")
            found.append(Attention(back, words, name, f"{here}/follow-up"))
    return found


def _is_past(line: MailOutRow, visit: Visit) -> bool:
    return line.mail_out.until is not None and line.mail_out.until <= visit.now()


def _sheets(visit: Visit) -> list[tuple[str, int, int]]:
    """Return (file, people, errors) for every sheet."""
    _, book, _ = visit.console.cache.people()
    errors = Counter(
        problem.file for problem in book.problems if problem.severity is Severity.ERROR
    )
    people = Counter(contact.file for contact in book.contacts)
    return [(file, people[file], errors[file]) for file in book.files]


def _opening(visit: Visit) -> Opening | None:
    """Return the next session that opens, of all appeals."""
    today, found = visit.now().date(), []
    for name, appeal in appeals.every(visit.workspace):
        # what is wrong with one is said on its own page
        session = None if isinstance(appeal, MailerError) else appeal.session
        if session and session.opens >= today:
            called = (
                session.name.get(visit.say.language)
                or session.name.get("en")
                or next(iter(session.name.values()))
            )
            found.append(
                Opening(name, called, session.opens, (session.opens - today).days, session.invented)
            )
    return min(found, key=lambda one: one.opens, default=None)


def stop_everything(visit: Visit) -> Response:
    """Set the kill switch: no letter leaves the workspace, whoever sends, while the
    file is there.
    """
    visit.workspace.make_state_dir()
    visit.workspace.kill_switch.touch()
    visit.journal("everything_stopped")
    return visit.go("/")


def allow_again(visit: Visit) -> Response:
    """Take the kill switch away. What was paused by it goes on only when somebody resumes it."""
    try:
        visit.workspace.kill_switch.unlink()
    except FileNotFoundError:
        return visit.go("/", visit.say("Nothing was stopped: sending was allowed already."))
    visit.journal("sending_allowed_again")
    return visit.go(
        "/", visit.say("Sending is allowed again; what was paused waits to be resumed.")
    )


# ------------------------------------------------------------------------------ is all in order?


def order_page(visit: Visit) -> Response:
    """Offer to look at everything that a mail-out rests on: `mailer doctor`."""
    return visit.page("order.html", findings=None)


def order(visit: Visit) -> Response:
    """Look, connect to the mail server and log in once; nothing is changed or sent."""

    async def look() -> list[Finding]:
        return [one async for one in examine(visit.workspace, online=bool(visit.field("online")))]

    return visit.page("order.html", findings=asyncio.run(look()), Verdict=Verdict)
