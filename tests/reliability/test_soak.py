"""Twenty thousand letters among faults: memory and open files stay where they were (T17)."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest

from mailer.base.states import OPEN
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading.counts import count
from mailer.sending import retry
from mailer.sending.dispatch import Dispatch

from . import figures
from .campaign import Tally, a_long_plan, a_tag, check, planned
from .lives import options, session_factory
from .witness import Witness

STATUS = Path("/proc/self/status")


def megabytes() -> float:
    """Memory of this process that is in use now."""
    line = next(one for one in STATUS.read_text().splitlines() if one.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def open_files(ledger: Ledger) -> int:
    """Count what is open, but for the database's own file.

    SQLite keeps a file of a closed connection open for the next one while any other connection of
    the process holds a lock on it: as many as ever read at once. A connection that is not closed
    shows in its write-ahead log.
    """
    found = []
    for one in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one that iterdir opened itself
            found.append(one.readlink())
    return sum(path != ledger.path for path in found)


async def soak(
    ledger: Ledger, witness: Witness, people: int, tally: Tally
) -> tuple[float, int, float]:
    """Send, going on after each pause. Returns how much memory grew (MB), how many files stayed
    open, seconds.
    """
    mail_out = planned(ledger, a_long_plan(a_tag(), people))
    after_a_tenth: list[float] = []
    done = 0

    def report(event: dict[str, Any]) -> None:
        nonlocal done
        done += event["event"] == "outcome"
        if done == people // 10 and not after_a_tenth:
            after_a_tenth.append(megabytes())

    files, begun = open_files(ledger), asyncio.get_running_loop().time()
    for _ in range(100):
        await Dispatch(ledger, mail_out, session_factory(witness.port), options(4), report).run()
        with ledger.reading() as connection:
            counts = count(connection, mail_out).letters
        if not sum(counts[state] for state in OPEN):
            break
    took = asyncio.get_running_loop().time() - begun
    grown = megabytes() - (after_a_tenth or [megabytes()])[0]
    tally.add(check(ledger, mail_out, witness, kills=0, connections=4))
    return grown, open_files(ledger) - files, took


@pytest.mark.skipif(not STATUS.exists(), reason="memory and open files are counted in /proc")
@pytest.mark.parametrize(
    "people", [400, pytest.param(20_000, marks=[pytest.mark.long, pytest.mark.timeout(1800)])]
)
async def test_memory_and_open_files_stay_where_they_were(
    real_ledger: Ledger, one_percent_witness: Witness, people: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "server_back_off", lambda failures, chance=None: 0.01)
    tally = Tally()
    await soak(real_ledger, one_percent_witness, 40, Tally())  # whatever is opened once is open now
    grown, files, took = await soak(real_ledger, one_percent_witness, people, tally)
    assert files <= 0
    assert grown < 20, f"{grown:.1f} MB"
    if people >= 20_000:
        found = (
            f"memory {grown:+.1f} MB, open files {files:+d}, {people / took:,.0f} letters/s;"
            f" {tally}"
        )
        figures.note(
            "T17", "soak with faults at one command of a hundred", f"{people:,} letters", found
        )
