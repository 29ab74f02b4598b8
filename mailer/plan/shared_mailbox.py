"""A mailbox that several people share gets one letter, and it greets all of them.

That is so where their letters differ in nothing but the greeting: each is written with the greeting
of all, and they must come out the same. Whoever's letter would say something else is not in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mailer.base.errors import MailerError
from mailer.contacts.contact import Contact
from mailer.letters.message.headers import MAX_NAME

if TYPE_CHECKING:
    from mailer.letters.render import Rendered, Renderer
    from mailer.plan.audience import Decision

SAYS_MORE = "the letter says more of each than the name, and so names only one at this mailbox"


def together(
    renderer: Renderer, first: Contact, others: Sequence[Contact], language: str
) -> tuple[Contact, ...]:
    """Return who one letter to their mailbox can name, the first of them always."""
    named: tuple[Contact, ...] = (first,)
    for one in others:
        if _alike(renderer, (*named, one), language):
            named = (*named, one)
    return named


def in_place_of(before: Decision, decided: Decision) -> Decision:
    """Decide anew about the next at a mailbox: the row of whoever came before lacks something."""
    contact, *others = before.others
    return replace(decided, contact=contact, reason=None, detail="", others=tuple(others))


def names(people: Sequence[Contact]) -> str:
    """Return the display name of a mailbox; for several people none where it would be too long."""
    text = ", ".join(one.name for one in people)
    return text if len(people) == 1 or len(text) <= MAX_NAME else ""


def _alike(renderer: Renderer, people: tuple[Contact, ...], language: str) -> bool:
    try:
        first, *rest = (_said(renderer.render(one, language, people=people)) for one in people)
    except MailerError:  # of their rows; each letter by itself says which cell
        return False
    return all(one == first for one in rest)


def _said(letter: Rendered) -> tuple[object, ...]:
    files = [(one.file, one.digest) for one in (*letter.attachments, *letter.pictures)]
    return letter.subject, letter.text, letter.html, letter.reply_to, files, letter.formal
