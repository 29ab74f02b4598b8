"""`mailer log name`, `note` and `follow-up`: what people say of a mail-out or write beside a
letter, and who follows it up.
"""

from __future__ import annotations

import getpass
from datetime import datetime
from typing import TYPE_CHECKING

import click

from mailer.actions import mail_outs, people
from mailer.base.errors import UsageError
from mailer.cli.context import Command, Context
from mailer.cli.screen import choose
from mailer.ledger.ledger import Ledger, number_of

if TYPE_CHECKING:
    from mailer.ledger.reading.deliveries import Delivery


@click.command(cls=Command)
@click.argument("mail_out", metavar="M")
@click.argument("name", nargs=-1)
@click.pass_obj
def name(context: Context, mail_out: str, name: tuple[str, ...]) -> None:
    """Give a mail-out a name of its own; without NAME it has its appeal's title again.

    \b
    mailer log name M-0003 Nordic countries first
    """
    with choose.open_log(context) as ledger:
        now = mail_outs.call(ledger, number_of(mail_out), " ".join(name), who=getpass.getuser())
    if context.json:
        context.data({"mail_out": now.name, "title": now.title})
    context.say(f'{now.name} is called "{now.title}".')


@click.command(cls=Command)
@click.argument("what", metavar="M[-NNN]")
@click.argument("text", nargs=-1, required=True)
@click.pass_obj
def note(context: Context, what: str, text: tuple[str, ...]) -> None:
    """Write a note beside a mail-out, or beside one letter of it.

    \b
    mailer log note M-0003 wait for the committee
    mailer log note M-0003-042 her office asked for the report
    """
    said, who = " ".join(text), getpass.getuser()
    with choose.open_log(context) as ledger:
        if all(choose.who_in((what,))):
            people.note(ledger, _letter(context, ledger, what), said, who=who)
        else:
            mail_outs.note(ledger, number_of(what), said, who=who)
    if context.json:
        context.data({"noted": what, "text": said})
    context.say("The note is written.")


@click.command("follow-up", cls=Command)
@click.argument("what", metavar="M-NNN")
@click.option("--owner", metavar="NAME", default="", help="Who follows it up.")
@click.option("--due", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="Until which day.")
@click.option("--note", "text", metavar="TEXT", default="", help="A note beside the letter.")
@click.option("--done/--again", default=None, help="Tick it off, or take it up again.")
@click.pass_obj
def follow_up(
    context: Context, what: str, owner: str, due: datetime | None, text: str, done: bool | None
) -> None:
    """Say who follows one letter up, until when, and what came of it.

    \b
    mailer log follow-up M-0003-042 --owner "Carla Example" --due 2027-04-20
    mailer log follow-up M-0003-042 --note "her office asked for the report" --done
    """
    who = getpass.getuser()
    if not (owner or due or text or done is not None):
        raise UsageError("Say who follows it up, or by which day.", hint="--owner, --due, --done")
    with choose.open_log(context) as ledger:
        one = _letter(context, ledger, what)
        if owner or due:
            people.assign(ledger, one, owner, due.date() if due else None, who=who)
        if text:
            people.note(ledger, one, text, who=who)
        if done is not None:
            people.follow_up(ledger, one, again=not done, who=who)
        with ledger.reading() as connection:
            now = people.followed_up(connection, one)
    if context.json:
        context.data({"letter": one.shown, "owner": now.owner, "due": now.due, "done": now.done})
    given = now.owner or "nobody yet"
    until = f", until {now.due}" if now.due else ""
    ticked = f"; done, says {now.done}" if now.done else ""
    context.say(f"{one.name} in {one.shown}: {given}{until}{ticked}.")


def _letter(context: Context, ledger: Ledger, what: str) -> Delivery:
    """Return the one letter that M-NNN names."""
    mail_out, number = choose.who_in((what,))
    with ledger.reading() as connection:
        chosen = choose.mail_out_of(context, connection, mail_out)
        found = choose.find_people(connection, chosen, number) if number else []
    if len(found) != 1:
        raise UsageError(f"{what} is not one letter.")
    return found[0]
