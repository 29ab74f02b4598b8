"""Which column holds what: headings in many languages, in any order, under any number of title
rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from mailer.base.errors import UsageError
from mailer.base.spelling import fold, trim
from mailer.contacts.sheets import vocabulary
from mailer.contacts.sheets.table import Table

HOLD_LIST = ("because", "since", "by", "seal")
FIELDS = (
    "delegation", "role", "civility", "name", "given", "surname", "title", "address", "language",
    "gender", "chamber", "group", "greeting", "vocative", "note", "until", "namesake", "middle",
    "particle",
)  # fmt: skip
KEPT = ("until", "namesake")
"""Fields that the checks need and a contact has no place for: they stay among its extra columns."""

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
class Columns:
    """The headings of one table."""

    at: int  # index of the row of headings in the table
    fields: Mapping[str, int]  # field → column, counted from 0
    extra: Mapping[int, str]  # column → heading, of the columns with no known meaning
    headings: tuple[str, ...]  # as written, trimmed
    clashes: tuple[tuple[str, int, int], ...]  # a field, and two columns that both claim it


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
    """Return the row with most known headings among the first twenty, or None if none looks like
    one.
    """
    best: tuple[int, Columns] | None = None
    for at, (_, cells) in enumerate(islice(table.rows, LOOK_FOR_HEADINGS)):
        columns = _read(at, cells, own, fields)
        known = len(columns.fields)
        who = "address" in columns.fields or (
            known > 1 and not columns.fields.keys().isdisjoint(("name", "surname", "given"))
        )
        if who and (best is None or known > best[0]):
            best = known, columns
    return best[1] if best else None


def _read(at: int, cells: Sequence[str], own: Mapping[str, str], fields: Sequence[str]) -> Columns:
    headings = tuple(" ".join(trim(cell).split()) for cell in cells)
    known = {**vocabulary.table("heading"), **own}
    folded = [fold(heading) for heading in headings]
    meant = [field if (field := field_of(cell, known)) in fields else None for cell in cells]
    if "given" in meant and "surname" not in meant:
        meant = _half(meant, folded, "name", "surname")
    elif "surname" in meant and "given" not in meant:
        meant = _half(meant, folded, "name", "given")
    found: dict[str, int] = {}
    clashes: list[tuple[str, int, int]] = []
    weak = vocabulary.beside("weak") - own.keys()
    # Strong headings first: an "Address" beside an "E-mail" is a street.
    for column in sorted(range(len(headings)), key=lambda c: folded[c] in weak):
        field = meant[column]
        if field is None:
            continue
        if field not in found:
            found[field] = column
        elif folded[column] not in weak:
            clashes.append((field, found[field], column))
    taken = set(found.values())
    extra = {
        column: heading
        for column, heading in enumerate(headings)
        if heading and column not in taken
    }
    return Columns(
        at, dict(sorted(found.items(), key=lambda pair: pair[1])), extra, headings, tuple(clashes)
    )


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
    parts = {known.get(fold(part)) for part in re.split(r"[/|\n;,]|\s[-–]\s", bare) if fold(part)}
    if len(parts) > 1 and parts <= {"given", "surname", "name"}:
        return "name"
    return parts.pop() if len(parts) == 1 else None


def _half(meant: list[str | None], folded: list[str], whole: str, half: str) -> list[str | None]:
    """Let a heading such as "Nom" mean the half of the name that has no column of its own."""
    may = vocabulary.beside(half)
    return [
        half if field == whole and word in may else field
        for field, word in zip(meant, folded, strict=True)
    ]
