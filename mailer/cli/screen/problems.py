"""How a problem looks on the screen: what, where, the line or the cell itself, and what to do.

    error[L203]: there is no placeholder called "memeber"
      ┌─ templates/prisoners-2027/fr.md:7:11
      │
     7│ Madame {{ memeber.name }},
      │           ^^^^^^^
      = did you mean "member"?

A cell of a spreadsheet shows its value instead of a line; a setting stands on one line,
`config.toml:12: smtp.port: …`, without the text of its line, which could hold a password.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from mailer.base.errors import Problem, Severity, notes_by_kind
from mailer.base.problems import Scope, concerns
from mailer.cli.context import printable

if TYPE_CHECKING:
    from rich.console import Console

STYLE = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "bold blue"}
A_KIND = 5
"""So many problems of one code are shown; the rest are counted."""

WINDOW = 96
"""Characters of a long line that are shown: a paragraph of a letter is one line."""


def show_problems(
    console: Console,
    problems: Sequence[Problem],
    root: Path,
    *,
    everything: bool = False,
    more: str = "-v",
) -> None:
    """Print the problems, five of a kind unless `everything`; `more` is the flag that shows the
    rest. Notes come last, and those that say the same are one.

    What concerns the workspace is all shown: there are never many, and each has its own line.
    """
    wrong = [problem for problem in problems if problem.severity is not Severity.NOTE]
    kinds = Counter(problem.code for problem in wrong)
    shown: Counter[str] = Counter()
    for problem in wrong:
        shown[problem.code] += 1
        if everything or shown[problem.code] <= A_KIND or concerns(problem.code, Scope.WORKSPACE):
            _show(console, problem, root)
        elif shown[problem.code] == kinds[problem.code]:
            console.print(_rest(problem, kinds[problem.code], more))
    for notes in notes_by_kind(problems):
        if len(notes) == 1:
            _show(console, notes[0], root)
        else:
            _show_notes(console, notes, everything=everything, more=more)


def _rest(problem: Problem, number: int, more: str) -> str:
    rest = number - A_KIND
    shows = f"{more} shows {'them' if rest > 1 else 'it'}"
    return f"… and {rest} more like {problem.code} ({shows})\n"


def _show_notes(console: Console, notes: Sequence[Problem], *, everything: bool, more: str) -> None:
    """Show notes that say the same: the words once, and the places."""
    _show_kind(console, notes[0])
    for one in notes if everything else notes[:A_KIND]:
        value = f"  {printable(one.value)}" if one.value else ""
        console.print(f"  ┌─ {printable(one.place)}{value}", soft_wrap=True)
    if notes[0].suggestion:
        console.print(f"  = {printable(notes[0].suggestion)}", style="cyan", soft_wrap=True)
    console.print()
    if not everything and len(notes) > A_KIND:
        console.print(_rest(notes[0], len(notes), more))


def _show_kind(console: Console, problem: Problem) -> None:
    console.print(f"{problem.severity}[{problem.code}]", style=STYLE[problem.severity], end="")
    console.print(f": {printable(problem.message)}", soft_wrap=True)


def _show(console: Console, problem: Problem, root: Path) -> None:
    if problem.code.startswith("K"):
        value = f": {printable(problem.value)}" if problem.value else ""
        console.print(f"{problem.place}: {problem.message}{value} [{problem.code}]", soft_wrap=True)
    else:
        _show_kind(console, problem)
        if problem.file:
            _show_place(console, problem, root)
    if problem.suggestion:
        console.print(f"  = {printable(problem.suggestion)}", style="cyan", soft_wrap=True)
    if not problem.code.startswith("K"):
        console.print()


def _show_place(console: Console, problem: Problem, root: Path) -> None:
    place, column = problem.place, problem.column
    if column:
        place += (
            f":{column}"
            if problem.cell is None and column.isdecimal()
            else f'  (column "{column}")'
        )
    line = _line(root / problem.file, problem.row) if problem.row and problem.sheet is None else ""
    edge = " " * max(2, len(str(problem.row)) if line else 2)
    console.print(f"{edge}┌─ {printable(place)}", soft_wrap=True)
    if line:
        text, at, length = _window(
            line, problem, min(WINDOW, max(24, console.width - len(edge) - 8))
        )
        console.print(f"{edge}│\n{problem.row:>{len(edge)}}│ {printable(text)}", soft_wrap=True)
        if length:
            before = printable(text[:at])
            console.print(
                f"{edge}│"
                f" {' ' * _cells(before)}{'^' * max(1, _cells(printable(text[at : at + length])))}"
            )
    elif problem.value:
        console.print(f"{edge}│ {printable(problem.value)}", soft_wrap=True)


def _line(path: Path, row: int) -> str:
    lines = _lines(path)
    return lines[row - 1] if row <= len(lines) else ""


@lru_cache(maxsize=4)
def _lines(path: Path) -> list[str]:
    """Return the lines of a text, in the letters in which the sheets are read."""
    from mailer.actions.sheets.check import lines_of

    return lines_of(path)


def _window(line: str, problem: Problem, wide: int) -> tuple[str, int, int]:
    """Return the piece of the line to show, where the value begins in it, and how long that is (0:
    not found).
    """
    column = int(problem.column) - 1 if problem.column and problem.column.isdecimal() else 0
    at = line.find(problem.value, column) if problem.value else -1
    at = line.find(problem.value) if problem.value and at < 0 else at
    length = len(problem.value)
    if at < 0:
        at, length = min(column, len(line)), 1 if column else 0
    if len(line) <= wide:
        return line, at, length
    start = max(0, min(at - wide // 3, len(line) - wide))
    piece = line[start : start + wide]
    before, after = "… " if start else "", " …" if start + wide < len(line) else ""
    return f"{before}{piece}{after}", at - start + len(before), min(length, wide - (at - start))


def _cells(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)
