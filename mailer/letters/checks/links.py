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
import urllib.error
import urllib.request
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from html import unescape
from typing import Literal

from mailer.base.errors import Problem
from mailer.base.problems import problem
from mailer.letters.appeal import Letter

SECONDS = 10.0
AT_ONCE = 8
GONE = (404, 410)
NO_SUCH_SITE = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
SAYS = {"User-Agent": "Mozilla/5.0 (compatible; link check)"}

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


def ask(links: Iterable[str], tls: ssl.SSLContext | None = None) -> list[LinkAnswer]:
    """Ask for each address, several at a time. `tls` is whom to trust, if not the authorities of
    this computer.
    """
    with ThreadPoolExecutor(AT_ONCE) as several:
        return list(several.map(lambda link: _ask(link, tls), links))


def _ask(link: str, tls: ssl.SSLContext | None) -> LinkAnswer:
    try:
        request = urllib.request.Request(link, headers=SAYS)  # noqa: S310
        if request.type != "https":
            return LinkAnswer(link, "not_known", "only https is asked")
        with urllib.request.urlopen(request, timeout=SECONDS, context=tls) as answer:  # noqa: S310
            return LinkAnswer(link, "ok", f"{answer.status}")
    except urllib.error.HTTPError as fault:
        why = f"{fault.code} {fault.reason}"
        return LinkAnswer(link, "broken" if fault.code in GONE else "not_known", why)
    except (OSError, http.client.HTTPException, ValueError) as fault:
        reason = fault.reason if isinstance(fault, urllib.error.URLError) else fault
        if isinstance(reason, TimeoutError):
            return LinkAnswer(link, "not_known", f"no answer within {SECONDS:g} seconds")
        if isinstance(reason, socket.gaierror) and reason.errno in NO_SUCH_SITE:
            return LinkAnswer(link, "broken", "there is no such site")
        return LinkAnswer(link, "not_known", str(reason))


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
