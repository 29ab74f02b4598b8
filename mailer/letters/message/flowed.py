"""The plain twin in lines that any program can show: wrapped, and joined again where the reader's
program knows how (format=flowed, RFC 3676).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

WIDTH = 74
"""Characters in a line with the blank at its end, which takes three when it is quoted; at most 78
by RFC 3676 section 4.2.
"""

_QUOTED = re.compile(r"((?:> )*(?:>$)?)(.*)", re.DOTALL)
_WORDS = re.compile(r"[^ ]+")
_TOUCHED = (" ", ">", "From ")
_SIGNATURE = "-- "


def flowed(text: str) -> str:
    """Return the text with its long lines wrapped at blanks, never beside a figure: a date stays
    in one line for readers whose program joins none.

    Blanks at the end of a line are lost: they would mean that it goes on.
    """
    return "\n".join(map(_wrapped, text.split("\n")))


@lru_cache(2048)  # most lines are the same in all letters
def _wrapped(line: str) -> str:
    if line == _SIGNATURE:
        return line
    match = _QUOTED.match(line.rstrip(" "))
    assert match  # any line fits
    marks, rest = match[1].replace(" ", ""), match[2]
    ends = [0, *_breaks(rest, WIDTH - len(marks) - 1), len(rest)]
    return "\n".join(marks + _stuffed(rest[start:end], marks) for start, end in pairwise(ends))


def _breaks(line: str, width: int) -> Iterator[int]:
    """Yield the places, each behind a blank, at which a line goes on in the next."""
    start = good = possible = 0
    before = ""
    for match in _WORDS.finditer(line):
        at, end = match.span()
        if at and line[start:at] != _SIGNATURE:
            possible = at
            if not any(map(str.isdigit, before + match[0])):
                good = at
        while end - start > width and possible > start:
            start = good if good > start else possible
            yield start
        before = match[0]


def _stuffed(line: str, marks: str) -> str:
    """Put a blank before what would be read as a quotation, a blank of ours or the start of a
    message (RFC 3676 section 4.4).
    """
    return f" {line}" if line and (marks or line.startswith(_TOUCHED)) else line


def joined(text: str) -> str:
    """Return what `flowed` was given, but for blanks at the ends of lines."""
    lines: list[str] = []
    open_at: int | None = None  # how deep the quotation is whose line goes on
    for line in text.split("\n"):
        if line == _SIGNATURE:
            lines.append(line)
            open_at = None
            continue
        content = line.lstrip(">")
        depth = len(line) - len(content)
        content = content.removeprefix(" ")
        if open_at == depth:
            lines[-1] += content
        else:
            lines.append(("> " * depth + content) if content else " ".join(">" * depth))
        open_at = depth if content.endswith(" ") else None
    return "\n".join(lines)
