"""The words of the console in the reader's language.

English stands in the pages themselves; `french.toml` has the French beside it, and
`base/problems.toml` that of the problems, by code. A sentence without a translation is shown in
English, and a test says which those are.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date, datetime
from functools import lru_cache
from importlib import resources

from mailer.base.errors import Problem
from mailer.base.problems import codes
from mailer.report.story import Sentence
from mailer.report.totals import per_cent, zone_name

LANGUAGES = {"en": "English", "fr": "Français"}
_MONTHS = {
    "en": ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    "fr": [
        "janv.",
        "févr.",
        "mars",
        "avr.",
        "mai",
        "juin",
        "juil.",
        "août",
        "sept.",
        "oct.",
        "nov.",
        "déc.",
    ],
}


OWN_LETTERS = 8
"""A sentence with fewer letters of its own beside its gaps could be any other."""

_BY = re.compile(r"(?P<what>paused|stopped) by (?P<who>.+)")


class Translation:
    """Says things in one language: `say("{n} people", n=3)`."""

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else "en"
        self._table = _table(self.language)

    def __call__(self, text: str, /, **values: object) -> str:
        said = self._table.get(text) or (text if values else self._with_its_values(text))
        return (
            said.format_map({k: self.number(v) if type(v) is int else v for k, v in values.items()})
            if values
            else said
        )

    def _with_its_values(self, text: str) -> str:
        """Say a sentence that comes with its values in it, as refusals do: by the first one of the
        table that it is.
        """
        for pattern, french in _patterns(self.language):
            if match := pattern.fullmatch(text):
                return french.format_map(
                    {
                        name: self(it)
                        if name in ("state", "other", "what", "lacks", "fault")
                        else it
                        for name, it in match.groupdict().items()
                    }
                )
        return text

    def counted(self, number: int, text: str) -> str:
        """Say a number and what is counted, in agreement: `8 refused`, in French `8 refusés`."""
        many = self._table.get(f"{text} (many)") if number > 1 else None
        return f"{self.number(number)} {many or self(text)}"

    def state(self, number: int, text: str) -> str:
        """Say a state that so many are in, without the number."""
        return (self._table.get(f"{text} (many)") if number > 1 else None) or self(text)

    def tell(self, *sentences: Sentence) -> str:
        """Say sentences of a story, in one line."""
        return "; ".join(
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
        return self(text)

    def refusal(self, text: str) -> str:
        """Say what was refused: a sentence of the table, or one with names put in."""
        said = self(text)
        if self.language != "en" and said == text and text not in self._table:
            for pattern, french in _refusals():
                if match := pattern.fullmatch(text):
                    return french.format(*(self.refusal(one) for one in match.groups()))
        return said

    def many(self, number: int, one: str, more: str, /, **values: object) -> str:
        """Say `one` for 1 (in French for 0 as well), `more` otherwise; both may use {n}."""
        single = number == 1 or (number == 0 and self.language == "fr")
        return self(one if single else more, n=number, **values)

    def number(self, number: int) -> str:
        return f"{number:,}".replace(
            ",", "\N{NARROW NO-BREAK SPACE}" if self.language == "fr" else ","
        )

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
        if self.language == "en" or said != text or not (text and general):
            return said
        return f"{self(general)} – {said}"

    def place(self, text: str) -> str:
        """Say where something stands: `contacts/uk.xlsx · sheet "Members" · cell D17`."""
        return (
            text.replace(' · sheet "', ' · onglet "').replace(" · cell ", " · cellule ")
            if self.language == "fr"
            else text
        )

    def share(self, part: int, whole: int) -> str:
        """Write a share: `98.4 %`, in French `98,4 %`."""
        said = per_cent(part, whole)
        return said.replace(".", ",") if self.language == "fr" else said

    def day(self, at: datetime) -> str:
        return self._date(at.astimezone())

    def _date(self, at: datetime) -> str:
        return f"{at.day} {_MONTHS[self.language][at.month - 1]} {at.year}"

    def clock(self, at: datetime, *, seconds: bool = False) -> str:
        """Write the hour in this computer's zone, and name the zone: `08:00 CET`."""
        here = at.astimezone()
        return (
            f"{here:%H:%M:%S} {zone_name(here)}" if seconds else f"{here:%H:%M} {zone_name(here)}"
        )

    def moment(self, at: datetime, *, seconds: bool = False) -> str:
        """Write a time in this computer's zone, and name the zone: `20 Jan 2027, 08:00 CET`."""
        return f"{self.day(at)}, {self.clock(at, seconds=seconds)}"

    def day_or_hour(self, at: date) -> str:
        """Write a day, or a moment by the clock that it is meant by."""
        if isinstance(at, datetime):
            return self.there(at)
        return f"{at.day} {_MONTHS[self.language][at.month - 1]} {at.year}"

    def there(self, at: datetime) -> str:
        """Write a time by the clock that it is meant by, and name the zone."""
        return f"{self._date(at)}, {at:%H:%M} {zone_name(at)}"

    def long(self, seconds: float) -> str:
        """Say how long, roughly: `about 3 min`."""
        minutes = round(seconds / 60)
        if minutes < 1:
            return self("less than a minute")
        if minutes < 90:
            return self("about {n} min", n=minutes)
        return self("about {n} h", n=round(minutes / 60))


@lru_cache
def language_names() -> dict[str, str]:
    """Return what languages of letters call themselves, by code."""
    file = resources.files("mailer.console.language").joinpath("names.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


@lru_cache
def _refusals() -> list[tuple[re.Pattern[str], str]]:
    """Return the sentences with gaps, those with the most words of their own first."""
    file = resources.files("mailer.console.language").joinpath("refusals.toml")
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    return [
        (re.compile("(.+?)".join(map(re.escape, english.split("{}"))), re.DOTALL), spaced(french))
        for english, french in sorted(table.items(), key=lambda pair: -len(pair[0]))
    ]


@lru_cache
def _table(language: str) -> dict[str, str]:
    if language == "en":
        return {}
    folder = resources.files("mailer.console.language")
    found = {
        text: french
        for kind in codes().values()
        for text, french in zip((kind.message, kind.advice), kind.french, strict=True)
    }
    found |= tomllib.loads(folder.joinpath("french.toml").read_text(encoding="utf-8"))
    return {text: spaced(french) for text, french in found.items()}


def spaced(french: str) -> str:
    """Return French with blanks before : ; ? ! and within « » at which no line breaks; the tables
    are typed with ordinary ones.
    """
    return re.sub(r" (?=[:;?!»](?:\W|\Z))|(?<=«) ", "\N{NO-BREAK SPACE}", french)


@lru_cache
def _patterns(language: str) -> list[tuple[re.Pattern[str], str]]:
    """Return the sentences with gaps, the one with the most words of its own first."""
    found = []
    for text, french in _table(language).items():
        parts = re.split(r"\{(\w+)\}", text)
        own = sum(map(len, parts[::2]))
        if len(parts) > 1 and own > OWN_LETTERS and len(set(parts[1::2])) == len(parts[1::2]):
            pattern = "".join(
                f"(?P<{part}>.+?)" if at % 2 else re.escape(part) for at, part in enumerate(parts)
            )
            found.append((own, re.compile(pattern, re.DOTALL), french))
    found.sort(key=lambda one: -one[0])
    return [(pattern, french) for _, pattern, french in found]


def preferred(header: str) -> str:
    """Return the first language of an Accept-Language header that we speak."""
    for part in header.split(","):
        code = part.partition(";")[0].strip().lower()[:2]
        if code in LANGUAGES:
            return code
    return "en"
