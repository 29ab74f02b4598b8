"""Facts about columns: a heading is a claim, and the cells are asked. People who are lost, misread,
or moved into another country by a heading.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import openpyxl
import pytest

from mailer.base.delegations import Delegations
from mailer.base.errors import Problem
from mailer.base.states import Reason
from mailer.contacts import hold_list
from mailer.contacts.book import ContactBook, load_contacts
from mailer.contacts.contact import Contact
from mailer.contacts.holds import load_holds


def read(root: Path, name: str, text: str) -> ContactBook:
    folder = root / "contacts"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return load_contacts(root, today=date(2026, 11, 25))


def people(book: ContactBook) -> list[tuple[str, str]]:
    return [(c.delegation, c.name) for c in book.contacts if c.skip is None]


def said(book: ContactBook, code: str) -> list[Problem]:
    return [p for p in book.problems if p.code == code]


def test_of_two_columns_the_one_counts_that_names_delegations(tmp_path: Path) -> None:
    lines = (
        "country,first_name,last_name,email,delegation\nfr,Anne,EXEMPLE,anne@ep.example,D-TR\n"
        "de,Anna,BEISPIEL,anna@ep.example,DSAS\n"
    )
    book = read(tmp_path, "all.csv", lines)
    assert people(book) == [("FR", "Anne EXEMPLE"), ("DE", "Anna BEISPIEL")]
    (told,) = said(book, "C028")
    assert told.value == "delegation"
    assert "none of its cells names one" in told.message


def test_a_state_that_is_something_else_is_said_once_and_the_file_counts(tmp_path: Path) -> None:
    rows = "".join(f"Anne {n}EXEMPLE,{n}@an.example,Mandat en cours\n" for n in "ABCDEFGHI")
    book = read(tmp_path, "france.csv", f"name,email,state\n{rows}")
    assert len(people(book)) == 9
    assert {c.delegation for c in book.contacts} == {"FR"}
    assert [p.code for p in book.problems if p.row in (None, 1)] == ["C124", "C028"]


def test_codes_of_a_part_of_a_country_are_no_delegations(tmp_path: Path) -> None:
    """BE is Belgium, and Berlin; GE is Georgia, and Geneva."""
    for heading in ("Land", "State", "Country"):
        lines = "".join(
            f"Anna BEISPIEL{at},anna{at}@bundestag.example,{code}\n"
            for at, code in enumerate(["BE", "BY", "BW", "NW", "HE", "SN"])
        )
        book = read(tmp_path, "germany.csv", f"Name,E-mail,{heading}\n{lines}")
        assert {c.delegation for c in book.contacts} == {"DE"}
    book = read(tmp_path, "germany.csv", "Name,E-mail,Land\nAnna BEISPIEL,a@bt.example,BE\n")
    assert people(book) == [("DE", "Anna BEISPIEL")]
    (tmp_path / "contacts" / "germany.csv").rename(tmp_path / "contacts" / "members.csv")
    book = load_contacts(tmp_path)
    assert people(book) == [("BE", "Anna BEISPIEL")]


def test_where_most_cells_name_no_delegation_nobody_is_written_to_by_it(tmp_path: Path) -> None:
    cells = ["BE", "Bayern", "Hessen", "Sachsen", "Bremen", "Hamburg"]
    lines = "".join(f"Anna BEISPIEL{n},a{n}@bt.example,{cell}\n" for n, cell in enumerate(cells))
    book = read(tmp_path, "members.csv", f"Name,E-mail,Country\n{lines}")
    assert people(book) == []
    assert len(said(book, "C028")) == 1


def test_two_columns_that_never_contradict_are_one(tmp_path: Path) -> None:
    lines = (
        "First Name,Last Name,Primary Email,Home Country,Work Country\n"
        "Karin,Prøvesen,karin@no.example,,Norway\nAnna,Beispiel,anna@de.example,Germany,\n"
        "Jan,Wzór,jan@pl.example,Poland,Polska\nEva,Exempel,eva@se.example,Sweden,Norway\n"
    )
    book = read(tmp_path, "all.csv", lines)
    assert people(book) == [("NO", "Karin Prøvesen"), ("DE", "Anna Beispiel"), ("PL", "Jan Wzór")]
    (asked,) = said(book, "C164")
    assert asked.row == 5
    assert asked.suggestion == "keep one: Sweden or Norway"


def test_two_columns_that_mostly_contradict_refuse_the_table(tmp_path: Path) -> None:
    lines = "".join(f"Anna P{n},a{n}@no.example,b{n}@no.example\n" for n in range(3))
    book = read(tmp_path, "norway.csv", f"Name,E-mail,E-mail address\n{lines}")
    assert people(book) == []
    assert said(book, "C012")[0].message.endswith("says something else in 3 of 3 rows")


def test_a_column_of_addresses_is_taken_for_them_and_said(tmp_path: Path) -> None:
    lines = "Name,Kontaktweg\nAnna PRØVE,anna@no.example\nOla SKISSE,ola@no.example\n"
    book = read(tmp_path, "norway.csv", lines)
    assert people(book) == [("NO", "Anna PRØVE"), ("NO", "Ola SKISSE")]
    assert said(book, "C029")[0].value == "Kontaktweg"


@pytest.mark.parametrize(
    "headings", ["Nombre;Apodo;Segundo;Correo", "Nachname;Rufzeichen;Stadt;E-mail"]
)
def test_half_a_name_is_a_question_and_no_letter(tmp_path: Path, headings: str) -> None:
    lines = (
        f"{headings}\nMaría;Ejemplo;Muestra;maria@es.example\nJuan;Prueba;Modelo;juan@es.example\n"
        "María;Patrón;Ensayo;maria.patron@es.example\n"
    )
    book = read(tmp_path, "spain.csv", lines)
    assert people(book) == []
    (asked,) = said(book, "C017")
    second = headings.split(";")[1]
    assert asked.suggestion is not None
    assert asked.suggestion.startswith(f'is "{second}" part of the name?')


def test_both_halves_of_the_riksdag_and_of_spain_are_known(tmp_path: Path) -> None:
    lines = (
        "Tilltalsnamn;Efternamn;E-post\nAnna;Exempelsson;a@se.example\n"
        "Björn;Exempelsson;b@se.example\n"
    )
    book = read(tmp_path, "sweden.csv", lines)
    assert people(book) == [("SE", "Anna Exempelsson"), ("SE", "Björn Exempelsson")]
    lines = (
        "Nombre;Primer apellido;Segundo apellido;Correo electrónico\n"
        "María;Ejemplo;Muestra;m@es.example\n"
    )
    book = read(tmp_path, "sweden.csv", lines)
    assert [(c.given, c.surname) for c in book.contacts] == [("María", "Ejemplo Muestra")]


def test_one_word_of_a_name_is_asked_about_and_never_one_person_with_another(
    tmp_path: Path,
) -> None:
    lines = (
        "Name,E-mail\nAnna PRØVE,a@no.example\nPrøve,b@no.example\nPrøve,c@no.example\n"
        "Ola SKISSE,d@no.example\n"
    )
    book = read(tmp_path, "norway.csv", lines)
    assert [p.row for p in said(book, "C149")] == [3, 4]
    assert len(people(book)) == 4


def test_half_a_name_does_not_pass_the_hold_list_by(tmp_path: Path) -> None:
    lines = "Name,E-mail\nPrøve,new@no.example\nOla SKISSE,d@no.example\nKari MODELL,k@no.example\n"
    book = read(tmp_path, "norway.csv", lines)
    held = "address,name,delegation,because\nold@no.example,Anna Prøve,NO,asked\n"
    (tmp_path / "contacts" / "_hold.csv").write_text(held, encoding="utf-8")
    holds = load_holds(tmp_path / "contacts" / "_hold.csv", Delegations.load())
    (asked,) = hold_list.doubts(holds, book)
    assert (asked.code, asked.row) == ("C203", 2)


@pytest.mark.parametrize(
    "headings",
    [
        "Krajina;meno;priezvisko;e-mailová adresa",
        "Stát;jméno;příjmení;e-mail",
        "Država;ime;priimek;e-poštni naslov",
        "Država;ime;prezime;e-pošta",
        "Држава;име;презиме;е-пошта",
        "Страна;собствено име;фамилия;имейл",
        "Țara;prenume;nume;adresă de e-mail",
        "Ország;keresztnév;vezetéknév;e-mail cím",
        "Shteti;emri;mbiemri;adresa elektronike",
        "Χώρα;όνομα;επώνυμο;ηλεκτρονικό ταχυδρομείο",
        "ქვეყანა;სახელი;გვარი;ელ. ფოსტა",
        "երկիր;անուն;ազգանուն;էլ. հասցե",
        "Ölkə;ad;soyad;elektron poçt",
        "Valsts;vārds;uzvārds;e-pasta adrese",
        "Šalis;vardas;pavardė;el. pašto adresas",
        "Riik;eesnimi;perekonnanimi;e-posti aadress",
        "Ríki;fornafn;eftirnafn;netfang",
        "Tír;céadainm;sloinne;seoladh ríomhphoist",
        "Pajjiż;isem;kunjom;indirizz elettroniku",
        "País membre;nom;cognoms;correu electrònic",
        "Ülke;Adı;Soyadı;e-posta adresi",
        "Land;Tilltalsnamn;Efternamn;e-postadress",
        "Maa;etunimi;sukunimi;sähköpostiosoite",
        "Pays;Prénom usuel;Nom usuel;adresse mél",
        "Country;First name;Last name;email id",
        "Країна;ім'я;прізвище;електронна скринька",
    ],
)
def test_headings_in_the_languages_of_the_members(tmp_path: Path, headings: str) -> None:
    lines = f"{headings}\nNorway;Anna Maria;Prøve;anna@no.example\n"
    book = read(tmp_path, "all.csv", lines)
    assert [(c.delegation, c.given, c.surname) for c in book.contacts] == [
        ("NO", "Anna Maria", "Prøve")
    ]
    assert not book.problems


def test_words_of_a_national_list_are_said_once_for_the_column(tmp_path: Path) -> None:
    parties = ("Klub A", "Klub B", "Parti C")
    chambers = ("Sejm", "Riksdag", "Storting")
    lines = "".join(
        f"Poland,Anna WZOR{letter},{letter}@pl.example,{parties[at % 3]},{chambers[at % 3]}\n"
        for at, letter in enumerate("ABCDEFGHI")
    )
    book = read(tmp_path, "all.csv", f"Delegation,Name,E-mail,Group,Chamber\n{lines}")
    assert len(people(book)) == 9
    (told,) = (p for p in book.problems if p.code != "C123")
    assert (told.code, told.row) == ("C131", 1)
    assert told.message.startswith("3 different words that are no group")
    assert book.contacts[0].group == "Klub A"


def test_functions_that_are_no_roles_give_nobody_a_role(tmp_path: Path) -> None:
    lines = (
        "Function,Name,E-mail\nMinister,Anna PRØVE,a@no.example\nmember,Ola "
        "SKISSE,o@no.example\nSecretary,Kari MODELL,k@no.example\n"
    )
    book = read(tmp_path, "norway.csv", lines)
    assert {c.role for c in book.contacts} == {""}
    assert [p.row for p in said(book, "C130")] == [1]


def test_gender_and_language_as_outlook_and_civicrm_write_them(tmp_path: Path) -> None:
    lines = (
        "Country,Name,E-mail,Gender,Language\nNO,Anna "
        "PRØVE,a@no.example,Unspecified,English (United Kingdom)\n"
    )
    book = read(tmp_path, "all.csv", lines)
    assert not book.problems
    assert [(c.gender, c.language) for c in book.contacts] == [("", "en")]


# ---------------------------------------------------------------------- headings between the rows


def test_headings_in_two_languages_and_with_numbers_are_understood(tmp_path: Path) -> None:
    lines = (
        "Name,E-mail\nANDORRA / ANDORRE,\nRepresentatives (2),\nAnna MODEL,a@ad.example\n"
        "Substitutes / Suppléants,\nBen MODEL,b@ad.example\nAUSTRIA (6 + 6),\nEva "
        "MUSTER,e@at.example\n"
    )
    book = read(tmp_path, "all.csv", lines)
    assert [(c.delegation, c.role, c.name) for c in book.contacts if c.skip is None] == [
        ("AD", "representative", "Anna MODEL"),
        ("AD", "substitute", "Ben MODEL"),
        ("AT", "", "Eva MUSTER"),
    ]


def test_a_heading_that_is_not_understood_ends_the_one_before(tmp_path: Path) -> None:
    lines = (
        "Name,E-mail\nALBANIA,\nSubstitutes,\nAnna SHEMBULL,a@al.example\nGUESTS,\n"
        "Ben GJEST,b@x.example\nNORWAY,\nMs Eva PRØVE,\nOla SKISSE,o@no.example\n"
    )
    book = read(tmp_path, "all.csv", lines)
    assert people(book) == [("AL", "Anna SHEMBULL"), ("NO", "Ola SKISSE")]
    assert [p.row for p in said(book, "C168")] == [5]
    ben = next(c for c in book.contacts if c.name == "Ben GJEST")
    assert (ben.delegation, ben.role) == ("", "")


def test_a_person_without_an_address_is_no_heading(tmp_path: Path) -> None:
    lines = "Name,E-mail\nALBANIA,\nAnna Shembull,\nBen SHEMBULL,b@al.example\n"
    book = read(tmp_path, "all.csv", lines)
    assert people(book) == [("AL", "Ben SHEMBULL")]


@pytest.mark.parametrize(
    ("cell", "address"),
    [
        ("Hans Vorlage, SPD", "x@de.example"),
        ("Hans Vorlage, CDU/CSU", "x@de.example"),
        ("Hans Vorlage, Berlin", "hans.vorlage@de.example"),
        ("Hans Vorlage, fraktionslos", "x@de.example"),
    ],
)
def test_what_stands_behind_a_comma_is_not_always_the_given_name(
    tmp_path: Path, cell: str, address: str
) -> None:
    book = read(
        tmp_path, "germany.csv", f'Name,E-mail\n"{cell}",{address}\nEva MUSTER,e@de.example\n'
    )
    assert book.contacts[0].given == ""
    assert said(book, "C146")[0].suggestion == "did you mean Hans Vorlage?"


def test_a_given_name_behind_a_comma_stays_one(tmp_path: Path) -> None:
    lines = (
        'Name,E-mail\n"García López, María",maria.garcia@es.example\n'
        '"MUSTER, EVA",eva.muster@es.example\n'
        '"de la Prueba, Juan",juan@es.example\n"Vorlage, Hans",hans.vorlage@es.example\n'
    )
    book = read(tmp_path, "spain.csv", lines)
    assert [c.given for c in book.contacts] == ["María", "EVA", "Juan", "Hans"]


# ---------------------------------------------------------------------- every row is accounted for


def test_a_second_block_of_other_headings_loses_nobody(tmp_path: Path) -> None:
    lines = (
        "Name,E-mail,,\nAnna PRØVE,a@no.example,,\nOla SKISSE,o@no.example,,\n"
        "Role,Name,Language,E-mail\nsubstitute,Kari MODELL,en,k@no.example\n"
        "substitute,Per UTKAST,fr,p@no.example\nchair,Eva EKSEMPEL,en,e@no.example\n"
    )
    book = read(tmp_path, "norway.csv", lines)
    assert [(c.name, c.language) for c in book.contacts if c.skip is None] == [
        ("Anna PRØVE", ""),
        ("Ola SKISSE", ""),
        ("Kari MODELL", "en"),
        ("Per UTKAST", "fr"),
        ("Eva EKSEMPEL", "en"),
    ]
    assert [c.problem.code for c in book.contacts if c.problem] == ["C163"]
    assert book.contacts[3].cells["address"] == "5:4"


def test_people_above_the_headings_are_named(tmp_path: Path) -> None:
    lines = (
        "List of 2026,,\nAnna PRØVE,a@no.example,\nOla SKISSE,o@no.example,\n"
        "E-mail,Name,Role\nk@no.example,Kari MODELL,\n"
    )
    book = read(tmp_path, "norway.csv", lines)
    assert people(book) == [("NO", "Kari MODELL")]
    assert [(c.row, c.problem and c.problem.code) for c in book.contacts] == [
        (2, "C165"),
        (3, "C165"),
        (5, None),
    ]


def test_sums_and_remarks_are_no_people_and_named_once(tmp_path: Path) -> None:
    lines = (
        "Name,E-mail\nAnna PRØVE,a@no.example\nTotal: 1,\nOla SKISSE,o@no.example\n"
        "* elected in 2025,\nSource: the parliament's page of 3 November and a phone call,\n"
    )
    book = read(tmp_path, "norway.csv", lines)
    assert [c.row for c in book.contacts] == [2, 3, 4, 5, 6]
    assert [p.row for p in said(book, "C167")] == [3, 5]


def test_the_name_of_the_file_may_say_more_than_the_delegation(tmp_path: Path) -> None:
    assert people(
        read(tmp_path, "MPs Poland 2025.csv", "Name,E-mail\nAnna WZOR,a@pl.example\n")
    ) == [("PL", "Anna WZOR")]


# -------------------------------------------------------------------------------------- opt-outs


@pytest.mark.parametrize(
    ("heading", "yes", "no"),
    [
        ("Do Not Email", "Yes", "No"),
        ("No Bulk Emails (User Opt Out)", "1", "0"),
        ("On Hold", "2026-03-01", ""),
        ("Deceased", "x", ""),
        ("Email Opt Out", "✓", "-"),
        ("Status", "", ""),
        ("Email Status", "unsubscribed", "subscribed"),
        ("List status", "cleaned", "whatever"),
    ],
)
def test_who_opted_out_elsewhere_is_left_out(
    tmp_path: Path, heading: str, yes: str, no: str
) -> None:
    lines: str = (
        f"Name,E-mail,{heading}\nAnna PRØVE,a@no.example,{yes}\nOla SKISSE,o@no.example,{no}\n"
    )
    book = read(tmp_path, "norway.csv", lines)
    left_out = [c.name for c in book.contacts if c.problem and c.problem.code == "C152"]
    assert left_out == (["Anna PRØVE"] if yes else [])


def test_an_address_elsewhere_in_the_row_is_offered(tmp_path: Path) -> None:
    lines = (
        "First Name,Last Name,E-mail 1 - Value,E-mail 2 - Value,Address 1 - Country\n"
        "Jan,Wzor,,jan@pl.example,Poland\n"
    )
    book = read(tmp_path, "all.csv", lines)
    (jan,) = book.contacts
    assert _hint(jan) == '"E-mail 2 - Value" holds jan@pl.example; is it that?'
    assert jan.delegation == "PL"


def _hint(contact: Contact) -> str | None:
    assert contact.problem is not None
    return contact.problem.suggestion


def test_a_short_domain_is_no_slip_of_another(tmp_path: Path) -> None:
    lines = "".join(f"Anna P{n},a{n}@ft.dk\n" for n in range(4)) + "Ditte MODEL,d@fm.dk\n"
    book = read(tmp_path, "denmark.csv", f"Name,E-mail\n{lines}")
    assert not said(book, "C104")
    assert all(c.skip is None for c in book.contacts)


def test_a_tab_without_names_stops_nothing_and_is_said(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    members, offices = book.worksheets[0], book.create_sheet("Secretariats")
    members.title = "Members"
    members.append(["Country", "Name", "E-mail"])
    members.append(["NO", "Anna PRØVE", "anna@no.example"])
    offices.append(["Country", "E-mail", "Telephone"])
    offices.append(["NO", "office@no.example", "1"])
    (tmp_path / "contacts").mkdir()
    book.save(tmp_path / "contacts" / "all.xlsx")
    found = load_contacts(tmp_path)
    assert found.broken == ()
    assert people(found) == [("NO", "Anna PRØVE")]
    assert [(p.code, p.sheet) for p in found.problems if p.code < "C1"] == [
        ("C013", "Secretariats")
    ]


def test_what_each_column_was_taken_for_can_be_said(tmp_path: Path) -> None:
    lines = "Ülke,Adı,Soyadı,E-posta adresi,Qualifica\nTürkiye,Şükrü,Örnek,s@tr.example,x\n"
    book = read(tmp_path, "all.csv", lines)
    (columns,) = book.columns.values()
    assert columns.as_said() == (
        'delegation ← "Ülke" · given ← "Adı" · surname ← "Soyadı" · address ← "E-posta adresi"'
        ' · for letters only: "Qualifica"'
    )


def test_where_a_column_of_roles_is_none_the_next_one_has_the_role(tmp_path: Path) -> None:
    """Both claim the role; the first says who is still on a list, or has words of somebody else."""
    standing = read(
        tmp_path / "standing",
        "norway.csv",
        "Name,E-mail,Status,Role\nAnna Berg,a@no.example,active,substitute\n"
        "Kari Lie,k@no.example,active,representative\nOla Dahl,o@no.example,deceased,substitute\n",
    )
    assert [one.role for one in standing.contacts] == ["substitute", "representative", "substitute"]
    assert [one.skip for one in standing.contacts] == [None, None, Reason.ROW]
    foreign = read(
        tmp_path / "foreign",
        "norway.csv",
        "Name,E-mail,Membership,Role\nAnna Berg,a@no.example,whip,substitute\n"
        "Kari Lie,k@no.example,bursar,representative\nOla Dahl,o@no.example,clerk,substitute\n",
    )
    assert [one.role for one in foreign.contacts] == ["substitute", "representative", "substitute"]
    (doubt,) = said(foreign, "C130")
    assert doubt.column == "Membership"


def test_the_name_of_a_tab_says_who_works_for_members_and_who_is_a_substitute(
    tmp_path: Path,
) -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].title = "Members"
    for tab in ("Members", "Substitutes - Suppléants", "Secretariats"):
        sheet = book[tab] if tab == "Members" else book.create_sheet(tab)
        for row in (("Name", "E-mail"), ("NORWAY", ""), ("Anna PRØVE", f"{tab[:3]}@no.example")):
            sheet.append(row)
    (tmp_path / "contacts").mkdir()
    book.save(tmp_path / "contacts" / "all.xlsx")
    found = [one.role for one in load_contacts(tmp_path).contacts if one.name]
    assert found == ["", "substitute", "secretary"]
