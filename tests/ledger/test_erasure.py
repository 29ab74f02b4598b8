"""Facts about erasing people: nothing of them is left, the counts stay, and the chain goes on
holding.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from mailer.base.errors import Refused
from mailer.base.states import MailOutState, Receipt, Stage, State
from mailer.cli import cli
from mailer.ledger import events
from mailer.ledger.events import EventKind
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading import deliveries
from mailer.ledger.reading.deliveries import Delivery
from mailer.ledger.record import erasure, seals
from mailer.ledger.schema import delivery, event, letter, mail_out
from mailer.plan.sources import Sources
from tests.conftest import SettableClock
from tests.helpers.journeys import ME, Journey

ADDRESS = "person3@fr.parliament.example"
CELLS = {"contacts/all.csv": {"": {"4:3": "Person 3 Példás", "4:4": ADDRESS}}}
CONFIG = (
    '[sender]\nfrom = "a@rights.example"\norganisation = "Rights"\n[smtp]\nhost ='
    ' "smtp.rights.example"\n[log]\ndatabase = "state/ledger.db"\n'
)


@pytest.fixture
def journey(ledger: Ledger, planned: Callable[..., int], clock: SettableClock) -> Journey:
    """Four people are written to; the server names the third one in its refusal, and there is a
    note about them.
    """
    journey = Journey(
        ledger,
        planned(4, left_out=1, sources=Sources(cells=CELLS, settings={"smtp": "x"}).pack()),
        clock,
    )
    for one in journey.claim(4):
        journey.mark(one)
        words = f"<{one.address}> is unknown here"
        journey.record(
            one,
            Receipt(State.REFUSED, Stage.DOT, 550, "5.1.1", words, "smtp.example", "TLSv1.3", 0.25),
        )
    with ledger.writing() as connection:
        events.write(
            connection,
            EventKind.NOTED,
            journey.id,
            journey.one(3).id,
            at=clock(),
            who="Jana",
            detail="Person 3 has moved",
        )
    return journey


def third(journey: Journey) -> Delivery:
    return journey.one(3)


def erase(journey: Journey, *people: Delivery) -> int:
    with journey.ledger.writing() as connection:
        return erasure.erase(
            connection, people, who="Marta", because="asked for it", at=journey.clock()
        )


def proof(ledger: Ledger) -> seals.ChainCheck:
    with ledger.reading() as connection:
        return seals.verify(connection)


def everything(ledger: Ledger) -> str:
    with ledger.reading() as connection:
        tables = (delivery, event, letter, mail_out)
        return repr([connection.execute(sa.select(table)).all() for table in tables])


def test_nothing_of_the_person_is_left_and_the_others_are_untouched(
    journey: Journey, ledger: Ledger
) -> None:
    journey.become(MailOutState.STOPPED)
    assert "person3@" in everything(ledger)
    assert erase(journey, third(journey)) == 1
    left = everything(ledger)
    assert "person3@" not in left
    assert "Person 3" not in left
    assert "person2@" in left
    with ledger.reading() as connection:
        packed = connection.scalar(sa.select(mail_out.c.sources))
        assert Sources.unpack(packed or b"").cells == {}
        assert Sources.unpack(packed or b"").settings == {"smtp": "x"}
        assert deliveries.data_of(connection, third(journey)) is None


def test_counts_and_what_happened_stay(journey: Journey, ledger: Ledger) -> None:
    journey.become(MailOutState.STOPPED)
    before = journey.counts()
    erase(journey, third(journey))
    assert journey.counts() == before
    with ledger.reading() as connection:
        moments = deliveries.timeline(connection, third(journey).id)
    assert [(moment.kind, moment.who) for moment in moments][-1] == ("erased", "Marta")
    assert any((moment.code, moment.text) == (550, "") for moment in moments)


def test_chain_holds_over_an_erasure_sealed_before_or_after(
    journey: Journey, ledger: Ledger
) -> None:
    journey.become(MailOutState.STOPPED)
    ledger.seal()
    head = proof(ledger).head
    erase(journey, third(journey))
    ledger.seal()
    with ledger.reading() as connection:
        proven = seals.verify(connection, head)
    assert (proven.broken, proven.erased, proven.knows, proven.unsealed) == ((), 1, True, 0)


def test_erased_commitment_cannot_be_exchanged(journey: Journey, ledger: Ledger) -> None:
    journey.become(MailOutState.STOPPED)
    erase(journey, third(journey))
    ledger.seal()
    for table in (delivery, event):
        with ledger._writer.connect() as connection:
            connection.execute(
                sa.update(table).where(table.c.erased.is_not(None)).values(erased="0" * 64)
            )
            assert seals.verify(connection).broken, table.name


def test_nobody_is_erased_while_it_is_sending_or_while_their_fate_is_unknown(
    ledger: Ledger, planned: Callable[..., int], clock: SettableClock
) -> None:
    journey = Journey(ledger, planned(2), clock)
    with pytest.raises(Refused, match="before it is over") as caught:
        erase(journey, journey.one(1))
    assert caught.value.code == "S310"
    (one,) = journey.claim()
    journey.mark(one)
    journey.recover(ME)
    journey.become(MailOutState.STOPPED)
    with pytest.raises(Refused, match="is unknown") as caught:
        erase(journey, journey.one(2), journey.one(1))
    assert "mailer resolve M-0001-001" in caught.value.hint
    assert journey.one(2).name, "all or nobody"


def test_everyone_of_mail_outs_that_ended_before_a_day_is_found_once(
    journey: Journey, ledger: Ledger
) -> None:
    journey.become(MailOutState.STOPPED)
    with ledger.reading() as connection:
        assert erasure.ended_before(connection, date(2027, 1, 20)) == []
        found = erasure.ended_before(connection, date(2027, 1, 21))
    assert len(found) == 5
    assert (erase(journey, *found), erase(journey, *found)) == (5, 0)
    with ledger.reading() as connection:
        assert erasure.ended_before(connection, date(2027, 1, 21)) == []
    assert proof(ledger).broken == ()


def test_erased_person_is_not_in_the_file_any_more(
    sqlite_ledger: Ledger, clock: SettableClock
) -> None:
    path = sqlite_ledger.path
    assert path is not None
    from mailer.ledger import mailouts
    from tests.conftest import a_plan

    with sqlite_ledger.writing() as connection:
        mailouts.create(connection, a_plan(30), at=clock(), who="Jana")
    journey = Journey(sqlite_ledger, 1, clock)
    journey.become(MailOutState.STOPPED)
    erase(journey, third(journey))
    sqlite_ledger.close()
    data = path.read_bytes()
    assert b"person4@" in data
    assert b"person3@" not in data
    assert not path.with_name("ledger.db-wal").exists()


# --------------------------------------------------------------------------------- the command line


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    (tmp_path / "config.toml").write_text(CONFIG, encoding="utf-8")
    return lambda *args: CliRunner().invoke(cli, ["-C", str(tmp_path), "log", *args])


@pytest.fixture
def over(sqlite_ledger: Ledger, clock: SettableClock) -> Journey:
    from mailer.ledger import mailouts
    from tests.conftest import a_plan

    with sqlite_ledger.writing() as connection:
        mailouts.create(connection, a_plan(4), at=clock(), who="Jana")
    journey = Journey(sqlite_ledger, 1, clock)
    journey.become(MailOutState.STOPPED)
    sqlite_ledger.seal()
    return journey


def test_forgetting_shows_how_many_first_and_cannot_be_slipped_into(
    run: Callable[..., Result], over: Journey
) -> None:
    for args in ((), ("--confirm", "2")):
        shown = run("forget", ADDRESS, "--because", "asked for it", *args)
        assert shown.exit_code == 3
        assert "1 row in M-0001 would be erased. Nothing was changed." in shown.stderr
    assert over.one(3).address == ADDRESS
    done = run(
        "forget", ADDRESS, "--because", "asked for it", "--confirm", "1", "--by", "Marta", "--json"
    )
    assert json.loads(done.stdout)["erased"] == 1
    assert over.one(3).address == ""
    assert run("verify").exit_code == 0
    assert "was erased" in run("show", "M-0001-003", "--text").stderr
    story = run("show", "M-0001-003").stdout
    assert story.startswith("(erased) · ")
    assert "no address" not in story and "None" not in story


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--because", "x"], "Erase whom?"),
        ([ADDRESS, "--before", "2027-01-01", "--because", "x"], "Erase whom?"),
        (["nobody@fr.parliament.example", "--because", "x"], "nobody like that"),
        (["person", "--because", "x"], "nobody like that"),
        ([ADDRESS], "--because"),
    ],
)
def test_whom_to_forget_must_be_clear(
    run: Callable[..., Result], over: Journey, args: list[str], said: str
) -> None:
    result = run("forget", *args)
    assert (result.exit_code, said in result.stderr) == (2, True)


def test_verifying_proves_the_log_and_names_its_head(
    run: Callable[..., Result], over: Journey
) -> None:
    result = run("verify")
    assert result.exit_code == 0
    head = proof(over.ledger).head
    assert "The send log is as it was written." in result.stdout
    assert f"head  {head}" in result.stdout
    assert run("verify", "--head", head[:20].upper()).exit_code == 0
    other = run("verify", "--head", "f" * 64)
    assert other.exit_code == 1
    assert "is not a head of this log" in other.stdout
    assert run("verify", "--head", "f9").exit_code == 2
    found = json.loads(run("verify", "--json").stdout)
    assert (found["whole"], found["head"], found["broken"]) == (True, head, [])


def test_verifying_an_altered_log_says_where(run: Callable[..., Result], over: Journey) -> None:
    with over.ledger._writer.begin() as connection:
        connection.execute(
            sa.update(delivery).where(delivery.c.number == 2).values(address="other@no.example")
        )
        connection.execute(
            sa.update(delivery).where(delivery.c.number == 4).values(state="accepted")
        )
    result = run("verify")
    assert result.exit_code == 1
    assert "The send log was altered." in result.stdout
    assert "M-0001, between 20 Jan 2027" in result.stdout
    assert "an entry, or a plan, was changed" in result.stdout
    assert "number 4 reads 'accepted', and the last event about it says 'not_sent'" in result.stdout
