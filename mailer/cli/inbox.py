"""`mailer inbox`: what comes back, sorted and threaded to the person."""

from __future__ import annotations

import contextlib
import csv
import io
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailer.base.errors import ServerError
from mailer.cli.context import Command, CommandGroup, Context, printable
from mailer.inbox.kinds import WORDS, InboxKind

if TYPE_CHECKING:
    from mailer.actions.inbox import OpenedMessage, PutOnHold, Recorded, Sorted
    from mailer.inbox.thread import SentLetters
    from mailer.ledger.reading.answers import IncomingRow


@click.group(cls=CommandGroup)
def inbox() -> None:
    """What comes back: answers, returns and automatic messages."""


@inbox.command(name="scan", cls=Command)
@click.option(
    "--watch", is_flag=True, help="Go on until Ctrl-C: as soon as something comes, it is read."
)
@click.option("--beside", is_flag=True, help="What `send`, `work` and the console begin.")
@click.pass_obj
def scan_(context: Context, /, watch: bool, beside: bool) -> int:
    """Read what is new in the mailboxes of [inbox], and record it.

    They are only read: nothing is marked, moved or deleted. While `send`, `work` or the console
    run, they are read by themselves.
    """
    from mailer.actions import inbox as actions
    from mailer.base import clock
    from mailer.cli.screen import choose

    with choose.open_log(context) as ledger:
        if watch:
            tell = _say_beside if beside else _say_recorded
            with contextlib.suppress(KeyboardInterrupt):
                actions.watch(
                    context.workspace, ledger, lambda found: tell(context, found), beside=beside
                )
            return 0
        found = actions.scan(context.workspace, ledger, at=clock.now())
        _say_recorded(context, found)
        return ServerError.exit_code if found.unread else 0


@inbox.command(name="import", cls=Command)
@click.argument("messages", type=click.Path(path_type=Path, exists=True), metavar="FILE")
@click.pass_obj
def import_(context: Context, /, messages: Path) -> None:
    """Record the messages of an .eml, a folder of them, a Maildir or an mbox.

    Each is sorted, threaded to the person and recorded once, however often it is imported. The
    file is only read.

    \b
    mailer inbox import forwarded.mbox
    mailer inbox import ~/Maildir
    """
    from mailer.actions.inbox import import_messages
    from mailer.base import clock
    from mailer.cli.screen import choose

    with choose.open_log(context) as ledger:
        found = import_messages(context.workspace, ledger, messages, at=clock.now())
    _say_recorded(context, found)


@inbox.command(name="list", cls=Command)
@click.argument("mail_out", required=False, metavar="[M]")
@click.option("--kind", metavar="KINDS", help="Only these, separated by commas.")
@click.option("--waiting", is_flag=True, help="Only what waits for a person.")
@click.option("--delegation", default="", metavar="NO,FR", help="Only about these delegations.")
@click.option("--search", default="", metavar="TEXT", help="Only with this in sender or text.")
@click.pass_obj
def list_(
    context: Context,
    /,
    mail_out: str | None,
    kind: str | None,
    waiting: bool,
    delegation: str,
    search: str,
) -> None:
    """List what came back, the newest first.

    What waits for a person: what is not sure, and answers that nobody has opened.

    \b
    mailer inbox list --waiting
    mailer inbox list M-0001 --kind away,left_office
    mailer inbox list --kind reply --delegation Norway
    """
    from mailer.cli.screen import choose
    from mailer.ledger.ledger import number_of
    from mailer.ledger.reading.answers import WantedMessages, messages

    known = context.workspace.delegations
    wanted = WantedMessages(
        kinds=tuple(choose.kinds(kind or "")),
        waiting=waiting,
        mail_out_id=number_of(mail_out) if mail_out else None,
        delegations=tuple(known.named(word.strip()).code for word in delegation.split(",") if word),
        search=search,
    )
    with choose.open_log(context) as ledger, ledger.reading() as connection:
        found = messages(connection, wanted)
    if context.json:
        for one in found:
            context.data(_as_data(one))
    elif not found:
        context.say("Nothing came back that is like that.")
    else:
        _show_list(context, found)


@inbox.command(name="show", cls=Command)
@click.argument("number", type=int, metavar="N")
@click.option(
    "--save",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="FOLDER",
    help="Save what is attached into this folder, as it came.",
)
@click.pass_obj
def show(context: Context, /, number: int, save: Path | None) -> None:
    """Show one message as text, and why it was sorted so. That you opened it is recorded.

    Nothing of it is loaded, run or opened.
    """
    import getpass

    from mailer.actions.inbox import open_message
    from mailer.base import clock
    from mailer.cli.screen import choose
    from mailer.cli.screen.files import write

    with choose.open_log(context) as ledger:
        found = open_message(ledger, number, at=clock.now(), who=getpass.getuser())
    for one in found.attached if save else ():
        if save is not None and one.data is not None:
            path = save / f"{number}-{one.name}"
            write(path, one.data, force=False)
            context.say(f"Saved, and not opened: {path}")
    if context.json:
        files = [{"name": one.name, "type": one.type} for one in found.attached]
        context.data({**_as_data(found.row), "text": found.text, "attached": files})
        return
    _show_message(context, found)


@inbox.command(name="sort", cls=Command)
@click.argument("number", type=int, metavar="N")
@click.argument("kind", metavar="KIND")
@click.argument("letters", nargs=-1, metavar="[LETTER…]")
@click.option("--by", metavar="NAME", help="Who says so; otherwise your name on this computer.")
@click.pass_obj
def sort(
    context: Context, /, number: int, kind: str, letters: tuple[str, ...], by: str | None
) -> None:
    """Say what a message is, and which letters it belongs to.

    KIND is one of objection, left_office, complaint, challenge, away, returned_hard,
    returned_soft, returned_policy, delayed, delivered_notice, read_notice, receipt, reply,
    unrelated. An objection puts the person on the hold list.

    \b
    mailer inbox sort 12 reply
    mailer inbox sort 12 away M-0001-042
    """
    import getpass

    from mailer.actions.inbox import sort_by_hand
    from mailer.base import clock
    from mailer.cli.screen import choose

    what = choose.kind_of_message(kind)
    with choose.open_log(context) as ledger:
        held = sort_by_hand(
            context.workspace,
            ledger,
            number,
            what,
            [letter.upper() for letter in letters] or None,
            at=clock.now(),
            who=by or getpass.getuser(),
        )
    if context.json:
        names = [asdict(one) for one in held]
        context.data({"message": number, "kind": what, "held": names})
        return
    context.say(f"Message {number} is: {WORDS[what]}.")
    _say_held(context, held)


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
def try_(context: Context, /, messages: Path, sent: Path | None, as_csv: bool) -> None:
    """Sort and thread the messages of a folder, and touch nothing.

    \b
    mailer inbox try forwarded/
    mailer inbox try messages/ --sent sent.csv --csv
    """
    from mailer.actions.inbox import sent_table, try_folder

    found = try_folder(messages, sent_table(sent) if sent else _from_log(context))
    if context.json:
        for one in found:
            context.data(_row(one))
    elif as_csv:
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(["file", "kind", "delivery"])
        for one in found:
            rows.writerow([one.file, one.judgement.kind, _deliveries(one)])
        sys.stdout.write(text.getvalue())
    else:
        _show(context, list(found))


def _as_data(one: IncomingRow) -> dict[str, object]:
    return asdict(one) | {"until": one.until.isoformat() if one.until else None}


def _say_recorded(context: Context, found: Recorded) -> None:
    if context.json:
        unread = [{"mailbox": box, "why": str(fault)} for box, fault in found.unread]
        context.data(asdict(replace(found, unread=())) | {"unread": unread})
        return
    _say_unread(context, found)
    if found.unread and not found.new + found.known:
        return
    context.say(f"{found.new} new messages are on record, {found.known} were there already.")
    for kind in InboxKind:
        if number := found.kinds.get(kind):
            context.out.print(f"{number:5d}  {WORDS[kind]}")
    _say_held(context, found.held)
    if found.drafts_sent:
        context.say(f"{found.drafts_sent} drafts were found among the sent mail.")
    if found.waiting:
        context.say(f"{found.waiting} wait for a person:  mailer inbox list --waiting")


def _say_beside(context: Context, found: Recorded) -> None:
    """Say on one line what came while something else is on the screen."""
    _say_unread(context, found)
    kinds = [f"{found.kinds[kind]} {WORDS[kind]}" for kind in InboxKind if kind in found.kinds]
    if kinds:
        context.say(f"Came back: {'; '.join(kinds)}.  mailer inbox list --waiting")
    if found.drafts_sent:
        context.say(f"{found.drafts_sent} drafts were found among the sent mail.")
    _say_held(context, found.held)


def _say_unread(context: Context, found: Recorded) -> None:
    for box, fault in found.unread:
        hint = f" ({fault.hint})" if fault.hint else ""
        context.say(
            f"{box} was not read: {fault}{hint}. Letters are not concerned."
            "  To read it again: mailer inbox scan",
            "yellow",
        )


def _say_held(context: Context, held: Sequence[PutOnHold]) -> None:
    for one in held:
        context.say(
            f"{one.name} ({one.delivery}) wants no more letters and is on the hold list now, for"
            " every organisation of this workspace.",
            "yellow",
        )
        for letter in one.drafts:
            context.say(
                f"The draft {letter} to them lies in your mailbox: delete it there, and say so:"
                f' mailer resolve {letter} --not-sent --because "…"',
                "yellow",
            )
        for letter in one.too_late:
            context.say(
                f"{letter} to them is just being handed over; it cannot be called back:"
                f" mailer log show {letter}",
                "yellow",
            )


def _show_list(context: Context, found: Sequence[IncomingRow]) -> None:
    from mailer.cli.screen.tables import show_rows, show_steps
    from mailer.report.totals import local

    rows = []
    for one in found:
        words = WORDS.get(one.kind, one.kind)
        at = local(one.arrived_at or one.recorded_at, seconds=False)
        who = ", ".join(one.people) or one.sender or "–"
        notes = [] if one.sure else ["not sure: a person should look"]
        if one.until:
            notes.append(f"until {one.until}")
        rows.append(([str(one.id), at, words, ", ".join(one.letters) or "–"], [who, *notes], ""))
    show_rows(context, rows, right=(0,), head=["no.", "arrived", "what it is", "letter"])
    context.say()
    show_steps(context, [("read one", f"mailer inbox show {found[0].id}")])


def _show_message(context: Context, found: OpenedMessage) -> None:
    from mailer.actions.inbox import proposals
    from mailer.cli.screen.tables import show_steps, show_text

    one = found.row
    sure = "" if one.sure else " (not sure)"
    for line in (
        f"{WORDS.get(one.kind, one.kind)}{sure}: {one.reason}",
        f"to {', '.join(one.letters)} ({one.how}, {one.certainty} %)"
        if one.letters
        else "It leads to no letter.",
        f"from {one.sender}" if one.sender else "",
        one.subject,
        *(
            f"attached, not opened: {it.name}{'' if it.data else ' (too long to be kept here)'}"
            for it in found.attached
        ),
    ):
        if line:
            show_text(context, printable(line))
    context.out.print()
    if found.text is None:
        context.say("Its text has been taken away ([inbox] keep_days, or the person was erased).")
    else:
        context.out.print(printable(found.text), soft_wrap=True, markup=False, highlight=False)
    if steps := proposals(one):
        context.say("\nWhat may follow:")
        show_steps(context, [(str(step.sentence), step.command) for step in steps])


def _from_log(context: Context) -> SentLetters:
    """Read the letters of the send log; where there is none, messages are sorted all the same."""
    from mailer.actions.inbox import sent_by
    from mailer.base.settings.workspace import FILE
    from mailer.cli.screen import choose

    if not (context.folder / FILE).exists() or not context.workspace.has_ledger:
        context.say("There is no send log here: messages are sorted, and threaded to nobody.")
        return sent_by(None)
    with choose.open_log(context) as ledger:
        return sent_by(ledger)


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


def _show(context: Context, found: list[Sorted]) -> None:
    from rich.table import Table

    table = Table("file", "what it is", "letter", "why", box=None, pad_edge=False)
    for one in found:
        judged = one.judgement
        words = WORDS[judged.kind] + ("" if judged.sure else " (perhaps: a person should look)")
        table.add_row(one.file, words, _deliveries(one) or "–", judged.reason)
    context.out.print(table)
    threaded = sum(bool(one.threading.letters) for one in found)
    unsure = sum(not one.judgement.sure for one in found)
    context.say(
        f"{len(found)} messages: {threaded} lead to a letter of ours, {unsure} wait for a person."
    )
