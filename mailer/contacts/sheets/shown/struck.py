"""Rules that strike cells through while another cell says something: `$F2="left"`.

Offices cross out who has left. What a rule shows is computed by the spreadsheet program alone, so
the few forms that people write are computed here, too; every other one is said.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from mailer.base.errors import Problem
from mailer.base.problems import problem
from mailer.contacts.contact import column_of, reference
from mailer.contacts.sheets.table import Row

MOST_STEPS = 1_000_000
"""Cells of all rules of a tab that are looked at; what is beyond is said like a rule that is not
understood.
"""

_AREA = re.compile(r"\$?([A-Z]{1,3})\$?(\d+)(?::\$?([A-Z]{1,3})\$?(\d+))?")
_REF = r"(?P<fixed>\$?)(?P<letters>[A-Z]{1,3})(?P<pinned>\$?)(?P<row>\d+)"
_WORD = r'(?:"(?P<text>(?:[^"]|"")*)"|(?P<bare>TRUE|FALSE|-?\d+(?:\.\d+)?)(?:\(\))?)'
_FORMS: tuple[tuple[str, Callable[[str, str], bool]], ...] = (
    (rf"{_REF}={_WORD}", lambda cell, word: cell == word),
    (rf"{_WORD}={_REF}", lambda cell, word: cell == word),
    (rf"EXACT\({_REF}[,;]{_WORD}\)", lambda cell, word: cell == word),
    (rf'{_REF}(?:<>|!=)(?P<text>"")', lambda cell, _: cell != ""),
    (rf"{_REF}(?:<>|!=){_WORD}", lambda cell, word: cell != word),
    (rf"NOT\(ISBLANK\({_REF}\)\)", lambda cell, _: cell != ""),
    (rf"LEN\((?:TRIM\()?{_REF}\)?\)>0", lambda cell, _: cell.strip() != ""),
    (
        rf"NOT\(ISERROR\((?:SEARCH|FIND)\({_WORD}[,;]{_REF}\)\)\)",
        lambda cell, word: word in cell,
    ),
    (rf"ISNUMBER\((?:SEARCH|FIND)\({_WORD}[,;]{_REF}\)\)", lambda cell, word: word in cell),
    (
        rf'LEFT\({_REF}[,;](?:LEN\("[^"]*"\)|\d+)\)={_WORD}',
        lambda cell, word: cell.startswith(word),
    ),
    (_REF, lambda cell, _: cell == "true" or (cell.strip("-0.") != "" and _is_number(cell))),
)


@dataclass(slots=True)
class StrikeRule:
    """A rule that strikes through the cells of an area, as the file has it."""

    area: str  # A2:F100, or several
    attributes: dict[str, str]  # type and operator
    formulas: list[str] = field(default_factory=list)
    base: str = ""  # the cell that a formula is written for; else the first one of the area


@dataclass(frozen=True, slots=True)
class _WhatACellSays:
    """What a cell of a row has to say.

    `fixed` and `pinned`: a $ stands before its column, its row.
    """

    column: int
    row: int
    fixed: bool
    pinned: bool
    holds: Callable[[str, str], bool]
    word: str

    def tells(self, cells: Sequence[str], column: int) -> bool:
        """Tell it of the cell `column` columns right of the one that the rule is written for."""
        looks = self.column if self.fixed else self.column + column
        cell = cells[looks] if 0 <= looks < len(cells) else ""
        return self.holds(cell.casefold(), self.word)


def struck_by(
    file: str, sheet: str, rules: Iterable[StrikeRule], rows: Sequence[Row]
) -> tuple[set[str], list[Problem]]:
    """Return the cells that rules strike through, and a problem where one is not understood."""
    found: set[str] = set()
    strange = ""
    steps = 0
    rows = sorted(rows, key=itemgetter(0)) if rules else rows
    for rule in rules:
        areas = [area for one in rule.area.split() if (area := _AREA.fullmatch(one))]
        condition = _condition(rule)
        base = _AREA.fullmatch(rule.base) or (areas[0] if areas else None)
        if condition is None or base is None or steps > MOST_STEPS or condition.pinned:
            strange = strange or " ".join((rule.attributes.get("type", ""), *rule.formulas))
            continue
        for area in areas:
            left, top = column_of(area[1]), int(area[2])
            right, bottom = column_of(area[3] or area[1]), int(area[4] or area[2])
            first = bisect_left(rows, top, key=itemgetter(0))
            last = bisect_right(rows, bottom, key=itemgetter(0))
            steps += 1 + (last - first) * (right - left + 1)
            if condition.row != int(base[2]) or steps > MOST_STEPS:
                strange = strange or " ".join(rule.formulas)
                continue
            for row, cells in rows[first:last]:
                found.update(
                    reference(column, row, grid=True)
                    for column in range(left, min(right + 1, len(cells)))
                    if cells[column] and condition.tells(cells, column - column_of(base[1]))
                )
    said = [problem("C030", file, sheet=sheet, value=strange[:80].strip())] if strange else []
    return found, said


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(?:[.,]\d+)?%?", text) is not None


def _condition(rule: StrikeRule) -> _WhatACellSays | None:
    """Return what a rule asks of a cell; None for one that is not understood."""
    formula = rule.formulas[0].strip().lstrip("=") if rule.formulas else ""
    kind = rule.attributes.get("type", "expression")
    if kind == "cellIs":
        sign = {"equal": "=", "notEqual": "<>"}.get(rule.attributes.get("operator", ""))
        first = _AREA.match(rule.base or rule.area)
        formula = f"{first[1]}{first[2]}{sign}{formula}" if sign and first else ""
    formula = re.sub(r'("[^"]*")|\s+', lambda found: found[1] or "", formula)
    for pattern, holds in _FORMS:
        if form := re.fullmatch(pattern, formula, re.IGNORECASE):
            said = form.groupdict()
            word = (said.get("text") or said.get("bare") or "").strip('"').replace('""', '"')
            column, row = column_of(said["letters"].upper()), int(said["row"])
            fixed, pinned = bool(said["fixed"]), bool(said["pinned"])
            return _WhatACellSays(column, row, fixed, pinned, holds, word.casefold())
    return None
