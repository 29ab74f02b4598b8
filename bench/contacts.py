"""Reading and checking contact sheets: the demo's 612 people, and files of many rows.

A big file is read by a child process; its processor time and its memory count here, too: the peak
is that of both together, looked at a hundred times a second. Names are compared letter by letter
only in delegations of up to 200 people (`mailer.contacts.rows.together.COMPARED`): up to about
9,000 rows that comparison is part of the figure, above it only exact and loosened spellings are
compared.

    python -m bench contacts
    python -m bench.contacts 1000000    that many rows, too; those above 100,000 once only
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
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


def write_ods(sheet: Path, count: int) -> None:
    names = {
        name: f"urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"
        for name in ("office", "table", "text")
    }
    spaces = " ".join(f'xmlns:{name}="{urn}"' for name, urn in names.items())
    with (
        zipfile.ZipFile(sheet, "w", zipfile.ZIP_DEFLATED) as book,
        book.open("content.xml", "w", force_zip64=True) as out,
    ):
        begin = f"<office:document-content {spaces}><office:body><office:spreadsheet>"
        out.write(f'{begin}<table:table table:name="Members">'.encode())
        for row in rows(count):
            cells = "".join(
                f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p>'
                "</table:table-cell>"
                for cell in row.rstrip("\n").split(",")
            )
            out.write(f"<table:table-row>{cells}</table:table-row>".encode())
        end = "</table:table></office:spreadsheet></office:body></office:document-content>"
        out.write(end.encode())


WRITE = {"csv": write_csv, "xlsx": write_xlsx, "ods": write_ods}


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
        WRITE[kind](sheet, count)
        with WithChild() as watch:
            book = load_contacts(root, max_rows=2 * count)
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
    small = {"the demo's sheets (CSV, XLSX, ODS)": demo}
    big: dict[str, Callable[[], tuple[int, Stopwatch]]] = {}
    for n in numbers:
        for kind in WRITE:
            cases = small if n <= 100_000 else big
            cases[f"{kind.upper()}, {n:,} rows"] = partial(many, n, kind)
    measured = rounds(small, ROUNDS) | (rounds(big, 1) if big else {})
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
            for name, done in measured.items()
        ],
    )


if __name__ == "__main__":
    main()
