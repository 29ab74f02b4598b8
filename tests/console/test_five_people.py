"""Five people at their browsers, on a server behind nginx with TLS: they get in by one-time links,
with passwords and second factors of their own; one mends a sheet, one plans, one approves, one
pauses, goes on and settles; and the console is started anew in the middle of it.

Skipped where nginx or Chromium is not installed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyotp
import pytest

from mailer.base.states import MailOutState, State
from mailer.console.access.middleware import POLICY
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading.counts import count
from mailer.sending.demo_server import Mailbox, Trick
from tests.console.test_browser import CHROMIUM, QUIET
from tests.helpers.consoles import CONFIG, LETTERS
from tests.helpers.proxies import NGINX, Team, behind, nginx
from tests.helpers.workspaces import edit

pytestmark = pytest.mark.skipif(
    CHROMIUM is None or NGINX is None, reason="nginx or Chromium is not here"
)
if CHROMIUM:
    from playwright.sync_api import Browser, Response, expect, sync_playwright

PEOPLE = 12
LOST = "m05@no.parliament.example"
"""Whose server hangs up behind the letter."""


class Person:
    """Somebody at a computer of their own."""

    def __init__(self, chromium: Browser, team: Team, name: str) -> None:
        self.team, self.name, self.codes = team, name, [""]
        self.password = f"{name.casefold()} anchor gravel sixty umbrella"
        self.context = chromium.new_context(ignore_https_errors=True, locale="en-GB")
        self.context.set_default_timeout(20_000)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on(
            "console",
            lambda said: self.complaints.append(said.text) if said.type == "error" else None,
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def goes(self, path: str) -> Response:
        answer = self.page.goto(self.team.base + path)
        assert answer is not None
        return answer

    def presses(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def joins(self, link: str) -> None:
        """Follow a one-time link, and set a password and a second factor."""
        page = self.page
        page.goto(link)
        expect(page.get_by_role("heading")).to_have_text(f"Welcome, {self.name}")
        page.get_by_label("New password").fill(self.password)
        page.get_by_label("The same once more").fill(self.password)
        self.presses("Set the password")
        page.wait_for_url(self.team.base + "/own")  # the team asks for a second factor
        secret = page.locator("code", has_text=re.compile("^[A-Z2-7]{32}$")).inner_text()
        page.get_by_label("Code of the app").fill(pyotp.TOTP(secret).at(datetime.now(UTC)))
        page.locator("#old-2").fill(self.password)
        self.presses("Set up the second factor")
        expect(page.get_by_role("status")).to_contain_text("recovery codes")
        self.codes = page.locator(".codes code").all_inner_texts()

    def invites(self, other: Person, role: str, organisation: str = "") -> None:
        page = self.page
        self.goes("/people")
        page.get_by_label("Name", exact=True).fill(other.name)
        page.locator("#role").select_option(role)
        page.get_by_label("Organisation").fill(organisation)
        self.presses("Make the link")
        other.joins(page.get_by_role("status").locator("code").inner_text())

    def signs_in(self, code: str) -> None:
        page = self.page
        self.goes("/sign-in")
        page.get_by_label("Name").fill(self.name)
        page.get_by_label("Password").fill(self.password)
        page.get_by_label("Code of your app").fill(code)
        self.presses("Sign in")


@pytest.fixture
def people(tmp_path: Path) -> Iterator[tuple[Team, list[Person], Mailbox]]:
    root = tmp_path / "workspace"
    (root / "contacts").mkdir(parents=True)
    (root / "state").mkdir()
    (root / "templates" / "vote").mkdir(parents=True)
    for name, text in LETTERS.items():
        (root / "templates" / "vote" / name).write_text(text, encoding="utf-8")
    rows = ["delegation,role,given name,surname,email,language"]
    rows += [
        f"NO,representative,Given{n:02},Member{n:02},m{n:02}{'@' if n else ' at '}"
        "no.parliament.example,en"
        for n in range(PEOPLE)
    ]
    (root / "contacts" / "norway.csv").write_text("\n".join([*rows, ""]), encoding="utf-8")
    with Mailbox(tmp_path / "mailbox", {LOST: Trick.HANGS_UP}) as mailbox:
        config = CONFIG.replace("2525", str(mailbox.port)).replace(
            "[safety]", "[limits]\nper_minute = 15\nconnections = 1\n[safety]\napprovals = 1"
        )
        (root / "config.toml").write_text(config, encoding="utf-8")
        with behind(nginx, root, tmp_path / "front") as team, sync_playwright() as play:
            with (root / "config.toml").open("a", encoding="utf-8") as file:
                file.write("second_factor = true\n")
            browser = play.chromium.launch(executable_path=CHROMIUM, args=QUIET.split())
            names = ("Marta", "Carla", "Pia", "Stefan", "Ada")
            yield team, [Person(browser, team, name) for name in names], mailbox
            browser.close()


@pytest.mark.timeout(400)
def test_five_people_write_to_a_delegation_over_tls(
    people: tuple[Team, list[Person], Mailbox],
) -> None:
    team, (admin, coordinator, campaigner, staff, approver), mailbox = people

    # Getting in: one link from the terminal, the others by invitation.
    link = team.typed("account", "add", admin.name, "--role", "admin")["url"]
    admin.joins(link)
    admin.invites(coordinator, "operator")
    admin.invites(campaigner, "operator")
    admin.invites(staff, "editor")
    admin.invites(approver, "approver", "Watch")
    used = admin.goes(link.removeprefix(team.base))
    assert used.status == 410, "a link opens once"
    cookies = [one for person in people[1] for one in person.context.cookies()]
    assert len(cookies) == 5
    for one in cookies:
        assert one["name"].startswith("__Host-")
        assert (one["secure"], one["httpOnly"], one["sameSite"]) == (True, True, "Strict")
        assert (one["path"], one["domain"]) == ("/", "localhost")
    headers = admin.goes("/mail-outs").headers
    assert headers["strict-transport-security"].startswith("max-age=31536000")
    assert headers["content-security-policy"] == POLICY
    assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")

    # A sheet is mended, cell by cell.
    staff.goes("/contacts")
    staff.page.get_by_role("link", name="norway.csv").first.click()
    staff.goes("/contacts/norway.csv/rows/2")
    staff.page.get_by_label("email").fill("m00@no.parliament.example")
    staff.presses("Save")
    expect(staff.page.get_by_role("status")).to_be_visible()
    assert staff.goes("/letters/vote/send").status == 200
    assert staff.page.get_by_role("button", name="Make the plan").count() == 0

    # Four eyes: planned, approved by another, sent by whoever planned.
    campaigner.goes("/letters/vote/send")
    campaigner.presses("Make the plan")
    campaigner.page.wait_for_url("**/mail-outs/M-0001/send")
    expect(campaigner.page.get_by_label("Type the number to send")).to_have_count(0)
    approver.goes("/mail-outs/M-0001")
    approver.page.get_by_role("link", name="Approve…").click()
    approver.presses("Approve")
    expect(approver.page.get_by_text("Approved by Ada (Watch)")).to_be_visible()
    campaigner.goes("/mail-outs/M-0001/send")
    campaigner.page.get_by_label("Type the number to send").fill(str(PEOPLE))
    campaigner.presses("Send")
    campaigner.page.wait_for_url("**/mail-outs/M-0001")

    # It comes through the server in front as it goes, on a page that nobody loads anew.
    approver.goes("/mail-outs/M-0001")
    far = approver.page.locator("#now .far")
    expect(far).to_contain_text(re.compile(f"[1-9] of {PEOPLE}"), timeout=60_000)
    approver.page.evaluate("window.stayed = true")  # its beginning did load it anew
    before = far.inner_text()
    expect(far).not_to_have_text(before, timeout=30_000)
    assert approver.page.evaluate("window.stayed") is True

    # The console is started anew in the middle: nobody signs in again, and Pause works.
    coordinator.goes("/mail-outs/M-0001")
    team.end()
    expect(approver.page.locator("#age")).to_contain_text("Not connected", timeout=30_000)
    team.begin()
    coordinator.presses("Pause")
    for one in (coordinator, approver, campaigner):
        expect(one.page.locator(".heading .phase")).to_have_text("paused", timeout=30_000)
    there = len(list(mailbox.folder.glob("*.eml")))
    assert 0 < there < PEOPLE
    edit(team.root / "config.toml", "per_minute = 15", "per_minute = 600")
    coordinator.presses("Go on")
    expect(campaigner.page.locator(".heading .phase")).to_have_text("finished", timeout=60_000)
    assert len(list(mailbox.folder.glob("*.eml"))) == PEOPLE

    # What is unknown is settled, by somebody who signs in with a recovery code.
    coordinator.goes("/own")
    coordinator.page.get_by_role("button", name="Sign out everywhere").click()
    coordinator.signs_in("000000")
    expect(coordinator.page.get_by_role("alert")).to_contain_text("do not go together")
    coordinator.signs_in(coordinator.codes[0])
    coordinator.page.wait_for_url(team.base + "/")
    coordinator.page.get_by_role("link", name="unknown: whether it arrived").click()
    coordinator.page.get_by_role("rowheader").get_by_role("link").click()
    coordinator.page.get_by_label("It arrived", exact=True).check()
    coordinator.page.get_by_label("How you know").fill("the office has it")
    coordinator.presses("Settle it")
    expect(coordinator.page.get_by_role("status")).to_contain_text("Settled")

    log = Ledger(f"sqlite:///{team.root / 'state' / 'ledger.db'}")
    with log as ledger, ledger.reading() as connection:
        assert mailouts.get(connection, 1).state is MailOutState.FINISHED
        assert count(connection, 1).letters[State.ACCEPTED] == PEOPLE
    admin.goes("/mail-outs/M-0001")
    story = admin.page.locator(".history").inner_text()
    for name in ("Pia", "Ada", "Carla"):
        assert name in story
    for one in people[1]:
        assert [said for said in one.complaints if not expected(said)] == []


def expected(said: str) -> bool:
    """Tell whether a browser says what the test did: used links, and the console ended."""
    return bool(re.search("410|403|502|ERR_|Failed to load resource", said))
