"""Counts that are kept: how everybody stood at some event of the log, so that later only those are
looked at of whom a later event tells.

They are kept in memory, and in a file of `.mailer/counts`, from which the next process begins: the
first page of a console is as quick as every other one. The file holds no person, only numbers of
deliveries and of groups. It says up to which seal of the log it counts; where the log does not have
that seal, or the question was another one, everybody is counted anew. So it can be deleted at any
time, and an older copy of the log is never told the counts of a newer one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
import zlib
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from mailer.base.files import put
from mailer.base.states import State
from mailer.ledger import events
from mailer.ledger.events import EventKind, in_ranges
from mailer.ledger.ledger import shown
from mailer.ledger.reading import listing
from mailer.ledger.reading.counts import GROUP, Counted, CountedGroup, group_of
from mailer.ledger.reading.deliveries import WORST_FIRST, Delivery, in_order
from mailer.ledger.reading.persons import keys_of, person_now
from mailer.ledger.reading.scope import WHO, Of, OfAppeal, these, within
from mailer.ledger.schema import delivery, event, mail_out, seal

d, e, m, s = delivery.c, event.c, mail_out.c, seal.c

Some = TypeVar("Some")

MOVED = 5_000
"""So many deliveries are looked at one by one, and a quarter of all: for more, counting everybody
anew is quicker.
"""

ANEW = (EventKind.ERASED.value, EventKind.RENAMED.value)
"""After these events somebody may be another one than before."""

WRITE_AFTER = 500
"""So many who were moved are looked at again by the next process; then the file is written."""


class KeptCounts:
    """The counts of a mail-out, or of an appeal, each person once, as of the connection that asks.

    `folder` is where their file lies, `.mailer/counts`; without one they are kept in memory alone.
    """

    def __init__(self, of: Of, folder: Path | None = None) -> None:
        self._of = of
        name = of.appeal if isinstance(of, OfAppeal) else shown(of)
        self._file = folder / f"{name}.counts" if folder else None
        self._busy = threading.Lock()
        self._as_of: object = None
        self._mail_outs: tuple[int, ...] = ()
        self._since = -1  # all events up to this one are in the counts
        self._looked = 0  # at so many since the file was written
        self._first = 0  # delivery of which `_stands` tells
        self._stands: array[int] = array("H")  # by delivery: 1 + the place of its group, or 0
        self._groups: list[CountedGroup] = []
        self._places: dict[tuple[Any, ...], int] = {}  # by what a row says
        self._numbers: Counter[int] = Counter()  # of people, by place
        self._one: dict[int, int] = {}  # a delivery of each group
        self._needing: dict[int, tuple[int, int]] = {}  # how bad, and its number
        self._choices: dict[str, list[str]] | None = None
        self._now = Counted({}, {})

    def now(self, connection: sa.Connection) -> Counted:
        """Return how everybody stands as of this connection's state of the log."""
        with self._busy:
            mail_outs = _mail_outs(connection, self._of)
            as_of = mail_outs, events.as_of(connection)
            if self._as_of != as_of:
                self._update(connection, mail_outs)
                self._as_of = as_of
            return self._now

    def needing(self, connection: sa.Connection) -> dict[int, State]:
        """Return the deliveries of those who need a person, and their states, the worst first."""
        self.now(connection)
        with self._busy:
            found = sorted(self._needing, key=self._needing.__getitem__)
            return {id_: WORST_FIRST[self._needing[id_][0]] for id_ in found}

    def first_needing(self, connection: sa.Connection, limit: int) -> list[Delivery]:
        """List so many of those who need a person, the worst first."""
        return in_order(connection, list(self.needing(connection))[:limit])

    def by_reason(
        self, connection: sa.Connection, state: State, most: int
    ) -> dict[str, tuple[int, list[int]]]:
        """Return how many stand in a state, by reason, and so many of their deliveries, the first
        in the order of sending.
        """
        now = self.now(connection)
        with self._busy:
            found: dict[str, tuple[int, list[int]]] = {}
            for group, number in now.groups.items():
                if group.state is state:
                    before, ids = found.get(group.reason, (0, []))
                    found[group.reason] = before + number, ids
            theirs = [
                found[group.reason][1] if group.state is state and group.reason in found else None
                for group in self._groups
            ]
            for id_, place in enumerate(self._stands, self._first):
                ids_ = theirs[place - 1] if place else None
                if ids_ is not None and len(ids_) < most:
                    ids_.append(id_)
            return found

    def choices(self, connection: sa.Connection) -> dict[str, list[str]]:
        """Return what `listing.choices` does, of a mail-out: its plan does not change."""
        self.now(connection)
        with self._busy:
            if self._choices is None:
                assert isinstance(self._of, int)
                self._choices = listing.choices(connection, self._of)
                self._write(connection)
            return self._choices

    def _update(self, connection: sa.Connection, mail_outs: tuple[int, ...]) -> None:
        complete = _complete(connection)
        moved = self._moved(connection, mail_outs, complete)
        if moved is None and self._read_file(connection, mail_outs):  # another process has counted
            moved = self._moved(connection, mail_outs, complete)
        if moved is None:
            self._forget()
            self._count(connection, None)
        else:
            for some in _in_pieces(moved):
                self._take_out(connection, mail_outs, some)
                self._count(connection, some)
        self._mail_outs, self._since = mail_outs, complete
        self._now = Counted(
            {self._groups[at]: number for at, number in self._numbers.items() if number},
            {self._groups[at]: one for at, one in self._one.items()},
        )
        self._looked += len(moved or ())
        if moved is None or self._looked > WRITE_AFTER:
            self._write(connection)

    def _moved(
        self, connection: sa.Connection, mail_outs: tuple[int, ...], complete: int
    ) -> set[Any] | None:
        """Return whom to look at again; None: everybody."""
        if self._mail_outs != mail_outs or not 0 <= self._since <= complete:
            return None
        most = max(MOVED, len(self._stands) // 4)
        return _moved(connection, mail_outs, self._of, self._since, most)

    def _forget(self) -> None:
        self._groups, self._places, self._stands = [], {}, array("H")
        self._numbers, self._one, self._needing = Counter(), {}, {}

    def _count(self, connection: sa.Connection, some: Collection[Any] | None) -> None:
        """Count those of a mail-out with these ids, or of an appeal with these keys (`WHO`)."""
        if isinstance(self._of, OfAppeal):
            which = within(self._of, some)
        else:
            which = within(self._of) if some is None else d.id.in_(some)
        rows = connection.execute(sa.select(d.id, d.number, *GROUP).where(which)).all()
        ids = [row[0] for row in rows]
        if some is None:
            self._first = min(ids, default=0)
            self._stands = array("H", bytes(2 * (max(ids, default=0) - self._first + 1)))
        for id_, number, *parts in rows:
            place = self._places.get(key := tuple(parts))
            if place is None:
                place = self._places[key] = self._place(group_of(*parts))
            self._stands[id_ - self._first] = place + 1
            self._numbers[place] += 1
            self._one.setdefault(place, id_)
            if (group := self._groups[place]).needs:
                self._needing[id_] = WORST_FIRST.index(group.state), number

    def _place(self, group: CountedGroup) -> int:
        """Return the place of a group; its kinds stand in any order in a row."""
        if group not in self._groups:
            self._groups.append(group)
        return self._groups.index(group)

    def _take_out(
        self, connection: sa.Connection, mail_outs: tuple[int, ...], some: Collection[Any]
    ) -> None:
        ids = some
        if isinstance(self._of, OfAppeal):
            of_it = (d.mail_out_id + 0).in_(mail_outs)
            ids = connection.scalars(sa.select(d.id).where(of_it, these(some))).all()
        for id_ in ids:
            at = id_ - self._first
            if 0 <= at < len(self._stands) and self._stands[at]:
                self._numbers[self._stands[at] - 1] -= 1
                self._stands[at] = 0
                self._needing.pop(id_, None)

    # ------------------------------------------------------------------------------------ the file

    def _write(self, connection: sa.Connection) -> None:
        last = sa.select(s.event_id, s.hash).order_by(s.id.desc()).limit(1)
        sealed = connection.execute(last).one_or_none()
        if self._file is None or sealed is None:
            return
        about = {
            "question": _question(connection),
            "mail_outs": self._mail_outs,
            "sealed": list(sealed),
            "first": self._first,
            "groups": self._groups,
            "numbers": [self._numbers[at] for at in range(len(self._groups))],
            "one": [self._one[at] for at in range(len(self._groups))],
            "needing": [[id_, number] for id_, (_, number) in self._needing.items()],
            "choices": self._choices,
        }
        packed = zlib.compress(self._stands.tobytes(), 1)
        with contextlib.suppress(OSError):  # a full disk: whoever looks is answered all the same
            self._file.parent.mkdir(mode=0o700, exist_ok=True)
            put(self._file, json.dumps(about).encode() + b"\n" + packed)
            self._looked = 0

    def _read_file(self, connection: sa.Connection, mail_outs: tuple[int, ...]) -> bool:
        """Begin with what another process has counted. False: there is nothing of this log."""
        if self._file is None:
            return False
        try:
            head, _, packed = self._file.read_bytes().partition(b"\n")
            about = json.loads(head)
            stands = array("H", zlib.decompress(packed))
            groups = [
                CountedGroup(code, State(state), reason, again, needs, tuple(back))
                for code, state, reason, again, needs, back in about["groups"]
            ]
            event_id, hash_ = about["sealed"]
        except (OSError, ValueError, LookupError, TypeError, zlib.error):
            return False
        there = sa.select(s.id).where(s.event_id == event_id, s.hash == hash_)
        if (
            about["question"] != _question(connection)
            or tuple(about["mail_outs"]) != mail_outs
            or connection.scalar(there) is None
        ):
            return False
        self._first, self._stands, self._groups = about["first"], stands, groups
        self._numbers = Counter(dict(enumerate(about["numbers"])))
        self._one = dict(enumerate(about["one"]))
        self._needing = {
            id_: (WORST_FIRST.index(groups[stands[id_ - self._first] - 1].state), number)
            for id_, number in about["needing"]
        }
        self._choices, self._mail_outs, self._since = about["choices"], mail_outs, event_id
        return True


def _question(connection: sa.Connection) -> str:
    """Return what changes with the question that is asked of each row."""
    text = str(sa.select(*GROUP).where(within(OfAppeal(""))).compile(connection))
    return hashlib.sha256(text.encode()).hexdigest()


def _mail_outs(connection: sa.Connection, of: Of) -> tuple[int, ...]:
    """Return the mail-outs whose events move somebody: of an appeal all, of a mail-out itself and
    the later ones of its appeal.
    """
    if isinstance(of, OfAppeal):
        which = m.appeal == of.appeal
    else:
        first = mail_out.alias("first").c
        appeal = sa.select(first.appeal).where(first.id == of).scalar_subquery()
        which = sa.and_(m.appeal == appeal, m.id >= of)
    return tuple(connection.scalars(sa.select(m.id).where(which).order_by(m.id)))


def _moved(
    connection: sa.Connection, mail_outs: tuple[int, ...], of: Of, since: int, most: int
) -> set[Any] | None:
    """Return those of whom an event tells since then, and whoever shares a mailbox or a letter with
    them: of an appeal by `WHO`, of a mail-out by id. None where everybody is to be counted anew:
    they are `most` or more.
    """
    of_people = sa.or_(e.delivery_id.is_not(None), e.kind == EventKind.CLAIMED.value)
    later = sa.select(e.delivery_id, e.kind, e.detail).where(
        e.mail_out_id.in_(mail_outs), e.id > since, of_people
    )
    told = connection.execute(later.limit(most)).all()
    claimed = [ids for row in told if row.delivery_id is None for ids in in_ranges(row.detail)]
    if len(told) + sum(map(len, claimed)) >= most or any(row.kind in ANEW for row in told):
        return None
    moved = {row.delivery_id for row in told if row.delivery_id is not None}.union(*claimed)
    found: set[Any] = set()
    for some in _in_pieces(moved):
        theirs = sa.select(person_now(), d.address_key, d.message_id).where(d.id.in_(some))
        rows = connection.execute(theirs).all()
        names, boxes, letters = ({row[at] for row in rows} - {"", None} for at in range(3))
        same = (
            *(d.id.in_(some), d.person.in_(names), d.person.in_(keys_of(names))),
            *(d.address_key.in_(boxes), d.message_id.in_(letters)),
        )
        if isinstance(of, OfAppeal):
            what: sa.Select[Any] = sa.select(WHO).where((d.mail_out_id + 0).in_(mail_outs))
        else:
            what = sa.select(d.id).where(d.mail_out_id + 0 == of)
        found.update(connection.scalars(what.where(sa.or_(*same)).distinct()))
    return found


def _complete(connection: sa.Connection) -> int:
    """Return up to which event everything is on record. On PostgreSQL a smaller number may still
    be written after a larger one; nothing comes in below a seal (`record.seals`).
    """
    column = e.id if connection.dialect.name == "sqlite" else s.event_id
    return connection.scalar(sa.select(sa.func.max(column))) or 0


def _in_pieces(many: Iterable[Some], size: int = 1000) -> Sequence[list[Some]]:
    every = list(many)
    return [every[at : at + size] for at in range(0, len(every), size)]
