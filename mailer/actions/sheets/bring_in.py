"""Brings in sheets and lists from elsewhere.

What was dropped lies in `.mailer/dropped/`, for a day at most, until somebody takes it over or
throws it away; only then does anything change among the contact sheets, in one step and after a
backup.
"""

from __future__ import annotations

import re
import secrets
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from mailer.actions.sheets import same_people
from mailer.actions.sheets.check import book_with, people_in, read_alone, read_from
from mailer.base.errors import MailerError, UsageError
from mailer.base.settings.workspace import Workspace
from mailer.contacts.book import ContactBook
from mailer.contacts.edit import importing, listed, marked_copy, versions
from mailer.contacts.sheets.reader import BOOKS, TEXT, sheets
from mailer.ledger.accounts import noted
from mailer.ledger.ledger import Ledger

KINDS = TEXT + BOOKS
DAY = 86_400  # seconds that a dropped sheet is kept
_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class BroughtIn:
    """A new sheet, and what its source said."""

    file: str
    source: str  # what kind of list it was
    people: int
    left_over: Sequence[str]  # what was not read as one person
    lacks: str  # what such a list never says; empty for a contact sheet


def bring_in(
    workspace: Workspace,
    ledger: Ledger | None,
    source: Path,
    into: str | None,
    *,
    who: str,
    day: date,
) -> BroughtIn:
    """Make a new contact sheet of a list from elsewhere, or of a sheet as it is, byte for byte."""
    content, suffix = source.read_bytes(), source.suffix.lower()
    done = BroughtIn("", "contact sheet", 0, (), "")
    try:
        found = importing.read(source.name, content, workspace.delegations)
    except MailerError as fault:
        found, none = None, fault
    try:
        if found and found.source != importing.PASTED:
            raise MailerError("a list of another program")
        done = replace(done, people=people_in(read_from(workspace, source).contacts))
    except MailerError as fault:
        if found is None:
            raise (fault if suffix in KINDS else none) from fault
        done = BroughtIn("", found.source, len(found.people), found.left_over, found.lacks)
        content, suffix = found.as_csv().encode(), ".csv"
    path = workspace.contacts_dir / f"{Path(into or source.name).stem}{suffix}"
    if path.exists():
        raise UsageError(
            f"{path.name} is already there; nothing was written.",
            hint="choose another name: --into NAME",
        )
    put(workspace, path, content, source.name, day)
    file = path.relative_to(workspace.root).as_posix()
    noted(ledger, "sheet_taken_over", who=who, detail=f"{file}, {done.people} people")
    return replace(done, file=file)


def put(workspace: Workspace, sheet: Path, content: bytes, source: str, day: date) -> Path:
    """Put a sheet in its place, and note where each address is from; return the backup."""
    state = workspace.make_state_dir()
    known = listed.load(sheet, state) or listed.ListedPeople()
    backup = versions.save(sheet, content, state)
    book = read_alone(workspace, sheet.relative_to(workspace.root).as_posix(), sheet)
    listed.note(sheet, state, listed.learn(known, book, book.contacts, source, day))
    return backup


# --------------------------------------------------------------------------------- a dropped sheet


def drop(workspace: Workspace, name: str, content: bytes) -> str:
    """Keep a dropped sheet aside, and return its key."""
    clean = re.sub(r"[^\w .()-]", "_", Path(name.replace("\\", "/")).name).lstrip("._~ $")
    if Path(clean).suffix.lower() not in KINDS:
        raise UsageError(
            "This file is no contact sheet.", hint="XLSX, ODS or CSV; nothing was kept."
        )
    drops = workspace.make_state_dir() / "dropped"
    drops.mkdir(mode=0o700, exist_ok=True)
    for old in drops.iterdir():
        if time.time() - old.stat().st_mtime > DAY:
            shutil.rmtree(old, ignore_errors=True)
    key = secrets.token_hex(8)
    folder = drops / key / "contacts"
    folder.mkdir(mode=0o700, parents=True)
    (folder / clean).write_bytes(content)
    return key


def dropped(workspace: Workspace, key: str) -> Path:
    """Return a dropped sheet. Raises `UsageError` when it is kept no longer."""
    folder = workspace.state_dir / "dropped" / key / "contacts"
    if not _ID.fullmatch(key) or not folder.is_dir():
        raise UsageError("This sheet is no longer kept; drop it again.")
    (path,) = sheets(folder)
    return path


def book_of_dropped(workspace: Workspace, path: Path) -> tuple[ContactBook, str]:
    """Return the whole book as it would be with a dropped sheet, and the name of that sheet in
    it.
    """
    file = (workspace.contacts_dir / path.name).relative_to(workspace.root).as_posix()
    return book_with(workspace, file, path), file


def marked(workspace: Workspace, path: Path) -> Path:
    """Write the marked copy of a dropped sheet beside it, and return its path."""
    book = read_alone(workspace, f"contacts/{path.name}", path)
    return marked_copy.mark(path.parent.parent, f"contacts/{path.name}", book)


def take_over(
    workspace: Workspace, ledger: Ledger | None, path: Path, *, who: str, day: date
) -> int:
    """Put a dropped sheet in its place, after a backup; return its rows. A broken one stays where
    it is.
    """
    book, file = book_of_dropped(workspace, path)
    if file in book.broken:
        raise MailerError(
            "This sheet cannot be used as it is.",
            problems=[p for p in book.problems if p.file == file],
        )
    was = put(workspace, workspace.root / file, path.read_bytes(), path.name, day)
    same_people.follow(workspace, ledger, file, was, who=who)
    throw_away(path)
    rows = sum(contact.file == file for contact in book.contacts)
    noted(ledger, "sheet_taken_over", who=who, detail=f"{file}, {rows} rows")
    return rows


def throw_away(path: Path) -> None:
    """Take a dropped sheet away."""
    shutil.rmtree(path.parent.parent)
