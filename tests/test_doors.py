"""Facts about the two doors: what a user does gives the same data on the command line and in the
console.

The command line runs with `--json`, the console is asked by a browser that is signed in; both on
one workspace.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from email import message_from_bytes
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mailer.base.states import Reason, Receipt, Stage, State
from mailer.cli import cli
from mailer.ledger.ledger import Ledger
from mailer.plan.plan import Planned
from tests.conftest import SettableClock, a_contact
from tests.helpers.consoles import Browser, a_console, signed_in, workspace
from tests.helpers.workspaces import edit
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

    def problems(self, path: str) -> dict[str, list[tuple[str, ...]]]:
        """Read the tables of problems on a page of the console: heading → (code, place, value)."""
        answer = self.browser.get(path)
        assert answer.status_code == 200, answer.text
        found: dict[str, list[tuple[str, ...]]] = {}
        for part in re.split(r"<h2>", answer.text)[1:]:
            rows = re.findall(r'<tr class="(?:error|warning|note)">(.*?)</tr>', part, re.DOTALL)
            found[html.unescape(part.partition("</h2>")[0])] = [
                tuple(
                    html.unescape(re.sub(r"<[^>]+>", "", one[1])) if one else ""
                    for one in (
                        re.search(r'<span class="quiet">([A-Z]\d+)</span></td>', row),
                        re.search(r"<th[^>]*>([^<]*?)\s*<", row),
                        re.search(r"<code>(.*?)</code>", row, re.DOTALL),
                    )
                )
                for row in rows
            ]
        return found


@pytest.fixture
def doors(tmp_path: Path, sqlite_ledger: Ledger) -> Doors:
    root = workspace(tmp_path)
    for language, words in (("en", ", as a {{ role }}"), ("fr", ", comme {{ role }}")):
        edit(root / "templates" / "vote" / f"{language}.md", words, "")
    return Doors(root, signed_in(a_console(root, sqlite_ledger)))


# ------------------------------------------------------------------------------------------- check


def a_title_that_nobody_has(root: Path) -> None:
    edit(root / "templates" / "vote" / "en.md", "Please vote", "{{ title }}\n\nPlease vote")
    edit(root / "templates" / "vote" / "fr.md", "Merci de voter", "{{ title }}\n\nMerci de voter")


def a_doubt_on_the_hold_list(root: Path) -> None:
    (root / "contacts" / "_hold.csv").write_text(
        "address,name,delegation,because,since,by\n,Anna M. Berg,NO,asked us,2026-01-01,Jana\n"
    )


def one_letter_says_more(root: Path) -> None:
    edit(root / "templates" / "vote" / "en.md", "Please vote", "On 26 January 2027, please vote")


def settings_of_a_new_workspace(root: Path) -> None:
    new = "Your Name <you@your-organisation.example>"
    edit(root / "config.toml", "Jana Novák <jana@rights.example>", new)


def a_letter_in_no_language_of_theirs(root: Path) -> None:
    edit(root / "templates" / "vote" / "appeal.toml", 'fallback = ["en"]', "fallback = []")


def a_placeholder_that_is_none(root: Path) -> None:
    edit(root / "templates" / "vote" / "en.md", "Please vote", "{{ rloe }}")


def a_broken_sheet(root: Path) -> None:
    (root / "contacts" / "norway.xlsx").write_bytes(b"this is no workbook")


@pytest.mark.parametrize(
    ("spoil", "codes"),
    [
        (lambda _: None, {"C114"}),
        (a_title_that_nobody_has, {"L301"}),
        (a_doubt_on_the_hold_list, {"C203"}),
        (one_letter_says_more, {"L141"}),
        (settings_of_a_new_workspace, {"K113"}),
        (a_letter_in_no_language_of_theirs, {"L128"}),
        (a_placeholder_that_is_none, {"L203"}),
        (a_broken_sheet, {"C002"}),
    ],
)
def test_check_finds_the_same_through_both_doors(doors: Doors, spoil: Any, codes: set[str]) -> None:
    spoil(doors.root)
    (typed,) = doors.typed("check", "vote")
    page = doors.problems("/letters/vote/check")
    shown = page["Settings, contact sheets and hold list"] + page["Letters"]
    assert sorted(shown) == sorted(map(as_row, typed["problems"]))
    assert codes <= {one["code"] for one in typed["problems"]}
    obstacles = typed["obstacles"]["vote"] or ()
    assert page["Before real people can be written to"] == list(map(as_row, obstacles))


def as_row(one: dict[str, Any]) -> tuple[str, ...]:
    """Return what the page shows of a problem: code, place, value."""
    at = one["cell"] or one["row"]
    where = f"{one['file']}:{at}" if at else one["file"]
    return one["code"], where or one["code"], one["value"]


# ----------------------------------------------------------------------------------------- preview


@pytest.mark.parametrize(
    ("name", "row", "language"),
    [
        ("Anna Berg", 2, ""),
        ("Chloe Exemple", 4, ""),
        ("Chloe Exemple", 4, "en"),
        ("Jo Beispiel", 6, ""),
        ("Peter Sample", 7, ""),  # would be left out
    ],
)
def test_letter_reads_the_same_through_both_doors(
    doors: Doors, name: str, row: int, language: str
) -> None:
    (typed,) = doors.typed(
        "preview", "vote", "--as", name, *(["--lang", language] * bool(language))
    )
    page = f"/letters/vote/preview.html?as=contacts/all.csv::{row}&lang={language}"
    assert doors.browser.get(page).text == typed["html"]


def test_letters_that_differ_most_are_the_same_through_both_doors(doors: Doors) -> None:
    typed = [one["name"] for one in doors.typed("preview", "vote", "--hardest")]
    page = doors.browser.get("/letters/vote").text
    start = page.index("<ul", page.index('<ul class="list">'))
    shown = re.findall(r"<li><a href=[^>]*>([^<]+)</a>", page[start:])
    assert shown[: len(typed)] == typed


def test_language_without_a_letter_is_refused_through_both_doors(doors: Doors) -> None:
    (typed,) = doors.typed("preview", "vote", "--as", "Anna Berg", "--lang", "tr")
    answer = doors.browser.get("/letters/vote?as=contacts/all.csv::2&lang=tr")
    assert (typed["exit"], answer.status_code) == (2, 404)
    assert typed["error"] in html.unescape(answer.text)


# ---------------------------------------------------------------------------------------- rehearse


def test_rehearsal_keeps_the_same_letters_through_both_doors(doors: Doors) -> None:
    typed = doors.typed("rehearse", "vote")
    folder = doors.root / ".mailer" / "rehearsal" / "vote"

    def subjects() -> list[str]:
        found = [message_from_bytes(path.read_bytes()) for path in sorted(folder.iterdir())]
        return [str(make_header(decode_header(one["Subject"]))) for one in found]

    first = subjects()
    assert [one["state"] for one in typed] == ["accepted"] * 4
    assert all(one["name"] in subject for one, subject in zip(typed, first, strict=True))
    answer = doors.browser.post("/letters/vote/rehearse")
    assert answer.status_code == 303, answer.text
    assert "4 samples lie in a folder" in doors.page(answer.headers["location"])
    assert subjects() == first


def test_sample_goes_to_nobody_else_through_either_door(doors: Doors) -> None:
    (typed,) = doors.typed("rehearse", "vote", "--to", "eve@elsewhere.example")
    answer = doors.browser.post("/letters/vote/rehearse", to="eve@elsewhere.example")
    assert (typed["exit"], answer.status_code) == (3, 409)
    assert typed["error"] in html.unescape(answer.text)


# ---------------------------------------------------------------------------------- plan and retry


def outcomes(doors: Doors, mail_out: str) -> list[tuple[str, ...]]:
    return [
        (one["name"], one["state"], one["reason"] or "")
        for one in doors.typed("log", "people", mail_out)
    ]


def planned_in_the_browser(doors: Doors, path: str, **form: str) -> str:
    answer = doors.browser.post(path, **form)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].split("/")[2]


@pytest.mark.parametrize(
    ("words", "form"),
    [
        ([], {}),
        (["--only", "NO"], {"delegation": "NO"}),
        (["--role", "substitute"], {"role": "substitute"}),
        (["--only", "DE"], {"delegation": "DE"}),  # nobody would get a letter
    ],
)
def test_plan_is_the_same_through_both_doors(
    doors: Doors, words: list[str], form: dict[str, str]
) -> None:
    (typed,) = doors.typed("plan", "vote", *words)
    doors.typed("stop", typed["mail_out"])
    mail_out = planned_in_the_browser(doors, "/letters/vote/send", **form)
    assert mail_out != typed["mail_out"]
    waiting = [
        (name, "not_sent" if state == "waiting" else state, reason)
        for name, state, reason in outcomes(doors, mail_out)
    ]
    before = outcomes(doors, typed["mail_out"])
    assert [one[:2] for one in waiting] == [one[:2] for one in before]
    assert len([one for one in before if one[1] == "not_sent"]) == typed["to_send"]
    page = doors.browser.get(f"/mail-outs/{mail_out}/send").text
    assert ("Nobody would get a letter" in page) == (typed["to_send"] == 0)


def test_rows_that_lack_something_are_left_out_before_the_plan_and_by_it(doors: Doors) -> None:
    a_title_that_nobody_has(doors.root)
    assert "0 people get a letter" in doors.browser.get("/letters/vote/people").text
    (typed,) = doors.typed("plan", "vote")
    assert (typed["to_send"], typed["reasons"]["row"]) == (0, 3)
    mail_out = planned_in_the_browser(doors, "/letters/vote/send")
    assert outcomes(doors, mail_out) == outcomes(doors, typed["mail_out"])
    assert "a problem in the row" in doors.browser.get(f"/mail-outs/{mail_out}/send").text


def test_delegation_that_there_is_not_is_refused_and_never_means_everyone(doors: Doors) -> None:
    answer = doors.browser.post("/letters/vote/send", delegation="Norwey")
    assert answer.status_code == 400
    assert "did you mean &#34;Norway&#34;?" in answer.text
    assert doors.typed("plan", "vote", "--only", "Norwey")[0]["hint"] == 'did you mean "Norway"?'
    assert doors.typed("status") == []


def test_rest_is_planned_anew_through_both_doors(
    doors: Doors, sqlite_ledger: Ledger, clock: SettableClock
) -> None:
    """One was accepted, one refused, one not reached."""
    (first,) = doors.typed("plan", "vote")
    early = doors.browser.post("/mail-outs/M-0001/retry")
    assert early.status_code == 400
    assert doors.typed("retry", "M-0001")[0]["error"] in html.unescape(early.text)
    journey = Journey(sqlite_ledger, 1, clock)
    accepted, refused = journey.claim(2)
    assert journey.mark(accepted)
    journey.record(accepted, Receipt(State.ACCEPTED, Stage.DOT, code=250))
    journey.record(refused, Receipt(State.REFUSED, Stage.RCPT, code=550))
    doors.typed("stop", "M-0001")
    for words, form, number in (([], {}, 1), (["--refused"], {"refused": "yes"}, 2)):
        (typed,) = doors.typed("retry", "M-0001", *words)
        assert (first["to_send"], typed["to_send"]) == (3, number)
        doors.typed("stop", typed["mail_out"])
        mail_out = planned_in_the_browser(doors, "/mail-outs/M-0001/retry", **form)
        reached = [one[0] for one in outcomes(doors, mail_out) if one[1] == "waiting"]
        stopped = [one[0] for one in outcomes(doors, typed["mail_out"]) if one[1] == "not_sent"]
        assert reached == stopped
        assert len(reached) == number
        doors.typed("stop", mail_out)


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
