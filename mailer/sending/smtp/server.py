"""The mail server: where it is, and the way in. Connect, TLS, EHLO and login, all by aiosmtplib.

What fails here concerns the account or the network, never a person: `ConnectError` says in a
coordinator's words what it was, and whether waiting can help. The promises of this door:

- TLS is verified, 1.2 or newer, implicit or by STARTTLS (RFC 8314, RFC 3207), and there is no way
  around it; in
  clear only to this machine itself. Bytes after the 220 to STARTTLS are taken for tampering.
- One mechanism, one attempt: PLAIN, or LOGIN where PLAIN is not offered (RFC 4954), or XOAUTH2 with
  a token. Three
  wrong passwords lock an account.
- The name in EHLO is the one that was configured, never the machine's own.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, Protocol, cast

import aiosmtplib
from aiosmtplib.protocol import SMTPProtocol
from aiosmtplib.response import SMTPResponse

from mailer.base.errors import Refused, ServerError
from mailer.base.states import About, Stage
from mailer.sending import replies
from mailer.sending.replies import Then
from mailer.sending.smtp.connection import SmtpConnection, readable


class Secret(Protocol):
    """What hides a password until it is asked for; pydantic's SecretStr is one."""

    def get_secret_value(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait, per stage (RFC 5321 section 4.5.3.2)."""

    connect: float = 30  # TCP; TLS after STARTTLS
    greeting: float = 300  # the server's first words, after TLS where that comes first
    command: float = 300  # EHLO, AUTH, MAIL, RCPT
    ahead: float = 30  # what is sent ahead, until the server has once answered such
    data: float = 120  # the 354
    stall: float = 180  # without any progress while the letter goes out
    dot: float = 600  # the final answer: a short wait here makes letters unknown
    goodbye: float = 5  # RSET, QUIT


@dataclass(frozen=True, slots=True)
class Server:
    """Where letters are handed in. `security` "none" is for this machine itself; everything else is
    refused.
    """

    host: str
    port: int
    security: Literal["tls", "starttls", "none"]
    user: str | None
    password: Secret | str | None = field(repr=False)
    helo: str
    tls_context: ssl.SSLContext | None = field(default=None, repr=False)
    token: Callable[[], Awaitable[str]] | None = field(
        default=None, repr=False
    )  # in place of a password: XOAUTH2

    def __post_init__(self) -> None:
        if self.security not in ("tls", "starttls", "none"):
            raise Refused(f"security is {self.security!r}, not tls, starttls or none", code="S101")
        if self.security == "none" and not _is_this_machine(self.host):
            raise Refused(
                f"{self.host} would be reached over an unprotected line",
                hint='set security = "tls" (port 465) or "starttls" (port 587)',
                code="S102",
            )
        context = self.tls_context
        if context is not None and (
            context.verify_mode is not ssl.CERT_REQUIRED
            or not context.check_hostname
            or context.minimum_version < ssl.TLSVersion.TLSv1_2
        ):
            raise Refused(
                "the TLS settings do not verify the server, or allow TLS below 1.2", code="S103"
            )
        if self.user is not None and (self.password is None) == (self.token is None):
            raise Refused("a login takes either a password or a token command", code="S104")

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class ConnectError(ServerError):
    """No session came about: nothing was handed over, and no person is concerned."""

    def __init__(self, message: str, *, temporary: bool, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.temporary = temporary


@dataclass(frozen=True, slots=True)
class Opened:
    """A line that is ready for MAIL, and what the server said of itself in the last EHLO."""

    line: SmtpConnection
    extensions: dict[str, str]  # in lower case, with their parameters
    peer: str  # "smtp.example [192.0.2.1]:465"
    tls: str  # "TLSv1.3 TLS_AES_256_GCM_SHA384", empty in clear
    greeting: str = ""  # the server's first words
    certificate_until: datetime | None = None  # in UTC


async def open_line(server: Server, patience: Patience) -> Opened:
    """Connect, secure the line and log in. Raises `ConnectError`; no half-open connection stays
    behind.
    """
    context = None if server.security == "none" else server.tls_context or await default_context()
    client = aiosmtplib.SMTP(
        hostname=server.host,
        local_hostname=server.helo,
        timeout=patience.greeting,
        use_tls=server.security == "tls",
        start_tls=False,  # below, with a look at what came after the 220
        tls_context=context,
    )
    step = "connect"
    try:
        sock = await _reached(server, patience.connect)
        step = "greeting"
        greeting = await client.connect(sock=sock)
        if server.security == "none":
            _insist_on_this_machine(client)
        guard(client)
        client.timeout = patience.command
        step = "ehlo"
        await _introduce(client)
        if server.security == "starttls":
            step = "starttls"
            await client.starttls(timeout=patience.connect)
            step = "ehlo"
            await client.ehlo()  # what was said before TLS does not count (RFC 3207 section 4.2)
        if server.user is not None:
            step = "login"
            await _log_in(client, server, server.user)
        return _hand_over(
            client, server, readable(greeting.message.encode("utf-8", "surrogateescape"))
        )
    except (aiosmtplib.SMTPException, OSError, Tampered) as fault:
        _drop(client)
        raise explained(fault, step, server) from fault
    except BaseException:
        _drop(client)
        raise


NOBODY_IN_PARTICULAR = "[127.0.0.1]"
"""An address in place of a name (RFC 5321 section 4.1.3). The true one would tell where the mailer
is.
"""


async def _introduce(client: aiosmtplib.SMTP) -> None:
    """Say EHLO; no HELO instead, since TLS and AUTH need EHLO. Where the name is not taken, say
    none.
    """
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError as fault:
        kind = replies.diagnose(fault.code, None, fault.message, Stage.CONNECT)
        if kind.name != "our_name":
            raise
        client.local_hostname = NOBODY_IN_PARTICULAR
        await client.ehlo()


class _Quiet(asyncio.Protocol):
    """Takes no byte from a line that is only being opened."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).pause_reading()


async def _reached(server: Server, seconds: float) -> socket.socket:
    """Open a line by the address that answers first (RFC 8305): one that swallows packets holds
    nobody up.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(seconds):
        transport, _ = await loop.create_connection(
            _Quiet, server.host, server.port, happy_eyeballs_delay=0.25
        )
    try:
        line: socket.socket = transport.get_extra_info("socket").dup()
        return line
    finally:
        transport.abort()


class Tampered(Exception):
    """Something stood behind a reply where nothing may stand."""


def guard(client: aiosmtplib.SMTP) -> None:
    """Let no reply pass that has more bytes behind it (the library would drop them, or take them
    for the next).

    The one place that touches a private attribute of aiosmtplib;
    `tests/sending/test_smtp_server.py` holds it to account.
    """
    protocol = cast(SMTPProtocol, client.protocol)
    read = protocol.read_response

    async def read_alone(timeout: float | None = None) -> SMTPResponse:  # noqa: ASYNC109
        reply = await read(timeout)
        if protocol._buffer:
            raise Tampered(readable(bytes(protocol._buffer[:200])))
        return reply

    cast(Any, protocol).read_response = read_alone


async def _log_in(client: aiosmtplib.SMTP, server: Server, user: str) -> None:
    offered = client.server_auth_methods
    if server.token is not None:
        if "xoauth2" not in offered:
            raise _no_login(server, "XOAUTH2", offered)
        await client.auth_xoauth2(user, await server.token())
        return
    password = password_of(server)
    if "plain" in offered:
        try:
            await client.auth_plain(user, password)
        except aiosmtplib.SMTPAuthenticationError as fault:
            if fault.code != 504 or "login" not in offered:  # it offers PLAIN and knows it not
                raise
            await client.auth_login(user, password)
    elif "login" in offered:
        await client.auth_login(user, password)
    else:
        raise _no_login(server, "PLAIN or LOGIN", offered)


def password_of(server: Server) -> str:
    return (
        server.password
        if isinstance(server.password, str)
        else cast(Secret, server.password).get_secret_value()
    )


def _no_login(server: Server, wanted: str, offered: list[str]) -> ConnectError:
    return ConnectError(
        f"{server} does not offer a login with {wanted} (it offers:"
        f" {', '.join(offered).upper() or 'none'})",
        temporary=False,
        hint="ask the provider which login it takes"
        + ("" if server.token else "; it may want oauth"),
    )


def _hand_over(client: aiosmtplib.SMTP, server: Server, greeting: str) -> Opened:
    transport = cast(asyncio.Transport, client.transport)
    if transport.is_closing():
        raise aiosmtplib.SMTPServerDisconnected("the server hung up")
    ip = transport.get_extra_info("peername")[0]
    secured = transport.get_extra_info("ssl_object")
    tls = f"{secured.version()} {secured.cipher()[0]}" if secured is not None else ""
    if server.security != "none" and not tls:
        raise ConnectError(f"the line to {server} is not protected", temporary=False)
    until = secured.getpeercert()["notAfter"] if secured is not None else None
    return Opened(
        line=SmtpConnection(transport),
        extensions=dict(client.esmtp_extensions),
        peer=f"{server.host} [{ip}]:{server.port}",
        tls=tls,
        greeting=greeting,
        certificate_until=(
            datetime.fromtimestamp(ssl.cert_time_to_seconds(until), UTC) if until else None
        ),
    )


def _drop(client: aiosmtplib.SMTP) -> None:
    if client.transport is not None:
        cast(asyncio.Transport, client.transport).abort()
    client.close()


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _insist_on_this_machine(client: aiosmtplib.SMTP) -> None:
    """ "localhost" is a name like any other: what counts is where it led."""
    if not _is_this_machine(client.get_transport_info("peername")[0]):
        raise ConnectError(
            "localhost leads to another machine, over an unprotected line", temporary=False
        )


_CONTEXT: list[ssl.SSLContext] = []


async def default_context() -> ssl.SSLContext:
    """Load the system's certificates once: 20 ms, and not on the event loop."""
    if not _CONTEXT:
        context = await asyncio.to_thread(ssl.create_default_context)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        _CONTEXT.append(context)
    return _CONTEXT[0]


# -------------------------------------------------------- what went wrong, in a coordinator's words

OWN_AUTHORITY = (
    "if the server is your own, set the variable SSL_CERT_FILE to the certificate of its authority"
)
CERTIFICATES = {  # OpenSSL's verify codes
    9: ("is not valid yet", "check this computer's clock"),
    10: ("has expired", "tell the people who run the server; nothing was sent"),
    18: ("is signed by itself", OWN_AUTHORITY),
    19: ("comes from an authority that is not known here", OWN_AUTHORITY),
    20: ("comes from an authority that is not known here", OWN_AUTHORITY),
    21: ("comes from an authority that is not known here", OWN_AUTHORITY),
    62: ("is for another name", "write the server's name as the provider gives it"),
    64: ("is for another name", "write the server's name as the provider gives it"),
}
LOGINS = (  # words in the server's answer to a login → what to do
    ("starttls|encrypt", 'set security = "starttls" (port 587) or "tls" (port 465)'),
    ("web browser", "sign in once on the provider's web page, then try again"),
    (
        r"5\.7\.9|\bapp(lication)?\b.{0,12}password|authorization code|two-factor|prilozhen",
        "the provider wants oauth or an application password for this account",
    ),
    (
        "^432|expired|transition",
        "the provider wants the password set anew: sign in once on its web page, or ask its"
        " administrator",
    ),
    (r"\blocked|too many", "the login is locked for a time: check the password, then wait"),
    ("credentials were incorrect", "check user and password"),
    (
        r"5\.7\.139|not enabled|smtp flag|access rights",
        "SMTP login with a password is switched off for this account: switch it on at the provider,"
        " use oauth, or ask its administrator",
    ),
    ("disabled", "the account is switched off: ask the provider"),
    ("^50[0-4]", "this server takes no such login: check host and port"),
)
HINTS = {  # by the kind of the answer, `replies.toml`
    "login": "check user and password; it was tried once, and will not be tried by itself again",
    "share": (
        "the account may send no more for now; such a share is counted over 24 hours as a rule"
    ),
    "closed_account": "ask the provider; somebody else may have used the account",
    "our_name": "set [smtp] helo to a name that the server takes, or try another network",
    "blocked": "the network that you are in is blocked: try another, or ask the provider",
}


def explained(fault: Exception, step: str, server: Server) -> ConnectError:
    """Turn what happened at `step` (connect, ehlo, starttls, login) into a sentence and a
    judgement.
    """
    if isinstance(fault, ConnectError):
        return fault
    cause = fault.__cause__ if isinstance(fault.__cause__, OSError) else fault
    if isinstance(fault, Tampered):
        return _final(
            f"{server} said more than it was asked: somebody may be tampering with the line"
            f" ({fault})",
            "try from another network; if it stays, tell the people who run the server",
        )
    if isinstance(fault, aiosmtplib.SMTPResponseException):
        return _answered(fault, step, server)
    if isinstance(cause, ssl.SSLError):
        return _tls(cause, step, server)
    if isinstance(cause, socket.gaierror):
        if cause.errno == socket.EAI_AGAIN:
            return _passing(
                f"the name {server.host} cannot be looked up at the moment",
                "is this computer online?",
            )
        return _final(
            f"there is no server called {server.host}",
            "check the server's name, and that you are online",
        )
    if isinstance(cause, ConnectionRefusedError):
        return _passing(
            f"{server} does not take connections", "check host and port; the server may be down"
        )
    if isinstance(cause, TimeoutError) and step == "greeting":
        return _passing(
            f"{server} takes the connection and says nothing",
            "it may be busy, or not a mail server at this port: check host, port and security",
        )
    broke = cause is not fault and isinstance(cause, ConnectionError | TimeoutError)
    if step == "starttls" and broke:
        return _passing(
            f"TLS with {server} failed: it agreed to it, and then hung up or said nothing. Nothing"
            " was sent over the open line",
            'it may know old TLS alone; try another network, or security = "tls" (port 465)',
        )
    if isinstance(cause, TimeoutError):
        return _passing(
            f"{server} does not answer ({step})",
            "networks of hotels and conferences often block mail ports: try another",
        )
    if (
        step == "starttls"
        and isinstance(fault, aiosmtplib.SMTPException)
        and not isinstance(fault, OSError)
    ):
        return _final(
            f"{server} does not offer STARTTLS, so nothing was sent over the open line",
            'set security = "tls" , or somebody may be tampering with the line: try another'
            " network",
        )
    return _passing(
        f"the line to {server} failed ({step}): {readable(str(fault).encode())}",
        "is this computer online?",
    )


def _passing(message: str, hint: str) -> ConnectError:
    return ConnectError(message, temporary=True, hint=hint)


def _final(message: str, hint: str) -> ConnectError:
    return ConnectError(message, temporary=False, hint=hint)


def _tls(fault: ssl.SSLError, step: str, server: Server) -> ConnectError:
    if isinstance(fault, ssl.SSLCertVerificationError):
        what, hint = CERTIFICATES.get(
            fault.verify_code, ("cannot be trusted", "ask the people who run the server")
        )
        return _final(f"the certificate of {server} {what} ({fault.verify_message})", hint)
    if fault.reason in ("WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"):
        if step == "starttls":
            return _final(
                f"{server} agreed to TLS, and what came then was not TLS: somebody may be tampering"
                " with the line. Nothing was sent over it",
                "try from another network; if it stays, tell the people who run the server",
            )
        return _final(f"{server} does not speak TLS from the start", 'set security = "starttls"')
    if fault.reason in ("UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION"):
        return _final(f"{server} has only old TLS, below 1.2", "ask the people who run the server")
    return _final(
        f"no protected line to {server} ({fault.reason or fault})",
        "ask the people who run the server",
    )


def _answered(fault: aiosmtplib.SMTPResponseException, step: str, server: Server) -> ConnectError:
    code, text = fault.code, readable(fault.message.encode("utf-8", "surrogateescape"))[:200]
    if not 200 <= code <= 599:
        return _passing(
            f"what answers at {server} is no mail server: {text}", "check host and port"
        )
    said = f"{code} {' '.join(text.split())}"
    kind = replies.diagnose(code, None, text, Stage.CONNECT)
    ours = kind.about is About.SENDER
    temporary = code < 500 and (kind.then is not Then.PAUSE or (ours and code != 432))
    hint = "it will be tried again" if temporary else "ask the people who run the server"
    if kind.name != "login" or (step == "login" and not temporary):
        hint = HINTS.get(kind.name, hint)
    if step == "starttls":
        message = f"{server} refused to protect the line, so nothing was sent over it: {said}"
        hint = 'set security = "tls" (port 465), or ask the people who run the server'
    elif step == "login" and not temporary and kind.about is not About.ACCOUNT:
        message = f"{server} refused the login of {server.user}: {said}"
        words = (advice for mark, advice in LOGINS if re.search(mark, said, re.IGNORECASE))
        hint = next(words, hint)
    elif step == "login":
        message = f"{server} does not let {server.user} in for now: {said}"
    else:
        message = f"{server} turned us away: {said}"
    return ConnectError(message, temporary=temporary, hint=hint)
