"""How large a picture stands in a letter: `{width=320}`, written at once behind it.

The size is in pixels. No picture is ever wider than the column
of text or the screen: the page of the letter sees to that, and a telephone makes it smaller.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

from markdown_it.rules_core import StateCore

COLUMN = 600
"""Pixels of the column of text; what is wider would be cut off by Outlook, which knows no limit."""

LOGO = (36, 160)
"""Pixels that a logo is high in a letterhead, and the most that it is wide."""

_SIZE = re.compile(r"\{\s*width\s*=\s*(\d{1,4})\s*(?:px\s*)?\}")
_BRACES = re.compile(r"\{[^}\s][^}]{0,60}\}")


def sized(state: StateCore) -> None:
    """Move the size behind each picture into it; what is no size is kept in its `meta`."""
    for block in state.tokens:
        for picture, behind in pairwise(block.children or []):
            if picture.type != "image" or behind.type != "text":
                continue
            written = _BRACES.match(behind.content)
            if not written:
                continue
            behind.content = behind.content[written.end() :]
            size = _SIZE.fullmatch(written[0])
            if size and 0 < int(size[1]) <= COLUMN:
                picture.attrs["width"] = size[1]
            else:
                picture.meta["size"] = written[0]


def logo_width(path: Path) -> int:
    """Return the pixels that a logo is wide in the letterhead of a mail."""
    wide, high = size_of(path)
    height, most = LOGO
    return max(1, min(most, round(height * wide / high))) if high else height


def size_of(path: Path) -> tuple[int, int]:
    """Return how many pixels a PNG or JPEG is wide and high, by its head; 0 where that cannot be
    read.
    """
    raw = path.read_bytes()
    if raw.startswith(b"\x89PNG\r\n\x1a\n"):
        return int.from_bytes(raw[16:20]), int.from_bytes(raw[20:24])
    at = 2
    while raw.startswith(b"\xff\xd8") and raw[at : at + 1] == b"\xff":
        kind, length = raw[at + 1], int.from_bytes(raw[at + 2 : at + 4])
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(raw[at + 7 : at + 9]), int.from_bytes(raw[at + 5 : at + 7])
        at += 2 + length
    return 0, 0
