"""`mailer send`, `resume`, `pause`, `stop`: the sending, and who may end it."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable

import click

from mailer.actions import mail_outs, send_log
from mailer.actions.mail_outs import SendingCheck, Standing, notices, schedule, sending
from mailer.actions.mail_outs.beside import read_beside
from mailer.actions.mail_outs.schedule import Scheduled
from mailer.base.errors import Interrupted, Refused, ServerError, UsageError
from mailer.base.states import OPEN, MailOutState, State
from mailer.cli.context import Command, Context
from mailer.cli.screen.progress import CLOSED, INTERRUPTED, run
from mailer.cli.screen.tables import say_text, show_starts, show_steps, show_totals
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger, number_of
from mailer.ledger.mailouts import MailOut
from mailer.report.totals import local


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
@click.option(
    "--at",
    metavar="TIME",
    help='Begin by itself: "Mon 9:00", "9:00 in each capital"; "none" takes it back.',
)
@click.option(
    "--working-days",
    is_flag=True,
    help="With --at: not on a weekend or a public holiday of the country, but on the next day.",
)
@click.pass_obj
def send(
    context: Context,
    mail_out: str,
    confirm: int | None,
    first: int | None,
    at: str | None,
    working_days: bool,
) -> int:
    """Send a planned mail-out, or go on with one that was interrupted."""
    if working_days and not at:
        raise UsageError("--working-days needs a time.", hint='--at "Mon 9:00"')
    if at is None:
        return _send(context, number_of(mail_out), confirm, ask=True, first=first)
    if first is not None:
        raise UsageError("--first and --at do not go together.", hint="[limits] first")
    return _schedule(context, number_of(mail_out), confirm, at, working_days)


@click.command(cls=Command)
@click.argument("mail_out")
@click.pass_obj
def resume(context: Context, mail_out: str) -> int:
    """Go on with a paused mail-out; nobody is written to twice."""
    return _send(context, number_of(mail_out), None, ask=False)


@click.command(cls=Command)
@click.argument("mail_out")
@click.pass_obj
def pause(context: Context, mail_out: str) -> int:
    """Pause a mail-out that is being sent, from here or from another window."""
    return _changed(context, mail_outs.pause, mail_out)


@click.command(cls=Command)
@click.argument("mail_out")
@click.pass_obj
def stop(context: Context, mail_out: str) -> int:
    """Give a mail-out up for good: whoever was not written to yet will not be."""
    return _changed(context, mail_outs.stop, mail_out)


def _changed(context: Context, change: Callable[..., Standing], mail_out: str) -> int:
    with context.ledger() as ledger:
        now = change(ledger, number_of(mail_out), who=getpass.getuser())
    name = now.mail_out.name
    if context.json:
        context.data({"mail_out": name, "state": now.mail_out.state, "counts": now.counts})
    elif now.held:
        context.say(f"No further letter of {name} is handed over. {now.held}")
        context.say("The pause comes onto the record as soon as the log is free.")
    elif now.mail_out.state is MailOutState.PAUSED:
        context.say(f"{name} is paused; {_people(now.left)} still to be written to.")
        show_steps(context, _go_on(now.mail_out))
    elif now.fresh:
        context.say(f"{name} has not begun; whoever was about to send it does not.")
        show_steps(context, [("send it", f"mailer send {name}")])
    else:
        not_sent = now.counts[State.NOT_SENT]
        context.say(f"{name} is stopped for good; {_people(not_sent)} not written to.")
        show_steps(
            context,
            [
                ("see who", f"mailer log people {name} --state not_sent"),
                ("plan them anew", f"mailer retry {name}"),
            ],
        )
    return 0


def _go_on(mail_out: MailOut) -> list[tuple[str, str]]:
    return [
        ("carry on", f"mailer resume {mail_out.name}"),
        ("give up", f"mailer stop {mail_out.name}"),
    ]


def _people(number: int) -> str:
    return "1 person is" if number == 1 else f"{number} people are"


def _send(
    context: Context, mail_out_id: int, confirm: int | None, *, ask: bool, first: int | None = None
) -> int:
    workspace = context.workspace
    with context.ledger() as ledger:
        with ledger.reading() as connection:
            mail_out = mailouts.get(connection, mail_out_id)
        if mail_out.state is MailOutState.FINISHED:
            return _over(context, ledger, mail_out)
        if not ask:
            mail_outs.may_resume(mail_out)
        mail_outs.not_before_its_start(ledger, mail_out)
        check = mail_outs.may_send(workspace, ledger, mail_out_id)
        if check.refusal:
            raise check.refusal
        mail_outs.forget_pause_wish(ledger, mail_out_id)  # from before this command
        if changed := len(check.changes):
            many = "one cell or line has" if changed == 1 else f"{changed} cells or lines have"
            context.say(f"Since the plan {many} changed; the letters go out as they were planned.")
        # Whoever comes onto the list from now on is taken out by the sender, before it claims.
        if check.held and (
            held := mail_outs.obey_holds(workspace, ledger, mail_out_id, who=getpass.getuser())
        ):
            context.say(
                f"{_people(held)} on the hold list since the plan, or named in one letter with"
                " somebody who is, and will not be written to."
            )
        if ask and check.left:
            _confirm(context, check, confirm)
            if confirm is None:  # somebody may have thought long
                mail_outs.still_as_planned(workspace, ledger, check)
        try:
            last_word = check.standing.last_word
            dispatch = sending.sender(
                workspace, ledger, mail_out_id, first=first, last_word=last_word
            )
            with read_beside(workspace, context.say):
                after = run(context, mail_out, dispatch)
            if after.why not in (INTERRUPTED, CLOSED) and after.state not in mailouts.FRESH:
                what = f"{after.state}{': ' + after.why if after.why else ''}"
                notices.tell(workspace, after, what, context.say).join(notices.PATIENCE)
            now = mail_outs.standing(ledger, mail_out_id)
            if now.fresh and now.last_word != check.standing.last_word:
                context.say(f"Somebody has paused {mail_out.name} since it was to be sent.")
            return _over(context, ledger, after)
        except ServerError:
            mail_out = mail_outs.standing(ledger, mail_out_id).mail_out
            if (
                mail_out.state is MailOutState.PAUSED
            ):  # it stopped part-way; how far it got is said before the reason
                _over(context, ledger, mail_out)
            raise


def _schedule(
    context: Context, mail_out_id: int, confirm: int | None, at: str, working_days: bool
) -> int:
    workspace, who = context.workspace, getpass.getuser()
    with context.ledger() as ledger:
        if at == "none":
            mail_out = schedule.take_back(ledger, mail_out_id, who=who)
            _say_schedule(context, mail_out, None)
            return 0
        check = mail_outs.may_send(workspace, ledger, mail_out_id)
        if check.refusal:
            raise check.refusal
        asked = schedule.asked_for(
            workspace, ledger, check.standing.mail_out, at, working_days=working_days
        )
        if not context.json:
            show_starts(context, asked.delegations)
        _confirm(context, check, confirm)
        mail_outs.still_as_planned(workspace, ledger, check)
        mail_out = schedule.begin_by_itself(ledger, check, asked, who=who)
        _say_schedule(context, mail_out, asked)
    return 0


def _say_schedule(context: Context, mail_out: MailOut, asked: Scheduled | None) -> None:
    name = mail_out.name
    if context.json:
        starts = {one.delegation: one.at for one in asked.delegations} if asked else {}
        context.data(
            {
                "mail_out": name,
                "schedule": mail_out.schedule,
                "starts_at": mail_out.starts_at,
                "delegations": starts,
            }
        )
        return
    if mail_out.starts_at is None:
        context.say(f"{name} does not begin by itself.")
        show_steps(context, [("send it", f"mailer send {name}")])
        return
    context.say(
        f"{name} begins by itself: {mail_out.schedule}; the first letter leaves on"
        f" {local(mail_out.starts_at, seconds=False)}."
    )
    show_steps(
        context,
        [
            ("let it be sent", "mailer work --service, on a computer that is on then"),
            ("take it back", f"mailer send {name} --at none"),
        ],
    )


def _confirm(context: Context, check: SendingCheck, confirm: int | None) -> None:
    """Ask for the number of people. Whoever types it has read it."""
    mail_out, total, left = check.standing.mail_out, check.standing.total, check.left
    if confirm is not None:
        if check.is_confirmed_by(confirm):
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
    say_text(context, f"{sentence}{test} This cannot be taken back.", style="bold")
    try:
        question = f"Type {total} to send, or press Enter to leave it"
        answer = click.prompt(question, default="", show_default=False, err=True)
    except click.Abort:
        context.say("\nNothing was sent.")
        raise click.exceptions.Exit(130) from None
    if answer.strip() != str(total):
        raise Refused("Nothing was sent.", hint=f"mailer send {mail_out.name}", code="S202")


def _over(context: Context, ledger: Ledger, mail_out: MailOut) -> int:
    """Say how it stands, and what to type next. Returns the exit code."""
    from mailer.cli.screen.choose import counted_of

    name = mail_out.name
    with ledger.reading() as connection:
        counted = counted_of(context, connection, mail_out)  # so that the next page need not
        counts = counted.letters
        if context.json:
            root = context.workspace.root
            context.data(
                {"event": "finished", "workspace": root, "mail_out": name, "counts": counts}
            )
        else:
            show_totals(context, counted)
    why = f": {mail_out.why.rstrip('.')}" if mail_out.why else ""
    missed = [state for state in (State.REFUSED, State.UNKNOWN, State.NOT_SENT) if counts[state]]
    steps = (
        [("who was not reached", f"mailer log people {name} --state {','.join(missed)}")]
        if missed
        else []
    )
    context.say()
    match mail_out.state:
        case MailOutState.FINISHED:
            context.say(f"{name} is finished.")
            if missed and missed != [State.UNKNOWN]:
                steps.append(("plan the rest", f"mailer retry {name}"))
            if counts[State.REFUSED]:
                steps.append(("the refused too", f"mailer retry {name} --refused"))
            _steps_and_seal(context, ledger, steps or [("look at it", f"mailer status {name}")])
            return 1 if missed else 0
        case MailOutState.STOPPED:
            say_text(
                context,
                f"{name} was stopped{why}; {_people(counts[State.NOT_SENT])} not written to.",
            )
            _steps_and_seal(context, ledger, [*steps, ("plan the rest", f"mailer retry {name}")])
            return 1
        case MailOutState.PLANNED | MailOutState.APPROVED:  # interrupted before the server answered
            context.say("Nothing was sent.")
            return 130
    left = sum(counts[state] for state in OPEN)
    if left:
        what = f"{_people(left)} still to be written to; nobody will be written to twice."
    else:  # the last letters had their answer while it was being paused
        what = "Nobody is left to be written to."
    say_text(context, f"{name} is paused{why}. {what}")
    if counts[State.UNKNOWN]:
        became = (
            "1 letter was"
            if counts[State.UNKNOWN] == 1
            else f"{counts[State.UNKNOWN]} letters were"
        )
        say_text(
            context,
            f"{became} handed over without an answer: unknown, and not sent again by itself.",
        )
    show_steps(context, _go_on(mail_out) if left else [("close it", f"mailer resume {name}")])
    return 130 if mail_out.why == INTERRUPTED else Interrupted.exit_code


SHORT = 16  # signs of a head that are enough to know it by


def _steps_and_seal(context: Context, ledger: Ledger, steps: list[tuple[str, str]]) -> None:
    """Say what to type next; and name the head of the log, which proves it only where somebody else
    has it, too.
    """
    head = send_log.head(ledger)[:SHORT]
    show_steps(context, [*steps, ("prove the log", f"mailer log verify --head {head}")])
    say_text(
        context,
        "Give the last line to a second person to keep: it proves later that nothing was cut off.",
    )
