"""Facts about what came back on record: each message once, no state changed, objections obeyed."""

from __future__ import annotations

import mailbox
import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from mailer.actions import inbox, people
from mailer.actions.inbox import (
    Follows,
    PutOnHold,
    open_message,
    proposals,
    sort_by_hand,
    take_in,
)
from mailer.actions.people import release
from mailer.base.settings.workspace import Workspace, load_workspace
from mailer.base.states import MailOutState, Receipt, Stage, State
from mailer.contacts.holds import load_holds
from mailer.inbox.forwarded import messages_in
from mailer.inbox.kinds import InboxKind
from mailer.inbox.mail.parts import Mail
from mailer.ledger import mailouts
from mailer.ledger.events import EventKind
from mailer.ledger.ledger import Ledger
from mailer.ledger.moves import incoming
from mailer.ledger.reading import answers, deliveries
from mailer.ledger.reading.answers import WantedMessages
from mailer.ledger.reading.counts import count
from mailer.ledger.reading.sent import SentLetter, sent_letters
from mailer.ledger.record import erasure, seals
from mailer.ledger.schema import incoming as table
from tests.conftest import SettableClock
from tests.helpers.workspaces import CLOSED_PORT, a_workspace
from tests.ledger.test_ledger import Journey


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return load_workspace(a_workspace(tmp_path / "work", CLOSED_PORT))


@pytest.fixture
def journey(ledger: Ledger, planned: Callable[..., int], clock: SettableClock) -> Journey:
    """Four letters are accepted."""
    journey = Journey(ledger, planned(4), clock)
    for one in journey.claim(4):
        journey.mark(one)
        journey.record(one, Receipt(State.ACCEPTED, Stage.DOT, 250, "2.0.0", "ok", "", "", 0.1))
    return journey


def letters(journey: Journey) -> list[SentLetter]:
    with journey.ledger.reading() as connection:
        return list(sent_letters(connection))


def a_message(letter: SentLetter, text: str, *, headers: str = "", subject: str = "Re: x") -> bytes:
    return (
        f"From: {letter.name} <{letter.address}>\r\nTo: answers@rights.example\r\n"
        f"Subject: {subject}\r\nIn-Reply-To: {letter.message_id}\r\n{headers}"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    ).encode()


def away(letter: SentLetter, until: str = "25 January 2027") -> bytes:
    return a_message(
        letter,
        f"I am out of the office until {until}.",
        headers="Auto-Submitted: auto-replied\r\nReturn-Path: <>\r\n",
        subject="Automatic reply: x",
    )


def returned(address: str, status: str = "5.1.1") -> bytes:
    """A report that the mailbox is not there."""
    return (
        "From: MAILER-DAEMON@mx.example\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        "Return-Path: <>\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"'
        f"\r\n\r\n--b\r\n\r\n<{address}>: 550 {status} User unknown\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
        f"Final-Recipient: rfc822; {address}\r\nAction: failed\r\nStatus: {status}\r\n--b--\r\n"
    ).encode()


def test_a_return_needs_a_person_until_a_later_letter_of_this_very_appeal(
    journey: Journey, workspace: Workspace, planned: Callable[..., int]
) -> None:
    one, *_ = letters(journey)
    take_in(workspace, journey.ledger, [("r.eml", returned(one.address))], at=journey.clock())

    def needing() -> list[str]:
        with journey.ledger.reading() as connection:
            return [it.shown for it in deliveries.needing_a_person(connection, journey.id)]

    def all_accepted(appeal: str) -> None:
        later = planned(6, appeal=appeal)
        with journey.ledger.writing() as connection:
            where = f"WHERE mail_out_id = {later}"
            connection.exec_driver_sql(f"UPDATE delivery SET state = 'accepted' {where}")

    before = needing()
    assert one.delivery in before
    all_accepted("another")
    assert needing() == before
    all_accepted("appeal")
    assert one.delivery not in needing()


def test_a_message_is_recorded_once_and_changes_no_state(
    journey: Journey, workspace: Workspace
) -> None:
    one, two, *_ = letters(journey)
    found = [("a.eml", away(one)), ("b.eml", a_message(two, "Thank you, I will vote for it."))]
    before = journey.counts()
    first = take_in(workspace, journey.ledger, found, at=journey.clock())
    again = take_in(workspace, journey.ledger, found, at=journey.clock())
    assert (first.new, first.known, again.new, again.known) == (2, 0, 0, 2)
    assert first.kinds == {"away": 1, "reply": 1}
    assert journey.counts() == before
    with journey.ledger.reading() as connection:
        kinds = [m.detail for m in deliveries.timeline(connection, journey.one(1).id)
                 if m.kind is EventKind.CAME_BACK]  # fmt: skip
        assert kinds == ["away"]
        assert count(connection, journey.id).came_back == {("away",): 1, ("reply",): 1}
        waiting = answers.messages(connection, WantedMessages(waiting=True))
    assert [one.kind for one in waiting] == ["reply"]
    assert seals_hold(journey)


def seals_hold(journey: Journey) -> bool:
    journey.ledger.seal()
    with journey.ledger.reading() as connection:
        return not seals.verify(connection).broken


def test_a_stop_puts_the_person_on_the_hold_list_at_once(
    journey: Journey, workspace: Workspace
) -> None:
    one, two, *_ = letters(journey)
    long = "I read this with care. " * 30 + "Please do not write to me again."
    found = [("a.eml", a_message(one, "Stop.")), ("b.eml", a_message(two, long))]
    said = take_in(workspace, journey.ledger, found, at=journey.clock())
    assert said.held == (PutOnHold(one.delivery, one.name),)
    assert [
        hold.address for hold in load_holds(workspace.hold_list, workspace.delegations).entries
    ] == [one.address]
    assert said.kinds == {"objection": 2}  # the other one is proposed, and a person decides
    again = take_in(workspace, journey.ledger, found, at=journey.clock())
    assert again.held == ()


def test_whoever_is_released_after_a_stop_is_not_held_again(
    journey: Journey, workspace: Workspace
) -> None:
    one, two, *_ = letters(journey)
    stop = [("a.eml", a_message(one, "Stop."))]
    take_in(workspace, journey.ledger, stop, at=journey.clock())
    (entry,) = load_holds(workspace.hold_list, workspace.delegations)
    release(workspace, journey.ledger, entry, who="Jana")
    later = take_in(workspace, journey.ledger, [*stop, ("b.eml", away(two))], at=journey.clock())
    assert (later.new, later.held) == (1, ())
    assert not load_holds(workspace.hold_list, workspace.delegations)


def test_a_crash_after_the_hold_list_was_written_reads_the_stop_again(
    journey: Journey, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, *_ = letters(journey)
    stop = [("a.eml", a_message(one, "Stop."))]
    with monkeypatch.context() as crash, pytest.raises(KeyboardInterrupt):
        crash.setattr(incoming, "record", lambda *_, **__: signal.raise_signal(signal.SIGINT))
        take_in(workspace, journey.ledger, stop, at=journey.clock())
    assert len(load_holds(workspace.hold_list, workspace.delegations)) == 1
    again = take_in(workspace, journey.ledger, stop, at=journey.clock())
    assert (again.new, again.held) == (1, (PutOnHold(one.delivery, one.name),))
    assert len(load_holds(workspace.hold_list, workspace.delegations)) == 1


def test_a_person_sorts_what_was_not_sure(journey: Journey, workspace: Workspace) -> None:
    one, two, *_ = letters(journey)
    stranger = a_message(one, "Hello").replace(one.message_id.encode(), b"<nothing@x.example>")
    stranger = stranger.replace(one.address.encode(), b"somebody@elsewhere.example")
    stranger = stranger.replace(one.name.encode(), b"Somebody")
    take_in(workspace, journey.ledger, [("a.eml", stranger)], at=journey.clock())
    with journey.ledger.reading() as connection:
        (there,) = answers.messages(connection)
    assert (there.kind, there.letters) == ("unrelated", ())
    held = sort_by_hand(
        workspace,
        journey.ledger,
        there.id,
        InboxKind.OBJECTION,
        [two.delivery],
        at=journey.clock(),
        who="Marta",
    )
    assert held == [PutOnHold(two.delivery, two.name)]
    with journey.ledger.reading() as connection:
        now = answers.message(connection, there.id)
        assert now is not None
        assert (now.kind, now.sorted_by, now.letters) == ("objection", "Marta", (two.delivery,))


def test_a_crash_between_two_messages_loses_and_doubles_nothing(
    journey: Journey, workspace: Workspace
) -> None:
    found = [(f"{n}.eml", away(letter)) for n, letter in enumerate(letters(journey))]

    def cut_off() -> Iterator[tuple[str, bytes]]:
        yield from found[:2]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take_in(workspace, journey.ledger, cut_off(), at=journey.clock())
    said = take_in(workspace, journey.ledger, found, at=journey.clock())
    assert (said.new, said.known) == (2, 2)
    with journey.ledger.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 4


def test_what_people_wrote_goes_after_the_days_that_are_set_and_with_the_person(
    journey: Journey, workspace: Workspace
) -> None:
    one, two, *_ = letters(journey)
    take_in(workspace, journey.ledger, [("a.eml", away(one))], at=journey.clock())
    later = journey.clock() + timedelta(days=workspace.settings.inbox.keep_days + 1)
    take_in(workspace, journey.ledger, [("b.eml", away(two))], at=later)
    with journey.ledger.reading() as connection:
        new, old = answers.messages(connection)
        assert (old.own, old.sender, answers.raw(connection, old.id)) == ("", "", None)
        assert old.kind == "away"
    opened = open_message(journey.ledger, new.id, at=later, who="Marta")
    assert opened.text is not None
    assert "out of the office" in opened.text
    journey.become(MailOutState.FINISHED)
    with journey.ledger.writing() as connection:
        person = [journey.one(2)]
        erasure.erase(connection, person, who="Marta", because="asked", at=later)
    with journey.ledger.reading() as connection:
        new, _ = answers.messages(connection)
        assert (new.own, new.sender, new.reason) == ("", "", "")
    assert seals_hold(journey)


def test_messages_come_from_an_mbox_a_maildir_and_a_folder(tmp_path: Path) -> None:
    texts = [f"Subject: {n}\n\nFrom here on, {n}\n".encode() for n in range(3)]
    box = mailbox.mbox(str(tmp_path / "answers.mbox"))
    maildir = mailbox.Maildir(str(tmp_path / "Maildir"))
    folder = tmp_path / "folder"
    folder.mkdir()
    for number, text in enumerate(texts):
        box.add(text)
        maildir.add(text)
        (folder / f"{number}.eml").write_bytes(text)
    box.close()
    for place in ("answers.mbox", "Maildir", "folder"):
        found = sorted(raw.strip() for _, raw in messages_in(tmp_path / place))
        assert found == [text.strip() for text in texts], place


def test_a_message_of_25_mb_is_kept_without_the_inside_of_its_attachment(
    journey: Journey, workspace: Workspace
) -> None:
    one, *_ = letters(journey)
    head = a_message(one, "").replace(
        b"Content-Type: text/plain; charset=utf-8", b"Content-Type: multipart/mixed; boundary=b"
    )
    body = b"--b\r\nContent-Type: text/plain\r\n\r\nMy answer is attached.\r\n--b\r\n"
    pdf = b"Content-Type: application/pdf; name=answer.pdf\r\n\r\n" + b"QUJD" * 19 + b"\r\n"
    raw = head + body + pdf + (b"QUJD" * 19 + b"\r\n") * 320_000 + b"--b--\r\n"
    take_in(workspace, journey.ledger, [("a.eml", raw)], at=journey.clock())
    with journey.ledger.reading() as connection:
        (kept,) = answers.messages(connection)
        data = answers.raw(connection, kept.id)
    assert (kept.kind, kept.parts) == ("reply", "answer.pdf")
    assert data is not None
    assert len(data) < 300_000


def test_a_folder_remembers_how_far_it_was_read(journey: Journey) -> None:
    with journey.ledger.writing() as connection:
        assert answers.place(connection, "INBOX") == (0, 0)
        incoming.read_up_to(connection, "INBOX", 7, 120)
        incoming.read_up_to(connection, "INBOX", 7, 121)
        assert answers.place(connection, "INBOX") == (7, 121)


def test_an_address_that_came_back_is_left_out_of_the_next_plan(
    journey: Journey, workspace: Workspace
) -> None:
    one, two, *_ = letters(journey)
    take_in(workspace, journey.ledger, [("a.eml", returned(one.address))], at=journey.clock())
    with journey.ledger.reading() as connection:
        for appeal in ("appeal", "another"):
            stands = {w.address_key: w for w in mailouts.history(connection, appeal)}
            assert stands[one.address].state is State.REFUSED
            assert stands[one.address].returned
        assert two.address not in stands
    assert journey.counts() == {State.ACCEPTED: 4}


def test_what_may_follow_names_the_cell_the_day_and_the_command(
    journey: Journey, workspace: Workspace
) -> None:
    one, two, *_ = letters(journey)
    words = "I am no longer a member of parliament; please write to next@no.example."
    left = a_message(two, words)
    found = [("a.eml", away(one)), ("b.eml", left)]
    take_in(workspace, journey.ledger, found, at=journey.clock())
    with journey.ledger.reading() as connection:
        gone, absent = answers.messages(connection)
    (again,) = proposals(absent)
    assert str(again.sentence) == "try again after 2027-01-25, when they are back"
    assert again.command == (
        f'mailer position set {one.address} --next "write again" --due 2027-01-25'
    )
    correct, names, hold, *_ = sorted(proposals(gone), key=lambda one: one.what)
    assert (correct.what, str(correct.sentence)) == (
        Follows.CORRECT,
        f"write to the successor: put them into {gone.cells[0]}",
    )
    assert hold.command == f'mailer contacts hold {two.address} --because "…"'
    assert str(names.sentence) == f"they name next@no.example; {gone.cells[0]} has theirs"
    assert gone.cells[0].startswith("contacts/")


def test_a_message_on_which_sorting_fails_is_kept_and_waits(
    journey: Journey, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, *_ = letters(journey)
    sort = inbox.examine

    def fails_once(mail: Mail, *args: object, **more: object) -> object:
        if "Stop" in mail.text:
            raise RecursionError
        return sort(mail, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(inbox, "examine", fails_once)
    found = [("a.eml", a_message(one, "Stop.")), ("b.eml", away(two))]
    assert take_in(workspace, journey.ledger, found, at=journey.clock()).new == 2
    with journey.ledger.reading() as connection:
        (waiting,) = answers.messages(connection, WantedMessages(waiting=True))
    assert waiting.reason == "it could not be sorted (RecursionError)"
    opened = open_message(journey.ledger, waiting.id, at=journey.clock(), who="Marta")
    assert opened.text == "Stop.\n"


def test_what_somebody_wrote_goes_with_their_entry_on_the_hold_list(
    journey: Journey, workspace: Workspace
) -> None:
    one, two, *_ = letters(journey)
    found = [("a.eml", a_message(one, "Stop.")), ("b.eml", away(two))]
    take_in(workspace, journey.ledger, found, at=journey.clock())
    (entry,) = load_holds(workspace.hold_list, workspace.delegations).entries
    people.forget(workspace, journey.ledger, entry, who="Marta")
    with journey.ledger.reading() as connection:
        other, theirs = answers.messages(connection)
        assert (theirs.own, theirs.sender, theirs.subject, theirs.box) == ("", "", "", "")
        assert answers.raw(connection, theirs.id) is None
        assert theirs.kind == "objection"
        assert "out of the office" in other.own
    assert seals_hold(journey)
    held = load_holds(workspace.hold_list, workspace.delegations)
    assert held.match(entry) is not None
