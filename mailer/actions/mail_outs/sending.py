"""Sending a mail-out with the account of a workspace, alone or beside other senders.

What is written in which order, and what holds after a crash, stands in `sending/dispatch.py`.
"""

from __future__ import annotations

from mailer.actions.mail_outs import kill_switch_is_off
from mailer.base.settings.workspace import Workspace
from mailer.base.states import MailOutState
from mailer.ledger import mailouts
from mailer.ledger.guard import copies, health
from mailer.ledger.guard.senders import nobody_sends
from mailer.ledger.ledger import Ledger
from mailer.ledger.mailouts import MailOut
from mailer.plan.draft import server_name
from mailer.sending.connect import options_of, sessions, signer
from mailer.sending.dispatch import Dispatch


def sender(
    workspace: Workspace,
    ledger: Ledger,
    mail_out_id: int,
    *,
    first: int | None = None,
    last_word: int | None = None,
) -> Dispatch:
    """Make what sends a mail-out, with the settings of its workspace.

    `first` stands in place of the setting; `last_word` is that of the `Standing` by which somebody
    said yes: whatever was paused since stays so.
    """
    options, sign = options_of(workspace, first), signer(workspace)
    return Dispatch(
        ledger, mail_out_id, sessions(workspace), options, signer=sign, last_word=last_word
    )


def helper(workspace: Workspace, ledger: Ledger, mail_out_id: int) -> Dispatch:
    """Make what takes part in a sending that somebody has begun, and begins none."""
    options, sign = options_of(workspace, first=0), signer(workspace)
    return Dispatch(ledger, mail_out_id, sessions(workspace), options, signer=sign, helper=True)


def may_help(ledger: Ledger) -> None:
    """Refuse to send from a copy of the log, or from one that is damaged."""
    copies.require(ledger)
    health.require(ledger)


def to_help_with(workspace: Workspace, ledger: Ledger) -> tuple[list[MailOut], list[MailOut]]:
    """Return what is being sent: what this workspace may take part in, and what was planned for
    another server, sender or mode. Raises `Refused` while the kill switch is on.
    """
    kill_switch_is_off(workspace)
    with ledger.reading() as connection:
        everything = mailouts.all_of_them(connection)
    sending = [one for one in everything if one.state is MailOutState.SENDING]
    settings, server = workspace.settings, server_name(workspace)
    here = (server, settings.sender.address, settings.safety.mode)
    ours = [one for one in sending if (one.server, one.sender, one.mode) == here]
    return ours, [one for one in sending if one not in ours]


def has_left(ledger: Ledger, mail_out: MailOut, why: str) -> MailOut:
    """Pause what an interrupted helper was the last to send; where others send it, it goes on.
    Returns how it then stands.
    """
    with ledger.writing() as connection:
        if mail_out.state is MailOutState.SENDING and nobody_sends(ledger, connection, mail_out.id):
            to, at = MailOutState.PAUSED, ledger.now()
            return mailouts.change(connection, mail_out.id, to, at=at, who="mailer work", why=why)
        return mailouts.get(connection, mail_out.id)
