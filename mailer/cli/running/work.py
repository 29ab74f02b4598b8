"""`mailer work`: help with whatever is being sent, from another window or another machine."""

from __future__ import annotations

import time

import click

from mailer.actions.mail_outs import kill_switch_is_off
from mailer.base.errors import Interrupted
from mailer.base.states import MailOutState
from mailer.cli.context import Command, Context
from mailer.cli.screen.progress import CLOSED, INTERRUPTED, run
from mailer.ledger import mailouts
from mailer.ledger.guard import copies, health
from mailer.ledger.mailouts import MailOut
from mailer.plan.draft import server_name
from mailer.sending.connect import options_of, sessions, signer

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
    with context.ledger() as ledger:
        copies.require(ledger)
        health.require(ledger)
        while True:
            kill_switch_is_off(workspace)
            with ledger.reading() as connection:
                sending = [
                    one
                    for one in mailouts.all_of_them(connection)
                    if one.state is MailOutState.SENDING
                ]
            mine = [one for one in sending if _is_ours(context, one, said)]
            for mail_out in mine:
                context.say(f"{mail_out.name}: taking part")
                options = options_of(workspace, 0)
                after = run(
                    context,
                    ledger,
                    mail_out,
                    sessions(workspace),
                    options,
                    signer(workspace),
                    helper=True,
                )
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


def _is_ours(context: Context, mail_out: MailOut, said: set[str]) -> bool:
    """A plan is for one server, one account, one mode; a workspace with others leaves it alone, and
    says so once.
    """
    workspace = context.workspace
    here = (
        server_name(workspace),
        workspace.settings.sender.address,
        workspace.settings.safety.mode,
    )
    if here == (mail_out.server, mail_out.sender, mail_out.mode):
        return True
    if mail_out.name not in said:
        said.add(mail_out.name)
        context.say(
            f"{mail_out.name} was planned for another server, sender or mode; it is left alone.",
            "yellow",
        )
    return False
