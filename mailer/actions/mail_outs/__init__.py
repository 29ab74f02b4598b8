"""A mail-out in the hands of a person: may it be sent, and what would happen; pause it, stop it.

Nothing is sent from here. Whatever keeps a mail-out from being sent is asked in one place; the
sending itself asks the ledger once more for each letter.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from mailer.base.errors import MailerError, Problem, Refused, UsageError
from mailer.base.settings.workspace import Workspace
from mailer.base.states import OPEN, MailOutState, State
from mailer.contacts.holds import Holds, load_holds, trusted
from mailer.ledger import events, mailouts
from mailer.ledger.events import EventKind
from mailer.ledger.guard import copies, health, rescue
from mailer.ledger.guard.senders import nobody_sends
from mailer.ledger.ledger import Busy, Connection, Ledger
from mailer.ledger.mailouts import MailOut
from mailer.ledger.moves import approvals, holding
from mailer.ledger.moves.approvals import Approval
from mailer.ledger.reading.counts import count
from mailer.ledger.reading.deliveries import Delivery
from mailer.plan.draft import Draft, as_planned, changes_since, draft
from mailer.plan.sources import SETTINGS
from mailer.report.totals import local

NOT_NOW = {
    MailOutState.PLANNED: "has not begun",
    MailOutState.APPROVED: "has not begun",
    MailOutState.STOPPED: "was stopped for good",
    MailOutState.FINISHED: "is finished",
}
VERBS = {MailOutState.PAUSED: "pause", MailOutState.STOPPED: "stop"}

T = TypeVar("T")
Reader = Callable[[Workspace, str], Draft]
"""What reads an appeal with its people: `draft`, or the console's, which remembers."""


PATIENCE = 1.0
"""Seconds to wait for the log before the wish to pause is laid beside it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A mail-out as it stands, and how many people of it are in each state."""

    mail_out: MailOut
    counts: Mapping[State, int]
    last_word: int  # `mailouts.last_word`: what was paused after this is not gone on with
    held: str = ""  # who holds the log, so that a pause is not on record yet (`pause`)

    @property
    def fresh(self) -> bool:
        """Whether nothing of it was sent yet."""
        return self.mail_out.state in mailouts.FRESH

    @property
    def total(self) -> int:
        """Everyone that it writes to, with an outcome or not."""
        return sum(self.counts.values()) - self.counts[State.SKIPPED]

    @property
    def left(self) -> int:
        """Those who are still to be written to."""
        return sum(self.counts[state] for state in OPEN)


@dataclass(frozen=True, slots=True)
class Approved:
    """What came of a yes: the mail-out as it stands, and how many of how many yeses there are."""

    mail_out: MailOut
    given: int
    asked: int


@dataclass(frozen=True, slots=True)
class SendingCheck:
    """What would happen if a mail-out were sent now, and what keeps it."""

    standing: Standing
    kept_by: Sequence[MailerError]  # the state, the kill switch, the log, the last day, the sheets
    changes: Sequence[Problem]  # cells, lines and settings that are others than in the plan
    obstacles: Sequence[Problem]  # what keeps the appeal from real people
    held: Sequence[Delivery]  # whom the hold list takes out, since the plan
    unapproved: Refused | None
    approvals: int  # how many are asked for
    given: Sequence[Approval]
    planner: str

    @property
    def refusal(self) -> MailerError | None:
        """The first reason why it may not be sent; None: it may."""
        mail_out = self.standing.mail_out
        changed = _changed(self.standing, self.changes)
        obstructed = _obstructed(mail_out, self.obstacles) if self.obstacles else None
        return next(filter(None, (*self.kept_by, changed, self.unapproved, obstructed)), None)

    @property
    def left(self) -> int:
        """Those who are still to be written to, without those who are held."""
        return self.standing.left - len(self.held)

    def is_confirmed_by(self, number: int) -> bool:
        """Whether somebody who names this number has read whom it writes to."""
        return number in (self.standing.total, self.left)


def standing(ledger: Ledger, mail_out_id: int) -> Standing:
    with ledger.reading() as connection:
        return Standing(
            mailouts.get(connection, mail_out_id),
            count(connection, mail_out_id).letters,
            mailouts.last_word(connection, mail_out_id),
        )


def has_died(ledger: Ledger, connection: Connection, mail_out: MailOut) -> bool:
    """Whether the program that sends a mail-out has ended without saying so."""
    return mail_out.state is MailOutState.SENDING and nobody_sends(ledger, connection, mail_out.id)


def may_send(
    workspace: Workspace,
    ledger: Ledger,
    mail_out_id: int,
    read: Reader = draft,
    administrator: str = "",
    *,
    as_scheduled: bool = False,
) -> SendingCheck:
    """Ask everything that a sending asks before it begins, or goes on. `administrator` is who asks
    for it, where it is one. `as_scheduled`: a yes that counted when somebody said when it begins,
    counts until then.
    """
    now = standing(ledger, mail_out_id)
    mail_out, live = now.mail_out, now.mail_out.mode == "live"
    kept_by: list[MailerError] = []

    def ask(question: Callable[[], Sequence[T] | None]) -> Sequence[T]:
        try:
            return question() or ()
        except MailerError as refusal:
            kept_by.append(refusal)
            return ()

    ask(lambda: _not_over(mail_out))
    ask(lambda: kill_switch_is_off(workspace))
    ask(lambda: copies.require(ledger))
    ask(lambda: health.require(ledger))
    changes = ask(lambda: _changes(workspace, ledger, mail_out, read))
    ask(lambda: not_past(ledger, mail_out))
    asks = now.fresh and live and not changes and not kept_by
    obstacles = ask(lambda: read(workspace, mail_out.appeal).obstacles()) if asks else ()
    held = ask(lambda: _newly_held(workspace, ledger, mail_out_id))
    unapproved = None
    with ledger.reading() as connection:
        asked = _approvals_asked(workspace, mail_out)
        said = as_scheduled and mail_out.starts_at is not None
        at = (said and mailouts.scheduled_at(connection, mail_out_id)) or ledger.now()
        yes = approvals.given(connection, mail_out, at=at)
        planner = approvals.planned_by(connection, mail_out_id)
        if now.fresh and asked:
            safety = workspace.settings.safety
            try:
                approvals.require(
                    connection,
                    mail_out,
                    at=at,
                    approvals=safety.approvals,
                    organisations=safety.organisations,
                )
                if administrator:
                    approvals.not_by_its_planner(connection, mail_out, administrator)
            except Refused as refusal:
                unapproved = refusal
    return SendingCheck(now, kept_by, changes, obstacles, held, unapproved, asked, yes, planner)


def as_it_was_planned(workspace: Workspace, ledger: Ledger, mail_out: MailOut) -> bool | None:
    """Tell whether sheets, letters and settings are still those of the plan; None where they cannot
    be read.
    """
    with ledger.reading() as connection:
        sources = mailouts.sources(connection, mail_out.id)
    try:
        return as_planned(sources, workspace, mail_out.appeal)
    except MailerError:
        return None


def _approvals_asked(workspace: Workspace, mail_out: MailOut) -> int:
    """Return how many must say yes: as it was frozen into the plan, or more where more is asked
    for now.
    """
    return max(mail_out.approvals, workspace.settings.safety.approvals)


def may_resume(mail_out: MailOut) -> None:
    """Refuse to go on with what has not begun, or is over."""
    if mail_out.state in mailouts.FRESH:
        hint = f"mailer send {mail_out.name}"
        raise Refused(f"{mail_out.name} has not begun.", hint=hint, code="S210")
    if mail_out.only_drafts:
        raise Refused(
            f"Of {mail_out.name} letters were put among the drafts, and none was sent: whoever"
            " sends the others confirms how many people they go to.",
            hint=f"mailer send {mail_out.name}",
            code="S210",
        )
    _not_over(mail_out)


def _not_over(mail_out: MailOut) -> None:
    if mail_out.state in (MailOutState.STOPPED, MailOutState.FINISHED):
        raise Refused(
            f"{mail_out.name} {NOT_NOW[mail_out.state]}.",
            hint=f"mailer retry {mail_out.name}",
            code="S211",
        )


def not_before_its_start(ledger: Ledger, mail_out: MailOut) -> None:
    """Refuse to begin at once what is to begin by itself later."""
    at = mail_out.starts_at if mail_out.state in mailouts.FRESH else None
    if at and at > ledger.now():
        raise Refused(
            f"{mail_out.name} begins by itself on {local(at, seconds=False)}. Nothing was sent.",
            hint=f"to send it now, take that back first: mailer send {mail_out.name} --at none",
            code="S216",
        )


def kill_switch_is_off(workspace: Workspace) -> None:
    if workspace.kill_switch.exists():
        raise Refused(
            f"The kill switch is on: {workspace.kill_switch} exists. Nothing was sent.",
            hint="find out who set it and why; take the file away to send again",
            code="S207",
        )


def _changes(
    workspace: Workspace, ledger: Ledger, mail_out: MailOut, read: Reader
) -> list[Problem]:
    with ledger.reading() as connection:
        sources = mailouts.sources(connection, mail_out.id)
    if as_planned(sources, workspace, mail_out.appeal):
        return []
    return changes_since(sources, read(workspace, mail_out.appeal))


def _changed(now: Standing, changes: Sequence[Problem]) -> Refused | None:
    """Refuse what differs from the plan. Once begun, the frozen letters go out; only the settings
    must agree.
    """
    name = now.mail_out.name
    if changes and now.fresh:
        return Refused(
            f"The plan {name} no longer matches its sources. Nothing was sent.",
            hint=f"mailer plan {now.mail_out.appeal} --replace",
            code="S201",
            problems=changes,
        )
    if settings := [change for change in changes if change.file == SETTINGS]:
        return Refused(
            f"{name} was begun with other settings. Nothing more was sent.",
            hint=(
                f"put the settings back, or give it up (mailer stop {name}) and plan the rest anew"
            ),
            code="S201",
            problems=settings,
        )
    return None


def not_past(ledger: Ledger, mail_out: MailOut) -> None:
    if mail_out.until is not None and ledger.now() >= mail_out.until:
        at = local(mail_out.until, seconds=False)
        raise Refused(
            f"The sending of this appeal ended on {at}. Nothing was sent.",
            hint=f"last_day, and vote of [session], in templates/{mail_out.appeal}/appeal.toml",
            code="S203",
        )


def _obstructed(mail_out: MailOut, obstacles: Sequence[Problem]) -> Refused:
    return Refused(
        "This appeal may not go to real people yet. Nothing was sent.",
        hint=f"mailer letters sign {mail_out.appeal}; mailer preview {mail_out.appeal} --proof",
        code="S206",
        problems=obstacles,
    )


def still_as_planned(workspace: Workspace, ledger: Ledger, check: SendingCheck) -> None:
    """Ask once more whether the sources are those of the plan: somebody may have thought for
    long.
    """
    changes = _changes(workspace, ledger, check.standing.mail_out, draft)
    if refusal := _changed(check.standing, changes):
        raise refusal


def _holds(workspace: Workspace) -> Holds:
    return trusted(load_holds(workspace.hold_list, workspace.delegations))


def _newly_held(workspace: Workspace, ledger: Ledger, mail_out_id: int) -> list[Delivery]:
    """List who came onto the hold list after the plan and still waits."""
    return held_among(workspace, ledger, mail_out_id, (State.WAITING, State.DEFERRED))


def held_among(
    workspace: Workspace, ledger: Ledger, mail_out_id: int, states: Collection[State]
) -> list[Delivery]:
    """List who of a mail-out is in these states, and on the hold list."""
    if not (holds := _holds(workspace)):
        return []
    with ledger.reading() as connection:
        return holding.held_in(connection, mail_out_id, holds, states)


def obey_holds(workspace: Workspace, ledger: Ledger, mail_out_id: int, *, who: str) -> int:
    """Leave out whom the hold list holds since the plan: a hold is obeyed at once. Returns how
    many.
    """
    with ledger.writing() as connection:
        holds = _holds(workspace)
        out = holding.take_out(connection, mail_out_id, holds, at=ledger.now(), who=who)
    return len(out.numbers) if out else 0


def approve(workspace: Workspace, ledger: Ledger, mail_out_id: int, *, who: str) -> Approved:
    """Say yes to a plan, as somebody else than its maker, with an account."""
    safety = workspace.settings.safety
    with ledger.writing() as connection:
        mail_out = mailouts.get(connection, mail_out_id)
        approvals.approve(
            connection,
            mail_out,
            who=who,
            at=ledger.now(),
            approvals=safety.approvals,
            organisations=safety.organisations,
        )
        given = approvals.given(connection, mail_out, at=ledger.now())
        asked = _approvals_asked(workspace, mail_out)
        return Approved(mailouts.get(connection, mail_out_id), len(given), asked)


def asked_to_send(ledger: Ledger, mail_out_id: int, command: str, *, who: str) -> None:
    """Write who asked for a sending; the sender itself is a process without a name."""
    kind, by = EventKind.ASKED_TO_SEND, f"by {who}: {command}"
    with ledger.writing() as connection:
        events.write(connection, kind, mail_out_id, at=ledger.now(), who=who, detail=by)


def pause(ledger: Ledger, mail_out_id: int, *, who: str) -> Standing:
    """Pause a mail-out: when this comes back no new final dot is written by anybody. One that has
    not begun stays as it is, and whoever is about to begin it does not.

    Where another process holds the log and does not give it back, the wish lies in a file that
    every sender looks for before each dot; it comes onto the record with the first one that does.
    """
    patience, ledger.patience = ledger.patience, PATIENCE
    try:
        return _change(ledger, mail_out_id, MailOutState.PAUSED, who)
    except Busy as fault:
        if (wish := mailouts.pause_wish(ledger, mail_out_id)) is None:
            raise
        wish.write_text(who, encoding="utf-8")
        return replace(standing(ledger, mail_out_id), held=fault.message)
    finally:
        ledger.patience = patience


def forget_pause_wish(ledger: Ledger, mail_out_id: int) -> None:
    """Take away a wish to pause from before somebody said that it shall go on."""
    if wish := mailouts.pause_wish(ledger, mail_out_id):
        wish.unlink(missing_ok=True)


def stop(ledger: Ledger, mail_out_id: int, *, who: str) -> Standing:
    """Give a mail-out up for good: whoever was not written to yet will not be."""
    return _change(ledger, mail_out_id, MailOutState.STOPPED, who)


def _change(ledger: Ledger, mail_out_id: int, to: MailOutState, who: str) -> Standing:
    with ledger.writing() as connection:
        before = mailouts.get(connection, mail_out_id)
        same = before.state is to or (to is MailOutState.PAUSED and before.state in mailouts.FRESH)
        if not same and to not in mailouts.TRANSITIONS[before.state]:
            raise Refused(
                f"{before.name} {NOT_NOW[before.state]}; there is nothing to {VERBS[to]}.",
                hint=f"mailer status {before.name}",
                code="S210",
            )
        why = f"{to.value} by {who}"
        mailouts.change(connection, mail_out_id, to, at=ledger.now(), who=who, why=why)
    rescue.settle_over(ledger, me=who)
    return standing(ledger, mail_out_id)


LONGEST_NAME = 80


def usable_name(name: str) -> str:
    """Return a name for a mail-out as it is kept. Raises `UsageError` where it is none."""
    name = " ".join(name.split())
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise UsageError("This name cannot be used: it is too long, or holds invisible signs.")
    return name


def call(ledger: Ledger, mail_out_id: int, name: str, *, who: str) -> MailOut:
    """Give a mail-out a name of its own; an empty one gives it back the title of its appeal."""
    name = usable_name(name)
    with ledger.writing() as connection:
        mailouts.get(connection, mail_out_id)
        mailouts.call(connection, mail_out_id, name, at=ledger.now(), who=who)
        return mailouts.get(connection, mail_out_id)


def note(ledger: Ledger, mail_out_id: int, text: str, *, who: str) -> None:
    """Write a note beside a mail-out; it stays as it is."""
    if not text.strip():
        raise UsageError("The note is empty.")
    with ledger.writing() as connection:
        mailouts.get(connection, mail_out_id)
        mailouts.note(connection, mail_out_id, text.strip(), at=ledger.now(), who=who)
