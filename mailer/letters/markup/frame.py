"""A finished text with slots, and how values are put in.

For all letters that are made with the same words most values are the same, and are put in once. A
person costs the lines that hold a value of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from urllib.parse import quote

from mailer.letters.markup.dialect import HTTPS
from mailer.letters.message.body import FilledBody, ended
from mailer.letters.placeholders import SLOT, Printed, Unprintable, slot

MAILTO = re.compile(r"mailto:[^\s@/]+@[^\s@/]+", re.IGNORECASE)

_LINES = re.compile(r"[^\n]*\n|[^\n]+")


@dataclass(frozen=True, slots=True)
class Frame:
    """A finished text with slots: pieces, and which of them are slots."""

    pieces: tuple[str, ...]
    slots: tuple[tuple[int, int, str], ...]  # place among the pieces, number of the value, kind

    @classmethod
    def of(cls, text: str) -> Frame:
        pieces: list[str] = []
        slots = []
        end = 0
        for match in SLOT.finditer(text):
            pieces += (text[end : match.start()], "")
            slots.append((len(pieces) - 1, int(match[1]), match[2]))
            end = match.end()
        return cls((*pieces, text[end:]), tuple(slots))

    def fill(self, values: Sequence[str], escape: Callable[[str], str] = str) -> str:
        """Put the values in; `escape` is applied to each in the form in which it stands there."""
        pieces = list(self.pieces)
        for place, number, kind in self.slots:
            pieces[place] = escape(_standing(values[number], kind))
        return "".join(pieces)

    def with_values(
        self, values: Sequence[str | Printed], escape: Callable[[str], str] = str
    ) -> OpenBody:
        """Put in all values but those of which each person, or each delegation, has another."""
        return OpenBody.of(self.put_in(values, escape), escape)

    def put_in(self, values: Sequence[str | Printed], escape: Callable[[str], str]) -> str:
        """Put in those values that are known; the slots of the others stay."""
        pieces = list(self.pieces)
        for place, number, kind in self.slots:
            value = values[number]
            pieces[place] = (
                slot(number, kind) if isinstance(value, Printed) else escape(_standing(value, kind))
            )
        return "".join(pieces)


@dataclass(frozen=True, slots=True)
class OpenBody:
    """A body in which the words of one delegation and of one person are missing."""

    runs: tuple[Frame, ...]  # lines without slots, and single ones with
    slots: tuple[tuple[int, int, str], ...]
    around: str | None  # see `FilledBody`
    places: tuple[int, ...]
    escape: Callable[[str], str]
    is_ended: bool  # its last line; the runs of a body always are

    @classmethod
    def of(cls, text: str, escape: Callable[[str], str]) -> OpenBody:
        """`text` has the slots that are open."""
        runs: list[str] = []
        for is_open, lines in groupby(
            _LINES.findall(ended(text)), lambda one: bool(SLOT.search(one))
        ):
            run = list(lines)
            runs += run if is_open else ["".join(run)]
        whole = Frame.of(text)
        places, length = [], 0
        for piece in whole.pieces[:-1:2]:
            length += len(piece)
            places.append(length)
        in_text = all(kind == "x" for _, _, kind in whole.slots)
        around = "".join(whole.pieces) if in_text else None
        frames = tuple(map(Frame.of, runs))
        return cls(frames, whole.slots, around, tuple(places), escape, text.endswith("\n"))

    def settled(self, values: Sequence[str | Printed]) -> Settled:
        """Put in what all of a delegation have alike, too."""
        lines: list[tuple[str, int]] = []
        for one in self.runs:
            text = one.put_in(values, self.escape) if one.slots else one.pieces[0]
            whose = _ALL if not one.slots else _OWN if SLOT.search(text) else _DELEGATIONS
            lines.append((text, whose))
        runs: list[Frame | tuple[str, bool]] = []
        for whose, several in groupby(lines, itemgetter(1)):
            run = "".join([text for text, _ in several])
            runs.append(Frame.of(run) if whose == _OWN else (run, True))
        known = (values[number] for _, number, _ in self.slots)
        alike = tuple(self.escape(value) for value in known if isinstance(value, str))
        return Settled(self, tuple(runs), alike)


_ALL, _DELEGATIONS, _OWN = range(3)
"""Whose words stand in a line, besides those of the letter."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A body in which only each person's own values are missing."""

    of: OpenBody
    runs: tuple[Frame | tuple[str, bool], ...]  # one's own, and those of `FilledBody`
    alike: tuple[str, ...]  # what is put in for all who have this body

    def fill(self, values: Sequence[str]) -> FilledBody:
        """Put one person's values in."""
        escape, put_in = self.of.escape, [*self.alike]
        runs: list[tuple[str, bool]] = []
        for one in self.runs:
            if isinstance(one, tuple):
                runs.append(one)
                continue
            pieces = list(one.pieces)
            for place, number, kind in one.slots:
                value = values[number] if kind == "x" else _standing(values[number], kind)
                pieces[place] = escape(value)
                put_in.append(pieces[place])
            runs.append(("".join(pieces), False))
        whole = "".join([run for run, _ in runs])
        body = FilledBody(whole if self.of.is_ended else whole[:-1])
        body.runs, body.put_in = tuple(runs), tuple(put_in)
        body.around, body.places = self.of.around, self.of.places
        return body


def _standing(value: str, kind: str) -> str:
    """Return a value as it stands in a slot of this kind: in text, in an address, or as one."""
    if kind == "x":
        return value
    if kind == "u":
        return quote(value, safe="@" if MAILTO.fullmatch(f"mailto:{value}") else "")
    if not (HTTPS.fullmatch(value) or MAILTO.match(value)) or " " in value:
        raise Unprintable(
            "this cell becomes a link, and must begin with https:// or mailto:", value=value
        )
    return quote(value, safe="/:?#[]@!$&()*+,;=%-._~")
