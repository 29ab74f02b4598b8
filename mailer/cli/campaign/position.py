"""`mailer position`, `mailer positions`: where the members stand. Each reading is recorded."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from mailer.base.errors import UsageError
from mailer.base.spelling import many
from mailer.base.states import HEARD, POSITIONS, Position
from mailer.cli.context import Command, CommandGroup, Context, printable

if TYPE_CHECKING:
    from mailer.letters.appeal import Appeal
    from mailer.report.board import Board, Members

APPEAL = click.option(
    "--appeal", metavar="APPEAL", help="Which one; without it, the only one that there is."
)
BY = click.option(
    "--by", metavar="NAME", help="Who notes or reads; otherwise your name on this computer."
)


def about(context: Context, appeal: str | None) -> tuple[Appeal, Members]:
    """Return an appeal and its members, as the sheets have them now."""
    from mailer.actions.writing import appeals
    from mailer.plan.draft import read_contacts
    from mailer.report.board import Members

    if appeal is None:
        there = [name for name, _ in appeals.every(context.workspace)]
        if len(there) != 1:
            raise UsageError("Of which appeal?", hint=f"--appeal, one of {', '.join(there)}")
        appeal = there[0]
    found = appeals.read(context.workspace, appeal)
    known, book, _ = read_contacts(context.workspace)
    return found, Members.of(book.contacts, found, known)


@click.group(cls=CommandGroup)
def position() -> None:
    """Where one member stands: note it, show it, take it away.

    Positions are political opinions. They are kept until the day in [positions] keep_until of
    config.toml, and then erased; no export holds them unless asked; each reading is recorded.
    """


@position.command("set", cls=Command)
@click.argument("who")
@click.argument("stand", metavar="POSITION", required=False, default="")
@click.option("--source", default="", help="reply, call, meeting, public vote or colleague.")
@click.option("--note", default="", metavar="TEXT", help="What was said.")
@click.option("--next", "next_step", default="", metavar="TEXT", help="What is to be done next.")
@click.option("--due", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="By which day.")
@click.option("--owner", default="", metavar="NAME", help="Who does it; otherwise who notes it.")
@APPEAL
@BY
@click.pass_obj
def set_(
    context: Context,
    who: str,
    stand: str,
    source: str,
    note: str,
    next_step: str,
    due: datetime | None,
    owner: str,
    appeal: str | None,
    by: str | None,
) -> None:
    """Note where a member stands.

    POSITION is supports, leans, undecided, against or absent; without one it stays as it was.

    \b
    mailer position set "Anna Berg" supports --source call --note "will sign on Monday"
    mailer position set anna.berg@no.parliament.example --next "ring again" --due 2027-01-20
    """
    from mailer.actions.campaign import positions

    told = positions.Told(
        positions.position_of(stand),
        positions.source_of(source),
        note.strip(),
        next_step.strip(),
        due.date() if due else None,
        owner.strip(),
    )
    of, members = about(context, appeal)
    one = positions.member(members, who)
    name = by or getpass.getuser()
    with context.ledger() as ledger:
        positions.note(context.workspace, ledger, of.name, one, told, who=name)
    if context.json:
        context.data({"appeal": of.name, "name": one.name, "delegation": one.delegation})
    else:
        said = POSITIONS[told.position] if told.position else "the next step"
        context.say(f"{one.name} ({one.delegation}): {said} is noted.")


@position.command("show", cls=Command)
@click.argument("who")
@APPEAL
@BY
@click.pass_obj
def show(context: Context, who: str, appeal: str | None, by: str | None) -> None:
    """Show all that was noted about a member, the newest first."""
    from mailer.actions.campaign import positions
    from mailer.report.totals import local

    of, members = about(context, appeal)
    one = positions.member(members, who)
    with context.ledger() as ledger:
        notes = positions.of_person(
            context.workspace, ledger, of.name, one, who=by or getpass.getuser()
        )
    for each in notes:
        if context.json:
            context.data(_plain(asdict(each)))
            continue
        said = [POSITIONS[each.position] if each.position else "not known yet"]
        said += [HEARD[each.source]] if each.source else []
        said += [each.note] if each.note else []
        if each.next_step:
            by_day = f" by {each.due}" if each.due else ""
            said.append(f"next: {each.next_step}{by_day}, {each.owner}")
        line = f"{local(each.at, seconds=False)}  {each.who}: {' · '.join(said)}"
        context.out.print(printable(line), soft_wrap=True)
    if not notes and not context.json:
        context.say(f"Nothing is noted about {one.name}.")


@position.command("clear", cls=Command)
@click.argument("who")
@APPEAL
@BY
@click.pass_obj
def clear(context: Context, who: str, appeal: str | None, by: str | None) -> None:
    """Take away all that was noted about a member; nothing stays of it."""
    from mailer.actions.campaign import positions

    of, members = about(context, appeal)
    one = positions.member(members, who)
    with context.ledger() as ledger:
        gone = positions.clear(ledger, of.name, one, who=by or getpass.getuser())
    if context.json:
        context.data({"cleared": gone})
    else:
        context.say(f"{gone} {'note' if gone == 1 else 'notes'} about {one.name} taken away.")


@click.command(cls=Command)
@click.argument("appeal", required=False)
@click.option("--delegation", default="", metavar="NO", help="The members of one, each by name.")
@BY
@click.pass_obj
def positions(context: Context, appeal: str | None, delegation: str, by: str | None) -> None:
    """Where the members stand: counts, and how far a challenge is.

    By delegation, by group, and what is to be done next. With --delegation its members, by name.

    \b
    mailer positions credentials
    mailer positions credentials --delegation NO
    """
    from mailer.actions.campaign import positions as action
    from mailer.ledger.reading.positions import key

    of, members = about(context, appeal)
    who = by or getpass.getuser()
    with context.ledger() as ledger:
        if delegation:
            code = context.workspace.delegations.named(delegation).code
            people = members.by_delegation.get(code, [])
            notes = action.of_people(context.workspace, ledger, of.name, people, who=who)
            for one in people:
                newest = notes.get(key(one))
                about_one = {"name": one.name, "delegation": one.delegation, "group": one.group}
                if context.json:
                    context.data(about_one | {"position": newest and newest.position})
                    continue
                stands = newest.position if newest else None
                line = f"{one.name}  {one.group}  {POSITIONS[stands] if stands else '–'}"
                context.out.print(printable(line), soft_wrap=True)
            return
        board = action.of_members(context.workspace, ledger, of, members, who=who)
        steps = action.to_do(context.workspace, ledger, of.name, who=who)
    if context.json:
        context.data(
            as_data(board) | {"appeal": of.name, "next": [_plain(asdict(s)) for s in steps]}
        )
        return
    _show_board(context, board)
    for step in steps:
        line = f"  {step.due or 'no day'}  {step.owner}: {step.name} ({step.delegation}), "
        context.out.print(printable(line + step.next_step), soft_wrap=True)


def as_data(board: Board) -> dict[str, Any]:
    """Return a board as JSON has it; members without a position are `not_known`."""
    from mailer.report.board import STANDS, VOTES, votes_by

    def plain(counts: Any) -> dict[str, int]:
        return {str(stand) or "not_known": number for stand, number in counts.items()}

    return {
        "members": board.members,
        "counts": plain(board.counts),
        "motions": [
            {
                "members": one.motion.members,
                "delegations": one.motion.delegations,
                "groups": one.motion.groups,
                "supports": list(one.sure),
                "with_leaning": list(one.with_leaning),
                "reached": one.reached,
            }
            for one in board.motions
        ],
        "delegations": {line.name: plain(line.counts) for line in board.delegations},
        "groups": {line.name: plain(line.counts) for line in board.groups},
        "votes": {
            heading: {
                how or "not_on_the_list": plain({one: votes.get((how, one), 0) for one in STANDS})
                for how in VOTES
            }
            for heading, votes in board.votes.items()
        },
        "votes_by": votes_by(board),
        "gone": board.gone,
    }


def _show_board(context: Context, board: Board) -> None:
    from mailer.cli.screen.tables import show_rows
    from mailer.report.board import EXPECTED, STANDS, VOTES

    rows = [([str(board.counts[stand]), POSITIONS[stand]], [""], "") for stand in Position]
    rows.append(
        ([str(board.members - sum(board.counts[one] for one in Position)), "not known"], [""], "")
    )
    rows.append(([str(board.members), "members"], [""], ""))
    show_rows(context, rows, right=(0,))
    context.out.print()
    for one in board.motions:
        now = f"{one.sure[0]} of {one.motion.members} members"
        now += f", {one.sure[1]} of {one.motion.delegations} delegations"
        if one.motion.groups:
            now += f", {one.sure[2]} of {one.motion.groups} groups"
        members, delegations = one.with_leaning[:2]
        leaning = f"with those who lean towards it: {many(members, 'member')}"
        leaning += f", of {many(delegations, 'delegation')}"
        mark = "✓" if one.reached else "·"
        context.out.print(printable(f"  {mark} {one.motion.words}"), soft_wrap=True)
        said = f"    {now}; {leaning}"
        context.out.print(printable(said), soft_wrap=True)
    context.out.print()
    for heading, votes in board.votes.items():
        voted = [
            (how, words)
            for how, words in VOTES.items()
            if any(votes.get((how, stand)) for stand in STANDS)
        ]
        show_rows(
            context,
            [
                ([words, *(str(votes.get((how, stand), 0)) for stand in STANDS)], [""], "")
                for how, words in voted
            ],
            right=range(1, 1 + len(STANDS)),
            head=[heading, *Position, "not known"],
        )
        context.out.print()
        for title, lines in (("group", board.groups), ("delegation", board.delegations)):
            rows = [
                (
                    [
                        line.name or "–",
                        *map(str, line.expected.values()),
                        *(str(line.votes[heading].get(how, 0)) for how in VOTES),
                    ],
                    [""],
                    "",
                )
                for line in lines
                if any(line.votes[heading].get(how) for how in VOTES if how)
            ]
            if rows:
                head = [title, *EXPECTED, *VOTES.values()]
                show_rows(context, rows, right=range(1, len(head)), head=head)
                context.out.print()
    for title, lines in (("delegation", board.delegations), ("group", board.groups)):
        told = [line for line in lines if line.known]
        if told:
            show_rows(
                context,
                [
                    (
                        [
                            line.name or "–",
                            *(str(line.counts[one]) for one in Position),
                            str(line.members),
                        ],
                        [""],
                        "",
                    )
                    for line in told
                ],
                right=range(1, 7),
                head=[title, *Position, "members"],
            )
    if board.gone:
        context.say(f"{board.gone} more, of people who are no longer in the sheets, do not count")


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    due = values["due"]
    return {name: value for name, value in values.items() if name != "person"} | {
        "due": due.isoformat() if due else None
    }
