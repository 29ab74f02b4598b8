"""A sender under strace: what it wrote to the network, and when the send log was on disk."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

STRACE = shutil.which("strace")
ROOT = Path(__file__).parents[2]
LINE_END = r"\r\n"  # as strace shows it
DOT = f"{LINE_END}.{LINE_END}"
needs_strace = pytest.mark.skipif(STRACE is None, reason="strace is not installed")

_SYNCED = re.compile(r"fdatasync(\(\d+<\S+-wal>\)| resumed>\)) += 0")
_WRITTEN = re.compile(r'sendto\((\d+)<[^>]*>+, "((?:[^"\\]|\\.)*)"')


def traced(trace: Path, command: Sequence[str]) -> None:
    """Run a sender to its end, every sync and every write to the network written into `trace`."""
    calls = "trace=fdatasync,fsync,sendto"
    strace = [str(STRACE), "-f", "-y", "-s", "20000", "-e", calls, "-o", str(trace)]
    done = subprocess.run(
        [*strace, *command], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )
    if done.returncode and "ptrace" in done.stderr:
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr


def dots_after_a_sync(trace: Path) -> int:
    """Count the final dots; between each and what was written before, a commit reached the disk."""
    synced: dict[str, bool] = {}  # connection → whether one did since it last wrote
    dots = 0
    for line in trace.read_text(encoding="utf-8", errors="replace").splitlines():
        if _SYNCED.search(line):
            synced = dict.fromkeys(synced, True)
        elif found := _WRITTEN.search(line):
            socket, words = found.groups()
            if DOT in LINE_END + words:
                dots += 1
                assert synced[socket], "no commit reached the disk before this dot"
            synced[socket] = False
    return dots
