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

import csv
import io
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

from mailer.base.address import key_of
from mailer.base.delegations import Delegations
from mailer.base.errors import MailerError, Problem, Refused, Severity, UsageError
from mailer.base.files import put
from mailer.base.locks import PATIENCE, Held, locked
from mailer.base.problems import problem
from mailer.base.spelling import Called
from mailer.contacts.book import ContactBook
from mailer.contacts.contact import person_key
from mailer.contacts.edit.write import harmless, keep
from mailer.contacts.erasing.naming import Naming
from mailer.contacts.rows.addresses import read_address
from mailer.contacts.rows.name_cells import unbroken
from mailer.contacts.rows.names import take_apart
from mailer.contacts.rows.row_reader import RowReader
from mailer.contacts.rows.together import ALIKE, about, likeness, loosely, name_field
from mailer.contacts.sheets.apart import read
from mailer.contacts.sheets.columns import HOLD_LIST, find_headings

COLUMNS = ("address", "name", "delegation", *HOLD_LIST)
FIELDS = ("given", "surname", *COLUMNS)
PERSONAL = {"given", "surname", "address", "name"}


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
            for key in _keys(hold.delegation, hold.name)
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
        anywhere = _keys("", contact.name) if self.entries else []
        keys = [*(f"{contact.delegation}{key}" for key in anywhere), *anywhere]
        found = self._by_address.get(contact.address_key) if contact.address else None
        for key in keys:
            found = found or self._by_person.get(key)
        for salt, sealed in self._by_seal.items():
            for key in (*keys, contact.address_key):
                found = found or (sealed.get(_hash(salt, key)) if key else None)
        return found

    def doubts(self, book: ContactBook) -> list[Problem]:
        """Ask about people who are nearly, but not surely, on the list: an initial more, a surname
        less, a letter.
        """
        names: dict[str, list[Hold]] = defaultdict(list)
        for hold in self.entries:
            if hold.name:
                names[hold.delegation].append(hold)
        found = []
        for contact in book.contacts if names else ():
            near = [*names.get(contact.delegation, ()), *names.get("", ())]
            if contact.skip or not near or self.match(contact):
                continue
            alike = max(near, key=lambda hold: _alike(hold.name, contact.name))
            if _alike(alike.name, contact.name) >= ALIKE:
                message = f"this looks like {alike.name}, who is on the hold list: {alike}"
                found.append(
                    about(contact, book.columns, "C203", name_field(contact), contact.name, message)
                )
        return found


def _alike(held: str, name: str) -> int:
    """Return how alike two names are, in percent; half of a name is as good as the whole."""
    one, two = set(loosely(held).split()), set(loosely(name).split())
    half = min(len(one), len(two)) == 1 and (one <= two or two <= one)
    return 100 if half else likeness(held, name)


def _keys(delegation: str, name: str) -> list[str]:
    """Return the keys under which a name is found: its words, and how they sound."""
    exact = person_key(delegation, name)
    return [exact, f"{delegation}~{loosely(name)}"] if exact else []


def _hash(salt: str, key: str) -> str:
    return blake2b(key.encode(), key=salt.encode()[:64], digest_size=16).hexdigest()


def load_holds(path: Path, delegations: Delegations) -> Holds:
    """Read the hold list; no file is an empty list. A line that cannot be used is a problem of
    severity error.
    """
    if not path.exists():
        return Holds()
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
        line = RowReader(table, columns)
        for row, cells in table.rows[columns.at + 1 :]:
            line.at(row, cells)
            entries += _entry(line, delegations)
            problems += line.problems
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


def _entry(line: RowReader, delegations: Delegations) -> list[Hold]:
    written, name = line.text("address"), take_apart(line.text("name")).full
    if not name:
        name = f"{line.text('given')} {line.text('surname')}".strip()
    name = unbroken(name) or name  # the list was saved by a program that broke its letters
    address = read_address(written).address
    because, since, by, seal = (line.text(field) for field in HOLD_LIST)
    if not address and not name and not any(seal.split(":")[1:]):
        line.report("C200", "address")
        return []
    if written and not address:
        line.report("C202", "address")
    found = delegations.find(line.text("delegation"))
    if name and found is None and line.text("delegation"):
        line.report("C201", "delegation")
    return [
        Hold(
            address,
            name,
            found.code if found else "",
            because,
            since,
            by,
            line.table.file,
            line.row,
            seal,
        )
    ]


# ----------------------------------------------------------------------------------------- changing


def hold(path: Path, backups: Path, entry: Hold, delegations: Delegations) -> None:
    """Add an entry to the list, at the end; every line that stands there stays. Raises `UsageError`
    for an empty one.
    """
    if not (entry.address or entry.name):
        raise UsageError(
            "whom shall nobody write to?", hint="name the address, or the name and the delegation"
        )

    def add(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        return [*rows, {name: getattr(entry, name) for name in COLUMNS}]

    _change(path, backups, add, delegations)


def release(path: Path, backups: Path, entry: Hold, delegations: Delegations) -> None:
    """Take one entry off the list."""

    def without(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        return [row for row in rows if row["line"] != str(entry.row)]

    _change(path, backups, without, delegations)


def forget(path: Path, backups: Path, entry: Hold, delegations: Delegations) -> None:
    """Erase address and name of one entry, also out of its reason; its seal goes on holding the
    person. All backups of the list go, too.
    """
    naming = Naming.of([entry])

    def erase(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        return [
            row
            | dict.fromkeys(PERSONAL & row.keys(), "")
            | {"because": naming.without(row.get("because", ""))}
            if row["line"] == str(entry.row)
            else row
            for row in rows
        ]

    _change(path, backups, erase, delegations)
    for old in backups.glob(f"{path.stem}.*{path.suffix}"):
        old.unlink()


def _change(
    path: Path,
    backups: Path,
    change: Callable[[list[dict[str, str]]], list[dict[str, str]]],
    delegations: Delegations,
) -> None:
    """Write the list anew, in one step, after a backup, and one change after the other. Columns and
    lines that we do not know stay as they are.
    """
    if path.suffix.lower() != ".csv":
        raise UsageError(f"{path.name} is not a CSV file; change it in your spreadsheet program")
    try:
        with locked(backups.parent / f"{path.stem}.lock", PATIENCE):
            _change_alone(path, backups, change, delegations)
    except Held as fault:
        raise Refused(
            f"{path.name} is being changed by {fault}. Nothing was changed.",
            hint="type the same command again",
            code="S214",
        ) from fault


def _change_alone(
    path: Path,
    backups: Path,
    change: Callable[[list[dict[str, str]]], list[dict[str, str]]],
    delegations: Delegations,
) -> None:
    headings, rows = _rows(path)
    headings += [name for name in COLUMNS if name not in headings]
    rows = change(rows)
    salt = next(
        (row["seal"].partition(":")[0] for row in rows if row.get("seal")), ""
    ) or secrets.token_hex(8)
    for row in rows:
        if not row.get("seal"):
            found = delegations.find(row.get("delegation", ""))
            people = _keys(found.code if found else "", take_apart(row.get("name", "")).full) or [
                ""
            ]
            address = read_address(row.get("address", "")).address
            hashes = [
                _hash(salt, key) if key else "" for key in (address and key_of(address), *people)
            ]
            row["seal"] = ":".join((salt, *hashes)) if any(hashes) else ""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(headings)
    writer.writerows([harmless(row.get(name, "")) for name in headings] for row in rows)
    if path.exists():
        keep(path, backups)
    path.parent.mkdir(parents=True, exist_ok=True)
    put(path, out.getvalue().encode())


def _rows(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Return the headings, known ones by our names, and all rows below them with their line."""
    if not path.exists():
        return list(COLUMNS), []
    reading, _ = read(path, path.name)
    if reading.broken:
        raise UsageError(
            f"{path.name} cannot be read, so it is not changed", problems=reading.problems
        )
    table = reading.tables[0]
    columns = find_headings(table, {}, FIELDS)
    if columns is None:
        if table.rows:
            raise UsageError(
                f"{path.name} has no headings", hint=f"its first line must be: {','.join(COLUMNS)}"
            )
        return list(COLUMNS), []
    ours = {at: name for name, at in columns.fields.items()}
    headings = [ours.get(at, heading) for at, heading in enumerate(columns.headings)]
    rows = [
        dict(zip(headings, cells, strict=False)) | {"line": str(line)}
        for line, cells in table.rows[columns.at + 1 :]
    ]
    return headings, rows
