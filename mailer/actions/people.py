"""A person in the hands of a user: finding them; putting them on the hold list and taking them off
it; saying what became of their letter, or sending it once more (`ledger/moves/resolve.py`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from mailer.actions.mail_outs.drafts import take_back
from mailer.base.address import allowed, key_of
from mailer.base.errors import MailerError, Refused, UsageError
from mailer.base.settings.workspace import Workspace
from mailer.base.spelling import called, finds, nearest, tokens
from mailer.base.states import State
from mailer.contacts import hold_list
from mailer.contacts.book import ContactBook
from mailer.contacts.contact import Contact
from mailer.contacts.holds import Hold, Holds, load_holds
from mailer.contacts.rows.addresses import read_address
from mailer.ledger import events, notes
from mailer.ledger.accounts import noted
from mailer.ledger.events import EventKind
from mailer.ledger.ledger import Connection, Ledger, Unwritable, shown
from mailer.ledger.moves import holding, incoming
from mailer.ledger.moves import resolve as unknown
from mailer.ledger.moves.holding import TakenOut
from mailer.ledger.reading import answers, listing
from mailer.ledger.reading.deliveries import Delivery, needing_a_person
from mailer.plan.draft import Draft, read_contacts
from mailer.report.evidence import Sent, letter_of
from mailer.report.export import Beside

MOST = 100


@dataclass(frozen=True, slots=True)
class Found:
    """Whom a search found. `more`: there are other deliveries than these, the newest."""

    deliveries: Sequence[Delivery]
    contacts: Sequence[Contact]
    more: bool


def find(connection: Connection, book: ContactBook, wanted: str) -> Found:
    """Find people by words of their name or address; in the send log also by what servers said of
    them and by notes.
    """
    deliveries = listing.anywhere(connection, wanted, MOST + 1)
    contacts = book.called(wanted, MOST)
    return Found(deliveries[:MOST], contacts, len(deliveries) > MOST)


def known_as(book: ContactBook, who: str) -> list[Contact]:
    """Find people of the sheets by address, name, or part of a name; nobody is an error."""
    if found := called(book.contacts, who):
        return found
    raise UsageError(
        f'Nobody in the sheets is called "{who}".', hint="mailer contacts show lists everybody"
    )


def one_known_as(book: ContactBook, who: str) -> Contact:
    """Return the one person who is meant; an address that is in no sheet stands for itself."""
    address = read_address(who).address
    if address and not any(contact.address_key == key_of(address) for contact in book.contacts):
        return Contact("", None, 0, address=address)
    found = known_as(book, who)
    if len({contact.person_key for contact in found}) > 1:
        names = ", ".join(f"{contact.name} ({contact.delegation})" for contact in found[:6])
        raise UsageError(f'"{who}" can be several people.', hint=f"say which one: {names}")
    return found[0]


def entry_of(there: Holds, who: str) -> Hold:
    """Return the one entry of the hold list that is meant."""
    found = [one for one in there if one.address and key_of(one.address) == key_of(who)]
    found = found or [one for one in there if finds(who, one.name)]
    if len(found) == 1:
        return found[0]
    text = (
        f'"{who}" can be several entries of the hold list.'
        if found
        else f'"{who}" is not on the hold list.'
    )
    raise UsageError(text, hint="mailer contacts holds lists them; the address is the surest")


@dataclass(frozen=True, slots=True)
class NewHold:
    """A new entry of the hold list, and whom of the sheets it holds."""

    entry: Hold
    matched: Sequence[Contact]
    near: str = ""  # a name in the sheets that is nearly that of an entry which matches nobody
    before: Hold | None = None  # the list held the person already, and nothing was written
    taken_out: Sequence[TakenOut] = ()  # what it meant for each mail-out that is not over

    @property
    def name(self) -> str:
        return self.entry.name or self.entry.address

    @property
    def drafts(self) -> tuple[str, ...]:
        """The letters that lie as drafts, like M-0001-042: a person deletes them there."""
        return tuple(f"{of.mail_out}-{at:03d}" for of in self.taken_out for at in of.drafts)

    @property
    def too_late(self) -> tuple[str, ...]:
        """The letters that are being handed over at this moment."""
        return tuple(f"{of.mail_out}-{at:03d}" for of in self.taken_out for at in of.too_late)


MOST_OF_A_NAME = 80
"""Characters."""


def hold(
    workspace: Workspace,
    ledger: Ledger | None,
    contacts: Sequence[Contact],
    there: Holds,
    *,
    address: str = "",
    name: str = "",
    delegation: str = "",
    because: str,
    who: str,
    at: datetime,
) -> NewHold:
    """Put a person on the hold list, and out of what is planned or being sent: never written to
    again, until released.

    The list is written first: after a crash in between, a sender sees it before its next letter.
    `ledger` is None where there is no send log yet.
    `contacts` and `there` are the sheets and the list as they stand; `delegation` is a code.
    """
    if not because:
        raise UsageError("Say why nobody writes to this person any more.")
    entry = Hold(address, name, delegation, because, at.date().isoformat(), who, "", 0)
    if before := there.match(entry):
        return NewHold(entry, (), before=before)
    since = None
    if ledger is not None:
        with ledger.reading() as connection:
            since = events.newest(connection)
    hold_list.hold(workspace.hold_list, backups(workspace), entry, workspace.delegations)
    alone = Holds((entry,))
    matched = [contact for contact in contacts if alone.match(contact)]
    names = (one.name for one in contacts if not delegation or one.delegation == delegation)
    near = None if matched or not name else nearest(name, names)
    taken_out: Sequence[TakenOut] = ()
    with _list_is_written(f"{name or address} is on the hold list and gets no more letters."):
        noted(ledger, "held", who=who, detail=delegation)
        if ledger is not None:
            with ledger.writing() as connection:
                taken_out = holding.take_out_of_all(connection, alone, at=at, who=who, since=since)
    return NewHold(entry, matched, near or "", taken_out=taken_out)


@contextlib.contextmanager
def _list_is_written(so_far: str) -> Iterator[None]:
    """Say what is done already where the send log does not take the rest. A sender asks the list
    itself before each letter, so that nobody is written to for it.
    """
    try:
        yield
    except Unwritable as fault:
        raise type(fault)(
            f"{so_far} Only the send log does not say so yet. {fault.message}",
            hint="see to that first; the hold list itself needs nothing more",
            code=fault.code,
        ) from fault


def release(workspace: Workspace, ledger: Ledger | None, entry: Hold, *, who: str) -> Hold | None:
    """Take one entry off the list. Returns another one that goes on holding the same person."""
    hold_list.release(workspace.hold_list, backups(workspace), entry, workspace.delegations)
    with _list_is_written(f"{entry.name or entry.address} is off the hold list."):
        noted(ledger, "released", who=who, detail=entry.delegation)
    return load_holds(workspace.hold_list, workspace.delegations).match(entry)


def forget(workspace: Workspace, ledger: Ledger | None, entry: Hold, *, who: str) -> None:
    """Erase name and address of one entry, and what this person wrote to us or somebody about
    them; the person is held as before. After a crash in between, type it again.
    """
    if ledger is not None and entry.address:
        with ledger.writing() as connection:
            incoming.forget_address(connection, key_of(entry.address))
    hold_list.forget(workspace.hold_list, backups(workspace), entry, workspace.delegations)
    with _list_is_written("Name and address are gone from the hold list."):
        noted(ledger, "hold_forgotten", who=who, detail=entry.delegation)


def backups(workspace: Workspace) -> Path:
    return workspace.state_dir / "backups"


def settle(
    workspace: Workspace, ledger: Ledger, one: Delivery, to: State, *, who: str, because: str
) -> None:
    """Say what became of an unknown delivery, or of a draft: accepted, or not sent."""
    _named(who, because)
    if one.state is State.DRAFTED and to is State.NOT_SENT:
        take_back(workspace, ledger, one, who=who, because=because)
        return
    with ledger.writing() as connection:
        unknown.settle(connection, one, to, who=who, because=because, at=ledger.now())


def resend(ledger: Ledger, one: Delivery, now: Draft, *, who: str, because: str) -> str:
    """Plan the same letter once more and return the name of that mail-out; nothing is sent by it.

    `now` is the appeal as it is today. Refused to whoever is held, or is not on the allow-list in
    test mode.
    """
    _named(who, because)
    if hold := now.holds.match(one):
        raise Refused(
            f"{one.name} is on the hold list: {hold.because}. Nothing was released.", code="S213"
        )
    with ledger.reading() as connection:
        other = holding.named_beside(connection, one, now.holds)
    if other:
        raise Refused(
            f"The letter to {one.name} names {other.name}, who is on the hold list. Nothing was"
            " released.",
            hint=f"say that it is not sent, then: mailer retry {shown(one.mail_out_id)}",
            code="S213",
        )
    if now.mode == "test" and not allowed(one.address, now.workspace.settings.safety.allow):
        raise Refused(
            f"{one.address} is not on the allow-list of test mode. Nothing was released.",
            hint="[safety] in config.toml",
            code="S108",
        )
    with ledger.writing() as connection:
        new = unknown.release(
            connection,
            one,
            mode=now.mode,
            server=now.sending.server,
            sources=now.sources.pack(),
            who=who,
            because=because,
            at=ledger.now(),
        )
    return shown(new)


def _named(who: str, because: str) -> None:
    if not because or not who:
        raise UsageError("A decision needs a name and a reason.", hint='--because "she answered"')


def open_letter(workspace: Workspace, ledger: Ledger, one: Delivery, *, who: str) -> Sent | None:
    """Return the letter of a delivery as it went over the line, and write down who opened it; None
    where there is none.
    """
    with ledger.writing() as connection:
        sent = letter_of(workspace, connection, one)
        if sent is not None:
            notes.opened(connection, one, at=ledger.now(), who=who)
    return sent


def note(ledger: Ledger, one: Delivery, text: str, *, who: str) -> None:
    """Write a note beside a delivery; its state stays."""
    _tell(ledger, one, EventKind.NOTED, who, text)


def follow_up(ledger: Ledger, one: Delivery, *, again: bool, who: str) -> None:
    """Tick the follow-up of a delivery off, or take it up again. Refused where there is none."""
    _in_follow_up(ledger, one)
    _tell(ledger, one, EventKind.TO_DO_AGAIN if again else EventKind.DONE, who)


def assign(ledger: Ledger, one: Delivery, owner: str, due: date | None, *, who: str) -> None:
    """Say who follows a delivery up, and by which day. Refused where nobody has to."""
    _in_follow_up(ledger, one)
    if not owner.strip() and due is None:
        raise UsageError("Say who follows it up, or by which day.")
    day, owner = due.isoformat() if due else "-", " ".join(owner.split())
    if len(owner) > MOST_OF_A_NAME:
        raise UsageError(f"A name has at most {MOST_OF_A_NAME} characters. Nothing was changed.")
    _tell(ledger, one, EventKind.ASSIGNED, who, f"{day} {owner}")


@dataclass(frozen=True, slots=True)
class FollowedUp:
    """Who follows a delivery up, by which day, and who has done it; empty where nobody has."""

    owner: str
    due: str
    done: str


def followed_up(connection: Connection, one: Delivery) -> FollowedUp:
    """Return how the follow-up of a delivery stands."""
    here = (connection, one.mail_out_id, (one.id,))
    owner, due = notes.assigned(*here).get(one.id, ("", ""))
    done = notes.done(*here).get(one.id)
    return FollowedUp(owner, due, done[0] if done else "")


def _in_follow_up(ledger: Ledger, one: Delivery) -> None:
    with ledger.reading() as connection:
        needs = {each.id for each in needing_a_person(connection, one.mail_out_id)}
        away = answers.back_on(connection, one.mail_out_id)
    if one.id not in needs and one.id not in away:
        raise Refused(f"{one.shown} needs no follow-up; nothing was changed.")


TELEPHONE = {
    *("phone", "telephone", "tel", "mobile", "telefon", "telefono", "telefone", "telefoon"),
    *("telefonnummer", "handy", "mobil", "portable", "cellulare"),
}
"""One of these words stands in the heading of a column with telephone numbers."""


def of_the_sheets(contacts: Sequence[Contact]) -> Beside:
    """Return what the sheets say now of people that is of use on the telephone: their number, and
    the note. Headings under which nothing stands are left away.
    """
    by_key = {key: one for one in contacts for key in (one.address_key, one.person_key) if key}

    def told(of: Callable[[Contact], str]) -> Callable[[Delivery], str]:
        def tell(one: Delivery) -> str:
            contact = by_key.get(one.person) or by_key.get(one.address_key)
            return of(contact) if contact else ""

        return tell

    what: dict[str, Callable[[Contact], str]] = {
        "Telephone": _numbers,
        "Note in the sheet": lambda contact: contact.note,
    }
    return {heading: told(of) for heading, of in what.items() if any(map(of, contacts))}


def _numbers(contact: Contact) -> str:
    said = contact.extra.items()
    return ", ".join(text for heading, text in said if TELEPHONE & set(tokens(heading)))


def for_the_telephone(workspace: Workspace) -> Beside:
    """Return `of_the_sheets`, of the sheets as they are now; nothing where they cannot be read:
    what became of people is told all the same.
    """
    try:
        _, book, _ = read_contacts(workspace)
    except MailerError:
        return {}
    return of_the_sheets(book.contacts)


def to_follow_up(connection: Connection, mail_out_id: int, people: Sequence[Delivery]) -> Beside:
    """Return what is known of the follow-up of these people: owner, day, last note, who has done
    it.
    """
    given = notes.assigned(connection, mail_out_id)
    done = notes.done(connection, mail_out_id)
    said = notes.last_notes(connection, people, mail_out_id)
    return {
        "Owner": lambda one: given.get(one.id, ("", ""))[0],
        "Due": lambda one: given.get(one.id, ("", ""))[1],
        "Last note": lambda one: said.get(one.id, ""),
        "Done by": lambda one: done.get(one.id, ("",))[0],
    }


def _tell(ledger: Ledger, one: Delivery, kind: EventKind, who: str, text: str = "") -> None:
    with ledger.writing() as connection:
        at = ledger.now()
        events.write(connection, kind, one.mail_out_id, one.id, at=at, who=who, detail=text)
