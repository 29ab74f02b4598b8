"""The earlier versions of a sheet: each change keeps the sheet as it was, and can be taken back.

Beside the sheet lies what the last list said (`listed.py`), which goes back with it. What a
change is taken back to is put in place in one step, after the present version is kept: a crash
leaves one or the other, and taking back can be taken back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mailer.base.errors import UsageError
from mailer.base.files import put
from mailer.contacts.edit.write import keep


@dataclass(frozen=True, slots=True)
class SheetVersion:
    """One earlier version of a sheet."""

    number: int
    path: Path
    at: datetime  # when the sheet was last saved as that version

    @property
    def absent(self) -> bool:
        """The sheet was not there yet."""
        return self.path.stat().st_size == 0


def noted_of(sheet: Path, state: Path) -> Path:
    """Return where it is noted what the last list of a sheet said."""
    return state / "listed" / f"{sheet.name}.json"


def save(sheet: Path, content: bytes, state: Path) -> Path:
    """Put a new version of a sheet in its place, and return the backup of what it was; an empty
    file says that there was none.
    """
    sheet.parent.mkdir(parents=True, exist_ok=True)
    backup = keep_version(sheet, state)
    put(sheet, content)
    return backup


def keep_version(sheet: Path, state: Path) -> Path:
    """Keep a sheet as it is, with what its last list said."""
    backup = keep(sheet, state / "backups")
    if (noted := noted_of(sheet, state)).exists():
        put(_noted(backup), noted.read_bytes())
    return backup


def _noted(backup: Path) -> Path:
    return backup.with_name(f"{backup.name}.json")


def versions(sheet: Path, state: Path) -> list[SheetVersion]:
    """Return the earlier versions of a sheet, the newest first."""
    name = re.compile(rf"{re.escape(sheet.stem)}\.(\d+){re.escape(sheet.suffix)}")
    found = [
        SheetVersion(int(match[1]), path, datetime.fromtimestamp(path.stat().st_mtime, UTC))
        for path in (state / "backups").glob("*")
        if (match := name.fullmatch(path.name))
    ]
    return sorted(found, key=lambda version: -version.number)


def take_back(sheet: Path, state: Path, number: int | None = None) -> tuple[SheetVersion, Path]:
    """Put an earlier version of a sheet in its place, byte for byte, the last one if none is named.

    Returns that version and the backup of the one that it replaces. Raises `UsageError` where there
    is none.
    """
    known = versions(sheet, state)
    wanted = next((one for one in known if number in (None, one.number)), None)
    if wanted is None:
        which = f"version {number}" if number else "earlier version"
        raise UsageError(
            f"No {which} of {sheet.name} is kept.",
            hint=f"kept are: {', '.join(str(one.number) for one in known) or 'none'}",
        )
    content, absent = wanted.path.read_bytes(), wanted.absent
    backup = keep_version(sheet, state)
    noted, then = noted_of(sheet, state), _noted(wanted.path)
    if then.exists():
        put(noted, then.read_bytes())
    else:
        noted.unlink(missing_ok=True)
    if absent:
        sheet.unlink(missing_ok=True)
    else:
        put(sheet, content)
    return wanted, backup
