"""What can go wrong, in words for a coordinator: where, which value, what to do next.

    MailerError             exit 1   wrong sheets or letters; some people are not reached
    ├─ UsageError           exit 2   a command or a setting was written wrongly; nothing was done
    ├─ Refused              exit 3   not done, for safety: a stale plan, a lock, a missing approval
    ├─ Interrupted          exit 4   stopped part-way; can be resumed
    └─ ServerError          exit 5   the mail server cannot be reached, or refused the login

An expected end of a letter (a 550, a time-out) is no exception but a value: `states.Receipt`. A
`Problem` is one thing to put right, with its coordinates; a command collects all of them before it
speaks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"  # this person, letter or setting cannot be used
    WARNING = "warning"  # it can be used; somebody should look
    NOTE = "note"  # good to know


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to put right, at its coordinates. The field names are those of `mailer check
    --json`.
    """

    code: str  # C… contacts, L… letters, K… configuration, S… safety; `docs/problems.md` lists them
    severity: Severity
    message: str  # one plain sentence, without the value and without the coordinates
    file: str = ""  # relative to the workspace, with "/"
    sheet: str | None = None  # the tab of a spreadsheet; None in CSV and text files
    cell: str | None = None  # "D17"; "17:4" (line and column) in CSV; None in text files
    row: int | None = None  # 1-based, as the spreadsheet program or the editor counts
    column: str | None = None  # the heading of a sheet's column; the column number in a text file
    value: str = ""  # what stands there
    suggestion: str | None = None  # what to put there, or what to do

    @property
    def place(self) -> str:
        """Where to look: `contacts/uk.xlsx · sheet "Members" · cell D17`, `contacts/uk.csv:17:4`,
        or `config.toml:12`.
        """
        if self.sheet is None:
            at = self.cell or self.row
            return f"{self.file}:{at}" if at else self.file
        sheet = f' · sheet "{self.sheet}"'
        if self.cell:
            return f"{self.file}{sheet} · cell {self.cell}"
        return f"{self.file}{sheet} · row {self.row}" if self.row else f"{self.file}{sheet}"

    def __str__(self) -> str:
        value = f": {self.value!r}" if self.value else ""
        hint = f" ({self.suggestion})" if self.suggestion else ""
        where = f"{self.place}: " if self.file else ""
        return f"{where}{self.message}{value}{hint}"


def notes_by_kind(problems: Iterable[Problem]) -> list[list[Problem]]:
    """Return what is only good to know, that which says the same together."""
    kinds: dict[tuple[str, str], list[Problem]] = {}
    for one in problems:
        if one.severity is Severity.NOTE:
            kinds.setdefault((one.code, one.message), []).append(one)
    return list(kinds.values())


def notes_last(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems in their order, the notes behind the others and by kind."""
    found = list(problems)
    wrong = [one for one in found if one.severity is not Severity.NOTE]
    return [*wrong, *(one for kind in notes_by_kind(found) for one in kind)]


class MailerError(Exception):
    """The root. `message` is one sentence, `hint` the next thing to type or do, `problems` what to
    put right.
    """

    exit_code = 1

    def __init__(
        self, message: str, *, hint: str = "", code: str = "", problems: Sequence[Problem] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code
        self.problems = tuple(problems)


class UsageError(MailerError):
    exit_code = 2


class Refused(MailerError):
    exit_code = 3


class Interrupted(MailerError):
    exit_code = 4


class ServerError(MailerError):
    """`temporary`: waiting can help; otherwise somebody has to change something first."""

    exit_code = 5
    temporary = False


BLANKS = "\u00a0\u202f"
"""Blanks that do not break, as French typography sets them; the only ones besides the space that
are shown as they are.
"""


def printable(text: str) -> str:
    """Make text from sheets and servers safe to show: control and invisible characters appear as
    `\\x1b`.
    """
    return "".join(
        char if char.isprintable() or char in BLANKS else ascii(char)[1:-1] for char in text
    )
