"""Facts about the proof sheet: who stands on it, in which order, and what must be accepted before
it is sent.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from mailer.base.errors import UsageError
from mailer.contacts.contact import Contact
from mailer.letters.appeal_files import load_appeal
from mailer.plan.proof import Proof, first_line, hardest, proof
from mailer.plan.signoff import ACCEPTED, accept, accepted
from tests.helpers.letters import FORMS, ROOT, folder, invented, letter, person, renderer
from tests.people.invent import COLUMNS

BOTH = {"en": letter("Please vote."), "fr": letter("Merci de voter.")}


def sheet(root: Path, *people: tuple[Contact, str]) -> Proof:
    return proof(
        renderer(load_appeal(folder(root, **BOTH), "appeal")), FORMS, people, accepted(root)
    )


def test_people_of_one_form_stand_together(tmp_path: Path) -> None:
    groups = sheet(
        tmp_path, (person(), "en"), (person(surname="Dahl"), "en"), (person(gender="m"), "en")
    ).groups
    assert {group.pattern: len(group.people) for group in groups} == {
        "Dear Ms {surname},": 2,
        "Dear Mr {surname},": 1,
    }


def test_most_unusual_people_stand_first(tmp_path: Path) -> None:
    usual = [(person(surname=f"Berg{number}"), "en") for number in range(5)]
    own, unverified, neutral = (
        person(greeting="Dear Chair,"),
        person(chamber="senator"),
        person(gender=""),
    )
    found = sheet(tmp_path, *usual, (neutral, "en"), (unverified, "fr"), (own, "en"))
    assert [group.people[0].greeting for group in found.groups] == [
        "Dear Chair,", "Madame la Sénatrice,", "Dear Anna Berg,", "Dear Ms Berg0,",
    ]  # fmt: skip
    assert [group.note for group in found.groups] == [
        "written in the sheet", "unverified: accept it or write another",
        "neutral: gender or a part of the name is not given", "",
    ]  # fmt: skip


def test_everybody_of_the_demo_stands_on_it_once() -> None:
    appeal = load_appeal(ROOT, "azerbaijan-credentials")
    people = [
        (one, choice[0]) for one in invented() if (choice := appeal.language_for([one.language]))
    ]
    found = proof(renderer(appeal, COLUMNS), FORMS, people, ())
    assert sum(len(group.people) for group in found.groups) == 612
    assert 10 < found.greetings < 40


def test_first_line_is_the_one_below_the_greeting(tmp_path: Path) -> None:
    rendered = renderer(load_appeal(folder(tmp_path, **BOTH), "appeal")).render(person(), "fr")
    assert first_line(rendered) == "Merci de voter."


def test_unverified_form_waits_until_a_person_accepts_it(tmp_path: Path) -> None:
    senator = (person(chamber="senator"), "fr")
    before = sheet(tmp_path, senator, (person(), "en"))
    assert [problem.value for problem in before.problems()] == ["fr: Madame la Sénatrice,"]
    accept(
        tmp_path, [group.key for group in before.waiting], by="Jana Novák", on=date(2026, 11, 25)
    )
    after = sheet(tmp_path, senator, (person(), "en"))
    assert after.problems() == []
    assert after.groups[0].note == "unverified, accepted by Jana Novák"


def test_acceptance_is_of_the_words_of_the_form(tmp_path: Path) -> None:
    accept(
        tmp_path,
        [group.key for group in sheet(tmp_path, (person(chamber="senator"), "fr")).waiting],
        by="Jana",
        on=date(2026, 11, 25),
    )
    path = tmp_path / ACCEPTED
    path.write_text(
        path.read_text("utf-8").replace("haute considération", "considération"), "utf-8"
    )
    assert len(sheet(tmp_path, (person(chamber="senator"), "fr")).waiting) == 1


def test_accepting_twice_writes_one_line(tmp_path: Path) -> None:
    groups = sheet(tmp_path, (person(chamber="senator"), "fr")).waiting
    for _ in range(2):
        accept(tmp_path, [group.key for group in groups], by="Jana", on=date(2026, 11, 25))
    assert [(line.by, line.on) for line in accepted(tmp_path)] == [("Jana", date(2026, 11, 25))]


@pytest.mark.parametrize(
    "line", ["fr,Madame,x,,2026-11-25", "fr,Madame,x,Jana,yesterday", "fr,Madame"]
)
def test_line_that_nobody_signed_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / ACCEPTED
    path.parent.mkdir(parents=True)
    path.write_text(f"language,greeting,closing,by,on\n{line}\n", "utf-8")
    with pytest.raises(UsageError) as caught:
        accepted(tmp_path)
    assert caught.value.problems[0].row == 2


def test_hardest_are_people_of_different_forms(tmp_path: Path) -> None:
    appeal = load_appeal(folder(tmp_path, **BOTH), "appeal")
    people = [(person(surname=f"Berg{n}"), "en") for n in range(9)]
    people += [
        (person(given="Þórdís", surname="Dæmisdóttir", delegation="IS"), "en"),
        (person(chamber="senator"), "fr"),
    ]
    chosen = hardest(renderer(appeal), FORMS, people, 4)
    assert [contact.surname for contact, _ in chosen[:3]] == ["Berg", "Dæmisdóttir", "Berg0"]
    assert len(chosen) == 4
    assert chosen[0][1] == "fr"


def test_samples_show_each_sentence_at_least_once(tmp_path: Path) -> None:
    """Only one of 200 people is a substitute who voted against: their sentences are shown, too."""
    asks = (
        'Please vote. {% if role == "substitute" %}You may sit in.{% endif %}'
        ' {% if vote == "against" %}Change it.{% elif vote == "for" %}Stand by it.{% endif %}'
    )
    appeal = load_appeal(folder(tmp_path, en=letter(asks), fr=letter(asks)), "appeal")
    made = renderer(appeal, ["Vote"])
    people = [
        (person(surname=f"Berg{n}", extra={"Vote": "for" if n == 77 else ""}), "en")
        for n in range(200)
    ]
    people[140] = (person(role="substitute", extra={"Vote": "against"}), "en")
    people.append((person(surname="Exemple"), "fr"))
    chosen = hardest(made, FORMS, people, None)
    texts = " ".join(made.render(*one).text for one in chosen)
    for sentence in ("You may sit in.", "Change it.", "Stand by it."):
        assert sentence in texts
    assert 8 <= len(chosen) <= 10
    assert len(hardest(made, FORMS, people, 3)) == 3


def test_sheet_lists_each_sentence_with_what_it_rests_on() -> None:
    appeal = load_appeal(ROOT, "azerbaijan-credentials")
    claims = proof(renderer(appeal, COLUMNS), FORMS, [], ()).claims
    (vote,) = (claim for claim in claims if "76 votes to 10" in claim.words)
    assert (vote.file, vote.line) == ("templates/azerbaijan-credentials/en.md", 8)
    assert ("vote", date(2024, 1, 25)) in [(fact.key, fact.date) for fact in vote.facts]
    assert all(claim.facts or claim.ours for claim in claims)
