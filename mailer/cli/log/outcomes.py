"""`mailer log people`, `find`, `delegations`, `export`: the send log, one person a line."""

from __future__ import annotations

import getpass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mailer.actions.campaign import positions
from mailer.actions.people import for_the_telephone
from mailer.base.errors import UsageError
from mailer.base.states import State
from mailer.cli.context import Command, Context, Everywhere, printable
from mailer.cli.screen import choose
from mailer.cli.screen.files import may_write, writing
from mailer.report import comparison, totals
from mailer.report.export import csv_file, workbook
from mailer.report.export import json_lines as as_json_lines

if TYPE_CHECKING:
    pass

TOGETHER = 1000
"""People whose lines stand under one another; more have columns of their own width."""
NAMED = 3
"""People of each fate whom a comparison names."""

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(cls=Command)
@click.argument("mail_out", required=False, metavar="[M|APPEAL]")
@choose.filters
@click.pass_obj
def people(context: Context, /, mail_out: str | None, **filters: Any) -> None:
    """List people, and what became of each.

    One a line, in the order of the sheets, with the reason. Without M: the newest
    mail-out; with several of its appeal, the appeal over all of them, as with its name.

    \b
    mailer log people --search berg
    mailer log people M-0007 --state refused,unknown
    mailer log people M-0007 --state "left out" --delegation Norway,FR
    mailer log people M-0007 --came-back away,left_office
    """
    with choose.open_log(context) as ledger, ledger.reading() as connection:
        chosen = choose.reading_of(context, connection, mail_out)
        found = choose.people(connection, chosen, context.workspace.delegations, **filters)
        if context.json:
            for one in found:
                context.data(totals.person(one))
            return
        everyone = choose.counted_of(context, connection, chosen).everyone
        people, first = 0, ""
        while some := list(islice(found, TOGETHER)):
            from mailer.cli.screen.tables import show_people

            show_people(context, some)
            people, first = people + len(some), first or some[0].shown
    if not people:
        context.say(f"Nobody of the {everyone} people of {chosen.name} is like that.")
    else:
        from mailer.cli.screen.tables import show_steps

        context.say(f"{people} of the {everyone} people of {chosen.name}")
        show_steps(context, [("the story of one letter", f"mailer log show {first}")])


@click.command(cls=Command)
@click.argument("words", nargs=-1, required=True, metavar="TEXT")
@click.pass_obj
def find(context: Context, words: tuple[str, ...]) -> None:
    """Find a person in all mail-outs and in the sheets.

    By words of the name or the address; in the mail-outs also by what servers said, and by notes.

    \b
    mailer log find mueller
    mailer log find mailbox full
    """
    from mailer.actions.people import find
    from mailer.plan.draft import read_contacts

    _, book, _ = read_contacts(context.workspace)
    with choose.open_log(context) as ledger, ledger.reading() as connection:
        found = find(connection, book, " ".join(words))
    if context.json:
        for one in found.deliveries:
            context.data(totals.person(one))
        for contact in found.contacts:
            about = ("name", "address", "delegation", "file", "sheet", "row")
            context.data({name: getattr(contact, name) for name in about})
        return
    from mailer.cli.screen.tables import show_people, show_rows

    show_people(context, found.deliveries)
    show_rows(
        context,
        [
            (
                [contact.name or "(no name)", contact.delegation or "??"],
                [f"{contact.file}, row {contact.row}"],
                "",
            )
            for contact in found.contacts
        ],
    )
    many = f"{len(found.deliveries)}{' and more' if found.more else ''}"
    context.say(f"{many} in the mail-outs, {len(found.contacts)} in the sheets")


@click.command(cls=Command)
@click.argument("mail_out", required=False, metavar="[M|APPEAL]")
@click.option("--all", "everything", is_flag=True, help="Also those with nothing to look at.")
@click.pass_obj
def delegations(context: Context, mail_out: str | None, everything: bool) -> None:
    """List the delegations, worst first.

    Below them stands why people were left out. Without M: the newest
    mail-out; with several of its appeal, the appeal over all of them, as with its name.
    """

    with choose.open_log(context) as ledger, ledger.reading() as connection:
        chosen = choose.reading_of(context, connection, mail_out)
        counted = choose.counted_of(context, connection, chosen)
        if context.json:
            lines = totals.delegations(connection, counted, context.workspace.delegations)
            for line in lines:
                counts = totals.plain(line.counts)
                context.data(
                    {
                        "delegation": line.code,
                        "name": line.name,
                        "planned": line.people,
                        "counts": counts,
                    }
                )
            for one in totals.absent(lines, context.workspace.delegations):
                none = totals.plain(dict.fromkeys(State, 0))
                context.data(
                    {"delegation": one.code, "name": one.name_en, "planned": 0, "counts": none}
                )
            return
        from mailer.cli.screen.tables import show_delegations, show_left_out, show_steps

        show_delegations(context, connection, chosen, counted, everything=everything)
        context.out.print()
        show_left_out(context, counted)
        show_steps(
            context, [("the people of one", f"mailer log people {chosen.name} --delegation FR")]
        )


class Export(Command):
    """Here --json names a file, as --csv and --xlsx do."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params = [
            one
            for one in self.params
            if not (isinstance(one, Everywhere) and one.attribute == "json")
        ]


@click.command(cls=Export)
@click.argument("mail_out", required=False, metavar="[M|APPEAL]")
@click.option(
    "--xlsx",
    type=FILE,
    metavar="FILE",
    help="A workbook: totals on the first tab, people on the second.",
)
@click.option(
    "--csv", type=FILE, metavar="FILE", help="One line a person, for any spreadsheet program."
)
@click.option(
    "--json",
    "json_lines",
    type=FILE,
    metavar="FILE",
    help="One JSON object a line, as log people --json.",
)
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@click.option(
    "--with-positions",
    is_flag=True,
    help="Also where members stand; that you take it along is recorded.",
)
@choose.filters
@click.pass_obj
def export(
    context: Context,
    /,
    mail_out: str | None,
    xlsx: Path | None,
    csv: Path | None,
    json_lines: Path | None,
    force: bool,
    with_positions: bool,
    **filters: Any,
) -> None:
    """Write people to a file.

    Everyone, or exactly the rows that the filters choose. Without M: the newest mail-out;
    with several of its appeal, the appeal over all of them, as with its name.

    \b
    mailer log export M-0007 --xlsx outcome.xlsx
    mailer log export M-0007 --csv refused.csv --state refused
    """
    wanted = [
        (path, make)
        for path, make in ((xlsx, workbook), (csv, csv_file), (json_lines, as_json_lines))
        if path is not None
    ]
    if not wanted:
        raise UsageError(
            "Into which file?", hint="mailer log export --xlsx outcome.xlsx (or --csv, --json)"
        )
    for path, _ in wanted:
        may_write(path, force=force)
    with choose.open_log(context) as ledger, ledger.reading() as connection:
        chosen = choose.reading_of(context, connection, mail_out)
        everyone = choose.counted_of(context, connection, chosen).everyone
        beside = for_the_telephone(context.workspace)
        if with_positions:
            who = getpass.getuser()
            stands = positions.as_column(context.workspace, ledger, chosen.appeal, who=who)
            beside = {**beside, **stands}
        known = context.workspace.delegations
        name = partial(known.name, language="en")
        for path, make in wanted:
            found = choose.people(connection, chosen, known, **filters)
            with writing(path, force=force) as out:
                people = make(out, chosen, found, name, beside)
            context.say(f"{people} of the {everyone} people of {chosen.name} are in {path}.")


@click.command(cls=Command)
@click.argument("first", metavar="M")
@click.argument("second", metavar="M")
@click.pass_obj
def compare(context: Context, first: str, second: str) -> None:
    """Compare two mail-outs: what became of the same people in each.

    \b
    mailer log compare M-0001 M-0002
    """
    with choose.open_log(context) as ledger, ledger.reading() as connection:
        one, other = (choose.mail_out_of(context, connection, name) for name in (first, second))
        fates = comparison.compare(connection, one.id, other.id, NAMED)
    for fate in fates:
        if context.json:
            context.data(
                {
                    "first": fate.first,
                    "second": fate.second,
                    "people": len(fate.deliveries),
                    "deliveries": list(fate.deliveries),
                }
            )
            continue
        was, now = comparison.in_words(fate.first), comparison.in_words(fate.second)
        names = ", ".join(each.name or each.shown for each in fate.people)
        more = ", …" if len(fate.deliveries) > NAMED else ""
        context.out.print(
            printable(f"{len(fate.deliveries):>5}  {was} → {now}: {names}{more}"), soft_wrap=True
        )
