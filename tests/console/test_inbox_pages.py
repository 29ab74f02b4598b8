"""Facts about the inbox in the console: what waits, one message as text, and its sorting."""

from __future__ import annotations

from datetime import UTC, datetime

from mailer.actions.inbox import take_in
from mailer.console.request import Console
from mailer.contacts.holds import load_holds
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading import answers
from mailer.ledger.reading.sent import SentLetter, sent_letters
from tests.console.test_app import console, owner
from tests.helpers.consoles import Browser
from tests.helpers.journeys import Journey
from tests.inbox.test_record import a_message
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


def test_a_message_that_is_not_there_is_said(owner: Browser) -> None:
    assert "There is no message 99" in owner.get("/inbox/message?n=99").text
    assert owner.post("/inbox/sort", n="1", kind="nonsense").status_code == 400
