"""What a person has said of two names that look alike: one person, or two. It is asked once.

The answers stand in `contacts/_same.csv`, which a spreadsheet program opens; each is written in one
step, before the sheet that it was needed for.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType

from mailer.base.errors import UsageError
from mailer.base.files import put
from mailer.base.spelling import fold, tokens
from mailer.contacts.contact import Contact, person_key
from mailer.contacts.edit.write import harmless

FILE = "_same.csv"
HEADINGS = ("delegation", "name", "new delegation", "new name", "same", "by", "since")


class Answers:
    """What a person has said of two names that look alike: the same person, or another.

    `same` and `other` are new names, said now; `known` are the keys of two people, said before.
    """

    def __init__(
        self,
        same: Collection[str] = (),
        other: Collection[str] = (),
        known: Mapping[tuple[str, str], bool] = MappingProxyType({}),
    ) -> None:
        self._said = dict.fromkeys(other, False) | dict.fromkeys(same, True)
        self._known = known
        self.used: dict[tuple[str, str], tuple[Contact, Contact, bool]] = {}  # said now
        self._names: set[str] = set()

    def about(self, old: Contact, new: Contact) -> bool | None:
        """Return whether they are one person; None where nobody has said."""
        key = old.person_key, new.person_key
        for name, one in self._said.items():
            if sorted(tokens(name)) == sorted(tokens(new.name)):
                self._names.add(name)
                self.used[key] = old, new, one
                return one
        return self._known.get(key)

    def all_used(self) -> None:
        """Raise `UsageError` for a name that looked like nobody."""
        if unknown := set(self._said) - self._names:
            raise UsageError(
                f"nobody who joined looks like somebody who left and is called {min(unknown)}",
                hint="the same command without that name lists who looks like whom",
            )


def load(path: Path) -> dict[tuple[str, str], bool]:
    """Return what was said before; the last answer counts."""
    if not path.exists():
        return {}
    found = {}
    for row in csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")):
        old, name, new, new_name, same = ((row.get(key) or "").strip() for key in HEADINGS[:5])
        key = person_key(old, name), person_key(new, new_name)
        found[key] = fold(same) == "yes"
    return found


def remember(
    path: Path, said: Mapping[tuple[str, str], tuple[Contact, Contact, bool]], who: str, day: str
) -> None:
    """Write down what was said."""
    if not said:
        return
    out = io.StringIO()
    before = path.read_text(encoding="utf-8-sig") if path.exists() else ""
    rows = csv.writer(out, lineterminator="\n")
    if not before:
        rows.writerow(HEADINGS)
    for old, new, same in said.values():
        cells = (
            old.delegation,
            old.name,
            new.delegation,
            new.name,
            "yes" if same else "no",
            who,
            day,
        )
        rows.writerow(map(harmless, cells))
    lacks = "" if not before or before.endswith("\n") else "\n"
    put(path, f"{before}{lacks}{out.getvalue()}".encode())
