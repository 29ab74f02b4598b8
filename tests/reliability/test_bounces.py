"""Returned and delayed letters as real Postfix, Exim and OpenSMTPD write them, and the way from
`mailer send` through a real Postfix to a bounce in a real mailbox and to the screen.
"""

from __future__ import annotations

import os
import re
import smtplib
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from mailer.inbox.kinds import InboxKind
from mailer.inbox.mail.parts import take_apart
from mailer.inbox.sorting.judge import examine
from mailer.inbox.thread import SentLetters
from mailer.ledger.reading.sent import SentLetter
from tests.helpers.workspaces import Sending, a_workspace, mailer, planned, row
from tests.inbox.test_watch import mailbox
from tests.sending.test_imap import Dovecot, dovecot, needs_dovecot

from .peers import Exim, OpenSmtpd, Postfix, free_port, program

__all__ = ["dovecot"]
LONG = 120.0
ANSWERS = {
    "unknown": "550 5.1.1 <{}>: Recipient address rejected: User unknown",
    "full": "552 5.2.2 <{}>: Mailbox is full",
    "spam": "554 5.7.1 <{}>: Message rejected as spam",
    "later": "450 4.2.1 <{}>: Try again later",
}
KINDS = {
    "unknown": InboxKind.RETURNED_HARD,
    "full": InboxKind.RETURNED_SOFT,
    "spam": InboxKind.RETURNED_POLICY,
    "later": InboxKind.DELAYED,
}


@dataclass
class Parliament:
    """The last server: it refuses by name, and keeps what comes back to us."""

    came: list[bytes] = field(default_factory=list)
    arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _: list[str]
    ) -> str:
        answer = ANSWERS.get(re.split(r"[-0-9@]", address)[0])
        if answer:
            return answer.format(address)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        if any(one.endswith("@rights.example") for one in envelope.rcpt_tos):
            assert isinstance(envelope.content, bytes)
            self.came.append(envelope.content)
            self.arrived.release()
        return "250 2.0.0 OK"


@pytest.fixture
def parliament() -> Iterator[tuple[Parliament, int]]:
    handler = Parliament()
    port = free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield handler, port
    finally:
        controller.stop()


def letter(name: str) -> SentLetter:
    number = list(ANSWERS).index(name) + 1
    called = f"M-0001-{number:03d}"
    address = f"{name}@no.parliament.example"
    person = f"Given{number} {name.title()}dal"
    return SentLetter(
        called, f"<{name}@rights.example>", called, address, person, "NO", "Vote", None
    )


def posted(port: int, names: list[str]) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as server:
        for name in names:
            one = letter(name)
            text = (
                f"From: Jana Novak <jana@rights.example>\r\nTo: {one.address}\r\n"
                f"Subject: Vote\r\nMessage-ID: {one.message_id}\r\n\r\nDear colleague,\r\n"
                "if you answer stop, we remove you from our list.\r\n"
            )
            server.sendmail("jana@rights.example", [one.address], text)


POSTFIX = """
default_transport = smtp
relay_transport = smtp
relayhost = [127.0.0.1]:{port}
delay_warning_time = 1s
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
smtp_tls_security_level = none
"""
SMTP_CLIENT = "smtp unix - - n - - smtp\nrelay unix - - n - - smtp\n"


def a_postfix(port: int) -> AbstractContextManager[Postfix]:
    return Postfix(more=POSTFIX.replace("{port}", str(port)), services=SMTP_CLIENT)


def an_exim(port: int) -> AbstractContextManager[Exim]:
    class Relaying(Exim):
        MORE = ("-q1s",)
        CONFIG = (
            Exim.CONFIG.partition("begin routers")[0]
            + "keep_environment = LD_LIBRARY_PATH\n"  # its own children need it, too
            + "delay_warning = 1s\ndelay_warning_condition = yes\n"
            + "begin routers\nall:\n  driver = manualroute\n  transport = on\n"
            + "  route_list = * 127.0.0.1\n  self = send\n"
            + f"begin transports\non:\n  driver = smtp\n  port = {port}\n"
            + "  hosts_try_dane =\n  hosts_avoid_tls = *\n"
            + "begin retry\n* * F,1h,1s\n"
        )

    return Relaying()


def an_opensmtpd(port: int) -> AbstractContextManager[OpenSmtpd]:
    class Relaying(OpenSmtpd):
        CONFIG = "bounce warn-interval 1s\n" + OpenSmtpd.CONFIG.replace("{sink}", str(port))

    return Relaying()


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="servers of the test's own need root")
SERVERS = [
    pytest.param(
        a_postfix,
        id="Postfix",
        marks=pytest.mark.skipif(program("postfix") is None, reason="Postfix is not installed"),
    ),
    pytest.param(
        an_exim,
        id="Exim",
        marks=pytest.mark.skipif(program("exim4") is None, reason="Exim is not installed"),
    ),
    pytest.param(
        an_opensmtpd,
        id="OpenSMTPD",
        marks=pytest.mark.skipif(not OpenSmtpd.is_here(), reason="OpenSMTPD is not installed"),
    ),
]


@needs_root
@pytest.mark.timeout(300)
@pytest.mark.parametrize("server", SERVERS)
def test_what_a_real_server_gives_back_is_sorted_and_threaded(
    parliament: tuple[Parliament, int],
    server: Callable[[int], AbstractContextManager[Postfix | Exim | OpenSmtpd]],
) -> None:
    last, port = parliament
    names = list(ANSWERS)
    sent = SentLetters([letter(name) for name in names], ours=["jana@rights.example"])
    found: dict[str, InboxKind] = {}
    with server(port) as relay:
        posted(relay.port, names)
        while found.keys() != {letter(name).delivery for name in names}:
            assert last.arrived.acquire(timeout=LONG), found
            raw = last.came.pop(0)
            judged, threading_, _ = examine(take_apart(raw), sent)
            assert len(threading_.letters) == 1, raw.decode()
            found.setdefault(threading_.letters[0].delivery, judged.kind)
    assert found == {letter(name).delivery: kind for name, kind in KINDS.items()}


MAILDIR = """
virtual_mailbox_domains = rights.example
virtual_mailbox_maps = static:us/
virtual_mailbox_base = {mail}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{uid}
virtual_minimum_uid = 1
"""


@needs_root
@needs_dovecot
@pytest.mark.skipif(program("postfix") is None, reason="Postfix is not installed")
@pytest.mark.timeout(400)
def test_fourteen_letters_come_back_from_the_parliament_to_the_screen(
    tmp_path: Path, dovecot: Dovecot, parliament: tuple[Parliament, int]
) -> None:
    """Sent through a real Postfix, returned by it into a real mailbox, read while the sending goes
    on, and said beside the letter.
    """
    _, port = parliament
    dovecot.empty("INBOX")
    mail = dovecot.config.parent / "mail"
    to_maildir = MAILDIR.replace("{mail}", str(mail)).replace("{uid}", "65534")
    more = POSTFIX.replace("{port}", str(port)) + to_maildir
    services = SMTP_CLIENT + "virtual unix - n n - - virtual\n"
    names = ["unknown"] * 10 + ["full"] * 2 + ["spam"] * 2 + ["person"] * 6
    with Postfix(more=more, services=services) as postfix:
        rows = [
            row(number, address=f"{name}{number}@no.parliament.example")
            for number, name in enumerate(names, 1)
        ]
        root = a_workspace(tmp_path / "work", postfix.port, rows=rows, per_minute=60)
        (root / "inbox.txt").write_text("correct")
        (root / "inbox.txt").chmod(0o600)
        with (root / "config.toml").open("a", encoding="utf-8") as config:
            config.write(f"[inbox]\n{mailbox(dovecot.imap, 'us')}")
        planned(root)
        with Sending(root, "send", "M-0001", "--confirm", str(len(names))) as sending:
            code, _, said, _ = sending.end(None)
        assert code == 0, said
        assert re.search(r"Came back: .*the address is of no use", said), said
        for _ in range(60):  # the last ones come after the last letter
            found = mailer("inbox", "scan", at=root)
            assert found.returncode == 0, found.stderr
            status = mailer("status", "M-0001", at=root)
            if "Of the accepted, 14 came back." in status.stdout + status.stderr:
                break
            threading.Event().wait(0.5)
        else:
            pytest.fail(status.stdout + status.stderr)
    people = mailer("log", "people", "M-0001", "--came-back", "returned_hard", at=root)
    assert people.stdout.count("came back: the address is of no use") == 10
    assert "came back" in mailer("log", "show", "M-0001-001", at=root).stdout
