"""Writes the files of the send log anew, so that what was deleted lies in none of them.

A database gives room free and leaves in it what was there: SQLite in pages and in the -wal file,
PostgreSQL in dead rows and in what it knows of the values of a column. Nothing of the record
changes; after a crash the log is as it was, and this can be done again.
"""

from __future__ import annotations

import time

import sqlalchemy as sa

from mailer.ledger.ledger import Busy, Ledger
from mailer.ledger.schema import metadata

PATIENCE = 10.0  # seconds to wait for those who read the log meanwhile
BEAT = 0.05


def rewrite(ledger: Ledger, patience: float = PATIENCE) -> None:
    """Write the log anew. Raises `Busy` where somebody reads it for so long that what they see has
    to stay.
    """
    if ledger.path is None:
        _postgresql(ledger, patience)
    else:
        _sqlite(ledger, patience)


def _sqlite(ledger: Ledger, patience: float) -> None:
    """Build every page anew, bring them from the -wal file into the log, and empty that file."""
    with ledger.alone() as connection:
        held = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("temp_store", "busy_timeout")
        }
        connection.execute("PRAGMA temp_store=MEMORY")  # no second copy on the disk
        connection.execute(f"PRAGMA busy_timeout={round(patience * 1000)}")
        try:
            connection.execute("VACUUM")
            (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            for name, value in held.items():
                connection.execute(f"PRAGMA {name}={value}")
        if busy:
            raise _still_read(f"{ledger.path}-wal")


def _postgresql(ledger: Ledger, patience: float) -> None:
    """Write every table anew once nobody sees the rows of before, and look at its values anew."""
    with ledger.session() as connection:
        newest = connection.scalar(sa.text("SELECT pg_current_xact_id()::xid::text"))
        older = sa.text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <>"
            " pg_backend_pid() AND age(backend_xmin) >= age(CAST(CAST(:newest AS text) AS xid))"
        )
        until = time.monotonic() + patience
        while connection.scalar(older, {"newest": newest}):
            if time.monotonic() >= until:
                raise _still_read("its database")
            time.sleep(BEAT)
        connection.execute(sa.text(f"SET lock_timeout = '{round(patience * 1000)}ms'"))
        names = [table.name for table in metadata.sorted_tables]
        try:
            for name in names:
                connection.execute(sa.text(f'VACUUM (FULL, ANALYZE) "{name}"'))
            # Its owner may; to somebody else it says so and does nothing.
            connection.execute(sa.text("VACUUM FULL pg_catalog.pg_statistic"))
        except sa.exc.OperationalError as fault:
            if "lock timeout" not in str(fault.orig):
                raise
            raise _still_read("its database") from fault


def _still_read(where: str) -> Busy:
    return Busy(
        f"Somebody reads the send log, so what was erased can still be found in {where}.",
        hint="end what has it open (a database program, a console that hangs), and type the same"
        " command with --confirm 0",
        code="S316",
    )
