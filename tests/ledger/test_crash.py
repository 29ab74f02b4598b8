"""Facts about senders that are killed: nobody is written to twice, nobody is lost, and what cannot
be known is said.

The real command line is killed with SIGKILL and started again until the mail-out is finished. The
truth is the record of a server in a process of its own, which writes down every final dot before it
answers.
"""

from __future__ import annotations

import contextlib
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mailer.base.states import OPEN, MailOutState, State
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading import deliveries
from mailer.ledger.reading.counts import count
from mailer.ledger.record import seals
from tests.helpers.children import Child
from tests.helpers.workspaces import (
    ROOT,
    Sending,
    a_workspace,
    environment,
    lines,
    planned,
    process,
)


@dataclass
class Recorder:
    """The server, and its record."""

    port: int
    path: Path

    @property
    def seen(self) -> Counter[str]:
        return Counter(self.path.read_text(encoding="utf-8").split() if self.path.exists() else ())


@contextlib.contextmanager
def recording(folder: Path) -> Iterator[Recorder]:
    command = [sys.executable, ROOT / "tests" / "helpers" / "recording_server.py", folder / "seen"]
    with Child(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdin is not None and server.stdout is not None
        yield Recorder(int(server.stdout.readline()), folder / "seen")
        server.stdin.close()


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    with recording(tmp_path) as server:
        yield server


def check(root: Path, recorder: Recorder, *, people: int, kills: int, connections: int) -> int:
    """Hold the promises against the server's record (G1 to G5), and the record itself (G8). Returns
    how many are unknown.
    """
    with (
        Ledger(f"sqlite:///{root / '.mailer' / 'ledger.db'}") as ledger,
        ledger.reading() as connection,
    ):
        assert mailouts.get(connection, 1).state is MailOutState.FINISHED
        counts = count(connection, 1).letters
        everyone = {one.address: one.state for one in deliveries.people(connection, 1)}
        proof = seals.verify(connection)
    assert (proof.broken, proof.unsealed) == ((), 0), "the chain does not hold"
    seen = recorder.seen
    assert not [one for one, times in seen.items() if times > 1], "seen twice"
    assert seen.keys() <= everyone.keys(), "seen, and not in the mail-out"
    for address, state in everyone.items():
        if state is State.ACCEPTED:
            assert seen[address] == 1, f"{address} is accepted and was never seen"
        else:
            assert state is State.UNKNOWN, f"{address} is {state}, seen {seen[address]} times"
    assert sum(counts.values()) == len(everyone) == people
    assert not any(counts[state] for state in OPEN)
    assert counts[State.UNKNOWN] <= kills * connections
    return counts[State.UNKNOWN]


def kill_at_random(root: Path, chance: random.Random, people: int, kills: int) -> int:
    """Start the sending and kill it, again and again; returns how many were killed before they
    ended.
    """
    done = 0
    for _ in range(kills):
        with Sending(root, "send", "M-0001", "--confirm", str(people)) as sending:
            sending.events(chance.randint(1, 6))
            time.sleep(chance.uniform(0, 0.006))  # somewhere between two letters
            sending.process.kill()
            code, *_ = sending.end()
        done += code == -signal.SIGKILL
        if code in (0, 1):
            break
    return done


@pytest.mark.parametrize(("seed", "connections"), [(1, 1), (2, 4)])
def test_killed_at_random_moments_nobody_is_written_to_twice_and_nobody_is_lost(
    tmp_path: Path, recorder: Recorder, seed: int, connections: int
) -> None:
    people = 60
    root = a_workspace(tmp_path / "work", recorder.port, people=people, connections=connections)
    planned(root)
    kills = kill_at_random(root, random.Random(seed), people, 3)
    finished = process("send", "M-0001", "--confirm", people, "--json", at=root)
    *_, last = lines(finished, finished.returncode)
    unknown = check(root, recorder, people=people, kills=kills, connections=connections)
    assert last["counts"]["unknown"] == unknown
    assert finished.returncode == (1 if unknown else 0)


def kill_at_step(root: Path, step: int, people: int) -> bool:
    command = [
        sys.executable, ROOT / "tests" / "helpers" / "killed.py", str(step), "-C", root, "send",
        "M-0001", "--confirm", str(people), "--json",
    ]  # fmt: skip
    found = subprocess.run(
        command,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert found.returncode in (0, 1, -signal.SIGKILL), found.stderr
    return found.returncode == -signal.SIGKILL


def kill_at_steps(root: Path, recorder: Recorder, steps: list[int], people: int) -> tuple[int, int]:
    """Kill one sending after the other at its Nth step, and let the last one end. Returns kills and
    unknowns.
    """
    planned(root)
    kills = sum(kill_at_step(root, step, people) for step in steps)
    finished = process("send", "M-0001", "--confirm", people, "--json", at=root)
    assert finished.returncode in (0, 1), finished.stderr
    return kills, check(root, recorder, people=people, kills=kills, connections=1)


def test_killed_before_and_after_a_commit_and_a_write_nothing_is_lost(
    tmp_path: Path, recorder: Recorder
) -> None:
    root = a_workspace(tmp_path / "work", recorder.port, people=20, connections=1)
    steps = [*range(1, 6), *random.Random(3).sample(range(8, 50), 4)]  # the very first commits, too
    kills, _ = kill_at_steps(root, recorder, steps, 20)
    assert kills == len(steps)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("connections", [1, 4])
def test_a_hundred_kills_at_random_moments(tmp_path: Path, connections: int) -> None:
    chance, kills, unknown, mail_out, people = random.Random(connections), 0, 0, 0, 60
    while kills < 50:
        mail_out += 1
        folder = tmp_path / str(mail_out)
        folder.mkdir()
        with recording(folder) as recorder:
            root = a_workspace(
                folder / "work", recorder.port, people=people, connections=connections
            )
            planned(root)
            done = kill_at_random(root, chance, people, 12)
            process("send", "M-0001", "--confirm", people, "--json", at=root)
            unknown += check(root, recorder, people=people, kills=done, connections=connections)
            kills += done
    print(f"{kills} kills, {mail_out} mail-outs, {unknown} unknown, nobody twice, nobody lost")


@pytest.mark.long
@pytest.mark.timeout(600)
def test_killed_at_every_step_of_a_sending(tmp_path: Path, recorder: Recorder) -> None:
    """Sixty steps: log in, begin, claim, and the first letters with their markers, dots and
    outcomes.
    """
    root = a_workspace(tmp_path / "work", recorder.port, people=200, connections=1)
    kills, unknown = kill_at_steps(root, recorder, list(range(1, 61)), 200)
    assert kills == 60
    print(f"{kills} steps, {unknown} unknown, nobody twice, nobody lost")
