"""Facts about what the console and the command line confirm: it is made from what has changed, and
what is not understood is refused, with what is near, and never means everybody.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailer.cli import cli
from mailer.console.request import Console
from mailer.ledger.ledger import Ledger
from tests.console.test_browser import fill
from tests.helpers.consoles import Browser, a_console, as_role, signed_in, workspace

NOT_UNDERSTOOD = {
    "/mail-outs/M-0001/outcomes?state=refusd": "refused",
    "/mail-outs/M-0001/outcomes.csv?state=refusd": "refused",
    "/mail-outs/M-0001/outcomes.json?needs=a_persn": "a_person",
    "/mail-outs/M-0001/outcomes?reason=no_such_mailbx": "no_such_mailbox",
    "/mail-outs/M-0001/outcomes?came=recieved": "",
    "/mail-outs/M-0001/outcomes?delegation=Norwey": "Norway",
    "/mail-outs/M-0001/outcomes?delegation=XX": "",
    "/mail-outs/M-0001/outcomes?sort=nam": "name",
    "/mail-outs/M-0001/outcomes?day=yesterday": "",
    "/mail-outs/M-0001/call-sheet?state=refusd": "refused",
    "/mail-outs/M-0001/delegations?sort=coverag": "coverage",
    "/mail-outs/M-0001/compare?with=M-0099": "",
    "/mail-outs/M-0099": "",
    "/mail-outs/M-0001/people/99": "",
    "/inbox?kind=bouncd": "",
    "/inbox?delegation=Norwey": "Norway",
    "/inbox?m=M-0099x": "",
    "/letters/vote/people?delegation=Norwey": "Norway",
    "/letters/vote/people?role=substitut": "substitute",
    "/letters/vote/people?follows=M-0099": "",
    "/letters/vote/send?delegation=Norwey": "Norway",
    "/letters/vote/send?where=rol+%3D+substitute": "role",
    "/letters/vote?as=contacts/all.csv::99": "",
    "/letters/votr": "vote",
    "/letters/vote/board/members?delegation=Norwey": "Norway",
    "/letters/vote/board/members?stand=suports": "supports",
    "/letters/vote/board/member?who=nobody": "",
    "/contacts/al.csv": "",
}
"""Address → what is near; empty where nothing is."""


@pytest.fixture
def console(tmp_path: Path, sqlite_ledger: Ledger) -> Console:
    fill(sqlite_ledger)
    return a_console(workspace(tmp_path), sqlite_ledger)


@pytest.fixture
def owner(console: Console) -> Browser:
    return signed_in(console)


def typed(console: Console, *words: str) -> Result:
    return CliRunner().invoke(cli, ["-C", str(console.cache.root), *words])


@pytest.mark.parametrize("address", NOT_UNDERSTOOD)
def test_what_is_not_understood_never_means_everybody(owner: Browser, address: str) -> None:
    answer = owner.get(address)
    if answer.status_code == 200:  # a form that says what is wrong beside what was typed
        assert "person1@" not in answer.text and "anna.berg@" not in answer.text
    else:
        assert answer.status_code in (400, 404, 409), answer.text
    near = NOT_UNDERSTOOD[address]
    said = re.sub("<[^>]+>", " ", answer.text)
    assert f"“{near}”" in said or f"&#34;{near}&#34;" in said or near in said


def test_language_that_is_none_is_refused(owner: Browser) -> None:
    answer = owner.post("/language", language="frr")
    assert (answer.status_code, "nothing called frr" in answer.text) == (400, True)


def test_what_is_too_long_is_refused_and_not_cut_off(owner: Browser) -> None:
    """Also where the browser counts a line's end once, and sends it as two characters."""
    for path, field, most, more in (
        ("/mail-outs/M-0001/note", "text", 4000, {}),
        ("/mail-outs/M-0001/people/1/note", "text", 4000, {}),
        ("/mail-outs/M-0001/people/1/hold", "because", 500, {}),
    ):
        long = owner.post(path, **{field: "x" * (most + 1)}, **more)
        assert (long.status_code, "are the most" in long.text) == (400, True), path
    text = "\r\n".join(["note"] * 800)  # 4798 with both, 3999 as they are counted
    assert owner.post("/mail-outs/M-0001/note", text=text).status_code == 303
    assert owner.get("/mail-outs/M-0001").text.count("note") >= 800


def said_by(owner: Browser, path: str, **fields: str) -> str:
    """Send a form, and return what the next page says first."""
    answer = owner.post(path, **fields)
    assert answer.status_code in (303, 409), answer.text
    page = answer if answer.status_code == 409 else owner.get(answer.headers["location"])
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", page.text))


def test_role_that_stays_and_account_that_is_closed_are_said_to_be_so(
    console: Console, owner: Browser
) -> None:
    as_role(console, "viewer")
    assert "viewer is viewer already; nothing was changed." in said_by(
        owner, "/people/role", name="viewer", role="viewer"
    )
    assert "viewer is editor now" in said_by(owner, "/people/role", name="viewer", role="editor")
    assert (
        "is editor already; nothing was changed"
        in typed(console, "account", "role", "viewer", "editor").output
    )
    assert "viewer is viewer now" in typed(console, "account", "role", "viewer", "viewer").output
    assert "can no longer sign in" in said_by(owner, "/people/close", name="viewer")
    assert "closed already" in said_by(owner, "/people/close", name="viewer")
    assert typed(console, "account", "close", "viewer").exit_code == 3


def test_person_whom_another_line_goes_on_holding_is_said_to_be_held(
    console: Console, owner: Browser
) -> None:
    hold_list = console.cache.root / "contacts" / "_hold.csv"

    def two_lines() -> None:
        hold_list.write_text(
            "address,name,delegation,because,since,by\n"
            "anna.berg@no.parliament.example,Anna Berg,NO,asked,2027-01-01,Jana\n"
            ",Anna Berg,NO,asked again,2027-01-02,Jana\n",
            encoding="utf-8",
        )

    two_lines()
    seal = "Anna Berg|anna.berg@no.parliament.example"
    said = said_by(owner, "/contacts/hold-list/release", line="2", who=seal)
    assert "line 2 of the list goes on holding Anna Berg" in said
    said = said_by(owner, "/contacts/hold-list/release", line="2", who="Anna Berg|")
    assert "Anna Berg is no longer held." in said
    two_lines()
    said = typed(console, "contacts", "release", "anna.berg@no.parliament.example").output
    assert "goes on holding Anna Berg" in said


def test_sending_that_was_allowed_is_not_said_to_be_allowed_again(owner: Browser) -> None:
    assert "was allowed already" in said_by(owner, "/allow-again")
    owner.post("/stop-everything")
    assert "Sending is allowed again" in said_by(owner, "/allow-again")


def test_nothing_that_was_noted_is_not_said_to_be_taken_away(owner: Browser) -> None:
    said = said_by(owner, "/letters/vote/board/clear", who="NO:anna berg")
    assert "Nothing is noted about Anna Berg." in said


def test_follow_up_is_given_noted_and_ticked_off_through_both_doors(
    console: Console, owner: Browser
) -> None:
    here = "/mail-outs/M-0001/follow-up"
    page = owner.get(here).text
    number = int(re.findall(r"/people/(\d+)/assign", page)[0])
    name = f"M-0001-{number:03d}"
    done = typed(
        console, "--json", "log", "follow-up", name, "--owner", "Carla", "--due", "2027-04-20",
        "--note", "her office asked",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert '"owner":"Carla"' in done.stdout.replace('": "', '":"')
    page = owner.get(here).text
    for words in ("Carla", "until 20 Apr 2027", "her office asked"):
        assert words in page
    said = typed(console, "log", "follow-up", name, "--done").output
    assert "Carla, until 2027-04-20; done, says" in said
    assert "Take it up again" in owner.get(here).text
    owner.post(f"/mail-outs/M-0001/people/{number}/assign", owner="Ola", due="")
    assert "Ola" in typed(console, "log", "follow-up", name, "--again").output
    nobody = next(n for n in range(1, 9) if f"/people/{n}/assign" not in page)
    refused = typed(console, "log", "follow-up", f"M-0001-{nobody:03d}", "--owner", "Carla")
    assert (refused.exit_code, "needs no follow-up" in refused.output) == (3, True)
    assert owner.post(f"/mail-outs/M-0001/people/{nobody}/done").status_code == 409
    assert typed(console, "log", "follow-up", name).exit_code == 2
