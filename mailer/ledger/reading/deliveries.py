"""Questions to the send log. Reading only; every answer is one consistent state."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from email.utils import getaddresses
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from mailer.base.address import key_of
from mailer.base.spelling import called, spellings
from mailer.base.states import PERSON_NEEDED, State
from mailer.ledger import stored_letters
from mailer.ledger.events import EventKind, in_ranges, kind_of
from mailer.ledger.ledger import shown
from mailer.ledger.reading.persons import person_now
from mailer.ledger.reading.scope import Of, letter_id, reached_since, stands, within
from mailer.ledger.reading.sent import returned_for_good, returned_letters
from mailer.ledger.schema import (
    OF_ATTEMPT,
    attempt,
    delivery,
    event,
    incoming,
    incoming_letter,
)
from mailer.letters.message import pieces, read_back

d, a, e = delivery.c, attempt.c, event.c


NEEDS_A_PERSON = sa.and_(
    sa.or_(
        *(
            sa.and_(
                d.state == state.value, sa.true() if reason is None else d.reason == reason.value
            )
            for state, reason in PERSON_NEEDED.items()
        ),
        sa.and_(d.state == State.ACCEPTED.value, returned_for_good()),
    ),
    sa.not_(reached_since()),
)
"""Nobody but a person can do more: `states.PERSON_NEEDED`, and letters that came back from an
address of no use. Whom a later mail-out has reached needs nobody.
"""


def may_need_a_person(mail_out_id: int) -> sa.ColumnElement[bool]:
    """Return the condition for those of a mail-out of whom `NEEDS_A_PERSON` is to be asked: few,
    and found without a look at the many who were accepted.
    """
    states = [state.value for state in PERSON_NEEDED]
    here = sa.select(d.id).where(d.mail_out_id == mail_out_id, d.state.in_(states))
    return sa.and_(d.mail_out_id + 0 == mail_out_id, d.id.in_(here.union(returned_letters())))


WORST_FIRST = (State.UNKNOWN, State.REFUSED, State.ACCEPTED, State.NOT_SENT, State.DRAFTED)
"""The states of those who need a person."""
_WORST_FIRST = sa.case(
    {state.value: place for place, state in enumerate(WORST_FIRST)}, value=d.state
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One row of the send log: a person in a mail-out."""

    id: int
    mail_out_id: int
    number: int
    person: str  # as the sheets call them today; name and address are those of the letter
    name: str
    address: str
    address_key: str
    delegation: str
    role: str
    political_group: str
    language: str
    file: str
    sheet: str
    row: int | None
    cell: str
    message_id: str | None
    digest: str | None
    dated_at: datetime | None
    state: State  # of the letter by which they are reached, where that is to somebody else
    reason: str
    detail: str
    code: int | None
    enhanced: str | None
    text: str
    attempts: int
    next_try_at: datetime | None
    handover_at: datetime | None
    changed_at: datetime
    came_back: tuple[str, ...] = ()  # kinds of what came from or about them, as far as it is sure

    @property
    def shown(self) -> str:
        """The name of this delivery: `M-0007-042`."""
        return f"{shown(self.mail_out_id)}-{self.number:03d}"

    @property
    def place(self) -> str:
        """Where the person stands: `contacts/uk.xlsx · sheet "Members" · cell D17`."""
        if not self.file:  # erased
            return ""
        sheet = f' · sheet "{self.sheet}"' if self.sheet else ""
        if self.sheet or ":" not in self.cell:
            return (
                f"{self.file}{sheet} · cell {self.cell}"
                if self.cell
                else f"{self.file}{sheet} · row {self.row}"
            )
        return f"{self.file}:{self.cell}"


CAME_BACK = (
    sa.select(sa.func.aggregate_strings(incoming.c.kind, " "))
    .join(incoming_letter, incoming_letter.c.incoming_id == incoming.c.id)
    .where(incoming_letter.c.delivery_id == letter_id(), incoming.c.sure.is_(True))
    .correlate(delivery)
    .scalar_subquery()
    .label("came_back")
)
COUNTED = ("state", "person")
delivery_columns: list[sa.ColumnElement[Any]] = [
    *(d[field.name] for field in fields(Delivery) if field.name in d and field.name not in COUNTED),
    person_now().label("person"),
    stands().label("state"),
    CAME_BACK,
]
"""What `delivery_of` needs of a row."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of a delivery's timeline: an attempt with the server's words, or another event."""

    at: datetime
    kind: EventKind
    reason: str = ""
    detail: str = ""
    who: str = ""
    stage: str = ""
    code: int | None = None
    enhanced: str | None = None
    text: str = ""
    peer: str = ""
    tls: str = ""
    seconds: float = 0.0
    attempt: int | None = None
    handover_at: datetime | None = None


def people(
    connection: sa.Connection,
    of: Of,
    *,
    states: Collection[State] = (),
    delegations: Collection[str] = (),
) -> list[Delivery]:
    """List deliveries in the order of the sheets, narrowed to states and delegations."""
    return list(each(connection, of, states=states, delegations=delegations))


def each(
    connection: sa.Connection,
    of: Of,
    *,
    states: Collection[State] = (),
    delegations: Collection[str] = (),
) -> Iterator[Delivery]:
    """Yield what `people` lists, a thousand in memory at a time; the transaction stays open until
    the last.
    """
    query = sa.select(*delivery_columns).where(within(of)).order_by(d.number)
    if states:
        query = query.where(d.state.in_([state.value for state in states]))
    if delegations:
        query = query.where(d.delegation.in_(list(delegations)))
    for row in connection.execute(query, execution_options={"yield_per": 1000}):
        yield delivery_of(row)


def by_id(connection: sa.Connection, ids: Collection[int]) -> list[Delivery]:
    """Return deliveries as they stand now."""
    rows = connection.execute(sa.select(*delivery_columns).where(d.id.in_(ids)).order_by(d.id))
    return [delivery_of(row) for row in rows]


def in_order(connection: sa.Connection, ids: Sequence[int]) -> list[Delivery]:
    """Return deliveries as they stand now, in this order."""
    found = {one.id: one for one in by_id(connection, ids)}
    return [found[id_] for id_ in ids]


def needing_a_person(connection: sa.Connection, of: Of, limit: int | None = None) -> list[Delivery]:
    """List those for whom the mailer can do no more by itself, the worst first."""
    which = may_need_a_person(of) if isinstance(of, int) else within(of)
    rows = connection.execute(
        sa.select(*delivery_columns)
        .where(which, NEEDS_A_PERSON)
        .order_by(_WORST_FIRST, d.number)
        .limit(limit)
    )
    return [delivery_of(row) for row in rows]


def needs_a_person(connection: sa.Connection, delivery_id: int) -> bool:
    """Tell whether the mailer can do no more by itself for this one."""
    one = sa.select(d.id).where(d.id == delivery_id, NEEDS_A_PERSON)
    return connection.scalar(one) is not None


def find(connection: sa.Connection, mail_out_id: int, who: str) -> list[Delivery]:
    """Find a person of a mail-out by number, address or name; an exact hit excludes the partial
    ones.
    """
    of_it = sa.select(*delivery_columns).where(d.mail_out_id == mail_out_id)
    number = who.strip().rpartition("-")[2]
    if number.isdecimal() and len(number) < 10:
        numbered = connection.execute(of_it.where(d.number == int(number))).all()
        if numbered:
            return [delivery_of(row) for row in numbered]
    named = [
        sa.or_(*(d.words.contains(one, autoescape=True) for one in sorted(alike)))
        for alike in spellings(who)
    ]
    if not named:
        return []
    near = sa.select(d.id).where(d.mail_out_id == mail_out_id, *named)
    there: sa.ColumnElement[bool] = d.id.in_(near)
    if "@" in who:
        there = sa.or_(there, d.address_key == key_of(who))
    rows = connection.execute(of_it.where(there).order_by(d.number)).all()
    return called([delivery_of(row) for row in rows], who)


def timeline(connection: sa.Connection, delivery_id: int) -> list[Moment]:
    """Return all that happened to a delivery, in order; the end of an attempt carries the server's
    words. Of whoever is named in a letter to somebody else, also what happened to that letter.
    """
    letter = sa.select(letter_id()).where(d.id == delivery_id).scalar_subquery()
    attempts = connection.execute(
        sa.select(attempt).where(a.delivery_id == letter).order_by(a.id)
    ).all()
    its_mail_out = sa.select(d.mail_out_id).where(d.id == letter).scalar_subquery()
    of_a_claim = (
        *(e.mail_out_id == its_mail_out, e.delivery_id.is_(None)),
        e.kind == EventKind.CLAIMED.value,
    )
    claims = connection.execute(sa.select(e.id, e.at, e.who, e.detail).where(*of_a_claim)).all()
    number = connection.scalar(sa.select(letter))
    taken_up = [
        (row.id, Moment(row.at, EventKind.SENDING, who=row.who))
        for row in claims
        if any(number in ids for ids in in_ranges(row.detail))
    ]
    of_the_letter = sa.and_(
        e.delivery_id == letter,
        e.kind.in_([*State, EventKind.LATE_ANSWER, EventKind.CAME_BACK]),
    )
    events = connection.execute(
        sa.select(event).where(sa.or_(e.delivery_id == delivery_id, of_the_letter)).order_by(e.id)
    ).all()
    moments = []
    for row in events:
        moment = Moment(row.at, kind_of(row.kind), row.reason, row.detail, row.who)
        if row.attempt is not None:
            moment = _tried(moment, row, row.attempt, row.detail)
        for one in attempts:  # of an earlier version: in the event's transaction, with its time
            if one.at == row.at and row.kind in (one.state, EventKind.LATE_ANSWER.value):
                moment = _tried(moment, one, one.number, one.text)
        moments.append((row.id, moment))
    return [moment for _, moment in sorted([*taken_up, *moments], key=itemgetter(0))]


def _tried(moment: Moment, row: sa.Row[Any], number: int, text: str) -> Moment:
    """Return the moment of an attempt: what the server said is no detail of ours."""
    words = {name: getattr(row, name) for name in OF_ATTEMPT if name != "attempt"}
    late = moment.kind is EventKind.LATE_ANSWER
    detail = f"{row.code or ''} {text}".strip() if late else ""
    return replace(moment, attempt=number, text=text, detail=detail, **words)


def accepted_ids(connection: sa.Connection, mail_out_id: int, limit: int) -> list[str]:
    """Return the Message-IDs of a few letters of the mail-out that were accepted last."""
    where = (
        d.mail_out_id == mail_out_id,
        d.state == State.ACCEPTED.value,
        d.message_id.is_not(None),
    )
    found = connection.scalars(
        sa.select(d.message_id).where(*where).order_by(d.changed_at.desc()).limit(limit)
    )
    return [one for one in found if one]


def data_of(connection: sa.Connection, one: Delivery) -> bytes | None:
    """Return the letter as it was planned, without its Date; None for those left out or erased."""
    if one.digest is None or not stored_letters.there(connection, [one.digest]):
        return None
    return pieces.joined(*stored_letters.read(connection, [one.digest])[one.digest])


def in_copy_to(connection: sa.Connection, one: Delivery) -> str:
    """Return the name of whom the letter is to in which somebody is in copy; empty for a letter of
    their own, and for one that is erased.
    """
    if one.digest is None or not stored_letters.there(connection, [one.digest]):
        return ""
    head = dict(read_back.heading(stored_letters.read(connection, [one.digest])[one.digest].own))
    ((name, address),) = getaddresses([head.get("to", "")]) or [("", "")]
    return "" if key_of(address) == one.address_key else read_back.shown(name) or address


def delivery_of(row: sa.Row[tuple[object, ...]]) -> Delivery:
    values = dict(row._mapping)
    came_back = kinds_of(values["came_back"])
    return Delivery(**values | {"state": State(values["state"]), "came_back": came_back})


def kinds_of(came_back: str | None) -> tuple[str, ...]:
    """Return the kinds of messages that `CAME_BACK` holds, each once."""
    return tuple(sorted(set((came_back or "").split())))
