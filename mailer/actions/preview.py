"""Letters as people would get them now, also those left out. Nothing is kept or sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO

from mailer.base.errors import MailerError, UsageError
from mailer.base.spelling import called, nearest
from mailer.base.states import Reason
from mailer.letters.formal import pdf
from mailer.letters.render import Rendered
from mailer.plan import heads, proof
from mailer.plan.audience import Decision
from mailer.plan.draft import Draft

TOGETHER = 10
"""So many formal letters are set at a time; all at once take gigabytes of memory."""

NOTHING_AGAINST = (None, Reason.TEST_MODE, Reason.ALREADY)
"""Those left out for these reasons could get the letter another time."""


@dataclass(frozen=True, slots=True)
class Preview:
    """One person's letter."""

    decision: Decision  # who it is, and why they would be left out
    language: str  # of this letter
    letter: Rendered


def preview(now: Draft, one: Decision, language: str = "") -> Preview:
    """Write the letter of one person, in the language that they would get, or in another.

    Who has no letter in their own language reads one of those that there are. Raises `UsageError`
    for a language without a letter, `MailerError` with what the person's row lacks.
    """
    letters = now.appeal.letters
    if language and language not in letters:
        raise UsageError(
            f"There is no letter in {language!r} for {one.contact.name}.",
            hint=f"there is: {', '.join(sorted(letters))}",
        )
    language = language or (one.language if one.language in letters else next(iter(letters)))
    return Preview(one, language, now.renderer.render(one.to, language))


def message_of(now: Draft, shown: Preview) -> tuple[bytes, str]:
    """Return the whole message of a letter; or, empty, and why it could not be sent."""
    try:
        return now.message(shown.decision.to, shown.language, shown.decision.copies), ""
    except MailerError as fault:
        return b"", fault.message


def on_paper(now: Draft, letters: Iterable[Preview]) -> bytes:
    """Set formal letters in one PDF, each from page 1, to be printed.

    Raises `UsageError` where the appeal has no formal letters, `MailerError` with what a person's
    row lacks.
    """
    if now.appeal.on_paper is None:
        raise UsageError(
            f"The letters of {now.appeal.name} are no formal letters.",
            hint="in its appeal.toml, write [letter], and below it: pdf = true",
        )
    shown = [one.letter.formal.data for one in letters if one.letter.formal]
    if not shown:
        raise UsageError("There is nobody who could get a letter.")
    if len(shown) <= TOGETHER:
        return pdf(shown, now.workspace.root)
    from pypdf import PdfWriter

    with PdfWriter() as whole, BytesIO() as file:
        whole.metadata = None
        for first in range(0, len(shown), TOGETHER):
            letters_set = pdf(shown[first : first + TOGETHER], now.workspace.root)
            whole.append(BytesIO(letters_set))
        whole.write(file)
        return file.getvalue()


def reachable(decisions: Sequence[Decision]) -> list[Decision]:
    """Return those who would get a letter, were the mailer not in test mode."""
    return list(heads.letters([one for one in decisions if one.reason in (None, Reason.TEST_MODE)]))


def hardest(now: Draft, decisions: Sequence[Decision], number: int | None) -> list[Decision]:
    """Choose the `number` people whose letters differ most, the most unusual first."""
    able = heads.letters([one for one in decisions if one.reason in NOTHING_AGAINST])
    could = {id(one.contact): one for one in able}
    people = [(one.contact, one.language) for one in could.values()]
    if not people:
        return []
    return [
        could[id(contact)] for contact, _ in proof.hardest(now.renderer, now.forms, people, number)
    ]


def whose(now: Draft, decisions: Sequence[Decision], who: str | None) -> Decision:
    """Return whom `who` means: a name, a part of one, or an address. None: somebody who could get a
    letter, if there is one.

    Raises `UsageError` where it is nobody, with the nearest name, or several.
    """
    everyone = now.book.contacts
    if not everyone:
        folder = now.workspace.settings.contacts.folder
        raise UsageError(
            "There is nobody in the contact sheets yet.", hint=f"fill in the sheets in {folder}/"
        )
    if who is None:
        return min(decisions, key=lambda one: _RANK.get(one.reason, len(_RANK)))
    found = called(everyone, who)
    if not found:
        close = nearest(who, [one.name for one in everyone], parts=True)
        raise UsageError(
            f"Nobody in the sheets is called {who!r}.",
            hint=f'did you mean "{close}"?' if close else "",
        )
    if len(found) > 1:
        names = ", ".join(f"{one.name} ({one.delegation or '?'})" for one in found[:8])
        raise UsageError(
            f"{len(found)} people fit {who!r}.", hint=f"{names}{' …' if len(found) > 8 else ''}"
        )
    return next(one for one in decisions if one.contact is found[0])


_RANK = {reason: rank for rank, reason in enumerate(NOTHING_AGAINST)}
