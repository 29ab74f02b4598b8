"""The demo: a copy of a workspace that can reach nobody, a mailbox on this computer that plays
tricks, and the sender between the two.

The copy is made beside the old one and put in its place as a whole.
"""

from __future__ import annotations

import contextlib
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from mailer.base.errors import Refused, UsageError
from mailer.base.settings.tables import Limits
from mailer.base.settings.workspace import Workspace, load_workspace
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from mailer.ledger.mailouts import MailOut
from mailer.letters import appeal_files as appeals
from mailer.plan.draft import Draft, draft
from mailer.plan.plan import Plan
from mailer.sending.demo_server import Mailbox, Trick
from mailer.sending.dispatch import Dispatch
from mailer.sending.queue import SendingOptions
from mailer.sending.smtp.session import Patience, Server, SmtpSession

FOLDER = "demo-workspace"
MARK = ".made-by-mailer-demo"
"""Stands in a folder that the demo made, and may therefore make anew."""

PER_MINUTE = 6000
AGAIN = timedelta(seconds=2)

# Where in the order of sending the mailbox plays its tricks, as a share of the way.
TRICKS = {
    Trick.NO_SUCH_MAILBOX: (0.12, 0.27, 0.41, 0.58, 0.83),
    Trick.MAILBOX_FULL: (0.33, 0.70),
    Trick.CALLS_IT_SPAM: (0.50,),
    Trick.LATER: (0.20, 0.45, 0.65, 0.90),
    Trick.HANGS_UP: (0.77,),
}
FEW = 100
"""With fewer people than this the mailbox calls nothing spam: among the first letters that stops a
mail-out.
"""

HEADING = '# Written by "mailer demo": from this copy nothing can reach a real person.\n'
LOCAL = """\
[smtp]
host = "127.0.0.1"
security = "none"

[safety]
mode = "test"
allow = []
demo_only = true

[log]
database = ".mailer/ledger.db"
"""
"""Stands in place of these tables, whatever the workspace that is shown says."""


@dataclass(frozen=True, slots=True)
class Demo:
    """A workspace that can reach nobody, and what is planned in it."""

    now: Draft
    plan: Plan

    @property
    def invented(self) -> bool:
        """Whether all addresses are of names that can never exist."""
        return all(one.contact.address.endswith(".example") for one in self.plan.to_send)

    @contextlib.contextmanager
    def sender(self) -> Iterator[tuple[MailOut, Dispatch]]:
        """Put the plan on record, open the mailbox, and yield what sends the letters to it."""
        workspace = self.now.workspace
        # Loopback, whatever the configuration says; the session refuses an unprotected line to
        # anywhere else.
        with (
            closing(Ledger(workspace.ledger_url)) as ledger,
            Mailbox(workspace.root / "mailbox", _tricks(self.plan)) as mailbox,
        ):
            with ledger.writing() as connection:
                number = mailouts.create(connection, self.plan, at=ledger.now(), who="demo")
                mail_out = mailouts.get(connection, number)
            helo, limits = self.now.sending.domain, workspace.settings.limits
            server = Server("127.0.0.1", mailbox.port, "none", None, None, helo=helo)
            pace = Limits(
                per_minute=PER_MINUTE,
                connections=limits.connections,
                per_connection=limits.per_connection,
            )
            options = SendingOptions(pace, "demo", schedule=(AGAIN,))
            yield (
                mail_out,
                Dispatch(
                    ledger, number, lambda: SmtpSession(server, Patience(), lambda _: True), options
                ),
            )


def demo(shown: Path, beside: Path) -> Demo:
    """Copy the workspace in `shown`, or the one that comes with the mailer where that is none, into
    a folder of the demo's own in `beside`, and plan its first appeal there.
    """
    try:
        workspace = _copied(_source(shown), beside)
    except OSError as error:
        raise UsageError(
            f"The demo cannot make its folder in {beside}: {error.strerror or error}.",
            hint="go to a folder that you may write to, with 40 MB of room",
        ) from error
    names = appeals.names(workspace.root)
    if not names:
        raise UsageError("There is no appeal to show: the folder templates/ is empty.")
    now = draft(workspace, names[0], mode="demo")
    made = Demo(now, now.plan())
    if not made.plan.to_send:
        raise UsageError("Nobody in these sheets would get a letter.", hint="mailer check")
    return made


def _source(shown: Path) -> Path:
    package = Path(__file__).parents[2]
    for folder in (shown, package.parent, package / "demo"):  # a checkout; an installed package
        if (folder / "config.toml").exists():
            return folder
    raise UsageError("There is no workspace here to show.", hint="mailer -C DIR demo")


def _copied(shown: Path, beside: Path) -> Workspace:
    """Copy sheets, letters and settings; the folder of an earlier demo gives way."""
    source = load_workspace(shown, instead=tomllib.loads(LOCAL))
    folder, fresh = beside / FOLDER, beside / f".{FOLDER}.new"
    if folder.exists() and not (folder / MARK).exists():
        raise Refused(
            f"{folder} was not made by the demo, and is left alone.",
            hint="Move it away, or go elsewhere.",
        )
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    (fresh / MARK).touch()
    shutil.copy(source.root / "config.toml", fresh)
    for part in (source.contacts_dir, source.templates_dir):
        if part.is_dir():
            shutil.copytree(
                part,
                fresh / part.relative_to(source.root),
                ignore=shutil.ignore_patterns("*.py", "__py*"),
            )
    (fresh / "config.local.toml").write_text(f"{HEADING}{LOCAL}", encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
    workspace = replace(source, root=folder)
    workspace.make_state_dir()
    return workspace


def _tricks(plan: Plan) -> dict[str, Trick]:
    """Say to whom the mailbox plays which trick; the same people each time."""
    letters = sorted(plan.to_send, key=lambda one: one.position)
    tricks = {}
    for trick, places in TRICKS.items():
        if trick is Trick.CALLS_IT_SPAM and len(letters) < FEW:
            continue
        for place in places:
            tricks[letters[int(place * len(letters))].contact.address] = trick
    return tricks
