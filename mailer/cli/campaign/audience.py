"""`mailer audience`: conditions under a name, to be planned with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mailer.base.spelling import many
from mailer.cli.context import Command, CommandGroup, Context

if TYPE_CHECKING:
    from mailer.actions.mail_outs.audiences import SavedAudience


@click.group(cls=CommandGroup)
def audience() -> None:
    """Saved audiences: a condition under a name.

    They stand in audiences.toml of the workspace. `mailer plan APPEAL --audience NAME` writes to
    whoever it holds of then.
    """


@audience.command("save", cls=Command)
@click.argument("name")
@click.option("--where", required=True, metavar="CONDITION", help="As for mailer plan.")
@click.pass_obj
def save(context: Context, name: str, where: str) -> None:
    """Keep a condition under a name, in place of the one that had it.

    \b
    mailer audience save monitoring --where "committee = Monitoring and not replied"
    """
    from mailer.actions.mail_outs import audiences

    with context.ledger() as ledger:
        found = audiences.save(context.workspace, ledger, name, where)
    if context.json:
        context.data(_plain(found) | {"replaced": found.replaced})
    context.say(f'"{found.name}" is saved: {many(len(found.people), "person", "people")} now.')
    if found.replaced and found.replaced != found.where:
        context.say(f"It was: {found.replaced}")


@audience.command("list", cls=Command)
@click.pass_obj
def list_(context: Context) -> None:
    """List the saved audiences."""
    from mailer.actions.mail_outs import audiences
    from mailer.cli.screen.tables import show_rows

    there = audiences.every(context.workspace)
    if context.json:
        for name, where in there.items():
            context.data({"audience": name, "where": where})
        return
    if not there:
        context.say('None is saved yet: mailer audience save NAME --where "role = substitute"')
    show_rows(context, [([name], [where], "") for name, where in there.items()])


@audience.command("show", cls=Command)
@click.argument("name")
@click.pass_obj
def show(context: Context, name: str) -> None:
    """List the people of a saved audience, as the sheets have them now."""
    from mailer.actions.mail_outs import audiences
    from mailer.cli.screen.tables import show_rows

    with context.ledger() as ledger:
        found = audiences.show(context.workspace, ledger, name)
    if context.json:
        context.data(_plain(found))
        return
    context.say(f"{found.where}: {many(len(found.people), 'person', 'people')}")
    show_rows(
        context,
        [
            ([one.name or "(no name)", one.delegation or "??"], [one.role or "(no role)"], "")
            for one in found.people
        ],
    )


@audience.command("drop", cls=Command)
@click.argument("name")
@click.pass_obj
def drop(context: Context, name: str) -> None:
    """Take a saved audience away; plans that were made with it stay as they are."""
    from mailer.actions.mail_outs import audiences

    where = audiences.drop(context.workspace, name)
    if context.json:
        context.data({"audience": name, "where": where})
    context.say(f'"{name}" is taken away. It was: {where}')


def _plain(found: SavedAudience) -> dict[str, object]:
    people = [{"name": one.name, "delegation": one.delegation} for one in found.people]
    return {"audience": found.name, "where": found.where, "people": people}
