"""What the send log's database says of itself: does a commit survive a power cut, and is the file
whole?
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from mailer.ledger.ledger import Ledger, damaged
from mailer.ledger.schema import delivery, event, mail_out

RESET_IS_SAFE = (3, 51, 3)
"""From here on SQLite resets its WAL safely with several writers; before, our lock keeps them
apart.
"""


@dataclass(frozen=True, slots=True)
class Health:
    """Of the database and its settings."""

    database: str  # "SQLite 3.40.1", "PostgreSQL 15.4"
    durable: tuple[str, ...]  # what makes a commit last: "journal_mode is wal"
    weak: tuple[str, ...]  # what undoes it: "fsync is off"
    damage: str  # what a look through the file found, empty: whole
    last_event_at: datetime | None


def examine(ledger: Ledger) -> Health:
    """Ask the database. With SQLite the whole file is read (`quick_check`): a second for 100,000
    letters.
    """
    with (
        ledger.writing() as connection
    ):  # the settings of the connection that writes are those that count
        if ledger.path is None:
            version, settings, wanted = _postgresql(connection)
        else:
            version, settings, wanted = _sqlite(connection)
    with ledger.reading() as connection:
        last = connection.scalar(sa.select(sa.func.max(event.c.at)))
        found = (
            []
            if ledger.path is None
            else list(connection.scalars(sa.text("PRAGMA quick_check(3)")))
        )
    words = [(f"{name} is {value}", value in wanted[name]) for name, value in settings.items()]
    return Health(
        database=version,
        durable=tuple(word for word, good in words if good),
        weak=tuple(word for word, good in words if not good),
        damage="" if found in ([], ["ok"]) else "; ".join(found),
        last_event_at=last,
    )


def require(ledger: Ledger) -> None:
    """Refuse to send from a file that is damaged where it says who was written to: 0.1 s for
    100,000 people.

    The letters are proven one by one as they are read (`letters.read`), events and attempts by
    their chain (`seals.verify`).
    """
    if ledger.path is None:
        return
    with ledger.reading() as connection:
        for table in (mail_out, delivery):
            if connection.scalars(sa.text(f"PRAGMA quick_check({table.name})")).all() != ["ok"]:
                raise damaged(ledger.path)


def _sqlite(connection: sa.Connection) -> tuple[str, dict[str, str], dict[str, set[str]]]:
    levels = {"0": "off", "1": "normal", "2": "full", "3": "extra"}
    level = str(connection.scalar(sa.text("PRAGMA synchronous")))
    settings = {
        "journal_mode": str(connection.scalar(sa.text("PRAGMA journal_mode"))),
        "synchronous": levels.get(level, level),
    }
    version = f"SQLite {connection.scalar(sa.text('SELECT sqlite_version()'))}"
    return version, settings, {"journal_mode": {"wal"}, "synchronous": {"full", "extra"}}


def _postgresql(connection: sa.Connection) -> tuple[str, dict[str, str], dict[str, set[str]]]:
    wanted = {
        "synchronous_commit": {"on", "remote_write", "remote_apply", "local"},
        "fsync": {"on"},
        "full_page_writes": {"on"},
    }
    settings = {name: str(connection.scalar(sa.text(f"SHOW {name}"))) for name in wanted}
    version = str(connection.scalar(sa.text("SHOW server_version"))).split(" ")[0]
    return f"PostgreSQL {version}", settings, wanted
