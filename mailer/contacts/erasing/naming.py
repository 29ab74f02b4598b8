"""By what somebody is known, and whether a text, a message or a file names them.

A name is found with its words in their order, wherever the surname stands, without case and
accents; a surname alone names nobody. What cannot be read names nobody either, and is told apart.
"""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from functools import cached_property
from html import unescape
from pathlib import Path

from mailer.base.address import key_of
from mailer.base.spelling import UMLAUTS, Called, tokens

LARGEST = 100_000_000  # bytes of a file, and of what an archive unpacks to


@dataclass(frozen=True)
class Naming:
    """The names and addresses of one person."""

    names: frozenset[str]
    addresses: frozenset[str]

    @staticmethod
    def of(people: Iterable[Called], written: str = "") -> Naming:
        """Return by what these rows know one person; `written` is what was typed."""
        people = list(people)
        names = {one.name for one in people if one.name}
        addresses = {one.address for one in people if one.address}
        if "@" in written:
            addresses.add(written.strip())
        elif written:
            names.add(written)
        return Naming(frozenset(names), frozenset(addresses))

    @cached_property
    def _keys(self) -> frozenset[str]:
        return frozenset(map(key_of, self.addresses))

    @cached_property
    def _written(self) -> tuple[str, ...]:
        return tuple({spelt.casefold() for one in self.addresses for spelt in (one, key_of(one))})

    @cached_property
    def _orders(self) -> tuple[str, ...]:
        found = set()
        for name in self.names:
            for words in {tokens(name), tokens(name.translate(UMLAUTS))}:
                if len(words) > 1:
                    turns = (words[at:] + words[:at] for at in range(len(words)))
                    found |= {f" {' '.join(turn)} " for turn in turns}
        return tuple(found)

    @cached_property
    def _whole(self) -> frozenset[tuple[str, ...]]:
        return frozenset(tuple(sorted(tokens(name))) for name in self.names) - {()}

    def is_(self, one: Called) -> bool:
        """Tell whether a row is this person's, by its address or its whole name."""
        by_address = bool(one.address) and one.address_key in self._keys
        return by_address or tuple(sorted(tokens(one.name))) in self._whole

    def in_text(self, text: str) -> bool:
        """Tell whether a text names them."""
        folded = text.casefold()
        if any(address in folded for address in self._written):
            return True
        if not self._orders:
            return False
        for one in (text, text.replace(".", " ")):  # anna.berg.pdf
            words = f" {' '.join(tokens(one))} "
            if any(order in words for order in self._orders):
                return True
        return False

    def without(self, text: str) -> str:
        """Return a text without the lines that name them."""
        if not self.in_text(text):
            return text
        kept = [line for line in text.splitlines() if not self.in_text(line)]
        left = "\n".join(kept)
        return "" if self.in_text(left) else left

    def in_message(self, data: bytes) -> bool:
        """Tell whether a message names them, in a header, a text or the name of a file."""
        return any(map(self.in_text, texts_of_message(data)))

    def in_file(self, path: Path) -> bool | None:
        """Tell whether a file names them, in its name or inside; None where it cannot be read."""
        if self.in_text(path.name):
            return True
        try:
            if path.stat().st_size > LARGEST:
                return None
            data = path.read_bytes()
            return any(map(self.in_text, texts_of_file(path.suffix.lower(), data)))
        except (OSError, ValueError, LookupError, zipfile.BadZipFile):
            return None


def texts_of_message(data: bytes) -> Iterator[str]:
    """Yield the headers of a message and of what is in it, and every text, decoded."""
    for part in message_from_bytes(data, policy=policy.default).walk():
        for name, value in part.raw_items():
            with contextlib.suppress(Exception):  # any header that somebody else made
                yield f"{name}: {part.get(name) or value}"
            yield f"{name}: {value}"
        if not part.is_multipart():
            content = part.get_payload(decode=True)
            if isinstance(content, bytes):
                yield unescape(content.decode(_charset(part.get_content_charset()), "replace"))


def _charset(name: str | None) -> str:
    try:
        "".encode(name or "utf-8")
    except LookupError:
        return "utf-8"
    return name or "utf-8"


def texts_of_file(suffix: str, data: bytes) -> Iterator[str]:
    """Yield the texts of a file. Raises ValueError, LookupError or BadZipFile for what cannot be
    read.
    """
    if suffix == ".eml":
        yield from texts_of_message(data)
    elif data.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(info.file_size for info in archive.infolist()) > LARGEST:
                raise ValueError("too large")
            for info in archive.infolist():
                yield info.filename
                yield unescape(archive.read(info).decode("utf-8", "replace"))
    elif data.startswith(b"%PDF"):
        yield from _texts_of_pdf(data)
    elif data.startswith((b"\xff\xfe", b"\xfe\xff")):
        yield data.decode("utf-16", "replace")
    else:
        yield unescape(data.decode("utf-8", "replace"))
        if b"\xff" not in data[:1] and not data.isascii():
            yield unescape(data.decode("cp1252", "replace"))


def _texts_of_pdf(data: bytes) -> Iterator[str]:
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        for page in PdfReader(io.BytesIO(data)).pages:
            yield page.extract_text()
    except PyPdfError as fault:
        raise ValueError(str(fault)) from fault
