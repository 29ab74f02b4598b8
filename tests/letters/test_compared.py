"""Facts about compared values: one that nothing has gives people the wrong sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.letters import checked, letter


@pytest.mark.parametrize(
    ("question", "value", "meant"),
    [
        ('role == "substitut"', "substitut", "substitute"),
        ('role == "Chair"', "Chair", "chair"),
        ('"suppléant" == role', "suppléant", "substitute"),
        ('role in ["chair", "represetative"]', "represetative", "representative"),
        ('role is eq "chairman"', "chairman", "chair"),
        ('not (role != "subsitute")', "subsitute", "substitute"),
        ('delegation == "Swizerland"', "Swizerland", "Switzerland"),
        ('delegation == "CH"', "CH", "Switzerland"),
        ('delegation == "Suisse" and name', "Suisse", "Switzerland"),
        ('group == "EPP"', "EPP", "EPP/CD"),
        ('group == "SOCC"', "SOCC", "SOC"),
    ],
)
def test_value_that_nothing_has_is_refused(
    tmp_path: Path, question: str, value: str, meant: str
) -> None:
    (only,) = checked(tmp_path, en=letter(f"a\n\n{{% if {question} %}}x{{% endif %}}"))
    assert (only.code, only.row, only.value) == ("L240", 7, value)
    assert only.suggestion == f'did you mean "{meant}"?'


@pytest.mark.parametrize(
    "question",
    [
        'role == "substitute"', 'role in ("chair", "representative")', 'delegation == "Norway"',
        'group == "SOC"', 'group == "Our own group"', 'name == "Anna"', 'surname != ""',
    ],
)  # fmt: skip
def test_value_that_exists_passes(tmp_path: Path, question: str) -> None:
    assert checked(tmp_path, en=letter(f"{{% if {question} %}}x{{% endif %}} y")) == []


def test_delegation_is_compared_in_the_language_of_the_letter(tmp_path: Path) -> None:
    body = '{% if delegation == "Norvège" %}x{% endif %} y'
    assert checked(tmp_path, fr=letter(body)) == []
    body = '{% if delegation == "Norway" %}x{% endif %} y'
    (only,) = checked(tmp_path, fr=letter(body))
    assert (only.code, only.suggestion) == ("L240", 'did you mean "Norvège"?')
