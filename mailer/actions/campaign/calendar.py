"""The calendar of an appeal: what to do by when, counted back from the session, with what the log
says is done already. Reading only; the days are proposals, and nothing depends on them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from mailer.base.errors import UsageError
from mailer.base.settings.workspace import Workspace
from mailer.ledger import accounts, mailouts
from mailer.ledger.events import EventKind
from mailer.ledger.ledger import Connection, Ledger
from mailer.ledger.mailouts import MailOut
from mailer.ledger.reading import listing
from mailer.letters.appeal import Appeal
from mailer.letters.appeal_files import load_appeal
from mailer.plan import signoff

SHEETS, SIGNED, REHEARSED, APPROVED = "sheets", "signed", "rehearsed", "approved"
FIRST, FOLLOW_UP, OPENS, VOTE, AFTER = "first", "follow_up", "opens", "vote", "after"

WORDS = {
    SHEETS: "contact sheets checked, and planned",
    SIGNED: "text signed by every organisation",
    REHEARSED: "letters rehearsed",
    APPROVED: "plan approved by others",
    FIRST: "first letter",
    FOLLOW_UP: "follow-up letter, to those who did not answer",
    OPENS: "session opens; credentials are challenged at its first sitting",
    VOTE: "vote; nothing is sent any more",
    AFTER: "report, and thanks",
}
BEFORE = {SHEETS: 21, SIGNED: 18, REHEARSED: 17, APPROVED: 16, FIRST: 14, FOLLOW_UP: 6}
"""Days before the opening, a Monday: the first letter leaves on a Monday two weeks before, when
the agenda is known; the follow-up in the week before."""
AFTER_THE_VOTE = timedelta(days=2)  # when the roll call is published


@dataclass(frozen=True, slots=True)
class CalendarStep:
    """One thing to do: by when, and since when it is done."""

    key: str
    when: date | None  # an hour, in the zone of the session, where there is one; None: not known
    done: date | None  # a day, or a moment of the log

    @property
    def words(self) -> str:
        return WORDS[self.key]

    def late(self, now: datetime, zone: str) -> bool:
        """Whether it is past, and not done."""
        if self.done is not None or self.when is None or self.key == AFTER:
            return False
        if isinstance(self.when, datetime):
            return self.when <= now
        return self.when < now.astimezone(ZoneInfo(zone)).date()


@dataclass(frozen=True, slots=True)
class AppealCalendar:
    """All steps of an appeal, in the order of their days."""

    appeal: str
    title: str
    zone: str
    invented: bool  # the day of the session is: nothing can be counted on
    source: str  # where the day stands
    steps: Sequence[CalendarStep]


def calendar(workspace: Workspace, ledger: Ledger, name: str) -> AppealCalendar:
    """Count back from the session of an appeal. Raises `UsageError` where it names none."""
    appeal = load_appeal(workspace.root, name)
    session = appeal.session
    if session is None:
        raise UsageError(
            f"{name} names no session to count back from.",
            hint=f"[session] with name and opens, in templates/{name}/appeal.toml",
        )
    with ledger.reading() as connection:
        everything = mailouts.all_of_them(connection)
        done = _done(workspace, connection, appeal, everything, ledger.now())
    days: dict[str, date | None] = {
        key: _working_day(session.opens - timedelta(days=before)) for key, before in BEFORE.items()
    }
    for key, of in _kinds(name, everything).items():
        starts = [one.starts_at for one in of if one.state in mailouts.FRESH and one.starts_at]
        if starts and key not in done:
            days[key] = min(starts).astimezone(ZoneInfo(appeal.zone))
    vote = session.vote and session.vote.replace(
        tzinfo=session.vote.tzinfo or ZoneInfo(appeal.zone)
    )
    days |= {OPENS: session.opens, VOTE: vote, AFTER: vote and vote.date() + AFTER_THE_VOTE}
    safety = workspace.settings.safety
    left_out = set() if safety.approvals or APPROVED in done else {APPROVED}
    left_out |= set() if appeal.organisations else {SIGNED}
    steps = [CalendarStep(key, days[key], done.get(key)) for key in WORDS if key not in left_out]
    return AppealCalendar(
        name, appeal.title, appeal.zone, session.invented, session.source, tuple(steps)
    )


def _working_day(day: date) -> date:
    """Return the Friday before a weekend."""
    return day - timedelta(days=max(0, day.weekday() - 4))


def _kinds(name: str, everything: Sequence[MailOut]) -> dict[str, list[MailOut]]:
    """Return the mail-outs of an appeal, and those that follow it, also of an appeal of their
    own.
    """
    mine = [one for one in everything if one.appeal == name]
    followed = {name, *(one.name for one in mine)}
    return {
        FIRST: [one for one in mine if not one.follows],
        FOLLOW_UP: [one for one in everything if one.follows in followed],
    }


def _done(
    workspace: Workspace,
    connection: Connection,
    appeal: Appeal,
    everything: Sequence[MailOut],
    now: datetime,
) -> dict[str, date]:
    mine = [one for one in everything if one.appeal == appeal.name]
    kinds = _kinds(appeal.name, everything)
    found: dict[str, date | None] = {
        SHEETS: min((one.planned_at for one in mine), default=None),
        **{
            key: min(filter(None, (one.started_at for one in of)), default=None)
            for key, of in kinds.items()
        },
        REHEARSED: _rehearsed(connection, appeal.name, mine),
        APPROVED: _newest(connection, EventKind.APPROVED, mine),
    }
    signed = signoff.standings(appeal, signoff.signatures(workspace.root, appeal))
    if signed and all(one.state == "signed" for one in signed):
        found[SIGNED] = max(one.on for one in signed if one.on)
    session = appeal.session
    assert session is not None
    if session.opens <= now.astimezone(ZoneInfo(appeal.zone)).date():
        found[OPENS] = session.opens
    if session.vote and appeal.until and appeal.until <= now and session.vote:
        vote = session.vote.replace(tzinfo=session.vote.tzinfo or ZoneInfo(appeal.zone))
        found[VOTE] = vote if vote <= now else None
    return {key: day for key, day in found.items() if day is not None}


def _newest(
    connection: Connection, kind: EventKind, mail_outs: Sequence[MailOut]
) -> datetime | None:
    events = (one for it in mail_outs for one in listing.of_the_whole(connection, it.id))
    return max((one.at for one in events if one.kind is kind), default=None)


def _rehearsed(
    connection: Connection, appeal: str, mail_outs: Sequence[MailOut]
) -> datetime | None:
    """Of a mail-out it stands in its log, of an appeal in the console's journal."""
    deeds = (accounts.deeds(connection, 1, kind="rehearsed", begins=appeal + sign) for sign in ",:")
    found = [one.at for line in deeds for one in line]
    return max(
        [*found, *filter(None, [_newest(connection, EventKind.REHEARSED, mail_outs)])], default=None
    )


def as_ics(
    found: AppealCalendar, words: Callable[[str], str], *, domain: str, now: datetime
) -> bytes:
    """Write a calendar for any program (RFC 5545): days as days, hours in UTC. It names nobody."""
    import icalendar

    made = icalendar.Calendar()
    made.add("prodid", "-//pace-mailer//calendar of an appeal//EN")
    made.add("version", "2.0")
    made.add("x-wr-calname", found.title)
    for step in found.steps:
        if step.when is None:
            continue
        one = icalendar.Event()
        one.add("uid", f"{found.appeal}-{step.key}@{domain}")
        one.add("dtstamp", now.astimezone(UTC))
        when = step.when
        one.add("dtstart", when.astimezone(UTC) if isinstance(when, datetime) else when)
        one.add("summary", f"{'✓ ' * bool(step.done)}{found.title}: {words(step.words)}")
        one.add("transp", "TRANSPARENT")
        made.add_component(one)
    data: bytes = made.to_ical()
    return data
