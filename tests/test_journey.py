"""Facts about the whole path, by the real command line against real servers: from the sheets to a
complete send log.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import fcntl
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from mailer.base.address import allowed
from mailer.base.errors import Refused
from mailer.base.states import MailOutState, State
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading.counts import count
from mailer.sending.demo_server import Mailbox, Trick
from mailer.sending.dispatch import Dispatch
from mailer.sending.smtp.session import Patience, Server, SmtpSession
from tests.conftest import a_contact
from tests.helpers import workspaces
from tests.helpers.children import Child
from tests.helpers.sendings import sending_options
from tests.helpers.stubborn_server import SILENCE, StubbornServer
from tests.helpers.workspaces import (
    CLOSED_PORT,
    ROOT,
    Sending,
    Terminal,
    a_workspace,
    address,
    data,
    edit,
    environment,
    lines,
    mailer,
    people,
    planned,
    process,
    repository,
    row,
    said,
    states,
    write_sheet,
)  # fmt: skip
from tests.sending.test_smtp_peers import SINK

STATES = {state.value for state in State}
MakeWorkspace = Callable[..., Path]


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Mailbox]:
    """A real mail server that takes everything, and keeps it."""
    with Mailbox(tmp_path / "mailbox") as mailbox:
        yield mailbox


@pytest.fixture
def workspace(tmp_path: Path, box: Mailbox) -> MakeWorkspace:
    """Call it with the arguments of `a_workspace` for one whose server is `box`."""
    return lambda **more: a_workspace(tmp_path / "work", box.port, **more)


def letters(folder: Path) -> Iterator[EmailMessage]:
    for path in sorted(folder.glob("*.eml")):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        yield message


# --------------------------------------------------------------------------------------------- demo


@dataclass(frozen=True)
class Shown:
    """What one run of the demo left, with --json and without a terminal."""

    folder: Path
    events: list[dict[str, Any]]
    stderr: str
    connections: list[str]

    @property
    def workspace(self) -> Path:
        return Path(self.events[-1]["workspace"])


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """Run the demo once for all: on a workspace whose settings point elsewhere, with variables that
    do so too.
    """
    shared = (
        tmp_path_factory.getbasetemp().parent
        if "popen-gw" in str(tmp_path_factory.getbasetemp())
        else None
    )
    folder = (shared or tmp_path_factory.mktemp("once")) / "demo"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:  # the other worker waits for this one's run
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "stdout").exists():
            _run_demo(folder)
    events = [
        json.loads(line) for line in (folder / "stdout").read_text(encoding="utf-8").splitlines()
    ]
    record = (folder / "connections").read_text(encoding="utf-8").splitlines()
    return Shown(folder, events, (folder / "stderr").read_text(encoding="utf-8"), record)


def _run_demo(folder: Path) -> None:
    root = repository(folder / "elsewhere")
    config = (root / "config.toml").read_text(encoding="utf-8")
    config = re.sub(
        r"\[smtp\].*?(?=\n\[limits\])",
        '[smtp]\nhost = "smtp.elsewhere.example"',
        config,
        flags=re.DOTALL,
    )
    config = re.sub(
        r"\[safety\].*?(?=\n\[contacts\])",
        '[safety]\nmode = "live"\nallow = ["@rights.example"]\n',
        config,
        flags=re.DOTALL,
    )
    (root / "config.toml").write_text(config, encoding="utf-8")
    away = {
        "MAILER_SMTP_HOST": "smtp.elsewhere.example",
        "MAILER_SMTP_PORT": "no port",
        "MAILER_SAFETY_MODE": "live",
    }
    command = [
        sys.executable,
        ROOT / "tests" / "helpers" / "watched.py",
        folder / "connections",
        "demo",
        "--json",
    ]
    found = subprocess.run(
        command, cwd=root, env=environment(**away), stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=100, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    (folder / "stderr").write_text(found.stderr, encoding="utf-8")
    (folder / "stdout").write_text(found.stdout, encoding="utf-8")


def test_demo_accounts_for_all_612_people(demo: Shown) -> None:
    finished = demo.events[-1]
    assert set(finished) == {"event", "workspace", "mail_out", "counts"}
    assert finished["event"] == "finished"
    assert set(finished["counts"]) == STATES
    assert sum(finished["counts"].values()) == 612
    assert finished["counts"] == dict.fromkeys(STATES, 0) | {
        "accepted": 576, "refused": 8, "unknown": 1, "skipped": 27,
    }  # fmt: skip


def test_demo_leaves_out_exactly_those_it_must(demo: Shown) -> None:
    everyone = people(demo.workspace, demo.events[-1]["mail_out"])
    assert Counter(one["reason"] for one in everyone if one["state"] == "skipped") == {
        "delegation": 12, "no_address": 9, "on_hold": 4, "bad_address": 2,
    }  # fmt: skip
    assert {one["delegation"] for one in everyone if one["reason"] == "delegation"} == {"AZ"}
    assert len({one["delegation"] for one in everyone}) == 46
    assert Counter(one["role"] == "substitute" for one in everyone) == {True: 306, False: 306}
    assert all(one["address"].endswith(".example") for one in everyone if one["state"] != "skipped")


def test_demo_says_one_event_a_line_and_each_letter_has_its_last_word(demo: Shown) -> None:
    *events, _ = demo.events
    assert {event["event"] for event in events} == {"outcome"}
    last = {event["delivery"]: event["state"] for event in events}
    assert Counter(last.values()) == {"accepted": 571, "refused": 8, "unknown": 1}
    assert sum(event["state"] == "deferred" for event in events) == 4, (
        "they were tried again, and reached"
    )
    assert demo.stderr == "", "with --json there is no talk"


def test_demo_connects_to_this_computer_alone_whatever_the_settings_say(demo: Shown) -> None:
    assert demo.connections
    elsewhere = [line for line in demo.connections if "'127.0.0.1'" not in line]
    assert not elsewhere


def test_demo_letters_are_those_that_were_accepted_or_may_have_been(demo: Shown) -> None:
    kept = {path.name.removesuffix(".eml") for path in (demo.workspace / "mailbox").glob("*.eml")}
    found = states(demo.workspace, demo.events[-1]["mail_out"])
    assert kept == {one for one, state in found.items() if state in ("accepted", "unknown")}


def test_demo_workspace_reaches_nobody_when_somebody_sends_from_it_afterwards(demo: Shown) -> None:
    plan = data(mailer("plan", "azerbaijan-credentials", "--json", at=demo.workspace))
    assert plan["to_send"] == 0
    assert "the demo alone" in said(mailer(at=demo.workspace))
    live = environment(MAILER_SAFETY_MODE="live")
    assert "never goes live" in said(
        process("plan", "azerbaijan-credentials", at=demo.workspace, env=live), 2
    )


def test_demo_without_a_terminal_ends_by_itself_and_can_be_run_again(tmp_path: Path) -> None:
    left = tmp_path / "demo-workspace"
    left.mkdir()
    (left / "mine.txt").write_text("not the demo's", encoding="utf-8")
    refused = process("demo", at=ROOT, cwd=tmp_path)
    assert "was not made by the demo" in said(refused, 3)
    assert (left / "mine.txt").exists()
    (left / "mine.txt").rename(left / ".made-by-mailer-demo")
    found = process("demo", at=ROOT, cwd=tmp_path)
    shown = said(found)
    assert "612 members of 46 delegations" in found.stderr
    for words in (
        "576  ✓  accepted for delivery",
        "8  ✗  refused",
        "1  ?  unknown",
        "27  –  left out",
    ):
        assert words in found.stdout
    assert found.stdout.index("Germany") < found.stdout.index("Azerbaijan"), "worst first"
    assert "12 left out: the appeal concerns this delegation" in found.stdout
    assert "580 of 580 · 100 %" in found.stderr
    (command,) = re.findall(r"mailer (-C demo-workspace log people .*)", shown)
    assert len(lines(process(*command.split(), "--json", cwd=tmp_path))) == 9, (
        "the next command can be typed as it is"
    )


def test_demo_that_is_interrupted_says_so_and_begins_anew(tmp_path: Path) -> None:
    root = a_workspace(tmp_path / "work", CLOSED_PORT, people=60)
    edit(root / "config.toml", "connections = 2", "connections = 1")
    command = [*workspaces.MAILER, "-C", str(root), "demo", "--json"]
    with Child(
        command,
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert json.loads(out.splitlines()[-1])["counts"]["waiting"] > 0
    assert "begins anew" in err and "Traceback" not in err


SCREENS = {
    "status": ("status", "M-0001"),
    "delegations": ("log", "delegations", "M-0001"),
    "people": ("log", "people", "M-0001", "--state", "refused,unknown,left out"),
    "story": ("log", "show", "M-0001", "1"),
    "letter": ("preview", "azerbaijan-credentials", "--as", "Großbeispiel, Heinz"),
    "plan": ("plan", "azerbaijan-credentials", "--only", "MT"),
}


@pytest.mark.parametrize("columns", [60, 80])
@pytest.mark.parametrize("screen", SCREENS)
def test_screens_fit_their_columns(
    demo: Shown, screen: str, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = said(mailer(*SCREENS[screen], at=demo.workspace))
    commands = "mailer -C "  # these stay in one piece, to be copied
    assert not [line for line in shown.splitlines() if len(line) > columns and commands not in line]


# --------------------------------------------------------------------------- the letter on the wire


def test_letter_on_the_wire_is_a_proper_personal_message(demo: Shown) -> None:
    everyone = people(demo.workspace, demo.events[-1]["mail_out"])
    log = {one["address"]: one for one in everyone if one["state"] != "skipped"}
    languages = set()
    for path in sorted((demo.workspace / "mailbox").glob("*.eml"))[::12]:
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        assert message.get_content_type() == "multipart/alternative"
        bodies = [message.get_body(kind) for kind in (("plain",), ("html",))]
        assert all(bodies), "the letter, and the same with its pictures"
        for name in ("From", "To", "Reply-To", "Subject", "Date", "Message-ID", "List-Unsubscribe"):
            assert len(message.get_all(name, [])) == 1, name
        assert not message.get_all("Cc", []) and not message.get_all("Bcc", [])
        (to,) = message["To"].addresses
        one = log[to.addr_spec]
        # RFC 2047 joins encoded words that stand beside each other; Python's newer parser forgets
        # to.
        shown = make_header(decode_header(email.message_from_bytes(path.read_bytes())["To"]))
        names, _, address = str(shown).strip('"').rpartition(" <")
        assert one["name"] in names.strip('"').split(", ") and address == f"{to.addr_spec}>"
        assert message["From"].addresses[0].addr_spec == "appeals@rights.example"
        assert "@" in message["Reply-To"].addresses[0].addr_spec
        assert message["Message-ID"] == one["message_id"]
        assert re.fullmatch(r"<[a-z2-7]{26}@rights\.example>", message["Message-ID"])
        assert (
            message["Date"].datetime is not None
            and message["Date"].datetime.utcoffset() is not None
        )
        assert re.match(r"<mailto:[^>]+@rights\.example\?subject=\w+>", message["List-Unsubscribe"])
        language = message["Content-Language"]
        languages.add(language)
        assert language == one["language"]
        for body in bodies:
            text = body.get_content() if body else ""
            assert "Coalition for Rights" in text, "who writes"
            assert "1 rue de l" in text
            assert "answers@rights.example" in text or "stop" in text, "how to object"
            assert "{{" not in text and "{%" not in text
        raw = path.read_bytes()
        others = [
            other for other in log if other and other != to.addr_spec and other.encode() in raw
        ]
        assert not others, "one person's letter holds nobody else's address"
        assert max(map(len, raw.split(b"\r\n"))) <= 998
        assert raw.isascii()
    assert {"en", "fr"} <= languages


# ------------------------------------------------------------------------------ plan, send, the log


def test_every_person_of_the_sheets_is_planned_sent_and_on_record(
    workspace: MakeWorkspace, box: Mailbox
) -> None:
    rows = [row(number) for number in range(1, 7)] + [
        row(7, address=""),
        row(8, address=address(1)),
    ]
    root = workspace(rows=rows)
    box.tricks |= {address(2): Trick.NO_SUCH_MAILBOX, address(3): Trick.HANGS_UP}
    plan = planned(root)
    assert plan.keys() >= {"mail_out", "appeal", "to_send", "delegations", "hash"}
    assert sum(plan["reasons"].values()) == plan["left_out"]
    assert (plan["mail_out"], plan["appeal"], plan["to_send"], plan["left_out"]) == (
        "M-0001",
        "appeal",
        6,
        2,
    )
    assert plan["delegations"] == {
        "DE": {"to_send": 2, "left_out": 0}, "FR": {"to_send": 2, "left_out": 1},
        "NO": {"to_send": 2, "left_out": 1},
    }  # fmt: skip
    assert not box.asked, "a plan writes to nobody"

    *events, finished = lines(process("send", "M-0001", "--confirm", 6, "--json", at=root), 1)
    assert {event["event"] for event in events} == {"outcome"} and len(events) == 6
    assert set(finished) == {"event", "workspace", "mail_out", "counts"}
    assert (finished["event"], finished["mail_out"]) == ("finished", "M-0001")

    status = data(process("status", "M-0001", "--json", at=Path(finished["workspace"])))
    keys = (
        "mail_out state planned counts needs_a_person came_back delegations"
        " title why back schedule starts_at notes"
    )
    assert " ".join(status) == keys
    assert status["counts"] == finished["counts"]
    assert set(status["counts"]) == STATES
    assert sum(status["counts"].values()) == status["planned"] == 8
    assert (
        sum(number for counts in status["delegations"].values() for number in counts.values()) == 8
    )
    assert status["state"] == "finished"

    everyone = people(root)
    assert len(everyone) == 8
    for one in everyone:
        assert list(one) == [
            "delivery", "name", "address", "delegation", "role", "language", "state", "reason",
            "detail", "code", "enhanced", "text", "attempts", "came_back", "message_id", "at",
        ]  # fmt: skip
    by_address = {one["address"]: one for one in everyone if one["state"] != "skipped"}
    assert by_address[address(2)]["state"] == "refused"
    assert (by_address[address(2)]["code"], by_address[address(2)]["enhanced"]) == (550, "5.1.1")
    assert by_address[address(3)]["state"] == "unknown"
    assert [one["reason"] for one in everyone if one["state"] == "skipped"] == [
        "no_address",
        "same_address",
    ]
    assert box.seen == {address(number): 1 for number in (1, 3, 4, 5, 6)}


def test_send_again_after_the_end_writes_to_nobody(workspace: MakeWorkspace, box: Mailbox) -> None:
    root = workspace(people=3)
    planned(root)
    for _ in range(2):
        *_, finished = lines(mailer("send", "M-0001", "--confirm", 3, "--json", at=root))
        assert finished["counts"]["accepted"] == 3
    assert set(box.seen.values()) == {1}


def test_data_goes_to_stdout_and_talk_to_stderr(workspace: MakeWorkspace) -> None:
    root = workspace(people=3)
    plan = process("plan", "appeal", cwd=root)
    assert "3 people, all accounted for" in plan.stdout and "mailer send M-0001" in plan.stderr
    sent = process("send", "M-0001", "--confirm", "3", cwd=root)
    assert "accepted for delivery" in sent.stdout
    assert "M-0001 is finished" in sent.stderr and "100 %" in sent.stderr
    quiet = process("status", "M-0001", "-q", cwd=root)
    assert quiet.stdout and not quiet.stderr


def test_the_workspace_is_chosen_before_or_after_the_command(
    workspace: MakeWorkspace, tmp_path: Path
) -> None:
    root = workspace(people=2)
    before, after = (
        planned(root),
        data(process("plan", "appeal", "--json", "-C", root, cwd=tmp_path)),
    )
    assert (before["mail_out"], after["mail_out"]) == ("M-0001", "M-0002")
    shown = said(mailer("plan", "appeal", at=root))
    assert f"mailer -C {root} log people M-0003" in shown, (
        "what can be typed next can be typed as it stands"
    )


def test_check_tells_each_problem_with_its_cell(workspace: MakeWorkspace) -> None:
    root = workspace(rows=[row(1), row(2, address="person2 no.parliament.example")])
    found = data(mailer("check", "--json", at=root), 1)
    assert set(found) == {
        *("problems", "contacts", "delegations", "obstacles"),
        *("asked", "files"),  # by --online, and what goes along
    }
    assert (found["contacts"], found["delegations"]) == (2, 2)
    (problem,) = [one for one in found["problems"] if one["severity"] == "error"]
    assert list(problem) == [
        "code", "severity", "message", "file", "sheet", "cell", "row", "column", "value",
        "suggestion",
    ]  # fmt: skip
    assert (problem["file"], problem["cell"], problem["severity"]) == (
        "contacts/members.csv",
        "3:6",
        "error",
    )
    assert problem["value"] == "person2 no.parliament.example"


@pytest.mark.skipif(SINK is None, reason="smtp-sink is not installed (Debian: postfix)")
def test_postfix_takes_the_letters_of_a_whole_mail_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    root = a_workspace(tmp_path / "work", port, people=30, connections=4)
    planned(root)
    user = ("-u", "nobody") if Path("/proc/self").stat().st_uid == 0 else ()
    assert SINK is not None
    with Child([SINK, *user, "-c", f"127.0.0.1:{port}", "64"], stdout=subprocess.DEVNULL) as sink:
        try:
            until = time.monotonic() + 20
            while time.monotonic() < until:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.02)
            *_, finished = lines(process("send", "M-0001", "--confirm", 30, "--json", at=root))
        finally:
            sink.terminate()
    assert finished["counts"]["accepted"] == 30


# ------------------------------------------------------------------------------------ test and live


def test_allow_list_decides_in_test_mode_and_subdomains_do_not_count(
    workspace: MakeWorkspace, box: Mailbox
) -> None:
    rows = [
        row(3, address="exact@elsewhere.example"),
        row(4, address="other@elsewhere.example"),
        row(5, address=address(5)),
    ]
    rows.append(row(6, address="person@sub.no.parliament.example"))
    root = workspace(rows=rows, allow=("exact@elsewhere.example", "@no.parliament.example"))
    assert planned(root)["to_send"] == 2
    lines(mailer("send", "M-0001", "--confirm", 2, "--json", at=root))
    assert set(box.asked) == {"exact@elsewhere.example", address(5)}
    assert [one["reason"] for one in people(root) if one["state"] == "skipped"] == [
        "test_mode",
        "test_mode",
    ]


async def test_transport_enforces_the_allow_list_once_more_and_the_mail_out_pauses(
    ledger: Ledger, planned: Callable[..., int], box: Mailbox
) -> None:
    """Whatever a plan says: only what the allow-list names goes out."""
    mail_out_id = planned(6)
    allow, outside = [a_contact(number).address for number in range(1, 6)], a_contact(6).address
    server = Server("127.0.0.1", box.port, "none", None, None, helo="rights.example")
    options = sending_options(connections=1)
    with pytest.raises(Refused, match="not on the allow-list"):
        await Dispatch(
            ledger,
            mail_out_id,
            lambda: SmtpSession(server, Patience(), lambda one: allowed(one, allow)),
            options,
        ).run()
    assert outside not in box.asked
    with ledger.reading() as connection:
        after = mailouts.get(connection, mail_out_id)
        assert after.state is MailOutState.PAUSED and "allow-list" in after.why
        assert count(connection, mail_out_id).letters[State.WAITING] >= 1


def test_nobody_on_the_allow_list_is_said_with_what_to_do(workspace: MakeWorkspace) -> None:
    root = workspace(people=3, allow=())
    shown = said(mailer("plan", "appeal", at=root))
    assert (
        "0  get a letter" in shown
        and "test mode: not on the allow-list" in shown
        and "safety.allow" in shown
    )
    assert "Dear Ms Exemplová" in said(mailer("preview", "appeal", "--as", "Example2", at=root))
    assert "test mode" in said(mailer("preview", "appeal", at=root)), (
        "without a name: the first person"
    )
    *_, finished = lines(mailer("send", "M-0001", "--json", at=root))
    assert finished["counts"]["skipped"] == 3


def test_live_mode_refuses_the_repository_and_an_invented_session(
    tmp_path: Path, box: Mailbox
) -> None:
    own = repository(tmp_path / "own")
    edit(own / "config.toml", 'mode = "test"', 'mode = "live"')
    assert "config.toml" in said(mailer("plan", "azerbaijan-credentials", at=own), 2)
    root = a_workspace(tmp_path / "work", box.port, people=2, mode="live", allow=())
    assert planned(root)["to_send"] == 2
    shown = said(mailer("send", "M-0001", "--confirm", "2", at=root), 3)
    assert "invented" in shown and "appeal.toml" in shown and "Nothing was sent" in shown
    assert not box.asked


def test_live_mode_sends_what_was_signed_to_everybody_and_what_was_not_to_nobody(
    workspace: MakeWorkspace, box: Mailbox
) -> None:
    root = workspace(rows=[row(2), row(5)], mode="live", allow=())
    edit(root / "templates" / "appeal" / "appeal.toml", "invented = true", "invented = false")
    planned(root)
    assert "has not signed" in said(mailer("send", "M-0001", "--confirm", "2", at=root), 3)
    assert not box.asked
    said(mailer("letters", "sign", "appeal", "Rights Example", "--by", "Jana Novak", at=root))
    edit(
        root / "config.toml",
        'organisation = "Rights Example"',
        'organisation = "Your Organisation"',
    )
    planned(root)
    assert "sender.organisation is not filled in yet" in said(
        mailer("send", "M-0002", "--confirm", "2", at=root), 3
    )
    edit(
        root / "config.toml",
        'organisation = "Your Organisation"',
        'organisation = "Rights Example"',
    )
    *_, finished = lines(mailer("send", "M-0001", "--confirm", "2", "--json", at=root))
    assert finished["counts"]["accepted"] == len(box.seen) == 2


# --------------------------------------------------------------------------------- the typed number


@pytest.mark.parametrize("columns", [60, 120])
def test_number_of_people_is_typed_at_the_terminal(
    workspace: MakeWorkspace, box: Mailbox, columns: int
) -> None:
    root = workspace(people=4)
    planned(root)
    with Terminal(root, "send", "M-0001", columns=columns) as terminal:
        terminal.wait_for("Type 4 to send")
        assert not box.asked
        terminal.type("4")
        assert terminal.end() == 0
        assert "M-0001 is finished" in terminal.shown and "█" in terminal.shown
        assert "mailer -C" in terminal.shown
        plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.shown)
        wide = [
            line
            for part in re.split(r"[\r\n]", plain)
            if len(line := part.rstrip()) > columns and "mailer -C" not in line
        ]
        assert not wide
    assert len(box.seen) == 4


@pytest.mark.parametrize(("answer", "code"), [("", 3), ("3", 3), (None, 130)])
def test_any_other_answer_sends_nothing(
    workspace: MakeWorkspace, box: Mailbox, answer: str | None, code: int
) -> None:
    root = workspace(people=4)
    planned(root)
    with Terminal(root, "send", "M-0001") as terminal:
        terminal.wait_for("Type 4 to send")
        if answer is None:
            terminal.interrupt()
        else:
            terminal.type(answer)
        assert terminal.end() == code
        assert "Nothing was sent" in terminal.shown
    assert not box.asked


def test_number_on_the_command_line_must_be_the_plans(
    workspace: MakeWorkspace, box: Mailbox
) -> None:
    root = workspace(people=4)
    planned(root)
    wrong = said(mailer("send", "M-0001", "--confirm", "5", at=root), 3)
    assert "writes to 4 people, not to 5. Nothing was sent" in wrong
    missing = said(mailer("send", "M-0001", at=root), 2)
    assert "--confirm 4" in missing and "Nothing was sent" in missing
    as_json = data(mailer("send", "M-0001", "--confirm", "5", "--json", at=root), 3)
    assert (as_json["code"], as_json["exit"]) == ("S202", 3)
    assert not box.asked


# ------------------------------------------------------------------------------- what changed since


def _a_cell_of_a_workbook(root: Path) -> None:
    book = openpyxl.load_workbook(root / "contacts" / "more.xlsx")
    book["Members"]["C2"] = "another@no.parliament.example"
    book.save(root / "contacts" / "more.xlsx")


CHANGES: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "cell of a CSV file": (
        lambda root: edit(
            root / "contacts" / "members.csv", address(2), "new@fr.parliament.example"
        ),
        ["contacts/members.csv:3:6", address(2), "new@fr.parliament.example"],
    ),
    "cell of a workbook": (
        _a_cell_of_a_workbook,
        [
            'contacts/more.xlsx · sheet "Members" · cell C2',
            "old@no.parliament.example",
            "another@no.parliament.example",
        ],
    ),
    "line of a letter": (
        lambda root: edit(root / "templates" / "appeal" / "fr.md", "Nous vous", "Nous, on vous"),
        ["templates/appeal/fr.md:6", "Nous, on vous"],
    ),
    "setting": (
        lambda root: edit(root / "config.toml", "Jana Novak", "Marta Novak"),
        ["config.toml", "sender.from", "Marta Novak"],
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_stale_plan_is_refused_and_what_changed_is_named(
    workspace: MakeWorkspace, box: Mailbox, change: str
) -> None:
    root = workspace(people=3)
    book = openpyxl.Workbook()
    tab = book.active
    assert tab is not None
    tab.title = "Members"
    for cells in (
        ["delegation", "name", "e-mail"],
        ["NO", "Kari Eksempel", "old@no.parliament.example"],
    ):
        tab.append(cells)
    book.save(root / "contacts" / "more.xlsx")
    assert planned(root)["to_send"] == 4
    do, places = CHANGES[change]
    do(root)
    shown = said(mailer("send", "M-0001", "--confirm", "4", at=root), 3)
    assert "no longer matches" in shown and "Nothing was sent" in shown and "plan appeal" in shown
    for place in places:
        assert place in shown
    assert not box.asked


def test_once_begun_the_frozen_letters_go_out_and_only_the_settings_must_agree(
    workspace: MakeWorkspace, box: Mailbox
) -> None:
    root = workspace(people=30, per_minute=600)
    planned(root)
    with Sending(root, "send", "M-0001", "--confirm", "30") as sending:
        sending.events(3)
        assert sending.end(signal.SIGINT)[0] == 130
    edit(root / "templates" / "appeal" / "en.md", "We write to you", "We shout at you")
    edit(root / "config.toml", "per_minute = 600", "per_minute = 0")
    edit(root / "config.toml", "Jana Novak", "Marta Novak")
    assert "begun with other settings" in said(mailer("resume", "M-0001", at=root), 3)
    edit(root / "config.toml", "Marta Novak", "Jana Novak")
    lines(mailer("resume", "M-0001", "--json", at=root))
    assert len(box.seen) == 30 and set(box.seen.values()) == {1}
    assert not any("shout" in str(letter) for letter in letters(box.folder))


# ----------------------------------------------------------------------------- nobody a second time


def test_second_plan_leaves_out_everyone_with_the_mail_out_named(
    workspace: MakeWorkspace, box: Mailbox
) -> None:
    root = workspace(people=4)
    box.tricks[address(1)] = Trick.HANGS_UP
    box.tricks[address(2)] = Trick.NO_SUCH_MAILBOX
    planned(root)
    assert planned(root)["to_send"] == 0, "those who are about to be written to"
    lines(mailer("send", "M-0001", "--confirm", 4, "--json", at=root), 1)
    write_sheet(root, [row(number) for number in range(1, 6)])
    third = mailer("plan", "appeal", at=root)
    assert "already written to" in third.stdout and "in M-0001: " in third.stdout
    found = {one["address"]: one for one in people(root, "M-0003")}
    assert found[address(5)]["state"] == "waiting"
    assert found[address(2)]["state"] == "waiting", (
        "who was refused may be tried again by a new plan"
    )
    for number in (1, 3, 4):
        assert found[address(number)]["reason"] == "already_written"
    assert "M-0001" in said(mailer("log", "show", "M-0003", address(3), at=root))


def test_retry_plans_the_rest_with_corrected_sheets(workspace: MakeWorkspace, box: Mailbox) -> None:
    rows = [row(number) for number in range(1, 7)] + [row(7, address="")]
    root = workspace(rows=rows)
    box.tricks = {address(number): Trick.NO_SUCH_MAILBOX for number in (2, 3)}
    planned(root)
    assert "mailer send M-0001" in said(mailer("retry", "M-0001", at=root), 2).replace(
        f"-C {root} ", ""
    )
    lines(mailer("send", "M-0001", "--confirm", 6, "--json", at=root), 1)
    rows[1] = row(2, address="right2@no.parliament.example")
    rows[6] = row(7)
    write_sheet(root, rows)
    retry = data(mailer("retry", "M-0001", "--json", at=root))
    assert retry["to_send"] == 2, (
        "the corrected address and the one that was missing, not the same dead address again"
    )
    again = data(mailer("retry", "M-0001", "--refused", "--only", "DE", "--json", at=root))
    assert {code: one["to_send"] for code, one in again["delegations"].items()} == {
        "DE": 1,
        "FR": 0,
        "NO": 0,
    }
    *_, finished = lines(mailer("send", "M-0002", "--confirm", 2, "--json", at=root))
    assert finished["counts"]["accepted"] == 2
    assert set(box.seen) == {address(number) for number in (1, 4, 5, 6, 7)} | {
        "right2@no.parliament.example"
    }
    assert set(box.seen.values()) == {1}


def test_retry_is_for_those_who_were_chosen_and_nobody_else(
    workspace: MakeWorkspace, box: Mailbox
) -> None:
    root = workspace(people=6)
    box.tricks[address(1)] = Trick.NO_SUCH_MAILBOX
    assert planned(root, "--only", "FR")["to_send"] == 2
    lines(mailer("send", "M-0001", "--confirm", 2, "--json", at=root), 1)
    retry = data(mailer("retry", "M-0001", "--refused", "--json", at=root))
    assert {code: one["to_send"] for code, one in retry["delegations"].items()} == {
        "DE": 0,
        "FR": 1,
        "NO": 0,
    }


def test_two_processes_that_send_at_once_write_to_nobody_twice(
    workspace: MakeWorkspace, box: Mailbox
) -> None:
    root = workspace(people=60)
    planned(root)
    with (
        Sending(root, "send", "M-0001", "--confirm", "60") as one,
        Sending(root, "send", "M-0001", "--confirm", "60") as two,
    ):
        ends = [one.end(), two.end()]
    assert [code for code, *_ in ends] == [0, 0]
    assert len(box.seen) == 60 and set(box.seen.values()) == {1}
    assert set(states(root).values()) == {"accepted"}


def test_person_held_after_the_plan_is_not_written_to(
    workspace: MakeWorkspace, box: Mailbox
) -> None:
    root = workspace(people=30, per_minute=600)
    planned(root)
    with Sending(root, "send", "M-0001", "--confirm", "30") as sending:
        sending.events(2)
        sending.end(signal.SIGINT)
    waiting = [one["address"] for one in people(root) if one["state"] == "waiting"]
    held = next(address for address in waiting if address not in box.asked)
    hold = f"address,name,delegation,because,since,by\n{held},,,asked for it,2026-11-01,Ilse\n"
    (root / "contacts" / "_hold.csv").write_text(hold, encoding="utf-8")
    edit(root / "config.toml", "per_minute = 600", "per_minute = 0")
    found = mailer("send", "M-0001", "--confirm", "30", at=root)
    assert "1 person is on the hold list since the plan" in said(found, 1)
    assert held not in box.asked and len(box.seen) == 29
    assert next(one["reason"] for one in people(root) if one["address"] == held) == "on_hold"


# ------------------------------------------------------------------------------ pause, stop, Ctrl-C


def test_ctrl_c_ends_within_a_second_and_send_goes_on_where_it_was(
    workspace: MakeWorkspace, box: Mailbox
) -> None:
    root = workspace(people=40, per_minute=1200)
    planned(root)
    with Sending(root, "send", "M-0001", "--confirm", "40") as sending:
        sending.events(5)
        code, rest, err, seconds = sending.end(signal.SIGINT)
    seen = box.seen.total()
    assert code == 130
    assert seconds < 9, (
        "a second, and what a busy computer needs; waiting for answers would take ten"
    )
    finished = rest[-1]
    assert finished["counts"]["accepted"] == seen < 40
    assert finished["counts"]["waiting"] == 40 - seen
    assert "nobody will be written to twice" in err and "resume M-0001" in err
    assert data(mailer("status", "M-0001", "--json", at=root))["state"] == "paused"
    assert box.seen.total() == seen, "nothing came after it had ended"
    edit(root / "config.toml", "per_minute = 1200", "per_minute = 0")
    *_, finished = lines(mailer("send", "M-0001", "--confirm", 40, "--json", at=root))
    assert finished["counts"]["accepted"] == 40
    assert len(box.seen) == 40 and set(box.seen.values()) == {1}


@pytest.mark.parametrize(
    ("word", "code", "left"), [("pause", 4, "waiting"), ("stop", 1, "not_sent")]
)
def test_another_window_can_pause_and_stop(
    workspace: MakeWorkspace, box: Mailbox, word: str, code: int, left: str
) -> None:
    root = workspace(people=60, per_minute=300)
    planned(root)
    with Sending(root, "send", "M-0001", "--confirm", "60") as sending:
        sending.events(3)
        counts = data(process(word, "M-0001", "--json", at=root))
        assert set(counts) == {"mail_out", "state", "counts"}
        seen = box.seen.total()
        ended, rest, _, _ = sending.end()
    assert ended == code
    assert box.seen.total() <= seen + 2, "only what was past its marker on two connections"
    assert rest[-1]["counts"]["accepted"] == box.seen.total()
    assert rest[-1]["counts"][left] == 60 - box.seen.total()
    again = mailer("send", "M-0001", "--confirm", "60", at=root) if word == "stop" else None
    if again is not None:
        assert "was stopped for good" in said(again, 3) and "retry M-0001" in again.stderr
        assert planned(root)["to_send"] == 60 - box.seen.total(), (
            "who was not written to can be planned anew"
        )


def test_ctrl_c_while_the_server_says_nothing_sends_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        root = a_workspace(tmp_path / "work", silent.getsockname()[1], people=2)
        planned(root)
        with Sending(root, "send", "M-0001", "--confirm", "2") as sending:
            connection, _ = silent.accept()
            with connection:
                code, _, err, seconds = sending.end(signal.SIGINT)
    assert code == 130 and seconds < 9
    assert "Nothing was sent" in err
    assert data(mailer("status", "M-0001", "--json", at=root))["state"] == "planned"


async def test_second_ctrl_c_ends_at_once_and_says_how_many_became_unknown(tmp_path: Path) -> None:
    async with StubbornServer({".": SILENCE}) as server:
        root = a_workspace(tmp_path / "work", server.port, people=6, connections=2)
        await asyncio.to_thread(planned, root)
        with Sending(root, "send", "M-0001", "--confirm", "6") as sending:
            while len(server.dots) < 2:
                server.saw_a_dot.clear()
                await asyncio.wait_for(server.saw_a_dot.wait(), 30)
            sending.process.send_signal(signal.SIGINT)
            assert "Pausing" in await asyncio.to_thread(sending.says)
            code, rest, err, seconds = await asyncio.to_thread(sending.end, signal.SIGINT)
        assert len(server.dots) == 2, "nothing new was handed over"
    assert code == 130 and seconds < 9
    assert (rest[-1]["counts"]["unknown"], rest[-1]["counts"]["waiting"]) == (2, 4)
    assert "2 letters were handed over without an answer: unknown" in err


def test_what_cannot_be_done_now_is_said_in_words(workspace: MakeWorkspace) -> None:
    root = workspace(people=2)
    planned(root)
    assert "M-0001 has not begun; whoever was about to send it does not." in said(
        mailer("pause", "M-0001", at=root)
    )
    assert "M-0001 has not begun" in said(mailer("resume", "M-0001", at=root), 3)
    lines(mailer("send", "M-0001", "--confirm", 2, "--json", at=root))
    assert "M-0001 is finished; there is nothing to stop" in said(
        mailer("stop", "M-0001", at=root), 3
    )
    assert "There is no mail-out M-0009" in said(mailer("send", "M-0009", at=root), 2)


def test_past_the_last_day_nothing_is_planned(workspace: MakeWorkspace) -> None:
    root = workspace(people=2)
    folder = root / "templates" / "appeal"
    edit(folder / "appeal.toml", "title =", "last_day = 2020-01-31\ntitle =")
    shown = said(mailer("plan", "appeal", at=root), 1)
    assert "the last day of this appeal, or the vote, has passed" in shown
    assert "appeal.toml:" in shown


# ---------------------------------------------------------------------------------------- bad input


def _without_fallback(root: Path) -> None:
    edit(root / "templates" / "appeal" / "appeal.toml", 'fallback = ["en"]', "fallback = []")
    write_sheet(root, [row(1), row(3, language="de"), row(6, language="de")])


BAD: dict[str, tuple[Callable[[Path], None], int, list[str]]] = {
    "an undefined placeholder": (
        lambda root: edit(root / "templates" / "appeal" / "fr.md", "{{ closing }}", "{{ closng }}"),
        1,
        ["templates/appeal/fr.md:8:4", "{{ closng }}", 'did you mean "closing"'],
    ),
    "a language without a letter and without a fallback": (
        _without_fallback,
        1,
        ["templates/appeal/appeal.toml", "2 people have no letter", "de", "fallback = "],
    ),
    "a sheet that is none": (
        lambda root: (
            (root / "contacts" / "broken.xlsx").write_bytes(b"PK\x03\x04 not a workbook") and None
        ),
        1,
        ["contacts/broken.xlsx", "broken", "save it anew"],
    ),
    "a sheet without headings": (
        lambda root: (
            (root / "contacts" / "odd.csv").write_text("1,2,3\n4,5,6\n", encoding="utf-8") and None
        ),
        1,
        ["contacts/odd.csv"],
    ),
    "an unknown setting": (
        lambda root: edit(root / "config.toml", "port =", "prot ="),
        2,
        ["config.toml:8", "smtp.prot", 'did you mean "port"'],
    ),
    "a setting that cannot be": (
        lambda root: edit(root / "config.toml", "port = ", "port = 99"),
        2,
        ["config.toml:8: smtp.port"],
    ),
    "a setting that is not TOML": (
        lambda root: edit(root / "config.toml", 'security = "none"', "security = none"),
        2,
        ["config.toml:9"],
    ),
    "a line that everybody can read": (
        lambda root: edit(
            root / "config.toml", 'host = "127.0.0.1"', 'host = "smtp.rights.example"'
        ),
        2,
        ["config.toml:9: smtp.security", "starttls"],
    ),
    "an appeal that is not there": (
        lambda root: (
            (root / "templates" / "appeal").rename(root / "templates" / "appeals") and None
        ),
        2,
        ['no appeal called "appeal"', 'did you mean "appeals"'],
    ),
    "nobody in the sheets": (
        lambda root: write_sheet(root, []),
        2,
        ["nobody in the contact sheets", "contacts/"],
    ),
    "a hold list that cannot be read": (
        lambda root: (root / "contacts" / "_hold.csv").write_bytes(b"\x00\x01\x02\x00") and None,
        1,
        ["contacts/_hold.csv"],
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_gets_a_place_a_value_and_what_to_do(
    workspace: MakeWorkspace, box: Mailbox, what: str
) -> None:
    root = workspace(people=3)
    make, code, words = BAD[what]
    make(root)
    shown = said(process("plan", "appeal", at=root), code)
    for word in words:
        assert word in shown
    as_json = data(mailer("plan", "appeal", "--json", at=root), code)
    assert as_json["exit"] == code and as_json["error"]
    log = root / ".mailer" / "ledger.db"
    if log.exists():
        with Ledger(f"sqlite:///{log}") as ledger, ledger.reading() as connection:
            assert mailouts.all_of_them(connection) == []
    assert not box.asked


def test_check_finds_the_letters_that_are_missing(workspace: MakeWorkspace) -> None:
    root = workspace(people=1)
    _without_fallback(root)
    found = data(mailer("check", "--json", at=root), 1)
    assert [
        (one["code"], one["value"]) for one in found["problems"] if one["severity"] == "error"
    ] == [("L128", "de")]
    assert planned(root, "--only", "FR")["to_send"] == 1, (
        "those who are left out on purpose need no letter"
    )


def test_server_that_does_not_answer_is_said_and_the_plan_stays(tmp_path: Path) -> None:
    root = a_workspace(tmp_path / "work", CLOSED_PORT, people=2)
    planned(root)
    shown = said(mailer("send", "M-0001", "--confirm", "2", at=root), 5)
    assert f"127.0.0.1:{CLOSED_PORT}" in shown
    status = data(mailer("status", "M-0001", "--json", at=root))
    assert (status["state"], status["counts"]["waiting"]) == ("planned", 2)


async def test_server_that_refuses_the_sender_stops_the_mail_out_and_marks_nobody(
    tmp_path: Path,
) -> None:
    async with StubbornServer({"MAIL": b"550 5.7.60 you may not send as this\r\n"}) as server:
        root = a_workspace(tmp_path / "work", server.port, people=4)
        await asyncio.to_thread(planned, root)
        found = await asyncio.to_thread(process, "send", "M-0001", "--confirm", "4", at=root)
        assert server.dots == []
    shown = said(found, 5)
    assert (
        "you may not send as this" in shown
        and "M-0001 is paused" in shown
        and "resume M-0001" in shown
    )
    counts = (await asyncio.to_thread(lambda: data(mailer("status", "M-0001", "--json", at=root))))[
        "counts"
    ]
    assert counts["waiting"] + counts["deferred"] == 4


def test_mistake_of_the_whole_is_not_hidden_in_a_copy_of_the_repository(
    tmp_path: Path, box: Mailbox
) -> None:
    """The repository's own workspace, with a server and an allow-list: the whole of 612, to one
    delegation.
    """
    root = repository(tmp_path / "work")
    edit(root / "config.toml", "port = 2525", f"port = {box.port}")
    edit(root / "config.toml", 'allow = ["@rights.example"]', 'allow = ["@mt.parliament.example"]')
    plan = data(mailer("plan", "azerbaijan-credentials", "--json", at=root))
    assert (plan["to_send"], plan["left_out"]) == (6, 606)
    *_, finished = lines(mailer("send", "M-0001", "--confirm", 6, "--json", at=root))
    assert finished["counts"]["accepted"] == len(box.seen) == 6
    assert all(one.endswith("@mt.parliament.example") for one in box.seen)
    shutil.rmtree(root)
