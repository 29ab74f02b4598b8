"""Facts about letters as drafts, on a real Dovecot: each lies there once, is sent by nobody but a
person, and counts as accepted when it is found among the sent mail.
"""

from __future__ import annotations

import contextlib
import imaplib
import re
import shutil
import subprocess
import sys
import threading
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from mailer.actions import mail_outs, people
from mailer.actions.inbox import scan, take_in
from mailer.actions.mail_outs import planning
from mailer.actions.mail_outs.drafts import Drafts, look_after_drafts, put_drafts
from mailer.base.errors import Refused, UsageError
from mailer.base.settings.workspace import Workspace, load_workspace
from mailer.base.states import MailOutState, Reason, State
from mailer.contacts.holds import load_holds
from mailer.inbox.own_mailbox import OwnMailbox
from mailer.ledger import mailouts
from mailer.ledger.guard.senders import dead_among, sender
from mailer.ledger.ledger import Ledger
from mailer.ledger.moves import drafts as moves
from mailer.ledger.reading import deliveries
from mailer.ledger.reading.deliveries import Delivery
from mailer.plan.draft import draft
from mailer.report.evidence import letter_of
from tests.helpers.workspaces import CLOSED_PORT, ROOT, a_workspace, mailer, said
from tests.sending.test_imap import SENT, Dovecot, dovecot, needs_dovecot

__all__ = ["dovecot"]
pytestmark = needs_dovecot
DRAFTS = "Entw&APw-rfe"
AROUND = (24, 35, 38, 39)
"""Steps of a life from the commit that takes the letter to the one that says that it lies there."""


@pytest.fixture
def workspace(tmp_path: Path, dovecot: Dovecot, ledger_url: str) -> Workspace:
    root = a_workspace(tmp_path / "work", CLOSED_PORT, people=3)
    secret = root / "imap.txt"
    secret.write_text("correct")
    secret.chmod(0o600)
    with (root / "config.toml").open("a", encoding="utf-8") as config:
        config.write(
            f'[imap]\nhost = "127.0.0.1"\nport = {dovecot.imap}\nsecurity = "none"\n'
            'user = "us"\npassword = { file = "imap.txt" }\n'
        )
        if ledger_url.startswith("postgresql"):
            config.write(f'[log]\ndatabase = "{ledger_url}"\n')
    dovecot.empty(f'"{SENT}"')
    dovecot.empty(f'"{DRAFTS}"')
    return load_workspace(root)


@pytest.fixture
def ledger(workspace: Workspace) -> Any:
    workspace.make_state_dir()
    with Ledger(workspace.ledger_url) as ledger:
        planning.plan(ledger, draft(workspace, "appeal"), who="Jana")
        yield ledger


def lying(dovecot: Dovecot, folder: str = DRAFTS) -> list[tuple[bytes, bytes]]:
    """Return (flags, letter) of each message of a folder."""
    with imaplib.IMAP4("127.0.0.1", dovecot.imap) as imap:
        imap.login("us", "correct")
        imap.select(f'"{folder}"', readonly=True)
        found = imap.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[])")[1]
        return [(part[0], part[1]) for part in found if isinstance(part, tuple)]


def ids(letters: list[tuple[bytes, bytes]]) -> list[str]:
    return sorted(message_from_bytes(data)["Message-ID"] for _, data in letters)


def sends(dovecot: Dovecot, data: bytes) -> None:
    """File a letter as sent, as a mail program does; the draft goes."""
    with imaplib.IMAP4("127.0.0.1", dovecot.imap) as imap:
        imap.login("us", "correct")
        assert imap.append(f'"{SENT}"', "", "", data)[0] == "OK"
    dovecot.empty(f'"{DRAFTS}"')


def everyone(ledger: Ledger) -> list[Delivery]:
    with ledger.reading() as connection:
        return deliveries.people(connection, 1)


def states(ledger: Ledger) -> list[State]:
    return [one.state for one in everyone(ledger)]


def put(workspace: Workspace, ledger: Ledger, *only: str) -> Drafts:
    return put_drafts(workspace, ledger, 1, only, who="Jana")


def look(workspace: Workspace, ledger: Ledger) -> Drafts:
    return look_after_drafts(workspace, ledger, 1, who="Jana")


def test_letters_lie_among_the_drafts_once_and_the_rest_can_be_sent(
    dovecot: Dovecot, workspace: Workspace, ledger: Ledger
) -> None:
    one, *_ = everyone(ledger)
    done = put(workspace, ledger, one.name)
    assert ([it.id for it in done.put], done.lying, done.waiting) == ([one.id], 1, 2)
    ((flags, data),) = lying(dovecot)
    assert b"\\Draft" in flags
    assert ids(lying(dovecot)) == [one.message_id]
    now = everyone(ledger)[0]
    assert now.state is State.DRAFTED
    with ledger.reading() as connection:
        sent = letter_of(workspace, connection, now)
    assert sent is not None
    assert (sent.data, sent.exact) == (data, True)
    assert mail_outs.standing(ledger, 1).mail_out.state is MailOutState.PAUSED
    assert mail_outs.may_send(workspace, ledger, 1).left == 2
    everybody = put(workspace, ledger)  # and now the others
    assert (len(everybody.put), everybody.lying) == (2, 3)
    assert mail_outs.standing(ledger, 1).mail_out.state is MailOutState.FINISHED
    with pytest.raises(Refused, match="finished"):
        put(workspace, ledger)
    assert ids(lying(dovecot)) == sorted(str(it.message_id) for it in everyone(ledger))


def test_nobody_else_writes_to_whoever_has_a_draft(workspace: Workspace, ledger: Ledger) -> None:
    put(workspace, ledger)
    new = planning.plan(ledger, draft(workspace, "appeal"), who="Jana", instead=True)
    assert (len(new.plan.to_send), new.replaced) == (0, ())
    assert {one.reason for one in new.plan.left_out} == {Reason.ALREADY}
    assert {one.detail for one in new.plan.left_out} == {"M-0001, lies as a draft"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data, "the same to the byte"),
        (lambda data: data.replace(b"Date: ", b"User-Agent: M\r\nDate: "), "with other headers"),
        (lambda data: data.replace(b"Subject: ", b"Subject: Re: "), "before that: the subject"),
        (lambda data: data.replace(b"To: ", b"Cc: boss@rights.example\r\nTo: "), "the recipients"),
    ],
)
def test_what_was_sent_is_accepted_by_evidence_and_what_was_changed_is_said(
    dovecot: Dovecot, workspace: Workspace, ledger: Ledger, change: Any, said: str
) -> None:
    one, *_ = everyone(ledger)
    put(workspace, ledger, one.address)
    ((_, data),) = lying(dovecot)
    assert look(workspace, ledger).sent == []
    sends(dovecot, change(data))
    ((found, evidence),) = look(workspace, ledger).sent
    assert found.id == one.id
    assert evidence.startswith('found in the folder "Éléments envoyés" since ')
    assert evidence.endswith(said)
    now = everyone(ledger)[0]
    assert (now.state, now.detail) == (State.ACCEPTED, evidence)
    assert look(workspace, ledger).sent == []


def test_a_scan_finds_the_drafts_that_were_sent_by_itself(
    dovecot: Dovecot, workspace: Workspace, ledger: Ledger
) -> None:
    assert scan(workspace, ledger, at=ledger.now(), mailboxes=()).drafts_sent == 0
    put(workspace, ledger)
    sends(dovecot, lying(dovecot)[0][1])
    found = scan(workspace, ledger, at=ledger.now(), mailboxes=())
    assert (found.drafts_sent, found.unread) == (1, ())
    assert sorted(states(ledger)) == [State.ACCEPTED, State.DRAFTED, State.DRAFTED]
    (workspace.root / "imap.txt").write_text("wrong")
    ((box, fault),) = scan(
        load_workspace(workspace.root), ledger, at=ledger.now(), mailboxes=()
    ).unread
    assert (box, "refused the login" in str(fault)) == ("us: drafts", True)


def test_other_words_are_said_to_be_changed(
    dovecot: Dovecot, workspace: Workspace, ledger: Ledger
) -> None:
    one, *_ = everyone(ledger)
    put(workspace, ledger, str(one.number))
    ((_, data),) = lying(dovecot)
    letter = message_from_bytes(data, policy=policy.default)
    assert isinstance(letter, EmailMessage)
    body = letter.get_body(("plain",))
    assert body is not None
    body.set_content(body.get_content() + "And my own sentence.\n")
    sends(dovecot, letter.as_bytes())
    ((_, evidence),) = look(workspace, ledger).sent
    assert evidence.endswith("changed before that: the text")


def test_a_draft_is_taken_back_only_when_it_is_gone(
    dovecot: Dovecot, workspace: Workspace, ledger: Ledger
) -> None:
    put(workspace, ledger)
    one, two, three = everyone(ledger)

    def take_back(it: Delivery) -> None:
        people.settle(workspace, ledger, it, State.NOT_SENT, who="Jana", because="not her")

    with pytest.raises(Refused, match="still lies in the folder"):
        take_back(one)
    assert states(ledger) == [State.DRAFTED] * 3
    data = next(data for _, data in lying(dovecot) if str(two.message_id).encode() in data)
    sends(dovecot, data)  # and the others are deleted
    with pytest.raises(Refused, match="was sent"):
        take_back(two)
    take_back(one)
    people.settle(workspace, ledger, three, State.ACCEPTED, who="Jana", because="by hand")
    assert states(ledger) == [State.NOT_SENT, State.ACCEPTED, State.ACCEPTED]
    rest = planning.retry(ledger, "M-0001", lambda name: draft(workspace, name), who="Jana")
    assert [each.contact.address for each in rest.plan.to_send] == [one.address]


def test_a_letter_that_was_sent_before_a_crash_was_recorded_is_not_laid_there_again(
    dovecot: Dovecot, workspace: Workspace, ledger: Ledger
) -> None:
    one, *_ = everyone(ledger)
    put(workspace, ledger, one.name)
    ((_, data),) = lying(dovecot)
    with ledger.writing() as connection:  # as if the program had ended before it was recorded
        connection.exec_driver_sql("UPDATE delivery SET handover_at = NULL WHERE number = 1")
    sends(dovecot, data)
    assert [it.id for it, _ in put(workspace, ledger, "2").sent] == [one.id]
    assert str(one.message_id) not in ids(lying(dovecot))


def test_what_is_stopped_or_held_is_laid_nowhere(
    dovecot: Dovecot, workspace: Workspace, ledger: Ledger
) -> None:
    one, two, _ = everyone(ledger)
    put(workspace, ledger, one.name)
    held = people.hold(
        workspace, ledger, (), load_holds(workspace.hold_list, workspace.delegations),
        address=one.address, because="asked", who="Jana", at=ledger.now(),
    )  # fmt: skip
    assert [it.drafts for it in held.taken_out] == [(1,)]
    with ledger.writing() as connection:  # taken, and its program ended
        assert moves.take(connection, two, owner="dead", at=ledger.now(), who="Jana")
    mail_outs.stop(ledger, 1, who="Jana")
    look(workspace, ledger)
    assert states(ledger) == [State.DRAFTED, State.NOT_SENT, State.NOT_SENT]
    with pytest.raises(Refused, match="stopped"):
        put(workspace, ledger)
    assert len(lying(dovecot)) == 1


def taken_by_one_that_died(workspace: Workspace, ledger: Ledger) -> Delivery:
    """Take the letter of the second person, and lay it nowhere, as a program that ends there."""
    one, two, _ = everyone(ledger)
    put(workspace, ledger, one.name)
    with ledger.writing() as connection:
        assert moves.take(connection, two, owner="dead", at=ledger.now(), who="Jana")
    return two


def test_whoever_is_held_since_a_crash_gets_no_draft(
    dovecot: Dovecot, workspace: Workspace, ledger: Ledger
) -> None:
    two = taken_by_one_that_died(workspace, ledger)
    people.hold(
        workspace, ledger, (), load_holds(workspace.hold_list, workspace.delegations),
        address=two.address, because="asked", who="Jana", at=ledger.now(),
    )  # fmt: skip
    put(workspace, ledger)
    now = everyone(ledger)[1]
    assert (now.state, now.reason) == (State.NOT_SENT, Reason.ON_HOLD)
    assert str(two.message_id) not in ids(lying(dovecot))
    assert len(lying(dovecot)) == 2


def test_kill_switch_keeps_the_letter_of_a_crash_out_of_the_folder(
    dovecot: Dovecot, workspace: Workspace, ledger: Ledger
) -> None:
    taken_by_one_that_died(workspace, ledger)
    (workspace.root / ".mailer" / "STOP").touch()
    with pytest.raises(Refused, match="kill switch"):
        put(workspace, ledger)
    assert len(lying(dovecot)) == 1


def test_letter_that_is_laid_down_while_it_is_taken_back_stays_a_draft(
    dovecot: Dovecot, workspace: Workspace, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a second `mailer draft`, after somebody looked for it and before they say so."""
    taken_by_one_that_died(workspace, ledger)
    two = everyone(ledger)[1]
    looked = OwnMailbox.has_draft

    def looks_and_another_lays_it(box: OwnMailbox, message_id: str) -> bool:
        monkeypatch.setattr(OwnMailbox, "has_draft", looked)
        there = looked(box, message_id)
        put(workspace, ledger)
        return there

    monkeypatch.setattr(OwnMailbox, "has_draft", looks_and_another_lays_it)
    with pytest.raises(Refused, match="at this moment"):
        people.settle(workspace, ledger, two, State.NOT_SENT, who="Jana", because="no")
    assert states(ledger)[1] is State.DRAFTED
    assert str(two.message_id) in ids(lying(dovecot))


def test_draft_of_which_somebody_has_said_otherwise_meanwhile_is_said_to_lie_there(
    dovecot: Dovecot, workspace: Workspace, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, *_ = everyone(ledger)
    lays = OwnMailbox.put

    def another_says_it_is_not_sent(box: OwnMailbox, data: bytes) -> None:
        lays(box, data)
        with ledger.writing() as connection:
            connection.exec_driver_sql("UPDATE delivery SET state = 'not_sent' WHERE number = 1")

    monkeypatch.setattr(OwnMailbox, "put", another_says_it_is_not_sent)
    done = put(workspace, ledger, one.name)
    assert ([it.id for it in done.astray], done.put) == ([one.id], [])
    assert ids(lying(dovecot)) == [one.message_id]


@pytest.mark.parametrize("by", ["a sender", "drafts"])
def test_mail_out_is_not_finished_while_nobody_knows_whether_a_draft_lies_there(
    dovecot: Dovecot, workspace: Workspace, ledger: Ledger, by: str
) -> None:
    one, two, three = everyone(ledger)
    put(workspace, ledger, one.name)
    with sender(ledger) as other:
        with ledger.writing() as connection:
            assert moves.take(connection, two, owner=other, at=ledger.now(), who="Pavel")
        if by == "drafts":
            put(workspace, ledger, three.name)
        else:  # as a sending ends
            with ledger.writing() as connection:
                connection.exec_driver_sql("UPDATE delivery SET state='refused' WHERE number = 3")
                to = MailOutState.SENDING
                mailouts.change(connection, 1, to, at=ledger.now(), who="Jana")
                mailouts.finish_if_done(connection, 1, at=ledger.now(), who="Jana")
        now = mail_outs.standing(ledger, 1).mail_out
        assert now.state is MailOutState.PAUSED
    assert ("put the drafts there once more" in now.why) == (by == "a sender")
    wait_until_dead(ledger, other)
    put(workspace, ledger)
    assert mail_outs.standing(ledger, 1).mail_out.state is MailOutState.FINISHED
    assert str(two.message_id) in ids(lying(dovecot))


def test_who_has_answered_meanwhile_gets_no_draft_of_a_follow_up_and_that_is_said(
    dovecot: Dovecot, workspace: Workspace, ledger: Ledger
) -> None:
    with ledger.writing() as connection:
        connection.exec_driver_sql("UPDATE delivery SET state = 'accepted'")
        connection.exec_driver_sql("UPDATE mail_out SET state = 'finished'")
    again = workspace.root / "templates" / "again"
    shutil.copytree(workspace.root / "templates" / "appeal", again)
    toml = again / "appeal.toml"
    end = '[audience]\nfollows = "appeal"\n'
    toml.write_text(f"last_day = 2031-01-25\n{toml.read_text()}{end}")
    for letter in again.glob("*.md"):
        letter.write_text(re.sub("(?m)^Subject: .*", "Subject: Re:", letter.read_text()))
    planning.plan(ledger, draft(workspace, "again"), who="Jana")
    with ledger.reading() as connection:
        one, *_ = deliveries.people(connection, 1)
        its_own = deliveries.people(connection, 2)[0]
    answer = f"From: {one.address}\nIn-Reply-To: {one.message_id}\nSubject: Re: x\n\nThank you.\n"
    take_in(workspace, ledger, [("a.eml", answer.encode())], at=ledger.now())
    done = put_drafts(workspace, ledger, 2, [its_own.name], who="Jana")
    ((out,), laid) = (done.passed_over, done.put)
    assert (out.state, out.reason, out.detail) == (State.NOT_SENT, Reason.ANSWERED, "M-0001")
    assert laid == []
    assert lying(dovecot) == []
    command = ("draft", "M-0002", "--only", str(its_own.number))
    assert "None of them waits" in said(mailer(*command, at=workspace.root), 2)


def test_who_says_stop_while_their_draft_lies_there_is_named_with_it(
    workspace: Workspace, ledger: Ledger
) -> None:
    one, *_ = everyone(ledger)
    put(workspace, ledger, one.name)
    stop = f"From: {one.address}\nIn-Reply-To: {one.message_id}\nSubject: Re: x\n\nStop.\n"
    message = workspace.root / "stop.eml"
    message.write_text(stop)
    shown = said(mailer("inbox", "import", message, at=workspace.root))
    assert f"The draft {one.shown} to them lies in your mailbox: delete it there" in shown
    assert f"resolve {one.shown} --not-sent" in shown


def wait_until_dead(ledger: Ledger, name: str) -> None:
    """A server of PostgreSQL takes a moment until it sees that a session has ended."""
    for _ in range(200):
        with ledger.reading() as connection:
            if dead_among(ledger, connection, [name]):
                return
        threading.Event().wait(0.05)
    raise AssertionError(f"{name} is alive")


def test_letter_that_is_being_laid_down_cannot_be_taken_back(
    workspace: Workspace, ledger: Ledger
) -> None:
    one, two, _ = everyone(ledger)
    put(workspace, ledger, one.name)
    with sender(ledger) as other:
        with ledger.writing() as connection:
            assert moves.take(connection, two, owner=other, at=ledger.now(), who="Pavel")
        two = everyone(ledger)[1]
        with pytest.raises(Refused, match="at this moment"):
            people.settle(workspace, ledger, two, State.NOT_SENT, who="Jana", because="no")
    wait_until_dead(ledger, other)
    people.settle(workspace, ledger, two, State.NOT_SENT, who="Jana", because="no")
    assert states(ledger) == [State.DRAFTED, State.NOT_SENT, State.WAITING]


def test_draft_in_a_folder_of_all_mail_was_not_sent(
    dovecot: Dovecot, workspace: Workspace, ledger: Ledger
) -> None:
    put(workspace, ledger, "1")
    ((_, data),) = lying(dovecot)
    with imaplib.IMAP4("127.0.0.1", dovecot.imap) as imap:
        imap.login("us", "correct")
        assert imap.append(f'"{SENT}"', "\\Draft", "", data)[0] == "OK"
    assert look(workspace, ledger).sent == []
    assert states(ledger)[0] is State.DRAFTED


def test_what_begins_by_itself_later_is_not_begun_by_a_draft(
    workspace: Workspace, ledger: Ledger
) -> None:
    at = ledger.now()
    with ledger.writing() as connection:
        starts = {one.delegation: at + timedelta(days=1) for one in everyone(ledger)}
        mailouts.schedule(connection, 1, "tomorrow", starts, at=at, who="Jana")
    with pytest.raises(Refused, match="begins by itself"):
        put(workspace, ledger, "1")
    assert states(ledger) == [State.WAITING] * 3
    assert mail_outs.standing(ledger, 1).fresh


def test_nobody_and_several_people_are_refused(workspace: Workspace, ledger: Ledger) -> None:
    with pytest.raises(UsageError, match="nobody, and no delegation"):
        put(workspace, ledger, "Atlantis")
    (workspace.root / ".mailer" / "STOP").touch()
    with pytest.raises(Refused, match="kill switch"):
        put(workspace, ledger)
    assert states(ledger) == [State.WAITING] * 3


def lives(dovecot: Dovecot, workspace: Workspace, ledger: Ledger, step: int) -> bool:
    """Put one letter among the drafts, killed at a step; then look whether the next life ends with
    one draft of it. Returns whether it was killed.
    """
    dovecot.empty(f'"{DRAFTS}"')
    new = planning.plan(ledger, draft(workspace, "appeal"), who="Jana", instead=True)
    number = int(new.name[2:])
    life = [
        sys.executable, ROOT / "tests" / "helpers" / "killed.py", str(step), "-C",
        workspace.root, "draft", new.name, "--only", "1",
    ]  # fmt: skip
    code = subprocess.run(life, check=False, capture_output=True).returncode
    assert code in (0, -9)
    there = lying(dovecot)
    with ledger.reading() as connection:
        one = deliveries.people(connection, number)[0]
    if one.state is State.WAITING:  # nothing had begun
        assert there == [], step
    with contextlib.suppress(UsageError):  # nobody waits: it is done
        put_drafts(workspace, ledger, number, ["1"], who="Jana")
    with ledger.reading() as connection:
        one = deliveries.people(connection, number)[0]
    assert one.state is State.DRAFTED, step
    assert one.handover_at is not None, step
    assert ids(lying(dovecot)) == [one.message_id], step
    with ledger.writing() as connection:  # out of the way of the next life
        connection.exec_driver_sql("UPDATE delivery SET state = 'not_sent'")
    return code != 0


def test_killed_around_the_laying_down_every_letter_lies_there_once(
    dovecot: Dovecot, workspace: Workspace, ledger: Ledger
) -> None:
    for step in AROUND:
        assert lives(dovecot, workspace, ledger, step)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_killed_at_each_step_every_letter_lies_there_once(
    dovecot: Dovecot, workspace: Workspace, ledger: Ledger
) -> None:
    step = 1
    while lives(dovecot, workspace, ledger, step):
        step += 1
    assert step > max(AROUND)
