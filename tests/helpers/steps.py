"""Steps that a reading takes: calls of Python and of C, the same on every machine and under every
load.
"""

from __future__ import annotations

import sys
from collections.abc import Callable


def steps(work: Callable[[], object]) -> int:
    """Count the calls of a piece of work."""
    counted = 0

    def count(_frame: object, _event: str, _what: object) -> None:
        nonlocal counted
        counted += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return counted
