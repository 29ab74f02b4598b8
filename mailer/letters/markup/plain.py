"""The plain twin: the same parse as the HTML, as lines of text that can be read as they stand."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote

from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from mailer.letters.placeholders import SLOT


def lines_of(tokens: Sequence[Token]) -> list[str]:
    """Return the lines of a parsed text, slots in place of values."""
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
        lines: list[str] = []
        for item in node.children:
            mark = "- " if node.type == "bullet_list" else f"{int(item.info)}. "
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
        if node.markup == "autolink":
            return inside
        address = href[7:] if href[:7].lower() == "mailto:" else href
        return (
            inside
            if inside in (href, address) or inside == unquote(href)
            else f"{inside} ({address})"
        )
    return inside
