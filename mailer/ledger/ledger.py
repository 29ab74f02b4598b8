"""The send log on disk: opening it, reading from it, and the one way to write to it.

SQLite in WAL mode with `synchronous=FULL`: what `writing()` has committed survives a power cut, and
a crash inside it leaves nothing of it. One process writes at a time: a file lock is held around
every transaction and every checkpoint, because SQLite before 3.51.3 can corrupt a log that two
connections write and reset at once. Readers open the file read-only and never checkpoint.
PostgreSQL needs neither, and lets senders sit on several machines; everything else is the same.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import math
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler

from mailer.base import clock, locks
from mailer.base.errors import MailerError, Refused, UsageError
from mailer.ledger.guard.filesystem import NETWORK, kind_of
from mailer.ledger.guard.freshness import Freshness
from mailer.ledger.guard.trouble import Busy, Unwritable, damaged, plain_words
from mailer.ledger.moves.prepared import Prepared
from mailer.ledger.record import seals

SEAL_EVERY = 1.0
"""Seconds between two seals while somebody writes; one more when the log is closed."""
IDLE = 1.0
"""Seconds without use after which a session of PostgreSQL is asked whether it is still there."""


def _of_this_log(what: sa.ColumnElement[str]) -> sa.ColumnElement[int]:
    """Return the key of a lock on PostgreSQL; a database may have the logs of several workspaces,
    each in a schema of its own.
    """
    return sa.func.hashtext(what + sa.func.current_schema())


_AMONG_WRITERS = Prepared(
    sa.select(sa.func.pg_advisory_xact_lock_shared(_of_this_log(sa.literal("seals of "))))
)
_ALONE_AMONG_WRITERS = sa.select(
    sa.func.pg_advisory_xact_lock(_of_this_log(sa.literal("seals of ")))
)
_LOCK = sa.select(
    sa.func.pg_advisory_xact_lock(_of_this_log(sa.bindparam("what", type_=sa.Text())))
)

__all__ = ["Busy", "Connection", "Gone", "Ledger", "Unwritable", "damaged"]

Connection = sa.Connection
"""What `reading` and `writing` yield, for those who hand it on."""


class Gone(Unwritable):
    """The file that was opened does not lie under its path any more."""


class _Hinted(SQLiteCompiler):
    """Says which index a question goes by (`with_hint`), which SQLAlchemy leaves out for SQLite."""

    def get_from_hint_text(self, table: sa.FromClause, text: str | None) -> str | None:
        return text


class Ledger:
    """The send log. `clock` is the source of every time that is written."""

    def __init__(
        self, url: str, *, now: clock.Clock = clock.now, beside: Path | None = None
    ) -> None:
        """Open the log, or make one. `beside` is the folder in which a log on a server keeps how
        far it was seen (`guard/freshness.py`).
        """
        self.now = now
        self.url = sa.make_url(url)
        self._guard = threading.Lock()
        self._unsealed, self._has_written = False, False
        self._seal_after = math.inf  # on time.monotonic(); not before the tables are there
        self._lock_file: int | None = None
        self.path = (
            Path(self.url.database)
            if self.url.get_backend_name() == "sqlite" and self.url.database
            else None
        )
        folder = beside if self.path is None else self.path.parent
        name = "ledger" if self.path is None else self.path.name
        self.freshness = Freshness(folder / f"{name}.reached") if folder is not None else None
        self.patience = locks.PATIENCE  # seconds to wait for another process that writes
        self._to_keep = ""  # how far the log is, once the present transaction is on disk
        self._file: tuple[int, int] | None = None  # which one lay under the path at the opening
        self._read_only = False  # the disk takes nothing: the log can only be looked at
        if self.path is None:
            self._writer, self._reader = self._open_postgresql()
        else:
            self._writer, self._reader = self._open_sqlite(self.path)
        try:
            self._upgrade()
            self._unsealed, self._seal_after = False, time.monotonic() + SEAL_EVERY
        except BaseException:
            self.close()
            raise

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Open one transaction that is on disk when the block ends, and undone when the block
        raises.
        """
        with self._guard, self._alone(), plain_words(self.path):
            self._must_be_where_it_was()
            self._to_keep, self._has_written = "", True
            with self._writer.begin() as connection:
                if self.path is None:
                    if self.patience != locks.PATIENCE:
                        _wait_at_most(connection, self.patience)
                    _AMONG_WRITERS.rows(connection, {})
                yield connection
            if self._to_keep and self.freshness is not None:
                self.freshness.keep(self._to_keep)
        self._unsealed = True
        if time.monotonic() >= self._seal_after:
            self.seal()

    def prove(self, connection: sa.Connection) -> None:
        """Prove within a transaction that the log is not older than what was seen of it; else
        `Refused`: no final dot may be written.
        """
        if self.is_behind(connection):
            raise Refused(
                "This send log is older than what was sent from it: another copy was put in its"
                " place, or its database was set back. Nothing more is handed over.",
                hint='put the newer one back; if that is lost: mailer log adopt --because "…"',
                code="S312",
            )
        self.begin_anew(connection)

    def is_behind(self, connection: sa.Connection) -> bool:
        """Say whether the log is older than what was seen of it."""
        return self.freshness is not None and self.freshness.is_behind(connection)

    def begin_anew(self, connection: sa.Connection) -> None:
        """Let the log count as it is, once somebody has decided that it is the right one."""
        if self.freshness is not None:
            self._to_keep = self.freshness.newest(connection)

    def follow(self) -> None:
        """Go on with the log that lies under the path now, where that is another file: for those
        who only look, and for whoever wants to pause.
        """
        if self.path is not None and self._file_now() not in (self._file, None):
            with self._guard:
                self._leave_open()
                self._writer, self._reader = self._open_sqlite(self.path)
            self._upgrade()

    def _file_now(self) -> tuple[int, int] | None:
        assert self.path is not None
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _must_be_where_it_was(self) -> None:
        if self._read_only:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        if self.path is not None and self._file_now() != self._file:
            raise Gone(
                f"The send log is not the one any more that was opened: {self.path} was moved,"
                " deleted, or replaced by another file. Nothing more is handed over.",
                hint="put it back with its -wal neighbour, then: mailer status",
                code="S313",
            )

    def _leave_open(self) -> None:
        """Never close this connection: SQLite would merge and delete the -wal file that lies under
        the name of the log now, whosever it is.
        """
        if not self._has_written:
            return
        connection = self._writer.raw_connection().driver_connection
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))

    def seal(self) -> None:
        """Close the chain over everything that is written (`seals.py`). What keeps it from that is
        no fault of the record: the next one tries again, and `verify` says how much is not sealed.
        """
        self._seal_after = time.monotonic() + SEAL_EVERY
        with contextlib.suppress(MailerError, sa.exc.SQLAlchemyError):
            while not self._sealed():
                pass
            self._unsealed = False

    def _sealed(self) -> bool:
        """Seal once; the hashing keeps nobody from writing. False: another sender was quicker, and
        may not have seen all that is ours.
        """
        until = None
        if self.path is None:
            with self._writer.begin() as connection, plain_words(None):
                # An entry that is being written has its number already: wait until it is there,
                # but not for a writer that is stopped; the next seal covers it, too.
                _wait_at_most(connection, SEAL_EVERY)
                connection.execute(_ALONE_AMONG_WRITERS)
                until = seals.newest(connection)
        with self.reading() as connection:
            drawn = seals.draft(connection, until)
        with self._guard, self._alone(), plain_words(self.path):
            self._must_be_where_it_was()
            with self._writer.begin() as connection:
                lock(connection, "seal")
                return seals.close(connection, drawn, self.now())

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Read one consistent state; whoever is sending goes on."""
        with plain_words(self.path), self._reader.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def session(self) -> Iterator[sa.Connection]:
        """Hold a database session of its own, outside of any transaction, until the block ends."""
        with plain_words(self.path), self._writer.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.invalidate()  # ends the session, and whatever it holds with it

    @contextlib.contextmanager
    def alone(self) -> Iterator[Any]:
        """Hold the one writing connection of a log that is a file, as the driver's own, outside of
        any transaction; no other process writes until the block ends.
        """
        with self._guard, self._alone(), plain_words(self.path):
            self._must_be_where_it_was()
            self._has_written = True
            yield self._writer.raw_connection().driver_connection

    def close(self) -> None:
        if self._unsealed and self._seal_after < math.inf:
            self.seal()
        self._reader.dispose()
        try:
            if self.path is not None and self._file not in (None, self._file_now()):
                self._leave_open()
            elif self._has_written:
                with self._guard, self._alone():  # the last one to leave writes the checkpoint
                    self._writer.dispose()
        except Busy:
            self._leave_open()  # whoever holds the log writes it
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        if self._lock_file is None:
            yield
            return
        try:
            locks.take(self._lock_file, self.patience)
        except locks.Held as fault:
            os.close(self._lock_file)
            self._lock_file = self._open_lock()
            raise Busy(
                f"The send log is held by {fault}.",
                hint="wait for it, let it go on, or end it; then type the same command again",
                code="S315",
            ) from fault
        try:
            yield
        finally:
            locks.release(self._lock_file)

    def _open_lock(self) -> int:
        assert self.path is not None
        beside = self.path.with_name(self.path.name + ".lock")
        return os.open(beside, os.O_RDWR | os.O_CREAT, 0o600)

    def _open_postgresql(self) -> tuple[sa.Engine, sa.Engine]:
        if self.url.get_backend_name() != "postgresql":
            raise UsageError(
                f"The send log cannot be kept in {self.url.drivername}.",
                hint="[log] database",
                code="S303",
            )
        try:
            engine = sa.create_engine(self.url)
        except ImportError as missing:
            raise UsageError(
                "The send log is on PostgreSQL, and its driver is not installed.",
                hint='pip install "pace-mailer[postgres]"',
                code="S303",
            ) from missing

        @sa.event.listens_for(engine, "connect")
        def _patient(connection: sa.engine.interfaces.DBAPIConnection, _record: object) -> None:
            # Compiling a question of many words takes it seconds, and answering it milliseconds.
            patience = round(locks.PATIENCE * 1000)
            connection.cursor().execute(f"SET lock_timeout = {patience}; SET jit = off")
            connection.commit()

        @sa.event.listens_for(engine, "checkin")
        def _put_back(_connection: object, record: sa.pool.ConnectionPoolEntry) -> None:
            record.info["since"] = time.monotonic()

        @sa.event.listens_for(engine, "checkout")
        def _still_there(
            connection: sa.engine.interfaces.DBAPIConnection,
            record: sa.pool.ConnectionPoolEntry,
            _proxy: object,
        ) -> None:
            if time.monotonic() - record.info.get("since", math.inf) < IDLE:
                return  # asked before each transaction, it would be one more way there and back
            try:
                if not engine.dialect.do_ping(connection):
                    raise sa.exc.DisconnectionError
            except engine.dialect.loaded_dbapi.Error as cut:
                raise sa.exc.DisconnectionError from cut

        return engine, engine.execution_options(postgresql_readonly=True)

    def _open_sqlite(self, path: Path) -> tuple[sa.Engine, sa.Engine]:
        if (kind := kind_of(path.parent)) in NETWORK:
            raise Refused(
                f"The send log would lie on a disk of another machine ({kind}): {path.parent}."
                " Locks do not hold there.",
                hint=(
                    "Move the workspace to a disk of this computer, or set [log] database to"
                    " PostgreSQL."
                ),
                code="S308",
            )
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._read_only = False
        with plain_words(path):
            try:
                self._lock_file = self._open_lock()
                self._must_not_be_missed(path)
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            except OSError as fault:
                if fault.errno != errno.EROFS or not path.exists():
                    raise
                self._read_only = True  # whoever only looks may
            self._file = self._file_now()
        alone = self._read_only and not path.with_name(f"{path.name}-wal").exists()
        writer = sa.create_engine(
            f"sqlite:///{path}", poolclass=sa.StaticPool, connect_args={"check_same_thread": False}
        )
        reader = sa.create_engine(
            f"sqlite:///file:{path}?mode=ro{'&immutable=1' if alone else ''}&uri=true",
            poolclass=sa.NullPool,
            connect_args={"check_same_thread": False},
        )

        for engine in (writer, reader):
            engine.dialect.statement_compiler = _Hinted

        @sa.event.listens_for(writer, "connect")
        def _durable(connection: sa.engine.interfaces.DBAPIConnection, _record: object) -> None:
            connection.isolation_level = (
                None  # transactions begin where we say, not where the driver guesses
            )
            for pragma in (
                "busy_timeout=5000",
                "journal_mode=WAL",
                "synchronous=FULL",
                "foreign_keys=ON",
                "cache_size=-16000",  # kB: what one claim changes is at hand for its outcomes
                "secure_delete=ON",  # SQLite is built with another default here and there
            ):
                connection.execute(f"PRAGMA {pragma}")

        @sa.event.listens_for(writer, "begin")
        def _immediate(connection: sa.Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        @sa.event.listens_for(reader, "connect")
        def _patient(connection: sa.engine.interfaces.DBAPIConnection, _record: object) -> None:
            connection.isolation_level = None
            connection.execute("PRAGMA busy_timeout=5000")

        @sa.event.listens_for(reader, "begin")
        def _snapshot(connection: sa.Connection) -> None:
            connection.exec_driver_sql("BEGIN")

        return writer, reader

    def _is_up_to_date(self, head: str) -> bool:
        with contextlib.suppress(MailerError, sa.exc.SQLAlchemyError), self.reading() as connection:
            version = sa.text("SELECT version_num FROM alembic_version")
            return bool(connection.scalar(version) == head)
        return False

    def _must_not_be_missed(self, path: Path) -> None:
        """Refuse to make a new log where there was one: it would know nobody who was written to,
        and SQLite would throw away what lies in the old one's -wal file.
        """
        left = (path.with_name(path.name + end) for end in ("-wal", ".reached"))
        found = [one.name for one in left if one.exists()]
        if found and not path.exists():
            raise Refused(
                f"The send log is gone: {path} is not there, and {found[0]} beside it says that"
                " there was one. No new one was made.",
                hint=f"put {path.name} back; if it is lost for good, everybody counts as never"
                f" written to: move {path.parent} out of the way first",
                code="S314",
            )

    def _upgrade(self) -> None:
        """Bring the tables to the form that this version knows; a newer form is refused, never
        changed.
        """
        from mailer.ledger.migrations import HEAD, create, upgrade

        if self.path is not None and self._is_up_to_date(HEAD):
            return  # nothing to write: whoever only looks waits for nobody
        with self.writing() as connection:
            if self.path is None:
                if connection.scalar(sa.text("SHOW synchronous_commit")) == "off":
                    raise Refused(
                        "PostgreSQL answers before what it is told is on disk (synchronous_commit"
                        " is off).",
                        hint=(
                            "set it to on for this database: a marker that is lost is a letter sent"
                            " twice"
                        ),
                        code="S306",
                    )
                lock(connection, "the tables")
            if not sa.inspect(connection).has_table("alembic_version"):
                create(connection)
            elif connection.scalar(sa.text("SELECT version_num FROM alembic_version")) != HEAD:
                upgrade(connection)


def lock(connection: sa.Connection, what: str) -> None:
    """Let no other transaction on this log pass the same point until this one ends; on SQLite that
    holds for every writer anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK, {"what": f"{what} of "})


def _wait_at_most(connection: sa.Connection, seconds: float) -> None:
    """Wait for no lock longer than this, within one transaction on PostgreSQL."""
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {round(seconds * 1000)}")


def shown(mail_out_id: int) -> str:
    """Return the name under which people know a mail-out: `M-0007`."""
    return f"M-{mail_out_id:04d}"


def number_of(name: str) -> int:
    """Return the id of `M-0007`, also written `m-7` or `7`."""
    digits = name.strip().upper().removeprefix("M").removeprefix("-")
    if not digits.isascii() or not digits.isdigit():
        raise UsageError(
            f"{name!r} is no mail-out; they are called M-0001, M-0002, …",
            hint="mailer status lists them.",
        )
    return int(digits)
