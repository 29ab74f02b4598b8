"""`mailer send`, `resume`, `pause`, `stop`: the sending, and who may end it."""

from __future__ import annotations

import getpass
import sys

import click

from mailer.base import clock
from mailer.base.errors import Interrupted, Refused, ServerError, UsageError
from mailer.base.settings.workspace import Workspace
from mailer.base.states import OPEN, MailOutState, State
from mailer.cli.context import Command, Desk
from mailer.cli.screen.progress import INTERRUPTED, run
from mailer.cli.screen.tables import say_text, show_steps, show_totals
from mailer.contacts.holds import load_holds, trusted
from mailer.ledger import mailouts
from mailer.ledger.guard import copies, health, rescue
from mailer.ledger.ledger import Ledger, number_of
from mailer.ledger.mailouts import MailOut
from mailer.ledger.moves import approvals, holding
from mailer.ledger.reading import deliveries
from mailer.ledger.record import seals
from mailer.plan.draft import as_planned, changes_since, draft, own_delegations
from mailer.plan.sources import SETTINGS
from mailer.sending.connect import course_of, sessions, signer


@click.command(cls=Command)
@click.argument("mail_out")
@click.option(
    "--confirm", type=int, metavar="N", help="The number of people, in place of typing it."
)
@click.option(
    "--first",
    type=click.IntRange(min=0),
    metavar="N",
    help="Pause for a look after N letters; 0: do not.",
)
@click.pass_obj
def send(desk: Desk, mail_out: str, confirm: int | None, first: int | None) -> int:
    """Send a planned mail-out, or go on with one that was interrupted."""
    return _send(desk, number_of(mail_out), confirm, ask=True, first=first)


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
            before = mailouts.get(connection, mail_out_id)
            if to is not before.state and to not in mailouts.TRANSITIONS[before.state]:
                raise Refused(
                    f"{before.name} {NOT_NOW[before.state]}; there is nothing to {VERBS[to]}.",
                    hint=f"mailer status {before.name}", code="S210",
                )  # fmt: skip
            mailouts.change(connection, mail_out_id, to, at=ledger.now(), who=getpass.getuser())
        rescue.settle_over(ledger, me=getpass.getuser())
        with ledger.reading() as connection:
            now = mailouts.get(connection, mail_out_id)
            counts = deliveries.counts(connection, mail_out_id)
    if desk.json:
        desk.data({"mail_out": now.name, "state": now.state, "counts": counts})
    elif to is MailOutState.PAUSED:
        desk.say(
            f"{now.name} is paused; {_people(sum(counts[state] for state in OPEN))} still to be"
            " written to."
        )
        show_steps(desk, _go_on(now))
    else:
        desk.say(
            f"{now.name} is stopped for good; {_people(counts[State.NOT_SENT])} not written to."
        )
        show_steps(
            desk,
            [
                ("see who", f"mailer log people {now.name} --state not_sent"),
                ("plan them anew", f"mailer retry {now.name}"),
            ],
        )
    return 0


NOT_NOW = {
    MailOutState.PLANNED: "has not begun",
    MailOutState.APPROVED: "has not begun",
    MailOutState.STOPPED: "was stopped for good",
    MailOutState.FINISHED: "is finished",
}
VERBS = {MailOutState.PAUSED: "pause", MailOutState.STOPPED: "stop"}


def _go_on(mail_out: MailOut) -> list[tuple[str, str]]:
    return [
        ("carry on", f"mailer resume {mail_out.name}"),
        ("give up", f"mailer stop {mail_out.name}"),
    ]


def _people(number: int) -> str:
    return "1 person is" if number == 1 else f"{number} people are"


def _send(
    desk: Desk, mail_out_id: int, confirm: int | None, *, ask: bool, first: int | None = None
) -> int:
    with desk.ledger() as ledger:
        with ledger.reading() as connection:
            mail_out = mailouts.get(connection, mail_out_id)
            counts = deliveries.counts(connection, mail_out_id)
            last_word = mailouts.last_word(connection, mail_out_id)
        fresh = mail_out.state in (MailOutState.PLANNED, MailOutState.APPROVED)
        if mail_out.state is MailOutState.FINISHED:
            return _over(desk, ledger, mail_out)
        if mail_out.state is MailOutState.STOPPED:
            raise Refused(
                f"{mail_out.name} was stopped for good.",
                hint=f"mailer retry {mail_out.name}",
                code="S211",
            )
        if not ask and fresh:
            raise Refused(
                f"{mail_out.name} has not begun.", hint=f"mailer send {mail_out.name}", code="S210"
            )
        kill_switch_is_off(desk.workspace)
        copies.require(ledger)
        health.require(ledger)
        _still_as_planned(desk, ledger, mail_out, fresh)
        _may_go(desk, mail_out, ledger, fresh)
        left = sum(counts[state] for state in OPEN) - _hold_newly_held(desk, ledger, mail_out)
        if ask and left:
            total = sum(counts.values()) - counts[State.SKIPPED]
            _confirm(desk, mail_out, confirm, left, total)
            _still_as_planned(desk, ledger, mail_out, fresh)  # somebody may have thought for long
        try:
            course = course_of(desk.workspace, first)
            after = run(
                desk,
                ledger,
                mail_out,
                sessions(desk.workspace),
                course,
                signer(desk.workspace),
                last_word=last_word,
            )
            return _over(desk, ledger, after)
        except ServerError:
            with ledger.reading() as connection:
                mail_out = mailouts.get(connection, mail_out_id)
            if (
                mail_out.state is MailOutState.PAUSED
            ):  # it stopped part-way; how far it got is said before the reason
                _over(desk, ledger, mail_out)
            raise


def kill_switch_is_off(workspace: Workspace) -> None:
    if workspace.kill_switch.exists():
        raise Refused(
            f"The kill switch is on: {workspace.kill_switch} exists. Nothing was sent.",
            hint="find out who set it and why; take the file away to send again",
            code="S207",
        )


def _still_as_planned(desk: Desk, ledger: Ledger, mail_out: MailOut, fresh: bool) -> None:
    """Refuse what differs from the plan. Once begun, the frozen letters go out; only the settings
    must agree.
    """
    with ledger.reading() as connection:
        sources = mailouts.sources(connection, mail_out.id)
    if as_planned(sources, desk.workspace, mail_out.appeal):
        return
    changes = changes_since(sources, draft(desk.workspace, mail_out.appeal))
    settings = [change for change in changes if change.file == SETTINGS]
    if changes and fresh:
        hint = f"mailer plan {mail_out.appeal}"
        raise Refused(
            f"The plan {mail_out.name} no longer matches its sources. Nothing was sent.",
            hint=hint, code="S201", problems=changes,
        )  # fmt: skip
    if settings:
        hint = (
            f"put the settings back, or give it up (mailer stop {mail_out.name}) and plan the rest"
            " anew"
        )
        raise Refused(
            f"{mail_out.name} was begun with other settings. Nothing more was sent.",
            hint=hint, code="S201", problems=settings,
        )  # fmt: skip
    if changes:
        many = (
            "one cell or line has" if len(changes) == 1 else f"{len(changes)} cells or lines have"
        )
        desk.say(f"Since the plan {many} changed; the letters go out as they were planned.")


def _may_go(desk: Desk, mail_out: MailOut, ledger: Ledger, fresh: bool) -> None:
    if mail_out.last_day is not None and ledger.now() >= clock.end_of(mail_out.last_day):
        raise Refused(
            f"The last day of this appeal was {mail_out.last_day}. Nothing was sent.",
            hint=f"last_day in templates/{mail_out.appeal}/appeal.toml",
            code="S203",
        )
    if fresh and desk.workspace.settings.safety.approvals:
        with ledger.reading() as connection:
            approvals.require(connection, mail_out, at=ledger.now())
    if (
        mail_out.mode == "live"
        and fresh
        and (obstacles := draft(desk.workspace, mail_out.appeal).obstacles())
    ):
        raise Refused(
            "This appeal may not go to real people yet. Nothing was sent.",
            hint=f"mailer letters sign {mail_out.appeal}; mailer preview {mail_out.appeal} --proof",
            code="S206",
            problems=obstacles,
        )


def _hold_newly_held(desk: Desk, ledger: Ledger, mail_out: MailOut) -> int:
    """Leave out whoever came onto the hold list after the plan: a hold is obeyed at once. Returns
    how many.
    """
    holds = trusted(load_holds(desk.workspace.hold_list, own_delegations(desk.workspace.root)))
    with ledger.writing() as connection:
        out = holding.take_out(
            connection, mail_out.id, holds, at=ledger.now(), who=getpass.getuser()
        )
    if out is None:
        return 0
    number = len(out.numbers)
    desk.say(f"{_people(number)} on the hold list since the plan, and will not be written to.")
    return number


def _confirm(desk: Desk, mail_out: MailOut, confirm: int | None, left: int, total: int) -> None:
    """Ask for the number of people. Whoever types it has read it."""
    if confirm is not None:
        if confirm in (total, left):
            return
        raise Refused(
            f"{mail_out.name} writes to {total} people, not to {confirm}. Nothing was sent.",
            hint=f"mailer status {mail_out.name}", code="S202",
        )  # fmt: skip
    if not sys.stdin.isatty():
        raise UsageError(
            f"The number of people must be confirmed, and there is no terminal to ask at: {total}."
            " Nothing was sent.",
            hint=f"mailer send {mail_out.name} --confirm {total}",
        )
    sentence = f"You are about to e-mail {total} people as {mail_out.sender}."
    if left != total:
        sentence += (
            f" {total - left} of them have an outcome already; the other {left} are still to be"
            " written to."
        )
    test = (
        " This is test mode: all of them are on the allow-list." if mail_out.mode == "test" else ""
    )
    say_text(desk, f"{sentence}{test} This cannot be taken back.", style="bold")
    try:
        question = f"Type {total} to send, or press Enter to leave it"
        answer = click.prompt(question, default="", show_default=False, err=True)
    except click.Abort:
        desk.say("\nNothing was sent.")
        raise click.exceptions.Exit(130) from None
    if answer.strip() != str(total):
        raise Refused("Nothing was sent.", hint=f"mailer send {mail_out.name}", code="S202")


def _over(desk: Desk, ledger: Ledger, mail_out: MailOut) -> int:
    """Say how it stands, and what to type next. Returns the exit code."""
    name = mail_out.name
    with ledger.reading() as connection:
        counts = deliveries.counts(connection, mail_out.id)
        if desk.json:
            root = desk.workspace.root
            desk.data({"event": "finished", "workspace": root, "mail_out": name, "counts": counts})
        else:
            show_totals(desk, connection, mail_out)
    why = f": {mail_out.why.rstrip('.')}" if mail_out.why else ""
    missed = [state for state in (State.REFUSED, State.UNKNOWN, State.NOT_SENT) if counts[state]]
    steps = (
        [("who was not reached", f"mailer log people {name} --state {','.join(missed)}")]
        if missed
        else []
    )
    desk.say()
    match mail_out.state:
        case MailOutState.FINISHED:
            desk.say(f"{name} is finished.")
            if missed and missed != [State.UNKNOWN]:
                steps.append(("plan the rest", f"mailer retry {name}"))
            if counts[State.REFUSED]:
                steps.append(("the refused too", f"mailer retry {name} --refused"))
            _steps_and_seal(desk, ledger, steps or [("look at it", f"mailer status {name}")])
            return 1 if missed else 0
        case MailOutState.STOPPED:
            say_text(
                desk, f"{name} was stopped{why}; {_people(counts[State.NOT_SENT])} not written to."
            )
            _steps_and_seal(desk, ledger, [*steps, ("plan the rest", f"mailer retry {name}")])
            return 1
        case MailOutState.PLANNED | MailOutState.APPROVED:  # interrupted before the server answered
            desk.say("Nothing was sent.")
            return 130
    left = sum(counts[state] for state in OPEN)
    if left:
        what = f"{_people(left)} still to be written to; nobody will be written to twice."
    else:  # the last letters had their answer while it was being paused
        what = "Nobody is left to be written to."
    say_text(desk, f"{name} is paused{why}. {what}")
    if counts[State.UNKNOWN]:
        became = (
            "1 letter was"
            if counts[State.UNKNOWN] == 1
            else f"{counts[State.UNKNOWN]} letters were"
        )
        say_text(
            desk, f"{became} handed over without an answer: unknown, and not sent again by itself."
        )
    show_steps(desk, _go_on(mail_out) if left else [("close it", f"mailer resume {name}")])
    return 130 if mail_out.why == INTERRUPTED else Interrupted.exit_code


SHORT = 16  # signs of a head that are enough to know it by


def _steps_and_seal(desk: Desk, ledger: Ledger, steps: list[tuple[str, str]]) -> None:
    """Say what to type next; and name the head of the log, which proves it only where somebody else
    has it, too.
    """
    ledger.seal()
    with ledger.reading() as connection:
        head = seals.head(connection)
    show_steps(desk, [*steps, ("prove the log", f"mailer log verify --head {head[:SHORT]}")])
    say_text(
        desk,
        "Give the last line to a second person to keep: it proves later that nothing was cut off.",
    )
