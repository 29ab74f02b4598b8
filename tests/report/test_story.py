"""Facts about the story of a delivery: nothing that happened loses its name, and both doors speak
from it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from mailer.base.states import MailOutState, State
from mailer.console.language.languages import spoken
from mailer.console.language.translation import Translation
from mailer.ledger import mailouts
from mailer.ledger.events import EventKind
from mailer.ledger.ledger import Ledger
from mailer.ledger.moves import transitions
from mailer.ledger.reading import deliveries
from mailer.ledger.reading.deliveries import Moment
from mailer.report.story import joined, server_line, story, told, why
from tests.conftest import SettableClock
from tests.helpers.journeys import ME, YES, Journey


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
    assert joined(why(journey.one(number))) == said


def test_whoever_is_still_tried_has_a_next_try(journey: Journey) -> None:
    assert "next try 20 Jan 2027" in joined(why(journey.one(5)))


def test_enhanced_code_that_stands_in_the_text_is_not_said_twice() -> None:
    assert server_line(550, "5.1.1", "5.1.1 no such user") == "550 5.1.1 no such user"
    assert server_line(550, "5.1.1", "no such user") == "550 5.1.1 no such user"
    assert server_line(None, None, "the server hung up") == "the server hung up"


def told_of(journey: Journey, ledger: Ledger, number: int) -> list[tuple[str, ...]]:
    one = journey.one(number)
    with ledger.reading() as connection:
        mail_out = mailouts.get(connection, journey.id)
        steps = list(story(mail_out, one, deliveries.timeline(connection, one.id)))
    return [
        (*map(str, step.said), step.server, step.became or "", joined(step.because))
        for step in steps
    ]


def test_story_of_a_letter_tells_each_try_with_the_servers_line(
    journey: Journey, ledger: Ledger
) -> None:
    assert told_of(journey, ledger, 2) == [
        ("planned in M-0001", "", State.WAITING, ""),
        ("try 1", "450 4.2.0 greylisted", State.DEFERRED, "server asked to try later"),
        ("try 2, to smtp.example, TLSv1.3", "250 2.0.0 queued as 4F1C", State.ACCEPTED, ""),
    ]


def test_story_of_a_waiting_letter_ends_with_its_next_try(journey: Journey, ledger: Ledger) -> None:
    assert told_of(journey, ledger, 5)[-1] == ("next try", "", "", "")


def test_story_of_those_left_out_is_the_reason_and_the_cell(
    journey: Journey, ledger: Ledger
) -> None:
    assert told_of(journey, ledger, 8) == [
        ("planned in M-0001", "", State.SKIPPED, "no address; contacts/all.csv:9:4")
    ]


@pytest.mark.parametrize(
    ("to", "because"), [(State.ACCEPTED, ""), (State.NOT_SENT, "found not to have gone out")]
)
def test_story_names_who_settled_an_unknown_and_why(
    journey: Journey, ledger: Ledger, clock: SettableClock, to: State, because: str
) -> None:
    with ledger.writing() as connection:
        it = journey.one(3).id
        transitions.settle(connection, it, to, who="Marta", because="it is in Sent", at=clock())
    assert told_of(journey, ledger, 3)[-1] == ("Marta decided: it is in Sent", "", to, because)


def test_story_keeps_the_answer_that_came_too_late(
    ledger: Ledger, planned: Callable[..., int], clock: SettableClock
) -> None:
    journey = Journey(ledger, planned(1), clock)
    (one,) = journey.claim()
    journey.mark(one)
    journey.recover(ME)
    clock.forward(seconds=1)
    journey.record(one, YES)
    assert told_of(journey, ledger, 1)[-1] == (
        "An answer came after the letter was no longer this sender's; it is kept as evidence.",
        "try 1, to smtp.example, TLSv1.3",
        "250 2.0.0 queued as 4F1C",
        "",
        "",
    )


def test_story_tells_of_a_letter_that_is_being_sent_and_of_one_put_back(
    ledger: Ledger, planned: Callable[..., int], clock: SettableClock
) -> None:
    journey = Journey(ledger, planned(2), clock)
    one, two = journey.claim(2)
    assert told_of(journey, ledger, 1)[-1][0] == "taken up by a sender"
    with ledger.writing() as connection:
        transitions.release(connection, [one], owner=ME, at=clock())
    assert told_of(journey, ledger, 1)[-1][0] == "put back before anything was handed over"
    journey.become(MailOutState.STOPPED)
    with ledger.writing() as connection:
        transitions.release(connection, [two], owner="0123456789ab", at=clock())
    assert told_of(journey, ledger, 1)[-1] == ("by Jana", "", State.NOT_SENT, "stopped")


@pytest.mark.parametrize("kind", EventKind)
@pytest.mark.parametrize("language", spoken())
def test_every_kind_of_event_is_told_in_words_that_keep_their_gaps(
    kind: EventKind, language: str
) -> None:
    moment = Moment(datetime(2027, 1, 20, tzinfo=UTC), kind, "", "{braces}", "Marta")
    said = Translation(language).tell(*told(moment))
    assert said
    assert "_" not in said and "{who}" not in said and "{text}" not in said
    if kind not in (EventKind.SENDING, EventKind.CLAIMED, EventKind.WAITING):
        assert "Marta" in said or "{braces}" in said
