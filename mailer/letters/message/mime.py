"""A rendered letter → the finished bytes of the message, and the proof that they are one
person's, or one delegation's.

The same input gives the same bytes: the Message-ID is computed, the boundary comes from it, and no
clock, host name or program name goes in. `Date` is the one line that is missing; the sender puts it
in front at the first attempt and keeps it. CRLF, 7-bit and short lines only, so that no relay has a
reason to rewrite anything (RFC 5322, 2045 to 2047,
2369). Headers that keep answers away (Auto-Submitted, Precedence) are left out on purpose.
"""

from __future__ import annotations

import hmac
import re
from base64 import b32encode, encodebytes
from binascii import a2b_base64, a2b_qp, b2a_qp
from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.header import decode_header
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from mailer.base.address import key_of
from mailer.base.errors import MailerError
from mailer.letters.message import headers, pieces
from mailer.letters.message.flowed import flowed, joined
from mailer.letters.message.pieces import Part, Shared

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
        subject = headers.unstructured("Subject", rendered.subject)
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
        headers.mailbox("Reply-To", "", rendered.reply_to or reply_to),
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
    return f"{b32encode(digest[:20])[:26].decode().lower()}@{domain}"


def read_back(
    own: bytes,
    *,
    recipient: str,
    everyone: Container[str],
    greeting: str,
    cells: Sequence[str] = (),
    thread: Sequence[str] = (),
    copies: Sequence[str] = (),
) -> None:
    """Prove that the finished bytes are one person's: their address alone in To, those of `copies`
    and no others in Cc, the letters of
    their `thread` and no others before it, their greeting in both bodies, each of the `cells` that
    was put in in both, in their order, and nothing in them that watches the reader (L403).

    `own` is the message without the files that letters share. `everyone` holds the keys
    (`address.key_of`) of all recipients of the mail-out; none but these people's may occur
    anywhere, neither in a header nor in a body. Raises `MailerError`: whatever is found is a
    mistake of this program.
    """
    fields = heading(own)
    named = dict(fields)
    to = named.get("to", "")
    if len(named) != len(fields) or not named.keys() >= {"from", "to", "subject", "message-id"}:
        raise _not_one_persons("a header is missing or stands there twice")
    cc = named.get("cc", "")
    if addressed(named) != [recipient, *copies] or {"bcc", "resent-to"} & named.keys():
        raise _not_one_persons("the message is addressed to somebody else")
    if (named.get("in-reply-to", ""), named.get("references", "")) != (
        "".join(thread[-1:]),
        " ".join(thread),
    ):
        raise _not_one_persons("it follows a letter that was not this person's")
    from mailer.letters.markup import escaped

    boundary = re.search(rb'multipart/alternative;\r\n boundary="([^"]+)"', own)
    parts = own[boundary.end() :].split(b"--" + boundary[1])[1:-1] if boundary else []
    bodies = [_decoded(part) for part in parts]
    if len(bodies) != 2 or greeting not in bodies[0] or escaped(greeting) not in bodies[1]:
        raise _not_one_persons("the greeting of this person does not stand in it")
    at = [0, 0]
    for cell in cells:
        for number, word in enumerate((cell, escaped(cell))):
            at[number] = bodies[number].find(word, at[number]) + len(word)
            if at[number] < len(word):
                raise _not_one_persons(f"a cell did not arrive as it is: {cell[:40]}")
    mine = {key_of(recipient), *map(key_of, copies)}
    texts = (
        shown(named["subject"]),
        shown(to),
        shown(cc),
        named["from"],
        named.get("reply-to", ""),
        *bodies,
    )
    for text in texts:
        for key in _addresses(text):
            if key not in mine and key in everyone and not _is_ours(key, named):
                raise _not_one_persons("the address of another recipient stands in it", _TAKE_OUT)
    # escaped, a greeting cannot be markup: without it, most people's HTML is that of many others
    if watching := _faults(bodies[1].replace(escaped(greeting), "")):
        raise MailerError(
            f"A finished letter would fetch or run something: {watching[0][:60]}. Nothing was"
            " sent.",
            hint="take it out of templates/_shared/layout.html; mailer check finds its line",
            code="L403",
        )


def heading(own: bytes) -> list[tuple[str, str]]:
    """Return the header of a finished letter, unfolded: each name in small letters, and its
    value.
    """
    top = own.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").decode("ascii")
    lines = (line.partition(": ") for line in top.split("\r\n"))
    return [(name.lower(), value) for name, _, value in lines]


def addressed(named: Mapping[str, str]) -> list[str]:
    """Return the addresses in To and Cc of a finished letter, by its `heading`."""
    to = named.get("to", "")
    first = to[to.rfind("<") + 1 : -1] if to.endswith(">") else to
    parts = _QUOTED.sub("", named["cc"]).split(",") if "cc" in named else []
    return [first, *(found[1] if (found := _NAMED.fullmatch(one)) else one for one in parts)]


@lru_cache(maxsize=128)
def _faults(html: str) -> list[str]:
    from mailer.letters.message.allowed import faults

    return faults(html)


_OURS = (
    "this is a mistake of the mailer itself; please report it, and send nothing until it is"
    " corrected"
)
_TAKE_OUT = f"take the address out of the letter or the cell that names it; if none does, {_OURS}"


def _not_one_persons(what: str, hint: str = _OURS) -> MailerError:
    return MailerError(
        f"A finished letter failed its last check: {what}. Nothing was sent.",
        hint=hint,
        code="L402",
    )


def _is_ours(key: str, named: dict[str, str]) -> bool:
    """Tell whether an address is the sender's own, who may be a recipient as well."""
    return any(key in _addresses(named.get(header, "")) for header in ("from", "reply-to"))


def _addresses(text: str) -> list[str]:
    """Return the keys of all addresses in a text, also percent-encoded ones and those in the source
    of HTML.

    A quotation mark may begin an address (O'Brien, D'Ella) or stand before one: both readings are
    returned.
    """
    text = text.replace("%40", "@")
    found = []
    at = text.find("@")
    while at >= 0:
        found += _around(text[max(0, at - 64) : at], text[at + 1 : at + 256])
        at = text.find("@", at + 1)
    return found


@lru_cache(maxsize=1024)  # most stand in the same words in all letters
def _around(left: str, right: str) -> list[str]:
    before, after = _BEFORE.search(left), _AFTER.match(right)
    if not before or not after:
        return []
    domain = after[0].rstrip(".-_")
    locals_ = {before[0], before[0].lstrip("'*_~`!#")}
    return [_key(f"{local}@{domain}") for local in locals_ if local]


_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_NAMED = re.compile(r"[^<>@]*<([^<>\s]+)>")
_BEFORE = re.compile(r"[^\s<>()\[\]:;,\"?&=/]+$")
_AFTER = re.compile(r"[\w.-]+")
_key = lru_cache(maxsize=4096)(key_of)


def shown(value: str) -> str:
    """Return a header's value as people read it (RFC 2047)."""
    if "=?" not in value:
        return value
    return "".join(
        part.decode(charset or "ascii") if isinstance(part, bytes) else part
        for part, charset in decode_header(value)
    )


def _decoded(part: bytes) -> str:
    head, _, body = part.partition(b"\r\n\r\n")
    if b"multipart/related" in head:  # the HTML, and then its pictures
        boundary = head.rpartition(b'boundary="')[2].rstrip(b'"')
        return _decoded(body.split(b"--" + boundary, 2)[1])
    raw = a2b_base64(body) if b"base64" in head else a2b_qp(body)
    text = raw.decode().replace("\r\n", "\n")
    return joined(text) if b"format=flowed" in head else text


@lru_cache(maxsize=16)
def _from(sender: str) -> bytes:
    match = _SENDER.fullmatch(sender)
    return headers.mailbox(
        "From", match["name"] if match else "", match["address"] if match else sender
    )


def _with_attachments(boundary: bytes, rendered: Rendered) -> Iterator[bytes | Part]:
    """Yield the two bodies, and around them, where there are attachments, multipart/mixed (RFC 2046
    section 5.1).
    """
    outer = boundary.replace(b"=_", b"=_m")
    if rendered.attachments:
        yield b'Content-Type: multipart/mixed;\r\n boundary="%b"\r\n\r\n--%b\r\n' % (outer, outer)
    yield b'Content-Type: multipart/alternative;\r\n boundary="%b"\r\n\r\n' % boundary
    yield from _part(boundary, _TEXT, rendered.text, rendered.greeting)
    yield from _with_pictures(boundary, rendered)
    yield b"--%b--\r\n" % boundary
    for attachment in rendered.attachments:
        yield b"--%b\r\n" % outer
        yield attachment.part
    if rendered.attachments:
        yield b"--%b--\r\n" % outer


def _with_pictures(boundary: bytes, rendered: Rendered) -> Iterator[bytes | Part]:
    """Yield the HTML, and around it, where it shows pictures, multipart/related (RFC 2387)."""
    from mailer.letters.markup import escaped

    greeting = escaped(rendered.greeting)
    if not rendered.pictures:
        yield from _part(boundary, _HTML, rendered.html, greeting)
        return
    inner = boundary.replace(b"=_", b"=_r")
    yield (
        b'--%b\r\nContent-Type: multipart/related; type="text/html";\r\n boundary="%b"\r\n\r\n'
        % (boundary, inner)
    )
    yield from _part(inner, _HTML, rendered.html, greeting)
    for picture in rendered.pictures:
        yield b"--%b\r\n" % inner
        yield picture.part
    yield b"--%b--\r\n" % inner


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


def _part(boundary: bytes, kind: bytes, text: str, personal: str) -> tuple[bytes, ...]:
    """Encode one body. What stands above and below the line with the words that are `personal` is
    the same for many, and encoded once.
    """
    text = text if text.endswith("\n") else text + "\n"
    at = max(0, text.find(personal))
    start, end = text.rfind("\n", 0, at) + 1, text.find("\n", at) + 1
    wrap = kind is _TEXT
    blocks = [_encoded(one, wrap) for one in (text[:start], text[start:end], text[end:])]
    raw = b"".join(one.lines for one in blocks)
    if sum(one.beyond_ascii for one in blocks) > len(raw) * _MANY_NOT_ASCII:
        coding, body = b"base64", encodebytes(raw).replace(b"\n", b"\r\n")
    else:
        coding, body = b"quoted-printable", b"".join(one.quoted for one in blocks)
    line = b"--%b\r\nContent-Type: %b\r\nContent-Transfer-Encoding: %b\r\n\r\n"
    return line % (boundary, kind, coding), body


class _Block(NamedTuple):
    """Whole lines of a body, encoded."""

    lines: bytes  # as they are
    quoted: bytes
    beyond_ascii: int  # bytes of the lines


@lru_cache(maxsize=512)
def _encoded(text: str, wrap: bool) -> _Block:
    raw = (flowed(text) if wrap else text).replace("\n", "\r\n").encode()
    quoted = b"".join(map(_quoted, raw.splitlines(keepends=True)))
    return _Block(raw, quoted, len(raw.translate(None, _ASCII)))
