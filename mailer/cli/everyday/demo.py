"""`mailer demo`: the whole journey on made-up people, to a mailbox on this computer. Nothing leaves
it.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
import tomllib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import click

from mailer.base.errors import Interrupted, Refused, UsageError
from mailer.base.settings.workspace import Workspace, load_workspace
from mailer.base.states import MailOutState
from mailer.cli.context import Command, Context
from mailer.cli.screen.progress import INTERRUPTED, run
from mailer.cli.screen.tables import (
    say_text,
    show_delegations,
    show_left_out,
    show_steps,
    show_totals,
)
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from mailer.ledger.moves.limits import Limits
from mailer.ledger.reading import deliveries
from mailer.letters import appeal as appeals
from mailer.plan.draft import draft
from mailer.plan.plan import Plan
from mailer.sending.demo_server import Mailbox, Trick
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


@click.command(cls=Command)
@click.pass_obj
def demo(context: Context) -> int:
    """See it work: 612 made-up people, a mailbox on this computer, nothing leaves it."""
    try:
        workspace = _make_folder(context)
    except OSError as error:
        message = f"The demo cannot make its folder in {Path.cwd()}: {error.strerror or error}."
        raise UsageError(
            message, hint="go to a folder that you may write to, with 40 MB of room"
        ) from error
    now = draft(workspace, _appeal(workspace), mode="demo")
    plan = now.plan()
    letters = plan.to_send
    if not context.json:
        _announce(context, plan, sorted(now.appeal.letters))
    if not letters:
        raise UsageError("Nobody in these sheets would get a letter.", hint="mailer check")
    with (
        closing(Ledger(workspace.ledger_url)) as ledger,
        Mailbox(workspace.root / "mailbox", _tricks(plan)) as mailbox,
    ):
        with ledger.writing() as connection:
            mail_out_id = mailouts.create(connection, plan, at=ledger.now(), who="demo")
        with ledger.reading() as connection:
            mail_out = mailouts.get(connection, mail_out_id)
        # Loopback, whatever the configuration says; the session refuses an unprotected line to
        # anywhere else.
        server = Server("127.0.0.1", mailbox.port, "none", None, None, helo=now.sending.domain)
        limits = workspace.settings.limits
        pace = Limits("demo", PER_MINUTE)
        options = SendingOptions(limits.connections, limits.per_connection, pace, schedule=(AGAIN,))
        begun = time.monotonic()
        after = run(
            context,
            ledger,
            mail_out,
            lambda: SmtpSession(server, Patience(), lambda _address: True),
            options,
        )
        seconds = time.monotonic() - begun
        with ledger.reading() as connection:
            if context.json:
                counts = deliveries.counts(connection, mail_out_id)
                root = workspace.root
                context.data(
                    {
                        "event": "finished",
                        "workspace": root,
                        "mail_out": after.name,
                        "counts": counts,
                    }
                )
            else:
                context.say(f"  sent in {seconds:.1f} s\n")
                for show in (show_totals, show_delegations, show_left_out):
                    show(replace(context, folder=Path(FOLDER)), connection, after)
                    context.out.print()
    if after.state is not MailOutState.FINISHED:
        context.say(
            f"The demo was interrupted ({after.why or after.state}). mailer demo begins anew."
        )
        return 130 if after.why == INTERRUPTED else Interrupted.exit_code
    if not context.json:
        _farewell(context, after.name)
    return 0


def _source(context: Context) -> Path:
    """Return the workspace that is shown: this folder's, else the one that comes with
    the mailer.
    """
    if (context.folder / "config.toml").exists():
        return context.folder
    package = Path(__file__).parents[2]
    for folder in (package.parent, package / "demo"):  # in a checkout; in an installed package
        if (folder / "config.toml").exists():
            return folder
    raise UsageError("There is no workspace here to show.", hint="mailer -C DIR demo")


def _make_folder(context: Context) -> Workspace:
    """Copy sheets, letters and settings into the demo's own folder; the one of an earlier demo
    gives way.
    """
    source = load_workspace(_source(context), instead=tomllib.loads(LOCAL))
    folder, fresh = Path.cwd() / FOLDER, Path.cwd() / f".{FOLDER}.new"
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


def _appeal(workspace: Workspace) -> str:
    names = appeals.names(workspace.root)
    if not names:
        raise UsageError("There is no appeal to show: the folder templates/ is empty.")
    return names[0]


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


def _announce(context: Context, plan: Plan, languages: Sequence[str]) -> None:
    delegations = len(plan.by_delegation())
    invented = all(one.contact.address.endswith(".example") for one in plan.to_send)
    people = "made-up people" if invented else "the people of this workspace"
    example = " (addresses end in .example, a name that can never exist)" if invented else ""
    say_text(
        context,
        f"DEMO – {people}, and a mailbox on this computer. Nothing leaves it.",
        style="bold",
    )
    for text in (
        f"{len(plan.deliveries)} members of {delegations} delegations{example}",
        f'the appeal "{plan.title}", in {len(languages)} languages ({", ".join(languages)})',
        (
            f"{len(plan.left_out)} people are left out on purpose, and the mailbox plays tricks: it"
            " refuses some, delays some, hangs up once."
        ),
    ):
        say_text(context, text, indent=2)
    context.say()


def _farewell(context: Context, name: str) -> None:
    say_text(
        context,
        f"Everything is in ./{FOLDER}; the letters are in its folder mailbox, for any mail"
        " program.",
    )
    program = Path(sys.argv[0])
    if shutil.which("mailer") is None and (activate := program.with_name("activate")).is_file():
        context.say("\nOnce in this terminal, so that it knows the word mailer:")
        show_steps(context, [("type", f"source {os.path.relpath(activate)}")])
    context.say("\nLook around:")
    show_steps(
        replace(context, folder=Path(FOLDER)),
        [
            ("not reached", "mailer log people --state refused,unknown"),
            ("one letter", f"mailer log show {name} NAME"),
            ("delegations", "mailer log delegations --all"),
            ("in a browser", "mailer console"),
        ],
    )
    context.say("Then, for real work:")
    show_steps(replace(context, folder=Path()), [("begin", "mailer init my-workspace")])
