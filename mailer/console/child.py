"""Starting a sender: a process of its own, the same that `mailer send` is.

The console never reads the mail server's password and never sends. What the command has to say when
it refuses is kept in `.mailer/console-M-0007.txt` and shown as it stands. If the console ends, the
sending goes on.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from mailer.ledger.mailouts import MailOut

ENDED = (0, 1, 4, 130)
"""Exit codes after which the mail-out says itself how it stands: done, some not reached, stopped
part-way.
"""

PATIENCE = 180  # seconds for a command that is waited for

_running: dict[tuple[Path, int], subprocess.Popen[bytes]] = {}
_guard = threading.Lock()


def start(root: Path, mail_out: MailOut, *words: str, who: str) -> bool:
    """Start `mailer WORDS` in a workspace, in somebody's name; False where one that we started
    still runs.
    """
    with _guard:
        before = _running.get((root, mail_out.id))
        if before is not None and before.poll() is None:
            return False
        path = _path(root, mail_out)
        command = _command(root, "-q", *words)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as said:
            _running[root, mail_out.id] = subprocess.Popen(  # noqa: S603  (our own command, no shell)
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                cwd=root,
                env=_as(who),
                start_new_session=True,
            )
    return True


def runs(root: Path, mail_out: MailOut) -> bool:
    """Whether a sender that this console started is alive."""
    process = _running.get((root, mail_out.id))
    return process is not None and process.poll() is None


def said(root: Path, mail_out: MailOut) -> str:
    """Return why the last sender that this console started refused, in its own words; empty if it
    did not.
    """
    process = _running.get((root, mail_out.id))
    if process is None or process.poll() in (None, *ENDED):
        return ""
    return _path(root, mail_out).read_text(encoding="utf-8", errors="replace").strip()


def _command(root: Path, *words: str) -> list[str]:
    # -P: what lies in the workspace is never run, whatever it is called
    return [sys.executable, "-P", "-m", "mailer", "-C", str(root), "--no-color", *words]


def _as(who: str) -> dict[str, str]:
    """Return an environment in which the command line takes this person for its user
    (`getpass.getuser`).
    """
    return {**os.environ, "LOGNAME": who}


def run(root: Path, *words: str, who: str) -> tuple[int, str]:
    """Run a short `mailer WORDS` in somebody's name to its end; return its exit code and what it
    said.
    """
    try:
        done = subprocess.run(  # noqa: S603  (our own command, no shell)
            _command(root, *words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=root,
            env=_as(who),
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 4, f"It was given up after {PATIENCE} seconds."
    return done.returncode, done.stdout.decode("utf-8", "replace").strip()


def _path(root: Path, mail_out: MailOut) -> Path:
    return root / ".mailer" / f"console-{mail_out.name}.txt"
