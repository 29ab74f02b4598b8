"""`mailer status [M]`: where things stand, and what to type next."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from mailer.actions.mail_outs import has_died
from mailer.base.states import WORDS, MailOutState, State
from mailer.cli.context import Command, Context
from mailer.cli.screen.choose import NEXT, NO_LOG, counted_of, mail_out_of, open_log, reading_of
from mailer.ledger import mailouts, notes
from mailer.ledger.ledger import Connection, Ledger
from mailer.ledger.mailouts import MailOut
from mailer.ledger.reading import answers, deliveries
from mailer.ledger.reading.scope import AppealStanding, Reported
from mailer.report import returns, totals

if TYPE_CHECKING:
    from mailer.cli.screen.tables import Row

SHOWN = 10
"""So many of those who need a person are listed; the rest are counted."""

OVER = (MailOutState.FINISHED, MailOutState.STOPPED)
LOOK = 1.0  # seconds between two looks of --watch


@click.command(cls=Command)
@click.argument("mail_out", required=False, metavar="[M|APPEAL]")
@click.option(
    "--watch", is_flag=True, help="Look every second until it is over, and say what changed."
)
@click.pass_obj
def status(context: Context, mail_out: str | None, watch: bool) -> int:
    """Show where a mail-out stands, who needs a person, and what to type next. Without M: all
    mail-outs. With the name of an appeal: each person once, over all its mail-outs.

    "Accepted for delivery" means that the next server took the letter. That is often the
    provider's, which carries it on: a parliament's refusal may still come back later as a message
    to you.
    """
    if not context.workspace.has_ledger and mail_out is None:
        context.say(f"{NO_LOG}\n  = {NEXT}")
        return 0
    with open_log(context) as ledger:
        if watch:
            return _watch(context, ledger, mail_out)
        with ledger.reading() as connection:
            if mail_out is None:
                _list(context, connection)
            else:
                chosen = reading_of(context, connection, mail_out)
                _show(context, ledger, connection, chosen)
    return 0


def _list(context: Context, connection: Connection) -> None:
    everything = mailouts.all_of_them(connection)
    rows: list[Row] = []
    for one in everything:
        counted = counted_of(context, connection, one)
        counts = counted.states
        if context.json:
            times = {
                "planned_at": one.planned_at,
                "started_at": one.started_at,
                "ended_at": one.ended_at,
            }
            people = {"planned": sum(counts.values()), "counts": totals.plain(counts)}
            context.data(
                {"mail_out": one.name, "appeal": one.appeal, "title": one.title, "state": one.state}
                | people
                | times
            )
            continue
        look = totals.to_look_at(counts, totals.not_meant(counted))
        cells = [
            one.name,
            one.state.value,
            str(sum(counts.values())),
            str(counts[State.ACCEPTED]),
            _when(one),
        ]
        rows.append((cells, [one.title or one.appeal, look and f"needs a look: {look}"], ""))
    if context.json:
        return
    if not rows:
        context.say(f"No mail-out has been planned yet.\n  = {NEXT}")
        return
    from mailer.cli.screen.tables import show_rows, show_steps

    show_rows(
        context, rows, right=(2, 3), head=["mail-out", "state", "people", "accepted", "since"]
    )
    context.say()
    show_steps(context, [("more about one", f"mailer status {everything[-1].name}")])


def _when(mail_out: MailOut) -> str:
    return totals.local(
        mail_out.ended_at or mail_out.started_at or mail_out.planned_at, seconds=False
    )


def _show(
    context: Context,
    ledger: Ledger,
    connection: Connection,
    mail_out: Reported,
) -> None:
    if context.json:
        counted = counted_of(context, connection, mail_out)
        context.data(totals.status(connection, mail_out, counted))
        return
    from mailer.cli.screen.tables import (
        show_delegations,
        show_people,
        show_steps,
        show_text,
        show_totals,
    )

    counted = counted_of(context, connection, mail_out)
    counts = counted.states
    if isinstance(mail_out, AppealStanding):
        lines, steps = _of_appeal(mail_out, counts)
    else:
        died = has_died(ledger, connection, mail_out)
        passed = mailouts.has_passed(mail_out, ledger.now())
        lines = _head(mail_out, counts, died=died, passed=passed)
        lines += [
            f"note by {who}, {totals.local(at, seconds=False)}: {text}"
            for at, who, text in notes.of_the_whole(connection, mail_out.id)
        ]
        steps = _next(mail_out, counts, died=died, passed=passed)
    for line in lines:
        show_text(context, line)
    context.out.print()
    show_totals(context, counted)
    if later := returns.said(counted.came_back):
        show_text(context, f"Of the accepted, {', '.join(str(one.sentence) for one in later)}.")
    people = deliveries.needing_a_person(connection, mail_out.id)
    over = isinstance(mail_out, MailOut) and mail_out.state in OVER
    if over and any(one.state is State.ACCEPTED for one in people):  # they came back
        steps.insert(0, ("with the addresses corrected", f"mailer retry {mail_out.name}"))
    if people:
        context.out.print(f"\n{_these(len(people))} you:", style="bold")
        show_people(context, people[:SHOWN])
        if len(people) > SHOWN:
            show_text(context, f"… and {len(people) - SHOWN} more", indent=2)
    if isinstance(mail_out, MailOut):
        _show_who_is_away(context, connection, mail_out.id, ledger.now().date())
    context.out.print("\nDelegations, worst first:", style="bold")
    show_delegations(context, connection, mail_out, counted)
    context.say()
    show_steps(context, steps)


def _show_who_is_away(
    context: Context, connection: Connection, mail_out_id: int, today: date
) -> None:
    from mailer.cli.screen.tables import show_rows

    days = answers.back_on(connection, mail_out_id)
    done = notes.done(connection, mail_out_id, days) if days else {}
    back = {one: day for one, day in days.items() if one not in done}
    if not back:
        return
    rows: list[Row] = []
    who = {one.id: one for one in deliveries.by_id(connection, list(back)[:SHOWN])}
    for one, day in [(who[key], day) for key, day in back.items() if key in who]:
        said = f"back {'since' if day <= today else 'on'} {day:%a} {day.day} {day:%b %Y}"
        cells = [one.shown, f"{one.name or '(no name)'}, {one.delegation or '??'}"]
        rows.append((cells, [said], "bold" if day <= today else ""))
    context.out.print("\nAway, and back on their day:", style="bold")
    show_rows(context, rows)
    if len(back) > SHOWN:
        context.out.print(f"  … and {len(back) - SHOWN} more")


def _of_appeal(
    appeal: AppealStanding, counts: Mapping[State, int]
) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the head of an appeal over all its mail-outs, and what to type next."""
    done, to_send = totals.done(counts)
    each = ", ".join(f"{name} {state.value}" for name, state in appeal.mail_outs)
    lines = [f"{appeal.appeal} · {appeal.title} · {done} of {to_send}", f"over {each}"]
    newest = appeal.mail_outs[-1][0]
    steps = [
        ("who and why", f"mailer log people {appeal.appeal} --needs-a-person"),
        ("one mail-out", f"mailer status {newest}"),
    ]
    return lines, steps


def _these(number: int) -> str:
    return f"{number} people need" if number > 1 else "1 person needs"


def _head(mail_out: MailOut, counts: Mapping[State, int], *, died: bool, passed: bool) -> list[str]:
    done, to_send = totals.done(counts)
    state = totals.STATES_OF_MAIL_OUT[mail_out.state]
    if mail_out.state in (MailOutState.SENDING, MailOutState.PAUSED, MailOutState.STOPPED):
        state += f" at {done} of {to_send}"
    if mail_out.why:
        state += f": {mail_out.why}"
    lines = [f"{mail_out.name} · {mail_out.title or mail_out.appeal} · {state}"]
    if mail_out.starts_at and mail_out.state in mailouts.FRESH:
        at = totals.local(mail_out.starts_at, seconds=False)
        late = " That has passed, and it has not begun." if passed else ""
        lines.append(f"begins by itself: {mail_out.schedule}; the first letter on {at}.{late}")
    if died:
        lines.append(
            "The program that sent it has ended without saying so. Nothing is lost; it can go on"
            " where it was."
        )
    if mail_out.follows:
        lines.append(f"A follow-up to {mail_out.follows}.")
    if mail_out.to_heads:
        lines.append("To the heads of delegations, their members in copy.")
    began = (
        ("begun", mail_out.started_at) if mail_out.started_at else ("planned", mail_out.planned_at)
    )
    times = [began, (mail_out.state.value, mail_out.ended_at)]
    lines.append(
        " · ".join(
            f"{word} {totals.local(at, seconds=False)}" for word, at in times if at is not None
        )
    )
    return lines


def _next(
    mail_out: MailOut, counts: Mapping[State, int], *, died: bool, passed: bool
) -> list[tuple[str, str]]:
    """Say what to type next, the likeliest first."""
    name = mail_out.name
    if mail_out.starts_at and mail_out.state in mailouts.FRESH:
        service = ("let it be sent", "mailer work --service, on a computer that is on then")
        now = ("send it now", f"mailer send {name}")
        return [now if passed else service, ("take it back", f"mailer send {name} --at none")]
    if died or mail_out.state in (MailOutState.PLANNED, MailOutState.APPROVED):
        return [("go on" if died else "send them", f"mailer send {name}")]
    if mail_out.state is MailOutState.SENDING:
        return [
            ("keep looking", f"mailer status {name} --watch"),
            ("pause it", f"mailer pause {name}"),
        ]
    drafts = [("which drafts were sent", f"mailer draft {name} --look")]
    drafts = drafts if counts[State.DRAFTED] else []
    if mail_out.state is MailOutState.PAUSED:
        go_on = ("carry on", f"mailer resume {name}")
        return [*drafts, go_on, ("give up", f"mailer stop {name}")]
    missed = [state.value for state in totals.WORST_FIRST[:3] if counts[state]]
    steps = []
    if missed:
        steps.append(("who and why", f"mailer log people {name} --state {','.join(missed)}"))
        steps.append(("one of them", f"mailer log show {name} WHO"))
        if counts[State.REFUSED] or counts[State.NOT_SENT]:
            steps.append(("plan the rest", f"mailer retry {name}"))
    elif counts[State.SKIPPED]:
        steps.append(("who was left out", f'mailer log people {name} --state "left out"'))
    steps += [*drafts, ("take it along", f"mailer log export {name} --xlsx FILE")]
    return steps


def _watch(context: Context, ledger: Ledger, name: str | None) -> int:
    """Say what changed, once a second, until the mail-out is over. Ctrl-C ends the looking, never
    the sending.
    """
    with ledger.reading() as connection:
        mail_out_id = mail_out_of(context, connection, name).id
    last: dict[str, Any] = {}
    try:
        with _teller(context) as tell:
            while True:
                with ledger.reading() as connection:
                    mail_out = mailouts.get(connection, mail_out_id)
                    now = totals.status(connection, mail_out)
                    if now != last:
                        last = now
                        tell(mail_out, now)
                    if mail_out.state in OVER or has_died(ledger, connection, mail_out):
                        break
                time.sleep(LOOK)
        if not context.json:
            context.out.print()
            with ledger.reading() as connection:
                _show(context, ledger, connection, mail_out)
    except KeyboardInterrupt:
        context.say("\nNo longer looking. This changed nothing in the mail-out.")
        return 130
    return 0


@contextlib.contextmanager
def _teller(context: Context) -> Iterator[Callable[[MailOut, dict[str, Any]], None]]:
    """Yield what tells a change: a line that stays in its place on a terminal, else one line a
    change, or JSON.
    """
    if context.json:
        yield lambda _, now: context.data(now)
        return
    from mailer.cli.screen.tables import speller

    spell = speller(context.out)
    if context.out.is_terminal:
        with context.out.status("", spinner="line") as line:
            yield lambda mail_out, now: line.update(spell(_in_a_line(mail_out, now)))
    else:
        yield lambda mail_out, now: context.out.print(
            spell(_in_a_line(mail_out, now)), soft_wrap=True
        )


def _in_a_line(mail_out: MailOut, now: dict[str, Any]) -> str:
    counts = {State(state): number for state, number in now["counts"].items()}
    done, to_send = totals.done(counts)
    parts = [f"{counts[state]} {WORDS[state]}" for state in totals.IN_ORDER[:-1] if counts[state]]
    return f"{mail_out.name} {mail_out.state.value}, {done} of {to_send}: {' · '.join(parts)}"
