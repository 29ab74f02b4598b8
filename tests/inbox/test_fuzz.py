"""Facts about messages that no parser likes: each gets a kind, none ends in an exception."""

from __future__ import annotations

import os
import random

import pytest

from mailer.inbox.kinds import InboxKind
from mailer.inbox.mail.parts import ATTACHED, shortened, take_apart
from mailer.inbox.sorting.judge import examine
from tests.inbox.test_languages import SENT, TEXTS, TRAPS, message

REPORT = b"""\
From: MAILER-DAEMON@mx.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b

<mila.torvik@chamber.example>: 550 5.1.1 User unknown
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; mila.torvik@chamber.example
Action: failed
Status: 5.1.1

--b
Content-Type: message/rfc822

Message-ID: <abc@rights.example>
Subject: =?utf-8?B?w7bDpA==?=

Dear
--b--
"""
SEEDS = [message(kind, text) for kind, texts in TEXTS.items() for text in texts.values()]
PIECES = (
    *(b"\r\n", b"\n\n", b"--b", b"=", b"\x00", b"\xff\xfe", b"=?utf-8?B?////?=", b"=?x?q?=?="),
    *(b"Content-Type: multipart/mixed; boundary=b\n\n", b"Content-Type: message/rfc822\n\n"),
    *(b"Content-Transfer-Encoding: base64\n", b"charset*0*=utf-8''%ff", b"<", b">", b"@", b":"),
    *(b"Date: Mon, 99 Foo 99999 99:99:99 +9999\n", b"\xed\xa0\x80", b"&#x110000;", b"<!--"),
)


def mutated(random: random.Random) -> bytes:
    raw = bytearray(random.choice([REPORT, random.choice(SEEDS), TRAPS[0]["text"].encode()]))
    for _ in range(random.randint(1, 8)):
        at = random.randint(0, len(raw))
        match random.randint(0, 3):
            case 0:
                raw[at : at + random.randint(0, 60)] = b""
            case 1:
                raw[at:at] = random.choice(PIECES)
            case 2:
                raw[at : at + 1] = random.randbytes(random.randint(0, 3))
            case _:
                raw[at:at] = raw[: random.randint(0, len(raw))]
    return bytes(raw[:20_000])


def sorts(seed: int, messages: int) -> None:
    chance = random.Random(seed)
    for number in range(messages):
        raw = mutated(chance)
        judged, _, _ = examine(take_apart(raw), SENT)
        assert judged.kind in InboxKind, (seed, number)
        assert judged.reason
        shortened(raw)


@pytest.mark.timeout(300)
def test_mutated_messages_are_all_sorted() -> None:
    sorts(int(os.environ.get("MAILER_SEED", "7")), 600)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_hundred_thousand_mutated_messages_are_all_sorted() -> None:
    sorts(11, 100_000)


def test_of_a_message_of_25_mb_only_what_somebody_may_save_is_kept() -> None:
    head = message("reply", "My answer is attached.")
    raw = head + b"\r\n--b\r\n" + b"QUJDREVG" * 9 * 350_000
    assert len(shortened(raw)) < len(head) + ATTACHED + 70_000
