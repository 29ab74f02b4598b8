"""Every sentence of a letter rests on a fact, is marked as ours, or is found."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from mailer.base.clock import age
from mailer.letters.appeal import Appeal
from mailer.letters.appeal_files import load_appeal
from mailer.letters.checks.statements import claims, unsupported
from tests.helpers.letters import ROOT, folder

FACTS = """[vote]
value = { en = "76 votes to 10", de = "76 zu 10 Stimmen" }
source = "https://pace.example/1"
date = 2024-01-24

[statement]
value = { en = "our statement", de = "unsere Erklärung" }
source = "https://ngo.example/1"
date = 2025-01-01
"""


def appeal(root: Path, body: str, language: str = "en", facts: str = FACTS) -> Appeal:
    files = {language: f"Subject: s\n\n{{{{ greeting }}}}\n\n{body}\n"}
    return load_appeal(
        folder(root, facts=facts, **files) if facts else folder(root, **files), "appeal"
    )


def found(root: Path, body: str, language: str = "en", facts: str = FACTS) -> list[tuple[str, str]]:
    return [(one.code, one.value) for one in unsupported(appeal(root, body, language, facts))]


@pytest.mark.parametrize(
    "body",
    [
        "The Assembly decided by {{ fact.vote }}.",
        "The crackdown has grown since then.{# fact.statement #} It was {{ fact.vote }}.",
        "The crackdown has grown since then. {# fact.statement #}",
        "Please be in the Chamber on Monday.{# ours #}",
        "Will you be in the Chamber on Monday?",
        "## What the Assembly has asked for",
        "With kind regards from all",
        "Thank you.",
        "We ask of you, in short:{# ours #}\n\n- be in the Chamber;\n- vote on Wednesday.",
        "The vote ({{ fact.vote }}) had grounds,\n\n- the first of them;\n- and the second one.",
        "{% if role == 'chair' %}\nAs chair, please be there.{# ours #}\n{% endif %}",
        "Dear members of the Assembly,",
    ],
)
def test_sentence_that_rests_on_something_passes(tmp_path: Path, body: str) -> None:
    assert found(tmp_path, body) == []


@pytest.mark.parametrize(
    ("body", "values"),
    [
        ("The crackdown has grown since then.", ["The crackdown has grown since then."]),
        ("It was {{ fact.vote }}. Nobody else was asked. Please come.{# ours #}",
         ["Nobody else was asked."]),
        ("It was {{ fact.vote }}! Was it enough? It was never enough.", ["It was never enough."]),
        ("They ask for three things:\n\n- release them all",
         ["They ask for three things:", "release them all"]),
        ("{% if role == 'chair' %}\nYou are the boss there.\n{% else %}\nx\n{% endif %}",
         ["You are the boss there."]),
        ("The *report* by [our friends](https://x.example/a.b) shows it all.",
         ["The report by our friends shows it all."]),
        ("Mr. Schwabe said so, cf. No. 5 of the list.",
         ["Mr. Schwabe said so, cf. No. 5 of the list."]),
        ("- All of them were released.\n- It was {{ fact.vote }}.", ["All of them were released."]),
        ("> The crackdown has grown since then.", ["> The crackdown has grown since then."]),
    ],
)  # fmt: skip
def test_sentence_that_asserts_and_rests_on_nothing_is_found(
    tmp_path: Path, body: str, values: list[str]
) -> None:
    assert found(tmp_path, body) == [("L154", value) for value in values]


def test_day_of_a_german_date_ends_no_sentence(tmp_path: Path) -> None:
    body = "Am 24. Januar 2024 stimmte die Versammlung ab, mit {{ fact.vote }}."
    assert found(tmp_path, body, "de") == []


def test_place_is_that_of_the_sentence(tmp_path: Path) -> None:
    (only,) = unsupported(appeal(tmp_path, "It was {{ fact.vote }}.\nNobody was\nasked at all."))
    assert (only.file, only.row, only.column, only.severity) == (
        "templates/appeal/en.md",
        6,
        "1",
        "warning",
    )


def test_note_that_names_no_fact_is_found(tmp_path: Path) -> None:
    (only,) = unsupported(appeal(tmp_path, "The crackdown has grown.{# fact.statment #}"))
    assert (only.code, only.message) == (
        "L155",
        "this sentence names a fact that there is not: statment",
    )


def test_appeal_without_facts_is_not_looked_at(tmp_path: Path) -> None:
    assert found(tmp_path, "The crackdown has grown since then.", facts="") == []


def test_claim_reads_as_people_read_it(tmp_path: Path) -> None:
    (claim,) = claims(
        appeal(
            tmp_path,
            "By {{ fact.vote }}, the *Assembly* of {{ delegation }} {# fact.statement #}decided.",
        ),
        "en",
    )
    assert claim.words == "By 76 votes to 10, the Assembly of … decided."
    assert [fact.key for fact in claim.facts] == ["vote", "statement"]


def test_letters_of_the_repository_rest_on_facts_in_every_language() -> None:
    demo = load_appeal(ROOT, "azerbaijan-credentials")
    assert list(unsupported(demo)) == []
    rests = {
        language: [[one.key for one in claim.facts] for claim in claims(demo, language)]
        for language in demo.letters
    }
    used = {language: {key for keys in of for key in keys} for language, of in rests.items()}
    assert used["en"] == used["fr"] == used["de"] == used["it"]
    assert len(rests["en"]) > 20


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (date(2026, 11, 29), "0 days"),
        (date(2026, 11, 28), "1 day"),
        (date(2026, 10, 30), "30 days"),
        (date(2026, 10, 29), "1 month"),
        (date(2025, 11, 29), "1 year"),
        (date(2024, 1, 24), "2 years 10 months"),
    ],
)
def test_age_is_said_in_months(day: date, said: str) -> None:
    assert age(day, date(2026, 11, 29)) == said
