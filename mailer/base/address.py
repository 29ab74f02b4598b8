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


_PLAIN = re.compile(
    r"(?=[^@]{1,64}@.{1,253}$)(?!.*--)[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{,61}[a-z0-9])?\.)+(?:[a-z]{2}|com|org|net|int|example)"
)
"""Addresses of which anybody sees that they are in order, and how they go on the wire: as they are.
No name for special use is a country's, or one of these.
"""
LONGEST_ADDRESS = 254


class NoAddress(ValueError):
    """No letter can be addressed so; it says why in a sentence."""


def wire_form(address: str) -> str:
    """Return an address as it goes on the wire: no display name, ASCII, the domain in its A-form.

    Raises `NoAddress`. The DNS is not asked: settings and sheets are read without a network, too.
    """
    if len(address) <= LONGEST_ADDRESS and _PLAIN.fullmatch(address):
        return address
    from email_validator import EmailNotValidError, validate_email  # 20 ms, and most are plain

    try:
        found = validate_email(address, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise NoAddress(str(error)) from None
    return found.ascii_email or found.normalized


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
