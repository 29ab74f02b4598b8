"""The ten tasks of a member of staff, as docs/contact-sheets.md tells them, played from the first
command to the last with the real command line and real sheets; and what else they bring.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from mailer.contacts.book import load_contacts
from tests.cli.conftest import Run

DIRTY = """Members of the delegations, May;;;;
Ülke;Adı;Soyadı;E-posta;Telefon
Norway;Anna;BEISPIEL;anna.beispiel@norway.example;0047 1
Norway;Bo;PROVE;bo.prove @norway.example;0047 2
Norway;Cy;REIM;cy.reim@norway.example;0047 3
Latvia;Ilze;OZOLA;ilze.ozola@latvia.example;00371 1
Latvia;Jana;PARAUGA;jana.parauga@latvia;00371 2
Total;;;;5
"""
PHONES = "Name;Telephone\nAnna BEISPIEL;0047 1\nBo PROVE;0047 2\n"
NEWER = """Country,Name,E-mail
Norway,Anna BEISPIEL,anna.beispiel@norway.example
Norway,Cy REIM,cy.reim@norway.example
Norway,Di VERS,di.vers@norway.example
Latvia,Ilze OZOLA,ilze.ozola@latvia.example
Latvia,Jana PARAUGA,jana.parauga@latvia.example
"""
MOTION = "Signatories: Ms Eva EXEMPEL, Sweden, SOC ; Mr Per MODELL, Sweden, ALDE\n"


@pytest.fixture
def list_(root: Path) -> Path:
    return keep(root, "contacts/list.csv", DIRTY)


def keep(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def usable(root: Path) -> list[str]:
    return [c.name for c in load_contacts(root).contacts if c.skip is None]


def people(root: Path) -> dict[str, tuple[str, str]]:
    """Return name → delegation and, of who gets no letter, the code."""
    return {
        c.name: (c.delegation, c.problem.code if c.problem else "")
        for c in load_contacts(root).contacts
        if c.name
    }


@pytest.mark.usefixtures("list_")
def test_1_a_dirty_list_says_each_cell_what_it_was_taken_for_and_who_is_missing(run: Run) -> None:
    said = run("check", "--all", code=1).output
    assert 'delegation ← "Ülke"' in said
    assert "list.csv:4:4" in said
    assert "list.csv:7:4" in said
    assert "this row is a sum" in said
    assert "5 people" in said


@pytest.mark.usefixtures("list_")
def test_2_what_has_one_answer_is_repaired(run: Run, root: Path) -> None:
    assert "bo.prove@norway.example" in run("fix", "--only", "C101", code=1).output
    assert people(root)["Bo PROVE"][1] == "C101"  # shown, and not yet written
    run("fix", "--apply", "--only", "C101")
    assert people(root)["Bo PROVE"] == ("NO", "")


def _corrected(root: Path, change: Callable[[Worksheet], None]) -> Path:
    copy = root / "contacts" / "_list.marked.xlsx"
    book = openpyxl.load_workbook(copy)
    change(book.worksheets[1])
    book.save(copy)
    return copy


@pytest.mark.usefixtures("list_")
def test_3_a_marked_copy_goes_to_a_colleague_and_comes_home(run: Run, root: Path) -> None:
    run("check", "list.csv", "--marked", code=1)

    def correct(tab: Worksheet) -> None:
        tab["D7"] = "jana.parauga@latvia.example"
        tab["D4"] = "bo.prove@norway.example"

    said = run("accept", _corrected(root, correct)).output
    assert "2 changes" in said
    assert people(root)["Jana PARAUGA"] == ("LV", "")


@pytest.mark.usefixtures("list_")
def test_4_a_row_that_is_taken_out_of_the_copy_moves_nobody(run: Run, root: Path) -> None:
    before = people(root)
    run("check", "list.csv", "--marked", code=1)
    run("accept", _corrected(root, lambda tab: tab.delete_rows(4)))
    assert people(root) == {name: one for name, one in before.items() if name != "Bo PROVE"}


@pytest.mark.usefixtures("list_")
def test_5_a_colleagues_newer_list_is_taken_over(run: Run, root: Path, tmp_path: Path) -> None:
    newer = tmp_path / "newer.csv"
    newer.write_text(NEWER, encoding="utf-8")
    said = run("update", "list.csv", newer, code=1).output
    assert "Di VERS" in said
    assert "Bo PROVE" in said
    assert "Di VERS" not in people(root)  # shown, and not yet written
    run("update", "list.csv", newer, "--apply")
    found = people(root)
    assert found["Di VERS"] == ("NO", "")
    assert found["Jana PARAUGA"] == ("LV", "")
    assert "Bo PROVE" not in found


@pytest.mark.usefixtures("list_")
def test_6_a_change_is_taken_back_byte_for_byte(run: Run, root: Path) -> None:
    sheet = root / "contacts" / "list.csv"
    before = sheet.read_bytes()
    run("fix", "--apply", "--only", "C101")
    assert sheet.read_bytes() != before
    run("undo", "list.csv")
    assert sheet.read_bytes() == before


@pytest.mark.usefixtures("list_")
def test_7_an_objection_is_heard_and_stays_when_a_newer_list_comes(
    run: Run, root: Path, tmp_path: Path
) -> None:
    run("hold", "Ilze OZOLA", "--because", "asked not to be written to", "--by", "Ilse")
    assert "Ilze OZOLA" in run("holds").output
    newer = tmp_path / "newer.csv"
    newer.write_text(NEWER, encoding="utf-8")
    run("update", "list.csv", newer, "--apply")
    assert "Ilze OZOLA" in run("holds").output
    with (root / "contacts" / "_hold.csv").open(encoding="utf-8") as file:
        assert [row["name"] for row in csv.DictReader(file)] == ["Ilze OZOLA"]


@pytest.mark.usefixtures("list_")
def test_8_a_phone_list_makes_nobody_a_recipient(run: Run, root: Path, tmp_path: Path) -> None:
    phones = tmp_path / "norway phones.csv"
    phones.write_text(PHONES, encoding="utf-8")
    said = run("check", phones, code=1)
    assert "there is no column for the address" in said.output
    assert len(people(root)) == 5


@pytest.mark.usefixtures("list_")
def test_9_a_list_of_signatures_becomes_a_sheet(run: Run, root: Path, tmp_path: Path) -> None:
    motion = tmp_path / "motion.txt"
    motion.write_text(MOTION, encoding="utf-8")
    assert "2 people" in run("import", motion, "--into", "sweden").output
    assert people(root)["Eva EXEMPEL"] == ("SE", "C100")


@pytest.mark.usefixtures("list_")
def test_10_who_came_and_went_between_two_lists_is_told(
    run: Run, root: Path, tmp_path: Path
) -> None:
    newer = tmp_path / "newer.csv"
    newer.write_text(NEWER, encoding="utf-8")
    said = run("diff", root / "contacts" / "list.csv", newer).output
    assert "Di VERS" in said
    assert "Bo PROVE" in said


def test_a_dirty_list_is_put_right_in_the_marked_copy(root: Path, run: Run) -> None:
    lines = (
        "Name,E-mail\nAnna PRØVE,anna@no.example\nOla SKISSE,ola@no\n"
        "Kari MODELL,kari@no.example\nTotal: 3,\n"
    )
    keep(root, "contacts/MPs Norway.csv", lines)
    said = run("check", "--marked", code=1).output
    assert "'contacts/_MPs Norway.marked.xlsx'" in said  # can be typed as it stands
    copy = root / "contacts" / "_MPs Norway.marked.xlsx"
    book = openpyxl.load_workbook(copy)
    tab = book.worksheets[1]
    tab["B3"] = "ola@no.example"
    tab.delete_rows(4)
    book.save(copy)
    assert "taken out: Kari MODELL" in run("accept", copy).stdout
    assert usable(root) == ["Anna PRØVE", "Ola SKISSE"]


def test_an_objection_is_heard_from_now_on(root: Path, run: Run) -> None:
    keep(root, "contacts/all.csv", "Country,Name,E-mail\nNO,Anna Berg,a@no.example\n")
    run("hold", "Anna Berg", "--because", "asked not to be written to", "--by", "Ilse")
    keep(root, "contacts/all.csv", "Country,Name,E-mail\nNO,BERG Anna,new@no.example\n")
    assert "on the hold list" in run("show", "Anna Berg").stdout


def test_a_list_with_opt_outs_of_another_program_writes_to_nobody_who_asked(
    root: Path, run: Run
) -> None:
    lines = (
        "First Name,Last Name,Email,Country,Do Not Email\nAnna,Prøve,a@no.example,Norway,Yes\n"
        "Ola,Skisse,o@no.example,Norway,No\n"
    )
    keep(root, "contacts/export.csv", lines)
    assert '"Do Not Email" says: Yes' in run("check", code=1).stdout
    assert usable(root) == ["Ola Skisse"]


def test_an_address_behind_a_word_is_offered_and_put_in(root: Path, run: Run) -> None:
    book = openpyxl.Workbook()
    tab = book.worksheets[0]
    tab.append(["Country", "Name", "E-mail"])
    tab.append(["NO", "Anna PRØVE", "write to her"])
    tab["C2"].hyperlink = "mailto:anna@no.example"
    book.save(root / "contacts" / "a.xlsx")
    assert "the link leads to anna@no.example" in run("check", code=1).stdout
    run("fix", "--only", "C101", "--apply")
    assert usable(root) == ["Anna PRØVE"]


def test_a_newer_list_after_an_election_is_taken_over_and_taken_back(root: Path, run: Run) -> None:
    head = "Country,Name,E-mail,Our note\n"
    sheet = keep(
        root,
        "contacts/norway.csv",
        f"{head}NO,Anna Berg,a@no.example,met her\nNO,Ola Skisse,o@no.example,\n"
        "NO,Kari Modell,k@no.example,phone first\nNO,Liv Bergersen,l@no.example,\n",
    )
    before = sheet.read_bytes()
    new = keep(
        root,
        "down loads/norway new.csv",
        "Name;Email\nAnna Prøve;a@no.example\nKari Modell;kari@no.example\n"
        "Liv Bergerson;lb@no.example\nTor Ny;t@no.example\n",
    )
    said = run("update", "norway.csv", new, code=1).output
    assert "Anna Berg → Anna Prøve" in said
    assert "“Liv Bergersen” / “Liv Bergerson” looks like one person" in said
    assert sheet.read_bytes() == before
    again = f"update norway.csv '{new}' --same 'Liv Bergerson' --apply"
    assert again in said  # the whole command, to be typed as it stands
    run("update", "norway.csv", new, "--same", "Liv Bergerson", "--apply", "--by", "Ilse")
    rows = sheet.read_text(encoding="utf-8").splitlines()
    assert rows[1:] == [
        "NO,Anna Prøve,a@no.example,met her",
        "NO,Kari Modell,kari@no.example,phone first",
        "NO,Liv Bergerson,lb@no.example,",
        "NO,Tor Ny,t@no.example,",
    ]
    assert "address from norway new.csv, 20" in run("show", "Tor Ny").stdout
    run("undo", "norway.csv")
    assert sheet.read_bytes() == before


def test_a_correction_outlives_the_next_version_of_the_same_list(root: Path, run: Run) -> None:
    wrong = "Country,Name,E-mail\nNO,Anna Berg,mailto:anna@no.example\n"
    sheet = keep(root, "contacts/all.csv", wrong)
    run("fix", "--apply")
    new = keep(root, "newer/all.csv", f"{wrong}NO,Tor Ny,t@no.example\n")
    said = run("update", "all.csv", new, "--apply").stdout
    assert "anna@no.example stays; the list has mailto:anna@no.example" in said
    assert usable(root) == ["Anna Berg", "Tor Ny"]
    assert "mailto" not in sheet.read_text(encoding="utf-8")


def test_a_sheet_in_the_downloads_is_looked_at_before_it_is_put_among_the_others(
    root: Path, run: Run
) -> None:
    keep(root, "contacts/all.csv", "Country,Name,E-mail\nNO,Anna Berg,a@no.example\n")
    new = keep(root, "down loads/sweden.csv", "Country,Name,E-mail\nSE,Per Utkast,p@se\n")
    assert "contacts import" in run("check", new, code=1).output
    assert usable(root) == ["Anna Berg"]
    new.write_text("Country,Name,E-mail\nSE,Per Utkast,p@se.example\n", encoding="utf-8")
    run("check", new)
    run("import", new)
    assert usable(root) == ["Anna Berg", "Per Utkast"]
    run("undo", "sweden.csv")
    assert usable(root) == ["Anna Berg"]
