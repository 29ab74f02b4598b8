"""A mailbox that several people share: one letter that greets them all, all of them accounted for.

Letters go to a real server, and the log is on both databases.
"""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from mailer.actions import mail_outs
from mailer.actions.mail_outs import planning
from mailer.base.settings.workspace import load_workspace
from mailer.base.states import Reason
from mailer.ledger.ledger import Ledger
from mailer.letters.wording.salutations import Forms
from mailer.plan.draft import draft
from mailer.sending.demo_server import Mailbox
from tests.helpers.letters import person
from tests.helpers.workspaces import (
    a_workspace,
    address,
    data,
    edit,
    mailer,
    people,
    row,
    said,
    write_sheet,
)

OFFICE = "office@de.parliament.example"
ROWS = [
    row(1),
    row(3, address=OFFICE, given="Anna"),
    row(6, address=OFFICE.upper(), given="Ole", civility="Mr", gender="m", role="representative"),
    row(9, address=OFFICE, given="Kim", language="fr"),
]


@pytest.fixture
def box(tmp_path: Path) -> Any:
    with Mailbox(tmp_path / "box") as mailbox:
        yield mailbox


@pytest.fixture
def root(tmp_path: Path, box: Mailbox, ledger_url: str) -> Path:
    root = a_workspace(tmp_path / "work", box.port, rows=ROWS)
    if ledger_url.startswith("postgresql"):
        with (root / "config.toml").open("a") as config:
            config.write(f'[log]\ndatabase = "{ledger_url}"\n')
    return root


def of(root: Path, mail_out: str) -> dict[str, tuple[str, str, str]]:
    return {
        one["name"].split()[0]: (one["state"], one["reason"] or "", one["detail"])
        for one in people(root, mail_out)
    }


def received(box: Mailbox) -> EmailMessage:
    (path,) = (one for one in box.folder.iterdir() if one.name.casefold() == f"{OFFICE}.eml")
    found = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def test_one_letter_names_all_who_share_a_mailbox(root: Path, box: Mailbox) -> None:
    plan = data(mailer("plan", "appeal", "--json", at=root))
    assert (plan["to_send"], plan["left_out"]) == (2, 2)
    said(mailer("send", "M-0001", "--confirm", 2, at=root))
    found = of(root, "M-0001")
    assert found["Anna"][0] == "accepted"
    assert found["Ole"] == ("accepted", "shared_mailbox", "Anna Exemplová")
    assert found["Kim"][:2] == ("skipped", "same_address")  # reads another language
    letter = received(box)
    assert letter["To"] == f'"Anna Exemplová, Ole Exemplová" <{OFFICE}>'
    assert box.seen[OFFICE] == 1
    for kind in ("plain", "html"):
        body = letter.get_body((kind,))
        assert body is not None
        assert "Dear Ms Exemplová, dear Mr Exemplová," in body.get_content()
    shown = said(mailer("log", "show", "M-0001", "Ole", at=root))
    assert "named in the letter to the same mailbox; Anna Exemplová" in " ".join(shown.split())
    assert shown.count("→ accepted for delivery") == 1  # the letter's story is theirs, too
    assert "1 named in the letter to the same mailbox" in said(mailer("status", "M-0001", at=root))
    for what in ("M-0001", "appeal"):
        now = data(mailer("status", what, "--json", at=root))
        assert now["counts"]["accepted"] == now["delegations"]["DE"]["accepted"] + 1 == 3
        assert now["needs_a_person"] == 0
    listed = mailer("log", "people", "M-0001", "--state", "accepted", "--json", at=root)
    assert len(said(listed).splitlines()) == 3
    brought = data(mailer("report", "appeal", "--json", at=root))
    assert brought["delegations"]["DE"]["accepted"] == 2
    assert not any(one["reason"] == "shared_mailbox" for one in brought["missed"])

    # nobody of them gets the appeal again, also where they have an address of their own by now
    own = row(6, address="ole@de.parliament.example", given="Ole", civility="Mr", gender="m")
    write_sheet(root, [*ROWS[:2], own])
    data(mailer("plan", "appeal", "--json", at=root))
    again = of(root, "M-0002")
    assert again["Ole"] == ("skipped", "already_written", "M-0001, accepted for delivery")
    condition = ("--where", "accepted in M-0001", "--json")
    saved = data(mailer("audience", "save", "had it", *condition, at=root))
    assert [one["name"].split()[0] for one in saved["people"]] == ["Example1", "Anna", "Ole"]
    write_sheet(root, ROWS)  # nor where they share it still, and the reason is the same
    assert data(mailer("plan", "appeal", "--json", "--replace", at=root))["to_send"] == 0
    again = of(root, "M-0003")
    assert again["Ole"] == ("skipped", "already_written", "M-0001, accepted for delivery")


def test_letter_that_says_more_of_each_names_one_and_the_other_is_left_out(root: Path) -> None:
    for language, words in (("en", "We write to you"), ("fr", "Nous vous écrivons")):
        letter = root / "templates" / "appeal" / f"{language}.md"
        edit(letter, words, f"{words}, {{{{ given }}}}")
    said(mailer("plan", "appeal", at=root))
    found = of(root, "M-0001")
    assert found["Anna"][0] == "waiting"
    assert found["Ole"][:2] == ("skipped", "same_address")
    assert "says more of each" in found["Ole"][2]


def test_letter_goes_to_the_second_where_the_row_of_the_first_lacks_something(root: Path) -> None:
    for language, words in (("en", "We write to you"), ("fr", "Nous vous écrivons")):
        letter = root / "templates" / "appeal" / f"{language}.md"
        edit(letter, words, f"{words}, {{{{ given }}}}")
    write_sheet(root, [ROWS[0], row(3, address=OFFICE, given=""), *ROWS[2:]])
    plan = data(mailer("plan", "appeal", "--json", at=root))
    assert plan["to_send"] == 2
    found = of(root, "M-0001")
    assert found["Exemplová"][:2] == ("skipped", "row")
    assert found["Ole"][0] == "waiting"
    workspace = load_workspace(root)
    with Ledger(workspace.ledger_url) as ledger:  # and so it was shown before
        mail_outs.stop(ledger, 1, who="Jana")
        shown = planning.decide(ledger, draft(workspace, "appeal"))
    assert [one.reason for one in shown][:3] == [None, Reason.ROW, None]


def test_whoever_is_alone_in_the_mail_out_gets_the_letter(root: Path, box: Mailbox) -> None:
    write_sheet(root, [row(3, address=OFFICE, role="assistant"), *ROWS[2:3]])
    assert data(mailer("plan", "appeal", "--json", at=root))["to_send"] == 1
    assert of(root, "M-0001")["Ole"][0] == "waiting"
    said(mailer("send", "M-0001", "--confirm", 1, at=root))
    assert "Dear Mr Exemplová," in received(box).as_string().replace("=C3=A1", "á")


def test_hold_of_one_before_the_sending_takes_the_letter_back(root: Path) -> None:
    said(mailer("plan", "appeal", at=root))
    hold = ("contacts", "hold", "Ole Exemplová", "--because", "asked us")
    said(mailer(*hold, at=root))
    found = of(root, "M-0001")
    assert found["Anna"][:2] == ("not_sent", "on_hold")


def test_who_shared_a_mailbox_is_followed_up_in_its_thread(root: Path, box: Mailbox) -> None:
    said(mailer("plan", "appeal", at=root))
    said(mailer("send", "M-0001", "--confirm", 2, at=root))
    first = received(box)
    folder = root / "templates" / "reminder"
    (root / "templates" / "appeal").rename(folder)
    for language, subject in (("en", "Please vote"), ("fr", "Votez")):
        edit(folder / f"{language}.md", f"Subject: {subject}", "Subject: Re:")
    edit(folder / "appeal.toml", "[session]", "last_day = 2027-01-25\n[session]")
    said(mailer("plan", "reminder", "--follows", "M-0001", at=root))
    assert of(root, "M-0002")["Ole"][:2] == ("waiting", "shared_mailbox")
    said(mailer("send", "M-0002", "--confirm", 2, at=root))
    second = received(box)
    assert second["In-Reply-To"] == first["Message-ID"]
    assert "dear Mr Exemplová" in second.as_string().replace("=C3=A1", "á")


def test_whoever_is_forgotten_takes_the_common_letter_along(root: Path) -> None:
    said(mailer("plan", "appeal", at=root))
    said(mailer("send", "M-0001", "--confirm", 2, at=root))
    for who in (address(1), "Ole Exemplová"):
        mailer("log", "forget", who, "--because", "asked", "--confirm", 1, at=root)
    shown = mailer("log", "show", "M-0001", "Anna", "--text", at=root)
    assert "dear Mr" not in shown.stdout + shown.stderr
    said(mailer("log", "verify", at=root))


@pytest.mark.parametrize(
    ("language", "greeting", "closing"),
    [
        ("en", "Dear Ms Berg, dear Mr Lie,", ""),
        ("de", "Sehr geehrte Frau Abgeordnete, sehr geehrter Herr Abgeordneter,", ""),
        ("fr", "Madame la Députée, Monsieur le Député,", "Madame la Députée, Monsieur le Député,"),
    ],
)
def test_two_are_greeted_and_bidden_farewell_one_behind_the_other(
    tmp_path: Path, language: str, greeting: str, closing: str
) -> None:
    both = [
        person(surname="Berg", gender="f", civility="", chamber="deputy"),
        person(surname="Lie", gender="m", civility="", chamber="deputy"),
    ]
    form = Forms.load(tmp_path / "none.csv").greet_all(both, language)
    assert form.greeting == greeting
    assert closing in form.closing
