"""The map of equal tiles, one a delegation, so that Malta is as visible as France.

`tiles.txt` draws it: three characters a column, a line a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class Tile:
    """Where a delegation stands: column and row, from 0."""

    code: str
    column: int
    row: int


@lru_cache
def tiles() -> tuple[Tile, ...]:
    """Return all tiles, row by row."""
    lines = (
        resources.files("mailer.console")
        .joinpath("tiles.txt")
        .read_text(encoding="utf-8")
        .splitlines()
    )
    return tuple(
        Tile(line[at : at + 2], at // 3, row)
        for row, line in enumerate(lines)
        for at in range(0, len(line), 3)
        if line[at : at + 2].strip()
    )


def shade(part: int, whole: int) -> int:
    """Return how dark a tile is: 0 for none, 1 to 5 by fifths, 5 for everyone alone."""
    if not whole or not part:
        return 0
    return 5 if part >= whole else min(4, 1 + 4 * part // whole)
