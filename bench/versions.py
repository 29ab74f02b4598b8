"""This version beside earlier ones: `python -m bench.versions FOLDER …`, each a checkout with its
own `.venv`.

Sending, and the whole path from contacts to outcomes, on 64 connections to the same `smtp-sink`.
The versions take turns, each time in a process of its own: compare the ratios, of processor time
above all, for a busy machine shows in the letters per second.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import measure

LETTERS, ROUNDS, CONNECTIONS = 3000, 5, 64
ONE_TURN = """
import sys, json, tempfile
from pathlib import Path
from bench import measure, people, sending
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger

if __name__ == "__main__":
    port, letters, connections, processes = map(int, sys.argv[1:])
    contacts = people.contacts(letters)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "ledger.db"
        with measure.Stopwatch() as planning:
            plan = people.plan_for(contacts)
            with Ledger(f"sqlite:///{log}") as ledger, ledger.writing() as connection:
                mailouts.create(connection, plan, at=ledger.now(), who="bench")
        del plan
        number, sent = sending.Mailer(log, port, connections, processes)()
    times = {"planning": planning.cpu, "sending": sent.cpu, "whole": planning.cpu + sent.cpu}
    print(json.dumps({"rate": number / sent.seconds}
                     | {name: cpu / number * 1e6 for name, cpu in times.items()}))
"""


def main(*others: str, letters: int = LETTERS, rounds: int = ROUNDS, processes: int = 1) -> None:
    trees = [measure.ROOT, *(Path(one).resolve() for one in others)]
    found: dict[Path, list[dict[str, float]]] = {tree: [] for tree in trees}
    with tempfile.NamedTemporaryFile("w", suffix=".py") as turn, measure.smtp_sink() as port:
        turn.write(ONE_TURN)
        turn.flush()
        how = [str(one) for one in (port, letters, CONNECTIONS, processes)]
        for number in range(rounds):
            for tree in trees if number % 2 else reversed(trees):
                command = [str(tree / ".venv/bin/python"), turn.name, *how]
                there = {**os.environ, "PYTHONPATH": str(tree)}
                said = subprocess.check_output(command, cwd=tree, env=there, text=True)
                found[tree].append(json.loads(said.splitlines()[-1]))
    rows = []
    for tree in trees:
        row = [tree.name]
        for name in ("planning", "sending", "whole"):
            ours, its = (
                statistics.median(one[name] for one in found[of]) for of in (trees[0], tree)
            )
            row += [f"{its:,.0f}", f"{ours / its:.2f}"]
        rows.append([*row, f"{statistics.median(one['rate'] for one in found[tree]):,.0f}"])
    heads = [head for name in ("planning", "sending", "whole") for head in (name, "ours")]
    measure.table(["CPU µs/letter", *heads, "sent/s"], rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
