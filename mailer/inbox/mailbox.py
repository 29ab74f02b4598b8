"""The mailbox of answers, read over IMAP: what is new in a folder, and nothing in it is changed.

The folder is opened with EXAMINE and messages are fetched with BODY.PEEK (RFC 3501, 6.3.2 and
6.4.5), so that no flag changes. UIDs are good for one UIDVALIDITY; with another one everything is
read again, and the send log knows by their hash which messages it has.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from mailer.base.errors import ServerError
from mailer.sending.imap import opened
from mailer.sending.smtp.server import Server


def messages_after(
    server: Server,
    context: ssl.SSLContext,
    token: str | None,
    folder: str,
    place: tuple[int, int],
) -> Iterator[tuple[int, int, bytes]]:
    """Yield UIDVALIDITY, UID and bytes of each message after `place`, in order of their UIDs.

    One message at a time is in memory. A message that is gone in between is passed over.
    """
    with opened(server, context, token, folder) as box:
        answer = box.client.response("UIDVALIDITY")[1]
        if not answer or answer[0] is None:
            raise ServerError(f'{server} gives the folder "{folder}" no UIDVALIDITY')
        validity = int(answer[0])
        after = place[1] if place[0] == validity else 0
        # "n:*" always finds the last one
        new = sorted(uid for uid in map(int, box.uids(f"UID {after + 1}:*", None)) if uid > after)
        for uid in new:
            for part in box.client.uid("FETCH", str(uid), "(BODY.PEEK[])")[1]:
                if isinstance(part, tuple):
                    yield validity, uid, part[1]
