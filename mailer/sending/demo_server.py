"""A mail server on this computer, for the demo: it takes letters, and plays tricks on some of them.

It listens on loopback alone and carries nothing on: what it accepts becomes a file in its folder,
to be opened in any mail program. A letter is on disk before the answer to its final dot, so the
folder is the truth about what arrived.
"""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future
from enum import StrEnum
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session


class Trick(StrEnum):
    """What the mailbox does to the letter of one address."""

    NO_SUCH_MAILBOX = "no such mailbox"
    MAILBOX_FULL = "mailbox full"
    CALLS_IT_SPAM = "calls it spam"
    LATER = "asks to try later, once"
    HANGS_UP = "hangs up after the letter"


class Mailbox:
    """Use as `with Mailbox(folder, tricks) as mailbox`: it listens at `mailbox.port` until the
    block ends.

    The server runs on a thread of its own, as strange to the sender as any other server.
    """

    def __init__(self, folder: Path, tricks: Mapping[str, Trick] | None = None) -> None:
        self.folder = folder
        self.tricks = dict(tricks or {})  # by address
        self.seen: Counter[str] = Counter()  # letters per address whose final dot came
        self.asked: Counter[str] = Counter()  # attempts per address
        folder.mkdir(parents=True, exist_ok=True)
        self._port: Future[int] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve()), name="mailbox", daemon=True
        )

    def __enter__(self) -> Mailbox:
        self._thread.start()
        self.port = self._port.result()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        try:
            listener = socket.create_server(("127.0.0.1", 0))
        except OSError as fault:
            self._port.set_exception(fault)
            return
        server = await self._loop.create_server(
            lambda: SMTP(self, hostname="mailbox.example"), sock=listener
        )
        self._port.set_result(listener.getsockname()[1])
        async with server:
            await self._ended.wait()

    # What aiosmtpd calls, in the order of the session.

    async def handle_RCPT(  # noqa: N802
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        rcpt_options: list[str],
    ) -> str:
        self.asked[address] += 1
        match self.tricks.get(address):
            case Trick.NO_SUCH_MAILBOX:
                return "550 5.1.1 There is no mailbox of that name here"
            case Trick.MAILBOX_FULL:
                return "552 5.2.2 The mailbox is full"
            case Trick.LATER if self.asked[address] == 1:
                return "451 4.7.1 Greylisted, please try again in a moment"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        (address,) = envelope.rcpt_tos
        self.seen[address] += 1
        trick = self.tricks.get(address)
        if trick is Trick.CALLS_IT_SPAM:
            return "554 5.7.1 This looks like spam to us"
        data = (
            envelope.content
            if isinstance(envelope.content, bytes)
            else (envelope.content or "").encode()
        )
        name = re.sub(r"[^A-Za-z0-9.@_-]", "_", address)
        (self.folder / f"{name}.eml").write_bytes(data)
        if trick is Trick.HANGS_UP and isinstance(server.transport, asyncio.WriteTransport):
            server.transport.abort()
        return f"250 2.0.0 Kept as {name}.eml"
