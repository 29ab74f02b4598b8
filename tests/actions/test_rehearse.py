"""Facts about rehearsals: what arrives as a sample, where it may go, and that nobody's delivery
changes.
"""

from __future__ import annotations

import email
import json
from collections.abc import Callable
from email import policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailer.base.states import State
from mailer.cli import cli
from mailer.ledger import stored_letters
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading import deliveries
from mailer.ledger.reading.counts import count
from mailer.ledger.schema import event
from mailer.letters.message import pieces
from mailer.sending.demo_server import Mailbox, Trick
from tests.helpers.letters import folder

ME = "jana@rights.example"
CONFIG = """[sender]
from = "Jana Novák <jana@rights.example>"
reply_to = "answers@rights.example"
organisation = "Rights"
[smtp]
host = "127.0.0.1"
port = {port}
security = "none"
[safety]
mode = "{mode}"
allow = ["jana@rights.example"]
[limits]
per_minute = 0
"""
SHEET = """Delegation,First name,Surname,Gender,Role,Language,E-mail
NO,Anna,Berg,f,representative,en,anna@no.example
NO,Ola,Dahl,m,substitute,en,ola@no.example
FR,Zoë,Lévêque-Très-Long,f,representative,fr,zoe@fr.example
FR,Luc,Petit,m,representative,fr,luc@fr.example
UA,Ольга,Приклад,,representative,en,olha@ua.example
"""
EN = "Subject: A question, {{ surname }}\n\n{{ greeting }}\n\nHello from us.\n\n{{ closing }}\n"
FR = "Subject: Une question, {{ surname }}\n\n{{ greeting }}\n\nBonjour.\n\n{{ closing }}\n"


@pytest.fixture
def work(tmp_path: Path) -> Callable[..., Result]:
    folder(tmp_path, "appeal", en=EN, fr=FR)
    (tmp_path / "contacts").mkdir()
    (tmp_path / "contacts" / "all.csv").write_text(SHEET, encoding="utf-8")

    def run(*args: str, port: int = 2525, mode: str = "test") -> Result:
        (tmp_path / "config.toml").write_text(CONFIG.format(port=port, mode=mode), encoding="utf-8")
        return CliRunner().invoke(cli, ["-C", str(tmp_path), *args])

    return run


def read(path: Path) -> EmailMessage:
    found = email.message_from_bytes(path.read_bytes(), policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def test_samples_without_an_address_stay_on_this_computer(
    work: Callable[..., Result], tmp_path: Path
) -> None:
    done = work("rehearse", "appeal", "-n", "3")
    assert done.exit_code == 0, done.output
    found = sorted((tmp_path / ".mailer" / "rehearsal" / "appeal").glob("*.eml"))
    assert len(found) == 3
    for at, path in enumerate(found, 1):
        sample = read(path)
        assert sample["To"] == f"sample-{at}@rehearsal.example"
        assert sample["Subject"].startswith(f"[sample {at}/3, would go to ")
        assert sample["Date"]
    assert len(work("rehearse", "appeal", "-n", "2", "--json").stdout.splitlines()) == 2
    assert len(list((tmp_path / ".mailer" / "rehearsal" / "appeal").glob("*.eml"))) == 2, (
        "those of before are gone"
    )


def test_samples_differ_in_language_and_form_before_they_repeat(
    work: Callable[..., Result],
) -> None:
    names = [
        json.loads(line)["name"]
        for line in work("rehearse", "appeal", "-n", "4", "--json").stdout.splitlines()
    ]
    assert {"Ольга Приклад", "Zoë Lévêque-Très-Long"} <= set(names[:3])


@pytest.mark.parametrize("mode", ["test", "live"])
def test_sample_goes_to_nobody_who_is_not_on_the_allow_list(
    work: Callable[..., Result], mode: str
) -> None:
    refused = work("rehearse", "appeal", "--to", "anna@no.example", mode=mode)
    assert refused.exit_code == 3
    assert "S108" in refused.stderr


@pytest.mark.parametrize("mode", ["test", "live"])
def test_samples_arrive_through_the_server_at_one_address_alone(
    work: Callable[..., Result], tmp_path: Path, mode: str
) -> None:
    with Mailbox(tmp_path / "box") as mailbox:
        done = work("rehearse", "appeal", "--to", ME, port=mailbox.port, mode=mode)
    assert done.exit_code == 0, done.output
    assert mailbox.asked == {ME: 5}
    sample = read(tmp_path / "box" / f"{ME}.eml")
    assert sample["To"] == ME
    assert sample["From"] == "Jana Novák <jana@rights.example>"


def test_server_that_takes_no_sample_is_told(work: Callable[..., Result], tmp_path: Path) -> None:
    with Mailbox(tmp_path / "box", {ME: Trick.CALLS_IT_SPAM}) as mailbox:
        done = work("rehearse", "appeal", "--to", ME, "-n", "1", port=mailbox.port)
    assert done.exit_code == 1
    assert "looks like spam" in done.stdout


def test_samples_of_a_mail_out_are_its_frozen_letters_and_change_no_delivery(
    work: Callable[..., Result], tmp_path: Path
) -> None:
    with Mailbox(tmp_path / "box") as mailbox:
        assert work("plan", "appeal", port=mailbox.port, mode="live").exit_code == 0
        (tmp_path / "templates" / "appeal" / "en.md").write_text(
            EN.replace("Hello", "Changed"), encoding="utf-8"
        )
        done = work("rehearse", "m-1", "--to", ME, "-n", "1", port=mailbox.port, mode="live")
    assert done.exit_code == 0, done.output
    arrived = (tmp_path / "box" / f"{ME}.eml").read_bytes()
    sample = read(tmp_path / "box" / f"{ME}.eml")
    with (
        Ledger(f"sqlite:///{tmp_path}/.mailer/ledger.db") as ledger,
        ledger.reading() as connection,
    ):
        assert count(connection, 1).letters[State.WAITING] == 5
        people = {one.address: one for one in deliveries.people(connection, 1)}
        (whose,) = (one for address, one in people.items() if f"<{address}>" in sample["Subject"])
        frozen = pieces.joined(
            *stored_letters.read(connection, [whose.digest or ""])[whose.digest or ""]
        )
        assert frozen.partition(b"\r\n\r\n")[2] == arrived.partition(b"\r\n\r\n")[2]
        (told,) = (row for row in connection.execute(event.select()) if row.kind == "rehearsed")
    assert told.detail == f"1 of 1 samples to {ME}"
    assert (told.mail_out_id, told.delivery_id) == (1, None)
    assert whose.message_id != sample["Message-ID"]
