"""When a mail-out begins: a day and an hour by one clock, or by that of each capital.

Pure. What somebody asks for is read into a `Start`; the moment of each delegation follows from it.
Public holidays are those of the library `holidays`, where the capital is.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Container
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

from mailer.base import clock
from mailer.base.delegations import Delegations
from mailer.base.errors import UsageError
from mailer.base.spelling import many, nearest

HOW = 'write it "Mon 9:00", "2027-01-18 9:00" or "9:00 in each capital"'
CLOCK = "by the clock of {zone}, unless of each capital"
_GERMAN_DATE = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")


class StartWords:
    """The words of `start_words.toml`, of all its languages: each is understood by everybody."""

    def __init__(self) -> None:
        text = (
            resources.files("mailer.letters.wording")
            .joinpath("start_words.toml")
            .read_text("utf-8")
        )
        languages = tomllib.loads(text).values()
        self.relative = {
            word: days
            for one in languages
            for days, name in enumerate(("today", "tomorrow"))
            for word in one[name]
        }
        self.days = [(word, at) for one in languages for at, word in enumerate(one["days"])]
        self.short = {word: at for one in languages for at, word in enumerate(one.get("short", ()))}
        at, hour, capitals = (
            "|".join(re.escape(word) for one in languages for word in one[name])
            for name in ("at", "hour", "capitals")
        )
        self.wish = re.compile(
            rf"(?:(?P<day>[^\s:]+?),?\s+)?(?:(?:{at})\s+)?"
            r"(?P<hour>\d{1,2})(?:\s?[:.h]\s?(?P<minute>\d{2}))?"
            rf"(?:\s?(?P<half>am|pm)|\s?(?P<sign>{hour}))?(?P<capitals>\s+(?:{capitals}))?"
        )

    def hour(self, found: re.Match[str] | None) -> time | None:
        """Return the hour of a wish; None where it says none: a bare "9" may be anything."""
        if found is None or not (found["minute"] or found["half"] or found["sign"]):
            return None
        hour, minute = int(found["hour"]), int(found["minute"] or 0)
        if found["half"]:
            if not 1 <= hour <= 12:
                return None
            hour = hour % 12 + (12 if found["half"] == "pm" else 0)
        return time(hour, minute) if hour < 24 and minute < 60 else None


_words = lru_cache(maxsize=1)(StartWords)


@dataclass(frozen=True, slots=True)
class Start:
    """A day and an hour; a delegation for which that is no working day begins on the next."""

    day: date
    hour: time
    zone: str  # "" for the clock of each capital
    working_days: bool = False  # neither Saturday or Sunday, nor a public holiday of the country

    def __str__(self) -> str:
        where = self.zone or "in each capital"
        days = ", on working days" if self.working_days else ""
        return f"{self.day:%a} {self.day.isoformat()} {self.hour:%H:%M} {where}{days}"

    def of(self, delegation: str, delegations: Delegations, zone: str) -> datetime:
        """Return when the first letter to a delegation may leave; `zone` is the clock for those
        whose capital is not known.
        """
        row, day = delegations.get(delegation), self.day
        if self.working_days:
            off = _holidays(delegation, row.region if row else "")
            while day.weekday() >= 5 or day in off:
                day += timedelta(days=1)
        there = ZoneInfo(self.zone or (row and row.zone) or zone)
        # by way of UTC: an hour that summer time skips is the one after it
        return datetime.combine(day, self.hour, there).astimezone(UTC).astimezone(there)


@lru_cache(maxsize=128)
def _holidays(country: str, region: str) -> Container[date]:
    import holidays  # half a second

    try:
        found: Container[date] = holidays.country_holidays(country, subdiv=region or None)
    except NotImplementedError:
        raise UsageError(
            f'The public holidays of "{country}" are not known.', hint="leave out --working-days"
        ) from None
    return found


def read(
    text: str,
    codes: Collection[str],
    delegations: Delegations,
    *,
    now: datetime,
    zone: str = clock.STRASBOURG,
    working_days: bool = False,
) -> Start:
    """Read when to begin: `Mon 9:00`, `tomorrow 9:00`, `2027-01-18 9:00`, `9:00 in each capital`;
    `demain 9h`, `heute 16 Uhr`: in any language of `start_words.toml`.

    A weekday, or an hour alone, is the next at which it is still to come for all of the delegations
    `codes`. Raises `UsageError` for what is no time, and for one that has passed.
    """
    found = _words().wish.fullmatch(
        " ".join(text.casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").split())
    )
    hour = _words().hour(found)
    if found is None or hour is None:
        hint = f"{HOW}; {CLOCK.format(zone=zone)}"
        raise UsageError(f'"{text}" is no time to begin at.', hint=hint)
    today = now.astimezone(ZoneInfo(zone)).date()
    days = _days(found["day"] or "", today)
    starts = [Start(day, hour, "" if found["capitals"] else zone, working_days) for day in days]
    late: list[str] = []
    for start in starts:
        moments = {code: start.of(code, delegations, zone) for code in codes}
        late = [code for code, at in moments.items() if at <= now]
        if not late:
            return start
    here = now.astimezone(ZoneInfo(zone))
    where = "" if len(late) == len(codes) else f" for {many(len(late), 'delegation')}"
    raise UsageError(
        f"{starts[-1]} has passed{where}: it is {here:%a %Y-%m-%d %H:%M} {here.tzname()}.",
        hint="choose a later time; without --at it is sent at once",
    )


def _days(word: str, today: date) -> list[date]:
    """Return the days that a word may mean, the first one preferred."""
    ahead = [today + timedelta(days=days) for days in range(9)]
    if not word:
        return ahead[:3]
    known = _words()
    if word in known.relative:
        return [ahead[known.relative[word]]]
    name = word.rstrip(".")
    meant = [at for day, at in known.days if len(name) >= 3 and day.startswith(name)]
    if name in known.short:
        meant = [known.short[name]]
    if meant:
        return [day for day in ahead if day.weekday() == meant[0]]
    try:
        if by_dots := _GERMAN_DATE.fullmatch(word):
            day, month, year = map(int, by_dots.groups())
            return [date(year, month, day)]
        return [date.fromisoformat(word)]
    except ValueError:
        close = nearest(word, [*(day for day, _ in known.days), *known.relative])
        hint = f'did you mean "{close}"?' if close else HOW
        raise UsageError(f'"{word}" is no day.', hint=hint) from None
