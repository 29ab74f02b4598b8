"""Dates in a text, in the languages of the Assembly: whether one stands there, and which."""

from __future__ import annotations

import re
from datetime import date

from mailer.inbox.sorting.rules import plain

_MONTHS = (
    "jan|ianuar|gener|enero|januar|janvier|genn|styczn|ledn|sijec|urtarril|tammi|saus|janv|Ιαν|ιανου|ocak|yanvar|sich|січ|янв|јан|яну|հունվ|იანვ|jannar|eanair|sijec",
    "feb|fev|fevr|lut|unor|velja|helmi|vasar|φεβ|subat|fevral|лют|фев|փետր|თებ|frar|feabhr|otsail",
    "mar|maer|mars|marz|brez|ozuj|maalis|kov|μαρ|mart|бер|мар|մարտ|მარტ|marta|martxo|marz",
    "apr|avr|abr|kwie|dub|trav|huhti|bal|απρ|nisan|aprel|квіт|апр|ապր|აპრ|aib|apiril",
    "mai|maj|may|mag|maio|kvet|svib|touko|geg|μαι|maj|трав|май|мај|մայ|მაის|mejju|beal|maiatz|mei",
    "jun|juin|giu|czerw|cerv|lip(nja|anj)|kesa|birz|ιουν|haziran|iyun|черв|июн|јун|юни|հունիս|ივნ|gunju|meith|ekain",
    "jul|juil|lugl|lip|cervenec|srp(nja|anj)|heina|liep|ιουλ|temmuz|iyul|лип|июл|јул|юли|հուլ|ივლ|lulju|iuil|uztail",
    "aug|aou|ago|sierp|srp|kolov|elo|rugp|αυγ|agust|avqust|серп|авг|օգոստ|აგვ|awwis|lunasa|abuztu",
    "sep|set|wrze|zari|ruj|syys|rugs|σεπ|eylul|sentyab|верес|сен|септ|սեպտ|სექტ|irail|mean fomhair",
    "oct|okt|ott|out|pazdz|rij|listop(ad)?a|loka|spal|οκτ|ekim|oktyab|жовт|окт|հոկտ|ოქტ|ottubru|urri",
    "nov|listop|studen|marras|lapkr|νοε|kasim|noyab|листоп|ноя|нов|ноем|նոյ|ნოემ|azaro|samhain",
    "dec|dez|dic|dec|grud|prosin|joulu|gruod|δεκ|aralik|dekabr|груд|дек|деке|դեկտ|დეკ|dicembru|nollaig|abendu|des|dez|detsem",
)  # fmt: skip
_MONTH = re.compile(
    "|".join(
        f"(?P<m{at}>{'|'.join(plain(one) for one in names.split('|'))})"
        for at, names in enumerate(_MONTHS, 1)
    )
)
_NUMERIC = re.compile(
    r"(?<![\d.])(\d{1,2})\s?[./-]\s?(\d{1,2})(?:\s?[./-]\s?(\d{4}|\d{2}))?(?!\d|\.\d)"
)
_ISO = re.compile(r"(?<!\d)(20\d\d)[-./](\d{1,2})[-./](\d{1,2})(?!\d)")
_DAY_MONTH = re.compile(
    r"(?<![\d.])(\d{1,2})(?:\.|st|nd|rd|th|er|º|-\w{1,3}|ta|:a|:e)?,?\s+(?:de |d'|of |ta' )?"
    r"([^\W\d_]{3,12})\.?(?:,?\s+(?:de |del )?(20\d\d))?"
)
_MONTH_DAY = re.compile(
    r"(?<!\w)([^\W\d_]{3,12})\.?\s+(\d{1,2})(?:st|nd|rd|th)?(?:-\w{1,4})?\.?(?:,?\s+(20\d\d))?(?![\d.:])"
)


def dates_in(text: str, after: date) -> list[date]:
    """Return the dates of a text, in order; one without a year is the next after `after`."""
    words = plain(text)
    found: list[tuple[int, date]] = []

    def add(at: int, year: str | None, month: int, day: int) -> None:
        whole = int(year) if year else after.year
        whole += 2000 if whole < 100 else 0
        try:
            named = date(whole, month, day)
            if not year and (after - named).days > 60:
                named = date(whole + 1, month, day)
        except ValueError:
            return
        found.append((at, named))

    for one in _ISO.finditer(words):
        add(one.start(), one[1], int(one[2]), int(one[3]))
    rest = _ISO.sub(lambda m: " " * len(m[0]), words)
    for one in _NUMERIC.finditer(rest):
        add(one.start(), one[3], int(one[2]), int(one[1]))
    for one in _DAY_MONTH.finditer(rest):
        if month := month_of(one[2]):
            add(one.start(), one[3], month, int(one[1]))
    for one in _MONTH_DAY.finditer(rest):
        if month := month_of(one[1]):
            add(one.start(), one[3], month, int(one[2]))
    return [named for _, named in sorted(set(found))]


def month_of(word: str) -> int:
    """Return the number of a month from its name as `plain` writes it, 0 if it is none."""
    found = _MONTH.match(word)
    return int((found.lastgroup or "m0")[1:]) if found and found.lastgroup else 0
