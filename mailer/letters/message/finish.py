"""What a letter lacks until it goes out for the first time: its Date, and a signature."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from mailer.letters.message import mime, pieces
from mailer.letters.message.pieces import Shared

if TYPE_CHECKING:
    # most letters are signed by the organisation's own server, and its library is slow to import
    from mailer.letters.message.dkim import Signer


def finished(
    own: bytes, shared: Shared, at: datetime, signer: Signer | None = None
) -> tuple[bytes, Shared]:
    """Put Date in front of a letter, and a signature where there is a key."""
    data = mime.dated(own, at)
    if signer is not None:
        data = signer.signed(data, pieces.shifted(shared, len(data) - len(own)), at)
    return data, pieces.shifted(shared, len(data) - len(own))
