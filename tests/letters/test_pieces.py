"""Facts about a letter in pieces: it is the same as in one piece, wherever shared parts stand."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import pytest
import sqlalchemy as sa

from mailer.base.errors import Refused
from mailer.base.states import MailOutState
from mailer.ledger import mailouts, stored_letters
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading import deliveries as queries
from mailer.ledger.schema import letter, part
from mailer.letters.message import pieces as wire
from mailer.letters.message.mime import compose
from mailer.letters.message.pieces import Part, Shared
from mailer.plan.plan import Plan, Planned
from mailer.sending.dispatch import Dispatch
from mailer.sending.queue import SendingOptions
from tests.conftest import SettableClock, a_contact, a_letter, a_plan
from tests.helpers.smtp_server import SmtpServer
from tests.sending.test_dispatch import session_to

PDF = Part(b"Content-Type: application/pdf\r\n\r\n" + b"JVBERi0x\r\n" * 500)
DOTS = Part(b".first\r\nthen\r\n..two\r\n.\r\n")


@pytest.mark.parametrize(
    ("own", "shared", "whole"),
    [
        (b"a\r\n", (), b"a\r\n"),
        (b"", (), b""),
        (b"a\r\nb\r\n", ((3, DOTS),), b"a\r\n" + DOTS.data + b"b\r\n"),
        (b"a\r\n", ((0, DOTS), (0, PDF), (3, DOTS)), DOTS.data + PDF.data + b"a\r\n" + DOTS.data),
    ],
)
def test_pieces_make_the_whole(own: bytes, shared: Shared, whole: bytes) -> None:
    assert wire.joined(own, shared) == whole
    assert wire.size(own, shared) == len(whole)
    pieces = [one if isinstance(one, bytes) else one.data for one in wire.pieces(own, shared)]
    assert b"".join(map(wire.stuffed, pieces)) == wire.stuffed(whole)
    assert wire.joined(b"Date\r\n" + own, wire.shifted(shared, 6)) == b"Date\r\n" + whole
    assert wire.referred(wire.references(shared)) == [(place, one.digest) for place, one in shared]


def test_fingerprint_covers_the_shared_parts_and_their_places() -> None:
    own = b"a\r\nb\r\n"
    shareds: list[Shared] = [(), ((3, PDF),), ((0, PDF),), ((3, DOTS),), ((3, PDF), (3, DOTS))]
    assert len({wire.digest(own, wire.references(shared)) for shared in shareds}) == len(shareds)


def a_plan_with_files(people: int = 4) -> Plan:
    """A plan in which the first person's letter carries two files, and everyone's the same one."""
    plan = a_plan(people)
    deliveries = []
    for one in plan.deliveries:
        own = a_letter(a_contact(one.number))
        shared: Shared = (
            ((len(own) - 7, PDF), (len(own), DOTS)) if one.number == 1 else ((len(own), PDF),)
        )
        digest = wire.digest(own, wire.references(shared))
        deliveries.append(
            Planned(
                one.contact,
                one.number,
                one.position,
                "en",
                False,
                None,
                "",
                one.message_id,
                digest,
                own,
                shared,
            )
        )
    return Plan(
        plan.appeal,
        plan.title,
        plan.mode,
        plan.server,
        plan.sender,
        None,
        tuple(deliveries),
        plan.sources,
    )


def test_part_is_stored_once_and_held_in_memory_once(ledger: Ledger, clock: SettableClock) -> None:
    plan = a_plan_with_files()
    with ledger.writing() as connection:
        mailouts.create(connection, plan, at=clock(), who="Jana")
        assert connection.scalar(sa.select(sa.func.count()).select_from(part)) == 2
        found = stored_letters.read(connection, [one.digest or "" for one in plan.deliveries])
    assert {digest: wire.joined(*letter) for digest, letter in found.items()} == {
        one.digest: wire.joined(one.data or b"", one.shared) for one in plan.deliveries
    }
    assert len({id(each) for letter in found.values() for _, each in letter.shared}) == 2


def test_letter_is_read_whole_as_evidence(ledger: Ledger, clock: SettableClock) -> None:
    plan = a_plan_with_files()
    with ledger.writing() as connection:
        mail_out = mailouts.create(connection, plan, at=clock(), who="Jana")
    with ledger.reading() as connection:
        (one,) = queries.find(connection, mail_out, "1")
        assert queries.data_of(connection, one) == wire.joined(
            plan.deliveries[0].data or b"", plan.deliveries[0].shared
        )


def test_part_goes_with_the_last_letter_that_carries_it(
    ledger: Ledger, clock: SettableClock
) -> None:
    plan = a_plan_with_files()
    digests = [one.digest or "" for one in plan.deliveries]
    with ledger.writing() as connection:
        mailouts.create(connection, plan, at=clock(), who="Jana")
        stored_letters.forget(connection, digests[0])
        assert set(connection.scalars(sa.select(part.c.digest))) == {PDF.digest}, (
            "the others carry it"
        )
        for digest in digests[1:]:
            stored_letters.forget(connection, digest)
        assert list(connection.scalars(sa.select(part.c.digest))) == []
        assert set(connection.scalars(sa.select(letter.c.data))) == {b""}


@pytest.mark.parametrize("what", ["own", "place", "part", "gone"])
def test_letter_that_was_changed_in_the_log_is_not_read(
    ledger: Ledger, clock: SettableClock, what: str
) -> None:
    stored_letters._HELD.clear()
    plan = a_plan_with_files()
    with ledger.writing() as connection:
        mailouts.create(connection, plan, at=clock(), who="Jana")
        changes = {
            "own": sa.update(letter).values(data=zlib.compress(b"other\r\n")),
            "place": sa.update(letter).values(shared=f"0:{PDF.digest}"),
            "part": sa.update(part).values(data=b"other\r\n"),
            "gone": sa.delete(part),
        }
        connection.execute(changes[what])
        with pytest.raises(Refused, match="not the one that was planned"):
            stored_letters.read(connection, [one.digest or "" for one in plan.deliveries])


def test_composed_letter_shares_its_files_with_the_others(tmp_path: Path) -> None:
    from tests.helpers.letters import person
    from tests.letters.test_attachments import PDF as FILE
    from tests.letters.test_attachments import letters as made_of
    from tests.letters.test_attachments import workspace

    made = made_of(workspace(tmp_path, "files/report.pdf", **{"report.pdf": FILE}))
    about = {
        "sender": "us@rights.example",
        "reply_to": "us@rights.example",
        "unsubscribe": "us@rights.example",
    }
    composed = [
        compose(
            made.render(one, "en"),
            recipient_name=one.name,
            recipient_address=one.address,
            message_id=f"{one.given}@rights.example",
            **about,
        )
        for one in (person(), person(given="Ola", address="ola@no.parliament.example"))
    ]
    (_, ((_, first),)), (_, ((_, second),)) = composed
    assert first is second
    assert all(len(own) < len(first.data) for own, _ in composed)


@pytest.mark.parametrize(
    "offers", [(b"PIPELINING", b"SIZE 10000000"), ()], ids=["pipelining", "one by one"]
)
async def test_letter_arrives_whole_with_its_dots(
    sqlite_ledger: Ledger, clock: SettableClock, offers: tuple[bytes, ...]
) -> None:
    plan = a_plan_with_files(6)
    with sqlite_ledger.writing() as connection:
        mail_out = mailouts.create(connection, plan, at=clock(), who="Jana")
    async with SmtpServer(offers=offers) as server:
        await Dispatch(
            sqlite_ledger, mail_out, session_to(server.port), SendingOptions(connections=2)
        ).run()
    date = b"Date: Wed, 20 Jan 2027 08:00:00 +0000\r\n"
    assert {one.recipient: one.data for one in server.taken} == {
        one.contact.address: date + wire.joined(one.data or b"", one.shared)
        for one in plan.deliveries
    }


async def test_server_that_takes_less_than_the_whole_is_not_offered_it(
    sqlite_ledger: Ledger, clock: SettableClock
) -> None:
    with sqlite_ledger.writing() as connection:
        mail_out = mailouts.create(connection, a_plan_with_files(2), at=clock(), who="Jana")
    async with SmtpServer(offers=(b"SIZE 4000",)) as server:
        ended = await Dispatch(
            sqlite_ledger, mail_out, session_to(server.port), SendingOptions(connections=1)
        ).run()
    assert ended.state is MailOutState.PAUSED  # a matter of ours refuses nobody
    assert re.search(r"the letter has \d,\d{3} bytes, the server takes 4,000", ended.why)
    assert server.taken == []
