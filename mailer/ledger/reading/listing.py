"""The table of outcomes: filtered, searched, sorted, a page at a time, for 600 people as for
100,000.

Pages go by key, never by offset: "after person 4711 in this order" costs the same on the first page
and on the last, and no row is shown twice or passed over because somebody's state changed between
two pages. What a page holds is found in one index alone (`ix_delivery_table`); only the rows that
are shown are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from mailer.base.spelling import spellings
from mailer.base.states import State
from mailer.ledger.events import EventKind, in_ranges, kind_of
from mailer.ledger.reading.deliveries import (
    NEEDS_A_PERSON,
    Delivery,
    delivery_columns,
    delivery_of,
    in_order,
)
from mailer.ledger.reading.persons import keys_of
from mailer.ledger.reading.scope import WHO, Of, stands, within
from mailer.ledger.schema import delivery, event, incoming, incoming_letter, mail_out, share

d, e, m, s = delivery.c, event.c, mail_out.c, share.c

PAGE = 50

NOT_REACHED = (
    State.REFUSED.value,
    State.UNKNOWN.value,
    State.DRAFTED.value,
    State.DEFERRED.value,
    State.NOT_SENT.value,
    State.SKIPPED.value,
)

HANDFUL = 500
"""So many people found by what was said are named one by one in the question to the table."""

NEWEST = 20_000
"""So many of the last events are looked at for the rate: five minutes at thirty letters a second.
"""

BY_INDEX = "INDEXED BY ix_delivery_table"
"""SQLite keeps no statistics of its own, and would rather read 100,000 rows; PostgreSQL finds its
way.
"""

_OUTCOMES = (
    EventKind.ACCEPTED.value,
    EventKind.REFUSED.value,
    EventKind.UNKNOWN.value,
    EventKind.DEFERRED.value,
)

SORTS: dict[str, sa.Column[Any]] = {
    "number": d.number,
    "name": d.words,
    "delegation": d.delegation,
    "changed": d.changed_at,
}
"""Word in the address bar → column; ties go by number. `-changed` is the newest first."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows; an empty field does not narrow."""

    states: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    delegations: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    needs_a_person: bool = False  # the mailer can do no more by itself
    came_back: tuple[str, ...] = ()  # something of these kinds came from or about them
    since: datetime | None = None  # changed at or after
    until: datetime | None = None  # changed before
    search: str = (
        ""  # words, in any order and without case: of name or address, of what was said, of a note
    )

    @property
    def may_be_few(self) -> bool:
        """Whether so few may be meant that the rows themselves are not to be gone through."""
        one_of = (self.reasons, self.delegations, self.roles, self.groups, self.languages)
        return any(one_of) and not self.search and not self.needs_a_person

    def where(self, of: Of) -> list[sa.ColumnElement[bool]]:
        found: list[sa.ColumnElement[bool]] = [within(of)]
        for column, values in (
            (stands(), self.states),
            (d.reason, self.reasons),
            (d.delegation, self.delegations),
            (d.role, self.roles),
            (d.political_group, self.groups),
            (d.language, self.languages),
        ):
            if values:
                found.append(column.in_(values))
        if self.needs_a_person:
            found.append(NEEDS_A_PERSON)
        if self.came_back:
            about = (
                sa.select(incoming_letter.c.delivery_id)
                .join(incoming, incoming.c.id == incoming_letter.c.incoming_id)
                .where(incoming.c.kind.in_(self.came_back), incoming.c.sure.is_(True))
            )
            found.append(d.id.in_(about))
        if self.since:
            found.append(d.changed_at >= self.since)
        if self.until:
            found.append(d.changed_at < self.until)
        return found


def _where(connection: sa.Connection, of: Of, wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    """Return the conditions of the rows, the search included.

    All words stand in somebody's name and address, or with these in what was said of them or in a
    note. What was said is looked at for those alone who were not reached: they are few, and found
    by `ix_delivery_queue`. Who was found by it is put into the question itself where it is a
    handful: SQLite then goes through the table once.
    """
    found = wanted.where(of)
    words = wanted.search.split()
    if not words:
        return found
    other = delivery.alias("other").c

    def all_in(names: sa.Column[str], *texts: sa.Column[str]) -> sa.ColumnElement[bool]:
        return sa.and_(
            *(
                sa.or_(_named(names, word), *(_written(text, word) for text in texts))
                for word in words
            )
        )

    said = sa.select(other.id).where(
        *([other.mail_out_id == of] if isinstance(of, int) else []),
        other.state.in_(NOT_REACHED),
        all_in(other.words, other.text, other.detail),
    )
    noted = (
        sa.select(other.id)
        .join_from(event, other.id.table, other.id == e.delivery_id)
        .where(
            *([e.mail_out_id == of] if isinstance(of, int) else []),
            e.kind == EventKind.NOTED.value,
            all_in(other.words, e.detail),
        )
    )
    ways = [all_in(d.words)]
    for way in (said, noted):
        ids = connection.scalars(way.limit(HANDFUL + 1)).all()
        if ids:
            ways.append(d.id.in_(ids if len(ids) <= HANDFUL else way))
    return [*found, sa.or_(*ways)]


def _named(column: sa.Column[str], word: str) -> sa.ColumnElement[bool]:
    """Without case and accents, ö as o and as oe; nothing but punctuation is nobody's name."""
    found = [
        sa.or_(*(column.contains(one, autoescape=True) for one in sorted(alike)))
        for alike in spellings(word)
    ]
    return sa.and_(*found) if found else sa.false()


def _written(column: sa.Column[str], word: str) -> sa.ColumnElement[bool]:
    return column.icontains(word, autoescape=True)


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Some rows, and whether there are others on either side."""

    rows: tuple[Delivery, ...]
    before: bool
    after: bool
    of_it: sa.Select[tuple[int]]  # all that are wanted


def page(
    connection: sa.Connection,
    mail_out_id: int,
    wanted: Wanted,
    *,
    sort: str = "number",
    after: int | None = None,
    before: int | None = None,
    limit: int = PAGE,
) -> DeliveryPage:
    """Return the rows behind the person numbered `after`, or before the one numbered `before`, in
    this order.
    """
    column, down = SORTS[sort.removeprefix("-")], sort.startswith("-")
    backwards = before is not None
    order = (column, d.number) if column is not d.number else (d.number,)
    ids = of_it = sa.select(d.id).where(*_where(connection, mail_out_id, wanted))
    if wanted.may_be_few:
        ids = of_it = of_it.with_hint(delivery, BY_INDEX, "sqlite")
    beyond = _key(connection, mail_out_id, order, before if backwards else after)
    if beyond is not None:
        key = sa.tuple_(*order)
        edge = sa.tuple_(
            *(sa.literal(part, one.type) for part, one in zip(beyond, order, strict=False))
        )
        ids = ids.where(key < edge if down != backwards else key > edge)
    chosen = connection.scalars(
        ids.order_by(*(one.desc() if down != backwards else one.asc() for one in order)).limit(
            limit + 1
        )
    ).all()
    more, found = len(chosen) > limit, in_order(connection, chosen[:limit])
    if backwards:
        return DeliveryPage(tuple(reversed(found)), before=more, after=True, of_it=of_it)
    return DeliveryPage(tuple(found), before=beyond is not None, after=more, of_it=of_it)


def _key(
    connection: sa.Connection, mail_out_id: int, order: Sequence[sa.Column[Any]], number: int | None
) -> tuple[Any, ...] | None:
    if number is None:
        return None
    row = connection.execute(
        sa.select(*order).where(d.mail_out_id == mail_out_id, d.number == number)
    ).one_or_none()
    return None if row is None else tuple(row)


def count(connection: sa.Connection, page: DeliveryPage) -> int:
    """Count the rows of the whole table that are wanted, of which this is a page."""
    return connection.scalar(sa.select(sa.func.count()).select_from(page.of_it.subquery())) or 0


def every(
    connection: sa.Connection, of: Of, wanted: Wanted, *, sort: str = "number"
) -> Iterator[Delivery]:
    """Yield all rows that are wanted, for an export or a call sheet, a thousand in memory at a
    time; the transaction stays open until the last.
    """
    column, down = SORTS[sort.removeprefix("-")], sort.startswith("-")
    order = [one.desc() if down else one.asc() for one in (column, d.number, d.mail_out_id)]
    query = sa.select(*delivery_columns).where(*_where(connection, of, wanted)).order_by(*order)
    for row in connection.execute(query, execution_options={"yield_per": 1000}):
        yield delivery_of(row)


def who_and_state(connection: sa.Connection, mail_out_id: int) -> list[tuple[str, int, int, str]]:
    """Return of everybody who they are, delivery, number and state, in the order of the sheets."""
    rows = connection.execute(
        sa.select(WHO, d.id, d.number, stands())
        .where(d.mail_out_id == mail_out_id)
        .order_by(d.number)
    ).all()
    return [(who, id_, number, state) for who, id_, number, state in rows]


def choices(connection: sa.Connection, mail_out_id: int) -> dict[str, list[str]]:
    """Return what there is to filter by: {"role": ["representative", …], …}. Filled values only."""
    rows = connection.execute(
        sa.select(d.role, d.political_group, d.language)
        .where(d.mail_out_id == mail_out_id)
        .distinct()
    ).all()
    return {
        name: sorted({row[at] for row in rows if row[at]})
        for at, name in enumerate(("role", "group", "language"))
    }


def one(connection: sa.Connection, mail_out_id: int, number: int) -> Delivery | None:
    """Return the delivery M-…-number."""
    row = connection.execute(
        sa.select(*delivery_columns).where(d.mail_out_id == mail_out_id, d.number == number)
    ).one_or_none()
    return None if row is None else delivery_of(row)


def of_person(connection: sa.Connection, mine: Delivery) -> list[Delivery]:
    """Return the same person's deliveries in other mail-outs, by name within the delegation or by
    address.
    """
    same = [d.address_key == mine.address_key] if mine.address_key else []
    if mine.person:
        same += [d.person == mine.person, d.person.in_(keys_of([mine.person]))]
    if not same:
        return []
    rows = connection.execute(
        sa.select(*delivery_columns)
        .where(sa.or_(*same), d.mail_out_id != mine.mail_out_id)
        .order_by(d.mail_out_id.desc())
    )
    return [delivery_of(row) for row in rows]


def anywhere(connection: sa.Connection, search: str, limit: int) -> list[Delivery]:
    """Find people in all mail-outs, each searched as `page` does, the newest mail-out first."""
    found: list[Delivery] = []
    if search.strip():
        for mail_out_id in connection.scalars(sa.select(m.id).order_by(m.id.desc())).all():
            left = limit - len(found)
            found += page(connection, mail_out_id, Wanted(search=search), limit=left).rows
            if len(found) >= limit:
                break
    return found


@dataclass(frozen=True, slots=True)
class Happened:
    """One event of a mail-out, with the person it concerns; "" where it concerns the whole."""

    id: int
    at: datetime
    kind: EventKind
    reason: str
    who: str
    detail: str
    number: int | None
    name: str
    delegation: str


def latest(connection: sa.Connection, mail_out_id: int, limit: int) -> Iterator[Happened]:
    """Yield the last events of a mail-out, the newest first; what begins to be sent is no news."""
    no_news = (EventKind.SENDING.value, EventKind.CLAIMED.value)
    rows = connection.execute(
        sa.select(e.id, e.at, e.kind, e.reason, e.who, e.detail, d.number, d.name, d.delegation)
        .select_from(event)
        .outerjoin(delivery, d.id == e.delivery_id)
        .where(e.mail_out_id == mail_out_id, e.kind.not_in(no_news))
        .order_by(e.id.desc())
        .limit(limit)
    )
    for row in rows:
        yield Happened(
            row.id,
            row.at,
            kind_of(row.kind),
            row.reason,
            row.who,
            row.detail,
            row.number,
            row.name or "",
            row.delegation or "",
        )


def of_the_whole(connection: sa.Connection, mail_out_id: int) -> list[Happened]:
    """Return what happened to a mail-out as a whole, the oldest first."""
    told = [kind.value for kind in EventKind if kind is not EventKind.CLAIMED]
    rows = connection.execute(
        sa.select(e.id, e.at, e.kind, e.reason, e.who, e.detail)
        .where(e.mail_out_id == mail_out_id, e.delivery_id.is_(None), e.kind.in_(told))
        .order_by(e.id + 0)  # found by the index of the few, not among all in their order
    )
    return [
        Happened(row.id, row.at, kind_of(row.kind), row.reason, row.who, row.detail, None, "", "")
        for row in rows
    ]


def letters_since(
    connection: sa.Connection, mail_out_id: int, since: datetime
) -> tuple[list[datetime], list[datetime]]:
    """Return when letters got an outcome, and when letters were begun, from a moment on. The limits
    are of what is begun: of that no minute holds more than they allow.
    """
    rows = connection.execute(
        sa.select(e.at, e.kind, e.delivery_id, e.detail)
        .where(e.mail_out_id == mail_out_id)
        .order_by(e.id.desc())
        .limit(NEWEST)
    )
    outcomes: list[datetime] = []
    begun: list[datetime] = []
    for row in rows:
        if row.at < since:
            continue
        if row.kind == EventKind.CLAIMED.value:
            begun += [row.at] * sum(map(len, in_ranges(row.detail)))
        elif row.delivery_id and row.kind == EventKind.SENDING.value:
            begun.append(row.at)
        elif row.delivery_id and row.kind in _OUTCOMES:
            outcomes.append(row.at)
    return outcomes[::-1], begun[::-1]


_ABOUT_SENDING = (
    EventKind.ASKED_TO_SEND.value,
    EventKind.SENDING.value,
    EventKind.PAUSED.value,
    EventKind.STOPPED.value,
    EventKind.FINISHED.value,
)


def waits_to_begin(connection: sa.Connection, mail_out_id: int) -> bool:
    """Whether somebody has asked for a sending, and it has neither begun nor ended since."""
    newest = (
        sa.select(e.kind)
        .where(e.mail_out_id == mail_out_id, e.delivery_id.is_(None), e.kind.in_(_ABOUT_SENDING))
        .order_by((e.id + 0).desc())  # as above
        .limit(1)
    )
    return connection.scalar(newest) == EventKind.ASKED_TO_SEND.value


@dataclass(frozen=True, slots=True)
class SenderWait:
    """What a sender waits for: a word for it, what the limit says, and until when."""

    why: str
    limit: int
    until: datetime


def waiting(connection: sa.Connection, mail_out_id: int, at: datetime) -> SenderWait | None:
    """Return what a mail-out waits for: where all of its senders do, the shortest of their
    waits.
    """
    here = (s.mail_out_id == mail_out_id, s.connections > 0)
    rows = connection.execute(sa.select(s.waits_for, s.limit, s.until).where(*here)).all()
    if not rows or any(row.until <= at.timestamp() for row in rows):
        return None
    why, limit, until = min(rows, key=lambda row: row.until)
    return SenderWait(why, limit, datetime.fromtimestamp(until, UTC))


def tried_since_before(connection: sa.Connection, mail_out_id: int, moment: datetime) -> int:
    """Count those who are still being tried, and were tried first before this moment."""
    where = (d.mail_out_id == mail_out_id, d.state == State.DEFERRED.value, d.tried_at < moment)
    return connection.scalar(sa.select(sa.func.count()).where(*where)) or 0
