"""`mailer log name` and `note`: what people say of a mail-out, or write beside a letter."""

from __future__ import annotations

import getpass

import click

from mailer.actions import mail_outs, people
from mailer.base.errors import UsageError
from mailer.cli.context import Command, Context
from mailer.cli.screen import choose
from mailer.ledger.ledger import number_of


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
    mail_out, number = choose.who_in((what,))
    with choose.open_log(context) as ledger:
        if mail_out and number:
            with ledger.reading() as connection:
                chosen = choose.mail_out_of(context, connection, mail_out)
                found = choose.find_people(connection, chosen, number)
            if len(found) != 1:
                raise UsageError(f"{what} is not one letter.")
            people.note(ledger, found[0], said, who=who)
        else:
            mail_outs.note(ledger, number_of(what), said, who=who)
    if context.json:
        context.data({"noted": what, "text": said})
    context.say("The note is written.")
