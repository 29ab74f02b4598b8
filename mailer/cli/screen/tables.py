"""The screens that `demo`, `send`, `status` and `log` share: totals, delegations, who was left out,
people.

No boxes, so that lines can be copied; a mark stands beside its word, and colour only repeats it.
Each row is one line of columns with a note: beside it where the terminal is wide enough, else below
it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from mailer.base.states import MARKS, WORDS, State
from mailer.cli.context import Context, printable
from mailer.report import story, totals
from mailer.report.totals import in_its_zone

if TYPE_CHECKING:
    from rich.console import Console

    from mailer.actions.mail_outs.schedule import DelegationStart
    from mailer.ledger.ledger import Connection
    from mailer.ledger.reading.counts import Counted
    from mailer.ledger.reading.deliveries import Delivery
    from mailer.ledger.reading.scope import Reported

STYLES = {
    State.ACCEPTED: "green",
    State.REFUSED: "red",
    State.UNKNOWN: "bold magenta",
    State.DRAFTED: "magenta",
    State.DEFERRED: "yellow",
    State.NOT_SENT: "yellow",
    State.SKIPPED: "dim",
    State.WAITING: "",
    State.SENDING: "",
}
INDENT, BELOW = 2, 10
"""Columns before a row, and before a note that stands below its row."""

NOTE = 30
"""A note stands beside its row where it has at least so many columns; otherwise below it."""


def show_totals(context: Context, counted: Counted) -> None:
    """Print how many people are in each state, with per cents and reasons, and the sum."""
    lines = totals.totals(counted)
    rows = [
        ([str(line.people), *_state(line.state), line.share], [line.note], STYLES[line.state])
        for line in lines
    ]
    rows.append(
        ([str(sum(line.people for line in lines)), "", "people, all accounted for", ""], [], "")
    )
    show_rows(context, rows, right=(0, 3))


def show_delegations(
    context: Context,
    connection: Connection,
    mail_out: Reported,
    counted: Counted,
    *,
    everything: bool = False,
) -> None:
    """Print the delegations, worst first; those with nothing to look at are one line unless
    `everything`.
    """
    lines = totals.delegations(connection, counted, context.workspace.delegations)
    shown = [line for line in lines if line.look or everything]
    quiet = len(lines) - len(shown)
    rows = [([line.name, str(line.people), str(line.accepted)], [line.look], "") for line in shown]
    if rows:
        show_rows(
            context,
            rows,
            right=(1, 2),
            head=["delegation", "people", "accepted"],
            note="needs a look",
        )
    if none := [one.name_en for one in totals.absent(lines, context.workspace.delegations)]:
        named = ", ".join(none if everything else none[:6])
        more = f" and {len(none) - 6} more" if len(none) > 6 and not everything else ""
        show_text(context, f"nobody in the sheets: {named}{more}", indent=INDENT)
    if quiet:
        many = "delegation" if quiet == 1 else "delegations"
        show_text(
            context,
            f"{f'… and {quiet} more' if rows else quiet} {many}, nothing to look at",
            indent=INDENT,
        )
        context.out.print(
            f"    ({context.typed(f'mailer log delegations {mail_out.name} --all')})",
            soft_wrap=True,
        )


def show_left_out(context: Context, counted: Counted) -> None:
    """Print why people were left out, and how many of each delegation."""
    rows = [
        (
            [str(line.people), line.reason],
            [
                " · ".join(
                    f"{code or totals.NOT_KNOWN} {number}"
                    for code, number in line.delegations.items()
                )
            ],
            "",
        )
        for line in totals.left_out(counted)
    ]
    if rows:
        show_rows(
            context, rows, right=(0,), head=["people", "left out because"], note="delegations"
        )


def show_people(context: Context, people: Sequence[Delivery]) -> None:
    """Print one row a person: the delivery, the state, the name and the delegation, and why."""
    rows = [
        (
            [one.shown, *_state(one.state), f"{one.name or '(no name)'}, {one.delegation or '??'}"],
            [story.joined(story.why(one))],
            STYLES[one.state],
        )
        for one in people
    ]
    show_rows(context, rows)


def _state(state: State) -> tuple[str, str]:
    return MARKS[state], WORDS[state]


Row = tuple[list[str], list[str], str]
"""Cells, the lines of the note, style."""


def show_rows(
    context: Context,
    rows: Sequence[Row],
    *,
    right: Sequence[int] = (),
    head: Sequence[str] = (),
    note: str = "",
) -> None:
    """Print rows of columns, `right` ones aligned to the right, each with its note beside or below
    it.
    """
    spell = speller(context.out)
    table = Table.grid(padding=(0, 2, 0, 0))
    for number in range(len(rows[0][0]) if rows else 0):
        table.add_column(justify="right" if number in right else "left", no_wrap=True)
    if head:
        table.add_row(*map(spell, head), style="dim")
    for cells, _, style in rows:
        table.add_row(*map(spell, cells), style=style)
    lines = list(_lines(context.out, table))
    width = max((line.cell_len for line in lines), default=0) + 2
    notes = [[spell(note)]] * bool(head) + [
        [spell(piece) for piece in pieces] for _, pieces, _ in rows
    ]
    longest = max((cell_len(piece) for pieces in notes for piece in pieces), default=0)
    room = context.out.width - width - INDENT - 1
    beside = room >= min(NOTE, longest)
    for line, note_lines in zip(lines, notes, strict=True):
        heading = bool(head) and line is lines[0]
        start = Text(" " * INDENT).append_text(line)
        pieces = _wrapped(
            context.out, note_lines, room if beside else context.out.width - BELOW - 1
        )
        if beside and pieces:
            start.pad_right(INDENT + width - start.cell_len)
            start.append(pieces.pop(0), "dim" if heading else "")
        start.rstrip()
        context.out.print(start, soft_wrap=True)
        for piece in [] if heading else pieces:
            context.out.print(" " * (INDENT + width if beside else BELOW) + piece, soft_wrap=True)


def show_starts(context: Context, starts: Sequence[DelegationStart]) -> None:
    """Print when which delegations get their first letter, by their own clock."""
    names = context.workspace.delegations
    rows = []
    for said, group in groupby(starts, key=lambda one: f"{one.at:%a} {in_its_zone(one.at)}"):
        of_it = list(group)
        who = ", ".join(names.name(one.delegation, "en") for one in of_it)
        rows.append(([said, str(sum(one.people for one in of_it))], [who], ""))
    show_rows(context, rows, right=(1,))


def show_steps(context: Context, steps: Sequence[tuple[str, str]]) -> None:
    """Say what can be typed next. A command stays on one line, so that it can be copied."""
    width = max(len(what) for what, _ in steps)
    for what, command in steps:
        if not context.quiet:
            context.err.print(f"  {what:<{width}}   {context.typed(command)}", soft_wrap=True)


def speller(console: Console) -> Callable[[str], str]:
    """Return what makes a text fit for this console before its width counts: no control characters,
    ASCII if need be.
    """
    encoding = console.encoding
    if encoding.startswith("utf"):
        return printable
    return lambda text: printable(text).encode(encoding, "mailer.plain").decode(encoding)


def _lines(console: Console, table: Table) -> Iterator[Text]:
    """Render at the table's own width, however narrow the console: nothing is cut off."""
    wide = console.options.update(width=1000, max_width=1000)
    for segments in console.render_lines(table, wide, pad=False):
        line = Text.assemble(*((segment.text, segment.style or "") for segment in segments), end="")
        line.rstrip()
        yield line


def _wrapped(console: Console, lines: Sequence[str], width: int) -> list[str]:
    return [
        piece.plain.rstrip()
        for line in lines
        if line
        for piece in Text(line).wrap(console, max(width, 20))
    ]


def say_text(context: Context, text: str, *, indent: int = 0, style: str = "") -> None:
    """Talk, broken between words where the console is narrower; for sentences that hold
    no command.
    """
    for piece in _wrapped(context.err, [speller(context.err)(text)], context.err.width - indent):
        context.say(" " * indent + piece, style)


def show_text(context: Context, text: str, *, indent: int = 0) -> None:
    """Print a sentence, broken between words where the console is narrower."""
    for piece in _wrapped(context.out, [speller(context.out)(text)], context.out.width - indent):
        context.out.print(" " * indent + piece, soft_wrap=True)
