"""The page around a letter: that of the package, or the workspace's own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib import resources

import css_inline
import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from mailer.base.errors import Problem
from mailer.base.problems import problem
from mailer.contacts import limited_process
from mailer.letters import placeholders
from mailer.letters.message.allowed import faults


def check(source: str, file: str) -> list[Problem]:
    """Return what a workspace's own page must not hold, or lacks (L161): nothing is fetched,
    nothing runs.
    """
    found = []

    def wrong(message: str, value: str, at: int, hint: str) -> None:
        row = source.count("\n", 0, max(0, at)) + 1
        found.append(problem("L161", file, row=row, value=value, message=message, suggestion=hint))

    for word in ("language", "subject", "preview", "body", "footer"):
        if not re.search(rf"\{{\{{-? *{word} *-?\}}\}}", source):
            wrong(
                "this must stand in the page",
                f"{{{{ {word} }}}}",
                0,
                "begin with a copy of the page of the package",
            )
    try:
        nodes = list(placeholders.ENVIRONMENT.parse(source).find_all(jinja2.nodes.Node))
    except (jinja2.TemplateError, RecursionError, ValueError, OverflowError) as error:
        wrong(
            f"this is written wrongly: {error}",
            "",
            0,
            "begin with a copy of the page of the package",
        )
        return found
    for node in nodes:
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
            return found  # what stands within it would be told again
    function = f"{__name__}:{fetched.__name__}"
    try:
        shown = limited_process.ask(
            function, source.encode(), (), seconds=SECONDS, memory=1_000_000_000
        )
    except limited_process.GivenUp:  # libraries fall over tags that stand too deep in each other
        wrong("this takes too long to read: too many tags", "", 0, "write it in fewer tags")
        return found
    for fault in shown:
        if fault == TOO_DEEP:
            wrong(TOO_DEEP, "", 0, "ask fewer of them")
            return found
        head = re.match(r"<?[\w:-]+", fault)
        at = source.lower().find(head[0].lower() if head else fault)
        wrong("a page of a letter fetches nothing and runs nothing", fault[:40], at, "take it out")
    return found


SECONDS = 20
TOO_DEEP = "too many questions stand within another"


def fetched(source: bytes) -> Iterator[str]:
    """Yield what the finished page holds and must not, with and without all that it asks for. It is
    called in a child: a page that is too much for the libraries ends that, and nothing else.
    """
    try:
        found = _fetched(source.decode())
        inliner().inline(source.decode())
    except (SyntaxError, RecursionError, MemoryError):  # some limits are those of the compiler
        found = {TOO_DEEP: None}
    yield from found


def _fetched(source: str) -> dict[str, None]:
    words = {"subject": "Subject", "body": "<p>Text</p>", "footer": "<p>Footer</p>"}
    return dict.fromkeys(
        fault
        for preview in ("", "Preview")
        for head in ("", "Letterhead")
        for other in ("en", "fr")
        for fault in faults(
            layout(source).render(
                words, language="en", preview=preview, letterhead=head, footer_language=other
            )
        )
    )


PAGE_WORDS = (
    "language",
    "subject",
    "preview",
    "letterhead",
    "body",
    "footer",
    "footer_language",
)


@lru_cache(maxsize=4)
def layout(own: str) -> jinja2.Template:
    source = own or resources.files("mailer.letters.markup").joinpath("layout.html").read_text(
        encoding="utf-8"
    )
    return ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined).from_string(
        source
    )  # its values come escaped


@lru_cache(maxsize=1)
def inliner() -> css_inline.CSSInliner:
    return css_inline.CSSInliner(
        load_remote_stylesheets=False, keep_style_tags=False, keep_at_rules=True
    )
