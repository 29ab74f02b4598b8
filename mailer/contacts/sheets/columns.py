"""Which column holds what: headings in many languages, in any order, under any number of title
rows.

A heading is a claim. What the cells say to it is looked at in `rows/borne_out.py`; here stands only
what the words say.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from mailer.base.errors import UsageError
from mailer.base.spelling import fold, tokens, trim
from mailer.contacts.sheets import vocabulary
from mailer.contacts.sheets.table import Row, Table, has_sign

HOLD_LIST = ("because", "since", "by", "seal")
FIELDS = (
    "delegation", "role", "civility", "name", "given", "surname", "title", "address", "language",
    "gender", "chamber", "group", "greeting", "vocative", "note", "until", "namesake", "middle",
    "particle", "second_surname", "opt_out", "opt_in", "standing", "second",
)  # fmt: skip
KEPT = ("until", "namesake", "opt_out", "opt_in", "standing")
"""Fields that the checks need and a contact has no place for: they stay among its extra columns."""

OF_NAMES = ("name", "given", "surname")
ASKED = ("delegation", "role", "civility", *OF_NAMES, "address", "language", "gender")
"""Fields of which no second column may say something else; of others the second is an extra one."""

WITH_REMARKS = ("note", *OF_NAMES, "address")
"""Fields in whose cells people write something else about the person, too."""

HEARD = ("opt_out", "opt_in", "standing")
"""Fields of which every column counts: who opted out in one of them is left out."""

ALSO_CALLED = {
    "email": "address",
    "e-mail": "address",
    "first name": "given",
    "last name": "surname",
}
"""Names of fields that people write in `[contacts] columns`."""

LOOK_FOR_HEADINGS = 20
"""Headings stand in one of the first rows; titles and dates may stand above them."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """What is to be said about one column as a whole."""

    code: str
    column: int
    message: str = ""
    suggestion: str = ""


@dataclass(frozen=True, slots=True)
class Columns:
    """The headings of one table, or of one block of it."""

    at: int  # index of the row of headings in the table
    fields: Mapping[str, int]  # field → column, counted from 0
    extra: Mapping[int, str]  # column → heading, of the columns with no known meaning
    headings: tuple[str, ...]  # as written, trimmed
    also: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    # field → more columns that claim it; they count where the first one is empty
    weak: frozenset[int] = frozenset()  # columns whose heading says it half: believed with proof
    foreign: frozenset[str] = frozenset()  # fields whose words are not ours: asked about once
    doubts: tuple[Doubt, ...] = ()
    blocks: tuple[tuple[int, Columns], ...] = ()  # first row and headings of the blocks below

    def of(self, row: int) -> Columns:
        """Return the headings that a row stands under."""
        if not self.blocks:
            return self
        below = bisect_right(self.blocks, row, key=lambda block: block[0])
        return self.blocks[below - 1][1] if below else self

    def heading(self, column: int) -> str:
        return self.headings[column] if column < len(self.headings) else ""

    def with_remarks(self) -> tuple[int, ...]:
        """Return the columns in which somebody may have written something about the person: notes,
        names, addresses, and what is of no known meaning.
        """
        known = [self.fields[name] for name in WITH_REMARKS if name in self.fields]
        bare = [column for column, heading in enumerate(self.headings) if not heading]
        return (*known, *self.extra, *bare)

    def as_said(self) -> str:
        """Say what each column was taken for: `Delegation ← "Ülke" · not used: "Qualifica"`."""
        taken = [
            f"{field.replace('_', ' ')} ← "
            + ", ".join(f'"{self.headings[one]}"' for one in (at, *self.also.get(field, ())))
            for field, at in self.fields.items()
        ]
        rest = ", ".join(f'"{heading}"' for heading in self.extra.values())
        return " · ".join(taken) + (f" · for letters only: {rest}" if rest else "")

    @property
    def complete(self) -> bool:
        """Tell whether there are an address and a name."""
        return "address" in self.fields and not self.fields.keys().isdisjoint(OF_NAMES)

    def without(self, name: str) -> Columns:
        """Return the columns without a claim: its column is an extra one. The next that claims the
        field, too, has it then.
        """
        column, also = self.fields[name], dict(self.also)
        fields = {field: at for field, at in self.fields.items() if field != name}
        if more := also.pop(name, ()):
            fields = _in_order({**fields, name: more[0]})
            if more[1:]:
                also[name] = more[1:]
        extra = dict(sorted({**self.extra, column: self.headings[column]}.items()))
        return replace(self, fields=fields, extra=extra, also=also)

    def taking(self, name: str, column: int) -> Columns:
        """Return the columns with one more, or another, column for a field."""
        extra = dict(self.extra)
        if (before := self.fields.get(name)) is not None:
            extra = dict(sorted({**extra, before: self.headings[before]}.items()))
        extra.pop(column, None)
        return replace(self, fields=_in_order({**self.fields, name: column}), extra=extra)


def _in_order(fields: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(fields.items(), key=lambda pair: pair[1]))


def own_headings(columns: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Turn `[contacts] columns` into folded heading → field. Raises `UsageError` for a field that
    there is not.
    """
    own: dict[str, str] = {}
    for name, headings in columns.items():
        field = ALSO_CALLED.get(name, name)
        if field not in FIELDS + HOLD_LIST:
            raise UsageError(
                f"[contacts] columns: there is no field called {name!r}",
                hint=f"use one of {', '.join(FIELDS)}",
            )
        own.update((fold(heading), field) for heading in headings)
    return own


def find_headings(table: Table, own: Mapping[str, str], fields: Sequence[str]) -> Columns | None:
    """Return the first row of headings with address and name among the first twenty rows; without
    one, the row that knows most; None if none looks like headings.
    """
    best: tuple[int, Columns] | None = None
    for at, (_, cells) in enumerate(islice(table.rows, LOOK_FOR_HEADINGS)):
        columns = _read(at, cells, own, fields)
        known = len(columns.fields)
        if _who(columns):
            both = _of_two_rows(columns, table, own, fields)
            if both.complete and not has_sign(cells):
                return both
            if best is None or known > best[0]:
                best = known, columns
        elif best is None and not columns.fields.keys().isdisjoint(OF_NAMES):
            below = islice(table.rows, at + 1, at + 4)
            if not has_sign(cells) and any(has_sign(r) for _, r in below):
                best = known, columns  # the cells will say where the addresses stand
    return best[1] if best else None


def _of_two_rows(
    columns: Columns, table: Table, own: Mapping[str, str], fields: Sequence[str]
) -> Columns:
    """Return two rows of headings as one, where the second knows more: "First name" below "Name".
    What it leaves empty, the first one says.
    """
    at = columns.at + 1
    cells = table.rows[at][1] if at < len(table.rows) else []
    if not cells or has_sign(cells):
        return columns
    above = columns.headings
    width = max(len(cells), len(above))
    below = (*cells, *[""] * (width - len(cells)))
    both = [cell if trim(cell) else columns.heading(x) for x, cell in enumerate(below)]
    own_words = len(_read(at, cells, own, fields).fields)
    joined = _read(at, both, own, fields)
    if own_words > 1 and joined.complete and len(joined.fields) > len(columns.fields):
        return joined
    return columns


def blocks(
    table: Table, first: Columns, own: Mapping[str, str], fields: Sequence[str]
) -> Iterator[tuple[Columns, Sequence[Row]]]:
    """Yield the headings of each block of a table with the rows under them. A row of other headings
    begins a new one.
    """
    columns, begin = first, first.at + 1
    for at, (_, cells) in enumerate(islice(table.rows, begin, None), start=begin):
        if len(cells) < 2 or has_sign(cells):
            continue
        if sum(fold(cell) in known_words() for cell in cells if cell) < 3:
            continue
        other = _read(at, cells, own, fields)
        if other.complete and len(other.fields) > 2 and other.headings != columns.headings:
            yield columns, table.rows[begin:at]
            columns, begin = other, at + 1
    yield columns, table.rows[begin:]


def known_words() -> Mapping[str, str]:
    return vocabulary.table("heading")


def _who(columns: Columns) -> bool:
    return "address" in columns.fields or (
        len(columns.fields) > 1 and not columns.fields.keys().isdisjoint(OF_NAMES)
    )


def _read(at: int, cells: Sequence[str], own: Mapping[str, str], fields: Sequence[str]) -> Columns:
    headings = tuple(" ".join(trim(cell).split()) for cell in cells)
    known = {**known_words(), **own}
    folded = [fold(heading) for heading in headings]
    said = [field_of(cell, known) for cell in cells]
    parts = [None if said[c] else _by_part(cell, known) for c, cell in enumerate(cells)]
    private = vocabulary.beside("private")
    meant = [
        field if field in fields else None
        for field in (one or other for one, other in zip(said, parts, strict=True))
    ]
    if "first" in folded and "last" in folded:  # below "Name"
        meant[folded.index("first")], meant[folded.index("last")] = "given", "surname"
    if meant.count("address") > 1:
        meant = [
            "second"
            if field == "address" and tokens(word)[-1:] and tokens(word)[-1] in private
            else field
            for field, word in zip(meant, headings, strict=True)
        ]
    if "given" in meant and "surname" not in meant:
        meant = _half(meant, headings, "name", "surname")
    elif "surname" in meant and "given" not in meant:
        meant = _half(meant, headings, "name", "given")
    found: dict[str, int] = {}
    also: dict[str, tuple[int, ...]] = {}
    gives_way = vocabulary.beside("weak") - own.keys()
    weak = {c for c, word in enumerate(folded) if word in gives_way or parts[c]}
    # Strong headings first: an "Address" beside an "E-mail" is a street.
    for column in sorted(range(len(headings)), key=lambda c: c in weak):
        field = meant[column]
        if field is None:
            continue
        if field not in found:
            found[field] = column
        elif (column not in weak or parts[column]) and field in ASKED + HEARD:
            also[field] = (*also.get(field, ()), column)
    taken = set(found.values()).union(*also.values())
    extra = {
        column: heading
        for column, heading in enumerate(headings)
        if heading and column not in taken
    }
    return Columns(at, _in_order(found), extra, headings, also, frozenset(weak & taken))


_PARTS = re.compile(
    r"[/|\n;,&+]|\s[-–]\s|\s(?:and|et|und|e|y|i|og|och|ja|ir|un|ve|və|és|si|și|şi|и|і|й|та|a|in|en|dhe|και|და|և|u|agus)\s"
)
"""What stands between the parts of a heading: `Surname and first name`."""


def field_of(heading: str, known: Mapping[str, str]) -> str | None:
    """Return the field that a heading means, also where it says so twice, or adds something in
    brackets.

    `E-mail / Courriel` and `E-mail (office)` mean the address, `First name / Last name` the whole
    name.
    """
    found = known.get(fold(heading))
    if found or len(heading) > 100:
        return found
    bare = re.sub(r"\([^()]*\)|\[[^\[\]]*\]", "", heading)
    if any(piece in fold(heading) for piece in vocabulary.beside("opt_out")):
        return "opt_out"  # HasOptedOutOfEmail, UNSUB_TIME
    words = bare.split()
    if len(words) > 1 and fold(words[-1]) in vocabulary.beside("place"):
        bare = " ".join(words[:-1])  # E-Mail geschäftlich
    if found := known.get(fold(bare)):
        return found
    parts = {known.get(fold(part)) for part in _PARTS.split(bare) if fold(part)}
    if len(parts) > 1 and parts <= {"given", "surname", "name", "middle"}:
        return "name"
    if len(parts) == 1 and (one := parts.pop()):
        return one
    words = [word for word in tokens(bare) if word not in vocabulary.beside("member")]
    return known.get("".join(words)) if words else None  # Nom du député, Member's e-mail


def _by_part(heading: str, known: Mapping[str, str]) -> str | None:
    """Return the delegation where only the end of a heading says so: `Address 1 - Country`."""
    last = re.split(r"\s[-–:]\s|:\s", heading)[-1]
    return "delegation" if last != heading and known.get(fold(last)) == "delegation" else None


def _half(
    meant: list[str | None], headings: Sequence[str], whole: str, half: str
) -> list[str | None]:
    """Let a heading such as "Nom" or "Nom / Name" mean the half of the name that has no column of
    its own.
    """
    may = vocabulary.beside(half)
    return [
        half
        if field == whole and may.issuperset(filter(None, map(fold, _PARTS.split(h))))
        else field
        for field, h in zip(meant, headings, strict=True)
    ]
