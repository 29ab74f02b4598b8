"""Sending a mail-out: claim, hand over, record, until nobody waits.

A few workers, each with one connection, take letters from one queue. The order of writes is that of
the ledger: the claim is committed before anything is sent, the marker before the final dot, the
outcome before the same worker's next dot, in one commit with that dot's marker. A crash anywhere
leaves deliveries that the next `run` puts right by itself (see `ledger/moves/`): nobody is written
to twice, nobody is lost, and what cannot be known is called unknown.

Pausing is a state of the mail-out in the ledger, set by anybody: the marker's UPDATE is conditional
on it, so the commit of the pause is the moment after which no dot is written.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from mailer.base import clock
from mailer.base.address import domain_of
from mailer.base.errors import MailerError, ServerError
from mailer.base.states import About, MailOutState, Reason, Receipt, State
from mailer.ledger import mailouts
from mailer.ledger.guard import rescue
from mailer.ledger.guard.senders import sender
from mailer.ledger.ledger import Ledger
from mailer.ledger.mailouts import MailOut
from mailer.ledger.moves import limits, servers, transitions
from mailer.ledger.moves.transitions import Marker, Outcome
from mailer.ledger.moves.writer import Write, Writer
from mailer.sending import replies, retry
from mailer.sending.brakes import Brakes
from mailer.sending.queue import IDLE, LetterQueue, LetterToSend, SendingOptions
from mailer.sending.replies import Judgement, Then
from mailer.sending.share import Share, what_was_learnt
from mailer.sending.smtp.session import NotHandedOver, SmtpSession

if (
    TYPE_CHECKING
):  # most letters are signed by the organisation's own server, and its library is slow to import
    from mailer.letters.message.dkim import Signer

# seconds that letters past the dot get for their answer when the sending is paused or stopped
GRACE = 10.0
LOOK = 0.25  # seconds between two looks at whether somebody has paused the mail-out
A_WHILE = timedelta(hours=1)  # a domain is left alone whose server says the same to everybody


@dataclass(slots=True)
class _Worker:
    number: int  # from 0
    session: SmtpSession
    task: asyncio.Task[None] | None = None
    # its marker is asked for or set: only an answer, being given back, or patience ends this letter
    past_mark: bool = False
    # the outcome that is being written, and what to report of it
    last: tuple[Write[bool], dict[str, Any]] | None = None


@dataclass
class Dispatch:
    """One sending of one mail-out. `report` is told every event as a flat dictionary, ready for
    JSON.
    """

    ledger: Ledger
    mail_out_id: int
    session: Callable[[], SmtpSession]
    options: SendingOptions
    report: Callable[[dict[str, Any]], None] = lambda _event: None
    # signs letters at their first attempt, and in the same way at every later one
    signer: Signer | None = None
    helper: bool = False  # takes part in what somebody has begun, and begins nothing
    last_word: int | None = None  # `mailouts.last_word` as the command was given; None: now

    async def run(self) -> MailOut:
        """Send until nobody waits, or somebody pauses or stops. Returns the mail-out as it then
        stands.

        Raises ServerError when the server cannot be reached or refuses the login before anything
        was sent.
        """
        loop, self._hurry = asyncio.get_running_loop(), asyncio.Event()
        self._brakes = Brakes()
        self._workers_open = float(self.options.limits.connections)
        self._away_since: float | None = None  # on `clock.steady`
        self._failures = 0
        self._fault: ServerError | None = None
        with sender(self.ledger) as self._me:
            async with Writer(
                self.ledger, partial(rescue.keep, self.ledger, self._me)
            ) as self._writer:
                mail_out = await self._writer.run(mailouts.get, self.mail_out_id)
                if self.last_word is None:
                    self.last_word = await self._writer.run(mailouts.last_word, mail_out.id)
                self._server = mail_out.server.partition(" ")[0]
                self._known = await self._writer.run(servers.known, self._server)
                self._kept = replace(self._known)
                self._share = Share(
                    self.ledger,
                    self.mail_out_id,
                    self._me,
                    self.options,
                    self.helper,
                    self.last_word,
                    lambda event: loop.call_soon_threadsafe(self.report, event),
                )
                self._queue = LetterQueue(
                    self.ledger, self._writer, mail_out, self.options, self._share, self.signer
                )
                first = self._session()
                try:
                    if await self._writer.run(self._share.nobody_left):
                        return await self._writer.run(mailouts.get, self.mail_out_id)
                    if not await self._may_connect() or not await self._connected(first):
                        return await self._writer.run(mailouts.get, self.mail_out_id)
                    await self._share.heed(self._writer)
                    mail_out = await self._writer.run(self._share.begin)
                    await self._writer.run(self._queue.begin)
                    self._until = mail_out.until
                    await self._send(first)
                except (
                    Exception
                ) as fault:  # a guard of the session or the ledger concerns everybody
                    ours = f"This is a mistake in the mailer ({type(fault).__name__})."
                    why = fault.message if isinstance(fault, MailerError) else ours
                    await self._writer.run(self._share.pause, why)
                    raise
                finally:
                    first.abort()
                    mail_out = await self._writer.run(self._share.end)
        if self._fault is not None:
            raise self._fault
        return mail_out

    async def _may_connect(self) -> bool:
        """Wait until one of the mail-out's connections is free. False: there is nothing to do any
        more.
        """
        said = False
        while not await self._writer.run(self._share.take_connections, 0):
            if not said:
                what = "the other senders have all of its connections ([limits] connections)"
                self.report({"event": "learnt", "what": what})
                said = True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._queue.halted.wait(), LOOK)
            state = (await self._writer.run(mailouts.get, self.mail_out_id)).state
            over = state in (MailOutState.FINISHED, MailOutState.STOPPED)
            no_part = self.helper and state is not MailOutState.SENDING
            if self._queue.halted.is_set() or over or no_part:
                return False
        return True

    async def _connected(self, first: SmtpSession) -> bool:
        """Log in once, before any letter is claimed. False: somebody paused meanwhile."""
        connecting = asyncio.create_task(first.connect())
        halted: asyncio.Future[Any] = asyncio.create_task(self._queue.halted.wait())
        try:
            await asyncio.wait([connecting, halted], return_when=asyncio.FIRST_COMPLETED)
            if not connecting.done():
                return False
            await connecting
            return True
        finally:
            connecting.cancel()
            halted.cancel()
            await asyncio.gather(connecting, halted, return_exceptions=True)

    def _session(self) -> SmtpSession:
        session = self.session()
        session.known = self._known
        return session

    async def pause(self, why: str = "", who: str = "") -> None:
        """Pause the mail-out: when this comes back, no new dot is written."""
        await self._writer.run(self._share.pause, why, who)
        self._queue.halt()

    async def leave(self) -> None:
        """Take no further letter. The mail-out goes on, with those who still send it."""
        await self._writer.run(mailouts.get, self.mail_out_id)  # once this is answered …
        self._queue.halt()

    def hurry(self) -> None:
        """Do not wait any longer for answers: letters past the dot become unknown."""
        self._hurry.set()
        self._queue.halt()

    # ---------------------------------------------------------------------------------- the workers

    async def _send(self, first: SmtpSession) -> None:
        self._workers = workers = [_Worker(0, first)] + [
            _Worker(number, self._session()) for number in range(1, self.options.limits.connections)
        ]
        for worker in workers:
            worker.task = asyncio.create_task(self._worker(worker))
        watch = asyncio.create_task(self._watch())
        tasks: list[asyncio.Task[Any]] = [worker.task for worker in workers if worker.task]
        try:
            ended: asyncio.Future[list[BaseException | None]] = asyncio.gather(
                *tasks, return_exceptions=True
            )
            halted: asyncio.Future[Any] = asyncio.create_task(self._queue.halted.wait())
            await asyncio.wait([ended, halted], return_when=asyncio.FIRST_COMPLETED)
            halted.cancel()
            if not ended.done():
                await self._wind_up(workers)
            for fault in await ended:
                if isinstance(fault, Exception):
                    raise fault
            for worker in workers:
                await self._tell(worker)
        finally:
            tasks += [watch, *self._queue.tasks]
            for task in tasks:
                task.cancel()
            await asyncio.gather(
                *tasks,
                *(worker.last[0].done for worker in workers if worker.last),
                return_exceptions=True,
            )
            for worker in workers:
                worker.session.abort()

    async def _wind_up(self, workers: list[_Worker]) -> None:
        """End at once what is not handed over; give what is past the dot ten seconds for its
        answer.
        """
        for worker in workers:
            if worker.task and not worker.past_mark:
                worker.task.cancel()
        waiting: set[asyncio.Future[Any]] = {
            worker.task for worker in workers if worker.task and not worker.task.done()
        }
        hurry: asyncio.Future[Any] = asyncio.create_task(self._hurry.wait())
        deadline = asyncio.get_running_loop().time() + GRACE
        while waiting and not self._hurry.is_set():
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                break
            done, _ = await asyncio.wait(
                waiting | {hurry}, timeout=left, return_when=asyncio.FIRST_COMPLETED
            )
            waiting -= done
        hurry.cancel()
        for task in waiting:
            task.cancel()

    async def _worker(self, worker: _Worker) -> None:
        letter: LetterToSend | None = None
        try:
            while not self._queue.halted.is_set():
                if letter is None:
                    await self._tell(worker)
                    letter = await self._next(worker)
                if letter is None:
                    break
                most = self.options.limits.per_connection
                per_connection = min(most, self._known.per_connection or most)
                if worker.session.is_open and worker.session.delivered >= per_connection:
                    await worker.session.quit()
                more = worker.session.delivered + 1 < per_connection
                follow = self._ready(worker) if more else None
                if not await self._try(worker, letter, follow):
                    await self._tell(worker)
                    await self._put_back(letter)
                    worker.past_mark = False
                letter = follow
            await self._tell(worker)
            await worker.session.quit()
        except Exception:
            self._queue.halt()  # the other workers must not go on as if nothing were
            raise
        finally:
            worker.session.abort()

    async def _next(self, worker: _Worker) -> LetterToSend | None:
        """Wait for a letter; after a while without one, leave the server in peace."""
        taking = asyncio.create_task(self._take(worker))
        try:
            done, _ = await asyncio.wait({taking}, timeout=IDLE)
            if not done:
                await worker.session.quit()
            return await taking
        finally:
            taking.cancel()

    async def _take(self, worker: _Worker) -> LetterToSend | None:
        while worker.number >= self._may_open and not self._queue.halted.is_set():
            await worker.session.quit()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._queue.halted.wait(), LOOK)
        return await self._queue.take()

    @property
    def _may_open(self) -> int:
        return min(int(self._workers_open), self._share.connections)

    def _ready(self, worker: _Worker) -> LetterToSend | None:
        return self._queue.ready() if worker.number < self._may_open else None

    async def _try(
        self, worker: _Worker, letter: LetterToSend, follow: LetterToSend | None
    ) -> bool:
        """Try one letter and ask for its record. False: nothing was handed over, it is to be given
        back.

        The record is on disk before this worker writes another dot, or waits for anything but the
        server.
        """
        one = letter.claimed

        async def before_dot() -> bool:
            if not self._share.all_quiet():
                if await self._killed():
                    return False
                await self._share.heed(self._writer)
            worker.past_mark = True
            marker = Marker(one, self._me, self.ledger.now(), letter.dated_at)
            worker.past_mark = await self._writer.mark(
                marker, after=worker.last[0] if worker.last else None
            )
            if self._until is not None and self.ledger.now() >= self._until:
                return False  # it hung since the marker
            if worker.past_mark and not self._share.all_quiet():
                return not await self._killed()
            return worker.past_mark

        taken = worker.session.delivered
        try:
            receipt = await worker.session.deliver(
                letter.envelope, before_dot, follow=follow.envelope if follow else None
            )
        except NotHandedOver:
            if await self._queue.over():
                self._queue.halt()
            return False
        except ServerError as fault:
            await self._server_away(fault)
            return False
        self._away_since, self._failures = None, 0
        await self._record(worker, letter, receipt, taken)
        if self._known != self._kept:
            await self._learn()
        return True

    async def _learn(self) -> None:
        """Keep what a session has found out about the server, and say it."""
        found, before = self._known, self._kept
        self._kept = replace(found)
        await self._writer.run(servers.learn, self._server, self._kept)
        for one in what_was_learnt(self._server, before, found):
            self.report({"event": "learnt", "what": one})

    async def _record(
        self, worker: _Worker, letter: LetterToSend, receipt: Receipt, taken: int
    ) -> None:
        """Write down what became of a letter; `taken` is how many the connection had taken before
        it.
        """
        one, at = letter.claimed, self.ledger.now()
        verdict = replies.judge(receipt)
        if verdict.then is Then.RENEW:
            if taken:
                self._known.per_connection = min(taken, self._known.per_connection or taken)
            else:  # not even one: that is no limit of a connection
                verdict = replace(verdict, then=Then.SLOW_DOWN)
        why = self._brakes.look(receipt, verdict, domain_of(one.address))
        if why and verdict.state is State.REFUSED and verdict.kind.about is About.LETTER:
            verdict = replace(
                verdict, state=State.DEFERRED
            )  # it stops everybody, and costs nobody the letter
        state, reason, next_try_at = verdict.state, verdict.reason, None
        if state is State.DEFERRED:
            next_try_at = retry.next_try(
                one.attempts,
                verdict,
                at,
                one.tried_at or at,
                keep_trying=timedelta(hours=self.options.limits.keep_trying_hours),
                schedule=self.options.schedule,
            )
            if verdict.then is Then.RENEW:
                next_try_at = at  # on a new connection
            if next_try_at is None:
                state, reason = State.NOT_SENT, Reason.GAVE_UP
            elif self._until is not None and next_try_at >= self._until:
                state, reason, next_try_at = State.NOT_SENT, Reason.LAST_DAY, None
        event = {
            "event": "outcome",
            "delivery": one.id,
            "delegation": one.delegation,
            "state": state.value,
            "reason": reason.value if reason else "",
            "code": receipt.code,
            "attempt": one.attempts,
            "next_try_at": next_try_at,
        }
        write = self._writer.record(Outcome(one, receipt, state, reason, self._me, at, next_try_at))
        worker.past_mark = False
        try:
            await self._tell(
                worker
            )  # the one before; its failure must not cost this one its record
        finally:
            worker.last = write, event
        if verdict.kind.domain:
            await self._writer.run(limits.close_domain, one.address, at + A_WHILE)
        self._pace(receipt, verdict)
        if why:
            if verdict.kind.about is About.SENDER and verdict.then is Then.PAUSE:
                self._fault = ServerError(
                    why, hint="mailer doctor looks at the account.", code="S401"
                )
            await self.pause(why)

    def _pace(self, receipt: Receipt, verdict: Judgement) -> None:
        """Halve the open workers and hold back when the server asks to slow down; open them again
        letter by letter.
        """
        if verdict.then is Then.SLOW_DOWN:
            self._workers_open = max(1.0, self._workers_open / 2)
            seconds, connections = self._queue.slow_down(), int(self._workers_open)
            self.report({"event": "slow_down", "seconds": seconds, "connections": connections})
        elif receipt.state is State.ACCEPTED:
            self._workers_open = min(
                float(self.options.limits.connections), self._workers_open + 1 / self._workers_open
            )
            self._queue.at_ease()

    async def _killed(self) -> bool:
        """Heed the kill switch, and a pause that could not be written into the log."""
        if (asked := self._share.asked_to_pause()) is None:
            return False
        await self.pause(*asked)
        self._share.wish_is_heeded()
        return True

    async def _tell(self, worker: _Worker) -> None:
        """Report the worker's last outcome, once it is on disk. Raises what kept it from being
        written.
        """
        if worker.last is None:
            return
        (write, event), worker.last = worker.last, None
        await asyncio.shield(write.done)
        self._queue.stirred.set()
        self.report(event)

    async def _put_back(self, letter: LetterToSend) -> None:
        await self._writer.run(
            transitions.release, [letter.claimed], owner=self._me, at=self.ledger.now()
        )

    async def _server_away(self, fault: ServerError) -> None:
        """Wait, longer each time, for a server that cannot be reached; pause when it stays away."""
        now = clock.steady()
        self._away_since = self._away_since or now
        self._failures += 1
        away = timedelta(seconds=now - self._away_since)
        if not fault.temporary or away >= self.options.no_progress:
            self._fault = fault
            await self.pause(fault.message)
            return
        wait = retry.server_back_off(self._failures)
        self.report({"event": "server_away", "why": fault.message, "seconds": round(wait, 1)})
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._queue.halted.wait(), wait)

    # -------------------------------------------------------------------------------------- control

    async def _watch(self) -> None:
        """Look whether somebody else has paused or stopped the mail-out, or set the clock."""
        settings = clock.ClockWatch(self.ledger.now)
        while not self._queue.halted.is_set():
            await asyncio.sleep(LOOK)
            if set_by := settings.look():
                await self._writer.run(self._share.clock_was_set, set_by)
                self._queue.stirred.set()
            used = sum(worker.session.is_open for worker in self._workers)
            if not await self._writer.run(self._share.take_connections, used):
                await self._queue.give_back()
            if await self._killed() or await self._queue.over():
                self._queue.halt()
