"""What users do with what comes back, without a word for a screen."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path

from mailer.actions.mail_outs.drafts import look_after_all
from mailer.actions.people import hold
from mailer.base import clock
from mailer.base.address import key_of
from mailer.base.errors import MailerError, ServerError, UsageError
from mailer.base.settings.workspace import Workspace
from mailer.contacts.holds import load_holds
from mailer.inbox.forwarded import messages_in
from mailer.inbox.kinds import InboxKind, Judged
from mailer.inbox.mail.attached import Attached, attached
from mailer.inbox.mail.parts import shortened, take_apart
from mailer.inbox.mail.quotes import OwnWords
from mailer.inbox.mailbox import messages_after
from mailer.inbox.sorting.judge import examine
from mailer.inbox.thread import SentLetters, Threading
from mailer.inbox.watch import Watch, end_with_stdin, my_turn
from mailer.ledger import notes
from mailer.ledger.events import EventKind
from mailer.ledger.ledger import Connection, Ledger, number_of
from mailer.ledger.moves import incoming
from mailer.ledger.moves.incoming import Incoming
from mailer.ledger.reading import answers, listing
from mailer.ledger.reading.answers import IncomingRow
from mailer.ledger.reading.deliveries import Delivery
from mailer.ledger.reading.sent import SentLetter, first_sent, sent_letters
from mailer.report.story import Sentence
from mailer.sending.connect import inbox_servers
from mailer.sending.smtp.server import ConnectError, Server

COLUMNS = ("delivery", "message_id", "envid", "address", "name", "delegation", "subject", "date")
"""What a table of sent letters needs to have; more columns are welcome."""


@dataclass(frozen=True)
class Sorted:
    """One message of a folder, sorted and threaded."""

    file: str
    judgement: Judged
    threading: Threading
    faults: tuple[str, ...]  # what of it could not be read


def try_folder(folder: Path, sent: SentLetters) -> Iterator[Sorted]:
    """Sort and thread every message of a folder, and touch nothing.

    Messages are the files that end in .eml; where there is none, every file.
    """
    files = sorted(one for one in folder.iterdir() if one.is_file() and one.name[:1] != ".")
    for path in [one for one in files if one.suffix.casefold() == ".eml"] or files:
        with path.open("rb") as file:
            mail = take_apart(file)
        judgement, threading, _ = examine(mail, sent)
        yield Sorted(path.name, judgement, threading, tuple(mail.faults))


def sent_by(ledger: Ledger | None) -> SentLetters:
    """Return the letters of a send log that may be answered; none where there is no log."""
    if ledger is None:
        return SentLetters([])
    with ledger.reading() as connection:
        return SentLetters(sent_letters(connection))


def sent_table(path: Path) -> SentLetters:
    """Read a table of sent letters from a CSV file. Raises UsageError with the line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
            if missing:
                raise UsageError(
                    f"{path.name} lacks the column {missing[0]!r}.",
                    hint=f"its first line needs {', '.join(COLUMNS)}",
                )
            return SentLetters([_letter(path, line, row) for line, row in enumerate(rows, 2)])
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path.name} is no table in UTF-8: {error}") from None


def _letter(path: Path, line: int, row: dict[str, str]) -> SentLetter:
    values = {name: (row[name] or "").strip() for name in COLUMNS}
    text = values.pop("date")
    try:
        date = parsedate_to_datetime(text) if text else None
    except ValueError:
        raise UsageError(
            f"{path.name}, line {line}: {text!r} is no date.",
            hint="write it as in a mail: Mon, 11 Jan 2027 08:31:00 +0000",
        ) from None
    delivery, message_id, envid, *who = (values[name] for name in COLUMNS[:-1])
    address, name, delegation, subject = who
    return SentLetter(delivery, message_id, envid, address, name, delegation, subject, date)


@dataclass(frozen=True, slots=True)
class PutOnHold:
    """Somebody who is on the hold list for what they wrote, and letters to see to (M-0001-042)."""

    delivery: str  # what they answered
    name: str
    drafts: tuple[str, ...] = ()  # lie in our own mailbox, where somebody could send them
    too_late: tuple[str, ...] = ()  # being handed over at this moment


@dataclass(frozen=True)
class Recorded:
    """What reading mailboxes or files came to."""

    new: int  # messages that were not on record
    known: int
    kinds: dict[str, int]
    held: tuple[PutOnHold, ...]  # they asked for it
    waiting: int  # of the new ones, for a person
    # folders that could not be read: "us at imap.example: INBOX", and why
    unread: tuple[tuple[str, MailerError], ...] = ()
    drafts_sent: int = 0  # drafts that were found among the sent mail


def take_in(
    workspace: Workspace,
    ledger: Ledger,
    found: Iterable[tuple[str, bytes] | tuple[str, bytes, tuple[int, int]]],
    *,
    at: datetime,
) -> Recorded:
    """Sort, thread and record messages, each in one transaction; what is on record is left alone.

    Whoever objects, and says nothing else, is put on the hold list at once. The list stands first:
    after a crash in between the message is read again, and nobody is held twice. Whoever is
    released later stays so. `found` yields the place that a message is from, its bytes, and, of a
    mailbox, UIDVALIDITY and UID, which are recorded with it. Texts older than `[inbox] keep_days`
    are taken away.
    """
    inbox = workspace.settings.inbox
    sent, of = SentLetters([]), None
    kinds: Counter[str] = Counter()
    held: list[PutOnHold] = []
    known = waiting = 0
    passed: dict[str, tuple[int, int]] = {}  # known messages, by folder: the last one of them
    try:
        for place, raw, *up_to in found:
            digest = hashlib.sha256(raw).hexdigest()
            with ledger.reading() as connection:
                if answers.is_on_record(connection, digest):
                    known += 1
                    passed.update((place, one) for one in up_to)
                    continue
                # Read after the folder was searched, it has every letter that is answered there.
                if of is None or (up_to and place != of):
                    sent, of = SentLetters(sent_letters(connection), ours=_ours(workspace)), place
            message, threading = _incoming(place, raw, digest, sent, inbox.verp or "")
            del raw  # the next one may be as long
            plain = message.kind == InboxKind.OBJECTION and message.sure and message.whole
            if plain and len(threading.letters) == 1:
                held += _obeyed(workspace, ledger, threading.letters, at=at)
            with ledger.writing() as connection:
                number = incoming.record(
                    connection,
                    message,
                    [letter.delivery for letter in threading.letters],
                    how=threading.how,
                    certainty=threading.certainty,
                    at=at,
                )
                for one in up_to:
                    incoming.read_up_to(connection, place, *one)
                    passed.pop(place, None)
            if number is None:  # somebody else read it at the same moment
                known += 1
                continue
            kinds[message.kind] += 1
            waiting += not message.sure or message.kind == InboxKind.REPLY
    finally:
        if passed:
            with ledger.writing() as connection:
                for place, one in passed.items():
                    incoming.read_up_to(connection, place, *one)
    with ledger.writing() as connection:
        incoming.expire(connection, at - timedelta(days=inbox.keep_days))
    return Recorded(sum(kinds.values()), known, dict(kinds), tuple(held), waiting)


Mailboxes = Sequence[tuple[Server, tuple[str, ...]]]
"""Servers with a login, and the folders to read there."""


def scan(
    workspace: Workspace, ledger: Ledger, *, at: datetime, mailboxes: Mailboxes | None = None
) -> Recorded:
    """Read what is new in the mailboxes of `[inbox]` and take it in.

    How far a folder was read is recorded with each message. A mailbox that cannot be read keeps no
    other from being read, and stands in `unread`; what came before the first letter was sent is
    not read at all. What was sent of the drafts is looked for, too.
    """
    unread: list[tuple[str, MailerError]] = []

    def found() -> Iterator[tuple[str, bytes, tuple[int, int]]]:
        for server, folders in inbox_servers(workspace) if mailboxes is None else mailboxes:
            for folder in folders:
                box = f"{server.user} at {server.host}: {folder}"
                trouble: ServerError | None = None
                try:
                    yield from _new_in(ledger, server, folder, box)
                except ServerError as fault:
                    trouble = fault
                    unread.append((box, fault))
                with ledger.writing() as connection:
                    incoming.looked(connection, box, at=at, fault=str(trouble or ""))
                if isinstance(trouble, ConnectError):
                    break  # it is asked once, not once for each folder

    recorded = take_in(workspace, ledger, found(), at=at)
    sent = 0
    try:
        sent = look_after_all(workspace, ledger, who="mailer inbox")
    except ServerError as fault:
        unread.append((f"{workspace.settings.imap.user}: drafts", fault))
    return replace(recorded, unread=tuple(unread), drafts_sent=sent)


def _new_in(
    ledger: Ledger, server: Server, folder: str, box: str
) -> Iterator[tuple[str, bytes, tuple[int, int]]]:
    with ledger.reading() as connection:
        place, first = answers.place(connection, box), first_sent(connection)
    if first is None:
        return  # nothing was sent that could be answered
    # A day more for the server's time zone; a clock that ran ahead hides nothing.
    since = (min(first, clock.now()) - timedelta(days=2)).date()
    for validity, uid, raw in messages_after(server, folder, place, since):
        yield box, raw, (validity, uid)


def watch(
    workspace: Workspace,
    ledger: Ledger,
    tell: Callable[[Recorded], None],
    *,
    beside: bool = False,
) -> None:
    """Scan whenever something comes. What is new is told, and each trouble once for as long as it
    lasts. A login that was refused is not tried again.

    Ends with Ctrl-C; `beside` another process, with that one (`mail_outs/beside.py`).
    """
    rounds = Watch(inbox_servers(workspace))
    with contextlib.ExitStack() as until_the_end:
        if beside:
            end_with_stdin(rounds)
            until_the_end.enter_context(my_turn(workspace, rounds))
        watch_in(rounds, workspace, ledger, tell)


def watch_in(
    rounds: Watch, workspace: Workspace, ledger: Ledger, tell: Callable[[Recorded], None]
) -> None:
    """Scan in these rounds until they end."""
    said: set[str] = set()
    for _ in rounds.rounds():
        found = scan(workspace, ledger, at=ledger.now(), mailboxes=rounds.mailboxes)
        troubles = {f"{box} {fault}": (box, fault) for box, fault in found.unread}
        fresh = tuple(one for words, one in troubles.items() if words not in said)
        if found.new or found.held or found.drafts_sent or fresh:
            tell(replace(found, unread=fresh))
        said = set(troubles)
        for box, fault in found.unread:
            if isinstance(fault, ConnectError) and not fault.temporary:
                rounds.leave_out(box)
        if not rounds.mailboxes:
            return


def _ours(workspace: Workspace) -> list[str]:
    """Return the addresses under which we write, and those that are read."""
    sender = workspace.settings.sender
    logins = [one.user or "" for one in workspace.settings.inbox.all_mailboxes]
    return [sender.address, sender.answers_to, *(one for one in logins if "@" in one)]


def _obeyed(
    workspace: Workspace,
    ledger: Ledger,
    letters: Iterable[SentLetter | Delivery],
    *,
    at: datetime,
) -> list[PutOnHold]:
    """Put whoever answered these letters on the hold list, for every organisation here."""
    held = []
    for one in letters:
        called = one.delivery if isinstance(one, SentLetter) else one.shown
        if one.address:  # not erased
            done = hold(
                workspace,
                ledger,
                (),
                load_holds(workspace.hold_list, workspace.delegations),
                address=one.address,
                name=one.name,
                delegation=one.delegation,
                because=f"asked not to be written to, in answer to {called}",
                who="mailer inbox",
                at=at,
            )
            held.append(PutOnHold(called, one.name, done.drafts, done.too_late))
    return held


def sort_by_hand(
    workspace: Workspace,
    ledger: Ledger,
    number: int,
    kind: InboxKind,
    letters: Sequence[str] | None,
    *,
    at: datetime,
    who: str,
) -> list[PutOnHold]:
    """Record what a person says that a message is. Returns who is on the hold list for it."""
    with ledger.reading() as connection:
        found = answers.message(connection, number)
        if found is None:
            raise UsageError(f"There is no message {number}.", hint="mailer inbox list")
        names = found.letters if letters is None else letters
        people = [_letter_called(connection, name) for name in names]
    held: list[PutOnHold] = []
    if kind is InboxKind.OBJECTION:  # first: a crash in between holds too many, never too few
        held = _obeyed(workspace, ledger, people, at=at)
    with ledger.writing() as connection:
        incoming.sort(connection, number, kind, letters, at=at, who=who)
    return held


def _letter_called(connection: Connection, name: str) -> Delivery:
    mail_out, _, number = name.rpartition("-")
    known = re.fullmatch(r"M-\d+-\d+", name, re.ASCII)
    one = listing.one(connection, number_of(mail_out), int(number)) if known else None
    if one is None:
        raise UsageError(f"There is no letter {name}.", hint="they are called M-0001-042")
    return one


def import_messages(workspace: Workspace, ledger: Ledger, path: Path, *, at: datetime) -> Recorded:
    """Take in the messages of a file or folder."""
    return take_in(workspace, ledger, messages_in(path), at=at)


@dataclass(frozen=True, slots=True)
class OpenedMessage:
    """A message that somebody has opened. Nothing of it is loaded, run or opened."""

    row: IncomingRow
    people: tuple[Delivery, ...]  # whose letters it belongs to
    text: str | None  # None once it was taken away
    attached: tuple[Attached, ...]


def open_message(ledger: Ledger, number: int, *, at: datetime, who: str) -> OpenedMessage:
    """Return a message and what hangs on it. That it was opened is recorded, with the letters that
    it belongs to.
    """
    with ledger.reading() as connection:
        found = answers.message(connection, number)
        if found is None:
            raise UsageError(f"There is no message {number}.", hint="mailer inbox list")
        kept = answers.raw(connection, number)
        people = tuple(_letter_called(connection, name) for name in found.letters)
    with ledger.writing() as connection:
        incoming.opened(connection, number, at=at, who=who)
        for one in people:
            notes.opened(connection, one, at=at, who=who, kind=EventKind.MESSAGE_OPENED)
    raw = zlib.decompress(kept) if kept else None
    return OpenedMessage(
        found,
        people,
        take_apart(raw).text if raw is not None else None,
        tuple(attached(raw)) if raw is not None else (),
    )


class Follows(StrEnum):
    """What may follow from a message."""

    SORT = "sort"
    HOLD = "hold"
    CORRECT = "correct"
    AGAIN = "again"


@dataclass(frozen=True, slots=True)
class Proposal:
    """What may follow from a message, for a person to do; nothing is done by itself."""

    what: Follows
    sentence: Sentence
    command: str = ""
    letter: str = ""  # M-0001-042: whom it concerns


_ADDRESS = re.compile(r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)+")


def proposals(one: IncomingRow) -> list[Proposal]:
    """Return what may follow from a message."""
    steps: list[Proposal] = []
    if not one.sure:
        sort = f"mailer inbox sort {one.id} {one.kind}"
        steps.append(Proposal(Follows.SORT, Sentence("say what it is"), sort))
    known = {key_of(address) for address in one.addresses}
    named = [
        address
        for address in dict.fromkeys(_ADDRESS.findall(one.own))
        if key_of(address) not in known and address not in one.sender
    ]
    for letter, address, cell in zip(one.letters, one.addresses, one.cells, strict=True):
        hold = f'mailer contacts hold {address} --because "…"'
        correct = Sentence("correct the address in the sheet: {place}", place=cell)
        match one.kind:
            case InboxKind.OBJECTION if not one.sure or not (one.whole or one.sorted_by):
                sort = f"mailer inbox sort {one.id} objection"
                words = Sentence("put them on the hold list")
                steps.append(Proposal(Follows.HOLD, words, sort, letter))
            case InboxKind.LEFT_OFFICE:
                successor = Sentence("write to the successor: put them into {place}", place=cell)
                steps.append(Proposal(Follows.CORRECT, successor, letter=letter))
                steps.append(
                    Proposal(Follows.HOLD, Sentence("or put them on the hold list"), hold, letter)
                )
            case InboxKind.RETURNED_HARD:
                steps.append(Proposal(Follows.CORRECT, correct, letter=letter))
            case InboxKind.COMPLAINT:
                words = Sentence("put them on the hold list")
                steps.append(Proposal(Follows.HOLD, words, hold, letter))
            case InboxKind.AWAY if one.until:
                day = Sentence("try again after {day}, when they are back", day=str(one.until))
                note = f'mailer position set {address} --next "write again" --due {one.until}'
                steps.append(Proposal(Follows.AGAIN, day, note, letter))
        if one.kind in (InboxKind.LEFT_OFFICE, InboxKind.RECEIPT, InboxKind.AWAY):
            steps += [
                Proposal(
                    Follows.CORRECT,
                    Sentence("they name {address}; {place} has theirs", address=it, place=cell),
                    letter=letter,
                )
                for it in named[:3]
            ]
    return steps


def _incoming(
    place: str, raw: bytes, digest: str, sent: SentLetters, verp: str
) -> tuple[Incoming, Threading]:
    mail = take_apart(raw)
    try:
        judged, threading, words = examine(mail, sent, verp=verp)
    except Exception as fault:  # our own mistake with one message keeps no other from being read
        reason = f"it could not be sorted ({type(fault).__name__})"
        judged, threading = Judged(InboxKind.UNRELATED, reason, sure=False), Threading()
        words = OwnWords(mail.text, "", "", attributed=False)
    faults = f" (not all of it could be read: {'; '.join(mail.faults)})" if mail.faults else ""
    hidden = bool(mail.faults) or not mail.sender[1]  # what cannot be seen waits for a person
    message = Incoming(
        digest=digest,
        box=place,
        arrived_at=mail.arrived(),
        kind=judged.kind,
        sure=judged.sure and not (judged.kind is InboxKind.UNRELATED and hidden),
        reason=judged.reason + faults,
        until=judged.until,
        whole=judged.whole,
        sender=_harmless(" ".join(filter(None, mail.sender))),
        subject=_harmless(mail.header("subject")),
        own=_harmless(words.own)[:20_000],
        parts="\n".join(_harmless(part.name or part.type) for part in mail.parts[:100]),
        raw=zlib.compress(shortened(raw)),
    )
    return message, threading


def _harmless(text: str) -> str:
    """Take out what no database keeps: NUL, and halves of characters."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
