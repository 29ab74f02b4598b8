"""One function that says what a message is, and why, in words.

Two mistakes must never happen: a person's words taken for a machine's, and an away message taken
for a return. So a machine needs evidence (headers no person's program writes, or a subject and
phrases of responders), and words that only a reader can write speak against it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

from mailer.inbox.kinds import InboxKind as Kind
from mailer.inbox.kinds import Judged
from mailer.inbox.mail.parts import Mail
from mailer.inbox.mail.quotes import OwnWords, divide
from mailer.inbox.sorting.dates import dates_in
from mailer.inbox.sorting.machines import by_structure
from mailer.inbox.sorting.objections import objection_in
from mailer.inbox.sorting.responders import automatic_answer, bare_answer, challenge_in
from mailer.inbox.sorting.rules import rules
from mailer.inbox.sorting.signs import Signs, ends, gather
from mailer.inbox.thread import How, SentLetters, Threading, thread


def examine(mail: Mail, sent: SentLetters, *, verp: str = "") -> tuple[Judged, Threading, OwnWords]:
    """Judge and thread one message against the letters that were sent."""
    ours = frozenset(
        a.casefold()
        for name in ("to", "delivered-to", "x-original-to", "cc")
        for _, a in mail.people(name)
    ) | frozenset(sent.ours)
    ours -= {a for a in ours if sent.address_of(a)}
    known = rules()
    words = divide(mail.text, ours, lambda line: ends(line, known))
    threading = thread(mail, words, sent, verp=verp)
    judgement = judge(mail, words, threading, has_sent=bool(sent), ours=ours)
    if threading.how is How.DELEGATION:  # who of it, a person says
        reason = f"{judgement.reason}; who of the delegation that got the letter, is not told"
        judgement = replace(judgement, sure=False, reason=reason)
    if judgement.kind is Kind.UNRELATED and not threading.own:
        threading = Threading(related=threading.related)
    return judgement, threading, words


def judge(
    mail: Mail,
    words: OwnWords,
    threading: Threading,
    *,
    has_sent: bool = True,
    ours: frozenset[str] = frozenset(),
) -> Judged:
    """Return the kind of a message and the reason. `has_sent`: there are letters that it could
    belong to.
    """
    seen = gather(mail, words, threading)
    judged = by_structure(seen, has_sent) or _words(seen, has_sent, ours)
    if judged.kind is Kind.AWAY:
        after = (mail.arrived() or datetime.now(UTC)).date()
        later = [one for one in dates_in(words.own or mail.text, after) if one >= after]
        if later:
            return Judged(Kind.AWAY, judged.reason, judged.sure, until=max(later[:3]))
    return judged


def _words(seen: Signs, has_sent: bool, ours: frozenset[str]) -> Judged:
    threading = seen.threading
    related = threading.related or not has_sent
    if _complaint(seen):
        return Judged(
            Kind.COMPLAINT, "an abuse desk passes on that the letter is called unwanted", sure=False
        )
    if waiting := challenge_in(seen):
        return (
            waiting
            if related or threading.letters
            else Judged(Kind.UNRELATED, "it asks for a confirmation, but of no letter of ours")
        )
    if not related:
        return Judged(Kind.UNRELATED, "nothing in it leads to a person written to, or to a letter")
    if _mailing(seen):
        return Judged(Kind.UNRELATED, "a mailing of somebody else's")
    if objection := objection_in(seen, ours):
        return objection
    if (
        seen.titled("read")
        and seen.machine + 2 > seen.human
        and len(seen.own) < 600
        and not seen.has("human")
    ):
        return Judged(Kind.READ_NOTICE, "its subject is that of a notice about reading", sure=False)
    if left := _left(seen):
        return left
    automatic = seen.machine >= 2.5 and seen.human < max(3.0, seen.machine - 1)
    if automatic and (machine := automatic_answer(seen)):
        return machine
    if bare := bare_answer(seen):
        return bare
    if seen.machine >= 3 and seen.human < 1.5:
        return Judged(
            Kind.REPLY,
            f"{seen.why}, yet no phrase of a machine is in it: a person may have written it",
            sure=False,
        )
    return Judged(
        Kind.REPLY, "somebody's own words" if seen.own else "somebody answered without words"
    )


def _complaint(seen: Signs) -> bool:
    local = seen.mail.sender[1].partition("@")[0].casefold()
    context = re.search(
        r"(^|[-_.])(abuse|fbl|complaints?|junk|spam|feedback|missbrauch)([-_.]|$)", local
    )
    if seen.titled("complaint") and any(part.type == "message/rfc822" for part in seen.mail.parts):
        return True
    return bool(
        context
        and (
            seen.has("complaint") or any(part.type == "message/rfc822" for part in seen.mail.parts)
        )
    )


def _mailing(seen: Signs) -> bool:
    mail = seen.mail
    listed = {"list-id", "list-unsubscribe", "list-post"} & mail.headers.keys()
    return (
        bool(listed or seen.has("subscription"))
        and not seen.threading.by_recipient
        and not (mail.headers.get("in-reply-to") or mail.headers.get("references"))
        and not seen.has("human")
    )


def _left(seen: Signs) -> Judged | None:
    hit = seen.has("left")
    if not hit:
        return None
    if seen.machine < 2.5 and seen.has("human") and seen.count("left") < 2:
        return None
    return Judged(
        Kind.LEFT_OFFICE,
        f"it says “{hit.said}”",
        sure=seen.machine >= 2.5 or seen.count("left") > 1,
    )
