"""What stands before every page: the host name, the size, and the headers that a browser must obey.

A page on another site that resolves its own name to 127.0.0.1 fails at the host name (DNS
rebinding); one that posts here fails at `from_here`, at the missing cookie, and at the missing
token. Nothing is loaded from anywhere else.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mailer.console.access.line import in_time, is_of_somebody_else

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src"
    " 'self'; frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
LETTER_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox"
)
"""For the HTML of a letter, in its sandboxed frame: its own inline styles, and nothing else."""

HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    # with no-referrer, browsers would send our own forms with "Origin: null"
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
MOST_BYTES = 21 * 1024 * 1024
"""Of one request: a sheet of 20 MB, and the form around it."""


TOO_BIG = "This is more than 20 MB."


class Guard:
    """The outermost layer of the console."""

    def __init__(self, app: ASGIApp, hosts: Collection[str], *, https: bool = False) -> None:
        self.app, self.hosts, self.https = app, frozenset(hosts), https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    there.setdefault(name, value)
                if self.https:
                    there.setdefault("strict-transport-security", "max-age=31536000")
            await send(message)

        if not self.https and is_of_somebody_else(scope):
            answer = PlainTextResponse("This console is for another user of this computer.", 403)
        elif headers.get("host", "").lower() not in self.hosts:
            answer = PlainTextResponse("This console does not go by that name.", 421)
        elif (headers.get("content-length") or "0").isdigit() and int(
            headers.get("content-length") or 0
        ) > MOST_BYTES:
            answer = PlainTextResponse(TOO_BIG, 413)
        else:
            await self.app(scope, _measured(in_time(receive)), sending)
            return
        await answer(scope, receive, sending)


def _measured(receive: Receive) -> Receive:
    """Count what comes in; a request without a length must not be longer for it."""
    size = 0

    async def receiving() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > MOST_BYTES:
            raise HTTPException(413, TOO_BIG)
        return message

    return receiving


def place_of(scope: Scope, *, https: bool) -> str:
    """Return where a request comes from. Behind a server of ours that is the last address of
    X-Forwarded-For: the one that the server itself has written. Of IPv6 the network counts.
    """
    client = scope.get("client")
    place: str = client[0] if client else ""
    if https:
        place = Headers(scope=scope).get("x-forwarded-for", "").rpartition(",")[2].strip() or place
    try:
        address = ipaddress.ip_address(place)
    except ValueError:
        return place[:64]
    if address.version == 6 and not address.ipv4_mapped:
        return str(ipaddress.ip_network(f"{address}/64", strict=False))
    return str(address)


def from_here(headers: Headers, origins: Collection[str]) -> bool:
    """Whether a form was sent by a page of ours: browsers say so themselves, and what does not say
    so is refused.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is None and origin is None:
        return False
    return site in (None, "same-origin") and (origin is None or origin in origins)


def came_from(headers: Headers, origins: Collection[str]) -> str:
    """Return the page of ours that a request comes from, as path and query; empty where it is not
    known.
    """
    place = urlsplit(headers.get("referer", ""))
    if f"{place.scheme}://{place.netloc}" not in origins or not place.path.startswith("/"):
        return ""
    return f"{place.path}?{place.query}" if place.query else place.path


def cookie(name: str, value: str, *, https: bool, **more: Any) -> dict[str, Any]:
    """Return the arguments of `set_cookie`: for this site alone, out of reach of scripts."""
    return {
        "key": name,
        "value": value,
        "httponly": True,
        "samesite": "strict",
        "secure": https,
        "path": "/",
    } | more
