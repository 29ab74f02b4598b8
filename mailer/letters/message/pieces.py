"""The finished bytes of a letter in pieces: its own, and the parts that many letters share.

A PDF that goes with 600 letters is encoded, looked through, stored and held in memory once, and so
are the lines that they have in common (`common.py`). A letter is its own bytes, and the places in
them where shared parts stand. Every piece ends with CR LF, so that the next one begins a line: line
ends and dots (RFC 5321 sections 2.3.8 and 4.5.2) can be looked at piece by piece, and no file is
ever copied to be sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256

BARE_CR, BARE_LF = (
    re.compile(rb"\r(?!\n)"),
    re.compile(rb"\n(?<!\r\n)"),
)  # cheaper than counting either
DOT_FIRST = re.compile(
    rb"\n\."
)  # a search for these costs a third of bytes.count and bytes.replace on 1 MB

_BLANKS = re.compile(rb"[ \t]{2,}|\t|[ \t](?=\r\n)")
_AT_THE_END = re.compile(rb"[ \t]+\r\n")


@dataclass(frozen=True, eq=False)
class Part:
    """Bytes that many letters share. What is worked out about them is worked out once."""

    data: bytes = field(repr=False)

    @cached_property
    def digest(self) -> str:
        return sha256(self.data).hexdigest()

    @cached_property
    def ends_lines_with_crlf(self) -> bool:
        return ends_lines_with_crlf(self.data)

    @cached_property
    def is_ascii(self) -> bool:
        return self.data.isascii()

    @cached_property
    def stuffed(self) -> bytes:
        return stuffed(self.data)

    @cached_property
    def relaxed(self) -> bytes:
        return relaxed(self.data)


class Lines(Part):
    """Lines of a body that all letters have which are made with the same words. As many as carry
    them make them common, or not (`common.py`).
    """


SMALL = 65_536  # bytes of a piece that leaves in one write with those beside it

Shared = tuple[tuple[int, Part], ...]
"""Which parts stand in a letter, and where: so many of its own bytes come before each."""


def pieces(
    own: bytes, shared: Shared, start: int = 0, end: int | None = None
) -> Iterator[bytes | Part]:
    """Yield a letter from its beginning to its end, or what stands between two places of its own
    bytes.
    """
    last = len(own) if end is None else end
    at = start
    for place, part in shared:
        if start <= place <= last:
            if place > at:
                yield own[at:place]
            yield part
            at = place
    if at < last or not own:
        yield own[at:last]


def on_the_wire(own: bytes, shared: Shared) -> list[bytes]:
    """Return a letter as it leaves, its dots doubled: what is small in one piece, a file as it
    stands.
    """
    has_dots = stuffed(own) is not own
    found: list[bytes] = []
    small: list[bytes] = []
    start = 0
    for place, part in shared:
        piece = own[start:place]
        small.append(stuffed(piece) if has_dots else piece)
        start = place
        if len(part.data) <= SMALL:
            small.append(part.stuffed)
        else:
            found += (b"".join(small), part.stuffed)
            small = []
    piece = own[start:]
    small.append(stuffed(piece) if has_dots else piece)
    found.append(b"".join(small))
    return found


def joined(own: bytes, shared: Shared) -> bytes:
    """Return a letter in one piece, to be read."""
    return b"".join(
        piece.data if isinstance(piece, Part) else piece for piece in pieces(own, shared)
    )


def size(own: bytes, shared: Shared) -> int:
    """Return the number of bytes of the whole letter."""
    return len(own) + sum([len(part.data) for _, part in shared])


def shifted(shared: Shared, by: int) -> Shared:
    """Return the places of the parts after `by` bytes were put in front."""
    return tuple([(place + by, part) for place, part in shared])


def digest(own: bytes, references: str) -> str:
    """Return the fingerprint of a letter: SHA-256 of its own bytes and of the references to its
    shared parts.
    """
    found = sha256(own)
    if references:
        found.update(references.encode("ascii"))
    return found.hexdigest()


def references(shared: Shared) -> str:
    """Write down where which parts stand: `5120:9f86d0… 5163:60303a…`, "" for a letter
    without any.
    """
    return " ".join(f"{place}:{part.digest}" for place, part in shared)


def referred(references: str) -> list[tuple[int, str]]:
    """Read what `references` wrote: (place, digest of the part)."""
    found = (one.partition(":") for one in references.split())
    return [(int(place), digest) for place, _, digest in found]


def ends_all_lines_with_crlf(own: bytes, shared: Shared) -> bool:
    """Say whether every piece of a letter ends its lines with CR LF, and so the letter."""
    for place, part in shared:  # a loop: each letter is looked through as it is finished
        if place and not own.startswith(b"\r\n", place - 2):
            return False
        if not part.ends_lines_with_crlf:
            return False
    return ends_lines_with_crlf(own)


def is_ascii(own: bytes, shared: Shared) -> bool:
    for _, part in shared:
        if not part.is_ascii:
            return False
    return own.isascii()


def ends_lines_with_crlf(data: bytes) -> bool:
    """Say whether there is no bare CR or LF (RFC 5321 section 2.3.8): some servers take them for
    line ends.
    """
    return data.endswith(b"\r\n") and BARE_LF.search(data) is None and BARE_CR.search(data) is None


def relaxed(data: bytes) -> bytes:
    """Take blanks from the ends of lines, and let one stand for several, as signatures want it (RFC
    6376 section 3.4.4).
    """
    return _BLANKS.sub(b" ", _AT_THE_END.sub(b"\r\n", data)) if _BLANKS.search(data) else data


def stuffed(data: bytes) -> bytes:
    """Double the dots at the start of lines (RFC 5321 section 4.5.2). Only CR LF ends a
    line here.
    """
    if DOT_FIRST.search(data) is not None:
        data = data.replace(b"\r\n.", b"\r\n..")
    return b"." + data if data.startswith(b".") else data
