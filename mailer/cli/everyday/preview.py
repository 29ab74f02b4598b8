"""`mailer preview`: letters as people would get them, and the proof sheet of what everybody reads
first.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click

from mailer.actions import preview as actions
from mailer.base import clock
from mailer.base.errors import UsageError
from mailer.base.states import REASONS
from mailer.cli.context import Command, Context
from mailer.cli.screen.files import write
from mailer.cli.screen.tables import say_text, show_rows, show_text
from mailer.plan.audience import Decision
from mailer.plan.draft import Draft

HARDEST = 8
FILE = click.Path(dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class View:
    """One letter, to be looked at."""

    head: tuple[tuple[str, str], ...]  # ("Subject", "…")
    text: str
    html: str  # with its pictures in it
    eml: bytes  # empty where it could not be sent, and why is in `note`
    facts: dict[str, Any]  # for other programs
    note: str = ""  # why this person would get none
    paper: Callable[[], bytes] | None = None  # its PDF, where it is a formal letter


@click.command(cls=Command)
@click.argument("what", metavar="APPEAL|M")
@click.option(
    "--as",
    "who",
    metavar="WHO",
    help="A name, part of one, or an address; without it the first person.",
)
@click.option(
    "--lang", metavar="xx", help="The letter in this language, whatever the person's own is."
)
@click.option(
    "--hardest",
    is_flag=True,
    help="Go through the most unusual people, one letter after the other.",
)
@click.option(
    "--proof", "sheet", is_flag=True, help="Every greeting, subject and first line on one sheet."
)
@click.option(
    "--accept",
    "person",
    metavar="NAME",
    help="With --proof: accept the unverified forms; NAME is who does.",
)
@click.option("--text", is_flag=True, help="The plain text alone.")
@click.option(
    "--html", type=FILE, metavar="FILE", help="Write the HTML to a file, with its pictures in it."
)
@click.option(
    "--eml",
    type=FILE,
    metavar="FILE",
    help="Write the whole message to a file, for a mail program.",
)
@click.option(
    "--pdf",
    type=FILE,
    metavar="FILE",
    help="Print the letter to a PDF: a formal letter as it goes out, any other by Chromium.",
)
@click.option(
    "--everybody",
    is_flag=True,
    help="With --pdf: the formal letters of all who would get one, in one file to print.",
)
@click.option("--open", "browser", is_flag=True, help="Show the letter in your browser.")
@click.pass_obj
def preview(
    context: Context,
    what: str,
    who: str | None,
    lang: str | None,
    hardest: bool,
    sheet: bool,
    person: str | None,
    text: bool,
    html: Path | None,
    eml: Path | None,
    pdf: Path | None,
    everybody: bool,
    browser: bool,
) -> int:
    """Read the letters of an appeal as people would get them, or those that a mail-out has frozen.

    \b
    mailer preview first-appeal --as "Anna Berg"
    mailer preview first-appeal --proof
    mailer preview M-0007 --as anna.berg@no.example --eml letter.eml
    mailer preview first-appeal --everybody --pdf letters.pdf
    """
    planned = re.fullmatch(r"[Mm]-\d+", what) is not None
    _go_together(planned, who, lang, hardest, sheet, person, any((html, eml, pdf, browser)))
    if everybody:
        if planned or pdf is None or any((who, lang, hardest, sheet, html, eml, browser)):
            wrong = "--everybody prints the letters of an appeal: it stands with --pdf FILE alone."
            raise UsageError(wrong, hint="mailer preview -h")
        return _everybody(context, what, pdf)
    if sheet:
        return _proof(context, what, person)
    if planned:
        views = iter([_planned(context, what, who)])
    else:
        now = context.draft(what)
        decisions = now.decide()
        chosen = (
            actions.hardest(now, decisions, HARDEST)
            if hardest
            else [actions.whose(now, decisions, who)]
        )
        views = (_view(now, one, lang) for one in chosen)
    for number, view in enumerate(views, 1):
        if number > 1 and not _on(context, text):
            break
        places = _keep(
            context, view, html, eml, pdf, browser=browser
        )  # before the screen, whose reader may have enough
        _show(context, view, text=text)
        for place in places:
            context.say(f"The letter is in {place}.")
    return 0


def _everybody(context: Context, appeal: str, file: Path) -> int:
    now = context.draft(appeal)
    people = actions.reachable(now.decide())
    write(file, actions.on_paper(now, (actions.preview(now, one) for one in people)), force=True)
    if context.json:
        context.data({"appeal": appeal, "letters": len(people), "file": str(file)})
    else:
        context.say(f"{len(people)} letters are in {file}, in the order of the sheets.")
    return 0


def _keep(
    context: Context,
    view: View,
    html: Path | None,
    eml: Path | None,
    pdf: Path | None,
    *,
    browser: bool,
) -> list[Path]:
    """Write a letter to the files that are asked for, and return them."""
    from mailer.cli.screen.browser import to_paper, to_screen

    places = []
    for path, content in ((html, view.html.encode()), (eml, view.eml)):
        if path is not None:
            if not content:
                raise UsageError(f"There is no message that could be written: {view.note}")
            write(path, content, force=True)
            places.append(path)
    if pdf is not None:
        if view.paper:
            write(pdf, view.paper(), force=True)
        else:
            to_paper(view.html, pdf)
        places.append(pdf)
    if browser:
        places.append(to_screen(view.html, context.workspace.make_state_dir() / "preview"))
    return places


def _go_together(
    planned: bool,
    who: str | None,
    lang: str | None,
    hardest: bool,
    sheet: bool,
    person: str | None,
    files: bool,
) -> None:
    """Refuse flags that contradict each other, rather than to pass one over."""
    wrong = ""
    if planned and (lang or hardest or sheet):
        wrong = (
            "The letters of a mail-out are frozen: --lang, --hardest and --proof are for an appeal."
        )
    elif hardest and (who or lang or files):
        wrong = (
            "--hardest goes through people by itself, on the screen: it stands alone, or with"
            " --text."
        )
    elif sheet and (who or lang or hardest or files):
        wrong = "--proof shows everybody: it stands alone, or with --accept NAME."
    elif person is not None and not sheet:
        wrong = "--accept accepts what stands on the proof sheet: add --proof."
    if wrong:
        raise UsageError(wrong, hint="mailer preview -h")


# ------------------------------------------------------------------------------------- whose letter


def _view(now: Draft, one: Decision, lang: str | None = None) -> View:
    """Write the letter of one person as it stands now, also of somebody who would be left out."""
    from mailer.report.readable import page_of

    shown = actions.preview(now, one, lang or "")
    contact, letter, to = one.contact, shown.letter, one.to
    eml, why = actions.message_of(now, shown)
    if one.reason is not None:
        why = f"{REASONS[one.reason]}{f' ({one.detail})' if one.detail else ''}"
    head = [
        ("From", now.workspace.settings.sender.from_),
        ("To", f"{to.name} <{to.address or 'no address'}>"),
        ("Cc", ", ".join(f"{each.name} <{each.address}>" for each in one.copies)),
        ("Subject", letter.subject),
        ("Preview", letter.preview),
        ("Attached", ", ".join(one.name for one in letter.attachments)),
    ]
    facts = {
        "name": contact.name,
        "address": contact.address,
        "delegation": contact.delegation,
        "language": shown.language,
        "to": to.address,
        "copies": [each.address for each in one.copies],
        "greeting": letter.greeting,
        "subject": letter.subject,
        "preview": letter.preview,
        "text": letter.text,
        "html": letter.html,
        "attachments": [one.name for one in letter.attachments],
    }
    html = page_of(letter)
    note = f"{contact.name} would be left out: {why}" if why else ""
    paper = partial(actions.on_paper, now, [shown]) if letter.formal else None
    lines = tuple(line for line in head if line[1])
    return View(lines, letter.text, html, eml, facts, note, paper)


def _planned(context: Context, mail_out: str, who: str | None) -> View:
    """Read one frozen letter of a mail-out: the very bytes."""
    from mailer.ledger import mailouts
    from mailer.ledger.ledger import number_of
    from mailer.ledger.reading import deliveries
    from mailer.report.evidence import letter_of
    from mailer.report.readable import html_of, parsed, text_of
    from mailer.report.story import joined, why

    with context.ledger() as ledger, ledger.reading() as connection:
        planned = mailouts.get(connection, number_of(mail_out))
        if who is None:
            found = [one for one in deliveries.people(connection, planned.id) if one.digest][:1]
        else:
            found = deliveries.find(connection, planned.id, who)
        if len(found) > 1:
            names = ", ".join(f"{one.name} ({one.delegation or '?'})" for one in found[:8])
            raise UsageError(f"{len(found)} people of {planned.name} fit {who!r}.", hint=names)
        if not found:
            whom = (
                f"Nobody in {planned.name} is called {who!r}."
                if who
                else f"Nobody in {planned.name} gets a letter."
            )
            raise UsageError(whom, hint=f"mailer log people {planned.name}")
        (one,) = found
        sent = letter_of(context.workspace, connection, one)
        if sent is None:
            raise UsageError(f"There is no letter for {one.name or one.shown}: {joined(why(one))}.")
    message = parsed(sent.data)
    said, page = text_of(message), html_of(message)
    attached = [
        part.get_filename() or "?" for part in message.iter_attachments() if not part["Content-ID"]
    ]
    head = [("Date", str(message["Date"] or "at the first attempt"))]
    head += [
        (name, str(message[name])) for name in ("From", "To", "Cc", "Subject") if name in message
    ]
    head += [("Attached", ", ".join(attached))] if attached else []
    facts = {
        "mail_out": planned.name,
        "name": one.name,
        "address": one.address,
        "delegation": one.delegation,
        "language": one.language,
        "state": one.state,
        "subject": str(message["Subject"]),
        "text": said,
        "html": page,
        "attachments": attached,
    }
    return View(tuple(head), said, page, sent.data, facts)


# ------------------------------------------------------------------------------------ on the screen


def _show(context: Context, view: View, *, text: bool) -> None:
    if context.json:
        context.data(view.facts)
        return
    if not text:
        show_rows(context, [([f"{name}:"], [value], "bold") for name, value in view.head])
        context.out.print()
    for line in view.text.splitlines():
        if line.strip():
            show_text(context, line)
        else:
            context.out.print()
    if view.note:
        say_text(context, view.note, style="yellow")


def _on(context: Context, text: bool) -> bool:
    """Go on to the next letter: at a terminal, when somebody presses Enter."""
    if context.json:
        return True
    if not context.out.is_terminal or not sys.stdin.isatty():
        context.out.print("" if text else "\n" + "─" * min(60, context.out.width - 1) + "\n")
        return True
    answer = context.err.input("\nEnter: the next letter, q: the end ")
    return answer.strip().lower() not in ("q", "quit")


def _proof(context: Context, appeal: str, person: str | None) -> int:
    """Show the proof sheet; a named person may accept what waits on it."""
    from mailer.actions.writing import appeals
    from mailer.cli.screen.proof import show_proof

    now = context.draft(appeal)
    if person is not None:
        for group in appeals.accept(now, by=person, on=clock.now().date()):
            number = len(group.people)
            people = "1 person" if number == 1 else f"{number} people"
            context.say(f"accepted: {group.language}  {group.people[0].greeting}  ({people})")
    return show_proof(context, appeals.proof(now))
