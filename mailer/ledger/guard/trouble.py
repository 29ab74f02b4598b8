"""What keeps the send log from being read or written, in a coordinator's words."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from mailer.base.errors import Refused, UsageError

OUT_OF_ORDER = {errno.EIO, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENODEV, errno.ESTALE}


class Unwritable(Refused):
    """The disk or the database does not take anything at present; what was to be written is not at
    fault.
    """


class Busy(Unwritable):
    """Another process holds the log and does not give it back: it is stopped, perhaps."""


@contextlib.contextmanager
def plain_words(path: Path | None) -> Iterator[None]:
    """Say in a coordinator's words what keeps the send log from being read or written."""
    try:
        yield
    except sa.exc.DatabaseError as fault:
        words = str(fault.orig)
        if any(sign in words for sign in ("full", "readonly", "read-only", "disk I/O", "locked")):
            raise Unwritable(
                f"The send log cannot be written ({words}). Nothing was handed over that is not on"
                " record.",
                hint="Make room on the disk, or free the file, and type the same command again.",
                code="S301",
            ) from fault
        if "lock timeout" in words:
            raise Busy(
                "The send log is held by another session of its database.",
                hint="wait for it, let it go on, or end it; then type the same command again",
                code="S315",
            ) from fault
        if "malformed" in words or "not a database" in words:
            raise damaged(path) from fault
        if isinstance(fault, sa.exc.OperationalError) and "connect" in words:
            raise Unwritable(
                f"The send log's database cannot be reached: {words.splitlines()[0]}",
                hint="[log] database in config.toml; nothing is sent that is not on record",
                code="S307",
            ) from fault
        if isinstance(fault, sa.exc.ProgrammingError | sa.exc.OperationalError) and (
            "no such table" in words or ("relation" in words and "does not exist" in words)
        ):
            raise Refused(
                "The tables of the send log are not there any more: its database was set back, or"
                " another one was put in its place. Nothing more is handed over.",
                hint="put the newer one back, and type the same command again",
                code="S312",
            ) from fault
        if "unable to open" in words:
            raise UsageError(f"The send log cannot be opened: {path}", code="S303") from fault
        raise
    except OSError as fault:
        if fault.errno in OUT_OF_ORDER:
            raise Unwritable(
                f"The disk of the send log takes nothing ({fault.strerror}). Nothing was handed"
                " over that is not on record.",
                hint="see to the disk, and type the same command again",
                code="S301",
            ) from fault
        if not isinstance(fault, PermissionError):
            raise
        raise UsageError(
            f"The send log belongs to somebody else, or its folder does: {fault.filename}",
            code="S303",
        ) from fault


def damaged(path: Path | None) -> Refused:
    return Refused(
        f"The send log is damaged: {path}. It was left as it is.",
        hint="Keep a copy of the file and its -wal neighbour; a backup can be put in their place.",
        code="S302",
    )
