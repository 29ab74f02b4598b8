"""Facts about a team: who gets in and by what, that strangers neither guess nor keep others out,
and that half requests hold nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import html
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pyotp
import pytest
import uvicorn
from argon2 import PasswordHasher
from click.testing import CliRunner
from httpx import Response

from mailer.actions.team import credentials
from mailer.base.errors import UsageError
from mailer.base.settings.workspace import load_workspace
from mailer.base.states import MailOutState
from mailer.cli import cli
from mailer.console import serve
from mailer.console.access import line, sessions
from mailer.console.access.sessions import BrowserSessions
from mailer.console.app import application
from mailer.console.request import Console
from mailer.ledger import accounts, mailouts
from mailer.ledger.ledger import Ledger
from tests.conftest import SettableClock
from tests.helpers.children import Child
from tests.helpers.consoles import (
    HERE,
    HOST,
    PASSWORD,
    QUICK,
    Browser,
    Client,
    a_browser,
    a_console,
    as_role,
    sign_in,
    signed_in,
    workspace,
)
from tests.helpers.workspaces import edit

NEW = "velvet anchor gravel sixty umbrella"


@pytest.fixture
def console(tmp_path: Path, sqlite_ledger: Ledger) -> Console:
    return a_console(workspace(tmp_path), sqlite_ledger)


@pytest.fixture
def owner(console: Console) -> Browser:
    return signed_in(console)


def typed(console: Console, *words: str) -> list[dict[str, object]]:
    answer = CliRunner().invoke(cli, ["-C", str(console.cache.root), "--json", "account", *words])
    assert answer.exit_code == 0, answer.output
    return [json.loads(line) for line in answer.stdout.splitlines()]


def follow(console: Console, link: str, password: str = NEW, again: str | None = None) -> Response:
    """Open a one-time link, and set the password."""
    browser = a_browser(console)
    path = "/join" + link.partition("/join")[2]
    page = browser.get(path)
    found = re.search(r'name="_token" value="([^"]+)"', page.text)
    if page.status_code != 200 or not found:
        return page
    data = {"_token": found[1], "key": path.rpartition("=")[2], "password": password}
    return browser.client.post(
        "/join", data=data | {"again": again or password}, headers={"origin": HERE}
    )


def link_on(page: Response) -> str:
    found = re.search(r"<code>(http[^<]+/join\?key=[^<]+)</code>", page.text)
    assert found, page.text
    return html.unescape(found[1])


# --------------------------------------------------------------------------------------- getting in


def test_first_administrator_is_made_by_a_link_of_the_command_line_and_invites_the_others(
    console: Console, clock: SettableClock
) -> None:
    console.https, clock.at = True, datetime.now(UTC)  # as the command line has it
    assert "mailer account add NAME --role admin" in a_browser(console).get("/sign-in").text
    console.https = False  # this browser speaks no TLS
    (made,) = typed(console, "add", "Marta", "--role", "admin")
    assert follow(console, str(made["url"])).status_code == 303
    admin = a_browser(console)
    assert sign_in(admin, "Marta", NEW).status_code == 303
    link = link_on(admin.post("/people", name="Ola", role="viewer", organisation="Rights"))
    assert link not in admin.get("/people").text, "it is shown once"
    assert follow(console, link).status_code == 303
    assert follow(console, link).status_code == 410, "it is worth nothing the second time"
    assert sign_in(a_browser(console), "Ola", NEW).status_code == 303


def test_link_is_good_for_three_days_and_a_new_one_ends_it(
    console: Console, owner: Browser, clock: SettableClock
) -> None:
    first = link_on(owner.post("/people", name="Ola", role="viewer"))
    second = link_on(owner.post("/people/link", name="Ola"))
    assert follow(console, first).status_code == 410
    clock.forward(hours=73)
    assert follow(console, second).status_code == 410


@pytest.mark.parametrize("name", ["Marta", "marta", "  MARTA "])
def test_account_that_is_there_is_never_written_over(
    console: Console, owner: Browser, sqlite_ledger: Ledger, name: str
) -> None:
    assert follow(console, link_on(owner.post("/people", name="Marta", role="viewer"))).is_redirect
    answer = owner.post("/people", name=name, role="admin")
    assert (answer.status_code, "already" in answer.text) == (409, True)
    refused = CliRunner().invoke(
        cli, ["-C", str(console.cache.root), "account", "add", name, "--role", "admin"]
    )
    assert (refused.exit_code, "already" in refused.output) == (3, True)
    with sqlite_ledger.reading() as connection:
        (one,) = accounts.everyone(connection)
    assert one.role == "viewer"
    assert sign_in(a_browser(console), "Marta", NEW).status_code == 303


def test_last_administrator_does_not_go(console: Console) -> None:
    admin = as_role(console, "admin")
    for path, fields in (("/people/close", {}), ("/people/role", {"role": "viewer"})):
        answer = admin.post(path, name="admin", **fields)
        assert (answer.status_code, "last administrator" in answer.text) == (409, True)
    refused = CliRunner().invoke(cli, ["-C", str(console.cache.root), "account", "close", "admin"])
    assert (refused.exit_code, "last administrator" in refused.output) == (3, True)
    assert follow(console, link_on(admin.post("/people", name="Eva", role="admin"))).is_redirect
    assert admin.post("/people/close", name="admin").status_code == 303
    assert admin.get("/").status_code == 303, "her own sign-in ends with it"


def test_new_role_and_closed_account_end_the_sign_ins(console: Console, owner: Browser) -> None:
    viewer = as_role(console, "viewer")
    owner.post("/people/role", name="viewer", role="viewer")
    assert viewer.get("/").status_code == 200, "nothing was changed"
    owner.post("/people/role", name="viewer", role="operator")
    assert viewer.get("/").status_code == 303
    assert sign_in(viewer, "viewer", PASSWORD).status_code == 303
    owner.post("/people/close", name="viewer")
    assert viewer.get("/").status_code == 303
    assert sign_in(viewer, "viewer", PASSWORD).status_code == 403
    deeds = owner.get("/journal").text
    for deed in ("role changed", "account closed", "sign in failed", "viewer → operator"):
        assert deed in deeds


# ---------------------------------------------------------------------------------------- passwords


@pytest.mark.parametrize(
    "bad", ["short", "password1234", "qwertyuiop123", "aaaaaaaaaaaaaaaa", "Ola Example 12"]
)
def test_password_that_is_guessed_first_is_refused_and_the_link_stays_good(
    console: Console, owner: Browser, bad: str
) -> None:
    link = link_on(owner.post("/people", name="Ola Example", role="viewer"))
    assert follow(console, link, bad).status_code == 400
    assert follow(console, link, NEW, again="another one altogether").status_code == 400
    assert follow(console, link).status_code == 303


@pytest.mark.parametrize("good", [NEW, "kein Wort davon ist wahr", "x7!Kq0_vv2Pz", "ж" * 3 + NEW])
def test_long_password_needs_no_figures_or_signs(good: str) -> None:
    credentials.check(good, "Marta", "Rights")


def test_everyone_changes_their_own_password_with_the_old_one(console: Console) -> None:
    here, elsewhere = as_role(console, "viewer"), as_role(console, "viewer")
    wrong = here.post("/own/password", old="not it at all", password=NEW, again=NEW)
    assert wrong.status_code == 400
    assert here.post("/own/password", old=PASSWORD, password=NEW, again=NEW).status_code == 303
    assert here.get("/").status_code == 200
    assert elsewhere.get("/").status_code == 303
    assert sign_in(a_browser(console), "viewer", PASSWORD).status_code == 403
    assert sign_in(a_browser(console), "viewer", NEW).status_code == 303
    assert "no password to change" in signed_in(console).get("/own").text


# ---------------------------------------------------------------------- a console that begins anew


def started(console: Console, *, behind: str = "") -> Console:
    """The console of the same workspace and port, as the next process has it."""
    with serve.listen(0) as listener:
        made, _ = serve.console(
            console.cache.root, console.ledger, "jana", listener, lambda _: None, behind
        )
    file = console.cache.root / ".mailer" / "sign-ins-8025.json"
    made.sessions = BrowserSessions(
        console.ledger,
        now=console.ledger.now,
        hasher=QUICK,
        file=file,
        owner="" if behind else "jana",
    )
    made.address, made.origins = HERE, frozenset({HERE})
    made.https = bool(behind)
    return made


def gone_on(browser: Browser, console: Console) -> Browser:
    """The same browser, with its cookies and the pages that are open, at another process."""
    cookies = browser.client.cookies
    browser.client = Client(application(console, {HOST}))
    browser.client.cookies, browser.console = cookies, console
    return browser


def test_whoever_is_signed_in_goes_on_after_the_console_has_begun_anew(
    console: Console, clock: SettableClock
) -> None:
    first = started(console)
    ola, jana = as_role(first, "operator"), signed_in(first)
    ola.post("/language", language="fr")
    ola.post("/letters/vote/send")
    with console.ledger.writing() as connection:
        mailouts.change(connection, 1, MailOutState.SENDING, at=clock(), who="Ola")
    open_page = ola.token
    clock.forward(minutes=14)
    gone_on(ola, started(console))
    kept = console.cache.root / ".mailer" / "sign-ins-8025.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert not re.search("operator|jana", kept.read_text()), "it names nobody"
    assert all(value not in kept.read_text() for value in ola.client.cookies.values())
    data = {"_token": open_page}  # the form of a page that was loaded before
    paused = ola.client.post("/mail-outs/M-0001/pause", data=data, headers={"origin": HERE})
    assert paused.headers["location"] == "/mail-outs/M-0001"
    assert '<html lang="fr"' in ola.get("/mail-outs/M-0001").text
    assert gone_on(jana, ola.console).get("/people").status_code == 200
    assert "jana" in jana.get("/own").text


def test_what_ends_a_sign_in_ends_it_for_the_next_console_too(
    console: Console, clock: SettableClock
) -> None:
    first = started(console)
    out, changed, closed, idle, kept = (as_role(first, "viewer") for _ in range(5))
    other = as_role(first, "operator")
    out.post("/sign-out")
    second = started(console)
    assert gone_on(out, second).get("/").status_code == 303
    gone_on(changed, second).post("/own/password", old=PASSWORD, password=NEW, again=NEW)
    third = started(console)
    assert gone_on(changed, third).get("/").status_code == 200, "who has changed it goes on"
    assert gone_on(closed, third).get("/").status_code == 303
    clock.forward(minutes=16)
    assert gone_on(changed, started(console)).get("/").headers["location"].startswith("/sign-in")
    asleep = gone_on(other, started(console))
    assert asleep.get("/").status_code == 303
    clock.forward(hours=12)
    assert not started(console).sessions.find(next(iter(asleep.client.cookies.values())))
    assert {idle.get("/").status_code, kept.get("/").status_code} == {303}


def test_sign_out_everywhere(console: Console) -> None:
    first = started(console)
    here, elsewhere = as_role(first, "viewer"), as_role(first, "viewer")
    somebody = as_role(first, "operator")
    assert here.post("/sign-out", everywhere="yes").status_code == 303
    for at in (first, started(console)):
        assert gone_on(elsewhere, at).get("/").status_code == 303
        assert gone_on(somebody, at).get("/").status_code == 200


def test_one_time_address_of_before_opens_nothing_behind_a_server(console: Console) -> None:
    jana = signed_in(started(console))
    team = started(console, behind="https://mailer.rights.example")
    assert team.sessions.find(next(iter(jana.client.cookies.values()))) is None


@pytest.mark.parametrize("text", ["", "[", "{}", "[1]", '[{"key": "zz"}]', '[{"key": "00"}]'])
def test_file_of_sign_ins_that_is_none_signs_nobody_in(console: Console, text: str) -> None:
    path = console.cache.root / ".mailer" / "sign-ins-8025.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    assert as_role(started(console), "viewer").get("/").status_code == 200


def test_disk_that_takes_nothing_brings_nobody_back_who_has_signed_out(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = started(console)
    browser = as_role(first, "viewer")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(sessions, "put", full)
    browser.post("/sign-out")
    assert gone_on(browser, started(console)).get("/").status_code == 303


# ------------------------------------------------------------------------------------ second factor


def with_second_factor(browser: Browser, clock: SettableClock) -> tuple[str, list[str]]:
    page = browser.get("/own").text
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", page)
    assert secret and "data:image/svg+xml" in page
    code = pyotp.TOTP(secret[1]).at(clock())
    assert browser.post("/own/second", old=PASSWORD, code="000000").status_code == 400
    shown = browser.post("/own/second", old=PASSWORD, code=code)
    return secret[1], re.findall(r"<li><code>([^<]+)</code></li>", shown.text)


def sign_in_with(console: Console, code: str) -> int:
    browser = a_browser(console)
    found = re.search(r'name="_token" value="([^"]+)"', browser.get("/sign-in").text)
    assert found
    data = {"_token": found[1], "name": "viewer", "password": PASSWORD, "code": code}
    return browser.client.post("/sign-in", data=data, headers={"origin": HERE}).status_code


def test_second_factor_is_asked_for_and_each_code_is_good_once(
    console: Console, clock: SettableClock
) -> None:
    secret, codes = with_second_factor(as_role(console, "viewer"), clock)
    assert len(codes) == len(set(codes)) == 10
    assert sign_in_with(console, "") == 403
    assert sign_in_with(console, pyotp.TOTP(secret).at(clock())) == 403, "it was used to set it up"
    clock.forward(seconds=30)
    code = pyotp.TOTP(secret).at(clock())
    assert [sign_in_with(console, code), sign_in_with(console, code)] == [303, 403]
    clock.forward(seconds=61)
    assert [sign_in_with(console, codes[0]), sign_in_with(console, codes[0])] == [303, 403]
    with console.ledger.reading() as connection:
        kept = accounts.find(connection, "viewer")
    assert kept and not any(code in kept.recovery for code in codes)


def test_lost_telephone_is_forgotten_by_a_new_link_alone(
    console: Console, owner: Browser, clock: SettableClock
) -> None:
    with_second_factor(as_role(console, "viewer"), clock)
    kept = link_on(owner.post("/people/link", name="viewer"))
    assert follow(console, kept, PASSWORD).headers["location"] == "/sign-in"
    assert sign_in_with(console, "") == 403, "a link alone does not get past the second factor"
    lost = link_on(owner.post("/people/link", name="viewer", forget="yes"))
    follow(console, lost, PASSWORD)
    assert sign_in_with(console, "") == 303


def test_team_that_asks_for_a_second_factor_opens_nothing_without_one_but_pause_and_stop(
    console: Console, clock: SettableClock
) -> None:
    with (console.cache.root / "config.toml").open("a", encoding="utf-8") as file:
        file.write("[console]\nsecond_factor = true\n")
    browser = as_role(console, "operator")
    assert browser.get("/mail-outs").headers["location"] == "/own"
    token = re.search(r'name="_token" value="([^"]+)"', browser.get("/own").text)
    assert token
    stop = {"data": {"_token": token[1]}, "headers": {"origin": HERE}}
    assert browser.client.post("/stop-everything", **stop).headers["location"] == "/"
    assert console.cache.workspace().kill_switch.exists()
    assert browser.client.post("/allow-again", **stop).headers["location"] == "/own"
    with_second_factor(browser, clock)
    assert browser.get("/mail-outs").status_code == 200


# ---------------------------------------------------------------------------------------- strangers


class Counting(PasswordHasher):
    """Counts how many passwords are hashed, and how many at once."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8192, parallelism=1)
        self.guard, self.now, self.most, self.all = threading.Lock(), 0, 0, 0

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # noqa: A002
        with self.guard:
            self.now, self.all = self.now + 1, self.all + 1
            self.most = max(self.most, self.now)
        try:
            return super().verify(hash, password)
        finally:
            with self.guard:
                self.now -= 1


def storm(console: Console, places: list[str]) -> list[int]:
    """Post a wrong name and password from each of these places, all at once."""
    browser = a_browser(console)
    found = re.search(r'name="_token" value="([^"]+)"', browser.get("/sign-in").text)
    assert found

    async def ask() -> list[int]:
        transport = httpx.ASGITransport(application(console, {HOST}))
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
            posts = [
                client.post(
                    "/sign-in",
                    data={"_token": found[1], "name": f"nobody {n}", "password": "wrong"},
                    headers={"origin": HERE, "x-forwarded-for": f"203.0.113.250, {place}"},
                )
                for n, place in enumerate(places)
            ]
            return [answer.status_code for answer in await asyncio.gather(*posts)]

    return asyncio.run(ask())


def test_forty_guesses_at_once_are_counted_before_they_are_hashed(console: Console) -> None:
    as_role(console, "viewer")
    console.https, console.sessions.hasher = True, Counting()
    answers = storm(console, ["198.51.100.7"] * 40)
    assert sorted(answers) == [403] * 5 + [429] * 35
    assert console.sessions.hasher.all == 5


def test_at_most_two_passwords_of_strangers_are_hashed_at_once(console: Console) -> None:
    as_role(console, "viewer")
    console.https, console.sessions.hasher = True, Counting()
    answers = storm(console, [f"198.51.100.{n}" for n in range(40)])
    assert answers == [403] * 40
    assert console.sessions.hasher.most <= 2


def test_strangers_hold_up_nobody_but_their_own_place(
    console: Console, clock: SettableClock
) -> None:
    console.https = True
    as_role(console, "viewer")
    assert 429 in storm(console, ["2001:db8::1", "2001:db8::2"] * 30), "of IPv6 the network counts"
    browser = a_browser(console)
    assert sign_in(browser, "viewer", PASSWORD, **{"x-forwarded-for": "192.0.2.5"}).is_redirect
    for _ in range(6):
        last = sign_in(browser, "viewer", "wrong", **{"x-forwarded-for": "192.0.2.9"})
    assert last.status_code == 403 or "retry-after" in last.headers
    clock.forward(seconds=61)
    assert sign_in(browser, "viewer", PASSWORD, **{"x-forwarded-for": "2001:db8::1"}).is_redirect


# --------------------------------------------------------------------- on a computer that is shared


def test_key_stands_in_no_command_line_but_in_a_file_for_its_owner_alone(tmp_path: Path) -> None:
    with serve.way_in(tmp_path, "http://127.0.0.1:8025/sign-in?key=abc&x=1") as address:
        page = tmp_path / "open-console.html"
        assert address == page.as_uri()
        assert "abc" not in address
        assert "key=abc&amp;x=1" in page.read_text()
        assert page.stat().st_mode & 0o777 == 0o600
    assert not page.exists()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[int, str]]:
    """A console of its own process: its port, and its one-time address."""
    root = workspace(tmp_path)
    command = [sys.executable, "-m", "mailer", "-C", str(root), "console", "--no-open"]
    server = Child([*command, "--port", "0", "--json"], stdout=subprocess.PIPE, text=True)
    assert server.stdout
    try:
        key = json.loads(server.stdout.readline())["url"]
        yield int(re.search(r":(\d+)/", key)[1]), key  # type: ignore[index]
    finally:
        server.terminate()
        server.wait(10)
        server.stdout.close()


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_console_that_is_ended_leaves_no_key_behind(tmp_path: Path, by: signal.Signals) -> None:
    """Whether by a service manager or by Ctrl-C."""
    root = workspace(tmp_path)
    words = ["-m", "mailer", "-C", str(root), "console", "--open", "--port", "0", "--json"]
    server = Child(
        [sys.executable, *words],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "BROWSER": "true"},
    )
    with server:
        assert server.stdout
        server.stdout.readline()
        page = root / serve.WAY_IN
        while not page.exists():
            assert server.poll() is None
        port = re.search(r":(\d+)/", page.read_text())
        assert port
        while True:  # until it answers
            with contextlib.suppress(OSError):
                httpx.get(f"http://127.0.0.1:{port[1]}/sign-in")
                break
        server.send_signal(by)
        assert server.wait(20) == 0
    assert not page.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can ask as somebody else")
def test_other_user_of_this_computer_is_not_answered(running: tuple[int, str]) -> None:
    """Whoever gets hold of a key or a cookie, by a server on another port, cannot use it."""
    code = (
        "import sys,urllib.request,urllib.error\n"
        "try: print(urllib.request.urlopen(sys.argv[1]).status)\n"
        "except urllib.error.HTTPError as error: print(error.code, error.read().decode())\n"
    )
    _, key = running
    command = ["/usr/bin/python3", "-c", code, key]
    other = subprocess.run(command, capture_output=True, text=True, user=65534, check=True, cwd="/")
    assert other.stdout.startswith("403 This console is for another user")
    mine = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")
    assert mine.stdout.strip() == "200"


@pytest.mark.parametrize(
    "half",
    [b"", b"GET / HTTP/1.1\r\nHost: x", b"GET /sign-in HTTP/1.1\r\nHost: {host}\r\n\r\nGET /"],
)
def test_connection_that_sends_no_whole_headers_ends(
    console: Console, monkeypatch: pytest.MonkeyPatch, half: bytes
) -> None:
    monkeypatch.setattr(line, "HEADERS", 0.3)
    said = told(console, half.replace(b"{host}", HOST.encode()))
    assert (b"200 OK" in said) is (b"sign-in" in half)


def test_form_that_does_not_come_across_ends(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "PIECE", 0.3)
    head = f"POST /sign-in HTTP/1.1\r\nHost: {HOST}\r\nOrigin: {HERE}\r\nContent-Length: 900\r\n"
    head += "Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n\r\nname="
    said = told(console, head.encode())
    assert said.startswith(b"HTTP/1.1 408")


def told(console: Console, half: bytes) -> bytes:
    """Send half a request to the server itself; return all that it answers until it ends."""
    server = uvicorn.Server(serve.configured(console, {HOST}))
    with serve.listen(0) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            with socket.create_connection(listener.getsockname(), timeout=10) as peer:
                peer.sendall(half)
                return b"".join(iter(lambda: peer.recv(65536), b""))
        finally:
            server.should_exit = True
            thread.join(10)


# ---------------------------------------------------------------------------------------- four eyes


def asks(console: Console, lines: str) -> None:
    edit(console.cache.root / "config.toml", "[safety]", f"[safety]\n{lines}")


def joined(console: Console, by: Browser, name: str, role: str, organisation: str = "") -> Browser:
    """Let somebody in by a link that `by` makes."""
    answer = by.post("/people", name=name, role=role, organisation=organisation)
    assert follow(console, link_on(answer)).status_code == 303
    browser = a_browser(console)
    assert sign_in(browser, name, NEW).status_code == 303
    return browser


def approved(browser: Browser, mail_out: str = "M-0001") -> int:
    return browser.post(f"/mail-outs/{mail_out}/approve").status_code


def test_administrator_neither_approves_nor_sends_what_she_planned_by_no_second_account(
    console: Console, owner: Browser
) -> None:
    asks(console, "approvals = 1")
    marta, other = joined(console, owner, "Marta", "admin"), joined(console, owner, "Eva", "admin")
    second = joined(console, marta, "Marta's other one", "approver")
    marta.post("/letters/vote/send")
    assert "Approve…" in other.get("/mail-outs/M-0001").text
    assert approved(marta) == 409
    answer = second.post("/mail-outs/M-0001/approve")
    assert (answer.status_code, "might be" in answer.text) == (409, True)
    assert approved(owner) == 409, "the one-time address does not say who somebody is"
    relinked = link_on(other.post("/people/link", name="Marta's other one"))
    assert follow(console, relinked).status_code == 303
    assert approved(other) == 303
    assert "Type the number" not in marta.get("/mail-outs/M-0001/send").text
    refused = marta.post("/mail-outs/M-0001/send", number="3")
    assert refused.status_code == 409, refused.text
    assert "Type the number" in other.get("/mail-outs/M-0001/send").text


def test_what_was_asked_is_frozen_into_the_plan(console: Console, owner: Browser) -> None:
    asks(console, "approvals = 1")
    operator = joined(console, owner, "Ola", "operator")
    operator.post("/letters/vote/send")
    edit(console.cache.root / "config.toml", "approvals = 1", "approvals = 0")
    assert "Type the number" not in operator.get("/mail-outs/M-0001/send").text
    said = CliRunner().invoke(
        cli, ["-C", str(console.cache.root), "send", "M-0001", "--confirm", "3"]
    )
    assert (said.exit_code, "S208" in said.output or "S201" in said.output) == (3, True)


@pytest.mark.parametrize("way", ["config.local.toml", "MAILER_SAFETY_APPROVALS"])
def test_nobody_lowers_the_approvals_for_themselves(
    console: Console, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    asks(console, "approvals = 1")
    if way.startswith("MAILER"):
        monkeypatch.setenv(way, "0")
    else:
        (console.cache.root / way).write_text("[safety]\napprovals = 0\n", encoding="utf-8")
    with pytest.raises(UsageError) as refusal:
        load_workspace(console.cache.root)
    (wrong,) = refusal.value.problems
    assert (wrong.code, wrong.file, "config.toml alone" in wrong.message) == ("K105", way, True)


def test_two_approve_and_are_of_two_organisations(console: Console, owner: Browser) -> None:
    asks(console, "approvals = 2\norganisations = 2")
    planner = joined(console, owner, "Ola", "operator")
    first, same, other = (
        joined(console, owner, name, "approver", of)
        for name, of in (("A", "Rights"), ("B", "rights"), ("C", "Watch"))
    )
    planner.post("/letters/vote/send")
    assert approved(first) == 303
    assert "1 of 2 approvals" in first.get("/mail-outs/M-0001/send").text
    assert approved(first) == 409, "once"
    assert approved(same) == 303
    assert "of 1 of 2 organisations" in planner.get("/mail-outs/M-0001/send").text
    assert "Type the number" not in planner.get("/mail-outs/M-0001/send").text
    assert approved(other) == 303
    page = planner.get("/mail-outs/M-0001/send").text
    assert "Type the number" in page and "Approved by C" in page
