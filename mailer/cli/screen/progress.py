"""What `send`, `resume` and the demo share: the running mail-out on the screen, and what Ctrl-C
does.

Nobody has to look: when whoever reads the output goes away, the letters go out all the same. A
window that is closed is somebody who leaves: that pauses, as Ctrl-C does.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO

from rich.text import Text

from mailer.actions.mail_outs.sending import has_left
from mailer.base import clock
from mailer.base.errors import Interrupted
from mailer.base.states import OPEN, WORDS, MailOutState, State
from mailer.cli.context import Context
from mailer.ledger.mailouts import MailOut
from mailer.ledger.reading.counts import count
from mailer.report.story import WAITS
from mailer.report.totals import zone_name

if TYPE_CHECKING:
    from mailer.sending.dispatch import Dispatch

Report = Callable[[dict[str, Any]], None]
"""Is told every event of a sending."""

INTERRUPTED = "interrupted at the keyboard"
CLOSED = "the window was closed"
SCREEN = "screen"  # the thread that tells
ASKED = 2.0  # seconds between two questions to a service, whether another mail-out waits
AT_THE_END = 10.0  # seconds for a reader of the output who is slow
WIDE = 78
"""Columns from which the bar is long, and the speed stands beside the time that is left."""

SHOWN = (State.ACCEPTED, State.REFUSED, State.DEFERRED, State.UNKNOWN, State.NOT_SENT)


def run(
    context: Context,
    mail_out: MailOut,
    dispatch: Dispatch,
    *,
    service: Callable[[], bool] | None = None,
) -> MailOut:
    """Send, and show how it goes; Ctrl-C pauses, a second one ends at once. Returns how the
    mail-out then stands.

    A helper that is interrupted leaves the sending to the others; where there are none, that is a
    pause, too. A service that is ended leaves it to the next one, which goes on by itself;
    `service` is asked, every moment, whether it is to be left for another mail-out.
    """
    ledger = dispatch.ledger
    with ledger.reading() as connection:
        counts = count(connection, mail_out.id).letters
    total = sum(number for state, number in counts.items() if state is not State.SKIPPED)
    left = sum(counts[state] for state in OPEN)
    with _screen(context, mail_out.name, total, total - left) as report:
        with _beside(_told(context, mail_out.name, report)) as told:
            dispatch.report = told
            after, why = asyncio.run(_run(told, dispatch, service))
        if why and service:
            raise Interrupted(f"{after.name} is left to the next service.")
        if dispatch.helper and why:
            after = has_left(ledger, after, why)
        if any(thread.name == SCREEN for thread in threading.enumerate()):
            ledger.close()  # whoever should read does not: each further word would wait for ever
            os._exit(0 if after.state is MailOutState.FINISHED else Interrupted.exit_code)
    return after


@contextlib.contextmanager
def _beside(tell: Report) -> Iterator[Report]:
    """Tell events on a thread of their own: output that nobody reads holds up no letter, and no
    signal. At the end it is waited for, for some seconds.
    """
    events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()

    def work() -> None:
        while (event := events.get()) is not None:
            tell(event)

    thread = threading.Thread(target=work, name=SCREEN, daemon=True)
    thread.start()
    try:
        yield events.put
    finally:
        events.put(None)
        thread.join(AT_THE_END)


async def _run(
    told: Report, dispatch: Dispatch, service: Callable[[], bool] | None
) -> tuple[MailOut, str]:
    """Returns how the mail-out then stands, and what interrupted this sender, if anything did."""
    loop, leaves = asyncio.get_running_loop(), dispatch.helper or service is not None
    pausing: dict[str, asyncio.Task[None]] = {}  # why, and what sees to it
    window = [
        stream for stream in (sys.stdout, sys.stderr) if stream.isatty()
    ]  # once it is gone, nobody can tell

    def end(why: str) -> None:
        pausing[why] = asyncio.create_task(dispatch.leave() if leaves else dispatch.pause(why))

    def interrupted() -> None:
        if not pausing:
            doing = "Leaving" if leaves else "Pausing"
            what = f"\n{doing}: letters that are handed over get ten seconds for their answer."
            told({"event": "said", "what": f"{what}\nCtrl-C again ends at once."})
            end(INTERRUPTED)
        else:
            dispatch.hurry()

    def closed() -> None:
        _fall_silent(*window)
        if not pausing:
            end(CLOSED)

    handlers = {signal.SIGINT: interrupted, signal.SIGTERM: interrupted, signal.SIGHUP: closed}
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # nohup: somebody wants it to go on
        del handlers[signal.SIGHUP]
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    leaving = asyncio.create_task(_leave_when(service, dispatch)) if service else None
    try:
        return await dispatch.run(), next(iter(pausing), "")
    finally:
        if leaving:
            leaving.cancel()
        for number in handlers:
            loop.remove_signal_handler(number)


async def _leave_when(another_waits: Callable[[], bool], dispatch: Dispatch) -> None:
    while True:
        await asyncio.sleep(ASKED)
        if await asyncio.to_thread(another_waits):
            await dispatch.leave()
            return


def _told(context: Context, name: str, report: Report) -> Report:
    """Wrap what is told every event: a reader that has gone (`head` has enough, a line is cut) ends
    no sending.
    """

    def tell(event: dict[str, Any]) -> None:
        try:
            if event["event"] == "said":
                context.say(event["what"])
            else:
                report(event)
        except OSError:
            _fall_silent(sys.stdout if context.json else sys.stderr)
            with contextlib.suppress(OSError):
                context.say(
                    f"Nobody reads the output any longer; the sending goes on: mailer status {name}"
                )

    return tell


def _fall_silent(*streams: TextIO) -> None:
    """Let what is written from now on go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        with contextlib.suppress(OSError, ValueError):  # ValueError: it is closed, or has no file
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


@contextlib.contextmanager
def _screen(context: Context, name: str, total: int, done: int) -> Iterator[Report]:
    """Yield what is told every event: JSON lines, a moving bar on a terminal, or a line for every
    tenth.
    """
    if context.json:
        yield lambda event: context.data({**event, "mail_out": name})
    elif context.quiet:
        yield lambda _event: None
    elif context.err.is_terminal:
        with _bar(context, total, done) as report:
            yield report
    else:
        yield _lines(context, total, done)


@contextlib.contextmanager
def _bar(context: Context, total: int, done: int) -> Iterator[Report]:
    """Two lines that stay in their place: how far, how fast and how long yet; and what became of
    the letters.
    """
    from rich.live import Live

    from mailer.cli.screen.tables import speller

    tally, spell, names = OutcomeCounts(done), speller(context.err), context.workspace.delegations
    began, now = time.monotonic(), ""

    def picture() -> Text:
        width = context.err.width - 1
        lines = [
            progress_line(tally, total, time.monotonic() - began, width),
            "  " + "    ".join(filter(None, (tally.words(), f"now: {now}" if now else ""))),
        ]
        return Text("\n".join(spell(line)[:width] for line in lines), no_wrap=True, overflow="crop")

    def report(event: dict[str, Any]) -> None:
        nonlocal now
        tally.take(event)
        if aside := _aside(event):
            live.console.print(aside, highlight=False)
        now = names.name(event["delegation"], "en") if event.get("delegation") else ""

    with Live(
        get_renderable=picture, console=context.err, refresh_per_second=8, redirect_stdout=False
    ) as live:
        yield report
        now = ""
        live.refresh()


def progress_line(tally: OutcomeCounts, total: int, seconds: float, width: int) -> str:
    """Draw `  ██████░░░░  274 of 592   46 %   1.0 a second   5 min 18 s left` in so
    many columns.
    """
    share = tally.done / total if total else 1.0
    words = [f"{tally.done} of {total}", f"{int(100 * share)} %"]
    sent = tally.done - tally.before
    if tally.done == total:
        words.append(_duration(seconds))
    elif tally.next_try and tally.done + tally.deferred == total:
        at = tally.next_try.astimezone()
        words.append(f"next try at {at:%H:%M:%S} {zone_name(at)}")
    elif seconds >= 1 and sent:
        rate = sent / seconds
        words += [f"{rate:.1f} a second"] * (width >= WIDE) + [
            f"{_duration((total - tally.done) / rate)} left"
        ]
    room = 24 if width >= WIDE else 12
    full = int(room * share)
    return f"  {'█' * full}{'░' * (room - full)}  {'   '.join(words)}"


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return (
        f"{whole // 60} min {whole % 60} s"
        if whole < 3600
        else f"{whole // 3600} h {whole % 3600 // 60} min"
    )


def _lines(context: Context, total: int, done: int) -> Report:
    tally = OutcomeCounts(done)
    said = 10 * done // max(total, 1)

    def report(event: dict[str, Any]) -> None:
        nonlocal said
        tally.take(event)
        if event["event"] == "server_away":
            context.say(f"  {tally.away}")
        elif event["event"] in ("slow_down", "wait"):
            context.say(f"  {tally.words()}")
        elif aside := _aside(event):
            context.say(aside)
        elif (tenth := 10 * tally.done // max(total, 1)) > said:
            said = tenth
            context.say(f"  {tally.done} of {total} · {10 * tenth} % · {tally.words()}")

    return report


def _aside(event: dict[str, Any]) -> str:
    """Say what stands beside the counting; nothing for most events."""
    if event["event"] == "learnt":
        return f"  {event['what']}."
    if event["event"] == "held":
        who = "1 person is" if event["people"] == 1 else f"{event['people']} people are"
        return f"  {who} on the hold list now, and will not be written to."
    return ""


class OutcomeCounts:
    """Counts outcomes; a deferral is no end, and is taken back when the letter is tried again."""

    def __init__(self, done: int) -> None:
        self.before = done  # how many had an outcome before this sending
        self.last: dict[int, State] = {}
        self.tries: dict[int, datetime] = {}  # of those deferred, when they are tried again
        self.away = ""  # what is said while the server is away
        self.rest_ends = 0.0  # on `clock.steady`, where a server asked for a rest
        self.wait_ends, self.waits = 0.0, ""  # on `clock.steady`, and what is waited for

    @property
    def done(self) -> int:
        return self.before + len(self.last) - self.deferred

    @property
    def deferred(self) -> int:
        return len(self.tries)

    @property
    def next_try(self) -> datetime | None:
        return min(self.tries.values(), default=None)

    def take(self, event: dict[str, Any]) -> None:
        if event["event"] == "server_away":
            self.away = f"{event['why']}. Trying again in {event['seconds']:.0f} s."
        elif event["event"] == "slow_down":
            self.rest_ends = max(self.rest_ends, clock.steady() + event["seconds"])
        elif event["event"] == "wait":
            self.wait_ends = clock.steady() + event["seconds"]
            self.waits = WAITS[event["why"]].format(n=event["limit"])
        elif event["event"] == "outcome":
            self.away, self.wait_ends = "", 0.0
            self.last[event["delivery"]] = State(event["state"])
            self.tries.pop(event["delivery"], None)
            if event["next_try_at"] is not None:
                self.tries[event["delivery"]] = event["next_try_at"]

    def words(self) -> str:
        counts = Counter(self.last.values())
        if (left := self.rest_ends - clock.steady()) > 0:
            return f"{WAITS['slow_down']}. Going on in {_duration(left)}."
        if (left := self.wait_ends - clock.steady()) > 0:
            return f"{self.waits}. Going on in {_duration(left)}."
        return self.away or " · ".join(
            f"{WORDS[state].removesuffix(' for delivery')} {counts[state]}"
            for state in SHOWN
            if counts[state]
        )
