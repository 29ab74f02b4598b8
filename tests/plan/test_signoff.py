"""Facts about sign-off: who signs an appeal, in which order they stand, and which text they have
signed.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from mailer.base.errors import UsageError
from mailer.letters.appeal import Appeal
from mailer.letters.appeal_files import load_appeal
from mailer.plan.signoff import sign, signatures, standings, unsigned
from tests.helpers.letters import folder, letter, person, renderer
from tests.letters.test_mime import finished

TOML = """
[[organisation]]
name = { en = "Freedom First", fr = "Liberté d'abord" }

[[organisation]]
name = { en = "Norwegian Committee", fr = "Comité norvégien" }
country = "NO"
reply_to = "post@committee.example"
languages = ["en"]
"""
LETTERS = {
    "en": letter("Sign:\n\n{{ organisations }}"),
    "fr": letter("Signé :\n\n{{ organisations }}"),
}
DAY = date(2026, 11, 25)


def appeal(root: Path, **files: str) -> Appeal:
    return load_appeal(folder(root, **{"toml": TOML, **LETTERS, **files}), "appeal")


def states(root: Path, one: Appeal) -> list[str]:
    return [standing.state for standing in standings(one, signatures(root, one))]


def test_organisation_of_the_country_stands_first(tmp_path: Path) -> None:
    letters = renderer(appeal(tmp_path))
    order = {
        code: (
            letters.render(person(delegation=code), "en")
            .text.partition("\n-- ")[0]
            .partition("Sign:\n\n")[2]
            .strip()
            .split("\n")
        )
        for code in ("NO", "FR")
    }
    assert [name.strip() for name in order["NO"]] == ["Norwegian Committee", "Freedom First"]
    assert [name.strip() for name in order["FR"]] == ["Freedom First", "Norwegian Committee"]


def test_answers_go_to_the_organisation_of_the_country_in_a_language_it_answers_in(
    tmp_path: Path,
) -> None:
    letters = renderer(appeal(tmp_path))
    norway = letters.render(person(), "en")
    assert norway.reply_to == "post@committee.example"
    assert b"\r\nReply-To: post@committee.example\r\n" in finished(norway)
    assert "or write to post@committee.example" in norway.text
    assert letters.render(person(), "fr").reply_to == ""
    assert letters.render(person(delegation="FR"), "en").reply_to == ""


def test_nobody_has_signed_at_first(tmp_path: Path) -> None:
    one = appeal(tmp_path)
    assert states(tmp_path, one) == ["missing", "missing"]
    assert [(problem.code, problem.value)
            for problem in unsigned(one, signatures(tmp_path, one))] == [
        ("L511", "Freedom First"), ("L511", "Norwegian Committee"),
    ]  # fmt: skip


def test_organisation_signs_under_any_of_its_names(tmp_path: Path) -> None:
    one = appeal(tmp_path)
    sign(tmp_path, one, "Liberté d'abord", by="Jana Novák", on=DAY)
    sign(tmp_path, one, "Norwegian Committee", by="Ola Prøve", on=DAY)
    assert states(tmp_path, one) == ["signed", "signed"]
    assert unsigned(one, signatures(tmp_path, one)) == []


@pytest.mark.parametrize(
    "files",
    [
        {
            "en": letter("Other words:\n\n{{ organisations }}"),
            "fr": letter("D'autres mots :\n\n{{ organisations }}"),
        },
        {"fr": letter("Signé :\n\n{{ organisations }}", "Autre objet")},
        {"toml": TOML.replace("Comité norvégien", "Comité de Norvège")},
        {"toml": '[session]\nname = { en = "s", fr = "s" }\nopens = 2027-01-25\n' + TOML},
    ],
)
def test_changed_text_shows_who_has_to_confirm_again(tmp_path: Path, files: dict[str, str]) -> None:
    sign(tmp_path, appeal(tmp_path), "Freedom First", by="Jana", on=DAY)
    changed = appeal(tmp_path, **files)
    assert states(tmp_path, changed) == ["changed", "missing"]
    sign(tmp_path, changed, "Freedom First", by="Jana", on=DAY)
    assert states(tmp_path, changed) == ["signed", "missing"]


def test_note_in_the_settings_is_no_change_of_the_text(tmp_path: Path) -> None:
    sign(tmp_path, appeal(tmp_path), "Freedom First", by="Jana", on=DAY)
    assert states(tmp_path, appeal(tmp_path, toml="# a note\n" + TOML)) == ["signed", "missing"]


def test_stranger_cannot_sign(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        sign(tmp_path, appeal(tmp_path), "Fredom First", by="Jana", on=DAY)
    assert caught.value.hint == 'did you mean "Freedom First"?'


def test_signature_needs_a_person(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="name of a person"):
        sign(tmp_path, appeal(tmp_path), "Freedom First", by="  ", on=DAY)


@pytest.mark.parametrize(
    "line", ["Freedom First,abc,,2026-11-25", "Freedom First,abc,Jana,soon", "Freedom First"]
)
def test_line_that_is_no_signature_is_refused(tmp_path: Path, line: str) -> None:
    one = appeal(tmp_path)
    (tmp_path / "templates" / "appeal" / "signed.csv").write_text(
        f"organisation,text,by,on\n{line}\n", "utf-8"
    )
    with pytest.raises(UsageError) as caught:
        signatures(tmp_path, one)
    assert (caught.value.problems[0].code, caught.value.problems[0].row) == ("L502", 2)
