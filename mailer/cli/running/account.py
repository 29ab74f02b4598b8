"""`mailer account`: who may use the console. The first administrator is made here."""

from __future__ import annotations

import getpass

import click

from mailer.actions.team import members as team
from mailer.actions.team.members import Invitation
from mailer.actions.team.rights import ROLES
from mailer.cli.context import Command, CommandGroup, Context

ROLE = click.Choice(list(ROLES))
HERE = "http://127.0.0.1:8025"


@click.group(cls=CommandGroup)
def account() -> None:
    """Who may use the console: invite people, change what they may do, close accounts.

    An account begins with a one-time link; whoever follows it sets the password.
    """


@account.command(cls=Command)
@click.argument("name")
@click.option("--role", type=ROLE, required=True, help="What they may do.")
@click.option("--organisation", default="", help="Of which organisation they are.")
@click.pass_obj
def add(context: Context, name: str, role: str, organisation: str) -> None:
    """Make an account, and print the link by which its person sets the password."""
    with context.ledger() as ledger:
        _show(context, team.invite(ledger, name, role, organisation, who=getpass.getuser()))


@account.command(cls=Command)
@click.argument("name")
@click.option(
    "--forget-second-factor", is_flag=True, help="The telephone is lost, and so are the codes."
)
@click.pass_obj
def link(context: Context, name: str, forget_second_factor: bool) -> None:
    """Print a new link for an account: the password was forgotten, or the link is too old."""
    with context.ledger() as ledger:
        made = team.link(ledger, name, who=getpass.getuser(), forget_second=forget_second_factor)
    _show(context, made)


@account.command(cls=Command)
@click.argument("name")
@click.argument("role", type=ROLE)
@click.pass_obj
def role(context: Context, name: str, role: str) -> None:
    """Give an account another role; its person signs in anew."""
    with context.ledger() as ledger:
        one = team.change_role(ledger, name, role, who=getpass.getuser())
    if one.role == role:
        context.say(f"{one.name} is {role} already; nothing was changed.")
    else:
        context.say(f"{one.name} is {role} now, and signs in anew.")


@account.command(cls=Command)
@click.argument("name")
@click.pass_obj
def close(context: Context, name: str) -> None:
    """Close an account: nobody signs in with it any more; what it did stays on record."""
    with context.ledger() as ledger:
        one = team.close(ledger, name, who=getpass.getuser())
    context.say(f"{one.name} can no longer sign in.")


@account.command("list", cls=Command)
@click.pass_obj
def list_(context: Context) -> None:
    """List the accounts, and how each signs in."""
    with context.ledger() as ledger, ledger.reading() as connection:
        found = team.members(connection, ledger.now())
    for member in found:
        one = member.account
        values = {
            "name": one.name,
            "role": one.role,
            "organisation": one.organisation,
            "standing": member.standing,
            "second_factor": bool(one.second),
            "link_by": one.invited_by,
        }
        if context.json:
            context.data(values)
        else:
            more = [one.organisation, member.standing, "second factor" if one.second else ""]
            context.out.print(f"{one.name}: {one.role} · {' · '.join(filter(None, more))}")
    if not found and not context.json:
        context.say("Nobody has an account yet: mailer account add NAME --role admin")


def _show(context: Context, made: Invitation) -> None:
    address = f"{context.workspace.settings.console.address or HERE}{made.path}"
    if context.json:
        context.data({"name": made.name, "role": made.role, "url": address, "until": made.until})
        return
    context.out.print(address, soft_wrap=True)
    context.say(
        f"This link lets {made.name} ({made.role}) set a password, once, within three days."
    )
    context.say("Hand it over so that nobody else reads it.")
