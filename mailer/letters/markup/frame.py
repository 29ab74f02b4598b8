"""A finished text with slots, and how values are put in.

For all letters that are made with the same words most values are the same, and are put in once. A
person costs the lines that hold a value of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import quote

from mailer.letters.markup.dialect import HTTPS
from mailer.letters.message.body import WORTH_SHARING, FilledBody, ended
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
    ) -> Frame:
        """Put in all values but those of which each person, or each delegation, has another."""
        return Frame.of(self._put_in(values, escape))

    def settled(
        self, values: Sequence[str | Printed], escape: Callable[[str], str] = str
    ) -> Settled:
        """Put in what all of a delegation have alike, too: each person's own values are missing."""
        return Settled.of(self, self._put_in(values, escape), values, escape)

    def _put_in(self, values: Sequence[str | Printed], escape: Callable[[str], str]) -> str:
        pieces = list(self.pieces)
        for place, number, kind in self.slots:
            value = values[number]
            pieces[place] = (
                slot(number, kind) if isinstance(value, Printed) else escape(_standing(value, kind))
            )
        return "".join(pieces)


@dataclass(frozen=True, slots=True)
class _Own:
    """Lines of a body with values of one person's."""

    pieces: tuple[str, ...]
    slots: tuple[int, ...]  # places among the pieces


@dataclass(frozen=True, slots=True)
class Settled:
    """A body in which only each person's own values are missing."""

    common: tuple[str, ...]  # runs of lines, each before one's own lines, and the last behind them
    own: tuple[_Own, ...]
    slots: tuple[tuple[int, str], ...]  # number of the value and kind, in order
    around: str | None  # see `FilledBody`
    places: tuple[int, ...]
    alike: tuple[str, ...]  # what is put in for all who have this body
    escape: Callable[[str], str]
    is_ended: bool  # its last line; the runs of a body always are

    @classmethod
    def of(
        cls,
        around: Frame,
        text: str,
        values: Sequence[str | Printed],
        escape: Callable[[str], str],
    ) -> Settled:
        """`text` is `around` with those values put in that are known by now."""
        runs = [""]  # by turns what is common, and one's own
        for is_own, lines in groupby(
            _LINES.findall(ended(text)), lambda one: bool(SLOT.search(one))
        ):
            run = "".join(lines)
            if len(runs) % 2 == is_own or (not len(runs) % 2 and len(run) >= WORTH_SHARING):
                runs.append(run)
            else:
                runs[-1] += run
        if not len(runs) % 2:
            runs.append("")
        own = [Frame.of(run) for run in runs[1::2]]
        places, length = [], 0
        for piece in around.pieces[:-1:2]:
            length += len(piece)
            places.append(length)
        in_text = all(kind == "x" for _, _, kind in around.slots)
        put_in = (values[number] for _, number, _ in around.slots)
        return cls(
            tuple(runs[::2]),
            tuple(_Own(one.pieces, tuple(place for place, _, _ in one.slots)) for one in own),
            tuple((number, kind) for one in own for _, number, kind in one.slots),
            "".join(around.pieces) if in_text else None,
            tuple(places),
            tuple(escape(value) for value in put_in if not isinstance(value, Printed)),
            escape,
            text.endswith("\n"),
        )

    def fill(self, values: Sequence[str]) -> FilledBody:
        """Put one person's values in."""
        put_in = tuple(
            self.escape(values[number] if kind == "x" else _standing(values[number], kind))
            for number, kind in self.slots
        )
        runs = [self.common[0]]
        at = 0
        for one, behind in zip(self.own, self.common[1:], strict=True):
            pieces = list(one.pieces)
            for place in one.slots:
                pieces[place] = put_in[at]
                at += 1
            runs += ("".join(pieces), behind)
        body = FilledBody("".join(runs) if self.is_ended else "".join(runs)[:-1])
        body.runs, body.put_in = tuple(runs), self.alike + put_in
        body.around, body.places = self.around, self.places
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
