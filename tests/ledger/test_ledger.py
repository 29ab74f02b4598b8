"""Facts about the send log: moves, markers, fences, and what is there after a crash."""

from __future__ import annotations

import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from mailer.base import locks
from mailer.base.errors import Refused, UsageError
from mailer.base.states import TRANSITIONS, MailOutState, Reason, Receipt, Stage, State
from mailer.contacts.holds import Hold, Holds
from mailer.ledger import events, mailouts, migrations
from mailer.ledger.guard import health, rescue, senders
from mailer.ledger.guard.senders import dead_senders, sender
from mailer.ledger.ledger import Busy, Ledger, number_of, shown
from mailer.ledger.moves import holding, transitions
from mailer.ledger.reading import deliveries
from mailer.ledger.reading.counts import count
from mailer.ledger.schema import delivery, event, metadata
from tests.conftest import SettableClock, a_contact, a_plan, damage
from tests.helpers.children import Child
from tests.helpers.journeys import LATER, ME, YES, Journey, paths

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def journey(ledger: Ledger, planned: Callable[..., int], clock: SettableClock) -> Journey:
    return Journey(ledger, planned(6, left_out=2), clock)


# ----------------------------------------------------------------------------------------- the file


def test_log_and_its_folder_are_for_their_owner_alone(sqlite_ledger: Ledger) -> None:
    assert sqlite_ledger.path is not None
    assert stat.S_IMODE(sqlite_ledger.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(sqlite_ledger.path.parent.stat().st_mode) == 0o700


def test_commits_survive_a_power_cut_by_wal_and_full_sync(sqlite_ledger: Ledger) -> None:
    with sqlite_ledger.writing() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_no_question_is_compiled_before_it_is_answered(ledger: Ledger) -> None:
    """Its counts take PostgreSQL 20 ms, and compiling that question 3 s."""
    if ledger.path is not None:
        pytest.skip("SQLite compiles nothing")
    for session in (ledger.reading, ledger.writing, ledger.session):
        with session() as connection:
            assert connection.exec_driver_sql("SHOW jit").scalar() == "off"


def test_new_log_has_the_tables_of_the_schema(ledger: Ledger) -> None:
    with ledger.writing() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_indexes_of_some_rows_are_that_on_either_database(ledger: Ledger) -> None:
    with ledger.reading() as connection:
        word = f"{connection.dialect.name}_where"
        found = {
            str(index["name"]): str(index["dialect_options"][word])
            for table in ("delivery", "event", "member_position")
            for index in sa.inspect(connection).get_indexes(table)
            if word in index.get("dialect_options", {})
        }
    assert found.keys() == {
        index.name
        for table in metadata.tables.values()
        for index in table.indexes
        if "postgresql_where" in index.info
    }
    assert "digest IS NOT NULL" in found["uq_delivery_one_letter"]
    assert all(("newest" in where) == ("position" in name) for name, where in found.items())


ON_POSTGRESQL = {"  id INTEGER": "  id SERIAL", "DATETIME": "TIMESTAMPTZ", "BLOB": "BYTEA"}


def tables_of_today(connection: sa.Connection, version: str) -> None:
    """Make the tables as they were when the steps began, and say that they are of this version."""
    script = (DATA / "tables-0006.sql").read_text("utf-8")
    if connection.dialect.name == "postgresql":
        for ours, theirs in ON_POSTGRESQL.items():
            script = script.replace(ours, theirs)
    steps = [*script.split(";\n"), "CREATE TABLE alembic_version (version_num TEXT PRIMARY KEY)"]
    for step in filter(str.strip, steps):
        connection.exec_driver_sql(step)
    connection.execute(sa.text("INSERT INTO alembic_version VALUES (:it)"), {"it": version})


def test_migrations_lead_to_the_tables_of_the_schema(ledger_url: str, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    engine = sa.create_engine(ledger_url)
    with engine.begin() as connection:
        tables_of_today(connection, "0006")
        migrations.upgrade(connection)
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_log_from_before_the_beginning_is_refused_with_the_way_out(
    ledger_url: str, tmp_path: Path
) -> None:
    (tmp_path / "state").mkdir()
    engine = sa.create_engine(ledger_url)
    with engine.begin() as connection:
        tables_of_today(connection, "0003")
        with pytest.raises(Refused, match="older version") as refused:
            migrations.upgrade(connection)
    assert "mailer init" in refused.value.hint
    engine.dispose()


def test_log_of_a_newer_version_is_refused_and_left_alone(ledger: Ledger) -> None:
    with ledger.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Refused, match="newer version"):
        Ledger(ledger.url.render_as_string(False))


def test_file_that_is_no_log_is_refused_in_plain_words(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"certainly not a database, but long enough to look like one " * 40)
    with pytest.raises(Refused, match="damaged"):
        Ledger(f"sqlite:///{path}")


def test_log_that_is_damaged_where_it_says_who_was_written_to_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger(f"sqlite:///{path}") as ledger:
        with ledger.writing() as connection:
            mailouts.create(connection, a_plan(40), at=ledger.now(), who="Jana")
        health.require(ledger)
    damage(path)
    with Ledger(f"sqlite:///{path}") as ledger, pytest.raises(Refused, match="damaged"):
        health.require(ledger)


def test_reader_cannot_write(ledger: Ledger) -> None:
    with pytest.raises(Refused), ledger.reading() as connection:
        connection.execute(sa.delete(event))


def test_block_that_raises_leaves_nothing(
    ledger: Ledger, planned: Callable[..., int], clock: SettableClock
) -> None:
    mail_out_id = planned(3)
    with pytest.raises(RuntimeError), ledger.writing() as connection:
        mailouts.change(connection, mail_out_id, MailOutState.SENDING, at=clock(), who="Jana")
        raise RuntimeError
    with ledger.reading() as connection:
        assert mailouts.get(connection, mail_out_id).state is MailOutState.PLANNED


@pytest.mark.parametrize("name", ["M-0007", "m-7", "7", " M-7 ", "M7"])
def test_mail_out_is_known_by_its_name(name: str) -> None:
    assert number_of(name) == 7
    assert shown(7) == "M-0007"


@pytest.mark.parametrize("name", ["", "azerbaijan", "M-x", "-", "M-0.5"])
def test_what_is_no_name_of_a_mail_out_is_said(name: str) -> None:
    with pytest.raises(UsageError, match="M-0001"):
        number_of(name)


# ----------------------------------------------------------------------------------- the plan in it


def test_everyone_of_the_plan_is_in_the_log(journey: Journey) -> None:
    assert journey.counts() == {State.WAITING: 6, State.SKIPPED: 2}


def test_nobody_gets_two_letters_of_one_mail_out(
    ledger: Ledger, planned: Callable[..., int]
) -> None:
    planned(2)
    with pytest.raises(sa.exc.IntegrityError), ledger.writing() as connection:
        connection.execute(sa.update(delivery).values(address_key="one@no.example"))


def test_states_in_the_database_are_a_closed_set(
    ledger: Ledger, planned: Callable[..., int]
) -> None:
    planned(1)
    with pytest.raises(sa.exc.IntegrityError), ledger.writing() as connection:
        connection.execute(sa.update(delivery).values(state="delivered"))


# ---------------------------------------------------------------------------------------- the moves


def test_claim_takes_in_the_order_of_sending_and_only_once(journey: Journey) -> None:
    first, second = journey.claim(2), journey.claim(9)
    assert [one.number for one in first] == [1, 2]
    assert [one.number for one in second] == [3, 4, 5, 6]
    assert journey.claim(9) == []


@pytest.mark.parametrize("state", [MailOutState.PAUSED, MailOutState.STOPPED])
def test_nothing_is_claimed_and_nothing_marked_once_the_mail_out_does_not_run(
    journey: Journey, state: MailOutState
) -> None:
    (one,) = journey.claim()
    journey.become(state)
    assert journey.claim(9) == []
    assert not journey.mark(one)


def test_accepted_is_recorded_with_the_servers_words(journey: Journey) -> None:
    (one,) = journey.claim()
    assert journey.mark(one)
    assert journey.record(one, YES)
    row = journey.one(1)
    assert (row.state, row.code, row.enhanced, row.text, row.attempts) == (
        State.ACCEPTED, 250, "2.0.0", "queued as 4F1C", 1,
    )  # fmt: skip


def test_deferred_is_claimed_again_when_it_is_due_and_not_before(journey: Journey) -> None:
    (one,) = journey.claim()
    at = journey.clock() + timedelta(minutes=5)
    journey.record(one, LATER, reason=Reason.LATER, next_try_at=at)
    assert [other.number for other in journey.claim(9)] == [2, 3, 4, 5, 6]
    journey.clock.forward(minutes=6)
    (again,) = journey.claim(9)
    assert (again.number, again.attempts) == (1, 2)


def test_date_of_the_letter_is_fixed_by_the_first_marker(journey: Journey) -> None:
    (one,) = journey.claim()
    first = journey.clock()
    journey.mark(one)
    journey.record(one, Receipt(State.DEFERRED, Stage.DOT, 451), next_try_at=journey.clock())
    journey.clock.forward(hours=3)
    (again,) = journey.claim()
    journey.mark(again)
    assert journey.one(1).dated_at == first


def test_sender_that_slept_past_its_lease_writes_no_dot(journey: Journey) -> None:
    (one,) = journey.claim()
    journey.clock.forward(minutes=26)
    assert not journey.mark(one)


def test_sender_from_the_past_cannot_overwrite_a_newer_one(journey: Journey) -> None:
    (old,) = journey.claim()
    journey.recover(ME)
    (new,) = journey.claim(owner="sender-two")
    assert new.id == old.id
    assert not journey.mark(old)
    assert not journey.record(old, YES)
    assert journey.mark(new, owner="sender-two")


def test_answer_that_comes_too_late_is_kept_as_evidence(journey: Journey, ledger: Ledger) -> None:
    (one,) = journey.claim()
    journey.mark(one)
    journey.recover(ME)
    assert not journey.record(one, YES)
    assert journey.one(1).state is State.UNKNOWN
    with ledger.reading() as connection:
        kinds = [moment.kind for moment in deliveries.timeline(connection, one.id)]
    assert kinds == ["sending", "unknown", "late_answer"]


def test_dead_senders_marked_letter_becomes_unknown_and_the_others_wait_again(
    journey: Journey,
) -> None:
    marked, *_ = journey.claim(3)
    journey.mark(marked)
    assert journey.recover(ME) == 1
    assert journey.counts() == {State.UNKNOWN: 1, State.WAITING: 5, State.SKIPPED: 2}
    assert journey.one(2).attempts == 0, "what was never tried does not count as an attempt"


def test_live_senders_deliveries_are_never_touched(journey: Journey) -> None:
    journey.claim(3)
    assert journey.recover() == 0
    assert journey.counts()[State.SENDING] == 3


def test_lease_that_ran_out_is_taken_over(journey: Journey) -> None:
    marked, _ = journey.claim(2)
    journey.mark(marked)
    journey.clock.forward(minutes=26)
    journey.recover()
    assert journey.counts() == {State.UNKNOWN: 1, State.WAITING: 5, State.SKIPPED: 2}


def test_unknown_is_never_claimed_and_is_settled_by_a_named_person(
    journey: Journey, ledger: Ledger
) -> None:
    (one,) = journey.claim()
    journey.mark(one)
    journey.recover(ME)
    assert one.id not in [other.id for other in journey.claim(9)]
    with ledger.writing() as connection:
        transitions.settle(
            connection,
            one.id,
            State.ACCEPTED,
            who="Marta",
            because="it is in Sent",
            at=journey.clock(),
        )
        last = deliveries.timeline(connection, one.id)[-1]
    assert (last.kind, last.who, last.detail) == ("accepted", "Marta", "it is in Sent")


def test_stopping_ends_the_trying_of_everyone_who_waits(journey: Journey) -> None:
    one, two = journey.claim(2)
    journey.record(one, LATER, reason=Reason.LATER, next_try_at=journey.clock())
    journey.become(MailOutState.STOPPED)
    assert journey.counts() == {State.NOT_SENT: 6, State.SKIPPED: 2}
    with journey.ledger.writing() as connection:
        transitions.release(connection, [two], owner=ME, at=journey.clock())
    assert journey.counts() == {State.NOT_SENT: 6, State.SKIPPED: 2}


def test_stopping_leaves_nobody_open_but_whose_marker_is_set(journey: Journey) -> None:
    marked, put_off, claimed = journey.claim(3)
    assert journey.mark(marked) and journey.mark(put_off)
    journey.become(MailOutState.STOPPED)
    assert journey.counts() == {State.SENDING: 2, State.NOT_SENT: 4, State.SKIPPED: 2}
    assert not journey.mark(claimed)
    again = journey.clock() + timedelta(minutes=5)
    assert journey.record(put_off, LATER, next_try_at=again)  # a 4xx that was on its way
    assert journey.record(marked, YES)
    assert journey.counts() == {State.ACCEPTED: 1, State.NOT_SENT: 5, State.SKIPPED: 2}
    assert journey.one(put_off.number).reason == Reason.STOPPED


def test_what_a_dead_sender_left_in_a_stopped_mail_out_is_settled_at_the_next_look(
    journey: Journey, ledger: Ledger
) -> None:
    marked, _claimed = journey.claim(2, owner="00dead000000")
    assert journey.mark(marked, owner="00dead000000")
    journey.become(MailOutState.STOPPED)
    rescue.settle_over(ledger, me="Jana")
    assert journey.counts() == {State.UNKNOWN: 1, State.NOT_SENT: 5, State.SKIPPED: 2}


def test_person_who_is_held_is_taken_out_wherever_no_marker_is_set(
    journey: Journey, ledger: Ledger
) -> None:
    past, claimed = journey.claim(2)
    assert journey.mark(past)
    held = Holds(
        tuple(
            Hold(a_contact(number).address, "", "", "asked", "", "", "", 0)
            for number in (past.number, claimed.number, 6)
        )
    )
    with ledger.writing() as connection:
        (out,) = holding.take_out_of_all(connection, held, at=journey.clock(), who="Ilse")
    assert set(out.numbers) == {claimed.number, 6} and out.too_late == (past.number,)
    assert (out.mail_out, out.state) == (shown(journey.id), MailOutState.SENDING)
    assert not journey.mark(claimed)
    assert journey.counts() == {
        State.SENDING: 1,
        State.NOT_SENT: 2,
        State.WAITING: 3,
        State.SKIPPED: 2,
    }
    assert journey.one(6).reason == Reason.ON_HOLD


def test_hold_says_also_whom_a_sender_was_quicker_to_take_out(
    journey: Journey, ledger: Ledger
) -> None:
    """It reads the list itself, and may be finished by the time the command asks."""
    held = Holds((Hold(a_contact(6).address, "", "", "asked", "", "", "", 0),))
    with ledger.writing() as connection:
        since = events.newest(connection)
        holding.take_out(connection, journey.id, held, at=journey.clock(), who="a sender")
    journey.become(MailOutState.FINISHED)
    with ledger.writing() as connection:
        ask = partial(holding.take_out_of_all, connection, at=journey.clock(), who="Ilse")
        (out,) = ask(held, since=since)
        assert (out.numbers, out.state) == ((6,), MailOutState.FINISHED)
        assert ask(held, since=events.newest(connection)) == []  # that was before
        other = Holds((Hold(a_contact(2).address, "", "", "asked", "", "", "", 0),))
        assert ask(other, since=since) == []


def test_marker_of_a_sender_who_wrote_no_dot_is_taken_back(
    journey: Journey, ledger: Ledger
) -> None:
    (one,) = journey.claim()
    assert journey.mark(one)
    with ledger.writing() as connection:
        transitions.release(connection, [one], owner=ME, at=journey.clock())
    assert journey.counts() == {State.WAITING: 6, State.SKIPPED: 2}


def test_every_move_has_its_event_and_only_known_edges_are_taken(
    journey: Journey, ledger: Ledger
) -> None:
    for one in journey.claim(6):
        journey.mark(one)
        journey.record(one, YES)
    with ledger.reading() as connection:
        steps = paths(connection)
    assert len(steps) == 6
    for path in steps.values():
        assert all(after in TRANSITIONS[before] for before, after in pairwise(path))


@pytest.mark.parametrize("state", [State.ACCEPTED, State.REFUSED, State.NOT_SENT, State.SKIPPED])
def test_final_states_are_final(journey: Journey, ledger: Ledger, state: State) -> None:
    assert TRANSITIONS[state] == frozenset()
    with ledger.writing() as connection:
        connection.execute(
            sa.update(delivery).where(delivery.c.number == 1).values(state=state.value)
        )
        number = transitions.not_sent(
            connection,
            journey.id,
            Reason.STOPPED,
            delivery.c.number == 1,
            at=journey.clock(),
            who="x",
        )
    assert number == 0
    assert 1 not in [one.number for one in journey.claim(9)]


# ---------------------------------------------------------------------- two mail-outs of one appeal


def test_second_mail_out_of_an_appeal_writes_to_nobody_who_has_it(
    journey: Journey, planned: Callable[..., int], clock: SettableClock
) -> None:
    accepted, unknown, refused = journey.claim(3)
    for one in (accepted, unknown):
        journey.mark(one)
    journey.record(accepted, YES)
    journey.record(refused, Receipt(State.REFUSED, Stage.RCPT, 550), reason=Reason.NO_MAILBOX)
    journey.recover(ME)
    other = Journey(journey.ledger, planned(6), clock)
    assert [one.number for one in other.claim(9)] == [3], "only the refused one may be tried anew"
    assert {other.one(number).reason for number in (1, 2, 4, 5, 6)} == {Reason.ALREADY}
    assert other.one(1).detail == shown(journey.id)


def test_mail_out_of_another_appeal_is_another_matter(
    journey: Journey, planned: Callable[..., int], clock: SettableClock
) -> None:
    other = Journey(journey.ledger, planned(6, appeal="another"), clock)
    assert len(other.claim(9)) == 6


@pytest.mark.parametrize(
    ("reason", "again"), [(Reason.SPAM, True), (Reason.NOT_TAKEN, True), (Reason.NO_MAILBOX, False)]
)
def test_refusal_of_the_letter_keeps_nobody_out_of_the_next_plan(
    journey: Journey, ledger: Ledger, reason: Reason, again: bool
) -> None:
    (one,) = journey.claim()
    refused = Receipt(State.REFUSED, Stage.DOT, 554)
    assert journey.mark(one) and journey.record(one, refused, state=State.REFUSED, reason=reason)
    with ledger.reading() as connection:
        appeal = mailouts.get(connection, journey.id).appeal
        known = {written.address_key for written in mailouts.history(connection, appeal)}
    assert (one.address not in known) is again


def test_of_two_plans_that_wait_the_older_one_writes(
    ledger: Ledger, planned: Callable[..., int], clock: SettableClock
) -> None:
    older, newer = Journey(ledger, planned(3), clock), Journey(ledger, planned(3), clock)
    assert newer.claim(9) == []
    assert len(older.claim(9)) == 3


# ------------------------------------------------------------------------------------------ senders


def test_killed_sender_is_proven_dead_and_a_living_one_is_not(
    journey: Journey, ledger: Ledger
) -> None:
    code = (
        "import os, sys, time; from mailer.ledger.ledger import Ledger; from"
        " mailer.ledger.guard.senders import sender\nwith sender(Ledger(sys.argv[1])) as me:\n   "
        " print(me, flush=True); time.sleep(60)"
    )
    child = Child(
        [sys.executable, "-c", code, ledger.url.render_as_string(False)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout
    name = child.stdout.readline().strip()
    with sender(ledger) as living:
        journey.claim(1, owner=name)
        journey.claim(1, owner=living)
        with ledger.reading() as connection:
            assert dead_senders(ledger, connection, journey.id) == []
        child.end()
        child.stdout.close()
        if (
            ledger.path is None
        ):  # the database notices a moment later; waiting for the lock is waiting for that
            with ledger.session() as connection:
                connection.execute(sa.select(sa.func.pg_advisory_lock(int(name, 16))))
        with ledger.reading() as connection:
            assert dead_senders(ledger, connection, journey.id) == [name]


def test_sender_whose_session_is_cut_is_alive_again_by_itself(
    ledger: Ledger, journey: Journey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a server, or something on the way to it, that ends what is idle. It is heard at once,
    and not at the next beat: until then the sender passes for dead.
    """
    if ledger.path is not None:
        pytest.skip("a sender beside a file holds the lock of a file")
    monkeypatch.setattr(senders, "BEAT", 600.0)
    with sender(ledger) as name:
        journey.claim(1, owner=name)
        whose = sa.text(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
            f" AND classid::bigint = {int(name, 16) >> 32}"
            f" AND objid::bigint = {int(name, 16) & 0xFFFFFFFF}"
        )
        with ledger.writing() as connection:
            first = connection.scalar(whose)
            connection.execute(sa.select(sa.func.pg_terminate_backend(first)))
        now = first
        for _ in range(200):
            time.sleep(0.1)
            with ledger.reading() as connection:
                if (now := connection.scalar(whose)) not in (None, first):
                    assert dead_senders(ledger, connection, journey.id) == []
                    break
        assert now not in (None, first)


def test_log_whose_tables_are_gone_is_said_in_words(ledger: Ledger, journey: Journey) -> None:
    """As while a database is being put back by its dump."""
    with ledger.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE event RENAME TO event_before")
    with pytest.raises(Refused, match="tables of the send log are not there"):
        journey.record(*journey.claim(), YES)


def test_lock_that_was_waited_for_in_vain_is_not_given_back_to_others_later(
    ledger: Ledger,
) -> None:
    """Two waits of one process for the same lock: the first gives up, the second has it."""
    if ledger.path is None:
        pytest.skip("PostgreSQL has locks of its own")
    with locks.locked(lock := ledger.path.with_name(ledger.path.name + ".lock")):
        ledger.patience = 0.01
        with pytest.raises(Busy), ledger.writing():
            pass
        ledger.patience = 60
        begun = threading.Event()

        def write() -> bool:
            begun.set()
            with ledger.writing():
                for thread in threading.enumerate():
                    if thread.name == "lock":
                        thread.join(2)  # or it stands behind us, and comes when we have gone
                with pytest.raises(locks.Held), locks.locked(lock, 0.0):
                    pass
            return True

        pool = ThreadPoolExecutor(1)
        written = pool.submit(write)
        begun.wait()
        while sum(thread.name == "lock" for thread in threading.enumerate()) < 2:
            time.sleep(0.01)
    assert written.result(60)
    pool.shutdown()


def test_attempts_are_only_ever_added(journey: Journey, ledger: Ledger) -> None:
    (one,) = journey.claim()
    journey.record(one, LATER, next_try_at=journey.clock())
    (again,) = journey.claim()
    journey.mark(again)
    journey.record(again, YES)
    with ledger.reading() as connection:
        tried = sa.select(event).where(event.c.attempt.is_not(None)).order_by(event.c.id)
        rows = connection.execute(tried).all()
    assert [(row.attempt, row.kind, row.stage, row.code) for row in rows] == [
        (1, "deferred", "rcpt", 450),
        (2, "accepted", "dot", 250),
    ]


# ------------------------------------------------------------------------------------------ queries


@pytest.mark.parametrize(
    "who",
    ["person 3 peldas", "Person 3 PÉLDÁS", "person3@FR.parliament.example", "3", "M-0001-003"],
)
def test_person_is_found_by_name_address_or_number(
    journey: Journey, ledger: Ledger, who: str
) -> None:
    with ledger.reading() as connection:
        assert [one.number for one in deliveries.find(connection, journey.id, who)] == [3]


def test_part_of_a_name_finds_everyone_who_has_it(journey: Journey, ledger: Ledger) -> None:
    with ledger.reading() as connection:
        assert len(deliveries.find(connection, journey.id, "példás")) == 8


def test_counts_add_up_by_delegation_too(journey: Journey, ledger: Ledger) -> None:
    with ledger.reading() as connection:
        table = count(connection, journey.id).delegations
        assert sum(sum(row.values()) for row in table.values()) == 8
        assert list(table) == ["FR", "NO", "UA"]
        assert count(connection, journey.id).reasons(State.SKIPPED) == {
            "no_address": {"NO": 1, "UA": 1}
        }
