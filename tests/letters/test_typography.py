"""Letters carry the quotes, apostrophes and no-break spaces of their language."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailer.letters.wording.typography import polished
from tests.helpers.letters import person, written


@pytest.mark.parametrize(
    ("language", "typed", "printed"),
    [
        ("en", 'It\'s "so", he said ("no").', "It’s “so”, he said (“no”)."),
        ("de", 'Er sagte "nein".', "Er sagte „nein“."),
        ("fr", 'Il a dit : "l\'accord" !', "Il a dit\xa0: «\xa0l’accord\xa0»\xa0!"),
        ("fr", "Pourquoi ? « Parce que » ; voilà", "Pourquoi\xa0? «\xa0Parce que\xa0»\xa0; voilà"),
        ("it", 'l\'Assemblea: "sì"', "l’Assemblea: «sì»"),
        ("nl", 'zo\'n "ding"', 'zo’n "ding"'),
        ("en", "6' and 12\" wide; rock 'n' roll", "6' and 12\" wide; rock 'n' roll"),
        ("fr", "à 10:30, ::, a:b", "à 10:30, ::, a:b"),
        ("en", 'a lone " stays', 'a lone " stays'),
    ],
)
def test_marks_are_those_of_the_language(language: str, typed: str, printed: str) -> None:
    assert polished(typed, language) == printed
    assert polished(printed, language) == printed


def test_both_bodies_have_them_and_addresses_and_names_have_not(tmp_path: Path) -> None:
    body = "It's \"so\", {{ name }}: see [what's new](https://x.example/what's-new), `it's`, bye"
    made = written(tmp_path, body, person(surname="O'Brien", name="Anna O'Brien"))
    assert (
        "It’s “so”, Anna O'Brien: see what’s new (https://x.example/what's-new), it's" in made.text
    )
    assert 'It’s “so”, Anna O&#39;Brien: see <a href="https://x.example/what\'s-new"' in made.html
    assert "<code>it's</code>" in made.html
