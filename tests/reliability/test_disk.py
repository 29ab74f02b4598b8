"""A disk that is full, fails, or is held by somebody else: no marker, no dot; and the send log that
a crash tore (T6, T7).
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mailer.base.errors import MailerError
from mailer.base.states import MailOutState, Receipt, Stage, State
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from mailer.ledger.moves import claims, transitions
from mailer.ledger.reading import deliveries
from mailer.sending.demo_server import Mailbox
from tests.conftest import SettableClock
from tests.helpers.workspaces import Sending, a_workspace, mailer, said
from tests.helpers.workspaces import planned as planned_there

from . import figures
from .campaign import Tally, a_long_plan, a_tag, chain_holds, check, planned
from .lives import PROBLEM
from .nursery import ROOT, Nursery
from .witness import Witness

STRACE = shutil.which("strace")
PEOPLE = 30


class Trouble:
    """A mail-out whose first sender meets a disk that gives out, and whose second one finds it
    mended.
    """

    def __init__(self, folder: Path, nursery: Nursery, witness: Witness, tally: Tally) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path, self.nursery, self.witness, self.tally = (
            folder / f"{a_tag()}.db",
            nursery,
            witness,
            tally,
        )
        self.url = f"sqlite:///{self.path}"
        with Ledger(self.url) as ledger:
            self.mail_out = planned(ledger, a_long_plan(a_tag(), PEOPLE))
        self.life = {
            "url": self.url,
            "mail_out": self.mail_out,
            "port": witness.port,
            "connections": 2,
        }

    def meet(self, **fault: object) -> bool:
        """Run the first sender with a fault. Says whether it was stopped by it, in plain words."""
        return self.nursery.live(**self.life, **fault) == PROBLEM

    def meet_in(self, *strace: str) -> bool:
        """Run the first sender under strace, which lets system calls fail."""
        command = [
            str(STRACE),
            "-f",
            "-o",
            "/dev/null",
            *strace,
            sys.executable,
            "-m",
            "tests.reliability.lives",
        ]
        done = subprocess.run(
            [*command, json.dumps(self.life)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        if "ptrace" in done.stderr and done.returncode == 1:
            pytest.skip("strace may not trace here")
        assert done.returncode in (
            0,
            PROBLEM,
        ), f"{strace}: {done.returncode}\n{done.stderr[-4000:]}"
        return done.returncode == PROBLEM

    def mended(self) -> dict[State, int]:
        """Send the rest, and compare with the server's record. Returns the counts by state."""
        assert self.nursery.live(**self.life) == 0
        with Ledger(self.url) as ledger:
            counts = check(ledger, self.mail_out, self.witness, kills=1, connections=2)
            chain_holds(ledger)
        self.tally.add(counts)
        return counts


@pytest.mark.parametrize("fault", [{"pages_left": 2}, {"largest_file": 300_000}])
def test_full_disk_stops_the_sending_in_plain_words_and_costs_no_letter(
    tmp_path: Path, nursery: Nursery, witness: Witness, fault: dict[str, int]
) -> None:
    trouble = Trouble(tmp_path, nursery, witness, Tally())
    assert trouble.meet(**fault)
    assert trouble.mended()[State.UNKNOWN] == 0, "an answer that came was kept"


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_full_disk_at_any_page_costs_no_letter(
    tmp_path: Path, nursery: Nursery, witness: Witness
) -> None:
    tally, stopped = Tally(), 0
    for pages in range(20):
        trouble = Trouble(tmp_path, nursery, witness, tally)
        stopped += trouble.meet(pages_left=pages)
        trouble.mended()
    for size in range(60_000, 560_000, 25_000):
        trouble = Trouble(tmp_path, nursery, witness, tally)
        stopped += trouble.meet(largest_file=size)
        trouble.mended()
    figures.note(
        "T7 full",
        "file full (max_page_count, RLIMIT_FSIZE)",
        f"40 mail-outs, {stopped} stopped",
        f"{tally}",
    )
    assert stopped >= 10


@contextmanager
def a_tiny_disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    folder.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mount.returncode:
        pytest.skip("no disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a tiny disk")
def test_disk_that_becomes_read_only_is_said_in_words_and_looked_at_all_the_same(
    tmp_path: Path,
) -> None:
    with Mailbox(tmp_path / "mailbox") as box, a_tiny_disk(tmp_path / "disk", 20_000) as disk:
        root = a_workspace(disk / "workspace", box.port, people=3)
        planned_there(root)
        remount = ["mount", "-o", "remount,ro", str(disk)]
        subprocess.run(remount, check=True)
        try:
            assert "nothing has been sent" in said(mailer("status", "M-0001", at=root))
            refused = said(mailer("send", "M-0001", "--confirm", 3, at=root), 3)
        finally:
            remount[2] = "remount,rw"
            subprocess.run(remount, check=True)
        assert "[S301]" in refused and "mistake in the mailer" not in refused
        assert not box.seen
        said(mailer("send", "M-0001", "--confirm", 3, at=root))
    assert set(box.seen.values()) == {1} and len(box.seen) == 3


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let a folder take nothing more; what is open stays open, as on a disk that gave out."""
    subprocess.run(["mount", "--bind", str(folder), str(folder)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk")
@pytest.mark.parametrize("ends", ["by itself", "killed"])
def test_disk_that_becomes_read_only_during_a_sending_is_what_is_said(
    tmp_path: Path, ends: str
) -> None:
    with Mailbox(tmp_path / "mailbox") as box, a_tiny_disk(tmp_path / "disk", 20_000) as disk:
        root = a_workspace(disk / "workspace", box.port, people=12, per_minute=600, connections=1)
        planned_there(root)
        with Sending(root, "send", "M-0001", "--confirm", "12") as sending:
            sending.events(4)
            if ends == "killed":
                sending.process.end()
            with read_only(root / ".mailer"):
                if ends == "by itself":
                    words, _ = sending.process.communicate(timeout=60)
                    assert sending.process.returncode == 3 and '"S301"' in words, words
                assert "accepted for delivery" in said(mailer("status", "M-0001", at=root))
        after = mailer("resume", "M-0001", at=root)
        assert after.returncode in (0, 1), after.stderr  # 1: of one it is not known
    assert set(box.seen.values()) == {1} and len(box.seen) >= 11


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a tiny disk")
def test_disk_without_room_costs_no_letter(
    tmp_path: Path, nursery: Nursery, witness: Witness
) -> None:
    tally, stopped = Tally(), 0
    for number, room in enumerate(range(0, 100, 10)):
        with a_tiny_disk(tmp_path / f"disk{number}", 4_000) as disk:
            trouble = Trouble(disk, nursery, witness, tally)
            filling = disk / "filling"
            free = shutil.disk_usage(disk).free
            filling.write_bytes(bytes(max(0, free - room * 1024)))
            stopped += trouble.meet()
            filling.unlink()
            trouble.mended()
    figures.note(
        "T7 room", "a disk without room (ENOSPC)", f"10 mail-outs, {stopped} stopped", f"{tally}"
    )
    assert stopped >= 5


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
def test_write_or_sync_that_fails_costs_no_letter(
    tmp_path: Path, nursery: Nursery, witness: Witness
) -> None:
    tally, stopped = Tally(), 0
    for number in range(1, 41):
        call = "fdatasync" if number % 4 == 0 else "pwrite64"
        error = ("EIO", "ENOSPC", "EROFS")[number % 3] if call == "pwrite64" else "EIO"
        trouble = Trouble(tmp_path, nursery, witness, tally)
        stopped += trouble.meet_in(
            "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={number}+"
        )
        trouble.mended()
    figures.note(
        "T7 failing", "EIO, ENOSPC, EROFS at the first 40 writes and syncs (strace)",
        f"40 mail-outs, {stopped} stopped", f"{tally}",
    )  # fmt: skip
    assert stopped >= 30


@pytest.mark.long
@pytest.mark.timeout(600)
def test_log_that_somebody_else_holds_costs_no_letter(
    tmp_path: Path, nursery: Nursery, witness: Witness
) -> None:
    tally, stopped = Tally(), 0
    for _ in range(10):
        trouble = Trouble(tmp_path, nursery, witness, tally)
        other = sqlite3.connect(trouble.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        stopped += trouble.meet()
        other.execute("ROLLBACK")
        other.close()
        trouble.mended()
    figures.note(
        "T7 busy",
        "another program holds the log for longer than 5 s",
        f"10 mail-outs, {stopped} stopped",
        f"{tally}",
    )
    assert stopped == 10


# -------------------------------------------------------------------------------- what a crash tore


class Torn:
    """A send log as a power cut may leave it: the file, and a part of what was written ahead."""

    def __init__(self, folder: Path) -> None:
        clock = SettableClock()
        path = folder / "whole" / "ledger.db"
        self.folder = folder
        with Ledger(f"sqlite:///{path}", now=clock) as ledger:
            mail_out = planned(ledger, a_long_plan("torn", 12))
            with ledger.writing() as connection:
                mailouts.change(connection, mail_out, MailOutState.SENDING, at=clock(), who="test")
            with sqlite3.connect(path) as other:
                other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            other.close()
            self.states = [self._look(ledger, mail_out)]
            for number in range(12):
                clock.forward(seconds=1)
                with ledger.writing() as connection:
                    (one,) = claims.claim(connection, mail_out, owner="me", at=clock(), limit=1)
                self.states.append(self._look(ledger, mail_out))
                with ledger.writing() as connection:
                    assert transitions.mark(
                        connection, one, owner="me", at=clock(), dated_at=clock()
                    )
                self.states.append(self._look(ledger, mail_out))
                state = (State.ACCEPTED, State.REFUSED, State.UNKNOWN)[number % 3]
                with ledger.writing() as connection:
                    receipt = Receipt(state, Stage.DOT, 250 if state is State.ACCEPTED else 550)
                    transitions.record(
                        connection, one, receipt, state=state, reason=None, owner="me", at=clock()
                    )
                self.states.append(self._look(ledger, mail_out))
            self.database = path.read_bytes()
            self.ahead = path.with_name("ledger.db-wal").read_bytes()
        self.mail_out, self.refused, self._number = mail_out, 0, 0

    def _look(self, ledger: Ledger, mail_out: int) -> list[tuple[str, bool, int]]:
        with ledger.reading() as connection:
            people = deliveries.people(connection, mail_out)
        return [(one.state.value, one.handover_at is not None, one.attempts) for one in people]

    def opened_with(self, ahead: bytes) -> int:
        """Open the log with this in place of what was written ahead. Returns which state it shows;
        -1: refused.
        """
        self._number += 1
        folder = self.folder / str(self._number)
        folder.mkdir()
        (folder / "ledger.db").write_bytes(self.database)
        (folder / "ledger.db-wal").write_bytes(ahead)
        try:
            with Ledger(f"sqlite:///{folder / 'ledger.db'}") as ledger:
                shown = self._look(ledger, self.mail_out)
        except MailerError:
            self.refused += 1
            return -1
        finally:
            shutil.rmtree(folder)
        assert shown in self.states, "a state that never was"
        return self.states.index(shown)

    def cut(self, times: int) -> list[int]:
        size = len(self.ahead)
        return [
            self.opened_with(self.ahead[: size * number // times]) for number in range(times + 1)
        ]

    def flipped(self, times: int, dice: random.Random) -> list[int]:
        found = []
        for _ in range(times):
            at = dice.randrange(len(self.ahead))
            bit = bytes([self.ahead[at] ^ (1 << dice.randrange(8))])
            found.append(self.opened_with(self.ahead[:at] + bit + self.ahead[at + 1 :]))
        return found


@pytest.mark.parametrize(
    ("cuts", "flips"),
    [(24, 16), pytest.param(300, 200, marks=[pytest.mark.long, pytest.mark.timeout(900)])],
)
def test_torn_log_shows_a_state_that_was_or_is_refused(
    tmp_path: Path, cuts: int, flips: int
) -> None:
    torn = Torn(tmp_path)
    found = [state for state in torn.cut(cuts) if state >= 0]
    assert found == sorted(found), "a longer log never shows less"
    assert found[-1] == len(torn.states) - 1
    flipped = torn.flipped(flips, random.Random(6))
    if cuts >= 300:
        whole = sum(state == len(torn.states) - 1 for state in flipped)
        figures.note(
            "T6", "what was written ahead, cut at every offset of a grid, and with one bit flipped",
            f"{cuts} cuts, {flips} flips",
            f"every one a state that was, or refused ({torn.refused}); "
            f"{len(set(found))} different states, {whole} flips without effect",
        )  # fmt: skip
