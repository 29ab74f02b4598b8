"""The mail-outs, the newest first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import Response

from mailer.base.errors import UsageError
from mailer.base.states import State
from mailer.console.request import Visit
from mailer.console.views.live import tile_map
from mailer.console.views.outcomes import counted
from mailer.inbox.kinds import RETURNED
from mailer.ledger import mailouts
from mailer.ledger.ledger import Connection, number_of
from mailer.ledger.mailouts import MailOut
from mailer.ledger.reading.scope import standing
from mailer.report import comparison, returns, totals

MOST_NAMES = 200
"""So many of those of whom the same became are listed."""

NEEDING = 200
"""So many of those who need a person are listed."""


@dataclass(frozen=True, slots=True)
class MailOutRow:
    """One mail-out in a list."""

    mail_out: MailOut
    counts: dict[State, int]
    needing: Mapping[State, int]  # of these, those who need a person
    done: int
    to_send: int


def lines(visit: Visit, connection: Connection) -> list[MailOutRow]:
    """Return all mail-outs with their counts, the newest first."""
    found = []
    for mail_out in reversed(mailouts.all_of_them(connection)):
        counts = counted(visit, connection, mail_out.id)
        done = totals.done(counts.states)
        found.append(MailOutRow(mail_out, counts.states, counts.needing, *done))
    return found


def index(visit: Visit) -> Response:
    with visit.reading() as connection:
        found = lines(visit, connection)
    same = Counter(line.mail_out.appeal for line in found)
    return visit.page("mail_outs.html", lines=found, same=same, states=totals.IN_ORDER)


def of_appeal(visit: Visit) -> Response:
    """Show an appeal over all its mail-outs, each person once."""
    name: str = visit.request.path_params["appeal"]
    known = visit.workspace.delegations
    with visit.reading() as connection:
        whole = standing(connection, name)
        if whole is None:
            raise UsageError(visit.say("Nothing has been planned yet."))
        counts = visit.console.counts(whole.id)
        now = counts.now(connection)
        needing = counts.first_needing(connection, NEEDING)
        lines = totals.delegations(connection, now, known)
    table = now.delegations
    return visit.page(
        "standing.html",
        whole=whole,
        lines=totals.totals(now),
        states=[state for state in totals.IN_ORDER if now.states[state]],
        counts=now.states,
        needing=needing,
        more=sum(now.needing.values()) - len(needing),
        delegations=lines,
        came_back=returns.said(now.came_back),
        tiles=tile_map(table, now.letters_with([kind.value for kind in RETURNED])),
        absent=visit.absent(table),
    )


def compare(visit: Visit) -> Response:
    """Show what became of the same people in this mail-out and in another one."""
    with visit.reading() as connection:
        mail_out = visit.mail_out(connection)
        everything = mailouts.all_of_them(connection)
        choices = [one for one in reversed(everything) if one.id != mail_out.id]
        wanted = number_of(visit.query("with")) if visit.query("with") else None
        other = mailouts.get(connection, wanted) if wanted else None
        fates = comparison.compare(connection, mail_out.id, other.id, MOST_NAMES) if other else []
    return visit.page(
        "compare.html",
        mail_out=mail_out,
        choices=choices,
        other=other,
        fates=fates,
    )
