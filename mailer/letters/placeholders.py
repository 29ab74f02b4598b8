"""Placeholders: the words that a letter may put in, and the little of Jinja2 that it may use.

A letter can print a word, ask `{% if … %}`, and use a few filters. It cannot repeat, calculate,
call or include: that is checked on the parsed letter before anything runs, so that a hostile letter
has nothing to spend time or memory with. The sandbox stays as a second wall. Values never become
part of the Markdown: `finalize` notes them down and leaves a slot, and they are put in, escaped,
where the slots have ended up.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from mailer.base.errors import Problem
from mailer.base.problems import problem
from mailer.base.spelling import nearest
from mailer.letters.appeal import Letter
from mailer.letters.appeal_files import UNSEEN
from mailer.letters.wording.usable_words import FIELDS, FILTERS, NAMES, TESTS


class Md(str):
    """Text that is Markdown already and is put in as such: our own lists and paragraphs."""

    __slots__ = ()


class Empty(str):
    """A value that is not there: false in a question, an error in print. It knows what it is
    called.
    """

    __slots__ = ("word",)
    word: str

    def __new__(cls, word: str) -> Empty:
        self = super().__new__(cls, "")
        self.word = word
        return self


class LocalisedCode(str):
    """A code to compare with that is printed as a word of the letter's language; "" if that has no
    word for it.
    """

    __slots__ = ("word", "words")
    word: str  # the placeholder
    words: str

    def __new__(cls, code: str, words: str, word: str = "role") -> LocalisedCode:
        self = super().__new__(cls, code)
        self.words = words
        self.word = word
        return self


class Printed:
    """Stands in a letter's values for a word that each person has another value of: it can be
    printed, and nothing can be asked about it.
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __bool__(self) -> bool:
        raise TypeError(f"{self.name} is printed only")

    __eq__ = __str__ = __len__ = __bool__  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]


class Unprintable(Exception):
    """A value that no letter may carry. `word` is the placeholder, if it is known."""

    def __init__(self, message: str, word: str = "", value: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.word = word
        self.value = value


_NONCE = (  # no sheet and no letter can hold it: it is new in every process
    f"zq{secrets.token_hex(6)}s"
)
SLOT = re.compile(rf"{_NONCE}(\d+)([xuw])")
"""A slot: its number, and x for text, u for a part of an address on the web, w for a whole one."""
_SITE = re.compile(r"://|(?<![\w.])www\.", re.IGNORECASE)
"""What mail programs make a link of, whatever we do."""
SAID = " said"
"""What all people read alike, in small letters; missing where links may be a person's own."""
VALUES = " values"
"""The name under which a context holds the list of values; no letter can write a name with a blank.
"""


def slot(number: int, kind: str = "x") -> str:
    return f"{_NONCE}{number}{kind}"


@jinja2.pass_context
def _finalize(context: Context, value: Any) -> str:
    """Note a value down and return its slot."""
    if isinstance(value, Md):
        return value
    values: list[str | Printed] = context.parent[VALUES]
    values.append(
        value if isinstance(value, Printed) else printable(value, context.parent.get(SAID))
    )
    return f"{_NONCE}{len(values) - 1}x"


def _leads(text: str) -> bool:
    """Tell whether mail programs make a link of something in a text."""
    return ("://" in text or "www." in text.lower()) and _SITE.search(text) is not None


def printable(value: Any, said: str | None) -> str:
    """Return a value as a letter carries it; `said` is what all people read alike, None where links
    may be a person's own. Raises `Unprintable`.
    """
    if isinstance(value, LocalisedCode):
        if not value.words:
            raise Unprintable(f'this language has no one word for "{value}"', value.word, value)
        value = value.words
    elif isinstance(value, jinja2.Undefined):
        str(value)  # raises
    elif (
        value is None or value is True or value is False or not str(value).strip() or value != value
    ):
        raise Unprintable("there is nothing to put in", getattr(value, "word", ""))
    text = str(value)
    if not text.isprintable() and (UNSEEN.search(text) or "\n" in text):
        text = " ".join(text.splitlines())
        if bad := UNSEEN.search(text):
            raise Unprintable(
                f"a control character (U+{ord(bad[0]):04X}) stands in the cell", value=text
            )
    if said is not None and _leads(text) and text.lower() not in said:
        raise Unprintable(
            "an address on the web stands in the cell: a link of their own for each person",
            value=text,
        )
    return text


ENVIRONMENT = ImmutableSandboxedEnvironment(
    undefined=jinja2.StrictUndefined,
    autoescape=False,
    finalize=_finalize,
    keep_trailing_newline=True,
    optimized=False,  # it would change the tree that is looked at
)
ENVIRONMENT.globals.clear()


def word_of(heading: str) -> str:
    """Return the placeholder for a column: `Preferred name` → `preferred_name`."""
    return re.sub(r"\W+", "_", heading.strip().casefold()).strip("_")


@dataclass(frozen=True, slots=True)
class Source:
    """A piece of a letter, and where it stands."""

    text: str
    file: str
    first_line: int
    language: str

    def problem(
        self, code: str, message: str, line: int, *, find: str = "", hint: str | None = None
    ) -> Problem:
        """Make a problem at a line of the piece, counted from 1; the column is that of `find` in
        it.
        """
        lines = self.text.split("\n")
        here = lines[line - 1] if 0 < line <= len(lines) else ""
        found = re.search(rf"(?<![\w.]){re.escape(find)}(?!\w)", here) if find else None
        at = found.start() if found else here.find(find) if find else -1
        column = str(at + 1) if at >= 0 else None
        row = self.first_line + line - 1
        return problem(
            code, self.file, row=row, column=column, value=find, message=message, suggestion=hint
        )

    def at(self, code: str, message: str, offset: int, value: str, hint: str) -> Problem:
        """Make a problem at a place of the piece, counted from 0."""
        row = self.first_line + self.text.count("\n", 0, offset)
        column = str(offset - self.text.rfind("\n", 0, offset))
        return problem(
            code, self.file, row=row, column=column, value=value, message=message, suggestion=hint
        )


def head_of(letter: Letter) -> tuple[Source, Source]:
    """Return subject and preview line of a letter."""
    return (
        Source(letter.subject, letter.file, letter.subject_line, letter.language),
        Source(letter.preview, letter.file, letter.preview_line, letter.language),
    )


def body_of(letter: Letter) -> Source:
    return Source(letter.body, letter.file, letter.body_line, letter.language)


@dataclass(frozen=True, slots=True)
class Known:
    """What the letters of an appeal in one language may name."""

    columns: Collection[str]  # the headings of the sheets' other columns
    facts: Collection[str]  # keys of facts.toml
    absent: Mapping[str, str]  # known words that this appeal cannot fill → the reason

    @property
    def fields(self) -> dict[str, Collection[str]]:
        return {**FIELDS, "fact": self.facts}

    @property
    def every(self) -> list[str]:
        """All words that can be written, for "did you mean"."""
        fields = (f"{name}.{field}" for name, fields in self.fields.items() for field in fields)
        return [*NAMES, *map(word_of, self.columns), *fields]


def check(source: Source, known: Known) -> list[Problem]:
    """Return everything that is wrong with the placeholders of a piece (L2…), not only
    the first.
    """
    try:
        tree = parsed(source)
    except jinja2.TemplateSyntaxError as error:
        return [_wrongly_written(source, error)]
    except (RecursionError, ValueError, SyntaxError, OverflowError, MemoryError):
        return [
            source.problem("L202", "this is nested too deeply, or a number in it is too long", 1)
        ]
    try:
        found = list(_walk(tree, source, known))
        if not found:
            compiled(source)  # some limits are those of Python's own compiler
    except (RecursionError, SyntaxError, MemoryError):
        return [
            source.problem(
                "L202", "this is nested too deeply, or asks too many questions in a row", 1
            )
        ]
    if odd := _read_otherwise(source.text):
        at = max(0, source.text.find(odd))
        found.append(source.at("L202", _TOO_ODD, at, odd[:40], _SYNTAX))
    return found


_TOO_ODD = "this is too long, or a mark of a placeholder stands within another"


def _read_otherwise(text: str) -> str:
    """Return the first mark that Jinja2 reads otherwise than `JINJA` does, "" if there is none: it
    is quoted (`"%}"`, `raw`), or longer than that.
    """
    marks, mark = [], ""
    for _, kind, value in ENVIRONMENT.lex(text):
        if kind == "raw_begin":
            return value.strip()
        mark += value if mark or kind.endswith("_begin") else ""
        if kind.endswith("_end"):
            marks.append(mark.strip())
            mark = ""
    seen = [one[0] for one in JINJA.finditer(text)]
    return next((b or a for a, b in zip_longest(seen, marks, fillvalue="") if a != b), "")


def _wrongly_written(source: Source, error: jinja2.TemplateSyntaxError) -> Problem:
    """Word a mistake of writing. What is never closed is shown where it opens: Jinja2 finds it
    where the text ends.
    """
    open_ifs: list[re.Match[str]] = []
    for mark in _MARKS.finditer(source.text):
        if not mark["closed"]:
            return source.at(
                "L201", "this is opened here and never closed", mark.start(), mark["open"], _SYNTAX
            )
        if mark["word"] == "if":
            open_ifs.append(mark)
        elif mark["word"] == "endif" and open_ifs:
            open_ifs.pop()
    if open_ifs:
        hint = "write {% endif %} where it ends"
        return source.at("L201", "this question has no end", open_ifs[0].start(), "{% if", hint)
    message = f"this is written wrongly: {error.message}"
    lines = source.text.split("\n")
    before = sum(len(line) + 1 for line in lines[: error.lineno - 1])
    tag = _MARKS.search(source.text, before)
    slip = next((one for one in _SLIPS.finditer(source.text) if one.end() > before), None)
    if slip and tag and tag.start() <= slip.start("sign") < tag.end():
        straight = slip["sign"] != "="
        why = "quotes must be straight here" if straight else "one = asks nothing"
        hint = 'write "chair", with the plain sign' if straight else 'write two: role == "chair"'
        return source.at("L201", why, slip.start("sign"), slip["sign"], hint)
    return source.at(
        "L201", message, tag.start() if tag else before, tag[0][:40] if tag else "", _SYNTAX
    )


_MARKS = re.compile(
    r"(?P<open>\{\{|\{%)-?\s*(?P<word>\w*)(?:(?!\{\{|\{%)[^\0])*?(?P<closed>[-%}]\})?(?(closed)|(?=\{\{|\{%|\Z))"
)


def blanked(text: str) -> str:
    """Put blanks in the place of placeholders and questions: everything else stays where it is."""
    return JINJA.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


JINJA = re.compile(r"\{\{.{0,1000}?\}\}|\{%.{0,1000}?%\}|\{#.{0,1000}?#\}", re.DOTALL)
"""Bounded: a text of nothing but "{{" would take the square of its length."""


@lru_cache(maxsize=64)  # each check of a piece asks for it
def parsed(source: Source) -> nodes.Template:
    """Return the tree of a piece, to look at."""
    return ENVIRONMENT.parse(source.text)


@lru_cache(maxsize=256)
def compiled(source: Source) -> jinja2.Template:
    """Compile a piece that `check` has found in order."""
    return ENVIRONMENT.from_string(parsed(source))


@lru_cache(maxsize=64)  # several checks of a piece ask for it
def words_used(source: Source) -> frozenset[str]:
    """Return the placeholders that a piece names, in print or in a question: `session.opens`,
    `greeting`.
    """
    try:
        tree = parsed(source)
    except (jinja2.TemplateSyntaxError, RecursionError):
        return frozenset()  # `check` says so, with its line
    used = {node.name for node in tree.find_all(nodes.Name)}
    used |= {
        f"{node.node.name}.{node.attr}"
        for node in tree.find_all(nodes.Getattr)
        if isinstance(node.node, nodes.Name)
    }
    return frozenset(used)


_SLIPS = re.compile(
    r"\{[{%][^}\n]{0,200}?(?P<sign>[“”„‟«»‘’‚]|(?<![=!<>])=(?!=))[^}\n]{0,200}?[%}]\}"
)
"""What a word processor makes of quotation marks, and one sign in place of two."""
_SYNTAX = "a placeholder is {{ word }}, a question is {% if word %} … {% else %} … {% endif %}"
ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Const, nodes.If, nodes.CondExpr,
    nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.List, nodes.Tuple,
)  # fmt: skip
_REFUSED: dict[type[nodes.Node], str] = {
    nodes.Call: "a letter cannot call anything",
    nodes.For: "a letter cannot repeat anything",
    nodes.Include: "a letter stands in one file",
    nodes.Import: "a letter stands in one file",
    nodes.FromImport: "a letter stands in one file",
    nodes.Extends: "a letter stands in one file",
    nodes.Concat: "a letter joins nothing: write {{ one }} {{ other }}",
    nodes.BinExpr: "a letter cannot calculate",
    nodes.UnaryExpr: "a letter cannot calculate",
}


def _walk(node: nodes.Node, source: Source, known: Known) -> Iterator[Problem]:
    children: Iterable[nodes.Node] = node.iter_child_nodes()
    if isinstance(node, nodes.Name):
        yield from _name(node, source, known)
    elif isinstance(node, nodes.Getattr | nodes.Getitem):
        yield from _field(node, source, known)
        children = ()
    elif isinstance(node, nodes.Filter | nodes.Test):
        there_are, kind = (FILTERS, "filter") if isinstance(node, nodes.Filter) else (TESTS, "test")
        if node.name not in there_are:
            hint = f"there are {', '.join(there_are)}"
            yield source.problem(
                "L204", f"there is no such {kind}", node.lineno, find=node.name, hint=hint
            )
        elif kind == "filter" and any(name.name == "role" for name in node.find_all(nodes.Name)):
            hint = 'write {{ role }}, or {% if role == "chair" %} … {% endif %}'
            yield source.problem(
                "L204", "no filter can stand behind this word", node.lineno, find="role", hint=hint
            )
    elif not isinstance(node, ALLOWED):
        why = next(
            (text for kind, text in _REFUSED.items() if isinstance(node, kind)),
            "a letter cannot use this",
        )
        yield source.problem(
            "L202", why, node.lineno, hint="letters have words, filters and {% if … %}"
        )
        return
    for child in children:
        yield from _walk(child, source, known)


def _name(node: nodes.Name, source: Source, known: Known) -> Iterator[Problem]:
    if reason := known.absent.get(node.name):
        yield source.problem("L205", reason, node.lineno, find=node.name)
    elif node.name in known.fields or node.name == "extra":
        fields = list(known.fields.get(node.name, ()))
        hint = (
            f"write {node.name}.{fields[0]}"
            if fields
            else 'write extra["…"] with the heading of a column'
        )
        yield source.problem(
            "L203", "this word alone says nothing", node.lineno, find=node.name, hint=hint
        )
    elif node.name not in NAMES and node.name not in map(word_of, known.columns):
        yield _unknown(source, node.lineno, node.name, known.every)


def _field(node: nodes.Getattr | nodes.Getitem, source: Source, known: Known) -> Iterator[Problem]:
    owner = node.node.name if isinstance(node.node, nodes.Name) else ""
    key = node.attr if isinstance(node, nodes.Getattr) else getattr(node.arg, "value", None)
    if reason := known.absent.get(owner):
        yield source.problem("L205", reason, node.lineno, find=owner)
    elif owner == "extra" and isinstance(key, str):
        if key not in known.columns:
            close = nearest(key, known.columns)
            hint = f'did you mean extra["{close}"]?' if close else "no sheet has such a heading"
            yield source.problem(
                "L203", "no sheet has a column of this name", node.lineno, find=key, hint=hint
            )
    elif owner in known.fields:
        if key not in known.fields[owner]:
            yield _unknown(
                source,
                node.lineno,
                f"{owner}.{key}",
                [f"{owner}.{field}" for field in known.fields[owner]],
            )
    elif owner:
        hint = f"write {owner} alone" if owner in NAMES else _close(owner, known.every)
        yield source.problem(
            "L203", "this word has no parts", node.lineno, find=f"{owner}.{key}", hint=hint
        )
    else:
        yield source.problem("L202", "a letter cannot use this", node.lineno)


def _unknown(source: Source, line: int, word: str, every: Iterable[str]) -> Problem:
    return source.problem(
        "L203", "there is no such placeholder", line, find=word, hint=_close(word, every)
    )


def _close(word: str, every: Iterable[str]) -> str:
    close = nearest(word, every)
    return f'did you mean "{close}"?' if close else "mailer letters words lists all there are"


def place_of(error: BaseException, source: Source) -> Problem:
    """Word an error that arose while a letter was being filled in, at the line of the letter."""
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    word = error.word if isinstance(error, Unprintable) else ""
    message = error.message if isinstance(error, Unprintable) else str(error)
    return source.problem("L301", message, line, find=word)
