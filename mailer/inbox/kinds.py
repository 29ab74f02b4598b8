"""The kinds of what comes back, and the words that people see for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class InboxKind(StrEnum):
    """What a message is. Where two fit, the one that stands first here counts."""

    OBJECTION = "objection"
    LEFT_OFFICE = "left_office"
    COMPLAINT = "complaint"
    CHALLENGE = "challenge"
    AWAY = "away"
    RETURNED_HARD = "returned_hard"
    RETURNED_SOFT = "returned_soft"
    RETURNED_POLICY = "returned_policy"
    DELAYED = "delayed"
    DELIVERED_NOTICE = "delivered_notice"
    READ_NOTICE = "read_notice"
    RECEIPT = "receipt"
    REPLY = "reply"
    UNRELATED = "unrelated"


RETURNED = frozenset((InboxKind.RETURNED_HARD, InboxKind.RETURNED_SOFT, InboxKind.RETURNED_POLICY))
"""Not delivered: an away message is never one of these."""


def named(word: str) -> list[InboxKind]:
    """Return the kinds that a word of a filter means: `returned` is all three of them."""
    return [one for one in InboxKind if one == word or (word == "returned" and one in RETURNED)]


WORDS: dict[str, str] = {
    InboxKind.OBJECTION: "wants no more letters",
    InboxKind.LEFT_OFFICE: "has left office",
    InboxKind.COMPLAINT: "called abuse",
    InboxKind.CHALLENGE: "waits until we confirm",
    InboxKind.AWAY: "away",
    InboxKind.RETURNED_HARD: "came back: the address is of no use",
    InboxKind.RETURNED_SOFT: "came back: the address is good",
    InboxKind.RETURNED_POLICY: "came back: our letter was not wanted there",
    InboxKind.DELAYED: "still on its way",
    InboxKind.DELIVERED_NOTICE: "a server reports that it arrived",
    InboxKind.READ_NOTICE: "a reading was reported",
    InboxKind.RECEIPT: "arrival confirmed by a machine",
    InboxKind.REPLY: "answered",
    InboxKind.UNRELATED: "none of ours",
}


@dataclass(frozen=True)
class Judged:
    """What a message is."""

    kind: InboxKind
    reason: str  # one sentence: what was seen
    sure: bool = True  # False: a person looks at it first
    whole: bool = False  # an objection that is all that the writer says
    until: date | None = None  # when somebody who is away comes back, as far as the text names it
