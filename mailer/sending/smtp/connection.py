"""One line to a mail server: replies one to one with commands, and the certainty that bytes have
left.

A line takes over the transport once the connection is open, secured and logged in. It keeps three
things exact:

- a reply belongs to one command: whoever writes says how many replies are due, and `in_step` is
  false as soon as
  the server has said more than that (RFC 2920 section 3.1; "354" and "250" glued together must not
  pass for a yes);
- bytes are gone only when they have left the buffers of TLS and of the socket (`drained`);
- the only end is `abort`: closing would flush what is still buffered, the final dot perhaps among
  it.

Replies follow RFC 5321 section 4.2: three digits from 200 to 599, lines of one reply agree in the
first digit, 32 KB at most. Whatever else arrives puts the line out of step for good.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections import deque
from typing import Any, NamedTuple, cast

LONGEST_REPLY = 32 * 1024
LONGEST_TEXT = 2_000
CODE = re.compile(rb"[2-5][0-9]{2}(?=[ \r\n-])")
WHOLE = re.compile(rb"(?:[2-5][0-9]{2} [^\n]{0,2000}\n){1,16}")  # replies of one line each
INVISIBLE = re.compile(
    r"[\x00-\x1f\x7f-\xa0\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff"
    r"\U00010000-\U0010ffff]"
)


class ConnectionLost(Exception):
    """The line can no longer be used: silent for too long, out of step, or hung up. The message
    says which.
    """


class Silent(ConnectionLost):
    """No answer came in time."""


class HungUp(ConnectionLost):
    """The other side closed the connection, or the network broke it."""


class OutOfStep(ConnectionLost):
    """Replies and commands no longer match one to one: no earlier reply of the same group can be
    trusted either.
    """


class Reply(NamedTuple):
    code: int  # 200 to 599
    lines: list[bytes]  # as they came

    @property
    def text(self) -> str:
        """The server's words on one line, safe to print and to store."""
        return readable(b" ".join([line[4:].strip() for line in self.lines]))


def readable(raw: bytes) -> str:
    """Decode what a server said, with everything invisible escaped, in at most 2,000 characters."""
    text = raw[: LONGEST_TEXT * 4].decode("utf-8", "backslashreplace")
    if text.isascii() and text.isprintable():  # as nearly always
        return text[:LONGEST_TEXT]
    return INVISIBLE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)[
        :LONGEST_TEXT
    ]


def transport_beneath(transport: asyncio.Transport) -> asyncio.Transport | None:
    """Return the socket's transport beneath TLS, None in clear.

    asyncio has no public way to ask how much is buffered below TLS, where up to 64 KB can sit (and
    a dot behind them). Should a new Python rename these attributes, this fails at the first
    connection, not silently.
    """
    if transport.get_extra_info("sslcontext") is None:
        return None
    return cast(asyncio.Transport, cast(Any, transport)._ssl_protocol._transport)


class SmtpConnection(asyncio.Protocol):
    """The line of one session. One task writes and waits; the event loop fills in what arrives."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._beneath = transport_beneath(transport)
        self._replies: deque[Reply] = deque()  # arrived, not yet taken
        self._lines: list[bytes] = []  # the lines so far of a reply of several lines
        self._size = 0  # their size
        self._partial = b""  # what arrived after the last full line; on garbage, the garbage
        self._due = 0  # replies that commands wait for
        self._fault: ConnectionLost | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._deadline = 0.0  # of whoever waits, on the loop's clock
        self._alarm: asyncio.TimerHandle | None = None  # one for all waits, set on as they come
        transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        return self._fault is None and not self._transport.is_closing()

    @property
    def in_step(self) -> bool:
        """True while the server has said no more than it was asked for."""
        return len(self._replies) + bool(self._partial or self._lines) <= self._due

    @property
    def unsent(self) -> int:
        """Bytes that have not been given to the kernel."""
        size = self._transport.get_write_buffer_size()
        return size if self._beneath is None else size + self._beneath.get_write_buffer_size()

    def send(self, data: bytes, replies: int) -> None:
        """Write commands or a part of a letter, for which `replies` answers will be due."""
        if not self.is_open:
            raise self._fault or HungUp("the connection is closed")
        self._due += replies
        self._transport.write(data)

    async def drained(self, stall: float) -> None:
        """Wait until nothing is buffered, or the server speaks; `ConnectionLost` after `stall`
        seconds without progress.
        """
        left, since, pause = self.unsent, time.monotonic(), 0.0005
        while left and self.is_open and self.in_step:
            await asyncio.sleep(pause)
            if (now := self.unsent) < left:
                left, since, pause = now, time.monotonic(), 0.0005
            elif time.monotonic() - since > stall:
                raise ConnectionLost(
                    f"nothing more was taken for {stall:g} seconds, {now} bytes had not left"
                )
            else:
                pause = min(pause * 2, 0.01)

    async def reply(self, seconds: float) -> Reply:
        """Take the reply to the oldest command still unanswered; `seconds` is the limit for the
        whole of it.
        """
        if not self._replies and self._fault is None:
            await self._woken(self._loop.time() + seconds)
        if not self._replies:
            fault = self._fault or Silent(f"no answer within {seconds:g} seconds")
            self._fault = fault
            raise type(fault)(f"{fault}{self._heard()}")
        self._due -= 1
        return self._replies.popleft()

    def took(self, codes: list[int]) -> bool:
        """Take all replies that are due, where they have come, are these, and nothing stands behind
        them.
        """
        if (
            [reply.code for reply in self._replies] != codes
            or self._due != len(codes)
            or not self.in_step
        ):
            return False
        self._replies.clear()
        self._due = 0
        return True

    async def _woken(self, deadline: float) -> None:
        """Wait until something has come, the line has failed, or it is late."""
        if self._alarm is None or self._alarm.when() > deadline:
            self._set_alarm(deadline)
        self._waiter, self._deadline = self._loop.create_future(), deadline
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _set_alarm(self, at: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._loop.call_at(at, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        if self._waiter is not None and self._loop.time() < self._deadline:
            self._set_alarm(self._deadline)
        else:
            self._wake()

    async def heard(self, count: int, seconds: float) -> list[int]:
        """Wait until so many replies are there to be taken, and return their codes: fewer where the
        line fails, or nothing more comes in time.
        """
        deadline = self._loop.time() + seconds
        while len(self._replies) < count and self._fault is None and self._loop.time() < deadline:
            await self._woken(deadline)
        return [reply.code for reply in itertools.islice(self._replies, count)]

    def abort(self) -> None:
        """Drop the line and everything that is still buffered for it."""
        self._fault = self._fault or ConnectionLost("the connection was dropped")
        self._transport.abort()
        if self._alarm is not None:
            self._alarm.cancel()

    def _heard(self) -> str:
        rest = b" ".join([*self._lines, self._partial])
        return f"; heard so far: {readable(rest[:200])}" if rest else ""

    def _fail(self, fault: ConnectionLost) -> None:
        self._fault = self._fault or fault
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def data_received(self, data: bytes) -> None:
        if self._fault is not None:
            return
        if not self._partial and not self._lines and WHOLE.fullmatch(data):  # as nearly always
            lines = data.split(b"\n")[:-1]
            self._replies += [Reply(int(line[:3]), [line]) for line in lines]
            self._wake()
            return
        data, start = self._partial + data if self._partial else data, 0
        while end := data.find(b"\n", start) + 1:
            if not self._take(data[start:end]):
                self._partial = data[start:]  # stays, so that the line is out of step
                self._fail(OutOfStep("the server's answer is no SMTP reply"))
                return
            start = end
        self._partial = data[start:]
        if self._size + len(self._partial) > LONGEST_REPLY:
            self._fail(OutOfStep("the server's answer has no end"))
        if self._replies:
            self._wake()

    def _take(self, line: bytes) -> bool:
        """Add one line, with its end, and say whether it may stand there. The last of a reply has
        no "-".
        """
        self._size += len(line)
        if (
            CODE.match(line) is None
            or (self._lines and line[0] != self._lines[0][0])
            or self._size > LONGEST_REPLY
        ):
            return False
        self._lines.append(line)
        if line[3] != 0x2D:
            self._replies.append(Reply(int(line[:3]), self._lines))
            self._lines, self._size = [], 0
        return True

    def eof_received(self) -> bool:
        """Take a half-closed line for a lost one (RFC 5321 section 3.8)."""
        self._fail(HungUp("the server hung up"))
        self._transport.abort()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(HungUp(f"the line broke ({exc})" if exc else "the server hung up"))
