"""One row of a contact sheet, as a person with coordinates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mailer.base.address import key_of
from mailer.base.errors import Problem
from mailer.base.spelling import tokens_once
from mailer.base.states import Reason

NOTHING: Mapping[str, str] = {}
"""Shared by all rows without extra columns; nobody writes to it."""


class Cells(Mapping[str, str]):
    """Where each field of one row stands: `D17` in a spreadsheet, `17:4` (line and column) in CSV.

    Computed when asked, from the columns that all rows of a table share: 100,000 rows cost no
    1,000,000 strings.
    """

    __slots__ = ("_columns", "_grid", "_row")

    def __init__(self, columns: Mapping[str, int], row: int, *, grid: bool) -> None:
        self._columns = columns
        self._row = row
        self._grid = grid

    def __getitem__(self, name: str) -> str:
        return reference(self._columns[name], self._row, grid=self._grid)

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)


def reference(column: int, row: int, *, grid: bool) -> str:
    """Return the name of a cell, `column` counted from 0: `reference(3, 17, grid=True)` is `D17`,
    else `17:4`.
    """
    if not grid:
        return f"{row}:{column + 1}"
    letters = ""
    column += 1
    while column:
        column, letter = divmod(column - 1, 26)
        letters = chr(65 + letter) + letters
    return f"{letters}{row}"


def column_of(letters: str) -> int:
    """Return the column, counted from 0: `column_of("D")` is 3."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


@dataclass(frozen=True, slots=True)
class Contact:
    """A person of a contact sheet. Text is as in the cell, trimmed; what could not be read is
    empty, never guessed.
    """

    file: str  # relative to the workspace: "contacts/france.xlsx"
    sheet: str | None  # the tab; None in CSV
    row: int  # 1-based, as the spreadsheet program counts; in CSV the line where the record begins
    delegation: str = ""  # two-letter code; empty if not known
    role: str = ""  # representative, substitute, chair, or of an office; empty if no cell says it
    name: str = ""  # for a To header: given name and surname, no civility, no title
    given: str = ""
    surname: str = ""
    title: str = ""  # as written: Dr, Lord, Baroness
    civility: str = ""  # as written: Ms, M., Herr
    gender: str = ""  # f, m; from the gender column or a plain civility, never from the name
    address: str = ""  # for the wire, the domain in ASCII; empty if there is none that can be used
    language: str = ""  # two-letter code; empty if not known
    chamber: str = ""  # deputy, senator, commons, lords, or as written; empty if not known
    group: str = ""  # the Assembly's English code, or as written
    greeting: str = ""  # written by hand, stands in the letter instead of the form of address
    vocative: str = ""
    note: str = ""
    extra: Mapping[str, str] = field(
        default_factory=dict
    )  # the other columns by their heading; filled cells only
    skip: Reason | None = None  # why nobody can write to this row
    problem: Problem | None = None  # the one behind `skip`
    cells: Mapping[str, str] = field(default_factory=dict)  # field → where it stands
    written: str = ""  # the name as the sheet has it, with civility and capitals
    # kept once somebody has asked: a plan asks a dozen times
    _address_key: str | None = field(default=None, init=False, repr=False, compare=False)
    _person_key: str | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def address_key(self) -> str:
        """The same for two spellings of one mailbox; empty without an address."""
        found = self._address_key
        if found is None:
            found = key_of(self.address) if self.address else ""
            object.__setattr__(self, "_address_key", found)
        return found

    @property
    def person_key(self) -> str:
        """The same for one person under other case, accents, or order of the names; empty without a
        name.
        """
        found = self._person_key
        if found is None:
            found = person_key(self.delegation, self.name)
            object.__setattr__(self, "_person_key", found)
        return found


def person_key(delegation: str, name: str) -> str:
    """Return `NO:anna berg` for `Anna BERG`, `Berg Anna` and `anna berg` of Norway."""
    words = tokens_once(name)
    return f"{delegation}:{' '.join(sorted(words))}" if words else ""
