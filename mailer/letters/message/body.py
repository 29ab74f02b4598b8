"""A finished body that knows what in it is one person's: all else is looked at once for many."""

from __future__ import annotations

WORTH_SHARING = 250
"""Bytes from which on a run of common lines is kept apart: a reference to one takes 70."""


class FilledBody(str):
    """Text or HTML with the values put in.

    `runs` are whole lines, each with whether every letter has them that is made with the same
    words. `around` is the same body with nothing put in for this person and their delegation,
    and `put_in` what stands at `places` in it; `around` is None where something became part of a
    link, and has to be looked at where it stands.
    """

    __slots__ = ("around", "places", "put_in", "runs")
    runs: tuple[tuple[str, bool], ...]
    around: str | None
    places: tuple[int, ...]
    put_in: tuple[str, ...]


def runs_of(text: str) -> tuple[tuple[str, bool], ...]:
    """Return a body in runs, its last line ended; of a text that knows of none, all is one
    person's.
    """
    return text.runs if isinstance(text, FilledBody) else ((ended(text), False),)


def ended(text: str) -> str:
    """Return a body with its last line ended, as it travels."""
    return text if text.endswith("\n") else text + "\n"
