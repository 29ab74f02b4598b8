"""Facts about sorting what was never seen before: kinds by what they mean, in other words."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from mailer.inbox.kinds import RETURNED, InboxKind
from mailer.inbox.mail.parts import take_apart
from mailer.inbox.sorting.judge import examine
from tests.inbox.test_languages import LETTER, SENT, message

WORDS = tomllib.loads((Path(__file__).parent / "other_words.toml").read_text("utf-8"))
IN_ALL_KINDS = [
    language for language, kinds in WORDS.items() if {"away", "left_office"} <= {*kinds}
]
PEOPLE = (InboxKind.REPLY, InboxKind.OBJECTION)
MEMBER = f"{LETTER.name} <{LETTER.address}>"


def a_mail(sender: str, subject: str, text: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = "answers@rights.example"
    mail["Date"] = "Mon, 11 Jan 2027 10:00:00 +0000"
    mail["Subject"] = subject
    mail["In-Reply-To"] = LETTER.message_id
    mail.set_content(text)
    return mail


def texts() -> Iterator[tuple[str, str, str]]:
    for language, kinds in WORDS.items():
        for kind, said in kinds.items():
            yield from ((language, kind, text) for text in said)


@pytest.mark.parametrize(("language", "kind", "text"), list(texts()))
def test_a_kind_is_known_in_words_that_no_rule_was_made_of(
    language: str, kind: str, text: str
) -> None:
    judged, threading, _ = examine(take_apart(message(kind, text)), SENT)
    assert judged.kind is InboxKind(kind), judged.reason
    assert threading.letters == (LETTER,)


@pytest.mark.parametrize(
    "text",
    [
        "Um Ihre Nachricht zuzustellen, antworten Sie bitte auf diese E-Mail.",
        "Per consegnare il suo messaggio è necessario rispondere a questa e-mail.",
        "Para que su mensaje sea entregado, responda a este correo.",
        "Om uw bericht af te leveren dient u op deze e-mail te antwoorden.",
    ],
)
def test_letter_that_waits_for_an_answer_is_known_in_any_order_of_words(text: str) -> None:
    mail = a_mail(MEMBER, "?", text)
    mail["Auto-Submitted"] = "auto-replied"
    judged, _, _ = examine(take_apart(mail.as_bytes()), SENT)
    assert judged.kind is InboxKind.CHALLENGE, judged.reason


@pytest.mark.parametrize("language", IN_ALL_KINDS)
def test_away_is_known_without_a_header_that_says_so(language: str) -> None:
    text = WORDS[language]["away"][0]
    mail = a_mail(MEMBER, f"Re: {LETTER.subject}", text)
    judged, _, _ = examine(take_apart(mail.as_bytes()), SENT)
    assert judged.kind is InboxKind.AWAY, judged.reason


@pytest.mark.parametrize("language", IN_ALL_KINDS)
def test_away_is_never_taken_for_a_return(language: str) -> None:
    for text in WORDS[language]["away"]:
        for subject in ("Undelivered Mail Returned to Sender", "Delivery failure", "Re: x"):
            mail = a_mail("Postmaster <postmaster@chamber.example>", subject, text)
            mail["Return-Path"] = "<>"
            judged, _, _ = examine(take_apart(mail.as_bytes()), SENT)
            assert judged.kind not in RETURNED, (text, judged.reason)


@pytest.mark.parametrize("language", IN_ALL_KINDS)
def test_a_person_who_quotes_a_responder_is_a_person(language: str) -> None:
    own = WORDS[language]["reply"][0]
    for kind in ("away", "receipt", "left_office"):
        for text in WORDS[language][kind]:
            quote = f"On 11 Jan 2027, Office <office@chamber.example> wrote:\n> {text}\n"
            mail = a_mail(MEMBER, f"Re: {LETTER.subject}", f"{own}\n\n{quote}")
            judged, _, _ = examine(take_apart(mail.as_bytes()), SENT)
            assert judged.kind in PEOPLE, (text, judged.reason)


@pytest.mark.parametrize("language", IN_ALL_KINDS)
def test_a_member_of_staff_who_answers_is_a_person(language: str) -> None:
    """The house stamps its mail as automatic, and the sender is none whom we wrote to."""
    staff = "Office of Mila Torvik <office@chamber.example>"
    mail = a_mail(staff, f"Re: {LETTER.subject}", WORDS[language]["reply"][1])
    mail["X-Auto-Response-Suppress"] = "All"
    judged, threading, _ = examine(take_apart(mail.as_bytes()), SENT)
    assert judged.kind is InboxKind.REPLY, judged.reason
    assert threading.letters == (LETTER,)


def test_what_names_a_day_to_come_and_no_reason_is_no_return_whatever_its_subject() -> None:
    for text in (
        "Holnaptól egy hétig tárgyalok. Február 3-án leszek ismét itt.",
        "Do 3. února se ke zprávám nedostanu.",
        "Bin ab 3. Februar wieder da!",
    ):
        mail = a_mail("Postmaster <postmaster@chamber.example>", "Delivery failure", text)
        mail["Return-Path"] = "<>"
        judged, _, _ = examine(take_apart(mail.as_bytes()), SENT)
        assert judged.kind is InboxKind.AWAY, judged.reason
