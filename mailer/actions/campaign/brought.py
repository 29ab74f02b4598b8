"""What an appeal has brought, for the coalition: counts, and no name of anybody.

Whom it reached, who answered, who was not reached and why, how members voted; and, for whoever may
read positions and asks for them, where members stand. Nothing is written but that they were read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from mailer.actions.campaign import positions
from mailer.base.errors import UsageError
from mailer.base.settings.workspace import Workspace
from mailer.base.spelling import tokens
from mailer.base.states import POSITIONS, WORDS, MailOutState, State
from mailer.inbox.kinds import InboxKind
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading.kept_counts import KeptCounts
from mailer.ledger.reading.scope import standing
from mailer.letters.appeal import Appeal
from mailer.letters.wording.words import delegation_name
from mailer.report import returns, totals
from mailer.report.board import STANDS, VOTES, Board, Members, StandLine, board, votes_by
from mailer.report.paper import ReportPage, ReportPart

MISSED = (State.REFUSED, State.NOT_SENT, State.UNKNOWN, State.DEFERRED, State.SKIPPED)
"""States in which a letter has not reached somebody, or not surely."""

VOTED = ("for", "against", "abstained", "absent")
"""What a roll call proves of somebody."""

Say = Callable[..., str]
"""Says a sentence with its values, in the language of whoever reads it."""


def in_english(text: str, /, **values: object) -> str:
    return text.format_map(values) if values else text


class Voice(Protocol):
    """Whatever puts the report into a language: sentences, counts, shares and times."""

    language: str

    def __call__(self, text: str, /, **values: object) -> str: ...
    def number(self, number: int) -> str: ...
    def counted(self, number: int, text: str) -> str: ...
    def share(self, part: int, whole: int) -> str: ...
    def moment(self, at: datetime) -> str: ...


class EnglishVoice:
    """Says it in English, as the command line does."""

    language = "en"

    def __call__(self, text: str, /, **values: object) -> str:
        return in_english(text, **values)

    def number(self, number: int) -> str:
        return str(number)

    def counted(self, number: int, text: str) -> str:
        return f"{number} {text}"

    def share(self, part: int, whole: int) -> str:
        return totals.per_cent(part, whole)

    def moment(self, at: datetime) -> str:
        return totals.local(at)


@dataclass(frozen=True, slots=True)
class Brought:
    """What became of an appeal, in counts."""

    appeal: str
    title: str
    at: datetime
    mail_outs: Sequence[tuple[str, MailOutState]]
    counts: Mapping[State, int]
    came_back: Sequence[returns.Said]
    reached: Mapping[str, tuple[int, int, int]]  # delegation → people, accepted, answered
    missed: Mapping[tuple[State, str], int]  # state and reason → people
    absent: Sequence[str]  # delegations of which nobody is in the sheets
    board: Board  # positions are counted in it only where `with_positions`
    turned: Mapping[tuple[str, str, str, str], int]  # two votes, and how the same people voted
    with_positions: bool


def brought(
    workspace: Workspace,
    ledger: Ledger,
    appeal: Appeal,
    members: Members,
    *,
    reader: str = "",
    counts: KeptCounts | None = None,
    kept: positions.KeptBoard | None = None,
) -> Brought:
    """Count what an appeal has brought; with positions where a `reader` asks for them, who may.

    Raises `UsageError` where nothing was planned.
    """
    known = workspace.delegations
    there = (
        positions.of_members(workspace, ledger, appeal, members, kept=kept, who=reader)
        if reader
        else board(members, {}, known)
    )
    with ledger.reading() as connection:
        whole = standing(connection, appeal.name)
        if whole is None:
            raise UsageError("Nothing has been planned yet.", hint=f"mailer plan {appeal.name}")
        now = (counts or KeptCounts(whole.id)).now(connection)
    table = now.delegations
    replied = now.letters_with([InboxKind.REPLY])
    missed = {
        (state, reason): sum(codes.values())
        for state in MISSED
        for reason, codes in now.reasons(state).items()
    }
    in_sheets = {*table, *members.by_delegation}
    return Brought(
        appeal.name,
        appeal.title,
        ledger.now(),
        whole.mail_outs,
        now.states,
        returns.said(now.came_back),
        {
            code: (sum(row.values()), row[State.ACCEPTED], replied.get(code, 0))
            for code, row in table.items()
        },
        missed,
        [one.code for one in known.members if one.code not in {*in_sheets, *appeal.leave_out}],
        there,
        _turned(members),
        bool(reader),
    )


def _turned(members: Members) -> dict[tuple[str, str, str, str], int]:
    """Count how the same people voted in the last vote and in the one before."""
    if len(members.votes) < 2:
        return {}
    before, after = members.votes[-2:]
    found = Counter((votes[-2], votes[-1]) for votes in members.alike.values())
    return {(before, after, *ways): number for ways, number in found.items()}


def as_data(one: Brought) -> dict[str, Any]:
    """Return the counts as JSON has them."""
    data: dict[str, Any] = {
        "appeal": one.appeal,
        "title": one.title,
        "mail_outs": dict(one.mail_outs),
        "counts": totals.plain(one.counts),
        "came_back": {said.kind: said.sentence.values["n"] for said in one.came_back},
        "delegations": {
            code: {"people": people, "accepted": accepted, "answered": answered}
            for code, (people, accepted, answered) in one.reached.items()
        },
        "missed": [
            {"state": state.value, "reason": reason or None, "people": number}
            for (state, reason), number in one.missed.items()
        ],
        "absent": list(one.absent),
        "votes": {
            heading: {how or "not_on_the_list": number for how, number in _votes(votes).items()}
            for heading, votes in one.board.votes.items()
        },
    }
    data["votes_by"] = votes_by(one.board)
    if one.with_positions:
        data["positions"] = {stand or "not_known": one.board.counts[stand] for stand in STANDS}
    return data


def _votes(votes: Mapping[tuple[str, Any], int]) -> dict[str, int]:
    return {how: sum(n for (way, _), n in votes.items() if way == how) for how in VOTES}


ENGLISH = EnglishVoice()


def page(one: Brought, workspace: Workspace, say: Voice = ENGLISH) -> ReportPage:
    """Put the counts into words, on one page."""
    known, language = workspace.delegations, say.language
    to_send = sum(one.counts.values()) - one.counts[State.SKIPPED]
    accepted = one.counts[State.ACCEPTED]
    names = ", ".join(name for name, _ in one.mail_outs)
    parts = [
        ReportPart(
            say("Reached"),
            [
                say("people to be written to: {n}", n=to_send),
                say(
                    "letters accepted for delivery: {n} ({share})",
                    n=accepted,
                    share=say.share(accepted, to_send),
                ),
                say("over {mail_outs}", mail_outs=names),
            ],
        ),
        ReportPart(
            say("What came back"),
            [say(said.sentence.words, **said.sentence.values) for said in one.came_back]
            or [say("Nothing has come back of letters that were accepted.")],
        ),
        ReportPart(
            say("Not reached, and why"),
            [
                say.counted(number, WORDS[state])
                + (f": {say(totals.in_words(reason))}" if reason else "")
                for (state, reason), number in one.missed.items()
            ]
            or [say("Nobody.")],
        ),
    ]
    if one.absent:
        names_of = [delegation_name(code, language, known) for code in one.absent]
        absent = ", ".join(sorted(names_of, key=tokens))
        words = [say("of {names} nobody is in the sheets", names=absent)]
        parts[-1] = ReportPart(parts[-1].heading, [*parts[-1].lines, *words])
    parts += _of_votes(one, say)
    if one.with_positions:
        parts.append(_of_positions(one, say))
    if one.with_positions or one.board.votes:
        parts.append(_by_group(one, say))
    parts.append(_by_delegation(one, say, lambda code: delegation_name(code, language, known)))
    return ReportPage(
        language,
        say("What it brought: {title}", title=one.title),
        say(
            "{organisation}, as of {at}",
            organisation=workspace.settings.sender.organisation,
            at=say.moment(one.at),
        ),
        workspace.settings.sender.organisation,
        parts,
    )


def _of_votes(one: Brought, say: Voice) -> list[ReportPart]:
    if not one.board.votes:
        return []
    rows = [
        [heading, *(str(number) for number in _votes(votes).values())]
        for heading, votes in one.board.votes.items()
    ]
    head = [say("Vote"), *(say(words) for words in VOTES.values())]
    lines = [
        say(
            "{n} {before} in {first}, and {after} in {second}",
            n=number,
            before=say(VOTES[was]),
            after=say(VOTES[now]),
            first=first,
            second=second,
        )
        for (first, second, was, now), number in sorted(one.turned.items())
        if was and now
    ]
    return [ReportPart(say("Votes"), lines, [head, *rows])]


def _vote_heads(one: Brought) -> list[str]:
    """Head a column for each past vote: four numbers in one cell, so that it stays one page."""
    return list(one.board.votes)


def _vote_cells(one: Brought, say: Voice, line: StandLine | None) -> list[str]:
    return [
        "/".join(say.number(line.votes[heading].get(how, 0)) for how in VOTED) if line else "–"
        for heading in one.board.votes
    ]


def _of_positions(one: Brought, say: Voice) -> ReportPart:
    counted = [
        say.counted(one.board.counts[stand], POSITIONS[stand] if stand else "not known")  # type: ignore[index]
        for stand in STANDS
    ]
    motions = [
        say(
            "{members} of {wanted} members, {delegations} of {least} delegations: {what}",
            members=each.sure[0],
            wanted=each.motion.members,
            delegations=each.sure[1],
            least=each.motion.delegations,
            what=say(each.motion.words),
        )
        for each in one.board.motions
    ]
    return ReportPart(say("Where the members stand"), [*counted, *motions])


def _by_group(one: Brought, say: Voice) -> ReportPart:
    stands = _heads(say) if one.with_positions else []
    head = [say("Group"), say("Members"), *stands, *_vote_heads(one)]
    rows = [
        [line.name or say("none in the sheets"), say.number(line.members)]
        + (_cells(line) if one.with_positions else [])
        + _vote_cells(one, say, line)
        for line in one.board.groups
    ]
    said = " / ".join(say(VOTES[how]) for how in VOTED)
    lines = [f"{heading}: {said}" for heading in _vote_heads(one)]
    return ReportPart(say("By political group"), lines, [head, *rows])


def _heads(say: Voice) -> list[str]:
    return [say(POSITIONS[one]) if one else say("not known") for one in STANDS]  # type: ignore[index]


def _cells(line: StandLine | None) -> list[str]:
    return [str(line.counts[one]) if line else "–" for one in STANDS]


def _by_delegation(one: Brought, say: Voice, name: Callable[[str], str]) -> ReportPart:
    head = [say("Delegation"), say("People"), say("accepted"), say("Answered")]
    stands = {line.name: line for line in one.board.delegations}
    if one.with_positions:
        head += _heads(say)
    head += _vote_heads(one)
    rows = []
    everybody = {*one.reached, *(stands if one.with_positions or one.board.votes else ())}
    for code in sorted(everybody, key=lambda code: tokens(name(code))):
        people, accepted, replied = one.reached.get(code, (0, 0, 0))
        cells = [name(code) if code else say("delegation not known")]
        cells += [say.number(number) for number in (people, accepted, replied)]
        cells += _cells(stands.get(code)) if one.with_positions else []
        rows.append(cells + _vote_cells(one, say, stands.get(code)))
    return ReportPart(say("By delegation"), table=[head, *rows])
