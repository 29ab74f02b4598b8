"""Whether the links of letters lead somewhere, asked of the network, and only when somebody wants
it asked.

A site that answers 404, or that the name servers do not know, is broken. Everything else that is no
yes is not known: many sites refuse programs, and a silence proves nothing.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import urllib.request
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from html import unescape
from ipaddress import ip_address
from typing import Literal
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

from mailer.base.errors import Problem
from mailer.base.problems import problem
from mailer.letters.appeal import Letter

SECONDS = 10.0
AT_ONCE = 8
MOVES = 5
GONE = (404, 410)
NO_SUCH_SITE = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
SAYS = {"User-Agent": "Mozilla/5.0 (compatible; link check)"}
"""All that a site learns beside the page and this computer's address."""

_HREF = re.compile(r'href="(https://[^"]+)"')


@dataclass(frozen=True, slots=True)
class LinkAnswer:
    """What became of asking for one address."""

    link: str
    verdict: Literal["ok", "broken", "not_known"]
    why: str  # "404 Not Found", "no answer within 10 seconds"


def links_of(html: str) -> list[str]:
    """Return the addresses on the web that a finished letter links to, in order."""
    return [unescape(link) for link in _HREF.findall(html)]


def ask(
    links: Iterable[str], tls: ssl.SSLContext | None = None, *, private: bool = False
) -> list[LinkAnswer]:
    """Ask for each address once, several at a time. `tls` is whom to trust, if not the authorities
    of this computer; `private` lets addresses of this computer's own networks be asked.
    """
    trusted = tls or ssl.create_default_context()
    with ThreadPoolExecutor(AT_ONCE) as several:
        return list(several.map(lambda link: _ask(link, trusted, private), dict.fromkeys(links)))


class _Unasked(Exception):
    """An address that is not asked, and why."""


class _Public(http.client.HTTPSConnection):
    """A connection to an address that the whole world can reach, and no other: it is looked up
    once, judged, and that very address is called.
    """

    private = False

    def connect(self) -> None:
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        for *_, where in found:
            if not self.private and not ip_address(str(where[0]).partition("%")[0]).is_global:
                raise _Unasked("the site has an address of a private network, which is not asked")
        host, port, *_ = found[0][4]
        raw = socket.create_connection((str(host), port), self.timeout)
        self.sock = self._context.wrap_socket(raw, server_hostname=self.host)  # type: ignore[attr-defined]


def _ask(link: str, tls: ssl.SSLContext, private: bool) -> LinkAnswer:
    try:
        if urllib.request.getproxies().get("https"):
            raise _Unasked("a proxy stands between; nothing was asked past it")
        status, reason = _status(urlsplit(link), tls, private)
    except TimeoutError:
        return LinkAnswer(link, "not_known", f"no answer within {SECONDS:g} seconds")
    except socket.gaierror as fault:
        if fault.errno in NO_SUCH_SITE:
            return LinkAnswer(link, "broken", "there is no such site")
        return LinkAnswer(link, "not_known", str(fault))
    except (_Unasked, OSError, http.client.HTTPException, ValueError) as fault:
        return LinkAnswer(link, "not_known", str(fault))
    if status < 300:
        return LinkAnswer(link, "ok", f"{status}")
    why = f"{status} {reason}"
    return LinkAnswer(link, "broken" if status in GONE else "not_known", why)


def _status(address: SplitResult, tls: ssl.SSLContext, private: bool) -> tuple[int, str]:
    """Return what the site answers; it may lead on to another page of its own, and no further."""
    site = (address.scheme, address.netloc)
    for _ in range(MOVES):
        if address.scheme != "https" or not address.hostname:
            raise _Unasked("only https is asked")
        if (address.scheme, address.netloc) != site:
            raise _Unasked(f"it leads on to {address.hostname}, which was not asked")
        page = urlunsplit(("", "", address.path or "/", address.query, ""))
        line = _Public(address.hostname, address.port or 443, timeout=SECONDS, context=tls)
        line.private = private
        try:
            line.request("GET", page, headers=SAYS)
            answer = line.getresponse()
        finally:
            line.close()
        to = answer.headers.get("Location")
        if answer.status not in (301, 302, 303, 307, 308) or not to:
            return answer.status, answer.reason
        address = urlsplit(urljoin(address.geturl(), to))
    raise _Unasked(f"it leads on more than {MOVES} times")


def problems(answer: LinkAnswer, letter: Letter) -> list[Problem]:
    """Return what is to be said of a link that is no yes: broken (L224), or not known (L225)."""
    if answer.verdict == "ok":
        return []
    broken, at = answer.verdict == "broken", letter.body.find(answer.link)
    words = (
        "this link leads nowhere" if broken else "it is not known whether this link leads somewhere"
    )
    return [
        problem(
            "L224" if broken else "L225",
            letter.file,
            row=letter.body_line + letter.body.count("\n", 0, at) if at >= 0 else None,
            value=answer.link,
            message=f"{words}: {answer.why}",
            suggestion="open it in a browser",
        )
    ]
