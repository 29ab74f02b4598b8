"""Facts about `mailer letters`: what its commands print, and how they end."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailer.cli import cli
from mailer.letters.appeal_files import load_appeal
from mailer.letters.checks import check_letters
from tests.helpers.letters import DELEGATIONS, FORMS, SENDER, folder, letter

CONFIG = (
    '[sender]\nfrom = "a@rights.example"\norganisation = "Rights"\n[smtp]\nhost ='
    ' "smtp.rights.example"\n'
)
TOML = 'title = "Votes"\n[[organisation]]\nname = { en = "Freedom First", fr = "Liberté" }\n'
EN, FR = letter("By 76 votes."), letter("Par 76 voix.")


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Result]:
    (tmp_path / "config.toml").write_text(CONFIG, encoding="utf-8")
    folder(tmp_path, "votes", en=EN, fr=FR, toml=TOML)
    return lambda *args: CliRunner().invoke(cli, ["letters", *args, "-C", str(tmp_path)])


def preview(root: Path, *args: str) -> Result:
    return CliRunner().invoke(cli, ["preview", "votes", "--proof", *args, "-C", str(root)])


def lines(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_new_appeal_is_in_order_and_waits_to_be_written(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    assert run("new", "prisoners-2027").exit_code == 0
    made = load_appeal(tmp_path, "prisoners-2027")
    assert (made.title, set(made.letters)) == ("Prisoners 2027", {"en", "fr"})
    problems = check_letters(made, SENDER, DELEGATIONS, FORMS)
    assert {problem.code for problem in problems} == {"L238"}


def test_copy_of_an_appeal_is_unsigned_and_has_no_last_day(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    folder(
        tmp_path,
        "votes",
        toml=TOML.replace('"Votes"', '"Votes"\nlast_day = 2026-01-27'),
        **{"for/NO.en": "Norway."},
    )
    (tmp_path / "templates" / "votes" / "en.md").write_text(
        letter("By 76 votes.\n\n{{ for_delegation }}"), "utf-8"
    )
    (tmp_path / "templates" / "votes" / "fr.md").write_text(
        letter("Par 76 voix.\n\n{{ for_delegation }}"), "utf-8"
    )
    assert run("sign", "votes", "Freedom First", "--by", "Jana").exit_code == 0
    assert run("new", "again", "--from", "votes").exit_code == 0
    copy, old = load_appeal(tmp_path, "again"), load_appeal(tmp_path, "votes")
    assert (copy.letters["fr"].body, set(copy.pieces)) == (old.letters["fr"].body, {"for/NO.en"})
    assert (copy.last_day, old.last_day) == (None, date(2026, 1, 27))
    assert run("signed", "again").exit_code == 1


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["votes"], "is there already"),
        (["../votes"], "cannot be called"),
        (["Votes 2"], "cannot be called"),
        (["other", "--from", "vote"], 'did you mean "votes"?'),
    ],
)
def test_new_appeal_that_cannot_be_is_refused(
    run: Callable[..., Result], tmp_path: Path, args: list[str], said: str
) -> None:
    done = run("new", *args)
    assert done.exit_code == 2
    assert said in done.stderr
    assert [path.name for path in (tmp_path / "templates").iterdir()] == ["votes"]


def test_words_of_an_appeal_are_its_facts_and_the_columns_of_the_sheets(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    facts = '[vote]\nvalue = { en = "76 votes to 10" }\nsource = "Doc. 1"\ndate = 2024-01-24\n'
    folder(tmp_path, "votes", facts=facts)
    (tmp_path / "contacts").mkdir()
    head, *rows = SHEET.splitlines()
    cells = ["", "Legal Affairs", "Monitoring"]
    more = [f"{row},{cell},x" for row, cell in zip(rows, cells, strict=True)]
    sheet = "\n".join([f"{head},Committee,1st visit", *more])
    (tmp_path / "contacts" / "all.csv").write_text(sheet, "utf-8")
    found = {str(one["name"]): one["example"] for one in lines(run("words", "votes", "--json"))}
    assert found["fact.vote"] == "76 votes to 10"
    assert (found["committee"], found['extra["1st visit"]']) == ("Legal Affairs", "x")
    assert "fact.res2527" not in found
    assert "fact.res2527" in {one["name"] for one in lines(run("words", "--json"))}


def test_list_shows_every_appeal_and_what_is_wrong_with_one(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    folder(tmp_path, "broken", en="no subject")
    result = run("list")
    assert result.exit_code == 1
    assert "votes" in result.stdout
    assert "Votes" in result.stdout
    assert "the appeal broken has 1 problem: mailer check broken" in result.stdout
    assert lines(run("list", "--json"))[1] == {
        "appeal": "votes",
        "title": "Votes",
        "languages": ["en", "fr"],
    }


def test_coverage_of_twins_says_that_they_hold_the_same(run: Callable[..., Result]) -> None:
    result = run("coverage", "votes")
    assert result.exit_code == 0
    assert "The 2 letters hold the same." in result.stderr
    (found,) = lines(run("coverage", "votes", "--json"))
    assert found["problems"] == []
    assert found["letters"]["fr"]["figure"] == 1  # type: ignore[index]


def test_coverage_shows_what_one_letter_lacks(run: Callable[..., Result], tmp_path: Path) -> None:
    folder(tmp_path, "votes", fr=FR.replace("76", "79"))
    result = run("coverage", "votes")
    assert result.exit_code == 1
    assert "this figure stands here and not in fr.md" in result.stdout
    assert "templates/votes/en.md:5" in result.stdout


def test_signature_is_of_this_text(run: Callable[..., Result], tmp_path: Path) -> None:
    assert run("signed", "votes").exit_code == 1
    signing = run("sign", "votes", "Liberté", "--by", "Jana Novák")
    assert signing.exit_code == 0
    assert "Every organisation has signed" in signing.stderr
    assert run("signed", "votes").exit_code == 0
    folder(tmp_path, "votes", en=EN.replace("votes", "voices"))
    (after,) = lines(run("signed", "votes", "--json"))
    assert (after["organisation"], after["state"], after["by"]) == (
        "Freedom First",
        "changed",
        "Jana Novák",
    )


def test_stranger_cannot_sign(run: Callable[..., Result]) -> None:
    result = run("sign", "votes", "Fredom First", "--by", "Jana")
    assert result.exit_code == 2
    assert 'did you mean "Freedom First"?' in result.stderr


def test_sign_needs_a_person(run: Callable[..., Result]) -> None:
    assert run("sign", "votes", "Freedom First").exit_code == 2


SHEET = """Delegation,Role,Given name,Surname,E-mail,Gender,Chamber,Language
France,representative,Zoé,Exemple,zoe.exemple@fr.parliament.example,f,senator,fr
Norway,representative,Anna,Berg,anna.berg@no.parliament.example,f,,en
Norway,substitute,Kim,Dahl,kim.dahl@no.parliament.example,,,en
"""


def test_proof_shows_forms_and_lets_a_person_accept_them(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    """In test mode, too, whose allow-list is about sending: the sheet is read for the
    real people.
    """
    (tmp_path / "config.toml").write_text(CONFIG + '[safety]\nmode = "test"\nallow = []\n', "utf-8")
    (tmp_path / "contacts").mkdir()
    (tmp_path / "contacts" / "all.csv").write_text(SHEET, "utf-8")
    first = preview(tmp_path)
    assert first.exit_code == 1, first.stderr
    order = [
        first.stdout.index(greeting)
        for greeting in ("Madame la Sénatrice,", "Dear Kim Dahl,", "Dear Ms Berg,")
    ]
    assert order == sorted(order)
    assert "closes: Veuillez agréer, Madame la Sénatrice, l'expression" in first.stdout
    assert "source: general knowledge, no source found" in " ".join(first.stdout.split())
    assert "1 form of address for 1 person is unverified" in first.stderr
    accepted = preview(tmp_path, "--accept", "Jana Novák")
    assert accepted.exit_code == 0
    assert "unverified, accepted by Jana Novák" in accepted.stdout
    assert [group["accepted"] for group in lines(preview(tmp_path, "--json"))] == [
        "Jana Novák",
        "",
        "",
    ]
