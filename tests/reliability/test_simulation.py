"""Whole mail-outs in virtual time: real waits of minutes and hours, faults at one step of twenty
(T11).
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path

import pytest

from mailer.base.errors import MailerError
from mailer.base.states import OPEN, MailOutState, Receipt, Stage, State
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading import deliveries
from mailer.ledger.reading.counts import count
from mailer.sending.dispatch import Dispatch
from mailer.sending.smtp.server import ConnectError
from mailer.sending.smtp.session import Envelope, NotHandedOver
from tests.helpers.sendings import sending_options

from . import figures
from .campaign import a_long_plan, planned
from .virtual import VirtualLoop, run

SHARED_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
ANSWERS = (
    ("rcpt", 450, "4.2.0", "greylisted"), ("rcpt", 451, "4.3.0", "later"),
    ("rcpt", 550, "5.1.1", "no such user"), ("rcpt", 452, "4.3.1", "no room"),
    ("mail", 421, "4.3.2", "not now"), ("dot", 451, "4.7.1", "try later"),
    ("dot", 421, "4.7.0", "too fast"), ("dot", 552, "5.2.2", "mailbox full"),
    ("dot", 250, "2.0.0", "taken"),
)  # fmt: skip


class Post:
    """The world's mail server: what it took is the truth."""

    def __init__(self, dice: random.Random, people: int) -> None:
        self.dice, self.faults = dice, 0.05
        self.dots: Counter[str] = Counter()  # may have arrived
        self.yes: Counter[str] = Counter()
        self.inside = 0

    def session(self) -> Session:
        return Session(self)


class Session:
    """Stands in for `SmtpSession`: the same rules, in virtual time, without a socket."""

    def __init__(self, post: Post) -> None:
        self.post, self.delivered, self.is_open = post, 0, False

    async def connect(self) -> None:
        await asyncio.sleep(self.post.dice.random())
        if self.post.dice.random() < self.post.faults:
            raise ConnectError("the server does not take connections", temporary=True)
        self.is_open = True

    def abort(self) -> None:
        self.is_open, self.delivered = False, 0

    async def quit(self) -> None:
        self.abort()

    async def deliver(
        self,
        letter: Envelope,
        before_dot: Callable[[], Awaitable[bool]],
        follow: Envelope | None = None,
    ) -> Receipt:
        dice = self.post.dice
        try:
            if not self.is_open:
                await self.connect()
            self.delivered += 1
            fault = (
                dice.choice([*ANSWERS, None, None])
                if dice.random() < self.post.faults
                else ANSWERS[-1]
            )
            await asyncio.sleep(dice.random() * 0.2)
            if fault is None and dice.random() < 0.5:
                return self._lost(State.DEFERRED, Stage.DATA)
            if fault is not None and fault[0] != "dot":
                return self._said(fault)
            if not await before_dot():
                raise NotHandedOver
            assert not self.post.dots[letter.recipient], "a second copy"
            self.post.dots[letter.recipient] += fault is None or fault[1] == 250
            await asyncio.sleep(
                dice.choice([0.01, 0.1, 1, 30, 400]) if dice.random() < 0.1 else 0.05
            )
            if fault is None:
                return self._lost(State.UNKNOWN, Stage.DOT)
            self.post.yes[letter.recipient] += fault[1] == 250
            return self._said(fault)
        except BaseException:
            self.abort()
            raise

    def _lost(self, state: State, stage: Stage) -> Receipt:
        self.abort()
        return Receipt(state, stage, text="the server hung up")

    def _said(self, fault: tuple[str, int, str, str]) -> Receipt:
        stage, code, enhanced, text = fault
        state = {2: State.ACCEPTED, 4: State.DEFERRED, 5: State.REFUSED}[code // 100]
        if code == 421:
            self.abort()
        return Receipt(state, Stage(stage), code, enhanced, text)


@cache
def _planned(people: int) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        with Ledger(f"sqlite:///{path}") as ledger:
            planned(ledger, a_long_plan("virtual", people))
        return path.read_bytes()


async def mail_out(
    loop: VirtualLoop, path: Path, dice: random.Random, people: int, tally: Counter[str]
) -> None:
    post, settings = Post(dice, people), sending_options(
        connections=dice.choice([1, 2, 4]), per_connection=dice.choice([5, 50]),
        first=dice.choice([0, 0, 5]),
        **dice.choice([{}, {}, {"per_minute": 60, "per_domain": 20}]),
    )  # fmt: skip
    with Ledger(f"sqlite:///{path}", now=loop.now) as ledger:
        for _ in range(100):
            dispatch = Dispatch(ledger, 1, post.session, settings)  # type: ignore[arg-type]
            sending = asyncio.create_task(dispatch.run())
            if dice.random() < 0.3:  # somebody pauses, or everything is torn down without a word
                await asyncio.wait({sending}, timeout=dice.random() * 20)
                if dice.random() < 0.5 and not sending.done():
                    with ledger.writing() as connection:
                        if mailouts.get(connection, 1).state is MailOutState.SENDING:
                            mailouts.change(
                                connection, 1, MailOutState.PAUSED, at=loop.now(), who="Jana"
                            )
                elif not sending.done():
                    sending.cancel()
            try:
                await sending
            except (MailerError, asyncio.CancelledError) as fault:
                tally[f"ended by {type(fault).__name__}"] += 1
            with ledger.reading() as connection:
                counts = count(connection, 1).letters
            if not sum(counts[state] for state in OPEN):
                break
        with ledger.reading() as connection:
            assert mailouts.get(connection, 1).state is MailOutState.FINISHED
            for one in deliveries.people(connection, 1):
                arrived, yes = post.dots[one.address], post.yes[one.address]
                assert arrived <= 1, one
                assert one.state is not State.ACCEPTED or yes == 1, one
                assert not arrived or one.state in (State.ACCEPTED, State.UNKNOWN), one
                tally[one.state.value] += 1
    assert sum(counts.values()) == people


@pytest.fixture(autouse=True)
def seldom_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four looks a second for a pause would be most of the work in hours of waiting."""
    monkeypatch.setattr("mailer.sending.dispatch.LOOK", 20.0)


def simulate(seed: int, people: int, tally: Counter[str]) -> float:
    """Run one world. Returns the hours that went by in it."""
    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as folder:
        path = Path(folder) / "ledger.db"
        path.write_bytes(_planned(people))
        loop = VirtualLoop()
        run(mail_out(loop, path, random.Random(seed), people, tally), loop)
        return loop.jumping.ahead / 3600


def test_mail_outs_in_virtual_time_lose_nobody() -> None:
    tally: Counter[str] = Counter()
    for seed in range(6):
        simulate(seed, 40, tally)
    assert tally["accepted"] > 200


@pytest.mark.long
@pytest.mark.timeout(3400)
@pytest.mark.parametrize("part", range(4))
def test_two_thousand_mail_outs_in_virtual_time_lose_nobody(part: int) -> None:
    tally, hours = Counter[str](), 0.0
    for seed in range(500):
        hours += simulate(10_000 + part * 500 + seed, 100, tally)
    found = " · ".join(f"{number:,} {what}" for what, number in sorted(tally.items()))
    size = f"500 seeds, {hours:,.0f} hours"
    figures.note(f"T11 {part + 1}", "mail-outs of 100 in virtual time, faults at 5 %", size, found)
