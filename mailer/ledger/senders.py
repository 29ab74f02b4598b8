"""Who is sending: each sender process has a name and holds a file lock for as long as it lives.

A free lock proves that the sender is dead, however it died: the system releases it. On PostgreSQL, where senders may
sit on other machines, there is no such proof, and only the lease tells.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from mailer.ledger.ledger import Ledger
from mailer.ledger.schema import delivery
from mailer.states import State

d = delivery.c


def _folder(ledger: Ledger) -> Path | None:
    return None if ledger.path is None else ledger.path.parent / "senders"


@contextlib.contextmanager
def sender(ledger: Ledger) -> Iterator[str]:
    """Be a sender: yields a name of its own, alive until the block ends or the process does."""
    name = secrets.token_hex(6)
    folder = _folder(ledger)
    if folder is None:
        yield name
        return
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / name
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield name
    finally:
        path.unlink(missing_ok=True)
        os.close(lock)


def dead_senders(ledger: Ledger, connection: sa.Connection, mail_out_id: int) -> list[str]:
    """Name those whose deliveries are still being sent, and who are proven dead."""
    folder = _folder(ledger)
    if folder is None:
        return []
    owners = connection.scalars(
        sa.select(d.owner).distinct().where(d.mail_out_id == mail_out_id, d.state == State.SENDING.value)
    )
    return [owner for owner in owners if owner and not _alive(folder / owner)]


def _alive(path: Path) -> bool:
    try:
        lock = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        path.unlink(missing_ok=True)
        return False
    finally:
        os.close(lock)
