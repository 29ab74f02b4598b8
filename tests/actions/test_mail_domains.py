"""Facts about asking the name servers, against a real one on loopback: silence is never
an error.
"""

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

from mailer.actions.mail_domains import Answer, ask, check_domains
from mailer.contacts import load_contacts

ZONE = {
    ("good.example.", "MX"): "10 mx.good.example.",
    ("bare.example.", "A"): "192.0.2.1",
    ("null.example.", "MX"): "0 .",
    ("text.example.", "TXT"): '"v=spf1 -all"',
}
NAMES = {name for name, _ in ZONE}


class Zone(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        data, connection = self.request
        query = dns.message.from_wire(data)
        (question,) = query.question
        name, kind = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
        if name == "silent.example.":
            return
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if name == "broken.example.":
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif name not in NAMES:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif (name, kind) in ZONE:
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, ZONE[name, kind]))
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
    ("domain", "answer"),
    [
        ("good.example", Answer.TAKES_MAIL), ("bare.example", Answer.TAKES_MAIL),
        ("null.example", Answer.NO_MAIL), ("text.example", Answer.NO_MAIL),
        ("nowhere.example", Answer.NO_MAIL), ("silent.example", Answer.NOT_KNOWN),
        ("broken.example", Answer.NOT_KNOWN),
    ],
)  # fmt: skip
def test_a_domain_takes_mail_or_not_or_nobody_knows(
    resolver: dns.resolver.Resolver, domain: str, answer: Answer
) -> None:
    assert ask(domain, resolver) is answer


def found(root: Path, domains: list[str], resolver: dns.resolver.Resolver) -> list[tuple[str, str]]:
    (root / "contacts").mkdir()
    lines = "".join(
        f"NO,Person {chr(65 + at)}xy Prøve,p{at}@{domain}\n" for at, domain in enumerate(domains)
    )
    (root / "contacts" / "a.csv").write_text(f"Country,Name,E-mail\n{lines}", encoding="utf-8")
    return [(p.code, p.value) for p in check_domains(load_contacts(root), resolver)]


def test_every_row_of_a_dead_domain_is_named(
    tmp_path: Path, resolver: dns.resolver.Resolver
) -> None:
    domains = ["good.example", "nowhere.example", "nowhere.example", "silent.example"]
    expected = [
        ("C190", "p1@nowhere.example"),
        ("C190", "p2@nowhere.example"),
        ("C191", "silent.example"),
    ]
    assert found(tmp_path, domains, resolver) == expected


def test_a_name_server_that_knows_nobody_is_in_doubt_itself(
    tmp_path: Path, resolver: dns.resolver.Resolver
) -> None:
    domains = ["good.example", "a.example", "b.example", "c.example", "d.example"]
    assert found(tmp_path, domains, resolver) == [
        ("C191", f"{letter}.example") for letter in "abcd"
    ]


def test_without_name_servers_nothing_is_known() -> None:
    assert ask("no.example", None) is Answer.NOT_KNOWN
