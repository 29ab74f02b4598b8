"""The folder of sent mail, asked over IMAP whether a letter is there: evidence for an unknown,
never a decision.

Some servers file what is handed in to them (Gmail does), some do not. So the absence of a letter
says something only if letters known to be accepted are there. Letters are looked up by Message-ID
(RFC 3501 section 6.4.4), and the folder is opened read-only: nothing is marked as seen, moved or
changed.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import imaplib
import re
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from mailer.base.errors import ServerError, UsageError
from mailer.sending.smtp.connection import readable
from mailer.sending.smtp.server import ConnectError, Server, default_context, explained, password_of

MESSAGE_ID = re.compile(
    r"<[!#-;=?-\[\]-~]+>"
)  # no quote, backslash or angle bracket: it goes into a quoted string
LISTED = re.compile(rb'\((?P<flags>[^)]*)\) (?:"(?:[^"\\]|\\.)*"|NIL) (?P<name>.+)')
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
    token = await server.token() if server.token is not None else None
    context = server.tls_context or await default_context()
    return await asyncio.to_thread(_search, server, context, token, wanted, accepted, folder)


@contextlib.contextmanager
def opened(
    server: Server, context: ssl.SSLContext, token: str | None, folder: str
) -> Iterator[imaplib.IMAP4]:
    """Open a folder read-only for as long as the block lasts: nothing in it can be changed.

    Raises `ConnectError`, and `ServerError` when there is no such folder or the server fails.
    """
    step = "connect"
    try:
        imap = _connected(server, context)
        try:
            step = "login"
            _log_in(imap, server, token)
            step = "read"
            if imap.select(_quoted(_utf7(folder)), readonly=True)[0] != "OK":
                raise _no_folder(imap, f'there is no folder "{folder}"')
            yield imap
        finally:
            imap.shutdown()
    except imaplib.IMAP4.error as fault:
        said = readable(str(fault).encode("utf-8", "surrogateescape"))[:200]
        if step == "login":
            message = f"{server} refused the login of {server.user}: {said}"
            raise ConnectError(message, temporary=False, hint="it was tried once") from fault
        raise ServerError(f'{server} did not let the folder "{folder}" be read: {said}') from fault
    except OSError as fault:
        raise explained(fault, step, server) from fault


def _search(
    server: Server, context: ssl.SSLContext, token: str | None, wanted: Sequence[str],
    accepted: Sequence[str], folder: str | None,
) -> list[FolderEvidence]:  # fmt: skip
    step = "connect"
    try:
        imap = _connected(server, context)
        try:
            step = "login"
            _log_in(imap, server, token)
            step = "search"
            name = _utf7(folder) if folder is not None else _sent_folder(imap)
            if imap.select(_quoted(name), readonly=True)[0] != "OK":
                raise _no_folder(imap, f'there is no folder "{folder}"')
            known = sum(_filed(imap, one) is not None for one in accepted)
            return [_evidence(one, _filed(imap, one), known, _readable(name)) for one in wanted]
        finally:
            imap.shutdown()
    except imaplib.IMAP4.error as fault:
        said = readable(str(fault).encode("utf-8", "surrogateescape"))[:200]
        if step == "login":
            message = f"{server} refused the login of {server.user}: {said}"
            raise ConnectError(message, temporary=False, hint="it was tried once") from fault
        raise ServerError(
            f"{server} did not answer the search of the folder of sent mail: {said}"
        ) from fault
    except OSError as fault:
        raise explained(fault, step, server) from fault


def _connected(server: Server, context: ssl.SSLContext) -> imaplib.IMAP4:
    if server.security == "tls":
        return imaplib.IMAP4_SSL(server.host, server.port, ssl_context=context, timeout=PATIENCE)
    imap = imaplib.IMAP4(server.host, server.port, timeout=PATIENCE)
    if server.security == "starttls":
        try:
            imap.starttls(context)
        except imaplib.IMAP4.error as fault:
            imap.shutdown()
            message = f"{server} does not offer STARTTLS, so the password was not sent"
            raise ConnectError(message, temporary=False, hint="try tls") from fault
        except OSError:
            imap.shutdown()
            raise
    return imap


def _log_in(imap: imaplib.IMAP4, server: Server, token: str | None) -> None:
    if server.user is None:
        raise UsageError("the folder of sent mail needs a login", hint="set its user and password")
    if token is None:
        imap.login(server.user, password_of(server))
        return
    answers = iter([f"user={server.user}\x01auth=Bearer {token}\x01\x01".encode()])
    imap.authenticate(
        "XOAUTH2", lambda _: next(answers, b"")
    )  # a refusal is answered with an empty line


def _sent_folder(imap: imaplib.IMAP4) -> bytes:
    for one in imap.list()[1]:
        found = LISTED.fullmatch(one) if isinstance(one, bytes) else None
        if found is not None and rb"\sent" in found["flags"].lower().split():
            return _unquoted(found["name"])
    raise _no_folder(imap, "the server does not say which folder holds sent mail")


def _no_folder(imap: imaplib.IMAP4, message: str) -> ServerError:
    found = (LISTED.fullmatch(one) for one in imap.list()[1] if isinstance(one, bytes))
    names = sorted(_readable(_unquoted(one["name"])) for one in found if one is not None)
    return ServerError(
        message, hint=f"write the folder's name in the settings; there are: {', '.join(names)}"
    )


def _filed(imap: imaplib.IMAP4, message_id: str) -> datetime | None:
    """Return when the letter with exactly this Message-ID was filed, None if it is not there."""
    found = imap.uid("SEARCH", "HEADER", "Message-ID", f'"{message_id}"')[1][0]
    for uid in (found or b"").split():  # the search also finds parts of a Message-ID
        for part in imap.uid(
            "FETCH", uid.decode(), "(INTERNALDATE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])"
        )[1]:
            if isinstance(part, tuple) and message_id.encode() in part[1].split():
                if (local := imaplib.Internaldate2tuple(part[0])) is None:
                    raise ServerError("the server does not say when it filed the letter")
                return datetime.fromtimestamp(time.mktime(local), UTC)
    return None


def _evidence(message_id: str, at: datetime | None, known: int, folder: str) -> FolderEvidence:
    finding = Filing.FILED if at is not None else Filing.MISSING if known else Filing.SAYS_NOTHING
    return FolderEvidence(message_id, finding, folder, at, known)


# -------------------------------------------------------- names of folders (RFC 3501 section 5.1.3)


def _utf7(name: str) -> bytes:
    """Encode a folder's name: "Éléments envoyés" → b"&AMk-l&AOk-ments envoy&AOk-s"."""

    def shifted(found: re.Match[str]) -> str:
        if found[0] == "&":
            return "&-"
        return (
            "&"
            + base64.b64encode(found[0].encode("utf-16-be")).decode().rstrip("=").replace("/", ",")
            + "-"
        )

    return re.sub(r"&|[^\x20-\x7e]+", shifted, name).encode("ascii")


def _readable(name: bytes) -> str:
    def plain(found: re.Match[bytes]) -> bytes:
        code = found[1].replace(b",", b"/")
        return (
            base64.b64decode(code + b"=" * (-len(code) % 4)).decode("utf-16-be", "replace").encode()
            if code
            else b"&"
        )

    return readable(re.sub(rb"&([A-Za-z0-9+,]*)-", plain, name))


def _quoted(name: bytes) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", name.decode("ascii")) + '"'


def _unquoted(name: bytes) -> bytes:
    return re.sub(rb"\\(.)", rb"\1", name[1:-1]) if name.startswith(b'"') else name
