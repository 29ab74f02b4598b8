"""The real command line, killed, stopped and asked to end, against a real Postfix whose log is the
record (T4).
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.workspaces import Sending, a_workspace, address, mailer, people, planned, row

from . import figures
from .campaign import a_tag
from .peers import Postfix, program

PEOPLE, CONNECTIONS = 30, 2

pytestmark = pytest.mark.skipif(
    program("postfix") is None or os.geteuid() != 0,
    reason="a Postfix of the test's own needs Postfix, and root",
)


@pytest.fixture(scope="module")
def postfix() -> Iterator[Postfix]:
    with Postfix() as running:
        yield running


class Journey:
    """One mail-out by the command line, interrupted once, and gone on with until it is over."""

    def __init__(self, folder: Path, postfix: Postfix, dice: random.Random) -> None:
        self.postfix, self.dice, tag = postfix, dice, a_tag()
        rows = [row(number, address=f"{tag}-{address(number)}") for number in range(1, PEOPLE + 1)]
        self.root = a_workspace(folder / tag, postfix.port, rows=rows, connections=CONNECTIONS)
        planned(self.root)

    def begin(self) -> Sending:
        sending = Sending(self.root, "send", "M-0001", "--confirm", str(PEOPLE))
        sending.events(self.dice.randint(0, PEOPLE * 2 // 3))
        time.sleep(self.dice.random() * 0.004)
        return sending

    def go_on(self) -> None:
        for _ in range(5):
            found = mailer("send", "M-0001", "--confirm", PEOPLE, "--json", at=self.root)
            if found.returncode in (0, 1):
                return
        raise AssertionError(found.stdout + found.stderr)

    def check(self, kills: int) -> Counter[str]:
        taken = self.postfix.settled()
        rows = [one for one in people(self.root) if one["state"] != "skipped"]
        states = Counter(one["state"] for one in rows)
        assert sum(states.values()) == PEOPLE
        assert states["unknown"] <= kills * CONNECTIONS, states
        for one in rows:
            times = taken[one["address"]]
            assert times <= 1, ("a second copy", one)
            assert one["state"] in ("accepted", "unknown"), one
            assert times == 1 or one["state"] == "unknown", ("lost", one)
        return states


def killed(journey: Journey) -> Counter[str]:
    with journey.begin() as sending:
        died = sending.process.poll() is None
        sending.process.kill()
        sending.process.wait()
    journey.go_on()
    return journey.check(1) + Counter(kills=int(died))


def stopped_while_another_sends(journey: Journey) -> Counter[str]:
    with journey.begin() as first:
        if first.process.poll() is None:
            first.process.send_signal(signal.SIGSTOP)
        with Sending(journey.root, "send", "M-0001", "--confirm", str(PEOPLE)) as second:
            time.sleep(0.3 + journey.dice.random())
            if first.process.poll() is None:
                first.process.send_signal(signal.SIGCONT)
            first.end()
            second.end()
    journey.go_on()
    return journey.check(0)


def asked_to_end(journey: Journey) -> Counter[str]:
    with journey.begin() as sending:
        code, _, said, _ = sending.end(signal.SIGTERM)
        assert code in (0, 130, -signal.SIGTERM), (code, said)  # over, paused, or not yet listening
    journey.go_on()
    return journey.check(0)


INTERRUPTIONS = {
    "kill -9": killed,
    "SIGSTOP, another sender, SIGCONT": stopped_while_another_sends,
    "SIGTERM": asked_to_end,
}


@pytest.mark.parametrize("what", INTERRUPTIONS)
def test_interrupted_command_line_hands_every_letter_to_postfix_once(
    tmp_path: Path, postfix: Postfix, what: str
) -> None:
    INTERRUPTIONS[what](Journey(tmp_path, postfix, random.Random(what)))


@pytest.mark.long
@pytest.mark.timeout(3000)
@pytest.mark.parametrize(
    ("what", "times"), [("kill -9", 100), ("SIGSTOP, another sender, SIGCONT", 20), ("SIGTERM", 20)]
)
def test_command_line_interrupted_many_times_hands_every_letter_to_postfix_once(
    tmp_path: Path, postfix: Postfix, what: str, times: int
) -> None:
    dice, found = random.Random(4), Counter[str]()
    for _ in range(times):
        found += INTERRUPTIONS[what](Journey(tmp_path, postfix, dice))
    kills = found.pop("kills", 0)
    assert what != "kill -9" or kills >= times * 0.8
    letters = f"{sum(found.values()):,} letters: " + " · ".join(
        f"{n:,} {state}" for state, n in sorted(found.items())
    )
    size = f"{times} mail-outs" + (f", {kills} kills" if kills else "")
    figures.note(
        f"T4 {what.split(',', maxsplit=1)[0]}",
        f"the command line and Postfix: {what}",
        size,
        letters,
    )
