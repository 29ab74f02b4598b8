"""`mailer log person`, `forget`, `retention`: what is kept of somebody, and how it goes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from mailer.base.errors import Refused, UsageError
from mailer.base.spelling import many
from mailer.cli.context import Command, Context
from mailer.cli.screen import choose
from mailer.ledger.ledger import shown

if TYPE_CHECKING:
    from mailer.actions.send_log.footprint import Footprint
    from mailer.actions.send_log.forgetting import Forgotten


@click.command(cls=Command)
@click.argument("who", required=False)
@click.option(
    "--before",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Everyone of mail-outs that ended before; the sheets stay.",
)
@click.option(
    "--because", required=True, metavar="TEXT", help="Why; it stays on record, so name nobody."
)
@click.option("--hold", is_flag=True, help="Hold them from now on, by a salted hash.")
@click.option("--files", is_flag=True, help="Delete the other files that name them, too.")
@click.option(
    "--confirm",
    type=int,
    metavar="N",
    help="The number of rows that are erased; without it, it is only shown.",
)
@click.option("--by", metavar="NAME", help="Who erases; otherwise your name on this computer.")
@click.pass_obj
def forget(
    context: Context,
    who: str | None,
    before: datetime | None,
    because: str,
    hold: bool,
    files: bool,
    confirm: int | None,
    by: str | None,
) -> int:
    """Forget a person, or erase everyone of old mail-outs.

    WHO is an address or a whole name. Name, address, letters, and every text about the person go
    from the send log, the sheets, and all copies in the workspace; state, code, times and the
    counts stay, and mailer log verify still proves the log. What only you can change is named. This
    cannot be taken back.

    \b
    mailer log forget anna.berg@no.parliament.example --because "asked to be erased" --confirm 3
    mailer log forget --before 2027-04-25 --because "kept for 90 days"
    """
    import getpass

    from mailer.actions.send_log import footprint, forgetting

    if (who is None) == (before is None):
        raise UsageError("Erase whom?", hint="an address or a whole name, or --before DATE")
    if before and (hold or files):
        raise UsageError("--hold and --files are about one person.", hint="name them")
    name, because = by or getpass.getuser(), because.strip()
    with choose.open_log(context) as ledger:
        with ledger.reading() as connection:
            found = footprint.footprint(context.workspace, connection, who) if who else None
            gone = (
                found.deliveries
                if found
                else forgetting.ended_before(
                    connection, before.date() if before else ledger.now().date()
                )
            )
        number = len(gone)
        if found is None and not number and confirm != 0:
            raise UsageError("No mail-out that ended before is left to be erased.")
        if confirm is None or confirm != number:
            names = sorted({shown(one.mail_out_id) for one in gone})
            where = f" in {', '.join(names)}" if names else " of the log"
            context.say(f"{many(number, 'row')}{where} would be erased. Nothing was changed.")
            if found:
                _show(context, found)
            context.say(f"  erase them   the same command with --confirm {number}")
            return Refused.exit_code
        if found is None:
            erased = forgetting.forget_before(ledger, gone, who=name, because=because)
            _say_erased(context, erased, number, None)
            return 0
        done = forgetting.forget(
            context.workspace, ledger, found, who=name, because=because, files=files, hold=hold
        )
    _say_erased(context, done.erased, number, done)
    return 1 if done.left else 0


def _show(context: Context, found: Footprint) -> None:
    """Say what would become of each place but the rows of the log."""
    texts = sum(map(len, found.mentions.values()))
    if texts:
        context.say(f"  {many(texts, 'other text')} of the log: without the lines that name them")
    rows = {row.file for row in found.rows}
    for one in found.files:
        if one.unread:
            context.say(f"  {one.file}: cannot be looked through; look yourself")
        else:
            context.say(f"  {one.file} ({one.place.what}): {one.becomes(rows)}")


def _say_erased(context: Context, erased: int, number: int, done: Forgotten | None) -> None:
    if context.json:
        more = {}
        if done:
            more = {
                "texts": done.words,
                "rows": done.rows,
                "held": done.sealed,
                "changed": done.changed,
                "deleted": done.deleted,
                "left": [one.file for one in done.left],
            }
        context.data({"erased": erased} | more)
        return
    context.say(
        f"{erased} of {many(number, 'row')} are erased. What became of the letters stays counted."
    )
    if done is None:
        return
    for file in done.deleted:
        context.say(f"  {file}: deleted")
    for file in done.changed:
        context.say(f"  {file}: their lines are gone")
    if done.rows:
        context.say(f"  {many(done.rows, 'row')} of the sheets: emptied")
    if done.sealed:
        context.say("  the hold list goes on holding them, by a salted hash")
    for one in done.left:
        why = "could not be looked through" if one.unread else "still names them"
        context.say(f"  ✗ {one.file} ({one.place.what}) {why}: it is yours to change or delete")


@click.command(cls=Command)
@click.argument("who")
@click.pass_obj
def person(context: Context, who: str) -> None:
    """Give everything that is held on one person, for them to see.

    WHO is an address or a whole name. Rows of the sheets, lists, letters with their story and text,
    answers, notes, positions, and the files that name them (GDPR, Article 15). What it says is
    theirs; see that nobody else is named in it before you hand it over.

    \b
    mailer log person anna.berg@no.parliament.example
    mailer --json log person "Anna Berg" > anna-berg.json
    """
    import getpass

    from mailer.actions.send_log.held import held_on, lines_of

    with choose.open_log(context) as ledger:
        held = held_on(context.workspace, ledger, who, by=getpass.getuser())
    if context.json:
        context.data(held)
        return
    for line in lines_of(held):
        context.out.print(line, markup=False, highlight=False, soft_wrap=True)


@click.command(cls=Command)
@click.option("--dry-run", is_flag=True, help="Say what is due, and change nothing.")
@click.option("--by", metavar="NAME", help="Who erases; otherwise your name on this computer.")
@click.pass_obj
def retention(context: Context, dry_run: bool, by: str | None) -> int:
    """Take away what is kept longer than the settings say.

    Names, addresses and letters of mail-outs that ended [sender] privacy keep_days ago; texts of
    what came back after [inbox] keep_days; copies after [retention]. Counts and outcomes stay.

    \b
    mailer log retention --dry-run
    """
    import getpass

    from mailer.actions.send_log import retention as actions

    with choose.open_log(context) as ledger:
        with ledger.reading() as connection:
            found = actions.due(context.workspace, connection, ledger.now())
        if found and not dry_run:
            actions.take_away(context.workspace, ledger, found, who=by or getpass.getuser())
    names = sorted({shown(one.mail_out_id) for one in found.people})
    if context.json:
        said = {"people": len(found.people), "mail_outs": names, "answers": found.answers}
        context.data(said | {"files": found.files, "taken": not dry_run})
        return 0
    verb = "due" if dry_run else "erased"
    if found.days is None:
        context.say("How long people are kept is not said: [sender] privacy in config.toml")
    else:
        where = f" of {', '.join(names)}" if names else ""
        context.say(f"{many(len(found.people), 'row')}{where} {verb}, after {found.days} days")
    context.say(f"{many(found.answers, 'text')} of what came back {verb}")
    context.say(f"{many(len(found.files), 'copy', 'copies')} {verb}")
    for file in found.files:
        context.say(f"  {file}")
    return 0
