"""A send log that is not what it was: no dot is written from it, and whoever looks goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mailer.base.errors import Refused
from mailer.base.states import MailOutState
from mailer.ledger import mailouts
from mailer.ledger.ledger import Gone, Ledger
from mailer.sending.dispatch import Dispatch
from tests.conftest import SettableClock, a_plan
from tests.helpers.sendings import sending_options
from tests.helpers.stubborn_server import StubbornServer
from tests.sending.test_dispatch import NOW, session_to


def a_log(path: Path, clock: SettableClock) -> Ledger:
    return Ledger(f"sqlite:///{path}", now=clock)


def write_a_plan(ledger: Ledger, people: int = 6, **more: Any) -> int:
    with ledger.writing() as connection:
        plan = a_plan(people, **more)
        mail_out_id = mailouts.create(connection, plan, at=ledger.now(), who="Jana")
        ledger.prove(connection)
    return mail_out_id


def copied(path: Path, to: Path) -> None:
    to.mkdir()
    for file in path.parent.glob(f"{path.name}*"):
        shutil.copy2(file, to / file.name)


def test_older_copy_that_was_put_back_is_refused_until_somebody_decides(
    tmp_path: Path, clock: SettableClock
) -> None:
    path = tmp_path / "log" / "ledger.db"
    with a_log(path, clock) as ledger:
        first = write_a_plan(ledger)
    copied(path, tmp_path / "backup")
    with a_log(path, clock) as ledger:
        write_a_plan(ledger, appeal="another")
    shutil.copy2(tmp_path / "backup" / path.name, path)
    with a_log(path, clock) as ledger:
        with pytest.raises(Refused, match="older than what was sent"), ledger.writing() as here:
            ledger.prove(here)
        clock.forward(minutes=1)
        with ledger.writing() as here:  # what hands nothing over works, and makes it no newer
            mailouts.change(here, first, MailOutState.STOPPED, at=clock(), who="Jana")
        with ledger.writing() as here:
            assert ledger.is_behind(here)
            ledger.begin_anew(here)
        with ledger.writing() as here:
            ledger.prove(here)


def test_log_that_was_moved_without_its_neighbours_is_refused(
    tmp_path: Path, clock: SettableClock
) -> None:
    path = tmp_path / "log" / "ledger.db"
    with a_log(path, clock) as ledger:
        write_a_plan(ledger)
    elsewhere = tmp_path / "elsewhere" / path.name
    elsewhere.parent.mkdir()
    path.rename(elsewhere)
    with a_log(elsewhere, clock) as ledger, pytest.raises(Refused), ledger.writing() as here:
        ledger.prove(here)


@pytest.mark.parametrize("left", ["-wal", ".reached"])
def test_where_there_was_a_log_no_new_one_is_made(
    tmp_path: Path, clock: SettableClock, left: str
) -> None:
    path = tmp_path / "ledger.db"
    beside = path.with_name(path.name + left)
    beside.write_bytes(b"what has not been merged")
    with pytest.raises(Refused, match="No new one was made"):
        a_log(path, clock)
    assert not path.exists() and beside.read_bytes() == b"what has not been merged"


def test_whoever_holds_the_old_file_writes_no_more_and_whoever_looks_follows(
    tmp_path: Path, clock: SettableClock
) -> None:
    path = tmp_path / "log" / "ledger.db"
    with a_log(path, clock) as sender, a_log(path, clock) as console:
        first = write_a_plan(sender)
        copied(path, tmp_path / "backup")
        path.rename(tmp_path / "moved.db")
        with pytest.raises(Gone), sender.writing():
            pass
        for file in (tmp_path / "backup").iterdir():
            shutil.copy2(file, path.parent)
        with pytest.raises(Gone), sender.writing():
            pass
        console.follow()
        with console.writing() as here:
            mailouts.change(here, first, MailOutState.STOPPED, at=clock(), who="Jana")
        sender.seal()  # says nothing, and does not wait for ever
        console.seal()
    with a_log(path, clock) as ledger, ledger.reading() as here:
        assert mailouts.get(here, first).state is MailOutState.STOPPED


@pytest.mark.parametrize("what", ["an older copy", "nothing"])
async def test_no_dot_is_written_once_the_log_is_another(
    tmp_path: Path, clock: SettableClock, what: str
) -> None:
    path = tmp_path / "log" / "ledger.db"
    ledger = a_log(path, clock)
    mail_out_id = write_a_plan(ledger, 20)
    copied(path, tmp_path / "backup")
    at: list[int] = []
    async with StubbornServer() as server:

        def report(event: dict[str, Any]) -> None:
            if event["event"] == "outcome" and not at:
                at.append(len(server.dots))
                for end in ("", "-wal"):
                    path.with_name(path.name + end).rename(tmp_path / f"moved.db{end}")
                if what == "an older copy":
                    for end in ("", "-wal"):
                        shutil.copy2(tmp_path / "backup" / (path.name + end), path.parent)

        options = sending_options(1, schedule=NOW.schedule)
        with pytest.raises(Gone):
            await Dispatch(ledger, mail_out_id, session_to(server.port), options, report).run()
        ledger.close()
        assert len(server.dots) <= at[0] + 1  # the marker of one more was set
        if what == "an older copy":
            with a_log(path, clock) as again, pytest.raises(Refused, match="older"):
                await Dispatch(again, mail_out_id, session_to(server.port), options).run()
        else:
            with pytest.raises(Refused, match="gone"):
                a_log(path, clock)
    assert len(server.dots) == len(set(server.dots))


def test_database_that_was_set_back_is_refused(
    ledger: Ledger, planned: Callable[..., int], clock: SettableClock, tmp_path: Path
) -> None:
    """As after a fail-over to a server that lagged behind: the newest entries are not there."""
    first = planned(6)
    with Ledger(ledger.url.render_as_string(False), now=clock, beside=tmp_path) as here:
        with here.writing() as connection:
            mailouts.change(connection, first, MailOutState.SENDING, at=clock(), who="Jana")
            here.prove(connection)
        with here.writing() as connection:
            connection.exec_driver_sql("DELETE FROM event WHERE kind = 'sending'")
        with pytest.raises(Refused, match="set back"), here.writing() as connection:
            here.prove(connection)


def test_log_that_was_proven_while_it_was_empty_is_not_behind(sqlite_ledger: Ledger) -> None:
    """As of a service that is begun before anything is planned."""
    with sqlite_ledger.writing() as connection:
        sqlite_ledger.prove(connection)
    with sqlite_ledger.writing() as connection:
        plan = a_plan(3)
        mailouts.create(connection, plan, at=sqlite_ledger.now(), who="Jana")
    with sqlite_ledger.writing() as connection:
        sqlite_ledger.prove(connection)
