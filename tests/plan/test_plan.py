"""Facts about plans: what a row lacks leaves that row out, and what a letter lacks refuses the
whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mailer.base.errors import MailerError
from mailer.base.states import Reason
from mailer.cli import cli
from mailer.contacts.contact import Contact
from mailer.letters.appeal_files import load_appeal
from mailer.plan.audience import Decision
from mailer.plan.plan import Plan, Sending, make_plan
from mailer.plan.sources import Sources
from tests.helpers.letters import folder, letter, person, renderer

SENDING = Sending(
    "us@rights.example", "us@rights.example", "us@rights.example", "127.0.0.1:25 none", "live"
)


def planned(root: Path, body: str, *people: Contact, subject: str = "Hello", **files: Any) -> Plan:
    appeal = load_appeal(folder(root, en=letter(body, subject), **files), "appeal")
    made = renderer(appeal, ["Committee"])
    return make_plan(appeal, [Decision(one, "en") for one in people], made, SENDING, Sources())


def others(number: int = 3) -> list[Contact]:
    names = ("Ola", "Kari", "Per")[:number]
    return [
        person(given=one, title="Dr", address=f"{one.lower()}@no.parliament.example")
        for one in names
    ]


@pytest.mark.parametrize(
    ("body", "fields", "cell", "detail"),
    [
        ("{{ title }}", {"title": ""}, "7:5", "there is nothing to put in (title)"),
        (
            "{{ extra['Committee'] }}",
            {"title": "Dr"},
            "7:12",
            "there is nothing to put in (Committee)",
        ),
        ("x", {"name": "A" * 121}, "7:3", "the name has 121 characters"),
        ("x", {"name": "Anna\u2028Berg"}, "7:3", "a control character"),
    ],
    ids=["empty cell", "empty extra cell", "long name", "name no header can carry"],
)
def test_what_a_row_lacks_leaves_that_row_out_with_its_cell(
    tmp_path: Path, body: str, fields: dict[str, Any], cell: str, detail: str
) -> None:
    rest = [person(extra={"Committee": "x"}, given=one.given, title="Dr", address=one.address)
            for one in others()]  # fmt: skip
    plan = planned(tmp_path, body, rest[0], person(**fields), *rest[1:])
    (out,) = plan.left_out
    assert (out.reason, out.number, out.position, out.data, out.digest) == (
        Reason.ROW,
        2,
        0,
        None,
        None,
    )
    assert detail in out.detail
    row = out.row()
    assert (row["state"], row["reason"], row["cell"], row["file"]) == (
        "skipped",
        "row",
        cell,
        "contacts/nordic.csv",
    )
    assert sorted(one.position for one in plan.to_send) == [1, 2, 3]


def test_what_the_letter_lacks_refuses_the_plan(tmp_path: Path) -> None:
    """French has no one word for a chair of either gender: no cell can mend that."""
    appeal = load_appeal(folder(tmp_path, fr=letter("{{ role }}")), "appeal")
    decisions = [
        Decision(one, "fr")
        for one in (person(role="substitute"), person(role="chair", surname="Dahl"))
    ]
    with pytest.raises(MailerError, match="Nothing was planned") as caught:
        make_plan(appeal, decisions, renderer(appeal), SENDING, Sources())
    assert [problem.code for problem in caught.value.problems] == ["L303"]


def test_subject_that_is_too_long_for_somebody_refuses_the_plan(tmp_path: Path) -> None:
    with pytest.raises(MailerError) as caught:
        planned(tmp_path, "x", *others(2), subject="{{ surname }} " * 40)
    assert caught.value.problems[0].code == "L231"


CONFIG = """[sender]
from = "a@rights.example"
organisation = "Rights"
[smtp]
host = "smtp.rights.example"
[safety]
mode = "live"
"""
SHEET = """Delegation,First name,Surname,Gender,Language,E-mail,Title
NO,Anna,Berg,f,en,anna@no.example,Dr
NO,Ola,Dahl,m,en,ola@no.example,
"""


@pytest.fixture
def work(tmp_path: Path) -> Callable[..., Result]:
    folder(tmp_path, "appeal", en=letter("Dear {{ title }} {{ surname }}"))
    (tmp_path / "contacts").mkdir()
    (tmp_path / "contacts" / "all.csv").write_text(SHEET, encoding="utf-8")
    (tmp_path / "config.toml").write_text(CONFIG, encoding="utf-8")
    return lambda *args: CliRunner().invoke(cli, ["-C", str(tmp_path), *args])


def test_row_that_is_left_out_is_on_record_with_its_cell(work: Callable[..., Result]) -> None:
    done = work("plan", "appeal", "--json")
    assert done.exit_code == 0, done.output
    assert (json.loads(done.stdout)["to_send"], json.loads(done.stdout)["left_out"]) == (1, 1)
    shown = work("log", "people", "M-0001", "--state", "skipped").stdout
    assert "Ola Dahl" in shown
    assert "there is nothing to put in (title)" in shown
    assert "contacts/all.csv:3:7" in shown
