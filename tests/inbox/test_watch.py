"""Facts about reading mailboxes by themselves: several, as soon as something comes, and what keeps
one from being read keeps nothing else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailer.actions import inbox
from mailer.actions.inbox import Recorded, scan
from mailer.base.errors import MailerError, UsageError
from mailer.base.settings.workspace import Workspace, load_workspace
from mailer.inbox import watch
from mailer.inbox.watch import Watch
from mailer.ledger.reading import answers
from mailer.sending.connect import inbox_servers
from tests.helpers.children import Child
from tests.helpers.workspaces import CLOSED_PORT, MAILER, a_workspace, environment
from tests.inbox.test_mailbox import file
from tests.inbox.test_record import away, journey, letters
from tests.ledger.test_ledger import Journey
from tests.sending.test_imap import Dovecot, dovecot, needs_dovecot, running

__all__ = ["dovecot", "journey"]
pytestmark = needs_dovecot

Seconds = float
LONG: Seconds = 60.0
WITHOUT_IDLE = "protocol imap {\n  imap_capability = IMAP4rev1 SASL-IR ENABLE UIDPLUS\n}\n"


def mailbox(port: int, user: str, password: str = "inbox.txt") -> str:
    return (
        f'host = "127.0.0.1"\nport = {port}\nsecurity = "none"\n'
        f'user = "{user}"\npassword = {{ file = "{password}" }}\n'
    )


def workspace_with(root: Path, inbox: str) -> Workspace:
    a_workspace(root, CLOSED_PORT)
    for name, password in (("inbox.txt", "correct"), ("wrong.txt", "wrong")):
        (root / name).write_text(password)
        (root / name).chmod(0o600)
    with (root / "config.toml").open("a", encoding="utf-8") as config:
        config.write(inbox)
    workspace = load_workspace(root)
    workspace.make_state_dir()
    return workspace


@pytest.fixture
def two(tmp_path: Path, dovecot: Dovecot) -> Workspace:
    """A workspace with two mailboxes on one server, one folder in each."""
    for user in ("us", "bounces"):
        dovecot.empty("INBOX", user)
    more = f"[[inbox.mailboxes]]\n{mailbox(dovecot.imap, 'bounces')}"
    return workspace_with(tmp_path / "work", f"[inbox]\n{mailbox(dovecot.imap, 'us')}{more}")


def test_several_mailboxes_are_read(two: Workspace, dovecot: Dovecot, journey: Journey) -> None:
    one, other, *_ = letters(journey)
    file(dovecot, away(one))
    file(dovecot, away(other), user="bounces")
    found = scan(two, journey.ledger, at=journey.clock())
    assert (found.new, found.unread) == (2, ())
    with journey.ledger.reading() as connection:
        boxes = {one.box: one for one in answers.mailboxes(connection)}
    assert boxes.keys() == {"us at 127.0.0.1: INBOX", "bounces at 127.0.0.1: INBOX"}
    assert {one.read_at for one in boxes.values()} == {journey.clock()}


def test_one_mailbox_that_cannot_be_read_keeps_no_other_from_being_read(
    tmp_path: Path, dovecot: Dovecot, journey: Journey
) -> None:
    dovecot.empty("INBOX")
    file(dovecot, away(letters(journey)[0]))
    others = "".join(
        f"[[inbox.mailboxes]]\n{one}"
        for one in (
            mailbox(CLOSED_PORT, "far"),
            mailbox(dovecot.imap, "us"),
            mailbox(dovecot.imap, "us2") + 'folders = ["Nowhere", "INBOX"]\n',
        )
    )
    first = mailbox(dovecot.imap, "them", "wrong.txt") + 'folders = ["INBOX", "Plain"]\n'
    workspace = workspace_with(tmp_path / "work", f"[inbox]\n{first}{others}")
    found = scan(workspace, journey.ledger, at=journey.clock())
    assert found.new == 1
    troubles = {box: str(fault) for box, fault in found.unread}
    assert list(troubles) == [
        "them at 127.0.0.1: INBOX",  # refused once, and not asked again for its other folder
        "far at 127.0.0.1: INBOX",
        "us2 at 127.0.0.1: Nowhere",
    ]
    assert "refused the login of them" in troubles["them at 127.0.0.1: INBOX"]
    assert "does not take connections" in troubles["far at 127.0.0.1: INBOX"]
    with journey.ledger.reading() as connection:
        stands = {one.box: one for one in answers.mailboxes(connection)}
    assert stands["far at 127.0.0.1: INBOX"].read_at is None
    assert stands["far at 127.0.0.1: INBOX"].fault == troubles["far at 127.0.0.1: INBOX"]
    assert stands["us at 127.0.0.1: INBOX"].fault == ""


def test_settings_of_several_mailboxes_are_checked(tmp_path: Path) -> None:
    for wrong, words in (
        ('[[inbox.mailboxes]]\nuser = "us"\n', 'the user "us" has one'),
        ('[[inbox.mailboxes]]\nhost = "imap.rights.example"\n', "user is missing"),
        ('[[inbox.mailboxes]]\nfolders = ["INBOX"]\n', "host: is missing"),
        ("[inbox]\nfolders = []\n", "must not be empty"),
    ):
        root = tmp_path / "work"
        with pytest.raises(MailerError) as caught:
            workspace_with(root, wrong)
        assert any(words in one.message for one in caught.value.problems)
        assert {one.row for one in caught.value.problems} <= {16, 17}
    with pytest.raises(UsageError, match="no mailbox"):
        inbox_servers(workspace_with(tmp_path / "other", ""))


@pytest.fixture(params=["idle", "no idle"])
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dovecot]:
    """A Dovecot that says when something comes, and one that does not."""
    if request.param == "idle":
        with running() as one:
            yield one
    else:
        monkeypatch.setattr(watch, "EVERY", 0.5)
        with running(WITHOUT_IDLE) as one:
            yield one


def watching(
    workspace: Workspace, journey: Journey, rounds: Watch, told: Callable[[Recorded], None]
) -> threading.Thread:
    watcher = threading.Thread(
        target=inbox.watch_in, args=(rounds, workspace, journey.ledger, told), daemon=True
    )
    watcher.start()
    return watcher


@pytest.mark.timeout(180)
def test_what_comes_is_read_as_soon_as_the_server_says_so(
    tmp_path: Path, server: Dovecot, journey: Journey
) -> None:
    workspace = workspace_with(tmp_path / "work", f"[inbox]\n{mailbox(server.imap, 'us')}")
    one, two, *_ = letters(journey)
    file(server, away(one))
    filed = 1
    told: list[Recorded] = []
    came = threading.Semaphore(0)

    def tell(found: Recorded) -> None:
        told.append(found)
        came.release()

    rounds = Watch(inbox_servers(workspace))
    watcher = watching(workspace, journey, rounds, tell)
    assert came.acquire(timeout=LONG)
    while filed < 30:  # each waits 2 of the 120 seconds between two looks
        file(server, away(two) + b"%d" % filed)
        filed += 1
        if came.acquire(timeout=2):
            break
    rounds.end()
    watcher.join(LONG)
    assert not watcher.is_alive()
    assert filed < 30
    assert sum(one.new for one in told) == filed


@pytest.mark.timeout(180)
def test_a_trouble_is_told_once_and_a_refused_login_is_not_tried_again(
    tmp_path: Path, dovecot: Dovecot, journey: Journey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "EVERY", 0.1)
    far = f"[[inbox.mailboxes]]\n{mailbox(CLOSED_PORT, 'far')}"
    first = mailbox(dovecot.imap, "them", "wrong.txt")
    workspace = workspace_with(tmp_path / "work", f"[inbox]\n{first}{far}")
    rounds, told = Watch(inbox_servers(workspace)), []
    looks = threading.Semaphore(0)
    look = inbox.scan

    def counted(*args: object, **more: object) -> Recorded:
        found = look(*args, **more)  # type: ignore[arg-type]
        looks.release()
        return found

    monkeypatch.setattr(inbox, "scan", counted)
    watcher = watching(workspace, journey, rounds, told.append)
    for _ in range(4):
        assert looks.acquire(timeout=LONG)
    rounds.end()
    watcher.join(LONG)
    assert [[box for box, _ in one.unread] for one in told] == [
        ["them at 127.0.0.1: INBOX", "far at 127.0.0.1: INBOX"]
    ]
    assert [server.user for server, _ in rounds.mailboxes] == ["far"]


@pytest.mark.timeout(180)
def test_the_process_beside_a_sending_ends_with_it_however_that_ends(
    tmp_path: Path, dovecot: Dovecot
) -> None:
    dovecot.empty("INBOX")
    workspace = workspace_with(tmp_path / "work", f"[inbox]\n{mailbox(dovecot.imap, 'us')}")
    code = (
        "import sys, time; from pathlib import Path;"
        "from mailer.base.settings.workspace import load_workspace;"
        "from mailer.actions.mail_outs import beside; import subprocess;"
        "began = subprocess.Popen.__init__;\n"
        "def said(self, *a, **k): began(self, *a, **k); print(self.pid, flush=True)\n"
        "subprocess.Popen.__init__ = said\n"
        "with beside.read_beside(load_workspace(Path(sys.argv[1])), print): time.sleep(600)"
    )
    command = [MAILER[0], "-c", code, str(workspace.root)]
    with Child(command, env=environment(), stdout=-1, text=True) as sending:
        assert sending.stdout is not None
        reader = int(sending.stdout.readline())
        sending.kill()
        sending.wait()
    state = Path(f"/proc/{reader}/stat")
    for _ in range(600):
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        threading.Event().wait(0.1)
    pytest.fail("it reads on, though nobody sends")
