"""Statements that are compiled once and then run for many rows: those of which every letter needs
one.

SQLAlchemy says how each database wants them written and how it stores a time; the driver runs them.
Going through SQLAlchemy each time costs more than what the database does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.sql.compiler import SQLCompiler

# so many are remembered as the database wants them: a letter's few times stand in many columns
TIMES = 1024

Row = Mapping[str, Any]
"""The values of the statement's named parameters; what it does not name is passed over."""


class Prepared:
    """A statement with named parameters."""

    def __init__(self, statement: sa.UpdateBase | sa.Select[Any]) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, Callable[[Row], Any]]] = {}  # by dialect

    def run(self, connection: sa.Connection, rows: Sequence[Row]) -> int:
        """Run it once for each row of values. Returns how many rows of the table were
        met in all.
        """
        sql, values = self._for(connection.dialect)
        return connection.exec_driver_sql(sql, [values(row) for row in rows]).rowcount

    def rows(self, connection: sa.Connection, row: Row) -> list[tuple[Any, ...]]:
        """Run a SELECT, and return what it finds as the driver gives it: rows of SQLAlchemy's cost
        four times as much.
        """
        sql, values = self._for(connection.dialect)
        cursor = connection.exec_driver_sql(sql, values(row)).cursor
        assert cursor is not None
        return list(cursor.fetchall())

    def _for(self, dialect: Dialect) -> tuple[str, Callable[[Row], Any]]:
        found = self._compiled.get(dialect.name)
        return found or self._compiled.setdefault(dialect.name, self._compile(dialect))

    def _compile(self, dialect: Dialect) -> tuple[str, Callable[[Row], Any]]:
        compiled = self._statement.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)
        names = compiled.positiontup if compiled.positional else list(compiled.binds)
        assert names is not None
        binds = [compiled.binds[name] for name in names]
        free = [bind for bind in binds if bind.required]
        keys = [bind.key for bind in free]
        ready = [(at, put) for at, bind in enumerate(free) if (put := _ready(bind, dialect))]
        fixed = [(at, bind.value) for at, bind in enumerate(binds) if not bind.required]

        def in_order(row: Row) -> tuple[Any, ...]:
            values = [row[key] for key in keys]
            for at, put in ready:
                values[at] = put(values[at])
            for at, value in fixed:
                values.insert(at, value)
            return tuple(values)

        if compiled.positional:
            return str(compiled), in_order
        return str(compiled), lambda row: dict(zip(names, in_order(row), strict=True))


def _ready(bind: sa.BindParameter[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    """Return what makes a parameter's values ready for the driver, None where they are."""
    put = bind.type.dialect_impl(dialect).bind_processor(dialect)
    return put and _READY.setdefault((dialect.name, type(bind.type)), lru_cache(TIMES)(put))


_READY: dict[tuple[str, type], Callable[[Any], Any]] = {}
"""What makes values ready, by database and type; shared, so that a time is turned into its text
once a letter.
"""
