"""Forgetting somebody: out of the log, the sheets, and every file that the mailer has made.

The log goes first, in one transaction, then copies and lists, then the sheets, and the files of the
log are written anew at the end. After a crash in between, the same command goes on from there.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from mailer.actions import people
from mailer.actions.send_log.footprint import FileNaming, Footprint, naming_files
from mailer.base.errors import MailerError, UsageError
from mailer.base.files import put
from mailer.base.settings.workspace import Workspace
from mailer.contacts import hold_list
from mailer.contacts.erasing.emptied import without_rows
from mailer.contacts.holds import Hold, Holdable, load_holds
from mailer.ledger import accounts
from mailer.ledger.ledger import Connection, Ledger
from mailer.ledger.reading.deliveries import Delivery
from mailer.ledger.record import erasure
from mailer.ledger.record.places import Way
from mailer.ledger.record.rewrite import rewrite

WRITTEN = (".md", ".toml", ".csv")
"""Kinds of files below templates/ that hold what an appeal says, and not one person's file."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What became of every place that held somebody."""

    erased: int  # rows of the log
    words: int  # other texts of the log that named them
    rows: int  # of the sheets, emptied
    sealed: int  # entries of the hold list that go on holding by a salted hash
    changed: Sequence[str]  # files without their lines
    deleted: Sequence[str]
    left: Sequence[FileNaming]  # what still names them, or could not be read


def forget(
    workspace: Workspace,
    ledger: Ledger,
    found: Footprint,
    *,
    who: str,
    because: str,
    files: bool = False,
    hold: bool = False,
) -> Forgotten:
    """Forget the person of a footprint. `because` stays on record; `files` deletes the files that
    somebody wrote, too, but for an appeal's words; `hold` keeps them from being written to by a
    salted hash.

    Raises `Refused` before anything is changed where a mail-out with them is not over, and `Busy`
    at the end where somebody who reads keeps the log's files from being written anew.
    """
    naming = found.naming
    if naming.in_text(because):
        raise UsageError("The reason names the person, and stays on record.", hint="name nobody")
    with ledger.writing() as connection:
        at = ledger.now()
        erased = erasure.erase(connection, found.deliveries, who=who, because=because, at=at)
        words = erasure.take_out_words(connection, naming)
        accounts.note(connection, "person_forgotten", at=at, who=who, detail=because)
    ledger.seal()
    sealed = _hold(workspace, found, because=because, who=who, day=at.date(), anew=hold)
    changed, deleted = [], []
    for one in found.files:
        path = workspace.root / one.file
        if one.unread or not path.exists():
            continue
        if one.place.way in (Way.FILE, Way.ALL) or (files and _may_go(one)):
            path.unlink()
            deleted.append(one.file)
        elif one.place.way is Way.LINES:
            _without_lines(path, found)
            changed.append(one.file)
    for file in sorted({row.file for row in found.rows}):
        theirs = [row for row in found.rows if row.file == file]
        path = workspace.root / file
        put(path, without_rows(path, found.book, theirs))
    rewrite(ledger)
    left = list(naming_files(workspace, naming, set()))
    return Forgotten(erased, words, len(found.rows), sealed, changed, deleted, left)


def ended_before(connection: Connection, day: date) -> list[Delivery]:
    """List everyone of the mail-outs that ended before a day and is not erased yet."""
    return erasure.ended_before(connection, day)


def forget_before(ledger: Ledger, gone: Sequence[Delivery], *, who: str, because: str) -> int:
    """Erase everyone of old mail-outs from the log, and write its files anew; the sheets stay."""
    with ledger.writing() as connection:
        erased = erasure.erase(connection, gone, who=who, because=because, at=ledger.now())
    ledger.seal()
    rewrite(ledger)
    return erased


def _may_go(one: FileNaming) -> bool:
    """Tell whether a file that somebody wrote is deleted, where they say so."""
    words = one.file.startswith("templates/") and one.file.endswith(WRITTEN)
    settings = one.file in ("config.toml", "config.local.toml")
    return one.place.way is Way.YOURS and not words and not settings


def _hold(
    workspace: Workspace, found: Footprint, *, because: str, who: str, day: date, anew: bool
) -> int:
    """Take name and address off the hold list; a salted hash goes on holding. `anew`: also where
    they are not on it yet.
    """
    path, known = workspace.hold_list, workspace.delegations
    if anew and not found.holds:
        for one in _known_as(found):
            address, name, delegation = one
            entry = Hold(address, name, delegation, because, day.isoformat(), who, path.name, 0)
            hold_list.hold(path, people.backups(workspace), entry, known)
    sealed = 0
    while entries := [one for one in load_holds(path, known) if found.naming.is_(one)]:
        hold_list.forget(path, people.backups(workspace), entries[0], known)
        sealed += 1
    return sealed


def _known_as(found: Footprint) -> list[tuple[str, str, str]]:
    """Return address, name and delegation under which somebody is held: each that is known."""
    rows: list[Holdable] = [*found.deliveries, *found.rows]
    kept = {one.address_key: (one.address, one.name, one.delegation) for one in rows}
    typed = (found.who, "", "") if "@" in found.who else ("", found.who, "")
    return list(kept.values()) or [typed]


def _without_lines(path: Path, found: Footprint) -> None:
    """Take somebody's lines out of a list of ours, or their entries out of what a list said."""
    if path.suffix == ".json":
        try:
            entries = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as fault:
            raise MailerError(f"{path} cannot be read; nothing of it was changed.") from fault
        kept = [
            one
            for one in entries
            if not found.naming.in_text(json.dumps(list(one.values()), ensure_ascii=False))
            and not found.naming.in_text(f"{one['name']} {' '.join(one['said'].values())}")
        ]
        put(path, json.dumps(kept, ensure_ascii=False).encode())
        return
    text = path.read_text(encoding="utf-8-sig")
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(
        row
        for row in csv.reader(io.StringIO(text, newline=""))
        if not any(map(found.naming.in_text, row))
    )
    put(path, out.getvalue().encode())
