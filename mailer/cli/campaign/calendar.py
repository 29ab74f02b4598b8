"""`mailer calendar`: what to do by when, counted back from the session."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import click

from mailer.cli.context import Command, Context, printable
from mailer.cli.screen.files import may_write, write


@click.command(cls=Command)
@click.argument("appeal")
@click.option(
    "--ics",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The same for any calendar program.",
)
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@click.pass_obj
def calendar(context: Context, appeal: str, ics: Path | None, force: bool) -> None:
    """What to do by when, counted back from the session, and what is done."""
    from mailer.actions.campaign import calendar as action
    from mailer.cli.screen.tables import show_rows
    from mailer.report.totals import in_its_zone

    if ics is not None:
        may_write(ics, force=force)
    workspace = context.workspace
    with context.ledger() as ledger:
        found, now = action.calendar(workspace, ledger, appeal), ledger.now()
    if ics is not None:
        domain = workspace.settings.sender.address.rpartition("@")[2]
        write(ics, action.as_ics(found, str, domain=domain, now=now), force=force)
        context.say(f"{ics} is written.")
    if context.json:
        for step in found.steps:
            context.data(
                {
                    "step": step.key,
                    "what": step.words,
                    "when": step.when,
                    "done": step.done,
                    "late": step.late(now, found.zone),
                }
            )
        return

    def said(day: date | None) -> str:
        if day is None:
            return "not known"
        return in_its_zone(day) if isinstance(day, datetime) else f"{day:%a} {day.day} {day:%b %Y}"

    rows = []
    for step in found.steps:
        mark = "✓" if step.done else "!" if step.late(now, found.zone) else " "
        note = [f"done {said(step.done)}"] if step.done else ["late"] * (mark == "!")
        rows.append(([mark, said(step.when), step.words], note, "yellow" if mark == "!" else ""))
    context.out.print(printable(found.title), style="bold", soft_wrap=True)
    show_rows(context, rows)
    if found.invented:
        context.say("The day of the session is invented: nothing can be counted on.", "yellow")
    elif not found.source:
        context.say("Where the day of the session stands is not said: [session] source.", "yellow")
