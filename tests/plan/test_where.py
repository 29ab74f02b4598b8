"""Conditions of an audience: what is not known is never included, and a slip is said at its
place.
"""

from __future__ import annotations

import pytest

from mailer.base.delegations import Delegations
from mailer.plan.where import NotUnderstood, Past, read
from tests.helpers.letters import person

DELEGATIONS = Delegations.load()
PEOPLE = [
    person(given="Anna", extra={"Committee": "Monitoring", "Vote 2024": "for"}),
    person(given="Ola", role="substitute", extra={"Committee": "Rules; Monitoring"}),
    person(given="Kim", delegation="SE", extra={"Committee": "Legal Affairs and Human Rights"}),
    person(given="Liv", delegation="SE", role="", extra={}),
]
PAST = {
    "Anna": [Past("accepted", "M-0001", "vote"), Past("reply", "M-0001", "vote")],
    "Ola": [
        Past("refused", "M-0002", "prisoners"),
        Past("away", "M-0002", "prisoners"),
        Past("leans", "", "vote"),
    ],
    "Kim": [Past("against", "", "vote")],
}


def meant(text: str) -> list[str]:
    condition = read(text, PEOPLE, DELEGATIONS, ["M-0001", "M-0002", "vote", "prisoners"])
    return [one.given for one in PEOPLE if condition.against(one, PAST.get(one.given, ())) is None]


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("committee = Monitoring", ["Anna", "Ola"]),
        ("COMMITTEE=monitoring", ["Anna", "Ola"]),
        ("committee != Monitoring", ["Kim"]),  # Liv has none: not known
        ("not committee = Monitoring", ["Kim"]),
        ("committee is empty", ["Liv"]),
        ("committee is not empty", ["Anna", "Ola", "Kim"]),
        ("committee is Rules", ["Ola"]),
        ('committee = "Legal Affairs and Human Rights"', ["Kim"]),
        ("committee in (Rules, 'Monitoring')", ["Anna", "Ola"]),
        ("committee in (Rules, Monitoring)", ["Anna", "Ola"]),
        ("committee not in (Rules, Monitoring)", ["Kim"]),
        ("Vote 2024 = for", ["Anna"]),
        ("role = substitute", ["Ola"]),
        ("role = suppléant", ["Ola"]),
        ("role != substitute", ["Anna", "Kim"]),
        ("delegation = Sweden", ["Kim", "Liv"]),
        ("delegation in (SE, Norvège) and committee is not empty", ["Anna", "Ola", "Kim"]),
        ("replied", ["Anna"]),
        ("not replied", ["Ola", "Kim", "Liv"]),
        ("written", ["Anna"]),
        ("written in M-0001", ["Anna"]),
        ("refused in prisoners or replied in (vote)", ["Anna", "Ola"]),
        ("away in vote", []),
        ("committee = Monitoring and not replied", ["Ola"]),
        ("role = substitute or delegation = SE and committee is empty", ["Ola", "Liv"]),
        ("(role = substitute or delegation = SE) and not away", ["Kim", "Liv"]),
        ("not (committee = Rules or role = representative)", []),
        ("delegation = IS", []),  # Iceland, and no keyword
        ("delegation in (IS, SE) and not away", ["Kim", "Liv"]),
        ("delegation != IS and role = substitute", ["Ola"]),
        ("not delegation is is or role = chair", ["Anna", "Ola", "Kim", "Liv"]),
        ("position = leans", ["Ola"]),
        ("position in (supports, leans, against)", ["Ola", "Kim"]),
        ("position != against", ["Ola"]),  # of the others it is not known
        ("position is empty", ["Anna", "Liv"]),
        ("position is not empty and not away", ["Kim"]),
    ],
)
def test_condition_means_these_people(text: str, who: list[str]) -> None:
    assert meant(text) == who


@pytest.mark.parametrize(
    ("text", "at", "hint"),
    [
        ("comittee = Monitoring", 0, 'did you mean "Committee"?'),
        ("committee = Monitring", 12, 'did you mean "Monitoring"?'),
        ("committee = Monitoring adn replied", 12, "Committee = Monitoring and"),
        ("committee = Monitoring replied", 12, "Committee = Monitoring and"),
        ("delegation = Swizerland", 13, "Switzerland"),
        ("position = suports", 11, 'did you mean "supports"?'),
        ("role = substitut", 7, "substitute"),
        ("committee", 0, "write: committee = …"),
        ("committee =", 11, "quotes"),
        ("committee = is empty", 12, "quotes"),
        ("committee = Monitoring and", 26, "quotes"),
        ("(committee = Monitoring", 23, "each ("),
        ("committee = Monitoring)", 22, "quotes"),
        ("repleid", 0, 'did you mean "replied"?'),
        ("replied in M-0009", 11, "did you mean"),
        ("", 0, "write for example"),
        ("committee = Legal Affairs and Human Rights", 12, "Legal Affairs and Human Rights"),
        ("__import__('os').system('x')", 0, ""),
        ("committee == Monitoring", 11, "quotes"),
        ("committee not Monitoring", 14, "write: not in"),
        ('committee = "Monitoring', 12, "write for example"),
    ],
)
def test_slip_is_said_at_its_place(text: str, at: int, hint: str) -> None:
    with pytest.raises(NotUnderstood) as caught:
        meant(text)
    assert (caught.value.at, hint in (caught.value.hint or "")) == (at, True), caught.value
    assert caught.value.message.endswith(f". (character {at + 1} of: {text.strip()})")


def test_reason_names_the_cell_that_decides() -> None:
    condition = read("committee = Monitoring and role = substitute", PEOPLE, DELEGATIONS)
    assert condition.against(PEOPLE[3], ()) == "Committee is empty, role is empty"
    assert condition.against(PEOPLE[2], ()) == (
        "Committee: Legal Affairs and Human Rights, role: representative"
    )


def test_reading_is_linear_and_deep_brackets_end() -> None:
    words = " or ".join(["role = substitute"] * 5_000)
    assert read(words, PEOPLE, DELEGATIONS).against(PEOPLE[1], ()) is None
    with pytest.raises(NotUnderstood, match="too many brackets"):
        read("(" * 5_000, PEOPLE, DELEGATIONS)
    assert meant("not " * 5_000 + "replied") == ["Anna"]
