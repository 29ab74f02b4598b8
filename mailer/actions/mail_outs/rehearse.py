"""A rehearsal: the most different letters of an appeal or a mail-out, sent to one of ourselves as
samples.

A sample has our address in To, in every mode only one of the allow-list, and says in its subject
whom the letter would go to; everything else is what that person would get. Samples are no
deliveries: the send log knows nothing of them but that there was a rehearsal.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mailer.actions.doctor.mail_server import must_be_ours
from mailer.actions.preview import hardest
from mailer.base import clock
from mailer.base.address import domain_of
from mailer.base.errors import UsageError
from mailer.base.settings.workspace import Workspace
from mailer.base.states import Receipt, State
from mailer.contacts.contact import Contact
from mailer.ledger import events, mailouts, stored_letters
from mailer.ledger.events import EventKind
from mailer.ledger.ledger import Connection, Ledger, number_of
from mailer.ledger.reading import deliveries
from mailer.letters.message import mime
from mailer.letters.message.finish import finished
from mailer.letters.message.pieces import Shared
from mailer.plan import proof
from mailer.plan.draft import Draft, draft
from mailer.plan.plan import write
from mailer.sending.connect import rehearsal_session, signer
from mailer.sending.demo_server import Mailbox
from mailer.sending.smtp.session import Envelope, Patience, Server, SmtpSession

if TYPE_CHECKING:
    from mailer.letters.message.dkim import Signer

Chosen = TypeVar("Chosen")

NOWHERE = "rehearsal.example"
"""The domain of samples that stay on this computer; no such name can ever exist."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One finished letter, and whom it is for."""

    name: str
    address: str
    own: bytes
    shared: Shared


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What became of the samples."""

    samples: tuple[tuple[str, Receipt], ...]  # whom the letter would go to, what the server said
    folder: Path | None  # where they lie; None: they were sent

    @property
    def accepted(self) -> int:
        return sum(receipt.state is State.ACCEPTED for _, receipt in self.samples)


def rehearse(
    workspace: Workspace,
    what: str,
    *,
    ledger: Callable[[], Ledger],
    to: str | None = None,
    number: int | None = None,
    who: str,
) -> Rehearsal:
    """Send the `number` letters of an appeal or a mail-out that differ most to `to`; without an
    address keep them in a folder of this computer. Without a number there are eight, or as many as
    show each sentence of the letters at least once.

    `ledger` opens the send log, where `what` is the name of a mail-out. Raises `Refused` for an
    address that is not on the allow-list.
    """
    if to is not None:
        must_be_ours(workspace, to)
    planned = re.fullmatch(r"[Mm]-\d+", what) is not None
    if not planned:
        samples = _of_appeal(draft(workspace, what), number)
    else:
        with ledger() as log, log.reading() as connection:
            mail_out = mailouts.get(connection, number_of(what))
            what, now = mail_out.name, draft(workspace, mail_out.appeal)
            samples = _of_mail_out(now, connection, mail_out.id, number)
    folder = None if to else workspace.samples_dir(what)
    receipts = (
        _on_this_computer(workspace, samples, folder)
        if folder
        else _to_the_server(workspace, samples, to or "")
    )
    done = Rehearsal(
        tuple((one.name, receipt) for one, receipt in zip(samples, receipts, strict=True)), folder
    )
    if planned:
        text = f"{done.accepted} of {len(samples)} samples to {to or 'a folder of this computer'}"
        with ledger() as log, log.writing() as connection:
            events.write(
                connection, EventKind.REHEARSED, mail_out.id, at=log.now(), who=who, detail=text
            )
    return done


def _to_the_server(workspace: Workspace, samples: list[Sample], to: str) -> list[Receipt]:
    sender, sign = workspace.settings.sender.address, signer(workspace)
    letters = _envelopes(samples, sender=sender, to=lambda _: to, at=clock.now(), signer=sign)
    interval = workspace.settings.limits.interval
    return asyncio.run(_sent(rehearsal_session(workspace), letters, interval))


def _on_this_computer(workspace: Workspace, samples: list[Sample], folder: Path) -> list[Receipt]:
    sender = workspace.settings.sender.address
    letters = _envelopes(
        samples, sender=sender, to=lambda at: f"sample-{at}@{NOWHERE}", at=clock.now()
    )
    workspace.make_state_dir()
    with Mailbox(folder) as mailbox:
        for old in folder.glob("sample-*.eml"):
            old.unlink()
        server = Server("127.0.0.1", mailbox.port, "none", None, None, helo=domain_of(sender))
        session = SmtpSession(server, Patience(), lambda address: address.endswith(f"@{NOWHERE}"))
        return asyncio.run(_sent(session, letters, 0.0))


def _of_appeal(now: Draft, number: int | None) -> list[Sample]:
    """Write the letters of the `number` people who differ most, from the sheets as they are now."""
    sending, found = now.sending, []
    for one in _somebody(hardest(now, now.decide(), number)):
        contact, new_id = one.contact, _message_id(sending.domain)
        _, own, shared = write(contact, one.language, now.renderer, sending, new_id)
        found.append(Sample(contact.name, contact.address, own, shared))
    return found


def _of_mail_out(
    now: Draft, connection: Connection, mail_out_id: int, number: int | None
) -> list[Sample]:
    """Read the frozen letters of the `number` people of a mail-out who differ most."""
    everyone = {
        one.address_key: one for one in deliveries.people(connection, mail_out_id) if one.digest
    }
    of_letters: dict[str | None, tuple[Contact, str]] = {}  # of a common one its addressee
    for contact in now.book.contacts:
        one = everyone.get(contact.address_key) if contact.address else None
        if one and (one.digest not in of_letters or contact.role == "chair"):
            of_letters[one.digest] = contact, one.language
    people = list(of_letters.values())
    differ = proof.hardest(now.renderer, now.forms, people, number) if people else []
    chosen = [everyone[contact.address_key] for contact, _ in _somebody(differ)]
    found = stored_letters.read(connection, {one.digest for one in chosen if one.digest})
    return [Sample(one.name, one.address, *found[one.digest]) for one in chosen if one.digest]


def _somebody(chosen: list[Chosen]) -> list[Chosen]:
    if not chosen:
        raise UsageError(
            "There is nobody whose letter could be sent as a sample.", hint="mailer check"
        )
    return chosen


def _envelopes(
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


async def _sent(
    session: SmtpSession, letters: Sequence[Envelope], interval: float
) -> list[Receipt]:
    """Send samples one after the other, `interval` seconds apart. Raises as `deliver` does."""

    async def yes() -> bool:
        return True

    receipts = []
    try:
        for number, letter in enumerate(letters):
            if number:
                await asyncio.sleep(interval)
            receipts.append(await session.deliver(letter, yes))
        await session.quit()
    finally:
        session.abort()
    return receipts


def _message_id(domain: str) -> str:
    return f"{secrets.token_hex(16)}@{domain}"
