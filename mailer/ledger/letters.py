"""The letters in the send log: written when a mail-out is planned, read when one is claimed or shown.

A letter is kept under its fingerprint, and a part that many letters share, a PDF for instance, once for all of them.
While a sender holds letters that carry a part, the part is in its memory once. Whatever comes back has been compared
with its fingerprint.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import sqlalchemy as sa

from mailer import wire
from mailer.errors import Refused
from mailer.ledger.schema import letter, part
from mailer.wire import Part, Shared

if TYPE_CHECKING:
    from mailer.plan import Planned

_HELD: WeakValueDictionary[str, Part] = WeakValueDictionary()
"""The parts that are in use in this process, by their fingerprint, whatever log they come from."""

_LETTERS = sa.select(letter).where(letter.c.digest.in_(sa.bindparam("digests", expanding=True)))
_PARTS = sa.select(part).where(part.c.digest.in_(sa.bindparam("digests", expanding=True)))


def keep(connection: sa.Connection, planned: Iterable[Planned]) -> None:
    """Write the letters of a plan, and the parts that they share; what is there already stays."""
    letters: dict[str, dict[str, object]] = {}
    parts: dict[str, dict[str, object]] = {}
    for one in planned:
        if one.digest and one.data is not None:
            letters[one.digest] = {"digest": one.digest, "data": one.data, "shared": wire.references(one.shared)}
            parts |= {each.digest: {"digest": each.digest, "data": each.data} for _, each in one.shared}
    for table, rows in ((part, parts), (letter, letters)):
        there = set(connection.scalars(sa.select(table.c.digest).where(table.c.digest.in_(rows)))) if rows else set()
        if fresh := [row for digest, row in rows.items() if digest not in there]:
            connection.execute(sa.insert(table), fresh)


def read(connection: sa.Connection, digests: Collection[str]) -> dict[str, tuple[bytes, Shared]]:
    """Return own bytes and shared parts of letters, by fingerprint. Raises Refused if one is not as it was planned."""
    rows = connection.execute(_LETTERS, {"digests": list(digests)}).all()
    parts: dict[str, Part] = {}
    if any(row.shared for row in rows):
        parts = _parts(connection, {digest for row in rows for _, digest in wire.referred(row.shared)})
    found = {
        row.digest: (row.data, tuple((place, parts[one]) for place, one in wire.referred(row.shared)))
        for row in rows
        if wire.digest(row.data, row.shared) == row.digest
    }
    if len(found) != len(digests):
        raise _not_as_planned()
    return found


def forget(connection: sa.Connection, digest: str) -> None:
    """Empty a letter for good, and take away the parts that no other letter carries any more."""
    shared = connection.scalar(sa.select(letter.c.shared).where(letter.c.digest == digest)) or ""
    connection.execute(sa.update(letter).where(letter.c.digest == digest).values(data=b"", shared=""))
    for _, one in wire.referred(shared):
        if not connection.scalar(sa.select(sa.exists().where(letter.c.shared.contains(one)))):
            connection.execute(sa.delete(part).where(part.c.digest == one))


def _parts(connection: sa.Connection, digests: set[str]) -> dict[str, Part]:
    found = {digest: held for digest in digests if (held := _HELD.get(digest)) is not None}
    if missing := digests - found.keys():
        for _, data in connection.execute(_PARTS, {"digests": list(missing)}):
            one = Part(data)
            found[one.digest] = _HELD[one.digest] = one
    if found.keys() != digests:
        raise _not_as_planned()
    return found


def _not_as_planned() -> Refused:
    return Refused("A letter in the send log is not the one that was planned. Nothing was sent of it.", code="S305")
