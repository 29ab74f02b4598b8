"""Freezing who gets which letter of an appeal, and who gets none and why; nobody is written to.

A plan is one transaction of the send log: after a crash it is there as a whole, or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from mailer.actions.campaign import positions
from mailer.actions.mail_outs import usable_name
from mailer.base.delegations import Delegations
from mailer.base.errors import MailerError, Problem, Refused, UsageError
from mailer.base.problems import Scope, concerns
from mailer.base.spelling import nearest
from mailer.base.states import MailOutState, Position, Reason
from mailer.contacts.contact import Contact
from mailer.contacts.rows.row_reader import meaning_of
from mailer.ledger import mailouts
from mailer.ledger.guard import rescue
from mailer.ledger.ledger import Connection, Ledger, number_of, shown
from mailer.ledger.reading import correspondence, deliveries
from mailer.letters.appeal_toml import ROLES
from mailer.letters.render import Renderer
from mailer.plan import follow_up, heads, per_person, shared_mailbox
from mailer.plan.audience import EVERYONE, Before, Decision, Selection, Stands
from mailer.plan.draft import Draft
from mailer.plan.plan import Plan, Planned, lacking
from mailer.plan.where import FACTS, FIELDS, POSITION


@dataclass(frozen=True, slots=True)
class NewMailOut:
    """A plan, and the name under which it is on record."""

    name: str  # M-0007
    plan: Plan
    doubts: tuple[Problem, ...] = ()  # what a person should look at before it is sent
    replaced: tuple[str, ...] = ()  # plans that were never begun, given up for it
    in_the_way: tuple[str, ...] = ()  # such plans that keep people out of it
    called: str = ""  # the name that it was given; empty: it has the appeal's title


def selected(
    delegations: Delegations,
    names: Iterable[str] = (),
    roles: Iterable[str] = (),
    where: str = "",
    follows: str = "",
) -> Selection:
    """Choose delegations, by code or by any name, roles, by a condition (`plan.where`), and whose
    letters are followed up; none of them means everyone.

    Raises `UsageError` for a delegation or a role that there is not: never does a slip mean
    everyone.
    """
    codes = {delegations.named(name).code for name in names}
    roles = frozenset(roles)
    for role in sorted(roles - set(ROLES)):
        meant = meaning_of("role", role) or nearest(role, ROLES)
        hint = f'did you mean "{meant}"?' if meant else f"there are: {', '.join(ROLES)}"
        raise UsageError(f'There is no role "{role}".', hint=hint)
    return Selection(
        delegations=frozenset(codes), roles=roles, where=where.strip(), follows=follows.strip()
    )


def words(now: Draft) -> tuple[list[str], list[str]]:
    """Name the columns that a condition may ask for, and what the send log knows."""
    return [*FIELDS, POSITION, *sorted(now.columns)], list(FACTS)


def followable(connection: Connection, appeal: str) -> list[str]:
    """Name what an appeal may follow: other appeals, and their mail-outs."""
    earlier = ((one.name, one.appeal) for one in mailouts.all_of_them(connection))
    return follow_up.names(earlier, appeal)


def lacks(
    now: Draft, decisions: Sequence[Decision], selection: Selection = EVERYONE
) -> list[Problem]:
    """Return what an appeal lacks to be a follow-up, where it is one, and the delegations without a
    head for the letter, where it goes to heads; with any of it there is no plan.
    """
    found = follow_up.lacking(now.appeal, selection.follows)
    return [*found, *(now.heads_lacking(decisions) if now.appeal.to_heads else ())]


def decide(
    ledger: Ledger, now: Draft, selection: Selection = EVERYONE, *, reader: str = ""
) -> list[Decision]:
    """Decide for every row of every sheet as a plan made now would: rows that lack what the letter
    puts in are left out. While the letters themselves are wrong, those rows are not known.

    `reader` may read where members stand, and reads it where a condition asks for it.
    """
    decisions = now.decide(selection, _before(ledger, now, selection, reader))
    try:
        renderer = now.renderer
    except MailerError:
        return decisions
    if now.appeal.to_heads:
        return _of_heads(renderer, decisions)
    alone: list[Contact] = []
    for at, one in enumerate(decisions):
        if one.contact in alone:
            decisions[at] = replace(
                one, reason=Reason.SAME_ADDRESS, detail=shared_mailbox.SAYS_MORE
            )
        if one.reason is None:
            try:
                renderer.render(one.contact, one.language)
                people = shared_mailbox.together(renderer, one.contact, one.others, one.language)
                alone += [other for other in one.others if other not in people]
            except MailerError as fault:
                if concerns(fault.code, Scope.ROW):
                    detail = lacking(fault.problems[0])
                    if one.others:
                        place = next(
                            place
                            for place, other in enumerate(decisions)
                            if other.reason is Reason.SHARED and other.contact == one.others[0]
                        )
                        decisions[place] = shared_mailbox.in_place_of(one, decisions[place])
                    decisions[at] = replace(one, reason=Reason.ROW, detail=detail)
    return decisions


def _of_heads(renderer: Renderer, decisions: list[Decision]) -> list[Decision]:
    """Leave out the delegations whose head's row lacks what the letter puts in."""
    lacks: dict[str, str] = {}
    for one in heads.letters(decisions):
        if one.reason is None:
            try:
                renderer.render(one.contact, one.language)
            except MailerError as fault:
                if concerns(fault.code, Scope.ROW):
                    lacks[one.contact.delegation] = lacking(fault.problems[0])
    of = heads.heads_of(one.contact for one in decisions)
    rows = [
        replace(one, reason=Reason.ROW, detail=lacks[code], head_letter=None)
        if (code := one.contact.delegation) in lacks and one.contact is of[code]
        else one
        for one in decisions
    ]
    return heads.addressed(rows, of)


def letters(decisions: Sequence[Decision]) -> int:
    """Count the letters that are written: to heads there are fewer than people who get one."""
    return sum(1 for _ in heads.letters(one for one in decisions if one.reason is None))


def plan(
    ledger: Ledger,
    now: Draft,
    selection: Selection = EVERYONE,
    *,
    who: str,
    reader: str = "",
    retry_of: int | None = None,
    instead: bool = False,
    called: str = "",
    note: str = "",
) -> NewMailOut:
    """Freeze who gets what, in somebody's name. `instead`: the plans of this appeal that were never
    begun are given up for it, in the same transaction. `reader`: as for `decide`. `called` and
    `note`: as in `call` and `note`.

    Raises `MailerError` with every problem of the letters, and `Refused` where one of those plans
    has begun meanwhile.
    """
    called = usable_name(called)
    began = ledger.now()  # what comes in from here on is news to it (`moves.claims`)
    with ledger.reading() as connection:
        waiting = mailouts.never_begun(connection, now.appeal.name)
        old = waiting if instead else []
    names = {one.name for one in old}
    frozen = now.plan(selection, _before(ledger, now, selection, reader, but=names))
    with ledger.writing() as connection:
        for one in old:
            if mailouts.get(connection, one.id).state is not one.state:
                raise Refused(
                    f"{one.name} is not as it was a moment ago. Nothing was planned.",
                    hint=f"mailer status {one.name}",
                )
            why = f"replaced by a newer plan, by {who}"
            mailouts.change(
                connection, one.id, MailOutState.STOPPED, at=ledger.now(), who=who, why=why
            )
        number = mailouts.create(
            connection,
            frozen,
            at=began,
            who=who,
            retry_of=retry_of,
            approvals=now.workspace.settings.safety.approvals,
            organisations=now.workspace.settings.safety.organisations,
        )
        if called:
            mailouts.call(connection, number, called, at=ledger.now(), who=who)
        if note.strip():
            mailouts.note(connection, number, note.strip(), at=ledger.now(), who=who)
    if old:
        rescue.settle_over(ledger, me=who)
    unsure = [*doubts(now, frozen.to_send), *now.proof(frozen.to_send).problems()]
    holding = [one.name for one in waiting if not instead and _holds_people(one.name, frozen)]
    return NewMailOut(
        shown(number),
        frozen,
        tuple(unsure),
        replaced=tuple(names),
        in_the_way=tuple(holding),
        called=called,
    )


def _stands(ledger: Ledger, now: Draft, reader: str) -> Stands:
    def ask() -> Mapping[str, Position]:
        if not reader:
            raise Refused("Your role does not include where members stand.")
        return positions.stands(now.workspace, ledger, now.appeal.name, who=reader)

    return ask


def _before(
    ledger: Ledger, now: Draft, selection: Selection, reader: str, *, but: Collection[str] = ()
) -> Before:
    """Read what the send log knows, but for mail-outs that are given up."""
    limits = now.workspace.settings.limits
    since = ledger.now() - timedelta(days=limits.letters_days)
    follows = selection.follows or now.appeal.follows
    first = None
    with ledger.reading() as connection:
        history = mailouts.history(connection, now.appeal.name)
        past = mailouts.past(connection)
        had = correspondence.had_since(connection, since) if limits.letters_per_person else {}
        if follows:
            first = correspondence.first_letters(connection, follows, now.appeal.name)
    if first is not None:
        appeals = {now.appeal.name, *first.appeals}
        first = replace(first, settled=positions.noted(now.workspace, ledger, appeals))
    return Before(
        history=[one for one in history if one.mail_out not in but],
        past=past,
        stands=_stands(ledger, now, reader),
        had={key: [one for one in those if one[0] not in but] for key, those in had.items()},
        first=first,
    )


def _holds_people(name: str, frozen: Plan) -> bool:
    return any(
        one.reason is Reason.ALREADY and one.detail.startswith(f"{name},")
        for one in frozen.left_out
    )


def doubts(now: Draft, people: Sequence[Decision | Planned]) -> list[Problem]:
    """Return what a person should look at before these people are written to: titles that are not
    in the greeting, delegations that do not sit.
    """
    return [
        *per_person.dropped_titles(now.forms, people),
        *per_person.not_sitting(now.appeal, now.delegations, people),
        *heads.other_languages(people, now.appeal.letters),
    ]


def retry(
    ledger: Ledger,
    mail_out: str,
    read: Callable[[str], Draft],
    *,
    only: Iterable[str] = (),
    refused: bool = False,
    returned: bool = False,
    who: str,
) -> NewMailOut:
    """Plan the rest of a mail-out anew, with the sheets as they are now; nobody who was reached is
    in it.

    `mail_out` is its name; `read` returns the draft of an appeal; `only` are names of delegations;
    `refused` takes in those whose server has refused this very address, `returned` those whose
    letter came back from it. Raises `UsageError` while
    letters may still go out.
    """
    with ledger.reading() as connection:
        before = mailouts.get(connection, number_of(mail_out))
        everyone = deliveries.people(connection, before.id)
    if before.state not in (MailOutState.STOPPED, MailOutState.FINISHED):
        begun = before.state not in (MailOutState.PLANNED, MailOutState.APPROVED)
        raise UsageError(
            "This mail-out is not over; what is not sent yet may still go out.",
            hint=(
                f"mailer {'resume' if begun else 'send'} {before.name}, or mailer stop"
                f" {before.name}"
            ),
        )
    now = read(before.appeal)
    # who was not asked for is no rest
    chosen = [one for one in everyone if one.reason != Reason.NOT_CHOSEN]
    keys = {key for one in chosen for key in (one.address_key, one.person) if key}
    rest = replace(
        selected(now.delegations, only, follows=before.follows),
        people=frozenset(keys),
        again_refused=refused,
        again_returned=returned,
    )
    return plan(ledger, now, rest, who=who, retry_of=before.id)
