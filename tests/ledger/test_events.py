"""Facts about events: a closed set of kinds, one way to write them, and logs that know others."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from mailer.base.errors import Refused
from mailer.base.states import MailOutState, State
from mailer.ledger import events
from mailer.ledger.events import EventKind
from mailer.ledger.ledger import Ledger
from mailer.ledger.moves import transitions
from mailer.ledger.reading import deliveries, listing
from mailer.ledger.reading.counts import count
from mailer.ledger.reading.kept_counts import KeptCounts
from mailer.ledger.schema import event
from tests.conftest import SettableClock
from tests.helpers.journeys import LATER, ME, YES, Journey

PACKAGE = Path(__file__).parents[2] / "mailer"

OF_TODAY = [
    "waiting",
    "sending",
    "deferred",
    "accepted",
    "refused",
    "not_sent",
    "unknown",
    "planned",
    "approved",
    "paused",
    "stopped",
    "finished",
    "late_answer",
    "released",
    "planned_again",
    "noted",
    "letter_opened",
    "done",
    "to_do_again",
    "erased",
    "rehearsed",
    "asked_to_send",
    "adopted",
    "claimed",
]
"""What stands in logs that were written before; none of these words may ever change."""


def test_the_words_in_logs_of_today_are_known() -> None:
    assert [events.kind_of(word).value for word in OF_TODAY] == OF_TODAY


def test_every_state_that_is_moved_to_is_a_kind() -> None:
    moved_to = {*State, *MailOutState} - {State.SKIPPED}
    assert {EventKind(state.value).value for state in moved_to} == {one.value for one in moved_to}
    assert {kind.state for kind in EventKind} == {*State, None} - {State.SKIPPED}


def test_events_are_written_in_one_place() -> None:
    writers = [
        path.relative_to(PACKAGE).as_posix()
        for path in sorted(PACKAGE.rglob("*.py"))
        if re.search(r"insert\((event|attempt)\)", path.read_text(encoding="utf-8"))
    ]
    assert writers == ["ledger/events.py"]


def test_an_event_stands_with_all_that_was_said_of_it(
    ledger: Ledger, planned: Callable[..., int], clock: SettableClock
) -> None:
    number = planned(3)
    with ledger.writing() as connection:
        one = deliveries.people(connection, number)[1]
        events.write(
            connection, EventKind.NOTED, number, one.id, at=clock(), who="Jana", detail="away"
        )
        events.write(connection, EventKind.REHEARSED, number, at=clock(), who="Jana")
    with ledger.reading() as connection:
        (noted,) = deliveries.timeline(connection, one.id)
        rehearsed = next(iter(listing.latest(connection, number, 1)))
    assert (noted.kind, noted.at, noted.who, noted.detail) == (
        EventKind.NOTED,
        clock(),
        "Jana",
        "away",
    )
    assert (rehearsed.kind, rehearsed.number) == (EventKind.REHEARSED, None)


def test_a_kind_of_a_newer_version_is_named_with_the_way_out(
    ledger: Ledger, planned: Callable[..., int], clock: SettableClock
) -> None:
    number = planned(1)
    with ledger.writing() as connection:
        connection.execute(
            sa.insert(event).values(mail_out_id=number, kind="beamed_up", at=clock(), who="")
        )
    with (
        ledger.reading() as connection,
        pytest.raises(Refused, match=r"'beamed_up'.*does not know") as refused,
    ):
        list(listing.latest(connection, number, 9))
    assert refused.value.code == "S304" and "newer version" in refused.value.hint


def test_counts_brought_up_to_date_by_the_moves_since_are_those_made_anew(
    ledger: Ledger, planned: Callable[..., int], clock: SettableClock, tmp_path: Path
) -> None:
    journey = Journey(ledger, planned(6, left_out=2), clock)
    ledger.seal()
    ways = [KeptCounts(journey.id, tmp_path), KeptCounts(journey.id)]

    def moved() -> None:
        clock.forward(minutes=9)
        with ledger.reading() as connection:
            anew = count(connection, journey.id)
            for way in (*ways, KeptCounts(journey.id, tmp_path), KeptCounts(journey.id)):
                assert way.now(connection).groups == anew.groups

    moved()
    assert (tmp_path / "M-0001.counts").exists()
    one, two, three = journey.claim(3)
    moved()
    assert journey.mark(one) and journey.mark(two)
    assert journey.record(one, YES) and journey.record(two, LATER, next_try_at=clock())
    moved()
    assert journey.recover(ME) == 0  # the third waits again
    moved()
    again, third = journey.claim(2)
    assert journey.mark(again) and journey.mark(third)
    moved()
    assert journey.recover(ME) == 2
    moved()
    with ledger.writing() as connection:
        because, who, now = "the server's log has it", "Jana", clock()
        transitions.settle(connection, three.id, State.ACCEPTED, who=who, because=because, at=now)
        events.write(connection, EventKind.NOTED, journey.id, one.id, at=now, who=who)
    moved()


def test_claim_names_its_deliveries_in_short() -> None:
    for ids, said in (
        ([7], "7"),
        ([3, 1, 2], "1-3"),
        ([9, 4, 5, 7], "4-5 7 9"),
        (range(17, 273), "17-272"),
    ):
        assert events.ranges(ids) == said
        assert [one for some in events.in_ranges(said) for one in some] == sorted(ids)


def test_claim_is_one_event_and_each_letter_of_it_tells_of_it(
    ledger: Ledger, planned: Callable[..., int], clock: SettableClock
) -> None:
    planned(3, appeal="another")
    journey = Journey(ledger, planned(6), clock)
    with ledger.reading() as connection:
        before = events.newest(connection)
    begun = clock()
    claimed = journey.claim(4)
    clock.forward(seconds=3)
    journey.record(claimed[1], LATER, next_try_at=clock())
    (again,) = journey.claim(1)
    assert again.id == claimed[1].id
    with ledger.reading() as connection:
        since = sa.select(event.c.kind).where(event.c.id > before).order_by(event.c.id)
        assert connection.scalars(since).all() == ["claimed", "deferred", "claimed"]
        told = {
            one.number: [
                (moment.kind.value, moment.at, moment.who)
                for moment in deliveries.timeline(connection, one.id)
            ]
            for one in deliveries.people(connection, journey.id)
        }
        outcomes, taken = listing.letters_since(connection, journey.id, begun)
        news = [one.kind for one in listing.latest(connection, journey.id, 9)]
        whole = [one.kind.value for one in listing.of_the_whole(connection, journey.id)]
    first = ("sending", begun, ME)
    assert [told[one.number] for one in claimed[::2]] == [[first]] * 2
    assert told[again.number] == [first, ("deferred", clock(), ME), ("sending", clock(), ME)]
    assert sum(told[number] == [] for number in told) == 2
    assert (outcomes, taken) == ([clock()], [begun] * 4 + [clock()])
    assert (EventKind.CLAIMED in news, whole) == (False, ["planned", "sending"])
