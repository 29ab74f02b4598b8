"""Facts about the limits: no window ever holds more than it may, and little is lost to keeping
them.
"""

from __future__ import annotations

import asyncio
import random
import re
from bisect import bisect_left
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from mailer.base.settings.tables import Limits
from mailer.base.states import MailOutState, State
from mailer.cli.screen.progress import OutcomeCounts
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from mailer.ledger.moves import limits
from mailer.ledger.reading import listing
from mailer.ledger.reading.counts import count
from mailer.sending.demo_server import Mailbox
from mailer.sending.dispatch import Dispatch
from tests.conftest import SettableClock, a_plan
from tests.helpers.sendings import sending_options
from tests.helpers.stubborn_server import StubbornServer
from tests.sending.test_dispatch import session_to, states

ACCOUNT = "account"
START = datetime(2027, 1, 20, 8, 0, tzinfo=UTC)


def attempts(ledger: Ledger, options: Limits, seconds: float, *, late: float = 0.0) -> list[float]:
    """Make attempts as fast as the limits allow for so long, waking up to `late` seconds late.
    Returns their times.
    """
    rng = random.Random(7)
    at, made = 0.0, []
    with ledger.writing() as connection:
        while at < seconds:
            now = START + timedelta(seconds=at)
            wait = limits.wait(connection, options, ACCOUNT, now).seconds
            if wait > 0:
                at += wait + rng.uniform(0, late)
                continue
            limits.spend(connection, options, ACCOUNT, "a@no.parliament.example", now)
            made.append(at)
    return made


def most_in(times: list[float], window: float) -> int:
    """How many of the times lie in the fullest window of so many seconds, its end not included."""
    return max(
        bisect_left(times, start + window - 1e-6) - index for index, start in enumerate(times)
    )


@pytest.mark.parametrize(
    ("options", "seconds", "window", "number"),
    [
        (Limits(per_minute=30), 600, 60, 30),
        (Limits(per_minute=600), 120, 60, 600),
        (Limits(per_minute=60, per_hour=100), 8000, 3600, 100),
        (Limits(per_minute=60, per_hour=50, per_day=120), 200_000, 86_400, 120),
    ],
)
def test_no_window_holds_more_and_98_per_cent_are_reached(
    ledger: Ledger, options: Limits, seconds: float, window: float, number: int
) -> None:
    made = attempts(ledger, options, seconds, late=0.02)
    for _, length, most in options.windows:
        assert most_in(made, length) <= most
    whole = made[-1] // window
    assert len(made) >= 0.98 * number * whole


def test_minutes_are_smooth_even_after_a_rest(ledger: Ledger) -> None:
    options = Limits(per_minute=30)
    first = attempts(ledger, options, 10)
    gaps = [later - sooner for sooner, later in pairwise(first)]
    assert min(gaps) > 1.9, "one letter every two seconds"
    with ledger.writing() as connection:
        much_later = START + timedelta(hours=2)
        assert limits.wait(connection, options, ACCOUNT, much_later).seconds <= 0
        limits.spend(connection, options, ACCOUNT, "a@no.example", much_later)
        assert limits.wait(connection, options, ACCOUNT, much_later).seconds > 1.9


def test_clock_that_was_set_back_holds_nobody_for_long(ledger: Ledger) -> None:
    options = Limits(per_minute=60)
    with ledger.writing() as connection:
        limits.spend(connection, options, ACCOUNT, "a@no.example", START)
        assert (
            limits.wait(
                connection, Limits(per_minute=60), ACCOUNT, START - timedelta(hours=1)
            ).seconds
            <= 60
        )


def test_limits_outlive_the_process_and_are_shared(ledger: Ledger) -> None:
    options = Limits(per_minute=0, per_hour=3)
    with ledger.writing() as connection:
        for _ in range(3):
            limits.spend(connection, options, ACCOUNT, "a@no.example", START)
    with (
        Ledger(ledger.url.render_as_string(False), now=ledger.now) as another,
        another.writing() as connection,
    ):
        assert limits.wait(connection, options, ACCOUNT, START).seconds == pytest.approx(3600)
        assert (
            limits.wait(connection, Limits(per_minute=0, per_hour=3), "other", START).seconds <= 0
        )


async def test_domain_has_its_own_pace_and_the_others_go_on(
    ledger: Ledger, planned: Callable[..., int], clock: SettableClock
) -> None:
    """Three domains, one letter a minute to each; the clock stands still, so each gets one and
    nobody a second.
    """
    mail_out_id = planned(30)
    async with StubbornServer() as server:
        seen = 0
        third = asyncio.Event()

        def report(_event: dict[str, object]) -> None:
            nonlocal seen
            seen += 1
            if seen == 3:
                third.set()

        options = sending_options(connections=2, per_domain=1)
        dispatch = Dispatch(ledger, mail_out_id, session_to(server.port), options, report)
        running = asyncio.create_task(dispatch.run())
        await third.wait()
        await dispatch.pause("seen enough")
        await running
        assert sorted(address.partition("@")[2] for address in server.dots) == [
            "fr.parliament.example", "no.parliament.example", "ua.parliament.example",
        ]  # fmt: skip


async def test_domain_that_says_the_same_to_everybody_is_left_alone(
    ledger: Ledger, planned: Callable[..., int]
) -> None:
    mail_out_id = planned(3)
    with ledger.writing() as connection:
        limits.close_domain(
            connection, "x@no.parliament.example", ledger.now() + timedelta(hours=1)
        )
    async with StubbornServer() as server:
        seen = asyncio.Event()
        dispatch = Dispatch(
            ledger, mail_out_id, session_to(server.port), sending_options(connections=1)
        )
        dispatch.report = lambda _event: seen.set() if len(server.dots) == 2 else None
        running = asyncio.create_task(dispatch.run())
        await seen.wait()
        await dispatch.pause("seen enough")
        await running
        assert not [
            address for address in server.dots if address.endswith("@no.parliament.example")
        ]
    assert states(ledger, mail_out_id) == {State.ACCEPTED: 2, State.WAITING: 1}


async def test_first_letters_go_out_and_then_it_waits_for_a_look(
    ledger: Ledger, planned: Callable[..., int], tmp_path: Path
) -> None:
    mail_out_id = planned(20)
    options = sending_options(connections=2, first=5)
    with Mailbox(tmp_path / "box") as mailbox:
        after = await Dispatch(ledger, mail_out_id, session_to(mailbox.port), options).run()
        assert after.state is MailOutState.PAUSED
        assert "look" in after.why
        assert len(mailbox.seen) == 5
        after = await Dispatch(ledger, mail_out_id, session_to(mailbox.port), options).run()
        assert after.state is MailOutState.FINISHED
        assert len(mailbox.seen) == 20


async def test_fewer_people_than_the_first_ones_need_no_look(
    ledger: Ledger, planned: Callable[..., int], tmp_path: Path
) -> None:
    mail_out_id = planned(3)
    with Mailbox(tmp_path / "box") as mailbox:
        after = await Dispatch(
            ledger, mail_out_id, session_to(mailbox.port), sending_options(first=5)
        ).run()
    assert after.state is MailOutState.FINISHED


async def test_kill_switch_ends_every_sending_before_the_next_dot(
    ledger: Ledger, planned: Callable[..., int], tmp_path: Path
) -> None:
    mail_out_id = planned(200)
    switch = tmp_path / "STOP"
    async with StubbornServer() as server:
        dispatch = Dispatch(
            ledger,
            mail_out_id,
            session_to(server.port),
            sending_options(connections=2, kill_switch=switch),
        )
        dots = 0

        def report(_event: dict[str, object]) -> None:
            nonlocal dots
            if not switch.exists():
                switch.touch()
                dots = len(server.dots)

        dispatch.report = report
        after = await dispatch.run()
        assert after.state is MailOutState.PAUSED
        assert "STOP" in after.why
        assert len(server.dots) <= dots + 4, (
            "what was past its marker, and what was just being marked"
        )


async def test_rest_that_a_server_asked_for_stands_in_the_log(
    ledger: Ledger, planned: Callable[..., int]
) -> None:
    mail_out_id = planned(1)
    async with StubbornServer({".": b"421 4.7.0 slow down\r\n"}) as server:
        options = sending_options(connections=1)
        dispatch = Dispatch(ledger, mail_out_id, session_to(server.port), options)
        running = asyncio.create_task(dispatch.run())
        await asyncio.wait_for(server.saw_a_dot.wait(), 20)
        told = None
        while told is None and not running.done():
            await asyncio.sleep(0.05)
            with ledger.reading() as connection:
                told = listing.waiting(connection, mail_out_id, ledger.now())
        await dispatch.pause("seen enough")
        await running
    assert told is not None and told.why == "slow_down"
    assert told.until - ledger.now() == options.patience


async def test_server_that_asks_to_slow_down_gets_half_the_connections_and_a_rest(
    ledger: Ledger, planned: Callable[..., int]
) -> None:
    mail_out_id = planned(12)
    events: list[dict[str, object]] = []
    async with StubbornServer({"RCPT": b"421 4.7.0 too many connections, slow down\r\n"}) as server:
        options = sending_options(connections=4, patience=timedelta(milliseconds=20))
        dispatch = Dispatch(ledger, mail_out_id, session_to(server.port), options)
        asked = asyncio.Event()

        def report(event: dict[str, object]) -> None:
            events.append(event)
            if event["event"] == "slow_down" and event["connections"] == 1:
                asked.set()

        dispatch.report = report
        running = asyncio.create_task(dispatch.run())
        await asked.wait()
        await dispatch.pause("seen enough")
        await running
    slowed = [event["connections"] for event in events if event["event"] == "slow_down"]
    assert slowed[:2] == [2, 1]
    assert server.dots == []
    with ledger.reading() as connection:
        counts = count(connection, mail_out_id).letters
        assert mailouts.get(connection, mail_out_id).state is MailOutState.PAUSED
    assert counts[State.REFUSED] == 0


def test_clock_that_was_set_back_holds_no_letter_for_as_long(
    ledger: Ledger, clock: SettableClock
) -> None:
    many = Limits(per_minute=60, per_domain=60)
    clock.forward(hours=1)
    with ledger.writing() as connection:
        for _ in range(60):
            limits.spend(connection, many, ACCOUNT, "a@no.example", clock())
    clock.forward(hours=-1)
    with ledger.writing() as connection:
        assert limits.wait(connection, many, ACCOUNT, clock()).seconds <= 60
    clock.forward(seconds=61)
    with ledger.writing() as connection:
        assert limits.wait(connection, many, ACCOUNT, clock()).seconds == 0
        assert not limits.some_domain_is_closed(connection, clock())


async def test_letter_that_was_put_off_waits_as_long_as_was_meant_when_the_clock_is_set_back(
    ledger_url: str,
) -> None:
    shift = timedelta()

    def report(event: dict[str, Any]) -> None:
        nonlocal shift
        if event.get("state") == "deferred":
            shift = timedelta(hours=-1)
            server.answers["."] = b"250 2.0.0 taken\r\n"

    with Ledger(ledger_url, now=lambda: datetime.now(UTC) + shift) as ledger:
        with ledger.writing() as connection:
            mail_out_id = mailouts.create(connection, a_plan(2), at=ledger.now(), who="Jana")
        async with StubbornServer({".": b"451 4.3.0 later\r\n"}) as server:
            options = sending_options(
                connections=1, schedule=(timedelta(seconds=0.3),), patience=timedelta(seconds=0.1)
            )
            dispatch = Dispatch(ledger, mail_out_id, session_to(server.port), options, report)
            await asyncio.wait_for(dispatch.run(), 30)
        assert states(ledger, mail_out_id) == {State.ACCEPTED: 2}


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (
            "per_hour",
            r"2 letters .* within an hour \(\[limits\] per_hour\)\. Going on in (59 |1 h)",
        ),
        ("per_day", r"2 letters .* within a day \(\[limits\] per_day\)\. Going on in (23|24) h"),
    ],
)
async def test_wait_of_a_limit_is_told_as_it_counts(
    ledger: Ledger, planned: Callable[..., int], setting: str, said: str
) -> None:
    mail_out_id = planned(3)
    counts, waiting = OutcomeCounts(0), asyncio.Event()

    def report(event: dict[str, Any]) -> None:
        counts.take(event)
        if event["event"] == "wait":
            waiting.set()

    async with StubbornServer() as server:
        options = sending_options(connections=1, **{setting: 2})
        dispatch = Dispatch(ledger, mail_out_id, session_to(server.port), options, report)
        sending = asyncio.create_task(dispatch.run())
        await asyncio.wait_for(waiting.wait(), 20)
        words = counts.words()
        await dispatch.pause("seen")  # once this is written, so is what it waits for
        with ledger.reading() as connection:
            told = listing.waiting(connection, mail_out_id, ledger.now())
        await sending
    assert told is not None and (told.why, told.limit) == (setting, 2)
    assert len(server.dots) == 2
    assert re.match(said, words), words
