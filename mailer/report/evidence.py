"""What proves what became of a delivery: the exact bytes that went out, and what is known of an
unknown one.

Evidence, never a decision: nothing here changes a state. The folder of sent mail is asked over
IMAP, read-only, and its silence counts only where letters that are known to be accepted are in it
(`sending/imap.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from mailer.base.settings.workspace import Workspace
from mailer.base.states import State
from mailer.ledger import mailouts
from mailer.ledger.events import EventKind
from mailer.ledger.ledger import Connection
from mailer.ledger.reading import deliveries
from mailer.ledger.reading.deliveries import Delivery, Moment
from mailer.letters.message.finish import finished
from mailer.plan.sources import Sources
from mailer.report import totals
from mailer.sending import imap
from mailer.sending.connect import imap_server, signer

CALIBRATION = 3
"""Accepted letters that are looked for beside the unknown one: do they stand in the folder at all?
"""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the log knows of a delivery that is unknown."""

    handed_over_at: datetime | None  # the marker: the final dot was written after it, if at all
    peer: str  # "smtp.example [192.0.2.1]:587", empty where the sender died before it could say
    tls: str
    last_words: tuple[str, ...]  # of the attempt, and what the server said too late
    message_id: str

    @property
    def rows(self) -> list[tuple[str, list[str]]]:
        """Return it as lines for people, with what to look for."""
        at = totals.local(self.handed_over_at) if self.handed_over_at else "not on record"
        where = f", to {self.peer}, {self.tls or 'not encrypted'}" if self.peer else ""
        return [
            ("handed over", [f"{at}{where}"]),
            ("last words", list(self.last_words) or ["none"]),
            ("Message-ID", [self.message_id]),
            (
                "look for",
                [
                    "this Message-ID in the log of the mail server, or ask the provider",
                    "a copy in the folder of sent mail",
                    "an answer or a returned letter from this person",
                ],
            ),
        ]


def evidence(one: Delivery, moments: Sequence[Moment]) -> Evidence | None:
    """Gather what the timeline says; None for a delivery that is not unknown."""
    if one.state is not State.UNKNOWN:
        return None
    tried = [
        moment
        for moment in moments
        if moment.attempt is not None and moment.kind is EventKind.UNKNOWN
    ]
    late = [
        moment.detail
        for moment in moments
        if moment.kind is EventKind.LATE_ANSWER and moment.detail
    ]
    last = tried[-1] if tried else Moment(one.changed_at, EventKind.UNKNOWN)
    return Evidence(
        handed_over_at=last.handover_at or one.handover_at,
        peer=last.peer,
        tls=last.tls,
        last_words=tuple(
            filter(
                None,
                [last.text or one.text, *(f"server, too late to count: {said}" for said in late)],
            )
        ),
        message_id=one.message_id or "",
    )


@dataclass(frozen=True, slots=True)
class Sent:
    """A letter as it stands in the log: with its Date once it is handed over, and with its
    signature where it has one.
    """

    data: bytes
    # these are the bytes that went out; not so before that, or where the key of the signature is
    # not here
    exact: bool

    @property
    def sha256(self) -> str:
        return sha256(self.data).hexdigest()


def letter_of(workspace: Workspace, connection: Connection, one: Delivery) -> Sent | None:
    """Return a letter as it went over the line, before dots are doubled; None for those left out or
    erased.

    The bytes follow from what is stored, the Date, and the key whose fingerprint the plan froze.
    """
    data = deliveries.data_of(connection, one)
    if data is None or one.dated_at is None:
        return Sent(data, exact=False) if data is not None else None
    frozen = Sources.unpack(mailouts.sources(connection, one.mail_out_id)).settings.get(
        "sender.dkim", ""
    )
    if one.attempts == 0:  # it was never handed to a server: a draft, which nobody signs
        return Sent(finished(data, (), one.dated_at)[0], exact=one.state is State.DRAFTED)
    ours = signer(workspace) if frozen else None
    if frozen and (ours is None or ours.name != frozen):
        return Sent(finished(data, (), one.dated_at)[0], exact=False)
    return Sent(finished(data, (), one.dated_at, ours)[0], exact=True)


async def in_sent_folder(
    workspace: Workspace, one: Delivery, accepted: Sequence[str]
) -> imap.FolderEvidence:
    """Look for a letter in the folder of sent mail; `accepted` are the Message-IDs of letters known
    to be accepted.
    """
    known = [message_id for message_id in accepted if message_id != one.message_id]
    folder = workspace.settings.imap.folder
    (found,) = await imap.search(
        imap_server(workspace), [one.message_id or ""], known[:CALIBRATION], folder
    )
    return found
