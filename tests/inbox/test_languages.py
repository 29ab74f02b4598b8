"""Facts about sorting in the languages of the Assembly, with texts that were written for these
tests.
"""

from __future__ import annotations

import tomllib
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from mailer.inbox.kinds import InboxKind
from mailer.inbox.mail.parts import take_apart
from mailer.inbox.sorting.judge import examine
from mailer.inbox.thread import SentLetters
from mailer.ledger.reading.sent import SentLetter

TRAPS = tomllib.loads((Path(__file__).parent / "traps.toml").read_text("utf-8"))["message"]
TEXTS = tomllib.loads((Path(__file__).parent / "languages.toml").read_text("utf-8"))
LETTER = SentLetter(
    delivery="M-0001-001",
    message_id="<abc@rights.example>",
    envid="M-0001-001",
    address="mila.torvik@chamber.example",
    name="Mila Torvik",
    delegation="NO",
    subject="Imprisoned journalists: please be present and vote on 27 January",
    date=None,
)
SENT = SentLetters([LETTER], ours=["answers@rights.example"])
QUOTE = """

On 11 Jan 2027, Coalition <answers@rights.example> wrote:
> Dear Mila Torvik,
> if you answer stop, we remove you from our list.
"""


def message(kind: str, text: str) -> bytes:
    mail = EmailMessage()
    mail["From"] = "Mila Torvik <mila.torvik@chamber.example>"
    mail["To"] = "answers@rights.example"
    mail["Date"] = "Mon, 11 Jan 2027 10:00:00 +0000"
    mail["In-Reply-To"] = "<abc@rights.example>"
    machine = kind in ("away", "receipt", "left_office")
    mail["Subject"] = ("" if machine else "Re: ") + "Please be in the chamber"
    if machine:
        mail["Auto-Submitted"] = "auto-replied"
        mail["Return-Path"] = "<>"
    mail.set_content(text + ("" if machine else QUOTE))
    return mail.as_bytes()


@pytest.mark.parametrize(
    ("kind", "language"), [(k, lang) for k, texts in TEXTS.items() for lang in texts]
)
def test_what_is_written_is_known_in_every_language(kind: str, language: str) -> None:
    judged, threading, _ = examine(take_apart(message(kind, TEXTS[kind][language])), SENT)
    assert judged.kind is InboxKind(kind), judged.reason
    assert threading.letters == (LETTER,)


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: f"{trap['kind']}: {trap['text'][:40]}")
def test_what_is_easily_mistaken_is_not(trap: dict[str, Any]) -> None:
    mail = EmailMessage()
    mail["From"] = trap.get("from", "Mila Torvik <mila.torvik@chamber.example>")
    mail["To"] = "answers@rights.example"
    mail["Date"] = "Mon, 11 Jan 2027 10:00:00 +0000"
    mail["Subject"] = trap.get("subject", f"Re: {LETTER.subject}")
    if trap.get("answers", True):
        mail["In-Reply-To"] = LETTER.message_id
    automatic = {"Auto-Submitted": "auto-replied", "Return-Path": "<>"}
    headers = automatic if trap.get("automatic") else {}
    for name, value in {**headers, **trap.get("headers", {})}.items():
        mail[name] = value
    mail.set_content(trap["text"])
    judged, threading, _ = examine(take_apart(mail.as_bytes()), SENT)
    assert judged.kind is InboxKind(trap["kind"]), judged.reason
    none = judged.kind is InboxKind.UNRELATED
    assert threading.letters == (() if none else (LETTER,))
