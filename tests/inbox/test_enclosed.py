"""Facts about messages within messages: whose words count, and what is no return."""

from __future__ import annotations

from email.message import EmailMessage

from mailer.inbox.kinds import InboxKind
from mailer.inbox.mail.parts import take_apart
from mailer.inbox.sorting.judge import examine
from tests.inbox.test_fuzz import REPORT
from tests.inbox.test_languages import LETTER, SENT

FOOTER = "Please come.\n-- \nAnswer stop or unsubscribe and we will not write to you again.\n"


def forwarded(covering: str, enclosed: EmailMessage | bytes) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "Jan Ode <jan.ode@chamber.example>"
    mail["To"] = "answers@rights.example"
    mail["Subject"] = "Letter of Mila Torvik"
    mail.set_content(covering)
    if isinstance(enclosed, bytes):
        mail.add_attachment(enclosed, maintype="application", subtype="octet-stream")
        part = list(mail.iter_attachments())[-1]
        part.replace_header("Content-Type", "message/rfc822")
        part.replace_header("Content-Transfer-Encoding", "8bit")
        part.set_payload(enclosed.decode())
    else:
        mail.add_attachment(enclosed)
    return mail


def kind_of(mail: EmailMessage) -> InboxKind:
    judged, threading, _ = examine(take_apart(mail.as_bytes()), SENT)
    assert threading.letters == (LETTER,)
    return judged.kind


def test_an_objection_in_an_enclosed_letter_counts() -> None:
    letter = EmailMessage()
    letter["From"] = "Mila Torvik <mila.torvik@chamber.example>"
    letter["Subject"] = "For the campaign"
    letter.set_content("I object to the use of my data and ask you to delete my address.")
    covering = "Please see the enclosed letter of Mila Torvik. Jan Ode"
    assert kind_of(forwarded(covering, letter)) is InboxKind.OBJECTION


def test_our_own_letter_enclosed_says_nothing() -> None:
    ours = EmailMessage()
    ours["From"] = "Coalition <answers@rights.example>"
    ours["Message-ID"] = LETTER.message_id
    ours["List-Unsubscribe"] = "<mailto:answers@rights.example?subject=stop>"
    ours.set_content(FOOTER)
    covering = "Mila Torvik has read the enclosed letter and will vote for it. Jan Ode"
    assert kind_of(forwarded(covering, ours)) is InboxKind.REPLY


def test_a_return_that_a_person_encloses_is_a_persons_message() -> None:
    covering = "My first try came back, see below. Mila Torvik will be there and vote. Jan Ode"
    assert kind_of(forwarded(covering, REPORT)) is InboxKind.REPLY
