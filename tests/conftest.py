"""What many tests need: a send log on a real file, and mail-outs in it."""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from mailer.base.states import Reason
from mailer.contacts.contact import Contact
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from mailer.plan.sources import Sources
from tests.helpers.children import hear_signals

if TYPE_CHECKING:
    from mailer.plan.plan import Plan


hear_signals()

# No example is judged by the clock: it tells how busy the machine is, and not how good the code.
settings.register_profile(
    "any machine",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("any machine")


class SettableClock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.at = datetime(2027, 1, 20, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **how_far: float) -> None:
        self.at += timedelta(**how_far)


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture(autouse=True)
def no_settings_of_this_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the width of its terminal nor its variables for the mailer reach a test."""
    for name in os.environ:
        if name == "COLUMNS" or (name.startswith("MAILER_") and not name.startswith("MAILER_TEST")):
            monkeypatch.delenv(name)


POSTGRESQL = os.environ.get("MAILER_TEST_POSTGRESQL", "")
"""A database for the tests, `postgresql://…`; `.ci/run` starts a server and sets it."""


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty place for a send log, on both databases."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'state' / 'ledger.db'}"
        return
    if not POSTGRESQL:
        pytest.skip("no PostgreSQL for the tests: MAILER_TEST_POSTGRESQL is not set")
    import sqlalchemy as sa

    schema = f"test_{uuid.uuid4().hex}"
    engine = sa.create_engine(POSTGRESQL, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE SCHEMA {schema}"))
    yield (
        sa.make_url(POSTGRESQL)
        .update_query_dict({"options": f"-csearch_path={schema}"})
        .render_as_string(False)
    )
    with engine.connect() as connection:
        connection.execute(sa.text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


@pytest.fixture
def ledger(ledger_url: str, clock: SettableClock) -> Iterator[Ledger]:
    with Ledger(ledger_url, now=clock) as opened:
        yield opened


@pytest.fixture
def sqlite_ledger(tmp_path: Path, clock: SettableClock) -> Iterator[Ledger]:
    with Ledger(f"sqlite:///{tmp_path / 'state' / 'ledger.db'}", now=clock) as opened:
        yield opened


DELEGATIONS = ("FR", "NO", "UA")


def a_contact(number: int, **more: object) -> Contact:
    code = DELEGATIONS[number % len(DELEGATIONS)]
    values: dict[str, object] = {
        "file": "contacts/all.csv",
        "sheet": None,
        "row": number + 1,
        "delegation": code,
        "role": "representative",
        "name": f"Person {number} Példás",
        "given": f"Person {number}",
        "surname": "Példás",
        "address": f"person{number}@{code.lower()}.parliament.example",
        "language": "en",
        "cells": {"address": f"{number + 1}:4"},
    }
    return Contact(**values | more)  # type: ignore[arg-type]


def a_letter(contact: Contact, text: str = "hello") -> bytes:
    return (
        f"From: <us@rights.example>\r\nTo: <{contact.address}>\r\nSubject: a letter\r\n"
        f"Message-ID: <{contact.row}@rights.example>\r\n\r\n{text}\r\n"
    ).encode()


def a_plan(people: int = 6, *, left_out: int = 0, appeal: str = "appeal", **more: object) -> Plan:
    """A plan of `people` letters and `left_out` people without an address, in three delegations."""
    from mailer.plan.plan import Plan, Planned

    deliveries = []
    for number in range(1, people + left_out + 1):
        contact = a_contact(number)
        if number > people:
            contact = a_contact(number, address="")
            out = Planned(contact, number, 0, "en", False, Reason.NO_ADDRESS, "there is no address")
            deliveries.append(out)
            continue
        data = a_letter(contact)
        digest = sha256(data).hexdigest()
        message_id = f"<{number}@rights.example>"
        deliveries.append(
            Planned(contact, number, number, "en", False, None, "", message_id, digest, data)
        )
    values: dict[str, object] = {
        "appeal": appeal,
        "title": "An appeal",
        "mode": "test",
        "server": "127.0.0.1:2525 none",
        "sender": "us@rights.example",
        "until": None,
        "deliveries": tuple(deliveries),
        "sources": Sources().pack(),
    }
    return Plan(**values | more)  # type: ignore[arg-type]


@pytest.fixture
def planned(ledger: Ledger, clock: SettableClock) -> Callable[..., int]:
    """Call it with the arguments of `a_plan` to get the id of a mail-out in the ledger."""

    def write(*args: int, retry_of: int | None = None, **more: object) -> int:
        with ledger.writing() as connection:
            plan = a_plan(*args, **more)  # type: ignore[arg-type]
            return mailouts.create(connection, plan, at=clock(), who="Jana", retry_of=retry_of)

    return write


def damage(path: Path) -> None:
    """Overwrite a page of a send log that a sending does not read by itself: of an index for the
    pages of people.
    """
    with sqlite3.connect(path) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'ix_delivery_person'"
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    whole = path.read_bytes()
    path.write_bytes(whole[: size * (page - 1)] + b"\xff" * size + whole[size * page :])
