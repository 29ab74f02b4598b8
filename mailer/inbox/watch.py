"""When to look into the mailboxes again: as soon as a server says that something came (IDLE,
RFC 2177), else every two minutes.

Beside a sending that happens in a process of its own (`actions/mail_outs/beside.py`), which ends
with whoever began it, however that ends. Nothing is written here.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from mailer.base import locks
from mailer.base.errors import MailerError, ServerError
from mailer.base.settings.workspace import Workspace
from mailer.sending.imap import opened
from mailer.sending.smtp.server import ConnectError, Server

EVERY = 120.0
"""Seconds between two looks where no server says that something came."""
RARELY = 900.0
"""Seconds between two looks where all of them do."""
AT_MOST = 1500.0
"""Seconds of one IDLE: servers may end it after half an hour (RFC 2177)."""


class Watch:
    """The rounds of looking into mailboxes, until somebody ends them."""

    def __init__(self, mailboxes: Sequence[tuple[Server, tuple[str, ...]]]) -> None:
        self.mailboxes = list(mailboxes)
        self._news, self._over = threading.Event(), threading.Event()
        self._silent = 0  # folders of which no server says that something came

    @property
    def is_over(self) -> bool:
        return self._over.is_set()

    def end(self) -> None:
        """End the rounds, from any thread."""
        self._over.set()
        self._news.set()

    def leave_out(self, box: str) -> None:
        """Look no more into the mailbox of which this is a folder."""
        whose = box.rpartition(": ")[0]
        self.mailboxes = [
            (server, folders)
            for server, folders in self.mailboxes
            if f"{server.user} at {server.host}" != whose
        ]

    def rounds(self) -> Iterator[None]:
        """Yield whenever it is time to look, for the first time at once."""
        listeners = [
            threading.Thread(target=self._listen, args=(server, folder), daemon=True)
            for server, folders in self.mailboxes
            for folder in folders
        ]
        self._silent = len(listeners)
        for one in listeners:
            one.start()
        try:
            while not self._over.is_set():
                yield
                self._news.wait(EVERY if self._silent else RARELY)
                self._news.clear()
        finally:
            self.end()
            for one in listeners:
                one.join(3.0)

    def _listen(self, server: Server, folder: str) -> None:
        """Wait for a server's word in a folder; what keeps it from that, the look itself says."""
        while not self._over.is_set():
            try:
                with opened(server, folder) as box:
                    offered = b" ".join(box.client.capability()[1]).upper().split()
                    if b"IDLE" not in offered:
                        return
                    until = time.monotonic() + AT_MOST
                    with box.idle as idle:
                        self._silent -= 1
                        try:
                            while not self._over.is_set() and time.monotonic() < until:
                                self._hear(idle.poll)
                        finally:
                            self._silent += 1
            except ConnectError as fault:
                if not fault.temporary:
                    return  # a wrong password is not tried again and again
            except MailerError:
                pass
            self._over.wait(EVERY)

    def _hear(self, poll: Callable[[float], list[bytes]]) -> None:
        began = time.monotonic()
        if poll(2.0):
            self._news.set()
        elif time.monotonic() - began < 1:
            raise ServerError("the server has ended the connection")


def end_with_stdin(watch: Watch) -> None:
    """End the rounds once whoever began this process has closed its end of stdin, or has died."""

    def wait() -> None:
        while os.read(0, 1024):
            pass
        watch.end()

    threading.Thread(target=wait, daemon=True).start()


@contextlib.contextmanager
def my_turn(workspace: Workspace, watch: Watch) -> Iterator[None]:
    """Give way to what sends, and wait while another such process reads."""
    with contextlib.suppress(OSError):
        os.nice(5)
    with contextlib.ExitStack() as held:
        while not watch.is_over:
            with contextlib.suppress(locks.Held):
                held.enter_context(locks.locked(workspace.state_dir / "inbox.lock", 1.0))
                break
        yield
