"""Where a member stands on an appeal: noting it, reading it, and the day on which it is erased.

Positions are political opinions. Nobody notes or reads any before the workspace says until when
they are kept; each reading is recorded in the journal before it is answered, without a name; and
the first look after that day erases them all, in one transaction.
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

from mailer.base.delegations import Delegations
from mailer.base.errors import Refused, UsageError
from mailer.base.settings.workspace import FILE, Workspace
from mailer.base.spelling import called, fold, nearest
from mailer.base.states import HEARD, POSITIONS, Heard, Position
from mailer.contacts.contact import Contact
from mailer.ledger import accounts
from mailer.ledger.ledger import Busy, Connection, Ledger
from mailer.ledger.reading import positions
from mailer.ledger.reading.positions import MemberPosition, key
from mailer.ledger.record import noting
from mailer.ledger.record.rewrite import rewrite
from mailer.letters.appeal import Appeal
from mailer.report.board import NOT_KNOWN, Board, Members, Stand, counted, summed
from mailer.report.export import Beside

Word = TypeVar("Word", Position, Heard)

LONGEST = 2_000
"""Characters of a note."""

NEXT_STEPS = 50

ONE_READING = timedelta(minutes=10)
"""Who turns the pages of one board reads it once."""


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody heard of a member, and what is to be done next."""

    position: Position | None = None
    source: Heard | None = None
    note: str = ""
    next_step: str = ""
    due: date | None = None
    owner: str = ""


def position_of(word: str) -> Position | None:
    """Return the position that a word names; None for an empty one: not known yet."""
    found = _named(word, POSITIONS)
    if word.strip() and found is None:
        raise UsageError(f'"{word.strip()}" is no position.', hint=_one_of(word, POSITIONS))
    return found


def source_of(word: str) -> Heard | None:
    """Return the source that a word names."""
    found = _named(word, HEARD)
    if word.strip() and found is None:
        text = f'"{word.strip()}" is no source of a position.'
        raise UsageError(text, hint=_one_of(word, HEARD))
    return found


def _named(word: str, words: Mapping[Word, str]) -> Word | None:
    meant = fold(word)
    found = (one for one, said in words.items() if meant in (fold(one), fold(said)))
    return next(found, None)


def _one_of(word: str, words: Mapping[Word, str]) -> str:
    close = nearest(word, [one.value for one in words])
    return f"did you mean {close}?" if close else f"one of {', '.join(words)}"


def member(members: Members, who: str) -> Contact:
    """Return the one member who is meant by an address, a name, or a part of one."""
    everyone = list(members.by_key.values())
    found = called(everyone, who)
    if not found:
        close = nearest(who, [one.name for one in everyone], parts=True)
        raise UsageError(
            f'No member in the sheets is called "{who}".',
            hint=f'did you mean "{close}"?' if close else "mailer contacts show lists everybody",
        )
    if len(found) > 1:
        names = ", ".join(f"{one.name} ({one.delegation})" for one in found[:6])
        raise UsageError(f'"{who}" can be several people.', hint=f"say which one: {names}")
    return found[0]


def note(
    workspace: Workspace,
    ledger: Ledger,
    appeal: str,
    one: Contact,
    told: Told,
    *,
    who: str,
    token: str = "",
) -> bool:
    """Note where a member stands. What stays unsaid of the position is as it was before. False: the
    same form came once more, and is on record.
    """
    _kept(workspace, ledger)
    if told == Told():
        raise UsageError("Say where they stand, or what is to be done next.")
    if told.position and not told.source:
        raise UsageError("Say how the position became known.", hint=f"one of {', '.join(Heard)}")
    longest = max(map(len, (told.note, told.next_step, told.owner)))
    if longest > LONGEST:
        raise UsageError(f"This is too long: {longest:,} characters, {LONGEST:,} are kept.")
    with ledger.writing() as connection:
        before = positions.of_person(connection, appeal, key(one))[:1]
        position, source = told.position, told.source
        if position is None and before:
            position, source = before[0].position, source or before[0].source
        return noting.note(
            connection,
            appeal,
            one,
            position=position,
            source=source,
            note=told.note,
            next_step=told.next_step,
            due=told.due,
            owner=told.owner or (who if told.next_step else ""),
            token=token,
            at=ledger.now(),
            who=who,
        )


def clear(ledger: Ledger, appeal: str, one: Contact, *, who: str) -> int:
    """Take away all that was noted about a member in an appeal. Returns how many notes."""
    with ledger.writing() as connection:
        gone = noting.forget(connection, key(one), appeal=appeal)
        if gone:
            _journal(connection, ledger, "positions_cleared", who, f"{appeal} {one.delegation}")
    return gone


def of_members(
    workspace: Workspace,
    ledger: Ledger,
    appeal: Appeal,
    members: Members,
    *,
    kept: KeptBoard | None = None,
    who: str,
) -> Board:
    """Count where the members stand. `kept`: of this appeal, for those who ask often."""
    _about_to_read(workspace, ledger, appeal.name, who)
    with ledger.reading() as connection:
        return (kept or KeptBoard()).now(connection, appeal.name, members, workspace.delegations)


def count_ahead(
    workspace: Workspace, ledger: Ledger, appeal: Appeal, members: Members, kept: KeptBoard
) -> None:
    """Count for whoever asks first. Nobody is told anything by it, so it is no reading."""
    expire(workspace, ledger)
    with ledger.reading() as connection:
        kept.now(connection, appeal.name, members, workspace.delegations)


class KeptBoard:
    """The board of an appeal, kept in memory for as long as it is true."""

    def __init__(self) -> None:
        self._busy = threading.Lock()
        self._known = positions.KnownPositions()
        self._of: tuple[Members, Delegations] | None = None
        self._counted: Counter[tuple[tuple[str, ...], Stand]] = Counter()
        self._board: Board | None = None

    def now(
        self, connection: Connection, appeal: str, members: Members, delegations: Delegations
    ) -> Board:
        with self._busy:
            changed = self._known.update(connection, appeal)
            known, of = self._known.by_key, (members, delegations)
            if self._board is not None and self._of == of and changed == {}:
                return self._board
            if changed is None or self._of != of:
                self._counted = counted(members, known)
            else:
                for person, before in changed.items():
                    if what := members.alike.get(person):
                        self._counted[what, before or NOT_KNOWN] -= 1
                        self._counted[what, known.get(person, NOT_KNOWN)] += 1
            self._of = of
            self._board = summed(members, self._counted, len(known), delegations)
            return self._board


def stands(workspace: Workspace, ledger: Ledger, appeal: str, *, who: str) -> dict[str, Position]:
    """Return who has a position on an appeal, by the key of their position."""
    _about_to_read(workspace, ledger, appeal, who)
    with ledger.reading() as connection:
        return positions.by_key(connection, appeal)


def who_stands(
    workspace: Workspace,
    ledger: Ledger,
    appeal: str,
    position: Position,
    limit: int,
    offset: int = 0,
    *,
    who: str,
) -> list[str]:
    """List the keys of those who have one position, so many of them."""
    _about_to_read(workspace, ledger, appeal, who)
    with ledger.reading() as connection:
        return positions.with_position(connection, appeal, position, limit, offset)


def of_people(
    workspace: Workspace, ledger: Ledger, appeal: str, people: Sequence[Contact], *, who: str
) -> dict[str, MemberPosition]:
    """Return the newest note about each of these people, by the key of their position."""
    where = {one.delegation for one in people}
    detail = f"{appeal} {where.pop()}" if len(where) == 1 else appeal
    _about_to_read(workspace, ledger, detail, who)
    with ledger.reading() as connection:
        return positions.newest(connection, appeal, [key(one) for one in people])


def of_person(
    workspace: Workspace, ledger: Ledger, appeal: str, one: Contact, *, who: str
) -> list[MemberPosition]:
    """Return all that was noted about a member, the newest first."""
    _about_to_read(workspace, ledger, f"{appeal} {one.delegation}", who)
    with ledger.reading() as connection:
        return positions.of_person(connection, appeal, key(one))


def as_column(workspace: Workspace, ledger: Ledger, appeal: str, *, who: str) -> Beside:
    """Return where people stand as one more column of a file, in words."""
    found = stands(workspace, ledger, appeal, who=who)
    return {"Position": lambda one: POSITIONS[found[one.person]] if one.person in found else ""}


def noted(workspace: Workspace, ledger: Ledger, appeals: Iterable[str]) -> frozenset[str]:
    """Return the people of whom it is noted where they stand on one of these appeals, by the key
    of their position. It tells nobody's position, and is no reading of any.
    """
    expire(workspace, ledger)
    with ledger.reading() as connection:
        found = [positions.by_key(connection, appeal) for appeal in appeals]
    return frozenset(person for one in found for person in one)


def to_do(workspace: Workspace, ledger: Ledger, appeal: str, *, who: str) -> list[MemberPosition]:
    """List the next steps, the earliest day first."""
    _about_to_read(workspace, ledger, appeal, who)
    with ledger.reading() as connection:
        return positions.next_steps(connection, appeal, NEXT_STEPS)


def expire(workspace: Workspace, ledger: Ledger) -> int:
    """Erase every position once the day is over until which they are kept. Returns how many notes
    went.
    """
    until = workspace.settings.positions.keep_until
    if until is None or ledger.now().date() <= until:
        return 0
    with ledger.reading() as connection:
        if not positions.there_are_any(connection):
            return 0
    with ledger.writing() as connection:
        gone = noting.forget_all(connection)
        _journal(connection, ledger, "positions_erased", "mailer", f"kept until {until}")
    with contextlib.suppress(Busy):  # whoever reads it now: the next erasing takes the rest along
        rewrite(ledger)
    return gone


def _kept(workspace: Workspace, ledger: Ledger) -> None:
    """Refuse where nobody has said until when positions are kept, or that day is over."""
    until = workspace.settings.positions.keep_until
    expire(workspace, ledger)
    if until is None:
        raise Refused(
            "Positions are political opinions: first say until when they are kept. Nothing was"
            " noted or read.",
            hint=f"in {FILE}: [positions], below it keep_until = and a day after the vote",
            code="S317",
        )
    if ledger.now().date() > until:
        raise Refused(
            f"Positions were kept until {until}, and are erased. Nothing was noted or read.",
            hint=f"keep_until under [positions] in {FILE}",
            code="S317",
        )


def _about_to_read(workspace: Workspace, ledger: Ledger, detail: str, who: str) -> None:
    _kept(workspace, ledger)
    since = ledger.now() - ONE_READING
    with ledger.reading() as connection:
        last = accounts.deeds(connection, 50, kind="positions_read", begins=detail)
    if not any(one.who == who and one.detail == detail and one.at > since for one in last):
        with ledger.writing() as connection:
            _journal(connection, ledger, "positions_read", who, detail)


def _journal(connection: Connection, ledger: Ledger, kind: str, who: str, detail: str) -> None:
    accounts.note(connection, kind, at=ledger.now(), who=who, detail=detail)
