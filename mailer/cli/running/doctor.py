"""`mailer doctor`: everything that a mail-out rests on, in sentences."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from mailer.cli.context import Command, Context

if TYPE_CHECKING:
    from mailer.actions.doctor.finding import Finding

MARKS = {"ok": "✓", "look": "!", "wrong": "✗", "not_known": "?"}
STYLES = {"ok": "green", "look": "yellow", "wrong": "bold red", "not_known": "yellow"}
WORDS = {"ok": "well", "look": "to look at", "wrong": "wrong", "not_known": "not known"}


@click.command(cls=Command)
@click.option(
    "--to", metavar="ME", help="Send one real test letter to this address of the allow-list."
)
@click.option(
    "--online",
    is_flag=True,
    help="Ask the name servers about the sender's domain: MX, SPF, DMARC, DKIM.",
)
@click.option(
    "--dkim", metavar="SELECTOR", help="The name of the DKIM key, for --online: s= in a signature."
)
@click.pass_obj
def doctor(context: Context, to: str | None, online: bool, dkim: str | None) -> int:
    """Look at settings, files, clock, send log, people, mail server and limits.

    Nothing is changed, and nothing is sent unless --to says so. It connects to the mail server and
    logs in once.

    \b
    mailer doctor
    mailer doctor --online --dkim mail2027
    mailer doctor --to jana@rights.example
    """
    from mailer.actions.doctor.examine import examine

    return asyncio.run(_show(context, examine(context.workspace, to=to, online=online, dkim=dkim)))


async def _show(context: Context, findings: AsyncIterator[Finding]) -> int:
    from mailer.cli.screen.tables import speller

    seen: Counter[str] = Counter()
    spell, topic = speller(context.out), ""
    async for one in findings:
        seen[one.verdict.value] += 1
        if context.json:
            context.data(asdict(one))
            continue
        if one.topic != topic:
            topic = one.topic
            context.out.print(spell(topic), style="bold")
        context.out.print(f"  {spell(MARKS[one.verdict])} ", style=STYLES[one.verdict], end="")
        context.out.print(spell(one.sentence), soft_wrap=True)
        if one.fix:
            context.out.print(
                spell(f"    → {context.typed(one.fix)}"), style="cyan", soft_wrap=True
            )
    context.say()
    context.say(" · ".join(f"{seen[word]} {words}" for word, words in WORDS.items() if seen[word]))
    return 1 if seen["wrong"] else 0
