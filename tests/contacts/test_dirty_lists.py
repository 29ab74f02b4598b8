"""Facts about lists as offices and their programs keep them: `dirty_lists.txt` beside this file
has each list, and below it who is written to, and who is left out with which code.

Each is read as CSV, XLSX and ODS, and says the same. All people are invented.

    python -m tests.contacts.test_dirty_lists    writes what is read now; look at each change
"""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import openpyxl
import pytest

from mailer.contacts.book import load_contacts
from mailer.contacts.sheets.csv_text import layout_of
from tests.contacts import test_offices

LISTS = Path(__file__).with_name("dirty_lists.txt")
CELLS_OF_CSV = (
    "stray.csv", "formulas.csv", "keyvalue.csv", "hyperlink.csv", "hyperlink comma.csv",
)  # fmt: skip
"""Lists whose point is how a text file writes its cells."""


def lists() -> Iterator[tuple[str, str, str]]:
    """Yield the file, its text, and what becomes of its rows."""
    for each in re.split(r"^== ", LISTS.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        name, _, rest = each.partition("\n")
        text, _, said = rest.partition("----\n")
        yield name, text, said.strip()


def verdict(name: str, content: bytes) -> str:
    """Say what becomes of each row, and what is said of the file as a whole."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "contacts").mkdir()
        (Path(folder) / "contacts" / name).write_bytes(content)
        book = load_contacts(Path(folder), today=date(2026, 11, 29))
    lines = [
        " · ".join(
            filter(
                None,
                (
                    one.name or "nobody", one.delegation, one.role, one.gender,
                    one.problem.code if one.skip and one.problem else "",
                ),
            )
        )
        for one in book.contacts
    ]  # fmt: skip
    whole = sorted({p.code for p in book.problems if p.row is None or book.broken})
    return "\n".join([*lines, *(["file: " + " ".join(whole)] if whole else [])])


def rows(text: str) -> list[list[str]]:
    separator = layout_of(text).separator
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))


def xlsx(text: str, name: str) -> bytes:
    book = openpyxl.Workbook()
    tab = book.worksheets[0]
    tab.title = "Sheet1"
    for y, cells in enumerate(rows(text), start=1):
        for x, cell in enumerate(cells, start=1):
            if cell:
                tab.cell(y, x).value = cell
                tab.cell(y, x).data_type = "s"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def ods(text: str, name: str) -> bytes:
    return test_offices.ods(rows(text), "Sheet1")


@pytest.mark.parametrize("name", [name for name, _, _ in lists()])
def test_each_row_of_a_dirty_list_is_what_it_is(name: str) -> None:
    text, said = next((text, said) for one, text, said in lists() if one == name)
    stem = name.removesuffix(".csv")
    assert verdict(name, text.encode()) == said
    if name not in CELLS_OF_CSV:
        assert verdict(f"{stem}.xlsx", xlsx(text, stem)) == said
        assert verdict(f"{stem}.ods", ods(text, stem)) == said


def test_an_opt_out_is_told_at_its_own_cell(tmp_path: Path) -> None:
    (tmp_path / "contacts").mkdir()
    lines = "Name,E-mail,Country,Do Not Email,Is Deceased\nAnna PRØVE,a@x.example,NO,No,Yes\n"
    (tmp_path / "contacts" / "a.csv").write_text(lines, encoding="utf-8")
    (told,) = load_contacts(tmp_path).problems
    assert (told.code, told.cell, told.value) == ("C152", "2:5", "Yes")


def main() -> None:
    """Write what is read now below each list."""
    written = (
        f"== {name}\n{text}----\n{verdict(name, text.encode())}\n\n" for name, text, _ in lists()
    )
    LISTS.write_text("".join(list(written)), encoding="utf-8")


if __name__ == "__main__":
    main()
