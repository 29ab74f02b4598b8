"""How long what is kept: names and letters of mail-outs that are over, what came back, and copies
that can be made again.

Rows of the log go in one transaction, and its files are written anew; files go one after the
other. After a crash the same command goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from mailer.actions.send_log.footprint import our_files, place_of
from mailer.base.settings.workspace import Workspace
from mailer.ledger.ledger import Connection, Ledger
from mailer.ledger.moves import incoming
from mailer.ledger.reading.deliveries import Delivery
from mailer.ledger.record import erasure
from mailer.ledger.record.rewrite import rewrite


@dataclass(frozen=True, slots=True)
class Due:
    """What is kept longer than the settings say."""

    days: int | None  # how long people are kept; None: `[sender] privacy` does not say
    before: date | None  # those of the mail-outs that ended before
    people: Sequence[Delivery]
    answers: int  # messages that still have their texts
    written_before: datetime  # those recorded before
    files: Sequence[str]  # relative to the workspace

    def __bool__(self) -> bool:
        return bool(self.people or self.answers or self.files)


def due(workspace: Workspace, connection: Connection, now: datetime) -> Due:
    """List what is kept longer than `[sender] privacy`, `[inbox] keep_days` and `[retention]` say;
    nothing is changed.
    """
    said = workspace.settings.sender.privacy
    before = (now - timedelta(days=said.keep_days)).date() if said else None
    written_before = now - timedelta(days=workspace.settings.inbox.keep_days)
    return Due(
        said.keep_days if said else None,
        before,
        erasure.ended_before(connection, before) if before else [],
        incoming.expired(connection, written_before),
        written_before,
        _old_files(workspace, now),
    )


def take_away(workspace: Workspace, ledger: Ledger, found: Due, *, who: str) -> None:
    """Take away what is due. Raises `Busy` at the end where somebody who reads keeps the log's
    files from being written anew.
    """
    because = f"kept for {found.days} days"
    with ledger.writing() as connection:
        erasure.erase(connection, found.people, who=who, because=because, at=ledger.now())
        incoming.expire(connection, found.written_before)
    for file in found.files:
        (workspace.root / file).unlink(missing_ok=True)
    ledger.seal()
    rewrite(ledger)


def _old_files(workspace: Workspace, now: datetime) -> list[str]:
    days = workspace.settings.retention.model_dump()
    found = []
    for path in our_files(workspace):
        file = path.relative_to(workspace.root).as_posix()
        keep = days.get(place_of(workspace, file).keep)
        if keep and now.timestamp() - path.stat().st_mtime > keep * 86_400:
            found.append(file)
    return found
