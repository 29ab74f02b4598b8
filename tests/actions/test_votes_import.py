"""Facts about importing a roll call: who is on it has a vote, who is not is never absent, what is
unsure is asked once, and what stands in a cell stays.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from mailer.actions.campaign import votes
from mailer.actions.campaign.votes import VoteImport
from mailer.base.errors import UsageError
from mailer.base.settings.workspace import Workspace, load_workspace
from mailer.plan.draft import read_contacts
from tests.helpers.consoles import workspace as a_workspace
from tests.helpers.workspaces import edit

DAY = date(2026, 11, 30)
ROLL = """\
For
Ms Anna BERG (Norway, SOC)
Ola Nordmand (Norway)
Ms Gone LONGAGO (Norway)
Against
Chloé EXEMPLE
Abstention
Mr Jo BEISPIEL (Germany)
Absent
Lord Peter SAMPLE (United Kingdom)
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return load_workspace(a_workspace(tmp_path))


def read(workspace: Workspace, text: str = ROLL, **more: object) -> VoteImport:
    return votes.read(workspace, "roll.txt", text.encode(), "Vote 2024", **more)  # type: ignore[arg-type]


def write(workspace: Workspace, found: VoteImport) -> None:
    votes.write(workspace, None, found, who="Jana", day=DAY)


def voted(workspace: Workspace) -> dict[str, str]:
    _, book, _ = read_contacts(workspace)
    return {one.surname: one.extra.get("Vote 2024", "") for one in book.contacts}


def test_who_is_on_the_list_has_a_vote_and_who_is_not_is_never_absent(
    workspace: Workspace,
) -> None:
    found = read(workspace)
    assert [one.person.name for one in found.unknown] == ["Gone LONGAGO"]
    write(workspace, found)
    assert voted(workspace) == {
        "Berg": "for",
        "Nordmann": "",  # unsure
        "Exemple": "against",
        "Modèle": "",  # not on the list
        "Beispiel": "abstained",
        "Sample": "absent",
    }
    assert read(workspace).new == {}  # once more, nothing is new


def test_what_is_unsure_is_asked_once(workspace: Workspace) -> None:
    ((old, line, alike),) = read(workspace).asked
    assert (old.name, line.person.name, alike >= 92) == ("Ola Nordmann", "Ola Nordmand", True)
    told = [one.code for one in votes.problems(read(workspace))]
    assert told == ["C171", "C172"]
    write(workspace, read(workspace, same=["Ola Nordmand"]))
    assert voted(workspace)["Nordmann"] == "for"
    assert not read(workspace).asked
    with pytest.raises(UsageError, match="is not on the roll call"):
        read(workspace, other=["Nobody Else"])


def test_answer_that_they_are_two_people_leaves_the_cell_empty(workspace: Workspace) -> None:
    found = read(workspace, other=["Ola Nordmand"])
    assert "Ola Nordmand" in [one.person.name for one in found.unknown]
    write(workspace, found)
    assert voted(workspace)["Nordmann"] == ""
    assert not read(workspace).asked  # it is remembered


def test_cell_that_says_something_else_stays(workspace: Workspace) -> None:
    write(workspace, read(workspace))
    edit(workspace.root / "contacts" / "all.csv", "example,en,for", "example,en,absent")
    found = read(workspace)
    assert [(one.name, vote) for one, vote in found.against] == [("Anna Berg", "for")]
    assert "C174" in [one.code for one in votes.problems(found)]
    write(workspace, found)
    assert voted(workspace)["Berg"] == "absent"


def test_two_votes_of_one_person_are_none(workspace: Workspace) -> None:
    found = read(workspace, f"{ROLL}For\nMr Jo BEISPIEL (Germany)\n")
    assert {one.person.name for one in found.twice} == {"Jo BEISPIEL"}
    write(workspace, found)
    assert voted(workspace)["Beispiel"] == ""


def test_twenty_unknown_names_are_each_named_and_nothing_is_written(workspace: Workspace) -> None:
    names = "\n".join(f"Ms Nobody NAME{chr(65 + at)} (France)" for at in range(20))
    before = (workspace.root / "contacts" / "all.csv").read_bytes()
    with pytest.raises(UsageError) as said:
        read(workspace, f"For\n{names}")
    assert said.value.message == (
        "None of the 20 names of roll.txt is in the sheets. Nothing was written."
    )
    assert said.value.hint
    found = read(workspace, f"For\nAnna Berg (Norway)\n{names}")
    told = [one for one in votes.problems(found) if one.code == "C172"]
    assert len(told) == 20 and told[0].row == 3 and "NAMEA" in told[0].value
    assert all(one.suggestion for one in told)
    assert (workspace.root / "contacts" / "all.csv").read_bytes() == before


def test_namesakes_of_two_delegations_are_not_told_apart_by_a_guess(workspace: Workspace) -> None:
    sheet = workspace.root / "contacts" / "all.csv"
    line = "SE,representative,,Anna,Berg,f,anna.berg@se.parliament.example,en\n"
    sheet.write_text(sheet.read_text() + line)
    found = read(workspace, "For\nAnna Berg\nAgainst\nJo Beispiel\n")
    assert found.new == {"against": 1}
    assert [one.person.name for one in found.unknown] == ["Anna Berg"] or found.asked
