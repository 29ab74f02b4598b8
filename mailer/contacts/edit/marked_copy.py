"""A copy of a sheet with every bad cell marked, for the people who correct it.

The copy is an XLSX beside the sheet, `_uk.marked.xlsx` (a name with "_" is never read as a contact
sheet). Its first tab lists the problems and links to the cells; each bad cell is coloured,
patterned for eyes that see no colour, and carries a comment. The way home is `take_home.py`.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from mailer.base.errors import Problem, Refused, Severity, notes_last
from mailer.base.files import put
from mailer.contacts import limited_process
from mailer.contacts.book import ContactBook
from mailer.contacts.edit import write
from mailer.contacts.sheets import apart
from mailer.contacts.sheets.table import Row

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.styles import PatternFill
    from openpyxl.worksheet.worksheet import Worksheet

FIRST_TAB = "_problems"
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


SECONDS = 10
ROWS_A_SECOND = 500
"""Time of the processor for a copy: 10 seconds, and one for each 500 rows of the sheet."""


def mark(root: Path, file: str, book: ContactBook) -> Path:
    """Write the marked copy of one sheet and return its path. Raises `Refused` for one that can be
    read, and not copied.
    """
    path = root / file
    found = notes_last(problem for problem in book.problems if problem.file == file)
    tables = [(table.sheet, table.rows) for table in book.tables if table.file == file]
    said = [
        (f"columns{f' of {sheet}' if sheet else ''}", columns.as_said())
        for (own, sheet), columns in book.columns.items()
        if own == file
    ]
    target = path.with_name(f"_{path.name.rpartition('.')[0]}.marked.xlsx")
    args = file, target.relative_to(root).as_posix(), tables, apart.packed_problems(found), said
    rows = sum(len(rows) for _, rows in tables)
    made = _in_a_child(path, args, SECONDS + rows // ROWS_A_SECOND, apart.limits(rows)[1])
    put(target, made)
    return target


def _in_a_child(path: Path, args: tuple[object, ...], seconds: int, memory: int) -> bytes:
    """Return the bytes of the copy. It is made in a child: the library that reads a workbook whole
    knows no limits.
    """
    function = f"{__name__}:{copies.__name__}"
    try:
        (made,) = limited_process.ask(
            function, path.read_bytes(), args, seconds=seconds, memory=memory
        )
    except limited_process.GivenUp:
        message = (
            f"There is no marked copy of {path.name}: it took more than {seconds} seconds, or too"
            " much memory."
        )
    else:
        if made:
            return bytes(made)
        message = f"There is no marked copy of {path.name}: this workbook cannot be written anew."
    raise Refused(message, hint="open it in your spreadsheet program and save it anew")


def copies(
    content: bytes,
    file: str,
    target: str,
    tables: Sequence[tuple[str | None, Sequence[Row]]],
    packed: Iterable[tuple[Any, ...]],
    said: Iterable[tuple[str, str]],
) -> Iterator[bytes]:
    """Yield the marked copy of a sheet; no bytes where the workbook cannot be written anew."""
    try:
        workbook = _copy(PurePath(file), content, tables)
        found = apart.unpacked_problems(packed)
        for problem in found:
            _mark_cell(workbook, problem)
        tab = _list(workbook, file, content, found, target)
        for at, (whose, columns) in enumerate(said, start=tab.max_row + 1):
            _write(tab, at, 1, whose)
            _write(tab, at, 2, columns)
        out = io.BytesIO()
        workbook.save(out)
    except Exception:  # whatever the library stumbles over
        yield b""
    else:
        yield out.getvalue()


def _copy(
    path: PurePath, content: bytes, tables: Iterable[tuple[str | None, Sequence[Row]]]
) -> Workbook:
    """Return the sheet as a workbook: formats, drop-downs and comments survive; a CSV or ODS comes
    as plain text.
    """
    import openpyxl
    from openpyxl.styles import Font

    if path.suffix.lower() in (".xlsx", ".xlsm"):
        return openpyxl.load_workbook(io.BytesIO(content))  # without macros: the copy is data
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.worksheets[0])
    for name, rows in tables:
        sheet = workbook.create_sheet(name or tab_name(path.stem))
        for row, cells in rows:
            for column, text in enumerate(cells, start=1):
                if text:
                    _write(sheet, row, column, text)
                    if row == rows[0][0]:
                        sheet.cell(row, column).font = Font(bold=True)
        for column in sheet.columns:
            widest = max(len(str(cell.value or "")) for cell in column)
            sheet.column_dimensions[str(column[0].column_letter)].width = min(widest + 2, 44)
    return workbook


def tab_name(stem: str) -> str:
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
) -> Worksheet:
    """Write the first tab: what is wrong, with a link to each cell."""
    from openpyxl.styles import Alignment, Font
    from openpyxl.worksheet.hyperlink import Hyperlink

    tab: Worksheet = workbook.create_sheet(FIRST_TAB)
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
    return tab
