"""`mailer check`: everything that could go wrong, before it does."""

from __future__ import annotations

from collections.abc import Sequence

import click

from mailer import appeal as appeals
from mailer.cli.desk import Command, Desk
from mailer.cli.problems import show_problems
from mailer.config import Workspace
from mailer.contacts.book import ContactBook
from mailer.delegations import Delegations
from mailer.drafting import read_contacts
from mailer.errors import MailerError, Problem, Severity
from mailer.forms import Forms
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
        problems += _letters(workspace, name, delegations, book)
    seated = {contact.delegation for contact in book.contacts} & {member.code for member in delegations.members}
    counts = {severity: sum(problem.severity is severity for problem in problems) for severity in Severity}
    bad = counts[Severity.ERROR] or (strict and counts[Severity.WARNING])
    if desk.json:
        desk.data({"problems": problems, "contacts": len(book.contacts), "delegations": len(seated)})
        return 1 if bad else 0
    files = len(book.files)
    desk.out.print(
        f"contacts   {_many(files, 'sheet')} · {_many(len(book.contacts), 'person', 'people')} · "
        f"{len(seated)} of {len(delegations.members)} delegations · {_many(len(holds), 'person', 'people')} on the hold list"
    )
    desk.out.print(f"letters    {_many(len(names), 'appeal')}: {', '.join(names) or 'none yet'}\n")
    show_problems(desk.out, problems, workspace.root, everything=everything, more="--all")
    reachable = sum(contact.skip is None for contact in book.contacts)
    words = ", ".join(_many(number, severity.value) for severity, number in counts.items() if number) or "no problems"
    desk.out.print(f"{words}. {reachable} of {len(book.contacts)} people have an address that could be written to.")
    return 1 if bad else 0


def _letters(workspace: Workspace, name: str, delegations: Delegations, book: ContactBook) -> Sequence[Problem]:
    columns = {heading for columns in book.columns.values() for heading in columns.extra.values()}
    try:
        appeal = appeals.load_appeal(workspace.root, name, delegations)
    except MailerError as fault:
        if not fault.problems:
            raise
        return fault.problems
    sender = workspace.settings.sender
    return check_letters(appeal, sender=sender, forms=Forms.load(), delegations=delegations, columns=columns)


def _many(number: int, one: str, more: str = "") -> str:
    return f"{number} {one if number == 1 else more or one + 's'}"
