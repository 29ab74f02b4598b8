"""Facts about what was typed: it arrives, in both bodies, or the letter is refused at its line."""

from __future__ import annotations

import random
import re
from html import unescape
from pathlib import Path

import pytest

from mailer.letters import markup
from mailer.letters.markup.arrives import lost
from mailer.letters.markup.dialect import MARKDOWN
from mailer.letters.wording.words import months
from tests.helpers.letters import checked, letter, written

PAGE = "<main>{{ body }}</main><footer>{{ footer }}</footer>"


def bodies(typed: str) -> tuple[str, str]:
    """Return the plain text and the HTML of a letter, without tags and what they hold."""
    frames = markup.frames(markup.Parts("en", "Subject", "", typed, "Footer", "en", PAGE))
    html = "".join(frames.html.pieces)
    text = "".join(frames.text.pieces)
    inside = html.partition("<main")[2].partition(">")[2].partition("</main>")[0]
    return text.partition("\n\n-- \n")[0], unescape(re.sub(r"<[^>]*>", "", inside)).strip()


@pytest.mark.parametrize(
    "typed",
    [
        "25. januar 2027 åpner sesjonen.\n\n28. januar 2027 stemmer De.",
        "1. Januar 2027 beginnt es.\n\n2. Februar 2027 endet es.",
        "2027. gada 25. janvārī sākas sesija.",
        "Read https://assembly.example/_files_/resolution_2527 now.",
        "_press_@rights.example and anna_b_@rights.example",
        "10*20*30 people, 5 * 3 * 2, /_files_/, __init__.py_x",
        "+ 5 % more",
        "+47 12 34 56 78",
        "- 5 °C at night and - 7 °C in the morning",
        "It fell to\n\n- 5 °C\n\nand - 7 °C in the morning.",
        "[1]: see the report",
        "[[NAME]] and AT&T, 5 < 7",
        "C:\\files\\report",
    ],
)
def test_what_looks_like_markdown_stays_as_it_was_typed(typed: str) -> None:
    assert bodies(typed) == (typed, typed.replace("\n\n", "\n"))


@pytest.mark.parametrize(
    ("typed", "text", "html"),
    [
        ("*a* **b** _c_ ***d***", "a b c d", "<em>a</em> <strong>b</strong> <em>c</em>"),
        ("l'*Avenir*, „*Titel*“ (*x*)", "l'Avenir, „Titel“ (x)", "l'<em>Avenir</em>"),
        ("**Ja**/**Nei**", "Ja/Nei", "<strong>Ja</strong>/<strong>Nei</strong>"),
        ("*Foo*-Bericht, the *Post*'s", "Foo-Bericht, the Post's", "<em>Foo</em>-Bericht"),
        ("[*a*](https://a.example)", "a (https://a.example)", "<em>a</em></a>"),
        ("**Jana**\\\nOslo", "Jana\nOslo", "<strong>Jana</strong><br>"),
        ("1. a\n2. b\n4. c", "1. a\n2. b\n4. c", '<li value="4">c</li>'),
        ("- 5 held\nin May\n- b", "- 5 held in May\n- b", "<ul>"),
        ("- 5 held\n\n- 6 freed", "- 5 held\n\n- 6 freed", "<ul>"),
        ("- held", "- held", "<ul>"),
        ("1. a\n1. b", "1. a\n1. b", '<li value="1">b</li>'),
        ("caf&eacute;&nbsp;x", "café\xa0x", "café"),
    ],
)
def test_markdown_that_is_meant_is_understood(typed: str, text: str, html: str) -> None:
    frames = markup.frames(markup.Parts("en", "S", "", typed, "F", "en"))
    assert bodies(typed)[0] == text
    assert html in re.sub(r' style="[^"]*"', "", "".join(frames.html.pieces))


@pytest.mark.parametrize(
    ("typed", "href"),
    [
        ("see https://a.example/_x_/y_z.", "https://a.example/_x_/y_z"),
        ("(https://a.example/b_(c))", "https://a.example/b_(c)"),
        ("*https://a.example/b*", "https://a.example/b"),
        ("_https://a.example/b_", "https://a.example/b"),
        ("https://a.example/?a=1&b=2&copy=3", "https://a.example/?a=1&amp;b=2&amp;copy=3"),
        ("https://a.example/b\\_c", "https://a.example/b_c"),
        ("https://møte.example/ø", "https://xn--mte-0na.example/%C3%B8"),
        ("write to anna@a.example.", "mailto:anna@a.example"),
    ],
)
def test_address_that_is_typed_can_be_clicked(typed: str, href: str) -> None:
    html = "".join(markup.frames(markup.Parts("en", "S", "", typed, "F", "en")).html.pieces)
    assert f'href="{href}"' in html


def test_address_in_the_words_of_a_link_is_no_second_link() -> None:
    html = MARKDOWN.render("[https://a.example](https://b.example)", {"work": 0})
    assert html.count("<a ") == 1


MONTHS = [month for language in ("no", "de", "fr", "cs", "en", "nl") for month in months(language)]
PUNCTUATION = ["", ".", ",", ";", "!", "?", " –", " —", "»", ")", '"', "”"]
AROUND = [("", ""), ("*", "*"), ("**", "**"), ("(", ")"), ("„", "“"), ("«", "»"), ("_", "_")]


def piece(dice: random.Random) -> str:
    """Make up one thing that people type: a word, a figure, a date, an address."""
    number = dice.randrange(1, 32)
    word = "".join(dice.choices("abcdefgæøåéßλж", k=dice.randrange(1, 9)))
    joint = dice.choice("_*-/.+'’%&=")
    return dice.choice(
        [
            word,
            f"{number}. {dice.choice(MONTHS)} {dice.randrange(1990, 2040)}",
            f"{number}{dice.choice(['.', ')', ':', ' %', ' €', '*', ''])}",
            f"{number}*{number + 1}*{number + 2}",
            f"{number},{number:02} {dice.choice(['€', '%', 'USD'])}",
            f"-{number} °C",
            f"+{number} {number}{number}",
            f"https://{word.encode('idna').decode() or 'a'}.example/_{word}_/{word}_{number}",
            f"https://a.example/?{word}={number}&b=*{number}*",
            f"_team{number}_@rights.example",
            f"{word}_{word}@rights.example",
            f"{word}{joint}{word}{joint}{number}",
            f"/_{word}_/",
            f"# {number}",
            f"[{number}]",
            f"§ {number} Abs. {number}",
        ]
    )


def marked(dice: random.Random) -> str:
    before, after = dice.choice(AROUND) if dice.random() < 0.2 else ("", "")
    return f"{before}{piece(dice)}{after}{dice.choice(PUNCTUATION)}"


FIGURES = re.compile(r"\d+")


def test_2000_random_letters_arrive_or_are_refused() -> None:
    """Every figure, date and address of a letter stands in both bodies; nearly none is refused."""
    dice = random.Random(13)
    refused = 0
    for _ in range(2000):
        lines = [" ".join(marked(dice) for _ in range(dice.randrange(1, 9))) for _ in range(4)]
        typed = dice.choice(["\n\n", "\n"]).join(lines)
        try:
            text, html = bodies(typed)
        except markup.Unprintable:
            refused += 1
            continue
        want = FIGURES.findall(typed)
        assert FIGURES.findall(text) == want, typed
        found = FIGURES.findall(html)
        rest = iter(found)  # the numbers of a list are no text: a browser writes them
        assert all(figure in rest for figure in found)
        for address in re.findall(r"(?:https://|_team)\S*?(?=[*_.,;!?»)\"”“]*(?:\s|$))", typed):
            assert address in text, typed
            assert address in html, typed
    assert refused < 40


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("26. januar", "<ol start=25><li>januar</li><li>januar</li></ol>"),
        ("x", "<p>25. januar 28. januar</p>"),
        ("25. januar 28. januar", "<p>28. januar 25. januar</p>"),
    ],
)
def test_net_sees_what_a_body_lacks(text: str, html: str) -> None:
    assert lost("25. januar\n\n28. januar", text, html) is not None


@pytest.mark.parametrize(
    ("typed", "value", "row"),
    [
        ("All is well.\n\nl`Europe et d`Azerbaïdjan", "l`Europe", 7),
        ("```secret\nx\n```", "secret", 5),
        ('[x](https://a.example "said nowhere")', "said", 5),
        ("a | b\n--|--\n1 | 2 | 3", "3", 7),
    ],
)
def test_what_would_not_arrive_is_refused_at_its_line(
    tmp_path: Path, typed: str, value: str, row: int
) -> None:
    (only,) = checked(tmp_path, en=letter(typed))
    assert (only.code, only.row) == ("L227", row)
    assert value in only.value


@pytest.mark.parametrize("words", ["", " "])
def test_link_that_nobody_would_see_is_refused(tmp_path: Path, words: str) -> None:
    (only,) = checked(tmp_path, en=letter(f"a [{words}](https://a.example/b)"))
    assert (only.code, only.value) == ("L220", "https://a.example/b")


@pytest.mark.parametrize(
    "typed",
    [
        "The vote is on 27 January\n===\n\n12 500\n------\n\nx",
        "~5 people ~~gone~~ 10~20, 10^3 x^2^ H~2~O",
        "see[^1]\n\n[^1]: the note of 2024",
        "un*frigging*believable 5*6*7 a_b_c **5**00 and 5**0**0 **5.**6",
        "a | b\n\n76 | 10\n\n- [ ] do 5\n- [x] done 6",
        "1986. A great year.\n\n2027. Another.\n\n7) seven (1) one i. first",
        "#1 of 5\n\n##x\n\nTerm\n: definition 5",
        "... 5 ... (c) +-5 14:30 § 5 Abs. 2 5'' 5\u00a0000 €",
        "[a][b]\n\n[b]: https://a.example/x_y_",
        "+47 22 33 44 55\n+47 22 33 44 56\n-5 °C",
        "https://a.example/a,b;c?d=e&f=g#h_i_ www.a.example/5 first.last+tag@x.example",
    ],
)
def test_other_marks_of_markdown_take_nothing_away(typed: str) -> None:
    words = re.findall(r"[^\s|#=-]+", typed)
    text, html = bodies(typed)
    for body in (text, html):
        rest = iter(re.findall(r"[^\s|#=-]+", body))
        assert all(word in rest for word in words if word not in (":", "[", "]", "x]")), body


def test_numbers_of_a_letter_to_a_person_arrive(tmp_path: Path) -> None:
    rendered = written(tmp_path, "28. mars 2027 stemmer {{ name }}, 3*4*5.")
    assert "28. mars 2027 stemmer Anna Berg, 3*4*5." in rendered.text
    assert "28. mars 2027 stemmer Anna Berg, 3*4*5." in rendered.html
