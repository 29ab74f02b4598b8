"""Finding a person: in every mail-out of the send log, and in the contact sheets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailer.base.spelling import called
from mailer.contacts.book import ContactBook
from mailer.contacts.contact import Contact
from mailer.ledger.ledger import Connection
from mailer.ledger.reading import listing
from mailer.ledger.reading.deliveries import Delivery

MOST = 100


@dataclass(frozen=True, slots=True)
class Found:
    """Whom a search found. `more`: there are other deliveries than these, the newest."""

    deliveries: Sequence[Delivery]
    contacts: Sequence[Contact]
    more: bool


def find(connection: Connection, book: ContactBook, wanted: str) -> Found:
    """Find people by words of their name or address; in the send log also by what servers said of
    them and by notes.
    """
    deliveries = listing.anywhere(connection, wanted, MOST + 1)
    contacts = called(book.contacts, wanted)
    return Found(deliveries[:MOST], contacts[:MOST], len(deliveries) > MOST)
