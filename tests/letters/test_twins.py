"""Facts about twins: what two letters of an appeal must have in common."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from mailer.base.errors import MailerError
from mailer.letters.appeal_files import load_appeal
from mailer.letters.checks import twins
from mailer.letters.wording.words import languages_with_words, written_date
from tests.helpers.letters import ROOT, checked, letter, renderer

EN = letter(
    "On 24 January 2024, by 76 votes to 10, see [text](https://a.example/en/x), *Title*.\n\n-"
    " one\n- two"
)
FR = letter(
    "Le 24 janvier 2024, par 76 voix contre 10, voir [texte](https://a.example/fr/x), *Title*.\n\n-"
    " un\n- deux"
)


def test_letters_of_the_repository_are_twins() -> None:
    assert twins.check(load_appeal(ROOT, "azerbaijan-credentials")) == []


def test_twins_that_say_the_same_pass(tmp_path: Path) -> None:
    assert checked(tmp_path, en=EN, fr=FR) == []


@pytest.mark.parametrize(
    ("old", "new", "kind", "shown"),
    [
        ("76 voix", "79 voix", "figure", {"76", "79"}),
        ("24 janvier 2024", "25 janvier 2024", "date", {"24 January 2024", "25 janvier 2024"}),
        ("24 janvier 2024", "janvier 2024", "date", {"24 January 2024", "janvier 2024"}),
        (
            "a.example/fr/x",
            "a.example/fr/y",
            "link",
            {"https://a.example/en/x", "https://a.example/fr/y"},
        ),
        ("*Title*", "Title", "passage in italics", {"Title"}),
        ("{{ greeting }}", "{{ greeting }} {{ name }}", "placeholder", {"name"}),
        (", par 76 voix contre 10", "", "figure", {"76", "10"}),
    ],
)
def test_what_one_letter_lacks_refuses_the_plan(
    tmp_path: Path, old: str, new: str, kind: str, shown: set[str]
) -> None:
    found = checked(tmp_path, en=EN, fr=FR.replace(old, new))
    assert {problem.value for problem in found} == shown
    assert {problem.code for problem in found} == {"L141"}
    assert all(kind in problem.message for problem in found)
    with pytest.raises(MailerError):
        renderer(load_appeal(tmp_path, "appeal"))


def test_pictures_and_pieces_are_twins_too(tmp_path: Path) -> None:
    files = {
        "en": letter("{{ for_delegation }}\n\n![a](files/chart.en.png)"),
        "for/NO.en": "Since 2021, 12 people.",
    }
    files |= {
        "fr": letter("{{ for_delegation }}\n\n![a](files/chart.fr.png)"),
        "for/NO.fr": "Depuis 2021, 13 personnes.",
    }
    for language in ("en", "fr"):
        place = tmp_path / "templates" / "appeal" / "files" / f"chart.{language}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"\x89PNG\r\n\x1a\n IEND")
    found = [one for one in checked(tmp_path, **files) if one.code == "L141"]
    assert [(problem.file, problem.row, problem.value) for problem in found] == [
        ("templates/appeal/for/NO.en.md", 1, "12"), ("templates/appeal/for/NO.fr.md", 1, "13"),
    ]  # fmt: skip
    found = checked(
        tmp_path,
        **(
            files
            | {
                "for/NO.fr": "Depuis 2021, 12 personnes.",
                "fr": letter("{{ for_delegation }}"),
            }
        ),
    )
    assert ("L141", "files/chart.en.png") in [(problem.code, problem.value) for problem in found]


def test_delegation_is_the_same_in_either_form(tmp_path: Path) -> None:
    """A Ukrainian letter has no other: `of_delegation` is known in four languages only."""
    found = checked(
        tmp_path, en=letter("You of {{ of_delegation }}"), uk=letter("Ви ({{ delegation }})")
    )
    assert {problem.code for problem in found} == {"L212"}


def test_number_of_an_item_is_no_figure(tmp_path: Path) -> None:
    found = checked(tmp_path, en=letter("1. one\n2. two"), fr=letter("1. un"))
    assert [problem.code for problem in found] == ["L142"]


def test_name_that_the_twin_does_not_have_is_a_warning(tmp_path: Path) -> None:
    english = "We ask you to speak of Leyla Example and Anar Muster, and of the Venice Commission."
    french = "Nous vous prions de parler de Leyla Example et de la Commission de Venise."
    (only,) = checked(tmp_path, en=letter(english), fr=letter(french))
    assert (only.code, only.severity, only.value, only.row) == ("L143", "warning", "Anar Muster", 5)
    assert "fr.md" in only.message
    (other,) = checked(
        tmp_path, en=letter("We ask you to speak."), fr=letter("Parlez de Anar Muster.")
    )
    assert (other.file, other.value) == ("templates/appeal/fr.md", "Anar Muster")
    assert (
        checked(
            tmp_path,
            en=letter(english),
            fr=letter(french),
            toml='[waived]\n"Anar Muster" = "on her wish"\n',
        )
        == []
    )


def test_names_are_not_looked_for_in_other_letters_nor_among_german_nouns(tmp_path: Path) -> None:
    assert checked(tmp_path, en=letter("Of Anar Muster."), uk=letter("Про Анара Мустера.")) == []
    found = checked(
        tmp_path, en=letter("Please vote."), de=letter("bitten wir Sie Ihre Stimme abzugeben.")
    )
    assert found == []


def test_difference_is_shown_where_it_stands(tmp_path: Path) -> None:
    found = checked(tmp_path, en=EN, fr=FR.replace("76 voix", "79 voix"))
    assert [str(problem).partition(" (")[0] for problem in found] == [
        "templates/appeal/en.md:5: this figure stands here and not in fr.md: '76'",
        "templates/appeal/fr.md:5: this figure stands here and not in en.md: '79'",
    ]


def test_difference_can_be_waived_with_a_reason(tmp_path: Path) -> None:
    files = {"en": EN, "fr": FR.replace(", par 76 voix contre 10", ", par 76 voix")}
    waived = checked(
        tmp_path, toml='[waived]\n"10" = "the French letter names the majority only"\n', **files
    )
    assert [(problem.code, problem.severity) for problem in waived] == [("L141", "note")]
    assert renderer(load_appeal(tmp_path, "appeal"))
    (only,) = checked(tmp_path, toml='[waived]\n"10" = ""\n', **files)
    assert (only.code, only.row) == ("L127", 2)


def test_other_order_of_parts_is_a_warning(tmp_path: Path) -> None:
    (only,) = checked(tmp_path, en=EN, fr=FR.replace("- un\n- deux", "- un, deux"))
    assert (only.code, only.severity) == ("L142", "warning")
    assert only.message == "part 3 of this letter is a list of 1, in en.md it is a list of 2"


def test_organisation_may_have_another_name_in_another_language(tmp_path: Path) -> None:
    toml = '[[organisation]]\nname = { en = "World Watch", fr = "Veille mondiale" }\n'
    assert (
        checked(
            tmp_path, en=letter("World Watch says"), fr=letter("Veille mondiale dit"), toml=toml
        )
        == []
    )
    found = checked(
        tmp_path, en=letter("World Watch says"), fr=letter("Une organisation dit"), toml=toml
    )
    assert [problem.value for problem in found] == ["World Watch"]


@pytest.mark.parametrize(
    ("language", "text", "keys"),
    [
        ("en", "on 24 January 2024, 1st May 2025 and in July 2024; 2024-12-31",
         ["2024-12-31", "2024-01-24", "2025-05-01", "2024-07"]),
        ("fr", "le 1er février 2024 et en AOÛT 2025", ["2024-02-01", "2025-08"]),
        ("de", "am 24. Januar 2024 und im März 2024", ["2024-01-24", "2024-03"]),
        ("it", "il 1º marzo 2024", ["2024-03-01"]),
        ("es", "el 24 de enero de 2024", ["2024-01-24"]),
        ("uk", "24 січня 2024 року", ["2024-01-24"]),
        ("en", "31 June 2024", ["2024-06-31"]),
        ("pt", "24 de janeiro de 2024", ["2024-01-24"]),
        ("cs", "24. ledna 2024 a leden 2024", ["2024-01-24", "2024-01"]),
        ("en", "January 24, 2024", ["2024-01-24"]),
        ("hu", "2024. január 24-én", ["2024-01-24"]),
        ("ga", "24 Eanáir 2024", ["2024-01-24"]),
    ],
)  # fmt: skip
def test_dates_are_read_in_their_language(language: str, text: str, keys: list[str]) -> None:
    assert [key for key, _ in twins.dates(text, language)] == keys


@pytest.mark.parametrize("language", languages_with_words())
def test_date_that_the_mailer_writes_is_read_back(language: str) -> None:
    """Letters in any of these languages may say when the session opens, and agree with English."""
    for day in (date(2027, 1, 25), date(2026, 5, 1), date(2027, 10, 3)):
        text = f"x {written_date(day, language)} y"
        assert [key for key, _ in twins.dates(text, language)] == [day.isoformat()]


def test_date_at_the_beginning_of_a_line_is_a_date(tmp_path: Path) -> None:
    found = checked(
        tmp_path,
        en=letter("On 25 January 2027 it opens.\n\nOn 28 January we vote."),
        no=letter("25. januar 2027 åpner den.\n\n28. januar stemmer vi."),
    )
    assert [problem for problem in found if problem.code == "L141"] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("76 to 10", ["76", "10"]),
        ("1,000 and 1 000 and 1.000 and 1 234 567", ["1000", "1000", "1000", "1234567"]),
        ("3.5 or 3,5 %", ["3.5", "3.5"]),
        ("Resolution 2527 (2024)", ["2527", "2024"]),
        ("no figure", []),
    ],
)
def test_figures_are_read_whatever_joins_the_thousands(text: str, found: list[str]) -> None:
    assert [figure for figure, _ in twins.figures(text)] == found


def test_summary_counts_by_language() -> None:
    rows = twins.summary(load_appeal(ROOT, "azerbaijan-credentials"))
    assert rows["en"] == rows["fr"] == rows["de"] == rows["it"]
    assert rows["en"]["link"] == 5
