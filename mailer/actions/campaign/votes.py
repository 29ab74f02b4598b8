"""A roll call in the hands of a user: who of the sheets is on it, and the column that says how each
of them voted.

First is written what was said of names that look alike, then the column, sheet by sheet, each in
one step after a backup: after a crash the same roll call goes on from there. A cell that says
something already stays as it is.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from mailer.actions.sheets.check import answers
from mailer.actions.sheets.mend import begin
from mailer.base.errors import MailerError, Problem, UsageError
from mailer.base.problems import problem
from mailer.base.settings.workspace import Workspace
from mailer.base.spelling import fold, tokens
from mailer.contacts import votes
from mailer.contacts.added_column import with_column
from mailer.contacts.book import ContactBook
from mailer.contacts.contact import Contact
from mailer.contacts.edit import namesakes, turnover, versions
from mailer.contacts.edit.namesakes import Answers
from mailer.contacts.votes import RollCall, VoteLine
from mailer.ledger.accounts import noted
from mailer.ledger.ledger import Ledger
from mailer.plan.draft import read_contacts


@dataclass(frozen=True)
class VoteImport:
    """What a roll call says of the people of the sheets; nothing is written by it."""

    heading: str  # of the column: "Vote 2024"
    roll: RollCall
    book: ContactBook
    voted: Mapping[tuple[str, str | None, int], str]  # file, tab and row → vote
    asked: Sequence[tuple[Contact, VoteLine, int]]  # perhaps one person; per cent alike
    unknown: Sequence[VoteLine]  # nobody in the sheets is called so
    twice: Sequence[VoteLine]  # one person, two votes: none of them counts
    against: Sequence[tuple[Contact, str]]  # the cell says another vote, and stays
    answers: Answers

    @property
    def new(self) -> dict[str, int]:
        """How many cells are filled, by vote."""
        return dict(Counter(self.voted.values()))


def heading_of(day: date | None, column: str = "") -> str:
    """Return the heading of a vote: as it was said, or by its year, as in "Vote 2024"."""
    if column.strip():
        return " ".join(column.split())
    if day is None:
        raise UsageError("Which vote is it?", hint="the day of the vote, or a heading: Vote 2024")
    return f"Vote {day.year}"


def read(
    workspace: Workspace,
    name: str,
    content: bytes,
    heading: str,
    *,
    same: Sequence[str] = (),
    other: Sequence[str] = (),
) -> VoteImport:
    """Read a roll call and find its people in the sheets. `same` and `other` are names of it that
    look like somebody's, and are theirs, or not.

    Raises `UsageError` where it says no vote, nobody of it is in the sheets, or the heading is
    that of no vote.
    """
    if tokens(heading)[:1] != ("vote",):
        raise UsageError(f"The heading {heading} is that of no vote.", hint="Vote 2024")
    known, book, _ = read_contacts(workspace)
    if book.broken:
        raise MailerError(
            "A contact sheet cannot be read. Nothing was written.",
            problems=[one for one in book.problems if one.file in book.broken],
        )
    roll = votes.read(name, content, known)
    people = [one for one in turnover.people_of(book.contacts) if one.name]
    lines, twice = _once(_placed(roll.votes, people))
    said = answers(workspace, same, other)
    on_list = {tuple(sorted(tokens(one.person.name))) for one in lines}
    for name_said in (*same, *other):
        if tuple(sorted(tokens(name_said))) not in on_list:
            raise UsageError(
                f'"{name_said}" is not on the roll call.', hint="write the name as it stands there"
            )
    by_row = {one.person.row * MANY + at: one for at, one in enumerate(lines)}
    listed = [replace(one.person, row=at) for at, one in by_row.items()]
    found = turnover.matching(people, listed, said, strict=False)
    if not found.pairs and not found.asked:
        raise UsageError(
            f"None of the {len(lines)} names of {name} is in the sheets. Nothing was written.",
            hint="is it a list of this Assembly, with names in Latin letters?",
        )
    of_person = {one.person_key: by_row[new.row].vote for one, new in found.pairs}
    voted, against = _cells(book, of_person, heading)
    return VoteImport(
        heading,
        roll,
        book,
        voted,
        [(old, by_row[new.row], alike) for old, new, alike in found.asked],
        [by_row[one.row] for one in found.joined],
        twice,
        against,
        said,
    )


MANY = 10_000
"""More people than stand in one line."""


def _placed(lines: Sequence[VoteLine], people: Sequence[Contact]) -> list[VoteLine]:
    """Give a line without a delegation that of the only person who is called so."""
    of_name: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for one in people:
        of_name[tuple(sorted(tokens(one.name)))].add(one.delegation)
    found = []
    for line in lines:
        where = of_name.get(tuple(sorted(tokens(line.person.name))), set())
        if not line.person.delegation and len(where) == 1:
            line = replace(line, person=replace(line.person, delegation=min(where)))  # noqa: PLW2901
        found.append(line)
    return found


def _once(lines: Sequence[VoteLine]) -> tuple[list[VoteLine], list[VoteLine]]:
    """Return each person once, and the lines of those who have two votes."""
    by_key: dict[str, list[VoteLine]] = {}
    for line in lines:
        by_key.setdefault(line.person.person_key, []).append(line)
    once = [several[0] for several in by_key.values() if len({one.vote for one in several}) == 1]
    twice = [one for several in by_key.values() for one in several if several[0] not in once]
    return once, twice


def _cells(
    book: ContactBook, of_person: Mapping[str, str], heading: str
) -> tuple[dict[tuple[str, str | None, int], str], list[tuple[Contact, str]]]:
    voted, against = {}, []
    for one in book.contacts:
        if vote := of_person.get(one.person_key, ""):
            said = next((it for at, it in one.extra.items() if fold(at) == fold(heading)), "")
            if not said:
                voted[one.file, one.sheet, one.row] = vote
            elif fold(said) != vote:
                against.append((one, vote))
    return voted, against


def write(
    workspace: Workspace, ledger: Ledger | None, found: VoteImport, *, who: str, day: date
) -> dict[str, Path]:
    """Write the column into the sheets; return file → backup of what it was. `ledger` is None where
    there is no send log yet.

    Raises `Refused` where a sheet cannot take the column and stay as it is; sheets before it are
    written.
    """
    path = workspace.contacts_dir / namesakes.FILE
    namesakes.remember(path, found.answers.used, who, day.isoformat())
    backups = {}
    for file in dict.fromkeys(file for file, _, _ in found.voted):
        cells = {(tab, row): vote for (at, tab, row), vote in found.voted.items() if at == file}
        sheet = workspace.root / file
        content = with_column(file, sheet.read_bytes(), found.book, found.heading, cells)
        backups[file] = versions.save(sheet, content, workspace.make_state_dir())
        begin(workspace, file, backups[file])
        noted(ledger, "votes_imported", who=who, detail=f"{file}, {found.heading}")
    return backups


def problems(found: VoteImport) -> list[Problem]:
    """Return what a person has to look at, the questions first."""
    said = [
        problem(
            "C171",
            line.person.file,
            row=line.person.row,
            value=line.text,
            message=f"perhaps {old.name} ({old.delegation}) of {old.file}, row {old.row}: the names"
            f" are {alike} % alike",
        )
        for old, line, alike in found.asked
    ]
    said += [
        problem("C172", line.person.file, row=line.person.row, value=line.text)
        for line in found.unknown
    ]
    said += [
        problem("C173", line.person.file, row=line.person.row, value=line.text)
        for line in found.twice
    ]
    said += [
        problem(
            "C174",
            one.file,
            sheet=one.sheet,
            row=one.row,
            value=one.name,
            message=f"the roll call says {vote}, and the cell of {found.heading} says something"
            " else; it stays",
        )
        for one, vote in found.against
    ]
    name = next((line.person.file for line in found.roll.votes), "")
    said += [problem("C175", name, row=row, value=text) for row, text in found.roll.unread]
    return said


def as_text(found: VoteImport) -> str:
    """Return the roll call as lines that are read again as what it was."""
    lines = ((one.person.name, one.person.delegation, one.vote) for one in found.roll.votes)
    return "\n".join("\t".join(filter(None, cells)) for cells in lines)


def as_data(found: VoteImport, backups: Mapping[str, Path]) -> dict[str, object]:
    """Return what JSON has of an import."""
    return {
        "heading": found.heading,
        "votes": len(found.roll.votes),
        "written": found.new,
        "sheets": list(backups),
        "asked": [
            {"name": line.person.name, "perhaps": old.name, "delegation": old.delegation}
            for old, line, _ in found.asked
        ],
        "unknown": [line.person.name for line in found.unknown],
        "twice": sorted({line.person.name for line in found.twice}),
        "against": [one.name for one, _ in found.against],
        "unread": len(found.roll.unread),
    }
