"""Who gets a letter of an appeal, and who does not and why: one decision for every row of every
sheet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from mailer.base.address import allowed
from mailer.base.errors import Refused
from mailer.base.states import WORDS, Position, Reason, State, Written
from mailer.contacts.contact import Contact
from mailer.contacts.holds import Holds
from mailer.letters.appeal import Appeal
from mailer.plan import heads
from mailer.plan.follow_up import FirstLetter, FirstLetters
from mailer.plan.heads import HeadLetter
from mailer.plan.where import Condition, Past


@dataclass(frozen=True, slots=True)
class Selection:
    """What a mail-out is narrowed to; empty means everyone."""

    delegations: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    where: str = ""  # a condition (`plan.where`); the appeal may have one of its own
    follows: str = ""  # the mail-out or appeal that is followed up; the appeal may say it, too
    people: frozenset[str] | None = (
        None  # address and person keys of a mail-out whose rest is tried again
    )
    again_refused: bool = True  # False: whom a server has refused at this very address is left out
    again_returned: bool = False  # True: also whose letter to this very address came back


EVERYONE = Selection()


@dataclass(frozen=True, slots=True)
class Decision:
    """What is decided about one contact: a letter in `language`, or left out for `reason`."""

    contact: Contact
    language: str
    fell_back: bool = False  # the person's own language has no letter
    reason: Reason | None = None
    detail: str = ""
    first: FirstLetter | None = None  # the letter that this one follows
    others: tuple[Contact, ...] = ()  # who shares the mailbox, and may be named in the letter, too
    head_letter: HeadLetter | None = None  # that of the delegation, where it gets one in common

    @property
    def to(self) -> Contact:
        """Whom the letter is to: the person, or the head of their delegation."""
        return self.head_letter.head if self.head_letter else self.contact

    @property
    def copies(self) -> tuple[Contact, ...]:
        """Who stands in Cc."""
        return self.head_letter.copies if self.head_letter else ()


Stands = Callable[[], Mapping[str, Position]]
"""Asks where people stand on the appeal, by person; only a condition that wants it has it asked."""


def not_told() -> Mapping[str, Position]:
    """Refuse a condition that asks where people stand, where nobody is known who reads that."""
    raise Refused(
        "Where members stand is asked for when you plan, and not in an appeal that others read.",
        hint='ask for it when you plan: mailer plan APPEAL --where "position is empty"',
    )


@dataclass(frozen=True)
class Before:
    """What the send log knows before a plan is made."""

    history: Sequence[Written] = ()
    past: Mapping[str, Sequence[Past]] = field(default_factory=dict)  # by address and person
    stands: Stands = not_told
    # the letters of late of all appeals, by address and person: which mail-out, and what day
    had: Mapping[str, Sequence[tuple[str, date]]] = field(default_factory=dict)
    first: FirstLetters | None = None  # what is followed up; None: nothing is


NOTHING_YET = Before()


@dataclass(frozen=True)
class Audience:
    """Everything that decides, apart from the contacts themselves."""

    appeal: Appeal
    holds: Holds
    allow: Sequence[str] | None = None  # the allow-list of test mode; None outside of it
    conditions: Sequence[Condition] = ()  # all of them hold for whoever gets a letter
    selection: Selection = EVERYONE
    before: Before = NOTHING_YET
    most: int = 0  # letters of late that one person may have had; 0: any number
    languages: Mapping[str, str] = field(
        default_factory=dict
    )  # delegation → language, as the workspace confirmed

    def decide(self, contacts: Iterable[Contact]) -> list[Decision]:
        """Return a decision for each contact, in their order."""
        everyone = list(contacts)
        namesakes = Counter(contact.person_key for contact in everyone)
        by_address, by_person = self._written()
        first_readers = heads.heads_of(everyone) if self.appeal.to_heads else {}
        decisions: list[Decision] = []
        for contact in everyone:
            alone = namesakes[contact.person_key] == 1
            before = by_address.get(contact.address_key) if contact.address else None
            if before is None and alone:  # the address was corrected since
                before = by_person.get(contact.person_key)
            reader = first_readers.get(contact.delegation, contact)
            decision = self._decide(contact, before, alone, reader.language)
            if decision.reason is Reason.SAME_ADDRESS and contact.person_key:
                self._share(
                    decisions,
                    decision,
                    before,
                    alone=alone,
                    known=contact.person_key in by_person,
                    language=reader.language,
                )
            else:
                decisions.append(decision)
        return heads.addressed(decisions, first_readers) if self.appeal.to_heads else decisions

    def _share(
        self,
        decisions: list[Decision],
        out: Decision,
        before: Written | None,
        *,
        alone: bool,
        known: bool,
        language: str,
    ) -> None:
        """Decide about somebody whose mailbox is another's, too: named in the letter that goes
        there, or written to where nobody else is. `known`: a letter was to this very person.
        """
        contact = replace(out.contact, skip=None, problem=None)
        own = self._decide(contact, before, alone, language)
        here = [
            at
            for at, one in enumerate(decisions)
            if one.reason is None and one.contact.address_key == contact.address_key
        ]
        if own.reason is not None:
            decisions.append(out if own.reason is Reason.ALREADY and not known else own)
        elif not here:
            decisions.append(own)
        else:
            letter = decisions[here[0]]
            named = {one.person_key for one in (letter.contact, *letter.others)}
            threads = [one.first.thread if one.first else () for one in (letter, own)]
            if (
                contact.person_key in named
                or letter.language != own.language
                or (threads[0] != threads[1] and not self.appeal.to_heads)
                or (self.appeal.to_heads and letter.contact.delegation != contact.delegation)
            ):
                decisions.append(out)
                return
            decisions[here[0]] = replace(letter, others=(*letter.others, contact))
            shared = Reason.SHARED
            decisions.append(replace(own, reason=shared, detail=letter.contact.name))

    def _written(self) -> tuple[dict[str, Written], dict[str, Written]]:
        """Index the history; what reached a person, or may have, outweighs what came back, and that
        a refusal.
        """
        by_address: dict[str, Written] = {}
        by_person: dict[str, Written] = {}
        for written in sorted(
            self.before.history, key=lambda one: (one.state is not State.REFUSED, one.returned)
        ):
            if written.address_key:
                by_address[written.address_key] = written
            if (
                written.state is not State.REFUSED
            ):  # a refusal speaks of an address, not of a person
                by_person[written.person] = written
        return by_address, by_person

    def _decide(
        self, contact: Contact, before: Written | None, alone: bool, language: str
    ) -> Decision:
        """Decide about one person; `language` is that of whom the letter is to."""
        preferences = [language, self.languages.get(contact.delegation, "")]
        letter = self.appeal.language_for([language for language in preferences if language])
        language, fell_back = letter or (language, False)
        fell_back = fell_back and contact.language not in self.appeal.letters

        def left_out(reason: Reason, detail: str = "") -> Decision:
            return Decision(contact, language, reason=reason, detail=detail)

        chosen = self.selection
        if chosen.delegations and contact.delegation not in chosen.delegations:
            return left_out(Reason.NOT_CHOSEN, "another delegation")
        if chosen.roles and contact.role not in chosen.roles:
            return left_out(Reason.NOT_CHOSEN, "another role")
        if chosen.people is not None and not chosen.people & {
            contact.address_key,
            contact.person_key,
        }:
            return left_out(Reason.NOT_CHOSEN, "not in the mail-out that is tried again")
        past = [
            one
            for key in (contact.address_key, contact.person_key)
            for one in self.before.past.get(key, ())
        ]
        for condition in self.conditions:
            if (why := condition.against(contact, past)) is not None:
                return left_out(Reason.NOT_CHOSEN, why)
        if contact.delegation in self.appeal.leave_out:
            return left_out(Reason.DELEGATION, self.appeal.leave_out[contact.delegation])
        if contact.skip is Reason.ROLE:
            return left_out(Reason.ROLE, contact.problem.message if contact.problem else "")
        if self.appeal.roles and contact.role and contact.role not in self.appeal.roles:
            return left_out(Reason.ROLE, contact.role)
        if hold := self.holds.match(contact):
            return left_out(Reason.ON_HOLD, hold.because)
        if contact.skip is not None:
            return left_out(contact.skip, contact.problem.message if contact.problem else "")
        if before is not None and before.state is not State.REFUSED:
            return left_out(Reason.ALREADY, f"{before.mail_out}, {WORDS[before.state]}")
        if before is not None and before.returned:
            if not chosen.again_returned:
                return left_out(Reason.RETURNED_BEFORE, before.mail_out)
        elif before is not None and not chosen.again_refused:
            return left_out(Reason.REFUSED_BEFORE, before.mail_out)
        first = None
        if (followed := self.before.first) is not None:
            first = followed.of(contact, alone=alone)
            if why_not := followed.against(contact, first, self.appeal.until):
                return left_out(*why_not)
        if self.most and len(had := self._had(contact, alone)) >= self.most:
            days = ", ".join(f"{name} on {day}" for name, day in had.items())
            return left_out(Reason.ENOUGH, days)
        if letter is None:
            return left_out(Reason.NO_LETTER, contact.language)
        if self.allow is not None and not allowed(contact.address, self.allow):
            return left_out(Reason.TEST_MODE)
        return Decision(contact, language, fell_back, first=first)

    def _had(self, contact: Contact, alone: bool) -> dict[str, date]:
        """Return the letters that somebody had of late: their mail-out, and the day."""
        keys = [contact.address_key, *([contact.person_key] if alone else [])]
        return dict(sorted(one for key in keys for one in self.before.had.get(key, ())))
