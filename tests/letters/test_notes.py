"""Facts about the notes of the files that people begin with: whoever follows one gets what it says.

"Remove the # before it" is an instruction; each of them is carried out here.
"""

from __future__ import annotations

import re
import shutil
from datetime import date
from pathlib import Path

import pytest

from mailer.base.errors import Problem
from mailer.base.settings.workspace import load_workspace
from mailer.letters.appeal_files import load_appeal
from mailer.letters.appeal_toml import read_settings
from tests.helpers.letters import DELEGATIONS, ROOT

NEW = ROOT / "mailer" / "base" / "settings" / "new"
APPEALS = [*sorted(ROOT.glob("templates/*/appeal.toml")), *sorted(NEW.glob("*/appeal.toml"))]
CONFIGS = sorted(NEW.glob("*/config.toml"))
LINE = re.compile(
    r"# (?=\[[\w.\[\]]+\](?: +#.*)?$|[a-zA-Z_]+ = [\"\[{\d]|[a-z_]+ = (?:true|false)\b)"
)


def notes(file: Path) -> list[tuple[int, int]]:
    """Return the lines that are settings behind a "#": one by one, a table with all its lines."""
    lines = file.read_text("utf-8").split("\n")
    found: list[tuple[int, int]] = []
    for at, line in enumerate(lines):
        if not LINE.match(line):
            continue
        within = found and found[-1][1] == at and lines[found[-1][0]].startswith("# [")
        of_it = within and line.startswith(lines[found[-1][0]].replace("[", "[[").split("]")[0])
        if within and (of_it or not line.startswith("# [")):
            found[-1] = (found[-1][0], at + 1)
        else:
            found.append((at, at + 1))
    return found


def followed(file: Path, lines: tuple[int, int]) -> str:
    text = file.read_text("utf-8").split("\n")
    return "\n".join(
        LINE.sub("", line, count=1) if at in range(*lines) else line for at, line in enumerate(text)
    )


def with_login(text: str, user: int) -> str:
    """Follow the notes on the name at the server, too, and on the password where no other is."""
    lines = text.split("\n")
    lines[user] = LINE.sub("", lines[user], count=1)
    if not any(line.startswith("oauth") for line in lines):
        lines[user + 1] = LINE.sub("", lines[user + 1], count=1)
    return "\n".join(lines)


def each(files: list[Path]) -> list[tuple[Path, tuple[int, int]]]:
    return [(file, lines) for file in files for lines in notes(file)]


def named(value: object) -> str:
    return f"{value.parent.name}-{value.name}" if isinstance(value, Path) else str(value)


@pytest.mark.parametrize(("file", "lines"), each(APPEALS), ids=named)
def test_note_of_an_appeal_can_be_followed(file: Path, lines: tuple[int, int]) -> None:
    found: list[Problem] = []
    source = followed(file, lines).replace("XX =", "AZ =")
    settings = read_settings(source, "appeal.toml", ("en", "fr"), DELEGATIONS, found)
    assert settings is not None, found
    assert found == []


@pytest.mark.parametrize(("file", "lines"), each(CONFIGS), ids=named)
def test_note_of_the_settings_can_be_followed(
    tmp_path: Path, file: Path, lines: tuple[int, int]
) -> None:
    text = followed(file, lines)
    user = next(at for at, line in enumerate(text.split("\n")) if "user = " in line)
    (tmp_path / "config.toml").write_text(text, "utf-8")
    if lines[0] in range(user, user + 4):  # a name and what proves it go together
        (tmp_path / "config.toml").write_text(with_login(text, user), "utf-8")
    assert load_workspace(tmp_path).settings is not None


def test_last_day_of_the_demo_is_a_day_of_the_appeal(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    file = tmp_path / "templates/azerbaijan-credentials/appeal.toml"
    text = file.read_text("utf-8")
    assert "\n# last_day = 2027-01-27\n" in text
    file.write_text(text.replace("# last_day", "last_day"), "utf-8")
    assert load_appeal(tmp_path, "azerbaijan-credentials").last_day == date(2027, 1, 27)
