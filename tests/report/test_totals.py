"""Facts about the report: the numbers add up, the worst stands first, and every reason is said in
words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from mailer.base.delegations import Delegations
from mailer.base.states import MailOutState, Reason, State
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading import deliveries
from mailer.ledger.reading.counts import count
from mailer.ledger.reading.kept_counts import KeptCounts
from mailer.plan.plan import Planned
from mailer.report import totals as report
from tests.conftest import a_contact
from tests.helpers.journeys import Journey

KNOWN = Delegations.load()


def test_totals_add_up_to_everyone_of_the_plan(journey: Journey, ledger: Ledger) -> None:
    with ledger.reading() as connection:
        totals = report.totals(count(connection, journey.id))
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
    assert list(status) == [
        "mail_out",
        "state",
        "planned",
        "counts",
        "needs_a_person",
        "came_back",
        "delegations",
        "title",
        "why",
        "back",
        "schedule",
        "starts_at",
        "notes",
    ]
    assert set(status["counts"]) == {state.value for state in State}
    assert sum(status["counts"].values()) == status["planned"] == 8
    for state in State:
        assert (
            sum(row[state.value] for row in status["delegations"].values())
            == status["counts"][state.value]
        )


def test_worst_delegation_stands_first_with_its_reasons(journey: Journey, ledger: Ledger) -> None:
    with ledger.reading() as connection:
        lines = report.delegations(connection, count(connection, journey.id), KNOWN)
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
        (line,) = report.delegations(connection, count(connection, mail_out_id), KNOWN)
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
        lines = report.delegations(connection, count(connection, mail_out_id), KNOWN)
        counts, chosen = (
            count(connection, mail_out_id).letters,
            report.not_meant(count(connection, mail_out_id)),
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
        (line,) = report.delegations(connection, count(connection, mail_out_id), KNOWN)
        (left_out,) = report.left_out(count(connection, mail_out_id))
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
        (line,) = report.delegations(connection, count(connection, mail_out_id), KNOWN)
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
        (line,) = report.left_out(count(connection, mail_out_id))
    assert (line.reason, line.people, list(line.delegations.items())) == (
        "no address", 4, [("FR", 2), ("BE", 1), ("DE", 1)],
    )  # fmt: skip


def test_unknown_refused_and_given_up_need_a_person_and_the_stopped_do_not(
    journey: Journey, ledger: Ledger
) -> None:
    journey.become(MailOutState.STOPPED)
    with ledger.reading() as connection:
        assert [one.number for one in deliveries.needing_a_person(connection, journey.id)] == [
            3,
            1,
            6,
        ]
        assert len(KeptCounts(journey.id).needing(connection)) == 3
        assert (
            report.status(connection, mailouts.get(connection, journey.id))["needs_a_person"] == 3
        )
        assert count(connection, journey.id).letters[State.NOT_SENT] == 2


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
        "detail": "",
        "code": 550,
        "enhanced": "5.1.1",
        "text": "no such user \\x1b[31m here",
        "attempts": 1,
        "came_back": [],
        "message_id": "<1@rights.example>",
        "at": "2027-01-20T08:00:01Z",
    }
    assert report.person(journey.one(4))["reason"] is None


def test_part_that_is_done_leaves_out_the_left_out_and_those_who_wait(
    journey: Journey, ledger: Ledger
) -> None:
    with ledger.reading() as connection:
        counts = count(connection, journey.id).letters
    assert report.done(counts) == (4, 6)
    assert (
        report.to_look_at(counts) == "1 unknown, 1 refused, 1 not sent, 1 still trying, 2 left out"
    )
