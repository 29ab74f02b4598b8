"""When a mail-out stops by itself, and when it goes on: answers in the order in which they come."""

from __future__ import annotations

import pytest

from mailer.base.states import Receipt, Stage, State
from mailer.sending import replies
from mailer.sending.brakes import Brakes

YES = Receipt(State.ACCEPTED, Stage.DOT, 250, "2.0.0", "queued")
GONE = Receipt(State.REFUSED, Stage.RCPT, 550, "5.1.1", "no such user")
SPAM = Receipt(State.REFUSED, Stage.DOT, 554, "5.7.1", "looks like spam")
TOO_STRANGE = Receipt(State.REFUSED, Stage.DOT, 554, "5.6.0", "conversion failed")
BLOCKED = Receipt(State.REFUSED, Stage.RCPT, 552, None, "blocked")
WORDLESS = Receipt(State.REFUSED, Stage.RCPT, 550, None, "Nicht so.")
GREYLISTED = Receipt(State.DEFERRED, Stage.RCPT, 450, "4.7.1", "greylisted")
POLICY = Receipt(State.DEFERRED, Stage.DOT, 451, "4.7.26", "unauthenticated mail is rate limited")
QUOTA = Receipt(State.REFUSED, Stage.DOT, 550, "5.4.5", "daily sending quota exceeded")
THROTTLED = Receipt(
    State.DEFERRED, Stage.DOT, 454, None, "Throttling failure: Daily message quota exceeded."
)
BUSY = Receipt(State.DEFERRED, Stage.RCPT, 451, "4.3.0", "later")
FULL = Receipt(State.DEFERRED, Stage.RCPT, 452, "4.2.2", "mailbox full, quota exceeded")
SENDER = Receipt(State.REFUSED, Stage.MAIL, 550, "5.7.60", "not your address")
NONSENSE = Receipt(State.REFUSED, Stage.MAIL, 501, "5.5.4", "bad parameter")


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([SENDER], "does not take letters from this sender's address: 550 not your address"),
        ([NONSENSE], "did not understand the mailer: 501 bad parameter"),
        ([YES] * 19 + [SPAM], "A letter was turned away (called spam): 554 looks like spam"),
        (
            [YES] * 100 + [TOO_STRANGE],
            "The letter, or a file with it, was not taken: 554 conversion failed",
        ),
        ([YES, BLOCKED], "A letter was turned away (called spam): 552 blocked"),
        ([YES] * 100 + [SPAM, YES, SPAM, YES, SPAM], "3 of the last 50 letters were turned away"),
        (
            [YES] * 300 + [GONE] * 20,
            "20 addresses in a row were refused; the last answer was: 550 no such user",
        ),
        (
            [YES, GONE] * 11,
            "11 of the first 22 addresses were refused: the contact sheets need a look.",
        ),
        (
            [YES, QUOTA],
            (
                "may send no more for now, says its server (such a share is counted over 24 hours"
                " as a rule): 550 daily"
            ),
        ),
        ([YES, THROTTLED], "454 Throttling failure: Daily message quota exceeded."),
        (
            [YES] * 30 + [POLICY] * 10,
            "10 letters in a row were put off by the server's policy: 451 unauthenticated",
        ),
    ],
)
def test_pattern_stops_the_mail_out_with_its_cause(answers: list[Receipt], why: str) -> None:
    brakes = Brakes()
    *before, last = [brakes.look(one, replies.judge(one), "no.example") for one in answers]
    assert before == [None] * len(before)
    assert last is not None and why in last


@pytest.mark.parametrize(
    "answers",
    [
        [YES] * 400,
        [YES] * 25 + [SPAM] * 2 + [YES] * 60,
        ([YES] * 19 + [GONE]) * 20,
        [GREYLISTED] * 300,
        [BUSY] * 300,
        [FULL] * 30,
        ([POLICY] * 9 + [YES]) * 10,
        ([YES] * 300) + ([GONE] * 19 + [YES]) * 5,
    ],
)
def test_single_answers_stop_nothing(answers: list[Receipt]) -> None:
    brakes = Brakes()
    assert [
        why for one in answers if (why := brakes.look(one, replies.judge(one), "no.example"))
    ] == []


def test_two_domains_in_a_row_that_call_a_letter_spam_are_enough() -> None:
    def looked_at(*domains: str) -> list[bool]:
        brakes = Brakes(seen=100)
        return [brakes.look(SPAM, replies.judge(SPAM), one) is not None for one in domains]

    assert looked_at("no.example", "no.example") == [False, False]
    assert looked_at("no.example", "fr.example") == [False, True]


def test_words_that_nobody_understands_stop_at_the_third_domain_in_a_row_and_not_at_one_house() -> (
    None
):
    def looked_at(*domains: str) -> list[bool]:
        brakes = Brakes(seen=300)
        return [brakes.look(WORDLESS, replies.judge(WORDLESS), one) is not None for one in domains]

    assert looked_at("no.example", "fr.example", "it.example") == [False, False, True]
    assert looked_at("no.example", "no.example", "no.example") == [False, False, False]
