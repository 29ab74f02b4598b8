"""One row while it is read: its text by field, the meaning of its words, and what is wrong with it
so far.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from mailer.base.errors import Problem
from mailer.base.problems import problem
from mailer.base.spelling import fold, tokens, trim
from mailer.base.states import Reason
from mailer.contacts.rows.addresses import LONGEST
from mailer.contacts.rows.whose import PARTS, SHOWN
from mailer.contacts.sheets import vocabulary
from mailer.contacts.sheets.columns import FIELDS, HOLD_LIST, KEPT, Columns
from mailer.contacts.sheets.table import Table

_REGION = re.compile(r"([A-Za-z]{2,3})[-_][A-Za-z]{2}")
_WORDS = re.compile(r"[\W_]+")

_NO_TEXTS = dict.fromkeys((*FIELDS, *HOLD_LIST), "")

PARTS_OF_NAMES = frozenset(["given", "middle", "particle", "surname", "second_surname", "name"])
SPELLED = (*sorted(PARTS_OF_NAMES), "civility", "title", "greeting", "vocative")
"""Fields that a letter spells as the sheet does."""


class RowWords(NamedTuple):
    """What the words of a row mean."""

    delegation: str
    role: str
    gender: str
    language: str
    chamber: str
    group: str


class RowReader:
    """The rows of one block, one after the other: the text of each by field, and what is wrong with
    it so far.
    """

    def __init__(
        self,
        table: Table,
        columns: Columns,
        *,
        monsieur: bool = False,  # a French list, where "M." is no initial
        remarks: Sequence[int] = (),  # columns in which somebody may have written about the person
        comments: Mapping[int, Sequence[tuple[int, str]]] = {},  # by row: column, and what it says
    ) -> None:
        self.monsieur = monsieur
        self.remarks = remarks
        self.comments = comments
        self.role = ""  # what a heading above the row says
        self.table = table
        self.columns = columns
        self.has_targets = bool(table.formulas or table.links)
        self.spelled = tuple(field for field in SPELLED if field in columns.fields)
        self._kept = tuple(field for field in KEPT if field in columns.fields)
        self._fields = tuple(columns.fields.items())
        self._texts = _NO_TEXTS.copy()
        self.text: Callable[[str], str] = self._texts.__getitem__
        """Returns what stands in a field's column; where that is empty, in another one of it. It is
        asked 35 times for each row, so it is no method of ours.
        """
        self.answers: dict[tuple[str, ...], RowWords] = {}
        """What the words of a row mean, of which nothing was to be said: the next row has the same
        ones.
        """

    def at(self, row: int, cells: Sequence[str]) -> RowReader:
        """Go to a row. What was noted of the one before is forgotten."""
        self.row = row
        self.cells = cells
        self.problems: list[Problem] = []
        self.skip: Reason | None = None
        self.why: Problem | None = None
        wide, texts = len(cells), self._texts
        for field, column in self._fields:
            text = cells[column] if column < wide else ""
            texts[field] = text if text.isalnum() else trim(text)
        for field in self.columns.also:
            if not texts[field]:
                texts[field] = next(filter(None, self.texts(field)), "")
        return self

    def texts(self, field: str) -> list[str]:
        """Return what all columns of a field say, the first one first."""
        column = self.columns.fields.get(field)
        if column is None:
            return []
        claims = (column, *self.columns.also.get(field, ()))
        return [self.cell(at) for at in claims if at < len(self.cells)]

    def cell(self, column: int) -> str:
        return trim(self.cells[column]) if column < len(self.cells) else ""

    @property
    def who(self) -> str:
        """The column in which the name, or most of it, stands."""
        return next(
            (field for field in ("name", "surname", "given") if field in self.columns.fields),
            "name",
        )

    def place(self, field: str) -> str:
        """Return the name of a field's cell; empty if the table has no such column."""
        column = self.columns.fields.get(field)
        return "" if column is None else self.table.cell(column, self.row)

    def extra(self) -> dict[str, str]:
        """Return the other columns by heading, filled cells only."""
        found: dict[str, str] = {}
        for column, heading in self.columns.extra.items():
            if column < len(self.cells) and (value := trim(self.cells[column])):
                found.setdefault(heading, value)
        for field in self._kept:
            if value := self._texts[field]:
                found[self.columns.headings[self.columns.fields[field]]] = value
        return found

    def report(
        self,
        code: str,
        field: str,
        skip: Reason | None = None,
        message: str = "",
        suggestion: str | None = None,
        *,
        column: int | None = None,
        value: str | None = None,
    ) -> None:
        """Note a problem at the cell of a field, or of another `column` of it; the first one with a
        reason to skip is why the row is left out.
        """
        if value is None:
            value = self.text(field) if column is None else self.cell(column)
        value = value if len(value) <= SHOWN else f"{value[:SHOWN]}…"
        at = self.columns.fields.get(field) if column is None else column
        found = problem(
            code,
            self.table.file,
            sheet=self.table.sheet,
            cell=None if at is None else self.table.cell(at, self.row),
            row=self.row,
            column=None if at is None else self.columns.heading(at),
            value=value,
            message=message,
            suggestion=suggestion,
        )
        self.problems.append(found)
        if skip and not self.skip:
            self.skip, self.why = skip, found

    def word(self, field: str, code: str, skip: Reason | None = None) -> str:
        """Return what the word in a column of words means; report one that is not known, and take
        it for no word. With `skip`, whoever has it is left out for that reason.
        """
        meaning = meaning_of(field, self.text(field))
        if field in self.columns.foreign:
            return "" if meaning in SEATS or meaning in (None, "unknown") else meaning
        if meaning is None:
            self.report(code, field, skip)
        return "" if meaning in (None, "unknown") else meaning


SEATS = frozenset({"representative", "substitute", "chair"})
"""Roles of members; all others are offices, or people who work for members."""


@lru_cache(maxsize=16_384)
def meaning_of(kind: str, text: str) -> str | None:
    """Return what a word means, also where two languages or an office stand beside it.

    `anglais / English` is one language and `Representative, Vice-President` a representative;
    `FR/EN` is not known.
    """
    found = vocabulary.meaning(kind, text)
    if found is not None or len(text) > LONGEST:
        return found
    if kind == "language" and (region := _REGION.fullmatch(text)):
        return vocabulary.meaning(kind, region[1])  # fr-CA
    if kind == "language" and "?" not in text:
        words = [vocabulary.meaning(kind, word) for word in _WORDS.split(text[:100]) if word]
        if words and words[0] and {*words} <= {words[0], None}:
            return words[0]  # English (United Kingdom), pt-PT, Norwegian Bokmål
    meant = [
        vocabulary.meaning(kind, part) or (kind == "role" and _without_whose(part)) or None
        for part in PARTS.split(text)
        if fold(part)
    ]
    known = set(meant) - {None}
    if kind == "role":
        seats = known & SEATS
        if seats == {"chair", "representative"}:
            return "chair"
        if len(seats) == 1 and meant[0]:  # "Representative, Rapporteur"
            return seats.pop()
        return meant[0] if len(known) == 1 and meant[0] else None
    return known.pop() if len(known) == 1 and None not in meant else None


def _without_whose(text: str) -> str | None:
    """Return what a role means that says of whom it is: `Chair of the Latvian delegation`,
    `Présidente du groupe SOC`.
    """
    words = tokens(text)
    left = [
        word
        for word in words
        if not any(vocabulary.meaning(kind, word) for kind in ("adjective", "language", "group"))
    ]
    return vocabulary.meaning("role", " ".join(left)) if 1 < len(left) == len(words) - 1 else None
