"""When a letter is tried again, or given up; and how long to leave a server alone that does not
answer.

Pure functions. The waits follow RFC 5321 section 4.5.4.1 in spirit: short at first, for greylisting
and passing faults, then about an hour.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from mailer.base.states import State
from mailer.sending.replies import Judgement

SCHEDULE = tuple(timedelta(minutes=minutes) for minutes in (5, 10, 20, 40, 66))
"""Waits after the first, second, … attempt; the last one repeats. None is below the 300 seconds of
greylisting.
"""

A_DAY = timedelta(days=1)


def next_try(
    attempts: int,
    verdict: Judgement,
    now: datetime,
    first_try: datetime,
    *,
    keep_trying: timedelta = A_DAY,
    schedule: Sequence[timedelta] = SCHEDULE,
) -> datetime | None:
    """Return when to try again, or None to give up.

    `attempts` counts those made, the last one included. The limit is `keep_trying` after the first
    attempt.
    """
    if verdict.state is not State.DEFERRED:
        return None
    at = now + schedule[min(attempts, len(schedule)) - 1]
    return at if at <= first_try + keep_trying else None


def server_back_off(failures: int, chance: random.Random | None = None) -> float:
    """Return for how many seconds to leave the server alone after so many failures in a row: up to
    1, 2, 4 … 300.

    Full jitter: several senders that lost the same server do not come back in step.
    """
    return (chance or random).uniform(0, min(300, 2 ** min(failures - 1, 9)))
