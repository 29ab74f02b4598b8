"""The hold list: people who are never written to, with the reason, the day, and who said so.

`contacts/_hold.csv` has the columns address, name, delegation, because, since, by; it is read like
any contact sheet. One match is enough, by address or by name and delegation, so that a hold
outlives a new address. Where the list is in doubt it holds too many rather than too few.

The column "seal" keeps salted hashes of the address and of the name beside what can be read. Where
the law wants the address and the name erased, `forget` takes them away and the seal still holds the
person. It keeps the list from being read or searched by chance; it is no secret from somebody who
has all addresses and tries them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

from mailer.base.address import key_of
from mailer.base.delegations import Delegations
from mailer.base.errors import MailerError, Problem, Severity
from mailer.base.spelling import Called, loosely
from mailer.contacts import limited_process
from mailer.contacts.contact import person_key
from mailer.contacts.sheets import apart
from mailer.contacts.sheets.reader import bytes_of
from mailer.contacts.sheets.table import MAX_ROWS

LINES = "mailer.contacts.hold_list:packed"
"""What reads the lines of the list, in a child."""


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
    seal: str = ""  # salt, hash of the address, hashes of the name, with ":" between

    @property
    def address_key(self) -> str:
        return key_of(self.address) if self.address else ""

    def __str__(self) -> str:
        """Say it in a line: `asked not to be written to (Ilse, 2026-03-03)`."""
        who = ", ".join(filter(None, (self.by, self.since)))
        return f"{self.because or 'no reason noted'}{f' ({who})' if who else ''}"


class Holdable(Called, Protocol):
    """Whoever may stand on the hold list: a contact, a delivery."""

    @property
    def delegation(self) -> str: ...


class Holds:
    """The hold list of a workspace."""

    def __init__(self, entries: tuple[Hold, ...] = (), problems: tuple[Problem, ...] = ()) -> None:
        self.entries = entries
        self.problems = problems
        self._by_address = {
            key_of(hold.address): hold for hold in reversed(entries) if hold.address
        }
        self._by_seal: dict[str, dict[str, Hold]] = {}  # salt → hash → entry
        for hold in reversed(entries):
            salt, *hashes = hold.seal.split(":")
            self._by_seal.setdefault(salt, {}).update((known, hold) for known in hashes if known)
        self._by_person = {
            key: hold
            for hold in reversed(entries)
            if hold.name
            for key in name_keys(hold.delegation, hold.name)
        }

    def __iter__(self) -> Iterator[Hold]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def match(self, contact: Holdable) -> Hold | None:
        """Return the entry that holds this person, of a sheet or of the send log, or None: by
        address, or by name and delegation.

        A name is the same in other letters, too: Müller and Mueller, Rousopoulos and Roussopoulos.
        """
        anywhere = name_keys("", contact.name) if self.entries else []
        keys = [*(f"{contact.delegation}{key}" for key in anywhere), *anywhere]
        found = self._by_address.get(contact.address_key) if contact.address else None
        for key in keys:
            found = found or self._by_person.get(key)
        for salt, sealed in self._by_seal.items():
            for key in (*keys, contact.address_key):
                found = found or (sealed.get(hash_of(salt, key)) if key else None)
        return found


def name_keys(delegation: str, name: str) -> list[str]:
    """Return the keys under which a name is found: its words, and how they sound; each begins with
    the delegation.
    """
    exact = person_key(delegation, name)
    return [exact, f"{delegation}~{loosely(name)}"] if exact else []


def hash_of(salt: str, key: str) -> str:
    """Return what a seal keeps of a key."""
    return blake2b(key.encode(), key=salt.encode()[:64], digest_size=16).hexdigest()


def load_holds(path: Path, delegations: Delegations) -> Holds:
    """Read the hold list; no file is an empty list. A line that cannot be used is a problem of
    severity error.
    """
    if not path.exists():
        return Holds()
    file = f"{path.parent.name}/{path.name}"
    content = bytes_of(path, file)
    if isinstance(content, Problem):
        return Holds(problems=(content,))
    seconds, memory = apart.limits(MAX_ROWS)
    try:
        lines = limited_process.ask(LINES, content, (file,), seconds=seconds, memory=memory)
    except limited_process.GivenUp:
        return Holds(problems=(apart.given_up(file),))
    entries: list[Hold] = []
    problems: list[Problem] = []
    for found, where_unknown, line in lines:
        problems += apart.unpacked_problems(found)
        if line is not None:
            address, name, written, *rest = line
            known = delegations.find(written)
            if name and written and known is None:
                problems += apart.unpacked_problems(where_unknown)
            entries.append(Hold(address, name, known.code if known else "", *rest))
    return Holds(tuple(entries), tuple(problems))


Stamp = tuple[int, int, int] | None
"""Which state of a file it was; None: there was none."""


class WatchedList:
    """The hold list as it stands on disk, for those who go on while somebody changes it."""

    def __init__(self, path: Path, delegations: Delegations) -> None:
        self._path, self._delegations = path, delegations
        self._obeyed: Stamp = (0, 0, 0)

    @property
    def has_changed(self) -> bool:
        """Say whether it is another one than was obeyed last."""
        return self._now() != self._obeyed

    def look(self) -> tuple[Holds, Stamp]:
        """Return the list, and which state of it this is, for `obeyed`.

        Raises MailerError when it cannot be trusted (`trusted`).
        """
        now = self._now()
        return trusted(load_holds(self._path, self._delegations)), now

    def obeyed(self, stamp: Stamp) -> None:
        """Take this state of the list for obeyed: what it means is on disk."""
        self._obeyed = stamp

    def _now(self) -> Stamp:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size


def trusted(holds: Holds) -> Holds:
    """Return the hold list. Raises MailerError when a line of it cannot be used: it may be the one
    that counts.
    """
    if wrong := [one for one in holds.problems if one.severity is Severity.ERROR]:
        raise MailerError("The hold list cannot be trusted as it stands.", problems=wrong)
    return holds
