"""The way in: TLS that cannot be talked down, one login, and sentences that say what to do."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import aiosmtplib
import pytest
import trustme

from mailer.base.errors import Refused, ServerError
from mailer.sending.smtp.connection import transport_beneath
from mailer.sending.smtp.server import ConnectError, Patience, Server, guard, open_line
from mailer.sending.smtp.session import SmtpSession
from mailer.sending.smtp.tokens import token_from_command
from tests.helpers.certificates import trusting as trusts
from tests.helpers.smtp_server import Fault, SmtpServer, adds, hangs_up, says, silent
from tests.reliability import figures

PATIENT = Patience(connect=10, command=10, data=10, stall=10, dot=10, goodbye=1)
QUICK = Patience(connect=0.3, greeting=0.3, command=0.3, data=0.3, stall=0.3, dot=0.3, goodbye=0.3)
AUTH = (b"AUTH PLAIN LOGIN CRAM-MD5",)
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def theirs(cert: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    cert.configure_cert(context)
    return context


@pytest.fixture
def good(authority: trustme.CA) -> ssl.SSLContext:
    return theirs(authority.issue_cert("127.0.0.1", "localhost"))


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    return trusts(authority)


def at(
    server: SmtpServer,
    security: str,
    context: ssl.SSLContext | None = None,
    user: str | None = "us@ngo.example",
    password: str | None = PASSWORD,
    **more: object,
) -> Server:
    return Server(
        "127.0.0.1", server.port, security, user, password, "mailer.example", context, **more
    )  # type: ignore[arg-type]


async def turned_away(server: Server, patience: Patience = PATIENT) -> ConnectError:
    session = SmtpSession(server, patience, lambda _: True)
    with pytest.raises(ConnectError) as caught:
        await session.connect()
    assert not session.is_open
    assert caught.value.exit_code == 5
    assert PASSWORD not in str(caught.value) + caught.value.hint
    return caught.value


# ---------------------------------------------------------- the line is protected, or there is none


def no_tls_after_the_220(words: bytes) -> Fault:
    """Agree to TLS, hear its first words out, and say these in clear."""

    async def fault(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, usual: bytes
    ) -> bool:
        writer.write(usual)
        await writer.drain()
        await reader.read(10_000)
        writer.write(words)
        await writer.drain()
        return False

    return fault


async def silent_after_the_220(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, usual: bytes
) -> bool:
    writer.write(usual)
    await writer.drain()
    await reader.read()
    return False


@pytest.mark.parametrize(
    "host",
    ["smtp.ngo.example", "192.0.2.1", "::ffff:192.0.2.1", "localhost.ngo.example", "0.0.0.0"],
)
def test_an_unprotected_line_to_another_machine_is_refused(host: str) -> None:
    with pytest.raises(Refused, match="unprotected"):
        Server(host, 25, "none", None, None, "mailer.example")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_an_unprotected_line_to_this_machine_is_allowed(host: str) -> None:
    Server(host, 25, "none", None, None, "mailer.example")


async def test_an_unprotected_line_waits_for_no_certificates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loaded: list[ssl.SSLContext] = []
    monkeypatch.setattr("mailer.sending.smtp.server._CONTEXT", loaded)
    async with SmtpServer() as server:
        opened = await open_line(at(server, "none", user=None, password=None), PATIENT)
        opened.line.abort()
    assert not loaded


def test_settings_that_weaken_tls_are_refused() -> None:
    blind, nameless, old = (ssl.create_default_context() for _ in range(3))
    blind.check_hostname = False
    blind.verify_mode = ssl.CERT_NONE
    nameless.check_hostname = False
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = ssl.TLSVersion.TLSv1_1
    for context in (blind, nameless, old):
        with pytest.raises(Refused):
            Server("smtp.ngo.example", 465, "tls", None, None, "mailer.example", context)


def test_a_login_takes_a_password_or_a_token() -> None:
    async def token() -> str:
        return "t"

    for password, source in ((None, None), ("p", token)):
        with pytest.raises(Refused):
            Server("smtp.ngo.example", 465, "tls", "us", password, "mailer.example", token=source)


def test_a_password_does_not_show() -> None:
    assert PASSWORD not in repr(
        Server("smtp.ngo.example", 465, "tls", "us", PASSWORD, "mailer.example")
    )


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_tls_is_verified_and_described(
    security: str, good: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    async with SmtpServer(tls=good, implicit_tls=security == "tls", offers_in_tls=AUTH) as server:
        opened = await open_line(at(server, security, trusting), PATIENT)
        opened.line.abort()
    assert opened.tls.startswith("TLSv1.3 TLS_")
    assert "auth" in opened.extensions and "starttls" not in opened.extensions  # of the EHLO in TLS
    assert server.heard[0] == b"EHLO mailer.example\r\n"
    assert server.verbs() == (["EHLO"] if security == "tls" else ["EHLO", "STARTTLS", "EHLO"]) + [
        "AUTH"
    ]


@pytest.fixture
def expired(authority: trustme.CA) -> ssl.SSLContext:
    yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    return theirs(authority.issue_cert("127.0.0.1", not_after=yesterday))


@pytest.fixture
def old_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = theirs(authority.issue_cert("127.0.0.1"))
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


BROKEN_TLS = (
    "certificates that cannot be trusted, old TLS, STARTTLS stripped, refused, injected into;"
    " offers that change"
)


@pytest.mark.figures
@pytest.mark.parametrize("security", ["tls", "starttls"])
@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        ("expired", "has expired"),
        ("wrong host", "is for another name"),
        ("self-signed", "signed by itself"),
        ("unknown authority", "an authority that is not known here"),
        (
            "TLS 1.1",
            "failed",
        ),  # this server hangs up without a word; one that gives an alert stands below
    ],
)
async def test_a_certificate_that_cannot_be_trusted_ends_it_before_the_password(
    security: str, certificate: str, words: str, authority: trustme.CA, trusting: ssl.SSLContext,
    tmp_path: Path, expired: ssl.SSLContext, old_tls: ssl.SSLContext,
) -> None:  # fmt: skip
    context = {
        "expired": lambda: expired,
        "wrong host": lambda: theirs(authority.issue_cert("smtp.ngo.example")),
        "self-signed": lambda: self_signed(tmp_path),
        "unknown authority": lambda: theirs(trustme.CA().issue_cert("127.0.0.1")),
        "TLS 1.1": lambda: old_tls,
    }[certificate]()
    async with SmtpServer(
        tls=context, implicit_tls=security == "tls", offers=AUTH, offers_in_tls=AUTH
    ) as server:
        fault = await turned_away(at(server, security, trusting))
    assert words in fault.message, fault.message
    assert fault.temporary is (words == "failed")
    assert "AUTH" not in server.verbs()
    figures.note(
        f"T15 {security} {certificate}",
        BROKEN_TLS,
        "1 cases",
        "no password was sent, nothing was believed",
    )


def self_signed(folder: Path) -> ssl.SSLContext:
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
         "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    return context


async def test_an_authority_of_ones_own_is_named_by_a_variable(
    authority: trustme.CA, good: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setattr("mailer.sending.smtp.server._CONTEXT", [])
    async with SmtpServer(tls=good, implicit_tls=True, offers=AUTH) as server:
        fault = await turned_away(at(server, "tls"))
        assert "SSL_CERT_FILE" in fault.hint
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        monkeypatch.setattr("mailer.sending.smtp.server._CONTEXT", [])
        (await open_line(at(server, "tls"), PATIENT)).line.abort()


async def test_a_server_that_only_has_old_tls_is_named(trusting: ssl.SSLContext) -> None:
    async def alerts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(
            b"\x15\x03\x02\x00\x02\x02\x46"
        )  # fatal, protocol_version (RFC 5246 section 7.2)
        writer.close()

    async with await asyncio.start_server(alerts, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        fault = await turned_away(
            Server("127.0.0.1", port, "tls", None, None, "mailer.example", trusting)
        )
    assert "only old TLS, below 1.2" in fault.message and not fault.temporary


TAMPERED = "tampering"


@pytest.mark.figures
@pytest.mark.parametrize(
    ("fault", "words", "temporary"),
    [
        (
            None,
            "does not offer STARTTLS, so nothing was sent over the open line",
            False,
        ),  # stripped
        (says(b"454 4.7.0 TLS not available\r\n"), "refused to protect the line", True),
        (says(b"502 5.5.1 no\r\n"), "refused to protect the line", False),
        (adds(b"250-evil.example\r\n250 AUTH PLAIN\r\n"), TAMPERED, False),  # CVE-2011-0411
        (hangs_up, "failed (starttls)", True),
        (says(b"\xff\xff\r\n"), "is no mail server", True),
        (no_tls_after_the_220(b"250-evil.example\r\n250 AUTH PLAIN\r\n"), "was not TLS", False),
        (no_tls_after_the_220(b""), "hung up or said nothing", True),
        (silent_after_the_220, "hung up or said nothing", True),
    ],
    ids=["stripped", "454", "502", "injected", "EOF", "garbage", "in clear", "ends", "silent"],
)
async def test_starttls_that_fails_ends_it_before_the_password(
    request: pytest.FixtureRequest, fault: Fault | None, words: str, temporary: bool,
    good: ssl.SSLContext, trusting: ssl.SSLContext,
) -> None:  # fmt: skip
    offered = None if fault is None else good
    async with SmtpServer(
        "starttls" if fault else "", fault, offers=AUTH, offers_in_tls=AUTH, tls=offered
    ) as server:
        refusal = await turned_away(at(server, "starttls", trusting), replace(PATIENT, connect=0.5))
    assert words in refusal.message, refusal.message
    assert refusal.temporary is temporary
    assert "AUTH" not in server.verbs() and "MAIL" not in server.verbs()
    case = request.node.callspec.id
    figures.note(f"T15 {case}", BROKEN_TLS, "1 cases", "no password was sent, nothing was believed")


async def test_tls_on_a_port_without_says_which_setting_is_wrong(trusting: ssl.SSLContext) -> None:
    async with SmtpServer() as server:
        fault = await turned_away(at(server, "tls", trusting))
    assert "does not speak TLS from the start" in fault.message and "starttls" in fault.hint


@pytest.mark.figures
async def test_a_changed_offer_after_tls_is_the_one_that_counts(
    good: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    clear = (b"PIPELINING", b"SIZE 5")
    async with SmtpServer(tls=good, offers=(), offers_in_clear=clear, offers_in_tls=AUTH) as server:
        opened = await open_line(at(server, "starttls", trusting), PATIENT)
        opened.line.abort()
    assert set(opened.extensions) == {"auth"}
    figures.note("T15 changed", BROKEN_TLS, "1 cases", "no password was sent, nothing was believed")


# ------------------------------------------------------------------ login


@pytest.mark.parametrize(
    ("offers", "heard"),
    [
        (b"AUTH CRAM-MD5 LOGIN PLAIN", "AUTH PLAIN"),
        (b"AUTH LOGIN CRAM-MD5", "AUTH LOGIN"),
        (b"AUTH XOAUTH2 PLAIN", "AUTH PLAIN"),
    ],
)
async def test_login_uses_plain_or_else_login(offers: bytes, heard: str) -> None:
    async with SmtpServer(offers=(offers,)) as server:
        opened = await open_line(at(server, "none"), PATIENT)
        opened.line.abort()
    assert [line.decode()[: len(heard)] for line in server.heard if line.startswith(b"AUTH")] == [
        heard
    ]


class Hidden:
    def get_secret_value(self) -> str:
        return PASSWORD


async def test_a_hidden_password_is_asked_for_when_it_is_needed() -> None:
    async with SmtpServer(offers=(b"AUTH PLAIN",)) as server:
        opened = await open_line(at(server, "none", password=Hidden()), PATIENT)  # type: ignore[arg-type]
        opened.line.abort()
    assert (
        base64.b64decode(server.heard[-1].split()[-1]) == f"\0us@ngo.example\0{PASSWORD}".encode()
    )


async def test_a_token_goes_out_as_xoauth2_fresh_for_every_connection() -> None:
    tokens: Iterator[str] = iter(["first", "second"])

    async def token() -> str:
        return next(tokens)

    async with SmtpServer(offers=(b"AUTH PLAIN XOAUTH2",)) as server:
        for _ in range(2):
            opened = await open_line(at(server, "none", password=None, token=token), PATIENT)
            opened.line.abort()
    sent = [
        base64.b64decode(line.split()[-1])
        for line in server.heard
        if line.startswith(b"AUTH XOAUTH2")
    ]
    assert sent == [
        b"user=us@ngo.example\x01auth=Bearer %s\x01\x01" % one for one in (b"first", b"second")
    ]


async def test_a_token_command_that_fails_ends_it_before_the_login() -> None:
    broken = token_from_command(["sh", "-c", "echo you have to sign in again >&2; exit 1"])
    async with SmtpServer(offers=(b"AUTH PLAIN XOAUTH2",)) as server:
        fault = await turned_away(at(server, "none", password=None, token=broken))
        await server.all_gone()
    assert "you have to sign in again" in fault.message and fault.temporary
    assert "AUTH" not in server.verbs()


@pytest.mark.parametrize("offers", [(b"AUTH CRAM-MD5 GSSAPI",), (b"8BITMIME",)])
async def test_a_server_without_our_login_is_named_with_what_it_offers(
    offers: tuple[bytes, ...],
) -> None:
    async with SmtpServer(offers=offers) as server:
        fault = await turned_away(at(server, "none"))
    assert "does not offer a login with PLAIN or LOGIN" in fault.message
    assert ("CRAM-MD5, GSSAPI" in fault.message) is (len(offers[0]) > 10)
    assert not fault.temporary


@pytest.mark.parametrize(
    ("answer", "temporary", "words", "hint"),
    [
        (
            b"535 5.7.8 Error: authentication failed\r\n",
            False,
            "refused the login of",
            "check user and password",
        ),
        (b"535 no\r\n", False, "refused the login of", "check user and password"),
        (
            b"535 5.7.139 Authentication unsuccessful\r\n",
            False,
            "refused the login of",
            "use oauth",
        ),
        (
            b"534-5.7.9 Application-specific password required\r\n534 5.7.9 see\r\n",
            False,
            "refused the login",
            "app",
        ),
        (b"538 5.7.11 Encryption required\r\n", False, "refused the login of", "starttls"),
        (b"534 5.7.14 Please log in via your web browser\r\n", False, "refused", "web page"),
        (b"535 5.7.139 the user credentials were incorrect\r\n", False, "refused", "check user"),
        (b"535 Account locked: too many failed attempts\r\n", False, "refused", "then wait"),
        (b"535 your IP is blacklisted\r\n", False, "refused the login of", "network"),
        (b"535 5.7.1 Account disabled\r\n", False, "refused the login of", "switched off"),
        (b"535 5.7.8 Password expired\r\n", False, "refused the login of", "set anew"),
        (b"500 5.5.1 Command unrecognized: AUTH\r\n", False, "refused", "host and port"),
        (
            b"432 4.7.12 A password transition is needed\r\n",
            False,
            "refused the login of",
            "set anew",
        ),
        (b"432 later\r\n", False, "refused the login of", "set anew"),
        (
            b"535 5.7.0 Your account has been suspended\r\n",
            False,
            "refused the login of",
            "ask the provider",
        ),
        (
            b"454 4.7.0 Temporary authentication failure\r\n",
            True,
            "does not let",
            "tried again",
        ),
        (b"421 4.7.0 Too many login attempts\r\n", True, "does not let", "tried again"),
        (
            b"432 4.3.2 Concurrent connections limit exceeded\r\n",
            True,
            "does not let",
            "tried again",
        ),
        (b"550 5.4.5 Daily user sending limit exceeded\r\n", False, "does not let", "24 hours"),
        (b"454 4.7.0 daily sending quota exceeded\r\n", False, "does not let", "24 hours"),
    ],
)
@pytest.mark.parametrize("mechanism", [b"PLAIN LOGIN", b"LOGIN", b"XOAUTH2"])
async def test_a_refused_login_is_tried_once_and_says_whose_matter_it_is(
    answer: bytes, temporary: bool, words: str, hint: str, mechanism: bytes
) -> None:
    async def token() -> str:
        return "t"

    oauth = {"password": None, "token": token} if mechanism == b"XOAUTH2" else {}
    async with SmtpServer(
        "auth", says(answer), offers=(b"AUTH %s CRAM-MD5" % mechanism,)
    ) as server:
        fault = await turned_away(at(server, "none", **oauth))  # type: ignore[arg-type]
    assert server.verbs().count("AUTH") == 1 and server.connections == 1
    assert fault.temporary is temporary
    assert words in fault.message and hint in fault.hint
    assert "us@ngo.example" in fault.message


@pytest.mark.parametrize(
    ("offers", "logins"),
    [((b"AUTH PLAIN LOGIN",), ["PLAIN", "LOGIN"]), ((b"AUTH PLAIN",), ["PLAIN"])],
)
async def test_plain_that_is_offered_and_not_known_gives_way_to_login_once(
    offers: tuple[bytes, ...], logins: list[str]
) -> None:
    async with SmtpServer(
        "auth", says(b"504 5.5.4 Unrecognized authentication type\r\n"), offers=offers
    ) as server:
        session = SmtpSession(at(server, "none"), PATIENT, lambda _: True)
        with contextlib.nullcontext() if len(logins) > 1 else pytest.raises(ConnectError):
            await session.connect()
        session.abort()
    assert [line.split()[1].decode() for line in server.heard if line.startswith(b"AUTH")] == logins


# ------------------------------------------------------------------ connecting


async def test_name_that_the_server_does_not_take_gives_way_to_none() -> None:
    refusal = b"550 REJECTED - Bad HELO - Host impersonating [ngo.example]\r\n"
    async with SmtpServer("ehlo", says(refusal)) as server:
        session = SmtpSession(at(server, "none", user=None, password=None), PATIENT, lambda _: True)
        await session.connect()
        await session.quit()
    assert [line.split()[1] for line in server.heard if line.startswith(b"EHLO")] == [
        b"mailer.example",
        b"[127.0.0.1]",
    ]


async def test_greeting_may_take_longer_than_the_connection() -> None:
    async def late(_reader: object, writer: asyncio.StreamWriter, answer: bytes) -> bool:
        await asyncio.sleep(0.5)
        writer.write(answer)
        return True

    async with SmtpServer("greeting", late) as server:
        here = at(server, "none", user=None, password=None)
        session = SmtpSession(here, replace(PATIENT, connect=0.3), lambda _: True)
        await session.connect()
        await session.quit()
    assert server.verbs() == ["EHLO", "QUIT"]


async def test_server_that_takes_the_connection_and_says_nothing_is_called_so() -> None:
    async with SmtpServer("greeting", silent) as server:
        fault = await turned_away(at(server, "none", user=None, password=None), QUICK)
    assert "takes the connection and says nothing" in fault.message and "hotels" not in fault.hint


async def test_an_address_that_swallows_packets_does_not_keep_us_from_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As a network does that has no way for IPv6 and does not say so (RFC 8305)."""
    async with SmtpServer() as server:
        loop = asyncio.get_running_loop()
        black_hole = socket.create_server(("127.0.0.2", 0), backlog=0)
        fillers = [socket.socket() for _ in range(4)]
        for one in fillers:
            one.setblocking(False)
            one.connect_ex(black_hole.getsockname())
        usual = loop.getaddrinfo

        async def both(host: str, port: int, **more: object) -> list[tuple[object, ...]]:
            if host != "localhost":
                return await usual(host, port, **more)  # type: ignore[arg-type]
            kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
            return [(*kind, black_hole.getsockname()), (*kind, ("127.0.0.1", server.port))]

        monkeypatch.setattr(loop, "getaddrinfo", both)
        here = Server("localhost", server.port, "none", None, None, "mailer.example")
        session = SmtpSession(here, PATIENT, lambda _: True)
        began = time.monotonic()
        await session.connect()
        await session.quit()
        for one in (black_hole, *fillers):
            one.close()
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("stage", ["greeting", "ehlo"])
@pytest.mark.parametrize(
    ("fault", "temporary"),
    [
        (says(b"421 4.7.0 busy\r\n"), True),
        (says(b"450 later\r\n"), True),
        (says(b"554 5.7.1 go away\r\n"), False),
        (says(b"521 no mail here\r\n"), False),
        (says(b"HTTP/1.1 400 Bad Request\r\n"), True),
        (hangs_up, True),
        (silent, True),
    ],
    ids=["421", "450", "554", "521", "http", "hangs up", "silent"],
)
async def test_a_server_that_turns_us_away(stage: str, fault: Fault, temporary: bool) -> None:
    async with SmtpServer(stage, fault) as server:
        refusal = await turned_away(
            at(server, "none", user=None, password=None), QUICK if fault is silent else PATIENT
        )
    assert refusal.temporary is temporary
    assert f"127.0.0.1:{server.port}" in refusal.message


async def test_more_than_a_greeting_is_not_taken() -> None:
    async with SmtpServer("ehlo", adds(b"250 more\r\n")) as server:
        refusal = await turned_away(at(server, "none", user=None, password=None))
    assert TAMPERED in refusal.message


async def test_nobody_at_the_port() -> None:
    async with SmtpServer() as server:
        pass
    fault = await turned_away(at(server, "none"))
    assert "does not take connections" in fault.message and fault.temporary


async def test_a_name_that_leads_nowhere() -> None:
    fault = await turned_away(Server("smtp.invalid", 465, "tls", None, None, "mailer.example"))
    assert "smtp.invalid" in fault.message
    assert isinstance(fault, ServerError)


async def test_no_connection_in_time() -> None:
    """A listener whose queue is full answers nothing, as networks that block mail ports do."""
    import socket

    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            fillers.append(filler)
        fault = await turned_away(
            Server("127.0.0.1", port, "none", None, None, "mailer.example"), QUICK
        )
        for filler in fillers:
            filler.close()
    assert "does not answer" in fault.message and "hotels" in fault.hint
    assert fault.temporary


async def test_a_cancelled_connect_leaves_no_connection() -> None:
    async with SmtpServer("greeting", silent) as server:
        session = SmtpSession(at(server, "none"), PATIENT, lambda _: True)
        task = asyncio.create_task(session.connect())
        await server.happened.wait()
        await asyncio.sleep(
            0.05
        )  # Python 3.11's wait_for loses a cancellation in the moment the connection stands
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.all_gone()
    assert not session.is_open


# --------------------------------------------------------- what we rely on in others' private parts


async def test_contract_with_aiosmtplib() -> None:
    """`guard` reads `protocol._buffer`, and counts on every reply going through
    `protocol.read_response`.
    """
    assert aiosmtplib.__version__ == "5.1.3", "read protocol.py again, then move this line"
    async with SmtpServer("ehlo", adds(b"250 2.")) as server:
        client = aiosmtplib.SMTP(
            hostname="127.0.0.1", port=server.port, local_hostname="x.example", start_tls=False
        )
        await client.connect()
        assert client.protocol is not None and client.protocol._buffer == b""
        read = client.protocol.read_response
        guard(client)
        assert client.protocol.read_response is not read
        with pytest.raises(Exception, match="250 2"):
            await client.ehlo()
        assert client.protocol._buffer == b"250 2."
        client.close()


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_contract_with_asyncio_beneath_tls(
    security: str, good: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    """Nothing public says how much is buffered beneath TLS; see `transport_beneath`."""
    async with SmtpServer(tls=good, implicit_tls=security == "tls") as server:
        opened = await open_line(at(server, security, trusting, user=None, password=None), PATIENT)
        beneath = transport_beneath(opened.line._transport)
        assert beneath is not None and beneath is not opened.line._transport
        assert (
            beneath.get_extra_info("socket").fileno()
            == opened.line._transport.get_extra_info("socket").fileno()
        )
        assert beneath.get_write_buffer_size() == 0
        opened.line.abort()
