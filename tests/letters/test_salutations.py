"""Facts about forms of address: who is called what, and that nothing is guessed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from mailer.base.errors import MailerError, UsageError
from mailer.contacts.upper_case import as_name
from mailer.letters.wording.salutations import Forms
from tests.helpers.letters import FORMS, person

HEAD = "language,addressee,gender,salutation,closing,verified,source,as_of\n"

# language chamber title: what a woman, a man, and somebody of unknown gender are called. All are
# Anna Berg of Norway.
TABLE = """
en - -          | Dear Ms Berg, | Dear Mr Berg, | Dear Anna Berg,
en deputy -     | Dear Ms Berg, | Dear Mr Berg, | Dear Anna Berg,
en senator -    | Dear Ms Berg, | Dear Mr Berg, | Dear Anna Berg,
en commons -    | Dear Ms Berg, | Dear Mr Berg, | Dear Anna Berg,
en commons Dr   | Dear Dr Berg, | Dear Dr Berg, | Dear Dr Berg,
en lords Lord   | Dear Lord Berg, | Dear Lord Berg, | Dear Lord Berg,
en lords Baroness | Dear Baroness Berg, | Dear Baroness Berg, | Dear Baroness Berg,
en commons Sir  | Dear Sir Anna, | Dear Sir Anna, | Dear Sir Anna,
en commons Dame | Dear Dame Anna, | Dear Dame Anna, | Dear Dame Anna,
en lords Lady   | Dear Anna Berg, | Dear Anna Berg, | Dear Anna Berg,
en lords Viscount | Dear Lady Berg, | Dear Lord Berg, | Dear Lord Berg,
en lords Earl   | Dear Lady Berg, | Dear Lord Berg, | Dear Lord Berg,
en - lord       | Dear Lord Berg, | Dear Lord Berg, | Dear Lord Berg,
fr - -          | Madame, | Monsieur, | Madame, Monsieur,
fr deputy -     | Madame la Députée, | Monsieur le Député, | Madame, Monsieur,
fr senator -    | Madame la Sénatrice, | Monsieur le Sénateur, | Madame, Monsieur,
fr deputy Dr    | Madame la Députée, | Monsieur le Député, | Madame, Monsieur,
fr commons -    | Madame, | Monsieur, | Madame, Monsieur,
fr lords Lord   | Madame, | Monsieur, | Madame, Monsieur,
fr lords Viscount | Madame, | Monsieur, | Madame, Monsieur,
de - -          | Sehr geehrte Frau Berg, | Sehr geehrter Herr Berg, | Guten Tag Anna Berg,
de deputy -|Sehr geehrte Frau Abgeordnete,|Sehr geehrter Herr Abgeordneter,|Guten Tag Anna Berg,
de deputy Dr.|Sehr geehrte Frau Abgeordnete,|Sehr geehrter Herr Abgeordneter,|Guten Tag Anna Berg,
de senator -    | Sehr geehrte Frau Berg, | Sehr geehrter Herr Berg, | Guten Tag Anna Berg,
de commons -    | Sehr geehrte Frau Berg, | Sehr geehrter Herr Berg, | Guten Tag Anna Berg,
de lords Lord   | Sehr geehrte Frau Berg, | Sehr geehrter Herr Berg, | Guten Tag Anna Berg,
it - -          | Onorevole Berg, | Onorevole Berg, | Gentile Onorevole,
it deputy -     | Onorevole Berg, | Onorevole Berg, | Gentile Onorevole,
it senator -    | Gentile Senatrice Berg, | Egregio Senatore Berg, | Gentile Onorevole,
it deputy Dr    | Onorevole Berg, | Onorevole Berg, | Gentile Onorevole,
it commons -    | Onorevole Berg, | Onorevole Berg, | Gentile Onorevole,
es - -          | Excma. Sra. Berg: | Excmo. Sr. Berg: | Señoría:
es senator -    | Excma. Sra. Berg: | Excmo. Sr. Berg: | Señoría:
tr - -          | Sayın Anna Berg, | Sayın Anna Berg, | Sayın Anna Berg,
uk - -          | Шановна пані Анно Berg! | Шановний пане Анно Berg! | Добрий день!
uk deputy -     | Шановна пані Анно Berg! | Шановний пане Анно Berg! | Добрий день!
pl - -          | Szanowna Pani, | Szanowny Panie, | Szanowni Państwo,
pl deputy -     | Szanowna Pani Poseł, | Szanowny Panie Pośle, | Szanowni Państwo,
pl senator -    | Szanowna Pani Senator, | Szanowny Panie Senatorze, | Szanowni Państwo,
"""
COMBINATIONS = [
    (*("" if word == "-" else word for word in who.split()), gender, greeting.strip())
    for line in TABLE.strip().splitlines()
    for who, *greetings in [line.split("|")]
    for gender, greeting in zip(("f", "m", ""), greetings, strict=True)
]
"""117 of them, and four of Iceland below."""


@pytest.mark.parametrize(("language", "chamber", "title", "gender", "greeting"), COMBINATIONS)
def test_person_is_called(
    language: str, chamber: str, title: str, gender: str, greeting: str
) -> None:
    contact = person(chamber=chamber, title=title, gender=gender, vocative="Анно")
    assert FORMS.greet(contact, language).greeting == greeting


@pytest.mark.parametrize(
    ("language", "greeting"),
    [
        ("en", "Dear Anna,"),
        ("de", "Guten Tag Anna Berg,"),
        ("it", "Gentile Onorevole,"),
        ("fr", "Madame,"),
    ],
)
def test_icelander_has_no_surname(language: str, greeting: str) -> None:
    assert FORMS.greet(person(delegation="IS"), language).greeting == greeting


def test_title_may_stand_behind_another() -> None:
    assert FORMS.greet(person(title="The Rt Hon Lord"), "en").greeting == "Dear Lord Berg,"


@pytest.mark.parametrize(
    ("contact", "language", "neutral"),
    [
        (person(), "en", False),
        (person(gender=""), "en", True),
        (person(gender="", title="Lord"), "en", False),  # the title says it
        (person(gender="", delegation="IS"), "en", False),
        (
            person(gender="m", delegation="IS"),
            "en",
            False,
        ),  # the given name is the form for everybody there
        (person(gender="f", title="Lord"), "en", False),
        (person(gender=""), "tr", False),  # one form for everybody
        (person(vocative=""), "uk", True),
        (person(surname=""), "en", True),
    ],
)
def test_form_says_whether_it_is_a_neutral_one(
    contact: object, language: str, neutral: bool
) -> None:
    assert FORMS.greet(contact, language).neutral is neutral  # type: ignore[arg-type]


def test_vocative_is_never_made_up() -> None:
    assert FORMS.greet(person(given="Олена", surname="Приклад"), "uk").greeting == "Добрий день!"


@pytest.mark.parametrize(
    ("gender", "greeting"),
    [
        ("f", "Шановна депутатко Приклад!"),
        ("m", "Шановний депутате Приклад!"),
        ("", "Добрий день!"),
    ],
)
def test_ukrainian_deputy_without_a_vocative_is_addressed_by_the_office(
    gender: str, greeting: str
) -> None:
    deputy = person(chamber="deputy", gender=gender, surname="Приклад", vocative="")
    form = FORMS.greet(deputy, "uk")
    assert (form.greeting, form.neutral) == (greeting, True)


def test_name_in_one_cell_is_used_whole_and_never_taken_apart() -> None:
    whole = person(name="Petra De WITTE", given="", surname="")
    assert FORMS.greet(whole, "en").greeting == "Dear Petra De Witte,"
    assert FORMS.greet(whole, "de").greeting == "Guten Tag Petra De Witte,"
    assert FORMS.greet(whole, "it").greeting == "Gentile Onorevole,"


def test_curly_brackets_in_a_name_are_only_brackets() -> None:
    assert (
        FORMS.greet(person(surname="{given.__class__}"), "en").greeting
        == "Dear Ms {given.__class__},"
    )


@pytest.mark.parametrize("word", ["nan", "None", "NULL", "#N/A"])
def test_nobody_is_addressed_by_what_a_program_left_in_a_cell(word: str) -> None:
    for contact in (person(surname=word), person(name=f"Anna {word}", given="", surname="")):
        for language in (
            "en",
            "fr",
        ):  # no French form has the name, and it would stand in To all the same
            with pytest.raises(MailerError) as caught:
                FORMS.greet(contact, language)
            (only,) = caught.value.problems
            assert (only.code, only.file, word in only.message) == (
                "L302",
                "contacts/nordic.csv",
                True,
            )
    assert (
        FORMS.greet(person(surname=word, greeting=f"Dear Ms {word},"), "en").greeting
        == f"Dear Ms {word},"
    )


@pytest.mark.parametrize("surname", ["Nan", "Null", "Nanna", "Nonell"])
def test_names_that_look_like_nothing_are_names(surname: str) -> None:
    assert FORMS.greet(person(surname=surname), "en").greeting == f"Dear Ms {surname},"


def test_greeting_of_the_sheet_comes_first() -> None:
    form = FORMS.greet(person(greeting="Dear Lady Fairweather,"), "en")
    assert form.greeting == "Dear Lady Fairweather,"
    assert form.closing == "Yours sincerely,"
    assert form.verified
    assert form.source == "contact sheet, cell 7:9"


@pytest.mark.parametrize("chamber", ["", "deputy", "senator"])
@pytest.mark.parametrize("gender", ["f", "m", ""])
def test_french_closing_repeats_the_greeting(chamber: str, gender: str) -> None:
    form = FORMS.greet(person(chamber=chamber, gender=gender), "fr")
    assert f"Veuillez agréer, {form.greeting} l'expression" in form.closing


def test_french_closing_repeats_the_greeting_of_the_sheet() -> None:
    form = FORMS.greet(person(greeting="Madame la Présidente,"), "fr")
    assert (
        form.closing
        == "Veuillez agréer, Madame la Présidente, l'expression de notre haute considération."
    )


def test_unverified_forms_say_so() -> None:
    assert FORMS.greet(person(), "en").verified
    assert not FORMS.greet(person(chamber="senator"), "fr").verified


def test_language_without_forms_is_a_problem_with_its_cell() -> None:
    with pytest.raises(MailerError) as caught:
        FORMS.greet(person(), "pt")
    (only,) = caught.value.problems
    assert (only.code, only.file, only.cell) == ("L304", "contacts/nordic.csv", "7:9")
    assert "templates/_shared/salutations.csv" in str(only.suggestion)


def test_greeting_of_the_sheet_serves_in_a_language_without_forms() -> None:
    assert FORMS.greet(person(greeting="Excelência,"), "pt").greeting == "Excelência,"


def test_form_that_cannot_be_made_at_all_names_the_missing_part() -> None:
    with pytest.raises(MailerError, match="needs the given name, and it is empty"):
        FORMS.greet(person(given="", surname="", name="", gender=""), "en")


def test_workspace_lays_its_own_lines_over_the_table(tmp_path: Path) -> None:
    own = tmp_path / "salutations.csv"
    own.write_text(HEAD + 'pt,member,,"Excelência,","Com os melhores cumprimentos,",yes,our '
                          'office,2026-11-25\n'
                   'en,member,f,"Dear Madam {surname},","Yours faithfully,",yes,our '
                   'office,2026-11-25\n', "utf-8")  # fmt: skip
    forms = Forms.load(own)
    assert forms.greet(person(), "pt").greeting == "Excelência,"
    assert forms.greet(person(), "en").closing == "Yours faithfully,"
    assert forms.greet(person(gender="m"), "en").greeting == "Dear Mr Berg,"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("pt,member,,Dear {surnam},x,yes,s,d", "{surnam} is not known"),
        ("pt,member,,Dear {surname,x,yes,s,d", "a curly bracket is not closed"),
        ("pt,member,x,Dear,x,yes,s,d", "gender must be"),
        ("pt,member,,Dear,x,perhaps,s,d", "verified must be"),
        ("pt,,,Dear,x,yes,s,d", "must be filled in"),
        ("pt,member,,{given.__class__},x,yes,s,d", "is not known"),
    ],
)
def test_line_of_the_workspace_that_cannot_be_used_is_named(
    tmp_path: Path, line: str, said: str
) -> None:
    own = tmp_path / "salutations.csv"
    own.write_text(HEAD + line + "\n", "utf-8")
    with pytest.raises(UsageError) as caught:
        Forms.load(own)
    (only,) = caught.value.problems
    assert (only.code, only.row) == ("L131", 2)
    assert said in only.message


def test_table_of_the_workspace_needs_its_columns(tmp_path: Path) -> None:
    own = tmp_path / "salutations.csv"
    own.write_text("lang,text\n", "utf-8")
    with pytest.raises(UsageError, match="has no column language"):
        Forms.load(own)


TITLES = [
    "Dr.", "Dr", "Prof. Dr.", "Univ.-Prof. DDr.", "Mag.", "Minister", "Ministre d'État",
    "Bundesminister", "H.E.", "Sir", "Dame", "Lord", "Viscount", "Senator", "The Rt Hon",
    "The Rt Hon Lord", "Lady", "Comandante",
]  # fmt: skip


def test_titled_people_are_called_as_it_was_agreed() -> None:
    """144 people and more: read the file. After a wanted change write it anew with GOLDEN=write."""
    lines = []
    for title in TITLES:
        for language in ("en", "fr", "de", "it", "es", "pl", "tr", "uk"):
            for gender in ("f", "m"):
                given = "Anna" if gender == "f" else "Tim"
                vocative = "Анно" if gender == "f" else "Тіме"
                named = {"given": given, "surname": "PATTERN", "vocative": vocative}
                form = FORMS.greet(person(title=title, gender=gender, **named), language)
                said = f"not said: {form.dropped}" if form.dropped else ""
                asks = "" if form.verified else "asks"
                line = (title, language, gender, form.greeting, asks, said)
                lines.append(" | ".join(line).rstrip())
    path = Path(__file__).parents[1] / "data" / "golden" / "titles.txt"
    if os.environ.get("GOLDEN") == "write":
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert path.read_text(encoding="utf-8").splitlines() == lines


@pytest.mark.parametrize(
    ("sheet", "delegation", "written"),
    [
        ("PERSSON", "SE", "Persson"), ("McDONALD", "GB", "McDonald"),
        ("MCDONALD", "GB", "McDonald"),
        ("VAN DER BERG", "NL", "van der Berg"), ("O'NEILL", "IE", "O'Neill"),
        ("Ó BRIAIN", "IE", "Ó Briain"), ("IŞIK", "TR", "Işık"), ("İNCE", "TR", "İnce"),
        ("KILIÇ-DEMİR", "TR", "Kılıç-Demir"),
        ("DE LUCA", "IT", "De Luca"), ("De LUCA", "IT", "De Luca"),
        ("DE GRAAF", "NL", "de Graaf"), ("LE PIN", "FR", "Le Pin"), ("IJSSEL", "NL", "IJssel"),
        ("D’AMATO", "IT", "D’Amato"), ("ΠΑΠΠΑΣ", "GR", "Παππας"), ("ШЕВЧЕНКО", "UA", "Шевченко"),
        ("MacLeod", "GB", "MacLeod"), ("van Dijk", "NL", "van Dijk"), ("Berg", "NO", "Berg"),
        ("J. R. BERG", "NO", "J. R. Berg"), ("NG", "GB", "Ng"), ("", "NO", ""),
    ],
)  # fmt: skip
def test_name_in_capitals_is_written_as_a_name(sheet: str, delegation: str, written: str) -> None:
    assert as_name(sheet, delegation) == written


def test_greeting_has_no_capitals_of_a_list() -> None:
    assert FORMS.greet(person(surname="PERSSON"), "en").greeting == "Dear Ms Persson,"
    whole = person(given="", surname="", name="Anna PERSSON", gender="")
    assert FORMS.greet(whole, "en").greeting == "Dear Anna Persson,"


@pytest.mark.parametrize(
    ("language", "woman", "man"),
    [
        ("en", "Dear Ms Berg,", "Dear Mr Berg,"),
        ("fr", "Madame la Présidente,", "Monsieur le Président,"),
        ("de", "Sehr geehrte Frau Delegationsleiterin,", "Sehr geehrter Herr Delegationsleiter,"),
        ("it", "Signora Presidente,", "Signor Presidente,"),
        ("es", "Señora Presidenta:", "Señor Presidente:"),
        ("pl", "Szanowna Pani Przewodnicząca,", "Szanowny Panie Przewodniczący,"),
        ("tr", "Sayın Başkan,", "Sayın Başkan,"),
        ("uk", "Шановна пані Голово!", "Шановний пане Голово!"),
    ],
)
def test_head_of_a_delegation_is_called(language: str, woman: str, man: str) -> None:
    for gender, greeting in (("f", woman), ("m", man)):
        chair = person(role="chair", gender=gender, chamber="deputy", title="Dr")
        form = FORMS.greet(replace(chair, title=""), language)
        assert (form.greeting, form.verified) == (greeting, language == "en")
        assert FORMS.greet(chair, language).dropped == ""
    minister = person(role="chair", title="Minister")
    assert "Minist" in FORMS.greet(minister, "fr").greeting  # an office that stands higher
