"""The queue of a sending: which letter is next, and when.

The workers of `dispatch` take letters from here. The queue claims them in the order of sending, no
faster than the limits allow, holds back when a server asks for patience, and knows when there is
nothing left. A claim and what it spends of the limits are one transaction, after which the letters
are read: after a crash what was claimed and not handed over waits again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mailer.base import clock
from mailer.base.settings.tables import Limits
from mailer.base.states import MailOutState, Reason, State
from mailer.contacts.holds import WatchedList
from mailer.ledger import mailouts, stored_letters
from mailer.ledger.guard import rescue
from mailer.ledger.guard.senders import dead_senders
from mailer.ledger.ledger import Connection, Ledger, lock, shown
from mailer.ledger.mailouts import MailOut
from mailer.ledger.moves import claims, limits, transitions
from mailer.ledger.moves.transitions import Claimed
from mailer.ledger.moves.writer import Writer
from mailer.ledger.reading import due
from mailer.ledger.stored_letters import PlannedLetter
from mailer.letters.message.finish import finished
from mailer.sending import retry
from mailer.sending.smtp.session import Envelope

if TYPE_CHECKING:
    # most letters are signed by the organisation's own server, and its library is slow to import
    from mailer.letters.message.dkim import Signer
    from mailer.sending.share import Share

IDLE = 20.0  # seconds after which a worker without a letter says goodbye to the server
# letters claimed at once per connection, where no rate limit says otherwise: more would keep
# markers waiting
AHEAD = 4
LEFT = 2  # so many are left per connection when more are claimed: that takes a while
ROOM = 8_000_000  # and bytes: as many letters as fit, one per connection at least
LONG = 30.0  # seconds from which on a wait is told
LOOKED = "The first letters have gone out; look whether they arrived as they should."


@dataclass(frozen=True, slots=True)
class SendingOptions:
    """How fast, how often, for how long."""

    limits: Limits
    account: str = "account"  # whose limits they are
    schedule: tuple[timedelta, ...] = retry.SCHEDULE
    no_progress: timedelta = timedelta(
        minutes=15
    )  # how long a server may be away before the mail-out pauses
    patience: timedelta = timedelta(
        minutes=1
    )  # how long to hold back when a server asks to slow down, at first
    kill_switch: Path | None = None  # while this file exists, no dot is written
    holds: WatchedList | None = None  # whoever comes onto it is not written to any more


@dataclass(slots=True)
class LetterToSend:
    """A claimed delivery with its finished bytes; one object for as long as it is tried."""

    claimed: Claimed
    dated_at: datetime
    envelope: Envelope

    @classmethod
    def of(
        cls,
        one: Claimed,
        letter: PlannedLetter,
        sender: str,
        at: datetime,
        signer: Signer | None,
    ) -> LetterToSend:
        """Finish a letter; `at` is its Date, where it has none yet."""
        dated_at = one.dated_at or at
        # a delivery report names it, where reports are asked for
        envid = f"{shown(one.mail_out_id)}-{one.number:03d}"
        data, shared = finished(letter.own, letter.shared, dated_at, signer)
        return cls(one, dated_at, Envelope(sender, one.address, data, envid, shared))


class LetterQueue:
    """The letters of one sending."""

    def __init__(
        self,
        ledger: Ledger,
        writer: Writer,
        mail_out: MailOut,
        options: SendingOptions,
        share: Share,
        signer: Signer | None,
    ) -> None:
        self.halted = asyncio.Event()  # no further letter is to be begun
        self.stirred = (
            asyncio.Event()
        )  # something has happened that may make a letter due, or end the waiting
        self._ledger, self._writer, self._options = ledger, writer, options
        self._share, self._me = share, share.me
        self._id, self._until = mail_out.id, mail_out.until
        self._sender, self._signer = mail_out.sender, signer
        self._queue: deque[LetterToSend] = deque()
        self._claiming = asyncio.Lock()
        self._filling: asyncio.Task[float | None] | None = None
        self._largest = 1  # bytes of a letter
        self._look_is_to_come = False
        self._told_until = 0.0  # on `clock.steady`: the end of the wait that was told last
        self._held_until = 0.0  # on the loop's clock
        self._asked_to_slow_down = 0

    def halt(self) -> None:
        self.halted.set()
        self.stirred.set()

    def begin(self, connection: Connection) -> None:
        """Find out whether somebody is still to look at the first letters."""
        self._look_is_to_come = due.begun(connection, self._id) < self._options.limits.first

    @property
    def tasks(self) -> list[asyncio.Task[Any]]:
        """What still runs on behalf of the queue, for the end of the sending."""
        return [] if self._filling is None else [self._filling]

    def slow_down(self) -> float:
        """Hold back for a minute, longer each time it is asked for again, ten at most. Returns the
        seconds.
        """
        seconds: float = min(
            600.0, self._options.patience.total_seconds() * 2**self._asked_to_slow_down
        )
        self._asked_to_slow_down += 1
        self._share.rest(seconds)
        self._held_until = max(self._held_until, asyncio.get_running_loop().time() + seconds)
        return seconds

    def at_ease(self) -> None:
        """A server took a letter: the next request to slow down counts as the first."""
        self._asked_to_slow_down = 0

    def ready(self) -> LetterToSend | None:
        """Return a letter that is claimed already and may be begun now."""
        if self.halted.is_set() or not self._queue or self._held() > 0:
            return None
        one = self._queue.popleft()
        limits = self._options.limits
        if len(self._queue) == LEFT * limits.connections and not limits.any:
            self._filling = asyncio.create_task(
                self._fill()
            )  # before the workers have to wait for it
        return one

    async def take(self) -> LetterToSend | None:
        """Wait for the next letter. None: there is none left, or the sending is halted."""
        while not self.halted.is_set():
            if self._filling is not None:
                filling, self._filling = self._filling, None
                await filling
            async with self._claiming:
                if (one := self.ready()) is not None:
                    return one
                self.stirred.clear()
                wait: float | None = self._held()
                if not wait:
                    wait = await self._fill()
                    if self._queue:
                        continue
                if wait is None or await self.over():
                    self.halt()
                    return None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stirred.wait(), wait)
        return None

    async def give_back(self) -> None:
        """Let the letters that are claimed and not begun wait again, for the others."""
        back, self._queue = [one.claimed for one in self._queue], deque()
        if back:
            at = self._ledger.now()
            await self._writer.run(transitions.release, back, owner=self._me, at=at)

    async def over(self) -> bool:
        """Tell whether somebody has paused or stopped the mail-out."""
        state = (await self._writer.run(mailouts.get, self._id)).state
        return state is not MailOutState.SENDING

    def _held(self) -> float:
        """Return for how long a server has asked for patience."""
        if not self._held_until:
            return 0.0
        return max(0.0, self._held_until - asyncio.get_running_loop().time())

    async def _fill(self) -> float | None:
        """Claim more letters. Returns what `_claim` says of the wait."""
        await self._share.heed(self._writer)
        claimed, wait = await self._writer.run(self._claim)
        if claimed:
            found = await asyncio.to_thread(self._letters, {one.digest for one in claimed})
            at = self._ledger.now()  # all at once: what was not run just before takes far longer
            self._queue += [
                LetterToSend.of(one, found[one.digest], self._sender, at, self._signer)
                for one in claimed
            ]
            self._largest = max(self._largest, *(len(one.envelope.data) for one in self._queue))
        return wait

    def _letters(self, digests: set[str]) -> dict[str, PlannedLetter]:
        with self._ledger.reading() as connection:
            return stored_letters.read(connection, digests)

    def _claim(self, connection: Connection) -> tuple[list[Claimed], float | None]:
        """Claim what is due. Returns the letters, and the seconds to wait for more (None: there
        will be none).
        """
        if not self._share.connections:  # the others have all of them: they shall have the letters
            return [], 1.0
        at, options = self._ledger.now(), self._options
        if self._until is not None and at >= self._until:
            transitions.not_sent(connection, self._id, Reason.LAST_DAY, at=at, who=self._me)
        most, account = options.limits.connections, options.account
        limit = max(most, min(most * AHEAD, ROOM // self._largest))
        if self._look_is_to_come:
            lock(connection, "claim")  # the first letters are counted over all senders
            limit = min(limit, options.limits.first - due.begun(connection, self._id))
            if limit <= 0:
                return [], self._look(connection)
        if options.limits.any:
            if (wait := limits.wait(connection, options.limits, account, at)).seconds > 0:
                return [], self._told(connection, wait.seconds, wait.setting, wait.number)
            limit = 1
        careful = bool(options.limits.per_domain) or limits.some_domain_is_closed(connection, at)
        claimed = claims.claim(
            connection, self._id, owner=self._me, at=at, limit=limit, open_only=careful
        )
        if claimed and self._told_until > clock.steady():  # it ended earlier than was thought
            self._told_until = 0.0
            self._share.wait(connection, "", 0, 0.0)
        for one in claimed if options.limits.any else ():
            limits.spend(connection, options.limits, account, one.address, at)
        return claimed, 0.0 if claimed else self._next_due(connection)

    def _told(self, connection: Connection, seconds: float, why: str, number: int = 0) -> float:
        """Tell of a wait that is long enough to be asked about, once. Returns its seconds."""
        until = clock.steady() + seconds
        if seconds >= LONG and abs(until - self._told_until) > 1:
            self._told_until = until
            self._share.wait(connection, why, number, seconds)
            self._share.tell({"event": "wait", "why": why, "limit": number, "seconds": seconds})
        return seconds

    def _look(self, connection: Connection) -> float | None:
        """Pause for a look when the first letters have their outcomes; until then wait for them."""
        if dead := dead_senders(self._ledger, connection, self._id):
            at = self._ledger.now()
            rescue.take_over(self._ledger, connection, self._id, dead, me=self._me, at=at)
        if sending := due.count(connection, self._id, State.SENDING):
            _, mine = due.open_and_mine(connection, self._id, self._me)
            return IDLE if mine == sending else 1.0
        self._look_is_to_come = False
        self._share.pause(connection, LOOKED)
        return None

    def _next_due(self, connection: Connection) -> float | None:
        """Return the seconds until something may be due, though nothing is now; None: nobody waits
        any more, or the mail-out is not being sent: then those who wait are not counted, who may be
        a million.
        """
        if mailouts.get(connection, self._id).state is not MailOutState.SENDING:
            return None
        open_, mine = due.open_and_mine(connection, self._id, self._me)
        if not open_:
            return None
        at = self._ledger.now()
        if dead := dead_senders(self._ledger, connection, self._id):
            rescue.take_over(self._ledger, connection, self._id, dead, me=self._me, at=at)
            return 0.0
        self._share.heed_the_clock(connection)
        waits = due.waits(connection, self._id, at)
        if waits:
            wait = max(0.01, min(waits) if min(waits) > 0 else max(waits))
            busy = due.count(connection, self._id, State.SENDING)
            # a computer that slept in between is not to sleep on
            return min(wait if busy else self._told(connection, wait, "later"), 300.0)
        return IDLE if open_ == mine else 1.0  # ours will stir us; another sender's will not
