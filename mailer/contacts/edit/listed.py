"""What the lists said from which a sheet was made: for each person the values of the last list, and
from where and since when the address is.

A later list is compared with it: a value that the list still has, and that the sheet has no more,
was corrected here, and stays. It is noted in `.mailer/listed/`, one file for each sheet, before
the sheet is written; a crash in between leaves sources that fit the list, and the sheet as it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from mailer.base.address import key_of
from mailer.base.files import put
from mailer.contacts.book import ContactBook
from mailer.contacts.contact import Contact
from mailer.contacts.edit.versions import noted_of


@dataclass(frozen=True, slots=True)
class Listed:
    """What the last list said of one person."""

    person: str  # the person's key there
    name: str
    address: str  # as it stands in the sheet
    source: str  # where the address is from: a file's name
    since: str  # the day on which it came: 2027-01-20
    said: Mapping[str, str]  # field or heading → cell of the list


class ListedPeople:
    """The people of the last list of one sheet."""

    def __init__(self, listed: Iterable[Listed] = ()) -> None:
        self.listed = tuple(listed)
        self._by_person = {one.person: one for one in self.listed if one.person}
        self._by_address: dict[str, Listed] = {}
        for one in self.listed:
            for address in (one.address, one.said.get("address", "")):
                if address:
                    self._by_address.setdefault(key_of(address), one)

    def find(self, contact: Contact) -> Listed | None:
        """Return what was said of a person, by name and delegation, or by address."""
        found = self._by_person.get(contact.person_key)
        return found or (self._by_address.get(contact.address_key) if contact.address else None)

    def of_address(self, contact: Contact) -> Listed | None:
        """Return where the address of a person is from; None where it was changed by hand since."""
        found = self.find(contact)
        return found if found and key_of(found.address or "-") == contact.address_key else None


def said_of(book: ContactBook, contact: Contact) -> dict[str, str]:
    """Return the cells of a row as they were written, by field and by heading."""
    cells = book.cells[contact.file][contact.sheet or ""]
    fields = {name: cells.get(place, "") for name, place in contact.cells.items()}
    return fields | dict(contact.extra)


def learn(
    before: ListedPeople, book: ContactBook, contacts: Iterable[Contact], source: str, day: date
) -> list[Listed]:
    """Return what a list says of people; an address that was known keeps its source and day."""
    found = []
    for contact in contacts:
        if not contact.name and not contact.address:
            continue
        known = before.find(contact)
        same = known is not None and key_of(known.address or "-") == contact.address_key
        found.append(
            Listed(
                contact.person_key,
                contact.name,
                contact.address,
                known.source if known and same else source,
                known.since if known and same else day.isoformat(),
                said_of(book, contact),
            )
        )
    return found


def load(sheet: Path, state: Path) -> ListedPeople | None:
    """Return the sources of a sheet; None where nothing is noted."""
    path = noted_of(sheet, state)
    if not path.exists():
        return None
    return ListedPeople(Listed(**one) for one in json.loads(path.read_text(encoding="utf-8")))


def note(sheet: Path, state: Path, listed: Iterable[Listed]) -> None:
    """Write the sources of a sheet, in one step, for its owner alone."""
    path = noted_of(sheet, state)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    put(path, json.dumps([asdict(one) for one in listed], ensure_ascii=False).encode())
    path.chmod(0o600)
