"""Facts about one SMTP session: the marker and the dot, the group of commands, what is
never sent.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace

import pytest
import trustme

from mailer.base.errors import Refused
from mailer.base.states import Stage, State
from mailer.ledger.moves.servers import KnownServer
from mailer.sending.smtp.session import (
    AT_ONCE,
    Envelope,
    NotHandedOver,
    Patience,
    Server,
    SmtpSession,
    xtext,
)
from tests.helpers.certificates import trusting as trusts
from tests.helpers.smtp_server import (
    Fault,
    SmtpServer,
    adds,
    drips,
    half_an_answer,
    hangs_up,
    says,
    silent,
)

PIPELINING = (b"PIPELINING", b"8BITMIME", b"SIZE 10000000")
QUICK = Patience(connect=5, command=5, data=5, stall=0.3, dot=0.3, goodbye=0.3)
PATIENT = Patience(connect=10, command=10, data=10, stall=10, dot=10, goodbye=1)
LARGE = AT_ONCE // 16 + 1  # lines of a letter that leaves before its dot
A, B, C = "a.berg@parliament.example", "b.costa@parliament.example", "c.duval@parliament.example"


def letter(recipient: str = A, *, lines: int = 1, envid: str = "") -> Envelope:
    return Envelope(
        "us@ngo.example", recipient, b"Subject: t\r\n\r\n" + b"Dear colleague\r\n" * lines, envid
    )


def session_for(
    server: SmtpServer,
    patience: Patience = PATIENT,
    *,
    allow: frozenset[str] | None = None,
    dsn: bool = False,
    tls: ssl.SSLContext | None = None,
) -> SmtpSession:
    here = Server(
        "127.0.0.1", server.port, "tls" if tls else "none", None, None, "mailer.example", tls
    )
    return SmtpSession(here, patience, lambda one: allow is None or one in allow, dsn=dsn)


async def yes() -> bool:
    return True


async def no() -> bool:
    return False


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def contexts(authority: trustme.CA) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(theirs)
    return theirs, trusts(authority)


# ------------------------------------------------------------------ the usual way


async def test_receipt_says_who_answered_what_and_how_the_line_was_protected(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    async with SmtpServer(tls=contexts[0], implicit_tls=True) as server:
        session = session_for(server, tls=contexts[1])
        receipt = await session.deliver(letter(), yes)
        await session.quit()
    assert (receipt.state, receipt.stage, receipt.code, receipt.enhanced) == (
        State.ACCEPTED,
        Stage.DOT,
        250,
        "2.0.0",
    )
    assert receipt.text == "2.0.0 Ok: queued as 4F1"
    assert receipt.peer == f"127.0.0.1 [127.0.0.1]:{server.port}"
    assert receipt.tls.startswith("TLSv1.")
    assert 0 < receipt.seconds < 10


async def test_bytes_arrive_unchanged_with_every_dot() -> None:
    data = b".first\r\n..second\r\n\r\n.\r\nText.\r\n.\r\n.\r\n"
    async with SmtpServer(offers=PIPELINING) as server:
        session = session_for(server)
        await session.deliver(Envelope("us@ngo.example", A, data), yes)
        session.abort()
    assert [one.data for one in server.taken] == [data]


async def test_local_part_keeps_its_case_on_the_wire() -> None:
    async with SmtpServer() as server:
        session = session_for(server)
        await session.deliver(letter("A.Berg@Parliament.example"), yes)
        session.abort()
    assert b"RCPT TO:<A.Berg@Parliament.example>\r\n" in server.heard


async def test_one_connection_serves_many_letters() -> None:
    async with SmtpServer() as server:
        session = session_for(server)
        for recipient in (A, B, C):
            assert (await session.deliver(letter(recipient), yes)).state is State.ACCEPTED
        assert session.delivered == 3
        assert session.is_open
        await session.quit()
    assert not session.is_open and session.delivered == 0
    assert server.connections == 1
    assert server.verbs() == ["EHLO", *["MAIL", "RCPT", "DATA", "RSET"] * 3, "QUIT"]


@pytest.mark.parametrize("offers", [(b"8BITMIME",), PIPELINING], ids=["one by one", "pipelined"])
async def test_rset_comes_before_the_next_letter_after_a_refused_recipient(
    offers: tuple[bytes, ...],
) -> None:
    stage = "rcpt"
    async with SmtpServer(stage, says(b"550 5.1.1 no\r\n"), 1, offers) as server:
        # a real server answers DATA without a recipient with 554
        server.data_needs_recipient = True
        session = session_for(server)
        refused = await session.deliver(letter(A), yes)
        assert "RSET" not in server.verbs()
        accepted = await session.deliver(letter(B), yes)
        await session.quit()
    assert (refused.state, refused.code, accepted.state) == (State.REFUSED, 550, State.ACCEPTED)
    assert server.verbs().count("RSET") == 2  # before the second letter, and behind it
    assert server.connections == 1


@pytest.mark.parametrize("fault", [silent, hangs_up, says(b"500 what\r\n"), adds(b"250 more\r\n")])
async def test_a_failing_rset_costs_a_connection_and_no_letter(fault: Fault) -> None:
    async with SmtpServer("rset", fault, 1) as server:
        session = session_for(server, QUICK)
        server.refuses_once = A
        refused = await session.deliver(letter(A), yes)
        accepted = await session.deliver(letter(B), yes)
        session.abort()
    assert (refused.state, accepted.state) == (State.REFUSED, State.ACCEPTED)
    assert server.connections == 2


@pytest.mark.parametrize("fault", [silent, hangs_up, says(b"500 what\r\n"), half_an_answer, drips])
async def test_a_failing_quit_touches_nothing(fault: Fault) -> None:
    async with SmtpServer("quit", fault, 1) as server:
        session = session_for(server, QUICK)
        receipt = await session.deliver(letter(), yes)
        await session.quit()
    assert receipt.state is State.ACCEPTED and not session.is_open


async def test_a_goodbye_while_idle_leads_to_a_new_connection() -> None:
    async with SmtpServer() as server:
        session = session_for(server)
        await session.deliver(letter(A), yes)
        await server.say_to_all(b"421 4.4.2 idle for too long\r\n")
        await asyncio.sleep(0.05)  # said at the same moment as MAIL, it would be the answer to MAIL
        assert not session.is_open
        receipt = await session.deliver(letter(B), yes)
        session.abort()
    assert receipt.state is State.ACCEPTED and server.connections == 2


async def test_the_servers_words_are_bounded_and_without_control_characters() -> None:
    noise = b"550 5.1.1 \x1b[31mno\x00 \xe2\x80\xaesuch\xff " + b"x" * 6000 + b"\r\n"
    async with SmtpServer("rcpt", says(noise), 1) as server:
        session = session_for(server)
        receipt = await session.deliver(letter(), yes)
        session.abort()
    assert receipt.text.startswith(r"5.1.1 \x1b[31mno\x00 \u202esuch\xff xxx")
    assert len(receipt.text) == 2000


# ------------------------------------------------------------------ the marker and the dot


@pytest.mark.parametrize("offers", [(b"8BITMIME",), PIPELINING], ids=["one by one", "pipelined"])
@pytest.mark.parametrize("lines", [5, LARGE], ids=["small", "large"])
async def test_the_marker_is_set_before_the_dot_and_after_the_body_of_a_large_letter(
    offers: tuple[bytes, ...], lines: int
) -> None:
    async with SmtpServer(offers=offers) as server:
        seen: list[tuple[int, int]] = []
        before = lines + 2 if lines == LARGE else 0

        async def before_dot() -> bool:
            await server.body_lines(before)
            await asyncio.sleep(0.03)  # a dot on its way would have come
            seen.append((server.dots_for(A), server.lines_of_body))
            return True

        session = session_for(server)
        receipt = await session.deliver(letter(lines=lines), before_dot)
        session.abort()
    assert receipt.state is State.ACCEPTED
    assert seen == [(0, before)]
    assert server.dots_for(A) == 1


async def test_a_no_before_the_dot_means_no_dot() -> None:
    async with SmtpServer(offers=PIPELINING) as server:
        session = session_for(server)
        with pytest.raises(NotHandedOver):
            await session.deliver(letter(A), no, letter(B))
        assert not session.is_open
        assert (await session.deliver(letter(C), yes)).state is State.ACCEPTED
        await session.quit()
    assert [one.recipient for one in server.taken] == [C]


async def test_a_ledger_that_cannot_be_written_means_no_dot() -> None:
    async def full() -> bool:
        raise OSError(28, "No space left on device")

    async with SmtpServer(offers=PIPELINING) as server:
        session = session_for(server)
        with pytest.raises(OSError, match="No space left"):
            await session.deliver(letter(), full)
        assert not session.is_open
        await server.all_gone()
    assert server.taken == []


async def test_a_cancelled_letter_is_not_handed_over_and_the_line_is_dropped() -> None:
    async with SmtpServer(offers=PIPELINING) as server:
        session, reached = session_for(server), asyncio.Event()

        async def waits() -> bool:
            reached.set()
            await asyncio.Event().wait()
            return True

        task = asyncio.create_task(session.deliver(letter(), waits))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not session.is_open
        await server.all_gone()
    assert server.taken == []


async def test_a_cancelled_wait_for_the_answer_is_never_paired_with_the_next_letter() -> None:
    async with SmtpServer(offers=PIPELINING, hold=asyncio.Event()) as server:
        assert server.hold is not None
        session = session_for(server)
        task = asyncio.create_task(session.deliver(letter(A), yes))
        await server.dot_seen.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        server.hold.set()
        receipt = await session.deliver(letter(B), yes)
        session.abort()
    assert receipt.state is State.ACCEPTED and server.connections == 2
    assert [one.recipient for one in server.taken] == [A, B]


async def test_a_silent_server_after_the_dot_is_asked_once_and_the_letter_is_unknown() -> None:
    async with SmtpServer("dot", silent, 1) as server:
        session = session_for(server, QUICK)
        receipt = await session.deliver(letter(), yes)
        await server.all_gone()
    assert (receipt.state, receipt.stage, receipt.code) == (State.UNKNOWN, Stage.DOT, None)
    assert receipt.text == "no answer within 0.3 seconds"
    assert (server.dots_for(A), server.letters) == (1, 1)


async def test_half_an_answer_is_kept_as_evidence() -> None:
    async with SmtpServer("dot", half_an_answer, 1) as server:
        receipt = await session_for(server).deliver(letter(), yes)
    assert receipt.state is State.UNKNOWN
    assert "heard so far: 250 2.0.0 Ok: queued as" in receipt.text


@pytest.mark.parametrize("protected", [False, True], ids=["clear", "tls"])
async def test_a_body_that_stalls_is_cut_off_and_no_dot_ever_leaves(
    protected: bool, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    """The buffers of the kernel, of the socket and of TLS are full. A close would flush them; an
    abort drops them.
    """
    size, go_on, marked = 600_000, asyncio.Event(), []

    async def before_dot() -> bool:
        marked.append(1)
        return True

    async def reads_later(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: bytes
    ) -> bool:
        await go_on.wait()
        return await silent(reader, writer, b"")

    async with SmtpServer(
        "body", reads_later, 1, tls=contexts[0], implicit_tls=protected, small_window=True
    ) as server:
        session = session_for(server, QUICK, tls=contexts[1] if protected else None)
        receipt = await session.deliver(letter(lines=size), before_dot)
        assert (receipt.state, receipt.stage) == (State.DEFERRED, Stage.BODY)
        assert "had not left" in receipt.text
        go_on.set()
        await server.all_gone()
    assert not marked and not server.taken and not server.strays
    assert server.read_after < size * 16 - 1_000_000  # what was still in our buffers did not leave


async def test_an_answer_during_the_body_is_heard_before_the_marker_is_set() -> None:
    """A marker without a dot would make the letter unknown, should the machine stop just then."""
    marked = []

    async def before_dot() -> bool:
        marked.append(1)
        return True

    async with SmtpServer("body", says(b"552 5.3.4 enough\r\n"), 1, small_window=True) as server:
        session = session_for(server)
        receipt = await session.deliver(letter(lines=500_000), before_dot)
        await server.all_gone()
    assert (receipt.state, receipt.stage, receipt.code) == (State.REFUSED, Stage.BODY, 552)
    assert not marked and not server.taken and not session.is_open


async def test_the_dot_waits_for_a_slow_reader(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    """Marked only when the last byte has left for the kernel, also beneath TLS."""
    async with SmtpServer(tls=contexts[0], implicit_tls=True, small_window=True) as server:
        session = session_for(server, tls=contexts[1])
        unsent: list[int] = []

        async def before_dot() -> bool:
            assert session._opened is not None
            unsent.append(session._opened.line.unsent)
            return True

        receipt = await session.deliver(letter(lines=400_000), before_dot)
        await session.quit()
    assert receipt.state is State.ACCEPTED and unsent == [0]
    assert len(server.taken[0].data) == 400_000 * 16 + 14


# ------------------------------------------------------------------ deep pipelining


@pytest.mark.parametrize("lines", [1, LARGE], ids=["small", "large"])
async def test_dot_and_the_next_letters_commands_leave_in_one_write(lines: int) -> None:
    """So does the body of a small letter, its marker being on disk before it leaves."""
    a, b, c = (letter(one, lines=lines) for one in (A, B, C))
    async with SmtpServer(offers=PIPELINING) as server:
        session = session_for(server)

        async def body_is_there() -> bool:
            await server.body_lines(lines + 2 if lines == LARGE else 0)
            return True

        await session.deliver(a, body_is_there, b)
        await session.deliver(b, body_is_there, c)
        await session.deliver(c, body_is_there)
        await session.quit()
    assert [one.recipient for one in server.taken] == [A, B, C]
    body = [b"BODY"] if lines == LARGE else []
    writes = [one for one, before in zip(server.writes, [b"", *server.writes], strict=False)
              if one != b"BODY" or before != one]  # fmt: skip
    assert writes[1:] == [b"MAIL RCPT DATA", *body, b". MAIL RCPT DATA", *body,
                          b". MAIL RCPT DATA", *body, b". RSET", b"QUIT"]  # fmt: skip


async def test_without_pipelining_the_same_calls_go_one_by_one() -> None:
    async with SmtpServer(offers=(b"8BITMIME",)) as server:
        session = session_for(server)
        for one, follow in ((A, letter(B)), (B, letter(C)), (C, None)):
            assert (await session.deliver(letter(one), yes, follow)).state is State.ACCEPTED
        await session.quit()
    assert all(write.count(b" ") == 0 for write in server.writes)
    assert server.connections == 1


@pytest.mark.parametrize("answer", [b"450 4.2.0 later\r\n", b"550 5.7.1 spam\r\n"])
async def test_a_refused_letter_leaves_the_one_behind_it_alone(answer: bytes) -> None:
    async with SmtpServer("dot", says(answer), 1, PIPELINING) as server:
        session = session_for(server)
        first = await session.deliver(letter(A), yes, letter(B))
        second = await session.deliver(letter(B), yes)
        await session.quit()
    assert first.code == int(answer[:3]) and second.state is State.ACCEPTED
    assert server.connections == 2  # a "no" is believed once nothing can stand behind it


@pytest.mark.parametrize("offers", [(), PIPELINING])
@pytest.mark.parametrize("behind", [True, False])
@pytest.mark.parametrize(
    ("in_the_middle", "answer", "state"),
    [
        (b"451 4.3.0 half way", b"250 2.0.0 taken", State.UNKNOWN),
        (b"421 4.3.0 half way", b"250 2.0.0 taken", State.UNKNOWN),
        (b"250 2.0.0 half way", b"550 5.7.1 spam", State.UNKNOWN),
        (b"250 2.0.0 half way", b"452 4.3.1 no room", State.UNKNOWN),
        (b"250 2.0.0 half way", b"250 2.0.0 taken", State.ACCEPTED),
        (b"451 4.3.0 half way", b"550 5.7.1 spam", State.DEFERRED),
    ],
)
async def test_answer_in_the_middle_and_another_behind_the_dot_leaves_the_letter_unknown(
    offers: tuple[bytes, ...], behind: bool, in_the_middle: bytes, answer: bytes, state: State
) -> None:
    """The first one is on its way as the dot leaves, and would pass for its answer."""

    async def two_answers(_reader: object, writer: asyncio.StreamWriter, _usual: bytes) -> bool:
        writer.write(in_the_middle + b"\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)  # two packets
        writer.write(answer + b"\r\n")
        return True

    async with SmtpServer("dot", two_answers, 1, offers) as server:
        session = session_for(server)
        first = await session.deliver(letter(A), yes, letter(B) if behind else None)
        second = await session.deliver(letter(B), yes)
        await session.quit()
    assert first.state is state and server.dots_for(A) == 1
    if state is State.UNKNOWN:
        assert second.state is State.ACCEPTED and server.dots_for(B) == 1
    else:  # the answer that is too many may be met by it, before anything is handed over
        assert second.state is not State.UNKNOWN and server.dots_for(B) <= 1


@pytest.mark.parametrize("no", [b"452 4.5.3 too many messages in this session", b"550 5.7.1 no"])
@pytest.mark.parametrize("stage", ["mail", "rcpt", "data"])
async def test_no_to_the_letter_behind_is_no_doubt_about_the_one_before(
    stage: str, no: bytes
) -> None:
    async with SmtpServer(stage, says(no + b"\r\n"), 2, PIPELINING) as server:
        session = session_for(server)
        first = await session.deliver(letter(A), yes, letter(B))
        second = await session.deliver(letter(B), yes)
        third = await session.deliver(letter(C), yes)
        await session.quit()
    assert (first.state, second.code, third.state) == (
        State.ACCEPTED, int(no[:3]), State.ACCEPTED,
    )  # fmt: skip


async def test_what_is_sent_ahead_and_lost_is_given_up_at_the_second_time() -> None:
    known = KnownServer()
    async with SmtpServer(offers=PIPELINING, loses_ahead=True) as server:
        for times in (1, 2, 2):
            session = session_for(server, replace(PATIENT, ahead=0.2))
            session.known = known
            assert (await session.deliver(letter(A), yes, letter(B))).state is State.ACCEPTED
            assert (await session.deliver(letter(B), yes, letter(C))).state is State.ACCEPTED
            assert (await session.deliver(letter(C), yes)).state is State.ACCEPTED
            await session.quit()
            assert known.pipelining_lost == times
    assert server.connections == 2 + 2 + 1
    assert [server.dots_for(one) for one in (A, B, C)] == [3, 3, 3]


async def test_what_is_lost_behind_mail_is_given_up_too() -> None:
    """Nobody waits for its answers as long as for one to a single command."""
    known = KnownServer()
    async with SmtpServer(offers=PIPELINING, loses_groups=True) as server:
        for times in (1, 2, 2):
            session = session_for(server, replace(PATIENT, ahead=0.2))
            session.known = known
            assert (await session.deliver(letter(A), yes, letter(B))).state is State.ACCEPTED
            assert (await session.deliver(letter(B), yes)).state is State.ACCEPTED
            await session.quit()
            assert known.pipelining_lost == times
    assert [server.dots_for(one) for one in (A, B)] == [3, 3]


async def test_commands_are_sent_ahead_or_not_as_the_settings_say() -> None:
    for setting, groups in ((True, True), (False, False)):
        async with SmtpServer(offers=PIPELINING) as server:
            here = Server("127.0.0.1", server.port, "none", None, None, "mailer.example")
            session = SmtpSession(here, PATIENT, lambda _: True, pipelining=setting)
            session.known = KnownServer(pipelining_lost=9)
            await session.deliver(letter(A), yes)
            await session.quit()
        assert any(write.count(b" ") > 0 for write in server.writes) is groups


async def test_size_that_one_machine_alone_announces_is_asked_for_again() -> None:
    async with SmtpServer(offers=(b"SIZE 10000000",)) as server:
        session = session_for(server)
        assert (await session.deliver(letter(A), yes)).state is State.ACCEPTED
        assert session._opened is not None
        session._opened.extensions["size"] = "5"
        assert (await session.deliver(letter(B), yes)).state is State.ACCEPTED
        await session.quit()
    assert server.connections == 2


async def test_421_at_the_dot_leaves_the_one_behind_it_for_a_new_connection() -> None:
    async with SmtpServer(
        "dot", says(b"421 4.7.0 slow down\r\n", goes_on=False), 1, PIPELINING
    ) as server:
        session = session_for(server)
        first = await session.deliver(letter(A), yes, letter(B))
        assert not session.is_open
        second = await session.deliver(letter(B), yes)
        await session.quit()
    assert (first.state, first.code, second.state) == (State.DEFERRED, 421, State.ACCEPTED)
    assert (server.yes_for(A), server.yes_for(B), server.connections) == (0, 1, 2)


@pytest.mark.parametrize("end", ["another letter", "quit", "abort", "connect"])
async def test_the_announced_letter_that_does_not_come_costs_the_connection_and_gets_no_dot(
    end: str,
) -> None:
    async with SmtpServer(offers=PIPELINING) as server:
        session = session_for(server)
        await session.deliver(letter(A), yes, letter(B))
        if end == "another letter":
            assert (await session.deliver(letter(C), yes)).state is State.ACCEPTED
        elif end == "quit":
            await session.quit()
        elif end == "abort":
            session.abort()
        if end == "connect":
            await session.connect()  # nothing to do: still open, and the letter may still come
            assert (await session.deliver(letter(B), yes)).state is State.ACCEPTED
        await session.quit()
        await server.all_gone()
    assert server.dots_for(A) == 1
    assert server.dots_for(B) == (end == "connect")
    assert server.dots_for(C) == (end == "another letter")


async def test_a_refused_recipient_with_a_354_behind_it_ends_the_connection_without_a_dot() -> None:
    """RFC 2920 section 3.1: the server waits for a body now, and would take an empty one."""
    for deep in (False, True):
        async with SmtpServer(
            "rcpt", says(b"550 5.1.1 no such user\r\n"), 2 if deep else 1, PIPELINING
        ) as server:
            session = session_for(server)
            if deep:
                await session.deliver(letter(C), yes, letter(A))
            receipt = await session.deliver(letter(A), yes, letter(B))
            assert (receipt.state, receipt.stage, receipt.code) == (State.REFUSED, Stage.RCPT, 550)
            assert not session.is_open
            assert (await session.deliver(letter(B), yes)).state is State.ACCEPTED
            await session.quit()
        assert (server.dots_for(A), server.yes_for(B), server.connections) == (0, 1, 2)


async def test_a_group_refused_at_mail_is_read_to_its_end() -> None:
    async with SmtpServer("mail", says(b"550 5.1.8 who are you\r\n"), 2, PIPELINING) as server:
        server.data_needs_recipient = server.recipient_needs_mail = True
        session = session_for(server)
        first = await session.deliver(letter(A), yes, letter(B))
        second = await session.deliver(letter(B), yes, letter(C))
        third = await session.deliver(letter(C), yes)
        await session.quit()
    assert (first.state, third.state) == (State.ACCEPTED, State.ACCEPTED)
    assert (second.state, second.stage, second.code) == (
        State.DEFERRED,
        Stage.MAIL,
        550,
    )  # not the person's fault
    assert server.connections == 2  # the goodbye says that this was no answer to the letter before


async def test_a_refusal_is_not_hidden_by_a_server_that_then_falls_silent() -> None:
    async with SmtpServer("rcpt", says(b"550 5.1.1 no such user\r\n"), 1, PIPELINING) as server:
        server.silent_at_data = True
        patience = Patience(connect=5, command=5, data=0.2, stall=5, dot=5, goodbye=0.2)
        session = session_for(server, patience)
        receipt = await session.deliver(letter(A), yes)
    assert (receipt.state, receipt.code) == (State.REFUSED, 550)
    assert not session.is_open


# ------------------------------------------------------------------ what is never sent


@pytest.mark.parametrize("role", ["letter", "follow"])
async def test_an_address_off_the_allow_list_never_reaches_rcpt(role: str) -> None:
    async with SmtpServer(offers=PIPELINING) as server:
        session = session_for(server, allow=frozenset({A}))
        with pytest.raises(Refused, match="allow-list"):
            await session.deliver(
                letter(A if role == "follow" else B), yes, letter(B) if role == "follow" else None
            )
        session.abort()
    assert not any(b"RCPT" in line for line in server.heard)


async def test_a_stranger_behind_an_announced_letter_ends_the_connection() -> None:
    async with SmtpServer(offers=PIPELINING) as server:
        session = session_for(server, allow=frozenset({A, B}))
        await session.deliver(letter(A), yes, letter(B))
        with pytest.raises(Refused):
            await session.deliver(letter(B), yes, letter(C))
        await server.all_gone()
    assert [one.recipient for one in server.taken] == [A]
    assert not any(C.encode() in line for line in server.heard)


@pytest.mark.parametrize(
    ("recipient", "data"),
    [
        ("a@b.example>\r\nDATA", b"x\r\n"),
        ("a b@c.example", b"x\r\n"),
        ("<a@b.example>", b"x\r\n"),
        ("a@b.example,c@d.example>", b"x\r\n"),
        ("@evil.example:a@b.example", b"x\r\n"),
        ("a@b@c.example", b"x\r\n"),
        ("a.example", b"x\r\n"),
        ("", b"x\r\n"),
        ("a\x00@b.example", b"x\r\n"),
        ("a\u202e@b.example", b"x\r\n"),
        ("é\u2028@b.example", b"x\r\n"),
        (A, b"bare\nline feed\r\n"),
        (A, b"bare\rcarriage return\r\n"),
        (A, b"one of\r each\n\r\n"),
        (A, b"smuggled\n.\nMAIL FROM:<x@y.example>\r\n"),
        (A, b"smuggled\r.\rMAIL FROM:<x@y.example>\r\n"),
        (A, b"no end"),
        (A, b"ends in CR\r"),
        (A, b""),
        (A, "Müller\r\n".encode()),
    ],
)
def test_what_must_not_go_on_the_wire_makes_no_envelope(recipient: str, data: bytes) -> None:
    with pytest.raises(Refused):
        Envelope("us@ngo.example", recipient, data)


async def test_a_letter_beyond_the_announced_size_is_refused_here() -> None:
    async with SmtpServer(offers=(b"PIPELINING", b"SIZE 1000")) as server:
        session = session_for(server)
        receipt = await session.deliver(letter(lines=100), yes)
        assert (await session.deliver(letter(A), yes, letter(B, lines=100))).state is State.ACCEPTED
        again = await session.deliver(letter(B, lines=100), yes)
        await session.quit()
    assert (receipt.state, receipt.stage, receipt.code, receipt.enhanced) == (
        State.REFUSED,
        Stage.MAIL,
        None,
        "5.3.4",
    )
    assert receipt.text == "the letter has 1,614 bytes, the server takes 1,000"
    assert again.state is State.REFUSED
    assert [one.recipient for one in server.taken] == [A]
    assert b"MAIL FROM:<us@ngo.example> SIZE=30\r\n" in server.heard


@pytest.mark.parametrize("size", [b"SIZE", b"SIZE 0", b"SIZE lots"])
async def test_a_size_without_a_limit_limits_nothing(size: bytes) -> None:
    async with SmtpServer(offers=(size,)) as server:
        session = session_for(server)
        assert (await session.deliver(letter(lines=100), yes)).state is State.ACCEPTED
        session.abort()


async def test_an_address_beyond_ascii_needs_smtputf8() -> None:
    for offers, state in (
        ((b"8BITMIME",), State.REFUSED),
        ((b"SMTPUTF8", b"8BITMIME"), State.ACCEPTED),
    ):
        async with SmtpServer(offers=offers) as server:
            session = session_for(server)
            receipt = await session.deliver(letter("jörg@bücher.example"), yes)
            session.abort()
        assert receipt.state is state
    assert receipt.code == 250
    assert "RCPT TO:<jörg@xn--bcher-kva.example>\r\n".encode() in server.heard
    assert any(line.endswith(b"SMTPUTF8\r\n") for line in server.heard)


async def test_an_international_domain_goes_out_in_ascii_and_needs_nothing() -> None:
    async with SmtpServer() as server:
        session = session_for(server, allow=frozenset({"a.berg@xn--bcher-kva.example"}))
        receipt = await session.deliver(letter("a.berg@bücher.example"), yes)
        session.abort()
    assert receipt.state is State.ACCEPTED
    assert b"RCPT TO:<a.berg@xn--bcher-kva.example>\r\n" in server.heard


@pytest.mark.parametrize(("asked", "offered"), [(True, True), (True, False), (False, True)])
async def test_reports_are_asked_for_where_wanted_and_offered(asked: bool, offered: bool) -> None:
    async with SmtpServer(offers=(b"DSN",) if offered else (b"8BITMIME",)) as server:
        session = session_for(server, dsn=asked)
        await session.deliver(letter(envid="M-0001 a+b=c"), yes)
        session.abort()
    wanted = asked and offered
    assert (
        b"MAIL FROM:<us@ngo.example> RET=HDRS ENVID=M-0001+20a+2Bb+3Dc\r\n" in server.heard
    ) is wanted
    assert (f"RCPT TO:<{A}> NOTIFY=FAILURE,DELAY\r\n".encode() in server.heard) is wanted


def test_xtext_encodes_what_would_end_a_parameter() -> None:
    assert xtext("a b+c=d\r\né~") == "a+20b+2Bc+3Dd+0D+0A+C3+A9~"
