"""Sending a mail-out with the account of a workspace, alone or beside other senders.

What is written in which order, and what holds after a crash, stands in `sending/dispatch.py`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from mailer.actions.mail_outs import (
    SendingCheck,
    kill_switch_is_off,
    may_send,
    obey_holds,
)
from mailer.base.errors import Refused
from mailer.base.settings.workspace import Workspace
from mailer.base.states import MailOutState, Reason
from mailer.ledger import mailouts
from mailer.ledger.guard import copies, health
from mailer.ledger.guard.senders import nobody_sends
from mailer.ledger.ledger import Ledger
from mailer.ledger.mailouts import MailOut
from mailer.ledger.moves import transitions
from mailer.ledger.reading import due
from mailer.plan.draft import server_name
from mailer.sending.connect import options_of, sessions, signer
from mailer.sending.dispatch import Dispatch

SERVICE = "mailer work"
"""Who did it, where nobody was at the keyboard."""


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


def helper(
    workspace: Workspace, ledger: Ledger, mail_out_id: int, *, first: int | None = 0
) -> Dispatch:
    """Make what takes part in a sending that somebody has begun, and begins none. `first` as for
    `sender`: of a service, which may be the only one left.
    """
    options, sign = options_of(workspace, first), signer(workspace)
    return Dispatch(ledger, mail_out_id, sessions(workspace), options, signer=sign, helper=True)


def _here(workspace: Workspace) -> tuple[str, str, str]:
    settings = workspace.settings
    return server_name(workspace), settings.sender.address, settings.safety.mode


def of_another_workspace(workspace: Workspace, ledger: Ledger) -> list[MailOut]:
    """Return the mail-outs that are not over, and are surely another workspace's that has the same
    log: of other settings, and of an appeal that is not here. They are nobody's business here.
    """
    return [one for one in _all(ledger) if _is_anothers(workspace, one)]


def _is_anothers(workspace: Workspace, one: MailOut) -> bool:
    is_over = one.state in (MailOutState.FINISHED, MailOutState.STOPPED)
    other = (one.server, one.sender, one.mode) != _here(workspace)
    return not is_over and other and not (workspace.templates_dir / one.appeal).is_dir()


def _all(ledger: Ledger) -> list[MailOut]:
    with ledger.reading() as connection:
        return mailouts.all_of_them(connection)


def _ours(workspace: Workspace, ledger: Ledger) -> list[MailOut]:
    return [one for one in _all(ledger) if not _is_anothers(workspace, one)]


def may_help(ledger: Ledger) -> None:
    """Refuse to send from a copy of the log, or from one that is damaged."""
    copies.require(ledger)
    health.require(ledger)


def to_help_with(workspace: Workspace, ledger: Ledger) -> tuple[list[MailOut], list[MailOut]]:
    """Return what is being sent: what this workspace may take part in, and what was planned for
    another server, sender or mode. Raises `Refused` while the kill switch is on.
    """
    kill_switch_is_off(workspace)
    sending = [one for one in _ours(workspace, ledger) if one.state is MailOutState.SENDING]
    here = _here(workspace)
    ours = [one for one in sending if (one.server, one.sender, one.mode) == here]
    return ours, [one for one in sending if one not in ours]


LATE = timedelta(hours=12)
"""What nobody has begun for so long after its hour (the computer was off) is begun by a person."""
ANOTHERS = timedelta(minutes=1)
"""So long a mail-out of other settings is left to the workspace that may have them."""


def due_to_begin(workspace: Workspace, ledger: Ledger) -> list[MailOut]:
    """Return the mail-outs whose hour has come; a little later also those that were planned for
    another server, sender or mode: the settings have changed.
    """
    here, at = _here(workspace), ledger.now()
    return [
        one
        for one in _ours(workspace, ledger)
        if mailouts.has_passed(
            one, at if (one.server, one.sender, one.mode) == here else at - ANOTHERS
        )
    ]


def wait_for_a_yes(workspace: Workspace, ledger: Ledger, since: datetime) -> list[MailOut]:
    """Return the plans made since a moment that others are still to approve."""
    asked = workspace.settings.safety.approvals
    return [
        one
        for one in _ours(workspace, ledger)
        if one.state is MailOutState.PLANNED
        and one.planned_at >= since
        and (one.approvals or asked)
    ]


def may_begin(workspace: Workspace, ledger: Ledger, mail_out: MailOut) -> SendingCheck:
    """Ask of a mail-out whose hour has come all that `mailer send` asks. Raises the refusal;
    whatever it is, the mail-out keeps its place, and may be tried again.
    """
    if (mail_out.server, mail_out.sender, mail_out.mode) != _here(workspace):
        raise Refused(
            f"{mail_out.name} was planned for another server, sender or mode than those of"
            " config.toml now.",
            hint=f"put the settings back, or: mailer plan {mail_out.appeal} --replace",
            code="S201",
        )
    check = may_send(workspace, ledger, mail_out.id, as_scheduled=True)
    now, at = check.standing.mail_out, ledger.now()
    if not mailouts.has_passed(now, at):  # somebody has said otherwise since
        raise Refused(f"{mail_out.name} is not to begin by itself now.", code="S210")
    if check.refusal:
        raise check.refusal
    if mailouts.has_passed(now, at - LATE):
        raise Refused(
            f"{mail_out.name} was to begin by itself, and nothing has sent it for twelve hours.",
            hint=f"send it now: mailer send {mail_out.name}, or say another time with --at",
            code="S217",
        )
    return check


def begin_due(workspace: Workspace, ledger: Ledger, mail_out: MailOut) -> Dispatch:
    """Make what sends a mail-out whose hour has come. Raises as `may_begin` does."""
    check = may_begin(workspace, ledger, mail_out)
    obey_holds(workspace, ledger, mail_out.id, who=SERVICE)
    return sender(workspace, ledger, mail_out.id, last_word=check.standing.last_word)


def could_not_begin(ledger: Ledger, mail_out: MailOut, why: str) -> bool:
    """Say in the log why a mail-out whose hour has come has not begun. Returns whether that is
    news.
    """
    with ledger.writing() as connection:
        return mailouts.could_not_begin(
            connection, mail_out.id, f"could not begin: {why}", at=ledger.now(), who=SERVICE
        )


def another_is_due(workspace: Workspace, ledger: Ledger, mail_out_id: int) -> bool:
    """Say whether nobody of a mail-out can be written to now, and somebody of another that is being
    sent, too, can be.
    """
    mine, _ = to_help_with(workspace, ledger)
    at = ledger.now()
    with ledger.reading() as connection:
        waiting = [one.id for one in mine if due.something_is_due(connection, one.id, at)]
    return bool(waiting) and mail_out_id not in waiting


def close_what_is_past(workspace: Workspace, ledger: Ledger) -> list[MailOut]:
    """End the mail-outs whose end has come and which are paused, or were to begin by themselves:
    whoever still waits is not sent, with that reason. Returns them as they then stand.
    """
    at = ledger.now()
    past = [
        one
        for one in _ours(workspace, ledger)
        if (one.state is MailOutState.PAUSED or mailouts.has_passed(one, at))
        and one.until is not None
        and one.until <= at
    ]
    closed = []
    for one in past:
        with ledger.writing() as connection:
            transitions.not_sent(connection, one.id, Reason.LAST_DAY, at=at, who=SERVICE)
            why = "its last day, or the vote, is over"
            to = MailOutState.STOPPED
            closed.append(mailouts.change(connection, one.id, to, at=at, who=SERVICE, why=why))
    return closed


def has_left(ledger: Ledger, mail_out: MailOut, why: str) -> MailOut:
    """Pause what an interrupted helper was the last to send; where others send it, it goes on.
    Returns how it then stands.
    """
    with ledger.writing() as connection:
        if mail_out.state is MailOutState.SENDING and nobody_sends(ledger, connection, mail_out.id):
            to, at = MailOutState.PAUSED, ledger.now()
            return mailouts.change(connection, mail_out.id, to, at=at, who=SERVICE, why=why)
        return mailouts.get(connection, mail_out.id)
