"""`mailer log show`: one letter as a story, the letter itself, and what speaks for its arrival."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mailer.base.errors import UsageError
from mailer.base.states import WORDS, State
from mailer.cli.context import Command, Context
from mailer.cli.screen import choose
from mailer.cli.screen.files import write
from mailer.ledger.events import EventKind
from mailer.ledger.reading import deliveries, listing
from mailer.report import totals
from mailer.report.story import Step, joined, story, why

if TYPE_CHECKING:
    from mailer.ledger.ledger import Connection
    from mailer.ledger.mailouts import MailOut
    from mailer.ledger.reading.deliveries import Delivery
    from mailer.report.evidence import Sent
    from mailer.sending.imap import FolderEvidence

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(cls=Command)
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
    told = story(mail_out, one, moments, deliveries.in_copy_to(connection, one))
    rows = [([totals.local(step.at)], _lines(step), "") for step in told]
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
        gone = "and so was the person" if not one.name else "with somebody whom it names"
        raise UsageError(f"The letter was erased, {gone}.", hint=f"mailer log show {one.shown}")
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
    from mailer.report.readable import heads_of, parsed, text_of

    letter = parsed(data)
    heads = [f"{name}: {value}" for name, value in heads_of(letter)]
    return "\n".join([*heads, "", *text_of(letter).rstrip("\n").split("\n")])


def _show_letter(context: Context, data: bytes) -> None:
    from mailer.cli.screen.tables import speller

    spell = speller(context.out)
    context.out.print()
    for line in _text_of(data).splitlines():
        context.out.print(spell(line), soft_wrap=not context.out.is_terminal)
