"""Facts about what workbooks of offices hold beside people: small drawings, sums, groups, charts.

A corrected copy goes home with all of it, or is refused with the reason; nobody stands beside
somebody else's drawing.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from openpyxl.worksheet.worksheet import Worksheet
from xlsxwriter.worksheet import Worksheet as Tab

from mailer.base.errors import Refused
from mailer.contacts.book import load_contacts
from mailer.contacts.edit import fix
from mailer.contacts.edit.marked_copy import mark
from mailer.contacts.edit.take_home import accept
from tests.contacts.test_struck import OFFICE

pytestmark = pytest.mark.filterwarnings("ignore:.*extension is not supported")

HEAD = ["Country", "Name", "E-mail", "Telephone", "Letters", "Answers"]
GIVEN = ("Anna", "Berit", "Cato", "Dag", "Ella", "Finn")
Make = Callable[[xlsxwriter.Workbook, Tab], object]


def sparklines(_: xlsxwriter.Workbook, tab: Tab) -> None:
    for row in range(2, 8):
        tab.add_sparkline(row - 1, 6, {"range": f"Members!E{row}:F{row}"})


def sums(_: xlsxwriter.Workbook, tab: Tab) -> None:
    columns = [{"header": head} for head in HEAD]
    columns[1]["total_function"] = "count"
    tab.add_table(0, 0, 7, 5, {"name": "People", "total_row": True, "columns": columns})
    tab.write(7, 0, "Total")


def groups(_: xlsxwriter.Workbook, tab: Tab) -> None:
    for row in range(2, 4):
        tab.set_row(row, None, None, {"level": 1, "hidden": True})
    tab.set_row(4, None, None, {"collapsed": True})


def protection(_: xlsxwriter.Workbook, tab: Tab) -> None:
    tab.protect("not known here")


def chart(book: xlsxwriter.Workbook, tab: Tab) -> None:
    drawn = book.add_chart({"type": "column"})
    drawn.add_series({"values": "=Members!$E$2:$E$7"})
    tab.insert_chart("I2", drawn)


def very_hidden(book: xlsxwriter.Workbook, _: Tab) -> None:
    old = book.add_worksheet("Old")
    old.write_row(0, 0, HEAD)
    old.write_row(1, 0, ["Norway", "Zed GAMMEL", "zed@old.example", "9", 1, 1])
    old.very_hidden()


def button(_: xlsxwriter.Workbook, tab: Tab) -> None:
    tab.insert_button("I3", {"caption": "Seen"})


def page(_: xlsxwriter.Workbook, tab: Tab) -> None:
    tab.repeat_rows(0)
    tab.print_area("A1:F7")
    tab.autofilter(0, 0, 6, 5)
    tab.conditional_format("E2:E7", {"type": "data_bar", "bar_solid": True})
    tab.set_column("D:D", None, None, {"hidden": True})


def make(root: Path, add: Make) -> Path:
    (root / "contacts").mkdir()
    path = root / "contacts" / "no.xlsx"
    book = xlsxwriter.Workbook(path)
    tab = book.add_worksheet("Members")
    tab.write_row(0, 0, HEAD)
    for row, given in enumerate(GIVEN, start=1):
        tab.write_row(row, 0, ["Norway", f"{given} PRØVE", f"{given.lower()}@x.example", str(row)])
        tab.write_row(row, 4, [row * 3, row * 2])
    add(book, tab)
    book.close()
    return path


def correct(tab: Worksheet) -> None:
    tab["D4"] = "99"


def delete(tab: Worksheet) -> None:
    tab.delete_rows(3)


def swap(tab: Worksheet) -> None:
    for column in range(1, 7):
        one, other = tab.cell(2, column), tab.cell(6, column)
        one.value, other.value = other.value, one.value


EDITS = (correct, delete, swap)


def home(root: Path, path: Path, change: Callable[[Worksheet], None]) -> dict[str, bytes]:
    """Mark, change, take home; return the parts of the result."""
    copy = mark(root, f"contacts/{path.name}", load_contacts(root))
    book = openpyxl.load_workbook(copy)
    change(book["Members"])
    book.save(copy)
    accept(root, copy)
    with zipfile.ZipFile(path) as made:
        return {name: made.read(name) for name in made.namelist()}


def given(root: Path) -> list[str]:
    return [
        one.given for one in load_contacts(root).contacts if one.sheet == "Members" and one.name
    ]


AFTER = {
    "correct": list(GIVEN),
    "delete": ["Anna", "Cato", "Dag", "Ella", "Finn"],
    "swap": ["Ella", "Berit", "Cato", "Dag", "Anna", "Finn"],
}


@pytest.mark.parametrize("change", EDITS, ids=lambda one: one.__name__)
@pytest.mark.parametrize(
    "add", [sparklines, sums, groups, protection, very_hidden, page], ids=lambda one: one.__name__
)
def test_all_of_a_workbook_goes_home_with_its_people(
    tmp_path: Path, add: Make, change: Callable[[Worksheet], None]
) -> None:
    path = make(tmp_path, add)
    with zipfile.ZipFile(path) as book:
        before = {name: book.read(name) for name in book.namelist()}
    parts = home(tmp_path, path, change)
    assert given(tmp_path) == AFTER[change.__name__]
    moved = {"xl/worksheets/sheet1.xml", "xl/tables/table1.xml", "xl/workbook.xml"}
    assert {name for name in before if parts.get(name) != before[name]} <= moved
    assert openpyxl.load_workbook(path)["Members"].max_row >= 6


def test_a_sparkline_draws_the_numbers_of_its_own_person(tmp_path: Path) -> None:
    path = make(tmp_path, sparklines)
    sheet = home(tmp_path, path, delete)["xl/worksheets/sheet1.xml"].decode()
    drawn = re.findall(r"<xm:f>Members!E(\d+):F(\d+)</xm:f><xm:sqref>G(\d+)</xm:sqref>", sheet)
    assert sorted(drawn) == [(str(row),) * 3 for row in range(2, 7)]
    assert "<xm:sqref></xm:sqref>" not in sheet


def test_the_sums_of_a_table_stay_below_it(tmp_path: Path) -> None:
    path = make(tmp_path, sums)
    parts = home(tmp_path, path, delete)
    assert b'ref="A1:F7" totalsRowCount="1"' in parts["xl/tables/table1.xml"]
    assert b'<row r="7"' in parts["xl/worksheets/sheet1.xml"]


@pytest.mark.parametrize("change", [delete, swap], ids=lambda one: one.__name__)
@pytest.mark.parametrize(
    ("add", "reason"), [(chart, "chart1.xml looks at them"), (button, "check boxes or buttons")]
)
def test_what_cannot_be_moved_is_named_and_nothing_is_written(
    tmp_path: Path, add: Make, reason: str, change: Callable[[Worksheet], None]
) -> None:
    path = make(tmp_path, add)
    before = path.read_bytes()
    with pytest.raises(Refused, match=reason):
        home(tmp_path, path, change)
    assert path.read_bytes() == before


@pytest.mark.parametrize("add", [chart, button], ids=lambda one: one.__name__)
def test_cells_can_be_corrected_beside_anything(tmp_path: Path, add: Make) -> None:
    home(tmp_path, make(tmp_path, add), correct)
    assert given(tmp_path) == list(GIVEN)


@pytest.mark.skipif(OFFICE is None, reason="LibreOffice is not here")
def test_charts_and_sparklines_of_an_ods_draw_the_same_people(tmp_path: Path) -> None:
    for name, add in (("charts", chart), ("sparklines", sparklines)):
        root = tmp_path / name
        root.mkdir()
        path = make(root, add)
        command = [
            str(OFFICE), f"-env:UserInstallation=file://{tmp_path}/profile", "--headless",
            "--convert-to", "ods", "--outdir", str(path.parent), str(path),
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        path.unlink()
        parts = home(root, path.with_suffix(".ods"), delete)
        assert given(root) == AFTER["delete"]
        if name == "charts":
            assert b'"Members.E2:Members.E6"' in parts["Object 1/content.xml"]
            continue
        content = parts["content.xml"].decode()
        drawn = re.findall(r'Members\.G(\d+)" calcext:data-range="Members\.E(\d+):', content)
        assert sorted(drawn) == [(str(row),) * 2 for row in range(2, 7)]


def test_a_repair_leaves_everything_else_as_it_is(tmp_path: Path) -> None:
    def broken(book: xlsxwriter.Workbook, tab: Tab) -> None:
        tab.write_string(3, 2, "mailto:cato@x.example")
        for add in (sparklines, protection, chart, button, very_hidden):
            add(book, tab)

    path = make(tmp_path, broken)
    with zipfile.ZipFile(path) as book:
        before = {name: book.read(name) for name in book.namelist()}
    fix.apply(tmp_path, fix.repairs(load_contacts(tmp_path)))
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as book:
        changed = [name for name in before if book.read(name) != before[name]]
    assert changed == ["xl/worksheets/sheet1.xml"]
    assert shutil.which("soffice") is None or b"sparkline" in before[changed[0]]
