"""The golden corpus: every row of every bad sheet gets the verdict that was written by hand."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from datetime import date
from pathlib import Path

import pytest

from mailer.base.delegations import Delegations
from mailer.contacts.book import load_contacts
from tests.contacts import bad_sheets

WRITTEN = Path(__file__).with_name("verdicts.csv").read_text(encoding="utf-8")
DELEGATIONS = Delegations.load()


def verdicts() -> dict[str, dict[tuple[str, str], str]]:
    by_file: dict[str, dict[tuple[str, str], str]] = defaultdict(dict)
    for row in csv.DictReader(io.StringIO(WRITTEN)):
        by_file[row["file"]][row["tab"], row["row"]] = row["codes"]
    return by_file


VERDICTS = verdicts()


def test_the_corpus_has_140_sheets_and_no_file_without_a_verdict() -> None:
    assert len(VERDICTS) >= 140
    assert len(bad_sheets.SHEETS) == len(bad_sheets.CASES), "two cases have one name"
    assert bad_sheets.verdicts() == WRITTEN, "run python -m tests.contacts.bad_sheets"


@pytest.mark.parametrize("name", VERDICTS)
def test_every_row_gets_its_verdict(tmp_path: Path, name: str) -> None:
    (tmp_path / "contacts").mkdir()
    (tmp_path / "contacts" / name).write_bytes(bad_sheets.SHEETS[name])
    book = load_contacts(tmp_path, delegations=DELEGATIONS, today=date(2026, 11, 25))
    whole = [
        f"{p.code}@{p.row}" if p.row else p.code
        for p in book.problems
        if p.code < "C1" or p.row is None
    ]
    found = {("", ""): " ".join(whole)}
    expected = dict(VERDICTS[name])
    if "@" not in expected["", ""]:
        found["", ""] = " ".join(code.partition("@")[0] for code in found["", ""].split())
    for contact in book.contacts:
        codes = sorted(
            p.code
            for p in book.problems
            if (p.sheet, p.row) == (contact.sheet, contact.row) and p.code >= "C1"
        )
        found[contact.sheet or "", str(contact.row)] = " ".join(codes)
        assert (contact.skip is None) == (contact.problem is None)
    assert found == expected
    assert bool(book.broken) == (not book.contacts and name != "clean-only-headings.csv")
