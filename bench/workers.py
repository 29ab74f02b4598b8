"""Senders that share a send log on PostgreSQL, and a server 50 ms away: one, two and four of them.

Each is what `mailer work` is, a process of its own; the mail-out has eight connections for each.
The line to the server is long (`delay`), that to the database is not. The server counts what it
takes: no letter may come twice. What counts are the letters between the first and the last tenth:
at the beginning and at the end not all send, and on a busy machine a process takes seconds to
begin; how long all took stands beside it. `BENCH_POSTGRESQL` names a database in which a schema may
be made and dropped.
"""

from __future__ import annotations

import asyncio
import os
import smtplib
import statistics
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Barrier
from typing import IO

import sqlalchemy as sa

from bench import measure, people
from bench.line import DELAY
from bench.measure import CHILDREN
from mailer.base.states import State
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading.counts import count
from mailer.ledger.schema import event
from mailer.sending.dispatch import Dispatch
from mailer.sending.smtp.session import Patience, Server, SmtpSession

EACH = 800  # letters for each sender
CONNECTIONS = 8  # of each
WORKERS = (1, 2, 4)
ROUNDS = 2


def main(each: int = EACH, workers: tuple[int, ...] = WORKERS, rounds: int = ROUNDS) -> None:
    database = os.environ.get("BENCH_POSTGRESQL", "")
    if not database:
        print("left out: BENCH_POSTGRESQL names no database")
        return
    rates: dict[int, list[tuple[float, float]]] = {number: [] for number in workers}
    for _ in range(rounds):
        for number in workers:
            with _schema(database) as url:
                rates[number].append(_round(url, number, number * each))
    alone = rates[workers[0]]
    rows = []
    for number, found in rates.items():
        row = [str(number)]
        for its, lone in zip(zip(*found, strict=True), zip(*alone, strict=True), strict=True):
            rate = statistics.median(its)
            share = rate / statistics.median(lone) / number * workers[0]
            row += [f"{rate:,.0f}", f"{share:.2f}"]
        rows.append(row)
    heads = ("letters/s", "of linear", "with beginning and end", "of linear")
    measure.table(["senders", *heads], rows)


@contextmanager
def _schema(database: str) -> Iterator[str]:
    """Make a schema of its own, and yield the address of the database with it."""
    name = f"bench_{uuid.uuid4().hex}"
    engine = sa.create_engine(
        sa.make_url(database).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE SCHEMA {name}"))
        try:
            yield engine.url.update_query_dict(
                {"options": f"-csearch_path={name}"}
            ).render_as_string(hide_password=False)
        finally:
            connection.execute(sa.text(f"DROP SCHEMA {name} CASCADE"))
    engine.dispose()


def _round(url: str, workers: int, letters: int) -> tuple[float, float]:
    """Return the letters per second of so many senders together: of the middle eight tenths, and of
    all.
    """
    plan = people.plan_for(people.contacts(letters))
    with Ledger(url) as ledger, ledger.writing() as connection:
        mailouts.create(connection, plan, at=ledger.now(), who="bench")
    with (
        measure.helper("sink") as (sink, seen),
        measure.helper("delay", sink, DELAY) as (port, _),
    ):
        ready = CHILDREN.Barrier(workers + 1)
        children = [
            CHILDREN.Process(target=_send, args=(url, port, workers * CONNECTIONS, ready))
            for _ in range(workers)
        ]
        for child in children:
            child.start()
        ready.wait()
        begun = time.perf_counter()
        for child in children:
            child.join()
        seconds = time.perf_counter() - begun
        with Ledger(url) as ledger, ledger.reading() as connection:
            counts = count(connection, 1).letters
            tried = sa.select(event.c.at).where(event.c.attempt.is_not(None))
            at = connection.scalars(tried.order_by(event.c.at)).all()
        assert counts[State.ACCEPTED] == letters, counts
        assert _taken(sink, seen, letters) == letters, "a letter came twice"
    first, last = letters // 10, letters - letters // 10
    return (last - first) / (at[last] - at[first]).total_seconds(), letters / seconds


def _taken(sink: int, seen: IO[str], letters: int) -> int:
    """Return how many letters the server has taken: it says it at one more."""
    with smtplib.SMTP("127.0.0.1", sink, local_hostname="rights.example") as client:
        client.sendmail("jana@rights.example", "anna@no.example", b"Subject: one more\r\n")
    numbers = (int(line.split()[0]) for line in seen)
    return next(number for number in numbers if number > letters) - 1


def _send(url: str, port: int, connections: int, ready: Barrier) -> None:
    def session() -> SmtpSession:
        server = Server("127.0.0.1", port, "none", None, None, helo="rights.example")
        return SmtpSession(server, Patience(), lambda _address: True)

    with Ledger(url) as ledger:
        ready.wait()
        asyncio.run(Dispatch(ledger, 1, session, people.unlimited(connections)).run())


if __name__ == "__main__":
    main()
