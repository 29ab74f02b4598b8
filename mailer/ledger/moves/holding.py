"""Who came onto the hold list is taken out of what is planned and of what is being sent.

The moves and their events are one transaction. A claim whose marker is not set yet is ended, too:
the marker will be refused, so that no dot is written. Whoever is past it cannot be called back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from mailer.base.states import OPEN, MailOutState, Reason, State
from mailer.contacts.holds import Holds
from mailer.ledger.ledger import shown
from mailer.ledger.moves import transitions
from mailer.ledger.reading import deliveries
from mailer.ledger.reading.deliveries import Delivery
from mailer.ledger.schema import delivery, event, mail_out

d, m = delivery.c, mail_out.c


@dataclass(frozen=True, slots=True)
class TakenOut:
    """What a hold meant for one mail-out."""

    mail_out: str  # M-0003
    state: MailOutState
    numbers: tuple[int, ...]  # who will not be written to
    too_late: tuple[int, ...] = ()  # whose letter is being handed over
    drafts: tuple[int, ...] = ()  # whose letter lies as a draft: a person deletes it there


class _Addressee(NamedTuple):
    """What of a delivery says whether the list holds it; everybody is asked about, and few are."""

    id: int
    message_id: str | None
    name: str
    address: str
    address_key: str
    delegation: str


def take_out(
    connection: sa.Connection, mail_out_id: int, holds: Holds, *, at: datetime, who: str
) -> TakenOut | None:
    """End the trying of everyone in a mail-out who is on the list, or whose letter names somebody
    who is; None where nobody is.
    """
    if not holds:
        return None
    found = held_in(connection, mail_out_id, holds, (*OPEN, State.DRAFTED))
    held = [one.number for one in found if one.state is not State.DRAFTED]
    drafts = tuple(one.number for one in found if one.state is State.DRAFTED)
    if not found:
        return None
    them = d.number.in_(held)
    themselves = {one.number for one in found if holds.match(one)}
    for reason, numbers in (
        (Reason.ON_HOLD, themselves & {*held}),
        (Reason.NAMES_HELD, {*held} - themselves),
    ):
        end = d.number.in_(numbers)
        transitions.not_sent(connection, mail_out_id, reason, end, at=at, who=who)
    late: Sequence[int] = connection.scalars(
        sa.select(d.number).where(
            d.mail_out_id == mail_out_id, them, d.state == State.SENDING.value
        )
    ).all()
    out = tuple(number for number in held if number not in late)
    return TakenOut(shown(mail_out_id), _state(connection, mail_out_id), out, tuple(late), drafts)


def _state(connection: sa.Connection, mail_out_id: int) -> MailOutState:
    there = sa.select(m.state).where(m.id == mail_out_id)
    return MailOutState(connection.execute(there).scalar_one())


def held_in(
    connection: sa.Connection, mail_out_id: int, holds: Holds, states: Collection[State]
) -> list[Delivery]:
    """List the deliveries in these states of whom the list holds anybody: the person, or somebody
    else whom the letter names, at the same mailbox or of the delegation.
    """
    letters = {
        one.message_id for one in _named_with_others(connection, mail_out_id) if holds.match(one)
    }
    there = sa.select(*(d[name] for name in _Addressee._fields)).where(
        d.mail_out_id == mail_out_id, d.state.in_([state.value for state in states])
    )
    everyone = map(_Addressee._make, connection.execute(there))
    held = {one.id for one in everyone if one.message_id in letters or holds.match(one)}
    if not held:
        return []
    whole = deliveries.each(connection, mail_out_id, states=states)
    return [one for one in whole if one.id in held]


def _named_with_others(connection: sa.Connection, mail_out_id: int) -> Iterator[Delivery]:
    """Yield who is named in a letter that somebody else gets, too: of a letter that goes out once
    more, in the mail-out that it comes from.
    """
    of = connection.execute(sa.select(m.to_heads, m.retry_of).where(m.id == mail_out_id)).one()
    named = sa.or_(d.reason == Reason.SHARED.value, sa.literal(of.to_heads))
    where = (d.mail_out_id.in_([mail_out_id, of.retry_of]), d.message_id.is_not(None), named)
    rows = connection.execute(sa.select(*deliveries.delivery_columns).where(*where))
    return map(deliveries.delivery_of, rows)


def named_beside(connection: sa.Connection, one: Delivery, holds: Holds) -> Delivery | None:
    """Return somebody on the list whom the letter to this person names, too."""
    return next(
        (
            other
            for other in _named_with_others(connection, one.mail_out_id)
            if other.message_id == one.message_id and holds.match(other)
        ),
        None,
    )


def take_out_of_all(
    connection: sa.Connection, holds: Holds, *, at: datetime, who: str, since: int | None = None
) -> list[TakenOut]:
    """Do the same in every mail-out that is not over, or of which drafts lie in a mailbox. `since`
    is the newest event from before the list was changed: whom a sender has taken out after it
    belongs to what the change meant.
    """
    over = [MailOutState.STOPPED.value, MailOutState.FINISHED.value]
    drafted = sa.exists().where(d.mail_out_id == m.id, d.state == State.DRAFTED.value)
    wanted = sa.select(m.id).where(sa.or_(m.state.not_in(over), drafted)).order_by(m.id)
    open_ = connection.scalars(wanted).all()
    found = {of: take_out(connection, of, holds, at=at, who=who) for of in open_}
    if since is not None:  # asked last, so that nobody can be quicker unseen
        for of, numbers in _taken_out_since(connection, holds, since).items():
            ours = found.get(of) or TakenOut(shown(of), _state(connection, of), ())
            found[of] = replace(ours, numbers=numbers)
    return [one for _, one in sorted(found.items()) if one is not None]


def _taken_out_since(
    connection: sa.Connection, holds: Holds, since: int
) -> dict[int, tuple[int, ...]]:
    """Return the numbers of those whom the list holds and who were taken out after an event, by
    mail-out.
    """
    held = [Reason.ON_HOLD.value, Reason.NAMES_HELD.value]
    rows = connection.execute(
        sa.select(event.c.mail_out_id, d.number)
        .join(delivery, d.id == event.c.delivery_id)
        .where(event.c.id > since, event.c.reason.in_(held), d.reason.in_(held))
    ).all()
    found: dict[int, tuple[int, ...]] = {}
    for of in {row.mail_out_id for row in rows}:
        ended = {row.number for row in rows if row.mail_out_id == of}
        ours = held_in(connection, of, holds, [State.NOT_SENT])
        if numbers := tuple(one.number for one in ours if one.number in ended):
            found[of] = numbers
    return found
