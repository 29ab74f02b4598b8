"""An SMTP server that always gives the same answers, and writes down every letter whose final dot
came.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

SILENCE = b""
"""As an answer: say nothing from here on, and keep the line open."""


class StubbornServer:
    """`answers` maps a verb, or "." for the answer to the final dot, to what is always
    said there.
    """

    def __init__(self, answers: Mapping[str, bytes] | None = None) -> None:
        self.answers = {
            "EHLO": b"250-stubborn.example\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES\r\n",
            "DATA": b"354 go on\r\n",
            ".": b"250 2.0.0 taken\r\n",
            "QUIT": b"221 bye\r\n",
        } | dict(answers or {})
        self.dots: list[str] = []  # recipients, in the order of their dots
        self.connections = 0
        self.open, self.most_at_once = 0, 0
        self.greets_after: asyncio.Event | None = None
        self.called = asyncio.Event()  # somebody has connected
        self.session_takes = 0  # letters, then 421; 0: as many as there are
        self.saw_a_dot = asyncio.Event()

    async def __aenter__(self) -> StubbornServer:
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self._tasks.add(asyncio.create_task(self._talk(reader, writer)))

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recipient, in_data, taken = "", False, 0
        try:
            with contextlib.suppress(OSError):
                self.called.set()
                if self.greets_after is not None:
                    await self.greets_after.wait()
                writer.write(b"220 stubborn.example\r\n")
                while line := await reader.readline():
                    if in_data and line != b".\r\n":
                        continue
                    verb = "." if in_data else line.split()[0].upper().decode("latin-1")
                    in_data = False
                    if verb == "EHLO":  # by now an end that came before this call is known
                        self.most_at_once = max(self.open, self.most_at_once)
                    if verb == "RCPT":
                        recipient = line.split(b"<")[1].split(b">")[0].decode()
                    if verb == ".":
                        self.dots.append(recipient)
                        self.saw_a_dot.set()
                    answer = self.answers.get(verb, b"250 2.1.0 fine\r\n")
                    taken += verb == "."
                    if verb == "MAIL" and 0 < self.session_takes <= taken:
                        writer.write(b"421 Maximum message count per session reached.\r\n")
                        break
                    if answer == SILENCE:
                        await asyncio.Event().wait()
                    writer.write(answer)
                    await writer.drain()
                    in_data = verb == "DATA" and answer.startswith(b"354")
                    if verb == "QUIT":
                        break
        finally:
            self.open -= 1
            writer.transport.abort()
