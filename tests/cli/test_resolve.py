"""Facts about settling an unknown delivery from the command line, with real letters and a real
server.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailer.cli import cli
from mailer.sending.demo_server import Mailbox, Trick
from tests.sending.test_imap import SENT, Dovecot, dovecot, needs_dovecot

__all__ = ["dovecot"]  # the fixture: a mailbox with a folder of sent mail

RUN = Callable[..., Result]
ANNA, OLA = "anna.berg@no.parliament.example", "ola.dal@no.parliament.example"


@pytest.fixture
def run(tmp_path: Path) -> RUN:
    def run(*args: str) -> Result:
        return CliRunner().invoke(cli, ["-C", str(tmp_path / "work"), *args])

    return run


@pytest.fixture
def mailbox(tmp_path: Path, run: RUN) -> Iterator[Mailbox]:
    """M-0001 is sent to two people; the server hangs up after the letter of the first one."""
    root = tmp_path / "work"
    assert run("init", str(root)).exit_code == 0
    (root / "contacts" / "members.xlsx").unlink()
    (root / "contacts" / "norway.csv").write_text(
        f"Delegation,Name,E-mail,Language,Gender\nNO,Anna Berg,{ANNA},en,f\nNO,Ola"
        f" Dal,{OLA},en,m\n",
        encoding="utf-8",
    )
    with Mailbox(tmp_path / "box", {ANNA: Trick.HANGS_UP}) as mailbox:
        settings(root, mailbox.port)
        assert run("plan", "first-appeal").exit_code == 0
        assert run("send", "M-0001", "--confirm", "2").exit_code == 1
        yield mailbox


def settings(root: Path, port: int, more: str = "", allow: str = "@no.parliament.example") -> None:
    (root / "config.toml").write_text(
        '[sender]\nfrom = "Jana Novak <jana@rights.example>"\norganisation = "Rights"\n'
        f'[smtp]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n'
        f'[safety]\nallow = ["{allow}"]\n[limits]\nper_minute = 0\n{more}',
        encoding="utf-8",
    )


def state(run: RUN, mail_out: str, who: str) -> str:
    result = run("log", "show", mail_out, who, "--json")
    assert result.exit_code == 0, result.stderr
    found: str = json.loads(result.stdout)["state"]
    return found


def test_same_letter_goes_out_once_more_after_a_person_has_released_it(
    run: RUN, mailbox: Mailbox, tmp_path: Path
) -> None:
    first = (mailbox.folder / f"{ANNA}.eml").read_bytes()
    released = run(
        "resolve", "M-0001", "berg", "--resend", "--because", "no trace of it", "--by", "Marta"
    )
    assert released.exit_code == 0, released.stderr
    assert "M-0001-001 stays unknown. Nothing has been sent yet." in released.stderr
    assert mailbox.seen[ANNA] == 1
    mailbox.tricks.clear()
    sent = run("send", "M-0002", "--confirm", "1")
    assert sent.exit_code == 0, sent.stderr
    assert mailbox.seen[ANNA] == 2
    assert mailbox.seen[OLA] == 1
    assert (mailbox.folder / f"{ANNA}.eml").read_bytes() == first
    assert (state(run, "M-0001", "berg"), state(run, "M-0002", "berg")) == ("unknown", "accepted")
    told = run("log", "show", "M-0001", "berg").stdout
    assert "by Marta: to be sent again in M-0002: no trace of it" in told
    assert (
        "by Marta: the letter of M-0001-001, unknown there"
        in run("log", "show", "M-0002", "berg").stdout
    )


@pytest.mark.parametrize(
    ("flag", "became"), [("--accepted", "accepted"), ("--not-sent", "not_sent")]
)
def test_decision_is_recorded_with_name_and_reason(
    run: RUN, mailbox: Mailbox, flag: str, became: str
) -> None:
    result = run(
        "resolve", "M-0001-001", flag, "--because", "she answered", "--by", "Marta", "--json"
    )
    assert json.loads(result.stdout) == {
        "delivery": "M-0001-001",
        "state": became,
        "who": "Marta",
        "resend": None,
    }
    assert state(run, "M-0001", "berg") == became
    assert "Marta decided: she answered" in run("log", "show", "M-0001", "berg").stdout
    totals = run("status", "M-0001").stdout
    assert ("found not to have gone out" in totals) == (became == "not_sent")
    assert "no reason on record" not in totals


@pytest.mark.parametrize(
    ("args", "said", "code"),
    [
        (["M-0001", "dal", "--accepted", "--because", "x"], "Ola Dal is not unknown in M-0001", 3),
        (["M-0001", "berg", "--because", "x"], "What became of it?", 2),
        (["M-0001", "berg", "--accepted"], "--because", 2),
        (["M-0001", "berg", "--accepted", "--because", " "], "needs a name and a reason", 2),
        (["berg", "--accepted", "--because", "x"], "of which mail-out?", 2),
        (["M-0001", "nobody", "--accepted", "--because", "x"], "There is nobody like 'nobody'", 2),
    ],
)
def test_what_cannot_be_decided_is_said(
    run: RUN, mailbox: Mailbox, args: list[str], said: str, code: int
) -> None:
    result = run("resolve", *args)
    assert said in result.stderr
    assert result.exit_code == code
    assert state(run, "M-0001", "berg") == "unknown"


def test_nobody_is_released_whom_test_mode_or_the_hold_list_keeps_back(
    run: RUN, mailbox: Mailbox, tmp_path: Path
) -> None:
    settings(tmp_path / "work", mailbox.port, allow="@rights.example")
    result = run("resolve", "M-0001", "berg", "--resend", "--because", "x")
    assert (result.exit_code, "refused[S108]" in result.stderr) == (3, True)
    settings(tmp_path / "work", mailbox.port)
    assert run("contacts", "hold", "berg", "--because", "she objected").exit_code == 0
    result = run("resolve", "M-0001", "berg", "--resend", "--because", "x")
    assert (result.exit_code, "on the hold list: she objected" in result.stderr) == (3, True)


def test_unknown_letter_is_shown_with_what_there_is_to_decide_by(
    run: RUN, mailbox: Mailbox, tmp_path: Path
) -> None:
    result = run("log", "show", "M-0001", "berg")
    for words in (
        "handed over",
        f"to 127.0.0.1 [127.0.0.1]:{mailbox.port}",
        "the server hung up",
        "Message-ID",
        "look for",
    ):
        assert words in result.stdout, result.stdout
    assert (
        f"Decide:  mailer -C {tmp_path / 'work'} resolve M-0001-001 --accepted (or --not-sent,"
        ' --resend) --because "…"' in result.stderr
    )
    assert "--evidence" not in result.stderr, "no folder of sent mail is set"
    missing = run("log", "show", "M-0001", "berg", "--evidence")
    assert "error[K111]" in missing.stderr


@needs_dovecot
def test_folder_of_sent_mail_is_asked_as_evidence(
    run: RUN, mailbox: Mailbox, dovecot: Dovecot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dovecot.empty(f'"{SENT}"')
    monkeypatch.setenv("MAILER_IMAP_PASSWORD", "correct")
    imap = f'[imap]\nhost = "127.0.0.1"\nport = {dovecot.imap}\nsecurity = "none"\nuser = "us"\n'
    settings(tmp_path / "work", mailbox.port, imap)

    def folder() -> str:
        result = run("log", "show", "M-0001", "berg", "--evidence")
        assert result.exit_code == 0, result.stderr
        return result.stdout

    ids = {
        who: json.loads(run("log", "show", "M-0001", who, "--json").stdout)["message_id"]
        for who in ("berg", "dal")
    }
    assert "holds no letters of this mail-out: it says nothing" in folder()
    dovecot.file(f'"{SENT}"', ids["dal"])
    assert "where an accepted letter is: most likely it was not sent" in folder()
    dovecot.file(f'"{SENT}"', ids["berg"])
    assert "it was sent." in folder()
    found = json.loads(run("log", "show", "M-0001", "berg", "--evidence", "--json").stdout)[
        "evidence"
    ]
    assert (found["sent_folder"]["finding"], found["message_id"]) == ("filed", ids["berg"])
