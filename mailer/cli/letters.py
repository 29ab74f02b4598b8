"""`mailer letters words`: everything a letter may put in."""

from __future__ import annotations

import click

from mailer.cli.desk import Command, Desk, Group
from mailer.placeholders import FILTERS, WORDS


@click.group(cls=Group)
def letters() -> None:
    """Help for those who write letters: words."""


@letters.command(cls=Command)
@click.pass_obj
def words(desk: Desk) -> None:
    """List the placeholders of a letter, each with an example."""
    if desk.json:
        for word in WORDS:
            desk.data({"name": word.name, "meaning": word.meaning, "example": word.example})
        return
    width = max(len(word.name) for word in WORDS) + len("{{  }}")
    for word in WORDS:
        desk.out.print(f"{f'{{{{ {word.name} }}}}':<{width}}  {word.meaning}", style="bold", soft_wrap=True)
        desk.out.print(f"{'':<{width}}  {word.example}", soft_wrap=True)
    desk.say(f"\nBehind a word may stand: {', '.join(f'| {name}' for name in FILTERS)}.")
