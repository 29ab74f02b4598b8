"""Asks the name servers whether a domain of the contact sheets takes mail at all; only on request.

A domain that does not exist, or says that it takes no mail (RFC 7505), is an error. Silence proves
nothing: a time-out or a failing name server is "not known", and so is everything where more than a
fifth of all domains fail, since then it is our own name server that is wrong. A domain without MX
is asked for its address (RFC 5321 section 5.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from typing import TYPE_CHECKING

from mailer.base.address import domain_of
from mailer.base.errors import Problem
from mailer.contacts.book import ContactBook
from mailer.contacts.rows.together import about

if TYPE_CHECKING:
    from dns.resolver import Resolver

AT_ONCE = 8
SECONDS = 5.0


class Answer(Enum):
    TAKES_MAIL = "takes mail"
    NO_MAIL = "no mail"
    NOT_KNOWN = "not known"


def check_domains(book: ContactBook, resolver: Resolver | None = None) -> list[Problem]:
    """Ask once for each domain; `resolver` is that of the system, five seconds a question, unless
    another is given.
    """
    if resolver is None:
        resolver = _of_the_system()
    people = [contact for contact in book.contacts if contact.address]
    domains = list(dict.fromkeys(domain_of(contact.address) for contact in people))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = dict(
            zip(domains, pool.map(lambda domain: ask(domain, resolver), domains), strict=True)
        )
    failed = sum(answer is Answer.NO_MAIL for answer in answers.values())
    doubtful = len(domains) > 4 and failed * 5 > len(domains)
    problems: list[Problem] = []
    said: set[str] = set()
    for contact in people:
        domain = domain_of(contact.address)
        answer = answers[domain]
        if answer is Answer.NO_MAIL and not doubtful:
            problems.append(about(contact, book.columns, "C190", "address", contact.address))
        elif answer is not Answer.TAKES_MAIL and domain not in said:
            said.add(domain)
            message = (
                f"{failed} of {len(domains)} domains are said not to exist, so the name server is"
                " in doubt"
                if doubtful
                else ""
            )
            problems.append(about(contact, book.columns, "C191", "address", domain, message))
    return problems


def _of_the_system() -> Resolver | None:
    """Return the name servers of this computer; None where it knows none, as without a network."""
    from dns.resolver import NoResolverConfiguration, Resolver

    try:
        resolver = Resolver()
    except NoResolverConfiguration:
        return None
    resolver.lifetime = SECONDS
    return resolver


def ask(domain: str, resolver: Resolver | None) -> Answer:
    """Ask about one domain; nothing is known where there is nobody to ask."""
    if resolver is None:
        return Answer.NOT_KNOWN
    from dns import exception
    from dns import resolver as errors

    try:
        for kind in ("MX", "A", "AAAA"):
            found = resolver.resolve(f"{domain}.", kind, raise_on_no_answer=False)
            if found.rrset is None:
                continue
            null = kind == "MX" and _only_a_dot([str(record.exchange) for record in found])
            return Answer.NO_MAIL if null else Answer.TAKES_MAIL
    except errors.NXDOMAIN:
        return Answer.NO_MAIL
    except exception.DNSException:
        return Answer.NOT_KNOWN
    return Answer.NO_MAIL


def _only_a_dot(exchanges: Sequence[str]) -> bool:
    return list(exchanges) == ["."]
