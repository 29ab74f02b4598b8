"""What the HTML of a letter may hold: nothing that a reader's program fetches or runs.

The finished HTML is parsed as a browser parses it, and each element, attribute and declaration of
CSS must stand in a list; what stands in none is a fault, whatever it does. A picture must be one of
the message itself. Outlook reads comments that begin with `[if`, so what is in them is judged, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import tinycss2
from selectolax.lexbor import LexborHTMLParser

ELEMENTS = {
    "html", "head", "meta", "title", "style", "body", "main", "header", "footer", "section",
    "article", "address", "div", "span", "p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol",
    "li", "dl", "dt", "dd", "blockquote", "pre", "code", "em", "strong", "b", "i", "u", "s",
    "small", "sub", "sup", "abbr", "q", "cite", "br", "hr", "a", "img", "table", "caption",
    "colgroup", "col", "thead", "tbody", "tfoot", "tr", "th", "td", "center", "font",
}  # fmt: skip
FOR_OUTLOOK = {
    "xml", "o:officedocumentsettings", "o:allowpng", "o:pixelsperinch", "w:worddocument",
    "w:donotoptimizeforbrowser",
}  # fmt: skip
"""Settings of Outlook for Windows: they stand in its comments only, and without attributes."""
ATTRIBUTES = {
    "lang", "dir", "title", "class", "id", "role", "style", "align", "valign", "width",
    "height", "bgcolor", "border", "cellpadding", "cellspacing", "colspan", "rowspan", "scope",
    "abbr", "start", "value", "type", "alt", "name", "charset", "content", "color", "face",
    "size", "rel", "target", "xmlns", "xmlns:o", "xmlns:v", "xmlns:w",
}  # fmt: skip
METAS = {
    "viewport", "color-scheme", "supported-color-schemes", "format-detection",
    "x-apple-disable-message-reformatting",
}  # fmt: skip
PROPERTIES = re.compile(
    r"-?(?:color|color-scheme|background|background-color|width|height|display|direction|float|clear"
    r"|opacity|visibility|overflow(?:-[xy]|-wrap)?|hyphens|quotes|line-height|vertical-align"
    r"|box-sizing|table-layout|caption-side|letter-spacing|word-spacing|word-break|word-wrap"
    r"|white-space|unicode-bidi|(?:min|max)-(?:width|height)|(?:margin|padding|border|outline)(?:-\w+)*"
    r"|(?:font|text|page-break|break)(?:-\w+)*|list-style(?:-type|-position)?|orphans|widows"
    r"|(?:webkit|ms)-text-size-adjust|(?:webkit-)?hyphens|mso-[\w-]+)",
)
FUNCTIONS = {"rgb", "rgba", "hsl", "hsla", "calc"}

_PICTURE = re.compile(r"cid:[0-9a-f]{24}@letter")
_LINK = re.compile(r"(?:https://|mailto:)\S+", re.IGNORECASE)
_COMMENT = re.compile(r"<!--(?:-?>|.*?(?:--!?>|\Z))", re.DOTALL)
_NAME = re.compile(r"<([a-zA-Z][^\s/>]*)")
_CONDITION = re.compile(r"\[if[^\]<>]*\]>?|<!\[endif\]\Z")


def faults(html: str) -> list[str]:
    """Return what stands in an HTML document that is in no list, as it stands there; none is
    right.
    """
    found = dict.fromkeys(_of(LexborHTMLParser(html), html))
    # what this parser throws away, another may show
    tags = {tag.lower() for tag in _NAME.findall(_COMMENT.sub("", html))}
    return [*found, *(f"<{tag}" for tag in tags - ELEMENTS if f"<{tag}" not in found)]


def _of(page: LexborHTMLParser, html: str = "") -> Iterator[str]:
    """Judge a document; `html` is "" for what stands in a comment that Outlook reads."""
    comments = 0
    for node in page.root.traverse(include_text=False) if page.root else ():
        name = node.tag or ""
        if node.is_comment_node:
            comments += 1
            yield from _comment(node.comment_content or "") if html else ["<!--"]
            continue
        if name in FOR_OUTLOOK and not html and not node.attributes:
            continue
        if name not in ELEMENTS:
            yield f"<{name}"
            continue
        if name == "style":
            yield from _style_sheet(node.text(deep=True))
        for attribute, value in node.attributes.items():
            if not _may(name, attribute, value or ""):
                yield f"{attribute}={value}"
            elif attribute == "style":
                yield from _declarations(value or "")
        if name == "meta" and node.attributes.get("name", "viewport") not in METAS:
            yield f"<meta name={node.attributes['name']}"
    if html and comments != len(_COMMENT.findall(html)):
        yield "<!--"  # outside of the page, where no parser shows it and Outlook may read it


def _may(element: str, attribute: str, value: str) -> bool:
    if attribute == "href":
        return element == "a" and bool(_LINK.fullmatch(value))
    if attribute == "src":
        return element == "img" and bool(_PICTURE.fullmatch(value))
    return attribute in ATTRIBUTES or attribute.startswith("aria-")


@lru_cache(maxsize=64)
def _comment(content: str) -> Sequence[str]:
    if not content.startswith(("[if", "<![endif]")):
        return [f"<!--{content}"]
    inside = _CONDITION.sub("", content).removesuffix("<!")
    found = list(_of(LexborHTMLParser(f"<!DOCTYPE html><body>{inside}")))
    for name, rest in _TAG.findall(inside):  # a parser throws single pieces of a table away
        if name.lower() not in ELEMENTS | FOR_OUTLOOK:
            found.append(f"<{name}")
        elif name.lower() not in ("a", "img", "meta"):
            found += _of(LexborHTMLParser(f"<!DOCTYPE html><body><div {rest.strip('/ ')}></div>"))
    return found


_TAG = re.compile(r"<([a-z][^\s/>]*)((?:[^>\"']|\"[^\"]*\"|'[^']*')*)>", re.IGNORECASE)


@lru_cache(maxsize=64)
def _style_sheet(text: str) -> Sequence[str]:
    return list(_rules(tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True)))


def _rules(rules: Sequence[Any]) -> Iterator[str]:
    for rule in rules:
        if rule.type == "qualified-rule":
            yield from _block(rule.content)
        elif rule.type == "at-rule" and rule.lower_at_keyword == "media" and rule.content:
            yield from _values(rule.prelude)
            yield from _rules(tinycss2.parse_rule_list(rule.content, True, True))
        else:
            yield rule.serialize() if rule.type == "at-rule" else "<style"


@lru_cache(maxsize=512)
def _declarations(text: str) -> Sequence[str]:
    return list(_block(text))


def _block(content: Any) -> Iterator[str]:
    for one in tinycss2.parse_blocks_contents(content, True, True):
        if one.type == "declaration" and PROPERTIES.fullmatch(one.lower_name):
            yield from _values(one.value)
        else:
            yield one.serialize() if one.type != "error" else "style="


def _values(tokens: Sequence[Any]) -> Iterator[str]:
    for token in tokens:
        if token.type in ("url", "error", "at-keyword", "{} block", "[] block"):
            yield token.serialize() if token.type != "error" else "url("
        elif token.type == "function":
            if token.lower_name not in FUNCTIONS:
                yield token.serialize()
            yield from _values(token.arguments)
        elif token.type == "() block":
            yield from _values(token.content)
