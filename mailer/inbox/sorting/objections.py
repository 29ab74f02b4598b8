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
    known = ours | {seen.mail.sender[1].casefold()}
    known |= {letter.address.casefold() for letter in seen.threading.letters}
    if hit := _objecting(seen.own, seen.hits, known, strict=automatic):
        if _kept(seen.own, seen.hits):
            return None
        return Judged(
            Kind.OBJECTION, f"the writer says “{seen.own[hit.start : hit.end][:90]}”", whole=whole
        )
    for enclosed in seen.mail.enclosed:
        text = plain(enclosed[:12_000])
        hits = rules().phrases.find(text)
        if (hit := _objecting(text, hits, known, strict=True)) and not any(
            h.group == "keep" for h in hits
        ):
            return Judged(
                Kind.OBJECTION, f"an enclosed letter says “{text[hit.start : hit.end][:90]}”"
            )
    return None


_NOT = re.compile(
    r"(?<!\w)(no|not|never|don't|nicht|nie|ne|pas|non|nao|niet|ikke|inte|ei|alkaa|arge|ekki|nemojte|"
    r"nem|nu|nuk|mos|mi|не|немојте|μη|μην|δεν)\s+(\w+\s+){0,2}$"
)


def _kept(text: str, hits: list[Hit]) -> bool:
    """Tell whether the writer says that we may go on writing, without a no before it."""
    return any(
        hit.group == "keep" and not _NOT.search(text[max(0, hit.start - 40) : hit.start])
        for hit in hits
    )


def _answers_ours(seen: Signs) -> bool:
    """Tell whether the subject is ours, answered, and not the writer's own."""
    return bool(REPLY.match(plain(seen.mail.header("subject"))))


def _objecting(text: str, hits: list[Hit], known: frozenset[str], *, strict: bool) -> Hit | None:
    """Return the first objection that stands: not one that offers itself to others, nor asks for
    another address. `known` are ours and the writer's.
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
            strict or "http" in sentence or any(address in sentence for address in known)
        ):
            continue
        named = {one.strip(".,;") for one in _ADDRESS.findall(sentence)}
        if (elsewhere or named - known) and not re.search(
            r"\b(17|21)\b|delet|erase|losch|efface|cancell|supr|gdpr|dsgvo|rgpd|rodo", sentence
        ):
            continue
        return hit
    return None


_ADDRESS = re.compile(r"[^\s<>()]+@[^\s<>()]+")
_END = re.compile(r"(?<=[^\W_]{3})[.!?](?=\s)|¶")
"""Ends of a sentence; what follows one or two letters is an abbreviation."""


def _sentence(text: str, hit: Hit) -> tuple[int, int]:
    ends = [found.start() for found in _END.finditer(text)]
    before = max((at for at in ends if at < hit.start), default=0)
    return before, min((at for at in ends if at >= hit.end), default=len(text))
