"""`mailer report`: what an appeal has brought, on one page, and the sheets with an outcome in each
row.
"""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailer.cli.campaign.position import BY, about
from mailer.cli.context import Command, Context, printable
from mailer.cli.screen.files import may_write, write

if TYPE_CHECKING:
    from mailer.report import paper

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(cls=Command)
@click.argument("appeal", required=False)
@click.option("--html", type=FILE, metavar="FILE", help="The page for any browser.")
@click.option("--pdf", type=FILE, metavar="FILE", help="The page for printing.")
@click.option(
    "--with-positions",
    is_flag=True,
    help="Also where members stand, in numbers; that you read it is recorded.",
)
@click.option(
    "--sheets",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Copies of the contact sheets, with a column Outcome in each row.",
)
@BY
@click.option("--force", is_flag=True, help="Overwrite files.")
@click.pass_obj
def report(
    context: Context,
    appeal: str | None,
    html: Path | None,
    pdf: Path | None,
    with_positions: bool,
    sheets: Path | None,
    by: str | None,
    force: bool,
) -> None:
    """What an appeal has brought, in counts: one page for the coalition.

    Reached, answered, not reached and why, past votes, by delegation. It names nobody.

    \b
    mailer report credentials
    mailer report credentials --pdf report.pdf --with-positions
    mailer report credentials --sheets outcome
    """
    from mailer.actions.campaign import brought, outcome_column
    from mailer.plan.draft import read_contacts
    from mailer.report import paper

    files = [path for path in (html, pdf) if path is not None]
    for path in files:
        may_write(path, force=force)
    of, members = about(context, appeal)
    reader = (by or getpass.getuser()) if with_positions else ""
    if sheets is not None:
        _, book, _ = read_contacts(context.workspace)
        for file in book.files:
            may_write(sheets / Path(file).name, force=force)
        with context.ledger() as ledger:
            made = outcome_column.sheets_with_outcome(context.workspace, ledger, book, of.name)
        sheets.mkdir(parents=True, exist_ok=True)
        for name, content in made.items():
            write(sheets / name, content, force=force)
            files.append(sheets / name)
    with context.ledger() as ledger:
        found = brought.brought(context.workspace, ledger, of, members, reader=reader)
    page = brought.page(found, context.workspace)
    if html is not None:
        write(html, paper.as_html(page), force=force)
    if pdf is not None:
        write(pdf, paper.as_pdf(page, context.workspace.root), force=force)
    for path in files:
        context.say(f"{path} is written.")
    if context.json:
        context.data(brought.as_data(found))
    elif not files:
        _show(context, page)


def _show(context: Context, page: paper.ReportPage) -> None:
    from mailer.cli.screen.tables import show_rows

    context.out.print(printable(page.title), style="bold", soft_wrap=True)
    context.out.print(printable(page.below), soft_wrap=True)
    for part in page.parts:
        context.out.print(f"\n{printable(part.heading)}", style="bold", soft_wrap=True)
        for line in part.lines:
            context.out.print(f"  {printable(line)}", soft_wrap=True)
        if part.table:
            head, *rows = part.table
            shown = [(list(row), [""], "") for row in rows]
            show_rows(context, shown, right=range(1, len(head)), head=head)
