"""What answers mean: whose matter their words say it is, what becomes of the letter, and what of
the mail-out.
"""

from __future__ import annotations

import csv
import email
import os
import re
from email import policy
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


SAID = """
account|550 User has exceeded outgoing email quota
account|550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients
account|554 5.7.1 <DATA>: Data command rejected: only 10 messages per day
account|550 5.7.1 User jana@rights.example has exceeded its 24-hour sending limit. Messages to 25 recipients out of 25
account|550 Sender frequency limited
account|550 5.4.5 Daily sending quota exceeded. For more information on Gmail sending limits go to https://support.google.com
account|550-5.4.5 Daily user sending limit exceeded. For more information on Gmail
account|454 4.7.0 Too many login attempts, please try again later
account|450 4.7.1 <x@y.example>: Recipient address rejected: Policy Rejection- Quota Exceeded
account|450 4.7.1 quota exceeded
account|452 4.5.3 Domain jana has exceeded the max emails per hour (100/100 (100%)) allowed. Message discarded.
account|550 Domain rights.example has exceeded the max emails per hour (26/25 (104%)) allowed.  Message will be reattempted later
account|550 5.7.232 Your message can't be sent because your trial tenant has exceeded its daily limit for sending email to external recipients
account|550 5.7.233 tenant exceeded its tenant external recipient rate limit
account|554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException
account|550 5.2.121 Sending limit exceeded
account|451 4.7.1 You have reached the limit of e-mails per hour. Please try later
account|554 Message rejected: Maximum sending rate exceeded.
account|454 Throttling failure: Maximum sending rate exceeded.
account|550 5.7.1 Ihr Versandlimit wurde erreicht
account|550 Sie haben Ihr Tageslimit überschritten
account|550 Limite d'envoi quotidienne atteinte
account|550 5.7.1 Has superado el límite diario de envío
account|550 Лимит отправки писем превышен
account|550 Превышен суточный лимит
account|550 Przekroczono dzienny limit wysyłki
account|550 5.7.0 Rate limit exceeded: outgoing messages
account|421 4.3.0 too many messages in this session
account|421 Connection closed by server. Maximum message count per session reached.
account|450 4.7.0 Too many messages for this session
account|421 Too many messages (3) on this connection
sender|535 5.7.0 Your account has been suspended
sender|554 5.7.1 Your account is blocked from sending mail
sender|550 5.1.8 Access denied, bad outbound sender
sender|550 5.7.501 Access denied, spam abuse detected. The sending account has been banned
sender|550 Sender verify failed
sender|550-Verification failed for <jana@rights.example>
sender|550 SPF check failed
sender|550 blocked - see https://ip.example/
sender|553 5.7.1 <us@ngo.example>: Sender address rejected: not owned by user jana
sender|550 5.7.60 SMTP; Client does not have permissions to send as this sender
sender|550 REJECTED - Bad HELO - Host impersonating [rights.example]
sender|550 5.7.1 Helo command rejected: need fully-qualified hostname
sender|504 5.5.2 <pc>: Helo command rejected: need fully-qualified hostname
sender|554 5.7.1 <x@y.example>: Relay access denied
sender|550 5.7.1 Unable to relay
sender|550 relay not permitted
sender|530 5.7.0 Must issue a STARTTLS command first
sender|530 5.7.57 Client not authenticated to send mail
sender|535 5.7.8 Error: authentication failed
sender|535 Incorrect authentication data
sender|535-5.7.8 Username and Password not accepted. Learn more at
sender|550 authentication required
sender|554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org
sender|550 5.7.1 [192.0.2.1] Our system has detected an unusual rate of unsolicited mail originating from your IP address
sender|550 5.7.26 This mail is unauthenticated, which poses a security risk
sender|550 5.7.1 Unauthenticated email from rights.example is not accepted due to domain's DMARC policy.
sender|554 5.7.5 Permanent error evaluating DMARC policy
sender|550 DKIM signature verification failed
sender|550 Absender unbekannt
sender|550 Adresse d'expéditeur refusée
sender|550 Reverse DNS lookup failed for 192.0.2.1
sender|450 4.1.8 <a@b.example>: Sender address rejected: Domain not found
sender|554 Message rejected: Email address is not verified.
letter|552-5.7.0 This message was blocked because its content presents a potential 552-5.7.0 security issue. Please visit 552 5.7.0  https://support.google.com/mail/answer/6590 - gsmtp
letter|552 5.3.4 Message size exceeds fixed limit
letter|552 Message size exceeds maximum
letter|550 5.7.1 Message rejected due to content restrictions
letter|554 5.7.1 Spam message rejected
letter|550 High probability of spam
letter|554 5.6.0 message cannot be parsed
letter|550 This message contains a virus (Eicar)
letter|550 Attachment type .exe not allowed
letter|550 5.7.1 Message contains spam or virus.
letter|550 Nachricht wegen unerwünschtem Inhalt abgelehnt
letter|554 5.7.1 Message rejected under suspicion of SPAM; https://ya.cc
letter|550 spam message rejected. Please visit http://help.mail.ru
letter|554 5.7.9 Message not accepted for policy reasons
letter|550 Maximum line length exceeded
letter|550 5.7.1 Le message a été rejeté car indésirable
letter|523 Das Message ist zu groß
recipient|550 5.1.1 <x@y.example>: Recipient address rejected: User unknown in virtual alias table
recipient|550 No such user here
recipient|550 Unrouteable address
recipient|550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup
recipient|550 5.7.1 RESOLVER.RST.NotAuthorized; not authorized
recipient|550 Mailbox quota exceeded
recipient|552 5.2.2 The email account that you tried to reach is over quota and inactive
recipient|452 4.2.2 The email account that you tried to reach is over quota
recipient|452 4.2.2 mailbox full, quota exceeded
recipient|550 Requested action not taken: mailbox unavailable
recipient|550 5.2.1 The email account that you tried to reach is disabled.
recipient|450 4.2.1 The user you are trying to contact is receiving email too quickly.
recipient|450 4.2.0 <x@y.example>: Recipient address rejected: Greylisted, see http://postgrey
recipient|451 4.7.1 Greylisting in action, please come back later
recipient|552 Requested mail action aborted: exceeded storage allocation
recipient|550 Empfänger unbekannt
recipient|550 Destinataire inconnu
recipient|550 Utente sconosciuto
recipient|550 Casella inesistente
recipient|550 Usuario desconocido
recipient|550 Użytkownik nieznany
recipient|550 Пользователь не найден
recipient|550 Нет такого пользователя
recipient|550 Kullanıcı bulunamadı
recipient|552 Postfach voll
recipient|552 Boîte aux lettres pleine
recipient|550 用户不存在
recipient|551 User not local; please try <z@y.example>
recipient|550 5.4.4 Domain not found
recipient|556 5.1.10 Domain does not accept mail (nullMX)
recipient|554 30 Sorry, your message to x@y cannot be delivered. This mailbox is disabled (554.30).
recipient|550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302).
recipient|550 5.7.129 RESOLVER.RST.RestrictedToRecipientsPermission; not authorized to send to the recipient because the sender isn't on the allowed senders list
recipient|550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required; sender needs to be authenticated to send to this group
recipient|550 sorry, no mailbox here by that name (#5.1.1 - chkuser)
recipient|553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)
recipient|511 sorry, no mailbox here by that name
server|451 4.3.0 queue file write error
server|452 4.3.1 Insufficient system storage
server|554 5.4.6 Too many hops
server|421 4.4.2 Connection timed out
server|451 4.3.2 Please try again later
server|450 4.4.1 no answer from host
server|554 5.4.7 Delivery expired (message too old)
server|550 5.4.316 Message expired, connection refused(Socket error code 10061)
server|451 Temporary local problem - please try later
server|451 4.7.500 Server busy. Please try again later
""".strip().splitlines()


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
        (DATA, "554 5.7.1 <DATA>: Data command rejected: only 10 messages per day", DEFERRED, Reason.OUR_SHARE, PAUSE),
        (DOT, "550 5.4.5 over", DEFERRED, Reason.OUR_SHARE, PAUSE),
        (DOT, "454 Throttling failure: Daily message quota exceeded.", DEFERRED, Reason.OUR_SHARE, PAUSE),
        (MAIL, "421 4.7.0 Try again later", DEFERRED, Reason.SLOW_DOWN, SLOW),
        (DOT, "421 4.7.28 unusual rate of mail", DEFERRED, Reason.SLOW_DOWN, SLOW),
        (RCPT, "452 4.5.3 Too many recipients", DEFERRED, Reason.SLOW_DOWN, SLOW),
        (DATA, "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", DEFERRED, Reason.SLOW_DOWN, SLOW),
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
        (DOT, "552 5.7.0 This message was blocked because its content presents a potential security issue",
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
        (RCPT, "550 5.1.1 <x@y.example>: Recipient address rejected: User unknown", REFUSED, Reason.NO_MAILBOX, GO_ON),
        (DOT, "550 5.1.1 no", REFUSED, Reason.NO_MAILBOX, GO_ON),
        (RCPT, "525 5.7.13 no", REFUSED, Reason.NO_MAILBOX, GO_ON),
        (RCPT, "550 5.1.6 no", REFUSED, Reason.MOVED, GO_ON),
        (RCPT, "551 no", REFUSED, Reason.MOVED, GO_ON),
        (RCPT, "556 no", REFUSED, Reason.NO_MAILBOX, GO_ON),
        (RCPT, "550 5.4.4 no", REFUSED, Reason.NO_MAILBOX, GO_ON),
        (RCPT, "552 5.2.2 no", REFUSED, Reason.MAILBOX_FULL, GO_ON),
        # the bare code says whether it is for good
        (RCPT, "550 4.2.2 no", REFUSED, Reason.MAILBOX_FULL, GO_ON),
        (RCPT, "550 5.7.1 this group only accepts mail from members", REFUSED, Reason.POLICY, GO_ON),
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
        (RCPT, "550 5.7.1 no", REFUSED, Reason.OTHER, GO_ON),
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
        " mx.greylist.example [192.0.2.1]"
    )
    assert plain(said) == ": see at [ ]"


@pytest.mark.parametrize(
    "said",
    ["552 Boîte aux lettres PLEINE", "552 BOITE AUX LETTRES PLEINE", "552 boi\u0302te pleine"],
)
def test_accents_and_capitals_change_nothing(said: str) -> None:
    assert diagnose(552, None, said[4:]).name == "full"


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
    "sender": "toomanyconn rejected blocked authfailure requireptr policyviolation securityerror norelaying badreputation syntaxerror",
    "letter": "policyviolation spamdetected securityerror contenterror mesgtoobig exceedlimit notcompliantrfc virusdetected syntaxerror undefined",
    "bug": "syntaxerror policyviolation",
    "recipient": "userunknown hostunknown hasmoved suspend mailboxfull networkerror notaccept filtered onhold undefined"
    " securityerror exceedlimit speeding syntaxerror",
    "server": "hostunknown expired networkerror systemerror systemfull mailererror notaccept onhold undefined",
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
