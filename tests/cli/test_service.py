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
import sqlalchemy as sa

from mailer.actions import mail_outs
from mailer.actions.mail_outs import schedule, sending
from mailer.base.errors import Refused
from mailer.base.settings.workspace import load_workspace
from mailer.base.states import MailOutState
from mailer.cli.context import Context
from mailer.cli.running import work
from mailer.cli.running.work import _Service
from mailer.ledger import accounts, mailouts
from mailer.ledger.ledger import Ledger
from mailer.ledger.mailouts import MailOut
from mailer.ledger.schema import mail_out
from mailer.sending.demo_server import Mailbox, Trick
from tests.conftest import SettableClock
from tests.helpers.stubborn_server import StubbornServer
from tests.helpers.workspaces import (
    ROOT,
    Sending,
    a_workspace,
    address,
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


def its_hour_comes(root: Path, after: timedelta = SOON, number: int = 1) -> None:
    """Let the hour of a mail-out be here, as if the days between had passed."""
    with Ledger(f"sqlite:///{root / '.mailer' / 'ledger.db'}") as ledger:
        at = ledger.now()
        with ledger.writing() as connection:
            starts = dict.fromkeys(("DE", "FR", "NO"), at + after)
            mailouts.schedule(connection, number, "now", starts, at=at, who="Jana")


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


def a_service(root: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> _Service:
    """A service in this process, which tries again at each look what was refused."""
    monkeypatch.setattr(work, "AGAIN", 0.0)
    monkeypatch.setattr(_Service, "hear", lambda _self: None)
    return _Service(Context(folder=root), ledger)


def the_mail_out(ledger: Ledger) -> MailOut:
    return mail_outs.standing(ledger, 1).mail_out


def a_sheet_is_half_saved(root: Path) -> Callable[[], object]:
    sheet = root / "contacts" / "members.csv"
    whole = sheet.read_bytes()
    sheet.write_bytes(b"")
    return lambda: sheet.write_bytes(whole)


def a_cell_has_changed(root: Path) -> Callable[[], object]:
    write_sheet(root, [row(1), row(2, surname="Nováková"), row(3)])
    return lambda: write_sheet(root, [row(number) for number in (1, 2, 3)])


def the_settings_have_changed(root: Path) -> Callable[[], object]:
    edit(root / "config.toml", "jana@rights.example", "them@rights.example")
    return lambda: edit(root / "config.toml", "them@rights.example", "jana@rights.example")


def the_settings_are_half_saved(root: Path) -> Callable[[], object]:
    whole = (root / "config.toml").read_bytes()
    (root / "config.toml").write_bytes(whole[:20])
    return lambda: (root / "config.toml").write_bytes(whole)


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        (a_sheet_is_half_saved, "could not begin: "),
        (a_cell_has_changed, "could not begin: The plan M-0001 no longer matches its sources"),
        (the_settings_have_changed, "could not begin: M-0001 was planned for another server"),
        (the_settings_are_half_saved, ""),  # said; of the mail-out nothing is known
    ],
)
def test_what_keeps_a_mail_out_from_beginning_is_told_once_and_it_keeps_its_place(
    tmp_path: Path,
    box: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    trouble: Callable[[Path], Callable[[], object]],
    why: str,
) -> None:
    root = a_workspace(tmp_path / "work", box.port, people=3)
    planned(root)
    its_hour_comes(root, timedelta(minutes=-2))
    told: list[str] = []
    monkeypatch.setattr(_Service, "tell", lambda _self, _mail_out, what: told.append(what))
    with Ledger(load_workspace(root).ledger_url) as ledger:
        service = a_service(root, ledger, monkeypatch)
        ends = trouble(root)
        for _ in range(3):
            service.look_once()
        assert len(told) == bool(why)
        now = the_mail_out(ledger)
        assert now.starts_at is not None  # it keeps its place
        assert now.why.startswith(why)
        assert not box.seen
        shown = said(mailer("status", "M-0001", at=root)) if why else ""
        assert all(part in shown for part in (why, "has passed, and it has not begun") if why)
        capsys.readouterr()
        ends()
        service.look_once()
        assert the_mail_out(ledger).state is MailOutState.FINISHED
        assert the_mail_out(ledger).why == ""
    assert sum(box.seen.values()) == 3
    assert "M-0001: beginning" in capsys.readouterr().err


def test_what_nobody_sent_at_its_hour_is_begun_for_half_a_day_and_then_asked_about(
    tmp_path: Path, box: Mailbox, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    root = a_workspace(tmp_path / "work", box.port, people=3)
    planned(root)
    its_hour_comes(root, timedelta(hours=-13))
    with Ledger(load_workspace(root).ledger_url) as ledger:
        service = a_service(root, ledger, monkeypatch)
        service.look_once()
        assert not box.seen
        assert "nothing has sent it for twelve hours" in the_mail_out(ledger).why
        its_hour_comes(root, timedelta(hours=-11))
        capsys.readouterr()
        service.look_once()
    assert sum(box.seen.values()) == 3
    assert "M-0001: beginning, 660 min after its hour" in capsys.readouterr().err


def test_what_was_to_begin_before_the_vote_is_closed_by_it(
    tmp_path: Path, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = a_workspace(tmp_path / "work", box.port, people=3)
    planned(root)
    its_hour_comes(root, timedelta(hours=-1))
    told: list[str] = []
    monkeypatch.setattr(_Service, "tell", lambda _self, _mail_out, what: told.append(what))
    with Ledger(load_workspace(root).ledger_url) as ledger:
        with ledger.writing() as connection:
            connection.execute(sa.update(mail_out).values(until=ledger.now()))
        a_service(root, ledger, monkeypatch).look_once()
        assert the_mail_out(ledger).state is MailOutState.STOPPED
    assert told == ["stopped: its last day, or the vote, is over"]
    assert set(states(root).values()) == {"not_sent"}
    assert not box.seen


def test_a_yes_counts_for_the_start_that_was_said_with_it_and_for_no_other(
    tmp_path: Path, box: Mailbox
) -> None:
    root = a_workspace(tmp_path / "work", box.port, people=3)
    edit(root / "config.toml", "[safety]", "[safety]\napprovals = 1")
    planned(root)
    workspace, clock = load_workspace(root), SettableClock()
    days = timedelta(days=1)
    with Ledger(workspace.ledger_url, now=clock) as ledger:
        clock.at = the_mail_out(ledger).planned_at
        with ledger.writing() as connection:
            accounts.add(connection, "Marie", role="approver", password="", at=clock.at)
        mail_outs.approve(workspace, ledger, 1, who="Marie")
        its_hour_comes(root, 5 * days)
        clock.at += 4 * days  # the yes is old by now
        now = mail_outs.may_send(workspace, ledger, 1).refusal
        assert isinstance(now, Refused)
        assert now.code == "S208"
        assert mail_outs.may_send(workspace, ledger, 1, as_scheduled=True).refusal is None
        with pytest.raises(Refused, match="more than three days old"):
            check = mail_outs.may_send(workspace, ledger, 1)
            text = f"{clock.at.date() + 2 * days} 9:00"
            asked = schedule.asked_for(workspace, ledger, check.standing.mail_out, text)
            schedule.begin_by_itself(ledger, check, asked, who="Jana")
        clock.at += 1.1 * days
        sending.begin_due(workspace, ledger, the_mail_out(ledger))  # as it was said with the yes


def test_letter_that_is_put_off_holds_up_no_other_mail_out(tmp_path: Path) -> None:
    with Mailbox(tmp_path / "mailbox", {address(2): Trick.LATER}) as box:
        root = a_workspace(tmp_path / "work", box.port, people=3)
        shutil.copytree(root / "templates" / "appeal", root / "templates" / "another")
        planned(root)
        said(mailer("plan", "another", at=root))
        its_hour_comes(root)
        with Sending(root, "work", "--service", talk=True) as service:
            wait_for(lambda: sorted(states(root).values()) == ["accepted", "accepted", "deferred"])
            its_hour_comes(root, number=2)
            wait_for(lambda: list(states(root, "M-0002").values()).count("accepted") >= 2)
            service.end(signal.SIGTERM)
        assert sorted(states(root).values()) == ["accepted", "accepted", "deferred"]
        with Ledger(load_workspace(root).ledger_url) as ledger:
            assert the_mail_out(ledger).state is MailOutState.SENDING
    assert box.seen[address(1)] == box.seen[address(3)] == 2


def test_two_workspaces_on_one_database_leave_each_other_alone(
    tmp_path: Path, box: Mailbox, monkeypatch: pytest.MonkeyPatch, ledger_url: str
) -> None:
    told: list[str] = []
    monkeypatch.setattr(
        _Service, "tell", lambda _self, mail_out, what: told.append(f"{mail_out.appeal}: {what}")
    )
    north, south = (a_workspace(tmp_path / name, box.port, people=3) for name in ("north", "south"))
    (south / "templates" / "appeal").rename(south / "templates" / "other")
    edit(south / "config.toml", "Jana Novak <jana@", "Sud <sud@")
    for root in (north, south):
        edit(root / "config.toml", "[limits]", f'[log]\ndatabase = "{ledger_url}"\n[limits]')
    said(mailer("plan", "appeal", at=north))
    said(mailer("plan", "other", at=south))
    with Ledger(ledger_url) as ledger:
        with ledger.writing() as connection:
            at = ledger.now()
            long_ago = dict.fromkeys(("DE", "FR", "NO"), at - timedelta(minutes=5))
            for number in (1, 2):
                mailouts.schedule(connection, number, "now", long_ago, at=at, who="Jana")
        for root, name in ((north, "M-0001"), (south, "M-0002")):
            workspace = load_workspace(root)
            (due,) = sending.due_to_begin(workspace, ledger)
            assert due.name == name
            service = a_service(root, ledger, monkeypatch)
            monkeypatch.setattr(_Service, "attempt", lambda *_, **__: None)
            service.look_once()
            assert sending.wait_for_a_yes(workspace, ledger, at) == []
            (other,) = sending.of_another_workspace(workspace, ledger)
            assert other.name != name
    assert told == []
    looked = mailer("doctor", at=north)
    shown = " ".join((looked.stdout + looked.stderr).split())
    assert "another workspace has the same send log: M-0002" in shown


@pytest.mark.parametrize("meanwhile", ["nothing", "the first is paused", "the first is put off"])
def test_two_that_are_due_at_the_same_moment_are_both_sent(tmp_path: Path, meanwhile: str) -> None:
    """One after the other, which is said; whatever becomes of the first, the second is sent."""
    slow = {address(1): Trick.LATER} if meanwhile == "the first is put off" else {}
    with Mailbox(tmp_path / "mailbox", slow) as box:
        root = a_workspace(tmp_path / "work", box.port, people=6, per_minute=240)
        shutil.copytree(root / "templates" / "appeal", root / "templates" / "another")
        planned(root)
        said(mailer("plan", "another", at=root))
        for number in (1, 2):
            its_hour_comes(root, timedelta(0), number)
        with Sending(root, "work", "--service", talk=True) as service:
            while "M-0001: beginning" not in (line := service.says()):
                assert "M-0002" not in line
            if meanwhile == "the first is paused":
                wait_for(lambda: "accepted" in states(root).values())
                with Ledger(load_workspace(root).ledger_url) as ledger:
                    mail_outs.pause(ledger, 1, who="Jana")
            wait_for(
                lambda: list(states(root, "M-0002").values()).count("accepted") == 6 - len(slow)
            )
            if meanwhile == "nothing":
                wait_for(lambda: set(states(root).values()) == {"accepted"})
            wait_for(lambda: "sending" not in states(root).values())
            service.end(signal.SIGTERM)
        assert max(box.seen.values()) <= 2  # each of the two appeals once
        with Ledger(load_workspace(root).ledger_url) as ledger:
            first = the_mail_out(ledger).state
    after = {
        "nothing": MailOutState.FINISHED,
        "the first is paused": MailOutState.PAUSED,
        "the first is put off": MailOutState.SENDING,
    }
    assert first is after[meanwhile]


def test_what_was_begun_with_other_settings_and_nobody_sends_is_told_once(
    tmp_path: Path, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = a_workspace(tmp_path / "work", box.port, people=3)
    planned(root)
    told: list[str] = []
    monkeypatch.setattr(_Service, "tell", lambda _self, _mail_out, what: told.append(what))
    with Ledger(load_workspace(root).ledger_url) as ledger:
        with ledger.writing() as connection:
            mailouts.change(connection, 1, MailOutState.SENDING, at=ledger.now(), who="Jana")
        the_settings_have_changed(root)
        service = a_service(root, ledger, monkeypatch)
        service.look_once()
        service.look_once()
    assert ["could not go on: it was planned for another" in one for one in told] == [True]
    assert not box.seen


def test_two_services_at_once_send_each_letter_once(tmp_path: Path, box: Mailbox) -> None:
    root = a_workspace(tmp_path / "work", box.port, people=30)
    planned(root)
    its_hour_comes(root)
    with Sending(root, "work", "--service", talk=True) as one:
        with Sending(root, "work", "--service", talk=True) as other:
            wait_for(lambda: sum(box.seen.values()) >= 30)
            wait_for(lambda: set(states(root).values()) == {"accepted"})
            other.end(signal.SIGTERM)
        one.end(signal.SIGTERM)
    assert set(box.seen.values()) == {1}
    assert len(box.seen) == 30


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
