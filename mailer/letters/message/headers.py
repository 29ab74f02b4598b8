"""Header lines, written by our own rules: any name and any subject arrive as they were, and nothing
can be slipped in.

Control characters and line separators are refused. ASCII is never encoded, and folded at blanks
only (RFC 5322 section
2.2.3). What is not ASCII is encoded as a whole, in UTF-8 "B" words of at most 75 characters (RFC
2047 section 2). The blank between two such words does not count (section 6.2), and some parsers
show it in names all the same, Python's own until its issue 128110 was mended. So a name is one such
word where it fits; a longer one keeps its words in ASCII as they are, and is cut behind its blanks,
where one more does no harm. ASCII that would be read as an encoded word ("=?") or that would not
come back as it was (blanks at an edge or in a row, a very long word) counts as not ASCII.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Sequence
from itertools import groupby

WIDTH = 76
"""The longest line that may hold an encoded word, RFC 2047 section 2; we keep all lines to it where
blanks allow.
"""
MAX_NAME = 120
"""Characters of a display name: more is no name, and some parsers take quadratic time over it."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+")  # RFC 5322 section 3.2.3
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+")
_MESSAGE_ID = re.compile(r"<[!#-;=?-~]+>")  # printable, without < > and quotation marks
_AROUND = len("=?utf-8?b??=")


class HeaderError(ValueError):
    """A value that no header can carry."""


def unstructured(name: str, value: str) -> bytes:
    """Write a header of free text, `Subject`, with its line end."""
    _refuse_control(name, value)
    if _plain(value) and max(map(len, value.split(" "))) < WIDTH:
        return _folded(name, value.split(" "))
    return _folded(name, _encoded(value, WIDTH - len(name) - 2))


def mailbox(name: str, display: str, address: str) -> bytes:
    """Write a header of one mailbox, `To: Anna Berg <anna.berg@no.example>`, with its line end."""
    _refuse_control(name, display)
    if not _ADDRESS.fullmatch(address):
        raise HeaderError(f"{name}: {address!r} is not a plain address")
    if len(display) > MAX_NAME:
        raise HeaderError(
            f"{name}: the name has {len(display)} characters, and {MAX_NAME} is the most"
        )
    if not display:
        return _folded(name, [address])
    return _folded(name, [*_phrase(display, WIDTH - len(name) - 2), f"<{address}>"])


def mailboxes(name: str, people: Sequence[tuple[str, str]]) -> bytes:
    """Write a header of several mailboxes, `Cc: Anna Berg <anna.berg@no.example>, <…>`, with its
    line end. `people` are (name, address).
    """
    tokens: list[str] = []
    for display, address in people:
        mailbox(name, display, address)  # raises what is wrong with it
        phrase = _phrase(display, WIDTH - len(name) - 2) if display else []
        tokens += [*phrase, f"<{address}>,"]
    return _folded(name, [*tokens[:-1], tokens[-1].removesuffix(",")])


def message_ids(name: str, ids: Sequence[str]) -> bytes:
    """Write a header of Message-IDs, `References: <one> <two>`, with its line end."""
    if wrong := [one for one in ids if not _MESSAGE_ID.fullmatch(one)]:
        raise HeaderError(f"{name}: {wrong[0]!r} is not a Message-ID")
    return _folded(name, list(ids))


def _refuse_control(name: str, value: str) -> None:
    if bad := _CONTROL.search(value):
        raise HeaderError(f"{name}: a control character (U+{ord(bad[0]):04X}) in {value!r}")


def _plain(text: str) -> bool:
    return (
        text.isascii()
        and "=?" not in text
        and "  " not in text
        and text == text.strip(" ")
        and text != ""
    )


def _phrase(text: str, room: int) -> list[str]:
    """Return atoms, or one quoted string, or encoded words."""
    words = text.split(" ")
    if not _plain(text):
        whole = _encoded(text, room)
        return whole if len(whole) == 1 or "" in words else _mixed(words, room)
    if all(map(_ATOM.fullmatch, words)) and max(map(len, words)) < room:
        return words
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return [quoted] if len(quoted) <= room else _encoded(text, room)


def _mixed(words: list[str], room: int) -> list[str]:
    """Return atoms as they are, and what stands between them in encoded words."""
    tokens: list[str] = []
    for is_atom, run in groupby(
        words, lambda word: bool(_ATOM.fullmatch(word)) and _plain(word) and len(word) < 60
    ):
        between = list(run)
        tokens += between if is_atom else _encoded(" ".join(between), 75 if tokens else room)
    return tokens


def _encoded(text: str, first_room: int) -> list[str]:
    """Cut text into encoded words, behind blanks if there are any; the first fits into
    `first_room`, others into 75.
    """
    words = []
    chunk = b""
    room = min(75, first_room)
    for char in text:
        raw = char.encode()
        while len(chunk) + len(raw) > (room - _AROUND) // 4 * 3:
            cut = chunk.rfind(b" ") + 1 or len(chunk)
            words.append(chunk[:cut])
            chunk, room = chunk[cut:], 75
        chunk += raw
    return [f"=?utf-8?b?{b2a_base64(part, newline=False).decode()}?=" for part in [*words, chunk]]


def _folded(name: str, tokens: list[str]) -> bytes:
    lines = []
    line = f"{name}: {tokens[0]}"
    for token in tokens[1:]:
        if len(line) + 1 + len(token) > WIDTH:
            lines.append(line)
            line = ""
        line += " " + token
    return "\r\n".join([*lines, line, ""]).encode("ascii")
