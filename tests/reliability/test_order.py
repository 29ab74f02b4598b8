"""Seen from outside: the send log is synced before every final dot, and after what the connection
wrote before it (T5; a small one is in test_writer).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from mailer.ledger.ledger import Ledger
from tests.helpers.traced import dots_after_a_sync, needs_strace, traced

from . import figures
from .campaign import a_long_plan, a_tag, check, planned
from .witness import Witness


@pytest.mark.long
@needs_strace
@pytest.mark.parametrize("connections", [1, 4])
def test_log_is_synced_between_body_and_dot_of_fifty_letters(
    tmp_path: Path, witness: Witness, connections: int
) -> None:
    url, trace = f"sqlite:///{tmp_path / 'ledger.db'}", tmp_path / "trace"
    with Ledger(url) as ledger:
        mail_out = planned(ledger, a_long_plan(a_tag(), 50))
    life = {"url": url, "mail_out": mail_out, "port": witness.port, "connections": connections}
    traced(trace, [sys.executable, "-m", "tests.reliability.lives", json.dumps(life)])
    with Ledger(url) as ledger:
        check(ledger, mail_out, witness, kills=0, connections=connections)
    dots = dots_after_a_sync(trace)
    assert dots == 50
    what = f"fdatasync between body and dot, seen by strace, {connections} conn."
    figures.note(f"T5 {connections}", what, f"{dots} letters", "in every one")
