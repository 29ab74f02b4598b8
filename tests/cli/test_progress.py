"""A sending that nobody looks at any longer: the reader of its output goes, the window is closed,
the sender is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mailer.base.states import MailOutState
from mailer.ledger import mailouts
from mailer.ledger.guard.senders import nobody_sends, sender
from mailer.ledger.ledger import Ledger
from mailer.sending.demo_server import Mailbox
from tests.conftest import SettableClock, a_plan, damage
from tests.helpers.workspaces import (
    Sending,
    Terminal,
    a_workspace,
    data,
    lines,
    mailer,
    planned,
    process,
    said,
    states,
)

PEOPLE = 30


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Mailbox]:
    with Mailbox(tmp_path / "mailbox") as running:
        yield running


@pytest.fixture
def workspace(tmp_path: Path, box: Mailbox) -> Path:
    root = a_workspace(tmp_path / "workspace", box.port, people=PEOPLE, per_minute=600)
    planned(root)
    return root


def test_reader_that_has_enough_ends_no_sending(workspace: Path, box: Mailbox) -> None:
    """`mailer send --json | head -2`: a broken pipe in the middle."""
    with Sending(workspace, "send", "M-0001", "--confirm", str(PEOPLE)) as sending:
        sending.events(2)
        assert sending.process.stdout is not None
        sending.process.stdout.close()
        sending.process.stdout = None
        code, _, err, _ = _end(sending)
    assert code == 0, err
    assert err.count("Nobody reads the output any longer; the sending goes on: mailer -C ") == 1
    assert set(states(workspace).values()) == {"accepted"}
    assert set(box.seen.values()) == {1}


def test_talk_that_nobody_hears_ends_no_sending(workspace: Path, box: Mailbox) -> None:
    """`mailer send 2>&1 | head -2`: stderr is the one that breaks."""
    with Sending(workspace, "send", "M-0001", "--confirm", str(PEOPLE), talk=True) as sending:
        sending.says()
        assert sending.process.stderr is not None
        sending.process.stderr.close()
        sending.process.stderr = None
        code, _, _, _ = _end(sending)
    assert code == 0
    assert set(states(workspace).values()) == {"accepted"}


@pytest.mark.parametrize("talk", [False, True], ids=["events", "talk"])
def test_output_that_nobody_reads_holds_up_no_letter_and_no_signal(
    tmp_path: Path, talk: bool
) -> None:
    """A pipe that is full, and whoever should read it asleep."""
    with SlowMailbox(tmp_path / "mailbox") as box:
        root = a_workspace(tmp_path / "workspace", box.port, people=PEOPLE, per_minute=0)
        planned(root)
        with Sending(root, "send", "M-0001", "--confirm", str(PEOPLE), talk=talk) as sending:
            unread = sending.process.stderr if talk else sending.process.stdout
            assert unread is not None
            fill_up(unread.fileno())
            box.answers.release(PEOPLE - 2)
            while len(box.seen) < PEOPLE - 2:
                time.sleep(0.01)
            sending.process.send_signal(signal.SIGTERM)
            box.answers.release(2)
            assert sending.process.wait(timeout=30) is not None
        counts = Counter(states(root).values())
    assert counts["accepted"] >= PEOPLE - 2 and not counts["sending"], counts
    assert set(box.seen.values()) == {1}


def fill_up(reader: int) -> None:
    """Leave no room in a pipe, from its reading end."""
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
    writer = os.open(f"/proc/self/fd/{reader}", os.O_WRONLY | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        while os.write(writer, b" " * 512):
            pass
    os.close(writer)


def _end(sending: Sending) -> tuple[int, str, str, None]:
    out, err = sending.process.communicate(timeout=60)
    assert "Traceback" not in (err or "")
    return sending.process.returncode, out or "", err or "", None


def test_window_that_is_closed_pauses_and_nothing_becomes_unknown(
    workspace: Path, box: Mailbox
) -> None:
    with Terminal(workspace, "send", "M-0001", "--confirm", str(PEOPLE)) as terminal:
        terminal.wait_for("accepted")
        terminal.close_window()
        assert terminal.process.wait(timeout=30) == 4
    now = data(mailer("status", "M-0001", "--json", at=workspace))
    assert now["state"] == "paused"
    assert now["counts"]["unknown"] == now["counts"]["sending"] == 0
    assert 0 < now["counts"]["accepted"] < PEOPLE
    assert "the window was closed" in said(mailer("status", "M-0001", at=workspace))
    lines(mailer("resume", "M-0001", "--json", at=workspace))
    assert set(box.seen.values()) == {1}
    assert len(box.seen) == PEOPLE


def test_closed_window_under_nohup_goes_on(workspace: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # what nohup does; a child inherits it
    try:
        with Sending(workspace, "send", "M-0001", "--confirm", str(PEOPLE)) as sending:
            sending.events(2)
            code, _, _, _ = sending.end(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert code == 0
    assert set(states(workspace).values()) == {"accepted"}


def test_damaged_log_sends_nothing(workspace: Path, box: Mailbox) -> None:
    damage(workspace / ".mailer" / "ledger.db")
    assert "[S302]" in said(mailer("send", "M-0001", "--confirm", PEOPLE, at=workspace), 3)
    assert "[S302]" in said(mailer("work", "--once", at=workspace), 3)
    assert not box.seen


class SlowMailbox(Mailbox):
    """It answers to as many final dots as it is told to."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.answers = threading.Semaphore(0)

    def __exit__(self, *_: object) -> None:
        self.answers.release(PEOPLE)
        super().__exit__()

    async def handle_DATA(self, *letter: Any) -> str:  # noqa: N802 - as aiosmtpd calls it
        await asyncio.to_thread(self.answers.acquire)
        return await super().handle_DATA(*letter)


def test_helper_that_is_interrupted_leaves_the_sending_to_the_others(tmp_path: Path) -> None:
    with SlowMailbox(tmp_path / "mailbox") as box:
        workspace = a_workspace(tmp_path / "workspace", box.port, people=PEOPLE, per_minute=0)
        planned(workspace)
        with Sending(workspace, "send", "M-0001", "--confirm", str(PEOPLE)) as sending:
            while not box.asked:
                time.sleep(0.01)
            with ThreadPoolExecutor(1) as thread, Sending(workspace, "work") as helper:
                (waits,) = helper.events(1)
                assert "the other senders have all of its connections" in waits["what"]
                sends = thread.submit(helper.events, 1)
                while not sends.done():  # letter by letter, until a connection is free for it
                    box.answers.release()
                    futures.wait([sends], 0.3)
                helper.process.send_signal(signal.SIGINT)
                ends = thread.submit(helper.end)
                while not ends.done():  # letter by letter: or the other one may have sent them all
                    box.answers.release()
                    futures.wait([ends], 0.3)
                code, _, err, _ = ends.result()
            box.answers.release(PEOPLE)
            assert (code, "M-0001 goes on without this sender." in err) == (4, True), err
            assert sending.end()[0] == 0
    assert set(states(workspace).values()) == {"accepted"}
    assert set(box.seen.values()) == {1}


def test_last_one_who_helps_pauses_when_interrupted(workspace: Path) -> None:
    with (
        Ledger(f"sqlite:///{workspace / '.mailer' / 'ledger.db'}") as ledger,
        ledger.writing() as connection,
    ):
        mailouts.change(connection, 1, MailOutState.SENDING, at=ledger.now(), who="test")
    with Sending(workspace, "work") as helper:
        helper.events(1)
        code, _, err, _ = helper.end(signal.SIGTERM)
    assert (code, "M-0001 is paused: interrupted at the keyboard." in err) == (4, True), err
    now = data(mailer("status", "M-0001", "--json", at=workspace))
    assert (now["state"], now["counts"]["sending"], now["counts"]["unknown"]) == ("paused", 0, 0)


def test_mail_out_that_nobody_sends_is_seen_as_such(ledger_url: str) -> None:
    """A sender that gave everything back and went leaves no delivery by which its death could be
    seen.
    """
    clock = SettableClock()
    with Ledger(ledger_url, now=clock) as ledger:
        with ledger.writing() as connection:
            mail_out = mailouts.create(connection, a_plan(3), at=clock(), who="test")
            mailouts.change(connection, mail_out, MailOutState.SENDING, at=clock(), who="test")
        with sender(ledger), ledger.reading() as connection:
            assert not nobody_sends(ledger, connection, mail_out)
        for _ in range(100):  # PostgreSQL ends a session a moment after its connection
            with ledger.reading() as connection:
                if gone := nobody_sends(ledger, connection, mail_out):
                    break
            time.sleep(0.05)
        assert gone


def test_status_says_that_nobody_sends(workspace: Path) -> None:
    with (
        Ledger(f"sqlite:///{workspace / '.mailer' / 'ledger.db'}") as ledger,
        ledger.writing() as connection,
    ):
        mailouts.change(connection, 1, MailOutState.SENDING, at=ledger.now(), who="test")
    shown = said(mailer("status", "M-0001", at=workspace))
    assert "has ended without saying so" in shown
    assert "send M-0001" in shown
    assert said(mailer("status", "M-0001", "--watch", at=workspace))  # it ends by itself


def test_end_of_a_sending_names_the_head_that_proves_the_log(workspace: Path) -> None:
    """Its seal covers the last outcome, and a copy of the log that was cut off before does not know
    it.
    """
    shown = said(process("send", "M-0001", "--confirm", PEOPLE, at=workspace))
    found = re.search(r"prove the log +mailer -C \S+ (log verify --head ([0-9a-f]{16}))\n", shown)
    assert found, shown
    proof = data(mailer(*found[1].split(), "--json", at=workspace))
    assert proof["whole"] and proof["head"].startswith(found[2]) and proof["unsealed"] == 0
    assert "a second person" in shown


def test_mail_out_that_was_paused_after_its_last_letter_is_closed_by_resume(
    workspace: Path,
) -> None:
    *_, finished = lines(mailer("send", "M-0001", "--confirm", PEOPLE, "--json", at=workspace))
    assert finished["counts"]["accepted"] == PEOPLE
    with (
        Ledger(f"sqlite:///{workspace / '.mailer' / 'ledger.db'}") as ledger,
        ledger.writing() as connection,
    ):
        connection.exec_driver_sql(
            "UPDATE mail_out SET state = 'sending', ended_at = NULL"
        )  # as a crash leaves it
        mailouts.change(
            connection, 1, MailOutState.PAUSED, at=ledger.now(), who="Jana", why="a look"
        )
    shown = said(mailer("resume", "M-0001", at=workspace))
    assert "M-0001 is finished." in shown
