"""A mail-out that is sent by mortal senders, and the checks that compare its send log with the
witness's record.

The rules, for every recipient: accepted means that the server saw the letter once and said yes;
nobody's letter may have arrived twice; what may have arrived and is not accepted is unknown; the
counts add up and nothing is left over; there are at most as many unknown letters as lines that
broke after the dot (one for each open connection and kill); the bytes are those of the plan behind
one Date that never changes; one recipient a transaction, and nobody else; the chain of seals over
the record holds.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

from mailer.base.states import OPEN, MailOutState, State
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading import deliveries as queries
from mailer.ledger.reading.counts import count
from mailer.ledger.record import seals
from mailer.plan.plan import Plan, Planned
from tests.conftest import a_contact, a_plan

from .witness import NO_ANSWER, Witness

_NUMBERS = itertools.count(1)


def a_tag() -> str:
    """Return a word that no other campaign of this run has: it begins the addresses, by which the
    witness tells them.
    """
    return f"c{next(_NUMBERS)}"


def a_long_plan(tag: str, people: int, *, gone: Iterable[int] = ()) -> Plan:
    """A plan of an appeal of its own, to people whose addresses begin with `tag`. Those in `gone`
    will be refused.
    """
    gone, deliveries = set(gone), []
    for number in range(1, people + 1):
        local = f"{tag}-{'gone' if number in gone else 'p'}-{number}"
        contact = a_contact(number)
        address = f"{local}@{contact.address.partition('@')[2]}"
        contact = a_contact(
            number, address=address, given=local, surname=tag, name=f"{local} {tag}"
        )
        data = (
            f"From: <us@rights.example>\r\nTo: <{address}>\r\nSubject: a letter\r\nMessage-ID:"
            f" <{local}@rights.example>\r\n\r\n.Dear {local},\r\n..\r\n.\r\n{'hello ' * 8}\r\n"
        ).encode()
        digest = sha256(data).hexdigest()
        deliveries.append(
            Planned(
                contact,
                number,
                number,
                "en",
                False,
                None,
                "",
                f"<{local}@rights.example>",
                digest,
                data,
            )
        )
    return a_plan(appeal=tag, deliveries=tuple(deliveries))


def planned(ledger: Ledger, plan: Plan) -> int:
    with ledger.writing() as connection:
        return mailouts.create(connection, plan, at=datetime.now(UTC), who="test")


@dataclass
class Tally:
    """What is said of many campaigns in one line."""

    campaigns: int = 0
    kills: int = 0
    letters: int = 0
    unknown: int = 0
    states: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        states = " · ".join(
            f"{number:,} {state}" for state, number in sorted(self.states.items()) if number
        )
        return f"{self.letters:,} letters: {states}"

    def add(self, counts: dict[State, int], kills: int = 0) -> None:
        self.campaigns += 1
        self.kills += kills
        self.letters += sum(counts.values())
        self.unknown += counts[State.UNKNOWN]
        self.states.update({state.value: number for state, number in counts.items()})


def check(
    ledger: Ledger,
    mail_out_id: int,
    witness: Witness,
    *,
    kills: int,
    connections: int,
    finished: bool = True,
) -> dict[State, int]:
    """Compare the send log with the server's record; raises AssertionError. Returns the counts by
    state.
    """
    with ledger.reading() as connection:
        mail_out = mailouts.get(connection, mail_out_id)
        people = queries.people(connection, mail_out_id)
        counts = count(connection, mail_out_id).letters
        timelines = {
            one.id: queries.timeline(connection, one.id)
            for one in people
            if one.state is State.UNKNOWN
        }
    broken = 0
    for one in people:
        dots = witness.dots(one.address)
        arrived = [dot for dot in dots if dot.may_have_arrived]
        where = (one.address, one.state, one.reason, dots)
        assert len(arrived) <= 1, ("a second copy", where)
        if one.state is State.ACCEPTED:
            assert len(arrived) == 1 and arrived[0].answer == "250", (
                "accepted, and the server does not know it",
                where,
            )
            assert one.handover_at is not None, where
        elif arrived:
            assert one.state is State.UNKNOWN, (
                "lost: it may have arrived, and nobody is told",
                where,
            )
        if one.state is State.UNKNOWN:
            assert timelines[one.id], where
            broken += any(dot.answer == NO_ANSWER for dot in dots)
        for dot in dots:
            assert dot.digest == one.digest, ("not the bytes of the plan", where)
            assert dot.recipients == 1, ("more than one recipient", where)
        assert len({dot.date for dot in dots}) <= 1, (
            "the Date has changed between two attempts",
            where,
        )
    assert counts[State.UNKNOWN] - broken <= kills * connections, (counts, kills, connections)
    assert sum(counts.values()) == len(people)
    if finished:
        assert mail_out.state is MailOutState.FINISHED, (mail_out.state, mail_out.why, counts)
        assert not sum(counts[state] for state in OPEN), counts
    return counts


def chain_holds(ledger: Ledger) -> None:
    """Go through the seals over the whole record: a few milliseconds for each, so once,
    at the end.
    """
    with ledger.reading() as connection:
        proof = seals.verify(connection)
    assert proof.seals and not proof.broken, proof.broken
