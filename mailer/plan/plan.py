"""A frozen mail-out: every person with a letter's finished bytes, or with the reason for being left
out.

Making a plan writes nothing and needs no network. Every letter is rendered, built and read back
before the plan exists. What a person's row lacks leaves that person out, with the cell; a mistake
of a letter refuses the whole plan. The hash covers whom, what, from whom and through which server;
`Sources` keep what it was made from.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from mailer.base.address import domain_of
from mailer.base.errors import MailerError, Problem
from mailer.base.problems import Scope, concerns, problem
from mailer.base.states import Reason, State
from mailer.contacts.contact import Contact
from mailer.letters.appeal import Appeal
from mailer.letters.attachments import made
from mailer.letters.formal import FormalLetter, pdf
from mailer.letters.message import common, mime, pieces
from mailer.letters.message.headers import HeaderError, mailbox
from mailer.letters.message.pieces import Shared
from mailer.letters.message.read_back import read_back
from mailer.letters.render import Rendered, Renderer
from mailer.plan import heads, shared_mailbox
from mailer.plan.audience import Decision
from mailer.plan.follow_up import FirstLetter
from mailer.plan.heads import HeadLetter
from mailer.plan.sources import Sources

TOO_MANY = 50
"""Problems in letters that are shown; the same slip usually meets everybody."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One delivery of the plan."""

    contact: Contact
    number: int  # in the order of the sheets, from 1
    position: int  # in the order of sending, from 1; 0 for those left out
    language: str
    fell_back: bool
    reason: Reason | None  # why left out; None: gets a letter
    detail: str
    message_id: str | None = None
    digest: str | None = None
    data: bytes | None = None  # the letter's own bytes
    shared: Shared = ()  # what it shares with others: files, and most lines
    cell: str = ""  # of the sheet, where the letter cannot be written because of it
    beside: int = 0  # the number of whom the letter to the same mailbox is for
    head_letter: HeadLetter | None = None  # the letter is that of the delegation, in common

    @property
    def state(self) -> State:
        return State.WAITING if self.reason is None else State.SKIPPED

    def row(self) -> dict[str, Any]:
        """Return the columns of the ledger's `delivery` that a plan knows."""
        contact = self.contact
        problem = contact.problem
        return {
            "number": self.number,
            "position": self.position,
            "person": contact.person_key,
            "name": contact.name,
            "address": contact.address,
            "address_key": contact.address_key if contact.address else "",
            "domain": domain_of(contact.address_key),
            "delegation": contact.delegation,
            "role": contact.role,
            "political_group": contact.group,
            "language": self.language,
            "file": contact.file,
            "sheet": contact.sheet or "",
            "row": contact.row,
            "cell": (
                self.cell or (problem.cell if problem else None) or contact.cells.get("address", "")
            ),
            "message_id": self.message_id,
            "digest": self.digest,
            "state": self.state.value,
            "reason": self.reason.value if self.reason else "",
            "detail": self.detail,
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """Who gets what, from whom, through which server. `hash` is the fingerprint that an approval
    signs.
    """

    appeal: str
    title: str
    mode: str
    server: str
    sender: str
    until: datetime | None  # nothing is sent from then on
    deliveries: tuple[Planned, ...]
    sources: bytes
    follows: str = ""  # the mail-out or the appeal whose letters these follow up
    to_heads: bool = False  # one letter to the head of each delegation, its members in Cc

    @property
    def letters(self) -> int:
        """How many letters are written; to heads there are fewer than envelopes."""
        return sum(1 for _ in heads.letters(self.to_send))

    @property
    def to_send(self) -> list[Planned]:
        return [one for one in self.deliveries if one.reason is None]

    @property
    def left_out(self) -> list[Planned]:
        return [one for one in self.deliveries if one.reason is not None]

    @property
    def hash(self) -> str:
        what = [self.appeal, self.mode, self.server, self.sender, str(self.until or "")]
        who = [
            [one.contact.address, one.digest, one.contact.person_key, one.reason]
            for one in self.deliveries
        ]
        return fingerprint(what, who)

    def by_delegation(self) -> dict[str, dict[str, int]]:
        """Return {"FR": {"to_send": 34, "left_out": 2}, …}, in the order of the codes."""
        sent = Counter(one.contact.delegation for one in self.to_send)
        out = Counter(one.contact.delegation for one in self.left_out)
        return {code: {"to_send": sent[code], "left_out": out[code]} for code in sorted(sent | out)}


def fingerprint(what: Sequence[str], who: Sequence[Sequence[str | None]]) -> str:
    """Return the hash of a mail-out: appeal, mode, server, sender, end; and of each person
    address, digest, key.
    """
    return sha256(json.dumps([what, who], ensure_ascii=False).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Sending:
    """From whom and through what: the settings that a plan freezes."""

    sender: str  # the envelope sender, an address alone
    from_: str  # "Jana Novak <jana@rights.example>"
    reply_to: str
    server: str  # host:port security user
    mode: str  # test, live or demo

    @property
    def domain(self) -> str:
        return self.sender.rpartition("@")[2]


def make_plan(
    appeal: Appeal,
    decisions: Sequence[Decision],
    renderer: Renderer,
    sending: Sending,
    sources: Sources,
    follows: str = "",
) -> Plan:
    """Render and freeze a letter for everyone who gets one. Raises MailerError with every problem
    of the letters.
    """
    key = secrets.token_bytes(32)
    everyone = {decision.contact.address_key for decision in decisions if decision.reason is None}
    problems: list[Problem] = []
    planned: list[tuple[Decision, Mapping[str, Any]]] = []
    named: dict[Place, int] = {}  # in the letter to their mailbox: whose number it has
    of_delegations: dict[int, Mapping[str, Any]] = {}  # by the identity of their letter
    instead: dict[Place, Decision] = {}  # of whose row lacks something, by the next at the mailbox
    for number, decided in enumerate(decisions, 1):
        before = instead.get(_place(decided.contact))
        decision = shared_mailbox.in_place_of(before, decided) if before else decided
        contact = decision.contact
        frozen: Mapping[str, Any] = {"reason": decision.reason, "detail": decision.detail}
        if decision.reason is Reason.SHARED:
            frozen = {**frozen, "beside": named.get(_place(contact), 0)}
            if not frozen["beside"]:
                frozen = {"reason": Reason.SAME_ADDRESS, "detail": shared_mailbox.SAYS_MORE}
        if decision.reason is None and (common_one := decision.head_letter) is not None:
            named |= dict.fromkeys(map(_place, decision.others), number)
            if id(common_one) not in of_delegations:
                of_delegations[id(common_one)] = frozen
                try:
                    of_delegations[id(common_one)] = _freeze_for_delegation(
                        decision, common_one, renderer, sending, key, everyone
                    )
                except MailerError as fault:
                    if not fault.problems:
                        raise
                    problems += [one for one in fault.problems if one not in problems]
            frozen = of_delegations[id(common_one)]
        elif decision.reason is None:
            try:
                people = shared_mailbox.together(
                    renderer, contact, decision.others, decision.language
                )
                frozen = _freeze(decision, renderer, sending, key, everyone, people)
                named |= dict.fromkeys(map(_place, people[1:]), number)
            except MailerError as fault:
                if not fault.problems:
                    raise
                if concerns(fault.code, Scope.ROW):
                    if decision.others:
                        instead[_place(decision.others[0])] = decision
                    lacks = fault.problems[0]
                    frozen = {
                        "reason": Reason.ROW,
                        "detail": lacking(lacks),
                        "cell": lacks.cell or "",
                    }
                else:
                    problems += [problem for problem in fault.problems if problem not in problems]
                    if len(problems) >= TOO_MANY:
                        break
        planned.append((decision, frozen))
    if problems:
        raise MailerError(
            "A letter cannot be written as it stands. Nothing was planned.", problems=problems
        )
    return Plan(
        appeal=appeal.name,
        title=appeal.title,
        mode=sending.mode,
        server=sending.server,
        sender=sending.sender,
        until=appeal.until,
        deliveries=tuple(_with_shared(_frozen(planned))),
        sources=sources.pack(),
        follows=follows,
        to_heads=appeal.to_heads,
    )


def lacking(problem: Problem) -> str:
    """Say in a few words what a row lacks, with the column: whoever stands there gets no letter."""
    return f"{problem.message} ({problem.column})" if problem.column else problem.message


Place = tuple[str, str | None, int]


def _place(contact: Contact) -> Place:
    return contact.file, contact.sheet, contact.row


def _with_shared(planned: Sequence[Planned]) -> Iterator[Planned]:
    """Keep with whoever is named in the letter to a mailbox which letter that is."""
    letters = {one.number: one for one in planned}
    for one in planned:
        letter = letters.get(one.beside)
        yield (replace(one, message_id=letter.message_id) if letter else one)


def _freeze(
    decision: Decision,
    renderer: Renderer,
    sending: Sending,
    key: bytes,
    everyone: set[str],
    people: Sequence[Contact],
) -> Mapping[str, Any]:
    contact = decision.contact
    message_id = (
        f"<{mime.message_id(key, contact.person_key, contact.address_key, sending.domain)}>"
    )
    first = decision.first
    rendered, data, shared = write(
        contact, decision.language, renderer, sending, message_id, first, people
    )
    read_back(
        data,
        recipient=contact.address,
        everyone=everyone,
        greeting=rendered.greeting,
        cells=rendered.cells,
        thread=first.thread if first else (),
        shared=shared,
        text=rendered.text,
        html=rendered.html,
    )
    written = {"message_id": message_id, "data": data, "shared": shared}
    return {"reason": None, "detail": "", **written}


def _freeze_for_delegation(
    decision: Decision,
    letter: HeadLetter,
    renderer: Renderer,
    sending: Sending,
    key: bytes,
    everyone: set[str],
) -> Mapping[str, Any]:
    head, first = letter.head, letter.first
    new = mime.message_id(key, head.delegation, head.address_key, sending.domain)
    message_id = f"<{new}>"
    rendered, data, shared = write(
        head, decision.language, renderer, sending, message_id, first, copies=letter.copies
    )
    read_back(
        data,
        recipient=head.address,
        everyone=everyone,
        greeting=rendered.greeting,
        cells=rendered.cells,
        thread=first.thread if first else (),
        shared=shared,
        text=rendered.text,
        html=rendered.html,
        copies=[one.address for one in letter.copies],
    )
    return {
        "reason": None, "detail": "", "message_id": message_id, "data": data, "shared": shared,
    }  # fmt: skip


def write(
    contact: Contact,
    language: str,
    renderer: Renderer,
    sending: Sending,
    message_id: str,
    first: FirstLetter | None = None,
    people: Sequence[Contact] = (),
    copies: Sequence[Contact] = (),
) -> tuple[Rendered, bytes, Shared]:
    """Write one person's letter and finish it: its words, its own bytes, and the files that it
    shares. `first` is the letter that it follows; `people` are all whom it is for, where they share
    a mailbox; `copies` stand in Cc.
    """
    people = people or (contact,)
    rendered = renderer.render(contact, language, first.subject if first else "", people)
    if rendered.formal:
        rendered = _mailed(rendered, rendered.formal, renderer.appeal.root)
    try:
        own, shared = mime.compose(
            rendered,
            sender=sending.from_,
            reply_to=sending.reply_to,
            recipient_name=shared_mailbox.names(people),
            recipient_address=contact.address,
            message_id=message_id,
            unsubscribe=sending.reply_to,
            thread=first.thread if first else (),
            copies=[(one.name, one.address) for one in copies],
        )
    except MailerError as fault:  # the words of the letter are checked; the name is this person's
        contact = next(filter(_unnamable, copies), contact)
        found = problem(
            "L401",
            contact.file,
            sheet=contact.sheet,
            cell=contact.cells.get("name"),
            row=contact.row,
            value=contact.name,
            message=fault.message,
            suggestion=fault.hint,
        )
        raise MailerError(fault.message, hint=fault.hint, code="L401", problems=[found]) from None
    return rendered, own, shared


def _unnamable(one: Contact) -> bool:
    try:
        mailbox("Cc", one.name, one.address)
    except HeaderError:
        return True
    return False


def _mailed(letter: Rendered, paper: FormalLetter, root: Path) -> Rendered:
    """Put the letter into a PDF, and a short covering mail in its place."""
    file = made(f"letter.{letter.language}.pdf", pdf([paper.data], root))
    return replace(
        letter,
        text=paper.text,
        html=paper.html,
        attachments=(file, *letter.attachments),
        pictures=(),
        formal=None,
        cells=(),
    )


def _frozen(planned: Sequence[tuple[Decision, Mapping[str, Any]]]) -> list[Planned]:
    """Give everybody who gets a letter a place and a fingerprint, and keep once what their letters
    have in common.
    """
    places = _places(planned)
    whole = {id(one["data"]): (one["data"], one["shared"]) for _, one in planned if "data" in one}
    letters = {
        place: {
            "data": own,
            "shared": shared,
            "digest": pieces.digest(own, pieces.references(shared)),
        }
        for place, (own, shared) in zip(whole, common.apart(list(whole.values())), strict=True)
    }
    return [
        Planned(
            contact=decision.contact,
            number=number,
            position=places.get(number, 0),
            language=decision.language,
            fell_back=decision.fell_back,
            head_letter=decision.head_letter,
            **{**frozen, **letters[id(frozen["data"])]} if "data" in frozen else frozen,
        )
        for number, (decision, frozen) in enumerate(planned, 1)
    ]


def _places(planned: Sequence[tuple[Decision, Mapping[str, Any]]]) -> dict[int, int]:
    """Return by number who is when to get a letter: the first of each delegation, then the second
    of each, and so on.
    """
    seen: dict[str, int] = defaultdict(int)
    order = []
    for number, (decision, frozen) in enumerate(planned, 1):
        if frozen["reason"] is None:
            delegation = decision.contact.delegation
            seen[delegation] += 1
            order.append((seen[delegation], delegation, number))
    return {number: place for place, (_, _, number) in enumerate(sorted(order), 1)}
