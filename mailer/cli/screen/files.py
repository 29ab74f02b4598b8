"""An exported file goes to disk whole or not at all, and never over another by accident."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from mailer.base.errors import UsageError


def may_write(path: Path, *, force: bool) -> None:
    """Refuse a file that is there already, before any work is done."""
    if path.exists() and not force:
        raise UsageError(
            f"{path} is there already; nothing was written.", hint="another name, or --force"
        )


def write(path: Path, data: bytes, *, force: bool) -> None:
    """Put a file on disk whole, for its owner alone: it holds names and addresses."""
    with writing(path, force=force) as out:
        out.write(data)


@contextlib.contextmanager
def writing(path: Path, *, force: bool) -> Iterator[IO[bytes]]:
    """Yield the file to write into; it is under its name once the block has ended, or not at
    all.
    """
    may_write(path, force=force)
    try:
        file, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
        try:
            with os.fdopen(file, "wb") as out:
                yield out
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as fault:
        raise UsageError(
            f"{path} cannot be written: {fault.strerror}", hint="choose another folder or name"
        ) from fault
