"""Facts about how settings become a server and sessions: passwords, tokens, reports,
the mailbox.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mailer.base.errors import UsageError
from mailer.base.settings.workspace import load_workspace
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from mailer.sending.connect import imap_server, sessions, smtp_server
from mailer.sending.dispatch import Dispatch
from mailer.sending.smtp.session import Envelope
from tests.conftest import SettableClock, a_plan
from tests.helpers.sendings import sending_options
from tests.helpers.smtp_server import SmtpServer

LOGIN = 'user = "us@rights.example"\n'


def settings(folder: Path, smtp: str = "", more: str = "", port: int = 25) -> None:
    (folder / "config.toml").write_text(
        '[sender]\nfrom = "us@rights.example"\norganisation = "Rights"\n'
        '[safety]\nallow = ["@no.parliament.example"]\n'
        f'[smtp]\nhost = "127.0.0.1"\nsecurity = "none"\nport = {port}\n{smtp}{more}',
        encoding="utf-8",
    )


def write_token(folder: Path, token: str) -> None:
    file = folder / "token.txt"
    file.touch(mode=0o600)
    file.write_text(token, encoding="utf-8")


@pytest.mark.parametrize(
    "source",
    [
        'file = "token.txt"',
        'command = ["./bin/token"]',
        f'command = ["{sys.executable}", "-c", "print(\'tok-1\')"]',
    ],
)
async def test_token_is_used_in_place_of_a_password(tmp_path: Path, source: str) -> None:
    write_token(tmp_path, "tok-1\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "token").write_text("#!/bin/sh\necho tok-1\n", encoding="utf-8")
    (tmp_path / "bin" / "token").chmod(0o700)
    async with SmtpServer(offers=(b"AUTH XOAUTH2 PLAIN",)) as server:
        settings(tmp_path, f"{LOGIN}oauth = {{ {source} }}\n", port=server.port)
        session = sessions(load_workspace(tmp_path))()
        await session.connect()
        await session.quit()
    (login,) = [line for line in server.heard if line.startswith(b"AUTH")]
    assert login.startswith(b"AUTH XOAUTH2 ")


async def test_token_is_asked_for_at_each_connection(tmp_path: Path) -> None:
    async with SmtpServer(offers=(b"AUTH XOAUTH2",)) as server:
        settings(tmp_path, f'{LOGIN}oauth = {{ file = "token.txt" }}\n', port=server.port)
        open_session = sessions(load_workspace(tmp_path))  # the file need not be there yet
        for token in ("first", "second"):
            write_token(tmp_path, token)
            session = open_session()
            await session.connect()
            await session.quit()
    first, second = [line for line in server.heard if line.startswith(b"AUTH")]
    assert first != second


@pytest.mark.parametrize("dsn", [True, False])
async def test_reports_are_asked_for_only_where_set(tmp_path: Path, dsn: bool) -> None:
    async with SmtpServer(offers=(b"DSN",)) as server:
        settings(tmp_path, f"dsn = {str(dsn).lower()}\n", port=server.port)
        session = sessions(load_workspace(tmp_path))()

        async def yes() -> bool:
            return True

        await session.deliver(
            Envelope(
                "us@rights.example",
                "a@no.parliament.example",
                b"Subject: x\r\n\r\nx\r\n",
                "M-0001-001",
            ),
            yes,
        )
        await session.quit()
    assert (b" ENVID=M-0001-001\r\n" in b"".join(server.heard)) is dsn


def test_mailbox_that_is_not_set_is_said(tmp_path: Path) -> None:
    settings(tmp_path)
    with pytest.raises(UsageError, match="no folder of sent mail") as caught:
        imap_server(load_workspace(tmp_path))
    assert caught.value.code == "K111"


def test_mailbox_has_its_own_server_and_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THEIRS", "sesame")
    settings(
        tmp_path,
        more='[imap]\nhost = "imap.rights.example"\nuser = "us"\npassword = { env = "THEIRS" }\n',
    )
    server = imap_server(load_workspace(tmp_path))
    assert (str(server), server.security, server.user) == ("imap.rights.example:993", "tls", "us")
    assert "sesame" not in repr(server)
    assert smtp_server(load_workspace(tmp_path)).user is None


async def test_report_names_the_delivery_it_is_about(
    tmp_path: Path, sqlite_ledger: Ledger, clock: SettableClock
) -> None:
    with sqlite_ledger.writing() as connection:
        mail_out = mailouts.create(connection, a_plan(1), at=clock(), who="Jana")
    async with SmtpServer(offers=(b"DSN",)) as server:
        settings(tmp_path, "dsn = true\n", port=server.port)
        open_session = sessions(load_workspace(tmp_path))
        await Dispatch(sqlite_ledger, mail_out, open_session, sending_options()).run()
    assert b"MAIL FROM:<us@rights.example> RET=HDRS ENVID=M-0001-001\r\n" in server.heard
