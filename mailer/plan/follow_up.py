"""Follow-up letters: whose first letter is followed, in its thread, and who is left alone, and why.

A follow-up is an appeal of its own. Its letters say `Subject: Re:`, and the subject of each
person's first letter is put behind that: "Re:" in every language, since mail programs know it, and
others ("AW:", "SV:") break the thread (RFC 5322 section 3.6.5).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple

from mailer.base.errors import Problem
from mailer.base.problems import problem
from mailer.base.states import WORDS, Reason, State
from mailer.contacts.contact import Contact
from mailer.letters.appeal import Appeal
from mailer.plan.where import FACTS

AGAIN = "Re:"
_AGAIN = re.compile(rf"\s*{AGAIN}\s*", re.IGNORECASE)
_MAIL_OUT = re.compile(r"M-\d+", re.IGNORECASE)
_NO_MORE = FACTS["objected"] | FACTS["left office"]


@dataclass(frozen=True, slots=True)
class FirstLetter:
    """A letter that a follow-up may follow."""

    mail_out: str  # M-0001
    person: str
    address_key: str
    state: State
    thread: tuple[str, ...] = ()  # Message-IDs, the oldest first, its own last
    subject: str = ""


class CameBack(NamedTuple):
    """One message from or about a person."""

    kind: str  # `inbox.kinds`
    sure: bool  # False: nobody has sorted it yet
    until: date | None  # away: when they come back
    mail_out: str  # M-0001, of the letter that it belongs to
    in_thread: bool  # that letter is of the mail-outs that are followed, or follows them


@dataclass(frozen=True)
class FirstLetters:
    """The letters of what is followed, and what came back from anybody."""

    follows: str  # M-0001, or an appeal
    letters: Sequence[FirstLetter] = ()
    came: Mapping[str, Sequence[CameBack]] = field(default_factory=dict)  # by address and person
    appeals: frozenset[str] = frozenset()  # of the whole thread
    settled: Container[str] = ()  # the people who have said where they stand
    _by_person: dict[str, list[FirstLetter]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        by_person: dict[str, list[FirstLetter]] = defaultdict(list)
        for one in self.letters:
            by_person[one.person].append(one)
        object.__setattr__(self, "_by_person", by_person)

    def of(self, contact: Contact, *, alone: bool) -> FirstLetter | None:
        """Return the letter that this very person had; `alone`: nobody else of the delegation has
        their name. A letter to another person of the same mailbox is none.
        """
        theirs = self._by_person.get(contact.person_key, [])
        here = [one for one in theirs if one.address_key == contact.address_key]
        found = here or (theirs if alone and len({one.address_key for one in theirs}) == 1 else [])
        accepted = [one for one in found if one.state is State.ACCEPTED]
        return next(reversed(accepted or found), None)

    def against(
        self, contact: Contact, first: FirstLetter | None, end: datetime | None
    ) -> tuple[Reason, str] | None:
        """Return why somebody gets no follow-up, None for who gets one. `end` is when sending
        ends.
        """
        if first is None:
            return Reason.NO_FIRST_LETTER, f"no letter in {self.follows}"
        if first.state is not State.ACCEPTED:
            return Reason.NO_FIRST_LETTER, f"{first.mail_out}, {WORDS[first.state]}"
        if not first.thread:
            return Reason.NO_FIRST_LETTER, f"{first.mail_out}, and it was erased"
        keys = {contact.address_key, first.address_key, contact.person_key} - {""}
        came = [one for key in keys for one in self.came.get(key, ())]
        for one in came:
            if one.kind in _NO_MORE:
                return Reason.NO_MORE, one.mail_out
        for one in came:
            if one.in_thread and one.kind in FACTS["returned"]:
                return Reason.CAME_BACK, one.mail_out
        for one in came:
            if one.in_thread and one.kind in FACTS["replied"]:
                return Reason.ANSWERED, one.mail_out
        for one in came:
            if one.in_thread and not one.sure:
                return Reason.ANSWERED, f"{one.mail_out}, and nobody has sorted it yet"
        if (contact.person_key or contact.address_key) in self.settled:
            return Reason.ANSWERED, ""
        for one in came:
            if one.kind in FACTS["away"] and is_beyond(one.until, end):
                return Reason.AWAY, f"back on {one.until}, said to {one.mail_out}"
        return None


def is_beyond(until: date | None, end: datetime | None) -> bool:
    """Whether somebody is back only after the last day on which letters are sent."""
    return until is not None and end is not None and until > (end - timedelta.resolution).date()


def answered(subject: str) -> str:
    """Return the subject that stands behind "Re:", without one of its own."""
    return _AGAIN.sub("", subject, count=1) if _AGAIN.match(subject) else subject


def lacking(appeal: Appeal, follows: str = "") -> Iterator[Problem]:
    """Yield what an appeal lacks to be a follow-up, or, where it is none, what only one may have
    (L135). `follows` is what was asked for; without it, what the appeal says.
    """
    again = {key: one for key, one in appeal.letters.items() if _is_again(one.subject)}
    follows = follows or appeal.follows
    file = f"templates/{appeal.name}/appeal.toml"
    for language, one in appeal.letters.items():
        if follows and language not in again:
            hint = f"write: Subject: {AGAIN}"
            message = "a follow-up goes on under the subject of the first letter"
        elif not follows and language in again:
            hint = f'in {file}, under [audience], write: follows = "APPEAL"; or plan with --follows'
            message = "this is the subject of a follow-up letter, and nothing says what it follows"
        else:
            continue
        yield problem(
            "L135", one.file, row=one.subject_line, value=one.subject, message=message,
            suggestion=hint,
        )  # fmt: skip
    if appeal.follows and not _is_there(appeal):
        message = "there is no other appeal of this name that could be followed"
        hint = "name the folder of the first letters' appeal, or their mail-out, like M-0001"
        yield problem("L135", file, value=appeal.follows, message=message, suggestion=hint)
    if follows and appeal.until is None:
        message = "a follow-up needs an end: nothing goes out after the vote"
        hint = "write the hour of the vote under [session], or the last day: last_day = 2027-01-25"
        yield problem("L135", file, value=follows, message=message, suggestion=hint)
    if follows and appeal.on_paper:
        message = "a follow-up goes on in the thread of a mail; it is no letter on paper"
        hint = "take pdf out of [letter]"
        yield problem("L135", file, value="pdf = true", message=message, suggestion=hint)


def _is_again(subject: str) -> bool:
    return _AGAIN.fullmatch(subject) is not None


def _is_there(appeal: Appeal) -> bool:
    if _MAIL_OUT.fullmatch(appeal.follows):
        return True
    others = (path.name for path in (appeal.root / "templates").glob("*/"))
    return appeal.follows != appeal.name and appeal.follows in others


def names(mail_outs: Iterable[tuple[str, str]], but: str) -> list[str]:
    """Name what an appeal may follow: other appeals, and their mail-outs. `mail_outs` are pairs of
    name and appeal.
    """
    others = [(name, appeal) for name, appeal in mail_outs if appeal != but]
    return [*dict.fromkeys(appeal for _, appeal in others), *(name for name, _ in others)]
