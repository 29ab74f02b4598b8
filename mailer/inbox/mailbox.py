"""The mailboxes of answers, read over IMAP: what is new in a folder, and nothing in it is changed.

A folder is opened with EXAMINE and messages are fetched with BODY.PEEK (RFC 3501, 6.3.2 and
6.4.5), so that no flag changes. UIDs are good for one UIDVALIDITY; with another one everything is
read again, and the send log knows by their hash which messages it has.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from mailer.base.errors import ServerError
from mailer.inbox.forwarded import LARGEST
from mailer.sending.imap import opened
from mailer.sending.smtp.connection import readable
from mailer.sending.smtp.server import Server

if TYPE_CHECKING:
    from imap_tools.mailbox import BaseMailBox


def messages_after(
    server: Server, folder: str, place: tuple[int, int], since: date | None = None
) -> Iterator[tuple[int, int, bytes]]:
    """Yield UIDVALIDITY, UID and bytes of each message after `place`, in order of their UIDs.

    One message at a time is in memory. `since`: what arrived before that day is passed over, and a
    message that is gone in between. In place of one that the server does not hand out stands one
    that says so.
    """
    with opened(server, folder) as box:
        answer = box.client.response("UIDVALIDITY")[1]
        if not answer or answer[0] is None:
            raise ServerError(f'{server} gives the folder "{folder}" no UIDVALIDITY')
        validity = int(answer[0])
        after = place[1] if place[0] == validity else 0
        wanted = f"UID {after + 1}:*" + (f" SINCE {_imap_day(since)}" if since else "")
        # "n:*" always finds the last one
        new = sorted(uid for uid in map(int, box.uids(wanted, None)) if uid > after)
        for uid in new:
            if raw := _fetched(box, uid) or _in_place_of(box, server, folder, validity, uid):
                yield validity, uid, raw


def _fetched(box: BaseMailBox, uid: int) -> bytes:
    answer = box.client.uid("FETCH", str(uid), f"(BODY.PEEK[]<0.{LARGEST}>)")[1]
    return next((part[1] for part in answer if isinstance(part, tuple)), b"")


def _in_place_of(
    box: BaseMailBox, server: Server, folder: str, validity: int, uid: int
) -> bytes | None:
    """Return a message that says what could not be read; None where there is none any more."""
    if str(uid) not in box.uids(f"UID {uid}", None):
        return None
    where = readable(f"{server.user} at {server.host}, {folder}, UID {uid}".encode())
    return (
        "Subject: A message that the mail server does not hand out\n\n"
        f"Look into the mailbox: {where} (UIDVALIDITY {validity}).\n"
    ).encode()


def _imap_day(day: date) -> str:
    """Write a day as IMAP does, whatever the language of this computer: 1-Feb-2027."""
    months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"
    return f"{day.day}-{months.split()[day.month - 1]}-{day.year}"
