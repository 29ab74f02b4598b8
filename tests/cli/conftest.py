"""What tests of the command line share: a workspace with sheets, and what is typed in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailer.cli import cli

Run = Callable[..., Result]

CONFIG = (
    '[sender]\nfrom = "a@rights.example"\norganisation = "Rights"\n[smtp]\nhost ='
    ' "smtp.rights.example"\n'
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace with an empty folder of sheets."""
    (tmp_path / "config.toml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "contacts").mkdir()
    return tmp_path


@pytest.fixture
def run(root: Path) -> Run:
    """Type `mailer contacts WORDS` in the workspace `root`, which ends with `code`."""

    def run(*words: object, code: int = 0) -> Result:
        result = CliRunner().invoke(cli, ["-C", str(root), "contacts", *map(str, words)])
        assert result.exit_code == code, result.output
        return result

    return run
