"""The appeals of a workspace, for those who write and answer for letters: which there are, whether
their languages agree, what can be put in, who has signed, and whose forms of address are accepted.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import date

from mailer.actions.workspace.new_workspace import new_appeal
from mailer.actions.writing import changes
from mailer.base.delegations import Delegation
from mailer.base.errors import MailerError, Problem, Refused, UsageError
from mailer.base.settings.workspace import Workspace
from mailer.ledger.ledger import Ledger
from mailer.letters import placeholders
from mailer.letters.appeal import Appeal
from mailer.letters.appeal_files import load_appeal, no_such_appeal
from mailer.letters.appeal_files import names as names  # noqa: PLC0414  (the doors ask here)
from mailer.letters.appeal_toml import said
from mailer.letters.checks import twins
from mailer.letters.wording import usable_words
from mailer.letters.wording.usable_words import Word as Word  # noqa: PLC0414  (the doors ask here)
from mailer.plan import per_person, signoff
from mailer.plan.draft import Draft, read_contacts
from mailer.plan.proof import Group, Proof
from mailer.plan.signoff import Signature, SignatureState

FILTERS = usable_words.FILTERS
"""What may stand behind a word of `words`."""

LONGEST_TITLE = 200


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the letters of an appeal hold, language by language, and where they differ."""

    counts: dict[str, dict[str, int]]  # "fr" → "figure" → 9
    problems: tuple[Problem, ...]


def there(workspace: Workspace, name: str) -> None:
    """Raise `UsageError` where there is no such appeal."""
    if name not in (known := names(workspace.root)):
        raise no_such_appeal(name, known)


def title(workspace: Workspace, name: str) -> str:
    """Return how people call an appeal, as far as its files can be read."""
    try:
        return read(workspace, name).title
    except MailerError:
        return name


def read(workspace: Workspace, name: str) -> Appeal:
    """Read an appeal. Raises `MailerError` with everything that is wrong in its files."""
    return load_appeal(workspace.root, name)


def begin(
    workspace: Workspace, ledger: Ledger, title: str, name: str = "", old: str = "", *, who: str
) -> tuple[str, list[str]]:
    """Make the folder of a new appeal, with sentences that wait to be written or as a copy of
    another; return its name and its files.

    Without a name the folder is called after the title. Raises `UsageError` where the name is taken
    or cannot be.
    """
    title = " ".join(title.split())
    if not (title or name):
        raise UsageError("An appeal needs a title.")
    if len(title) > LONGEST_TITLE or not title.isprintable():
        raise UsageError("This title cannot be used: it is too long, or holds invisible signs.")
    name = name or _free(names(workspace.root), title)
    if old:
        there(workspace, old)
    files = new_appeal(workspace.root, name, old or None, title)
    for file in files:
        path = workspace.root / "templates" / name / file
        changes.record(ledger, f"templates/{name}/{file}", b"", path.read_bytes(), who=who)
    return name, files


def _free(taken: list[str], title: str) -> str:
    """Make the name of a folder from a title: "Prisoners, January" → `prisoners-january`."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:50].strip("-") or "appeal"
    others = (f"{base}-{number}" for number in itertools.count(2))
    return next(one for one in itertools.chain([base], others) if one not in taken)


def every(workspace: Workspace) -> list[tuple[str, Appeal | MailerError]]:
    """Read all appeals: what is wrong with one does not hide the others."""
    found: list[tuple[str, Appeal | MailerError]] = []
    for name in names(workspace.root):
        try:
            found.append((name, read(workspace, name)))
        except MailerError as fault:
            found.append((name, fault))
    return found


def not_mentioned(workspace: Workspace, name: str) -> list[Delegation]:
    """Return the delegations that have no seat in fact, which an appeal should mention or leave
    out.
    """
    return per_person.not_mentioned(read(workspace, name), workspace.delegations)


def coverage(appeal: Appeal) -> Coverage:
    """Compare the letters of an appeal."""
    return Coverage(twins.summary(appeal), tuple(twins.check(appeal)))


def words(workspace: Workspace, name: str | None) -> list[Word]:
    """Return the placeholders of a letter; with an appeal its facts, and further columns as the
    sheets have them.
    """
    if name is None:
        return list(usable_words.WORDS)
    facts = read(workspace, name).facts
    examples: dict[str, str] = {}
    for contact in read_contacts(workspace)[1].contacts:
        for heading, cell in contact.extra.items():
            examples[heading] = examples.get(heading) or cell
    found = [one for one in usable_words.WORDS if not one.name.startswith(("fact.", "extra["))]
    found += [
        Word(f"fact.{key}", f"a fact, from {one.source}", said(one.value, "en"))
        for key, one in facts.items()
    ]
    for heading, cell in examples.items():
        short = placeholders.word_of(heading)
        usable = short.isidentifier() and short not in usable_words.NAMES
        own = short if usable else f'extra["{heading}"]'
        meaning = f'the column "{heading}" of your sheets'
        found.append(Word(own, meaning, cell or "(empty in every row)"))
    return found


def sign(
    workspace: Workspace, appeal: Appeal, organisation: str, *, by: str, on: date
) -> Signature:
    """Record that an organisation signs the text as it is now."""
    return signoff.sign(workspace.root, appeal, organisation, by=by, on=on)


def standings(workspace: Workspace, appeal: Appeal) -> list[SignatureState]:
    """Return how each organisation stands to the text as it is now."""
    return signoff.standings(appeal, signoff.signatures(workspace.root, appeal))


def for_real(now: Draft) -> Draft:
    """Return the same without the allow-list of test mode: what is read before a sending is read
    for the real people.
    """
    return replace(now, mode="live")


def proof(now: Draft) -> Proof:
    """Return the proof sheet: what real people would read first."""
    return for_real(now).proof()


def accept(
    now: Draft, *, by: str, on: date, form: tuple[str, str, str] | None = None
) -> tuple[Group, ...]:
    """Let a named person answer for a form of address (language, greeting, closing), or for all
    that wait; return those.

    Raises `Refused` where the form no longer waits.
    """
    waiting = [group for group in proof(now).waiting if form in (None, group.key)]
    if form is not None and not waiting:
        raise Refused("This form no longer waits to be accepted. Nothing was changed.")
    signoff.accept(now.workspace.root, [group.key for group in waiting], by=by, on=on)
    return tuple(waiting)
