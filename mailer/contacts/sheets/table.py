"""What a reader makes of a file: tables of text with coordinates, and what it noticed
on the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mailer.base.errors import Problem, Severity
from mailer.contacts.contact import reference

Row = tuple[int, Sequence[str]]
"""The row's number as people count it, and its cells."""

MAX_ROWS = 200_000
"""Rows of one file, unless `[contacts] max_rows` says otherwise."""

MAX_COLUMNS = 256

CELLS_IN_A_ROW = 20
"""Filled cells, averaged over as many rows as are allowed: more of them would take memory that no
contact sheet takes.
"""

MOST_COVERED = 1_000_000
"""Cells that merged areas and links of a tab reach over: more of them are no list of people, and
take minutes in programs that write each of them.
"""

MOST_MERGED = 1_000
"""Rows that one merged cell reaches down; a delegation has at most 36 people."""


def has_sign(cells: Sequence[str]) -> bool:
    """Tell whether an @ stands in a row; it is asked of every row several times."""
    return "@" in "".join(cells)


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
    hidden_columns: frozenset[int] = frozenset()  # counted from 0
    merged: Mapping[str, str] = field(
        default_factory=dict
    )  # cell under a merged one → the cell that shows its text

    days: Mapping[str, str] = field(default_factory=dict)  # cell that shows a day → 2027-01-26
    struck: frozenset[str] = frozenset()  # cells with text that is struck through
    comments: Mapping[int, Sequence[tuple[int, str]]] = field(
        default_factory=dict
    )  # row → column, counted from 0, and what somebody has noted at its cell

    @property
    def grid(self) -> bool:
        """Whether cells are called `D17`; in CSV they are `17:4`."""
        return self.sheet is not None

    def cell(self, column: int, row: int) -> str:
        return reference(column, row, grid=self.grid)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one file holds. It is broken, and nothing of it is used, if one of its problems is an
    error.
    """

    tables: tuple[Table, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def broken(self) -> bool:
        return any(p.severity is Severity.ERROR for p in self.problems)


def fill_down(
    rows: Sequence[Row], areas: Iterable[tuple[int, int, int]]
) -> tuple[list[Row], dict[str, str]]:
    """Give each row the text of the merged cell that reaches down to it: a state merged over its
    members.

    `areas` are column, first and last row. Rows that are otherwise empty stay away. Returns the
    rows, and which cell stands for which.
    """
    by_number = {number: at for at, (number, _) in enumerate(rows)}
    filled = list(rows)
    merged: dict[str, str] = {}
    for column, first, last in areas:
        top = filled[by_number[first]][1] if first in by_number else ()
        text = top[column] if column < len(top) else ""
        for number in range(first + 1, min(last, first + MOST_MERGED) + 1):
            if text and number in by_number:
                cells = [*filled[by_number[number]][1]]
                cells += [""] * (column + 1 - len(cells))
                cells[column] = text
                filled[by_number[number]] = number, cells
                merged[reference(column, number, grid=True)] = reference(column, first, grid=True)
    return filled, merged
