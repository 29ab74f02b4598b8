"""The folder of sent mail as evidence, asked of a real Dovecot on loopback, in clear
and over TLS.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import grp
import imaplib
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from mailer.base.errors import ServerError, UsageError
from mailer.sending.imap import Filing, search
from mailer.sending.smtp.server import ConnectError, Server
from tests.helpers.certificates import trusting as trusts
from tests.helpers.children import Child

DOVECOT = shutil.which("dovecot", path="/usr/sbin:/usr/bin:/usr/local/sbin:/opt/homebrew/sbin")
needs_dovecot = pytest.mark.skipif(
    DOVECOT is None, reason="Dovecot (Debian: dovecot-imapd) is not installed"
)

CONFIG = """
base_dir = {root}/run
log_path = {root}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{root}/cert.pem
ssl_key = <{root}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
default_internal_user = {internal}
default_login_user = {login}
default_internal_group = {group}
first_valid_uid = 1
mail_location = maildir:{root}/mail/%u
passdb {{
  driver = static
  args = password=correct
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={root}/mail/%u
}}
namespace inbox {{
  inbox = yes
  mailbox "{sent}" {{
    auto = create
    special_use = \\Sent
  }}
  mailbox Entwürfe {{
    auto = create
    special_use = \\Drafts
  }}
  mailbox Plain {{
    auto = create
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
"""
OURS, OTHER, CUT = "<abcdefgh@ngo.example>", "<ijklmnop@ngo.example>", "<bcdefgh@ngo.example>"
FILED_AT = datetime(2026, 1, 25, 8, 30, 15, tzinfo=UTC)  # Dovecot takes no date in the future


@dataclass
class Dovecot:
    imap: int
    imaps: int
    trusting: ssl.SSLContext
    config: Path

    def server(self, security: str = "none", password: str = "correct", user: str = "us") -> Server:
        port = self.imaps if security == "tls" else self.imap
        context = None if security == "none" else self.trusting
        return Server("127.0.0.1", port, security, user, password, "", context)  # type: ignore[arg-type]

    def file(self, folder: str, message_id: str) -> None:
        with imaplib.IMAP4("127.0.0.1", self.imap) as imap:
            imap.login("us", "correct")
            date = imaplib.Time2Internaldate(FILED_AT)
            assert (
                imap.append(
                    folder, "", date, f"Message-ID: {message_id}\r\n\r\nDear colleague\r\n".encode()
                )[0]
                == "OK"
            )

    def empty(self, folder: str, user: str = "us") -> None:
        with imaplib.IMAP4("127.0.0.1", self.imap) as imap:
            imap.login(user, "correct")
            if imap.select(folder)[1] != [b"0"]:
                imap.store("1:*", "+FLAGS", "\\Deleted")
                imap.expunge()


SENT = "&AMk-l&AOk-ments envoy&AOk-s"


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    with running() as one:
        yield one


@contextlib.contextmanager
def running(more: str = "") -> Iterator[Dovecot]:
    """Run a Dovecot on two free ports, with these lines more in its configuration."""
    root = Path(tempfile.mkdtemp(prefix="dovecot-"))
    process = None
    try:
        root.chmod(0o755)
        (root / "mail").mkdir(mode=0o777)
        (root / "mail").chmod(0o777)
        authority = trustme.CA()
        cert = authority.issue_cert("127.0.0.1")
        cert.private_key_pem.write_to_path(root / "key.pem")
        cert.cert_chain_pems[0].write_to_path(root / "cert.pem")
        trusting = trusts(authority)
        with (
            socket.create_server(("127.0.0.1", 0)) as one,
            socket.create_server(("127.0.0.1", 0)) as two,
        ):
            imap, imaps = one.getsockname()[1], two.getsockname()[1]
        root_user = os.getuid() == 0
        me = getpass.getuser()
        (root / "dovecot.conf").write_text(
            CONFIG.format(
                root=root, imap=imap, imaps=imaps, sent="Éléments envoyés",
                internal="nobody" if root_user else me, login="nobody" if root_user else me,
                group="nogroup" if root_user else grp.getgrgid(os.getgid()).gr_name,
                uid=65534 if root_user else os.getuid(), gid=65534 if root_user else os.getgid(),
            ) + more,
            encoding="utf-8",
        )  # fmt: skip
        process = Child(
            [str(DOVECOT), "-F", "-c", str(root / "dovecot.conf")], stderr=subprocess.PIPE
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                with imaplib.IMAP4("127.0.0.1", imap, timeout=5) as probe:
                    probe.login("us", "correct")
                break
            except OSError as fault:
                if process.poll() is not None or time.monotonic() > deadline:
                    log = root / "log"
                    pytest.fail(
                        f"Dovecot does not start: {fault};"
                        f" {log.read_text() if log.exists() else ''}"
                    )
                time.sleep(0.05)
        yield Dovecot(imap, imaps, trusting, root / "dovecot.conf")
    finally:
        if process is not None:
            process.terminate()
            process.communicate(timeout=20)
        shutil.rmtree(root)


@needs_dovecot
@pytest.mark.parametrize("security", ["none", "tls", "starttls"])
async def test_a_letter_that_is_there_was_sent(dovecot: Dovecot, security: str) -> None:
    dovecot.empty(f'"{SENT}"')
    dovecot.file(f'"{SENT}"', OURS)
    (evidence,) = await search(dovecot.server(security), [OURS], [])
    assert (evidence.finding, evidence.filed_at, evidence.folder) == (
        Filing.FILED,
        FILED_AT,
        "Éléments envoyés",
    )
    assert (
        str(evidence)
        == 'It is in the folder "Éléments envoyés" since 25 January 2026 08:30:15 UTC: it was sent.'
    )


@needs_dovecot
async def test_absence_says_something_only_beside_letters_that_are_known_to_be_sent(
    dovecot: Dovecot,
) -> None:
    dovecot.empty(f'"{SENT}"')
    dovecot.file(f'"{SENT}"', OTHER)
    beside, alone = await asyncio.gather(
        search(dovecot.server(), [OURS], [OTHER, "<qrst@ngo.example>"]),
        search(dovecot.server(), [OURS], []),
    )
    assert (beside[0].finding, beside[0].known) == (Filing.MISSING, 1)
    assert "where an accepted letter is: most likely it was not sent" in str(beside[0])
    assert alone[0].finding is Filing.SAYS_NOTHING


@needs_dovecot
async def test_a_part_of_a_message_id_is_not_the_letter(dovecot: Dovecot) -> None:
    dovecot.empty(f'"{SENT}"')
    dovecot.file(f'"{SENT}"', f"{CUT[:-1]}.more>")
    dovecot.file(f'"{SENT}"', OURS)
    evidence = await search(dovecot.server(), [CUT, OURS], [])
    assert [one.finding for one in evidence] == [Filing.SAYS_NOTHING, Filing.FILED]


@needs_dovecot
async def test_the_folder_can_be_named_as_people_read_it(dovecot: Dovecot) -> None:
    dovecot.empty("Plain")
    dovecot.file("Plain", OURS)
    assert (await search(dovecot.server(), [OURS], [], "Plain"))[0].finding is Filing.FILED
    assert (await search(dovecot.server(), [OTHER], [], "Éléments envoyés"))[
        0
    ].folder == "Éléments envoyés"
    with pytest.raises(ServerError, match='no folder "Sent"') as caught:
        await search(dovecot.server(), [OURS], [], "Sent")
    assert "Plain" in caught.value.hint and "Éléments envoyés" in caught.value.hint


@needs_dovecot
async def test_looking_changes_nothing(dovecot: Dovecot) -> None:
    dovecot.empty(f'"{SENT}"')
    dovecot.file(f'"{SENT}"', OURS)
    await search(dovecot.server(), [OURS], [])
    with imaplib.IMAP4("127.0.0.1", dovecot.imap) as imap:
        imap.login("us", "correct")
        imap.select(f'"{SENT}"', readonly=True)
        assert imap.fetch("1", "(FLAGS)")[1][0] in (b"1 (FLAGS (\\Recent))", b"1 (FLAGS ())")


@needs_dovecot
async def test_a_wrong_password_is_said_plainly(dovecot: Dovecot) -> None:
    with pytest.raises(ConnectError, match="refused the login of us") as caught:
        await search(dovecot.server(password="wrong"), [OURS], [])
    assert not caught.value.temporary and "wrong" not in str(caught.value)


@pytest.mark.parametrize(
    "one",
    ['<a" ALL@ngo.example>', "<a@b.example>\r\nx LOGOUT", "a@b.example", "<a\\@b.example>", ""],
)
async def test_what_is_no_message_id_is_not_sent_to_the_server(one: str) -> None:
    with pytest.raises(UsageError, match="no Message-ID"):
        await search(Server("127.0.0.1", 1, "none", "us", "p", ""), [OURS], [one])


async def test_nobody_at_the_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(ConnectError, match="does not take connections"):
        await search(Server("127.0.0.1", port, "none", "us", "p", ""), [OURS], [])


@needs_dovecot
@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("Q&A", "Q&-A"),
        ('the "first" ones', 'the \\"first\\" ones'),
        ("Отправленные", "&BB4EQgQ,BEAEMAQyBDsENQQ9BD0ESwQ1-"),
        ("送信済み", "&kAFP4W4IMH8-"),
    ],
)
async def test_folders_have_names_in_any_script(dovecot: Dovecot, name: str, wire: str) -> None:
    with imaplib.IMAP4("127.0.0.1", dovecot.imap) as imap:
        imap.login("us", "correct")
        assert imap.create(f'"{wire}"')[0] == "OK"
    try:
        dovecot.file(f'"{wire}"', OURS)
        (evidence,) = await search(dovecot.server(), [OURS], [], name)
        assert (evidence.finding, evidence.folder) == (Filing.FILED, name)
        with pytest.raises(ServerError) as caught:
            await search(dovecot.server(), [OURS], [], "Nowhere")
        assert name in caught.value.hint
    finally:
        with imaplib.IMAP4("127.0.0.1", dovecot.imap) as imap:
            imap.login("us", "correct")
            imap.delete(f'"{wire}"')


@needs_dovecot
async def test_a_password_beyond_ascii_reaches_the_server(dovecot: Dovecot) -> None:
    with pytest.raises(ConnectError, match="refused the login of us"):
        await search(dovecot.server(password="pässwörd"), [OURS], [])
