"""What a question is about: one mail-out, or an appeal over all its mail-outs.

Of an appeal each person stands once: with the delivery that tells most of them. What reached them,
or may have, outweighs what is still to come; that outweighs a refusal, and a refusal that they were
left out. What came back for good stands with the refusals. Between two of a kind the newer one
counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from mailer.base.states import MAY_HAVE_REACHED, MailOutState, State
from mailer.ledger.ledger import number_of, shown
from mailer.ledger.mailouts import MailOut
from mailer.ledger.reading.sent import returned_for_good
from mailer.ledger.schema import delivery, mail_out

d, m = delivery.c, mail_out.c

TELLS_MOST = (
    State.ACCEPTED,
    State.UNKNOWN,
    State.DRAFTED,
    State.SENDING,
    State.DEFERRED,
    State.WAITING,
    State.REFUSED,
    State.NOT_SENT,
    State.SKIPPED,
)


@dataclass(frozen=True, slots=True)
class OfAppeal:
    """An appeal over all its mail-outs."""

    appeal: str


Of = int | OfAppeal
"""A mail-out by its id, or an appeal."""


@dataclass(frozen=True, slots=True)
class AppealStanding:
    """An appeal that was planned, as the reading commands call it."""

    appeal: str
    title: str
    mail_outs: tuple[tuple[str, MailOutState], ...]  # M-0001, the oldest first

    @property
    def id(self) -> OfAppeal:
        return OfAppeal(self.appeal)

    @property
    def name(self) -> str:
        return self.appeal


Reported = MailOut | AppealStanding
"""What the reading commands tell of."""


_WHO = sa.func.coalesce(
    sa.func.nullif(d.person, ""), sa.func.nullif(d.address_key, ""), sa.cast(d.id, sa.String)
)


def quickest(connection: sa.Connection, whole: AppealStanding) -> Of:
    """Return what tells the same as the appeal and is quicker to ask: its only mail-out, where
    nobody stands in it twice.
    """
    if len(whole.mail_outs) > 1:
        return whole.id
    only = number_of(whole.mail_outs[0][0])
    again = sa.select(_WHO).where(d.mail_out_id == only).group_by(_WHO)
    twice = connection.scalar(again.having(sa.func.count() > 1).limit(1))
    return whole.id if twice is not None else only


def within(of: Of) -> sa.ColumnElement[bool]:
    """Return the condition for the deliveries of a mail-out, or of an appeal, each person once."""
    if isinstance(of, int):
        return d.mail_out_id == of
    places = {state.value: at for at, state in enumerate(TELLS_MOST)}
    order = sa.case(
        (returned_for_good(), places[State.REFUSED.value]), else_=sa.case(places, value=d.state)
    )
    place = sa.func.row_number().over(partition_by=_WHO, order_by=(order, d.mail_out_id.desc()))
    ranked = (
        sa.select(d.id, place.label("place"))
        .join(mail_out, m.id == d.mail_out_id)
        .where(m.appeal == of.appeal)
        .subquery()
    )
    return d.id.in_(sa.select(ranked.c.id).where(ranked.c.place == 1))


def standing(connection: sa.Connection, appeal: str) -> AppealStanding | None:
    """Return an appeal with its mail-outs; None where none was planned."""
    rows = connection.execute(
        sa.select(m.id, m.title, m.state).where(m.appeal == appeal).order_by(m.id)
    ).all()
    if not rows:
        return None
    mail_outs = tuple((shown(row.id), MailOutState(row.state)) for row in rows)
    return AppealStanding(appeal, rows[-1].title, mail_outs)


def reached_since() -> sa.ColumnElement[bool]:
    """Return the condition that a later mail-out of the same appeal has reached this person, may
    have, or is about to.
    """
    later, first, same = delivery.alias("later"), mail_out.alias("first"), mail_out.alias("same")
    appeal = sa.select(first.c.appeal).where(first.c.id == d.mail_out_id).scalar_subquery()
    return sa.exists(
        sa.select(later.c.id)
        .join(same, same.c.id == later.c.mail_out_id)
        .where(
            later.c.mail_out_id > d.mail_out_id,
            later.c.state.in_([state.value for state in MAY_HAVE_REACHED]),
            sa.or_(
                sa.and_(d.person != "", later.c.person == d.person),
                sa.and_(d.address_key != "", later.c.address_key == d.address_key),
            ),
            same.c.appeal == appeal,
        )
        .correlate(delivery)
    )
