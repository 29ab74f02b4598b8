"""Several senders on one mail-out, on both databases; senders and the database's server that are
killed meanwhile (T8).
"""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from mailer.base.states import OPEN
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading.counts import count

from . import figures
from .campaign import Tally, a_long_plan, a_tag, chain_holds, check, planned
from .nursery import Nursery
from .postgresql import OwnPostgresql, own_postgresql_is_missing
from .witness import Witness


def race(
    url: str,
    nursery: Nursery,
    witness: Witness,
    tally: Tally,
    *,
    senders: int,
    people: int,
    connections: int,
) -> None:
    """Let several senders begin at once, and check what came of it."""
    with Ledger(url) as ledger:
        mail_out = planned(ledger, a_long_plan(a_tag(), people))
        life = {"url": url, "mail_out": mail_out, "port": witness.port, "connections": connections}
        running = [nursery.begin(**life) for _ in range(senders)]
        assert [nursery.end(one) for one in running] == [0] * senders
        tally.add(check(ledger, mail_out, witness, kills=0, connections=connections))
        if tally.campaigns % 10 == 1:
            chain_holds(ledger)


@pytest.mark.parametrize("senders", [2, 4])
def test_several_senders_never_send_the_same_letter(
    ledger_url: str, nursery: Nursery, witness: Witness, senders: int
) -> None:
    race(ledger_url, nursery, witness, Tally(), senders=senders, people=40, connections=2)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_several_senders_never_send_the_same_letter_in_many_races(
    ledger_url: str, nursery: Nursery, witness: Witness
) -> None:
    dice, tally, store = random.Random(8), Tally(), ledger_url.partition(":")[0]
    for number in range(30):
        race(
            ledger_url, nursery, witness, tally,
            senders=2 + number % 3, people=dice.choice([5, 60, 200]),
            connections=dice.choice([1, 2, 4]),
        )  # fmt: skip
    figures.note(
        f"T8 {store}", f"2 to 4 senders at once, {store}", f"{tally.campaigns} races", f"{tally}"
    )


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_senders_killed_every_two_seconds_beside_others_reach_ten_thousand(
    ledger_url: str, nursery: Nursery, witness: Witness
) -> None:
    store, people, connections, kills = ledger_url.partition(":")[0], 10_000, 2, 0
    with Ledger(ledger_url) as ledger:
        mail_out = planned(ledger, a_long_plan(a_tag(), people))
        life = {
            "url": ledger_url,
            "mail_out": mail_out,
            "port": witness.port,
            "connections": connections,
        }
        running = [nursery.begin(**life, kill_after=2.0), nursery.begin(**life, kill_after=3.0)]
        while running:
            code = nursery.end(running.pop(0))
            kills += code == -9
            with ledger.reading() as connection:
                counts = count(connection, mail_out).letters
            if sum(counts[state] for state in OPEN):
                running.append(nursery.begin(**life, kill_after=2.0))
        assert nursery.live(**life) == 0
        counts = check(ledger, mail_out, witness, kills=kills, connections=connections)
        chain_holds(ledger)
    tally = Tally()
    tally.add(counts, kills)
    size = f"{people:,} people, {kills} kills"
    figures.note(
        f"T8 {store} killed", f"two senders, one killed every 2 s, {store}", size, f"{tally}"
    )
    assert kills >= 2


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.skipif(
    own_postgresql_is_missing(), reason="initdb (Debian's postgresql) is not installed"
)
def test_postgresql_that_stops_at_once_loses_no_marker(
    nursery: Nursery, witness: Witness, tmp_path: Path
) -> None:
    tally = Tally()
    with OwnPostgresql() as server:
        for _ in range(3):
            with Ledger(server.url) as ledger:
                mail_out = planned(ledger, a_long_plan(a_tag(), 2_000))
            life = {"url": server.url, "mail_out": mail_out, "port": witness.port, "connections": 4}
            sender = nursery.begin(**life)
            time.sleep(0.8)
            server.stop_at_once()
            assert nursery.end(sender, any_code=True) != 0
            server.start()
            assert nursery.live(**life) == 0
            with Ledger(server.url) as ledger:
                tally.add(check(ledger, mail_out, witness, kills=1, connections=4))
                chain_holds(ledger)
    figures.note(
        "T8 stop", "PostgreSQL stopped at once (pg_ctl -m immediate)", "3 times", f"{tally}"
    )
