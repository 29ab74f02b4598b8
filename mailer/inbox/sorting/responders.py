"""What responders send: away, acknowledgements, closed mailboxes, and letters that wait until we
answer.
"""

from __future__ import annotations

import re
from datetime import date

from mailer.inbox.kinds import InboxKind as Kind
from mailer.inbox.kinds import Judged
from mailer.inbox.sorting.dates import dates_in, month_of
from mailer.inbox.sorting.rules import plain
from mailer.inbox.sorting.signs import LINK, REFERENCE, Signs


def automatic_answer(seen: Signs) -> Judged | None:
    """Judge an automatic answer by what it says."""
    away, receipt, closed = seen.has("away", "absent"), seen.has("receipt"), seen.has("hard")
    titled = seen.titled("automatic")
    if away:
        return Judged(Kind.AWAY, f"an automatic answer ({seen.why}) that says “{away.said}”")
    if closed and not seen.has("human"):
        return Judged(
            Kind.RETURNED_HARD, f"a mailbox that nobody reads: “{closed.said}”", sure=False
        )
    if (
        seen.human >= 1.5
        and not titled
        and not seen.has("automatic")
        and not seen.titled("receipt")
    ):
        return None
    if (
        titled
        and not seen.titled("receipt")
        and not seen.has("automatic")
        and dates_in(seen.words.own, date(2000, 1, 1))
        and not REFERENCE.search(seen.plain_subject)
    ):
        return Judged(Kind.AWAY, f"{seen.why}, and it names a date", sure=False)
    if receipt or seen.titled("receipt"):
        words = receipt.said if receipt else seen.plain_subject
        return Judged(
            Kind.RECEIPT,
            f"an automatic answer ({seen.why}) that says “{words[:90]}”",
        )
    if later := seen.has("later"):
        return Judged(
            Kind.AWAY if dates_in(seen.words.own, date(2000, 1, 1)) else Kind.RECEIPT,
            f"an automatic answer that says “{later.said}”",
            sure=False,
        )
    if titled and not seen.has("human"):
        kind = (
            Kind.RECEIPT
            if seen.has("automatic") and not dates_in(seen.words.own, date(2000, 1, 1))
            else Kind.AWAY
        )
        return Judged(kind, f"{seen.why}; what it says is not understood", sure=False)
    replied = seen.mail.header("auto-submitted").casefold().startswith("auto-replied")
    if replied and not seen.has("human") and seen.threading.by_recipient:
        if dates_in(seen.words.own, date(2000, 1, 1)):
            return Judged(Kind.AWAY, f"{seen.why}, and it names a date", sure=False)
        if seen.mail.header("return-path").strip() == "<>" and not seen.human:
            return Judged(Kind.RECEIPT, f"{seen.why}; what it says is not understood", sure=False)
    if seen.has("automatic") and not seen.has("human"):
        return Judged(Kind.RECEIPT, f"{seen.why}; what it says is not understood", sure=False)
    return None


_BUT = re.compile(
    r"\b(but|however|aber|trotzdem|dennoch|jedoch|mais|toutefois|pero|mas|maar|toch|men|mutta|"
    r"kuid|aga|bet|tačiau|taciau|ale|lecz|jednak|avsak|ampak|vendar|ali|но|але|однако|проте|"
    r"сепак|ama|ancak|fakat|amma|αλλα|ομως|azonban|viszont|insa|totusi|megjithate|բայց|მაგრამ|"
    r"imma|ach|mee|(?<=[,.;:] )ma)\b"  # "má" is Icelandic for may
)
"""But: a responder has nothing to set against that somebody is away."""


def bare_answer(seen: Signs) -> Judged | None:
    """Judge what carries no sign of a machine but its words: few, of the kind that responders
    write, and of no other.
    """
    mail, words = seen.mail, seen.words
    if seen.human >= 1.5 or seen.has("human", "letter") or words.attributed or len(seen.own) > 700:
        return None
    away, receipt, closed = seen.has("away"), seen.has("receipt"), seen.has("hard")
    if _BUT.search(seen.own):
        return None
    dated = bool(dates_in(words.own, date(2000, 1, 1)))
    if away and (seen.count("away") > 1 or dated) and not _speaks_of(seen):
        return Judged(
            Kind.AWAY, f"it says “{away.said}” and nothing else, as responders do", sure=False
        )
    if seen.threading.by_recipient:
        return None
    if closed and seen.machine >= 2:
        return Judged(
            Kind.RETURNED_HARD, f"a mailbox that nobody reads: “{closed.said}”", sure=False
        )
    numbered = seen.titled("receipt") or bool(REFERENCE.search(f"{seen.plain_subject} {seen.own}"))
    if receipt and numbered and (seen.titled("receipt") or not mail.headers.get("in-reply-to")):
        return Judged(Kind.RECEIPT, f"it says “{receipt.said}” with a number", sure=False)
    return None


def _speaks_of(seen: Signs) -> bool:
    """Tell whether own words take up our letter's subject: a responder has not read it."""
    ours = {
        word
        for letter in seen.threading.letters
        for word in re.findall(r"[^\W\d]{5,}", plain(letter.subject))
        if not month_of(word)
    }
    return bool(ours & set(re.findall(r"\w{5,}", seen.own)))


def challenge_in(seen: Signs) -> Judged | None:
    hit = seen.has("challenge")
    if not hit or seen.human >= 3 or seen.has("human"):
        return None
    if seen.has("subscription") and not seen.threading.letters:
        return None
    linked = bool(LINK.search(seen.words.own))
    if (
        seen.titled("challenge")
        or seen.count("challenge") > 1
        or (linked and not seen.has("away"))
        or (seen.machine >= 2 and not seen.has("away", "receipt"))
    ):
        return Judged(
            Kind.CHALLENGE,
            f"the letter waits until we answer: “{hit.said}”",
            sure=seen.count("challenge") > 1 or linked,
        )
    return None
