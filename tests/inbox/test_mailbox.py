"""Facts about reading the mailbox of answers, on a real Dovecot: nothing is changed or doubled."""

from __future__ import annotations

import imaplib
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from mailer.actions.inbox import scan
from mailer.base.errors import ServerError
from mailer.base.settings.workspace import Workspace, load_workspace
from mailer.inbox.mailbox import messages_after
from mailer.ledger.reading import answers
from mailer.sending.smtp.server import ConnectError
from tests.helpers.workspaces import CLOSED_PORT, a_workspace, edit
from tests.inbox.test_record import away, journey, letters
from tests.ledger.test_ledger import Journey
from tests.sending.test_imap import Dovecot, dovecot, needs_dovecot

__all__ = ["dovecot", "journey"]
pytestmark = needs_dovecot


def file(dovecot: Dovecot, *messages: bytes, user: str = "us", folder: str = "INBOX") -> None:
    with imaplib.IMAP4("127.0.0.1", dovecot.imap) as imap:
        imap.login(user, "correct")
        for message in messages:
            assert imap.append(folder, "", "", message)[0] == "OK"


def flags(dovecot: Dovecot) -> Any:
    with imaplib.IMAP4("127.0.0.1", dovecot.imap) as imap:
        imap.login("us", "correct")
        imap.select("INBOX", readonly=True)
        return imap.uid("FETCH", "1:*", "(FLAGS)")[1]


def read(dovecot: Dovecot, place: tuple[int, int] = (0, 0)) -> list[tuple[int, int, bytes]]:
    server = dovecot.server()
    return list(messages_after(server, "INBOX", place))


@pytest.fixture
def workspace(tmp_path: Path, dovecot: Dovecot) -> Workspace:
    root = a_workspace(tmp_path / "work", CLOSED_PORT)
    secret = root / "inbox.txt"
    secret.write_text("correct")
    secret.chmod(0o600)
    with (root / "config.toml").open("a", encoding="utf-8") as config:
        config.write(
            f'[inbox]\nhost = "127.0.0.1"\nport = {dovecot.imap}\nsecurity = "none"\n'
            'user = "us"\npassword = { file = "inbox.txt" }\n'
        )
    dovecot.empty("INBOX")
    return load_workspace(root)


def test_a_scan_takes_each_message_once_and_changes_nothing(
    dovecot: Dovecot, workspace: Workspace, journey: Journey
) -> None:
    one, two, three, _ = letters(journey)
    file(dovecot, away(one), away(two))
    before = flags(dovecot)
    first = scan(workspace, journey.ledger, at=journey.clock())
    assert (first.new, first.known, first.kinds) == (2, 0, {"away": 2})
    assert flags(dovecot) == before
    nothing = scan(workspace, journey.ledger, at=journey.clock())
    assert (nothing.new, nothing.known) == (0, 0)
    file(dovecot, away(three))
    assert scan(workspace, journey.ledger, at=journey.clock()).new == 1


def test_another_uidvalidity_is_read_again_and_doubles_nothing(
    dovecot: Dovecot, workspace: Workspace, journey: Journey
) -> None:
    file(dovecot, *(away(letter) for letter in letters(journey)[:2]))
    scan(workspace, journey.ledger, at=journey.clock())
    with imaplib.IMAP4("127.0.0.1", dovecot.imap) as imap:
        imap.login("us", "correct")
        imap.create("Elsewhere")
        imap.delete("Elsewhere")
    (validity, _, _), *_ = read(dovecot)
    with journey.ledger.writing() as connection:
        from mailer.ledger.moves import incoming

        box = "us at 127.0.0.1: INBOX"
        assert answers.place(connection, box)[0] == validity
        incoming.read_up_to(connection, box, validity - 1, 900)  # as after a rebuilt mailbox
    again = scan(workspace, journey.ledger, at=journey.clock())
    assert (again.new, again.known) == (0, 2)


def test_reading_goes_on_after_the_last_uid(dovecot: Dovecot, workspace: Workspace) -> None:
    file(dovecot, b"Subject: 1\r\n\r\none\r\n", b"Subject: 2\r\n\r\ntwo\r\n")
    (validity, first, _), (_, last, raw) = read(dovecot)
    assert raw.endswith(b"two\r\n")
    assert [uid for _, uid, _ in read(dovecot, (validity, first))] == [last]
    assert read(dovecot, (validity, last)) == []
    assert len(read(dovecot, (validity + 1, last))) == 2


def test_a_mailbox_that_cannot_be_read_says_why(dovecot: Dovecot) -> None:
    wrong = dovecot.server(password="wrong")
    with pytest.raises(ConnectError, match="refused the login"):
        list(messages_after(wrong, "INBOX", (0, 0)))
    with pytest.raises(ServerError, match="no folder"):
        list(messages_after(dovecot.server(), "Nowhere", (0, 0)))


def test_a_folder_made_anew_is_read_again_and_doubles_nothing(
    dovecot: Dovecot, workspace: Workspace, journey: Journey
) -> None:
    edit(workspace.root / "config.toml", 'user = "us"', 'folders = ["Returns"]\nuser = "us"')
    workspace = load_workspace(workspace.root)
    messages = [away(letter) for letter in letters(journey)[:2]]
    validities = set()
    for new, known in ((2, 0), (0, 2)):
        with imaplib.IMAP4("127.0.0.1", dovecot.imap) as imap:
            imap.login("us", "correct")
            imap.delete("Returns")
            time.sleep(1.1)  # a UIDVALIDITY is the second in which a folder was made
            assert imap.create("Returns")[0] == "OK"
        file(dovecot, *messages, folder="Returns")
        found = scan(workspace, journey.ledger, at=journey.clock())
        assert (found.new, found.known, found.unread) == (new, known, ())
        with journey.ledger.reading() as connection:
            validities.add(answers.place(connection, "us at 127.0.0.1: Returns"))
    assert len({validity for validity, _ in validities}) == 2


def test_a_connection_that_is_cut_in_the_middle_loses_nothing(
    dovecot: Dovecot, workspace: Workspace, journey: Journey
) -> None:
    file(dovecot, *(away(letter) for letter in letters(journey)))
    reading = messages_after(dovecot.server(), "INBOX", (0, 0))
    next(reading)
    subprocess.run(["doveadm", "-c", dovecot.config, "kick", "us"], check=True, capture_output=True)
    with pytest.raises(ServerError):
        list(reading)
    assert scan(workspace, journey.ledger, at=journey.clock()).new == 4


def test_what_a_server_does_not_hand_out_is_on_record_and_waits(
    dovecot: Dovecot, workspace: Workspace, journey: Journey, monkeypatch: pytest.MonkeyPatch
) -> None:
    file(dovecot, *(away(letter) for letter in letters(journey)[:2]))
    fetch, refused = imaplib.IMAP4.uid, []

    def refuses_one(self: imaplib.IMAP4, command: str, *args: str) -> Any:
        if command == "FETCH" and not refused:
            refused.append(args)
            return "NO", [b"[SERVERBUG] Internal error"]
        return fetch(self, command, *args)

    monkeypatch.setattr(imaplib.IMAP4, "uid", refuses_one)
    found = scan(workspace, journey.ledger, at=journey.clock())
    assert (found.new, found.waiting) == (2, 1)
    with journey.ledger.reading() as connection:
        (waiting,) = [one for one in answers.messages(connection) if not one.sure]
    assert waiting.subject == "A message that the mail server does not hand out"
    assert "us at 127.0.0.1, INBOX, UID" in waiting.own
