"""When a letter is tried again, and when it is given up."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from mailer.base.states import Receipt, Stage, State
from mailer.sending.replies import Judgement, judge
from mailer.sending.retry import SCHEDULE, next_try, server_back_off

FIRST = datetime(2027, 1, 25, 8, 0, tzinfo=UTC)
AGAIN = judge(Receipt(State.DEFERRED, Stage.RCPT, 451, "4.7.1", "greylisted"))
REFUSED = judge(Receipt(State.REFUSED, Stage.RCPT, 550, "5.1.1", "no such user"))
UNKNOWN = judge(Receipt(State.UNKNOWN, Stage.DOT))


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


@pytest.mark.parametrize(
    ("attempts", "verdict", "after_first", "more", "minutes"),
    [
        (1, AGAIN, hours(0), {}, 5),
        (2, AGAIN, hours(0.1), {}, 10),
        (3, AGAIN, hours(0.3), {}, 20),
        (4, AGAIN, hours(0.7), {}, 40),
        (5, AGAIN, hours(1.5), {}, 66),
        (17, AGAIN, hours(20), {}, 66),
        (20, AGAIN, hours(22.9), {}, 66),
        (20, AGAIN, hours(22.91), {}, None),  # the next would be beyond 24 hours
        (1, AGAIN, hours(30), {}, None),
        (9, AGAIN, hours(30), {"keep_trying": hours(120)}, 66),
        (1, AGAIN, hours(0), {"keep_trying": timedelta(minutes=4)}, None),
        (1, REFUSED, hours(0), {}, None),
        (1, UNKNOWN, hours(0), {}, None),
        (1, AGAIN, hours(0), {"schedule": (timedelta(seconds=2),)}, 1 / 30),
        (7, AGAIN, hours(0), {"schedule": (timedelta(seconds=2),)}, 1 / 30),
    ],
)
def test_next_try(
    attempts: int,
    verdict: Judgement,
    after_first: timedelta,
    more: dict[str, object],
    minutes: float | None,
) -> None:
    now = FIRST + after_first
    expected = None if minutes is None else now + timedelta(minutes=minutes)
    assert next_try(attempts, verdict, now, FIRST, **more) == expected  # type: ignore[arg-type]


def test_no_wait_is_too_short_for_greylisting() -> None:
    assert min(SCHEDULE) >= timedelta(seconds=300)


@pytest.mark.parametrize(
    ("failures", "longest"),
    [(1, 1), (2, 2), (3, 4), (5, 16), (9, 256), (10, 300), (11, 300), (5_000, 300)],
)
def test_a_server_is_left_alone_twice_as_long_each_time_up_to_five_minutes(
    failures: int, longest: int
) -> None:
    waits = [server_back_off(failures, random.Random(seed)) for seed in range(200)]
    assert 0 <= min(waits) < longest * 0.1
    assert longest * 0.9 < max(waits) <= longest
