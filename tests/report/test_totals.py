"""Facts about the report: the numbers add up, the worst stands first, and every reason is said in
words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from mailer.base.delegations import Delegations
from mailer.base.states import MailOutState, Reason, Receipt, Stage, State
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from mailer.ledger.moves import transitions
from mailer.ledger.reading import deliveries
from mailer.plan.plan import Planned
from mailer.report import totals as report
from tests.conftest import SettableClock, a_contact, a_plan
from tests.ledger.test_ledger import LATER, ME, YES, Journey

KNOWN = Delegations.load()
NO_SUCH = Receipt(
    State.REFUSED, Stage.RCPT, 550, "5.1.1", "no such user \\x1b[31m here", "mx.example", "TLSv1.3"
)
FULL = Receipt(State.REFUSED, Stage.RCPT, 552, "5.2.2", "mailbox full", "mx.example", "TLSv1.3")
BROKE = Receipt(
    State.UNKNOWN, Stage.DOT, text="the line broke before the answer came", peer="mx.example"
)


@pytest.fixture
def journey(ledger: Ledger, planned: Callable[..., int], clock: SettableClock) -> Journey:
    """One of each: 1 refused, 2 accepted at the second try, 3 unknown, 4 accepted, 5 still trying,
    6 given up.
    """
    journey = Journey(ledger, planned(6, left_out=2), clock)
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


def test_totals_add_up_to_everyone_of_the_plan(journey: Journey, ledger: Ledger) -> None:
    with ledger.reading() as connection:
        totals = report.totals(connection, journey.id)
    assert sum(total.people for total in totals) == 8
    assert [(total.state, total.people, total.share, total.note) for total in totals] == [
        (State.ACCEPTED, 2, "33.3 %", "1 after a second try"),
        (State.DEFERRED, 1, "16.7 %", "server asked to try later 1"),
        (State.REFUSED, 1, "16.7 %", "no such mailbox 1"),
        (
            State.UNKNOWN,
            1,
            "16.7 %",
            "the line broke after the letter was handed over; not sent again by itself",
        ),
        (State.NOT_SENT, 1, "16.7 %", "tried long enough 1"),
        (State.SKIPPED, 2, "", "no address 2"),
    ]


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [
        (0, 580, "0 %"),
        (1, 100_000, "0.1 %"),
        (571, 580, "98.4 %"),
        (99_999, 100_000, "99.9 %"),
        (580, 580, "100 %"),
    ],
)
def test_share_is_never_rounded_to_all_or_none(part: int, whole: int, said: str) -> None:
    assert report.per_cent(part, whole) == said


def test_status_has_every_state_and_adds_up_in_each_delegation(
    journey: Journey, ledger: Ledger
) -> None:
    with ledger.reading() as connection:
        status = report.status(connection, mailouts.get(connection, journey.id))
    assert list(status) == ["mail_out", "state", "planned", "counts", "delegations"]
    assert set(status["counts"]) == {state.value for state in State}
    assert sum(status["counts"].values()) == status["planned"] == 8
    for state in State:
        assert (
            sum(row[state.value] for row in status["delegations"].values())
            == status["counts"][state.value]
        )


def test_worst_delegation_stands_first_with_its_reasons(journey: Journey, ledger: Ledger) -> None:
    with ledger.reading() as connection:
        lines = report.delegations(connection, journey.id, KNOWN)
    assert [(line.code, line.name, line.people, line.accepted, line.look) for line in lines] == [
        (
            "FR", "France", 2, 0,
            "1 unknown: the line broke after the letter was handed over; 1 not sent: tried long "
            "enough",
        ),
        ("NO", "Norway", 3, 1, "1 refused: no such mailbox; 1 left out: no address"),
        ("UA", "Ukraine", 3, 1, "1 still trying: server asked to try later; 1 left out: no "
                                "address"),
    ]  # fmt: skip


def test_reasons_of_one_delegation_are_counted_where_there_are_several(
    ledger: Ledger, planned: Callable[..., int]
) -> None:
    reasons = [Reason.ON_HOLD, Reason.NO_ADDRESS, Reason.NO_ADDRESS]
    out = tuple(
        Planned(a_contact(3), n, 0, "en", False, reason, "") for n, reason in enumerate(reasons, 1)
    )
    mail_out_id = planned(deliveries=out)
    with ledger.reading() as connection:
        (line,) = report.delegations(connection, mail_out_id, KNOWN)
    assert line.look == "3 left out: 2 no address, 1 on the hold list"


def test_delegation_that_was_left_out_by_our_own_choice_alone_wants_no_look(
    ledger: Ledger, planned: Callable[..., int]
) -> None:
    """In test mode nearly everybody is left out: that is what was asked for, and nobody is lost by
    it.
    """
    reasons = [Reason.TEST_MODE, Reason.TEST_MODE, Reason.TEST_MODE, Reason.NO_ADDRESS]
    codes = ["TR", "TR", "FR", "FR"]
    out = tuple(
        Planned(replace(a_contact(n), delegation=code), n, 0, "en", False, reason, "")
        for n, (code, reason) in enumerate(zip(codes, reasons, strict=True), 1)
    )
    mail_out_id = planned(deliveries=out)
    with ledger.reading() as connection:
        lines = report.delegations(connection, mail_out_id, KNOWN)
        counts, chosen = (
            deliveries.counts(connection, mail_out_id),
            report.not_meant(connection, mail_out_id),
        )
    assert [(line.code, line.people, line.look) for line in lines] == [
        ("FR", 2, "1 left out: no address"),
        ("TR", 2, ""),
    ]
    assert (counts[State.SKIPPED], chosen) == (4, 3)
    assert report.to_look_at(counts, chosen) == "1 left out"


def test_delegation_that_the_appeal_leaves_out_has_the_appeals_own_words(
    ledger: Ledger, planned: Callable[..., int]
) -> None:
    words = "the appeal concerns this delegation"
    out = tuple(
        Planned(replace(a_contact(n), delegation="AZ"), n, 0, "en", False, Reason.DELEGATION, words)
        for n in (1, 2)
    )
    mail_out_id = planned(deliveries=out)
    with ledger.reading() as connection:
        (line,) = report.delegations(connection, mail_out_id, KNOWN)
        (left_out,) = report.left_out(connection, mail_out_id)
    assert line.look == f"2 left out: {words}"
    assert (left_out.reason, left_out.people, left_out.delegations) == (
        "delegation left out by the appeal", 2, {"AZ": 2},
    )  # fmt: skip


def test_row_without_a_known_delegation_is_counted_all_the_same(
    ledger: Ledger, planned: Callable[..., int]
) -> None:
    contact = replace(a_contact(1), delegation="")
    out = (
        Planned(
            contact, 1, 0, "en", False, Reason.UNKNOWN_DELEGATION, "this delegation is not known"
        ),
    )
    mail_out_id = planned(deliveries=out)
    with ledger.reading() as connection:
        (line,) = report.delegations(connection, mail_out_id, KNOWN)
    assert (line.name, line.people) == ("delegation not known", 1)


def test_left_out_are_counted_by_reason_and_delegation_most_first(
    ledger: Ledger, planned: Callable[..., int]
) -> None:
    out = tuple(
        Planned(replace(a_contact(n), delegation=code), n, 0, "en", False, Reason.NO_ADDRESS, "")
        for n, code in enumerate(("DE", "FR", "FR", "BE"), 1)
    )
    mail_out_id = planned(deliveries=out)
    with ledger.reading() as connection:
        (line,) = report.left_out(connection, mail_out_id)
    assert (line.reason, line.people, list(line.delegations.items())) == (
        "no address", 4, [("FR", 2), ("BE", 1), ("DE", 1)],
    )  # fmt: skip


def test_unknown_refused_and_given_up_need_a_person_and_the_stopped_do_not(
    journey: Journey, ledger: Ledger
) -> None:
    journey.become(MailOutState.STOPPED)
    with ledger.reading() as connection:
        assert [one.number for one in report.needs_a_person(connection, journey.id)] == [3, 1, 6]
        assert deliveries.counts(connection, journey.id)[State.NOT_SENT] == 2


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (1, "no such mailbox; server: 550 5.1.1 no such user \\x1b[31m here"),
        (2, "server: 250 2.0.0 queued as 4F1C; at try 2"),
        (3, "the line broke after the letter was handed over"),
        (4, ""),
        (6, "tried long enough; server: 450 4.2.0 greylisted"),
        (7, "no address; contacts/all.csv:8:4"),
    ],
)
def test_every_outcome_says_why(journey: Journey, number: int, said: str) -> None:
    assert report.why(journey.one(number)) == said


def test_whoever_is_still_tried_has_a_next_try(journey: Journey) -> None:
    assert "next try 20 Jan 2027" in report.why(journey.one(5))


def test_person_in_json_has_exactly_these_fields(journey: Journey) -> None:
    assert report.person(journey.one(1)) == {
        "delivery": "M-0001-001",
        "name": "Person 1 Példás",
        "address": "person1@no.parliament.example",
        "delegation": "NO",
        "role": "representative",
        "language": "en",
        "state": "refused",
        "reason": "no_such_mailbox",
        "code": 550,
        "enhanced": "5.1.1",
        "text": "no such user \\x1b[31m here",
        "attempts": 1,
        "message_id": "<1@rights.example>",
        "at": "2027-01-20T08:00:01Z",
    }
    assert report.person(journey.one(4))["reason"] is None


def test_enhanced_code_that_stands_in_the_text_is_not_said_twice() -> None:
    assert report.server_line(550, "5.1.1", "5.1.1 no such user") == "550 5.1.1 no such user"
    assert report.server_line(550, "5.1.1", "no such user") == "550 5.1.1 no such user"
    assert report.server_line(None, None, "the server hung up") == "the server hung up"


def told(journey: Journey, ledger: Ledger, number: int) -> list[tuple[str, ...]]:
    one = journey.one(number)
    with ledger.reading() as connection:
        mail_out = mailouts.get(connection, journey.id)
        steps = report.story(mail_out, one, deliveries.timeline(connection, one.id))
    return [(*step.happened, step.became) for step in steps]


def test_story_of_a_letter_tells_each_try_with_the_servers_line(
    journey: Journey, ledger: Ledger
) -> None:
    assert told(journey, ledger, 2) == [
        ("planned in M-0001", "waiting"),
        ("server: 450 4.2.0 greylisted", "still trying: server asked to try later"),
        (
            "try 2, to smtp.example, TLSv1.3",
            "server: 250 2.0.0 queued as 4F1C",
            "accepted for delivery",
        ),
    ]


def test_story_of_a_waiting_letter_ends_with_its_next_try(journey: Journey, ledger: Ledger) -> None:
    assert told(journey, ledger, 5)[-1] == ("next try", "")


def test_story_of_those_left_out_is_the_reason_and_the_cell(
    journey: Journey, ledger: Ledger
) -> None:
    assert told(journey, ledger, 8) == [
        ("planned in M-0001", "left out: no address; contacts/all.csv:9:4")
    ]


def test_story_names_who_settled_an_unknown_and_why(
    journey: Journey, ledger: Ledger, clock: SettableClock
) -> None:
    with ledger.writing() as connection:
        transitions.settle(
            connection,
            journey.one(3).id,
            State.ACCEPTED,
            who="Marta",
            because="it is in Sent",
            at=clock(),
        )
    assert told(journey, ledger, 3)[-1] == ("Marta decided: it is in Sent", "accepted for delivery")


def test_story_keeps_the_answer_that_came_too_late(
    ledger: Ledger, planned: Callable[..., int], clock: SettableClock
) -> None:
    journey = Journey(ledger, planned(1), clock)
    (one,) = journey.claim()
    journey.mark(one)
    journey.recover(ME)
    clock.forward(seconds=1)
    journey.record(one, YES)
    assert told(journey, ledger, 1)[-1][1:] == (
        "an answer came after the letter was no longer this sender's; it is kept as evidence",
        "server: 250 2.0.0 queued as 4F1C",
        "late answer",
    )


def test_story_tells_of_a_letter_that_is_being_sent_and_of_one_put_back(
    ledger: Ledger, planned: Callable[..., int], clock: SettableClock
) -> None:
    journey = Journey(ledger, planned(2), clock)
    one, two = journey.claim(2)
    assert told(journey, ledger, 1)[-1] == ("taken up by a sender", "being sent")
    with ledger.writing() as connection:
        transitions.release(connection, [one], owner=ME, at=clock())
    assert told(journey, ledger, 1)[-1] == ("put back before anything was handed over", "waiting")
    journey.become(MailOutState.STOPPED)
    with ledger.writing() as connection:
        transitions.release(connection, [two], owner="0123456789ab", at=clock())
    assert told(journey, ledger, 1)[-1] == ("by Jana", "not sent: stopped")


def test_same_person_is_found_in_the_other_mail_outs(
    journey: Journey, ledger: Ledger, clock: SettableClock
) -> None:
    moved = replace(a_contact(1), address="new.address@no.parliament.example")
    with ledger.writing() as connection:
        out = Planned(moved, 1, 0, "en", False, Reason.ON_HOLD, "")
        mailouts.create(connection, a_plan(deliveries=(out,)), at=clock(), who="Jana")
        (other,) = report.elsewhere(connection, journey.one(1))
        assert report.elsewhere(connection, journey.one(2)) == []
    assert other.shown == "M-0002-001"


def test_part_that_is_done_leaves_out_the_left_out_and_those_who_wait(
    journey: Journey, ledger: Ledger
) -> None:
    with ledger.reading() as connection:
        counts = deliveries.counts(connection, journey.id)
    assert report.done(counts) == (5, 6)
    assert (
        report.to_look_at(counts) == "1 unknown, 1 refused, 1 not sent, 1 still trying, 2 left out"
    )
