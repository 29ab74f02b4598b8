"""Telling a team that a mail-out finished, paused, could not begin or needs a yes: by mail, through
the same server, and on the desktop.

A notice names nobody who is written to, goes to the allow-list alone in every mode, and holds up no
letter: it has a thread of its own, and whatever goes wrong with it is a sentence.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import subprocess
import threading
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from mailer.base import clock
from mailer.base.address import allowed, domain_of
from mailer.base.errors import MailerError, UsageError
from mailer.base.settings.workspace import Workspace
from mailer.base.states import State
from mailer.ledger.mailouts import MailOut
from mailer.sending.connect import rehearsal_session
from mailer.sending.smtp.session import Envelope

PATIENCE = 60.0
"""Seconds that a mail server has for all notices of one event."""


def may_tell(workspace: Workspace) -> None:
    """Refuse addresses that are not on the allow-list: a notice must reach no stranger."""
    allow = workspace.settings.safety.allow
    for to in workspace.settings.notice.to:
        if not allowed(to, allow):
            raise UsageError(
                f"[notice] to: {to} is not on the allow-list.",
                hint="add it to allow under [safety] in config.toml",
            )


def tell(
    workspace: Workspace, mail_out: MailOut, what: str, say: Callable[[str], object]
) -> threading.Thread:
    """Tell the team what became of a mail-out, in a sentence; `say` hears what went wrong. Returns
    the thread that does it, which ends with the program.
    """
    thread = threading.Thread(target=_told, args=(workspace, mail_out, what, say), daemon=True)
    thread.start()
    return thread


def _told(workspace: Workspace, mail_out: MailOut, what: str, say: Callable[[str], object]) -> None:
    notice, name = workspace.settings.notice, mail_out.title or mail_out.appeal
    try:
        may_tell(workspace)
        if notice.desktop and (program := shutil.which("notify-send")):
            words = [program, "--app-name=mailer", f"{mail_out.name}: {what}", name]
            subprocess.run(words, timeout=5, check=False, capture_output=True)  # noqa: S603  (no shell)
        password = workspace.settings.smtp.password
        if notice.to and password is not None and password.ask:
            raise UsageError("The password of the mail server is asked for at the terminal.")
        if notice.to:
            asyncio.run(asyncio.wait_for(_mailed(workspace, mail_out, what), PATIENCE))
    except (MailerError, OSError, TimeoutError, subprocess.SubprocessError) as fault:
        said = fault.message if isinstance(fault, MailerError) else str(fault) or "no answer"
        say(f"The team was not told of {mail_out.name}: {said}")


async def _mailed(workspace: Workspace, mail_out: MailOut, what: str) -> None:
    settings = workspace.settings
    address = settings.console.address
    where = f"\n{address}/mail-outs/{mail_out.name}" if address else ""
    session = rehearsal_session(workspace)

    async def yes() -> bool:
        return True

    try:
        for to in settings.notice.to:
            message = EmailMessage(policy=SMTP)
            message["Date"] = format_datetime(clock.now())
            message["From"], message["To"] = settings.sender.address, to
            message["Subject"] = f"[mailer] {mail_out.name}: {what}"
            message["Message-ID"] = (
                f"<{secrets.token_hex(16)}@{domain_of(settings.sender.address)}>"
            )
            message["Auto-Submitted"] = "auto-generated"
            message.set_content(
                f"{mail_out.name}, {mail_out.title or mail_out.appeal}: {what}\n\n"
                f"mailer status {mail_out.name}{where}\n",
                cte="quoted-printable",
            )
            data = message.as_bytes()
            receipt = await session.deliver(Envelope(settings.sender.address, to, data), yes)
            if receipt.state is not State.ACCEPTED:
                raise UsageError(f"the server said {receipt.code or ''} {receipt.text}".strip())
        await session.quit()
    finally:
        session.abort()
