"""Letters per second beside other senders, on loopback, in one run: what is lost and won by keeping
a record.

- *mailer*: see `bench.sending`; *whole path*: the plan as well, that is decide, render, build, read
  back, write to the
  send log, and then send;
- *nodemailer*: its pool, with finished bytes, and building each message; *smtppool*: the Go library
  that listmonk sends
  with; *Go net/smtp*: what that stands on, with finished bytes, and building each message;
- *mailmerge*: the program as a whole, from CSV and template, text without HTML;
- *smtp-source*: Postfix's own generator of letters, all alike and of the same size. It is the
  limit.

Only the mailer keeps a record. What cannot be had here is left out, by name.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from bench import measure, people, rivals
from bench.sending import Bytes, Mailer, Messages, _letters
from mailer.base.states import State
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading.counts import count
from mailer.sending.dispatch import Dispatch
from mailer.sending.smtp.session import Patience, Server, SmtpSession

LETTERS = 3000
FEW = 300  # of those that take a connection or some milliseconds for each
CONNECTIONS = 8
MANY = 64  # for the mailer, which writes its record for all of them together, and smtppool
ROUNDS = 3
OURS, WHOLE, LIMIT = "mailer, sending", "mailer, whole path", "smtp-source: the limit"
Cases = dict[str, measure.Case | measure.Program]


def main(letters: int = LETTERS, rounds: int = ROUNDS, connections: int = CONNECTIONS) -> None:
    with tempfile.TemporaryDirectory() as folder, measure.smtp_sink() as port:
        log = Path(folder) / "ledger.db"
        people.planned(log, letters)
        ready = _letters(log)
        size = round(mean(len(data) for _, data in ready))
        print(
            f"{letters:,} letters of {size:,} bytes, {connections} connections, {rounds} rounds\n",
            flush=True,
        )
        cases: Cases = {
            OURS: Mailer(log, port, connections),
            WHOLE: Whole(letters, port, connections),
            f"{OURS}, {MANY} conn.": Mailer(log, port, MANY),
            f"{OURS}, 2 processes, each {MANY} conn.": Mailer(log, port, MANY, 2),
            f"{WHOLE}, {MANY} conn.": Whole(letters, port, MANY),
            "aiosmtplib sendmail, bytes": Bytes(log, port, connections),
            "aiosmtplib send_message": Messages(log, port, connections),
        }
        add_others(cases, ready, port, connections, size)
        results = measure.rounds(cases, rounds)
    measure.show(results, LIMIT)


def add_others(
    cases: Cases, ready: list[tuple[str, bytes]], port: int, connections: int, size: int
) -> None:
    """Add every sender that can be had here."""
    file = str(rivals.letters_file(ready))
    to = (str(port), str(connections), file)

    def pool(connections: int) -> measure.Program:
        command = (str(rivals.smtppool()), str(port), str(connections), file, "mime")
        return measure.Program(command)

    def node(mode: str) -> measure.Program:
        return measure.Program(("node", str(rivals.nodemailer()), *to, mode))

    rivals.add(cases, "nodemailer pool, raw", lambda: node("raw"))
    rivals.add(cases, "nodemailer pool, MIME", lambda: node("mime"))
    rivals.add(cases, "smtppool, MIME", lambda: pool(connections))
    rivals.add(cases, f"smtppool, MIME, {MANY} conn.", lambda: pool(MANY))
    rivals.add(
        cases, "Go net/smtp, raw", lambda: measure.Program((str(rivals.netsmtp()), *to, "raw"))
    )
    rivals.add(
        cases, "Go net/smtp, MIME", lambda: measure.Program((str(rivals.netsmtp()), *to, "mime"))
    )

    def merge() -> measure.Program:
        program = rivals.mailmerge()
        command = (str(program), "--no-dry-run", "--no-limit")
        return measure.Program(
            command, whole=min(FEW, len(ready)), folder=rivals.mailmerge_folder(ready[:FEW], port)
        )

    rivals.add(cases, "mailmerge, the program as a whole", merge)
    cases[LIMIT] = measure.smtp_source(port, sessions=connections, letters=len(ready), size=size)


@dataclass(frozen=True)
class Whole:
    """Everything that `mailer plan` and `mailer send` do, from contacts in memory to an outcome for
    everybody.
    """

    letters: int
    port: int
    connections: int

    def __call__(self) -> tuple[int, measure.Stopwatch]:
        contacts = people.contacts(self.letters)
        with (
            tempfile.TemporaryDirectory() as folder,
            Ledger(f"sqlite:///{Path(folder) / 'ledger.db'}") as ledger,
        ):
            with measure.Stopwatch() as watch:
                plan = people.plan_for(contacts)
                with ledger.writing() as connection:
                    mail_out = mailouts.create(connection, plan, at=ledger.now(), who="bench")
                del plan
                options = people.unlimited(self.connections)
                asyncio.run(Dispatch(ledger, mail_out, self._session, options).run())
            with ledger.reading() as connection:
                assert count(connection, mail_out).letters[State.ACCEPTED] == self.letters
        return self.letters, watch

    def _session(self) -> SmtpSession:
        server = Server("127.0.0.1", self.port, "none", None, None, helo="rights.example")
        return SmtpSession(server, Patience(), lambda _address: True)


if __name__ == "__main__":
    main()
