"""`mailer contacts`: look after the contact sheets, and the hold list."""

from __future__ import annotations

import click

from mailer.cli.contacts import lists, people, sheets
from mailer.cli.context import CommandGroup


@click.group(cls=CommandGroup)
def contacts() -> None:
    """Look after the contact sheets: check, fix, accept, undo, update, diff, new, import; hold."""


for command in (
    sheets.check,
    sheets.fix,
    sheets.accept,
    sheets.undo,
    lists.diff,
    lists.update,
    lists.new,
    lists.import_,
    people.show,
    people.hold,
    people.release,
    people.holds,
):
    contacts.add_command(command)
