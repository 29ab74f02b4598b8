"""Whose a connection is, and for how long it may say nothing.

The console listens on this computer's own address, which everybody who works on it can reach: on
Linux the system tells whose the other end is, and only the owner's (and root's) is answered. A key
or a cookie that another user's program has got hold of is worth nothing to it. A connection that
does not get its headers or its form across ends, so that half requests hold nothing.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path
from typing import Any

import h11
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS = 15.0  # seconds until the headers of a request are there
PIECE = 20.0  # seconds between two pieces of a form
FORM = 300.0  # seconds for the whole of it: 20 MB over a slow line

CONNECTIONS = Path("/proc/self/net/tcp")


class PatientProtocol(H11Protocol):
    """HTTP/1.1 of uvicorn, which waits for headers for a while and not for ever."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait_for_headers()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._wait_for_headers()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wait_for_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait_for_headers(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self._late is None:
            self._late = self.loop.call_later(HEADERS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


def in_time(receive: Receive) -> Receive:
    """Let a form come across within its time; what follows it may wait."""
    whole = False
    end = asyncio.get_running_loop().time() + FORM

    async def receiving() -> Message:
        nonlocal whole
        if whole:
            return await receive()
        left = end - asyncio.get_running_loop().time()
        try:
            message = await asyncio.wait_for(receive(), min(PIECE, max(0.0, left)))
        except TimeoutError:
            raise HTTPException(408, "This took too long to come across.") from None
        whole = not message.get("more_body", False)
        return message

    return receiving


def is_of_somebody_else(scope: Scope) -> bool:
    """Whether the other end of a connection over this computer's own address belongs to another
    user. False where the system does not say.
    """
    client, server = scope.get("client"), scope.get("server")
    if not client or not server or not CONNECTIONS.exists():
        return False
    try:
        theirs, ours = _as_listed(*client), _as_listed(*server)
    except OSError:
        return False
    for line in CONNECTIONS.read_text("ascii").splitlines()[1:]:
        # sl local remote state tx:rx tr:when retransmits uid … (proc(5))
        fields = line.split()
        if fields[1] == theirs and fields[2] == ours:
            return int(fields[7]) not in (0, os.getuid())
    return False


def _as_listed(host: str, port: int) -> str:
    number = int.from_bytes(socket.inet_aton(host), sys.byteorder)
    return f"{number:08X}:{port:04X}"
