"""Letters per second that all carry the same file of a megabyte, beside other senders, to two
servers.

The mailer keeps the file once, in the log and in memory, encoded and looked through once. *raw*
senders have it encoded beforehand, too, and hand on finished bytes; *MIME* senders build each
message, as their documentation shows it.

`smtp-sink` looks at every byte of the 1.4 MB, some 5 ms a letter, and is the limit for the quick
ones; the second server is our own (`bench.sink`), which does not.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from base64 import encodebytes
from dataclasses import dataclass, replace
from pathlib import Path

from bench import measure, people, rivals
from mailer.base.clock import now
from mailer.base.states import State
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading.counts import count
from mailer.letters.message import mime, pieces
from mailer.plan.plan import Plan
from mailer.sending.dispatch import Dispatch
from mailer.sending.smtp.session import Patience, Server, SmtpSession

LETTERS = 300
ROUNDS = 2
CONNECTIONS = 16
BYTES = 1_000_000
OURS = "mailer"
BESIDE = {"of Go": "Go net/smtp, MIME", "of nodemailer": "nodemailer pool, MIME"}

Cases = dict[str, measure.Case | measure.Program]


def main(letters: int = LETTERS, rounds: int = ROUNDS) -> None:
    with measure.smtp_sink() as slow, measure.helper("sink") as (quick, _):
        for port, server in ((slow, "smtp-sink"), (quick, "a quick server")):
            _compare(port, server, letters, rounds)


def _compare(port: int, server: str, letters: int, rounds: int) -> None:
    cases: Cases = {
        OURS: Sending(port, CONNECTIONS, letters),
        f"{OURS}, 1 connection": Sending(port, 1, letters),
    }
    add_others(cases, port, letters)
    results = measure.rounds(cases, rounds)
    rows = []
    for name, measured in results.items():
        beside = [_times(results, measured, other) for other in BESIDE.values()]
        rows.append(
            [
                name,
                measure.rates(measured),
                *beside,
                measure.processor(measured),
                measure.peak(measured),
            ]
        )
    measure.table(
        [f"a file of 1 MB, to {server}", "letters/s", *BESIDE, "CPU µs/letter", "peak MB"], rows
    )
    print(flush=True)


def _times(
    results: dict[str, list[measure.Measured]], measured: list[measure.Measured], other: str
) -> str:
    return (
        f"{measure.rate(measured) / measure.rate(results[other]):.1f} ×" if other in results else ""
    )


def add_others(cases: Cases, port: int, letters: int) -> None:
    """Add the other senders, with half as many letters: they take longer."""
    plan = people.plan_for(people.contacts(letters // 2))
    letters_file = rivals.letters_file(
        (one.contact.address, mime.dated(pieces.joined(one.data or b"", one.shared), now()))
        for one in plan.to_send
    )
    to = (str(port), str(CONNECTIONS), str(letters_file))
    file, encoded = letters_file.with_suffix(".pdf"), letters_file.with_suffix(".base64")
    file.write_bytes(_file())
    encoded.write_bytes(_encoded())
    files = (str(file), str(encoded))

    def node(mode: str) -> measure.Program:
        return measure.Program(("node", str(rivals.nodemailer()), *to, mode, *files))

    rivals.add(cases, "nodemailer pool, raw", lambda: node("raw"))
    rivals.add(cases, "nodemailer pool, MIME", lambda: node("mime"))
    rivals.add(
        cases,
        "smtppool, MIME",
        lambda: measure.Program((str(rivals.smtppool()), *to, "mime", *files)),
    )
    rivals.add(
        cases,
        "Go net/smtp, raw",
        lambda: measure.Program((str(rivals.netsmtp()), *to, "raw", *files)),
    )
    rivals.add(
        cases,
        "Go net/smtp, MIME",
        lambda: measure.Program((str(rivals.netsmtp()), *to, "mime", *files)),
    )


@dataclass(frozen=True)
class Sending:
    port: int
    connections: int
    letters: int

    def __call__(self) -> tuple[int, measure.Stopwatch]:
        with (
            tempfile.TemporaryDirectory() as folder,
            Ledger(f"sqlite:///{Path(folder) / 'ledger.db'}") as ledger,
        ):
            with ledger.writing() as connection:
                mailouts.create(
                    connection, _with_a_file(self.letters), at=ledger.now(), who="bench"
                )
            dispatch = Dispatch(
                ledger,
                1,
                self._session,
                people.unlimited(self.connections),
            )
            with measure.Stopwatch() as watch:
                asyncio.run(dispatch.run())
            with ledger.reading() as connection:
                assert count(connection, 1).letters[State.ACCEPTED] == self.letters
        return self.letters, watch

    def _session(self) -> SmtpSession:
        server = Server("127.0.0.1", self.port, "none", None, None, helo="rights.example")
        return SmtpSession(server, Patience(), lambda _address: True)


def _file() -> bytes:
    return random.Random(1).randbytes(BYTES)


def _encoded() -> bytes:
    return encodebytes(_file()).replace(b"\n", b"\r\n")


def _with_a_file(letters: int) -> Plan:
    """Return a plan whose letters end in the same part. As mail they are wrong; to a server they
    are bytes.
    """
    plan = people.plan_for(people.contacts(letters))
    part = pieces.Part(_encoded())
    deliveries = []
    for one in plan.to_send:
        assert one.data is not None
        shared = (*one.shared, (len(one.data), part))
        digest = pieces.digest(one.data, pieces.references(shared))
        deliveries.append(replace(one, shared=shared, digest=digest))
    return replace(plan, deliveries=tuple(deliveries))


if __name__ == "__main__":
    main()
