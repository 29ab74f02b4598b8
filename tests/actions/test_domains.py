"""Facts about what is asked of name servers: a real one on loopback, and none at all."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.rrset
import pytest

from mailer.actions.doctor import domains
from mailer.actions.doctor.domains import TakesMail, mail_of
from mailer.actions.doctor.examine import examine
from mailer.actions.doctor.finding import Verdict
from mailer.base.settings.workspace import load_workspace
from mailer.contacts.book import load_contacts
from tests.helpers.consoles import workspace

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
    ("bare.example.", "A"): ["192.0.2.1"],
    ("null.example.", "MX"): ["0 ."],
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
    found = {
        finding.topic: finding for finding in domains.of_the_sender(domain, None, "", resolver)
    }
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
    (found,) = [
        one for one in domains.of_the_sender(domain, selector, "", resolver) if one.topic == "DKIM"
    ]
    assert found.verdict is Verdict(verdict)


@pytest.mark.parametrize(
    ("public", "verdict"), [("MIIBIjAN", "ok"), ("MIIB", "wrong"), ("other", "wrong")]
)
def test_published_key_must_be_the_one_that_we_sign_with(
    resolver: dns.resolver.Resolver, public: str, verdict: str
) -> None:
    *_, found = domains.of_the_sender("good.example", "k1", public, resolver)
    assert found.verdict is Verdict(verdict)
    assert (f"p={public}" in found.fix) is (verdict == "wrong")


@pytest.mark.parametrize(
    ("domain", "answer"),
    [
        ("good.example", TakesMail.YES), ("bare.example", TakesMail.YES),
        ("null.example", TakesMail.REFUSED), ("empty.example", TakesMail.NO_SERVER),
        ("nowhere.example", TakesMail.NO_DOMAIN), ("silent.example", TakesMail.NOT_KNOWN),
        ("broken.example", TakesMail.NOT_KNOWN),
    ],
)  # fmt: skip
def test_a_domain_takes_mail_or_not_or_nobody_knows(
    resolver: dns.resolver.Resolver, domain: str, answer: TakesMail
) -> None:
    assert mail_of(domain, resolver)[0] is answer


def found(root: Path, names: list[str], resolver: dns.resolver.Resolver) -> list[tuple[str, str]]:
    (root / "contacts").mkdir()
    lines = "".join(
        f"NO,Person {chr(65 + at)}xy Prøve,p{at}@{domain}\n" for at, domain in enumerate(names)
    )
    (root / "contacts" / "a.csv").write_text(f"Country,Name,E-mail\n{lines}", encoding="utf-8")
    return [(p.code, p.value) for p in domains.of_the_sheets(load_contacts(root), resolver)]


def test_every_row_of_a_dead_domain_is_named(
    tmp_path: Path, resolver: dns.resolver.Resolver
) -> None:
    names = ["good.example", "nowhere.example", "nowhere.example", "silent.example"]
    expected = [
        ("C190", "p1@nowhere.example"),
        ("C190", "p2@nowhere.example"),
        ("C191", "silent.example"),
    ]
    assert found(tmp_path, names, resolver) == expected


def test_a_name_server_that_knows_nobody_is_in_doubt_itself(
    tmp_path: Path, resolver: dns.resolver.Resolver
) -> None:
    names = ["good.example", "a.example", "b.example", "c.example", "d.example"]
    assert found(tmp_path, names, resolver) == [("C191", f"{letter}.example") for letter in "abcd"]


async def test_computer_without_a_name_server_makes_nothing_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.resolver.Resolver, "read_resolv_conf", none)
    here = load_workspace(workspace(tmp_path))
    found = {one.topic: one async for one in examine(here, online=True)}
    for topic in ("MX", "SPF", "DMARC"):
        assert found[topic].verdict is Verdict.NOT_KNOWN
        assert "this computer knows no name server" in found[topic].sentence
    problems = domains.of_the_sheets(load_contacts(tmp_path), domains.name_servers())
    assert {one.code for one in problems} == {"C191"}
