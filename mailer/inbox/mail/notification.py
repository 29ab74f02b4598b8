"""Notices that a sending service writes as JSON where others send a delivery report (Amazon SES,
by mail through SNS): their fields, under the names of a report (RFC 3464).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_ACTIONS = {"bounce": "failed", "delivery": "delivered", "deliverydelay": "delayed"}
_FOLDED = re.compile(r"!\r?\n ")  # as Sendmail breaks a line of more than 990 signs
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def report_in(
    text: str,
) -> tuple[list[dict[str, str]], dict[str, str], dict[str, str]] | None:
    """Return the blocks of the recipients, the headers of the letter that is reported on, and those
    of an abuse report; None where the text is no such notice.
    """
    notice = _object(_FOLDED.sub("", text))
    if isinstance(notice.get("Message"), str):  # SNS wraps it, unless it is told not to
        notice = _object(notice["Message"])
    kind = str(notice.get("notificationType") or notice.get("eventType") or "")
    letter, told = _within(notice, "mail"), _within(notice, kind[:1].lower() + kind[1:])
    if not letter:
        return None
    headers = [one for one in letter.get("headers") or () if isinstance(one, dict)]
    returned = {str(one.get("name")).casefold(): str(one.get("value")) for one in headers[:400]}
    if kind == "Complaint":
        names = [str(one.get("emailAddress", "")) for one in _recipients(told)]
        feedback = str(told.get("complaintFeedbackType") or "abuse")
        return [], returned, {"feedback-type": feedback, "original-rcpt-to": " ".join(names)}
    if kind.casefold() not in _ACTIONS:
        return None
    return [_block(one, told, _ACTIONS[kind.casefold()]) for one in _recipients(told)], returned, {}


def _block(one: dict[str, Any], told: dict[str, Any], action: str) -> dict[str, str]:
    """Return a block of a report; what kind of return it is, in words, where no answer is given."""
    status = "4.0.0" if told.get("bounceType") == "Transient" or action == "delayed" else "5.0.0"
    answer = one.get("diagnosticCode") or told.get("smtpResponse")
    return {
        "final-recipient": f"rfc822; {one.get('emailAddress', '')}",
        "action": action,
        "status": str(one.get("status") or ("2.0.0" if action == "delivered" else status)),
        "diagnostic-code": str(answer or _in_words(told)),
    }


def _in_words(told: dict[str, Any]) -> str:
    """Return what kind of return it is ("MailboxFull") as a server would say it."""
    return _CAPITAL.sub(" ", str(told.get("bounceSubType") or "")).replace("Email", "Mailbox")


def _recipients(told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name, value in told.items():
        if name.casefold().endswith("recipients") and isinstance(value, list):
            for one in value[:500]:
                yield one if isinstance(one, dict) else {"emailAddress": one}


def _within(notice: dict[str, Any], name: str) -> dict[str, Any]:
    value = notice.get(name)
    return value if isinstance(value, dict) else {}


def _object(text: str) -> dict[str, Any]:
    """Return the object that a text begins with; empty where it begins with none."""
    if not text.lstrip().startswith("{"):
        return {}
    try:
        value, _ = json.JSONDecoder(strict=False).raw_decode(text.lstrip())
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
