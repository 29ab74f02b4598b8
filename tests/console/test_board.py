"""Facts about the board: a form that comes twice counts once, viewers see nothing of it, and each
reading is in the journal.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from mailer.console.request import Console
from mailer.ledger.ledger import Ledger
from tests.helpers.consoles import Browser, a_console, as_role, signed_in
from tests.helpers.consoles import workspace as a_workspace

BOARD = "/letters/vote/board"


@pytest.fixture
def console(tmp_path: Path, ledger: Ledger) -> Console:
    return a_console(a_workspace(tmp_path), ledger)


@pytest.fixture
def browser(console: Console) -> Browser:
    return signed_in(console)


def call(browser: Browser, token: str, **fields: str) -> None:
    answer = browser.post(f"{BOARD}/member", who="NO:anna berg", token=token, **fields)
    assert answer.status_code == 303, answer.text


def test_form_that_comes_twice_over_a_bad_line_is_noted_once(browser: Browser) -> None:
    call(browser, "one", position="leans", source="call", note="back on Monday")
    call(browser, "one", position="leans", source="call", note="back on Monday")
    assert "This was noted already" in browser.get(f"{BOARD}/members?delegation=NO").text
    page = browser.get(f"{BOARD}/member?who=NO:anna+berg").text
    assert page.count("back on Monday") == 1
    assert page.count("checked") == 1 and 'value="leans" checked' in page
    call(browser, "two", source="meeting", note="said nothing new")
    newest = browser.get(f"{BOARD}/members?delegation=NO").text
    assert "leans towards it" in newest  # it stays as it was


def test_viewers_and_staff_see_nothing_of_positions(console: Console, browser: Browser) -> None:
    call(browser, "one", position="against", source="call", note="a secret of hers")
    for role, status in (("viewer", 403), ("editor", 403), ("approver", 200), ("operator", 200)):
        there = as_role(console, role)
        for page in ("", "/members?delegation=NO", "/member?who=NO:anna+berg"):
            assert there.get(BOARD + page).status_code == status, (role, page)
        assert ('href="/board"' in there.get("/").text) is (status == 200)
        asked = there.get("/letters/vote/people?where=position+is+empty").text
        assert ("Your role does not include" in asked) is (status == 403), role
        for page in ("outcomes.csv", "call-sheet"):  # nothing is planned, which comes after
            asked = there.get(f"/letters/vote/{page}?with=positions").text
            assert ("Your role does not include" in asked) is (status == 403), role
    answer = as_role(console, "viewer").post(f"{BOARD}/member", who="NO:anna berg", position="x")
    assert answer.status_code == 403


def test_each_reading_is_in_the_journal_without_a_name(console: Console, browser: Browser) -> None:
    as_role(console, "approver").get(f"{BOARD}/member?who=NO:anna+berg")
    journal = browser.get("/journal").text
    assert "vote NO" in journal and "approver" in journal
    assert "nna" not in journal.partition("<main")[2].partition("</main>")[0]


def test_counts_follow_what_is_noted_and_the_sheets(console: Console, browser: Browser) -> None:
    call(browser, "one", position="supports", source="reply")
    assert "1 of 30 members" in browser.get(BOARD).text
    sheet = console.cache.root / "contacts" / "all.csv"
    sheet.write_text(sheet.read_text().replace("Anna,Berg,f", "Eva,Strand,f"))
    page = browser.get(BOARD).text
    assert "0 of 30 members" in page
    assert "1 position of somebody who is no longer in the sheets" in page
    assert browser.get(f"{BOARD}/member?who=NO:anna+berg").status_code == 404
