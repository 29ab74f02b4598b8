"""Facts about any file of an appeal: it costs one page, and what is wrong with it is said."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from mailer.actions.check import check
from mailer.base.settings.workspace import load_workspace
from mailer.letters.checks import metadata
from mailer.letters.facts import Fact, contradictions
from tests.helpers.workspaces import LETTER, a_workspace

WITHOUT_END = {
    "repeats": "{% for i in range(10**9) %}a{% endfor %}",
    "multiplies": '{{ "a" * 10**10 }}',
    "a tower of powers": "{{ 9**9**9 }}",
    "widens": "{{ name|center(9999999999) }}",
    "formats": '{{ "%9999999999d"|format(1) }}',
    "formats by a call": '{{ "{:9999999999}".format(1) }}',
    "calls itself": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "includes itself": '{% include "en.md" %}',
    "joins": "{{ name ~ name }}",
    "a number of 40,000 figures": "{{ " + "9" * 40_000 + " }}",
    "lists in lists": "{{ " + "[" * 9_000 + "]" * 9_000 + " }}",
    "questions in questions": "{% if role %}" * 900 + "{% endif %}" * 900,
}


def codes(root: Path) -> set[str]:
    """Return what a check of the appeal finds; an error other than a problem goes through."""
    (appeal,) = check(load_workspace(root)).appeals
    return {one.code for one in appeal.problems}


def with_letter(root: Path, text: str, subject: str = "Please vote") -> Path:
    a_workspace(root, 9)
    letter = LETTER.format(subject=subject, text="We write to you")
    folder = root / "templates" / "appeal"
    (folder / "en.md").write_text(f"{letter}\n{text}\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("what", WITHOUT_END)
def test_a_letter_that_would_run_for_ever_is_refused_before_it_runs(
    what: str, tmp_path: Path
) -> None:
    with_letter(tmp_path, WITHOUT_END[what])
    assert codes(tmp_path) & {"L201", "L202", "L204"}


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("*" * 2_000 + "a" + "*" * 20_000, "x"),
        ("{{ name }}" * 4_900, "x"),
        ("a", "[" * 49_000),
        ("[" * 49_000, "x"),
    ],
)
def test_marks_without_end_are_named_and_no_traceback(
    text: str, subject: str, tmp_path: Path
) -> None:
    with_letter(tmp_path, text, subject)
    assert "L226" in codes(tmp_path)


def test_a_letter_that_its_words_would_fill_to_40_megabytes_is_refused(tmp_path: Path) -> None:
    folder = with_letter(tmp_path, "{{ fact.long }} \n" * 700)
    fact = f'[long]\nvalue = {{ en = "{"a " * 20_000}" }}\nsource = "x"\ndate = 2024-01-01\n'
    (folder / "facts.toml").write_text(fact, encoding="utf-8")
    assert codes(tmp_path) & {"L231", "L305"}


TYPED: dict[str, tuple[Callable[[int], str], Callable[[int], str]]] = {
    "a number without end": (lambda n: "1 votes to", lambda n: "1" * n),
    "a number of parts": (lambda n: "1 votes to", lambda n: "1." * (n // 2)),
    "as many figures": (lambda n: "1 " * (n // 2) + "votes to", lambda n: "1 " * n),
    "blanks": (lambda n: "1 votes to 2", lambda n: "1" + " " * n),
}


@pytest.mark.parametrize("what", TYPED)
def test_facts_are_looked_for_in_a_time_linear_in_the_text(what: str) -> None:
    """Eight times the bytes take about eight times as long; a square would take 64 times."""
    fact, text = TYPED[what]

    def processor(size: int) -> float:
        worded = Fact("f", {"en": fact(size)}, "x", date(2024, 1, 1))
        typed, least = text(size), 1e9
        for _ in range(3):
            began = time.process_time()
            list(contradictions([worded], "en", typed))
            least = min(least, time.process_time() - began)
        return least

    assert processor(40_000) < 0.05 + 20 * processor(5_000)


def test_a_page_that_is_too_much_for_the_libraries_ends_nothing_but_its_child(
    tmp_path: Path,
) -> None:
    """Tags in tags without end: the library of style sheets ended the whole process by it."""
    a_workspace(tmp_path, 9)
    shared = tmp_path / "templates" / "_shared"
    shared.mkdir()
    words = "{{ language }}{{ subject }}{{ preview }}{{ body }}{{ footer }}"
    page = f"<html><body>{words}{'<b><i>' * 8_000}</body></html>"
    (shared / "layout.html").write_text(page, encoding="utf-8")
    assert "L161" in codes(tmp_path)


def test_a_file_that_takes_too_much_to_look_into_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """40 MB in one stream of a PDF of 40 kB."""
    stream = zlib.compress(b"q " * 20_000_000, 9)
    head = b"%%PDF-1.4\n4 0 obj<</Type/Metadata/Filter/FlateDecode/Length %d>>stream\n" % len(
        stream
    )
    pdf = head + stream + b"\nendstream endobj\n%%EOF"
    monkeypatch.setattr(metadata, "SECONDS", 0)
    assert metadata.what_it_tells("files/a.pdf", pdf) == (metadata.NOT_READ,)
