"""A newer list takes over in one step: who left, joined, has a new name, address, delegation or
other value; what was corrected here stays, and so do the staff's own columns and the hold list.

First is written what was said of names that look alike, whom the hold list follows and who is
called otherwise from now on, then the sheet, then what the list said, each in one step: a crash in
between holds too many rather than too few, and the same command goes on from there.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path

from mailer.actions.people import backups
from mailer.actions.sheets import same_people
from mailer.actions.sheets.check import answers, book_with, read_alone, read_from, totals
from mailer.actions.sheets.mend import begin, sheet_named
from mailer.base.errors import MailerError, Refused, UsageError
from mailer.base.settings.workspace import Workspace
from mailer.contacts import hold_list
from mailer.contacts.book import ContactBook
from mailer.contacts.contact import Contact
from mailer.contacts.edit import listed, namesakes, newer, turnover, versions
from mailer.contacts.edit.namesakes import Answers
from mailer.contacts.edit.newer import NewerList
from mailer.contacts.edit.turnover import DelegationTurnover, Matching
from mailer.contacts.holds import Hold, Holds
from mailer.contacts.sheets.apart import read
from mailer.ledger.accounts import noted
from mailer.ledger.ledger import Ledger
from mailer.plan.draft import read_contacts


@dataclass(frozen=True)
class SheetUpdate:
    """What a newer list makes of a sheet; nothing is written by it."""

    workspace: Workspace
    sheet: Path
    source: str  # the name of the list
    book: ContactBook  # the sheet alone
    newer: ContactBook  # the list
    matching: Matching
    decided: NewerList
    answers: Answers
    elsewhere: Sequence[Contact]  # of the list; they stand in another sheet already
    coming: Sequence[Contact]  # of the list: everybody in it, once
    twice: Sequence[Contact]  # of the list; rows of somebody who stands in it already
    nameless: Sequence[Contact]  # of the list; somebody without a name, whom nobody can place
    untouched: Sequence[str]  # delegations of the sheet that the list does not have; they stay
    held: Sequence[tuple[Hold, Contact]]  # whom the hold list follows to a new name or address
    wishes: Sequence[tuple[Contact, str]]  # who wants no letters, as the list says, and its words

    @property
    def file(self) -> str:
        return self.sheet.relative_to(self.workspace.root).as_posix()

    @property
    def gone(self) -> list[Contact]:
        """The rows that are taken out: everybody who left, wherever they stand twice."""
        keys = {(one.person_key, one.address_key) for one in self.matching.left}
        return [
            one
            for one in self.book.contacts
            if one.name and (one.person_key, one.address_key) in keys
        ]

    @cached_property
    def turns(self) -> list[DelegationTurnover]:
        """Who left, joined and changed, by delegation."""
        people, found = turnover.people_of(self.book.contacts), self.matching
        as_decided = [
            (old, self.decided.people[old.sheet or "", old.row]) for old, _ in found.pairs
        ]
        return turnover.turnover(
            replace(found, pairs=as_decided),
            [one for one in people if one.delegation not in self.untouched],
            self.coming,
            self.workspace.delegations,
        )

    @property
    def changes(self) -> bool:
        """Tell whether the sheet would be another one, or the hold list."""
        found = self.matching
        return bool(found.left or found.joined or self.decided.taken or self.wishes)


def update(
    workspace: Workspace,
    name: str,
    source: Path,
    *,
    same: Sequence[str] = (),
    other: Sequence[str] = (),
    called: str = "",
) -> SheetUpdate:
    """Compare a sheet of the workspace with a newer list, wherever it lies. `same` and `other` are
    new names that look like somebody's, and are theirs, or not; `called` is the list's own name.

    Raises `UsageError` for a sheet that there is not, and for an answer about a name that looks
    like nobody's.
    """
    sheet = sheet_named(workspace, name)
    if not sheet.is_file():
        raise UsageError(f"There is no contact sheet {sheet.name}.")
    file = sheet.relative_to(workspace.root).as_posix()
    book = read_alone(workspace, file, sheet)
    if book.broken:
        raise MailerError(f"{file} cannot be used as it is", problems=book.problems)
    list_ = _list(workspace, sheet, book, source)
    _, everybody, held = read_contacts(workspace)
    said = answers(workspace, same, other)
    others = [one for one in everybody.contacts if one.file != file]
    several = Counter(one.person_key for one in turnover.people_of(book.contacts))
    namesakes_ = [key for key, many in several.items() if many > 1]
    coming = turnover.people_of(list_.contacts, namesakes_)
    once = set(map(id, coming))
    found, elsewhere, untouched = _matching(book, coming, others, said)
    known = listed.load(sheet, workspace.state_dir) or listed.ListedPeople()
    decided = newer.merge(book, list_, found, known)
    follow = [
        (entry, person)
        for old, _ in found.pairs
        if (entry := held.match(old))
        and held.match(person := decided.people[old.sheet or "", old.row]) is None
    ]
    return SheetUpdate(
        workspace,
        sheet,
        called or source.name,
        book,
        list_,
        found,
        decided,
        said,
        elsewhere,
        coming,
        [one for one in list_.contacts if one.name and id(one) not in once],
        [one for one in list_.contacts if one.address and not one.name],
        untouched,
        follow,
        _wishes(found, held),
    )


def _wishes(found: Matching, held: Holds) -> list[tuple[Contact, str]]:
    """Return whom the list leaves out for a wish that the sheet does not have: it may have no
    column for it, so they go on the hold list.
    """
    return [
        (new, words)
        for old, new in [*found.pairs, *((None, one) for one in found.joined)]
        if (words := _wish(new)) and not (old and _wish(old)) and held.match(new) is None
    ]


def _wish(contact: Contact) -> str:
    """Return the words for which a row is left out as one of somebody who wants no letters."""
    found = contact.problem
    return found.message if found and found.code in ("C152", "C153", "C154") else ""


def _list(workspace: Workspace, sheet: Path, book: ContactBook, source: Path) -> ContactBook:
    """Read a list; one that says no delegation is of the sheet's, where that has one alone."""
    found = read_from(workspace, source)
    codes = {one.delegation for one in book.contacts if one.name}
    if len(codes) == 1 and source.is_file() and not any(one.delegation for one in found.contacts):
        return read_alone(workspace, f"{sheet.stem}{source.suffix}", source)
    return found


def _matching(
    book: ContactBook, coming: Sequence[Contact], others: Iterable[Contact], said: Answers
) -> tuple[Matching, list[Contact], list[str]]:
    """Return who is who; people of the list who stand in another sheet; delegations that the list
    does not have.
    """
    found = turnover.matching(turnover.people_of(book.contacts), coming, said)
    there = {one.person_key for one in others if one.name}
    elsewhere = [one for one in found.joined if one.person_key in there]
    codes = {one.delegation for one in coming}
    untouched = {one.delegation for one in found.left} - codes | {""}
    found.joined = [one for one in found.joined if one.person_key not in there]
    found.left = [one for one in found.left if one.delegation not in untouched]
    return found, elsewhere, sorted(untouched - {""})


def result(done: SheetUpdate) -> bytes:
    """Return the sheet as the list makes it, proven person by person. Raises `Refused` where
    something is still to be answered, or cannot be written.
    """
    if done.matching.asked:
        names = ", ".join(new.name for _, new, _ in done.matching.asked)
        raise Refused(
            f"It is not known yet who these are: {names}. Nothing was written.",
            hint="--same NAME for the person it looks like, --other NAME for another one",
        )
    if moved := [one for one in done.decided.without_column if one.field == "delegation"]:
        raise Refused(
            f"{moved[0].person.name} moved to another delegation, and {done.sheet.name} has no"
            " column for it. Nothing was written.",
            hint="move the row in the sheet, and try again",
        )
    workspace = done.workspace
    reading, content = read(done.sheet, done.file, workspace.settings.contacts.max_rows)
    new = newer.written(
        content,
        reading,
        done.book,
        done.newer,
        done.decided,
        done.gone,
        done.matching.joined,
        workspace.delegations,
    )
    with tempfile.TemporaryDirectory() as folder:
        (path := Path(folder) / done.sheet.name).write_bytes(new)
        made = read_alone(workspace, done.file, path)
    newer.prove_people(made, done.book, done.decided, done.gone)
    return new


def book_then(done: SheetUpdate) -> ContactBook:
    """Return the whole book as it would be. Raises `Refused` as `result` does."""
    with tempfile.TemporaryDirectory() as folder:
        (path := Path(folder) / done.sheet.name).write_bytes(result(done))
        return book_with(done.workspace, done.file, path)


def take_over(done: SheetUpdate, ledger: Ledger | None, *, who: str, day: date) -> Path | None:
    """Write what the list makes of the sheet, and return the backup; None where nothing is new."""
    new = result(done)
    workspace, sheet = done.workspace, done.sheet
    state = workspace.make_state_dir()
    memory = workspace.contacts_dir / namesakes.FILE
    namesakes.remember(memory, done.answers.used, who, day.isoformat())
    for entry, person in done.held:
        moved = replace(
            entry,
            address=person.address,
            name=person.name,
            delegation=person.delegation,
            seal="",
        )
        hold_list.hold(workspace.hold_list, backups(workspace), moved, workspace.delegations)
    for person, words in done.wishes:
        because = f"{done.source}: {words}"
        entry = Hold(
            person.address, person.name, person.delegation, because, day.isoformat(), who, "", 0
        )
        hold_list.hold(workspace.hold_list, backups(workspace), entry, workspace.delegations)
    pairs = done.matching.pairs
    now = [(old, done.decided.people[old.sheet or "", old.row]) for old, _ in pairs]
    same_people.carry(ledger, now, who=who)
    backup = versions.save(sheet, new, state) if new != sheet.read_bytes() else None
    if backup:
        begin(workspace, done.file, backup)
    known = listed.load(sheet, state) or listed.ListedPeople()
    people = [one for one in done.newer.contacts if one.name]
    said = listed.learn(known, done.newer, people, done.source, day)
    stay = [one for one in known.listed if one.person.partition(":")[0] in done.untouched]
    listed.note(sheet, state, [*said, *stay])
    if done.changes:
        many = totals(done.turns)
        what = f"{many['left']} left, {many['joined']} joined, {many['changed']} changed"
        noted(ledger, "newer_list_taken_over", who=who, detail=f"{done.file}: {what}")
    return backup
