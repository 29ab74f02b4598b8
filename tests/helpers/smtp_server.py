"""An SMTP server that writes down what it saw, and misbehaves once, where it is told to.

Its record is the truth of the tests: every final dot with recipient, bytes and answer. A fault
happens at one stage of the n-th letter (counted by MAIL) and never again, so that what comes before
and after can be looked at too.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Fault = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytes], Awaitable[bool]]
"""Does something in place of the usual answer (third argument); says whether the session goes on.
"""


@dataclass
class Taken:
    """One final dot that the server has read."""

    recipient: str
    data: bytes  # with the doubled dots undone
    answer: bytes | None = None  # the whole answer, if one was sent


@dataclass
class SmtpServer:
    stage: str = ""  # greeting, ehlo, starttls, auth, mail, rcpt, data, body, dot, rset, quit, noop
    fault: Fault | None = None
    letter: int = 0  # the fault happens at this letter; 0 = before any
    offers: tuple[bytes, ...] = (b"8BITMIME", b"ENHANCEDSTATUSCODES", b"SIZE 10000000")
    offers_in_tls: tuple[bytes, ...] = ()
    offers_in_clear: tuple[bytes, ...] = ()
    tls: ssl.SSLContext | None = None
    implicit_tls: bool = False
    small_window: bool = False  # the kernel takes little, so that a body stalls
    hold: asyncio.Event | None = None  # the answer to a dot waits for this
    heard: list[bytes] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    happened: asyncio.Event = field(default_factory=asyncio.Event)  # the fault has been done
    data_needs_recipient: bool = False  # 554 to a DATA after a refused RCPT, as most servers say
    recipient_needs_mail: bool = False  # 503 to a RCPT after a refused MAIL
    refuses_once: str = ""  # 550 for this person, the first time
    silent_at_data: bool = False
    loses_ahead: bool = False  # offers PIPELINING, and throws away what came behind a dot
    loses_groups: bool = False  # … and what came behind MAIL
    writes: list[bytes] = field(default_factory=list)  # what came in one piece: verbs, BODY, "."
    lines_of_body: int = 0  # of the letter that is coming in
    dot_seen: asyncio.Event = field(default_factory=asyncio.Event)
    strays: int = 0  # dots that came while the server kept silent
    read_after: int = 0  # bytes that came then
    connections: int = 0
    letters: int = 0
    port: int = 0

    async def __aenter__(self) -> SmtpServer:
        listener = socket.create_server(("127.0.0.1", 0))
        if self.small_window:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self._news = asyncio.Condition()
        self._server = await asyncio.start_server(
            self._accept, sock=listener, ssl=self.tls if self.implicit_tls else None
        )
        self.port = listener.getsockname()[1]
        return self

    async def all_gone(self) -> None:
        """Wait until every session has ended, so that nothing more can come."""
        await asyncio.wait_for(asyncio.gather(*self._tasks), 10)

    async def body_lines(self, count: int) -> None:
        """Wait until so many lines of the letter have come."""
        async with self._news:
            await asyncio.wait_for(self._news.wait_for(lambda: self.lines_of_body >= count), 10)

    async def say_to_all(self, words: bytes) -> None:
        """Say something unasked, hang up, and wait until that is done."""
        for writer in self._writers:
            writer.write(words)
            writer.close()
            await writer.wait_closed()

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def verbs(self) -> list[str]:
        return [line.split(b" ")[0].strip().upper().decode("latin-1") for line in self.heard]

    def yes_for(self, recipient: str) -> int:
        """How often this person's letter was taken with a 2xx."""
        return sum(
            one.recipient == recipient and (one.answer or b"").startswith(b"2")
            for one in self.taken
        )

    def dots_for(self, recipient: str) -> int:
        return sum(one.recipient == recipient for one in self.taken)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        feed = reader.feed_data

        def feed_data(data: bytes) -> None:
            self.writes.append(self._named(data))
            feed(data)

        reader.feed_data = feed_data  # type: ignore[method-assign]
        self._tasks.add(
            asyncio.create_task(self._serve(reader, writer))
        )  # not a task of asyncio's: it logs cancelling

    def _named(self, data: bytes) -> bytes:
        words = [line.split(b" ")[0] for line in data.split(b"\r\n")[:-1]]
        verbs = [
            word
            for word in words
            if word in (b"EHLO", b"MAIL", b"RCPT", b"DATA", b"RSET", b"QUIT", b".")
        ]
        return b" ".join(verbs) or b"BODY"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, EOFError):
                await self._talk(reader, writer)
            if not writer.transport.is_closing():
                await writer.drain()
                writer.close()
        finally:
            writer.transport.abort()

    async def _answer(self, stage: str, streams: Streams, usual: bytes) -> bytes:
        """Give the usual answer, or do the fault. Returns what was answered in whole; raises
        EOFError at the end.
        """
        reader, writer = streams
        if (
            self.fault is None
            or stage != self.stage
            or self.letters != self.letter
            or self.happened.is_set()
        ):
            writer.write(usual)
            await writer.drain()
            return usual
        self.happened.set()
        said = _Spy(writer)
        goes_on = await self.fault(reader, said, usual)  # type: ignore[arg-type]
        self.strays += (b"\r\n" + said.after).count(b"\r\n.\r\n")
        self.read_after += len(said.after)
        if not goes_on:
            if said.answer:
                self._last = said.answer
            raise EOFError
        return said.answer

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        secured, recipient, known, accepted = self.implicit_tls, "", False, False
        streams = (reader, writer)
        await self._answer("greeting", streams, b"220 mx.parliament.example ESMTP\r\n")
        while line := await reader.readline():
            self.heard.append(line)
            verb = line.split(b" ")[0].strip().upper()
            match verb:
                case b"EHLO":
                    await self._answer("ehlo", streams, self._ehlo(secured))
                case b"STARTTLS":
                    answer = await self._answer("starttls", streams, b"220 2.0.0 go ahead\r\n")
                    if answer.startswith(b"220"):
                        await writer.start_tls(self.tls)  # type: ignore[arg-type]
                        secured = True
                case b"AUTH":
                    await self._auth(line, streams)
                case b"MAIL":
                    self.letters += 1
                    if self.loses_groups:
                        reader._buffer.clear()  # type: ignore[attr-defined]
                    known = (await self._answer("mail", streams, b"250 2.1.0 Ok\r\n")).startswith(
                        b"2"
                    )
                case b"RCPT":
                    recipient = re.findall(rb"<(.*)>", line)[0].decode()
                    usual = b"250 2.1.5 Ok\r\n"
                    if self.recipient_needs_mail and not known:
                        usual = b"503 5.5.1 who is it from?\r\n"
                    if self.refuses_once == recipient:
                        usual, self.refuses_once = b"550 5.1.1 no such user\r\n", ""
                    accepted = (await self._answer("rcpt", streams, usual)).startswith(b"2")
                case b"DATA":
                    if self.silent_at_data:
                        await reader.read()
                    usual = b"354 go ahead\r\n"
                    if self.data_needs_recipient and not accepted:
                        usual = b"554 5.5.1 no valid recipients\r\n"
                    answer = await self._answer("data", streams, usual)
                    if answer.startswith(b"354"):
                        await self._body(recipient, streams)
                case b"RSET" | b"NOOP":
                    await self._answer(verb.decode().lower(), streams, b"250 2.0.0 Ok\r\n")
                case b"QUIT":
                    await self._answer("quit", streams, b"221 2.0.0 Bye\r\n")
                    return
                case _:
                    await self._answer("other", streams, b"500 5.5.2 what?\r\n")

    def _ehlo(self, secured: bool) -> bytes:
        lines = [b"mx.parliament.example", *self.offers]
        if secured:
            lines += self.offers_in_tls
        else:
            lines += [*self.offers_in_clear, *[b"STARTTLS"] * (self.tls is not None)]
        return b"".join(b"250-%s\r\n" % one for one in lines[:-1]) + b"250 %s\r\n" % lines[-1]

    async def _auth(self, line: bytes, streams: Streams) -> None:
        reader, writer = streams
        if line.split()[1].upper() == b"LOGIN":
            for question in (b"VXNlcm5hbWU6", b"UGFzc3dvcmQ6"):
                if question == b"VXNlcm5hbWU6" and len(line.split()) > 2:
                    continue  # the name came with the command
                writer.write(b"334 %s\r\n" % question)
                self.heard.append(b"* " + await reader.readline())
        await self._answer("auth", streams, b"235 2.7.0 welcome\r\n")

    async def _body(self, recipient: str, streams: Streams) -> None:
        reader, _ = streams
        lines: list[bytes] = []
        if self.stage == "body" and self.letter == self.letters and self.fault is not None:
            lines.append(await reader.readline())
            if not self.happened.is_set():
                await self._answer("body", streams, b"")
        while (line := await reader.readline()) != b".\r\n":
            if not line:
                raise EOFError
            lines.append(line[1:] if line.startswith(b".") else line)
            async with self._news:
                self.lines_of_body += 1
                self._news.notify_all()
        if self.loses_ahead:
            reader._buffer.clear()  # type: ignore[attr-defined]
        self.taken.append(one := Taken(recipient, b"".join(lines)))
        self.lines_of_body = 0
        self.dot_seen.set()
        if self.hold is not None:
            await self.hold.wait()
        self._last: bytes | None = None
        try:
            one.answer = await self._answer("dot", streams, b"250 2.0.0 Ok: queued as 4F1\r\n")
        except EOFError:
            one.answer = self._last
            raise


class _Spy:
    """A writer that remembers the first whole reply that went through it."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer, self._all, self.after = writer, b"", b""

    @property
    def answer(self) -> bytes:
        return self._all[: self._all.find(b"\n") + 1]

    @property
    def transport(self) -> asyncio.WriteTransport:
        return self._writer.transport

    def write(self, data: bytes) -> None:
        self._all += data
        self._writer.write(data)

    async def drain(self) -> None:
        await self._writer.drain()

    def write_eof(self) -> None:
        self._writer.write_eof()

    def get_extra_info(self, name: str) -> object:
        return self._writer.get_extra_info(name)


# ------------------------------------------------------------------ faults


def says(answer: bytes, *, goes_on: bool = True) -> Fault:
    """Give another answer than the usual one."""

    async def fault(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: bytes) -> bool:
        writer.write(answer)
        await writer.drain()
        return goes_on

    return fault


def adds(more: bytes) -> Fault:
    """Glue something behind the usual answer, in one segment."""

    async def fault(_: asyncio.StreamReader, writer: asyncio.StreamWriter, usual: bytes) -> bool:
        writer.write(usual + more)
        await writer.drain()
        return True

    return fault


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: bytes) -> bool:
    """Say nothing, for as long as the client stays, and keep what it sends."""
    while data := await reader.read(65536):
        writer.after += data  # type: ignore[attr-defined]
    return False


async def hangs_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: bytes) -> bool:
    return False


async def resets(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: bytes) -> bool:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return False


async def answers_and_resets(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, usual: bytes
) -> bool:
    writer.write(usual)
    await writer.drain()
    return await resets(reader, writer, usual)


async def half_an_answer(
    _: asyncio.StreamReader, writer: asyncio.StreamWriter, usual: bytes
) -> bool:
    writer.write(usual[:-4])
    await writer.drain()
    return False


async def half_closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: bytes) -> bool:
    writer.write_eof()
    return await silent(reader, writer, b"")


async def drips(_: asyncio.StreamReader, writer: asyncio.StreamWriter, usual: bytes) -> bool:
    """One byte now and then: each is a sign of life, the answer never comes."""
    for byte in usual[:-1] + b"." * 10_000:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)
    return False


async def never_ends(_: asyncio.StreamReader, writer: asyncio.StreamWriter, usual: bytes) -> bool:
    for _i in range(1_000):
        writer.write(usual[:3] + b"-and another line, and another, and another\r\n")
        await writer.drain()
    return False
