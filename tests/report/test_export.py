"""Facts about files of outcomes: what they hold in memory does not grow with their rows."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from tempfile import TemporaryFile
from typing import Any

import pytest

from mailer.base.states import State
from mailer.ledger.ledger import Ledger
from mailer.ledger.mailouts import MailOut, get
from mailer.ledger.reading.deliveries import Delivery
from mailer.report.export import csv_file, json_lines, workbook

ONE = Delivery(
    *(1, 1, 1, "NO:anna", "Anna Berg", "anna@no.example", "anna@no.example", "NO", "chair", "SOC"),
    *("en", "contacts/no.csv", "", 2, "2:3", "<1@rights.example>", "0" * 64, None, State.ACCEPTED),
    *("", "", 250, "2.0.0", "queued", 1, None, None, datetime(2027, 1, 20, 8, tzinfo=UTC)),
)


@pytest.fixture
def mail_out(ledger: Ledger, planned: Callable[..., int]) -> MailOut:
    with ledger.reading() as connection:
        return get(connection, planned(1))


@pytest.mark.parametrize("make", [workbook, csv_file, json_lines])
def test_file_needs_no_more_memory_for_more_rows(mail_out: MailOut, make: Any) -> None:
    peaks = []
    for number in (300, 300, 3000):  # the first is for what is loaded once
        with TemporaryFile() as out:
            tracemalloc.start()
            people = make(out, mail_out, _people(number), str, {"Telephone": lambda one: one.text})
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert people == number
    assert peaks[2] < 1.5 * peaks[1] + 100_000, peaks


def _people(number: int) -> Iterator[Delivery]:
    for row in range(number):
        yield replace(ONE, id=row, number=row, name=f"Anna {row}", text=f"queued as {row}")
