"""Clocks that jump while letters go out, and a lease that is taken from a sender that
slept (T9).
"""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mailer.base.states import State
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from mailer.ledger.moves import transitions
from mailer.ledger.reading.counts import count
from mailer.sending.dispatch import Dispatch
from tests.helpers.smtp_server import SmtpServer

from . import figures
from .campaign import Tally, a_long_plan, a_tag, check, planned
from .lives import options, session_factory
from .witness import Witness


class JumpingClock:
    """Goes with the real one, and jumps by `step` at the n-th look."""

    def __init__(self, step: timedelta, at: int, begin: datetime | None = None) -> None:
        self.step, self.at, self.looks = step, at, 0
        self.shift = (begin - datetime.now(UTC)) if begin else timedelta()

    def __call__(self) -> datetime:
        self.looks += 1
        jumped = self.step if self.looks > self.at else timedelta()
        return datetime.now(UTC) + self.shift + jumped


JUMPS = {
    "an hour on": timedelta(hours=1),
    "an hour back": timedelta(hours=-1),
    "a day on": timedelta(days=1),
    "a day back": timedelta(days=-1),
    "a second back": timedelta(seconds=-1),
}
WINTER_BEGINS = datetime(2027, 10, 31, 0, 59, 59, 900_000, UTC)
SUMMER_BEGINS = datetime(2027, 3, 28, 0, 59, 59, 900_000, UTC)


async def jump(url: str, witness: Witness, clock: JumpingClock, tally: Tally) -> None:
    with Ledger(url, now=clock) as ledger:
        mail_out = planned(ledger, a_long_plan(a_tag(), 20))
        for _ in range(3):
            await Dispatch(ledger, mail_out, session_factory(witness.port), options(2)).run()
        tally.add(check(ledger, mail_out, witness, kills=0, connections=2))


@pytest.mark.parametrize("name", JUMPS)
async def test_clock_that_jumps_costs_no_letter(
    ledger_url: str, witness: Witness, name: str
) -> None:
    tally = Tally()
    await jump(ledger_url, witness, JumpingClock(JUMPS[name], at=12), tally)
    assert tally.states[State.ACCEPTED] == 20


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_clock_that_jumps_at_any_look_costs_no_letter(
    ledger_url: str, witness: Witness
) -> None:
    dice, tally = random.Random(9), Tally()
    for step in JUMPS.values():
        for _ in range(5):
            await jump(ledger_url, witness, JumpingClock(step, at=dice.randint(1, 60)), tally)
    for begin in (WINTER_BEGINS, SUMMER_BEGINS):
        await jump(ledger_url, witness, JumpingClock(timedelta(), 0, begin), tally)
    store = ledger_url.partition(":")[0]
    size = f"{tally.campaigns} jumps"
    figures.note(f"T9 {store}", f"clock ±1 h, ±1 d, −1 s, summer time, {store}", size, f"{tally}")
    assert tally.states[State.ACCEPTED] == tally.letters


async def test_clock_that_is_set_on_keeps_nobody_waiting(ledger_url: str, tmp_path: Path) -> None:
    """Whoever is put off for five minutes is due when the clock is set on by an hour."""
    shift, put_off = timedelta(), asyncio.Event()
    with (
        Witness(tmp_path, mood="grey") as grey,
        Ledger(ledger_url, now=lambda: datetime.now(UTC) + shift) as ledger,
    ):
        mail_out = planned(ledger, a_long_plan(a_tag(), 4))

        def report(event: dict[str, Any]) -> None:
            if event["event"] == "wait":
                put_off.set()

        course = options(2, again=300)
        sending = Dispatch(ledger, mail_out, session_factory(grey.port), course, report)
        running = asyncio.create_task(sending.run())
        await asyncio.wait_for(put_off.wait(), 20)
        for _ in range(3):  # what was asked for is answered, and everybody waits
            await sending._writer.run(mailouts.get, mail_out)
        shift = timedelta(hours=1)
        await asyncio.wait_for(running, 20)
        counts = check(ledger, mail_out, grey, kills=0, connections=1)
    assert counts[State.ACCEPTED] == 4


async def test_letter_that_waits_for_its_answer_stays_its_senders_when_the_clock_is_set_on(
    ledger_url: str,
) -> None:
    """Another sender that begins now must not take it for one whose lease ran out."""
    shift, noticed, said = timedelta(), asyncio.Event(), ""
    async with SmtpServer(hold=asyncio.Event()) as server:
        with Ledger(ledger_url, now=lambda: datetime.now(UTC) + shift) as ledger:
            mail_out = planned(ledger, a_long_plan(a_tag(), 1))

            def report(event: dict[str, Any]) -> None:
                nonlocal said
                if event["event"] == "learnt":
                    said = event["what"]
                    noticed.set()

            one = Dispatch(ledger, mail_out, session_factory(server.port), options(1), report)
            running = asyncio.create_task(one.run())
            await asyncio.wait_for(server.dot_seen.wait(), 20)
            shift = timedelta(hours=1)
            await asyncio.wait_for(noticed.wait(), 20)
            await one.leave()  # answered behind what was asked for before
            with ledger.writing() as connection:
                taken = transitions.recover(
                    connection, mail_out, dead=(), owner="thief", at=ledger.now()
                )
            assert server.hold is not None
            server.hold.set()
            await asyncio.wait_for(running, 20)
            with ledger.reading() as connection:
                counts = count(connection, mail_out).letters
    assert not taken and counts[State.ACCEPTED] == 1
    assert "clock was set on by 1 h" in said


async def test_sender_that_slept_past_its_lease_hands_nothing_over(
    ledger_url: str, witness: Witness
) -> None:
    """A laptop that sleeps between the claim and the marker; meanwhile another sender does its
    work.
    """
    shift = timedelta()
    with Ledger(ledger_url, now=lambda: datetime.now(UTC) + shift) as ledger:
        mail_out = planned(ledger, a_long_plan(a_tag(), 4))
        # two: the sleeper's connection is not proven to be gone
        thief = Dispatch(ledger, mail_out, session_factory(witness.port), options(2))
        asleep, goes_on = asyncio.Event(), asyncio.Event()
        dispatch = Dispatch(ledger, mail_out, session_factory(witness.port), options(1))
        real = session_factory(witness.port)

        def sleepy() -> object:
            session = real()
            deliver = session.deliver

            async def late(letter: object, before_dot: object, follow: object = None) -> object:
                async def before() -> bool:
                    if not asleep.is_set():
                        asleep.set()
                        await goes_on.wait()
                    return await before_dot()  # type: ignore[operator, no-any-return]

                return await deliver(letter, before, follow)  # type: ignore[arg-type]

            session.deliver = late  # type: ignore[method-assign, assignment]
            return session

        dispatch.session = sleepy  # type: ignore[assignment]
        sleeping = asyncio.create_task(dispatch.run())
        await asyncio.wait_for(asleep.wait(), 20)
        shift = timedelta(minutes=26)
        with ledger.writing() as connection:
            transitions.recover(connection, mail_out, dead=(), owner="thief", at=ledger.now())
        await thief.run()
        goes_on.set()
        await sleeping
        counts = check(ledger, mail_out, witness, kills=0, connections=1)
    assert counts[State.ACCEPTED] == 4
