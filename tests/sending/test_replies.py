"""What answers mean: whose matter their words say it is, what becomes of the letter, and what of
the mail-out.
"""

from __future__ import annotations

import csv
import email
import os
import re
import tomllib
from email import policy
from importlib.resources import files
from pathlib import Path

import pytest

from mailer.base.states import REASONS, About, Reason, Receipt, Stage, State
from mailer.sending.replies import Then, diagnose, enhanced_code, judge, plain, rules

MAIL, RCPT, DATA, BODY, DOT = Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.BODY, Stage.DOT
DEFERRED, REFUSED = State.DEFERRED, State.REFUSED
GO_ON, SLOW, COUNT, RENEW, PAUSE = Then.GO_ON, Then.SLOW_DOWN, Then.COUNT, Then.RENEW, Then.PAUSE
OURS = {About.ACCOUNT, About.SENDER, About.BUG}


def receipt(stage: Stage, said: str) -> Receipt:
    """Make the receipt that a session makes of these words."""
    code = int(said[:3])
    final = code >= 500 and stage is not MAIL
    return Receipt(REFUSED if final else DEFERRED, stage, code, enhanced_code(said[4:]), said[4:])


SAID = (Path(__file__).parents[1] / "data" / "replies.txt").read_text("utf-8").splitlines()


@pytest.mark.parametrize("size", ["429", "4,429", "14,450", "5,550", "551", "4,421,421"])
def test_a_number_in_the_words_is_no_code(size: str) -> None:
    text = f"the letter has {size} bytes, the server takes 500 of them"
    for stage in (MAIL, RCPT):
        verdict = judge(Receipt(REFUSED, stage, None, "5.3.4", text))
        assert (verdict.kind.name, verdict.state, verdict.then) == ("too_big", DEFERRED, PAUSE)


@pytest.mark.parametrize("line", SAID)
def test_whose_matter_an_answer_is_by_its_words(line: str) -> None:
    whose, _, said = line.partition("|")
    assert diagnose(int(said[:3]), None, said[4:]).about == whose


@pytest.mark.parametrize(
    "said", [line.partition("|")[2] for line in SAID if line.startswith(("account", "sender"))]
)
@pytest.mark.parametrize("stage", [MAIL, RCPT, DATA, DOT])
def test_a_matter_of_ours_is_nobodys_refusal_wherever_it_is_said(stage: Stage, said: str) -> None:
    verdict = judge(receipt(stage, said))
    assert verdict.state is DEFERRED and verdict.kind.about in OURS | {About.SERVER}


@pytest.mark.parametrize(
    ("stage", "said", "state", "reason", "then"),
    [
        # the share of the account
        (RCPT, "550 User has exceeded outgoing email quota", DEFERRED, Reason.OUR_SHARE, PAUSE),
        (DATA, "554 5.7.1 <DATA>: Data command rejected: only 10 messages per day", DEFERRED,
         Reason.OUR_SHARE, PAUSE),
        (DOT, "550 5.4.5 over", DEFERRED, Reason.OUR_SHARE, PAUSE),
        (DOT, "454 Throttling failure: Daily message quota exceeded.", DEFERRED, Reason.OUR_SHARE,
         PAUSE),
        (MAIL, "421 4.7.0 Try again later", DEFERRED, Reason.SLOW_DOWN, SLOW),
        (DOT, "421 4.7.28 unusual rate of mail", DEFERRED, Reason.SLOW_DOWN, SLOW),
        (RCPT, "452 4.5.3 Too many recipients", DEFERRED, Reason.SLOW_DOWN, SLOW),
        (DATA, "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", DEFERRED,
         Reason.SLOW_DOWN, SLOW),
        (DOT, "450 4.7.5 something", DEFERRED, Reason.SLOW_DOWN, SLOW),
        (MAIL, "421 Maximum message count per session reached.", DEFERRED, Reason.SLOW_DOWN, RENEW),
        # the account, the address, the name
        (MAIL, "550 no", DEFERRED, Reason.POLICY, PAUSE),
        (MAIL, "550 5.1.1 no", DEFERRED, Reason.POLICY, PAUSE),
        (MAIL, "550 5.7.13 no", DEFERRED, Reason.POLICY, PAUSE),
        (MAIL, "432 4.7.12 no", DEFERRED, Reason.POLICY, PAUSE),
        (RCPT, "530 log", DEFERRED, Reason.POLICY, PAUSE),
        (DOT, "550 5.7.60 no", DEFERRED, Reason.POLICY, PAUSE),
        (DOT, "535 5.7.139 no", DEFERRED, Reason.POLICY, PAUSE),
        (RCPT, "550 Sender verify failed", DEFERRED, Reason.POLICY, PAUSE),
        (RCPT, "454 4.7.1 <x@y.example>: Relay access denied", DEFERRED, Reason.POLICY, PAUSE),
        (RCPT, "550 SPF check failed", DEFERRED, Reason.SPAM, COUNT),
        (RCPT, "550 5.7.23 no", DEFERRED, Reason.SPAM, COUNT),
        (RCPT, "550 5.7.25 no", DEFERRED, Reason.POLICY, PAUSE),
        (RCPT, "550 5.7.606 no", DEFERRED, Reason.SPAM, COUNT),
        (RCPT, "550 blocked - see https://ip.example/", DEFERRED, Reason.SPAM, COUNT),
        (RCPT, "450 blocked - see https://ip.example/", DEFERRED, Reason.SPAM, SLOW),
        # the letter
        (DOT, "552 5.7.0 This message was blocked because its content presents a potential "
              "security issue",
         DEFERRED, Reason.NOT_TAKEN, PAUSE),
        (DOT, "552 5.3.4 no", DEFERRED, Reason.TOO_BIG, PAUSE),
        (DOT, "552 Message size exceeds maximum", DEFERRED, Reason.TOO_BIG, PAUSE),
        (DOT, "554 5.6.0 no", DEFERRED, Reason.NOT_TAKEN, PAUSE),
        (DOT, "554 5.7.1 Spam message rejected", REFUSED, Reason.SPAM, COUNT),
        (DOT, "550 5.7.350 no", REFUSED, Reason.SPAM, COUNT),
        (DOT, "550 5.7.1 no", REFUSED, Reason.NOT_TAKEN, COUNT),
        (DOT, "550 message rejected", REFUSED, Reason.NOT_TAKEN, COUNT),
        (RCPT, "552 5.2.3 message too large for this person", REFUSED, Reason.TOO_BIG, COUNT),
        (RCPT, "552 5.2.3 no", REFUSED, Reason.TOO_BIG, COUNT),
        # the person, for good
        (RCPT, "550 5.1.1 <x@y.example>: Recipient address rejected: User unknown", REFUSED,
         Reason.NO_MAILBOX, GO_ON),
        (DOT, "550 5.1.1 no", REFUSED, Reason.NO_MAILBOX, GO_ON),
        (RCPT, "525 5.7.13 no", REFUSED, Reason.NO_MAILBOX, GO_ON),
        (RCPT, "550 5.1.6 no", REFUSED, Reason.MOVED, GO_ON),
        (RCPT, "551 no", REFUSED, Reason.MOVED, GO_ON),
        (RCPT, "556 no", REFUSED, Reason.NO_MAILBOX, GO_ON),
        (RCPT, "550 5.4.4 no", REFUSED, Reason.NO_MAILBOX, GO_ON),
        (RCPT, "552 5.2.2 no", REFUSED, Reason.MAILBOX_FULL, GO_ON),
        # the bare code says whether it is for good
        (RCPT, "550 4.2.2 no", REFUSED, Reason.MAILBOX_FULL, GO_ON),
        (RCPT, "550 5.7.1 this group only accepts mail from members", REFUSED, Reason.POLICY,
         GO_ON),
        # the person, for now
        (RCPT, "450 4.2.0 <x@y.example>: Greylisted, see …", DEFERRED, Reason.LATER, GO_ON),
        (RCPT, "451 4.7.1 please", DEFERRED, Reason.LATER, GO_ON),
        (RCPT, "450 please", DEFERRED, Reason.LATER, GO_ON),
        (RCPT, "450 4.1.1 no", DEFERRED, Reason.LATER, GO_ON),
        (RCPT, "450 5.1.1 User unknown", DEFERRED, Reason.LATER, GO_ON),
        (RCPT, "450 4.7.1 quota exceeded", DEFERRED, Reason.OUR_SHARE, PAUSE),
        (RCPT, "452 4.2.2 quota exceeded", DEFERRED, Reason.MAILBOX_FULL, GO_ON),
        # a server
        (MAIL, "451 4.3.2 Please", DEFERRED, Reason.SLOW_DOWN, SLOW),
        (DOT, "421 closing", DEFERRED, Reason.SLOW_DOWN, SLOW),
        (DOT, "451 local error", DEFERRED, Reason.LATER, SLOW),
        (DOT, "452 no", DEFERRED, Reason.LATER, SLOW),
        (RCPT, "554 5.4.6 no", REFUSED, Reason.OTHER, GO_ON),
        # our speech
        (MAIL, "500 5.5.1 what?", DEFERRED, Reason.OTHER, PAUSE),
        (RCPT, "503 bad sequence", DEFERRED, Reason.OTHER, PAUSE),
        (RCPT, "555 no", DEFERRED, Reason.OTHER, PAUSE),
        # nothing is said
        (RCPT, "550 no", REFUSED, Reason.OTHER, GO_ON),
        (RCPT, "550 5.7.1 no", DEFERRED, Reason.SPAM, COUNT),
        (RCPT, "550 5.7.1 this recipient no", REFUSED, Reason.POLICY, GO_ON),
        (RCPT, "552 no", REFUSED, Reason.OTHER, GO_ON),
        (DOT, "554 transaction failed", REFUSED, Reason.OTHER, GO_ON),
        (RCPT, "599 strange", REFUSED, Reason.OTHER, GO_ON),
    ],
)  # fmt: skip
def test_what_becomes_of_the_letter_and_of_the_mail_out(
    stage: Stage, said: str, state: State, reason: Reason, then: Then
) -> None:
    verdict = judge(receipt(stage, said))
    assert (verdict.state, verdict.reason, verdict.then) == (state, reason, then)


def test_a_name_or_a_link_in_an_answer_says_nothing() -> None:
    said = (
        "550-5.1.1 <quota.spam@blocked.example>: see https://policy.example/#spf 550 5.1.1 at"
        " mx.greylist.example"
    )
    assert plain(said) == ": see at"


def test_lists_of_senders_and_numbers_of_computers_are_words() -> None:
    assert plain("Rejected 192.0.2.4 found in dnsbl.x.example") == "rejected ipaddr found in dnsbl"
    assert (
        plain("[2001:db8::16] see http://x.example/query?ip=2001:db8::16")
        == "[ ipaddr ] see iplook"
    )
    assert plain("see http://www.x.example/link?id=4") == "see"
    assert (
        plain("X-Postfix; host mx.x.example[192.0.2.1] said: 550 no (in reply to RCPT TO command)")
        == "no"
    )


def test_patterns_keep_their_large_signs() -> None:
    """A pattern made of small letters would turn "no word" (\\W) into "a word" (\\w)."""
    table = tomllib.loads(files("mailer.sending").joinpath("replies.toml").read_text("utf-8"))
    for row, rule in zip(table["rule"], rules(), strict=True):
        for line in row.get("words", ()):
            assert rule.words and rule.words.pattern.count("\\W") >= line.count("\\W")


@pytest.mark.parametrize(
    "said",
    ["552 Boîte aux lettres PLEINE", "552 BOITE AUX LETTRES PLEINE", "552 boi\u0302te pleine"],
)
def test_accents_and_capitals_change_nothing(said: str) -> None:
    assert diagnose(552, None, said[4:]).name == "full"


def test_who_reports_an_answer_is_no_word_of_it() -> None:
    """ "smtp; 550 Account suspended" is the recipient's account, not one for SMTP (RFC 3464)."""
    for said in ("550 Account suspended", "550 5.2.1 The account that you tried is disabled."):
        for reporter in ("", "smtp; ", "X-SMTP;", "SMTP ; "):
            assert diagnose(None, None, reporter + said).name == "no_mailbox"


def test_codes_are_found_in_the_words_of_a_returned_letter() -> None:
    kind = diagnose(
        None, None, "smtp; 550-5.1.1 The account that you tried to reach 550 5.1.1 does not exist"
    )
    assert kind.name == "no_mailbox"
    assert diagnose(None, "5.2.2", "").name == "full"


def test_words_are_asked_before_codes_and_the_last_rule_takes_every_answer() -> None:
    found = rules()
    by_words = [one.words is not None for one in found]
    assert by_words == sorted(by_words, reverse=True)
    last = found[-1]
    assert (last.words, last.enhanced, last.code, last.stages) == (None, "", "", frozenset())


def test_every_pause_has_its_sentence_and_every_reason_its_words() -> None:
    for rule in rules():
        assert bool(rule.kind.pause) is (rule.kind.then is PAUSE), rule.kind.name
        assert rule.kind.reason in REASONS


# The reasons that the collection names, and whose matter each may be called.
MATTERS = {
    "account": "toomanyconn speeding exceedlimit",
    "sender": "toomanyconn rejected blocked authfailure requireptr policyviolation securityerror "
              "norelaying badreputation syntaxerror",
    "letter": "policyviolation spamdetected securityerror contenterror mesgtoobig exceedlimit "
              "notcompliantrfc virusdetected syntaxerror undefined",
    "bug": "syntaxerror policyviolation",
    "recipient": "userunknown hostunknown hasmoved suspend mailboxfull networkerror notaccept "
                 "filtered onhold undefined"
    " securityerror exceedlimit speeding syntaxerror",
    "server": "hostunknown expired networkerror systemerror systemfull mailererror notaccept "
              "onhold undefined",
}  # fmt: skip
CORPUS = Path(
    os.environ.get("MAILER_CORPUS") or Path(__file__).parents[2] / ".." / "shared" / "corpus"
)


def _diagnostics(raw: bytes) -> list[tuple[str, str]]:
    """Return (status, words) for each recipient that a returned letter names."""
    message = email.message_from_bytes(raw, policy=policy.compat32)
    return [
        (
            str(block.get("Status", "")).split(" ")[0],
            re.sub(r"\s+", " ", str(block["Diagnostic-Code"])),
        )
        for part in message.walk()
        if part.get_content_type() == "message/delivery-status"
        for block in (part.get_payload() if isinstance(part.get_payload(), list) else ())
        if block.get("Diagnostic-Code")
    ]


def test_nineteen_of_twenty_real_answers_are_given_to_whom_their_words_name() -> None:
    labels = CORPUS / "bounces" / "labels.csv"
    if not labels.exists():
        pytest.skip(
            f"no collection of returned letters at {CORPUS}; MAILER_CORPUS names its folder"
        )
    right, wrong = 0, []
    with labels.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found = _diagnostics((labels.parent / row["file"]).read_bytes())
            if not found or not row["n"].isdigit():
                continue
            status, words = found[min(int(row["n"]), len(found)) - 1]
            kind = diagnose(
                None, enhanced_code(words) or (None if status.endswith("0.0") else status), words
            )
            if row["reason"] in MATTERS.get(kind.about.value, "").split():
                right += 1
            else:
                wrong.append(f"{row['file']}: {row['reason']}, called {kind.name}: {words[:120]}")
    assert right + len(wrong) > 100
    assert right >= 0.95 * (right + len(wrong)), "\n".join(wrong)


# ------------------------------------------------------------------------------------------ silence


def test_silence_before_the_dot_is_the_lines_fault() -> None:
    verdict = judge(Receipt(DEFERRED, RCPT, None, None, "no answer within 300 seconds"))
    assert (verdict.state, verdict.kind.about, verdict.reason) == (
        DEFERRED,
        About.LINE,
        Reason.LINE,
    )


def test_unknown_waits_for_a_person() -> None:
    verdict = judge(Receipt(State.UNKNOWN, DOT, None, None, "heard so far: 250 2.0.0 Ok"))
    assert (verdict.state, verdict.reason, verdict.then) == (
        State.UNKNOWN,
        Reason.BROKE_AFTER_DOT,
        GO_ON,
    )


def test_accepted_has_no_reason() -> None:
    assert judge(Receipt(State.ACCEPTED, DOT, 250, "2.0.0", "Ok")).reason is None


def test_an_address_that_the_server_cannot_take_is_the_persons() -> None:
    verdict = judge(Receipt(REFUSED, MAIL, None, "5.6.7", "the address is not in ASCII"))
    assert (verdict.state, verdict.reason) == (REFUSED, Reason.BAD_ADDRESS)


def test_a_domain_without_a_server_is_left_alone_for_everyone() -> None:
    assert judge(receipt(RCPT, "550 5.4.4 host not found")).kind.domain
    assert judge(receipt(RCPT, "550 5.1.10 Domain has null MX")).kind.domain
    assert judge(receipt(RCPT, "556 no mail here")).kind.domain
    assert not judge(receipt(RCPT, "550 5.1.2 bad")).kind.domain


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
