"""A send log that was copied sends nothing: two copies that both go on would write to the same
people twice.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailer.actions.doctor.examine import log as look_at_log
from mailer.actions.doctor.finding import Verdict
from mailer.base.settings.workspace import load_workspace
from mailer.ledger import mailouts
from mailer.ledger.guard import copies
from mailer.ledger.ledger import Ledger
from mailer.sending.demo_server import Mailbox
from tests.conftest import SettableClock, a_plan
from tests.helpers.workspaces import a_workspace, data, lines, mailer, planned, said, states


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Mailbox]:
    with Mailbox(tmp_path / "mailbox") as running:
        yield running


@pytest.fixture
def workspace(tmp_path: Path, box: Mailbox) -> Path:
    root = a_workspace(tmp_path / "workspace", box.port)
    planned(root)
    return root


def test_copied_workspace_sends_nothing_until_somebody_adopts_it(
    workspace: Path, box: Mailbox, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(workspace, copy)
    refused = mailer("send", "M-0001", "--confirm", 6, at=copy)
    assert "[S311]" in said(refused, 3) and "mailer -C" in refused.stderr
    assert "[S311]" in said(mailer("work", "--once", at=copy), 3)
    assert not box.seen
    assert [
        one.verdict for one in look_at_log(load_workspace(copy)) if "copied" in one.sentence
    ] == [Verdict.WRONG]
    assert data(
        mailer("log", "adopt", "--because", "moved", "--by", "Jana", "--json", at=copy)
    ) == {"adopted": True}
    said(mailer("send", "M-0001", "--confirm", 6, at=copy))
    assert set(states(copy).values()) == {"accepted"}
    assert data(mailer("log", "verify", "--json", at=copy))["whole"]
    with Ledger(load_workspace(copy).ledger_url) as ledger, ledger.reading() as connection:
        told = connection.exec_driver_sql(
            "SELECT who, detail FROM event WHERE kind = 'adopted'"
        ).all()
    assert told == [("Jana", "moved")]


def test_renamed_folder_and_the_original_beside_a_copy_send_as_before(
    workspace: Path, tmp_path: Path
) -> None:
    shutil.copytree(workspace, tmp_path / "copy")
    moved = workspace.rename(tmp_path / "another name")
    lines(mailer("send", "M-0001", "--confirm", 6, "--json", at=moved))
    assert set(states(moved).values()) == {"accepted"}
    assert "at home here already" in said(mailer("log", "adopt", "--because", "x", at=moved))


def test_backup_that_is_put_back_sends_nothing(
    workspace: Path, box: Mailbox, tmp_path: Path
) -> None:
    log, backup = workspace / ".mailer" / "ledger.db", tmp_path / "backup.db"
    shutil.copy(log, backup)
    lines(mailer("send", "M-0001", "--confirm", 6, "--json", at=workspace))
    time.sleep(max(0.0, log.stat().st_ctime + 1.1 - time.time()))  # a time of birth has seconds
    log.unlink()
    shutil.copy(backup, log)  # often the very inode that has just become free
    assert "[S312]" in said(mailer("send", "M-0001", "--confirm", 6, at=workspace), 3)
    assert set(box.seen.values()) == {1}


def test_log_of_another_computer_is_a_copy(
    sqlite_ledger: Ledger, clock: SettableClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = tmp_path / "machine-id"
    machine.write_text("0123\n", encoding="utf-8")
    monkeypatch.setattr(copies, "MACHINE", machine)
    with sqlite_ledger.writing() as connection:
        mailouts.create(connection, a_plan(1), at=clock(), who="test")
        assert not copies.is_a_copy(connection)
    machine.write_text("4567\n", encoding="utf-8")
    with sqlite_ledger.reading() as connection:
        assert copies.is_a_copy(connection)
    machine.unlink()  # a system without such a name
    with sqlite_ledger.reading() as connection:
        assert copies.is_a_copy(connection)


def test_log_from_before_there_were_marks_is_at_home_where_it_is_sent_from(
    ledger: Ledger, clock: SettableClock
) -> None:
    with ledger.writing() as connection:
        mailouts.create(connection, a_plan(1), at=clock(), who="test")
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA user_version = 0")
    copies.require(ledger)
    with ledger.reading() as connection:
        assert not copies.is_a_copy(connection)
        if connection.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA user_version").scalar_one() > 0


def test_reason_is_asked_for(workspace: Path) -> None:
    found = mailer("log", "adopt", "--because", " ", "--json", at=workspace)
    assert found.returncode == 2
    assert json.loads(found.stdout)["error"] == "A decision needs a name and a reason."
