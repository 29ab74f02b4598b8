"""What speaks for a machine and what for a person, gathered once from a message.

Headers alone prove nothing: houses stamp them on the mail of people, too. Words that only a reader
of the letter writes speak for a person, whatever the headers say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailer.inbox.mail.parts import Mail
from mailer.inbox.mail.quotes import OwnWords
from mailer.inbox.sorting.rules import Hit, Rules, plain, rules
from mailer.inbox.thread import Threading

REPLY = re.compile(
    r"^\s*(?:\[[^\]]*\]\s*)*((?:re|aw|sv|vs|antw|odp|rif|r|res|ref|vl|pd|ynt|απ|σχετ|отг|відп|ответ|vá|ang|bls|atb|pё|ha|svar|tr|fwd?|wg|i|enc)(?:\[\d+\])?\s*:\s*)+",
    re.IGNORECASE,
)
REFERENCE = re.compile(
    r"(?:\b[a-z]{1,6}[-/#]?\d{2,}[-/\d]*\b|#\s?\d{3,}|\d{2,}\s?[/:-]\s?(?:20)?\d{2,}|\b\d{5,}\b)"
)
_NOBODY = re.compile(
    r"^(no-?reply|do-?not-?reply|owner-|listserv|majordomo|mailman|sympa|listmaster)"
    r"|-(admin|request|owner|bounces|errors)$"
)
LINK = re.compile(r"https?://|<mailto:", re.IGNORECASE)


@dataclass
class Signs:
    """What stands in a message, gathered once."""

    mail: Mail
    words: OwnWords
    threading: Threading
    hits: list[Hit]
    subject: list[Hit]
    plain_subject: str
    own: str  # own words, plain
    machine: float = 0.0
    human: float = 0.0
    why: str = ""  # the strongest evidence for a machine

    def has(self, *groups: str) -> Hit | None:
        return next((hit for group in groups for hit in self.hits if hit.group == group), None)

    def count(self, group: str) -> int:
        return len({hit.start for hit in self.hits if hit.group == group})

    def titled(self, group: str) -> bool:
        """Tell whether the subject begins with a phrase of this group, tags left out."""
        return any(
            hit.group == group and not self.plain_subject[: hit.start].strip(" *-!")
            for hit in self.subject
        )


def gather(mail: Mail, words: OwnWords, threading: Threading) -> Signs:
    known = rules()
    subject = plain(mail.header("subject"))
    bare = REPLY.sub("", subject)
    bare = re.sub(r"^(\s*\[[^\]]*\])+\s*", "", bare)
    own = plain(words.own[:12_000])
    seen = Signs(
        mail, words, threading, known.phrases.find(own), known.subjects.find(bare), bare, own
    )
    again = bool(REPLY.match(subject)) and seen.titled("automatic")
    _weigh_machine(seen, known, answered=again)
    _weigh_human(seen, known, answered=again)
    return seen


def _weigh_machine(seen: Signs, known: Rules, *, answered: bool) -> None:
    mail = seen.mail
    local = mail.sender[1].partition("@")[0].casefold()
    found: list[tuple[float, str]] = []
    auto = mail.header("auto-submitted").split(";")[0].strip().casefold()
    if auto and not auto.startswith("no"):
        found.append((3, f"Auto-Submitted says {auto}"))
    if names := known.words("automatic") & mail.headers.keys():
        found.append((3, f"it carries {min(names)}"))
    precedence = mail.header("precedence").strip().casefold()
    if precedence in known.words("precedence"):
        found.append((3 if precedence.startswith("auto") else 0.5, f"Precedence is {precedence}"))
    if "x-auto-response-suppress" in mail.headers:
        found.append((0.5, "it asks for no automatic answers"))
    if "return-path" in mail.headers and mail.header("return-path").strip() in ("<>", ""):
        found.append((3, "its envelope has no sender"))
    if is_daemon(local, known):
        found.append((3, f"{local} wrote it"))
    elif local in known.words("nobody") or _NOBODY.search(local):
        found.append((2, f"{local} wrote it"))
    if seen.titled("automatic") and not answered:
        found.append((3, "its subject is that of an automatic answer"))
    if hit := seen.has("automatic"):
        found.append((2, f"it says “{hit.said}”"))
    seen.machine = sum(weight for weight, _ in found)
    seen.why = max(found, default=(0, ""))[1]


def is_daemon(local: str, known: Rules) -> bool:
    return local in known.words("daemons") or local.startswith(
        ("mailer-daemon", "postmaster", "microsoftexchange")
    )


def _weigh_human(seen: Signs, known: Rules, *, answered: bool) -> None:
    mail, words = seen.mail, seen.words
    points = min(3.0, 1.5 * seen.count("human")) + (3.0 if answered else 0.0)
    program = f"{mail.header('user-agent')} {mail.header('x-mailer')}".casefold()
    if any(one in program for one in known.words("programs")):
        points += 1.5
    if words.attributed and words.own and words.quoted:
        points += 1.0
    if (
        mail.encrypted
        or "signed" in mail.type
        or any(part.type.endswith(("pgp-signature", "pkcs7-signature")) for part in mail.parts)
    ):
        points += 3.0
    if any(part.type in ("text/calendar", "application/ics") for part in mail.parts):
        points += 2.0
    if "x-ms-reactions" in mail.headers or re.search(
        r"^\W*\w+ \w+ reacted to your message", words.own
    ):
        points += 3.0
    if any(
        part.type.startswith(
            ("application/pdf", "application/msword", "application/vnd", "application/ms-tnef")
        )
        for part in mail.parts
    ):
        points += 1.0
    if (
        mail.people("sender")
        and mail.people("sender")[0][1].casefold() != mail.sender[1].casefold()
    ):
        points += 1.0
    if "?" in words.own.replace("?utf", "") and not LINK.search(words.own):
        points += 0.5
    seen.human = points


def ends(line: str, known: Rules) -> bool:
    """Tell whether a line begins small print or a telephone's signature."""
    text = plain(line)
    if not text or len(text) > 2_000:
        return False
    return any(
        hit.group in ("disclaimer", "device") and hit.start < 40 for hit in known.ends.find(text)
    )
