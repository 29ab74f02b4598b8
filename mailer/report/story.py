"""The story of a delivery, and why it stands where it stands: sentences that every door says.

Reading only. A `Sentence` is English words with gaps and what fills them: `str()` is what the
command line prints, and the console looks the words up in the reader's language. What a server
said is never part of a sentence, so that nobody takes its words for ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, assert_never

from mailer.base.states import Reason, State
from mailer.inbox.kinds import WORDS, InboxKind
from mailer.ledger.events import EventKind
from mailer.ledger.mailouts import MailOut
from mailer.ledger.reading.deliveries import Delivery, Moment
from mailer.report.totals import IN_THE_ROW, in_words, local

_A_PROCESS = re.compile(r"[0-9a-f]{12}")  # `senders.sender` calls itself so; people have names


WAITS = {
    "per_minute": "{n} letters a minute may go out ([limits] per_minute)",
    "per_hour": "{n} letters have gone out within an hour ([limits] per_hour)",
    "per_day": "{n} letters have gone out within a day ([limits] per_day)",
    "later": "Whoever is left was put off, their domain is left alone for a while, or their hour is"
    " still to come",
    "slow_down": "The server asked to slow down",
}
"""What is said while nothing goes out, by what is waited for."""


class Sentence:
    """Words with gaps, and what fills them: numbers, texts, moments, and a `place` in a sheet."""

    def __init__(self, words: str, **values: int | str | datetime) -> None:
        self.words, self.values = words, values

    def __str__(self) -> str:
        if not self.values:  # somebody's own words may have braces
            return self.words
        filled = {
            name: local(value) if isinstance(value, datetime) else value
            for name, value in self.values.items()
        }
        return self.words.format_map(filled)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a delivery's story: when, what happened, and what the delivery became by it."""

    at: datetime
    said: Sequence[Sentence]
    became: State | None = None
    because: Sequence[Sentence] = field(default=())
    server: str = ""  # the server's own line
    ahead: bool = False  # not yet: the next try


class Happening(Protocol):
    """What `told` needs of an event: a line of a timeline, or of the latest of a mail-out."""

    @property
    def kind(self) -> EventKind: ...
    @property
    def reason(self) -> str: ...
    @property
    def detail(self) -> str: ...
    @property
    def who(self) -> str: ...


def story(
    mail_out: MailOut, one: Delivery, moments: Sequence[Moment], head: str = ""
) -> Iterator[Step]:
    """Tell all that happened to a delivery, from the plan on. `head`: whom the letter is to, where
    this person is in copy.
    """
    planned = [Sentence("planned in {name}", name=mail_out.name)]
    planned += [Sentence("in copy to the letter to {name}", name=head)] if head else []
    if one.state is State.SKIPPED:
        yield Step(mail_out.planned_at, planned, State.SKIPPED, why(one))
    else:
        named = [Sentence(in_words(one.reason)), Sentence(one.detail)]
        named = named if one.reason == Reason.SHARED else []
        yield Step(mail_out.planned_at, planned, State.WAITING, named)
    for number, moment in enumerate(moments, 1):
        if moment.kind is EventKind.SENDING and number < len(moments):
            continue  # a claim is news only while nothing follows
        server = server_line(moment.code, moment.enhanced, moment.text) if moment.code else ""
        because = [Sentence(in_words(moment.reason))] if moment.reason else []
        said = list(_tried(moment) if moment.attempt is not None else told(moment))
        yield Step(moment.at, said, moment.kind.state, because, server)
    if one.state is State.DEFERRED and one.next_try_at:
        yield Step(one.next_try_at, [Sentence("next try")], ahead=True)


def _tried(moment: Moment) -> Iterator[Sentence]:
    if moment.kind is EventKind.LATE_ANSWER:
        yield Sentence(
            "An answer came after the letter was no longer this sender's; it is kept as evidence."
        )
    number = moment.attempt or 0
    if moment.peer and moment.tls:
        yield Sentence("try {n}, to {peer}, {tls}", n=number, peer=moment.peer, tls=moment.tls)
    elif moment.peer:
        yield Sentence("try {n}, to {peer}, not encrypted", n=number, peer=moment.peer)
    else:
        yield Sentence("try {n}", n=number)
    if not moment.code:
        yield Sentence(moment.text or "no answer is on record")


BY = {
    EventKind.PLANNED: "planned by {who}",
    EventKind.APPROVED: "approved by {who}",
    EventKind.PAUSED: "paused by {who}",
    EventKind.STOPPED: "stopped by {who}",
    EventKind.FINISHED: "finished by {who}",
}
"""What a person did to a mail-out, where there is no more to say of it."""


def told(event: Happening) -> Iterator[Sentence]:
    """Tell an event beside its state: who did it, and what they said."""
    who, text = person_behind(event.who), event.detail
    match event.kind:
        case EventKind.SENDING | EventKind.CLAIMED:
            yield Sentence("taken up by a sender")
        case EventKind.WAITING:
            yield Sentence("put back before anything was handed over")
        case EventKind.DRAFTED:
            yield Sentence("taken out of the sending by {who}, to lie as a draft", who=who)
        case EventKind.DRAFT_PUT:
            yield Sentence("put into the folder {text}, for a person to send", text=text)
        case EventKind.ACCEPTED if not event.who and text:
            yield Sentence(text)  # a draft that was sent
        case EventKind.ACCEPTED | EventKind.NOT_SENT if event.reason in ("", Reason.DECIDED):
            yield Sentence("{who} decided: {text}", who=who, text=text)  # it was unknown
        case (
            EventKind.ACCEPTED
            | EventKind.NOT_SENT
            | EventKind.DEFERRED
            | EventKind.REFUSED
            | EventKind.UNKNOWN
        ):
            yield from _by(who, text) or [Sentence("without another try")]
        case EventKind.LATE_ANSWER:
            yield Sentence("An answer came too late to count: {text}", text=text)
        case EventKind.RELEASED:
            yield Sentence("released by {who}: {text}", who=who, text=text)
        case EventKind.PLANNED_AGAIN:
            yield Sentence("planned once more by {who}: {text}", who=who, text=text)
        case EventKind.NOTED:
            yield Sentence("note by {who}: {text}", who=who, text=text)
        case EventKind.LETTER_OPENED:
            yield Sentence("letter opened by {who}", who=who)
        case EventKind.MESSAGE_OPENED:
            yield Sentence("what came back was opened by {who}", who=who)
        case EventKind.DONE:
            yield Sentence("follow-up done by {who}", who=who)
        case EventKind.TO_DO_AGAIN:
            yield Sentence("follow-up taken up again by {who}", who=who)
        case EventKind.ASSIGNED:
            day, _, name = text.partition(" ")
            words = "follow-up for {name}, until {day}, said {who}"
            yield Sentence(words, name=name or "?", day=day, who=who)
        case EventKind.CAME_BACK:
            yield Sentence(WORDS.get(text, "something came back"))
            yield from _by(who, "")
        case EventKind.NOT_ABOUT_IT:
            yield Sentence("a message that was taken for one about this letter is about another")
            yield from _by(who, "")
        case EventKind.RENAMED:
            yield Sentence(
                "in the sheets called {text} from now on; {who} changed them", text=text, who=who
            )
        case EventKind.ERASED:
            yield Sentence("erased by {who}: {text}", who=who, text=text)
        case (
            EventKind.PLANNED
            | EventKind.APPROVED
            | EventKind.PAUSED
            | EventKind.STOPPED
            | EventKind.FINISHED
        ):
            of_its_own = f"{event.kind.value} by {who}"
            if who and (not text or text.startswith(of_its_own)):
                yield Sentence(BY[event.kind], who=who)
            else:
                yield Sentence(event.kind.value)
                yield from _by(who, text)
        case EventKind.CALLED:
            yield Sentence("called “{text}” by {who}", who=who, text=text)
        case EventKind.REHEARSED:
            yield Sentence("rehearsed by {who}: {text}", who=who, text=text)
        case EventKind.SCHEDULED:
            yield Sentence("to begin by itself, said {who}: {text}", who=who, text=text)
        case EventKind.UNSCHEDULED:
            yield Sentence("not to begin by itself any more")
            yield from _by(who, text)
        case EventKind.ASKED_TO_SEND:
            yield Sentence("{who} asked for it to be sent", who=who)
        case EventKind.ADOPTED:
            yield Sentence("this copy of the send log adopted by {who}: {text}", who=who, text=text)
        case _ as never:
            assert_never(never)


def told_of_the_whole(event: Happening) -> Iterator[Sentence]:
    """Tell an event of a mail-out as a whole."""
    if event.kind is EventKind.SENDING:
        yield Sentence("the sending began, or went on")
    else:
        yield from told(event)


def _by(who: str, text: str) -> list[Sentence]:
    if who and text:
        return [Sentence("by {who}: {text}", who=who, text=text)]
    return [Sentence("by {who}", who=who)] if who else [Sentence(text)] if text else []


def person_behind(who: str) -> str:
    """Return the person who did it; nobody, where it was a sender process."""
    return "" if _A_PROCESS.fullmatch(who) else who


def why(one: Delivery) -> list[Sentence]:
    """Say why a delivery is where it is: the reason, the server's own words or the cell, what came
    back, what is next.
    """
    parts = [Sentence(in_words(one.reason))] if one.reason else []
    if one.reason in IN_THE_ROW:
        if one.reason in (Reason.ROW, Reason.UNKNOWN_DELEGATION) and one.detail:
            parts = [Sentence(one.detail)]
        if one.address:
            parts.append(Sentence(one.address))
        parts.append(Sentence("{place}", place=one.place))
    elif one.detail:
        parts.append(Sentence(one.detail))
    said = server_line(one.code, one.enhanced, one.text)
    if one.state is not State.ACCEPTED or one.attempts > 1:
        if one.code:
            parts.append(Sentence("server: {text}", text=said))
        elif said and one.state is not State.UNKNOWN:
            parts.append(Sentence(said))
    if one.state is State.DEFERRED and one.next_try_at:
        parts.append(Sentence("next try {at}", at=one.next_try_at))
    if one.state is State.DRAFTED:
        there = "a person sends it from the mailbox, or deletes it there and says so"
        gone = "whether it lies in the folder is not known: put the drafts there once more"
        no_more = "delete it there, and say so: they want no more letters"
        held = "objection" in one.came_back
        parts.append(Sentence(no_more if held else there if one.handover_at else gone))
    if one.state is State.WAITING and one.next_try_at:
        parts.append(Sentence("not before {at}", at=one.next_try_at))
    parts += [Sentence(WORDS[kind]) for kind in InboxKind if kind in one.came_back]
    if one.state is State.ACCEPTED and one.attempts > 1:
        parts.append(Sentence("at try {n}", n=one.attempts))
    return parts


def joined(sentences: Sequence[Sentence]) -> str:
    """Put sentences into one line of English."""
    return "; ".join(map(str, sentences))


def server_line(code: int | None, enhanced: str | None, text: str) -> str:
    """Put the server's line together again: `550 5.1.1 no such user here`."""
    if enhanced and text.startswith(enhanced):
        enhanced = None
    return " ".join(str(part) for part in (code, enhanced, text) if part)
