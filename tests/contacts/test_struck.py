"""Facts about what offices do to a row in place of deleting it: they strike it through, or note at
a cell that somebody is gone or wants no letters. Nobody is written to until somebody has looked.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import openpyxl
import pytest
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.comments import Comment
from openpyxl.formatting.rule import CellIsRule, FormulaRule
from openpyxl.styles import Font
from openpyxl.styles.differential import DifferentialStyle

from mailer.contacts.book import ContactBook, load_contacts
from mailer.contacts.edit.marked_copy import mark
from mailer.contacts.edit.take_home import accept
from mailer.contacts.sheets.vocabulary import gone
from tests.contacts.test_wishes import HARMLESS

OFFICE = shutil.which("soffice") or shutil.which("localc")
STRUCK, ASKED, FEW = "C154", "C153", "C123"

GONE = """
left in June
Model, Anna:\\nleft in June
left parliament in May
has left the Bundestag (press of 3 May)
resigned 3 May 2026
retired in 2025
lost her seat
replaced by Ola Skisse
no longer a member
no longer MP since March
mandate ended 30 June
ausgeschieden im Juni 2026
zum 30.6. ausgeschieden
nicht mehr im Bundestag
Mandat niedergelegt
parti en juin
a quitté le Parlement
n'est plus députée
mandat terminé
non è più deputata
ya no es diputada
já não é deputado
niet meer lid
zrezygnował w maju
mandat wygasł
již není poslankyní
більше не депутат
istifa etti
inte längre ledamot
ikke lenger medlem
lemondott
παραιτήθηκε
"""
STAYS = """
left message with secretariat
left the committee
left-wing
letter left on 3 May
stepped down as chair of the committee
no longer a member of the PPE group
nicht mehr Mitglied der Fraktion
ne siège plus à la commission
retired teacher
former deputy minister
ancienne députée européenne
Nachfolgerin von Per Muster
resigned as minister in 2019
"""


def sheet() -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    tab = book.worksheets[0]
    tab.title = "Members"
    tab.append(["Country", "Name", "E-mail", "Phone", "Left"])
    for given in ("Anna", "Berit", "Cato", "Dag", "Ella", "Finn", "Guri", "Hege"):
        tab.append(["Norway", f"{given} PRØVE", f"{given.lower()}@x.example", "12 34", None])
    return book


def crossed_out() -> openpyxl.Workbook:
    """Anna as a whole row, Berit's name, Cato's surname, Dag's address; Ella's telephone, and a
    rule for whoever is marked: Finn. Guri's empty note and Hege are as they were.
    """
    book = sheet()
    tab = book.worksheets[0]
    for cell in tab[2]:
        cell.font = Font(strike=True)
    tab["B3"].font = Font(strike=True, bold=True)
    tab["B4"] = CellRichText("Cato ", TextBlock(InlineFont(strike=True), "PRØVE"))
    tab["C5"].font = Font(strike=True)
    tab["D6"].font = Font(strike=True)
    tab["E8"].font = Font(strike=True)
    tab["E7"] = "x"
    tab.cell(1, 5).value = "Mark"
    rule = FormulaRule(formula=['$E2="x"'], font=Font(strike=True))
    tab.conditional_formatting.add("A2:E9", rule)
    return book


def load(tmp_path: Path, book: openpyxl.Workbook, name: str = "no.xlsx") -> ContactBook:
    folder = tmp_path / "contacts"
    folder.mkdir(exist_ok=True)
    book.save(folder / name)
    return load_contacts(tmp_path)


def to_ods(path: Path) -> Path:
    """Let a real spreadsheet program save a workbook as its own."""
    subprocess.run(
        [
            str(OFFICE), f"-env:UserInstallation=file://{path.parent}/.office", "--headless",
            "--convert-to", "ods", "--outdir", str(path.parent), str(path),
        ],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    path.unlink()
    return path.with_suffix(".ods")


def why(book: ContactBook) -> list[str]:
    return [one.problem.code if one.skip and one.problem else "" for one in book.contacts]


SAID = [STRUCK, STRUCK, STRUCK, STRUCK, "", STRUCK, "", ""]


def test_nobody_is_written_to_who_is_struck_through(tmp_path: Path) -> None:
    book = load(tmp_path, crossed_out())
    assert why(book) == SAID
    cells = [one.cell for one in book.problems if one.code == STRUCK]
    assert cells == ["B2", "B3", "B4", "C5", "B7"]


@pytest.mark.skipif(OFFICE is None, reason="LibreOffice is not here")
def test_what_libreoffice_strikes_through_is_heard_too(tmp_path: Path) -> None:
    book = crossed_out()
    book.worksheets[0]["B8"].comment = Comment("Office:\nbitte nicht mehr anschreiben", "Office")
    book.worksheets[0]["C9"].comment = Comment("calls in the morning", "Office")
    load(tmp_path, book)
    to_ods(tmp_path / "contacts" / "no.xlsx")
    assert why(load_contacts(tmp_path)) == [*SAID[:6], ASKED, ""]


def test_a_rule_that_is_not_understood_is_said(tmp_path: Path) -> None:
    book = sheet()
    rule = FormulaRule(formula=["COUNTIF(Gone!A:A,$B2)>0"], font=Font(strike=True))
    book.worksheets[0].conditional_formatting.add("A2:E9", rule)
    read = load(tmp_path, book)
    (said,) = [one for one in read.problems if one.code != FEW]
    assert (said.code, said.value[:10]) == ("C030", "expression")
    assert "COUNTIF" in said.value


@pytest.mark.parametrize(
    ("formula", "struck"),
    [
        ('$E2="left"', True),
        ('E2="left"', False),  # counted from A2: for B2 it is F2
        ('NOT(ISERROR(SEARCH("lef",$E2)))', True),
        ("LEN(TRIM($E2))>0", True),
        ("NOT(ISBLANK($E2))", True),
        ('$E2<>""', True),
        ('"LEFT" = $E2', True),
        ('$E2="other"', False),
    ],
)
def test_rules_as_people_write_them(tmp_path: Path, formula: str, struck: bool) -> None:
    book = sheet()
    tab = book.worksheets[0]
    tab["E1"], tab["E3"] = "Mark", "left"
    tab.conditional_formatting.add("A2:D9", FormulaRule(formula=[formula], font=Font(strike=True)))
    read = load(tmp_path, book)
    assert why(read) == ["", STRUCK if struck else "", *[""] * 6]
    assert {one.code for one in read.problems} <= {STRUCK, FEW}


def test_a_rule_about_the_cell_itself(tmp_path: Path) -> None:
    book = sheet()
    look = DifferentialStyle(font=Font(strike=True))
    rule = CellIsRule(operator="equal", formula=['"Cato PRØVE"'])
    rule.dxf = look
    book.worksheets[0].conditional_formatting.add("B2:B9", rule)
    assert why(load(tmp_path, book))[1:4] == ["", STRUCK, ""]


@pytest.mark.parametrize("remark", GONE.split("\n")[1:-1])
def test_who_is_gone_is_heard_in_the_words_of_an_office(remark: str) -> None:
    assert gone(remark.replace("\\n", "\n"))


def test_what_only_sounds_so_leaves_nobody_out() -> None:
    assert [one for one in (STAYS + HARMLESS).split("\n") if gone(one)] == []


def test_a_comment_is_asked_about_wherever_it_hangs(tmp_path: Path) -> None:
    book = sheet()
    tab = book.worksheets[0]
    tab["B2"].comment = Comment("Office:\nleft in June", "Office")
    tab["A3"].comment = Comment("bitte nicht mehr anschreiben", "Office")
    tab["H4"].comment = Comment("ne plus écrire", "Office")  # beside the table
    tab["C5"].comment = Comment("phones in the morning; speaks no English", "Office")
    tab["B1"].comment = Comment("do not contact: those in grey", "Office")
    tab["E6"].comment = Comment("resigned", "Office")
    read = load(tmp_path, book)
    assert why(read) == [ASKED, ASKED, ASKED, "", ASKED, "", "", ""]
    told = [one for one in read.problems if one.code == ASKED]
    assert [one.cell for one in told] == ["B2", "A3", "H4", "E6"]
    assert told[0].message == "a comment here says: Office: left in June"


def test_the_comment_of_a_merged_cell_is_one_on_each_of_its_rows(tmp_path: Path) -> None:
    book = sheet()
    tab = book.worksheets[0]
    tab.merge_cells("A2:A4")
    tab["A2"].comment = Comment("they want no letters", "Office")
    assert why(load(tmp_path, book)) == [ASKED, ASKED, ASKED, *[""] * 5]


def test_a_thread_of_comments_is_heard_with_its_answers(tmp_path: Path) -> None:
    book = sheet()
    placeholder = (
        "[Threaded comment]\n\nYour version of Excel allows you to read this threaded comment; do"
        " not contact support.\n\nComment:\n    Is she well?"
    )
    book.worksheets[0]["B2"].comment = Comment(placeholder, "tc={1}")
    book.worksheets[0]["B3"].comment = Comment(placeholder, "tc={2}")
    out = io.BytesIO()
    book.save(out)
    thread = (
        '<ThreadedComments xmlns="http://schemas.microsoft.com/office/spreadsheetml/2018/'
        'threadedcomments"><threadedComment ref="B2" dT="2026-05-03T10:00:00.00" personId="{p}"'
        ' id="{1}"><text>Is she well?</text></threadedComment><threadedComment ref="B2"'
        ' dT="2026-05-03T11:00:00.00" personId="{p}" id="{3}" parentId="{1}"><text>Asked not to be'
        ' contacted again</text></threadedComment><threadedComment ref="B3" personId="{p}"'
        ' id="{2}"><text>Is she well?</text></threadedComment></ThreadedComments>'
    )
    kind = "http://schemas.microsoft.com/office/2017/10/relationships/threadedComment"
    rels = "xl/worksheets/_rels/sheet1.xml.rels"
    with zipfile.ZipFile(out) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    relation = f'<Relationship Id="t" Type="{kind}" Target="../threadedComments/tc1.xml"/></R'
    parts[rels] = parts[rels].replace(b"</R", relation.encode())
    parts["xl/threadedComments/tc1.xml"] = thread.encode()
    (tmp_path / "contacts").mkdir()
    with zipfile.ZipFile(tmp_path / "contacts" / "no.xlsx", "w") as new:
        for name, part in parts.items():
            new.writestr(name, part)
    assert why(load_contacts(tmp_path)) == [ASKED, *[""] * 7]


def test_a_comment_on_a_heading_between_the_rows_is_named(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    tab = book.worksheets[0]
    for line in (
        ["Name", "E-mail"], ["NORWAY"], ["Anna PRØVE", "a@x.example"], ["LATVIA"],
        ["Ilze PROVE", "i@y.example"],
    ):  # fmt: skip
        tab.append(line)
    tab["A2"].comment = Comment("do not contact", "Office")
    read = load(tmp_path, book, "all.xlsx")
    assert [one.code for one in read.problems if one.severity != "note"] == ["C168"]
    assert why(read)[1] == ""


def test_rows_go_home_with_their_lines_and_comments(tmp_path: Path) -> None:
    book = crossed_out()
    book.worksheets[0]["B9"].comment = Comment("do not contact", "Office")
    before = load(tmp_path, book)
    copy = mark(tmp_path, "contacts/no.xlsx", before)
    edited = openpyxl.load_workbook(copy, rich_text=True)
    edited["Members"].delete_rows(2)
    edited.save(copy)
    accept(tmp_path, copy)
    assert why(load_contacts(tmp_path)) == [*SAID[1:7], ASKED]


def test_the_same_row_written_once_for_several_is_struck_through_in_each(tmp_path: Path) -> None:
    folder = tmp_path / "contacts"
    folder.mkdir()
    book = crossed_out()
    book.worksheets[0]["B8"].comment = Comment("left in June", "Office")
    book.save(folder / "no.xlsx")
    if OFFICE is None:
        pytest.skip("LibreOffice is not here")
    path = to_ods(folder / "no.xlsx")
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    content = parts["content.xml"].decode()
    again = re.sub(
        r"<table:table-row (?=[^>]*>(?:(?!</table:table-row>).)*(?:Berit|Guri))",
        '<table:table-row table:number-rows-repeated="2" ',
        content,
    )
    assert again != content
    parts["content.xml"] = again.encode()
    with zipfile.ZipFile(path, "w") as new:
        for name, part in parts.items():
            new.writestr(name, part)
    read = load_contacts(tmp_path)
    again = [one for one in read.contacts if one.given in ("Berit", "Guri")]
    assert len(again) == 4
    assert all(one.skip for one in again)
