"""Every place that holds one person: rows of the log and of the sheets, entries of the hold list,
and files of the workspace (`ledger/record/places.py` lists them). Reading only.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mailer.base.errors import UsageError
from mailer.base.settings.workspace import Workspace
from mailer.base.spelling import exactly
from mailer.contacts.book import ContactBook
from mailer.contacts.contact import Contact
from mailer.contacts.erasing.naming import Naming
from mailer.contacts.holds import Hold
from mailer.contacts.sheets.apart import read
from mailer.contacts.sheets.reader import BOOKS, TEXT
from mailer.ledger import mailouts
from mailer.ledger.ledger import Connection
from mailer.ledger.reading import deliveries
from mailer.ledger.reading.deliveries import Delivery
from mailer.ledger.record import erasure, places
from mailer.ledger.record.places import Place, Way
from mailer.plan.draft import read_contacts

PASSED_OVER = {"__pycache__", "secrets", "node_modules"}
"""Folders that are not looked into, as those that begin with a dot; `.mailer` is."""


BECOMES = {
    Way.CELLS: "their row is emptied",
    Way.SEALED: "name and address go, a salted hash goes on holding them",
    Way.LINES: "their lines go",
    Way.FILE: "deleted",
    Way.ALL: "deleted",
    Way.YOURS: "yours to change, or to delete (--files)",
}


@dataclass(frozen=True, slots=True)
class FileNaming:
    """A file that names somebody, or of which nobody can say it."""

    file: str  # relative to the workspace
    place: Place
    unread: bool = False

    def becomes(self, rows: Collection[str]) -> str:
        """Say what becomes of it; `rows` are the sheets with rows of theirs."""
        if self.place.way is Way.CELLS and self.file not in rows:
            return "names them outside of their row"
        return BECOMES[self.place.way]


@dataclass(frozen=True)
class Footprint:
    """Every place that holds one person."""

    who: str  # as it was typed
    naming: Naming
    deliveries: Sequence[Delivery]
    mentions: Mapping[str, Sequence[int]]  # "table.column" → rows of the log that name them
    book: ContactBook
    rows: Sequence[Contact]
    holds: Sequence[Hold]
    files: Sequence[FileNaming]

    @property
    def yours(self) -> list[FileNaming]:
        """The files that somebody wrote, and that only they can change."""
        return [one for one in self.files if one.place.way is Way.YOURS and not one.unread]

    @property
    def unread(self) -> list[FileNaming]:
        """The files that could not be looked through."""
        return [one for one in self.files if one.unread]

    def __bool__(self) -> bool:
        return bool(self.deliveries or self.mentions or self.rows or self.holds or self.files)


def footprint(workspace: Workspace, connection: Connection, who: str) -> Footprint:
    """Find every place that holds a person, by address or whole name. Raises `UsageError` where
    several people match, or nobody.
    """
    _, book, held = read_contacts(workspace)
    everyone = [
        one
        for mail_out in mailouts.all_of_them(connection)
        for one in deliveries.people(connection, mail_out.id)
    ]
    logged, rows = exactly(everyone, who), exactly(book.contacts, who)
    both: list[Delivery | Contact] = [*logged, *rows]
    people = {_key(one) for one in both if one.name}
    if len(people) > 1:
        names = sorted({f"{one.name} ({one.delegation})" for one in both})
        hint = "each by the whole name" if "@" in who else "the address"
        raise UsageError(f"Several people match {who!r}: {', '.join(names)}.", hint=hint)
    if people:  # the same person under other addresses, and names
        logged = [one for one in everyone if one in logged or _key(one) in people]
        rows = [one for one in book.contacts if one in rows or _key(one) in people]
    entries = exactly(list(held), who)
    naming = Naming.of([*logged, *rows, *entries], who)
    found = Footprint(
        who,
        naming,
        logged,
        erasure.mentions(connection, naming),
        book,
        rows,
        [one for one in held if naming.is_(one)],
        list(naming_files(workspace, naming, {one.file for one in rows})),
    )
    if not found:
        raise UsageError(
            "There is nobody like that in the send log, the sheets, or any file of the workspace.",
            hint="mailer log find TEXT",
        )
    return found


def _key(one: Delivery | Contact) -> str:
    return one.person if isinstance(one, Delivery) else one.person_key


def naming_files(workspace: Workspace, naming: Naming, sheets: set[str]) -> Iterator[FileNaming]:
    """Yield the files of a workspace that name somebody; `sheets` have rows of theirs."""
    for path in files_of(workspace):
        file = path.relative_to(workspace.root).as_posix()
        place = place_of(workspace, file)
        said = True if file in sheets or place.way is Way.ALL else _names(path, naming)
        if said is not False:
            yield FileNaming(file, place, unread=said is None)


def _names(path: Path, naming: Naming) -> bool | None:
    """Tell whether a file names somebody; in a sheet a name may stand in several cells of a row."""
    said = naming.in_file(path)
    if said or path.suffix.lower() not in BOOKS + TEXT:
        return said
    reading, _ = read(path, path.name)
    rows = (cells for table in reading.tables for _, cells in table.rows)
    return any(naming.in_text(" ".join(filter(None, cells))) for cells in rows) or said


def our_files(workspace: Workspace) -> Iterator[Path]:
    """Yield the files of the sheets, and those that the mailer keeps."""
    yield from files_of(workspace, workspace.contacts_dir)
    yield from files_of(workspace, workspace.state_dir)


def files_of(workspace: Workspace, below: Path | None = None) -> Iterator[Path]:
    """Yield the files of a workspace, or of a folder in it, but for those of the send log itself,
    and of other programs.
    """
    log = workspace.ledger_file
    own = {log.with_name(log.name + end) for end in ENDS} if log else set()
    for folder, inner, names in os.walk(below or workspace.root):
        inner[:] = sorted(
            name
            for name in inner
            if name not in PASSED_OVER and (not name.startswith(".") or name == ".mailer")
        )
        for name in sorted(names):
            path = Path(folder, name)
            if path not in own and not path.is_symlink():
                yield path


ENDS = ("", "-wal", "-shm", ".lock", ".reached")


def place_of(workspace: Workspace, file: str) -> Place:
    """Return the place to which a file of a workspace belongs."""
    log = workspace.ledger_file or workspace.state_dir / "ledger.db"
    folders = {
        "contacts": workspace.settings.contacts.folder,
        "log": os.path.relpath(log.parent, workspace.root),
    }
    return next(
        place for place in places.FILES if _pattern(place.where.format(**folders)).fullmatch(file)
    )


def _pattern(where: str) -> re.Pattern[str]:
    words = re.escape(where).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
    return re.compile(words)
