"""Facts about the console behind a server with TLS: the examples in docs/team work as they stand.

Skipped where nginx or Caddy is not installed; MAILER_TEST_NGINX and MAILER_TEST_CADDY name them
where they stand elsewhere.
"""

from __future__ import annotations

import contextlib
import html
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import trustme

from mailer.base import clock
from mailer.base.states import MailOutState
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from tests.conftest import a_plan
from tests.helpers.children import Child
from tests.helpers.consoles import workspace

TEAM = Path(__file__).parents[2] / "docs" / "team"
PASSWORD = "velvet anchor gravel sixty umbrella"
NGINX = os.environ.get("MAILER_TEST_NGINX") or shutil.which("nginx", path="/usr/sbin:/usr/bin")
CADDY = os.environ.get("MAILER_TEST_CADDY") or shutil.which("caddy")
AROUND_NGINX = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr;
{user}
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/1;
    proxy_temp_path {folder}/2;
    fastcgi_temp_path {folder}/3;
    uwsgi_temp_path {folder}/4;
    scgi_temp_path {folder}/5;
{example}
}}
"""


@dataclass
class Team:
    """A workspace, and the address at which its console is reached over TLS."""

    root: Path
    base: str
    plain: str  # the address without TLS
    trusted: ssl.SSLContext

    def browser(self) -> httpx.Client:
        return httpx.Client(base_url=self.base, verify=self.trusted, timeout=20)

    def typed(self, *words: str) -> dict[str, str]:
        command = [sys.executable, "-m", "mailer", "-C", str(self.root), "--json", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found: dict[str, str] = json.loads(done.stdout)
        return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def nginx(folder: Path, ports: tuple[int, int, int], cert: str, key: str) -> list[str]:
    """Write the example down for these ports and this certificate; return the command."""
    tls, plain, console = ports
    text = (TEAM / "nginx.conf").read_text(encoding="utf-8")
    for what, by in (
        ("listen 443 ssl", f"listen 127.0.0.1:{tls} ssl"),
        ("listen 80", f"listen 127.0.0.1:{plain}"),
        ("server_name mailer.rights.example", "server_name localhost"),
        ("/etc/letsencrypt/live/mailer.rights.example/fullchain.pem", cert),
        ("/etc/letsencrypt/live/mailer.rights.example/privkey.pem", key),
        ("127.0.0.1:8025", f"127.0.0.1:{console}"),
    ):
        assert what in text
        text = text.replace(what, by)
    user = "user root;" if os.getuid() == 0 else ""
    written = AROUND_NGINX.format(folder=folder, user=user, example=text)
    (folder / "nginx.conf").write_text(written, encoding="utf-8")
    return [str(NGINX), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]


def caddy(folder: Path, ports: tuple[int, int, int], cert: str, key: str) -> list[str]:
    tls, _, console = ports
    text = (TEAM / "Caddyfile").read_text(encoding="utf-8")
    for what, by in (
        ("\nmailer.rights.example {", f"\nhttps://localhost:{tls} {{\n\ttls {cert} {key}"),
        ("127.0.0.1:8025", f"127.0.0.1:{console}"),
    ):
        assert what in text
        text = text.replace(what, by)
    (folder / "Caddyfile").write_text(
        "{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + text, encoding="utf-8"
    )
    return [str(CADDY), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


def answers(port: int) -> None:
    """Wait until somebody listens there."""
    end = time.monotonic() + 20
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert time.monotonic() < end, "the server in front did not begin"
        time.sleep(0.05)


@pytest.fixture(
    params=[
        pytest.param(nginx, marks=pytest.mark.skipif(NGINX is None, reason="nginx is not here")),
        pytest.param(caddy, marks=pytest.mark.skipif(CADDY is None, reason="Caddy is not here")),
    ],
    ids=["nginx", "caddy"],
)
def team(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Team]:
    folder, root = tmp_path / "front", tmp_path / "workspace"
    folder.mkdir()
    root.mkdir()
    workspace(root)
    (root / "state").mkdir()
    ours = trustme.CA()
    issued = ours.issue_cert("localhost")
    cert, key = folder / "cert.pem", folder / "key.pem"
    issued.private_key_pem.write_to_path(str(key))
    for blob in issued.cert_chain_pems:
        blob.write_to_path(str(cert), append=True)
    trusted = ssl.create_default_context()
    ours.configure_trust(trusted)
    tls, plain, port = free_port(), free_port(), free_port()
    base = f"https://localhost:{tls}"
    with (root / "config.toml").open("a", encoding="utf-8") as file:
        file.write(f'[console]\naddress = "{base}"\n')
    console = [sys.executable, "-m", "mailer", "-C", str(root), "console", "--no-open"]
    command = request.param(folder, (tls, plain, port), str(cert), str(key))
    home = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    with contextlib.ExitStack() as stack:
        for words, env in (([*console, "--port", str(port)], None), (command, home)):
            child = Child(words, env=env)
            stack.callback(child.wait, 10)
            stack.callback(child.terminate)
        answers(port)
        answers(tls)
        yield Team(root, base, f"http://localhost:{plain}", trusted)


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


def test_strangers_are_told_apart_by_the_server_in_front(team: Team) -> None:
    """Whoever writes an address of their own into X-Forwarded-For is counted all the same."""
    with team.browser() as browser:
        let_in(team, browser)
    with team.browser() as stranger:
        said = []
        for number in range(7):
            data = {"_token": token_on(stranger.get("/sign-in")), "name": "x", "password": "y"}
            headers = {"origin": team.base, "x-forwarded-for": f"192.0.2.{number}"}
            said.append(stranger.post("/sign-in", data=data, headers=headers).status_code)
    assert said[-1] == 429


def test_who_comes_without_tls_is_led_to_it(team: Team, request: pytest.FixtureRequest) -> None:
    if "caddy" in request.node.name:
        pytest.skip("Caddy does that by itself, on port 80")
    answer = httpx.get(team.plain + "/mail-outs")
    assert (answer.status_code, answer.headers["location"]) == (301, "https://localhost/mail-outs")


def test_compose_file_starts_commands_that_there_are() -> None:
    text = (TEAM / "compose.yaml").read_text(encoding="utf-8")
    commands = [
        json.loads(found) for found in re.findall(r"^ +command: (\[.*\])$", text, re.MULTILINE)
    ]
    assert [words[0] for words in commands] == ["console", "work"]
    for words in commands:
        command = [sys.executable, "-m", "mailer", *words, "--help"]
        assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert 'network_mode: "service:proxy"' in text, "the console listens on 127.0.0.1 alone"
    for line in re.findall(r"POSTGRES_PASSWORD: .*|PGPASSWORD: .*", text):
        assert "${DATABASE_PASSWORD:?" in line, "no password stands in it"
