"""Facts about `mailer init`: what it writes loads as it is, in test mode, and nothing is
overwritten.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner

from mailer.actions.doctor import examine as doctor
from mailer.actions.doctor.finding import Verdict
from mailer.base.delegations import Delegations
from mailer.base.errors import Severity
from mailer.base.settings.unfilled import unfilled
from mailer.base.settings.workspace import load_workspace
from mailer.cli import cli
from mailer.contacts.book import load_contacts
from mailer.letters.appeal_files import load_appeal

NAMES = [
    ".gitignore",
    "config.toml",
    "contacts/_hold.csv",
    "contacts/members.xlsx",
    "templates/first-appeal/appeal.toml",
    "templates/first-appeal/en.md",
    "templates/first-appeal/fr.md",
]


@pytest.fixture(params=["en", "fr"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    found = CliRunner().invoke(cli, ["-C", str(tmp_path), "init", "work", "--lang", request.param])
    assert found.exit_code == 0, found.output
    return tmp_path / "work"


def test_new_workspace_is_in_test_mode_and_reaches_nobody(made: Path) -> None:
    settings = load_workspace(made).settings
    assert settings.safety.mode == "test"
    assert settings.safety.allow == ()
    assert not settings.safety.demo_only
    assert settings.sender.address.endswith(".example")


def test_new_workspace_names_every_setting_of_its_tables(made: Path) -> None:
    text = (made / "config.toml").read_text(encoding="utf-8")
    settings = load_workspace(made).settings_with_origin()
    missing = [setting.key for setting in settings if setting.key.partition(".")[2] not in text]
    assert missing == ["safety.demo_only"]


def test_new_sheet_has_the_columns_that_are_known_and_nobody_in_it(made: Path) -> None:
    book = load_contacts(made)
    assert book.contacts == ()
    assert [problem for problem in book.problems if problem.severity is Severity.ERROR] == []
    assert book.broken == ()


def test_every_choice_of_the_drop_downs_is_understood(made: Path) -> None:
    book = openpyxl.load_workbook(made / "contacts" / "members.xlsx")
    people, guide = book.worksheets
    choices: dict[str, list[str]] = {}
    for rule in people.data_validations.dataValidation:
        heading = people.cell(1, next(iter(rule.sqref.ranges)).min_col).value
        if rule.formula1.startswith('"'):
            choices[heading] = rule.formula1.strip('"').split(",")
        else:
            choices[heading] = [
                row[0].value for row in guide[rule.formula1.rpartition("!")[2].replace("$", "")]
            ]
    delegation, civility, gender = (list(choices)[at] for at in (0, 2, 4))
    assert len(choices[delegation]) == 46
    assert all(Delegations.load().find(name) for name in choices[delegation])
    headings = [cell.value for cell in people[1]]
    longest = max(map(len, choices.values()))
    for number in range(longest):
        person = {heading: words[number % len(words)] for heading, words in choices.items()}
        person |= {
            headings[3]: "Alex",
            headings[4]: f"Person{'abcdefghij'[number % 10]}",
            headings[6]: f"person{number}@rights.example",
        }
        if person[civility] in ("Ms", "Mme"):
            person[gender] = "f"
        else:
            person[gender] = "m"
        people.append([person.get(heading) for heading in headings])
    book.save(made / "contacts" / "members.xlsx")
    found = load_contacts(made)
    assert [str(problem) for problem in found.problems if problem.sheet == people.title] == []
    assert len({contact.delegation for contact in found.contacts}) == 46
    assert {contact.role for contact in found.contacts} == {"representative", "substitute", "chair"}
    assert {contact.language for contact in found.contacts} == {
        "en",
        "fr",
        "de",
        "it",
        "es",
        "tr",
        "uk",
        "pl",
    }


def test_first_appeal_is_complete(made: Path) -> None:
    appeal = load_appeal(made, "first-appeal")
    assert sorted(appeal.letters) == ["en", "fr"]
    assert appeal.fallback[0] == ("en" if "First" in appeal.title else "fr")


def test_people_the_log_and_secrets_stay_out_of_git(made: Path) -> None:
    ignored = (made / ".gitignore").read_text(encoding="utf-8").split()
    assert {"/contacts/", "/.mailer/", "/secrets/", "/config.local.toml"} <= set(ignored)


@pytest.mark.parametrize(("mode", "severity", "code"), [("test", "note", 0), ("live", "error", 1)])
def test_what_nobody_has_filled_in_is_a_note_and_in_live_mode_an_error(
    made: Path, mode: str, severity: str, code: int
) -> None:
    settings = made / "config.toml"
    settings.write_text(
        settings.read_text(encoding="utf-8").replace('mode = "test"', f'mode = "{mode}"'),
        encoding="utf-8",
    )
    found = CliRunner().invoke(cli, ["-C", str(made), "check", "--json"])
    problems = [one for one in json.loads(found.stdout)["problems"] if one["code"] == "K113"]
    assert found.exit_code == code
    assert [one["message"].split()[0] for one in problems] == [
        "sender.from",
        "sender.organisation",
        "smtp.host",
    ]
    assert {one["severity"] for one in problems} == {severity}
    (said,) = [
        one
        for one in doctor.settings(load_workspace(made))
        if "as mailer init wrote" in one.sentence
    ]
    assert said.verdict is (Verdict.WRONG if mode == "live" else Verdict.LOOK)
    lines = settings.read_text(encoding="utf-8").splitlines()
    assert all(one["value"] in lines[one["row"] - 1] for one in problems)


def test_what_is_filled_in_is_no_problem(made: Path) -> None:
    (made / "config.toml").write_text(
        '[sender]\nfrom = "a@rights.example"\norganisation = "Rights"\n[smtp]\nhost ='
        ' "smtp.rights.example"\n',
        encoding="utf-8",
    )
    assert unfilled(load_workspace(made)) == []


def test_nothing_is_overwritten(made: Path) -> None:
    (made / "config.toml").write_text("mine", encoding="utf-8")
    (made / ".gitignore").unlink()
    found = CliRunner().invoke(cli, ["init", str(made)])
    assert found.exit_code == 2
    assert "already holds config.toml, contacts/_hold.csv" in found.stderr
    assert (made / "config.toml").read_text(encoding="utf-8") == "mine"
    assert not (made / ".gitignore").exists()


def test_what_was_written_is_listed(tmp_path: Path) -> None:
    found = CliRunner().invoke(cli, ["init", str(tmp_path / "a b"), "--json"])
    assert json.loads(found.stdout) == {"workspace": str(tmp_path / "a b"), "files": NAMES}
    assert all((tmp_path / "a b" / name).is_file() for name in NAMES)
    talk = CliRunner().invoke(cli, ["init", str(tmp_path / "c d")])
    assert talk.stdout.split() == NAMES
    assert f"cd '{tmp_path / 'c d'}' && mailer check" in talk.stderr


def test_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    found = CliRunner().invoke(cli, ["init", str(tmp_path / "file" / "work")])
    assert found.exit_code == 2
    assert "cannot be written to: Not a directory" in found.stderr


def test_whatever_is_written_is_for_its_owner_alone(tmp_path: Path) -> None:
    """In a shell where everybody may read what is made."""
    command = [sys.executable, "-m", "mailer", "-C", str(tmp_path / "new"), "init"]
    subprocess.run(command, check=True, capture_output=True, umask=0o022)
    made = list((tmp_path / "new").rglob("*"))
    assert len(made) > 5
    assert [path for path in made if path.stat().st_mode & 0o077] == []
