"""Facts about one letter to the head of each delegation, with its members in Cc: who stands in it,
who gets it, what becomes of each.

Letters go to a real server that takes one recipient a transaction, and the log is on both
databases.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import formatdate, getaddresses
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mailer.actions import inbox as inboxes
from mailer.base import clock
from mailer.base.settings.workspace import load_workspace
from mailer.base.states import Reason
from mailer.contacts.contact import Contact
from mailer.contacts.holds import Holds
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading import answers
from mailer.ledger.reading.answers import IncomingRow
from mailer.ledger.schema import incoming
from mailer.letters.appeal_files import load_appeal
from mailer.plan import heads
from mailer.plan.audience import Audience
from mailer.sending.demo_server import Mailbox, Trick
from tests.helpers.letters import person
from tests.helpers.workspaces import (
    ROOT,
    Sending,
    a_workspace,
    data,
    edit,
    environment,
    mailer,
    people,
    row,
    said,
    write_sheet,
)


def one(given: str, code: str, role: str = "representative", **more: str) -> str:
    cells = {"delegation": code, "role": role, "given": given, "civility": "Mr", "gender": "m"}
    language = "fr" if code == "FR" else "en"
    where = f"{given.lower()}@{code.lower()}.parliament.example"
    return row(1, **cells | {"address": where, "language": language} | more)


ROWS = [
    one("Abel", "FR"),
    one("Berthe", "FR", "chair", civility="Ms", gender="f"),
    one("Chloé", "FR", "substitute", address="chloe@fr.parliament.example"),
    one("Dora", "DE", "chair"),
    one("Emil", "DE"),
    one("Finn", "NO", "chair"),
]


@pytest.fixture
def box(tmp_path: Path) -> Any:
    with Mailbox(tmp_path / "box") as mailbox:
        yield mailbox


@pytest.fixture
def root(tmp_path: Path, box: Mailbox, ledger_url: str) -> Path:
    root = a_workspace(
        tmp_path / "work", box.port, rows=ROWS, appeal='[letter]\nmode = "head"\n', connections=3
    )
    if ledger_url.startswith("postgresql"):
        with (root / "config.toml").open("a") as config:
            config.write(f'[log]\ndatabase = "{ledger_url}"\n')
    return root


def received(box: Mailbox) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in sorted(box.folder.glob("*.eml"))}


def parsed(raw: bytes) -> EmailMessage:
    found = message_from_bytes(raw, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def of(root: Path, mail_out: str = "M-0001") -> dict[str, tuple[str, str]]:
    return {
        each["name"].split()[0]: (each["state"], each["reason"] or "")
        for each in people(root, mail_out)
    }


# ------------------------------------------------------------------------------------ who gets what


def test_each_person_has_an_envelope_and_a_delegation_the_same_bytes(
    root: Path, box: Mailbox
) -> None:
    plan = data(mailer("plan", "appeal", "--json", at=root))
    assert (plan["to_send"], plan["left_out"], plan["letters"]) == (6, 0, 3)
    said(mailer("send", "M-0001", "--confirm", 6, at=root))
    assert set(box.seen.values()) == {1} and len(box.seen) == 6
    letters = received(box)
    by_domain: dict[str, set[bytes]] = {}
    for address, raw in letters.items():
        by_domain.setdefault(address.partition("@")[2], set()).add(raw)
    assert {domain: len(raws) for domain, raws in by_domain.items()} == {
        "fr.parliament.example": 1, "de.parliament.example": 1, "no.parliament.example": 1,
    }  # fmt: skip
    french = parsed(letters["abel@fr.parliament.example"])
    assert french["To"] == "Berthe Exemplová <berthe@fr.parliament.example>"
    assert [address for _, address in getaddresses([french["Cc"]])] == [
        "abel@fr.parliament.example", "chloe@fr.parliament.example",
    ]  # fmt: skip
    assert "Madame la Présidente," in french.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert parsed(letters["finn@no.parliament.example"])["Cc"] is None
    for address, raw in letters.items():
        for other in letters:
            same = other.partition("@")[2] == address.partition("@")[2]
            assert (other.encode() in raw) == same
    assert {state for state, _ in of(root).values()} == {"accepted"}
    said(mailer("log", "verify", at=root))
    kept = root / "abel.eml"
    said(mailer("log", "show", "M-0001", "Abel", "--eml", kept, at=root))
    assert kept.read_bytes() == letters["abel@fr.parliament.example"]


@pytest.mark.parametrize("seed", range(40))
def test_in_copy_stands_who_gets_it_and_nobody_else(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    folder = tmp_path / "work"
    a_workspace(folder, 9, appeal='[letter]\nmode = "head"\n')
    roles = ["chair", "representative", "representative", "substitute", "assistant", "secretary"]
    everyone: list[Contact] = []
    for number in range(dice.randrange(1, 40)):
        code = dice.choice(["FR", "DE", "NO", "LV"])
        mailbox = number if dice.random() < 0.8 else dice.randrange(40)
        skip = dice.choice([None] * 9 + [Reason.NO_ADDRESS])
        where = "" if skip else f"p{mailbox}@{code.lower()}.parliament.example"
        taken = any(each.address == where for each in everyone if where)
        everyone.append(
            person(
                delegation=code,
                name=f"Given{number} Surname{number}",
                role=dice.choice(roles),
                address=where,
                row=number + 2,
                skip=Reason.SAME_ADDRESS if taken else skip,
            )
        )
    appeal = load_appeal(folder, "appeal", load_workspace(folder).delegations)
    decisions = Audience(appeal, Holds()).decide(everyone)
    assert [each.contact.row for each in decisions] == [each.row for each in everyone]
    for code in ("FR", "DE", "NO", "LV"):
        readers = [
            each
            for each in decisions
            if each.contact.delegation == code and each.reason in heads.GET_IT
        ]
        stand = {id(each.head_letter): each.head_letter for each in readers}
        assert len(stand) <= 1
        for letter in stand.values():
            assert letter is not None and letter.head.role == "chair"
            named = [letter.head.row, *(each.row for each in letter.copies)]
            assert sorted(named) == sorted(each.contact.row for each in readers)
            assert {each.delegation for each in (letter.head, *letter.copies)} == {code}
        chairs = [each for each in everyone if (each.delegation, each.role) == (code, "chair")]
        if len(chairs) != 1:
            assert not readers


def test_all_at_one_mailbox_are_named_and_it_gets_one_letter(root: Path, box: Mailbox) -> None:
    office = "office@fr.parliament.example"
    write_sheet(root, [*ROWS[:1], one("Berthe", "FR", "chair", address=office),
                       one("Chloé", "FR", "substitute", address=office)])  # fmt: skip
    said(mailer("plan", "appeal", at=root))
    said(mailer("send", "M-0001", "--confirm", 2, at=root))
    assert of(root)["Chloé"] == ("accepted", "shared_mailbox")
    assert box.seen == {"abel@fr.parliament.example": 1, office: 1}
    copies = getaddresses([parsed(received(box)[office])["Cc"]])
    assert copies == [("Abel Exemplová", "abel@fr.parliament.example"), ("Chloé Exemplová", office)]


# ------------------------------------------------------------------------------- who asks, and what


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([*ROWS[:1], *ROWS[2:]], "nobody is the head of the delegation of France"),
        ([*ROWS, one("Gil", "FR", "chair")], "has several heads in the sheets: Berthe"),
        (
            [*ROWS[:1], one("Berthe", "FR", "chair", address=""), *ROWS[2:]],
            "the head of the delegation of France gets no letter, and so nobody of it: no address",
        ),
    ],
)
def test_delegation_without_a_head_to_write_to_is_asked_about(
    root: Path, rows: list[str], says: str
) -> None:
    write_sheet(root, rows)
    refused = " ".join(said(mailer("plan", "appeal", at=root), 1).split())
    assert says in refused and "Nothing was planned" in refused
    assert says in " ".join(said(mailer("check", "appeal", at=root), 1).split())
    edit(
        root / "templates" / "appeal" / "appeal.toml",
        "[languages]",
        '[audience]\nleave_out = { FR = "asked, and left out" }\n[languages]',
    )
    assert data(mailer("plan", "appeal", "--json", at=root))["to_send"] == 3


def test_head_on_the_hold_list_is_asked_about(root: Path) -> None:
    said(mailer("contacts", "hold", "Dora Exemplová", "--because", "asked us", at=root))
    assert "on the hold list" in said(mailer("plan", "appeal", at=root), 1)


def test_head_who_is_not_chosen_leaves_the_members_out_with_that_reason(root: Path) -> None:
    plan = data(mailer("plan", "appeal", "--where", "role != chair or delegation = NO", "--json",
                       at=root))  # fmt: skip
    assert (plan["to_send"], plan["reasons"]) == (1, {"not_chosen": 2, "no_head": 3})
    shown = " ".join(said(mailer("log", "show", "M-0001", "Abel", at=root)).split())
    assert "the head of the delegation gets no letter" in shown
    assert "Berthe Exemplová: not chosen for this mail-out" in shown


def test_what_is_one_persons_own_does_not_go_to_all(root: Path) -> None:
    toml = root / "templates" / "appeal" / "appeal.toml"
    edit(toml, "[session]", 'personal_links = "their vote"\n[session]')
    assert "L136" in said(mailer("check", "appeal", at=root), 1)


def test_members_who_read_another_language_are_told(root: Path) -> None:
    write_sheet(root, [*ROWS, one("Hugo", "FR", language="en")])
    shown = " ".join(said(mailer("plan", "appeal", at=root)).split())
    assert "the letter of this delegation is in the language of its head (fr)" in shown
    assert "read another: en 1" in shown


# ------------------------------------------------------------------------------- while it is sent


def test_hold_after_the_plan_takes_the_letters_of_the_delegation_back(
    root: Path, box: Mailbox
) -> None:
    said(mailer("plan", "appeal", at=root))
    said(mailer("contacts", "hold", "Abel Exemplová", "--because", "asked us", at=root))
    found = of(root)
    assert found["Abel"] == ("not_sent", "on_hold")
    assert found["Berthe"] == found["Chloé"] == ("not_sent", "names_held")
    assert found["Dora"][0] == "waiting"
    shown = " ".join(said(mailer("log", "show", "M-0001", "Berthe", at=root)).split())
    assert "the letter names somebody who is on the hold list" in shown
    said(mailer("send", "M-0001", "--confirm", 3, at=root), 1)
    new = data(mailer("retry", "M-0001", "--json", at=root))
    assert new["to_send"] == 2
    said(mailer("send", new["mail_out"], "--confirm", 2, at=root))
    letters = received(box)
    assert "abel@fr.parliament.example" not in letters and len(letters) == 5
    assert b"abel@" not in letters["berthe@fr.parliament.example"]


def test_hold_in_the_middle_keeps_the_rest_and_the_rest_is_planned_anew(
    root: Path, box: Mailbox
) -> None:
    edit(root / "config.toml", "per_minute = 0", "per_minute = 60")
    edit(root / "config.toml", "connections = 3", "connections = 1")
    said(mailer("plan", "appeal", at=root))
    with Sending(root, "send", "M-0001", "--confirm", "6") as sending:
        while len(box.seen) < 3:  # the first of each delegation
            assert sending.events(1)
        said(mailer("pause", "M-0001", at=root))
        sending.end()
    assert len(box.seen) < 6
    assert of(root)["Abel"][0] == "accepted" and of(root)["Chloé"][0] == "waiting"
    said(mailer("contacts", "hold", "Chloé Exemplová", "--because", "asked us", at=root))
    said(mailer("resume", "M-0001", at=root), 1)
    found = of(root)
    assert found["Abel"][0] == "accepted"
    assert (found["Chloé"], found["Berthe"]) == (
        ("not_sent", "on_hold"), ("not_sent", "names_held"),
    )  # fmt: skip
    new = data(mailer("retry", "M-0001", "--json", at=root))
    assert new["to_send"] == 1
    said(mailer("send", new["mail_out"], "--confirm", 1, at=root))
    assert parsed(received(box)["berthe@fr.parliament.example"])["Cc"] is None
    assert set(box.seen.values()) == {1}


def test_rest_goes_to_the_head_who_has_the_letter_already(root: Path, box: Mailbox) -> None:
    edit(root / "config.toml", '"@fr.parliament.example", ', '"berthe@fr.parliament.example", ')
    assert data(mailer("plan", "appeal", "--json", at=root))["to_send"] == 4
    said(mailer("send", "M-0001", "--confirm", 4, at=root))
    edit(root / "config.toml", '"berthe@fr', '"chloe@fr.parliament.example", "berthe@fr')
    new = data(mailer("retry", "M-0001", "--json", at=root))
    assert new["to_send"] == 1
    said(mailer("send", new["mail_out"], "--confirm", 1, at=root))
    rest = parsed(received(box)["chloe@fr.parliament.example"])
    assert (rest["To"], rest["Cc"]) == (
        "Berthe Exemplová <berthe@fr.parliament.example>",
        "Chloé Exemplová <chloe@fr.parliament.example>",
    )
    assert set(box.seen.values()) == {1}


def test_killed_at_any_step_each_gets_it_once_and_all_the_same(root: Path, box: Mailbox) -> None:
    said(mailer("plan", "appeal", at=root))
    killer = [sys.executable, str(ROOT / "tests" / "helpers" / "killed.py")]
    words = ["send", "M-0001", "--confirm", "6"]
    for step in (12, 17, 23, 31, 41):
        done = subprocess.run(
            [*killer, str(step), "-C", str(root), *words], env=environment(),
            stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )  # fmt: skip
        begun = data(mailer("status", "M-0001", "--json", at=root))["state"] != "planned"
        words = ["resume", "M-0001"] if begun else words
        if done.returncode == 0:
            break
    mailer(*words, at=root)
    states = Counter(state for state, _ in of(root).values())
    assert set(states) <= {"accepted", "unknown"} and sum(states.values()) == 6
    assert set(box.seen.values()) == {1}
    # A kill between the marker and the final dot leaves a letter unknown that never left.
    assert states["accepted"] <= len(box.seen) <= 6
    by_domain: dict[str, set[bytes]] = {}
    for where, raw in received(box).items():
        by_domain.setdefault(where.partition("@")[2], set()).add(raw)
    assert {len(raws) for raws in by_domain.values()} == {1}


def test_drafts_are_refused_in_words(root: Path) -> None:
    said(mailer("plan", "appeal", at=root))
    assert "a mail program would send" in said(mailer("draft", "M-0001", at=root), 3)


def test_sample_names_nobody_in_copy(root: Path) -> None:
    said(mailer("rehearse", "appeal", at=root))
    samples = sorted(load_workspace(root).samples_dir("appeal").glob("sample-*.eml"))
    assert len(samples) == 3
    assert not any(b"\r\nCc:" in path.read_bytes() for path in samples)
    said(mailer("plan", "appeal", at=root))
    said(mailer("rehearse", "M-0001", at=root))
    again = sorted(load_workspace(root).samples_dir("M-0001").glob("sample-*.eml"))
    assert len(again) == 3 and not any(b"\r\nCc:" in path.read_bytes() for path in again)


# ---------------------------------------------------------------------------------- what comes back


def came(root: Path, raw: str) -> IncomingRow:
    workspace = load_workspace(root)
    with Ledger(workspace.ledger_url) as ledger:
        message = raw.replace("\n", "\r\n").encode()
        inboxes.take_in(workspace, ledger, [("a file", message)], at=clock.now())
        with ledger.reading() as connection:
            number = connection.scalar(sa.select(sa.func.max(incoming.c.id)))
            found = answers.message(connection, number or 0)
    assert found is not None
    return found


def answer(letter: EmailMessage, sender: str, text: str = "Thank you, I shall vote.") -> str:
    return (
        f"From: {sender}\nTo: answers@rights.example\nSubject: Re: {letter['Subject']}\n"
        f"Date: {formatdate()}\nMessage-ID: <{abs(hash(sender + text))}@x.example>\n"
        f"In-Reply-To: {letter['Message-ID']}\n\n{text}\n"
    )


@pytest.mark.parametrize(
    ("sender", "whose", "sure"),
    [
        ("Abel <abel@fr.parliament.example>", "Abel", True),
        ("Berthe <berthe@fr.parliament.example>", "Berthe", True),
        ("Dora <dora@de.parliament.example>", "Dora", True),
        ("Chloé Exemplová <private@free.example>", "Chloé", True),
        ("Cabinet <cabinet@fr.parliament.example>", "Berthe", False),
    ],
)
def test_answer_is_that_of_whoever_writes(
    root: Path, box: Mailbox, sender: str, whose: str, sure: bool
) -> None:
    said(mailer("plan", "appeal", at=root))
    said(mailer("send", "M-0001", "--confirm", 6, at=root))
    letter = parsed(received(box)["abel@fr.parliament.example"])
    found = came(root, answer(letter, sender))
    assert [name.split()[0] for name in found.people] == [whose]
    assert found.sure is sure


def test_report_is_about_whom_it_names_and_else_about_nobody(root: Path, box: Mailbox) -> None:
    said(mailer("plan", "appeal", at=root))
    said(mailer("send", "M-0001", "--confirm", 6, at=root))
    letter = parsed(received(box)["abel@fr.parliament.example"])

    def report(named: str) -> str:
        return (
            "From: MAILER-DAEMON@fr.parliament.example\nTo: jana@rights.example\n"
            f"Subject: Undelivered\nDate: {formatdate()}\nIn-Reply-To: {letter['Message-ID']}\n"
            "MIME-Version: 1.0\n"
            "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
            "--b\nContent-Type: text/plain\n\nIt could not be delivered.\n\n"
            "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; fr.example\n\n"
            f"{named}Action: failed\nStatus: 5.1.1\n"
            "Diagnostic-Code: smtp; 550 5.1.1 no such user\n\n"
            f"--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: {letter['Message-ID']}\n"
            f"To: {letter['To']}\nCc: {letter['Cc']}\n\n--b--\n"
        )

    abel = came(root, report("Final-Recipient: rfc822; abel@fr.parliament.example\n"))
    assert [name.split()[0] for name in abel.people] == ["Abel"]
    nobody = came(root, report(""))
    assert nobody.people == () and nobody.sure is False


# -------------------------------------------------------------------------------------- follow-ups


def test_follow_up_goes_on_in_the_thread_of_the_delegation(root: Path, box: Mailbox) -> None:
    said(mailer("plan", "appeal", at=root))
    said(mailer("send", "M-0001", "--confirm", 6, at=root))
    first = parsed(received(box)["abel@fr.parliament.example"])
    came(root, answer(first, "Abel <abel@fr.parliament.example>"))
    folder = root / "templates" / "reminder"
    (root / "templates" / "appeal").rename(folder)
    for language, subject in (("en", "Please vote"), ("fr", "Votez")):
        edit(folder / f"{language}.md", f"Subject: {subject}", "Subject: Re:")
    edit(folder / "appeal.toml", "[session]", "last_day = 2037-01-25\n[session]")
    said(mailer("plan", "reminder", "--follows", "M-0001", at=root))
    found = of(root, "M-0002")
    assert found["Abel"] == ("skipped", "answered")
    # the head answers before it goes out: what follows goes to nobody in copy, either
    came(root, answer(parsed(received(box)["emil@de.parliament.example"]),
                      "Dora <dora@de.parliament.example>"))  # fmt: skip
    said(mailer("send", "M-0002", "--confirm", 5, at=root), 1)
    found = of(root, "M-0002")
    assert found["Dora"] == ("not_sent", "answered")
    assert found["Emil"] == ("not_sent", "no_head")
    shown = " ".join(said(mailer("log", "show", "M-0002", "Chloé", at=root)).split())
    assert "in copy to the letter to Berthe Exemplová" in shown
    assert "in copy" not in said(mailer("log", "show", "M-0002", "Berthe", at=root))
    second = parsed(received(box)["chloe@fr.parliament.example"])
    assert second["In-Reply-To"] == first["Message-ID"]
    assert second["Subject"] == "Re: Votez"
    assert "abel@" not in second["Cc"]


def test_member_in_copy_who_answers_takes_the_follow_up_of_the_delegation_back(
    root: Path, box: Mailbox
) -> None:
    said(mailer("plan", "appeal", at=root))
    said(mailer("send", "M-0001", "--confirm", 6, at=root))
    first = parsed(received(box)["abel@fr.parliament.example"])
    folder = root / "templates" / "reminder"
    (root / "templates" / "appeal").rename(folder)
    for language, subject in (("en", "Please vote"), ("fr", "Votez")):
        edit(folder / f"{language}.md", f"Subject: {subject}", "Subject: Re:")
    edit(folder / "appeal.toml", "[session]", "last_day = 2037-01-25\n[session]")
    said(mailer("plan", "reminder", "--follows", "M-0001", at=root))
    came(root, answer(first, "Chloé <chloe@fr.parliament.example>"))
    said(mailer("send", "M-0002", "--confirm", 6, at=root), 1)
    found = of(root, "M-0002")
    assert found["Chloé"] == ("not_sent", "answered")
    assert found["Abel"] == found["Berthe"] == ("not_sent", "names_no_more")
    assert {found[name][0] for name in ("Dora", "Emil", "Finn")} == {"accepted"}
    shown = " ".join(said(mailer("log", "show", "M-0002", "Abel", at=root)).split())
    assert "names somebody who is not to get it any more" in shown
    new = data(mailer("retry", "M-0002", "--json", at=root))
    assert new["to_send"] == 2
    said(mailer("send", new["mail_out"], "--confirm", 2, at=root))
    again = parsed(received(box)["berthe@fr.parliament.example"])
    assert again["Subject"] == "Re: Votez" and "chloe@" not in again["Cc"]
    assert box.seen["chloe@fr.parliament.example"] == 1


def test_follow_up_of_letters_to_each_goes_on_in_the_threads_of_all(
    root: Path, box: Mailbox
) -> None:
    toml = root / "templates" / "appeal" / "appeal.toml"
    edit(toml, 'mode = "head"', 'mode = "person"')
    said(mailer("plan", "appeal", at=root))
    said(mailer("send", "M-0001", "--confirm", 6, at=root))
    ids = {where: parsed(raw)["Message-ID"] for where, raw in received(box).items()}
    folder = root / "templates" / "reminder"
    (root / "templates" / "appeal").rename(folder)
    for language, subject in (("en", "Please vote"), ("fr", "Votez")):
        edit(folder / f"{language}.md", f"Subject: {subject}", "Subject: Re:")
    edit(folder / "appeal.toml", 'mode = "person"', 'mode = "head"')
    edit(folder / "appeal.toml", "[session]", "last_day = 2037-01-25\n[session]")
    said(mailer("plan", "reminder", "--follows", "M-0001", at=root))
    assert "To the heads of delegations" in said(mailer("status", "M-0002", at=root))
    said(mailer("send", "M-0002", "--confirm", 6, at=root))
    second = parsed(received(box)["abel@fr.parliament.example"])
    assert second["In-Reply-To"] == ids["berthe@fr.parliament.example"]  # its head's
    french = {id_ for where, id_ in ids.items() if "@fr." in where}
    assert set(second["References"].split()) == french and len(french) == 3


# --------------------------------------------------------------------------- unknown, and forgotten


def test_unknown_letter_goes_out_once_more_with_the_bytes_of_the_delegation(
    root: Path, box: Mailbox
) -> None:
    box.tricks["abel@fr.parliament.example"] = Trick.HANGS_UP
    said(mailer("plan", "appeal", at=root))
    mailer("send", "M-0001", "--confirm", 6, at=root)
    assert of(root)["Abel"][0] == "unknown"
    box.tricks.clear()
    again = ("resolve", "M-0001", "Abel", "--resend", "--because", "no trace of it")
    new = data(mailer(*again, "--json", at=root))["resend"]
    said(mailer("send", new, "--confirm", 1, at=root))
    letters = received(box)
    assert box.seen["abel@fr.parliament.example"] == 2  # a named person released it
    assert letters["abel@fr.parliament.example"] == letters["berthe@fr.parliament.example"]


@pytest.mark.parametrize("before", [True, False], ids=["before the release", "after it"])
def test_letter_that_names_somebody_who_is_held_is_not_sent_once_more(
    root: Path, box: Mailbox, before: bool
) -> None:
    box.tricks["abel@fr.parliament.example"] = Trick.HANGS_UP
    said(mailer("plan", "appeal", at=root))
    mailer("send", "M-0001", "--confirm", 6, at=root)
    hold = ("contacts", "hold", "Chloé Exemplová", "--because", "asked us")
    again = ("resolve", "M-0001", "Abel", "--resend", "--because", "no trace of it")
    if before:
        said(mailer(*hold, at=root))
        assert "names Chloé Exemplová, who is on the hold list" in said(mailer(*again, at=root), 3)
    else:
        said(mailer(*again, at=root))
        said(mailer(*hold, at=root))
        assert of(root, "M-0002") == {"Abel": ("not_sent", "names_held")}
    assert box.seen["abel@fr.parliament.example"] == 1


def test_whoever_is_forgotten_takes_the_letter_of_the_delegation_along(root: Path) -> None:
    said(mailer("plan", "appeal", at=root))
    said(mailer("send", "M-0001", "--confirm", 6, at=root))
    forget = ("log", "forget", "chloe@fr.parliament.example", "--because", "asked")
    said(mailer(*forget, "--confirm", 1, at=root))
    shown = said(mailer("log", "show", "M-0001", "Abel", "--text", at=root), 2)
    assert "The letter was erased, with somebody whom it names." in shown
    said(mailer("log", "show", "M-0001", "Emil", "--text", at=root))
    said(mailer("log", "verify", at=root))
