"""The command line with many people: memory at 100,000 deliveries, and the time until the first
letter is handed over.

`mailer plan`, `send` and `resume` run as processes of their own on a workspace in a temporary
folder, in test mode, to a server that says when the first final dot of each connection came in
(`bench.sink`). The time of a first letter is that of `python -m mailer -C FOLDER send M-0001
--confirm N --quiet`, or `resume`, with compiled modules: from the start of the process to the first
final dot that the server has read; the processor's is that of this process until then, without the
child that reads the hold list. Memory is the largest that the sending process ever had (`VmHWM`),
looked up until its end. Twice the sending is killed with `kill -9`; in the end everybody must have
an outcome.

    python -m bench memory
    python -m bench.memory 20000    with that many people instead
    python -m bench.memory 0 9      nine rounds of the first letter, and nothing else
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import IO

from bench import measure
from bench.contacts import rows
from mailer.base.delegations import Delegations

PEOPLE = 612
MANY = 100_000
ROUNDS = 5
APPEAL = "azerbaijan-credentials"
CONFIG = """\
[sender]
from = "Jana Novak <jana@rights.example>"
organisation = "Rights Example"
postal_address = "1 Example Street"
[smtp]
host = "127.0.0.1"
port = {port}
security = "none"
[limits]
per_minute = 0
connections = 8
[safety]
mode = "test"
allow = {allow}
"""


Dots = Queue[tuple[int, float]]  # how many so far, and when


def _heard(said: IO[str]) -> Dots:
    """Return what the server says, line by line, without anybody waiting for it."""
    dots: Dots = Queue()

    def listen() -> None:
        for line in said:
            number, at = line.split()
            dots.put((int(number), float(at)))

    Thread(target=listen, daemon=True).start()
    return dots


class Sending:
    """A `mailer send` or `resume` under way, and what the server sees of it."""

    def __init__(self, root: Path, dots: Dots, *words: str) -> None:
        self._dots = dots
        self._begun = time.monotonic()
        command = [sys.executable, "-m", "mailer", "-C", str(root), *words, "--quiet"]
        self._process = subprocess.Popen(command, cwd=measure.ROOT, stdout=subprocess.DEVNULL)

    def first_dot(self) -> tuple[float, float]:
        """Return the milliseconds from the start of the process to its first final dot, and those
        of the processor.
        """
        while (at := self._next()[1]) < self._begun:  # a late line of the process before
            pass
        return 1000 * (at - self._begun), _processor(self._process.pid)

    def wait_for(self, dots: int) -> None:
        """Wait until the server has seen so many dots in all."""
        while self._next()[0] < dots:
            pass

    def _next(self) -> tuple[int, float]:
        while True:
            with contextlib.suppress(Empty):
                return self._dots.get(timeout=0.5)
            if self._process.poll() is not None:
                raise SystemExit("the sending ended too early; its message stands above")

    def kill(self) -> None:
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def end(self) -> float | None:
        """Wait for the end. Returns the largest memory in MB, as far as the system tells."""
        peak: float | None = None
        while self._process.poll() is None:
            peak = _peak(self._process.pid) or peak
            time.sleep(0.05)
        if self._process.returncode not in (0, 1):  # 1: somebody was not reached
            raise SystemExit(
                f"the sending ended with code {self._process.returncode}; its message stands above"
            )
        return peak


def main(many: int = MANY, rounds: int = ROUNDS) -> None:
    with tempfile.TemporaryDirectory() as folder, measure.helper("sink") as (port, dots):
        _few(Path(folder) / "workspace", port, _heard(dots), rounds)
    if many:
        with tempfile.TemporaryDirectory() as folder, measure.helper("sink") as (port, dots):
            _many(Path(folder) / "workspace", port, _heard(dots), many)


def _few(root: Path, port: int, dots: Dots, rounds: int) -> None:
    """Time the first letter to the demo's own people, whose sheets are in three formats."""
    number = 0
    times: dict[str, list[tuple[float, float]]] = {"send": [], "resume after kill -9": []}
    for _ in range(rounds):
        shutil.rmtree(root, ignore_errors=True)
        _workspace(root, port)
        number = _planned(root)
        sending = Sending(root, dots, "send", "M-0001", "--confirm", str(number))
        times["send"].append(sending.first_dot())
        sending.kill()
        again = Sending(root, dots, "resume", "M-0001")
        times["resume after kill -9"].append(again.first_dot())
        again.end()
    table = []
    for name, took in times.items():
        walls, processor = zip(*took, strict=True)
        spread = f"{statistics.median(walls):,.0f} [{min(walls):,.0f}-{max(walls):,.0f}]"
        table.append([name, spread, f"{statistics.median(processor):,.0f}"])
    measure.table(
        [
            f"{PEOPLE} people, {number} of them get a letter",
            "first letter, ms",
            "CPU ms until then",
        ],
        table,
    )
    print(flush=True)


def _many(root: Path, port: int, dots: Dots, many: int) -> None:
    _workspace(root, port, many)
    begun = time.monotonic()
    number = _planned(root)
    table = [["plan", f"{1000 * (time.monotonic() - begun):,.0f} for all", "", ""]]
    sending = Sending(root, dots, "send", "M-0001", "--confirm", str(number))
    table.append(["send", *(f"{one:,.0f}" for one in sending.first_dot()), ""])
    for share in (0.2, 0.4):
        sending.wait_for(int(share * number))
        sending.kill()
        sending = Sending(root, dots, "resume", "M-0001")
        name = f"resume after kill -9 at {100 * share:.0f} %"
        table.append([name, *(f"{one:,.0f}" for one in sending.first_dot()), ""])
    peak = sending.end()
    table[-1][-1] = f"{peak:,.0f}" if peak else "not known"
    counts = _counts(root)
    assert counts["accepted"] + counts["unknown"] == number, (
        counts
    )  # of the letters past their dot at a kill
    measure.table(
        [
            f"{many:,} people, {number:,} of them get a letter",
            "first letter, ms",
            "CPU ms until then",
            "peak MB",
        ],
        table,
    )
    print(
        f"\nIn the end: {counts['accepted']:,} accepted, {counts['unknown']} unknown, nobody"
        " without an outcome"
    )


def _workspace(root: Path, port: int, many: int = 0) -> None:
    """Make a workspace of the demo's appeal and people, or of so many people in one sheet."""
    ignore = shutil.ignore_patterns("*.py", "__pycache__")
    shutil.copytree(measure.ROOT / "templates", root / "templates")
    if many:
        (root / "contacts").mkdir()
        with (root / "contacts" / "people.csv").open("w", encoding="utf-8") as sheet:
            sheet.writelines(rows(many))
    else:
        shutil.copytree(measure.ROOT / "contacts", root / "contacts", ignore=ignore)
    allow = json.dumps(
        [f"@{one.code.lower()}.parliament.example" for one in Delegations.load().members]
    )
    (root / "config.toml").write_text(CONFIG.format(port=port, allow=allow), encoding="utf-8")


def _planned(root: Path) -> int:
    """Plan the mail-out; returns to how many people it writes."""
    return int(str(_said(root, "plan", APPEAL)["to_send"]))


def _counts(root: Path) -> dict[str, int]:
    counts: dict[str, int] = _said(root, "status", "M-0001")["counts"]  # type: ignore[assignment]
    return counts


def _said(root: Path, *words: str) -> dict[str, object]:
    command = [sys.executable, "-m", "mailer", "-C", str(root), *words, "--json"]
    done = subprocess.run(command, cwd=measure.ROOT, check=True, stdout=subprocess.PIPE, text=True)
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def _processor(process: int) -> float:
    """Return the milliseconds that a process has had of the processor, by proc(5), to 10 ms."""
    with contextlib.suppress(OSError):
        ticks = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
        return 1000 * sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
    return math.nan


def _peak(process: int) -> float | None:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return None


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
