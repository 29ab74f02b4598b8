"""Who may be reached in test mode, and how an address goes on the wire."""

from __future__ import annotations

import contextlib

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from mailer.base.address import NoAddress, allowed, wire_form


@pytest.mark.parametrize(
    ("address", "allow", "expected"),
    [
        ("anna@no.example", ("anna@no.example",), True),
        ("Anna@NO.example", ("anna@no.example",), True),
        ("anna@no.example", ("@no.example",), True),
        ("anna@no.example", ("@NO.EXAMPLE",), True),
        ("anna@bücher.example", ("@xn--bcher-kva.example",), True),
        ("anna@no.example", ("jo@no.example", "@fr.example"), False),
        ("anna@mail.no.example", ("@no.example",), False),
        ("anna@no.example.fr.example", ("@no.example",), False),
        ("anna@no.example", (), False),
        ("anna@no.example", ["@fr.example", "@no.example"], True),
    ],
)
def test_allow_list_names_an_address_or_everybody_of_a_domain(
    address: str, allow: tuple[str, ...] | list[str], expected: bool
) -> None:
    assert allowed(address, allow) is expected


@given(st.from_regex(r"[a-zA-Z0-9._+-]{1,70}@[a-z0-9.-]{1,70}\.[a-z]{2,7}", fullmatch=True))
@example("a@b--c.ch")
@example("a@-b.ch")
@example("a@b-.ch")
@example(f"a@{'b' * 64}.ch")
@example(f"{'a' * 65}@b.ch")
@example(f"a@{'b' * 63}.{'c' * 63}.{'d' * 63}.{'e' * 63}.ch")
@example(f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 58}.ch")
@example("a..b@c.ch")
@example("a@b.local")
@example("a@b.test")
@example("a@xn--bcher-kva.ch")
@example("Info@b.ch")
def test_an_address_that_passes_at_sight_is_what_the_library_makes_of_it(address: str) -> None:
    expected = None
    with contextlib.suppress(EmailNotValidError):
        expected = validate_email(
            address, check_deliverability=False, allow_smtputf8=False
        ).ascii_email
    found = None
    with contextlib.suppress(NoAddress):
        found = wire_form(address)
    assert found == expected
