"""Everything that could go wrong, before it does: settings, sheets, hold list, letters, and what
keeps an appeal from real people.

Nothing is written or sent. Letters are looked at as real people would get them, in test mode too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mailer.base.delegations import Delegations
from mailer.base.errors import MailerError, Problem, Severity
from mailer.base.problems import part_of, problem
from mailer.base.settings.unfilled import unfilled, unsaid
from mailer.base.settings.workspace import Workspace
from mailer.contacts import hold_list
from mailer.contacts.book import ContactBook
from mailer.contacts.holds import Holds
from mailer.letters import appeal_files as appeals
from mailer.letters import markup
from mailer.letters.appeal import Appeal, Letter
from mailer.letters.checks import check_letters, metadata, spam
from mailer.letters.checks.metadata import FileTells
from mailer.letters.placeholders import blanked
from mailer.letters.render import Rendered, Renderer
from mailer.letters.render.theirs import Owners
from mailer.plan import follow_up, heads, per_person
from mailer.plan.audience import Decision
from mailer.plan.draft import Draft, read_contacts, without_letter
from mailer.plan.where import NotUnderstood

if TYPE_CHECKING:
    from mailer.letters.checks.link_targets import LinkAnswer


@dataclass(frozen=True, slots=True)
class CheckedAppeal:
    """What is wrong with one appeal."""

    name: str
    problems: tuple[Problem, ...]
    appeal: Appeal | None = None  # None where it cannot be read
    # what keeps it from real people; None: not known before the letters are right
    obstacles: tuple[Problem, ...] | None = None
    spam: Mapping[str, float] = field(default_factory=dict)  # language → points of SpamAssassin
    asked: tuple[LinkAnswer, ...] = ()  # what the network was asked, and what it said
    files: tuple[FileTells, ...] = ()  # what goes along, who made it, and what else it tells


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check has found, in the order in which it is said."""

    sheets: tuple[Problem, ...]  # of the settings, the sheets and the hold list
    appeals: tuple[CheckedAppeal, ...]
    files: int  # contact sheets
    people: int
    reachable: int  # of these, with an address that could be written to
    delegations: int  # members with somebody in the sheets
    members: int
    held: int

    @property
    def problems(self) -> list[Problem]:
        return [*self.sheets, *(one for appeal in self.appeals for one in appeal.problems)]


def check(
    workspace: Workspace,
    names: Sequence[str] | None = None,
    *,
    online: bool = False,
    people: tuple[Delegations, ContactBook, Holds] | None = None,
) -> Checked:
    """Look through a workspace and these appeals, or all of them.

    `online` also asks the network whether the links of the letters lead somewhere; `people` are the
    sheets and the hold list where somebody has read them already. Raises `UsageError` where there
    is no such appeal.
    """
    delegations, book, holds = people or read_contacts(workspace)
    wanted = appeals.names(workspace.root) if names is None else names
    seated = {contact.delegation for contact in book.contacts}
    return Checked(
        sheets=(
            *unfilled(workspace),
            *unsaid(workspace),
            *book.problems,
            *holds.problems,
            *hold_list.doubts(holds, book),
        ),
        appeals=tuple(
            _appeal(workspace, name, (delegations, book, holds), online) for name in wanted
        ),
        files=len(book.files),
        people=len(book.contacts),
        reachable=sum(contact.skip is None for contact in book.contacts),
        delegations=sum(member.code in seated for member in delegations.members),
        members=len(delegations.members),
        held=len(holds),
    )


def _appeal(
    workspace: Workspace,
    name: str,
    people: tuple[Delegations, ContactBook, Holds],
    online: bool,
) -> CheckedAppeal:
    faults: list[Problem] = []
    appeal = appeals.load_appeal(workspace.root, name, people[0], faults=faults)
    now = Draft(workspace, "live", appeal, *people)
    if faults:
        try:
            more = check_letters(
                appeal, workspace.settings.sender, now.delegations, now.forms, now.columns
            )
        except MailerError as fault:
            more = list(fault.problems)
        faults += [one for one in more if _stands_alone(one, faults)]
        return CheckedAppeal(name, tuple(faults))
    unread = []
    try:
        decisions = now.decide()
    except NotUnderstood as fault:
        unread = [_condition(appeal, fault)]
        decisions = replace(now, appeal=replace(appeal, where="")).decide()
    found = unread + check_letters(
        appeal, workspace.settings.sender, now.delegations, now.forms, now.columns
    )
    usable = not any(one.severity is Severity.ERROR for one in found)
    points: dict[str, float] = {}
    asked: list[LinkAnswer] = []
    if usable:
        letters, in_rows = per_person.written(now.renderer, decisions)
        found += [*in_rows, *per_person.alike(letters, f"templates/{name}")]
        points, advice = _spam(now, letters)
        found += advice
        if online:
            asked, unsure = _links(appeal, letters)
            found += unsure
    else:
        found += _rows_of_right_letters(now, found, decisions)
    found += [
        *follow_up.lacking(appeal),
        *without_letter(appeal, decisions),
        *now.heads_lacking(decisions),
        *heads.other_languages(decisions, appeal.letters),
        *per_person.fallen_back(appeal, decisions),
        *per_person.other_greetings(decisions),
        *per_person.dropped_titles(now.forms, decisions),
        *per_person.not_sitting(appeal, now.delegations, decisions),
    ]
    obstacles = tuple(now.obstacles()) if usable else None
    files = tuple(metadata.files(appeal))
    return CheckedAppeal(name, tuple(found), appeal, obstacles, points, tuple(asked), files)


def _rows_of_right_letters(
    now: Draft, found: Sequence[Problem], decisions: Sequence[Decision]
) -> list[Problem]:
    """Return what rows lack for the letters that can be filled in, while others cannot."""
    appeal = now.appeal
    errors = [one for one in found if one.severity is Severity.ERROR]
    wrong = {one.file for one in errors if part_of(one.code) != "twins"}
    right = {key: one for key, one in appeal.letters.items() if one.file not in wrong}
    try:
        renderer = Renderer(
            replace(appeal, letters=right),
            now.workspace.settings.sender,
            now.delegations,
            now.forms,
            now.columns,
            Owners(appeal, now.book.contacts),
        )
    except MailerError:  # what the letters share is wrong
        return []
    return per_person.written(renderer, [one for one in decisions if one.language in right])[1]


def _stands_alone(one: Problem, faults: Sequence[Problem]) -> bool:
    """Tell whether a mistake of a letter is one whatever is wrong in the files: a word that is not
    there may stand in one of them.
    """
    return (
        part_of(one.code) == "letter"
        and not (one.code == "L203" and one.value.startswith("fact"))
        and (one.file, one.row) not in {(fault.file, fault.row) for fault in faults}
    )


def _condition(appeal: Appeal, fault: NotUnderstood) -> Problem:
    file = f"templates/{appeal.name}/appeal.toml"
    lines = appeal.text[file].split("\n")
    row = next(at for at, line in enumerate(lines, 1) if line.lstrip().startswith("where"))
    value, said = appeal.where, fault.said.rstrip(".")
    return problem("L134", file, row=row, value=value, message=said, suggestion=fault.hint)


def _spam(
    now: Draft, letters: Sequence[tuple[Decision, Rendered]]
) -> tuple[dict[str, float], list[Problem]]:
    """Ask SpamAssassin, where it is installed, about one letter of each language."""
    if spam.program() is None:
        return {}, []
    samples: dict[str, bytes] = {}
    for one, letter in letters:
        if letter.language not in samples:
            samples[letter.language] = now.message(one.contact, one.language)
    points: dict[str, float] = {}
    found: list[Problem] = []
    with ThreadPoolExecutor(2) as both:
        opinions = both.map(spam.opinion, samples.values())
        for language, opinion in zip(samples, opinions, strict=True):
            if opinion is not None:
                points[language] = opinion.score
                found += spam.problems(opinion, now.appeal.letters[language].file)
    return points, found


def _links(
    appeal: Appeal, letters: Sequence[tuple[Decision, Rendered]]
) -> tuple[list[LinkAnswer], list[Problem]]:
    """Ask the network for what the letters link to. Returns the answers, and what is wrong."""
    from mailer.letters.checks import link_targets

    where: dict[str, Letter] = {}
    for _, letter in letters:
        source = appeal.letters[letter.language]
        typed = markup.links(blanked(source.body)) if appeal.personal_links else None
        for link in link_targets.links_of(letter.html):
            if typed is None or link in typed:  # a person's own link would tell who is looked at
                where.setdefault(link, source)
    answers = link_targets.ask(where)
    return answers, [
        problem
        for answer in answers
        for problem in link_targets.problems(answer, where[answer.link])
    ]
