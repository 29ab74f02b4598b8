"""What `mailer` alone says below its help: the workspace, the newest mail-out, and what to type
next.
"""

from __future__ import annotations

from mailer.base.errors import MailerError
from mailer.base.states import MailOutState
from mailer.cli.context import Desk

NEXT = {
    MailOutState.PLANNED: "send",
    MailOutState.APPROVED: "send",
    MailOutState.SENDING: "status",
    MailOutState.PAUSED: "resume",
    MailOutState.STOPPED: "status",
    MailOutState.FINISHED: "status",
}


def say_where(desk: Desk) -> None:
    """Say where one is; what is wrong there is said as well, and is no error: nothing was asked
    for.
    """
    try:
        safety = desk.workspace.settings.safety
        mode = "for the demo alone" if safety.demo_only else f"{safety.mode} mode"
        desk.say(f"\nYou are in the workspace {desk.workspace.root} ({mode}).")
        desk.say(f"  {_newest(desk)}")
    except MailerError as error:
        desk.say(f"\n{error.message}")
        desk.say(f"  {error.hint}")


def _newest(desk: Desk) -> str:
    from mailer.ledger import mailouts

    if not desk.workspace.has_ledger:
        return "nothing planned yet – mailer check, then mailer plan APPEAL"
    with desk.ledger() as ledger, ledger.reading() as connection:
        found = mailouts.all_of_them(connection)
    if not found:
        return "nothing planned yet – mailer check, then mailer plan APPEAL"
    newest = found[-1]
    return f"{newest.name} {newest.state} – mailer {NEXT[newest.state]} {newest.name}"
