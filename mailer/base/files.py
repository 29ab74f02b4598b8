"""Files of a workspace: the one reader for those that go into letters, where what is read stands in
its folder and is no link to something else; and the one way to write a file, whole or not at all.

A shared folder can hold a link that somebody else has put there; behind it stands whatever the
reader may read.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path

ABSENT = "it is not there"

MOST = 100_000_000
"""Bytes of the biggest file that is read at all."""

MOST_OF_TABLE = 1_000_000
"""Bytes of the biggest table that a workspace has beside its sheets; real ones have some thousand.
"""


def read_inside(root: Path, path: Path, most: int = MOST) -> tuple[bytes, str]:
    """Return the content of a regular file, and in words why it cannot be read, "" if it was."""
    within = Path(os.path.relpath(path, root))
    if ".." in within.parts:
        return b"", "it stands outside of the workspace"
    if path.parent.is_dir() and path.parent.resolve() != root.resolve() / within.parent:
        return b"", "its folder is a link to another one"
    try:
        handle = os.open(
            path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        )
    except FileNotFoundError:
        return b"", ABSENT
    except OSError as error:
        if path.is_symlink():
            return b"", "it is a link to another file"
        return b"", f"it cannot be read ({error.strerror})"
    about = os.fstat(handle)
    if not stat.S_ISREG(about.st_mode) or about.st_size > most:
        os.close(handle)
        big = f"it has {about.st_size:,} bytes, and {most:,} is the most"
        return b"", big if stat.S_ISREG(about.st_mode) else "it is no file"
    with os.fdopen(handle, "rb") as file:
        return file.read(), ""


def put(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=path.suffix)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, beside)  # a new one is for its owner alone
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
