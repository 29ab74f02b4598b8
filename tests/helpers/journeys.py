"""What a sender does to a mail-out, move by move, without a server."""

from __future__ import annotations

import sqlalchemy as sa

from mailer.base.states import MailOutState, Receipt, Stage, State
from mailer.ledger import events, mailouts
from mailer.ledger.events import EventKind
from mailer.ledger.ledger import Ledger
from mailer.ledger.moves import claims, transitions
from mailer.ledger.reading import deliveries
from mailer.ledger.reading.counts import count
from mailer.ledger.schema import event
from tests.conftest import SettableClock

YES = Receipt(
    State.ACCEPTED, Stage.DOT, 250, "2.0.0", "queued as 4F1C", "smtp.example", "TLSv1.3", 0.1
)
LATER = Receipt(State.DEFERRED, Stage.RCPT, 450, "4.2.0", "greylisted")
ME = "sender-one"


class Journey:
    """Short names for what a sender does to one mail-out."""

    def __init__(self, ledger: Ledger, mail_out_id: int, clock: SettableClock) -> None:
        self.ledger, self.id, self.clock = ledger, mail_out_id, clock
        self.become(MailOutState.SENDING)

    def become(self, state: MailOutState) -> None:
        with self.ledger.writing() as connection:
            mailouts.change(connection, self.id, state, at=self.clock(), who="Jana")

    def claim(self, limit: int = 1, owner: str = ME) -> list[transitions.Claimed]:
        with self.ledger.writing() as connection:
            return claims.claim(connection, self.id, owner=owner, at=self.clock(), limit=limit)

    def mark(self, one: transitions.Claimed, owner: str = ME) -> bool:
        with self.ledger.writing() as connection:
            return transitions.mark(
                connection, one, owner=owner, at=self.clock(), dated_at=self.clock()
            )

    def record(self, one: transitions.Claimed, receipt: Receipt, **more: object) -> bool:
        with self.ledger.writing() as connection:
            values = {
                "state": receipt.state,
                "reason": None,
                "owner": ME,
                "at": self.clock(),
            } | more
            return transitions.record(connection, one, receipt, **values)  # type: ignore[arg-type]

    def recover(self, *dead: str) -> int:
        with self.ledger.writing() as connection:
            return transitions.recover(
                connection, self.id, dead=dead, owner="sender-two", at=self.clock()
            )

    def counts(self) -> dict[State, int]:
        with self.ledger.reading() as connection:
            return {
                state: number
                for state, number in count(connection, self.id).letters.items()
                if number
            }

    def one(self, number: int) -> deliveries.Delivery:
        with self.ledger.reading() as connection:
            return deliveries.people(connection, self.id)[number - 1]


def paths(connection: sa.Connection) -> dict[int, list[State]]:
    """Return through which states each delivery has gone, as the events say, claims included."""
    columns = (event.c.delivery_id, event.c.kind, event.c.detail)
    found: dict[int, list[State]] = {}
    for row in connection.execute(sa.select(*columns).order_by(event.c.id)):
        if row.kind == EventKind.CLAIMED:
            moved, to = [one for ids in events.in_ranges(row.detail) for one in ids], State.SENDING
        elif row.delivery_id is not None and row.kind in set(State):
            moved, to = [row.delivery_id], State(row.kind)
        else:
            continue
        for one in moved:
            found.setdefault(one, [State.WAITING]).append(to)
    return found
