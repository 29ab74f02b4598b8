"""One life of a sender: it runs `Dispatch`, counts its own steps, and dies with SIGKILL at the step
it is told.

The steps are enumerated from outside, by wrapping what does the work; the product has no hook for
it: before, within and after every transaction of the send log, before and after every move of
`moves`, before and after every write on the wire, and after every reply that was read.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from mailer.base import clock
from mailer.base.delegations import Delegations
from mailer.base.errors import MailerError
from mailer.contacts.holds import WatchedList
from mailer.ledger.ledger import Ledger
from mailer.ledger.moves import transitions
from mailer.sending import retry
from mailer.sending.dispatch import Dispatch
from mailer.sending.queue import SendingOptions
from mailer.sending.smtp.connection import Reply, SmtpConnection
from mailer.sending.smtp.session import Patience, Server, SmtpSession
from tests.helpers.sendings import sending_options

PATIENCE = Patience(connect=5, command=5, data=5, stall=5, dot=5, goodbye=1)
PROBLEM = 3
"""How a life ends that met a `MailerError`: the mail-out is paused, or the server was away."""


class Steps:
    def __init__(self, kill_at: int) -> None:
        self.kill_at, self.taken, self._lock = kill_at, 0, threading.Lock()

    def __call__(self) -> None:
        with self._lock:
            self.taken += 1
            if self.taken == self.kill_at:
                os.kill(os.getpid(), signal.SIGKILL)


def count_steps(step: Steps) -> None:
    """Wrap what does the work, in this process."""
    writing, send, reply = Ledger.writing, SmtpConnection.send, SmtpConnection.reply

    @contextlib.contextmanager
    def counted_writing(self: Ledger) -> Iterator[sa.Connection]:
        step()
        with writing(self) as connection:
            yield connection
            step()  # everything is done but the commit
        step()

    def counted_send(self: SmtpConnection, data: bytes, replies: int) -> None:
        step()
        send(self, data, replies)
        step()

    async def counted_reply(self: SmtpConnection, seconds: float) -> Reply:
        found = await reply(self, seconds)
        step()
        return found

    def counted(move: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            step()
            value = move(*args, **kwargs)
            step()
            return value

        return run

    Ledger.writing, SmtpConnection.send, SmtpConnection.reply = (
        counted_writing,
        counted_send,
        counted_reply,
    )  # type: ignore[method-assign]
    for name, move in inspect.getmembers(transitions, inspect.isfunction):
        if not name.startswith("_") and "connection" in inspect.signature(move).parameters:
            setattr(transitions, name, counted(move))


def session_factory(port: int, patience: Patience = PATIENCE) -> Callable[[], SmtpSession]:
    server = Server("127.0.0.1", port, "none", None, None, helo="rights.example")
    return lambda: SmtpSession(
        server, patience, lambda address: address.endswith("parliament.example")
    )


def options(connections: int, *, again: float = 0.02, **more: Any) -> SendingOptions:
    """A course that tries again after a moment, so that a campaign ends within a second."""
    schedule, patience = (timedelta(seconds=again),), timedelta(seconds=0.01)
    return sending_options(connections=connections, schedule=schedule, patience=patience, **more)


def live(
    url: str,
    mail_out: int,
    port: int,
    *,
    connections: int = 1,
    kill_at: int = 0,
    kill_after: float = 0.0,
    kill_at_statement: int = 0,
    steps_file: str = "",
    per_connection: int = 50,
    ahead_of_time: float = 0.0,
    largest_file: int = 0,
    pages_left: int = -1,
    hold_list: str = "",
    helper: bool = False,
    last_word: int | None = None,
    only_opens: bool = False,
) -> int:
    """Send until the end, or until told to die. Returns the exit code."""
    step = Steps(kill_at)
    if kill_at or steps_file:
        count_steps(step)
    if kill_at_statement:
        before = Steps(kill_at_statement)
        sa.event.listen(sa.Engine, "before_cursor_execute", lambda *_: before())
    if kill_after:
        threading.Timer(kill_after, os.kill, (os.getpid(), signal.SIGKILL)).start()
    retry.server_back_off = lambda failures, chance=None: 0.01 * min(failures, 10)
    now: clock.Clock = clock.now
    if ahead_of_time:

        def now() -> datetime:
            return clock.now() + timedelta(seconds=ahead_of_time)

    if largest_file:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    try:
        with Ledger(url, now=now) as ledger:
            if only_opens:
                return 0
            if pages_left >= 0:
                _leave_pages(ledger, pages_left)
            holds = WatchedList(Path(hold_list), Delegations.load()) if hold_list else None
            settings = options(connections, per_connection=per_connection, holds=holds)
            sending = Dispatch(ledger, mail_out, session_factory(port), settings)
            sending.helper, sending.last_word = helper, last_word
            asyncio.run(sending.run())
    except MailerError as fault:
        print(f"{type(fault).__name__} {fault.code} {fault.message}", file=sys.stderr, flush=True)
        return PROBLEM
    finally:
        if steps_file:
            Path(steps_file).write_text(str(step.taken))
    return 0


def _leave_pages(ledger: Ledger, pages: int) -> None:
    """Make the file full after so many more pages."""
    with ledger.writing() as connection:
        used = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={used + pages}")


if (
    __name__ == "__main__"
):  # as a process of its own, for strace: python -m tests.reliability.lives '{"url": …}'
    sys.exit(live(**json.loads(sys.argv[1])))
