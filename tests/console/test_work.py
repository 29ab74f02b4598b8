"""Facts about what people do in the console: sheets, letters, plans, sending, accounts. Real files,
a real mail server.
"""

from __future__ import annotations

import html
import io
import re
import time
from pathlib import Path

import openpyxl
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from mailer.base.states import MailOutState, State
from mailer.cli import cli
from mailer.console import child
from mailer.console.request import Console
from mailer.ledger import accounts, mailouts
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading import deliveries
from mailer.ledger.reading.counts import count
from mailer.ledger.schema import event
from mailer.sending.demo_server import Mailbox
from tests.conftest import SettableClock
from tests.helpers.consoles import (
    SHEET,
    Browser,
    a_console,
    as_role,
    signed_in,
    workspace,
)


@pytest.fixture
def root(tmp_path: Path, ledger_url: str) -> Path:
    """A workspace whose send log is the one of the test, on either database; `mailer send` opens it
    by itself.
    """
    configure(workspace(tmp_path), "state/ledger.db", ledger_url)
    return tmp_path


def configure(root: Path, old: str, new: str) -> None:
    path = root / "config.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def console(root: Path, ledger: Ledger) -> Console:
    return a_console(root, ledger)


@pytest.fixture
def owner(console: Console) -> Browser:
    return signed_in(console)


# --------------------------------------------------------------------------------------- the sheets


def drop(owner: Browser, name: str, content: bytes) -> str:
    answer = owner.post("/contacts", files={"sheet": (name, content)})
    assert answer.status_code == 303, answer.text[:300]
    return answer.headers["location"]


def test_dropped_sheet_changes_nothing_before_it_is_taken_over(owner: Browser, root: Path) -> None:
    new = SHEET.replace("ola.nordmann@", "ola.nordmann2@").replace(
        "NO,representative,,Anna,Berg,f,anna.berg@no.parliament.example,en\n", ""
    )
    here = drop(owner, "all.csv", new.encode())
    assert (root / "contacts" / "all.csv").read_text(encoding="utf-8") == SHEET
    page = owner.get(here).text
    assert "1 left · 0 joined · 1 changed" in page
    assert "peter.sample at gb.parliament.example" in page  # the bad cell, as it stands
    answer = owner.post(here)
    assert answer.headers["location"] == "/contacts/all.csv"
    assert (root / "contacts" / "all.csv").read_text(encoding="utf-8") == new
    assert [
        path.read_text(encoding="utf-8") for path in (root / ".mailer" / "backups").iterdir()
    ] == [SHEET]
    assert owner.get(here).status_code == 404


def test_dropped_sheet_can_be_thrown_away(owner: Browser, root: Path) -> None:
    here = drop(owner, "new.csv", SHEET.encode())
    assert owner.post(f"{here}/throw-away").status_code == 303
    assert not (root / "contacts" / "new.csv").exists()
    assert list((root / ".mailer" / "dropped").iterdir()) == []


@pytest.mark.parametrize(
    "name",
    ["../../config.csv", "..\\..\\config.csv", "/etc/config.csv", "~$config.csv", "_config.csv"],
)
def test_name_of_a_dropped_sheet_leads_nowhere_else(owner: Browser, root: Path, name: str) -> None:
    config = (root / "config.toml").read_bytes()
    owner.post(drop(owner, name, SHEET.encode()))
    assert sorted(path.name for path in (root / "contacts").iterdir()) == ["all.csv", "config.csv"]
    assert (root / "config.toml").read_bytes() == config


@pytest.mark.parametrize("name", ["sheet.exe", "sheet", "sheet.py", ".csv"])
def test_file_that_is_no_sheet_is_refused_in_words(owner: Browser, root: Path, name: str) -> None:
    answer = owner.post("/contacts", files={"sheet": (name, b"x")})
    assert answer.status_code == 400
    assert "is no contact sheet" in answer.text


def test_sheet_that_cannot_be_read_shows_why_and_is_not_taken_over(
    owner: Browser, root: Path
) -> None:
    here = drop(owner, "broken.xlsx", b"this is no workbook")
    assert "C00" in owner.get(here).text
    assert owner.post(here).status_code == 400
    assert not (root / "contacts" / "broken.xlsx").exists()


def test_marked_copy_goes_out_is_corrected_and_comes_home(owner: Browser, root: Path) -> None:
    answer = owner.post("/contacts/all.csv/marked")
    assert "attachment" in answer.headers["content-disposition"]
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    cell = next(
        c
        for row in book.worksheets[1]
        for c in row
        if c.value == "peter.sample at gb.parliament.example"
    )
    assert cell.comment is not None
    cell.value = "peter.sample@gb.parliament.example"
    out = io.BytesIO()
    book.save(out)
    here = drop(owner, "all.marked.xlsx", out.getvalue())
    page = owner.get(here).text
    assert "1 cell differs" in page
    owner.post(here)
    assert "peter.sample@gb.parliament.example" in (root / "contacts" / "all.csv").read_text(
        encoding="utf-8"
    )


def test_hold_is_written_and_released(owner: Browser, console: Console) -> None:
    owner.post(
        "/contacts/hold-list", name="Anna Berg", delegation="Norway", address="", because="asked us"
    )
    (entry,) = console.cache.people()[2]
    assert (entry.name, entry.delegation, entry.by) == ("Anna Berg", "NO", "jana")
    assert owner.post("/contacts/hold-list/release", line="9", who="Anna Berg|").status_code == 400
    assert (
        owner.post("/contacts/hold-list/release", line=str(entry.row), who="Anna Berg|").status_code
        == 303
    )
    assert list(console.cache.people()[2]) == []


# -------------------------------------------------------------------------------------- the letters


def test_letter_is_shown_as_anybody_would_get_it(owner: Browser) -> None:
    page = owner.get("/letters/vote?as=contacts/all.csv::2").text
    assert "As Anna Berg gets it" in page
    assert "Please vote" in page
    french = owner.get("/letters/vote?as=contacts/all.csv::4").text
    assert "Votez" in french
    frame = owner.get("/letters/vote/preview.html?as=contacts/all.csv::4")
    assert "Merci de voter" in frame.text
    assert "sandbox" in frame.headers["content-security-policy"]


def test_everyone_is_accounted_for_before_the_plan(owner: Browser) -> None:
    page = owner.get("/letters/vote/people").text
    assert "3 people get a letter" in page
    assert "3 do not." in page
    for words in ("no address", "address cannot work", "test mode: not on the allow-list"):
        assert words in page


def test_check_shows_problems_with_line_and_cell(owner: Browser, root: Path) -> None:
    (root / "templates" / "vote" / "en.md").write_text(
        "Subject: x\n\n{{ greeting }}\n\n{{ memeber }}\n", encoding="utf-8"
    )
    page = owner.get("/letters/vote/check").text
    assert "templates/vote/en.md:5" in page
    assert "contacts/all.csv:7:7" in page


def test_form_of_address_is_accepted_by_a_named_person(console: Console, root: Path) -> None:
    browser = as_role(console, "approver")
    page = browser.get("/letters/vote/rehearse").text
    form = re.search(
        r'name="language" value="(\w+)"><input type="hidden" name="greeting" value="([^"]*)"><input'
        r' type="hidden" name="closing" value="([^"]*)"',
        page,
    )
    if form is None:
        pytest.skip("every form of address of these people is verified")
    language, greeting, closing = map(html.unescape, form.groups())
    assert (
        browser.post(
            "/letters/vote/accept", language=language, greeting=greeting, closing=closing
        ).status_code
        == 303
    )
    assert "approver" in (root / "templates" / "_shared" / "accepted.csv").read_text(
        encoding="utf-8"
    )


# ------------------------------------------------------------------------------------ plan and send


def state_of(ledger: Ledger, mail_out_id: int = 1) -> MailOutState:
    with ledger.reading() as connection:
        return mailouts.get(connection, mail_out_id).state


def wait_for(ledger: Ledger, *states: MailOutState) -> None:
    until = time.monotonic() + 60
    while state_of(ledger) not in states:
        assert time.monotonic() < until, state_of(ledger)
        time.sleep(0.05)


def wait_for_the_sender(root: Path, ledger: Ledger) -> None:
    """Wait until its process has ended: it seals and closes the log after its last letter."""
    with ledger.reading() as connection:
        mail_out = mailouts.get(connection, 1)
    until = time.monotonic() + 60
    while child.runs(root, mail_out):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_mail_out_is_planned_and_sent_from_the_browser(
    owner: Browser, root: Path, ledger: Ledger
) -> None:
    with Mailbox(root / "mailbox") as mailbox:
        configure(root, "port = 2525", f"port = {mailbox.port}")
        assert owner.post("/letters/vote/send").headers["location"] == "/mail-outs/M-0001/send"
        page = owner.get("/mail-outs/M-0001/send").text
        assert '<p class="number-to-type">3</p>' in page
        assert owner.post("/mail-outs/M-0001/send", number="4").status_code == 400
        assert state_of(ledger) is MailOutState.PLANNED
        assert owner.post("/mail-outs/M-0001/send", number="3").status_code == 303
        wait_for(ledger, MailOutState.FINISHED)
        wait_for_the_sender(root, ledger)
    with ledger.reading() as connection:
        counts = count(connection, 1).letters
        asked = connection.execute(sa.select(event).where(event.c.kind == "asked_to_send")).one()
    assert (counts[State.ACCEPTED], counts[State.SKIPPED]) == (3, 3)
    assert (asked.who, asked.detail) == ("jana", "by jana: mailer send M-0001 --confirm 3")
    assert len(list((root / "mailbox").glob("*.eml"))) == 3
    assert "3 of 3" in owner.get("/mail-outs/M-0001").text


def test_pause_is_no_refusal_of_the_sender(owner: Browser, root: Path, ledger: Ledger) -> None:
    with Mailbox(root / "mailbox") as mailbox:
        configure(root, "port = 2525", f"port = {mailbox.port}")
        configure(root, "[log]", "[limits]\nper_minute = 10\n[log]")
        owner.post("/letters/vote/send")
        owner.post("/mail-outs/M-0001/send", number="3")
        wait_for(ledger, MailOutState.SENDING)
        owner.post("/mail-outs/M-0001/pause")
        wait_for_the_sender(root, ledger)
    assert state_of(ledger) is MailOutState.PAUSED
    page = owner.get("/mail-outs/M-0001").text
    assert "paused by jana" in page
    assert "The last start was refused" not in page


def test_stale_plan_is_shown_cell_by_cell_and_not_offered_for_sending(
    owner: Browser, root: Path
) -> None:
    owner.post("/letters/vote/send")
    changed = SHEET.replace("anna.berg@no", "a.berg@no")
    (root / "contacts" / "all.csv").write_text(changed, encoding="utf-8")
    page = owner.get("/mail-outs/M-0001/send").text
    assert "The plan no longer matches its sources" in page
    assert "anna.berg@no.parliament.example → a.berg@no.parliament.example" in page
    assert "Type the number" not in page


def test_live_plan_with_unverified_forms_is_not_offered_for_sending(
    owner: Browser, root: Path
) -> None:
    configure(root, 'mode = "test"', 'mode = "live"')
    owner.post("/letters/vote/send")
    page = owner.get("/mail-outs/M-0001/send").text
    assert "Before real people can be written to" in page
    assert "Type the number" not in page
    proof = owner.get("/letters/vote/rehearse").text
    for form in re.findall(r'<form method="post" action="/letters/vote/accept">.*?</form>', proof):
        values = dict(
            re.findall(r'name="(language|greeting|closing)" value="([^"]*)"', html.unescape(form))
        )
        owner.post("/letters/vote/accept", **values)
    page = owner.get("/mail-outs/M-0001/send").text
    assert "Before real people can be written to" not in page
    assert "Type the number" in page


def test_what_the_sender_refuses_is_said_in_its_own_words(
    owner: Browser, root: Path, ledger: Ledger, console: Console
) -> None:
    owner.post("/letters/vote/send")
    (root / "contacts" / "all.csv").write_text(
        SHEET.replace("anna.berg@no", "a.berg@no"), encoding="utf-8"
    )
    owner.post("/mail-outs/M-0001/send", number="3")  # as an old page would
    wait_for_the_sender(root, ledger)
    assert state_of(ledger) is MailOutState.PLANNED
    page = owner.get("/mail-outs/M-0001").text
    assert "The last start was refused" in page
    assert "no longer matches its sources" in page


def test_plan_waits_for_a_second_person_where_one_is_asked_for(
    console: Console, root: Path, ledger: Ledger, clock: SettableClock
) -> None:
    configure(root, "[safety]", "[safety]\napprovals = 1")
    planner, approver = as_role(console, "operator"), as_role(console, "approver")
    planner.post("/letters/vote/send")
    assert "A second person must approve this plan" in planner.get("/mail-outs/M-0001/send").text
    assert "Type the number" not in planner.get("/mail-outs/M-0001/send").text
    assert "waiting for the approval" in approver.get("/").text
    assert planner.post("/mail-outs/M-0001/approve").status_code == 403
    result = CliRunner().invoke(cli, ["-C", str(root), "send", "M-0001", "--confirm", "3"])
    assert (result.exit_code, "S208" in result.output) == (3, True)
    assert approver.post("/mail-outs/M-0001/approve").status_code == 303
    assert "Approved by approver" in planner.get("/mail-outs/M-0001/send").text
    assert "Type the number" in planner.get("/mail-outs/M-0001/send").text
    clock.forward(hours=73)
    planner = as_role(console, "operator")
    assert "Type the number" not in planner.get("/mail-outs/M-0001/send").text
    planner.post("/mail-outs/M-0001/stop", sure="yes")
    stopped = planner.get("/mail-outs/M-0001/people/1").text
    assert (
        "stopped" in stopped and "Follow-up is done" not in stopped
    )  # our own choice needs nobody
    admin = as_role(console, "admin")
    admin.post("/letters/vote/send")  # the planner may not approve it, whatever the role
    assert admin.post("/mail-outs/M-0002/approve").status_code == 409


def test_plan_narrowed_to_a_delegation_leaves_the_others_out(
    owner: Browser, ledger: Ledger
) -> None:
    owner.post("/letters/vote/send", delegation="FR")
    with ledger.reading() as connection:
        waiting = deliveries.people(connection, 1, states=(State.WAITING,))
    assert [one.delegation for one in waiting] == ["FR"]


# ------------------------------------------------------------------------------ people and language


def test_passwords_are_kept_as_argon2id(console: Console, ledger: Ledger) -> None:
    as_role(console, "viewer")
    with ledger.reading() as connection:
        (account,) = accounts.everyone(connection)
    assert account.password.startswith("$argon2id$")


# ------------------------------------------------------------------------- rehearsal, and once more


def test_rehearsal_goes_to_a_folder_of_this_computer_and_to_nobody(
    owner: Browser, root: Path, ledger: Ledger
) -> None:
    assert owner.post("/letters/vote/rehearse").status_code == 303
    page = owner.get("/letters/vote/rehearse").text
    names = re.findall(r"sample\.eml\?name=([^\"]+)", page)
    assert len(names) == 4
    sample = owner.get(f"/letters/vote/sample.eml?name={names[0]}")
    assert b"Subject:" in sample.content
    assert owner.get("/letters/vote/sample.eml?name=../../ledger.db").status_code == 404
    with ledger.reading() as connection:
        assert mailouts.all_of_them(connection) == []


def test_rehearsal_to_an_address_off_the_allow_list_is_refused_in_words(owner: Browser) -> None:
    answer = owner.post("/letters/vote/rehearse", to="somebody@elsewhere.example")
    assert answer.status_code == 409
    assert "not on the allow-list" in answer.text


def test_what_lies_in_the_workspace_is_never_run(tmp_path: Path) -> None:
    (tmp_path / "dataclasses.py").write_text("open('ran', 'w')", encoding="utf-8")
    assert child.run(tmp_path, "--version", who="ann")[0] == 0
    assert not (tmp_path / "ran").exists()
