"""The letters in the send log: written when a mail-out is planned, read when one is claimed or
shown.

A letter is kept packed (zlib) under its fingerprint, and a part that many letters share, a PDF or
the lines that all who read it in one language have alike, once for all of them. While a sender
holds letters that carry a part, the part is in its memory once. Whatever comes back has been
compared with its fingerprint.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakValueDictionary

import sqlalchemy as sa

from mailer.base.errors import Refused
from mailer.ledger.moves.prepared import Prepared
from mailer.ledger.schema import letter, part
from mailer.letters.message import pieces
from mailer.letters.message.pieces import Part, Shared

if TYPE_CHECKING:
    from mailer.plan.plan import Planned


class PlannedLetter(NamedTuple):
    """A letter as it was planned, without its Date."""

    own: bytes
    shared: Shared  # what it shares with other letters, and where in `own` that stands


QUICKLY = 1  # zlib's level: the others save a tenth more and take no less time to unpack

_HELD: WeakValueDictionary[str, Part] = WeakValueDictionary()
"""The parts that are in use in this process, by their fingerprint, whatever log they come from."""
_SMALL = 8_192  # bytes of a part that is held for the letters to come as well
_LATELY: deque[Part] = deque(maxlen=2_048)
"""The small ones among them that were read last, 16 MB at most: letters go round the delegations,
and what those of one have in common comes again.
"""

_ADD = {
    table: Prepared(sa.insert(table), [column.name for column in table.columns])
    for table in (part, letter)
}
_LETTERS = sa.select(letter).where(letter.c.digest.in_(sa.bindparam("digests", expanding=True)))
_PARTS = sa.select(part).where(part.c.digest.in_(sa.bindparam("digests", expanding=True)))


def keep(connection: sa.Connection, planned: Iterable[Planned]) -> None:
    """Write the letters of a plan, and the parts that they share; what is there already stays."""
    letters: dict[str, dict[str, Any]] = {}
    parts: dict[str, dict[str, Any]] = {}
    for one in planned:
        if one.digest and one.data is not None:
            letters[one.digest] = {
                "digest": one.digest,
                "data": one.data,
                "shared": pieces.references(one.shared),
            }
            parts |= {
                each.digest: {"digest": each.digest, "data": each.data} for _, each in one.shared
            }
    for table, rows in ((part, parts), (letter, letters)):
        there = (
            set(connection.scalars(sa.select(table.c.digest).where(table.c.digest.in_(rows))))
            if rows
            else set()
        )
        fresh = [
            row | {"data": zlib.compress(row["data"], QUICKLY)}
            for key, row in rows.items()
            if key not in there
        ]
        if fresh:
            _ADD[table].run(connection, fresh)


def read(connection: sa.Connection, digests: Collection[str]) -> dict[str, PlannedLetter]:
    """Return letters by fingerprint. Raises Refused if one is not as it was planned."""
    cursor = connection.execute(_LETTERS, {"digests": list(digests)}).cursor
    assert cursor is not None
    rows = cursor.fetchall()  # as the driver gives them: rows of SQLAlchemy's cost more
    where = [pieces.referred(shared) for _, _, shared in rows]
    parts = _parts(connection, {digest for places in where for _, digest in places})
    found = {}
    for (digest, packed, shared), places in zip(rows, where, strict=True):
        data = _unpacked(packed)
        if pieces.digest(data, shared) == digest:
            found[digest] = PlannedLetter(data, tuple((at, parts[one]) for at, one in places))
    if len(found) != len(digests):
        raise _not_as_planned()
    return found


def there(connection: sa.Connection, digests: Collection[str]) -> set[str]:
    """Return those of these letters that are not emptied for good."""
    kept = sa.select(letter.c.digest).where(letter.c.digest.in_(digests), letter.c.data != b"")
    return set(connection.scalars(kept))


def forget(connection: sa.Connection, digest: str) -> None:
    """Empty a letter for good, and take away the parts that no other letter carries any more."""
    shared = connection.scalar(sa.select(letter.c.shared).where(letter.c.digest == digest)) or ""
    connection.execute(
        sa.update(letter).where(letter.c.digest == digest).values(data=b"", shared="")
    )
    for _, one in pieces.referred(shared):
        if not connection.scalar(sa.select(sa.exists().where(letter.c.shared.contains(one)))):
            connection.execute(sa.delete(part).where(part.c.digest == one))


def _parts(connection: sa.Connection, digests: set[str]) -> dict[str, Part]:
    found = {digest: held for digest in digests if (held := _HELD.get(digest)) is not None}
    if missing := digests - found.keys():
        for _, data in connection.execute(_PARTS, {"digests": list(missing)}):
            one = Part(_unpacked(data))
            found[one.digest] = _HELD[one.digest] = one
            if len(one.data) <= _SMALL:
                _LATELY.append(one)
    if found.keys() != digests:
        raise _not_as_planned()
    return found


def _unpacked(data: bytes) -> bytes:
    try:
        return zlib.decompress(data)
    except zlib.error:
        raise _not_as_planned() from None


def _not_as_planned() -> Refused:
    return Refused(
        "A letter in the send log is not the one that was planned. Nothing was sent of it.",
        code="S305",
    )
