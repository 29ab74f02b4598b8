"""Facts about what keeps an appeal from real people, on the repository's own appeal and sheets."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pypdf
import pytest

from mailer.base.settings.workspace import load_workspace
from mailer.letters.checks import metadata
from mailer.plan import signoff
from mailer.plan.draft import Draft, changes_since, draft

ROOT = Path(__file__).parents[2]
APPEAL = "azerbaijan-credentials"
TODAY = date(2027, 1, 10)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("contacts", "templates"):
        shutil.copytree(
            ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.py", "__pycache__")
        )
    shutil.copy(ROOT / "config.toml", tmp_path)
    toml = tmp_path / "templates" / APPEAL / "appeal.toml"
    toml.write_text(toml.read_text("utf-8").replace("invented = true", "invented = false"), "utf-8")
    return tmp_path


def look(root: Path) -> Draft:
    return draft(load_workspace(root), APPEAL, mode="live")


def sign_and_accept_everything(root: Path) -> None:
    now = look(root)
    for organisation in now.appeal.organisations:
        signoff.sign(root, now.appeal, organisation.english, by="Jana Novák", on=TODAY)
    signoff.accept(root, [group.key for group in now.proof().waiting], by="Jana Novák", on=TODAY)


def test_signed_text_and_accepted_forms_may_go(root: Path) -> None:
    assert {problem.code for problem in look(root).obstacles()} == {"L501", "L511"}
    sign_and_accept_everything(root)
    assert look(root).obstacles() == []


def test_changed_text_asks_all_ten_organisations_again(root: Path) -> None:
    sign_and_accept_everything(root)
    letter = root / "templates" / APPEAL / "en.md"
    letter.write_text(
        letter.read_text("utf-8").replace("We welcome your", "We very much welcome your"), "utf-8"
    )
    obstacles = look(root).obstacles()
    assert [problem.code for problem in obstacles] == ["L511"] * 10
    assert {problem.message for problem in obstacles} == {"this organisation signed another text"}


def test_sentence_that_waits_to_be_written_may_not_go(root: Path) -> None:
    letter = root / "templates" / APPEAL / "en.md"
    letter.write_text(letter.read_text("utf-8") + "\nWrite here why it matters now.\n", "utf-8")
    sign_and_accept_everything(root)
    (obstacle,) = look(root).obstacles()
    assert (obstacle.code, obstacle.severity, obstacle.value) == ("L238", "error", "Write here")


def test_file_that_tells_who_made_it_may_not_go_and_one_that_cannot_be_read_is_a_warning(
    root: Path,
) -> None:
    files = root / "templates" / APPEAL / "files"
    (files / "note.pdf").write_bytes(b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n")
    toml = root / "templates" / APPEAL / "appeal.toml"
    toml.write_text('attachments = ["files/note.pdf"]\n' + toml.read_text("utf-8"), "utf-8")
    sign_and_accept_everything(root)
    now = look(root)
    assert [one.value for one in metadata.told(now.appeal)] == [metadata.NOT_READ]
    assert now.obstacles() == []
    writer = pypdf.PdfWriter()
    writer.add_blank_page(100, 100)
    writer.add_metadata({"/Author": "Jana Novák"})
    writer.write(files / "note.pdf")
    sign_and_accept_everything(root)
    assert [(one.code, one.severity) for one in look(root).obstacles()] == [("L174", "error")]


def test_invented_date_of_the_session_may_not_go(root: Path) -> None:
    toml = root / "templates" / APPEAL / "appeal.toml"
    toml.write_text(toml.read_text("utf-8").replace("invented = false", "invented = true"), "utf-8")
    sign_and_accept_everything(root)
    (obstacle,) = look(root).obstacles()
    assert (obstacle.code, obstacle.value) == ("S205", "2027-01-25")


def test_credentials_that_arrive_make_a_plan_stale_with_the_line(root: Path) -> None:
    packed = look(root).sources.pack()
    settings = root / "templates" / APPEAL / "appeal.toml"
    text = settings.read_text("utf-8")
    settings.write_text(
        text.replace('credentials = "unknown"', 'credentials = "presented"'), "utf-8"
    )
    (change,) = changes_since(packed, look(root))
    line = text[: text.index("credentials = ")].count("\n") + 1
    assert (change.file, change.row) == (f"templates/{APPEAL}/appeal.toml", line)
    assert "presented" in f"{change.value} {change.message} {change.suggestion}"
