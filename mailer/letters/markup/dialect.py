"""Markdown as letters have it: what was typed is what arrives.

CommonMark takes figures and signs out of a text that was typed by somebody who does not know it:
"25. januar" becomes the item of a list that counts on by itself, `/_files_/` loses its
underscores, `10*20*30` its stars. Here a numbered list begins with 1 and with no date, and shows
the numbers that were typed; stars and underscores mark whole words, never a part of one; an address
is one piece, and a link; nothing is defined in one place to be used in another.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Sequence
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, list_block
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Delimiter
from markdown_it.token import Token

from mailer.base.errors import MailerError
from mailer.base.problems import problem
from mailer.letters.markup.pictures import sized
from mailer.letters.wording.words import is_month

HTTPS = re.compile(r"https://[^\s/?#@]+\.[^\s/?#@]+(?:[/?#]\S*)?", re.IGNORECASE)

MAX_WORK = 200_000_000
"""Characters that may be looked through to read one text: at each place of it, the rest of its
block. Ten pages take two million. A count and no clock: what is refused on a busy computer must be
refused on every other, and only that.
"""
DEEPEST = 100
"""Marks within each other: lists in lists, italics in bold ones."""

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


_NUMBER = re.compile(r" {0,3}(\d{1,9})[.)][ \t]+(\S+)")
_MINUS = re.compile(r"-[ \t]+\d")
_ADDRESSES = re.compile(
    r"(?<![^\W_])(?<![@/.:-])https://(?:\\[!-/:-@\[-`{-~]|[^\s<>\"“”„«»‹›`|\\^{}\[\]])+"
    r"|(?<![\w.%+-])[\w.%+-]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_]{2,24}",
    re.IGNORECASE,
)
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")

BEFORE = r"\s(\[{<'’‘\"“”„«»‹›¿¡*_~|—–-"
"""What may stand before a mark that opens, beside the beginning of the text."""
_OPENS = re.compile(rf"[{BEFORE}]")
_CLOSES = re.compile(r"[\])}>'’‘\"“”„«»‹›.,:;!?…*_~|]{0,8}\\?(?:\Z|[\s—–\-(\[])|['’]\w|[\](\[]")


def _list(state: StateBlock, line: int, end: int, silent: bool) -> bool:
    """Begin a list, unless the line only looks like one: a date, a sentence that begins with a
    figure, a telephone number behind a plus, "- 5 °C" that stands alone.
    """
    here = _line(state, line)
    number = _NUMBER.match(here)
    next_item = silent and state.sCount[line] < state.blkIndent
    if number and not next_item and (int(number[1]) != 1 or is_month(number[2])):
        return False
    if _MINUS.match(here) and not next_item and not _another(state, line, end):
        return False
    return not here.startswith("+") and list_block(state, line, end, silent)


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def _another(state: StateBlock, line: int, end: int) -> bool:
    """Tell whether a second item stands below the one in `line`, behind an empty line at most."""
    empty = False
    for below in range(line + 1, end):
        here = _line(state, below)
        if here.startswith(("- ", "-\t")):
            return True
        if here and empty and not state.sCount[below] > state.sCount[line]:
            return False
        empty = not here
    return False


def _emphasis(state: StateInline, silent: bool) -> bool:
    """Note down a run of stars or underscores; it opens and closes at the edge of a word only."""
    start, marker = state.pos, state.src[state.pos]
    if silent or marker not in "_*":
        return False
    found = state.scanDelims(start, marker == "*")
    end = start + found.length
    strong = found.length > 1  # **yes**/**no** is no path
    before, after = state.src[start - 1 : start], state.src[end : end + 10]
    opens = not before or bool(_OPENS.match(before)) or (strong and before == "/")
    closes = bool(_CLOSES.match(after)) or (strong and after[:1] == "/")
    for _ in range(found.length):
        state.push("text", "", 0).content = marker
        place = len(state.tokens) - 1
        can = (found.can_open and opens, found.can_close and closes)
        state.delimiters.append(Delimiter(ord(marker), found.length, place, -1, *can))
    state.pos = end
    return True


@lru_cache(maxsize=32)
def _addresses(text: str) -> tuple[list[int], list[int]]:
    """Return where addresses begin and end, without the marks and stops around them."""
    starts, ends = [], []
    for match in _ADDRESSES.finditer(text):
        start, end = match.span()
        around = text[start - 1 : start] if start else ""
        if text[start] == "_" and text[end : end + 1] == "_":
            start += 1
        while text[end - 1] in ".,:;!?…*'’)" or (text[end - 1] == "_" == around):
            if text[end - 1] == ")" and text.count("(", start, end) >= text.count(")", start, end):
                break
            end -= 1
        starts.append(start)
        ends.append(end)
    return starts, ends


def _text(state: StateInline, silent: bool) -> bool:
    """Take what is no mark of Markdown; an address is taken whole, and becomes a link."""
    starts, ends = _addresses(state.src)
    at = bisect(starts, state.pos)
    if at and starts[at - 1] == state.pos and ends[at - 1] <= state.posMax:
        if not silent:
            _address(state, _ESCAPED.sub(r"\1", state.src[state.pos : ends[at - 1]]))
        state.pos = ends[at - 1]
        return True
    mark = state.md.inline.terminator_re.search(state.src, state.pos)
    stop = min(mark.start() if mark else state.posMax, state.posMax, *starts[at : at + 1])
    if stop == state.pos:
        return False
    if not silent:
        state.append_pending(state.src[state.pos : stop])
    state.pos = stop
    return True


def _address(state: StateInline, shown: str) -> None:
    web = shown[:8].lower() == "https://"
    shown = shown.replace("&amp;", "&") if web else shown
    if state.linkLevel or (web and not HTTPS.fullmatch(shown)) or not (web or shown.isascii()):
        state.append_pending(shown)
        return
    token = state.push("link_open", "a", 1)
    token.attrs = {"href": state.md.normalizeLink(shown if web else f"mailto:{shown}")}
    token.markup = "autolink"
    state.push("text", "", 0).content = shown
    state.push("link_close", "a", -1).markup = "autolink"


def _markdown() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True, "maxNesting": 12}).enable("table")
    parser.disable("reference")
    parser.inline.ruler.at("text", _text)
    parser.inline.ruler.at("emphasis", _emphasis)
    parser.inline.ruler.before("text", "meter", _meter)
    parser.block.ruler.at("list", _list, {"alt": ["paragraph", "reference", "blockquote"]})
    parser.block.ruler.before(
        "table", "meter", _block_meter, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    parser.core.ruler.push("sized", sized)
    # HTML and bad links must be seen, to be refused at their line, rather than shown to the reader
    # as text.
    parser.validateLink = lambda _: True  # type: ignore[method-assign,assignment]
    return parser


MARKDOWN = _markdown()


def parse(text: str) -> list[Token]:
    """Parse a text. Raises `MailerError` (L226) for one that would take too long to read."""
    try:
        found = MARKDOWN.parse(text, {"work": 0})
        _measure(found)
    except _Endless as error:
        fault = problem("L226", value=str(error), message=_TOO_LONG, suggestion=_SIMPLER)
        raise MailerError(_TOO_LONG, hint=_SIMPLER, code="L226", problems=[fault]) from None
    _keep_numbers(found)
    return found


def _measure(tokens: Sequence[Token]) -> None:
    """Stop at marks that stand too deep within each other: what goes through them later does so one
    call within another.
    """
    deep = 0
    for token in tokens:
        deep += token.nesting
        if deep > DEEPEST:
            raise _Endless(token.markup)
        _measure(token.children or ())


_TOO_LONG = "this takes too long to read: too many brackets, columns or marks"
_SIMPLER = "write it in simpler Markdown; a letter is a page or two"


def _keep_numbers(found: Sequence[Token]) -> None:
    """Give each item of a numbered list the number that was typed, where counting would give
    another.
    """
    before = {}
    for token in found:
        if token.type == "ordered_list_open":
            before[token.level] = 0
        elif token.type == "list_item_open" and token.info:
            number = int(token.info)
            if number != before[token.level - 1] + 1:
                token.attrs["value"] = number
            before[token.level - 1] = number
