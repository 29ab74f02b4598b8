"""`mailer votes`: how the people of the sheets voted, from a roll call."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from mailer.cli.context import Command, CommandGroup, Context


@click.group(cls=CommandGroup)
def votes() -> None:
    """Past votes: a roll call becomes a column of the sheets, for conditions, letters and counts.

    The column says for, against, abstained or absent; who is not on the list has an empty cell, and
    is never called absent. No page is fetched.
    """


@votes.command("import", cls=Command)
@click.argument("source", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
@click.option(
    "--vote",
    "day",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="The day of the vote: the column is headed by its year, Vote 2024.",
)
@click.option("--column", default="", metavar="HEADING", help="Another heading: Vote 2024-06.")
@click.option("--same", multiple=True, metavar="NAME", help="This name is who it looks like.")
@click.option("--other", multiple=True, metavar="NAME", help="This name is somebody else.")
@click.option("--dry-run", is_flag=True, help="Only show what would be written.")
@click.pass_obj
def import_(
    context: Context,
    source: Path,
    day: datetime | None,
    column: str,
    same: Sequence[str],
    other: Sequence[str],
    dry_run: bool,
) -> int:
    """Join a roll call to the people of the sheets, and write how each voted into a column.

    FILE is text, CSV, XLSX, ODS, or a page that was saved as HTML; - reads what is pasted. What is
    unsure is shown, and left empty until somebody says.

    \b
    mailer votes import vote.html --vote 2024-01-24
    mailer votes import vote.html --vote 2024-01-24 --same "Anna Bergh"
    """
    from mailer.actions.campaign import votes as action
    from mailer.base.errors import Severity, UsageError
    from mailer.cli.screen.problems import show_problems

    if str(source) == "-":
        content = sys.stdin.buffer.read()
    elif source.is_file():
        content = source.read_bytes()
    else:
        raise UsageError(f"There is no file {source}.")
    name = "pasted text" if str(source) == "-" else source.name
    found = action.read(
        context.workspace,
        name,
        content,
        action.heading_of(day.date() if day else None, column),
        same=same,
        other=other,
    )
    written = {}
    if not dry_run:
        today = datetime.now().astimezone().date()
        who = getpass.getuser()
        with context.ledger_if_any() as ledger:
            written = action.write(context.workspace, ledger, found, who=who, day=today)
    told = action.problems(found)
    if context.json:
        context.data(action.as_data(found, written) | {"problems": told})
    else:
        show_problems(context.err, told, context.folder, everything=context.verbose > 0)
        each = ", ".join(f"{number} {vote}" for vote, number in found.new.items())
        context.out.print(
            f"{found.heading}: {each or 'nothing new'}"
            f"{' would be written' if dry_run else ''}; {len(found.unknown)} names of"
            f" {len(found.roll.votes)} are not in the sheets, {len(found.asked)} are unsure",
            soft_wrap=True,
        )
        for file in written:
            context.say(f"  take it back   mailer contacts undo {Path(file).name}")
    return 1 if any(one.severity is not Severity.NOTE for one in told) else 0
