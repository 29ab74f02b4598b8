"""The delegations of a mail-out: the map and the table beside it, each number a link to
its rows.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from mailer.base.spelling import tokens
from mailer.base.states import State
from mailer.console.request import Visit
from mailer.console.tiles import shade
from mailer.console.views.live import tile_map
from mailer.console.views.outcomes import counted
from mailer.report import totals


@dataclass(frozen=True, slots=True)
class DelegationRow:
    """One delegation."""

    code: str
    name: str
    seats: int  # representatives and substitutes; 0 where not known
    people: int
    counts: dict[State, int]
    chosen: int  # of the left out, those for whom the mail-out never was
    excluded: bool  # the appeal leaves it out

    @property
    def accepted(self) -> int:
        return self.counts[State.ACCEPTED]

    @property
    def coverage(self) -> int | None:
        """How many per cent of the seats have a letter accepted; None without known seats, or where
        none was meant.
        """
        return min(100, 100 * self.accepted // self.seats) if self.seats and self.meant else None

    @property
    def meant(self) -> bool:
        """Whether the mail-out was for anybody here: somebody gets a letter, or would, were the row
        in order.
        """
        return self.counts[State.SKIPPED] < self.people or not (self.chosen or self.excluded)

    @property
    def look(self) -> list[int]:
        """How many want a look, by state, the worst first."""
        counts = {**self.counts, State.SKIPPED: self.counts[State.SKIPPED] - self.chosen}
        return [counts[state] for state in totals.WORST_FIRST]

    @property
    def shade(self) -> int:
        return shade(self.accepted, self.seats or self.people)


def show(visit: Visit) -> Response:
    known = visit.workspace.delegations
    with visit.reading() as connection:
        mail_out = visit.mail_out(connection)
        found = counted(visit, connection, mail_out.id)
    table = found.delegations
    rows = []
    for code, counts in table.items():
        seat = known.get(code)
        seats = seat.representatives + seat.substitutes if seat else 0
        rows.append(
            DelegationRow(
                code,
                visit.name_of(code),
                seats,
                sum(counts.values()),
                counts,
                found.chosen.get(code, 0),
                code in found.excluded,
            )
        )
    order = visit.known(visit.query("sort"), ("look", "name", "coverage")) or "look"
    if order == "name":
        rows.sort(key=lambda row: tokens(row.name))
    elif order == "coverage":
        rows.sort(
            key=lambda row: (row.coverage if row.coverage is not None else 101, tokens(row.name))
        )
    else:
        rows.sort(key=lambda row: ([-number for number in row.look], tokens(row.name)))
    return visit.page(
        "delegations.html",
        mail_out=mail_out,
        rows=rows,
        tiles=tile_map(table, found.returned),
        order=order,
        absent=visit.absent(table),
        columns=(
            State.ACCEPTED,
            State.REFUSED,
            State.UNKNOWN,
            State.DRAFTED,
            State.DEFERRED,
            State.NOT_SENT,
            State.SKIPPED,
        ),
        waiting=sum(row.counts[State.WAITING] + row.counts[State.SENDING] for row in rows),
    )
