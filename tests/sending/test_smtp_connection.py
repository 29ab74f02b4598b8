"""Facts about replies on the wire: what is one, however it is cut into pieces, and what never
passes for one.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailer.sending.smtp.connection import (
    LONGEST_REPLY,
    ConnectionLost,
    OutOfStep,
    SmtpConnection,
    readable,
)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as one:
        yield one


async def hear(chunks: list[bytes]) -> tuple[list[tuple[int, str]], str]:
    """Let a line on a real socket hear these bytes. Returns the replies, and what became of the
    line.
    """
    ours, theirs = socket.socketpair()
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours)
    line = SmtpConnection(transport)
    try:
        for chunk in chunks:
            line.data_received(chunk)
        line.eof_received()
        replies = []
        try:
            while True:
                reply = await line.reply(1)
                replies.append((reply.code, reply.text))
        except ConnectionLost as fault:
            return replies, f"{type(fault).__name__}: {fault}"
    finally:
        line.abort()
        theirs.close()
        await asyncio.sleep(0)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


replies = st.lists(
    st.tuples(
        st.integers(200, 599),
        st.lists(st.binary(max_size=12).filter(lambda text: b"\n" not in text), min_size=1),
    ),
    max_size=4,
)
noise = st.lists(
    st.one_of(
        st.binary(max_size=20),
        st.sampled_from(
            [
                b"250 ok\r\n",
                b"250-ok\r\n",
                b"550 no\n",
                b"250",
                b"\r\n",
                b"2_5 x\r\n",
                b"354\r\n",
                b"\x00",
            ]
        ),
    ),
    max_size=8,
).map(b"".join)


@settings(max_examples=150)
@given(
    said=replies,
    places=st.lists(st.integers(0, 10_000), max_size=6),
    ending=st.sampled_from([b"\r\n", b"\n"]),
)
def test_replies_are_the_same_however_they_arrive(
    runner: asyncio.Runner, said: list[tuple[int, list[bytes]]], places: list[int], ending: bytes
) -> None:
    wire = b"".join(
        b"%d%s%s%s" % (code, b"-" if at < len(lines) - 1 else b" ", text, ending)
        for code, lines in said
        for at, text in enumerate(lines)
    )
    heard, end = runner.run(hear(cut(wire, places)))
    assert [code for code, _ in heard] == [code for code, _ in said]
    assert end == "HungUp: the server hung up"


@settings(max_examples=250)
@given(wire=noise, places=st.lists(st.integers(0, 200), max_size=5))
@example(wire=b"250 ok\r\n\xff\r\n250 ok\r\n", places=[])
@example(wire=b"250-a\r\n550 b\r\n", places=[3])
@example(wire=b"\r\n", places=[])
def test_noise_is_never_taken_for_a_reply_and_never_raises(
    runner: asyncio.Runner, wire: bytes, places: list[int]
) -> None:
    heard, end = runner.run(hear([wire]))
    assert runner.run(hear(cut(wire, places)))[0] == heard
    assert all(200 <= code <= 599 and text.isprintable() for code, text in heard)
    assert end.startswith(("HungUp", "OutOfStep"))


@pytest.mark.parametrize(
    ("wire", "codes", "end"),
    [
        (b"250\r\n", [250], "HungUp"),
        (b"250 \r\n", [250], "HungUp"),
        (b"250\n", [250], "HungUp"),
        (b"250-a\r\n250-b\r\n250 c\r\n", [250], "HungUp"),
        (b"250-a\r\n251 b\r\n", [251], "HungUp"),  # the same first digit: the last line's code
        (b"250-a\r\n550 b\r\n", [], "OutOfStep"),
        (b"2500 ok\r\n", [], "OutOfStep"),
        (b"250_ok\r\n", [], "OutOfStep"),
        (b" 250 ok\r\n", [], "OutOfStep"),
        (b"+25 ok\r\n", [], "OutOfStep"),
        (b"2_5 ok\r\n", [], "OutOfStep"),
        (b"199 ok\r\n", [], "OutOfStep"),
        (b"600 ok\r\n", [], "OutOfStep"),
        (b"000 ok\r\n", [], "OutOfStep"),
        ("２５０ ok\r\n".encode(), [], "OutOfStep"),
        (b"25\r\n", [], "OutOfStep"),
        (b"ok\r\n", [], "OutOfStep"),
        (b"250 ok\r\nwhat\r\n250 ok\r\n", [250], "OutOfStep"),  # nothing after garbage counts
        (b"250 2.0.0 Ok: que", [], "HungUp: the server hung up; heard so far: 250 2.0.0 Ok: que"),
        (b"250 " + b"x" * (LONGEST_REPLY + 1), [], "OutOfStep: the server's answer has no end"),
        (b"250 " + b"x" * LONGEST_REPLY + b"\r\n", [], "OutOfStep"),
        (b"250-x\r\n" * LONGEST_REPLY, [], "OutOfStep"),
        (b"250 " + b"x" * 8000 + b"\r\n", [250], "HungUp"),
    ],
)
async def test_what_is_a_reply(wire: bytes, codes: list[int], end: str) -> None:
    heard, became = await hear([wire])
    assert [code for code, _ in heard] == codes
    assert became.startswith(end)


async def test_a_line_is_in_step_while_it_owes_nothing_and_is_owed_nothing() -> None:
    ours, theirs = socket.socketpair()
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours)
    line = SmtpConnection(transport)
    assert line.in_step and line.is_open
    line.send(b"MAIL\r\nRCPT\r\n", 2)
    line.data_received(b"250 one\r\n250 t")
    assert line.in_step
    assert (await line.reply(1)).text == "one"
    line.data_received(b"wo\r\n2")
    assert not line.in_step  # one more than was asked has begun
    assert (await line.reply(1)).text == "two"
    assert not line.in_step
    line.abort()
    with pytest.raises(ConnectionLost):
        line.send(b"DATA\r\n", 1)
    theirs.close()


async def test_an_answer_that_only_drips_runs_out_of_time() -> None:
    ours, theirs = socket.socketpair()
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours)
    line = SmtpConnection(transport)
    line.send(b"NOOP\r\n", 1)

    async def drip() -> None:
        for byte in b"250 2.0.0 and so on, and so on, and so on":
            theirs.send(bytes([byte]))
            await asyncio.sleep(0.02)

    dripping = asyncio.create_task(drip())
    with pytest.raises(
        ConnectionLost, match=r"no answer within 0\.1 seconds; heard so far: 250"
    ) as caught:
        await line.reply(0.1)
    assert not isinstance(caught.value, OutOfStep) and not line.is_open
    dripping.cancel()
    line.abort()
    theirs.close()


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain", "plain"),
        ("Zürich – Łódź".encode(), "Zürich – Łódź"),
        (b"\x1b[2Jx\r\n\x00\x7f\t", r"\x1b[2Jx\r\n\x00\x7f\t"),
        ("a\u202eb\u2028c\u200bd\ufeffe\x85f".encode(), r"a\u202eb\u2028c\u200bd\ufeffe\x85f"),
        (b"\xff\xfe", r"\xff\xfe"),
        ("\U0001f600".encode(), r"\U0001f600"),
        (b"x" * 9000, "x" * 2000),
    ],
)
def test_what_a_server_says_is_made_safe_to_read(raw: bytes, text: str) -> None:
    assert readable(raw) == text


@pytest.mark.parametrize("first", [0.05, 5.0])
def test_each_wait_has_its_own_end_whatever_was_waited_for_before(
    runner: asyncio.Runner, first: float
) -> None:
    """One alarm serves all waits of a line: one that was set for an earlier wait ends no later
    one, and holds none up.
    """

    async def waits() -> float:
        ours, theirs = socket.socketpair()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
        line = SmtpConnection(transport)
        try:
            loop.call_later(0.01, theirs.send, b"250 ok\r\n")
            assert (await line.reply(first)).code == 250
            begun = loop.time()
            with pytest.raises(ConnectionLost, match=r"no answer within 0\.2 seconds"):
                await line.reply(0.2)
            return loop.time() - begun
        finally:
            line.abort()
            theirs.close()
            await asyncio.sleep(0)

    assert 0.2 <= runner.run(waits()) < 2
