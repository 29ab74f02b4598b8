"""`mailer draft`: letters as drafts in the sender's own mailbox, for a person to send."""

from __future__ import annotations

import getpass

import click

from mailer.cli.context import Command, Context, printable
from mailer.cli.screen import choose
from mailer.cli.screen.tables import show_people, show_steps, show_text
from mailer.ledger.ledger import number_of


@click.command(cls=Command)
@click.argument("mail_out")
@click.option(
    "--only",
    metavar="NAMES",
    help="Only these: delegations, people, addresses or numbers, separated by commas.",
)
@click.option("--look", is_flag=True, help="Only look which drafts were sent; put none.")
@click.pass_obj
def draft(context: Context, mail_out: str, only: str | None, look: bool) -> None:
    """Put letters among the drafts of your own mailbox, in the place of sending them.

    You send each from your mail program. No sender takes them any more; what is found among the
    sent mail ([imap] in config.toml) counts as accepted. Type it again at any time: each letter
    lies there once.

    \b
    mailer draft M-0001 --only NO,"Anna Berg"
    mailer draft M-0001 --look
    """
    from mailer.actions.mail_outs.drafts import look_after_drafts, put_drafts

    names = [word.strip() for word in (only or "").split(",") if word.strip()]
    who, mail_out_id = getpass.getuser(), number_of(mail_out)
    with choose.open_log(context) as ledger:
        if look:
            done = look_after_drafts(context.workspace, ledger, mail_out_id, who=who)
        else:
            done = put_drafts(context.workspace, ledger, mail_out_id, names, who=who)
    if context.json:
        context.data(
            {
                "folder": done.folder,
                "put": [one.shown for one in done.put],
                "sent": [
                    {"delivery": one.shown, "evidence": evidence} for one, evidence in done.sent
                ],
                "passed_over": [one.shown for one in done.passed_over],
                "astray": [one.shown for one in done.astray],
                "lying": done.lying,
                "waiting": done.waiting,
            }
        )
        return
    for one, evidence in done.sent:
        show_text(context, printable(f"{one.shown} {one.name}: {evidence}"))
    if done.put:
        context.say(f'Put into the folder "{printable(done.folder)}":')
        show_people(context, done.put)
    if done.passed_over:
        context.say("Passed over, and nobody lays them there:")
        show_people(context, done.passed_over)
    if done.astray:
        context.say(
            f'Lying in the folder "{printable(done.folder)}", though somebody has said otherwise'
            " meanwhile: delete them there.",
            "yellow",
        )
        show_people(context, done.astray)
    lie = "1 letter lies as a draft" if done.lying == 1 else f"{done.lying} letters lie as drafts"
    context.say(f"{lie}; found sent: {len(done.sent)}; still waiting: {done.waiting}.")
    name = mail_out.upper()
    steps = []
    if done.lying:
        steps.append(("when you have sent them", f"mailer draft {name} --look"))
        taken_back = f'mailer resolve {name} WHO --not-sent --because "…"'
        steps.append(("one is not to be sent", taken_back))
    if done.waiting:
        steps.append(("send the others", f"mailer send {name}"))
    show_steps(context, steps or [("look at it", f"mailer status {name}")])
