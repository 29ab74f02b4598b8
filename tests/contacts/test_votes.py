"""Facts about roll calls: whatever shape they come in, nobody has a vote that is not there."""

from __future__ import annotations

import io

import openpyxl
import pytest

from mailer.base.delegations import Delegations
from mailer.base.errors import UsageError
from mailer.contacts import votes

KNOWN = Delegations.load()
PASTED = """\
Vote on the draft resolution
24 January 2024

In favour (2):
Mr Frank BEISPIEL (Germany, SOC)
Ms María Valentina MUESTRA-PRUEBA, Spain
Against: 1
Mr Jo Sample
Abstentions (2): Mr A. Exemple (France, ALDE), Ms Clara Specimen (United Kingdom, EC/DA)
Absents
Mme Chloé Modèle (NO, SOC)
"""
OF_PASTED = [
    ("Frank BEISPIEL", "DE", "for"),
    ("María Valentina MUESTRA-PRUEBA", "ES", "for"),
    ("Jo Sample", "", "against"),
    ("A. Exemple", "FR", "abstained"),
    ("Clara Specimen", "GB", "abstained"),
    ("Chloé Modèle", "NO", "absent"),
]
PAGE = """<!DOCTYPE html><html><head><title>Against</title><script>var x = "For";</script></head>
<body><nav>For</nav><table><tr><th>Name</th><th>Country</th><th>Vote</th></tr>
<tr><td><a href="https://example.org/1">Ms Anna BERG</a></td><td>Norway</td>
<td><img src="https://example.org/yes.png" alt="In favour"></td></tr>
<tr><td>Mr Jo &amp; Co BEISPIEL</td><td>Germany</td><td>Against</td></tr></table>
<h3>Abstention</h3><ul><li>Ms Clara Specimen (France)<li>Lord Peter Sample</ul></body></html>"""


def read(name: str, text: str | bytes) -> list[tuple[str, str, str]]:
    found = votes.read(name, text if isinstance(text, bytes) else text.encode(), KNOWN)
    return [(one.person.name, one.person.delegation, one.vote) for one in found.votes]


def test_names_below_a_vote() -> None:
    assert read("pasted.txt", PASTED) == OF_PASTED
    found = votes.read("pasted.txt", PASTED.encode(), KNOWN)
    assert [line for line, _ in found.unread] == [1, 2]
    assert [one.person.row for one in found.votes] == [5, 6, 8, 9, 9, 11]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_has_a_person_a_line_in_any_order(separator: str) -> None:
    rows = [
        ("Group", "Name", "Country", "Vote"),
        ("SOC", "BERG Anna", "Norway", "For"),
        ("ALDE", "Ola Nordmann", "NO", "no"),
        ("EPP/CD", "Exemple Chloé", "France", "Abstention"),
        ("", "Modèle Jean", "FR", "Absent"),
        ("", "Who Knows", "France", "did not vote"),
    ]
    text = "\n".join(separator.join(row) for row in rows)
    of_rows = [
        ("Anna BERG", "NO", "for"),
        ("Ola Nordmann", "NO", "against"),
        ("Exemple Chloé", "FR", "abstained"),
        ("Modèle Jean", "FR", "absent"),
    ]
    assert read("roll.csv", text) == of_rows
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    assert read("roll.xlsx", out.getvalue()) == of_rows


def test_saved_page_is_read_and_nothing_of_it_fetched_or_run() -> None:
    assert read("vote.html", PAGE) == [
        ("Anna BERG", "NO", "for"),
        ("Jo & Co BEISPIEL", "DE", "against"),
        ("Clara Specimen", "FR", "abstained"),
        ("Peter Sample", "", "abstained"),
    ]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("Anna Berg (NO): no", ("Anna Berg", "NO", "against")),
        ("no, Anna Berg, Norway", ("Anna Berg", "NO", "against")),
        ("Anna Berg, NO, +", ("Anna Berg", "NO", "for")),
        ("−;Berg;Anna;NO", ("Anna Berg", "NO", "against")),
        ("Anna Berg – Norvège – pour", ("Anna Berg", "NO", "for")),
        ("Enthaltung | Anna Berg | Norwegen", ("Anna Berg", "NO", "abstained")),
        ("Anna Berg, no", None),  # Norway, or a vote?
        ("Anna Berg, for, against", None),
        ("Berg, for", None),  # half a name
        ("Anna Berg, did not vote", None),
        ("Anna Berg, present", None),
    ],
)
def test_no_vote_is_guessed(line: str, found: tuple[str, str, str] | None) -> None:
    there = read("x.txt", f"Kim Other (France): for\n{line}\n")[1:]
    assert there == ([found] if found else [])


def test_a_count_or_a_mark_on_a_line_of_its_own_heads_nothing() -> None:
    text = "For\n76\nAnna Berg (Norway)\n0\nOla Nord (Norway)\n-\nKim West (Norway)\nNO\nJo East"
    assert {vote for _, _, vote in read("x.txt", text)} == {"for"}


@pytest.mark.parametrize("text", ["hello world\nnothing here", "", "For\nAgainst\n"])
def test_a_list_without_votes_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="says how somebody voted"):
        read("x.txt", text)


def test_what_is_no_list_at_all_is_refused_quickly() -> None:
    for junk in (b"\xff\xfe\x00", b"<" * 100_000, b"For\n" + b"(" * 50_000, b"PK\x03\x04" * 9):
        with pytest.raises(UsageError):
            read("x.txt", junk)
    with pytest.raises(UsageError):
        read("x.xlsx", b"no workbook")
