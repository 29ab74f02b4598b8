"""What the letters of a mail-out have in common: taken out of each, and kept once for all of them.

Most lines of a letter are the same for hundreds of people. Runs of such lines become parts, as
files are (`pieces.Part`): looked through, hashed, packed and stored once. Of each person stay the
header and the lines that differ. The whole letter is the same as before, byte for byte.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from mailer.letters.message import pieces
from mailer.letters.message.pieces import Part, Shared

MANY = 8
"""Letters that carry a line, from which on it is common; of fewer it might say who reads it."""
WORTH_SHARING = 250
"""Bytes from which on a run of common lines is a part: a reference to one takes 70."""


def apart(letters: Sequence[tuple[bytes, Shared]]) -> Iterator[tuple[bytes, Shared]]:
    """Yield each letter with what it has in common with others as shared parts. Its header stays
    its own.
    """
    counts: Counter[bytes] = Counter()
    for own, shared in letters:
        counts.update({line for piece in _body(own, shared) for line in _lines(piece)})
    common = {line for line, number in counts.items() if number >= MANY}
    parts: dict[bytes, Part] = {}
    cut = [
        [one for piece in _body(own, shared) for one in _runs(piece, common, parts)]
        for own, shared in letters
    ]
    uses = Counter(one for body in cut for one in body if isinstance(one, Part))
    alone = {part for part in parts.values() if uses[part] == 1}
    for (own, _), body in zip(letters, cut, strict=True):
        yield _together(own[: _head(own)], body, alone)


def _head(own: bytes) -> int:
    """Return how many bytes the header takes, with the empty line behind it."""
    return len(own) - len(own.partition(b"\r\n\r\n")[2])


def _body(own: bytes, shared: Shared) -> Iterator[bytes | Part]:
    head = _head(own)
    return pieces.pieces(own[head:], pieces.shifted(shared, -head))


def _lines(piece: bytes | Part) -> Sequence[bytes]:
    return () if isinstance(piece, Part) else piece.splitlines(keepends=True)


def _runs(
    piece: bytes | Part, common: set[bytes], parts: dict[bytes, Part]
) -> Iterator[bytes | Part]:
    """Yield a piece in runs of lines that are common, or are not."""
    if isinstance(piece, Part):
        yield piece
    for is_common, lines in groupby(_lines(piece), common.__contains__):
        run = b"".join(lines)
        if is_common and len(run) >= WORTH_SHARING:
            yield parts.get(run) or parts.setdefault(run, Part(run))
        else:
            yield run


def _together(head: bytes, body: Iterable[bytes | Part], alone: set[Part]) -> tuple[bytes, Shared]:
    """Put a letter together; `alone` are the parts that no other letter has."""
    own, shared = bytearray(head), []
    for one in body:
        if isinstance(one, Part) and one not in alone:
            shared.append((len(own), one))
        else:
            own += one if isinstance(one, bytes) else one.data
    return bytes(own), tuple(shared)
