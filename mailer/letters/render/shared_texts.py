"""Texts that the letters of an appeal share: the footer, the signature, and the paragraphs for one
delegation.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources

from mailer.letters.appeal import Appeal
from mailer.letters.placeholders import (
    Source,
)


@lru_cache(maxsize=64)
def _package_footer(language: str) -> Source:
    folder = resources.files("mailer.letters.wording").joinpath("footers")
    found = language if folder.joinpath(f"footer.{language}.md").is_file() else "en"
    text = folder.joinpath(f"footer.{found}.md").read_text(encoding="utf-8")
    return Source(text, f"footer.{found}.md of the package", 1, found)


def footer_of(appeal: Appeal, language: str) -> Source:
    """Return the workspace's own footer in this language, else the package's, else the
    English one.
    """
    own = appeal.pieces.get(f"footer.{language}")
    if own is None:
        package = _package_footer(language)
        if package.language == language or (own := appeal.pieces.get("footer.en")) is None:
            return package
    return Source(own.text, own.file, 1, own.language)


def put_in(appeal: Appeal, language: str) -> dict[str, Source]:
    """Return the signature, and the paragraphs by delegation, that letters in this
    language put in.
    """
    return {
        name.removeprefix("for/").removesuffix(f".{language}"): Source(
            piece.text.strip("\n"), piece.file, 1, language
        )
        for name, piece in appeal.pieces.items()
        if piece.language == language and not name.startswith("footer.")
    }
