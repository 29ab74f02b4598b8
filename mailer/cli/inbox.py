"""`mailer inbox`: what comes back, sorted and threaded to the person."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailer.cli.context import Command, CommandGroup, Desk

if TYPE_CHECKING:
    from mailer.actions.inbox import Sorted
    from mailer.inbox.thread import SentLetters


@click.group(cls=CommandGroup)
def inbox() -> None:
    """What comes back: answers, returns and automatic messages."""


@inbox.command(name="try", cls=Command)
@click.argument(
    "messages", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="FOLDER"
)
@click.option(
    "--sent",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="SENT.csv",
    help="The letters that may be answered; without it, those of the send log.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print file,kind,delivery to stdout.")
@click.pass_obj
def try_(desk: Desk, /, messages: Path, sent: Path | None, as_csv: bool) -> None:
    """Sort and thread the messages of a folder, and touch nothing.

    \b
    mailer inbox try forwarded/
    mailer inbox try messages/ --sent sent.csv --csv
    """
    from mailer.actions.inbox import sent_table, try_folder

    found = try_folder(messages, sent_table(sent) if sent else _from_log(desk))
    if desk.json:
        for one in found:
            desk.data(_row(one))
    elif as_csv:
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(["file", "kind", "delivery"])
        for one in found:
            rows.writerow([one.file, one.judgement.kind, _deliveries(one)])
        sys.stdout.write(text.getvalue())
    else:
        _show(desk, list(found))


def _from_log(desk: Desk) -> SentLetters:
    """Read the letters of the send log; where there is none, messages are sorted all the same."""
    from mailer.base.settings.workspace import FILE
    from mailer.cli.screen import choose
    from mailer.inbox.thread import SentLetters
    from mailer.ledger.reading.sent import sent_letters

    if not (desk.folder / FILE).exists() or not desk.workspace.has_ledger:
        desk.say("There is no send log here: messages are sorted, and threaded to nobody.")
        return SentLetters([])
    with choose.open_log(desk) as ledger, ledger.reading() as connection:
        return SentLetters(sent_letters(connection))


def _deliveries(one: Sorted) -> str:
    return ";".join(letter.delivery for letter in one.threading.letters)


def _row(one: Sorted) -> dict[str, object]:
    judged, threading = one.judgement, one.threading
    return {
        "file": one.file,
        "kind": judged.kind,
        "sure": judged.sure,
        "reason": judged.reason,
        "until": judged.until.isoformat() if judged.until else None,
        "deliveries": [letter.delivery for letter in threading.letters],
        "how": threading.how,
        "certainty": threading.certainty,
        "faults": list(one.faults),
    }


def _show(desk: Desk, found: list[Sorted]) -> None:
    from rich.table import Table

    from mailer.inbox.kinds import WORDS

    table = Table("file", "what it is", "letter", "why", box=None, pad_edge=False)
    for one in found:
        judged = one.judgement
        words = WORDS[judged.kind] + ("" if judged.sure else " (perhaps: a person should look)")
        table.add_row(one.file, words, _deliveries(one) or "–", judged.reason)
    desk.out.print(table)
    threaded = sum(bool(one.threading.letters) for one in found)
    unsure = sum(not one.judgement.sure for one in found)
    desk.say(
        f"{len(found)} messages: {threaded} lead to a letter of ours, {unsure} wait for a person."
    )
