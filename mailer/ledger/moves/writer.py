"""Ledger calls from the event loop: one thread writes, and whatever waits together is committed
together.

What is asked for comes back when its transaction is on disk. Several connections finish letters at
about the same time; their markers and outcomes share one commit and one fsync. A call that raises
is undone alone.

The order within a commit: outcomes, then everything else, then markers. So a pause that was asked
for in the same breath as a marker holds, and the outcome of a letter and the marker of the next are
one commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

import sqlalchemy as sa

from mailer.base import clock
from mailer.ledger.ledger import Ledger, Unwritable
from mailer.ledger.moves import transitions
from mailer.ledger.moves.transitions import Marker, Outcome

P = ParamSpec("P")
T = TypeVar("T")

ENOUGH = 100
"""So many wishes are not kept waiting for others."""
FRESH = 0.8
"""Seconds after a marker within which the dot is written, or the marker is set once more."""
MARKS = 5  # how often a marker is set anew for one letter, on a machine that is so busy
TRIES, PAUSE = 3, 0.5  # how often a disk that takes nothing is asked, and the seconds between

_Together = Callable[[sa.Connection, list[Any]], Sequence[Any]]


class _WriteKind(IntEnum):
    """What is asked for, in the order in which a commit takes it."""

    OUTCOME = 0
    CALL = 1
    MARKER = 2


class Write(Generic[T]):
    """Something asked of the ledger; `done` is its answer, once it is on disk."""

    __slots__ = ("after", "done", "fault", "item", "kind", "value", "written_at")

    def __init__(
        self, kind: _WriteKind, item: Any, done: asyncio.Future[T], after: Write[Any] | None = None
    ) -> None:
        self.kind, self.item, self.done, self.after = kind, item, done, after
        self.value: T | None = None
        self.written_at = 0.0  # when it was on disk, on `clock.steady`
        self.fault: BaseException | None = None


class Writer:
    """Use as `async with Writer(ledger) as writer`. On leaving, everything asked for is written
    first.

    What was asked for is written, even if the asker is cancelled. `keep` takes the outcomes that
    the ledger did not take.
    """

    def __init__(
        self, ledger: Ledger, keep: Callable[[Sequence[Outcome]], None] = lambda _outcomes: None
    ) -> None:
        self.ledger, self._keep = ledger, keep
        self._asked: list[Write[Any]] = []
        self._work: queue.SimpleQueue[list[Write[Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="ledger", daemon=True)

    async def __aenter__(self) -> Writer:
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._hand_over(len(self._asked))
        self._work.put(None)
        await asyncio.to_thread(self._thread.join)

    async def run(
        self, call: Callable[Concatenate[sa.Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `call(connection, …)` in a transaction, and come back when it is on disk."""
        value: T = await self._ask(
            _WriteKind.CALL, lambda connection: call(connection, *args, **kwargs)
        ).done
        return value

    def record(self, outcome: Outcome) -> Write[bool]:
        """Ask for an outcome to be written (`moves.record_all`)."""
        return self._ask(_WriteKind.OUTCOME, outcome)

    async def mark(self, marker: Marker, *, after: Write[bool] | None) -> bool:
        """Set a marker (`moves.mark_all`); `after` is the outcome that must be on disk with it, or
        before it.

        Whoever comes late from the commit, stopped or on a busy machine, sets it once more: what is
        true at a marker holds for less than a second. Who is late each time gives it up, and the
        letter waits again. Raises what kept that outcome from being written; then this marker is
        not set.
        """
        for _ in range(MARKS):
            write = self._ask(_WriteKind.MARKER, marker, after)
            if not await write.done:
                return False
            if clock.steady() - write.written_at < FRESH:
                return True
            marker, after = marker._replace(at=self.ledger.now()), None
        return False

    def _ask(self, kind: _WriteKind, item: Any, after: Write[bool] | None = None) -> Write[Any]:
        write: Write[Any] = Write(kind, item, self._loop.create_future(), after)
        if not self._asked:
            self._loop.call_soon(self._hand_over)
        self._asked.append(write)
        return write

    def _hand_over(self, before: int = 0) -> None:
        """Wait until the loop has come round without another wish: what is asked for in one breath
        is one commit.
        """
        if before < len(self._asked) < ENOUGH:
            self._loop.call_soon(self._hand_over, len(self._asked))
        elif self._asked:
            self._work.put(self._asked)
            self._asked = []

    # -------------------------------------------------------------------------------- on the thread

    def _write(self) -> None:
        while (asked := self._work.get()) is not None:
            writes = list(asked)
            try:
                self._together(writes)
            except Unwritable as fault:
                for one in writes:
                    one.fault = fault
            except Exception as fault:
                self._one_by_one(writes, fault)
            if lost := [
                one.item
                for one in writes
                if one.kind is _WriteKind.OUTCOME and isinstance(one.fault, Unwritable)
            ]:
                with contextlib.suppress(OSError):  # kept nowhere, they will be unknown
                    self._keep(lost)
            now = clock.steady()
            for one in writes:
                one.written_at = now
            self._loop.call_soon_threadsafe(_answer, writes)

    def _together(self, writes: list[Write[Any]]) -> None:
        """Write all in one transaction. A disk that takes nothing is asked again: nothing else may
        go on meanwhile.
        """
        for _ in range(TRIES - 1):
            with contextlib.suppress(Unwritable):
                return self._transact(writes)
            time.sleep(PAUSE)
        return self._transact(writes)

    def _transact(self, writes: list[Write[Any]]) -> None:
        with self.ledger.writing() as connection:
            writes += self._asked_meanwhile()
            self._outcomes_calls_markers(connection, writes)

    def _asked_meanwhile(self) -> list[Write[Any]]:
        """Return what was asked for while the log was busy: the longer others write, the more goes
        into one commit.
        """
        found: list[Write[Any]] = []
        while not self._work.empty():
            if (asked := self._work.get()) is None:
                self._work.put(None)  # the end, after this
                break
            found += asked
        return found

    def _one_by_one(self, writes: list[Write[Any]], fault: Exception) -> None:
        """One of them, or the commit, failed: each on its own tells which."""
        if len(writes) == 1:
            writes[0].fault = fault
            return
        for one in sorted(writes, key=lambda one: one.kind):
            try:
                with self.ledger.writing() as connection:
                    self._outcomes_calls_markers(connection, [one])
            except Exception as its_own:
                one.fault = its_own

    def _outcomes_calls_markers(self, connection: sa.Connection, writes: list[Write[Any]]) -> None:
        for kind, together in (
            (_WriteKind.OUTCOME, transitions.record_all),
            (_WriteKind.CALL, _calls),
            (_WriteKind.MARKER, transitions.mark_all),
        ):
            these = [one for one in writes if one.kind is kind]
            for one in these:
                if one.after is not None and one.after.fault is not None:
                    raise one.after.fault
            if kind is _WriteKind.MARKER and these:
                self.ledger.prove(connection)
            if these:
                call: _Together = together
                for one, value in zip(
                    these, call(connection, [one.item for one in these]), strict=True
                ):
                    one.value = value


def _calls(connection: sa.Connection, calls: list[Callable[[sa.Connection], Any]]) -> list[Any]:
    return [call(connection) for call in calls]


def _answer(writes: list[Write[Any]]) -> None:
    for one in writes:
        if one.done.cancelled():
            continue
        if one.fault is None:
            one.done.set_result(one.value)
        else:
            one.done.set_exception(one.fault)
