"""A nursery for senders and a witness for their letters, one of each for a whole run of
the tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailer.ledger.ledger import Ledger

from .nursery import Nursery
from .witness import Witness


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("nursery")) as here:
        yield here


@pytest.fixture(scope="session")
def witness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Witness]:
    """A server that takes everything but people who are `gone`."""
    with Witness(tmp_path_factory.mktemp("witness")) as here:
        yield here


@pytest.fixture(scope="session")
def moody_witness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Witness]:
    """A server that makes mischief at three commands of a hundred."""
    with Witness(tmp_path_factory.mktemp("witness"), mischief=0.03, seed=7) as here:
        yield here


@pytest.fixture
def real_ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A send log on SQLite that goes by the real clock."""
    with Ledger(f"sqlite:///{tmp_path / 'state' / 'ledger.db'}") as opened:
        yield opened


@pytest.fixture(scope="session")
def one_percent_witness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Witness]:
    """A server that makes mischief at one command of a hundred."""
    with Witness(tmp_path_factory.mktemp("witness"), mischief=0.01, seed=1) as here:
        yield here
