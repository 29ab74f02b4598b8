"""What a plan was made from: whether it still is, found out without reading a sheet."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from mailer.base.settings.workspace import load_workspace
from mailer.contacts.book import load_contacts
from mailer.contacts.sheets.reader import fingerprints
from mailer.plan.draft import as_planned, draft
from mailer.plan.sources import Sources
from tests.helpers.workspaces import CLOSED_PORT, a_workspace, edit, environment, planned

ROOT = Path(__file__).parents[2]
WHOLE = Sources(
    cells={"contacts/a.csv": {"": {"2:1": "Zoë"}}},
    text={"templates/appeal/en.md": "Subject: Vote\n"},
    files={"contacts/a.csv": "ab", "templates/appeal/en.md": "cd"},
    settings={"smtp": "127.0.0.1:25 none"},
)


def test_packed_sources_come_back_as_they_were() -> None:
    assert Sources.unpack(WHOLE.pack()) == WHOLE


def test_sources_of_an_older_log_are_read_and_compared() -> None:
    parts = {name: getattr(WHOLE, name) for name in ("cells", "text", "files", "settings")}
    packed = zlib.compress(json.dumps(parts).encode())
    assert Sources.unpack(packed) == WHOLE
    assert Sources.agree(packed, WHOLE.files, WHOLE.settings)


@pytest.mark.parametrize(
    ("files", "settings"),
    [
        ({**WHOLE.files, "contacts/a.csv": "ef"}, WHOLE.settings),
        ({**WHOLE.files, "contacts/b.csv": ""}, WHOLE.settings),
        ({"contacts/a.csv": "ab"}, WHOLE.settings),
        (WHOLE.files, {"smtp": "127.0.0.1:26 none"}),
        (WHOLE.files, {}),
    ],
)
def test_another_file_or_setting_does_not_agree(
    files: dict[str, str], settings: dict[str, str]
) -> None:
    assert Sources.agree(WHOLE.pack(), WHOLE.files, WHOLE.settings)
    assert not Sources.agree(WHOLE.pack(), files, settings)


def test_fingerprints_are_those_of_the_book(tmp_path: Path) -> None:
    shutil.copytree(
        ROOT / "contacts", tmp_path / "contacts", ignore=shutil.ignore_patterns("__pycache__")
    )
    (tmp_path / "contacts" / "members.pdf").write_bytes(b"%PDF")
    (tmp_path / "contacts" / "empty.csv").touch()
    (tmp_path / "contacts" / "old").mkdir()
    assert fingerprints(tmp_path) == load_contacts(tmp_path).files


@pytest.mark.parametrize(
    "change",
    [
        lambda root: edit(root / "contacts" / "members.csv", "Example1", "Example one"),
        lambda root: (root / "contacts" / "more.csv").write_text("name,e-mail\n", encoding="utf-8"),
        lambda root: (root / "contacts" / "members.csv").rename(root / "contacts" / "others.csv"),
        lambda root: edit(root / "templates" / "appeal" / "fr.md", "Votez", "Votez donc"),
        lambda root: (root / "templates" / "appeal" / "fr.md").unlink(),
        lambda root: edit(root / "config.toml", "answers@", "reply@"),
    ],
)
def test_whatever_a_plan_depends_on_makes_it_another(
    tmp_path: Path, change: Callable[[Path], object]
) -> None:
    root = a_workspace(tmp_path, CLOSED_PORT)
    packed = draft(load_workspace(root), "appeal").sources.pack()
    assert as_planned(packed, load_workspace(root), "appeal")
    change(root)
    assert not as_planned(packed, load_workspace(root), "appeal")


def test_sending_what_was_planned_imports_nothing_that_reads_sheets_or_makes_letters(
    tmp_path: Path,
) -> None:
    root = a_workspace(tmp_path, CLOSED_PORT)
    (root / "contacts" / "_hold.csv").write_text(
        "address,name,delegation\nsomebody@no.example,Päivi PRØVE,NO\n", encoding="utf-8"
    )
    planned(root)
    code = (
        "import sys\nfrom mailer.__main__ import main\n"
        f"sys.argv[1:] = ['-C', {str(root)!r}, 'send', 'M-0001', '--confirm', '6']\n"
        # there is no server
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 5, end.code\n"
        "found = {'jinja2', 'markdown_it', 'css_inline', 'pandas', 'rapidfuzz',"
        " 'sqlalchemy.dialects.postgresql', 'alembic', 'email_validator',"
        " 'mailer.contacts.book', 'mailer.contacts.hold_list', 'mailer.contacts.sheets.vocabulary',"
        " 'mailer.report.board'}"
        " & set(sys.modules)\n"
        "assert not found, found\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_delegations_of_the_workspace_count_when_it_is_looked_at_again(tmp_path: Path) -> None:
    root = a_workspace(
        tmp_path, CLOSED_PORT, appeal='[audience.leave_out]\nQQ = "they asked to be left out"\n'
    )
    (root / "delegations.csv").write_text(
        "code,name_en,status\nQQ,Quarkland,observer\n", encoding="utf-8"
    )
    packed = draft(load_workspace(root), "appeal").sources.pack()
    assert as_planned(packed, load_workspace(root), "appeal")
