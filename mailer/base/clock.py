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


class ClockWatch:
    """Notices when the clock is set, by somebody or the network: it parts from the steady one."""

    SLEW = 2.0  # seconds; less is a clock that is being corrected

    def __init__(self, now: Clock) -> None:
        self._now, self._apart = now, 0.0
        self.look()

    def look(self) -> float:
        """Return by how many seconds the clock was set since the last look, back below 0; 0.0: it
        was not.
        """
        for _ in range(3):  # who is stopped between the two clocks looks once more
            before = steady()
            wall, after = self._now().timestamp(), steady()
            if after - before < self.SLEW / 2:
                break
        else:
            return 0.0
        set_by, self._apart = wall - after - self._apart, wall - after
        return set_by if abs(set_by) > self.SLEW else 0.0


def span(seconds: float) -> str:
    """Say how long something is, in the two largest units: `45 s`, `1 h`, `2 h 5 min`, `3 days`."""
    seconds = round(abs(seconds))
    if seconds >= 2 * 86400:
        return many(round(seconds / 86400), "day")
    hours, minutes = divmod(round(seconds / 60), 60)
    words = [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes)
    return " ".join(words) if seconds >= 60 else f"{seconds} s"
