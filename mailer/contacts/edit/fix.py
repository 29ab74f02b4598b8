"""Repairs of contact sheets: shown as a list of cells, applied only when a person says so.

By themselves only repairs are offered that choose and guess nothing: `mailto:` and stray signs go,
a name pasted to its address goes, broken letters are mended. A likely slip of the pen (C104) is
mended only when asked for by code, and so is a name in capitals (C159): a rule writes it as a name,
and a person has to look.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mailer.base.errors import Problem
from mailer.contacts.book import ContactBook
from mailer.contacts.edit import versions, write
from mailer.contacts.rows.addresses import read_address
from mailer.contacts.sheets import vocabulary
from mailer.contacts.upper_case import as_name

CAPITALS = "C159"
SAFE = ("C109", "C110", "C111", "C114", "C143")
_MEANT = re.compile(
    r'did you mean "?(.+?)"?\?|(?:the link leads to|".*" holds) (\S+); is it that\?'
)


@dataclass(frozen=True, slots=True)
class Repair:
    """One cell, before and after."""

    code: str
    file: str
    sheet: str | None
    cell: str
    before: str
    after: str

    @property
    def place(self) -> str:
        return f"{self.file} {self.sheet or ''} {self.cell}".replace("  ", " ")


def repairs(
    book: ContactBook, files: Collection[str] = (), only: Collection[str] = ()
) -> list[Repair]:
    """Return the repairs of some files (all of them if none is named); `only` are codes, unsafe
    ones included.
    """
    found: dict[tuple[str, str | None, str], Repair] = {}
    merged = {(table.file, table.sheet, cell) for table in book.tables for cell in table.merged}
    for problem in book.problems:
        if (
            problem.file,
            problem.sheet,
            problem.cell,
        ) in merged:  # the cell above shows its text, and is mended
            continue
        wanted = problem.code in only if only else problem.code in SAFE
        after = meant(problem)
        if not wanted or not after or not problem.cell or (files and problem.file not in files):
            continue
        if vocabulary.wants_no_letters(problem.value):  # the repair would wipe it out
            continue
        if not only and problem.code == "C110" and not read_address(problem.value).safe:
            continue
        repair = Repair(
            problem.code, problem.file, problem.sheet, problem.cell, problem.value, after
        )
        found.setdefault((problem.file, problem.sheet, problem.cell), repair)
    if CAPITALS in only:
        for repair in _as_names(book, files):
            found.setdefault((repair.file, repair.sheet, repair.cell), repair)
    return list(found.values())


def _as_names(book: ContactBook, files: Collection[str]) -> Iterator[Repair]:
    """Yield the cells with a name in capitals, which letters write as a name."""
    for one in book.contacts:
        cells = book.cells.get(one.file, {}).get(one.sheet or "", {})
        for part in ("surname", "given"):
            name = getattr(one, part)
            written = as_name(name, one.delegation)
            if written == name or (files and one.file not in files):
                continue
            for cell in (one.cells.get(part, ""), one.cells.get("name", "")):
                if (before := cells.get(cell, "")).count(name) == 1:
                    after = before.replace(name, written)
                    yield Repair(CAPITALS, one.file, one.sheet, cell, before, after)
                    break


def meant(problem: Problem) -> str:
    """Return what a cell was perhaps meant to hold; empty where nobody can know."""
    match = _MEANT.fullmatch(problem.suggestion or "")
    return (match[1] or match[2]) if match else ""


def apply(root: Path, chosen: Iterable[Repair]) -> dict[str, Path]:
    """Write repairs into the sheets; return file → backup of what it was, in `.mailer/backups/`."""
    by_file: dict[str, dict[tuple[str, str], str]] = {}
    for repair in chosen:
        by_file.setdefault(repair.file, {})[repair.sheet or "", repair.cell] = repair.after
    return {
        file: versions.save(root / file, write.with_cells(root / file, changes), root / ".mailer")
        for file, changes in by_file.items()
    }
