"""Changes cells of contact sheets: repairs, a corrected copy that comes home, one cell by hand; and
takes any change back.

Each change keeps the sheet as it was, and what the sheet said before the first one is noted, so
that a newer list does not bring back what was corrected.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mailer.actions.sheets.check import chosen, read_alone
from mailer.base.errors import Refused, UsageError
from mailer.base.settings.workspace import Workspace
from mailer.contacts.book import ContactBook
from mailer.contacts.edit import fix as fixing
from mailer.contacts.edit import listed, take_home, versions, write
from mailer.contacts.edit.fix import Repair
from mailer.contacts.edit.take_home import SheetChange, WayHome
from mailer.contacts.edit.versions import SheetVersion
from mailer.plan.draft import read_contacts


def repairs(
    workspace: Workspace, names: Sequence[str] = (), codes: Iterable[str] = ()
) -> list[Repair]:
    """Return the repairs of some sheets, all of them if none is named; `codes` adds those that are
    a guess.
    """
    _, book, _ = read_contacts(workspace)
    return fixing.repairs(book, chosen(workspace, book, names), [one.upper() for one in codes])


def repair(workspace: Workspace, found: Sequence[Repair]) -> dict[str, Path]:
    """Write repairs, and return file → backup of what it was."""
    backups = fixing.apply(workspace.root, found)
    for file, backup in backups.items():
        begin(workspace, file, backup)
    return backups


def compare_copy(workspace: Workspace, copy: Path) -> WayHome:
    """Return what a corrected copy makes of its sheet; nothing is written."""
    return take_home.compare(workspace.root, copy)


def accept(workspace: Workspace, copy: Path) -> tuple[str, tuple[SheetChange, ...], Path | None]:
    """Take a corrected copy back: return the sheet, what changed, and the backup of what it was."""
    file, changes, backup = take_home.accept(workspace.root, copy)
    if backup is not None:
        begin(workspace, file, backup)
    return file, changes, backup


def set_cell(
    workspace: Workspace, book: ContactBook, file: str, tab: str, cell: str, before: str, after: str
) -> Path:
    """Change one cell, where it still says what the person saw; return the backup.

    Raises `Refused` where it does not, or is the result of a formula.
    """
    table = next(
        (one for one in book.tables if one.file == file and (one.sheet or "") == tab), None
    )
    now = book.cells[file].get(tab, {}).get(cell, "") if table else None
    if table is None or now != before:
        raise Refused(f"{cell} has changed in the meantime; nothing was written.")
    if cell in table.formulas or cell in table.merged:
        raise Refused(f"{cell} is the result of a formula, or merged with the cell above.")
    sheet = workspace.root / file
    content = write.with_cells(sheet, {(tab, cell): after})
    backup = versions.save(sheet, content, workspace.state_dir)
    begin(workspace, file, backup)
    return backup


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


def undo(workspace: Workspace, name: str, number: int | None = None) -> TakenBack:
    """Take the last change of a sheet back, or bring back an earlier version, byte for byte."""
    sheet = sheet_named(workspace, name)
    version, backup = versions.take_back(sheet, workspace.state_dir, number)
    return TakenBack(sheet.relative_to(workspace.root).as_posix(), version, backup)
