"""Facts about the words of the console: everything it says stands in the tables of each language,
with the same gaps to fill.
"""

from __future__ import annotations

import ast
import re
import string
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mailer.actions.mail_outs import NOT_NOW
from mailer.actions.send_log.footprint import BECOMES
from mailer.actions.team.rights import ROLES
from mailer.base.problems import codes, problem
from mailer.base.states import HEARD, POSITIONS, REASONS, WORDS, MailOutState
from mailer.console import app
from mailer.console.language.languages import DEFAULT, OWN_LETTERS, spoken, table
from mailer.console.language.translation import Translation, preferred
from mailer.console.views import outcomes
from mailer.console.views.left_out import NEXT, OTHERWISE
from mailer.console.views.steps import STEPS
from mailer.inbox.kinds import WORDS as INBOX_WORDS
from mailer.ledger.record import places
from mailer.report.board import VOTES, motions
from mailer.report.export import COLUMNS
from mailer.report.returns import SAID as SAID_OF_ACCEPTED
from mailer.report.story import Sentence

CONSOLE = Path(app.__file__).parent
STORY = CONSOLE.parent / "report" / "story.py"
ACTIONS = sorted((CONSOLE.parent / "actions").rglob("*.py"))
OTHERS = [code for code in spoken() if code != DEFAULT]


def tables(name: str) -> dict[str, dict[str, Any]]:
    """Return one of the tables of each language, as it is typed."""
    folder = CONSOLE / "language"
    return {
        code: tomllib.loads((folder / code / f"{name}.toml").read_text(encoding="utf-8"))
        for code in OTHERS
    }


PAGES, REFUSALS, PROBLEMS = tables("pages"), tables("refusals"), tables("problems")
CASES = tables("cases")
in_each_language = pytest.mark.parametrize("language", OTHERS)


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


REFUSING = [
    *(
        path
        for path in ACTIONS
        if not {"doctor", "sheets", "workspace"} & set(path.relative_to(CONSOLE.parent).parts)
    ),
    *sorted((CONSOLE.parent / "ledger" / "moves").glob("*.py")),
    *(CONSOLE.parent / "ledger" / name for name in ("mailouts.py", "ledger.py")),
    CONSOLE.parent / "base" / "delegations.py",
]


def with_values(*, refused: bool) -> set[str]:
    """Return sentences that are put together with their values, those filled in: `X1 planned X2`.
    `refused`: those of refusals alone.
    """
    found: set[str] = set()
    for path in REFUSING:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if refused:
                called = isinstance(node, ast.Call) and getattr(node.func, "id", "")
                if called not in ("Refused", "UsageError") or not node.args:  # type: ignore[attr-defined]
                    continue
                first = node.args[0]  # type: ignore[attr-defined]
                texts = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
            else:
                texts = [node]
            for text in texts:
                if isinstance(text, ast.JoinedStr):
                    parts = enumerate(text.values)
                    said = [
                        str(p.value) if isinstance(p, ast.Constant) else f"X{n}" for n, p in parts
                    ]
                    found.add("".join(said))
    return found


def of_states() -> set[str]:
    """Return the sentences of a state that a mail-out is in."""
    return {f"X {words}." for words in NOT_NOW.values()} | {
        f"X {words}; there is nothing to stop." for words in NOT_NOW.values()
    }


def _has_words_of_its_own(text: str) -> bool:
    """Whether a sentence is one: not `X0 X2.`, whose words are those of a state."""
    own = re.sub(r"X\d", "", text)
    return len(own) > OWN_LETTERS and not text.startswith("X0 X2")


@in_each_language
def test_refusals_are_said_with_their_values_in_them(language: str) -> None:
    say, every = Translation(language), with_values(refused=True)
    long = [text for text in every if _has_words_of_its_own(text)]
    assert len(long) > 40
    assert sorted(text for text in [*long, *of_states()] if say.refusal(text) == text) == []


def test_refusal_has_the_marks_of_its_language() -> None:
    french = Translation("fr")
    said = french('There is no delegation called "Atlantis".')
    assert said == "Il n’y a pas de délégation «\N{NO-BREAK SPACE}Atlantis\N{NO-BREAK SPACE}»."
    assert french("Marta Refused planned M-0001; somebody else must approve it.").startswith(
        "Marta Refused a planifié M-0001"
    )


@in_each_language
def test_no_line_begins_with_a_mark(language: str) -> None:
    say = Translation(language)
    said = [say(one) for one in PAGES[language]]
    said += [say.refusal(one) for one in (*REFUSALS[language], *CASES[language])]
    said += [say(text) for kind in codes().values() for text in (kind.message, kind.advice)]
    assert [one for one in said if re.search(r" [:;?!»%](?!\[)(\W|\Z)|« ", one)] == []


def test_states_agree_with_how_many_are_in_them() -> None:
    french, english, german = (Translation(one) for one in ("fr", "en", "de"))
    assert [german.counted(number, "refused") for number in (0, 1, 8)] == [
        "0 abgelehnt",
        "1 abgelehnt",
        "8 abgelehnt",
    ]
    assert [french.counted(number, "refused") for number in (0, 1, 8)] == [
        "0 refusé",
        "1 refusé",
        "8 refusés",
    ]
    assert english.counted(8, "refused") == "8 refused"
    assert all(f"{word} (many)" in PAGES["fr"] for word in WORDS.values())


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
        *(words for pair in SAID_OF_ACCEPTED.values() for words in pair),
        *POSITIONS.values(),
        *HEARD.values(),
        *VOTES.values(),
        *BECOMES.values(),
        *(place.what for place in places.FILES),
    }
    words |= {one.words for one in motions()}
    words |= {*COLUMNS, "Totals", "people", "Telephone", "Note in the sheet"}
    words |= {"Owner", "Due", "Last note", "Done by"}
    return words | {name for name, _ in outcomes.VIEWS} | {words for _, words in STEPS}


def of_the_journal() -> set[str]:
    """Return the kinds of deeds that the journal shows, as it says them."""
    found = {"positions read"}
    for path in [*CONSOLE.rglob("*.py"), *ACTIONS]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if called.rpartition(".")[2] in ("noted", "note", "journal", "_journal"):
                found |= {text for one in node.args[:4] for text in texts_of(one)}  # type: ignore[attr-defined]
    return {one.replace("_", " ") for one in found if re.fullmatch("[a-z]+_[a-z_]+", one)}


@in_each_language
def test_everything_that_is_said_is_in_the_tables(language: str) -> None:
    words = {
        text for text in said() | from_data() | of_the_journal() if re.sub(r"\{\w+\}", "", text)
    }
    there = PAGES[language].keys() | REFUSALS[language].keys()
    assert sorted(words - there) == []


@in_each_language
def test_nothing_is_said_in_two_ways(language: str) -> None:
    """A sentence stands in one of the two tables, whatever its gaps are called; a page that says
    what is refused elsewhere may have its own.
    """
    own = PAGES[language].keys() - said()
    assert sorted({re.sub(r"\{\w+\}", "{}", one) for one in own} & REFUSALS[language].keys()) == []


@in_each_language
def test_nothing_stands_in_the_table_that_is_never_said(language: str) -> None:
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
            "report/board.py",
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
        for key in PAGES[language]
        if key not in others and key.replace(" ", "_") not in others and f'"{key}"' not in others
    ]
    filled = with_values(refused=False) | of_states()
    gapped = [
        key
        for key in unused
        if "{" in key
        and any(re.fullmatch(re.sub(r"\\{\w+\\}", ".+", re.escape(key)), one) for one in filled)
    ]
    states = {f"{word} (many)" for word in [*WORDS.values(), "accepted"]}
    assert [key for key in unused if key not in from_data() | set(gapped) | states] == []


def gaps(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name)


@in_each_language
def test_gaps_are_the_same(language: str) -> None:
    assert [text for text, said in PAGES[language].items() if gaps(text) != gaps(said)] == []


def test_numbers_and_plurals_are_those_of_the_language() -> None:
    en, fr, de = (Translation(one) for one in ("en", "fr", "de"))
    assert en("{done} of {all}", done=1234, all=100_000) == "1,234 of 100,000"
    assert fr("{done} of {all}", done=1234, all=100_000) == "1\u202f234 sur 100\u202f000"
    assert de("{done} of {all}", done=1234, all=100_000) == "1.234 von 100.000"
    assert [en.share(3, 16), fr.share(3, 16), de.share(3, 16)] == [
        "18.8 %",
        "18,8\u00a0%",
        "18,8\u00a0%",
    ]
    for say, people in (
        (en, ["0 people", "1 person", "2 people"]),
        (fr, ["0 personne", "1 personne", "2 personnes"]),
        (de, ["0 Personen", "1 Person", "2 Personen"]),
    ):
        assert [say.many(n, "{n} person", "{n} people") for n in (0, 1, 2)] == people


def test_times_and_places_are_those_of_the_language() -> None:
    at = datetime(2026, 11, 30, 9, 0, 5, tzinfo=ZoneInfo("Europe/Berlin"))
    en, fr, de = (Translation(one) for one in ("en", "fr", "de"))
    assert [say.there(at).replace("\u00a0", " ") for say in (en, fr, de)] == [
        "30 Nov 2026, 09:00 CET",
        "30 nov. 2026, 09:00 CET",
        "30. November 2026, 9:00 Uhr MEZ",
    ]
    story = (Sentence("server: {text}", text="no"), Sentence("by {who}", who="Jana"))
    assert [say.tell(*story) for say in (en, fr, de)] == [
        "server: no; by Jana",
        "serveur\u00a0: no\u00a0; par Jana",
        "Server: no; von Jana",
    ]
    assert de.there(at.replace(month=7)).endswith("9:00\u00a0Uhr MESZ")
    assert [say.place('a.xlsx · sheet "M" · row 7') for say in (en, fr, de)] == [
        'a.xlsx · sheet "M" · row 7',
        'a.xlsx · onglet "M" · ligne 7',
        'a.xlsx · Blatt "M" · Zeile 7',
    ]


@in_each_language
def test_every_kind_of_problem_has_its_example_and_its_words(language: str) -> None:
    """The words of a code in another language: `console/language/XX/problems.toml`."""
    said = PROBLEMS[language]
    assert sorted(said.keys() ^ codes().keys()) == []
    assert [code for code, kind in codes().items() if not kind.example] == []
    assert [code for code, pair in said.items() if len(pair) != 2 or not all(pair)] == []


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
    near = problem("C102", "contacts/uk.csv", suggestion='did you mean "a@b.example"?')
    own = problem("C102", "contacts/uk.csv", suggestion="give one of them")
    assert en.advice(near) == 'did you mean "a@b.example"?'
    assert fr.advice(near) == "vouliez-vous dire «\u00a0a@b.example\u00a0»\u00a0?"
    assert fr.advice(own) == f"{fr(codes()['C102'].advice)} – give one of them"
    assert fr.advice(problem("C102", "contacts/uk.csv")) == fr(codes()["C102"].advice)
    assert en.place(general.place) == 'contacts/uk.xlsx · sheet "Members" · cell D17'
    assert fr.place(general.place) == 'contacts/uk.xlsx · onglet "Members" · cellule D17'


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("fr-FR,fr;q=0.9,en;q=0.8", "fr"),
        ("de,fr;q=0.5", "de"),
        ("de-AT", "de"),
        ("mt,fr;q=0.5", "fr"),
        ("mt", "en"),
        ("", "en"),
        ("en-GB,fr", "en"),
    ],
)
def test_language_is_the_first_of_the_browser_that_we_speak(header: str, language: str) -> None:
    assert preferred(header) == language


ERRORS = ("UsageError", "Refused", "MailerError")


COMMAND = re.compile(
    r"(mailer|pip install) \S+( (\{\}|\"\S+\"|[a-z-]+|TEXT|ANOTHER-FOLDER|-C|DIR|--\S+))*(; .*)?"
    r"|(--|\[|https:).*"
)
"""What is typed as it stands needs no other words."""


def texts_of(node: ast.expr) -> list[str]:
    """Return the sentences that an argument can be, "{}" for each value in them."""
    if isinstance(node, ast.IfExp):
        return texts_of(node.body) + texts_of(node.orelse)
    if isinstance(node, ast.BoolOp):
        return [text for one in node.values for text in texts_of(one)]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        parts = (str(one.value) if isinstance(one, ast.Constant) else "{}" for one in node.values)
        return ["".join(parts)]
    return []


def refused() -> set[str]:
    """Return every sentence by which something is refused below the doors, and what to do next."""
    found = set()
    rooms = [CONSOLE.parent / name for name in ("contacts", "plan", "ledger")]
    base = CONSOLE.parent / "base" / "delegations.py"
    for path in [*ACTIONS, base, *(one for room in rooms for one in room.rglob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ERRORS:
                hints = [one.value for one in node.keywords if one.arg == "hint"]
                found |= {text for one in [*node.args[:1], *hints] for text in texts_of(one)}
    return {one for one in found if re.search("[a-z]{3}", one) and not COMMAND.fullmatch(one)}


@in_each_language
def test_whatever_is_refused_is_in_the_tables(language: str) -> None:
    there = REFUSALS[language].keys() | PAGES[language].keys() | CASES[language].keys()
    patterns = [re.sub(r"\{\w+\}", "{}", one) for one in PAGES[language]]
    assert sorted(refused() - there - set(patterns)) == []


def of_problems() -> set[str]:
    """Return what problems and findings say of their very case, and what to do there, "{}" for each
    value: the words that are handed on as such, by themselves or by way of a variable called so.
    """
    found = set()
    named = ("message", "suggestion", "hint", "sentence", "fix")
    for room in ("base", "contacts", "letters", "plan", "actions/doctor"):
        for path in (CONSOLE.parent / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                said: list[ast.expr] = []
                if isinstance(node, ast.Call):
                    said = [one.value for one in node.keywords if one.arg in named]
                    if ast.unparse(node.func).endswith(("wrong", "source.problem")):
                        said += node.args[1:2]
                    if ast.unparse(node.func) == "Finding":
                        said += node.args[2:4]
                elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in named:
                    said = [node.value]
                found |= {text for one in said for text in texts_of(one)}
    return {one for one in found if re.search("[a-z]{3} [a-z]", one) and not COMMAND.match(one)}


AS_TYPED = {"NO.en.md: delegation and language", "beside this row stands"}
"""A name of a file, and the beginning of a sentence."""


@in_each_language
def test_what_a_problem_says_of_its_case_is_in_the_tables(language: str) -> None:
    """Put them into cases.toml of each language."""
    say = Translation(language)
    filled = {re.sub(r"\{\}", "X", one): one for one in of_problems()}
    assert len(filled) > 250
    there = table(language).keys() | CASES[language].keys() | REFUSALS[language].keys()
    lacks = {one for said, one in filled.items() if one not in there and say.refusal(said) == said}
    assert sorted(lacks - AS_TYPED) == []


@in_each_language
def test_refusals_have_the_same_gaps(language: str) -> None:
    gaps_of = re.compile(r"\{(\d+)\}")
    assert [
        english
        for english, said in (REFUSALS[language] | CASES[language]).items()
        if sorted(gaps_of.findall(said)) != [str(at) for at in range(english.count("{}"))]
    ] == []


@in_each_language
def test_language_is_spoken_as_a_whole(language: str) -> None:
    """The tables of a language are those of each other, so that a new one is tables alone."""
    first = OTHERS[0]
    many = {f"{word} (many)" for word in [*WORDS.values(), "accepted"]}
    for name in (PAGES, REFUSALS, PROBLEMS, CASES):
        assert sorted((name[language].keys() ^ name[first].keys()) - many) == []
    assert sorted(one.name for one in (CONSOLE / "language" / language).iterdir()) == [
        "cases.toml",
        "pages.toml",
        "problems.toml",
        "refusals.toml",
        "rules.toml",
    ]


@pytest.mark.parametrize(
    ("english", "french"),
    [
        ("M-0001 has not begun.", "M-0001 n’a pas commencé."),
        ("M-0001 is finished.", "M-0001 est terminé."),
        (
            "M-0001 was stopped for good; there is nothing to pause.",
            "M-0001 est définitivement arrêté\u00a0; il n’y a rien à mettre en pause.",
        ),
        (
            "Marta planned M-0001; somebody else must approve it.",
            "Marta a planifié M-0001\u00a0; quelqu’un d’autre doit l’approuver.",
        ),
    ],
)
def test_refusal_is_said_in_french_with_its_names(english: str, french: str) -> None:
    assert Translation("fr").refusal(english) == french
    assert Translation("en").refusal(english) == english
