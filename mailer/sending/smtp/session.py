"""One SMTP session: one letter, one person, one transaction, and the stage of every failure is
known.

Exactly once does not exist in SMTP (RFC 1047). Before the final dot a letter may be tried again;
from the dot on it is never sent again by us. So the dot is what everything here is about:

- it is written only when what stands before it has left our buffers, nothing unasked has come from
  the server, and `before_dot` has committed the marker: whatever fails until then is certainly not
  handed over (DEFERRED or REFUSED). A small letter leaves in one write with its dot;
- from then on only a well-formed reply decides; anything else is UNKNOWN, for a person to settle;
- after a fault, a cancellation or a "no" of `before_dot` the connection is aborted, never closed,
  never used again.

Where the server offers PIPELINING (RFC 2920), MAIL, RCPT and DATA leave in one write, and with
`follow` the dot of one letter in one write with MAIL, RCPT and DATA of the next. Its body still
waits for the answer to the dot before it, so that no outcome becomes less certain.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import lru_cache

import idna

from mailer.base.address import WIRE
from mailer.base.errors import Refused
from mailer.base.states import Receipt, Stage, State
from mailer.ledger.moves.servers import KnownServer
from mailer.letters.message import pieces
from mailer.letters.message.pieces import Shared
from mailer.sending.replies import enhanced_code
from mailer.sending.smtp.connection import (
    ConnectionLost,
    HungUp,
    OutOfStep,
    Reply,
    Silent,
    SmtpConnection,
)
from mailer.sending.smtp.server import Opened, Patience, Server, open_line

__all__ = ["Envelope", "NotHandedOver", "Patience", "Server", "SmtpSession"]


class NotHandedOver(Exception):
    """`before_dot` said no: no dot was written, and none will be."""


@dataclass(slots=True)
class Envelope:
    """One finished letter to one person. What must not go on the wire is refused here, before any
    byte.
    """

    sender: str
    recipient: str
    data: bytes  # the message with CRLF, 7-bit, ending in CRLF; dots are doubled on the way
    envid: str = ""  # comes back in a delivery report, where these are asked for (RFC 3461)
    shared: Shared = ()  # what it shares with other letters, and where in `data` that stands
    # as it stands in the commands: the addresses' domains in ASCII, and the bytes of the whole
    mail_from: str = field(init=False, repr=False)
    rcpt_to: str = field(init=False, repr=False)
    size: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for address in (self.sender, self.recipient):
            if not _may_stand_in_brackets(address):
                raise Refused(f"not a plain address: {address!r}", code="S105")
        if not pieces.ends_all_lines_with_crlf(self.data, self.shared):
            raise Refused(
                f"the letter to {self.recipient} has line ends other than CR LF", code="S106"
            )
        if self.recipient.isascii() and not pieces.is_ascii(self.data, self.shared):
            raise Refused(f"the letter to {self.recipient} is not 7-bit", code="S107")
        self.mail_from, self.rcpt_to = wire_form(self.sender), wire_form(self.recipient)
        self.size = pieces.size(self.data, self.shared)

    @property
    def beyond_ascii(self) -> bool:
        return not (self.mail_from.isascii() and self.rcpt_to.isascii())


AT_ONCE = 16_384
"""Bytes of a letter that leave in one write with their dot: the least that the kernel has room for
when everything before them is answered.
"""

AFTER_DOT = {2: State.ACCEPTED, 4: State.DEFERRED, 5: State.REFUSED}
USUAL = [250, 250, 354]  # the answers to MAIL, RCPT and DATA

TURNED_AWAY = 4
"""Letters refused before their dot after which a new connection is opened. Postfix counts two
mistakes for each where DATA was pipelined behind RCPT, and from the tenth on makes every command
wait for a second (smtpd_soft_error_limit).
"""


@lru_cache(4096)  # each address is asked for at several stages of its letter
def _may_stand_in_brackets(address: str) -> bool:
    local, _, domain = address.rpartition("@")
    if "@" in local:  # a source route: its first stop is another than the allow-list looked at
        return False
    if local.isascii():
        return WIRE.fullmatch(wire_form(address)) is not None
    return (
        local.isprintable()
        and not set(local) & set(" <>")
        and WIRE.fullmatch(f"a@{wire_form(domain)}") is not None
    )


@lru_cache(4096)
def wire_form(address: str) -> str:
    """Return the address with its domain in ASCII (IDNA 2008); a local part beyond ASCII needs
    SMTPUTF8.
    """
    if address.isascii():
        return address
    local, at, domain = address.rpartition("@")
    try:
        return local + at + idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError as fault:
        raise Refused(f"not a plain address: {address!r}", code="S105") from fault


def xtext(text: str) -> str:
    """Encode a parameter of ESMTP (RFC 3461 section 4): `+` and `=` and what is not printable ASCII
    as `+HH`.
    """
    plain = set(range(33, 127)) - {0x2B, 0x3D}
    return "".join(chr(byte) if byte in plain else f"+{byte:02X}" for byte in text.encode())


class SmtpSession:
    """One connection, used by one task, opened again when needed.

    `allow` is the last guard of test mode: an address it refuses is never put into RCPT. `dsn` asks
    the server for reports of failure and delay, where it offers that. `pipelining` says whether
    commands are sent ahead; None means where the server offers it, until it has lost them: `known`
    is what all sessions with a server find out about it.
    """

    def __init__(
        self,
        server: Server,
        patience: Patience,
        allow: Callable[[str], bool],
        *,
        dsn: bool = False,
        pipelining: bool | None = None,
    ) -> None:
        self.server = server
        self.patience = patience
        self.known = KnownServer()
        self.delivered = 0  # letters tried on this connection, for its renewal
        self._pipelining = pipelining
        self._answers_ahead = (
            False  # on this connection the server has answered what was sent behind a dot
        )
        self._answers_groups = False  # the server has once answered all of a group of commands
        self._one_by_one = False  # this session has lost what was sent ahead
        self._allow = allow
        self._dsn = dsn
        self._opened: Opened | None = None
        self._ahead: Envelope | None = None  # its MAIL, RCPT and DATA left with the last dot
        self._unclean = (
            False  # MAIL was accepted and no letter followed: RSET comes before the next one
        )
        self._turned_away = 0  # letters refused before their dot on this connection
        self._stage = Stage.CONNECT
        self._since = 0.0  # when MAIL left
        self._was_ahead = False  # the answer that is waited for is to something that was sent ahead

    @property
    def is_open(self) -> bool:
        return self._opened is not None and self._opened.line.is_open

    async def connect(self) -> None:
        """Open, secure and log in, unless that is done. Raises `ConnectError` (exit code 5)."""
        if self.is_open:
            return
        self.abort()
        self._opened = await open_line(self.server, self.patience)

    def abort(self) -> None:
        """Drop the connection and everything still buffered for it."""
        if self._opened is not None:
            self._opened.line.abort()
        self._opened, self._ahead, self._unclean, self._turned_away, self.delivered = (
            None,
            None,
            False,
            0,
            0,
        )
        self._answers_ahead = False

    async def quit(self) -> None:
        """Say goodbye, for five seconds at most; a failure here touches no letter."""
        try:
            if self._opened is not None and self.is_open and self._ahead is None:
                self._opened.line.send(b"QUIT\r\n", 1)
                await self._opened.line.reply(self.patience.goodbye)
        except ConnectionLost:
            pass
        finally:
            self.abort()

    async def deliver(
        self,
        letter: Envelope,
        before_dot: Callable[[], Awaitable[bool]],
        follow: Envelope | None = None,
    ) -> Receipt:
        """Offer one letter to one person and say what came of it.

        `before_dot` commits the marker and says whether the dot may be written: the lease holds,
        nobody has stopped the mail-out. If it says no this raises `NotHandedOver`; if it raises, so
        does this. Either way no dot was and none will be written. `follow` is the letter of the
        next call, if that is known already.

        Raises `ConnectError` when there is no session (nobody's fault, nothing handed over),
        `Refused` for an address that must not be reached, and CancelledError: after the dot that
        leaves the letter unknown, so a caller who wants the answer shields the call.
        """
        for one in (letter, follow):
            if one is not None and not self._allow(one.rcpt_to):
                self.abort()
                raise Refused(f"{one.recipient} is not on the allow-list", code="S108")
        self._stage, used = Stage.MAIL, self.delivered > 0
        try:
            opened = self._opened
            if opened is None or not self._has_left(letter):
                opened = await self._ready()
                if (misfit := self._misfit(opened, letter)) is not None:
                    await self.quit()  # another of its machines may take it
                    opened = await self._ready()
                    misfit = self._misfit(opened, letter)
                if misfit is not None:
                    return misfit
            if (refusal := await self._offer(opened, letter)) is not None:
                return refusal
            return await self._hand_over(opened, letter, before_dot, follow)
        except ConnectionLost as fault:
            if (
                used and self._stage is Stage.MAIL and isinstance(fault, HungUp)
            ):  # it had closed after the last letter
                self.abort()
                return await self.deliver(letter, before_dot, follow)
            if (
                self._was_ahead
                and self._stage in (Stage.MAIL, Stage.RCPT, Stage.DATA)
                and isinstance(fault, Silent)
            ):
                self.abort()
                self._lose_ahead()
                return await self.deliver(letter, before_dot, follow)
            return self._lost(fault)
        except (
            BaseException
        ):  # stopped, cancelled, or the ledger could not be written: out of step from now on
            self.abort()
            raise

    # -------------------------------------------------------------- one transaction, stage by stage

    def _has_left(self, letter: Envelope) -> bool:
        """Say whether MAIL, RCPT and DATA of this letter were written with the last dot. Whether
        the connection is closed by now or not: the answers say what became of them.
        """
        return self._ahead is letter or self._ahead == letter

    async def _ready(self) -> Opened:
        """Return a connection on which MAIL may be written."""
        opened = self._opened
        if self._ahead is not None or (opened is not None and not opened.line.in_step):
            self.abort()
        if self._unclean and self.is_open:
            self._turned_away += 1
            await (self._reset() if self._turned_away < TURNED_AWAY else self.quit())
        await self.connect()
        assert self._opened is not None
        return self._opened

    async def _reset(self) -> None:
        """Clear what a refused letter left open. If that fails the next letter gets a new
        connection.
        """
        assert self._opened is not None
        try:
            self._opened.line.send(b"RSET\r\n", 1)
            reply = await self._opened.line.reply(self.patience.goodbye)
        except ConnectionLost:
            self.abort()
            return
        if reply.code // 100 != 2 or not self._opened.line.in_step:
            self.abort()
        self._unclean = False

    def _misfit(self, opened: Opened, letter: Envelope) -> Receipt | None:
        """Refuse here what this server has said it will not take."""
        limit = opened.extensions.get("size", "").strip()
        if limit.isdecimal() and 0 < int(limit) < letter.size:
            text = f"the letter has {letter.size:,} bytes, the server takes {int(limit):,}"
            return self._receipt(State.REFUSED, text, enhanced="5.3.4")
        if letter.beyond_ascii and "smtputf8" not in opened.extensions:
            text = "the address is not in ASCII, and the server takes no such addresses (SMTPUTF8)"
            return self._receipt(State.REFUSED, text, enhanced="5.6.7")
        return None

    def _pipelines(self, opened: Opened) -> bool:
        if "pipelining" not in opened.extensions or self._one_by_one:
            return False
        return self.known.pipelines if self._pipelining is None else self._pipelining

    def _commands(self, opened: Opened, letter: Envelope) -> tuple[bytes, bytes, bytes]:
        mail, rcpt = (
            f"MAIL FROM:<{letter.mail_from}>",
            f"RCPT TO:<{letter.rcpt_to}>",
        )
        offered = opened.extensions
        if "size" in offered:
            mail += f" SIZE={letter.size}"  # RFC 1870: without the doubled dots
        if letter.beyond_ascii:
            mail += " SMTPUTF8" if letter.data.isascii() else " SMTPUTF8 BODY=8BITMIME"
        if self._dsn and "dsn" in offered:
            mail += f" RET=HDRS ENVID={xtext(letter.envid)}" if letter.envid else " RET=HDRS"
            rcpt += " NOTIFY=FAILURE,DELAY"
        return f"{mail}\r\n".encode(), f"{rcpt}\r\n".encode(), b"DATA\r\n"

    async def _offer(self, opened: Opened, letter: Envelope) -> Receipt | None:
        """Go from MAIL to the 354; return the refusal, if one came.

        In a group every reply is read, whatever the one before it said. A refusal stands if the
        line fails later: nothing may hide it, unless the replies turn out not to belong to the
        commands.
        """
        behind = self._ahead is not None
        line, pipelined = opened.line, behind or self._pipelines(opened)
        commands = () if behind else self._commands(opened, letter)
        self._was_ahead = behind
        if commands:
            self._since = time.monotonic()
            if pipelined:
                line.send(b"".join(commands), len(commands))
        self._ahead = None
        self.delivered += 1
        if behind and line.took(USUAL):
            self._answers_ahead = self._answers_groups = self._unclean = True
            return None
        refusal: Receipt | None = None
        command, data = self.patience.command, self.patience.data
        try:
            for at, (stage, seconds) in enumerate(
                ((Stage.MAIL, command), (Stage.RCPT, command), (Stage.DATA, data))
            ):
                if refusal is None:
                    self._stage = stage
                if not pipelined:
                    line.send(commands[at], 1)
                unproven = (behind and not self._answers_ahead) or (
                    pipelined and at > 0 and not self._answers_groups
                )
                reply = await line.reply(min(seconds, self.patience.ahead) if unproven else seconds)
                self._answers_ahead, self._was_ahead = self._answers_ahead or behind, pipelined
                self._answers_groups = self._answers_groups or (pipelined and stage is Stage.DATA)
                if not line.in_step:
                    raise OutOfStep("the server said more than it was asked")
                first = reply.code // 100
                if first in (4, 5):
                    refusal = refusal or self._refused(reply)
                    if reply.code == 421:
                        self.abort()
                    if reply.code == 421 or not pipelined:
                        return refusal
                elif (
                    first != 2 if stage is not Stage.DATA else reply.code != 354
                ):  # to less, a body would be commands
                    raise OutOfStep(
                        f"the server's answer does not fit {stage.upper()}: {reply.code}"
                        f" {reply.text}"
                    )
                elif stage is Stage.MAIL:
                    self._unclean = True
                elif stage is Stage.DATA and refusal is not None:
                    raise ConnectionLost(
                        "354 without a recipient"
                    )  # only an abort leads out of here without a letter
        except ConnectionLost as fault:
            if refusal is None or isinstance(fault, OutOfStep):
                raise
            self.abort()
        if refusal is not None and behind and refusal.stage is Stage.MAIL:
            self.abort()  # it was asked for its goodbye, to be sure of the letter before (`_sure`)
        return refusal

    async def _hand_over(
        self,
        opened: Opened,
        letter: Envelope,
        before_dot: Callable[[], Awaitable[bool]],
        follow: Envelope | None,
    ) -> Receipt:
        line, self._stage = opened.line, Stage.BODY
        body = pieces.on_the_wire(letter.data, letter.shared)
        if len(body) > 1 or len(body[0]) > AT_ONCE:
            for chunk in body:
                line.send(chunk, 0)
            await line.drained(self.patience.stall)
            if _has_spoken(line):
                return await self._early(line)
            body = []

        self._stage = Stage.MARK
        if not await before_dot():
            raise NotHandedOver
        if _has_spoken(line):
            return await self._early(line)

        behind = 0  # answers due to what goes along behind the dot
        group = b""
        if self._pipelines(opened):
            if follow is not None and self._misfit(opened, follow) is None:
                group, behind = b"".join(self._commands(opened, follow)), 3
            else:
                follow, group, behind = None, b"RSET\r\n", 1
        sent = time.monotonic()
        line.send(b"".join((*body, b".\r\n", group)), 1 + behind)
        if not line.is_open:  # the kernel has taken nothing of it
            return await self._early(line)
        self._stage = Stage.DOT
        reply = await line.reply(self.patience.dot)
        if not line.in_step:
            raise ConnectionLost(
                f"more than one answer to one letter; the first was {reply.code} {reply.text}"
            )
        receipt = self._settled(reply)
        self._unclean = False
        if reply.code == 421 and not await line.heard(1, self.patience.goodbye):
            self.abort()  # it hangs up, as it has said
        if self._opened is not None:
            await self._sure(line, receipt.state is State.ACCEPTED, behind)
        if behind == 3 and self._opened is not None:
            self._ahead, self._since = follow, sent
        return receipt

    async def _sure(self, line: SmtpConnection, accepted: bool, behind: int) -> None:
        """Make sure that this was the answer to the dot, and not to the letter half way.

        A server that spoke too early answers the dot as well, in the place of the next answer. The
        same word once more changes nothing. `ConnectionLost` where the other word stands there
        and does not belong there, or where nobody can tell: then nobody knows what became of the
        letter. After a "no" the connection is not used again.
        """
        if not behind:
            line.send(b"RSET\r\n" if accepted else b"QUIT\r\n", 1)
        heard = await line.heard(1, self.patience.ahead if behind else self.patience.goodbye)
        if not heard and line.is_open:
            if not accepted:
                raise Silent("nothing was said any more after the answer to the letter")
            if behind and not self._answers_ahead:
                self._lose_ahead()
            if behind < 3 or not self._answers_ahead:
                self.abort()
        elif heard and heard[0] not in (221, 421) and (heard[0] // 100 == 2) is not accepted:
            if behind < (1 if not accepted else 3) or await self._is_late(line, behind):
                raise OutOfStep(f"the letter was answered twice; then came {heard[0]}")
        elif behind < 3 and (await line.reply(self.patience.goodbye)).code == 421:
            self.abort()
        if not accepted:
            self.abort()

    async def _is_late(self, line: SmtpConnection, behind: int) -> bool:
        """Say whether each of the answers behind the dot belongs to the command before it: the
        last of them is the goodbye, unless the server waits for a letter.
        """
        if (await line.heard(behind, self.patience.ahead))[2:] == [354]:
            return not line.in_step
        if line.is_open:
            line.send(b"QUIT\r\n", 1)
        heard = await line.heard(behind + 1, self.patience.goodbye)
        if len(heard) <= behind:
            return line.is_open  # it need not say goodbye before it hangs up
        return heard[-1] not in (221, 421)

    def _lose_ahead(self) -> None:
        """Note that what was sent ahead was lost on this connection."""
        self.known.pipelining_lost += 1
        self._one_by_one = True

    async def _early(self, line: SmtpConnection) -> Receipt:
        """The server spoke or hung up before the dot: nothing was handed over, and
        nothing will be.
        """
        reply = await line.reply(self.patience.goodbye)
        receipt = self._refused(reply)
        self.abort()
        return receipt

    # ------------------------------------------------------------------ what came of it

    def _refused(self, reply: Reply) -> Receipt:
        """Before the dot. At MAIL it is our account that is refused, never the person."""
        final = reply.code // 100 == 5 and self._stage is not Stage.MAIL
        return self._answered(State.REFUSED if final else State.DEFERRED, reply)

    def _settled(self, reply: Reply) -> Receipt:
        """After the dot the first digit decides (RFC 5321 sections 4.2.5 and 4.3.2)."""
        receipt = self._answered(AFTER_DOT.get(reply.code // 100, State.UNKNOWN), reply)
        if receipt.state is State.UNKNOWN:
            self.abort()
        return receipt

    def _answered(self, state: State, reply: Reply) -> Receipt:
        text = reply.text
        return self._receipt(state, text, reply.code, enhanced_code(text))

    def _lost(self, fault: ConnectionLost) -> Receipt:
        receipt = self._receipt(
            State.UNKNOWN if self._stage is Stage.DOT else State.DEFERRED, str(fault)
        )
        self.abort()
        return receipt

    def _receipt(
        self, state: State, text: str, code: int | None = None, enhanced: str | None = None
    ) -> Receipt:
        opened = self._opened
        seconds = time.monotonic() - self._since if self._since else 0.0
        peer, tls = (opened.peer, opened.tls) if opened is not None else ("", "")
        return Receipt(state, self._stage, code, enhanced, text, peer, tls, seconds)


def _has_spoken(line: SmtpConnection) -> bool:
    return not line.in_step or not line.is_open
