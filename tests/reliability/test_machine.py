"""A random walk over the send log: any order of claims, markers, outcomes, deaths and decisions
keeps the rules (T10).
"""

from __future__ import annotations

import functools
import tempfile
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mailer.base.states import TRANSITIONS, MailOutState, Reason, Receipt, Stage, State
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from mailer.ledger.moves import claims, transitions
from mailer.ledger.moves.transitions import Claimed
from mailer.ledger.reading import deliveries
from mailer.ledger.reading.counts import count
from mailer.ledger.record import seals
from tests.conftest import SettableClock, a_plan
from tests.helpers.journeys import paths

from . import figures

PEOPLE = 8
SENDERS = ("one", "two", "three")


@functools.cache
def _begun() -> bytes:
    """Return a send log with one mail-out that is being sent: every walk begins with a
    copy of it.
    """
    clock = SettableClock()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        with Ledger(f"sqlite:///{path}", now=clock) as ledger, ledger.writing() as connection:
            mail_out = mailouts.create(connection, a_plan(PEOPLE), at=clock(), who="test")
            mailouts.change(connection, mail_out, MailOutState.SENDING, at=clock(), who="test")
        return path.read_bytes()


class SendLog(RuleBasedStateMachine):
    """The model is what a sender knows: what it holds, where it wrote a dot, and what the server
    said.
    """

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(
            dir="/dev/shm" if Path("/dev/shm").is_dir() else None
        )
        self.clock, self.id = SettableClock(), 1
        path = Path(self._folder.name) / "ledger.db"
        path.write_bytes(_begun())
        self.ledger = Ledger(f"sqlite:///{path}", now=self.clock)
        self.held: dict[str, list[Claimed]] = {name: [] for name in SENDERS}
        self.dotted: dict[str, list[Claimed]] = {name: [] for name in SENDERS}
        self.dots: dict[int, list[str]] = {}  # delivery → "?", or the answer to each of its dots
        self.decided: set[int] = set()

    @property
    def state(self) -> MailOutState:
        with self.ledger.reading() as connection:
            return mailouts.get(connection, self.id).state

    @rule(who=st.sampled_from(SENDERS), limit=st.integers(1, 4))
    def claim(self, who: str, limit: int) -> None:
        with self.ledger.writing() as connection:
            found = claims.claim(connection, self.id, owner=who, at=self.clock(), limit=limit)
        assert len(found) <= limit
        self.held[who] += found

    @precondition(lambda self: any(self.held.values()))
    @rule(data=st.data())
    def dot(self, data: st.DataObject) -> None:
        """Ask for the marker; if it is set, write the dot."""
        who = data.draw(st.sampled_from([name for name in SENDERS if self.held[name]]))
        one = self.held[who].pop(data.draw(st.integers(0, len(self.held[who]) - 1)))
        with self.ledger.writing() as connection:
            may = transitions.mark(
                connection, one, owner=who, at=self.clock(), dated_at=one.dated_at or self.clock()
            )
        if may:
            assert all(answer == "4" for answer in self.dots.get(one.id, [])), (
                "a second dot after one that may be a yes"
            )
            assert self.state is MailOutState.SENDING
            self.dots.setdefault(one.id, []).append("?")
            self.dotted[who].append(one)

    @precondition(lambda self: any(self.dotted.values()))
    @rule(
        data=st.data(),
        state=st.sampled_from([State.ACCEPTED, State.REFUSED, State.DEFERRED, State.UNKNOWN]),
    )
    def answer(self, data: st.DataObject, state: State) -> None:
        who = data.draw(st.sampled_from([name for name in SENDERS if self.dotted[name]]))
        one = self.dotted[who].pop(data.draw(st.integers(0, len(self.dotted[who]) - 1)))
        again = self.clock() + timedelta(minutes=5) if state is State.DEFERRED else None
        receipt = Receipt(
            state,
            Stage.DOT,
            {State.ACCEPTED: 250, State.REFUSED: 550, State.DEFERRED: 451}.get(state),
        )
        with self.ledger.writing() as connection:
            ours = transitions.record(
                connection,
                one,
                receipt,
                state=state,
                reason=None,
                owner=who,
                at=self.clock(),
                next_try_at=again,
            )
        if ours:
            self.dots[one.id][-1] = {
                State.ACCEPTED: "2",
                State.REFUSED: "5",
                State.DEFERRED: "4",
            }.get(state, "?")

    @precondition(lambda self: any(self.held.values()))
    @rule(data=st.data())
    def fail_before_the_dot(self, data: st.DataObject) -> None:
        who = data.draw(st.sampled_from([name for name in SENDERS if self.held[name]]))
        one = self.held[who].pop()
        receipt = Receipt(State.DEFERRED, Stage.RCPT, 450)
        with self.ledger.writing() as connection:
            transitions.record(
                connection, one, receipt, state=State.DEFERRED, reason=Reason.LATER, owner=who,
                at=self.clock(), next_try_at=self.clock() + timedelta(minutes=5),
            )  # fmt: skip

    @rule(who=st.sampled_from(SENDERS))
    def give_back(self, who: str) -> None:
        with self.ledger.writing() as connection:
            transitions.release(connection, self.held[who], owner=who, at=self.clock())
        self.held[who] = []

    @rule(who=st.sampled_from(SENDERS))
    def die(self, who: str) -> None:
        """A sender dies, and another one finds out. It forgets what it held; its letters past the
        dot are unknown.
        """
        with self.ledger.writing() as connection:
            transitions.recover(connection, self.id, dead=(who,), owner="heir", at=self.clock())
        self.held[who], self.dotted[who] = [], []

    @rule(who=st.sampled_from(SENDERS))
    def be_thought_dead(self, who: str) -> None:
        """The same, but the sender lives on, and comes back with its old claims."""
        with self.ledger.writing() as connection:
            transitions.recover(connection, self.id, dead=(who,), owner="heir", at=self.clock())

    @rule(minutes=st.sampled_from([1, 6, 26, -30, 1500]))
    def let_time_pass(self, minutes: int) -> None:
        self.clock.forward(minutes=minutes)

    @rule(to=st.sampled_from([MailOutState.PAUSED, MailOutState.SENDING]))
    def pause_or_go_on(self, to: MailOutState) -> None:
        if self.state is not to:
            with self.ledger.writing() as connection:
                mailouts.change(connection, self.id, to, at=self.clock(), who="test")

    @rule(to=st.sampled_from([State.ACCEPTED, State.NOT_SENT]), number=st.integers(1, PEOPLE))
    def decide(self, to: State, number: int) -> None:
        with self.ledger.writing() as connection:
            if transitions.settle(
                connection, number, to, who="Marta", because="she knows", at=self.clock()
            ):
                self.decided.add(number)

    @invariant()
    def everybody_is_somewhere(self) -> None:
        with self.ledger.reading() as connection:
            assert sum(count(connection, self.id).letters.values()) == PEOPLE
            people = deliveries.people(connection, self.id)
        for one in people:
            answers = self.dots.get(one.id, [])
            assert sum(answer in "?2" for answer in answers) <= 1
            if one.id in self.decided:
                continue
            if one.state is State.ACCEPTED:
                assert answers[-1] == "2"
            if "2" in answers:
                assert one.state is State.ACCEPTED
            if "?" in answers:
                assert one.state in (
                    State.SENDING,
                    State.UNKNOWN,
                ), "what may have arrived is never waiting"
            if one.state is State.UNKNOWN:
                assert answers[-1] == "?"

    def teardown(self) -> None:
        """At the end: every step that was ever taken is an edge of the drawing."""
        with self.ledger.reading() as connection:
            steps = paths(connection)
            broken = seals.verify(connection).broken
        self.ledger.close()
        self._folder.cleanup()
        assert not broken, "the state is what the last event says"
        for path in steps.values():
            assert all(after in TRANSITIONS[before] for before, after in pairwise(path)), path


@pytest.mark.parametrize(
    ("examples", "steps"),
    [(30, 30), pytest.param(500, 50, marks=[pytest.mark.long, pytest.mark.timeout(3000)])],
)
def test_any_order_of_moves_keeps_the_rules(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        SendLog,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, database=None,
            derandomize=examples < 100, suppress_health_check=list(HealthCheck), print_blob=True,
        ),
    )  # fmt: skip
    if examples >= 500:
        figures.note(
            "T10",
            "random walks over the send log (Hypothesis)",
            f"{examples} × {steps} steps",
            "no rule broken",
        )


def test_old_claim_of_the_same_sender_counts_no_longer(
    ledger: Ledger, clock: SettableClock
) -> None:
    """A sender that slept past its lease, and then took the same letter anew: only its new claim
    may be used.
    """
    with ledger.writing() as connection:
        mail_out = mailouts.create(connection, a_plan(1), at=clock(), who="test")
        mailouts.change(connection, mail_out, MailOutState.SENDING, at=clock(), who="test")
        (old,) = claims.claim(connection, mail_out, owner="me", at=clock(), limit=1)
        transitions.recover(connection, mail_out, dead=("me",), owner="another", at=clock())
        (new,) = claims.claim(connection, mail_out, owner="me", at=clock(), limit=1)
    assert (old.id, old.fence) != (new.id, new.fence)
    receipt = Receipt(State.REFUSED, Stage.RCPT, 550)
    with ledger.writing() as connection:
        assert not transitions.mark(connection, old, owner="me", at=clock(), dated_at=clock())
        assert not transitions.record(
            connection, old, receipt, state=State.REFUSED, reason=None, owner="me", at=clock()
        )
        assert transitions.mark(connection, new, owner="me", at=clock(), dated_at=clock())
