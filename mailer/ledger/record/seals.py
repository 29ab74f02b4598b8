"""The chain that makes a change of the record evident: each seal hashes all entries since the last
one, and that seal.

Events, attempts and plans are covered: an entry that is altered, taken out or put in between breaks
the seal it stands under. Sealing is done in batches, about once a second while letters go out and
whenever a log is closed, so it costs a letter next to nothing. A chain proves nothing against
somebody who makes it anew from the start; the last hash, kept by a second person, does (`verify`
looks for it).

What is personal goes in as a commitment, `H(salt ‖ text)`, with a salt for each person. Erasing a
person keeps the commitments and destroys salt and texts: the chain stays whole, and nobody can
guess from it.

All times, numbers and texts are put into one form, the same on both databases and in every version
of them.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from mailer.base.errors import Refused
from mailer.base.states import State
from mailer.ledger import events, stored_letters
from mailer.ledger.events import EventKind
from mailer.ledger.moves.prepared import Prepared
from mailer.ledger.schema import (
    OF_ATTEMPT,
    UtcDateTime,
    attempt,
    delivery,
    event,
    letter,
    mail_out,
    seal,
)

a, d, e, m, s = attempt.c, delivery.c, event.c, mail_out.c, seal.c

BEGINNING = "0" * 64
AT_ONCE = 200  # letters that are read back together
LARGEST = 2**31 - 1  # number that an entry can have

PERSONAL = (
    "name", "address", "address_key", "person", "role", "political_group", "file", "sheet", "row",
    "cell",
)  # fmt: skip
"""The columns of a delivery that say who somebody is; `words` follows from them."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A place where the record is not as it was written."""

    what: str  # "an entry was changed", "2 entries are missing"
    mail_outs: tuple[int, ...]
    since: (
        datetime | None
    )  # of the entries under the seal; None where one delivery or letter is meant
    until: datetime | None


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """What a look through the whole chain found."""

    head: str  # the last seal's hash; "0…0" before the first
    seals: int
    events: int
    attempts: int
    letters: int
    erased: int  # people whose data were erased; the chain holds without them
    unsealed: int  # entries that no seal covers yet
    knows: bool  # whether the hash that was asked for is one of the chain's
    broken: tuple[Broken, ...]


@dataclass(frozen=True, slots=True)
class _Seal:
    """Where a seal ends, and its hash, once it has one."""

    event_id: int
    attempt_id: int
    hash: str


@dataclass(frozen=True, slots=True)
class _Body:
    """Entries between two seals, and the hash of the seal that covers them."""

    event_id: int
    attempt_id: int
    events: int
    attempts: int
    hash: str


@dataclass(frozen=True, slots=True)
class PendingSeal:
    """A seal that is worked out and not written yet."""

    before: _Seal
    body: _Body


def newest(connection: sa.Connection) -> _Seal:
    """Say how far entries are written."""
    events, attempts = (
        connection.scalar(sa.select(sa.func.coalesce(sa.func.max(key), 0))) for key in (e.id, a.id)
    )
    return _Seal(events or 0, attempts or 0, "")


def draft(connection: sa.Connection, until: _Seal | None = None) -> PendingSeal:
    """Hash everything that is not sealed yet, as one reader sees it: nobody needs to be kept from
    writing meanwhile.

    The one condition is that no entry is still to come with a smaller number than the last one that
    is seen, or than those of `until` (`newest`), behind which nothing is looked at.
    """
    before = _last(connection)
    return PendingSeal(before, _body(connection, before, until))


def close(connection: sa.Connection, drawn: PendingSeal, at: datetime) -> bool:
    """Write a seal, where there is something to seal. False: somebody else has written one since it
    was drawn.
    """
    body = drawn.body
    if not body.events and not body.attempts:
        return True
    if _last(connection) != drawn.before:
        return False
    connection.execute(
        sa.insert(seal).values(
            at=at,
            event_id=body.event_id,
            attempt_id=body.attempt_id,
            events=body.events,
            attempts=body.attempts,
            before=drawn.before.hash,
            hash=body.hash,
        )
    )
    return True


def head(connection: sa.Connection) -> str:
    """Return the last seal's hash: whoever keeps it can tell later whether the chain still contains
    it.
    """
    return _last(connection).hash


def verify(connection: sa.Connection, head: str = "") -> ChainCheck:
    """Go through the chain from the beginning. `head` is a hash that somebody has kept, or its
    first 16 signs or more.
    """
    broken: list[Broken] = []
    last = _Seal(0, 0, BEGINNING)
    hashes = [BEGINNING]
    rows = connection.execute(sa.select(seal).order_by(s.id)).all()
    for row in rows:
        here = _Seal(row.event_id, row.attempt_id, row.hash)
        body = _body(connection, last, here)
        if row.before != last.hash:
            broken.append(
                _at(
                    connection,
                    last,
                    here,
                    "a seal before these entries was taken out, put in or changed",
                )
            )
        elif body.hash != row.hash:
            broken.append(_at(connection, last, here, _difference(row, body)))
        hashes.append(row.hash)
        last = here
    rest = _body(connection, last, None)
    counts = {
        column.table.name: connection.scalar(sa.select(sa.func.count(column))) or 0
        for column in (e.id, a.id, letter.c.digest)
    }
    attempts = connection.scalar(sa.select(sa.func.count(e.attempt))) or 0
    broken += [*_states(connection), *_letters(connection)]
    return ChainCheck(
        head=last.hash,
        seals=len(rows),
        events=counts["event"],
        attempts=counts["attempt"] + attempts,
        letters=counts["letter"],
        erased=connection.scalar(sa.select(sa.func.count()).where(d.erased.is_not(None))) or 0,
        unsealed=rest.events + rest.attempts,
        knows=any(one.startswith(head) for one in hashes),
        broken=tuple(broken),
    )


# -------------------------------------------------------------------------------------- commitments


def commitment(salt: str, kind: str, key: int, text: str) -> str:
    """Return what stands in the chain for a text; nothing for no text."""
    return sha256(f"{salt}|{kind}{key}|{text}".encode()).hexdigest() if text else ""


def commitment_of(row: Mapping[Any, Any]) -> str:
    """Return what stands in the chain for the person of a delivery."""
    words = "|".join(
        str(row[name] if row[name] is not None else "").encode().hex() for name in PERSONAL
    )
    return sha256(f"{row['salt']}|person|{words}".encode()).hexdigest()


# ----------------------------------------------------------------------------------------- the body


def _last(connection: sa.Connection) -> _Seal:
    row = connection.execute(
        sa.select(s.event_id, s.attempt_id, s.hash).order_by(s.id.desc()).limit(1)
    ).one_or_none()
    return _Seal(*row) if row else _Seal(0, 0, BEGINNING)


def _body(connection: sa.Connection, before: _Seal, until: _Seal | None) -> _Body:
    lines = [before.hash]
    counts, ends = [], []
    for table, kind, text, start, end in (
        (event, "e", e.detail, before.event_id, until.event_id if until else None),
        (attempt, "a", a.text, before.attempt_id, until.attempt_id if until else None),
    ):
        after = start if before.hash != BEGINNING else -LARGEST
        span = {"start": after, "end": LARGEST if end is None else end}
        rows = _entries(connection.dialect.name, table, text).rows(connection, span)
        for number, line, words, gone, salt in rows:
            kept = gone if gone is not None else commitment(salt or "", kind, number, words)
            lines.append(f"{kind}|{line}|{kept}")
        counts.append(len(rows))
        ends.append(rows[-1][0] if rows else start)
    lines += _plans(connection, before, until.event_id if until else ends[0])
    return _Body(
        ends[0], ends[1], counts[0], counts[1], sha256("\n".join(lines).encode()).hexdigest()
    )


@lru_cache
def _entries(dialect: str, table: sa.Table, text: sa.Column[str]) -> Prepared:
    """Return what reads the entries that a seal covers: number, line, text, commitment, salt."""
    key = table.c.id
    start, end = (sa.bindparam(name, type_=sa.Integer()) for name in ("start", "end"))
    salt = sa.select(d.salt).where(d.id == table.c.delivery_id).scalar_subquery()
    whose = sa.case((text != "", salt))  # most events say nothing more, and need none
    return Prepared(
        sa.select(key, _line(dialect, table), text, table.c.erased, whose)
        .where(key > start, key <= end)
        .order_by(key)
    )


def _since(before: _Seal) -> list[sa.ColumnElement[bool]]:
    return [] if before.hash == BEGINNING else [e.id > before.event_id]


def _line(dialect: str, table: sa.Table) -> sa.ColumnElement[str]:
    """Return an SQL expression for an entry without its personal text: `12|2027-01-20
    08:00:41.000000|1|7|61…`. What only attempts have stands in the line of an event that has it.
    """
    left_out = {"detail", "text", "erased"}
    columns = [column for column in table.columns if column.name not in left_out]
    if table is not event:
        return _joined(dialect, columns)
    tried = [column for column in columns if column.name in OF_ATTEMPT]
    line = _joined(dialect, [column for column in columns if column.name not in OF_ATTEMPT])
    none = sa.and_(*(column.is_(None) for column in tried))
    return line.concat(sa.case((none, ""), else_=sa.literal("|").concat(_joined(dialect, tried))))


def _joined(dialect: str, columns: Sequence[sa.Column[Any]]) -> sa.ColumnElement[str]:
    first, *others = (_form(dialect, column) for column in columns)
    line: sa.ColumnElement[str] = first
    for part in others:
        line = line.concat("|").concat(part)
    return line


def _form(dialect: str, column: sa.Column[Any]) -> sa.ColumnElement[str]:
    postgresql = dialect == "postgresql"
    value: sa.ColumnElement[Any] = column
    if isinstance(column.type, sa.Float):
        value = sa.cast(sa.func.round(column * 1_000_000), sa.BigInteger)
    elif isinstance(column.type, UtcDateTime):
        if postgresql:
            value = sa.func.to_char(sa.func.timezone("UTC", column), "YYYY-MM-DD HH24:MI:SS.US")
    elif isinstance(column.type, sa.Text):
        value = (
            sa.func.upper(sa.func.encode(sa.func.convert_to(column, "UTF8"), "hex"))
            if postgresql
            else sa.func.hex(column)
        )
    return sa.func.coalesce(sa.cast(value, sa.Text), "")


def _plans(connection: sa.Connection, before: _Seal, until: int) -> Iterator[str]:
    """Yield a line for each plan that was written: its fingerprint, and everyone in it with their
    letter.
    """
    planned = connection.execute(
        sa.select(m.id, m.appeal, m.mode, m.hash, m.server, m.sender)
        .join(event, e.mail_out_id == m.id)
        .where(
            *_since(before),
            e.id <= until,
            e.kind == EventKind.PLANNED.value,
            e.delivery_id.is_(None),
        )
        .order_by(e.id)
    ).all()
    columns = (
        "number",
        "message_id",
        "digest",
        "resend_of",
        "state",
        "reason",
        "erased",
        "salt",
        *PERSONAL,
    )
    for mail_out_id, *what in planned:
        people = connection.execute(
            sa.select(*(d[name] for name in columns))
            .where(d.mail_out_id == mail_out_id)
            .order_by(d.number)
        ).mappings()
        whole = sha256("|".join(word.encode().hex() for word in what).encode())
        for row in people:
            why = row["reason"] if row["state"] == State.SKIPPED.value else ""
            who = row["erased"] or commitment_of(row)
            name = (row["message_id"] or "").encode().hex()
            whole.update(
                f"\n{row['number']}|{name}|{row['digest'] or ''}|{row['resend_of'] or ''}"
                f"|{why}|{who}".encode()
            )
        yield f"p|{mail_out_id}|{whole.hexdigest()}"


# ------------------------------------------------------------------------------------- the findings


def _difference(row: sa.Row[Any], body: _Body) -> str:
    words = []
    for name, sealed, found in (
        ("event", row.events, body.events),
        ("attempt", row.attempts, body.attempts),
    ):
        if sealed != found:
            many = abs(sealed - found)
            what = f"{many} {name}{'' if many == 1 else 's'}"
            words.append(
                f"{what} {'is' if many == 1 else 'are'} missing"
                if found < sealed
                else f"{what} too many"
            )
    return ", ".join(words) or "an entry, or a plan, was changed"


def _at(connection: sa.Connection, before: _Seal, here: _Seal, what: str) -> Broken:
    where = (*_since(before), e.id <= here.event_id)
    since, until = connection.execute(
        sa.select(sa.func.min(e.at), sa.func.max(e.at)).where(*where)
    ).one()
    mail_outs = connection.scalars(
        sa.select(e.mail_out_id).distinct().where(*where).order_by(e.mail_out_id)
    )
    return Broken(what, tuple(mail_outs), since, until)


def _states(connection: sa.Connection) -> Iterator[Broken]:
    """Yield the deliveries whose state is not the one that their last event says, a claim of many
    included.
    """
    states = [state.value for state in State]
    last = (
        sa.select(e.id)
        .where(e.delivery_id == d.id, e.kind.in_(states))
        .order_by(e.id.desc())
        .limit(1)
        .correlate(delivery)
        .scalar_subquery()
    )
    begun = sa.case((d.digest.is_(None), State.SKIPPED.value), else_=State.WAITING.value)
    columns = (d.mail_out_id, d.number, d.state, sa.func.coalesce(e.kind, begun), d.id, e.id)
    query = sa.select(*columns).select_from(delivery.outerjoin(event, e.id == last))
    claims = _claims(connection)
    rows = connection.execute(query, execution_options={"yield_per": AT_ONCE})
    for mail_out_id, number, state, told, delivery_id, event_id in rows:
        says = State.SENDING.value if claims[delivery_id] > (event_id or 0) else told
        if says != state:
            what = f"number {number} reads {state!r}, and the last event about it says {says!r}"
            yield Broken(what, (mail_out_id,), None, None)


def _claims(connection: sa.Connection) -> array[int]:
    """Return the last claim of each delivery, by their ids; 0 where there is none."""
    end = (connection.scalar(sa.select(sa.func.max(d.id))) or 0) + 1
    found = array("q", bytes(8 * end))
    claims = sa.select(e.id, e.detail).where(
        e.delivery_id.is_(None), e.kind == EventKind.CLAIMED.value
    )
    for event_id, detail in connection.execute(claims.order_by(e.id)):
        for ids in events.in_ranges(detail):
            here = slice(min(ids.start, end), min(ids.stop, end))
            found[here] = array("q", [event_id]) * (here.stop - here.start)
    return found


def _letters(connection: sa.Connection) -> Iterator[Broken]:
    """Yield the letters that are not the ones that were planned, or are gone without an erasure."""
    other = delivery.alias("other").c  # named in the same letter, which went with them
    gone = sa.select(other.message_id).where(
        other.erased.is_not(None), other.message_id.is_not(None)
    )
    planned = connection.execute(
        sa.select(d.mail_out_id, d.number, d.digest)
        .where(d.digest.is_not(None), d.erased.is_(None), d.message_id.not_in(gone))
        .order_by(d.id)
    ).all()
    for start in range(0, len(planned), AT_ONCE):
        some = planned[start : start + AT_ONCE]
        if _as_planned(connection, {row.digest for row in some}):
            continue
        for mail_out_id, number, digest in some:
            if not _as_planned(connection, {digest}):
                what = f"the letter of number {number} is not the one that was planned"
                yield Broken(what, (mail_out_id,), None, None)


def _as_planned(connection: sa.Connection, digests: set[str]) -> bool:
    try:
        stored_letters.read(connection, digests)
    except Refused:
        return False
    return True
