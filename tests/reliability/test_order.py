"""Seen from outside: the send log is synced between every body and its final dot (T5; a small one
is in test_writer).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mailer.ledger.ledger import Ledger
from tests.ledger.test_writer import SYNCED, WRITTEN

from . import figures
from .campaign import a_long_plan, a_tag, check, planned
from .nursery import ROOT
from .witness import Witness

STRACE = shutil.which("strace")


@pytest.mark.long
@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
@pytest.mark.parametrize("connections", [1, 4])
def test_log_is_synced_between_body_and_dot_of_fifty_letters(
    tmp_path: Path, witness: Witness, connections: int
) -> None:
    url, trace = f"sqlite:///{tmp_path / 'ledger.db'}", tmp_path / "trace"
    with Ledger(url) as ledger:
        mail_out = planned(ledger, a_long_plan(a_tag(), 50))
    life = {"url": url, "mail_out": mail_out, "port": witness.port, "connections": connections}
    command = [
        str(STRACE),
        "-f",
        "-y",
        "-s",
        "40",
        "-e",
        "trace=fdatasync,fsync,sendto",
        "-o",
        str(trace),
    ]
    command += [sys.executable, "-m", "tests.reliability.lives", json.dumps(life)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )
    if done.returncode and "ptrace" in done.stderr:
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr
    with Ledger(url) as ledger:
        check(ledger, mail_out, witness, kills=0, connections=connections)
    synced: dict[
        str, bool
    ] = {}  # connection → whether a commit reached the disk since it last wrote
    dots = 0
    for line in trace.read_text(encoding="utf-8", errors="replace").splitlines():
        if SYNCED.search(line):
            synced = dict.fromkeys(synced, True)
        elif found := WRITTEN.search(line):
            socket, words = found.groups()
            if words.startswith(".\\r\\n"):
                dots += 1
                assert synced[socket], "no commit reached the disk between this body and its dot"
            synced[socket] = False
    assert dots == 50
    what = f"fdatasync between body and dot, seen by strace, {connections} conn."
    figures.note(f"T5 {connections}", what, f"{dots} letters", "in every one")
