"""Formal letters: each person's as a tagged PDF on a letterhead, with a short covering mail."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pypdf
import pytest

from mailer.base.errors import MailerError
from mailer.contacts.contact import Contact
from mailer.contacts.holds import Holds
from mailer.letters.appeal import OnPaper
from mailer.letters.appeal_files import load_appeal
from mailer.letters.attachments import content_id
from mailer.letters.formal import pdf
from mailer.letters.message import pieces
from mailer.plan.audience import Audience
from mailer.plan.plan import Plan, Sending, make_plan
from mailer.plan.sources import Sources
from mailer.report.readable import html_of, parsed, text_of
from tests.helpers.letters import ROOT, checked, folder, letter, person, renderer
from tests.people.invent import COLUMNS

TOML = '[letter]\npdf = true\nplace = "Strasbourg"\ndate = 2027-01-18\n'
BODY = """The *first* of 3: **bold** [site](https://x.example/a_b).

## Why

- one
- two

25. januar is typed so.

> quoted

| a | b |
|---|---|
| 1 | 2 |

{{ closing }}"""


def planned(root: Path, *people: Contact, **files: str) -> Plan:
    given = {"en": letter(BODY, "Your vote"), "toml": TOML} | files
    appeal = load_appeal(folder(root, **given), "appeal")
    decisions = Audience(appeal, Holds()).decide(people)
    sending = Sending("j@rights.example", "J <j@rights.example>", "a@rights.example", "x", "demo")
    return make_plan(appeal, decisions, renderer(appeal), sending, Sources())


def parts_of(plan: Plan) -> Iterator[tuple[str, str, bytes]]:
    """Yield plain text, HTML and PDF of each message."""
    for one in plan.to_send:
        assert one.data
        raw = pieces.joined(one.data, one.shared)
        message = parsed(raw)
        (file,) = message.iter_attachments()
        assert (file.get_content_type(), file.get_filename()) == (
            "application/pdf",
            "letter.en.pdf",
        )
        yield text_of(message), html_of(message), file.get_content()


def said(raw: bytes) -> str:
    return " ".join(
        " ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(raw)).pages).split()
    )


def test_letter_goes_as_a_pdf_with_a_short_mail(tmp_path: Path) -> None:
    ((text, html, raw),) = parts_of(planned(tmp_path, person(title="Dr")))
    for body in (text, html):
        assert "Dear Dr Berg," in body
        assert "Please find attached our letter" in body
        assert "quoted" not in body
        assert "This letter contains no tracking" in body
    assert said(raw) == (
        "Example Coalition Strasbourg, 18 January 2027 Dr Anna Berg Delegation of Norway"
        " Parliamentary Assembly of the Council of Europe Your vote Dear Dr Berg,"
        " The first of 3: bold site. Why • one • two 25. januar is typed so. quoted a b 1 2"
        " Yours sincerely, 1"
    )


def test_pdf_is_tagged_and_names_no_program_time_or_computer(tmp_path: Path) -> None:
    ((_, _, raw),) = parts_of(planned(tmp_path, person()))
    reader = pypdf.PdfReader(io.BytesIO(raw))
    root = reader.root_object
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en"
    assert "/StructTreeRoot" in root
    assert b"pdfuaid" in raw
    about = reader.metadata or {}
    assert about.get("/Title") == "Your vote"
    assert not {"/CreationDate", "/ModDate"} & set(about)
    assert str(tmp_path).encode() not in raw


def test_each_has_their_own_and_the_same_bytes_every_time(tmp_path: Path) -> None:
    people = [person(), person(given="Kari", surname="Moe", address="k@no.parliament.example")]
    first, again = (list(parts_of(planned(tmp_path, *people))) for _ in range(2))
    assert [raw for *_, raw in first] == [raw for *_, raw in again]
    one, other = (said(raw) for *_, raw in first)
    assert "Berg" in one
    assert "Moe" not in one
    assert "Moe" in other
    assert "Berg" not in other


def test_logo_of_who_signs_stands_on_the_letterhead(tmp_path: Path) -> None:
    place = tmp_path / "templates" / "appeal" / "files"
    place.mkdir(parents=True)
    drawn = ROOT / "templates" / "azerbaijan-credentials" / "files" / "cover.en.png"
    (place / "logo.png").write_bytes(drawn.read_bytes())
    signs = '[[organisation]]\nname = {en = "Freedom & Now"}\nlogo = "files/logo.png"\n'
    ((_, html, raw),) = parts_of(planned(tmp_path, person(), toml=TOML + signs))
    assert "<img" not in html  # the short mail; the letter is in the file
    (page,) = pypdf.PdfReader(io.BytesIO(raw)).pages
    assert len(page.images) == 1

    appeal = load_appeal(folder(tmp_path, en=letter(BODY), toml=signs), "appeal")
    mail = renderer(appeal).render(person(), "en")
    (logo,) = re.findall(r"<img[^>]*>", mail.html)
    assert 'alt="Freedom &amp; Now"' in logo
    assert f"cid:{content_id('files/logo.png')}" in logo
    assert re.search(r'width="(\d+)"', logo)
    assert [one.file for one in mail.pictures] == ["templates/appeal/files/logo.png"]


@pytest.mark.parametrize("logo", ["https://x.example/a.png", "../a.png", "files/a.svg"])
def test_logo_that_does_not_travel_is_refused_at_its_line(tmp_path: Path, logo: str) -> None:
    found = checked(
        tmp_path,
        en=letter("Hello."),
        toml=f'[[organisation]]\nname = {{en = "X"}}\nlogo = "{logo}"\n',
    )
    assert [(one.code, one.row, one.value) for one in found] == [("L222", 3, logo)]


@pytest.mark.parametrize(
    "name", ["#panic() $x$ *a* [b] \\ \" ' {{ }} <s>", "Ελένη", "Їжа", "ნინო", "Անի", "Łukasz Ñ Þ"]
)
def test_every_name_is_set_as_it_is_written(tmp_path: Path, name: str) -> None:
    ((_, _, raw),) = parts_of(
        planned(tmp_path, person(surname=name, name=f"Anna {name}", gender=""))
    )
    assert " ".join(name.split()) in said(raw)


def test_letters_that_the_fonts_lack_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MailerError, match="cannot be set"):
        planned(tmp_path, person(name="Anna 漢字", surname="漢字", gender=""))


def test_language_without_words_is_refused_at_its_letter(tmp_path: Path) -> None:
    found = checked(tmp_path, pl=letter("Hello."), toml=TOML)
    assert [(one.code, one.file, one.value) for one in found] == [
        ("L243", "templates/appeal/pl.md", "pl")
    ]


def test_demo_s_letter_is_a_page_or_two_with_its_pictures_in_four_languages() -> None:
    appeal = load_appeal(ROOT, "azerbaijan-credentials")
    paper = replace(appeal, on_paper=OnPaper("Strasbourg", None))
    for language in ("en", "fr", "de", "it"):
        made = renderer(paper, COLUMNS).render(person(), language)
        assert made.formal
        raw = pdf([made.formal.data], ROOT)
        reader = pypdf.PdfReader(io.BytesIO(raw))
        assert len(reader.pages) <= 3
        assert sum(len(page.images) for page in reader.pages) == 2
        assert "76" in said(raw)
