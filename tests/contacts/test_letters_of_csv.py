"""Facts about text files: the letters come out as they went in or the file is refused, quotation
marks swallow nobody, and what a message quotes is what was read.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from rich.console import Console

from mailer.cli.screen.problems import show_problems
from mailer.contacts.book import ContactBook, load_contacts
from mailer.contacts.sheets.encodings import ENCODINGS, recognise
from tests.people.invent import people

LATIN = {
    "DE": ("Jürgen Größe", "Käthe Übungsfeld", "Björn Müßig"),
    "FR": ("Zoé Léger", "François Évêque", "Anaïs Garçon"),
    "NO": ("Øyvind Prøve", "Åse Bjørnstad", "Kåre Mønster"),
    "PL": ("Łucja Śpiewak", "Michał Wróbel", "Ewa Nęcka"),
    "CZ": ("Jiří Příkladný", "Šárka Žižková", "Eliška Růžičková"),
    "HU": ("Zsófia Őrsi", "Ödön Minta", "Győző Űri"),
    "TR": ("Şükrü Işık", "Çiğdem Örnekoğlu", "İnci Ağaç"),
    "LT": ("Živilė Pavyzdienė", "Šarūnas Mėginys", "Žygimantas Ąžuolas"),
}
OTHER = {
    "UA": ("Ганна Зразок", "Євген Спроба", "Софія Ґудзь"),
    "BG": ("Мария Примерова", "Георги Образцов", "Йордан Щерев"),
    "GR": ("Αγγελική Υποθετίδου", "Σπύρος Δειγματάκης", "Ελένη Παράδειγμα"),
}
SPELLED = {
    "Ганна Зразок": "hanna.zrazok",
    "Євген Спроба": "yevhen.sproba",
    "Софія Ґудзь": "sofiia.gudz",
    "Мария Примерова": "maria.primerova",
    "Георги Образцов": "georgi.obraztsov",
    "Йордан Щерев": "yordan.shterev",
    "Αγγελική Υποθετίδου": "angeliki.ypothetidou",
    "Σπύρος Δειγματάκης": "spyros.deigmatakis",
    "Ελένη Παράδειγμα": "eleni.paradeigma",
}


def local(name: str) -> str:
    """Return how a parliament would spell a name before the @."""
    from mailer.base.spelling import tokens

    return SPELLED.get(name) or ".".join(tokens(name))


def cases() -> list[tuple[str, str]]:
    found = []
    for encoding in ENCODINGS:
        for code, names in (LATIN | OTHER).items():
            try:
                "".join(names).encode(encoding)
            except UnicodeEncodeError:
                continue
            found.append((encoding, code))
    return found


def read(root: Path, content: bytes, name: str = "all.csv") -> ContactBook:
    (root / "contacts").mkdir(exist_ok=True)
    (root / "contacts" / name).write_bytes(content)
    return load_contacts(root)


@pytest.mark.parametrize(("encoding", "code"), cases())
def test_letters_come_out_right_or_the_file_is_refused(
    tmp_path: Path, encoding: str, code: str
) -> None:
    names = (LATIN | OTHER)[code]
    lines = "".join(f"{code};{name};{local(name)}@{code.lower()}.example\n" for name in names)
    book = read(tmp_path, f"Country;Name;E-mail\n{lines}".encode(encoding))
    read_as = tuple(contact.name for contact in book.contacts)
    assert read_as == names or (book.broken and not read_as)


def test_nearly_all_of_them_come_out_right(tmp_path: Path) -> None:
    right = 0
    for encoding, code in cases():
        names = (LATIN | OTHER)[code]
        lines = "".join(f"{code};{name};{local(name)}@{code.lower()}.example\n" for name in names)
        book = read(tmp_path, f"Country;Name;E-mail\n{lines}".encode(encoding))
        right += tuple(contact.name for contact in book.contacts) == names
    assert right >= len(cases()) * 9 // 10


RARE = ("cp863", "cp865", "cp1256", "cp1258", "hp_roman8", "iso8859_14", "cp862")
"""Encodings that are not tried: a file in one of them is refused, if it is read as another."""


def test_names_of_all_delegations_come_out_right_or_the_file_is_refused() -> None:
    """Each delegation in a third of the encodings that have its letters; the addresses say nothing
    about the names. Romanian Ț is Ţ in the encodings of Microsoft.
    """
    by_code: dict[str, list[str]] = {}
    for person in people():
        name = f"{person.given} {person.surname}"
        if not name.isascii():
            by_code.setdefault(person.delegation, []).append(name)
    right = wrong = refused = 0
    for at, (code, names) in enumerate(by_code.items()):
        for encoding in (*ENCODINGS, *RARE)[at % 3 :: 3]:
            lines = "".join(f"{code};{name};a@post.example\n" for name in names[:6])
            try:
                content = f"Country;Name;E-mail\n{lines}".encode(encoding)
            except UnicodeEncodeError:
                continue
            found, _ = recognise("a.csv", content)
            same = found and content.decode(found).translate(
                _CEDILLA
            ) == f"Country;Name;E-mail\n{lines}".translate(_CEDILLA)
            right, wrong, refused = (
                right + bool(same),
                wrong + bool(found and not same),
                refused + (not found),
            )
    assert right > 150, (right, refused)
    assert wrong <= 2
    assert refused < 20


_CEDILLA = str.maketrans("ȘșȚț", "ŞşŢţ")


def test_letters_that_no_reading_explains_are_refused_with_the_way_out(tmp_path: Path) -> None:
    noise = bytes(b for b in range(0x80, 0x100) if b not in (0x85, 0x8D, 0x90, 0x9D, 0xA0))
    lines = b"Name,E-mail\n" + b"".join(
        bytes([noise[n], 65, noise[-n], 97, noise[n * 2]]) + b" Q,a%d@no.example\n" % n
        for n in range(1, 50)
    )
    book = read(tmp_path, lines, "norway.csv")
    assert book.broken
    (refused,) = book.problems
    assert refused.code == "C006"
    assert "CSV UTF-8" in (refused.suggestion or "")


def test_quotation_marks_with_a_backslash_are_read(tmp_path: Path) -> None:
    lines = (
        "Delegation,Name,E-mail,Note\n"
        'Norway,Anna BEISPIEL,anna@no.example,"called \\"Annie\\" by all"\n'
        "Norway,Bjorn PROVE,bjorn@no.example,\n"
    )
    book = read(tmp_path, lines.encode())
    assert [(c.name, c.note) for c in book.contacts] == [
        ("Anna BEISPIEL", 'called "Annie" by all'),
        ("Bjorn PROVE", ""),
    ]


def test_a_blank_between_comma_and_quotation_mark_changes_nothing(tmp_path: Path) -> None:
    lines = (
        'Delegation, Name, E-mail\n"Norway", "Anna BEISPIEL", "anna@no.example"\n'
        '"Norway", "PROVE, Bjorn", "bjorn@no.example"\n'
    )
    book = read(tmp_path, lines.encode())
    assert [c.name for c in book.contacts] == ["Anna BEISPIEL", "Bjorn PROVE"]
    assert not book.problems


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("rows", [1, 2, 30])
def test_two_stray_quotation_marks_swallow_nobody(
    tmp_path: Path, separator: str, rows: int
) -> None:
    swallowed = "".join(f"Norway,P{n} PROVE,p{n}@no.example,\n" for n in range(rows))
    lines = (
        f'Delegation,Name,E-mail,Note\nNorway,Anna PRØVE,anna@no.example,"on leave\n{swallowed}'
        'Norway,Eva MODELL,eva@no.example,also in the Council"\nNorway,Per SKISSE,per@no.example,\n'
    )
    book = read(tmp_path, lines.replace(",", separator).encode())
    assert book.broken
    (refused,) = book.problems
    assert (refused.code, refused.row) == ("C008", 2)
    assert f"line {3 + rows}" in refused.message


def test_a_note_of_several_lines_with_an_address_in_it_is_a_note(tmp_path: Path) -> None:
    note = '"first\nsecond: office@no.example, or phone\nthird"'
    book = read(
        tmp_path, f"Delegation,Name,E-mail,Note\nNO,Anna PRØVE,a@no.example,{note}\n".encode()
    )
    assert [c.name for c in book.contacts] == ["Anna PRØVE"]
    assert "office@no.example" in book.contacts[0].note


def test_a_second_count_of_the_records_finds_no_other_number(tmp_path: Path) -> None:
    """The records of a file, counted by the library alone, are headings and contacts."""
    rows = [
        ["NO", f"Anna PRØVE{n}", f"a{n}@no.example", "a\nb" if n % 3 else ""] for n in range(40)
    ]
    out = io.StringIO()
    csv.writer(out).writerows([["Delegation", "Name", "E-mail", "Note"], *rows])
    book = read(tmp_path, out.getvalue().encode())
    counted = sum(1 for _ in csv.reader(io.StringIO(out.getvalue(), newline="")))
    assert len(book.contacts) + 1 == counted


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "utf-8-sig", "mac_roman"])
def test_a_quoted_line_is_shown_in_its_own_letters(tmp_path: Path, encoding: str) -> None:
    lines = (
        "Delegation\tName\tE-mail\nNorway\tKarin PRØVESEN\t\nNorway\tØyvind "
        "PRØVE\toyvind.prove@no.example\n"
    )
    book = read(tmp_path, lines.encode(encoding))
    out = io.StringIO()
    show_problems(Console(file=out, width=100), book.problems, tmp_path)
    assert "PRØVESEN" in out.getvalue()
    assert "\\x00" not in out.getvalue()
