"""Facts about words that are nearly another word."""

from __future__ import annotations

import pytest

from mailer.base.spelling import nearest

NAMES = ["Anna Berg", "Ola Nordmann", "Péter Példás"]


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("memeber", ["member", "name"], "member"),
        ("lgo", ["log", "smtp"], "log"),
        ("NMAE", ["name", "role"], "name"),
        ("Bosnia & Herzegovnia", ["Bosnia-Herzegovina", "Serbia"], "Bosnia-Herzegovina"),
        ("Szekely", ["Székely"], "Székely"),
        ("mode", ["host", "port"], None),
        ("number", ["member"], None),
        ("nameless", ["name"], None),
        ("to", ["too", "go"], None),
        ("", ["a"], None),
        ("anything", [], None),
    ],
)  # fmt: skip
def test_a_slip_or_two_of_the_pen_is_seen_through(
    word: str, known: list[str], meant: str | None
) -> None:
    assert nearest(word, known) == meant


def test_one_word_of_a_name_is_enough_where_names_are_asked_for() -> None:
    assert nearest("Nordman", NAMES, parts=True) == "Ola Nordmann"
    assert nearest("Nordman", NAMES) is None
    assert nearest("peldos", NAMES, parts=True) == "Péter Példás"
