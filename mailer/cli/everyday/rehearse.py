"""`mailer rehearse`: the most different letters, sent to yourself or to a folder of
this computer.
"""

from __future__ import annotations

import getpass

import click

from mailer.actions.mail_outs import rehearse as actions
from mailer.actions.mail_outs.rehearse import Rehearsal
from mailer.base.states import State
from mailer.cli.context import Command, Context
from mailer.cli.screen.tables import Row, say_text, show_rows


@click.command(cls=Command)
@click.argument("what", metavar="APPEAL|M")
@click.option(
    "--to",
    metavar="ME",
    help="An address of the allow-list; without it the samples stay on this computer.",
)
@click.option(
    "-n",
    "number",
    type=click.IntRange(1, 50),
    help="How many letters; without it eight, or as many as show each sentence once.",
)
@click.pass_obj
def rehearse(context: Context, what: str, to: str | None, number: int | None) -> int:
    """Send the most different letters of an appeal, or of a planned mail-out, to yourself.

    \b
    mailer rehearse first-appeal
    mailer rehearse M-0007 --to jana@rights.example
    """
    done = actions.rehearse(
        context.workspace, what, ledger=context.ledger, to=to, number=number, who=getpass.getuser()
    )
    where = f"were accepted for {to}" if to else f"are in {done.folder}, for any mail program"
    return _show(context, done, where)


def _show(context: Context, done: Rehearsal, where: str) -> int:
    bad = done.accepted < len(done.samples)
    if context.json:
        for at, (name, receipt) in enumerate(done.samples, 1):
            context.data(
                {
                    "sample": at,
                    "name": name,
                    "state": receipt.state,
                    "code": receipt.code,
                    "text": receipt.text,
                }
            )
        return int(bad)
    rows: list[Row] = []
    for at, (name, receipt) in enumerate(done.samples, 1):
        went = receipt.state is State.ACCEPTED
        answer = "" if went else f"{receipt.code or ''} {receipt.text}".strip()
        rows.append(([str(at), name], [answer], "" if went else "red"))
    note = "the server's answer" if bad else ""
    show_rows(context, rows, right=(0,), head=("", "the letter of"), note=note)
    context.say()
    say_text(context, f"{done.accepted} of {len(done.samples)} samples {where}.")
    return int(bad)
