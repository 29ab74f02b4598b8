"""The delegations: which there are, how they are called, how many seats they have, and who belongs
to which.

`delegations.csv` holds 46 members, the former one, the observers and the partners for democracy;
each row names its source. A workspace overrides single cells of it with a `delegations.csv` of its
own.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

from mailer.base.errors import UsageError
from mailer.base.files import MOST_OF_TABLE, read_inside
from mailer.base.problems import problem
from mailer.base.spelling import fold, nearest, tokens

OWN = "delegations.csv"
STATUSES = ("member", "former_member", "observer", "partner_for_democracy")


@dataclass(frozen=True, slots=True)
class Delegation:
    """One delegation, as the Assembly prints it."""

    code: str  # ISO 3166-1 alpha-2
    name_en: str
    name_fr: str
    of_en: str  # "of the United Kingdom"
    of_fr: str  # "du Royaume-Uni"
    aliases: tuple[str, ...]  # other spellings, in many languages, and the three-letter code
    representatives: int  # seats; 0 where not known
    substitutes: int
    status: str  # one of STATUSES
    capital: str = ""
    zone: str = ""  # its time zone, "Europe/Oslo"
    region: str = ""  # its part of the country, where holidays differ: "MD" of Spain
    credentials: str = ""  # "not_ratified" or "withdrawn", where it has no seat in fact
    note: str = ""  # what is known of it, with the sources
    as_of: str = ""  # the day of which that is known

    @property
    def credentials_note(self) -> str:
        return f"{self.note} (as of {self.as_of})" if self.as_of else self.note


class Seated(Protocol):
    """Whoever has a delegation: a contact, a delivery."""

    @property
    def delegation(self) -> str: ...


SeatedT = TypeVar("SeatedT", bound=Seated)


class Delegations:
    """All delegations that are known, found by code or by any usual spelling of their name."""

    def __init__(self, rows: Iterable[Delegation]) -> None:
        self._by_code = {row.code: row for row in rows}
        self._by_spelling: dict[str, Delegation] = {}
        self._suggested: dict[str, str | None] = {}
        for row in self._by_code.values():
            for spelling in (row.code, row.name_en, row.name_fr, *row.aliases):
                self._by_spelling.setdefault(fold(spelling), row)

    @classmethod
    def load(cls, path: Path | None = None) -> Delegations:
        """Read the table of the package, and over it the filled cells of the workspace's own.

        Raises `UsageError` with every line of `path` that cannot be used.
        """
        text = (
            resources.files("mailer.base").joinpath("delegations.csv").read_text(encoding="utf-8")
        )
        table = {
            row["code"]: row for row in csv.DictReader(text.splitlines(keepends=True), strict=True)
        }
        lines: dict[str, int] = {}
        if path is not None:
            for line, own in _own_rows(path):
                code = own.get("code", "").upper()
                table[code] = {
                    **table.get(code, {}),
                    **{key: value for key, value in own.items() if value},
                    "code": code,
                }
                lines[code] = line
        problems = [
            problem("C009", path.name, row=line, value=code, message=message)
            for code, line in lines.items()
            if path is not None
            for message in _faults(table[code])
        ]
        if problems:
            raise UsageError(f"{path} cannot be used", code="C009", problems=problems)
        return cls(_delegation(row) for row in table.values())

    @classmethod
    def of_workspace(cls, root: Path) -> Delegations:
        """Return the delegations of a workspace: those of the package, and over them its own
        `delegations.csv`. `Workspace.delegations` is the way in.
        """
        own = root / OWN
        return cls.load(own if own.exists() else None)

    def __iter__(self) -> Iterator[Delegation]:
        return iter(self._by_code.values())

    @cached_property
    def members(self) -> tuple[Delegation, ...]:
        """The delegations that sit and vote, in the order of their English name."""
        return tuple(
            sorted((d for d in self if d.status == "member"), key=lambda d: tokens(d.name_en))
        )

    def get(self, code: str) -> Delegation | None:
        return self._by_code.get(code)

    def find(self, text: str) -> Delegation | None:
        """Find a delegation by code, English or French name or alias. Nothing is guessed: `Germnay`
        is nobody.
        """
        words = tokens(text)
        return self._by_spelling.get("".join(words)) or (
            self._by_spelling.get("".join(words[1:])) if words[:1] == ("the",) else None
        )

    def named(self, text: str) -> Delegation:
        """Find a delegation as `find` does; raises `UsageError` where there is none."""
        found = self.find(text)
        if found is None:
            close = self.suggest(text)
            hint = (
                f'did you mean "{close}"?'
                if close
                else "write its two-letter code, or its name in English or French"
            )
            raise UsageError(f'There is no delegation called "{text}".', hint=hint)
        return found

    def suggest(self, text: str) -> str | None:
        """Return the English name that `text` was perhaps meant to be, for "did you mean"; never
        used by itself.
        """
        if text not in self._suggested:
            # codes are too short to compare
            close = nearest(text, (one for one in self._by_spelling if len(one) > 3))
            self._suggested[text] = self._by_spelling[close].name_en if close else None
        return self._suggested[text]

    def name(self, code: str, language: str) -> str:
        """Return the name in French for `fr`, in English for every other language; the code if
        nobody knows it.
        """
        row = self.get(code)
        return code if row is None else row.name_fr if language == "fr" else row.name_en

    def of(self, code: str, language: str) -> str:
        """Return the name after "delegation": `of Norway`, `de la Norvège`."""
        row = self.get(code)
        return code if row is None else row.of_fr if language == "fr" else row.of_en

    def group(self, contacts: Iterable[SeatedT]) -> dict[str, list[SeatedT]]:
        """Sort people into their delegations, by code, in the order of the English name; `""` (not
        known) is last.
        """
        groups: dict[str, list[SeatedT]] = {}
        for contact in contacts:
            groups.setdefault(contact.delegation, []).append(contact)
        return {
            code: groups[code]
            for code in sorted(groups, key=lambda c: (not c, tokens(self.name(c, "en")), c))
        }


def _own_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    raw, fault = read_inside(path.parent, path, MOST_OF_TABLE)
    if fault:
        raise UsageError(f"{path} cannot be read: {fault}", hint="put the file itself there")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} cannot be read: {error}", hint="save it as CSV, UTF-8") from error
    reader = csv.DictReader(text.splitlines(keepends=True), restkey="", restval="")
    for row in reader:
        yield (
            reader.line_num,
            {key.strip().lower(): value.strip() for key, value in row.items() if key and value},
        )


def _faults(row: dict[str, str]) -> Iterator[str]:
    if len(row["code"]) != 2 or not row["code"].isalpha():
        yield "a delegation needs its two-letter code"
    if not row.get("name_en"):
        yield "a new delegation needs name_en, its English name"
    if row.get("status") not in STATUSES:
        yield f"status must be one of {', '.join(STATUSES)}"
    if row.get("zone") and not _is_zone(row["zone"]):
        yield "zone must be the name of a time zone, like Europe/Oslo"
    for seats in ("representatives", "substitutes"):
        if not (row.get(seats) or "0").isdecimal():
            yield f"{seats} must be a number"


def _is_zone(name: str) -> bool:
    try:
        return bool(ZoneInfo(name))
    except (KeyError, ValueError, OSError):
        return False


def _delegation(row: dict[str, str]) -> Delegation:
    name = row["name_en"]
    return Delegation(
        code=row["code"],
        name_en=name,
        name_fr=row.get("name_fr") or name,
        of_en=row.get("of_en") or f"of {name}",
        of_fr=row.get("of_fr") or f"({row.get('name_fr') or name})",
        aliases=tuple(
            alias.strip() for alias in row.get("aliases", "").split(";") if alias.strip()
        ),
        representatives=int(row.get("representatives") or 0),
        substitutes=int(row.get("substitutes") or 0),
        status=row["status"],
        capital=row.get("capital", ""),
        zone=row.get("zone", ""),
        region=row.get("region", ""),
        credentials=row.get("credentials", ""),
        note=row.get("note", ""),
        as_of=row.get("as_of", ""),
    )
