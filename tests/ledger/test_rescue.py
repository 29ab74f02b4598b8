"""Answers that the send log could not take are not lost: whoever goes on puts them on record."""

from __future__ import annotations

import asyncio
import sqlite3
from functools import partial

import pytest

from mailer.base.states import MailOutState, Reason, Receipt, Stage, State
from mailer.ledger import mailouts
from mailer.ledger.guard import rescue, senders
from mailer.ledger.ledger import Ledger, Unwritable
from mailer.ledger.moves import claims, writer
from mailer.ledger.moves.transitions import Claimed, Marker, Outcome
from mailer.ledger.moves.writer import Writer
from mailer.ledger.reading import deliveries
from tests.conftest import a_plan

YES = Receipt(
    State.ACCEPTED, Stage.DOT, 250, "2.0.0", "queued as 4F1C", "smtp.example", "TLSv1.3", 0.1
)
GONE = Receipt(
    State.REFUSED, Stage.RCPT, 550, "5.1.1", "no such user é", "smtp.example", "TLSv1.3", 0.1
)
ANSWERS = ((YES, None), (GONE, Reason.NO_MAILBOX))


@pytest.fixture
def mail_out(sqlite_ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(writer, "PAUSE", 0.01)
    with sqlite_ledger.writing() as connection:
        mail_out_id = mailouts.create(connection, a_plan(3), at=sqlite_ledger.now(), who="Jana")
        mailouts.change(
            connection, mail_out_id, MailOutState.SENDING, at=sqlite_ledger.now(), who="Jana"
        )
        return mail_out_id


def takes_nothing(ledger: Ledger, *, on: bool) -> None:
    """As on a disk that was mounted anew, for reading only."""
    with ledger._writer.connect() as connection:
        driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
        driver.execute(f"PRAGMA query_only = {int(on)}")


def test_answers_that_could_not_be_written_come_onto_the_record(
    sqlite_ledger: Ledger, mail_out: int
) -> None:
    dead = asyncio.run(three_letters_two_answers(sqlite_ledger, mail_out))
    assert len(senders.with_something_kept(sqlite_ledger)) == 1
    at = sqlite_ledger.now()
    with sqlite_ledger.writing() as connection:
        assert rescue.take_over(sqlite_ledger, connection, mail_out, [dead], me="next", at=at) == 1
    with sqlite_ledger.writing() as connection:
        assert rescue.take_over(sqlite_ledger, connection, mail_out, [dead], me="next", at=at) == 0
        rescue.tidy(sqlite_ledger, connection)
        people = deliveries.people(connection, mail_out)
        kinds = [moment.kind for moment in deliveries.timeline(connection, people[0].id)]
    assert [(one.state, one.reason, one.code, one.text) for one in people] == [
        (State.ACCEPTED, "", 250, "queued as 4F1C"),
        (State.REFUSED, Reason.NO_MAILBOX, 550, "no such user é"),
        (State.UNKNOWN, Reason.BROKE_AFTER_DOT, None, people[2].text),
    ]
    assert kinds == ["sending", "accepted"]
    assert senders.with_something_kept(sqlite_ledger) == []


async def three_letters_two_answers(ledger: Ledger, mail_out: int) -> str:
    """Send three letters past their marker, get answers to two when the log takes nothing. Returns
    the sender.
    """
    with senders.sender(ledger) as me:
        async with Writer(ledger, partial(rescue.keep, ledger, me)) as opened:
            held: list[Claimed] = await opened.run(
                claims.claim, mail_out, owner=me, at=ledger.now(), limit=3
            )
            for one in held:
                assert await opened.mark(Marker(one, me, ledger.now(), ledger.now()), after=None)
            takes_nothing(ledger, on=True)
            for one, (receipt, reason) in zip(held, ANSWERS, strict=False):
                outcome = Outcome(one, receipt, receipt.state, reason, me, ledger.now())
                with pytest.raises(Unwritable):
                    await opened.record(outcome).done
    takes_nothing(ledger, on=False)
    return me


def test_line_that_a_crash_cut_off_is_no_answer(sqlite_ledger: Ledger, mail_out: int) -> None:
    dead = asyncio.run(three_letters_two_answers(sqlite_ledger, mail_out))
    (path,) = senders.with_something_kept(sqlite_ledger)
    whole = path.read_bytes().rstrip(b"\0")
    path.write_bytes(whole[:-20])
    with sqlite_ledger.writing() as connection:
        assert (
            rescue.take_over(
                sqlite_ledger, connection, mail_out, [dead], me="x", at=sqlite_ledger.now()
            )
            == 2
        )


def test_disk_that_takes_it_at_the_second_try_is_no_fault(
    sqlite_ledger: Ledger, mail_out: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    def mended(seconds: float) -> None:
        waited.append(seconds)
        takes_nothing(sqlite_ledger, on=False)

    async def send() -> bool:
        async with Writer(sqlite_ledger) as opened:
            (one,) = await opened.run(
                claims.claim, mail_out, owner="me", at=sqlite_ledger.now(), limit=1
            )
            takes_nothing(sqlite_ledger, on=True)
            return await opened.mark(
                Marker(one, "me", sqlite_ledger.now(), sqlite_ledger.now()), after=None
            )

    monkeypatch.setattr(writer.time, "sleep", mended)
    assert asyncio.run(send())
    assert len(waited) == 1
