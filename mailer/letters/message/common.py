"""What the letters of a mail-out have in common: taken out of each, and kept once for all of them.

Most lines of a letter are the same for hundreds of people. Runs of such lines become parts, as
files are (`pieces.Part`): looked through, hashed, packed and stored once. Of each person stay the
header and the lines that differ. The whole letter is the same as before, byte for byte.

Letters that are made with the same words come with such runs already (`pieces.Lines`): they are
looked at once for all who have the same, and kept as one only where they are common.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from itertools import groupby

from mailer.letters.message import pieces
from mailer.letters.message.body import WORTH_SHARING
from mailer.letters.message.pieces import Lines, Part, Shared

MANY = 8
"""Letters that carry a line, from which on it is common; of fewer it might say who reads it."""


def apart(letters: Sequence[tuple[bytes, Shared]]) -> Iterator[tuple[bytes, Shared]]:
    """Yield each letter with what it has in common with others as shared parts. Its header stays
    its own.
    """
    parts = _CommonParts(_common(letters))
    cut = [parts.of(own, shared) for own, shared in letters]
    uses = Counter(one for body in cut for one in body if isinstance(one, Part))
    alone = {part for part in parts.made.values() if uses[part] == 1}
    for body in cut:
        yield _together(body, alone)


class _CommonParts:
    """The parts that are made of common lines."""

    def __init__(self, common: Collection[bytes]) -> None:
        self.made: dict[bytes, Part] = {}
        self._runs = lru_cache(4096)(lambda lines: _runs(lines, common))
        self._of_runs: dict[tuple[bytes, ...], bytes | Part] = {}

    def of(self, own: bytes, shared: Shared) -> list[bytes | Part]:
        """Return a letter in runs: common ones as parts, where that is worth it."""
        head = _head(own)
        found: list[bytes | Part] = [own[:head]]
        common: list[bytes] = []
        for piece in pieces.pieces(own, shared, head):
            if isinstance(piece, Part) and not isinstance(piece, Lines):
                self._together(common, found)
                found.append(piece)
                continue
            for is_common, run in self._runs(piece if isinstance(piece, bytes) else piece.data):
                if is_common:
                    common.append(run)
                else:
                    self._together(common, found)
                    found.append(run)
        self._together(common, found)
        return found

    def _together(self, common: list[bytes], body: list[bytes | Part]) -> None:
        """Put common runs that stand one behind the other into a letter as one, and empty the
        list.
        """
        if not common:
            return
        key = tuple(common)
        common.clear()
        found = self._of_runs.get(key)
        if found is None:
            found = run = b"".join(key)
            if len(run) >= WORTH_SHARING:
                found = self.made.setdefault(run, Part(run))
            self._of_runs[key] = found
        body.append(found)


def _common(letters: Sequence[tuple[bytes, Shared]]) -> set[bytes]:
    """Return the lines that many letters carry."""
    counts: Counter[bytes] = Counter()
    same: Counter[tuple[Part, ...]] = Counter()  # runs that letters have alike
    of_all: dict[tuple[Part, ...], set[bytes]] = {}
    lines_of = lru_cache(4096)(lambda run: frozenset(_lines(run.data)))
    for own, shared in letters:
        runs: tuple[Part, ...] = tuple([part for _, part in shared if isinstance(part, Lines)])
        if runs not in of_all:
            of_all[runs] = set().union(*map(lines_of, runs))
        same[runs] += 1
        counts.update(set(_lines(own[_head(own) :])) - of_all[runs])
    for runs, number in same.items():
        for line in of_all[runs]:
            counts[line] += number
    return {line for line, number in counts.items() if number >= MANY}


def _head(own: bytes) -> int:
    """Return how many bytes the header takes, with the empty line behind it."""
    end = own.find(b"\r\n\r\n")
    return end + 4 if end >= 0 else len(own)


def _lines(piece: bytes) -> Sequence[bytes]:
    return piece.splitlines(keepends=True)


def _runs(piece: bytes, common: Collection[bytes]) -> list[tuple[bool, bytes]]:
    """Cut a piece into runs of lines, each with whether they are common."""
    runs = groupby(_lines(piece), common.__contains__)
    return [(is_common, b"".join(lines)) for is_common, lines in runs]


def _together(body: Sequence[bytes | Part], alone: Collection[Part]) -> tuple[bytes, Shared]:
    """Put a letter together; `alone` are the parts that no other letter has."""
    own: list[bytes] = []
    shared: list[tuple[int, Part]] = []
    length = 0
    for one in body:
        if isinstance(one, Part) and one not in alone:
            shared.append((length, one))
        else:
            data = one if isinstance(one, bytes) else one.data
            own.append(data)
            length += len(data)
    return b"".join(own), tuple(shared)
