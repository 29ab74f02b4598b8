"""What hangs on a message, by name, and its bytes as they came: for somebody to save, never opened
here.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from pathlib import PurePosixPath

from mailer.inbox.mail.parts import ATTACHED, SHORT

LINE = 1_200
"""More than a line and a part's headers, after which a part is cut."""
MOST = 200
"""So many parts of one message are looked at."""


@dataclass(frozen=True, slots=True)
class Attached:
    """One attachment. `data` is None where it was too long to be kept: it lies in the mailbox."""

    name: str  # fit for a file: no folder, no control characters, never empty
    type: str  # what it says that it is
    data: bytes | None


def attached(raw: bytes) -> list[Attached]:
    """List the attachments of a message as it was kept (`parts.shortened`), in their order."""
    message = message_from_bytes(raw)
    longest = (ATTACHED if len(raw) < 3 * ATTACHED - LINE else SHORT) - LINE
    found: list[Attached] = []
    try:
        for part in list(message.walk())[:MOST]:
            called = part.get_filename()
            text = part.get_content_maintype() in ("text", "multipart", "message")
            if part.is_multipart() and not called:
                continue
            if not called and part.get_content_disposition() != "attachment" and text:
                continue
            found.append(_taken(part, len(found) + 1, longest))
    except (ValueError, LookupError, RecursionError):
        return found  # what no parser likes is shown as text alone
    return found


def _taken(part: Message[str, str], number: int, longest: int) -> Attached:
    payload = part.get_payload()
    if isinstance(payload, list):  # a message that is passed on
        data: bytes | None = b"".join(one.as_bytes() for one in payload if isinstance(one, Message))
    else:
        whole = len(str(payload)) < longest  # a longer one may have been cut
        decoded = part.get_payload(decode=True)
        data = decoded if whole and isinstance(decoded, bytes) else None
    kind = part.get_content_type()
    return Attached(_fit(part.get_filename() or "", number), kind, data)


def _fit(name: str, number: int) -> str:
    """Return a name that can be a file's on every system."""
    with contextlib.suppress(ValueError, LookupError):
        name = str(make_header(decode_header(name)))
    name = PurePosixPath(name.replace("\\", "/")).name
    name = re.sub(r'[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069<>:"/|?*]', "_", name)
    return name.strip(". ")[-120:] or f"attachment-{number}"
