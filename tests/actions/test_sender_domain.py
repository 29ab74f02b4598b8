"""Facts about what the name servers say of a sender's domain, asked of a real name server on
loopback.
"""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.rrset
import pytest

from mailer.actions.doctor import Verdict
from mailer.actions.sender_domain import examine

ZONE = {
    ("good.example.", "MX"): ["10 mx.good.example."],
    ("good.example.", "TXT"): [
        '"some-verification=1"',
        '"v=spf1 include:provider.example " "-all"',
    ],
    ("_dmarc.good.example.", "TXT"): ['"v=DMARC1; p=reject; sp=none"'],
    ("k1._domainkey.good.example.", "TXT"): ['"v=DKIM1; k=rsa; p=MIIB" "IjAN"'],
    ("old._domainkey.good.example.", "TXT"): ['"v=DKIM1; p="'],
    ("sub.good.example.", "A"): ["192.0.2.1"],
    ("loose.example.", "MX"): ["0 ."],
    ("loose.example.", "TXT"): ['"v=spf1 +all"'],
    ("_dmarc.loose.example.", "TXT"): ['"v=DMARC1; p=none"'],
    ("twice.example.", "MX"): ["10 mx.good.example."],
    ("twice.example.", "TXT"): ['"v=spf1 -all"', '"v=spf1 mx -all"'],
    ("_dmarc.twice.example.", "TXT"): ['"v=DMARC1; p=none"', '"v=DMARC1; p=reject"'],
    ("empty.example.", "TXT"): ['"nothing to see"'],
}
NAMES = {name for name, _ in ZONE}


class Zone(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        data, connection = self.request
        query = dns.message.from_wire(data)
        (question,) = query.question
        name, kind = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
        if name.endswith("silent.example."):
            return
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if name.endswith("broken.example."):
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif name not in NAMES:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif (name, kind) in ZONE:
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *ZONE[name, kind]))
        connection.sendto(answer.to_wire(), self.client_address)


@pytest.fixture(scope="module")
def resolver() -> Iterator[dns.resolver.Resolver]:
    with socketserver.ThreadingUDPServer(("127.0.0.1", 0), Zone) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        asking = dns.resolver.Resolver(configure=False)
        asking.nameservers = ["127.0.0.1"]
        asking.port = server.server_address[1]
        asking.lifetime = 0.3
        yield asking
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("domain", "topic", "verdict", "words"),
    [
        ("good.example", "MX", "ok", "goes to mx.good.example"),
        ("good.example", "SPF", "ok", "v=spf1 include:provider.example -all"),
        ("good.example", "DMARC", "ok", "asks servers to refuse what does not pass"),
        ("sub.good.example", "MX", "ok", "goes to sub.good.example"),
        ("sub.good.example", "SPF", "wrong", "has no SPF record"),
        ("sub.good.example", "DMARC", "ok", "good.example asks servers to report only"),
        ("loose.example", "MX", "wrong", "takes no mail"),
        ("loose.example", "SPF", "look", "lets everybody send"),
        ("loose.example", "DMARC", "ok", "report only"),
        ("twice.example", "SPF", "wrong", "2 SPF records"),
        ("twice.example", "DMARC", "wrong", "2 DMARC records"),
        ("empty.example", "MX", "wrong", "has no mail server"),
        ("empty.example", "DMARC", "look", "has no DMARC record"),
        ("nowhere.example", "MX", "wrong", "does not exist"),
        *((domain, topic, "not_known", "is not known")
          for domain in ("silent.example", "broken.example") for topic in ("MX", "SPF", "DMARC")),
    ],
)  # fmt: skip
def test_records_are_put_into_words(
    resolver: dns.resolver.Resolver, domain: str, topic: str, verdict: str, words: str
) -> None:
    found = {finding.topic: finding for finding in examine(domain, resolver)}
    assert words in found[topic].sentence
    assert found[topic].verdict is Verdict(verdict)
    assert found[topic].fix or found[topic].verdict is Verdict.OK


@pytest.mark.parametrize(
    ("domain", "selector", "verdict"),
    [
        ("good.example", "k1", "ok"), ("good.example", "old", "wrong"),
        ("good.example", "none", "wrong"), ("good.example", None, "not_known"),
        ("silent.example", "k1", "not_known"),
    ],
)  # fmt: skip
def test_key_of_the_signature_is_looked_up_by_its_name(
    resolver: dns.resolver.Resolver, domain: str, selector: str | None, verdict: str
) -> None:
    (found,) = [one for one in examine(domain, resolver, selector) if one.topic == "DKIM"]
    assert found.verdict is Verdict(verdict)


@pytest.mark.parametrize(
    ("public", "verdict"), [("MIIBIjAN", "ok"), ("MIIB", "wrong"), ("other", "wrong")]
)
def test_published_key_must_be_the_one_that_we_sign_with(
    resolver: dns.resolver.Resolver, public: str, verdict: str
) -> None:
    *_, found = examine("good.example", resolver, "k1", public)
    assert found.verdict is Verdict(verdict)
    assert (f"p={public}" in found.fix) is (verdict == "wrong")
