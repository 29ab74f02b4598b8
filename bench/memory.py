"""The command line with many people: memory at 100,000 deliveries, and the time until the first letter is handed over.

`mailer plan`, `send` and `resume` run as processes of their own on a workspace in a temporary folder, in test mode, to a
server that says when the first final dot of each connection came in (`bench.sink`). The time is from the start of the
process to the first of its dots. Memory is the largest that the sending process ever had (`VmHWM`), looked up until its
end. Twice the sending is killed with `kill -9`; in the end everybody must have an outcome.

    python -m bench memory
    python -m bench.memory 20000    with that many people instead
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

from bench import measure
from bench.contacts import rows
from mailer.delegations import Delegations

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


class Sending:
    """A `mailer send` or `resume` under way, and what the server sees of it."""

    def __init__(self, root: Path, dots: IO[str], *words: str) -> None:
        self._dots = dots
        self._begun = time.monotonic()
        command = [sys.executable, "-m", "mailer", "-C", str(root), *words, "--quiet"]
        self._process = subprocess.Popen(command, cwd=measure.ROOT, stdout=subprocess.DEVNULL)

    def first_dot(self) -> float:
        """Return the seconds from the start of the process to its first final dot."""
        while True:
            _, at = self._dots.readline().split()
            if float(at) > self._begun:  # not a late line of the process before
                return float(at) - self._begun

    def wait_for(self, dots: int) -> None:
        """Wait until the server has seen so many dots in all."""
        while int(self._dots.readline().split()[0]) < dots:
            pass

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
            raise SystemExit(f"the sending ended with code {self._process.returncode}; its message stands above")
        return peak


def main(many: int = MANY, rounds: int = ROUNDS) -> None:
    with tempfile.TemporaryDirectory() as folder, measure.helper("sink") as (port, dots):
        _few(Path(folder), port, dots, rounds)
    with tempfile.TemporaryDirectory() as folder, measure.helper("sink") as (port, dots):
        _many(Path(folder), port, dots, many)


def _few(folder: Path, port: int, dots: IO[str], rounds: int) -> None:
    """Time the first letter to the demo's own people, whose sheets are in three formats."""
    ready, root = folder / "ready", folder / "workspace"
    _workspace(ready, port)
    number = _planned(ready)
    times: dict[str, list[float]] = {"send": [], "resume after kill -9": []}
    for _ in range(rounds):
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(ready, root)
        sending = Sending(root, dots, "send", "M-0001", "--confirm", str(number))
        times["send"].append(sending.first_dot())
        sending.kill()
        again = Sending(root, dots, "resume", "M-0001")
        times["resume after kill -9"].append(again.first_dot())
        again.end()
    measure.table(
        [f"{PEOPLE} people, {number} of them get a letter", "first letter, ms", "least-most"],
        [
            [name, f"{1000 * statistics.median(took):,.0f}", f"{1000 * min(took):,.0f}-{1000 * max(took):,.0f}"]
            for name, took in times.items()
        ],
    )
    print(flush=True)


def _many(root: Path, port: int, dots: IO[str], many: int) -> None:
    _workspace(root, port, many)
    begun = time.monotonic()
    number = _planned(root)
    table = [["plan", f"{1000 * (time.monotonic() - begun):,.0f} for all", ""]]
    sending = Sending(root, dots, "send", "M-0001", "--confirm", str(number))
    table.append(["send", f"{1000 * sending.first_dot():,.0f}", ""])
    for share in (0.2, 0.4):
        sending.wait_for(int(share * number))
        sending.kill()
        sending = Sending(root, dots, "resume", "M-0001")
        name = f"resume after kill -9 at {100 * share:.0f} %"
        table.append([name, f"{1000 * sending.first_dot():,.0f}", ""])
    peak = sending.end()
    table[-1][-1] = f"{peak:,.0f}" if peak else "not known"
    counts = _counts(root)
    assert counts["accepted"] + counts["unknown"] == number, counts  # of the letters past their dot at a kill
    measure.table(
        [f"{many:,} people, {number:,} of them get a letter", "first letter, ms", "peak MB, to the end"], table
    )
    print(f"\nIn the end: {counts['accepted']:,} accepted, {counts['unknown']} unknown, nobody without an outcome")


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
    allow = json.dumps([f"@{one.code.lower()}.parliament.example" for one in Delegations.load().members])
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


def _peak(process: int) -> float | None:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return None


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
