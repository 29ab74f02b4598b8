"""What servers send: delivery reports, notices about reading, abuse reports, and texts that only
say so.

What says that somebody is away is never returned, whoever seems to send it and however it is
wrapped.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from mailer.inbox.kinds import InboxKind as Kind
from mailer.inbox.kinds import Judged
from mailer.inbox.mail.parts import Mail
from mailer.inbox.mail.quotes import returned_copy
from mailer.inbox.sorting import reports
from mailer.inbox.sorting.dates import dates_in
from mailer.inbox.sorting.responders import challenge_in
from mailer.inbox.sorting.rules import Hit, plain, rules
from mailer.inbox.sorting.signs import REPLY, Signs, is_daemon

_SERVERS_SAY = {"returned", "hard", "full", "policy", "soft", "given_up", "delayed"}
_SERVERS_WRITE = re.compile(r"@|(?<!\d)[45]\d\d(?!\d)|(?<![\d.])[45]\.\d\.\d")
"""What a return names: an address, a code."""


def by_structure(seen: Signs, has_sent: bool) -> Judged | None:
    """Judge what is known by its structure: reports of servers, notices about reading, abuse
    reports.
    """
    mail, threading = seen.mail, seen.threading
    if threading.own:
        return Judged(Kind.UNRELATED, "it is our own letter, come back as it was")
    if mail.feedback or "feedback-report" in mail.type:
        return Judged(
            Kind.COMPLAINT, f"a feedback report: {mail.feedback.get('feedback-type', 'abuse')}"
        )
    if (
        seen.titled("report")
        or "tlsrpt" in mail.type
        or (seen.subject and any(h.group == "report" for h in seen.subject) and mail.parts)
    ):
        return Judged(Kind.UNRELATED, "a report about our domain")
    if mail.disposition or "disposition-notification" in mail.type:
        away = seen.has("away")
        if away and not seen.titled("read"):
            return Judged(Kind.AWAY, f"it says “{away.said}”, wrapped as a notice about reading")
        done = (
            mail.disposition.get("disposition", "").rpartition(";")[2].strip()
            or "a notice about reading"
        )
        return Judged(Kind.READ_NOTICE, f"a notice about reading: {done}")
    text, copy = returned_copy(mail.text)
    if mail.recipients or "delivery-status" in mail.type:
        return _delivery_report(seen, text, has_sent)
    if _voice_of_a_server(seen, bool(copy)):
        return _server_speaks(seen, text, has_sent, bool(copy))
    return None


def _delivery_report(seen: Signs, text: str, has_sent: bool) -> Judged:
    mail = seen.mail
    if has_sent and not seen.threading.letters and seen.threading.strange:
        return Judged(Kind.UNRELATED, "a report on a letter that is none of ours")
    done = reports.actions(mail)
    said = f"{text}\n{' '.join(block.get('diagnostic-code', '') for block in mail.recipients)}"
    hits = rules().phrases.find(plain(said[:12_000]))
    if away := _away_in_report(seen, hits, said):
        return Judged(Kind.AWAY, f"a report that says “{away.said}”: the letter is in the mailbox")
    if any(one.startswith("fail") for one in done) or (
        not done
        and mail.recipients
        and not mail.recipients[0].get("status", "5").startswith(("2", "4"))
    ):
        kind, why = reports.why_returned(mail, text, hits)
        return Judged(kind, f"a delivery report says failed: {why}")
    if any(one.startswith("delay") for one in done):
        return Judged(Kind.DELAYED, "a delivery report says delayed")
    if any(one.startswith(("deliver", "relay", "expand")) for one in done):
        return Judged(Kind.DELIVERED_NOTICE, f"a delivery report says {done[0]}")
    return _server_speaks(seen, text, has_sent, copy=True)


def _away_in_report(seen: Signs, hits: list[Hit], said: str) -> Hit | None:
    """Find that somebody is away in what a server says. Its own answer that an address is unknown
    speaks louder.
    """
    away = next((hit for hit in hits if hit.group == "away"), None)
    if (
        away is None
        or any(one.startswith("delay") for one in reports.actions(seen.mail))
        or re.search(r"(?<!\d)5\d\d[ -]#?5\.\d\.\d|(?<!\d)55\d[ -]|\b5\.1\.\d\b", said)
    ):
        return None
    if (
        seen.titled("automatic")
        or seen.count("away") > 1
        or dates_in(seen.words.own, date(2000, 1, 1))
        or away.language != "en"
    ):
        return away
    return None


def _voice_of_a_server(seen: Signs, copy: bool) -> bool:
    """Tell whether a text without the parts of a report is a server's all the same."""
    mail = seen.mail
    if seen.human >= 3 and "x-failed-recipients" not in mail.headers:
        return False
    local = mail.sender[1].partition("@")[0].casefold()
    titled = seen.titled("returned") or seen.titled("delayed") or seen.titled("delivered")
    speaks = seen.has("returned", "delayed", "hard", "full")
    if not copy and not speaks and challenge_in(seen):
        return False
    daemon = (
        is_daemon(local, rules()) or "x-failed-recipients" in mail.headers or not mail.sender[1]
    )
    if daemon:
        return bool(titled or speaks or copy or reports.told(mail.text[:6_000]))
    if copy and (titled or speaks):
        return True
    if seen.threading.by_recipient:
        return False
    nobody = seen.machine >= 2
    if titled and (speaks or nobody) and (nobody or not _has_a_person(mail)):
        return not REPLY.match(plain(mail.header("subject"))) or nobody
    return bool(
        seen.has("returned", "delayed")
        and (seen.has("hard", "full", "policy", "soft") or nobody)
        and (nobody or not _has_a_person(mail))
        and not seen.has("away", "left", "challenge")
    )


def _has_a_person(mail: Mail) -> bool:
    """Tell whether the sender looks like somebody: a name in From of which the address has a part,
    or a reply.
    """
    name, address = mail.sender
    local = plain(address.partition("@")[0])
    if rules().words("systems") & set(re.split(r"[^a-z]+", local)):
        return bool(mail.headers.get("in-reply-to"))
    parts = [word for word in re.findall(r"\w{3,}", plain(name)) if word in local]
    return bool(
        mail.headers.get("in-reply-to")
        or mail.headers.get("references")
        or (len(name.split()) > 1 and parts)
    )


def _server_speaks(seen: Signs, text: str, has_sent: bool, copy: bool) -> Judged:
    mail = seen.mail
    if has_sent and not seen.threading.related and (seen.threading.strange or not copy):
        return Judged(Kind.UNRELATED, "it speaks of no letter of ours")
    hits = rules().phrases.find(plain(text[:12_000]))
    groups = {hit.group for hit in hits}
    if away := _away_in_report(seen, hits, text):
        return Judged(Kind.AWAY, f"it says “{away.said}”, whoever seems to send it")
    gone = "given_up" in groups
    late = next((hit for hit in hits if hit.group == "delayed"), None)
    if (seen.titled("delayed") and not gone) or (
        late and not gone and not seen.titled("returned") and not {"hard"} & groups
    ):
        return Judged(
            Kind.DELAYED,
            f"a server says “{late.said}”" if late else "its subject says that it is late",
        )
    if (seen.titled("delivered") and "returned" not in groups) or (
        "arrived" in groups and not {"returned", "hard"} & groups
    ):
        return Judged(Kind.DELIVERED_NOTICE, "a server says that it arrived")
    left = next((hit for hit in hits if hit.group == "left"), None)
    if left and not copy and not is_daemon(mail.sender[1].partition("@")[0].casefold(), rules()):
        return Judged(Kind.LEFT_OFFICE, f"it says “{left.said}”")
    if not copy and not groups & _SERVERS_SAY and not _SERVERS_WRITE.search(text):
        after = (mail.arrived() or datetime.now(UTC)).date()
        if any(one >= after for one in dates_in(text, after)):
            why = "its subject is that of a return, and its text names a day to come and no reason"
            return Judged(Kind.AWAY, why, sure=False)
    kind, why = reports.why_returned(mail, text, hits)
    return Judged(kind, f"a server gives the letter back: {why}", sure=copy or "returned" in groups)
