"""Facts about the words of the console: everything it says has French beside it, with the same gaps
to fill.
"""

from __future__ import annotations

import ast
import re
import string
import tomllib
from pathlib import Path

import pytest

from mailer.actions.team.rights import ROLES
from mailer.base.problems import codes, problem
from mailer.base.states import REASONS, WORDS, MailOutState
from mailer.console import app
from mailer.console.language.translation import Translation, preferred
from mailer.console.views import outcomes
from mailer.console.views.left_out import NEXT, OTHERWISE
from mailer.console.views.steps import STEPS
from mailer.inbox.kinds import WORDS as INBOX_WORDS

CONSOLE = Path(app.__file__).parent
STORY = CONSOLE.parent / "report" / "story.py"
ACTIONS = sorted((CONSOLE.parent / "actions").rglob("*.py"))
FRENCH: dict[str, str] = tomllib.loads(
    (CONSOLE / "language" / "french.toml").read_text(encoding="utf-8")
)
LITERAL = r"""((?:(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*)+)"""
SAID = (
    rf"\b_\(\s*{LITERAL}",
    rf"\bsay\(\s*{LITERAL}",
    rf"else _\({LITERAL}",
    rf"\bSentence\(\s*{LITERAL}",
    rf"\b(?:UsageError|Refused)\(\s*{LITERAL}",
)
MANY = rf"\bmany\([^\"']*{LITERAL}\s*,\s*{LITERAL}"


def said() -> set[str]:
    """Return every sentence that pages and modules say in so many words."""
    found: set[str] = set()
    for path in [*CONSOLE.rglob("*.html"), *CONSOLE.rglob("*.py"), STORY, *ACTIONS]:
        text = path.read_text(encoding="utf-8")
        for pattern in SAID:
            found |= {ast.literal_eval(f"({one})") for one in re.findall(pattern, text)}
        found |= {ast.literal_eval(f"({one})") for pair in re.findall(MANY, text) for one in pair}
    return found


def from_data() -> set[str]:
    """Return what is said of data: states, reasons, roles, names of views and steps, the next
    steps.
    """
    words = {
        *WORDS.values(),
        *REASONS.values(),
        *ROLES,
        *(state.value for state in MailOutState),
        *NEXT.values(),
        OTHERWISE,
        *INBOX_WORDS.values(),
    }
    return words | {name for name, _ in outcomes.VIEWS} | {words for _, words in STEPS}


def test_everything_that_is_said_has_french_beside_it() -> None:
    words = {text for text in said() | from_data() if re.sub(r"\{\w+\}", "", text)}
    assert sorted(words - FRENCH.keys()) == []


def test_nothing_stands_in_the_table_that_is_never_said() -> None:
    text = "\n".join(
        path.read_text(encoding="utf-8")
        for path in [*CONSOLE.rglob("*.html"), *CONSOLE.rglob("*.py")]
    )
    others = text + "\n".join(
        (CONSOLE.parent / name).read_text(encoding="utf-8")
        for name in (
            "base/states.py",
            "plan/proof.py",
            "contacts/edit/turnover.py",
            "contacts/sheets/sheet_words.toml",
            "report/story.py",
            *(str(path.relative_to(CONSOLE.parent)) for path in ACTIONS),
            "ledger/events.py",
            "ledger/reading/deliveries.py",
            "ledger/moves/resolve.py",
        )
    )
    others = re.sub(r"""["']\s*\n\s*f?["']""", "", others)  # a sentence over several lines
    unused = [
        key
        for key in FRENCH
        if key not in others and key.replace(" ", "_") not in others and f'"{key}"' not in others
    ]
    assert [key for key in unused if key not in from_data()] == []


def gaps(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name)


def test_french_has_the_same_gaps() -> None:
    assert [english for english, french in FRENCH.items() if gaps(english) != gaps(french)] == []


def test_numbers_and_plurals_are_those_of_the_language() -> None:
    en, fr = Translation("en"), Translation("fr")
    assert en("{done} of {all}", done=1234, all=100_000) == "1,234 of 100,000"
    assert fr("{done} of {all}", done=1234, all=100_000) == "1\u202f234 sur 100\u202f000"
    assert [en.many(n, "{n} person", "{n} people") for n in (0, 1, 2)] == [
        "0 people",
        "1 person",
        "2 people",
    ]
    assert [fr.many(n, "{n} person", "{n} people") for n in (0, 1, 2)] == [
        "0 personne",
        "1 personne",
        "2 personnes",
    ]


def test_every_kind_of_problem_has_its_example_and_its_french() -> None:
    assert [code for code, kind in codes().items() if not (kind.example and all(kind.french))] == []


def test_problem_of_a_sheet_is_told_in_french_and_loses_nothing_of_its_own_words() -> None:
    en, fr = Translation("en"), Translation("fr")
    general = problem("C100", "contacts/uk.xlsx", sheet="Members", cell="D17")
    special = problem("C102", "contacts/uk.csv", message="Jo Sample has the same address")
    assert (en.problem(general), fr.problem(general)) == (
        "there is no address",
        "il n’y a pas d’adresse",
    )
    assert en.problem(special) == "Jo Sample has the same address"
    assert (
        fr.problem(special)
        == "quelqu’un d’autre a la même adresse – Jo Sample has the same address"
    )
    assert en.place(general.place) == 'contacts/uk.xlsx · sheet "Members" · cell D17'
    assert fr.place(general.place) == 'contacts/uk.xlsx · onglet "Members" · cellule D17'


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("fr-FR,fr;q=0.9,en;q=0.8", "fr"),
        ("de,fr;q=0.5", "fr"),
        ("de", "en"),
        ("", "en"),
        ("en-GB,fr", "en"),
    ],
)
def test_language_is_the_first_of_the_browser_that_we_speak(header: str, language: str) -> None:
    assert preferred(header) == language
