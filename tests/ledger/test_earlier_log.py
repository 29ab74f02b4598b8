"""A send log that an earlier version wrote, with a mail-out half sent: it opens, is sent to its
end, each person once, and its chain is proven.

`tests/data/logs/0006.db.xz` was written by the last version before the tables of servers and of
shares, and `0010.db.xz` by the last but one whose indexes did not lie in the order of sending: 612
invented people and four left out, 311 letters taken, one refused, one put off, and two that a dead
sender held, one of them with its marker set. (The letters in the second are packed anew, without
effort, so that the file is small.)

`0025.db.xz` is of the last version that wrote an event beside each attempt, and one for each letter
of a claim: three letters were put off before they were accepted, and the first one's answer came
too late, so that a person had to say that it was accepted.
"""

from __future__ import annotations

import lzma
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from mailer.base import clock
from mailer.base.states import MailOutState, State
from mailer.ledger import mailouts, migrations
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading import deliveries
from mailer.ledger.reading.counts import count
from mailer.ledger.record import seals
from mailer.ledger.schema import delivery
from mailer.sending.dispatch import Dispatch
from tests.helpers.sendings import sending_options
from tests.helpers.stubborn_server import StubbornServer
from tests.sending.test_dispatch import NOW, session_to

LOGS = Path(__file__).parents[1] / "data" / "logs"
VERSIONS = ("0006", "0010", "0025")
HALF = {
    State.ACCEPTED: 311,
    State.REFUSED: 1,
    State.DEFERRED: 1,
    State.SENDING: 2,
    State.SKIPPED: 4,
    State.WAITING: 297,
}


def unpacked(folder: Path, version: str) -> Path:
    path = folder / "ledger.db"
    path.write_bytes(lzma.decompress((LOGS / f"{version}.db.xz").read_bytes()))
    return path


@pytest.fixture(params=VERSIONS)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return unpacked(tmp_path, request.param)


def standing(ledger: Ledger) -> dict[State, int]:
    with ledger.reading() as connection:
        counts = count(connection, 1).letters
    return {state: number for state, number in counts.items() if number}


async def test_log_of_an_earlier_version_is_sent_to_its_end_each_person_once(path: Path) -> None:
    later = clock.now() + timedelta(hours=1)  # whoever was put off is due
    with Ledger(f"sqlite:///{path}", now=lambda: later) as ledger:
        with ledger.reading() as connection:
            version = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
            assert version == migrations.HEAD
            head = seals.head(connection)
            written = delivery.c.state.in_([State.ACCEPTED.value, State.REFUSED.value])
            settled = set(connection.scalars(sa.select(delivery.c.address).where(written)))
            assert not seals.verify(connection).broken
        assert standing(ledger) == HALF
        async with StubbornServer() as server:
            course = sending_options(4, schedule=NOW.schedule)
            after = await Dispatch(ledger, 1, session_to(server.port), course).run()
        assert after.state is MailOutState.FINISHED
        assert standing(ledger) == {
            State.ACCEPTED: 610,
            State.REFUSED: 1,
            State.UNKNOWN: 1,
            State.SKIPPED: 4,
        }
        assert len(server.dots) == len(set(server.dots)) == 299
        assert not settled & set(server.dots)
        with ledger.reading() as connection:
            proof = seals.verify(connection, head)
            assert proof.knows and not proof.broken
            assert mailouts.get(connection, 1).name == "M-0001"


@pytest.mark.parametrize("version", ["0006", "0010"])
def test_last_day_of_an_earlier_log_is_the_end_of_that_day_in_strasbourg(
    tmp_path: Path, version: str
) -> None:
    path = unpacked(tmp_path, version)
    with sqlite3.connect(path) as before:
        before.execute("UPDATE mail_out SET last_day = '2027-01-27'")
    before.close()
    with Ledger(f"sqlite:///{path}") as ledger, ledger.reading() as connection:
        assert mailouts.get(connection, 1).until == datetime(2027, 1, 27, 23, 0, tzinfo=UTC)


def test_attempt_of_an_earlier_log_is_told_once(tmp_path: Path) -> None:
    path = unpacked(tmp_path, "0025")
    with Ledger(f"sqlite:///{path}") as ledger, ledger.reading() as connection:
        told = [
            [(str(moment.kind), moment.attempt, moment.code, moment.text) for moment in moments]
            for moments in (deliveries.timeline(connection, number) for number in (5, 6))
        ]
        assert told[0] == [
            ("sending", None, None, ""),
            ("unknown", 1, None, "The sender ended after the letter was handed over; no answer is"
                                 " on record."),
            ("late_answer", 1, 250, "queued as 4F1C"),
            ("accepted", None, None, ""),
        ]  # fmt: skip
        assert told[1] == [
            ("sending", None, None, ""),
            ("deferred", 1, 450, "greylisted"),
            ("sending", None, None, ""),
            ("accepted", 2, 250, "queued as 4F1C"),
        ]
        late = deliveries.timeline(connection, 5)[2]
        assert (late.detail, late.peer, late.stage) == ("250 queued as 4F1C", "smtp.example", "dot")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE attempt SET code = 251 WHERE id = 7",
        "UPDATE attempt SET text = 'queued as 9999' WHERE id = 7",
        "DELETE FROM attempt WHERE id = 7",
        "UPDATE event SET code = 250 WHERE id = 40",
    ],
)
def test_attempt_of_an_earlier_log_that_is_altered_is_found(tmp_path: Path, change: str) -> None:
    path = unpacked(tmp_path, "0025")
    with Ledger(f"sqlite:///{path}"):
        pass
    with sqlite3.connect(path) as behind:
        behind.execute(change)
    behind.close()
    with Ledger(f"sqlite:///{path}") as ledger, ledger.reading() as connection:
        assert seals.verify(connection).broken
