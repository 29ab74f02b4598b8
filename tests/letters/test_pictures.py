"""Pictures have a size in the letter; the demo's are drawn from its facts, in every language."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path

import pytest

from mailer.base.errors import MailerError
from mailer.letters.appeal import Appeal
from mailer.letters.appeal_files import load_appeal
from mailer.letters.checks.style import warnings
from mailer.letters.markup.pictures import size_of
from tests.helpers.letters import ROOT, folder, letter, person, renderer

DEMO = ROOT / "templates" / "azerbaijan-credentials"
DRAWN = runpy.run_path(str(DEMO / "draw.py"))
PNG = DEMO / "files" / "cover.en.png"


def with_files(root: Path, body: str, **files: bytes) -> Appeal:
    place = root / "templates" / "appeal" / "files"
    place.mkdir(parents=True)
    for name, raw in files.items():
        (place / f"{name}.png").write_bytes(raw)
    return load_appeal(folder(root, en=letter(body)), "appeal")


def html(root: Path, body: str) -> str:
    made = renderer(with_files(root, body, chart=PNG.read_bytes())).render(person(), "en")
    assert "{" not in made.text
    return made.html


def test_size_behind_a_picture_is_its_width(tmp_path: Path) -> None:
    made = html(tmp_path, "See ![votes](files/chart.png){width=320} *here*.")
    (tag,) = re.findall(r"<img[^>]*>", made)
    assert 'width="320"' in tag
    assert "max-width: 100%" in tag
    assert "</em>." in made


def test_picture_in_a_link_has_a_size_too(tmp_path: Path) -> None:
    made = html(tmp_path, "[![votes](files/chart.png){width=90}](https://x.example) more")
    assert re.search(r'<a href="https://x.example"[^>]*><img[^>]*width="90"[^>]*></a> more', made)


@pytest.mark.parametrize("size", ["{width=0}", "{width=601}", "{width=50%}", "{height=3}", "{x}"])
def test_what_is_no_size_is_refused_at_its_line(tmp_path: Path, size: str) -> None:
    with pytest.raises(MailerError) as caught:
        html(tmp_path, f"Hello.\n\n![votes](files/chart.png){size}")
    (problem,) = caught.value.problems
    assert (problem.code, problem.row, problem.value) == ("L242", 7, size)


def test_braces_elsewhere_are_text(tmp_path: Path) -> None:
    appeal = load_appeal(folder(tmp_path, en=letter("A set {width=320} of words.")), "appeal")
    assert "A set {width=320} of words." in renderer(appeal).render(person(), "en").text


def test_wide_picture_without_a_size_is_a_warning(tmp_path: Path) -> None:
    wide = (DEMO / "files" / "infographic.en.png").read_bytes()
    body = "![a](files/a.png)\n\n![b](files/a.png){width=480}\n\n![c](files/b.png)"
    appeal = with_files(tmp_path, f"{body}\n\n{body}", a=wide, b=PNG.read_bytes())
    found = [(one.code, one.row) for one in warnings(appeal) if one.code == "L241"]
    assert found[0] == ("L241", 5)
    assert [row for _, row in found] == [5, 11]


def test_width_of_a_jpeg_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    head = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x11\x08\x01\x02\x03\x84\x03"
    path.write_bytes(head)
    assert size_of(path) == (0x0384, 0x0102)
    path.write_bytes(b"\xff\xd8\xff\xd9")
    assert size_of(path) == (0, 0)


# ------------------------------------------------------------------------------------- the drawings


def test_drawings_are_those_of_the_facts() -> None:
    for name, svg in DRAWN["drawings"]().items():
        there = (DEMO / "files" / name).read_text("utf-8")
        assert there == svg, f"{name}: make drawings"


def test_no_figure_of_a_drawing_is_typed() -> None:
    words = re.sub(r"\{\w+\}", "", (DEMO / "drawing.toml").read_text("utf-8"))
    assert not re.search(r"\d", words)


def test_every_language_has_its_drawings_and_names_their_sources() -> None:
    languages = {path.stem for path in DEMO.glob("*.md")}
    facts = tomllib.loads((DEMO / "facts.toml").read_text("utf-8"))
    for language in languages:
        drawn = (DEMO / "files" / f"infographic.{language}.svg").read_text("utf-8")
        assert all(facts[key]["value"][language] in drawn for key in DRAWN["BARS"])
        assert all(site in drawn for site in ("pace.coe.int", "caucasianknot.info", "turan.az"))
        cover = tomllib.loads((DEMO / "drawing.toml").read_text("utf-8"))[language]["cover"]
        said = (DEMO / "files" / f"cover.{language}.svg").read_text("utf-8")
        assert cover.split()[0] in said
        for name in ("infographic", "cover"):
            path = DEMO / "files" / f"{name}.{language}.png"
            assert 0 < len(path.read_bytes()) < 70_000, "each letter carries it"
            assert size_of(path)[0] in (800, 480)
