"""Letters per second over SMTP: this pipeline, with every person's record, beside aiosmtplib with
none.

All send the same letters to the same `smtp-sink`, each connection used for all of its letters:

- *mailer*: what `mailer send` does: claims from the send log (SQLite, `synchronous=FULL`), the
  marker on disk before
  each final dot, the outcome on disk after it, one event a letter, its attempt;
- *send_message*: `aiosmtplib`, the letters as `EmailMessage`, which is what one writes first.
  Nothing is recorded;
- *sendmail*: `aiosmtplib`, the letters as finished bytes. Nothing is recorded;
- *smtp-source*: Postfix's own generator of letters, all alike and of the same size. It is the
  limit.

Making the letters is not in the figures (see `planning`), for any of them. The peak memory of both
`aiosmtplib` rows holds all letters, as they are handed to them in a list.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, TypeVar

import aiosmtplib
import sqlalchemy as sa

from bench import measure, people
from bench.measure import CHILDREN
from mailer.base.states import State
from mailer.ledger import stored_letters
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading.counts import count
from mailer.ledger.schema import delivery
from mailer.letters.message import mime, pieces
from mailer.sending.dispatch import Dispatch
from mailer.sending.smtp.session import Patience, Server, SmtpSession

LETTERS = 6000
ROUNDS = 3
CONNECTIONS = (1, 8, 64)
OURS, MESSAGE, BYTES = "mailer", "aiosmtplib send_message", "aiosmtplib sendmail, bytes"
LONG, LIMIT = "mailer, 2 processes, 11 KB each", "smtp-source: the limit"

T = TypeVar("T")


def main(
    letters: int = LETTERS, rounds: int = ROUNDS, connections: tuple[int, ...] = CONNECTIONS
) -> None:
    with tempfile.TemporaryDirectory() as folder, measure.smtp_sink() as port:
        log, long = Path(folder) / "ledger.db", Path(folder) / "long.db"
        size = people.planned(log, letters)
        people.planned(long, letters, people.LONG)
        print(f"{letters:,} letters of {size:,.0f} bytes, {rounds} rounds, median [least-most]\n")
        cases: dict[str, measure.Case | measure.Program] = {
            _name(name, number): case(log, port, number)
            for number in connections
            for name, case in ((OURS, Mailer), (MESSAGE, Messages), (BYTES, Bytes))
        }
        most = max(connections)
        for number in (most, 2 * most):
            cases[_name(f"{OURS}, 2 processes, each", number)] = Mailer(
                log, port, number, processes=2
            )
        cases[_name(LONG, most)] = Mailer(long, port, most, processes=2)
        cases[LIMIT] = measure.smtp_source(port, sessions=16, letters=letters, size=round(size))
        results = measure.rounds(cases, rounds)
    measure.show(results, LIMIT)


def _name(sender: str, connections: int) -> str:
    return f"{sender}, {connections} conn."


@dataclass(frozen=True)
class Mailer:
    """This pipeline, from the copy of a send log in which everybody waits to one in which everybody
    is accepted.

    A second process is what `mailer work` is: another sender on the same log. The clock runs from
    the moment when all are ready to begin until the last one has ended; the processor time is that
    of all.
    """

    log: Path
    port: int
    connections: int  # of each process
    processes: int = 1

    def __call__(self) -> tuple[int, measure.Stopwatch]:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "ledger.db"
            shutil.copy(self.log, copy)
            ready, times = CHILDREN.Barrier(self.processes), CHILDREN.SimpleQueue()
            others = [
                CHILDREN.Process(target=self._beside, args=(copy, ready, times))
                for _ in range(self.processes - 1)
            ]
            for other in others:
                other.start()
            with Ledger(f"sqlite:///{copy}") as ledger:
                ready.wait()
                with measure.Stopwatch() as watch:
                    self._send(ledger)
                    for other in others:
                        other.join()
                watch.cpu += sum(times.get() for _ in others)
                with ledger.reading() as connection:
                    counts = count(connection, 1).letters
            assert counts[State.ACCEPTED] == sum(counts.values())
            return counts[State.ACCEPTED], watch

    def _beside(self, log: Path, ready: Barrier, times: SimpleQueue[float]) -> None:
        with Ledger(f"sqlite:///{log}") as ledger:
            ready.wait()
            with measure.Stopwatch() as watch:
                self._send(ledger)
        times.put(watch.cpu)

    def _send(self, ledger: Ledger) -> None:
        dispatch = Dispatch(
            ledger,
            1,
            self._session,
            people.unlimited(self.connections),
        )
        asyncio.run(dispatch.run())

    def _session(self) -> SmtpSession:
        server = Server("127.0.0.1", self.port, "none", None, None, helo="rights.example")
        return SmtpSession(server, Patience(), lambda _address: True)


@dataclass(frozen=True)
class Messages:
    """aiosmtplib as its documentation shows it: one client a connection, one `send_message` a
    letter.
    """

    log: Path
    port: int
    connections: int

    def __call__(self) -> tuple[int, measure.Stopwatch]:
        letters = deque(
            message_from_bytes(data, _class=EmailMessage, policy=policy.default)
            for _, data in _letters(self.log)
        )

        def send(client: aiosmtplib.SMTP, letter: EmailMessage) -> Coroutine[Any, Any, object]:
            return client.send_message(letter)

        return len(letters), _through(self.port, self.connections, letters, send)


@dataclass(frozen=True)
class Bytes:
    """aiosmtplib with everything done beforehand: `sendmail` of finished bytes."""

    log: Path
    port: int
    connections: int

    def __call__(self) -> tuple[int, measure.Stopwatch]:
        letters = deque(_letters(self.log))

        def send(client: aiosmtplib.SMTP, letter: tuple[str, bytes]) -> Coroutine[Any, Any, object]:
            return client.sendmail("jana@rights.example", [letter[0]], letter[1])

        return len(letters), _through(self.port, self.connections, letters, send)


def _letters(log: Path) -> list[tuple[str, bytes]]:
    with Ledger(f"sqlite:///{log}") as ledger, ledger.reading() as connection:
        who = sa.select(delivery.c.address, delivery.c.digest).order_by(delivery.c.position)
        rows = connection.execute(who).all()
        found = stored_letters.read(connection, {row.digest for row in rows})
    now = datetime.now(UTC)
    return [(row.address, mime.dated(pieces.joined(*found[row.digest]), now)) for row in rows]


def _through(
    port: int,
    connections: int,
    letters: deque[T],
    send: Callable[[aiosmtplib.SMTP, T], Coroutine[Any, Any, object]],
) -> measure.Stopwatch:
    async def worker() -> None:
        async with _client(port) as client:
            while letters:
                await send(client, letters.popleft())

    async def workers() -> None:
        await asyncio.gather(*(worker() for _ in range(connections)))

    with measure.Stopwatch() as watch:
        asyncio.run(workers())
    return watch


def _client(port: int) -> aiosmtplib.SMTP:
    return aiosmtplib.SMTP(
        hostname="127.0.0.1", port=port, start_tls=False, local_hostname="rights.example"
    )


if __name__ == "__main__":
    main()
