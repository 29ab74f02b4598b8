"""`mailer check`: everything that could go wrong, before it does."""

from __future__ import annotations

import click

from mailer.actions.check import Checked
from mailer.actions.check import check as look_through
from mailer.base.errors import Severity
from mailer.base.spelling import many
from mailer.cli.context import Command, Context
from mailer.cli.screen.problems import show_problems
from mailer.cli.screen.tables import Row, say_text, show_rows, show_steps, show_text


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
def check(
    context: Context, appeal: str | None, strict: bool, everything: bool, online: bool
) -> int:
    """Look through sheets, hold list and letters for everything that could go wrong.

    --online asks each address that the letters link to once, for its page alone: nothing of a
    person is in it. It follows no link to another site and asks no private network.
    """
    found = look_through(context.workspace, [appeal] if appeal else None, online=online)
    counts = {
        severity: sum(problem.severity is severity for problem in found.problems)
        for severity in Severity
    }
    bad = counts[Severity.ERROR] or (strict and counts[Severity.WARNING])
    if context.json:
        context.data(
            {
                "problems": found.problems,
                "contacts": found.people,
                "delegations": found.delegations,
                "obstacles": {one.name: one.obstacles for one in found.appeals},
                "files": {one.name: one.files for one in found.appeals if one.files},
                "asked": {one.name: one.asked for one in found.appeals if one.asked},
            }
        )
        return 1 if bad else 0
    _show(context, found, counts, everything=everything)
    names = [one.name for one in found.appeals]
    if not found.people:
        folder = context.workspace.settings.contacts.folder
        say_text(
            context, f"Nobody is in the sheets yet: fill in those in {folder}/, or put yours there."
        )
    elif names:
        show_steps(
            context,
            [
                ("read a letter", f"mailer preview {names[0]}"),
                ("who gets it", f"mailer plan {names[0]}"),
            ],
        )
    return 1 if bad else 0


def _show(
    context: Context, found: Checked, counts: dict[Severity, int], *, everything: bool
) -> None:
    root = context.workspace.root
    sheets = (
        f"{many(found.files, 'sheet')} · {many(found.people, 'person', 'people')} · "
        f"{found.delegations} of {found.members} delegations · {found.held} on the hold list"
    )
    names = [one.name for one in found.appeals]
    letters = f"{many(len(names), 'appeal')}: {', '.join(names) or 'none yet'}"
    rows: list[Row] = [(["contacts"], [sheets], ""), (["letters"], [letters], "")]
    opinions = [
        (f"{one.name}: " if len(names) > 1 else "")
        + " · ".join(f"{language} {points:.1f}" for language, points in one.spam.items())
        for one in found.appeals
        if one.spam
    ]
    if opinions:
        rows.append((["spam"], [f"SpamAssassin gives {'; '.join(opinions)}"], ""))
    show_rows(context, rows)
    context.out.print()
    _show_asked(context, found)
    show_problems(context.out, found.problems, root, everything=everything, more="--all")
    said = {(one.code, one.place) for one in found.problems}
    for one in found.appeals:
        more = [each for each in one.obstacles or () if (each.code, each.place) not in said]
        if more:
            things = "one thing keeps" if len(more) == 1 else f"{len(more)} things keep"
            hint = ":" if everything else " (--all shows them)."
            show_text(context, f"Before live mode: {things} {one.name} from real people{hint}")
        if everything:
            show_problems(context.out, more, root, everything=True)
    words = (
        ", ".join(many(number, severity.value) for severity, number in counts.items() if number)
        or "no problems"
    )
    words = f"{words[0].upper()}{words[1:]}."
    if found.people:
        words += (
            f" {found.reachable} of {found.people} people have an address that could be written to."
        )
    show_text(context, words)
    context.say()


def _show_asked(context: Context, found: Checked) -> None:
    """Say what the network was asked for: each address once, and what came of it."""
    answers = {each.link: each for one in found.appeals for each in one.asked}
    if answers:
        addresses = many(len(answers), "address", "addresses")
        show_text(
            context, f"Asked the network for {addresses}, once each, for nothing but the page:"
        )
        show_rows(context, [([one.link], [one.why], "") for one in answers.values()])
        context.out.print()
