"""The way back: a copy of a sheet with every bad cell marked, and the corrected copy taken over.

The copy is an XLSX beside the sheet, `_uk.marked.xlsx` (a name with "_" is never read as a contact
sheet). Its first tab lists the problems and links to the cells; each bad cell is coloured,
patterned for eyes that see no colour, and carries a comment. Taking it back writes the changed
cells, and only those, into the sheet: its formats, images and filters stay. A sheet that has
changed in the meantime is not written to.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from mailer.base.errors import MailerError, Problem, Refused, Severity
from mailer.base.spelling import trim
from mailer.contacts.book import ContactBook
from mailer.contacts.edit import write
from mailer.contacts.sheets.reader import read
from mailer.contacts.sheets.table import Table

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.styles import PatternFill
    from openpyxl.worksheet.worksheet import Worksheet

FIRST_TAB = "_problems"
SHOWN = "shown"
MOST_COMPARED = 5_000
"""Rows of a sheet in which moved rows are looked for; it takes the square of their number."""

_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Change:
    """One cell that the corrected copy changes; or a row or a tab that was hidden and is shown, or
    the other way round.
    """

    sheet: str | None
    cell: str  # `D17`; `row 17` and `the tab` where it is hidden or shown
    before: str
    after: str
    row: int | None = None  # of what is hidden or shown; 0 for the tab
    written: bool = True  # False: a row taken out or put in, which moves all cells below it
    told: bool = True  # False: a cell that is only moved


def mark(root: Path, file: str, book: ContactBook) -> Path:
    """Write the marked copy of one sheet and return its path."""
    path = root / file
    content = path.read_bytes()
    found = [problem for problem in book.problems if problem.file == file]
    workbook = _copy(path, content, [table for table in book.tables if table.file == file])
    for problem in found:
        _mark_cell(workbook, problem)
    target = path.with_name(f"_{path.name.rpartition('.')[0]}.marked.xlsx")
    _list(workbook, file, content, found, target.relative_to(root).as_posix())
    out = io.BytesIO()
    workbook.save(out)
    write.put(target, out.getvalue())
    return target


def _copy(path: Path, content: bytes, tables: Iterable[Table]) -> Workbook:
    """Return the sheet as a workbook: formats, drop-downs and comments survive; a CSV or ODS comes
    as plain text.
    """
    import openpyxl
    from openpyxl.styles import Font

    if path.suffix.lower() in (".xlsx", ".xlsm"):
        return openpyxl.load_workbook(io.BytesIO(content))  # without macros: the copy is data
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.worksheets[0])
    for table in tables:
        sheet = workbook.create_sheet(table.sheet or _tab_name(path.stem))
        for row, cells in table.rows:
            for column, text in enumerate(cells, start=1):
                if text:
                    _write(sheet, row, column, text)
                    if row == table.rows[0][0]:
                        sheet.cell(row, column).font = Font(bold=True)
        for column in sheet.columns:
            widest = max(len(str(cell.value or "")) for cell in column)
            sheet.column_dimensions[str(column[0].column_letter)].width = min(widest + 2, 44)
    return workbook


def _tab_name(stem: str) -> str:
    return re.sub(r"[\[\]:*?/\\']", " ", stem)[:31] or "Members"


def _write(sheet: Worksheet, row: int, column: int, text: str) -> None:
    """Write text that stays text, also where it begins with "="."""
    cell = sheet.cell(row, column)
    cell.value = legal(text)
    cell.data_type = "s"
    cell.number_format = "@"
    cell.quotePrefix = text.startswith(write.FORMULA)


def legal(text: str) -> str:
    """Return text as a workbook can hold it: XML 1.0 has no letters for control characters."""
    return _ILLEGAL.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))[:32_767]


def _fill(severity: Severity) -> PatternFill:
    """Return a colour and, for eyes that see none, a pattern."""
    from openpyxl.styles import PatternFill

    if severity is Severity.ERROR:
        return PatternFill("darkUp", fgColor="D9776C", bgColor="F4B6B0")
    if severity is Severity.WARNING:
        return PatternFill("lightUp", fgColor="B8860B", bgColor="FBE3A2")
    return PatternFill("gray0625", fgColor="6A8FBF", bgColor="D6E4F5")


def _place(workbook: Workbook, problem: Problem) -> tuple[Worksheet, str] | None:
    """Return tab and cell of a problem in the copy: a CSV has one tab, and `17:4` is D17 there."""
    from mailer.contacts.contact import reference

    tab = problem.sheet or next(iter(workbook.sheetnames))
    if tab not in workbook.sheetnames or not (problem.cell or problem.row):
        return None
    if problem.cell and ":" in problem.cell:
        row, _, column = problem.cell.partition(":")
        return workbook[tab], reference(int(column) - 1, int(row), grid=True)
    return workbook[tab], problem.cell or f"A{problem.row}"


def _mark_cell(workbook: Workbook, problem: Problem) -> None:
    from openpyxl.cell.cell import MergedCell
    from openpyxl.comments import Comment

    place = _place(workbook, problem)
    if place is None:
        return
    sheet, reference = place
    cell = sheet[reference]
    if isinstance(cell, MergedCell):
        area = next(area for area in sheet.merged_cells.ranges if reference in area)
        cell = sheet.cell(area.min_row, area.min_col)
    words = f"{problem.code}: {problem.message}. {problem.suggestion or ''}".strip()
    if cell.comment is None or problem.severity is Severity.ERROR:
        cell.fill = _fill(problem.severity)
    before = cell.comment.text if cell.comment else ""
    said = before if words in before else f"{before}\n\n{words}".strip()
    cell.comment = Comment(legal(said), "mailer", width=360, height=120)


def _list(
    workbook: Workbook, file: str, content: bytes, problems: list[Problem], target: str
) -> None:
    """Write the first tab: what is wrong, with a link to each cell."""
    from openpyxl.styles import Alignment, Font
    from openpyxl.worksheet.hyperlink import Hyperlink

    tab = workbook.create_sheet(FIRST_TAB)
    many = len(problems)
    for row, text in enumerate(
        (
            f"{many} {'thing' if many == 1 else 'things'} to look at in {file}",
            (
                "Correct the coloured cells in the other tabs; a click in column A leads there."
                " Save this file, then type:"
            ),
            f"mailer contacts accept {target}",
        ),
        start=1,
    ):
        _write(tab, row, 1, text)
    tab.cell(1, 1).font = Font(bold=True, size=14)
    tab.cell(3, 1).font = Font(name="Courier New")
    for column, heading in enumerate(
        ("Cell", "Code", "What is wrong", "What stands there", "What to do"), start=1
    ):
        _write(tab, 5, column, heading)
        tab.cell(5, column).font = Font(bold=True)
    for row, problem in enumerate(problems, start=6):
        place = _place(workbook, problem)
        where = f"{place[0].title}!{place[1]}" if place else file
        texts = (
            where,
            f"{problem.code} {problem.severity.value}",
            problem.message,
            problem.value,
            problem.suggestion or "",
        )
        for column, text in enumerate(texts, start=1):
            _write(tab, row, column, text)
            tab.cell(row, column).alignment = Alignment(wrap_text=True, vertical="top")
        tab.cell(row, 2).fill = _fill(problem.severity)
        if place:
            name = place[0].title.replace("'", "''")
            link = tab.cell(row, 1)
            link.hyperlink = Hyperlink(ref=link.coordinate, location=f"'{name}'!{place[1]}")
            tab.cell(row, 1).font = Font(underline="single", color="0B5394")
    last = 7 + many
    for row, (left, right) in enumerate(
        (("sheet", file), ("fingerprint", hashlib.sha256(content).hexdigest())), start=last
    ):
        _write(tab, row, 1, left)
        _write(tab, row, 2, right)
        tab.cell(row, 1).font = tab.cell(row, 2).font = Font(size=8, color="808080")
    for letter, width in zip("ABCDE", (24, 16, 52, 36, 48), strict=True):
        tab.column_dimensions[letter].width = width
    tab.freeze_panes = "A6"
    workbook.move_sheet(tab, -len(workbook.sheetnames) + 1)
    workbook.active = 0


# ----------------------------------------------------------------------------------------- and back


def accept(root: Path, marked: Path) -> tuple[str, list[Change], Path | None]:
    """Take a corrected copy back: return the sheet, the cells that changed, and the backup of what
    it was.

    Raises `Refused` when the sheet is not the one that the copy was made of, `MailerError` when the
    copy is none.
    """
    file, changes = compare(root, marked)
    if not changes:
        return file, [], None
    wanted = {(c.sheet or "", c.cell): c.after for c in changes if c.written and c.row is None}
    shown = {(c.sheet or "", c.row): c.after == SHOWN for c in changes if c.row is not None}
    return file, changes, write.set_cells(root / file, wanted, root / ".mailer" / "backups", shown)


def compare(root: Path, marked: Path) -> tuple[str, list[Change]]:
    """Return the sheet that a marked copy belongs to, and the cells in which it differs."""
    reading, _ = read(marked, marked.name)
    if reading.broken:
        raise MailerError(f"{marked.name} cannot be read", problems=reading.problems)
    first = next((table for table in reading.tables if table.sheet == FIRST_TAB), None)
    about = {cells[0]: cells[1] for _, cells in first.rows if len(cells) > 1} if first else {}
    file, fingerprint = about.get("sheet", ""), about.get("fingerprint", "")
    if not file or not fingerprint:
        hint = "make one with: mailer contacts check SHEET --marked"
        raise MailerError(
            f"{marked.name} is no marked copy: its tab {FIRST_TAB} is missing", hint=hint
        )
    path = (root / file).resolve()
    if not path.is_relative_to(root.resolve()) or not path.is_file():
        raise MailerError(f"{marked.name} belongs to {file}, which is not in this workspace")
    original, content = read(path, file)
    if hashlib.sha256(content).hexdigest() != fingerprint:
        message = f"{file} has changed since {marked.name} was made; nothing was written"
        raise Refused(message, hint=f"mailer contacts check {path.name} --marked makes a new copy")
    changes: list[Change] = []
    for table in original.tables:
        name = table.sheet or _tab_name(path.stem)
        new = next((t for t in reading.tables if t.sheet == name), None)
        if new is None:
            raise MailerError(
                f'the tab "{name}" is missing in {marked.name}',
                hint="put it back, or correct the sheet itself",
            )
        found, moved = _differences(table, new), _moved(table, new)
        changes += [*(replace(change, told=False) for change in found), *moved] if moved else found
        if path.suffix.lower() in (".xlsx", ".xlsm"):  # the copy of an ODS shows everything
            changes += _shown(table, new)
    return file, changes


def _moved(table: Table, new: Table) -> list[Change]:
    """Say which rows were taken out or put in, and what else changed, where rows below them have
    moved.
    """
    before, after = (
        [(number, [trim(legal(cell)) for cell in cells]) for number, cells in one.rows]
        for one in (table, new)
    )
    if len(before) == len(after) or len(before) > MOST_COMPARED:
        return []
    found: list[Change] = []
    pairs = SequenceMatcher(
        None, [_filled(cells) for _, cells in before], [_filled(cells) for _, cells in after], False
    )
    steps = pairs.get_opcodes()
    if not any(kind == "equal" and before[a][0] != after[c][0] for kind, a, _, c, _ in steps):
        return []  # new people below the last one move nobody
    for kind, a, b, c, d in steps:
        if kind != "equal" and b - a == d - c:
            for (_, was), (row, now) in zip(before[a:b], after[c:d], strict=True):
                found += [
                    Change(table.sheet, table.cell(column, row), old, cell, written=False)
                    for column, (old, cell) in enumerate(zip_longest(was, now, fillvalue=""))
                    if old != cell
                ]
        elif kind != "equal":
            found += [
                Change(table.sheet, f"row {row}", " · ".join(_filled(was)), "", written=False)
                for row, was in before[a:b]
            ]
            found += [
                Change(table.sheet, f"row {row}", "", " · ".join(_filled(now)), written=False)
                for row, now in after[c:d]
            ]
    return found


def _filled(cells: Iterable[str]) -> tuple[str, ...]:
    return tuple(filter(None, cells))


def _shown(table: Table, new: Table) -> list[Change]:
    """Return the tab and the rows that were hidden and are shown, or the other way round."""
    words = {True: "hidden", False: SHOWN}
    found = []
    if table.hidden_tab != new.hidden_tab:
        found.append(
            Change(table.sheet, "the tab", words[table.hidden_tab], words[new.hidden_tab], 0)
        )
    there = {number for number, _ in table.rows} & {number for number, _ in new.rows}
    found += [
        Change(table.sheet, f"row {row}", words[row in table.hidden], words[row in new.hidden], row)
        for row in sorted((table.hidden ^ new.hidden) & there)
    ]
    return found


def _differences(table: Table, new: Table) -> list[Change]:
    before, after = dict(table.rows), dict(new.rows)
    found: list[Change] = []
    for row in sorted(before.keys() | after.keys()):
        old, now = before.get(row, ()), after.get(row, ())
        for column in range(max(len(old), len(now))):
            was = old[column] if column < len(old) else ""
            is_now = now[column] if column < len(now) else ""
            cell = new.cell(column, row)
            # The value of a formula is only known after a spreadsheet program saved it.
            formula = cell in new.formulas and (cell in table.formulas or not is_now)
            if trim(legal(was)) != trim(is_now) and not formula and cell not in new.merged:
                found.append(Change(table.sheet, table.cell(column, row), was, trim(is_now)))
    return found
