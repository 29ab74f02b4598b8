"""Looks through contact sheets, those of the workspace and those that lie elsewhere, and compares
them.

Nothing is written but marked copies, whose names no reading takes for a contact sheet.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from mailer.base.errors import MailerError, Problem, Refused, Severity, UsageError
from mailer.base.settings.workspace import Workspace
from mailer.contacts import hold_list
from mailer.contacts.book import ContactBook, read_book
from mailer.contacts.contact import Contact
from mailer.contacts.edit import listed, marked_copy, namesakes, turnover
from mailer.contacts.edit.fix import SAFE, Repair, meant, repairs
from mailer.contacts.edit.namesakes import Answers
from mailer.contacts.edit.turnover import DelegationTurnover
from mailer.contacts.sheets import encodings
from mailer.contacts.sheets.columns import FIELDS
from mailer.contacts.sheets.reader import sheets
from mailer.plan.draft import read_contacts


@dataclass(frozen=True)
class SheetsCheck:
    """What is to be said about some sheets."""

    book: ContactBook
    files: Sequence[str]  # those that were asked for
    problems: Sequence[Problem]
    absent: Sequence[str] = ()  # member delegations of which nobody is in the sheets, by code
    elsewhere: bool = False  # these sheets lie outside of the workspace

    @cached_property
    def contacts(self) -> list[Contact]:
        """All rows of these sheets."""
        return [contact for contact in self.book.contacts if contact.file in self.files]

    @property
    def people(self) -> int:
        return people_in(self.contacts)

    @property
    def usable(self) -> int:
        return sum(contact.skip is None for contact in self.contacts)

    @property
    def repairs(self) -> list[Repair]:
        """What can be repaired without a guess."""
        return repairs(self.book, {problem.file for problem in self.problems}) if self.files else []

    @property
    def asked(self) -> list[str]:
        """The codes of problems that ask "did you mean"."""
        codes = {p.code for p in self.problems if p.cell and meant(p)}
        return sorted(codes - set(SAFE))

    @property
    def columns(self) -> dict[str, list[tuple[str, str | None]]]:
        """What the columns were taken for, in words → the tables that say so: file and tab."""
        said: dict[str, list[tuple[str, str | None]]] = {}
        for (file, tab), columns in self.book.columns.items():
            if file in self.files:
                said.setdefault(columns.as_said(), []).append((file, tab))
        return said


def people_in(contacts: Sequence[Contact]) -> int:
    """Count people and not rows: headings, sums and vacant seats are none, and one who stands there
    twice is one.
    """
    usable = [contact for contact in contacts if contact.skip is None]
    keys = {contact.person_key for contact in usable}
    others = {
        contact.person_key or f"{contact.file} {contact.sheet} {contact.row}"
        for contact in contacts
        if contact.problem and contact.problem.severity is not Severity.NOTE
    }
    return len(usable) + len(others - keys)


def check(workspace: Workspace, names: Sequence[str] = (), *, online: bool = False) -> SheetsCheck:
    """Check the sheets of a workspace, or those that are named; a sheet that lies elsewhere is
    checked by itself.
    """
    _, book, holds = read_contacts(workspace)
    files = _chosen(workspace, book, names)
    outside = {file: path for file, path in files.items() if file not in book.files}
    if outside:
        if len(outside) != len(files):
            raise UsageError(
                "Sheets of the workspace and others cannot be checked in one go.",
                hint="check them one after the other",
            )
        book = _read(workspace, outside)
    found = [*book.problems, *hold_list.doubts(holds, book)]
    if online:
        from mailer.actions.doctor import domains

        found += domains.of_the_sheets(book, domains.name_servers())
    book = replace(book, problems=tuple(found))
    present = {contact.delegation for contact in book.contacts}
    members = [one.code for one in workspace.delegations.members]
    absent = [c for c in members if c not in present] if present - {""} and not outside else []
    problems = [p for p in found if not names or p.file in files]
    return SheetsCheck(book, list(files), problems, absent, bool(outside))


def marked(workspace: Workspace, done: SheetsCheck) -> list[Path]:
    """Write a marked copy of each checked sheet that can be read, and return their paths. Raises
    `Refused` for the first that cannot be copied, when those of the others are written.
    """
    if done.elsewhere:
        raise _no_sheet(done.files[0])
    made: list[Path] = []
    refused: list[Refused] = []
    for file in done.files:
        if file not in done.book.broken:
            try:
                made.append(marked_copy.mark(workspace.root, file, done.book))
            except Refused as fault:
                refused.append(fault)
    if refused:
        raise refused[0]
    return made


def _no_sheet(file: str) -> UsageError:
    return UsageError(
        f"{file} is no contact sheet of this workspace yet.",
        hint=f"mailer contacts import {shlex.quote(file)}",
    )


def chosen(workspace: Workspace, book: ContactBook, names: Sequence[str]) -> list[str]:
    """Return the sheets of the workspace that are meant by `uk.xlsx`, `contacts/uk.xlsx` or a path;
    all of them if none is named.
    """
    files = _chosen(workspace, book, names)
    if elsewhere := [file for file in files if file not in book.files]:
        raise _no_sheet(elsewhere[0])
    return list(files)


def _chosen(workspace: Workspace, book: ContactBook, names: Sequence[str]) -> dict[str, Path]:
    """Return the sheets that are meant, by the name that people read."""
    own = {file: workspace.root / file for file in book.files}
    if not names:
        return own
    found: dict[str, Path] = {}
    for name in names:
        path = Path(name)
        mine = next(
            (
                file
                for file, place in own.items()
                if name in (file, place.name) or path.absolute() == place.absolute()
            ),
            None,
        )
        if mine is None and not path.is_file():
            known = ", ".join(place.name for place in own.values())
            raise UsageError(f"There is no contact sheet {name}.", hint=f"there are: {known}")
        found[mine or str(path.absolute())] = own[mine] if mine else path
    return found


def _read(workspace: Workspace, files: Mapping[str, Path]) -> ContactBook:
    contacts = workspace.settings.contacts
    return read_book(files, contacts.columns, workspace.delegations, max_rows=contacts.max_rows)


def book_with(workspace: Workspace, file: str, path: Path) -> ContactBook:
    """Return the whole book as it would be with one more sheet, or another in the place of one."""
    present = sheets(workspace.contacts_dir)
    files = {place.relative_to(workspace.root).as_posix(): place for place in present}
    return _read(workspace, dict(sorted({**files, file: path}.items())))


def read_alone(workspace: Workspace, file: str, path: Path) -> ContactBook:
    """Read one sheet as a book of its own, under the name that people read."""
    return _read(workspace, {file: path})


def read_from(workspace: Workspace, path: Path) -> ContactBook:
    """Read a sheet, or a folder of them, wherever it lies. Raises `MailerError` for a broken one:
    nobody may be missed unseen.
    """
    files = sheets(path) if path.is_dir() else [path]
    book = _read(workspace, {str(one.absolute()): one for one in files})
    if book.broken:
        raise MailerError(
            f"{path} cannot be used as it is",
            problems=[p for p in book.problems if p.file in book.broken],
        )
    return book


def diff(
    workspace: Workspace, old: Path, new: Path, same: Sequence[str] = ()
) -> list[DelegationTurnover]:
    """Compare the people of two sheets or folders, wherever they lie."""
    before, after = (read_from(workspace, path).contacts for path in (old, new))
    return turnover.compare(before, after, workspace.delegations, answers(workspace, same))


def answers(workspace: Workspace, same: Sequence[str] = (), other: Sequence[str] = ()) -> Answers:
    """Return what is said now of names that look alike, and what was said before."""
    return Answers(same, other, namesakes.load(workspace.contacts_dir / namesakes.FILE))


def totals(turnovers: Iterable[DelegationTurnover]) -> dict[str, int]:
    """Count people: left, joined, changed, and those to decide."""
    found = list(turnovers)
    return {
        "left": sum(len(d.left) for d in found),
        "joined": sum(len(d.joined) for d in found),
        "changed": sum(len(d.changed) for d in found),
        "to decide": sum(len(d.same) for d in found),
    }


# ------------------------------------------------------------------------------------- one of them


@dataclass(frozen=True, slots=True)
class SheetHealth:
    """How one sheet is."""

    name: str
    rows: int
    people: int
    usable: int
    errors: int
    warnings: int
    delegations: tuple[str, ...]


def health(book: ContactBook, file: str) -> SheetHealth:
    """Return how one sheet is."""
    rows = [contact for contact in book.contacts if contact.file == file]
    kinds = Counter(problem.severity for problem in book.problems if problem.file == file)
    return SheetHealth(
        Path(file).name,
        len(rows),
        people_in(rows),
        sum(contact.skip is None for contact in rows),
        kinds[Severity.ERROR],
        kinds[Severity.WARNING],
        tuple(dict.fromkeys(contact.delegation for contact in rows if contact.delegation)),
    )


def about(contact: Contact) -> list[tuple[str, str, str]]:
    """Return what a row says of a person: field or heading, value, and the cell of a field."""
    fields = [
        (name, getattr(contact, name), contact.cells.get(name, ""))
        for name in FIELDS
        if getattr(contact, name, "")
    ]
    return [*fields, *((heading, value, "") for heading, value in contact.extra.items())]


def source_of(workspace: Workspace, contact: Contact) -> tuple[str, str]:
    """Return the list that a person's address is from, and the day on which it came; empty where
    nobody noted it, or it was changed since.
    """
    known = listed.load(workspace.root / contact.file, workspace.state_dir)
    found = known.of_address(contact) if known and contact.address else None
    return (found.source, found.since) if found else ("", "")


def lines_of(path: Path) -> list[str]:
    """Return the lines of a text, in the letters in which the sheets are read; none of a file that
    is not there.
    """
    try:
        content = path.read_bytes()
    except OSError:
        return []
    text, _ = encodings.decode(path.name, content)
    return (text or content.decode("utf-8", "replace")).splitlines()
