"""Facts about the plain twin on the wire: lines that every program shows, and the same text for
those that join them again (RFC 3676).
"""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from mailer.letters.message.flowed import WIDTH, flowed, joined
from mailer.report.readable import parsed, text_of
from tests.helpers.letters import tidy
from tests.letters.test_mime import finished, words

PIECES = st.sampled_from(
    ["On 27 January 2027", " the Assembly", "  ", " ", ">", "> ", "> > ", "From ", "-- ", "--",
     "\n", "\n\n", "- an item of a list", "wort" * 30, " https://pace.example/_files_/1?a=b",
     " 12.5 %", "\u00a0", "ülke", ".", "    code  with blanks"]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=40).map("".join)


@given(TEXTS)
@example("> " + "a word and another " * 20)
@example("see " + "x" * 200 + " or " + "y" * 200)
def test_text_that_is_joined_again_is_the_text(text: str) -> None:
    assert joined(flowed(text)) == tidy(text)


@given(TEXTS)
def test_line_that_is_longer_is_one_word(text: str) -> None:
    for line in flowed(text).split("\n"):
        shown = re.sub(r"^[> ]*(-- )?", "", line).strip(" ")
        assert len(shown) <= WIDTH or " " not in shown, line


def test_no_line_breaks_beside_a_figure() -> None:
    """Readers whose program joins no lines look for "28. januar 2027" too."""
    text = "ord " * 17 + "28. januar 2027 stemmer De; " + "ord " * 16 + "12 500 euro."
    lines = flowed(text).split("\n")
    assert len(lines) > 2
    for line in lines[:-1]:
        assert not line.split()[-1][:1].isdigit()
    assert not any(line[:1].isdigit() for line in lines)


def test_letter_says_how_its_lines_are_joined() -> None:
    text = "Dear Ms Berg,\n\n" + "From Baku we hear that they are held. " * 9 + "\n> quoted\n"
    message = parsed(finished(words(text)))
    body = message.get_body(("plain",))
    assert body is not None
    assert body.get_param("format") == "flowed"
    assert max(map(len, body.get_content().splitlines())) <= 78
    assert not re.search("^From ", body.get_content(), re.MULTILINE)
    assert text_of(message).rstrip("\n") == tidy(text).rstrip("\n")
