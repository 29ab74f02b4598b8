"""Names in capitals, as parliaments print them, written as names: `PERSSON` → `Persson`.

Only words that are all in capitals are changed. Small words before a surname become small, except
in Italy; capital I is written by the rules of the language (Turkish I → ı).
"""

from __future__ import annotations

import re
from functools import lru_cache

_WORD = re.compile(r"[^\W\d_]+")
_SMALL = {"van", "von", "vom", "zu", "zur", "der", "den", "de", "dem", "ter", "ten", "af", "av"}
_CAPITAL_DE = {"IT", "SM", "RO", "MD"}
_DOTLESS = {"TR", "AZ"}


def as_name(text: str, delegation: str) -> str:
    """Write the words of a name that stand in capitals as a name; others stay as they are."""
    return text if text.istitle() else _as_name(text, delegation)


@lru_cache(maxsize=4096)
def _as_name(text: str, delegation: str) -> str:
    words = text.split(" ")
    return " ".join(
        _word(word, delegation, before=at + 1 < len(words)) for at, word in enumerate(words)
    )


def _word(word: str, delegation: str, *, before: bool) -> str:
    gaelic = re.match(r"(?:Mc|Mac)(?=[^\W\d_]{2,}\Z)", word)
    capitals = word[gaelic.end() :] if gaelic else word
    if len(_WORD.sub("x", capitals)) == len(capitals) or not capitals.isupper():
        return word  # an initial, or no capitals
    if before and word.lower() in _SMALL and delegation not in _CAPITAL_DE:
        return word.lower()
    written = _WORD.sub(lambda part: _lowered(part[0], delegation), capitals)
    return (gaelic[0] if gaelic else "") + written


def _lowered(part: str, delegation: str) -> str:
    if part.startswith("MC") and len(part) > 4:
        return f"Mc{part[2]}{part[3:].lower()}"
    head = 2 if part.startswith("IJ") and delegation in ("NL", "BE") else 1
    rest = part.lower()[head:] if delegation not in _DOTLESS else part[head:]
    return part[:head] + rest.replace("I", "ı").replace("İ", "i").lower()
