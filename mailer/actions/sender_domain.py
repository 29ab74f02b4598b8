"""What the name servers say of the sender's domain: may it send, is it signed, do answers arrive?

SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 7489) and MX (RFC 5321 section 5.1). A domain that does
not exist is a fact; silence or a failing name server is "not known", never "wrong". The records are
read, not judged for our own server: only the provider knows which addresses it sends from.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mailer.actions.doctor import Finding, Verdict

if TYPE_CHECKING:
    from dns.resolver import Resolver

SECONDS = 5.0


class Silence(Exception):
    """The name servers did not say."""


def examine(
    domain: str, resolver: Resolver | None = None, selector: str | None = None, public: str = ""
) -> Iterator[Finding]:
    """Look at the records of a sender's domain. `resolver` is that of the system unless another is
    given.

    `selector` is the name of the DKIM key, which stands as s= in the signature of any letter from
    there; `public` is the public half of our own key, where letters are signed here
    (`dkim.Signer.published`).
    """
    if resolver is None:
        from dns.resolver import Resolver

        resolver = Resolver()
        resolver.lifetime = SECONDS
    for topic, look in (("MX", _mx), ("SPF", _spf), ("DMARC", _dmarc)):
        try:
            verdict, sentence, fix = look(domain, resolver)
        except Silence as why:
            verdict, sentence, fix = (
                Verdict.NOT_KNOWN,
                f"{topic} of {domain} is not known: {why}",
                "try again later",
            )
        yield Finding(topic, verdict, sentence, fix)
    yield _dkim(domain, selector, public, resolver)


Words = tuple[Verdict, str, str]


def _mx(domain: str, resolver: Resolver) -> Words:
    hosts = _records(domain, "MX", resolver)
    if hosts is None:
        return (
            Verdict.WRONG,
            f"the domain {domain} does not exist",
            "compare [sender] from with your real address",
        )
    names = [host.split(" ")[1].rstrip(".") for host in hosts]
    if names == [""]:
        return (
            Verdict.WRONG,
            f"{domain} says that it takes no mail: answers cannot arrive",
            "ask whoever runs the domain",
        )
    if not names and not _records(domain, "A", resolver) and not _records(domain, "AAAA", resolver):
        return (
            Verdict.WRONG,
            f"{domain} has no mail server: answers cannot arrive",
            "ask whoever runs the domain",
        )
    return Verdict.OK, f"mail for {domain} goes to {', '.join(sorted(names)) or domain}", ""


def _spf(domain: str, resolver: Resolver) -> Words:
    found = [text for text in _texts(domain, resolver) if text.lower().split(" ")[0] == "v=spf1"]
    ask = "ask the provider for the SPF record, and whoever runs the domain to publish it"
    if not found:
        return (
            Verdict.WRONG,
            f"{domain} has no SPF record: many servers will take our letters for forged",
            ask,
        )
    if len(found) > 1:
        return (
            Verdict.WRONG,
            f"{domain} has {len(found)} SPF records, which counts as none",
            "leave one",
        )
    last = found[0].lower().split()[-1]
    if last in ("+all", "all"):
        return (
            Verdict.LOOK,
            f"SPF of {domain} lets everybody send: it proves nothing",
            "end it with -all or ~all",
        )
    return Verdict.OK, f"SPF of {domain}: {found[0]}", "your provider's servers must be in it"


def _dmarc(domain: str, resolver: Resolver) -> Words:
    labels = domain.split(".")
    for at in range(len(labels) - 1):  # a subdomain follows its parent where it says nothing itself
        name = ".".join(labels[at:])
        found = [
            text
            for text in _texts(f"_dmarc.{name}", resolver)
            if text.replace(" ", "").lower().startswith("v=dmarc1")
        ]
        if len(found) > 1:
            return (
                Verdict.WRONG,
                f"{name} has {len(found)} DMARC records, which counts as none",
                "leave one",
            )
        if found:
            tags = dict(
                part.strip().lower().split("=", 1) for part in found[0].split(";") if "=" in part
            )
            policy = (tags.get("sp") if at else None) or tags.get("p", "none")
            if policy.strip() == "none":
                return Verdict.OK, f"DMARC of {name} asks servers to report only (p=none)", ""
            fix = (
                "letters must pass SPF or DKIM in the name of this very domain: send yourself one"
                " with --to"
            )
            return (
                Verdict.OK,
                f"DMARC of {name} asks servers to {_do(policy.strip())} what does not pass",
                fix,
            )
    return (
        Verdict.LOOK,
        f"{domain} has no DMARC record: big providers want one from those who write to many",
        "ask whoever runs the domain; v=DMARC1; p=none is a beginning",
    )


def _do(policy: str) -> str:
    return {"quarantine": "put aside", "reject": "refuse"}.get(policy, policy)


def _dkim(domain: str, selector: str | None, public: str, resolver: Resolver) -> Finding:
    if selector is None:
        sentence = (
            f"whether letters from {domain} are signed (DKIM) is not known without the name of"
            " the key"
        )
        fix = (
            "it stands as s= in the DKIM-Signature of any letter from there: mailer doctor --online"
            " --dkim NAME"
        )
        return Finding("DKIM", Verdict.NOT_KNOWN, sentence, fix)
    name = f"{selector}._domainkey.{domain}"
    try:
        keys = [text.replace(" ", "") for text in _texts(name, resolver)]
    except Silence as why:
        return Finding(
            "DKIM", Verdict.NOT_KNOWN, f"DKIM key {selector} is not known: {why}", "try again later"
        )
    if not keys:
        fix = "compare s= in a letter's DKIM-Signature; ask whoever runs the domain"
        return Finding("DKIM", Verdict.WRONG, f"there is no DKIM key {selector} of {domain}", fix)
    if any(";p=;" in f";{key};" for key in keys):
        return Finding(
            "DKIM",
            Verdict.WRONG,
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
            Verdict.WRONG,
            f"the DKIM key {selector} of {domain} is not the one that we sign with",
            fix,
        )
    return Finding("DKIM", Verdict.OK, f"the DKIM key {selector} of {domain} is published")


def _texts(name: str, resolver: Resolver) -> list[str]:
    return _records(name, "TXT", resolver) or []


def _records(name: str, kind: str, resolver: Resolver) -> list[str] | None:
    """Return the records as text; [] where there are none of the kind, None where there is no such
    name.
    """
    from dns import exception
    from dns import resolver as errors

    try:
        answer = resolver.resolve(f"{name}.", kind, raise_on_no_answer=False)
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
