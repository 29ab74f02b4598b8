"""Facts about the console in a real browser: three journeys, every page without violations, by
keyboard, without script.

Skipped where no Chromium is installed. Where MAILER_TEST_PICTURES names a folder, pictures of every
page go there, in light, in dark, at 320 pixels and as on paper.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import openpyxl
import pypdf
import pytest
from argon2 import PasswordHasher
from starlette.routing import compile_path

from mailer.actions.inbox import take_in
from mailer.base import clock
from mailer.base.settings.workspace import Workspace, load_workspace
from mailer.base.states import Heard, MailOutState, Position, Reason, State
from mailer.console import app
from mailer.console.language.languages import DEFAULT, spoken
from mailer.contacts.book import load_contacts
from mailer.contacts.contact import Contact
from mailer.contacts.edit import marked_copy
from mailer.ledger import accounts, mailouts
from mailer.ledger.ledger import Ledger
from mailer.ledger.moves import claims, transitions
from mailer.ledger.reading.counts import count
from mailer.ledger.reading.sent import sent_letters
from mailer.ledger.record import noting
from mailer.sending.demo_server import Mailbox
from tests.conftest import a_plan
from tests.helpers.children import Child
from tests.helpers.consoles import CONFIG, PASSWORD, SHEET, workspace
from tests.helpers.journeys import LATER, ME, YES
from tests.inbox.test_record import a_message, away
from tests.report.conftest import BROKE, NO_SUCH

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
if CHROMIUM:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import (
        Browser,
        BrowserContext,
        Page,
        Request,
        Route,
        expect,
        sync_playwright,
    )

QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
)

RULES: dict[str, dict[str, object]] = {"light": {}, "dark": {"runOnly": ["color-contrast"]}}
"""In the dark only the colours are other ones."""

PAGES = {
    "start": "/",
    "mail-outs": "/mail-outs",
    "mail-out": "/mail-outs/M-0001",
    "outcomes": "/mail-outs/M-0001/outcomes",
    "outcomes-filtered": "/mail-outs/M-0001/outcomes?state=refused&state=unknown&sort=-name",
    "outcomes-nobody": "/mail-outs/M-0001/outcomes?q=nobody",
    "call-sheet": "/mail-outs/M-0001/call-sheet?state=refused",
    "unknown": "/mail-outs/M-0001/people/3",
    "refused": "/mail-outs/M-0001/people/1",
    "letter": "/mail-outs/M-0001/people/1/letter",
    "delegations": "/mail-outs/M-0001/delegations",
    "left-out": "/mail-outs/M-0001/left-out",
    "follow-up": "/mail-outs/M-0001/follow-up",
    "follow-up-calls": "/mail-outs/M-0001/follow-up/call-sheet",
    "letters": "/letters",
    "write": "/letters/vote/write/en?beside=fr",
    "about": "/letters/vote/about",
    "about-text": "/letters/vote/about?as=text",
    "files": "/letters/vote/files",
    "history": "/letters/vote/history",
    "standing": "/letters/appeal/standing",
    "standing-calls": "/letters/appeal/call-sheet",
    "standing-nothing": "/letters/vote/standing",
    "report": "/letters/appeal/report?with=positions",
    "report-nothing": "/letters/vote/report",
    "boards": "/board",
    "board": "/letters/vote/board",
    "board-members": "/letters/vote/board/members?delegation=NO",
    "board-member": "/letters/vote/board/member?who=NO:anna+berg",
    "step-letter": "/letters/vote",
    "step-people": "/letters/vote/people",
    "step-check": "/letters/vote/check",
    "calendar": "/letters/appeal/calendar",
    "calendar-nothing": "/letters/vote/calendar",
    "step-rehearse": "/letters/vote/rehearse",
    "step-send": "/letters/vote/send",
    "send": "/mail-outs/M-0002/send",
    "contacts": "/contacts",
    "sheet": "/contacts/all.csv",
    "rows": "/contacts/all.csv/rows",
    "row": "/contacts/all.csv/rows/2",
    "hold-list": "/contacts/hold-list",
    "votes": "/contacts/votes",
    "people": "/people",
    "own": "/own",
    "compare": "/mail-outs/M-0001/compare?with=M-0002",
    "journal": "/journal",
    "inbox": "/inbox",
    "inbox-all": "/inbox?all=1",
    "inbox-message": "/inbox/message?n=2&all=1",
    "search": "/search?q=berg",
    "help": "/help",
    "order": "/order",
    "held": "/held",
    "error": "/nowhere",
    "dropped": "/contacts/dropped/00000000000000aa",
    "corrected": "/contacts/dropped/00000000000000bb",
}
REFUSED = {"error", "report-nothing", "calendar-nothing", "standing-nothing"}
"""Pages of which only the refusal is looked at."""

NO_PAGES = {
    "/tell",
    "/mail-outs/{mail_out}/now",  # the moving part of a page
    "/mail-outs/{mail_out}/stream",
    "/mail-outs/{mail_out}/outcomes.{kind:str}",
    "/letters/{appeal}/outcomes.{kind:str}",
    "/letters/{appeal}/report.{kind:str}",
    "/letters/{appeal}/report/{sheet}",
    "/mail-outs/{mail_out}/follow-up.{kind:str}",
    "/mail-outs/{mail_out}/people/{number:int}/letter.html",  # in a frame of its page
    "/mail-outs/{mail_out}/people/{number:int}/letter.eml",
    "/inbox/attachment",
    "/letters/{appeal}/calendar.ics",
    "/letters/{appeal}/preview.html",
    "/letters/{appeal}/write",  # leads on to a letter
    "/letters/{appeal}/write/{language}/letter.html",
    "/letters/{appeal}/letters.pdf",
    "/letters/{appeal}/sample.eml",
}
LONG = (
    "DE,chair,,Maximiliane-Theodora,Wolkenstein-Mustermann,f,"
    "maximiliane-theodora.wolkenstein-mustermann@de.parliament.example,de\n"
)
"""Somebody whose name and address are as long as the longest there are."""


A4 = 717
"""Pixels of a page of A4 between margins of one centimetre."""


@dataclass
class Site:
    """A running console, with its workspace and its mail server."""

    root: Path
    base: str
    key: str
    ledger: Ledger
    context: BrowserContext
    pictures: Path | None

    def shoot(self, page: Page, name: str) -> None:
        if self.pictures is not None:
            page.screenshot(path=self.pictures / name, full_page=True)

    def counts(self, mail_out_id: int) -> dict[State, int]:
        with self.ledger.reading() as connection:
            return count(connection, mail_out_id).letters

    def state(self, mail_out_id: int) -> MailOutState:
        with self.ledger.reading() as connection:
            return mailouts.get(connection, mail_out_id).state


def fill(ledger: Ledger) -> None:
    """Write M-0001 with a delivery in each state, M-0002 planned only, and three accounts."""
    now = clock.now

    def end(one: transitions.Claimed, receipt: object, **more: object) -> None:
        values = {"state": receipt.state, "reason": None, "owner": ME, "at": now()} | more  # type: ignore[attr-defined]
        transitions.record(connection, one, receipt, **values)  # type: ignore[arg-type]

    with ledger.writing() as connection:
        first = mailouts.create(connection, a_plan(6, left_out=2), at=now(), who="Jana")
        mailouts.change(connection, first, MailOutState.SENDING, at=now(), who="Jana")
        refused, accepted, unknown, trying, given_up, _ = claims.claim(
            connection, first, owner=ME, at=now(), limit=6
        )
        end(refused, NO_SUCH, reason=Reason.NO_MAILBOX)
        transitions.mark(connection, unknown, owner=ME, at=now(), dated_at=now())
        end(unknown, BROKE, reason=Reason.BROKE_AFTER_DOT)
        transitions.mark(connection, accepted, owner=ME, at=now(), dated_at=now())
        end(accepted, YES)
        end(trying, LATER, reason=Reason.LATER, next_try_at=now() + timedelta(minutes=20))
        end(given_up, LATER, state=State.NOT_SENT, reason=Reason.GAVE_UP)
        mailouts.change(connection, first, MailOutState.PAUSED, at=now(), who="Jana", why="lunch")
        mailouts.create(connection, a_plan(3, appeal="other"), at=now(), who="Jana")
        for name, role in (
            ("coordinator", "operator"),
            ("staff", "editor"),
            ("campaigner", "admin"),
        ):
            password = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
            accounts.add(connection, name, role=role, password=password, at=now())


def came_back(ledger: Ledger, workspace: Workspace) -> None:
    """Let somebody be away, and somebody leave office in a long answer with something attached."""
    with ledger.reading() as connection:
        letters = [one for one in sent_letters(connection) if one.delivery.startswith("M-0001")]
    words = "I am no longer a member of parliament; please write to next@no.example. " + 30 * "so "
    gone = a_message(letters[1], words).replace(
        b"Content-Type: text/plain; charset=utf-8\r\n\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n",
    )
    gone += b"--b\r\nContent-Type: application/pdf; name=" + 60 * b"long" + b".pdf\r\n\r\n"
    gone += b"QUJD\r\n--b--\r\n"
    found = [("a.eml", away(letters[0])), ("b.eml", gone)]
    found += [(f"{n}.eml", a_message(letters[2], f"Answer {n}")) for n in range(60)]
    take_in(workspace, ledger, found, at=clock.now())


def drop(root: Path) -> None:
    """Put aside what two people have dropped: a new sheet with mistakes, and a marked copy with a
    cell corrected.
    """
    sheet, copy = (
        root / ".mailer" / "dropped" / key / "contacts"
        for key in ("0" * 14 + "aa", "0" * 14 + "bb")
    )
    for folder in (sheet, copy):
        folder.mkdir(parents=True)
    (sheet / "all.csv").write_text(
        SHEET.replace("anna.berg@no", "anna.berg at no"), encoding="utf-8"
    )
    path = marked_copy.mark(root, "contacts/all.csv", load_contacts(root))
    book = openpyxl.load_workbook(path)
    cell = next(cell for row in book.worksheets[1] for cell in row if " at " in str(cell.value))
    cell.value = str(cell.value).replace(" at ", "@")
    book.save(copy / path.name.lstrip("_"))
    path.unlink()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=QUIET.split())
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = workspace(tmp_path_factory.mktemp("site"))
    pictures = (
        Path(os.environ["MAILER_TEST_PICTURES"]) if os.environ.get("MAILER_TEST_PICTURES") else None
    )
    with (
        Mailbox(root / "mailbox") as mailbox,
        Ledger(f"sqlite:///{root / 'state' / 'ledger.db'}") as ledger,
    ):
        (root / "config.toml").write_text(
            CONFIG.replace("2525", str(mailbox.port)), encoding="utf-8"
        )
        (root / "contacts" / "all.csv").write_text(SHEET + LONG, encoding="utf-8")
        begun = shutil.copytree(root / "templates" / "vote", root / "templates" / "appeal")
        session = f"opens = {(clock.now() + timedelta(days=30)).date()}\n"
        session += 'name = { en = "Session", fr = "la session" }\n'
        text = f'title = "Credentials"\n[session]\n{session}[languages]\nfallback = ["en"]\n'
        (begun / "appeal.toml").write_text(text, encoding="utf-8")
        fill(ledger)
        came_back(ledger, load_workspace(root))
        told(ledger)
        drop(root)
        with serving(root) as key:
            context = chromium.new_context(
                viewport={"width": 1280, "height": 900}, accept_downloads=True
            )
            context.set_default_timeout(15_000)
            page = context.new_page()
            page.goto(key)
            page.wait_for_url(key.partition("/sign-in")[0] + "/")
            page.close()
            yield Site(root, key.partition("/sign-in")[0], key, ledger, context, pictures)
            context.close()


@contextmanager
def serving(root: Path) -> Iterator[str]:
    """Run `mailer console` over a workspace; yield the address that opens it once."""
    words = ["-m", "mailer", "-C", str(root), "console", "--no-open", "--port", "0", "--json"]
    server = Child([sys.executable, *words], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout
        yield json.loads(server.stdout.readline())["url"]
    finally:
        server.terminate()
        server.wait(10)
        if server.stdout:
            server.stdout.close()


@pytest.fixture
def page(site: Site) -> Iterator[Page]:
    """A page of the owner of this computer; anything that the console of the browser complains
    about fails the test.
    """
    opened = site.context.new_page()
    complaints: list[str] = []
    opened.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    opened.close()
    assert [one for one in complaints if "404" not in one] == []


@pytest.fixture
def stranger(chromium: Browser, site: Site) -> Iterator[Page]:
    """Somebody at another computer, who signs in with a password."""
    context = chromium.new_context(accept_downloads=True)
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


def sign_in(page: Page, site: Site, name: str) -> None:
    page.goto(site.base)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{site.base}/")


def told(ledger: Ledger) -> None:
    """Note where two members stand."""
    for name, position, step in (
        ("Ola Nordmann", Position.LEANS, "ring again"),
        ("Anna Berg", Position.SUPPORTS, ""),
    ):
        contact = Contact("", None, 0, delegation="NO", name=name)
        with ledger.writing() as connection:
            noting.note(
                connection,
                "vote",
                contact,
                position=position,
                source=Heard.CALL,
                note="on the telephone",
                next_step=step,
                owner="jana" if step else "",
                at=clock.now(),
                who="jana",
            )


# --------------------------------------------------------------------------------------- every page


def test_no_page_of_the_console_is_forgotten_here() -> None:
    """The pages that are looked at are all those of the console's own table."""
    looked_at = [address.partition("?")[0] for address in PAGES.values()]
    for one in app.PAGES:
        if one.get is not None:
            pattern, _, _ = compile_path(one.path)
            found = any(pattern.fullmatch(address) for address in looked_at)
            assert found is (one.path not in NO_PAGES), one.path


def unseen_in_forced_colours(page: Page) -> list[str]:
    """Name buttons, fields and shares whose shape goes where the system chooses all colours: they
    have neither a border nor a colour of their own.
    """
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, textarea, a.button")]
        .filter((one) => one.offsetParent && !["hidden", "checkbox", "radio"].includes(one.type))
        .filter((one) => !one.matches(".plain, summary"))
        .filter((one) => getComputedStyle(one).borderTopStyle === "none"
            || getComputedStyle(one).borderTopWidth === "0px")
        .map((one) => one.outerHTML.slice(0, 80))"""
    )
    return found


@pytest.mark.parametrize("name", PAGES)
def test_page_has_no_violation_in_light_and_dark_and_fits_every_screen_and_paper(
    site: Site, page: Page, name: str
) -> None:
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": 1280, "height": 900})
        answer = page.goto(site.base + PAGES[name])
        assert answer is not None
        assert answer.ok is (name not in REFUSED), "what is looked at is the page itself"
        found = Axe().run(page, options=RULES[scheme]).response["violations"]
        told = [
            f"{one['id']}: {node['target']} {node['failureSummary']}"
            for one in found
            for node in one["nodes"][:3]
        ]
        site.shoot(page, f"{name}-{scheme}.png")
        assert told == [], scheme
        assert page.locator("[hidden]:visible").count() == 0, "what is hidden is not seen"
    page.emulate_media(color_scheme="light", forced_colors="active")
    found = Axe().run(page, options={"rules": {"color-contrast": {"enabled": False}}}).response
    assert [one["id"] for one in found["violations"]] == [], "forced colours"
    assert unseen_in_forced_colours(page) == []
    site.shoot(page, f"{name}-forced.png")
    page.emulate_media(forced_colors="none")
    for width in (1000, 800, 740, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.emulate_media(color_scheme="light")
    site.shoot(page, f"{name}-320.png")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": A4, "height": 1000})
    assert page.evaluate("document.documentElement.scrollWidth") <= A4
    site.shoot(page, f"{name}-paper.png")


def test_door_has_no_violation_and_fits(site: Site, stranger: Page) -> None:
    for scheme in ("light", "dark"):
        stranger.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        stranger.goto(site.base)
        assert Axe().run(stranger).response["violations"] == []
        site.shoot(stranger, f"sign-in-{scheme}.png")
    stranger.set_viewport_size({"width": 320, "height": 800})
    assert stranger.evaluate("document.documentElement.scrollWidth") <= 320
    site.shoot(stranger, "sign-in-320.png")


@pytest.mark.parametrize("width", [1280, 320])
def test_whom_a_letter_can_reach_stays_in_sight_on_a_long_page(
    site: Site, page: Page, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 600})
    page.goto(site.base + "/help")
    page.get_by_role("button", name="Sign out").scroll_into_view_if_needed()
    assert page.evaluate("scrollY") > 0
    expect(page.locator(".top .badge")).to_have_text("TEST")
    expect(page.locator(".top .badge")).to_be_in_viewport()
    page.goto(site.base + "/")  # and covers nothing where it stands at first
    badge, find = (page.locator(one).bounding_box() for one in (".top .badge", ".find"))
    assert badge
    assert find
    assert badge["x"] + badge["width"] <= find["x"] or badge["y"] + badge["height"] <= find["y"]


VISIBLE = """() => {
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const inside = walk.currentNode.parentElement;
    if (!inside.closest("script, style, textarea, code, pre, [lang]:not(html)"))
      found.push(walk.currentNode.data);
  }
  for (const one of document.querySelectorAll("[aria-label], [title], [placeholder]"))
    for (const name of ["aria-label", "title", "placeholder"])
      if (one.hasAttribute(name)) found.push(one.getAttribute(name));
  return found.map(text => text.replace(/\\s+/g, " ").trim()).filter(text => text);
}"""
"""What a page says: its texts, and what is read out or shown for its parts."""

AS_IT_IS = {
    "committee = Monitoring and not replied",
    "de la Norvège",
    "given name",
    "mailer plan vote",
    "on the telephone",
    "public interest",
    "ring again",
    "the first part of the 2027 session",
    "the line broke before the answer came",
}
"""What stands on a page in no language: headings of a sheet, commands, examples, what was said."""


@pytest.mark.parametrize("language", [one for one in spoken() if one != DEFAULT])
def test_every_page_is_said_as_a_whole_and_fits(site: Site, page: Page, language: str) -> None:
    """What stands on a page in English and in another language alike is data, or was forgotten."""

    too_wide: list[str] = []

    def walk(button: str) -> dict[str, list[str]]:
        page.goto(site.base)
        page.get_by_role("button", name=button).click()
        said = {}
        for name, address in PAGES.items():
            page.set_viewport_size({"width": 320, "height": 800})
            page.goto(site.base + address)
            if page.evaluate("document.documentElement.scrollWidth") > 320:
                too_wide.append(name)
            if button != "English":
                site.shoot(page, f"{name}-{language}-320.png")
                page.set_viewport_size({"width": 1280, "height": 900})
                site.shoot(page, f"{name}-{language}.png")
            said[name] = page.evaluate(VISIBLE)
        return said

    try:
        other = walk(spoken()[language])
        expect(page.locator("html")).to_have_attribute("lang", language)
        assert Axe().run(page).violations_count == 0
    finally:
        english = walk("English")
    alike = {
        f"{name}: {text}"
        for name, texts in other.items()
        for text in {*texts} & {*english[name]} - AS_IT_IS
        if len(re.findall(r"(?<!\S)[a-z]{2,}(?!\S)", text)) > 1
    }
    assert not alike, "\n".join(sorted(alike))
    assert too_wide == []


def test_call_sheet_prints_without_navigation(site: Site, page: Page) -> None:
    page.goto(site.base + PAGES["call-sheet"])
    page.emulate_media(media="print")
    expect(page.get_by_role("navigation").first).to_be_hidden()
    expect(page.get_by_role("rowheader").first).to_be_visible()
    assert page.pdf(format="A4").startswith(b"%PDF")


@pytest.mark.parametrize("name", ["letter", "step-letter"])
def test_letter_prints_whole(site: Site, page: Page, name: str) -> None:
    """However long it is; a frame would be cut off at the end of a sheet of paper."""
    page.goto(site.base + PAGES[name])
    page.evaluate(
        "for (const one of document.querySelectorAll('pre.letter'))"
        " one.textContent += '\\nanother line'.repeat(180) + '\\nthe very last line'"
    )
    printed = pypdf.PdfReader(io.BytesIO(page.pdf(format="A4")))
    text = "\n".join(one.extract_text() for one in printed.pages)
    assert text.count("another line") == 180
    assert "the very last line" in text
    page.emulate_media(media="print")
    assert not any(frame.is_visible() for frame in page.locator("iframe").all())


# ----------------------------------------------------------------------------------- three journeys


def test_coordinator_from_sign_in_to_export(site: Site, stranger: Page) -> None:
    page = stranger
    sign_in(page, site, "coordinator")
    page.get_by_role("link", name="unknown: whether it arrived").click()
    page.get_by_role("rowheader").get_by_role("link").click()
    page.get_by_label("Note", exact=True).fill("called the office")
    page.get_by_role("button", name="Write the note").click()
    expect(page.get_by_text("note by coordinator: called the office")).to_be_visible()
    page.get_by_role("link", name="Open the letter").click()
    expect(page.locator("pre.letter")).to_contain_text("hello")
    page.get_by_role("link", name="Back to what happened").click()
    page.get_by_label("It arrived", exact=True).check()
    page.get_by_label("How you know").fill("she answered")
    page.get_by_role("button", name="Settle it").click()
    expect(page.get_by_role("status")).to_contain_text("Settled: accepted for delivery")
    page.get_by_role("link", name="Outcomes").click()
    page.get_by_label("refused").check()
    expect(page.locator(".found")).to_have_text("1 of 8 people")  # htmx follows the filter
    assert page.url.endswith("/outcomes?state=refused")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    lines = Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 2
    assert "no such mailbox" in lines[1]


def test_campaigner_from_the_letter_to_the_last_answer(site: Site, stranger: Page) -> None:
    page = stranger
    sign_in(page, site, "campaigner")
    page.get_by_role("link", name="Letters", exact=True).click()
    page.get_by_role("link", name="A vote").click()
    page.get_by_label("Read it as somebody else").fill("exemple")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="Chloé Exemple").first.click()
    expect(page.frame_locator("iframe").get_by_text("Merci de voter")).to_be_visible()
    for step in ("On: who gets it", "On: check", "On: the proof sheet", "On: plan and send"):
        page.get_by_role("link", name=step).click()
    page.get_by_role("button", name="Make the plan").click()
    page.wait_for_url("**/mail-outs/M-*/send")
    name = page.url.split("/")[-2]
    page.get_by_label("Type the number to send").fill("3")
    page.get_by_role("button", name="Send", exact=True).click()
    page.wait_for_url(f"**/mail-outs/{name}")
    expect(page.locator(".heading .phase")).to_have_text(
        "finished", timeout=60_000
    )  # by the stream alone
    expect(page.locator(".far")).to_contain_text("3 of 3")
    assert site.counts(int(name[2:]))[State.ACCEPTED] == 3
    assert len(list((site.root / "mailbox").glob("*.eml"))) == 3
    page.get_by_role("link", name="Outcomes", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="XLSX").click()
    people = openpyxl.load_workbook(io.BytesIO(Path(download.value.path()).read_bytes()))["People"]
    assert people.max_row == 1 + sum(site.counts(int(name[2:])).values())


def test_staff_from_a_dropped_sheet_to_the_sheet_in_its_place(site: Site, stranger: Page) -> None:
    page = stranger
    sign_in(page, site, "staff")
    page.get_by_role("link", name="Contacts", exact=True).click()
    sheet = (SHEET + LONG).replace("peter.sample at gb", "peter.sample@gb")
    page.get_by_label("Drop a sheet here").set_input_files(
        {"name": "all.csv", "mimeType": "text/csv", "buffer": sheet.encode()}
    )
    page.get_by_role("button", name="Check it").click()
    expect(page.get_by_text("dropped, not taken over yet")).to_be_visible()
    expect(
        page.get_by_role("cell", name="Peter Sample (empty) → peter.sample@gb.parliament.example")
    ).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Marked copy").click()
    assert download.value.suggested_filename == "all.marked.xlsx"
    page.get_by_role("button", name="Put it in place of the present one").click()
    expect(page.get_by_role("status")).to_contain_text("all.csv is in its place")
    page.get_by_role("link", name="Contact sheets").click()
    page.get_by_role("link", name="on the hold list").click()
    page.get_by_label("Name").fill("Peter Sample")
    page.get_by_label("Delegation").fill("United Kingdom")
    page.get_by_label("Why").fill("asked not to be written to")
    page.get_by_role("button", name="Put on the hold list").click()
    expect(page.get_by_role("rowheader", name="Peter Sample")).to_be_visible()
    assert "peter.sample@gb.parliament.example" in (site.root / "contacts" / "all.csv").read_text(
        encoding="utf-8"
    )


# ------------------------------------------------------------------- keyboard, no script, live page


def test_everything_is_reached_by_keyboard(site: Site, page: Page) -> None:
    page.goto(site.base + PAGES["outcomes"])
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")
    page.locator("body").press("j")
    expect(page.locator("tbody th a").first).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/people/2")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Find a person in all mail-outs")).to_be_focused()
    page.keyboard.type("példás")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?q=*")
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.wait_for_url("**/mail-outs")


def test_stop_for_good_asks_once_and_is_not_hit_by_two_keys(site: Site, page: Page) -> None:
    with site.ledger.writing() as connection:
        mail_out_id = mailouts.create(
            connection, a_plan(4, appeal="stop"), at=clock.now(), who="Jana"
        )
        mailouts.change(connection, mail_out_id, MailOutState.SENDING, at=clock.now(), who="Jana")
    page.goto(f"{site.base}/mail-outs/M-{mail_out_id:04d}")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.keyboard.press("s")
    for key in ("Tab", "Tab", "Enter"):  # to the button, past the question
        page.keyboard.press(key)
    assert site.state(mail_out_id) is MailOutState.SENDING
    for key in ("Space", "Tab", "Enter"):  # the browser leads back to it
        page.keyboard.press(key)
    expect(page.get_by_role("status")).to_contain_text("stopped for good")
    assert site.state(mail_out_id) is MailOutState.STOPPED
    assert site.counts(mail_out_id)[State.NOT_SENT] == 4


def test_live_page_follows_what_happens_and_says_so_politely(site: Site, page: Page) -> None:
    with site.ledger.writing() as connection:
        mail_out_id = mailouts.create(
            connection, a_plan(4, appeal="live"), at=clock.now(), who="Jana"
        )
        mailouts.change(connection, mail_out_id, MailOutState.SENDING, at=clock.now(), who="Jana")
    page.goto(f"{site.base}/mail-outs/M-{mail_out_id:04d}")
    expect(page.locator(".far")).to_contain_text("0 of 4")
    page.wait_for_timeout(1500)  # the stream has told the beginning
    with site.ledger.writing() as connection:
        for one in claims.claim(connection, mail_out_id, owner=ME, at=clock.now(), limit=2):
            transitions.mark(connection, one, owner=ME, at=clock.now(), dated_at=clock.now())
            transitions.record(
                connection, one, YES, state=State.ACCEPTED, reason=None, owner=ME, at=clock.now()
            )
    expect(page.locator(".far")).to_contain_text("2 of 4")
    expect(page.locator("#said")).to_contain_text("2 of 4")
    site.shoot(page, "live-light.png")
    assert Axe().run(page).violations_count == 0
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".heading .phase")).to_have_text("paused")


def test_live_page_says_how_old_it_is_and_comes_back_after_a_restart_of_the_console(
    site: Site, chromium: Browser
) -> None:
    with site.ledger.writing() as connection:
        mail_out_id = mailouts.create(
            connection, a_plan(4, appeal="again"), at=clock.now(), who="Jana"
        )
        mailouts.change(connection, mail_out_id, MailOutState.SENDING, at=clock.now(), who="Jana")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mailer", "-C", str(site.root), "console", "--no-open"]
    command += ["--port", str(port), "--json"]
    context = chromium.new_context()
    page = context.new_page()
    for life in ("first", "second"):
        server = Child(command, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout
            key = json.loads(server.stdout.readline())["url"]
            if life == "first":
                page.goto(key)
                page.wait_for_url(f"http://127.0.0.1:{port}/")
                page.goto(f"http://127.0.0.1:{port}/mail-outs/M-{mail_out_id:04d}")
            expect(page.locator("#age")).to_contain_text("As of", timeout=30_000)
            expect(page.locator("#now .far")).to_contain_text(
                "0 of 4" if life == "first" else "3 of 4"
            )
            if life == "first":
                before = page.locator("#age time").inner_text()
                expect(page.locator("#age time")).not_to_have_text(before)  # it is true anew
                assert datetime.now().astimezone().tzname() in before
            else:  # the page that was open, and nobody has signed in anew
                page.get_by_role("button", name="Pause").click()
                expect(page.locator(".heading .phase")).to_have_text("paused")
        finally:
            server.terminate()
            server.wait(10)
            server.stdout.close()
        if life == "first":
            expect(page.locator("#age")).to_contain_text("Not connected", timeout=30_000)
            with site.ledger.writing() as connection:
                for one in claims.claim(connection, mail_out_id, owner=ME, at=clock.now(), limit=3):
                    transitions.mark(
                        connection, one, owner=ME, at=clock.now(), dated_at=clock.now()
                    )
                    transitions.record(
                        connection,
                        one,
                        YES,
                        state=State.ACCEPTED,
                        reason=None,
                        owner=ME,
                        at=clock.now(),
                    )
    context.close()


def test_pointer_that_rests_on_the_live_page_freezes_nothing(site: Site, page: Page) -> None:
    with site.ledger.writing() as connection:
        mail_out_id = mailouts.create(
            connection, a_plan(4, appeal="rests"), at=clock.now(), who="Jana"
        )
        mailouts.change(connection, mail_out_id, MailOutState.SENDING, at=clock.now(), who="Jana")
    page.goto(f"{site.base}/mail-outs/M-{mail_out_id:04d}")
    page.locator("#now .tiles a").first.hover()
    page.locator("#now .map a").first.focus()  # and the focus holds its own part alone
    with site.ledger.writing() as connection:
        for one in claims.claim(connection, mail_out_id, owner=ME, at=clock.now(), limit=2):
            transitions.mark(connection, one, owner=ME, at=clock.now(), dated_at=clock.now())
            transitions.record(
                connection, one, YES, state=State.ACCEPTED, reason=None, owner=ME, at=clock.now()
            )
    expect(page.locator("#now .far")).to_contain_text("2 of 4")
    expect(page.locator("#now .latest")).to_contain_text("accepted")
    expect(page.locator("[data-part=map]")).to_have_attribute(
        "data-held", "This list stands still while you are in it."
    )


def test_desktop_is_told_what_needs_a_yes_pauses_and_ends(site: Site, page: Page) -> None:
    site.context.grant_permissions(["notifications"])
    page.add_init_script(
        "const N = function (text) { document.documentElement.dataset.told = text; };"
        "N.permission = 'granted'; N.requestPermission = async () => 'granted';"
        "window.Notification = N;"
    )
    page.goto(site.base)
    page.get_by_role("button", name="Tell me on this desktop").click()
    page.locator("#tell[data-ready]").wait_for()
    expect(page.locator("#tell button:visible")).to_have_text(["No more notices on this desktop"])
    with site.ledger.writing() as connection:
        mail_out_id = mailouts.create(
            connection, a_plan(2, appeal="told"), at=clock.now(), who="Jana", approvals=1
        )
    name = f"M-{mail_out_id:04d}"
    told = page.locator("html")
    expect(told).to_have_attribute("data-told", f"{name} needs a yes: An appeal")
    with site.ledger.writing() as connection:
        mailouts.change(connection, mail_out_id, MailOutState.SENDING, at=clock.now(), who="Jana")
        paused = {"at": clock.now(), "who": "Jana", "why": "paused by Jana"}
        mailouts.change(connection, mail_out_id, MailOutState.PAUSED, **paused)
    expect(told).to_have_attribute("data-told", f"{name}: paused by Jana (An appeal)")
    page.get_by_role("button", name="No more notices").click()
    expect(page.locator("#tell button:visible")).to_have_text(
        ["Tell me on this desktop what needs a yes, pauses or ends"]
    )


def test_page_that_was_asked_for_while_the_sending_ended_comes(site: Site, page: Page) -> None:
    with site.ledger.writing() as connection:
        mail_out_id = mailouts.create(
            connection, a_plan(4, appeal="asked"), at=clock.now(), who="Jana"
        )
        mailouts.change(connection, mail_out_id, MailOutState.SENDING, at=clock.now(), who="Jana")
    held: list[Route] = []
    page.route("**/outcomes", lambda route: held.append(route))  # noqa: PLW0108 - playwright takes no built-in
    with page.expect_request("**/stream?*"):
        page.goto(f"{site.base}/mail-outs/M-{mail_out_id:04d}")
    with page.expect_request("**/outcomes"):
        page.get_by_role("link", name="Outcomes", exact=True).click(no_wait_after=True)
    over: list[Request] = []
    for how in ("requestfinished", "requestfailed"):  # the page and the server both end it
        page.on(how, lambda request: over.append(request) if "/stream?" in request.url else None)  # type: ignore[call-overload]
    with site.ledger.writing() as connection:
        mailouts.change(connection, mail_out_id, MailOutState.PAUSED, at=clock.now(), who="Jana")
    while not over:
        page.wait_for_timeout(20)
    page.wait_for_timeout(
        500
    )  # time enough for a page that is loaded anew to call the other one off
    held[0].continue_()
    page.wait_for_url("**/outcomes")


def test_console_works_without_script(site: Site, chromium: Browser) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, site, "coordinator")
    page.goto(site.base + PAGES["outcomes"])
    page.get_by_label("Name, address, what was said, note").fill("person 2")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".found")).to_have_text("1 of 8 people")
    page.get_by_role("rowheader").get_by_role("link").click()
    page.get_by_label("Note", exact=True).fill("written without script")
    page.get_by_role("button", name="Write the note").click()
    expect(page.get_by_text("written without script")).to_be_visible()
    with site.ledger.writing() as connection:
        mail_out_id = mailouts.create(
            connection, a_plan(2, appeal="noscript"), at=clock.now(), who="Jana"
        )
        mailouts.change(connection, mail_out_id, MailOutState.SENDING, at=clock.now(), who="Jana")
    page.goto(f"{site.base}/mail-outs/M-{mail_out_id:04d}")
    assert 'http-equiv="refresh"' in page.content()
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".heading .phase")).to_have_text("paused")
    context.close()


TELEPHONE = {"width": 320, "height": 568}


def test_call_is_noted_in_two_taps_on_a_telephone(site: Site, stranger: Page) -> None:
    stranger.set_viewport_size(TELEPHONE)  # type: ignore[arg-type]
    sign_in(stranger, site, "coordinator")
    stranger.goto(f"{site.base}/letters/vote/board/member?who=FR:chloe+exemple")
    stranger.get_by_text("undecided", exact=True).click()
    button = stranger.get_by_role("button", name="Save: call")
    button.scroll_into_view_if_needed()
    for label in stranger.locator(".choices label, .sources button").all():
        box = label.bounding_box()
        assert box and box["height"] >= 44
        assert box["x"] >= 0 and box["x"] + box["width"] <= TELEPHONE["width"]
    button.click()
    expect(stranger.get_by_role("status")).to_have_text("Noted: Chloé Exemple.")
    expect(stranger.get_by_role("main")).to_contain_text("undecided")


def test_what_was_typed_survives_a_bad_line_and_counts_once(site: Site, stranger: Page) -> None:
    stranger.set_viewport_size(TELEPHONE)  # type: ignore[arg-type]
    sign_in(stranger, site, "coordinator")
    here = f"{site.base}/letters/vote/board/member?who=FR:jean+modele"
    stranger.goto(here)
    stranger.get_by_text("against", exact=True).click()
    stranger.get_by_label("What was said").fill("not before the budget")
    stranger.context.set_offline(True)
    stranger.get_by_role("button", name="Save: meeting").click()
    expect(stranger.get_by_role("alert")).to_contain_text("What you typed is kept here")
    stranger.context.set_offline(False)
    stranger.reload()
    expect(stranger.get_by_label("What was said")).to_have_value("not before the budget")
    expect(stranger.get_by_label("against", exact=True)).to_be_checked()
    heard = []

    def answered_and_lost(route: Route) -> None:
        heard.append(route.fetch(max_redirects=0).status)  # it is on record, and nobody hears so
        route.abort()

    stranger.route("**/board/member", answered_and_lost, times=1)
    stranger.get_by_role("button", name="Save: meeting").click()
    expect(stranger.get_by_role("alert")).to_contain_text("What you typed is kept here")
    assert heard == [303]
    stranger.get_by_role("button", name="Save: meeting").click()
    expect(stranger.get_by_text("This was noted already: Jean Modèle.")).to_be_visible()
    stranger.goto(here)
    expect(stranger.locator(".notes > li")).to_have_count(1)
    expect(stranger.get_by_label("What was said")).to_have_value("")


def test_call_is_noted_without_script(site: Site, chromium: Browser) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, site, "coordinator")
    page.goto(f"{site.base}/letters/vote/board")
    page.get_by_label("Find a member").fill("beispiel")
    page.get_by_role("button", name="Find", exact=True).click()
    page.get_by_role("link", name="Jo Beispiel").click()
    page.get_by_label("will be absent").check()
    page.get_by_role("button", name="Save: reply").click()
    expect(page.get_by_role("main")).to_contain_text("will be absent")
    context.close()


def test_one_time_address_is_worth_nothing_the_second_time(site: Site, stranger: Page) -> None:
    stranger.goto(site.key)
    expect(stranger.get_by_role("alert")).to_contain_text("has been used")
