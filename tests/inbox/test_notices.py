"""Facts about reports in a form of their own: as JSON, and an answer within another's words."""

from __future__ import annotations

import json
from email.message import EmailMessage
from typing import Any

import pytest

from mailer.inbox.kinds import InboxKind
from mailer.inbox.mail.parts import take_apart
from mailer.inbox.sorting.judge import examine
from mailer.sending.replies import diagnose
from tests.inbox.test_languages import LETTER, SENT

MAIL: dict[str, Any] = {
    "messageId": "0101-000000",
    "headers": [{"name": "Message-ID", "value": LETTER.message_id}, {"name": "To", "value": "x"}],
}
WHOM = {"emailAddress": "mila.torvik@chamber.example"}
FULL = {**WHOM, "status": "5.2.2", "diagnosticCode": "smtp; 552 5.2.2 Mailbox full"}


def notice(told: dict[str, Any], *, wrapped: bool = False) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "SES <no-reply@sns.amazonaws.example>"
    mail["To"] = "answers@rights.example"
    mail["Subject"] = "AWS Notification Message"
    text = json.dumps({**told, "mail": MAIL})
    if wrapped:  # and folded, as Sendmail does with a line that is too long
        text = json.dumps({"Type": "Notification", "Message": text})
        text = f"{text[:90]}!\n {text[90:]}"
    mail.set_content(f"{text}\n\n--\nIf you wish to stop receiving notifications, unsubscribe:\n")
    return mail


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize(
    ("kind", "told", "meant"),
    [
        ("Delivery", {"delivery": {"recipients": [WHOM["emailAddress"]]}}, "delivered_notice"),
        ("Bounce", {"bounce": {"bouncedRecipients": [FULL]}}, "returned_soft"),
        (
            "Bounce",
            {"bounce": {"bounceSubType": "NoEmail", "bouncedRecipients": [WHOM]}},
            "returned_hard",
        ),
        (
            "Bounce",
            {"bounce": {"bounceSubType": "MailboxFull", "bouncedRecipients": [WHOM]}},
            "returned_soft",
        ),
        (
            "Bounce",
            {"bounce": {"bounceSubType": "ContentRejected", "bouncedRecipients": [WHOM]}},
            "returned_policy",
        ),
        ("DeliveryDelay", {"deliveryDelay": {"delayedRecipients": [WHOM]}}, "delayed"),
        ("Complaint", {"complaint": {"complainedRecipients": [WHOM]}}, "complaint"),
    ],
)
def test_a_notice_in_json_is_read_as_the_report_that_it_is(
    kind: str, told: dict[str, Any], meant: str, wrapped: bool
) -> None:
    for name in ("notificationType", "eventType"):
        mail = take_apart(notice({name: kind, **told}, wrapped=wrapped).as_bytes())
        judged, threading, _ = examine(mail, SENT)
        assert judged.kind == meant, judged
        assert threading.letters == (LETTER,)


@pytest.mark.parametrize("text", ["{", "{}", '{"mail": 3}', '{"mail": {}, "Message": "{"}', "[1]"])
def test_json_that_is_no_notice_stays_a_text(text: str) -> None:
    mail = EmailMessage()
    mail["From"] = "Mila Torvik <mila.torvik@chamber.example>"
    mail.set_content(text)
    taken = take_apart(mail.as_bytes())
    assert not (taken.recipients or taken.feedback or taken.faults)
    assert examine(taken, SENT)[0].kind is InboxKind.REPLY


def test_the_answer_that_another_server_passes_on_goes_before_its_own_words() -> None:
    for inner, meant in (("5.7.1 <x>... Access denied", "blocked"), ("5.2.2 <x>... Full", "full")):
        said = f"smtp; 5.1.0 - Unknown address error 550-'{inner}' (delivery attempts: 0)"
        assert diagnose(None, None, said).name == meant
    mail = EmailMessage()
    mail["From"] = "MAILER-DAEMON@h.example"
    mail["Subject"] = "failure notice"
    mail.set_content(
        "Hi. This is the qmail-send program at h.example.\n\n<mila.torvik@chamber.example>:\n"
        "Connected to 192.0.2.112 but my name was rejected.\n"
        "Remote host said: 501 5.0.0 Invalid domain name\n"
        "I'm not going to try again; this message has been in the queue too long.\n"
    )
    assert examine(take_apart(mail.as_bytes()), SENT)[0].kind is InboxKind.RETURNED_POLICY
