"""A rehearsal: the most different letters of an appeal or a mail-out, sent to one of ourselves as
samples.

A sample has our address in To, in every mode only one of the allow-list, and says in its subject
whom the letter would go to; everything else is what that person would get. Samples are no
deliveries: the send log knows nothing of them but that there was a rehearsal.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from mailer.base.errors import UsageError
from mailer.base.states import Reason, Receipt
from mailer.contacts.contact import Contact
from mailer.ledger import stored_letters
from mailer.ledger.ledger import Connection
from mailer.ledger.reading import deliveries
from mailer.letters.message import mime
from mailer.letters.message.finish import finished
from mailer.letters.message.pieces import Shared
from mailer.plan.draft import Draft
from mailer.plan.plan import write
from mailer.plan.proof import hardest
from mailer.sending.smtp.session import Envelope, SmtpSession

if TYPE_CHECKING:
    from mailer.letters.message.dkim import Signer

NOTHING_AGAINST = (None, Reason.TEST_MODE, Reason.ALREADY)
"""Those left out for these reasons could get the letter another time."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One finished letter, and whom it is for."""

    name: str
    address: str
    own: bytes
    shared: Shared


def of_appeal(draft: Draft, number: int) -> list[Sample]:
    """Write the letters of the `number` people who differ most, from the sheets as they are now."""
    people = [
        (one.contact, one.language) for one in draft.decide() if one.reason in NOTHING_AGAINST
    ]
    sending, found = draft.sending, []
    for contact, language in _chosen(draft, people, number):
        _, own, shared = write(
            contact, language, draft.renderer, sending, _message_id(sending.domain)
        )
        found.append(Sample(contact.name, contact.address, own, shared))
    return found


def of_mail_out(
    draft: Draft, connection: Connection, mail_out_id: int, number: int
) -> list[Sample]:
    """Read the frozen letters of the `number` people of a mail-out who differ most."""
    everyone = {
        one.address_key: one for one in deliveries.people(connection, mail_out_id) if one.digest
    }
    people = [
        (contact, everyone[contact.address_key].language)
        for contact in draft.book.contacts
        if contact.address and contact.address_key in everyone
    ]
    chosen = [everyone[contact.address_key] for contact, _ in _chosen(draft, people, number)]
    found = stored_letters.read(connection, {one.digest for one in chosen if one.digest})
    return [Sample(one.name, one.address, *found[one.digest]) for one in chosen if one.digest]


def _chosen(
    draft: Draft, people: Sequence[tuple[Contact, str]], number: int
) -> list[tuple[Contact, str]]:
    chosen = hardest(draft.renderer, draft.forms, people, number)
    if not chosen:
        raise UsageError(
            "There is nobody whose letter could be sent as a sample.", hint="mailer check"
        )
    return chosen


def envelopes(
    samples: Sequence[Sample],
    *,
    sender: str,
    to: Callable[[int], str],
    at: datetime,
    signer: Signer | None = None,
) -> list[Envelope]:
    """Address samples to `to(number)`, from 1; the subject of each says which it is and whom it
    would go to.
    """
    found = []
    for number, one in enumerate(samples, 1):
        note = f"[sample {number}/{len(samples)}, would go to {one.name} <{one.address}>]"
        new_id = _message_id(sender.rpartition("@")[2])
        own, shared = mime.readdressed(
            one.own, one.shared, to=to(number), note=note, message_id=new_id
        )
        own, shared = finished(own, shared, at, signer)
        found.append(Envelope(sender, to(number), own, shared=shared))
    return found


async def send(
    session: SmtpSession, letters: Sequence[Envelope], interval: float
) -> AsyncIterator[Receipt]:
    """Send samples one after the other, `interval` seconds apart, and say what came of each. Raises
    as `deliver` does.
    """

    async def yes() -> bool:
        return True

    try:
        for number, letter in enumerate(letters):
            if number:
                await asyncio.sleep(interval)
            yield await session.deliver(letter, yes)
        await session.quit()
    finally:
        session.abort()


def _message_id(domain: str) -> str:
    return f"{secrets.token_hex(16)}@{domain}"
