"""Facts about the book of contact sheets: every row of every sheet is accounted for."""

from __future__ import annotations

import csv
import hashlib
import sys
from collections import Counter
from pathlib import Path

import pytest

from mailer.base.delegations import Delegations
from mailer.base.errors import Severity, UsageError
from mailer.base.states import Reason
from mailer.contacts.book import ContactBook, load_contacts
from mailer.contacts.contact import Contact
from mailer.contacts.holds import load_holds
from mailer.contacts.rows import addresses
from mailer.contacts.rows.together import ALIKE, likeness

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # the invented people stand beside their sheets, not in the package

from tests.people import invent, sheets  # noqa: E402

HEAD = "Delegation,Role,Name,E-mail,Language\n"


def sheet(root: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    folder = root / "contacts"
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(text.encode(encoding))
    return root


@pytest.fixture(scope="module")
def invented(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ContactBook]:
    root = tmp_path_factory.mktemp("workspace")
    (root / "contacts").mkdir()
    sheets.write(root / "contacts")
    return root, load_contacts(root)


def test_every_field_of_all_612_people_comes_back(invented: tuple[Path, ContactBook]) -> None:
    _, book = invented
    laid_out = {(s.file, code): s for s in sheets.SHEETS for code in s.codes.split()}
    contacts = {(c.delegation, c.name): c for c in book.contacts}
    assert len(contacts) == len(book.contacts) == 612
    for person in invent.people():
        contact = contacts[person.delegation, person.name]
        its = laid_out[Path(contact.file).name, person.delegation]
        columns = {
            field
            for column in sheets.HEADINGS[its.headings].split(", ")
            for _, field in [column.split("=")]
        }
        words = {field: sheets._cell(its, person, field) for field in columns}
        unusable = person.left_out in ("no address", "impossible address")
        assert contact.role == person.role.removesuffix(" of delegation")
        assert (contact.given, contact.surname) == (person.given, person.surname)
        assert contact.address == ("" if unusable else person.address)
        assert (contact.language, contact.chamber, contact.group) == (
            person.language,
            person.chamber,
            person.group,
        )
        assert contact.gender == person.gender
        assert contact.civility == words.get("civility", "")
        assert contact.title == words["title"]
        assert contact.greeting == words.get("greeting", "")
        assert contact.note == words["note"]
        assert not contact.extra.keys() - set(invent.COLUMNS)
        for field, cell in contact.cells.items():
            assert book.cells[contact.file][contact.sheet or ""].get(cell, "") == words[field]


def test_the_invented_sheets_leave_out_who_is_meant_to_be(
    invented: tuple[Path, ContactBook],
) -> None:
    root, book = invented
    reasons = {
        "no address": Reason.NO_ADDRESS,
        "same address": Reason.SAME_ADDRESS,
        "impossible address": Reason.BAD_ADDRESS,
    }
    meant = {(p.delegation, p.name): reasons.get(p.left_out) for p in invent.people()}
    assert {(c.delegation, c.name): c.skip for c in book.contacts} == meant
    assert Counter(c.skip for c in book.contacts if c.delegation != "AZ" and c.skip) == {
        Reason.NO_ADDRESS: 9,
        Reason.SAME_ADDRESS: 5,
        Reason.BAD_ADDRESS: 2,
    }
    assert all((c.skip is None) == (c.problem is None) for c in book.contacts)
    assert {p for c in book.contacts if (p := c.problem)} == {
        p for p in book.problems if p.severity is Severity.ERROR
    }
    holds = load_holds(root / "contacts" / "_hold.csv", Delegations.load())
    assert {c.name for c in book.contacts if holds.match(c)} == {
        p.name for p in invent.people() if p.left_out == "on hold"
    }


def test_a_clean_sheet_of_612_people_has_no_problems_at_all(tmp_path: Path) -> None:
    (tmp_path / "contacts").mkdir()
    seen: set[tuple[str, str]] = set()
    with (tmp_path / "contacts" / "all.csv").open("w", encoding="utf-8", newline="") as file:
        fields = [
            "delegation",
            "role",
            "given",
            "surname",
            "address",
            "language",
            "gender",
            "chamber",
            "group",
        ]
        rows = csv.writer(file)
        rows.writerow([*fields, "namesake"])
        for person in invent.many(612):
            again = "yes" if (person.delegation, person.name) in seen else ""
            seen.add((person.delegation, person.name))
            rows.writerow([*(getattr(person, field) for field in fields), again])
    book = load_contacts(tmp_path)
    assert [str(problem) for problem in book.problems] == []
    assert len(book.contacts) == 612


def test_the_46_delegations_have_their_seats(invented: tuple[Path, ContactBook]) -> None:
    known = Delegations.load()
    groups = known.group(invented[1].contacts)
    assert list(groups) == [d.code for d in known.members]
    for code, people in groups.items():
        delegation = known.get(code)
        assert delegation is not None
        assert Counter(c.role == "substitute" for c in people) == {
            True: delegation.substitutes,
            False: delegation.representatives,
        }


def test_the_book_names_the_bytes_that_were_read(invented: tuple[Path, ContactBook]) -> None:
    root, book = invented
    assert book.files == {
        f"contacts/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((root / "contacts").iterdir())
        if path.name != "_hold.csv"
    }
    assert book.broken == ()


def test_a_row_is_one_contact_whatever_is_wrong_with_it(tmp_path: Path) -> None:
    sheet(tmp_path, "a.csv", HEAD + (
        "NO,representative,Anna Prøve,anna.prove@no.example,en\n"
        "\n"
        "NO,substitute,Ola Prøve,,en\n"
        ",,,,\n"
        "Ruritania,substitute,Rudolf Prøve,rudolf@no.example,en\n"
        ",,,total: 3,\n"
        "NO,,Kari Prøve,ANNA.prove@NO.example,en\n"
        "NO,boss,Per Prøve,per@no.example,klingon\n"
        "CA,substitute,Joan Sample,joan@ca.example,en\n"
        ",,,,checked by Ilse\n"
    ))  # fmt: skip
    book = load_contacts(tmp_path)
    assert [(c.row, c.skip, c.problem and c.problem.code) for c in book.contacts] == [
        (2, None, None),
        (4, Reason.NO_ADDRESS, "C100"),
        (6, Reason.UNKNOWN_DELEGATION, "C120"),
        (7, Reason.ROW, "C167"),
        (8, Reason.SAME_ADDRESS, "C102"),
        (9, Reason.ROLE, "C130"),
        (10, Reason.UNKNOWN_DELEGATION, "C121"),
        (11, Reason.ROW, "C160"),
    ]
    assert [p.code for p in book.problems if p.row == 9] == ["C130", "C132"]
    same = book.contacts[4].problem
    assert same is not None
    assert same.message.startswith("Anna Prøve has the same address (contacts/a.csv:2:4)")
    assert (same.cell, same.column, same.place) == ("8:4", "E-mail", "contacts/a.csv:8:4")


def test_a_record_with_line_ends_inside_is_called_by_its_first_line(tmp_path: Path) -> None:
    sheet(tmp_path, "a.csv", HEAD + '"NO",representative,Anna Prøve,"a@no.example","en"\r\n'
          'NO,,"Ola\nPrøve",b@no.example,\n'
          "NO,,Kari Prøve,c@no.example,\n")  # fmt: skip
    assert [(c.row, c.name) for c in load_contacts(tmp_path).contacts] == [
        (2, "Anna Prøve"),
        (3, "Ola Prøve"),
        (5, "Kari Prøve"),
    ]


def test_the_first_row_that_can_be_used_keeps_the_address(tmp_path: Path) -> None:
    sheet(
        tmp_path,
        "a.csv",
        HEAD + "Ruritania,,Anna Prøve,a@no.example,\nNO,,Ola Prøve,a@no.example,\n",
    )
    assert [c.skip for c in load_contacts(tmp_path).contacts] == [Reason.UNKNOWN_DELEGATION, None]


def test_words_that_look_like_nothing_survive(tmp_path: Path) -> None:
    sheet(
        tmp_path,
        "a.csv",
        "Country,Given"
        " name,Surname,E-mail,Phone,Note\nNA,None,Null,1e5@no.example,0012,nan\n"
        "NO,NaN,True,b@no.example,1e5,\n",
    )
    first, second = load_contacts(tmp_path).contacts
    assert (first.given, first.surname, first.address, first.note) == (
        "None",
        "Null",
        "1e5@no.example",
        "nan",
    )
    assert first.extra == {"Phone": "0012"}
    assert (second.given, second.surname, second.extra) == ("NaN", "True", {"Phone": "1e5"})


def test_a_domain_goes_on_the_wire_in_ascii(tmp_path: Path) -> None:
    sheet(
        tmp_path,
        "a.csv",
        HEAD + "NO,,Anna Prøve,\u200b Anna.P@PRØVE.example\u00a0,\nNO,,Åse Prøve,åse@no.example,\n",
    )
    first, second = load_contacts(tmp_path).contacts
    assert first.address == "Anna.P@xn--prve-hra.example"
    assert second.skip is Reason.BAD_ADDRESS


def test_slip_in_the_name_of_a_big_provider_keeps_the_address_unwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "BIG", ("bigmail.example",))
    book = load_contacts(sheet(tmp_path, "a.csv", HEAD + "NO,,Anna Prøve,anna@bgimail.example,\n"))
    (found,) = [one for one in book.problems if one.code == "C104"]
    assert "anna@bigmail.example" in str(found.suggestion)
    assert book.contacts[0].skip is Reason.BAD_ADDRESS


def test_what_is_no_contact_sheet_is_not_read(tmp_path: Path) -> None:
    for name in ("_hold.csv", ".hidden.csv", "~$a.xlsx", "invent.py"):
        sheet(tmp_path, name, "nonsense")
    book = load_contacts(sheet(tmp_path, "a.csv", HEAD + "NO,,Anna Prøve,a@no.example,\n"))
    assert list(book.files) == ["contacts/a.csv"]
    assert book.problems == ()


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.csv", "", "C010"),
        ("a.csv", "Anna Prøve,a@no.example\n", "C010"),
        ("a.csv", "Country,Name\nNO,Anna Prøve\n", "C011"),
        ("a.csv", "Country,E-mail\nNO,a@no.example\n", "C011"),
        ("a.csv", "Country,Name,E-mail,Courriel\nNO,Anna,a@no.example,b@no.example\n", "C012"),
        ("a.csv", 'Country,Name,E-mail\nNO,Ola,o@no.example\nNO,"Anna,a@no.example\n', "C008"),
        ("a.csv", "Country,Name,E-mail\nNO,Prøve, Anna,a@no.example\n", "C022"),
        ("a.xls", "old", "C004"),
        ("a.pdf", "%PDF", "C005"),
        ("a.xlsx", "no zip", "C002"),
        ("a.ods", "no zip", "C002"),
    ],
)
def test_a_file_that_cannot_be_used_is_broken_and_said(
    tmp_path: Path, name: str, content: str, code: str
) -> None:
    book = load_contacts(sheet(tmp_path, name, content))
    assert book.broken == (f"contacts/{name}",)
    assert [p.code for p in book.problems] == [code]
    assert book.contacts == ()


def test_a_folder_without_sheets_is_a_problem(tmp_path: Path) -> None:
    book = load_contacts(tmp_path)
    assert [p.code for p in book.problems] == ["C020"]
    assert book.broken == ("contacts",)


def test_own_headings_of_the_workspace_count(tmp_path: Path) -> None:
    sheet(tmp_path, "a.csv", "Whence,Who,Where to\nNO,Anna Prøve,a@no.example\n")
    own = {"email": ["where to"], "name": ["WHO"], "delegation": ["Whence"]}
    (contact,) = load_contacts(tmp_path, columns=own).contacts
    assert (contact.delegation, contact.name, contact.address) == (
        "NO",
        "Anna Prøve",
        "a@no.example",
    )
    with pytest.raises(UsageError, match="adress"):
        load_contacts(tmp_path, columns={"adress": ["x"]})


def test_a_sheet_without_the_column_is_of_the_delegation_that_it_is_named_after(
    tmp_path: Path,
) -> None:
    sheet(tmp_path, "norway.csv", "Name,E-mail\nAnna Prøve,a@no.example\n")
    book = load_contacts(tmp_path)
    assert [c.delegation for c in book.contacts] == ["NO"]
    assert [p.code for p in book.problems] == ["C124"]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found(tmp_path: Path, separator: str) -> None:
    text = "Country,Name,E-mail,Note\nNO,Anna Prøve,a@no.example,\nNO,Ola Prøve,o@no.example,\n"
    book = load_contacts(sheet(tmp_path, "a.csv", text.replace(",", separator)))
    assert [c.name for c in book.contacts] == ["Anna Prøve", "Ola Prøve"]


def test_a_person_is_the_same_under_case_accents_and_order() -> None:
    def key(name: str) -> str:
        return Contact("a.csv", None, 2, delegation="NO", name=name).person_key

    assert (
        len({key(n) for n in ("Anna Müller-Prøve", "MÜLLER PROVE, Anna", "anna  muller-prøve")})
        == 1
    )
    assert key("Anna Prøve") != key("Anne Prøve")


def sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def test_a_list_that_says_mme_means_monsieur_by_m(tmp_path: Path) -> None:
    lines = (
        "Country,Nom,E-mail\nFR,M. Jean EXEMPLE,j@fr.example\nFR,Mme Anaïs LESSAI,a@fr.example\n"
    )
    jean, anais = load_contacts(sheet(tmp_path, "a.csv", lines)).contacts
    assert (jean.name, jean.civility, jean.gender, jean.written) == (
        "Jean EXEMPLE",
        "M.",
        "m",
        "M. Jean EXEMPLE",
    )
    assert (anais.name, anais.gender) == ("Anaïs LESSAI", "f")
    alone = load_contacts(sheet(tmp_path, "a.csv", lines.replace("Mme ", ""))).contacts[0]
    assert (alone.name, alone.gender) == ("M. Jean EXEMPLE", "")


@pytest.mark.parametrize(
    "head",
    [
        "Country / Pays,Name / Nom,E-mail / Courriel",
        "Délégation nationale – National delegation,Name (as printed),E-mail address (official)*",
        "DELEGATION:,First name / Last name,e-mail address(es)",
        '"Country\nPays","Nom\nName","E-mail\nCourriel"',
        "Land (ISO),Mitglied,E-Mail [dienstlich]",
    ],
)
def test_headings_in_two_languages_or_with_brackets_are_read(tmp_path: Path, head: str) -> None:
    (contact,) = load_contacts(
        sheet(tmp_path, "a.csv", f"{head}\nNO,Anna Prøve,a@no.example\n")
    ).contacts
    assert (contact.delegation, contact.name, contact.address) == (
        "NO",
        "Anna Prøve",
        "a@no.example",
    )


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Ганна Зразок", "Hanna Zrazok", True),
        ("Сергій Зразенко", "ZRAZENKO Serhii", True),
        ("Γιώργος Παραδείγμας", "Giorgos Paradeigmas", True),
        ("Alexander Obrazets", "Aleksandr Obrazets", True),
        ("A. M. Beispiel", "Anna Maria Beispiel", True),
        ("Peter Príklad", "Petra Príkladová", False),
        ("Ana Exemplo Silva", "Ana Exemplo Santos", False),
        ("A. Sample", "B. Sample", False),
    ],
)
def test_two_spellings_of_one_person_are_asked_about(one: str, other: str, alike: bool) -> None:
    assert (likeness(one, other) >= ALIKE) is alike


def test_headings_between_the_rows_say_delegation_and_role(tmp_path: Path) -> None:
    (tmp_path / "contacts").mkdir()
    lines = (
        "Name,E-mail\nALBANIA,\nRepresentatives,\nAnna SHEMBULL,a@al.example\nSubstitutes,\nBen"
        " SHEMBULL,b@al.example\n"
    )
    (tmp_path / "contacts" / "all.csv").write_text(lines, encoding="utf-8")
    book = load_contacts(tmp_path)
    people = [(c.delegation, c.role, c.name) for c in book.contacts if c.skip is None]
    assert people == [
        ("AL", "representative", "Anna SHEMBULL"),
        ("AL", "substitute", "Ben SHEMBULL"),
    ]
    assert len(book.contacts) == 5


def test_a_column_of_salutations_may_hold_mr_and_ms(tmp_path: Path) -> None:
    (tmp_path / "contacts").mkdir()
    lines = (
        "Country,Salutation,Title,Name,E-mail\nNO,Mr,Dr,Ola Skisse,o@no.example\nNO,Dear Anna,Ms"
        " Prof,Anna Prøve,a@no.example\n"
    )
    (tmp_path / "contacts" / "all.csv").write_text(lines, encoding="utf-8")
    found = [(c.civility, c.gender, c.title, c.greeting) for c in load_contacts(tmp_path).contacts]
    assert found == [("Mr", "m", "Dr", ""), ("Ms", "f", "Prof", "Dear Anna")]
