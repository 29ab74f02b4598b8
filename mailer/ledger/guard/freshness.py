"""How far the send log is: the newest event that was on record, kept in a file beside it.

A log that was put back by an older copy, moved without what had not been merged into it (`-wal`),
or taken from a database server that lags behind, does not have that event, or has another one under
its number. Who was written to since is not in it, so no final dot may be written: each marker
proves that the event is there, in its own transaction.

The file is written after the commit and before the dot, without a sync: after a power cut it may be
behind the log, never before it. It is there, on disk, before the log says that there is one: a kill
between the two takes nothing for an older copy. With a database on a server it is beside the
settings, and speaks of what this computer has seen.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from mailer.ledger.moves.prepared import Prepared, driver
from mailer.ledger.schema import event

e = event.c
_ROW = (e.id, e.at, e.kind, e.mail_out_id, e.delivery_id, e.who)
_NEWEST = Prepared(sa.select(*_ROW).where(e.id == sa.select(sa.func.max(e.id)).scalar_subquery()))
_ONE = Prepared(sa.select(*_ROW).where(e.id == sa.bindparam("id", type_=sa.Integer())))
WATCHED = 0x50414345
"""The application_id of a log in SQLite that has such a file beside it."""
NOTHING_YET = "-"  # was seen of the log
WIDE = 64  # bytes of the file: always the same, so that each time is one write


class Freshness:
    """The file beside one log."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def is_behind(self, connection: sa.Connection) -> bool:
        """Say whether the log is older than what was seen of it."""
        try:
            kept = self._kept()
        except (FileNotFoundError, UnicodeDecodeError):
            kept = ""
        if kept == NOTHING_YET:
            return False
        if not kept:
            return connection.dialect.name == "sqlite" and _is_watched(connection)
        number = kept.partition(" ")[0]
        rows = _ONE.rows(connection, {"id": int(number)}) if number else []
        return [_line(row) for row in rows] != [kept]

    def newest(self, connection: sa.Connection) -> str:
        """Return what is to be kept once this transaction is on disk; of an empty log nothing."""
        line = "".join(map(_line, _NEWEST.rows(connection, {})))
        if line and connection.dialect.name == "sqlite" and not _is_watched(connection):
            if not self.path.exists():
                self.keep(NOTHING_YET, on_disk=True)
            connection.exec_driver_sql(f"PRAGMA application_id = {WATCHED}")
        return line

    def _kept(self) -> str:
        file = os.open(self.path, os.O_RDONLY)
        try:
            return os.read(file, WIDE).decode("ascii").strip()
        finally:
            os.close(file)

    def keep(self, line: str, *, on_disk: bool = False) -> None:
        """Keep how far the log is; `on_disk` before this returns."""
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(file, line.ljust(WIDE - 1).encode("ascii") + b"\n", 0)
            if on_disk:
                os.fsync(file)
        finally:
            os.close(file)


def _is_watched(connection: sa.Connection) -> bool:
    with driver(connection) as cursor:
        return bool(cursor.execute("PRAGMA application_id").fetchone() == (WATCHED,))


def _line(row: Sequence[Any]) -> str:
    number, at, *rest = row
    words = "|".join(map(str, (at.timestamp(), *rest)))
    return f"{number} {sha256(words.encode()).hexdigest()[:32]}"
