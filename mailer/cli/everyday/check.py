"""`mailer check`: everything that could go wrong, before it does."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import click

from mailer.base import clock
from mailer.base.delegations import Delegations
from mailer.base.errors import MailerError, Problem, Severity
from mailer.base.settings.unfilled import unfilled
from mailer.base.settings.workspace import Workspace
from mailer.cli.context import Command, Desk
from mailer.cli.screen.problems import show_problems
from mailer.cli.screen.tables import Row, say_text, show_rows, show_steps, show_text
from mailer.contacts.book import ContactBook
from mailer.contacts.holds import Holds
from mailer.letters import appeal as appeals
from mailer.letters.appeal import Appeal, Letter
from mailer.letters.checks import check_letters, spam
from mailer.letters.message import mime, pieces
from mailer.letters.render import Rendered, Renderer
from mailer.letters.wording.salutations import OWN, Forms
from mailer.plan import per_person
from mailer.plan.audience import Audience, Decision
from mailer.plan.draft import read_contacts, sending_of, without_letter
from mailer.plan.plan import write


@click.command(cls=Command)
@click.argument("appeal", required=False)
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option("--all", "everything", is_flag=True, help="Show every problem, not five of a kind.")
@click.option(
    "--online",
    is_flag=True,
    help="Ask the network whether the links of the letters lead somewhere.",
)
@click.pass_obj
def check(desk: Desk, appeal: str | None, strict: bool, everything: bool, online: bool) -> int:
    """Look through sheets, hold list and letters for everything that could go wrong."""
    workspace = desk.workspace
    delegations, book, holds = read_contacts(workspace)
    names = [appeal] if appeal else appeals.names(workspace.root)
    problems = [*unfilled(workspace), *book.problems, *holds.problems, *holds.doubts(book)]
    opinions: list[str] = []
    for name in names:
        asked: list[str] = []
        problems += _letters(workspace, name, delegations, book, holds, asked, online=online)
        opinions += (
            [f"{name}: {' · '.join(asked)}" if len(names) > 1 else " · ".join(asked)]
            if asked
            else []
        )
    seated = {contact.delegation for contact in book.contacts} & {
        member.code for member in delegations.members
    }
    counts = {
        severity: sum(problem.severity is severity for problem in problems) for severity in Severity
    }
    bad = counts[Severity.ERROR] or (strict and counts[Severity.WARNING])
    if desk.json:
        desk.data(
            {"problems": problems, "contacts": len(book.contacts), "delegations": len(seated)}
        )
        return 1 if bad else 0
    files = len(book.files)
    sheets = (
        f"{_many(files, 'sheet')} · {_many(len(book.contacts), 'person', 'people')} · "
        f"{len(seated)} of {len(delegations.members)} delegations · {len(holds)} on the hold list"
    )
    letters = f"{_many(len(names), 'appeal')}: {', '.join(names) or 'none yet'}"
    rows: list[Row] = [(["contacts"], [sheets], ""), (["letters"], [letters], "")]
    if opinions:
        rows.append((["spam"], [f"SpamAssassin gives {'; '.join(opinions)}"], ""))
    show_rows(desk, rows)
    desk.out.print()
    show_problems(desk.out, problems, workspace.root, everything=everything, more="--all")
    reachable = sum(contact.skip is None for contact in book.contacts)
    words = (
        ", ".join(_many(number, severity.value) for severity, number in counts.items() if number)
        or "no problems"
    )
    words = f"{words[0].upper()}{words[1:]}."
    if book.contacts:
        words += (
            f" {reachable} of {len(book.contacts)} people have an address that could be written to."
        )
    show_text(desk, words)
    desk.say()
    if not book.contacts:
        folder = workspace.settings.contacts.folder
        say_text(
            desk, f"Nobody is in the sheets yet: fill in those in {folder}/, or put yours there."
        )
    elif names:
        show_steps(
            desk,
            [
                ("read a letter", f"mailer preview {names[0]}"),
                ("who gets it", f"mailer plan {names[0]}"),
            ],
        )
    return 1 if bad else 0


def _letters(
    workspace: Workspace,
    name: str,
    delegations: Delegations,
    book: ContactBook,
    holds: Holds,
    opinions: list[str],
    *,
    online: bool,
) -> Sequence[Problem]:
    """Return what is wrong with one appeal. What a spam filter thinks of its letters goes into
    `opinions`.
    """
    columns = {heading for columns in book.columns.values() for heading in columns.extra.values()}
    try:
        appeal = appeals.load_appeal(workspace.root, name, delegations)
    except MailerError as fault:
        if not fault.problems:
            raise
        return fault.problems
    settings = workspace.settings
    decisions = Audience(appeal, holds, languages=settings.contacts.languages).decide(book.contacts)
    forms = Forms.load(workspace.root / OWN)
    found = check_letters(appeal, settings.sender, delegations, forms, columns)
    if not any(problem.severity is Severity.ERROR for problem in found):
        renderer = Renderer(appeal, settings.sender, delegations, forms, columns)
        letters, in_rows = per_person.written(renderer, decisions)
        found += [*in_rows, *per_person.alike(letters, f"templates/{name}")]
        found += _spam(workspace, renderer, letters, opinions)
        if online:
            found += _links(appeal, letters)
    found += [
        *without_letter(appeal, decisions),
        *per_person.fallen_back(appeal, decisions),
        *per_person.other_greetings(decisions),
    ]
    return found


def _spam(
    workspace: Workspace,
    renderer: Renderer,
    letters: Sequence[tuple[Decision, Rendered]],
    opinions: list[str],
) -> list[Problem]:
    """Ask SpamAssassin, where it is installed, about one letter of each language."""
    if spam.program() is None:
        return []
    sending = sending_of(workspace, workspace.settings.safety.mode)
    samples = {}
    for one, letter in letters:
        if letter.language not in samples:
            _, own, shared = write(
                one.contact, one.language, renderer, sending, f"<sample@{sending.domain}>"
            )
            samples[letter.language] = mime.dated(pieces.joined(own, shared), clock.now())
    found = []
    with ThreadPoolExecutor(2) as both:
        for language, opinion in zip(
            samples, both.map(spam.opinion, samples.values()), strict=True
        ):
            if opinion is not None:
                opinions.append(f"{language} {opinion.score:.1f}")
                found += spam.problems(opinion, renderer.appeal.letters[language].file)
    return found


def _links(appeal: Appeal, letters: Sequence[tuple[Decision, Rendered]]) -> list[Problem]:
    """Ask the network for what the letters link to."""
    from mailer.letters.checks import links

    where: dict[str, Letter] = {}
    for _, letter in letters:
        for link in links.links_of(letter.html):
            where.setdefault(link, appeal.letters[letter.language])
    return [
        problem
        for answer in links.ask(where)
        for problem in links.problems(answer, where[answer.link])
    ]


def _many(number: int, one: str, more: str = "") -> str:
    return f"{number} {one if number == 1 else more or one + 's'}"
