"""Looks at the mail server and the mailbox, as they answer now; on request sends one test letter to
ourselves.

One connection, one login; no letter leaves but by `send_test`, to an address of the allow-list.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from mailer.actions.doctor.finding import LOOK, NOT_KNOWN, OK, WRONG, Finding, said
from mailer.base import clock
from mailer.base.address import allowed, domain_of
from mailer.base.errors import MailerError, Refused, ServerError
from mailer.base.settings.workspace import Workspace
from mailer.base.states import State
from mailer.letters.message import mime
from mailer.letters.message.finish import finished
from mailer.letters.render import Rendered
from mailer.sending import imap
from mailer.sending.connect import imap_server, signer
from mailer.sending.smtp.server import Opened, Patience, Server, open_line
from mailer.sending.smtp.session import Envelope, SmtpSession

PATIENCE = Patience(connect=15, command=30, data=30, stall=60, dot=120)
"""Shorter than for letters to people: somebody is waiting at the screen."""

EXPIRES_SOON = timedelta(days=21)
CLOCK_MAY_DIFFER = timedelta(minutes=2)
A_DATE = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}"
)
ROOM_FOR_A_LETTER = 5_000_000  # bytes a server should take, for letters with an attachment


async def server(
    workspace: Workspace, at: Server, now: clock.Clock = clock.now
) -> AsyncIterator[Finding]:
    """Connect, secure the line and log in, once; then say what the server offers."""
    try:
        opened = await open_line(at, PATIENCE)
    except ServerError as fault:
        yield Finding("mail server", WRONG, said(fault), fault.hint)
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
        return Finding("folder of sent mail", WRONG, said(fault), fault.hint)
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


def must_be_ours(workspace: Workspace, to: str) -> None:
    """Raise `Refused` for an address that is not on the allow-list: samples and test letters go to
    nobody else, in every mode.
    """
    if not allowed(to, workspace.settings.safety.allow):
        raise Refused(
            f"{to} is not on the allow-list. Samples and test letters go to nobody else, in live"
            " mode too.",
            hint=f'[safety] allow = ["{to}"] in config.toml',
            code="S108",
        )


async def send_test(
    workspace: Workspace, at: Server, to: str, now: clock.Clock = clock.now
) -> Finding:
    """Send one real letter to `to`, which must be on the allow-list in every mode. Raises `Refused`
    where it is not.
    """
    must_be_ours(workspace, to)
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
