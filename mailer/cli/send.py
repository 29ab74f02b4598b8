"""`mailer send`, `resume`, `pause`, `stop`: the sending, and who may end it."""

from __future__ import annotations

import getpass
import sys

import click

from mailer.account import course_of, sessions
from mailer.cli.desk import Command, Desk
from mailer.cli.running import INTERRUPTED, run
from mailer.cli.tables import show_totals
from mailer.contacts.contact import Contact
from mailer.drafting import Draft, changes_since, draft
from mailer.errors import Interrupted, Refused, UsageError
from mailer.ledger import mailouts, queries
from mailer.ledger.ledger import Ledger, number_of
from mailer.ledger.mailouts import MailOut
from mailer.sources import SETTINGS
from mailer.states import OPEN, MailOutState, State


@click.command(cls=Command)
@click.argument("mail_out")
@click.option("--confirm", type=int, metavar="N", help="The number of people, in place of typing it.")
@click.pass_obj
def send(desk: Desk, mail_out: str, confirm: int | None) -> int:
    """Send a planned mail-out, or go on with one that was interrupted."""
    return _send(desk, number_of(mail_out), confirm, ask=True)


@click.command(cls=Command)
@click.argument("mail_out")
@click.pass_obj
def resume(desk: Desk, mail_out: str) -> int:
    """Go on with a paused mail-out; nobody is written to twice."""
    return _send(desk, number_of(mail_out), None, ask=False)


@click.command(cls=Command)
@click.argument("mail_out")
@click.pass_obj
def pause(desk: Desk, mail_out: str) -> int:
    """Pause a mail-out that is being sent, from here or from another window."""
    return _change(desk, number_of(mail_out), MailOutState.PAUSED)


@click.command(cls=Command)
@click.argument("mail_out")
@click.pass_obj
def stop(desk: Desk, mail_out: str) -> int:
    """Give a mail-out up for good: whoever was not written to yet will not be."""
    return _change(desk, number_of(mail_out), MailOutState.STOPPED)


def _change(desk: Desk, mail_out_id: int, to: MailOutState) -> int:
    with desk.ledger() as ledger:
        with ledger.writing() as connection:
            mailouts.change(connection, mail_out_id, to, at=ledger.now(), who=getpass.getuser())
        with ledger.reading() as connection:
            now = mailouts.get(connection, mail_out_id)
            counts = queries.counts(connection, mail_out_id)
    if desk.json:
        desk.data({"mail_out": now.name, "state": now.state, "counts": counts})
    elif to is MailOutState.PAUSED:
        waiting = sum(counts[state] for state in OPEN)
        desk.say(f"{now.name} is paused; {waiting} people are still to be written to.")
        desk.say(f"  carry on   mailer resume {now.name}      give up   mailer stop {now.name}")
    else:
        desk.say(f"{now.name} is stopped: {counts[State.NOT_SENT]} people were not written to.")
        desk.say(
            f"  see who   mailer log people {now.name} --state not_sent      plan them anew   mailer retry {now.name}"
        )
    return 0


def _send(desk: Desk, mail_out_id: int, confirm: int | None, *, ask: bool) -> int:
    with desk.ledger() as ledger:
        with ledger.reading() as connection:
            mail_out = mailouts.get(connection, mail_out_id)
            counts = queries.counts(connection, mail_out_id)
        left = sum(counts[state] for state in OPEN)
        fresh = mail_out.state in (MailOutState.PLANNED, MailOutState.APPROVED)
        if mail_out.state is MailOutState.FINISHED:
            return _over(desk, ledger, mail_out)
        if mail_out.state is MailOutState.STOPPED:
            raise Refused(f"{mail_out.name} was stopped for good.", hint=f"mailer retry {mail_out.name}", code="S211")
        if not ask and fresh:
            raise Refused(f"{mail_out.name} has not begun.", hint=f"mailer send {mail_out.name}", code="S210")
        now = draft(desk.workspace, mail_out.appeal)
        _still_as_planned(desk, ledger, mail_out, now, fresh)
        _may_go(mail_out, now, ledger, fresh)
        _hold_newly_held(desk, ledger, mail_out, now)
        if ask and left:
            total = sum(counts.values()) - counts[State.SKIPPED]
            _confirm(desk, mail_out, confirm, left, total)
        course = course_of(desk.workspace)
        return _over(desk, ledger, run(desk, ledger, mail_out, sessions(desk.workspace), course))


def _still_as_planned(desk: Desk, ledger: Ledger, mail_out: MailOut, now: Draft, fresh: bool) -> None:
    """Refuse what differs from the plan. Once begun, the frozen letters go out; only the settings must agree."""
    with ledger.reading() as connection:
        changes = changes_since(mailouts.sources(connection, mail_out.id), now)
    settings = [change for change in changes if change.file == SETTINGS]
    if changes and fresh:
        hint = f"mailer plan {mail_out.appeal}"
        raise Refused(
            f"The plan {mail_out.name} no longer matches its sources. Nothing was sent.",
            hint=hint, code="S201", problems=changes,
        )  # fmt: skip
    if settings:
        hint = f"put the settings back, or give it up (mailer stop {mail_out.name}) and plan the rest anew"
        raise Refused(
            f"{mail_out.name} was begun with other settings. Nothing more was sent.",
            hint=hint, code="S201", problems=settings,
        )  # fmt: skip
    if changes:
        many = "one cell or line has" if len(changes) == 1 else f"{len(changes)} cells or lines have"
        desk.say(f"Since the plan {many} changed; the letters go out as they were planned.")


def _may_go(mail_out: MailOut, now: Draft, ledger: Ledger, fresh: bool) -> None:
    today = ledger.now().date()
    if mail_out.last_day is not None and today > mail_out.last_day:
        raise Refused(
            f"The last day of this appeal was {mail_out.last_day}. Nothing was sent.",
            hint=f"last_day in templates/{mail_out.appeal}/appeal.toml",
            code="S203",
        )
    if mail_out.mode == "live" and fresh and (obstacles := now.obstacles()):
        raise Refused(
            "This appeal may not go to real people yet. Nothing was sent.",
            hint=f"mailer letters sign {mail_out.appeal}; mailer preview {mail_out.appeal} --proof",
            code="S206",
            problems=obstacles,
        )


def _hold_newly_held(desk: Desk, ledger: Ledger, mail_out: MailOut, now: Draft) -> None:
    """Leave out whoever came onto the hold list after the plan: a hold is obeyed at once."""
    with ledger.writing() as connection:
        waiting = queries.people(connection, mail_out.id, states=(State.WAITING, State.DEFERRED))
        held = [
            one.number
            for one in waiting
            if now.holds.match(Contact(one.file, None, 0, one.delegation, name=one.name, address=one.address))
        ]
        if held:
            mailouts.held(connection, mail_out.id, held, at=ledger.now(), who=getpass.getuser())
            desk.say(f"{len(held)} of them came onto the hold list after the plan and will not be written to.")


def _confirm(desk: Desk, mail_out: MailOut, confirm: int | None, left: int, total: int) -> None:
    """Ask for the number of people. Whoever types it has read it."""
    begun = "" if left == total else f", {left} of them are still to be written to"
    sentence = f"You are about to e-mail {total} people as {mail_out.sender}{begun}. This cannot be taken back."
    if confirm is None:
        if not sys.stdin.isatty():
            raise UsageError(sentence, hint=f"mailer send {mail_out.name} --confirm {total}")
        desk.say(sentence)
        answer = click.prompt(
            f"Type {total} to send, or press Enter to leave it", default="", show_default=False, err=True
        )
        if answer.strip() != str(total):
            raise Refused("Nothing was sent.", code="S202")
    elif confirm not in (total, left):
        raise Refused(
            f"{mail_out.name} writes to {total} people, not to {confirm}. Nothing was sent.",
            hint=f"mailer status {mail_out.name} shows who they are", code="S202",
        )  # fmt: skip


def _over(desk: Desk, ledger: Ledger, mail_out: MailOut) -> int:
    """Say how it stands, and what to type next. Returns the exit code."""
    with ledger.reading() as connection:
        counts = queries.counts(connection, mail_out.id)
        if desk.json:
            root = desk.workspace.root
            desk.data(
                {
                    "event": "finished",
                    "workspace": root,
                    "mail_out": mail_out.name,
                    "state": mail_out.state,
                    "counts": counts,
                }
            )
        else:
            show_totals(desk, connection, mail_out)
    missed = counts[State.REFUSED] + counts[State.UNKNOWN] + counts[State.NOT_SENT]
    if mail_out.state is MailOutState.FINISHED:
        desk.say(f"{mail_out.name} is finished.")
        if missed:
            desk.say(f"  who was not reached   mailer log people {mail_out.name} --state refused,unknown,not_sent")
            desk.say(f"  try them again        mailer retry {mail_out.name} --refused")
        return 1 if missed else 0
    why = f": {mail_out.why}" if mail_out.why else ""
    if mail_out.state is MailOutState.STOPPED:
        desk.say(f"{mail_out.name} was stopped{why}. {counts[State.NOT_SENT]} people were not written to.")
        return 1
    left = sum(counts[state] for state in OPEN)
    desk.say(
        f"{mail_out.name} is paused{why}. {left} people are still to be written to; nobody will be written to twice."
    )
    desk.say(f"  carry on   mailer resume {mail_out.name}      give up   mailer stop {mail_out.name}")
    return 130 if mail_out.why == INTERRUPTED else Interrupted.exit_code
