"""A send log of an earlier version with very many people: it opens, and is sent to its end
(`tests/ledger/test_earlier_log.py` has the same with those it was written for).
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from datetime import timedelta
from pathlib import Path

import pytest

from mailer.base import clock
from mailer.base.states import MailOutState, State
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading.counts import count
from mailer.ledger.record import seals
from mailer.sending.dispatch import Dispatch
from tests.helpers.sendings import sending_options
from tests.ledger.test_earlier_log import HALF, VERSIONS, standing, unpacked

from . import figures
from .lives import session_factory
from .nursery import Nursery
from .witness import Witness

WAITING = "id = (SELECT min(id) FROM delivery WHERE mail_out_id = 1 AND state = 'waiting')"
MANY = 100_000


def grow(path: Path, people: int, name: str) -> None:
    """Write a second plan for so many people, as that version would have: each of them has the
    letter of one who waits in the first.
    """
    with contextlib.closing(sqlite3.connect(path)) as log, log:

        def copied(table: str, where: str, other: str = "", **its: str) -> None:
            names = [row[1] for row in log.execute(f"PRAGMA table_info({table})")]
            values = ", ".join(its.get(name, f'"{name}"') for name in names)
            log.execute(f"INSERT INTO {table} SELECT {values} FROM {table}{other} WHERE {where}")

        copied("mail_out", "id = 1", id="2", state="'planned'", started_at="NULL", why="''")
        copied("event", "id = 1 AND kind = 'planned'", id="NULL", mail_out_id="2")
        log.execute("CREATE TEMP TABLE many (n INTEGER PRIMARY KEY)")
        log.executemany("INSERT INTO many VALUES (?)", ([n] for n in range(1, people + 1)))
        copied(
            "delivery", WAITING, ", many",
            id="NULL", mail_out_id="2", number="n", position="n", person="'NO:' || n",
            address=f"'{name}' || n || '@no.parliament.example'",
            address_key=f"'{name}' || n || '@no.parliament.example'",
            message_id=f"'<{name}' || n || '@rights.example>'",
        )  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "people", [600, pytest.param(MANY, marks=[pytest.mark.long, pytest.mark.timeout(1800)])]
)
async def test_log_of_an_earlier_version_with_many_people_is_sent_to_its_end(
    tmp_path: Path, witness: Witness, people: int, version: str
) -> None:
    path, later = unpacked(tmp_path, version), clock.now() + timedelta(hours=1)
    name = f"added-{version}-"
    grow(path, people, name)
    began = time.monotonic()
    with Ledger(f"sqlite:///{path}", now=lambda: later) as ledger:
        opened = time.monotonic() - began
        with ledger.reading() as connection:
            head = seals.head(connection)
        assert standing(ledger) == HALF
        course = sending_options(connections=8, per_connection=500, schedule=(timedelta(0),))
        for mail_out in (1, 2):
            after = await Dispatch(ledger, mail_out, session_factory(witness.port), course).run()
            assert after.state is MailOutState.FINISHED
        counts = standing(ledger)
        assert (counts[State.ACCEPTED], counts[State.UNKNOWN]) == (610, 1)
        everybody = [one for one in witness.everybody() if one.startswith(name)]
        assert len(everybody) == people
        for one in everybody:
            assert len(witness.dots(one)) == 1, one
        with ledger.reading() as connection:
            assert count(connection, 2).letters[State.ACCEPTED] == people
            proof = seals.verify(connection, head)
            assert proof.knows and not proof.broken
    if people == MANY:
        what = f"a log of version {version} is opened and sent to its end"
        found = f"0 twice, chain proven, opened in {opened:.1f} s"
        figures.note("T19", what, f"{people:,} people", found)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "every", [17, pytest.param(1, marks=pytest.mark.long)], ids=["some", "all"]
)
@pytest.mark.timeout(300)
def test_killed_while_an_earlier_log_is_brought_up_leaves_it_as_it_was_or_whole(
    tmp_path: Path, nursery: Nursery, version: str, every: int
) -> None:
    kills, statement, died = 0, 1, True
    while died:
        path = unpacked(tmp_path, version)
        life = {"url": f"sqlite:///{path}", "mail_out": 1, "port": 9, "only_opens": True}
        died = nursery.live(**life, kill_at_statement=statement) == -9
        kills, statement = kills + died, statement + every
        with Ledger(f"sqlite:///{path}") as ledger:
            assert standing(ledger) == HALF
            with ledger.reading() as connection:
                assert not seals.verify(connection).broken
        for file in tmp_path.glob("ledger.db*"):
            file.unlink()
    assert kills
    if every == 1:
        what = f"kill -9 while a log of version {version} is brought up to this one"
        found = "612 people as before, chain proven, every time"
        figures.note(f"T19 {version}", what, f"{kills} kills", found)
