"""The hold list: people who are never written to, with the reason, the day, and who said so.

`contacts/_hold.csv` has the columns address, name, delegation, because, since, by; it is read like any contact sheet.
One match is enough, by address or by name and delegation, so that a hold outlives a new address. Where the list is
in doubt it holds too many rather than too few.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mailer.address import key_of
from mailer.contacts.addresses import read_address
from mailer.contacts.codes import problem
from mailer.contacts.columns import HOLD_LIST, find_headings
from mailer.contacts.contact import Contact, person_key
from mailer.contacts.names import take_apart
from mailer.contacts.reader import read
from mailer.contacts.rows import Line
from mailer.delegations import Delegations
from mailer.errors import Problem

FIELDS = ("address", "name", "given", "surname", "delegation", *HOLD_LIST)


@dataclass(frozen=True, slots=True)
class Hold:
    """One entry: a person, and why nobody writes to them."""

    address: str
    name: str
    delegation: str  # two-letter code; empty: held in every delegation
    because: str
    since: str
    by: str
    file: str
    row: int

    def __str__(self) -> str:
        """Say it in a line: `asked not to be written to (Ilse, 2026-03-03)`."""
        who = ", ".join(filter(None, (self.by, self.since)))
        return f"{self.because or 'no reason noted'}{f' ({who})' if who else ''}"


class Holds:
    """The hold list of a workspace."""

    def __init__(self, entries: tuple[Hold, ...] = (), problems: tuple[Problem, ...] = ()) -> None:
        self.entries = entries
        self.problems = problems
        self._by_address = {key_of(hold.address): hold for hold in reversed(entries) if hold.address}
        self._by_person = {person_key(hold.delegation, hold.name): hold for hold in reversed(entries) if hold.name}

    def __iter__(self) -> Iterator[Hold]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def match(self, contact: Contact) -> Hold | None:
        """Return the entry that holds this person, by address or by name and delegation, or None."""
        return (
            (self._by_address.get(contact.address_key) if contact.address else None)
            or self._by_person.get(contact.person_key or "-")
            or self._by_person.get(person_key("", contact.name) or "-")
        )


def load_holds(path: Path, delegations: Delegations | None = None) -> Holds:
    """Read the hold list; no file is an empty list. A line that cannot be used is a problem of severity error."""
    if not path.exists():
        return Holds()
    known = delegations or Delegations.load()
    file = f"{path.parent.name}/{path.name}"
    reading, _ = read(path, file)
    if reading.broken:
        return Holds(problems=reading.problems)
    entries: list[Hold] = []
    problems: list[Problem] = list(reading.problems)
    for table in reading.tables:
        columns = find_headings(table, {}, FIELDS)
        if columns is None:
            problems += [problem("C010", file, sheet=table.sheet)] if table.rows else []
            continue
        for row, cells in table.rows[columns.at + 1 :]:
            line = Line(table, columns, row, cells)
            entries += _entry(line, known)
            problems += line.problems
    return Holds(tuple(entries), tuple(problems))


def _entry(line: Line, delegations: Delegations) -> list[Hold]:
    written, name = line.text("address"), take_apart(line.text("name")).full
    if not name:
        name = f"{line.text('given')} {line.text('surname')}".strip()
    address = read_address(written).address
    if not address and not name:
        line.report("C200", "address")
        return []
    if written and not address:
        line.report("C202", "address")
    found = delegations.find(line.text("delegation"))
    if name and found is None and line.text("delegation"):
        line.report("C201", "delegation")
    because, since, by = (line.text(field) for field in HOLD_LIST)
    return [Hold(address, name, found.code if found else "", because, since, by, line.table.file, line.row)]
