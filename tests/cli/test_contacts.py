"""Facts about `mailer contacts …`: what people type, what is written, and what is never
overwritten.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner, Result

from mailer.cli import cli
from tests.cli.conftest import Run

SHEET = (
    "Delegation,Role,Name,E-mail\nNO,representative,Anna Prøve,anna@no.example\n"
    "NO,substitute,Ola Skisse,mailto:ola@no.example\nNO,substitute,Kari Mønster,\n"
)


@pytest.fixture
def root(root: Path) -> Path:
    (root / "contacts" / "no.csv").write_text(SHEET, encoding="utf-8")
    return root


def data(result: Result) -> Any:
    return json.loads(result.stdout)


def test_check_names_cells_and_the_sum_of_rows(run: Run) -> None:
    result = run("check", "no.csv", code=1)
    assert "contacts/no.csv:3:4" in result.stdout
    assert "3 people in 3 rows: 1 can be written to, 2 cannot." in result.stdout
    found = data(run("check", "--json", code=1))
    assert [(p["code"], p["row"]) for p in found["problems"]] == [("C109", 3), ("C100", 4)]


def test_a_sheet_that_is_not_there_is_named(run: Run) -> None:
    assert "there are: no.csv" in run("check", "uk.xlsx", code=2).stderr


def test_the_way_back_through_a_marked_copy(root: Path, run: Run) -> None:
    run("check", "no.csv", "--marked", code=1)
    copy = root / "contacts" / "_no.marked.xlsx"
    book = openpyxl.load_workbook(copy)
    book[book.sheetnames[1]]["D4"] = "kari@no.example"
    book.save(copy)
    result = run("accept", copy)
    assert "4:4  (empty) → kari@no.example" in result.stdout
    assert "kari@no.example" in (root / "contacts" / "no.csv").read_text(encoding="utf-8")
    assert "has changed since" in run("accept", copy, code=3).stderr


def test_fix_shows_first_and_writes_with_apply(root: Path, run: Run) -> None:
    sheet = root / "contacts" / "no.csv"
    shown = run("fix", code=1)
    assert "- mailto:ola@no.example\n    + ola@no.example" in shown.stdout
    assert sheet.read_text(encoding="utf-8") == SHEET
    run("fix", "--apply")
    assert sheet.read_text(encoding="utf-8") == SHEET.replace("mailto:", "")
    assert (root / ".mailer" / "backups" / "no.1.csv").read_text(encoding="utf-8") == SHEET
    assert "nothing that can be repaired" in run("fix").stderr


def test_diff_compares_sheets_and_folders(root: Path, run: Run, tmp_path: Path) -> None:
    new = tmp_path / "new.csv"
    new.write_text(
        SHEET.replace("Anna Prøve", "PROVE Anna")
        .replace("Kari Mønster", "Per Utkast")
        .replace("substitute,Ola", "chair,Ola"),
        encoding="utf-8",
    )
    result = run("diff", root / "contacts", new, "--html", tmp_path / "page.html", code=0)
    assert (
        result.stdout.splitlines()[-1]
        == "0 delegations unchanged.    1 left · 1 joined · 1 changed · 0 to decide"
    )
    assert "Per Utkast" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert data(run("diff", root / "contacts", new, "--json"))["totals"]["left"] == 1


def test_a_new_sheet_is_empty_and_clean(root: Path, run: Run) -> None:
    assert run("new", "FR", "Holland").stdout.split() == [
        "contacts/france.xlsx",
        "contacts/netherlands.xlsx",
    ]
    assert "already there" in run("new", "France", code=2).stderr
    assert 'did you mean "Germany"?' in run("new", "Germnay", code=2).stderr
    found = data(run("check", "france.xlsx", "--json"))
    assert (found["problems"], found["contacts"]) == ([], 0)


def test_import_makes_a_sheet_and_says_what_is_missing(
    root: Path, run: Run, tmp_path: Path
) -> None:
    source = tmp_path / "list.txt"
    source.write_text(
        "Ms Anna SAMPLE, Austria, SOC ; Mr Ola SKISSE, Norway\nsigned overleaf", encoding="utf-8"
    )
    result = run("import", source, "--into", "pace")
    assert result.stdout.strip() == "contacts/pace.csv: 2 people from PACE list"
    assert "This source lacks: no addresses" in result.stderr
    assert "signed overleaf" in result.stderr
    assert "already there" in run("import", source, "--into", "pace", code=2).stderr


def test_a_person_is_held_listed_and_released(root: Path, run: Run) -> None:
    run("hold", "anna", "--because", "asked for quiet", "--by", "Ilse")
    assert "asked for quiet (Ilse, " in run("holds").stdout
    assert "on the hold list: asked for quiet" in run("show", "anna@no.example").stdout
    assert "already" in run("hold", "Anna Prøve", "--because", "x", code=2).stderr
    run("release", "Anna")
    assert run("holds").stdout == ""
    assert "not on the hold list" in run("release", "Anna", code=2).stderr
    assert "can be several people" in run("hold", "a", "--because", "x", code=2).stderr


def test_an_address_that_is_in_no_sheet_can_be_held(run: Run) -> None:
    run("hold", "somebody@se.example", "--because", "objected")
    assert "somebody@se.example  objected" in run("holds").stdout
    assert "already" in run("hold", "Somebody@SE.example", "--because", "x", code=2).stderr
    run("release", "somebody@se.example", "--forget")
    assert "somebody" not in run("holds").stdout
    assert "already" in run("hold", "somebody@se.example", "--because", "x", code=2).stderr


def test_show_lists_everybody_with_the_reason(run: Run) -> None:
    lines = run("show").stdout.splitlines()
    assert len(lines) == 3
    assert lines[2].endswith("there is no address")


def test_every_code_is_explained_with_an_example() -> None:
    from mailer.base.problems import codes

    for code, kind in codes().items():
        shown = CliRunner().invoke(cli, ["explain", code.lower()])
        assert shown.exit_code == 0
        assert kind.example in shown.stdout
        assert kind.advice in shown.stdout
    listed = CliRunner().invoke(cli, ["explain"]).stdout
    assert all(f"{code}  " in listed for code in [*codes(), "K103", "L203"])
    assert CliRunner().invoke(cli, ["explain", "C999"]).exit_code == 2


def test_a_workspace_can_say_which_delegations_sit(root: Path, run: Run) -> None:
    (root / "contacts" / "ca.csv").write_text(
        "Country,Name,E-mail\nCanada,Ola Skisse,o@ca.example\n", encoding="utf-8"
    )
    assert [p["code"] for p in data(run("check", "ca.csv", "--json", code=1))["problems"]] == [
        "C121"
    ]
    (root / "delegations.csv").write_text("code,status\nCA,member\n", encoding="utf-8")
    assert data(run("check", "ca.csv", "--json"))["problems"] == []


def test_check_says_who_is_nearly_on_the_hold_list_and_what_to_do_next(
    root: Path, run: Run
) -> None:
    run("hold", "Anna Prøve", "--because", "asked")
    again = SHEET.replace("Anna Prøve,anna@", "Anna K. Prøve,new@")
    (root / "contacts" / "no.csv").write_text(again, encoding="utf-8")
    result = run("check", code=1)
    assert "C203" in result.stdout
    assert "contacts check no.csv --marked" in result.stderr
    assert "contacts fix" in result.stderr


def test_fix_says_the_whole_command_that_writes(root: Path, run: Run) -> None:
    (root / "contacts" / "a.csv").write_text(
        "Country,Name,E-mail\nNorwya,Per Utkast,p@no.example\n", encoding="utf-8"
    )
    assert 'answer "did you mean" with yes' in run("check", "a.csv", code=1).stderr
    assert (
        "contacts fix a.csv --only C120 --apply"
        in run("fix", "a.csv", "--only", "c120", code=1).stderr
    )
    run("fix", "a.csv", "--only", "C120", "--apply")
    assert "Norway,Per Utkast" in (root / "contacts" / "a.csv").read_text(encoding="utf-8")


def test_a_change_of_a_sheet_is_undone_byte_for_byte_and_the_undoing_too(
    root: Path, run: Run
) -> None:
    sheet = root / "contacts" / "no.csv"
    run("fix", "--apply")
    mended = sheet.read_bytes()
    assert "is as it was" in run("undo", "no.csv").stdout
    assert sheet.read_bytes() == SHEET.encode()
    run("undo", "no.csv")
    assert sheet.read_bytes() == mended
    assert [
        line["number"]
        for line in map(json.loads, run("undo", "no.csv", "--list", "--json").stdout.splitlines())
    ] == [3, 2, 1]
    run("undo", "no.csv", "--to", "1")
    assert sheet.read_bytes() == SHEET.encode()
    assert "kept are: 4, 3, 2, 1" in run("undo", "no.csv", "--to", "9", code=2).stderr


def test_a_sheet_from_elsewhere_is_checked_brought_in_as_it_is_and_taken_out_again(
    root: Path, run: Run, tmp_path_factory: pytest.TempPathFactory
) -> None:
    source = tmp_path_factory.mktemp("down loads") / "new list.csv"
    source.write_text(SHEET.replace("Anna", "Liv"), encoding="utf-8")
    found = data(run("check", source, "--json", code=1))
    assert (found["contacts"], found["usable"]) == (3, 1)
    assert {p["file"] for p in found["problems"]} == {str(source)}
    said = run("check", source, code=1)
    assert f"mailer -C {root} contacts import '{source}'" in said.stderr
    assert (
        "no contact sheet of this workspace yet" in run("check", source, "--marked", code=2).stderr
    )
    assert run("import", source).stdout.startswith("contacts/new list.csv: 3 people")
    assert (root / "contacts" / "new list.csv").read_bytes() == source.read_bytes()
    assert "no longer there, as before" in run("undo", "new list.csv").stdout
    assert not (root / "contacts" / "new list.csv").exists()


def test_people_are_counted_and_not_rows(root: Path, run: Run) -> None:
    text = SHEET + "NO,substitute,Ola Skisse,ola.s@no.example\nTotal: 3,,,\n"
    (root / "contacts" / "no.csv").write_text(text, encoding="utf-8")
    found = data(run("check", "--json", code=1))
    assert (found["contacts"], found["people"], found["usable"]) == (5, 3, 2)


def test_notes_come_last_and_those_that_say_the_same_are_one(root: Path, run: Run) -> None:
    lines = SHEET.splitlines(keepends=True)
    text = "".join([*lines[:2], lines[0], lines[2], lines[0], lines[3]])
    (root / "contacts" / "no.csv").write_text(text, encoding="utf-8")
    result = run("check", code=1)
    said = result.stdout
    assert said.count("these are the headings again") == 1
    assert said.index("C163") > said.index("C109") > 0
    assert said.index("C163") > said.index("C100") > 0
    assert "  ┌─ contacts/no.csv:3:3  Name\n  ┌─ contacts/no.csv:5:3  Name\n" in said
    assert (
        "3 people in 5 rows: 1 can be written to, 2 cannot. 2 errors, 0 to look at, 2 notes."
        in said
    )


def test_a_sheet_whose_name_has_a_blank_is_told_as_it_is_typed(root: Path, run: Run) -> None:
    sheet = root / "contacts" / "no way.csv"
    sheet.write_text(SHEET.replace("Anna", "Liv"), encoding="utf-8")
    run("check", "no way.csv", "--marked", code=1)
    sheet.write_text(SHEET, encoding="utf-8")
    copy = root / "contacts" / "_no way.marked.xlsx"
    assert "contacts check 'no way.csv' --marked" in run("accept", copy, code=3).stderr
    assert "contacts fix 'no way.csv' --apply" in run("fix", "no way.csv", code=1).stderr


def test_what_was_meant_is_asked_among_the_domains_of_the_same_sheet(root: Path, run: Run) -> None:
    people = {
        "Anna Berg": "anna@stortinget.example",
        "Per Vik": "per@stortinget.example",
        "Ola Skisse": "ola@stortinget",
        "Liv Ny": "livstortinget.example",
        "Eva Utkast": "eva@stortinget.exmaple",
        "Tor Feil": "tor@elsewhere",
    }
    lines = [f"NO,{name},{address}\n" for name, address in people.items()]
    (root / "contacts" / "no.csv").write_text(
        "".join(["Country,Name,E-mail\n", *lines]), encoding="utf-8"
    )
    found = data(run("check", "--json", code=1))["problems"]
    asked = {p["row"]: p["suggestion"] for p in found if "did you mean" in (p["suggestion"] or "")}
    assert asked == {
        4: "did you mean ola@stortinget.example?",
        5: "did you mean liv@stortinget.example?",
        6: "did you mean eva@stortinget.example?",
    }
    run("fix", "--only", "C101", "--only", "C103", "--apply")
    assert data(run("check", "--json", code=1))["usable"] == 5
