"""Reading what comes back beside a sending or the console: `mailer inbox scan --watch` as a
process of its own.

A message that costs much time or memory holds up no letter. The process ends with whoever began
it, however that ends.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import IO

from mailer.base.settings.workspace import Workspace

AT_THE_END = 10.0
"""Seconds that it has to end."""


@contextlib.contextmanager
def read_beside(workspace: Workspace, tell: Callable[[str], None]) -> Iterator[None]:
    """Read the mailboxes of answers in a process of its own for as long as the block lasts, and
    tell what it says, line by line. Nothing that happens there reaches the block.

    Where no mailbox is set, or its password is asked for at a terminal, nothing is read.
    """
    mailboxes = workspace.settings.inbox.all_mailboxes
    if not mailboxes or any(one.password and one.password.ask for one in mailboxes):
        yield
        return
    command = [sys.executable, "-m", "mailer", "-C", str(workspace.root), "--no-color"]
    try:
        process = subprocess.Popen(  # noqa: S603  (our own command, no shell)
            [*command, "inbox", "scan", "--watch", "--beside"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C is for the sending, which ends this one
        )
    except OSError as fault:  # no memory, no process: letters go on
        tell(f"The mailbox of answers is not read: {fault.strerror}. Later: mailer inbox scan")
        yield
        return
    assert process.stdin is not None
    assert process.stderr is not None
    threading.Thread(target=_tell_each, args=(process.stderr, tell), daemon=True).start()
    try:
        yield
    finally:
        process.stdin.close()
        try:
            process.wait(AT_THE_END)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _tell_each(lines: IO[str], tell: Callable[[str], None]) -> None:
    with lines:
        for line in lines:
            if line.strip():
                tell(line.rstrip())
