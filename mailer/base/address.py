"""Addresses: the form that goes on the wire, the key that tells two people apart, and the
allow-list.

The key folds the domain (case, IDNA) and normalises the local part to NFC; the case of a local part
is kept on the wire, and ignored in the key: no parliament tells `A.Berg@` from `a.berg@`, and a
second letter costs more.
"""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

import idna

WIRE = re.compile(r"[!-;=?-~]+@[!-;=?-~]+")
"""Printable ASCII without blanks and angle brackets: what may stand between < and > in MAIL and
RCPT.
"""


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].casefold()


def key_of(address: str) -> str:
    """Return the key under which two spellings of one mailbox are the same: `A.Berg@NO.example` →
    `a.berg@no.example`.
    """
    local, _, domain = unicodedata.normalize("NFC", address.strip()).rpartition("@")
    folded = local.casefold()
    if not folded.isascii():
        # "ß" with an accent folds into two letters, of which the second takes the accent
        folded = unicodedata.normalize("NFC", folded)
    return f"{folded}@{_key_of_domain(domain)}"


@lru_cache(maxsize=4096)  # a parliament has one domain for all its members
def _key_of_domain(domain: str) -> str:
    with contextlib.suppress(
        idna.IDNAError
    ):  # what is no domain keeps its own spelling; nobody writes to it
        domain = idna.encode(domain, uts46=True).decode("ascii")
    return domain.casefold()


def allowed(address: str, allow: Iterable[str]) -> bool:
    """Tell whether the allow-list names this address, exactly or as `@domain`. Subdomains do not
    count.
    """
    entries, key = _keys(tuple(allow)), key_of(address)
    return key in entries or f"@{domain_of(key)}" in entries


@lru_cache(maxsize=16)  # a workspace has one list, and asks about every letter several times
def _keys(allow: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(key_of, allow))  # "@domain" has the key of an empty local part
