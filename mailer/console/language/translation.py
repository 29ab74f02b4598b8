"""The words of the console in the reader's language.

English stands in the pages themselves; each other language has a folder of tables beside this
module (`languages.py` says which). A sentence without a translation is shown in English, and a test
says which those are.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date, datetime
from functools import cache
from importlib import resources

from mailer.base.errors import Problem
from mailer.base.problems import codes
from mailer.console.language.languages import (
    DEFAULT,
    GAP,
    LONGEST,
    OWN_LETTERS,
    patterns,
    rules,
    spoken,
    table,
    without_breaks,
)
from mailer.report.story import Sentence
from mailer.report.totals import per_cent, zone_name

_ISO = re.compile(r"\d{4}-\d\d-\d\d")
_BY = re.compile(r"(?P<what>paused|stopped) by (?P<who>.+)")


class Translation:
    """Says things in one language: `say("{n} people", n=3)`."""

    def __init__(self, language: str) -> None:
        self.language = language if language in spoken() else DEFAULT
        self._table, self._rules = table(self.language), rules(self.language)

    def __call__(self, text: str, /, **values: object) -> str:
        said = self._table.get(text) or (text if values else self._filled(text, OWN_LETTERS))
        return (
            said.format_map({k: self._put_in(k, v) for k, v in values.items()}) if values else said
        )

    def _put_in(self, name: str, value: object) -> object:
        if type(value) is int:
            return self.number(value)
        if name == "day" and isinstance(value, str):
            return self.due(value)
        return self.day_or_hour(value) if isinstance(value, date) else value

    def _filled(self, text: str, least: int) -> str:
        """Say a sentence that comes with its values in it, as refusals do: by the first one of the
        tables that it is, of those with more than `least` letters of their own.
        """
        for one in patterns(self.language):
            if one.own <= least or len(text) > LONGEST:
                break
            if one.needs not in text:
                continue
            if match := one.filled.fullmatch(text):
                values = {
                    name: self.refusal(it) if name in one.in_words else it
                    for name, it in match.groupdict().items()
                }
                return GAP.sub(lambda gap, v=values: v.get(gap[1], gap[0]), one.said)  # type: ignore[misc]
        return text

    def counted(self, number: int, text: str) -> str:
        """Say a number and what is counted, in agreement: `8 refused`, in French `8 refusés`;
        what a language says of several stands in its table as `refused (many)`.
        """
        many = self._table.get(f"{text} (many)") if number > 1 else None
        return f"{self.number(number)} {many or self(text)}"

    def state(self, number: int, text: str) -> str:
        """Say a state that so many are in, without the number."""
        return (self._table.get(f"{text} (many)") if number > 1 else None) or self(text)

    def tell(self, *sentences: Sentence) -> str:
        """Say sentences of a story, in one line."""
        between = without_breaks(self._rules.between, self.language)
        return between.join(
            self(one.words, **{name: self._value(name, it) for name, it in one.values.items()})
            for one in sentences
        )

    def _value(self, name: str, value: int | str | datetime) -> int | str:
        if isinstance(value, datetime):
            return self.moment(value)
        return self.place(str(value)) if name == "place" else value

    def why(self, text: str) -> str:
        """Say why a mail-out is paused or stopped, as it stands in the log."""
        if match := _BY.fullmatch(text):
            return self(f"{match['what']} by {{who}}", who=match["who"])
        return self.refusal(text)

    def refusal(self, text: str) -> str:
        """Say what was refused, or is advised: a sentence of the tables, or one with names put in,
        however few words of its own it has.
        """
        said = self._table.get(text) or self._filled(text, 0)
        if said == text and self.language != DEFAULT and text[-1:].isalnum():
            # a finding is the sentence of an error without its full stop
            whole = self._table.get(f"{text}.") or self._filled(f"{text}.", OWN_LETTERS)
            return said if whole == f"{text}." else whole.removesuffix(".")
        return said

    def many(self, number: int, one: str, more: str, /, **values: object) -> str:
        """Say `one` for 1 (in French for 0 as well), `more` otherwise; both may use {n}."""
        return self(one if number in self._rules.one else more, n=number, **values)

    def number(self, number: int) -> str:
        return f"{number:,}".replace(",", self._rules.thousands)

    def problem(self, one: Problem) -> str:
        """Say what is wrong; where the words of this very case are English alone, the general ones
        stand before them.
        """
        kind = codes().get(one.code)
        return self._in_general(one.message, kind.message if kind else "")

    def advice(self, one: Problem) -> str:
        """Say what to do about it, in the same way."""
        kind = codes().get(one.code)
        return self._in_general(one.suggestion or "", kind.advice if kind else "")

    def _in_general(self, text: str, general: str) -> str:
        said = self.refusal(text)
        if self.language == DEFAULT or said != text or not (text and general):
            return said
        return f"{self(general)} – {said}"

    def place(self, text: str) -> str:
        """Say where something stands: `contacts/uk.xlsx · sheet "Members" · cell D17`."""
        for english, said in self._rules.places.items():
            text = text.replace(f" · {english} ", f" · {said} ")
        return text

    def share(self, part: int, whole: int) -> str:
        """Write a share: `98.4 %`, in French `98,4 %`."""
        said = per_cent(part, whole).replace(".", self._rules.decimal)
        return without_breaks(said, self.language)

    def day(self, at: date) -> str:
        """Write a day; a moment as this computer's zone has it."""
        at = at.astimezone() if isinstance(at, datetime) else at
        return self._date(at)

    def due(self, day: str) -> str:
        """Write a day that is kept as `2027-01-20`; anything else stays as it is."""
        return self._date(date.fromisoformat(day)) if _ISO.fullmatch(day) else day

    def _date(self, at: date) -> str:
        written = self._rules.day.format(at=at, month=self._rules.months[at.month - 1])
        return without_breaks(written, self.language)

    def clock(self, at: datetime, *, seconds: bool = False) -> str:
        """Write the hour in this computer's zone, and name the zone: `08:00 CET`."""
        return self._hour(at.astimezone(), seconds=seconds)

    def _hour(self, at: datetime, *, seconds: bool = False) -> str:
        written = self._rules.clock_seconds if seconds else self._rules.clock
        zone = zone_name(at)
        said = written.format(at=at, zone=self._rules.zones.get(zone, zone))
        return without_breaks(said, self.language)

    def moment(self, at: datetime, *, seconds: bool = False) -> str:
        """Write a time in this computer's zone, and name the zone: `20 Jan 2027, 08:00 CET`."""
        return f"{self.day(at)}, {self.clock(at, seconds=seconds)}"

    def day_or_hour(self, at: date) -> str:
        """Write a day, or a moment by the clock that it is meant by."""
        return self.there(at) if isinstance(at, datetime) else self._date(at)

    def there(self, at: datetime) -> str:
        """Write a time by the clock that it is meant by, and name the zone."""
        return f"{self._date(at)}, {self._hour(at)}"

    def long(self, seconds: float) -> str:
        """Say how long, roughly: `about 3 min`."""
        minutes = round(seconds / 60)
        if minutes < 1:
            return self("less than a minute")
        if minutes < 90:
            return self("about {n} min", n=minutes)
        return self("about {n} h", n=round(minutes / 60))


@cache
def language_names() -> dict[str, str]:
    """Return what languages of letters call themselves, by code."""
    file = resources.files("mailer.console.language").joinpath("names.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


def preferred(header: str) -> str:
    """Return the first language of an Accept-Language header that we speak."""
    for part in header.split(","):
        code = part.partition(";")[0].strip().lower()[:2]
        if code in spoken():
            return code
    return DEFAULT
