"""Facts about lists from elsewhere: nothing guessed, nothing dropped in silence, and a sheet that
can be checked.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mailer.base.delegations import Delegations
from mailer.base.errors import MailerError
from mailer.contacts.book import load_contacts
from mailer.contacts.edit.importing import Imported, read

KNOWN = Delegations.load()

PACE = (
    "Mr Oleksii EXAMPLE, Ukraine, EC/DA ; Ms Anna SAMPLE, United Kingdom ; Lady Jane TITLE, United"
    " Kingdom, EC/DA\nRapporteur : Ms Petra De MUSTER, Austria, SOC\n- Mr Luís LEITE EXEMPLO,"
    " Portugal - luis@pt.example\nsigned (see overleaf):\nMr John McSAMPLE, Ireland, EPP/CD"
    " (Chairperson)\n"
)
SANCTIONS = (
    '"id","schema","name","aliases","birth_date","countries","emails"\n'
    '"coe-9001","Person","Anna SAMPLE","","","at","anna.sample@at.example"\n'
    '"coe-9002","Person","Ola'
    ' SKISSE","","","no;us","ola@no.example;o.s@no.example"\n'
    '"coe-9003","Organization","Parliament","","","no",""\n'
)
TERM = (
    "id,name,sort_name,email,twitter,group,area,chamber,term,start_date,end_date,gender\n1,Anna"
    " Sample,Anna Sample,anna@ad.example,,Example Group,North,Lower"
    " House,2023,2023-10-01,,female\n2,,,,,,,,,,,\n"
)
POPOLO = json.dumps({
    "persons": [
        {"id": "p1", "name": "Anna Sample", "honorific_prefix": "Ms", "given_name": "Anna",
         "family_name": "Sample", "gender": "female", "email": "anna@at.example",
         "contact_details": [{"type": "email", "value": "office@at.example"},
             {"type": "phone", "value": "1"}]},
        {"id": "p2", "name": "Ola Skisse",
         "memberships": [{"area_id": "Norway", "role": "substitute", "end_date": "2024-01-01"}]},
        {"id": "p3"},
    ],
    "organizations": [{"id": "o1", "name": "Austria"}],
    "memberships": [{"person_id": "p1", "organization_id": "o1", "role": "representative"}],
})  # fmt: skip
CARDS = (
    "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Anna"
    " Sample\r\nN:Sample;Anna;;Ms;\r\nEMAIL;TYPE=work:anna@at.ex\r\n"
    " ample\r\nGENDER:F\r\nLANG:de\r\n"
    "ORG:Parliament;Austria\r\nNOTE:one\\, two\\nthree\r\nEND:VCARD\r\nBEGIN:VCARD\r\nFN:Ola"
    " Skisse\r\nitem1.EMAIL:mailto:ola@no.example\r\n"
    "ADR:;;;;;;Norway\r\nEND:VCARD\r\nBEGIN:VCARD\r\nEND:VCARD\r\n"
)


@pytest.mark.parametrize(
    ("content", "source", "people", "left_over"),
    [
        (PACE, "PACE list", [
            ("Oleksii EXAMPLE", "UA", ""), ("Anna SAMPLE", "GB", ""), ("Jane TITLE", "GB", ""),
            ("Petra De MUSTER", "AT", ""), ("Luís LEITE EXEMPLO", "PT", "luis@pt.example"),
            ("John McSAMPLE", "IE", ""),
        ], 1),
        (SANCTIONS, "OpenSanctions",
         [("Anna SAMPLE", "AT", "anna.sample@at.example"), ("Ola SKISSE", "NO", "")], 1),
        (TERM, "EveryPolitician", [("Anna Sample", "", "anna@ad.example")], 1),
        (POPOLO, "Popolo", [("Anna Sample", "AT", ""), ("Ola Skisse", "NO", "")], 1),
        (CARDS, "vCard",
         [("Anna Sample", "AT", "anna@at.example"), ("Ola Skisse", "NO", "ola@no.example")], 1),
    ],
)  # fmt: skip
def test_a_source_is_recognised_and_becomes_a_sheet(
    tmp_path: Path, content: str, source: str, people: list[tuple[str, str, str]], left_over: int
) -> None:
    found = read("list", content.encode(), KNOWN)
    assert (found.source, len(found.left_over)) == (source, left_over)
    assert found.lacks
    (tmp_path / "contacts").mkdir()
    (tmp_path / "contacts" / "new.csv").write_text(found.as_csv(), encoding="utf-8")
    book = load_contacts(tmp_path, delegations=KNOWN)
    assert book.broken == ()
    assert [(c.name, c.delegation, c.address) for c in book.contacts] == people


def test_what_the_sources_say_is_kept() -> None:
    anna = read("x", POPOLO.encode(), KNOWN).people[0]
    assert (anna["Civility"], anna["Gender"], anna["E-mail"]) == (
        "Ms",
        "female",
        "anna@at.example; office@at.example",
    )
    card = read("x", CARDS.encode(), KNOWN).people[0]
    assert (card["Gender"], card["Language"], card["Note"]) == ("f", "de", "one, two three")
    jane, john = (read("x", PACE.encode(), KNOWN).people[at] for at in (2, 5))
    assert (jane["Group"], john["Note"]) == ("EC/DA", "Chairperson")


@pytest.mark.parametrize(
    "content",
    ["", "nothing at all", "{", '{"persons": 3}', "a,b\n1,2\n", "\x00\x01", "x" * 200_000],
)
def test_what_is_no_list_of_people_is_said(content: str) -> None:
    with pytest.raises(MailerError, match="list"):
        read("list", content.encode(), KNOWN)


def test_a_list_without_people_is_empty() -> None:
    assert read("list", b"{}", KNOWN).people == []


def test_an_imported_sheet_holds_no_formulas() -> None:
    found = Imported(
        "vCard", [{"Name": "=cmd|' /C calc'!A0", "E-mail": "@SUM(A1)", "Delegation": "NO"}]
    )
    assert found.as_csv().splitlines()[1] == "NO,'=cmd|' /C calc'!A0,'@SUM(A1)"


def test_a_list_with_states_in_brackets_is_read() -> None:
    pasted = (
        "Ms Olena VZIRETS (Ukraine, ECPA)\nMr Ola SKISSE (Norway)\nMr Per UTKAST, Norway,"
        " Alternate: Ms Anne MALLI\n"
    )
    found = read("list.txt", f"{pasted}MM. B. EXEMPLE, C. EXEMPLE, France\n".encode(), KNOWN)
    assert [(p["Name"], p["Delegation"], p.get("Group", ""), p["Note"]) for p in found.people] == [
        ("Ms Olena VZIRETS", "Ukraine", "ECPA", ""),
        ("Mr Ola SKISSE", "Norway", "", ""),
        ("Mr Per UTKAST", "Norway", "", ""),
    ]
    assert found.left_over == ["Alternate: Ms Anne MALLI", "MM. B. EXEMPLE, C. EXEMPLE, France"]


def test_cards_of_outlook_keep_their_letters() -> None:
    card = (
        "BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Pr=C3=B8ve;Per;;;\r\nFN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Per"
        " Pr=\r\n=C3=B8ve\r\nEMAIL:per@no.example\r\nEND:VCARD\r\n"
    )
    (per,) = read("per.vcf", card.encode(), KNOWN).people
    assert (per["Given name"], per["Surname"]) == ("Per", "Prøve")


def test_a_role_in_another_organisation_is_a_note() -> None:
    popolo = {
        "persons": [{"id": "1", "name": "Anna Prøve"}],
        "organizations": [{"id": "n", "name": "Norway"}, {"id": "p", "name": "Arbeidslaget"}],
        "memberships": [
            {"person_id": "1", "organization_id": "p", "role": "member"},
            {"person_id": "1", "organization_id": "n", "role": "substitute"},
        ],
    }
    (anna,) = read("a.json", json.dumps(popolo).encode(), KNOWN).people
    assert (anna["Role"], anna["Note"]) == ("substitute", "member (Arbeidslaget)")


def test_a_spreadsheet_needs_no_import() -> None:
    with pytest.raises(MailerError, match="needs no import"):
        read("a.xlsx", b"PK\x03\x04", KNOWN)


@pytest.mark.parametrize("word", ["Signatories:", "Signataires :", "Tabled by:", "Co-rapporteurs:"])
def test_the_word_before_the_first_person_is_no_part_of_the_name(word: str) -> None:
    text = f"{word} Ms Anna BEISPIEL, Austria, SOC ; Mr Bjorn PROVE, Norway, EPP/CD ;"
    found = read("motion.txt", text.encode(), Delegations.load())
    assert [person["Name"] for person in found.people] == ["Ms Anna BEISPIEL", "Mr Bjorn PROVE"]


def test_row_with_more_cells_than_headings_refuses_the_list() -> None:
    text = "id,schema,name,countries\n1,Person,Anna Berg,no\n2,Person,Ben Dahl,no,more\n"
    with pytest.raises(MailerError, match="broken CSV file"):
        read("targets.simple.csv", text.encode(), KNOWN)
