"""Saved audiences: conditions under a name, in `audiences.toml` of the workspace.

People read and write it, too. It is replaced as a whole: after a crash there is the old one or the
new one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import tomlkit

from mailer.base.errors import UsageError
from mailer.base.files import ABSENT, MOST_OF_TABLE, put, read_inside
from mailer.base.settings.workspace import Workspace
from mailer.base.spelling import nearest
from mailer.contacts.contact import Contact
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from mailer.plan import where
from mailer.plan.draft import read_contacts
from mailer.plan.where import Past

FILE = "audiences.toml"
_NAME = re.compile(r"[\w][\w .&'()-]{0,59}")


@dataclass(frozen=True, slots=True)
class SavedAudience:
    """A condition under a name, and the people of the sheets of whom it holds."""

    name: str
    where: str
    people: Sequence[Contact]
    replaced: str = ""  # the condition that had the name before


def every(workspace: Workspace) -> dict[str, str]:
    """Return all saved audiences: name → condition. Raises `UsageError` for a file that cannot be
    read.
    """
    raw, fault = read_inside(workspace.root, workspace.root / FILE, MOST_OF_TABLE)
    if fault == ABSENT:
        return {}
    try:
        found = tomllib.loads(raw.decode()) if not fault else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        fault = str(error)
    if fault:
        raise UsageError(f"{FILE} cannot be read: {fault}", hint="correct it, or take it away")
    if wrong := [name for name, text in found.items() if not isinstance(text, str)]:
        hint = f'write: {wrong[0]} = "committee = Monitoring"'
        raise UsageError(f"{FILE}: {wrong[0]} is no condition.", hint=hint)
    return dict(found)


def condition(workspace: Workspace, name: str, also: str = "") -> str:
    """Return the condition of a saved audience, narrowed by `also`. Raises `UsageError` where there
    is none of that name.
    """
    there = every(workspace)
    known = next((one for one in there if one.casefold() == name.strip().casefold()), None)
    if known is None:
        close = nearest(name, there)
        hint = f'did you mean "{close}"?' if close else "mailer audience list names those there are"
        raise UsageError(f'There is no saved audience "{name}".', hint=hint)
    return f"({there[known]}) and ({also})" if also.strip() else there[known]


def save(workspace: Workspace, ledger: Ledger, name: str, text: str) -> SavedAudience:
    """Keep a condition under a name, in place of the one that had it. Raises `NotUnderstood` for a
    condition that cannot be read: what is saved can be used.
    """
    name = " ".join(name.split())
    if not _NAME.fullmatch(name):
        hint = "letters, figures and blanks, 60 at most"
        raise UsageError(f'"{name[:60]}" cannot be the name of an audience.', hint=hint)
    before = every(workspace)
    known = next((one for one in before if one.casefold() == name.casefold()), name)
    people = _people(workspace, ledger, text)
    _write(workspace, known, text.strip())
    return SavedAudience(known, text.strip(), people, before.get(known, ""))


def show(workspace: Workspace, ledger: Ledger, name: str) -> SavedAudience:
    """Return a saved audience with its people, as the sheets have them now."""
    text = condition(workspace, name)
    return SavedAudience(name, text, _people(workspace, ledger, text))


def drop(workspace: Workspace, name: str) -> str:
    """Take a saved audience away. Returns its condition."""
    text = condition(workspace, name)
    known = next(one for one in every(workspace) if one.casefold() == name.strip().casefold())
    _write(workspace, known, None)
    return text


def _people(workspace: Workspace, ledger: Ledger, text: str) -> list[Contact]:
    delegations, book, _ = read_contacts(workspace)
    with ledger.reading() as connection:
        past: Mapping[str, Sequence[Past]] = mailouts.past(connection)
    known = {word for several in past.values() for one in several for word in one[1:]}
    read = where.read(text, book.contacts, delegations, known)
    if read.of_positions:
        hint = "position stands in the condition of a plan, beside the audience: --where"
        raise UsageError("A saved audience does not ask where members stand.", hint=hint)
    return [
        one
        for one in book.contacts
        if read.against(one, [*past.get(one.address_key, ()), *past.get(one.person_key, ())])
        is None
    ]


def _write(workspace: Workspace, name: str, text: str | None) -> None:
    path = workspace.root / FILE
    toml = tomlkit.parse(path.read_text(encoding="utf-8")) if path.is_file() else tomlkit.document()
    if text is None:
        toml.remove(name)
    else:
        toml[name] = text
    put(path, tomlkit.dumps(toml).encode())
