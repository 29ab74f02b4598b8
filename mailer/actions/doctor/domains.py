"""Asks the name servers, only on request: do the domains of the sheets take mail, and may the
sender's domain send it?

MX (RFC 5321 section 5.1, RFC 7505), SPF (RFC 7208), DKIM (RFC 6376) and DMARC (RFC 7489). A domain
that does not exist is a fact; silence, a failing name server or a computer without one is "not
known", never "wrong", and so is everything where more than a fifth of all domains of the sheets
fail, since then it is our own name server that is wrong. Records are read, not judged for our own
server: only the provider knows which addresses it sends from.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from typing import TYPE_CHECKING

from mailer.actions.doctor.finding import LOOK, NOT_KNOWN, OK, WRONG, Finding, Verdict
from mailer.base.address import domain_of
from mailer.base.errors import Problem
from mailer.contacts.book import ContactBook
from mailer.contacts.rows.together import about

if TYPE_CHECKING:
    from dns.resolver import Resolver

    NameServers = Resolver | None
    """None: this computer knows none, as without a network."""

AT_ONCE = 8
SECONDS = 5.0  # for one question


class Silence(Exception):
    """The name servers did not say."""


class TakesMail(Enum):
    """Whether a domain takes mail."""

    YES = "yes"
    NO_DOMAIN = "no such domain"
    REFUSED = "the domain says that it takes none"  # RFC 7505
    NO_SERVER = "no server for it"
    NOT_KNOWN = "not known"


def name_servers() -> NameServers:
    """Return those of this computer."""
    from dns.resolver import NoResolverConfiguration, Resolver

    try:
        found = Resolver()
    except NoResolverConfiguration:
        return None
    found.lifetime = SECONDS
    return found


def mail_of(domain: str, ask: NameServers) -> tuple[TakesMail, list[str]]:
    """Return whether a domain takes mail, and the servers that take it. A domain without MX is
    asked for its own address.
    """
    try:
        hosts = _records(domain, "MX", ask)
        if hosts is None:
            return TakesMail.NO_DOMAIN, []
        names = sorted(host.split(" ")[1].rstrip(".") for host in hosts)
        if names == [""]:
            return TakesMail.REFUSED, []
        if not names and not any(_records(domain, kind, ask) for kind in ("A", "AAAA")):
            return TakesMail.NO_SERVER, []
    except Silence as why:
        return TakesMail.NOT_KNOWN, [str(why)]
    return TakesMail.YES, names or [domain]


# --------------------------------------------------------------------------- those of the sheets


def of_the_sheets(book: ContactBook, ask: NameServers) -> list[Problem]:
    """Ask once for each domain of the sheets (C190, C191)."""
    people = [contact for contact in book.contacts if contact.address]
    domains = list(dict.fromkeys(domain_of(contact.address) for contact in people))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = pool.map(lambda domain: mail_of(domain, ask)[0], domains)
        answer_of = dict(zip(domains, answers, strict=True))
    failed = sum(one not in (TakesMail.YES, TakesMail.NOT_KNOWN) for one in answer_of.values())
    doubtful = len(domains) > 4 and failed * 5 > len(domains)
    problems: list[Problem] = []
    said: set[str] = set()
    for contact in people:
        domain = domain_of(contact.address)
        answer = answer_of[domain]
        if answer not in (TakesMail.YES, TakesMail.NOT_KNOWN) and not doubtful:
            problems.append(about(contact, book.columns, "C190", "address", contact.address))
        elif answer is not TakesMail.YES and domain not in said:
            said.add(domain)
            message = (
                f"{failed} of {len(domains)} domains are said not to exist, so the name server is"
                " in doubt"
                if doubtful
                else ""
            )
            problems.append(about(contact, book.columns, "C191", "address", domain, message))
    return problems


# ----------------------------------------------------------------------------------- the sender's


def of_the_sender(
    domain: str, selector: str | None, public: str, ask: NameServers
) -> Iterator[Finding]:
    """Look at the records of the sender's domain.

    `selector` is the name of the DKIM key, which stands as s= in the signature of any letter from
    there; `public` is the public half of our own key, where letters are signed here
    (`dkim.Signer.published`).
    """
    for topic, look in (("MX", _mx), ("SPF", _spf), ("DMARC", _dmarc)):
        try:
            yield Finding(topic, *look(domain, ask))
        except Silence as why:
            sentence = f"{topic} of {domain} is not known: {why}"
            yield Finding(topic, NOT_KNOWN, sentence, "try again later")
    yield _dkim(domain, selector, public, ask)


Words = tuple[Verdict, str, str]


def _mx(domain: str, ask: NameServers) -> Words:
    answer, names = mail_of(domain, ask)
    whoever = "ask whoever runs the domain"
    match answer:
        case TakesMail.YES:
            return OK, f"mail for {domain} goes to {', '.join(names)}", ""
        case TakesMail.NO_DOMAIN:
            fix = "compare [sender] from with your real address"
            return WRONG, f"the domain {domain} does not exist", fix
        case TakesMail.REFUSED:
            return WRONG, f"{domain} says that it takes no mail: answers cannot arrive", whoever
        case TakesMail.NO_SERVER:
            return WRONG, f"{domain} has no mail server: answers cannot arrive", whoever
        case TakesMail.NOT_KNOWN:
            raise Silence(names[0])


def _spf(domain: str, ask: NameServers) -> Words:
    found = [text for text in _texts(domain, ask) if text.lower().split(" ")[0] == "v=spf1"]
    fix = "ask the provider for the SPF record, and whoever runs the domain to publish it"
    if not found:
        return (
            WRONG,
            f"{domain} has no SPF record: many servers will take our letters for forged",
            fix,
        )
    if len(found) > 1:
        return (
            WRONG,
            f"{domain} has {len(found)} SPF records, which counts as none",
            "leave one",
        )
    last = found[0].lower().split()[-1]
    if last in ("+all", "all"):
        return (
            LOOK,
            f"SPF of {domain} lets everybody send: it proves nothing",
            "end it with -all or ~all",
        )
    return OK, f"SPF of {domain}: {found[0]}", "your provider's servers must be in it"


def _dmarc(domain: str, ask: NameServers) -> Words:
    labels = domain.split(".")
    for at in range(len(labels) - 1):  # a subdomain follows its parent where it says nothing itself
        name = ".".join(labels[at:])
        found = [
            text
            for text in _texts(f"_dmarc.{name}", ask)
            if text.replace(" ", "").lower().startswith("v=dmarc1")
        ]
        if len(found) > 1:
            return (
                WRONG,
                f"{name} has {len(found)} DMARC records, which counts as none",
                "leave one",
            )
        if found:
            tags = dict(
                part.strip().lower().split("=", 1) for part in found[0].split(";") if "=" in part
            )
            policy = (tags.get("sp") if at else None) or tags.get("p", "none")
            if policy.strip() == "none":
                return OK, f"DMARC of {name} asks servers to report only (p=none)", ""
            fix = (
                "letters must pass SPF or DKIM in the name of this very domain: send yourself one"
                " with --to"
            )
            return (
                OK,
                f"DMARC of {name} asks servers to {_do(policy.strip())} what does not pass",
                fix,
            )
    return (
        LOOK,
        f"{domain} has no DMARC record: big providers want one from those who write to many",
        "ask whoever runs the domain; v=DMARC1; p=none is a beginning",
    )


def _do(policy: str) -> str:
    return {"quarantine": "put aside", "reject": "refuse"}.get(policy, policy)


def _dkim(domain: str, selector: str | None, public: str, ask: NameServers) -> Finding:
    if selector is None:
        sentence = (
            f"whether letters from {domain} are signed (DKIM) is not known without the name of"
            " the key"
        )
        fix = (
            "it stands as s= in the DKIM-Signature of any letter from there: mailer doctor --online"
            " --dkim NAME"
        )
        return Finding("DKIM", NOT_KNOWN, sentence, fix)
    name = f"{selector}._domainkey.{domain}"
    try:
        keys = [text.replace(" ", "") for text in _texts(name, ask)]
    except Silence as why:
        return Finding(
            "DKIM", NOT_KNOWN, f"DKIM key {selector} is not known: {why}", "try again later"
        )
    if not keys:
        fix = "compare s= in a letter's DKIM-Signature; ask whoever runs the domain"
        return Finding("DKIM", WRONG, f"there is no DKIM key {selector} of {domain}", fix)
    if any(";p=;" in f";{key};" for key in keys):
        return Finding(
            "DKIM",
            WRONG,
            f"the DKIM key {selector} of {domain} was revoked",
            "use its successor",
        )
    if public and not any(f"p={public};" in f"{key};" for key in keys):
        fix = (
            f"publish ours as a TXT record of {name}: v=DKIM1;"
            f" k={'rsa' if len(public) > 60 else 'ed25519'}; p={public}"
        )
        return Finding(
            "DKIM",
            WRONG,
            f"the DKIM key {selector} of {domain} is not the one that we sign with",
            fix,
        )
    return Finding("DKIM", OK, f"the DKIM key {selector} of {domain} is published")


def _texts(name: str, ask: NameServers) -> list[str]:
    return _records(name, "TXT", ask) or []


def _records(name: str, kind: str, ask: NameServers) -> list[str] | None:
    """Return the records as text; [] where there are none of the kind, None where there is no such
    name.
    """
    if ask is None:
        raise Silence("this computer knows no name server")
    from dns import exception
    from dns import resolver as errors

    try:
        answer = ask.resolve(f"{name}.", kind, raise_on_no_answer=False)
    except errors.NXDOMAIN:
        return None
    except (exception.Timeout, errors.NoNameservers):
        raise Silence("the name servers do not answer") from None
    except exception.DNSException as fault:
        raise Silence(str(fault) or type(fault).__name__) from None
    if answer.rrset is None:
        return []
    if kind == "TXT":
        return [b"".join(record.strings).decode("utf-8", "replace") for record in answer.rrset]
    return [record.to_text() for record in answer.rrset]
