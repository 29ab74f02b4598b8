"""Objections: the writer's own words that no more letters are wanted, in any order and language.

What is quoted, what offers a way out to others, and what only asks for another address is none.
"""

from __future__ import annotations

import re

from mailer.inbox.kinds import InboxKind as Kind
from mailer.inbox.kinds import Judged
from mailer.inbox.sorting.rules import Hit, plain, rules
from mailer.inbox.sorting.signs import REPLY, Signs


def objection_in(seen: Signs, ours: frozenset[str]) -> Judged | None:
    """Find that the writer wants no more letters: in own words, in a subject of one word, in an
    enclosed letter.
    """
    whole = len(re.findall(r"\w+", seen.own)) <= 25
    titled = seen.titled("objection") and len(seen.plain_subject.split()) <= 4
    if titled and not _answers_ours(seen):
        return Judged(Kind.OBJECTION, f"its subject is “{seen.plain_subject[:60]}”", whole=True)
    first = re.sub(r"[^\w\s-]", "", seen.own).strip()
    if len(first.split()) <= 6 and any(
        hit.group == "objection" and hit.start <= 8 for hit in rules().subjects.find(first)
    ):
        return Judged(Kind.OBJECTION, f"the whole answer is “{first}”", whole=True)
    automatic = seen.machine >= 3 and seen.human < 1.5
    if hit := _objecting(seen.own, seen.hits, ours, strict=automatic):
        if seen.has("keep"):
            return None
        return Judged(
            Kind.OBJECTION, f"the writer says “{seen.own[hit.start : hit.end][:90]}”", whole=whole
        )
    for enclosed in seen.mail.enclosed:
        text = plain(enclosed[:12_000])
        hits = rules().phrases.find(text)
        if (hit := _objecting(text, hits, ours, strict=True)) and not any(
            h.group == "keep" for h in hits
        ):
            return Judged(
                Kind.OBJECTION, f"an enclosed letter says “{text[hit.start : hit.end][:90]}”"
            )
    return None


def _answers_ours(seen: Signs) -> bool:
    """Tell whether the subject is ours, answered, and not the writer's own."""
    return bool(REPLY.match(plain(seen.mail.header("subject"))))


def _objecting(text: str, hits: list[Hit], ours: frozenset[str], *, strict: bool) -> Hit | None:
    """Return the first objection that stands: not one that offers itself to others, nor asks for
    another address.
    """
    others = [hit for hit in hits if hit.group == "footer"]
    elsewhere = any(hit.group == "redirect" for hit in hits) and "@" in text
    for hit in hits:
        if hit.group not in ("objection", "remove"):
            continue
        first, last = _sentence(text, hit)
        if (
            hit.group == "remove"
            and len({one.group for one in hits if first <= one.start <= last} & {"list", "me"}) < 2
        ):
            continue
        sentence = text[first:last]
        offered = any(first <= one.start <= last for one in others)
        if offered and (
            strict or "http" in sentence or any(address in sentence for address in ours)
        ):
            continue
        if elsewhere and not re.search(
            r"\b(17|21)\b|delet|erase|losch|efface|cancell|supr|gdpr|dsgvo|rgpd|rodo", sentence
        ):
            continue
        return hit
    return None


_END = re.compile(r"(?<=[^\W_]{3})[.!?](?=\s)|¶")
"""Ends of a sentence; what follows one or two letters is an abbreviation."""


def _sentence(text: str, hit: Hit) -> tuple[int, int]:
    ends = [found.start() for found in _END.finditer(text)]
    before = max((at for at in ends if at < hit.start), default=0)
    return before, min((at for at in ends if at >= hit.end), default=len(text))
