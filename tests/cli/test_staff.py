"""The tasks of a member of staff, played from the first word typed to the last: what they have,
what they type, and who can be written to in the end.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner, Result

from mailer.cli import cli
from mailer.contacts.book import load_contacts

CONFIG = (
    '[sender]\nfrom = "a@rights.example"\norganisation = "Rights"\n[smtp]\nhost ='
    ' "smtp.rights.example"\n'
)
Type = Callable[..., Result]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "config.toml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "contacts").mkdir()
    return tmp_path


@pytest.fixture
def types(root: Path) -> Type:
    def types(*words: object, code: int = 0) -> Result:
        result = CliRunner().invoke(cli, ["-C", str(root), "contacts", *map(str, words)])
        assert result.exit_code == code, result.output
        return result

    return types


def usable(root: Path) -> list[str]:
    return [c.name for c in load_contacts(root).contacts if c.skip is None]


def keep(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_dirty_list_is_put_right_in_the_marked_copy(root: Path, types: Type) -> None:
    lines = (
        "Name,E-mail\nAnna PRØVE,anna@no.example\nOla SKISSE,ola@no\n"
        "Kari MODELL,kari@no.example\nTotal: 3,\n"
    )
    keep(root, "contacts/MPs Norway.csv", lines)
    said = types("check", "--marked", code=1).output
    assert "'contacts/_MPs Norway.marked.xlsx'" in said  # can be typed as it stands
    copy = root / "contacts" / "_MPs Norway.marked.xlsx"
    book = openpyxl.load_workbook(copy)
    tab = book.worksheets[1]
    tab["B3"] = "ola@no.example"
    tab.delete_rows(4)
    book.save(copy)
    assert "taken out: Kari MODELL" in types("accept", copy).stdout
    assert usable(root) == ["Anna PRØVE", "Ola SKISSE"]


def test_a_colleagues_newer_version_is_compared(root: Path, types: Type) -> None:
    head = "Country,Name,E-mail\n"
    keep(root, "contacts/all.csv", f"{head}NO,Anna Berg,a@no.example\nNO,Ola Skisse,o@no.example\n")
    newer = f"{head}NO,Anna Prøve,a@no.example\nNO,Kari Modell,k@no.example\n"
    new = keep(root, "newer/all.csv", newer)
    said = types("diff", root / "contacts" / "all.csv", new).stdout
    assert "Anna Berg → Anna Prøve" in said
    assert "Ola Skisse" in said
    assert "Kari Modell" in said
    types("diff", root / "contacts", new, "--same", "Nobody Known", code=2)


def test_an_objection_is_heard_from_now_on(root: Path, types: Type) -> None:
    keep(root, "contacts/all.csv", "Country,Name,E-mail\nNO,Anna Berg,a@no.example\n")
    types("hold", "Anna Berg", "--because", "asked not to be written to", "--by", "Ilse")
    keep(root, "contacts/all.csv", "Country,Name,E-mail\nNO,BERG Anna,new@no.example\n")
    assert "on the hold list" in types("show", "Anna Berg").stdout


def test_a_phone_list_is_no_list_of_addresses_and_says_so(root: Path, types: Type) -> None:
    keep(root, "contacts/norway.csv", "Name,Telephone\nAnna PRØVE,22 31 30 50\n")
    said = types("check", code=1).stdout
    assert "C010" in said or "C011" in said
    assert "E-mail" in said


def test_a_list_with_opt_outs_of_another_program_writes_to_nobody_who_asked(
    root: Path, types: Type
) -> None:
    lines = (
        "First Name,Last Name,Email,Country,Do Not Email\nAnna,Prøve,a@no.example,Norway,Yes\n"
        "Ola,Skisse,o@no.example,Norway,No\n"
    )
    keep(root, "contacts/export.csv", lines)
    assert '"Do Not Email" says: Yes' in types("check", code=1).stdout
    assert usable(root) == ["Ola Skisse"]


def test_a_turkish_list_says_what_its_columns_were_taken_for(root: Path, types: Type) -> None:
    lines = "Ülke,Adı,Soyadı,E-posta adresi\nTürkiye,Şükrü,Örnek,sukru@tr.example\n"
    keep(root, "contacts/list.csv", lines)
    said = types("check")
    assert 'given ← "Adı"' in said.output
    assert usable(root) == ["Şükrü Örnek"]


def test_an_address_behind_a_word_is_offered_and_put_in(root: Path, types: Type) -> None:
    book = openpyxl.Workbook()
    tab = book.worksheets[0]
    tab.append(["Country", "Name", "E-mail"])
    tab.append(["NO", "Anna PRØVE", "write to her"])
    tab["C2"].hyperlink = "mailto:anna@no.example"
    book.save(root / "contacts" / "a.xlsx")
    assert "the link leads to anna@no.example" in types("check", code=1).stdout
    types("fix", "--only", "C101", "--apply")
    assert usable(root) == ["Anna PRØVE"]


def test_a_newer_list_after_an_election_is_taken_over_and_taken_back(
    root: Path, types: Type
) -> None:
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
    said = types("update", "norway.csv", new, code=1).output
    assert "Anna Berg → Anna Prøve" in said
    assert "“Liv Bergersen” / “Liv Bergerson” looks like one person" in said
    assert sheet.read_bytes() == before
    again = f"update norway.csv '{new}' --same 'Liv Bergerson' --apply"
    assert again in said  # the whole command, to be typed as it stands
    types("update", "norway.csv", new, "--same", "Liv Bergerson", "--apply", "--by", "Ilse")
    rows = sheet.read_text(encoding="utf-8").splitlines()
    assert rows[1:] == [
        "NO,Anna Prøve,a@no.example,met her",
        "NO,Kari Modell,kari@no.example,phone first",
        "NO,Liv Bergerson,lb@no.example,",
        "NO,Tor Ny,t@no.example,",
    ]
    assert "address from norway new.csv, 20" in types("show", "Tor Ny").stdout
    types("undo", "norway.csv")
    assert sheet.read_bytes() == before


def test_a_correction_outlives_the_next_version_of_the_same_list(root: Path, types: Type) -> None:
    wrong = "Country,Name,E-mail\nNO,Anna Berg,mailto:anna@no.example\n"
    sheet = keep(root, "contacts/all.csv", wrong)
    types("fix", "--apply")
    new = keep(root, "newer/all.csv", f"{wrong}NO,Tor Ny,t@no.example\n")
    said = types("update", "all.csv", new, "--apply").stdout
    assert "anna@no.example stays; the list has mailto:anna@no.example" in said
    assert usable(root) == ["Anna Berg", "Tor Ny"]
    assert "mailto" not in sheet.read_text(encoding="utf-8")


def test_a_sheet_in_the_downloads_is_looked_at_before_it_is_put_among_the_others(
    root: Path, types: Type
) -> None:
    keep(root, "contacts/all.csv", "Country,Name,E-mail\nNO,Anna Berg,a@no.example\n")
    new = keep(root, "down loads/sweden.csv", "Country,Name,E-mail\nSE,Per Utkast,p@se\n")
    assert "contacts import" in types("check", new, code=1).output
    assert usable(root) == ["Anna Berg"]
    new.write_text("Country,Name,E-mail\nSE,Per Utkast,p@se.example\n", encoding="utf-8")
    types("check", new)
    types("import", new)
    assert usable(root) == ["Anna Berg", "Per Utkast"]
    types("undo", "sweden.csv")
    assert usable(root) == ["Anna Berg"]
