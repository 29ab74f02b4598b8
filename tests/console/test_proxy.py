"""Facts about the console behind a server with TLS: the examples in docs/team work as they stand.

Skipped where nginx or Caddy is not installed.
"""

from __future__ import annotations

import contextlib
import html
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from mailer.base import clock
from mailer.base.states import MailOutState
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from tests.conftest import a_plan
from tests.helpers.children import Child
from tests.helpers.consoles import workspace
from tests.helpers.proxies import CADDY, NGINX, TEAM, Team, answers, behind, caddy, composes, nginx
from tests.helpers.workspaces import edit

PASSWORD = "velvet anchor gravel sixty umbrella"


@pytest.fixture(
    params=[
        pytest.param(nginx, marks=pytest.mark.skipif(NGINX is None, reason="nginx is not here")),
        pytest.param(caddy, marks=pytest.mark.skipif(CADDY is None, reason="Caddy is not here")),
    ],
    ids=["nginx", "caddy"],
)
def team(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Team]:
    root = tmp_path / "workspace"
    root.mkdir()
    workspace(root)
    (root / "state").mkdir()
    with behind(request.param, root, tmp_path / "front") as made:
        yield made


def token_on(page: httpx.Response) -> str:
    found = re.search(r'name="_token" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def let_in(team: Team, browser: httpx.Client, name: str = "Marta", role: str = "admin") -> None:
    """Make an account in the terminal, follow its link over TLS, and be signed in."""
    link = team.typed("account", "add", name, "--role", role)["url"]
    assert link.startswith(team.base + "/join?key=")
    page = browser.get(link)
    key = html.unescape(link.rpartition("=")[2])
    data = {"_token": token_on(page), "key": key, "password": PASSWORD, "again": PASSWORD}
    answer = browser.post("/join", data=data, headers={"origin": team.base})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert answer.headers["set-cookie"].startswith("__Host-mailer=")
    assert "secure" in answer.headers["set-cookie"].lower()


def test_team_gets_in_over_tls_and_plans(team: Team) -> None:
    with team.browser() as browser:
        let_in(team, browser)
        start = browser.get("/")
        assert start.status_code == 200
        assert start.headers["strict-transport-security"]
        data = {"_token": token_on(start)}
        planned = browser.post("/letters/vote/send", data=data, headers={"origin": team.base})
        assert planned.headers["location"] == "/mail-outs/M-0001/send"
        forged = browser.post(
            "/letters/vote/send", data=data, headers={"origin": "https://evil.example"}
        )
        assert forged.status_code == 403
        assert browser.get("/", headers={"host": "evil.example"}).status_code in (421, 200, 404)
        assert "M-0001" not in browser.get("/", headers={"host": "evil.example"}).text


def test_live_view_comes_through_as_it_goes(team: Team) -> None:
    with Ledger(f"sqlite:///{team.root / 'state' / 'ledger.db'}") as ledger:
        with ledger.writing() as connection:
            mailouts.create(connection, a_plan(3), at=clock.now(), who="Jana")
            mailouts.change(connection, 1, MailOutState.SENDING, at=clock.now(), who="Jana")
        with team.browser() as browser:
            let_in(team, browser)
            with browser.stream("GET", "/mail-outs/M-0001/stream?was=sending") as stream:
                lines = stream.iter_lines()
                assert next(lines) == "event: now"
                assert "event: at" in lines
                assert "event: at" in lines  # and again: nothing waits for the end
                with ledger.writing() as connection:
                    paused = MailOutState.PAUSED
                    mailouts.change(connection, 1, paused, at=clock.now(), who="Jana")
                assert "event: over" in lines


@pytest.mark.skipif(sys.platform != "linux", reason="one loopback has many addresses on Linux")
def test_strangers_are_told_apart_by_the_server_in_front(team: Team) -> None:
    """Whoever writes an address of their own into X-Forwarded-For is counted all the same; and who
    guesses elsewhere keeps nobody out.
    """
    with team.browser() as browser:
        let_in(team, browser)

    def guesses(at: str, times: int) -> list[int]:
        with team.browser(at) as stranger:
            data = {"_token": token_on(stranger.get("/sign-in")), "name": "x", "password": "y"}
            forged = [
                {"origin": team.base, "x-forwarded-for": f"192.0.2.{number}"}
                for number in range(times)
            ]
            return [stranger.post("/sign-in", data=data, headers=one).status_code for one in forged]

    assert guesses("127.0.0.2", 7) == [403] * 5 + [429] * 2
    assert guesses("127.0.0.3", 1) == [403]


def test_what_a_stranger_writes_into_headers_is_not_believed(team: Team) -> None:
    """Neither through the server in front nor past it."""
    forged = {
        "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "http",
        "x-forwarded-prefix": "/evil",
        "forwarded": "for=192.0.2.1;host=evil.example;proto=http",
        "x-original-url": "/people",
        "x-rewrite-url": "/people",
    }
    with team.browser() as browser:
        let_in(team, browser)
        cookie = "; ".join(f"{one.name}={one.value}" for one in browser.cookies.jar)
        page = browser.get("/own", headers=forged)
        data = {"_token": token_on(page), "name": "Eva", "role": "viewer"}
        made = browser.post("/people", data=data, headers=forged | {"origin": team.base})
        assert f"{team.base}/join?key=" in made.text
        assert "evil.example" not in made.text
    with team.browser() as stranger:
        led = stranger.get("/", headers=forged)
        assert led.headers["location"] == "/sign-in"
    for host in ("evil.example", team.direct.removeprefix("http://"), "localhost"):
        straight = httpx.get(team.direct + "/own", headers={"cookie": cookie, "host": host})
        assert (straight.status_code, "does not go by that name" in straight.text) == (421, True)


def test_who_comes_without_tls_is_led_to_it(team: Team, request: pytest.FixtureRequest) -> None:
    if "caddy" in request.node.name:
        pytest.skip("Caddy does that by itself, on port 80")
    answer = httpx.get(team.plain + "/mail-outs")
    assert (answer.status_code, answer.headers["location"]) == (301, "https://localhost/mail-outs")


# ----------------------------------------------------------------------------- the compose file

COMPOSE = (TEAM / "compose.yaml").read_text(encoding="utf-8")
COMMANDS = [json.loads(one) for one in re.findall(r"^ +command: (\[.*\])$", COMPOSE, re.MULTILINE)]


def test_compose_file_says_what_it_needs_and_keeps_the_console_to_its_proxy() -> None:
    assert COMMANDS == [["console", "--no-open"], ["work", "--service"]]
    assert 'network_mode: "service:proxy"' in COMPOSE, "the console listens on 127.0.0.1 alone"
    for line in re.findall(r"POSTGRES_PASSWORD: .*|PGPASSWORD: .*", COMPOSE):
        assert "${DATABASE_PASSWORD:?" in line, "no password stands in it"


@pytest.mark.skipif(not (COMPOSES := composes()), reason="Docker Compose is not here")
def test_compose_file_is_one(tmp_path: Path) -> None:
    command = [*COMPOSES, "-f", str(TEAM / "compose.yaml"), "config"]
    named = {"WORKSPACE": str(tmp_path), "DATABASE_PASSWORD": "not a real one"}
    path = {"PATH": os.environ["PATH"]}
    whole = subprocess.run(command, env=path | named, capture_output=True, text=True, check=False)
    assert whole.returncode == 0, whole.stderr
    assert f"{tmp_path}:/workspace" in whole.stdout or f"source: {tmp_path}" in whole.stdout
    for one in named:
        less = {name: value for name, value in named.items() if name != one}
        refused = subprocess.run(
            command, env=path | less, capture_output=True, text=True, check=False
        )
        assert (refused.returncode != 0, one in refused.stderr or "choose" in refused.stderr) == (
            True,
            True,
        )


def test_commands_of_the_compose_file_run_as_they_stand(ledger_url: str, tmp_path: Path) -> None:
    """In the workspace's folder, with the image's variables alone, and no home."""
    if ledger_url.startswith("sqlite"):
        pytest.skip("the compose file has PostgreSQL")
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", 8025), 1):
        pytest.skip("port 8025 of this computer is somebody else's")
    root = tmp_path / "workspace"
    root.mkdir()
    workspace(root)
    edit(root / "config.toml", "state/ledger.db", ledger_url)
    with (root / "config.toml").open("a", encoding="utf-8") as file:
        file.write('[console]\naddress = "https://mailer.rights.example"\n')
    (entry,) = re.findall(
        r"^ENTRYPOINT \[\"(.*)\"\]$",
        (TEAM / "Dockerfile").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    mailer = str(Path(sys.executable).with_name(entry))
    env = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PGPASSWORD": "x", "HOME": "/home/nobody"}
    console, sender = (
        Child([mailer, *words], cwd=root, env=env, stderr=subprocess.PIPE) for words in COMMANDS
    )
    with console, sender:
        try:
            answers(8025)
            host = {"host": "mailer.rights.example"}
            page = httpx.get("http://127.0.0.1:8025/sign-in", headers=host)
            assert "mailer account add NAME --role admin" in page.text
            added = subprocess.run(
                [mailer, "account", "add", "Marta", "--role", "admin"],
                cwd=root,
                env=env,
                capture_output=True,
                text=True,
                check=True,
            )
            link = re.search(r"https://mailer\.rights\.example(/join\?key=\S+)", added.stdout)
            assert link, added.stdout
            joined = httpx.get("http://127.0.0.1:8025" + link[1], headers=host)
            assert "Welcome, Marta" in joined.text
            assert sender.stderr
            assert b"sends what is approved and due" in sender.stderr.readline()
        finally:
            for one in (console, sender):
                one.terminate()
        for one in (console, sender):
            assert one.wait(20) == 0
