"""An event loop whose time is virtual: it jumps to the next timer as soon as nothing else is to be
done.

What runs on other threads (the writing of the send log) is given a moment of real time before each
jump; should it take longer, that is a slow disk in virtual time, which must cost no letter either.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")
A_MOMENT = 0.001
BEGIN = datetime(2027, 1, 20, 8, 0, tzinfo=UTC)


class Jumping(selectors.DefaultSelector):  # type: ignore[misc, valid-type]
    """Waits for no timer: tells the loop how far it would have had to."""

    ahead = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(min(timeout, A_MOMENT) if timeout is not None else 5)
        if not ready and timeout:
            self.ahead += timeout
        found: list[tuple[selectors.SelectorKey, int]] = ready
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.jumping = Jumping()
        super().__init__(self.jumping)
        self._begun = super().time()

    def time(self) -> float:
        return super().time() + self.jumping.ahead

    def now(self) -> datetime:
        """The wall clock of this world."""
        return BEGIN + timedelta(seconds=self.time() - self._begun)


def run(main: Coroutine[Any, Any, T], loop: VirtualLoop) -> T:
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(main)
    finally:
        asyncio.set_event_loop(None)
        loop.close()
