"""The session against servers that others wrote: aiosmtpd, and Postfix's smtp-sink where it is
installed.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
from collections.abc import Iterator
from email import message_from_bytes

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Session
from aiosmtpd.smtp import Envelope as Received

from mailer.base.states import State
from mailer.sending.smtp.session import Envelope, Patience, Server, SmtpSession

PEOPLE = [f"member{number}@parliament.example" for number in range(1, 41)]
SINK = shutil.which(
    "smtp-sink", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/sbin"
)


def letter(recipient: str) -> Envelope:
    text = "".join(f".{line} A line for {recipient}\r\n" for line in range(60))
    return Envelope(
        "us@ngo.example", recipient, f"To: {recipient}\r\nSubject: t\r\n\r\n{text}".encode()
    )


async def yes() -> bool:
    return True


async def send_all(port: int, connections: int = 4) -> None:
    here = Server("127.0.0.1", port, "none", None, None, "mailer.example")

    async def worker(people: list[str]) -> None:
        session = SmtpSession(here, Patience(), lambda _: True)
        letters = [*map(letter, people)]
        for one, follow in zip(letters, [*letters[1:], None], strict=True):
            receipt = await session.deliver(one, yes, follow)
            assert receipt.state is State.ACCEPTED, receipt
        await session.quit()

    await asyncio.gather(*(worker(PEOPLE[at::connections]) for at in range(connections)))


class Mailbox:
    """What aiosmtpd took. It refuses one address, and offers SIZE, 8BITMIME and SMTPUTF8, no
    PIPELINING.
    """

    def __init__(self) -> None:
        self.letters: dict[str, list[bytes]] = {}

    async def handle_RCPT(  # noqa: N802
        self, _: SMTP, __: Session, received: Received, address: str, ___: list[str]
    ) -> str:
        if address.startswith("gone@"):
            return "550 5.1.1 no such user"
        received.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _: SMTP, __: Session, received: Received) -> str:  # noqa: N802
        assert len(received.rcpt_tos) == 1 and isinstance(received.content, bytes)
        self.letters.setdefault(received.rcpt_tos[0], []).append(received.content)
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    box = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port, enable_SMTPUTF8=True)
    controller.start()
    yield box, port
    controller.stop()


async def test_aiosmtpd_gets_every_letter_once_with_the_same_bytes(
    mailbox: tuple[Mailbox, int],
) -> None:
    box, port = mailbox
    await send_all(port)
    assert box.letters == {one: [letter(one).data] for one in PEOPLE}
    assert message_from_bytes(box.letters[PEOPLE[0]][0])["To"] == PEOPLE[0]


async def test_aiosmtpd_goes_on_after_a_refused_recipient(mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    session = SmtpSession(
        Server("127.0.0.1", port, "none", None, None, "m.example"), Patience(), lambda _: True
    )
    refused = await session.deliver(letter("gone@parliament.example"), yes, letter(PEOPLE[0]))
    accepted = await session.deliver(letter(PEOPLE[0]), yes)
    await session.quit()
    assert (refused.state, refused.enhanced, accepted.state) == (
        State.REFUSED,
        "5.1.1",
        State.ACCEPTED,
    )
    assert list(box.letters) == [PEOPLE[0]]


@pytest.mark.skipif(SINK is None, reason="smtp-sink (Debian's postfix) is not installed")
async def test_smtp_sink_counts_every_letter_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [str(SINK), "-c", "-u", "nobody", f"127.0.0.1:{port}", "100"]
    sink = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert sink.stdout is not None
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)
        await send_all(port)
    finally:
        sink.terminate()
        counted = await sink.stdout.read()
        await sink.wait()
    assert counted.rsplit(b"mesg=", 1)[-1].strip() == str(len(PEOPLE)).encode()
