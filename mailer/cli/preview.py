"""`mailer preview`: one person's letter, as it would be sent."""

from __future__ import annotations

from pathlib import Path

import click

from mailer.cli.desk import Command, Desk
from mailer.contacts.contact import Contact
from mailer.drafting import Draft, draft
from mailer.errors import UsageError
from mailer.spelling import fold, tokens


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
    contact = _find(now, who)
    language = lang or next(one.language for one in now.decide() if one.contact is contact)
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
    decision = next(one for one in now.decide() if one.contact is contact)
    desk.out.print(f"To:       {contact.name} <{contact.address or 'no address'}>", style="bold", soft_wrap=True)
    desk.out.print(f"Subject:  {letter.subject}", style="bold", soft_wrap=True)
    desk.out.print(f"Preview:  {letter.preview}\n", soft_wrap=True)
    desk.out.print(letter.text, soft_wrap=True)
    if decision.reason is not None:
        desk.say(f"{contact.name} would be left out: {decision.detail or decision.reason}", "yellow")
    if html is not None:
        desk.say(f"The HTML is in {html}.")


def _find(now: Draft, who: str | None) -> Contact:
    everyone = now.book.contacts
    if who is None:
        return next(one.contact for one in now.decide() if one.reason is None)
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
