"""What the benchmarks share: a child process per case, medians over interleaved rounds, and a
server to send to.

Each case runs in a fresh process, so that its peak memory (`VmHWM`; `ru_maxrss` is inherited across
fork and exec) and its processor time are its own. The rounds go through all cases before any is run
again: on a machine that others use too, figures of one run can be compared, and figures of two runs
cannot.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[1]
PLACES = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/sbin"
CHILDREN = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Measured:
    """One case in one round."""

    seconds: float  # of the work alone; the preparations do not count
    cpu: float  # seconds of our own process, all its threads
    number: int  # of letters, or people
    peak: float | None  # MB, of the whole process; None where the system does not tell


class Stopwatch:
    """Use as `with Stopwatch() as watch:` around the work."""

    peak: float | None = None  # MB, where a case measures more than its own process

    def __enter__(self) -> Stopwatch:
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds, self.cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu


@dataclass(frozen=True)
class Program:
    """Another program as a case. It prints what it measured of itself as JSON, or is measured from
    outside, as a whole.
    """

    command: tuple[str, ...]
    whole: int = 0  # so many letters, measured from outside; 0: it tells
    folder: Path | None = None

    def measured(self) -> Measured:
        begun = time.perf_counter()
        with tempfile.TemporaryFile() as said:
            program = subprocess.Popen(
                self.command, cwd=self.folder, stdout=said, stderr=subprocess.STDOUT
            )
            _, status, used = os.wait4(program.pid, 0)
            seconds = time.perf_counter() - begun
            program.returncode = os.waitstatus_to_exitcode(status)
            said.seek(0)
            words = said.read().decode(errors="replace")
        if program.returncode:
            raise SystemExit(f"{self.command[0]} failed: {words[-2000:]}")
        if self.whole:
            return Measured(seconds, used.ru_utime + used.ru_stime, self.whole, None)
        return Measured(**json.loads(words.splitlines()[-1]))


Case = Callable[[], tuple[int, Stopwatch]]
"""What a case is: it prepares, works under a stopwatch, and returns how much it did. It must be
picklable.
"""


def rounds(cases: Mapping[str, Case | Program], number: int) -> dict[str, list[Measured]]:
    """Run every case once, then every case again, and so on."""
    results: dict[str, list[Measured]] = {name: [] for name in cases}
    for turn in range(1, number + 1):
        for name, case in cases.items():
            one = case.measured() if isinstance(case, Program) else in_a_child(case)
            results[name].append(one)
            print(
                f"  round {turn} of {number}: {name}: {one.number / one.seconds:,.0f}/s",
                file=sys.stderr,
                flush=True,
            )
    return results


def in_a_child(case: Case) -> Measured:
    ours, theirs = CHILDREN.Pipe(duplex=False)
    child = CHILDREN.Process(target=_run, args=(case, theirs))
    child.start()
    theirs.close()
    try:
        measured: Measured = ours.recv()
    except EOFError:
        raise SystemExit("a case of the benchmark failed; its message stands above") from None
    finally:
        child.join()
    return measured


def _run(case: Case, answer: Connection) -> None:
    number, watch = case()
    answer.send(Measured(watch.seconds, watch.cpu, number, watch.peak or _peak()))


def _peak() -> float | None:
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return None


def median(results: list[Measured], value: Callable[[Measured], float]) -> float:
    return statistics.median(map(value, results))


def table(heads: list[str], rows: list[list[str]]) -> None:
    """Print a table in Markdown: the first column to the left, figures to the right."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]

    def line(cells: list[str]) -> str:
        return (
            "| "
            + " | ".join([cells[0].ljust(widths[0]), *map(str.rjust, cells[1:], widths[1:])])
            + " |"
        )

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    print("\n".join(map(line, [heads, rule, *rows])))


def rates(measured: Iterable[Measured]) -> str:
    """Return the median of letters per second, with the least and the most: `1,234
    [1,100-1,300]`.
    """
    found = [one.number / one.seconds for one in measured]
    return f"{statistics.median(found):,.0f} [{min(found):,.0f}-{max(found):,.0f}]"


def rate(measured: list[Measured]) -> float:
    return median(measured, lambda one: one.number / one.seconds)


def processor(measured: list[Measured]) -> str:
    """Return the median of the microseconds of processor time a letter, of the sender alone."""
    return f"{median(measured, lambda one: one.cpu / one.number * 1e6):,.0f}"


def peak(measured: list[Measured]) -> str:
    found = [one.peak for one in measured if one.peak is not None]
    return f"{statistics.median(found):,.0f}" if found else ""


def show(results: Mapping[str, list[Measured]], limit: str) -> None:
    """Print all senders of a run side by side, with their share of what the `limit` does."""
    most = rate(results[limit])
    rows = [
        [name, rates(one), processor(one), peak(one), f"{100 * rate(one) / most:.0f} %"]
        for name, one in results.items()
    ]
    table(["sender", "letters/s", "CPU µs/letter", "peak MB", "of smtp-source"], rows)


@contextlib.contextmanager
def helper(module: str, *arguments: object) -> Iterator[tuple[int, IO[str]]]:
    """Run a module of the benchmarks as a process of its own; yields the port that it prints first,
    and what follows.
    """
    command = [sys.executable, "-m", f"bench.{module}", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline()), process.stdout
        finally:
            process.terminate()


def smtp_source(port: int, *, sessions: int, letters: int, size: int) -> Program:
    """Return Postfix's own generator of letters, all alike, as a case: the limit of what can be had
    here.
    """
    program = shutil.which("smtp-source", path=PLACES)
    assert program is not None, "it comes with smtp-sink"
    what = ("-d", "-s", str(sessions), "-m", str(letters), "-l", str(size))
    addresses = ("-f", "jana@rights.example", "-t", "anna@no.example", f"127.0.0.1:{port}")
    return Program((program, *what, *addresses), whole=letters)


@contextlib.contextmanager
def smtp_sink(*options: str) -> Iterator[int]:
    """Run Postfix's smtp-sink on a free port of loopback; yields the port. `-p`: it does not offer
    PIPELINING.
    """
    program = shutil.which("smtp-sink", path=PLACES)
    if program is None:
        raise SystemExit("This benchmark needs smtp-sink (Debian: apt-get install postfix).")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    sink = subprocess.Popen(
        [program, *options, "-u", "nobody", f"127.0.0.1:{port}", "1000"], stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(port)
        yield port
    finally:
        sink.terminate()
        sink.wait()


def _wait_for(port: int) -> None:
    for _ in range(250):
        with (
            contextlib.suppress(ConnectionRefusedError),
            socket.create_connection(("127.0.0.1", port)),
        ):
            return
        time.sleep(0.02)
    raise SystemExit("smtp-sink did not begin to listen")
