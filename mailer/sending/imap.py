"""The folder of sent mail, asked over IMAP whether a letter is there: evidence for an unknown,
never a decision.

Some servers file what is handed in to them (Gmail does), some do not. So the absence of a letter
says something only if letters known to be accepted are there. Letters are looked up by Message-ID
(RFC 3501 section 6.4.4), and the folder is opened read-only: nothing is marked as seen, moved or
changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import imaplib
import re
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from mailer.base.errors import ServerError, UsageError
from mailer.sending.smtp.connection import readable
from mailer.sending.smtp.server import ConnectError, Server, default_context, explained, password_of

if TYPE_CHECKING:
    from imap_tools.mailbox import BaseMailBox

MESSAGE_ID = re.compile(
    r"<[!#-;=?-\[\]-~]+>"
)  # no quote, backslash or angle bracket: it goes into a quoted string
PATIENCE = 30.0  # seconds for each answer


class Filing(StrEnum):
    FILED = "filed"  # it is there: it was sent
    MISSING = "missing"  # it is not, and others are: most likely it was not sent
    # neither it nor any accepted letter is there: this server does not file them
    SAYS_NOTHING = "says_nothing"


@dataclass(frozen=True, slots=True)
class FolderEvidence:
    """What the folder says of one letter."""

    message_id: str
    finding: Filing
    folder: str  # as the server names it
    filed_at: datetime | None = None  # when the server filed it, in UTC
    known: int = 0  # how many of the accepted letters asked for are there

    def __str__(self) -> str:
        match self.finding:
            case Filing.FILED:
                at = f" since {self.filed_at:%d %B %Y %H:%M:%S} UTC" if self.filed_at else ""
                return f'It is in the folder "{self.folder}"{at}: it was sent.'
            case Filing.MISSING:
                letters = (
                    "an accepted letter is"
                    if self.known == 1
                    else f"{self.known} accepted letters are"
                )
                return (
                    f'It is not in the folder "{self.folder}", where {letters}: most likely it was'
                    " not sent."
                )
            case Filing.SAYS_NOTHING:
                return (
                    f'The folder "{self.folder}" holds no letters of this mail-out: it says'
                    " nothing."
                )


async def search(
    server: Server, wanted: Sequence[str], accepted: Sequence[str], folder: str | None = None
) -> list[FolderEvidence]:
    """Look for the letters `wanted` by Message-ID; `accepted` are a few known ones, to see whether
    this server files.

    `folder` is the folder's name as people read it; without one, the folder that the server marks
    as the one of sent mail (RFC 6154). Raises `ConnectError`, `ServerError` when there is no such
    folder, `UsageError` for what is no Message-ID.
    """
    for one in (*wanted, *accepted):
        if MESSAGE_ID.fullmatch(one) is None:
            raise UsageError(f"this is no Message-ID: {one!r}")
    context, token = await credentials(server)
    return await asyncio.to_thread(_search, server, context, token, wanted, accepted, folder)


async def credentials(server: Server) -> tuple[ssl.SSLContext, str | None]:
    """Return the certificates that are trusted, and a fresh token where the login takes one."""
    token = await server.token() if server.token is not None else None
    return server.tls_context or await default_context(), token


@contextlib.contextmanager
def mailbox(
    server: Server, context: ssl.SSLContext, token: str | None, doing: str
) -> Iterator[BaseMailBox]:
    """Log in to a mailbox for as long as the block lasts; no folder is open yet.

    `doing` says what the block is for, should the server fail at it. Raises `ConnectError`,
    `ServerError`.
    """
    from imap_tools.errors import ImapToolsError

    step = "connect"
    try:
        box = _connected(server, context)
        try:
            step = "login"
            _log_in(box, server, token)
            step = "read"
            yield box
        finally:
            box.client.shutdown()
    except (imaplib.IMAP4.error, ImapToolsError) as fault:
        said = readable(str(fault).encode("utf-8", "surrogateescape"))[:200]
        if step == "login":
            message = f"{server} refused the login of {server.user}: {said}"
            raise ConnectError(message, temporary=False, hint="it was tried once") from fault
        raise ServerError(f"{server} did not {doing}: {said}") from fault
    except OSError as fault:
        raise explained(fault, step, server) from fault


@contextlib.contextmanager
def opened(server: Server, folder: str) -> Iterator[BaseMailBox]:
    """Open a folder read-only for as long as the block lasts: nothing in it can be changed. For a
    thread of its own, outside of any event loop.

    Raises `ConnectError`, and `ServerError` when there is no such folder or the server fails.
    """
    context, token = asyncio.run(credentials(server))
    with mailbox(server, context, token, f'let the folder "{folder}" be read') as box:
        examine(box, folder)
        yield box


def _search(
    server: Server, context: ssl.SSLContext, token: str | None, wanted: Sequence[str],
    accepted: Sequence[str], folder: str | None,
) -> list[FolderEvidence]:  # fmt: skip
    with mailbox(server, context, token, "answer the search of the folder of sent mail") as box:
        name = folder or marked(box, "\\sent", "sent mail")
        examine(box, name)
        known = sum(filed(box.client, one) is not None for one in accepted)
        return [_evidence(one, filed(box.client, one), known, name) for one in wanted]


def _connected(server: Server, context: ssl.SSLContext) -> BaseMailBox:
    from imap_tools.mailbox import MailBox, MailBoxUnencrypted

    if server.security == "tls":
        return MailBox(server.host, server.port, PATIENCE, ssl_context=context)
    box = MailBoxUnencrypted(server.host, server.port, PATIENCE)
    if server.security == "starttls":
        try:
            box.client.starttls(context)
        except imaplib.IMAP4.error as fault:
            box.client.shutdown()
            message = f"{server} does not offer STARTTLS, so the password was not sent"
            raise ConnectError(message, temporary=False, hint="try tls") from fault
        except OSError:
            box.client.shutdown()
            raise
    return box


def _log_in(box: BaseMailBox, server: Server, token: str | None) -> None:
    if server.user is None:
        raise UsageError("a mailbox needs a login", hint="set its user and password")
    if token is not None:
        box.xoauth2(server.user, token, initial_folder=None)
        return
    password = password_of(server)
    if f"{server.user}{password}".isascii():
        box.login(server.user, password, initial_folder=None)
    else:  # LOGIN has no other letters (RFC 3501)
        box.login_utf8(server.user, password, initial_folder=None)


def examine(box: BaseMailBox, folder: str) -> None:
    """Open a folder read-only. Raises `ServerError` with the names that there are."""
    from imap_tools.errors import MailboxFolderSelectError

    try:
        box.folder.set(folder, readonly=True)
    except MailboxFolderSelectError as fault:
        raise _no_folder(box, f'there is no folder "{folder}"') from fault


def marked(box: BaseMailBox, flag: str, what: str) -> str:
    """Return the name of the folder that the server marks as the one of `what` (RFC 6154)."""
    for one in box.folder.list():
        if flag in (each.casefold() for each in one.flags):
            return one.name
    raise _no_folder(box, f"the server does not say which folder holds {what}")


def _no_folder(box: BaseMailBox, message: str) -> ServerError:
    names = ", ".join(sorted(readable(one.name.encode()) for one in box.folder.list()))
    return ServerError(message, hint=f"write the folder's name in the settings; there are: {names}")


class Filed(NamedTuple):
    """A letter in the folder that is open."""

    uid: str
    at: datetime  # when the server filed it, in UTC


def filed(imap: imaplib.IMAP4, message_id: str) -> Filed | None:
    """Return the letter with exactly this Message-ID, None if it is not there."""
    found = imap.uid("SEARCH", "HEADER", "Message-ID", f'"{message_id}"')[1][0]
    for uid in (found or b"").split():  # the search also finds parts of a Message-ID
        for part in imap.uid(
            "FETCH", uid.decode(), "(INTERNALDATE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])"
        )[1]:
            if isinstance(part, tuple) and message_id.encode() in part[1].split():
                if (local := imaplib.Internaldate2tuple(part[0])) is None:
                    raise ServerError("the server does not say when it filed the letter")
                return Filed(uid.decode(), datetime.fromtimestamp(time.mktime(local), UTC))
    return None


def _evidence(message_id: str, found: Filed | None, known: int, folder: str) -> FolderEvidence:
    finding = Filing.FILED if found else Filing.MISSING if known else Filing.SAYS_NOTHING
    return FolderEvidence(message_id, finding, folder, found.at if found else None, known)
