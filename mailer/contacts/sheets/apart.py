"""Reads one file in a process of its own, with limits of time and memory: any file costs one page.

Small files are read here and now, as their cost is linear in their bytes; a big one, or one that
unpacks to much, is read by a child that can be ended. What it has read comes piece by piece, so
that nothing is in memory twice. A child that ends by itself or by its limits changes nothing, and
is said like any file that cannot be used.
"""

from __future__ import annotations

import io
import marshal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePath
from typing import IO, Any

from mailer.base.errors import Problem, Severity
from mailer.base.problems import problem
from mailer.contacts.sheets.reader import bytes_of, read_bytes
from mailer.contacts.sheets.table import MAX_ROWS, Reading, Table

SMALL = 1_000_000
"""Bytes, unpacked, up to which a file is read without a child."""

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
    """Read one sheet from its bytes, in a child where it may cost much."""
    kind = PurePath(file).suffix.lower()
    if _size(content) <= SMALL:
        return read_bytes(kind, file, content, max_rows)
    seconds = SECONDS + max_rows // ROWS_A_SECOND
    command = [sys.executable, "-m", "mailer.contacts.sheets.apart", kind, file, str(max_rows)]
    with subprocess.Popen(  # noqa: S603  (our own command, no shell)
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as child:
        assert child.stdin
        assert child.stdout
        clock = threading.Timer(2 * seconds, child.kill)
        clock.start()
        try:
            with suppress(BrokenPipeError), child.stdin as pipe:
                pipe.write(content)
            reading = _unpacked(_pieces(child.stdout))
        finally:
            clock.cancel()
            child.kill()
    if reading is None:
        message = f"this file was given up: it took more than {seconds} seconds, or too much memory"
        return Reading(problems=(problem("C014", file, message=message),))
    return reading


def _size(content: bytes) -> int:
    """Return how many bytes there are to read, by the directory of an archive."""
    if content.startswith(b"PK"):
        with (
            suppress(zipfile.BadZipFile, ValueError, OSError, NotImplementedError),
            zipfile.ZipFile(io.BytesIO(content)) as book,
        ):
            return sum(member.file_size for member in book.infolist())
    return len(content)


def _packed(reading: Reading) -> Iterator[tuple[Any, ...]]:
    """Yield plain values: rows and then the table of them, the problems last."""
    for table in reading.tables:
        for at in range(0, len(table.rows), PIECE):
            yield "rows", [(number, list(row)) for number, row in table.rows[at : at + PIECE]]
        yield (
            "table", table.file, table.sheet, table.hidden, table.filtered, table.hidden_tab,
            table.formulas, dict(table.links), table.hidden_columns, dict(table.merged),
            dict(table.days),
        )  # fmt: skip
    yield "end", [
        (
            p.code, str(p.severity), p.message, p.file, p.sheet, p.cell, p.row, p.column, p.value,
            p.suggestion,
        )
        for p in reading.problems
    ]  # fmt: skip


def _unpacked(pieces: Iterator[tuple[Any, ...]]) -> Reading | None:
    """Join the pieces again; None where the end of them is missing."""
    tables: list[Table] = []
    rows: list[Any] = []
    for what, *values in pieces:
        if what == "rows":
            rows += values[0]
        elif what == "table":
            file, sheet, *rest = values
            tables.append(Table(file, sheet, rows, *rest))
            rows = []
        else:
            return Reading(
                tuple(tables),
                tuple(
                    Problem(code, Severity(severity), *rest) for code, severity, *rest in values[0]
                ),
            )
    return None


def _pieces(pipe: IO[bytes]) -> Iterator[tuple[Any, ...]]:
    """Yield what the child writes: before each piece its length, in eight bytes."""
    while len(head := pipe.read(8)) == 8:
        size = int.from_bytes(head, "big")
        piece = pipe.read(size)
        if len(piece) < size:
            return
        yield marshal.loads(piece)  # noqa: S302  (plain values of our own child)


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
    for piece in _packed(read_bytes(kind, file, sys.stdin.buffer.read(), max_rows)):
        plain = marshal.dumps(piece)
        sys.stdout.buffer.write(len(plain).to_bytes(8, "big") + plain)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
