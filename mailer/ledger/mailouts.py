"""Mail-outs: writing a plan into the send log, and the states of the whole.

The plan with all its deliveries and letters is one transaction: after a crash it is there whole, or
not at all.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from mailer.base.errors import Refused, UsageError
from mailer.base.spelling import tokens_once
from mailer.base.states import (
    MAY_HAVE_REACHED,
    OF_THE_LETTER,
    OPEN,
    MailOutState,
    Reason,
    State,
    Written,
)
from mailer.ledger import events, stored_letters
from mailer.ledger.events import EventKind
from mailer.ledger.guard import copies
from mailer.ledger.ledger import Ledger, lock, shown
from mailer.ledger.moves import transitions
from mailer.ledger.moves.prepared import Prepared
from mailer.ledger.reading.persons import person_now
from mailer.ledger.reading.sent import named_too, returned_for_good
from mailer.ledger.schema import delivery, event, incoming, incoming_letter, mail_out
from mailer.plan.where import Past

if TYPE_CHECKING:  # planning needs the letters and their libraries; pausing does not
    from mailer.plan.plan import Plan

m, d = mail_out.c, delivery.c

TRANSITIONS: dict[MailOutState, frozenset[MailOutState]] = {
    MailOutState.PLANNED: frozenset(
        {MailOutState.APPROVED, MailOutState.SENDING, MailOutState.STOPPED}
    ),
    MailOutState.APPROVED: frozenset({MailOutState.SENDING, MailOutState.STOPPED}),
    MailOutState.SENDING: frozenset(
        {MailOutState.PAUSED, MailOutState.STOPPED, MailOutState.FINISHED}
    ),
    MailOutState.PAUSED: frozenset({MailOutState.SENDING, MailOutState.STOPPED}),
    MailOutState.STOPPED: frozenset(),
    MailOutState.FINISHED: frozenset(),
}
FRESH = frozenset({MailOutState.PLANNED, MailOutState.APPROVED})
"""Nothing of it was sent yet."""
NOT_SENDING = FRESH | {MailOutState.PAUSED}
"""Not being sent, and not over: a pause changes no state, and is heard by whoever would send."""
DRAFTS_ALONE = "letters were put among the drafts"
"""Why a mail-out is paused that nobody has sent yet: how many people it writes to is not confirmed.
"""
UNLAID = "of a draft is not known whether it lies in the mailbox: put the drafts there once more"
"""Why a mail-out is paused of which nobody else is left."""


@dataclass(frozen=True, slots=True)
class MailOut:
    """One mail-out as it stands in the log."""

    id: int
    appeal: str
    title: str  # the name that somebody gave it, else the appeal's title
    state: MailOutState
    why: str
    mode: str
    hash: str
    server: str
    sender: str
    until: datetime | None  # nothing is handed over from then on
    retry_of: int | None
    planned_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    starts_at: datetime | None = None  # it begins by itself
    schedule: str = ""  # and how somebody said when
    approvals: int = 0  # how many must say yes to it,
    organisations: int = 0  # and of how many organisations they are
    follows: str = ""  # the mail-out or the appeal whose letters these follow up
    to_heads: bool = False  # one letter to the head of each delegation, its members in Cc

    @property
    def name(self) -> str:
        return shown(self.id)

    @property
    def only_drafts(self) -> bool:
        """Whether it has begun by drafts alone, and nobody has said yes to sending it."""
        return self.state is MailOutState.PAUSED and self.why.startswith(DRAFTS_ALONE)


_COLUMNS = [column for column in mail_out.columns if column.name != "sources"]


def create(
    connection: sa.Connection,
    plan: Plan,
    *,
    at: datetime,
    who: str,
    retry_of: int | None = None,
    approvals: int = 0,
    organisations: int = 0,
) -> int:
    """Write a plan into the log and return its id. Nobody is written to by this. How many must
    approve it, of how many organisations, is frozen with it.
    """
    copies.settle(connection)
    mail_out_id: int = connection.execute(
        sa.insert(mail_out)
        .values(
            appeal=plan.appeal,
            title=plan.title,
            state=MailOutState.PLANNED.value,
            mode=plan.mode,
            hash=plan.hash,
            server=plan.server,
            sender=plan.sender,
            until=plan.until,
            sources=plan.sources,
            retry_of=retry_of,
            follows=plan.follows,
            to_heads=plan.to_heads,
            planned_at=at,
            approvals=approvals,
            organisations=organisations,
        )
        .returning(m.id)
    ).scalar_one()
    if plan.deliveries:  # in the order of sending: what is written together then lies together
        in_order = sorted(plan.deliveries, key=attrgetter("position"))
        stored_letters.keep(connection, in_order)
        salts = secrets.token_hex(16 * len(in_order))
        rows = [
            {
                **(row := one.row()),
                "mail_out_id": mail_out_id,
                "changed_at": at,
                "words": " ".join(tokens_once(f"{row['name']} {row['address']}"))[:300],
                "salt": salts[32 * number : 32 * number + 32],
            }
            for number, one in enumerate(in_order)
        ]
        Prepared(sa.insert(delivery), list(rows[0])).run(connection, rows)
    events.write(connection, EventKind.PLANNED, mail_out_id, at=at, who=who)
    return mail_out_id


def get(connection: sa.Connection, mail_out_id: int) -> MailOut:
    row = connection.execute(sa.select(*_COLUMNS).where(m.id == mail_out_id)).one_or_none()
    if row is None:
        raise UsageError(
            f"There is no mail-out {shown(mail_out_id)}.",
            hint="mailer status lists those there are.",
        )
    return _mail_out(row)


def never_begun(connection: sa.Connection, appeal: str) -> list[MailOut]:
    """List the mail-outs of an appeal of which nothing was sent, and may still be."""
    return [one for one in all_of_them(connection) if one.appeal == appeal and one.state in FRESH]


def all_of_them(connection: sa.Connection) -> list[MailOut]:
    return [_mail_out(row) for row in connection.execute(sa.select(*_COLUMNS).order_by(m.id))]


def sources(connection: sa.Connection, mail_out_id: int) -> bytes:
    """Return what the plan was made from (`plan.Sources`, packed)."""
    return bytes(connection.execute(sa.select(m.sources).where(m.id == mail_out_id)).scalar_one())


def change(
    connection: sa.Connection,
    mail_out_id: int,
    to: MailOutState,
    *,
    at: datetime,
    who: str,
    why: str = "",
) -> MailOut:
    """Move a mail-out, and write who did it. Stopping ends the trying of everyone but those whose
    marker is set.
    """
    decide_alone(connection, mail_out_id)
    before = get(connection, mail_out_id)
    if to is MailOutState.PAUSED and before.state in NOT_SENDING:
        # whoever is about to begin it, or to go on with it, is to hear of it (`last_word`)
        if before.starts_at:
            unschedule(connection, before, at=at, who=who, why=why)
        events.write(connection, EventKind.PAUSED, mail_out_id, at=at, who=who, detail=why)
        return before
    if to is before.state:
        return before
    if to not in TRANSITIONS[before.state]:
        raise Refused(
            f"{before.name} is {before.state.value}; it cannot become {to.value}.", code="S210"
        )
    values: dict[str, object] = {"state": to.value, "why": why}
    if to is MailOutState.SENDING and before.started_at is None:
        values["started_at"] = at
    if to in (MailOutState.STOPPED, MailOutState.FINISHED):
        values["ended_at"] = at
    moved = connection.execute(
        sa.update(mail_out)
        .where(m.id == mail_out_id, m.state == before.state.value)
        .values(**values)
    )
    if moved.rowcount != 1:
        if (
            now := get(connection, mail_out_id)
        ).state is to:  # another sender did the same at the same moment
            return now
        raise Refused(
            f"Somebody else has just changed {before.name}.",
            hint=f"mailer status {before.name}",
            code="S210",
        )
    events.write(connection, EventKind(to.value), mail_out_id, at=at, who=who, detail=why)
    if to is MailOutState.STOPPED:
        transitions.not_sent(connection, mail_out_id, Reason.STOPPED, at=at, who=who, detail=why)
    return get(connection, mail_out_id)


def decide_alone(connection: sa.Connection, mail_out_id: int) -> None:
    """Let nobody else change the state of a mail-out until this transaction ends: of a pause and a
    beginning at the same moment one sees the other.
    """
    lock(connection, f"state of {shown(mail_out_id)}")


def schedule(
    connection: sa.Connection,
    mail_out_id: int,
    words: str,
    starts: Mapping[str, datetime],
    *,
    at: datetime,
    who: str,
) -> MailOut:
    """Let a mail-out that has not begun begin by itself, each delegation at its own time."""
    decide_alone(connection, mail_out_id)
    before = get(connection, mail_out_id)
    if before.state not in FRESH:
        raise Refused(
            f"{before.name} is {before.state.value} already.",
            hint=f"mailer status {before.name}",
            code="S210",
        )
    values = {"starts_at": min(starts.values()), "schedule": words, "why": ""}
    connection.execute(sa.update(mail_out).where(m.id == mail_out_id).values(**values))
    for code, start in starts.items():
        of_it = (d.mail_out_id == mail_out_id, d.delegation == code)
        waiting = sa.update(delivery).where(*of_it, d.state == State.WAITING.value)
        connection.execute(waiting.values(next_try_at=start))
    kind = EventKind.SCHEDULED
    events.write(connection, kind, mail_out_id, at=at, who=who, detail=words)
    return get(connection, mail_out_id)


def unschedule(
    connection: sa.Connection, before: MailOut, *, at: datetime, who: str, why: str = ""
) -> MailOut:
    """Let a mail-out that has not begun wait for somebody's word again."""
    decide_alone(connection, before.id)
    fresh = (m.id == before.id, m.state.in_([state.value for state in FRESH]))
    taken = sa.update(mail_out).where(*fresh, m.starts_at.is_not(None))
    if connection.execute(taken.values(starts_at=None, schedule="", why="")).rowcount:
        waiting = (d.mail_out_id == before.id, d.state == State.WAITING.value)
        connection.execute(sa.update(delivery).where(*waiting).values(next_try_at=None))
        kind = EventKind.UNSCHEDULED
        events.write(connection, kind, before.id, at=at, who=who, detail=why)
    return get(connection, before.id)


def could_not_begin(
    connection: sa.Connection, mail_out_id: int, why: str, *, at: datetime, who: str
) -> bool:
    """Say beside a mail-out whose hour has come why it has not begun; it keeps its place. False:
    that is said already, or it is not to begin by itself any more.
    """
    decide_alone(connection, mail_out_id)
    waits = (m.state.in_([state.value for state in FRESH]), m.starts_at.is_not(None))
    news = sa.update(mail_out).where(m.id == mail_out_id, *waits, m.why != why)
    if not connection.execute(news.values(why=why)).rowcount:
        return False
    note(connection, mail_out_id, why, at=at, who=who)
    return True


def has_passed(one: MailOut, now: datetime) -> bool:
    """Whether a mail-out was to begin by itself by now, and has not."""
    return one.state in FRESH and one.starts_at is not None and one.starts_at <= now


def scheduled_at(connection: sa.Connection, mail_out_id: int) -> datetime | None:
    """Return when somebody said that it shall begin by itself."""
    where = (event.c.mail_out_id == mail_out_id, event.c.kind == EventKind.SCHEDULED.value)
    found: datetime | None = connection.scalar(sa.select(sa.func.max(event.c.at)).where(*where))
    return found


def last_word(connection: sa.Connection, mail_out_id: int) -> int:
    """Return a number that changes whenever somebody pauses or stops a mail-out, or says anew when
    it begins.
    """
    kinds = (EventKind.PAUSED, EventKind.STOPPED, EventKind.SCHEDULED, EventKind.UNSCHEDULED)
    ends = [kind.value for kind in kinds]
    where = (event.c.mail_out_id == mail_out_id, event.c.delivery_id.is_(None))
    newest = sa.select(sa.func.max(event.c.id)).where(*where, event.c.kind.in_(ends))
    return connection.scalar(newest) or 0


def pause_wish(ledger: Ledger, mail_out_id: int) -> Path | None:
    """Return the file that asks for a pause while the log is held by somebody; None where there is
    no folder beside the log. With PostgreSQL the senders of this workspace look for it.
    """
    if ledger.freshness is None:
        return None
    return ledger.freshness.path.with_name(f"PAUSE-{shown(mail_out_id)}")


def finish_if_done(connection: sa.Connection, mail_out_id: int, *, at: datetime, who: str) -> bool:
    """Call the mail-out finished when it is sending and nobody waits, is being sent, or is
    deferred. Where a letter was taken to lie as a draft, and nobody has recorded that it lies
    there, it is paused in place of that: whoever puts drafts there looks for it.
    """
    still = sa.exists().where(
        d.mail_out_id == mail_out_id, d.state.in_([state.value for state in OPEN])
    )
    state = get(connection, mail_out_id).state
    if state is not MailOutState.SENDING or connection.scalar(sa.select(still)):
        return False
    if drafts_not_laid(connection, mail_out_id):
        change(connection, mail_out_id, MailOutState.PAUSED, at=at, who=who, why=UNLAID)
        return False
    change(connection, mail_out_id, MailOutState.FINISHED, at=at, who=who)
    return True


def drafts_not_laid(connection: sa.Connection, mail_out_id: int) -> bool:
    """Whether a letter was taken to lie as a draft, and nobody has recorded that it lies there."""
    drafted = (d.mail_out_id == mail_out_id, d.state == State.DRAFTED.value)
    return bool(connection.scalar(sa.select(sa.exists().where(*drafted, d.handover_at.is_(None)))))


def history(connection: sa.Connection, appeal: str) -> list[Written]:
    """List everyone who has this appeal, is about to get it, or whose server refused them, newest
    first.

    A letter of any appeal that came back because the address is of no use stands as refused: it
    reached nobody, and speaks of the address; not once a later letter to it stayed away.
    """
    later = delivery.alias("later")
    came_back = returned_for_good()
    good_since = sa.exists().where(
        later.c.address_key == d.address_key,
        later.c.id > d.id,
        later.c.state == State.ACCEPTED.value,
        sa.not_(returned_for_good(later.c.id)),
    )
    reached = sa.and_(d.state.in_([state.value for state in MAY_HAVE_REACHED]), sa.not_(came_back))
    refused = sa.and_(
        d.state == State.REFUSED.value, d.reason.not_in([one.value for one in OF_THE_LETTER])
    )
    rows = connection.execute(
        sa.select(
            *(d.mail_out_id, d.address_key, person_now().label("person"), d.state, d.message_id),
            came_back.label("came_back"),
        )
        .join(mail_out, m.id == d.mail_out_id)
        .where(
            sa.or_(
                sa.and_(m.appeal == appeal, sa.or_(reached, refused)),
                sa.and_(came_back, sa.not_(good_since)),
            )
        )
        .order_by(d.mail_out_id.desc(), d.number)
    )
    too = named_too(connection)
    return [
        Written(
            shown(row.mail_out_id),
            row.address_key,
            person,
            State.REFUSED if row.came_back else State(row.state),
            bool(row.came_back),
        )
        for row in rows
        for person in (row.person, *too.get((row.message_id, row.address_key), ()))
    ]


def past(connection: sa.Connection) -> dict[str, list[Past]]:
    """Return what the log knows of each person it has written to, of any appeal: states of
    deliveries and kinds of what came back, by address and by person.
    """
    whom = (d.mail_out_id, m.appeal, d.address_key, person_now().label("person"), d.message_id)
    too = named_too(connection)
    states = sa.select(*whom, d.state.label("what")).join(mail_out, m.id == d.mail_out_id)
    came = (
        sa.select(*whom, incoming.c.kind.label("what"))
        .join(mail_out, m.id == d.mail_out_id)
        .join(incoming_letter, incoming_letter.c.delivery_id == d.id)
        .join(incoming, incoming.c.id == incoming_letter.c.incoming_id)
    )
    found: dict[str, list[Past]] = {}
    for row in connection.execute(states.where(d.state != State.SKIPPED.value).union_all(came)):
        one = Past(row.what, shown(row.mail_out_id), row.appeal)
        named = too.get((row.message_id, row.address_key), ())
        for key in {row.address_key, row.person, *named} - {"", None}:
            found.setdefault(key, []).append(one)
    return found


def call(connection: sa.Connection, mail_out_id: int, name: str, *, at: datetime, who: str) -> None:
    """Give a mail-out a name of its own, or take it away; its plan stays as it is."""
    connection.execute(sa.update(mail_out).where(m.id == mail_out_id).values(called=name))
    events.write(connection, EventKind.CALLED, mail_out_id, at=at, who=who, detail=name)


def note(connection: sa.Connection, mail_out_id: int, text: str, *, at: datetime, who: str) -> None:
    """Write a note beside a mail-out."""
    events.write(connection, EventKind.NOTED, mail_out_id, at=at, who=who, detail=text)


def _mail_out(row: sa.Row[tuple[object, ...]]) -> MailOut:
    values = dict(row._mapping)
    called = values.pop("called")
    state = MailOutState(row._mapping["state"])
    return MailOut(**{**values, "state": state, "title": called or values["title"]})
