"""The service: with nobody at the keyboard it begins what is approved and due, and goes on after it
was ended. Real processes, and a real mail server on this computer.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mailer.actions import mail_outs
from mailer.actions.mail_outs import schedule, sending
from mailer.base.errors import Refused
from mailer.base.settings.workspace import load_workspace
from mailer.base.states import MailOutState
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from mailer.sending.demo_server import Mailbox
from tests.helpers.stubborn_server import StubbornServer
from tests.helpers.workspaces import (
    ROOT,
    Sending,
    a_workspace,
    data,
    edit,
    mailer,
    planned,
    process,
    row,
    said,
    states,
    write_sheet,
)

SOON = timedelta(seconds=1)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Mailbox]:
    with Mailbox(tmp_path / "mailbox") as mailbox:
        yield mailbox


def its_hour_comes(root: Path, after: timedelta = SOON) -> None:
    """Let the hour for which M-0001 was scheduled be here, as if the days between had passed."""
    with Ledger(f"sqlite:///{root / '.mailer' / 'ledger.db'}") as ledger:
        at = ledger.now()
        with ledger.writing() as connection:
            starts = dict.fromkeys(("DE", "FR", "NO"), at + after)
            mailouts.schedule(connection, 1, "now", starts, at=at, who="Jana")


def test_schedule_is_said_changed_and_taken_back(tmp_path: Path, box: Mailbox) -> None:
    root = a_workspace(tmp_path / "work", box.port, people=6)
    planned(root)
    asked = said(mailer("send", "M-0001", "--at", "2031-01-20 9:00", at=root), 2)
    assert "must be confirmed" in asked
    words = ("send", "M-0001", "--confirm", 6, "--at")
    first = data(mailer(*words, "2031-01-20 9:00 in each capital", "--json", at=root))
    assert first["schedule"] == "Mon 2031-01-20 09:00 in each capital"
    assert first["delegations"] == dict.fromkeys(("DE", "FR", "NO"), "2031-01-20T08:00:00Z")
    shown = said(mailer(*words, "2031-01-21 10:30", "--working-days", at=root))
    assert "21 Jan 2031 10:30 CET" in shown
    assert "work --service, on a computer that is on then" in shown
    early = said(mailer("send", "M-0001", "--confirm", 6, at=root), 3)
    assert "M-0001 begins by itself on 21 Jan 2031" in early
    assert "--at none" in early
    assert data(mailer("send", "M-0001", "--at", "none", "--json", at=root))["starts_at"] is None
    assert said(mailer("send", "M-0001", "--confirm", 6, at=root))
    begun = said(mailer("send", "M-0001", "--confirm", 6, "--at", "Mon 9:00", at=root), 3)
    assert "M-0001 is finished" in begun


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--at", "2020-01-20 9:00"), "2020-01-20 09:00 Europe/Paris has passed"),
        (("--at", "soon"), '"soon" is no time'),
        (("--at", "2031-01-20 9:00"), "the sending has ended (26 Jan 2031"),
        (("--working-days",), "needs a time"),
        (("--at", "2031-01-19 9:00", "--first", "2"), "do not go together"),
    ],
)
def test_start_that_cannot_be_says_why(
    tmp_path: Path, box: Mailbox, words: tuple[str, ...], says: str
) -> None:
    day = "2031-01-15" if "2031-01-20 9:00" in words else "2031-01-25"
    root = a_workspace(tmp_path / "work", box.port, people=3)
    toml = root / "templates/appeal/appeal.toml"
    toml.write_text(f"last_day = {day}\n" + toml.read_text())
    says = says.replace("26 Jan", "15 Jan" if day.endswith("15") else "25 Jan")
    planned(root)
    found = said(mailer("send", "M-0001", "--confirm", 3, *words, at=root), 2)
    assert says.partition(" (")[0] in found


def test_service_begins_what_is_due_with_nobody_at_the_keyboard(
    tmp_path: Path, box: Mailbox
) -> None:
    root = a_workspace(tmp_path / "work", box.port, people=9)
    planned(root)
    its_hour_comes(root)
    with Sending(root, "work", "--service", talk=True) as service:
        assert "sends what is approved and due" in service.says()
        assert "M-0001: beginning" in service.says()
        while "M-0001 is finished" not in service.says():
            pass
        code, _, _, _ = service.end(signal.SIGTERM)
    assert code == 0
    assert set(states(root).values()) == {"accepted"}
    assert len(states(root)) == sum(box.seen.values()) == 9


def test_plan_that_changed_since_does_not_begin_and_the_log_says_why(
    tmp_path: Path, box: Mailbox
) -> None:
    root = a_workspace(tmp_path / "work", box.port, people=3)
    planned(root)
    its_hour_comes(root, timedelta(0))
    write_sheet(root, [row(1), row(2, surname="Nováková"), row(3)])
    with Sending(root, "work", "--service", talk=True) as service:
        service.says()
        assert "no longer matches its sources" in service.says()
        service.end(signal.SIGTERM)
    assert not box.seen
    now = data(mailer("send", "M-0001", "--at", "none", "--json", at=root))
    assert now["starts_at"] is None  # it was taken back by the service


@pytest.mark.parametrize("meanwhile", ["taken back", "put off", "paused", "begun by hand"])
def test_what_is_said_while_another_is_sent_is_heard(
    tmp_path: Path, box: Mailbox, meanwhile: str
) -> None:
    """Of several that are due the service sends one after the other, each for hours perhaps."""
    root = a_workspace(tmp_path / "work", box.port, people=3)
    planned(root)
    its_hour_comes(root, timedelta(0))
    workspace = load_workspace(root)

    def happens() -> None:
        if meanwhile == "taken back":
            schedule.take_back(ledger, 1, who="Jana")
        elif meanwhile == "put off":
            its_hour_comes(root, timedelta(days=1))
        elif meanwhile == "begun by hand":
            for state in (MailOutState.SENDING, MailOutState.PAUSED):
                with ledger.writing() as connection:
                    mailouts.change(connection, 1, state, at=ledger.now(), who="Jana")
        else:
            mail_outs.pause(ledger, 1, who="Jana")

    with Ledger(workspace.ledger_url) as ledger:
        (due,) = sending.due_to_begin(workspace, ledger)
        ready = sending.begin_due(workspace, ledger, due)  # it looks for what is said from here on
        happens()
        if meanwhile != "begun by hand":
            assert asyncio.run(ready.run()).state is MailOutState.PLANNED
        with pytest.raises(Refused, match="not to begin by itself now"):
            sending.begin_due(workspace, ledger, due)
    assert not box.seen


TEAM = '[notice]\nto = ["team@rights.example"]\n'
ALLOW = 'allow = ["@de.parliament.example"'


def with_notices(root: Path, allow: str = ', "team@rights.example"') -> None:
    edit(root / "config.toml", ALLOW, f"{ALLOW}{allow}")
    with (root / "config.toml").open("a") as file:
        file.write(TEAM)


def test_team_is_told_what_needs_a_yes_and_what_is_finished_and_no_name_is_in_it(
    tmp_path: Path, box: Mailbox
) -> None:
    root = a_workspace(tmp_path / "work", box.port, people=3)
    with_notices(root)
    told = tmp_path / "mailbox" / "team@rights.example.eml"
    with Sending(root, "work", "--service", talk=True) as service:
        service.says()
        edit(root / "config.toml", "[safety]", "[safety]\napprovals = 1")
        planned(root)
        wait_for(lambda: box.seen["team@rights.example"] == 1)
    assert "Subject: [mailer] M-0001: needs a yes" in told.read_text()
    edit(root / "config.toml", "[safety]\napprovals = 1", "[safety]")
    planned(root, "--replace")
    said(mailer("send", "M-0002", "--confirm", 3, at=root))
    assert box.seen["team@rights.example"] == 2
    text = told.read_text()
    assert "Subject: [mailer] M-0002: finished" in text
    assert "parliament.example" not in text
    assert "Exemplov" not in text


def test_notice_goes_to_nobody_who_is_not_on_the_allow_list_and_costs_no_letter(
    tmp_path: Path, box: Mailbox
) -> None:
    root = a_workspace(tmp_path / "work", box.port, people=3)
    with_notices(root, allow="")
    planned(root)
    refused = said(process("work", "--service", at=root), 2)
    assert "team@rights.example is not on the allow-list" in refused
    sent = said(mailer("send", "M-0001", "--confirm", 3, at=root))
    assert "The team was not told of M-0001" in sent
    assert "team@rights.example" not in box.asked
    assert len(box.seen) == 3


def wait_for(holds: Callable[[], bool]) -> None:
    for _ in range(600):
        if holds():
            return
        threading.Event().wait(0.1)
    raise AssertionError("it never came")


async def test_service_that_is_ended_in_the_middle_goes_on_when_it_is_begun_again(
    tmp_path: Path,
) -> None:
    """As at a reboot: SIGTERM, later the same command; and as at a power cut: SIGKILL."""
    async with StubbornServer() as server:
        root = a_workspace(tmp_path / "work", server.port, people=30, per_minute=600, connections=1)
        planned(root)
        its_hour_comes(root, timedelta(0))
        for number, how in enumerate((signal.SIGTERM, signal.SIGKILL, signal.SIGTERM), 1):
            with Sending(root, "work", "--service", talk=True) as service:
                while len(server.dots) < 10 * number:
                    server.saw_a_dot.clear()
                    await asyncio.wait_for(server.saw_a_dot.wait(), 60)
                service.process.send_signal(how)
                await asyncio.to_thread(service.process.wait, 60)
    assert len(server.dots) == len(set(server.dots)) == 30


def test_unit_is_what_systemd_understands(tmp_path: Path) -> None:
    root = a_workspace(tmp_path / "my 100% work", 9, people=1)
    unit = said(process("work", "--unit", at=root))
    assert "100%% work" in unit
    assert "work --service" in unit
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not here")
    path = tmp_path / "mailer.service"
    path.write_text(unit)
    found = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (found.returncode, found.stderr) == (0, "")


def test_commands_of_the_compose_file_are_commands_of_the_mailer(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "team" / "compose.yaml").read_text(encoding="utf-8")
    commands = [json.loads(found) for found in re.findall(r"(?m)^    command: (\[.*\])$", text)]
    assert ["work", "--service"] in commands
    for words in commands:
        assert said(mailer(*words, "--help", at=tmp_path))
