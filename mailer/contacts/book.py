"""All contact sheets of a workspace as one book: every row of every sheet, and every problem found
on the way.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path

from mailer.base import clock
from mailer.base.address import key_of
from mailer.base.delegations import Delegations
from mailer.base.errors import Problem, Severity
from mailer.base.problems import Scope, concerns, problem
from mailer.base.spelling import exactly, finds_in, tokens
from mailer.contacts.contact import Contact
from mailer.contacts.rows.accounting import read_people
from mailer.contacts.rows.together import check_together, meant_domains
from mailer.contacts.sheets.apart import read_safely
from mailer.contacts.sheets.columns import Columns, own_headings
from mailer.contacts.sheets.reader import bytes_of, fingerprint

# whoever has the book asks which files it is of
from mailer.contacts.sheets.reader import sheets as sheets  # noqa: PLC0414
from mailer.contacts.sheets.table import MAX_ROWS, Table


@dataclass(frozen=True)
class ContactBook:
    """What the contact sheets say."""

    contacts: tuple[
        Contact, ...
    ]  # one for each row that is not empty, in the order of files, tabs and rows
    problems: tuple[Problem, ...]  # in the same order
    files: Mapping[str, str]  # file → SHA-256 of its bytes, in hex
    tables: tuple[Table, ...] = field(repr=False, default=())
    columns: Mapping[tuple[str, str | None], Columns] = field(
        repr=False, default_factory=dict
    )  # by file and tab

    @property
    def broken(self) -> tuple[str, ...]:
        """The files that cannot be used as they are. Nobody may be left out unseen: there is no
        plan with one of them.
        """
        return tuple(
            dict.fromkeys(
                p.file
                for p in self.problems
                if concerns(p.code, Scope.FILE) and p.severity is Severity.ERROR
            )
        )

    def containing(self, wanted: str) -> Iterator[Contact]:
        """Yield those in whose name or address the words of a search stand: `spelling.finds`."""
        return (self.contacts[at] for at in finds_in(wanted, self._lines))

    def called(self, who: str, most: int) -> list[Contact]:
        """Find people as `spelling.called` does, so many of them, for those who ask often."""
        words = sorted(tokens(who))
        found = finds_in(who, self._lines)
        named = [at for at in found if sorted(self._lines[at].split(" ", len(words))[:-1]) == words]
        there = {*named, *(finds_in(key_of(who), self._lines) if "@" in who else ())}
        exact = exactly((self.contacts[at] for at in sorted(there)), who)
        return (exact or [self.contacts[at] for at in found])[:most]

    @cached_property
    def _lines(self) -> list[str]:
        """The words of each name and address, those of the name first."""
        return [" ".join(tokens(f"{one.name} {one.address} ")) + " " for one in self.contacts]

    @cached_property
    def cells(self) -> dict[str, dict[str, dict[str, str]]]:
        """Return file → tab (`""` in CSV) → cell → what stands there, filled cells only."""
        book: dict[str, dict[str, dict[str, str]]] = {name: {} for name in self.files}
        for table in self.tables:
            book[table.file][table.sheet or ""] = {
                table.cell(column, row): value
                for row, cells in table.rows
                for column, value in enumerate(cells)
                if value
            }
        return book


def load_contacts(
    root: Path,
    folder: str = "contacts",
    columns: Mapping[str, Sequence[str]] = {},
    delegations: Delegations | None = None,
    *,
    max_rows: int = MAX_ROWS,
    today: date | None = None,
) -> ContactBook:
    """Read all contact sheets of a workspace, as `read_book` does.

    Files whose name begins with `_`, `.` or `~$` are no contact sheets, nor are Python programs.
    """
    files = {path.relative_to(root).as_posix(): path for path in sheets(root / folder)}
    known = delegations or Delegations.of_workspace(root)
    book = read_book(files, columns, known, max_rows=max_rows, today=today)
    return book if files else replace(book, problems=(problem("C020", folder), *book.problems))


def read_book(
    paths: Mapping[str, Path],
    columns: Mapping[str, Sequence[str]],
    delegations: Delegations,
    *,
    max_rows: int = MAX_ROWS,
    today: date | None = None,
) -> ContactBook:
    """Read sheets, wherever they lie, as one book; `paths` are by the name that people read.

    `columns` are more headings by field (`[contacts] columns`). `max_rows` is for one file.
    Problems are collected, not raised; a file that cannot be used is `broken`.
    """
    with _without_collector():
        return _read(paths, own_headings(columns), delegations, max_rows, today)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Let nobody look for cycles among the rows meanwhile: there are none, and each look takes
    longer than the one before.
    """
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


def _read(
    paths: Mapping[str, Path],
    own: Mapping[str, str],
    delegations: Delegations,
    max_rows: int,
    today: date | None,
) -> ContactBook:
    contacts: list[Contact] = []
    problems: list[Problem] = []
    files: dict[str, str] = {}
    tables: list[Table] = []
    recognised: dict[tuple[str, str | None], Columns] = {}
    for file, path in paths.items():
        content = bytes_of(path, file, max_rows)
        if isinstance(content, Problem):
            files[file] = ""
            problems.append(content)
            continue
        reading = read_safely(file, content, max_rows)
        files[file] = fingerprint(content)
        problems += reading.problems
        if reading.broken:
            continue
        people, found = read_people(
            reading, own, delegations, recognised, today or clock.now().date()
        )
        contacts += people
        problems += found
        tables += reading.tables
    contacts, problems = meant_domains(contacts, problems)
    contacts, found = check_together(contacts, recognised, delegations)
    problems = _in_order(problems + found, files, tables)
    return ContactBook(tuple(contacts), tuple(problems), files, tuple(tables), recognised)


def _in_order(
    problems: list[Problem], files: Mapping[str, str], tables: list[Table]
) -> list[Problem]:
    """Sort problems by file, tab and row, as a person goes through the sheets."""
    file_order = {file: at for at, file in enumerate(files)}
    tab_order = {(table.file, table.sheet): at for at, table in enumerate(tables)}
    return sorted(
        problems,
        key=lambda p: (
            file_order.get(p.file, -1),
            tab_order.get((p.file, p.sheet), -1),
            p.row or 0,
        ),
    )
