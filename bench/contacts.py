"""Reading and checking contact sheets: the demo's 612 people, and CSV files of many rows.

The cost of a row is the same for any number of rows, but for the garbage collector, which looks
through ever more objects. Names are compared letter by letter only in delegations of up to 200
people (`mailer.contacts.checks.COMPARED`): up to about 9,000 rows that comparison is part of the
figure, above it only exact and loosened spellings are compared.

    python -m bench contacts
    python -m bench.contacts 1000000    that many rows, too
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.measure import Stopwatch, median, rounds, table
from mailer.base.delegations import Delegations

ROUNDS = 3
ROOT = Path(__file__).parents[1]
SYLLABLES = [
    "ber",
    "gen",
    "nor",
    "vik",
    "sta",
    "lund",
    "mar",
    "kov",
    "ski",
    "ner",
    "tal",
    "hof",
    "zar",
    "pel",
    "dim",
    "rat",
    "sol",
    "fel",
    "gur",
    "bin",
]


def rows(count: int) -> Iterator[str]:
    """Yield a sheet of people with names of their own, in all delegations by turns."""
    rng = random.Random(46)
    codes = [member.code for member in Delegations.load().members]
    yield "Delegation,Role,Civility,Given name,Surname,E-mail,Language,Gender,Chamber,Group,Note\n"
    for at in range(count):
        given, surname = ("".join(rng.choices(SYLLABLES, k=k)) for k in (2, 4))
        code = codes[at % len(codes)]
        address = f"{given}.{surname}{at}@{code.lower()}.parliament.example"
        yield (
            f"{code},substitute,Ms,{given.title()},{surname.title()}ø,{address},en,f,deputy,SOC,\n"
        )


def many(count: int) -> tuple[int, Stopwatch]:
    from mailer.contacts import load_contacts

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "contacts").mkdir()
        with (root / "contacts" / "many.csv").open("w", encoding="utf-8") as file:
            file.writelines(rows(count))
        with Stopwatch() as watch:
            book = load_contacts(root, max_rows=count + 1)
    assert len(book.contacts) == count
    return count, watch


def demo() -> tuple[int, Stopwatch]:
    import pandas  # noqa: F401 - start-up does not count

    from mailer.contacts import load_contacts

    with Stopwatch() as watch:
        book = load_contacts(ROOT)
    return len(book.contacts), watch


def main() -> None:
    numbers = [
        10_000,
        100_000,
        *map(int, sys.argv[1:] if sys.argv[0].endswith("contacts.py") else []),
    ]
    cases = {"the demo's sheets (CSV, XLSX, ODS)": demo} | {
        f"CSV, {n:,} rows": partial(many, n) for n in numbers
    }
    table(
        ["read and checked", "people", "seconds", "processor, µs a row", "peak MB"],
        [
            [
                name,
                f"{done[0].number:,}",
                f"{median(done, lambda m: m.seconds):.2f}",
                f"{median(done, lambda m: m.cpu / m.number * 1e6):.0f}",
                f"{median(done, lambda m: m.peak or 0):.0f}",
            ]
            for name, done in rounds(cases, ROUNDS).items()
        ],
    )


if __name__ == "__main__":
    main()
