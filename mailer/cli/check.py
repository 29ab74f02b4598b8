"""`mailer check`: everything that could go wrong, before it does."""

from __future__ import annotations

from collections.abc import Sequence

import click

from mailer import appeal as appeals
from mailer.audience import Audience
from mailer.cli.desk import Command, Desk
from mailer.cli.problems import show_problems
from mailer.cli.tables import say_text, show_rows, show_steps, show_text
from mailer.config import Workspace
from mailer.contacts.book import ContactBook
from mailer.delegations import Delegations
from mailer.drafting import read_contacts, without_letter
from mailer.errors import MailerError, Problem, Severity
from mailer.forms import OWN, Forms
from mailer.holds import Holds
from mailer.render import check_letters


@click.command(cls=Command)
@click.argument("appeal", required=False)
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option("--all", "everything", is_flag=True, help="Show every problem, not five of a kind.")
@click.pass_obj
def check(desk: Desk, appeal: str | None, strict: bool, everything: bool) -> int:
    """Look through sheets, hold list and letters for everything that could go wrong."""
    workspace = desk.workspace
    delegations, book, holds = read_contacts(workspace)
    names = [appeal] if appeal else appeals.names(workspace.root)
    problems = [*book.problems, *holds.problems]
    for name in names:
        problems += _letters(workspace, name, delegations, book, holds)
    seated = {contact.delegation for contact in book.contacts} & {member.code for member in delegations.members}
    counts = {severity: sum(problem.severity is severity for problem in problems) for severity in Severity}
    bad = counts[Severity.ERROR] or (strict and counts[Severity.WARNING])
    if desk.json:
        desk.data({"problems": problems, "contacts": len(book.contacts), "delegations": len(seated)})
        return 1 if bad else 0
    files = len(book.files)
    sheets = (
        f"{_many(files, 'sheet')} · {_many(len(book.contacts), 'person', 'people')} · "
        f"{len(seated)} of {len(delegations.members)} delegations · {len(holds)} on the hold list"
    )
    letters = f"{_many(len(names), 'appeal')}: {', '.join(names) or 'none yet'}"
    show_rows(desk, [(["contacts"], [sheets], ""), (["letters"], [letters], "")])
    desk.out.print()
    show_problems(desk.out, problems, workspace.root, everything=everything, more="--all")
    reachable = sum(contact.skip is None for contact in book.contacts)
    words = ", ".join(_many(number, severity.value) for severity, number in counts.items() if number) or "no problems"
    words = f"{words[0].upper()}{words[1:]}."
    if book.contacts:
        words += f" {reachable} of {len(book.contacts)} people have an address that could be written to."
    show_text(desk, words)
    desk.say()
    if not book.contacts:
        folder = workspace.settings.contacts.folder
        say_text(desk, f"Nobody is in the sheets yet: fill in those in {folder}/, or put yours there.")
    elif names:
        show_steps(desk, [("read a letter", f"mailer preview {names[0]}"), ("who gets it", f"mailer plan {names[0]}")])
    return 1 if bad else 0


def _letters(
    workspace: Workspace, name: str, delegations: Delegations, book: ContactBook, holds: Holds
) -> Sequence[Problem]:
    columns = {heading for columns in book.columns.values() for heading in columns.extra.values()}
    try:
        appeal = appeals.load_appeal(workspace.root, name, delegations)
    except MailerError as fault:
        if not fault.problems:
            raise
        return fault.problems
    settings = workspace.settings
    decisions = Audience(appeal, holds, languages=settings.contacts.languages).decide(book.contacts)
    return [
        *check_letters(
            appeal,
            sender=settings.sender,
            forms=Forms.load(workspace.root / OWN),
            delegations=delegations,
            columns=columns,
        ),
        *without_letter(appeal, decisions),
    ]


def _many(number: int, one: str, more: str = "") -> str:
    return f"{number} {one if number == 1 else more or one + 's'}"
