"""`mailer demo`: the whole journey on made-up people, to a mailbox on this computer. Nothing leaves
it.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

import click

from mailer.actions.workspace.demo import FOLDER, Demo
from mailer.actions.workspace.demo import demo as made
from mailer.base.errors import Interrupted
from mailer.base.states import MailOutState, Reason
from mailer.cli.context import Command, Context
from mailer.cli.screen.progress import INTERRUPTED, run
from mailer.cli.screen.tables import (
    say_text,
    show_delegations,
    show_left_out,
    show_steps,
    show_totals,
)
from mailer.ledger.reading.counts import count


@click.command(cls=Command)
@click.pass_obj
def demo(context: Context) -> int:
    """See it work: 612 made-up people, a mailbox on this computer, nothing leaves it."""
    shown = made(context.folder, Path.cwd())
    if not context.json:
        _announce(context, shown)
    with shown.sender() as (mail_out, dispatch):
        begun = time.monotonic()
        after = run(context, mail_out, dispatch)
        seconds = time.monotonic() - begun
        with dispatch.ledger.reading() as connection:
            counted = count(connection, after.id)
            if context.json:
                counts = counted.states
                root = shown.now.workspace.root
                context.data(
                    {
                        "event": "finished",
                        "workspace": root,
                        "mail_out": after.name,
                        "counts": counts,
                    }
                )
            else:
                context.say(f"  sent in {seconds:.1f} s\n")
                here = replace(context, folder=Path(FOLDER))
                show_totals(here, counted)
                context.out.print()
                show_delegations(here, connection, after, counted)
                context.out.print()
                show_left_out(here, counted)
                context.out.print()
    if after.state is not MailOutState.FINISHED:
        context.say(
            f"The demo was interrupted ({after.why or after.state}). mailer demo begins anew."
        )
        return 130 if after.why == INTERRUPTED else Interrupted.exit_code
    if not context.json:
        _farewell(context, after.name)
    return 0


def _announce(context: Context, shown: Demo) -> None:
    plan, languages = shown.plan, sorted(shown.now.appeal.letters)
    delegations = len(plan.by_delegation())
    people = "made-up people" if shown.invented else "the people of this workspace"
    example = " (addresses end in .example, a name that can never exist)" if shown.invented else ""
    say_text(
        context,
        f"DEMO – {people}, and a mailbox on this computer. Nothing leaves it.",
        style="bold",
    )
    left_out = sum(one.reason is not Reason.SHARED for one in plan.left_out)
    for text in (
        f"{len(plan.deliveries)} members of {delegations} delegations{example}",
        f'the appeal "{plan.title}", in {len(languages)} languages ({", ".join(languages)})',
        (
            f"{left_out} people are left out on purpose, and the mailbox plays tricks: it"
            " refuses some, delays some, hangs up once."
        ),
    ):
        say_text(context, text, indent=2)
    context.say()


def _farewell(context: Context, name: str) -> None:
    say_text(
        context,
        f"Everything is in ./{FOLDER}; the letters are in its folder mailbox, for any mail"
        " program.",
    )
    program = Path(sys.argv[0])
    if shutil.which("mailer") is None and (activate := program.with_name("activate")).is_file():
        context.say("\nOnce in this terminal, so that it knows the word mailer:")
        show_steps(context, [("type", f"source {os.path.relpath(activate)}")])
    context.say("\nLook around:")
    show_steps(
        replace(context, folder=Path(FOLDER)),
        [
            ("not reached", "mailer log people --state refused,unknown"),
            ("one letter", f"mailer log show {name} NAME"),
            ("delegations", "mailer log delegations --all"),
            ("in a browser", "mailer console"),
        ],
    )
    context.say("Then, for real work:")
    show_steps(replace(context, folder=Path()), [("begin", "mailer init my-workspace")])
