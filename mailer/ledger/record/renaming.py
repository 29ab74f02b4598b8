"""A newer list gives somebody another name, or moves them: what was noted of them goes along, and
their letters stay one person's.

A delivery is evidence, and keeps the name under which it was planned; so it is written down beside
it under which name the same person stands from now on.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from mailer.contacts.contact import Contact
from mailer.ledger import events
from mailer.ledger.events import EventKind
from mailer.ledger.ledger import lock
from mailer.ledger.reading.persons import person_now
from mailer.ledger.reading.positions import key
from mailer.ledger.schema import delivery, member_position, renamed

d, p, r = delivery.c, member_position.c, renamed.c


def carry(
    connection: sa.Connection,
    pairs: Iterable[tuple[Contact, Contact]],
    *,
    at: datetime,
    who: str,
) -> int:
    """Carry what the log knows of people over to how the sheets call them now; `pairs` are rows
    before and after. Returns how many notes of positions went along.
    """
    now = {key(old): new for old, new in pairs if key(old) and key(new) and key(old) != key(new)}
    if not now:
        return 0
    lock(connection, "renaming")
    _letters(connection, now, at=at, who=who)
    return _positions(connection, now)


def _letters(connection: sa.Connection, now: dict[str, Contact], *, at: datetime, who: str) -> None:
    called = {key(new): new.name or new.address for new in now.values()}
    last = connection.scalar(sa.select(sa.func.max(d.id))) or 0
    known = connection.execute(sa.select(renamed).where(r.now.in_(now))).all()
    for row in known:
        mine = (r.person == row.person, r.last_delivery == row.last_delivery)
        connection.execute(sa.update(renamed).where(*mine).values(now=key(now[row.now])))
    for before, new in now.items():
        since = sa.select(sa.func.coalesce(sa.func.max(r.last_delivery), 0)).where(
            r.person == before
        )
        theirs = sa.exists().where(d.person == before, d.id > since.scalar_subquery())
        if connection.scalar(sa.select(theirs)):
            values = {"person": before, "last_delivery": last, "now": key(new)}
            connection.execute(sa.insert(renamed).values(values))
    keys = {*now, *(row.person for row in known)}
    letters = connection.execute(
        sa.select(d.id, d.mail_out_id, person_now().label("now"))
        .where(d.person.in_(keys), person_now().in_(called), d.person != person_now())
        .order_by(d.id)
    ).all()
    for letter in letters:
        it = (EventKind.RENAMED, letter.mail_out_id, letter.id)
        events.write(connection, *it, at=at, who=who, detail=called[letter.now])


def _positions(connection: sa.Connection, now: dict[str, Contact]) -> int:
    """Write the notes anew under the new key: whoever keeps a board in memory sees that they are
    others (`positions.KnownPositions`).
    """
    stay = {key(new) for new in now.values()} - {*now}
    concerned = p.person.in_({*now, *stay})
    rows = (
        connection.execute(sa.select(member_position).where(concerned).order_by(p.id))
        .mappings()
        .all()
    )
    if not any(row["person"] in now for row in rows):
        return 0
    ids = [row["id"] for row in rows]
    before = sa.update(member_position).where(p.id.in_(ids))
    connection.execute(before.values(token=None, newest=False))
    last: dict[tuple[str, str], int] = {}
    moved = []
    for at, row in enumerate(rows):
        values = {str(name): value for name, value in row.items() if name != "id"}
        if new := now.get(row["person"]):
            values |= {
                "person": key(new),
                "name": new.name or new.address,
                "delegation": new.delegation,
            }
        last[values["appeal"], values["person"]] = at
        moved.append(values)
    for at, values in enumerate(moved):
        values["newest"] = last[values["appeal"], values["person"]] == at
    connection.execute(sa.insert(member_position), moved)
    connection.execute(sa.delete(member_position).where(p.id.in_(ids)))
    return sum(row["person"] in now for row in rows)


def prune(connection: sa.Connection) -> None:
    """Take away the names of whose deliveries none is left under that name."""
    theirs = sa.exists().where(d.person == r.person)
    connection.execute(sa.delete(renamed).where(sa.not_(theirs)))
