"""One mail-out with one of each outcome, for the reports."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from mailer.base.states import Reason, Receipt, Stage, State
from mailer.ledger.ledger import Ledger
from tests.conftest import SettableClock
from tests.helpers.journeys import LATER, YES, Journey

NO_SUCH = Receipt(
    State.REFUSED, Stage.RCPT, 550, "5.1.1", "no such user \\x1b[31m here", "mx.example", "TLSv1.3"
)
FULL = Receipt(State.REFUSED, Stage.RCPT, 552, "5.2.2", "mailbox full", "mx.example", "TLSv1.3")
BROKE = Receipt(
    State.UNKNOWN, Stage.DOT, text="the line broke before the answer came", peer="mx.example"
)


@pytest.fixture
def journey(ledger: Ledger, planned: Callable[..., int], clock: SettableClock) -> Journey:
    return one_of_each(Journey(ledger, planned(6, left_out=2), clock))


def one_of_each(journey: Journey) -> Journey:
    """Let 1 be refused, 2 accepted at the second try, 3 unknown, 4 accepted, 5 still tried, 6 given
    up; two more were left out.
    """
    clock = journey.clock
    refused, twice, unknown, accepted, trying, given_up = journey.claim(6)
    clock.forward(seconds=1)
    journey.record(refused, NO_SUCH, reason=Reason.NO_MAILBOX)
    journey.record(twice, LATER, reason=Reason.LATER, next_try_at=clock())
    journey.mark(unknown)
    journey.record(unknown, BROKE, reason=Reason.BROKE_AFTER_DOT)
    journey.mark(accepted)
    journey.record(accepted, YES)
    journey.record(trying, LATER, reason=Reason.LATER, next_try_at=clock() + timedelta(minutes=20))
    journey.record(given_up, LATER, state=State.NOT_SENT, reason=Reason.GAVE_UP)
    clock.forward(seconds=1)
    (again,) = journey.claim(1)
    journey.mark(again)
    journey.record(again, YES)
    return journey
