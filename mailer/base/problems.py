"""Every problem that the mailer names, by its code: `problems.toml` has severity, scope and words.

A module that finds something wrong says the code, where it stands, and the words of this very case;
how bad it is and whom it concerns stand in the table alone. `mailer explain` and `docs/problems.md`
are made from it.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Literal

from mailer.base.errors import Problem, Severity


class Scope(StrEnum):
    """What cannot be used because of an error."""

    ROW = "row"  # one person, who is left out with it
    FILE = "file"  # a contact sheet: nobody can say who would be left out, so there is no plan
    APPEAL = "appeal"  # the letters of one appeal
    WORKSPACE = "workspace"  # settings and send log: nothing can be done here
    SEND = "send"  # nothing more is handed over


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """What one code means, in a coordinator's words."""

    severity: Severity
    scope: Scope
    message: str  # one plain sentence
    advice: str  # what to do
    example: str
    part: Literal["letter", "twins", ""] = ""  # a letter by itself, or two beside one another


@cache
def codes() -> dict[str, ProblemKind]:
    """Return code → meaning, in the order of the table."""
    data = tomllib.loads(
        resources.files("mailer.base").joinpath("problems.toml").read_text(encoding="utf-8")
    )
    return {
        code: ProblemKind(
            Severity(it["severity"]),
            Scope(it["scope"]),
            it["message"],
            it["advice"],
            it["example"],
            it.get("part", ""),
        )
        for code, it in data.items()
    }


def concerns(code: str, scope: Scope) -> bool:
    """Say whether the problem of this code concerns that much; no code at all concerns nothing."""
    return code in codes() and codes()[code].scope is scope


def part_of(code: str) -> str:
    """Say what a problem of an appeal is found in: "letter", "twins", or "" for its files."""
    return codes()[code].part if code in codes() else ""


def problem(
    code: str,
    file: str = "",
    *,
    sheet: str | None = None,
    cell: str | None = None,
    row: int | None = None,
    column: str | None = None,
    value: str = "",
    message: str = "",
    suggestion: str | None = None,
    severity: Severity | None = None,
) -> Problem:
    """Make a `Problem` of a code.

    `message`, `suggestion` and `severity` stand in place of the table's, for this very case; a
    `suggestion` of `""` says that the message leaves nothing to add.
    """
    kind = codes()[code]
    return Problem(
        code,
        severity or kind.severity,
        message or kind.message,
        file,
        sheet,
        cell,
        row,
        column,
        value,
        kind.advice.replace("`", "") if suggestion is None else suggestion or None,
    )
