"""Taking people out of the send log for good: who they are, what was written to them, and every
text about them.

What stays says nothing of anybody: delegation, language, state, code, times, and the commitments by
which the chain goes on holding (`seals.py`). The cells of the sheets, which a mail-out keeps to
explain a stale plan, go for everyone in it. Only a mail-out that is over is touched: before that, a
name is what keeps a second letter from going out.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any

import sqlalchemy as sa

from mailer.base.errors import Refused
from mailer.base.states import MailOutState, State
from mailer.contacts.erasing.naming import Naming
from mailer.ledger import events, mailouts, stored_letters
from mailer.ledger.events import EventKind
from mailer.ledger.moves import incoming as messages
from mailer.ledger.reading.deliveries import Delivery, delivery_columns, delivery_of
from mailer.ledger.record import noting, places, renaming, seals
from mailer.ledger.record.places import Whose
from mailer.ledger.schema import (
    attempt,
    delivery,
    event,
    incoming,
    mail_out,
    member_position,
    metadata,
)
from mailer.plan.sources import Sources

a, d, e, m = attempt.c, delivery.c, event.c, mail_out.c
i, p = incoming.c, member_position.c

SEALED = {"event": "e", "attempt": "a"}
"""Tables whose texts stand in the chain by their commitment, and the letter of each there."""


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
    unknown = [one for one in people if one.state in (State.UNKNOWN, State.DRAFTED)]
    if unknown:
        raise Refused(
            f"What became of the letter to {unknown[0].name} is unknown. Nothing was changed.",
            hint=f'mailer resolve {unknown[0].shown} --accepted (or --not-sent) --because "…"',
            code="S310",
        )
    erased = [one for one in people if _erase(connection, one, who, because, at)]
    renaming.prune(connection)
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
    for table, name in ((event, "detail"), (attempt, "text")):
        text, kind = table.c[name], SEALED[table.name]
        where = (table.c.delivery_id == one.id, text != "")
        rows = connection.execute(sa.select(table.c.id, text, table.c.erased).where(*where)).all()
        for key, words, before in rows:
            kept = before or seals.commitment(found["salt"], kind, key, words)
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
    # a letter to a mailbox that several share names them all
    letters = sa.select(d.digest).where(d.message_id == one.message_id, d.digest.is_not(None))
    for digest in {one.digest, *connection.scalars(letters)} - {None}:
        stored_letters.forget(connection, digest)
    messages.forget(connection, one.id)
    noting.forget(connection, *filter(None, (one.person, one.address_key)))
    events.write(
        connection, EventKind.ERASED, one.mail_out_id, one.id, at=at, who=who, detail=because
    )
    return True


# ------------------------------------------------------------------- what else names somebody


def mentions(connection: sa.Connection, naming: Naming) -> dict[str, list[int]]:
    """Return which rows name somebody in words that are of others or of nobody: "table.column" →
    their numbers.
    """
    found: dict[str, list[int]] = {}
    for table, column in places.columns_of(Whose.WORDS):
        text = metadata.tables[table].c[column]
        told = connection.scalars(sa.select(text).distinct().where(text != "")).all()
        for words in filter(naming.in_text, told):
            numbers = connection.scalars(sa.select(text.table.c.id).where(text == words)).all()
            found.setdefault(f"{table}.{column}", []).extend(numbers)
    for row in connection.execute(sa.select(i.id, i.sender, i.subject, i.own, i.parts, i.raw)):
        named = any(map(naming.in_text, (row.sender, row.subject, row.own, row.parts)))
        if named or (row.raw and naming.in_message(zlib.decompress(row.raw))):
            found.setdefault("incoming.raw", []).append(row.id)
    for number, packed in connection.execute(sa.select(m.id, m.sources)):
        if _without(packed, naming) != packed:
            found.setdefault("mail_out.sources", []).append(number)
    for number, name in connection.execute(sa.select(p.id, p.name)):
        if naming.in_text(name):
            found.setdefault("member_position.name", []).append(number)
    return found


def text_of(connection: sa.Connection, place: str, number: int) -> str:
    """Return the text of a place that `mentions` names."""
    table, _, column = place.partition(".")
    of = metadata.tables[table].c
    return connection.execute(sa.select(of[column]).where(of.id == number)).scalar_one() or ""


def noted(connection: sa.Connection, found: Mapping[str, Sequence[int]]) -> list[dict[str, Any]]:
    """Return the positions among what `mentions` has found."""
    numbers = found.get("member_position.name", ())
    rows = connection.execute(sa.select(member_position).where(p.id.in_(numbers))).mappings()
    return [{str(name): value for name, value in row.items()} for row in rows]


def take_out_words(connection: sa.Connection, naming: Naming) -> int:
    """Take the lines that name somebody out of every text of the log, and whole messages that do;
    returns in how many places.
    """
    found = mentions(connection, naming)
    places_there = sum(map(len, found.values()))
    noted = found.pop("member_position.name", [])
    connection.execute(sa.delete(member_position).where(p.id.in_(noted)))
    for number in found.pop("incoming.raw", ()):
        messages.blank(connection, number)
    for number in found.pop("mail_out.sources", ()):
        of = sa.select(m.sources).where(m.id == number)
        packed = _without(connection.execute(of).scalar_one(), naming)
        connection.execute(sa.update(mail_out).where(m.id == number).values(sources=packed))
    for place, numbers in found.items():
        table, _, column = place.partition(".")
        for number in numbers:
            _take_out(connection, metadata.tables[table], column, number, naming)
    return places_there


def _take_out(
    connection: sa.Connection, table: sa.Table, column: str, number: int, naming: Naming
) -> None:
    one = table.c.id == number
    text: str = connection.execute(sa.select(table.c[column]).where(one)).scalar_one()
    values = {column: naming.without(text)}
    if table.name in SEALED:
        of = sa.select(table.c.erased, table.c[column], d.salt).select_from(
            table.outerjoin(delivery, d.id == table.c.delivery_id)
        )
        row = connection.execute(of.where(one)).one()
        if row.erased is None:
            kind, words = SEALED[table.name], row[1]
            values["erased"] = seals.commitment(row.salt or "", kind, number, words)
    connection.execute(sa.update(table).where(one).values(values))


def _without(packed: bytes, naming: Naming) -> bytes:
    """Return the sources of a plan without the cells that name somebody."""
    sources = Sources.unpack(packed)
    cells = {
        file: {
            tab: {cell: text for cell, text in of.items() if not naming.in_text(text)}
            for tab, of in tabs.items()
        }
        for file, tabs in sources.cells.items()
    }
    return packed if cells == sources.cells else replace(sources, cells=cells).pack()
