"""Putting a person on the hold list, and out of every mail-out that would still write to them."""

from __future__ import annotations

from datetime import datetime

from mailer.base.settings.workspace import Workspace
from mailer.contacts import holds
from mailer.contacts.holds import Hold, Holds
from mailer.ledger.ledger import Ledger
from mailer.ledger.moves import holding
from mailer.ledger.moves.holding import TakenOut


def hold(
    workspace: Workspace, ledger: Ledger | None, entry: Hold, *, at: datetime, who: str
) -> list[TakenOut]:
    """Put an entry on the hold list and take the person out of what is planned or being sent.

    The list is written first: after a crash in between, a sender sees it before its next letter.
    Returns what it meant for each mail-out. `ledger` is None where there is no send log yet.
    """
    holds.hold(workspace.hold_list, workspace.state_dir / "backups", entry)
    if ledger is None:
        return []
    with ledger.writing() as connection:
        return holding.take_out_of_all(connection, Holds((entry,)), at=at, who=who)
