"""The sender's own mailbox: its drafts, and what of them was sent.

Nothing is deleted, moved or marked there. A letter is laid among the drafts (APPEND, RFC 3501,
6.3.11) and looked for by its Message-ID, which a mail program keeps when it sends a draft, or not:
what is not found was not found, and no more is said.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import TYPE_CHECKING

from mailer.base.settings.tables import Imap
from mailer.sending.imap import examine, filed, mailbox, marked
from mailer.sending.smtp.server import Server

if TYPE_CHECKING:
    from imap_tools.mailbox import BaseMailBox


@dataclass(frozen=True, slots=True)
class SentCopy:
    """A letter among the sent mail."""

    at: datetime  # when the server filed it, in UTC
    data: bytes


@dataclass(frozen=True, slots=True)
class OwnMailbox:
    """A mailbox that is open, with the names of its two folders."""

    box: BaseMailBox
    drafts: str
    sent: str

    def has_draft(self, message_id: str) -> bool:
        """Tell whether a letter lies among the drafts."""
        examine(self.box, self.drafts)
        return filed(self.box.client, message_id) is not None

    def sent_copy(self, message_id: str) -> SentCopy | None:
        """Return a letter from among the sent mail; None where it is not there. A folder that holds
        all mail shows drafts, too: they were not sent.
        """
        examine(self.box, self.sent)
        found = filed(self.box.client, message_id)
        if found is None:
            return None
        parts = self.box.client.uid("FETCH", found.uid, "(FLAGS BODY.PEEK[])")[1]
        heads = [part[0] if isinstance(part, tuple) else part for part in parts]
        if any(b"\\draft" in head.lower() for head in heads if head):
            return None
        return next(
            (SentCopy(found.at, part[1]) for part in parts if isinstance(part, tuple)), None
        )

    def put(self, letter: bytes) -> None:
        """Lay a letter among the drafts."""
        self.box.append(letter, self.drafts, flag_set=("\\Draft", "\\Seen"))


@contextlib.contextmanager
def own_mailbox(
    server: Server, context: ssl.SSLContext, token: str | None, settings: Imap
) -> Iterator[OwnMailbox]:
    """Open the sender's own mailbox for as long as the block lasts.

    Raises `ConnectError`, and `ServerError` where a folder is not there, or the server fails.
    """
    with mailbox(server, context, token, "look after the drafts") as box:
        drafts = settings.drafts or marked(box, "\\drafts", "drafts")
        sent = settings.folder or marked(box, "\\sent", "sent mail")
        for name in (drafts, sent):
            examine(box, name)
        yield OwnMailbox(box, drafts, sent)


def changed(ours: bytes, theirs: bytes) -> list[str] | None:
    """Say what of a letter was changed before it was sent; an empty list: its headers alone, None:
    not a byte.
    """
    if _bytes(ours) == _bytes(theirs):
        return None
    one, other = (message_from_bytes(data, policy=policy.default) for data in (ours, theirs))
    try:
        was, now = _looked_at(one), _looked_at(other)
    except (LookupError, ValueError, AttributeError):  # no parser reads what was made of it
        return ["more than can be read"]
    return [what for what in was if was[what] != now[what]]


def _looked_at(letter: EmailMessage) -> dict[str, object]:
    fields = [letter[name] for name in ("To", "Cc", "Bcc")]
    return {
        "the recipients": [
            sorted(one.addr_spec.casefold() for one in field.addresses) for field in fields if field
        ],
        "the subject": str(letter["Subject"] or "").split(),
        "the text": _words(letter, "plain"),
        "the HTML": _words(letter, "html"),
        "the attachments": sorted(
            str(part.get_payload(decode=True)) for part in letter.iter_attachments()
        ),
    }


def _bytes(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n").rstrip(b"\n")


def _words(letter: EmailMessage, kind: str) -> list[str]:
    body = letter.get_body((kind,))
    return str(body.get_content()).split() if body is not None else []
