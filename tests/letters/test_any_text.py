"""Facts about any `facts.toml` and `appeal.toml`: reading is linear in the bytes, and what cannot
be read is said with its place.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from mailer.base.delegations import Delegations
from mailer.base.errors import Problem
from mailer.letters.appeal_toml import read_settings
from mailer.letters.facts import read_facts
from tests.helpers.steps import steps

FACT = '[f{}]\nvalue = {{ en = "{} votes" }}\nsource = "x"\ndate = 2024-01-01\n'
TEXTS: dict[str, Callable[[int], str]] = {
    "facts": lambda n: "".join(FACT.format(at, at) for at in range(n // 60)),
    "a key of many parts": lambda n: "a" + ".a" * (n // 2) + " = 1\n",
    "such a key in quotes": lambda n: '"a"' + ' . "a"' * (n // 6) + " = 1\n",
    "a table of many parts": lambda n: "[" + "a." * (n // 2) + "a]\n",
    "keys of some parts": lambda n: "".join(f"{'a.' * 9}k{at} = 1\n" for at in range(n // 30)),
    "lists in lists": lambda n: "a = " + "[" * (n // 2) + "]" * (n // 2) + "\n",
    "a long number": lambda n: "a = " + "1" * n + "\n",
    "escaped quotes": lambda n: 'a = "' + '\\"' * (n // 2) + '"\n',
    "a text without an end": lambda n: 'a = """' + '""' * (n // 2),
    "lines without an end": lambda n: "a = '\n" * (n // 6),
    "one word": lambda n: "x" * n,
    "blanks": lambda n: " " * n + "x",
    "one table in a line": lambda n: (
        "a = {" + ", ".join(f"k{at} = 1" for at in range(n // 10)) + "}\n"
    ),
    "tables of one name": lambda n: "[[f]]\nx = 1\n" * (n // 12),
    "figures": lambda n: FACT.format(1, "1 " * (n // 2)),
}  # fmt: skip


def read(text: str) -> list[Problem]:
    problems: list[Problem] = []
    read_facts(text, "facts.toml", problems)
    read_settings(text, "appeal.toml", ["en"], Delegations.load(), problems)
    return problems


@pytest.mark.parametrize("what", TEXTS)
def test_twice_the_bytes_take_twice_the_steps_and_no_traceback(what: str) -> None:
    make = TEXTS[what]
    read(make(6_000))
    one, two = (steps(partial(read, make(size))) for size in (6_000, 12_000))
    assert two < 2.3 * one + 500
    if what not in ("facts", "figures"):
        assert all(problem.row for problem in read(make(6_000)) if problem.code == "L121")


def test_a_key_that_would_take_half_a_minute_is_named_with_its_line() -> None:
    """80 kB of it took 27 s: each part of a key costs as much as all before it."""
    text = FACT.format(1, 1) + "a" + ".a" * 40_000 + " = 1\n"
    problems: list[Problem] = []
    assert read_facts(text, "facts.toml", problems) == {}
    (found,) = problems
    assert (found.code, found.row) == ("L121", 5)
    assert "more than 20 parts" in found.message
