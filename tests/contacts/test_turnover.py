"""Facts about turnover: who left, joined and changed, across spellings, and what is only asked."""

from __future__ import annotations

import pytest

from mailer.actions.sheets.check import totals
from mailer.base.delegations import Delegations
from mailer.base.errors import UsageError
from mailer.cli.screen.turnover import as_html, as_json, as_text
from mailer.contacts.contact import Contact
from mailer.contacts.edit.namesakes import Answers
from mailer.contacts.edit.turnover import DelegationTurnover, compare

KNOWN = Delegations.load()


def person(
    name: str, delegation: str = "NO", address: str = "", role: str = "substitute", group: str = ""
) -> Contact:
    return Contact(
        "contacts/a.csv",
        None,
        2,
        delegation=delegation,
        role=role,
        name=name,
        address=address,
        group=group,
    )


def differ(
    old: list[Contact], new: list[Contact], same: list[str] | None = None
) -> dict[str, DelegationTurnover]:
    turns = compare(old, new, KNOWN, Answers(same or []))
    return {d.code: d for d in turns if not d.quiet}


def test_who_left_joined_and_changed_is_said() -> None:
    old = [
        person("Ola Skisse"),
        person("Anna Berg", address="a@no.example"),
        person("Liv Prøv", group="SOC"),
        person("Eva Utkast", role="chair"),
    ]
    new = [
        person("Kari Mønster"),
        person("BERG, Anna", address="anna@no.example", role="representative"),
        person("Liv Prov", group="ALDE"),
        person("Eva Utkast", role="chair"),
    ]
    norway = differ(old, new)["NO"]
    assert [c.name for c in norway.left] == ["Ola Skisse"]
    assert [c.name for c in norway.joined] == ["Kari Mønster"]
    assert {c.new.name: c.fields for c in norway.changed} == {
        "BERG, Anna": {
            "role": ("substitute", "representative"),
            "address": ("a@no.example", "anna@no.example"),
        },
        "Liv Prov": {"group": ("SOC", "ALDE")},
    }


def test_another_spelling_is_the_same_person() -> None:
    assert (
        differ([person("Jürgen Müller-Test", "DE")], [person("Juergen Mueller Test", "DE")]) == {}
    )
    assert (
        differ([person("Theodoros Rousopoulos", "GR")], [person("Theodoros Roussopoulos", "GR")])
        == {}
    )


def test_a_new_surname_at_the_old_address_is_the_same_person() -> None:
    (turn,) = compare(
        [person("Anna Berg", address="a@no.example")],
        [person("Anna Prøve", address="A@NO.example")],
        KNOWN,
    )
    assert (turn.left, turn.joined) == ([], [])
    assert [one.fields for one in turn.changed] == [{"name": ("Anna Berg", "Anna Prøve")}]


def test_a_successor_at_the_same_address_is_another_person() -> None:
    turn = differ(
        [person("Anna Berg", address="office@no.example")],
        [person("Ola Skisse", address="office@no.example")],
    )["NO"]
    assert (len(turn.left), len(turn.joined)) == (1, 1)


def test_another_name_at_a_persons_own_address_is_a_question() -> None:
    old = [person("Maria Mal", address="maria.mal@no.example")]
    new = [person("Marie-Louise Kladd", address="maria.mal@no.example")]
    assert differ(old, new)["NO"].same == [(old[0], new[0], 0)]
    same = differ(old, new, same=["Marie-Louise Kladd"])["NO"]
    assert same.changed[0].fields == {"name": ("Maria Mal", "Marie-Louise Kladd")}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ნინო მაგალითი", "Nino Magaliti"),
        ("Անի Օրինակյան", "Ani Orinakyan"),
        ("Ганна Зразок", "Hanna Zrazok"),
        ("Μαρία Παράδειγμα", "Maria Paradeigma"),
    ],
)
def test_a_name_in_another_alphabet_is_the_same_person(one: str, other: str) -> None:
    assert differ([person(one, address="a@x.example")], [person(other, address="b@x.example")])[
        "NO"
    ].changed[0].fields == {"address": ("a@x.example", "b@x.example")}


def test_two_who_come_under_the_name_of_one_who_was_there_are_asked_about() -> None:
    old = [person("Anna Berg", address="a@no.example")]
    new = [person("Anna Berg", address=f"{x}@no.example") for x in "bc"]
    turn = differ(old, new)["NO"]
    assert [(one, other) for one, other, _ in turn.same] == [(old[0], new[0])]
    assert turn.joined == new[1:]


def test_a_person_can_change_delegation() -> None:
    old = [person("Anna Berg", "NO", "a@no.example")]
    turn = differ(old, [person("Anna Berg", "SE", "a@no.example")])
    assert turn["SE"].changed[0].fields == {"delegation": ("NO", "SE")}
    assert "NO" not in turn


def test_a_namesake_in_another_delegation_is_a_question() -> None:
    old, new = [person("Anna Berg", "NO")], [person("Anna Berg", "SE")]
    assert differ(old, new)["SE"].same == [(old[0], new[0], 100)]
    same = differ(old, new, same=["Anna Berg"])["SE"]
    assert same.changed[0].fields == {"delegation": ("NO", "SE")}


def test_two_people_of_one_name_stay_two() -> None:
    two = [person("Anna Berg", address="a@no.example"), person("Anna Berg", address="b@no.example")]
    assert differ(two, two[::-1]) == {}
    assert differ(two, two[:1])["NO"].left == two[1:]


def test_what_is_only_alike_is_a_question() -> None:
    old, new = [person("Anna Bergerud")], [person("Anne Bergerud")]
    assert [(o.name, n.name) for o, n, _ in differ(old, new)["NO"].same] == [
        ("Anna Bergerud", "Anne Bergerud")
    ]
    (changed,) = differ(old, new, same=["Anne Bergerud"])["NO"].changed
    assert changed.fields == {"name": ("Anna Bergerud", "Anne Bergerud")}


def test_a_name_that_looks_like_nobody_is_an_error_and_no_silence() -> None:
    old, new = [person("Anna Bergerud")], [person("Anne Bergerud")]
    with pytest.raises(UsageError, match="is called Ane Bergerud"):
        differ(old, new, same=["Ane Bergerud"])


def test_a_drop_of_more_than_a_fifth_is_an_alarm() -> None:
    names = [
        "Ola Skisse",
        "Anna Berg",
        "Liv Prøv",
        "Eva Utkast",
        "Kari Mønster",
        "Per Eksempel",
        "Siv Modell",
        "Tor Øving",
        "Nils Vik",
        "Aud Moe",
    ]
    old = [person(name) for name in names]
    assert not differ(old, old[2:])["NO"].alarm
    assert differ(old, old[3:])["NO"].alarm
    assert not differ(old, [*old[3:], person("Bo Ny"), person("Unn Ny"), person("Geir Ny")])[
        "NO"
    ].alarm


def test_everybody_is_accounted_for() -> None:
    old = [
        person(f"{given} {surname}", code)
        for code in ("NO", "SE")
        for given in ("Anna", "Ola")
        for surname in ("Berg", "Prøve", "Vik")
    ]
    new = [*old[3:], person("Anne Berg"), person("Per Utkast", "SE")]
    turns = compare(old, new, KNOWN)
    sums = totals(turns)
    assert sum(d.before for d in turns) == len(old)
    assert (
        len(old) - sums["left"] - sums["to decide"] == len(new) - sums["joined"] - sums["to decide"]
    )


def test_words_json_and_html_tell_the_same() -> None:
    turns = compare([person("Ola <b>Skisse")], [person("Kari Mønster")], KNOWN)
    text, page, data = as_text(turns, KNOWN), as_html(turns, KNOWN), as_json(turns)
    assert (
        text.splitlines()[-1]
        == "0 delegations unchanged.    1 left · 1 joined · 0 changed · 0 to decide"
    )
    assert "Norway" in text
    assert "no address yet" in text
    assert "Ola &lt;b&gt;Skisse" in page
    assert data["totals"] == {"left": 1, "joined": 1, "changed": 0, "to_decide": 0}
