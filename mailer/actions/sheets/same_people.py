"""What a sheet calls otherwise since it was changed here is still the same person to the send log:
positions and letters go along (`ledger/record/renaming.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mailer.actions.sheets.check import answers, read_alone
from mailer.base.settings.workspace import Workspace
from mailer.contacts.contact import Contact
from mailer.contacts.edit import turnover
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading import persons
from mailer.ledger.record import renaming

NAMING = frozenset({"name", "given", "surname", "delegation", "address"})
"""Fields of a row that say who stands there."""


def carry(ledger: Ledger | None, pairs: Iterable[tuple[Contact, Contact]], *, who: str) -> None:
    """Let people keep what the log knows of them: rows before and after, as somebody decided."""
    others = [(old, new) for old, new in pairs if old.person_key != new.person_key]
    if ledger is not None and others:
        with ledger.writing() as connection:
            renaming.carry(connection, others, at=ledger.now(), who=who)


def follow(workspace: Workspace, ledger: Ledger | None, file: str, was: Path, *, who: str) -> None:
    """Do so for a sheet that has just been changed, `was` before. Who is who is decided as for a
    newer list; a question is one that a person has answered, or it is the way back.
    """
    sheet = workspace.root / file
    if ledger is None or not was.stat().st_size or not sheet.exists():
        return
    books = [read_alone(workspace, file, path) for path in (was, sheet)]
    if any(book.broken for book in books):
        return
    before, after = (turnover.people_of(book.contacts) for book in books)
    found = turnover.matching(before, after, answers(workspace, (), ()), strict=False)
    with ledger.reading() as connection:
        back = persons.renamings(connection) if found.asked else frozenset()
    again = [(old, new) for old, new, _ in found.asked if (new.person_key, old.person_key) in back]
    carry(ledger, [*found.pairs, *again], who=who)
