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
    """An INSERT, UPDATE or DELETE with named parameters."""

    def __init__(self, statement: sa.UpdateBase) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, Callable[[Row], Any]]] = {}  # by dialect

    def run(self, connection: sa.Connection, rows: Sequence[Row]) -> int:
        """Run it once for each row of values. Returns how many rows of the table were
        met in all.
        """
        dialect = connection.dialect
        sql, values = self._compiled.get(dialect.name) or self._compiled.setdefault(
            dialect.name, self._compile(dialect)
        )
        return connection.exec_driver_sql(sql, [values(row) for row in rows]).rowcount

    def _compile(self, dialect: Dialect) -> tuple[str, Callable[[Row], Any]]:
        compiled = self._statement.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)
        names = compiled.positiontup if compiled.positional else list(compiled.binds)
        assert names is not None
        slots = [_slot(compiled.binds[name], dialect) for name in names]

        def in_order(row: Row) -> tuple[Any, ...]:
            return tuple(
                [
                    fixed if name is None else row[name] if put is None else put(row[name])
                    for name, put, fixed in slots
                ]
            )

        if compiled.positional:
            return str(compiled), in_order
        return str(compiled), lambda row: dict(zip(names, in_order(row), strict=True))


def _slot(
    bind: sa.BindParameter[Any], dialect: Dialect
) -> tuple[str | None, Callable[[Any], Any] | None, Any]:
    """Return a parameter's name, what makes its values ready for the driver, and its value where
    that is fixed.
    """
    put = bind.type.dialect_impl(dialect).bind_processor(dialect)
    if bind.required:
        kind = (dialect.name, type(bind.type))
        return bind.key, put and _READY.setdefault(kind, lru_cache(TIMES)(put)), None
    return None, None, bind.value if put is None else put(bind.value)


_READY: dict[tuple[str, type], Callable[[Any], Any]] = {}
"""What makes values ready, by database and type; shared, so that a time is turned into its text
once a letter.
"""
