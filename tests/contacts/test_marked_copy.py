"""Facts about the way back: marked copies, corrected copies taken over, repairs, and what never
changes.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter

from mailer.actions.sheets import check
from mailer.base.errors import MailerError, Refused
from mailer.base.files import put
from mailer.base.settings.workspace import load_workspace
from mailer.contacts.book import load_contacts
from mailer.contacts.edit.fix import apply, repairs
from mailer.contacts.edit.marked_copy import FIRST_TAB, mark
from mailer.contacts.edit.take_home import accept
from mailer.contacts.edit.write import harmless, with_cells
from mailer.contacts.sheets.reader import read_bytes
from tests.contacts.bad_sheets import SHEETS
from tests.contacts.test_newer import CONFIG

BAD = "NO,substitute,Ola Skisse,mailto:ola@no.example,en"
LINES = (
    "Delegation,Role,Name,E-mail,Language\nNO,chair,Anna"
    f" Prøve,anna@no.example,en\n{BAD}\nNO,boss,Kari Mønster,,\n"
)


def workspace(root: Path, name: str, content: bytes) -> Path:
    (root / "contacts").mkdir()
    (root / "contacts" / name).write_bytes(content)
    return root


def decorated() -> bytes:
    """Return a workbook with colours, a picture, a drop-down, a filter and a formula."""
    raw = io.BytesIO()
    with xlsxwriter.Workbook(
        raw, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    ) as book:
        tab = book.add_worksheet("Members")
        red = book.add_format({"font_color": "red", "bg_color": "#EEEEEE"})
        for y, line in enumerate(LINES.splitlines()):
            for x, cell in enumerate(line.split(",")):
                tab.write_string(y, x, cell, red if y == 2 else None)
        tab.write_formula("G2", "=1+1", None, 2)
        tab.data_validation(
            "B2:B9", {"validate": "list", "source": ["chair", "representative", "substitute"]}
        )
        tab.set_column("D:D", 33)
        pixel = bytes.fromhex(
            "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c020000000b4944415478da6364f80f00010501012718e3660000000049454e44ae426082"
        )
        tab.insert_image("H1", "p.png", {"image_data": io.BytesIO(pixel)})
    return raw.getvalue()


def ods() -> bytes:
    return SHEETS["address-twice.ods"]


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx", "address-twice.ods"])
def test_a_marked_copy_lists_and_links_and_marks_every_bad_cell(tmp_path: Path, name: str) -> None:
    content = {"a.csv": LINES.encode(), "a.xlsx": decorated(), "address-twice.ods": ods()}[name]
    root = workspace(tmp_path, name, content)
    book = load_contacts(root)
    copy = mark(root, f"contacts/{name}", book)
    made = openpyxl.load_workbook(copy)
    assert made.sheetnames[0] == FIRST_TAB
    listed = {
        row[0].hyperlink.location: row[2].value
        for row in made[FIRST_TAB].iter_rows(min_row=6)
        if row[0].hyperlink
    }
    assert set(listed.values()) >= {p.message for p in book.problems if p.cell}
    for target in listed:
        tab, _, cell = target.replace("'", "").rpartition("!")
        assert made[tab][cell].comment.author == "mailer"
        assert made[tab][cell].fill.patternType not in (None, "solid")
    assert (root / "contacts" / name).read_bytes() == content
    assert load_contacts(root).files.keys() == book.files.keys()


def test_a_marked_copy_keeps_formats_and_drop_downs(tmp_path: Path) -> None:
    root = workspace(tmp_path, "a.xlsx", decorated())
    made = openpyxl.load_workbook(mark(root, "contacts/a.xlsx", load_contacts(root)))["Members"]
    assert made["C3"].font.color.rgb == "FFFF0000"
    assert made.column_dimensions["D"].width > 30
    assert made.data_validations.dataValidation[0].sqref.ranges
    assert made["G2"].value == "=1+1"


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx", "a.ods"])
def test_a_corrected_copy_changes_only_its_cells(tmp_path: Path, name: str) -> None:
    content = {
        "a.csv": LINES.replace("\n", "\r\n").encode("utf-8-sig"),
        "a.xlsx": decorated(),
        "a.ods": ods(),
    }[name]
    root = workspace(tmp_path, name, content)
    copy = mark(root, f"contacts/{name}", load_contacts(root))
    made = openpyxl.load_workbook(copy)
    tab = made[made.sheetnames[1]]
    tab["D3"].value = "ola@no.example"
    tab["A9"].value, tab["C9"].value, tab["D9"].value = "NO", "Per <Utkast> & Co", "per@no.example"
    made.save(copy)
    file, changes, backup = accept(root, copy)
    assert (file, {c.cell.replace("3:4", "D3") for c in changes}) == (
        f"contacts/{name}",
        {"D3"} | _nine(name),
    )
    assert backup is not None
    assert backup.read_bytes() == content
    book = load_contacts(root)
    addresses = {c.name: c.address for c in book.contacts}
    assert (addresses["Ola Skisse"], addresses["Per <Utkast> & Co"]) == (
        "ola@no.example",
        "per@no.example",
    )
    if name == "a.xlsx":
        _same_parts(content, (root / "contacts" / name).read_bytes(), "xl/worksheets/sheet1.xml")
    if name == "a.csv":
        assert (root / "contacts" / name).read_bytes().splitlines()[1] == content.splitlines()[1]


def _nine(name: str) -> set[str]:
    return {"row 9"}


def _same_parts(old: bytes, new: bytes, but: str) -> None:
    with zipfile.ZipFile(io.BytesIO(old)) as before, zipfile.ZipFile(io.BytesIO(new)) as after:
        assert before.namelist() == after.namelist()
        assert [n for n in before.namelist() if before.read(n) != after.read(n)] == [but]


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx", "a.ods"])
def test_a_copy_that_nobody_corrected_changes_nothing(tmp_path: Path, name: str) -> None:
    awkward = b"Country,Name,E-mail,Note\nNO,=1+1,a@no.example,\x07\nNO, Ola ,b@no.example,\n"
    root = workspace(
        tmp_path, name, {"a.csv": awkward, "a.xlsx": decorated(), "a.ods": ods()}[name]
    )
    assert accept(root, mark(root, f"contacts/{name}", load_contacts(root)))[1:] == ((), None)


def test_a_sheet_that_changed_in_the_meantime_is_not_written_to(tmp_path: Path) -> None:
    root = workspace(tmp_path, "a.csv", LINES.encode())
    copy = mark(root, "contacts/a.csv", load_contacts(root))
    (root / "contacts" / "a.csv").write_text(
        LINES + "NO,,Per Utkast,per@no.example,\n", encoding="utf-8"
    )
    with pytest.raises(Refused, match="has changed since"):
        accept(root, copy)


def test_a_file_that_is_no_marked_copy_is_named(tmp_path: Path) -> None:
    root = workspace(tmp_path, "a.xlsx", decorated())
    with pytest.raises(MailerError, match="no marked copy"):
        accept(root, root / "contacts" / "a.xlsx")


def test_repairs_are_shown_first_and_applied_with_a_backup(tmp_path: Path) -> None:
    text = (
        "Delegation,Name,E-mail\nNO,Anna Prøve,mailto:anna@no.example\nNO,Ola"
        " SkisserÃ¸d,ola@no.example.\nNO,Kari Mønster,Kari Mønster <kari@no.example>\nNO,Per"
        " Utkast,Per Utkast per@no.example\nNO,Liv Prøv,liv@@no.example\nNO,Siv"
        ' Skiss,"a@no.example;b@no.example"\nNO,Eva Prøv,eva (at) no.example\n'
    )
    root = workspace(tmp_path, "a.csv", text.encode())
    found = repairs(load_contacts(root))
    assert [(r.code, r.cell, r.after) for r in found] == [
        ("C109", "2:3", "anna@no.example"),
        ("C143", "3:2", "Ola Skisserød"),
        ("C111", "3:3", "ola@no.example"),
        ("C110", "4:3", "kari@no.example"),
        ("C114", "8:3", "eva@no.example"),
    ]
    assert (root / "contacts" / "a.csv").read_text(encoding="utf-8") == text
    backups = apply(root, found)
    assert backups["contacts/a.csv"].read_text(encoding="utf-8") == text
    assert repairs(load_contacts(root)) == []
    assert [r.after for r in repairs(load_contacts(root), only=["C110"])] == ["per@no.example"]


def test_a_slip_of_the_pen_is_mended_only_when_asked_for(tmp_path: Path) -> None:
    root = workspace(tmp_path, "a.csv", SHEETS["domain-slip.csv"])
    assert repairs(load_contacts(root)) == []
    (found,) = repairs(load_contacts(root), only=["C104"])
    assert found.after == "edith@parliament.example"


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "cp1252", "cp1250"],
)
def test_a_csv_keeps_its_encoding_and_every_other_byte(tmp_path: Path, encoding: str) -> None:
    text = 'sep=;\r\nCountry;Name;E-mail\r\nDE;"Jürgen; ""J""\r\nMüller";x\r\nDE;Käthe Müß;y\r\n'
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode(encoding))
    put(path, with_cells(path, {("", "3:3"): "j@de.example"}))
    assert path.read_bytes().decode(encoding) == text.replace(";x\r\n", ";j@de.example\r\n")


def test_letters_that_the_old_encoding_lacks_make_it_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("Country;Name\nDE;Jürgen\n".encode("cp1252"))
    put(path, with_cells(path, {("", "2:2"): "Łukasz"}))
    assert path.read_bytes().decode("utf-8-sig") == "Country;Name\nDE;Łukasz\n"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_no_formula_is_written_from_data(tmp_path: Path, text: str) -> None:
    assert harmless(text) == f"'{text}"
    path = tmp_path / "a.xlsx"
    path.write_bytes(SHEETS["clean.xlsx"])
    put(path, with_cells(path, {("Members", "C3"): text}))
    (table,) = read_bytes(".xlsx", "a", path.read_bytes()).tables
    assert (table.rows[2][1][2].strip(), table.formulas) == (text.strip(), frozenset())


def test_a_marked_copy_of_formulas_holds_text(tmp_path: Path) -> None:
    root = workspace(tmp_path, "a.csv", b'Country,Name,E-mail\nNO,"=HYPERLINK(""x"")",=1+1\n')
    made = openpyxl.load_workbook(mark(root, "contacts/a.csv", load_contacts(root)))
    cells = [
        cell for tab in made.worksheets for row in tab.iter_rows() for cell in row if cell.value
    ]
    assert any(cell.value == "=1+1" for cell in cells)
    assert {cell.data_type for cell in cells} == {"s"}


@pytest.mark.parametrize(
    "file", ["clean.xlsx", "clean.ods", "clean-repeated-columns.ods", "hidden-row.ods"]
)
def test_any_cell_can_be_set_and_the_others_stay(tmp_path: Path, file: str) -> None:
    path = tmp_path / file
    path.write_bytes(SHEETS[file])
    (before,) = read_bytes(path.suffix, file, path.read_bytes()).tables
    changes = {(before.sheet or "", cell): f"new {cell}" for cell in ("B2", "A1", "H7", "C2")}
    put(path, with_cells(path, changes))
    (after,) = read_bytes(path.suffix, file, path.read_bytes()).tables
    expected = {before.cell(x, y): v for y, cells in before.rows for x, v in enumerate(cells) if v}
    expected |= {cell: value for (_, cell), value in changes.items()}
    assert {
        after.cell(x, y): v for y, cells in after.rows for x, v in enumerate(cells) if v
    } == expected
    assert after.hidden == before.hidden


OFFICE = shutil.which("soffice") or shutil.which("localc")


@pytest.mark.skipif(OFFICE is None, reason="LibreOffice is not installed")
def test_libreoffice_opens_the_marked_copy_and_the_accepted_sheet(tmp_path: Path) -> None:
    root = workspace(tmp_path, "a.xlsx", decorated())
    copy = mark(root, "contacts/a.xlsx", load_contacts(root))
    apply(root, repairs(load_contacts(root)))
    for path in (copy, root / "contacts" / "a.xlsx"):
        command = [
            OFFICE,
            f"-env:UserInstallation=file://{tmp_path}/profile",
            "--headless",
            "--convert-to",
            "ods",
            "--outdir",
            str(tmp_path / "out"),
            str(path),
        ]
        subprocess.run(
            [str(word) for word in command], check=True, capture_output=True, timeout=100
        )
        made = tmp_path / "out" / f"{path.stem}.ods"
        reading = read_bytes(".ods", made.name, made.read_bytes())
        assert not reading.broken
        assert any(
            cells[2] == "Ola Skisse"
            for table in reading.tables
            for _, cells in table.rows
            if len(cells) > 2
        )


def test_a_state_merged_over_its_members_is_marked_and_mended_once(tmp_path: Path) -> None:
    root = workspace(tmp_path, "a.xlsx", merged("Norwya"))
    book = load_contacts(root)
    assert [(p.code, p.cell) for p in book.problems] == [("C120", "A2"), ("C120", "A3")]
    copy = mark(root, "contacts/a.xlsx", book)
    marked = openpyxl.load_workbook(copy)
    assert marked["Members"]["A2"].comment.text.count("C120") == 1
    assert [repair.cell for repair in repairs(book, only=["C120"])] == ["A2"]
    marked["Members"]["A2"] = "Norway"
    marked.save(copy)
    _, changes, _ = accept(root, copy)
    assert [(change.cell, change.after) for change in changes] == [("A2", "Norway")]
    assert [contact.delegation for contact in load_contacts(root).contacts] == ["NO", "NO"]


def merged(state: str) -> bytes:
    raw = io.BytesIO()
    with xlsxwriter.Workbook(raw, {"in_memory": True}) as book:
        tab = book.add_worksheet("Members")
        for y, (name, address) in enumerate(
            [
                ("Name", "E-mail"),
                ("Anna Prøve", "anna@no.example"),
                ("Ola Skisse", "ola@no.example"),
            ]
        ):
            tab.write_row(y, 1, [name, address])
        tab.write_string("A1", "Country")
        tab.merge_range("A2:A3", state)
    return raw.getvalue()


def test_what_is_shown_in_the_copy_is_shown_in_the_sheet(tmp_path: Path) -> None:
    raw = io.BytesIO()
    with xlsxwriter.Workbook(raw, {"in_memory": True}) as book:
        for name, person in (("Members", "Anna Prøve"), ("Old & new", "Ola Skisse")):
            tab = book.add_worksheet(name)
            tab.write_row("A1", ["Country", "Name", "E-mail"])
            tab.write_row("A2", ["NO", person, f"{person[0].lower()}@no.example"])
        book.worksheets()[0].set_row(1, None, None, {"hidden": True})
        book.worksheets()[1].hide()
    root = workspace(tmp_path, "a.xlsx", raw.getvalue())
    book = load_contacts(root)
    assert [contact.skip is None for contact in book.contacts] == [False, False]
    copy = mark(root, "contacts/a.xlsx", book)
    marked = openpyxl.load_workbook(copy)
    marked["Members"].row_dimensions[2].hidden = False
    marked["Old & new"].sheet_state = "visible"
    marked.save(copy)
    _, changes, backup = accept(root, copy)
    assert [(c.sheet, c.cell, c.before, c.after) for c in changes] == [
        ("Members", "row 2", "hidden", "shown"),
        ("Old & new", "the tab", "hidden", "shown"),
    ]
    assert backup is not None
    assert [contact.skip for contact in load_contacts(root).contacts] == [None, None]


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx"])
def test_a_row_taken_out_of_the_copy_is_said_as_one_change(tmp_path: Path, name: str) -> None:
    root = workspace(tmp_path, name, {"a.csv": LINES.encode(), "a.xlsx": decorated()}[name])
    copy = mark(root, f"contacts/{name}", load_contacts(root))
    marked = openpyxl.load_workbook(copy)
    tab = marked[marked.sheetnames[1]]
    tab.delete_rows(2)
    tab["D3"] = "kari@no.example"
    marked.save(copy)
    _, changes, _ = accept(root, copy)
    told = [(change.cell, change.before, change.after) for change in changes]
    assert told[0][0] == "row 2"
    assert told[0][1].startswith("NO · chair · Anna Prøve · anna@no.example")
    assert told[1][1:] == ("", "kari@no.example")
    book = load_contacts(root)
    assert [contact.name for contact in book.contacts] == ["Ola Skisse", "Kari Mønster"]


def test_a_formula_typed_into_the_copy_comes_home_as_its_value(tmp_path: Path) -> None:
    root = workspace(tmp_path, "a.csv", LINES.encode())
    copy = mark(root, "contacts/a.csv", load_contacts(root))
    with zipfile.ZipFile(copy) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    tab = next(name for name in parts if name.endswith("sheet1.xml"))
    tab = tab if b"Kari" in parts[tab] or b'r="E4"' in parts[tab] else "xl/worksheets/sheet2.xml"
    typed = (
        b'<row r="9"><c r="D9"'
        b' t="str"><f>LOWER("KARI@no.example")</f><v>kari@no.example</v></c></row></sheetData>'
    )
    parts[tab] = parts[tab].replace(b"</sheetData>", typed)
    with zipfile.ZipFile(copy, "w") as book:
        for name, part in parts.items():
            book.writestr(name, part)
    _, changes, _ = accept(root, copy)
    assert ("row 9", "kari@no.example") in [(change.cell, change.after) for change in changes]


def test_a_marked_copy_says_what_each_column_was_taken_for(tmp_path: Path) -> None:
    root = workspace(tmp_path, "a.csv", LINES.encode())
    made = openpyxl.load_workbook(mark(root, "contacts/a.csv", load_contacts(root)))
    last = [cell.value for cell in list(made[FIRST_TAB].rows)[-1]][:2]
    assert last[0] == "columns"
    assert 'address ← "E-mail"' in str(last[1])


def test_names_in_capitals_are_mended_when_asked_for(tmp_path: Path) -> None:
    root = tmp_path
    (root / "contacts").mkdir()
    (root / "contacts" / "se.csv").write_text(
        "delegation,given,surname,name,email\n"
        "SE,Anna,PERSSON,,a@se.parliament.example\n"
        "TR,,,Ali IŞIK,b@tr.parliament.example\n"
        "NL,Jan,VAN DER BERG,,c@nl.parliament.example\n"
        "NO,Ola,Nordmann,,d@no.parliament.example\n",
        encoding="utf-8",
    )
    book = load_contacts(root)
    assert [one.after for one in repairs(book)] == []
    after = [one.after for one in repairs(book, only=["C159"])]
    assert after == ["Persson", "Ali Işık", "van der Berg"]


def test_a_sheet_that_cannot_be_copied_is_named_and_the_others_are_copied(tmp_path: Path) -> None:
    """It can be read: its parts say everything but which kind of file they are. It ended in a
    traceback, and no other sheet was marked.
    """
    root = workspace(tmp_path, "a.csv", LINES.encode())
    (root / "config.toml").write_text(CONFIG)
    bare = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(decorated())) as whole,
        zipfile.ZipFile(bare, "w") as book,
    ):
        for name in whole.namelist():
            types = name == "[Content_Types].xml"
            book.writestr(name, "<Types/>" if types else whole.read(name))
    (root / "contacts" / "Ålesund.xlsx").write_bytes(bare.getvalue())
    (root / "contacts" / "b.csv").write_text(LINES)
    space = load_workspace(root)
    with pytest.raises(Refused, match=r"no marked copy of Ålesund\.xlsx"):
        check.marked(space, check.check(space))
    made = {path.name for path in (root / "contacts").glob("_*.marked.xlsx")}
    assert made == {"_a.marked.xlsx", "_b.marked.xlsx"}
