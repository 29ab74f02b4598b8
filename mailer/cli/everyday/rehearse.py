"""`mailer rehearse`: the most different letters, sent to yourself or to a folder of
this computer.
"""

from __future__ import annotations

import asyncio
import getpass
import re
from pathlib import Path

import click

from mailer.actions import rehearse as rehearsal
from mailer.actions.rehearse import Sample
from mailer.base import clock
from mailer.base.address import allowed
from mailer.base.errors import Refused
from mailer.base.states import Receipt, State
from mailer.cli.context import Command, Desk
from mailer.cli.screen.tables import say_text, show_rows
from mailer.ledger import events, mailouts
from mailer.ledger.events import EventKind
from mailer.ledger.ledger import number_of, shown
from mailer.plan.draft import draft
from mailer.sending.connect import course_of, rehearsal_session, signer
from mailer.sending.demo_server import Mailbox
from mailer.sending.smtp.session import Envelope, Patience, Server, SmtpSession

NOWHERE = "rehearsal.example"
"""The domain of samples that stay on this computer; no such name can ever exist."""


@click.command(cls=Command)
@click.argument("what", metavar="APPEAL|M")
@click.option(
    "--to",
    metavar="ME",
    help="An address of the allow-list; without it the samples stay on this computer.",
)
@click.option(
    "-n",
    "number",
    type=click.IntRange(1, 50),
    default=8,
    show_default=True,
    help="How many letters.",
)
@click.pass_obj
def rehearse(desk: Desk, what: str, to: str | None, number: int) -> int:
    """Send the most different letters of an appeal, or of a planned mail-out, to yourself.

    \b
    mailer rehearse first-appeal
    mailer rehearse M-0007 --to jana@rights.example
    """
    workspace = desk.workspace
    if to is not None and not allowed(to, workspace.settings.safety.allow):
        hint = (
            "put it into safety.allow in config.toml; that list counts for samples in live"
            " mode, too"
        )
        raise Refused(
            f"{to} is not on the allow-list: samples go to nobody else.", hint=hint, code="S108"
        )
    mail_out_id = number_of(what) if re.fullmatch(r"[Mm]-\d+", what) else None
    if mail_out_id is None:
        now = draft(workspace, what)
        samples = rehearsal.of_appeal(now, number)
    else:
        with desk.ledger() as ledger, ledger.reading() as connection:
            now = draft(workspace, mailouts.get(connection, mail_out_id).appeal)
            samples = rehearsal.of_mail_out(now, connection, mail_out_id, number)
    if to is None:
        folder = (
            workspace.make_state_dir()
            / "rehearsal"
            / (what if mail_out_id is None else shown(mail_out_id))
        )
        receipts = _on_this_computer(now.sending.sender, samples, folder)
    else:
        receipts = _to_the_server(desk, samples, to)
    if mail_out_id is not None:
        with desk.ledger() as ledger, ledger.writing() as connection:
            done = sum(receipt.state is State.ACCEPTED for receipt in receipts)
            text = f"{done} of {len(samples)} samples to {to or 'a folder of this computer'}"
            events.write(
                connection,
                EventKind.REHEARSED,
                mail_out_id,
                at=ledger.now(),
                who=getpass.getuser(),
                detail=text,
            )
    return _show(
        desk,
        samples,
        receipts,
        f"were accepted for {to}" if to else f"are in {folder}, for any mail program",
    )


def _to_the_server(desk: Desk, samples: list[Sample], to: str) -> list[Receipt]:
    workspace = desk.workspace
    sender, sign = workspace.settings.sender.address, signer(workspace)
    letters = rehearsal.envelopes(
        samples, sender=sender, to=lambda _: to, at=clock.now(), signer=sign
    )
    return asyncio.run(
        _sent(rehearsal_session(workspace), letters, course_of(workspace).limits.interval)
    )


def _on_this_computer(sender: str, samples: list[Sample], folder: Path) -> list[Receipt]:
    letters = rehearsal.envelopes(
        samples, sender=sender, to=lambda at: f"sample-{at}@{NOWHERE}", at=clock.now()
    )
    with Mailbox(folder) as mailbox:
        for old in folder.glob("sample-*.eml"):
            old.unlink()
        server = Server(
            "127.0.0.1", mailbox.port, "none", None, None, helo=sender.rpartition("@")[2]
        )
        session = SmtpSession(server, Patience(), lambda address: address.endswith(f"@{NOWHERE}"))
        return asyncio.run(_sent(session, letters, 0.0))


async def _sent(session: SmtpSession, letters: list[Envelope], interval: float) -> list[Receipt]:
    return [receipt async for receipt in rehearsal.send(session, letters, interval)]


def _show(desk: Desk, samples: list[Sample], receipts: list[Receipt], where: str) -> int:
    bad = any(receipt.state is not State.ACCEPTED for receipt in receipts)
    if desk.json:
        for at, (one, receipt) in enumerate(zip(samples, receipts, strict=True), 1):
            desk.data(
                {
                    "sample": at,
                    "name": one.name,
                    "state": receipt.state,
                    "code": receipt.code,
                    "text": receipt.text,
                }
            )
        return int(bad)
    show_rows(
        desk,
        [
            (
                [str(at), one.name],
                [
                    (
                        ""
                        if receipt.state is State.ACCEPTED
                        else f"{receipt.code or ''} {receipt.text}".strip()
                    )
                ],
                "" if receipt.state is State.ACCEPTED else "red",
            )
            for at, (one, receipt) in enumerate(zip(samples, receipts, strict=True), 1)
        ],
        right=(0,),
        head=("", "the letter of"),
        note="the server's answer" if bad else "",
    )
    done = sum(receipt.state is State.ACCEPTED for receipt in receipts)
    desk.say()
    say_text(desk, f"{done} of {len(samples)} samples {where}.")
    return int(bad)
