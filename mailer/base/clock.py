"""The one source of time: aware, in UTC. Tests hand in another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the present moment, aware and in UTC."""


def now() -> datetime:
    return datetime.now(UTC)
