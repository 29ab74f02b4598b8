"""The counts of an appeal: kept in memory, and always what counting anew says."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from mailer.base.states import State
from mailer.inbox.kinds import InboxKind
from mailer.ledger import events
from mailer.ledger.events import EventKind
from mailer.ledger.ledger import Connection, Ledger
from mailer.ledger.moves import incoming, resolve
from mailer.ledger.reading import deliveries, kept_counts
from mailer.ledger.reading.counts import count
from mailer.ledger.reading.kept_counts import KeptCounts
from mailer.ledger.reading.scope import OfAppeal, standing
from mailer.ledger.record import erasure
from mailer.ledger.schema import delivery, mail_out

AT = datetime(2027, 1, 20, 8, tzinfo=UTC)
d = delivery.c

# of three mail-outs, what became of each of six people; the sixth shares the mailbox of the first
FATES = (
    ("accepted", "skipped", "skipped"),
    ("refused", "accepted", "skipped"),
    ("refused", "refused", "waiting"),
    ("unknown", "skipped", "skipped"),
    ("skipped", "skipped", "waiting"),
    ("skipped", "skipped", "skipped"),
)


def fill(log: Ledger) -> None:
    with log.writing() as connection:
        for which in range(3):
            connection.execute(
                sa.insert(mail_out).values(
                    id=which + 1, appeal="vote", state="finished", mode="test", hash="0",
                    server="", sender="us@rights.example", sources=b"", planned_at=AT,
                )
            )  # fmt: skip
            for at, fate in enumerate(FATES):
                named = at == 5 and which == 0
                box = 0 if at == 5 else at
                connection.execute(
                    sa.insert(delivery).values(
                        id=10 * which + at + 1, mail_out_id=which + 1, number=at + 1, position=at,
                        person=f"NO:person {at}", name=f"Person {at}", delegation="NO",
                        address=f"p{box}@no.example", address_key=f"p{box}@no.example",
                        state=fate[which], changed_at=AT, salt="x",
                        reason="shared_mailbox" if named else "",
                        message_id=f"<{which}.{box}@x>" if named or fate[which] != "skipped"
                        else None,
                    )
                )  # fmt: skip


def move(connection: Connection, one: int, to: State) -> None:
    """Move a delivery as the ledger does: its state and its event in one transaction."""
    of = connection.execute(
        sa.update(delivery).where(d.id == one).values(state=to.value).returning(d.mail_out_id)
    ).scalar_one()
    events.write(connection, EventKind(to.value), of, one, at=AT, who="")


def answer(connection: Connection, kind: InboxKind, letter: str, digest: str = "1") -> int | None:
    message = incoming.Incoming(
        digest=digest, box="x", arrived_at=AT, kind=kind.value, sure=True, reason="", until=None,
        whole=False, sender="", subject="", own="", parts="", raw=b"",
    )  # fmt: skip
    return incoming.record(connection, message, [letter], how="x", certainty=100, at=AT)


OF = (OfAppeal("vote"), 1, 2, 3)


@pytest.fixture
def same(ledger: Ledger, tmp_path: Path) -> Callable[[], None]:
    """Compare what is kept, in memory and in a file of the first time, with counting anew."""
    fill(ledger)
    with ledger.writing() as connection:
        events.write(connection, EventKind.NOTED, 1, 1, at=AT, who="Jana")
    ledger.seal()
    ways = {of: (KeptCounts(of), KeptCounts(of, tmp_path)) for of in OF}

    def same() -> None:
        with ledger.reading() as connection:
            for of, there in ways.items():
                anew = count(connection, of)
                listed = [one.id for one in deliveries.needing_a_person(connection, of)]
                for way in (*there, KeptCounts(of, tmp_path)):  # the last begins with the file
                    assert way.now(connection).groups == anew.groups
                    assert [one.id for one in way.first_needing(connection, 10)] == listed

    same()
    assert {one.name for one in tmp_path.glob("*.counts")} == {
        "vote.counts", "M-0001.counts", "M-0002.counts", "M-0003.counts",
    }  # fmt: skip
    return same


def test_what_is_kept_is_what_counting_anew_says(ledger: Ledger, same: Callable[[], None]) -> None:
    with ledger.writing() as connection:
        move(connection, 23, State.SENDING)
    same()
    with ledger.writing() as connection:
        move(connection, 23, State.ACCEPTED)
        move(connection, 25, State.REFUSED)
        answer(connection, InboxKind.RETURNED_HARD, "M-0001-001")
    same()
    with ledger.writing() as connection:  # and it was not about the first, but about the second
        number = answer(connection, InboxKind.REPLY, "M-0001-001", "2")
        assert number is not None
        incoming.sort(connection, number, "reply", ["M-0002-002"], at=AT, who="Jana")
    same()
    with ledger.writing() as connection:
        (one,) = deliveries.by_id(connection, [4])
        resolve.settle(connection, one, State.ACCEPTED, who="Jana", because="asked", at=AT)
    same()
    with ledger.writing() as connection:
        erased = deliveries.by_id(connection, [1])
        erasure.erase(connection, erased, who="Jana", because="asked us", at=AT)
    same()
    with ledger.writing() as connection:
        values = {"id": 4, "appeal": "vote", "state": "planned", "mode": "test", "hash": "0"}
        values |= {"server": "", "sender": "x", "sources": b"", "planned_at": AT}
        connection.execute(sa.insert(mail_out).values(**values))
    same()
    with ledger.writing() as connection:  # those who were erased are still moved
        move(connection, 1, State.UNKNOWN)
    same()


def test_who_needs_a_person_is_listed_in_the_order_of_the_sheets(
    ledger: Ledger, tmp_path: Path
) -> None:
    fill(ledger)
    with ledger.writing() as connection:  # rows lie in the order of sending
        for id_, number in ((97, 9), (98, 8), (99, 7)):
            values = {"id": id_, "mail_out_id": 1, "number": number, "position": id_, "salt": "x"}
            values |= {"state": "refused", "person": f"NO:{id_}", "changed_at": AT}
            connection.execute(sa.insert(delivery).values(**values))
        events.write(connection, EventKind.NOTED, 1, 1, at=AT, who="Jana")
    ledger.seal()
    for way in (KeptCounts(1, tmp_path), KeptCounts(1, tmp_path)):
        with ledger.reading() as connection:
            listed = [one.number for one in deliveries.needing_a_person(connection, 1)]
            assert [one.number for one in way.first_needing(connection, 9)] == listed
            skipped = deliveries.people(connection, 1, states=[State.SKIPPED])
            (many, ids) = way.by_reason(connection, State.SKIPPED, 1)[""]
            assert many == sum(not one.reason for one in skipped) and len(ids) == 1
    assert listed[-3:] == [7, 8, 9]


def test_file_of_another_log_or_a_broken_one_is_not_believed(
    ledger: Ledger, same: Callable[[], None], tmp_path: Path
) -> None:
    file = tmp_path / "vote.counts"
    head, _, packed = file.read_bytes().partition(b"\n")
    another = json.loads(head) | {"sealed": [json.loads(head)["sealed"][0], "another"]}
    another["numbers"] = [9 * one for one in another["numbers"]]
    for content in (json.dumps(another).encode() + b"\n" + packed, head, b"", b"{}\n", b"\x00"):
        file.write_bytes(content)
        same()


def test_who_has_fallen_behind_goes_on_from_what_another_process_has_counted(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a console does whose pages nobody looked at during a sending."""
    fill(ledger)
    console = KeptCounts(1, tmp_path)
    with ledger.reading() as connection:
        console.now(connection)
    monkeypatch.setattr(kept_counts, "MOVED", 3)
    with ledger.writing() as connection:
        for id_ in (1, 2, 4, 5):
            events.write(connection, EventKind.NOTED, 1, id_, at=AT, who="jana")
        connection.execute(sa.update(delivery).where(d.id == 2).values(state="accepted"))
    ledger.seal()
    with ledger.reading() as connection:
        counted = KeptCounts(1, tmp_path).now(connection)
        monkeypatch.setattr(console, "_forget", lambda: pytest.fail("everybody is counted anew"))
        assert console.now(connection) == counted
        assert counted.groups == count(connection, 1).groups


def test_whoever_is_named_stands_as_the_letter_stands(ledger: Ledger) -> None:
    fill(ledger)
    with ledger.reading() as connection:
        assert count(connection, 1).states[State.ACCEPTED] == 2
        assert count(connection, 1).letters[State.ACCEPTED] == 1
        (one,) = deliveries.by_id(connection, [6])
    assert (one.state, one.reason) == (State.ACCEPTED, "shared_mailbox")
    with ledger.writing() as connection:
        answer(connection, InboxKind.RETURNED_HARD, "M-0001-001")
    with ledger.reading() as connection:
        (one,) = deliveries.by_id(connection, [6])
        assert one.came_back == ("returned_hard",)
        # nobody has to look twice: the letter is one
        needing = deliveries.needing_a_person(connection, 1)
        assert [one.number for one in needing] == [4, 1]
        assert count(connection, 1).came_back == {("returned_hard",): 1}


@pytest.mark.parametrize("late", [timedelta(0), timedelta(days=1)])
def test_erased_letter_still_tells_what_became_of_whoever_it_names(
    ledger: Ledger,
    late: timedelta,
) -> None:
    fill(ledger)
    with ledger.writing() as connection:
        both = deliveries.by_id(connection, [1, 6])
        erasure.erase(connection, both, who="Jana", because="over", at=AT + late)
    with ledger.reading() as connection:
        assert count(connection, 1).states[State.ACCEPTED] == 2


def test_later_mail_out_of_another_appeal_settles_nothing(ledger: Ledger) -> None:
    """The appeal that counts is that of the very mail-out, and not of the first of the log."""
    fill(ledger)
    with ledger.writing() as connection:
        later = sa.update(mail_out).where(mail_out.c.id >= 2)
        connection.execute(later.values(appeal="another"))
    with ledger.reading() as connection:
        needing = deliveries.needing_a_person(connection, 1)
        assert [one.number for one in needing] == [4, 2, 3]
        assert [one.number for one in deliveries.needing_a_person(connection, 2)] == []
        whole = standing(connection, "another")
        assert whole is not None
        assert sum(count(connection, whole.id).needing.values()) == 0
