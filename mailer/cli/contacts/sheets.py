"""What is looked through and put right in contact sheets: check, fix, accept, undo."""

from __future__ import annotations

import getpass
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailer.base.errors import Severity
from mailer.base.spelling import many
from mailer.cli.context import Command, Context, printable
from mailer.cli.screen.problems import show_problems
from mailer.cli.screen.tables import show_steps

if TYPE_CHECKING:
    from mailer.actions.sheets.check import SheetsCheck
    from mailer.contacts.edit.take_home import SheetChange

SHEETS = click.argument("sheets", nargs=-1, metavar="[SHEET]…")


@click.command(cls=Command)
@SHEETS
@click.option(
    "--marked", is_flag=True, help="Write a copy of each sheet with every bad cell marked."
)
@click.option("--online", is_flag=True, help="Ask the name servers whether each domain takes mail.")
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option("--all", "everything", is_flag=True, help="Show every problem, not five of a kind.")
@click.pass_obj
def check(
    context: Context,
    sheets: tuple[str, ...],
    marked: bool,
    online: bool,
    strict: bool,
    everything: bool,
) -> int:
    """Look through the contact sheets for everything that could go wrong, or through a sheet that
    lies elsewhere.
    """
    from mailer.actions.sheets import check as checking

    root = context.workspace.root
    done = checking.check(context.workspace, sheets, online=online)
    made = checking.marked(context.workspace, done) if marked else []
    names = [path.relative_to(root).as_posix() for path in made]
    bad = any(
        p.severity is Severity.ERROR or (strict and p.severity is Severity.WARNING)
        for p in done.problems
    )
    rows, people, usable = len(done.contacts), done.people, done.usable
    if context.json:
        context.data(
            {
                "problems": done.problems,
                "contacts": rows,
                "people": people,
                "usable": usable,
                "marked": names,
            }
        )
        return int(bad)
    show_problems(context.out, done.problems, root, everything=everything, more="--all")
    for name in names:
        context.out.print(f"marked copy: {name}", soft_wrap=True)
    for file in done.files if marked else ():
        if file in done.book.broken:
            context.say(f"no copy of {file}: it cannot be read as it is, for the reasons above")
    _say_columns(context, done)
    if done.absent:
        absent = ", ".join(context.workspace.delegations.name(one, "en") for one in done.absent)
        context.say(f"nobody is in the sheets of: {absent}")
    kinds = Counter(p.severity for p in done.problems)
    notes = f", {many(kinds[Severity.NOTE], 'note')}" if kinds[Severity.NOTE] else ""
    found = (
        f"{many(kinds[Severity.ERROR], 'error')}, {kinds[Severity.WARNING]} to look at{notes}"
        if done.problems
        else "Nothing to put right"
    )
    context.out.print(
        f"{many(people, 'person', 'people')} in {many(rows, 'row')}: {usable} can be written to,"
        f" {people - usable} cannot. {found}."
    )
    _next_steps(context, done, names)
    return int(bad)


def _next_steps(context: Context, done: SheetsCheck, made: Sequence[str]) -> None:
    """Say what to do with the problems: a copy with marks, repairs, or the way back of the copy
    that was made.
    """
    if made:
        context.say("")
        back = f"mailer contacts accept {shlex.quote(made[0])}"
        show_steps(context, [("correct the coloured cells, save, then", back)])
        return
    if done.elsewhere:
        sheet = shlex.quote(done.files[0])
        context.say("")
        take_in = f"mailer contacts import {sheet}"
        show_steps(context, [("put it among the contact sheets", take_in)])
        return
    marked = [
        shlex.quote(Path(file).name)
        for file in sorted({p.file for p in done.problems if p.cell} - {*done.book.broken})
    ]
    if not done.book.contacts and not done.problems:
        context.say("Nobody is in the sheets yet: fill in those in the folder, or put yours there.")
    steps = (
        [("see them in the sheet", f"mailer contacts check {marked[0]} --marked")] if marked else []
    )
    if repairs := done.repairs:
        steps.append(
            (f"repair {many(len(repairs), 'cell')} without a guess", "mailer contacts fix")
        )
    if asked := done.asked:
        only = " ".join(f"--only {code}" for code in asked)
        steps.append(('answer "did you mean" with yes', f"mailer contacts fix {only}"))
    if steps:
        context.say("")
        show_steps(context, steps)


def _say_columns(context: Context, done: SheetsCheck) -> None:
    """Say what each column was taken for; sheets of the same headings are said once."""
    for words, tables in done.columns.items():
        places = [f"{Path(file).name}{f' ({tab})' if tab else ''}" for file, tab in tables]
        more = f" and {len(places) - 3} more" if len(places) > 3 else ""
        context.say(printable(f"{', '.join(places[:3])}{more}: {words}"))


@click.command(cls=Command)
@SHEETS
@click.option(
    "--only",
    "codes",
    multiple=True,
    metavar="CODE",
    help="Repair only these, also where it is a guess: C104.",
)
@click.option("--apply", "really", is_flag=True, help="Write the repairs; a backup is kept.")
@click.pass_obj
def fix(context: Context, sheets: tuple[str, ...], codes: tuple[str, ...], really: bool) -> int:
    """Show the safe repairs of the sheets, and apply them with --apply."""
    from mailer.actions.sheets import mend

    found = mend.repairs(context.workspace, sheets, codes)
    backups = {}
    if really and found:
        with context.ledger() as ledger:
            backups = mend.repair(context.workspace, ledger, found, who=getpass.getuser())
    if context.json:
        context.data(
            {
                "repairs": found,
                "applied": really,
                "backups": {file: str(path) for file, path in backups.items()},
            }
        )
        return 0 if really or not found else 1
    file = ""
    for repair in found:
        if repair.file != file:
            file = repair.file
            context.out.print(file, style="bold")
        context.out.print(
            f"  {repair.sheet or ''} {repair.cell}  {repair.code}".replace("   ", "  ")
        )
        context.out.print(
            f"    - {printable(repair.before)}\n    + {printable(repair.after)}", soft_wrap=True
        )
    for path in backups.values():
        context.say(f"backup: {path.relative_to(context.workspace.root)}")
    many = f"{len(found)} {'cell' if len(found) == 1 else 'cells'}"
    if not found:
        context.say("There is nothing that can be repaired without a guess.")
    elif really:
        context.say(f"{many} repaired. Next: mailer contacts check")
    else:
        again = " ".join(
            [*map(shlex.quote, sheets), *(f"--only {code.upper()}" for code in codes), "--apply"]
        )
        context.say(
            f"\n{many} would change; nothing was written. To write them: mailer contacts fix"
            f" {again}"
        )
    return 0 if really or not found else 1


@click.command(cls=Command)
@click.argument("copy", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.pass_obj
def accept(context: Context, copy: Path) -> None:
    """Take a corrected marked copy back into its sheet, and say what changed."""
    from mailer.actions.sheets import mend

    with context.ledger() as ledger:
        file, changes, backup = mend.accept(context.workspace, ledger, copy, who=getpass.getuser())
    if context.json:
        context.data({"sheet": file, "changes": changes, "backup": backup})
        return
    for change in changes:
        context.out.print(
            f"{change.sheet or ''} {change.cell}  {_said(change)}".strip(), soft_wrap=True
        )
    if backup is None:
        context.say(f"Nothing in it differs from {file}.")
        return
    context.say(
        f"{many(len(changes), 'change')} in {file}; the sheet as it was:"
        f" {backup.relative_to(context.workspace.root)}\nNext: mailer contacts check"
    )


def _said(change: SheetChange) -> str:
    if change.whole and not (change.before and change.after):
        return (
            f"put in: {printable(change.after)}"
            if change.after
            else f"taken out: {printable(change.before)}"
        )
    return f"{printable(change.before) or '(empty)'} → {printable(change.after) or '(empty)'}"


@click.command(cls=Command)
@click.argument("sheet")
@click.option(
    "--to", "number", type=int, metavar="N", help="This earlier version, and not the last one."
)
@click.option("--list", "listed", is_flag=True, help="Only list the earlier versions.")
@click.pass_obj
def undo(context: Context, sheet: str, number: int | None, listed: bool) -> None:
    """Bring a sheet back as it was before the last change, byte for byte."""
    from mailer.actions.sheets import mend

    if listed:
        for version in mend.kept_versions(context.workspace, sheet):
            if context.json:
                context.data({"number": version.number, "at": version.at, "absent": version.absent})
                continue
            words = "not there yet" if version.absent else f"as of {version.at:%Y-%m-%d %H:%M} UTC"
            context.out.print(f"{version.number:>4}  {words}")
        return
    with context.ledger() as ledger:
        done = mend.undo(context.workspace, ledger, sheet, number, who=getpass.getuser())
    if context.json:
        context.data({"sheet": done.file, "version": done.version.number, "backup": done.backup})
        return
    backup = done.backup.relative_to(context.workspace.root)
    now = "is no longer there, as before" if done.version.absent else "is as it was"
    context.out.print(f"{done.file} {now} (version {done.version.number})", soft_wrap=True)
    context.say(
        f"What it was until now is kept: {backup}\nTo undo this, too: mailer contacts undo"
        f" {shlex.quote(Path(sheet).name)}"
    )
