"""`mailer resolve`: a named person settles an unknown delivery, or releases its letter to be sent
once more.
"""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

import click

from mailer.actions import people
from mailer.base.errors import UsageError
from mailer.base.states import WORDS, State
from mailer.cli.context import Command, Context
from mailer.cli.screen import choose
from mailer.ledger.ledger import shown

if TYPE_CHECKING:
    from mailer.ledger.ledger import Ledger
    from mailer.ledger.mailouts import MailOut
    from mailer.ledger.reading.deliveries import Delivery


@click.command(cls=Command)
@click.argument("words", nargs=-1, required=True, metavar="M WHO")
@click.option("--accepted", "to", flag_value="accepted", help="It was accepted: count it so.")
@click.option(
    "--not-sent",
    "to",
    flag_value="not_sent",
    help="It did not go out: the person may be written to anew.",
)
@click.option(
    "--resend",
    "to",
    flag_value="resend",
    help="Plan the same letter once more; this one stays unknown.",
)
@click.option(
    "--because", required=True, metavar="TEXT", help="What makes you sure; it stays on record."
)
@click.option("--by", metavar="NAME", help="Who decided; otherwise your name on this computer.")
@click.pass_obj
def resolve(
    context: Context, words: tuple[str, ...], to: str | None, because: str, by: str | None
) -> None:
    """Say what became of an unknown delivery, or of a draft, as a named person.

    Look at the evidence first: mailer log show M WHO. WHO is a name or a part of it, an address, or
    a number of the log.

    \b
    mailer resolve M-0007 anna.berg@no.parliament.example --accepted --because "she answered"
    mailer resolve M-0007-042 --resend --because "their postmaster has no trace of it"
    """
    name, who = choose.who_in(words)
    if name is None or not who:
        raise UsageError(
            "Whose letter, of which mail-out?",
            hint="mailer resolve M-0007 NAME --accepted --because TEXT",
        )
    if to is None:
        hint = "--accepted, --not-sent or --resend; mailer log show has the evidence"
        raise UsageError("What became of it?", hint=hint)
    because, by = because.strip(), (by or getpass.getuser()).strip()
    with choose.open_log(context) as ledger:
        with ledger.reading() as connection:
            mail_out = choose.mail_out_of(context, connection, name)
            one = _the_one(mail_out, choose.find_people(connection, mail_out, who), who)
        if to == "resend":
            _release(context, ledger, mail_out, one, because, by)
        else:
            _settle(context, ledger, one, State(to), because, by)


def _the_one(mail_out: MailOut, found: list[Delivery], who: str) -> Delivery:
    unknown = [one for one in found if one.state in (State.UNKNOWN, State.DRAFTED)]
    if len(unknown) > 1:
        hint = f"name one: {', '.join(one.shown for one in unknown)}"
        raise UsageError(
            f"{len(unknown)} people of {mail_out.name} match {who!r} and are to be settled.",
            hint=hint,
        )
    return (unknown or found)[0]


def _settle(
    context: Context, ledger: Ledger, one: Delivery, to: State, because: str, by: str
) -> None:
    people.settle(context.workspace, ledger, one, to, who=by, because=because)
    if context.json:
        context.data({"delivery": one.shown, "state": to, "who": by, "resend": None})
        return
    context.say(f"{one.name} in {shown(one.mail_out_id)}: {WORDS[to]}. Decided by {by}: {because}")
    if to is State.NOT_SENT:
        context.say(f"  write to them anew   mailer retry {shown(one.mail_out_id)}")


def _release(
    context: Context, ledger: Ledger, mail_out: MailOut, one: Delivery, because: str, by: str
) -> None:
    from mailer.plan.draft import draft

    now = draft(context.workspace, mail_out.appeal)
    name = people.resend(ledger, one, now, who=by, because=because)
    if context.json:
        context.data({"delivery": one.shown, "state": State.UNKNOWN, "who": by, "resend": name})
        return
    context.say(
        f"{name} is planned: the letter of {one.shown} to {one.name} once more, with the same"
        " Message-ID."
    )
    context.say(f"{one.shown} stays unknown. Nothing has been sent yet.")
    context.say(f"  send it   mailer send {name}      leave it   mailer stop {name}")
