"""`mailer work`: help with whatever is being sent, from another window or another machine; as a
service also begin what is approved and due, with nobody at the keyboard.
"""

from __future__ import annotations

import signal
import sys
import threading
from datetime import timedelta
from functools import partial
from pathlib import Path

import click

from mailer.actions.mail_outs import has_died, notices, sending, standing
from mailer.actions.mail_outs.beside import read_beside
from mailer.base import clock
from mailer.base.errors import Interrupted, MailerError, UsageError
from mailer.base.states import MailOutState
from mailer.cli.context import Command, Context
from mailer.cli.screen.progress import CLOSED, INTERRUPTED, run
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from mailer.ledger.mailouts import MailOut

LOOK = 2.0  # seconds between two looks at what there is to do
AGAIN = 60.0  # seconds after which a service tries again what was refused
LOGIN_AGAIN = 3600.0  # … and what the server will refuse again: a login too often closes an account
SAID_TO_BE_LATE = timedelta(minutes=5)

UNIT = """\
[Unit]
Description=pace-mailer: sends what is approved and due

[Service]
ExecStart={command} work --service
WorkingDirectory={root}
Restart=always
RestartSec=30
RestartPreventExitStatus=2
TimeoutStopSec=60
UMask=0077
NoNewPrivileges=true

[Install]
WantedBy=default.target
"""
"""After a reboot, and after whatever ended it, the service is begun anew; a mistake in the settings
(2) is waited for.
"""


@click.command(cls=Command)
@click.option(
    "--once", is_flag=True, help="End when nothing is being sent, instead of waiting for the next."
)
@click.option("--service", is_flag=True, help="Begin what is approved and due, too.")
@click.option("--unit", is_flag=True, help="Print a systemd unit that runs the service.")
@click.pass_obj
def work(context: Context, once: bool, service: bool, unit: bool) -> int:
    """Take part in every sending that somebody has begun, with this workspace's account."""
    if unit:
        click.echo(systemd_unit(context.workspace.root), nl=False)
        return 0
    if service and once:
        raise UsageError("A service does not end by itself.", hint="leave out --once")
    with context.ledger() as ledger, read_beside(context.workspace, context.say):
        sending.may_help(ledger)
        try:
            return _Service(context, ledger).serve() if service else _help(context, ledger, once)
        except Interrupted as left:
            if not service:
                raise
            context.say(left.message)
            return 0


def systemd_unit(root: Path) -> str:
    """Write the unit that runs the service of a workspace, for `systemctl --user` or the system."""

    def quoted(text: str) -> str:
        return '"' + text.replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"') + '"'

    words = [sys.executable, "-m", "mailer", "-C", str(root)]
    return UNIT.format(
        command=" ".join(map(quoted, words)).replace("$", "$$"), root=str(root).replace("%", "%%")
    )


def _help(context: Context, ledger: Ledger, once: bool) -> int:
    said: set[str] = set()
    while True:
        workspace = context.read_again()
        mine, others = sending.to_help_with(workspace, ledger)
        _say_of_others(context, others, said)
        for mail_out in mine:
            context.say(f"{mail_out.name}: taking part")
            after = run(context, mail_out, sending.helper(workspace, ledger, mail_out.id))
            if after.state is MailOutState.SENDING:
                context.say(f"{after.name} goes on without this sender.")
                return Interrupted.exit_code
            _say_how_it_stands(context, after)
            if after.state is MailOutState.PAUSED and after.why in (INTERRUPTED, CLOSED):
                return Interrupted.exit_code
        if once and not mine:
            context.say("Nothing is being sent.")
            return 0
        threading.Event().wait(LOOK)


def _say_of_others(context: Context, others: list[MailOut], said: set[str]) -> None:
    for name in (one.name for one in others if one.name not in said):
        said.add(name)
        context.say(
            f"{name} was planned for another server, sender or mode; it is left alone.", "yellow"
        )


def _say_how_it_stands(context: Context, after: MailOut) -> None:
    context.say(f"{after.name} is {after.state}{': ' + after.why if after.why else ''}.")


class _Service:
    """Looks every two seconds for what is to be begun, or to be gone on with."""

    def __init__(self, context: Context, ledger: Ledger) -> None:
        self.context, self.ledger = context, ledger
        self.said: set[str] = set()
        self.again: dict[int, float] = {}  # a mail-out that was refused → `clock.steady`
        self.ended = threading.Event()
        self.began, self.asked = ledger.now(), set[int]()  # who has been asked for a yes

    def serve(self) -> int:
        notices.may_tell(self.context.workspace)
        self.context.say("The service sends what is approved and due. Ctrl-C ends it.")
        while not self.ended.is_set():
            self.hear()
            self.look_once()
            self.ended.wait(LOOK)
        return 0

    def hear(self) -> None:
        """Let signals end the service; each sending takes them over, and leaves none behind."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.ended.set())

    def look_once(self) -> None:
        try:
            self.look()
        except Interrupted:
            raise
        except MailerError as refusal:  # the kill switch; a database that restarts; the settings
            self.say_once(refusal.message)

    def look(self) -> None:
        log, ledger = self.context.workspace.ledger_url, self.ledger
        workspace = self.context.read_again()  # somebody may have changed the settings since
        if workspace.ledger_url != log:
            raise Interrupted("The settings name another send log now: begin the service anew.")
        for mail_out in sending.close_what_is_past(workspace, ledger):
            self.say_and_tell(mail_out)
        for mail_out in sending.wait_for_a_yes(workspace, ledger, self.began):
            if mail_out.id not in self.asked:
                self.asked.add(mail_out.id)
                self.tell(mail_out, "needs a yes")
        for mail_out in self.ready()[:1]:  # while it is sent, the others may be paused, or put off
            self.attempt(mail_out, begins=True)
        mine, others = sending.to_help_with(workspace, ledger)
        _say_of_others(self.context, others, self.said)
        for mail_out in others:
            self.tell_where_nobody_sends(mail_out)
        for mail_out in mine:
            if self.again.get(mail_out.id, 0.0) <= clock.steady() and not self.ready():
                self.attempt(mail_out, begins=False)

    def ready(self) -> list[MailOut]:
        """Return what is to begin now, but for what was refused a moment ago."""
        due = sending.due_to_begin(self.context.workspace, self.ledger)
        return [one for one in due if self.again.get(one.id, 0.0) <= clock.steady()]

    def another_waits(self, mail_out: MailOut) -> bool:
        """Say whether another mail-out is to begin now, or has somebody to be written to while this
        one has nobody: letters that were put off for hours hold up no other mail-out.
        """
        try:
            workspace = self.context.read_again()
            for one in self.ready():
                try:
                    sending.may_begin(workspace, self.ledger, one)
                except MailerError as refusal:
                    self.refused(one, refusal)
                else:
                    return True
            return sending.another_is_due(workspace, self.ledger, mail_out.id)
        except MailerError:  # said at the next look
            return False

    def attempt(self, mail_out: MailOut, *, begins: bool) -> None:
        """Begin a mail-out, or go on with it. What refuses it is said once, and tried again."""
        workspace, ledger = self.context.workspace, self.ledger
        try:
            dispatch = (
                sending.begin_due(workspace, ledger, mail_out)
                if begins
                else sending.helper(workspace, ledger, mail_out.id, first=None)
            )
            self.context.say(f"{mail_out.name}: {self.what_it_does(mail_out, begins=begins)}")
            after = run(
                self.context, mail_out, dispatch, service=partial(self.another_waits, mail_out)
            )
        except Interrupted:
            raise
        except MailerError as refusal:
            self.refused(mail_out, refusal)
            return
        finally:
            self.hear()
        self.said = {one for one in self.said if not one.startswith(mail_out.name)}
        if after.state is MailOutState.SENDING:
            self.context.say(f"{after.name} goes on later: another mail-out is due.")
        elif after.state in mailouts.FRESH:  # somebody has said otherwise at the last moment
            _say_how_it_stands(self.context, after)
        else:
            self.say_and_tell(after)

    def refused(self, mail_out: MailOut, refusal: MailerError) -> None:
        """Say and tell once what keeps a mail-out from beginning, or from going on."""
        waits = AGAIN if getattr(refusal, "temporary", True) else LOGIN_AGAIN
        self.again[mail_out.id] = clock.steady() + waits
        what = f"{mail_out.name}: {refusal.message} {refusal.hint}".strip()
        now = standing(self.ledger, mail_out.id).mail_out
        if now.state not in mailouts.FRESH:  # it has begun, and could not go on
            if what not in self.said:
                self.tell(now, f"could not go on: {refusal.message}")
        elif sending.could_not_begin(self.ledger, mail_out, refusal.message):
            self.tell(mail_out, f"could not begin: {refusal.message}")
        self.say_once(what)

    def what_it_does(self, mail_out: MailOut, *, begins: bool) -> str:
        if not begins or mail_out.starts_at is None:
            return "taking part"
        late = self.ledger.now() - mail_out.starts_at
        minutes = f", {late // timedelta(minutes=1)} min after its hour"
        return "beginning" + (minutes if late >= SAID_TO_BE_LATE else "")

    def say_and_tell(self, after: MailOut) -> None:
        _say_how_it_stands(self.context, after)
        self.tell(after, f"{after.state}{': ' + after.why if after.why else ''}")

    def tell_where_nobody_sends(self, mail_out: MailOut) -> None:
        what = "it was planned for another server, sender or mode than those of config.toml now"
        with self.ledger.reading() as connection:
            died = has_died(self.ledger, connection, mail_out)
        if died and f"{mail_out.name}: {what}" not in self.said:
            self.said.add(f"{mail_out.name}: {what}")
            self.tell(mail_out, f"could not go on: {what}, and nobody sends it")

    def tell(self, mail_out: MailOut, what: str) -> None:
        notices.tell(self.context.workspace, mail_out, what, self.context.say)

    def say_once(self, what: str) -> None:
        if what not in self.said:
            self.said.add(what)
            self.context.say(what, "yellow")
