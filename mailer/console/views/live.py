"""One mail-out as it stands, and while it runs: progress, counters, the map, the rate, who needs a
person, the latest.

The page is whole without script and refreshes itself; with script the moving part comes over one
event stream, with the moment at which it was true. Where the stream is lost the page says since
when, and asks for itself until it is answered or led to the door. All that it shows is of the send
log: after a restart of the console it says the same. Pause and stop are states of the send log: no
final dot follows their commit.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, Response, StreamingResponse

from mailer.actions import mail_outs
from mailer.actions.mail_outs.drafts import look_after_drafts, put_drafts
from mailer.base.errors import UsageError
from mailer.base.states import OPEN, WORDS, MailOutState, State
from mailer.console import child
from mailer.console.request import Visit, render
from mailer.console.tiles import Tile, shade, tiles
from mailer.console.views.outcomes import counted
from mailer.ledger import mailouts
from mailer.ledger.ledger import Connection, shown
from mailer.ledger.mailouts import MailOut
from mailer.ledger.reading import listing as outcomes
from mailer.ledger.reading.deliveries import Delivery
from mailer.ledger.reading.listing import Happened, SenderWait
from mailer.report import returns
from mailer.report import totals as report
from mailer.report.returns import Said
from mailer.report.story import WAITS, told, told_of_the_whole, why

LOOK = 0.7  # seconds between two looks at the send log
SPAN, STEP = 300, 10  # seconds that the bars of the rate cover, and one bar
SHOWN = 8

_ended = threading.Event()
"""Set when the server shuts down: open streams end by themselves."""


@dataclass(frozen=True, slots=True)
class Now:
    """What the moving part of the page shows."""

    mail_out: MailOut
    counts: dict[State, int]
    done: int
    to_send: int
    totals: list[report.Total]
    table: dict[str, dict[State, int]]
    back: Mapping[str, int]  # letters that came back, by delegation
    needs: list[Delivery]
    needing: int
    returned: int  # accepted, and came back from an address of no use
    came_back: Sequence[Said]  # what became of the accepted ones later
    latest: list[Happened]
    bars: list[int]  # outcomes in each span of ten seconds, the oldest first
    last_minute: int  # letters begun
    left: float | None  # seconds, where a rate is known
    wait: SenderWait | None  # why nothing goes out at present
    at: datetime  # when all this was true
    died: bool
    starting: bool
    said: str  # why the last sender refused

    @property
    def running(self) -> bool:
        return self.mail_out.state is MailOutState.SENDING or self.starting

    @property
    def open(self) -> int:
        """Those who are still to be written to."""
        return sum(self.counts[state] for state in OPEN)

    @property
    def over(self) -> bool:
        return self.mail_out.state in (MailOutState.STOPPED, MailOutState.FINISHED)

    @property
    def stands(self) -> str:
        """How the buttons of the page are: another word, and they are other ones."""
        return f"{self.mail_out.state.value}{', starting' * self.starting}"


def look(visit: Visit, connection: Connection, mail_out: MailOut) -> Now:
    counts = counted(visit, connection, mail_out.id)
    done, to_send = report.done(counts.states)
    sending = mail_out.state is MailOutState.SENDING
    at = visit.now()
    answered, begun = (
        outcomes.letters_since(connection, mail_out.id, at - timedelta(seconds=SPAN))
        if sending
        else ([], [])
    )
    last_minute = sum(at - one <= timedelta(seconds=60) for one in begun)
    # of a minute, or since the first of these letters where that is less
    rate = 60 * last_minute / max(5.0, min(60.0, (at - begun[0]).total_seconds())) if begun else 0.0
    if limit := visit.workspace.settings.limits.per_minute:
        rate = min(rate, limit)
    open_ = sum(counts.states[state] for state in OPEN)
    root = visit.workspace.root
    return Now(
        mail_out=mail_out,
        counts=counts.states,
        done=done,
        to_send=to_send,
        totals=[
            report.Total(
                state,
                number,
                "" if state is State.SKIPPED else visit.say.share(number, to_send),
                "",
            )
            for state in report.IN_ORDER
            if (number := counts.states[state])
        ],
        table=counts.delegations,
        back=counts.returned,
        needs=visit.console.counts(mail_out.id).first_needing(connection, SHOWN),
        needing=sum(counts.needing.values()),
        returned=counts.needing[State.ACCEPTED],
        came_back=returns.said(counts.came_back),
        latest=list(outcomes.latest(connection, mail_out.id, SHOWN)),
        bars=_bars(answered, at) if sending else [],
        last_minute=last_minute,
        left=60 * open_ / rate if sending and rate else None,
        wait=outcomes.waiting(connection, mail_out.id, at) if sending else None,
        died=mail_outs.has_died(visit.console.ledger, connection, mail_out),
        starting=child.runs(root, mail_out) and outcomes.waits_to_begin(connection, mail_out.id),
        said=child.said(root, mail_out),
        at=at,
    )


def _bars(times: list[datetime], now: datetime) -> list[int]:
    spans = Counter(int((now - at).total_seconds()) // STEP for at in times)
    return [spans[back] for back in range(SPAN // STEP - 1, -1, -1)]


@dataclass(frozen=True, slots=True)
class MapTile:
    """A delegation on the map: how many letters stand how."""

    tile: Tile
    whole: int  # people to be written to
    accepted: int
    back: int  # accepted, and came back
    refused: int
    unknown: int
    waiting: int  # or being sent, or still tried
    not_sent: int

    @property
    def dark(self) -> int:
        return shade(self.accepted, self.whole)

    @property
    def strip(self) -> list[tuple[str, float, float]]:
        """Return what is not simply accepted as parts of a line: name, where it begins, and how
        long it is, both of the whole.
        """
        found, at = [], 0.0
        for name in ("refused", "back", "unknown", "waiting", "not_sent"):
            if self.whole and (part := getattr(self, name) / self.whole):
                found.append((name, at, part))
                at += part
        return found


def tile_map(table: dict[str, dict[State, int]], back: Mapping[str, int]) -> list[MapTile]:
    """Return every delegation of the map; `back` are the letters that came back."""
    found = []
    for tile in tiles():
        row = Counter(table.get(tile.code, {}))
        whole = sum(row.values()) - row[State.SKIPPED]
        waiting = row[State.WAITING] + row[State.SENDING] + row[State.DEFERRED]
        returned = min(back.get(tile.code, 0), row[State.ACCEPTED])
        found.append(
            MapTile(
                tile,
                whole,
                row[State.ACCEPTED],
                returned,
                row[State.REFUSED],
                row[State.UNKNOWN],
                waiting,
                row[State.NOT_SENT],
            )
        )
    return found


def show(visit: Visit) -> Response:
    with visit.reading() as connection:
        mail_out = visit.mail_out(connection)
        now = look(visit, connection, mail_out)
        story = outcomes.of_the_whole(connection, mail_out.id)
    as_planned = (
        None
        if now.over
        else mail_outs.as_it_was_planned(visit.workspace, visit.console.ledger, mail_out)
    )
    return visit.page(
        "mail_out.html",
        **_context(visit, now),
        story=[(one, list(told_of_the_whole(one))) for one in story],
        as_planned=as_planned,
    )


def now(visit: Visit) -> Response:
    """Return the moving part alone; a page that stands otherwise by now is to be loaded anew."""
    text, now = _fragment(visit)
    anew = {"x-anew": "yes"} if visit.query("was") not in ("", now.stands) else {}
    return HTMLResponse(text, headers={"x-as-of": _age(visit, now), **anew})


def _age(visit: Visit, now: Now) -> str:
    return visit.say.clock(now.at, seconds=True)


def _context(visit: Visit, now: Now) -> dict[str, Any]:
    limits = visit.workspace.settings.limits
    return {
        "mail_out": now.mail_out,
        "now": now,
        "age": _age(visit, now),
        "asked": max(now.mail_out.approvals, visit.workspace.settings.safety.approvals),
        "tiles": tile_map(now.table, now.back),
        "limit": limits.per_minute,
        "states": report.IN_ORDER,
        "told": told,
        "waits": WAITS,
    }


def _fragment(visit: Visit) -> tuple[str, Now]:
    with visit.reading() as connection:
        now = look(visit, connection, visit.mail_out(connection))
    return render(visit, "now.html", **_context(visit, now)), now


# --------------------------------------------------------------------------------------- the stream


def stream(visit: Visit) -> Response:
    """Tell every change for as long as the mail-out runs and the page is open."""
    return StreamingResponse(
        _events(visit), media_type="text/event-stream", headers={"x-accel-buffering": "no"}
    )


async def _events(visit: Visit) -> AsyncIterator[str]:
    last, tenth, needing = "", -1, -1
    was = visit.query("was")  # how the page stood when it was loaded
    while not _ended.is_set() and visit.console.sessions.watches(visit.session):
        text, now = await run_in_threadpool(_fragment, visit)
        if text != last:
            last = text
            yield _event("now", text)
        yield _event("at", _age(visit, now))
        reached = 10 * now.done // max(1, now.to_send)
        if reached > tenth >= 0 or now.needing > needing >= 0:
            yield _event("say", _sentence(visit, now))
        tenth, needing = reached, now.needing
        if now.stands != (was or now.stands) or now.over or not (was or now.running):
            yield _event("over", "")  # the page is loaded anew: its buttons are other ones
            return
        await asyncio.sleep(LOOK if now.running else 4 * LOOK)
    if not _ended.is_set():
        yield _event("over", "")  # the sign-in has ended: the page leads to the door


def tell(visit: Visit) -> Response:
    """Tell of every mail-out that comes to need a yes, pauses or ends, for as long as whoever asked
    could pause it: for a notice on the desktop, behind whatever else is done there.
    """
    return StreamingResponse(
        _notices(visit), media_type="text/event-stream", headers={"x-accel-buffering": "no"}
    )


async def _notices(visit: Visit) -> AsyncIterator[str]:
    before = await run_in_threadpool(_standing, visit)
    yield _event("ready", "")
    while not _ended.is_set() and visit.console.sessions.knows(visit.session):
        now = await run_in_threadpool(_standing, visit)
        for number, mail_out in now.items():
            was = before.get(number)
            if was is None or (was.state, was.why) != (mail_out.state, mail_out.why):
                said = _news(visit, mail_out)
                if said:
                    yield _event("tell", said)
        before = now
        await asyncio.sleep(2 * LOOK)


def _standing(visit: Visit) -> dict[int, MailOut]:
    with visit.reading() as connection:
        return {one.id: one for one in mailouts.all_of_them(connection)}


def _news(visit: Visit, mail_out: MailOut) -> str:
    say, name = visit.say, mail_out.title or mail_out.appeal
    asked = mail_out.approvals or visit.workspace.settings.safety.approvals
    match mail_out.state:
        case MailOutState.PLANNED | MailOutState.APPROVED if mail_out.why:  # it could not begin
            return f"{mail_out.name}: {say.why(mail_out.why)} ({name})"
        case MailOutState.PLANNED if asked:
            return say("{number} needs a yes: {name}", number=mail_out.name, name=name)
        case MailOutState.PAUSED | MailOutState.STOPPED | MailOutState.FINISHED:
            because = say.why(mail_out.why) if mail_out.why else say(mail_out.state.value)
            return f"{mail_out.name}: {because} ({name})"
    return ""


def _event(name: str, text: str) -> str:
    lines = "".join(f"data: {line}\n" for line in text.splitlines()) or "data:\n"
    return f"event: {name}\n{lines}\n"


def _sentence(visit: Visit, now: Now) -> str:
    """Say in a sentence how it stands, for those who listen: every tenth, or when somebody is
    needed.
    """
    say = visit.say
    said = [say("{done} of {all}", done=now.done, all=now.to_send)]
    said += [
        f"{say.number(now.counts[state])} {say(WORDS[state])}"
        for state in report.IN_ORDER
        if now.counts[state]
    ]
    return ", ".join(said)


def end_streams() -> None:
    _ended.set()


# ------------------------------------------------------------------------------ pause, resume, stop


def pause(visit: Visit) -> Response:
    now = mail_outs.pause(visit.console.ledger, visit.mail_out_id, who=visit.who)
    name = now.mail_out.name
    said = visit.say("{name} is paused. Nothing more is handed over.", name=name)
    if now.fresh:
        said = visit.say("{name} has not begun; whoever was about to send it does not.", name=name)
    return visit.go(f"/mail-outs/{name}", said)


def stop(visit: Visit) -> Response:
    """Give a mail-out up for good, once somebody has said that this is meant."""
    if not visit.field("sure"):
        raise UsageError(
            visit.say("Nothing was stopped: say first that it is meant for good, or pause instead.")
        )
    name = mail_outs.stop(visit.console.ledger, visit.mail_out_id, who=visit.who).mail_out.name
    said = visit.say("{name} is stopped for good. Nothing more is handed over.", name=name)
    return visit.go(f"/mail-outs/{name}", said)


def call(visit: Visit) -> Response:
    """Give a mail-out a name of its own."""
    ledger, name = visit.console.ledger, visit.field("name")
    now = mail_outs.call(ledger, visit.mail_out_id, name, who=visit.who)
    said = visit.say("{number} is called {name}.", number=now.name, name=now.title)
    return visit.go(f"/mail-outs/{now.name}", said)


def note(visit: Visit) -> Response:
    """Write a note beside a mail-out."""
    text = visit.text("text", 4000)
    mail_outs.note(visit.console.ledger, visit.mail_out_id, text, who=visit.who)
    name = visit.request.path_params["mail_out"]
    return visit.go(f"/mail-outs/{name}", visit.say("The note is written."))


def drafts(visit: Visit) -> Response:
    """Put letters among the drafts of the sender's own mailbox, or look which of them were sent."""
    mail_out_id, log = visit.mail_out_id, visit.console.ledger
    only = [word.strip() for word in visit.field("only").split(",") if word.strip()]
    if visit.field("look"):
        done = look_after_drafts(visit.workspace, log, mail_out_id, who=visit.who)
    elif only or visit.field("all"):
        done = put_drafts(visit.workspace, log, mail_out_id, only, who=visit.who)
    else:
        raise UsageError(visit.say("Say whose letters are meant, or that all of them are."))
    words = "{put} letters were put among the drafts, {sent} were found sent; {lying} lie there."
    number = {"put": len(done.put), "sent": len(done.sent), "lying": done.lying}
    said = [visit.say(words, **number)]
    if out := ", ".join(f"{one.name} ({visit.say.tell(*why(one))})" for one in done.passed_over):
        said.append(visit.say("Passed over: {people}.", people=out))
    if astray := ", ".join(one.name for one in done.astray):
        gone = "Lying there, though somebody has said otherwise meanwhile: delete {people}."
        said.append(visit.say(gone, people=astray))
    return visit.go(f"/mail-outs/{shown(mail_out_id)}", " ".join(said))


def resume(visit: Visit) -> Response:
    """Go on with a paused mail-out, or with one whose sender has ended."""
    with visit.reading() as connection:
        mail_out = visit.mail_out(connection)
    if mail_out.only_drafts:  # nobody has typed the number yet
        return visit.go(f"/mail-outs/{mail_out.name}/send")
    mail_outs.may_resume(mail_out)
    return begin(visit, mail_out, "resume", mail_out.name)


def begin(visit: Visit, mail_out: MailOut, *words: str) -> Response:
    """Start the process that sends, and show how it goes."""
    visit.workspace.make_state_dir()
    if child.start(visit.workspace.root, mail_out, *words, who=visit.who):
        command = f"mailer {' '.join(words)}"
        mail_outs.asked_to_send(visit.console.ledger, mail_out.id, command, who=visit.who)
    return visit.go(f"/mail-outs/{mail_out.name}")
