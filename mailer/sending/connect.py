"""How a workspace's settings become its mail server, sessions with it, its folder of sent mail, and
its options.

A password is fetched once, when a server is made of the settings; a token is asked for afresh at
each connection.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mailer.base.address import allowed
from mailer.base.errors import UsageError
from mailer.base.settings.passwords import read_password
from mailer.base.settings.tables import MailAccount
from mailer.base.settings.workspace import Workspace
from mailer.contacts.holds import WatchedList
from mailer.sending.queue import SendingOptions
from mailer.sending.smtp.session import Patience, Server, SmtpSession
from mailer.sending.smtp.tokens import Token, token_from_command, token_from_file

if TYPE_CHECKING:
    from mailer.letters.message.dkim import Signer


def sessions(workspace: Workspace) -> Callable[[], SmtpSession]:
    """Return what opens one session after the other. The password is read once, here.

    Outside live mode the allow-list is enforced once more in the session, just before the address
    would go out.
    """
    settings, server = workspace.settings, smtp_server(workspace)
    allow, dsn = settings.safety.allow, settings.smtp.dsn
    live = settings.safety.mode == "live"
    ahead = settings.smtp.pipelining
    return lambda: SmtpSession(
        server,
        Patience(),
        lambda address: live or allowed(address, allow),
        dsn=dsn,
        pipelining=ahead,
    )


def rehearsal_session(workspace: Workspace) -> SmtpSession:
    """Return a session that reaches nobody but the allow-list, in live mode as well."""
    allow = workspace.settings.safety.allow
    return SmtpSession(smtp_server(workspace), Patience(), lambda address: allowed(address, allow))


def signer(workspace: Workspace) -> Signer | None:
    """Return what signs the letters (DKIM), None where the organisation's own server does that."""
    if workspace.settings.sender.dkim is None:
        return None
    from mailer.letters.message.dkim import signer_of  # its library is slow to import

    return signer_of(workspace)


def smtp_server(workspace: Workspace) -> Server:
    """Return the server that letters are handed in at."""
    return _server(workspace, workspace.settings.smtp)


def imap_server(workspace: Workspace) -> Server:
    """Return the server with the folder of sent mail; a `UsageError` where none is set."""
    if workspace.settings.imap.host is None:
        hint = "[imap] in config.toml: host, user, and password or oauth"
        raise UsageError(
            "The settings name no folder of sent mail that could be searched.",
            hint=hint,
            code="K111",
        )
    return _server(workspace, workspace.settings.imap)


def inbox_servers(workspace: Workspace) -> list[tuple[Server, tuple[str, ...]]]:
    """Return the mailboxes of answers, each with the folders to read; a `UsageError` where none is
    set.
    """
    mailboxes = workspace.settings.inbox.all_mailboxes
    if not mailboxes:
        raise UsageError(
            "The settings name no mailbox where answers arrive.",
            hint="[inbox] in config.toml: host, user, and password or oauth",
            code="K111",
        )
    return [(_server(workspace, one), one.folders) for one in mailboxes]


def options_of(workspace: Workspace, first: int | None = None) -> SendingOptions:
    """Return how a sending goes by the settings; `first` stands instead of the setting."""
    limits, smtp = workspace.settings.limits, workspace.settings.smtp
    return SendingOptions(
        limits=limits if first is None else limits.model_copy(update={"first": first}),
        account=f"{smtp.user or ''}@{smtp.host}:{smtp.port}",
        kill_switch=workspace.kill_switch,
        holds=WatchedList(workspace.hold_list, workspace.delegations),
    )


def _server(workspace: Workspace, account: MailAccount) -> Server:
    settings = workspace.settings
    return Server(
        host=account.host or "",
        port=account.port,
        security=account.security,
        user=account.user,
        password=read_password(workspace, account),
        helo=settings.smtp.helo
        or settings.sender.address.rpartition("@")[2],  # never this computer's
        token=_token(workspace.root, account),
    )


def _token(root: Path, account: MailAccount) -> Token | None:
    if (source := account.oauth) is None:
        return None
    if source.file:
        return token_from_file(root / source.file)
    program, *arguments = source.command or ()
    # A program of the workspace stands relative to it; a bare name is looked for where programs
    # are.
    return token_from_command([str(root / program) if "/" in program else program, *arguments])
