"""Servers that others wrote: what Postfix's smtp-sink can misbehave, and Postfix, Exim and
OpenSMTPD as they are (T14).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from mailer.base.errors import ServerError
from mailer.base.states import State
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading import deliveries
from mailer.sending.dispatch import Dispatch
from mailer.sending.smtp.session import Envelope, Patience, Server, SmtpSession
from tests.helpers.certificates import trusting as trusts
from tests.helpers.stubborn_server import StubbornServer

from . import figures
from .campaign import a_long_plan, a_tag, planned
from .lives import options
from .peers import Exim, OpenSmtpd, Postfix, free_port, logins, policy, program, wait_for_port

SINK = program("smtp-sink")
QUICK = Patience(connect=5, command=10, data=10, stall=10, dot=10, goodbye=0.2)
CALM = Patience(connect=10, command=20, data=20, stall=20, dot=20, goodbye=2)
ROOT_AND_POSTFIX = pytest.mark.skipif(
    program("postfix") is None or os.geteuid() != 0,
    reason="a Postfix of the test's own needs Postfix, and root",
)


def letter(recipient: str, size: int = 400) -> Envelope:
    text = ".A line.\r\n" * (size // 10)
    return Envelope(
        "us@rights.example", recipient, f"To: {recipient}\r\nSubject: t\r\n\r\n{text}".encode()
    )


async def yes() -> bool:
    return True


# ---------------------------------------------------------------------------------------- smtp-sink

STAGES = ("ehlo", "mail", "rcpt", "data", ".", "quit")
FAULTS = {"-q": "hangs up at", "-Q": "says 421 at", "-r": "says 450 at", "-f": "says 500 at"}
DELAYS = (["-w", "1"], ["-W", ".:1"], ["-W", "data:1", "-p"])


@contextlib.asynccontextmanager
async def sink(*options: str) -> AsyncIterator[tuple[int, Any]]:
    port = free_port()
    command = [str(SINK), "-c", "-u", "nobody", *options, f"127.0.0.1:{port}", "100"]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        await asyncio.to_thread(wait_for_port, port)

        async def counted() -> int:
            process.terminate()
            assert process.stdout is not None
            words = (await process.stdout.read()).rsplit(b"mesg=", 1)[-1].strip()
            return int(words or 0)

        yield port, counted
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def meet(options: list[str], stage: str) -> Counter[str]:
    """Offer three letters to a sink that misbehaves, and hold the receipts against its count."""
    receipts: Counter[str] = Counter()
    async with sink(*options) as (port, counted):
        session = SmtpSession(
            Server("127.0.0.1", port, "none", None, None, "m.example"), QUICK, lambda _: True
        )
        letters = [letter(f"member{number}@parliament.example") for number in range(3)]
        for one, follow in zip(letters, [*letters[1:], None], strict=True):
            try:
                receipt = await session.deliver(one, yes, follow)
                receipts[receipt.state.value] += 1
                assert receipt.state is not State.UNKNOWN or stage == ".", (options, receipt)
            except ServerError:
                receipts["no session"] += 1
        await session.quit()
        taken = await counted()
    accepted, unknown = receipts["accepted"], receipts["unknown"]
    turned_away = (
        receipts["deferred"] + receipts["refused"] if stage == "." else 0
    )  # the sink counts dots
    assert accepted <= taken <= accepted + unknown + turned_away, (options, receipts, taken)
    return receipts


@pytest.mark.figures
@pytest.mark.skipif(SINK is None, reason="smtp-sink (Debian's postfix) is not installed")
async def test_smtp_sink_that_misbehaves_at_any_stage_agrees_with_the_receipts() -> None:
    cells = [([fault, stage], stage) for fault in FAULTS for stage in STAGES] + [
        (delay, ".") for delay in DELAYS
    ]
    found = await asyncio.gather(*(meet(options, stage) for options, stage in cells))
    figures.note(
        "T14 sink", "smtp-sink {-q, -Q, -r, -f} × 6 stages, 3 delays", f"{len(cells)} cells",
        " · ".join(
            f"{number} {state}" for state, number in sorted(sum(found, Counter[str]()).items())
        ),
    )  # fmt: skip
    assert len(cells) == 27


# ------------------------------------------------------------------------------------------ Postfix

SUBMISSION = """\
127.0.0.1:{submission} inet n - n - - smtpd
 -o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes -o smtpd_sasl_type=dovecot
 -o smtpd_sasl_path={{folder}}/auth -o smtpd_client_restrictions=permit_sasl_authenticated,reject
127.0.0.1:{smtps} inet n - n - - smtpd
 -o smtpd_tls_wrappermode=yes -o smtpd_sasl_auth_enable=yes -o smtpd_sasl_type=dovecot
 -o smtpd_sasl_path={{folder}}/auth -o smtpd_client_restrictions=permit_sasl_authenticated,reject
"""
PASSWORD = "correct-horse-battery"


async def send_all(
    ledger: Ledger, server: Server, people: int, connections: int = 4
) -> dict[str, State]:
    """Send one mail-out to a real server. Returns the state of every address."""
    mail_out = planned(ledger, a_long_plan(a_tag(), people))
    await Dispatch(
        ledger, mail_out, lambda: SmtpSession(server, CALM, lambda _: True), options(connections)
    ).run()
    with ledger.reading() as connection:
        return {one.address: one.state for one in deliveries.people(connection, mail_out)}


@ROOT_AND_POSTFIX
@pytest.mark.parametrize(
    "people", [60, pytest.param(5_000, marks=[pytest.mark.long, pytest.mark.timeout(900)])]
)
async def test_postfix_takes_every_letter_once(real_ledger: Ledger, people: int) -> None:
    with Postfix() as postfix:
        here = Server("127.0.0.1", postfix.port, "none", None, None, "rights.example")
        states = await send_all(real_ledger, here, people)
        taken = await asyncio.to_thread(postfix.settled)
    assert set(states.values()) == {State.ACCEPTED}
    assert taken == Counter(dict.fromkeys(states, 1))
    if people >= 5_000:
        figures.note(
            "T14 Postfix",
            "a real Postfix, matched by recipient with its log",
            f"{people:,} letters",
            "each taken once",
        )


@ROOT_AND_POSTFIX
@pytest.mark.skipif(
    program("dovecot") is None, reason="Dovecot, which checks Postfix's logins, is not installed"
)
@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_postfix_with_tls_and_login_takes_every_letter_once(
    real_ledger: Ledger, tmp_path: Path, security: str
) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    ports = {"submission": free_port(), "smtps": free_port()}
    pem = tmp_path / "server.pem"
    pem.write_bytes(certificate.private_key_and_cert_chain_pem.bytes())
    more = f"smtpd_tls_chain_files = {pem}\nsmtpd_tls_loglevel = 1\nsmtpd_tls_auth_only = yes"
    with Postfix(more=more, services=SUBMISSION.format(**ports)) as postfix:
        with logins(postfix.folder / "auth", PASSWORD):
            context = trusts(authority)
            port = ports["smtps" if security == "tls" else "submission"]

            def server(password: str) -> Server:
                return Server(
                    "127.0.0.1", port, security, "jana", password, "rights.example", context
                )  # type: ignore[arg-type]

            states = await send_all(real_ledger, server(PASSWORD), 30)
            with pytest.raises(ServerError, match="refused the login"):
                await send_all(real_ledger, server("wrong"), 1)
        taken = await asyncio.to_thread(postfix.settled)
        log = postfix.log
    assert set(states.values()) == {State.ACCEPTED}
    assert taken == Counter(dict.fromkeys(states, 1))
    assert log.count("authentication failed") == 1, "one mechanism, one attempt"
    assert "TLS connection established" in log and PASSWORD not in log


@ROOT_AND_POSTFIX
async def test_postfix_that_greylists_gets_every_letter_at_the_second_try(
    real_ledger: Ledger,
) -> None:
    asked: Counter[str] = Counter()

    def greylist(question: dict[str, str]) -> str:
        asked[question["recipient"]] += 1
        return (
            "DUNNO"
            if asked[question["recipient"]] > 1
            else "DEFER 4.2.0 greylisted, try again later"
        )

    with policy(greylist) as port:
        restrictions = f"check_policy_service inet:127.0.0.1:{port}, permit_mynetworks"
        with Postfix(restrictions=restrictions) as postfix:
            here = Server("127.0.0.1", postfix.port, "none", None, None, "rights.example")
            states = await send_all(real_ledger, here, 30, connections=2)
            taken = await asyncio.to_thread(postfix.settled)
            turned_away = [
                int(all_) - int(good)
                for good, all_ in re.findall(r" rcpt=(\d+)/(\d+)", postfix.log)
            ]
    assert set(states.values()) == {State.ACCEPTED}
    assert taken == Counter(dict.fromkeys(states, 1))
    assert set(asked.values()) == {2}
    assert turned_away and max(turned_away) <= 4, (
        "from ten mistakes on, two a letter, Postfix slows every command down"
    )


async def test_server_that_turns_letters_away_gets_a_new_connection_before_it_slows_down() -> None:
    answers = {"RCPT": b"450 4.2.0 greylisted\r\n", "DATA": b"554 5.5.1 no valid recipients\r\n"}
    async with StubbornServer(answers) as server:
        here = Server("127.0.0.1", server.port, "none", None, None, "rights.example")
        session = SmtpSession(here, CALM, lambda _: True)
        receipts = [
            await session.deliver(letter(f"member{number}@parliament.example"), yes)
            for number in range(9)
        ]
        await session.quit()
    assert {receipt.state for receipt in receipts} == {State.DEFERRED}
    assert server.connections == 3


@ROOT_AND_POSTFIX
async def test_postfix_is_asked_about_size_before_the_letter_goes() -> None:
    with Postfix() as postfix:
        here = Server("127.0.0.1", postfix.port, "none", None, None, "rights.example")
        session = SmtpSession(here, CALM, lambda _: True)
        receipt = await session.deliver(letter("member@parliament.example", 6_000_000), yes)
        fitting = await session.deliver(letter("member@parliament.example", 400_000), yes)
        await session.quit()
        taken = await asyncio.to_thread(postfix.settled)
    assert (receipt.state, receipt.enhanced, fitting.state) == (
        State.REFUSED,
        "5.3.4",
        State.ACCEPTED,
    )
    assert sum(taken.values()) == 1


# ------------------------------------------------------------------------------- Exim and OpenSMTPD


@pytest.fixture
def exim() -> Iterator[Exim]:
    with Exim() as running:
        yield running


@pytest.mark.figures
@pytest.mark.skipif(
    program("exim4") is None or os.geteuid() != 0,
    reason="Exim is not installed, or this is not root",
)
async def test_exim_takes_every_letter_once(real_ledger: Ledger, exim: Exim) -> None:
    here = Server("127.0.0.1", exim.port, "none", None, None, "rights.example")
    states = await send_all(real_ledger, here, 60)
    assert set(states.values()) == {State.ACCEPTED}
    assert exim.taken() == Counter(dict.fromkeys(states, 1))
    figures.note(
        "T14 Exim",
        "a real Exim, matched by recipient with its log",
        "60 letters",
        "each taken once",
    )


@pytest.mark.figures
@pytest.mark.skipif(
    not OpenSmtpd.is_here(), reason="OpenSMTPD is not installed, or this is not root"
)
async def test_opensmtpd_takes_every_letter_once(real_ledger: Ledger) -> None:
    with OpenSmtpd() as smtpd:
        here = Server("127.0.0.1", smtpd.port, "none", None, None, "rights.example")
        states = await send_all(real_ledger, here, 60)
        assert smtpd.taken() == Counter(dict.fromkeys(states, 1))
    assert set(states.values()) == {State.ACCEPTED}
    figures.note(
        "T14 OpenSMTPD",
        "a real OpenSMTPD, matched by recipient with its log",
        "60 letters",
        "each taken once",
    )
