"""What looking at something has found, in one sentence: well, to look at, wrong, or not known."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mailer.base.errors import MailerError


class Verdict(StrEnum):
    """The values stand in JSON."""

    OK = "ok"
    LOOK = "look"
    WRONG = "wrong"
    NOT_KNOWN = "not_known"


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence of `mailer doctor`, and what to do where something is to be done."""

    topic: str
    verdict: Verdict
    sentence: str
    fix: str = ""


OK, LOOK, WRONG, NOT_KNOWN = Verdict.OK, Verdict.LOOK, Verdict.WRONG, Verdict.NOT_KNOWN


def said(fault: MailerError) -> str:
    """Return an error as the sentence of a finding, which ends without a full stop."""
    return fault.message.rstrip(".")
