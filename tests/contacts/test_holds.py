"""Facts about the hold list: one match is enough, and no line is ignored."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mailer.base.delegations import Delegations
from mailer.base.errors import MailerError, Refused, UsageError
from mailer.base.locks import locked
from mailer.contacts.book import load_contacts
from mailer.contacts.contact import Contact
from mailer.contacts.hold_list import doubts, forget, hold, release
from mailer.contacts.holds import Hold, Holds, WatchedList, load_holds

HEAD = "address,name,delegation,because,since,by\n"

KNOWN = Delegations.load()


def holds(folder: Path, lines: str) -> Holds:
    path = folder / "_hold.csv"
    path.write_text(HEAD + lines, encoding="utf-8")
    return load_holds(path, KNOWN)


def person(
    name: str = "Anna Prøve", delegation: str = "NO", address: str = "anna@no.example"
) -> Contact:
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
def test_a_person_is_held_by_address_or_by_name_and_delegation(
    tmp_path: Path, contact: Contact, held: bool
) -> None:
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
    found = holds(
        tmp_path,
        LINE + ",,NO,because,,\nno address,,NO,because,,\nbroken@@no.example,Ola Prøve,NO,,,\n",
    )
    assert [(p.code, p.row) for p in found.problems] == [("C200", 3), ("C200", 4), ("C202", 5)]
    assert len(found) == 2


def test_a_hold_list_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    path = tmp_path / "_hold.csv"
    path.write_bytes(b"\x00\xff\xfe nothing")
    assert [p.severity for p in load_holds(path, KNOWN).problems] == ["error"]


def test_no_hold_list_holds_nobody(tmp_path: Path) -> None:
    found = load_holds(tmp_path / "_hold.csv", KNOWN)
    assert (len(found), found.problems, found.match(person())) == (0, (), None)


def entry(address: str = "", name: str = "", delegation: str = "") -> Hold:
    return Hold(address, name, delegation, "asked", "2026-11-25", "Ilse", "", 0)


def test_a_hold_is_added_at_the_end_and_every_line_stays(tmp_path: Path) -> None:
    path = tmp_path / "_hold.csv"
    path.write_text(
        HEAD.replace("by", "by,phone") + LINE.strip() + ",0012\n,,NO,half a line,,\n",
        encoding="utf-8",
    )
    hold(path, tmp_path / "backups", entry("ola@no.example", "Ola Prøve", "NO"), KNOWN)
    found = load_holds(path, KNOWN)
    assert [h.name for h in found] == ["Anna PRØVE", "Ola Prøve"]
    assert "0012" in path.read_text(encoding="utf-8")
    assert "half a line" in path.read_text(encoding="utf-8")
    assert found.match(person("Ola Prøve", address="new@no.example"))


def test_a_list_is_begun_with_the_first_hold(tmp_path: Path) -> None:
    path = tmp_path / "contacts" / "_hold.csv"
    hold(path, tmp_path / "backups", entry("=cmd@no.example", "Ola Prøve", "NO"), KNOWN)
    assert [h.by for h in load_holds(path, KNOWN)] == ["Ilse"]
    with pytest.raises(UsageError):
        hold(path, tmp_path / "backups", entry(), KNOWN)


def test_a_released_person_is_written_to_again_and_the_backup_knows(tmp_path: Path) -> None:
    holds(tmp_path, LINE + ",Ola Prøve,NO,,,\n")
    path = tmp_path / "_hold.csv"
    anna, _ = load_holds(path, KNOWN)
    release(path, tmp_path / "backups", anna, KNOWN)
    assert [h.name for h in load_holds(path, KNOWN)] == ["Ola Prøve"]
    assert len(load_holds(tmp_path / "backups" / "_hold.1.csv", KNOWN)) == 2


def test_a_seal_outlives_an_erased_address_and_name(tmp_path: Path) -> None:
    path = tmp_path / "_hold.csv"
    hold(path, tmp_path / "backups", entry("anna@no.example", "Anna Prøve", "NO"), KNOWN)
    hold(path, tmp_path / "backups", entry("ola@no.example", "Ola Prøve", "NO"), KNOWN)
    forget(path, tmp_path / "backups", load_holds(path, KNOWN).entries[0], KNOWN)
    text = path.read_text(encoding="utf-8").lower()
    assert "anna" not in text
    assert list((tmp_path / "backups").iterdir()) == []
    found = load_holds(path, KNOWN)
    assert (len(found), found.problems) == (2, ())
    assert found.match(person(address="ANNA@no.example", name="Somebody Else"))
    assert found.match(person(name="PROVE Anna", address="new@no.example"))
    assert found.match(person(name="Anne Prøve", address="new@no.example")) is None


def test_a_hold_list_that_cannot_be_read_is_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "_hold.csv"
    for content in (b"\x00\x01\x02", b'address,name\n"open'):
        path.write_bytes(content)
        with pytest.raises(UsageError):
            hold(path, tmp_path / "backups", entry("a@no.example"), KNOWN)
        assert path.read_bytes() == content


@pytest.mark.parametrize("name", ["Jürgen Müller", "MUELLER Juergen", "Jurgen Muller"])
def test_a_hold_outlives_another_spelling_and_a_new_address(tmp_path: Path, name: str) -> None:
    found = holds(tmp_path, "jm@de.example,Jürgen Müller,DE,asked,2026-03-03,Ilse\n")
    assert found.match(person(name=name, delegation="DE", address="new@de.example"))


def test_a_seal_knows_another_spelling(tmp_path: Path) -> None:
    path = tmp_path / "_hold.csv"
    hold(path, tmp_path / "backups", entry("jm@de.example", "Jürgen Müller", "DE"), KNOWN)
    forget(path, tmp_path / "backups", load_holds(path, KNOWN).entries[0], KNOWN)
    assert load_holds(path, KNOWN).match(
        person(name="Juergen Mueller", delegation="DE", address="new@de.example")
    )


@pytest.mark.parametrize(
    ("name", "asked"), [("Karin Prøvesen", 1), ("Karin S. Prøvesen", 0), ("Per Utkast", 0)]
)
def test_who_is_nearly_on_the_list_is_asked_about(tmp_path: Path, name: str, asked: int) -> None:
    (tmp_path / "contacts").mkdir()
    (tmp_path / "contacts" / "a.csv").write_text(
        f"Country,Name,E-mail\nNO,{name},new@no.example\n", encoding="utf-8"
    )
    found = holds(tmp_path, "old@no.example,Karin S. Prøvesen,NO,asked,2026-03-03,Ilse\n")
    problems = doubts(found, load_contacts(tmp_path))
    assert [(p.code, p.cell) for p in problems] == [("C203", "2:2")] * asked


def test_everyone_who_is_held_at_the_same_moment_is_on_the_list(tmp_path: Path) -> None:
    path, backups = tmp_path / "contacts" / "_hold.csv", tmp_path / "backups"
    entries = [
        Hold(
            f"p{number}@no.example", f"Person {number}", "NO", "asked", "2027-01-04", "Ilse", "", 0
        )
        for number in range(8)
    ]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda entry: hold(path, backups, entry, KNOWN), entries))
    assert {entry.address for entry in load_holds(path, KNOWN)} == {
        entry.address for entry in entries
    }


def test_list_that_somebody_else_keeps_locked_is_left_alone_with_his_name(tmp_path: Path) -> None:
    path, backups = tmp_path / "_hold.csv", tmp_path / "backups"
    entry = Hold("p@no.example", "", "", "asked", "2027-01-04", "Ilse", "", 0)
    with locked(tmp_path / "_hold.lock"), pytest.MonkeyPatch.context() as patch:
        patch.setattr("mailer.contacts.hold_list.PATIENCE", 0.1)
        with pytest.raises(Refused, match=f"process {os.getpid()}"):
            hold(path, backups, entry, KNOWN)
    assert not path.exists()
    hold(path, backups, entry, KNOWN)


def test_watched_list_has_changed_until_it_was_obeyed(tmp_path: Path) -> None:
    path = tmp_path / "_hold.csv"
    watched = WatchedList(path, KNOWN)
    assert watched.has_changed
    first, stamp = watched.look()
    assert not first and watched.has_changed
    watched.obeyed(stamp)
    assert not watched.has_changed
    holds(tmp_path, LINE)
    again, stamp = watched.look()
    assert len(again) == 1 and watched.has_changed
    path.write_text(HEAD + ",,,,,\n" + "not an address,,,,,\n", encoding="utf-8")
    watched.obeyed(stamp)  # which is not the one that lies there now
    for _ in range(2):
        with pytest.raises(MailerError, match="cannot be trusted"):
            watched.look()
        assert watched.has_changed
