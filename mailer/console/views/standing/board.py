"""The board: where the members stand on an appeal, and the form of a call or a meeting.

Whoever sees these pages may read positions, and each reading is recorded. The form works without
script and by telephone; sent twice over a bad line, it is noted once.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from mailer.actions.campaign import positions
from mailer.actions.campaign.positions import Told
from mailer.actions.writing import appeals
from mailer.base.errors import UsageError
from mailer.base.spelling import tokens
from mailer.base.states import HEARD, POSITIONS, Position
from mailer.console.request import Visit
from mailer.console.tiles import Tile, shade, tiles
from mailer.contacts.contact import Contact
from mailer.ledger.reading.positions import key
from mailer.report.board import EXPECTED, FOR_IT, STANDS, Members, StandLine, vote_of

if TYPE_CHECKING:
    from mailer.letters.appeal import Appeal

A_PAGE = 100
FOUND = 50
"""Members that a search shows."""


def _about(visit: Visit) -> tuple[Appeal, Members]:
    return visit.console.cache.members(visit.request.path_params["appeal"])


def _here(visit: Visit) -> str:
    return f"/letters/{visit.request.path_params['appeal']}/board"


def first(visit: Visit) -> Response:
    """Lead to the board of the only appeal, or list them."""
    there = [
        (name, appeals.title(visit.workspace, name)) for name, _ in appeals.every(visit.workspace)
    ]
    if len(there) == 1:
        return visit.go(f"/letters/{there[0][0]}/board")
    return visit.page("boards.html", there=there)


def show(visit: Visit) -> Response:
    """Show how many stand where, how far a motion is, and what is to be done next."""
    appeal, members = _about(visit)
    workspace, ledger = visit.workspace, visit.console.ledger
    board = positions.of_members(
        workspace,
        ledger,
        appeal,
        members,
        kept=visit.console.boards[appeal.name],
        who=visit.who,
    )
    return visit.page(
        "board.html",
        appeal=appeal,
        board=board,
        lines=sorted(board.delegations, key=lambda line: tokens(visit.name_of(line.name))),
        tiles=stand_map(board.delegations),
        steps=positions.to_do(workspace, ledger, appeal.name, who=visit.who),
        today=visit.now().date(),
        here=_here(visit),
        group=str,
        **WORDS,
    )


WORDS: dict[str, Any] = {
    "POSITIONS": POSITIONS,
    "HEARD": HEARD,
    "STANDS": STANDS,
    "EXPECTED": EXPECTED,
}


def stand_map(lines: Sequence[StandLine]) -> list[tuple[Tile, StandLine | None, int, int]]:
    """Return (tile, members by stand, how many are for it, shade) for every delegation."""
    table = {line.name: line for line in lines}
    found = []
    for tile in tiles():
        line = table.get(tile.code)
        for_it = sum(line.counts[one] for one in FOR_IT) if line else 0
        found.append((tile, line, for_it, shade(for_it, line.members) if line else 0))
    return found


def people(visit: Visit) -> Response:
    """List members: of a delegation, with a position, or as a search finds them."""
    appeal, members = _about(visit)
    workspace, ledger = visit.workspace, visit.console.ledger
    code, wanted = visit.known_delegation(visit.query("delegation")), visit.query("q")
    stand = visit.known(visit.query("stand"), list(Position))
    page = int(visit.query("page") or 0) if visit.query("page").isdecimal() else 0
    after = page * A_PAGE
    if wanted:
        _, book, _ = visit.console.cache.people()
        found = members.among(book.containing(wanted), FOUND)
    elif stand:
        keys = positions.who_stands(
            workspace, ledger, appeal.name, Position(stand), A_PAGE + 1, after, who=visit.who
        )
        found = [members.by_key[one] for one in keys if one in members.by_key]
    else:
        found = members.by_delegation.get(code, [])[after : after + A_PAGE + 1]
    shown = found[:A_PAGE]
    newest = positions.of_people(workspace, ledger, appeal.name, shown, who=visit.who)
    return visit.page(
        "board_people.html",
        appeal=appeal,
        rows=[(one, key(one), newest.get(key(one))) for one in shown],
        code=code,
        stand=stand,
        wanted=wanted,
        page=page,
        more=len(found) > A_PAGE,
        here=_here(visit),
        **WORDS,
    )


def _member(visit: Visit, members: Members, person: str) -> Contact:
    if person not in members.by_key:
        words = visit.say("This member is not in the sheets, or is not asked by this appeal.")
        raise HTTPException(404, words)
    return members.by_key[person]


def member(visit: Visit) -> Response:
    """Show what is known of a member, with the form of a call or a meeting."""
    appeal, members = _about(visit)
    heard = visit.query("source")
    one = _member(visit, members, visit.query("who"))
    return visit.page(
        "member.html",
        appeal=appeal,
        one=one,
        key=key(one),
        notes=positions.of_person(
            visit.workspace, visit.console.ledger, appeal.name, one, who=visit.who
        ),
        votes=[(heading, vote_of(one, heading)) for heading in members.votes],
        token=secrets.token_urlsafe(16),
        here=_here(visit),
        # how it became known, where the link says so, is the first to be pressed
        **WORDS | {"HEARD": dict(sorted(HEARD.items(), key=lambda it: it[0] != heard))},
    )


def note(visit: Visit) -> Response:
    """Note a call or a meeting."""
    appeal, members = _about(visit)
    one = _member(visit, members, visit.field("who"))
    due = visit.field("due")
    try:
        day = date.fromisoformat(due) if due else None
    except ValueError:
        raise UsageError(visit.say("This is no day: {day}.", day=due)) from None
    told = Told(
        positions.position_of(visit.field("position")),
        positions.source_of(visit.field("source")),
        visit.field("note"),
        visit.field("next_step"),
        day,
        visit.field("owner"),
    )
    new = positions.note(
        visit.workspace,
        visit.console.ledger,
        appeal.name,
        one,
        told,
        who=visit.who,
        token=visit.field("token"),
    )
    where = f"{_here(visit)}/members?delegation={one.delegation}"
    if not new:
        return visit.go(where, visit.say("This was noted already: {name}.", name=one.name))
    return visit.go(where, visit.say("Noted: {name}.", name=one.name))


def clear(visit: Visit) -> Response:
    """Take away all that was noted about a member."""
    appeal, members = _about(visit)
    one = _member(visit, members, visit.field("who"))
    gone = positions.clear(visit.console.ledger, appeal.name, one, who=visit.who)
    where = f"{_here(visit)}/members?delegation={one.delegation}"
    if not gone:
        return visit.go(where, visit.say("Nothing is noted about {name}.", name=one.name))
    return visit.go(where, visit.say("What was noted about {name} is taken away.", name=one.name))
