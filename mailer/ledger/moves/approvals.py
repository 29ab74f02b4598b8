"""Other people say yes to a plan, where the workspace asks for it: one, or several of several
organisations.

The yes is to what is frozen: the event carries the plan's hash, how many are asked for stands in
the plan, and a plan whose sources changed is not sent in any case. Whoever planned it cannot say
yes, nor can an account that the planner has let in: it might be a second one of the same person. A
yes is good for three days.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from mailer.base.errors import Refused
from mailer.base.states import MailOutState
from mailer.ledger import accounts, events, mailouts
from mailer.ledger.events import EventKind
from mailer.ledger.mailouts import MailOut
from mailer.ledger.schema import event

LASTS = timedelta(hours=72)

e = event.c


@dataclass(frozen=True, slots=True)
class Approval:
    """Who said yes, and when."""

    who: str
    at: datetime
    organisation: str


def planned_by(connection: sa.Connection, mail_out_id: int) -> str:
    """Return who made the plan."""
    where = (
        e.mail_out_id == mail_out_id,
        e.delivery_id.is_(None),
        e.kind == EventKind.PLANNED.value,
    )
    return connection.scalar(sa.select(e.who).where(*where).order_by(e.id).limit(1)) or ""


def given(connection: sa.Connection, mail_out: MailOut, *, at: datetime) -> list[Approval]:
    """Return the yeses that still count, one a person."""
    where = (
        e.mail_out_id == mail_out.id,
        e.delivery_id.is_(None),
        e.kind == EventKind.APPROVED.value,
    )
    found: dict[str, Approval] = {}
    for row in connection.execute(sa.select(e.who, e.at).where(*where).order_by(e.id)):
        if at - row.at <= LASTS:
            account = accounts.find(connection, row.who)
            found[row.who] = Approval(row.who, row.at, account.organisation if account else "")
    return list(found.values())


def lacking(mail_out: MailOut, yes: list[Approval], approvals: int, organisations: int) -> str:
    """Say what is still lacking; empty where nothing is. What the settings ask for now counts
    beside what was frozen, where it is more.
    """
    people = max(approvals, mail_out.approvals)
    of = max(organisations, mail_out.organisations)
    known = {one.organisation.casefold() for one in yes if one.organisation}
    if len(yes) < people:
        return f"{len(yes)} of {people} approvals"
    return "" if len(known) >= of else f"approvals of {len(known)} of {of} organisations"


def approve(
    connection: sa.Connection,
    mail_out: MailOut,
    *,
    who: str,
    at: datetime,
    approvals: int = 0,
    organisations: int = 0,
) -> None:
    """Say yes to a plan with an account. Refused to whoever made it, and to an account whose link
    the planner made.
    """
    planner = planned_by(connection, mail_out.id)
    if planner.casefold() == who.casefold():
        raise Refused(
            f"{who} planned {mail_out.name}; somebody else must approve it.",
            hint="sign in to the console as another person",
            code="S208",
        )
    account = accounts.find(connection, who)
    if account is None:
        raise Refused(
            f"{who} has no account here, and {mail_out.name} is approved by people who have one.",
            hint=f'mailer account add "{who}" --role approver',
            code="S208",
        )
    if account.invited_by and account.invited_by.casefold() == planner.casefold():
        raise Refused(
            f"The account {who} was let in by {planner}, who planned {mail_out.name}: it might be"
            " the same person. Nothing was approved.",
            hint="somebody else plans it, or another administrator makes the account a new link",
            code="S208",
        )
    before = given(connection, mail_out, at=at)
    if who in (one.who for one in before):
        raise Refused(f"{who} has approved {mail_out.name} already.", code="S208")
    why = f"approved by {who}, {mail_out.hash[:12]}"
    yes = [*before, Approval(who, at, account.organisation)]
    if mail_out.state is MailOutState.PLANNED and not lacking(
        mail_out, yes, approvals, organisations
    ):
        mailouts.change(connection, mail_out.id, MailOutState.APPROVED, at=at, who=who, why=why)
    elif mail_out.state in (MailOutState.PLANNED, MailOutState.APPROVED):
        kind = EventKind.APPROVED
        events.write(connection, kind, mail_out.id, at=at, who=who, detail=why)
    else:
        raise Refused(f"{mail_out.name} is {mail_out.state.value} already.", code="S210")


def require(
    connection: sa.Connection,
    mail_out: MailOut,
    *,
    at: datetime,
    approvals: int = 0,
    organisations: int = 0,
) -> None:
    """Refuse a plan that too few have approved, or that was approved too long ago."""
    lacks = lacking(mail_out, given(connection, mail_out, at=at), approvals, organisations)
    if not lacks:
        return
    late = mail_out.state is MailOutState.APPROVED
    raise Refused(
        (
            f"The approval of {mail_out.name} is more than three days old. Nothing was sent."
            if late
            else f"{mail_out.name} waits for the approval of others than its planner: there are"
            f" {lacks}. Nothing was sent."
        ),
        hint="somebody else approves it: mailer console",
        code="S208",
    )


def not_by_its_planner(connection: sa.Connection, mail_out: MailOut, administrator: str) -> None:
    """Refuse that an administrator sends what she planned: she could let herself in once more."""
    if planned_by(connection, mail_out.id).casefold() == administrator.casefold():
        raise Refused(
            f"{administrator} planned {mail_out.name} and is an administrator; somebody else sends"
            " it. Nothing was sent.",
            hint="somebody else presses Send, or plans it anew",
            code="S208",
        )
