"""Changes cells of contact sheets: repairs, a corrected copy that comes home, one cell by hand; and
takes any change back.

Each change keeps the sheet as it was, and what the sheet said before the first one is noted, so
that a newer list does not bring back what was corrected.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mailer.actions.sheets import same_people
from mailer.actions.sheets.cells import row_of, seal_of
from mailer.actions.sheets.check import chosen, read_alone
from mailer.base.errors import Refused, UsageError
from mailer.base.settings.workspace import Workspace
from mailer.contacts.book import ContactBook
from mailer.contacts.edit import fix as fixing
from mailer.contacts.edit import listed, take_home, versions, write
from mailer.contacts.edit.fix import Repair
from mailer.contacts.edit.take_home import SheetChange, WayHome
from mailer.contacts.edit.versions import SheetVersion
from mailer.ledger.accounts import noted
from mailer.ledger.ledger import Ledger
from mailer.plan.draft import read_contacts


def repairs(
    workspace: Workspace, names: Sequence[str] = (), codes: Iterable[str] = ()
) -> list[Repair]:
    """Return the repairs of some sheets, all of them if none is named; `codes` adds those that are
    a guess.
    """
    _, book, _ = read_contacts(workspace)
    return fixing.repairs(book, chosen(workspace, book, names), [one.upper() for one in codes])


def repair(
    workspace: Workspace, ledger: Ledger | None, found: Sequence[Repair], *, who: str
) -> dict[str, Path]:
    """Write repairs, and return file → backup of what it was."""
    backups = fixing.apply(workspace.root, found)
    for file, backup in backups.items():
        begin(workspace, file, backup)
        cells = [f"{one.sheet or ''} {one.cell}".strip() for one in found if one.file == file]
        noted(ledger, "cells_mended", who=who, detail=f"{file} {', '.join(cells)}")
        same_people.follow(workspace, ledger, file, backup, who=who)
    return backups


def compare_copy(workspace: Workspace, copy: Path) -> WayHome:
    """Return what a corrected copy makes of its sheet; nothing is written."""
    return take_home.compare(workspace.root, copy)


def accept(
    workspace: Workspace, ledger: Ledger | None, copy: Path, *, who: str
) -> tuple[str, tuple[SheetChange, ...], Path | None]:
    """Take a corrected copy back: return the sheet, what changed, and the backup of what it was."""
    file, changes, backup = take_home.accept(workspace.root, copy)
    if backup is not None:
        begin(workspace, file, backup)
        cells = ", ".join(f"{one.sheet or ''} {one.cell}".strip() for one in changes)
        noted(ledger, "marked_copy_taken_back", who=who, detail=f"{file} {cells}")
        same_people.follow(workspace, ledger, file, backup, who=who)
    return file, changes, backup


def set_cells(
    workspace: Workspace,
    ledger: Ledger | None,
    book: ContactBook,
    file: str,
    tab: str,
    row: int,
    seal: str,
    wanted: Mapping[str, str],
    *,
    who: str,
) -> list[str]:
    """Change cells of one row, place → text, where the row is the one that the person saw, by its
    seal; return the places. A backup is kept.

    Raises `Refused` where it says something else by now, or a cell cannot be written by itself.
    """
    _, found = row_of(book, file, tab, row)
    if seal_of(found) != seal:
        raise Refused("This row has changed in the meantime; nothing was written.")
    there = {cell.place: cell for cell in found}
    if any(place not in there or there[place].fixed for place in wanted):
        raise Refused("This cell cannot be written here; correct it in the sheet itself.")
    changes = {(tab, place): text for place, text in wanted.items() if text != there[place].text}
    if changes:
        sheet = workspace.root / file
        content = write.with_cells(sheet, changes)
        backup = versions.save(sheet, content, workspace.state_dir)
        begin(workspace, file, backup)
        places = ", ".join(place for _, place in changes)
        what = f"{file} {tab} {places}".replace("  ", " ")
        noted(ledger, "cells_mended", who=who, detail=what)
        if not same_people.NAMING.isdisjoint(there[place].field for _, place in changes):
            same_people.follow(workspace, ledger, file, backup, who=who)
    return [place for _, place in changes]


def begin(workspace: Workspace, file: str, was: Path) -> None:
    """Note what a sheet said before it was changed here for the first time, unless a list is known
    from which it was made.
    """
    sheet = workspace.root / file
    if listed.load(sheet, workspace.state_dir) is None and was.stat().st_size:
        book = read_alone(workspace, file, was)
        day = datetime.fromtimestamp(was.stat().st_mtime, UTC).date()
        people = listed.learn(listed.ListedPeople(), book, book.contacts, sheet.name, day)
        listed.note(sheet, workspace.state_dir, people)


# ------------------------------------------------------------------------------------- taking back


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A sheet as it was, and what it replaced."""

    file: str
    version: SheetVersion
    backup: Path


def sheet_named(workspace: Workspace, name: str) -> Path:
    """Return the place of a sheet, whether it is there or was."""
    path = workspace.contacts_dir / Path(name).name
    if Path(name).name.startswith(("_", ".")):
        raise UsageError(f"{name} is no contact sheet.")
    return path


def kept_versions(workspace: Workspace, name: str) -> list[SheetVersion]:
    """Return the earlier versions of a sheet, the newest first."""
    return versions.versions(sheet_named(workspace, name), workspace.state_dir)


def undo(
    workspace: Workspace, ledger: Ledger | None, name: str, number: int | None = None, *, who: str
) -> TakenBack:
    """Take the last change of a sheet back, or bring back an earlier version, byte for byte."""
    sheet = sheet_named(workspace, name)
    version, backup = versions.take_back(sheet, workspace.state_dir, number)
    file = sheet.relative_to(workspace.root).as_posix()
    noted(ledger, "sheet_taken_back", who=who, detail=f"{file}, version {version.number}")
    same_people.follow(workspace, ledger, file, backup, who=who)
    return TakenBack(file, version, backup)
