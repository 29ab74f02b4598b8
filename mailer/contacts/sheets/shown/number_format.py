"""What a cell shows: a number under its number format (ECMA-376 part 1, section 18.8.30).

Percent, money, leading zeros, thousands, days and times come as the spreadsheet program shows them
in English; what a format does beyond that (fractions, exponents) is left, and the number stands for
itself.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache

BUILT_IN = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 14: "yyyy-mm-dd",
    15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm",
    21: "h:mm:ss", 22: "yyyy-mm-dd h:mm", 37: "#,##0", 38: "#,##0", 39: "#,##0.00",
    40: "#,##0.00", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss", 49: "@",
}  # fmt: skip
"""Formats that a file names by number alone. 14 and 22 look otherwise in each country: ISO here."""

LONGEST = 255
"""Characters of a format; no spreadsheet program takes more."""

MOST_DECIMALS = 30

_TOKEN = re.compile(
    r'"([^"]*)"|\\(.)|\[\$([^\]-]*)(?:-[^\]]*)?\]|\[([hH]+|[mM]+|[sS]+)\]|\[[^\]]*\]|_.|\*.|(AM/PM|A/P)|([yY]+|[mM]+|[dD]+|[hH]+|[sS]+(?:\.0+)?)|(.)',
    re.DOTALL,
)
_MONTHS = "January February March April May June July August September October November December"
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"


def general(value: float) -> str:
    """Return a number without a format: never as `1e5`."""
    if value.is_integer() and abs(value) < 1e18:
        return str(int(value))
    text = f"{value:.15g}"
    return text if "e" not in text else f"{value:f}".rstrip("0").rstrip(".")


@lru_cache(maxsize=1024)
def is_day(code: str) -> bool:
    """Tell whether a format shows a day or a time."""
    return any(found[6] or found[5] or found[4] for found in _tokens(_sections(code)[0]))


@lru_cache(maxsize=1024)
def _sections(code: str) -> list[str]:
    return re.split(r';(?=(?:[^"]*"[^"]*")*[^"]*$)', code)


@lru_cache(maxsize=1024)
def _tokens(section: str) -> tuple[re.Match[str], ...]:
    return tuple(_TOKEN.finditer(section))


def day_of(value: float, *, since_1904: bool = False) -> datetime | None:
    """Return the day and time of a serial number; None for one that is none."""
    start = datetime(1904, 1, 1) if since_1904 else datetime(1899, 12, 30)  # noqa: DTZ001
    try:
        return start + timedelta(seconds=round(value * 86_400))
    except OverflowError:
        return None


def shown(value: float, code: str, *, since_1904: bool = False) -> str:
    """Return what a cell with this number and format shows."""
    if code in ("", "General", "@", "general") or len(code) > LONGEST:
        return general(value)
    if is_day(code):
        day = day_of(value, since_1904=since_1904)
        return _as_day(day, _sections(code)[0], value) if day else general(value)
    sections = _sections(code)
    section, sign = sections[0], "-" if value < 0 else ""
    if value < 0 and len(sections) > 1 and sections[1]:
        section, sign = sections[1], ""
    elif value == 0 and len(sections) > 2 and sections[2]:
        section = sections[2]
    return _as_number(abs(value), section, sign) or general(value)


def _as_number(value: float, section: str, sign: str) -> str:
    """Return a number under one section of a format; empty for one that is not understood."""
    before, digits, after = "", "", ""
    percent = 0
    for found in _tokens(section):
        literal = found[1] or found[2] or found[3] or ""
        sign_of = found[7] or found[6] or ""
        if sign_of and sign_of in "0#?,." and not after:
            digits += sign_of
            continue
        if sign_of in ("/", "E", "e") or (sign_of and sign_of in "0#?"):
            return ""
        if sign_of == "%":
            percent += 1
        if digits:
            after += literal or sign_of
        else:
            before += literal or sign_of
    if percent > 1:
        return ""
    if not digits.strip(",."):
        return sign + before + after
    whole, _, fraction = digits.rstrip(",").partition(".")
    value *= 100**percent
    value /= 1000 ** (len(digits) - len(digits.rstrip(",")))
    most, least = min(len(fraction), MOST_DECIMALS), len(fraction.rstrip("#?"))
    text = f"{value:,.{most}f}" if "," in whole.strip(",") else f"{value:.{most}f}"
    front, _, back = text.partition(".")
    while len(back) > least and back.endswith("0"):
        back = back[:-1]
    front = front.rjust(whole.count("0"), "0")
    return f"{sign}{before}{front}{'.' + back if back else ''}{after}"


def _as_day(day: datetime, section: str, value: float) -> str:
    tokens = _tokens(section)
    noon = any(found[5] for found in tokens)
    out: list[str] = []
    before = ""
    following = [""] * len(tokens)  # the next word of a day behind each token
    for at in range(len(tokens) - 1, 0, -1):
        following[at - 1] = (tokens[at][6] or following[at]).lower()
    for at, found in enumerate(tokens):
        word = (found[6] or "").lower()
        if found[4]:  # [h]: hours that go on beyond 24
            each = {"h": 24, "m": 1_440, "s": 86_400}[found[4][0].lower()]
            out.append(str(round(value * 86_400) * each // 86_400).rjust(len(found[4]), "0"))
            before = found[4].lower()
            continue
        if not word:
            literal = found[1] or found[2] or found[3] or found[7] or ""
            out.append(_half(day) if found[5] else literal)
            continue
        second = following[at][:1] == "s"
        if word[0] == "m" and (before[:1] == "h" or second) and len(word) < 3:
            out.append(str(day.minute).rjust(len(word), "0"))
        else:
            out.append(_part(day, word, noon=noon))
        before = word
    return "".join(out)


def _half(day: datetime) -> str:
    return "AM" if day.hour < 12 else "PM"


def _part(day: datetime, word: str, *, noon: bool) -> str:
    wide = len(word)
    if word[0] == "y":
        return f"{day.year:04}" if wide > 2 else f"{day.year % 100:02}"
    if word[0] == "m":
        name = _MONTHS.split()[day.month - 1]
        return name if wide > 3 else name[:3] if wide == 3 else str(day.month).rjust(wide, "0")
    if word[0] == "d":
        name = _DAYS.split()[day.weekday()]
        return name if wide > 3 else name[:3] if wide == 3 else str(day.day).rjust(wide, "0")
    if word[0] == "h":
        return str((day.hour - 1) % 12 + 1 if noon else day.hour).rjust(wide, "0")
    return str(day.second).rjust(2 if wide > 1 else 1, "0")
