"""The one source of time: aware, in UTC. Tests hand in another."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the present moment, aware and in UTC."""


def now() -> datetime:
    return datetime.now(UTC)


def steady() -> float:
    """Return seconds that nobody sets back, and that go on while the computer sleeps."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()
