"""The table of replies: whom an answer concerns, why, and what is next; one line per row of the fault catalogue."""

from __future__ import annotations

import pytest

from mailer.base.states import REASONS, About, Reason, Receipt, Stage, State
from mailer.sending.replies import TABLE, Next, Verdict, enhanced_code, judge

R, S, C, P, B = About.RECIPIENT, About.SPEED, About.CONFIGURATION, About.REPUTATION, About.BUG
MAIL, RCPT, DATA, BODY, DOT = Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.BODY, Stage.DOT
DEFERRED, REFUSED = State.DEFERRED, State.REFUSED
AGAIN, GREY, DONE = Next.AGAIN, Next.GREYLISTED, Next.NOTHING


def receipt(stage: Stage, said: str) -> Receipt:
    """Make the receipt that a session makes of these words."""
    code = int(said[:3])
    final = code >= 500 and stage is not MAIL
    return Receipt(REFUSED if final else DEFERRED, stage, code, enhanced_code(said[4:]), said[4:])


CASES = [
    # recipient, for good
    (RCPT, "550 5.1.1 <x@y.example>: Recipient address rejected: User unknown", REFUSED, R, Reason.NO_MAILBOX, DONE),
    (DOT, "550 5.1.1 no such user", REFUSED, R, Reason.NO_MAILBOX, DONE),
    (RCPT, "550 5.1.0 Address rejected", REFUSED, R, Reason.NO_MAILBOX, DONE),
    (RCPT, "550 5.1.2 bad domain", REFUSED, R, Reason.NO_MAILBOX, DONE),
    (RCPT, "501 5.1.3 Bad recipient address syntax", REFUSED, R, Reason.NO_MAILBOX, DONE),
    (RCPT, "550 5.1.10 RESOLVER.ADR.RecipientNotFound", REFUSED, R, Reason.NO_MAILBOX, DONE),
    (RCPT, "550 5.1.6 moved", REFUSED, R, Reason.MOVED, DONE),
    (RCPT, "551 User not local; please try <z@y.example>", REFUSED, R, Reason.MOVED, DONE),
    (RCPT, "556 5.1.10 Domain does not accept mail (nullMX)", REFUSED, R, Reason.NO_MAILBOX, DONE),
    (RCPT, "556 no mail here", REFUSED, R, Reason.NO_MAILBOX, DONE),
    (RCPT, "550 5.2.1 The email account that you tried to reach is disabled", REFUSED, R, Reason.NO_MAILBOX, DONE),
    (RCPT, "552 5.2.2 mailbox full", REFUSED, R, Reason.MAILBOX_FULL, DONE),
    (DOT, "552 5.2.2 over quota", REFUSED, R, Reason.MAILBOX_FULL, DONE),
    (RCPT, "552 Requested mail action aborted", REFUSED, R, Reason.MAILBOX_FULL, DONE),
    (RCPT, "550 Mailbox quota exceeded", REFUSED, R, Reason.MAILBOX_FULL, DONE),
    (RCPT, "550 5.4.1 Recipient address rejected: Access denied", REFUSED, R, Reason.NO_MAILBOX, DONE),
    (DOT, "550 5.4.6 routing loop", REFUSED, R, Reason.NO_MAILBOX, DONE),
    (RCPT, "550 no such user here", REFUSED, R, Reason.NO_MAILBOX, DONE),
    (RCPT, "550 rejected", REFUSED, R, Reason.NO_MAILBOX, DONE),
    (RCPT, "550 5.7.1 recipient does not take mail from outside", REFUSED, R, Reason.POLICY, DONE),
    # recipient, for now
    (RCPT, "450 4.2.0 <x@y.example>: Greylisted, see …", DEFERRED, R, Reason.LATER, GREY),
    (RCPT, "450 4.2.0 try later", DEFERRED, R, Reason.LATER, GREY),
    (RCPT, "451 4.7.1 Greylisting in action, please come back later", DEFERRED, R, Reason.LATER, GREY),
    (RCPT, "451 4.7.1 please try again later", DEFERRED, R, Reason.LATER, GREY),
    (RCPT, "450 4.7.0 grey-listed", DEFERRED, R, Reason.LATER, GREY),
    (DOT, "451 greylisted", DEFERRED, R, Reason.LATER, GREY),
    (RCPT, "450 try later", DEFERRED, R, Reason.LATER, GREY),
    (RCPT, "452 4.2.2 mailbox full", DEFERRED, R, Reason.MAILBOX_FULL, AGAIN),
    (RCPT, "450 4.2.1 mailbox busy", DEFERRED, R, Reason.LATER, AGAIN),
    (RCPT, "450 4.1.1 unverified address", DEFERRED, R, Reason.LATER, AGAIN),
    # slow down
    (MAIL, "421 4.7.0 Try again later", DEFERRED, S, Reason.SLOW_DOWN, AGAIN),
    (DOT, "421 4.7.28 unusual rate of mail", DEFERRED, S, Reason.SLOW_DOWN, AGAIN),
    (DOT, "421 closing", DEFERRED, S, Reason.SLOW_DOWN, AGAIN),
    (RCPT, "452 4.5.3 Too many recipients", DEFERRED, S, Reason.SLOW_DOWN, AGAIN),
    (RCPT, "450 4.2.1 receiving mail at a rate that", DEFERRED, S, Reason.SLOW_DOWN, AGAIN),
    (DOT, "454 Throttling failure: Daily message quota exceeded.", DEFERRED, S, Reason.SLOW_DOWN, AGAIN),
    (DATA, "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", DEFERRED, S, Reason.SLOW_DOWN, AGAIN),
    (MAIL, "451 4.3.2 Please try again later", DEFERRED, S, Reason.SLOW_DOWN, AGAIN),
    (MAIL, "450 4.4.5 congestion", DEFERRED, S, Reason.SLOW_DOWN, AGAIN),
    (DOT, "450 4.7.5 something", DEFERRED, S, Reason.SLOW_DOWN, AGAIN),
    (DOT, "550 5.4.5 Daily sending quota exceeded", DEFERRED, S, Reason.SLOW_DOWN, AGAIN),
    (
        DOT,
        "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException",
        DEFERRED,
        S,
        Reason.SLOW_DOWN,
        AGAIN,
    ),
    (DOT, "550 5.7.0 sending limit reached", DEFERRED, S, Reason.SLOW_DOWN, AGAIN),
    # everyone, for now
    (RCPT, "451 4.3.0 queue file write error", DEFERRED, S, Reason.LATER, AGAIN),
    (MAIL, "452 4.3.1 Insufficient system storage", DEFERRED, S, Reason.LATER, AGAIN),
    (DOT, "451 local error", DEFERRED, S, Reason.LATER, AGAIN),
    (DOT, "452 no space", DEFERRED, S, Reason.LATER, AGAIN),
    (DOT, "450 4.4.1 no answer from host", DEFERRED, S, Reason.LATER, AGAIN),
    (DOT, "450 4.4.7 expired", DEFERRED, S, Reason.LATER, AGAIN),
    (RCPT, "450 4.1.8 Sender address rejected: Domain not found", DEFERRED, S, Reason.LATER, AGAIN),
    # our configuration
    (MAIL, "530 5.7.0 Must issue a STARTTLS command first", DEFERRED, C, Reason.POLICY, AGAIN),
    (MAIL, "530 5.7.57 Client not authenticated to send mail", DEFERRED, C, Reason.POLICY, AGAIN),
    (MAIL, "535 5.7.8 authentication failed", DEFERRED, C, Reason.POLICY, AGAIN),
    (MAIL, "534 5.7.9 mechanism too weak", DEFERRED, C, Reason.POLICY, AGAIN),
    (MAIL, "538 5.7.11 encryption needed", DEFERRED, C, Reason.POLICY, AGAIN),
    (MAIL, "432 4.7.12 password transition", DEFERRED, C, Reason.POLICY, AGAIN),
    (MAIL, "553 5.7.1 <us@ngo.example>: Sender address rejected: not owned by user", DEFERRED, C, Reason.POLICY, AGAIN),
    (RCPT, "553 5.7.1 <us@ngo.example>: Sender address rejected: not owned by user", DEFERRED, C, Reason.POLICY, AGAIN),
    (MAIL, "550 5.1.8 bad sender", DEFERRED, C, Reason.POLICY, AGAIN),
    (DOT, "550 5.1.7 bad sender syntax", DEFERRED, C, Reason.POLICY, AGAIN),
    (RCPT, "550 5.7.27 sender has null MX", DEFERRED, C, Reason.POLICY, AGAIN),
    (
        DOT,
        "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
        DEFERRED,
        C,
        Reason.POLICY,
        AGAIN,
    ),
    (RCPT, "554 5.7.1 <x@y.example>: Relay access denied", DEFERRED, C, Reason.POLICY, AGAIN),
    (RCPT, "454 4.7.1 <x@y.example>: Relay access denied", DEFERRED, C, Reason.POLICY, AGAIN),
    (RCPT, "550 5.7.1 Unable to relay", DEFERRED, C, Reason.POLICY, AGAIN),
    (RCPT, "550 5.7.1 authentication required", DEFERRED, C, Reason.POLICY, AGAIN),
    (MAIL, "550 5.7.13 account disabled", DEFERRED, C, Reason.POLICY, AGAIN),
    (DOT, "550 5.1.8 Access denied, bad outbound sender", DEFERRED, C, Reason.POLICY, AGAIN),
    (MAIL, "552 5.3.4 Message size exceeds fixed limit", DEFERRED, C, Reason.TOO_BIG, AGAIN),
    (DOT, "552 5.3.4 message too big", REFUSED, C, Reason.TOO_BIG, DONE),
    (DOT, "552 Message size exceeds maximum", REFUSED, C, Reason.TOO_BIG, DONE),
    # our reputation, our letters
    (DOT, "554 5.7.1 Spam message rejected", REFUSED, P, Reason.SPAM, DONE),
    (DOT, "550 5.7.1 message content rejected", REFUSED, P, Reason.SPAM, DONE),
    (DOT, "550 blocked", REFUSED, P, Reason.SPAM, DONE),
    (MAIL, "554 5.7.1 blocked using zen.spamhaus.example", DEFERRED, P, Reason.SPAM, AGAIN),
    (RCPT, "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using DNSBL", REFUSED, P, Reason.SPAM, DONE),
    (DOT, "550 5.7.26 unauthenticated mail is prohibited", REFUSED, P, Reason.SPAM, DONE),
    (MAIL, "550 5.7.23 SPF", DEFERRED, P, Reason.SPAM, AGAIN),
    (DOT, "550 5.7.350 looks like spam", REFUSED, P, Reason.SPAM, DONE),
    (DOT, "554 5.3.0 rejected", REFUSED, P, Reason.POLICY, DONE),
    (DOT, "554 5.6.0 message cannot be parsed", REFUSED, P, Reason.POLICY, DONE),
    (DOT, "554 conversion failed", REFUSED, P, Reason.POLICY, DONE),
    (DOT, "554 transaction failed", REFUSED, P, Reason.POLICY, DONE),
    # our speech
    (MAIL, "500 5.5.1 what?", DEFERRED, B, Reason.OTHER, AGAIN),
    (MAIL, "503 bad sequence", DEFERRED, B, Reason.OTHER, AGAIN),
    (RCPT, "503 5.5.1 bad sequence", DEFERRED, B, Reason.OTHER, AGAIN),
    (DATA, "554 5.5.1 no valid recipients", DEFERRED, B, Reason.OTHER, AGAIN),
    (RCPT, "555 unsupported parameters", DEFERRED, B, Reason.OTHER, AGAIN),
    (RCPT, "501 syntax error", DEFERRED, B, Reason.OTHER, AGAIN),
    # basic and enhanced code disagree: the basic one is right
    (RCPT, "550 4.2.2 mailbox full", REFUSED, R, Reason.MAILBOX_FULL, DONE),
    (RCPT, "450 5.1.1 unknown", DEFERRED, R, Reason.LATER, AGAIN),
    # the rest
    (RCPT, "599 strange", REFUSED, R, Reason.OTHER, DONE),
    (BODY, "552 5.3.4 enough", REFUSED, C, Reason.TOO_BIG, DONE),
]


@pytest.mark.parametrize(("stage", "said", "state", "about", "reason", "next_"), CASES)
def test_what_a_reply_means(stage: Stage, said: str, state: State, about: About, reason: Reason, next_: Next) -> None:
    verdict = judge(receipt(stage, said))
    assert (verdict.state, verdict.about, verdict.reason, verdict.next) == (state, about, reason, next_)


def test_every_row_of_the_table_decides_something() -> None:
    """A row that no example reaches is either dead or untested."""
    from mailer.sending.replies import _rows

    used = {next(_rows(receipt(stage, said))) for stage, said, *_ in CASES}
    extra = [
        receipt(RCPT, "552 5.2.3 message too large for this person"),
        Receipt(REFUSED, MAIL, None, "5.6.7", ""),
        receipt(RCPT, "530 authentication needed first".replace("authentication", "login")),
        receipt(RCPT, "550 5.7.25 no reverse name"),
        receipt(DOT, "550 5.7.9 no"),
        receipt(DOT, "550 user unknown"),
    ]
    used |= {next(_rows(one)) for one in extra}
    assert [row for row in TABLE if row not in used] == []


def test_silence_before_the_dot_is_the_lines_fault() -> None:
    verdict = judge(Receipt(DEFERRED, RCPT, None, None, "no answer within 300 seconds"))
    assert verdict == Verdict(DEFERRED, About.LINE, Reason.LINE, AGAIN)


def test_unknown_waits_for_a_person() -> None:
    verdict = judge(Receipt(State.UNKNOWN, DOT, None, None, "heard so far: 250 2.0.0 Ok"))
    assert verdict == Verdict(State.UNKNOWN, About.LINE, Reason.BROKE_AFTER_DOT, Next.PERSON)


def test_accepted_has_no_reason() -> None:
    assert judge(Receipt(State.ACCEPTED, DOT, 250, "2.0.0", "Ok")).reason is None


def test_a_letter_too_big_for_the_announced_size_is_settled() -> None:
    verdict = judge(Receipt(REFUSED, MAIL, None, "5.3.4", "the letter has 2 bytes, the server takes 1"))
    assert (verdict.state, verdict.about, verdict.reason) == (REFUSED, C, Reason.TOO_BIG)


def test_a_domain_without_a_server_is_left_alone_for_everyone() -> None:
    assert judge(receipt(RCPT, "550 5.4.4 host not found")).whole_domain
    assert judge(receipt(RCPT, "550 5.1.10 Domain has null MX")).whole_domain
    assert judge(receipt(RCPT, "556 no mail here")).whole_domain
    assert not judge(receipt(RCPT, "550 5.1.2 bad domain")).whole_domain


def test_only_answers_about_the_letter_itself_stop_at_once() -> None:
    assert judge(receipt(DOT, "554 5.6.0 cannot be parsed")).at_once
    assert not judge(receipt(DOT, "554 5.7.1 spam")).at_once


def test_every_reason_can_be_said_in_plain_words() -> None:
    assert all(row.reason in REASONS for row in TABLE)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("5.1.1 <x@y.example>: no", "5.1.1"),
        ("#5.7.1 no", "5.7.1"),
        ("[4.7.500] busy", "4.7.500"),
        ("no code", None),
        ("192.5.1.1.example said", None),
        ("version 3.5.1.1", None),
        ("1.2.3 nothing", None),
    ],
)
def test_finding_the_enhanced_code(text: str, code: str | None) -> None:
    assert enhanced_code(text) == code
