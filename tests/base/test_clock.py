"""Facts about where a day ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from mailer.base.clock import end_of


@pytest.fixture
def sits_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    yield monkeypatch
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("place", "end"),
    [
        ("Europe/Paris", datetime(2027, 1, 27, 23, 0, tzinfo=UTC)),
        ("UTC", datetime(2027, 1, 27, 23, 0, tzinfo=UTC)),  # it has ended in Strasbourg
        ("America/New_York", datetime(2027, 1, 27, 23, 0, tzinfo=UTC)),
        ("Pacific/Kiritimati", datetime(2027, 1, 27, 10, 0, tzinfo=UTC)),  # and here before
    ],
)
def test_day_ends_in_strasbourg_or_here(
    sits_in: pytest.MonkeyPatch, place: str, end: datetime
) -> None:
    sits_in.setenv("TZ", place)
    time.tzset()
    assert end_of(date(2027, 1, 27)) == end
