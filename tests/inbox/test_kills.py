"""Facts about a scan that is killed (kill -9) at any step: each message is on record once."""

from __future__ import annotations

import multiprocessing
import signal
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa

from mailer.base.settings.workspace import Workspace
from mailer.contacts.holds import load_holds
from mailer.ledger.events import EventKind
from mailer.ledger.reading import answers
from mailer.ledger.schema import event, incoming, incoming_letter, mailbox_read
from tests.helpers.journeys import Journey
from tests.helpers.killed import scanned
from tests.inbox.test_mailbox import file, flags
from tests.inbox.test_record import a_message, away, journey, letters, seals_hold
from tests.inbox.test_watch import two
from tests.sending.test_imap import Dovecot, dovecot, needs_dovecot

__all__ = ["dovecot", "journey", "two"]
pytestmark = needs_dovecot


PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.helpers.killed", "mailer.actions.inbox", "imap_tools"])
"""Each scan begins as a copy of a process that has read these, and runs no thread."""


def a_scan(workspace: Workspace, journey: Journey, step: int) -> bool:
    """Scan in a process that is killed at this step. False if it ended before."""
    url = journey.ledger.url.render_as_string(hide_password=False)
    child = PROCESSES.Process(target=scanned, args=(workspace.root, url, journey.clock(), step))
    child.start()
    child.join(60)
    if child.is_alive():
        child.kill()
    assert child.exitcode in (0, -signal.SIGKILL)
    return child.exitcode != 0


def came_back(journey: Journey) -> Counter[tuple[int, str]]:
    with journey.ledger.reading() as connection:
        query = sa.select(event.c.delivery_id, event.c.detail)
        rows = connection.execute(query.where(event.c.kind == EventKind.CAME_BACK.value))
        return Counter((row[0], row[1]) for row in rows)


def forget_what_was_read(workspace: Workspace, journey: Journey) -> None:
    with journey.ledger.writing() as connection:
        for table in (incoming_letter, incoming, mailbox_read):
            connection.execute(sa.delete(table))
    Path(workspace.hold_list).unlink(missing_ok=True)


@pytest.mark.timeout(3000)
@pytest.mark.parametrize("stride", [25, pytest.param(1, marks=pytest.mark.long)])
def test_a_scan_that_is_killed_at_any_step_loses_and_doubles_nothing(
    two: Workspace, dovecot: Dovecot, journey: Journey, stride: int
) -> None:
    one, other, third, fourth = letters(journey)
    file(dovecot, away(one), a_message(other, "Stop."))
    file(dovecot, a_message(third, "I will vote for it."), away(fourth), user="bounces")
    before, untouched = came_back(journey), flags(dovecot)
    kills, step = 0, 1 - stride
    died = True
    while died:
        step += stride
        died = a_scan(two, journey, step)
        kills += died
        halfway = came_back(journey)
        assert max((halfway - before).values(), default=0) <= 1
        assert not a_scan(two, journey, 0)
        with journey.ledger.reading() as connection:
            found = answers.messages(connection)
        kinds = sorted(message.kind for message in found)
        assert kinds == ["away", "away", "objection", "reply"], step
        now = came_back(journey)
        assert sorted((now - before).values()) == [1, 1, 1, 1], step
        held = load_holds(two.hold_list, two.delegations).entries
        assert [entry.address for entry in held] == [other.address], step
        before = now
        forget_what_was_read(two, journey)
    assert kills * stride > 30
    assert flags(dovecot) == untouched
    assert seals_hold(journey)
