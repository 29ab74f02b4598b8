"""The tests have teeth: every planted mistake breaks one of them (T18)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from . import figures
from .planted import MISTAKES, ROOT, Mistake, found_by, sound


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_mistake_can_still_be_planted(tmp_path: Path, mistake: Mistake) -> None:
    target = tmp_path / mistake.file
    target.parent.mkdir(parents=True)
    shutil.copy(ROOT / mistake.file, target)
    mistake.plant(tmp_path)
    compile(target.read_text(encoding="utf-8"), mistake.file, "exec")


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_every_planted_mistake_is_found() -> None:
    assert not sound()
    found = {mistake.name: found_by(mistake) for mistake in MISTAKES}
    missed = [name for name, test in found.items() if test is None]
    size = f"{len(found) - len(missed)} of {len(found)} found"
    figures.note(
        "T18",
        "planted mistakes",
        size,
        " · ".join(found) if not missed else f"missed: {', '.join(missed)}",
    )
    assert not missed
