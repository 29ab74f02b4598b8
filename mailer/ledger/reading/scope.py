"""What a question is about: one mail-out, or an appeal over all its mail-outs; and how somebody
stands in it.

Whoever is named in the letter to a mailbox that is theirs, too, stands as that letter stands: their
own row says for ever that no letter of their own was made.

Of an appeal each person stands once: with the delivery that tells most of them. What reached them,
or may have, outweighs what is still to come; that outweighs a refusal, and a refusal that they were
left out. What came back for good stands with the refusals. Between two of a kind the newer one
counts.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from mailer.base.states import MAY_HAVE_REACHED, MailOutState, Reason, State
from mailer.ledger.ledger import shown
from mailer.ledger.mailouts import MailOut
from mailer.ledger.reading.persons import keys_of, other_keys, person_now
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


WHO = sa.func.coalesce(
    sa.func.nullif(person_now(), ""), sa.func.nullif(d.address_key, ""), sa.cast(d.id, sa.String)
)
"""One and the same person in all mail-outs."""


def _of_the_letter(of: sa.FromClause, name: str) -> sa.ColumnElement[Any]:
    """Return a column of the letter by which somebody is reached: of their own row, or of the one
    whose letter names them. Erased or not, both know its Message-ID.
    """
    letter = delivery.alias("names").c
    same = (
        letter.message_id == of.c.message_id,
        letter.mail_out_id + 0 == of.c.mail_out_id,  # found by the Message-ID
        letter.reason != Reason.SHARED.value,
    )
    theirs = [  # of a letter with copies each copy has a row; erased, no address tells them apart
        sa.select(letter[name]).where(*same, *which).limit(1).correlate(of).scalar_subquery()
        for which in ((letter.address_key == of.c.address_key,), ())
    ]
    is_named = of.c.reason == Reason.SHARED.value
    return sa.case((is_named, sa.func.coalesce(*theirs, of.c[name])), else_=of.c[name])


def stands(of: sa.FromClause = delivery) -> sa.ColumnElement[str]:
    """Return the state in which somebody stands: that of the letter by which they are reached."""
    return _of_the_letter(of, "state")


def letter_id(of: sa.FromClause = delivery) -> sa.ColumnElement[int]:
    """Return the delivery of the letter by which somebody is reached."""
    return _of_the_letter(of, "id")


def within(of: Of, people: Collection[str] | None = None) -> sa.ColumnElement[bool]:
    """Return the condition for the deliveries of a mail-out, or of an appeal, each person once.
    `people`: of the appeal these alone, by `WHO`.
    """
    if isinstance(of, int):
        return d.mail_out_id == of
    places = {state.value: at for at, state in enumerate(TELLS_MOST)}
    order = sa.case(
        (returned_for_good(letter_id()), places[State.REFUSED.value]),
        else_=sa.case(places, value=stands()),
    )
    newest = (order, d.mail_out_id.desc(), d.id)
    place = sa.func.row_number().over(partition_by=WHO, order_by=newest)
    rows = (
        sa.select(d.id, place.label("place"))
        .join(mail_out, m.id == d.mail_out_id)
        .where(m.appeal == of.appeal)
    )
    if people is not None:
        rows = rows.where(these(people))
    ranked = rows.subquery()
    return d.id.in_(sa.select(ranked.c.id).where(ranked.c.place == 1))


def these(people: Collection[str]) -> sa.ColumnElement[bool]:
    """Return the condition for the deliveries of some people, by `WHO`: found by indexes."""
    nameless = sa.and_(d.person == "", d.address_key.in_(people))
    erased = sa.and_(d.person == "", d.address_key == "")
    ids = [int(one) for one in people if one.isdecimal()]
    named = (d.person.in_(people), d.person.in_(keys_of(people)))
    return sa.or_(*named, nameless, sa.and_(d.id.in_(ids), erased))


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
    of_it = sa.select(first.c.appeal).where(first.c.id == d.mail_out_id)
    appeal = of_it.correlate(delivery).scalar_subquery()
    return sa.exists(
        sa.select(later.c.id)
        .join(same, same.c.id == later.c.mail_out_id)
        .where(
            later.c.mail_out_id > d.mail_out_id,
            stands(later).in_([state.value for state in MAY_HAVE_REACHED]),
            sa.or_(
                sa.and_(d.person != "", later.c.person == person_now()),
                sa.and_(d.person != "", later.c.person.in_(other_keys())),
                sa.and_(d.address_key != "", later.c.address_key == d.address_key),
            ),
            same.c.appeal == appeal,
        )
        .correlate(delivery)
    )
