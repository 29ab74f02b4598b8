"""The problems of contact sheets and of the hold list, by code: `problems.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from mailer.base.errors import Problem, Severity


@dataclass(frozen=True, slots=True)
class Kind:
    """What one code means, in a coordinator's words."""

    severity: Severity
    message: str  # one plain sentence
    advice: str  # what to do
    example: str


@cache
def codes() -> dict[str, Kind]:
    """Return code → meaning, in the order of the codes."""
    data = tomllib.loads(
        resources.files("mailer.base").joinpath("problems.toml").read_text(encoding="utf-8")
    )
    return {
        code: Kind(Severity(it["severity"]), it["message"], it["advice"], it["example"])
        for code, it in data.items()
    }


def problem(
    code: str,
    file: str,
    *,
    sheet: str | None = None,
    cell: str | None = None,
    row: int | None = None,
    column: str | None = None,
    value: str = "",
    message: str = "",
    suggestion: str | None = None,
) -> Problem:
    """Make a `Problem` of a code; `message` and `suggestion` stand instead of the general words."""
    kind = codes()[code]
    return Problem(
        code,
        kind.severity,
        message or kind.message,
        file,
        sheet,
        cell,
        row,
        column,
        value,
        suggestion or kind.advice,
    )
