"""Run as `python tests/helpers/killed.py N ARGS…`: the command line, killed at its Nth step; code 0
if it ends before.

A step is the moment before or after a commit of the send log, or before or after something is
written to a server. Nothing of this is known to the mailer: the library calls below it are wrapped.
"""

from __future__ import annotations

import imaplib
import os
import signal
import sys
from asyncio.selector_events import _SelectorSocketTransport  # type: ignore[attr-defined]
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.engine.default import DefaultDialect


def _with_steps(call: Callable[..., Any], step: Callable[[], None]) -> Callable[..., Any]:
    def wrapped(*args: Any) -> Any:
        step()
        result = call(*args)
        step()
        return result

    return wrapped


def kill_at(left: int) -> None:
    """Let this process be killed at its step of this number."""

    def step() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    DefaultDialect.do_commit = _with_steps(DefaultDialect.do_commit, step)  # type: ignore[method-assign]
    _SelectorSocketTransport.write = _with_steps(_SelectorSocketTransport.write, step)
    imaplib.IMAP4.send = _with_steps(imaplib.IMAP4.send, step)  # type: ignore[method-assign]


def scanned(root: Path, url: str, at: datetime, step: int) -> None:
    """Read the mailboxes of a workspace, killed at this step."""
    from mailer.actions.inbox import scan
    from mailer.base.settings.workspace import load_workspace
    from mailer.ledger.ledger import Ledger

    kill_at(step)
    with Ledger(url, now=lambda: at) as ledger:
        found = scan(load_workspace(root), ledger, at=at)
    sys.exit(len(found.unread))


if __name__ == "__main__":
    kill_at(int(sys.argv.pop(1)))
    from mailer.__main__ import main

    main()
