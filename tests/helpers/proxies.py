"""A team's console behind a real server with TLS: nginx or Caddy as docs/team has them, with a
certificate of our own, each a process on loopback.

MAILER_TEST_NGINX and MAILER_TEST_CADDY name them where they stand elsewhere.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import trustme

from tests.helpers.children import Child

TEAM = Path(__file__).parents[2] / "docs" / "team"
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
    direct: str  # the console itself, past the server in front
    trusted: ssl.SSLContext
    console: Child[bytes] | None = None

    def browser(self, at: str = "127.0.0.1") -> httpx.Client:
        """Return somebody at another address of loopback."""
        way = httpx.HTTPTransport(local_address=at, verify=self.trusted)
        return httpx.Client(base_url=self.base, transport=way, timeout=20)

    def begin(self) -> None:
        """Start the console, as docs/team says."""
        port = self.direct.rpartition(":")[2]
        words = ["-C", str(self.root), "console", "--no-open", "--port", port]
        self.console = Child([sys.executable, "-m", "mailer", *words])
        answers(int(port))

    def end(self) -> None:
        """End it, as a service manager does."""
        assert self.console is not None
        self.console.terminate()
        self.console.wait(10)

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
        (
            "\nmailer.rights.example {",
            f"\nhttps://localhost:{tls} {{\n\tbind 127.0.0.1\n\ttls {cert} {key}",
        ),
        ("127.0.0.1:8025", f"127.0.0.1:{console}"),
    ):
        assert what in text
        text = text.replace(what, by)
    (folder / "Caddyfile").write_text(
        "{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + text, encoding="utf-8"
    )
    return [str(CADDY), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


def composes() -> list[str]:
    """Return the command that reads a compose file; empty where there is none."""
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    if shutil.which("docker"):
        words = ["docker", "compose"]
        there = subprocess.run([*words, "version"], capture_output=True, check=False)
        return words if there.returncode == 0 else []
    return []


def answers(port: int) -> None:
    """Wait until somebody listens there."""
    end = time.monotonic() + 20
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert time.monotonic() < end, "the server in front did not begin"
        time.sleep(0.05)


Front = Callable[[Path, tuple[int, int, int], str, str], list[str]]


@contextlib.contextmanager
def behind(front: Front, root: Path, folder: Path) -> Iterator[Team]:
    """Run a workspace's console behind a server with TLS."""
    folder.mkdir()
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
    command = front(folder, (tls, plain, port), str(cert), str(key))
    home = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    team = Team(root, base, f"http://localhost:{plain}", f"http://127.0.0.1:{port}", trusted)
    server = Child(command, env=home)
    try:
        team.begin()
        answers(tls)
        yield team
        team.end()
    finally:
        if team.console:
            team.console.end()
        server.terminate()
        server.wait(10)
