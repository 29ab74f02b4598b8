"""The one source of time: aware, in UTC, and where a day ends. Tests hand in another."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

Clock = Callable[[], datetime]
"""Returns the present moment, aware and in UTC."""


def now() -> datetime:
    return datetime.now(UTC)


def end_of(day: date) -> datetime:
    """Return when a day has ended, in Strasbourg, where the Assembly sits, or for whoever sits at
    this computer: whichever comes first, so that nobody is written to after it.
    """
    midnight = datetime.combine(day + timedelta(days=1), datetime.min.time())
    return min(midnight.replace(tzinfo=ZoneInfo("Europe/Paris")), midnight.astimezone())


def steady() -> float:
    """Return seconds that nobody sets back, and that go on while the computer sleeps."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()
