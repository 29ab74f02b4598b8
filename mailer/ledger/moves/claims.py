"""Claims: a sender takes deliveries that are due, and holds them under a lease and a fence.

One conditional UPDATE takes them, and one event of them all stands in the same transaction: after a
crash what was claimed and not handed over waits again (`moves.recover`). The letters are read after
it (`letters.read`): a letter stands still from the day it was planned, and nobody else has to wait
while it is unpacked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import itemgetter

import sqlalchemy as sa

from mailer.base.states import MAY_HAVE_REACHED, OPEN, REASONS, Reason, State
from mailer.ledger import events, mailouts
from mailer.ledger.ledger import lock, shown
from mailer.ledger.moves import limits, transitions
from mailer.ledger.moves.prepared import Prepared
from mailer.ledger.moves.transitions import Claimed
from mailer.ledger.reading import correspondence
from mailer.ledger.reading.persons import other_keys, person_now
from mailer.ledger.reading.sent import returned_for_good
from mailer.ledger.schema import (
    UtcDateTime,
    delivery,
    incoming,
    incoming_letter,
    mail_out,
    member_position,
)
from mailer.plan.follow_up import is_beyond
from mailer.plan.where import FACTS

LEASE = timedelta(minutes=25)
"""More than twice the ten minutes that the answer to the final dot may take."""

SLEW = timedelta(seconds=1)
"""So much a clock that is being corrected may go back without a word."""

d = delivery.c


def _claim(*also: sa.ColumnElement[bool]) -> sa.UpdateBase:
    """Put the claim together: one conditional UPDATE of those that are due, and meet what else is
    asked.
    """
    now = sa.bindparam("now", type_=UtcDateTime())
    begins = sa.or_(d.next_try_at.is_(None), d.next_try_at <= now)
    waiting = _due(d.state == State.WAITING.value, begins, *also)
    deferred = _due(d.state == State.DEFERRED.value, d.next_try_at <= now, *also)
    both = sa.union_all(sa.select(waiting), sa.select(deferred)).subquery()
    may_be_taken = (d.state == state.value for state in transitions.SOURCES[State.SENDING])
    pick = sa.select(both.c.id).order_by(both.c.position).limit(sa.bindparam("limit")).cte("pick")
    return (
        sa.update(delivery)
        .where(sa.or_(*may_be_taken), d.id.in_(sa.select(pick.c.id)))
        .values(
            state=State.SENDING.value,
            reason="",
            detail="",
            changed_at=sa.bindparam("now", type_=UtcDateTime()),
            owner=sa.bindparam("me"),
            lease_until=sa.bindparam("lease", type_=UtcDateTime()),
            fence=d.fence + 1,
            attempts=d.attempts + 1,
            # the mark of an earlier, deferred attempt must not speak for this one
            handover_at=None,
            next_try_at=None,
        )
        .returning(*(d[name] for name in Claimed._fields), d.position)
    )


def _due(*which: sa.ColumnElement[bool]) -> sa.Subquery:
    """Pick the first of those that are due, in the order of sending: for each state a walk along
    its index.
    """
    return (
        sa.select(d.id, d.position)
        .where(d.mail_out_id == sa.bindparam("mail_out"), *which, transitions.RUNNING)
        .order_by(d.position)
        .limit(sa.bindparam("limit"))
        .with_for_update(
            skip_locked=True
        )  # speed on PostgreSQL; the guard that counts is in the UPDATE
        .subquery()
    )


def renew(connection: sa.Connection, mail_out_id: int, *, owner: str, at: datetime) -> None:
    """Let the claims of a sender hold as long as new ones."""
    mine = (d.mail_out_id == mail_out_id, d.state == State.SENDING.value, d.owner == owner)
    connection.execute(sa.update(delivery).where(*mine).values(lease_until=at + LEASE))


def heed_the_clock(connection: sa.Connection, mail_out_id: int, at: datetime) -> None:
    """Let who was put off by a clock that was set back since wait as long as was meant, from now
    on: not for as long as the clock was set back, too.
    """
    put_off = connection.execute(
        sa.select(d.id, d.changed_at, d.next_try_at).where(
            d.mail_out_id == mail_out_id,
            d.state == State.DEFERRED.value,
            d.changed_at > at + SLEW,
        )
    ).all()
    for row in put_off:
        again = at + (row.next_try_at - row.changed_at)
        it = sa.update(delivery).where(d.id == row.id, d.state == State.DEFERRED.value)
        connection.execute(it.values(changed_at=at, next_try_at=again))


_CLAIM = Prepared(_claim())
_CLAIM_WHERE_OPEN = Prepared(_claim(limits.domain_is_open(sa.bindparam("clock", type_=sa.Float))))


def claim(
    connection: sa.Connection,
    mail_out_id: int,
    *,
    owner: str,
    at: datetime,
    limit: int,
    open_only: bool = False,
) -> list[Claimed]:
    """Take up to `limit` deliveries that are due, in the order of sending (edge c).

    One conditional UPDATE, correct on both databases whatever else is running. Whoever has this
    appeal from another mail-out in the meantime is left as not sent, with that mail-out's name.
    `open_only` passes over domains that are to be left alone for now.
    """
    lock(connection, "claim")  # two claims of one person from two mail-outs must see one another
    given = {"mail_out": mail_out_id, "now": at, "limit": limit, "me": owner, "lease": at + LEASE}
    statement = _CLAIM_WHERE_OPEN if open_only else _CLAIM
    rows = statement.rows(connection, {**given, "clock": at.timestamp()})
    claimed = [Claimed._make(row[:-1]) for row in sorted(rows, key=itemgetter(-1))]
    if not claimed:
        return []
    ids = [one.id for one in claimed]
    events.write_claim(connection, mail_out_id, ids, at=at, who=owner)
    no_more = not_any_more(connection, mail_out_id, ids)
    for delivery_id, (reason, detail) in no_more.items():
        transitions.move(
            connection,
            State.NOT_SENT,
            d.id == delivery_id,
            at=at,
            who=owner,
            reason=reason,
            detail=detail,
            attempts=d.attempts - 1,
        )
    claimed = [one for one in claimed if one.id not in no_more]
    if _TO_HEADS.rows(connection, {"mail_out": mail_out_id})[0][0]:
        claimed = _of_whom_all_get_it(connection, mail_out_id, claimed, at=at, owner=owner)
        return _of_one_date(connection, claimed, at)
    return claimed


def _of_whom_all_get_it(
    connection: sa.Connection,
    mail_out_id: int,
    claimed: list[Claimed],
    *,
    at: datetime,
    owner: str,
) -> list[Claimed]:
    """Keep the letters that go to everybody whom they name: of a follow-up to whose head has
    answered since, or somebody in copy, the rest goes to nobody. It would name them beside a letter
    that they do not get, and an answer to all would reach them.
    """
    rows = connection.execute(
        sa.select(d.id, d.message_id, d.state, d.reason, d.role)
        .where(
            d.mail_out_id == mail_out_id,
            d.message_id.in_([one.message_id for one in claimed]),
            d.state.in_([state.value for state in (*OPEN, State.NOT_SENT)]),
            d.reason != Reason.SHARED.value,
        )
        .order_by(d.role != "chair", d.number)  # where the head is one of them, that is the reason
    ).all()
    news = _spoke_since(connection, mail_out_id, [row.id for row in rows])
    over: set[str] = set()
    for row in rows:
        why = news[row.id][0] if row.id in news else row.reason
        if row.id in news or (row.state == State.NOT_SENT.value and why in _ENDS):
            over.add(row.message_id)
            others = (d.message_id == row.message_id, d.id != row.id, d.id.not_in(news))
            transitions.not_sent(
                connection,
                mail_out_id,
                Reason.NO_HEAD if row.role == "chair" else Reason.NAMES_NO_MORE,
                *others,
                at=at,
                who=owner,
                detail=REASONS[Reason(why)],
            )
    return [one for one in claimed if one.message_id not in over]


def _of_one_date(
    connection: sa.Connection, claimed: Sequence[Claimed], at: datetime
) -> list[Claimed]:
    """Give the letters of a delegation one Date, so that all of it gets the same bytes: that under
    which any of them was begun, else now. A claim that was given back has begun nothing.
    """
    dates: dict[str, datetime] = {}
    new = (d.id.in_([one.id for one in claimed]), d.attempts == 1, d.resend_of.is_(None))
    first = set(connection.scalars(sa.select(d.id).where(*new)))
    for message_id in {one.message_id for one in claimed if one.id in first}:
        together = (d.mail_out_id == claimed[0].mail_out_id, d.message_id == message_id)
        begun = sa.select(sa.func.min(d.dated_at, type_=UtcDateTime)).where(
            *together, d.attempts > 0, d.id.not_in(first)
        )
        dates[message_id] = connection.scalar(begun) or at
        dated = sa.update(delivery).where(*together, d.id.in_(first))
        connection.execute(dated.values(dated_at=dates[message_id]))
    return [
        one._replace(dated_at=dates[one.message_id]) if one.id in first else one for one in claimed
    ]


def _released(other: sa.FromClause) -> sa.ColumnElement[bool]:
    """Tell whether this letter goes out because a person released the other one, which is unknown,
    for it.
    """
    same = sa.and_(other.c.message_id == d.message_id, other.c.state == State.UNKNOWN.value)
    return sa.and_(d.resend_of.is_not(None), same)


_OTHER, _OTHERS_MAIL_OUT, _MINE = (
    delivery.alias("other"),
    mail_out.alias("other_mail_out"),
    mail_out.alias("mine"),
)
_OF_THIS_APPEAL = Prepared(
    sa.select(_OTHERS_MAIL_OUT.c.id).join(
        _MINE,
        sa.and_(
            _MINE.c.id == sa.bindparam("mail_out"),
            _MINE.c.id != _OTHERS_MAIL_OUT.c.id,
            _MINE.c.appeal == _OTHERS_MAIL_OUT.c.appeal,
        ),
    )
)
_FOLLOWS, _TO_HEADS = (
    Prepared(sa.select(column).where(mail_out.c.id == sa.bindparam("mail_out")))
    for column in (mail_out.c.follows, mail_out.c.to_heads)
)
_ELSEWHERE = (
    sa.select(d.id, _OTHER.c.mail_out_id)
    .join(_OTHER, _OTHER.c.address_key == d.address_key)
    .where(
        d.id.in_(sa.bindparam("ids", expanding=True)),
        _OTHER.c.mail_out_id.in_(sa.bindparam("others", expanding=True)),
        _OTHER.c.state.in_([state.value for state in MAY_HAVE_REACHED]),
        sa.or_(
            _OTHER.c.state != State.WAITING.value, _OTHER.c.mail_out_id < sa.bindparam("mail_out")
        ),
        sa.not_(_released(_OTHER)),
        sa.not_(
            returned_for_good(_OTHER.c.id)
        ),  # it reached nobody, and a person asked for this one
    )
)


def not_any_more(
    connection: sa.Connection, mail_out_id: int, ids: list[int]
) -> dict[int, tuple[Reason, str]]:
    """Return {delivery: (why, what it is known from)} for those who are not written to any more."""
    return {
        **_spoke_since(connection, mail_out_id, ids),
        **_written_elsewhere(connection, mail_out_id, ids),
    }


def _written_elsewhere(
    connection: sa.Connection, mail_out_id: int, ids: list[int]
) -> dict[int, tuple[Reason, str]]:
    """Return {delivery: (why, other mail-out)} for those whose address has, or is about to get,
    this appeal from another.

    Of two plans that both still wait for the same person, the older one writes.
    """
    mine = {"mail_out": mail_out_id}
    others = [other for (other,) in _OF_THIS_APPEAL.rows(connection, mine)]
    if not others:
        return {}
    found = connection.execute(_ELSEWHERE, {"ids": ids, "others": others, **mine})
    return {row.id: (Reason.ALREADY, shown(row.mail_out_id)) for row in found}


_AWAY = FACTS["away"]
_NO_MORE = FACTS["objected"] | FACTS["left office"]
_NEWS = {
    **dict.fromkeys(FACTS["returned"], Reason.CAME_BACK),
    **dict.fromkeys(FACTS["replied"], Reason.ANSWERED),
    **dict.fromkeys(_NO_MORE, Reason.NO_MORE),
}
"""What ends the trying of a follow-up letter, by its kind; the last of several counts."""
_ENDS = {*_NEWS.values(), Reason.AWAY}

_SPOKE = (
    sa.select(
        *(d.id, _OTHER.c.mail_out_id, incoming.c.kind, incoming.c.sure, incoming.c.until),
        _MINE.c.until.label("end"),
    )
    .join(_MINE, sa.and_(_MINE.c.id == d.mail_out_id, _MINE.c.follows != ""))
    .join(
        _OTHER,
        sa.or_(
            _OTHER.c.address_key == d.address_key,
            sa.and_(d.person != "", _OTHER.c.person == person_now()),
            sa.and_(d.person != "", _OTHER.c.person.in_(other_keys())),
        ),
    )
    .join(incoming_letter, incoming_letter.c.delivery_id == _OTHER.c.id)
    .join(incoming, incoming.c.id == incoming_letter.c.incoming_id)
    .where(
        d.id.in_(sa.bindparam("ids", expanding=True)),
        sa.or_(  # whoever wants no more is in no plan, whenever that was said, or understood
            incoming.c.recorded_at >= _MINE.c.planned_at, incoming.c.kind.in_(_NO_MORE)
        ),
        sa.or_(incoming.c.kind.in_({*_NEWS, *_AWAY}), incoming.c.sure.is_(False)),
    )
    .order_by(incoming.c.id)
)
_STANDS = (
    sa.select(d.id)
    .join(
        member_position,
        sa.and_(
            member_position.c.person
            == sa.case((d.person != "", person_now()), else_=d.address_key),
            member_position.c.newest,
            member_position.c.position != "",
            member_position.c.appeal.in_(sa.bindparam("appeals", expanding=True)),
        ),
    )
    .where(d.id.in_(sa.bindparam("ids", expanding=True)))
)


def _spoke_since(
    connection: sa.Connection, mail_out_id: int, ids: list[int]
) -> dict[int, tuple[Reason, str]]:
    """Return {delivery: (why, the mail-out that it came to)} for those of a follow-up who have
    answered in its thread, said where they stand, objected, left, been returned or gone away
    beyond its end since it was planned.
    """
    if not _FOLLOWS.rows(connection, {"mail_out": mail_out_id})[0][0]:
        return {}
    everything = mailouts.all_of_them(connection)
    thread = correspondence.thread(everything, [mail_out_id])
    appeals = {one.appeal for one in everything if one.id in thread}
    stand = connection.scalars(_STANDS, {"ids": ids, "appeals": sorted(appeals)})
    found = dict.fromkeys(stand, (Reason.ANSWERED, ""))
    for delivery_id, other, kind, sure, until, end in connection.execute(_SPOKE, {"ids": ids}):
        reason = _NEWS.get(kind, Reason.ANSWERED)
        if kind in _AWAY and is_beyond(until, end):
            found.setdefault(delivery_id, (Reason.AWAY, f"back on {until}, said to {shown(other)}"))
        elif reason is not Reason.ANSWERED or (other in thread and not (sure and kind in _AWAY)):
            found[delivery_id] = (reason, shown(other))
    return found
