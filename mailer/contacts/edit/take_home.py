"""The way home of a corrected copy: rows are written, each with all that hangs on it, and nothing
is saved before it is proven that the people of the result are those of the copy.

The sheet is chosen among the workspace's own, by what the copy was made of; a copy cannot name
another file. A sheet that has changed in the meantime is not written to.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mailer.base.errors import MailerError, Refused
from mailer.base.spelling import trim
from mailer.contacts.edit import versions, write
from mailer.contacts.edit.alignment import RowHome, TabHome, align, moved_range
from mailer.contacts.edit.marked_copy import FIRST_TAB, legal, tab_name
from mailer.contacts.edit.workbook.hanging import hanging
from mailer.contacts.sheets.apart import numbers_of, read, read_safely
from mailer.contacts.sheets.reader import sheets
from mailer.contacts.sheets.shown.number_format import general
from mailer.contacts.sheets.table import Reading, Table
from mailer.contacts.sheets.xlsx import number_of

SHOWN = "shown"
XLSX = (".xlsx", ".xlsm")


@dataclass(frozen=True, slots=True)
class SheetChange:
    """One cell that the corrected copy changes; a row that was taken out or put in; a row or a tab
    that was hidden and is shown, or the other way round.
    """

    sheet: str | None
    cell: str  # `D17`; `row 17` and `the tab` for what is taken out, put in, hidden or shown
    before: str
    after: str
    whole: bool = False  # a row or a tab


@dataclass(frozen=True, slots=True)
class WayHome:
    """What a corrected copy makes of its sheet."""

    file: str  # the sheet, relative to the workspace
    changes: tuple[SheetChange, ...]
    content: bytes  # the sheet as it will be; the same as it is without changes


def accept(root: Path, marked: Path) -> tuple[str, tuple[SheetChange, ...], Path | None]:
    """Take a corrected copy back: return the sheet, what changed, and the backup of what it was.

    Raises `Refused` where the sheet has changed or the result is not proven, `MailerError` when the
    copy is none.
    """
    home = compare(root, marked)
    if not home.changes:
        return home.file, (), None
    backup = versions.save(root / home.file, home.content, root / ".mailer")
    return home.file, home.changes, backup


def compare(root: Path, marked: Path) -> WayHome:
    """Return what a corrected copy makes of its sheet, proven, and nothing written."""
    copy, copied = read(marked, marked.name)
    if copy.broken:
        raise MailerError(f"{marked.name} cannot be read", problems=copy.problems)
    path = _sheet_of(root, marked, copy)
    file = path.relative_to(root).as_posix()
    sheet, content = read(path, file)
    kind = path.suffix.lower()
    values = numbers_of(copied)
    numbers = numbers_of(content) if kind in XLSX else {}
    homes: dict[str, TabHome] = {}
    changes: list[SheetChange] = []
    shown: dict[str, bool] = {}
    for table in sheet.tables:
        if (table.sheet or "").startswith("_") or not table.rows:
            continue
        name = table.sheet or tab_name(path.stem)
        new = next((t for t in copy.tables if t.sheet == name), None)
        if new is None:
            raise MailerError(
                f'the tab "{name}" is missing in {marked.name}',
                hint="put it back, or correct the sheet itself",
            )
        here, there = numbers.get(name, {}), values.get(name, {})
        table, new = _by_value(table, here), _by_value(new, there)  # noqa: PLW2901
        home, found = _home(table, new, there, hides=kind in XLSX)
        changes += found
        if found:
            homes[table.sheet or ""] = home
        if kind in XLSX and table.hidden_tab != new.hidden_tab:
            shown[name] = not new.hidden_tab
            words = {True: "hidden", False: SHOWN}
            told = words[table.hidden_tab], words[new.hidden_tab]
            changes.append(SheetChange(table.sheet, "the tab", *told, whole=True))
    if not changes:
        return WayHome(file, (), content)
    result = write.changed(path.name, content, homes, shown)
    prove(path.name, content, sheet, copy, result, homes, values)
    return WayHome(file, tuple(changes), result)


def _sheet_of(root: Path, marked: Path, copy: Reading) -> Path:
    """Return the contact sheet that a copy was made of: by its fingerprint, among those that there
    are.
    """
    first = next((table for table in copy.tables if table.sheet == FIRST_TAB), None)
    about = {cells[0]: cells[1] for _, cells in first.rows if len(cells) > 1} if first else {}
    said, fingerprint = about.get("sheet", ""), about.get("fingerprint", "")
    if not said or not fingerprint:
        hint = "make one with: mailer contacts check SHEET --marked"
        raise MailerError(
            f"{marked.name} is no marked copy: its tab {FIRST_TAB} is missing", hint=hint
        )
    folder = root / Path(said).parts[0]
    known = [path for path in sheets(folder) if path.is_file()] if folder.parent == root else []
    named = next((path for path in known if path.relative_to(root).as_posix() == said), None)
    if named is None or named.resolve().parent != folder.resolve():
        raise MailerError(f"{marked.name} belongs to {said}, which is no contact sheet here")
    if hashlib.sha256(named.read_bytes()).hexdigest() != fingerprint:
        message = f"{said} has changed since {marked.name} was made; nothing was written"
        again = f"mailer contacts check {shlex.quote(named.name)} --marked makes a new copy"
        raise Refused(message, hint=again)
    return named


def _by_value(table: Table, numbers: Mapping[tuple[int, int], float]) -> Table:
    """Return a table whose numbers stand for themselves, whatever format shows them."""
    if not numbers:
        return table
    rows = [
        (
            number,
            [
                general(numbers[number, column]) if cell and (number, column) in numbers else cell
                for column, cell in enumerate(cells)
            ],
        )
        for number, cells in table.rows
    ]
    return replace(table, rows=rows)


def _home(
    table: Table, new: Table, values: Mapping[tuple[int, int], float], *, hides: bool
) -> tuple[TabHome, list[SheetChange]]:
    """Return where each row of the copy comes from and what is new in it, and the same in words.

    `hides`: the copy has the merged cells and hidden rows of its sheet, as that of an XLSX does.
    """
    before = dict(table.rows)
    came_from, gone = align(
        [(number, [trim(legal(cell)) for cell in cells]) for number, cells in table.rows],
        [(number, [trim(cell) for cell in cells]) for number, cells in new.rows],
    )
    rows: list[RowHome] = []
    said = [
        SheetChange(table.sheet, f"row {row}", _line(before[row]), "", whole=True) for row in gone
    ]
    for number, cells in new.rows:
        old = came_from.get(number)
        was = before.get(old or 0, ())
        row = RowHome(number, old, hidden=number in new.hidden if hides else None)
        rows.append(row)
        for column in range(max(len(was), len(cells))):
            visible = was[column] if column < len(was) else ""
            value = _own(table, was, column, old) if old and hides else visible
            now = _own(new, cells, column, number)
            formula = new.cell(column, number) in new.formulas and (
                (old is not None and table.cell(column, old) in table.formulas) or not now
            )  # its value is only known after a spreadsheet program saved it
            if trim(legal(value)) == trim(now) or formula:
                continue
            row.changes[column] = values.get((number, column), trim(now))
            seen = [
                trim(legal(line[column])) if column < len(line) else "" for line in (was, cells)
            ]
            if old is not None and seen[0] != seen[1]:
                said.append(SheetChange(table.sheet, table.cell(column, number), value, trim(now)))
        if old is None:
            said.append(SheetChange(table.sheet, f"row {number}", "", _line(cells), whole=True))
        elif hides and (old in table.hidden) != (number in new.hidden):
            words = {True: "hidden", False: SHOWN}
            told = words[old in table.hidden], words[number in new.hidden]
            said.append(SheetChange(table.sheet, f"row {number}", *told, whole=True))
    home = TabHome(rows, gone, areas(new))
    if home.moves and not said:
        said.append(SheetChange(table.sheet, "the rows", "", "in another order", whole=True))
    return home, said


def _own(table: Table, cells: Sequence[str], column: int, row: int) -> str:
    """Return what stands in a cell itself, and not in the merged one above that shows there."""
    text = cells[column] if column < len(cells) else ""
    return "" if table.cell(column, row) in table.merged else text


def _line(cells: Iterable[str]) -> str:
    return " · ".join(filter(None, map(trim, cells)))


def areas(table: Table) -> list[tuple[int, int, int]]:
    """Return column, first and last row of the merged cells of a copy that reach down."""
    last: dict[str, int] = {}
    for below, top in table.merged.items():
        last[top] = max(last.get(top, 0), int(below.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")))
    found = []
    for top, bottom in last.items():
        letters = top.rstrip("0123456789")
        found.append((number_of(letters.encode()), int(top[len(letters) :]), bottom))
    return found


# ------------------------------------------------------------------------------------------- proof


def prove(
    name: str,
    content: bytes,
    sheet: Reading,
    copy: Reading,
    result: bytes,
    homes: Mapping[str, TabHome],
    copied: Mapping[str, Mapping[tuple[int, int], float]],
) -> None:
    """Read sheet, copy and result, and refuse where the people of the result are not those of the
    copy, or something else of the sheet does not stand where its row stands.
    """
    kind = Path(name).suffix.lower()
    made = read_safely(name, result)
    values = numbers_of(result) if kind in XLSX else {}
    if made.broken or len(made.tables) != len(sheet.tables):
        raise _unproven(f"the result of {name} could not be read back")
    for before, after in zip(sheet.tables, made.tables, strict=True):
        home = homes.get(before.sheet or "")
        if home is None:
            if (before.rows, before.hidden) != (after.rows, after.hidden):
                raise _unproven(f'the tab "{before.sheet}" would change')
            continue
        tab = before.sheet or tab_name(Path(name).stem)
        want = next(table for table in copy.tables if table.sheet == tab)
        same = _by_value(after, values.get(tab, {}))
        _same_people(_by_value(want, copied.get(tab, {})), same, home, grid=before.grid)
        if kind in XLSX:
            _same_rows(before, want, after, home)
        elif home.moves and kind == ".ods":
            _same_places(before, after, home)
    if kind in XLSX:
        _same_hanging(content, result, homes)


def _unproven(what: str) -> Refused:
    hint = "correct the sheet itself, or take out and put in rows there; nothing was written"
    return Refused(f"this cannot be taken over: {what}", hint=hint)


def _same_people(want: Table, after: Table, home: TabHome, *, grid: bool) -> None:
    formulas = {
        (row.number, column)
        for row in home.rows
        for column in range(256 if want.formulas or after.formulas else 0)
        if want.cell(column, row.number) in want.formulas
        or (grid and after.cell(column, row.number) in after.formulas)
    }

    def texts(table: Table) -> list[list[str]]:
        found = []
        for at, (number, cells) in enumerate(table.rows):
            number = want.rows[at][0] if not grid and at < len(want.rows) else number  # noqa: PLW2901
            line = [
                "" if (number, column) in formulas else _bare(cell)
                for column, cell in enumerate(cells)
            ]
            while line and not line[-1]:
                line.pop()
            found.append(line)
        return found

    here, there = texts(want), texts(after)
    if here != there:
        wrong = [one for one, other in zip(here, there, strict=False) if one != other]
        which = _line(wrong[0])[:80] if wrong else "there are more of them, or fewer"
        raise _unproven(f"a row would not be that of the copy: {which}")
    if grid and [number for number, _ in want.rows] != [number for number, _ in after.rows]:
        raise _unproven("rows would stand elsewhere")


def _bare(cell: str) -> str:
    """Return text as both a copy and a sheet can hold it; a sign against formulas is none of it."""
    text = trim(legal(cell))
    return text[1:] if text.startswith("'") and text[1:].startswith(write.FORMULA) else text


def _same_rows(before: Table, want: Table, after: Table, home: TabHome) -> None:
    if want.hidden != after.hidden:
        raise _unproven("a row would be hidden or shown that is not so in the copy")
    if home.moves and want.merged != after.merged:
        raise _unproven("merged cells would reach over other rows than in the copy")
    if before.hidden_columns != after.hidden_columns:
        raise _unproven("a column would be hidden or shown")
    places = home.places
    _same_marks(before, after, home)
    changed = {(row.number, column) for row in home.rows for column in row.changes}
    allowed: set[str] = set()
    for cell, target in before.links.items():
        letters = cell.rstrip("0123456789")
        column, row = number_of(letters.encode()), int(cell[len(letters) :])
        new = places.get(row)
        if new and (new, column) not in changed and after.links.get(f"{letters}{new}") != target:
            raise _unproven(f"the link of {cell} would be lost")
        allowed.add(f"{letters}{new}")
    if home.moves and (stray := set(after.links) - allowed):
        raise _unproven(f"a link would stand in {min(stray)}")


def _same_marks(before: Table, after: Table, home: TabHome) -> None:
    """Prove that comments, and what is struck through, stand where their rows stand."""
    places = home.places
    comments = {places[row]: said for row, said in before.comments.items() if row in places}
    if any(after.comments.get(row) != said for row, said in comments.items()):
        raise _unproven("a comment would stand in another row")
    changed = {row.number for row in home.rows if row.changes}  # a rule may look at the new cell
    for cell in before.struck:
        letters = cell.rstrip("0123456789")
        row = places.get(int(cell[len(letters) :]))
        if row and row not in changed and f"{letters}{row}" not in after.struck:
            raise _unproven(f"{cell} would no longer be struck through")


def _same_places(before: Table, after: Table, home: TabHome) -> None:
    """Prove that hidden rows and links of an ODS, which its copy does not have, moved with their
    rows.
    """
    places = home.places
    _same_marks(before, after, home)
    if {places[row] for row in before.hidden if row in places} != after.hidden:
        raise _unproven("a row would be hidden or shown that is not so in the sheet")
    changed = {(row.number, column) for row in home.rows for column in row.changes}
    for cell, target in before.links.items():
        letters = cell.rstrip("0123456789")
        new = places.get(int(cell[len(letters) :]))
        column = number_of(letters.encode())
        if new and (new, column) not in changed and after.links.get(f"{letters}{new}") != target:
            raise _unproven(f"the link of {cell} would be lost")


def _same_hanging(content: bytes, result: bytes, homes: Mapping[str, TabHome]) -> None:
    """Prove that drop-downs, conditional formats, filters and areas moved with their rows."""
    old, new = hanging(content), hanging(result)
    for tab, kinds in old.items():
        home = homes.get(tab)
        for kind, refs in kinds.items():
            if kind in ("mergeCell", "hyperlink"):
                continue  # compared with the copy, cell by cell
            want = [cells for ref in refs if (cells := _rows_of(ref, home))]
            have = [_rows_of(ref, None) for ref in new.get(tab, {}).get(kind, [])]
            if want != have:
                raise _unproven(f"{kind} would stand over other rows")


def _rows_of(ref: str, home: TabHome | None) -> list[tuple[int, int]]:
    """Return the ranges of rows of some areas, after the move."""
    found: list[tuple[int, int]] = []
    for area in ref.replace("$", "").split():
        rows = [int("".join(filter(str.isdigit, cell)) or 0) for cell in area.split(":")]
        first, last = rows[0], rows[-1]
        found += moved_range(first, last, home) if home and home.moves else [(first, last)]
    return found
