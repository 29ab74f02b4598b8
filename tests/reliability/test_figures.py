"""How figures of several tests become one line of the table, and the table a part of
the document.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from . import figures


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        (["50 campaigns, 99 kills", "50 campaigns, 1,003 kills"], "100 campaigns, 1,102 kills"),
        (
            ["12 letters: 12 accepted", "8 letters: 7 accepted · 1 unknown"],
            "20 letters: 19 accepted · 1 unknown",
        ),
        (["in every one", "in every one"], "in every one"),
        (["500 × 50 steps"], "500 × 50 steps"),
        (["memory +1.2 MB, 300 letters/s"], "memory +1.2 MB, 300 letters/s"),
        (["one", "another"], "one / another"),
    ],
)
def test_figures_are_added_up(parts: list[str], line: str) -> None:
    assert figures.added(parts) == line


def test_table_stands_between_its_marks_and_the_rest_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = tmp_path / "reliability.md"
    document.write_text(f"before\n{figures.BEGIN}\nold\n{figures.END}\nafter\n", encoding="utf-8")
    monkeypatch.setattr(figures, "DOCUMENT", document)
    monkeypatch.setattr(figures, "FOLDER", tmp_path / "figures")
    monkeypatch.setattr("sys.argv", ["figures"])
    for part in (1, 2):
        figures.note(f"T12 part/{part}", "random replies", "10 inputs", "10 good")
    figures.note("T2 sqlite", "kill -9", "3 kills", "6 letters: 6 accepted")
    assert figures.main() == 0
    before, first, _, _, kills, replies, last, after = document.read_text(
        encoding="utf-8"
    ).splitlines()
    assert (before, first, last, after) == ("before", figures.BEGIN, figures.END, "after")
    assert kills.startswith("| T2 | kill -9 | 3 kills | 6 letters: 6 accepted | ")
    assert replies.startswith("| T12 | random replies | 20 inputs | 20 good | ")
    monkeypatch.setattr("sys.argv", ["figures", "--anew"])
    figures.main()
    assert not (tmp_path / "figures").exists()
