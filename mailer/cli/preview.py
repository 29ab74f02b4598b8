"""`mailer preview`: one person's letter, as it would be sent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from mailer.audience import Decision
from mailer.cli.desk import Command, Desk
from mailer.cli.tables import say_text, show_rows, show_text
from mailer.contacts.contact import Contact
from mailer.drafting import Draft, draft
from mailer.errors import UsageError
from mailer.spelling import fold, tokens
from mailer.states import REASONS, Reason


@click.command(cls=Command)
@click.argument("appeal")
@click.option("--as", "who", metavar="WHO", help="A name, part of one, or an address; without it the first person.")
@click.option("--lang", metavar="xx", help="The letter in this language, whatever the person's own is.")
@click.option("--html", "html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write the HTML of the letter to a file.")  # fmt: skip
@click.pass_obj
def preview(desk: Desk, appeal: str, who: str | None, lang: str | None, html: Path | None) -> None:
    """Read the letter as one person would get it."""
    now = draft(desk.workspace, appeal)
    decisions = now.decide()
    contact = _find(now, decisions, who)
    decision = next(one for one in decisions if one.contact is contact)
    language = lang or decision.language
    if language not in now.appeal.letters:
        have = ", ".join(sorted(now.appeal.letters))
        raise UsageError(f"There is no letter in {language!r} for {contact.name}.", hint=f"there is: {have}")
    letter = now.renderer.render(contact, language)
    if html is not None:
        html.write_text(letter.html, encoding="utf-8")
    if desk.json:
        desk.data(
            {
                "name": contact.name,
                "address": contact.address,
                "delegation": contact.delegation,
                "language": language,
                "greeting": letter.greeting,
                "subject": letter.subject,
                "preview": letter.preview,
                "text": letter.text,
                "html": letter.html,
            }
        )
        return
    head = (
        ("From", now.workspace.settings.sender.from_),
        ("To", f"{contact.name} <{contact.address or 'no address'}>"),
        ("Subject", letter.subject),
        ("Preview", letter.preview),
    )
    show_rows(desk, [([f"{name}:"], [value], "bold") for name, value in head])
    desk.out.print()
    for line in letter.text.splitlines():
        if line.strip():
            show_text(desk, line)
        else:
            desk.out.print()
    if decision.reason is not None:
        why = f"{REASONS[decision.reason]}{f' ({decision.detail})' if decision.detail else ''}"
        say_text(desk, f"{contact.name} would be left out: {why}", style="yellow")
    if html is not None:
        desk.say(f"The HTML is in {html}.")


def _find(now: Draft, decisions: Sequence[Decision], who: str | None) -> Contact:
    everyone = now.book.contacts
    if not everyone:
        folder = now.workspace.settings.contacts.folder
        raise UsageError("There is nobody in the contact sheets yet.", hint=f"fill in the sheets in {folder}/")
    if who is None:
        likely = [one for reason in (None, Reason.TEST_MODE) for one in decisions if one.reason is reason]
        return [*likely, *decisions][0].contact
    words = tokens(who)
    exact = [one for one in everyone if fold(one.name) == fold(who) or one.address.casefold() == who.casefold()]
    found = exact or [one for one in everyone if all(word in fold(f"{one.name} {one.address}") for word in words)]
    if not found:
        from rapidfuzz import process

        close = process.extractOne(who, [one.name for one in everyone], score_cutoff=70)
        raise UsageError(
            f"Nobody in the sheets is called {who!r}.", hint=f'did you mean "{close[0]}"?' if close else ""
        )
    if len(found) > 1:
        names = ", ".join(f"{one.name} ({one.delegation or '?'})" for one in found[:8])
        raise UsageError(f"{len(found)} people fit {who!r}.", hint=f"{names}{' …' if len(found) > 8 else ''}")
    return found[0]
