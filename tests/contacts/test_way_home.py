"""Facts about the way home: whatever hangs on the rows of a sheet, and whatever staff do to the
rows of its copy, the people of the result are those of the copy; else nothing is written.

Each sheet is dirty by design and each edit is what a spreadsheet program does: rows move with their
merged cells, links and hidden rows. The proof here is another one than the product's own: people
are read from sheet and copy by a library, and compared person by person.
"""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import random
import re
import shutil
import subprocess
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from openpyxl.comments import Comment
from openpyxl.formatting.rule import FormulaRule
from openpyxl.styles import PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet
from PIL import Image

from mailer.base.errors import MailerError, Refused
from mailer.contacts.book import ContactBook, load_contacts
from mailer.contacts.edit.alignment import RowHome, TabHome, moved_range
from mailer.contacts.edit.marked_copy import mark
from mailer.contacts.edit.take_home import accept
from tests.contacts import test_offices

STATES = {"Norway": 3, "Latvia": 2, "Portugal": 3, "Poland": 1}
NAMES = (
    "Per Berg", "Eva Lund", "Tone Dahl", "Ilze Ozola", "Anna Liepa", "Rui Costa", "Rita Alves",
    "Ana Dias", "Jan Wzor",
)  # fmt: skip
EDITS = (
    "correct",
    "delete",
    "delete first",
    "delete last",
    "insert",
    "append",
    "move",
    "sort",
    "hide",
)
HANGING = ("merges", "links", "hidden", "validation", "comments", "filter", "title", "numbers")


@dataclass(frozen=True)
class Case:
    kind: str  # xlsx, ods, csv
    has: frozenset[str]
    edits: tuple[str, ...]
    seed: int

    def __str__(self) -> str:
        return f"{self.kind} {'+'.join(sorted(self.has))} {'+'.join(self.edits)} {self.seed}"


def cases(count: int) -> list[Case]:
    """Return that many different cases, each kind, thing and edit as often as the others."""
    rng = random.Random(12)
    found: dict[str, Case] = {}
    pairs = list(itertools.product(("xlsx", "xlsx", "ods", "csv"), EDITS))
    while len(found) < count:
        for kind, edit in pairs:
            has = frozenset(rng.sample(HANGING, rng.randrange(len(HANGING) + 1)))
            edits = (edit, *rng.sample(EDITS, rng.randrange(3)))
            case = Case(kind, has, edits, rng.randrange(10_000))
            found.setdefault(str(case), case)
    return list(found.values())[:count]


def people(case: Case) -> list[list[str]]:
    names = iter(NAMES)
    rows = []
    for state, many in STATES.items():
        for _ in range(many):
            name = next(names)
            address = f"{name.lower().replace(' ', '.')}@{state.lower()}.example"
            rows.append([state, name, address, str(100 + len(rows))])
    rows[1][2] = "eva.lund@norway"  # the error that the check names
    return rows


HEAD = ["Country", "Name", "E-mail", "Telephone"]


def make(root: Path, case: Case) -> str:
    (root / "contacts").mkdir()
    rows = people(case)
    above = [["Members of 2026", "", "", ""]] if "title" in case.has else []
    if case.kind == "csv":
        out = io.StringIO()
        csv.writer(out).writerows([*above, HEAD, *rows])
        (root / "contacts" / "list.csv").write_text(out.getvalue(), encoding="utf-8")
        return "contacts/list.csv"
    if case.kind == "ods":
        (root / "contacts" / "list.ods").write_bytes(ods([*above, HEAD, *rows], case))
        return "contacts/list.ods"
    book = openpyxl.Workbook()
    tab = book.worksheets[0]
    tab.title = "Members"
    for row in [*above, HEAD, *rows]:
        tab.append(row)
    first = len(above) + 2
    last = first + len(rows) - 1
    if "numbers" in case.has:
        for row in range(first, last + 1):
            tab.cell(row, 4).value = int(str(tab.cell(row, 4).value))
            tab.cell(row, 4).number_format = "0000"
    if "links" in case.has:
        for row in range(first, last + 1):
            tab.cell(row, 3).hyperlink = f"mailto:{tab.cell(row, 3).value}"
    if "merges" in case.has:
        at = first
        for many in STATES.values():
            if many > 1:
                tab.merge_cells(start_row=at, end_row=at + many - 1, start_column=1, end_column=1)
            at += many
    if "hidden" in case.has:
        tab.row_dimensions[first + 3].hidden = True
    if "validation" in case.has:
        rule = DataValidation("list", formula1='"a,b"')
        rule.add(f"E{first}:E{last}")
        tab.add_data_validation(rule)
        marker = FormulaRule(formula=["FALSE"], fill=PatternFill("solid", fgColor="FF0000"))
        tab.conditional_formatting.add(f"B{first}:B{last}", marker)
    if "comments" in case.has:
        for row in (first, first + 4):
            tab.cell(row, 2).comment = Comment(f"of {tab.cell(row, 2).value}", "Ilse")
    if "filter" in case.has:
        tab.auto_filter.ref = f"A{first - 1}:D{last}"
    book.save(root / "contacts" / "list.xlsx")
    return "contacts/list.xlsx"


def ods(rows: list[list[str]], case: Case) -> bytes:
    from odf.opendocument import OpenDocumentSpreadsheet
    from odf.table import CoveredTableCell, Table, TableCell, TableRow
    from odf.text import A, P

    document = OpenDocumentSpreadsheet()
    table = Table(name="Members")
    spans: dict[int, int] = {}
    at = len(rows) - sum(STATES.values())
    if "merges" in case.has:
        for many in STATES.values():
            spans[at] = many
            at += many
    covered: set[int] = {n + k for n, many in spans.items() for k in range(1, many)}
    for number, cells in enumerate(rows):
        line = TableRow()
        for column, text in enumerate(cells):
            if column == 0 and number in covered:
                line.addElement(CoveredTableCell())
                continue
            cell = TableCell(valuetype="string")
            if column == 0 and spans.get(number, 1) > 1:
                cell.setAttribute("numberrowsspanned", spans[number])
                cell.setAttribute("numbercolumnsspanned", 1)
            paragraph = P(text="" if "@" in text and "links" in case.has else text)
            if "@" in text and "links" in case.has:
                paragraph.addElement(A(href=f"mailto:{text}", text=text))
            cell.addElement(paragraph)
            line.addElement(cell)
        table.addElement(line)
    document.spreadsheet.addElement(table)
    out = io.BytesIO()
    document.write(out)
    return out.getvalue()


def edit(tab: Worksheet, edits: tuple[str, ...], first: int, rng: random.Random) -> None:
    """Do to the rows of a copy what a spreadsheet program does: all that hangs on them moves."""
    areas = [(a.min_row, a.max_row) for a in tab.merged_cells.ranges]
    for area in list(tab.merged_cells.ranges):
        tab.unmerge_cells(str(area))
    rows = []
    for number in range(first, tab.max_row + 1):
        cells = [tab.cell(number, column).value for column in range(1, 6)]
        state = next((tab.cell(a, 1).value for a, b in areas if a < number <= b), None)
        link = tab.cell(number, 3).hyperlink
        area = next(((a, b) for a, b in areas if a <= number <= b), None)
        rows.append([[state or cells[0], *cells[1:]], tab.row_dimensions[number].hidden,
                     link.target if link else None, area])  # fmt: skip
    for what in edits:
        at = rng.randrange(len(rows))
        if what == "correct":
            found = next((r for r in rows if r[0][2] == "eva.lund@norway"), None)
            if found:
                found[0][2] = "eva.lund@norway.example"
                found[2] = None if found[2] is None else "mailto:eva.lund@norway.example"
        elif what.startswith("delete"):
            del rows[{"delete": at, "delete first": 0, "delete last": len(rows) - 1}[what]]
        elif what in ("insert", "append"):
            place = at if what == "insert" else len(rows)
            word = chr(65 + rng.randrange(26)) + "ov"
            cells = ["Sweden", f"{word} Ny", f"{word.lower()}.ny@sweden.example", None, None]
            rows.insert(place, [cells, False, None, None])
        elif what == "move":
            rows.insert(rng.randrange(len(rows)), rows.pop(at))
        elif what == "sort":
            rows.sort(key=lambda row: str(row[0][1]))
        elif what == "hide":
            rows[at][1] = not rows[at][1]
    for row in tab.iter_rows(min_row=first, max_row=tab.max_row + 3, max_col=5):
        for cell in row:
            cell.value, cell.hyperlink = None, None
    tab._hyperlinks = []
    for number, (cells, hidden, link, _) in enumerate(rows, start=first):
        for column, value in enumerate(cells, start=1):
            tab.cell(number, column).value = value
        tab.row_dimensions[number].hidden = hidden
        if link:
            tab.cell(number, 3).hyperlink = link
            tab.cell(number, 3).value = cells[2]
    for number in range(first + len(rows), tab.max_row + 1):
        tab.row_dimensions[number].hidden = False
    at = 0
    while at < len(rows):  # an area reaches over those of its rows that stand together
        end = at
        while rows[at][3] and end + 1 < len(rows) and rows[end + 1][3] == rows[at][3]:
            end += 1
        if end > at:
            tab.merge_cells(start_row=first + at, end_row=first + end, start_column=1, end_column=1)
        at = end + 1


def seen(tab: Worksheet, first: int) -> list[tuple[str, ...]]:
    """Return the people of a tab as the library reads them: texts, hidden, link."""
    above: dict[int, object] = {}
    for area in tab.merged_cells.ranges:
        for row in range(area.min_row, area.max_row + 1):
            above[row] = tab.cell(area.min_row, 1).value
    found = []
    for number in range(first, tab.max_row + 1):
        cells = [tab.cell(number, column).value for column in range(1, 5)]
        cells[0] = above.get(number, cells[0])
        if any(cells):
            hidden = "hidden" if tab.row_dimensions[number].hidden else ""
            found.append((*(str(c or "") for c in cells), hidden))
    return found


def persons(book: ContactBook) -> list[tuple[str, ...]]:
    return [
        (c.delegation, c.name, c.address, c.extra.get("Telephone", "").lstrip("0"))
        for c in book.contacts
    ]


def play(root: Path, case: Case) -> str:
    """Mark, edit, take home; return "written" or why it was refused."""
    file = make(root, case)
    before = (root / file).read_bytes()
    copy = mark(root, file, load_contacts(root))
    book = openpyxl.load_workbook(copy)
    tab = book.worksheets[1]
    first = 3 if "title" in case.has else 2
    edit(tab, case.edits, first, random.Random(case.seed))
    want = seen(tab, first)
    comments = {
        c.value: c.comment.text for r in tab.iter_rows(min_row=first) for c in r if c.comment
    }
    book.save(copy)
    try:
        accept(root, copy)
    except Refused as refused:
        assert (root / file).read_bytes() == before
        return refused.message
    found = persons(load_contacts(root))
    codes = {"Norway": "NO", "Latvia": "LV", "Portugal": "PT", "Poland": "PL", "Sweden": "SE"}
    expected = [
        (codes[state], name, "" if address == "eva.lund@norway" else address, phone)
        for state, name, address, phone, _ in want
    ]
    assert found == expected, case
    if case.kind == "xlsx":
        made = openpyxl.load_workbook(root / file).worksheets[0]
        assert seen(made, first) == want, case
        hangs(made, case, first, len(want), comments)
    return "written"


def hangs(tab: Worksheet, case: Case, first: int, many: int, comments: dict[object, str]) -> None:
    """Prove that what hung on the rows hangs on the same rows."""
    for row in tab.iter_rows(min_row=first):
        for cell in row:
            if cell.comment and "of " in cell.comment.text:
                assert cell.comment.text == f"of {cell.value}", case
            if cell.hyperlink and cell.hyperlink.target:
                assert cell.hyperlink.target == f"mailto:{cell.value}", case
            if "numbers" in case.has and cell.column == 4 and cell.value is not None:
                assert isinstance(cell.value, int), case
                assert cell.number_format == "0000", case
    last = first + many - 1
    if "validation" in case.has:
        (rule,) = tab.data_validations.dataValidation
        rows = {r for area in rule.sqref.ranges for r in range(area.min_row, area.max_row + 1)}
        assert rows <= set(range(first, last + 1)), case
    if "filter" in case.has:
        assert str(tab.auto_filter.ref).startswith(f"A{first - 1}:D"), case
        assert int(str(tab.auto_filter.ref).split(":")[1][1:]) <= last, case
    assert get_column_letter(1) == "A"


def run(tmp_path: Path, some: list[Case]) -> dict[str, int]:
    outcomes: dict[str, int] = {}
    for at, case in enumerate(some):
        root = tmp_path / str(at)
        root.mkdir()
        outcome = play(root, case)
        key = outcome if outcome == "written" else f"{case.kind} {outcome[:60]}"
        outcomes[key] = outcomes.get(key, 0) + 1
    return outcomes


@pytest.mark.parametrize("part", range(4))
def test_people_of_the_result_are_those_of_the_copy(tmp_path: Path, part: int) -> None:
    outcomes = run(tmp_path, cases(108)[part::4])
    assert outcomes["written"] == sum(outcomes.values()), outcomes


@pytest.mark.long
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("part", range(8))
def test_people_of_the_result_are_those_of_the_copy_in_2000_ways(tmp_path: Path, part: int) -> None:
    outcomes = run(tmp_path, cases(2_016)[part::8])
    assert outcomes["written"] == sum(outcomes.values()), outcomes


def test_a_copy_cannot_name_another_file(tmp_path: Path) -> None:
    """A "corrected" copy comes by mail: it must not choose what is written over."""
    case = Case("csv", frozenset(), (), 1)
    make(tmp_path, case)
    secret = tmp_path / "password.csv"
    secret.write_text("Name,E-mail\nAnna,a@no.example\n", encoding="utf-8")
    (tmp_path / "contacts" / "_hold.csv").write_text("address\nx@no.example\n", encoding="utf-8")
    copy = mark(tmp_path, "contacts/list.csv", load_contacts(tmp_path))
    for target in ("password.csv", "contacts/../password.csv", "contacts/_hold.csv", "/etc/hosts"):
        book = openpyxl.load_workbook(copy)
        first = book.worksheets[0]
        for row in first.iter_rows():
            if row[0].value == "sheet":
                row[1].value = target
            if row[0].value == "fingerprint":
                there = tmp_path / target
                row[1].value = hashlib.sha256(there.read_bytes()).hexdigest()
        other = tmp_path / "evil.xlsx"
        book.save(other)
        with pytest.raises(MailerError, match="no contact sheet here"):
            accept(tmp_path, other)
    assert secret.read_text(encoding="utf-8").startswith("Name")


OFFICE = shutil.which("soffice") or shutil.which("localc")


@pytest.mark.long
@pytest.mark.skipif(OFFICE is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize("kind", ["xlsx", "ods", "csv"])
def test_libreoffice_opens_and_saves_each_kind_and_nobody_is_lost(
    tmp_path: Path, kind: str
) -> None:
    case = Case(kind, frozenset(HANGING), ("correct", "delete", "insert"), 12)
    assert play(tmp_path, case) == "written"
    file = next(path for path in (tmp_path / "contacts").iterdir() if path.stem == "list")
    before = persons(load_contacts(tmp_path))
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    command = [
        OFFICE,
        profile,
        "--headless",
        "--convert-to",
        kind,
        "--outdir",
        tmp_path / "out",
        file,
    ]
    words = [str(word) for word in command]
    subprocess.run(words, check=True, capture_output=True, timeout=100)
    shutil.copy(tmp_path / "out" / file.name, file)
    assert persons(load_contacts(tmp_path)) == before


CALC = "urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"


def edited(root: Path, file: str, change: Callable[[Worksheet], None]) -> None:
    """Mark a sheet, change its copy, and take it home."""
    copy = mark(root, file, load_contacts(root))
    book = openpyxl.load_workbook(copy)
    change(book.worksheets[1])
    book.save(copy)
    accept(root, copy)


def test_filters_formats_and_formulas_of_an_ods_name_the_rows_that_they_named(
    tmp_path: Path,
) -> None:
    rows = [["Country", "Name", "E-mail", "Copy"]]
    for at, name in enumerate(NAMES[:5], start=2):
        address = f"{name.lower().replace(' ', '.')}@x.example"
        copied = (
            f'<table:table-cell table:formula="of:=[.C{at}]" office:value-type="string">'
            f"<text:p>{address}</text:p></table:table-cell>"
        )
        rows.append(["Norway", name, address, copied])
    with zipfile.ZipFile(io.BytesIO(test_offices.ods(rows, "Members"))) as book:
        text = book.read("content.xml").decode()
    text = text.replace(
        "</table:table>",
        f'<calcext:conditional-formats xmlns:calcext="{CALC}"><calcext:conditional-format'
        ' calcext:target-range-address="Members.B3:Members.B5"/></calcext:conditional-formats>'
        "</table:table><table:database-ranges><table:database-range"
        ' table:target-range-address="Members.A1:Members.D6"/></table:database-ranges>',
    )
    (tmp_path / "contacts").mkdir()
    sheet = tmp_path / "contacts" / "a.ods"
    with zipfile.ZipFile(sheet, "w") as book:
        book.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        book.writestr("content.xml", text)
        book.writestr("META-INF/manifest.xml", test_offices.MANIFEST)
    edited(tmp_path, "contacts/a.ods", lambda tab: tab.delete_rows(4))
    with zipfile.ZipFile(sheet) as book:
        text = book.read("content.xml").decode()
    assert re.findall(r'range-address="([^"]*)"', text) == [
        "Members.B3:Members.B4",
        "Members.A1:Members.D5",
    ]
    assert re.findall(r'formula="([^"]*)"', text) == [f"of:=[.C{row}]" for row in range(2, 6)]
    before = sheet.read_bytes()

    def apart(tab: Worksheet) -> None:  # a row of the format's area is moved away from it
        cells = [cell.value for cell in tab[3]]
        tab.delete_rows(3)
        tab.insert_rows(5)
        for column, value in enumerate(cells, start=1):
            tab.cell(5, column).value = value

    with pytest.raises(Refused, match="cannot"):
        edited(tmp_path, "contacts/a.ods", lambda tab: (apart(tab), tab.delete_rows(2))[0])
    assert sheet.read_bytes() == before


@pytest.mark.long
@pytest.mark.skipif(OFFICE is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize("kind", ["xlsx", "ods"])
def test_what_hangs_on_rows_is_there_when_libreoffice_opens_the_result(
    tmp_path: Path, kind: str
) -> None:
    (tmp_path / "contacts").mkdir()
    book = openpyxl.Workbook()
    tab = book.worksheets[0]
    tab.title = "Members"
    tab.append(["Country", "Name", "E-mail", "Copy", "Kind"])
    for at, name in enumerate(NAMES[:6], start=2):
        tab.append(["Norway" if at < 5 else "Latvia", name, f"a{at}@x.example", f"=C{at}"])
        tab.cell(at, 3).hyperlink = f"mailto:a{at}@x.example"
        tab.cell(at, 2).comment = Comment(f"of {name}", "Ilse")
    tab.merge_cells("A2:A4")
    tab.merge_cells("A5:A7")
    tab.row_dimensions[6].hidden = True
    rule = DataValidation("list", formula1='"a,b"')
    rule.add("E2:E7")
    tab.add_data_validation(rule)
    marker = FormulaRule(formula=["LEN($B2)>3"], fill=PatternFill("solid", bgColor="FF0000"))
    tab.conditional_formatting.add("B2:B7", marker)
    tab.auto_filter.ref = "A1:E7"
    made = tmp_path / "list.xlsx"
    book.save(made)

    def opened(file: Path, kind: str, folder: str) -> Path:
        profile = f"-env:UserInstallation=file://{tmp_path}/profile"
        command = [OFFICE, profile, "--headless", "--convert-to", kind, "--outdir", folder, file]
        words = [str(word) for word in command]
        subprocess.run(words, check=True, capture_output=True, timeout=200)
        return Path(folder) / f"{file.stem}.{kind}"

    sheet = tmp_path / "contacts" / f"list.{kind}"
    shutil.copy(opened(made, kind, str(tmp_path / "made")), sheet)
    edited(tmp_path, f"contacts/list.{kind}", lambda tab: deleted(tab, 3))
    assert [c.name for c in load_contacts(tmp_path).contacts] == [NAMES[0], *NAMES[2:6]]
    after = openpyxl.load_workbook(opened(sheet, "xlsx", str(tmp_path / "out"))).worksheets[0]
    for row in range(2, 7):
        name, address = after.cell(row, 2), after.cell(row, 3)
        assert name.comment is not None
        assert f"of {name.value}" in name.comment.text
        assert address.hyperlink is not None
        assert address.hyperlink.target == f"mailto:{address.value}"
        assert after.cell(row, 4).value == f"=C{row}"
        assert after.row_dimensions[row].hidden == (row == 5)
    assert {str(area) for area in after.merged_cells.ranges} == {"A2:A3", "A4:A6"}
    assert [str(one.sqref) for one in after.conditional_formatting] == ["B2:B6"]
    assert [str(one.sqref) for one in after.data_validations.dataValidation] == ["E2:E6"]
    assert str(after.auto_filter.ref) == "A1:E6"


def deleted(tab: Worksheet, row: int) -> None:
    """Delete a row as a spreadsheet program does: what hangs below moves up."""
    below = range(row + 1, tab.max_row + 1)
    hidden = [tab.row_dimensions[number].hidden for number in below]
    links = [link.hyperlink.target if (link := tab.cell(n, 3)).hyperlink else None for n in below]
    areas = [(a.min_row, a.max_row) for a in tab.merged_cells.ranges]
    states = {first: tab.cell(first, 1).value for first, _ in areas}
    for area in list(tab.merged_cells.ranges):
        tab.unmerge_cells(str(area))
    tab.delete_rows(row)
    for number, off, link in zip(below, hidden, links, strict=True):
        tab.row_dimensions[number - 1].hidden = off
        if link:
            tab.cell(number - 1, 3).hyperlink = link
    tab.row_dimensions[tab.max_row + 1].hidden = False
    for first, last in areas:
        top, bottom = first - (first > row), last - (last >= row)
        tab.cell(top, 1).value = states[first]
        tab.merge_cells(start_row=top, end_row=bottom, start_column=1, end_column=1)


def put_in(tab: Worksheet) -> None:
    """Put a person in the middle, and one below the last."""
    tab.insert_rows(3)
    for row, name in ((3, NAMES[4]), (tab.max_row + 1, NAMES[5])):
        for column, text in enumerate(("Norway", name, f"{row}@x.example"), start=1):
            tab.cell(row, column).value = text


def test_a_row_that_is_put_in_looks_like_those_around_it(tmp_path: Path) -> None:
    (tmp_path / "contacts").mkdir()
    sheet = tmp_path / "contacts" / "a.xlsx"
    book = openpyxl.Workbook()
    tab = book.worksheets[0]
    tab.append(["Country", "Name", "E-mail", "Since"])
    tab["A1"].font = openpyxl.styles.Font(bold=True)
    for at, name in enumerate(NAMES[:3], start=2):
        tab.append(["Norway", name, f"a{at}@x.example", None])
        tab.cell(at, 4).number_format = "dd.mm.yyyy"
        tab.cell(at, 2).border = openpyxl.styles.Border(left=openpyxl.styles.Side("thin"))
        tab.row_dimensions[at].height = 31
    book.save(sheet)
    edited(tmp_path, "contacts/a.xlsx", put_in)
    tab = openpyxl.load_workbook(sheet).worksheets[0]
    assert [tab.cell(row, 2).value for row in range(2, 7)] == [
        NAMES[0], NAMES[4], NAMES[1], NAMES[2], NAMES[5],
    ]  # fmt: skip
    for row in range(2, 7):
        assert tab.cell(row, 4).number_format == "dd.mm.yyyy", row
        assert tab.cell(row, 2).border.left.style == "thin", row
        assert tab.row_dimensions[row].height == 31, row
        assert not tab.cell(row, 1).font.bold, row


def test_a_row_that_is_put_into_an_ods_looks_like_those_around_it(tmp_path: Path) -> None:
    (tmp_path / "contacts").mkdir()
    sheet = tmp_path / "contacts" / "a.ods"
    rows = [["Country", "Name", "E-mail"]]
    rows += [["Norway", name, f"a{at}@x.example"] for at, name in enumerate(NAMES[:3])]
    with zipfile.ZipFile(io.BytesIO(test_offices.ods(rows, "Members"))) as book:
        text = book.read("content.xml").decode()
    head, body = text.split("</table:table-row>", 1)
    body = body.replace("<table:table-cell ", '<table:table-cell table:style-name="ce7" ')
    body = body.replace("<table:table-row>", '<table:table-row table:style-name="ro3">')
    with zipfile.ZipFile(sheet, "w") as book:
        book.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        book.writestr("content.xml", f"{head}</table:table-row>{body}")
        book.writestr("META-INF/manifest.xml", test_offices.MANIFEST)
    edited(tmp_path, "contacts/a.ods", put_in)
    with zipfile.ZipFile(sheet) as book:
        text = book.read("content.xml").decode()
    for name in (*NAMES[:3], NAMES[4], NAMES[5]):
        (row,) = re.findall(
            rf"<table:table-row[^>]*>(?:(?!</table:table-row>).)*{name}.*?</table:table-row>", text
        )
        assert 'table:style-name="ro3"' in row, row
        assert row.count('table:style-name="ce7"') == 3, row


def test_pictures_and_rules_for_this_row_go_with_their_rows(tmp_path: Path) -> None:
    """A portrait would stand beside somebody else, and a rule look at the row above."""
    (tmp_path / "contacts").mkdir()
    sheet = tmp_path / "contacts" / "a.xlsx"
    made = io.BytesIO()
    Image.new("RGB", (40, 18)).save(made, "PNG")
    portrait = made.getvalue()
    with xlsxwriter.Workbook(sheet) as book:
        tab = book.add_worksheet("Members")
        tab.write_row(0, 0, ["Country", "Name", "E-mail", "Portrait"])
        for at, name in enumerate(NAMES[:6], start=1):
            tab.write_row(at, 0, ["Norway", name, f"a{at}@x.example"])
            data = io.BytesIO(portrait)
            tab.insert_image(at, 3, f"{name}.png", {"image_data": data, "description": name})
        tab.insert_image(0, 6, "logo.png", {"image_data": io.BytesIO(portrait)})
        red = book.add_format({"bg_color": "red"})
        rule = {
            "type": "formula",
            "criteria": '=AND(LEN($B4)>3,$C$1<>"B4",$B$3<>"")',
            "format": red,
        }
        tab.conditional_format("B4:B7", rule)
        tab.data_validation("C4:C7", {"validate": "custom", "value": "=COUNTIF(C4,B4)=0"})
    edited(tmp_path, "contacts/a.xlsx", lambda tab: deleted(tab, 3))
    tab = openpyxl.load_workbook(sheet).worksheets[0]
    names = [tab.cell(row, 2).value for row in range(2, 7)]
    assert names == [NAMES[0], *NAMES[2:6]]
    (rules,) = tab.conditional_formatting
    assert (str(rules.sqref), rules.rules[0].formula) == (
        "B3:B6",
        ['AND(LEN($B3)>3,$C$1<>"B4",$B$3<>"")'],
    )
    (valid,) = tab.data_validations.dataValidation
    assert (str(valid.sqref), valid.formula1) == ("C3:C6", "COUNTIF(C3,B3)=0")
    with zipfile.ZipFile(sheet) as book:
        drawing = book.read("xl/drawings/drawing1.xml").decode()
    anchors = re.findall(
        r"<xdr:from>.*?<xdr:row>(\d+)<.*?<xdr:row>(\d+)<.*?descr=\"(.*?)\"", drawing
    )
    there = {name: (int(top), int(bottom)) for top, bottom, name in anchors}
    assert [there[name][0] for name in names] == [1, 2, 3, 4, 5]
    assert NAMES[1] not in there
    assert "<xdr:row>0</xdr:row>" in drawing


def test_twenty_thousand_rows_find_their_places_at_once() -> None:
    def rows(count: int) -> TabHome:
        homes = [RowHome(at - (at > 3), at) for at in range(2, count) if at != 3]
        return TabHome([*homes, RowHome(count, None)], [3])

    def work(home: TabHome) -> None:
        for row in home.rows:
            assert home.moves
            home.beside(row.number)
            if row.old:
                assert moved_range(row.old, row.old, home) == [(row.number, row.number)]
                moved_range(row.old, row.old + 1, home)

    began = time.process_time()
    work(rows(20_000))
    assert time.process_time() - began < 2
