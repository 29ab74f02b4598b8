"""Facts about the hold list: one match is enough, and no line is ignored."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailer.contacts import Contact
from mailer.holds import Holds, load_holds

HEAD = "address,name,delegation,because,since,by\n"


def holds(folder: Path, lines: str) -> Holds:
    path = folder / "_hold.csv"
    path.write_text(HEAD + lines, encoding="utf-8")
    return load_holds(path)


def person(name: str = "Anna Prøve", delegation: str = "NO", address: str = "anna@no.example") -> Contact:
    return Contact("contacts/a.csv", None, 2, delegation=delegation, name=name, address=address)


LINE = 'Anna@NO.example,Anna PRØVE,Norway,"asked, twice",2026-03-03,Ilse\n'


@pytest.mark.parametrize(
    ("contact", "held"),
    [
        (person(), True),
        (person(address="new@no.example"), True),
        (person(address=""), True),
        (person(name="Prove, anna", address="new@no.example"), True),
        (person(name="Anna P.", address="ANNA@no.EXAMPLE"), True),
        (person(name="Anna Prøve", delegation="SE", address="new@se.example"), False),
        (person(name="Anne Prøve", address="new@no.example"), False),
        (person(name="", address=""), False),
    ],
)
def test_a_person_is_held_by_address_or_by_name_and_delegation(tmp_path: Path, contact: Contact, held: bool) -> None:
    assert (holds(tmp_path, LINE).match(contact) is not None) == held


def test_a_hold_says_why_since_when_and_who_said_so(tmp_path: Path) -> None:
    hold = holds(tmp_path, LINE).match(person())
    assert str(hold) == "asked, twice (Ilse, 2026-03-03)"


def test_a_name_without_a_delegation_is_held_everywhere(tmp_path: Path) -> None:
    found = holds(tmp_path, ",Anna Prøve,,,,\n,Ola Prøve,Ruritania,,,\n")
    assert found.match(person(delegation="SE", address=""))
    assert found.match(person(name="Ola Prøve", address=""))
    assert [p.code for p in found.problems] == ["C201"]


def test_a_line_that_holds_nobody_is_an_error(tmp_path: Path) -> None:
    found = holds(tmp_path, LINE + ",,NO,because,,\nno address,,NO,because,,\nbroken@@no.example,Ola Prøve,NO,,,\n")
    assert [(p.code, p.row) for p in found.problems] == [("C200", 3), ("C200", 4), ("C202", 5)]
    assert len(found) == 2


def test_a_hold_list_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    path = tmp_path / "_hold.csv"
    path.write_bytes(b"\x00\xff\xfe nothing")
    assert [p.severity for p in load_holds(path).problems] == ["error"]


def test_no_hold_list_holds_nobody(tmp_path: Path) -> None:
    found = load_holds(tmp_path / "_hold.csv")
    assert (len(found), found.problems, found.match(person())) == (0, (), None)
