"""Facts about taking out of an appeal's files what they tell besides what they show."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from pypdf import PdfReader

from tests.helpers.workspaces import a_workspace, data, lines, mailer, said
from tests.letters.test_metadata import a_letter

SAID = 'attachments = ["files/report.pdf"]\n'


def test_file_is_stripped_and_what_it_was_is_kept(tmp_path: Path) -> None:
    root = a_workspace(tmp_path, 9)
    toml = root / "templates/appeal/appeal.toml"
    toml.write_text(SAID + toml.read_text("utf-8"), "utf-8")
    path = root / "templates/appeal/files/report.pdf"
    path.parent.mkdir()
    path.write_bytes(a_letter())
    assert "author: Example Coalition" in mailer("check", "appeal", at=root).stdout
    before = data(mailer("--json", "check", "appeal", at=root), 0)
    assert [one["tells"] for one in before["files"]["appeal"]] == [["author: Example Coalition"]]
    kept = {one["code"]: one["severity"] for one in before["obstacles"]["appeal"]}
    assert kept["L174"] == "error"  # live mode asks
    (told,) = lines(mailer("--json", "letters", "strip", "appeal", at=root))
    assert told["removed"] == ["author: Example Coalition"]
    assert (root / told["backup"]).read_bytes() == a_letter()
    assert not (PdfReader(BytesIO(path.read_bytes())).metadata or {}).get("/Author")
    assert "author" not in mailer("check", "appeal", at=root).stdout
    after = data(mailer("--json", "check", "appeal", at=root), 0)
    assert "L174" not in {one["code"] for one in after["obstacles"]["appeal"]}
    assert "Nothing was changed" in said(mailer("letters", "strip", "appeal", at=root))
    assert mailer("letters", "strip", "appeal", "no.pdf", at=root).returncode == 2
