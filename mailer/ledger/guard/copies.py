"""Where the send log is at home: a copy of it, or a backup that was put back, sends nothing by
itself.

Two copies that both go on would write to the same people twice, and a backup does not know what was
sent since. So the log on SQLite carries a mark of its place in the header of its own file: which
computer, and which file of its disk (inode and time of birth stay when a folder is renamed, a copy
has others). Where the mark does not fit, a person has to say that this is the log to go on with.

What no mark can see: a whole computer that was set back to an earlier day, and a backup that was
written over the very file. A send log on PostgreSQL has its home in the server.
"""

from __future__ import annotations

import subprocess
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import sqlalchemy as sa

from mailer.base.errors import Refused
from mailer.ledger import events
from mailer.ledger.events import EventKind
from mailer.ledger.guard.filesystem import kind_of
from mailer.ledger.ledger import Ledger
from mailer.ledger.schema import mail_out

MACHINE = Path("/etc/machine-id")  # machine-id(5); elsewhere the file alone has to do
NO_LASTING_INODES = frozenset({"9p", "exfat", "fuseblk", "msdos", "vfat"})
"""File systems of sticks and of foreign disks, which number their files anew each time they are
plugged in.
"""


def settle(connection: sa.Connection) -> None:
    """Let a log that has no home yet be at home where it is."""
    if connection.dialect.name == "sqlite" and not _mark(connection):
        connection.exec_driver_sql(f"PRAGMA user_version = {_mark_of_here(connection)}")


def is_a_copy(connection: sa.Connection) -> bool:
    """Say whether the log was copied to where it is, or brought here from another computer."""
    return connection.dialect.name == "sqlite" and _mark(connection) not in (
        0,
        _mark_of_here(connection),
    )


def require(ledger: Ledger) -> None:
    """Refuse to send from a copy."""
    with ledger.writing() as connection:
        ledger.prove(connection)
    with ledger.reading() as connection:
        if is_a_copy(connection):
            raise Refused(
                "This send log was copied here, or a backup was put back: another copy may know of"
                " letters that this one takes for unsent. Nothing was sent.",
                hint=(
                    "if it is the only one in use, and nothing was sent since it was copied: mailer"
                    ' log adopt --because "…"'
                ),
                code="S311",
            )
        if connection.dialect.name != "sqlite" or _mark(connection):
            return
    with ledger.writing() as connection:  # a log from before there were marks
        settle(connection)


def adopt(connection: sa.Connection, *, who: str, because: str, at: datetime) -> None:
    """Make this place the log's home. Who said so, and why, stands among the events of the newest
    mail-out.
    """
    connection.exec_driver_sql(f"PRAGMA user_version = {_mark_of_here(connection)}")
    newest = connection.scalar(sa.select(sa.func.max(mail_out.c.id)))
    if newest is not None:
        events.write(connection, EventKind.ADOPTED, newest, at=at, who=who, detail=because)


def _mark(connection: sa.Connection) -> int:
    return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())


def _mark_of_here(connection: sa.Connection) -> int:
    """Return 31 bits, never 0, of which computer and which file this is."""
    path = Path(
        connection.exec_driver_sql(
            "SELECT file FROM pragma_database_list WHERE name = 'main'"
        ).scalar_one()
    )
    machine = MACHINE.read_text(encoding="utf-8").strip() if MACHINE.is_file() else ""
    file = (
        "" if kind_of(path.parent) in NO_LASTING_INODES else f"{path.stat().st_ino} {_born(path)}"
    )
    return int.from_bytes(sha256(f"{machine} {file}".encode()).digest()[:4]) & 0x7FFFFFFF or 1


def _born(path: Path) -> str:
    """Return when a file was made, as it is known; a number that was free again may be given to the
    next file.

    Python does not know it on Linux. And nobody may open the log beside SQLite: closing it would
    free SQLite's locks.
    """
    if born := getattr(path.stat(), "st_birthtime", None):
        return str(born)
    try:
        command = ["stat", "--format=%W", "--", str(path)]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
    except OSError:
        return ""
