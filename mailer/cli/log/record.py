"""`mailer log verify`, `adopt`: is the log as it was written, and the one to go on with?"""

from __future__ import annotations

from dataclasses import asdict

import click

from mailer.cli.context import Command, Context
from mailer.cli.screen import choose
from mailer.ledger.ledger import shown
from mailer.report import totals


@click.command(cls=Command)
@click.option(
    "--head",
    default="",
    metavar="HASH",
    help="A head that somebody has kept: is it one of this log's?",
)
@click.pass_obj
def verify(context: Context, head: str) -> int:
    """Prove that the send log was not altered.

    Every entry stands under a seal that hashes it together with the seal before; the last one is
    the head. Give it to a second person: it proves later that nothing was cut off, and that the
    chain was not made anew.

    \b
    mailer log verify
    mailer log verify --head 3f9a1c20b7d4e6f8
    """
    from mailer.actions import send_log

    with choose.open_log(context) as ledger, ledger.reading() as connection:
        proof = send_log.verify(connection, head)
    whole = not proof.broken and proof.knows
    if context.json:
        context.data({"whole": whole} | asdict(proof))
        return 0 if whole else 1
    for one in proof.broken:
        names = ", ".join(shown(mail_out_id) for mail_out_id in one.mail_outs)
        when = (
            f", between {totals.local(one.since)} and {totals.local(one.until)}"
            if one.since and one.until
            else ""
        )
        context.out.print(f"  ✗ {names}{when}: {one.what}", soft_wrap=True)
    if not proof.knows:
        context.out.print(
            f"  ✗ {head} is not a head of this log: entries were cut off, or the chain was made"
            " anew"
        )
    counted = (
        f"{proof.events:,} events and {proof.attempts:,} attempts under {proof.seals:,} seals,"
        f" {proof.letters:,} letters"
    )
    if proof.erased:
        counted += f"; {proof.erased:,} people are erased"
    if proof.unsealed:
        counted += f"; {proof.unsealed:,} entries are not sealed yet"
    context.out.print(
        "The send log is as it was written." if whole else "The send log was altered.", style="bold"
    )
    context.say(counted)
    context.out.print(f"head  {proof.head}", soft_wrap=True)
    return 0 if whole else 1


@click.command(cls=Command)
@click.option(
    "--because", required=True, metavar="TEXT", help="Why this is the one; it stays on record."
)
@click.option("--by", metavar="NAME", help="Who decides; otherwise your name on this computer.")
@click.pass_obj
def adopt(context: Context, because: str, by: str | None) -> None:
    """Say that this send log is the one to go on with, after it was moved or restored.

    A send log that was copied sends nothing: two copies would write to the same people twice, and a
    backup does not know what was sent since it was made. Before you decide, see that no other copy
    is used, and that nothing was sent since.

    \b
    mailer log adopt --because "the workspace moved to the new laptop; the old one is wiped"
    """
    import getpass

    from mailer.actions import send_log

    because, by = because.strip(), (by or getpass.getuser()).strip()
    with choose.open_log(context) as ledger:
        copied = send_log.adopt(ledger, who=by, because=because)
    if context.json:
        context.data({"adopted": copied})
    elif copied:
        context.say(f"This send log is the one to go on with. Decided by {by}: {because}")
        context.say("See that no other copy of it is ever sent from.")
    else:
        context.say("This send log is at home here already. Nothing was changed.")
