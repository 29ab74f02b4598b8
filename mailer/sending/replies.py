"""What a server's answer means: whom it concerns, why in plain words, and what is next for the letter.

Judged by the stage first, then by the enhanced code (RFC 3463), the basic code (RFC 5321 section 4.2) and its first
digit, with the server's words where codes say too little. The table below is read from the top; the first row that
fits decides. Where basic and enhanced code disagree in the first digit ("550 4.2.2"), the basic one is right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from mailer.base.states import About, Reason, Receipt, Stage, State

ENHANCED = re.compile(r"(?<![\w.])([245]\.\d{1,3}\.\d{1,3})(?!\w|\.\d)")


class Next(StrEnum):
    """What is next for this letter; `retry.next_try` turns it into a time."""

    NOTHING = "nothing"  # it is settled
    AGAIN = "again"  # after the recipient's back-off
    GREYLISTED = "greylisted"  # the same, but five minutes at least, and no sign of trouble
    PERSON = "person"  # unknown: somebody has to settle it


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement on one receipt."""

    state: State  # what becomes of the delivery: a 550 that concerns our settings leaves the person DEFERRED
    about: About
    reason: Reason | None  # None if accepted
    next: Next
    whole_domain: bool = False  # everyone at this domain will get the same answer: leave it alone for an hour
    at_once: bool = False  # about reputation, and one is enough to stop the mail-out
    used_up: bool = False  # about speed, and waiting a few minutes does not help: the account's share is used up


BLOCKED = r"spamhaus|dnsbl|\brbl\b|black ?list|block ?list|reputation|client host"
SPAM = rf"{BLOCKED}|spam|bulk|blocked|junk|unsolicited"
LIMIT = r"limit|quota|too many|throttl|exceed"
USED_UP = r"\bdaily\b.*(quota|limit)|(sending|message|submission) quota"
SEIZED = r"bad outbound sender|compromised|suspended|restricted"
GREYLISTED = r"gr[ea]y-?list"
NO_MAILBOX = r"user unknown|unknown user|no such (user|recipient|mailbox)|does(n.t| not) exist|mailbox not found"

ANY = frozenset(Stage)
HANDED = frozenset({Stage.BODY, Stage.MARK, Stage.DOT})  # where an answer to the letter itself can come
RCPT_DOT = HANDED | {Stage.RCPT, Stage.DATA}
MAIL = frozenset({Stage.MAIL})
RCPT = frozenset({Stage.RCPT})


@dataclass(frozen=True, slots=True)
class Row:
    """One row: where, which codes (regular expressions, empty = any) and words; and what it means."""

    stages: frozenset[Stage]
    enhanced: str
    code: str
    words: str
    about: About
    reason: Reason
    next: Next
    whole_domain: bool = False
    at_once: bool = False
    used_up: bool = False


R, S, C, P, B = About.RECIPIENT, About.SPEED, About.CONFIGURATION, About.REPUTATION, About.BUG
DONE, AGAIN, GREY = Next.NOTHING, Next.AGAIN, Next.GREYLISTED

TABLE: tuple[Row, ...] = (
    # the account: it may be in strangers' hands
    Row(ANY, r"5\.7\.1[34]", r"5..", "", C, Reason.POLICY, AGAIN),
    Row(ANY, r"5\.1\.8", r"5..", SEIZED, C, Reason.POLICY, AGAIN),
    # more than we may: slow down, or wait for the next window
    Row(ANY, r"4\.7\.12", r"432", "", C, Reason.POLICY, AGAIN),  # not speed: the password must be changed
    Row(ANY, "", r"45[0-4]", USED_UP, S, Reason.SLOW_DOWN, AGAIN, used_up=True),
    Row(ANY, "", r"421|432", "", S, Reason.SLOW_DOWN, AGAIN),
    Row(ANY, r"4\.3\.2|4\.4\.5|4\.5\.3|4\.7\.28", "", "", S, Reason.SLOW_DOWN, AGAIN),
    Row(ANY, "", r"4..", r"throttl|too many|too quickly|\brate\b", S, Reason.SLOW_DOWN, AGAIN),
    Row(ANY, r"5\.4\.5", r"5..", "", S, Reason.SLOW_DOWN, AGAIN, used_up=True),
    Row(ANY, r"5\.2\.0", r"554", "", S, Reason.SLOW_DOWN, AGAIN, used_up=True),
    Row(ANY, r"5\.7\.0", r"5..", LIMIT, S, Reason.SLOW_DOWN, AGAIN, used_up=True),
    # temporary, about the person
    Row(RCPT_DOT, "", r"45.", r"relay|authenticat", C, Reason.POLICY, AGAIN),
    Row(RCPT_DOT, "", r"4..", GREYLISTED, R, Reason.LATER, GREY),
    Row(RCPT_DOT, r"4\.7\.1", r"45[01]", "", R, Reason.LATER, GREY),
    Row(RCPT_DOT, r"4\.2\.2", "", "", R, Reason.MAILBOX_FULL, AGAIN),
    Row(RCPT_DOT, r"4\.2\.0", r"45[01]", "", R, Reason.LATER, GREY),
    Row(RCPT_DOT, r"4\.2\.[0-9]+|4\.1\.[0-69]", "", "", R, Reason.LATER, AGAIN),
    Row(RCPT_DOT, r"4\.1\.[78]", "", "", S, Reason.LATER, AGAIN),
    Row(RCPT, "", r"450", "", R, Reason.LATER, GREY),
    # temporary, about everyone
    Row(ANY, r"4\.7\.[0-9]+", "", "", S, Reason.SLOW_DOWN, AGAIN),
    Row(ANY, "", r"4..", "", S, Reason.LATER, AGAIN),
    # what will not fit, here or there
    Row(RCPT_DOT, r"5\.2\.3", "", "", R, Reason.TOO_BIG, DONE),
    Row(ANY, r"5\.3\.4", "", "", C, Reason.TOO_BIG, DONE),
    Row(ANY, "", r"552", r"size|too (big|large)", C, Reason.TOO_BIG, DONE),
    Row(MAIL, r"5\.6\.7", "", "", R, Reason.BAD_ADDRESS, DONE),
    # MAIL: our account and our sender address, whatever the words
    Row(MAIL, r"5\.5\.[0-9]+", "", "", B, Reason.OTHER, AGAIN),
    Row(MAIL, "", r"50[0-3]|555", "", B, Reason.OTHER, AGAIN),
    Row(MAIL, r"5\.7\.(2[0-6]|350)", "", "", P, Reason.SPAM, AGAIN),
    Row(MAIL, "", r"55[04]", SPAM, P, Reason.SPAM, AGAIN),
    Row(MAIL, "", r"5..", "", C, Reason.POLICY, AGAIN),
    # the same, from servers that speak of the sender at RCPT or at the dot
    Row(RCPT_DOT, r"5\.1\.[78]|5\.7\.27|5\.7\.60", "", "", C, Reason.POLICY, AGAIN),
    Row(RCPT_DOT, "", r"5..", r"sender.*(not owned|rejected|not allowed|not permitted)", C, Reason.POLICY, AGAIN),
    Row(RCPT, "", r"5..", r"relay|not permitted|authenticat", C, Reason.POLICY, AGAIN),
    Row(RCPT_DOT, "", r"53[0458]", "", C, Reason.POLICY, AGAIN),
    # for good, about the person
    Row(RCPT_DOT, "", r"55[06]", r"null ?mx", R, Reason.NO_MAILBOX, DONE, whole_domain=True),
    Row(RCPT_DOT, r"5\.1\.6", "", "", R, Reason.MOVED, DONE),
    Row(RCPT_DOT, r"5\.1\.([0-4]|10)|5\.2\.1", "", "", R, Reason.NO_MAILBOX, DONE),
    Row(RCPT_DOT, r"5\.2\.2", "", "", R, Reason.MAILBOX_FULL, DONE),
    Row(RCPT_DOT, r"5\.4\.[1467]", "", "", R, Reason.NO_MAILBOX, DONE, whole_domain=True),
    Row(RCPT_DOT, "", r"556", "", R, Reason.NO_MAILBOX, DONE, whole_domain=True),
    Row(RCPT_DOT, "", r"551", "", R, Reason.MOVED, DONE),
    Row(RCPT_DOT, "", r"552", "", R, Reason.MAILBOX_FULL, DONE),
    # our speech, our letter
    Row(ANY, r"5\.5\.[0-9]+", "", "", B, Reason.OTHER, AGAIN),
    Row(ANY, "", r"50[0-4]|555", "", B, Reason.OTHER, AGAIN),
    Row(ANY, r"5\.[36]\.[0-9]+", "", "", P, Reason.POLICY, DONE, at_once=True),
    Row(HANDED, "", r"554", r"conver", P, Reason.POLICY, DONE, at_once=True),
    # policy: at RCPT the person's server may not want us, at the dot the letter is judged
    Row(RCPT, "", r"55[04]", BLOCKED, P, Reason.SPAM, DONE),
    Row(RCPT, r"5\.7\.(2[0-6]|350)", "", "", P, Reason.SPAM, DONE),
    Row(RCPT, r"5\.7\.1", "", "", R, Reason.POLICY, DONE),
    Row(HANDED, r"5\.7\.([01]|2[0-6]|350)", "", "", P, Reason.SPAM, DONE),
    Row(HANDED, "", r"55[04]", SPAM, P, Reason.SPAM, DONE),
    Row(ANY, r"5\.7\.[0-9]+", "", "", P, Reason.POLICY, DONE),
    # no enhanced code, or one that says nothing
    Row(RCPT_DOT, "", r"5..", r"quota|mailbox.*full|full.*mailbox", R, Reason.MAILBOX_FULL, DONE),
    Row(RCPT_DOT, "", r"5..", NO_MAILBOX, R, Reason.NO_MAILBOX, DONE),
    Row(RCPT, "", r"55[013]", "", R, Reason.NO_MAILBOX, DONE),
    Row(HANDED, "", r"554", "", P, Reason.POLICY, DONE),
    Row(ANY, "", r"5..", "", R, Reason.OTHER, DONE),
)


def enhanced_code(text: str) -> str | None:
    """Find the enhanced code in a server's words: "5.1.1 <x@y.example>: no such user" → "5.1.1" (RFC 2034)."""
    found = ENHANCED.search(text)
    return found[1] if found is not None else None


def judge(receipt: Receipt) -> Verdict:
    """Say what one answer means. Silence before the dot is the line's; after it, a person settles the letter."""
    if receipt.state is State.ACCEPTED:
        return Verdict(State.ACCEPTED, About.RECIPIENT, None, Next.NOTHING)
    if receipt.state is State.UNKNOWN:
        return Verdict(State.UNKNOWN, About.LINE, Reason.BROKE_AFTER_DOT, Next.PERSON)
    row = next(_rows(receipt), None)
    if row is None:
        return Verdict(State.DEFERRED, About.LINE, Reason.LINE, Next.AGAIN)
    settled = row.next is Next.NOTHING and receipt.state is State.REFUSED
    return Verdict(
        state=State.REFUSED if settled else State.DEFERRED,
        about=row.about,
        reason=row.reason,
        next=Next.NOTHING if settled else Next.AGAIN if row.next is Next.NOTHING else row.next,
        whole_domain=row.whole_domain,
        at_once=row.at_once,
        used_up=row.used_up,
    )


def _rows(receipt: Receipt) -> Iterator[Row]:
    code, enhanced = str(receipt.code or ""), receipt.enhanced or ""
    if enhanced and code:
        enhanced = code[0] + enhanced[1:]
    for row in TABLE:
        if (
            receipt.stage in row.stages
            and (not row.code or re.fullmatch(row.code, code))
            and (not row.enhanced or re.fullmatch(row.enhanced, enhanced))
            and (not row.words or re.search(row.words, receipt.text, re.IGNORECASE))
        ):
            yield row
