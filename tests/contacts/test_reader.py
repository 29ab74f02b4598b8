"""Facts about reading files: the letters, the coordinates, and that no table loses a row."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.base.delegations import Delegations
from mailer.base.errors import UsageError
from mailer.base.spelling import trim
from mailer.contacts.book import load_contacts
from mailer.contacts.sheets.reader import read_bytes
from tests.contacts.bad_sheets import SHEETS

DELEGATIONS = Delegations.load()


@pytest.mark.parametrize(
    ("file", "names"),
    [
        ("cp1252-german.csv", ["Jürgen Übungsfeld", "Käthe Straßmuster"]),
        ("cp1252-nordic.csv", ["Øyvind Prøveng", "Þórdís Dæmadóttir"]),
        ("cp1250-polish.csv", ["Łucja Źródłosłowska", "Święty Wąsik"]),
        ("iso8859-2-polish.csv", ["Łucja Źródłosłowska", "Święty Wąsik"]),
        ("cp1250-czech.csv", ["Jiří Příkladný", "Šárka Žižková"]),
        ("iso8859-2-czech.csv", ["Jiří Příkladný", "Šárka Žižková"]),
        ("cp1254-turkish.csv", ["Şükrü Işık", "Çiğdem Örnekoğlu"]),
        ("iso8859-9-turkish.csv", ["Şükrü Işık", "Çiğdem Örnekoğlu"]),
        ("cp1253-greek.csv", ["Αγγελική Υποθετίδου", "Σπύρος Δειγματάκης"]),
        ("cp1251-ukrainian.csv", ["Олена Взірцева", "Юлія Їжаківська"]),
        ("cp1254-without-proof.csv", ["Şükrü Işık", "İnci Ağaç"]),
        ("clean-utf16.csv", ["Anna Prøve", "Ola Skisse", "Kari Mønster"]),
        ("utf16-without-bom.csv", ["Anna Prøve", "Ola Skisse", "Kari Mønster"]),
        ("ods-named.xlsx", ["Anna Prøve", "Ola Skisse", "Kari Mønster"]),
    ],
)
def test_names_come_out_of_every_encoding_as_they_went_in(
    tmp_path: Path, file: str, names: list[str]
) -> None:
    (tmp_path / "contacts").mkdir()
    (tmp_path / "contacts" / file).write_bytes(SHEETS[file])
    assert [c.name for c in load_contacts(tmp_path, delegations=DELEGATIONS).contacts] == names


def test_an_uncertain_encoding_is_said_with_two_names_in_both_readings() -> None:
    (found,) = read_bytes(".csv", "a.csv", SHEETS["cp1254-without-proof.csv"]).problems
    assert "“Şükrü Işık”, “İnci Ağaç”" in found.message
    assert "“Ţükrü Iţýk”" in found.message


def test_cells_have_their_true_addresses_in_all_formats() -> None:
    for file, cells in {
        "clean-title-rows.csv": {(4, 3): "anna@no.example"},
        "clean-line-end-in-note.csv": {(4, 3): "ola@no.example"},
        "clean-title-rows.xlsx": {(5, 3): "anna@no.example"},
        "clean-first-column-empty.xlsx": {(2, 4): "anna@no.example"},
        "clean-blank-rows.xlsx": {(7, 3): "ola@no.example"},
        "clean-title-rows.ods": {(4, 3): "anna@no.example"},
        "clean-repeated-columns.ods": {(2, 3): "anna@no.example"},
    }.items():
        (table,) = read_bytes(Path(file).suffix, file, SHEETS[file]).tables
        rows = dict(table.rows)
        for (row, column), value in cells.items():
            assert rows[row][column] == value, file


def test_numbers_and_dates_stay_what_people_typed() -> None:
    (table,) = read_bytes(".xlsx", "n.xlsx", SHEETS["numbers-and-dates.xlsx"]).tables
    assert list(table.rows[1][1][-2:]) == ["100000", "26.1.2030"]


def test_more_rows_than_allowed_are_refused(tmp_path: Path) -> None:
    (tmp_path / "contacts").mkdir()
    lines = "Country,Name,E-mail\n" + "".join(
        f"NO,Anna Prøve {at},a{at}@no.example\n" for at in range(30)
    )
    (tmp_path / "contacts" / "a.csv").write_text(lines, encoding="utf-8")
    assert load_contacts(tmp_path, delegations=DELEGATIONS, max_rows=31).broken == ()
    book = load_contacts(tmp_path, delegations=DELEGATIONS, max_rows=30)
    assert [(p.code, p.row) for p in book.problems] == [("C015", 31)]


def test_a_folder_among_the_sheets_is_named(tmp_path: Path) -> None:
    (tmp_path / "contacts" / "old.xlsx").mkdir(parents=True)
    assert [p.code for p in load_contacts(tmp_path, delegations=DELEGATIONS).problems] == ["C001"]


HOSTILE = """
import resource, sys, time
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
from mailer.contacts.sheets.apart import read
from pathlib import Path
began = time.process_time()
reading, _ = read(Path(sys.argv[1]), "it")
# the peak of this program alone: ru_maxrss has that of the process that started it, too
memory = int(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]) // 1024
print([p.code for p in reading.problems], time.process_time() - began, memory)
"""


@pytest.mark.parametrize(
    "kind", ["declared", "undeclared", "shared text", "cells", "ods of blanks"]
)
def test_a_bomb_costs_little_time_and_memory(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("bomb.ods" if "ods" in kind else "bomb.xlsx")
    with zipfile.ZipFile(io.BytesIO(SHEETS["clean.xlsx"])) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb:
        if kind == "declared":
            parts["xl/worksheets/sheet1.xml"] += bytes(190_000_000)
        elif kind == "shared text":
            parts["xl/sharedStrings.xml"] = b"<sst><si><t>" + b"x" * 32_000 + b"</t></si></sst>"
            cells = b"".join(
                b'<row r="%d"><c r="A%d" t="s"><v>0</v></c></row>' % (r, r)
                for r in range(1, 100_001)
            )
            parts["xl/worksheets/sheet1.xml"] = (
                b"<worksheet><sheetData>" + cells + b"</sheetData></worksheet>"
            )
        elif kind == "cells":
            cells = b'<row r="1">' + b'<c r="A1"><v>1</v></c>' * 25 + b"</row>"
            parts["xl/worksheets/sheet1.xml"] = (
                b"<worksheet><sheetData>" + cells * 170_000 + b"</sheetData></worksheet>"
            )
        elif "ods" in kind:
            space = b'<text:s text:c="900000000"/>'
            with zipfile.ZipFile(io.BytesIO(SHEETS["clean.ods"])) as clean:
                parts = {name: clean.read(name) for name in clean.namelist()}
            parts["content.xml"] = parts["content.xml"].replace(
                b"<text:p>", b"<text:p>" + space * 50
            )
        for name, part in parts.items():
            bomb.writestr(name, part)
    if kind == "undeclared":
        path.write_bytes(
            path.read_bytes().replace(
                (len(parts["xl/workbook.xml"])).to_bytes(4, "little"), b"\x01\0\0\0"
            )
        )
    out = subprocess.run(
        [sys.executable, "-c", HOSTILE, str(path)], capture_output=True, text=True, check=True
    ).stdout
    codes, seconds, megabytes = out.rsplit(" ", 2)
    assert codes in ("['C014']", "['C002']") or "ods" in kind
    assert float(seconds) < 2
    assert int(megabytes) < 500


def test_unknown_field_of_the_settings_is_named() -> None:
    with pytest.raises(UsageError):
        load_contacts(Path(), columns={"colour": ["x"]}, delegations=DELEGATIONS)


CELL = st.one_of(
    st.sampled_from(
        [
            "NO",
            "Norway",
            "Anna Prøve",
            "a@no.example",
            "en",
            "",
            " ",
            "-",
            "Ms",
            "E-mail",
            "x;y",
            'q"q',
            "a\nb",
            "=1",
            "\u200b",
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
)


@settings(max_examples=150)
@given(
    rows=st.lists(st.lists(CELL, min_size=5, max_size=5), max_size=12),
    separator=st.sampled_from(",;\t|"),
)
def test_rows_read_and_rows_refused_are_the_rows_present(
    tmp_path: Path, rows: list[list[str]], separator: str
) -> None:
    (tmp_path / "contacts").mkdir(exist_ok=True)
    out = io.StringIO()
    table = csv.writer(out, delimiter=separator, quoting=csv.QUOTE_ALL)
    table.writerows([["Delegation", "Role", "Name", "E-mail", "Language"], *rows])
    (tmp_path / "contacts" / "a.csv").write_bytes(out.getvalue().encode())
    book = load_contacts(tmp_path, delegations=DELEGATIONS)
    present = [row for row in rows if any(map(str.strip, row))]
    assert book.broken == ()
    assert len(book.contacts) == len(present)
    for contact in book.contacts:
        assert (contact.skip is None) == (contact.problem is None)
        assert contact.skip or (contact.address and contact.delegation and contact.name)
        assert contact.problem is None or contact.problem.row == contact.row
    assert {trim(row[3]) for row in present} >= {
        p.value for p in book.problems if p.column == "E-mail"
    } - {""}


@settings(max_examples=25)
@given(rows=st.lists(st.lists(CELL, min_size=5, max_size=5), max_size=8), above=st.integers(0, 3))
def test_no_row_of_a_workbook_is_lost_either(
    tmp_path: Path, rows: list[list[str]], above: int
) -> None:
    (tmp_path / "contacts").mkdir(exist_ok=True)
    options = {"strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(tmp_path / "contacts" / "a.xlsx", options) as made:
        tab = made.add_worksheet()
        for y, row in enumerate(
            [["Delegation", "Role", "Name", "E-mail", "Language"], *rows], start=above
        ):
            for x, cell in enumerate(row):
                tab.write_string(y, x, cell)
    book = load_contacts(tmp_path, delegations=DELEGATIONS)
    present = [y for y, row in enumerate(rows, start=above + 2) if any(map(str.strip, row))]
    assert book.broken == ()
    assert [contact.row for contact in book.contacts] == present


@pytest.mark.parametrize(
    "cell",
    ["a" * 120_000, "a@" * 60_000, "x" + " " * 120_000 + "x", "x" + "\t" * 120_000 + "x",
     "1" * 120_000 + "x", "=?" * 60_000, "(at)" * 30_000,
     "Ø" * 60_000, "<a@b.example>" * 9_000, "é " * 50_000,
     '""' * 1_000, ". " * 60_000, "\u200b" * 40_000 + "x", "," * 200, "-" * 120_000],
)  # fmt: skip
def test_a_monstrous_cell_is_one_row_with_a_problem(tmp_path: Path, cell: str) -> None:
    """Eight times the cell takes some eight times as long: a pattern that goes back and forth over
    it would take sixty-four times.
    """
    (tmp_path / "contacts").mkdir()

    def seconds(cell: str, encoding: str) -> float:
        quoted = '"' + cell.replace('"', '""') + '"'
        lines = (
            f"Delegation,Role,Name,E-mail,Note\nNO,{quoted},{quoted},{quoted},{quoted}\n"
            f"{quoted},,Anna Prøve,anna@no.example,\n"
        )
        (tmp_path / "contacts" / "a.csv").write_bytes(lines.encode(encoding, "ignore"))
        began = time.process_time()
        book = load_contacts(tmp_path, delegations=DELEGATIONS)
        spent = time.process_time() - began
        assert [c.skip is not None for c in book.contacts] == [True, True]
        assert max(len(p.value) for p in book.problems) <= 2_001
        return spent

    for encoding in ("utf-8", "cp1252"):
        an_eighth = cell[: len(cell) // 16] + cell[len(cell) - len(cell) // 16 :]
        least = min(seconds(an_eighth, encoding) for _ in range(2))
        assert seconds(cell, encoding) < 25 * max(least, 0.02)


def test_a_cell_of_megabytes_is_refused() -> None:
    content = (
        b"Country,Name,E-mail\nNO,Anna,a@no.example\nNO," + b"x" * 200_000 + b",b@no.example\n"
    )
    assert [(p.code, p.row) for p in read_bytes(".csv", "a.csv", content).problems] == [("C014", 3)]


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"])
def test_a_part_that_breaks_off_is_a_broken_file_and_no_shorter_list(part: str) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(SHEETS["clean.xlsx"])) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, content[: len(content) * 2 // 3] if name == part else content)
    assert [p.code for p in read_bytes(".xlsx", "a.xlsx", out.getvalue()).problems] == ["C002"]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("one long line", "a,b\n" + "x" * 3_000_000, "C014"),
        ("an emoji and one long line", "a,b\n😀," + "x" * 3_000_000, "C014"),
        ("more cells than a sheet of people", ("ab," * 200 + "ab\n") * 30_000, "C014"),
        ("more columns than a sheet of people", "a," * 300 + "b\n", "C014"),
    ],
)
def test_text_that_is_no_contact_sheet_is_refused(name: str, content: str, code: str) -> None:
    reading = read_bytes(".csv", f"{name}.csv", content.encode())
    assert [problem.code for problem in reading.problems] == [code]


def test_rows_too_wide_are_named_up_to_a_thousand(tmp_path: Path) -> None:
    (tmp_path / "contacts").mkdir()
    lines = "Country,Name,E-mail\n" + "NO,Prøve, Anna,a@no.example\n" * 1_500
    (tmp_path / "contacts" / "a.csv").write_text(lines, encoding="utf-8")
    problems = load_contacts(tmp_path).problems
    assert len(problems) == 1_000
    assert "500 more" in problems[-1].message
