"""The formal letter: one person's letter as a tagged PDF (PDF/UA-1) on a letterhead.

It is set by Typst from the same Markdown as the body of the mail; the words go in as data and are
never read as markup, so that no name can become a command. The same words make the same bytes: no
clock and no font of this computer goes in. The fonts are DejaVu Serif, with Latin, Greek, Cyrillic,
Georgian and Armenian; a letter that needs others is refused when it is planned.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from markdown_it.tree import SyntaxTreeNode

from mailer.base.errors import MailerError
from mailer.letters.wording.typography import polished
from mailer.letters.wording.words import written_date

if TYPE_CHECKING:
    from markdown_it.token import Token

_FOLDER = resources.files("mailer.letters.formal")


@dataclass(frozen=True, slots=True)
class FormalLetter:
    """One person's letter for paper, and the short mail that it goes with."""

    data: str = field(repr=False)  # JSON, what the page sets
    text: str = field(repr=False)  # of the mail
    html: str = field(repr=False)


def words(language: str) -> dict[str, str]:
    """Return what a formal letter says by itself, in this language; empty without words for it."""
    return _words().get(language, {})


@lru_cache(maxsize=1)
def _words() -> dict[str, dict[str, str]]:
    return tomllib.loads(_FOLDER.joinpath("words.toml").read_text(encoding="utf-8"))


def head(
    language: str,
    *,
    letterhead: str,
    logos: Sequence[tuple[str, str]],  # file in the workspace, organisation
    place: str,
    day: date | None,
    name: str,
    of_delegation: str,
    subject: str,
    sender: str,
) -> dict[str, Any]:
    """Return what stands above the text: who writes, where and when, to whom, about what."""
    said = words(language)
    when = written_date(day, language) if day else ""
    both = said["place"].format(place=place, day=when) if place and when else ""
    return {
        "language": language,
        "letterhead": letterhead,
        "logos": [{"file": file, "alt": name} for file, name in logos],
        "place": both or place or when,
        "addressee": [name, said["of"].format(of=of_delegation), said["assembly"]],
        "subject": polished(subject, language),
        "sender": sender,
    }


def whole(above: dict[str, Any], parts: str) -> str:
    """Join head and text of one letter; `parts` is JSON."""
    return f'{json.dumps(above, ensure_ascii=False)[:-1]}, "parts": {parts}}}'


def parts_of(tokens: Sequence[Token], folder: str) -> list[dict[str, Any]]:
    """Return a parsed text as the data that the page sets; pictures stand in `folder`."""
    return [part for node in SyntaxTreeNode(tokens).children for part in _block(node, folder)]


def pdf(letters: Sequence[str], root: Path, page: bytes = b"") -> bytes:
    """Set letters, each a JSON object as the page wants it, in one file. Raises `MailerError`.

    `root` is the workspace, in which the pictures stand; `page` is another one than the letter's.
    """
    import typst

    source = page or _FOLDER.joinpath("page.typ").read_bytes()
    try:
        made, warnings = _compiler(root).compile_with_warnings(
            input=source,
            format="pdf",
            sys_inputs={"letters": f"[{','.join(letters)}]"},
            pdf_standards=["ua-1"],
        )
    except typst.TypstError as error:
        raise MailerError(f"The formal letter cannot be set: {error}") from None
    if warnings:
        raise MailerError(f"The formal letter cannot be set: {warnings[0]}")
    assert isinstance(made, bytes)
    return made


@lru_cache(maxsize=4)
def _compiler(root: Path) -> Any:
    import typst

    with resources.as_file(_FOLDER.joinpath("fonts")) as fonts:
        make: Any = typst.Compiler  # its stubs know no bytes with fonts
        return make(
            _FOLDER.joinpath("page.typ").read_bytes(),
            root=root,
            font_paths=[fonts],
            ignore_system_fonts=True,
        )


def _block(node: SyntaxTreeNode, folder: str) -> list[dict[str, Any]]:
    def inside(one: SyntaxTreeNode) -> list[dict[str, Any]]:
        return [part for child in one.children for part in _block(child, folder)]

    if node.type in ("paragraph", "heading"):
        runs = [run for child in node.children for run in _runs(child, folder)]
        return [{"kind": node.type, "runs": runs}]
    if node.type == "bullet_list":
        return [{"kind": "list", "items": [inside(item) for item in node.children]}]
    if node.type == "ordered_list":
        first = int(node.attrs.get("start", 1))
        numbers = [
            int(item.attrs.get("value", first + at)) for at, item in enumerate(node.children)
        ]
        items = [inside(item) for item in node.children]
        return [{"kind": "numbers", "items": items, "numbers": numbers}]
    if node.type == "blockquote":
        return [{"kind": "quote", "parts": inside(node)}]
    if node.type in ("fence", "code_block"):
        runs = [{"kind": "text", "text": node.content.rstrip("\n")}]
        return [{"kind": "paragraph", "runs": runs}]
    if node.type == "table":
        rows = [row.children for part in node.children for row in part.children]
        cells = [_runs(cell, folder) for row in rows for cell in row]
        return [{"kind": "table", "columns": len(rows[0]), "cells": cells}]
    return [{"kind": "rule"}] if node.type == "hr" else []


def _runs(node: SyntaxTreeNode, folder: str) -> list[dict[str, Any]]:
    if node.type in ("text", "code_inline"):
        return [{"kind": "text", "text": node.content}]
    if node.type == "softbreak":
        return [{"kind": "text", "text": " "}]
    if node.type == "hardbreak":
        return [{"kind": "break"}]
    if node.type == "image":
        width = int(node.attrs.get("width", 0))
        file = f"/{folder}/{unquote(str(node.attrs['src']))}"
        return [{"kind": "picture", "file": file, "alt": node.content, "width": width}]
    runs = [run for child in node.children for run in _runs(child, folder)]
    if node.type == "link":
        return [{"kind": "link", "to": str(node.attrs["href"]), "runs": runs}]
    kind = {"em": "emph", "strong": "strong"}.get(node.type)
    return [{"kind": kind, "runs": runs}] if kind else runs


def as_json(text: str) -> str:
    """Write a value as it stands between the quotes of JSON."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
