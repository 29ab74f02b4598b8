"""Taking people out of the send log for good: who they are, what was written to them, and every
text about them.

What stays says nothing of anybody: delegation, language, state, code, times, and the commitments by
which the chain goes on holding (`seals.py`). The cells of the sheets, which a mail-out keeps to
explain a stale plan, go for everyone in it. Only a mail-out that is over is touched: before that, a
name is what keeps a second letter from going out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time

import sqlalchemy as sa

from mailer.base.errors import Refused
from mailer.base.states import MailOutState, State
from mailer.ledger import events, mailouts, stored_letters
from mailer.ledger.events import EventKind
from mailer.ledger.moves import incoming
from mailer.ledger.reading.deliveries import Delivery, delivery_columns, delivery_of
from mailer.ledger.record import noting, seals
from mailer.ledger.schema import attempt, delivery, event, mail_out
from mailer.plan.sources import Sources

a, d, e, m = attempt.c, delivery.c, event.c, mail_out.c


def ended_before(connection: sa.Connection, day: date) -> list[Delivery]:
    """List everyone of the mail-outs that ended before a day (UTC) and is not erased yet."""
    rows = connection.execute(
        sa.select(*delivery_columns)
        .join(mail_out, m.id == d.mail_out_id)
        .where(m.ended_at < datetime.combine(day, time(), UTC), d.erased.is_(None))
        .order_by(d.id)
    )
    return [delivery_of(row) for row in rows]


def erase(
    connection: sa.Connection, people: Sequence[Delivery], *, who: str, because: str, at: datetime
) -> int:
    """Erase deliveries. `because` stays on record, so it names nobody. Returns how many were
    erased.

    Refused as a whole where a mail-out is not over, or a delivery is unknown: somebody has to
    settle it first.
    """
    concerned = [
        mailouts.get(connection, mail_out_id)
        for mail_out_id in sorted({one.mail_out_id for one in people})
    ]
    for one in concerned:
        if one.state not in (MailOutState.FINISHED, MailOutState.STOPPED):
            raise Refused(
                f"{one.name} is {one.state}: nobody in it is erased before it is over. Nothing was"
                " changed.",
                hint=f"mailer stop {one.name}, if it shall not be sent",
                code="S310",
            )
    unknown = [one for one in people if one.state is State.UNKNOWN]
    if unknown:
        raise Refused(
            f"What became of the letter to {unknown[0].name} is unknown. Nothing was changed.",
            hint=f'mailer resolve {unknown[0].shown} --accepted (or --not-sent) --because "…"',
            code="S310",
        )
    erased = [one for one in people if _erase(connection, one, who, because, at)]
    for one in concerned:
        packed = replace(Sources.unpack(mailouts.sources(connection, one.id)), cells={}).pack()
        connection.execute(sa.update(mail_out).where(m.id == one.id).values(sources=packed))
    return len(erased)


def _erase(connection: sa.Connection, one: Delivery, who: str, because: str, at: datetime) -> bool:
    row = connection.execute(
        sa.select(delivery).where(d.id == one.id, d.erased.is_(None)).with_for_update()
    ).mappings()
    found = row.one_or_none()
    if found is None:
        return False
    for table, kind, name in ((event, "e", "detail"), (attempt, "a", "text")):
        text = table.c[name]
        where = (table.c.delivery_id == one.id, text != "", table.c.erased.is_(None))
        for key, words in connection.execute(sa.select(table.c.id, text).where(*where)).all():
            kept = seals.commitment(found["salt"], kind, key, words)
            connection.execute(
                sa.update(table).where(table.c.id == key).values({name: "", "erased": kept})
            )
    nobody = f"erased {one.id}"  # nobody's, and still one of a kind within the mail-out
    blank = {name: None if name == "row" else "" for name in seals.PERSONAL}
    connection.execute(
        sa.update(delivery)
        .where(d.id == one.id)
        .values(
            **blank | {"address_key": nobody, "person": nobody},
            words="",
            detail="",
            text="",
            salt="",
            erased=seals.commitment_of(found),
        )
    )
    if one.digest is not None:
        stored_letters.forget(connection, one.digest)
    incoming.forget(connection, one.id)
    noting.forget(connection, *filter(None, (one.person, one.address_key)))
    events.write(
        connection, EventKind.ERASED, one.mail_out_id, one.id, at=at, who=who, detail=because
    )
    return True
