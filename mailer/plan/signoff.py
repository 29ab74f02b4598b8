"""Sign-off: which named person answers for which very words. Two small tables that people can read,
kept in the workspace.

`templates/APPEAL/signed.csv`: an organisation has signed the appeal in this text
(`Appeal.text_hash`); a changed text shows who has to confirm again.
`templates/_shared/accepted.csv`: somebody accepts an unverified form of address, as it is worded. A
file is replaced as a whole: after a crash there is the old one or the new one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import date
from pathlib import Path

from mailer.base.errors import Problem, UsageError
from mailer.base.files import ABSENT, MOST_OF_TABLE, put, read_inside
from mailer.base.problems import problem
from mailer.base.spelling import nearest
from mailer.letters.appeal import Appeal

ACCEPTED = "templates/_shared/accepted.csv"


@dataclass(frozen=True, slots=True)
class Signature:
    """One organisation's signature under one text."""

    organisation: str  # its English name in appeal.toml
    text: str  # Appeal.text_hash
    by: str  # the person
    on: date


@dataclass(frozen=True, slots=True)
class Accepted:
    """One unverified form that a person answers for."""

    language: str
    greeting: str  # the pattern, "Madame la Sénatrice,"
    closing: str
    by: str
    on: date


@dataclass(frozen=True, slots=True)
class SignatureState:
    """How one organisation stands to the text as it is now."""

    organisation: str
    state: str  # signed, changed (signed another text), missing
    by: str = ""
    on: date | None = None


def signatures(root: Path, appeal: Appeal) -> list[Signature]:
    """Read who has signed. Raises `UsageError` with the line that cannot be read (L502)."""
    rows = _rows(root, f"templates/{appeal.name}/signed.csv", ("organisation", "text", "by", "on"))
    return [
        Signature(row["organisation"], row["text"], row["by"], date.fromisoformat(row["on"]))
        for row in rows
    ]


def standings(appeal: Appeal, signed: Sequence[Signature]) -> list[SignatureState]:
    """Return one line for each organisation that the appeal names; the last signature of each
    counts.
    """
    last = {one.organisation: one for one in signed}
    found = []
    for organisation in appeal.organisations:
        name = organisation.english
        one = last.get(name)
        state = (
            "missing" if one is None else "signed" if one.text == appeal.text_hash else "changed"
        )
        found.append(SignatureState(name, state, one.by if one else "", one.on if one else None))
    return found


def unsigned(appeal: Appeal, signed: Sequence[Signature]) -> list[Problem]:
    """Return one problem for each organisation that has not signed this very text (L511): live mode
    refuses.
    """
    return [
        problem(
            "L511",
            f"templates/{appeal.name}/signed.csv",
            value=one.organisation,
            message="this organisation signed another text"
            if one.state == "changed"
            else "this organisation has not signed",
            suggestion=f'mailer letters sign {appeal.name} "{one.organisation}" --by NAME',
        )
        for one in standings(appeal, signed)
        if one.state != "signed"
    ]


def sign(root: Path, appeal: Appeal, organisation: str, *, by: str, on: date) -> Signature:
    """Record that an organisation signs the text as it is now. `organisation` is its name in any
    language.
    """
    named = {name: each.english for each in appeal.organisations for name in each.name.values()}
    if organisation not in named:
        close = nearest(organisation, named)
        hint = (
            f'did you mean "{close}"?'
            if close
            else f"the appeal names {', '.join(sorted(set(named.values())))}"
        )
        raise UsageError(f'"{organisation}" does not sign this appeal', hint=hint, code="L512")
    one = Signature(named[organisation], appeal.text_hash, _person(by), on)
    _write(root, f"templates/{appeal.name}/signed.csv", Signature, [*signatures(root, appeal), one])
    return one


def accepted(root: Path) -> list[Accepted]:
    """Read which forms were accepted. Raises `UsageError` with the line that cannot be
    read (L502).
    """
    rows = _rows(root, ACCEPTED, ("language", "greeting", "by", "on"))
    return [
        Accepted(
            row["language"],
            row["greeting"],
            row["closing"],
            row["by"],
            date.fromisoformat(row["on"]),
        )
        for row in rows
    ]


def accept(root: Path, forms: Iterable[tuple[str, str, str]], *, by: str, on: date) -> None:
    """Record that a person answers for these forms: (language, greeting, closing), as the table
    words them.
    """
    lines = accepted(root)
    have = {(line.language, line.greeting, line.closing) for line in lines}
    new = [Accepted(*form, _person(by), on) for form in forms if form not in have]
    _write(root, ACCEPTED, Accepted, [*lines, *new])


def _person(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise UsageError(
            "A sign-off needs the name of a person.", hint='--by "Jana Novák"', code="L512"
        )
    return name


def _rows(root: Path, file: str, needed: Sequence[str]) -> list[Mapping[str, str]]:
    path = root / file
    raw, fault = read_inside(root, path, MOST_OF_TABLE)
    if fault == ABSENT:
        return []
    if fault:
        raise UsageError(f"{file} cannot be read: {fault}", hint="put the file itself there")
    found: list[Mapping[str, str]] = []
    try:
        reader = csv.DictReader(raw.decode("utf-8-sig").splitlines(keepends=True), restval="")
        for row in reader:
            whole = all((row.get(column) or "").strip() for column in needed)
            if not whole or None in row or not _is_date(row["on"]):
                hint = f"{', '.join(needed)} must be filled in, the date as 2027-01-25"
                unusable = problem(
                    "L502",
                    file,
                    row=reader.line_num,
                    message="this sign-off cannot be used",
                    suggestion=hint,
                )
                raise UsageError(unusable.message, hint=hint, code="L502", problems=[unusable])
            found.append(row)
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{file} cannot be read: {error}", hint="save it as CSV, UTF-8", code="L502"
        ) from error
    return found


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _write(
    root: Path,
    file: str,
    kind: type[Signature] | type[Accepted],
    lines: Sequence[Signature | Accepted],
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(kind.__slots__)
    writer.writerows(astuple(line) for line in lines)
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    put(path, text.getvalue().encode())
