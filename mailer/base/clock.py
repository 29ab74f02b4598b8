"""The one source of time: aware, in UTC; where a day ends, and how long ago one was. Tests hand in
another.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from mailer.base.spelling import many

Clock = Callable[[], datetime]
"""Returns the present moment, aware and in UTC."""


def now() -> datetime:
    return datetime.now(UTC)


STRASBOURG = "Europe/Paris"
"""The zone of the place where the Assembly sits."""


def end_of(day: date, zone: str = STRASBOURG) -> datetime:
    """Return when a day has ended by the clock of `zone`; of one that names an hour, that hour."""
    if not isinstance(day, datetime):
        day = datetime.combine(day + timedelta(days=1), datetime.min.time())
    return day if day.tzinfo else day.replace(tzinfo=ZoneInfo(zone))


def age(day: date, today: date) -> str:
    """Say how long ago a day was: `5 days`, `3 months`, `2 years 10 months`."""
    months = (today.year - day.year) * 12 + today.month - day.month - (today.day < day.day)
    if months < 1:
        return many((today - day).days, "day")
    years, months = divmod(months, 12)
    return " ".join(many(*part) for part in ((years, "year"), (months, "month")) if part[0])


def steady() -> float:
    """Return seconds that nobody sets back, and that go on while the computer sleeps."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()
