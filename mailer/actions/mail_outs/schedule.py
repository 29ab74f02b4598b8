"""A mail-out that begins by itself: when, what that means for each delegation, and taking it back.

What is said here is one transaction of the send log. `mailer work --service` begins what is due,
after it has asked everything once more that a sending asks before it begins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from mailer.actions.mail_outs import SendingCheck, standing
from mailer.base.delegations import Delegations
from mailer.base.errors import Refused, UsageError
from mailer.base.settings.workspace import Workspace
from mailer.base.states import State
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from mailer.ledger.mailouts import MailOut
from mailer.ledger.reading import due
from mailer.ledger.reading.counts import count
from mailer.letters.appeal_files import load_appeal
from mailer.plan import schedule
from mailer.plan.schedule import Start
from mailer.report.totals import local


@dataclass(frozen=True, slots=True)
class DelegationStart:
    """When the first letter to a delegation may leave, and to how many people of it."""

    delegation: str
    at: datetime  # by the clock of its capital
    people: int


@dataclass(frozen=True, slots=True)
class Scheduled:
    """What somebody asked for, and what it means; nothing is on record by it."""

    start: Start
    delegations: Sequence[DelegationStart]  # the first to begin first


def asked_for(
    workspace: Workspace,
    ledger: Ledger,
    mail_out: MailOut,
    text: str,
    *,
    working_days: bool = False,
) -> Scheduled:
    """Read when a mail-out is to begin (`plan.schedule.read`), and work out each delegation.

    Raises `UsageError` for a time that has passed, or at which the sending has ended.
    """
    with ledger.reading() as connection:
        groups = count(connection, mail_out.id).groups
    people = Counter[str]()
    for one, number in groups.items():
        if one.state is State.WAITING and not one.named:
            people[one.delegation] += number
    if not people:
        raise UsageError(
            f"{mail_out.name} would write to nobody.", hint=f"mailer status {mail_out.name}"
        )
    zone, delegations = load_appeal(workspace.root, mail_out.appeal).zone, workspace.delegations
    start = schedule.read(
        text, people, delegations, now=ledger.now(), zone=zone, working_days=working_days
    )
    found = _in_order(
        delegations,
        {code: (start.of(code, delegations, zone), number) for code, number in people.items()},
    )
    end = mail_out.until
    if late := [one.delegation for one in found if end and one.at >= end]:
        raise UsageError(
            f"At {start} the sending has ended ({local(end, seconds=False)}) for"  # type: ignore[arg-type]
            f" {', '.join(delegations.name(code, 'en') for code in late)}.",
            hint="choose an earlier time" + (", or leave out --working-days" * working_days),
        )
    return Scheduled(start, found)


def starts(workspace: Workspace, ledger: Ledger, mail_out_id: int) -> list[DelegationStart]:
    """Return when each delegation is to be begun, as it stands in the log."""
    with ledger.reading() as connection:
        return _in_order(workspace.delegations, due.starts(connection, mail_out_id))


def _in_order(
    delegations: Delegations, found: Mapping[str, tuple[datetime, int]]
) -> list[DelegationStart]:
    """Sort by time, and by the clock of the capital."""

    def there(code: str, at: datetime) -> datetime:
        row = delegations.get(code)
        return at.astimezone(ZoneInfo(row.zone)) if row and row.zone else at

    listed = [
        DelegationStart(code, there(code, at), number) for code, (at, number) in found.items()
    ]
    return sorted(listed, key=lambda one: (one.at, one.at.utcoffset(), one.delegation))


def begin_by_itself(
    ledger: Ledger, check: SendingCheck, scheduled: Scheduled, *, who: str
) -> MailOut:
    """Put on record when a mail-out begins, in place of what was said before; the plan and whoever
    is asked for a yes were looked at in `check`.
    """
    if check.refusal:
        raise check.refusal
    starts = {one.delegation: one.at for one in scheduled.delegations}
    words = str(scheduled.start)
    with ledger.writing() as connection:
        mail_out, at = check.standing.mail_out, ledger.now()
        if mailouts.last_word(connection, mail_out.id) != check.standing.last_word:
            raise Refused(f"Somebody has just paused {mail_out.name}.", code="S210")
        return mailouts.schedule(connection, mail_out.id, words, starts, at=at, who=who)


def take_back(ledger: Ledger, mail_out_id: int, *, who: str, why: str = "") -> MailOut:
    """Let a mail-out wait for somebody's word again. Refused where it has begun already."""
    before = standing(ledger, mail_out_id).mail_out
    if before.state not in mailouts.FRESH:
        raise Refused(
            f"{before.name} has begun already.", hint=f"mailer pause {before.name}", code="S210"
        )
    with ledger.writing() as connection:
        return mailouts.unschedule(connection, before, at=ledger.now(), who=who, why=why)
