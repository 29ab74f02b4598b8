"""The witness: an SMTP server in a process of its own, that writes every final dot into a file
before it answers.

Killing a sender does not touch it, so its record is the truth about who got what. It can make
mischief: with a given chance per command it hangs up, answers 4xx or 421, or (`gone`, as part of an
address) refuses a person for good. With `mood` it does what some servers do all the time: "early"
answers a letter half way and again behind its dot, "session" ends a session after four letters,
"grey" puts everybody off once, "slow" takes its time for each letter.

Run as `python -m tests.reliability.witness RECORD MISCHIEF SEED OFFERS MOOD`; the first line it
prints is its port.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from tests.helpers.children import Child

ROOT = Path(__file__).resolve().parents[2]
NO_ANSWER = "none"


@dataclass(frozen=True)
class Dot:
    """One final dot that the server has read."""

    recipient: str
    date: str  # sha256 of the Date line
    digest: str  # sha256 of all that comes after it
    recipients: int  # RCPT of this transaction
    answer: str  # the code of the answer that was sent, or "none"

    @property
    def may_have_arrived(self) -> bool:
        return self.answer == NO_ANSWER or self.answer.startswith("2")


@dataclass
class Witness:
    """A running witness, as the tests see it."""

    folder: Path
    mischief: float = 0.0
    seed: int = 0
    offers: str = "PIPELINING,8BITMIME,ENHANCEDSTATUSCODES,SIZE 10000000"
    mood: str = ""
    port: int = 0
    _read: int = 0
    _dots: dict[str, list[Dot]] = field(default_factory=lambda: defaultdict(list))

    def __enter__(self) -> Witness:
        self.record = (
            self.folder / f"witness-{os.getpid()}-{self.seed}-{self.mischief}{self.mood}.log"
        )
        self.record.touch()
        command = [
            sys.executable,
            "-m",
            __name__,
            str(self.record),
            str(self.mischief),
            str(self.seed),
            self.offers,
            self.mood,
        ]
        self._process = Child(command, stdout=subprocess.PIPE, cwd=ROOT)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *_: object) -> None:
        self._process.end()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def dots(self, recipient: str) -> list[Dot]:
        self._tail()
        return self._dots.get(recipient, [])

    def everybody(self) -> set[str]:
        self._tail()
        return set(self._dots)

    def _tail(self) -> None:
        with self.record.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.decode().splitlines():
            recipient, date, digest, recipients, answer = line.split(" ")
            self._dots[recipient].append(Dot(recipient, date, digest, int(recipients), answer))


@dataclass
class Server:
    record: int
    mischief: float
    dice: random.Random
    offers: list[str]
    mood: str = ""
    met: set[str] = field(default_factory=set)  # whom it has put off once

    def _struck(self) -> str | None:
        if self.dice.random() >= self.mischief:
            return None
        return self.dice.choice(
            ["hang up", "reset", "421 4.3.2 not now", "451 4.3.0 later", "450 4.2.0 greylisted"]
        )

    async def _say(self, writer: asyncio.StreamWriter, usual: str, *, strike: bool = True) -> str:
        """Answer, or make mischief. Returns what was said; raises EOFError when the
        line is gone.
        """
        answer = (self._struck() if strike else None) or usual
        if answer in ("hang up", "reset"):
            if answer == "reset":
                writer.transport.abort()
            raise EOFError
        writer.write(f"{answer}\r\n".encode())
        await writer.drain()
        if answer.startswith("421"):
            raise EOFError
        return answer

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError):
            await self._talk(reader, writer)
        writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recipients: list[str] = []
        letters = 0
        await self._say(writer, "220 witness.example ESMTP")
        while line := await reader.readline():
            verb = line.split(b" ")[0].strip().upper()
            if verb == b"EHLO":
                lines = ["witness.example", *self.offers]
                text = "".join(f"250-{one}\r\n" for one in lines[:-1]) + f"250 {lines[-1]}"
                await self._say(writer, text, strike=False)
            elif verb == b"MAIL":
                recipients, letters = [], letters + 1
                full = self.mood == "session" and letters > 4
                many = "421 4.7.0 too many messages in this session"
                await self._say(writer, many if full else "250 2.1.0 fine", strike=not full)
            elif verb == b"RCPT":
                recipient = line.split(b"<")[1].split(b">")[0].decode()
                gone = "gone" in recipient
                usual = "550 5.1.1 no such user" if gone else "250 2.1.5 fine"
                if self.mood == "grey" and recipient not in self.met:
                    self.met.add(recipient)
                    usual = "450 4.7.1 greylisted, come back later"
                said = await self._say(writer, usual, strike=not gone)
                if said.startswith("250"):
                    recipients.append(recipient)
            elif verb == b"DATA":
                said = await self._say(
                    writer, "354 go on" if recipients else "554 5.5.1 no valid recipients"
                )
                if said.startswith("354"):
                    await self._body(reader, writer, recipients)
            elif verb == b"QUIT":
                await self._say(writer, "221 2.0.0 bye", strike=False)
                return
            else:
                await self._say(writer, "250 2.0.0 fine", strike=False)

    async def _body(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, recipients: list[str]
    ) -> None:
        lines: list[bytes] = []
        usual = "250 2.0.0 taken"
        if self.mood == "early" and self.dice.random() < 0.2:
            lines.append((await reader.readline()).removeprefix(b"."))
            await asyncio.sleep(self.dice.random() * 0.01)
            await self._say(
                writer, self.dice.choice(["451 4.3.0 half way", "250 2.0.0 half way"]), strike=False
            )
            usual = self.dice.choice([usual, "452 4.3.1 no room"])
        while (line := await reader.readline()) != b".\r\n":
            if not line.endswith(b"\n"):
                raise EOFError
            lines.append(line.removeprefix(b"."))
        date, rest = sha256(lines[0]).hexdigest()[:16], sha256(b"".join(lines[1:])).hexdigest()
        struck = self._struck()
        answer = NO_ANSWER if struck in ("hang up", "reset") else (struck or usual)[:3]
        for recipient in recipients:
            os.write(
                self.record, f"{recipient} {date} {rest} {len(recipients)} {answer}\n".encode()
            )
        if self.dice.random() < (1.0 if self.mood == "slow" else 0.2):
            await asyncio.sleep(self.dice.random() * (0.04 if self.mood == "slow" else 0.004))
        if answer == NO_ANSWER:
            if struck == "reset":
                writer.transport.abort()
            raise EOFError
        await self._say(writer, struck or usual, strike=False)
        if answer == "421":
            raise EOFError


async def serve(server: Server) -> None:
    listening = await asyncio.start_server(server.talk, "127.0.0.1", 0, limit=1 << 20)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


if __name__ == "__main__":
    path, mischief, seed, offers, mood = sys.argv[1:6]
    log = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    asyncio.run(
        serve(
            Server(
                log,
                float(mischief),
                random.Random(seed),
                [one for one in offers.split(",") if one],
                mood,
            )
        )
    )
