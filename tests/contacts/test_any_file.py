"""Facts about any file: it costs one page, linear in its bytes, and what a cell shows is what is
read.
"""

from __future__ import annotations

import datetime
import io
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter

from mailer.actions.sheets import check
from mailer.base.errors import Refused
from mailer.base.settings.workspace import load_workspace
from mailer.contacts import limited_process
from mailer.contacts.book import load_contacts
from mailer.contacts.edit import marked_copy
from mailer.contacts.sheets import apart
from mailer.contacts.sheets.columns import Columns
from mailer.contacts.sheets.reader import read_bytes
from mailer.contacts.sheets.shown.number_format import shown
from mailer.contacts.sheets.table import Reading
from mailer.contacts.sheets.xlsx import numbers_of
from tests.contacts import test_offices
from tests.helpers.steps import steps
from tests.helpers.workspaces import a_workspace

CONTENT = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-'
    'types"><Default Extension="xml" ContentType="application/xml"/></Types>'
)
BOOK = (
    '<workbook xmlns:r="r"><sheets><sheet name="Members" sheetId="1" r:id="rId1"/></sheets>'
    "</workbook>"
)
RELS = '<Relationships><Relationship Id="rId1" Target="worksheets/sheet1.xml"/></Relationships>'


def workbook_of(sheet: str, **more: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("[Content_Types].xml", CONTENT)
        book.writestr("xl/workbook.xml", BOOK)
        book.writestr("xl/_rels/workbook.xml.rels", RELS)
        book.writestr("xl/worksheets/sheet1.xml", sheet)
        for name, part in more.items():
            book.writestr(name.replace("__", "/"), part)
    return out.getvalue()


def worksheet(rows: str, behind: str = "") -> str:
    return f"<worksheet><sheetData>{rows}</sheetData>{behind}</worksheet>"


HOSTILE: dict[str, Callable[[int], tuple[str, bytes]]] = {
    "cells without an end": lambda n: (
        ".xlsx", workbook_of("<worksheet><sheetData><c r='A1'" + " <c" * n),
    ),
    "blanks in a tag": lambda n: (".xlsx", workbook_of(worksheet(f"<row {' ' * n} r='1'></row>"))),
    "many tags of one name": lambda n: (
        ".xlsx", workbook_of(worksheet("<c " + "r='A1'/><c " * n + "/>")),
    ),
    "links without a target": lambda n: (
        ".xlsx",
        workbook_of(worksheet("", f"<hyperlinks>{'<hyperlink/>' * n}</hyperlinks>")),
    ),
    "dots and no address": lambda n: (".csv", b"Name,E-mail\n\xe9," + b"a." * n + b"\n"),
    "one long word": lambda n: (".csv", b"Name,E-mail\n\xe9" + b"x" * n + b",a@b\n"),
    "quotation marks": lambda n: (".csv", b"Name,E-mail\n" + b'"a""b",c\n' * (n // 8)),
    "lines of one sign": lambda n: (".csv", b"Name,E-mail\n" + b"\xe9\n" * (n // 2)),
}  # fmt: skip


def processor(kind: str, content: bytes) -> float:
    """Return the least processor time of three readings, in seconds."""
    least = 1e9
    for _ in range(3):
        began = time.process_time()
        read_bytes(kind, f"a{kind}", content)
        least = min(least, time.process_time() - began)
    return least


@pytest.mark.parametrize("what", HOSTILE)
def test_reading_is_linear_in_the_bytes(what: str) -> None:
    """Eight times the bytes take about eight times as long; a square would take 64 times."""
    kind, small = HOSTILE[what](10_000)
    _, big = HOSTILE[what](80_000)
    assert processor(kind, big) < 0.05 + 20 * processor(kind, small)


def test_one_filled_row_of_an_ods_stands_for_no_199_000_people() -> None:
    office = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"
    content = (
        f'<office:document-content xmlns:office="{office}"'
        ' xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
        ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body>'
        '<office:spreadsheet><table:table table:name="Norway"><table:table-row'
        ' table:number-rows-repeated="199000"><table:table-cell><text:p>a@no.example</text:p>'
        "</table:table-cell></table:table-row></table:table></office:spreadsheet></office:body>"
        "</office:document-content>"
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as book:
        book.writestr("content.xml", content)
    assert [p.code for p in read_bytes(".ods", "a.ods", out.getvalue()).problems] == ["C014"]


def test_a_file_is_read_by_a_child_and_the_same_comes_back() -> None:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        tab = book.add_worksheet("Norway")
        tab.write_row(0, 0, ["Name", "E-mail", "Since"])
        tab.write_row(1, 0, ["Anna PRØVE", "anna@no.example"])
        day = book.add_format({"num_format": "dd.mm.yyyy"})
        tab.write_datetime(1, 2, datetime.date(2027, 3, 4), day)
        tab.set_row(1, None, None, {"hidden": True})
        tab.merge_range("A4:A5", "merged")
    content = out.getvalue()
    here = read_bytes(".xlsx", "a.xlsx", content, 200)
    there = apart.read_safely("a.xlsx", content, 200)
    assert there.tables[0].days == {"C2": "2027-03-04"}
    assert _plain(here) == _plain(there)
    broken = apart.read_safely("a.xlsx", content[:-50], 200)
    assert [p.code for p in broken.problems] == ["C002"]


def _plain(reading: Reading) -> list[object]:
    return [
        (
            [(number, list(cells)) for number, cells in t.rows],
            t.hidden,
            dict(t.links),
            dict(t.merged),
        )
        for t in reading.tables
    ]


def test_a_child_that_takes_too_much_is_ended_and_the_file_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(apart, "SECONDS", 0)
    content = b"Name,E-mail\n" + b"Anna,a@no.example\n" * 200_000
    (given_up,) = apart.read_safely("contacts/a.csv", content, 4_000).problems
    assert (given_up.code, given_up.file) == ("C014", "contacts/a.csv")
    assert "given up" in given_up.message


def test_a_copy_that_takes_too_much_is_given_up_and_the_others_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Merged cells over a million others: 12 kB that the library for copies takes long for."""
    workspace = load_workspace(a_workspace(tmp_path, 25))
    merged = openpyxl.Workbook()
    tab = merged.worksheets[0]
    tab.append(["Name", "E-mail"])
    tab.append(["Anna PRØVE", "anna@"])
    for at in range(999):
        tab.merged_cells.add(f"D{2 + 999 * at}:D{1_000 + 999 * at}")
    merged.save(tmp_path / "contacts" / "a.xlsx")
    done = check.check(workspace)
    assert not done.book.broken
    monkeypatch.setattr(marked_copy, "SECONDS", 4)
    with pytest.raises(Refused, match=r"a\.xlsx.* more than 4 seconds, or too much memory"):
        check.marked(workspace, done)
    made = sorted(path.name for path in (tmp_path / "contacts").glob("_*"))
    assert made == ["_members.marked.xlsx"]


def test_one_child_reads_file_after_file_and_another_takes_its_place() -> None:
    """Each file has all of its time; a child that somebody ended is nobody's fault; what lies
    beside the sheets is never run.
    """
    content = b"Name,E-mail\nAnna,a@no.example\n"
    limited_process.end()
    assert apart.read_safely("a.csv", content).tables
    (first,) = limited_process._idle
    assert apart.read_safely("b.csv", content).tables[0].file == "b.csv"
    assert limited_process._idle == [first]
    first._process.kill()
    first._process.wait()
    assert apart.read_safely("c.csv", content).tables
    assert limited_process._idle == [first]


def test_a_child_that_was_started_ahead_is_the_one_that_is_asked() -> None:
    limited_process.end()
    for _ in range(2):
        limited_process.get_ready("mailer.contacts.sheets.apart:get_ready")
    (first,) = limited_process._idle
    assert apart.read_safely("a.csv", b"Name,E-mail\nAnna,a@no.example\n").tables
    assert limited_process._idle == [first]
    assert first._process.poll() is None


def test_a_link_is_no_sheet_and_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "contacts").mkdir()
    (tmp_path / "elsewhere.csv").write_text("Name,E-mail\nAnna PRØVE,a@x.example\n", "utf-8")
    (tmp_path / "contacts" / "norway.csv").symlink_to(tmp_path / "elsewhere.csv")
    book = load_contacts(tmp_path)
    assert book.broken == ("contacts/norway.csv",)
    assert [(p.code, p.message) for p in book.problems] == [
        ("C001", "this is a link to another file")
    ]
    assert not book.contacts


def test_a_child_never_runs_what_lies_in_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited_process.end()
    (tmp_path / "csv.py").write_text("open('ran', 'w')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert apart.read_safely("a.csv", b"Name,E-mail\nAnna,a@no.example\n").tables
    limited_process.end()
    assert not Path("ran").exists()


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        (0.125, "0.0%", "12.5%"),
        (0.125, "0%", "12%"),
        (34.3, '#,##0.00 "€"', "34.30 €"),
        (1234567.5, "#,##0.00", "1,234,567.50"),
        (1234.5, "[$€-407] #,##0.00", "€ 1,234.50"),
        (49.0, "0000", "0049"),
        (7.0, "General", "7"),
        (0.1, "", "0.1"),
        (1e15, "General", "1000000000000000"),
        (46450.0, "dd.mm.yyyy", "04.03.2027"),
        (46450.0, "d mmmm yyyy", "4 March 2027"),
        (46450.604166666664, "dd/mm/yy hh:mm", "04/03/27 14:30"),
        (0.6041666666666666, "hh:mm", "14:30"),
        (0.6041666666666666, "h:mm AM/PM", "2:30 PM"),
        (0.6041666666666666, "hh:mm:ss", "14:30:00"),
        (-5.0, "0;(0)", "(5)"),
        (-5.5, "0.0", "-5.5"),
        (1234.0, '"No. "0', "No. 1234"),
    ],
)
def test_a_number_is_read_as_it_is_shown(value: float, code: str, text: str) -> None:
    assert shown(value, code) == text


def test_cells_say_what_they_show(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    tab = book.worksheets[0]
    tab.title = "Norway"
    tab.append(["Name", "E-mail", "Since", "Share", "Fee", "Time", "Flag", "Room", "Until"])
    since, clock = datetime.date(2027, 3, 4), datetime.time(14, 30)
    until = datetime.date(2026, 1, 2)
    tab.append(["Anna PRØVE", "anna@no.example", since, 0.125, 34.3, clock, True, 49, until])
    formats = {"C2": "dd.mm.yyyy", "D2": "0.0%", "E2": '#,##0.00 "€"', "F2": "hh:mm", "H2": "0000"}
    for cell, code in (formats | {"I2": "d/m/yy"}).items():
        tab[cell].number_format = code
    (tmp_path / "contacts").mkdir()
    book.save(tmp_path / "contacts" / "a.xlsx")
    (anna,) = load_contacts(tmp_path, today=datetime.date(2026, 11, 25)).contacts
    assert anna.extra == {
        "Since": "04.03.2027",
        "Share": "12.5%",
        "Fee": "34.30 €",
        "Time": "14:30",
        "Flag": "TRUE",
        "Room": "0049",
        "Until": "2/1/26",
    }
    assert anna.problem is not None
    assert anna.problem.code == "C150"  # the day itself is read, not what it looks like


def test_a_csv_says_what_a_spreadsheet_program_shows(tmp_path: Path) -> None:
    (tmp_path / "contacts").mkdir()
    lines = 'Name,E-mail,Room\n"=""Anna PRØVE""",="a@no.example",="0049"\n'
    (tmp_path / "contacts" / "norway.csv").write_text(lines, encoding="utf-8")
    (anna,) = load_contacts(tmp_path).contacts
    assert (anna.name, anna.address, anna.extra) == ("Anna PRØVE", "a@no.example", {"Room": "0049"})


def test_a_row_of_error_values_is_accounted_for() -> None:
    rows = (
        '<row r="1"><c r="A1" t="str"><v>Name</v></c><c r="B1" t="str"><v>E-mail</v></c></row>'
        '<row r="2"><c r="A2" t="e"><v>#N/A</v></c><c r="B2" t="e"><v>#REF!</v></c></row>'
    )
    (table,) = read_bytes(".xlsx", "a.xlsx", workbook_of(worksheet(rows))).tables
    assert table.rows[1] == (2, ["#N/A", "#REF!"])


def test_parts_under_other_names_and_of_power_query_are_no_alarm() -> None:
    rows = '<row r="1"><c r="A1" t="str"><v>Name</v></c></row>'
    query = "<?xml version='1.0' encoding='utf-16'?><a/>"
    content = workbook_of(worksheet(rows), customXml__item1=query)
    assert not read_bytes(".xlsx", "a.xlsx", content).problems
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as book, zipfile.ZipFile(out, "w") as other:
        for name in book.namelist():
            other.writestr(name.replace("/", "\\"), book.read(name))
    assert len(read_bytes(".xlsx", "a.xlsx", out.getvalue()).tables) == 1


def test_a_second_count_of_a_workbooks_rows_finds_no_other_number(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    tab = book.worksheets[0]
    for row in range(1, 60):
        if row % 7:
            tab.append([f"a{row}", row, None, "#N/A" if row % 5 else None])
        else:
            tab.append([None, None])
    out = io.BytesIO()
    book.save(out)
    (table,) = read_bytes(".xlsx", "a.xlsx", out.getvalue()).tables
    made = openpyxl.load_workbook(io.BytesIO(out.getvalue())).worksheets[0]
    assert len(table.rows) == sum(any(row) for row in made.iter_rows(values_only=True))


def test_cells_beyond_the_last_column_refuse_the_file() -> None:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        book.add_worksheet().write(0, 300, "far")
    assert [p.code for p in read_bytes(".xlsx", "a.xlsx", out.getvalue()).problems] == ["C014"]


def _rows(count: int) -> list[list[str]]:
    people = [[f"Anna PRØVE{'x' * (at % 7)}", f"a{at}@no.example", "12"] for at in range(count)]
    return [["Name", "E-mail", "Since"], *people]


def _csv_of(count: int) -> bytes:
    return "".join(",".join(row) + "\n" for row in _rows(count)).encode("cp1252")


def _xlsx_of(count: int) -> bytes:
    cells = "".join(
        "<row>" + "".join(f'<c t="str"><v>{cell}</v></c>' for cell in row) + "</row>"
        for row in _rows(count)
    )
    links = "".join(f'<hyperlink ref="B{at}"/>' for at in range(count))
    merges = "".join(f'<mergeCell ref="A{at}:A{at + 1}"/>' for at in range(2, count, 2))
    return workbook_of(worksheet(cells, f"<mergeCells>{merges}</mergeCells>{links}"))


def _ods_of(count: int) -> bytes:
    return test_offices.ods(_rows(count), "Norway")


@pytest.mark.parametrize(
    ("kind", "make"), [(".csv", _csv_of), (".xlsx", _xlsx_of), (".ods", _ods_of)]
)
def test_twice_the_rows_take_twice_the_steps(kind: str, make: Callable[[int], bytes]) -> None:
    read_bytes(kind, f"a{kind}", make(300))
    one, two = (steps(partial(read_bytes, kind, f"a{kind}", make(count))) for count in (300, 600))
    assert one > 300
    assert two < 2.2 * one


@pytest.mark.parametrize(
    "behind",
    [
        '<mergeCells><mergeCell ref="D1:XFD1048576"/></mergeCells>',
        '<hyperlinks><hyperlink ref="D1:XFD1048576" location="x"/></hyperlinks>',
        "<mergeCells>" + '<mergeCell ref="D1:XFD40"/>' * 5 + "</mergeCells>",
        "<hyperlinks>" + '<hyperlink ref="D1" location="x"/>' * 66_000 + "</hyperlinks>",
    ],
)
def test_areas_over_millions_of_cells_refuse_the_file(behind: str) -> None:
    """A copy would be marked for hours: its library writes each of them."""
    rows = '<row r="1"><c r="A1" t="str"><v>Name</v></c></row>'
    content = workbook_of(worksheet(rows, behind))
    assert [p.code for p in read_bytes(".xlsx", "a.xlsx", content).problems] == ["C014"]


def test_a_styled_cell_in_the_last_corner_costs_nothing_on_the_way_home(tmp_path: Path) -> None:
    rows = (
        '<row r="1"><c r="A1" t="str"><v>Name</v></c><c r="B1" t="str"><v>E-mail</v></c></row>'
        '<row r="2"><c r="A2" t="str"><v>Anna</v></c><c r="B2"><v>7</v></c></row>'
        '<row r="1048576"><c r="XFD1048576" s="0"/></row>'
    )
    content = workbook_of(worksheet(rows))
    assert steps(lambda: numbers_of(content)) < 2_000
    assert numbers_of(content) == {"Members": {(2, 1): 7.0}}


def test_columns_that_rows_leave_out_count_as_cells() -> None:
    """A file of 100 kB would be 49 million cells."""
    far = "".join(f'<row><c r="IV{at}" t="str"><v>a</v></c></row>' for at in range(1, 20_000))
    content = workbook_of(worksheet(far))
    assert len(content) < 200_000
    assert [p.code for p in read_bytes(".xlsx", "a.xlsx", content).problems] == ["C014"]
    near = "".join(f'<row><c r="Z{at}" t="str"><v>a</v></c></row>' for at in range(1, 2_000))
    assert not read_bytes(".xlsx", "a.xlsx", workbook_of(worksheet(near))).problems


def test_a_part_of_two_tabs_is_read_once_and_refused() -> None:
    """Two thousand tabs of one part take two thousand times as long as their bytes say."""
    out = io.BytesIO()
    tabs = "".join(f'<sheet name="M{at}" sheetId="{at}" r:id="rId1"/>' for at in range(2_000))
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr(
            "xl/workbook.xml", f'<workbook xmlns:r="r"><sheets>{tabs}</sheets></workbook>'
        )
        book.writestr("xl/_rels/workbook.xml.rels", RELS)
        book.writestr("xl/worksheets/sheet1.xml", worksheet("<row><c t='str'><v>a</v></c></row>"))
    (refused,) = read_bytes(".xlsx", "a.xlsx", out.getvalue()).problems
    assert (refused.code, refused.value) == ("C016", "M1")


@pytest.mark.parametrize("code", ["0." + "0" * 250, "d;" * 100_000, "mm-ss" * 50, '"' * 255])
def test_a_number_format_costs_what_it_is_long(code: str) -> None:
    """No program takes more than 255 signs of a format, or shows more than 30 decimals."""
    assert len(shown(45_000.5, code)) < 1_000
    assert steps(lambda: shown(45_001.5, code)) < 2_000


def _strays(count: int) -> bytes:
    rows = [f"Anna B{at},NO,a@parliament{count}{at // 4}.example" for at in range(4 * count)]
    rows += [f"Anna C{at},NO,c@parliamentt{count}{at}.example" for at in range(count)]
    rows += [f"Anna D{at},NO,d{at}@parliament{count}" for at in range(count)]  # "did you mean"
    return ("\n".join(["Name,Delegation,E-mail", *rows]) + "\n").encode()


def test_eight_times_the_domains_take_eight_times_as_long(tmp_path: Path) -> None:
    """A list of 60,000 with as many domains took minutes: each was compared with all others."""

    def people(count: int) -> float:
        folder = tmp_path / str(count) / "contacts"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "a.csv").write_bytes(_strays(count))
        began = time.process_time()
        load_contacts(folder.parent)
        return time.process_time() - began

    people(10)
    assert people(2_000) < 0.1 + 12 * people(250)


def test_of_many_blocks_the_one_of_a_row_is_found_without_a_look_at_all() -> None:
    bare = Columns(0, {}, {}, ())
    blocks = tuple((row, replace(bare, at=row)) for row in range(2, 40_002, 2))
    columns = replace(bare, blocks=blocks)
    began = time.process_time()
    found = [columns.of(row).at for row in range(1, 4_000)]
    assert time.process_time() - began < 0.5
    assert found[:6] == [0, 2, 2, 4, 4, 6]


def test_a_merged_cell_over_every_row_is_no_square() -> None:
    """Five thousand cells that each reach down a thousand rows took 25 seconds of a 13 kB file."""
    office = "urn:oasis:names:tc:opendocument:xmlns:"
    cell = '<table:table-cell table:number-rows-spanned="100000"><text:p>x</text:p>'
    body = f"<table:table-row>{cell}</table:table-cell></table:table-row>" * 5_000
    content = (
        f'<office:document-content xmlns:office="{office}office:1.0"'
        f' xmlns:table="{office}table:1.0" xmlns:text="{office}text:1.0"><office:body>'
        f'<office:spreadsheet><table:table table:name="Norway">{body}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("content.xml", content)
    assert [p.code for p in read_bytes(".ods", "a.ods", out.getvalue()).problems] == ["C014"]


def test_a_format_of_four_hundred_percents_shows_the_number() -> None:
    assert shown(0.5, "0" + "%" * 400) == "0.5"
