"""A newer list taken over into a sheet: whoever left goes, whoever joined comes in below their
delegation, and of those who stay the cells that are new are written, each row with all that hangs
on it.

What was corrected here, and the columns that the list does not have, stay. Nothing is saved before
the result is read and proven: its people are those that the list and the corrections make, and
everything else of the sheet stands where its row stands.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from mailer.base.address import key_of
from mailer.base.delegations import Delegations
from mailer.base.errors import Refused
from mailer.base.spelling import fold, tokens
from mailer.contacts.book import ContactBook
from mailer.contacts.contact import Contact, reference
from mailer.contacts.edit import write
from mailer.contacts.edit.alignment import RowHome, TabHome, moved_range
from mailer.contacts.edit.fix import meant
from mailer.contacts.edit.listed import ListedPeople, said_of
from mailer.contacts.edit.marked_copy import tab_name
from mailer.contacts.edit.take_home import XLSX, areas, prove
from mailer.contacts.edit.turnover import FIELDS, Matching, differs
from mailer.contacts.sheets.apart import numbers_of
from mailer.contacts.sheets.columns import Columns
from mailer.contacts.sheets.table import Reading, Table
from mailer.contacts.sheets.xlsx import number_of

NAMES = ("name", "given", "surname", "middle", "particle", "second_surname")
OWN = ("note", "greeting", "vocative", "opt_out", "standing")
"""What stays once it is filled in: it is the staff's, or it is somebody's wish."""

VOCABULARY = ("delegation", "role", "language", "gender", "chamber", "group")


@dataclass(frozen=True, slots=True)
class NewValue:
    """One value of a person that the list has otherwise."""

    person: Contact  # as the sheet has them
    field: str  # or the heading
    here: str
    there: str


@dataclass(slots=True)
class NewerList:
    """What a list makes of a sheet, row by row."""

    taken: list[NewValue] = field(default_factory=list)  # written as the list has it
    kept: list[NewValue] = field(default_factory=list)  # corrected here, or the staff's own
    without_column: list[NewValue] = field(default_factory=list)  # the sheet has no place for it
    changes: dict[tuple[str, int], dict[int, str]] = field(default_factory=dict)
    # (tab, row) → column → text
    people: dict[tuple[str, int], Contact] = field(default_factory=dict)
    # (tab, row) → the person who stands there then


def merge(
    book: ContactBook,
    newer: ContactBook,
    found: Matching,
    known: ListedPeople,
) -> NewerList:
    """Decide of everybody who stays which values are new. A value that the list had before, and the
    sheet has no more, was corrected.
    """
    done = NewerList()
    hints = {(p.file, p.sheet, p.cell): meant(p) for p in newer.problems if p.cell}
    for old, new in found.pairs:
        _Person(book, newer, old, new, known, hints).merge(done)
    return done


class _Person:
    """One person who stands in the sheet and in the list."""

    def __init__(
        self,
        book: ContactBook,
        newer: ContactBook,
        old: Contact,
        new: Contact,
        known: ListedPeople,
        hints: Mapping[tuple[str, str | None, str], str],
    ) -> None:
        self.old, self.new = old, new
        self.columns = book.columns[old.file, old.sheet].of(old.row)
        self.here = said_of(book, old)
        self.there = said_of(newer, new)
        listed = known.find(new) or known.find(old)
        self.before = listed.said if listed else {}
        self.listed_name = listed.name if listed else ""
        self.hints = hints

    def merge(self, done: NewerList) -> None:
        old, new = self.old, self.new
        place = old.sheet or "", old.row
        changes: dict[int, str] = {}
        result: dict[str, str] = {}
        for name, column, heading in _places(self.columns):
            if name in NAMES or (heading not in self.there and name not in self.there):
                continue
            here, there = (one.get(name) or one.get(heading, "") for one in (self.here, self.there))
            if self._same(name, here, there) or not there:
                continue
            value = NewValue(old, name or heading, here, there)
            if self._stays(name, heading, here, there):
                done.kept.append(value)
                continue
            done.taken.append(value)
            changes[column] = there
            result[name] = getattr(new, name, "")
        if differs(old, new, "name"):
            value = NewValue(old, "name", old.name, new.name)
            if self.listed_name and not differs(replace(old, name=self.listed_name), new, "name"):
                done.kept.append(value)
            else:
                done.taken.append(value)
                changes |= names_in(self.columns, new, self.there)
                result["name"] = new.name
        for name in ("delegation", "role"):
            there, here = getattr(new, name), getattr(old, name)
            if name not in self.columns.fields and there and there != here:
                done.without_column.append(NewValue(old, name, here, there))
        if changes:
            done.changes[place] = changes
        fields = {name: value for name, value in result.items() if name in FIELDS}
        done.people[place] = replace(old, **fields)  # type: ignore[arg-type]

    def _same(self, name: str, here: str, there: str) -> bool:
        one, other = getattr(self.old, name, ""), getattr(self.new, name, "")
        if name in VOCABULARY and one and one == other:
            return True
        if name == "address" and one and other:
            return key_of(one) == key_of(other)
        return fold(here) == fold(there)

    def _stays(self, name: str, heading: str, here: str, there: str) -> bool:
        """Tell whether the sheet's value stays although the list has another one."""
        before = self.before.get(name) or self.before.get(heading, "")
        if before and fold(before) == fold(there):
            return True  # the list says what it said before
        if name in OWN and here:
            return name != "opt_out" or fold(here) not in ("no", "non", "nein", "0")
        if not here:
            return False
        new = self.new
        hint = self.hints.get((new.file, new.sheet, new.cells.get(name, "")), "")
        if hint and fold(hint) == fold(here):
            return True  # the mistake that was put right here
        readable = name == "address" or name in VOCABULARY
        return readable and bool(getattr(self.old, name)) and not getattr(new, name)


def _places(columns: Columns) -> Iterator[tuple[str, int, str]]:
    """Yield field, column and heading; the field is empty for a column with no known meaning."""
    for name, column in columns.fields.items():
        yield name, column, columns.headings[column]
    for column, heading in columns.extra.items():
        yield "", column, heading


def names_in(columns: Columns, new: Contact, there: Mapping[str, str]) -> dict[int, str]:
    """Return what the columns of the name hold for a person of the list."""
    ours = [name for name in NAMES if name in columns.fields]
    if set(ours) == {name for name in NAMES if name in new.cells}:
        return {columns.fields[name]: there.get(name, "") for name in ours}
    if "name" in ours:
        values = {"name": there.get("name", new.name)}
    elif "surname" in ours and not (new.given and new.surname):
        values = {"surname": new.name}  # nobody knows which half is which: the check will ask
    else:
        values = {"given": new.given, "surname": new.surname}
    return {columns.fields[name]: values.get(name, "") for name in ours}


# ------------------------------------------------------------------------------------- the new rows


def written(
    content: bytes,
    sheet: Reading,
    book: ContactBook,
    newer: ContactBook,
    done: NewerList,
    gone: Sequence[Contact],
    joined: Sequence[Contact],
    delegations: Delegations,
) -> bytes:
    """Return the bytes of the sheet without those who are gone, with those who joined. Raises
    `Refused` for what cannot be moved or proven.
    """
    file = next(iter(book.files))
    name = PurePath(file).name
    coming: dict[tuple[str, int], list[Contact]] = defaultdict(list)
    for contact in joined:
        coming[_home(contact, book, delegations)].append(contact)
    homes: dict[str, TabHome] = {}
    wanted: list[Table] = []
    values: dict[str, dict[tuple[int, int], float]] = {}
    numbers = numbers_of(content) if PurePath(name).suffix.lower() in XLSX else {}
    for table in sheet.tables:
        tab = table.sheet or ""
        own = table.sheet or tab_name(PurePath(name).stem)
        home = _moved(table, tab, book, newer, done, gone, coming, delegations)
        touched = home.moves or any(row.changes for row in home.rows)
        if touched:
            homes[tab] = home
        wanted.append(_as_wanted(table, home, own))
        changed = {(row.number, column) for row in home.rows for column in row.changes}
        values[own] = {
            (home.places[row], column): number
            for (row, column), number in numbers.get(tab, {}).items()
            if row in home.places and (home.places[row], column) not in changed
        }
    result = write.changed(name, content, homes) if homes else content
    prove(name, content, sheet, Reading(tuple(wanted)), result, homes, values)
    return result


def _home(contact: Contact, book: ContactBook, delegations: Delegations) -> tuple[str, int]:
    """Return tab and row below which a new person belongs: the last one of their delegation and
    role, or else of all.
    """
    people = [one for one in book.contacts if one.name or one.address]
    kin = [one for one in people if one.delegation == contact.delegation]
    kin = [one for one in kin if one.role == contact.role] or kin
    below = (kin or people)[-1] if people else None
    if below is None:
        (file, tab), columns = next(iter(book.columns.items()))
        row = next(t for t in book.tables if (t.file, t.sheet) == (file, tab)).rows[columns.at][0]
        return tab or "", row
    columns = book.columns[below.file, below.sheet].of(below.row)
    if not kin and "delegation" not in columns.fields:
        who = f"{contact.name} ({delegations.name(contact.delegation, 'en')})"
        raise Refused(
            f"{who} joined, and {PurePath(below.file).name} has no place for that delegation",
            hint="write its heading into the sheet, or a column of delegations, and try again",
        )
    return below.sheet or "", below.row


def _moved(
    table: Table,
    tab: str,
    book: ContactBook,
    newer: ContactBook,
    done: NewerList,
    gone: Sequence[Contact],
    coming: Mapping[tuple[str, int], Sequence[Contact]],
    delegations: Delegations,
) -> TabHome:
    """Return where each row of a tab stands then, and what is new in it."""
    out = {contact.row for contact in gone if (contact.sheet or "") == tab}
    rows: list[RowHome] = []
    shift = 0
    for number, _ in table.rows:
        if number in out:
            shift -= 1
        else:
            changes = dict(done.changes.get((tab, number), {}))
            rows.append(RowHome(number + shift, number, {**changes}))
        for contact in coming.get((tab, number), ()):
            shift += 1
            columns = book.columns[table.file, table.sheet].of(number)
            cells = _new_row(columns, contact, book, newer, delegations)
            if not table.grid:
                cells.setdefault(len(columns.headings) - 1, "")  # a record as long as the others
            done.people[tab, -len(done.people) - 1] = contact
            rows.append(RowHome(number + shift, None, {**cells}))
    home = TabHome(rows, sorted(out))
    _say_for_themselves(table, home)
    return replace(
        home,
        merged=[
            (column, top, bottom)
            for column, first, last in areas(table)
            for top, bottom in moved_range(first, last, home)
            if bottom > top
        ],
    )


def _say_for_themselves(table: Table, home: TabHome) -> None:
    """Let the first row that is left of a merged cell say what the one that is gone said."""
    texts = dict(table.rows)
    for column, first, last in areas(table):
        if first not in home.gone:
            continue
        left = min((row for row in home.places if first < row <= last), default=None)
        row = next((one for one in home.rows if left and one.old == left), None)
        if row is not None:
            row.changes.setdefault(column, texts[first][column])


def _new_row(
    columns: Columns,
    contact: Contact,
    book: ContactBook,
    newer: ContactBook,
    delegations: Delegations,
) -> dict[int, str]:
    """Return the cells of a person who joined."""
    there = said_of(newer, contact)
    folded = {fold(heading): value for heading, value in there.items()}
    cells = names_in(columns, contact, there)
    for name, column, heading in _places(columns):
        if name in NAMES:
            continue
        value = there.get(name, "") if name else folded.get(fold(heading), "")
        if name == "delegation":
            value = _as_here(contact.delegation, book) or value
            value = value or delegations.name(contact.delegation, "en")
        elif name == "role" and not value:
            value = contact.role
        if value:
            cells[column] = value
    return {column: value for column, value in cells.items() if value}


def _as_here(code: str, book: ContactBook) -> str:
    """Return how the sheet writes a delegation."""
    own = (said_of(book, one) for one in book.contacts if one.delegation == code)
    return next((said["delegation"] for said in own if said.get("delegation")), "")


# ------------------------------------------------------------------------------------------- proof


def _as_wanted(table: Table, home: TabHome, name: str) -> Table:
    """Return a tab as it is to be read back."""
    before, places = dict(table.rows), home.places
    rows = []
    for row in home.rows:
        cells = list(before.get(row.old or 0, ()))
        for column, value in row.changes.items():
            cells += [""] * (column + 1 - len(cells))
            cells[column] = str(value)
        rows.append((row.number, cells))
    changed = {(row.number, column) for row in home.rows for column in row.changes}

    def then(cell: str) -> str:
        letters = cell.rstrip("0123456789")
        row = places.get(int(cell[len(letters) :]))
        return (
            f"{letters}{row}" if row and (row, number_of(letters.encode())) not in changed else ""
        )

    grid = table.grid
    return replace(
        table,
        sheet=name,
        rows=rows,
        hidden=frozenset(places[row] for row in table.hidden if row in places),
        formulas=frozenset(filter(None, map(then, table.formulas))) if grid else frozenset(),
        merged={
            reference(column, row, grid=True): reference(column, top, grid=True)
            for column, top, bottom in home.merged
            for row in range(top + 1, bottom + 1)
            if row in {one.number for one in home.rows}
        },
    )


def prove_people(
    made: ContactBook, book: ContactBook, done: NewerList, gone: Iterable[Contact]
) -> None:
    """Refuse a result whose people are not those that were decided."""
    out = {(contact.sheet or "", contact.row) for contact in gone}
    want = [
        done.people.get((one.sheet or "", one.row), one)
        for one in book.contacts
        if (one.sheet or "", one.row) not in out
    ]
    want += [one for (_, row), one in done.people.items() if row < 0]
    here, there = (sorted(map(_who, people)) for people in (want, made.contacts))
    if here != there:
        wrong = sorted({*here} ^ {*there})
        which = " · ".join(filter(None, wrong[0])) if wrong else "one stands there twice"
        raise Refused(
            f"the list cannot be taken over: somebody would not be who they are: {which}",
            hint="correct the sheet itself; nothing was written",
        )


def _who(contact: Contact) -> tuple[str, str, str, str]:
    address = contact.address_key
    return contact.delegation, " ".join(sorted(tokens(contact.name))), address, contact.role
