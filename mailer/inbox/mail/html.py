"""HTML → the text that a person would read: nothing is loaded, nothing is run, quoted text is
marked with `> `.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

_SILENT = frozenset(("style", "script", "head", "title", "noscript", "template"))
_BREAKS = frozenset(
    (
        "p",
        "div",
        "br",
        "tr",
        "li",
        "table",
        "ul",
        "ol",
        "h1",
        "h2",
        "h3",
        "h4",
        "hr",
        "blockquote",
        "pre",
        "dt",
        "dd",
    )
)
DEEP = 20


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = [""]
        self.silent = 0
        self.quoted = 0
        self.link = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self.silent += 1
        if tag in _BREAKS:
            self._break()
        if tag == "hr":
            self.lines[-1] += "_" * 32
            self._break()
        if tag == "blockquote":
            self.quoted += 1
            self._mark()
        if tag == "a":
            self.link = dict(attrs).get("href") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT and self.silent:
            self.silent -= 1
        if tag == "head":  # whoever forgot to close a title still has a body
            self.silent = 0
        if tag == "blockquote" and self.quoted:
            self.quoted -= 1
            self._break()
            self._mark()
        elif tag in _BREAKS:
            self._break()
        if (
            tag == "a"
            and self.link.startswith(("http:", "https:"))
            and self.link not in self.lines[-1]
        ):
            self.lines[-1] += f" <{self.link[:300]}>"
            self.link = ""

    def handle_data(self, data: str) -> None:
        if not self.silent:
            words = re.sub(r"[ \t\r\n\f]+", " ", data)
            line = self.lines[-1]
            self.lines[-1] = line + (
                words.lstrip() if not line or line.endswith((" ", "> ")) else words
            )

    def _break(self) -> None:
        self.lines.append("> " * min(self.quoted, DEEP))

    def _mark(self) -> None:
        self.lines[-1] = "> " * min(self.quoted, DEEP)


def as_text(html: str) -> str:
    """Return the text of an HTML page, as far as it can be read."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    text = "\n".join(line.rstrip() if line.strip(" >") else "" for line in reader.lines)
    return re.sub(r"\n{3,}", "\n\n", text.replace("\xa0", " ")).strip("\n")
