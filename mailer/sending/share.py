"""One sender's share of a mail-out: what it writes in the send log when it begins, while it sends
and when it ends.

Each of these is one transaction. After a crash the next sender puts right what this one left
(`guard/rescue.py`), and its share of the connections falls to the others.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from mailer.base import clock
from mailer.base.states import MailOutState
from mailer.contacts.holds import Stamp, WatchedList
from mailer.ledger import mailouts
from mailer.ledger.guard import rescue
from mailer.ledger.guard.senders import dead_senders
from mailer.ledger.ledger import Connection, Ledger
from mailer.ledger.mailouts import MailOut
from mailer.ledger.moves import claims, holding, limits, shares
from mailer.ledger.moves.servers import KnownServer
from mailer.ledger.moves.writer import Writer
from mailer.ledger.reading import due
from mailer.sending.queue import SendingOptions


@dataclass
class Share:
    """What one sender does in the log, all of it within transactions of its writer."""

    ledger: Ledger
    mail_out_id: int
    me: str
    options: SendingOptions
    helper: bool  # takes part in what somebody has begun, and begins nothing
    last_word: int | None  # `mailouts.last_word` as the command was given
    tell: Callable[[dict[str, Any]], object]  # called on the ledger's thread
    connections: int = field(default=0, init=False)  # how many it may open by now
    _resting: float = field(default=0.0, init=False)  # seconds, to be said at the next look
    _looked: bool = field(default=False, init=False)  # in this round of the loop: all was quiet

    def __post_init__(self) -> None:
        self._wish = mailouts.pause_wish(self.ledger, self.mail_out_id)

    def nobody_left(self, connection: Connection) -> bool:
        """Put right what dead senders left; with nobody to write to, no server is needed to be
        finished.
        """
        self._recover(connection)
        if due.somebody_is_left(connection, self.mail_out_id):
            return False
        self.begin(connection)
        mailouts.finish_if_done(connection, self.mail_out_id, at=self.ledger.now(), who=self.me)
        return True

    def begin(self, connection: Connection) -> MailOut:
        """Begin the sending, or go on with it; unless somebody has paused it since the command."""
        mailouts.decide_alone(connection, self.mail_out_id)
        mail_out = mailouts.get(connection, self.mail_out_id)
        if mail_out.state in (MailOutState.FINISHED, MailOutState.STOPPED):
            return mail_out  # another sender was quicker, or somebody has just stopped it
        if self.helper or mailouts.last_word(connection, self.mail_out_id) != self.last_word:
            return mail_out
        return mailouts.change(
            connection, mail_out.id, MailOutState.SENDING, at=self.ledger.now(), who=self.me
        )

    async def heed(self, writer: Writer) -> None:
        """Take out whoever has come onto the hold list. It counts as obeyed once that is on disk:
        a transaction that is undone, with another's fault, is asked for once more.
        """
        holds = self.options.holds
        if holds is None or not holds.has_changed:
            return
        out, stamp = await writer.run(self._take_out, holds)
        holds.obeyed(stamp)
        if out is not None:
            self.tell({"event": "held", "people": len(out.numbers)})

    def _take_out(
        self, connection: Connection, holds: WatchedList
    ) -> tuple[holding.TakenOut | None, Stamp]:
        held, stamp = holds.look()
        at = self.ledger.now()
        return holding.take_out(connection, self.mail_out_id, held, at=at, who=self.me), stamp

    def all_quiet(self) -> bool:
        """Say that there is no kill switch, no wish to pause, and nobody new on the hold list.

        Looked for before every dot, once for all that leave in one round of the event loop: a call
        of the system slows down what follows it by more than it takes itself.
        """
        if not self._looked:
            holds = self.options.holds
            self._looked = not (
                _there(self.options.kill_switch)
                or _there(self._wish)
                or (holds is not None and holds.has_changed)
            )
            if self._looked:
                asyncio.get_running_loop().call_soon(self._look_again)
        return self._looked

    def _look_again(self) -> None:
        self._looked = False

    def asked_to_pause(self) -> tuple[str, str] | None:
        """Return why, and who asked, where the kill switch is on, or somebody wants a pause that
        could not be written into the log.
        """
        if (switch := self.options.kill_switch) is not None and _there(switch):
            return f"the kill switch is on (the file {switch.name})", ""
        if self._wish is not None and _there(self._wish):
            return "asked for while the send log was held", self._wish.read_text("utf-8")
        return None

    def wish_is_heeded(self) -> None:
        """Take the wish to pause away, once the mail-out is paused."""
        if self._wish is not None:
            self._wish.unlink(missing_ok=True)

    def heed_the_clock(self, connection: Connection) -> None:
        """Let who waits do so for as long as was meant, whatever the clock was set to since."""
        at, options = self.ledger.now(), self.options
        claims.heed_the_clock(connection, self.mail_out_id, at)
        limits.heed_the_clock(connection, options.limits, options.account, at)

    def clock_was_set(self, connection: Connection, seconds: float) -> None:
        """Hold what is claimed for as long as was meant, too: to others it may seem run out."""
        claims.renew(connection, self.mail_out_id, owner=self.me, at=self.ledger.now())
        self.heed_the_clock(connection)
        by = f"{'on' if seconds > 0 else 'back'} by {clock.span(seconds)}"
        what = f"this computer's clock was set {by}; who waits does so for as long as was meant"
        self.tell({"event": "learnt", "what": what})

    def take_connections(self, connection: Connection, used: int) -> int:
        """Return how many connections this sender may have; `used` is how many it has."""
        limit = self.options.limits.connections
        self.connections = shares.take(
            self.ledger, connection, self.mail_out_id, self.me, limit=limit, used=used
        )
        if self._resting:
            self.wait(connection, "slow_down", 0, self._resting)
            self._resting = 0.0
        return self.connections

    def rest(self, seconds: float) -> None:
        """Hold back, as the server has asked; it is in the log in a moment."""
        self._resting = seconds

    def wait(self, connection: Connection, why: str, number: int, seconds: float) -> None:
        """Say in the log what this sender waits for; nothing, where the seconds are none."""
        until = self.ledger.now() + timedelta(seconds=seconds)
        shares.wait(connection, self.mail_out_id, self.me, why, number, until)

    def pause(self, connection: Connection, why: str, who: str = "") -> None:
        """Pause the mail-out, where it is being sent."""
        if mailouts.get(connection, self.mail_out_id).state is MailOutState.SENDING:
            to, at = MailOutState.PAUSED, self.ledger.now()
            mailouts.change(connection, self.mail_out_id, to, at=at, who=who or self.me, why=why)

    def end(self, connection: Connection) -> MailOut:
        """Give back what this sender still holds, and close the mail-out where nobody is left."""
        self._recover(connection, dead=(self.me,))
        shares.give_back(connection, self.me)
        rescue.tidy(self.ledger, connection)
        mailouts.finish_if_done(connection, self.mail_out_id, at=self.ledger.now(), who=self.me)
        return mailouts.get(connection, self.mail_out_id)

    def _recover(self, connection: Connection, dead: tuple[str, ...] = ()) -> None:
        dead = (*dead, *dead_senders(self.ledger, connection, self.mail_out_id))
        at = self.ledger.now()
        rescue.take_over(self.ledger, connection, self.mail_out_id, dead, me=self.me, at=at)


def _there(file: Path | None) -> bool:
    return file is not None and os.access(file, os.F_OK)


def what_was_learnt(server: str, before: KnownServer, now: KnownServer) -> list[str]:
    """Say what has been found out about a server."""
    said = []
    if now.per_connection != before.per_connection:
        said.append(
            f"{server} takes {now.per_connection} letters on a connection; from now on it is opened"
            " anew after as many ([limits] per_connection)"
        )
    if now.pipelining_lost != before.pipelining_lost:
        then = "; from now on they are sent one by one ([smtp] pipelining)"
        lost = f"{server} lost commands that were sent ahead (PIPELINING)"
        said.append(lost + ("" if now.pipelines else then))
    return said
