"""Markdown → the two bodies of a letter, HTML and plain text, from one parse, so that both say the
same.

The Markdown has slots where values go (`placeholders.SLOT`). It is the same for everybody who takes
the same branches of a letter, so it is parsed once; a person costs two joins of strings. A value is
put in after the parse, escaped for HTML, percent-encoded in an address on the web: a name can never
become markup. What a letter must not hold (HTML, pictures, links other than https and mailto) is a
problem at its line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from markdown_it.token import Token

from mailer.base.errors import MailerError, Problem
from mailer.letters import formal, placeholders
from mailer.letters.attachments import PICTURE, content_id
from mailer.letters.markup.arrives import lost
from mailer.letters.markup.dialect import HTTPS, MARKDOWN, parse
from mailer.letters.markup.frame import MAILTO, Frame
from mailer.letters.markup.page import inliner, layout
from mailer.letters.markup.pictures import COLUMN
from mailer.letters.markup.plain import lines_of
from mailer.letters.placeholders import SLOT, Source, Unprintable, slot
from mailer.letters.wording.typography import polished

MAX_PART = 1_000_000
"""Bytes of one body. A letter has 6,000."""


@dataclass(frozen=True, slots=True)
class Frames:
    """Both bodies of a letter."""

    html: Frame
    text: Frame
    pictures: tuple[str, ...]  # "files/chart.png", in the order in which they stand
    on_paper: Frame | None  # the body as JSON, for a formal letter


@dataclass(frozen=True, slots=True)
class Logo:
    """The mark of an organisation that signs."""

    file: str  # "files/logo.png"
    name: str  # of the organisation
    width: int  # in pixels, at the height of the letterhead

    @property
    def html(self) -> str:
        src = f"cid:{content_id(self.file)}"
        size = f'width="{self.width}" style="width: {self.width}px"'
        return f'<img src="{src}" alt="{escaped(self.name)}" {size}>'


@dataclass(frozen=True, slots=True)
class Parts:
    """A letter with slots in place of values, as the placeholders leave it."""

    language: str
    subject: str
    preview: str
    body: str
    footer: str
    footer_language: str
    letterhead: str = ""  # who writes
    logos: tuple[Logo, ...] = ()  # above it
    layout: str = ""  # the workspace's own page; "" for that of the package
    on_paper: str = ""  # the folder of its pictures, where it goes as a formal letter, too


@lru_cache(1024)  # asked for at several stages of a letter
def escaped(text: str) -> str:
    """Escape for HTML, inside and outside of attributes."""
    if text.isalnum():
        return text
    return (
        text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace('"', "&quot;")
        .replace("'", "&#39;")
    )


@lru_cache(maxsize=256)
def frames(parts: Parts) -> Frames:
    """Parse a letter; both bodies with their slots. Raises `Unprintable` if something stands in it
    that must not.
    """
    body, footer = parse(parts.body), parse(parts.footer)
    for tokens in (body, footer):
        for _, _, message, value, _ in faults(tokens):
            raise Unprintable(message, value=value)
        _mark_slots_in_links(tokens)
    _polish(body, parts.language)
    _polish(footer, parts.footer_language)
    pictures = tuple(logo.file for logo in parts.logos) + tuple(
        _file(token) for token in _flat([*body, *footer]) if token.type == "image"
    )
    text = "\n".join([*lines_of(body), "", "-- ", *lines_of(footer)]) + "\n"
    on_paper = None
    if parts.on_paper:
        data = formal.parts_of(body, parts.on_paper)
        on_paper = Frame.of(json.dumps(data, ensure_ascii=False))
    page = layout(parts.layout).render(
        language=parts.language,
        subject=escaped(parts.subject),
        preview=escaped(parts.preview),
        body=_html(body),
        footer=_html(footer),
        footer_language=parts.footer_language,
        letterhead=" ".join(logo.html for logo in parts.logos)
        + ("<br>" if parts.logos else "")
        + escaped(parts.letterhead),
    )
    html = inliner().inline(page)
    if gone := lost(f"{parts.body}\n\n{parts.footer}", text, html):
        raise Unprintable(_CHANGED, value=SLOT.sub("…", gone[1]))
    return Frames(Frame.of(html), Frame.of(text), pictures, on_paper)


_CHANGED = "this would not arrive as it was typed"


def _polish(tokens: Sequence[Token], language: str) -> None:
    """Set the marks of the language; what is code or an address stays as it was typed."""
    address = False
    for token in _flat(tokens):
        if token.type == "link_open":
            address = token.markup == "autolink"
        elif token.type == "link_close":
            address = False
        elif token.type in ("text", "image") and not address:
            token.content = polished(token.content, language)


def _html(tokens: Sequence[Token]) -> str:
    for token in _flat(tokens):
        if token.type == "image":
            token.attrs["src"] = f"cid:{content_id(_file(token))}"
            if width := token.attrs.get("width"):  # the attribute is for Outlook, this for Apple
                token.attrs["style"] = f"width: {width}px"
    html: str = MARKDOWN.renderer.render(tokens, MARKDOWN.options, {})
    return html


def check(source: Source) -> list[Problem]:
    """Return what must not stand in this Markdown, all branches of the letter looked at together
    (L220 to L226).
    """
    blank = placeholders.JINJA.sub(_hidden, source.text)
    lines = source.text.split("\n")
    found = []
    try:
        tokens = parse(blank)
    except MailerError as error:
        value = error.problems[0].value
        return [
            source.at("L226", error.message, max(0, source.text.find(value)), value, error.hint)
        ]
    for code, block, message, value, hint in faults(tokens):
        # The parser knows the block; the line is where the value stands in it.
        near = range(block[0] + 1, block[1] + 1)
        line = next(
            (number for number in near if value and value in lines[number - 1]), block[0] + 1
        )
        found.append(source.problem(code, message, line, find=value, hint=hint))
    if not found:
        plain, html = "\n".join(lines_of(tokens)), _html(tokens)
        if gone := lost(blank, plain, html):
            shown = SLOT.sub("…", gone[1])
            line = blank.count("\n", 0, gone[0]) + 1
            found.append(source.problem("L227", _CHANGED, line, find=shown, hint=_AS_TYPED))
    return found


_AS_TYPED = (
    "a mark of Markdown stands in it (* _ ` [ ] # |): write a backslash before it, or a blank"
    " around it"
)


def links(text: str) -> list[str]:
    """Return the addresses that a Markdown text links to, in order."""
    return [str(token.attrs["href"]) for token in _flat(parse(text)) if token.type == "link_open"]


def pictures(text: str) -> list[str]:
    """Return the pictures that a Markdown text shows, in order: `files/chart.png`."""
    return [_file(token) for token in _flat(parse(text)) if token.type == "image"]


def _file(token: Token) -> str:
    return unquote(str(token.attrs.get("src", "")))


def italics(text: str) -> list[str]:
    """Return the passages in italics: titles of reports, words of other languages."""
    found = []
    for token in _flat(parse(text)):
        inside = token.children or []
        for at, child in enumerate(inside):
            if child.type == "em_open":
                end = next(
                    place for place in range(at, len(inside)) if inside[place].type == "em_close"
                )
                found.append(
                    "".join(
                        part.content or " " * (part.type == "softbreak")
                        for part in inside[at + 1 : end]
                    )
                )
    return found


def blocks(text: str) -> list[Token]:
    """Parse a text and return its blocks, opened and closed, the inlines left out."""
    return [token for token in parse(text) if token.type != "inline"]


def _hidden(match: re.Match[str]) -> str:
    return (slot(0) if match[0].startswith("{{") else "") + "\n" * match[0].count("\n")


def _flat(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _flat(token.children or ())


def faults(tokens: Sequence[Token]) -> Iterator[tuple[str, tuple[int, int], str, str, str]]:
    """Yield (code, lines of the block from 0, sentence, value, hint) for what no letter
    may hold.
    """
    block = (0, 1)
    opened = ""  # the address of a link of which no words have come yet
    for token in _flat(tokens):
        if token.type == "link_close" and opened:
            hint = "write what it leads to: [our report](https://…)"
            yield "L220", block, "this link has no words: nobody would see it", opened, hint
        opened = unquote(str(token.attrs.get("href", ""))) if token.type == "link_open" else opened
        if token.content.strip() or token.type == "link_close":
            opened = ""
        if token.map:
            block = (token.map[0], token.map[1])
        if token.type in ("html_block", "html_inline"):
            value = token.content.strip().split("\n")[0][:60]
            yield (
                "L221",
                block,
                "HTML cannot stand in a letter",
                value,
                r"write Markdown; a plain < is written \<",
            )
        elif token.type == "image":
            value = _file(token)
            if not PICTURE.fullmatch(value) or SLOT.search(value):
                hint = (
                    "put it into files/ of the appeal, as PNG or JPEG: ![what it"
                    " shows](files/chart.png)"
                )
                yield "L222", block, "a picture must travel with the letter", value, hint
            elif not token.content.strip():
                hint = "write what it shows, for those who cannot see it: ![…](files/chart.png)"
                yield "L223", block, "this picture has no words", value, hint
            elif size := token.meta.get("size"):
                hint = f"write {{width=320}}, in pixels, at most {COLUMN}"
                yield "L242", block, "this is no size of a picture", size, hint
        elif token.type == "link_open":
            href = str(token.attrs.get("href", ""))
            if not _may_link(href):
                hint = "write https://… or mailto:somebody@rights.example"
                yield (
                    "L220",
                    block,
                    "a link must begin with https:// or mailto:",
                    unquote(href),
                    hint,
                )


def _may_link(href: str) -> bool:
    """Tell whether a link may stand there. A placeholder may be all of it, or part of what follows
    the site.
    """
    start = SLOT.match(href)
    if start:
        return start.end() == len(href)
    site = href[: re.search(r"[/?#]", href[8:] + "/").start() + 8]  # type: ignore[union-attr]
    if href[:7].lower() == "mailto:":
        return bool(MAILTO.match(SLOT.sub("x@x.x" if SLOT.match(href, 7) else "x", href)))
    return bool(HTTPS.fullmatch(href)) and not SLOT.search(site)


def _mark_slots_in_links(tokens: Sequence[Token]) -> None:
    for token in _flat(tokens):
        if token.type == "link_open":
            href = str(token.attrs["href"])
            whole = SLOT.fullmatch(href)
            token.attrs["href"] = (
                slot(int(whole[1]), "w")
                if whole
                else SLOT.sub(lambda m: slot(int(m[1]), "u"), href)
            )
