"""Facts about the order of writes: what shares a commit, what is undone alone, and what stops the
next dot.
"""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from mailer.base.states import MailOutState, Receipt, Stage, State
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from mailer.ledger.moves import claims, transitions
from mailer.ledger.moves.transitions import Claimed, Marker, Outcome
from mailer.ledger.moves.writer import FRESH, Writer
from mailer.ledger.reading import deliveries
from mailer.ledger.schema import delivery, event
from mailer.sending.dispatch import Dispatch
from tests.conftest import a_plan
from tests.helpers.sendings import sending_options
from tests.helpers.stubborn_server import StubbornServer
from tests.helpers.traced import dots_after_a_sync, needs_strace, traced
from tests.sending.test_dispatch import session_to, states

YES = Receipt(
    State.ACCEPTED, Stage.DOT, 250, "2.0.0", "queued as 4F1C", "smtp.example", "TLSv1.3", 0.1
)
ME = "sender-one"


@pytest.fixture
async def writer(ledger: Ledger) -> AsyncIterator[Writer]:
    async with Writer(ledger) as opened:
        yield opened


@pytest.fixture
def claimed(ledger: Ledger, planned: Callable[..., int]) -> list[Claimed]:
    mail_out_id = planned(6)
    with ledger.writing() as connection:
        mailouts.change(connection, mail_out_id, MailOutState.SENDING, at=ledger.now(), who="Jana")
        return claims.claim(connection, mail_out_id, owner=ME, at=ledger.now(), limit=4)


def marker(ledger: Ledger, one: Claimed) -> Marker:
    return Marker(one, ME, ledger.now(), ledger.now())


def outcome(ledger: Ledger, one: Claimed) -> Outcome:
    return Outcome(one, YES, State.ACCEPTED, None, ME, ledger.now())


def let_no_second_attempt_be_written(ledger: Ledger) -> None:
    """A real fault of a real database: of two attempts that ended at the same stage it refuses the
    second.
    """
    with ledger.writing() as connection:
        connection.execute(sa.text("CREATE UNIQUE INDEX one_of_each ON event (stage)"))


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - the thread of the writer tells nobody
        await asyncio.sleep(0)


# -------------------------------------------------------------------------------- within one commit


def test_commit_asks_a_database_on_a_server_five_times(
    ledger: Ledger, claimed: list[Claimed], tmp_path: Path
) -> None:
    """Each is a way there and back, for which the next dot waits: the beginning, the share of the
    lock, the outcomes, the markers, the end; however many letters share it.
    """
    if ledger.path is not None:
        pytest.skip("a file is on no server")
    with ledger.writing() as connection:  # statements are made known to the server once
        transitions.record_all(connection, [outcome(ledger, one) for one in claimed[:2]])
        session = connection.connection.driver_connection
    assert session is not None
    with (tmp_path / "trace").open("w") as file:
        session.pgconn.trace(file.fileno())
        with ledger.writing() as connection:
            assert connection.connection.driver_connection is session
            transitions.record_all(connection, [outcome(ledger, one) for one in claimed[2:]])
            transitions.mark_all(connection, [marker(ledger, one) for one in claimed[2:3]])
        session.pgconn.untrace()
    said, _, _ = (tmp_path / "trace").read_text().partition('"COMMIT"')
    asked = [line for line in said.splitlines() if "\tSync" in line or "\tQuery" in line]
    assert len(asked) == 5, said


async def test_pause_that_is_asked_for_in_the_same_breath_as_a_marker_holds(
    ledger: Ledger, writer: Writer, claimed: list[Claimed]
) -> None:
    def pause(connection: sa.Connection) -> None:
        mailouts.change(
            connection, claimed[0].mail_out_id, MailOutState.PAUSED, at=ledger.now(), who="Jana"
        )

    marked = [writer.mark(marker(ledger, one), after=None) for one in claimed]
    *may, _ = await asyncio.gather(*marked, writer.run(pause))
    assert may == [False] * 4


@pytest.mark.parametrize("paused", [False, True])
async def test_marker_that_is_heard_of_too_late_is_set_once_more_or_not_at_all(
    ledger: Ledger,
    writer: Writer,
    claimed: list[Claimed],
    monkeypatch: pytest.MonkeyPatch,
    paused: bool,
) -> None:
    """As by a sender that was stopped (Ctrl-Z) between its marker and its dot, or that the machine
    had no time for: what was true at the marker may be so no longer.
    """
    times = iter([0.0, FRESH, FRESH, FRESH + 0.1])  # on disk, heard of; and once more

    def steady() -> float:
        now = next(times)
        if paused and now == FRESH:
            with ledger.writing() as connection:
                mailouts.change(
                    connection, claimed[0].mail_out_id, MailOutState.PAUSED, at=ledger.now(), who=ME
                )
        return now

    monkeypatch.setattr("mailer.base.clock.steady", steady)
    assert await writer.mark(marker(ledger, claimed[0]), after=None) is not paused


async def test_what_is_asked_for_while_somebody_else_writes_is_one_commit(
    ledger: Ledger, writer: Writer, claimed: list[Claimed]
) -> None:
    ledger._seal_after = math.inf
    commits: list[object] = []
    with ledger.writing():  # the writer has to wait for this one
        asked = [
            asyncio.ensure_future(writer.mark(marker(ledger, one), after=None))
            for one in claimed[:1]
        ]
        await until(lambda: not writer._asked and writer._work.empty())  # it has begun
        asked += [
            asyncio.ensure_future(writer.mark(marker(ledger, one), after=None))
            for one in claimed[1:]
        ]
        await until(lambda: writer._work.qsize() == 1)
        sa.event.listen(ledger._writer, "commit", commits.append)
    assert await asyncio.gather(*asked) == [True] * 4
    assert len(commits) == 2, "the one that all waited for, and theirs"


async def test_outcome_that_is_no_longer_ours_does_not_undo_the_others(
    ledger: Ledger, writer: Writer, claimed: list[Claimed]
) -> None:
    one, lost, two, _ = claimed
    assert (
        await asyncio.gather(*(writer.mark(marker(ledger, each), after=None) for each in claimed))
        == [True] * 4
    )
    with ledger.writing() as connection:
        connection.execute(
            sa.update(delivery).where(delivery.c.id == lost.id).values(fence=lost.fence + 1)
        )
    asked = [writer.record(outcome(ledger, each)).done for each in (one, lost, two)]
    assert await asyncio.gather(*asked) == [True, False, True]
    with ledger.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count(event.c.attempt))) == 3
        assert [moment.kind for moment in deliveries.timeline(connection, lost.id)] == [
            "sending",
            "late_answer",
        ]
        assert [moment.kind for moment in deliveries.timeline(connection, one.id)] == [
            "sending",
            "accepted",
        ]


async def test_marker_is_refused_alone_when_others_may_go_on(
    ledger: Ledger, writer: Writer, claimed: list[Claimed]
) -> None:
    with ledger.writing() as connection:
        transitions.release(connection, claimed[:1], owner=ME, at=ledger.now())
    may = await asyncio.gather(*(writer.mark(marker(ledger, one), after=None) for one in claimed))
    assert may == [False, True, True, True]


async def test_what_was_asked_for_is_written_even_if_the_asker_is_cancelled(
    ledger: Ledger, claimed: list[Claimed]
) -> None:
    async with Writer(ledger) as writer:
        asking = asyncio.create_task(writer.mark(marker(ledger, claimed[0]), after=None))
        await asyncio.sleep(0)
        asking.cancel()
    with ledger.reading() as connection:
        marked = sa.select(delivery.c.id).where(delivery.c.handover_at.is_not(None))
        assert connection.scalars(marked).all() == [claimed[0].id]


# ------------------------------------------------------------------- an outcome that is not written


async def test_marker_is_not_set_after_an_outcome_that_could_not_be_written(
    ledger: Ledger, writer: Writer, claimed: list[Claimed]
) -> None:
    let_no_second_attempt_be_written(ledger)
    one, two, three, _ = claimed
    assert await writer.record(outcome(ledger, one)).done
    failed = writer.record(outcome(ledger, two))
    with pytest.raises(sa.exc.IntegrityError):
        await writer.mark(marker(ledger, three), after=failed)
    with pytest.raises(sa.exc.IntegrityError):
        await failed.done
    with ledger.reading() as connection:
        marked = sa.select(sa.func.count()).where(delivery.c.handover_at.is_not(None))
        assert connection.scalar(marked) == 0


async def test_outcome_that_cannot_be_written_stops_the_next_dot(
    ledger: Ledger, planned: Callable[..., int]
) -> None:
    mail_out_id = planned(6)
    let_no_second_attempt_be_written(ledger)
    told: list[object] = []
    async with StubbornServer() as server:
        dispatch = Dispatch(
            ledger,
            mail_out_id,
            session_to(server.port),
            sending_options(connections=1),
            told.append,
        )
        with pytest.raises(sa.exc.IntegrityError):
            await dispatch.run()
        assert len(server.dots) == 2
    assert len(told) == 1, "what is not on disk is not told"
    with ledger.reading() as connection:
        marked = (
            sa.select(delivery.c.number)
            .where(delivery.c.handover_at.is_not(None))
            .order_by(delivery.c.number)
        )
        assert connection.scalars(marked).all() == [
            1,
            2,
        ], "the third was not marked: that it was not sent is certain"
    assert states(ledger, mail_out_id)[State.ACCEPTED] == 1


async def test_report_that_fails_costs_no_letter_its_outcome(
    ledger: Ledger, planned: Callable[..., int]
) -> None:
    mail_out_id = planned(30)

    def report(_event: dict[str, object]) -> None:
        raise BrokenPipeError

    async with StubbornServer() as server:
        with pytest.raises(BrokenPipeError):
            await Dispatch(
                ledger, mail_out_id, session_to(server.port), sending_options(connections=2), report
            ).run()
        sent = len(server.dots)
    assert 0 < sent < 30
    assert states(ledger, mail_out_id) == {State.ACCEPTED: sent, State.WAITING: 30 - sent}


# -------------------------------------------------------------------------------- seen from outside

SENDING = """
import asyncio, sys
from mailer.sending.dispatch import Dispatch
from tests.helpers.sendings import sending_options
from mailer.ledger.ledger import Ledger
from mailer.sending.smtp.session import Patience, Server, SmtpSession

server = Server("127.0.0.1", int(sys.argv[2]), "none", None, None, helo="rights.example")
with Ledger(sys.argv[1]) as ledger:
    session = lambda: SmtpSession(server, Patience(), lambda _: True)
    asyncio.run(Dispatch(ledger, 1, session, sending_options(connections=int(sys.argv[3]))).run())
"""


@needs_strace
@pytest.mark.parametrize("connections", [1, 3])
async def test_log_is_synced_between_body_and_dot_of_every_letter(
    sqlite_ledger: Ledger, tmp_path: Path, connections: int
) -> None:
    with sqlite_ledger.writing() as connection:
        mailouts.create(connection, a_plan(12), at=sqlite_ledger.now(), who="Jana")
    trace = tmp_path / "trace"
    async with StubbornServer() as server:
        log, port = f"sqlite:///{sqlite_ledger.path}", str(server.port)
        command = [sys.executable, "-c", SENDING, log, port, str(connections)]
        await asyncio.to_thread(traced, trace, command)
        assert len(server.dots) == 12
    assert dots_after_a_sync(trace) == 12


async def test_marker_that_is_always_too_late_is_given_up(
    ledger: Ledger, writer: Writer, claimed: list[Claimed], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine that is so busy the letter waits again; it is not marked for ever."""
    monkeypatch.setattr("mailer.ledger.moves.writer.FRESH", 0.0)
    asked = writer.mark(marker(ledger, claimed[0]), after=None)
    assert not await asyncio.wait_for(asked, 20)
