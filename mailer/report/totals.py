"""What became of a mail-out, as plain data in a coordinator's words: for `status`, `log`, the demo
and the console.

Reading only. Everything is a sum of what `ledger.reading.counts` counted over one connection of
`Ledger.reading()`, which is one state of the send log: so all numbers agree with each other while
somebody is sending.
Texts are as sheets and servers gave them; whoever shows them makes control characters visible.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mailer.base.delegations import Delegation, Delegations
from mailer.base.spelling import tokens
from mailer.base.states import OPEN, REASONS, WORDS, MailOutState, Reason, State
from mailer.ledger import notes
from mailer.ledger.ledger import Connection
from mailer.ledger.reading import answers, deliveries
from mailer.ledger.reading.counts import Counted, count, words_for
from mailer.ledger.reading.deliveries import Delivery
from mailer.ledger.reading.scope import AppealStanding, Reported

WORST_FIRST = (
    *(State.UNKNOWN, State.REFUSED, State.NOT_SENT, State.DRAFTED, State.DEFERRED, State.SKIPPED),
)
"""The states that want a look, in the order in which delegations are listed."""

IN_ORDER = (
    State.ACCEPTED, State.SENDING, State.DEFERRED, State.WAITING,
    State.REFUSED, State.UNKNOWN, State.DRAFTED, State.NOT_SENT, State.SKIPPED,
)  # fmt: skip
"""The order of the totals on every screen."""

IN_THE_ROW = frozenset(
    {
        Reason.NO_ADDRESS,
        Reason.BAD_ADDRESS,
        Reason.SAME_ADDRESS,
        Reason.ROW,
        Reason.UNKNOWN_DELEGATION,
    }
)
"""Reasons that go away when somebody corrects the person's row."""

NOT_MEANT = frozenset(
    {
        *(Reason.TEST_MODE, Reason.NOT_CHOSEN, Reason.ROLE, Reason.ALREADY, Reason.SHARED),
        *(Reason.ENOUGH, Reason.NO_FIRST_LETTER, Reason.ANSWERED, Reason.NO_MORE, Reason.AWAY),
        Reason.NO_HEAD,
    }
)
"""Reasons of our own choosing: the mail-out was never for these people, so nobody has to look at
them.
"""

STATES_OF_MAIL_OUT: dict[MailOutState, str] = {
    MailOutState.PLANNED: "planned, nothing has been sent",
    MailOutState.APPROVED: "approved, nothing has been sent",
    MailOutState.SENDING: "sending",
    MailOutState.PAUSED: "paused",
    MailOutState.STOPPED: "stopped for good",
    MailOutState.FINISHED: "finished",
}
NOT_KNOWN = "delegation not known"


@dataclass(frozen=True, slots=True)
class Total:
    """One line of the totals."""

    state: State
    people: int
    share: str  # "98.4 %" of those who were to get a letter; empty for the left out
    note: str  # "no such mailbox 5 · mailbox full 2", empty where there is nothing to say


@dataclass(frozen=True, slots=True)
class DelegationLine:
    """One delegation in a mail-out."""

    code: str
    name: str
    people: int
    counts: Mapping[State, int]
    # "2 refused: no such mailbox; 1 left out: no address"; empty where nothing wants a look
    look: str

    @property
    def accepted(self) -> int:
        return self.counts[State.ACCEPTED]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One reason for which people were left out."""

    reason: str  # in words
    people: int
    delegations: Mapping[str, int]  # code → people, most first


# ---------------------------------------------------------------------------------------- mail-outs


def totals(counted: Counted) -> list[Total]:
    """Count everyone by state, with per cents of those to be written to, and the reasons. Empty
    states are left away.
    """
    counts = counted.states
    to_send = sum(counts.values()) - counts[State.SKIPPED]
    lines = []
    for state in IN_ORDER:
        number = counts[state]
        if number:
            share = "" if state is State.SKIPPED else per_cent(number, to_send)
            lines.append(Total(state, number, share, _note(counted, state)))
    return lines


def delegations(
    connection: Connection, counted: Counted, known: Delegations
) -> list[DelegationLine]:
    """List every delegation of the mail-out, worst first, then by name."""
    why = {state: counted.reasons(state) for state in WORST_FIRST}
    by_choice = words_for(connection, counted, Reason.DELEGATION)
    lines = []
    for code, counts in counted.delegations.items():
        look, order = [], []
        for state in WORST_FIRST:
            reasons = {
                reason: codes[code]
                for reason, codes in why[state].items()
                if code in codes and reason not in NOT_MEANT
            }
            number = sum(reasons.values())
            order.append(-number)
            if number:
                words = by_choice.get(code) if set(reasons) == {Reason.DELEGATION} else None
                look.append(f"{number} {WORDS[state]}{_because(reasons, words)}")
        name = known.name(code, "en") if code else NOT_KNOWN
        lines.append(
            (
                order,
                tokens(name),
                DelegationLine(code, name, sum(counts.values()), counts, "; ".join(look)),
            )
        )
    return [line for _, _, line in sorted(lines, key=lambda one: one[:2])]


def absent(lines: Iterable[DelegationLine], known: Delegations) -> list[Delegation]:
    """Return the members of the Assembly of whom nobody is in the sheets."""
    there = {line.code for line in lines}
    return [one for one in known.members if one.code not in there]


def left_out(counted: Counted) -> list[LeftOut]:
    """Say why people were left out, and how many of each delegation, the most frequent reason
    first.
    """
    return [
        LeftOut(
            in_words(reason),
            sum(codes.values()),
            dict(sorted(codes.items(), key=lambda item: (-item[1], item[0]))),
        )
        for reason, codes in counted.reasons(State.SKIPPED).items()
    ]


def not_meant(counted: Counted) -> int:
    """Count those who were left out by our own choice: nobody has to look at them."""
    why = counted.reasons(State.SKIPPED)
    return sum(sum(why[reason].values()) for reason in NOT_MEANT if reason in why)


def to_look_at(counts: Mapping[State, int], chosen: int = 0) -> str:
    """Word what wants a look: `1 unknown, 8 refused, 32 left out`. `chosen`: of the left out, by
    our own choice.
    """
    look = {**counts, State.SKIPPED: counts[State.SKIPPED] - chosen}
    return ", ".join(f"{look[state]} {WORDS[state]}" for state in WORST_FIRST if look[state])


def status(
    connection: Connection, mail_out: Reported, counted: Counted | None = None
) -> dict[str, Any]:
    """Return what `mailer status M --json` prints; the counts add up to `planned`, the left-out
    included. Of an appeal each person is counted once, over all its mail-outs.
    """
    counted = counted or count(connection, mail_out.id)
    came_back: Counter[str] = Counter()
    for kinds, number in counted.came_back.items():
        came_back.update(dict.fromkeys(kinds, number))
    what: dict[str, Any] = (
        {"appeal": mail_out.appeal, "mail_outs": dict(mail_out.mail_outs)}
        if isinstance(mail_out, AppealStanding)
        else {"mail_out": mail_out.name, "state": mail_out.state.value}
    )
    said: dict[str, Any] = {}
    if not isinstance(mail_out, AppealStanding):
        back = answers.back_on(connection, mail_out.id)
        away = deliveries.by_id(connection, list(back))
        said = {
            "title": mail_out.title,
            "why": mail_out.why,
            "back": {one.shown: back[one.id].isoformat() for one in away},
            "schedule": mail_out.schedule,
            "starts_at": mail_out.starts_at,
            "notes": [text for _, _, text in notes.of_the_whole(connection, mail_out.id)],
        }
    return {
        **what,
        "planned": counted.everyone,
        "counts": plain(counted.states),
        "needs_a_person": sum(counted.needing.values()),
        "came_back": came_back,
        "delegations": {code: plain(row) for code, row in counted.delegations.items()},
        **said,
    }


def plain(counts: Mapping[State, int]) -> dict[str, int]:
    return {state.value: number for state, number in counts.items()}


def per_cent(part: int, whole: int) -> str:
    """Write a share: `98.4 %`. 100 % and 0 % are said only where they are exact."""
    if part in (0, whole):
        return "0 %" if part == 0 else "100 %"
    return f"{min(99.9, max(0.1, round(100 * part / whole, 1))):.1f} %"


def done(counts: Mapping[State, int]) -> tuple[int, int]:
    """Return for how many of those to be written to the sending has come to an outcome, and how
    many they are. Whoever was given up or stopped before an answer is not done, nor is a draft.
    """
    to_send = sum(counts.values()) - counts[State.SKIPPED]
    not_yet = (*OPEN, State.NOT_SENT, State.DRAFTED)
    return to_send - sum(counts[state] for state in not_yet), to_send


def _note(counted: Counted, state: State) -> str:
    found = {reason: sum(codes.values()) for reason, codes in counted.reasons(state).items()}
    if state is State.ACCEPTED:
        again, named = counted.second_tries, found.get(Reason.SHARED, 0)
        tries = [f"{again} after a second try"] if again else []
        return " · ".join([*tries, *([f"{named} {in_words(Reason.SHARED)}"] if named else [])])
    if state not in WORST_FIRST:
        return ""
    if state is State.UNKNOWN:
        words = _because(found, None).removeprefix(": ")
        return f"{words}; not sent again by itself" if words else "not sent again by itself"
    if state is State.DRAFTED:
        return "for a person to send"
    return " · ".join(f"{in_words(reason)} {number}" for reason, number in found.items())


def _because(reasons: Mapping[str, int], words: str | None) -> str:
    """Word the reasons after a number: `: no address`, or `: 2 no address, 1 on the hold list`."""
    named = {reason: number for reason, number in reasons.items() if reason}
    if not named:
        return ""
    if len(named) == 1:
        return f": {words or in_words(next(iter(named)))}"
    return ": " + ", ".join(f"{number} {in_words(reason)}" for reason, number in named.items())


# ------------------------------------------------------------------------------------------- people


def person(one: Delivery) -> dict[str, Any]:
    """Return what `mailer log people --json` prints of one delivery."""
    return {
        "delivery": one.shown,
        "name": one.name,
        "address": one.address,
        "delegation": one.delegation,
        "role": one.role,
        "language": one.language,
        "state": one.state.value,
        "reason": one.reason or None,
        "detail": one.detail,
        "code": one.code,
        "enhanced": one.enhanced,
        "text": one.text,
        "attempts": one.attempts,
        "came_back": list(one.came_back),
        "message_id": one.message_id,
        "at": one.changed_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    }


def in_words(reason: str) -> str:
    """Return the words for a reason, also for none."""
    return REASONS[Reason(reason)] if reason else "no reason on record"


def local(at: datetime, *, seconds: bool = True) -> str:
    """Write a time in this computer's zone, and name the zone: `20 Jan 2027 08:00:41 CET`."""
    return in_its_zone(at.astimezone(), seconds=seconds)


def in_its_zone(at: datetime, *, seconds: bool = False) -> str:
    """Write a time by the clock that it is meant by, and name the zone."""
    clock = f"{at:%H:%M:%S}" if seconds else f"{at:%H:%M}"
    return f"{at.day} {at:%b %Y} {clock} {zone_name(at)}"


def zone_name(at: datetime) -> str:
    """Name the zone of a time as it was then: `CET`, or `UTC+03` where it has no name."""
    name = at.tzname() or ""
    return f"UTC{name}" if name[:1] in ("+", "-") else name
