"""Which row of a corrected copy is which row of the sheet: by what stands in them, wherever they
stand now.

Rows that say the same are the same, in their order; of the others those belong together that have
most in common. What is left of the sheet was taken out, what is left of the copy was put in.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from mailer.contacts.sheets.table import Row

MOST_COMPARED = 2_000
"""Changed rows that are compared with one another; it takes the square of their number."""


@dataclass(slots=True)
class RowHome:
    """Where one row of the result comes from, and what is new in it."""

    number: int  # in the result
    old: int | None  # in the sheet; None: put in
    changes: dict[int, str | float] = field(default_factory=dict)  # column → what it holds now
    hidden: bool | None = None  # None: as it is


@dataclass(frozen=True)
class TabHome:
    """The rows of one tab as the copy has them, all of them known when it is made."""

    rows: Sequence[RowHome]
    gone: Sequence[int]  # rows that the copy no longer has
    merged: Sequence[tuple[int, int, int]] = ()  # column, first and last row: reach down
    links: Mapping[tuple[int, int], str] = field(default_factory=dict)  # (row, column) → target

    @cached_property
    def moves(self) -> bool:
        """Tell whether a row stands elsewhere, or is new or gone."""
        return bool(self.gone) or any(row.old != row.number for row in self.rows)

    def beside(self, number: int) -> int | None:
        """Return the old row that a row put in should look like: the one above, or below where that
        is the first of all; None where there is none.
        """
        rows = self._by_number
        at = bisect_left(rows, number, key=lambda row: row[0])
        above = rows[at - 1] if at else None
        below = next((row for row in rows[at : at + 2] if row[0] > number), None)
        near = below if above is None or (above == rows[0] and below is not None) else above
        return None if near is None else near[1]

    @cached_property
    def _by_number(self) -> list[tuple[int, int]]:
        return sorted((row.number, row.old) for row in self.rows if row.old is not None)

    @cached_property
    def last(self) -> int:
        """Return the last row that is known of the sheet."""
        return max([*self.places, *self.gone], default=0)

    @cached_property
    def places(self) -> dict[int, int]:
        """Return old row → new row."""
        return {row.old: row.number for row in self.rows if row.old is not None}


def align(before: Sequence[Row], after: Sequence[Row]) -> tuple[dict[int, int], list[int]]:
    """Return new row → old row, and the old rows that are gone."""
    came_from: dict[int, int] = {}
    by_text: dict[tuple[str, ...], deque[int]] = defaultdict(deque)
    texts = {number: _texts(cells) for number, cells in before}
    for number, key in texts.items():
        by_text[key].append(number)
    here = {number: _texts(cells) for number, cells in after}
    for number, key in here.items():  # a row that did not move at all comes first
        if texts.get(number) == key:
            by_text[key].remove(number)
            came_from[number] = number
    for number, key in here.items():
        if number not in came_from and by_text.get(key):
            came_from[number] = by_text[key].popleft()
    left = sorted(set(texts) - set(came_from.values()))
    new = [number for number, _ in after if number not in came_from]
    if len(left) * len(new) <= MOST_COMPARED**2:
        for number in new:
            near = [
                (_shared(texts[old], here[number]), old == number, -old)
                for old in left
                if _alike(texts[old], here[number])
            ]
            if near:
                came_from[number] = -max(near)[2]
                left.remove(came_from[number])
    elif len(before) == len(after):
        came_from |= {number: number for number in new if number in texts}
        left = sorted(set(texts) - set(came_from.values()))
    return came_from, left


def _texts(cells: Sequence[str]) -> tuple[str, ...]:
    found = [cell.strip() for cell in cells]
    while found and not found[-1]:
        found.pop()
    return tuple(found)


def _shared(one: tuple[str, ...], two: tuple[str, ...]) -> int:
    return sum(a == b and bool(a) for a, b in zip(one, two, strict=False))


def _alike(one: tuple[str, ...], two: tuple[str, ...]) -> bool:
    """Tell whether at least half of what the shorter row says stands in the other one, too."""
    shorter = min(sum(map(bool, one)), sum(map(bool, two)))
    return _shared(one, two) * 2 >= shorter > 0


def runs(rows: Sequence[int], taken: set[int]) -> list[tuple[int, int]]:
    """Join new rows to ranges; a gap of rows that no old row moved to (put in, or empty) is closed.

    `taken` are the new rows of other old rows.
    """
    found: list[tuple[int, int]] = []
    for row in sorted(rows):
        if found and not any(gap in taken for gap in range(found[-1][1] + 1, row)):
            found[-1] = found[-1][0], row
        else:
            found.append((row, row))
    return found


def moved_range(first: int, last: int, home: TabHome) -> list[tuple[int, int]]:
    """Return where the rows of a range stand now; what reaches below the last row still does."""
    places, end = home.places, home.last
    if first == last and first in places:  # nearly all of them
        return [(places[first], places[first])]
    inside = [places[row] for row in range(first, min(last, end) + 1) if row in places]
    if inside and max(inside) - min(inside) < len(inside):  # they stand together
        found = [(min(inside), max(inside))]
    else:
        found = runs(inside, {new for old, new in places.items() if not first <= old <= last})
    if last > end:
        below = max((row.number for row in home.rows), default=0)
        shift = below - end
        if found and found[-1][1] == below:
            found[-1] = found[-1][0], max(below, last + shift)
        else:
            found.append((max(first, end + 1) + shift, last + shift))
    return found
