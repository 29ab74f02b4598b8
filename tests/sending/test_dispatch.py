"""Facts about sending a mail-out, against real servers. The truth is what the server saw."""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mailer.base.delegations import Delegations
from mailer.base.errors import MailerError, Refused, ServerError
from mailer.base.states import MailOutState, Reason, Receipt, State
from mailer.contacts.holds import WatchedList
from mailer.ledger import mailouts
from mailer.ledger.guard.senders import sender
from mailer.ledger.ledger import Ledger
from mailer.ledger.moves import claims, transitions
from mailer.ledger.moves.writer import Writer
from mailer.ledger.reading import deliveries, due
from mailer.ledger.reading.counts import count
from mailer.ledger.schema import letter, share
from mailer.sending.demo_server import Mailbox, Trick
from mailer.sending.dispatch import Dispatch
from mailer.sending.queue import LetterQueue
from mailer.sending.share import Share
from mailer.sending.smtp.session import Envelope, Patience, Server, SmtpSession
from tests.conftest import SettableClock, a_contact
from tests.helpers.sendings import sending_options
from tests.helpers.stubborn_server import SILENCE, StubbornServer

QUICK = Patience(connect=2, command=3, data=3, stall=3, dot=3, goodbye=1)
NOW = sending_options(connections=2, per_connection=50, schedule=(timedelta(0),))


def address(number: int) -> str:
    return a_contact(number).address


def session_to(port: int) -> Callable[[], SmtpSession]:
    server = Server("127.0.0.1", port, "none", None, None, helo="rights.example")
    return lambda: SmtpSession(server, QUICK, lambda _address: True)


def states(ledger: Ledger, mail_out_id: int) -> dict[State, int]:
    with ledger.reading() as connection:
        return {
            state: number
            for state, number in count(connection, mail_out_id).letters.items()
            if number
        }


def become(ledger: Ledger, mail_out_id: int, state: MailOutState) -> None:
    with ledger.writing() as connection:
        mailouts.change(connection, mail_out_id, state, at=ledger.now(), who="Jana")


def state_of(ledger: Ledger, mail_out_id: int) -> MailOutState:
    with ledger.reading() as connection:
        return mailouts.get(connection, mail_out_id).state


# ---------------------------------------------------------------------------------- to the very end


async def test_everyone_has_one_outcome_and_the_server_saw_each_letter_once(
    ledger: Ledger, planned: Callable[..., int], tmp_path: Path
) -> None:
    tricks = {
        address(2): Trick.NO_SUCH_MAILBOX,
        address(5): Trick.MAILBOX_FULL,
        address(7): Trick.LATER,
        address(11): Trick.HANGS_UP,
    }
    mail_out_id = planned(30, left_out=3)
    events: list[dict[str, object]] = []
    with Mailbox(tmp_path / "box", tricks) as mailbox:
        after = await Dispatch(
            ledger, mail_out_id, session_to(mailbox.port), NOW, events.append
        ).run()
    assert after.state is MailOutState.FINISHED
    assert states(ledger, mail_out_id) == {
        State.ACCEPTED: 27,
        State.REFUSED: 2,
        State.UNKNOWN: 1,
        State.SKIPPED: 3,
    }
    with ledger.reading() as connection:
        for one in deliveries.people(connection, mail_out_id):
            if one.state is State.ACCEPTED:
                assert mailbox.seen[one.address] == 1
            elif one.state is State.SKIPPED:
                assert one.address not in mailbox.asked
        assert mailbox.seen[address(11)] == 1, "the unknown one had arrived, and was not sent again"
        assert count(connection, mail_out_id).second_tries == 1
    assert max(mailbox.seen.values()) == 1
    assert sum(event["event"] == "outcome" for event in events) == 31


async def test_what_arrives_is_what_was_planned_with_its_date(
    ledger: Ledger, planned: Callable[..., int], tmp_path: Path
) -> None:
    mail_out_id = planned(3)
    with Mailbox(tmp_path / "box") as mailbox:
        await Dispatch(ledger, mail_out_id, session_to(mailbox.port), NOW).run()
    with ledger.reading() as connection:
        for one in deliveries.people(connection, mail_out_id):
            arrived = (tmp_path / "box" / f"{one.address}.eml").read_bytes()
            head, _, rest = arrived.partition(b"\r\n")
            assert head == b"Date: Wed, 20 Jan 2027 08:00:00 +0000"
            assert rest == deliveries.data_of(connection, one)


async def test_connection_is_renewed_after_so_many_letters(
    ledger: Ledger, planned: Callable[..., int]
) -> None:
    mail_out_id = planned(10)
    async with StubbornServer() as server:
        await Dispatch(
            ledger,
            mail_out_id,
            session_to(server.port),
            sending_options(connections=1, per_connection=3),
        ).run()
        assert server.connections == 4
    assert states(ledger, mail_out_id) == {State.ACCEPTED: 10}


async def test_second_sending_of_a_finished_mail_out_writes_to_nobody(
    ledger: Ledger, planned: Callable[..., int], tmp_path: Path
) -> None:
    mail_out_id, same_people = planned(6), planned(6)
    with Mailbox(tmp_path / "box") as mailbox:
        await Dispatch(ledger, mail_out_id, session_to(mailbox.port), NOW).run()
        await Dispatch(ledger, same_people, session_to(mailbox.port), NOW).run()
    assert max(mailbox.seen.values()) == 1
    assert states(ledger, same_people) == {State.NOT_SENT: 6}


async def test_two_senders_of_one_mail_out_never_send_the_same_letter(
    planned: Callable[..., int], ledger: Ledger, tmp_path: Path
) -> None:
    mail_out_id = planned(60)
    with (
        Ledger(ledger.url.render_as_string(False), now=ledger.now) as second,
        Mailbox(tmp_path / "box") as mailbox,
    ):
        first_run = Dispatch(ledger, mail_out_id, session_to(mailbox.port), NOW).run()
        await asyncio.gather(
            first_run, Dispatch(second, mail_out_id, session_to(mailbox.port), NOW).run()
        )
    assert len(mailbox.seen) == 60
    assert set(mailbox.seen.values()) == {1}
    assert states(ledger, mail_out_id) == {State.ACCEPTED: 60}


async def test_limit_of_letters_a_minute_is_kept(
    planned: Callable[..., int], ledger: Ledger
) -> None:
    """The clock of the ledger stands still, so that not even a second letter may leave."""
    mail_out_id = planned(5)
    async with StubbornServer() as server:
        options = sending_options(connections=2, per_minute=60)
        dispatch = Dispatch(ledger, mail_out_id, session_to(server.port), options)
        first = asyncio.Event()
        dispatch.report = lambda _event: first.set()
        running = asyncio.create_task(dispatch.run())
        await first.wait()
        await dispatch.pause("seen enough")
        await running
        assert len(server.dots) == 1


# ---------------------------------------------------------------------------------- paused, stopped


@pytest.mark.parametrize("state", [MailOutState.PAUSED, MailOutState.STOPPED])
async def test_pause_and_stop_from_elsewhere_end_the_sending_and_lose_nobody(
    ledger: Ledger, planned: Callable[..., int], state: MailOutState
) -> None:
    mail_out_id = planned(200)
    async with StubbornServer() as server:
        dispatch = Dispatch(
            ledger, mail_out_id, session_to(server.port), sending_options(connections=2)
        )
        outcomes = 0

        def report(_event: dict[str, object]) -> None:
            nonlocal outcomes
            outcomes += 1
            if outcomes == 20:
                with ledger.writing() as connection:
                    mailouts.change(connection, mail_out_id, state, at=ledger.now(), who="Marta")
                report.seen = len(server.dots)  # type: ignore[attr-defined]

        dispatch.report = report
        after = await dispatch.run()
        assert after.state is state
        assert len(server.dots) <= report.seen + 2, (
            "at most what was past its marker on two connections"
        )  # type: ignore[attr-defined]
        counts = states(ledger, mail_out_id)
        left = State.WAITING if state is MailOutState.PAUSED else State.NOT_SENT
        assert counts == {State.ACCEPTED: len(server.dots), left: 200 - len(server.dots)}


async def test_nobody_who_waits_is_counted_where_the_mail_out_is_not_being_sent(
    ledger: Ledger, planned: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pause is often met by a claim that is just asked for: of a million who wait, it held the
    log for seconds.
    """
    options = sending_options()
    sending = Share(ledger, planned(3), "me", options, False, None, lambda _event: None)
    counted = []

    def count_them(_connection: sa.Connection, _mail_out_id: int, owner: str) -> tuple[int, int]:
        counted.append(owner)
        return 3, 0

    monkeypatch.setattr(due, "open_and_mine", count_them)
    async with Writer(ledger) as writer:
        mail_out = await writer.run(mailouts.get, sending.mail_out_id)
        await writer.run(sending.take_connections, 0)
        assert await LetterQueue(ledger, writer, mail_out, options, sending, None).take() is None
    assert not counted


@pytest.mark.parametrize(
    "who", ["a helper", "a resume before the pause", "a send before the pause"]
)
async def test_whoever_is_connecting_does_not_undo_a_pause(
    ledger: Ledger, planned: Callable[..., int], clock: SettableClock, who: str
) -> None:
    mail_out_id = planned(6)
    begun = who != "a send before the pause"
    if begun:
        become(ledger, mail_out_id, MailOutState.SENDING)
    greet = asyncio.Event()
    async with StubbornServer() as server:
        server.greets_after = greet
        dispatch = Dispatch(
            ledger, mail_out_id, session_to(server.port), NOW, helper=who == "a helper"
        )
        sending = asyncio.create_task(dispatch.run())
        await asyncio.wait_for(server.called.wait(), 10)
        become(ledger, mail_out_id, MailOutState.PAUSED)
        greet.set()
        after = await asyncio.wait_for(sending, 20)
    assert after.state is (MailOutState.PAUSED if begun else MailOutState.PLANNED)
    assert not server.dots


def test_beginning_and_a_pause_at_the_same_moment_see_one_another(
    ledger: Ledger, planned: Callable[..., int]
) -> None:
    mail_out_id = planned(6)
    url = ledger.url.render_as_string(False)
    with Ledger(url, now=ledger.now) as elsewhere, ThreadPoolExecutor(1) as thread:
        share = Share(elsewhere, mail_out_id, "one", NOW, False, 0, print)

        def begin() -> MailOutState:
            with elsewhere.writing() as connection:
                return share.begin(connection).state

        with ledger.writing() as connection:
            mailouts.change(
                connection, mail_out_id, MailOutState.PAUSED, at=ledger.now(), who="Jana"
            )
            begins = thread.submit(begin)
            with contextlib.suppress(TimeoutError):
                begins.result(0.5)  # it has to wait for the end of this transaction
        assert begins.result(20) is MailOutState.PLANNED


async def test_helper_that_comes_to_a_paused_mail_out_leaves_it_so(
    ledger: Ledger, planned: Callable[..., int]
) -> None:
    mail_out_id = planned(6)
    become(ledger, mail_out_id, MailOutState.SENDING)
    become(ledger, mail_out_id, MailOutState.PAUSED)
    async with StubbornServer() as server:
        dispatch = Dispatch(ledger, mail_out_id, session_to(server.port), NOW, helper=True)
        after = await asyncio.wait_for(dispatch.run(), 20)
    assert after.state is MailOutState.PAUSED and not server.dots


async def test_first_letters_are_counted_over_all_senders(
    ledger: Ledger, planned: Callable[..., int]
) -> None:
    mail_out_id = planned(20)
    options = sending_options(schedule=NOW.schedule, first=5)
    async with StubbornServer() as server:
        senders = [
            Dispatch(ledger, mail_out_id, session_to(server.port), options, last_word=0)
            for _ in range(3)  # all of them are asked for before the first one pauses
        ]
        await asyncio.gather(*(sender.run() for sender in senders))
    assert len(server.dots) == 5
    assert states(ledger, mail_out_id) == {State.ACCEPTED: 5, State.WAITING: 15}
    assert state_of(ledger, mail_out_id) is MailOutState.PAUSED


async def test_connections_are_those_of_all_senders_together_and_shared(
    ledger: Ledger, planned: Callable[..., int]
) -> None:
    mail_out_id = planned(60)
    told: list[dict[str, Any]] = []
    async with StubbornServer() as server:
        options = sending_options(schedule=NOW.schedule, per_connection=5)
        first = Dispatch(ledger, mail_out_id, session_to(server.port), options)
        others = [
            Dispatch(
                ledger, mail_out_id, session_to(server.port), options, told.append, helper=True
            )
            for _ in range(2)
        ]
        sending = asyncio.create_task(first.run())
        await asyncio.wait_for(server.saw_a_dot.wait(), 10)
        await asyncio.gather(sending, *(one.run() for one in others))
    assert server.most_at_once <= 2
    assert states(ledger, mail_out_id) == {State.ACCEPTED: 60}
    with ledger.reading() as connection:
        assert connection.execute(sa.select(share)).all() == []


def test_sender_that_has_a_connection_keeps_one_whoever_else_comes(
    ledger: Ledger, planned: Callable[..., int]
) -> None:
    """Else it would hold letters that it may not send, and the others would wait for them."""
    mail_out_id, options = planned(6), sending_options()
    with contextlib.ExitStack() as stack, ledger.writing() as connection:
        names = sorted((stack.enter_context(sender(ledger)) for _ in range(3)), reverse=True)
        shares = [Share(ledger, mail_out_id, me, options, False, 0, print) for me in names]
        assert shares[0].take_connections(connection, 0) == 2
        for late in shares[1:]:
            assert late.take_connections(connection, 0) == 0
        assert [one.take_connections(connection, 1) for one in shares[:1]] == [1]
        assert [one.take_connections(connection, 0) for one in shares] == [1, 0, 1]
        assert [one.take_connections(connection, 0) for one in shares] == [1, 0, 1]


def test_share_of_a_dead_sender_falls_to_the_others(
    ledger: Ledger, planned: Callable[..., int]
) -> None:
    mail_out_id = planned(6)
    with sender(ledger) as one, sender(ledger) as two, ledger.writing() as connection:
        first, second = (
            Share(ledger, mail_out_id, me, sending_options(connections=3), False, 0, print)
            for me in sorted((one, two))
        )
        now = ledger.now().timestamp()
        gone = {"sender": "00dead000000", "connections": 3, "seen_at": now}
        connection.execute(sa.insert(share).values(mail_out_id=mail_out_id, **gone))
        assert first.take_connections(connection, 0) == 3
        assert second.take_connections(connection, 0) == 0  # until the first gives some back
        assert first.take_connections(connection, 3) == 2
        assert second.take_connections(connection, 0) == 0  # it still has three
        assert first.take_connections(connection, 2) == 2
        assert second.take_connections(connection, 0) == 1


async def test_person_who_comes_onto_the_list_while_letters_go_out_gets_none(
    ledger: Ledger, planned: Callable[..., int], tmp_path: Path
) -> None:
    path = tmp_path / "_hold.csv"
    mail_out_id = planned(6)
    options = sending_options(1, schedule=NOW.schedule, holds=WatchedList(path, Delegations.load()))
    held = [address(number) for number in (2, 5, 6)]  # the next one is claimed already

    def report(event: dict[str, Any]) -> None:
        if event["event"] == "outcome" and not path.exists():
            path.write_text("address,name\n" + "".join(f"{one},\n" for one in held))

    async with StubbornServer() as server:
        server.session_takes = 0
        after = await Dispatch(ledger, mail_out_id, session_to(server.port), options, report).run()
    assert after.state is MailOutState.FINISHED
    gone = [one for one in held if one not in server.dots]
    assert set(gone) >= {address(5), address(6)}
    assert states(ledger, mail_out_id)[State.NOT_SENT] == len(gone)


async def test_hold_that_was_undone_with_another_wish_of_the_same_commit_is_obeyed(
    ledger: Ledger, planned: Callable[..., int], tmp_path: Path
) -> None:
    path = tmp_path / "_hold.csv"
    path.write_text(f"address,name\n{address(2)},\n")
    options = sending_options(1, holds=WatchedList(path, Delegations.load()))
    sending = Share(ledger, planned(3), "me", options, False, None, lambda _event: None)

    def fault(_connection: Any) -> None:
        raise ValueError

    async with Writer(ledger) as writer:
        await asyncio.gather(sending.heed(writer), writer.run(fault), return_exceptions=True)
    assert states(ledger, sending.mail_out_id) == {State.WAITING: 2, State.NOT_SENT: 1}


async def test_list_that_cannot_be_trusted_any_more_stops_the_sending(
    ledger: Ledger, planned: Callable[..., int], tmp_path: Path
) -> None:
    """With several connections, whose wishes share a commit."""
    path = tmp_path / "_hold.csv"
    mail_out_id = planned(30)
    options = sending_options(3, schedule=NOW.schedule, holds=WatchedList(path, Delegations.load()))

    def report(event: dict[str, Any]) -> None:
        if event["event"] == "outcome" and not path.exists():
            path.write_text("address,name\nnot an address,\n")

    with Mailbox(tmp_path / "box") as mailbox:
        dispatch = Dispatch(ledger, mail_out_id, session_to(mailbox.port), options, report)
        with pytest.raises(MailerError, match="cannot be trusted"):
            await dispatch.run()
        assert len(mailbox.seen) < 15
    with ledger.reading() as connection:
        assert mailouts.get(connection, mail_out_id).state is MailOutState.PAUSED


def at_the_last_moment(
    port: int, whose: str, what: Callable[[], None]
) -> Callable[[], SmtpSession]:
    """Do something when a letter's body is on its way, and its dot is not."""

    class AtTheLastMoment(SmtpSession):
        async def deliver(
            self,
            letter: Envelope,
            before_dot: Callable[[], Awaitable[bool]],
            follow: Envelope | None = None,
        ) -> Receipt:
            async def late() -> bool:
                if letter.recipient == whose:
                    what()
                return await before_dot()

            return await super().deliver(letter, late, follow)

    there = Server("127.0.0.1", port, "none", None, None, helo="rights.example")
    return lambda: AtTheLastMoment(there, QUICK, lambda _: True)


async def test_nothing_is_handed_over_after_the_end_even_with_the_body_on_its_way(
    ledger: Ledger, planned: Callable[..., int], clock: SettableClock
) -> None:
    mail_out_id = planned(5, until=clock() + timedelta(minutes=10))
    options = sending_options(1, schedule=NOW.schedule)
    async with StubbornServer() as server:
        sessions = at_the_last_moment(server.port, address(3), partial(clock.forward, minutes=10))
        after = await Dispatch(ledger, mail_out_id, sessions, options).run()
    assert after.state is MailOutState.FINISHED
    assert sorted(server.dots) == [address(1), address(2)]
    with ledger.reading() as connection:
        late = deliveries.people(connection, mail_out_id)[2:]
    assert {(one.state, one.reason) for one in late} == {(State.NOT_SENT, Reason.LAST_DAY)}


async def test_sender_that_hangs_between_the_marker_and_the_dot_writes_none_after_the_end(
    ledger: Ledger,
    planned: Callable[..., int],
    clock: SettableClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As a laptop that is closed then, and opened after the vote."""
    mail_out_id = planned(2, until=clock() + timedelta(minutes=10))
    marks, marked = transitions.mark_all, list[bool]()

    def mark_and_sleep(connection: Any, markers: Any) -> list[bool]:
        found = marks(connection, markers)
        marked.extend(found)
        clock.forward(minutes=20)
        return found

    monkeypatch.setattr(transitions, "mark_all", mark_and_sleep)
    with Mailbox(tmp_path / "box") as mailbox:
        await Dispatch(ledger, mail_out_id, session_to(mailbox.port), NOW).run()
    assert marked[0]  # it could have been written
    assert not mailbox.seen
    assert states(ledger, mail_out_id) == {State.NOT_SENT: 2}


async def test_letter_that_could_only_be_tried_again_after_the_end_is_not_sent(
    ledger: Ledger, planned: Callable[..., int], clock: SettableClock, tmp_path: Path
) -> None:
    mail_out_id = planned(3, until=clock() + timedelta(minutes=4))
    options = sending_options(1)
    with Mailbox(tmp_path / "box", {address(2): Trick.LATER}) as mailbox:
        after = await Dispatch(ledger, mail_out_id, session_to(mailbox.port), options).run()
    assert after.state is MailOutState.FINISHED
    with ledger.reading() as connection:
        second = deliveries.people(connection, mail_out_id)[1]
    assert (second.state, second.reason) == (State.NOT_SENT, Reason.LAST_DAY)


async def test_person_who_comes_onto_the_list_with_the_body_on_its_way_gets_no_dot(
    ledger: Ledger, planned: Callable[..., int], tmp_path: Path
) -> None:
    """Written into the file by hand, at the last moment before the marker."""
    path = tmp_path / "_hold.csv"
    mail_out_id = planned(3)
    options = sending_options(1, schedule=NOW.schedule, holds=WatchedList(path, Delegations.load()))

    def hold() -> None:
        path.write_text(f"address,name\n{address(2)},\n")

    async with StubbornServer() as server:
        sessions = at_the_last_moment(server.port, address(2), hold)
        after = await Dispatch(ledger, mail_out_id, sessions, options).run()
    assert after.state is MailOutState.FINISHED
    assert sorted(server.dots) == [address(1), address(3)]
    assert states(ledger, mail_out_id) == {State.ACCEPTED: 2, State.NOT_SENT: 1}


async def test_kill_switch_between_marker_and_dot_leaves_nobody_unknown(
    ledger: Ledger, planned: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of several connections whose markers are set and whose dots are not written."""
    switch, marks = tmp_path / "STOP", transitions.mark_all
    mail_out_id, marked = planned(30), list[bool]()
    options = sending_options(4, schedule=NOW.schedule, kill_switch=switch)

    def mark(connection: Any, markers: Any) -> list[bool]:
        found = marks(connection, markers)
        marked.extend(found)
        if len(marked) > 5:
            switch.touch()
        return found

    monkeypatch.setattr(transitions, "mark_all", mark)
    with Mailbox(tmp_path / "box") as mailbox:
        await Dispatch(ledger, mail_out_id, session_to(mailbox.port), options).run()
    seen = len(mailbox.seen)
    assert seen < len(marked)
    assert states(ledger, mail_out_id) == {State.ACCEPTED: seen, State.WAITING: 30 - seen}


async def test_paused_mail_out_goes_on_where_it_was(
    ledger: Ledger, planned: Callable[..., int], tmp_path: Path
) -> None:
    mail_out_id = planned(40)
    with Mailbox(tmp_path / "box") as mailbox:
        dispatch = Dispatch(ledger, mail_out_id, session_to(mailbox.port), NOW)
        started = asyncio.Event()
        dispatch.report = lambda _event: started.set()
        running = asyncio.create_task(dispatch.run())
        await started.wait()
        await dispatch.pause("a break")
        assert (await running).why == "a break"
        after = await Dispatch(ledger, mail_out_id, session_to(mailbox.port), NOW).run()
    assert after.state is MailOutState.FINISHED
    assert states(ledger, mail_out_id) == {State.ACCEPTED: 40}
    assert set(mailbox.seen.values()) == {1}


async def test_hurry_makes_unknown_what_is_past_the_dot_and_nothing_else(
    ledger: Ledger, planned: Callable[..., int]
) -> None:
    mail_out_id = planned(5)
    async with StubbornServer({".": SILENCE}) as server:
        dispatch = Dispatch(
            ledger, mail_out_id, session_to(server.port), sending_options(connections=1)
        )
        running = asyncio.create_task(dispatch.run())
        await server.saw_a_dot.wait()
        await dispatch.pause("interrupted")
        dispatch.hurry()
        await running
    assert states(ledger, mail_out_id) == {State.UNKNOWN: 1, State.WAITING: 4}


# ------------------------------------------------------------------------------- it stops by itself


async def test_server_that_cannot_be_reached_is_said_and_nothing_is_begun(
    ledger: Ledger, planned: Callable[..., int]
) -> None:
    mail_out_id = planned(3)
    async with StubbornServer() as server:
        port = server.port
    with pytest.raises(ServerError):
        await Dispatch(ledger, mail_out_id, session_to(port), NOW).run()
    assert states(ledger, mail_out_id) == {State.WAITING: 3}
    assert state_of(ledger, mail_out_id) is MailOutState.PLANNED


async def test_refused_sender_pauses_the_mail_out_and_marks_nobody(
    ledger: Ledger, planned: Callable[..., int]
) -> None:
    mail_out_id = planned(5)
    async with StubbornServer({"MAIL": b"550 5.7.60 you may not send as this\r\n"}) as server:
        with pytest.raises(ServerError, match="may not send"):
            await Dispatch(ledger, mail_out_id, session_to(server.port), NOW).run()
    assert state_of(ledger, mail_out_id) is MailOutState.PAUSED
    counts = states(ledger, mail_out_id)
    assert counts.get(State.WAITING, 0) + counts.get(State.DEFERRED, 0) == 5


async def test_letter_called_spam_among_the_first_pauses_the_mail_out(
    ledger: Ledger, planned: Callable[..., int]
) -> None:
    mail_out_id = planned(50)
    async with StubbornServer({".": b"554 5.7.1 this is spam\r\n"}) as server:
        after = await Dispatch(
            ledger, mail_out_id, session_to(server.port), sending_options(connections=1)
        ).run()
        assert len(server.dots) == 1
    assert after.state is MailOutState.PAUSED
    assert "spam" in after.why


async def test_list_full_of_dead_addresses_pauses_the_mail_out(
    ledger: Ledger, planned: Callable[..., int]
) -> None:
    mail_out_id = planned(60)
    async with StubbornServer({"RCPT": b"550 5.1.1 no such user\r\n"}) as server:
        after = await Dispatch(
            ledger, mail_out_id, session_to(server.port), sending_options(connections=1)
        ).run()
    assert after.state is MailOutState.PAUSED
    assert "refused" in after.why
    assert states(ledger, mail_out_id)[State.WAITING] >= 30


async def test_account_that_has_used_up_its_day_pauses_the_mail_out_and_refuses_nobody(
    ledger: Ledger, planned: Callable[..., int]
) -> None:
    mail_out_id = planned(10)
    async with StubbornServer({".": b"550 5.4.5 Daily sending quota exceeded\r\n"}) as server:
        after = await Dispatch(
            ledger, mail_out_id, session_to(server.port), sending_options(connections=1)
        ).run()
        assert len(server.dots) == 1
    assert after.state is MailOutState.PAUSED
    assert "may send no more for now" in after.why
    assert states(ledger, mail_out_id) == {State.WAITING: 9, State.DEFERRED: 1}


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"RCPT": b"550 User has exceeded outgoing email quota\r\n"}, "may send no more for now"),
        ({"RCPT": b"550 Sender verify failed\r\n"}, "letters from this sender's address"),
        ({"RCPT": b"550 blocked - see https://ip.example/\r\n"}, "turned away"),
        ({".": b"552 5.7.0 its content presents a potential security issue\r\n"}, "a file with it"),
        ({".": b"554 5.7.1 looks like spam\r\n"}, "turned away (called spam)"),
    ],
)
async def test_matter_of_ours_pauses_the_mail_out_and_refuses_nobody(
    ledger: Ledger, planned: Callable[..., int], answers: dict[str, bytes], words: str
) -> None:
    mail_out_id = planned(10)
    async with StubbornServer(answers) as server:
        options = sending_options(connections=1)
        with contextlib.suppress(ServerError):
            await Dispatch(ledger, mail_out_id, session_to(server.port), options).run()
    with ledger.reading() as connection:
        after = mailouts.get(connection, mail_out_id)
    assert after.state is MailOutState.PAUSED and words in after.why
    assert states(ledger, mail_out_id) == {State.WAITING: 9, State.DEFERRED: 1}


async def test_limit_of_a_session_is_learnt_and_remembered_without_a_rest(
    ledger: Ledger, planned: Callable[..., int]
) -> None:
    told: list[dict[str, Any]] = []
    async with StubbornServer() as server:
        server.session_takes = 3
        for mail_out_id, connections in ((planned(10), 4), (planned(10, appeal="another"), 4)):
            before = server.connections
            options = sending_options(connections=1)
            after = await Dispatch(
                ledger, mail_out_id, session_to(server.port), options, told.append
            ).run()
            assert after.state is MailOutState.FINISHED
            assert states(ledger, mail_out_id) == {State.ACCEPTED: 10}
            assert server.connections - before == connections
    assert [one["what"] for one in told if one["event"] == "learnt"] == [
        f"{after.server.partition(' ')[0]} takes 3 letters on a connection; from now on"
        " it is opened anew after as many ([limits] per_connection)"
    ]
    assert not [one for one in told if one["event"] == "slow_down"]
    assert [one["state"] for one in told if one["event"] == "outcome"].count("deferred") == 1


async def test_server_that_lets_no_letter_into_a_session_is_given_a_rest(
    ledger: Ledger, planned: Callable[..., int]
) -> None:
    told: list[dict[str, Any]] = []
    async with StubbornServer(
        {"MAIL": b"421 Maximum message count per session reached.\r\n"}
    ) as server:
        resting = asyncio.Event()

        def report(event: dict[str, Any]) -> None:
            told.append(event)
            if event["event"] == "slow_down":
                resting.set()

        dispatch = Dispatch(
            ledger, planned(2), session_to(server.port), sending_options(connections=1), report
        )
        sending = asyncio.create_task(dispatch.run())
        await asyncio.wait_for(resting.wait(), 10)
        await dispatch.pause()
        await sending
    assert not [one for one in told if one["event"] == "learnt"]


async def test_mistake_of_ours_pauses_the_mail_out_with_its_reason(
    ledger: Ledger, planned: Callable[..., int], tmp_path: Path
) -> None:
    def report(_event: dict[str, Any]) -> None:
        raise ZeroDivisionError

    mail_out_id = planned(10)
    with Mailbox(tmp_path / "box") as mailbox:
        with pytest.raises(ZeroDivisionError):
            await Dispatch(ledger, mail_out_id, session_to(mailbox.port), NOW, report).run()
        taken = len(mailbox.seen)
    with ledger.reading() as connection:
        after = mailouts.get(connection, mail_out_id)
    assert (after.state, after.why) == (
        MailOutState.PAUSED,
        "This is a mistake in the mailer (ZeroDivisionError).",
    )
    assert states(ledger, mail_out_id) == {State.WAITING: 10 - taken, State.ACCEPTED: taken}


async def test_letter_that_was_altered_in_the_log_is_not_sent(
    ledger: Ledger, planned: Callable[..., int], tmp_path: Path
) -> None:
    mail_out_id = planned(6)
    with ledger.writing() as connection:
        connection.execute(
            sa.update(letter).values(data=zlib.compress(b"Subject: other\r\n\r\nwords\r\n"))
        )
    with Mailbox(tmp_path / "box") as mailbox:
        with pytest.raises(Refused, match="not the one that was planned"):
            await Dispatch(ledger, mail_out_id, session_to(mailbox.port), NOW).run()
        assert not mailbox.seen
    assert states(ledger, mail_out_id) == {State.WAITING: 6}
    assert state_of(ledger, mail_out_id) is MailOutState.PAUSED


# ------------------------------------------------------------------------------------------ crashes


async def test_what_a_dead_sender_left_is_put_right_before_the_next_letter(
    ledger: Ledger, planned: Callable[..., int], tmp_path: Path
) -> None:
    mail_out_id = planned(5)
    with ledger.writing() as connection:
        mailouts.change(connection, mail_out_id, MailOutState.SENDING, at=ledger.now(), who="x")
        marked, _ = claims.claim(
            connection, mail_out_id, owner="nobody-alive", at=ledger.now(), limit=2
        )
        transitions.mark(
            connection, marked, owner="nobody-alive", at=ledger.now(), dated_at=ledger.now()
        )
    with Mailbox(tmp_path / "box") as mailbox:
        await Dispatch(ledger, mail_out_id, session_to(mailbox.port), NOW).run()
    assert states(ledger, mail_out_id) == {State.UNKNOWN: 1, State.ACCEPTED: 4}
    assert marked.address not in mailbox.asked
