"""Facts about address cells: the form for the wire, or what is wrong, and a repair only where
nothing is guessed.
"""

from __future__ import annotations

import pytest

from mailer.contacts.rows.addresses import free_slip, read_address

ANNA = "anna@no.example"


@pytest.mark.parametrize(
    ("cell", "address"),
    [
        (ANNA, ANNA),
        ("  anna@no.example\u00a0", ANNA),
        ("\ufeff\u200banna@no.example\u200e", ANNA),
        ("Anna.Prove+pace@NO.Example", "Anna.Prove+pace@no.example"),
        ("1e5@no.example", "1e5@no.example"),
        ("o'brien@ie.example", "o'brien@ie.example"),
        ("anna@prøve.example", "anna@xn--prve-hra.example"),
        ("anna@παράδειγμα.example", "anna@xn--hxajbheg2az3al.example"),
        ("anna@пример.example", "anna@xn--e1afmkfd.example"),
    ],
)
def test_a_good_address_goes_on_the_wire(cell: str, address: str) -> None:
    assert (read_address(cell).address, read_address(cell).code) == (address, "")


@pytest.mark.parametrize(
    ("cell", "code", "repair", "safe"),
    [
        ("", "C100", "", False), (" \u200b ", "C100", "", False), ("-", "C100", "", False),
        ("n/a", "C100", "", False), ("Non public", "C100", "", False), ("k. A.", "C100", "", False),
        ("—", "C100", "", False), ("anna", "C101", "", False),
        ("anna no.example", "C101", "", False), ("anna@@no.example", "C101", "", False),
        ("anna@no", "C101", "", False), ("anna..prove@no.example", "C101", "", False),
        ("@no.example", "C101", "", False), ("anna@no..example", "C101", "", False),
        ("anna@-no.example", "C101", "", False), ("anna@localhost", "C101", "", False),
        ('"anna berg"@no.example', "C101", "", False), ("anna@[127.0.0.1]", "C101", "", False),
        ("anna@no.test", "C101", "", False), ("a" * 65 + "@no.example", "C101", "", False),
        ("anna@" + ".".join(["a" * 60] * 5) + ".example", "C101", "", False),
        ("anna prove@no.example", "C101", "", False), ("anna@no.example,", "C111", ANNA, True),
        ("anna@no.example.", "C111", ANNA, True), ("<anna@no.example>", "C111", ANNA, True),
        ("anna@no.example;", "C111", ANNA, True), ("'anna@no.example'", "C111", ANNA, True),
        ("mailto:anna@no.example", "C109", ANNA, True),
        ("MAILTO: anna@no.example?subject=Hi", "C109", ANNA, True),
        ("Anna Prøve <anna@no.example>", "C110", ANNA, True),
        ('"Prøve, Anna" <anna@no.example>', "C110", ANNA, True),
        ("anna@no.example (Anna Prøve)", "C110", ANNA, True),
        ("Anna Prøve anna@no.example", "C110", ANNA, False),
        ("Anna Prøve - anna@no.example", "C110", ANNA, False),
        ("anna@no.example; office@no.example", "C108", "", False),
        ("anna@no.example, office@no.example", "C108", "", False),
        ("anna@no.example office@no.example", "C108", "", False),
        ("anna@no.example/office@no.example", "C108", "", False),
        ("anna@no.example\noffice@no.example", "C108", "", False),
        ("anna (at) no.example", "C114", ANNA, True),
        ("anna[at]no[dot]example", "C114", ANNA, True), ("anna at no.example", "C114", ANNA, True),
        ("muñoz@es.example", "C115", "", False), ("åse@no.example", "C115", "", False),
        ("аnna@no.example", "C105", "", False), ("anna@nо.example", "C105", "", False),
        ("anna@ехо.example", "C105", "", False), ("anna@xn--n-otb.example", "C105", "", False),
        ("an\u200bna@no.example", "C106", ANNA, False),
        ("anna\u202e@no.example", "C106", ANNA, False), ("anna＠no.example", "C106", ANNA, False),
        ("anna@no\u00ad.example", "C106", ANNA, False),
        ("anna@no.example\nBcc: all@no.example", "C107", "", False),
        ("anna@no.example\r\n", "", "", False), ("=?utf-8?q?anna?=@no.example", "C107", "", False),
        ("anna@no.example%0aBcc:x@no.example", "C107", "", False),
        ("anna\x00@no.example", "C107", "", False), ("anna\u2028@no.example", "C107", "", False),
        ('=HYPERLINK("mailto:anna@no.example")', "C116", "anna@no.example", False),
    ],
)  # fmt: skip
def test_a_bad_cell_has_one_code_and_is_never_repaired_in_silence(
    cell: str, code: str, repair: str, safe: bool
) -> None:
    reading = read_address(cell)
    assert (reading.code, reading.repair, reading.safe) == (code, repair, safe)
    assert (reading.address == "") == bool(code)


@pytest.mark.parametrize(
    ("address", "notes"),
    [
        ("info@no.example", ("C112",)),
        ("anna@freemail.example", ("C113",)),
        ("office@freemail.example", ("C112", "C113")),
        (ANNA, ()),
    ],
)
def test_offices_and_private_mailboxes_are_noted(address: str, notes: tuple[str, ...]) -> None:
    assert read_address(address).notes == notes


def test_several_addresses_are_all_named() -> None:
    assert read_address("a@no.example; b@no.example").detail == "a@no.example or b@no.example"


@pytest.mark.parametrize(
    ("domain", "meant"),
    [("gmial.com", "gmail.com"), ("gmail.con", "gmail.com"), ("gmail.com", ""), ("no.example", "")],
)
def test_slip_in_the_name_of_a_big_provider_is_found(domain: str, meant: str) -> None:
    assert free_slip(domain) == meant
