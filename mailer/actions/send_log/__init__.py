"""The send log in the hands of a person: opening and proving it, what it holds on somebody,
forgetting them, and saying that this copy of it is the one to go on with.
"""

from __future__ import annotations

import contextlib

from mailer.base.errors import UsageError
from mailer.base.settings.workspace import Workspace
from mailer.ledger.guard import copies, rescue
from mailer.ledger.ledger import Connection, Ledger, Unwritable
from mailer.ledger.record import seals
from mailer.ledger.record.seals import ChainCheck


def open_log(workspace: Workspace) -> Ledger:
    """Open the send log of a workspace, or make one, for a `with`; what dead senders left in
    mail-outs that are over is settled, and positions whose day is over are erased.
    """
    workspace.make_state_dir()
    ledger = Ledger(workspace.ledger_url, beside=workspace.state_dir)
    with contextlib.suppress(Unwritable):  # the next look may settle it
        rescue.settle_over(ledger, me="mailer")
        if workspace.settings.positions.keep_until is not None:
            from mailer.actions.campaign import positions  # most look at the log for other things

            positions.expire(workspace, ledger)
    return ledger


def head(ledger: Ledger) -> str:
    """Seal what was written, and return the head of the log."""
    ledger.seal()
    with ledger.reading() as connection:
        return seals.head(connection)


def verify(connection: Connection, kept: str = "") -> ChainCheck:
    """Prove that the log is as it was written; `kept` is a head, or the beginning of one, that
    somebody has kept. Raises `UsageError` where that can be none.
    """
    kept = kept.strip().lower()
    if kept and (len(kept) < 16 or set(kept) - set("0123456789abcdef")):
        raise UsageError(
            f"{kept!r} is no head of a send log.",
            hint="its first 16 signs or more, figures and a to f",
        )
    return seals.verify(connection, kept)


def adopt(ledger: Ledger, *, who: str, because: str) -> bool:
    """Make this copy of the log the one to go on with; False where it is at home already."""
    if not because or not who:
        raise UsageError(
            "A decision needs a name and a reason.",
            hint='--because "the workspace moved to this computer"',
        )
    with ledger.reading() as connection:
        copied = copies.is_a_copy(connection) or ledger.is_behind(connection)
    if copied:
        with ledger.writing() as connection:
            copies.adopt(connection, who=who, because=because, at=ledger.now())
            ledger.begin_anew(connection)
    return copied
