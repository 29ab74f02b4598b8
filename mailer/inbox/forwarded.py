"""Messages from files: an .eml, a folder of them, a Maildir, or an mbox. Read only.

One message at a time is in memory; what cannot be opened is named, and the others are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mailer.base.errors import UsageError

LARGEST = 64_000_000
"""Bytes of one message: what a mail server takes, and more."""


def messages_in(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of every message of a file or folder."""
    if path.is_dir():
        for one in _files(path):
            yield one.relative_to(path).as_posix(), _bytes(one)
    elif _is_mbox(path):
        for number, raw in enumerate(_mbox(path), 1):
            yield f"{path.name}#{number}", raw
    else:
        yield path.name, _bytes(path)


def _files(folder: Path) -> list[Path]:
    if (folder / "cur").is_dir() and (folder / "new").is_dir():  # Maildir
        return [
            one
            for part in ("cur", "new")
            for one in sorted((folder / part).iterdir())
            if one.is_file()
        ]
    files = sorted(one for one in folder.iterdir() if one.is_file() and one.name[:1] != ".")
    return [one for one in files if one.suffix.casefold() == ".eml"] or files


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST)
    except OSError as fault:
        raise UsageError(f"{path} cannot be read: {fault.strerror}") from None


def _is_mbox(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(5) == b"From "


def _mbox(path: Path) -> Iterator[bytes]:
    """Read an mbox (RFC 4155): a line that begins with `From ` after a blank one begins a message,
    and `>From ` was `From `.
    """
    lines: list[bytes] = []
    blank, begun = True, False
    with path.open("rb") as file:
        for line in file:
            if blank and line.startswith(b"From "):
                if begun:
                    yield b"".join(lines)
                lines, begun = [], True
                continue
            if line.lstrip(b">").startswith(b"From ") and line.startswith(b">"):
                line = line[1:]  # noqa: PLW2901
            blank = not line.strip()
            lines.append(line)
    if begun:
        yield b"".join(lines)
