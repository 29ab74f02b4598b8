"""The tables of one file become people: every row of every table, from its first record, is
somebody, nobody with a reason, or the headings.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache

from mailer.base.delegations import Delegation, Delegations
from mailer.base.errors import Problem, Severity
from mailer.base.problems import problem
from mailer.base.spelling import fold, trim
from mailer.contacts.contact import Contact, reference
from mailer.contacts.rows.borne_out import prove
from mailer.contacts.rows.row import is_error, nobody, read_row
from mailer.contacts.rows.row_reader import RowReader
from mailer.contacts.rows.table_checks import faults
from mailer.contacts.rows.whose import Between, between, is_person, may_be_person, whose
from mailer.contacts.sheets import vocabulary
from mailer.contacts.sheets.columns import (
    FIELDS,
    LOOK_FOR_HEADINGS,
    OF_NAMES,
    Columns,
    blocks,
    field_of,
    find_headings,
)
from mailer.contacts.sheets.table import Reading, Row, Table, has_sign

_REMARK = re.compile(
    r"^(?:\*|\(|https?:|www\.|©|source|quelle|fonte|fuente|bron\b|źródło|stand\b|note|as of\b"
    r"|(?:last )?updated?\b|(?:mise? )?à jour|état au|(?:zuletzt )?aktualisiert|aggiornat"
    r"|actualizad|bijgewerkt|stan na)",
    re.IGNORECASE,
)
_LEGEND = re.compile(r"\W{0,3}\w{0,3}\W{0,3}=\s*\w|[†‡¹²³]\s*\w|\*{1,3}(?!.*\*$)\s*\w")
"""What a sign or a letter beside names means: * = substitute, R = Representative, ** chair."""
_SO_MANY = re.compile(r"\d{1,5}\s+[^\W\d]+(?:\s+[^\W\d]+)?")
"""A count that stands alone: 12 members, 6 membres titulaires."""


def read_people(
    reading: Reading,
    own: Mapping[str, str],
    delegations: Delegations,
    recognised: dict[tuple[str, str | None], Columns],
    today: date,
) -> tuple[list[Contact], list[Problem]]:
    """Turn the tables of one file into contacts. Tabs without headings are reported, and so is a
    file without any.

    The columns of each table go into `recognised`.
    """
    contacts: list[Contact] = []
    problems: list[Problem] = []
    without: list[Table] = []
    nameless: list[tuple[Table, list[Problem]]] = []
    for table in reading.tables:
        columns = None if (table.sheet or "").startswith("_") else find_headings(table, own, FIELDS)
        if columns is None:
            without.append(table)
            continue
        reader = _TableReader(table, delegations, today)
        people = reader.read(columns, own)
        if reader.nameless:
            nameless.append((table, reader.problems))
            continue
        problems += reader.problems
        if reader.columns is not None:
            recognised[table.file, table.sheet] = reader.columns
            contacts += people
    for table, found in nameless:  # secretariats beside the members, or all that there is
        if contacts:
            message = f'the tab "{table.sheet}" has no column of names; nobody in it is written to'
            hint = (
                "if they are no members, let its name begin with _; if they are, add a heading Name"
            )
            problems.append(
                problem("C013", table.file, sheet=table.sheet, message=message, suggestion=hint)
            )
        else:
            problems += found
    if len(without) == len(reading.tables):
        filled = next((t for t in without if t.rows), None)
        first = " · ".join(filter(None, map(trim, filled.rows[0][1]))) if filled else ""
        file = (without or reading.tables)[0].file if reading.tables else ""
        problems.append(_without_addresses(without) or problem("C010", file, value=first))
    else:
        problems += [
            problem("C013", t.file, sheet=t.sheet)
            for t in without
            if t.rows and not t.hidden_tab and not (t.sheet or "").startswith("_")
        ]
    return contacts, problems


def _without_addresses(tables: Sequence[Table]) -> Problem | None:
    """Name the row of headings of a list without addresses, of telephones for instance."""
    known = vocabulary.table("heading")
    for table in tables:
        for row, cells in table.rows[:LOOK_FOR_HEADINGS]:
            if len(cells) > 1 and any(field_of(cell, known) in OF_NAMES for cell in cells):
                has = ", ".join(f'"{trim(cell)}"' for cell in cells if trim(cell))
                message = "there is no column for the address; nobody in this list is written to"
                hint = f"add a heading such as E-mail; right now it has {has}"
                return problem(
                    "C011", table.file, sheet=table.sheet, row=row, message=message, suggestion=hint
                )
    return None


class _TableReader:
    """One table, block by block; a heading between the rows holds until the next one."""

    def __init__(self, table: Table, delegations: Delegations, today: date) -> None:
        self.table = table
        self.delegations = delegations
        self.today = today
        self.problems: list[Problem] = []
        self.columns: Columns | None = None  # None: nothing of the table can be used
        self.everyone: Delegation | None = None  # whose people these are, where no column says it
        self.of_tab = ""  # the role that the name of the tab says
        self.role = ""
        self.told = False  # by a heading between the rows
        self.headings: list[Between] = []  # those understood so far
        self.nameless = False  # it has headings, and none for a name
        self.comments = _comments(table)

    def read(self, first: Columns, own: Mapping[str, str]) -> list[Contact]:
        """Read all blocks. An error of one leaves the whole table out."""
        titles = [trim(c) for _, cells in self.table.rows[: first.at] for c in cells if trim(c)]
        place = whose(titles, self.table.sheet, self.table.file, self.delegations)
        found: list[tuple[Columns, Sequence[Row]]] = []
        for columns, people in blocks(self.table, first, own, FIELDS):
            proven = prove(columns, people, self.delegations, place)
            found.append((proven, people))
            self.problems += faults(self.table, proven, people)
        wrong = [p for p in self.problems if p.severity is Severity.ERROR]
        if wrong:
            bare = found[0][0].fields.keys().isdisjoint(OF_NAMES)
            self.nameless = len(found) == 1 and bare and {p.code for p in wrong} == {"C011"}
            return []
        later = tuple((self.table.rows[columns.at][0], columns) for columns, _ in found[1:])
        self.columns = replace(found[0][0], blocks=later)
        self._role_of_tab(found[0][0])
        contacts = list(self._above(found[0][0]))
        for columns, people in found:
            if columns is not found[0][0]:
                row, cells = self.table.rows[columns.at]
                contacts.append(self._nobody(RowReader(self.table, columns).at(row, cells), "C163"))
            if _says_no_delegation(people, columns):
                if not self.told:
                    self.everyone = place
                if place and columns is found[0][0]:
                    self.problems.append(
                        problem(
                            "C124", self.table.file, sheet=self.table.sheet, value=place.name_en
                        )
                    )
            else:
                self.everyone, self.told = None, False
            contacts += self._block(columns, people)
        return contacts

    def _role_of_tab(self, columns: Columns) -> None:
        """Let the name of the tab say who its people are, where no column does: Secretariats. Other
        names say too little: all are members.
        """
        tab = self.table.sheet or ""
        said = between([tab], self.delegations)
        if said and said.role in ("substitute", "secretary", "assistant", "group secretary"):
            if "role" in columns.fields:
                return
            self.role = self.of_tab = said.role
            message = f"the tab says who its people are: they are taken for {_several(self.role)}"
            self.problems.append(
                problem("C163", self.table.file, sheet=tab, value=tab, message=message)
            )

    def _above(self, columns: Columns) -> Iterator[Contact]:
        """Account for people who stand above the headings."""
        for row, cells in self.table.rows[: columns.at]:
            if has_sign(cells):
                yield self._nobody(RowReader(self.table, columns).at(row, cells), "C165")

    def _nobody(self, line: RowReader, code: str, message: str = "") -> Contact:
        found = nobody(line, code, self.delegations, self.everyone, message)
        self.problems += line.problems
        return found

    def _block(self, columns: Columns, people: Sequence[Row]) -> Iterator[Contact]:
        french = _says_madame(people, columns.fields.get("name"))
        last = next((at for at in reversed(range(len(people))) if has_sign(people[at][1])), -1)
        shared: dict[str, Problem] = {}
        names = self._names(columns)
        letters = _index(people)

        @cache
        def shouted() -> bool:
            return any(
                column < len(cells) and cells[column].isupper()
                for _, cells in people
                if has_sign(cells)
                for column in names
            )

        remarks = columns.with_remarks()
        line = RowReader(
            self.table, columns, monsieur=french, remarks=remarks, comments=self.comments
        )
        for at, (row, cells) in enumerate(people):
            line.at(row, cells)
            line.role = self.role
            person = has_sign(cells)
            alone = None if person else between(cells, self.delegations)
            if shown := "" if person else _no_people(cells, alone, beyond=at > last):
                found = nobody(line, "C167", self.delegations, self.everyone, shown)
                yield self._told_once(found, shared)
                continue
            if alone and (message := self._heading(alone, columns)):
                self._comment_on_heading(line)
                yield self._nobody(line, "C163", message)
                continue
            if alone and alone.delegation and alone.column in names:
                said = "this is a heading; the columns say of each person whose it is"
                yield self._nobody(line, "C163", said)
                continue
            if _headings_again(cells, columns):
                yield self._nobody(line, "C163")
                continue
            if alone and fold(alone.text) in letters:
                a, *_, z = sorted(letters)
                said = f"single letters stand between the rows, {a.upper()} to {z.upper()}"
                found = nobody(line, "C168", self.delegations, self.everyone, f"{said}: no people")
                yield self._told_once(found, shared)
                continue
            if (
                alone
                and not alone.understood
                and not self._is_person(alone, names, shouted=shouted)
            ):
                message = self._stop(alone)
                line.role = self.role
                if alone.column in names and not is_error(alone.text):
                    yield self._nobody(line, "C168", message)
                    continue
            contact = read_row(line, self.delegations, self.everyone, self.today)
            if self.everyone is None and "delegation" not in columns.fields:
                contact = self._nobody_knows_whose(contact, line, shared)
            yield contact
            self.problems += line.problems

    def _nobody_knows_whose(
        self, contact: Contact, line: RowReader, told: dict[str, Problem]
    ) -> Contact:
        """Say once for all rows that nothing says which delegation they are of."""
        found = next((one for one in line.problems if one.code == "C120"), None)
        if found is None:
            return contact
        line.problems.remove(found)
        shared = self._told_once(replace(contact, problem=found), told)
        return shared if contact.problem == found else contact

    def _told_once(self, contact: Contact, told: dict[str, Problem]) -> Contact:
        """Return the contact with the problem that was first told in these words; tell it, if it is
        the first.
        """
        found = contact.problem
        if found is None:
            return contact
        if found.message not in told:
            told[found.message] = found
            self.problems.append(found)
        return replace(contact, problem=told[found.message])

    def _heading(self, alone: Between, columns: Columns) -> str:
        """Let a heading count for the people below it, and say so; empty if it is none."""
        said = ""
        if alone.delegation and "delegation" not in columns.fields:
            self.everyone, self.told = alone.delegation, True
            said = f"this is a heading; the people below it are taken for {self.everyone.name_en}"
        if alone.role and "role" not in columns.fields:
            self.role = alone.role
            if said:
                said += f", {_several(alone.role)}"
            else:
                said = (
                    f"this is a heading; the people below it are taken for {_several(alone.role)}"
                )
        elif said and "role" not in columns.fields:
            self.role = self.of_tab  # the next delegation begins with nobody's role
        if said:
            self.headings.append(alone)
        return said

    def _comment_on_heading(self, line: RowReader) -> None:
        """Say that a comment on a heading counts for nobody below it."""
        for column, text in line.comments.get(line.row, ()):
            if vocabulary.wants_no_letters(text):
                said = f"a comment on this heading says: {' '.join(text.split())[:80]}"
                hint = "it counts for nobody below: write it beside each person whom it is about"
                line.report("C168", "", None, said, hint, column=column, value=text)
                self.problems.append(line.problems.pop())

    def _is_person(
        self, alone: Between, names: Sequence[int], *, shouted: Callable[[], bool]
    ) -> bool:
        """Tell whether a text alone in a row is a person without an address: it says so, or looks
        like a name, and otherwise than the headings; in capitals alone only where people with an
        address (`shouted`) are written so.
        """
        if is_person(alone):
            return True
        return (
            alone.column in names
            and may_be_person(alone.text)
            and (not alone.text.isupper() or shouted())
            and all(
                before.column not in names or before.text.isupper() != alone.text.isupper()
                for before in self.headings
            )
        )

    def _names(self, columns: Columns) -> list[int]:
        return [columns.fields[n] for n in OF_NAMES if n in columns.fields]

    def _stop(self, alone: Between) -> str:
        """End what the heading before said: this one may be another, and is not understood."""
        said = f'"{alone.text[:80]}" stands alone in its row: it is no name, and no heading that is'
        said += " understood"
        if self.told or self.role:
            said += "; the heading before does not count for the people below"
        self.role = self.of_tab
        if self.told:
            self.everyone = None
        return said


def _comments(table: Table) -> Mapping[int, Sequence[tuple[int, str]]]:
    """Return the comments by row; that of a merged cell is one on each row below it."""
    if not table.comments or not table.merged:
        return table.comments
    found = {row: list(said) for row, said in table.comments.items()}
    cells = {
        reference(column, row, grid=True): (column, text)
        for row, said in table.comments.items()
        for column, text in said
    }
    for below, top in table.merged.items():
        if top in cells:
            letters = below.rstrip("0123456789")
            found.setdefault(int(below[len(letters) :]), []).append(cells[top])
    return found


def _index(rows: Sequence[Row]) -> frozenset[str]:
    """Return the single letters between the rows, where they are those of an alphabet in order."""
    alone = [filled[0] for _, cells in rows if len(filled := list(filter(None, cells))) == 1]
    letters = [fold(text) for text in alone if len(text) < 8]
    letters = [letter for letter in letters if len(letter) == 1]
    letters = [letter for letter in letters if letter.isalpha()]
    in_order = all(one <= two for one, two in itertools.pairwise(letters))
    return frozenset(letters) if in_order and len({*letters}) > 2 else frozenset()


def _several(role: str) -> str:
    return f"{role[:-1]}ies" if role.endswith("y") else f"{role}s"


def _no_people(cells: Sequence[str], alone: Between | None, *, beyond: bool) -> str:
    """Say what a row is that is no person: a sum, or a remark below the last one."""
    filled = [text for cell in cells if (text := trim(cell))]
    first = re.sub(r"[\d\s:.,()-]+$", "", filled[0]) if filled else ""
    numbers = [text for text in filled if re.fullmatch(r"[\d\s.,]+", text)]
    sums = vocabulary.table("sum")
    words = first.split()
    begins = 0 < len(words) < 6 and bool({fold(words[0]), fold("".join(words[:2]))} & sums.keys())
    alone_so_many = len(filled) == 1 and _SO_MANY.fullmatch(filled[0])
    if alone and alone.role and not beyond:  # 6 substitutes, and there they come
        alone_so_many = None
    if (fold(first) in sums or begins or alone_so_many) and len(filled) <= len(numbers) + 1:
        return "this row is a sum, and no person"
    if beyond and alone and not alone.understood:
        words = alone.text.split()
        if len(words) > 6 or _REMARK.match(alone.text):
            return "this is a remark below the table, and no person"
    if alone and _LEGEND.match(alone.text):
        return "this says what a sign means, and is no person"
    return ""


def _says_no_delegation(rows: Sequence[Row], columns: Columns) -> bool:
    """Tell whether no column says the delegation, or one that nobody has filled in: a new sheet for
    one delegation.
    """
    if "delegation" not in columns.fields:
        return True
    claims = (columns.fields["delegation"], *columns.also.get("delegation", ()))
    return bool(rows) and not any(
        trim(cells[column]) for _, cells in rows for column in claims if column < len(cells)
    )


def _headings_again(cells: Sequence[str], columns: Columns) -> bool:
    """Tell whether a row repeats the headings, as in a list that was put together of several."""
    address = columns.fields["address"]
    if (
        address >= len(cells)
        or "@" in cells[address]
        or trim(cells[address]) != columns.headings[address]
    ):
        return False
    return tuple(" ".join(trim(cell).split()) for cell in cells if cell) == tuple(
        filter(None, columns.headings)
    )


def _says_madame(rows: Sequence[Row], column: int | None) -> bool:
    """Tell whether names of this list begin with Mme: then the M. before the others is Monsieur."""
    madame = ("Mme ", "Mme. ", "Madame ", "Mlle ", "Mevr", "Mw", "Frau ", "Ms ", "Mrs ")
    return column is not None and any(
        trim(cells[column]).startswith(madame) for _, cells in rows if column < len(cells)
    )
