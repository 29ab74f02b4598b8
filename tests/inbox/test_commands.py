"""Facts about `mailer inbox` as it is typed: import, list, show, sort, and the status beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from mailer.base.settings.workspace import load_workspace
from mailer.base.states import Receipt, Stage, State
from mailer.cli import cli
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading.sent import SentLetter, sent_letters
from tests.conftest import SettableClock, a_plan
from tests.helpers.journeys import Journey
from tests.helpers.workspaces import CLOSED_PORT, a_workspace
from tests.inbox.test_record import a_message, away

Run = Callable[..., str]


@pytest.fixture
def root(tmp_path: Path, clock: SettableClock) -> Path:
    """A workspace whose four letters are accepted."""
    root = a_workspace(tmp_path / "work", CLOSED_PORT)
    workspace = load_workspace(root)
    workspace.make_state_dir()
    with Ledger(workspace.ledger_url, now=clock) as ledger:
        with ledger.writing() as connection:
            plan = a_plan(4)
            number = mailouts.create(connection, plan, at=clock(), who="Jana", retry_of=None)
        journey = Journey(ledger, number, clock)
        for one in journey.claim(4):
            journey.mark(one)
            yes = Receipt(State.ACCEPTED, Stage.DOT, 250, "2.0.0", "ok", "", "", 0.1)
            journey.record(one, yes)
    return root


@pytest.fixture
def run(root: Path) -> Run:
    def typed(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(cli, ["-C", str(root), *words])
        assert done.exit_code == code, done.output
        return done.stdout + done.stderr

    return typed


def sent(root: Path) -> list[SentLetter]:
    with Ledger(load_workspace(root).ledger_url) as ledger, ledger.reading() as connection:
        return list(sent_letters(connection))


def test_messages_are_imported_listed_shown_and_sorted(root: Path, run: Run) -> None:
    one, two, three, _ = sent(root)
    folder = root / "forwarded"
    folder.mkdir()
    (folder / "1.eml").write_bytes(away(one))
    (folder / "2.eml").write_bytes(a_message(two, "Stop."))
    (folder / "3.eml").write_bytes(a_message(three, "Thank you, I will vote for it."))
    said = run("inbox", "import", str(folder))
    assert "3 new messages are on record" in said
    assert f"{two.name} ({two.delivery}) wants no more letters" in said
    assert "0 new messages are on record, 3 were there already" in run(
        "inbox", "import", str(folder)
    )
    assert "1 is away, 1 has answered, 1 wants no more letters" in run("status", "M-0001")
    assert one.name in run("log", "people", "M-0001", "--came-back", "away")
    assert "wants no more letters" in run("log", "show", two.delivery)
    listed = [json.loads(line) for line in run("--json", "inbox", "list").splitlines()]
    assert sorted(one["kind"] for one in listed) == ["away", "objection", "reply"]
    assert all(one["people"][0] in one["sender"] for one in listed)  # raw letters in a header, too
    reply = next(one["id"] for one in listed if one["kind"] == "reply")
    assert three.name in run("inbox", "list", "--waiting")
    assert "I will vote for it." in run("inbox", "show", str(reply))
    assert "Nothing came back" in run("inbox", "list", "--waiting")
    assert "is: away" in run("inbox", "sort", str(reply), "away", one.delivery)
    assert "did you mean away" in run("inbox", "sort", str(reply), "awya", code=2)
    assert "no mailbox" in run("inbox", "scan", code=2)
