"""Facts about the reader of a workspace: it follows no link, and never leaves the folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailer.base.delegations import Delegations
from mailer.base.errors import UsageError
from mailer.base.files import ABSENT, read_inside


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "NO.en.md").write_text("secret")
    (tmp_path / "own" / "for").mkdir(parents=True)
    (tmp_path / "own" / "for" / "FR.en.md").write_text("ours")
    return tmp_path / "own"


def test_file_of_the_workspace_is_read(root: Path) -> None:
    assert read_inside(root, root / "for" / "FR.en.md") == (b"ours", "")
    (root.parent / "shortcut").symlink_to(root)  # the workspace itself may be reached by a link
    again = root.parent / "shortcut"
    assert read_inside(again, again / "for" / "FR.en.md") == (b"ours", "")


def test_nothing_is_read_by_a_detour(root: Path) -> None:
    secret = root.parent / "secret"
    (root / "link.md").symlink_to(secret / "NO.en.md")
    (root / "folder").symlink_to(secret)
    os.mkfifo(root / "pipe")
    detours = {
        root / "link.md": "a link to another file",
        root / "folder" / "NO.en.md": "its folder is a link",
        secret / "NO.en.md": "outside of the workspace",
        root / "for" / ".." / ".." / "secret" / "NO.en.md": "outside of the workspace",
        root / "pipe": "no file",
        root / "for": "no file",
        root / "nothing": ABSENT,
    }
    for path, why in detours.items():
        content, fault = read_inside(root, path)
        assert (content, why in fault) == (b"", True), (path, fault)


def test_a_file_that_is_far_too_big_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "en.md").open("wb") as file:
        file.truncate(5_000_000_000)  # a hole: nothing stands on the disk
    content, fault = read_inside(tmp_path, tmp_path / "en.md")
    assert (content, fault) == (b"", "it has 5,000,000,000 bytes, and 100,000,000 is the most")


def test_own_delegations_of_a_million_lines_are_refused(tmp_path: Path) -> None:
    (tmp_path / "delegations.csv").write_text("code,status\n" + "NO,member\n" * 200_000, "utf-8")
    with pytest.raises(UsageError, match=r"delegations\.csv"):
        Delegations.of_workspace(tmp_path)
