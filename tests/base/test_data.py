"""Facts about the data files that people edit: delegations and forms of address.

The 46 member delegations, their seats and names, and how to address a member in each language. A
slip of the pen in one of these files reaches every letter, so the files are held to what they
promise.
"""

from __future__ import annotations

import csv
import unicodedata
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path
from string import Formatter

import pytest

PACKAGE = Path(__file__).parents[2] / "mailer"


def rows(name: str) -> list[dict[str, str]]:
    with next(PACKAGE.rglob(name)).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


DELEGATIONS = rows("delegations.csv")
MEMBERS = [row for row in DELEGATIONS if row["status"] == "member"]
SALUTATIONS = rows("salutations.csv")


def spelling(text: str) -> str:
    """Fold case and drop accents, so that "TÜRKIYE" and "Turkiye" are one spelling."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(c for c in folded if not unicodedata.combining(c)).split())


def where(row: dict[str, str]) -> str:
    return " ".join(row[column] or "-" for column in ("language", "addressee", "gender"))


# -------------------------------------------------------------------------------------- delegations


def test_46_states_are_members() -> None:
    assert len(MEMBERS) == 46


def test_the_assembly_has_306_representatives_and_306_substitutes() -> None:
    assert sum(int(row["representatives"]) for row in MEMBERS) == 306
    assert sum(int(row["substitutes"]) for row in MEMBERS) == 306


def test_turkiye_has_18_seats_since_2015() -> None:
    """The consolidated Statute still prints 12, and with 12 the Assembly would have 300 members."""
    assert [row["representatives"] for row in MEMBERS if row["code"] == "TR"] == ["18"]


def test_delegations_come_in_the_sizes_of_the_statute() -> None:
    sizes = Counter(int(row["representatives"]) for row in MEMBERS)
    assert sizes == {18: 5, 12: 3, 10: 1, 7: 7, 6: 5, 5: 8, 4: 4, 3: 9, 2: 4}
    assert all(row["representatives"] == row["substitutes"] for row in MEMBERS)


def test_only_members_have_seats_in_the_file() -> None:
    others = [row for row in DELEGATIONS if row["status"] != "member"]
    assert [row["code"] for row in others if row["representatives"] or row["substitutes"]] == []


def test_every_status_is_one_of_four() -> None:
    assert Counter(row["status"] for row in DELEGATIONS) == {
        "member": 46,
        "former_member": 1,
        "observer": 3,
        "partner_for_democracy": 4,
    }


def test_no_spelling_belongs_to_two_delegations() -> None:
    owners = defaultdict(set)
    for row in DELEGATIONS:
        for text in (row["code"], row["name_en"], row["name_fr"], *row["aliases"].split(";")):
            owners[spelling(text)].add(row["code"])
    assert {text: codes for text, codes in owners.items() if len(codes) > 1} == {}


@pytest.mark.parametrize("row", DELEGATIONS, ids=lambda row: row["code"])
def test_no_spelling_stands_twice_in_one_row(row: dict[str, str]) -> None:
    spellings = Counter(spelling(text) for text in row["aliases"].split(";"))
    assert [text for text, times in spellings.items() if times > 1 or not text] == []


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("AT", "Österreich"),
        ("BA", "Bosnie et Herzégovine"),
        ("CH", "SVIZZERA"),
        ("CZ", "Czechia"),
        ("DE", "deutschland"),
        ("FI", "Suomi"),
        ("GB", "UK"),
        ("GB", "GROSSBRITANNIEN"),
        ("GE", "საქართველო"),
        ("GR", "ΕΛΛΑΔΑ"),
        ("MD", "Moldavie"),
        ("MK", "the former Yugoslav Republic of Macedonia"),
        ("NL", "Holland"),
        ("NO", "NOR"),
        ("SK", "Slovaquie"),
        ("TR", "Turkiye"),
        ("TR", "Turquie"),
        ("UA", "Україна"),
    ],
)
def test_spelling_that_turns_up_in_sheets_is_known(code: str, text: str) -> None:
    found = {
        row["code"]
        for row in DELEGATIONS
        for known in (row["name_en"], row["name_fr"], *row["aliases"].split(";"))
        if spelling(known) == spelling(text)
    }
    assert found == {code}


@pytest.mark.parametrize("row", DELEGATIONS, ids=lambda row: row["code"])
def test_delegation_has_its_name_and_of_in_both_languages(row: dict[str, str]) -> None:
    assert row["name_en"] and row["name_fr"]
    assert row["of_en"] in (f"of {row['name_en']}", f"of the {row['name_en']}")
    begins = ("de la ", "de l'", "de ", "du ", "des ", "d'")
    assert row["of_fr"] in [begin + row["name_fr"] for begin in begins]


@pytest.mark.parametrize("row", DELEGATIONS, ids=lambda row: row["code"])
def test_french_of_elides_before_a_vowel_and_nowhere_else(row: dict[str, str]) -> None:
    assert (spelling(row["name_fr"])[0] in "aeiou") == row["of_fr"].startswith(("de l'", "d'"))


@pytest.mark.parametrize(
    ("code", "of_fr"),
    [
        ("AD", "d'Andorre"),
        ("AL", "de l'Albanie"),
        ("AZ", "de l'Azerbaïdjan"),
        ("CY", "de Chypre"),
        ("CZ", "de la République tchèque"),
        ("DE", "de l'Allemagne"),
        ("GB", "du Royaume-Uni"),
        ("HU", "de la Hongrie"),
        ("IE", "de l'Irlande"),
        ("LI", "du Liechtenstein"),
        ("MC", "de Monaco"),
        ("ME", "du Monténégro"),
        ("MT", "de Malte"),
        ("NL", "des Pays-Bas"),
        ("NO", "de la Norvège"),
        ("SM", "de Saint-Marin"),
        ("TR", "de la Türkiye"),
        ("UA", "de l'Ukraine"),
    ],
)
def test_french_of_has_the_right_article(code: str, of_fr: str) -> None:
    assert [row["of_fr"] for row in DELEGATIONS if row["code"] == code] == [of_fr]


def test_six_delegations_take_the_english_article() -> None:
    articles = {row["code"] for row in DELEGATIONS if row["of_en"].startswith("of the ")}
    assert articles == {"CZ", "GB", "MD", "NL", "RU", "SK"}


# --------------------------------------------------------------------------------- forms of address


@pytest.mark.parametrize("language", sorted({row["language"] for row in SALUTATIONS}))
def test_language_can_address_a_woman_a_man_and_somebody_of_unknown_gender(language: str) -> None:
    genders = {
        row["gender"]
        for row in SALUTATIONS
        if (row["language"], row["addressee"]) == (language, "member")
    }
    assert genders == {"f", "m", ""}


@pytest.mark.parametrize(
    "row", [row for row in SALUTATIONS if row["addressee"] != "office"], ids=where
)
def test_every_addressee_has_a_form_for_unknown_gender(row: dict[str, str]) -> None:
    neutral = [
        other
        for other in SALUTATIONS
        if (other["language"], other["addressee"], other["gender"])
        == (row["language"], row["addressee"], "")
    ]
    assert len(neutral) == 1


def test_no_two_forms_for_the_same_person() -> None:
    keys = Counter(where(row) for row in SALUTATIONS)
    assert [key for key, times in keys.items() if times > 1] == []


TITLED = {row["addressee"] for row in rows("titles.csv")}
"""How people with a title are addressed."""


@pytest.mark.parametrize("row", SALUTATIONS, ids=where)
def test_form_uses_known_words_and_is_complete(row: dict[str, str]) -> None:
    assert row["addressee"] in {"member", "deputy", "senator", "chair", "office", "IS"} | TITLED
    assert row["gender"] in {"f", "m", ""}
    assert row["verified"] in {"yes", "partly", "no"}
    assert row["salutation"] and row["closing"] and row["source"]
    fields = {
        field for _, field, _, _ in Formatter().parse(row["salutation"] + row["closing"]) if field
    }
    assert fields <= {"given", "surname", "title", "vocative"}


@pytest.mark.parametrize("row", [row for row in SALUTATIONS if row["language"] == "fr"], ids=where)
def test_french_closing_repeats_the_salutation(row: dict[str, str]) -> None:
    assert row["salutation"].endswith(",")
    assert f" {row['salutation']} " in row["closing"]


@pytest.mark.parametrize("row", [row for row in SALUTATIONS if not row["gender"]], ids=where)
def test_neutral_form_asks_for_no_vocative(row: dict[str, str]) -> None:
    """The vocative of a name depends on gender."""
    assert "{vocative}" not in row["salutation"]


PAIRS = {
    "en": [("Mr", "Ms"), ("Sir", "Madam")],
    "fr": [("Monsieur", "Madame"), ("Député", "Députée"), ("Sénateur", "Sénatrice")],
    "de": [("Herr", "Frau"), ("geehrter", "geehrte")],
    "it": [("Senatore", "Senatrice"), ("Egregio", "Egregia")],
    "es": [("Sr.", "Sra."), ("Excmo.", "Excma.")],
    "tr": [("Bey", "Hanım")],
    "uk": [("пане", "пані"), ("Шановний", "Шановна")],
    "pl": [("Panie", "Pani"), ("Szanowny", "Szanowna")],
}
"""His form and hers. A letter to one person holds one of them, or none."""


@pytest.mark.parametrize("row", SALUTATIONS, ids=where)
def test_one_person_is_never_addressed_as_both(row: dict[str, str]) -> None:
    """No "Dear Mr/Ms": only French has a set phrase, "Madame, Monsieur,"."""
    words = row["salutation"].replace("/", " ").replace(",", " ").replace(":", " ").split()
    both = [pair for pair in PAIRS[row["language"]] if all(form in words for form in pair)]
    assert not both or row["salutation"] == "Madame, Monsieur,"
    assert "/" not in row["salutation"] and "(" not in row["salutation"]


TITLES = {"lord", "baroness", "knight", "dame"}
"""Addressees whose title stands in the sheet and tells what the gender column does not."""


@pytest.mark.parametrize(
    "row",
    [
        row
        for row in SALUTATIONS
        if not row["gender"] and row["language"] != "fr" and row["addressee"] not in TITLES
    ],
    ids=where,
)
def test_form_for_unknown_gender_holds_neither_his_nor_hers(row: dict[str, str]) -> None:
    words = row["salutation"].replace(",", " ").split()
    assert [form for pair in PAIRS[row["language"]] for form in pair if form in words] == []


# --------------------------------------------------------------------------------------- both files


@pytest.mark.parametrize(
    "row", [*DELEGATIONS, *SALUTATIONS], ids=lambda row: row.get("code") or where(row)
)
def test_row_says_where_it_comes_from_and_when(row: dict[str, str]) -> None:
    assert row["source"]
    assert date.fromisoformat(row["as_of"])


@pytest.mark.parametrize(
    "row", [*DELEGATIONS, *SALUTATIONS], ids=lambda row: row.get("code") or where(row)
)
def test_no_cell_has_stray_blanks(row: dict[str, str]) -> None:
    cells = [*row.values(), *row.get("aliases", "").split(";")]
    assert [cell for cell in cells if cell != cell.strip()] == []
