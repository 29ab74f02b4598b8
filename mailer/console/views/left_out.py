"""Who was not written to and where that stands in the sheets; and who still needs a person, and to
do what.
"""

from __future__ import annotations

from starlette.responses import Response

from mailer.actions.people import to_follow_up
from mailer.base.states import Reason, State
from mailer.console.request import Visit
from mailer.console.views.outcomes import as_file, by_delegation, calls, counted
from mailer.ledger import notes
from mailer.ledger.reading import answers, deliveries
from mailer.ledger.reading.deliveries import Delivery
from mailer.report import totals

NEXT: dict[str, str] = {
    Reason.NO_MAILBOX: "Find the right address and correct the sheet, then plan the rest.",
    Reason.MOVED: "Find the new address and correct the sheet, then plan the rest.",
    Reason.MAILBOX_FULL: "Call the office, or write again in a few days.",
    Reason.SPAM: "Call the office; let somebody write from another address.",
    Reason.POLICY: "Call the office; let somebody write from another address.",
    Reason.TOO_BIG: "Shorten the letter or take an attachment away, then plan the rest.",
    Reason.GAVE_UP: "Their server never said yes. Call the office, or plan the rest.",
    Reason.BROKE_AFTER_DOT: "Ask the person or the server whether it arrived, then settle it.",
}
OF_A_DRAFT = "Send it from your mail program; it is then found among the sent mail."
OTHERWISE = "Read the server's words, and decide."


def next_step(one: Delivery) -> str:
    """Return what a person does next for somebody who needs one."""
    if one.state is State.ACCEPTED:  # it came back
        return NEXT[Reason.NO_MAILBOX]
    if one.state is State.DRAFTED:
        return OF_A_DRAFT
    return NEXT.get(one.reason, OTHERWISE)


OF_A_REASON = 100
"""People of one reason for which somebody was left out."""


def left_out(visit: Visit) -> Response:
    """List everyone who was not written to, by reason, with the cell."""
    with visit.reading() as connection:
        mail_out = visit.mail_out(connection)
        counts = visit.console.counts(mail_out.id)
        found = counts.by_reason(connection, State.SKIPPED, OF_A_REASON)
        groups = [
            (reason, number, _by_number(deliveries.by_id(connection, ids)))
            for reason, (number, ids) in found.items()
        ]
    groups.sort(key=lambda group: (group[0] not in totals.IN_THE_ROW, -group[1]))
    return visit.page(
        "left_out.html",
        mail_out=mail_out,
        groups=groups,
        people=sum(number for _, number, _ in groups),
        fixable=totals.IN_THE_ROW,
    )


def _by_number(people: list[Delivery]) -> list[Delivery]:
    return sorted(people, key=lambda one: one.number)


PAGE = 100
"""People on a page of the follow-up, the worst first."""


def follow_up(visit: Visit) -> Response:
    """List those for whom the mailer can do no more by itself, by delegation, with the
    next step.
    """
    with visit.reading() as connection:
        mail_out = visit.mail_out(connection)
        counts = counted(visit, connection, mail_out.id)
        needing = visit.console.counts(mail_out.id).needing(connection)
        people = len(needing)
        pages = max(1, -(-people // PAGE))
        wanted = visit.query("page")
        page = min(pages, max(1, int(wanted))) if wanted.isascii() and wanted.isdigit() else 1
        here = list(needing)[PAGE * (page - 1) : PAGE * page]
        rows = deliveries.in_order(connection, here)
        back = answers.back_on(connection, mail_out.id)
        done = notes.done(connection, mail_out.id, back)
        said = notes.last_notes(connection, rows, mail_out.id)
        given = notes.assigned(connection, mail_out.id)
        away = deliveries.by_id(connection, list(back))
    return visit.page(
        "follow_up.html",
        mail_out=mail_out,
        groups=by_delegation(visit, rows),
        people=people,
        page=page,
        pages=pages,
        size=PAGE,
        done=done,
        ready=sum(one in done for one in needing),
        given=given,
        away=[(one, back[one.id]) for one in sorted(away, key=lambda one: (back[one.id], one.id))],
        day=visit.now().date(),
        today=visit.now().date().isoformat(),
        notes=said,
        skipped=sum(counts.reasons.get(reason, 0) for reason in totals.IN_THE_ROW),
        next=lambda one: visit.say(next_step(one)),
    )


def call_sheet(visit: Visit) -> Response:
    """Show exactly these people for the telephone."""
    with visit.reading() as connection:
        mail_out = visit.mail_out(connection)
        rows = deliveries.needing_a_person(connection, mail_out.id)
        said = notes.last_notes(connection, rows, mail_out.id)
    return calls(visit, mail_out, rows, said, f"/mail-outs/{mail_out.name}/follow-up")


def export(visit: Visit) -> Response:
    with visit.reading() as connection:
        mail_out = visit.mail_out(connection)
        rows = deliveries.needing_a_person(connection, mail_out.id)
        beside = to_follow_up(connection, mail_out.id, rows)
    return as_file(visit, mail_out, rows, "follow-up", beside)
