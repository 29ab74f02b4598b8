"""A rendered letter → the finished bytes of the message; `read_back.py` proves whose they are.

The same input gives the same bytes: the Message-ID is computed, the boundary comes from it, and no
clock, host name or program name goes in. `Date` is the one line that is missing; the sender puts it
in front at the first attempt and keeps it. CRLF, 7-bit and short lines only, so that no relay has a
reason to rewrite anything (RFC 5322, 2045 to 2047,
2369). Headers that keep answers away (Auto-Submitted, Precedence) are left out on purpose.
"""

from __future__ import annotations

import hmac
import re
from base64 import encodebytes
from binascii import b2a_qp
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from mailer.base.errors import MailerError
from mailer.letters.message import headers, pieces
from mailer.letters.message.body import WORTH_SHARING, runs_of
from mailer.letters.message.flowed import flowed
from mailer.letters.message.pieces import Lines, Part, Shared
from mailer.letters.message.read_back import shown

# making letters needs libraries that are slow to import; dating one, at its first attempt, does not
if TYPE_CHECKING:
    from mailer.letters.render import Rendered

_ASCII = bytes(range(128))
_SENDER = re.compile(r'\s*"?(?P<name>[^<>"]*?)"?\s*<(?P<address>[^<>]*)>\s*')
_TEXT = b'text/plain; charset="utf-8"; format=flowed'
_HTML = b'text/html; charset="utf-8"'
_MANY_NOT_ASCII = 0.18
"""From this share of bytes on base64 (4/3) is shorter than quoted-printable (three for one)."""


def compose(
    rendered: Rendered,
    *,
    sender: str,
    reply_to: str,
    recipient_name: str,
    recipient_address: str,
    message_id: str,
    unsubscribe: str,
    thread: Sequence[str] = (),
    copies: Sequence[tuple[str, str]] = (),
) -> tuple[bytes, Shared]:
    """Return the message but for `Date`: its own bytes, and the files that it shares. Bodies have
    "\\n" at the ends of lines and no "\\r".

    `sender` is "Jana Novak <jana@rights.example>" or an address; `reply_to` is where answers go
    unless the letter itself names an organisation of the country; `unsubscribe` is the address that
    objections go to; `thread` are the Message-IDs of the letters that this one follows, the oldest
    first; `copies` are names and addresses in Cc. Raises `MailerError` for a name or subject that
    no header can carry.
    """
    try:
        follows = (
            headers.message_ids("In-Reply-To", thread[-1:])
            + headers.message_ids("References", thread)
            if thread
            else b""
        )
        subject = _subject(rendered.subject)
        to = headers.mailbox("To", recipient_name, recipient_address)
        cc = headers.mailboxes("Cc", copies) if copies else b""
    except headers.HeaderError as error:
        hint = "correct the name or the subject; nothing was sent"
        raise MailerError(
            f"this letter has no valid header: {error}", hint=hint, code="L401"
        ) from None
    boundary = b"=_" + sha256(message_id.encode()).hexdigest()[:32].encode()
    own = bytearray()
    shared: list[tuple[int, Part]] = []
    for piece in (
        _from(sender),
        _reply_to(rendered.reply_to or reply_to),
        to,
        cc,
        subject,
        b"Message-ID: <%b>\r\n" % message_id.strip("<>").encode("ascii"),
        follows,
        b"List-Unsubscribe: <mailto:%b?subject=stop>\r\n"
        % quote(unsubscribe, safe="@").encode("ascii"),
        b"MIME-Version: 1.0\r\nContent-Language: %b\r\n" % rendered.language.encode("ascii"),
        *_with_attachments(boundary, rendered),
    ):
        if isinstance(piece, Part):
            shared.append((len(own), piece))
        else:
            own += piece
    return bytes(own), tuple(shared)


def build(rendered: Rendered, **about: Any) -> bytes:
    """Return the whole message but for `Date` in one piece; `about` is what `compose` wants to
    know.
    """
    return pieces.joined(*compose(rendered, **about))


def dated(raw: bytes, at: datetime) -> bytes:
    """Put `Date` in front, in UTC: where the sender sits is nobody's business."""
    return _date(at.replace(microsecond=0)) + raw


@lru_cache(64)  # the letters of a second have one Date
def _date(at: datetime) -> bytes:
    return b"Date: %b\r\n" % format_datetime(at.astimezone(UTC)).encode("ascii")


def readdressed(
    own: bytes, shared: Shared, *, to: str, note: str, message_id: str
) -> tuple[bytes, Shared]:
    """Return a finished letter as a sample for somebody else: another To and Message-ID, no Cc,
    `note` before the subject.

    Everything else stays as it is, byte for byte.
    """
    top, blank, body = own.partition(b"\r\n\r\n")
    fields = {one.partition(b": ")[0]: one + b"\r\n" for one in re.split(rb"\r\n(?! )", top)}
    subject = fields[b"Subject"].partition(b": ")[2].replace(b"\r\n ", b" ").strip().decode("ascii")
    fields[b"To"] = headers.mailbox("To", "", to)
    fields.pop(b"Cc", None)  # an answer to all would reach real people
    fields[b"Subject"] = headers.unstructured("Subject", f"{note} {shown(subject)}")
    fields[b"Message-ID"] = b"Message-ID: <%b>\r\n" % message_id.encode("ascii")
    sample = b"".join(fields.values()) + blank[2:] + body
    return sample, pieces.shifted(shared, len(sample) - len(own))


def message_id(key: bytes, mail_out: str, recipient: str, domain: str) -> str:
    """Return an id that is the same for every attempt, and tells nobody without `key` whom it was
    for.
    """
    digest = hmac.digest(key, f"{mail_out}\n{recipient}".encode(), "sha256")
    return f"{digest[:26].translate(_FIVE_BITS).decode()}@{domain}"


_FIVE_BITS = b"abcdefghijklmnopqrstuvwxyz234567" * 8
"""The signs of base 32 (RFC 4648), one for each byte: programs that change case spoil none."""


@lru_cache(maxsize=16)
def _from(sender: str) -> bytes:
    match = _SENDER.fullmatch(sender)
    return headers.mailbox(
        "From", match["name"] if match else "", match["address"] if match else sender
    )


_reply_to = lru_cache(maxsize=64)(lambda address: headers.mailbox("Reply-To", "", address))
_subject = lru_cache(maxsize=256)(lambda value: headers.unstructured("Subject", value))


def _with_attachments(boundary: bytes, rendered: Rendered) -> Sequence[bytes | Part]:
    """Return the two bodies, and around them, where there are attachments, multipart/mixed (RFC
    2046 section 5.1).
    """
    bodies = (
        b'Content-Type: multipart/alternative;\r\n boundary="%b"\r\n\r\n' % boundary,
        *_part(boundary, _TEXT, rendered.text),
        *_with_pictures(boundary, rendered),
        b"--%b--\r\n" % boundary,
    )
    if not rendered.attachments:
        return bodies
    outer = boundary.replace(b"=_", b"=_m")
    return (
        b'Content-Type: multipart/mixed;\r\n boundary="%b"\r\n\r\n--%b\r\n' % (outer, outer),
        *bodies,
        *(piece for one in rendered.attachments for piece in (b"--%b\r\n" % outer, one.part)),
        b"--%b--\r\n" % outer,
    )


def _with_pictures(boundary: bytes, rendered: Rendered) -> Sequence[bytes | Part]:
    """Return the HTML, and around it, where it shows pictures, multipart/related (RFC 2387)."""
    if not rendered.pictures:
        return _part(boundary, _HTML, rendered.html)
    inner = boundary.replace(b"=_", b"=_r")
    return (
        b'--%b\r\nContent-Type: multipart/related; type="text/html";\r\n boundary="%b"\r\n\r\n'
        % (boundary, inner),
        *_part(inner, _HTML, rendered.html),
        *(piece for one in rendered.pictures for piece in (b"--%b\r\n" % inner, one.part)),
        b"--%b--\r\n" % inner,
    )


@lru_cache(maxsize=2048)
def _quoted(line: bytes) -> bytes:
    """Encode one line. Most lines are the same in all letters, and encoding is what building a
    letter costs most.

    No line of it begins with a full stop, which careless relays double or take for the end of the
    message, or with "From ", before which mailboxes put a ">": both would break a signature.
    """
    coded = b2a_qp(line)
    if line.endswith(b" \r\n"):  # b2a_qp makes 77 characters of some
        coded = b2a_qp(line[:-3] + b"x\r\n")[:-3]
        full = len(coded) - coded.rfind(b"\n") > 74
        coded += b"=\r\n=20\r\n" if full else b"=20\r\n"
    while found := _TOUCHED.search(coded):
        at = found.start()
        coded = coded[:at] + (b"=%02X=\r\n" % coded[at]) + coded[at + 1 :]
    return coded


_TOUCHED = re.compile(rb"^(?:\.|From )", re.MULTILINE)


def _part(boundary: bytes, kind: bytes, text: str) -> Sequence[bytes | Part]:
    """Encode one body. Lines that many letters have are encoded once."""
    wrap = kind is _TEXT
    blocks = [_encoded(run, wrap, is_common) for run, is_common in runs_of(text)]
    size = beyond_ascii = 0
    for one in blocks:
        size += len(one.lines)
        beyond_ascii += one.beyond_ascii
    line = b"--%b\r\nContent-Type: %b\r\nContent-Transfer-Encoding: %b\r\n\r\n"
    if beyond_ascii > size * _MANY_NOT_ASCII:
        raw = b"".join(one.lines for one in blocks)
        coded = encodebytes(raw).replace(b"\n", b"\r\n")
        return line % (boundary, kind, b"base64"), coded
    return line % (boundary, kind, b"quoted-printable"), *(one.quoted for one in blocks)


class _Block(NamedTuple):
    """Whole lines of a body, encoded."""

    lines: bytes  # as they are
    quoted: bytes | Part
    beyond_ascii: int  # bytes of the lines


@lru_cache(maxsize=2048)  # many greetings name nobody, and most people are bidden the same farewell
def _encoded(text: str, wrap: bool, is_common: bool) -> _Block:
    raw = (flowed(text) if wrap else text).replace("\n", "\r\n").encode()
    quoted = b"".join(map(_quoted, raw.splitlines(keepends=True)))
    beyond = 0 if raw.isascii() else len(raw.translate(None, _ASCII))
    shared = is_common and len(quoted) >= WORTH_SHARING
    return _Block(raw, Lines(quoted) if shared else quoted, beyond)
