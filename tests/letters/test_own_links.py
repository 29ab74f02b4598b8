"""Facts about links that would tell a site who reads: refused, unless the appeal declares them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.letters import checked, letter, person, written
from tests.letters.test_render import FACTS, refused

FOOTER = {"_shared/footer.en.md": "The links of this letter are your own."}


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("[x](https://a.example/{{ surname }})", "{{ surname }}"),
        ("a\n\nhttps://a.example/?d={{ delegation }}", "{{ delegation }}"),
        ('[x]({{ extra["Link"] }})', '{{ extra["Link"] }}'),
        ("[x](https://a.example/?c={{ link|lower }})", "{{ link|lower }}"),
        ("[x](mailto:a@a.example?subject={{ name }})", "{{ name }}"),
    ],
)
def test_link_of_a_persons_own_is_refused(tmp_path: Path, body: str, word: str) -> None:
    (only,) = checked(tmp_path, ["Link"], en=letter(body))
    assert (only.code, only.value) == ("L228", word)
    assert only.row == 5 + body.count("\n")


LINK = "[x](https://a.example/1)"


@pytest.mark.parametrize(
    ("body", "mark"),
    [
        (f"{{% if surname %}}{LINK}{{% endif %}}", "{% if surname %}"),
        (f'a\n\n{{% if role == "chair" %}}\n{LINK}\n{{% endif %}}', '{% if role == "chair" %}'),
        ("[x](https://a.example/{% if surname %}1{% else %}2{% endif %})", "{% if surname %}"),
        ("https://a.example/{% if given %}1{% else %}2{% endif %}", "{% if given %}"),
        (
            f"{{% if fact.vote %}}a{{% elif group %}}b{{% else %}}{LINK}{{% endif %}}",
            "{% elif group %}",
        ),
        (
            f"{{% if surname %}}{{% if fact.vote %}}{LINK}{{% endif %}}{{% endif %}}",
            "{% if surname %}",
        ),
        (
            '[x]({{ "https://a.example/1" if surname else "https://a.example/2" }})',
            '{{ "https://a.example/1" if surname else "https://a.example/2" }}',
        ),
        ("{% if surname %}{{ signature }}{% endif %}", "{% if surname %}"),
        ("{% if surname %}{{ fact.page }}{% endif %}", "{% if surname %}"),
        (f"{{% if surname %}}- {LINK}\n- b{{% endif %}}", "{% if surname %}"),
    ],
)
def test_question_about_a_person_makes_a_link_their_own(
    tmp_path: Path, body: str, mark: str
) -> None:
    page = '[page]\nvalue = { en = "https://a.example/report" }\nsource = "x"\ndate = 2026-01-01\n'
    more = {"_shared/signature.en.md": "Jana, https://rights.example"}
    found = checked(tmp_path, facts=f"{FACTS}\n{page}", en=letter(body), **more)
    assert mark in [one.value for one in found if one.code == "L228"]


@pytest.mark.parametrize(
    "body",
    [
        f"{LINK}\n\n{{% if surname %}}Again: {LINK}{{% endif %}}",
        f"{{% if fact.vote %}}{LINK}{{% endif %}}",
        f'{{% if session.credentials == "none" %}}{LINK}{{% else %}}https://b.example{{% endif %}}',
        "[{% if surname %}Ms {{ surname }}{% else %}x{% endif %}](https://a.example/1)",
        "{% if surname %}a{% endif %} [x](https://a.example/1)",
    ],
)
def test_question_that_changes_no_link_passes(tmp_path: Path, body: str) -> None:
    toml = '[session]\nname = { en = "x" }\nopens = 2027-01-25\n'
    found = checked(tmp_path, facts=FACTS, toml=toml, en=letter(body))
    assert "L228" not in {one.code for one in found}


def test_link_that_is_the_same_for_everybody_passes(tmp_path: Path) -> None:
    body = "[x](https://a.example/{{ fact.vote }}) [y](mailto:{{ sender.reply_to }})"
    found = checked(tmp_path, facts=FACTS, en=letter(body))
    assert "L228" not in {one.code for one in found}


def test_declared_links_need_a_footer_that_says_so(tmp_path: Path) -> None:
    toml = 'personal_links = "their own vote"\n'
    body = letter("[x](https://a.example/{{ surname }})")
    assert [one.code for one in checked(tmp_path, toml=toml, en=body)] == ["L229"]
    assert checked(tmp_path, toml=toml, en=body, **FOOTER) == []


@pytest.mark.parametrize("word", ["{{ link }}", '{{ extra["Link"] }}', "{{ link|lower }}"])
def test_cell_with_an_address_is_not_printed(tmp_path: Path, word: str) -> None:
    """A mail program makes a link of it, whatever we do."""
    anna = person(extra={"Link": "https://a.example/anna"})
    assert "link of their own" in refused(tmp_path, word, anna).message
    assert (
        "link of their own"
        in refused(tmp_path, word, person(extra={"Link": "www.a.example"})).message
    )
    toml = 'personal_links = "their own page"\n'
    rendered = written(tmp_path, word, anna, toml=toml, **FOOTER)
    assert "https://a.example/anna" in rendered.text
