"""Facts about the inbox in the console: what waits, one message as text, and its sorting."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime

from mailer.actions.inbox import take_in
from mailer.base.states import State
from mailer.console.request import Console
from mailer.contacts.holds import load_holds
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading import answers, deliveries
from mailer.ledger.reading.answers import WantedMessages
from mailer.ledger.reading.sent import SentLetter, sent_letters
from tests.console.test_app import console, owner
from tests.helpers.consoles import Browser
from tests.helpers.journeys import Journey
from tests.inbox.test_record import a_message, away
from tests.report.conftest import journey

__all__ = ["console", "journey", "owner"]
AT = datetime(2027, 1, 12, 9, 0, tzinfo=UTC)


def arrives(console: Console, ledger: Ledger, text: str) -> SentLetter:
    with ledger.reading() as connection:
        letter = next(iter(sent_letters(connection)))
    take_in(console.cache.workspace(), ledger, [("a.eml", a_message(letter, text))], at=AT)
    return letter


def test_an_answer_waits_until_it_is_opened_and_by_whom_is_recorded(
    console: Console, owner: Browser, ledger: Ledger
) -> None:
    letter = arrives(console, ledger, "Dear all, <script>alert(1)</script> I will vote for it.")
    assert letter.name in owner.get("/inbox").text
    page = owner.get("/inbox/message?n=1").text
    assert "I will vote for it." in page
    assert "<script>alert" not in page
    assert letter.delivery in page
    (form,) = re.findall(r'href="(/letters/[^"]*/board/member[^"]*source=reply[^"]*)"', page)
    assert "who=" in form
    with ledger.reading() as connection:
        (one,) = answers.messages(connection)
    assert one.opened_by
    assert letter.name not in owner.get("/inbox").text
    assert letter.name in owner.get("/inbox?q=vote").text


def test_a_person_sorts_a_message_and_an_objection_holds(
    console: Console, owner: Browser, ledger: Ledger, journey: Journey
) -> None:
    letter = arrives(console, ledger, "Hm.")
    before = journey.counts()
    owner.post("/inbox/sort", n="1", kind="objection", letters=letter.delivery.lower())
    with ledger.reading() as connection:
        (one,) = answers.messages(connection)
    assert (one.kind, one.sure, one.letters) == ("objection", True, (letter.delivery,))
    there = load_holds(console.cache.workspace().hold_list, console.cache.workspace().delegations)
    assert [hold.address for hold in there.entries] == [letter.address]
    assert sum(journey.counts().values()) == sum(before.values())


def test_who_is_away_stands_in_the_follow_up_by_the_day_they_are_back(
    console: Console, owner: Browser, ledger: Ledger
) -> None:
    with ledger.reading() as connection:
        taken = {one.shown for one in deliveries.people(connection, 1, states=(State.ACCEPTED,))}
        letters = [one for one in sent_letters(connection) if one.delivery in taken]
    early, late = letters

    def come(*messages: bytes) -> str:
        found = [(f"{at}.eml", data) for at, data in enumerate(messages)]
        take_in(console.cache.workspace(), ledger, found, at=AT)
        return owner.get("/mail-outs/M-0001/follow-up").text.partition("back on their day")[2]

    listed = come(away(late, "3 December 2027"), away(early, "3 January 2027"))
    assert listed.index(early.name) < listed.index(late.name)
    assert "back since 3 Jan 2027" in listed
    assert "back on 3 Dec 2027" in listed
    assert "back from their absence" in owner.get("/").text
    number = int(early.delivery.rpartition("-")[2])
    owner.post(f"/mail-outs/M-0001/people/{number}/done", next="/mail-outs/M-0001/follow-up")

    assert "✓ jana" in owner.get("/mail-outs/M-0001/follow-up").text
    assert "back from their absence" not in owner.get("/").text
    assert late.name not in come(a_message(late, "Thank you, I am back already."))


def test_a_message_that_is_not_there_is_said(owner: Browser) -> None:
    assert "There is no message 99" in owner.get("/inbox/message?n=99").text
    assert owner.post("/inbox/sort", n="1", kind="nonsense").status_code == 400


def test_a_long_list_goes_a_page_at_a_time_and_each_message_leads_on(
    console: Console, owner: Browser, ledger: Ledger
) -> None:
    with ledger.reading() as connection:
        letter = next(iter(sent_letters(connection)))
    found = [
        (f"{n}.eml", a_message(letter, f"Thank you, answer {n}.", subject=f"Re: {n}"))
        for n in range(1, 121)
    ]
    take_in(console.cache.workspace(), ledger, found, at=AT)
    page = owner.get("/inbox?all=1").text
    assert page.count('<th scope="row"') == 50
    assert "Re: 120<" in page
    (older,) = re.findall(r'rel="next" href="([^"]+)"', page)
    page = owner.get(html.unescape(older)).text
    assert "Re: 70<" in page
    assert "Re: 71<" not in page
    (newer,) = re.findall(r'rel="prev" href="([^"]+)"', page)
    assert "Re: 120<" in owner.get(html.unescape(newer)).text
    (last,) = re.findall(r'rel="next" href="([^"]+)"', page)
    page = owner.get(html.unescape(last)).text
    assert "Re: 1<" in page
    assert 'rel="next"' not in page
    page = owner.get("/inbox/message?n=60&kind=reply&q=answer").text
    links = [html.unescape(one) for one in re.findall(r'rel="(?:prev|next)" href="([^"]+)"', page)]
    assert links == [f"/inbox/message?kind=reply&q=answer&n={n}" for n in (61, 59)]
    assert letter.delivery in page
    assert page.count('<pre class="source"') == 2  # the letter beside it
    with ledger.reading() as connection:
        here = next(one for one in deliveries.people(connection, 1) if one.shown == letter.delivery)
        opened = [
            (one.kind.value, one.who) for one in deliveries.timeline(connection, here.id)
            if one.kind.value.endswith("_opened")
        ]  # fmt: skip
        count = answers.count(connection, WantedMessages(kinds=("reply",)))
    assert {kind for kind, _ in opened} == {"message_opened", "letter_opened"}
    assert count == 120


def test_what_hangs_on_a_message_is_saved_as_it_came_and_never_shown(
    console: Console, owner: Browser, ledger: Ledger
) -> None:
    with ledger.reading() as connection:
        letter = next(iter(sent_letters(connection)))
    raw = a_message(letter, "").replace(
        b"Content-Type: text/plain; charset=utf-8", b"Content-Type: multipart/mixed; boundary=b"
    )
    raw += (
        b"--b\r\nContent-Type: text/plain\r\n\r\nMy answer is attached.\r\n"
        b'--b\r\nContent-Type: text/html; name="../../r\xc3\xa9ponse.html"\r\n'
        b"Content-Disposition: attachment\r\n\r\n<script>alert(1)</script>\r\n"
        b"--b\r\nContent-Type: application/pdf; name=long.pdf\r\n\r\n"
        + (b"QUJD" * 19 + b"\r\n") * 60_000
        + b"--b--\r\n"
    )
    take_in(console.cache.workspace(), ledger, [("a.eml", raw)], at=AT)
    page = owner.get("/inbox/message?n=1").text
    assert "ponse.html</a>" in page
    assert "<script>alert" not in page
    assert "long.pdf <span" in page
    answer = owner.get("/inbox/attachment?n=1&part=0")
    assert answer.content.strip() == b"<script>alert(1)</script>"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''r")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert owner.get("/inbox/attachment?n=1&part=1").status_code == 404  # it was not kept
    assert owner.get("/inbox/attachment?n=1&part=9").status_code == 404


def test_answers_are_found_by_their_words_in_any_case_and_by_delegation(
    console: Console, owner: Browser, ledger: Ledger
) -> None:
    with ledger.reading() as connection:
        one, two, *_ = sent_letters(connection)
    found = [
        ("a.eml", a_message(one, "Über Ihren Antrag denke ich nach.")),
        ("b.eml", a_message(two, "I shall think about it.")),
    ]
    take_in(console.cache.workspace(), ledger, found, at=AT)
    for wanted in ("über", "ÜBER", "antrag ÜBER"):
        page = owner.get("/inbox", params={"q": wanted}).text
        assert one.name in page
        assert page.count('<th scope="row"') == 1
    with ledger.reading() as connection:
        counted = answers.by_delegation(connection, WantedMessages(kinds=("reply",)))
    assert sum(counted.values()) == 2
    page = owner.get(f"/inbox?kind=reply&delegation={two.delegation}").text
    assert two.name in page


def test_a_long_objection_is_followed_with_one_button(
    console: Console, owner: Browser, ledger: Ledger
) -> None:
    words = "I read this with care. " * 30 + "Please do not write to me again."
    letter = arrives(console, ledger, words)
    page = owner.get("/inbox/message?n=1").text
    assert "Put on the hold list" in page
    assert re.search(r'<form method="post" action="/inbox/sort">.*?value="objection"', page)
    owner.post("/inbox/sort", n="1", kind="objection")
    workspace = console.cache.workspace()
    (held,) = load_holds(workspace.hold_list, workspace.delegations)
    assert held.address == letter.address
    assert "Put on the hold list" not in owner.get("/inbox/message?n=1").text
