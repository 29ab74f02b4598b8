"""The proof sheet: every greeting, subject and first line of a mail-out on one sheet, the most
unusual people first, and every sentence of the letter with what it rests on.

Whoever approves an appeal reads what hundreds of people will read first. People who are addressed
by the same form stand together. A form that the data call unverified must be accepted here, by a
named person, before live mode sends it (`signoff.accept`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mailer.base.errors import MailerError, Problem
from mailer.base.problems import Scope, concerns, problem
from mailer.base.spelling import many
from mailer.contacts.contact import Contact
from mailer.contacts.upper_case import as_name
from mailer.letters.checks.statements import Claim, claims
from mailer.letters.render import Rendered, Renderer
from mailer.letters.wording.salutations import Form, Forms
from mailer.plan.signoff import Accepted


@dataclass(frozen=True, slots=True)
class Addressed:
    """One person on the proof sheet."""

    contact: Contact
    greeting: str
    closing: str
    subject: str
    first_line: str  # of the letter, below the greeting


@dataclass(frozen=True, slots=True)
class Group:
    """People who are addressed by the same form."""

    language: str
    pattern: str  # "Dear Ms {surname},"; "" for greetings that the sheets write out
    closing: str
    form: Form  # of the first of them
    people: tuple[Addressed, ...] = field(repr=False)
    accepted: str = ""  # by whom, where the form is unverified and somebody did

    @property
    def key(self) -> tuple[str, str, str]:
        """What a person accepts: language, greeting and closing, as the table words them."""
        return self.language, self.pattern, self.closing

    @property
    def waits(self) -> bool:
        """Live mode must not send this form yet."""
        return not self.form.verified and not self.accepted

    @property
    def note(self) -> str:
        """Say in a few words why this group stands where it stands."""
        if not self.pattern:
            return "written in the sheet"
        if self.waits:
            return "unverified: accept it or write another"
        if self.accepted:
            return f"unverified, accepted by {self.accepted}"
        return "neutral: gender or a part of the name is not given" if self.form.neutral else ""


@dataclass(frozen=True, slots=True)
class Proof:
    """The whole sheet."""

    groups: tuple[Group, ...]  # the most unusual first
    claims: tuple[
        Claim, ...
    ] = ()  # of the English letter, else of the first; none where there are no facts

    @property
    def greetings(self) -> int:
        """How many different forms there are."""
        return len(self.groups)

    @property
    def in_capitals(self) -> dict[str, str]:
        """Names that the sheets have in capitals, and how the letters write them."""
        people = [one.contact for group in self.groups for one in group.people]
        return {
            one.name: written
            for one in people
            if (written := as_name(one.name, one.delegation)) != one.name
        }

    @property
    def waiting(self) -> tuple[Group, ...]:
        return tuple(group for group in self.groups if group.waits)

    def problems(self) -> list[Problem]:
        """Return one problem for each form that live mode must not send yet (L501)."""
        return [
            problem(
                "L501",
                value=f"{group.language}: {group.people[0].greeting}",
                message=(
                    f"this form of address is unverified: {group.people[0].greeting}"
                    f" ({group.language}, {many(len(group.people), 'person', 'people')})"
                ),
                suggestion=(
                    "accept it on the proof sheet, or write another into"
                    " templates/_shared/salutations.csv"
                ),
            )
            for group in self.waiting
        ]


def proof(
    renderer: Renderer,
    forms: Forms,
    people: Iterable[tuple[Contact, str]],
    accepted: Sequence[Accepted],
) -> Proof:
    """Write everybody's letter and sort what they read first. `people` are (contact, language of
    the letter).
    """
    known = {(one.language, one.greeting, one.closing): one.by for one in accepted}
    found: dict[tuple[str, str, str], list[Addressed]] = {}
    first: dict[tuple[str, str, str], Form] = {}
    for contact, language in people:
        try:
            form = forms.greet(contact, language)
            letter = renderer.render(contact, language)
        except MailerError as fault:
            if concerns(
                fault.code, Scope.ROW
            ):  # nobody is greeted by a letter that they do not get
                continue
            raise
        key = (language, form.pattern, form.closing_pattern)
        first.setdefault(key, form)
        found.setdefault(key, []).append(
            Addressed(contact, form.greeting, form.closing, letter.subject, first_line(letter))
        )
    groups = [
        Group(*key, first[key], tuple(members), known.get(key, ""))
        for key, members in found.items()
    ]
    appeal = renderer.appeal
    shown = "en" if "en" in appeal.letters else next(iter(appeal.letters))
    return Proof(
        tuple(sorted(groups, key=_unusual)), tuple(claims(appeal, shown)) if appeal.facts else ()
    )


def _unusual(group: Group) -> tuple[bool, bool, bool, int, str]:
    """Written by hand first, then unverified, then neutral, and within each the rare before the
    usual.
    """
    return (
        bool(group.pattern),
        group.form.verified,
        not group.form.neutral,
        len(group.people),
        group.pattern,
    )


def first_line(letter: Rendered) -> str:
    """Return what stands below the greeting, cut where a line of print ends."""
    below = letter.text.partition(letter.greeting)[2].lstrip()
    line = below.split("\n", 1)[0]
    return line if len(line) <= 100 else line[:99].rstrip() + "…"


FEW = 8
"""Letters of a rehearsal, unless it takes more to show all that they say."""


def hardest(
    renderer: Renderer, forms: Forms, people: Sequence[tuple[Contact, str]], number: int | None
) -> list[tuple[Contact, str]]:
    """Choose the people whose letters differ most: other forms first, then other languages, roles
    and names. `number` is how many; None: `FEW`, or as many as show each sentence once.
    """
    sheet = proof(renderer, forms, people, ())
    languages = {id(contact): language for contact, language in people}
    queues = [sorted(group.people, key=lambda one: -_oddity(one.contact)) for group in sheet.groups]
    chosen: list[Contact] = []
    for turn in range(max(map(len, queues), default=0)):
        chosen += [queue[turn].contact for queue in queues if turn < len(queue)]
        if number is not None and len(chosen) >= number:
            break
    found = [(contact, languages[id(contact)]) for contact in chosen]
    return found[:number] if number is not None else _every_sentence(renderer, found)


def _every_sentence(
    renderer: Renderer, people: Sequence[tuple[Contact, str]]
) -> list[tuple[Contact, str]]:
    """Return the first `FEW` of these people, and whom it takes beside to show each sentence."""
    said = [set(renderer.render(contact, language).wording) for contact, language in people]
    chosen, shown = list(range(min(FEW, len(people)))), set().union(*said[:FEW])
    while more := set().union(*said) - shown:
        at = max(range(len(said)), key=lambda one: len(said[one] & more))
        chosen.append(at)
        shown |= said[at]
    return [people[at] for at in chosen]


def _oddity(contact: Contact) -> int:
    """Count what makes a name hard: length, letters beyond ASCII, punctuation, a title."""
    odd = sum(not char.isascii() or not (char.isalpha() or char == " ") for char in contact.name)
    return odd * 3 + len(contact.name) + 10 * bool(contact.title) + 5 * (contact.role == "chair")
