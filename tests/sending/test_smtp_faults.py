"""What the server saw and what the session says, for every fault at every stage. The server's
record is the truth.

Three letters to three people go over one session; a fault happens once, at the first or at the
second of them, with and without PIPELINING, and with the dot of one letter in one write with the
commands of the next. Whatever happens:

- accepted: the server has said yes to exactly this letter, once;
- deferred or refused: the server has not said yes;
- unknown: only after the dot, and the server has seen the letter at most once;
- everyone else is accepted, once, over the same session.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from mailer.base.states import Receipt, Stage, State
from mailer.sending.smtp.session import AT_ONCE, Envelope, Patience, Server, SmtpSession
from tests.helpers.smtp_server import (
    Fault,
    SmtpServer,
    adds,
    answers_and_resets,
    drips,
    half_an_answer,
    half_closes,
    hangs_up,
    never_ends,
    resets,
    says,
    silent,
)
from tests.reliability import figures

ACCEPTED, DEFERRED, REFUSED, UNKNOWN = State.ACCEPTED, State.DEFERRED, State.REFUSED, State.UNKNOWN

PATIENT = Patience(connect=10, command=10, data=10, stall=10, dot=10, goodbye=0.5)
# where the server is silent; patient everywhere else, whatever else this machine is doing
QUICK = {
    "mail": replace(PATIENT, command=0.7),
    "rcpt": replace(PATIENT, command=0.7),
    "data": replace(PATIENT, data=0.7),
    "dot": replace(PATIENT, dot=0.7),
}
PEOPLE = ("a.berg@parliament.example", "b.costa@parliament.example", "c.duval@parliament.example")
MODES = ("one by one", "pipelined", "deep")

FAULTS: dict[str, Fault] = {
    "RST": resets,
    "FIN": hangs_up,
    "half a reply": half_an_answer,
    "silence": silent,
    "drip": drips,
    "half-close": half_closes,
    "421": says(b"421 4.7.0 not now\r\n", goes_on=False),
    "450": says(b"450 4.2.0 greylisted\r\n"),
    "451": says(b"451 4.3.0 later\r\n"),
    "452": says(b"452 4.3.1 no room\r\n"),
    "550": says(b"550 5.1.1 no such user\r\n"),
    "552": says(b"552 5.2.2 mailbox full\r\n"),
    "553": says(b"553 5.7.1 not yours\r\n"),
    "554": says(b"554 5.7.1 spam\r\n"),
    "554 of two lines": says(b"554-5.7.1 spam,\r\n554 5.7.1 we think\r\n"),
    "another 2xx": says(b"259 why not\r\n"),
    "a wrong class": says(b"334 go on\r\n"),
    "garbage": says(b"\xff\xfe????\r\n"),
    "no digits": says(b"2_5 2.0.0 Ok\r\n"),
    "code 600": says(b"600 2.0.0 Ok\r\n"),
    "code 199": says(b"199 2.0.0 Ok\r\n"),
    "two classes": says(b"250-yes\r\n550 no\r\n"),
    "glued yes": adds(b"250 2.0.0 Ok: a false yes\r\n"),
    "glued no": adds(b"554 5.7.1 no\r\n"),
    "glued half": adds(b"250 2."),
    "64 KB": says(b"250 " + b"x" * 65536 + b"\r\n"),
    "endless": never_ends,
    "reply and RST": answers_and_resets,
}
WAITS = frozenset({"silence", "drip"})  # the session has to lose patience
HANGS_UP = frozenset({"RST", "FIN", "half a reply", "half-close"})


def letter(recipient: str, lines: int = 1) -> Envelope:
    data = f"To: {recipient}\r\nSubject: t\r\n\r\n" + (
        "Dear colleague,\r\n.a line that starts with a dot\r\n..two\r\n" * lines
    )
    return Envelope("us@ngo.example", recipient, data.encode())


def session_for(server: SmtpServer, patience: Patience = PATIENT) -> SmtpSession:
    here = Server("127.0.0.1", server.port, "none", None, None, "mailer.example")
    return SmtpSession(here, patience, lambda _: True)


def expected(stage: str, fault: str, mode: str, nth: int) -> set[State]:
    """The states that are right for the letter that met the fault."""
    after_dot = stage == "dot"
    if fault in ("421", "450", "451", "452"):
        return {DEFERRED}
    if fault.startswith("55"):
        return {DEFERRED if stage == "mail" else REFUSED}
    if fault == "another 2xx":
        return {DEFERRED} if stage == "data" else {ACCEPTED}
    if fault == "reply and RST":
        return (
            {ACCEPTED, UNKNOWN}
            if after_dot
            else {DEFERRED, ACCEPTED}
            if stage == "mail"
            else {DEFERRED}
        )
    if after_dot and mode != "one by one" and fault.startswith("glued"):
        return {
            UNKNOWN,
            ACCEPTED,
        }  # the second answer may come late, and is then the next letter's trouble
    if fault == "glued half" and mode != "one by one" and stage in ("mail", "rcpt"):
        return {
            DEFERRED,
            ACCEPTED,
        }  # it may end up in the words of the next reply, which is well-formed then
    if stage == "mail" and nth == 2 and fault in HANGS_UP:
        return {
            ACCEPTED
        }  # the server had closed after the last letter: a new connection, without a word
    if (
        fault in WAITS
        and mode != "one by one"
        and (stage in ("rcpt", "data") or (mode == "deep" and nth == 2 and not after_dot))
    ):
        return {ACCEPTED}  # sent ahead and lost: a new connection, and one command after the other
    return {UNKNOWN} if after_dot else {DEFERRED}


async def send_three(
    server: SmtpServer, session: SmtpSession, mode: str, wait: str = "", lines: int = 1
) -> dict[str, Receipt]:
    letters = [letter(one, lines) for one in PEOPLE]
    receipts = {}
    for at, one in enumerate(letters):

        async def before_dot(recipient: str = one.recipient) -> bool:
            if (
                recipient == wait
            ):  # the fault happens while the body goes out: let it happen, and be heard
                await server.happened.wait()
                await asyncio.sleep(0.02)
            return True

        follow = letters[at + 1] if mode == "deep" and at + 1 < len(letters) else None
        receipts[one.recipient] = await session.deliver(one, before_dot, follow)
    return receipts


def check(
    server: SmtpServer,
    receipts: dict[str, Receipt],
    sufferer: str,
    states: set[State],
    others: set[State],
    lines: int = 1,
) -> None:
    for recipient, receipt in receipts.items():
        says_yes, dots = server.yes_for(recipient), server.dots_for(recipient)
        match receipt.state:
            case State.ACCEPTED:
                assert (says_yes, dots) == (1, 1)
            case State.UNKNOWN:
                assert receipt.stage is Stage.DOT and dots <= 1
            case _:
                assert says_yes == 0
        assert receipt.state in (states if recipient == sufferer else others), (recipient, receipt)
    assert server.strays == 0
    assert all(one.data == letter(one.recipient, lines).data for one in server.taken)


async def one_cell(stage: str, name: str, mode: str, nth: int) -> None:
    offers: tuple[bytes, ...] = (b"8BITMIME", b"SIZE 10000000") + (
        (b"PIPELINING",) if mode != "one by one" else ()
    )
    fault = FAULTS[name]
    async with SmtpServer(stage=stage, fault=fault, letter=nth, offers=offers) as server:
        session = session_for(server, QUICK[stage] if name in WAITS else PATIENT)
        sufferer = PEOPLE[nth - 1]
        receipts = await send_three(server, session, mode)
        await session.quit()
        assert server.happened.is_set()
    states = expected(stage, name, mode, nth)
    others = {ACCEPTED}
    if mode == "pipelined" and stage == "dot" and name.startswith("glued"):
        others |= {
            DEFERRED
        }  # it stands in the place of the answer to RSET, and that one is too many
    if mode == "deep" and name.startswith(
        "glued"
    ):  # what is too much can be laid at the door of the letter beside
        others |= {UNKNOWN, DEFERRED}
        states |= {ACCEPTED} if nth == 2 else set()  # then this one starts on a new connection
    if (
        mode == "deep" and nth == 2 and "RST" in name and stage != "dot"
    ):  # a reset swallows what was said before it
        states |= {ACCEPTED}  # nothing heard of MAIL: a new connection
        others |= {UNKNOWN}  # nothing heard of the dot before it
    check(server, receipts, sufferer, states, others)
    receipt = receipts[sufferer]
    if receipt.code is not None and receipt.state is not ACCEPTED and not name.startswith("glued"):
        assert receipt.stage is Stage(stage)


@pytest.mark.figures
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "dot"])
async def test_every_fault_at_every_stage_ends_in_one_true_state(stage: str, mode: str) -> None:
    for names in (
        FAULTS.keys() - WAITS,
        WAITS,
    ):  # those that wait come last, when the others leave them the time
        cells = [(name, nth) for name in sorted(names) for nth in (1, 2)]
        ran = await asyncio.gather(
            *(one_cell(stage, name, mode, nth) for name, nth in cells), return_exceptions=True
        )
        failed = {cell: fault for cell, fault in zip(cells, ran, strict=True) if fault is not None}
        assert not failed, "\n".join(
            f"{stage} {mode} {cell}: {fault!r}"[:400] for cell, fault in failed.items()
        )
    figures.note(f"T1 {stage} {mode}", MATRIX, f"{len(FAULTS) * 2} cells", "one true state in each")


BODY_FAULTS = [name for name in FAULTS if name not in WAITS and not name.startswith("glued")]
LARGE = AT_ONCE // len("Dear colleague,") + 1  # lines of a letter that leaves before its dot


MATRIX = "every fault at every stage of the first and a later letter, with and without PIPELINING"


@pytest.mark.figures
@pytest.mark.parametrize("lines", [1, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("mode", MODES)
async def test_a_server_that_speaks_or_leaves_during_the_body_gets_no_dot_or_the_one_on_its_way(
    mode: str, lines: int
) -> None:
    cells = [(name, nth) for name in BODY_FAULTS for nth in (1, 2) if name != "reply and RST"]
    results = await asyncio.gather(
        *(one_cell_in_body(name, mode, nth, lines) for name, nth in cells), return_exceptions=True
    )
    failed = {cell: fault for cell, fault in zip(cells, results, strict=True) if fault is not None}
    assert not failed, "\n".join(
        f"{mode} {cell}: {fault!r}"[:400] for cell, fault in failed.items()
    )
    size = "small" if lines == 1 else "large"
    figures.note(f"T1 body {mode} {size}", MATRIX, f"{len(cells)} cells", "one true state in each")


async def one_cell_in_body(name: str, mode: str, nth: int, lines: int) -> None:
    offers: tuple[bytes, ...] = (b"PIPELINING",) if mode != "one by one" else ()
    async with SmtpServer(stage="body", fault=FAULTS[name], letter=nth, offers=offers) as server:
        session, sufferer = session_for(server), PEOPLE[nth - 1]
        wait = sufferer if lines == LARGE else ""
        receipts = await send_three(server, session, mode, wait, lines)
        await session.quit()
    if lines == LARGE:
        states = {REFUSED} if name.startswith("55") else {DEFERRED}
        check(server, receipts, sufferer, states, {ACCEPTED}, lines)
        assert server.dots_for(sufferer) == 0
        assert receipts[sufferer].stage in (Stage.BODY, Stage.MARK)
    elif name == "another 2xx":  # the server's yes to the dot may be met by the letter behind,
        states = {ACCEPTED, UNKNOWN}  # or with the early one: then there are two, and none counts
        check(server, receipts, sufferer, states, {ACCEPTED, DEFERRED}, lines)
    else:  # the dot had left; and where the server goes on, it takes the letter
        server.strays = 0
        states = {DEFERRED} if name == "421" else {UNKNOWN}  # which hangs up behind it
        check(server, receipts, sufferer, states, {ACCEPTED}, lines)
