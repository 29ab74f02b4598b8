"""Facts about rendered letters: what a letter may say, what a cell can do in it, and what both
bodies hold.
"""

from __future__ import annotations

import html
import os
import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.base.errors import MailerError, Problem
from mailer.base.settings.tables import Privacy
from mailer.contacts.contact import Contact
from mailer.letters import markup
from mailer.letters.appeal_files import load_appeal
from mailer.letters.checks import check_letters, ready, twins
from mailer.letters.render import Rendered, Renderer
from mailer.letters.wording.salutations import LEFTOVERS
from mailer.letters.wording.typography import polished
from mailer.letters.wording.usable_words import WORDS
from mailer.letters.wording.words import delegation_words, written_date
from tests.helpers.letters import (
    DELEGATIONS,
    FORMS,
    ROOT,
    SENDER,
    checked,
    folder,
    invented,
    letter,
    person,
    renderer,
    written,
)
from tests.people.invent import COLUMNS

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
SESSION = (
    '[session]\nname = { en = "the January session" }\nopens = 2027-01-25\n\n[[organisation]]\nname'
    ' = { en = "A *bold* Org" }\n'
)


class Page(HTMLParser):
    """What a reader's program finds in the HTML: elements, links, text."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self.links += [value or "" for name, value in attrs if tag == "a" and name == "href"]

    def handle_data(self, data: str) -> None:
        self.words += data


def main_of(rendered: Rendered) -> str:
    """Return the HTML of the letter itself, without styles."""
    inside = rendered.html.partition("<main")[2].partition(">")[2].partition("</main>")[0]
    return re.sub(r' style="[^"]*"', "", inside).strip()


def text_of(rendered: Rendered) -> str:
    """Return the plain text of the letter itself, without greeting and footer."""
    return rendered.text.partition("\n\n")[2].rpartition("\n\n-- \n")[0]


def refused(root: Path, body: str, contact: Contact | None = None, **more: str) -> Problem:
    with pytest.raises(MailerError) as caught:
        written(root, body, contact, **more)
    return caught.value.problems[0]


# ----------------------------------------------------------------------------- the repository's own


def rendered_to_everybody() -> list[tuple[Contact, Rendered]]:
    appeal = load_appeal(ROOT, "azerbaijan-credentials")
    letters = renderer(appeal, COLUMNS)
    chosen = [(one, appeal.language_for([one.language])) for one in invented()]
    return [(one, letters.render(one, choice[0])) for one, choice in chosen if choice]


@pytest.fixture(scope="module")
def everybody() -> list[tuple[Contact, Rendered]]:
    return rendered_to_everybody()


def test_letters_of_the_repository_are_in_order() -> None:
    assert (
        check_letters(
            load_appeal(ROOT, "azerbaijan-credentials"), SENDER, DELEGATIONS, FORMS, COLUMNS
        )
        == []
    )


def test_612_people_get_a_letter_without_a_gap(everybody: list[tuple[Contact, Rendered]]) -> None:
    assert len(everybody) == 612
    for contact, rendered in everybody:
        for part in (rendered.subject, rendered.preview, rendered.text, rendered.html):
            assert not re.search(r"\{\{|\}\}|\{%|\bNone\b|\bnan\b|zq[0-9a-f]{12}s", part), contact
            assert "\r" not in part


def test_612_people_are_greeted_by_the_table(everybody: list[tuple[Contact, Rendered]]) -> None:
    for contact, rendered in everybody:
        form = FORMS.greet(contact, rendered.language)
        assert rendered.text.startswith(form.greeting + "\n\n")
        assert f">{html.escape(form.greeting).replace('&#x27;', '&#39;')}</p>" in rendered.html
        assert f"\n\n{polished(form.closing, rendered.language)}\n\n" in rendered.text


BEFORE = {
    "en": "as a member of the delegation",
    "fr": "en votre qualité de membre de la délégation",
    "de": "als Mitglied der Delegation",
    "it": "nella Sua qualità di membro della delegazione",
}


def test_612_people_read_of_their_own_delegation(everybody: list[tuple[Contact, Rendered]]) -> None:
    for contact, rendered in everybody:
        words = delegation_words(contact.delegation, rendered.language, DELEGATIONS)
        assert words
        of = polished(words[1], rendered.language)
        assert f"{BEFORE[rendered.language]} {of}, " in rendered.text


def test_each_role_reads_its_own_sentence(everybody: list[tuple[Contact, Rendered]]) -> None:
    sentence = {
        "representative": "If you cannot come,",
        "substitute": "As a substitute,",
        "chair": "As chair,",
    }
    for contact, rendered in everybody:
        if rendered.language == "en":
            assert [role for role, words in sentence.items() if words in rendered.text] == [
                contact.role
            ]


LINKS = [
    "https://free-anar.site/urgent-call-to-confirm-the-suspension-of-azerbaijans-pace-credentials",
    "https://pace.coe.int/en/files/33333/html",
    "https://pace.coe.int/en/files/34061/html",
    "https://turan.az/en/politics/azerbaijans-defiance-a-decade-of-contempt-for-the-council-of-europe-789337",
    "https://endrepression-az.org",
]


def test_both_bodies_carry_the_same_links(everybody: list[tuple[Contact, Rendered]]) -> None:
    for _, rendered in everybody:
        in_text = re.findall(r"https://[^\s)]+", rendered.text)
        assert Page(rendered.html).links == in_text
        assert [re.sub(r"/../files", "/en/files", link) for link in in_text] == LINKS


def test_parse_is_done_once_for_all_who_take_the_same_branches() -> None:
    before = markup.frames.cache_info()
    rendered_to_everybody()
    after = markup.frames.cache_info()
    assert after.misses - before.misses < 100
    assert after.hits - before.hits < 300  # for each whose questions are answered alike


HARDEST = {
    "en-lord": {
        "delegation": "GB",
        "title": "Lord",
        "given": "Örs",
        "surname": "O'Brien & Sons",
        "chamber": "lords",
    },
    "en-unknown-gender": {
        "delegation": "TR",
        "given": "Işıl",
        "surname": "Örnekçi",
        "gender": "",
        "role": "substitute",
    },
    "en-iceland": {
        "delegation": "IS",
        "given": "Þórdís",
        "surname": "Dæmisdóttir",
        "role": "chair",
    },
    "fr-deputee": {"delegation": "FR", "given": "Zoé", "surname": "L'Exemple", "chamber": "deputy"},
    "fr-senateur": {
        "delegation": "BE",
        "given": "Noël",
        "surname": "Modèle",
        "gender": "m",
        "chamber": "senator",
        "role": "chair",
    },
    "de-abgeordneter": {
        "delegation": "DE",
        "given": "Jörg",
        "surname": "Beispiel-Groß",
        "gender": "m",
        "chamber": "deputy",
        "title": "Dr.",
    },
    "it-senatrice": {
        "delegation": "IT",
        "given": "Lucìa",
        "surname": "Dell'Abbozzo",
        "chamber": "senator",
        "role": "chair",
    },
    "fr-unknown-gender": {
        "delegation": "CH",
        "given": "Dominique",
        "surname": "Épreuve",
        "gender": "",
        "role": "substitute",
    },
}


@pytest.mark.parametrize("name", HARDEST)
def test_letter_reads_as_it_was_approved(name: str) -> None:
    """A letter is text: read the file. After a wanted change write them anew with GOLDEN=write."""
    rendered = renderer(load_appeal(ROOT, "azerbaijan-credentials"), COLUMNS).render(
        person(**HARDEST[name]), name[:2]
    )
    for suffix, now in (
        ("txt", f"Subject: {rendered.subject}\n\n{rendered.text}"),
        ("html", rendered.html),
    ):
        path = GOLDEN / f"{name}.{suffix}"
        if os.environ.get("GOLDEN") == "write":
            path.write_text(now, encoding="utf-8")
        assert path.read_text(encoding="utf-8") == now


# -------------------------------------------------------------------------------- what cells can do


NASTY = [
    "<b>O'Brien</b>",
    "*x* [a](//evil.example) `c`",
    "# Heading",
    "- list",
    "a & b < c > d \"e\" 'f'",
    "{{ 7 * 7 }} {% if x %}",
    "![pixel](//evil.example/p.png)",
    "<script>alert(1)</script>",
    "a\nb",
    "1. one",
    "\\",
    "|a|b|",
    "&amp; &#60;",
    "    indented",
    "> quoted",
    "=====",
]


@pytest.mark.parametrize("name", NASTY)
def test_name_stays_a_name(tmp_path: Path, name: str) -> None:
    rendered = written(tmp_path, "{{ name }}\n\nYou are {{ name }}, *really*.", person(name=name))
    shown = " ".join(name.splitlines())
    assert text_of(rendered) == f"{shown}\n\nYou are {shown}, really."
    page = Page(main_of(rendered))
    assert page.tags == ["p", "p", "p", "em"]
    assert f"You are {shown}, really." in page.words


@settings(max_examples=150)
@given(
    st.text(
        st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=120
    ).filter(lambda s: s.strip() and LEFTOVERS.isdisjoint(s.split()) and "://" not in s)
)
def test_any_text_in_a_cell_comes_out_as_it_went_in(tmp_path: Path, text: str) -> None:
    shown = re.sub("[\u202a-\u202e\u2066-\u2069]", "", text)
    if not shown.strip():
        return
    contact = person(extra={"Cell": shown})
    rendered = written(tmp_path, "x{{ cell }}x", contact, subject="S {{ cell }}")
    assert text_of(rendered) == f"x{shown}x"
    assert f"x{shown}x" in Page(main_of(rendered)).words
    assert rendered.subject == f"S {shown}"


@pytest.mark.parametrize("char", ["\x00", "\x1b", "\x7f", "\u202e", "\u2066"])
def test_control_character_in_a_cell_is_refused(tmp_path: Path, char: str) -> None:
    problem = refused(tmp_path, "{{ name }}", person(name=f"a{char}b"))
    assert problem.code == "L301"
    assert f"U+{ord(char):04X}" in problem.message


def test_empty_cell_names_cell_and_line(tmp_path: Path) -> None:
    problem = refused(tmp_path, "Dear {{ title }} {{ surname }},")
    assert (problem.file, problem.cell) == ("contacts/nordic.csv", "7:5")
    assert (
        problem.suggestion
        == "templates/appeal/en.md:5 puts in {{ title }}: fill in the cell, or write {% if title %}"
        " … {% endif %} there"
    )


@pytest.mark.parametrize("word", ["nan", "None", "NULL", "#N/A"])
def test_what_a_program_left_in_a_cell_is_an_empty_cell(tmp_path: Path, word: str) -> None:
    contact = person(title=word, extra={"Committee": word})
    problem = refused(tmp_path, "x {{ committee }}", contact)
    assert (problem.code, problem.cell) == ("L301", "7:12")
    asked = "{% if committee or extra['Committee'] %}yes{% else %}no{% endif %}"
    assert text_of(written(tmp_path, asked, person(extra={"Committee": word}))) == "no"


def test_empty_cell_can_be_asked_for(tmp_path: Path) -> None:
    body = "{% if title %}{{ title }} {% endif %}{{ surname }}"
    assert text_of(written(tmp_path, body)) == "Berg"
    assert text_of(written(tmp_path, body, person(title="Dr"))) == "Dr Berg"
    assert text_of(written(tmp_path, "{{ title|default('Member', true) }}")) == "Member"


@pytest.mark.parametrize(
    "body", ["{{ title|upper }}", "{{ title|default('') }}", "{{ title|trim }}", "{{ '' }}"]
)
def test_nothing_is_not_printed_by_a_detour(tmp_path: Path, body: str) -> None:
    assert refused(tmp_path, body).message == "there is nothing to put in"


def test_other_columns_are_placeholders_by_heading_and_by_word(tmp_path: Path) -> None:
    contact = person(extra={"Preferred name": "Anni"})
    body = '{{ extra["Preferred name"] }} {{ preferred_name }}'
    assert text_of(written(tmp_path, body, contact)) == "Anni Anni"


def test_column_that_another_sheet_has_is_empty_for_this_person(tmp_path: Path) -> None:
    appeal = load_appeal(folder(tmp_path, en=letter("{{ committee }}")), "appeal")
    with pytest.raises(MailerError) as caught:
        renderer(appeal, ["Committee"]).render(person(), "en")
    (only,) = caught.value.problems
    assert only.cell == "7:12"
    asked = load_appeal(
        folder(tmp_path, en=letter("{% if committee %}{{ committee }}{% else %}none{% endif %}")),
        "appeal",
    )
    assert text_of(renderer(asked, ["Committee"]).render(person(), "en")) == "none"


def test_column_cannot_take_the_place_of_a_word(tmp_path: Path) -> None:
    contact = person(extra={"Greeting": "Oi,", "Delegation": "X"})
    assert text_of(written(tmp_path, "{{ delegation }}", contact)) == "Norway"


OWN_LINKS = {"toml": 'personal_links = "why"\n', "_shared/footer.en.md": "Links are your own."}


def test_cell_can_be_a_link_of_https_only(tmp_path: Path) -> None:
    body = '[report]({{ extra["Link"] }})'
    good = written(
        tmp_path, body, person(extra={"Link": "https://a.example/x?y=1&z=é"}), **OWN_LINKS
    )
    assert Page(main_of(good)).links == ["https://a.example/x?y=1&z=%C3%A9"]
    assert text_of(good) == "report (https://a.example/x?y=1&z=%C3%A9)"
    for bad in (
        "javascript:alert(1)",
        "http://a.example",
        "a.example",
        'https://a.example" onclick="x',
        "data:text/html,x",
    ):
        assert refused(tmp_path, body, person(extra={"Link": bad}), **OWN_LINKS).code == "L301"


def test_value_within_a_link_is_percent_encoded(tmp_path: Path) -> None:
    rendered = written(
        tmp_path,
        "[x](https://a.example/?d={{ name }}#top)",
        person(name='a&b="c" /d'),
        **OWN_LINKS,
    )
    assert Page(main_of(rendered)).links == ["https://a.example/?d=a%26b%3D%22c%22%20%2Fd#top"]


# ----------------------------------------------------------------------------- what letters can say


MARKDOWN = """\
# Big

Two *words* and **more**, a
new line.

- one
- two
  - inner

1. first
2. second

> quoted

| year | arrests |
|------|--------:|
| 2023 | 100 |
| 2024 | 1 200 |

<https://a.example/> and [mail](mailto:x@a.example), `code`\\
broken

---

    block
"""
PLAIN = """\
Big
---

Two words and more, a new line.

- one
- two
  - inner

1. first
2. second

> quoted

year | arrests
-----+--------
2023 |     100
2024 |   1 200

https://a.example/ and mail (x@a.example), code
broken

--------------------

    block"""


def test_plain_twin_is_readable(tmp_path: Path) -> None:
    assert text_of(written(tmp_path, MARKDOWN)) == PLAIN


def test_table_that_waits_for_values_has_no_columns(tmp_path: Path) -> None:
    body = "| who | committee |\n|---|---|\n| {{ name }} | x |"
    assert text_of(written(tmp_path, body)) == "who | committee\nAnna Berg | x"


def test_html_is_a_complete_document(tmp_path: Path) -> None:
    rendered = written(tmp_path, MARKDOWN, subject="Yes & <no>")
    page = Page(rendered.html)
    assert rendered.html.startswith('<!DOCTYPE html><html lang="en">')
    assert rendered.html.index("charset") < 1024
    assert {"title", "main", "footer", "h1", "ul", "ol", "table", "th", "blockquote"} <= set(
        page.tags
    )
    assert "<title>Yes &amp; &lt;no&gt;</title>" in rendered.html
    assert ("name", "viewport") in page.attributes
    assert "prefers-color-scheme: dark" in rendered.html


def test_html_fetches_nothing(everybody: list[tuple[Contact, Rendered]]) -> None:
    for _, rendered in everybody[::50]:
        page = Page(rendered.html)
        assert not {"script", "iframe", "link", "form", "base", "object"} & set(page.tags)
        assert not re.search(r"url\(|@import", rendered.html)
        assert not {"srcset", "background"} & {name for name, _ in page.attributes}
        sources = [value or "" for name, value in page.attributes if name == "src"]
        assert len(sources) == len(rendered.pictures)
        assert all(source.startswith("cid:") for source in sources)


def luminance(colour: str) -> float:
    """Return the relative luminance of `#rrggbb` (WCAG 2.2)."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_colours_can_be_read_in_light_and_in_dark() -> None:
    page = (ROOT / "mailer" / "letters" / "markup" / "layout.html").read_text(encoding="utf-8")
    light, dark = page.partition("@media")[::2]
    for style in (light, dark):
        sheet = re.search(r"\.sheet {[^}]*background-color: (#[0-9a-f]{6})", style)
        assert sheet
        for colour in re.findall(r"[ {]color: (#[0-9a-f]{6})", style):
            high, low = sorted((luminance(colour), luminance(sheet[1])), reverse=True)
            assert (high + 0.05) / (low + 0.05) >= 7, colour


ONLY_ON_CELLS = ("padding", "border-bottom", "border-top")


def test_frame_is_one_that_classic_outlook_keeps() -> None:
    """Widths and margins stand on tables and their cells, as caniemail.com has it for Outlook on
    Windows: padding works on cells alone, a limit of width on tables alone.
    """
    page = (ROOT / "mailer" / "letters" / "markup" / "layout.html").read_text(encoding="utf-8")
    tags = {name: tag for tag, name in re.findall(r'<(\w+) class="([\w-]+)"', page)}
    assert len(tags) > 4
    for names, style in re.findall(r"^([^@{}\n]+?) {([^}]*)}", page, re.MULTILINE):
        for name in re.findall(r"\.([\w-]+)", names):
            if any(re.search(rf"(^|; ?| ){rule}:", style) for rule in ONLY_ON_CELLS):
                assert tags[name] == "td", names
            if "max-width" in style:
                assert tags[name] == "table", names
    for word in ("flex", "grid", "position:", "float:", "<!--", " rem", "em;"):
        assert word not in page
    assert all('role="presentation"' in tag for tag in re.findall(r"<table[^>]*>", page))


def test_letterhead_names_those_who_sign_or_who_sends(tmp_path: Path) -> None:
    one, of_norway = 'name = { en = "A & B" }', 'name = { en = "C" }\ncountry = "NO"'
    two = f"[[organisation]]\n{one}\n[[organisation]]\n{of_norway}\n"
    assert ">C · A &amp; B</td>" in written(tmp_path / "a", "x", toml=two).html
    assert ">Example Coalition</td>" in written(tmp_path / "b", "x").html


def test_preview_is_hidden_and_may_be_missing(tmp_path: Path) -> None:
    appeal = load_appeal(
        folder(tmp_path, en="Subject: S\nPreview: For {{ name }} & you\n\n{{ greeting }}\n"),
        "appeal",
    )
    rendered = renderer(appeal).render(person(name="<A>"), "en")
    assert rendered.preview == "For <A> & you"
    assert 'aria-hidden="true" style="display: none' in rendered.html
    assert ">For &lt;A&gt; &amp; you</div>" in rendered.html
    assert 'class="preview"' not in written(tmp_path, "x").html


def test_footer_says_who_why_and_how_to_object(tmp_path: Path) -> None:
    footer = written(tmp_path, "x").text.partition("\n-- \n")[2]
    for words in (
        "Example Coalition, 1 Example Street",
        "of Norway",
        "appeals@rights.example",
        "“stop”",
        "published sources",
    ):
        assert words in footer


def test_footer_in_another_language_says_which(tmp_path: Path) -> None:
    appeal = load_appeal(folder(tmp_path, es=letter("Hola")), "appeal")
    rendered = renderer(appeal).render(person(), "es")
    assert '<html lang="es">' in rendered.html
    assert re.search(r'<footer lang="en"', rendered.html)
    assert "of Norway" in rendered.text


def test_session_and_organisations_come_from_the_appeal(tmp_path: Path) -> None:
    body = "{{ session.name }}, {{ session.opens }}\n\n{{ organisations }}"
    rendered = written(tmp_path, body, toml=SESSION)
    assert text_of(rendered) == "the January session, 25 January 2027\n\nA *bold* Org"
    assert "<p>A *bold* Org</p>" in main_of(rendered)


@pytest.mark.parametrize(
    ("language", "first", "other"),
    [
        ("en", "1 March 2027", "25 January 2027"),
        ("fr", "1er mars 2027", "25 janvier 2027"),
        ("de", "1. März 2027", "25. Januar 2027"),
        ("it", "1º marzo 2027", "25 gennaio 2027"),
        ("es", "1 de marzo de 2027", "25 de enero de 2027"),
        ("pl", "1 marca 2027", "25 stycznia 2027"),
        ("tr", "1 Mart 2027", "25 Ocak 2027"),
        ("uk", "1 березня 2027 року", "25 січня 2027 року"),
        ("pt", "1 de março de 2027", "25 de janeiro de 2027"),
        ("xx", "2027-03-01", "2027-01-25"),
    ],
)
def test_date_is_written_out_in_the_language(language: str, first: str, other: str) -> None:
    assert written_date(date(2027, 3, 1), language) == first
    assert written_date(date(2027, 1, 25), language) == other


def test_role_is_a_code_to_ask_and_a_word_to_print(tmp_path: Path) -> None:
    toml = '[languages]\nfallback = ["en"]\n'
    text = letter('{% if role == "substitute" %}S{% endif %} {{ role }}')
    appeal = load_appeal(folder(tmp_path, en=text, fr=text, toml=toml), "appeal")
    contact = person(role="substitute")
    assert text_of(renderer(appeal).render(contact, "fr")) == "S membre suppléant"
    assert text_of(renderer(appeal).render(contact, "en")) == "S substitute"


def test_role_without_a_word_for_everybody_is_a_problem(tmp_path: Path) -> None:
    (only,) = checked(tmp_path, fr=letter("{{ role }}"))
    assert (only.code, only.message) == ("L303", 'this language has no one word for "chair"')


# -------------------------------------------------------------------------- what letters cannot say


BAD = [
    # body, code, line within the body (which begins at line 3 of the file), column, words of the
    # message or hint
    ("Dear {{ nmae }},", "L203", 3, "9", 'did you mean "name"?'),
    ("Dear {{ memeber.name }},", "L203", 3, "9", "no parts"),
    ("{{ name.surname }}", "L203", 3, "4", "write name alone"),
    ("a\n\n{{ session.opens }}", "L205", 5, "4", "no [session]"),
    ("{{ organisations }}", "L205", 3, "4", "no [[organisation]]"),
    ("{{ sender }}", "L203", 3, "4", "write sender.organisation"),
    ("{{ sender.organization }}", "L203", 3, "4", 'did you mean "sender.organisation"?'),
    ("{{ sender.password }}", "L203", 3, "4", "no such placeholder"),
    ("{{ extra }}", "L203", 3, "4", "heading of a column"),
    ('{{ extra["Commitee"] }}', "L203", 3, "11", 'did you mean extra["Committee"]?'),
    ("{% if comittee %}x{% endif %}", "L203", 3, "7", 'did you mean "committee"?'),
    ("{% if false %}{{ never_seen }}{% endif %}", "L203", 3, "18", "no such placeholder"),
    ("Dear {{ name,\n{{ surname }}", "L201", 3, "6", "never closed"),
    ("a\n  {% if name", "L201", 4, "3", "never closed"),
    ("{{ }}", "L201", 3, "1", "written wrongly"),
    ("{% if name %}x", "L201", 3, "1", "has no end"),
    ("{% if name %}{% if title %}x{% endif %}", "L201", 3, "1", "has no end"),
    ("a\nb {% endif %}", "L201", 4, "3", "written wrongly"),
    ("{% fi name %}", "L201", 3, "1", "written wrongly"),
    ("{% else %}", "L201", 3, "1", "written wrongly"),
    ("{{ name surname }}", "L201", 3, "1", "written wrongly"),
    ("{{ name | }}", "L201", 3, "1", "written wrongly"),
    ("{% if role = 'chair' %}x{% endif %}", "L201", 3, "12", "write two"),
    ("a {% if role == “chair” %}x{% endif %}", "L201", 3, "17", "quotes must be straight"),
    ("{{ extra[„Committee“] }}", "L201", 3, "10", "quotes must be straight"),
    ("{{ name|uper }}", "L204", 3, "9", "there is no such filter"),
    ("{{ name|center(50000000) }}", "L204", 3, "9", "there is no such filter"),
    ("{{ name|safe }}", "L204", 3, "9", "there is no such filter"),
    ("{{ name|attr('x') }}", "L204", 3, "9", "there is no such filter"),
    ("{% if name is odd %}x{% endif %}", "L204", 3, "15", "there is no such test"),
    ("{{ role|upper }}", "L204", 3, "4", "no filter can stand"),
    ("{{ 'x' * 50000000 }}", "L202", 3, None, "cannot calculate"),
    ("{{ 9**9**6 }}", "L202", 3, None, "cannot calculate"),
    ("{{ 1 + 1 }}", "L202", 3, None, "cannot calculate"),
    ("{{ -1 }}", "L202", 3, None, "cannot calculate"),
    ("{{ name ~ surname }}", "L202", 3, None, "joins nothing"),
    ("{% for i in range(100001) %}x{% endfor %}", "L202", 3, None, "cannot repeat"),
    (
        "{% for a in name %}{% for b in name %}x{% endfor %}{% endfor %}",
        "L202",
        3,
        None,
        "cannot repeat",
    ),
    ("{{ range(10) }}", "L202", 3, None, "cannot call"),
    ("{{ lipsum() }}", "L202", 3, None, "cannot call"),
    ("{{ cycler.__init__.__globals__ }}", "L202", 3, None, "cannot use"),
    ("{{ ''.__class__.__mro__ }}", "L202", 3, None, "cannot use"),
    ("{{ name.__class__ }}", "L203", 3, "4", "no parts"),
    ("{{ self }}", "L203", 3, "4", "no such placeholder"),
    ("{{ name[0] }}", "L203", 3, None, "no parts"),
    ("{{ name.upper() }}", "L202", 3, None, "cannot call"),
    ("{% set x = 1 %}", "L202", 3, None, "cannot use"),
    ("{% set x %}a{% endset %}", "L202", 3, None, "cannot use"),
    ("{% include '../../config.toml' %}", "L202", 3, None, "one file"),
    ("{% import 'x' as y %}", "L202", 3, None, "one file"),
    ("{% from 'x' import y %}", "L202", 3, None, "one file"),
    ("{% extends 'x' %}", "L202", 3, None, "one file"),
    ("{% macro m() %}x{% endmacro %}", "L202", 3, None, "cannot use"),
    ("{% filter upper %}x{% endfilter %}", "L202", 3, None, "cannot use"),
    ("{% with a = 1 %}x{% endwith %}", "L202", 3, None, "cannot use"),
    ("{% block b %}x{% endblock %}", "L202", 3, None, "cannot use"),
    ("{% raw %}{{ x }}{% endraw %}{{ y }}", "L203", 3, None, "no such placeholder"),
    ("{% raw %}{{ name }}{% endraw %}", "L202", 3, "1", "within another"),
    ("{% if name == '%}' %}x{% endif %}", "L202", 3, "1", "within another"),
    ("{% if name == '%}' %}{{ nobody }}{% endif %}", "L203", 3, None, "no such placeholder"),
    ("{{ name" + " " * 1000 + "}}", "L202", 3, "1", "too long"),
    ("{{ " + "(" * 3000 + "name" + ")" * 3000 + " }}", "L202", 3, None, "nested too deeply"),
    ("{{ " + "9" * 5000 + " }}", "L202", 3, None, "number in it is too long"),
    ("{% if a %}" * 200 + "{% endif %}" * 200, "L203", 3, "7", "no such placeholder"),
    ("{{ {'a': 1} }}", "L202", 3, None, "cannot use"),
    ("text <b>bold</b>", "L221", 3, "6", "HTML"),
    ("a\n\n<div>\nx\n</div>", "L221", 5, "1", "HTML"),
    ("<!-- comment -->", "L221", 3, "1", "HTML"),
    ("<script>alert(1)</script>", "L221", 3, "1", "HTML"),
    ("a\nb <img src=x onerror=y>", "L221", 4, "3", "HTML"),
    ("{% if name %}<b>{% endif %}", "L221", 3, "14", "HTML"),
    ("![pixel](https://a.example/p.png)", "L222", 3, None, "picture"),
    ("![x](files/../../p.png)", "L222", 3, None, "picture"),
    ("![x](/p.png)", "L222", 3, None, "picture"),
    ("![x](files/p.svg)", "L222", 3, None, "picture"),
    ("![x](files/{{ name }}.png)", "L222", 3, None, "picture"),
    ("![x](data:image/png;base64,AAAA)", "L222", 3, None, "picture"),
    ("![x](files/not-there.png)", "L171", None, None, "it is not there"),
    ("[x](javascript:alert(1))", "L220", 3, "5", "https://"),
    ("[x](JaVaScRiPt:alert(1))", "L220", 3, "5", "https://"),
    ("[x](data:text/html;base64,AAAA)", "L220", 3, "5", "https://"),
    ("[x](http://a.example)", "L220", 3, "5", "https://"),
    ("[x](www.a.example)", "L220", 3, "5", "https://"),
    ("[x](#top)", "L220", 3, "5", "https://"),
    ("[x](//a.example)", "L220", 3, "5", "https://"),
    ("[x](https://user:pw@a.example)", "L220", 3, "5", "https://"),
    ("[x](https://localhost)", "L220", 3, "5", "https://"),
    ("[x](https://{{ name }}.example/)", "L220", 3, None, "https://"),
    ("[x]({{ name }}.example)", "L220", 3, None, "https://"),
    ("[x](mailto:nobody)", "L220", 3, "5", "https://"),
    ("[x](file:///etc/passwd)", "L220", 3, None, "https://"),
    ("<ftp://a.example>", "L220", 3, "2", "https://"),
]


@pytest.mark.parametrize(("body", "code", "line", "column", "words"), BAD)
def test_bad_letter_gets_line_column_and_a_sentence(
    tmp_path: Path, body: str, code: str, line: int | None, column: str | None, words: str
) -> None:
    problem = checked(tmp_path, ["Committee"], en=f"Subject: S\n\n{body}\n\n{{{{ greeting }}}}\n")[
        0
    ]
    file = "templates/appeal/files/not-there.png" if code == "L171" else "templates/appeal/en.md"
    assert (problem.code, problem.file, problem.row) == (code, file, line)
    assert column is None or problem.column == column
    assert words in str(problem)


LONG = 1_500
BOMBS = {
    "brackets": "[" * LONG,
    "pictures": "![" * LONG,
    "links": "[a](" * LONG,
    "emphasis": "**a *b " * (LONG // 4),
    "backticks": "".join("`" * count + "a" for count in range(200)),
    "quotes": "> " * LONG,
    "lists": "".join(" " * count + "- a\n" for count in range(200)),
    "tables": "|a" * LONG + "\n" + "|-" * LONG,
    "entities": "&" * LONG,
    "opened": "{{" * LONG,
    "raw": "{% raw %}" + "{{" * LONG + "{% endraw %}",
    "ifs": "{% if name %}" * 300 + "x" + "{% endif %}" * 300,
    "elifs": "{% if name %}" + "{% elif name %}x" * 5000 + "{% endif %}",
    "brackets in a placeholder": "{{ " + "(" * LONG + "name" + ")" * LONG + " }}",
    "not": "{% if " + "not " * LONG + "name %}x{% endif %}",
    "or": "{% if name" + " or name" * 5000 + " %}x{% endif %}",
    "filters": "{{ name" + "|upper" * 5000 + " }}",
    "figures": "{{ " + "9" * LONG + " }}",
    "placeholders": "{{ name }}" * 5000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_hostile_letter_ends_in_words(tmp_path: Path, name: str) -> None:
    """No letter can use up time or memory, or end in a traceback: it is written, or refused with
    its file.
    """
    found = checked(tmp_path, en=letter(BOMBS[name]))
    assert all(problem.file == "templates/appeal/en.md" for problem in found)


@pytest.mark.parametrize("bomb", ["[", "![", "[a](", "&", "[[a]"])
def test_text_that_takes_too_long_to_read_is_refused(tmp_path: Path, bomb: str) -> None:
    only = checked(tmp_path, en=letter("x\n\n" + bomb * (40_000 // len(bomb))))[0]
    assert (only.code, only.file) == ("L226", "templates/appeal/en.md")
    assert "simpler Markdown" in str(only.suggestion)


def test_table_of_a_hundred_columns_is_refused(tmp_path: Path) -> None:
    (only,) = checked(
        tmp_path, en=letter("x\n\n" + "|a" * 100 + "\n" + "|-" * 100 + "\n" + "x\n" * 10_000)
    )
    assert (only.code, only.row) == ("L226", 7)


def test_long_letter_is_only_noted(tmp_path: Path) -> None:
    """Ten pages: lists, links, a table; only its length is noted."""
    part = (
        "Some *words* and [a link](https://a.example/x), as people write.\n\n- one\n- two\n\n| a |"
        " b |\n|---|---|\n| 1 | 2 |\n\n"
    )
    assert [problem.code for problem in checked(tmp_path, en=letter(part * 200))] == ["L235"]


def test_all_problems_of_a_letter_are_told_at_once(tmp_path: Path) -> None:
    found = checked(
        tmp_path,
        en=letter("{{ nmae }} {{ sessoin.name }}\n\n<b> [x](http://a.example)", "XXX {{ foo }}"),
    )
    assert [(problem.code, problem.row) for problem in found] == [
        ("L203", 1), ("L203", 5), ("L203", 5), ("L221", 7), ("L220", 7), ("L232", 1), ("L238", 1),
    ]  # fmt: skip


def test_nobody_is_written_to_without_a_greeting(tmp_path: Path) -> None:
    (only,) = checked(tmp_path, en="Subject: S\n\nHello\n")
    assert (only.code, only.row) == ("L210", 3)
    found = checked(
        tmp_path, en='Subject: S\n\n{% if role == "chair" %}{{ greeting }}{% endif %} x\n'
    )
    assert {problem.code for problem in found} == {"L210"}


@pytest.mark.parametrize(
    "greeting", ["{{ greeting|upper }}", "{% if role == 'chair' %}{{ greeting }}{% endif %} x"]
)
def test_letter_that_does_not_greet_this_person_is_refused(tmp_path: Path, greeting: str) -> None:
    appeal = load_appeal(folder(tmp_path, en=f"Subject: S\n\n{greeting}\n"), "appeal")
    with pytest.raises(MailerError, match="the letter to Anna Berg does not greet them") as caught:
        renderer(appeal).render(person(), "en")
    assert caught.value.problems[0].row == 3


def test_form_that_a_language_does_not_have_is_refused(tmp_path: Path) -> None:
    (only,) = checked(tmp_path, es=letter("{{ of_delegation }}"))
    assert only.code == "L205"


def test_english_name_of_a_delegation_in_a_spanish_letter_is_a_warning(tmp_path: Path) -> None:
    (only,) = checked(tmp_path, es=letter("{{ delegation }}"))
    assert (only.code, only.severity) == ("L212", "warning")


@pytest.mark.parametrize(
    ("code", "german", "italian"),
    [
        ("CH", "der Schweiz", "della Svizzera"),
        ("CZ", "der Tschechischen Republik", "della Repubblica ceca"),
        ("GB", "des Vereinigten Königreichs", "del Regno Unito"),
        ("MT", "Maltas", "di Malta"),
        ("NL", "der Niederlande", "dei Paesi Bassi"),
        ("SM", "San Marinos", "di San Marino"),
        ("TR", "der Türkei", "della Turchia"),
        ("UA", "der Ukraine", "dell'Ucraina"),
    ],
)
def test_delegation_has_its_form_in_german_and_italian(
    code: str, german: str, italian: str
) -> None:
    assert [
        (delegation_words(code, language, DELEGATIONS) or ("", ""))[1] for language in ("de", "it")
    ] == [
        german,
        italian,
    ]


def test_every_delegation_has_a_name_in_four_languages() -> None:
    for delegation in DELEGATIONS:
        for language in ("en", "fr", "de", "it"):
            name, of = delegation_words(delegation.code, language, DELEGATIONS) or ("", "")
            assert name
            assert of
            if language == "it":
                begins = of.removesuffix(name)
                elided = begins in ("dell'", "d'")
                assert begins in ("di ", "del ", "della ", "dei ", "dell'"), of
                assert not (elided and name[0] not in "AEIOU"), of


@pytest.mark.parametrize(
    ("subject", "code", "said"),
    [
        ("x" * 151, "L231", "the subject has 151 characters"),
        ("{% if role == 'chair' %}x{% endif %}", "L231", "the subject is empty"),
        ("TEST, please ignore", "L232", "draft"),
        ("Lorem ipsum", "L232", "draft"),
        ("Hello {{ nmae }}", "L203", 'did you mean "name"?'),
    ],
)
def test_bad_subject_is_refused(tmp_path: Path, subject: str, code: str, said: str) -> None:
    problem = checked(tmp_path, en=letter("x", subject))[0]
    assert (problem.code, problem.row) == (code, 1)
    assert said in str(problem)


@pytest.mark.parametrize(
    ("subject", "body", "code", "severity"),
    [
        ("VOTE TODAY for RIGHTS", "x", "L233", "warning"),
        ("Please vote!!", "x", "L233", "warning"),
        ("Vote! Today!", "x", "L233", "warning"),
        ("x" * 91, "x", "L234", "note"),
        ("Hello", "word " * 1001, "L235", "warning"),
    ],
)
def test_style_that_is_not_read_is_noted(
    tmp_path: Path, subject: str, body: str, code: str, severity: str
) -> None:
    (only,) = checked(tmp_path, en=letter(body, subject))
    assert (only.code, only.severity) == (code, severity)


@pytest.mark.parametrize(
    "subject", ["NATO and PACE: please vote", "Please vote!", "COP29", "Why now?"]
)
def test_ordinary_subject_passes(tmp_path: Path, subject: str) -> None:
    assert checked(tmp_path, en=letter("x", subject)) == []


def test_subject_that_a_long_name_makes_too_long_names_the_person(tmp_path: Path) -> None:
    problem = refused(tmp_path, "x", person(name="N" * 160), subject="S {{ name }}")
    assert (problem.code, problem.file, problem.row) == ("L305", "contacts/nordic.csv", 7)
    assert "templates/appeal/en.md" in str(problem.suggestion)


def test_letter_for_a_language_without_forms_of_address_is_a_problem(tmp_path: Path) -> None:
    (only,) = checked(tmp_path, pt=letter("x"))
    assert (only.code, only.file) == ("L304", "templates/appeal/pt.md")


def test_every_word_that_is_listed_works(tmp_path: Path) -> None:
    # Credentials are only asked for: they are no word to print.
    asked = 'for {% if session.credentials == "unknown" %}either case{% endif %}'
    printed = (word.name for word in WORDS if word.name not in ("greeting", "session.credentials"))
    body = "\n\n".join([asked, *(f"{{{{ {name} }}}}" for name in printed)])
    contact = person(title="Dr", group="SOC", extra={"Committee": "Monitoring"})
    more = {
        "toml": SESSION,
        "facts": FACTS,
        "_shared/signature.en.md": "Jana",
        "for/NO.en": "For Norway",
    }
    appeal = load_appeal(folder(tmp_path, en=letter(body, "Hello"), **more), "appeal")
    privacy = Privacy(basis="public interest", authority="the CNIL", keep_days=90)
    said = SENDER.model_copy(update={"privacy": privacy})
    text = ready(appeal, said, DELEGATIONS, FORMS, contact.extra).render(contact, "en").text
    there = ("Monitoring", "Resolution 2527 (2024)", "Jana", "For Norway", "for either case")
    assert all(words in text for words in there)


# ---------------------------------------------------- what this member can do, in each of the cases

CASES = {
    (
        "presented",
        "representative",
        "",
        "",
    ): "please be there, and at the vote. | designates a substitute",
    ("presented", "substitute", "", ""): "you vote where your delegation designates you",
    (
        "presented",
        "chair",
        "",
        "",
    ): "As chair, please see that your delegation designates substitutes",
    (
        "presented",
        "representative",
        "Monitoring",
        "",
    ): "please see that the report names benchmarks",
    ("presented", "representative", "Rules", ""): "please be at its meeting",
    ("none", "representative", "", ""): "Please speak in the debate | ask a colleague",
    ("none", "substitute", "", ""): "that you are available for the debate",
    ("none", "chair", "", ""): "somebody of your delegation speaks",
    ("none", "chair", "Monitoring", ""): "its report names benchmarks",
    ("none", "chair", "Rules", ""): "please support the motion",
    (
        "unknown",
        "representative",
        "",
        "for",
    ): "If Azerbaijan presents | If it presents none | please stand by it",
    ("unknown", "substitute", "", "against"): "you voted against",
    ("unknown", "chair", "", "abstained"): "you abstained",
    ("unknown", "substitute", "Monitoring", "against"): "In the Monitoring Committee",
    ("unknown", "substitute", "Rules", "against"): "In the Committee on Rules",
}


@pytest.mark.parametrize(("case", "says"), CASES.items())
def test_letter_says_what_this_member_can_do(case: tuple[str, str, str, str], says: str) -> None:
    credentials, role, committee, vote = case
    appeal = load_appeal(ROOT, "azerbaijan-credentials")
    assert appeal.session
    appeal = replace(appeal, session=replace(appeal.session, credentials=credentials))
    member = person(role=role, extra={"Committee": committee, "Vote 2024": vote})
    text = renderer(appeal, COLUMNS).render(member, "en").text
    assert [words for words in says.split(" | ") if words not in text] == []
    other = {"presented": "none", "none": "presented"}.get(credentials)
    others = {
        words for case, them in CASES.items() for words in them.split(" | ") if case[0] == other
    }
    assert [words for words in others if words in text] == []
    prose = re.sub(r"https://\S+|\[[^]]*\]", "", text.partition("Yours sincerely")[0])
    assert len(re.findall(r"\w[\w’'-]*", prose)) <= 420


@pytest.mark.parametrize("credentials", ["presented", "none", "unknown"])
@pytest.mark.parametrize("language", ["en", "fr", "de", "it"])
def test_every_case_is_whole_in_every_language(language: str, credentials: str) -> None:
    appeal = load_appeal(ROOT, "azerbaijan-credentials")
    assert appeal.session
    letters = renderer(
        replace(appeal, session=replace(appeal.session, credentials=credentials)), COLUMNS
    )
    said = set()
    for role in ("representative", "substitute", "chair"):
        for committee in ("", "Monitoring", "Rules"):
            for vote in ("", "for", "against", "abstained"):
                member = person(role=role, extra={"Committee": committee, "Vote 2024": vote})
                rendered = letters.render(member, language)
                assert not re.search(
                    r"  |\n\n\n| [.,]|\{|\}", text_of(rendered).replace(" - ", "")
                ), text_of(rendered)
                said.add(text_of(rendered))
    assert len(said) == 36


def test_case_that_is_none_is_refused_at_its_line(tmp_path: Path) -> None:
    toml = SESSION.replace("opens =", 'credentials = "presnted"\nopens =')
    (problem,) = checked(tmp_path, en=letter("Hello."), toml=toml)
    assert (problem.code, problem.row) == ("L123", 3)
    assert all(word in problem.message for word in ("presented", "none", "unknown"))


def test_other_cases_are_tried_too_when_an_appeal_is_checked(tmp_path: Path) -> None:
    body = 'Hello. {% if session.credentials == "none" %}{{ session.credentials }}{% endif %}'
    (problem,) = checked(tmp_path, en=letter(body), toml=SESSION)
    assert problem.message == 'this language has no one word for "none"'


# ----------------------------------------------------------------- facts, paragraphs, shared pieces

FACTS = """
[res2527]
value = { en = "Resolution 2527 (2024)", fr = "Résolution 2527 (2024)" }
source = "https://pace.coe.int/en/files/33333/html"
date = 2024-01-24

[vote]
value = { en = "76 votes to 10" }
source = "the same"
date = 2024-01-24
"""


DAY = """
[day]
value = { en = "24 January 2024" }
source = "the same"
date = 2024-01-24
"""


def test_fact_is_put_in_in_the_language_of_the_letter(tmp_path: Path) -> None:
    files = {
        "en": letter("See {{ fact.res2527 }}."),
        "fr": letter("Voir {{ fact.res2527 }}."),
        "facts": FACTS,
    }
    letters = renderer(load_appeal(folder(tmp_path, **files), "appeal"))
    assert text_of(letters.render(person(), "fr")) == "Voir Résolution 2527 (2024)."


def test_facts_of_the_workspace_serve_every_appeal(tmp_path: Path) -> None:
    assert (
        text_of(written(tmp_path, "{{ fact.vote }}", **{"_shared/facts.toml": FACTS}))
        == "76 votes to 10"
    )


@pytest.mark.parametrize(
    ("facts", "body", "code", "row", "said"),
    [
        (FACTS, "{{ fact.res2528 }}", "L203", 5, 'did you mean "fact.res2527"?'),
        ("", "{{ fact.vote }}", "L205", 5, "there is no facts.toml"),
        (FACTS.replace('source = "the same"\n', ""), "x", "L151", 7, "vote.source: is missing"),
        (FACTS.replace('"the same"', '""'), "x", "L151", 9, "vote.source: must not be empty"),
        (FACTS.replace("[vote]", "[Vote!]"), "x", "L121", 7, "cannot be read"),
        (FACTS.replace("[vote]", "[VOTE]"), "x", "L151", 7, "a fact cannot be called so"),
        (FACTS.replace("source", "sauce"), "x", "L151", 2, "res2527.source: is missing"),
        (FACTS, "by 79 votes to 10", "L153", 5, "this contradicts the fact vote"),
        (
            FACTS + DAY,
            "on 25 January 2024",
            "L153",
            5,
            "no fact has this day, and day has one of the same month",
        ),
        (
            FACTS,
            "in Resolution 2572 (2024)",
            "L153",
            5,
            "write {{ fact.res2527 }}, which is: Resolution 2527 (2024)",
        ),
    ],
)
def test_what_is_wrong_with_facts_is_said_with_its_line(
    tmp_path: Path, facts: str, body: str, code: str, row: int, said: str
) -> None:
    problem = checked(tmp_path, en=letter(body), facts=facts)[0]
    assert (problem.code, problem.row) == (code, row)
    assert said in str(problem)


def test_fact_that_is_not_worded_in_the_language_is_a_problem(tmp_path: Path) -> None:
    (only,) = checked(tmp_path, fr=letter("{{ fact.vote }}"), facts=FACTS)
    assert (only.code, only.row, only.value) == ("L152", 5, "vote")


def test_fact_that_is_typed_right_is_no_problem(tmp_path: Path) -> None:
    typed = letter(
        "by 76 votes\nto 10, in Resolution 2527 (2024), on 24 January 2024, not on 3 May 2024"
    )
    assert checked(tmp_path, en=typed, facts=FACTS + DAY) == []


def test_contradiction_is_found_in_subject_and_paragraph_too(tmp_path: Path) -> None:
    files: dict[str, str] = {
        "en": letter("{{ for_delegation }}", "By 79 votes to 10"),
        "for/NO.en": "By 78 votes to 10.",
    }
    found = checked(tmp_path, facts=FACTS, **files)
    assert [
        (problem.code, problem.file, problem.row, problem.value)
        for problem in found
        if problem.code != "L154"
    ] == [
        ("L153", "templates/appeal/en.md", 1, "79 votes to 10"),
        ("L153", "templates/appeal/for/NO.en.md", 1, "78 votes to 10"),
    ]


@pytest.mark.parametrize(
    "note", ["Write here what you ask for.", "Écrivez ici pourquoi.", "TODO", "Lorem ipsum dolor"]
)
def test_sentence_that_waits_to_be_written_is_a_warning(tmp_path: Path, note: str) -> None:
    (only,) = checked(tmp_path, en=letter(f"Please vote. {note}"))
    assert (only.code, only.severity, only.row, only.column) == ("L238", "warning", 5, "14")


def test_paragraph_is_for_one_delegation_only(tmp_path: Path) -> None:
    body = "Hello.\n\n{{ for_delegation }}\n\nGoodbye."
    files = {
        "en": letter(body),
        "for/NO.en": "Norway, *dear* {{ given }}:\n\n- one\n",
        "for/FR.fr": "x",
    }
    files["fr"] = letter("{{ for_delegation }}")
    letters = renderer(load_appeal(folder(tmp_path, **files), "appeal"))
    assert (
        text_of(letters.render(person(), "en"))
        == "Hello.\n\nNorway, dear Anna:\n\n- one\n\nGoodbye."
    )
    assert text_of(letters.render(person(delegation="FR"), "en")) == "Hello.\n\nGoodbye."


def test_paragraph_that_would_stand_in_no_letter_is_a_problem(tmp_path: Path) -> None:
    (only,) = checked(tmp_path, en=letter("x"), **{"for/NO.en": "Norway"})
    assert (only.code, only.file) == ("L211", "templates/appeal/for/NO.en.md")


@pytest.mark.parametrize(
    "name", ["for/XX.en", "for/NO", "for/no.en", "_shared/foter.en.md", "_shared/signature.md"]
)
def test_piece_that_is_not_called_as_it_must_be_is_a_problem(tmp_path: Path, name: str) -> None:
    (only,) = checked(tmp_path, en=letter("x"), **{name: "x"})
    assert only.code == "L103"


def test_mistake_in_a_paragraph_is_said_with_its_line(tmp_path: Path) -> None:
    (only,) = checked(
        tmp_path, en=letter("{{ for_delegation }}"), **{"for/NO.en": "a\n\n{{ nmae }}"}
    )
    assert (only.file, only.row) == ("templates/appeal/for/NO.en.md", 3)


def test_workspace_has_its_own_footer_and_signature(tmp_path: Path) -> None:
    more = {
        "_shared/footer.en.md": "Only {{ sender.organisation }}.",
        "_shared/signature.en.md": "**Jana**\\\nOslo",
    }
    rendered = written(tmp_path, "{{ closing }}\n\n{{ signature }}", **more)
    assert rendered.text.endswith(
        "Yours sincerely,\n\nJana\nOslo\n\n-- \nOnly Example Coalition.\n"
    )
    assert "<strong" in rendered.html


PAGE = (
    "<html lang='{{ language }}'><title>{{ subject }}</title>{{ preview }}<body><main>{{ body"
    " }}</main>{{ footer }}</body></html>"
)


def test_workspace_has_its_own_page(tmp_path: Path) -> None:
    assert "<title>Hello</title>" in written(tmp_path, "x", **{"_shared/layout.html": PAGE}).html


@pytest.mark.parametrize(
    ("page", "value"),
    [
        (PAGE + "<img src='https://a.example/pixel.png'>", "src=https://a.example/pixel.png"),
        (PAGE + "<script>x</script>", "<script"),
        (
            PAGE + "<style>a { background: url(https://a.example) }</style>",
            "url(https://a.example)",
        ),
        (PAGE.replace("{{ footer }}", ""), "{{ footer }}"),
        (PAGE + "{{ x.y }}", PAGE + "{{ x.y }}"),
        (PAGE + "\n{{ 9**9**9 }}", "{{ 9**9**9 }}"),
        (PAGE + "\n{% for a in body %}x{% endfor %}", "{% for a in body %}x{% endfor %}"),
        (PAGE + "\n{{ body|center(50000000) }}", "{{ body|center(50000000) }}"),
        (PAGE + "{% if", ""),
        (PAGE + '<meta http-equiv="refresh" content="0">', "http-equiv=refresh"),
    ],
)
def test_page_that_fetches_or_lacks_something_is_refused(
    tmp_path: Path, page: str, value: str
) -> None:
    problem = checked(tmp_path, en=letter("x"), **{"_shared/layout.html": page})[0]
    assert (problem.code, problem.file, problem.value) == (
        "L161",
        "templates/_shared/layout.html",
        value[:60],
    )


def test_everything_that_readers_read_is_part_of_the_appeal(tmp_path: Path) -> None:
    more = {
        "_shared/footer.en.md": "f",
        "for/NO.en": "p",
        "facts": FACTS,
        "_shared/salutations.csv": "x",
    }
    appeal = load_appeal(folder(tmp_path, en=letter("{{ for_delegation }}"), **more), "appeal")
    assert set(appeal.files) == set(appeal.text) == {
        "templates/_shared/footer.en.md", "templates/_shared/salutations.csv",
        "templates/appeal/en.md", "templates/appeal/facts.toml", "templates/appeal/for/NO.en.md",
    }  # fmt: skip


@pytest.mark.parametrize(
    "mark", ["[[NAME]]", "%NAME%", "<<Name>>", "{NAME}", "*|FNAME|*", "[NAME]"]
)
def test_placeholder_of_another_program_is_told_at_its_column(tmp_path: Path, mark: str) -> None:
    found = checked(tmp_path, en=letter(f"Dear {mark}, hello"))
    seen = [(one.code, one.row, one.column, one.value) for one in found]
    assert ("L238", 5, "6", mark) in seen


def test_all_mistakes_of_all_parts_are_told_at_once(tmp_path: Path) -> None:
    """A placeholder that is never closed hides no mistake of another part, nor a question."""
    found = checked(
        tmp_path, en=letter("{{ nmae", "XXX"), fr=letter("{{ nmae }} <b>"), **{"for/NO.en": "<i>"}
    )
    assert {"L201", "L203", "L221", "L232"} <= {one.code for one in found}
    assert twins.summary(load_appeal(tmp_path, "appeal"))["en"]["parts"] == 2


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("BE", "la Belgique"),
        ("AL", "l’Albanie"),
        ("AD", "Andorre"),
        ("CY", "Chypre"),
        ("GB", "le Royaume-Uni"),
        ("NL", "les Pays-Bas"),
        ("MC", "Monaco"),
    ],
)
def test_delegation_has_its_article_in_french(tmp_path: Path, code: str, shown: str) -> None:
    name = DELEGATIONS.name(code, "fr")
    body = f'Nous saluons {{{{ delegation }}}}{{% if delegation == "{name}" %}} ici{{% endif %}}.'
    appeal = load_appeal(folder(tmp_path, fr=letter(body)), "appeal")
    rendered = renderer(appeal).render(person(delegation=code), "fr")
    assert f"Nous saluons {shown} ici." in rendered.text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "a task in the public interest (GDPR, Article 6); we keep them for 60 days"),
        ("fr", "une mission d’intérêt public (RGPD, article 6) ; nous les conservons 60 jours"),
        ("de", "eine Aufgabe im öffentlichen Interesse (DSGVO, Artikel 6)"),
        ("it", "un compito di interesse pubblico (GDPR, articolo 6)"),
    ],
)
def test_footer_says_why_how_long_and_where_to_complain(language: str, words: str) -> None:
    said = Privacy(basis="public interest", authority="CNIL, www.cnil.fr", keep_days=60)
    appeal = load_appeal(ROOT, "azerbaijan-credentials")
    sender = SENDER.model_copy(update={"privacy": said})
    letter = Renderer(appeal, sender, DELEGATIONS, FORMS, COLUMNS).render(person(), language)
    for text in (letter.text, re.sub(r"\s+", " ", letter.html)):
        footer = " ".join(html.unescape(text).split())
        assert words in footer
        assert "60" in footer
        assert "CNIL, www.cnil.fr" in footer


VOTED = re.findall(
    r"^    (\{% if vote_2024 .*)$",
    (ROOT / "docs" / "letters.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)


@pytest.mark.parametrize("lines", VOTED)
@pytest.mark.parametrize(
    ("cell", "thanked", "missed"),
    [("for", True, False), ("absent", False, True), ("abstained", False, False),
     ("against", False, False), ("", False, False)],
)  # fmt: skip
def test_lines_about_a_past_vote_say_what_is_proven_and_nothing_else(
    tmp_path: Path, lines: str, cell: str, *, thanked: bool, missed: bool
) -> None:
    contact = person(extra={"Vote 2024": cell})
    said = text_of(written(tmp_path, f"before {lines} after", contact))
    thanks, absent = re.findall(r"%\}([^{]+)\{%", lines)
    here = " ".join(said.split())
    assert (thanks in here, absent in here) == (thanked, missed)
    if not thanked and not missed:
        assert "before after" in here


def test_docs_have_the_lines_about_a_past_vote_in_every_language_of_the_shipped_appeal() -> None:
    languages = {path.stem for path in (ROOT / "templates" / "azerbaijan-credentials").glob("*.md")}
    assert len(VOTED) == len(languages) == 4


@pytest.mark.parametrize(
    ("language", "missed"),
    [
        ("en", "you did not take part in the vote: we hope to see you in the Chamber"),
        ("fr", "vous n’avez pas pris part au vote : nous espérons vous voir dans l’hémicycle"),
        ("de", "nahmen Sie an der Abstimmung nicht teil: Wir hoffen, Sie im Plenarsaal zu sehen"),
        ("it", "non ha preso parte al voto: speriamo di vederLa in aula"),
    ],
)
def test_shipped_appeal_says_of_a_past_vote_what_is_proven_of_this_very_person(
    language: str, missed: str
) -> None:
    appeal = load_appeal(ROOT, "azerbaijan-credentials")
    letters = {}
    for cell in ("for", "against", "abstained", "absent", ""):
        one = person(extra={"Committee": "", "Vote 2024": cell})
        text = renderer(appeal, COLUMNS).render(one, language).text
        letters[cell] = " ".join(text.replace("\u202f", " ").split())
    assert [cell for cell, text in letters.items() if missed in text] == ["absent"]
    assert len({*letters.values()}) == 5
    assert all(len(text) > len(letters[""]) for cell, text in letters.items() if cell)


def test_line_about_a_vote_that_no_sheet_knows_is_refused_by_name(tmp_path: Path) -> None:
    assert refused(tmp_path, VOTED[0], person()).code == "L203"
