"""Reads sheets in a child, with limits of time and memory. What it has read comes piece by piece,
so that nothing is in memory twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from typing import Any

from mailer.base.errors import Problem, Refused, Severity
from mailer.base.problems import problem
from mailer.contacts import limited_process
from mailer.contacts.sheets.reader import bytes_of, read_bytes
from mailer.contacts.sheets.table import MAX_ROWS, Reading, Table

SECONDS = 30
ROWS_A_SECOND = 5_000
"""Time of the processor: 30 seconds, and one for each 5,000 rows that are allowed."""

MEMORY = 1_000_000_000
BYTES_A_ROW = 5_000

PIECE = 2_000
"""Rows that the child hands over at a time."""


def read(path: Path, file: str, max_rows: int = MAX_ROWS) -> tuple[Reading, bytes]:
    """Read one sheet, and return its bytes, too. `file` is its name for people."""
    content = bytes_of(path, file, max_rows)
    if isinstance(content, Problem):
        return Reading(problems=(content,)), b""
    return read_safely(file, content, max_rows), content


def read_safely(file: str, content: bytes, max_rows: int = MAX_ROWS) -> Reading:
    """Read one sheet from its bytes, in a child."""
    function = f"{__name__}:{packed.__name__}"
    seconds, memory = limits(max_rows)
    try:
        pieces = limited_process.ask(
            function, content, (file, max_rows), seconds=seconds, memory=memory
        )
    except limited_process.GivenUp:
        return Reading(problems=(given_up(file, max_rows),))
    return _unpacked(pieces)


def given_up(file: str, max_rows: int = MAX_ROWS) -> Problem:
    """Say that the child ended before it had read a file."""
    seconds, _ = limits(max_rows)
    message = f"this file was given up: it took more than {seconds} seconds, or too much memory"
    return problem("C014", file, message=message)


def numbers_of(content: bytes) -> dict[str, dict[tuple[int, int], float]]:
    """Return the numbers of a workbook as `xlsx.numbers_of` does, read in a child. Raises `Refused`
    where that takes too much.
    """
    function = f"{__name__}:{packed_numbers.__name__}"
    seconds, memory = limits(MAX_ROWS)
    try:
        (found,) = limited_process.ask(function, content, (), seconds=seconds, memory=memory)
    except limited_process.GivenUp:
        raise Refused("The numbers of this workbook take too long to read.") from None
    numbers: dict[str, dict[tuple[int, int], float]] = found
    return numbers


def limits(max_rows: int) -> tuple[int, int]:
    """Return seconds and bytes of memory that a sheet of so many rows may take."""
    return SECONDS + max_rows // ROWS_A_SECOND, MEMORY + max_rows * BYTES_A_ROW


def get_ready() -> None:
    """Load what reading sheets and the hold list needs, in a child that is not asked yet."""
    from mailer.contacts import hold_list  # noqa: F401
    from mailer.contacts.sheets import columns, csv_text, ods, xlsx  # noqa: F401

    columns.known_words()


def read_here(content: bytes, file: str, max_rows: int = MAX_ROWS) -> Reading:
    """Read one sheet in this process, which is to be a child."""
    try:
        return read_bytes(PurePath(file).suffix.lower(), file, content, max_rows)
    except Exception:
        return Reading(problems=(problem("C002", file),))


def packed(content: bytes, file: str, max_rows: int) -> Iterator[tuple[Any, ...]]:
    """Read a sheet and yield plain values: rows and then the table of them, the problems last."""
    reading = read_here(content, file, max_rows)
    del content  # its memory is wanted for the rows
    for table in reading.tables:
        for at in range(0, len(table.rows), PIECE):
            yield "rows", list(table.rows[at : at + PIECE])
        yield (
            "table", table.file, table.sheet, table.hidden, table.filtered, table.hidden_tab,
            table.formulas, dict(table.links), table.hidden_columns, dict(table.merged),
            dict(table.days), table.struck, dict(table.comments),
        )  # fmt: skip
    yield "problems", packed_problems(reading.problems)


def packed_numbers(content: bytes) -> Iterator[Any]:
    from mailer.contacts.sheets import xlsx

    yield xlsx.numbers_of(content)


def packed_problems(problems: Iterable[Problem]) -> list[tuple[Any, ...]]:
    return [
        (
            p.code, str(p.severity), p.message, p.file, p.sheet, p.cell, p.row, p.column, p.value,
            p.suggestion,
        )
        for p in problems
    ]  # fmt: skip


def unpacked_problems(packed: Iterable[tuple[Any, ...]]) -> list[Problem]:
    return [Problem(code, Severity(severity), *rest) for code, severity, *rest in packed]


def _unpacked(pieces: Iterable[tuple[Any, ...]]) -> Reading:
    """Join the pieces again."""
    tables: list[Table] = []
    problems: list[Problem] = []
    rows: list[Any] = []
    for what, *values in pieces:
        if what == "rows":
            rows += values[0]
        elif what == "table":
            file, sheet, *rest = values
            tables.append(Table(file, sheet, rows, *rest))
            rows = []
        else:
            problems = unpacked_problems(values[0])
    return Reading(tuple(tables), tuple(problems))
