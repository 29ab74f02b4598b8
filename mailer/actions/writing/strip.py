"""The files that go with the letters of an appeal: what each tells besides what it shows, and
taking that out.

A file is replaced in one step, and stands in the journal; what it was is kept in the folder of
backups of this computer.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from mailer.actions.writing import appeals, changes
from mailer.base.errors import MailerError, UsageError
from mailer.base.settings.workspace import Workspace
from mailer.contacts.edit.write import keep
from mailer.ledger.ledger import Ledger
from mailer.letters.checks import metadata
from mailer.letters.checks.metadata import FileTells


@dataclass(frozen=True, slots=True)
class StrippedFile:
    """What became of one file that told more than it shows."""

    file: str
    removed: tuple[str, ...]  # "author: Jana Novák"
    left: tuple[str, ...]  # what it still tells: a person must take that out
    why: str = ""  # why nothing could be taken out
    backup: str = ""  # what it was


def files(workspace: Workspace, name: str) -> list[FileTells]:
    """Return the files of an appeal, each with what it tells and who made it."""
    return list(metadata.files(appeals.read(workspace, name)))


def strip(
    workspace: Workspace, ledger: Ledger, name: str, only: Collection[str] = (), *, who: str
) -> list[StrippedFile]:
    """Take out of the files of an appeal what they tell besides what they show; `only` are some of
    them, by name. What `[waived]` in `appeal.toml` gives a reason for stays.

    Raises `UsageError` for a file that the appeal does not have.
    """
    found = files(workspace, name)
    if missing := [one for one in only if not any(_is(each, one) for each in found)]:
        there_are = ", ".join(one.file.rpartition("/")[2] for one in found) or "none"
        raise UsageError(f"This appeal has no file {missing[0]}.", hint=f"there are: {there_are}")
    return [
        _strip(workspace, ledger, one, who)
        for one in found
        if one.tells and (any(_is(one, name) for name in only) if only else not one.waived)
    ]


def _is(one: FileTells, name: str) -> bool:
    return one.file == name or one.file.endswith(f"/{name}")


def _strip(workspace: Workspace, ledger: Ledger, one: FileTells, who: str) -> StrippedFile:
    now = changes.state(workspace, one.file)
    try:
        clean = metadata.stripped(one.file, now.content)
    except MailerError as fault:
        return StrippedFile(one.file, (), one.tells, f"{fault.message} {fault.hint}".strip())
    left = metadata.what_it_tells(one.file, clean)
    removed = tuple(told for told in one.tells if told not in left)
    if not removed:
        return StrippedFile(one.file, (), left, "a person must take it out")
    backup = keep(workspace.root / one.file, workspace.root / ".mailer" / "backups")
    changes.replace(workspace, ledger, one.file, clean, seen=now.stamp, who=who)
    return StrippedFile(
        one.file, removed, left, backup=backup.relative_to(workspace.root).as_posix()
    )
