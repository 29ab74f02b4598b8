"""Helpers for tests of the console: a small workspace, a mail-out with one delivery in each state,
and browsers.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from argon2 import PasswordHasher
from httpx import Response
from starlette.types import ASGIApp

from mailer.console.access.sessions import BrowserSessions
from mailer.console.app import application
from mailer.console.request import Console, WorkspaceCache
from mailer.ledger import accounts
from mailer.ledger.ledger import Ledger

HOST = "127.0.0.1:8025"
HERE = f"http://{HOST}"
QUICK = PasswordHasher(
    time_cost=1, memory_cost=64, parallelism=1
)  # as argon2id as any, without the wait
PASSWORD = "a long sentence that is easy to keep"
CONFIG = """\
[sender]
from = "Jana Novák <jana@rights.example>"
organisation = "Rights"
postal_address = "1 Example Street"
[smtp]
host = "127.0.0.1"
port = 2525
security = "none"
[safety]
mode = "test"
allow = ["@no.parliament.example", "@fr.parliament.example"]
[contacts]
languages = { FR = "fr" }
[positions]
keep_until = 2099-12-31
[log]
database = "state/ledger.db"
"""
SHEET = """\
delegation,role,title,given name,surname,gender,email,language
NO,representative,,Anna,Berg,f,anna.berg@no.parliament.example,en
NO,substitute,,Ola,Nordmann,m,ola.nordmann@no.parliament.example,
FR,representative,,Chloé,Exemple,f,chloe.exemple@fr.parliament.example,fr
FR,substitute,,Jean,Modèle,m,,fr
DE,representative,,Jo,Beispiel,m,jo.beispiel@de.parliament.example,de
GB,representative,Lord,Peter,Sample,m,peter.sample at gb.parliament.example,en
"""
LETTERS = {
    "en.md": (
        "Subject: Please vote\nPreview: A request\n\n{{ greeting }}\n\nPlease vote, as a {{ role"
        " }}.\n"
    ),
    "fr.md": (
        "Subject: Votez\nPreview: Une demande\n\n{{ greeting }}\n\nMerci de voter, comme {{ role"
        " }}.\n"
    ),
    "appeal.toml": 'title = "A vote"\n[languages]\nfallback = ["en"]\n',
}


def workspace(root: Path) -> Path:
    """Write a small workspace: six people, three of whom can be written to in test mode."""
    (root / "config.toml").write_text(CONFIG, encoding="utf-8")
    (root / "contacts").mkdir()
    (root / "contacts" / "all.csv").write_text(SHEET, encoding="utf-8")
    folder = root / "templates" / "vote"
    folder.mkdir(parents=True)
    for name, text in LETTERS.items():
        (folder / name).write_text(text, encoding="utf-8")
    return root


class Client:
    """Asks the application itself, without a network, and keeps its cookies."""

    def __init__(self, app: ASGIApp, *, raise_server_exceptions: bool = True) -> None:
        self.transport = httpx.ASGITransport(app, raise_app_exceptions=raise_server_exceptions)
        self.cookies = httpx.Cookies()

    def request(self, method: str, path: str, **more: Any) -> Response:
        async def ask() -> Response:
            async with httpx.AsyncClient(
                transport=self.transport, base_url=HERE, cookies=self.cookies
            ) as client:
                answer = await client.request(method, path, **more)
                self.cookies = client.cookies
                return answer

        return asyncio.run(ask())

    def get(self, path: str, **more: Any) -> Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> Response:
        return self.request("POST", path, **more)


@dataclass
class Browser:
    """A browser without script: it keeps cookies, and sends the forms of the pages it
    has loaded.
    """

    client: Client
    console: Console

    def get(self, path: str, **more: Any) -> Response:
        return self.client.get(path, **more)

    def post(self, path: str, **fields: Any) -> Response:
        """Send a form as a page of ours would: with its token and its origin."""
        files = fields.pop("files", None)
        data = {"_token": self.token} | fields
        return self.client.post(path, data=data, files=files, headers={"origin": HERE})

    @property
    def token(self) -> str:
        found = re.search(r'name="_token" value="([^"]+)"', self.get("/own").text)
        assert found
        return found[1]


def a_console(root: Path, ledger: Ledger) -> Console:
    return Console(
        cache=WorkspaceCache(root),
        ledger=ledger,
        sessions=BrowserSessions(ledger, now=ledger.now, hasher=QUICK),
        owner="jana",
        announce=lambda _: None,
        address=HERE,
        origins=frozenset({HERE}),
    )


def a_browser(console: Console, **more: Any) -> Browser:
    return Browser(Client(application(console, {HOST}), **more), console)


def signed_in(console: Console) -> Browser:
    """Open the console with its one-time key."""
    browser = a_browser(console)
    answer = browser.get(f"/sign-in?key={console.sessions.new_key()}")
    assert answer.status_code == 200
    return browser


def as_role(console: Console, role: str) -> Browser:
    """Sign in with an account of that role."""
    with console.ledger.reading() as connection:
        there = accounts.find(connection, role)
    if there is None:
        password = console.sessions.hasher.hash(PASSWORD)
        with console.ledger.writing() as connection:
            accounts.add(connection, role, role=role, password=password, at=console.ledger.now())
    browser = a_browser(console)
    answer = sign_in(browser, role, PASSWORD)
    assert answer.status_code == 303
    return browser


def sign_in(browser: Browser, name: str, password: str, **headers: str) -> Response:
    found = re.search(r'name="_token" value="([^"]+)"', browser.get("/sign-in").text)
    assert found
    data = {"_token": found[1], "name": name, "password": password}
    return browser.client.post("/sign-in", data=data, headers={"origin": HERE} | headers)
