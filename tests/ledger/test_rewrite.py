"""Facts about writing the log anew: what was deleted is in none of its files, while others look on,
and whoever keeps it from going is waited for, and then named.
"""

from __future__ import annotations

import sqlite3
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from mailer.base.states import MailOutState
from mailer.ledger import mailouts
from mailer.ledger.ledger import Busy, Ledger
from mailer.ledger.record import erasure
from mailer.ledger.record.rewrite import rewrite
from mailer.ledger.schema import metadata
from mailer.plan.plan import Plan
from tests.conftest import POSTGRESQL, SettableClock, a_plan
from tests.helpers.journeys import Journey

RUN = f"Person{uuid.uuid4().hex[:10]}"
FORGOTTEN = (3, 7, 11, 19, 23, 30, 41, 52)


def erase(journey: Journey, *numbers: int) -> None:
    with journey.ledger.writing() as connection:
        people = [journey.one(number) for number in numbers]
        erasure.erase(connection, people, who="Marta", because="asked for it", at=journey.clock())


@pytest.fixture
def over(ledger: Ledger, clock: SettableClock) -> Journey:
    with ledger.writing() as connection:
        mailouts.create(connection, some_people(60), at=clock(), who="Jana")
    journey = Journey(ledger, 1, clock)
    journey.become(MailOutState.STOPPED)
    return journey


def some_people(number: int) -> Plan:
    """Plan letters to people whom no other test knows: the databases of a server have tables in
    common.
    """
    plan = a_plan(number)
    people = [
        replace(one, contact=replace(one.contact, name=f"{RUN} {one.number} Example"))
        for one in plan.deliveries
    ]
    return replace(plan, deliveries=tuple(people))


def bytes_of(ledger: Ledger) -> bytes:
    """Return every byte that the log has on disk, as it is now."""
    if ledger.path is not None:
        return b"".join(path.read_bytes() for path in sorted(ledger.path.parent.iterdir()))
    engine = sa.create_engine(POSTGRESQL, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text("CHECKPOINT"))
        schema = ledger.url.query["options"].removeprefix("-csearch_path=")
        files = connection.scalars(
            sa.text(
                "SELECT pg_relation_filepath(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid ="
                " c.relnamespace WHERE relkind IN ('r', 'i', 't') AND (nspname = :schema OR c.oid"
                " IN (SELECT reltoastrelid FROM pg_class x JOIN pg_namespace y ON y.oid ="
                " x.relnamespace WHERE nspname = :schema) OR relname = 'pg_statistic')"
            ),
            {"schema": schema},
        ).all()
        read = sa.text("SELECT pg_read_binary_file(:file)")
        return b"".join(connection.scalar(read, {"file": file}) for file in files)


def left_of(ledger: Ledger, *numbers: int) -> list[int]:
    held = bytes_of(ledger)
    return [number for number in numbers if f"{RUN} {number} ".encode() in held]


def test_nothing_of_the_erased_lies_in_any_file_and_the_others_do(
    over: Journey, ledger: Ledger
) -> None:
    if ledger.path is None:  # the server looks at the values of columns now and then
        with ledger.session() as connection:
            for table in metadata.sorted_tables:
                connection.execute(sa.text(f'ANALYZE "{table.name}"'))
    assert left_of(ledger, *FORGOTTEN) == list(FORGOTTEN)
    erase(over, *FORGOTTEN)
    rewrite(ledger)
    assert left_of(ledger, *FORGOTTEN) == []
    assert left_of(ledger, 4, 60) == [4, 60]


@pytest.mark.parametrize("before", ["OFF", "FAST", "ON"])
def test_what_a_sqlite_of_another_default_left_goes_too(
    tmp_path: Path, clock: SettableClock, before: str
) -> None:
    """Older versions wrote with the default of the SQLite at hand; a console looks on."""
    path = tmp_path / "state" / "ledger.db"
    with Ledger(f"sqlite:///{path}", now=clock) as log:
        driver = log._writer.raw_connection().driver_connection
        driver.execute(f"PRAGMA secure_delete={before}")
        with log.writing() as connection:
            mailouts.create(connection, some_people(60), at=clock(), who="Jana")
        journey = Journey(log, 1, clock)
        journey.become(MailOutState.STOPPED)
        with Ledger(f"sqlite:///{path}", now=clock) as console:
            with console.reading() as connection:
                assert connection.scalar(sa.text("SELECT count(*) FROM delivery")) == 60
            erase(journey, *FORGOTTEN)
            rewrite(log)
            assert left_of(log, *FORGOTTEN) == []
            with console.writing() as connection:  # and goes on with it
                mailouts.create(connection, a_plan(2), at=clock(), who="Jana")


def test_every_connection_overwrites_what_it_deletes(sqlite_ledger: Ledger) -> None:
    with sqlite_ledger.writing() as connection:
        assert connection.scalar(sa.text("PRAGMA secure_delete")) == 1


def test_who_reads_is_waited_for(over: Journey, ledger: Ledger) -> None:
    erase(over, 3)
    with ledger.reading() as connection:
        if ledger.path is None:
            connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        connection.execute(sa.text("SELECT count(*) FROM delivery")).all()
        with pytest.raises(Busy, match="can still be found") as caught:
            rewrite(ledger, patience=0.2)
        assert caught.value.code == "S316"
        worker = threading.Thread(target=rewrite, args=(ledger, 30.0))
        worker.start()
    worker.join(30)
    assert not worker.is_alive()
    assert left_of(ledger, 3) == []


def test_a_database_program_with_the_log_open_is_named(
    sqlite_ledger: Ledger, clock: SettableClock, planned_on: Callable[[Ledger], Journey]
) -> None:
    journey = planned_on(sqlite_ledger)
    erase(journey, 3)
    other = sqlite3.connect(sqlite_ledger.path or "", isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM delivery").fetchall()
    with pytest.raises(Busy, match=r"ledger\.db-wal"):
        rewrite(sqlite_ledger, patience=0.1)
    other.close()
    rewrite(sqlite_ledger)
    assert left_of(sqlite_ledger, 3) == []


@pytest.fixture
def planned_on(clock: SettableClock) -> Callable[[Ledger], Journey]:
    def make(log: Ledger) -> Journey:
        with log.writing() as connection:
            mailouts.create(connection, some_people(6), at=clock(), who="Jana")
        journey = Journey(log, 1, clock)
        journey.become(MailOutState.STOPPED)
        return journey

    return make
