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
from mailer.ledger.record import seals
from mailer.sending.dispatch import Dispatch
from tests.helpers.sendings import sending_options
from tests.ledger.test_earlier_log import HALF, standing, unpacked

from . import figures
from .lives import session_factory
from .witness import Witness

WAITING = "mail_out_id = 1 AND state = 'waiting' AND number = 316"
MANY = 100_000


def grow(path: Path, people: int) -> int:
    """Let so many people be in the plan, as that version would have written them: those who are
    added wait, and have the letter of one who waits. Returns how many were added.
    """
    with contextlib.closing(sqlite3.connect(path)) as log, log:
        names = [row[1] for row in log.execute("PRAGMA table_info(delivery)")]
        (highest,) = log.execute("SELECT max(id) FROM delivery").fetchone()
        added = people - sum(HALF.values()) + HALF[State.SKIPPED]
        its = {
            **{name: f'"{name}"' for name in names},
            "id": f"{highest} + n",
            "number": "1000 + n",
            "position": "1000 + n",
            "person": "'NO:' || n",
            "address": "'added' || n || '@no.parliament.example'",
            "address_key": "'added' || n || '@no.parliament.example'",
            "message_id": "'<added' || n || '@rights.example>'",
        }
        log.execute(
            f"WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < ?)"
            f" INSERT INTO delivery SELECT {', '.join(its.values())} FROM delivery, many"
            f" WHERE {WAITING}",
            [added],
        )
    return added


@pytest.mark.long
@pytest.mark.timeout(1200)
async def test_large_log_of_an_earlier_version_is_sent_to_its_end_each_person_once(
    tmp_path: Path, witness: Witness
) -> None:
    path = unpacked(tmp_path)
    added, later = grow(path, MANY), clock.now() + timedelta(hours=1)
    began = time.monotonic()
    with Ledger(f"sqlite:///{path}", now=lambda: later) as ledger:
        opened = time.monotonic() - began
        with ledger.reading() as connection:
            head = seals.head(connection)
        assert standing(ledger) == HALF | {State.WAITING: HALF[State.WAITING] + added}
        course = sending_options(connections=8, per_connection=500, schedule=(timedelta(0),))
        after = await Dispatch(ledger, 1, session_factory(witness.port), course).run()
        assert after.state is MailOutState.FINISHED
        counts = standing(ledger)
        assert counts[State.ACCEPTED] == 610 + added and counts[State.UNKNOWN] == 1
        everybody = [one for one in witness.everybody() if one.startswith("added")]
        assert len(everybody) == added
        assert all(len(witness.dots(one)) == 1 for one in everybody)
        with ledger.reading() as connection:
            proof = seals.verify(connection, head)
            assert proof.knows and not proof.broken
    figures.note(
        "T19", "a log of an earlier version, half sent, is opened and sent to its end",
        f"{MANY:,} people", f"0 twice, chain proven, opened in {opened:.1f} s",
    )  # fmt: skip
