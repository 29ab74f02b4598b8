"""kill -9 at every step of a sender, and at random ones: nobody is written to twice, nobody is lost
(T2, T3).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from mailer.ledger.ledger import Ledger
from mailer.ledger.schema import metadata

from . import figures
from .campaign import Tally, a_long_plan, a_tag, chain_holds, check, planned
from .nursery import Nursery
from .witness import Witness

PEOPLE = 6
LIVES = 40
"""A mail-out that is not over after so many lives would never be."""


class Campaigns:
    """Mail-outs in one send log, sent by mortals."""

    def __init__(self, ledger: Ledger, nursery: Nursery, witness: Witness) -> None:
        self.ledger, self.nursery, self.witness, self.tally = ledger, nursery, witness, Tally()
        self.url = ledger.url.render_as_string(hide_password=False)

    def run(
        self,
        kills: list[int],
        *,
        connections: int,
        people: int = PEOPLE,
        gone: set[int] | None = None,
    ) -> int:
        """Send one mail-out, dying at the given steps; then check it. Returns how often the sender
        really died.
        """
        mail_out = planned(self.ledger, a_long_plan(a_tag(), people, gone=gone or ()))
        life = {
            "url": self.url,
            "mail_out": mail_out,
            "port": self.witness.port,
            "connections": connections,
        }
        died = sum(self.nursery.live(**life, kill_at=step) == -9 for step in kills)
        for _ in range(LIVES):
            if self.nursery.live(**life) == 0:
                break
        counts = check(self.ledger, mail_out, self.witness, kills=died, connections=connections)
        self.tally.add(counts, died)
        return died

    def steps(self, folder: Path, *, connections: int) -> int:
        """Count the steps of a life that is not ended."""
        mail_out = planned(self.ledger, a_long_plan(a_tag(), PEOPLE))
        self.nursery.live(
            url=self.url, mail_out=mail_out, port=self.witness.port, connections=connections,
            steps_file=str(folder / "steps"),
        )  # fmt: skip
        check(self.ledger, mail_out, self.witness, kills=0, connections=connections)
        return int((folder / "steps").read_text())


@pytest.fixture
def campaigns(ledger_url: str, nursery: Nursery, witness: Witness) -> Iterator[Campaigns]:
    with Ledger(ledger_url) as ledger:
        yield Campaigns(ledger, nursery, witness)
        chain_holds(ledger)


@pytest.fixture
def moody_campaigns(
    ledger_url: str, nursery: Nursery, moody_witness: Witness
) -> Iterator[Campaigns]:
    with Ledger(ledger_url) as ledger:
        yield Campaigns(ledger, nursery, moody_witness)
        chain_holds(ledger)


@pytest.mark.parametrize("connections", [1, 4])
def test_sender_killed_at_any_of_some_steps_writes_to_nobody_twice(
    campaigns: Campaigns, tmp_path: Path, connections: int
) -> None:
    steps = campaigns.steps(tmp_path, connections=connections)
    for step in random.Random(connections).sample(range(1, steps + 1), 6):
        campaigns.run([step], connections=connections)
    assert campaigns.tally.kills >= 3


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("connections", [1, 4])
def test_sender_killed_at_every_step_writes_to_nobody_twice(
    campaigns: Campaigns, tmp_path: Path, connections: int
) -> None:
    steps = campaigns.steps(tmp_path, connections=connections)
    for step in range(1, steps + 1):
        campaigns.run([step], connections=connections)
    tally, store = campaigns.tally, campaigns.ledger.url.get_backend_name()
    assert tally.kills >= 68
    size = f"{tally.kills} kills at {steps} steps"
    figures.note(
        f"T2 {store} {connections}",
        f"kill -9 at every step, {store}, {connections} conn.",
        size,
        f"{tally}",
    )


@pytest.mark.parametrize(
    "every",
    [12, pytest.param(1, marks=[pytest.mark.long, pytest.mark.timeout(900)])],
    ids=["some", "all"],
)
def test_killed_while_the_send_log_is_made_leaves_none_or_a_whole_one(
    ledger_url: str, nursery: Nursery, witness: Witness, every: int
) -> None:
    kills, statement = 0, 1
    while (
        nursery.live(url=ledger_url, mail_out=1, port=witness.port, kill_at_statement=statement)
        == -9
    ):
        kills, statement = kills + 1, statement + every
    assert kills >= 2
    with Ledger(ledger_url) as ledger, ledger.writing() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    if every == 1:
        store = ledger.url.get_backend_name()
        found = "none or a whole one, every time"
        figures.note(
            f"T2 {store} making",
            f"kill -9 while the send log is made, {store}",
            f"{kills} kills",
            found,
        )


@pytest.mark.parametrize("seed", [1])
def test_sender_killed_again_and_again_among_faults_ends_with_everybody_accounted_for(
    moody_campaigns: Campaigns, seed: int
) -> None:
    _random_campaigns(moody_campaigns, seed, 4)
    assert moody_campaigns.tally.kills


@pytest.mark.long
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("seed", range(100, 105))
def test_random_kills_among_faults_in_many_campaigns(moody_campaigns: Campaigns, seed: int) -> None:
    _random_campaigns(moody_campaigns, seed, 50)
    tally, store = moody_campaigns.tally, moody_campaigns.ledger.url.get_backend_name()
    size = f"{tally.campaigns} campaigns, {tally.kills} kills"
    figures.note(f"T3 {store} {seed}", f"random kills among faults, {store}", size, f"{tally}")


def _random_campaigns(campaigns: Campaigns, seed: int, number: int) -> None:
    dice = random.Random(seed)
    for _ in range(number):
        kills = [dice.randint(1, 170) for _ in range(dice.randint(1, 4))]
        gone = {dice.randint(1, 12)} if dice.random() < 0.5 else set()
        campaigns.run(kills, connections=dice.choice([1, 2, 4]), people=12, gone=gone)
