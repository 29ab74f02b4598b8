"""Ledger calls from the event loop: one thread writes, and whatever waits together is committed together.

`await writer.run(moves.mark, …)` comes back when its transaction is on disk. Several connections finish letters at
about the same time; their markers and outcomes share one commit and one fsync. A call that raises is undone alone.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa

from mailer.ledger.ledger import Ledger

P = ParamSpec("P")
T = TypeVar("T")

_Job = tuple[Callable[[sa.Connection], Any], "asyncio.Future[Any]"]
_Answer = tuple["asyncio.Future[Any]", Any, BaseException | None]


class Writer:
    """Use as `async with Writer(ledger) as writer`. On leaving, everything asked for is written first."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="ledger", daemon=True)

    async def __aenter__(self) -> Writer:
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    async def run(self, call: Callable[Concatenate[sa.Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `call(connection, …)` in a transaction, and come back when it is on disk."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put((lambda connection: call(connection, *args, **kwargs), future))
        return await asyncio.shield(future)  # what is asked for is written, even if the asker is cancelled

    def _write(self) -> None:
        ended = False
        while not ended:
            jobs = [self._jobs.get()]
            while not self._jobs.empty():
                jobs.append(self._jobs.get())
            ended = None in jobs
            work = [job for job in jobs if job is not None]
            if work:
                self._loop.call_soon_threadsafe(_deliver, self._together(work))

    def _together(self, work: list[_Job]) -> list[_Answer]:
        try:
            with self.ledger.writing() as connection:
                return [(future, call(connection), None) for call, future in work]
        except Exception as fault:  # one of them, or the commit: each on its own tells which
            if len(work) == 1:
                return [(work[0][1], None, fault)]
            return [answer for job in work for answer in self._together([job])]


def _deliver(answers: list[_Answer]) -> None:
    for future, value, fault in answers:
        if future.cancelled():
            continue
        if fault is None:
            future.set_result(value)
        else:
            future.set_exception(fault)
