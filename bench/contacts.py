"""Reading and checking contact sheets: the demo's 612 people, and files of many rows.

A big file is read by a child process; its processor time and its memory count here, too: the peak
is that of both together, looked at a hundred times a second. Names are compared letter by letter
only in delegations of up to 200 people (`mailer.contacts.rows.together.COMPARED`): up to about
9,000 rows that comparison is part of the figure, above it only exact and loosened spellings are
compared.

    python -m bench contacts
    python -m bench.contacts 1000000    that many rows, too
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import threading
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


def write_csv(sheet: Path, count: int) -> None:
    with sheet.open("w", encoding="utf-8") as file:
        file.writelines(rows(count))


def write_xlsx(sheet: Path, count: int) -> None:
    import xlsxwriter

    with xlsxwriter.Workbook(sheet, {"constant_memory": True}) as book:
        tab = book.add_worksheet("Members")
        for at, row in enumerate(rows(count)):
            tab.write_row(at, 0, row.rstrip("\n").split(","))


class WithChild(Stopwatch):
    """Counts the time and the memory of this process and of the one that reads for it."""

    def __enter__(self) -> WithChild:
        self._over = threading.Event()
        self._looks = threading.Thread(target=self._look)
        self._looks.start()
        self._children = sum(os.times()[2:4])
        super().__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self.cpu += sum(os.times()[2:4]) - self._children
        self._over.set()
        self._looks.join()

    def _look(self) -> None:
        while not self._over.wait(0.01):
            self.peak = max(self.peak or 0, _memory(os.getpid()))


def _memory(process: int) -> float:
    """Return the MB of a process and of its children."""
    folder = Path(f"/proc/{process}")
    try:
        pages = int((folder / "statm").read_text().split()[1])
        children = (folder / "task" / str(process) / "children").read_text().split()
    except (OSError, IndexError):  # it has just ended
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20 + sum(map(_memory, map(int, children)))


def many(count: int, kind: str) -> tuple[int, Stopwatch]:
    import rapidfuzz  # noqa: F401 - start-up does not count

    from mailer.contacts.book import load_contacts

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "contacts").mkdir()
        sheet = root / "contacts" / f"many.{kind}"
        write_csv(sheet, count) if kind == "csv" else write_xlsx(sheet, count)
        with WithChild() as watch:
            book = load_contacts(root, max_rows=count + 1)
    assert len(book.contacts) == count
    return count, watch


def demo() -> tuple[int, Stopwatch]:
    import rapidfuzz  # noqa: F401 - start-up does not count

    from mailer.contacts.book import load_contacts

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
        f"{kind.upper()}, {n:,} rows": partial(many, n, kind)
        for n in numbers
        for kind in ("csv", "xlsx")
        if kind == "csv" or n == 100_000
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
