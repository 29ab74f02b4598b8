"""People per second from contacts to a frozen plan: decided, rendered, built, read back, hashed,
written to the log.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench import measure, people
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger

SIZES = (612, 10_000)
ROUNDS = 3


def main() -> None:
    cases: dict[str, measure.Case] = {}
    for size in SIZES:
        cases[f"plan, {size:,} people"] = Planning(size)
        cases[f"plan and write to the log, {size:,} people"] = Planning(size, log=True)
    results = measure.rounds(cases, ROUNDS)
    measure.table(
        ["what", "people/s", "CPU µs/person", "seconds", "peak MB"],
        [
            [
                name,
                f"{measure.median(measured, lambda one: one.number / one.seconds):,.0f}",
                f"{measure.median(measured, lambda one: one.cpu / one.number * 1e6):,.0f}",
                f"{measure.median(measured, lambda one: one.seconds):.1f}",
                f"{measure.median(measured, lambda one: one.peak or 0):,.0f}",
            ]
            for name, measured in results.items()
        ],
    )


@dataclass(frozen=True)
class Planning:
    people: int
    log: bool = False

    def __call__(self) -> tuple[int, measure.Stopwatch]:
        contacts = people.contacts(self.people)
        with (
            tempfile.TemporaryDirectory() as folder,
            Ledger(f"sqlite:///{Path(folder) / 'ledger.db'}") as ledger,
        ):
            with measure.Stopwatch() as watch:
                plan = people.plan_for(contacts, people.LONG)
                if self.log:
                    with ledger.writing() as connection:
                        mailouts.create(connection, plan, at=ledger.now(), who="bench")
            assert len(plan.to_send) == self.people
            return self.people, watch


if __name__ == "__main__":
    main()
