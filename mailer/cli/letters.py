"""`mailer letters …`: for those who write letters: the appeals there are, placeholders, twins, who
has signed.
"""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailer.cli.context import CommandGroup, Context
from mailer.cli.screen.problems import show_problems
from mailer.report.totals import local

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailer.letters.appeal import Appeal


@click.group(cls=CommandGroup)
def letters() -> None:
    """Help for those who write letters: new, add, attach, history, list, words, coverage, sign."""


@letters.command()
@click.argument("appeal")
@click.option("--from", "old", default="", metavar="APPEAL", help="Begin with a copy of this one.")
@click.option("--title", default="", help="How people call it; else as its folder.")
@click.pass_obj
def new(context: Context, appeal: str, old: str, title: str) -> None:
    """Make the folder of a new appeal: with sentences that wait to be written, or as a copy of
    another.

    \b
    mailer letters new prisoners-2027 --from torture-2026

    Signatures, last day and vote are not copied: they belong to the other text.
    """
    from mailer.actions.writing import appeals

    with context.ledger() as ledger:
        _, files = appeals.begin(
            context.workspace, ledger, title, appeal, old, who=getpass.getuser()
        )
    absent = appeals.not_mentioned(context.workspace, appeal)
    if context.json:
        known = {one.code: one.credentials_note for one in absent}
        context.data({"appeal": appeal, "files": files, "delegations": known})
        return
    context.say(f"A new appeal in templates/{appeal}:")
    for name in files:
        context.out.print(f"  {name}")
    context.say(
        "\nChange what stands in appeal.toml, above all the title and the session, and write the"
        " letters. Then:"
    )
    context.say(f"  mailer check {appeal}")
    if absent:
        context.say("\nKnown of delegations, for [audience.leave_out] or a paragraph of their own:")
    for one in absent:
        context.say(f"  {one.code} {one.name_en}: {one.credentials_note}")


@letters.command()
@click.argument("appeal")
@click.argument("language")
@click.option("--from", "old", default="", metavar="xx", help="Begin with a copy of this letter.")
@click.pass_obj
def add(context: Context, appeal: str, language: str, old: str) -> None:
    """Begin the letter of another LANGUAGE, as a copy of one that is there: translate it in its
    place.

    \b
    mailer letters add prisoners-2027 de --from en
    """
    from mailer.actions.writing import texts

    with context.ledger() as ledger:
        change = texts.add(context.workspace, ledger, appeal, language, old, who=getpass.getuser())
    assert change is not None
    if context.json:
        context.data(change)
    else:
        context.say(f"{change.file} is there; translate it in its place. Then:")
        context.say(f"  mailer check {appeal}")


@letters.command()
@click.argument("appeal")
@click.pass_obj
def history(context: Context, appeal: str) -> None:
    """Show who changed an appeal through the mailer, when, and which lines.

    -v shows the whole difference. What is changed in an editor stands in no journal.
    """
    from mailer.actions.writing import appeals, changes
    from mailer.report import totals

    appeals.there(context.workspace, appeal)
    with context.ledger_if_any() as ledger:
        found = changes.history(ledger, appeal) if ledger else []
    if context.json:
        for one in found:
            context.data(one)
        return
    for one in found:
        context.out.print(
            f"{totals.local(one.at)}  {one.who}  {one.file}  {one.lines}",
            soft_wrap=True,
        )
        if context.verbose:
            context.out.print(one.difference, style="dim", soft_wrap=True)
    if not found:
        context.say("Nothing was changed through the mailer yet.")


@letters.command()
@click.argument("appeal")
@click.pass_obj
def files(context: Context, appeal: str) -> None:
    """List the files of an appeal: with which letters each goes along, and what it tells besides
    what it shows.
    """
    from mailer.actions.writing import enclosures

    found = enclosures.files(context.workspace, appeal)
    if context.json:
        for one in found:
            context.data(one)
        return
    rows = [
        (
            [one.name, f"{one.size:,} bytes", GOES_TO.get(one.goes_to, f"{one.goes_to}.md")],
            [*one.tells, one.fault] if one.fault else list(one.tells),
            "red" if one.fault else "",
        )
        for one in found
    ]
    if rows:
        _table(context, rows)
    else:
        context.say("No file goes along.")


GOES_TO = {
    "all": "every letter", "some": "letters of some people", "text": "a picture in the text",
    "": "nothing",
}  # fmt: skip


@letters.command()
@click.argument("appeal")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--to", default="all", metavar="xx", help="Only with letters in this language.")
@click.option("--no-letter", is_flag=True, help="With none: a picture that a letter shows.")
@click.option("--replace", is_flag=True, help="In place of the file that has this name.")
@click.pass_obj
def attach(
    context: Context, appeal: str, file: Path, to: str, no_letter: bool, replace: bool
) -> None:
    """Put a FILE into an appeal, and let it go along with its letters."""
    from mailer.actions.writing import enclosures

    with context.ledger() as ledger:
        name = enclosures.enclose(
            context.workspace,
            ledger,
            appeal,
            file.name,
            file.read_bytes(),
            to="" if no_letter else to,
            replacing=replace,
            who=getpass.getuser(),
        )
    if context.json:
        context.data({"appeal": appeal, "file": name})
    else:
        context.say(f"templates/{appeal}/files/{name} is there. Then:")
        context.say(f"  mailer letters files {appeal}")


@letters.command(name="list")
@click.pass_obj
def list_(context: Context) -> int:
    """List the appeals, with their languages and dates."""
    from mailer.actions.writing.appeals import every
    from mailer.base.errors import MailerError

    rows: list[tuple[list[str], list[str], str]] = []
    wrong = False
    for name, appeal in every(context.workspace):
        if isinstance(appeal, MailerError):
            wrong, problem = True, f"{appeal.message}: mailer check {name}"
            rows.append(([name, problem], [], "red"))
            data: dict[str, object] = {"problem": problem}
        else:
            session = f"session of {appeal.session.opens}" if appeal.session else ""
            last = f"sent until {local(appeal.until, seconds=False)}" if appeal.until else ""
            rows.append(([name, appeal.title, " ".join(appeal.letters), session, last], [], ""))
            data = {"title": appeal.title, "languages": list(appeal.letters)}
        if context.json:
            context.data({"appeal": name, **data})
    if not rows:
        context.say(
            "There is no appeal yet: make a folder in templates/ with a letter in it, en.md."
        )
    elif not context.json:
        _table(context, rows)
    return int(wrong)


@letters.command()
@click.argument("appeal", required=False)
@click.pass_obj
def words(context: Context, appeal: str | None) -> None:
    """List the placeholders of a letter, each with an example.

    With the name of an APPEAL also its facts, and the columns that your sheets have beside the
    usual ones.
    """
    from mailer.actions.writing import appeals

    found = appeals.words(context.workspace, appeal)
    if context.json:
        for word in found:
            context.data({"name": word.name, "meaning": word.meaning, "example": word.example})
        return
    width = min(40, max(len(word.name) for word in found) + len("{{  }}"))
    for word in found:
        context.out.print(
            f"{f'{{{{ {word.name} }}}}':<{width}}  {word.meaning}", style="bold", soft_wrap=True
        )
        context.out.print(f"{'':<{width}}  {word.example}", soft_wrap=True)
    context.say(f"\nBehind a word may stand: {', '.join(f'| {name}' for name in appeals.FILTERS)}.")


@letters.command()
@click.argument("appeal")
@click.pass_obj
def coverage(context: Context, appeal: str) -> int:
    """Compare the letters of an appeal: whether they say the same in every language.

    Compared are placeholders, figures, dates, links, passages in italics, the organisations named,
    and how the letters are built. What one letter has and another lacks refuses a plan, unless
    [waived] in appeal.toml gives a reason.
    """
    from mailer.actions.writing import appeals
    from mailer.base.errors import Severity

    found = appeals.coverage(appeals.read(context.workspace, appeal))
    problems, summary = found.problems, found.counts
    bad = any(problem.severity is Severity.ERROR for problem in problems)
    if context.json:
        context.data({"appeal": appeal, "letters": summary, "problems": problems})
        return 1 if bad else 0
    kinds = list(next(iter(summary.values())))
    head = [
        "letter",
        *(kind if kind == "parts" else f"{kind.partition(' ')[0]}s" for kind in kinds),
    ]
    rows = [
        [f"{language}.md", *(str(counts[kind]) for kind in kinds)]
        for language, counts in summary.items()
    ]
    _table(context, [(cells, [], "") for cells in rows], head=head, right=range(1, len(head)))
    if problems:
        context.out.print()
        show_problems(context.out, problems, context.workspace.root, everything=context.verbose > 0)
    elif len(rows) > 1:
        context.say(f"\nThe {len(rows)} letters hold the same.")
    else:
        context.say("\nThere is one letter only: nothing to compare it with.")
    return 1 if bad else 0


@letters.command()
@click.argument("appeal")
@click.argument("files", nargs=-1)
@click.pass_obj
def strip(context: Context, appeal: str, files: tuple[str, ...]) -> int:
    """Take out of attachments and pictures what they tell besides what they show: authors, the
    place of a photograph, comments, tracked changes, JavaScript of a PDF.

    \b
    mailer letters strip prisoners-2027
    mailer letters strip prisoners-2027 files/briefing.en.pdf

    What a file was is kept in .mailer/backups. A file for which [waived] in appeal.toml gives a
    reason is left, unless it is named here. Ends with 1 while a file still tells something.
    """
    from mailer.actions.writing.strip import strip as take_out

    with context.ledger() as ledger:
        done = take_out(context.workspace, ledger, appeal, files, who=getpass.getuser())
    if context.json:
        for one in done:
            context.data(one)
        return int(any(one.left for one in done))
    for one in done:
        context.out.print(one.file, style="bold", soft_wrap=True)
        if one.removed:
            context.say(f"  taken out: {'; '.join(one.removed)}")
            context.say(f"  what it was: {one.backup}")
        if one.left:
            context.say(f"  it still tells: {'; '.join(one.left)}. {one.why}".rstrip(" ."))
    if not done:
        context.say("No file of this appeal tells more than it shows. Nothing was changed.")
    return int(any(one.left for one in done))


@letters.command()
@click.argument("appeal")
@click.argument("organisation")
@click.option(
    "--by",
    "person",
    required=True,
    metavar="NAME",
    help="The person who answers for the organisation.",
)
@click.pass_obj
def sign(context: Context, appeal: str, organisation: str, person: str) -> None:
    """Record that an organisation has signed the letters of an appeal as they stand now.

    \b
    mailer letters sign azerbaijan-credentials "Freedom Now" --by "Jana Novak"
    """
    from mailer.actions.writing import appeals
    from mailer.base import clock

    read = appeals.read(context.workspace, appeal)
    today = clock.now().date()
    signature = appeals.sign(context.workspace, read, organisation, by=person, on=today)
    if context.json:
        context.data(signature)
    else:
        context.say(
            f"{signature.organisation} has signed this text ({read.text_hash[:12]}), says"
            f" {signature.by}."
        )
        _standings(context, read)


@letters.command()
@click.argument("appeal")
@click.pass_obj
def signed(context: Context, appeal: str) -> int:
    """Show which organisations have signed an appeal, and whether they signed this very text.

    Ends with 1 while one of them has not: live mode would refuse to send.
    """
    from mailer.actions.writing import appeals

    return _standings(context, appeals.read(context.workspace, appeal))


def _standings(context: Context, appeal: Appeal) -> int:
    from mailer.actions.writing.appeals import standings

    found = standings(context.workspace, appeal)
    bad = any(one.state != "signed" for one in found)
    if context.json:
        for one in found:
            on = one.on.isoformat() if one.on else None
            context.data(
                {"organisation": one.organisation, "state": one.state, "by": one.by, "on": on}
            )
        return 1 if bad else 0
    say = {"signed": "✓ signed", "changed": "✗ signed another text", "missing": "· not yet"}
    style = {"signed": "", "changed": "red", "missing": "yellow"}
    _table(
        context,
        [
            (
                [one.organisation, say[one.state], f"{one.by}, {one.on}" if one.on else ""],
                [],
                style[one.state],
            )
            for one in found
        ],
    )
    waiting = sum(one.state != "signed" for one in found)
    if waiting:
        context.say(
            f"{waiting} of {len(found)} organisations have not signed this text: live mode would"
            " refuse to send."
        )
    elif found:
        context.say("Every organisation has signed this text.")
    else:
        context.say("This appeal names no organisation.")
    return 1 if bad else 0


def _table(
    context: Context,
    rows: Sequence[tuple[list[str], list[str], str]],
    *,
    head: Sequence[str] = (),
    right: Sequence[int] = (),
) -> None:
    from mailer.cli.screen.tables import show_rows

    width = max((len(cells) for cells, _, _ in rows), default=0)
    padded = [(cells + [""] * (width - len(cells)), note, style) for cells, note, style in rows]
    show_rows(context, padded, head=head, right=right)
