"""Who is sending: each sender process has a name and holds a lock under it for as long as it lives.

A free lock proves that the sender is dead, however it died. With SQLite it is the lock of a file,
which the system releases; with PostgreSQL it is a lock of a database session, which the server
releases when the connection ends, so that it holds for senders on several machines. Where it
releases too early (a network that broke), the fence still stops the sender before its next dot.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import select
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from mailer.base.errors import MailerError
from mailer.base.states import State
from mailer.ledger.ledger import Ledger
from mailer.ledger.schema import delivery

ROOM = 256 * 1024
"""Bytes for answers that the send log cannot take: far more than the letters that are under way at
once need.
"""

BEAT = 1.0
"""Seconds between two looks of a sender at its own session."""

d = delivery.c


def _folder(ledger: Ledger) -> Path | None:
    return None if ledger.path is None else ledger.path.parent / "senders"


@contextlib.contextmanager
def sender(ledger: Ledger) -> Iterator[str]:
    """Be a sender: yields a name of its own, alive until the block ends or the process does."""
    name = secrets.token_hex(6)
    folder = _folder(ledger)
    if folder is None:
        with _Alive(ledger, name):
            yield name
        return
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / name
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        with contextlib.suppress(
            OSError, AttributeError
        ):  # not every file system, and not every system, reserves
            os.posix_fallocate(lock, 0, ROOM)
        yield name
    finally:
        with contextlib.suppress(OSError):  # a disk that takes nothing: what stopped us is the news
            if not _keeps_something(path):
                path.unlink(missing_ok=True)
        os.close(lock)


class _Alive:
    """A database session that holds a sender's lock. Where it is cut, by a server or a network that
    takes it for idle, the next one takes its place: at once, where the server says that it is cut,
    since for as long as that takes the sender passes for dead.
    """

    def __init__(self, ledger: Ledger, name: str) -> None:
        self._ledger, self._key = ledger, int(name, 16)
        self._over, self._held = threading.Event(), threading.Event()
        self._ended, self._end = os.pipe()
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._stay, name="alive", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()
        self._held.wait()
        if self._fault is not None:
            raise self._fault

    def __exit__(self, *_: object) -> None:
        self._over.set()
        os.close(self._end)
        self._thread.join()
        os.close(self._ended)

    def _stay(self) -> None:
        wait = 0.0
        while not self._over.wait(wait):
            try:
                with self._ledger.session() as connection:
                    connection.execute(sa.select(sa.func.pg_advisory_lock(self._key)))
                    self._held.set()
                    wait = 0.0
                    session: Any = connection.connection.driver_connection
                    while not self._over.is_set():
                        select.select([self._ended, session.fileno()], [], [], BEAT)
                        connection.execute(sa.select(1))
            except (MailerError, sa.exc.SQLAlchemyError) as fault:
                if not self._held.is_set():  # it never lived
                    self._fault = fault
                    self._held.set()
                    return
                wait = BEAT if wait else BEAT / 100


def file_of(ledger: Ledger, name: str) -> Path | None:
    """Return the file of a sender, which need not be there any more; None with PostgreSQL."""
    folder = _folder(ledger)
    return None if folder is None else folder / name


def with_something_kept(ledger: Ledger) -> list[Path]:
    """Return the files of dead senders in which answers are kept."""
    folder = _folder(ledger)
    paths = sorted(folder.iterdir()) if folder is not None and folder.is_dir() else []
    return [path for path in paths if _keeps_something(path) and not _alive(path)]


def _keeps_something(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(1) not in (b"", b"\0")
    except FileNotFoundError:
        return False


def dead_senders(ledger: Ledger, connection: sa.Connection, mail_out_id: int) -> list[str]:
    """Name those whose deliveries are still being sent, and who are proven dead."""
    owners = connection.scalars(
        sa.select(d.owner)
        .distinct()
        .where(d.mail_out_id == mail_out_id, d.state == State.SENDING.value)
    )
    return dead_among(ledger, connection, [owner for owner in owners if owner])


def dead_among(ledger: Ledger, connection: sa.Connection, names: Iterable[str]) -> list[str]:
    """Name those of some senders who are proven dead."""
    folder = _folder(ledger)
    if folder is None:
        if not (asked := list(names)):
            return []
        held = _locks_held(connection)
        return [name for name in asked if name not in held]
    dead = [name for name in names if not _alive(folder / name)]
    for name in dead:
        with contextlib.suppress(OSError):  # whoever only looks may not be able to write
            if not _keeps_something(folder / name):
                (folder / name).unlink(missing_ok=True)
    return dead


def nobody_sends(ledger: Ledger, connection: sa.Connection, mail_out_id: int) -> bool:
    """Say whether a mail-out that is being sent is being sent by nobody: its sender died, or none
    is alive at all.
    """
    if dead_senders(ledger, connection, mail_out_id):
        return True
    folder = _folder(ledger)
    if folder is None:
        locks = (
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1"
            " AND database = ({})"
        )
        here = "SELECT oid FROM pg_database WHERE datname = current_database()"
        return not connection.scalar(sa.text(locks.format(here)))
    return not (folder.is_dir() and any(_alive(path) for path in folder.iterdir()))


def _locks_held(connection: sa.Connection) -> set[str]:
    """Name those whose locks are held in this database; taking a lock to see whether it is free
    would make others see it held.
    """
    held = connection.execute(
        sa.text(
            "SELECT classid::bigint, objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND"
            " granted AND objsubid = 1 AND database = (SELECT oid FROM pg_database WHERE"
            " datname = current_database())"
        )
    )
    return {f"{(high << 32) | low:012x}" for high, low in held}


def _alive(path: Path) -> bool:
    """Look, and leave the file: it may be of a sender that is just being born, and waits for this
    look to end.
    """
    try:
        lock = os.open(path, os.O_RDONLY)  # a lock needs no more, and a read-only disk has no more
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(lock)
