"""Facts about the chain: what was done to the record behind our back is found, and what we did is
no alarm.
"""

from __future__ import annotations

import math
import threading
import uuid
import zlib
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from mailer.base.states import MailOutState, Reason
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger, lock
from mailer.ledger.record import seals
from mailer.ledger.schema import OF_ATTEMPT, attempt, delivery, event, letter, mail_out, seal
from tests.conftest import SettableClock, a_plan
from tests.helpers.journeys import LATER, ME, YES, Journey


@pytest.fixture
def journey(ledger: Ledger, planned: Callable[..., int], clock: SettableClock) -> Journey:
    """A mail-out that is over, its record in several seals."""
    journey = Journey(ledger, planned(5, left_out=1), clock)
    ledger.seal()
    for one in journey.claim(5):
        clock.forward(seconds=1)
        if one.number == 2:
            journey.record(one, LATER, reason=Reason.LATER, next_try_at=clock())
            continue
        journey.mark(one)
        journey.record(one, YES)
        ledger.seal()
    (again,) = journey.claim(5)
    journey.mark(again)
    journey.recover(ME)
    journey.become(MailOutState.STOPPED)
    ledger.seal()
    return journey


def proof(ledger: Ledger, head: str = "") -> seals.ChainCheck:
    with ledger.reading() as connection:
        return seals.verify(connection, head)


def found(ledger: Ledger) -> list[str]:
    return [one.what for one in proof(ledger).broken]


def test_record_as_it_was_written_is_whole(journey: Journey, ledger: Ledger) -> None:
    proven = proof(ledger)
    assert proven.broken == ()
    assert (proven.unsealed, proven.letters, proven.erased) == (0, 5, 0)
    assert proven.seals >= 5
    assert proven.events > proven.attempts == 6


def test_new_entries_stand_outside_until_they_are_sealed(
    ledger: Ledger, planned: Callable[..., int], clock: SettableClock
) -> None:
    planned(2)
    ledger.seal()
    head = proof(ledger).head
    with ledger._writer.begin() as connection:  # as if the process had died before its next seal
        mailouts.change(connection, 1, MailOutState.SENDING, at=clock(), who="Jana")
    assert (proof(ledger).unsealed, proof(ledger).head, found(ledger)) == (1, head, [])
    ledger.seal()
    assert (proof(ledger).unsealed, proof(ledger).head == head) == (0, False)


def test_log_that_is_closed_is_sealed(ledger_url: str, clock: SettableClock) -> None:
    with Ledger(ledger_url, now=clock) as ledger:
        ledger.seal()
        for _ in range(3):
            with ledger.writing() as connection:
                mailouts.create(connection, a_plan(1), at=clock(), who="Jana")
    with Ledger(ledger_url, now=clock) as again:
        proven = proof(again)
        assert (proven.unsealed, proven.events, proven.broken) == (0, 3, ())
        with again._writer.begin() as connection:  # as if a sender had been killed
            mailouts.create(connection, a_plan(1), at=clock(), who="Jana")
    for _ in range(2):
        with Ledger(ledger_url, now=clock) as again:
            assert proof(again).unsealed == 1, "who only reads seals nothing"


E, D = event.c, delivery.c
DONE = E.kind == "accepted"
LATER_TRIED = sa.select(sa.func.min(E.id)).where(E.kind == "deferred").scalar_subquery()
FIRST = sa.select(sa.func.min(E.id)).where(DONE).scalar_subquery()
LAST = sa.select(sa.func.max(E.at)).scalar_subquery()
OTHERS = sa.select(D.digest).where(D.number == 4).scalar_subquery()


def first(**values: object) -> sa.Update:
    return sa.update(event).where(E.id == FIRST).values(**values)


def person(number: int, **values: object) -> sa.Update:
    return sa.update(delivery).where(D.number == number).values(**values)


TAMPERING: dict[str, sa.sql.expression.Executable] = {
    "the word of an event": first(kind="refused"),
    "the time of an event": first(at=LAST),
    "the author of an event": first(who="Jana"),
    "the detail of an event": sa.update(event).where(E.kind == "planned").values(detail="x"),
    "whose event it is": first(delivery_id=E.delivery_id % 5 + 1),
    "an event is marked as erased": first(erased="0" * 64),
    "an event is taken out": sa.delete(event).where(E.id == FIRST),
    "every event is taken out": sa.delete(event),
    "an event is put in between": sa.insert(event).from_select(
        ["id", "at", "mail_out_id", "delivery_id", "kind", "who"],
        sa.select(sa.literal(-5), E.at, E.mail_out_id, sa.literal(2), sa.literal("accepted"),
                  E.who).where(E.id == FIRST),
    ),
    "the server's words": first(detail="queued as 9999"),
    "the server's code": first(code=251),
    "the marker of an attempt": first(handover_at=None),
    "the seconds of an attempt": first(seconds=0.2),
    "which attempt of its letter it was": first(attempt=2),
    "all that is known of an attempt": first(**dict.fromkeys(OF_ATTEMPT)),
    "a claim is made an attempt": sa.update(event).where(E.kind == "claimed").values(code=250),
    "whom a claim has taken": sa.update(event).where(E.kind == "claimed").values(detail="1-2"),
    "an attempt of an earlier version is put in": sa.insert(attempt).values(
        id=-5, delivery_id=1, number=1, at=LAST, state="accepted", stage="dot"
    ),
    "the address of a person": person(3, address="other@no.parliament.example"),
    "the name of a person left out": person(6, name="Somebody Else"),
    "why a person was left out": person(6, reason="on_hold"),
    "the letter of a person": person(3, digest=OTHERS),
    "the state of a person": person(2, state="accepted"),
    "the state of a person who is being sent": person(6, state="waiting"),
    "the fingerprint of a mail-out": sa.update(mail_out).values(hash="0" * 64),
    "the sender of a mail-out": sa.update(mail_out).values(sender="them@rights.example"),
    "the bytes of a letter": sa.update(letter).values(data=zlib.compress(b"P.S.\r\n")),
    "a seal is changed": sa.update(seal).where(seal.c.id == 2).values(hash="1" * 64),
    "a seal is taken out": sa.delete(seal).where(seal.c.id == 2),
}  # fmt: skip


def test_what_is_done_behind_our_back_is_found(journey: Journey, ledger: Ledger) -> None:
    passed = []
    for what, statement in TAMPERING.items():
        with ledger._writer.connect() as connection:  # undone at the end
            assert connection.execute(statement).rowcount != 0, f"nothing was changed: {what}"
            if not seals.verify(connection).broken:
                passed.append(what)
    assert passed == []
    assert found(ledger) == []


def test_finding_names_the_mail_out_and_the_time(
    journey: Journey, ledger: Ledger, planned: Callable[..., int]
) -> None:
    planned(1, appeal="another")
    ledger.seal()
    with ledger._writer.begin() as connection:
        connection.execute(sa.delete(event).where(E.id == LATER_TRIED))
    (broken,) = proof(ledger).broken
    assert (broken.what, broken.mail_outs) == ("1 event is missing", (1,))
    assert broken.since is not None
    assert broken.until is not None
    assert broken.since <= broken.until


def test_cut_off_record_is_found_by_a_head_that_was_kept(journey: Journey, ledger: Ledger) -> None:
    head = proof(ledger).head
    last = sa.select(sa.func.max(seal.c.id)).scalar_subquery()
    with ledger._writer.begin() as connection:
        before = sa.select(seal.c.event_id).where(seal.c.id < last)
        end = connection.scalar(before.order_by(seal.c.id.desc()).limit(1))
        connection.execute(sa.delete(seal).where(seal.c.id == last))
        connection.execute(sa.delete(event).where(E.id > end))
    assert not proof(ledger, head).knows
    assert not proof(ledger, head[:16]).knows
    assert proof(ledger, proof(ledger).head).knows


def test_several_writers_at_once_leave_one_whole_chain(
    ledger: Ledger, planned: Callable[..., int], clock: SettableClock
) -> None:
    planned(1)
    others = [Ledger(ledger.url.render_as_string(False), now=clock) for _ in range(3)]

    def write(one: Ledger) -> None:
        for number in range(12):
            with one.writing() as connection:
                connection.execute(
                    sa.insert(event).values(
                        mail_out_id=1, kind="noted", at=clock(), who="x", detail=str(number)
                    )
                )
            if number % 3 == 0:
                one.seal()

    threads = [threading.Thread(target=write, args=(one,)) for one in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for one in others:
        one.close()
    proven = proof(ledger)
    assert (proven.events, proven.unsealed, proven.broken) == (37, 0, ())


def test_nobody_waits_while_a_seal_is_worked_out(
    ledger: Ledger,
    planned: Callable[..., int],
    clock: SettableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    planned(1)
    draft = seals.draft
    with Ledger(ledger.url.render_as_string(False), now=clock) as other:

        def write() -> None:
            with other.writing() as connection:
                values = {"mail_out_id": 1, "kind": "noted", "at": clock(), "who": "x"}
                connection.execute(sa.insert(event).values(values))

        def disturbed(connection: sa.Connection, *until: Any) -> seals.PendingSeal:
            writing = threading.Thread(target=write)
            writing.start()
            writing.join(20)
            assert not writing.is_alive()
            return draft(connection, *until)

        other._seal_after = math.inf  # it is not to seal what it writes
        with monkeypatch.context() as patched:
            patched.setattr(seals, "draft", disturbed)
            ledger.seal()
        other._unsealed = False
    with ledger.reading() as connection:
        assert seals.head(connection) != seals.BEGINNING
    ledger.seal()
    assert (proof(ledger).unsealed, proof(ledger).broken) == (0, ())


def test_logs_that_share_a_database_do_not_wait_for_one_another(
    ledger: Ledger, clock: SettableClock
) -> None:
    if ledger.path is not None:
        pytest.skip("a file is one log")
    beside = f"test_{uuid.uuid4().hex}"
    with ledger.session() as connection:
        connection.execute(sa.text(f"CREATE SCHEMA {beside}"))
    try:
        url = ledger.url.update_query_dict({"options": f"-csearch_path={beside}"})
        with (
            Ledger(url.render_as_string(False), now=clock) as other,
            ledger.writing() as here,
            other.writing() as there,
        ):
            lock(here, "claim")
            there.execute(sa.text("SET LOCAL lock_timeout = '5s'"))
            lock(there, "claim")
    finally:
        with ledger.session() as connection:
            connection.execute(sa.text(f"DROP SCHEMA {beside} CASCADE"))


def test_seal_that_was_drawn_before_another_one_was_written_is_not_written(
    ledger: Ledger, planned: Callable[..., int], clock: SettableClock
) -> None:
    planned(1)
    planned(1)
    with ledger.reading() as connection:
        drawn = seals.draft(connection)
    before = proof(ledger).seals
    ledger.seal()
    with ledger.writing() as connection:
        assert not seals.close(connection, drawn, clock())
        assert seals.close(connection, seals.draft(connection), clock()), (
            "there is nothing left to seal"
        )
    assert (proof(ledger).seals, proof(ledger).broken) == (before + 1, ())
