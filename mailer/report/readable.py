"""A finished letter as its reader's program shows it: heads, plain twin, HTML with its pictures."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import TYPE_CHECKING

from mailer.letters.message.flowed import joined

if TYPE_CHECKING:
    from mailer.letters.render import Rendered

HEADS = ("From", "Reply-To", "To", "Subject", "Date")


def parsed(data: bytes) -> EmailMessage:
    """Read a message, or a part of one."""
    found = message_from_bytes(data, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def heads_of(message: EmailMessage) -> list[tuple[str, str]]:
    """Return the heads that people look at, name and value, those that it has."""
    return [(name, str(message[name])) for name in HEADS if message[name]]


def text_of(message: EmailMessage) -> str:
    """Return the plain twin as it was written, ends of lines as "\\n" (RFC 3676)."""
    body = message.get_body(("plain",))
    if body is None:
        return ""
    text = body.get_content().replace("\r\n", "\n")
    return joined(text) if body.get_param("format") == "flowed" else text


def html_of(message: EmailMessage) -> str:
    """Return the HTML with its pictures in it; empty where the message has none."""
    body = message.get_body(("html",))
    return "" if body is None else _standalone(body.get_content(), message.walk())


def page_of(letter: Rendered) -> str:
    """Return the HTML of a letter that is no message yet, with its pictures in it."""
    return _standalone(letter.html, (parsed(picture.part.data) for picture in letter.pictures))


def _standalone(html: str, parts: Iterable[EmailMessage]) -> str:
    html = html.replace("\r\n", "\n")
    for part in parts:
        if name := part["Content-ID"]:
            picture = b64encode(part.get_content()).decode("ascii")
            html = html.replace(
                f"cid:{name.strip('<>')}", f"data:{part.get_content_type()};base64,{picture}"
            )
    return html
