"""Changes of an appeal's files: each replaces what its writer has seen, or is refused, and stands
in the journal with its difference.

A file is put in its place in one step, and then the journal is written. After a crash between the
two the new file is there, and the history says that it was changed outside of the mailer.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher, unified_diff

from mailer.base.errors import Refused, UsageError
from mailer.base.files import ABSENT, put, read_inside
from mailer.base.locks import Held, locked
from mailer.base.settings.workspace import Workspace
from mailer.ledger import accounts
from mailer.ledger.ledger import Ledger

KIND = "appeal_changed"
_HEAD = re.compile(r"(?P<file>[^\n]+): (?P<lines>[^:\n]+) \[(?P<stamp>\w*)\]")


@dataclass(frozen=True, slots=True)
class FileChange:
    """One change of one file, as the journal has it."""

    file: str  # "templates/vote/fr.md"
    lines: str  # "3, 7-9" as they are now; "new" or "removed"
    stamp: str  # of the file afterwards
    difference: str  # as `diff -u` writes it; "" for what is no text
    who: str
    at: datetime


@dataclass(frozen=True, slots=True)
class FileState:
    """A file as it lies there now, and who left it so."""

    content: bytes
    stamp: str
    fault: str  # why it cannot be read; ABSENT where it is not there
    by: str = ""  # "" where that was not through the mailer
    at: datetime | None = None


class ChangedMeanwhile(Refused):
    """Somebody else has changed the file since it was looked at; `now` is what they left."""

    def __init__(self, file: str, now: FileState) -> None:
        super().__init__(
            "Somebody has changed this meanwhile. Nothing was saved.", hint=f"look at {file} again"
        )
        self.file, self.now = file, now


def stamp(content: bytes) -> str:
    """Return by what a version of a file is known; "" for none."""
    return hashlib.sha256(content).hexdigest()[:16] if content else ""


def state(workspace: Workspace, file: str) -> FileState:
    """Read a file of the workspace, without who left it so."""
    content, fault = read_inside(workspace.root, workspace.root / file)
    return FileState(content, stamp(content), fault)


def replace(
    workspace: Workspace,
    ledger: Ledger,
    file: str,
    content: bytes | None,
    *,
    seen: str,
    who: str,
) -> FileChange | None:
    """Put a new version of a file in place of the one that was seen; None as content takes it away.

    `seen` is the stamp of the version that the writer had before them. Returns None where nothing
    differs. Raises `ChangedMeanwhile` where another version lies there now, and `UsageError` where
    the file cannot be written.
    """
    try:
        with locked(workspace.make_state_dir() / "appeals.lock"):
            return _replaced(workspace, ledger, file, content, seen, who)
    except Held as other:
        raise Refused(f"Nothing was saved: {other} is saving something else.") from other
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}.") from error


def _replaced(
    workspace: Workspace, ledger: Ledger, file: str, content: bytes | None, seen: str, who: str
) -> FileChange | None:
    now = state(workspace, file)
    if now.fault not in ("", ABSENT):
        raise UsageError(f"{file} cannot be changed: {now.fault}.")
    if now.content == (content or b""):
        return None
    if now.stamp != seen:
        raise ChangedMeanwhile(file, _with_writer(ledger, file, now))
    path = workspace.root / file
    if content is None:
        path.unlink()
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        put(path, content)
    return record(ledger, file, now.content, content, who=who)


def record(
    ledger: Ledger, file: str, before: bytes, after: bytes | None, *, who: str
) -> FileChange:
    """Write a change into the journal."""
    lines, difference = _difference(file, before, after)
    change = FileChange(file, lines, stamp(after or b""), difference, who, ledger.now())
    detail = f"{file}: {lines} [{change.stamp}]\n{difference}"
    with ledger.writing() as connection:
        accounts.note(connection, KIND, at=change.at, who=who, detail=detail)
    return change


def history(ledger: Ledger, appeal: str) -> list[FileChange]:
    """Return what was changed in an appeal through the mailer, the newest first."""
    return list(_recorded(ledger, f"templates/{appeal}/"))


def _with_writer(ledger: Ledger, file: str, now: FileState) -> FileState:
    last = next(_recorded(ledger, f"{file}:"), None)
    if last is None or last.stamp != now.stamp:
        return now
    return FileState(now.content, now.stamp, now.fault, last.who, last.at)


def _recorded(ledger: Ledger, begins: str) -> Iterator[FileChange]:
    with ledger.reading() as connection:
        entries = accounts.deeds(connection, kind=KIND, begins=begins)
    for entry in entries:
        head, _, difference = entry.detail.partition("\n")
        if found := _HEAD.fullmatch(head):
            yield FileChange(
                found["file"], found["lines"], found["stamp"], difference, entry.who, entry.at
            )


def _difference(file: str, before: bytes, after: bytes | None) -> tuple[str, str]:
    """Return which lines are others now, and the whole difference; "" for what is no text."""
    what = "removed" if after is None else "new" if not before else ""
    try:
        old, new = before.decode(), (after or b"").decode()
    except UnicodeDecodeError:
        old = new = ""
    if "\0" in old + new or file.rpartition(".")[2] not in ("md", "toml", "csv", "txt"):
        return what or "replaced", ""
    ours, theirs = old.splitlines(), new.splitlines()
    whole = "\n".join(unified_diff(ours, theirs, file, file, lineterm=""))
    return what or ", ".join(_changed(ours, theirs)) or "ends of lines", whole


def _changed(old: list[str], new: list[str]) -> Iterator[str]:
    for kind, _, _, first, last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            yield str(first + 1) if last - first <= 1 else f"{first + 1}-{last}"
