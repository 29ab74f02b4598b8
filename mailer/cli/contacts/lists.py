"""Sheets and lists from elsewhere: compared, begun anew, brought in."""

from __future__ import annotations

import getpass
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailer.cli.context import Command, Context, printable

if TYPE_CHECKING:
    from mailer.actions.sheets.update import SheetUpdate
    from mailer.contacts.contact import Contact


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
@click.argument("sheet", metavar="OLD")
@click.argument("source", metavar="NEW", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--same", multiple=True, metavar="NAME", help="This new name is the person it looks like."
)
@click.option("--other", multiple=True, metavar="NAME", help="This new name is another person.")
@click.option("--apply", "really", is_flag=True, help="Write it into the sheet; a backup is kept.")
@click.option(
    "--by", metavar="NAME", help="Who says so; otherwise you, as this computer knows you."
)
@click.pass_obj
def update(
    context: Context,
    sheet: str,
    source: Path,
    same: tuple[str, ...],
    other: tuple[str, ...],
    really: bool,
    by: str | None,
) -> int:
    """Take a newer list over into a sheet: who left, joined, moved, has a new name or address.

    What was corrected in the sheet, its own columns and the hold list stay. OLD is a contact sheet,
    NEW a list that lies anywhere.

    \b
    mailer contacts update norway.xlsx ~/Downloads/norway-2027.xlsx
    mailer contacts update norway.xlsx ~/Downloads/norway-2027.xlsx --same "Anne Berg" --apply
    """
    from mailer.actions.sheets import update as updating
    from mailer.base import clock
    from mailer.cli.screen import turnover

    done = updating.update(context.workspace, sheet, source, same=same, other=other)
    if done.matching.asked and not context.json and sys.stdin.isatty():
        found: set[int] = set()  # those who are somebody of the list already
        answered = []
        for old, new, _ in done.matching.asked:
            yes = id(old) not in found and _ask(old, new)
            answered.append((new.name, yes))
            found.update([id(old)] if yes else [])
        same = (*same, *(name for name, yes in answered if yes))
        other = (*other, *(name for name, yes in answered if not yes))
        done = updating.update(context.workspace, sheet, source, same=same, other=other)
    asked = done.matching.asked
    backup = None
    if really and not asked:
        who = by or getpass.getuser()
        with context.ledger() as ledger:
            backup = updating.take_over(done, ledger, who=who, day=clock.now().date())
    elif not asked:
        updating.result(done)  # what cannot be written is said now, not with --apply
    if context.json:
        context.data(turnover.update_as_json(done, backup))
    else:
        lines = turnover.as_text(done.turns, context.workspace.delegations)
        context.out.print(printable_lines(lines), soft_wrap=True)
        for line in turnover.beside(done, context.workspace.delegations):
            context.out.print(printable(line), soft_wrap=True)
        _say_next(context, done, source, same, other, really=really, backup=backup)
    return int(bool(asked) or (done.changes and not really))


def _ask(old: Contact, new: Contact) -> bool:
    question = f"Is “{printable(new.name)}” ({new.delegation}) the same person as"
    return click.confirm(f"{question} “{printable(old.name)}” ({old.delegation})?", err=True)


def _say_next(
    context: Context,
    done: SheetUpdate,
    source: Path,
    same: Sequence[str],
    other: Sequence[str],
    *,
    really: bool,
    backup: Path | None,
) -> None:
    """Say what was written, or the whole command that writes."""
    words = [done.sheet.name, str(source)]
    words += [word for name in same for word in ("--same", name)]
    words += [word for name in other for word in ("--other", name)]
    if done.matching.asked:
        context.say("\nNothing was written. Say of each of them --same NAME or --other NAME:")
        seen: set[int] = set()
        for old, new, _ in done.matching.asked:
            words += ["--other" if id(old) in seen else "--same", new.name]
            seen.add(id(old))
        context.say(f"  mailer contacts update {shlex.join(words)} --apply")
    elif backup is not None:
        context.say(
            f"{done.file} is up to date; the sheet as it was:"
            f" {backup.relative_to(context.workspace.root)}\nTo undo it: mailer contacts undo"
            f" {shlex.quote(done.sheet.name)}"
        )
    elif not done.changes:
        context.say(f"Nothing in {done.file} would change.")
    elif not really:
        context.say("\nNothing was written. To write it:")
        context.say(f"  mailer contacts update {shlex.join(words)} --apply")


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

    with context.ledger() as ledger:
        found = bring_in(
            context.workspace,
            ledger,
            source,
            into,
            who=getpass.getuser(),
            day=clock.now().date(),
        )
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
