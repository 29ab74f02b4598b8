"""Raw bytes → a message taken apart: whatever the bytes are, with bounded memory, and without an
exception.

Long attachments are cut while they are read (their size is counted), so that 25 MB take no more
room than 25 KB. A message within a message is never mixed up with the message itself: a person who
forwards a bounce has not bounced. Structures: RFC 3462 and 6522 (reports), 3464 and 6533
(delivery), 8098 (reading), 5965 (abuse).
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import io
import itertools
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import errors, message_from_bytes
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any

from mailer.inbox.mail.html import as_text
from mailer.inbox.mail.notification import report_in

KEPT = 3_000_000
"""Bytes of one message that are parsed; of what lies beyond, only the lines between the parts."""
PIECE = 200_000
"""Bytes of one part that are parsed: a text longer than this is no letter."""
ATTACHED = 4_000_000
"""Bytes of one attachment, as it is written in the message, that are kept to be saved by somebody;
three times as much of one message.
"""
SHORT = 4_000
"""Bytes of each further part, where a message is longer than that."""
DEEP = 12
"""Levels of parts within parts that are entered."""

_FIELD = re.compile(r"^([A-Za-z][A-Za-z0-9-]{1,60}):[ \t]*(.*)$")
_ID = re.compile(r"(?<![^\s<>\"'(),;:\[\]])[^\s<>\"'(),;:\[\]]+@[^\s<>\"'(),;:\[\]]+")

Fields = dict[str, str]
"""Fields of one block, names in small letters; of a field that stands twice, the first."""


@dataclass(frozen=True)
class MailPart:
    """One attachment: what it is called, what it says that it is, and its length in the message in
    bytes.
    """

    name: str
    type: str
    size: int


@dataclass
class Mail:
    """A message taken apart."""

    headers: dict[str, list[str]] = field(default_factory=dict)  # decoded, names in small letters
    text: str = ""  # what a person reads first, without the returned letter
    html: bool = False  # the text was made from HTML
    # the content type, with report-type where there is one: "multipart/report delivery-status"
    type: str = ""
    recipients: list[Fields] = field(
        default_factory=list
    )  # a delivery report: one block a recipient
    report: Fields = field(default_factory=dict)  # a delivery report: what holds for all recipients
    disposition: Fields = field(default_factory=dict)  # a notice about reading
    feedback: Fields = field(default_factory=dict)  # an abuse report
    returned: Fields = field(
        default_factory=dict
    )  # the headers of the letter that came back with it
    inside: list[Fields] = field(
        default_factory=list
    )  # headers of other messages that are enclosed
    enclosed: list[str] = field(
        default_factory=list
    )  # texts of enclosed letters (text/plain attachments)
    parts: list[MailPart] = field(default_factory=list)
    encrypted: bool = False
    faults: list[str] = field(default_factory=list)  # what could not be read, in words

    def header(self, name: str) -> str:
        """Return the first header of this name, or nothing."""
        found = self.headers.get(name)
        return found[0] if found else ""

    @property
    def sender(self) -> tuple[str, str]:
        """Return the name and the address in From."""
        return next(iter(self.people("from")), ("", ""))

    def people(self, name: str) -> list[tuple[str, str]]:
        """Return the names and addresses of a header."""
        return [
            (who, address) for who, address in getaddresses(self.headers.get(name, [])) if address
        ]

    def arrived(self) -> datetime | None:
        """Return when the last server received it; otherwise the date that the writer gave."""
        for text in (
            *(h.rpartition(";")[2] for h in self.headers.get("received", [])[:1]),
            self.header("date"),
        ):
            with contextlib.suppress(ValueError, TypeError, IndexError, OverflowError):
                at = parsedate_to_datetime(text.strip())
                return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
        return None


def take_apart(raw: bytes | io.BufferedIOBase) -> Mail:
    """Take a message apart. Never fails: what cannot be read is named in `faults`."""
    source = io.BytesIO(raw) if isinstance(raw, bytes) else raw
    kept, sizes = _shortened(source)
    mail = Mail()
    try:
        message = message_from_bytes(kept)
        mail.headers = _headers(message)
        _fill(mail, message, 0, sizes)
        if (
            not (mail.recipients or mail.disposition or mail.feedback)
            and "final-recipient:" in mail.text.casefold()
        ):
            _rescue_report(mail)
        if found := report_in(mail.text):
            mail.recipients, mail.returned, mail.feedback = found
            blocks = (mail.feedback, *mail.recipients)
            mail.text = "\n\n".join("\n".join(map(": ".join, b.items())) for b in blocks if b)
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
        errors.MessageError,
    ) as error:
        mail.faults.append(f"the message cannot be taken apart ({type(error).__name__})")
        mail.text = mail.text or kept.partition(b"\n\n")[2][:PIECE].decode("utf-8", "replace")
    return mail


def shortened(raw: bytes) -> bytes:
    """Return a message without the insides of its longest attachments, to be kept."""
    return _shortened(io.BytesIO(raw), ATTACHED, 3 * ATTACHED)[0]


def ids_in(*texts: str) -> list[str]:
    """Return what may be a Message-ID in the texts, without brackets and case, in order."""
    return [found.casefold().rstrip(".>") for text in texts for found in _ID.findall(text)]


# ── reading with bounded memory ─────────────────────────────────────────────────────────────────


def _shortened(
    source: io.BufferedIOBase | io.BytesIO, longest: int = PIECE, kept: int = KEPT
) -> tuple[bytes, dict[bytes, int]]:
    """Return the message without the insides of long parts, and the true lengths of the parts by
    their first line.
    """
    lines: list[bytes] = []
    total = piece = 0
    first = b""
    sizes: dict[bytes, int] = {}
    typed = False  # within Content-Type, which is unfolded: a boundary may be folded in the middle
    while line := source.readline(65_536):
        if typed and line[:1] in b" \t" and line.strip():
            lines[-1] = lines[-1].rstrip(b"\r\n") + b" " + line.strip() + b"\n"
            continue
        typed = line[:13].lower() == b"content-type:"
        if line.startswith(b"--") and len(line) < 200:
            if piece > longest:
                sizes[first] = piece
            piece, first = 0, b""
        elif not line.strip():
            if piece > longest and first:
                sizes[first] = piece + sizes.pop(first, 0)
            if piece <= longest:
                first = b""
        else:
            first = first or line.strip()[:76]
        piece += len(line)
        if piece <= (longest if total < kept else SHORT):
            lines.append(line)
            total += len(line)
    if piece > longest:
        sizes[first] = piece
    return b"".join(lines), sizes


# ── parts ───────────────────────────────────────────────────────────────────────────────────────


def _fill(mail: Mail, message: Message[str, str], deep: int, sizes: dict[bytes, int]) -> None:
    kind = message.get_content_type()
    if not deep:
        mail.type = f"{kind} {message.get_param('report-type', '') or ''}".strip().casefold()
        mail.encrypted = kind == "multipart/encrypted" or "enveloped-data" in str(
            message.get("content-type", "")
        )
    if deep > DEEP:
        mail.faults.append("parts within parts, too many to enter")
        return
    payload: Any = message.get_payload()
    if message.is_multipart() and kind.startswith("multipart/"):
        children = list(payload)[:200]
        if kind == "multipart/alternative":
            children = _alternatives(children)
        for child in children:
            _fill(mail, child, deep + 1, sizes)
        return
    if kind.startswith("multipart/"):  # its parts cannot be told apart
        mail.text = f"{mail.text}{payload}"[:PIECE]
        mail.faults.append("the parts cannot be told apart")
        return
    name = _decoded(str(message.get_filename() or ""))
    if kind.startswith("message/") or kind in ("text/rfc822-headers", "text/rfc822-header"):
        _enclosed(mail, message, kind, name)
        return
    if kind.startswith("text/") and kind != "text/calendar":
        text = _text_of(message, mail)
        as_html = kind == "text/html"
        attached = message.get_content_disposition() == "attachment" or bool(
            name and mail.text.strip()
        )
        if attached:
            mail.enclosed.append((as_text(text) if as_html else text)[:20_000])
        else:
            more = as_text(text) if as_html else text
            mail.html = mail.html or as_html
            mail.text = f"{mail.text.rstrip()}\n\n{more}" if mail.text.strip() else more
        if name or attached:
            mail.parts.append(MailPart(name, kind, len(text)))
        return
    if kind.endswith(("pkcs7-mime", "x-pkcs7-mime")) and not mail.text.strip() and deep < DEEP:
        _opaque(mail, message, deep, sizes)
    data = payload if isinstance(payload, str) else ""
    length = sizes.get(data.strip()[:76].encode("ascii", "replace"), len(data))
    mail.parts.append(MailPart(name, kind, length))


def _alternatives(children: list[Message[str, str]]) -> list[Message[str, str]]:
    """Keep one of several forms of the same text: the plain one where it says anything."""
    texts = [child for child in children if child.get_content_maintype() in ("text", "multipart")]
    others = [child for child in children if child not in texts]
    for wanted in ("text/plain", "multipart/mixed", "multipart/related", "text/html"):
        for child in texts:
            if child.get_content_type() == wanted and str(child.get_payload()).strip():
                return [child, *others]
    return children


def _enclosed(mail: Mail, message: Message[str, str], kind: str, name: str) -> None:
    text = _flat(message)
    if kind.endswith("delivery-status"):
        blocks = [block for block in _blocks(text) if block]
        mail.report = mail.report or next((b for b in blocks if "final-recipient" not in b), {})
        mail.recipients += [
            b for b in blocks if b.keys() & {"final-recipient", "original-recipient", "action"}
        ]
    elif kind.endswith("disposition-notification"):
        merged: Fields = {}
        for block in _blocks(text):
            merged |= {key: value for key, value in block.items() if key not in merged}
        mail.disposition = merged
    elif kind == "message/feedback-report":
        mail.feedback = next((b for b in _blocks(text) if b), {"feedback-type": "abuse"})
    else:
        fields = next((b for b in _blocks(text) if b), {})
        if _is_report(mail) and not mail.returned:
            mail.returned = fields
        else:
            mail.inside.append(fields)
            if "list-unsubscribe" not in fields:  # as our letters have it: no letter of a person
                mail.enclosed.append(_text_inside(message, mail)[:20_000])
            mail.parts.append(MailPart(name or fields.get("subject", ""), kind, len(text)))


def _text_inside(message: Message[str, str], mail: Mail) -> str:
    """Return the text of an enclosed message, a letter that somebody passes on for instance."""
    payload: Any = message.get_payload()
    within = payload[0] if isinstance(payload, list) and payload else None
    if not isinstance(within, Message):
        return ""
    for part in itertools.islice(within.walk(), 20):
        if part.get_content_type() == "text/plain":
            return _text_of(part, mail)
    return ""


def _is_report(mail: Mail) -> bool:
    """Tell whether an enclosed message is the letter that came back, and not one that a person
    encloses.
    """
    return mail.type.startswith("multipart/report") or bool(mail.recipients or mail.feedback)


def _flat(message: Message[str, str]) -> str:
    """Return the text of a part that the parser may have taken for messages: its fields as they
    stood.
    """
    payload: Any = message.get_payload()
    if isinstance(payload, list):
        encoding = str(message.get("content-transfer-encoding", "")).casefold().strip()
        texts = []
        for one in payload[:500]:
            lines = [f"{key}: {value}" for key, value in one.items()]
            inner: Any = one.get_payload()
            texts.append(
                "\n".join(lines) + ("\n\n" + inner if isinstance(inner, str) and not lines else "")
            )
            if lines and isinstance(inner, str):
                texts.append(inner)
        text = "\n\n".join(texts)
    else:
        encoding = str(message.get("content-transfer-encoding", "")).casefold().strip()
        text = str(payload or "")
    if encoding in ("base64", "quoted-printable") and not _FIELD.search(
        text.lstrip().partition("\n")[0]
    ):
        text = _bytes_of(text, encoding).decode("utf-8", "replace")
    return text[:PIECE]


def _blocks(text: str) -> Iterator[Fields]:
    """Yield the blocks of fields in a text, folded lines put together and encoded words decoded."""
    block: Fields = {}
    last = ""
    for line in text.splitlines():
        if not line.strip():
            if block:
                yield _clear(block)
            block, last = {}, ""
        elif line[0] in " \t" and last:
            block[last] += " " + line.strip()
        elif found := _FIELD.match(line):
            last = found[1].casefold()
            if last in block:
                last = f"{last} "  # a second one of its name is read, and forgotten
            block.setdefault(last, found[2].strip())
    if block:
        yield _clear(block)


def _clear(block: Fields) -> Fields:
    return {key: _decoded(value) for key, value in block.items() if not key.endswith(" ")}


def _rescue_report(mail: Mail) -> None:
    """Find the fields of a report in a text whose parts could not be told apart."""
    for block in _blocks(mail.text):
        if block.keys() >= {"final-recipient", "action"}:
            mail.recipients.append(block)
        elif "reporting-mta" in block:
            mail.report = mail.report or block
    if mail.recipients:
        mail.text = re.split(r"(?im)^reporting-mta:", mail.text)[0]


def _opaque(mail: Mail, message: Message[str, str], deep: int, sizes: dict[bytes, int]) -> None:
    """Read the text within a signed CMS block (RFC 8551, 3.5.2): it is wrapped, not encrypted."""
    data = _bytes_of(
        str(message.get_payload()), str(message.get("content-transfer-encoding", "base64"))
    )
    at = re.search(rb"content-type:[ \t]*(text|multipart)/", data, re.IGNORECASE)
    if at is None:
        mail.encrypted = True
        return
    inner = message_from_bytes(re.split(rb"\x00|\xa0\x82|\x31\x82", data[at.start() :])[0])
    _fill(mail, inner, deep + 1, sizes)


# ── bytes and letters ───────────────────────────────────────────────────────────────────────────


def _headers(message: Message[str, str]) -> dict[str, list[str]]:
    headers: dict[str, list[str]] = {}
    for name, value in itertools.islice(message.raw_items(), 400):
        headers.setdefault(name.casefold().strip(), []).append(_decoded(str(value))[:8_000])
    return headers


def _decoded(text: str) -> str:
    """Decode encoded words (RFC 2047) and raw bytes of a header; what cannot be decoded stays as it
    is.
    """
    text = re.sub(r"\r?\n[ \t]*", " ", text)
    if not text.isascii():
        text = _guess(text.encode("utf-8", "surrogateescape"))
    if "=?" not in text:
        return text.strip()
    out = ""
    with contextlib.suppress(
        errors.HeaderParseError, binascii.Error, ValueError, LookupError, TypeError
    ):
        for piece, charset in decode_header(text):
            out += piece if isinstance(piece, str) else _with_charset(piece, charset or "ascii")
        return out.strip()
    return text.strip()


def _text_of(message: Message[str, str], mail: Mail) -> str:
    payload: Any = message.get_payload()
    if not isinstance(payload, str):
        return ""
    encoding = str(message.get("content-transfer-encoding", "")).casefold().strip()
    charset = message.get_param("charset", "") or ""
    if isinstance(charset, tuple):
        charset = charset[2]
    text = _with_charset(_bytes_of(payload[: 2 * PIECE], encoding), str(charset).strip("\"' "))
    if "\ufffd" in text:
        mail.faults.append("letters that its character set does not have")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")


def _bytes_of(payload: str, encoding: str) -> bytes:
    data = payload.encode("utf-8", "surrogateescape") if payload.isascii() else _raw(payload)
    encoding = encoding.casefold().strip()
    if encoding == "base64":
        data = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
        return base64.b64decode(data[: len(data) // 4 * 4] + _rest(data[len(data) // 4 * 4 :]))
    if encoding == "quoted-printable":
        return quopri.decodestring(re.sub(rb"=[ \t]+(?=\r?\n)", b"=", data))
    return data


def _raw(payload: str) -> bytes:
    try:
        return payload.encode("ascii", "surrogateescape")
    except UnicodeEncodeError:
        return payload.encode("utf-8", "surrogateescape")


def _rest(data: bytes) -> bytes:
    return data + b"=" * (4 - len(data)) if len(data) > 1 else b""


_SAME = {
    "unicode-1-1-utf-7": "utf-7", "iso-8859-8-i": "iso-8859-8", "us-ascii": "ascii",
    "x-unknown": "utf-8", "iso-8859-1": "cp1252", "latin1": "cp1252", "iso-8859-9": "cp1254",
    "ks_c_5601-1987": "cp949",
}  # fmt: skip


def _with_charset(data: bytes, charset: str) -> str:
    """Decode bytes by what they are called, and by what they are where that is a lie."""
    charset = _SAME.get(charset.casefold(), charset)
    if charset and charset != "ascii":
        with contextlib.suppress(LookupError, ValueError):
            text = data.decode(charset, "strict")
            return _turkish(text, data) if charset == "cp1252" else text
    return _guess(data)


def _guess(data: bytes) -> str:
    for charset in ("utf-8", "cp1252"):
        with contextlib.suppress(ValueError):
            return data.decode(charset)
    return data.decode("utf-8", "replace")


_ICELANDIC = re.compile(r"\b(og|að|það|ekki|er|við)\b", re.IGNORECASE)


def _turkish(text: str, data: bytes) -> str:
    """Read Turkish that is called Latin-1: its ğ, ı and ş would be ð, ý and þ, which nobody else
    but Iceland has.
    """
    if len(re.findall("[ðýþÐÝÞ]", text)) < 2 or len(_ICELANDIC.findall(text)) > 1:
        return text
    return data.decode("cp1254", "replace")
