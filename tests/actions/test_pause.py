"""A pause holds at once, also where another process holds the send log for good."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mailer.actions import mail_outs
from mailer.base import locks
from mailer.base.settings.workspace import load_workspace
from mailer.base.states import MailOutState
from mailer.ledger import mailouts
from mailer.ledger.ledger import Busy, Ledger
from mailer.sending.dispatch import Dispatch
from tests.conftest import a_plan
from tests.helpers.children import Child
from tests.helpers.stubborn_server import StubbornServer
from tests.helpers.workspaces import a_workspace, mailer, planned, said
from tests.sending.test_dispatch import NOW, session_to

HOLDER = """
import os, sys, time
from mailer.base import locks
file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
locks.take(file)
print("held", flush=True)
time.sleep(100)
"""


@pytest.fixture
def held(tmp_path: Path):  # type: ignore[no-untyped-def]
    """A workspace with a plan, and a process that was stopped while it held the log."""
    root = a_workspace(tmp_path / "workspace", 1)
    planned(root)
    lock = root / ".mailer" / "ledger.db.lock"
    command = [sys.executable, "-c", HOLDER, str(lock)]
    with Child(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        holder.send_signal(signal.SIGSTOP)
        yield root, holder.pid
        holder.end()


def test_who_looks_waits_for_nobody_and_who_writes_is_told_whom_for(
    held: tuple[Path, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, pid = held
    began = time.monotonic()
    said(mailer("status", at=root))
    assert time.monotonic() - began < 8
    with Ledger(load_workspace(root).ledger_url) as ledger:
        ledger.patience = 0.2
        with pytest.raises(Busy, match=f"process {pid} .*stopped"), ledger.writing():
            pass


def test_who_is_held_meanwhile_is_told_to_be_on_the_list(held: tuple[Path, int]) -> None:
    root, pid = held
    answer = mailer("contacts", "hold", "asked@example.org", "--because", "asked", at=root)
    assert answer.returncode == 3
    assert "asked@example.org is on the hold list and gets no more letters." in answer.stderr
    assert f"process {pid}" in answer.stderr
    assert "asked@example.org" in load_workspace(root).hold_list.read_text()


@pytest.mark.parametrize("how", ["pg_advisory_lock", "pg_advisory_lock_shared"])
def test_pause_waits_for_no_stopped_session_of_the_database(
    ledger_url: str, tmp_path: Path, how: str
) -> None:
    """A sender that is stopped as it seals, or as it writes."""
    if not ledger_url.startswith("postgresql"):
        pytest.skip("a log that is a file has a lock of its own")
    with Ledger(ledger_url, beside=tmp_path) as ledger, Ledger(ledger_url) as stopped:
        with ledger.writing() as connection:
            mail_out = mailouts.create(connection, a_plan(3), at=ledger.now(), who="test")
            mailouts.change(connection, mail_out, MailOutState.SENDING, at=ledger.now(), who="test")
        held = f"SELECT {how}(hashtext('seals of ' || current_schema()))"
        with stopped.session() as session:
            session.exec_driver_sql(held)
            began = time.monotonic()
            now = mail_outs.pause(ledger, mail_out, who="Jana")
            assert time.monotonic() - began < 8
        wish = mailouts.pause_wish(ledger, mail_out)
        assert wish is not None and wish.exists() is bool(now.held)
        assert bool(now.held) is not (now.mail_out.state is MailOutState.PAUSED)
        assert bool(now.held) is (how == "pg_advisory_lock")


async def test_pause_that_the_log_cannot_take_is_obeyed_and_comes_onto_the_record(
    held: tuple[Path, int], tmp_path: Path
) -> None:
    root, pid = held
    workspace = load_workspace(root)
    with Ledger(workspace.ledger_url) as ledger:
        assert f"process {pid}" in mail_outs.pause(ledger, 1, who="Jana").held
        wish = mailouts.pause_wish(ledger, 1)
        assert wish is not None and wish.exists()
        os.kill(pid, signal.SIGKILL)
        async with StubbornServer() as server:
            dispatch = Dispatch(ledger, 1, session_to(server.port), NOW)
            after = await asyncio.wait_for(dispatch.run(), 30)
        assert after.state is MailOutState.PAUSED and not server.dots
        assert not wish.exists()


def test_lock_that_comes_too_late_is_given_back(tmp_path: Path) -> None:
    one = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    two = os.open(tmp_path / "lock", os.O_RDWR)
    locks.take(one)
    with pytest.raises(locks.Held, match=str(os.getpid())):
        locks.take(two, 0.1)
    locks.release(one)
    locks.take(two, 5)
    locks.release(two)
    with locks.locked(tmp_path / "lock", 5):
        pass
    os.close(one)
    os.close(two)
