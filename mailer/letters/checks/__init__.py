"""What is looked for in letters before anybody's letter is made: this module has the whole list.

`check_letters` finds all of it; `ready` refuses what no plan may be made of. What only the letters
of real people show is found in `plan.per_person`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import get_args

from mailer.base import clock
from mailer.base.delegations import Delegations
from mailer.base.errors import MailerError, Problem, Severity
from mailer.base.problems import problem
from mailer.base.settings.tables import Sender
from mailer.contacts.contact import Contact
from mailer.letters import placeholders
from mailer.letters.appeal import Appeal, Letter
from mailer.letters.appeal_toml import Credentials
from mailer.letters.attachments import personal
from mailer.letters.checks import style, twins
from mailer.letters.placeholders import body_of
from mailer.letters.render import Renderer, unusable
from mailer.letters.render.theirs import Owners
from mailer.letters.wording.salutations import Forms


def ready(
    appeal: Appeal,
    sender: Sender,
    delegations: Delegations,
    forms: Forms,
    columns: Collection[str] = (),
    owners: Owners | None = None,
) -> Renderer:
    """Return the letters, ready to be filled in.

    Raises `MailerError` with what refuses a plan: all that cannot be filled in, else all that one
    language says and another does not.
    """
    renderer = Renderer(appeal, sender, delegations, forms, columns, owners)
    if late := list(over(appeal)):
        raise unusable(appeal, late)
    if differ := [one for one in _compared(appeal) if one.severity is Severity.ERROR]:
        raise unusable(appeal, differ)
    return renderer


def check_letters(
    appeal: Appeal,
    sender: Sender,
    delegations: Delegations,
    forms: Forms,
    columns: Collection[str] = (),
) -> list[Problem]:
    """Return everything that is wrong in the letters: what stands in them, and what comes of it for
    made-up people.

    The made-up people are women, men and people of unknown gender in every role, with every cell
    filled in. They have no files of their own: whether those are there is seen on the letters of
    real people.
    """
    common = tuple(pattern for pattern in appeal.attachments if not personal(pattern))
    try:
        renderer = Renderer(appeal, sender, delegations, forms, columns)
    except MailerError as fault:
        # What cannot be read cannot be compared; what waits to be written is seen all the same.
        return [*over(appeal), *fault.problems, *style.unwritten(appeal)]
    found: dict[Problem, None] = {}
    for case in _cases(replace(appeal, attachments=common)):
        if case != appeal:
            renderer = Renderer(case, sender, delegations, forms, columns)
        for letter in appeal.letters.values():
            for contact in samples(appeal, columns):
                try:
                    renderer.render(contact, letter.language)
                except MailerError as fault:
                    # The file at fault is the letter, not the sheet of a person who does not exist.
                    found |= {_at_letter(one, letter): None for one in fault.problems}
    return [*over(appeal), *found, *style.warnings(appeal), *_compared(appeal)]


def _compared(appeal: Appeal) -> list[Problem]:
    """Return what one language says and another does not, or that this takes too long to find
    (L226).
    """
    try:
        return twins.check(appeal)
    except MailerError as fault:
        folder = f"templates/{appeal.name}"
        return [replace(one, file=one.file or folder) for one in fault.problems]


def over(appeal: Appeal) -> Iterator[Problem]:
    """Yield a problem (L132) where the last day of an appeal, or the vote, is over."""
    for key, day in (
        ("last_day", appeal.last_day),
        ("vote", appeal.session and appeal.session.vote),
    ):
        if day and clock.now() >= clock.end_of(day, appeal.zone):
            file = f"templates/{appeal.name}/appeal.toml"
            before = re.split(rf"(?m)^\s*{key}\s*=", appeal.text[file])[0]
            yield problem("L132", file, row=before.count("\n") + 1, value=f"{key} = {day}")


def _cases(appeal: Appeal) -> Iterator[Appeal]:
    """Yield the appeal, and as it would be in the other cases that its letters ask about."""
    yield appeal
    asked = any(
        "session.credentials" in placeholders.words_used(body_of(one))
        for one in appeal.letters.values()
    )
    if appeal.session and asked:
        for case in get_args(Credentials):
            if case != appeal.session.credentials:
                yield replace(appeal, session=replace(appeal.session, credentials=case))


def samples(appeal: Appeal, columns: Collection[str]) -> Iterator[Contact]:
    """Yield made-up people, in whose place no real one has to stand."""
    for role in appeal.roles:
        for gender in ("f", "m", ""):
            yield Contact(
                file="",
                sheet=None,
                row=0,
                delegation="NO",
                role=role,
                name="Anna Berg",
                given="Anna",
                surname="Berg",
                title="Dr",
                gender=gender,
                address="anna.berg@no.example",
                chamber="deputy",
                group="SOC",
                vocative="Анно",
                extra=dict.fromkeys(columns, "Example"),
            )


def _at_letter(problem: Problem, letter: Letter) -> Problem:
    if problem.file:
        return problem
    return replace(
        problem, file=letter.file, row=letter.body_line, column=None, value=problem.column or ""
    )
