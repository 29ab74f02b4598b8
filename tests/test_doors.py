"""Facts about the two doors: what a user does gives the same data on the command line and in the
console.

The command line runs with `--json`, the console is asked by a browser that is signed in; both on
one workspace.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mailer.base.states import Reason
from mailer.cli import cli
from mailer.ledger.ledger import Ledger
from mailer.plan.plan import Planned
from tests.conftest import SettableClock, a_contact
from tests.helpers.consoles import Browser, a_console, signed_in, workspace
from tests.ledger.test_ledger import Journey
from tests.report.conftest import one_of_each


@dataclass
class Doors:
    """One workspace, and both ways into it."""

    root: Path
    browser: Browser

    def typed(self, *words: str) -> list[dict[str, Any]]:
        """Type a command with --json; return the lines of its answer."""
        answer = CliRunner().invoke(cli, ["-C", str(self.root), "--json", *words])
        assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.output
        return [json.loads(line) for line in answer.stdout.splitlines()]

    def rows(self, path: str) -> list[dict[str, Any]]:
        """Take rows along as JSON from a page of the console."""
        answer = self.browser.get(path)
        assert answer.status_code == 200
        return [json.loads(line) for line in answer.text.splitlines()]

    def page(self, path: str) -> str:
        """Read a page of the console as text, its marks and blanks taken away."""
        answer = self.browser.get(path)
        assert answer.status_code == 200, answer.text
        return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


@pytest.fixture
def doors(tmp_path: Path, sqlite_ledger: Ledger) -> Doors:
    return Doors(tmp_path, signed_in(a_console(workspace(tmp_path), sqlite_ledger)))


# ------------------------------------------------------------------------------------- the send log


@pytest.fixture
def sent(doors: Doors, sqlite_ledger: Ledger, clock: SettableClock, ledger_plan: int) -> Doors:
    """A mail-out with one of each outcome."""
    one_of_each(Journey(sqlite_ledger, ledger_plan, clock))
    return doors


@pytest.fixture
def ledger(sqlite_ledger: Ledger) -> Ledger:
    return sqlite_ledger


@pytest.fixture
def ledger_plan(planned: Callable[..., int]) -> int:
    return planned(6, left_out=2)


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [row["delivery"] for row in rows]


def test_who_needs_a_person_is_the_same_everywhere(sent: Doors) -> None:
    (status,) = sent.typed("status", "M-0001")
    listed = sent.typed("log", "people", "M-0001", "--needs-a-person")
    assert status["needs_a_person"] == len(listed) == 3
    assert {row["state"] for row in listed} == {"unknown", "refused", "not_sent"}
    for path in ("outcomes.json?needs=a_person", "follow-up.json"):
        assert sorted(names(sent.rows(f"/mail-outs/M-0001/{path}"))) == sorted(names(listed))
    assert "Needs you 3" in sent.page("/mail-outs/M-0001")
    assert "3 of 8 people" in sent.page("/mail-outs/M-0001/outcomes?needs=a_person")
    start = sent.page("/")
    assert all(f"1 {word}" in start for word in ("unknown:", "refused by", "given up:"))


@pytest.fixture
def umlauts(doors: Doors, planned: Callable[..., int]) -> Doors:
    """Müller and Mueller, in a mail-out and in the sheets; and Schröder in the sheets alone."""
    people = [
        Planned(replace(a_contact(n), name=name), n, n, "en", False, Reason.ON_HOLD, "")
        for n, name in enumerate(("Ada Müller", "Bo Mueller", "Di Mule"), 1)
    ]
    planned(deliveries=tuple(people))
    rows = "delegation,role,given name,surname,email\n" + "".join(
        f"DE,representative,{given},{surname},{given.lower()}@de.parliament.example\n"
        for given, surname in (("Ada", "Müller"), ("Bo", "Mueller"), ("Eva", "Schröder"))
    )
    (doors.root / "contacts" / "umlauts.csv").write_text(rows, encoding="utf-8")
    return doors


@pytest.mark.parametrize(
    ("wanted", "log", "sheets"),
    [
        ("müller", ["Ada Müller", "Bo Mueller"], ["Ada Müller", "Bo Mueller"]),
        ("MUELLER", ["Ada Müller", "Bo Mueller"], ["Ada Müller", "Bo Mueller"]),
        ("Müller Mueller", ["Ada Müller", "Bo Mueller"], ["Ada Müller", "Bo Mueller"]),
        ("muller ada", ["Ada Müller"], ["Ada Müller"]),
        ("schroeder", [], ["Eva Schröder"]),
        ("schroder", [], ["Eva Schröder"]),
        ("nobody", [], []),
    ],
)
def test_a_person_is_found_under_every_spelling(
    umlauts: Doors, wanted: str, log: list[str], sheets: list[str]
) -> None:
    typed = umlauts.typed("log", "find", wanted)
    assert [row["name"] for row in typed if "delivery" in row] == log
    assert [row["name"] for row in typed if "file" in row] == sheets
    rows = umlauts.rows(f"/mail-outs/M-0001/outcomes.json?q={wanted}")
    assert [row["name"] for row in rows] == log
    assert [row["name"] for row in umlauts.typed("log", "people", "--search", wanted)] == log
    page = umlauts.page(f"/search?q={wanted}")
    assert f"In the mail-outs {len(log)}" in page
    assert f"In the contact sheets {len(sheets)}" in page


@pytest.mark.parametrize("said", ["such user", "no here", "GREYLISTED"])
def test_a_person_is_found_by_what_a_server_said(sent: Doors, said: str) -> None:
    listed = names(sent.typed("log", "people", "M-0001", "--search", said))
    assert listed
    assert names(sent.rows(f"/mail-outs/M-0001/outcomes.json?q={said}")) == listed
    assert names(sent.typed("log", "find", said)) == listed
    assert f"In the mail-outs {len(listed)}" in sent.page(f"/search?q={said}")
