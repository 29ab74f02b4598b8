"""DKIM: a signature by which a server sees that a letter comes from our domain and is as we wrote
it (RFC 6376, 8463).

Only for those whose own server does not sign; where it does, a second signature is of no use. The
signature is made at the first attempt, over the bytes with their Date, and is the same at every
later one: it follows from the stored bytes, that Date and the key, whose fingerprint a plan
freezes. Headers and body are signed "relaxed"; headers that must stand there once are named once
more than they do, so that nobody can add another (section 8.15).
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from mailer.base.errors import UsageError
from mailer.base.settings.passwords import read_secret_file
from mailer.base.settings.workspace import Workspace
from mailer.letters.message import pieces
from mailer.letters.message.pieces import Part, Shared

ONCE = (
    "from",
    "reply-to",
    "to",
    "cc",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "content-type",
)
SIGNED = (*ONCE, "in-reply-to", "references", "content-language", "list-unsubscribe")
SHORTEST = 1024
"""Bits of an RSA key; servers take no signature by a shorter one (RFC 8301 section 3.2)."""

_FIELDS = re.compile(rb"\r\n(?![ \t])")
_BLANKS = re.compile(rb"[ \t]+")


@dataclass(frozen=True, slots=True)
class Signer:
    """A key and the name under which the DNS has its public half: SELECTOR._domainkey.DOMAIN."""

    domain: str
    selector: str
    key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey = field(repr=False)

    @property
    def name(self) -> str:
        """Say which key this is, without giving it away: selector, domain, fingerprint of the
        public half.
        """
        public = self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return f"{self.selector} {self.domain} {sha256(public).hexdigest()[:16]}"

    @property
    def published(self) -> str:
        """Return the public half as the DNS must have it behind p= (RFC 6376 section 3.6.1, RFC
        8463 section 4).
        """
        public = self.key.public_key()
        if isinstance(public, ed25519.Ed25519PublicKey):
            return b64encode(public.public_bytes_raw()).decode()
        der = public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return b64encode(der).decode()

    def signed(self, own: bytes, shared: Shared, at: datetime) -> bytes:
        """Return the letter's own bytes with the signature in front; `at` is its Date, which stands
        in it already.
        """
        head, _, body = own.partition(b"\r\n\r\n")
        fields: dict[str, bytes] = {}
        for one in _FIELDS.split(head):
            name, _, value = one.partition(b":")
            fields[name.decode("ascii").strip().lower()] = value
        names = [name for name in SIGNED if name in fields]
        lines = [_relaxed(name, fields[name]) for name in names]
        kind = "rsa-sha256" if isinstance(self.key, rsa.RSAPrivateKey) else "ed25519-sha256"
        digest = _body_hash(body, pieces.shifted(shared, len(body) - len(own)))
        about = (
            f" v=1; a={kind}; c=relaxed/relaxed; d={self.domain};\r\n s={self.selector};"
            f" t={int(at.timestamp())};\r\n"
            f" h={_folded(':', [*names, *ONCE])};\r\n"
            f" bh={b64encode(digest).decode()};\r\n b="
        )
        unsigned = b"\r\n".join([*lines, _relaxed("dkim-signature", about.encode("ascii"))])
        signature = b64encode(self._sign(unsigned)).decode()
        cut = (signature[at : at + 72] for at in range(0, len(signature), 72))
        return b"DKIM-Signature:%b%b\r\n%b" % (
            about.encode("ascii"),
            "\r\n ".join(cut).encode("ascii"),
            own,
        )

    def _sign(self, unsigned: bytes) -> bytes:
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(unsigned, padding.PKCS1v15(), hashes.SHA256())
        return self.key.sign(sha256(unsigned).digest())  # RFC 8463 section 3


def signer_of(workspace: Workspace) -> Signer | None:
    """Return what signs the letters of a workspace, None where its settings name no key. Raises
    `UsageError`.
    """
    sender = workspace.settings.sender
    if sender.dkim is None:
        return None
    path = workspace.root / sender.dkim.file
    text = read_secret_file(path, "key")
    try:
        key = serialization.load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        raise _unusable(path, "it is no private key in PEM without a passphrase, RSA or Ed25519")
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < SHORTEST:
        raise _unusable(
            path, f"it has {key.key_size} bits, and servers want {SHORTEST} at least, better 2048"
        )
    return Signer(sender.address.rpartition("@")[2], sender.dkim.selector, key)


def _unusable(path: object, why: str) -> UsageError:
    hint = f"openssl genrsa -out {path} 2048; docs/configuration.md says what the DNS must have"
    return UsageError(f"The DKIM key {path} cannot be used: {why}.", hint=hint, code="K112")


def _relaxed(name: str, value: bytes) -> bytes:
    """RFC 6376 section 3.4.2."""
    return name.encode("ascii") + b":" + _BLANKS.sub(b" ", value.replace(b"\r\n", b"")).strip()


def _body_hash(body: bytes, shared: Shared) -> bytes:
    """RFC 6376 section 3.4.4: without the empty lines at the end."""
    found, empty, begun = sha256(), 0, False
    for piece in pieces.pieces(body, shared):
        text = piece.relaxed if isinstance(piece, Part) else pieces.relaxed(piece)
        lines = text.rstrip(b"\r\n")
        if lines:
            found.update(b"\r\n" * empty)
            found.update(lines)
            empty, begun = 0, True
        empty += (len(text) - len(lines)) // 2
    if begun:
        found.update(b"\r\n")
    return found.digest()


def _folded(between: str, words: list[str]) -> str:
    lines = [words[0]]
    for word in words[1:]:
        if len(lines[-1]) + len(word) > 70:
            lines[-1] += between
            lines.append(word)
        else:
            lines[-1] += between + word
    return "\r\n ".join(lines)
