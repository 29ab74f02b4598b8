"""Whole mail-outs in which everything happens at once: two senders that are killed, helpers, people
who are put on the hold list, pauses, stops, and a send log that is moved or put back by an older
copy, against servers of several moods (T20).

Each campaign is drawn from its seed. What the server has on record decides: nobody twice, nobody
after the confirmed hold, no dot after a confirmed pause, everybody in a final state.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mailer.actions import mail_outs, people
from mailer.base import clock
from mailer.base.errors import MailerError, Refused
from mailer.base.settings.workspace import load_workspace
from mailer.base.states import OPEN, MailOutState, State
from mailer.contacts.holds import Holds
from mailer.ledger.guard import rescue
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading import deliveries
from tests.helpers.workspaces import CLOSED_PORT, a_workspace

from . import figures
from .campaign import Tally, a_long_plan, a_tag, chain_holds, check, planned
from .nursery import Nursery
from .witness import Witness

PEOPLE, CONNECTIONS = 60, 2
MOODS = {"": 0.0, "slow": 0.0, "early": 0.0, "session": 0.0, "grey": 0.0, "struck": 0.03}
A_WHILE = 1.5  # seconds after a confirmed pause until a dot that was on its way is on record
OVER = (MailOutState.FINISHED, MailOutState.STOPPED)


@dataclass
class Campaign:
    """One mail-out, its senders, and what was confirmed about it."""

    folder: Path
    url: str
    nursery: Nursery
    witness: Witness
    dice: random.Random
    kills: int = 0
    unproven: int = 0  # letters of a log that was away, whose answers may be lost
    running: list[int] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    held: dict[str, int] = field(default_factory=dict)  # address → its dots when it was confirmed

    def __post_init__(self) -> None:
        if self.witness.mood == "early":  # whom it answers twice is unknown, without any kill
            self.unproven = PEOPLE
        self.workspace = load_workspace(a_workspace(self.folder, CLOSED_PORT))
        with self.ledger() as ledger:
            self.mail_out = planned(ledger, a_long_plan(a_tag(), PEOPLE))
            with ledger.writing() as connection:
                ledger.prove(connection)
            with ledger.reading() as connection:
                self.everybody = deliveries.people(connection, self.mail_out)

    def ledger(self) -> Ledger:
        return Ledger(self.url, beside=self.folder)

    def begin(self, **more: object) -> int:
        life = {
            "url": self.url,
            "mail_out": self.mail_out,
            "port": self.witness.port,
            "connections": CONNECTIONS,
            "hold_list": str(self.workspace.hold_list),
            "last_word": self.standing().last_word,  # as the command is given
        }
        return self.nursery.begin(**life, **more)

    def end_all(self) -> None:
        for one in self.running:
            self.kills += self.nursery.end(one) == -signal.SIGKILL
        self.running.clear()

    def standing(self) -> mail_outs.Standing:
        with self.ledger() as ledger:
            return mail_outs.standing(ledger, self.mail_out)

    def dots(self) -> int:
        return sum(len(self.witness.dots(one.address)) for one in self.everybody)

    # ------------------------------------------------------------------------- what may happen

    def kill(self) -> None:
        """One of the senders dies; another begins, or helps."""
        os.kill(self.running[0], signal.SIGKILL)
        self.kills += self.nursery.end(self.running.pop(0)) == -signal.SIGKILL
        self.running.append(self.begin(helper=self.dice.random() < 0.3))

    def freeze(self) -> None:
        """Ctrl-Z and fg, at any moment, for longer than a marker is good."""
        os.kill(self.running[0], signal.SIGSTOP)
        time.sleep(self.dice.random() * 1.5)
        os.kill(self.running[0], signal.SIGCONT)

    def hold(self) -> None:
        """Two people are put on the hold list at the same moment."""
        free = [one for one in self.everybody if one.address not in self.held]
        two = self.dice.sample(free, 2)
        threads = [threading.Thread(target=self._hold, args=[one.address]) for one in two]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {one.address for one in two} <= self.held.keys()

    def _hold(self, address: str) -> None:
        with self.ledger() as ledger:
            done = people.hold(
                self.workspace, ledger, (), Holds(), address=address, because="asked for it",
                who="Ilse", at=clock.now(),
            )  # fmt: skip
        late = {number for out in done.taken_out for number in out.too_late}
        by_address = {one.address: one.number for one in self.everybody}
        self.held[address] = 1 if by_address[address] in late else len(self.witness.dots(address))

    def pause(self) -> None:
        """Somebody pauses: no new dot comes; then it is gone on with."""
        with self.ledger() as ledger:
            try:
                mail_outs.pause(ledger, self.mail_out, who="Marta")
            except Refused:  # it is over
                return
        time.sleep(A_WHILE)
        then = self.dots()
        time.sleep(0.5)
        assert self.dots() == then, "a dot after a confirmed pause"
        self.end_all()
        self.running.append(self.begin())

    def stop(self) -> None:
        with self.ledger() as ledger, contextlib.suppress(Refused):  # it is finished
            mail_outs.stop(ledger, self.mail_out, who="Marta")
        self.end_all()

    def move_the_log(self) -> None:
        """The file is away for a moment, and comes back."""
        path = self._path()
        away = path.with_name("elsewhere.db")
        path.rename(away)
        time.sleep(self.dice.random() * 0.5)
        with pytest.raises(Refused, match="gone"):
            self.ledger()
        away.rename(path)

    def put_back_an_older_log(self) -> None:
        """A backup is copied over the log while it is in use; the senders go, and write nothing
        more; then the newer one comes back, with all that belongs to it.
        """
        path, safe = self._path(), self.folder / "safe"
        backup, now = self.folder / "backup", self.dots()
        if not backup.exists() or now < 3:
            return
        safe.mkdir(exist_ok=True)
        theirs = [path.with_name(path.name + end) for end in ("", "-wal", "-shm")]
        for file in theirs:
            if file.exists():
                file.rename(safe / file.name)
        shutil.copy2(backup, path)
        self.end_all()
        then = self.dots()
        assert self.nursery.live(
            url=self.url, mail_out=self.mail_out, port=self.witness.port, connections=CONNECTIONS
        )
        assert self.dots() == then, "a dot from a log that is older than what was sent"
        for file in theirs:
            file.unlink(missing_ok=True)
            if (safe / file.name).exists():
                (safe / file.name).rename(file)
        self.unproven += CONNECTIONS * 2

    def _path(self) -> Path:
        return Path(self.url.removeprefix("sqlite:///"))

    # --------------------------------------------------------------------------------- the course

    def run(self) -> None:
        happenings: list[Callable[[], None]] = [
            self.kill, self.kill, self.freeze, self.hold, self.hold, self.pause
        ]  # fmt: skip
        if self.url.startswith("sqlite"):
            shutil.copy2(self._path(), self.folder / "backup")
            happenings += [self.move_the_log, self.put_back_an_older_log]
        self.running = [self.begin(), self.begin(helper=True)]
        for _ in range(self.dice.randint(2, 5)):
            time.sleep(self.dice.random() * 0.4)
            if not self.running:
                self.running = [self.begin()]
            what = self.dice.choice(happenings)
            self.done.append(what.__name__)
            what()
        if self.dice.random() < 0.25:
            self.done.append("stop")
            self.stop()
        self.end_all()
        for _ in range(8):
            if self.standing().mail_out.state in OVER:
                break
            self.running.append(self.begin())
            self.end_all()

    def checked(self) -> dict[State, int]:
        with self.ledger() as ledger:
            rescue.settle_over(ledger, me="test")  # as whoever opens the log does
            now = mail_outs.standing(ledger, self.mail_out)
            assert now.mail_out.state in OVER, now
            assert not sum(now.counts[state] for state in OPEN), now
            counts = check(
                ledger, self.mail_out, self.witness,
                kills=self.kills + self.unproven, connections=CONNECTIONS, finished=False,
            )  # fmt: skip
            chain_holds(ledger)
        for address, dots in self.held.items():
            assert len(self.witness.dots(address)) <= dots, ("written to after the hold", address)
        return counts


@pytest.fixture(scope="session")
def moods(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Witness]]:
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("moods")
        yield {
            mood: stack.enter_context(
                Witness(folder, mischief, 11, mood="" if mood == "struck" else mood)
            )
            for mood, mischief in MOODS.items()
        }


def campaigns(
    url: str, folder: Path, nursery: Nursery, moods: dict[str, Witness], seeds: range
) -> Tally:
    tally = Tally()
    for seed in seeds:
        dice = random.Random(seed)
        mood = list(MOODS)[seed % len(MOODS)]
        one = Campaign(folder / str(seed), url, nursery, moods[mood], dice)
        try:
            one.run()
            tally.add(one.checked(), one.kills)
        except (AssertionError, MailerError) as fault:
            raise AssertionError(f"seed {seed}, {mood or 'plain'}: {one.done}: {fault}") from fault
    return tally


@pytest.mark.timeout(120)
def test_everything_at_once_writes_to_nobody_twice_and_to_nobody_who_is_held(
    ledger_url: str, tmp_path: Path, nursery: Nursery, moods: dict[str, Witness]
) -> None:
    assert campaigns(ledger_url, tmp_path, nursery, moods, range(2)).letters


@pytest.mark.long
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("part", range(4))
def test_everything_at_once_in_many_campaigns(
    ledger_url: str, tmp_path: Path, nursery: Nursery, moods: dict[str, Witness], part: int
) -> None:
    tally = campaigns(ledger_url, tmp_path, nursery, moods, range(100 + 12 * part, 112 + 12 * part))
    store = ledger_url.partition(":")[0]
    size = f"{tally.campaigns} campaigns, {tally.kills} kills"
    what = f"kills, holds, pauses, stops and a log that moves, all at once, {store}"
    figures.note(f"T20 {store} {part}", what, size, f"{tally}")
