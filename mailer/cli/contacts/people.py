"""One person of the sheets, and the hold list."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

import click

from mailer.base.errors import Severity, UsageError
from mailer.base.states import MailOutState
from mailer.cli.context import Command, Context, printable
from mailer.cli.screen.problems import show_problems

if TYPE_CHECKING:
    from mailer.contacts.contact import Contact
    from mailer.contacts.holds import Holds


@click.command(cls=Command)
@click.argument("who", required=False)
@click.pass_obj
def show(context: Context, who: str | None) -> None:
    """Show the people of the sheets, or everything about one of them."""
    from mailer.actions.people import known_as
    from mailer.actions.sheets.check import source_of
    from mailer.plan.draft import read_contacts

    _, book, holds = read_contacts(context.workspace)
    people = known_as(book, who) if who else list(book.contacts)
    if context.json:
        for contact in people:
            held = holds.match(contact)
            source, since = source_of(context.workspace, contact) if who else ("", "")
            about = {"held": str(held) if held else None, "source": source, "since": since}
            context.data({**_plainly(contact), **about})
        return
    if who and len(people) == 1:
        _show_one(context, people[0], holds)
        return
    for contact in people:
        state = (
            f"  – {contact.problem.message}"
            if contact.problem
            else "  – on the hold list"
            if holds.match(contact)
            else ""
        )
        line = (
            f"{contact.delegation or '??'}  {contact.name or '(no name)'}  {contact.role} "
            f" {contact.address}{state}"
        )
        context.out.print(printable(line), soft_wrap=True)


def _plainly(contact: Contact) -> dict[str, object]:
    names = (
        "name",
        "delegation",
        "role",
        "address",
        "language",
        "gender",
        "chamber",
        "group",
        "title",
        "file",
        "sheet",
        "row",
    )
    return {name: getattr(contact, name) for name in names} | {
        "skip": contact.skip,
        "extra": dict(contact.extra),
    }


def _show_one(context: Context, contact: Contact, holds: Holds) -> None:
    from mailer.actions.sheets.check import about, source_of
    from mailer.base.errors import Problem

    place = Problem("", Severity.NOTE, "", contact.file, contact.sheet, row=contact.row).place
    context.out.print(
        f"{printable(contact.name)}   {place} · row {contact.row}", style="bold", soft_wrap=True
    )
    for name, value, cell in about(contact):
        context.out.print(
            f"  {name:12} {printable(value)}{f'   ({cell})' if cell else ''}", soft_wrap=True
        )
    source, since = source_of(context.workspace, contact)
    if source:
        context.out.print(f"  {'address from':12} {printable(source)}, {since}", soft_wrap=True)
    if contact.problem:
        context.out.print(
            f"  left out: {contact.problem.message} [{contact.problem.code}]",
            style="red",
            soft_wrap=True,
        )
    if held := holds.match(contact):
        context.out.print(
            f"  on the hold list: {printable(str(held))}", style="red", soft_wrap=True
        )


@click.command(cls=Command)
@click.argument("who")
@click.option("--because", required=True, metavar="TEXT", help="Why nobody writes to this person.")
@click.option(
    "--by", metavar="NAME", help="Who says so; otherwise you, as this computer knows you."
)
@click.pass_obj
def hold(context: Context, who: str, because: str, by: str | None) -> None:
    """Put a person on the hold list: never written to again, until released."""
    from mailer.actions import people
    from mailer.base import clock
    from mailer.plan.draft import read_contacts

    _, book, holds = read_contacts(context.workspace)
    contact = people.one_known_as(book, who)
    with context.ledger() as ledger:
        held = people.hold(
            context.workspace,
            ledger,
            book.contacts,
            holds,
            address=contact.address,
            name=contact.name,
            delegation=contact.delegation,
            because=because,
            who=by or getpass.getuser(),
            at=clock.now(),
        )
    if held.before:
        raise UsageError(f"{held.name} is on the hold list already: {held.before}")
    if context.json:
        matches = [_plainly(one) for one in held.matched]
        context.data({"held": held.entry, "matches": matches, "taken_out": held.taken_out})
        return
    context.say(f"{held.name} is on the hold list: {held.entry}.")
    if held.matched:
        rows = ", ".join(f"{one.file} row {one.row}" for one in held.matched)
        context.say(f"It holds {rows}.")
    else:
        near = f' The nearest is "{held.near}".' if held.near else ""
        context.say(f"It holds nobody who is in the sheets now.{near}")
    for one in held.taken_out:
        if one.numbers:
            context.say(f"And taken out of {one.mail_out}, which is {BEING[one.state]}.")
        if one.too_late:
            context.say(
                f"{one.mail_out} is just handing their letter over; it cannot be called back:"
                f" mailer log show {one.mail_out}-{one.too_late[0]:03d}",
                "yellow",
            )
        if one.drafts:
            context.say(
                f"A draft of {one.mail_out} lies in your mailbox: delete it there, and say so:"
                f' mailer resolve {one.mail_out}-{one.drafts[0]:03d} --not-sent --because "…"',
                "yellow",
            )
    context.say(f"To undo it: mailer contacts release {(contact.address or contact.name)!r}")


BEING = {
    MailOutState.PLANNED: "planned",
    MailOutState.APPROVED: "approved",
    MailOutState.SENDING: "being sent",
    MailOutState.PAUSED: "paused",
    MailOutState.FINISHED: "finished by now",
    MailOutState.STOPPED: "stopped by now",
}


@click.command(cls=Command)
@click.argument("who")
@click.option(
    "--forget", is_flag=True, help="Erase name and address, but go on holding the person."
)
@click.pass_obj
def release(context: Context, who: str, forget: bool) -> None:
    """Take a person off the hold list, or erase what the list says about them."""
    from mailer.actions import people
    from mailer.plan.draft import read_contacts

    _, _, holds = read_contacts(context.workspace)
    entry = people.entry_of(holds, who)
    if forget:
        with context.ledger() as ledger:
            people.forget(context.workspace, ledger, entry, who=getpass.getuser())
        answers = ", and what came back from them" if entry.address else ""
        context.say(f"Name and address are erased{answers}; the person is still held.")
    else:
        with context.ledger() as ledger:
            still = people.release(context.workspace, ledger, entry, who=getpass.getuser())
        name = entry.name or entry.address
        if still is None:
            context.say(f"{name} is no longer held.")
        else:
            context.say(
                f"This entry is gone, and line {still.row} of the list goes on holding {name}."
            )


@click.command(cls=Command)
@click.pass_obj
def holds(context: Context) -> int:
    """List the people who are never written to, and why."""
    from mailer.plan.draft import read_contacts

    _, _, held = read_contacts(context.workspace)
    if context.json:
        for entry in held:
            context.data(entry)
    else:
        for entry in held:
            who = entry.name or entry.address or "(erased)"
            context.out.print(
                printable(f"{entry.delegation or '–'}  {who}  {entry.address}  {entry}"),
                soft_wrap=True,
            )
        show_problems(context.err, held.problems, context.workspace.root)
        context.say(f"{len(held)} on the hold list")
    return int(any(p.severity is Severity.ERROR for p in held.problems))
