"""Looks at everything that a mail-out rests on, and says in sentences what is well, what wants a
look, and what is wrong.

Each part yields `Finding`s as it goes. Nothing is changed, and nothing is sent but one test letter
on request, to an address of the allow-list. What cannot be found out is "not known", never "wrong".
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import tomllib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from importlib import resources
from pathlib import Path

from mailer.actions.doctor import domains, mail_server
from mailer.actions.doctor.finding import LOOK, NOT_KNOWN, OK, WRONG, Finding, said
from mailer.actions.mail_outs.sending import of_another_workspace
from mailer.actions.send_log.footprint import our_files, place_of
from mailer.actions.writing import appeals
from mailer.base import clock
from mailer.base.address import domain_of
from mailer.base.errors import MailerError, Severity
from mailer.base.settings.tables import MailAccount
from mailer.base.settings.unfilled import unfilled
from mailer.base.settings.workspace import Workspace
from mailer.base.spelling import many
from mailer.ledger.guard import copies, health
from mailer.ledger.guard.filesystem import NETWORK, kind_of, synced_by
from mailer.ledger.ledger import Ledger
from mailer.ledger.record import erasure
from mailer.ledger.record.places import Way
from mailer.plan.draft import read_contacts
from mailer.sending.connect import signer, smtp_server
from mailer.sending.smtp.server import Server

LITTLE_ROOM, NO_ROOM = 1_000_000_000, 100_000_000  # bytes
KEPT = 90
"""Days that names and letters are of use after a mail-out, where `[sender] privacy` says none; then
they are only a risk to the people in it.
"""


async def examine(
    workspace: Workspace, *, to: str | None = None, online: bool = False, dkim: str | None = None
) -> AsyncIterator[Finding]:
    """Look at everything, part by part.

    `to` is the address of a test letter; `online` asks the name servers about the sender's domain,
    and `dkim` is the name of its key there. Raises `Refused` where `to` is not on the allow-list.
    """
    if to is not None:
        mail_server.must_be_ours(workspace, to)
    for part in (settings, files, disk, log, people, limits):
        for finding in part(workspace):
            yield finding
    at, found = logins(workspace)
    for finding in found:
        yield finding
    reached = at is not None
    if at is not None:
        async for finding in mail_server.server(workspace, at):
            reached &= finding.verdict is not WRONG
            yield finding
    if workspace.settings.imap.host is not None:
        yield await mail_server.mailbox(workspace)
    if online:
        sender, public = workspace.settings.sender, ""
        if sender.dkim is not None and dkim in (None, sender.dkim.selector):
            dkim, public = sender.dkim.selector, published(workspace)
        for finding in domains.of_the_sender(
            domain_of(sender.address), dkim, public, domains.name_servers()
        ):
            yield finding
    if at is not None and to is not None and reached:
        yield await mail_server.send_test(workspace, at, to)


# ---------------------------------------------------------------------- this computer and its files


def settings(workspace: Workspace) -> Iterator[Finding]:
    """Look at what the settings say."""
    safety, smtp = workspace.settings.safety, workspace.settings.smtp
    yield Finding("settings", OK, f"the settings of {workspace.root} can be read")
    if workspace.settings.sender.privacy is None:
        sentence = "the footer says no legal basis, no time, and not where one can complain"
        yield Finding("settings", LOOK, sentence, "fill in sender.privacy")
    if left := unfilled(workspace):
        names = ", ".join(one.message.split()[0] for one in left)
        verdict = WRONG if safety.mode == "live" else LOOK
        yield Finding(
            "settings",
            verdict,
            f"still as mailer init wrote them: {names}",
            "mailer check names the lines",
        )
    if safety.mode == "live":
        yield Finding("settings", OK, "live mode: everyone in a plan is written to")
    elif safety.allow:
        yield Finding("settings", OK, f"test mode: only {', '.join(safety.allow)} can be reached")
    else:
        fix = "put your own address into safety.allow"
        yield Finding(
            "settings", LOOK, "test mode with an empty allow-list: nobody can be reached", fix
        )
    if not workspace.settings.sender.postal_address:
        fix = "fill in sender.postal_address"
        yield Finding("settings", LOOK, "letters have no postal address in the footer", fix)
    if smtp.security == "none":
        yield Finding(
            "settings", OK, f"letters go unprotected to {smtp.host}, which is this computer"
        )


def logins(workspace: Workspace) -> tuple[Server | None, list[Finding]]:
    """Fetch the secrets that the settings point to, once. None: there is no complete way in to the
    mail server.
    """
    found, at = [], None
    try:
        at = smtp_server(workspace)
    except MailerError as fault:
        found.append(Finding("settings", WRONG, said(fault), fault.hint))
    try:
        signer(workspace)
    except MailerError as fault:
        return None, [*found, Finding("settings", WRONG, said(fault), fault.hint)]
    return at, found


def published(workspace: Workspace) -> str:
    """Return the public half of the key that letters are signed with; empty where there is none
    that can be used.
    """
    try:
        ours = signer(workspace)
    except MailerError:
        return ""
    return ours.published if ours else ""


def files(workspace: Workspace) -> Iterator[Finding]:
    """Look at who may read and change what holds names, letters and secrets."""
    root = workspace.root
    ledger = workspace.ledger_file
    wanted: list[tuple[Path, int]] = [(workspace.state_dir, 0o077)]
    if ledger is not None:
        wanted += [
            (ledger.with_name(ledger.name + end), 0o077) for end in ("", "-wal", "-shm", ".lock")
        ]
    for account in (workspace.settings.smtp, workspace.settings.imap):
        wanted += [(root / name, 0o077) for name in _secret_files(account)]
    if workspace.settings.sender.dkim is not None:
        wanted.append((root / workspace.settings.sender.dkim.file, 0o077))
    wanted += [(root / name, 0o022) for name in ("config.toml", "config.local.toml")]
    found = list(_open_to_others(workspace))
    for path, others in wanted:
        try:
            about = path.stat()
        except OSError:
            continue
        mode = stat.S_IMODE(about.st_mode)
        if os.name == "posix" and mode & others:
            may = "read" if others & 0o044 else "change"
            fix = f"chmod {'700' if path.is_dir() else '600' if others & 0o044 else 'go-w'} {path}"
            found.append(
                Finding("files", WRONG, f"others can {may} {path} (its mode is {mode:04o})", fix)
            )
        if os.name == "posix" and about.st_uid not in (os.getuid(), 0):
            found.append(
                Finding(
                    "files", LOOK, f"{path} belongs to another user", f"chown {os.getuid()} {path}"
                )
            )
    yield from found or [
        Finding("files", OK, "names, letters and secrets are for their owner alone")
    ]


def _open_to_others(workspace: Workspace) -> Iterator[Finding]:
    """Name the folders with files that hold people and that others can read."""
    if os.name != "posix":
        return
    open_: Counter[str] = Counter()
    for path in our_files(workspace):
        place = place_of(workspace, path.relative_to(workspace.root).as_posix())
        if place.way is not Way.YOURS and path.stat().st_mode & 0o077:
            open_[path.relative_to(workspace.root).parts[0]] += 1
    for folder, number in open_.items():
        sentence = f"others can read {many(number, 'file')} with people in {folder}/"
        yield Finding("files", LOOK, sentence, f"chmod -R go= {workspace.root / folder}")


def _secret_files(account: MailAccount) -> list[str]:
    sources = (account.password, account.oauth)
    return [source.file for source in sources if source is not None and source.file]


def disk(workspace: Workspace) -> Iterator[Finding]:
    """Look at the disk that the send log lies on."""
    folder = (workspace.ledger_file or workspace.state_dir).parent
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    words = f"{free / 1e9:,.1f} GB are free on the disk of the send log"
    if free < NO_ROOM:
        yield Finding("disk", WRONG, words, "make room: a full disk stops a mail-out")
    elif free < LITTLE_ROOM:
        yield Finding("disk", LOOK, words, "make room")
    else:
        yield Finding("disk", OK, words)
    if workspace.ledger_file is None:
        return
    kind, synced = kind_of(folder), synced_by(folder)
    if kind in NETWORK:
        fix = "move the workspace to a disk of this computer, or set [log] database to PostgreSQL"
        yield Finding(
            "disk", WRONG, f"the send log lies on a disk of another machine ({kind})", fix
        )
    elif synced:
        fix = "move the workspace, or at least the send log ([log] database), out of it"
        yield Finding(
            "disk",
            WRONG,
            f'"{synced}" is copied by another program while the send log is written',
            fix,
        )
    elif kind is None:
        yield Finding(
            "disk",
            NOT_KNOWN,
            "whether the send log lies on a disk of this computer is not known",
            "",
        )
    else:
        yield Finding("disk", OK, f"the send log lies on a disk of this computer ({kind})")


def log(workspace: Workspace, now: clock.Clock = clock.now) -> Iterator[Finding]:
    """Look at the send log: does a commit survive a power cut, is it whole, is the
    clock behind it?
    """
    path = workspace.ledger_file
    if path is not None and not path.exists():
        yield Finding("send log", OK, "there is no send log yet; the first plan makes it")
        return
    try:
        with Ledger(workspace.ledger_url) as ledger:
            found = health.examine(ledger)
            privacy = workspace.settings.sender.privacy
            kept = privacy.keep_days if privacy else KEPT
            long_ago = (now() - timedelta(days=kept)).date()
            with ledger.reading() as connection:
                old = len(erasure.ended_before(connection, long_ago))
                copied = copies.is_a_copy(connection)
            others = of_another_workspace(workspace, ledger)
    except MailerError as fault:
        yield Finding("send log", WRONG, said(fault), fault.hint)
        return
    if found.weak:
        fix = "set it back: a marker that is lost is a letter sent twice"
        yield Finding("send log", WRONG, f"{found.database}: {', '.join(found.weak)}", fix)
    else:
        yield Finding(
            "send log",
            OK,
            f"{found.database}: what is recorded survives a power cut ({', '.join(found.durable)})",
        )
    version = tuple(map(int, re.findall(r"\d+", found.database)[:3]))
    if path is not None and version < health.RESET_IS_SAFE:
        sentence = (
            "this SQLite needs that one process writes at a time, which the mailer sees to; let no"
            " other program write"
        )
        yield Finding("send log", OK, sentence)
    if found.damage:
        fix = "keep a copy of the file and its -wal neighbour, then put a backup in their place"
        yield Finding("send log", WRONG, f"the send log is damaged: {found.damage}", fix)
    if copied:
        sentence = (
            "the send log was copied here, or a backup was put back: nothing is sent from it until"
            " somebody decides"
        )
        fix = 'if it is the only one in use: mailer log adopt --because "…"'
        yield Finding("send log", WRONG, sentence, fix)
    if others:
        names = ", ".join(one.name for one in others)
        sentence = f"another workspace has the same send log: {names}"
        fix = "give each a log of its own: on PostgreSQL a schema (docs/configuration.md)"
        yield Finding("send log", LOOK, sentence, fix)
    if old:
        sentence = (
            f"{old} rows of mail-outs that ended more than {kept} days ago still say who was"
            " written to"
        )
        fix = f'mailer log forget --before {long_ago} --because "kept for {kept} days"'
        if privacy:
            fix = "mailer log retention"
        yield Finding("send log", LOOK, sentence, fix)
    if found.last_event_at and found.last_event_at > now() + mail_server.CLOCK_MAY_DIFFER:
        sentence = (
            "this computer's clock is behind the last entry of the send log"
            f" ({found.last_event_at:%d %b %Y %H:%M} UTC)"
        )
        yield Finding("clock", WRONG, sentence, "set the clock")


# ------------------------------------------------------------------------------------------- people


def people(workspace: Workspace) -> Iterator[Finding]:
    """Count contacts and appeals, and how many problems `mailer check` would name."""
    _, book, holds = read_contacts(workspace)
    reachable = sum(contact.skip is None for contact in book.contacts)
    errors = sum(
        problem.severity is Severity.ERROR for problem in (*book.problems, *holds.problems)
    )
    words = (
        f"{reachable} of {len(book.contacts)} people in the sheets can be written to, {len(holds)}"
        " are on the hold list"
    )
    if errors:
        yield Finding("contacts", LOOK, f"{words}; errors: {errors}", "mailer check")
    elif not book.contacts:
        yield Finding(
            "contacts",
            LOOK,
            "nobody is in the contact sheets yet",
            f"fill in those in {workspace.contacts_dir}",
        )
    else:
        yield Finding("contacts", OK, words)
    found = appeals.every(workspace)
    for name, one in found:
        if isinstance(one, MailerError):
            yield Finding("appeals", LOOK, f"{name}: {said(one)}", f"mailer check {name}")
        else:
            yield Finding("appeals", OK, f"{name}: letters in {', '.join(sorted(one.letters))}")
    if not found:
        yield Finding(
            "appeals",
            LOOK,
            "there is no appeal yet",
            "make a folder in templates/, with a letter en.md in it",
        )


def limits(workspace: Workspace) -> Iterator[Finding]:
    """Compare the limits with what the provider is known to take."""
    ours, smtp = workspace.settings.limits, workspace.settings.smtp
    text = (
        resources.files("mailer.actions.doctor")
        .joinpath("providers.toml")
        .read_text(encoding="utf-8")
    )
    known = [
        one
        for one in tomllib.loads(text)["provider"]
        if smtp.host.casefold().endswith(tuple(one["hosts"]))
    ]
    rate = (
        f"{ours.per_minute} letters a minute"
        if ours.per_minute
        else "as many letters a minute as go through"
    )
    words = f"{rate}, {ours.connections} connections"
    if not known:
        fix = "ask your provider what one account may send a minute and a day"
        yield Finding(
            "limits", OK if ours.per_minute else LOOK, words, "" if ours.per_minute else fix
        )
        return
    provider = known[0]
    name, most, lines, day = (
        provider[key] for key in ("name", "per_minute", "connections", "per_day")
    )
    if most and not 0 < ours.per_minute <= most:
        yield Finding(
            "limits",
            LOOK,
            f"{words}; {name} takes {most} a minute",
            f"[limits] per_minute = {most}",
        )
    elif lines and ours.connections > lines:
        yield Finding(
            "limits",
            LOOK,
            f"{words}; {name} takes {lines} at a time",
            f"[limits] connections = {lines}",
        )
    elif day and not 0 < ours.per_day <= day:
        yield Finding(
            "limits", LOOK, f"{words}; {name} takes {day} a day", f"[limits] per_day = {day}"
        )
    else:
        yield Finding("limits", OK, f"{words}, which {name} takes")
    if provider["password_until"] and smtp.password is not None:
        yield Finding(
            "limits", LOOK, provider["password_until"], "[smtp] oauth in place of the password"
        )
