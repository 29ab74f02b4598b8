"""What `mailer` alone says below its help: the workspace, the newest mail-out, and what to type
next.
"""

from __future__ import annotations

from mailer.base.errors import MailerError
from mailer.base.states import MailOutState
from mailer.cli.context import Context

NEXT = {
    MailOutState.PLANNED: "send",
    MailOutState.APPROVED: "send",
    MailOutState.SENDING: "status",
    MailOutState.PAUSED: "resume",
    MailOutState.STOPPED: "status",
    MailOutState.FINISHED: "status",
}


def say_where(context: Context) -> None:
    """Say where one is; what is wrong there is said as well, and is no error: nothing was asked
    for.
    """
    try:
        safety = context.workspace.settings.safety
        mode = "for the demo alone" if safety.demo_only else f"{safety.mode} mode"
        context.say(f"\nYou are in the workspace {context.workspace.root} ({mode}).")
        context.say(f"  {_newest(context)}")
    except MailerError as error:
        context.say(f"\n{error.message}")
        context.say(f"  {error.hint}")


def _newest(context: Context) -> str:
    from mailer.ledger import mailouts

    if not context.workspace.has_ledger:
        return "nothing planned yet – mailer check, then mailer plan APPEAL"
    with context.ledger() as ledger, ledger.reading() as connection:
        found = mailouts.all_of_them(connection)
    if not found:
        return "nothing planned yet – mailer check, then mailer plan APPEAL"
    newest = found[-1]
    return f"{newest.name} {newest.state} – mailer {NEXT[newest.state]} {newest.name}"
