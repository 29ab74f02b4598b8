"""Facts about the two doors, up to the plan: the command line and the console find and do the same
on one workspace.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mailer.cli import cli
from mailer.ledger.ledger import Ledger
from tests.helpers.consoles import Browser, a_console, signed_in, workspace
from tests.helpers.workspaces import edit


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
