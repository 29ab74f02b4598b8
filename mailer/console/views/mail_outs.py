"""The mail-outs, the newest first."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from mailer.base.states import State
from mailer.console.request import Visit
from mailer.console.views.outcomes import counted
from mailer.ledger import mailouts
from mailer.ledger.ledger import Connection
from mailer.ledger.mailouts import MailOut
from mailer.report import totals


@dataclass(frozen=True, slots=True)
class MailOutRow:
    """One mail-out in a list."""

    mail_out: MailOut
    counts: dict[State, int]
    needing: dict[State, int]  # of these, those who need a person
    done: int
    to_send: int


def lines(visit: Visit, connection: Connection) -> list[MailOutRow]:
    """Return all mail-outs with their counts, the newest first."""
    found = []
    for mail_out in reversed(mailouts.all_of_them(connection)):
        counts = counted(visit, connection, mail_out.id)
        found.append(
            MailOutRow(mail_out, counts.states, counts.needing, *totals.done(counts.states))
        )
    return found


def index(visit: Visit) -> Response:
    with visit.reading() as connection:
        found = lines(visit, connection)
    return visit.page("mail_outs.html", lines=found, states=totals.IN_ORDER)
