"""What a reader makes of a file: tables of text with coordinates, and what it noticed on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mailer.contacts.contact import reference
from mailer.errors import Problem, Severity

Row = tuple[int, Sequence[str]]
"""The row's number as people count it, and its cells."""

MAX_ROWS = 200_000
"""Rows of one file, unless `[contacts] max_rows` says otherwise."""

MAX_COLUMNS = 256


@dataclass(frozen=True, slots=True)
class Table:
    """One tab of a spreadsheet, or one CSV file: the rows that are not empty."""

    file: str
    sheet: str | None  # the tab; None in CSV
    rows: Sequence[Row]
    hidden: frozenset[int] = frozenset()  # rows that the spreadsheet program does not show
    filtered: bool = False  # a filter hides them
    hidden_tab: bool = False
    formulas: frozenset[str] = frozenset()  # cells whose text is the result of a formula
    links: Mapping[str, str] = field(default_factory=dict)  # cell → where a click on it leads

    @property
    def grid(self) -> bool:
        """Whether cells are called `D17`; in CSV they are `17:4`."""
        return self.sheet is not None

    def cell(self, column: int, row: int) -> str:
        return reference(column, row, grid=self.grid)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one file holds. It is broken, and nothing of it is used, if one of its problems is an error."""

    tables: tuple[Table, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def broken(self) -> bool:
        return any(p.severity is Severity.ERROR for p in self.problems)
