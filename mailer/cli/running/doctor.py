"""`mailer doctor`: everything that a mail-out rests on, in sentences."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from mailer.cli.context import Command, Desk

if TYPE_CHECKING:
    from mailer.actions.doctor import Finding

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
def doctor(desk: Desk, to: str | None, online: bool, dkim: str | None) -> int:
    """Look at settings, files, clock, send log, people, mail server and limits.

    Nothing is changed, and nothing is sent unless --to says so. It connects to the mail server and
    logs in once.

    \b
    mailer doctor
    mailer doctor --online --dkim mail2027
    mailer doctor --to jana@rights.example
    """
    return asyncio.run(_show(desk, _findings(desk, to, online, dkim)))


async def _findings(
    desk: Desk, to: str | None, online: bool, dkim: str | None
) -> AsyncIterator[Finding]:
    from mailer.actions import doctor, sender_domain

    workspace = desk.workspace
    if to is not None:
        doctor.may_be_tested(workspace, to)
    for part in (
        doctor.settings,
        doctor.files,
        doctor.disk,
        doctor.log,
        doctor.people,
        doctor.limits,
    ):
        for finding in part(workspace):
            yield finding
    at, found = doctor.logins(workspace)
    for finding in found:
        yield finding
    reached = at is not None
    if at is not None:
        async for finding in doctor.server(workspace, at):
            reached &= finding.verdict is not doctor.Verdict.WRONG
            yield finding
    if workspace.settings.imap.host is not None:
        yield await doctor.mailbox(workspace)
    if online:
        domain, own, public = (
            workspace.settings.sender.address.rpartition("@")[2],
            workspace.settings.sender.dkim,
            "",
        )
        if own is not None and dkim in (None, own.selector):
            dkim, public = own.selector, doctor.published(workspace)
        for finding in sender_domain.examine(domain, selector=dkim, public=public):
            yield finding
    if at is not None and to is not None and reached:
        yield await doctor.send_test(workspace, at, to)


async def _show(desk: Desk, findings: AsyncIterator[Finding]) -> int:
    from mailer.cli.screen.tables import speller

    seen: Counter[str] = Counter()
    spell, topic = speller(desk.out), ""
    async for one in findings:
        seen[one.verdict.value] += 1
        if desk.json:
            desk.data(asdict(one))
            continue
        if one.topic != topic:
            topic = one.topic
            desk.out.print(spell(topic), style="bold")
        desk.out.print(f"  {spell(MARKS[one.verdict])} ", style=STYLES[one.verdict], end="")
        desk.out.print(spell(one.sentence), soft_wrap=True)
        if one.fix:
            desk.out.print(spell(f"    → {desk.typed(one.fix)}"), style="cyan", soft_wrap=True)
    desk.say()
    desk.say(" · ".join(f"{seen[word]} {words}" for word, words in WORDS.items() if seen[word]))
    return 1 if seen["wrong"] else 0
