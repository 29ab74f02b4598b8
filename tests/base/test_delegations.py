"""Facts about the delegations: found by any usual spelling, never by a guess."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from mailer.base.delegations import Delegations
from mailer.base.errors import UsageError

KNOWN = Delegations.load()


@dataclass
class Somebody:
    delegation: str


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("NO", "NO"), ("no", "NO"), (" Norway ", "NO"), ("NORVÈGE", "NO"), ("norvege", "NO"),
        ("Norwegen", "NO"), ("Turkey", "TR"), ("Türkiye", "TR"), ("TURKIYE", "TR"),
        ("TÜRKİYE", "TR"), ("Turquie", "TR"), ("Czechia", "CZ"), ("The Czech Republic", "CZ"),
        ("Moldova", "MD"), ("the Republic of Moldova", "MD"), ("Holland", "NL"),
        ("the netherlands", "NL"), ("Pays-Bas", "NL"), ("UK", "GB"), ("U.K.", "GB"),
        ("Great Britain", "GB"), ("GBR", "GB"), ("Österreich", "AT"),
        ("Bosnia & Herzegovina", "BA"), ("Bosnie et Herzégovine", "BA"), ("Україна", "UA"),
        ("საქართველო", "GE"), ("Ελλάδα", "GR"), ("EL", "GR"), ("FYROM", "MK"), ("Slovakia", "SK"),
        ("Kıbrıs", "CY"), ("Kibris", "CY"), ("Russia", "RU"), ("Canada", "CA"),
    ],
)  # fmt: skip
def test_a_usual_spelling_finds_the_delegation(text: str, code: str) -> None:
    found = KNOWN.find(text)
    assert found is not None
    assert found.code == code


@pytest.mark.parametrize(
    "text", ["", " ", "-", "Germnay", "Norwa", "Ruritania", "the", "XX", "Niger", "None", "NA"]
)
def test_nothing_is_guessed(text: str) -> None:
    assert KNOWN.find(text) is None


def test_every_spelling_of_the_table_finds_its_own_row() -> None:
    wrong = [
        (spelling, row.code)
        for row in KNOWN
        for spelling in (row.code, row.name_en, row.name_fr, *row.aliases)
        if KNOWN.find(spelling) != row
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "name"),
    [("Germnay", "Germany"), ("Swizerland", "Switzerland"), ("Belgum", "Belgium"),
     ("Ukrain", "Ukraine"), ("Ruritania", None), ("", None), ("XX", None)],
)  # fmt: skip
def test_a_slip_of_the_pen_gets_a_suggestion(text: str, name: str | None) -> None:
    assert KNOWN.suggest(text) == name


def test_the_46_members_come_in_the_order_of_their_english_name() -> None:
    names = [row.name_en for row in KNOWN.members]
    assert (len(names), names[0], names[-1]) == (46, "Albania", "United Kingdom")
    assert sum(row.representatives for row in KNOWN.members) == 306


def test_the_name_follows_the_language_of_the_letter() -> None:
    assert KNOWN.name("NO", "en") == "Norway"
    assert KNOWN.name("NO", "fr") == "Norvège"
    assert KNOWN.of("NO", "fr") == "de la Norvège"
    assert KNOWN.of("GB", "de") == "of the United Kingdom"


def test_people_are_grouped_in_the_order_of_the_english_name_and_nobody_is_lost() -> None:
    people = [Somebody(code) for code in ("GB", "", "TR", "AL", "GB", "CH")]
    groups = KNOWN.group(people)
    assert list(groups) == ["AL", "CH", "TR", "GB", ""]
    assert sum(map(len, groups.values())) == len(people)


def test_a_workspace_overrides_single_cells(tmp_path: Path) -> None:
    own = tmp_path / "delegations.csv"
    own.write_text(
        "code,name_en,representatives,status\nNO,,6,\nXK,Ruritania,2,member\n", encoding="utf-8-sig"
    )
    known = Delegations.load(own)
    norway, new = known.get("NO"), known.find("ruritania")
    assert norway is not None
    assert (norway.name_fr, norway.representatives, norway.substitutes) == ("Norvège", 6, 5)
    assert new is not None
    assert len(known.members) == 47


def test_a_wrong_override_names_every_line(tmp_path: Path) -> None:
    own = tmp_path / "delegations.csv"
    own.write_text(
        "code,name_en,representatives,status\nNO,,many,\nQQQ,,,member\n", encoding="utf-8"
    )
    with pytest.raises(UsageError) as raised:
        Delegations.load(own)
    assert [problem.row for problem in raised.value.problems] == [2, 3, 3]
