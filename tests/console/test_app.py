"""Facts about the console: who gets in, who may do what, what a browser is told, and that nothing
changes by itself.
"""

from __future__ import annotations

import csv
import html
import io
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import openpyxl
import pytest
import sqlalchemy as sa
from httpx import Cookies

from mailer.actions.team.rights import ROLES
from mailer.base.delegations import Delegations
from mailer.base.states import MailOutState, Reason, State
from mailer.console import child
from mailer.console.access.middleware import MOST_BYTES
from mailer.console.app import PAGES, Page
from mailer.console.language.translation import Translation
from mailer.console.request import Console
from mailer.console.tiles import tiles
from mailer.console.views.live import tile_map
from mailer.ledger import accounts, events, mailouts
from mailer.ledger.events import EventKind
from mailer.ledger.guard.senders import sender
from mailer.ledger.ledger import Ledger
from mailer.ledger.moves import shares
from mailer.ledger.reading import deliveries as queries
from mailer.ledger.schema import account, delivery, event, journal, mail_out
from mailer.plan.plan import Planned
from tests.conftest import SettableClock, a_contact
from tests.helpers.children import Child
from tests.helpers.consoles import (
    HERE,
    PASSWORD,
    Browser,
    a_browser,
    a_console,
    as_role,
    sign_in,
    signed_in,
    workspace,
)
from tests.helpers.journeys import Journey
from tests.report.conftest import journey

__all__ = ["journey"]  # the fixture: one delivery in each state

FILLED = {
    "{mail_out}": "M-0001",
    "{number:int}": "1",
    "{kind:str}": "csv",
    "{appeal}": "vote",
    "{language}": "en",
    "{sheet}": "all.csv",
    "{row:int}": "2",
    "{drop}": "0" * 16,
}


@pytest.fixture
def console(tmp_path: Path, ledger: Ledger, journey: Journey) -> Console:
    journey.become(MailOutState.PAUSED)  # the stream of a mail-out that runs would not end
    return a_console(workspace(tmp_path), ledger)


@pytest.fixture
def owner(console: Console) -> Browser:
    return signed_in(console)


def address_of(page: Page) -> str:
    path = page.path
    for part, value in FILLED.items():
        path = path.replace(part, value)
    return path


def everything(ledger: Ledger, console: Console | None = None) -> list[object]:
    """Return what must not change: all but the journal, which tells of the visits; and the files of
    the workspace.
    """
    files = sorted(console.cache.root.rglob("*")) if console else []
    with ledger.reading() as connection:
        rows = [
            connection.execute(sa.select(table)).all()
            for table in (mail_out, delivery, event, account)
        ]
    return [
        *rows,
        [
            (path, path.read_bytes())
            for path in files
            if path.is_file() and "ledger.db" not in path.name
        ],
    ]


GETS = [page for page in PAGES if page.get and page.path != "/tell"]  # it does not end
POSTS = [page for page in PAGES if page.post]


# --------------------------------------------------------------------------------- roles and rights

RIGHTS = {
    "viewer": {"look"},
    "editor": {"look", "work", "edit", "write"},
    "approver": {"look", "positions", "work", "approve"},
    "operator": {"look", "positions", "work", "write", "send"},
    "admin": {"look", "positions", "work", "edit", "write", "approve", "send", "rule"},
}
NEEDED = {
    "/inbox/sort": "work",
    "/people": "rule",
    "/mail-outs/{mail_out}/name": "work",
    "/mail-outs/{mail_out}/note": "work",
    "/letters/{appeal}/board/member": "positions",
    "/letters/{appeal}/board/clear": "positions",
    "/mail-outs/{mail_out}/drafts": "send",
    "/mail-outs/{mail_out}/pause": "send",
    "/mail-outs/{mail_out}/resume": "send",
    "/mail-outs/{mail_out}/stop": "send",
    "/mail-outs/{mail_out}/send": "send",
    "/mail-outs/{mail_out}/retry": "send",
    "/mail-outs/{mail_out}/approve": "approve",
    "/mail-outs/{mail_out}/schedule": "send",
    "/mail-outs/{mail_out}/people/{number:int}/settle": "send",
    "/mail-outs/{mail_out}/people/{number:int}/note": "work",
    "/mail-outs/{mail_out}/people/{number:int}/done": "work",
    "/mail-outs/{mail_out}/people/{number:int}/hold": "work",
    "/mail-outs/{mail_out}/people/{number:int}/assign": "work",
    "/stop-everything": "send",
    "/allow-again": "send",
    "/order": "send",
    "/held": "rule",
    "/held/forget": "rule",
    "/language": "look",
    "/sign-out": "look",
    "/mail-outs/{mail_out}/people/{number:int}/resend": "send",
    "/letters": "write",
    "/letters/{appeal}/languages": "write",
    "/letters/{appeal}/about": "write",
    "/letters/{appeal}/audience": "write",
    "/letters/{appeal}/files": "write",
    "/letters/{appeal}/files/remove": "write",
    "/letters/{appeal}/files/strip": "write",
    "/letters/{appeal}/sign": "approve",
    "/letters/{appeal}/write/{language}": "write",
    "/letters/{appeal}/write/{language}/remove": "write",
    "/letters/{appeal}/accept": "approve",
    "/letters/{appeal}/rehearse": "send",
    "/letters/{appeal}/send": "send",
    "/contacts": "edit",
    "/contacts/votes": "edit",
    "/contacts/hold-list": "work",
    "/contacts/hold-list/release": "edit",
    "/contacts/dropped/{drop}": "edit",
    "/contacts/dropped/{drop}/marked": "edit",
    "/contacts/dropped/{drop}/throw-away": "edit",
    "/contacts/dropped/{drop}/newer": "edit",
    "/contacts/{sheet}/marked": "edit",
    "/contacts/{sheet}/take-back": "edit",
    "/contacts/{sheet}/rows/{row:int}": "edit",
    "/people/close": "rule",
    "/people/link": "rule",
    "/people/role": "rule",
    "/own/password": "look",
    "/own/second": "look",
}
LOOKING = {
    "/people": "rule",
    "/journal": "rule",
    "/held": "rule",
    "/contacts/dropped/{drop}": "edit",
    "/contacts/votes": "edit",
    "/board": "positions",
    "/letters/{appeal}/board": "positions",
    "/letters/{appeal}/board/members": "positions",
    "/letters/{appeal}/board/member": "positions",
}
"""What a form needs, written down a second time on purpose: a slip in the table of pages shows
here.
"""


def test_roles_are_what_they_are_said_to_be() -> None:
    assert {role: set(rights) for role, rights in ROLES.items()} == RIGHTS


@pytest.mark.parametrize("page", POSTS, ids=lambda page: page.path)
def test_form_needs_the_right_that_it_should(page: Page) -> None:
    assert page.act == NEEDED[page.path]


@pytest.mark.parametrize("page", GETS, ids=lambda page: page.path)
def test_page_needs_the_right_that_it_should(page: Page) -> None:
    assert page.look == LOOKING.get(page.path, "look")


@pytest.mark.parametrize("role", ROLES)
def test_every_page_opens_for_those_who_may_and_for_nobody_else(
    console: Console, role: str
) -> None:
    browser = as_role(console, role)
    for page in GETS:
        expected = page.look in RIGHTS[role]
        answer = browser.get(address_of(page))
        assert (answer.status_code != 403) is expected, f"{role} {page.path}: {answer.status_code}"
        assert answer.status_code in ((200, 303, 404) if expected else (403,)), (
            f"{page.path}: {answer.text[:500]}"
        )


@pytest.mark.parametrize("role", ROLES)
def test_forms_change_nothing_for_those_who_may_not(
    console: Console, ledger: Ledger, role: str
) -> None:
    browser = as_role(console, role)
    before = everything(ledger, console)
    for page in POSTS:
        if page.act not in RIGHTS[role]:
            assert browser.post(address_of(page)).status_code == 403, page.path
    assert everything(ledger, console) == before


@pytest.mark.parametrize(
    "page",
    [page for page in POSTS if not page.path.endswith(("resume", "rehearse"))],
    ids=lambda page: page.path,
)
def test_form_is_not_refused_for_those_who_may(console: Console, page: Page) -> None:
    answer = signed_in(console).post(address_of(page))
    assert answer.status_code not in (401, 403, 405, 500), answer.text[:500]


def test_role_that_nobody_knows_may_do_nothing(console: Console, ledger: Ledger) -> None:
    browser = as_role(console, "viewer")
    for session in console.sessions._sessions.values():
        session.role = "emperor"
    assert browser.get("/").status_code == 403


# -------------------------------------------------------------------------------- forged and astray


@pytest.mark.parametrize("page", POSTS, ids=lambda page: page.path)
def test_forged_form_is_refused_and_changes_nothing(
    console: Console, ledger: Ledger, page: Page
) -> None:
    owner, path = signed_in(console), address_of(page)
    token = owner.token
    before = everything(ledger, console)
    for data, headers in (
        ({}, {"origin": HERE}),  # no token
        ({"_token": "x" * 32}, {"origin": HERE}),
        ({"_token": token}, {"origin": "https://evil.example"}),
        ({"_token": token}, {"origin": "null"}),
        ({"_token": token}, {"origin": HERE, "sec-fetch-site": "cross-site"}),
        ({"_token": token}, {"sec-fetch-site": "same-site"}),
        ({"_token": token}, {}),  # no browser that says nothing about itself
    ):
        assert owner.client.post(path, data=data, headers=headers).status_code == 403, (
            data,
            headers,
        )
    assert a_browser(console).client.post(path, headers={"origin": HERE}).status_code == 401
    if page.get is None:
        assert owner.get(path).status_code == 405
    assert everything(ledger, console) == before


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8025", "127.0.0.1:9999", ""])
def test_console_answers_to_its_own_name_only(owner: Browser, host: str) -> None:
    assert owner.get("/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize(
    "path", ["/", "/sign-in", "/nowhere", "/static/console.css", "/mail-outs/M-0001/outcomes.csv"]
)
def test_browser_is_told_to_load_nothing_from_elsewhere(owner: Browser, path: str) -> None:
    headers = owner.get(path).headers
    policy = headers["content-security-policy"]
    for rule in (
        "default-src 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
        "base-uri 'none'",
    ):
        assert rule in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "no-store" in headers["cache-control"]


def test_pages_have_no_script_or_style_of_their_own(owner: Browser) -> None:
    for page in GETS:
        text = owner.get(address_of(page)).text
        if text.startswith("<!doctype html>"):
            assert " style=" not in text, page.path
            assert " onclick=" not in text
            assert "<script>" not in text
            assert 'src="http' not in text


def test_request_of_more_than_twenty_megabytes_is_refused(owner: Browser) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(MOST_BYTES // 65536 + 2):
            yield b"x" * 65536

    headers = {"origin": HERE, "content-type": "application/x-www-form-urlencoded"}
    assert owner.client.post("/language", content=endless(), headers=headers).status_code in (
        400,
        413,
    )
    headers["content-length"] = str(MOST_BYTES + 1)
    assert owner.client.post("/language", content=b"", headers=headers).status_code == 413


def test_mistake_of_ours_is_a_page_with_all_its_headers(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = signed_in(console)
    strict = a_browser(console, raise_server_exceptions=False)
    strict.client.cookies = browser.client.cookies
    monkeypatch.setattr("mailer.console.views.mail_outs.lines", lambda *_: 1 / 0)
    answer = strict.get("/mail-outs")
    assert answer.status_code == 500
    assert "mistake in the mailer" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "ZeroDivisionError" not in answer.text


# --------------------------------------------------------------------------------------- signing in


def test_one_time_key_opens_the_console_once(console: Console) -> None:
    key = console.sessions.new_key()
    answer = a_browser(console).get(f"/sign-in?key={key}")
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    again = a_browser(console).get(f"/sign-in?key={key}")
    assert "has been used" in again.text
    assert "set-cookie" not in again.headers


def test_one_time_key_is_good_for_ten_minutes(console: Console, clock: SettableClock) -> None:
    key = console.sessions.new_key()
    clock.forward(minutes=11)
    assert "set-cookie" not in a_browser(console).get(f"/sign-in?key={key}").headers


def test_key_in_the_address_of_the_start_page_works_too(console: Console) -> None:
    answer = a_browser(console).get(f"/?key={console.sessions.new_key()}")
    assert answer.headers["location"].startswith("/sign-in?key=")


def test_page_leads_strangers_to_the_door(console: Console) -> None:
    """A view is an address: a colleague who opens it must find the same rows behind the door."""
    browser = as_role(console, "viewer")
    browser.post("/sign-out")
    answer = browser.get("/mail-outs/M-0001/outcomes?state=refused&q=berg")
    assert answer.status_code == 303
    assert (
        answer.headers["location"]
        == "/sign-in?next=%2Fmail-outs%2FM-0001%2Foutcomes%3Fstate%3Drefused%26q%3Dberg"
    )
    door = browser.get(answer.headers["location"]).text
    assert 'name="next" value="/mail-outs/M-0001/outcomes?state=refused&amp;q=berg"' in door


def test_link_from_elsewhere_opens_for_those_who_are_signed_in(owner: Browser) -> None:
    """A strict cookie stays behind on a link from a chat; the page in between takes it along."""
    asked = {"sec-fetch-site": "cross-site"}
    cookies, owner.client.cookies = owner.client.cookies, Cookies()
    between = owner.get("/mail-outs/M-0001/outcomes?state=refused", headers=asked)
    owner.client.cookies = cookies
    assert between.status_code == 200
    (door,) = re.findall(r'url=([^"]+)', between.text)
    assert (
        owner.get(html.unescape(door)).headers["location"]
        == "/mail-outs/M-0001/outcomes?state=refused"
    )


def test_form_that_comes_after_the_end_of_the_sign_in_says_so_and_leads_back(
    console: Console, ledger: Ledger
) -> None:
    owner = as_role(console, "editor")
    note, page = "/mail-outs/M-0001/people/1/note", "/mail-outs/M-0001/people/1"
    token = owner.token
    owner.post("/sign-out")
    before = everything(ledger)
    sent = {"origin": HERE, "referer": HERE + page}
    answer = owner.client.post(note, data={"_token": token, "text": "x"}, headers=sent)
    assert answer.status_code == 401
    assert "Your sign-in had ended, and nothing was changed" in answer.text
    assert f'name="next" value="{page}"' in answer.text
    elsewhere = owner.client.post(note, headers={"referer": "https://evil.example/"}).text
    assert 'name="next" value="/"' in elsewhere
    part = owner.get("/mail-outs/M-0001/outcomes", headers={"hx-request": "true"} | sent)
    assert (part.status_code, part.headers["hx-redirect"]) == (
        401,
        "/sign-in?next=%2Fmail-outs%2FM-0001%2Fpeople%2F1",
    )
    assert everything(ledger) == before


def test_mistake_in_a_form_leads_back_to_it(owner: Browser) -> None:
    page = "/mail-outs/M-0001/people/1"
    headers = {"origin": HERE, "referer": HERE + page}
    answer = owner.client.post(
        f"{page}/note", data={"_token": owner.token, "text": ""}, headers=headers
    )
    assert answer.status_code == 400
    assert f'<a href="{page}">Back to the page before</a>' in answer.text


def test_account_signs_in_with_its_password_and_not_with_another(console: Console) -> None:
    as_role(console, "viewer")
    browser = a_browser(console)
    assert sign_in(browser, "viewer", "some other password").status_code == 403
    assert sign_in(browser, "nobody", PASSWORD).status_code == 403
    assert sign_in(browser, "viewer", PASSWORD, origin="https://evil.example").status_code == 403
    assert sign_in(browser, "viewer", PASSWORD).status_code == 303


@pytest.mark.parametrize("what", [{"password": "new"}, {"role": "editor"}])
def test_sign_ins_end_when_password_or_role_changes(
    console: Console, ledger: Ledger, clock: SettableClock, what: dict[str, str]
) -> None:
    browser = as_role(console, "viewer")
    assert browser.get("/").status_code == 200
    clock.forward(seconds=1)
    with ledger.writing() as connection:
        one = accounts.find(connection, "viewer")
        assert one
        accounts.change(connection, "viewer", at=clock(), **what)
    assert browser.get("/").status_code == 303


def test_sign_in_ends_after_a_quarter_of_an_hour_without_a_visit_and_after_eight_hours(
    console: Console, clock: SettableClock
) -> None:
    away = signed_in(console)
    idle, busy, owner = as_role(console, "viewer"), as_role(console, "viewer"), signed_in(console)
    clock.forward(minutes=14)
    assert busy.get("/help").status_code == 200
    clock.forward(minutes=14)
    assert idle.get("/help").status_code == 303
    assert away.get("/help").status_code == 303, "the owner's sign-in ends as everybody's does"
    for _ in range(33):
        assert busy.get("/help").status_code == 200
        clock.forward(minutes=14)
    assert busy.get("/help").status_code == 303
    assert owner.get("/help").status_code == 303


@pytest.mark.parametrize(
    ("path", "fields", "after"),
    [
        ("/mail-outs/M-0001/pause", {}, MailOutState.PAUSED),
        ("/mail-outs/M-0001/stop", {"sure": "yes"}, MailOutState.STOPPED),
    ],
)
def test_whoever_was_away_can_pause_and_stop_for_a_working_day_and_do_nothing_else(
    console: Console,
    ledger: Ledger,
    journey: Journey,
    clock: SettableClock,
    path: str,
    fields: dict[str, str],
    after: MailOutState,
) -> None:
    journey.become(MailOutState.SENDING)
    browser = as_role(console, "operator")
    data = {"_token": browser.token}
    clock.forward(hours=9)
    note = browser.client.post(
        "/mail-outs/M-0001/people/1/note", data=data | {"text": "x"}, headers={"origin": HERE}
    )
    assert note.status_code == 401
    answer = browser.client.post(path, data=data | fields, headers={"origin": HERE})
    with ledger.reading() as connection:
        assert mailouts.get(connection, journey.id).state is after
    door = browser.get(browser.get(answer.headers["location"]).headers["location"]).text
    assert "Nothing more is handed over." in door, "what was done is said at the door"
    assert sign_in(browser, "operator", PASSWORD).status_code == 303
    assert browser.token == data["_token"], "pages that are open go on"
    clock.forward(hours=13)
    journey.become(MailOutState.SENDING) if after is MailOutState.PAUSED else None
    late = browser.client.post(path, data=data | fields, headers={"origin": HERE})
    assert late.status_code == 401
    assert "letters go on" in late.text


def test_kill_switch_needs_no_fresh_sign_in(console: Console, clock: SettableClock) -> None:
    browser = as_role(console, "operator")
    data = {"_token": browser.token}
    clock.forward(minutes=16)
    browser.client.post("/stop-everything", data=data, headers={"origin": HERE})
    assert console.cache.workspace().kill_switch.exists()
    allowed = browser.client.post("/allow-again", data=data, headers={"origin": HERE})
    assert allowed.status_code == 401
    assert console.cache.workspace().kill_switch.exists()


def test_watching_counts_as_being_there(console: Console, clock: SettableClock) -> None:
    browser = as_role(console, "operator")
    (session,) = console.sessions._sessions.values()
    for _ in range(4):
        clock.forward(minutes=14)
        assert console.sessions.watches(session)
    assert browser.get("/help").status_code == 200
    browser.post("/sign-out")
    assert not console.sessions.watches(session), "the stream ends with the sign-in"


def test_stopping_for_good_asks_once(owner: Browser, ledger: Ledger, journey: Journey) -> None:
    journey.become(MailOutState.SENDING)
    assert owner.post("/mail-outs/M-0001/stop").status_code == 400
    with ledger.reading() as connection:
        assert mailouts.get(connection, journey.id).state is MailOutState.SENDING


def test_pause_does_not_wait_for_whoever_reads_a_long_sheet(
    console: Console, owner: Browser, journey: Journey
) -> None:
    journey.become(MailOutState.SENDING)
    with console.cache._reading, console.cache._drafting:  # as while a sheet is read
        assert owner.post("/mail-outs/M-0001/pause").status_code == 303
        assert owner.get("/mail-outs/M-0001").status_code == 200


def test_sign_out_ends_the_session(owner: Browser) -> None:
    owner.post("/sign-out")
    assert owner.get("/").status_code == 303


def test_after_signing_in_nobody_is_led_to_another_site(console: Console) -> None:
    as_role(console, "viewer")
    assert 'value="/"' in a_browser(console).get("/sign-in?next=//evil.example").text
    assert 'value="/"' in a_browser(console).get("/sign-in?next=/%5Cevil.example").text


def test_behind_a_server_with_tls_the_cookie_is_for_tls_alone_and_the_key_opens_nothing(
    tmp_path: Path, ledger: Ledger
) -> None:
    console = a_console(workspace(tmp_path), ledger)
    console.https = True
    key = console.sessions.new_key()
    assert "set-cookie" not in a_browser(console).get(f"/sign-in?key={key}").headers
    browser = as_role(console, "viewer")
    assert [cookie.name for cookie in browser.client.cookies.jar] == ["__Host-mailer"]
    assert all(cookie.secure for cookie in browser.client.cookies.jar)


# -------------------------------------------------------------------------------- what is on record


def test_who_opens_a_letter_is_on_record_once_in_ten_minutes(
    owner: Browser, ledger: Ledger, journey: Journey, clock: SettableClock
) -> None:
    for path in ("letter", "letter.html", "letter.eml"):
        assert owner.get(f"/mail-outs/M-0001/people/1/{path}").status_code == 200
    clock.forward(minutes=11)
    owner.get("/mail-outs/M-0001/people/1/letter")
    with ledger.reading() as connection:
        opened = [
            m
            for m in queries.timeline(connection, journey.one(1).id)
            if m.kind is EventKind.LETTER_OPENED
        ]
    assert [m.who for m in opened] == ["jana", "jana"]


def test_list_and_timeline_do_not_count_as_opening_a_letter(owner: Browser, ledger: Ledger) -> None:
    before = everything(ledger)
    for path in (
        "/",
        "/mail-outs/M-0001",
        "/mail-outs/M-0001/outcomes",
        "/mail-outs/M-0001/people/1",
    ):
        assert owner.get(path).status_code == 200
    assert everything(ledger) == before


def test_letter_stands_in_a_frame_without_script_or_network(owner: Browser) -> None:
    page = owner.get("/mail-outs/M-0001/people/1/letter").text
    assert "hello" in page
    policy = owner.get("/mail-outs/M-0001/people/1/letter.html").headers["content-security-policy"]
    assert policy.endswith("sandbox")
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'self'" in policy


def test_unknown_is_settled_by_a_named_person_with_a_reason(
    owner: Browser, journey: Journey, ledger: Ledger
) -> None:
    unknown = next(number for number in range(1, 9) if journey.one(number).state is State.UNKNOWN)
    path = f"/mail-outs/M-0001/people/{unknown}/settle"
    assert owner.post(path, to="accepted").status_code == 400  # without a reason
    assert journey.one(unknown).state is State.UNKNOWN
    assert owner.post(path, to="accepted", because="she answered").status_code == 303
    with ledger.reading() as connection:
        last = queries.timeline(connection, journey.one(unknown).id)[-1]
    assert (last.kind, last.who, last.detail) == ("accepted", "jana", "she answered")
    assert owner.post(path, to="not_sent", because="changed my mind").status_code == 409


def test_note_and_done_stand_in_the_timeline_and_in_the_follow_up(
    owner: Browser, journey: Journey
) -> None:
    owner.post("/mail-outs/M-0001/people/1/note", text="called <b>the office</b>")
    owner.post("/mail-outs/M-0001/people/1/done", next="/mail-outs/M-0001/follow-up")
    page = owner.get("/mail-outs/M-0001/people/1").text
    assert "called &lt;b&gt;the office&lt;/b&gt;" in page
    assert "Follow-up done by jana" in page
    assert "✓ jana" in owner.get("/mail-outs/M-0001/follow-up").text


@pytest.mark.parametrize(
    ("asked", "language"), [("de-AT,en;q=0.5", "de"), ("fr", "fr"), ("mt", "en")]
)
def test_door_speaks_the_language_of_the_browser_and_offers_the_others(
    console: Console, owner: Browser, asked: str, language: str
) -> None:
    page = a_browser(console).get("/sign-in", headers={"accept-language": asked}).text
    assert f'<html lang="{language}">' in page
    account = owner.get("/own").text
    assert all(name in account for name in ("Deutsch", "English", "Français"))


def test_follow_up_and_call_sheet_go_by_the_names_of_the_delegations(owner: Browser) -> None:
    """By codes, Switzerland (CH) would stand before Albania (AL) in nobody's alphabet."""
    for language, names in (
        ("en", ["France", "Norway", "Ukraine"]),
        ("fr", ["France", "Norvège", "Ukraine"]),
        ("de", ["Frankreich", "Norwegen", "Ukraine"]),
    ):
        owner.post("/language", language=language)
        call_sheet = owner.get("/mail-outs/M-0001/call-sheet").text
        assert re.findall(r"<h2>(\w+)</h2>", call_sheet) == names
        follow_up = owner.get("/mail-outs/M-0001/follow-up").text
        assert re.findall(r'scope="rowgroup">(\w+) ', follow_up) == names[:2]


def test_call_sheet_of_the_follow_up_has_exactly_its_people(owner: Browser) -> None:
    """Also those who were given up: nobody is lost between the screen and the telephone."""
    pages = [owner.get(f"/mail-outs/M-0001/follow-up{more}").text for more in ("", "/call-sheet")]
    first, second = (sorted(set(re.findall(r"Person \d+ Példás", page))) for page in pages)
    assert first == second == ["Person 1 Példás", "Person 3 Példás", "Person 6 Példás"]


@pytest.mark.parametrize("number", range(1, 7))
def test_letter_says_whether_it_will_ever_have_a_date(
    owner: Browser, journey: Journey, number: int
) -> None:
    one, page = journey.one(number), owner.get(f"/mail-outs/M-0001/people/{number}/letter").text
    assert ("not been handed over yet" in page) is (
        one.dated_at is None and one.state is State.DEFERRED
    )
    assert ("never handed over" in page) is (
        one.dated_at is None and one.state in (State.REFUSED, State.NOT_SENT)
    )


def test_delegations_that_the_mail_out_was_never_for_are_not_among_the_worst(
    owner: Browser, planned: Callable[..., int]
) -> None:
    """In test mode nearly everybody is left out by our own choice: nobody is lost by it."""
    left = [
        ("TR", Reason.TEST_MODE), ("TR", Reason.TEST_MODE), ("AZ", Reason.DELEGATION),
        ("NO", Reason.NO_ADDRESS), ("FI", Reason.TEST_MODE), ("FI", Reason.NO_ADDRESS),
    ]  # fmt: skip
    deliveries = tuple(
        Planned(replace(a_contact(n), delegation=code), n, 0, "en", False, reason, "")
        for n, (code, reason) in enumerate(left, 1)
    )
    planned(deliveries=deliveries)
    page = owner.get("/mail-outs/M-0002/delegations").text
    rows = re.findall(
        r'delegation=(\w\w)">[^<]+</a> <span class="quiet">.*?class="num heat (\w*)">([^<]+)<',
        page,
        re.DOTALL,
    )
    assert rows == [
        ("AZ", "", "–"),
        ("FI", "", "–"),
        ("NO", "s0", "0 of 10 · 0 %"),
        ("TR", "", "–"),
    ]


def test_held_person_stands_on_the_hold_list_with_who_and_why(
    owner: Browser, console: Console
) -> None:
    assert (
        owner.post(
            "/mail-outs/M-0001/people/2/hold", because="asked not to be written to"
        ).status_code
        == 303
    )
    (entry,) = console.cache.people()[2]
    assert (entry.because, entry.by) == ("asked not to be written to", "jana")
    assert "On the hold list" in owner.get("/mail-outs/M-0001/people/2").text
    assert owner.post("/mail-outs/M-0001/people/2/hold", because="again").status_code == 409


def test_kill_switch_is_set_and_taken_away_with_who(
    owner: Browser, console: Console, ledger: Ledger
) -> None:
    stop = console.cache.workspace().kill_switch
    owner.post("/stop-everything")
    assert stop.exists()
    assert "Everything is stopped." in owner.get("/mail-outs").text
    owner.post("/allow-again")
    assert not stop.exists()
    with ledger.reading() as connection:
        deeds = [(deed.kind, deed.who) for deed in accounts.deeds(connection)]
    assert deeds[:2] == [("sending_allowed_again", "jana"), ("everything_stopped", "jana")]


def test_stop_is_on_record_with_who(owner: Browser, ledger: Ledger, journey: Journey) -> None:
    journey.become(MailOutState.SENDING)
    assert owner.post("/mail-outs/M-0001/pause").status_code == 303
    with ledger.reading() as connection:
        assert mailouts.get(connection, journey.id).state is MailOutState.PAUSED
    assert owner.post("/mail-outs/M-0001/stop", sure="yes").status_code == 303
    with ledger.reading() as connection:
        after = mailouts.get(connection, journey.id)
        last = connection.execute(sa.select(event).where(event.c.delivery_id.is_(None))).all()[-1]
    assert (after.state, after.why) == (MailOutState.STOPPED, "stopped by jana")
    assert (last.kind, last.who) == ("stopped", "jana")


# ------------------------------------------------------------------------- a mail-out tells itself


def test_mail_out_tells_its_story_in_its_head(
    owner: Browser, ledger: Ledger, journey: Journey
) -> None:
    """Who planned, began, paused and ended it stands above, however much has happened since."""
    owner.post("/language", language="fr")
    journey.become(MailOutState.SENDING)
    owner.post("/mail-outs/M-0001/pause")
    owner.post("/mail-outs/M-0001/stop", sure="yes")
    page = owner.get("/mail-outs/M-0001").text
    story = re.search(r'<details class="history".*?</details>', page, re.DOTALL)
    assert story
    said = re.findall(r"</time> (.*?)</li>", story[0])
    assert said[0] == "planifié par Jana"
    assert said[-2:] == ["mis en pause par jana", "arrêté par jana"]
    assert "arrêté par jana" in page.partition('<details class="history')[0]
    assert "durée" in story[0]


@pytest.mark.parametrize(
    ("query", "before", "after"),
    [("", "2", "4"), ("?state=unknown&state=refused", "1", ""), ("?sort=-number", "4", "2")],
)
def test_previous_and_next_go_through_the_list_that_led_here(
    owner: Browser, query: str, before: str, after: str
) -> None:
    page = owner.get(f"/mail-outs/M-0001/people/3{query}").text
    for rel, number in (("prev", before), ("next", after)):
        found = re.search(rf'rel="{rel}" href="/mail-outs/M-0001/people/(\d+)([^"]*)"', page)
        assert (found[1] if found else "") == number
        assert not found or html.unescape(found[2]) == query
    assert f"/people/1{query.replace('&', '&amp;')}" in (
        owner.get(f"/mail-outs/M-0001/outcomes{query}").text
    )


def test_follow_up_has_owner_day_and_note_on_the_page_and_in_every_export(owner: Browser) -> None:
    assert owner.post("/mail-outs/M-0001/people/1/assign", due="tomorrow").status_code == 400
    assert owner.post("/mail-outs/M-0001/people/1/assign").status_code == 400
    owner.post("/mail-outs/M-0001/people/1/assign", owner="Marta", due="2027-01-10")
    owner.post("/mail-outs/M-0001/people/1/note", text="ask the clerk")
    owner.post("/mail-outs/M-0001/people/1/done")
    page = owner.get("/mail-outs/M-0001/follow-up").text
    assert "Marta" in page and "until 10 Jan 2027" in page
    assert "follow-up for Marta, until 10 Jan 2027" in owner.get("/mail-outs/M-0001/people/1").text
    (line,) = [
        json.loads(one)
        for one in owner.get("/mail-outs/M-0001/follow-up.json").text.splitlines()
        if "owner" in one
    ]
    wanted = {"owner": "Marta", "due": "2027-01-10", "last_note": "ask the clerk"}
    assert wanted.items() <= line.items() and line["done_by"] == "jana"
    rows = csv.DictReader(io.StringIO(owner.get("/mail-outs/M-0001/follow-up.csv").text[1:]))
    assert [row["Owner"] for row in rows if row["Owner"]] == ["Marta"]


def test_files_are_in_the_language_of_whoever_takes_them_along(owner: Browser) -> None:
    owner.post("/language", language="fr")
    text = owner.get("/mail-outs/M-0001/outcomes.csv").content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert (rows[0]["Résultat"], rows[0]["Raison"]) == ("refusé", "boîte inexistante")
    assert "Depuis (UTC)" in rows[0], "the zone is named there, too"
    assert rows[0]["Pays"] == "Norvège"
    book = openpyxl.load_workbook(io.BytesIO(owner.get("/mail-outs/M-0001/outcomes.xlsx").content))
    assert book.sheetnames == ["Totaux", "Personnes"]
    line = json.loads(owner.get("/mail-outs/M-0001/outcomes.json").text.splitlines()[0])
    assert line["state"] == "refused", "programs read this one"


def test_telephone_and_note_of_the_sheets_stand_in_call_sheets_and_exports(
    owner: Browser, console: Console
) -> None:
    (console.cache.root / "contacts" / "all.csv").write_text(
        "delegation,name,email,note,Tel. (office)\n"
        "NO,Person 1 Példás,person1@no.parliament.example,prefers mornings,+47 22 00 00 01\n",
        encoding="utf-8",
    )
    calls = owner.get("/mail-outs/M-0001/call-sheet").text
    assert "+47 22 00 00 01" in calls and "prefers mornings" in calls
    (line, *_) = owner.get("/mail-outs/M-0001/outcomes.json").text.splitlines()
    assert json.loads(line)["telephone"] == "+47 22 00 00 01"
    assert "Note in the sheet" in owner.get("/mail-outs/M-0001/outcomes.csv").text


# ------------------------------------------------------------------------------ what is shown is so


def far(browser: Browser) -> str:
    found = re.search(
        r'<ul class="far facts">(.*?)</ul>', browser.get("/mail-outs/M-0001").text, re.DOTALL
    )
    assert found
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split())


def test_stopped_mail_out_does_not_count_whom_nobody_wrote_to(
    owner: Browser, journey: Journey
) -> None:
    before = far(owner)
    owner.post("/mail-outs/M-0001/stop", sure="yes")
    assert far(owner) == before == "4 of 6"  # one waits, and one was given up


def test_rate_is_of_letters_begun_and_no_minute_shows_more_than_the_limit(
    console: Console, owner: Browser, ledger: Ledger, planned: Callable[..., int]
) -> None:
    """Answers come in bunches: of five seconds with four answers it said 45 a minute."""
    clock = ledger.now
    assert isinstance(clock, SettableClock)
    slow = Journey(ledger, planned(10, appeal="slow"), clock)
    slow.become(MailOutState.SENDING)
    for _ in range(4):
        clock.forward(seconds=20)
        (_one,) = slow.claim()
    clock.forward(seconds=20)
    page = owner.get(f"/mail-outs/M-{slow.id:04d}").text
    assert "3 in the last minute" in page
    assert "(the limit is 60)" in page


def test_page_says_what_a_sending_waits_for_while_all_of_its_senders_wait(
    owner: Browser, ledger: Ledger, journey: Journey
) -> None:
    journey.become(MailOutState.SENDING)
    until = ledger.now() + timedelta(minutes=1)
    said = (
        f"The server asked to slow down. Going on: {Translation('en').moment(until, seconds=True)}."
    )
    with sender(ledger) as one, sender(ledger) as two:
        for name, waits in ((one, True), (two, False)):
            with ledger.writing() as connection:
                shares.take(ledger, connection, journey.id, name, limit=2, used=1)
                ends = until if waits else ledger.now()
                shares.wait(connection, journey.id, name, "slow_down", 0, ends)
            assert (said in owner.get("/mail-outs/M-0001/now").text) is waits


def test_finished_mail_out_is_not_starting_while_its_sender_still_cleans_up(
    console: Console, owner: Browser, ledger: Ledger, journey: Journey
) -> None:
    lingers = Child([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    child._running[console.cache.workspace().root, journey.id] = lingers
    try:
        with ledger.writing() as connection:
            events.write(
                connection, EventKind.ASKED_TO_SEND, journey.id, at=ledger.now(), who="jana"
            )
        assert "starting" in far(owner)
        journey.become(MailOutState.SENDING)
        journey.become(MailOutState.PAUSED)
        assert "starting" not in far(owner)
    finally:
        del child._running[console.cache.workspace().root, journey.id]
        lingers.communicate(b"\n", 10)


def test_moving_part_says_when_it_was_true_and_whether_its_page_is_out_of_date(
    owner: Browser, journey: Journey
) -> None:
    answer = owner.get("/mail-outs/M-0001/now?was=paused")
    assert re.fullmatch(r"\d\d:\d\d:\d\d \S+", answer.headers["x-as-of"])
    assert "x-anew" not in answer.headers
    assert "x-anew" in owner.get("/mail-outs/M-0001/now?was=sending").headers


def test_times_name_their_zone(owner: Browser) -> None:
    zone = datetime.now().astimezone().tzname()
    assert re.search(rf"2027, \d\d:\d\d {zone}<", owner.get("/mail-outs/M-0001/outcomes").text)


# ------------------------------------------------------------------------------------- the outcomes


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", [1, 2, 3, 4, 5, 6, 7, 8]),
        ("state=refused&state=unknown", [1, 3]),
        ("delegation=NO", [1, 4, 7]),
        ("state=skipped&delegation=NO", [7]),
        ("reason=no_such_mailbox", [1]),
        ("needs=a_person", [1, 3, 6]),
        ("needs=a_person&state=refused&delegation=NO", [1]),
        ("language=fr", []),
        ("role=representative&q=person+2", [2]),
        ("q=PELDAS+4", [4]),
        ("q=person5%40", [5]),
        ("q=100%25_", []),
        ("q=NO+such+user+peldas", [1]),  # what the server said, and the name
        ("q=broke+answer", [3]),
        ("day=2027-01-20&state=accepted", [2, 4]),
        ("day=2027-01-21", []),
        ("sort=-name&state=skipped", [8, 7]),
    ],
)
def test_address_bar_chooses_the_rows_and_the_export_has_exactly_them(
    owner: Browser, query: str, numbers: list[int]
) -> None:
    for at in ("", "&after=1"):  # what is on one page is counted there
        page = owner.get(f"/mail-outs/M-0001/outcomes?{query}{at}").text
        assert f"<strong>{len(numbers)}</strong> of 8 people" in page
    rows = list(
        csv.DictReader(
            io.StringIO(
                owner.get(f"/mail-outs/M-0001/outcomes.csv?{query}").content.decode("utf-8-sig")
            )
        )
    )
    assert [int(row["Delivery"].rpartition("-")[2]) for row in rows] == numbers
    lines = owner.get(f"/mail-outs/M-0001/outcomes.json?{query}").text.splitlines()
    assert [int(json.loads(line)["delivery"].rpartition("-")[2]) for line in lines] == numbers
    book = openpyxl.load_workbook(
        io.BytesIO(owner.get(f"/mail-outs/M-0001/outcomes.xlsx?{query}").content)
    )
    assert book["People"].max_row == len(numbers) + 1


def test_notes_are_searched_too(owner: Browser) -> None:
    owner.post("/mail-outs/M-0001/people/4/note", text="Call her office à Genève in January")
    for words, numbers in (
        ("january", ["4"]),
        ("Genève office", ["4"]),
        ("genève person5", []),
        ("%", []),
    ):
        page = owner.get("/mail-outs/M-0001/outcomes", params={"q": words}).text
        assert re.findall(r'class="num quiet">(\d+)<', page) == numbers, words


def test_export_is_on_record(owner: Browser, ledger: Ledger) -> None:
    owner.get("/mail-outs/M-0001/outcomes.csv?state=refused")
    with ledger.reading() as connection:
        (last,) = connection.execute(sa.select(journal).where(journal.c.kind == "exported")).all()
    assert (last.who, last.detail) == ("jana", "M-0001, 1 rows, csv")


@pytest.mark.parametrize(
    "sort",
    ["number", "-number", "name", "-name", "delegation", "-delegation", "changed", "-changed"],
)
def test_pages_show_everybody_once_in_every_order(
    ledger: Ledger, planned: Callable[..., int], sort: str, clock: SettableClock
) -> None:
    from mailer.ledger.reading import listing as outcomes

    mail_out_id = planned(23)
    journey = Journey(ledger, mail_out_id, clock)
    for _ in range(4):
        clock.forward(seconds=3)
        journey.claim(2)
    with ledger.reading() as connection:
        whole = [
            one.number
            for one in outcomes.every(connection, mail_out_id, outcomes.Wanted(), sort=sort)
        ]
        forward: list[int] = []
        after = None
        while True:
            page = outcomes.page(
                connection, mail_out_id, outcomes.Wanted(), sort=sort, after=after, limit=5
            )
            forward += [one.number for one in page.rows]
            after = page.rows[-1].number
            if not page.after:
                break
        back: list[int] = []
        before = whole[-1]
        while True:
            page = outcomes.page(
                connection, mail_out_id, outcomes.Wanted(), sort=sort, before=before, limit=5
            )
            back = [one.number for one in page.rows] + back
            before = page.rows[0].number
            if not page.before:
                break
    assert sorted(whole) == list(range(1, 24))
    assert forward == whole
    assert back == whole[:-1]


def test_map_shows_refused_waiting_and_came_back_as_different_things() -> None:
    counts = dict.fromkeys(State, 0) | {
        State.ACCEPTED: 6, State.REFUSED: 1, State.DEFERRED: 1, State.UNKNOWN: 1,
        State.NOT_SENT: 1, State.SKIPPED: 3,
    }  # fmt: skip
    (norway,) = (one for one in tile_map({"NO": counts}, {"NO": 2}) if one.tile.code == "NO")
    assert (norway.whole, norway.accepted, norway.back) == (10, 6, 2)
    assert [(name, round(at, 1), round(long, 1)) for name, at, long in norway.strip] == [
        ("refused", 0.0, 0.1), ("back", 0.1, 0.2), ("unknown", 0.3, 0.1), ("waiting", 0.4, 0.1),
        ("not_sent", 0.5, 0.1),
    ]  # fmt: skip
    (malta,) = (one for one in tile_map({"NO": counts}, {}) if one.tile.code == "MT")
    assert (malta.whole, malta.strip) == (0, [])


def test_tiles_show_the_46_delegations_once_each() -> None:
    assert sorted(tile.code for tile in tiles()) == sorted(
        one.code for one in Delegations.load().members
    )
    assert max(tile.column for tile in tiles()) == 10
    assert max(tile.row for tile in tiles()) == 8


def test_what_a_server_said_cannot_become_part_of_a_page(owner: Browser) -> None:
    page = owner.get("/mail-outs/M-0001/people/1").text  # its server spoke of \x1b[31m
    assert "\x1b" not in page
    assert "no such user" in page


@pytest.mark.parametrize(
    "path", ["/mail-outs/M-0099", "/mail-outs/nonsense", "/mail-outs/M-0001/people/99", "/nowhere"]
)
def test_what_is_not_there_is_said_in_words(owner: Browser, path: str) -> None:
    answer = owner.get(path)
    assert answer.status_code == 404
    assert "There is a problem" in answer.text
