"""Letters per second that all carry the same file of a megabyte, kept and held in memory once.

How fast it goes is decided by `smtp-sink`, which looks at every byte of the 1.4 MB: it takes about 5 ms of processor
time a letter, of the same cores. Our own time stands beside it.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from base64 import encodebytes
from dataclasses import dataclass, replace
from pathlib import Path

from bench import measure, people
from mailer import wire
from mailer.dispatch import Dispatch
from mailer.feed import Course
from mailer.ledger import mailouts, queries
from mailer.ledger.ledger import Ledger
from mailer.plan import Plan
from mailer.states import State
from mailer.transport.smtp import Patience, Server, SmtpSession

LETTERS = 400
ROUNDS = 5
CONNECTIONS = (1, 4)
BYTES = 1_000_000


def main() -> None:
    with measure.smtp_sink() as port:
        cases: dict[str, measure.Case] = {f"{number} connections": Sending(port, number) for number in CONNECTIONS}
        results = measure.rounds(cases, ROUNDS)
    measure.table(
        [f"{LETTERS} letters with a file of 1 MB", "letters/s", "our CPU µs/letter", "peak MB"],
        [
            [
                name,
                f"{measure.median(measured, lambda one: one.number / one.seconds):,.0f}",
                f"{measure.median(measured, lambda one: one.cpu / one.number * 1e6):,.0f}",
                f"{measure.median(measured, lambda one: one.peak or 0):,.0f}",
            ]
            for name, measured in results.items()
        ],
    )


@dataclass(frozen=True)
class Sending:
    port: int
    connections: int

    def __call__(self) -> tuple[int, measure.Stopwatch]:
        with tempfile.TemporaryDirectory() as folder, Ledger(f"sqlite:///{Path(folder) / 'ledger.db'}") as ledger:
            with ledger.writing() as connection:
                mailouts.create(connection, _with_a_file(), at=ledger.now(), who="bench")
            dispatch = Dispatch(ledger, 1, self._session, Course(self.connections, per_connection=1_000_000))
            with measure.Stopwatch() as watch:
                asyncio.run(dispatch.run())
            with ledger.reading() as connection:
                assert queries.counts(connection, 1)[State.ACCEPTED] == LETTERS
        return LETTERS, watch

    def _session(self) -> SmtpSession:
        server = Server("127.0.0.1", self.port, "none", None, None, helo="rights.example")
        return SmtpSession(server, Patience(), lambda _address: True)


def _with_a_file() -> Plan:
    """Return a plan whose letters end in the same part. As mail they are wrong; to a server they are bytes."""
    plan = people.plan_for(people.contacts(LETTERS))
    part = wire.Part(encodebytes(random.Random(1).randbytes(BYTES)).replace(b"\n", b"\r\n"))
    deliveries = []
    for one in plan.to_send:
        assert one.data is not None
        shared: wire.Shared = ((len(one.data), part),)
        digest = wire.digest(one.data, wire.references(shared))
        deliveries.append(replace(one, shared=shared, digest=digest))
    return replace(plan, deliveries=tuple(deliveries))


if __name__ == "__main__":
    main()
