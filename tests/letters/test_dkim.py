"""Facts about signatures, as dkimpy judges them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import dkim
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from mailer.base.errors import UsageError
from mailer.base.settings.workspace import load_workspace
from mailer.cli import cli
from mailer.ledger.ledger import Ledger
from mailer.letters.message import mime, pieces
from mailer.letters.message.dkim import Signer, signer_of
from mailer.letters.message.pieces import Part, Shared
from mailer.plan.draft import frozen_settings
from mailer.sending.dispatch import Dispatch
from tests.actions.test_rehearse import SHEET
from tests.conftest import SettableClock
from tests.helpers.letters import folder
from tests.helpers.letters import letter as letter_of_words
from tests.helpers.sendings import sending_options
from tests.helpers.smtp_server import SmtpServer, says
from tests.sending.test_dispatch import session_to

AT = datetime(2026, 1, 20, 8, 0, tzinfo=UTC)  # dkimpy takes no signature from the future
RSA = rsa.generate_private_key(65537, 2048)
ED25519 = ed25519.Ed25519PrivateKey.generate()
PDF = Part(b"--x\r\nContent-Type: application/pdf;\r\n  name=a \t\r\n\r\n" + b"JVBERi0x\r\n" * 40)
OWN = (
    b"From: =?utf-8?b?Wm/DqQ==?= <us@rights.example>\r\nReply-To: us@rights.example\r\nTo: Anna"
    b" Berg\r\n <anna@no.example>\r\nSubject: two  blanks,\r\n and a fold\r\nMessage-ID:"
    b" <1@rights.example>\r\nList-Unsubscribe:"
    b" <mailto:us@rights.example?subject=stop>\r\nMIME-Version: 1.0\r\nContent-Language:"
    b" en\r\nContent-Type: text/plain\r\n\r\nDear Anna, \t \r\n\r\n.\ta  tab\r\n"
)


def letter() -> tuple[bytes, Shared]:
    dated = mime.dated(OWN, AT)
    return dated, ((len(dated), PDF),)


def signed(
    key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey, end: bytes = b"\r\n \r\n\r\n"
) -> bytes:
    own, shared = letter()
    sealed = Signer("rights.example", "m2027", key).signed(own + end, shared, AT)
    return pieces.joined(sealed, pieces.shifted(shared, len(sealed) - len(own + end)))


def judged(raw: bytes, key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> bool:
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        kind, data = b"rsa", public.public_bytes(serialization.Encoding.DER, form)
    else:
        kind, data = b"ed25519", public.public_bytes_raw()
    record = b"v=DKIM1; k=%b; p=%b" % (kind, base64.b64encode(data))
    asked: list[bytes] = []
    found = dkim.verify(raw, dnsfunc=lambda name, timeout=5: asked.append(name) or record)
    assert asked == [b"m2027._domainkey.rights.example."]
    return bool(found)


@pytest.mark.parametrize("key", [RSA, ED25519], ids=["rsa", "ed25519"])
@pytest.mark.parametrize("end", [b"", b"\r\n", b"\r\n \t\r\n\r\n"])
def test_signature_is_valid_for_dkimpy(
    key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey, end: bytes
) -> None:
    raw = signed(key, end)
    assert judged(raw, key)
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    assert raw.endswith(pieces.joined(*letter())[-200:] + end)


@pytest.mark.parametrize(
    ("of", "to"),
    [
        (b"Dear Anna", b"Dear Anne"),
        (b"Subject: two", b"Subject: three"),
        (b"Date: Tue, 20", b"Date: Tue, 21"),
        (b"JVBERi0x\r\n", b""),
        (b"From: =?", b"From: other@evil.example\r\nFrom: =?"),
        (b"MIME-Version", b"Cc: other@evil.example\r\nMIME-Version"),
        (b"stop>", b"go>"),
    ],
)
def test_whoever_changes_the_letter_breaks_the_signature(of: bytes, to: bytes) -> None:
    assert not judged(signed(RSA).replace(of, to, 1), RSA)


def test_blanks_that_a_relay_changes_do_not_break_it() -> None:
    raw = (
        signed(RSA)
        .replace(b"two  blanks,\r\n and", b"two blanks, and")
        .replace(b"Anna, \t \r\n", b"Anna,\r\n")
    )
    assert judged(raw + b"\r\n\r\n", RSA)


@pytest.mark.parametrize("key", [RSA, ED25519], ids=["rsa", "ed25519"])
def test_signature_is_the_same_at_every_attempt(
    key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey,
) -> None:
    assert signed(key) == signed(key)


CONFIG = """[sender]
from = "Jana <us@rights.example>"
organisation = "Rights"
dkim = { selector = "m2027", file = "dkim.pem" }
[smtp]
host = "smtp.rights.example"
"""


def workspace_with(root: Path, key: bytes, mode: int = 0o600) -> Signer | None:
    (root / "config.toml").write_text(CONFIG, encoding="utf-8")
    (root / "dkim.pem").write_bytes(key)
    (root / "dkim.pem").chmod(mode)
    return signer_of(load_workspace(root))


def pem(
    key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey,
    password: bytes = b"",
) -> bytes:
    how: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password:
        how = serialization.BestAvailableEncryption(password)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)


@pytest.mark.parametrize("key", [RSA, ED25519], ids=["rsa", "ed25519"])
def test_key_of_the_settings_signs_for_the_domain_of_the_sender(
    tmp_path: Path, key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
) -> None:
    signer = workspace_with(tmp_path, pem(key))
    assert signer is not None
    assert signer.name.startswith("m2027 rights.example ")
    assert "PRIVATE" not in repr(signer)


@pytest.mark.parametrize(
    ("key", "mode", "words"),
    [
        (b"no key", 0o600, "no private key"),
        (pem(RSA, b"secret"), 0o600, "without a passphrase"),
        (pem(ec.generate_private_key(ec.SECP256R1())), 0o600, "RSA or Ed25519"),
        (pem(RSA), 0o644, "Others can read the key file"),
    ],
    ids=["text", "passphrase", "elliptic", "open to all"],
)
def test_key_that_cannot_be_used_is_named(
    tmp_path: Path, key: bytes, mode: int, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        workspace_with(tmp_path, key, mode)


async def test_letter_is_signed_at_the_first_attempt_and_the_same_at_the_second(
    ledger: Ledger, planned: Callable[..., int], clock: SettableClock
) -> None:
    clock.at = AT
    mail_out_id = planned(2)
    async with SmtpServer("dot", says(b"451 4.3.0 come back\r\n"), letter=1) as server:
        options = sending_options(connections=1, schedule=(timedelta(0),), patience=timedelta(0))
        signer = Signer("rights.example", "m2027", RSA)
        dispatch = Dispatch(ledger, mail_out_id, session_to(server.port), options, signer=signer)
        dispatch.report = lambda _event: clock.forward(minutes=5)
        await dispatch.run()
    first, *others = server.taken
    (again,) = (one for one in others if one.recipient == first.recipient)
    assert again.data == first.data
    assert len(server.taken) == 3
    assert all(judged(one.data, RSA) for one in server.taken)


def test_plan_freezes_which_key_signs(tmp_path: Path) -> None:
    folder(tmp_path, "appeal", en=letter_of_words("Hello."))
    (tmp_path / "contacts").mkdir()
    (tmp_path / "contacts" / "all.csv").write_text(SHEET, encoding="utf-8")
    workspace_with(tmp_path, pem(RSA))
    live = CONFIG + '[safety]\nmode = "live"\n'
    (tmp_path / "config.toml").write_text(live, encoding="utf-8")
    mailer = partial(CliRunner().invoke, cli)
    planned = mailer(["-C", str(tmp_path), "plan", "appeal"])
    assert planned.exit_code == 0, planned.output
    (tmp_path / "dkim.pem").write_bytes(pem(ED25519))
    refused = mailer(["-C", str(tmp_path), "send", "M-1"])
    assert refused.exit_code == 3
    assert "sender.dkim" in refused.stderr
    assert "changed since the plan" in refused.stderr


def test_demo_needs_no_key(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(CONFIG, encoding="utf-8")
    assert "sender.dkim" not in frozen_settings(load_workspace(tmp_path), "demo")
