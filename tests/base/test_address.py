"""Who may be reached in test mode."""

from __future__ import annotations

import pytest

from mailer.base.address import allowed


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
