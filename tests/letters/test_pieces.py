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
from mailer.letters.message import common
from mailer.letters.message import pieces as wire
from mailer.letters.message.mime import compose
from mailer.letters.message.pieces import Lines, Part, Shared
from mailer.plan.plan import Plan, Planned
from mailer.sending.dispatch import Dispatch
from tests.conftest import SettableClock, a_contact, a_letter, a_plan
from tests.helpers.sendings import sending_options
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
    first, second = ([part for _, part in shared] for _, shared in composed)
    assert first == second  # the very same ones: the file, and lines
    assert [one for one in first if not isinstance(one, Lines)] == first[-1:]
    assert all(len(own) < len(first[-1].data) for own, _ in composed)


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
            sqlite_ledger, mail_out, session_to(server.port), sending_options(connections=2)
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
            sqlite_ledger, mail_out, session_to(server.port), sending_options(connections=1)
        ).run()
    assert ended.state is MailOutState.PAUSED  # a matter of ours refuses nobody
    assert re.search(r"the letter has \d,\d{3} bytes, the server takes 4,000", ended.why)
    assert server.taken == []


def _read(number: int, *, name: str, country: str) -> bytes:
    body = [f"Dear {name},"] + [f"line {at} that everybody reads alike" for at in range(12)]
    body += [f"you vote for {country}"] + [f"line {at} below it" for at in range(20)]
    top = f"From: jana@rights.example\r\nTo: {number}@no.example\r\n\r\n"
    return (top + "\r\n".join(body) + "\r\n").encode()


def test_what_letters_have_in_common_is_taken_out_and_the_whole_stays_the_same() -> None:
    before: list[tuple[bytes, Shared]] = [
        (_read(number, name=f"Anna {number}", country="Norway" if number % 2 else "Malta"), ())
        for number in range(40)
    ]
    before[3] = (before[3][0], ((len(before[3][0]), PDF),))
    after = list(common.apart(before))
    assert [wire.joined(*one) for one in after] == [wire.joined(*one) for one in before]
    assert all(f"Dear Anna {number},".encode() in own for number, (own, _) in enumerate(after))
    assert all(own.startswith(b"From: jana") and b"\r\n\r\n" in own for own, _ in after)
    assert len({part for _, shared in after for _, part in shared}) == 3  # two countries, a file
    assert max(len(own) for own, _ in after) < 120
    again = [(own, wire.references(shared)) for own, shared in common.apart(before)]
    assert again == [(own, wire.references(shared)) for own, shared in after]


def test_what_only_a_few_read_says_who_they_are_and_stays_their_own() -> None:
    few = common.MANY - 1
    letters: list[tuple[bytes, Shared]] = [
        (_read(number, name="Anna" * 80 if number < few else f"Jan {number}", country="Malta"), ())
        for number in range(60)
    ]
    after = list(common.apart(letters))
    assert not any(b"Anna" in part.data for _, shared in after for _, part in shared)
    assert [wire.joined(*one) for one in after] == [own for own, _ in letters]


def test_line_that_begins_with_a_dot_is_doubled_beside_a_part() -> None:
    own, shared = b"a\r\n.b\r\n", ((0, DOTS), (3, DOTS), (7, DOTS))
    whole = wire.joined(own, shared)
    assert b"".join(wire.on_the_wire(own, shared)) == wire.stuffed(whole)
    assert wire.ends_all_lines_with_crlf(own, shared)
    assert not wire.ends_all_lines_with_crlf(own, ((2, DOTS),))  # between CR and LF
    assert not wire.ends_all_lines_with_crlf(b"a\nb\r\n", ())
    assert not wire.ends_all_lines_with_crlf(own, ((3, Part(b"no end")),))
    assert not wire.is_ascii(own, ((3, Part("é\r\n".encode())),))
