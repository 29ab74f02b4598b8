"""Statements that are compiled once and then run for many rows: those of which every letter needs
one.

SQLAlchemy says how each database wants them written and how it stores a time, and begins and ends
the transaction; the driver runs them. Going through SQLAlchemy each time costs more than what the
database does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.sql.compiler import SQLCompiler

Row = Mapping[str, Any]
"""The values of the statement's named parameters; what it does not name is passed over."""
_Put = Callable[[Any], Any]


class _Compiled(NamedTuple):
    """A statement as one database wants it."""

    sql: str
    fixed: dict[str, Any]  # the values that are the same each time
    values: Callable[[Row], Any]  # as the driver wants them: by name, or one by one
    puts: list[tuple[Any, _Put]]  # what makes a value ready for the driver, by its name or place
    takes: list[tuple[int, _Put]]  # and what the driver gives ready for us, by its place

    def ready(self, row: Row) -> Any:
        values = self.values({**row, **self.fixed} if self.fixed else row)
        for at, put in self.puts:
            values[at] = put(values[at])
        return values


class Prepared:
    """A statement with named parameters; of an INSERT without values, `columns` are its
    parameters.
    """

    def __init__(
        self, statement: sa.UpdateBase | sa.Select[Any], columns: Sequence[str] | None = None
    ) -> None:
        self._statement = statement
        self._columns = columns
        self._compiled: dict[str, _Compiled] = {}  # by dialect

    def run(
        self, connection: sa.Connection, rows: Sequence[Row], *, fewer: Exception | None = None
    ) -> int:
        """Run it once for each row of values. Returns how many rows of the table were
        met in all. Raises `fewer` where that is less than one for each; within `together` at its
        end, where this returns as many as were asked for.
        """
        it = self._for(connection.dialect)
        values = [it.ready(row) for row in rows]
        if (left := connection.info.get(_TOGETHER)) is not None:
            cursor = connection.connection.cursor()  # it is closed when its answer is there
            left.append(_Left(cursor, len(rows), fewer))
            cursor.executemany(it.sql, values)
            return len(rows)
        with driver(connection) as cursor:
            cursor.executemany(it.sql, values)
            met = int(cursor.rowcount)
        if fewer is not None and met < len(rows):
            raise fewer
        return met

    def rows(self, connection: sa.Connection, row: Row) -> list[tuple[Any, ...]]:
        """Run it once, and return what it finds in plain tuples."""
        it = self._for(connection.dialect)
        with driver(connection) as cursor:
            cursor.execute(it.sql, it.ready(row))
            found = cursor.fetchall()
        return [_taken(one, it.takes) for one in found] if it.takes else list(found)

    def _for(self, dialect: Dialect) -> _Compiled:
        found = self._compiled.get(dialect.name)
        return found or self._compiled.setdefault(dialect.name, self._compile(dialect))

    def _compile(self, dialect: Dialect) -> _Compiled:
        compiled = self._statement.compile(dialect=dialect, column_keys=self._columns)
        assert isinstance(compiled, SQLCompiler)
        names = compiled.positiontup
        puts = {
            name: put
            for bind, name in compiled.bind_names.items()
            if bind.required and (put := _put(bind.type, dialect))
        }
        places = enumerate(names) if names else zip(puts, puts, strict=True)
        columns = enumerate(self._statement.exported_columns)
        return _Compiled(
            str(compiled),
            {name: one.value for one, name in compiled.bind_names.items() if not one.required},
            _one_by_one(names) if names else dict,
            [(at, puts[name]) for at, name in places if name in puts],
            [(at, take) for at, one in columns if (take := _take(one.type, dialect))],
        )


class _Left(NamedTuple):
    """A statement that has left, and whose answer is still to come."""

    cursor: Any
    rows: int
    fewer: Exception | None


_TOGETHER = "statements that have left together"


@contextlib.contextmanager
def together(connection: sa.Connection) -> Iterator[None]:
    """Let all that `Prepared.run` does within leave at once on PostgreSQL, without waiting for each
    answer: to a server on another machine each is a way there and back. Nothing else may run
    within.
    """
    if connection.dialect.name != "postgresql":
        yield
        return
    left: list[_Left] = []
    connection.info[_TOGETHER] = left
    session: Any = connection.connection.driver_connection
    with contextlib.ExitStack() as cursors, _as_sqlalchemy(connection):
        try:
            with session.pipeline():
                yield
        finally:
            del connection.info[_TOGETHER]
            for one in left:
                cursors.callback(one.cursor.close)
        for one in left:
            if one.fewer is not None and one.cursor.rowcount < one.rows:
                raise one.fewer


@contextlib.contextmanager
def driver(connection: sa.Connection) -> Iterator[Any]:
    """Yield the driver's own cursor, within the connection's transaction. What the driver refuses
    is raised as SQLAlchemy raises it.
    """
    with _as_sqlalchemy(connection), contextlib.closing(connection.connection.cursor()) as cursor:
        yield cursor


@contextlib.contextmanager
def _as_sqlalchemy(connection: sa.Connection) -> Iterator[None]:
    """Begin the transaction, and raise what the driver refuses as SQLAlchemy raises it."""
    if not connection.in_transaction():
        connection.begin()
    of = connection.dialect.loaded_dbapi
    try:
        yield
    except of.Error as fault:
        raise sa.exc.DBAPIError.instance(
            None, None, fault, of.Error, dialect=connection.dialect
        ) from fault


def _one_by_one(names: Sequence[str]) -> Callable[[Row], list[Any]]:
    take = itemgetter(*names)
    return (lambda row: list(take(row))) if len(names) > 1 else lambda row: [take(row)]


def _put(kind: sa.types.TypeEngine[Any], dialect: Dialect) -> _Put | None:
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _take(kind: sa.types.TypeEngine[Any], dialect: Dialect) -> _Put | None:
    return kind.dialect_impl(dialect).result_processor(dialect, None)


def _taken(row: Sequence[Any], takes: Sequence[tuple[int, _Put]]) -> tuple[Any, ...]:
    values = list(row)
    for at, take in takes:
        if (value := values[at]) is not None:
            values[at] = take(value)
    return tuple(values)
