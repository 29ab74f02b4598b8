"""Facts about where a day ends."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from mailer.base.clock import end_of

THE_27TH = date(2027, 1, 27)


@pytest.mark.parametrize(
    ("day", "zone", "end"),
    [
        (THE_27TH, "Europe/Paris", datetime(2027, 1, 27, 23, 0, tzinfo=UTC)),
        (THE_27TH, "Atlantic/Reykjavik", datetime(2027, 1, 28, 0, 0, tzinfo=UTC)),
        (datetime.fromisoformat("2027-01-27T12:30"), "Europe/Paris",
         datetime(2027, 1, 27, 11, 30, tzinfo=UTC)),
        (datetime(2027, 1, 27, 12, 30, tzinfo=UTC), "Europe/Paris",
         datetime(2027, 1, 27, 12, 30, tzinfo=UTC)),
        (date(2027, 3, 28), "Europe/Paris", datetime(2027, 3, 28, 22, 0, tzinfo=UTC)),  # 23 hours
    ],
)  # fmt: skip
def test_day_or_hour_ends_by_the_clock_of_the_place(day: date, zone: str, end: datetime) -> None:
    assert end_of(day, zone) == end
