"""Looks at everything that a mail-out rests on, and says in sentences what is well, what wants a
look, and what is wrong.

Each part yields `Finding`s as it goes. Nothing is changed, and nothing is sent except by
`send_test`, to an address of the allow-list. What cannot be found out is "not known", never
"wrong".
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
import tomllib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from importlib import resources
from pathlib import Path

from mailer.base import clock
from mailer.base.address import allowed, domain_of
from mailer.base.errors import MailerError, Refused, ServerError, Severity
from mailer.base.settings.unfilled import unfilled
from mailer.base.settings.workspace import MailAccount, Workspace
from mailer.base.states import State
from mailer.ledger.guard import copies, health
from mailer.ledger.guard.filesystem import NETWORK, kind_of, synced_by
from mailer.ledger.ledger import Ledger
from mailer.ledger.record import erasure
from mailer.letters import appeal as appeals
from mailer.letters.message import mime
from mailer.letters.message.finish import finished
from mailer.letters.render import Rendered
from mailer.plan.draft import read_contacts
from mailer.sending import imap
from mailer.sending.connect import imap_server, signer, smtp_server
from mailer.sending.smtp.server import Opened, Patience, Server, open_line
from mailer.sending.smtp.session import Envelope, SmtpSession


class Verdict(StrEnum):
    """The values stand in JSON."""

    OK = "ok"
    LOOK = "look"
    WRONG = "wrong"
    NOT_KNOWN = "not_known"


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence of `mailer doctor`, and what to do where something is to be done."""

    topic: str
    verdict: Verdict
    sentence: str
    fix: str = ""


OK, LOOK, WRONG, NOT_KNOWN = Verdict.OK, Verdict.LOOK, Verdict.WRONG, Verdict.NOT_KNOWN

PATIENCE = Patience(connect=15, command=30, data=30, stall=60, dot=120)
"""Shorter than for letters to people: somebody is waiting at the screen."""

LITTLE_ROOM, NO_ROOM = 1_000_000_000, 100_000_000  # bytes
KEPT = timedelta(days=90)
"""How long names and letters are of use after a mail-out; then they are only a risk to the people
in it.
"""
EXPIRES_SOON = timedelta(days=21)
CLOCK_MAY_DIFFER = timedelta(minutes=2)
A_DATE = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}"
)
ROOM_FOR_A_LETTER = 5_000_000  # bytes a server should take, for letters with an attachment


# ---------------------------------------------------------------------- this computer and its files


def settings(workspace: Workspace) -> Iterator[Finding]:
    """Look at what the settings say."""
    safety, smtp = workspace.settings.safety, workspace.settings.smtp
    yield Finding("settings", OK, f"the settings of {workspace.root} can be read")
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
        found.append(Finding("settings", WRONG, _sentence(fault), fault.hint))
    try:
        signer(workspace)
    except MailerError as fault:
        return None, [*found, Finding("settings", WRONG, _sentence(fault), fault.hint)]
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
    ledger = _ledger_file(workspace)
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
    found = []
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


def _secret_files(account: MailAccount) -> list[str]:
    sources = (account.password, account.oauth)
    return [source.file for source in sources if source is not None and source.file]


def disk(workspace: Workspace) -> Iterator[Finding]:
    """Look at the disk that the send log lies on."""
    folder = (_ledger_file(workspace) or workspace.state_dir).parent
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
    if _ledger_file(workspace) is None:
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
    path = _ledger_file(workspace)
    if path is not None and not path.exists():
        yield Finding("send log", OK, "there is no send log yet; the first plan makes it")
        return
    try:
        with Ledger(workspace.ledger_url) as ledger:
            found = health.examine(ledger)
            long_ago = (now() - KEPT).date()
            with ledger.reading() as connection:
                old = len(erasure.ended_before(connection, long_ago))
                copied = copies.is_a_copy(connection)
    except MailerError as fault:
        yield Finding("send log", WRONG, _sentence(fault), fault.hint)
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
    if old:
        sentence = (
            f"{old} rows of mail-outs that ended more than {KEPT.days} days ago still say who was"
            " written to"
        )
        fix = f'mailer log forget --before {long_ago} --because "kept for {KEPT.days} days"'
        yield Finding("send log", LOOK, sentence, fix)
    if found.last_event_at and found.last_event_at > now() + CLOCK_MAY_DIFFER:
        sentence = (
            "this computer's clock is behind the last entry of the send log"
            f" ({found.last_event_at:%d %b %Y %H:%M} UTC)"
        )
        yield Finding("clock", WRONG, sentence, "set the clock")


def _ledger_file(workspace: Workspace) -> Path | None:
    scheme, _, path = workspace.ledger_url.partition(":///")
    return Path(path.partition("?")[0]) if scheme.startswith("sqlite") else None


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
    names = appeals.names(workspace.root)
    for name in names:
        try:
            appeal = appeals.load_appeal(workspace.root, name)
        except MailerError as fault:
            yield Finding("appeals", LOOK, f"{name}: {_sentence(fault)}", f"mailer check {name}")
        else:
            yield Finding("appeals", OK, f"{name}: letters in {', '.join(sorted(appeal.letters))}")
    if not names:
        yield Finding(
            "appeals",
            LOOK,
            "there is no appeal yet",
            "make a folder in templates/, with a letter en.md in it",
        )


# -------------------------------------------------------------------------------------- mail server


def limits(workspace: Workspace) -> Iterator[Finding]:
    """Compare the limits with what the provider is known to take."""
    ours, smtp = workspace.settings.limits, workspace.settings.smtp
    text = resources.files("mailer.actions").joinpath("providers.toml").read_text(encoding="utf-8")
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


async def server(
    workspace: Workspace, at: Server, now: clock.Clock = clock.now
) -> AsyncIterator[Finding]:
    """Connect, secure the line and log in, once; then say what the server offers."""
    try:
        opened = await open_line(at, PATIENCE)
    except ServerError as fault:
        yield Finding("mail server", WRONG, _sentence(fault), fault.hint)
        return
    opened.line.abort()
    for finding in (
        *_line(opened, at, now()),
        *_offers(opened, workspace),
        _clock(opened.greeting, now()),
    ):
        yield finding


async def mailbox(workspace: Workspace) -> Finding:
    """Log in to the mailbox of `[imap]` and open its folder of sent mail, read-only."""
    try:
        nothing = f"<{secrets.token_hex(16)}@{domain_of(workspace.settings.sender.address)}>"
        (found,) = await imap.search(
            imap_server(workspace), [nothing], [], workspace.settings.imap.folder
        )
    except MailerError as fault:
        return Finding("folder of sent mail", WRONG, _sentence(fault), fault.hint)
    return Finding(
        "folder of sent mail",
        OK,
        f'the folder "{found.folder}" can be searched for an unknown letter',
    )


def _line(opened: Opened, at: Server, now: datetime) -> Iterator[Finding]:
    yield Finding("mail server", OK, f"{opened.peer} answers, {opened.tls or 'not encrypted'}")
    if opened.certificate_until is not None:
        left = opened.certificate_until - now
        words = f"its certificate is good for another {left.days} days"
        soon = left < EXPIRES_SOON
        fix = "remind the people who run the server" if soon else ""
        yield Finding("mail server", LOOK if soon else OK, words, fix)
    if at.user is not None:
        yield Finding("mail server", OK, f"it took the login of {at.user}")
    elif "auth" in opened.extensions:
        yield Finding(
            "mail server",
            LOOK,
            "it offers a login, and none is set",
            "[smtp] user, if letters are refused",
        )


def _offers(opened: Opened, workspace: Workspace) -> Iterator[Finding]:
    offered = opened.extensions
    size = offered.get("size", "").strip()
    if size.isdecimal() and 0 < int(size) < ROOM_FOR_A_LETTER:
        sentence = f"it takes letters of up to {int(size) / 1e6:.1f} MB"
        yield Finding(
            "mail server", LOOK, sentence, "link to large files instead of attaching them"
        )
    elif size.isdecimal() and int(size):
        yield Finding("mail server", OK, f"it takes letters of up to {int(size) / 1e6:.1f} MB")
    else:
        yield Finding(
            "mail server", NOT_KNOWN, "how large a letter it takes is not known: it does not say"
        )
    if "pipelining" not in offered:
        yield Finding(
            "mail server",
            OK,
            "it takes one command at a time, so a far-away server is slow (no PIPELINING)",
        )
    if "smtputf8" not in offered:
        yield Finding(
            "mail server", OK, "it takes no addresses beyond ASCII before the @ (no SMTPUTF8)"
        )
    if workspace.settings.smtp.dsn and "dsn" not in offered:
        sentence = "[smtp] dsn asks for delivery reports, and it offers none"
        yield Finding(
            "mail server",
            LOOK,
            sentence,
            "take dsn out: ordinary returned letters come all the same",
        )


def _clock(greeting: str, now: datetime) -> Finding:
    found = A_DATE.search(greeting)
    if found is None:
        sentence = (
            "whether this computer's clock is right is not known: the mail server names no time"
        )
        return Finding(
            "clock", NOT_KNOWN, sentence, "compare it with another; letters carry its date"
        )
    theirs = parsedate_to_datetime(found[0]).astimezone(UTC)
    apart = abs(now - theirs)
    if apart <= CLOCK_MAY_DIFFER:
        return Finding("clock", OK, "this computer's clock agrees with the mail server's")
    which = "behind" if now < theirs else "ahead of"
    sentence = (
        f"this computer's clock is {_span(apart)} {which} the mail server's"
        f" ({theirs:%d %b %Y %H:%M} UTC)"
    )
    return Finding(
        "clock", WRONG, sentence, "set the clock: letters with a wrong date are taken for spam"
    )


def _span(apart: timedelta) -> str:
    minutes = round(apart / timedelta(minutes=1))
    return (
        f"{minutes} minutes"
        if minutes < 120
        else f"{minutes // 60} hours"
        if minutes < 2880
        else f"{apart.days} days"
    )


# -------------------------------------------------------------------------------------- test letter


def may_be_tested(workspace: Workspace, to: str) -> None:
    """Raise `Refused` for an address that is not on the allow-list, in live mode too."""
    if not allowed(to, workspace.settings.safety.allow):
        raise Refused(
            f"{to} is not on the allow-list. Test letters go to nobody else, in live mode too.",
            hint=f'[safety] allow = ["{to}"] in config.toml',
            code="S108",
        )


async def send_test(
    workspace: Workspace, at: Server, to: str, now: clock.Clock = clock.now
) -> Finding:
    """Send one real letter to `to`, which must be on the allow-list in every mode. Raises `Refused`
    where it is not.
    """
    may_be_tested(workspace, to)
    allow = workspace.settings.safety.allow
    sender = workspace.settings.sender
    text = (
        "This is a test letter of the mailer.\n\nIf you can read it, the server takes letters from"
        " this account. Look at its headers, too:\nspf, dkim and dmarc should read pass.\n"
    )
    data = mime.build(
        Rendered(
            subject="Test letter",
            preview="",
            text=text,
            html=f"<!DOCTYPE html><html lang=en><body><p>{text}</p></body></html>",
            greeting="This is",
            language="en",
        ),
        sender=sender.from_,
        reply_to=sender.answers_to,
        recipient_name="",
        recipient_address=to,
        message_id="<"
        + mime.message_id(secrets.token_bytes(32), "test letter", to, domain_of(sender.address))
        + ">",
        unsubscribe=sender.answers_to,
    )
    session = SmtpSession(at, PATIENCE, lambda address: allowed(address, allow))

    async def yes() -> bool:
        return True

    try:
        signed, _ = finished(data, (), now(), signer(workspace))
        receipt = await session.deliver(Envelope(sender.address, to, signed), yes)
        await session.quit()
    finally:
        session.abort()
    said = " ".join(str(part) for part in (receipt.code, receipt.text) if part)
    if receipt.state is State.ACCEPTED:
        return Finding(
            "test letter",
            OK,
            f"a test letter to {to} was accepted: {said}",
            "see that it arrives, and where",
        )
    if receipt.state is State.UNKNOWN:
        return Finding(
            "test letter",
            NOT_KNOWN,
            f"whether the test letter to {to} was accepted is not known: {said}",
        )
    return Finding(
        "test letter",
        WRONG,
        f"the test letter to {to} was not accepted: {said}",
        "read what the server said",
    )


def _sentence(fault: MailerError) -> str:
    return fault.message.rstrip(".")
