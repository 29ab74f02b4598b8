"""Facts about a mail-out that begins by itself: what is due when, and how that is taken back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from mailer.base.errors import Refused
from mailer.base.states import MailOutState, State
from mailer.ledger import mailouts
from mailer.ledger.events import EventKind
from mailer.ledger.ledger import Ledger
from mailer.ledger.mailouts import MailOut
from mailer.ledger.reading import deliveries, due, listing
from tests.conftest import SettableClock
from tests.helpers.journeys import Journey

HOUR = timedelta(hours=1)


def schedule(ledger: Ledger, mail_out_id: int, **hours: float) -> MailOut:
    starts = {code: ledger.now() + HOUR * after for code, after in hours.items()}
    with ledger.writing() as connection:
        return mailouts.schedule(
            connection, mail_out_id, "Mon 9:00", starts, at=ledger.now(), who="Jana"
        )


def test_nobody_is_claimed_before_the_hour_of_their_delegation(
    ledger: Ledger, planned: Callable[..., int], clock: SettableClock
) -> None:
    mail_out_id = planned(9)  # three each of FR, NO and UA
    scheduled = schedule(ledger, mail_out_id, NO=2, UA=1, FR=3)
    assert scheduled.starts_at == clock() + HOUR
    journey = Journey(ledger, mail_out_id, clock)
    got: list[list[str]] = []
    for _ in range(4):
        got.append(sorted({one.delegation for one in journey.claim(limit=20)}))
        with ledger.reading() as connection:
            waits = due.waits(connection, mail_out_id, clock())
        assert waits == ([3600.0] if len(got) < 4 else [])
        clock.forward(hours=1)
    assert got == [[], ["UA"], ["NO"], ["FR"]]


def test_start_is_changed_and_taken_back_while_nothing_has_begun(
    ledger: Ledger, planned: Callable[..., int], clock: SettableClock
) -> None:
    mail_out_id = planned(3)
    schedule(ledger, mail_out_id, FR=1, NO=1, UA=1)
    later = schedule(ledger, mail_out_id, FR=5, NO=6, UA=7)
    assert later.starts_at == clock() + 5 * HOUR
    with ledger.writing() as connection:
        after = mailouts.unschedule(connection, later, at=clock(), who="Jana")
    assert (after.starts_at, after.schedule, after.state) == (None, "", MailOutState.PLANNED)
    with ledger.reading() as connection:
        kinds = [one.kind for one in listing.of_the_whole(connection, mail_out_id)]
    assert kinds.count(EventKind.SCHEDULED) == 2
    assert kinds.count(EventKind.UNSCHEDULED) == 1
    journey = Journey(ledger, mail_out_id, clock)
    assert len(journey.claim(limit=9)) == 3
    with pytest.raises(Refused, match="sending already"):
        schedule(ledger, mail_out_id, FR=1)


def test_whoever_pauses_what_is_to_begin_takes_its_start_back(
    ledger: Ledger, planned: Callable[..., int], clock: SettableClock
) -> None:
    mail_out_id = planned(3)
    schedule(ledger, mail_out_id, FR=1, NO=1, UA=1)
    with ledger.writing() as connection:
        mailouts.change(connection, mail_out_id, MailOutState.PAUSED, at=clock(), who="Marie")
    with ledger.reading() as connection:
        after = mailouts.get(connection, mail_out_id)
        waiting = deliveries.each(connection, mail_out_id, states=(State.WAITING,))
        assert {one.next_try_at for one in waiting} == {None}
    assert (after.starts_at, after.state) == (None, MailOutState.PLANNED)
