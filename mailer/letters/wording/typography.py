"""Quotes, apostrophes and no-break spaces as each language prints them.

Straight marks that were typed become those of the language: `"so"` is “so”, « so », „so“. French
sets a no-break space before `; : ! ?` and within its quotes. A mark whose side is not clear (a lone
quote, inches) stays as it was typed, and so do the cells of a sheet: a name is nobody’s to change.
"""

from __future__ import annotations

import re

NO_BREAK = "\N{NO-BREAK SPACE}"

QUOTES = {
    "en": "“”",
    "fr": (f"«{NO_BREAK}", f"{NO_BREAK}»"),
    "de": "„“",
    "it": "«»",
    "es": "«»",
    "pl": "„”",
    "uk": "«»",
    "tr": "“”",
}
"""How quotes open and close; a language that is not here keeps straight ones."""

_APOSTROPHE = re.compile(r"(?<=[^\W\d_])'(?=[^\W\d_])")
_PAIR = re.compile(r'(?<![^\s(\[’—–-])"(?=[^\s"])([^"\n]*[^\s"])"(?![^\W_])')
_BEFORE = re.compile(r"(?<=[^\s:;!?]) (?=[;:!?»](?:[\s)»]|$))")
_AFTER = re.compile(r"(?<=«) (?=\S)")


def polished(text: str, language: str) -> str:
    """Return a text with the marks of its language; letters and figures stay as they are."""
    if "'" in text:
        text = _APOSTROPHE.sub("’", text)
    if '"' in text and (pair := QUOTES.get(language)):
        text = _PAIR.sub(lambda match: f"{pair[0]}{match[1]}{pair[1]}", text)
    if language == "fr":
        text = _AFTER.sub(NO_BREAK, _BEFORE.sub(NO_BREAK, text))
    return text
