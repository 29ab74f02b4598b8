"""Facts about `mailer preview`: whose letter is shown, in which form, and what of it
can be kept.
"""

from __future__ import annotations

import email
import json
import os
import shutil
import sys
from base64 import b64encode
from collections.abc import Callable
from email import policy
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailer.cli import cli
from mailer.cli.screen.browser import PROGRAMS
from tests.actions.test_rehearse import CONFIG, EN, FR, SHEET
from tests.helpers.letters import folder
from tests.letters.test_attachments import PDF, PNG

TOML = 'attachments = ["files/report.pdf"]\n[languages]\nfallback = ["en"]\n'
BODY = EN.replace("Hello from us.", "Hello from us.\n\n![a chart](files/chart.png)")
TWIN = FR.replace("Bonjour.", "Bonjour.\n\n![un graphique](files/chart.png)")


@pytest.fixture
def work(tmp_path: Path) -> Callable[..., Result]:
    folder(tmp_path, "appeal", en=BODY, fr=TWIN, toml=TOML)
    files = tmp_path / "templates" / "appeal" / "files"
    files.mkdir()
    (files / "chart.png").write_bytes(PNG)
    (files / "report.pdf").write_bytes(PDF)
    (tmp_path / "contacts").mkdir()
    (tmp_path / "contacts" / "all.csv").write_text(
        SHEET + "IT,Bea,Senza,f,representative,,\n", encoding="utf-8"
    )
    (tmp_path / "config.toml").write_text(CONFIG.format(port=25, mode="live"), encoding="utf-8")
    return lambda *args: CliRunner().invoke(cli, ["-C", str(tmp_path), "preview", *map(str, args)])


def test_text_alone_can_be_piped(work: Callable[..., Result]) -> None:
    done = work("appeal", "--as", "Berg", "--text")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("Dear Ms Berg,\n\nHello from us.\n\n[a chart]\n")
    assert "Subject" not in done.stdout


def test_head_names_the_attachments(work: Callable[..., Result]) -> None:
    shown = work("appeal", "--as", "Berg").stdout
    assert "report.pdf" in shown
    assert "A question, Berg" in shown


def test_html_file_has_its_pictures_in_it(work: Callable[..., Result], tmp_path: Path) -> None:
    assert work("appeal", "--as", "Berg", "--html", tmp_path / "a.html").exit_code == 0
    html = (tmp_path / "a.html").read_text("utf-8")
    assert f'src="data:image/png;base64,{b64encode(PNG).decode()}"' in html
    assert "cid:" not in html


def test_whole_message_opens_in_a_mail_program(work: Callable[..., Result], tmp_path: Path) -> None:
    assert work("appeal", "--as", "Lévêque", "--eml", tmp_path / "a.eml").exit_code == 0
    message = email.message_from_bytes((tmp_path / "a.eml").read_bytes(), policy=policy.default)
    assert message["To"].addresses[0].addr_spec == "zoe@fr.example"
    assert message["Date"]
    assert [part.get_filename() for part in message.iter_attachments()] == ["report.pdf"]  # type: ignore[attr-defined]


def test_person_without_an_address_is_shown_and_has_no_message(
    work: Callable[..., Result], tmp_path: Path
) -> None:
    assert "Bea Senza would be left out: no address" in work("appeal", "--as", "Senza").output
    done = work("appeal", "--as", "Senza", "--eml", tmp_path / "a.eml")
    assert done.exit_code == 2
    assert "There is no message" in done.stderr


def test_hardest_goes_through_unusual_people(work: Callable[..., Result]) -> None:
    done = work("appeal", "--hardest", "--json")
    assert done.exit_code == 0, done.output
    names = [json.loads(line)["name"] for line in done.stdout.splitlines()]
    assert len(names) == len(set(names)) == 5
    assert {"Ольга Приклад", "Zoë Lévêque-Très-Long"} <= set(names[:3])
    assert work("appeal", "--hardest").stdout.count("Subject:") == 5


def test_letter_of_a_mail_out_is_its_frozen_bytes(
    work: Callable[..., Result], tmp_path: Path
) -> None:
    planned = CliRunner().invoke(cli, ["-C", str(tmp_path), "plan", "appeal"])
    assert planned.exit_code == 0, planned.output
    folder(tmp_path, "appeal", en=BODY.replace("Hello", "Changed"))
    shown = work("M-1", "--as", "Berg")
    assert shown.exit_code == 0, shown.output
    assert "Hello from us." in shown.stdout
    assert "at the first attempt" in shown.stdout
    work(
        "M-1", "--as", "anna@no.example", "--eml", tmp_path / "a.eml", "--html", tmp_path / "a.html"
    )
    kept = (tmp_path / "a.eml").read_bytes()
    log = CliRunner().invoke(
        cli, ["-C", str(tmp_path), "log", "show", "M-1", "Berg", "--eml", str(tmp_path / "b.eml")]
    )
    assert log.exit_code == 0, log.output
    assert kept == (tmp_path / "b.eml").read_bytes()
    assert b64encode(PNG).decode() in (tmp_path / "a.html").read_text("utf-8")
    assert json.loads(work("M-1", "--as", "Berg", "--json").stdout)["attachments"] == ["report.pdf"]


def test_person_who_is_not_in_the_mail_out_or_has_no_letter_is_told(
    work: Callable[..., Result], tmp_path: Path
) -> None:
    CliRunner().invoke(cli, ["-C", str(tmp_path), "plan", "appeal"])
    assert "Nobody in M-0001 is called 'Nemo'." in work("M-1", "--as", "Nemo").stderr
    assert "There is no letter for Bea Senza" in work("M-1", "--as", "Senza").stderr
    assert "people of M-0001 fit 'e'" in work("M-1", "--as", "e").stderr


@pytest.mark.parametrize(
    "args",
    [
        ("M-1", "--hardest"),
        ("M-1", "--lang", "fr"),
        ("M-1", "--proof"),
        ("appeal", "--hardest", "--as", "Berg"),
        ("appeal", "--hardest", "--html", "x.html"),
        ("appeal", "--proof", "--as", "Berg"),
        ("appeal", "--accept", "Jana"),
    ],
    ids=" ".join,
)
def test_flags_that_contradict_each_other_are_refused(
    work: Callable[..., Result], args: tuple[str, ...]
) -> None:
    assert work(*args).exit_code == 2


def test_letter_opens_in_the_browser_that_people_use(
    work: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    script = tmp_path / "browser"
    script.write_text(
        f'#!{sys.executable}\nimport sys\nopen({str(seen)!r}, "w").write(sys.argv[1])\n', "utf-8"
    )
    script.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{script} %s")
    import webbrowser

    monkeypatch.setattr(webbrowser, "_tryorder", None)  # it reads BROWSER once in a process
    done = work("appeal", "--as", "Berg", "--open")
    assert done.exit_code == 0, done.output
    shown = Path(seen.read_text("utf-8").removeprefix("file://"))
    assert shown == tmp_path / ".mailer" / "preview" / "letter.html"
    assert "Dear Ms Berg," in shown.read_text("utf-8")


@pytest.mark.skipif(not any(map(shutil.which, PROGRAMS)), reason="needs Chromium")
def test_letter_is_printed_to_a_pdf(work: Callable[..., Result], tmp_path: Path) -> None:
    done = work("appeal", "--as", "Berg", "--pdf", tmp_path / "a.pdf")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF-")


def test_without_chromium_a_pdf_is_refused_with_another_way(
    work: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    done = work("appeal", "--as", "Berg", "--pdf", tmp_path / "a.pdf")
    assert done.exit_code == 2
    assert "--html FILE" in done.stderr
