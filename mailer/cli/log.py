"""`mailer log`: the send log, one person a line, one letter as a story; whether it is as it was
written, and erasing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mailer.base.errors import Refused, UsageError
from mailer.base.states import WORDS, State
from mailer.cli.context import Command, CommandGroup, Context, Everywhere
from mailer.cli.screen import choose
from mailer.cli.screen.files import may_write, write
from mailer.ledger.events import EventKind
from mailer.ledger.ledger import shown
from mailer.ledger.reading import deliveries, listing
from mailer.report import returns, totals
from mailer.report.export import csv_file, workbook
from mailer.report.export import json_lines as as_json_lines
from mailer.report.story import Step, joined, story, why

if TYPE_CHECKING:
    from mailer.ledger.ledger import Connection
    from mailer.ledger.mailouts import MailOut
    from mailer.ledger.reading.deliveries import Delivery
    from mailer.report.evidence import Sent
    from mailer.sending.imap import FolderEvidence

FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(cls=CommandGroup)
def log() -> None:
    """The send log: what became of every single person."""


@log.command()
@click.argument("mail_out", required=False, metavar="[M|APPEAL]")
@choose.filters
@click.option(
    "--came-back",
    metavar="KINDS",
    help="Only those from or about whom this came, separated by commas: away, returned.",
)
@click.pass_obj
def people(
    context: Context, /, mail_out: str | None, came_back: str | None, **filters: Any
) -> None:
    """List people, and what became of each.

    One a line, in the order of the sheets, with the reason. Without M: the newest
    mail-out; with several of its appeal, the appeal over all of them, as with its name.

    \b
    mailer log people --search berg
    mailer log people M-0007 --state refused,unknown
    mailer log people M-0007 --state "left out" --delegation Norway,FR
    """
    with choose.open_log(context) as ledger, ledger.reading() as connection:
        chosen = choose.reading_of(context, connection, mail_out)
        found = choose.people(connection, chosen, context.workspace.delegations, **filters)
        if came_back:
            found = returns.narrowed(connection, chosen.id, found, choose.kinds(came_back))
        everyone = sum(deliveries.counts(connection, chosen.id).values())
    if context.json:
        for one in found:
            context.data(totals.person(one))
        return
    if not found:
        context.say(f"Nobody of the {everyone} people of {chosen.name} is like that.")
    else:
        from mailer.cli.screen.tables import show_people, show_steps

        show_people(context, found)
        context.say(f"{len(found)} of the {everyone} people of {chosen.name}")
        show_steps(context, [("the story of one letter", f"mailer log show {found[0].shown}")])


@log.command()
@click.argument("words", nargs=-1, required=True, metavar="TEXT")
@click.pass_obj
def find(context: Context, words: tuple[str, ...]) -> None:
    """Find a person in all mail-outs and in the sheets.

    By words of the name or the address; in the mail-outs also by what servers said, and by notes.

    \b
    mailer log find mueller
    mailer log find mailbox full
    """
    from mailer.actions.people import find
    from mailer.plan.draft import read_contacts

    _, book, _ = read_contacts(context.workspace)
    with choose.open_log(context) as ledger, ledger.reading() as connection:
        found = find(connection, book, " ".join(words))
    if context.json:
        for one in found.deliveries:
            context.data(totals.person(one))
        for contact in found.contacts:
            about = ("name", "address", "delegation", "file", "sheet", "row")
            context.data({name: getattr(contact, name) for name in about})
        return
    from mailer.cli.screen.tables import show_people, show_rows

    show_people(context, found.deliveries)
    show_rows(
        context,
        [
            (
                [contact.name or "(no name)", contact.delegation or "??"],
                [f"{contact.file}, row {contact.row}"],
                "",
            )
            for contact in found.contacts
        ],
    )
    many = f"{len(found.deliveries)}{' and more' if found.more else ''}"
    context.say(f"{many} in the mail-outs, {len(found.contacts)} in the sheets")


@log.command()
@click.argument("words", nargs=-1, required=True, metavar="[M] WHO")
@click.option("--text", is_flag=True, help="Show the letter itself.")
@click.option(
    "--eml",
    type=FILE,
    metavar="FILE",
    help="Write the letter exactly as it was sent, for a mail program.",
)
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@click.option(
    "--evidence",
    is_flag=True,
    help="Look for an unknown letter in the folder of sent mail ([imap]).",
)
@click.pass_obj
def show(
    context: Context,
    words: tuple[str, ...],
    text: bool,
    eml: Path | None,
    force: bool,
    evidence: bool,
) -> None:
    """Tell the story of one letter.

    WHO is a name or a part of it, an address, or a number of the log. Without M: the newest
    mail-out. Of an unknown letter it shows what there is to decide by.

    \b
    mailer log show berg
    mailer log show M-0007 anna.berg@no.parliament.example
    mailer log show M-0007-042 --text
    """
    name, who = choose.who_in(words)
    if not who:
        raise UsageError(
            "Whose letter?", hint=f"mailer log show {name} NAME, an address, or a number of the log"
        )
    with choose.open_log(context) as ledger, ledger.reading() as connection:
        mail_out = choose.mail_out_of(context, connection, name)
        found = choose.find_people(connection, mail_out, who)
        if len(found) > 1 and (text or eml or evidence):
            hint = f"name one: mailer log show {found[0].shown}"
            raise UsageError(f"{len(found)} people of {mail_out.name} match {who!r}.", hint=hint)
        letter = _letter(context, connection, found[0]) if text or eml else None
        data = letter.data if letter else b""
        folder = _folder(context, connection, found[0]) if evidence else None
        if context.json:
            for one in found:
                data_of = _story_as_data(connection, mail_out, one)
                if folder is not None and data_of["evidence"] is not None:
                    data_of["evidence"] |= {"sent_folder": folder}
                if letter is not None:
                    data_of |= {"sha256": letter.sha256, "exact": letter.exact}
                context.data(data_of | ({"letter": _text_of(data)} if text else {}))
        elif len(found) > 1:
            from mailer.cli.screen.tables import show_people, show_steps

            show_people(context, found)
            context.say(f"{len(found)} people of {mail_out.name} match {who!r}.")
            show_steps(context, [("the story of one letter", f"mailer log show {found[0].shown}")])
        else:
            _show_story(context, connection, mail_out, found[0], folder)
            if text:
                _show_letter(context, data)
        if eml:
            write(eml, data, force=force)
            exact = "exactly as it went out, " if letter and letter.exact else ""
            context.say(f"The letter is in {eml}, {exact}SHA-256 {letter.sha256 if letter else ''}")


def _folder(context: Context, connection: Connection, one: Delivery) -> FolderEvidence:
    import asyncio

    from mailer.report.evidence import CALIBRATION, in_sent_folder

    if one.message_id is None:
        raise UsageError(f"There is no letter for {one.name or one.shown}: {joined(why(one))}.")
    accepted = deliveries.accepted_ids(connection, one.mail_out_id, CALIBRATION + 1)
    return asyncio.run(in_sent_folder(context.workspace, one, accepted))


def _show_story(
    context: Context,
    connection: Connection,
    mail_out: MailOut,
    one: Delivery,
    folder: FolderEvidence | None,
) -> None:
    from mailer.cli.screen.tables import show_rows, show_text, speller

    spell = speller(context.out)
    delegation = (
        context.workspace.delegations.name(one.delegation, "en")
        if one.delegation
        else totals.NOT_KNOWN
    )
    who = ", ".join(part for part in (delegation, one.role, one.political_group) if part)
    letter = (
        f"{mail_out.title or mail_out.appeal}, letter in {one.language}"
        if one.digest
        else mail_out.title or mail_out.appeal
    )
    moments = deliveries.timeline(connection, one.id)
    erased = any(moment.kind is EventKind.ERASED for moment in moments)
    for line in (
        f"{one.name or ('(erased)' if erased else '(no name)')} · {who}",
        one.address or ("" if erased else "no address"),
        f"{one.shown} · {letter}",
        one.place,
        one.message_id or "",
    ):
        if " " in line:
            show_text(context, line)
        elif line:  # an address or a Message-ID stays in one piece, to be copied
            context.out.print(spell(line), soft_wrap=True)
    rows = [([totals.local(step.at)], _lines(step), "") for step in story(mail_out, one, moments)]
    context.out.print()
    show_rows(context, rows)
    if one.state is State.UNKNOWN:
        _show_evidence(context, one, moments, folder)
    elif folder is not None:
        context.out.print(f"\n{spell(str(folder))}", soft_wrap=True)
    if others := listing.of_person(connection, one):
        from mailer.cli.screen.tables import show_people

        context.out.print("\nThe same person elsewhere:")
        show_people(context, others)


def _lines(step: Step) -> list[str]:
    lines = [str(sentence) for sentence in step.said]
    if step.server:
        lines.append(f"server: {step.server}")
    if step.became:
        because = f": {joined(step.because)}" if step.because else ""
        lines.append(f"→ {WORDS[step.became]}{because}")
    return lines


def _show_evidence(
    context: Context,
    one: Delivery,
    moments: Sequence[deliveries.Moment],
    folder: FolderEvidence | None,
) -> None:
    from mailer.cli.screen.tables import show_rows
    from mailer.report.evidence import evidence

    context.say(
        "\nWhether it arrived, nobody here can know. It is not sent again by itself. What there is"
        " to go by:"
    )
    found = evidence(one, moments)
    rows = found.rows if found else []
    if folder is not None:
        rows.insert(-1, ("sent folder", [str(folder)]))
    show_rows(context, [([label], lines, "") for label, lines in rows])
    if folder is None and context.workspace.settings.imap.host:
        context.say(f"Look into the folder of sent mail:  mailer log show {one.shown} --evidence")
    context.say(
        f'Decide:  mailer resolve {one.shown} --accepted (or --not-sent, --resend) --because "…"'
    )


def _story_as_data(connection: Connection, mail_out: MailOut, one: Delivery) -> dict[str, Any]:
    from mailer.report.evidence import evidence

    moments = deliveries.timeline(connection, one.id)
    found = evidence(one, moments)
    return totals.person(one) | {
        "mail_out": mail_out.name,
        "appeal": mail_out.appeal,
        "title": mail_out.title,
        "political_group": one.political_group,
        "place": one.place,
        "detail": one.detail,
        "next_try_at": one.next_try_at,
        "timeline": moments,
        "evidence": asdict(found) if found else None,
        "elsewhere": [totals.person(other) for other in listing.of_person(connection, one)],
    }


def _letter(context: Context, connection: Connection, one: Delivery) -> Sent:
    """Return the message as it went over the line; before it is handed over for the first time it
    has no Date.
    """
    from mailer.report.evidence import letter_of

    found = letter_of(context.workspace, connection, one)
    if found is None and one.digest is not None:
        raise UsageError(
            "The letter was erased, and so was the person.", hint=f"mailer log show {one.shown}"
        )
    if found is None:
        raise UsageError(f"There is no letter for {one.name or one.shown}: {joined(why(one))}.")
    if one.dated_at is None:
        context.say("This letter has not been handed over yet, so it has no Date.")
    elif not found.exact:
        context.say(
            "It went out with a signature (DKIM), whose key is not the one in the settings: here it"
            " is without."
        )
    return found


def _text_of(data: bytes) -> str:
    """Return the heads and the text twin of a message, for reading."""
    from email import message_from_bytes, policy

    letter = message_from_bytes(data, policy=policy.default)
    heads = [
        f"{name}: {letter[name]}"
        for name in ("From", "Reply-To", "To", "Subject", "Date")
        if letter[name]
    ]
    body = letter.get_body(("plain",))
    return "\n".join([*heads, "", *(body.get_content() if body else "").splitlines()])


def _show_letter(context: Context, data: bytes) -> None:
    from mailer.cli.screen.tables import speller

    spell = speller(context.out)
    context.out.print()
    for line in _text_of(data).splitlines():
        context.out.print(spell(line), soft_wrap=not context.out.is_terminal)


@log.command()
@click.option(
    "--head",
    default="",
    metavar="HASH",
    help="A head that somebody has kept: is it one of this log's?",
)
@click.pass_obj
def verify(context: Context, head: str) -> int:
    """Prove that the send log was not altered.

    Every entry stands under a seal that hashes it together with the seal before; the last one is
    the head. Give it to a second person: it proves later that nothing was cut off, and that the
    chain was not made anew.

    \b
    mailer log verify
    mailer log verify --head 3f9a1c20b7d4e6f8
    """
    from mailer.actions import send_log

    with choose.open_log(context) as ledger, ledger.reading() as connection:
        proof = send_log.verify(connection, head)
    whole = not proof.broken and proof.knows
    if context.json:
        context.data({"whole": whole} | asdict(proof))
        return 0 if whole else 1
    for one in proof.broken:
        names = ", ".join(shown(mail_out_id) for mail_out_id in one.mail_outs)
        when = (
            f", between {totals.local(one.since)} and {totals.local(one.until)}"
            if one.since and one.until
            else ""
        )
        context.out.print(f"  ✗ {names}{when}: {one.what}", soft_wrap=True)
    if not proof.knows:
        context.out.print(
            f"  ✗ {head} is not a head of this log: entries were cut off, or the chain was made"
            " anew"
        )
    counted = (
        f"{proof.events:,} events and {proof.attempts:,} attempts under {proof.seals:,} seals,"
        f" {proof.letters:,} letters"
    )
    if proof.erased:
        counted += f"; {proof.erased:,} people are erased"
    if proof.unsealed:
        counted += f"; {proof.unsealed:,} entries are not sealed yet"
    context.out.print(
        "The send log is as it was written." if whole else "The send log was altered.", style="bold"
    )
    context.say(counted)
    context.out.print(f"head  {proof.head}", soft_wrap=True)
    return 0 if whole else 1


@log.command()
@click.argument("who", required=False)
@click.option(
    "--before",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Everyone of mail-outs that ended before.",
)
@click.option(
    "--because", required=True, metavar="TEXT", help="Why; it stays on record, so name nobody."
)
@click.option(
    "--confirm",
    type=int,
    metavar="N",
    help="The number of rows that are erased; without it, it is only shown.",
)
@click.option("--by", metavar="NAME", help="Who erases; otherwise your name on this computer.")
@click.pass_obj
def forget(
    context: Context,
    who: str | None,
    before: datetime | None,
    because: str,
    confirm: int | None,
    by: str | None,
) -> int:
    """Erase a person from the send log, or everyone of old mail-outs.

    Name, address, letter, and every text about the person go; state, code, times and the counts
    stay, and mailer log verify still proves the log. This cannot be taken back. WHO is an address
    or a whole name. To keep somebody from being written to again: mailer contacts hold WHO first.

    \b
    mailer log forget anna.berg@no.parliament.example --because "asked to be erased" --confirm 3
    mailer log forget --before 2027-04-25 --because "kept for 90 days"
    """
    import getpass

    from mailer.actions import send_log

    if (who is None) == (before is None):
        raise UsageError("Erase whom?", hint="an address or a whole name, or --before DATE")
    with choose.open_log(context) as ledger:
        with ledger.reading() as connection:
            found = send_log.to_forget(connection, before.date() if before else who or "")
        number = len(found)
        if not number:
            raise UsageError(
                "There is nobody like that in the send log.", hint="mailer log people --search TEXT"
            )
        if confirm is None or confirm != number:
            names = sorted({shown(one.mail_out_id) for one in found})
            many = "one row" if number == 1 else f"{number} rows"
            context.say(f"{many} in {', '.join(names)} would be erased. Nothing was changed.")
            context.say(f"  erase them   the same command with --confirm {number}")
            return Refused.exit_code
        name = by or getpass.getuser()
        erased = send_log.forget(ledger, found, who=name, because=because.strip())
    if context.json:
        context.data({"erased": erased})
    else:
        context.say(
            f"{erased} of {number} rows are erased. What became of the letters stays counted."
        )
    return 0


@log.command()
@click.argument("mail_out", required=False, metavar="[M|APPEAL]")
@click.option("--all", "everything", is_flag=True, help="Also those with nothing to look at.")
@click.pass_obj
def delegations(context: Context, mail_out: str | None, everything: bool) -> None:
    """List the delegations, worst first.

    Below them stands why people were left out. Without M: the newest
    mail-out; with several of its appeal, the appeal over all of them, as with its name.
    """

    with choose.open_log(context) as ledger, ledger.reading() as connection:
        chosen = choose.reading_of(context, connection, mail_out)
        if context.json:
            for line in totals.delegations(connection, chosen.id, context.workspace.delegations):
                counts = totals.plain(line.counts)
                context.data(
                    {
                        "delegation": line.code,
                        "name": line.name,
                        "planned": line.people,
                        "counts": counts,
                    }
                )
            return
        from mailer.cli.screen.tables import show_delegations, show_left_out, show_steps

        show_delegations(context, connection, chosen, everything=everything)
        context.out.print()
        show_left_out(context, connection, chosen)
        show_steps(
            context, [("the people of one", f"mailer log people {chosen.name} --delegation FR")]
        )


@log.command()
@click.option(
    "--because", required=True, metavar="TEXT", help="Why this is the one; it stays on record."
)
@click.option("--by", metavar="NAME", help="Who decides; otherwise your name on this computer.")
@click.pass_obj
def adopt(context: Context, because: str, by: str | None) -> None:
    """Say that this send log is the one to go on with, after it was moved or restored.

    A send log that was copied sends nothing: two copies would write to the same people twice, and a
    backup does not know what was sent since it was made. Before you decide, see that no other copy
    is used, and that nothing was sent since.

    \b
    mailer log adopt --because "the workspace moved to the new laptop; the old one is wiped"
    """
    import getpass

    from mailer.actions import send_log

    because, by = because.strip(), (by or getpass.getuser()).strip()
    with choose.open_log(context) as ledger:
        copied = send_log.adopt(ledger, who=by, because=because)
    if context.json:
        context.data({"adopted": copied})
    elif copied:
        context.say(f"This send log is the one to go on with. Decided by {by}: {because}")
        context.say("See that no other copy of it is ever sent from.")
    else:
        context.say("This send log is at home here already. Nothing was changed.")


class Export(Command):
    """Here --json names a file, as --csv and --xlsx do."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params = [
            one
            for one in self.params
            if not (isinstance(one, Everywhere) and one.attribute == "json")
        ]


@log.command(cls=Export)
@click.argument("mail_out", required=False, metavar="[M|APPEAL]")
@click.option(
    "--xlsx",
    type=FILE,
    metavar="FILE",
    help="A workbook: totals on the first tab, people on the second.",
)
@click.option(
    "--csv", type=FILE, metavar="FILE", help="One line a person, for any spreadsheet program."
)
@click.option(
    "--json",
    "json_lines",
    type=FILE,
    metavar="FILE",
    help="One JSON object a line, as log people --json.",
)
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@choose.filters
@click.pass_obj
def export(
    context: Context,
    /,
    mail_out: str | None,
    xlsx: Path | None,
    csv: Path | None,
    json_lines: Path | None,
    force: bool,
    **filters: Any,
) -> None:
    """Write people to a file.

    Everyone, or exactly the rows that the filters choose. Without M: the newest mail-out;
    with several of its appeal, the appeal over all of them, as with its name.

    \b
    mailer log export M-0007 --xlsx outcome.xlsx
    mailer log export M-0007 --csv refused.csv --state refused
    """
    wanted = [
        (path, make)
        for path, make in ((xlsx, workbook), (csv, csv_file), (json_lines, as_json_lines))
        if path is not None
    ]
    if not wanted:
        raise UsageError(
            "Into which file?", hint="mailer log export --xlsx outcome.xlsx (or --csv, --json)"
        )
    for path, _ in wanted:
        may_write(path, force=force)
    with choose.open_log(context) as ledger, ledger.reading() as connection:
        chosen = choose.reading_of(context, connection, mail_out)
        found = choose.people(connection, chosen, context.workspace.delegations, **filters)
        everyone = sum(deliveries.counts(connection, chosen.id).values())
        for path, make in wanted:
            write(path, make(chosen, found, context.workspace.delegations), force=force)
            context.say(f"{len(found)} of the {everyone} people of {chosen.name} are in {path}.")
