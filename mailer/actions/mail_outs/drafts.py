"""Letters of a mail-out as drafts in the sender's own mailbox, for those whom a person writes to.

The order of writes, and what holds after a crash, stands in `ledger/moves/drafts.py`. No letter is
sent from here, and nothing in the mailbox is deleted or moved: a person sends the drafts, or
deletes them and says so.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mailer.actions.mail_outs import (
    held_among,
    kill_switch_is_off,
    may_send,
    not_before_its_start,
    not_past,
    obey_holds,
)
from mailer.base.address import allowed
from mailer.base.errors import MailerError, Refused, UsageError
from mailer.base.settings.workspace import Workspace
from mailer.base.states import MailOutState, Reason, State
from mailer.inbox.own_mailbox import OwnMailbox, changed, own_mailbox
from mailer.ledger import mailouts
from mailer.ledger.guard.senders import dead_among, sender
from mailer.ledger.ledger import Ledger
from mailer.ledger.moves import drafts as moves
from mailer.ledger.moves import resolve
from mailer.ledger.reading import deliveries
from mailer.ledger.reading.counts import count
from mailer.ledger.reading.deliveries import Delivery
from mailer.letters.message.finish import finished
from mailer.sending.connect import imap_server, options_of
from mailer.sending.imap import credentials


@dataclass(slots=True)
class Drafts:
    """What came of laying letters among the drafts, or of looking after them."""

    folder: str = ""
    put: list[Delivery] = field(default_factory=list)
    sent: list[tuple[Delivery, str]] = field(default_factory=list)  # and the evidence
    # reached, or about to be, elsewhere; or they have spoken since (`claims.not_any_more`)
    passed_over: list[Delivery] = field(default_factory=list)
    astray: list[Delivery] = field(default_factory=list)  # laid there, and recorded otherwise
    lying: int = 0
    waiting: int = 0  # for a sender, or for a later draft


def put_drafts(
    workspace: Workspace, ledger: Ledger, mail_out_id: int, only: Sequence[str], *, who: str
) -> Drafts:
    """Lay letters that wait among the drafts, each once, in the place of sending them.

    `only` names delegations, by code or name, and people, by name, address or number; without it
    everybody who waits is meant. What lies there already, or was sent, is found and recorded first.
    Raises what keeps the mail-out from being sent, `UsageError` where no mailbox is set, and
    `ServerError`: whatever was laid until then is on record.
    """
    done = Drafts()
    with ledger.reading() as connection:
        mail_out = mailouts.get(connection, mail_out_id)
    if mail_out.to_heads:
        raise Refused(
            f"The letters of {mail_out.name} go to heads of delegations, their members in Cc: a"
            " mail program would send each draft to all of them. No draft was made.",
            hint=f"mailer send {mail_out.name}",
            code="S210",
        )
    with _opened(workspace) as box, sender(ledger) as me:
        check = may_send(workspace, ledger, mail_out_id)
        not_before_its_start(ledger, check.standing.mail_out)
        laying = None if check.refusal else workspace
        _look(ledger, box, mail_out_id, done, who=who, laying=laying, me=me)
        if check.refusal:
            if done.put or done.sent:
                return _counted(ledger, mail_out_id, done)
            raise check.refusal
        obey_holds(workspace, ledger, mail_out_id, who=who)
        if chosen := _chosen(workspace, ledger, mail_out_id, only):
            with ledger.writing() as connection:
                moves.begin(connection, mail_out_id, at=ledger.now(), who=who)
        holds = options_of(workspace).holds
        for one in chosen:
            kill_switch_is_off(workspace)
            not_past(ledger, check.standing.mail_out)
            if holds is not None and holds.has_changed:
                obey_holds(workspace, ledger, mail_out_id, who=who)
            _must_be_allowed(workspace, one)
            with ledger.writing() as connection:
                taken = moves.take(connection, one, owner=me, at=ledger.now(), who=who)
            if taken:
                _lay(ledger, box, one, done, who=who)
                continue
            with ledger.reading() as connection:
                state = mailouts.get(connection, mail_out_id).state
            if state is not MailOutState.PAUSED:
                raise Refused(
                    f"Somebody else has just changed this mail-out: it is {state.value}.",
                    hint="what lies among the drafts is on record: mailer status",
                    code="S210",
                )
            done.passed_over.append(one)
        with ledger.writing() as connection:
            moves.finish_if_done(connection, mail_out_id, at=ledger.now(), who=who)
    return _counted(ledger, mail_out_id, done)


def look_after_drafts(
    workspace: Workspace, ledger: Ledger, mail_out_id: int, *, who: str
) -> Drafts:
    """Record what of the drafts was sent, as the folder of sent mail shows it."""
    done = Drafts()
    with _opened(workspace) as box:
        _look(ledger, box, mail_out_id, done, who=who)
    return _counted(ledger, mail_out_id, done)


def look_after_all(workspace: Workspace, ledger: Ledger, *, who: str) -> int:
    """Record what was sent of all drafts that lie in the mailbox. Returns how many were; without a
    draft, or a mailbox in the settings, nobody is asked. Raises as `look_after_drafts` does.
    """
    with ledger.reading() as connection:
        lying = moves.with_drafts(connection)
    if not lying or workspace.settings.imap.host is None:
        return 0
    done = Drafts()
    with _opened(workspace) as box:
        for mail_out_id in lying:
            _look(ledger, box, mail_out_id, done, who=who)
    return len(done.sent)


def take_back(
    workspace: Workspace, ledger: Ledger, one: Delivery, *, who: str, because: str
) -> None:
    """Say that a draft is not sent: whoever plans the rest may write to the person anew.

    Refused while it lies in the folder, where somebody could still send it, while somebody lays it
    there, and where it was sent.
    """
    with ledger.reading() as connection:
        owner = moves.owners(connection, one.mail_out_id).get(one.id, "")
        if owner and not dead_among(ledger, connection, [owner]):
            raise _being_laid(one)
    if workspace.settings.imap.host is not None:
        with _opened(workspace) as box:
            done = Drafts()
            if _was_sent(ledger, box, one, done):
                raise Refused(
                    f"The letter to {one.name} was sent: {done.sent[0][1]}. It is recorded so.",
                    hint=f"mailer log show {one.shown}",
                    code="S215",
                )
            if box.has_draft(one.message_id or ""):
                raise Refused(
                    f'The letter to {one.name} still lies in the folder "{box.drafts}". Nothing was'
                    " changed.",
                    hint="delete the draft in your mail program, and type the same again",
                    code="S215",
                )
    with ledger.writing() as connection:
        back = moves.take_back(
            connection, one, left_by=owner, because=because, at=ledger.now(), who=who
        )
        if not back:  # it is no draft any more, or somebody lays it there at this moment
            now, *_ = deliveries.by_id(connection, [one.id])
            if now.state is State.DRAFTED:
                raise _being_laid(one)
            to, at = State.NOT_SENT, ledger.now()
            resolve.settle(connection, one, to, who=who, because=because, at=at)


def _being_laid(one: Delivery) -> Refused:
    return Refused(
        f"The letter to {one.name} is being put among the drafts at this moment. Nothing was"
        " changed.",
        hint="type the same again in a moment",
        code="S215",
    )


@contextlib.contextmanager
def _opened(workspace: Workspace) -> Iterator[OwnMailbox]:
    server = imap_server(workspace)
    context, token = asyncio.run(credentials(server))
    with own_mailbox(server, context, token, workspace.settings.imap) as box:
        yield box


def _look(
    ledger: Ledger,
    box: OwnMailbox,
    mail_out_id: int,
    done: Drafts,
    *,
    who: str,
    laying: Workspace | None = None,
    me: str = "",
) -> None:
    """Find out what became of the drafts. `laying`: put those of which is not known whether they
    lie there, as whoever took them ended before it was recorded; but nobody's who is on the hold
    list by now. `me` is who lays them then.
    """
    done.folder = box.drafts
    with ledger.reading() as connection:
        drafted = deliveries.people(connection, mail_out_id, states=(State.DRAFTED,))
        owners = moves.owners(connection, mail_out_id)
        gone = set(dead_among(ledger, connection, {name for name in owners.values() if name}))
        stopped = mailouts.get(connection, mail_out_id).state is MailOutState.STOPPED
    held = held_among(laying, ledger, mail_out_id, (State.DRAFTED,)) if laying else []
    not_to_lie = {one.id: Reason.ON_HOLD for one in held}
    if stopped:
        not_to_lie = dict.fromkeys((one.id for one in drafted), Reason.STOPPED)
    for one in drafted:
        if _was_sent(ledger, box, one, done) or one.handover_at is not None:
            continue
        if owners[one.id] and owners[one.id] not in gone:
            continue  # somebody is at it at this moment
        if laying and one.id not in not_to_lie:
            _must_be_allowed(laying, one)
            with ledger.writing() as connection:
                ours = moves.take_over(connection, one, left_by=owners[one.id], owner=me)
            if ours:
                _lay(ledger, box, one, done, who=who)
        elif box.has_draft(one.message_id or ""):
            _lies(ledger, box, one, done, who=who)
        elif reason := not_to_lie.get(one.id):
            with ledger.writing() as connection:
                moves.give_up(connection, one, reason, at=ledger.now(), who=who)


def _was_sent(ledger: Ledger, box: OwnMailbox, one: Delivery, done: Drafts) -> bool:
    """Record a draft as accepted where it is among the sent mail, with what of it was changed."""
    copy = box.sent_copy(one.message_id or "")
    if copy is None:
        return False
    what = changed(_bytes(ledger, one), copy.data)
    if what is None:
        said = "the same to the byte"
    else:
        said = f"changed before that: {', '.join(what)}" if what else "with other headers"
    at = f"{copy.at:%d %B %Y %H:%M} UTC".lstrip("0")
    evidence = f'found in the folder "{box.sent}" since {at}, {said}'
    with ledger.writing() as connection:
        if moves.was_sent(connection, one, evidence, at=ledger.now()):
            done.sent.append((one, evidence))
    return True


def _lay(ledger: Ledger, box: OwnMailbox, one: Delivery, done: Drafts, *, who: str) -> None:
    """Lay a letter that was taken among the drafts, unless it lies there, or was sent."""
    if not _was_sent(ledger, box, one, done):
        if not box.has_draft(one.message_id or ""):
            box.put(_bytes(ledger, one))
        _lies(ledger, box, one, done, who=who)


def _lies(ledger: Ledger, box: OwnMailbox, one: Delivery, done: Drafts, *, who: str) -> None:
    with ledger.writing() as connection:
        ours = moves.lies(connection, one, box.drafts, at=ledger.now(), who=who)
    (done.put if ours else done.astray).append(one)


def _bytes(ledger: Ledger, one: Delivery) -> bytes:
    """Return a letter as it is laid down: with its Date, and no signature, which would break."""
    with ledger.reading() as connection:
        (now,) = deliveries.by_id(connection, [one.id])
        data = deliveries.data_of(connection, now)
    if data is None or now.dated_at is None:
        raise MailerError(f"There is no letter for {one.shown}.")
    return finished(data, (), now.dated_at)[0]


def _chosen(
    workspace: Workspace, ledger: Ledger, mail_out_id: int, only: Sequence[str]
) -> list[Delivery]:
    """Return those who wait and are meant; nobody is an error."""
    known = workspace.delegations
    with ledger.reading() as connection:
        waiting = deliveries.people(connection, mail_out_id, states=(State.WAITING,))
        if not only:
            return waiting
        chosen: dict[int, Delivery] = {}
        for word in only:
            try:
                code = known.named(word).code
                found = [one for one in waiting if one.delegation == code]
            except UsageError:
                found = deliveries.find(connection, mail_out_id, word)
                if len({one.person or one.address_key for one in found}) > 1:
                    names = ", ".join(one.name for one in found[:6])
                    raise UsageError(
                        f'"{word}" can be several people.', hint=f"say which one: {names}"
                    ) from None
                if not found:
                    raise UsageError(
                        f'There is nobody, and no delegation, called "{word}".',
                        hint="mailer log people lists everyone",
                    ) from None
                found = [one for one in found if one.state is State.WAITING]
            chosen |= {one.id: one for one in found}
    if not chosen:
        raise UsageError("None of them waits.", hint="mailer log people says how they stand")
    return sorted(chosen.values(), key=lambda one: one.number)


def _must_be_allowed(workspace: Workspace, one: Delivery) -> None:
    safety = workspace.settings.safety
    if safety.mode != "live" and not allowed(one.address, safety.allow):
        raise Refused(
            f"{one.address} is not on the allow-list of test mode. No draft was made.",
            hint="[safety] in config.toml",
            code="S108",
        )


def _counted(ledger: Ledger, mail_out_id: int, done: Drafts) -> Drafts:
    with ledger.reading() as connection:
        counts = count(connection, mail_out_id).letters
        for told in (done.put, done.passed_over, done.astray):  # as they stand now
            told[:] = deliveries.by_id(connection, [one.id for one in told])
    done.lying, done.waiting = counts[State.DRAFTED], counts[State.WAITING]
    return done
