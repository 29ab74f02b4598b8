"""Facts about what is looked at on finished letters: like letters, a spam filter's opinion, links
on the network.
"""

from __future__ import annotations

import http.server
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import trustme

from mailer.base import clock
from mailer.base.errors import Severity
from mailer.contacts.holds import Holds
from mailer.letters.appeal import Appeal
from mailer.letters.appeal_files import load_appeal, names
from mailer.letters.checks import link_targets, spam
from mailer.letters.message import mime
from mailer.letters.render import Renderer
from mailer.plan import per_person
from mailer.plan.audience import Audience, Decision
from tests.helpers.letters import (
    DELEGATIONS,
    FORMS,
    ROOT,
    SENDER,
    folder,
    invented,
    letter,
    person,
    renderer,
)
from tests.letters.test_mime import finished

# ------------------------------------------------------------------------------------- like letters


def many(root: Path, body: str, people: int, domains: int = 1) -> list[str]:
    made = renderer(load_appeal(folder(root, en=letter(body)), "appeal"), ["Committee"])
    decisions = [
        Decision(
            person(
                given=f"N{at}",
                extra={"Committee": f"{at} " * 200},
                address=f"n{at}@no{at % domains}.example",
            ),
            "en",
        )
        for at in range(people)
    ]
    letters, rows = per_person.written(made, decisions)
    assert (len(letters), rows) == (people, [])
    return [problem.value for problem in per_person.alike(letters, "templates/appeal")]


LONG = "The same for everybody, and long enough to count. " * 10


@pytest.mark.parametrize(
    ("people", "domains", "noted"), [(30, 1, ["no0.example 30"]), (20, 1, []), (40, 2, [])]
)
def test_many_like_letters_to_one_domain_are_noted(
    tmp_path: Path, people: int, domains: int, noted: list[str]
) -> None:
    assert many(tmp_path, LONG, people, domains) == noted


def test_letters_that_differ_in_most_of_their_text_are_not_alike(tmp_path: Path) -> None:
    assert many(tmp_path, "{{ committee }}", 30) == []


def test_row_that_cannot_be_written_to_is_told_and_the_others_are_written(tmp_path: Path) -> None:
    made = renderer(load_appeal(folder(tmp_path, en=letter("{{ title }}")), "appeal"))
    letters, (problem,) = per_person.written(
        made, [Decision(person(title="Dr"), "en"), Decision(person(title=""), "en")]
    )
    assert len(letters) == 1
    assert (problem.code, problem.cell) == ("L301", "7:5")


def test_people_who_get_another_language_are_counted(tmp_path: Path) -> None:
    appeal = load_appeal(
        folder(tmp_path, en=letter("x"), toml='[languages]\nfallback = ["en"]\n'), "appeal"
    )
    people = [person(language=language) for language in ("it", "de", "it", "", "", "en")]
    (note,) = per_person.fallen_back(appeal, Audience(appeal, Holds()).decide(people))
    assert (note.code, note.severity, note.value) == ("L129", Severity.NOTE, "it 2, de 1")
    assert (
        note.message
        == "3 people get this letter: there is none in their own language (2 more have no language"
        " in the sheet)"
    )
    assert (
        per_person.fallen_back(appeal, Audience(appeal, Holds()).decide([person(language="")]))
        == []
    )
    assert str(note.suggestion).startswith("write it.md, or leave it so")


@pytest.mark.parametrize(
    ("delegation", "body", "toml", "told"),
    [
        ("GE", "x", "", ["Georgia, 2"]),
        ("NO", "x", "", []),
        ("GE", "Members from Georgia too.", "", []),
        ("GE", "x", '[audience.leave_out]\nGE = "it left"\n', []),
        ("AZ", "x", "", ["Azerbaijan, 2"]),
    ],
)
def test_delegation_that_does_not_sit_is_told_unless_the_appeal_mentions_it(
    tmp_path: Path, delegation: str, body: str, toml: str, told: list[str]
) -> None:
    appeal = load_appeal(folder(tmp_path, en=letter(body), toml=toml), "appeal")
    people = [Decision(person(delegation=delegation), "en")] * 2
    found = per_person.not_sitting(appeal, DELEGATIONS, people)
    assert [one.value for one in found] == told
    assert all("as of 2026" in one.message for one in found)


def test_greeting_in_another_language_than_the_letter_is_a_warning(tmp_path: Path) -> None:
    appeal = load_appeal(
        folder(tmp_path, en=letter("x"), toml='[languages]\nfallback = ["en"]\n'), "appeal"
    )
    people = [
        person(language="uk", greeting="Шановна пані Олено!"),
        person(language="en", greeting="Dear Madam Chair,"),
        person(language="", greeting="Dear Chair,"),
        person(language="uk"),
    ]
    (only,) = per_person.other_greetings(Audience(appeal, Holds()).decide(people))
    assert (only.code, only.severity, only.cell, only.value) == (
        "L130",
        "warning",
        "7:9",
        "Шановна пані Олено!",
    )


# ------------------------------------------------------------------------------------- spam filters


def shipped() -> Iterator[tuple[Appeal, str]]:
    """Every letter that comes with the mailer: the demo's, and those of a new workspace."""
    for name in names(ROOT):
        appeal = load_appeal(ROOT, name)
        yield from ((appeal, language) for language in appeal.letters)


def first_appeal(root: Path) -> Appeal:
    own = ROOT / "mailer" / "base" / "settings" / "new"
    texts = {path.stem: path.read_text("utf-8") for path in (own / "first-appeal").glob("*.md")}
    return load_appeal(
        folder(root, **texts, toml=(own / "en" / "appeal.toml").read_text("utf-8")), "appeal"
    )


@pytest.mark.timeout(600)
@pytest.mark.skipif(spam.program() is None, reason="needs SpamAssassin (Debian: spamassassin)")
@pytest.mark.long
def test_spamassassin_gives_no_points_to_any_letter_that_is_shipped(tmp_path: Path) -> None:
    new = first_appeal(tmp_path)
    known = {id(one): one for one, _ in shipped()} | {id(new): new}
    made = {
        key: Renderer(one, SENDER, DELEGATIONS, FORMS, ["Committee", "Vote 2024"])
        for key, one in known.items()
    }
    letters = {}
    for key, appeal in known.items():
        for language in appeal.letters:
            contact = next(
                one
                for one in invented()
                if one.language == language and one.name.strip() == one.name
            )
            about = {"recipient_name": contact.name, "recipient_address": contact.address}
            raw = finished(made[key].render(contact, language), **about)
            letters[appeal.name, language] = mime.dated(raw, clock.now())
    with ThreadPoolExecutor(2) as both:
        for which, opinion in zip(letters, both.map(spam.opinion, letters.values()), strict=True):
            assert opinion is not None
            assert opinion.score <= 0, (which, opinion.rules)


@pytest.mark.skipif(spam.program() is None, reason="needs SpamAssassin (Debian: spamassassin)")
def test_letter_that_is_called_spam_is_a_warning_with_the_rules() -> None:
    word = (  # spam by agreement
        "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
    )
    opinion = spam.opinion(
        f"From: a@b.example\r\nTo: x@y.example\r\nSubject: x\r\n\r\n{word}\r\n".encode()
    )
    assert opinion is not None
    (problem,) = spam.problems(opinion, "templates/appeal/en.md")
    assert (problem.code, problem.severity) == ("L237", Severity.WARNING)
    assert problem.value.startswith("1000 GTUBE: ")


def test_where_no_spam_filter_is_installed_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert spam.opinion(b"x\r\n") is None


# -------------------------------------------------------------------------------------------- links


class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        where = self.path.strip("/")
        if where == "slow":
            time.sleep(1)
        if where == "nonsense":
            self.wfile.write(b"nonsense\r\n\r\n")
            return
        self.send_response({"moved": 301}.get(where) or (int(where) if where.isdecimal() else 200))
        self.send_header("Content-Length", "0")
        if where == "moved":
            self.send_header("Location", "/200")
        if where == "302":
            self.send_header("Location", "https://elsewhere.example/")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[tuple[str, ssl.SSLContext]]:
    authority = trustme.CA()
    theirs, ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(theirs)
    authority.configure_trust(ours)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.socket = theirs.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"https://localhost:{server.server_address[1]}", ours
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("path", "verdict"),
    [
        ("/200", "ok"), ("/moved", "ok"), ("/404", "broken"), ("/410", "broken"),
        ("/403", "not_known"), ("/429", "not_known"), ("/500", "not_known"),
        ("/nonsense", "not_known"), ("/slow", "not_known"),
    ],
)  # fmt: skip
def test_only_a_clear_answer_makes_a_link_good_or_broken(
    site: tuple[str, ssl.SSLContext], path: str, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_targets, "SECONDS", 0.3 if path == "/slow" else 10)
    (answer,) = link_targets.ask([site[0] + path], site[1], private=True)
    assert answer.verdict == verdict, answer.why


def test_site_of_a_private_network_is_not_asked(site: tuple[str, ssl.SSLContext]) -> None:
    for link in (
        f"{site[0]}/200",
        "https://10.0.0.1/x",
        "https://[::1]/x",
        "https://169.254.169.254",
    ):
        (answer,) = link_targets.ask([link], site[1])
        assert (answer.verdict, "private network" in answer.why) == ("not_known", True), answer


def test_no_site_is_asked_that_another_names(site: tuple[str, ssl.SSLContext]) -> None:
    (answer,) = link_targets.ask([f"{site[0]}/302"], site[1], private=True)
    assert (answer.verdict, answer.why) == (
        "not_known",
        "it leads on to elsewhere.example, which was not asked",
    )


def test_each_address_is_asked_once(site: tuple[str, ssl.SSLContext]) -> None:
    assert len(link_targets.ask([f"{site[0]}/200"] * 3, site[1], private=True)) == 1


def test_site_that_nobody_vouches_for_is_not_known(site: tuple[str, ssl.SSLContext]) -> None:
    (answer,) = link_targets.ask([f"{site[0]}/200"], private=True)
    assert answer.verdict == "not_known"


def test_broken_link_is_told_with_its_line(tmp_path: Path) -> None:
    appeal = load_appeal(
        folder(tmp_path, en=letter("One.\n\nSee [this](https://a.example/x?y=1&z=2).")), "appeal"
    )
    rendered = renderer(appeal).render(person(), "en")
    assert link_targets.links_of(rendered.html) == ["https://a.example/x?y=1&z=2"]
    (broken,) = link_targets.problems(
        link_targets.LinkAnswer("https://a.example/x?y=1&z=2", "broken", "404"),
        appeal.letters["en"],
    )
    assert (broken.code, broken.severity, broken.row) == ("L224", Severity.WARNING, 7)
    (unknown,) = link_targets.problems(
        link_targets.LinkAnswer("https://a.example/x?y=1&z=2", "not_known", "?"),
        appeal.letters["en"],
    )
    assert (unknown.code, unknown.severity) == ("L225", Severity.NOTE)
