"""Follow-up letters: in each person's own thread, and only to those who may get one.

Letters go to a real server, and real messages come back, on both databases.
"""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mailer.base.errors import MailerError
from mailer.base.settings.workspace import load_workspace
from mailer.base.states import MailOutState
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from mailer.ledger.schema import delivery, incoming
from mailer.letters.message.read_back import read_back
from mailer.plan.follow_up import answered
from mailer.sending.demo_server import Mailbox, Trick
from tests.helpers.workspaces import (
    a_workspace,
    address,
    data,
    edit,
    lines,
    mailer,
    people,
    row,
    said,
    states,
    write_sheet,
)

FOLLOW_UP = """\
title = "A reminder"
last_day = 2027-01-25
[languages]
fallback = ["en"]
[[organisation]]
name = { en = "Rights Example", fr = "Droits Exemple" }
"""
TEXT = "Subject: {subject}\n\n{{{{ greeting }}}}\n\n{text}\n\n{{{{ closing }}}}\n"
BOUNCE = """\
Content-Type: multipart/report; report-type=delivery-status; boundary="x"

--x
Content-Type: text/plain

There is no such mailbox.
--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; {address}
Action: failed
Status: 5.1.1
--x
Content-Type: text/rfc822-headers

Message-ID: {message_id}
--x--
"""


@pytest.fixture
def box(tmp_path: Path) -> Any:
    with Mailbox(tmp_path / "box", {address(7): Trick.NO_SUCH_MAILBOX}) as mailbox:
        yield mailbox


@pytest.fixture
def root(tmp_path: Path, box: Mailbox, ledger_url: str) -> Path:
    """Nine people have had a letter, but for one whose server refused it."""
    root = a_workspace(tmp_path / "work", box.port, people=9)
    if ledger_url.startswith("postgresql"):
        with (root / "config.toml").open("a") as config:
            config.write(f'[log]\ndatabase = "{ledger_url}"\n')
    folder = root / "templates" / "reminder"
    folder.mkdir()
    (folder / "appeal.toml").write_text(FOLLOW_UP)
    for language, text in (("en", "A reminder."), ("fr", "Un rappel.")):
        (folder / f"{language}.md").write_text(TEXT.format(subject="Re:", text=text))
    said(mailer("plan", "appeal", at=root))
    said(mailer("send", "M-0001", "--confirm", 9, at=root), 1)  # one refused: look at it
    return root


def received(box: Mailbox, number: int) -> EmailMessage:
    path = box.folder / f"{address(number)}.eml"
    found = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def comes_back(
    root: Path, first: EmailMessage, text: str, headers: str = "", sender: str = ""
) -> None:
    """Let a message come in from whom a letter was written to."""
    head = (
        f"From: {sender or first['To']}\nTo: answers@rights.example\n"
        f"Subject: Re: {first['Subject']}\nIn-Reply-To: {first['Message-ID']}\n{headers}"
    )
    body = (
        text if "Content-Type:" in text else f"Content-Type: text/plain; charset=utf-8\n\n{text}\n"
    )
    file = root / "came.eml"
    file.write_text(head + body)
    said(mailer("inbox", "import", file, at=root))


AUTOMATIC = "Auto-Submitted: auto-replied\nReturn-Path: <>\n"


def test_follow_up_goes_on_in_each_thread_and_leaves_out_who_answered(
    root: Path, box: Mailbox
) -> None:
    firsts = {number: received(box, number) for number in range(1, 10) if number != 7}
    comes_back(root, firsts[1], "Thank you, I shall think about it.")
    comes_back(root, firsts[2], "Please remove me from your list and do not write to me again.")
    gone = BOUNCE.format(address=address(3), message_id=firsts[3]["Message-ID"])
    comes_back(root, firsts[3], gone, "Return-Path: <>\n", "MAILER-DAEMON@mx.example")
    comes_back(root, firsts[4], "I am out of the office until 2 February 2027.", AUTOMATIC)
    comes_back(root, firsts[5], "I am out of the office until 10 January 2027.", AUTOMATIC)
    write_sheet(root, [row(number) for number in range(1, 11)])  # one more has joined

    plan = data(mailer("plan", "reminder", "--follows", "m-0001", "--json", at=root))
    assert plan["follows"] == "M-0001"
    assert plan["to_send"] == 4  # 5, 6, 8, 9
    why = {one["address"]: (one["reason"], one["detail"]) for one in people(root, "M-0002")}
    assert [why[address(number)] for number in (1, 3, 4, 7, 10)] == [
        ("answered", "M-0001"),
        ("returned_before", "M-0001"),
        ("away_too_long", "back on 2027-02-02, said to M-0001"),
        ("no_first_letter", "M-0001, refused"),
        ("no_first_letter", "no letter in M-0001"),
    ]
    assert "needs a look: 2 left out" in said(mailer("status", at=root))  # held, and returned
    assert why[address(2)][0] in ("no_more_letters", "on_hold")

    said(mailer("send", "M-0002", "--confirm", 4, at=root))
    seconds = {number: received(box, number) for number in (5, 6, 8, 9)}
    for number, second in seconds.items():
        first = firsts[number]
        assert second["In-Reply-To"] == second["References"] == first["Message-ID"]
        assert second["Message-ID"] != first["Message-ID"]
        assert second["Subject"] == f"Re: {first['Subject']}"
    for number in (1, 2, 3, 4):
        assert received(box, number)["Message-ID"] == firsts[number]["Message-ID"]

    # a third letter goes on in the same thread; who answers the second gets none
    comes_back(root, seconds[6], "I shall vote for it.")
    edit(root / "templates" / "reminder" / "appeal.toml", "A reminder", "The last one")
    (root / "templates" / "reminder").rename(root / "templates" / "last-reminder")
    third = data(mailer("plan", "last-reminder", "--follows", "M-0002", "--json", at=root))
    assert third["to_send"] == 3
    skips = data(
        mailer("plan", "last-reminder", "--follows", "appeal", "--replace", "--json", at=root)
    )
    assert skips["to_send"] == 3  # who answered anywhere in the thread, is known to have answered
    said(mailer("stop", skips["mail_out"], at=root))
    third = data(mailer("plan", "last-reminder", "--follows", "reminder", "--json", at=root))
    said(mailer("send", third["mail_out"], "--confirm", 3, at=root))
    for number in (5, 8, 9):
        last = received(box, number)
        assert last["In-Reply-To"] == seconds[number]["Message-ID"]
        assert last["References"].split() == [
            firsts[number]["Message-ID"],
            seconds[number]["Message-ID"],
        ]
        assert last["Subject"] == f"Re: {firsts[number]['Subject']}"


def test_who_speaks_after_the_plan_gets_no_follow_up(root: Path, box: Mailbox) -> None:
    said(mailer("plan", "reminder", "--follows", "M-0001", at=root))
    comes_back(root, received(box, 1), "Thank you, I shall think about it.")
    said(mailer("send", "M-0002", "--confirm", 8, at=root), 1)
    out = {one["address"]: one for one in people(root, "M-0002")}[address(1)]
    assert (out["state"], out["reason"], out["detail"]) == ("not_sent", "answered", "M-0001")
    assert received(box, 1)["Subject"] == "Votez"
    assert received(box, 2)["Subject"] == "Re: Please vote"
    again = data(mailer("retry", "M-0002", "--json", at=root))
    assert (again["follows"], again["to_send"]) == ("M-0001", 0)


def test_who_goes_away_or_says_where_they_stand_after_the_plan_gets_no_follow_up(
    root: Path, box: Mailbox
) -> None:
    with (root / "config.toml").open("a") as config:
        config.write("[positions]\nkeep_until = 2031-02-01\n")
    said(mailer("plan", "reminder", "--follows", "M-0001", at=root))
    comes_back(root, received(box, 1), "I am out of the office until 2 February 2027.", AUTOMATIC)
    comes_back(root, received(box, 2), "I am out of the office until 5 January 2027.", AUTOMATIC)
    who = ("position", "set", address(3), "leans", "--source", "call", "--appeal", "appeal")
    said(mailer(*who, at=root))
    said(mailer("send", "M-0002", "--confirm", 8, at=root), 1)
    out = {one["address"]: one for one in people(root, "M-0002")}
    assert {key: (one["reason"], one["detail"]) for key, one in out.items() if one["reason"]} == {
        address(1): ("away_too_long", "back on 2027-02-02, said to M-0001"),
        address(3): ("answered", ""),
        address(7): ("no_first_letter", "M-0001, refused"),
    }
    assert received(box, 2)["Subject"].startswith("Re:")


def test_answer_to_another_appeal_ends_no_follow_up(root: Path, box: Mailbox) -> None:
    shutil.copytree(root / "templates" / "appeal", root / "templates" / "another")
    said(mailer("plan", "another", at=root))
    said(mailer("send", "M-0002", "--confirm", 9, at=root), 1)
    of_another = received(box, 1)
    said(mailer("plan", "reminder", "--follows", "M-0001", at=root))
    comes_back(root, of_another, "Thank you, on this one I have decided.")
    said(mailer("send", "M-0003", "--confirm", 8, at=root))
    assert received(box, 1)["Subject"].startswith("Re:")


@pytest.mark.parametrize("how", ["paused", "sending", "stopped", "planned"])
def test_follow_up_of_what_is_not_sent_yet_goes_to_those_alone_who_had_their_letter(
    root: Path, box: Mailbox, how: str
) -> None:
    shutil.copytree(root / "templates" / "appeal", root / "templates" / "another")
    said(mailer("plan", "another", at=root))
    if how != "planned":
        said(mailer("send", "M-0002", "--confirm", 9, "--first", 3, at=root), 4)
    if how == "stopped":
        said(mailer("stop", "M-0002", at=root))
    if how == "sending":  # its sender has died, as at a power cut
        url = load_workspace(root).ledger_url
        with Ledger(url) as ledger, ledger.writing() as connection:
            mailouts.change(connection, 2, MailOutState.SENDING, at=ledger.now(), who="Jana")
    plan = data(mailer("plan", "reminder", "--follows", "M-0002", "--json", at=root))
    had = 0 if how == "planned" else 3
    assert plan["to_send"] == had
    why = Counter((one["reason"], one["detail"]) for one in people(root, "M-0003"))
    rest = "M-0002, not sent" if how == "stopped" else "M-0002, waiting"
    assert why["no_first_letter", rest] == 9 - had


def test_who_wants_no_more_gets_none_whenever_that_was_recorded(
    root: Path, box: Mailbox, ledger_url: str
) -> None:
    """By a clock that was set back since the plan, or understood only after it."""
    said(mailer("plan", "reminder", "--follows", "M-0001", at=root))
    comes_back(root, received(box, 1), "I am away.", AUTOMATIC)
    url = ledger_url if ledger_url.startswith("postgresql") else load_workspace(root).ledger_url
    with Ledger(url) as ledger, ledger.writing() as connection:
        before = {"recorded_at": ledger.now() - timedelta(days=1), "kind": "left_office"}
        connection.execute(sa.update(incoming).values(**before))
    said(mailer("send", "M-0002", "--confirm", 8, at=root), 1)
    out = {one["address"]: one for one in people(root, "M-0002")}[address(1)]
    assert (out["state"], out["reason"]) == ("not_sent", "no_more_letters")
    assert received(box, 1)["Subject"] == "Votez"


def test_who_has_said_where_they_stand_gets_no_follow_up(root: Path) -> None:
    with (root / "config.toml").open("a") as config:
        config.write("[positions]\nkeep_until = 2027-02-01\n")
    who = ("position", "set", address(4), "undecided", "--source", "call", "--appeal", "appeal")
    said(mailer(*who, at=root))
    plan = data(mailer("plan", "reminder", "--follows", "M-0001", "--json", at=root))
    why = {one["address"]: (one["reason"], one["detail"]) for one in people(root, "M-0002")}
    assert (plan["to_send"], why[address(4)]) == (7, ("answered", ""))


def test_who_was_forgotten_is_in_nobodys_way(root: Path) -> None:
    mailer("log", "forget", address(4), "--because", "asked", "--confirm", 1, at=root)
    plan = data(mailer("plan", "reminder", "--follows", "M-0001", "--json", at=root))
    assert plan["to_send"] == 7


def test_letter_that_waits_is_counted_however_long_ago_it_was_planned(root: Path) -> None:
    edit(root / "config.toml", "per_minute = 0", "per_minute = 0\nletters_per_person = 2")
    said(mailer("plan", "reminder", "--follows", "M-0001", at=root))
    with Ledger(load_workspace(root).ledger_url) as ledger, ledger.writing() as connection:
        before = {"changed_at": ledger.now() - timedelta(days=300)}
        connection.execute(sa.update(delivery).where(delivery.c.mail_out_id == 2).values(**before))
    (root / "templates" / "last-reminder").mkdir()
    for path in (root / "templates" / "reminder").iterdir():
        (root / "templates" / "last-reminder" / path.name).write_text(path.read_text())
    plan = data(mailer("plan", "last-reminder", "--follows", "M-0001", "--json", at=root))
    assert plan["to_send"] == 0
    assert {one["reason"] for one in people(root, "M-0003")} == {
        "enough_letters", "no_first_letter",
    }  # fmt: skip


def test_letters_of_all_appeals_are_counted_for_each_person(root: Path, box: Mailbox) -> None:
    edit(root / "config.toml", "per_minute = 0", "per_minute = 0\nletters_per_person = 1")
    plan = data(mailer("plan", "reminder", "--follows", "M-0001", "--json", at=root))
    assert plan["to_send"] == 0
    why = {one["address"]: (one["reason"], one["detail"]) for one in people(root, "M-0002")}
    reason, detail = why[address(1)]
    assert reason == "enough_letters"
    assert detail.startswith("M-0001 on 20")
    edit(root / "config.toml", "letters_per_person = 1", "letters_per_person = 2")
    again = ("plan", "reminder", "--follows", "M-0001", "--replace", "--json")
    assert data(mailer(*again, at=root))["to_send"] == 8


@pytest.mark.parametrize(
    ("file", "before", "after", "said_of_it"),
    [
        ("appeal.toml", "last_day = 2027-01-25\n", "", "needs an end"),
        ("fr.md", "Subject: Re:", "Subject: Rappel", "under the subject of the first letter"),
        ("appeal.toml", "[languages]", "[letter]\npdf = true\n[languages]", "on paper"),
    ],
)
def test_what_a_follow_up_lacks_is_said_by_check_and_refuses_the_plan(
    root: Path, file: str, before: str, after: str, said_of_it: str
) -> None:
    folder = root / "templates" / "reminder"
    edit(folder / file, before, after)
    assert "L135" not in str(lines(mailer("plan", "appeal", "--json", at=root)))
    refused = lines(mailer("plan", "reminder", "--follows", "appeal", "--json", at=root), 1)
    (found,) = refused[0]["problems"]
    assert (found["code"], said_of_it in found["message"]) == ("L135", True), found
    edit(folder / "appeal.toml", "[languages]", '[audience]\nfollows = "appeal"\n[languages]')
    (checked,) = lines(mailer("check", "reminder", "--json", at=root), 1)
    assert [one["message"] for one in checked["problems"] if one["code"] == "L135"] == [
        found["message"]
    ]


@pytest.mark.parametrize(
    ("follows", "hint"),
    [("M-0009", "did you mean"), ("apeal", 'did you mean "appeal"?'), ("reminder", "of its own")],
)
def test_what_cannot_be_followed_is_refused(root: Path, follows: str, hint: str) -> None:
    (refused,) = lines(mailer("plan", "reminder", "--follows", follows, "--json", at=root), 2)
    assert hint in refused["hint"]
    assert list(states(root, "M-0001").values()).count("accepted") == 8


def test_re_is_said_of_a_follow_up_alone(root: Path) -> None:
    (refused,) = lines(mailer("plan", "reminder", "--json", at=root), 1)
    assert {one["code"] for one in refused["problems"]} == {"L135"}


@pytest.mark.parametrize(
    ("subject", "behind"),
    [
        ("Please vote", "Please vote"),
        ("Re: Please vote", "Please vote"),
        ("Reply now", "Reply now"),
    ],
)
def test_there_is_one_re(subject: str, behind: str) -> None:
    assert answered(subject) == behind


def test_letter_that_follows_somebody_elses_is_found_before_it_is_sent(
    root: Path, box: Mailbox
) -> None:
    said(mailer("plan", "reminder", "--follows", "M-0001", at=root))
    said(mailer("send", "M-0002", "--confirm", 8, at=root))
    letter = (box.folder / f"{address(1)}.eml").read_bytes()
    own = letter[letter.index(b"From:") :]
    greeting = received(box, 1).get_body(("plain",)).get_content().splitlines()[0]
    about = {"recipient": address(1), "everyone": set(), "greeting": greeting}
    read_back(own, thread=[received(box, 1)["In-Reply-To"]], **about)
    for thread in ((), ("<another@rights.example>",)):
        with pytest.raises(MailerError, match="not this person's"):
            read_back(own, thread=thread, **about)
