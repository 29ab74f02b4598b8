"""What `send`, `resume` and the demo share: the running mail-out on the screen, and what Ctrl-C does."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from mailer.cli.desk import Desk
from mailer.dispatch import Course, Dispatch
from mailer.ledger import queries
from mailer.ledger.ledger import Ledger
from mailer.ledger.mailouts import MailOut
from mailer.states import OPEN, WORDS, State
from mailer.transport.smtp import SmtpSession

INTERRUPTED = "interrupted at the keyboard"
SHOWN = (State.ACCEPTED, State.REFUSED, State.DEFERRED, State.UNKNOWN)


def run(desk: Desk, ledger: Ledger, mail_out: MailOut, session: Callable[[], SmtpSession], course: Course) -> MailOut:
    """Send, and show how it goes; Ctrl-C pauses, a second one ends at once. Returns how the mail-out then stands."""
    with ledger.reading() as connection:
        counts = queries.counts(connection, mail_out.id)
    total = sum(number for state, number in counts.items() if state is not State.SKIPPED)
    left = sum(counts[state] for state in OPEN)
    with _screen(desk, mail_out.name, total, total - left) as report:
        return asyncio.run(_run(desk, Dispatch(ledger, mail_out.id, session, course, report)))


async def _run(desk: Desk, dispatch: Dispatch) -> MailOut:
    loop = asyncio.get_running_loop()
    pausing: list[asyncio.Task[None]] = []

    def interrupted() -> None:
        if not pausing:
            desk.say(
                "\nPausing: letters that are handed over get ten seconds for their answer. Ctrl-C again ends at once."
            )
            pausing.append(asyncio.create_task(dispatch.pause(INTERRUPTED)))
        else:
            dispatch.hurry()

    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, interrupted)
    try:
        return await dispatch.run()
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


@contextlib.contextmanager
def _screen(desk: Desk, name: str, total: int, done: int) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Yield what is told every event: JSON lines, a moving bar on a terminal, or a line for every tenth."""
    if desk.json:
        yield lambda event: desk.data({**event, "mail_out": name})
    elif desk.quiet:
        yield lambda _event: None
    elif desk.err.is_terminal:
        with _bar(desk, total, done) as report:
            yield report
    else:
        yield _lines(desk, total, done)


@contextlib.contextmanager
def _bar(desk: Desk, total: int, done: int) -> Iterator[Callable[[dict[str, Any]], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (
        BarColumn(24),
        MofNCompleteColumn(" of "),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    tally = _Tally(done)
    with Progress(*columns, console=desk.err, transient=False) as progress:
        task = progress.add_task("", total=total, completed=done)

        def report(event: dict[str, Any]) -> None:
            progress.update(task, completed=tally.take(event), description=tally.words(event))

        yield report


def _lines(desk: Desk, total: int, done: int) -> Callable[[dict[str, Any]], None]:
    tally = _Tally(done)
    said = 10 * done // max(total, 1)

    def report(event: dict[str, Any]) -> None:
        nonlocal said
        if event["event"] == "server_away":
            desk.say(tally.words(event))
        elif (tenth := 10 * tally.take(event) // max(total, 1)) > said:
            said = tenth
            desk.say(f"  {tally.done} of {total} · {10 * tenth} % · {tally.words(event)}")

    return report


class _Tally:
    """Counts outcomes; a deferral is no end, and is taken back when the letter is tried again."""

    def __init__(self, done: int) -> None:
        self.before = done
        self.last: dict[int, State] = {}

    @property
    def done(self) -> int:
        return self.before + sum(state is not State.DEFERRED for state in self.last.values())

    def take(self, event: dict[str, Any]) -> int:
        if event["event"] == "outcome":
            self.last[event["delivery"]] = State(event["state"])
        return self.done

    def words(self, event: dict[str, Any]) -> str:
        if event["event"] == "server_away":
            return f"{event['why']} Trying again in {event['seconds']:.0f} s."
        counts = Counter(self.last.values())
        return " · ".join(
            f"{WORDS[state].removesuffix(' for delivery')} {counts[state]}" for state in SHOWN if counts[state]
        )
