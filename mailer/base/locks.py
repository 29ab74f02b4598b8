"""Locks between processes: one file, one holder, and no wait without an end.

The system gives a lock back when its holder ends, however it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path

PATIENCE = 10.0
"""Seconds to wait for a lock that is held for milliseconds as a rule."""


class Held(Exception):
    """Somebody else has the lock, and does not give it back. The message names the process."""


@contextlib.contextmanager
def locked(path: Path, seconds: float = PATIENCE) -> Iterator[None]:
    """Hold the lock of a file until the block ends. Raises `Held` when it is not free in time."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        take(file, seconds)
        yield
    finally:
        os.close(file)


def take(file: int, seconds: float = PATIENCE) -> None:
    """Take the lock of an open file. Raises `Held` when it is not free in time; the file is then to
    be closed and opened anew: what still waits for its lock would give it back as soon as it has
    it, whoever has taken it by then.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if not _waited(file, seconds):
            raise Held(holder_of(file)) from None


def release(file: int) -> None:
    """Give the lock back."""
    fcntl.flock(file, fcntl.LOCK_UN)


def _waited(file: int, seconds: float) -> bool:
    """Wait in a thread, since the call that waits knows no limit; a lock that comes too late is
    given back at once.
    """
    ours, came, gone, one = os.dup(file), threading.Event(), threading.Event(), threading.Lock()

    def wait() -> None:
        try:
            fcntl.flock(ours, fcntl.LOCK_EX)
            with one:
                came.set()
                if gone.is_set():
                    fcntl.flock(ours, fcntl.LOCK_UN)
        finally:
            os.close(ours)

    threading.Thread(target=wait, name="lock", daemon=True).start()
    if came.wait(seconds):
        return True
    with one:
        if came.is_set():
            return True
        gone.set()
    return False


def holder_of(file: int) -> str:
    """Name the process that holds the lock of an open file, and say whether it is stopped."""
    inode = os.fstat(file).st_ino
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/locks").read_text().splitlines():
            words = line.split()
            if words[1] == "FLOCK" and words[5].rpartition(":")[2] == str(inode):
                return _named(int(words[4]))
    return "another process"


def _named(pid: int) -> str:
    command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    words = [Path(word.decode(errors="replace")).name for word in command if word]
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    said = " ".join(" ".join(words[-4:]).split())
    name = f"process {pid} ({said[-60:]})"
    return f"{name}, which is stopped (Ctrl-Z: type fg in its window)" if state == "T" else name
