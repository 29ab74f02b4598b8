"""Facts about unknown deliveries: what a named person may do, what stays on record, and which
letter may pass.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from mailer.base.errors import Refused
from mailer.base.states import MailOutState, Reason, Receipt, Stage, State
from mailer.ledger.ledger import Ledger
from mailer.ledger.moves import resolve, transitions
from mailer.ledger.reading import deliveries
from mailer.ledger.reading.deliveries import Delivery
from mailer.ledger.schema import delivery
from mailer.plan.sources import Sources
from mailer.report.evidence import evidence
from tests.conftest import SettableClock
from tests.helpers.journeys import ME, YES, Journey


@pytest.fixture
def journey(ledger: Ledger, planned: Callable[..., int], clock: SettableClock) -> Journey:
    """Six people; what became of the first one's letter is unknown."""
    journey = Journey(ledger, planned(6), clock)
    fall_silent(journey)
    return journey


def fall_silent(journey: Journey) -> transitions.Claimed:
    (one,) = journey.claim()
    assert journey.mark(one)
    journey.recover(ME)
    assert journey.one(one.number).state is State.UNKNOWN
    return one


def release(journey: Journey, one: Delivery | None = None) -> Journey:
    """Release the first letter (or `one`) and begin the mail-out that sends it again."""
    with journey.ledger.writing() as connection:
        new = resolve.release(
            connection,
            one or journey.one(1),
            mode="test",
            server="127.0.0.1:2525 none",
            sources=Sources().pack(),
            who="Marta",
            because="no trace of it",
            at=journey.clock(),
        )
    return Journey(journey.ledger, new, journey.clock)


def settle(journey: Journey, to: State) -> None:
    with journey.ledger.writing() as connection:
        resolve.settle(
            connection, journey.one(1), to, who="Marta", because="she answered", at=journey.clock()
        )


# ---------------------------------------------------------------------------------------- decisions


@pytest.mark.parametrize("to", [State.ACCEPTED, State.NOT_SENT])
def test_named_person_says_what_became_of_it(journey: Journey, to: State) -> None:
    settle(journey, to)
    assert journey.one(1).state is to
    with journey.ledger.reading() as connection:
        last = deliveries.timeline(connection, journey.one(1).id)[-1]
    assert (last.kind, last.who, last.detail) == (to, "Marta", "she answered")


def test_only_an_unknown_one_is_decided_about(journey: Journey) -> None:
    settle(journey, State.ACCEPTED)
    with pytest.raises(
        Refused, match="not unknown in M-0001, but 'accepted for delivery'"
    ) as caught:
        settle(journey, State.NOT_SENT)
    assert caught.value.code == "S212"
    with pytest.raises(Refused, match="not unknown"):
        release(journey)


def test_whoever_is_settled_as_not_sent_may_be_written_to_anew(
    journey: Journey, planned: Callable[..., int]
) -> None:
    settle(journey, State.NOT_SENT)
    journey.become(MailOutState.STOPPED)
    anew = Journey(journey.ledger, planned(1), journey.clock)
    assert [one.number for one in anew.claim(9)] == [1]


# ---------------------------------------------------------------------------------- the same letter


def test_released_letter_is_the_same_to_the_byte_with_its_date_and_name(journey: Journey) -> None:
    old = journey.one(1)
    journey.clock.forward(hours=5)
    again = release(journey)
    (one,) = again.claim(9)
    assert (one.message_id, one.dated_at, one.digest) == (old.message_id, old.dated_at, old.digest)
    assert one.address == old.address
    assert again.mark(one)
    assert again.record(one, YES)
    new = again.one(1)
    assert (new.state, new.digest, new.dated_at) == (State.ACCEPTED, old.digest, old.dated_at)


def test_old_delivery_stays_unknown_and_says_who_released_it_and_why(journey: Journey) -> None:
    again = release(journey)
    assert journey.one(1).state is State.UNKNOWN
    with journey.ledger.reading() as connection:
        told = deliveries.timeline(connection, journey.one(1).id)[-1]
        new = deliveries.timeline(connection, again.one(1).id)[-1]
    assert (told.kind, told.who) == ("released", "Marta")
    assert told.detail == "to be sent again in M-0002: no trace of it"
    assert (new.kind, new.detail) == ("planned_again", "the letter of M-0001-001, unknown there")


def test_release_lets_this_letter_pass_and_no_other(
    journey: Journey, planned: Callable[..., int]
) -> None:
    release(journey)
    journey.become(MailOutState.STOPPED)
    other = Journey(journey.ledger, planned(1), journey.clock)
    assert other.claim(9) == []
    assert (other.one(1).state, other.one(1).reason) == (State.NOT_SENT, Reason.ALREADY)


def test_letter_is_released_only_once_at_a_time(journey: Journey) -> None:
    first = release(journey)
    with pytest.raises(Refused, match="'waiting' in M-0002") as caught:
        release(journey)
    assert caught.value.code == "S213"
    first.become(MailOutState.STOPPED)
    assert len(release(journey).claim(9)) == 1


def test_resend_that_became_unknown_too_is_released_by_its_own_name(journey: Journey) -> None:
    second = release(journey)
    fall_silent(second)
    with pytest.raises(Refused, match="'unknown' in M-0002"):
        release(journey)
    third = release(journey, second.one(1))
    assert len(third.claim(9)) == 1


def test_nothing_is_sent_again_once_the_old_one_proves_accepted(journey: Journey) -> None:
    again = release(journey)
    settle(journey, State.ACCEPTED)
    assert again.claim(9) == []
    assert (again.one(1).state, again.one(1).reason) == (State.NOT_SENT, Reason.ALREADY)


def test_person_who_is_about_to_get_another_letter_of_the_appeal_is_not_released(
    journey: Journey, planned: Callable[..., int]
) -> None:
    planned(1)
    with pytest.raises(Refused, match="'waiting' in M-0002"):
        release(journey)


def test_two_people_who_release_at_once_make_one_mail_out(journey: Journey) -> None:
    ready = threading.Barrier(2)
    outcomes: list[str] = []

    def try_it() -> None:
        ready.wait(10)
        try:
            release(journey)
            outcomes.append("released")
        except Refused as refusal:
            outcomes.append(refusal.code)

    threads = [threading.Thread(target=try_it) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["S213", "released"]
    with journey.ledger.reading() as connection:
        copies = sa.select(sa.func.count()).where(delivery.c.resend_of.is_not(None))
        assert connection.scalar(copies) == 1


# ----------------------------------------------------------------------------------------- evidence


def test_evidence_names_the_marker_the_server_and_the_last_words(journey: Journey) -> None:
    (one,) = journey.claim()
    journey.mark(one)
    marked = journey.clock()
    journey.clock.forward(seconds=9)
    silence = Receipt(
        State.UNKNOWN, Stage.DOT, text="the server hung up", peer="smtp.example", tls="TLSv1.3"
    )
    journey.record(one, silence, reason=Reason.BROKE_AFTER_DOT)
    journey.record(one, YES)
    with journey.ledger.reading() as connection:
        found = evidence(journey.one(2), deliveries.timeline(connection, one.id))
        assert evidence(journey.one(3), []) is None
    assert found is not None
    assert (found.handed_over_at, found.peer, found.message_id) == (
        marked,
        "smtp.example",
        "<2@rights.example>",
    )
    assert found.last_words == (
        "the server hung up",
        "server, too late to count: 250 queued as 4F1C",
    )


def test_evidence_of_a_sender_that_died_says_that_no_answer_is_on_record(journey: Journey) -> None:
    with journey.ledger.reading() as connection:
        found = evidence(journey.one(1), deliveries.timeline(connection, journey.one(1).id))
    assert found is not None
    assert found.handed_over_at == journey.clock()
    assert found.last_words == (
        "The sender ended after the letter was handed over; no answer is on record.",
    )
