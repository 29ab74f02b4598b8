"""`mailer work`: help with whatever is being sent, from another window or another machine."""

from __future__ import annotations

import time

import click

from mailer.actions.mail_outs import sending
from mailer.actions.mail_outs.beside import read_beside
from mailer.base.errors import Interrupted
from mailer.base.states import MailOutState
from mailer.cli.context import Command, Context
from mailer.cli.screen.progress import CLOSED, INTERRUPTED, run

LOOK = 2.0  # seconds between two looks at what there is to do


@click.command(cls=Command)
@click.option(
    "--once", is_flag=True, help="End when nothing is being sent, instead of waiting for the next."
)
@click.pass_obj
def work(context: Context, once: bool) -> int:
    """Take part in every sending that somebody has begun, with this workspace's account."""
    workspace = context.workspace
    said: set[str] = set()
    with context.ledger() as ledger, read_beside(workspace, context.say):
        sending.may_help(ledger)
        while True:
            mine, others = sending.to_help_with(workspace, ledger)
            for name in (one.name for one in others if one.name not in said):
                said.add(name)
                context.say(
                    f"{name} was planned for another server, sender or mode; it is left alone.",
                    "yellow",
                )
            for mail_out in mine:
                context.say(f"{mail_out.name}: taking part")
                after = run(context, mail_out, sending.helper(workspace, ledger, mail_out.id))
                if after.state is MailOutState.SENDING:
                    context.say(f"{after.name} goes on without this sender.")
                    return Interrupted.exit_code
                context.say(
                    f"{after.name} is {after.state}{': ' + after.why if after.why else ''}."
                )
                if after.state is MailOutState.PAUSED and after.why in (INTERRUPTED, CLOSED):
                    return Interrupted.exit_code
            if once and not mine:
                context.say("Nothing is being sent.")
                return 0
            time.sleep(LOOK)
