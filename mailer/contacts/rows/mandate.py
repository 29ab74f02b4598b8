"""Until when somebody is a member: days as people write them, a month or a year alone, a period."""

from __future__ import annotations

import re
from datetime import date, timedelta

from mailer.base.spelling import fold, tokens
from mailer.base.states import Reason
from mailer.contacts.rows.row_reader import RowReader
from mailer.contacts.sheets import vocabulary

_DAYS = (
    r"(?P<y>\d{4})[-/.](?P<m>\d\d?)[-/.](?P<d>\d\d?)(?:[ T].*)?",
    r"(?P<d>\d\d?)[./-](?P<m>\d\d?)[./-](?P<y>\d{4})(?:[ T].*)?",
    r"(?P<d>\d\d?)[./-](?P<m>\d\d?)[./-](?P<y>\d\d)",
)
_MONTHS = r"(?:(?P<m>\d\d?)[./-](?P<y>\d{4})|(?P<y2>\d{4})[./-](?P<m2>\d\d?))"
_PERIOD = re.compile(r"\d\s*[-–—/]\s*(?=\d)|\s(?:[-–—]|to|bis|au|à|al|do|по|tot|till?)\s")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_GOES_ON = re.compile(r"[-–—]\s*$|\.{3}$|…$")


def check_mandate(line: RowReader, today: date) -> None:
    """Leave out whoever is no member any more on this day; say which day cannot be read."""
    written = line.text("until")
    if not written or goes_on(written):
        return
    column = line.columns.fields["until"]
    until = last_day(line.table.days.get(line.table.cell(column, line.row), written))
    if until is None:
        line.report("C151", "until")
    elif until < today:
        line.report("C150", "until", Reason.ROW)


def goes_on(text: str) -> bool:
    """Tell whether a mandate has no end: present, 2024–, since 2024."""
    words = tokens(text)
    return (
        vocabulary.meaning("mandate", text) == "open"
        or (bool(words) and vocabulary.meaning("mandate", words[0]) == "since")
        or _GOES_ON.search(text) is not None
        or (len(words) > 1 and vocabulary.meaning("mandate", words[-1]) == "open")
    )


def last_day(text: str) -> date | None:
    """Return the last day of what is written: 2027-01-26, 26.1.2027, 26/01/27, 26 January 2027,
    January 2027, 01/2027, 2027, 2023-2027; None if it is no day. 02/03/2027 is 2 March, as in
    Europe.
    """
    text = re.sub(r"(?<=\d)\.\s+(?=\d)", ".", text.strip())  # 8. 10. 2025
    for pattern in _DAYS:
        if found := re.fullmatch(pattern, text):
            year = int(found["y"]) + (2000 if len(found["y"]) == 2 else 0)
            return _day(year, int(found["m"]), int(found["d"]))
    if found := re.fullmatch(_MONTHS, text):
        year, month = (int(found["y"] or found["y2"]), int(found["m"] or found["m2"]))
        if month <= 12:
            return _end_of(year, month)
    if len(parts := _PERIOD.split(text)) > 1 and (last := last_day(parts[-1])):
        return last
    years = [int(year) for year in _YEAR.findall(text)]
    if not years or len(text) > 60:
        return None
    words = [word for word in tokens(text) if not word.isdecimal()]
    months = [month for word in words if (month := _month(word))]
    days = [int(day) for day in re.findall(r"(?<!\d)\d\d?(?!\d)", text)]
    if months and len(days) == 1 and len(years) == 1:
        return _day(years[0], months[-1], days[0])
    if months and not days:
        return _end_of(max(years), months[-1])
    return date(max(years), 12, 31) if not days and len(years) < 3 else None


def _month(word: str) -> int:
    """Return the number of a month, 0 for another word; a name may be cut off: Sept."""
    found = vocabulary.meaning("month", word)
    if found is None and len(word) > 2:
        stems = [stem for stem in vocabulary.table("month") if len(stem) > 2]
        near = max((stem for stem in stems if fold(word).startswith(stem)), key=len, default="")
        found = vocabulary.table("month").get(near)
    return int(found or 0)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _end_of(year: int, month: int) -> date | None:
    first = _day(year + month // 12, month % 12 + 1, 1)
    return first and first - timedelta(days=1)
