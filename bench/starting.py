"""Milliseconds until something shows: `mailer --help`, the heavy imports, and the seconds that the
demo sends for.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time

from bench import measure

ROUNDS = 7
MODULES = (
    "mailer.cli",
    "mailer.ledger.ledger",
    "mailer.sending.dispatch",
    "mailer.plan.plan",
    "mailer.contacts.book",
)
BARE = "python, nothing imported"


def main() -> None:
    commands = {BARE: ["-c", "pass"], "mailer --help": ["-m", "mailer", "--help"]}
    commands |= {f"import {module}": ["-c", f"import {module}"] for module in MODULES}
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            begun = time.perf_counter()
            subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
            times[name].append((time.perf_counter() - begun) * 1000)
    rows = [
        [name, f"{statistics.median(took):.0f}", f"{min(took):.0f}-{max(took):.0f}"]
        for name, took in times.items()
    ]
    measure.table(["process", "ms", "least-most"], rows)
    print(f"\nmailer demo: {_demo()}")


def _demo() -> str:
    """Run the demo in an empty folder and say how long it sent for, by its own events."""
    with tempfile.TemporaryDirectory() as folder:
        demo = subprocess.Popen(
            [sys.executable, "-m", "mailer", "demo", "--json"],
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
        )
        begun = time.perf_counter()
        assert demo.stdout is not None
        outcomes = [
            time.perf_counter() - begun
            for line in demo.stdout
            if json.loads(line)["event"] == "outcome"
        ]
        demo.wait()
    if demo.returncode:
        raise SystemExit("the demo failed; its message stands above")
    sent = outcomes[-1] - outcomes[0]
    return (
        f"{len(outcomes)} outcomes, the first after {outcomes[0]:.1f} s, the last {sent:.1f} s"
        " later (at 6,000 a minute, with deferrals of two seconds)"
    )


if __name__ == "__main__":
    main()
