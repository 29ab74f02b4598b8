"""The ten tasks of a member of staff, as docs/contact-sheets.md tells them, played from the first
command to the last with the real command line and real sheets.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner, Result
from openpyxl.worksheet.worksheet import Worksheet

from mailer.cli import cli
from mailer.contacts.book import load_contacts

Run = Callable[..., Result]

CONFIG = (
    '[sender]\nfrom = "a@rights.example"\norganisation = "Rights"\n[smtp]\nhost ='
    ' "smtp.rights.example"\n'
)

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
def root(tmp_path: Path) -> Path:
    (tmp_path / "config.toml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "contacts").mkdir()
    (tmp_path / "contacts" / "list.csv").write_text(DIRTY, encoding="utf-8")
    return tmp_path


@pytest.fixture
def run(root: Path) -> Run:
    def run(*args: object) -> Result:
        words = ["-C", str(root), "contacts", *map(str, args)]
        return CliRunner().invoke(cli, words, catch_exceptions=False)

    return run


def people(root: Path) -> dict[str, tuple[str, str]]:
    """Return name → delegation and, of who gets no letter, the code."""
    return {
        c.name: (c.delegation, c.problem.code if c.problem else "")
        for c in load_contacts(root).contacts
        if c.name
    }


def test_1_a_dirty_list_says_each_cell_what_it_was_taken_for_and_who_is_missing(run: Run) -> None:
    said = run("check", "--all").output
    assert 'delegation ← "Ülke"' in said
    assert "list.csv:4:4" in said
    assert "list.csv:7:4" in said
    assert "this row is a sum" in said
    assert "5 people" in said


def test_2_what_has_one_answer_is_repaired(run: Run, root: Path) -> None:
    assert "bo.prove@norway.example" in run("fix", "--only", "C101").output
    assert people(root)["Bo PROVE"][1] == "C101"  # shown, and not yet written
    run("fix", "--apply", "--only", "C101")
    assert people(root)["Bo PROVE"] == ("NO", "")


def _corrected(root: Path, change: Callable[[Worksheet], None]) -> Path:
    copy = root / "contacts" / "_list.marked.xlsx"
    book = openpyxl.load_workbook(copy)
    change(book.worksheets[1])
    book.save(copy)
    return copy


def test_3_a_marked_copy_goes_to_a_colleague_and_comes_home(run: Run, root: Path) -> None:
    run("check", "list.csv", "--marked")

    def correct(tab: Worksheet) -> None:
        tab["D7"] = "jana.parauga@latvia.example"
        tab["D4"] = "bo.prove@norway.example"

    said = run("accept", _corrected(root, correct)).output
    assert "2 changes" in said
    assert people(root)["Jana PARAUGA"] == ("LV", "")


def test_4_a_row_that_is_taken_out_of_the_copy_moves_nobody(run: Run, root: Path) -> None:
    before = people(root)
    run("check", "list.csv", "--marked")
    run("accept", _corrected(root, lambda tab: tab.delete_rows(4)))
    assert people(root) == {name: one for name, one in before.items() if name != "Bo PROVE"}


def test_5_a_colleagues_newer_list_is_taken_over(run: Run, root: Path, tmp_path: Path) -> None:
    newer = tmp_path / "newer.csv"
    newer.write_text(NEWER, encoding="utf-8")
    said = run("update", "list.csv", newer).output
    assert "Di VERS" in said
    assert "Bo PROVE" in said
    assert "Di VERS" not in people(root)  # shown, and not yet written
    run("update", "list.csv", newer, "--apply")
    found = people(root)
    assert found["Di VERS"] == ("NO", "")
    assert found["Jana PARAUGA"] == ("LV", "")
    assert "Bo PROVE" not in found


def test_6_a_change_is_taken_back_byte_for_byte(run: Run, root: Path) -> None:
    sheet = root / "contacts" / "list.csv"
    before = sheet.read_bytes()
    run("fix", "--apply", "--only", "C101")
    assert sheet.read_bytes() != before
    run("undo", "list.csv")
    assert sheet.read_bytes() == before


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


def test_8_a_phone_list_makes_nobody_a_recipient(run: Run, root: Path, tmp_path: Path) -> None:
    phones = tmp_path / "norway phones.csv"
    phones.write_text(PHONES, encoding="utf-8")
    said = run("check", phones)
    assert said.exit_code == 1
    assert "there is no column for the address" in said.output
    assert len(people(root)) == 5


def test_9_a_list_of_signatures_becomes_a_sheet(run: Run, root: Path, tmp_path: Path) -> None:
    motion = tmp_path / "motion.txt"
    motion.write_text(MOTION, encoding="utf-8")
    assert "2 people" in run("import", motion, "--into", "sweden").output
    assert people(root)["Eva EXEMPEL"] == ("SE", "C100")


def test_10_who_came_and_went_between_two_lists_is_told(
    run: Run, root: Path, tmp_path: Path
) -> None:
    newer = tmp_path / "newer.csv"
    newer.write_text(NEWER, encoding="utf-8")
    said = run("diff", root / "contacts" / "list.csv", newer).output
    assert "Di VERS" in said
    assert "Bo PROVE" in said
