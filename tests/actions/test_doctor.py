"""Facts about `mailer doctor`: what is well, what wants a look, what is wrong, and that nothing is
changed.
"""

from __future__ import annotations

import datetime as dt
import json
import ssl
import subprocess
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest
import trustme
from click.testing import CliRunner, Result

from mailer.actions.doctor import examine as doctor
from mailer.actions.doctor import mail_server
from mailer.actions.doctor.finding import Finding, Verdict
from mailer.base.errors import Refused
from mailer.base.settings.unfilled import unsaid
from mailer.base.settings.workspace import Workspace, load_workspace
from mailer.base.states import MailOutState
from mailer.cli import cli
from mailer.ledger import mailouts
from mailer.ledger.guard import filesystem
from mailer.ledger.guard.health import examine
from mailer.ledger.ledger import Ledger
from mailer.sending.demo_server import Mailbox, Trick
from mailer.sending.smtp.server import Server
from tests.conftest import SettableClock, a_plan
from tests.helpers.certificates import trusting as trusts
from tests.helpers.smtp_server import SmtpServer, says
from tests.report.test_evidence import write_key
from tests.sending.test_imap import Dovecot, dovecot, needs_dovecot

__all__ = ["dovecot"]  # the fixture: a mailbox with a folder of sent mail

ME = "me@rights.example"
NOW = dt.datetime(2026, 11, 25, 10, 0, tzinfo=dt.UTC)


def workspace(
    folder: Path, port: int = 1, smtp: str = "", more: str = "", mode: str = "test"
) -> Workspace:
    (folder / "config.toml").write_text(
        '[sender]\nfrom = "Jana Novak <jana@rights.example>"\norganisation ='
        f' "Rights"\npostal_address = "1 rue"\n[smtp]\nhost = "127.0.0.1"\nport = {port}\nsecurity'
        f' = "none"\n{smtp}[safety]\nmode = "{mode}"\nallow = ["@rights.example"]\n{more}',
        encoding="utf-8",
    )
    return load_workspace(folder)


def wrong(findings: Iterator[Finding]) -> list[str]:
    return [one.sentence for one in findings if one.verdict is Verdict.WRONG]


def of(findings: list[Finding], topic: str) -> list[tuple[str, str]]:
    return [(one.verdict.value, one.sentence) for one in findings if one.topic == topic]


async def of_server(at: Workspace, server: Server | None = None) -> list[Finding]:
    found, problems = doctor.logins(at)
    assert problems == []
    usual = server or found
    assert usual is not None
    return [one async for one in mail_server.server(at, usual, lambda: NOW)]


# ------------------------------------------------------------------------------------ this computer


def test_what_others_may_read_or_change_is_named_with_the_command(tmp_path: Path) -> None:
    at = workspace(tmp_path, smtp='user = "a"\npassword = { file = "smtp.txt" }\n')
    at.make_state_dir()
    with Ledger(at.ledger_url):
        pass
    (tmp_path / "smtp.txt").touch(mode=0o600)
    (tmp_path / "config.toml").chmod(0o644)
    assert wrong(doctor.files(at)) == []
    broken = [
        (".mailer", 0o750, "700"),
        (".mailer/ledger.db", 0o640, "600"),
        ("smtp.txt", 0o604, "600"),
    ]
    for name, mode, _ in broken:
        (tmp_path / name).chmod(mode)
    (tmp_path / "config.toml").chmod(0o664)
    found = [one for one in doctor.files(at) if one.verdict is Verdict.WRONG]
    expected = [f"chmod {right} {tmp_path / name}" for name, _, right in broken]
    assert [one.fix for one in found] == [*expected, f"chmod go-w {tmp_path}/config.toml"]


def test_sheets_and_copies_that_others_can_read_are_named_with_the_command(tmp_path: Path) -> None:
    made = workspace(tmp_path)
    for name, mode in (("contacts/no.csv", 0o644), (".mailer/backups/no.1.csv", 0o640)):
        path = tmp_path / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text("delegation,name,email\n", encoding="utf-8")
        path.chmod(mode)
    found = [one for one in doctor.files(made) if one.verdict is Verdict.LOOK]
    assert {(one.sentence, one.fix) for one in found} == {
        (f"others can read 1 file with people in {folder}/", f"chmod -R go= {tmp_path / folder}")
        for folder in ("contacts", ".mailer")
    }
    for one in found:
        subprocess.run(one.fix.split(), check=True)
    assert [one for one in doctor.files(made) if one.verdict is Verdict.LOOK] == []


def test_live_mode_asks_what_the_footer_says_of_data(tmp_path: Path) -> None:
    def asked() -> list[str]:
        return [one.code for one in unsaid(load_workspace(tmp_path))]

    workspace(tmp_path)
    assert asked() == []
    workspace(tmp_path, mode="live")
    assert asked() == ["K114"]
    said = 'privacy = { basis = "consent", authority = "CNIL", keep_days = 30 }'
    config = tmp_path / "config.toml"
    text = config.read_text(encoding="utf-8").replace("[smtp]", f"{said}\n[smtp]")
    config.write_text(text, encoding="utf-8")
    assert asked() == []


def test_missing_secret_is_wrong_and_the_rest_is_still_looked_at(tmp_path: Path) -> None:
    at = workspace(tmp_path, smtp='user = "a"\npassword = { env = "NOT_THERE" }\n')
    server, found = doctor.logins(at)
    assert server is None
    assert [one.sentence for one in found] == ["No password was found in the variable NOT_THERE"]


def test_log_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    at = workspace(tmp_path)
    assert [one.verdict for one in doctor.log(at)] == [Verdict.OK]
    assert not at.state_dir.exists()


def test_durable_log_is_well_on_both_databases(ledger: Ledger) -> None:
    found = examine(ledger)
    assert (found.weak, found.damage, found.last_event_at) == ((), "", None)
    assert len(found.durable) >= 2
    assert found.database.split(" ")[0] in ("SQLite", "PostgreSQL")


def test_damaged_log_and_clock_behind_it_are_wrong(tmp_path: Path, clock: SettableClock) -> None:
    at = workspace(tmp_path)
    at.make_state_dir()
    with Ledger(at.ledger_url, now=clock) as ledger, ledger.writing() as connection:
        mailouts.create(connection, a_plan(40), at=clock(), who="Jana")
    assert wrong(doctor.log(at, clock)) == []
    early = clock() - dt.timedelta(hours=3)
    assert wrong(doctor.log(at, lambda: early)) == [
        "this computer's clock is behind the last entry of the send log (20 Jan 2027 08:00 UTC)"
    ]
    path = tmp_path / ".mailer" / "ledger.db"
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 8192] = b"\xff" * 8192
    path.write_bytes(data)
    assert any("damaged" in sentence for sentence in wrong(doctor.log(at, clock)))


def test_names_that_are_kept_for_too_long_are_counted(tmp_path: Path, clock: SettableClock) -> None:
    at = workspace(tmp_path)
    at.make_state_dir()
    with Ledger(at.ledger_url, now=clock) as ledger, ledger.writing() as connection:
        mail_out = mailouts.create(connection, a_plan(3), at=clock(), who="Jana")
        mailouts.change(connection, mail_out, MailOutState.STOPPED, at=clock(), who="Jana")
    clock.forward(days=90)
    assert all(one.verdict is Verdict.OK for one in doctor.log(at, clock))
    clock.forward(days=2)
    (old,) = [one for one in doctor.log(at, clock) if one.verdict is Verdict.LOOK]
    assert old.sentence.startswith("3 rows of mail-outs that ended more than 90 days ago")
    assert old.fix == 'mailer log forget --before 2027-01-22 --because "kept for 90 days"'


MOUNTS = """\
22 1 254:0 / / rw - ext4 /dev/vda rw
30 22 0:40 / {root}/their\\040disk rw,relatime shared:1 - nfs4 server:/export rw
31 30 0:41 / {root}/their\\040disk/mine rw - tmpfs tmpfs rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [("here", "ext4"), ("their disk", "nfs4"), ("their disk/a/b", "nfs4"),
     ("their disk/mine/x", "tmpfs"), ("their disks", "ext4")],
)  # fmt: skip
def test_kind_of_disk_is_that_of_the_nearest_mount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, kind: str
) -> None:
    (tmp_path / "mountinfo").write_text(MOUNTS.format(root=tmp_path), encoding="utf-8")
    monkeypatch.setattr(filesystem, "MOUNTS", tmp_path / "mountinfo")
    assert filesystem.kind_of(tmp_path / folder) == kind


def test_log_on_a_disk_of_another_machine_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mountinfo").write_text(MOUNTS.format(root=tmp_path), encoding="utf-8")
    monkeypatch.setattr(filesystem, "MOUNTS", tmp_path / "mountinfo")
    (tmp_path / "their disk").mkdir()
    with pytest.raises(Refused, match="nfs4") as caught:
        Ledger(f"sqlite:///{tmp_path}/their disk/ledger.db")
    assert caught.value.code == "S308"
    assert list((tmp_path / "their disk").iterdir()) == []
    assert wrong(doctor.disk(workspace(tmp_path / "their disk"))) == [
        "the send log lies on a disk of another machine (nfs4)"
    ]


def test_folder_that_another_program_copies_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "OneDrive - Rights").mkdir()
    assert wrong(doctor.disk(workspace(tmp_path / "OneDrive - Rights"))) == [
        '"OneDrive - Rights" is copied by another program while the send log is written'
    ]


# --------------------------------------------------------------------------------------- the limits


@pytest.mark.parametrize(
    ("host", "limits", "verdict", "words"),
    [
        ("smtp.office365.com", "per_minute = 60", "look", "Microsoft 365 takes 30 a minute"),
        ("smtp.office365.com", "per_minute = 0", "look", "Microsoft 365 takes 30 a minute"),
        ("smtp.office365.com", "per_minute = 30\nconnections = 5", "look", "takes 3 at a time"),
        ("smtp.office365.com", "per_minute = 30", "look", "takes 10000 a day"),
        (
            "smtp.office365.com",
            "per_minute = 30\nper_day = 10000",
            "ok",
            "which Microsoft 365 takes",
        ),
        ("smtp.gmail.com", "per_minute = 60\nper_day = 5000", "look", "takes 2000 a day"),
        ("smtp.gmail.com", "per_minute = 60\nper_day = 1000", "ok", "which Google Workspace takes"),
        ("smtp.rights.example", "per_minute = 60", "ok", "60 letters a minute, 2 connections"),
        ("smtp.rights.example", "per_minute = 0", "look", "as many letters a minute as go through"),
    ],
)
def test_limits_are_compared_with_what_the_provider_takes(
    tmp_path: Path, host: str, limits: str, verdict: str, words: str
) -> None:
    workspace(tmp_path, more=f"[limits]\n{limits}\n")
    text = (tmp_path / "config.toml").read_text(encoding="utf-8")
    text = text.replace('"127.0.0.1"', f'"{host}"').replace('"none"', '"starttls"')
    (tmp_path / "config.toml").write_text(text, encoding="utf-8")
    (found,) = doctor.limits(load_workspace(tmp_path))
    assert (found.verdict.value, words in found.sentence) == (verdict, True), found


# ---------------------------------------------------------------------------------- the mail server


async def test_server_says_what_it_takes(tmp_path: Path) -> None:
    async with SmtpServer(
        offers=(b"SIZE 20000000", b"PIPELINING", b"SMTPUTF8", b"AUTH PLAIN")
    ) as server:
        found = await of_server(workspace(tmp_path, server.port, "dsn = true\n"))
    sentences = of(found, "mail server")
    assert ("ok", "it takes letters of up to 20.0 MB") in sentences
    assert ("look", "it offers a login, and none is set") in sentences
    assert ("look", "[smtp] dsn asks for delivery reports, and it offers none") in sentences
    assert not any("PIPELINING" in words or "SMTPUTF8" in words for _, words in sentences)
    assert server.verbs() == ["EHLO"], "nothing was sent"


async def test_refused_login_and_silent_port_are_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "sesame")
    fault = says(b"535 5.7.8 no\r\n")
    async with SmtpServer(offers=(b"AUTH PLAIN",), stage="auth", fault=fault) as server:
        at = workspace(tmp_path, server.port, 'user = "us"\npassword = { env = "SECRET" }\n')
        found = await of_server(at)
    assert [one.verdict for one in found] == [Verdict.WRONG]
    assert "refused the login of us: 535" in found[0].sentence
    (gone,) = await of_server(at)
    assert (gone.verdict, "does not take connections" in gone.sentence) == (Verdict.WRONG, True)


@pytest.mark.parametrize(
    ("greeting", "verdict", "words"),
    [
        ("mx ESMTP Sendmail 8; Wed, 25 Nov 2026 11:00:30 +0100", "ok", "agrees"),
        ("mx ESMTP Exim 4.96 Wed, 25 Nov 2026 10:07:00 +0000", "wrong", "is 7 minutes behind"),
        ("mx ESMTP Exim 4.96 Wed, 25 Nov 2026 07:00:00 +0000", "wrong", "is 3 hours ahead of"),
        ("mx ESMTP Exim 4.96 Wed, 25 Nov 2020 10:00:00 +0000", "wrong", "days ahead of"),
        ("mx ESMTP Postfix", "not_known", "names no time"),
    ],
)
async def test_clock_is_compared_with_the_servers_greeting(
    tmp_path: Path, greeting: str, verdict: str, words: str
) -> None:
    async with SmtpServer(stage="greeting", fault=says(f"220 {greeting}\r\n".encode())) as server:
        found = await of_server(workspace(tmp_path, server.port))
    ((found_verdict, sentence),) = of(found, "clock")
    assert (found_verdict, words in sentence) == (verdict, True), sentence


@pytest.mark.parametrize(("days", "verdict"), [(200, "ok"), (10, "look")])
async def test_days_of_the_certificate_are_counted(tmp_path: Path, days: int, verdict: str) -> None:
    authority = trustme.CA()
    theirs, ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), trusts(authority)
    until = dt.datetime.now(dt.UTC) + dt.timedelta(days=days, hours=1)
    authority.issue_cert("127.0.0.1", not_after=until).configure_cert(theirs)
    async with SmtpServer(tls=theirs, implicit_tls=True) as server:
        at = workspace(tmp_path, server.port)
        line = Server("127.0.0.1", server.port, "tls", None, None, "rights.example", ours)
        found = [one async for one in mail_server.server(at, line)]
    assert (verdict, f"its certificate is good for another {days} days") in of(found, "mail server")
    assert any("TLSv1.3" in sentence for _, sentence in of(found, "mail server"))


@needs_dovecot
def test_folder_of_sent_mail_is_opened(
    tmp_path: Path, dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    imap = f'[imap]\nhost = "127.0.0.1"\nport = {dovecot.imap}\nsecurity = "none"\nuser = "us"\n'
    with Mailbox(tmp_path / "box") as mailbox:
        for password, code, words in (
            ("correct", 0, 'the folder "Éléments envoyés" can be searched'),
            ("wrong", 1, "refused the login of us"),
        ):
            monkeypatch.setenv("MAILER_IMAP_PASSWORD", password)
            workspace(tmp_path, mailbox.port, more=imap)
            result = run(tmp_path)
            assert (result.exit_code, words in result.stdout) == (code, True), result.stdout


# --------------------------------------------------------------------------------- the command line


def run(folder: Path, *args: str) -> Result:
    return CliRunner().invoke(cli, ["-C", str(folder), "doctor", *args])


def test_test_letter_goes_to_the_allow_list_only_in_live_mode_too(tmp_path: Path) -> None:
    with Mailbox(tmp_path / "box") as mailbox:
        for mode in ("test", "live"):
            workspace(tmp_path, mailbox.port, mode=mode)
            result = run(tmp_path, "--to", "anna.berg@no.parliament.example")
            assert (result.exit_code, "refused[S108]" in result.stderr) == (3, True)
            assert "anna.berg@no.parliament.example" not in mailbox.asked
            result = run(tmp_path, "--to", ME, "--json")
            assert result.exit_code == 0, result.output
            last = json.loads(result.stdout.splitlines()[-1])
            assert (last["topic"], last["verdict"]) == ("test letter", "ok")
    letter = message_from_bytes((tmp_path / "box" / f"{ME}.eml").read_bytes())
    assert mailbox.seen == {ME: 2}
    assert (letter["To"], letter["Subject"]) == (ME, "Test letter")
    assert letter["Date"] and letter["Message-ID"].endswith("@rights.example>")


def test_test_letter_is_signed_as_letters_to_people_are(tmp_path: Path) -> None:
    write_key(tmp_path / "dkim.pem")
    with Mailbox(tmp_path / "box") as mailbox:
        workspace(tmp_path, mailbox.port)
        text = (tmp_path / "config.toml").read_text(encoding="utf-8")
        key = 'dkim = { selector = "k1", file = "dkim.pem" }\n[smtp]\n'
        (tmp_path / "config.toml").write_text(text.replace("[smtp]\n", key), encoding="utf-8")
        assert run(tmp_path, "--to", ME).exit_code == 0
    assert (
        (tmp_path / "box" / f"{ME}.eml")
        .read_bytes()
        .startswith(b"DKIM-Signature: v=1; a=ed25519-sha256;")
    )
    (tmp_path / "dkim.pem").write_text("no key", encoding="utf-8")
    result = run(tmp_path)
    assert result.exit_code == 1
    assert "cannot be used" in result.stdout


def test_refused_test_letter_is_wrong_with_the_servers_words(tmp_path: Path) -> None:
    with Mailbox(tmp_path / "box", {ME: Trick.CALLS_IT_SPAM}) as mailbox:
        workspace(tmp_path, mailbox.port)
        result = run(tmp_path, "--to", ME)
    assert result.exit_code == 1
    assert "was not accepted: 554 5.7.1 This looks like spam to us" in result.stdout


def test_server_that_is_away_gets_no_test_letter(tmp_path: Path) -> None:
    workspace(tmp_path)
    result = run(tmp_path, "--to", ME)
    assert result.exit_code == 1
    assert "test letter" not in result.stdout
    assert "1 wrong" in result.stderr


def test_every_topic_is_in_the_report(tmp_path: Path) -> None:
    with Mailbox(tmp_path / "box") as mailbox:
        workspace(tmp_path, mailbox.port)
        found = [json.loads(line) for line in run(tmp_path, "--json").stdout.splitlines()]
    topics = {one["topic"] for one in found}
    assert topics == {
        "settings", "files", "disk", "send log", "contacts", "appeals", "limits", "mail server",
        "clock"
    }  # fmt: skip
    assert all(one["fix"] or one["verdict"] in ("ok", "not_known") for one in found), (
        "what to do is said"
    )
