"""A second person says yes to a plan, where the workspace asks for one.

The yes is to what is frozen: the event carries the plan's hash, and a plan whose sources changed is
not sent in any case. Whoever planned it cannot say it, and it is good for three days.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from mailer.base.errors import Refused
from mailer.base.states import MailOutState
from mailer.ledger import mailouts
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


def planned_by(connection: sa.Connection, mail_out_id: int) -> str:
    """Return who made the plan."""
    where = (
        e.mail_out_id == mail_out_id,
        e.delivery_id.is_(None),
        e.kind == EventKind.PLANNED.value,
    )
    return connection.scalar(sa.select(e.who).where(*where).order_by(e.id).limit(1)) or ""


def approval(connection: sa.Connection, mail_out: MailOut, *, at: datetime) -> Approval | None:
    """Return the yes that still counts, or None."""
    if mail_out.state is MailOutState.PLANNED:
        return None
    where = (
        e.mail_out_id == mail_out.id,
        e.delivery_id.is_(None),
        e.kind == EventKind.APPROVED.value,
    )
    row = connection.execute(
        sa.select(e.who, e.at).where(*where).order_by(e.id.desc()).limit(1)
    ).one_or_none()
    return Approval(row.who, row.at) if row is not None and at - row.at <= LASTS else None


def approve(connection: sa.Connection, mail_out: MailOut, *, who: str, at: datetime) -> None:
    """Say yes to a plan. Refused to whoever made it."""
    if planned_by(connection, mail_out.id) == who:
        raise Refused(
            f"{who} planned {mail_out.name}; somebody else must approve it.",
            hint="sign in to the console as another person",
            code="S208",
        )
    mailouts.change(
        connection,
        mail_out.id,
        MailOutState.APPROVED,
        at=at,
        who=who,
        why=f"approved by {who}, {mail_out.hash[:12]}",
    )


def require(connection: sa.Connection, mail_out: MailOut, *, at: datetime) -> None:
    """Refuse a plan that nobody has approved, or that was approved too long ago."""
    if approval(connection, mail_out, at=at) is None:
        late = mail_out.state is MailOutState.APPROVED
        raise Refused(
            (
                f"The approval of {mail_out.name} is more than three days old. Nothing was sent."
                if late
                else f"{mail_out.name} waits for the approval of a second person. Nothing was sent."
            ),
            hint=(
                f"plan it anew: mailer plan {mail_out.appeal}"
                if late
                else "somebody else approves it: mailer console"
            ),
            code="S208",
        )
