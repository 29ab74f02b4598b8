"""Reads one file in a process of its own, with limits of time and memory: any file costs one page.

Small files are read here and now, as their cost is linear in their bytes; a big one, or one that
unpacks to much, is read by a child that can be ended. A child that ends by itself or by its limits
changes nothing, and is said like any file that cannot be used.
"""

from __future__ import annotations

import io
import marshal
import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import PurePath

from mailer.base.errors import Problem, Severity
from mailer.base.problems import problem
from mailer.contacts.sheets.reader import read_bytes
from mailer.contacts.sheets.table import Reading, Table

SMALL = 1_000_000
"""Bytes, unpacked, up to which a file is read without a child."""

SECONDS = 30
ROWS_A_SECOND = 5_000
"""Time of the processor: 30 seconds, and one for each 5,000 rows that are allowed."""

MEMORY = 1_000_000_000
BYTES_A_ROW = 5_000


def read_safely(file: str, content: bytes, max_rows: int) -> Reading:
    """Read one sheet from its bytes, in a child where it may cost much."""
    kind = PurePath(file).suffix.lower()
    if _size(content) <= SMALL:
        return read_bytes(kind, file, content, max_rows)
    seconds = SECONDS + max_rows // ROWS_A_SECOND
    command = [sys.executable, "-m", "mailer.contacts.sheets.apart", kind, file, str(max_rows)]
    try:
        done = subprocess.run(  # noqa: S603  (our own command, no shell)
            command, input=content, capture_output=True, timeout=2 * seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return Reading(problems=(_given_up(file, f"it took more than {seconds} seconds"),))
    if done.returncode != 0:
        return Reading(problems=(_given_up(file, "it took too much time or memory"),))
    return _unpacked(marshal.loads(done.stdout))  # noqa: S302  (plain values of our own child)


def _given_up(file: str, why: str) -> Problem:
    message = f"this file was given up: {why} to read"
    return problem("C014", file, message=message)


def _size(content: bytes) -> int:
    """Return how many bytes there are to read, by the directory of an archive."""
    if content.startswith(b"PK"):
        with (
            suppress(zipfile.BadZipFile, ValueError, OSError, NotImplementedError),
            zipfile.ZipFile(io.BytesIO(content)) as book,
        ):
            return sum(member.file_size for member in book.infolist())
    return len(content)


Plain = tuple[list[tuple[object, ...]], list[tuple[object, ...]]]


def _packed(reading: Reading) -> Plain:
    tables: list[tuple[object, ...]] = [
        (
            table.file, table.sheet, [(number, tuple(cells)) for number, cells in table.rows],
            table.hidden, table.filtered, table.hidden_tab, table.formulas, dict(table.links),
            table.hidden_columns, dict(table.merged), dict(table.days),
        )
        for table in reading.tables
    ]  # fmt: skip
    problems: list[tuple[object, ...]] = [
        (
            p.code, str(p.severity), p.message, p.file, p.sheet, p.cell, p.row, p.column, p.value,
            p.suggestion,
        )
        for p in reading.problems
    ]  # fmt: skip
    return tables, problems


def _unpacked(plain: Plain) -> Reading:
    tables, problems = plain
    return Reading(
        tuple(Table(*table) for table in tables),  # type: ignore[arg-type]
        tuple(
            Problem(code, Severity(severity), *rest)  # type: ignore[arg-type]
            for code, severity, *rest in problems
        ),
    )


def _limit(max_rows: int) -> None:
    """Let this process end when it takes more than a contact sheet can."""
    try:
        import resource
    except ImportError:  # Windows: the parent's clock is the limit
        return
    seconds = SECONDS + max_rows // ROWS_A_SECOND
    memory = MEMORY + max_rows * BYTES_A_ROW
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    with suppress(ValueError, OSError):  # macOS knows no such limit
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def main(kind: str, file: str, max_rows: int) -> None:
    """Read standard input, and write plain values to standard output."""
    _limit(max_rows)
    reading = read_bytes(kind, file, sys.stdin.buffer.read(), max_rows)
    sys.stdout.buffer.write(marshal.dumps(_packed(reading)))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
