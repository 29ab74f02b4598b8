"""Reads sheets in a process of its own, with limits of time and memory: any file costs one page.

One child reads file after file and waits for the next one; it is started when the first sheet is
asked for, ended after a big one, whose memory goes back so, and ends by itself when the parent
does. What it has read comes piece by piece, so that nothing is in memory twice. A child that ends
by a file or by its limits changes nothing, and the file is said like any that cannot be used.
"""

from __future__ import annotations

import atexit
import gc
import marshal
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePath
from typing import IO, Any

from mailer.base.errors import Problem, Severity
from mailer.base.problems import problem
from mailer.contacts.sheets.reader import bytes_of, read_bytes
from mailer.contacts.sheets.table import MAX_ROWS, Reading, Table

SECONDS = 30
ROWS_A_SECOND = 5_000
"""Time of the processor: 30 seconds, and one for each 5,000 rows that are allowed."""

MEMORY = 1_000_000_000
BYTES_A_ROW = 5_000

PIECE = 2_000
"""Rows that the child hands over at a time."""

MANY = 5_000
"""Rows after which a child is ended: what it took for them would stay with it."""

_COMMAND = [sys.executable, "-P", "-m", "mailer.contacts.sheets.apart"]
"""`-P`: the folder we are in may be a workspace, and nothing in it is ever run."""

_idle: list[_Child] = []


def read(path: Path, file: str, max_rows: int = MAX_ROWS) -> tuple[Reading, bytes]:
    """Read one sheet, and return its bytes, too. `file` is its name for people."""
    content = bytes_of(path, file, max_rows)
    if isinstance(content, Problem):
        return Reading(problems=(content,)), b""
    return read_safely(file, content, max_rows), content


def read_safely(file: str, content: bytes, max_rows: int = MAX_ROWS) -> Reading:
    """Read one sheet from its bytes, in a child."""
    child = _idle.pop() if _idle else _Child()
    reading = child.read(file, content, max_rows)
    if reading is not None and not _idle and sum(len(t.rows) for t in reading.tables) < MANY:
        _idle.append(child)
    else:
        child.end()
    if reading is None:
        message = (
            f"this file was given up: it took more than {_seconds(max_rows)} seconds, or too much"
            " memory"
        )
        return Reading(problems=(problem("C014", file, message=message),))
    return reading


def _seconds(max_rows: int) -> int:
    return SECONDS + max_rows // ROWS_A_SECOND


class _Child:
    """A process that reads one file after another."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603  (our own command, no shell)
            _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def read(self, file: str, content: bytes, max_rows: int) -> Reading | None:
        """Return what a file holds; None where the child ended before it had said all."""
        if self._process.poll() is not None:  # while it had nothing to do
            self.end()
            self._start()
        assert self._process.stdin
        assert self._process.stdout
        limits = _seconds(max_rows), MEMORY + max_rows * BYTES_A_ROW
        clock = threading.Timer(2 * limits[0], self._process.kill)
        clock.start()
        try:
            with suppress(BrokenPipeError):
                _say(self._process.stdin, (file, max_rows, *limits, len(content)))
                self._process.stdin.write(content)
                self._process.stdin.flush()
            return _unpacked(_pieces(self._process.stdout))
        finally:
            clock.cancel()

    def end(self) -> None:
        self._process.kill()
        with suppress(BrokenPipeError):
            self._process.communicate()


@atexit.register
def end() -> None:
    """End the child that waits; the next sheet starts another one."""
    while _idle:
        _idle.pop().end()


def _packed(reading: Reading) -> Iterator[tuple[Any, ...]]:
    """Yield plain values: rows and then the table of them, the problems last."""
    for table in reading.tables:
        for at in range(0, len(table.rows), PIECE):
            yield "rows", list(table.rows[at : at + PIECE])
        yield (
            "table", table.file, table.sheet, table.hidden, table.filtered, table.hidden_tab,
            table.formulas, dict(table.links), table.hidden_columns, dict(table.merged),
            dict(table.days), table.struck, dict(table.comments),
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


def _say(pipe: IO[bytes], value: Any) -> None:
    """Write a plain value: its length in eight bytes, and what `marshal` makes of it."""
    plain = marshal.dumps(value)
    pipe.write(len(plain).to_bytes(8, "big"))
    pipe.write(plain)
    pipe.flush()


def _pieces(pipe: IO[bytes]) -> Iterator[Any]:
    """Yield what the other process says, up to its end."""
    while len(head := pipe.read(8)) == 8:
        size = int.from_bytes(head, "big")
        piece = pipe.read(size)
        if len(piece) < size:
            return
        yield marshal.loads(piece)  # noqa: S302  (plain values of our own child)


def _limit(seconds: int, memory: int) -> None:
    """Let this process end when it takes more for the next file than a contact sheet can."""
    try:
        import resource
    except ImportError:  # Windows: the parent's clock is the limit
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds += int(used.ru_utime + used.ru_stime)
    for what, most in ((resource.RLIMIT_CPU, seconds), (resource.RLIMIT_AS, memory)):
        with suppress(ValueError, OSError):  # macOS knows no limit of memory
            resource.setrlimit(what, (most, resource.getrlimit(what)[1]))


def main() -> None:
    """Read the files that standard input names, and write plain values to standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    gc.disable()  # there are no cycles among rows
    for file, max_rows, seconds, memory, size in _pieces(sys.stdin.buffer):
        _limit(seconds, memory)
        kind = PurePath(file).suffix.lower()
        content = sys.stdin.buffer.read(size)
        try:
            reading = read_bytes(kind, file, content, max_rows)
        except Exception:
            reading = Reading(problems=(problem("C002", file),))
        del content
        for piece in _packed(reading):
            _say(sys.stdout.buffer, piece)
        del reading
        gc.collect()


if __name__ == "__main__":
    main()
