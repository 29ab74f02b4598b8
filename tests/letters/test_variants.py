"""Facts about letters that are written once for many: everybody gets what they would get alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mailer.base.errors import MailerError
from mailer.contacts.contact import Contact
from mailer.letters.appeal_files import load_appeal
from mailer.letters.checks import ready
from mailer.letters.message import mime, pieces
from mailer.letters.message.body import FilledBody
from mailer.letters.message.read_back import read_back
from mailer.letters.placeholders import Printed, Source
from mailer.letters.render import Rendered, Renderer
from mailer.letters.render.variants import uses_of
from tests.helpers.letters import (
    DELEGATIONS,
    FORMS,
    ROOT,
    SENDER,
    folder,
    invented,
    letter,
    person,
)
from tests.people.invent import COLUMNS


class OneByOne(Renderer):
    """Writes each letter anew, as if nobody else got one."""

    def _variant(self, sheet: Any, mine: Any, theirs: Any, contact: Contact) -> Any:
        return self._written(sheet, mine, theirs, contact).of_delegation(mine, theirs)


def said(one: Rendered) -> tuple[object, ...]:
    """Return all that a letter says, and to whom its answers go."""
    files = [(file.file, file.digest) for file in (*one.attachments, *one.pictures)]
    bodies = (str(one.text), str(one.html), one.cells, one.wording)
    return one.subject, one.preview, *bodies, one.greeting, one.reply_to, files


def both(root: Path, name: str, columns: Any = ()) -> tuple[Renderer, Renderer]:
    appeal = load_appeal(root, name)
    together = ready(appeal, SENDER, DELEGATIONS, FORMS, columns)
    return together, OneByOne(appeal, SENDER, DELEGATIONS, FORMS, columns)


def test_everybody_of_the_demo_gets_what_they_would_get_alone() -> None:
    together, alone = both(ROOT, "azerbaijan-credentials", COLUMNS)
    people = invented()
    for one in people:
        for language in ("en", "fr"):
            assert said(together.render(one, language)) == said(alone.render(one, language))
    assert len(together._variants) < len(people)


PEOPLE = [
    person(),
    person(given="Ola", surname="Dahl", gender="m", title="Dr", role="chair"),
    person(given="Eva", surname="Berg", delegation="SE", role="substitute"),
    person(given="Ida", surname="Ek <b>", delegation="SE", extra={"Site": "https://a.example/x"}),
    person(given="Jo", surname="O'Neil & 'Co'", delegation="IE", extra={"Site": "Dublin"}),
    person(given="Anna", surname="Berg", greeting="Dear Anna", extra={"Town": "Oslo"}),
]
BODIES = [
    "Anna, {{ given }} {{ surname }} of {{ delegation }}: {{ role }}.",
    '{% if surname == "Berg" %}You, {{ given }}, are called Berg.{% else %}You are not.{% endif %}',
    "{{ surname | upper }} and {{ surname }} {% if title %}with {{ title }}{% endif %}",
    '{{ "chair" if role == "chair" else "member" }} {{ for_delegation }} {{ organisations }}',
    '{% if delegation == "Sweden" %}**{{ given }}** of {{ of_delegation }}{% endif %}',
    "{% if town %}{{ town }}{% else %}nowhere{% endif %} {% if extra.Site %}a site{% endif %}",
    "{{ session.name }}: {{ session.opens }}, {{ name }}, {{ closing }} {{ sender.organisation }}",
    '[{{ surname }}](https://a.example/?q={{ surname }}) "{{ given }}"',
]
TOML = """
personal_links = "for the test"
[session]
name = { en = "the January session" }
opens = 2027-01-25
[[organisation]]
name = { en = "One" }
[[organisation]]
country = "SE"
name = { en = "Another" }
"""


@pytest.mark.parametrize("body", BODIES)
def test_letter_is_the_same_whoever_was_written_to_before(tmp_path: Path, body: str) -> None:
    more = {
        "for/SE.en": "For Sweden, {{ given }}, alone.",
        "_shared/footer.en.md": "To {{ name }}.",
    }
    text = letter(body + ("" if "for_delegation" in body else "\n\n{{ for_delegation }}"))
    folder(tmp_path, en=text, toml=TOML, **more)
    together, alone = both(tmp_path, "appeal", ("Site", "Town"))
    for one in (*PEOPLE, *reversed(PEOPLE)):
        answers = "Re: Hello" if one.role == "chair" else ""
        assert _written(together, one, answers) == _written(alone, one, answers)


def _written(letters: Renderer, one: Contact, answers: str) -> object:
    try:
        return said(letters.render(one, "en", answers))
    except MailerError as fault:
        return fault.code, fault.problems


def test_what_lacks_is_said_with_its_line_whoever_was_written_to_before(tmp_path: Path) -> None:
    folder(tmp_path, en=letter("Hello\n\n{{ title }}"))
    letters, _ = both(tmp_path, "appeal")
    letters.render(person(title="Dr"), "en")
    with pytest.raises(MailerError) as caught:
        letters.render(person(), "en")
    assert "en.md:7" in str(caught.value.problems[0].suggestion)


def test_nothing_is_asked_about_a_word_that_is_only_printed() -> None:
    text = "{{ name }} {{ given | upper }} {% if title %}{{ title }}{% endif %} {{ role }}"
    used = uses_of([Source(text, "en.md", 1, "en"), Source("{{ role == 'x' }}", "en.md", 1, "en")])
    assert used.printed == {"name"}
    assert used.asked == {"given", "title", "role"}
    for ask in (bool, str, len, lambda word: word == "x", hash):
        with pytest.raises(TypeError):
            ask(Printed("name"))


def _finished(one: Contact, written: Rendered) -> tuple[bytes, pieces.Shared]:
    return mime.compose(
        written,
        sender="us@rights.example",
        reply_to="us@rights.example",
        recipient_name=one.name,
        recipient_address=one.address,
        message_id="x@rights.example",
        unsubscribe="us@rights.example",
    )


def test_letter_in_pieces_is_read_back_as_in_one(tmp_path: Path) -> None:
    long = "A sentence that everybody reads alike, in the same words and lines as all. " * 5
    folder(tmp_path, en=letter(f"{long}\n\n{{{{ surname }}}} ends a line.\n\n{long}é"))
    letters, _ = both(tmp_path, "appeal")
    for one in PEOPLE:
        written = letters.render(one, "en")
        own, shared = _finished(one, written)
        assert isinstance(written.html, FilledBody)
        assert len([part for _, part in shared if isinstance(part, pieces.Lines)]) >= 2
        about = {"recipient": one.address, "greeting": written.greeting, "cells": written.cells}
        read_back(own, everyone=(), shared=shared, **about)
        read_back(own, everyone=(), shared=shared, text=written.text, html=written.html, **about)
        read_back(pieces.joined(own, shared), everyone=(), **about)


def test_of_each_person_only_the_lines_with_words_of_their_own_are_written_anew(
    tmp_path: Path,
) -> None:
    text = "We write to you of the delegation {{ of_delegation }}, to all of {{ delegation }}."
    folder(tmp_path, en=letter(f"Dear {{{{ surname }}}},\n\n{text}"))
    letters, _ = both(tmp_path, "appeal")
    of_norway, another = (letters.render(person(surname=one), "en") for one in ("Berg", "Dahl"))
    of_sweden = letters.render(person(delegation="SE"), "en")
    for one, as_for_another, there in (
        (of_norway.text, another.text, of_sweden.text),
        (of_norway.html, another.html, of_sweden.html),
    ):
        assert isinstance(one, FilledBody) and isinstance(there, FilledBody)
        assert isinstance(as_for_another, FilledBody)
        own = [run for run, is_common in one.runs if not is_common]
        common = [run for run, is_common in one.runs if is_common]
        assert "Norway" not in "".join(own) and "Norway" in "".join(common)
        assert [run for run in as_for_another.runs if run[1]] == [run for run in one.runs if run[1]]
        assert sum(run[1] and run not in one.runs for run in there.runs) == 2, "and its footer"
        assert one.around == there.around, "what fetches or runs is looked for once for all"
        assert {"Norway", "of Norway", "Berg"} <= set(one.put_in)


def test_address_of_another_recipient_in_shared_lines_is_found(tmp_path: Path) -> None:
    long = "A sentence that everybody reads alike, in the same words and lines as all. " * 5
    folder(tmp_path, en=letter(f"{long} ola@no.example {long}"))
    letters, _ = both(tmp_path, "appeal")
    written = letters.render(person(), "en")
    own, shared = _finished(person(), written)
    assert b"ola@" not in own
    about: dict[str, Any] = {"recipient": person().address, "greeting": written.greeting}
    for meant in ({}, {"text": written.text, "html": written.html}):
        with pytest.raises(MailerError, match="another recipient"):
            read_back(own, everyone={"ola@no.example"}, shared=shared, **about, **meant)


@pytest.mark.parametrize(
    ("html", "value", "passes"),
    [
        ("<p>{} {}</p>", "url(https://a.example)", True),
        ("<p>{} {}</p>", "<img src=x>", False),
        ("<p>{} {}</p>", "<!-- x -->", False),
        ("<p title={}>{}</p>", "x onclick=y", False),
        ('<p title="{}">{}</p>', "x onclick=y", True),
        ('<p style="color: {}">{}</p>', "url(https://a.example)", False),
        ("<style>p {{ color: {} }}</style>{}", "url(https://a.example)", False),
        ("<!-- {} -->{}", "x", False),
    ],
)
def test_what_is_put_in_is_judged_where_it_is_no_text(html: str, value: str, passes: bool) -> None:
    """Only words within text, without a sign of HTML, are left out of what is judged."""
    whole = f"<!DOCTYPE html><html><body>{html}</body></html>"
    body = FilledBody(whole.format(value, "Dear Anna"))
    body.around, body.put_in = whole.format("", "Dear Anna"), (value,)
    body.places = (len(whole.partition("{}")[0].replace("{{", "{")),)
    body.runs = ((f"{body}\n", False),)
    written = Rendered("Hello", "", "Dear Anna\n", body, "Dear Anna", "en")
    own, shared = _finished(person(), written)
    about: dict[str, Any] = {"recipient": person().address, "greeting": "Dear Anna"}
    about |= {"everyone": (), "shared": shared, "text": written.text, "html": body}
    if passes:
        read_back(own, **about)
    else:
        with pytest.raises(MailerError, match="would fetch or run"):
            read_back(own, **about)
