"""Markdown → the two bodies of a letter, HTML and plain text, from one parse, so that both say the
same.

The Markdown has slots where values go (`placeholders.SLOT`). It is the same for everybody who takes
the same branches of a letter, so it is parsed once; a person costs two joins of strings. A value is
put in after the parse, escaped for HTML, percent-encoded in an address on the web: a name can never
become markup. What a letter must not hold (HTML, pictures, links other than https and mailto) is a
problem at its line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from urllib.parse import quote, unquote

import css_inline
import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from mailer.base.errors import MailerError, Problem, Severity
from mailer.letters import placeholders
from mailer.letters.attachments import PICTURE, content_id
from mailer.letters.placeholders import SLOT, Source, Unprintable, slot

MAX_PART = 1_000_000
"""Bytes of one body. A letter has 6,000."""

_HTTPS = re.compile(r"https://[^\s/?#@]+\.[^\s/?#@]+(?:[/?#]\S*)?", re.IGNORECASE)
_MAILTO = re.compile(r"mailto:[^\s@/]+@[^\s@/]+", re.IGNORECASE)


MAX_WORK = 200_000_000
"""Characters that may be looked through to read one text: at each place of it, the rest of its
block. Ten pages take two million. A count and no clock: what is refused on a busy computer must be
refused on every other, and only that.
"""
MAX_CELLS = 60
"""Columns of a table, about: every row has as many cells, whatever is written in it."""


class _Endless(Exception):
    """A text that would take too long to read; carries what was being read."""


def _meter(state: StateInline | StateBlock, *_: object) -> bool:
    """Stand before all rules of the parser, at each place of the text: none of them goes on for
    ever.
    """
    state.env["work"] += (
        len(state.src) - state.pos if isinstance(state, StateInline) else state.lineMax - state.line
    )
    if state.env["work"] > MAX_WORK:
        raise _Endless(state.src[:40] if isinstance(state, StateInline) else "")
    return False


def _block_meter(state: StateBlock, line: int, *_: object) -> bool:
    here = state.src[state.bMarks[line] : state.eMarks[line]]
    if here.count("|") > MAX_CELLS:
        raise _Endless(here[:40])
    return _meter(state)


def _markdown() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True, "maxNesting": 12}).enable("table")
    parser.inline.ruler.before("text", "meter", _meter)
    parser.block.ruler.before(
        "table", "meter", _block_meter, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    # HTML and bad links must be seen, to be refused at their line, rather than shown to the reader
    # as text.
    parser.validateLink = lambda _: True  # type: ignore[method-assign,assignment]
    return parser


MARKDOWN = _markdown()


@dataclass(frozen=True, slots=True)
class Frame:
    """A finished text with slots: pieces, and which of them are slots."""

    pieces: tuple[str, ...]
    slots: tuple[tuple[int, int, str], ...]  # place among the pieces, number of the value, kind

    @classmethod
    def of(cls, text: str) -> Frame:
        pieces: list[str] = []
        slots = []
        end = 0
        for match in SLOT.finditer(text):
            pieces += (text[end : match.start()], "")
            slots.append((len(pieces) - 1, int(match[1]), match[2]))
            end = match.end()
        return cls((*pieces, text[end:]), tuple(slots))

    def fill(self, values: Sequence[str], escape: Callable[[str], str] | None = None) -> str:
        """Put the values in; `escape` is applied to each in the form in which it stands there."""
        pieces = list(self.pieces)
        for place, number, kind in self.slots:
            value = values[number] if kind == "x" else _in_url(values[number], whole=kind == "w")
            pieces[place] = escape(value) if escape else value
        return "".join(pieces)


@dataclass(frozen=True, slots=True)
class Frames:
    """Both bodies of a letter."""

    html: Frame
    text: Frame
    pictures: tuple[str, ...]  # "files/chart.png", in the order in which they stand


@dataclass(frozen=True, slots=True)
class Parts:
    """A letter with slots in place of values, as the placeholders leave it."""

    language: str
    subject: str
    preview: str
    body: str
    footer: str
    footer_language: str
    layout: str = ""  # the workspace's own page; "" for that of the package


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
    body, footer = _tokens(parts.body), _tokens(parts.footer)
    for tokens in (body, footer):
        for _, _, message, value, _ in faults(tokens):
            raise Unprintable(message, value=value)
        _mark_slots_in_links(tokens)
    pictures = tuple(
        str(token.attrs["src"]) for token in _flat([*body, *footer]) if token.type == "image"
    )
    text = "\n".join([*_blocks(body), "", "-- ", *_blocks(footer)]) + "\n"
    html = _layout(parts.layout).render(
        language=parts.language,
        subject=escaped(parts.subject),
        preview=escaped(parts.preview),
        body=_html(body),
        footer=_html(footer),
        footer_language=parts.footer_language,
    )
    return Frames(Frame.of(_inliner().inline(html)), Frame.of(text), pictures)


def _html(tokens: Sequence[Token]) -> str:
    for token in _flat(tokens):
        if token.type == "image":
            token.attrs["src"] = f"cid:{content_id(str(token.attrs['src']))}"
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
        tokens = _tokens(blank)
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
    return found


def links(text: str) -> list[str]:
    """Return the addresses that a Markdown text links to, in order."""
    return [str(token.attrs["href"]) for token in _flat(_tokens(text)) if token.type == "link_open"]


def pictures(text: str) -> list[str]:
    """Return the pictures that a Markdown text shows, in order: `files/chart.png`."""
    return [str(token.attrs["src"]) for token in _flat(_tokens(text)) if token.type == "image"]


def italics(text: str) -> list[str]:
    """Return the passages in italics: titles of reports, words of other languages."""
    found = []
    for token in _flat(_tokens(text)):
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
    return [token for token in _tokens(text) if token.type != "inline"]


def _hidden(match: re.Match[str]) -> str:
    return (slot(0) if match[0].startswith("{{") else "") + "\n" * match[0].count("\n")


def _tokens(text: str) -> list[Token]:
    try:
        return MARKDOWN.parse(text, {"work": 0})
    except _Endless as error:
        problem = Problem("L226", Severity.ERROR, _TOO_LONG, value=str(error), suggestion=_SIMPLER)
        raise MailerError(_TOO_LONG, hint=_SIMPLER, code="L226", problems=[problem]) from None


_TOO_LONG = "this takes too long to read: too many brackets, columns or marks"
_SIMPLER = "write it in simpler Markdown; a letter is a page or two"


def _flat(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _flat(token.children or ())


def faults(tokens: Sequence[Token]) -> Iterator[tuple[str, tuple[int, int], str, str, str]]:
    """Yield (code, lines of the block from 0, sentence, value, hint) for what no letter
    may hold.
    """
    block = (0, 1)
    for token in _flat(tokens):
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
            value = str(token.attrs.get("src", ""))
            if not PICTURE.fullmatch(value) or SLOT.search(value):
                hint = (
                    "put it into files/ of the appeal, as PNG or JPEG: ![what it"
                    " shows](files/chart.png)"
                )
                yield "L222", block, "a picture must travel with the letter", value, hint
            elif not token.content.strip():
                hint = "write what it shows, for those who cannot see it: ![…](files/chart.png)"
                yield "L223", block, "this picture has no words", value, hint
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
        return bool(_MAILTO.match(SLOT.sub("x@x.x" if SLOT.match(href, 7) else "x", href)))
    return bool(_HTTPS.fullmatch(href)) and not SLOT.search(site)


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


def _in_url(value: str, *, whole: bool) -> str:
    if not whole:
        return quote(value, safe="@" if _MAILTO.fullmatch(f"mailto:{value}") else "")
    if not (_HTTPS.fullmatch(value) or _MAILTO.match(value)) or " " in value:
        raise Unprintable(
            "this cell becomes a link, and must begin with https:// or mailto:", value=value
        )
    return quote(value, safe="/:?#[]@!$&()*+,;=%-._~")


def check_layout(source: str, file: str) -> list[Problem]:
    """Return what a workspace's own page must not hold, or lacks (L161): nothing is fetched,
    nothing runs.
    """
    found = []

    def wrong(message: str, value: str, at: int, hint: str) -> None:
        row = source.count("\n", 0, max(0, at)) + 1
        found.append(
            Problem("L161", Severity.ERROR, message, file, row=row, value=value, suggestion=hint)
        )

    for match in _FETCHES.finditer(source):
        wrong(
            "a page of a letter fetches nothing and runs nothing",
            match[0][:40],
            match.start(),
            "take it out",
        )
    for word in ("language", "subject", "preview", "body", "footer"):
        if not re.search(rf"\{{\{{-? *{word} *-?\}}\}}", source):
            wrong(
                "this must stand in the page",
                f"{{{{ {word} }}}}",
                0,
                "begin with a copy of the page of the package",
            )
    try:
        tree = placeholders.ENVIRONMENT.parse(source)
    except (jinja2.TemplateError, RecursionError, ValueError, OverflowError) as error:
        wrong(
            f"this is written wrongly: {error}",
            "",
            0,
            "begin with a copy of the page of the package",
        )
        return found
    for node in tree.find_all(jinja2.nodes.Node):
        known = (
            node.name in PAGE_WORDS
            if isinstance(node, jinja2.nodes.Name)
            else isinstance(node, placeholders.ALLOWED)
        )
        if not known:
            line = source.split("\n")[node.lineno - 1].strip()
            at = len("\n".join(source.split("\n")[: node.lineno - 1])) + 1
            wrong(
                "a page has its words and questions, nothing else",
                line[:60],
                at,
                f"its words: {', '.join(PAGE_WORDS)}",
            )
            break  # what stands within it would be told again
    return found


PAGE_WORDS = ("language", "subject", "preview", "body", "footer", "footer_language")


_FETCHES = re.compile(
    r"<(script|iframe|meta\s[^>]*refresh|form|object|embed|link|base|img|audio|video|svg)\b|\bsrc(set)?\s*=|@import|url\s*\(|\bon\w+\s*=",
    re.IGNORECASE,
)


@lru_cache(maxsize=4)
def _layout(own: str) -> jinja2.Template:
    source = own or resources.files("mailer.letters").joinpath("layout.html").read_text(
        encoding="utf-8"
    )
    return ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined).from_string(
        source
    )  # its values come escaped


@lru_cache(maxsize=1)
def _inliner() -> css_inline.CSSInliner:
    return css_inline.CSSInliner(
        load_remote_stylesheets=False, keep_style_tags=False, keep_at_rules=True
    )


# ----------------------------------------------------------------------------------- the plain twin


def _blocks(tokens: Sequence[Token]) -> list[str]:
    return _children(SyntaxTreeNode(tokens))


def _children(node: SyntaxTreeNode, *, tight: bool = False) -> list[str]:
    """Return the lines of all blocks below `node`, an empty line between two of them unless the
    list is tight.
    """
    lines: list[str] = []
    for child in node.children:
        if lines and not tight:
            lines.append("")
        lines += _block(child)
    return lines


def _block(node: SyntaxTreeNode) -> list[str]:
    if node.type == "paragraph":
        return _inline(node).split("\n")
    if node.type == "heading":
        text = _inline(node).replace("\n", " ")
        return [text, "-" * min(60, len(SLOT.sub(" " * 12, text)))]
    if node.type in ("bullet_list", "ordered_list"):
        tight = all(
            child.hidden
            for item in node.children
            for child in item.children
            if child.type == "paragraph"
        )
        first = int(node.attrs.get("start", 1))
        lines: list[str] = []
        for number, item in enumerate(node.children, first):
            mark = "- " if node.type == "bullet_list" else f"{number}. "
            if lines and not tight:
                lines.append("")
            lines += _indented(_children(item, tight=tight), mark, " " * len(mark))
        return lines
    if node.type == "blockquote":
        return _indented(_children(node), "> ", "> ")
    if node.type in ("fence", "code_block"):
        return _indented(node.content.rstrip("\n").split("\n"), "    ", "    ")
    if node.type == "table":
        return _table(
            [
                [(_inline(cell), cell) for cell in row.children]
                for part in node.children
                for row in part.children
            ]
        )
    if node.type == "hr":
        return ["-" * 20]
    return []


def _table(rows: list[list[tuple[str, SyntaxTreeNode]]]) -> list[str]:
    """Return a table in columns, a rule below its head; where a cell waits for a value its width is
    not known.
    """
    if any(SLOT.search(text) for row in rows for text, _ in row):
        return [" | ".join(text for text, _ in row) for row in rows]
    widths = [max(len(text) for text, _ in column) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = zip(row, widths, strict=True)
        padded = (
            text.rjust(width) if "right" in str(cell.attrs.get("style")) else text.ljust(width)
            for (text, cell), width in cells
        )
        lines.append(" | ".join(padded).rstrip())
    return [lines[0], "-+-".join("-" * width for width in widths), *lines[1:]]


def _indented(lines: list[str], first: str, others: str) -> list[str]:
    return [((first if place == 0 else others) + line).rstrip() for place, line in enumerate(lines)]


def _inline(node: SyntaxTreeNode) -> str:
    if node.type in ("text", "code_inline"):
        return node.content
    if node.type == "softbreak":
        return " "  # lines are as long as the paragraph: the reader's program breaks them
    if node.type == "hardbreak":
        return "\n"
    if node.type == "image":
        return f"[{node.content}]"
    inside = "".join(map(_inline, node.children))
    if node.type == "link":
        href = str(node.attrs["href"])
        address = href[7:] if href[:7].lower() == "mailto:" else href
        return (
            inside
            if inside in (href, address) or inside == unquote(href)
            else f"{inside} ({address})"
        )
    return inside
