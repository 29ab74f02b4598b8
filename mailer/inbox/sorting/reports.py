"""What servers say of a delivery: returned for good, for now, for policy; delayed; delivered.

By meaning, not by the first digit (RFC 3463 is often filled in carelessly): a full mailbox is a
good address with 5.2.2, and a time-out is no delay once the action is `failed`. First the words of
the server (`[[servers]]` in `rules.toml`), then the status code, then the code of the reply.
"""

from __future__ import annotations

import re

from mailer.base.states import REASONS, About
from mailer.inbox.kinds import InboxKind
from mailer.inbox.mail.parts import Fields, Mail
from mailer.inbox.sorting.rules import Hit, rules
from mailer.sending.replies import diagnose

HARD, SOFT, POLICY = (
    InboxKind.RETURNED_HARD,
    InboxKind.RETURNED_SOFT,
    InboxKind.RETURNED_POLICY,
)

_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_REPLY = re.compile(r"(?<![\d.\w])([45]\d\d)(?=[- ])")
_MEANS = {
    "full": SOFT,
    "no_mailbox": HARD,
    "no_domain": HARD,
    "bad_address": HARD,
    "moved": HARD,
    "closed_to_us": POLICY,
    "later": SOFT,
    "closed_account": HARD,  # whose server speaks to ours means the recipient's
}
_OF = {
    About.ACCOUNT: POLICY,
    About.SENDER: POLICY,
    About.LETTER: POLICY,
    About.SERVER: SOFT,
}
_ADDRESS = re.compile(r"<?[\w.+=-]+@[\w.-]+>?")
_ANSWER = re.compile(
    r"rejected|said:|reason:|response|>>>|<<<|returned|diagnostic"
    r"|(?<![\d.])[45]\d\d[- ]|\b[45]\.\d\.\d",
    re.IGNORECASE,
)
_QUOTED = re.compile(
    r"(?:\bsaid|\breason|\bresponse)\b[^\n:]{0,20}:\s+([45]\d\d[ -][^\n]*)", re.IGNORECASE
)
"""A server's own answer, where the report has no field for it: it goes before what others say."""
_BY_WORDS = (
    ("full", SOFT, "the mailbox is full"),
    ("hard", HARD, "the address does not exist"),
    ("policy", POLICY, "refused for what it is or seems"),
    ("soft", SOFT, "given up after trying for too long"),
)


def actions(mail: Mail) -> list[str]:
    """Return what a delivery report says that was done, one word a recipient: failed, delayed, …"""
    words = (block.get("action", "").split() for block in mail.recipients)
    return [word[0].strip(";.,").casefold() for word in words if word]


def why_returned(mail: Mail, text: str, hits: list[Hit]) -> tuple[InboxKind, str]:
    """Return hard, soft or policy, and the reason in words.

    `text` is what the report says to people, without the returned letter; `hits` the phrases found
    in it.
    """
    failed = [b for b in mail.recipients if b.get("action", "fail").casefold().startswith("fail")]
    first: Fields = next(iter(failed or mail.recipients), {})
    status = next(iter(_STATUS.findall(first.get("status", ""))), "")
    comment = first.get("status", "").partition("(")[2]
    diagnostic = f"{first.get('diagnostic-code', '')} {comment}".strip()
    if not diagnostic and (quoted := _QUOTED.search(text)):
        diagnostic = quoted[1]
    if diagnostic and (found := said(diagnostic)):
        more = told(text if found[0] is HARD else diagnostic)
        if found[0] is HARD and more and "full" in more[1]:
            return more  # "5.1.1" from a server without room
        if found[0] is SOFT and more and more[0] is POLICY:
            return more  # put off until it was given up, for what we seem
        return found
    answer = _ANSWER.search(text)
    for words in (diagnostic, text[answer.start() :][:3_000] if answer else "", text):
        if found := told(words):
            return found
    if status and (meant := _by_status(status)):
        return meant
    groups = {hit.group for hit in hits}
    for group, kind, why in _BY_WORDS:
        if group in groups:
            return kind, why
    code = next(iter(_REPLY.findall(f"{diagnostic} {text}")), "")
    if code in ("552", "554"):
        return POLICY, f"the server answered {code} and gave no reason"
    if code.startswith("4") or status.startswith("4"):
        return SOFT, f"the server answered {code or status}, a trouble for a time"
    return HARD, f"the server answered {code or status}" if code or status else "no reason is given"


def told(words: str) -> tuple[InboxKind, str] | None:
    """Return what a report tells people of an answer; None where it says nothing known."""
    words = _ADDRESS.sub("<…>", words)
    for kind, why, pattern in rules().servers:
        if found := pattern.search(words):
            return kind, f"{why} (“{' '.join(words[found.start() : found.end()].split())[:80]}”)"
    return None


def said(words: str) -> tuple[InboxKind, str] | None:
    """Return what a server's words mean, and the reason; None where they say nothing known."""
    kind = diagnose(None, None, words[:2_000])
    meant = _MEANS.get(kind.name, _OF.get(kind.about))
    if kind.name in ("unsaid", "speech") or meant is None:
        return None
    return meant, REASONS[kind.reason] if kind.reason else kind.name


def _by_status(status: str) -> tuple[InboxKind, str] | None:
    family, subject, detail = (int(part) for part in status.split("."))
    meaning = f"status {status}"
    if (subject, detail) in ((2, 2), (4, 6), (4, 7), (3, 1)):
        return SOFT, meaning
    if (subject, detail) in ((2, 3), (3, 4), (1, 7), (1, 8)) or subject in (6, 7):
        return POLICY, meaning
    if subject == 1 or (subject, detail) in ((2, 1), (4, 4), (4, 310)):
        return HARD, meaning
    if family == 4 or subject == 4:
        return SOFT, meaning
    return (POLICY, meaning) if subject == 5 else None
