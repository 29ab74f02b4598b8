"""How a workspace's settings become sessions with its mail server, and the course of a sending."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from mailer.address import allowed
from mailer.config import Workspace, read_password
from mailer.dispatch import Course
from mailer.transport.smtp import Patience, Server, SmtpSession


def sessions(workspace: Workspace) -> Callable[[], SmtpSession]:
    """Return what opens one session after the other. The password is read once, here.

    Outside live mode the allow-list is enforced once more in the session, just before the address would go out.
    """
    settings = workspace.settings
    server = Server(
        host=settings.smtp.host,
        port=settings.smtp.port,
        security=settings.smtp.security,
        user=settings.smtp.user,
        password=read_password(workspace),
        helo=settings.sender.address.rpartition("@")[2],  # never the name of this computer
    )
    allow = settings.safety.allow
    live = settings.safety.mode == "live"
    return lambda: SmtpSession(server, Patience(), lambda address: live or allowed(address, allow))


def course_of(workspace: Workspace) -> Course:
    limits, smtp = workspace.settings.limits, workspace.settings.smtp
    return Course(
        connections=limits.connections,
        per_connection=limits.per_connection,
        per_minute=limits.per_minute,
        bucket=f"{smtp.user or ''}@{smtp.host}:{smtp.port}",
        keep_trying=timedelta(hours=limits.keep_trying_hours),
    )
