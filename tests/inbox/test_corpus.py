"""Facts about sorting and threading, against a collection of messages kept outside the repository.

`MAILER_CORPUS` names its folder; its own programs judge.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mailer.actions.inbox import sent_table, try_folder
from mailer.inbox.thread import SentLetters

CORPUS = Path(
    os.environ.get("MAILER_CORPUS") or Path(__file__).parents[2] / ".." / "shared" / "corpus"
)
HERE = pytest.mark.skipif(
    not (CORPUS / "score.py").exists(),
    reason=f"no collection of messages at {CORPUS}; MAILER_CORPUS names its folder",
)


def judged(folder: str, sent: str, program: str, table: Path) -> str:
    letters = sent_table(CORPUS / folder / sent) if sent else SentLetters([])
    with table.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "kind", "delivery"])
        for one in try_folder(CORPUS / folder, letters):
            found = ";".join(letter.delivery for letter in one.threading.letters)
            rows.writerow([one.file, one.judgement.kind, found])
    labels = CORPUS / folder / "labels.csv"
    command = [sys.executable, str(CORPUS / program), str(table), str(labels)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


@HERE
def test_answers_are_sorted_and_threaded(tmp_path: Path) -> None:
    said = judged("replies", "sent.csv", "score.py", tmp_path / "said.csv")
    kinds = next(line for line in said.splitlines() if line.startswith("kinds"))
    known = next(line for line in said.splitlines() if line.startswith("delivery known"))
    assert float(kinds.split("%")[0].split()[-1]) >= 97, said
    assert float(known.split("%")[0].split()[-1]) >= 97, said
    for never in (
        "a human called a machine: 0",
        "an away called returned: 0",
        "an objection missed: 0",
        "an objection where none was made: 0",
    ):
        assert never in said


@HERE
def test_real_returned_letters_are_sorted(tmp_path: Path) -> None:
    said = judged("bounces", "", "score_bounces.py", tmp_path / "said.csv")
    assert float(said.rpartition(": ")[2].split()[0]) >= 96, said
