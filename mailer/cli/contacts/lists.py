"""Sheets and lists from elsewhere: compared, begun anew, brought in."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from mailer.cli.context import Command, Context, printable


@click.command(cls=Command)
@click.argument("old", type=click.Path(path_type=Path, exists=True))
@click.argument("new", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it as a page, too.",
)
@click.option(
    "--same", multiple=True, metavar="NAME", help="This new name is the person it looks like."
)
@click.pass_obj
def diff(context: Context, old: Path, new: Path, page: Path | None, same: tuple[str, ...]) -> int:
    """Say who left, joined, or changed delegation, role, group or address between two sheets or
    folders.
    """
    from mailer.actions.sheets.check import diff as comparing
    from mailer.cli.screen import turnover

    delegations = context.workspace.delegations
    turns = comparing(context.workspace, old, new, same)
    if page:
        page.write_text(turnover.as_html(turns, delegations), encoding="utf-8")
    if context.json:
        context.data(turnover.as_json(turns))
    else:
        context.out.print(printable_lines(turnover.as_text(turns, delegations)), soft_wrap=True)
    return int(any(turn.alarm or turn.same for turn in turns))


def printable_lines(text: str) -> str:
    return "\n".join(map(printable, text.splitlines()))


@click.command(cls=Command)
@click.argument("names", nargs=-1, required=True, metavar="DELEGATION…")
@click.option(
    "--lang",
    type=click.Choice(["en", "fr"]),
    default="en",
    help="The language of the headings and notes.",
)
@click.pass_obj
def new(context: Context, names: tuple[str, ...], lang: str) -> None:
    """Write an empty sheet with drop-downs and a tab of instructions for each delegation."""
    from mailer.actions.workspace.new_workspace import new_sheets

    made = new_sheets(context.workspace, names, lang)
    if context.json:
        context.data({"sheets": made})
        return
    for file in made:
        context.out.print(file)
    context.say("Next: fill them in, then  mailer contacts check")


@click.command(name="import", cls=Command)
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--into", metavar="NAME", help="The new sheet's name; otherwise that of the source.")
@click.pass_obj
def import_(context: Context, source: Path, into: str | None) -> None:
    """Make a sheet of a pasted PACE list, OpenSanctions, EveryPolitician, Popolo or vCard file."""
    from mailer.actions.sheets.bring_in import bring_in
    from mailer.base import clock

    found = bring_in(context.workspace, source, into, clock.now().date())
    if context.json:
        context.data(
            {
                "sheet": found.file,
                "source": found.source,
                "people": found.people,
                "left_over": found.left_over,
                "lacks": found.lacks,
            }
        )
        return
    context.out.print(f"{found.file}: {found.people} people from {found.source}", soft_wrap=True)
    if found.lacks:
        context.say(f"This source lacks: {found.lacks}.")
    for words in found.left_over:
        context.say(f"not read as one person: {printable(words)}")
    context.say(f"Next: mailer contacts check {shlex.quote(Path(found.file).name)}")
